"""What the board plays: a world, a size of file, the practices set against each other, and the effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from audits.simulation.approved_only import ApprovedOnly
from audits.simulation.intersections import Intersections
from audits.simulation.many_groups import ManyGroups
from audits.simulation.noisy_groups import NoisyGroups
from audits.simulation.proxy import Proxy
from audits.simulation.repeated import Repeated
from audits.simulation.strata import Strata
from audits.simulation.true_risk import TrueRisk
from audits.simulation.world import World, effect_for
from tests.truth.board import practices as by
from tests.truth.board.bands import COVERAGE, FAMILY_COVERAGE, SMALL_COVERAGE, Target

MULTIPLES = {"half of it": 0.5, "detectable effect": 1.0, "1.5 times it": 1.5}
FAIR, AT_LIMIT = "fair twin", "at the limit"
NAIVE, OURS = "customary", "ours"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``practices`` maps a name to (who uses it, how). ``multiplicity`` is the number of comparisons corrected for,
    ``covered`` the entry of the world's truth that our interval is for, ``coverage`` its target, ``powered`` whether
    the detectable effect is known by a formula, ``note`` what a reader must know beside the figures.
    """

    world: World
    rows: int
    practices: Mapping[str, tuple[str, by.Practice]]
    replicates: int = 5000
    multiplicity: int = 1
    covered: str | None = None
    coverage: Target = COVERAGE
    powered: bool = True
    note: str = ""
    title: str = ""
    quick: int = field(default=400)

    @property
    def name(self) -> str:
        """Code and name of the world, with what is special about the scenario."""
        return f"{self.world.code} {self.world.name}" + (f", {self.title}" if self.title else "")

    def effects(self) -> dict[str, float]:
        """The effects played: none, multiples of the detectable gap, and the one whose gap is the limit."""
        played = {FAIR: 0.0}
        if self.powered:
            detectable = detectable_gap(self)
            played |= {name: effect_for(self.world, multiple * detectable) for name, multiple in MULTIPLES.items()}
        return {**played, AT_LIMIT: effect_for(self.world, by.LIMIT)}


def detectable_gap(scenario: Scenario) -> float:
    """Smallest gap found with power .8: z of the corrected level times the error that the test uses, plus z of .8
    times the error that the estimate has, both known from the world at that gap (solved by repetition).
    """
    normal, effect, gap = NormalDist(), 0.0, 0.0
    critical = normal.inv_cdf(1 - (1 - by.LEVEL) / 2 / scenario.multiplicity)
    for _ in range(8):
        tested, true = _errors(scenario, effect)
        gap = critical * tested + normal.inv_cdf(0.8) * true
        effect = effect_for(scenario.world, gap)
    return gap


def _errors(scenario: Scenario, effect: float) -> tuple[float, float]:
    """Error under which the test works, and error of the estimate, at an effect."""
    world = scenario.world
    if isinstance(world, (ManyGroups, Intersections)):
        return _errors_of_rates(scenario, effect)
    if isinstance(world, NoisyGroups):
        joint, share = world.population(effect).over("probability", "approved"), np.array(world.shares)
        leverage = np.array(world.probabilities) - share @ np.array(world.probabilities)
        meat, bread = leverage**2 @ (joint[:, 0] * joint[:, 1] / share), leverage**2 @ share
        figures = world.truth(0.1)
        error = np.sqrt(meat / scenario.rows) / bread
        error *= figures["approval_gap"] / figures["gap_by_least_squares_on_probability"]
        return float(error), float(error)
    band = "product" if isinstance(world, Strata) else "risk"
    joint, design_effect = world.population(effect).over(band, "group", "approved"), 1.0
    if isinstance(world, Repeated):
        share = np.arange(world.rows_each + 1) / world.rows_each
        joint, design_effect = np.stack([joint @ (1 - share), joint @ share], axis=-1), world.truth(0)["design_effect"]
    size = joint.sum(axis=-1)
    leverage = np.array([0.0, 1.0]) - (size[:, 1] / size.sum(axis=1))[:, None]
    meat = float((leverage**2 * joint[..., 0] * joint[..., 1] / size).sum()) * design_effect
    error = float(np.sqrt(meat / scenario.rows) / (size * leverage**2).sum())
    return error, error


def _errors_of_rates(scenario: Scenario, effect: float) -> tuple[float, float]:
    """Of two rates compared by a score test: pooled, and each by its own rate."""
    world, truth = scenario.world, scenario.world.truth(effect)
    if isinstance(world, ManyGroups):
        size = scenario.rows * np.array([world.shares[0], world.shares[world.harmed]])
        rate = np.array([world.chance, world.chance - effect])
    else:
        share = truth["share_of_the_planted_subgroup"]
        size = scenario.rows * np.array([1 - share, share])
        rate = np.array([truth["approval_rate[everyone else]"], truth["approval_rate[planted subgroup]"]])
    pooled = float(rate @ size / size.sum())
    tested = np.sqrt(pooled * (1 - pooled) * (1 / size).sum())
    return float(tested), float(np.sqrt((rate * (1 - rate) / size).sum()))


def scenarios() -> tuple[Scenario, ...]:
    """Every line of the board."""
    pooled = {
        "four-fifths rule on the raw ratio, untested": (NAIVE, by.four_fifths_untested),
        "z test of the raw gap": (NAIVE, by.raw_gap),
    }
    risk = {"gap at equal risk, bands absorbed, HC1": (OURS, by.gap_at_equal_risk)}
    known = "The lender's true risk is in the file here; risk that must itself be estimated is not yet on the board."
    return (
        Scenario(TrueRisk(), 4000, {**pooled, **risk}, note=known),
        Scenario(Proxy(), 4000, {"regression on everything, the trait too": (NAIVE, by.kitchen_sink), **pooled, **risk},
                 note=known),
        Scenario(Strata(), 4000, {**pooled, **_within_products()}),
        Scenario(ApprovedOnly(), 4000, {
            "parity of default rates among the approved": (NAIVE, by.default_rates),
            "outcome test among the approved": (NAIVE, by.outcome_test), **risk,
        }, note="Ours is the gap in approval. Error rates and calibration for all applicants are not audited yet: "
                "with repayment known for the approved only they are not identified without further assumptions."),
        Scenario(ManyGroups(), 2000, {
            "lowest rate over highest, untested": (NAIVE, by.lowest_over_highest),
            "four-fifths rule per group, untested": (NAIVE, by.four_fifths_untested),
            "z test per group, uncorrected": (NAIVE, by.every_group_uncorrected),
            "score or mid-p test per group, Bonferroni": (OURS, by.every_group_corrected),
        }, multiplicity=9, coverage=FAMILY_COVERAGE, replicates=10_000,
            note="The intervals of a judgement are not corrected for the number of groups yet; the test here is."),
        Scenario(ManyGroups(chance=0.95, harmed=9), 2000, {
            "z interval of the smallest group": (NAIVE, _smallest_wald),
            "score interval of the smallest group": (OURS, by.smallest_groups),
        }, coverage=SMALL_COVERAGE, powered=False, replicates=10_000, title="30 people, 95 % approved",
            note="Normal theory gives no detectable gap for 30 people near 95 %, so there is no line for power."),
        Scenario(NoisyGroups(), 4000, {
            "everyone above one half taken for a member": (NAIVE, by.raw_gap),
            "least squares on the probability, HC1": (OURS, by.slope_on_probability),
        }, covered="gap_by_least_squares_on_probability",
            note="Ours is the upper of two bounds, and its interval is for that bound; the question that reports "
                 "both is not built yet."),
        Scenario(Repeated(), 4000, {
            "gap at equal risk, rows as people, HC1": (NAIVE, by.rows_as_people),
            "gap at equal risk, clustered by person, CR1": (OURS, by.gap_by_person),
        }, replicates=2000, quick=300),
        *_subgroups(),
    )  # fmt: skip


def _within_products() -> dict[str, tuple[str, by.Practice]]:
    return {
        "gap within products, levels absorbed, HC1": (OURS, by.gap_within_products),
        "Mantel-Haenszel risk difference": (OURS, by.common_gap),
        "Mantel-Haenszel odds ratio": (OURS, by.common_odds),
    }


def _subgroups() -> tuple[Scenario, ...]:
    return (
        Scenario(Intersections(), 100_000, {
            "z test of 1,957 subgroups, uncorrected": (NAIVE, by.every_subgroup_uncorrected),
            "scan judged by its maximum (max-T)": (OURS, by.scan),
        }, multiplicity=1957, replicates=500, quick=60, coverage=FAMILY_COVERAGE,
            note="Found means that the planted subgroup itself is flagged; in the fair twin any flag counts. "
                 "A pass is the verdict on the planted subgroup's own 95 % interval."),
    )  # fmt: skip


def _smallest_wald(setting: by.Setting, counts: np.ndarray, _: np.random.Generator) -> by.Outcome:  # type: ignore[type-arg]
    """The textbook interval for the last group against the reference."""
    joint = by.margin(setting, counts, "group", "approved")[:, [0, -1]]
    low, high = by._wald(joint, by.Z)
    flags = (low > 0) | (high < 0)
    return by.Outcome(flags, ~flags, low, high)

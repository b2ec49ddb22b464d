"""What the board plays: a world, a size of file, the practices set against each other, and the effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist

import numpy as np

from audits.simulation.intersections import Intersections
from audits.simulation.many_groups import ManyGroups
from audits.simulation.noisy_groups import NoisyGroups
from audits.simulation.repeated import Repeated
from audits.simulation.strata import Strata
from audits.simulation.world import World, effect_for
from tests.truth.board import practices as by
from tests.truth.board.asked import Asked, case_of
from tests.truth.board.bands import (
    COVERAGE,
    FALSE_CLEAR,
    FALSE_CONCERN,
    HIGH_POWER,
    NEVER,
    POWER,
    TYPE_ONE,
    VERDICT_COVERAGE,
    Target,
)

FAIR, AT_LIMIT = "fair twin", "at the limit"
HALF, DETECTABLE, LARGE = "half of it", "detectable effect", "1.5 times it"
PLANTED = "example of the world"
BEYOND, FAR_BEYOND = "detectable beyond the limit", "1.5 times that beyond"
MULTIPLES = {HALF: 0.5, DETECTABLE: 1.0, LARGE: 1.5}
EXCESSES = {BEYOND: 1.0, FAR_BEYOND: 1.5}
NAIVE, OURS, VERDICT = "customary", "ours", "verdict"

Plan = Mapping[str, tuple[tuple[str, Target], ...]]  # effect → the counts that are held against a target there


@dataclass(frozen=True, slots=True)
class Way:
    """A practice with who uses it, the effects that it is played at, and what must hold there.

    ``files`` is the number of files for each effect, over all seeds; None means as many as the scenario has.
    ``covered`` is the entry of the world's truth that its interval is for, ``used`` says who works like this.
    """

    who: str
    practice: by.Practice
    plan: Plan
    files: int | None = None
    covered: str | None = None
    used: str = ""


def customary(practice: by.Practice, files: int | None = None) -> Way:
    """Held against nothing: it is there to be compared with."""
    return Way(NAIVE, practice, dict.fromkeys((FAIR, *MULTIPLES, AT_LIMIT), ()), files)


def ours(
    practice: by.Practice, files: int | None = None, *, coverage: Target = COVERAGE, type_one: Target = TYPE_ONE,
    covered: str | None = None, powered: bool = True, half: bool = True,
) -> Way:  # fmt: skip
    """An estimator, or a question's own interval: what must hold where equality is at stake."""
    held = ("covered", coverage)
    plan: dict[str, tuple[tuple[str, Target], ...]] = {FAIR: (held, ("flagged", type_one)) if powered else (held,)}
    if powered:
        plan |= {HALF: (held,)} if half else {}
        plan |= {DETECTABLE: (held, ("found", POWER)), LARGE: (held, ("found", HIGH_POWER))}
    return Way(OURS, practice, {**plan, AT_LIMIT: (held, ("passed", FALSE_CLEAR))}, files, covered)


def verdict(
    practice: by.Practice, files: int, *, covers: Target | None = VERDICT_COVERAGE, type_one: Target = TYPE_ONE,
    powered: bool = True,
) -> Way:  # fmt: skip
    """The judge under a rule: what must hold where its limit is at stake, with all corrections of the run."""
    held: tuple[tuple[str, Target], ...] = (("covered", covers),) if covers else ()
    plan = {FAIR: (*held, ("flagged", type_one))}
    plan[AT_LIMIT] = (*held, ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR))
    if powered:
        plan |= {BEYOND: (*held, ("found", POWER)), FAR_BEYOND: (*held, ("found", HIGH_POWER))}
    return Way(VERDICT, practice, plan, files)


def undecided(practice: by.Practice, files: int, effects: tuple[str, ...] = (FAIR, AT_LIMIT, FAR_BEYOND)) -> Way:
    """A figure that cannot decide: nothing may pass, at any effect."""
    return Way(VERDICT, practice, dict.fromkeys(effects, (("passed", NEVER),)), files)


@dataclass(frozen=True, slots=True)
class Scenario:
    """``ways`` maps a practice's name to how it is played. ``multiplicity`` is the number of comparisons corrected for
    where equality is at stake, ``family`` that of a judgement, ``limit`` the gap that the rules allow here, ``sized``
    the entry of the world's truth that must lie beyond the limit, where that is not the gap sought, ``declared`` the
    question whose own declared detectable gap is played where no formula gives one, ``sizes`` effects that are given
    as they are, ``note`` what a reader must know beside the figures.
    """

    world: World
    rows: int
    ways: Mapping[str, Way]
    files: int = 2400
    multiplicity: int = 1
    family: int = 1
    limit: float = by.LIMIT
    sized: str | None = None
    declared: tuple[Asked, str] | None = None
    sizes: tuple[tuple[str, float], ...] = ()
    note: str = ""
    title: str = ""
    quick: int = field(default=400)

    @property
    def name(self) -> str:
        """Code and name of the world, with what is special about the scenario."""
        return f"{self.world.code} {self.world.name}" + (f", {self.title}" if self.title else "")

    def effects(self) -> dict[str, float]:
        """The effects that some practice is played at."""
        every = (FAIR, *MULTIPLES, AT_LIMIT, *EXCESSES, PLANTED)
        asked = {effect for way in self.ways.values() for effect in way.plan}
        return {name: self.effect(name) for name in every if name in asked}

    def effect(self, name: str) -> float:
        """One of them by its name."""
        given = dict(self.sizes)
        if name in given or name == FAIR:
            return given.get(name, 0.0)
        if name == AT_LIMIT:
            return effect_for(self.world, self.limit)
        if name in MULTIPLES:
            return self.effect_of(MULTIPLES[name] * detectable_gap(self))
        return self.effect_of(self.limit + EXCESSES[name] * detectable_gap(self, beyond=True), beyond=True)

    def effect_of(self, gap: float, beyond: bool = False) -> float:
        """The effect whose true gap has this value; beyond the limit, whose ``sized`` entry has it."""
        if self.sized is None or not beyond:
            return effect_for(self.world, gap)
        return effect_for(_Sized(self.world, self.sized), gap)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Sized:
    """A world by another entry of its truth."""

    world: World
    estimand: str

    @property
    def largest_effect(self) -> float:
        return self.world.largest_effect

    def truth(self, effect: float) -> dict[str, float]:
        return self.world.truth(effect)


def detectable_gap(scenario: Scenario, beyond: bool = False) -> float:
    """Smallest gap found with power .8, or with ``beyond`` the smallest distance beyond the limit.

    From the world, not from samples: z of the corrected level times the error that the test uses, plus z of .8 times
    the error that the estimate has, both at that gap (solved by repetition). Where the scenario has a question that
    declares it, what that question declares on a file of the world's expected counts.
    """
    key = replace_ways(scenario)
    return _declared_gap(key, beyond) if scenario.declared else _formula_gap(key, beyond)


def replace_ways(scenario: Scenario) -> Scenario:
    """The scenario without its practices, which do not bear on sizes of effects."""
    from dataclasses import replace

    return replace(scenario, ways=_Nothing())


class _Nothing(dict):  # type: ignore[type-arg]
    """An empty mapping that can be hashed, so that sizes of effects are worked out once."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


@cache
def _formula_gap(scenario: Scenario, beyond: bool) -> float:
    normal, effect, distance = NormalDist(), 0.0, 0.0
    comparisons = scenario.family if beyond else scenario.multiplicity
    critical = normal.inv_cdf(1 - (1 - by.LEVEL) / 2 / comparisons)
    for _ in range(8):
        tested, true = _errors(scenario, effect)
        distance = critical * tested + normal.inv_cdf(0.8) * true
        effect = scenario.effect_of(distance + (scenario.limit if beyond else 0.0), beyond)
    return distance


@cache
def _declared_gap(scenario: Scenario, beyond: bool) -> float:
    if scenario.declared is None:
        raise ValueError("declared: found no question, expected one")
    asked, measure = scenario.declared
    case, effect, distance = case_of(scenario.world, asked, 0), 0.0, 0.0
    for _ in range(2):
        expected = np.rint(scenario.world.recorded(effect).probability * scenario.rows).astype(np.int64)
        own = [one.mde for one in case.answer(expected).findings if one.measurement.measure == measure]
        if own[0] is None:
            raise ValueError(f"{scenario.name}: the question declares no detectable gap")
        distance = own[0]
        effect = scenario.effect_of(distance + (scenario.limit if beyond else 0.0), beyond)
    return distance


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

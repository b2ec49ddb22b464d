"""Ways to judge a lender from counts: customary ones, and the audits' own.

A practice takes counts of replicates (R, …) with the axes of the recorded population and says, for each replicate,
whether it flags harm, whether it would let the lender pass, and what interval it gives for which true figure.
Every interval is for a gap: the reference's approval rate minus the group's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from audits.simulation.many_groups import ManyGroups
from audits.simulation.population import Population
from audits.simulation.world import World, effect_for
from audits.statistics.least_squares import fit_least_squares
from audits.statistics.mantel_haenszel import mantel_haenszel_odds_ratio, mantel_haenszel_risk_difference
from audits.statistics.proportions import equality_p_value, score_interval_difference

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
LIMIT = 0.05  # the gap that the shipped rules allow
FOUR_FIFTHS = 0.8


@dataclass(frozen=True, slots=True)
class Setting:
    """A world with an effect, how many rows a file has, and the seed that its files' names come from."""

    world: World
    effect: float
    rows: int
    seed: int = 0

    @property
    def people(self) -> Population:
        """What the file shows."""
        return self.world.recorded(self.effect)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per replicate (R,): whether anything is flagged, whether the lender passes, and an interval where there is one.

    ``found`` says whether the planted harm itself is flagged, in its own direction; without it, ``low`` > 0 does,
    or ``flags`` where there is no interval. ``covers`` is given where more than one interval must hold at once.
    ``unknown`` says where nothing could be said: the figure is not identified, which is neither a flag nor a pass.
    ``estimate`` (NaN there) is given where it is not the middle of the interval, or its mean is to be shown.
    """

    flags: Flags
    passes: Flags
    low: Floats | None = None
    high: Floats | None = None
    covers: Flags | None = None
    found: Flags | None = None
    unknown: Flags | None = None
    estimate: Floats | None = None

    def finds(self) -> Flags:
        """Whether the planted harm is flagged."""
        if self.found is not None:
            return self.found
        return self.flags if self.low is None else self.low > 0


Practice = Callable[[Setting, NDArray[np.int64], np.random.Generator], Outcome]


def from_interval(low: Floats, high: Floats) -> Outcome:
    """Flagged when the interval excludes no gap; passed when the whole of it lies within the limit."""
    return Outcome((low > 0) | (high < 0), high <= LIMIT, low, high)


def margin(setting: Setting, counts: NDArray[np.int64], *names: str) -> Floats:
    """Counts (R, …) by these columns of the recorded population, in this order."""
    kept = [setting.people.axis(name) for name in names]
    drop = tuple(1 + i for i in range(counts.ndim - 1) if i not in kept)
    summed = counts.sum(axis=drop)
    return np.transpose(summed, [0, *(1 + sorted(kept).index(axis) for axis in kept)]).astype(np.float64)


# customary


def four_fifths_untested(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """The ratio of approval rates against four fifths, without a test."""
    rate = _rates(margin(setting, counts, _group(setting), "approved"))
    flags = rate[:, 1:] / rate[:, :1] < FOUR_FIFTHS
    return Outcome(flags.any(axis=1), ~flags.any(axis=1), found=flags[:, _harmed(setting)])


def lowest_over_highest(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """The lowest approval rate over the highest against four fifths, without a test."""
    rate = _rates(margin(setting, counts, _group(setting), "approved"))
    flags = rate.min(axis=1) / rate.max(axis=1) < FOUR_FIFTHS
    return Outcome(flags, ~flags)


def raw_gap(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """A z test of the difference of approval rates as they stand; not significant passes."""
    low, high = wald(margin(setting, counts, _group(setting), "approved"), Z)
    flags = (low > 0) | (high < 0)
    return Outcome(flags, ~flags, low, high)


def every_group_uncorrected(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """A z test of every group against the reference, each at 5 %; any significant one flags."""
    joint = margin(setting, counts, _group(setting), "approved")
    limits = [wald(joint[:, [0, i]], Z) for i in range(1, joint.shape[1])]
    flags = np.any([(low > 0) | (high < 0) for low, high in limits], axis=0)
    return Outcome(flags, ~flags, found=limits[_harmed(setting)][0] > 0)


def kitchen_sink(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """A regression that controls for everything the lender used, the stand-in for the group included."""
    low, high = regression(setting, counts, ("risk", "trait"))
    flags = (low > 0) | (high < 0)
    return Outcome(flags, ~flags, low, high)


def default_rates(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Parity of default rates among the approved: any significant difference flags."""
    low, high = wald(margin(setting, counts, "group", "default")[..., :2], Z)
    flags = (low > 0) | (high < 0)
    return Outcome(flags, ~flags)


def outcome_test(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Becker's outcome test: flagged when the approved of the group default less, as if held to a higher bar."""
    low, _high = wald(margin(setting, counts, "group", "default")[..., :2], Z)
    return Outcome(low > 0, low <= 0)


def rows_as_people(setting: Setting, counts: NDArray[np.int64], rng: np.random.Generator) -> Outcome:
    """The gap at equal risk with HC1 errors, as if every row were another person."""
    return from_interval(*clustered_regression(setting, counts, rng, by_person=False))


def every_subgroup_uncorrected(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """A z test of every subgroup against the rest, each at 5 %; any significant one flags."""
    flags = np.array([bool((np.abs(subgroup_scores(replicate)) > Z).any()) for replicate in counts])
    return Outcome(flags, ~flags)


def counted_by_row(practice: Practice) -> Practice:
    """A practice for two decisions, given people with a count of approvals: every row as if another person's."""

    def by_row(setting: Setting, counts: NDArray[np.int64], rng: np.random.Generator) -> Outcome:
        times = np.arange(counts.shape[-1])
        rows = np.stack([counts @ (times[-1] - times), counts @ times], axis=-1)
        return practice(setting, rows, rng)

    return by_row


# the audits' own


def gap_at_equal_risk(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Least squares on cells with a level for every band of risk absorbed, HC1 errors, t interval."""
    return from_interval(*regression(setting, counts, ("risk",)))


def gap_within_products(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Least squares on cells with a level for every product absorbed, HC1 errors, t interval."""
    return from_interval(*regression(setting, counts, ("product",)))


def common_gap(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """The Mantel-Haenszel risk difference over products, Sato errors."""
    found = [mantel_haenszel_risk_difference(*pairs) for pairs in _pairs_by_product(setting, counts)]
    return from_interval(-np.array([one.high for one in found]), -np.array([one.low for one in found]))


def common_odds(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """The Mantel-Haenszel odds ratio over products; passes within the odds ratio that the limit makes in this world."""
    found = [mantel_haenszel_odds_ratio(*pairs) for pairs in _pairs_by_product(setting, counts)]
    low, high = np.array([one.low for one in found]), np.array([one.high for one in found])
    world = setting.world
    true = world.truth(setting.effect)["mantel_haenszel_odds_ratio"]
    limit = world.truth(effect_for(world, LIMIT))["mantel_haenszel_odds_ratio"]
    covers = (low <= true) & (true <= high)
    return Outcome((high < 1) | (low > 1), low >= limit, covers=covers, found=high < 1)


def gap_by_person(setting: Setting, counts: NDArray[np.int64], rng: np.random.Generator) -> Outcome:
    """The gap at equal risk with errors clustered by person (CR1)."""
    return from_interval(*clustered_regression(setting, counts, rng, by_person=True))


def every_group_corrected(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Every group against the named reference: score or mid-p test and score interval, Bonferroni over groups."""
    joint = margin(setting, counts, _group(setting), "approved")
    size, yes = joint.sum(axis=2), joint[:, :, 1]
    pairs = (yes[:, 1:], size[:, 1:], yes[:, :1], size[:, :1])
    others = joint.shape[1] - 1
    significant = equality_p_value(*pairs).p_value * others <= 1 - LEVEL
    family = score_interval_difference(*pairs, 1 - (1 - LEVEL) / others)
    truth = _true_gaps(setting)
    covers = ((-family.high <= truth) & (truth <= -family.low)).all(axis=1)
    alone, harmed = score_interval_difference(*pairs, LEVEL), _harmed(setting)
    found = significant[:, harmed] & (alone.estimate[:, harmed] < 0)
    return Outcome(significant.any(axis=1), -alone.low[:, harmed] <= LIMIT, covers=covers, found=found)


def smallest_groups(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """The last group, one of the smallest, against the reference: the score interval of the audits."""
    joint = margin(setting, counts, _group(setting), "approved")
    size, yes = joint.sum(axis=2), joint[:, :, 1]
    alone = score_interval_difference(yes[:, -1], size[:, -1], yes[:, 0], size[:, 0], LEVEL)
    return from_interval(-alone.high, -alone.low)


def slope_on_probability(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Least squares of approval on the probability of belonging, HC1: the upper of the two customary bounds."""
    joint = margin(setting, counts, "probability", "approved")
    q = np.array(setting.people.values("probability"), dtype=np.float64)
    design = np.column_stack([q, np.ones(len(q))])
    return from_interval(*_limits([fit_least_squares(design, x.sum(axis=1), x[:, 1], x[:, 1]) for x in joint]))


# what they are made of


def regression(
    setting: Setting, counts: NDArray[np.int64], controls: tuple[str, ...], shrink: float = 1.0
) -> tuple[Floats, Floats]:
    """Limits of the gap with the crossed levels of the controls absorbed."""
    joint = margin(setting, counts, *controls, "group", "approved")
    levels = np.repeat(np.arange(np.prod(joint.shape[1:-2])), 2)
    group = np.tile([0.0, 1.0], len(levels) // 2)[:, None]
    flat = joint.reshape(len(joint), -1, 2)
    fits = [fit_least_squares(group, x.sum(axis=1), x[:, 1], x[:, 1], absorb_factors=(levels,)) for x in flat]
    return _limits(fits, shrink)


def clustered_regression(
    setting: Setting, counts: NDArray[np.int64], rng: np.random.Generator, by_person: bool
) -> tuple[Floats, Floats]:
    """Limits of the gap at equal risk from people with several rows each; order of people does not matter."""
    people, each = setting.people, setting.world.rows_each
    codes = np.array(list(np.ndindex(people.probability.shape)))
    fits = []
    for replicate in counts:
        group, risk, approvals = np.repeat(codes, replicate.ravel(), axis=0).T
        size = np.full(len(group), float(each))
        fits.append(fit_least_squares(
            group[:, None].astype(np.float64), size, approvals, approvals, absorb_factors=(risk,),
            clusters=np.arange(len(group)) if by_person else None,
        ))  # fmt: skip
    return _limits(fits, kind="cr1" if by_person else "hc1")


def subgroup_scores(counts: NDArray[np.int64]) -> Floats:
    """z of every subgroup up to three attributes against the rest, from leaf counts (…, no and yes)."""
    from itertools import combinations

    axes = range(counts.ndim - 1)
    total = counts.sum(axis=tuple(axes)).astype(np.float64)
    pooled = total[1] / total.sum()
    scores = []
    for depth in (1, 2, 3):
        for subset in combinations(axes, depth):
            part = counts.sum(axis=tuple(set(axes) - set(subset))).reshape(-1, 2)
            size, yes = part.sum(axis=1), part[:, 1]
            rest = total.sum() - size
            gap = yes / np.maximum(size, 1) - (total[1] - yes) / rest
            spread = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(size, 1) + 1 / rest))
            scores.append(np.where(size > 0, gap / spread, 0.0))
    return np.concatenate(scores)


def subgroup_gaps(people: Population) -> dict[tuple[tuple[str, str], ...], float]:
    """True gap of every subgroup up to three attributes: everyone else's approval rate minus its own."""
    from itertools import combinations, product

    columns, found = people.columns[:-1], {}
    total = people.over("approved")
    for depth in (1, 2, 3):
        for subset in combinations(columns, depth):
            joint = people.over(*(column.name for column in subset), "approved")
            for place in product(*(range(len(column.values)) for column in subset)):
                rest = total - joint[place]
                name = tuple(sorted((c.name, str(c.values[i])) for c, i in zip(subset, place, strict=True)))
                found[name] = float(rest[1] / rest.sum() - joint[place][1] / joint[place].sum())
    return found


def _limits(fits: list, shrink: float = 1.0, kind: str = "hc1") -> tuple[Floats, Floats]:  # type: ignore[type-arg]
    """Limits of the gap, which is minus the first coefficient."""
    from scipy.special import stdtrit

    gap = -np.array([fit.coefficients[0] for fit in fits])
    covariances = [getattr(fit, kind) for fit in fits]
    error = np.array([covariance.errors[0] for covariance in covariances]) * shrink
    reach = stdtrit([covariance.degrees_of_freedom for covariance in covariances], (1 + LEVEL) / 2) * error
    return gap - reach, gap + reach


def wald(joint: Floats, z: float) -> tuple[Floats, Floats]:
    """Limits of rate 0 minus rate 1 by the textbook error; counts (R, two groups, no and yes)."""
    size, rate = joint.sum(axis=2), _rates(joint)
    gap = rate[:, 0] - rate[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = z * np.sqrt((rate * (1 - rate) / size).sum(axis=1))
    return gap - reach, gap + reach


def _rates(joint: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(joint[..., 1] / joint.sum(axis=-1))


def _group(setting: Setting) -> str:
    names = [column.name for column in setting.people.columns]
    return "group" if "group" in names else "likely"


def _pairs_by_product(setting: Setting, counts: NDArray[np.int64]) -> list[tuple[Floats, Floats, Floats, Floats]]:
    """Approved and all of the group, then of the reference, by product (S,), for each replicate."""
    joint = margin(setting, counts, "product", "group", "approved")
    size, yes = joint.sum(axis=-1), joint[..., 1]
    return [(y[:, 1], n[:, 1], y[:, 0], n[:, 0]) for y, n in zip(yes, size, strict=True)]


def _harmed(setting: Setting) -> int:
    """Position, among the groups but the reference, of the one that the world harms."""
    return setting.world.harmed - 1 if isinstance(setting.world, ManyGroups) else 0


def _true_gaps(setting: Setting) -> Floats:
    """Gap of every group but the first, the reference."""
    joint = setting.people.over(_group(setting), "approved")
    rate = joint[:, 1] / joint.sum(axis=1)
    return np.asarray(rate[0] - rate[1:])

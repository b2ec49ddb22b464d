"""What is known of the rates of each group, whom a comparison of rates leaves out, and high-cost shares.

A rate exists for whom the lender priced, commonly those approved who took the loan, so that any comparison of rates is
one of selected people. Flags of high-cost loans are read as yes or no; any other value refuses them all, since a code
that nobody explained would be counted on one side or the other by guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audits.comparisons.flags import flag_of
from audits.evidence.cells import Cells
from audits.evidence.histograms import Histogram
from audits.measuring import POWER, bounded, item, number
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import said, template

MOST_LOST = 0.05  # share of approved, or of all priced rows, beyond which those not seen may hold the harm


@dataclass(frozen=True, slots=True)
class PricedGroup:
    """All rows; ``n`` with a rate, Σ and Σ² of their rates, their skewness; decided rows and those with a rate.

    ``high`` of ``flagged`` rows with a rate and a flag are high-cost; ``odd_flags`` are flags that say neither.
    """

    rows: int = 0
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    skewness: float = 0.0
    favourable: int = 0
    favourable_priced: int = 0
    unfavourable: int = 0
    unfavourable_priced: int = 0
    high: int = 0
    flagged: int = 0
    odd_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Priced:
    """The groups of an attribute, and the share of all rows with a rate whose group is not known."""

    groups: Mapping[str, PricedGroup]
    unlabelled: float

    def of(self, label: str | None) -> PricedGroup:
        """A group, empty where no row has the label."""
        return self.groups.get(str(label), PricedGroup())


def priced(cells: Cells, histogram: Histogram) -> Priced:
    """Every labelled group that occurs, from cells with the sums of the rate, and its distribution."""
    found: dict[str, PricedGroup] = {}
    strangers = 0
    for (labels, decision, rows), (total,) in zip(cells.cells, cells.totals, strict=True):
        if labels[0] is None:
            strangers += total.known
            continue
        group = found.get(labels[0], PricedGroup())
        flag = flag_of(labels[1]) if len(labels) > 1 else None
        found[labels[0]] = replace(
            group, rows=group.rows + rows, n=group.n + total.known, total=group.total + total.sum,
            squares=group.squares + total.squares,
            favourable=group.favourable + rows * (decision == 1),
            favourable_priced=group.favourable_priced + total.known * (decision == 1),
            unfavourable=group.unfavourable + rows * (decision == 0),
            unfavourable_priced=group.unfavourable_priced + total.known * (decision == 0),
            high=group.high + total.known * (flag is True),
            flagged=group.flagged + total.known * (flag is not None),
            odd_flags=(*group.odd_flags, str(flag)) if isinstance(flag, str) else group.odd_flags,
        )  # fmt: skip
    every = strangers + sum(group.n for group in found.values())
    skews = _skewnesses(histogram)
    groups = {label: replace(group, skewness=skews.get(label, 0.0)) for label, group in found.items()}
    return Priced(groups, strangers / every if every else 0.0)


def _skewnesses(histogram: Histogram) -> dict[str, float]:
    """Of each label's rates; a bin counts as its middle."""
    from audits.statistics.mean_difference import skewness

    values, points = histogram.values, {}
    for i, value in enumerate(values):
        points[i] = value if histogram.exact or i + 1 == len(values) else (value + values[i + 1]) / 2
    found: dict[str, list[tuple[float, int]]] = {}
    for labels, _, position, rows in histogram.counts:
        if labels[0] is not None and position is not None:
            found.setdefault(labels[0], []).append((points[position], rows))
    return {label: skewness(*zip(*pairs, strict=True)) for label, pairs in found.items()}


_SELECTED = template(
    "a selected sample: {known:,} of {decided:,} decided applications have a rate, so a stricter door for one group "
    "changes who is compared"
)
_SOME_REFUSED = template(
    "a selected sample: {known:,} of {decided:,} decided applications have a rate, {refused:,} of them turned down, so "
    "a stricter door for one group changes who is compared"
)
_WITHOUT_RATE = template("{share:.1f} % of the rows of {label} have no rate and are left out")
_APPROVED_WITHOUT = template("{lacking:,} of {approved:,} approved applications of {label} have no rate")
_HEAVY_TAILS = template(
    "heavy tails: the rates of {label} have skewness {skewness:.1f}, for which {n:,} rows are fewer than the "
    "{needed:,.0f} that a mean needs (Cochran 1977)"
)
_NO_HIGH_COST = template("no loan of the reference group '{reference}' is high-cost: no ratio exists")
_NO_FLAGS = said("no row of one of the two groups has both a rate and a flag of high cost")


def selection(seen: Priced, labels: tuple[str, str], contract: DataContract) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cautions, and what may hide a harm, since not everybody has a rate or a known group."""
    cautions, unseen = [], []
    groups = [(label, seen.of(label)) for label in labels]
    if contract.decision:
        decided = sum(group.favourable + group.unfavourable for _, group in groups)
        known = sum(group.favourable_priced + group.unfavourable_priced for _, group in groups)
        refused = sum(group.unfavourable_priced for _, group in groups)
        told = _SOME_REFUSED if refused else _SELECTED
        cautions.append(said(told, known=known, decided=decided, refused=refused))
    for label, group in groups:
        if not contract.decision and group.rows - group.n > MOST_LOST * group.rows:
            told = said(_WITHOUT_RATE, share=100 * (1 - group.n / group.rows), label=label)
            cautions.append(told)
            unseen.append(told)
        lacking = group.favourable - group.favourable_priced
        if lacking:
            told = said(_APPROVED_WITHOUT, lacking=lacking, approved=group.favourable, label=label)
            cautions.append(told)
            unseen += [told] if lacking > MOST_LOST * group.favourable else []
    if seen.unlabelled > MOST_LOST:
        told = said("{share:.1f} % of the rows with a rate have no known group", share=100 * seen.unlabelled)
        cautions.append(told)
        unseen.append(told)
    return tuple(cautions), tuple(unseen)


def odd_spread(seen: Priced, labels: tuple[str, str]) -> tuple[str, ...]:
    """Groups whose rates have tails too heavy for their number."""
    from audits.statistics.mean_difference import COCHRAN, too_skewed

    return tuple(
        said(_HEAVY_TAILS, label=label, skewness=group.skewness, n=group.n, needed=COCHRAN * group.skewness**2)
        for label, group in ((label, seen.of(label)) for label in labels)
        if group.n and group.skewness and too_skewed(group.n, group.skewness)
    )


def robustness_values(gap: float, classical: float, freedom: int, level: float) -> dict[str, float]:
    """Cinelli and Hazlett's robustness values of an adjusted figure, for its details."""
    from audits.statistics.omitted_variable import robustness

    details = {"standard_error_classical": classical}
    if not classical > 0:
        return details
    found = robustness(gap, classical, freedom, alpha=1 - level)
    values = {
        "robustness_value": number(found.robustness_value),
        "robustness_value_of_the_interval": number(found.robustness_value_significant),
    }
    return details | {name: value for name, value in values.items() if value is not None}


def high_cost_share(question: str, attribute: str, label: str, group: PricedGroup, level: float) -> Measurement:
    """The share of a group's rows with a rate that are high-cost, with Wilson's interval."""
    from audits.statistics.proportions import score_interval_rate

    shared = Measurement(
        question=question, measure="high_cost_share", attribute=attribute, group=label, reference=None, estimate=None,
        low=None, high=None, level=level, n=group.flagged, counts={"high_cost": group.high, "flagged": group.flagged},
        method=said("none"), source=said("cells"),
    )  # fmt: skip
    if not group.flagged:
        return replace(shared, reason=said("no row of the group has both a rate and a flag of high cost"))

    def at(level: float) -> Any:
        return score_interval_rate(group.high, group.flagged, level)

    return replace(
        shared, estimate=group.high / group.flagged, method=at(level).method,
        **bounded(lambda level: (at(level).low, at(level).high), level),
    )  # fmt: skip


def high_cost_ratio(shared: Measurement, one: PricedGroup, zero: PricedGroup) -> Measurement:
    """The group's share over the reference's; above 1 is harm."""
    from audits.statistics.detectable_effect import minimum_detectable_rates
    from audits.statistics.proportions import equality_p_value
    from audits.statistics.ratio_interval import ratio_interval

    pair = (one.high, one.flagged, zero.high, zero.flagged)
    shared = replace(shared, equality=1.0, n=one.flagged + zero.flagged, source=said("cells"), counts={
        "group_high_cost": one.high, "group_flagged": one.flagged,
        "reference_high_cost": zero.high, "reference_flagged": zero.flagged,
    })  # fmt: skip
    if not one.flagged or not zero.flagged:
        return replace(shared, reason=_NO_FLAGS)

    def at(level: float) -> Any:
        return ratio_interval(*pair, level)

    test = equality_p_value(*pair)
    share = zero.high / zero.flagged
    above = number(minimum_detectable_rates(share, one.flagged, zero.flagged, shared.level, POWER).above)
    return replace(
        shared, estimate=one.high / one.flagged / share if share else None, p_value=number(test.p_value),
        mde=above / share - 1 if share and above is not None else None,
        method=said("{interval} interval, {test} p-value", interval=at(shared.level).method, test=item(test.method)),
        reason=None if share else said(_NO_HIGH_COST, reference=shared.reference),
        **bounded(lambda level: (at(level).low, at(level).high), shared.level),
    )  # fmt: skip

"""One group against its reference as the rows stand: ratio, gap, odds ratio and standardized difference of approval.

Intervals invert score tests (`audits.statistics.proportions`, `ratio_interval`); the standardized difference divides
the gap by the standard deviation pooled over both groups. A gap is the reference's rate minus the group's, so that
positive means that the group is approved less often.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from audits.comparisons.rates import FAIRLEARN, GroupRate, GroupRates
from audits.measuring import POWER, bounded, bounded_at_once, item, number, within
from audits.record import Measurement
from checks.sentence import said, template

MEASURES = ("adverse_impact_ratio", "approval_gap", "approval_odds_ratio", "standardized_mean_difference")

Pair = tuple[float, float, float, float]  # x1, n1, x0, n0
NO_REFERENCE = template("no row of the reference group '{reference}' has a decision that counts")
NOBODY_APPROVED = template("nobody of the reference group '{reference}' was approved: there is no ratio")
_NO_ODDS_RATIO = said(
    "both groups share one outcome, or nobody of the group was declined: the odds ratio has no finite value"
)


def counting(rates: GroupRates) -> AbstractContextManager[None]:
    """Within it, score intervals take the counts of these rates, which may be fractions."""
    from audits.statistics.counts import effective_counts

    return nullcontext() if rates.plain else effective_counts()


def rate_of(question: str, rates: GroupRates, group: GroupRate, level: float) -> Measurement:
    """The approval rate of a group with Wilson's interval."""
    from audits.statistics.proportions import score_interval_rate

    shared = Measurement(
        question=question, measure="approval_rate", attribute=rates.attribute, group=group.label, reference=None,
        estimate=None, low=None, high=None, level=level, n=group.decided, counts=group.counts, method=said("none"),
        source=FAIRLEARN,
    )  # fmt: skip
    if group.rate is None:
        return replace(shared, reason=group.reason)
    with counting(rates):
        method = score_interval_rate(group.x, group.n, level).method
        bounds = bounded_at_once(lambda at: _ends(score_interval_rate(group.x, group.n, at)), level)
    return replace(shared, estimate=group.rate, method=_with(method, rates), **bounds)


def comparisons(question: str, rates: GroupRates, label: str, level: float) -> Iterator[Measurement]:
    """All raw comparisons of a group against the reference, or each with the reason why there is none."""
    one, zero = rates.groups[label], rates.groups.get(rates.reference)
    shared = Measurement(
        question=question, measure="", attribute=rates.attribute, group=label, reference=rates.reference, estimate=None,
        low=None, high=None, level=level, n=one.decided + (zero.decided if zero else 0), method=said("none"),
        source=said("none"),
    )  # fmt: skip
    reason: str | None = None
    if zero is None:
        reason = said(NO_REFERENCE, reference=rates.reference)
    elif one.rate is None or zero.rate is None:
        reason = one.reason or zero.reason
    if reason or zero is None:
        yield from (replace(shared, measure=measure, reason=reason) for measure in MEASURES)
        return
    shared = replace(shared, source=FAIRLEARN, counts={
        "group_favourable": one.favourable, "group_decided": one.decided,
        "reference_favourable": zero.favourable, "reference_decided": zero.decided,
    })  # fmt: skip
    with counting(rates):
        yield from _compared(shared, rates, one, zero, level)


def _compared(
    shared: Measurement, rates: GroupRates, one: GroupRate, zero: GroupRate, level: float
) -> Iterator[Measurement]:
    from audits.statistics import proportions
    from audits.statistics.detectable_effect import minimum_detectable_rates
    from audits.statistics.ratio_interval import ratio_interval

    pair: Pair = (one.x, one.n, zero.x, zero.n)
    test = (proportions.equality_p_value if rates.plain else proportions.score_p_value)(*pair)
    tested = item(test.method)
    p0, p1 = float(zero.rate or 0.0), float(one.rate or 0.0)
    # the departure that would be a harm: a lower rate of the group
    below = float(minimum_detectable_rates(p0, *_sizes(one, zero), level, POWER).below)
    mde, p_value = p0 - below, number(test.p_value)
    ratio = ratio_interval(*pair, level)
    yield replace(
        shared, measure="adverse_impact_ratio", estimate=p1 / p0 if p0 else None, equality=1.0, p_value=p_value,
        mde=within(mde / p0, 1.0) if p0 else None, method=_with(_tested(ratio.method, tested), rates),
        reason=None if p0 else said(NOBODY_APPROVED, reference=rates.reference),
        **bounded_at_once(lambda at: _ends(ratio_interval(*pair, at)), level),
    )  # fmt: skip

    def gap_at(at: Any) -> tuple[object, object]:
        gap = proportions.score_interval_difference(*pair, at, corrected=True)
        return -gap.high, -gap.low

    method = proportions.score_interval_difference(*pair, level, corrected=True).method
    yield replace(
        shared, measure="approval_gap", estimate=p0 - p1, equality=0.0, p_value=p_value, mde=within(mde, p0),
        method=_with(_tested(method, tested), rates), **bounded_at_once(gap_at, level),
    )  # fmt: skip
    yield _odds(shared, rates, pair, level, p_value, below)
    yield _standardized(shared, rates, pair, level, p_value, mde)


def _tested(interval: str, test: str) -> str:
    return said("{interval} interval, {test} p-value", interval=interval, test=test)


def _odds(
    shared: Measurement, rates: GroupRates, pair: Pair, level: float, p_value: float | None, below: float
) -> Measurement:
    from audits.statistics.proportions import score_interval_odds_ratio

    found = score_interval_odds_ratio(*pair, level)
    estimate, p0 = number(found.estimate), pair[2] / pair[3]
    reason = None if estimate is not None else _NO_ODDS_RATIO
    possible = number(below) is not None and 0 < below < 1 and 0 < p0 < 1
    return replace(
        shared, measure="approval_odds_ratio", estimate=estimate, equality=1.0, p_value=p_value, reason=reason,
        mde=1 - below / (1 - below) * (1 - p0) / p0 if possible else None,
        method=_with(said("{interval} interval", interval=found.method), rates),
        **bounded_at_once(lambda at: _ends(score_interval_odds_ratio(*pair, at)), level),
    )  # fmt: skip


def _standardized(
    shared: Measurement, rates: GroupRates, pair: Pair, level: float, p_value: float | None, mde: float
) -> Measurement:
    from audits.statistics.standardized_difference import (
        Denominator,
        DifferenceCaveat,
        standardized_rate_difference,
    )

    def at(level: float) -> Any:
        return standardized_rate_difference(*pair, Denominator.POOLED, level)

    found = at(level)
    estimate = number(found.estimate)
    reason = None if estimate is not None else DifferenceCaveat(int(found.caveat)).reason
    deviation = number(found.deviation)
    p0 = pair[2] / pair[3]
    return replace(
        shared, measure="standardized_mean_difference", estimate=None if estimate is None else 0.0 - estimate,
        equality=0.0, p_value=p_value, reason=reason, standard_error=number(found.standard_error),
        mde=mde / deviation if deviation and within(mde, p0) is not None else None,
        method=_with(said("{method}, deviation pooled over both groups", method=found.method), rates),
        **bounded(lambda level: (-at(level).high, -at(level).low), level),
    )  # fmt: skip


def _sizes(one: GroupRate, zero: GroupRate) -> tuple[int, int]:
    """Whole numbers of people for the detectable departure."""
    return max(1, round(one.n)), max(1, round(zero.n))


def _ends(interval: Any) -> tuple[object, object]:
    return interval.low, interval.high


def _with(method: str, rates: GroupRates) -> str:
    return said("{method}; {how}", method=method, how=rates.how) if rates.how else method

"""Decided applications whose group nobody knows: how many, and what they could make of the comparison.

Coverage is a census: the share of decided rows with a label. The worst case for a group puts every declined stranger
into it and every approved one into the reference; the best case the reverse (Manski 1990, American Economic Review
80:319–323; Horowitz and Manski 2000, JASA 95:77–84). The limits reported are the lower score limit of the worst case
and the upper one of the best case, so they hold the true figure with the stated level whoever the strangers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from audits.comparisons.rates import GroupRates
from audits.comparisons.raw import NOBODY_APPROVED, counting
from audits.measuring import bounded_at_once
from audits.record import Measurement
from checks.sentence import said

MEASURES = ("group_coverage", "bounded_adverse_impact_ratio", "bounded_approval_gap")
MOST_UNKNOWN = 0.05
Counts = tuple[float, float, float, float]
_WEIGHTED = said("bounds are worked out for rows that count once, and these are weighted")


def unknown_share(rates: GroupRates) -> float:
    """Share of decided rows without a label; 0 without any decided row."""
    known = sum(group.decided for group in rates.groups.values())
    decided = known + rates.unknown[1]
    return rates.unknown[1] / decided if decided else 0.0


def coverage(question: str, rates: GroupRates, level: float) -> Measurement:
    """The share of decided rows whose label is known, also among the approved and the declined alone."""
    known = sum(group.decided for group in rates.groups.values())
    approved = sum(group.favourable for group in rates.groups.values())
    decided, favourable = known + rates.unknown[1], approved + rates.unknown[0]
    shared = Measurement(
        question=question, measure="group_coverage", attribute=rates.attribute, group=None, reference=None,
        estimate=None, low=None, high=None, level=level, n=decided, method=said("counted"), source=said("cells"),
        corrected=True, counts={"known": known, "decided": decided},
    )  # fmt: skip
    if not decided:
        return replace(shared, reason=said("no row has a decision that counts"))
    details = {}
    if favourable:
        details["known_among_approved"] = approved / favourable
    if decided > favourable:
        details["known_among_declined"] = (known - approved) / (decided - favourable)
    share = known / decided
    return replace(shared, estimate=share, low=share, high=share, details=details)


def bounds(question: str, rates: GroupRates, label: str, level: float, weighted: bool) -> Iterator[Measurement]:
    """Ratio and gap of a group whoever the strangers are; nothing when everybody's group is known."""
    one, zero = rates.groups[label], rates.groups.get(rates.reference)
    yes, all_ = rates.unknown
    if zero is None or not all_:
        return
    no = all_ - yes
    # where entities repeat, a row is worth as much as in that group of the two where it is worth less
    worth = min(group.n / group.decided if group.decided else 0.0 for group in (one, zero))
    worst, best = (
        _scaled(worth, *counts)
        for counts in extremes((one.favourable, one.decided), (zero.favourable, zero.decided), yes, no)
    )
    shared = Measurement(
        question=question, measure="", attribute=rates.attribute, group=label, reference=rates.reference, estimate=None,
        low=None, high=None, level=level, n=one.decided + zero.decided + all_,
        method=said("bounds over every group that the unlabelled rows could have, with score limits"),
        source=said("cells"), counts={
            "group_favourable": one.favourable, "group_decided": one.decided,
            "reference_favourable": zero.favourable, "reference_decided": zero.decided,
            "unknown_favourable": yes, "unknown_decided": all_,
        },
    )  # fmt: skip
    if weighted or one.rate is None or zero.rate is None:
        why = one.reason or zero.reason or _WEIGHTED
        yield replace(shared, measure="bounded_adverse_impact_ratio", reason=why)
        yield replace(shared, measure="bounded_approval_gap", reason=why)
        return
    from audits.statistics.proportions import score_interval_difference

    def gap_at(at: Any) -> tuple[object, object]:
        low = score_interval_difference(*best, at, corrected=True).high
        return -low, -score_interval_difference(*worst, at, corrected=True).low

    p1, p0 = one.favourable / one.decided, zero.favourable / zero.decided
    with counting(rates):
        ratio_bounds, gap_bounds = bounded_ratio(worst, best, level), bounded_at_once(gap_at, level)
    yield _bounded(shared, "bounded_adverse_impact_ratio", p1 / p0 if p0 else None, ratio_bounds, rates)
    yield _bounded(shared, "bounded_approval_gap", p0 - p1, gap_bounds, rates)


def extremes(one: tuple[int, int], zero: tuple[int, int], yes: int, no: int) -> tuple[Counts, Counts]:
    """Counts (x1, n1, x0, n0) of the worst and of the best case for the group: ``one`` and ``zero`` hold (x, n).

    ``yes`` and ``no`` are the strangers with and without the event.
    """
    (x1, n1), (x0, n0) = one, zero
    return (x1, n1 + no, x0 + yes, n0 + yes), (x1 + yes, n1 + yes, x0, n0 + no)


def bounded_ratio(worst: Counts, best: Counts, level: float) -> dict[str, Any]:
    """``low`` of the worst case and ``high`` of the best, at ``level`` and as a ladder."""
    from audits.statistics.ratio_interval import ratio_interval

    return bounded_at_once(lambda at: (ratio_interval(*worst, at).low, ratio_interval(*best, at).high), level)


def _scaled(worth: float, *counts: float) -> tuple[float, float, float, float]:
    x1, n1, x0, n0 = (worth * count for count in counts)
    return x1, n1, x0, n0


def _bounded(
    shared: Measurement, measure: str, estimate: float | None, limits: dict[str, Any], rates: GroupRates
) -> Measurement:
    reason = said(NOBODY_APPROVED, reference=rates.reference) if estimate is None else None
    return replace(shared, measure=measure, estimate=estimate, reason=reason, **limits)

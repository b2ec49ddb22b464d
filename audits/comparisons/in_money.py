"""A comparison of prices or rates put in money: what a group paid beyond what it would have at the reference's terms.

The interval is that of the comparison, taken end by end: what was paid, or lent and for how long, is known of every row
and adds no error. It is an estimate for the group as a whole, and says nothing about one customer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from audits.record import Measurement
from checks.sentence import Sentence, said, template

_OF_RATIO = template("{method}; what the group was asked times one less the inverse ratio")
_OF_GAP = template(
    "{method}; the gap times amount and years of the group's loans, added up: simple interest on the whole amount over "
    "the whole term, an upper bound where loans are paid back on the way"
)
_NOTHING_PAID = said("no row of the group has an amount that was paid")
_NO_AMOUNT = said("no loan of the group has a rate, an amount and a term")
_WITHOUT = template(
    "{without:,} of {rows:,} loans of the group with a rate have no amount or term: they count for nothing"
)
BASIS_POINTS = 1e4


def ratio_in_money(one: Measurement, measure: str, paid: float, rows: int, unit: str | None) -> Measurement:
    """P (1 − 1 / ratio), with P what the ``rows`` of the group paid in all: P / ratio at the reference's price."""
    moved = _moved(one, measure, lambda ratio: paid * (1 - 1 / ratio) if ratio > 0 else None, paid, unit)
    details = {"paid_by_the_group": paid} if rows else {}
    moved = replace(moved, counts={**one.counts, "with_amount": rows}, details=details)
    if one.reason or not rows:
        return _nothing(moved, one.reason or _NOTHING_PAID)
    return replace(moved, method=said(_OF_RATIO, method=one.method))


def gap_in_money(one: Measurement, measure: str, lent: float, rows: int, of: int, unit: str | None) -> Measurement:
    """The gap in basis points times Σ amount · years of the ``rows`` loans that have both, ``of`` those with a rate."""
    moved = _moved(one, measure, lambda gap: gap / BASIS_POINTS * lent, None, unit)
    counts = {**one.counts, "with_amount": rows, "without_amount_or_term": of - rows}
    moved = replace(moved, counts=counts, details={"amount_times_years": lent} if rows else {})
    if one.reason or not rows:
        return _nothing(moved, one.reason or _NO_AMOUNT)
    told = (said(_WITHOUT, without=of - rows, rows=of),) if of > rows else ()
    return replace(moved, method=said(_OF_GAP, method=one.method), unseen=(*moved.unseen, *told))


def _moved(
    one: Measurement, measure: str, worth: Callable[[float], float | None], at_infinity: float | None, unit: str | None
) -> Measurement:  # fmt: skip
    """The figure with its bounds at every level in money; ``worth`` rises, to ``at_infinity`` where it has an end."""

    def low(end: float | None) -> float | None:
        return None if end is None else worth(end)

    def high(end: float | None) -> float | None:
        return at_infinity if end is None else worth(end)

    if one.estimate is None:
        return replace(one, measure=measure, unit=unit, equality=0.0)
    error = worth(one.standard_error) if one.standard_error is not None and at_infinity is None else None
    found = None if one.mde is None else worth(one.mde + (one.equality or 0.0))
    return replace(
        one, measure=measure, unit=unit, equality=0.0, estimate=worth(one.estimate), low=low(one.low),
        high=high(one.high), ladder=tuple((at, low(start), high(end)) for at, start, end in one.ladder),
        standard_error=error, mde=found,
    )  # fmt: skip


def _nothing(one: Measurement, reason: str | Sentence) -> Measurement:
    return replace(
        one, estimate=None, low=None, high=None, p_value=None, mde=None, standard_error=None, ladder=(), details={},
        reason=reason,
    )  # fmt: skip

"""Annual rates of loans whose payments are dated: by unit periods (Regulation Z) and by days over 365 (Annex I)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audits.evidence.payments import Flows
from audits.statistics.annual_percentage_rate import rates_of_return
from audits.statistics.beyond_cap import flows_beyond
from audits.statistics.unit_periods import KINDS, UnitPeriods, counted_periods, unit_period_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Days = NDArray[np.datetime64]

_SAME = 0.01  # of money: payments that differ by no more are equal
_UNITS = {
    "month": ("month", 1),
    "quarter": ("month", 3),
    "fortnight": ("week", 2),
    "week": ("week", 1),
    "day": ("day", 1),
}


@dataclass(frozen=True, slots=True)
class Dated:
    """Of each loan: nominal and effective annual rate (NaN where there is none), why, and whether it is irregular.

    Irregular, as 12 CFR 1026.22(a)(3) has it: several advances, or periods or amounts that differ, save for the first
    period and the first and the last payment.
    """

    nominal: Numbers
    effective: Numbers
    reason: NDArray[np.int8]
    irregular: NDArray[np.bool_]


def dated_rates(granted: Days, advance: Numbers, flows: Flows) -> Dated:
    """Rates of n loans: ``advance`` on the day ``granted`` and what is paid after it. Shapes (n,)."""
    many = len(granted)
    laid = _laid_out(granted, advance, flows)
    offsets, days, amounts, loan, places = laid.offsets, laid.days, laid.amounts, laid.loan, laid.places
    units = unit_period_of(offsets, days, amounts)
    counted = counted_periods(offsets, days, units)
    own = rates_of_return(offsets, counted.whole, amounts, fractions=counted.fraction)
    years = (days - np.repeat(granted, np.diff(offsets))).astype(np.float64) / 365.0
    effective = rates_of_return(offsets, np.where(np.isnat(days), np.nan, years), amounts)
    reason = np.where(own.reason != 0, own.reason, effective.reason)
    return Dated(
        own.rate * units.per_year, effective.rate, reason.astype(np.int8),
        _irregular(loan, places, amounts, counted.whole + counted.fraction, many),
    )  # fmt: skip


def dated_beyond(granted: Days, advance: Numbers, flows: Flows, caps: Sequence[Numbers]) -> list[Numbers]:
    """Money of n loans beyond each of several capped yearly rates (n,), nominal by unit periods as ``dated_rates``."""
    laid = _laid_out(granted, advance, flows)
    units = unit_period_of(laid.offsets, laid.days, laid.amounts)
    counted = counted_periods(laid.offsets, laid.days, units)
    return [
        flows_beyond(laid.offsets, counted.whole, counted.fraction, laid.amounts, cap / units.per_year) for cap in caps
    ]


@dataclass(frozen=True, slots=True)
class _Laid:
    """Advances and payments of loans one after another; ``loan`` and ``places`` of each payment."""

    offsets: NDArray[np.int64]
    days: Days
    amounts: Numbers
    loan: NDArray[np.int64]
    places: NDArray[np.int64]


def _laid_out(granted: Days, advance: Numbers, flows: Flows) -> _Laid:
    many = len(granted)
    offsets = flows.offsets + np.arange(many + 1)
    starts = offsets[:-1]
    loan = np.repeat(np.arange(many), np.diff(flows.offsets))
    places = np.arange(len(flows.days)) + loan + 1
    days, amounts = np.full(offsets[-1], np.datetime64("NaT"), dtype="datetime64[D]"), np.zeros(offsets[-1])
    days[starts], amounts[starts] = granted, advance
    days[places], amounts[places] = flows.days, -flows.amounts
    return _Laid(offsets, days, amounts, loan, places)


def length_days(granted: Days, flows: Flows) -> Numbers:
    """Days from the loan to its last payment, NaN without one."""
    many, counts = len(granted), np.diff(flows.offsets)
    loan = np.repeat(np.arange(many), counts)
    found = np.full(many, -np.inf)
    np.maximum.at(found, loan, (flows.days - granted[loan]).astype(np.float64))
    return np.where(np.isfinite(found), found, np.nan)


def owed_days(granted: Days, amount: Numbers, flows: Flows) -> Numbers:
    """Principal times days for which it is owed, shape (n,); NaN where the amount and the payments have no one rate.

    Interest is that of the rate x at which the payments repay the ``amount``: after payment j at t years the
    principal is (1 + x)^t (A − Σ_{i ≤ j} P_i (1 + x)^(−t_i)), never below zero, and it is owed until the next.
    """
    many, counts = len(granted), np.diff(flows.offsets)
    loan = np.repeat(np.arange(many), counts)
    days = (flows.days - granted[loan]).astype(np.float64)
    starts = flows.offsets[:-1] + np.arange(many)
    places = np.arange(len(days)) + loan + 1
    times, amounts = np.zeros(len(days) + many), np.zeros(len(days) + many)
    times[places], amounts[places], amounts[starts] = days / 365.0, -flows.amounts, amount
    rate = rates_of_return(flows.offsets + np.arange(many + 1), times, amounts).rate
    worth = flows.amounts * (1.0 + rate[loan]) ** (-days / 365.0)
    summed = np.concatenate([[0.0], np.cumsum(np.nan_to_num(worth))])
    left = amount[loan] - (summed[1:] - summed[flows.offsets[:-1]][loan])
    after = np.maximum(left * (1.0 + rate[loan]) ** (days / 365.0), 0.0)
    first = np.zeros(len(days), dtype=bool)
    first[flows.offsets[:-1][counts > 0]] = True
    before = np.where(first, amount[loan], np.concatenate([[0.0], after[:-1]]) if len(after) else after)
    since = days - np.where(first, 0.0, np.concatenate([[0.0], days[:-1]]) if len(days) else days)
    return np.bincount(loan, before * since, minlength=many).astype(np.float64)


def _irregular(
    loan: NDArray[np.int64], places: NDArray[np.int64], amounts: Numbers, times: Numbers, many: int
) -> NDArray[np.bool_]:
    """Loans with another advance, or payments in the middle that differ in amount or distance."""
    found = np.zeros(many, dtype=bool)
    found[loan[amounts[places] > 0]] = True
    if len(loan) < 2:
        return found
    follows = loan[1:] == loan[:-1]
    apart = times[places[1:]] - times[places[:-1]]
    found[loan[1:][follows & (np.abs(apart - 1.0) > 1e-9)]] = True
    inner = follows[1:] & follows[:-1]  # a payment with one before and one after it in its loan
    middle = amounts[places[1:-1]]
    which = loan[1:-1][inner]
    highest, lowest = np.full(many, -np.inf), np.full(many, np.inf)
    np.maximum.at(highest, which, middle[inner])
    np.minimum.at(lowest, which, middle[inner])
    return np.asarray(found | (highest - lowest > _SAME))


def first_period(granted: Days, due: Days, period: str) -> tuple[Numbers, Numbers]:
    """Whole periods and the fraction of one from the day of the loan to its first instalment (Appendix J (b)(5)).

    Where a day is missing the first period is as long as the others.
    """
    kind, size = _UNITS[period]
    many = len(granted)
    days = np.stack([granted, due], axis=1).ravel()
    units = UnitPeriods(
        np.full(many, KINDS.index(kind), dtype=np.int8), np.full(many, size, dtype=np.int64), np.ones(many)
    )
    counted = counted_periods(np.arange(0, 2 * many + 1, 2), days, units)
    whole, part = counted.whole[1::2], counted.fraction[1::2]
    known = np.isfinite(whole) & np.isfinite(part)
    return np.where(known, whole, 1.0), np.where(known, part, 0.0)

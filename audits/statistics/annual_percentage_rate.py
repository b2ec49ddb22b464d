"""Rates of return of loans from their cash flows, whole portfolios at once.

The effective rate x of a loan solves Σ a (1 + x)^(−t) = 0 (Directive 2008/48/EC, Annex I; Directive (EU) 2023/2225,
Annex III); the rate i of a unit period of Regulation Z, Appendix J, (b)(8), solves Σ a / ((1 + f i)(1 + i)^t) = 0,
t whole unit periods and f the fraction of one that is left. A rate is given only where it is the one solution above
−100 %: the flows in order of time change sign once (Descartes), or the balance at the rate found never changes sides
(Teichroew, Robichek and Montalbano 1965, Management Science 11:395–403). Every other loan has a stated reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.cash_flows import (
    REASONS,
    Codes,
    Floats,
    Flows,
    Ints,
    Reason,
    any_of,
    at_one_time,
    blocks,
    changes_of_sign,
    checked,
    levelled,
    tidied,
    untidy,
    unusable,
)
from audits.statistics.level_instalments import instalment_forces
from audits.statistics.rate_search import first_guess, search, sides_of
from audits.statistics.rate_uniqueness import solve_changing

__all__ = ["REASONS", "Rates", "Reason", "effective", "instalment_rates", "nominal", "rates_of_return"]

_LOANS = 1 << 14  # in equal instalments at a time, so that they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Rates:
    """By loan, `rate` per unit of time (0.05 is 5 %) or NaN, and `reason`, an index into `REASONS` (0: solved)."""

    rate: Floats
    reason: Codes


def rates_of_return(
    offsets: ArrayLike, times: ArrayLike, amounts: ArrayLike, *, fractions: ArrayLike | None = None
) -> Rates:
    """Rates of n loans whose cash flows are rows `offsets[k]:offsets[k + 1]` of `times` and `amounts`, in any order.

    `offsets` (n + 1,) whole numbers; `amounts` (m,) positive to the borrower and negative from him; `times` (m,) in
    any unit from any origin, the rate being per that unit. With `fractions` (m,), in [0, 1), `times` are whole unit
    periods and the rate is that of a unit period under Appendix J. Flows at one time count as one. ValueError where
    the arrays do not fit each other; whatever is wrong with one loan is its `reason`.
    """
    with np.errstate(all="ignore"):
        flows = checked(offsets, times, amounts, fractions)
        parts = [_solved(flows.between(first, last)) for first, last in blocks(flows.offsets)]
    return _joined(parts)


def instalment_rates(
    advance: ArrayLike,
    instalment: ArrayLike,
    number: ArrayLike,
    *,
    first_whole: ArrayLike = 1,
    first_fraction: ArrayLike = 0.0,
    final_payment: ArrayLike | None = None,
) -> Rates:
    """Rates of a unit period of loans that are repaid in equal instalments; all arguments broadcast.

    `number` instalments fall one unit period apart, the first `first_whole` + `first_fraction` unit periods after
    the advance, discounted as in Appendix J: 1 / ((1 + f i)(1 + i)^t). `final_payment` takes the place of the last
    instalment where it is not NaN. Payments may not be negative, nor the number below 1 or not whole.
    """
    final = np.nan if final_payment is None else final_payment
    given = [advance, instalment, number, first_whole, first_fraction, final]
    arrays = np.broadcast_arrays(*[np.asarray(one, dtype=np.float64) for one in given])
    shape = arrays[0].shape
    columns = [one.ravel() for one in arrays]
    with np.errstate(all="ignore"):
        parts = [
            _level_rates([one[start : start + _LOANS] for one in columns], final_payment is not None)
            for start in range(0, len(columns[0]), _LOANS)
        ]
    whole = _joined(parts)
    return Rates(whole.rate.reshape(shape), whole.reason.reshape(shape))


def nominal(rate_per_period: ArrayLike, periods_per_year: ArrayLike) -> Floats:
    """Yearly rate as the sum of the periods' rates: the annual percentage rate of Regulation Z, (b)(1)."""
    return np.asarray(np.multiply(rate_per_period, periods_per_year), dtype=np.float64)


def effective(rate_per_period: ArrayLike, periods_per_year: ArrayLike) -> Floats:
    """Yearly rate with interest on interest, (1 + i)^k − 1; NaN for a rate below −100 %."""
    with np.errstate(all="ignore"):
        return np.asarray(np.expm1(np.multiply(periods_per_year, np.log1p(rate_per_period))), dtype=np.float64)


def _joined(parts: list[Rates]) -> Rates:
    """Blocks one after another."""
    if not parts:
        return Rates(np.zeros(0), np.zeros(0, dtype=np.int8))
    return Rates(np.concatenate([one.rate for one in parts]), np.concatenate([one.reason for one in parts]))


def _level_rates(columns: list[Floats], balloon: bool) -> Rates:
    """The rates of one block of loans in equal instalments."""
    force, reason = instalment_forces(*columns, balloon=balloon)
    return _told(np.expm1(force), reason)


def _told(rate: Floats, reason: Codes) -> Rates:
    """Rates where there is no reason against them, which there is beyond what float64 can hold."""
    beyond = (reason == Reason.SOLVED) & ~(np.isfinite(rate) & (rate > -1))
    reason = np.where(beyond, Reason.BEYOND, reason).astype(np.int8)
    return Rates(np.where(reason == Reason.SOLVED, rate, np.nan), reason)


def _solved(flows: Flows) -> Rates:
    """The rates of one block of loans."""
    flows = levelled(flows)
    reason = np.full(len(flows.offsets) - 1, Reason.SOLVED, dtype=np.int8)
    rate = np.full(len(reason), np.nan)
    bad = unusable(flows)
    reason[bad] = Reason.NOT_A_NUMBER
    mixed = untidy(flows) & ~bad
    for loans, rough in ((~mixed & ~bad, False), (mixed, True)):
        if loans.any():
            some = flows if loans.all() else flows.of(loans)
            one = _tidy_rates(some, tidied(some)) if rough else _tidy_rates(some, some)
            rate[loans], reason[loans] = one.rate, one.reason
    return Rates(rate, reason)


def _tidy_rates(given: Flows, flows: Flows) -> Rates:
    """Rates of loans with finite flows, as given and tidied."""
    changes = changes_of_sign(flows)
    reason = _without_search(given, flows, changes)
    force = np.full(len(reason), np.nan)
    once = (reason == Reason.SOLVED) & (changes == 1)
    if once.any():
        sides = sides_of(flows if once.all() else flows.of(once))
        found = search(sides, first_guess(sides))
        force[once] = found.force
        reason[once] = np.where(found.settled, Reason.SOLVED, Reason.BEYOND)
    often = (reason == Reason.SOLVED) & (changes > 1)
    if often.any():
        force[often], reason[often] = solve_changing(flows.of(often))
    return _told(np.expm1(force), reason)


def _without_search(given: Flows, flows: Flows, changes: Ints) -> Codes:
    """Reasons that can be read from the signs and times alone."""
    reason = np.full(len(changes), Reason.SOLVED, dtype=np.int8)
    once = changes == 1
    reason[once] = np.where(flows.amounts[flows.offsets[:-1][once]] < 0, Reason.REVERSED, Reason.SOLVED)
    never = changes == 0
    if never.any():
        left, before = flows.of(never), given.of(never)
        lent, paid = (any_of(sign * before.amounts > 0, before.offsets) for sign in (1, -1))
        why = np.where(any_of(left.amounts > 0, left.offsets), Reason.NOT_REPAID, Reason.NO_ADVANCE)
        reason[never] = np.where(lent & paid & at_one_time(before), Reason.ONE_TIME, why)
    return reason

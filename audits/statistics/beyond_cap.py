"""What loans cost beyond a capped yearly rate, in money.

Let a loan advance A (less every charge at the start) and be repaid by payments P at times t. At the capped rate r of a
unit period they are worth V = Σ P / ((1 + f r)(1 + r)^t), t whole unit periods and f the fraction that is left
(Regulation Z, Appendix J, (b)(8)). Payments at the same times and in the same proportions that bear just the cap are
P · A / V, so that what was asked beyond it is Σ P · (1 − A / V). It is above zero where the loan's own rate is above
the cap, and 0 elsewhere. For one payment it is P − A (1 + r). Further advances on the way count at their own times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def instalments_beyond(
    advance: ArrayLike,
    instalment: ArrayLike,
    number: ArrayLike,
    rate: ArrayLike,
    *,
    first_whole: ArrayLike = 1.0,
    first_fraction: ArrayLike = 0.0,
    final_payment: ArrayLike = np.nan,
) -> Floats:
    """Money beyond the capped ``rate`` of a unit period, of loans in equal instalments; all arguments broadcast.

    Terms as in ``annual_percentage_rate.instalment_rates``. NaN where a term is not known.
    """
    given = (advance, instalment, number, rate, first_whole, first_fraction, final_payment)
    lent, each, many, r, whole, part, last = np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in given))
    last = np.where(np.isnan(last), each, last)
    with np.errstate(all="ignore"):
        force = np.log1p(r)
        factor = np.where(np.abs(r) > 1e-12, np.expm1(-(many - 1.0) * force) / np.expm1(-force), many - 1.0)
        later = np.where(many > 1.0, each * factor, 0.0)
        worth = (later + last * np.exp(-(many - 1.0) * force)) / ((1.0 + part * r) * np.exp(whole * force))
        return _beyond(np.where(many > 1.0, each * (many - 1.0), 0.0) + last, lent, worth)


def flows_beyond(
    offsets: ArrayLike, times: ArrayLike, fractions: ArrayLike, amounts: ArrayLike, rate: ArrayLike
) -> Floats:
    """Money beyond the capped ``rate`` (n,) of a unit period, of n loans by their cash flows.

    Flows of loan k are rows ``offsets[k]:offsets[k + 1]``: ``times`` whole unit periods, ``fractions`` of one,
    ``amounts`` positive to the borrower and negative from him. NaN where a flow is not known.
    """
    ends = np.asarray(offsets, dtype=np.intp)
    many = len(ends) - 1
    loan = np.repeat(np.arange(many), np.diff(ends))
    flows, r = np.asarray(amounts, dtype=np.float64), np.asarray(rate, dtype=np.float64)[loan]
    with np.errstate(all="ignore"):
        apart = (1.0 + np.asarray(fractions, dtype=np.float64) * r) * np.exp(
            np.asarray(times, dtype=np.float64) * np.log1p(r)
        )
        back, out = np.where(flows < 0, -flows, 0.0), np.where(flows < 0, 0.0, flows)
        sums = (np.bincount(loan, one, minlength=many).astype(np.float64) for one in (back, out / apart, back / apart))
        return _beyond(*sums)


def _beyond(paid: Floats, lent: Floats, worth: Floats) -> Floats:
    """What was paid beyond payments that are worth what was lent; 0 where they are worth no more."""
    return np.asarray(paid * np.maximum(1.0 - lent / worth, 0.0), dtype=np.float64)

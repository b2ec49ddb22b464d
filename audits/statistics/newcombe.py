"""Intervals for two rates compared that combine the two Wilson intervals instead of inverting a joint test.

With p the rates and l, u their Wilson limits, the distances p - l and u - p stand for each rate's own error on
either side, and are added as squares. The intervals need no search and are read off two single ones; their
coverage is near that of the score intervals, which remain the ones to rest a decision on.

Sources: Newcombe (1998), Statistics in Medicine 17:873-890; Donner & Zou (2012), Statistical Methods in Medical
Research 21:347-359.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Caveat, Floats, Interval, checked_pairs, first_caveat, reported_interval
from audits.statistics.proportions import score_interval_rate
from checks.sentence import said


def newcombe_interval_difference(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float = 0.95
) -> Interval:
    """Interval for p1 - p0 (Newcombe 1998, method 10): d - sqrt((p1 - l1)^2 + (u0 - p0)^2) and its mirror image."""
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    one, zero = score_interval_rate(a, m, level), score_interval_rate(b, k, level)
    gap = one.estimate - zero.estimate
    low = gap - np.hypot(one.estimate - one.low, zero.high - zero.estimate)
    high = gap + np.hypot(one.high - one.estimate, zero.estimate - zero.low)
    caveat = first_caveat(((m == 0) | (k == 0), Caveat.EMPTY_GROUP))
    low, high = np.maximum(low, -1.0), np.minimum(high, 1.0)  # rounding alone may step over
    return reported_interval(gap, low, high, level, said("Newcombe hybrid score"), caveat)


def newcombe_interval_ratio(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float = 0.95
) -> Interval:
    """Interval for p1/p0: every r for which the same addition of squares leaves p1 - r p0 = 0 possible.

    With c = p1 p0 (Donner & Zou 2012): low = l1 (2 p1 - l1) / (c + sqrt(c^2 - l1 (2 p1 - l1) u0 (2 p0 - u0))) and
    high = (c + sqrt(c^2 - u1 (2 p1 - u1) l0 (2 p0 - l0))) / (l0 (2 p0 - l0)). Edges as `score_interval_ratio`.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    one, zero = score_interval_rate(a, m, level), score_interval_rate(b, k, level)
    product = one.estimate * zero.estimate
    inner1, inner0 = one.low * (2 * one.estimate - one.low), zero.low * (2 * zero.estimate - zero.low)
    lows, highs = _under_root(one, zero, lower=True), _under_root(one, zero, lower=False)
    gap, none = (m == 0) | (k == 0), (a == 0) & (b == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = one.estimate / zero.estimate
        low = inner1 / (product + np.sqrt(np.maximum(lows, 0.0)))
        high = (product + np.sqrt(np.maximum(highs, 0.0))) / inner0
    low, high = np.where(a == 0, 0.0, low), np.where(b == 0, np.inf, high)
    caveat = first_caveat((gap, Caveat.EMPTY_GROUP), (none, Caveat.UNDEFINED_RATIO), (b == 0, Caveat.UNBOUNDED_RATIO))
    return reported_interval(estimate, low, high, level, said("Donner-Zou hybrid score"), caveat)


def _under_root(one: Interval, zero: Interval, lower: bool) -> Floats:
    """c² less the product of the two sides, written as sums of squared reaches so that no digits cancel.

    With p (2 p - p) = p² and l (2 p - l) = p² - (p - l)², c² - l1 (2 p1 - l1) u0 (2 p0 - u0) is
    p1² e0² + p0² d1² - d1² e0² with d1 = p1 - l1 and e0 = u0 - p0; for the upper limit the reaches change sides.
    """
    p1, p0 = one.estimate, zero.estimate
    d1 = p1 - one.low if lower else one.high - p1
    e0 = zero.high - p0 if lower else p0 - zero.low
    return np.asarray((p1 * e0) ** 2 + (p0 * d1) ** 2 - (d1 * e0) ** 2)

"""What can be said of counts without an approximation: tests of a 2x2 table and bounds for one proportion.

Both tests condition on the two margins, so that under equal rates the count of events in group 1 is
hypergeometric. `fisher_p_value` never exceeds its level; `mid_p_value` counts half of the observed table
and stays near the level instead of far below it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import (
    Caveat,
    Floats,
    Interval,
    checked_counts,
    checked_pairs,
    first_caveat,
    inside,
    reported_interval,
)

_TIE = 1e-10  # tables whose probabilities differ by less, relatively, count as equally probable
_FEW = 300  # up to this smallest margin 1/P(X = 0) is at most 4^300 = 1e181, so relative weights cannot overflow


def mid_p_value(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> Floats:
    """Two-sided mid-p of equal rates (Lancaster 1961, JASA 56:223-234): 2 min of the one-sided mid-p values.

    Broadcast shape of the counts; NaN exactly where a group is empty. 1 where a margin leaves one table only.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    given = (m > 0) & (k > 0)
    few = given & (np.minimum(np.minimum(m, k), np.minimum(a + b, m + k - a - b)) <= _FEW)
    p_value = np.full(a.shape, np.nan)
    p_value[few] = doubled_mid_p(a[few], m[few], b[few], k[few])
    many = given & ~few
    p_value[many] = [_mid_p(*table) for table in zip(a[many], m[many], b[many], k[many], strict=True)]
    return p_value


def fisher_p_value(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> Floats:
    """Fisher's two-sided exact p (1935): probability of all tables no more probable than the one seen.

    Broadcast shape of the counts; NaN exactly where a group is empty. Tables whose probabilities agree to a
    relative 1e-10 are ties and count in full. Time grows with the smallest margin.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    given = (m > 0) & (k > 0)
    p_value = np.full(a.shape, np.nan)
    p_value[given] = [_fisher(*table) for table in zip(a[given], m[given], b[given], k[given], strict=True)]
    return p_value


def clopper_pearson_interval(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> Interval:
    """Exact interval for one proportion (Clopper & Pearson 1934, Biometrika 26:404-413), never below its level.

    Each limit gives the observed tail probability (1 - level)/2: quantiles of Beta(x, n - x + 1) and
    Beta(x + 1, n - x). At x = 0 the lower limit is 0, at x = n the upper is 1, and the other one keeps its
    tail of (1 - level)/2; `zero_cases_upper_bound` spends the whole of 1 - level on one side.
    """
    from scipy.special import betaincinv

    events, size = checked_counts(x, n, "")
    tail = (1 - inside(level, "level")) / 2
    none, full = events == 0, events == size
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = events / size
    low = betaincinv(np.where(none, 1.0, events), size - events + 1, tail)
    high = betaincinv(events + 1, np.where(full, 1.0, size - events), 1 - tail)
    caveat = first_caveat((size == 0, Caveat.EMPTY_GROUP))
    return reported_interval(
        estimate, np.where(none, 0.0, low), np.where(full, 1.0, high), level, "Clopper-Pearson", caveat
    )


def zero_cases_upper_bound(n: ArrayLike, level: float = 0.95) -> Floats:
    """Largest rate at which `n` people without a case still have probability 1 - level: 1 - (1 - level)^(1/n).

    One-sided; at 95 % it is close to 3/n (Hanley & Lippman-Hand 1983, JAMA 249:1743-1745). NaN exactly where
    n is 0: nobody was looked at.
    """
    size, _ = checked_counts(n, n, "")
    miss = 1 - inside(level, "level")
    with np.errstate(divide="ignore"):
        return np.where(size == 0, np.nan, -np.expm1(np.log(miss) / size))


def doubled_mid_p(x1: Floats, n1: Floats, x0: Floats, n0: Floats) -> Floats:
    """Doubled one-sided mid-p of groups that are not empty, as float64 arrays of one shape.

    The rarer outcome in the smaller group is counted up from 0. Weights relative to P(X = 0) follow from
    ratios of successive terms, so no factorial of n is formed.
    """
    first, total, events = n1 <= n0, n1 + n0, x1 + x0
    size, seen = np.where(first, n1, n0), np.where(first, x1, x0)
    rare = 2 * events <= total
    hits, seen = np.where(rare, events, total - events), np.where(rare, seen, size - seen)
    below, level, above = (np.zeros(seen.shape) for _ in range(3))
    weight, count = np.ones(seen.shape), 0
    while weight.any():
        below += np.where(count < seen, weight, 0.0)
        level += np.where(count == seen, weight, 0.0)
        above += np.where(count > seen, weight, 0.0)
        weight = weight * (size - count) * (hits - count) / ((count + 1) * (total - size - hits + count + 1))
        count += 1
    return 2 * (np.minimum(below, above) + level / 2) / (below + level + above)


def _mid_p(x1: float, n1: float, x0: float, n0: float) -> float:
    """Doubled one-sided mid-p of one table of any size."""
    weights, seen = _null_weights(x1, n1, x0, n0)
    level = weights[seen] if 0 <= seen < len(weights) else 0.0
    below, above = weights[: max(seen, 0)].sum(), weights[max(seen + 1, 0) :].sum()
    return float(2 * (min(below, above) + level / 2) / weights.sum())


def _fisher(x1: float, n1: float, x0: float, n0: float) -> float:
    """Fisher's two-sided p of one table of any size."""
    weights, seen = _null_weights(x1, n1, x0, n0)
    if not 0 <= seen < len(weights):
        return 0.0
    return float(weights[weights <= weights[seen] * (1 + _TIE)].sum() / weights.sum())


def _null_weights(x1: float, n1: float, x0: float, n0: float) -> tuple[Floats, int]:
    """Probabilities, relative to the mode, of the counts in group 1 given the margins; position of the one seen.

    Products of ratios of successive terms run outward from the mode. By Hoeffding (1963) a count more than
    20 sqrt(smallest margin) from the mean has probability under 2 exp(-800), which is 0 in float64, so the
    counts further out are left away.
    """
    events, total = x1 + x0, n1 + n0
    mode = np.floor((n1 + 1) * (events + 1) / (total + 2))
    reach = np.ceil(20 * np.sqrt(min(n1, n0, events, total - events))) + 3
    low, high = max(0.0, events - n0, mode - reach), min(n1, events, mode + reach)
    up, down = np.arange(mode, high), np.arange(mode, low, -1)
    rising = np.cumprod((n1 - up) * (events - up) / ((up + 1) * (n0 - events + up + 1)))
    falling = np.cumprod(down * (n0 - events + down) / ((n1 - down + 1) * (events - down + 1)))
    return np.concatenate([falling[::-1], [1.0], rising]), int(x1 - low)

"""Where a score statistic for two rates meets its critical value, without a search over the effect itself.

Writing the null as a multiplier on the constrained likelihood turns each group's fitted rate into a
closed form, and the squared score statistic into a sum of two increasing functions of the multiplier
(argued where each is computed). One bisection between proved bounds therefore finds the limit, at the
edges as well. Arrays are float64 counts of one shape; `target` is the value of the statistic to meet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audits.statistics.counts import Floats

_BISECTIONS = 60  # upper bound is at most twice the lower, so about 54 halvings reach float64 resolution


def ratio_lower(x1: Floats, n1: Floats, x0: Floats, n0: Floats, target: Floats) -> Floats:
    """Lower limit of p1/p0, by the multiplier m in (0, x1].

    The constrained rates are p1 = (x1 - m)/(n1 - m) and p0 = (x0 + m)/(n0 + m), so m = 0 is the free fit
    and the ratio falls as m grows. The statistic is m^2 c1/(x1 - m) + m^2 c0/(x0 + m) with c = 1 - x/n:
    both terms increase in m and are convex from 0. Setting either alone to the target bounds the root
    above; setting either to half the target bounds it below, at no less than half the upper bound.
    When x1 = n1 the rate p1 stays at 1 until m = n1; if the target is not met by then, m stops there and
    p1 itself falls until it is.
    """
    none, full = x1 == 0, x1 == n1
    a, big, k = np.where(none, 1.0, x1), np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    c1, c0 = (big - a) / big, (k - x0) / k

    def bound(t: Floats) -> Floats:
        first = 2 * t * a / (t + np.sqrt(t * t + 4 * c1 * t * a))
        second = (t + np.sqrt(t * t + 4 * c0 * t * x0)) / (2 * c0)
        return np.minimum(first, second)

    def statistic(m: Floats) -> Floats:
        return m * m * (np.where(c1 == 0, 0.0, c1 / (a - m)) + c0 / (x0 + m))

    m = _bisect(statistic, bound(target / 2), bound(target), target)
    odds_against = np.maximum(target / big - big * c0 / (x0 + big), 0.0)
    p1 = np.where(full, 1 / (1 + odds_against), (a - m) / (big - m))
    return np.where(none, 0.0, p1 * (k + m) / (x0 + m))


def difference_lower(x1: Floats, n1: Floats, x0: Floats, n0: Floats, target: Floats) -> Floats:
    """Lower limit of p1 - p0, by the multiplier m > 0 of the constraint.

    Stationarity reads x1 - n1 p1 = m p1 (1 - p1) for group 1 and the same for group 0's failures, a
    quadratic each (`_pulled`). The statistic is m^2 (p1 (1 - p1)/n1 + p0 (1 - p0)/n0): each term equals
    that group's own (x - np)^2 / (n p (1 - p)), which grows as p is pulled away from x/n, and p moves one
    way in m. So the root is bounded as in `ratio_lower`, by each group's own Wilson limit.
    """
    wall = (x1 == 0) & (x0 == n0)
    big, k = np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    a, fails = np.where(wall, 1.0, x1), k - np.minimum(x0, k)

    def bound(t: Floats) -> Floats:
        return np.minimum(_lone_multiplier(a, big, t), _lone_multiplier(fails, k, t))

    def statistic(m: Floats) -> Floats:
        p1, q1 = _pulled(a, big, m)
        q0, p0 = _pulled(fails, k, m)
        return m * m * (p1 * q1 / big + p0 * q0 / k)

    m = _bisect(statistic, bound(target / 2), bound(target), target)
    gap = _pulled(a, big, m)[0] - _pulled(fails, k, m)[1]
    return np.where(wall, -1.0, np.maximum(gap, -1.0))


def odds_ratio_lower(x1: Floats, n1: Floats, x0: Floats, n0: Floats, target: Floats) -> Floats:
    """Lower limit of the odds ratio, by the multiplier m in (0, min(x1, n0 - x0)).

    Keeping the total of events, the constrained counts are n1 p1 = x1 - m and n0 p0 = x0 + m, and the
    statistic is m^2 (1/(n1 p1 (1 - p1)) + 1/(n0 p0 (1 - p0))). Each term is that group's own
    (x - np)^2 / (n p (1 - p)), which grows as p leaves x/n and at least doubles when m does. So the root is
    bounded as in `ratio_lower`, by each group's own Wilson limit.
    """
    none = (x1 == 0) | (x0 == n0)
    big, k = np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    a, fails = np.where(none, 1.0, x1), np.where(none, 1.0, k - x0)

    def bound(t: Floats) -> Floats:
        return np.minimum(_lone_shift(a, big, t), _lone_shift(fails, k, t))

    def statistic(m: Floats) -> Floats:
        return m * m * (big / ((a - m) * (big - a + m)) + k / ((fails - m) * (k - fails + m)))

    m = _bisect(statistic, bound(target / 2), bound(target), target)
    return np.where(none, 0.0, (a - m) / (big - a + m) * (fails - m) / (k - fails + m))


def _lone_shift(x: Floats, n: Floats, t: Floats) -> Floats:
    """The m = x - np > 0 at which one group's m^2 / (n p (1 - p)) alone reaches t: n times Wilson's reach."""
    lean, free = t * (2 * x - n), t * x * (n - x)
    root = np.sqrt(lean * lean + 4 * (n + t) * free)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lean > 0, (lean + root) / (2 * (n + t)), 2 * free / (root - lean))


def _pulled(x: Floats, n: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Rate p <= x/n solving x - n p = m p (1 - p), and 1 - p, each free of cancellation."""
    root = np.sqrt((n - m) ** 2 + 4 * m * (n - x))
    over = m >= n
    q = np.where(over, (m - n + root) / (2 * m), 2 * (n - x) / np.where(over, 1.0, n - m + root))
    return 2 * x / (n + m + root), q


def _lone_multiplier(x: Floats, n: Floats, t: Floats) -> Floats:
    """The m at which one group's (x - np)^2 / (n p (1 - p)) alone reaches t; infinite when x is 0."""
    root = np.sqrt(t * n * (t * n + 4 * x * (n - x)))
    return np.asarray(2 * t * n * (n + t) / (root - t * (n - 2 * x)))


def _bisect(rising: Callable[[Floats], Floats], low: Floats, high: Floats, target: Floats) -> Floats:
    """Largest argument, to float64 resolution, at which an increasing function is still below target."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = rising(middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high

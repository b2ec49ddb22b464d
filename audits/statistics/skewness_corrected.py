"""Interval for a ratio of two rates whose score statistic is corrected for skewness (Gart & Nam 1988).

The score statistic of a ratio is skewed when the groups or their expected counts are unequal, so the plain
score interval errs more often on one side and can fall short of its level. The correction moves each critical
value by the statistic's own third moment. Exact coverage of both is in tests/truth.

With p1, p0 the likelihood's maximum under p1 = r p0, V = p1 (1 - p1)/n1 + r^2 p0 (1 - p0)/n0 and
g = (p1 (1 - p1)(1 - 2 p1)/n1^2 - r^3 p0 (1 - p0)(1 - 2 p0)/n0^2) / (6 V^(3/2)), r belongs to the interval when
-z + g (z^2 - 1) <= (x1/n1 - r x0/n0) / sqrt(V) <= z + g (z^2 - 1).

Sources: Gart & Nam (1988), Biometrics 44:323-338; Laud (2017), Pharmaceutical Statistics 16:334-348.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import (
    Caveat,
    Flags,
    Floats,
    Interval,
    checked_pairs,
    critical,
    demand,
    first_caveat,
    reported_interval,
)
from checks.sentence import said

BEYOND_CRITICAL = sqrt(7)  # from this critical value on a group with one event would get a limit of 0 or infinity
_HALVINGS = 72  # a limit lies 3e-9 of the bracket or more from its start, and 2^-72 of the bracket is a 1e-13th of that


def skewness_corrected_interval_ratio(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float | Floats = 0.95
) -> Interval:
    """Interval for p1/p0 by the skewness-corrected score statistic; shapes and edges as `score_interval_ratio`.

    Where g is beyond 1/(2z) against the estimate, the expansion behind the correction has no solution (Laud
    2017); that happens only beside an edge of the table, and such ratios are kept. The interval need not agree
    with the pooled test about equality. Raises ValueError unless 1 <= z < sqrt(7): below,
    the correction turns round; above, it would move the limit of a group with one event to 0 or infinity.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    z = critical(level)
    demand(
        "level",
        np.asarray(level, dtype=np.float64),
        np.asarray((np.asarray(z) >= 1) & (np.asarray(z) < BEYOND_CRITICAL)),
        "a level from 0.683 to 0.991",
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        estimate = (a / m) / (b / k)
        low = _lower(a, m, b, k, z)
        high = 1.0 / _lower(b, k, a, m, z)
    gap, none = (m == 0) | (k == 0), (a == 0) & (b == 0)
    caveat = first_caveat((gap, Caveat.EMPTY_GROUP), (none, Caveat.UNDEFINED_RATIO), (b == 0, Caveat.UNBOUNDED_RATIO))
    return reported_interval(estimate, low, high, level, said("Gart-Nam skewness-corrected score"), caveat)


def _lower(x1: Floats, n1: Floats, x0: Floats, n0: Floats, z: float | Floats) -> Floats:
    """Lower limit: the path of constrained fits is followed from the estimate until the statistic is too large."""
    none = x1 == 0
    a, big, k = np.where(none, 1.0, x1), np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    shape = np.broadcast_shapes(a.shape, np.shape(z))
    near, far = np.zeros(shape), np.broadcast_to(np.where(a == big, 2.0, 1.0), shape)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        inside = _within(middle, a, big, x0, k, z)
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    p1, _, p0, _ = _fits(near, a, big, x0, k)
    return np.where(none, 0.0, p1 / p0)


def _fits(t: Floats, x1: Floats, n1: Floats, x0: Floats, n0: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Constrained p1, 1 - p1, p0, 1 - p0 at t of the way, x1 > 0; the ratio falls as t grows.

    With the constraint's multiplier m = t x1 they are (x1 - m)/(n1 - m) and (x0 + m)/(n0 + m). When x1 = n1, p1 is
    1 until m = n1; from there on, t from 1 to 2, p0 stays and p1 falls to 0.
    """
    full, m = x1 == n1, np.minimum(t, 1.0) * x1
    left = np.where(full, 1.0, n1 - m)
    p1 = np.where(full, np.minimum(2 - t, 1.0), (x1 - m) / left)
    q1 = np.where(full, np.maximum(t - 1, 0.0), (n1 - x1) / left)
    return p1, q1, (x0 + m) / (n0 + m), (n0 - x0) / (n0 + m)


def _within(t: Floats, x1: Floats, n1: Floats, x0: Floats, n0: Floats, z: float | Floats) -> Flags:
    """Whether the ratio at t of the way down is not yet below the interval."""
    p1, q1, p0, q0 = _fits(t, x1, n1, x0, n0)
    ratio = p1 / p0
    variance = p1 * q1 / n1 + ratio**2 * p0 * q0 / n0
    third = p1 * q1 * (q1 - p1) / n1**2 - ratio**3 * p0 * q0 * (q0 - p0) / n0**2
    lean = np.where(variance > 0, third / (6 * variance**1.5), 0.0)
    m = np.minimum(t, 1.0) * x1
    free = np.where(x1 == n1, 0.0, (n1 - x1) / n1 / (x1 - m))
    on_path = m * np.sqrt(free + (n0 - x0) / n0 / (x0 + m))
    beyond = (x1 / n1 - ratio * x0 / n0) / np.sqrt(variance)
    score = np.where((x1 == n1) & (t > 1), beyond, on_path)
    return np.asarray((score <= z + lean * (z * z - 1)) | (1 + 2 * lean * z < 0))

"""How far does each subgroup's rate lie from the rest, at any level, for all subgroups at once?

The critical value of the largest |z| over all judged subgroups at a level (max-T; `max_t.critical_value` of the null
maxima) is put into each subgroup's score interval (Mee 1984), so that all intervals hold together with that
probability, and one of them excludes 0 exactly when its |z| exceeds the critical value. The largest of the true
differences then lies between the largest lower and the largest upper limit at the same level.
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.max_t import critical_value
from audits.statistics.proportions import score_interval_difference

Floats = NDArray[np.float64]


def critical_at(maxima: ArrayLike, level: float) -> float | None:
    """The critical value at a level, or None where the null was drawn too few times for it."""
    drawn = np.asarray(maxima, dtype=np.float64)
    return critical_value(drawn, level) if level * (len(drawn) + 1) <= len(drawn) + 1e-9 else None


def pointwise_level(critical: float) -> float:
    """The level of a single interval with this normal critical value."""
    return 1.0 - erfc(critical / sqrt(2.0))


def differences(
    critical: float, z: Floats, size: Floats, events: Floats, rest_size: Floats, rest_events: Floats
) -> tuple[Floats, Floats, Floats]:
    """Differences x/n − rest with their score intervals at the critical value of the maximum, NaN where z is."""
    judged = np.isfinite(z)
    x1, n1, x0, n0 = (column[judged] for column in (events, size, rest_events, rest_size))
    gap, low, high = x1 / n1 - x0 / n0, np.full(len(x1), -1.0), np.full(len(x1), 1.0)
    level = pointwise_level(critical) if len(x1) else 0.0
    if 0 < level < 1:  # else nothing deviated in any replicate, or more than float64 tells from certainty
        interval = score_interval_difference(x1, n1, x0, n0, level)
        beyond = np.abs(z[judged]) > critical  # z at the critical value itself must not leave 0 out by rounding
        low = np.where(beyond, interval.low, np.minimum(interval.low, 0.0))
        high = np.where(beyond, interval.high, np.maximum(interval.high, 0.0))
    result = np.full((3, len(z)), np.nan)
    result[:, judged] = gap, low, high
    return result[0], result[1], result[2]

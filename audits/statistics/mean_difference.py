"""How far apart are two groups' means, with errors that do not suppose equal spread?

Welch (1947, Biometrika 34:28–35): (m₁ − m₀) / √(s₁²/n₁ + s₀²/n₀) is compared with Student's t, its degrees by
Satterthwaite (1946, Biometrics Bulletin 2:110–114). Everything comes from n, Σv and Σv². Whether a mean of so many
skewed values may be treated as normal is told by Cochran's rule (1977, Sampling Techniques, 3rd ed., p. 42): n must
exceed 25 times the squared skewness for an error rate of 5 % to stay below 6 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

COCHRAN = 25.0
_NOTHING = 1e-12  # a variance below this share of the mean square may be rounding alone


@dataclass(frozen=True, slots=True)
class Welch:
    """Mean of group 1 less that of group 0; error and degrees are NaN where a group has one value or nothing varies.

    ``spread1`` and ``spread0`` are the standard deviations, 0 where values are all the same.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: float
    spread1: float
    spread0: float


def welch(n1: int, total1: float, squares1: float, n0: int, total0: float, squares0: float) -> Welch:
    """From the number of values, their sum and the sum of their squares. ``ValueError`` for a group without a value."""
    if n1 < 1 or n0 < 1:
        raise ValueError(f"n1, n0: found {n1} and {n0}, expected at least one value in each group")
    v1, v0 = _variance(n1, total1, squares1), _variance(n0, total0, squares0)
    difference = total1 / n1 - total0 / n0
    part1, part0 = v1 / n1, v0 / n0
    if not part1 + part0 > 0:  # also where one is NaN
        return Welch(difference, float("nan"), float("nan"), v1**0.5, v0**0.5)
    freedom = (part1 + part0) ** 2 / (part1**2 / (n1 - 1) + part0**2 / (n0 - 1))
    return Welch(difference, (part1 + part0) ** 0.5, freedom, v1**0.5, v0**0.5)


def skewness(values: ArrayLike, counts: ArrayLike) -> float:
    """Third central moment over the cubed standard deviation, of values with their counts; 0 without any spread."""
    v, n = np.asarray(values, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    total = n.sum()
    if not total:
        return 0.0
    away = v - (n @ v) / total
    second = float(n @ away**2) / total
    scale = float(np.abs(v).max())
    return 0.0 if second <= _NOTHING * scale**2 else float(n @ away**3) / total / second**1.5


def too_skewed(n: int, skew: float) -> bool:
    """Whether Cochran's rule warns against normal theory for the mean of ``n`` values."""
    return n <= COCHRAN * skew**2


def _variance(n: int, total: float, squares: float) -> float:
    if n < 2:
        return float("nan")
    left = squares - total * total / n
    return left / (n - 1) if left > _NOTHING * squares else 0.0

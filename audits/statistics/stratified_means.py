"""Two sides compared within strata by means that stand for the same people: a difference of rates, a ratio of means.

Stratum s holds n1 values of the one side and n0 of the other, with means m1 and m0. Each side's means are averaged over
the strata with the weights w = n1 n0 / (n1 + n0) of Mantel and Haenszel (1959, JNCI 22:719–748; of differences:
Greenland and Robins 1985, Biometrics 41:55–68), M = Σ w m / Σ w, whose variance is Σ (w / Σ w)² v / n. A stratum with
values of one side alone has no weight. A side's variance in a stratum with one value is taken from all its strata.

* The difference of two rates adds the reaches of their Wilson intervals as squares (Newcombe 1998, Statistics in
  Medicine 17:873–890; over strata: Yan and Su 2010, Statistics in Biopharmaceutical Research 2:336–343), so that a side
  with none or all of its events has an interval too. A rate is worth n* = M (1 − M) / variance people, at most
  (Σ w)² / Σ (w² / n) (Kish 1965, Survey Sampling, 8.1).
* The ratio of two means has the variance V1 / M1² + V0 / M0² of its logarithm.

A ``design_effect`` says by how much dependence within clusters widens a side's variance; it is spread evenly over the
strata. What the two sides share within a cluster is left out, which errs to the wide side where it goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.counts import critical

Floats = NDArray[np.float64]
_HALVINGS = 100
_FARTHEST = 40.0  # a normal quantile beyond which a p-value is no double


@dataclass(frozen=True, slots=True)
class Side:
    """Of one side: mean over the strata, its ``variance`` (NaN where nothing tells it) and the people it is ``worth``.

    ``rows`` have a value, ``alone`` of them in strata without the other side.
    """

    mean: float
    variance: float
    worth: float
    rows: float
    alone: float

    def wilson(self, level: Any) -> tuple[Any, Any]:
        """Limits of a rate at one or many levels (Wilson 1927) of its effective counts."""
        z2 = np.asarray(critical(level)) ** 2
        n, p = self.effective, self.mean
        reach = np.sqrt(z2 * (z2 + 4 * n * p * (1 - p)))
        middle = 2 * n * p + z2
        return np.maximum((middle - reach) / (2 * (n + z2)), 0.0), np.minimum((middle + reach) / (2 * (n + z2)), 1.0)

    @property
    def effective(self) -> float:
        """The number of independent people with a rate of this variance."""
        if not 0 < self.mean < 1 or not self.variance > 0:
            return self.worth
        return min(self.mean * (1 - self.mean) / self.variance, self.worth)


@dataclass(frozen=True, slots=True)
class StratifiedMeans:
    """Both sides over the ``strata`` that hold both."""

    one: Side
    zero: Side
    strata: int

    @property
    def difference(self) -> float:
        """M1 − M0."""
        return self.one.mean - self.zero.mean

    @property
    def log_error(self) -> float:
        """Standard error of log(M1 / M0); NaN unless both means are above zero and their variances are known."""
        if not (self.one.mean > 0 and self.zero.mean > 0):
            return nan
        return sqrt(self.one.variance / self.one.mean**2 + self.zero.variance / self.zero.mean**2)

    def rate_difference(self, level: Any) -> tuple[Any, Any]:
        """Interval of M1 − M0 of rates, at one level or an array of them."""
        (low1, high1), (low0, high0) = self.one.wilson(level), self.zero.wilson(level)
        low = self.difference - np.hypot(self.one.mean - low1, high0 - self.zero.mean)
        high = self.difference + np.hypot(high1 - self.one.mean, self.zero.mean - low0)
        return np.maximum(low, -1.0), np.minimum(high, 1.0)

    @property
    def rate_p_value(self) -> float:
        """Two-sided: one less the level whose interval of the difference just reaches zero."""
        from scipy.special import ndtr

        def reaches(z: float) -> bool:
            low, high = self.rate_difference(float(1 - 2 * ndtr(-z)))
            return bool(low <= 0 <= high)

        return float(2 * ndtr(-_least(reaches)))

    def detectable(self, level: float, power: float) -> float:
        """The difference found with ``power`` where both rates are their average (Fleiss 1981)."""
        n1, n0 = self.one.effective, self.zero.effective
        rate = (n1 * self.one.mean + n0 * self.zero.mean) / (n1 + n0)
        return float((critical(level) + critical(2 * power - 1)) * sqrt(rate * (1 - rate) * (1 / n1 + 1 / n0)))


def _least(holds: Callable[[float], bool]) -> float:
    """The least z for which what holds at every larger one holds."""
    low, high = 1e-9, 8.0  # beyond, one less a level is no double
    if holds(low):
        return 0.0
    if not holds(high):
        return _FARTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def stratified_means(
    one: tuple[ArrayLike, ArrayLike, ArrayLike], zero: tuple[ArrayLike, ArrayLike, ArrayLike],
    design_effects: tuple[float, float] = (1.0, 1.0),
) -> StratifiedMeans:  # fmt: skip
    """From n, Σ v and Σ v² of each side, arrays (S,). Means are NaN where no stratum holds both sides."""
    sides = [tuple(np.asarray(part, dtype=np.float64) for part in side) for side in (one, zero)]
    n1, n0 = sides[0][0], sides[1][0]
    if any(part.shape != n1.shape or part.ndim != 1 for side in sides for part in side):
        raise ValueError("n, sums and squares: expected one number for each stratum, the same strata for both sides")
    both = (n1 > 0) & (n0 > 0)
    weights = np.where(both, n1 * n0 / np.where(both, n1 + n0, 1.0), 0.0)
    found = [_side(side[0], side[1], side[2], weights, effect)
             for side, effect in zip(sides, design_effects, strict=True)]  # fmt: skip
    return StratifiedMeans(found[0], found[1], int(both.sum()))


def _side(n: Floats, total: Floats, squares: Floats, weights: Floats, effect: float) -> Side:
    rows, used = float(n.sum()), weights > 0
    alone = float(n[~used].sum())
    if not used.any():
        return Side(nan, nan, 0.0, rows, alone)
    w, m = weights[used] / weights.sum(), n[used]
    means = total[used] / m
    within = np.maximum(squares[used] - total[used] ** 2 / m, 0.0)
    degrees = float((m - 1).sum())
    pooled = float(within.sum()) / degrees if degrees else nan
    variances = np.where(m > 1, within / np.maximum(m - 1, 1.0), pooled)
    return Side(
        float(w @ means), effect * float((w**2 / m) @ variances), 1 / (effect * float((w**2 / m).sum())), rows, alone
    )  # fmt: skip


def design_effect(
    totals: tuple[ArrayLike, ArrayLike, ArrayLike], products: tuple[ArrayLike, ArrayLike, ArrayLike], clusters: int
) -> float:
    """By how much clusters widen the variance of a mean; at least 1. Infinite with fewer than two clusters.

    ``totals`` n, Σ v, Σ v² of the cells (C,) of one side; ``products`` Σ_g n n′, Σ_g n s′, Σ_g s s′, each (C, C), over
    the clusters' own n and s = Σ v. G / (G − 1) Σ_g (s_g − m n_g)² over Σ (v − m)² (Liang and Zeger 1986, Biometrika
    73:13–22); where nothing varies, as if the rows of a cluster were one, Σ_g n_g² / n.
    """
    n, total, squares = (float(np.sum(part)) for part in totals)
    nn, ns, ss = (float(np.sum(part)) for part in products)
    if clusters < 2 or n <= 0:
        return inf
    mean = total / n
    spread = squares - n * mean**2
    if not spread > 1e-12 * max(squares, 1e-300):
        return max(nn / n, 1.0)
    return max(clusters / (clusters - 1) * (ss - 2 * mean * ns + mean**2 * nn) / spread, 1.0)

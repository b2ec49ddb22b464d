"""Rates of groups that nobody recorded, from probabilities of belonging to them.

The weighted rate of group a is μ_a = Σ p_a y / Σ p_a; its score p_a (y − μ_a) / Σ p_a gives the covariance of several
by linearisation, summed within clusters first where rows depend on each other.

A difference of weighted rates tends to the true one if, among people alike in their probabilities, approval has nothing
to do with the group; least squares of approval on the probabilities does if, within each group, approval has nothing
to do with the probabilities. With two groups A and calibrated probabilities p = P(A = 1), Cov(Y, A) and Cov(Y, p) fall
into parts within and between p, and within and between A, so that the first misses the true gap δ = μ₀ − μ₁ by
E[Cov(A, Y | p)] / Var(A) and the second by −E[Cov(p, Y | A)] / Var(p). The truth lies between the two whenever both
covariances have one sign (Chen, Kallus, Mao, Svacha and Udell 2019, Fairness Under Unawareness, FAT*; that the first
commonly shrinks a gap: McCartan, Fisher, Goldin, Ho and Imai 2025, JASA, doi:10.1080/01621459.2025.2526695).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeightedRates:
    """``rates`` μ_a and their ``covariance``; NaN for a group of no mass.

    ``mass`` is Σ p_a, ``approved`` and ``declined`` its parts. ``effective`` is Kish's size (Σ p)² / Σ p² (1965, Survey
    Sampling, 8.1), of clusters where there are any, whose p is the sum over their rows.
    """

    rates: Array
    covariance: Array
    mass: Array
    approved: Array
    declined: Array
    effective: Array

    def difference(self, first: int, second: int) -> tuple[float, float]:
        """Rate of the first less that of the second, and its standard error."""
        v = self.covariance
        variance = v[first, first] + v[second, second] - 2 * v[first, second]
        return float(self.rates[first] - self.rates[second]), float(np.sqrt(np.maximum(variance, 0.0)))


def weighted_rates(
    sums: ArrayLike, cross: ArrayLike, rows: int, cluster_cross: ArrayLike | None = None, clusters: int = 0
) -> WeightedRates:
    """From (2, M) sums and (2, M, M) products of M probabilities among the declined and the approved.

    ``cluster_cross`` (2M, 2M) holds products of clusters' sums, the declined first. Variances take n / (n − 1), n the
    clusters where there are any.
    """
    total, products = np.asarray(sums, dtype=np.float64), np.asarray(cross, dtype=np.float64)
    mass = total.sum(axis=0)
    n = rows if cluster_cross is None else clusters
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = total[1] / mass
        if cluster_cross is None:
            squares = products.sum(axis=0)
            scores = products[1] * np.outer(1 - rates, 1 - rates) + products[0] * np.outer(rates, rates)
        else:
            within, size = np.asarray(cluster_cross, dtype=np.float64), len(mass)
            both = np.hstack([np.eye(size), np.eye(size)])
            turn = np.hstack([-np.diag(rates), np.diag(1 - rates)])
            squares, scores = both @ within @ both.T, turn @ within @ turn.T
        covariance = scores / np.outer(mass, mass) * (n / (n - 1) if n > 1 else np.nan)
        effective = mass**2 / np.diag(squares)
    return WeightedRates(rates, covariance, mass, total[1], total[0], effective)


@dataclass(frozen=True, slots=True)
class Bound:
    """One estimate of a gap with its error and degrees."""

    estimate: float
    error: float
    degrees_of_freedom: float


def union_interval(first: Bound, second: Bound, level: float) -> tuple[float, float]:
    """From the lower limit of either estimate to the upper limit of either, each two-sided at ``level``.

    It holds any value between what the two estimates tend to with at least that level. The shorter interval of Imbens
    and Manski (2004, Econometrica 72:1845–1857) takes one-sided limits where the two lie far apart; it leans on the
    distance being known, which fails where they are close (Stoye 2009, Econometrica 77:1299–1315), as under no gap.
    """
    from scipy.special import stdtrit

    ends = []
    for one in (first, second):
        reach = float(stdtrit(one.degrees_of_freedom, 0.5 + level / 2)) * one.error
        ends.append((one.estimate - reach, one.estimate + reach))
    return min(low for low, _ in ends), max(high for _, high in ends)


def nearest_to_none(first: Bound, second: Bound) -> float:
    """The value between two estimates that is nearest to 0: what can be said at the least."""
    if first.estimate * second.estimate <= 0:
        return 0.0
    return min(first.estimate, second.estimate, key=abs)


def union_p_value(first: Bound, second: Bound) -> float:
    """Of no gap: the larger of the two, and 1 where the estimates lie on either side of it."""
    from scipy.special import stdtr

    if first.estimate * second.estimate <= 0:
        return 1.0
    return max(float(2 * stdtr(one.degrees_of_freedom, -abs(one.estimate) / one.error)) for one in (first, second))

"""Was chance what put rows into two arms: is the share of an arm as planned, and the same whoever they are?

* Levels: Pearson's chi-square of levels by arms, or, where rows of one cluster depend, Wald's statistic of
  T_j = Σ_i (Z_i − p)(1[i in j] − π_j) with the clusters' own variance, read by F with J − 1 and G − J + 1 degrees
  (Hotelling 1931, Annals of Mathematical Statistics 2:360–378).
* Share of an arm against the one planned (Fabijan et al. 2019, 'Diagnosing sample ratio mismatch', KDD): normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUSPECT = 0.001  # p-value below which chance is not believed, as is usual for sample ratios (Fabijan et al. 2019)


@dataclass(frozen=True, slots=True)
class Balance:
    """A test of balance; ``p_value`` NaN where there is nothing to test."""

    statistic: float
    freedom: int
    p_value: float


_NONE = Balance(float("nan"), 0, float("nan"))


def levels_by_arm(counts: ArrayLike) -> Balance:
    """Pearson's test of rows (J, 2) of J levels in two arms."""
    from scipy.special import chdtrc

    n = np.asarray(counts, dtype=np.float64)
    n = n[n.sum(axis=1) > 0]
    if len(n) < 2 or not (n.sum(axis=0) > 0).all():
        return _NONE
    expected = np.outer(n.sum(axis=1), n.sum(axis=0)) / n.sum()
    statistic = float(((n - expected) ** 2 / expected).sum())
    return Balance(statistic, len(n) - 1, float(chdtrc(len(n) - 1, statistic)))


def levels_by_clusters(departures: ArrayLike, variance: ArrayLike, clusters: int) -> Balance:
    """Wald's test of the departures T (J − 1,) with their variance (J − 1, J − 1) from ``clusters``."""
    from scipy.special import fdtrc

    away, spread = np.asarray(departures, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    rank = int(np.linalg.matrix_rank(spread, hermitian=True)) if len(away) else 0
    if not rank or clusters <= rank + 1:
        return _NONE
    statistic = float(away @ np.linalg.pinv(spread, hermitian=True) @ away)
    right = clusters - rank
    return Balance(statistic, rank, float(fdtrc(rank, right, statistic * right / ((clusters - 1) * rank))))


def share_as_planned(arm: int, n: int, planned: float, variance: float | None = None) -> Balance:
    """Whether ``arm`` of ``n`` rows agree with the share planned; ``variance`` of their number where rows depend."""
    from scipy.special import ndtr

    spread = n * planned * (1 - planned) if variance is None else variance
    if not n or not spread > 0:
        return _NONE
    z = (arm - n * planned) / spread**0.5
    return Balance(float(z * z), 1, float(2 * ndtr(-abs(z))))


def merged(sizes: NDArray[np.int64], expected: NDArray[np.float64], most: int, fewest: float = 5.0) -> list[list[int]]:
    """Levels of which a test is made: the ``most`` largest, each expecting ``fewest`` in either arm; others are one."""
    order = sorted(range(len(sizes)), key=lambda i: (-int(sizes[i]), i))
    kept = [i for i in order if expected[i] >= fewest][: most - 1 if len(order) > most else most]
    rest = [i for i in order if i not in kept]
    return [*([i] for i in kept), *([rest] if rest else [])]

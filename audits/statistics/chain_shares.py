"""Shares of chains and of their loans, right-censored: a product limit over the place of a loan in its chain.

Let p_k be the chance that a loan in place k of its chain is followed by another, estimated among the loans whose time
to be followed was wholly seen: p̂_k = d_k / n_k. The chance that a chain has c loans or more is S_c = Π_{k<c} p_k, the
product limit (Kaplan and Meier 1958, JASA 53:457–481) on the scale of places. From place c on the chances are taken as
one, p_c. Then the loans of a chain number E[L] = Σ_{k≤c} S_k + S_c p_c/(1 − p_c) on average, those in chains of c or
more L_c = (c − 1) S_c + S_c/(1 − p_c), and L_c / E[L] is the share of loans that lie in such chains.

The error is by the delta method: a loan in place k with outcome y adds (∂θ/∂p_k)(y − p̂_k)/n_k; loans of one cluster
are added up before they are squared. Intervals of shares are Wilson's (1927, JASA 22:209–212) at the number of
independent loans that would have the same error (Korn and Graubard 1998, Survey Methodology 24:193–201), with
Student's t of one degree less than clusters; a share without any spread counts each cluster once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.sandwich import Floats


@dataclass(frozen=True, slots=True)
class ChainShare:
    """``estimate`` is NaN where a place before c has no loans; ``scores`` (c, 2) of a loan by place and outcome."""

    estimate: float
    scores: Floats


def long_chain_start(followed: ArrayLike, loans: ArrayLike) -> ChainShare:
    """S_c, the share of chains of c loans or more, from d_k and n_k, both (c,); the last place is c and all later."""
    return _share(followed, loans, lambda p: float(np.prod(p[:-1])))


def long_chain_loans(followed: ArrayLike, loans: ArrayLike) -> ChainShare:
    """L_c / E[L], the share of loans in chains of c or more; NaN also where every loan in place c or later is followed.

    Arrays as in ``long_chain_start``. Where no chain reaches place c the share is 0.
    """
    return _share(followed, loans, _in_long_chains)


def _in_long_chains(p: Floats) -> float:
    reached = np.concatenate([[1.0], np.cumprod(p[:-1])])
    last = float(reached[-1])
    if last == 0:
        return 0.0
    if p[-1] >= 1:
        return float("nan")
    tail = last / (1 - float(p[-1]))
    return ((len(p) - 1) * last + tail) / (float(reached[:-1].sum()) + tail)


def _share(followed: ArrayLike, loans: ArrayLike, share: Callable[[Floats], float]) -> ChainShare:
    d, n = np.asarray(followed, dtype=np.float64), np.asarray(loans, dtype=np.float64)
    if d.ndim != 1 or d.shape != n.shape or len(d) < 2:
        raise ValueError(f"loans: found shapes {d.shape} and {n.shape}, expected two alike of two places or more")
    if (d < 0).any() or (d > n).any():
        raise ValueError("followed: found more than the loans or less than none, expected none to all of them")
    nothing = np.zeros((len(d), 2))
    ended = np.flatnonzero((n > 0) & (d == 0))  # behind a place that no chain passes nothing need be known
    first = int(ended[0]) if len(ended) else len(d)
    if (n[:first] == 0).any():
        return ChainShare(float("nan"), nothing)
    p = np.divide(d, n, out=np.zeros_like(d), where=n > 0)
    estimate = share(p)
    if not np.isfinite(estimate):
        return ChainShare(float("nan"), nothing)
    slopes = np.array([_slope(share, p, k) if n[k] > 0 else 0.0 for k in range(len(p))])
    scale = np.divide(slopes, n, out=np.zeros_like(slopes), where=n > 0)
    return ChainShare(estimate, np.column_stack([-p * scale, (1 - p) * scale]))


def _slope(share: Callable[[Floats], float], p: Floats, k: int) -> float:
    """∂θ/∂p_k by central differences, within [0, 1]."""
    step = 1e-6
    low, high = max(p[k] - step, 0.0), min(p[k] + step, 1.0 - 1e-9 if k == len(p) - 1 else 1.0)
    ends = []
    for value in (low, high):
        moved = p.copy()
        moved[k] = value
        ends.append(share(moved))
    return (ends[1] - ends[0]) / float(high - low)


def clustered_share_interval(
    estimate: float, variance: float, clusters: int, loans: float
) -> Callable[[float], tuple[float, float]]:
    """The interval as a function of its level, from the clustered ``variance`` of a share over ``loans``.

    ``ValueError`` for fewer than two clusters.
    """
    from scipy.special import stdtrit

    if clusters < 2:
        raise ValueError(f"clusters: found {clusters}, expected two or more")
    plain = estimate * (1 - estimate)
    size = min(plain / variance, loans) if variance > 0 and plain > 0 else float(min(clusters, loans))

    def interval_at(level: float) -> tuple[float, float]:
        z2 = float(stdtrit(clusters - 1, 0.5 + level / 2)) ** 2
        middle = (estimate + z2 / (2 * size)) / (1 + z2 / size)
        reach = float(np.sqrt(z2 * (plain / size + z2 / (4 * size**2)))) / (1 + z2 / size)
        return max(middle - reach, 0.0), min(middle + reach, 1.0)

    return interval_at

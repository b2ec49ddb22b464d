"""Is a group over-represented among the dearest share s of all loans?

With rates r and the threshold t above which s of all loans lie, A = 1 above t, 0 below, and at t the same fraction w of
every loan, so that the A add up to s N exactly: ties at the threshold are split evenly. A group G of n loans has the
mass d = Σ_G A among the dearest, its own rate among them is p = d / n, and its over-representation p / s, which is also
its share of the dearest over its share of all.

The threshold is estimated from the same loans. To first order a loan adds to p the influence

    [1_G (A − p) − q (A − s)] / P(G),

q the share of the group among loans at the threshold (a functional of a distribution and its quantile: van der Vaart
1998, Asymptotic Statistics, sections 20.1 and 21.2). The second term is what the threshold's own chance takes away: the
same formula serves an atom at t, where q is its share exactly, and a continuous rate, where q is taken from the loans
near t. If rates do not depend on groups, the variance is s (1 − s) (1 − P(G)) / n, that of the hypergeometric.
Variances are told as effective numbers of loans n* = p (1 − p) / variance, so that Wilson's interval serves (Korn and
Graubard 1998, Survey Methodology 24:193–201); with clusters the influences are summed within them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
FEW_CLUSTERS = 20


@dataclass(frozen=True, slots=True)
class DearestShare:
    """Of one group. ``rate`` p of its loans are among the dearest, ``part`` is its share of them.

    ``n_rate`` and ``n_part`` are effective numbers of loans behind either; ``least`` and ``most`` bound what p can be.
    ``tied`` is the share of the dearest that lies at the threshold.
    """

    loans: float
    dearest: float
    rate: float
    part: float
    of_all: float
    near: float
    n_rate: float
    n_part: float
    least: float
    most: float
    tied: float

    def p_value(self, share: float) -> float:
        """That the group's loans are among the dearest as often as all loans: score test with ``n_rate``."""
        from scipy.special import ndtr

        if not self.n_rate > 0:
            return nan
        return float(2 * ndtr(-abs(self.rate - share) / sqrt(share * (1 - share) / self.n_rate)))


def membership(totals: ArrayLike, share: float) -> Floats:
    """A of each band (5,), dearest first, the third at the threshold; ``totals`` are all loans by band."""
    rows = np.asarray(totals, dtype=np.float64)
    if rows.shape != (5,) or not rows[2] > 0 or not 0 < share < 1:
        raise ValueError("expected loans by five bands, some of them at the threshold, and a share between 0 and 1")
    tied = (share * rows.sum() - rows[:2].sum()) / rows[2]
    if not -1e-9 <= tied <= 1 + 1e-9:
        raise ValueError(f"{tied:g} of the loans at the threshold would be among the dearest: it is no threshold")
    return np.array([1.0, 1.0, min(max(tied, 0.0), 1.0), 0.0, 0.0])


def dearest_share(
    own: ArrayLike, others: ArrayLike, share: float, products: ArrayLike | None = None, clusters: float = 0.0,
    held: float = 1.0,
) -> DearestShare:  # fmt: skip
    """The figures of a group from its loans by band (5,) and those of all others.

    ``products`` (10, 10) of counts within clusters, the group's bands first, ``clusters`` those of the group at least,
    ``held`` the share of loans whose cluster is known. Raises ``ValueError`` for an empty group or no threshold.
    """
    mine, rest = np.asarray(own, dtype=np.float64), np.asarray(others, dtype=np.float64)
    a = membership(mine + rest, share)
    n, every = float(mine.sum()), float(mine.sum() + rest.sum())
    if not n > 0:
        raise ValueError("the group has no loans")
    d = float((a * mine).sum())
    p, dear = d / n, share * every
    near = _near(mine, rest)
    is_own = np.concatenate([np.ones(5), np.zeros(5)])
    both, counts = np.concatenate([a, a]), np.concatenate([mine, rest])
    of_rate = is_own * (both - p) - near * (both - share)
    of_part = is_own * both - d / every - near * (both - share)
    spread = np.diag(counts) if products is None else np.asarray(products, dtype=np.float64)
    factor = 1.0 if products is None else clusters / max(clusters - 1, 1) / held
    own_together = float(is_own @ spread @ is_own) / held
    others_part = 1 - n / every
    few = products is not None and clusters < FEW_CLUSTERS
    plain = n * n / own_together / max(others_part, 1e-12)

    def worth(rate: float, influence: Floats, whole: float, kish: float) -> float:
        variance = float(influence @ spread @ influence) * factor / whole**2
        return kish if few or not 0 < rate < 1 or not variance > 0 else rate * (1 - rate) / variance

    return DearestShare(
        loans=n, dearest=d, rate=p, part=d / dear, of_all=n / every, near=near,
        n_rate=worth(p, of_rate, n, plain), n_part=worth(d / dear, of_part, dear, dear * n / own_together),
        least=max(0.0, (dear - (every - n)) / n), most=min(1.0, dear / n),
        tied=float(a[2] * (mine[2] + rest[2]) / dear),
    )  # fmt: skip


def _near(mine: Floats, rest: Floats) -> float:
    """The group's share among loans at the threshold, or among those near it where few loans lie at it exactly."""
    window = mine[1:4].sum() + rest[1:4].sum()
    at = mine[2] + rest[2]
    if 2 * at >= window:
        return float(mine[2] / at)
    return float(mine[1:4].sum() / window)

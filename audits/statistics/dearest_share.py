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

    ``n_part`` is the effective number of loans behind ``part``. The interval of p is that of the smaller side, the
    group or all others, whose counts are the scarcer: ``side_rate`` of its ``side_loans`` are among the dearest, worth
    ``n_side``. ``own`` says that the side is the group. ``tied`` is the share of the dearest that lies at the
    threshold, ``near`` the group's share of the loans there.
    """

    share: float
    loans: float
    dearest: float
    all_dearest: float
    rate: float
    part: float
    of_all: float
    near: float
    tied: float
    own: bool
    side_loans: float
    side_rate: float
    n_side: float
    n_part: float

    @property
    def p_value(self) -> float:
        """That loans of the group are among the dearest as often as all loans: score test of the smaller side."""
        from scipy.special import ndtr

        if not self.n_side > 0:
            return nan
        error = sqrt(self.share * (1 - self.share) / self.n_side)
        return float(2 * ndtr(-abs(self.side_rate - self.share) / error))

    @property
    def error(self) -> float:
        """Standard error of p / s if the group were among the dearest as often as all; NaN where it has none."""
        if not self.n_side > 0:
            return nan
        scale = self.side_loans / self.loans
        return scale * sqrt(self.share * (1 - self.share) / self.n_side) / self.share

    def ratio_interval(self, level: float | Floats) -> tuple[Floats, Floats]:
        """Bounds of p / s, within what the sizes of the groups allow; ``level`` may be an array."""
        low, high = _wilson(self.side_rate, self.n_side, level)
        if not self.own:
            low, high = ((self.all_dearest - self.side_loans * end) / self.loans for end in (high, low))
        others = self.loans / self.of_all - self.loans
        least, most = max(0.0, self.all_dearest - others) / self.loans, min(1.0, self.all_dearest / self.loans)
        return np.clip(low, least, most) / self.share, np.clip(high, least, most) / self.share

    def part_interval(self, level: float | Floats) -> tuple[Floats, Floats]:
        """Bounds of the group's share of the dearest."""
        return _wilson(self.part, self.n_part, level)


def _wilson(rate: float, worth: float, level: float | Floats) -> tuple[Floats, Floats]:
    from audits.statistics.counts import effective_counts
    from audits.statistics.proportions import score_interval_rate

    with effective_counts():
        found = score_interval_rate(rate * worth, worth, level)
    return found.low, found.high


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

    ``products`` (10, 10) of counts within clusters, the group's bands first, ``clusters`` those of the smaller of both
    at least, ``held`` the share of loans whose cluster is known. Raises ``ValueError`` where one of both is empty.
    """
    mine, rest = np.asarray(own, dtype=np.float64), np.asarray(others, dtype=np.float64)
    a = membership(mine + rest, share)
    n, n_others = float(mine.sum()), float(rest.sum())
    if not (n > 0 and n_others > 0):
        raise ValueError("the group has no loans, or all of them")
    d, every = float((a * mine).sum()), n + n_others
    p, dear, near = d / n, share * every, _near(mine, rest)
    is_own = np.concatenate([np.ones(5), np.zeros(5)])
    both, counts = np.concatenate([a, a]), np.concatenate([mine, rest])
    spread = np.diag(counts) if products is None else np.asarray(products, dtype=np.float64)
    factor = 1.0 if products is None else clusters / max(clusters - 1, 1) / held
    few = products is not None and clusters < FEW_CLUSTERS

    def worth(rate: float, variance: float, plain: float) -> float:
        return plain if few or not 0 < rate < 1 or not variance > 0 else rate * (1 - rate) / variance

    def spread_of(influence: Floats, whole: float) -> float:
        return float(influence @ spread @ influence) * factor / whole**2

    def plain_of(members: Floats, loans: float) -> float:
        """Loans of a side as if those of a cluster were one, before a threshold is estimated."""
        return loans**2 * held / float(members @ spread @ members)

    smaller = n <= n_others
    side, whole = (is_own, n) if smaller else (1 - is_own, n_others)
    side_rate = p if smaller else (dear - d) / n_others
    of_rate = is_own * (both - p) - near * (both - share)
    n_side = worth(side_rate, spread_of(of_rate, n) * (n / whole) ** 2, plain_of(side, whole) / (1 - whole / every))
    of_part = is_own * both - d / every - near * (both - share)
    return DearestShare(
        share=share, loans=n, dearest=d, all_dearest=dear, rate=p, part=d / dear, of_all=n / every, near=near,
        tied=float(a[2] * (mine[2] + rest[2]) / dear), own=smaller, side_loans=whole, side_rate=side_rate,
        n_side=n_side, n_part=worth(d / dear, spread_of(of_part, dear), dear * plain_of(is_own, n) / n),
    )  # fmt: skip


def _near(mine: Floats, rest: Floats) -> float:
    """The group's share among loans at the threshold, or among those near it where few loans lie at it exactly."""
    window = mine[1:4].sum() + rest[1:4].sum()
    at = mine[2] + rest[2]
    if 2 * at >= window:
        return float(mine[2] / at)
    return float(mine[1:4].sum() / window)

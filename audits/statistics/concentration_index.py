"""How unequally is something spread along a rank such as income?

With h what a person has, r the fractional rank (mid-ranks for ties, so that its mean is ½) and μ the mean of h, the
concentration index is C = 2 cov(h, r) / μ (Kakwani 1980; Wagstaff, Paci and van Doorslaer 1991, Social Science &
Medicine 33:545–557): above 0 those of higher rank have more, and C lies between −1 and 1 for h ≥ 0. Of a yes or no it
lies between μ − 1 and 1 − μ, so that levels do not compare: Wagstaff's index (2005, Health Economics 14:429–432) is
C / (1 − μ), and Erreygers' (2009, Journal of Health Economics 28:504–515) is 4 μ C = 8 cov(h, r), whose bounds are −1
and 1 at any level, and which a change of yes into no turns round exactly.

Errors are those of Kakwani, Wagstaff and van Doorslaer (1997, Journal of Econometrics 77:87–103), which count that
ranks are estimated from the same people: with S the mean over all persons of h above the person's own rank, ties
halved, a person moves cov(h, r) by h r + S − 2 E[h r] − (h − μ) / 2, and ratios by the usual expansion. Persons are
taken as independent. Indices and errors are multiplied by n / (n − 1), which makes cov(h, r) unbiased: a person's own
rank counts half of himself.

Theil's index (1967, Economics and Information Theory) is T = E[(y / μ) log(y / μ)], 0 where all have the same. It adds
up exactly: T = Σ_g s_g T_g + Σ_g s_g log(μ_g / μ), s_g the share of group g in the whole: within and between groups
(Shorrocks 1980, Econometrica 48:613–625). Its error is the linearised one of a function of the means of y and y log y
(Cowell 1989, Journal of Econometrics 42:27–41).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConcentrationIndex:
    """Of ``n`` persons with mean ``mean``: C, Erreygers' 8 cov(h, r) and Wagstaff's index, each with its error.

    C is NaN where the mean is not above 0; Wagstaff's index where it is not below 1 either.
    """

    n: float
    mean: float
    index: float
    index_error: float
    erreygers: float
    erreygers_error: float
    wagstaff: float
    wagstaff_error: float


def concentration_index(counts: ArrayLike, totals: ArrayLike, squares: ArrayLike) -> ConcentrationIndex:
    """From n, Σ h and Σ h² at each place of the rank, ascending, arrays (B,); places without persons may occur.

    ``ValueError`` for other shapes or fewer than two persons.
    """
    n, h, q = (np.asarray(part, dtype=np.float64) for part in (counts, totals, squares))
    if n.ndim != 1 or n.shape != h.shape or n.shape != q.shape:
        raise ValueError(f"counts, totals, squares: found shapes {n.shape}, {h.shape}, {q.shape}, expected (B,) each")
    size = float(n.sum())
    if size < 2:
        raise ValueError(f"counts: found {size:g} persons, expected at least two")
    rank = (np.cumsum(n) - n / 2) / size
    above = (h.sum() - np.cumsum(h) + h / 2) / size
    mean, product = float(h.sum()) / size, float(h @ rank) / size
    covariance, whole = product - mean / 2, size / (size - 1)
    # a person with h at rank r moves the covariance by slope h + constant, and the mean by h − mean
    slope, constant = rank - 0.5, above - 2 * product + mean / 2

    def error(scale: float, by_mean: float = 0.0) -> float:
        """Of scale · cov, ``by_mean`` what a unit of the mean moves the figure by beside it."""
        a, b = scale * slope + by_mean, scale * constant - by_mean * mean
        spread = float(a**2 @ q + 2 * (a * b) @ h + b**2 @ n)
        return whole * float(np.sqrt(max(spread, 0.0))) / size

    index = index_error = wagstaff = wagstaff_error = nan
    if mean > 0:
        index = 2 * covariance / mean
        index_error = error(2 / mean, -index / mean)
    if 0 < mean < 1:
        left = mean * (1 - mean)
        wagstaff = 2 * covariance / left
        wagstaff_error = error(2 / left, -wagstaff * (1 - 2 * mean) / left)
    return ConcentrationIndex(
        size, mean, whole * index, index_error, whole * 8 * covariance, error(8.0), whole * wagstaff, wagstaff_error
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TheilIndex:
    """``index`` = ``within`` + ``between``, its error, and the index, share and mean of each group, arrays (G,)."""

    n: float
    index: float
    error: float
    within: float
    between: float
    by_group: Floats
    shares: Floats
    means: Floats


def theil_index(
    counts: ArrayLike, totals: ArrayLike, squares: ArrayLike, logged: ArrayLike, logged_squares: ArrayLike,
    mixed: ArrayLike,
) -> TheilIndex:  # fmt: skip
    """From n, Σ y, Σ y², Σ y log y, Σ (y log y)² and Σ y² log y of each group, arrays (G,), all y above 0.

    ``ValueError`` for a group without a value, or fewer than two in all.
    """
    parts = (counts, totals, squares, logged, logged_squares, mixed)
    n, y, yy, ly, lyly, yly = (np.asarray(part, dtype=np.float64) for part in parts)
    if n.ndim != 1 or not n.size or not (n > 0).all() or not (y > 0).all() or n.sum() < 2:
        raise ValueError("counts, totals: expected groups with values above 0, two values at least")
    size, mean = float(n.sum()), float(y.sum() / n.sum())
    means, shares = y / n, y / y.sum()
    by_group = np.maximum(ly / y - np.log(means), 0.0)
    within, between = float(shares @ by_group), max(float(shares @ np.log(means / mean)), 0.0)
    a, b = 1 / mean, -(float(ly.sum()) / size + mean) / mean**2
    c = -(a * float(ly.sum()) + b * float(y.sum())) / size
    spread = (
        a**2 * lyly.sum() + b**2 * yy.sum() + 2 * a * b * yly.sum() + 2 * c * (a * ly.sum() + b * y.sum()) + c**2 * size
    )
    error = float(np.sqrt(max(float(spread), 0.0) / (size * (size - 1))))
    return TheilIndex(size, within + between, error, within, between, by_group, shares, means)

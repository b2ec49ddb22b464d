"""Do two groups with the same score have the same outcome rate? The mean difference at equal score.

Rows are counts by score: x good outcomes among n rows of the group asked about (suffix 1) and of the comparison group
(suffix 0) at each score. The scores are cut into bins of equal pooled size, and y = a_b + c_b (score − mean_b) +
gap · 1{group} + e is fitted by least squares: within a bin the score still has a slope of its own, since two groups
that are spread differently over the scores also differ within a bin. Where each score is a bin of its own there is no
slope, and the gap is the Mantel–Haenszel risk difference, the mean of the differences with weights n1 n0/(n1 + n0);
with slopes the weights are those, less what the score itself tells of the group.

Without slopes a calibrated score is accused: with 20 bins, two normal spreads one deviation apart and 1e6 rows it was
found to differ at level .95 in 173 of 300 draws, with slopes in about .05. The number of bins
grows with the root of the smaller group, so that what bending remains within bins shrinks as fast as the error.

Errors: HC3, Σ d² e²/(1 − h)² / (Σ d²)² with d the group indicator after bins and slopes, e the residual and h the
leverage (MacKinnon and White 1985, Journal of Econometrics 29:305–325), by Student's t with one degree less than the
smaller group has rows. Groups spread apart so far that no bin holds both cannot be compared, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.counts import Floats, checked_pairs
from checks.sentence import said

FEWEST_BINS, MOST_BINS = 5, 200
_ALONE = 1e-9  # one less a leverage below this: the row fits itself


class CalibrationCaveat(IntEnum):
    """Why there is no gap, or no error of it."""

    NONE = 0
    NO_ROWS = 1
    CONSTANT_SCORE = 2
    NO_OVERLAP = 3
    NO_VARIANCE = 4

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    CalibrationCaveat.NO_ROWS: said("one of the two groups has no row with a score and a known outcome"),
    CalibrationCaveat.CONSTANT_SCORE: said("the score takes one value only, so that it tells nobody apart"),
    CalibrationCaveat.NO_OVERLAP: said("no part of the range of scores holds rows of both groups"),
    CalibrationCaveat.NO_VARIANCE: said("the outcome does not vary at equal score, so that there is no error to go by"),
}


@dataclass(frozen=True, slots=True)
class CalibrationGap:
    """Outcome rate of the group less that of the comparison group at equal score, NaN where ``caveat`` says why.

    ``freedom`` are the degrees of Student's t; ``alone1`` and ``alone0`` the rows in bins that hold nobody of the other
    group, ``compared1`` and ``compared0`` the good outcomes and rows in the others; ``sloped`` says whether bins hold
    more than one score each.
    """

    gap: float
    standard_error: float
    freedom: float
    bins: int
    sloped: bool
    alone1: int
    alone0: int
    compared1: tuple[int, int]
    compared0: tuple[int, int]
    caveat: CalibrationCaveat


def calibration_gap(
    score: ArrayLike, x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, bins: int | None = None
) -> CalibrationGap:
    """The mean gap at equal score; ``score`` (V,) may repeat. ``bins`` overrides their number.

    Raises ValueError for counts that are not whole, or scores that are not finite.
    """
    a, m, c, k = checked_pairs(x1, n1, x0, n0)
    values = np.asarray(score, dtype=np.float64)
    if values.shape != a.shape or values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"score: found shape {values.shape}, expected one finite score for each of {a.size} counts")
    kept = m + k > 0
    found, inverse = np.unique(values[kept], return_inverse=True)
    place = inverse.astype(np.int64)
    sums = [_added(place, part[kept], len(found)) for part in (a, m, c, k)]
    rows1, rows0 = int(m.sum()), int(k.sum())
    if not rows1 or not rows0:
        return _without(CalibrationCaveat.NO_ROWS, rows1, rows0)
    if len(found) == 1:
        return _without(CalibrationCaveat.CONSTANT_SCORE, rows1, rows0)
    many = bins or int(np.clip(np.sqrt(min(rows1, rows0)), FEWEST_BINS, MOST_BINS))
    bin_of = _quantile_bins(sums[1] + sums[3], many)
    return _fitted(_unit(found), bin_of, sums)


def _without(caveat: CalibrationCaveat, rows1: int, rows0: int) -> CalibrationGap:
    return CalibrationGap(np.nan, np.nan, np.nan, 0, False, rows1, rows0, (0, 0), (0, 0), caveat)


def _added(place: NDArray[np.int64], values: Floats, size: int) -> Floats:
    """Sum of the values at each place."""
    return np.bincount(place, values, minlength=size).astype(np.float64)


def _unit(score: Floats) -> Floats:
    """Scores moved to [0, 1], which changes no gap and keeps digits."""
    half = score / 2  # the range of a float64 may not hold the difference of two
    return np.asarray((half - half[0]) / (half[-1] - half[0]))


def _quantile_bins(rows: Floats, many: int) -> NDArray[np.int64]:
    """The bin of each score, ascending: every score alone where they are few, else equal shares of the rows."""
    if len(rows) <= many:
        return np.arange(len(rows), dtype=np.int64)
    middle = np.cumsum(rows) - rows / 2
    return np.unique((middle / rows.sum() * many).astype(np.int64), return_inverse=True)[1].astype(np.int64)


def _fitted(score: Floats, bin_of: NDArray[np.int64], sums: list[Floats]) -> CalibrationGap:
    """Least squares within bins; cells are (score, group, outcome), those of group 1 first."""
    a, m, c, k = sums
    bins = int(bin_of[-1]) + 1
    in1, in0 = (_added(bin_of, part, bins) for part in (m, k))
    shared = ((in1 > 0) & (in0 > 0))[bin_of]
    counted = [int(part[shared].sum()) for part in sums]
    alone1, alone0 = (int(part[~shared].sum()) for part in (m, k))
    sloped = len(score) > bins
    own, other = (counted[0], counted[1]), (counted[2], counted[3])
    nothing = CalibrationGap(
        np.nan, np.nan, np.nan, bins, sloped, alone1, alone0, own, other, CalibrationCaveat.NO_OVERLAP
    )  # fmt: skip
    if not shared.any():
        return nothing
    s, b = np.tile(score[shared], 4), np.tile(bin_of[shared], 4)
    n = np.concatenate([part[shared] for part in (a, m - a, c, k - c)])
    width = int(shared.sum())
    d, y = np.repeat([1.0, 1.0, 0.0, 0.0], width), np.repeat([1.0, 0.0, 1.0, 0.0], width)
    d_left, y_left, leverage = _within(s, b, n, d, y, bins)
    spread = float((n * d_left**2).sum())
    if not spread > _ALONE * float(n.sum()):
        return nothing
    gap = float((n * d_left * y_left).sum() / spread)
    free = 1 - leverage - d_left**2 / spread
    residual = y_left - gap * d_left
    used = (n > 0) & (np.abs(d_left) > _ALONE)
    with np.errstate(divide="ignore", invalid="ignore"):
        pushed = n * d_left**2 * (residual / free) ** 2
    variance = float(pushed[used].sum()) / spread**2
    fine = bool((free[used] > _ALONE).all()) and variance > _ALONE**2
    error = np.sqrt(variance) if fine else np.nan
    caveat = CalibrationCaveat.NONE if fine else CalibrationCaveat.NO_VARIANCE
    freedom = float(max(min(counted[1], counted[3]) - 1, 1))
    return CalibrationGap(gap, float(error), freedom, bins, sloped, alone1, alone0, own, other, caveat)


def _within(
    s: Floats, b: NDArray[np.int64], n: Floats, d: Floats, y: Floats, bins: int
) -> tuple[Floats, Floats, Floats]:
    """What bin and score within the bin leave of group and outcome, and the leverage that they take."""

    def total(value: Floats) -> Floats:
        return _added(b, n * value, bins)

    rows = np.maximum(total(np.ones_like(s)), 1.0)
    centred = s - (total(s) / rows)[b]
    centred = centred - (total(centred) / rows)[b]  # once more, for the digits that the first time left
    squares = total(centred**2)
    slopes = squares > _ALONE**2 * rows
    safe = np.where(slopes, squares, 1.0)
    left = []
    for column in (d, y):
        away = column - (total(column) / rows)[b]
        left.append(away - np.where(slopes, total(centred * away) / safe, 0.0)[b] * centred)
    leverage = (1 / rows)[b] + np.where(slopes[b], centred**2 / safe[b], 0.0)
    return left[0], left[1], leverage

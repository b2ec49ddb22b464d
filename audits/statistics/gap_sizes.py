"""How many rows must be drawn of two sides until the gap of their mean outputs is told as well as was asked?

The error of drawing n of N rows is what the outputs vary by within bins, over n, less the share drawn (Särndal,
Swensson and Wretman 1992, Model Assisted Survey Sampling, 7.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.ladder import critical

Floats = NDArray[np.float64]
MOST_PAIRS, WORTH = 3, 0.05  # products of two features that may be used, and the share that each must tell
_RIDGE, _CLOSE, _ROUNDS, _TOGETHER = 1e-8, 1e-6, 200, 1e-10


def rows_needed(
    residuals: Sequence[float], sizes: Sequence[int], gap: float, half_width: float, level: float = 0.95
) -> int:
    """Rows to draw of each side so that the half-width of sampling is ``half_width`` of the size of ``gap``.

    ``residuals`` are what a row of each side varies by within bins (``Side.residual``). n with
    z² Σ residual (1 / n − 1 / N) = (half_width gap)², each side with at most its N rows; all of them where no smaller
    number will do.
    """
    allowed = (half_width * abs(gap) / critical(level)) ** 2

    def left(n: int) -> float:
        return sum(one * (1 / min(n, size) - 1 / size) for one, size in zip(residuals, sizes, strict=True))

    low, high = 2, max(sizes)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if left(middle) <= allowed else (middle + 1, high)
    return low


@dataclass(frozen=True, slots=True, eq=False)
class Additive:
    """Outputs as a sum of functions of features' bins: what is ``left`` (n,), and the variance of each function (p,).

    ``left`` is so sized that its mean square is that of further rows; a variance is less what chance alone would give.
    """

    left: Floats
    variances: Floats

    def telling(self) -> list[int]:
        """The features whose functions vary: those of the others have ``WORTH`` of what is left or less together."""
        order = np.argsort(self.variances, kind="stable")
        without = np.cumsum(self.variances[order]) <= WORTH * float(np.mean(self.left**2))
        return sorted(int(i) for i in order[~without])


def beyond_bins(outputs: ArrayLike, bins: Sequence[ArrayLike]) -> Additive:
    """Outputs (n,) as a sum of functions of the features' bins (n,), empty for a feature without.

    Least squares on indicators of the bins, by LSMR (Fong and Saunders 2011, SIAM Journal on Scientific Computing
    33:2950-2971) with as little of a ridge as tells apart bins that go together. It guesses what ``Side.residual`` is
    the variance of before there are contributions, and is exact where these are functions of their own bins.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsmr

    y = np.asarray(outputs, dtype=np.float64)
    given = [np.asarray(one, dtype=np.int64) for one in bins]
    codes = [one for one in given if one.size]
    starts = np.cumsum([1, *(int(one.max()) + 1 for one in codes)])
    places = [np.zeros(len(y), dtype=np.int64), *(one + start for one, start in zip(codes, starts, strict=False))]
    held = np.stack(places, axis=1)  # each row's ones
    ends = np.arange(len(y) + 1) * held.shape[1]
    rows = np.bincount(held.ravel(), minlength=int(starts[-1]))
    scale = 1 / np.sqrt(np.maximum(rows, 1))  # columns of one length take a fraction of the rounds
    design = csr_array((scale[held.ravel()], held.ravel(), ends), shape=(len(y), len(rows)))
    told = lsmr(design, y, damp=sqrt(_RIDGE), atol=_CLOSE, btol=_CLOSE, maxiter=_ROUNDS)[0]
    several = [len(np.unique(one)) - 1 if one.size else 0 for one in given]
    left = np.asarray((y - design @ told) * sqrt(len(y) / max(len(y) - sum(several) - 1, 1)))
    chance = float(np.mean(left**2)) / len(y)
    found, at = np.zeros(len(given)), iter(zip(codes, starts, strict=False))
    for i, free in enumerate(several):
        if given[i].size:
            one, start = next(at)
            found[i] = max(float((told * scale)[start + one].var()) - chance * free, 0.0)
    return Additive(left, found)


def telling_pairs(left: ArrayLike, scores: Sequence[ArrayLike | None]) -> list[tuple[int, int]]:
    """Pairs of features whose product tells at least ``WORTH`` of the mean square of what is ``left`` (n,); few.

    ``scores`` (n,) of each feature, None of one that has none. The pair that tells most comes first.
    """
    rest = np.asarray(left, dtype=np.float64)
    known = [i for i, one in enumerate(scores) if one is not None]
    if len(known) < 2 or not float(rest @ rest) > 0:  # noqa: PLR2004 - a pair
        return []
    held = _centred(scores, known)
    with_rest = np.einsum("n,ni,nj->ij", rest, held, held)  # on one thread: one that waits for more would cost most
    alone = np.einsum("ni,nj->ij", held**2, held**2)
    one, other = np.triu_indices(len(known), 1)
    told = with_rest[one, other] ** 2 / np.maximum(alone[one, other], 1e-300) / float(rest @ rest)
    best = [int(i) for i in np.argsort(-told, kind="stable")[:MOST_PAIRS] if told[i] >= WORTH]
    return [(known[one[i]], known[other[i]]) for i in best]


def variances(
    left: ArrayLike, scores: Sequence[ArrayLike | None], pairs: Sequence[tuple[int, int]], sides: Sequence[ArrayLike]
) -> list[float]:
    """The mean square of what is ``left`` (n,) beside products of ``pairs``, of each of ``sides`` (places of rows)."""
    rest = np.asarray(left, dtype=np.float64)
    if pairs:
        known = sorted({i for pair in pairs for i in pair})
        held = dict(zip(known, _centred(scores, known).T, strict=True))
        products = np.stack([held[one] * held[other] for one, other in pairs], axis=1)
        gram, told = np.einsum("ni,nj->ij", products, products), np.einsum("ni,n->i", products, rest)
        rest = rest - np.einsum("ni,i->n", products, np.linalg.lstsq(gram, told, rcond=_TOGETHER)[0])
    return [float(np.mean(rest[np.asarray(side)] ** 2)) for side in sides]


def _centred(scores: Sequence[ArrayLike | None], known: Sequence[int]) -> Floats:
    held = np.stack([np.asarray(scores[i], dtype=np.float64) for i in known], axis=1)
    return np.asarray(held - held.mean(axis=0))

"""How many rows must be drawn of two sides until the gap of their mean outputs is told as well as was asked?

The error of drawing n of N rows is what the outputs vary by within bins, over n, less the share drawn (Särndal,
Swensson and Wretman 1992, Model Assisted Survey Sampling, 7.6).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.ladder import critical


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


def additive_residuals(outputs: ArrayLike, bins: Sequence[ArrayLike], sides: Sequence[ArrayLike]) -> list[float]:
    """What the outputs (n,) of each of ``sides`` (places of its rows) vary by beyond a sum of functions of the bins.

    Least squares on indicators of the bins, with as little of a ridge as tells apart bins that go together. It guesses
    ``Side.residual`` before there are contributions, and is exact where these are functions of their own bins.
    """
    from scipy.sparse import csr_array

    y = np.asarray(outputs, dtype=np.float64)
    codes = [np.asarray(one, dtype=np.int64) for one in bins if np.asarray(one).size]
    starts = np.cumsum([1, *(int(one.max()) + 1 for one in codes)])
    places = [np.zeros(len(y), dtype=np.int64), *(one + start for one, start in zip(codes, starts, strict=False))]
    held = np.stack(places, axis=1)  # each row's ones
    ends = np.arange(len(y) + 1) * held.shape[1]
    design = csr_array((np.ones(held.size), held.ravel(), ends), shape=(len(y), int(starts[-1])))
    gram = (design.T @ design).toarray()
    ridge = 1e-8 * len(y) * np.eye(len(gram))
    left = y - design @ np.linalg.solve(gram + ridge, design.T @ y)
    free = max(len(y) - sum(len(np.unique(one)) - 1 for one in codes) - 1, 1)
    return [float(np.mean(left[np.asarray(side)] ** 2)) * len(y) / free for side in sides]

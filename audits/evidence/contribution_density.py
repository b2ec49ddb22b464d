"""Hills: how many rows of a label a feature moves by how much, and what values these rows have of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.contribution_results import HIDDEN, Hill

BINS = 24
_ENDS = (0.005, 0.995)
Floats = NDArray[np.float64]


def edges_of(contributions: Floats) -> tuple[float, float]:
    """Between which quantiles of the contributions (n,) the bins lie; what is beyond counts in the last."""
    low, high = (float(one) for one in np.quantile(contributions, _ENDS))
    return (low, high) if high > low else (low - 1e-12, low + 1e-12)


def ranks_of(values: NDArray[Any]) -> Floats | None:
    """The rank (n,) of numbers, from 0 to 1, equal ones alike and NaN where missing; None for anything else."""
    from scipy.stats import rankdata

    if values.dtype.kind not in "iuf":
        return None
    numbers = values.astype(np.float64)
    known = ~np.isnan(numbers)
    ranks = np.full(len(numbers), np.nan)
    if known.any():
        ranks[known] = (rankdata(numbers[known]) - 1) / max(int(known.sum()) - 1, 1)
    return ranks


def hill_of(contributions: Floats, ranks: Floats | None, edges: tuple[float, float]) -> Hill:
    """The bins of rows (n,); one with fewer than ``HIDDEN`` rows is told as empty."""
    low, high = edges
    places = np.clip(((contributions - low) / (high - low) * BINS).astype(np.int64), 0, BINS - 1)
    rows = np.bincount(places, minlength=BINS)
    rows[rows < HIDDEN] = 0
    told: list[float | None] = [None] * BINS
    if ranks is not None:
        known = ~np.isnan(ranks)
        counts = np.bincount(places[known], minlength=BINS)
        sums = np.bincount(places[known], weights=ranks[known], minlength=BINS)
        told = [round(float(s / n), 4) if n >= HIDDEN and held else None
                for s, n, held in zip(sums, counts, rows, strict=True)]  # fmt: skip
    return Hill(tuple(int(one) for one in rows), tuple(told))

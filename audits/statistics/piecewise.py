"""A column in pieces: numbers as functions that rise and fall between knots, or as bins; texts as levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def is_number(column: NDArray[Any]) -> bool:
    """Whether a column (n,) holds numbers or truth values."""
    return column.dtype.kind in "fiub"


def texts_of(column: NDArray[Any]) -> NDArray[np.str_]:
    """Values (n,) as texts, each after ``=``; a missing one is empty."""
    return np.array(["" if value is None or value != value else f"={value}" for value in column], dtype=np.str_)


def hats(numbers: Floats, knots: int) -> list[Floats]:
    """Functions (n,) that rise and fall linearly between neighbouring quantiles; constant beyond the ends.

    The first, whose sum with the others is 1, is left out; all are 0 where the number is not finite.
    """
    known = np.isfinite(numbers)
    places = np.unique(np.quantile(numbers[known], np.linspace(0.005, 0.995, knots + 1)))
    found = []
    for k in range(1, len(places)):
        hat = np.zeros(len(numbers))
        hat[known] = np.interp(numbers[known], places, np.eye(len(places))[k])
        found.append(hat)
    return found


def codes_of(column: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """Bins (n,) of equal size of numbers, values where there are at most ``bins``; levels of anything else, from 0.

    Missing is a code of its own.
    """
    if not is_number(column):
        return np.asarray(np.unique(texts_of(column), return_inverse=True)[1].ravel(), dtype=np.int64)
    numbers = column.astype(np.float64)
    known = np.isfinite(numbers)
    found = np.zeros(len(numbers), dtype=np.int64)
    distinct = np.unique(numbers[known])
    if len(distinct) > bins:
        edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, bins + 1)[1:-1]))
        found[known] = 1 + np.searchsorted(edges, numbers[known], side="right")
    else:
        found[known] = 1 + np.searchsorted(distinct, numbers[known])
    return found

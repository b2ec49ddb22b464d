"""Columns of any kind as the numbers that a risk model takes.

A numeric column becomes a line bent at its quartiles (a linear spline), so that risk need not be a straight line in
it, beside an indicator of missing values, which are filled with the median. A column of texts becomes an indicator
for each level; levels of fewer than ``RARE`` rows are one level together, and a missing value is a level of its own.
Columns are scaled to unit spread, those that do not vary or repeat others exactly are left out and named.
(Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, chapter 5.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
RARE = 50  # rows: a level with fewer says little about its own risk
MOST_LEVELS = 40  # of one column; the rest, the rarest, are one level together
_BENDS = (0.25, 0.5, 0.75)
_REST, _MISSING = "(rare levels)", "(missing)"


@dataclass(frozen=True, slots=True)
class FeatureBasis:
    """``matrix`` (rows, columns), scaled; ``names`` of its columns; ``constant`` names features that never vary."""

    matrix: Floats
    names: tuple[str, ...]
    constant: tuple[str, ...]


def feature_basis(columns: Mapping[str, ArrayLike], counts: ArrayLike | None = None) -> FeatureBasis:
    """The basis of named columns of equal length; rows may stand for ``counts`` people each.

    Numbers (booleans too) are told from texts by their type; NaN and None are missing. ``ValueError`` for columns of
    different lengths.
    """
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    lengths = {len(values) for values in arrays.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns: found lengths {sorted(lengths)}, expected one length")
    rows = lengths.pop() if lengths else 0
    weight = np.ones(rows) if counts is None else np.asarray(counts, dtype=np.float64)
    parts: dict[str, Floats] = {}
    constant = []
    for name, values in arrays.items():
        own = _numeric(name, values, weight) if _is_number(values) else _levels(name, values, weight)
        fresh = {label: _scaled(part, weight) for label, part in own.items() if np.ptp(part) > 0}
        parts |= fresh
        constant += [] if fresh else [name]
    kept = _independent(parts)
    matrix = np.column_stack([parts[name] for name in kept]) if kept else np.empty((rows, 0))
    return FeatureBasis(matrix, tuple(kept), tuple(constant))


def _is_number(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "biuf"


def _numeric(name: str, values: NDArray[Any], weight: Floats) -> dict[str, Floats]:
    number = values.astype(np.float64)
    known = np.isfinite(number)
    if not known.any():
        return {}
    bends = _quantiles(number[known], weight[known], (0.5, *_BENDS))
    filled = np.where(known, number, bends[0])
    found = {name: filled}
    if len(np.unique(number[known])) > len(_BENDS) + 1:
        low, high = filled.min(), filled.max()
        inner = np.unique(bends[1:])
        found |= {f"{name} over {b:g}": np.maximum(filled - b, 0.0) for b in inner if low < b < high}
    if not known.all():
        found[f"{name} {_MISSING}"] = (~known).astype(np.float64)
    return found


def _levels(name: str, values: NDArray[Any], weight: Floats) -> dict[str, Floats]:
    """An indicator for each level but the commonest, which is what the others are compared with."""
    texts = np.array([_MISSING if value is None or value != value else str(value) for value in values.tolist()])
    levels, place = np.unique(texts, return_inverse=True)
    size = np.bincount(place, weight, minlength=len(levels))
    order = [levels[i] for i in np.argsort(-size, kind="stable") if size[i] >= RARE][:MOST_LEVELS]
    found = {f"{name} = {level}": (texts == level).astype(np.float64) for level in order[1:]}
    rest = ~np.isin(texts, order)
    if rest.any() and order:
        found[f"{name} = {_REST}"] = rest.astype(np.float64)
    return found


def _quantiles(values: Floats, weight: Floats, at: tuple[float, ...]) -> Floats:
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    return np.asarray(values[order][np.minimum(np.searchsorted(share, at), len(values) - 1)])


def _scaled(part: Floats, weight: Floats) -> Floats:
    mean = np.average(part, weights=weight)
    spread = np.sqrt(np.average((part - mean) ** 2, weights=weight))
    return np.asarray((part - mean) / (spread if spread > 0 else 1.0))


def _independent(parts: Mapping[str, Floats]) -> list[str]:
    """Columns that are no exact repetition of an earlier one: equal or opposite after scaling."""
    kept: list[str] = []
    seen: set[bytes] = set()
    for name, part in parts.items():
        rounded = np.round(part, 9) + 0.0
        if rounded.tobytes() not in seen:
            kept.append(name)
            seen |= {rounded.tobytes(), (np.round(-part, 9) + 0.0).tobytes()}
    return kept

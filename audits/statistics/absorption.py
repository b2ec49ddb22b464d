"""Fixed effects absorbed on cells: weighted within transformation, singletons, levels counted.

A factor with L levels stands for L indicator columns. By the theorem of Frisch and Waugh (1933,
Econometrica 1:387–401) and Lovell (1963, JASA 58:993–1010) the other coefficients stay the same when
every column is first replaced by its deviation from the factor's weighted means. With several factors
the deviation from all of them is the limit of taking deviations from each in turn (Gaure 2013,
Computational Statistics & Data Analysis 66:8–18). One forward and backward sweep T is a symmetric
contraction, so the limit is x − z with z the least solution of (I − T) z = (I − T) x, found by
conjugate gradients (Hernández-Ramos, Escalante and Raydan 2011, Numerical Functional Analysis and
Optimization 32:1041–1066).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]

_TOLERANCE = 1e-13  # of a column's own length; columns are then right to far better than 1e-9
_SWEEPS = 10_000
_ALONE = 1.0 + 1e-9  # a level with this many rows or fewer is a singleton


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Columns after the within transformation.

    ``columns`` (C, m); ``deviation`` is the largest weighted factor mean left in any column, as a share
    of the column's root mean square; ``converged`` is False when that was not brought below 1e-10.
    """

    columns: Floats
    sweeps: int
    deviation: float
    converged: bool


def encode(factor: ArrayLike, size: int, name: str) -> Codes:
    """Levels as 0 … L − 1 by first appearance. ``ValueError`` for a wrong length or a missing value."""
    import pandas as pd

    values = np.asarray(factor)
    if values.shape != (size,):
        raise ValueError(f"{name}: found shape {values.shape}, expected ({size},), one value per cell")
    codes = np.asarray(pd.factorize(values)[0], dtype=np.intp)
    if (codes < 0).any():
        raise ValueError(f"{name}: found a missing value in row {int(np.argmin(codes))}, expected a level in each row")
    return codes


def without_singletons(factors: Sequence[Codes], counts: Floats) -> Flags:
    """Cells to keep: those not in a level that holds a single row, again until no such level is left.

    A level of one row is fitted exactly and says nothing on any other coefficient; counting it as a row
    makes robust errors too small (Correia 2015, 'Singletons, cluster-robust standard errors and fixed
    effects').
    """
    keep = counts > 0
    while True:
        found = keep.copy()
        for codes in factors:
            rows = np.bincount(codes, np.where(found, counts, 0.0))
            found &= rows[codes] > _ALONE
        if (found == keep).all():
            return keep
        keep = found


def absorb(columns: Floats, factors: Sequence[Codes], weights: Floats) -> Absorbed:
    """Deviations of ``columns`` (C, m) from the weighted means of all ``factors``; exact for one factor."""
    sums = [(codes, np.asarray(np.bincount(codes, weights), dtype=np.float64)) for codes in factors]
    if len(sums) == 1:
        within = _deviate(_deviate(columns, sums[0], weights), sums[0], weights)
        return Absorbed(within, 1, *_checked(within, columns, sums, weights))
    within, sweeps = _conjugate_gradients(columns, sums, weights)
    return Absorbed(within, sweeps, *_checked(within, columns, sums, weights))


def absorbed_parameters(factors: Sequence[Codes]) -> int:
    """Parameters spent: all levels, less one for each factor after the first (as fixest and pyfixest count)."""
    return sum(len(np.unique(codes)) for codes in factors) - max(len(factors) - 1, 0)


def nested_parameters(factors: Sequence[Codes], clusters: Codes) -> int:
    """Parameters of factors whose every level lies in one cluster; these are not counted beside clusters.

    Levels of nested factors less one for each such factor: `k_fixef = "nonnested"` of fixest and pyfixest.
    """
    spent = 0
    for codes in factors:
        levels = len(np.unique(codes))
        if len(np.unique(np.stack([codes, clusters], axis=1), axis=0)) == levels:
            spent += levels - 1
    return spent


def _deviate(columns: Floats, factor: tuple[Codes, Floats], weights: Floats) -> Floats:
    """Columns less their weighted means within one factor's levels."""
    codes, totals = factor
    means = np.stack([np.bincount(codes, weights * column, len(totals)) for column in columns.T], axis=1)
    return columns - (means / np.where(totals > 0, totals, 1.0)[:, None])[codes]


def _sweep(columns: Floats, sums: list[tuple[Codes, Floats]], weights: Floats) -> Floats:
    """Deviations from each factor in turn, forward and back: symmetric in the weighted inner product."""
    for factor in [*sums, *sums[-2::-1]]:
        columns = _deviate(columns, factor, weights)
    return columns


def _conjugate_gradients(columns: Floats, sums: list[tuple[Codes, Floats]], weights: Floats) -> tuple[Floats, int]:
    """x − z for every column at once, each with its own step; and the number of sweeps."""
    within = _sweep(columns, sums, weights)  # the sweep keeps the limit and starts nearer to it
    length = np.sqrt(weights @ columns**2)
    residual = within - _sweep(within, sums, weights)
    direction, power = residual.copy(), weights @ residual**2
    sweeps = 2
    while sweeps < _SWEEPS:
        sweeps += 1
        if (np.sqrt(power) <= _TOLERANCE * length).all():
            break
        image = direction - _sweep(direction, sums, weights)
        curvature = weights @ (direction * image)
        step = np.where(curvature > 0, power / np.where(curvature > 0, curvature, 1.0), 0.0)
        within = within - step * direction
        residual = residual - step * image
        later = weights @ residual**2
        direction = residual + np.where(power > 0, later / np.where(power > 0, power, 1.0), 0.0) * direction
        power = later
    return _sweep(within, sums, weights), sweeps


def _checked(within: Floats, columns: Floats, sums: list[tuple[Codes, Floats]], weights: Floats) -> tuple[float, bool]:
    """Largest factor mean left, as a share of the column's root mean square before, and whether it is small."""
    scale = np.sqrt(weights @ columns**2 / weights.sum())
    left = [np.abs(within - _deviate(within, factor, weights)).max(axis=0) for factor in sums]
    deviation = float(np.max(np.max(left, axis=0) / np.where(scale > 0, scale, 1.0), initial=0.0))
    return deviation, bool(deviation <= 1e-10)

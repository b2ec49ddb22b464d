"""Average effects of columns of a logit or Poisson fit on the outcome's own scale, over the cells' rows.

A continuous column has the average derivative (1/N) Σ e β_j m'(zᵀβ); a 0/1 indicator the average change
(1/N) Σ e (m(z₁ᵀβ) − m(z₀ᵀβ)) between all rows with it and all rows without, the other indicators of its
factor 0 in both (Bartus 2005, Stata Journal 5:309–329). e is 1 for the logit and the exposure for Poisson,
whose effect is thus in outcomes per row. Errors by the delta method with the given regressors (Greene 2018,
Econometric Analysis, 8th ed., 17.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.generalized_linear import GeneralizedLinearFit
from audits.statistics.pseudo_likelihood import mean_and_slopes
from audits.statistics.sandwich import Caveat, Floats, checked_design, counted

Part = tuple[float, Floats, int]  # effect, its gradient in the coefficients, its code of `Caveat`
COVARIANCES = ("classical", "hc0", "hc1", "cr1")


@dataclass(frozen=True, slots=True)
class AverageEffects:
    """``effects`` and ``errors`` (m,) of ``columns``, with their ``covariance`` (m, m).

    NaN where ``caveat`` (effect) or ``error_caveat`` (error) holds a code of `Caveat`.
    """

    columns: tuple[int, ...]
    effects: Floats
    errors: Floats
    covariance: Floats
    caveat: NDArray[np.uint8]
    error_caveat: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _World:
    """The fit's own cells: rows or exposure per cell, and the number of rows averaged over."""

    fit: GeneralizedLinearFit
    design: Floats
    mass: Floats
    offset: Floats
    rows: float

    def mass_in(self, *designs: Floats) -> Floats | None:
        """Mass of cells whose mean is inside its bounds in all ``designs``; None when that is not known.

        A separated cell stays at its bound, and adds nothing, as long as its columns without a finite
        coefficient stay what they are; other cells must have none of these columns.
        """
        lost = self.fit.caveat == Caveat.SEPARATED
        own = self.design[:, lost]
        busy = np.any([(z[:, lost] != 0).any(axis=1) for z in designs], axis=0)
        bound = self.fit.separated & np.all([(z[:, lost] == own).all(axis=1) for z in designs], axis=0)
        unknown = busy & ~bound & (self.mass > 0)
        return None if unknown.any() else np.where(busy, 0.0, self.mass)

    def moments(self, design: Floats) -> tuple[Floats, Floats, Floats]:
        """Mean, first and second derivative per cell with regressors ``design``."""
        finite = np.nan_to_num(self.fit.coefficients, nan=0.0)
        return mean_and_slopes(self.fit.family, design @ finite + self.offset)


def average_effects(
    fit: GeneralizedLinearFit,
    design: ArrayLike,
    counts: ArrayLike,
    columns: Sequence[int],
    *,
    factors: Sequence[Sequence[int]] = (),
    offset: ArrayLike | None = None,
    exposure: ArrayLike | None = None,
    covariance: str = "hc1",
) -> AverageEffects:
    """Average effects of ``columns`` over the cells that were fitted, in the same order.

    ``design`` (C, K) and ``offset`` as in the fit; ``counts`` (C,) the rows averaged over (0 leaves a cell out), and
    ``exposure`` (C,) their total exposure, for Poisson. ``factors`` are the sets of indicator columns; a column in
    one of them gets a discrete change, any other the derivative. ``covariance`` is one of "classical", "hc0", "hc1",
    "cr1". ``ValueError`` for lengths that differ from the fit's, or an indicator that is not 0 or 1.
    """
    world = _world(fit, design, counts, offset, exposure)
    pairs = [_effect(world, j, factors) for j in columns]
    codes = [int(fit.caveat[j]) or code for j, (_, _, code) in zip(columns, pairs, strict=True)]
    return _with_errors(fit, tuple(columns), pairs, np.array(codes, dtype=np.uint8), covariance)


def average_contrast(
    fit: GeneralizedLinearFit,
    design: ArrayLike,
    without: ArrayLike,
    counts: ArrayLike,
    *,
    offset: ArrayLike | None = None,
    exposure: ArrayLike | None = None,
    covariance: str = "hc1",
) -> AverageEffects:
    """Average of m(zᵀβ) with regressors ``design`` less that with ``without``, cell by cell.

    For changes of several columns at once, as with interactions. Missing when a column that changes is.
    """
    world = _world(fit, design, counts, offset, exposure)
    other = checked_design(without)
    if other.shape != world.design.shape:
        raise ValueError(f"without: found shape {other.shape}, expected {world.design.shape}")
    changed = (world.design != other).any(axis=0) & (fit.caveat != Caveat.NONE)
    pair = _contrast(world, world.design, other)
    code = int(fit.caveat[int(np.argmax(changed))]) if changed.any() else pair[2]
    return _with_errors(fit, (), [pair], np.array([code], dtype=np.uint8), covariance)


def _world(
    fit: GeneralizedLinearFit,
    design: ArrayLike,
    counts: ArrayLike,
    offset: ArrayLike | None,
    exposure: ArrayLike | None,
) -> _World:
    """Cells checked against the fit."""
    z, size = checked_design(design), len(fit.separated)
    if z.shape != (size, len(fit.coefficients)):
        raise ValueError(f"design: found shape {z.shape}, expected {(size, len(fit.coefficients))} as fitted")
    n = counted(counts, size, "counts")
    if (n < 0).any() or n.sum() <= 0:
        raise ValueError(
            f"counts: found {np.min(n, initial=0.0):g} at least and {n.sum():g} in all, expected rows to average"
        )
    if exposure is not None and fit.family != "poisson":
        raise ValueError("exposure: found one for a logit, expected it only for Poisson")
    mass = n if exposure is None else counted(exposure, size, "exposure")
    shift = np.zeros(size) if offset is None else counted(offset, size, "offset")
    return _World(fit, z, mass, shift, float(n.sum()))


def _effect(world: _World, column: int, factors: Sequence[Sequence[int]]) -> Part:
    """One column's average effect."""
    members = [factor for factor in factors if column in factor]
    if members:
        found = world.design[:, column]
        if not np.isin(found, (0.0, 1.0)).all():
            raise ValueError(f"column {column}: found {found[~np.isin(found, (0.0, 1.0))][0]:g}, expected 0 or 1")
        absent = world.design.copy()
        absent[:, [j for factor in members for j in factor]] = 0.0
        present = absent.copy()
        present[:, column] = 1.0
        return _contrast(world, present, absent)
    mass = world.mass_in(world.design)
    if mass is None:
        return np.nan, np.zeros(world.design.shape[1]), Caveat.SEPARATED
    _, slope, bend = world.moments(world.design)
    own = world.fit.coefficients[column]
    gradient = own * ((mass * bend) @ world.design) / world.rows
    average = float(mass @ slope) / world.rows
    gradient[column] += average
    return float(own * average), gradient, Caveat.NONE


def _contrast(world: _World, present: Floats, absent: Floats) -> Part:
    """Average change from ``absent`` to ``present``."""
    mass = world.mass_in(present, absent)
    if mass is None:
        return np.nan, np.zeros(world.design.shape[1]), Caveat.SEPARATED
    (high, rise, _), (low, fall, _) = world.moments(present), world.moments(absent)
    gradient = ((mass * rise) @ present - (mass * fall) @ absent) / world.rows
    return float(mass @ (high - low)) / world.rows, gradient, Caveat.NONE


def _with_errors(
    fit: GeneralizedLinearFit,
    columns: tuple[int, ...],
    pairs: list[Part],
    codes: NDArray[np.uint8],
    covariance: str,
) -> AverageEffects:
    """Delta-method errors; missing when a coefficient that moves the effect has no error of its own."""
    if covariance not in COVARIANCES:
        raise ValueError(f"covariance: found '{covariance}', expected one of {', '.join(COVARIANCES)}")
    chosen = getattr(fit, covariance)
    effects = np.array([part[0] for part in pairs])
    gradients = np.stack([part[1] for part in pairs]) if pairs else np.empty((0, len(fit.coefficients)))
    known = fit.caveat == Caveat.NONE
    effects[codes != Caveat.NONE] = np.nan
    gradients[codes != Caveat.NONE] = 0.0
    silent = known & (chosen.caveat != Caveat.NONE)
    needs = (gradients != 0) & silent
    blocked = np.where(needs.any(axis=1), chosen.caveat[needs.argmax(axis=1)], Caveat.NONE) if len(pairs) else codes
    error_codes = np.where(codes != Caveat.NONE, codes, blocked).astype(np.uint8)
    usable = known & ~silent
    spread = gradients[:, usable] @ chosen.matrix[np.ix_(usable, usable)] @ gradients[:, usable].T
    spread[error_codes != Caveat.NONE, :] = np.nan
    spread[:, error_codes != Caveat.NONE] = np.nan
    return AverageEffects(columns, effects, np.sqrt(np.maximum(np.diag(spread), 0.0)), spread, codes, error_codes)

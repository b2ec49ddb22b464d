"""Least squares from a compressed table: one row per cell of equal regressors.

Rows that share their regressors enter only through their number n, Σ y and Σ y² (Wong, Forsell, Lewis, Mao and
Wardrop 2021, 'You only compress once', arXiv:2102.11297). With z̄ the cell's regressors and w the weight common
to its rows the coefficients are (Σ n w z zᵀ)⁻¹ Σ w z Σy, and a cell's squared residuals
Σ (y − ŷ)² = Σ (y − ȳ)² + n (ȳ − ŷ)², so every covariance below is that of the rows, not an approximation.

Finite-sample conventions, with k the columns kept and a the parameters of absorbed fixed effects (all levels,
less one for each factor after the first): classical s² = Σ w e² / (n − k − a); HC1 factor n / (n − k − a); CR1
factor G / (G − 1) · (n − 1) / (n − k − a), where a leaves out levels nested in clusters. These are pyfixest's
`ssc(k_adj=True, k_fixef="nonnested", G_adj=True, G_df="min")`, its default and fixest's, and, without
absorbed factors, statsmodels' `OLS/WLS(...).fit(cov_type=...)`. Statsmodels with indicator columns
agrees with the classical and HC1 errors of one absorbed factor, and with CR1 when no factor is nested. Where
two factors fall apart into unconnected parts, fewer parameters are free than are counted; fixest counts so too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.absorption import absorb, absorbed_parameters, encode, nested_parameters, without_singletons
from audits.statistics.sandwich import (
    Caveat,
    Codes,
    Covariance,
    Floats,
    Scores,
    checked_design,
    checked_sums,
    classical,
    clustered,
    counted,
    independent_columns,
    robust,
)

_SQUARES_KEPT = 1e-10  # a residual sum of squares below this share of Σ w y² has lost most of its digits


@dataclass(frozen=True, slots=True)
class LeastSquaresFit:
    """Coefficients of K columns with their covariances.

    ``coefficients`` (K,) are NaN where ``caveat`` (K,) holds a code of `Caveat`. ``classical``, ``hc0``, ``hc1``
    and ``cr1`` each carry their own caveats. ``n`` rows used, ``k`` columns kept, ``absorbed`` parameters of
    fixed effects, ``dropped`` the indices of columns left out, ``singletons`` rows set aside because they were alone
    in a level. ``r_squared`` is about the mean when a constant lies in the columns or fixed effects are absorbed,
    else about 0; ``within_r_squared`` is about the fixed effects; each NaN when the outcome does not vary.
    """

    coefficients: Floats
    caveat: NDArray[np.uint8]
    classical: Covariance
    hc0: Covariance
    hc1: Covariance
    cr1: Covariance
    n: float
    k: int
    absorbed: int
    dropped: tuple[int, ...]
    singletons: float
    residual_variance: float
    r_squared: float
    within_r_squared: float


@dataclass(frozen=True, slots=True)
class _Cells:
    """Checked cells with rows in them; ``within`` is Σ (y − ȳ)², ``partial`` the columns to regress on."""

    design: Floats
    partial: Floats
    counts: Floats
    means: Floats
    partial_means: Floats
    within: Floats
    squares: Floats
    weights: Floats
    factors: tuple[Codes, ...]
    clusters: Codes | None


def fit_least_squares(
    design: ArrayLike,
    counts: ArrayLike,
    totals: ArrayLike,
    squares: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    absorb_factors: Sequence[ArrayLike] = (),
) -> LeastSquaresFit:
    """Least squares of y on ``design`` (C, K) from ``counts`` n, ``totals`` Σ y and ``squares`` Σ y², each (C,).

    A constant is a column like any other. ``counts`` act as frequencies and may be fractions; ``weights`` are
    precision weights, common to a cell's rows (WLS). ``clusters`` is a label per cell, so that a cell is one of
    regressors × cluster; ``absorb_factors`` are labels per cell of fixed effects taken out first. The order
    of cells, and whether equal cells are merged, does not matter. ``ValueError`` for wrong shapes, numbers that
    are not finite, negative counts, weights not above 0, Σ y² below (Σ y)²/n, or missing labels.
    """
    cells, singletons = _prepare(design, counts, totals, squares, weights, clusters, absorb_factors)
    width = cells.design.shape[1]
    converged = True
    if cells.factors and len(cells.counts):
        mass = cells.counts * cells.weights
        both = absorb(np.column_stack([cells.partial_means, cells.design]), cells.factors, mass)
        cells = replace(cells, partial=both.columns[:, 1:], partial_means=both.columns[:, 0])
        converged = both.converged
    if not converged or not len(cells.counts):
        return _missing(cells, width, singletons, Caveat.NO_DEGREES if converged else Caveat.NOT_CONVERGED)
    return _solve(cells, width, singletons)


def _prepare(
    design: ArrayLike,
    counts: ArrayLike,
    totals: ArrayLike,
    squares: ArrayLike,
    weights: ArrayLike | None,
    clusters: ArrayLike | None,
    absorb_factors: Sequence[ArrayLike],
) -> tuple[_Cells, float]:
    """Checked cells that hold rows and are no singletons, and how many rows were singletons."""
    z = checked_design(design)
    size = len(z)
    n, total, square = (
        counted(counts, size, "counts"),
        counted(totals, size, "totals"),
        counted(squares, size, "squares"),
    )
    within = checked_sums(n, total, square)
    w = np.ones(size) if weights is None else counted(weights, size, "weights")
    if (w <= 0).any():
        raise ValueError(f"weights: found {np.min(w):g}, expected weights above 0")
    factors = [encode(factor, size, f"absorbed factor {i}") for i, factor in enumerate(absorb_factors)]
    groups = None if clusters is None else encode(clusters, size, "clusters")
    keep = without_singletons(factors, n)
    means = total / np.where(n > 0, n, 1.0)
    left = tuple(np.unique(codes[keep], return_inverse=True)[1].reshape(-1) for codes in factors)
    kept_groups = None if groups is None else np.unique(groups[keep], return_inverse=True)[1].reshape(-1)
    parts = (z[keep], z[keep], n[keep], means[keep], means[keep], within[keep], square[keep], w[keep])
    return _Cells(*parts, left, kept_groups), float(n.sum() - n[keep].sum())


def _solve(cells: _Cells, width: int, singletons: float) -> LeastSquaresFit:
    """The fit on cells whose fixed effects, if any, have been taken out."""
    mass = cells.counts * cells.weights
    root = np.sqrt(mass)
    lengths = np.linalg.norm(cells.design * root[:, None], axis=0)
    basis = independent_columns(cells.partial, root, lengths)
    kept, n, k = basis.kept, float(cells.counts.sum()), len(basis.kept)
    absorbed = absorbed_parameters(cells.factors) if cells.factors else 0
    solved = basis.solve(root * cells.partial_means)
    columns = cells.partial[:, list(kept)]
    error = cells.partial_means - columns @ solved
    residual = float(cells.weights @ cells.within + mass @ error**2)
    degrees = _whole(n) - k - absorbed
    nested = nested_parameters(cells.factors, cells.clusters) if cells.clusters is not None else 0
    scores = _scores(cells, columns, basis.bread(), error)
    exact = residual <= _SQUARES_KEPT * float(cells.weights @ cells.squares)
    variance = np.nan if exact or degrees <= 0 else residual / degrees
    coefficients = np.full(width, np.nan)
    coefficients[list(kept)] = solved
    centred, within = _r_squared(cells, residual)
    return LeastSquaresFit(
        coefficients=coefficients,
        caveat=np.where(np.isnan(coefficients), Caveat.ALIASED, Caveat.NONE).astype(np.uint8),
        classical=classical(scores.bread, variance, kept, width, degrees),
        hc0=robust(scores, kept, width, degrees, corrected=False),
        hc1=robust(scores, kept, width, degrees, corrected=True),
        cr1=clustered(scores, kept, width, degrees + nested),
        n=n,
        k=k,
        absorbed=absorbed,
        dropped=tuple(j for j in range(width) if j not in kept),
        singletons=singletons,
        residual_variance=variance,
        r_squared=centred,
        within_r_squared=within,
    )


def _scores(cells: _Cells, columns: Floats, bread: Floats, error: Floats) -> Scores:
    """What the covariances need; ``error`` is ȳ − ŷ."""
    return Scores(
        design=columns,
        bread=bread,
        weights=cells.weights,
        counts=cells.counts,
        sums=cells.counts * cells.weights * error,
        squares=cells.weights**2 * (cells.within + cells.counts * error**2),
        outcome=cells.weights**2 * cells.squares,
        clusters=cells.clusters,
    )


def _r_squared(cells: _Cells, residual: float) -> tuple[float, float]:
    """1 − RSS / TSS overall, and about the fixed effects when there are any."""
    mass = cells.counts * cells.weights
    spread, raw = float(cells.weights @ cells.within), float(cells.weights @ cells.squares)
    centred = bool(cells.factors) or _holds_constant(cells.design, mass)
    about = cells.means - (mass @ cells.means / mass.sum() if centred else 0.0)
    total, inner = spread + float(mass @ about**2), spread + float(mass @ cells.partial_means**2)
    least = _SQUARES_KEPT * raw
    overall = 1 - residual / total if total > least else np.nan
    return overall, 1 - residual / inner if cells.factors and inner > least else np.nan


def _holds_constant(design: Floats, mass: Floats) -> bool:
    """Whether a constant is a combination of the columns."""
    root = np.sqrt(mass)
    columns = np.column_stack([design, np.ones(len(design))])
    return design.shape[1] not in independent_columns(columns, root).kept


def _missing(cells: _Cells, width: int, singletons: float, code: Caveat) -> LeastSquaresFit:
    """A fit without figures, and why."""
    codes, nothing = np.full(width, code, dtype=np.uint8), np.full((width, width), np.nan)
    none = Covariance(nothing, np.full(width, np.nan), codes, np.nan, 0, 0)
    return LeastSquaresFit(
        coefficients=np.full(width, np.nan),
        caveat=codes,
        classical=none,
        hc0=none,
        hc1=none,
        cr1=none,
        n=float(cells.counts.sum()),
        k=0,
        absorbed=absorbed_parameters(cells.factors) if len(cells.counts) else 0,
        dropped=(),
        singletons=singletons,
        residual_variance=np.nan,
        r_squared=np.nan,
        within_r_squared=np.nan,
    )


def _whole(rows: float) -> float:
    """Rows as a whole number when they are one within rounding (fractions of frequencies add up to it)."""
    return round(rows) if abs(rows - round(rows)) <= 1e-9 * max(rows, 1.0) else rows

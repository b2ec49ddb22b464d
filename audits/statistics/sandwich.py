"""Covariances of regression coefficients from cells: classical, HC0, HC1 and cluster-robust CR1.

With bread B = (Σ w z zᵀ)⁻¹ and scores s_i = w_i z_i e_i, the robust covariances are B M B times a factor:
M = Σ s_i s_iᵀ (White 1980, Econometrica 48:817–838; HC1 has the factor n / (n − p) of MacKinnon and White
1985, Journal of Econometrics 29:305–325), or M = Σ_g s_g s_gᵀ over clusters' summed scores (Liang and Zeger
1986, Biometrika 73:13–22) with the factor G / (G − 1) · (n − 1) / (n − p) (Cameron and Miller 2015, Journal of
Human Resources 50:317–372). p counts the columns kept and the absorbed fixed effects.

An error is withheld, with its reason, where the sums cannot carry one: when a single row or a single cluster
alone identifies the coefficient its own residual is fitted away, and the sandwich would report the spread
of all the others as if it were this coefficient's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from checks.sentence import said

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]

_RANK = 1e-8  # a column shorter than this share of itself after the earlier ones is their combination
_WHOLE = 1e-9
_SQUARES_KEPT = 1e-10  # residual squares below this share of the outcome's squares have lost most of their digits
_SUMS_KEPT = 1e-12  # the same for sums of residuals, which lose half as many


class Caveat(IntEnum):
    """Why a coefficient or its error is missing; one code per element."""

    NONE = 0
    ALIASED = 1
    SEPARATED = 2
    NOT_CONVERGED = 3
    NO_DEGREES = 4
    ONE_ROW = 5
    ONE_CLUSTER = 6
    NO_SPREAD = 7
    NO_SQUARES = 8
    NOT_ASKED = 9
    NO_SUPPORT = 10

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    Caveat.ALIASED: said("earlier columns or the fixed effects reproduce this column"),
    Caveat.SEPARATED: said(
        "the outcome is the same wherever this column could tell, so the estimate has no finite value"
    ),
    Caveat.NOT_CONVERGED: said("the iterations did not reach the solution"),
    Caveat.NO_DEGREES: said("there are no more rows (or clusters) than parameters"),
    Caveat.ONE_ROW: said("a single row alone identifies this coefficient"),
    Caveat.ONE_CLUSTER: said("a single cluster alone identifies this coefficient"),
    Caveat.NO_SPREAD: said("the residuals that inform this coefficient are zero within the rounding of the sums"),
    Caveat.NO_SQUARES: said("the sums of squares that this error needs were not given"),
    Caveat.NOT_ASKED: said("no clusters were given"),
    Caveat.NO_SUPPORT: said("a regression that this needs has no rows to tell one of the columns from the others"),
}


@dataclass(frozen=True, slots=True)
class Covariance:
    """One covariance of k coefficients.

    ``matrix`` (k, k) and ``errors`` (k,), its roots of the diagonal; NaN where ``caveat`` (k,) holds a code
    of `Caveat`. ``factor`` is the finite-sample factor that is already in it; ``clusters`` is 0 when rows
    are taken as independent; ``degrees_of_freedom`` are those of the reference t distribution.
    """

    matrix: Floats
    errors: Floats
    caveat: NDArray[np.uint8]
    factor: float
    degrees_of_freedom: float
    clusters: int


@dataclass(frozen=True, slots=True)
class Basis:
    """An orthonormal basis of the weighted columns that are kept, and the triangle that makes them.

    √w z[:, kept] = ``orthonormal`` (C, p) · ``triangle`` (p, p).
    """

    kept: tuple[int, ...]
    orthonormal: Floats
    triangle: Floats

    def bread(self) -> Floats:
        """(Σ w z zᵀ)⁻¹ over the kept columns."""
        inverse = np.linalg.inv(self.triangle)
        return np.asarray(inverse @ inverse.T)

    def solve(self, right: Floats) -> Floats:
        """Coefficients of the least-squares projection of ``right`` (C,), itself times √w."""
        return np.asarray(np.linalg.solve(self.triangle, self.orthonormal.T @ right))


@dataclass(frozen=True, slots=True)
class Scores:
    """What a fit leaves for its covariances; cells c of C, kept columns p.

    ``design`` (C, p) at the fit, ``weights`` (C,) of a row in the bread, ``counts`` rows per cell,
    ``sums`` Σ w e over the cell's rows, ``squares`` Σ (w e)² (None when unknown), ``outcome`` Σ (w y)² for the
    size of rounding, ``clusters`` codes or None.
    """

    design: Floats
    bread: Floats
    weights: Floats
    counts: Floats
    sums: Floats
    squares: Floats | None
    outcome: Floats
    clusters: Codes | None


def independent_columns(columns: Floats, root_weights: Floats, lengths: Floats | None = None) -> Basis:
    """Gram–Schmidt, twice over, in the order given; a column that earlier ones reproduce is left out.

    ``lengths`` (k,) are the columns' own weighted lengths, given when ``columns`` are what is left of them.
    """
    scaled = columns * root_weights[:, None]
    own = np.linalg.norm(scaled, axis=0) if lengths is None else lengths
    basis = np.empty(scaled.shape, order="F")
    kept: list[int] = []
    for j in range(scaled.shape[1]):
        before, rest = basis[:, : len(kept)], scaled[:, j]
        for _ in range(2):
            rest = rest - before @ (before.T @ rest)
        length = float(np.linalg.norm(rest))
        if length > _RANK * own[j]:
            basis[:, len(kept)] = rest / length
            kept.append(j)
    orthonormal = basis[:, : len(kept)]
    return Basis(tuple(kept), orthonormal, np.triu(orthonormal.T @ scaled[:, kept]))


def classical(bread: Floats, variance: float, kept: tuple[int, ...], width: int, degrees: float) -> Covariance:
    """``variance`` · bread; errors missing when the variance is NaN."""
    reason = Caveat.NO_DEGREES if degrees <= 0 else Caveat.NO_SPREAD if np.isnan(variance) else Caveat.NONE
    return _spread_out(variance * bread, np.full(len(bread), reason), kept, width, 1.0, degrees, 0)


def robust(scores: Scores, kept: tuple[int, ...], width: int, degrees: float, *, corrected: bool) -> Covariance:
    """HC1, or HC0 without ``corrected``; ``degrees`` = n − p."""
    rows = float(scores.counts.sum())
    factor = (rows / degrees if degrees > 0 else np.nan) if corrected else 1.0
    if scores.squares is None:
        codes = np.full(len(scores.bread), Caveat.NO_SQUARES)
        return _spread_out(np.full_like(scores.bread, np.nan), codes, kept, width, factor, degrees, 0)
    influence = scores.design @ scores.bread
    matrix = factor * (influence.T @ (scores.squares[:, None] * influence))
    least = factor * _SQUARES_KEPT * (scores.outcome @ influence**2)
    codes = _informed(matrix, least, degrees, _single_rows(scores, influence), Caveat.ONE_ROW)
    return _spread_out(matrix, codes, kept, width, factor, degrees, 0)


def clustered(scores: Scores, kept: tuple[int, ...], width: int, degrees: float) -> Covariance:
    """CR1 by ``scores.clusters``; ``degrees`` = n − p with p as counted beside clusters."""
    size = len(scores.bread)
    if scores.clusters is None:
        missing = np.full((size, size), np.nan)
        return _spread_out(missing, np.full(size, Caveat.NOT_ASKED), kept, width, np.nan, 0, 0)
    rows, groups = float(scores.counts.sum()), len(np.unique(scores.clusters))
    fine = groups > 1 and degrees > 0
    factor = groups / (groups - 1) * (rows - 1) / degrees if fine else np.nan
    influence = scores.design @ scores.bread
    totals = cluster_sums(influence * scores.sums[:, None], scores.clusters)
    sizes = cluster_sums(np.abs(influence) * np.sqrt(scores.counts * scores.outcome)[:, None], scores.clusters)
    matrix = factor * (totals.T @ totals)
    least = factor * _SUMS_KEPT**2 * (sizes**2).sum(axis=0)
    codes = _informed(
        matrix, least, degrees if fine else 0, _single_clusters(scores, scores.clusters), Caveat.ONE_CLUSTER
    )
    return _spread_out(matrix, codes, kept, width, factor, groups - 1, groups)


def cluster_sums(columns: Floats, clusters: Codes) -> Floats:
    """Sums of columns (C, p) by cluster: (G, p)."""
    sums = np.zeros((int(np.max(clusters, initial=-1)) + 1, columns.shape[1]))
    for j, column in enumerate(columns.T):
        sums[:, j] = np.bincount(clusters, column, len(sums))
    return sums


def counted(values: ArrayLike, size: int, name: str) -> Floats:
    """A float column of one value per cell, or ``ValueError``."""
    found = np.asarray(values, dtype=np.float64)
    if found.shape != (size,):
        raise ValueError(f"{name}: found shape {found.shape}, expected ({size},), one value per cell")
    if not np.isfinite(found).all():
        raise ValueError(f"{name}: found {found[~np.isfinite(found)][0]:g}, expected finite numbers")
    return found


def checked_design(design: ArrayLike) -> Floats:
    """A finite float matrix with at least one column, or ``ValueError``."""
    found = np.asarray(design, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] == 0:
        raise ValueError(f"design: found shape {found.shape}, expected (cells, columns) with at least one column")
    if not np.isfinite(found).all():
        raise ValueError(f"design: found {found[~np.isfinite(found)][0]:g}, expected finite numbers")
    return found


def checked_sums(counts: Floats, totals: Floats, squares: Floats) -> Floats:
    """Σ (y − ȳ)² within cells, or ``ValueError`` when Σ y² is below (Σ y)² / n by more than rounding."""
    if (counts < 0).any():
        raise ValueError(f"counts: found {np.min(counts):g}, expected 0 or more rows in each cell")
    empty = (counts == 0) & ((totals != 0) | (squares != 0))
    if empty.any():
        raise ValueError(f"cell {int(np.argmax(empty))}: found an outcome without rows, expected sums of 0")
    within = squares - totals**2 / np.where(counts > 0, counts, 1.0)
    short = within < -1e-9 * np.maximum(np.abs(squares), totals**2 / np.where(counts > 0, counts, 1.0))
    if short.any():
        cell = int(np.argmax(short))
        raise ValueError(f"cell {cell}: found Σy² = {squares[cell]:g}, expected at least (Σy)²/n")
    return np.maximum(within, 0.0)


def _informed(
    matrix: Floats, least: Floats, degrees: float, single: NDArray[np.bool_], code: Caveat
) -> NDArray[np.uint8]:
    """The caveat of each kept column's error: degrees, then a single source, then no spread."""
    with np.errstate(invalid="ignore"):
        flat = ~(np.diag(matrix) > least)
    none = np.full(len(matrix), degrees <= 0)
    codes = [np.uint8(Caveat.NO_DEGREES), np.uint8(code), np.uint8(Caveat.NO_SPREAD)]
    return np.select([none, single, flat], codes, default=np.uint8(Caveat.NONE)).astype(np.uint8)


def _single_rows(scores: Scores, influence: Floats) -> NDArray[np.bool_]:
    """Columns that a row of leverage 1 informs: without the row they would not be identified."""
    leverage = scores.weights * np.einsum("cp,cp->c", influence, scores.design)
    lone = (scores.counts > 0) & (leverage > 1 - _WHOLE)
    share = scores.weights[lone, None] * influence[lone] ** 2
    return np.asarray((share > _WHOLE * np.diag(scores.bread)).any(axis=0))


def _single_clusters(scores: Scores, clusters: Codes) -> NDArray[np.bool_]:
    """Columns that are not identified once some cluster g is left out.

    B Σ_g then has an eigenvalue 1. Its eigenvalues lie in [0, 1], so only clusters whose trace reaches 1
    can have one; the traces add up to p, so there are at most p of them.
    """
    mass = scores.counts * scores.weights
    trace = np.bincount(clusters, mass * np.einsum("cp,pq,cq->c", scores.design, scores.bread, scores.design))
    lost = np.zeros(len(scores.bread), dtype=np.bool_)
    root = np.linalg.cholesky(scores.bread)
    for cluster in np.flatnonzero(trace > 1 - _WHOLE):
        inside = clusters == cluster
        part = (scores.design[inside] * np.sqrt(mass[inside])[:, None]) @ root
        values, vectors = np.linalg.eigh(part.T @ part)
        reach = root @ vectors[:, values > 1 - _WHOLE]
        lost |= (reach**2 > _WHOLE * np.diag(scores.bread)[:, None]).any(axis=1)
    return lost


def _spread_out(
    matrix: Floats,
    codes: NDArray[np.uint8],
    kept: tuple[int, ...],
    width: int,
    factor: float,
    degrees: float,
    clusters: int,
) -> Covariance:
    """The covariance over all columns, NaN in the rows and columns of those that have none."""
    caveat = np.full(width, Caveat.ALIASED, dtype=np.uint8)
    whole = np.full((width, width), np.nan)
    if kept:
        caveat[list(kept)] = codes
        whole[np.ix_(kept, kept)] = matrix
    absent = caveat != Caveat.NONE
    whole[absent, :] = np.nan
    whole[:, absent] = np.nan
    errors = np.sqrt(np.maximum(np.diag(whole), 0.0))
    return Covariance(whole, errors, caveat, factor, degrees, clusters)

"""Logit and Poisson pseudo-likelihood from cells, with robust and cluster-robust errors.

Both links are canonical, so the coefficients solve Σ z (y − μ) = 0 and need only n and Σ y of each cell. They are
consistent for the conditional mean whatever the distribution (Gourieroux, Monfort and Trognon 1984, Econometrica
52:681–700; Santos Silva and Tenreyro 2006, Review of Economics and Statistics 88:641–658), which is why the robust
errors are the ones to use; HC0 and HC1 need Σ y² as well, CR1 does not.

Solved by iterated weighted least squares with halved steps until the Newton decrement is at rounding; the score
equations are then checked, each against the size of its own terms. Cells that a direction separates are set
aside, and the coefficients that only they inform are missing.

Finite-sample conventions, n rows and k columns kept: classical is the inverse information and HC0 the sandwich,
both with no factor, as in statsmodels `GLM`, `Logit` and `Poisson`; HC1 has n / (n − k) as in pyfixest `fepois` and
`feglm` (for these models statsmodels' "HC1" has no factor and is HC0); CR1 has G / (G − 1) · (n − 1) / (n − k), as
in both. With separated cells n and k are those of the cells that are left, as in pyfixest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.absorption import encode
from audits.statistics.pseudo_likelihood import (
    Problem,
    Solution,
    mean_and_slopes,
    near_a_bound,
    solve_scores,
)
from audits.statistics.sandwich import (
    Caveat,
    Covariance,
    Flags,
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
from audits.statistics.separation import separated_cells


@dataclass(frozen=True, slots=True)
class Exposure:
    """Exposure e that differs within cells, E(y) = e · exp(zᵀβ): Σ e, and for HC errors Σ e² and Σ e y, each (C,)."""

    totals: ArrayLike
    squares: ArrayLike | None = None
    products: ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class GeneralizedLinearFit:
    """Coefficients of K columns of a ``family`` "logit" or "poisson" with their covariances.

    ``coefficients`` (K,) are NaN where ``caveat`` (K,) holds a code of `Caveat`; ``dropped`` are the columns that
    earlier ones reproduce. ``separated`` (C,) marks cells set aside because their outcome is at its bound along
    a separating direction; ``n`` counts the rows of the others. ``score`` is the largest left-hand side of the
    score equations as a share of its absolute terms, after ``iterations`` steps.
    """

    family: str
    coefficients: Floats
    caveat: NDArray[np.uint8]
    classical: Covariance
    hc0: Covariance
    hc1: Covariance
    cr1: Covariance
    n: float
    k: int
    dropped: tuple[int, ...]
    separated: Flags
    iterations: int
    score: float


def fit_logit(
    design: ArrayLike,
    counts: ArrayLike,
    totals: ArrayLike,
    *,
    squares: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> GeneralizedLinearFit:
    """Logit of y on ``design`` (C, K) from ``counts`` n and ``totals`` Σ y, each (C,).

    ``squares`` Σ y² is needed only when y is not 0 or 1 (shares). ``offset`` is added to the predictor of every row of
    a cell; ``clusters`` is a label per cell. ``ValueError`` for wrong shapes, numbers that are not finite,
    counts below 0, or Σ y outside [0, n].
    """
    n, total = _lengths(design, counts, totals)
    if (total < 0).any() or (total > n * (1 + 1e-12)).any():
        cell = int(np.argmax((total < 0) | (total > n * (1 + 1e-12))))
        raise ValueError(f"cell {cell}: found Σy = {total[cell]:g} in {n[cell]:g} rows, expected 0 to n")
    square = total if squares is None else squares
    return _fit(_problem("logit", design, n, total, square, offset, None, clusters))


def fit_poisson(
    design: ArrayLike,
    counts: ArrayLike,
    totals: ArrayLike,
    *,
    squares: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    exposure: Exposure | None = None,
    clusters: ArrayLike | None = None,
) -> GeneralizedLinearFit:
    """Poisson pseudo-likelihood of y ≥ 0 on ``design`` (C, K): E(y) = e · exp(zᵀβ + offset).

    From ``counts`` n, ``totals`` Σ y and, for HC errors, ``squares`` Σ y², each (C,). An exposure common to the
    rows of a cell is an ``offset`` log e; one that differs within cells is an ``Exposure``. Cells without exposure
    carry no information and are left out. ``ValueError`` as for the logit, for Σ y below 0, and for Σ y above 0
    without exposure.
    """
    n, total = _lengths(design, counts, totals)
    if (total < 0).any():
        raise ValueError(f"totals: found {np.min(total):g}, expected 0 or more")
    problem = _problem("poisson", design, n, total, squares, offset, exposure, clusters)
    idle = (problem.exposure <= 0) & (total > 0)
    if (problem.exposure < 0).any() or idle.any():
        cell = int(np.argmax((problem.exposure < 0) | idle))
        raise ValueError(
            f"cell {cell}: found exposure {problem.exposure[cell]:g} with Σy = {total[cell]:g}, expected more"
        )
    return _fit(problem)


def _lengths(design: ArrayLike, counts: ArrayLike, totals: ArrayLike) -> tuple[Floats, Floats]:
    size = len(checked_design(design))
    return counted(counts, size, "counts"), counted(totals, size, "totals")


def _problem(
    family: str,
    design: ArrayLike,
    n: Floats,
    total: Floats,
    squares: ArrayLike | None,
    offset: ArrayLike | None,
    exposure: Exposure | None,
    clusters: ArrayLike | None,
) -> Problem:
    """Everything checked and of one length."""
    size = len(n)

    def column(values: ArrayLike | None, name: str) -> Floats | None:
        return None if values is None else counted(values, size, name)

    square = column(squares, "squares")
    within = checked_sums(n, total, total**2 / np.where(n > 0, n, 1.0) if square is None else square)
    parts = (None, None, None) if exposure is None else (exposure.totals, exposure.squares, exposure.products)
    exposed = column(parts[0], "exposure totals")
    spread, products = column(parts[1], "exposure squares"), column(parts[2], "exposure products")
    shift = column(offset, "offset")
    return Problem(
        family=family,
        design=checked_design(design),
        counts=n,
        totals=total,
        exposure=n if exposed is None else exposed,
        offset=np.zeros(size) if shift is None else shift,
        within=within if square is not None and exposure is None else None,
        squares=square,
        exposure_squares=spread,
        products=products,
        clusters=None if clusters is None else encode(clusters, size, "clusters"),
    )


def _fit(problem: Problem) -> GeneralizedLinearFit:
    """Fit in units in which no column is large or small, so that units never cost digits, and report in those given."""
    largest = np.abs(problem.design).max(axis=0, initial=0.0)
    units = np.ldexp(1.0, np.frexp(np.where(largest > 0, largest, 1.0))[1])  # powers of two, which round nothing
    fit = _fitted(replace(problem, design=problem.design / units))
    return replace(
        fit,
        coefficients=fit.coefficients / units,
        classical=_in_units(fit.classical, units),
        hc0=_in_units(fit.hc0, units),
        hc1=_in_units(fit.hc1, units),
        cr1=_in_units(fit.cr1, units),
    )


def _in_units(covariance: Covariance, units: Floats) -> Covariance:
    return replace(
        covariance, matrix=covariance.matrix / units[:, None] / units[None, :], errors=covariance.errors / units
    )


def _fitted(problem: Problem) -> GeneralizedLinearFit:
    """Drop aliased columns, solve, set separated cells aside and solve again, until no cell is separated."""
    width, live = problem.design.shape[1], (problem.counts > 0) & (problem.exposure > 0)
    whole = problem.at(live)
    kept = np.array(independent_columns(whole.design, np.sqrt(whole.exposure)).kept, dtype=np.intp)
    whole = replace(whole, design=whole.design[:, kept])
    codes = np.full(width, Caveat.ALIASED if live.any() else Caveat.NO_DEGREES, dtype=np.uint8)
    codes[kept] = Caveat.NONE
    inside, part, columns, unbound = np.ones(len(whole.counts), dtype=np.bool_), whole, np.arange(len(kept)), kept < 0
    solution, decided = solve_scores(part), True
    while decided and (not solution.settled or near_a_bound(part, solution)):
        apart = _separated(part)
        decided = apart is not None
        if apart is None or not apart.any():
            break
        inside[np.flatnonzero(inside)[apart]] = False
        part = whole.at(inside)
        columns, unbound = _still_informed(part)
        part = replace(part, design=part.design[:, columns])
        solution = solve_scores(part)
    if not (decided and solution.settled):
        codes[kept] = Caveat.NOT_CONVERGED
    codes[kept[unbound]] = Caveat.SEPARATED
    separated = np.zeros(len(live), dtype=np.bool_)
    separated[np.flatnonzero(live)[~inside]] = True
    return _report(problem.family, part, tuple(int(j) for j in kept[columns]), codes, solution, separated)


def _separated(problem: Problem) -> Flags | None:
    """Cells that some direction separates; None when that could not be decided."""
    lowest = problem.totals <= 0
    highest = (problem.totals >= problem.counts) if problem.family == "logit" else np.zeros(len(lowest), dtype=np.bool_)
    try:
        return separated_cells(problem.design, lowest, highest)
    except ArithmeticError:
        return None


def _still_informed(problem: Problem) -> tuple[NDArray[np.intp], Flags]:
    """Columns independent on the cells left, and a mark on all that these cells do not identify.

    A column dropped here is a combination of kept ones; each kept one with a part in it is not identified either.
    """
    root = np.sqrt(problem.exposure)
    scaled = problem.design * root[:, None]
    basis, lengths = independent_columns(problem.design, root), np.linalg.norm(scaled, axis=0)
    kept, unbound = np.array(basis.kept, dtype=np.intp), np.zeros(len(lengths), dtype=np.bool_)
    for j in set(range(len(lengths))) - set(basis.kept):
        unbound[j] = True
        parts = np.abs(basis.solve(scaled[:, j])) * lengths[kept]
        unbound[kept[parts > 1e-8 * lengths[j]]] = True
    return kept, unbound


def _report(
    family: str,
    part: Problem,
    columns: tuple[int, ...],
    codes: NDArray[np.uint8],
    solution: Solution,
    separated: Flags,
) -> GeneralizedLinearFit:
    """Coefficients and covariances over all columns, NaN where ``codes`` say why."""
    width, n, k = len(codes), float(part.counts.sum()), len(columns)
    coefficients = np.full(width, np.nan)
    coefficients[list(columns)] = solution.coefficients
    coefficients[codes != Caveat.NONE] = np.nan
    scores = _scores(part, solution.coefficients)
    degrees = n - k
    return GeneralizedLinearFit(
        family=family,
        coefficients=coefficients,
        caveat=codes,
        classical=_coded(classical(scores.bread, 1.0, columns, width, degrees), codes),
        hc0=_coded(robust(scores, columns, width, degrees, corrected=False), codes),
        hc1=_coded(robust(scores, columns, width, degrees, corrected=True), codes),
        cr1=_coded(clustered(scores, columns, width, degrees), codes),
        n=n,
        k=k,
        dropped=tuple(int(j) for j in np.flatnonzero(codes == Caveat.ALIASED)),
        separated=separated,
        iterations=solution.steps,
        score=solution.score,
    )


def _scores(problem: Problem, solved: Floats) -> Scores:
    """What the covariances need at the solution."""
    mean, slope, _ = mean_and_slopes(problem.family, problem.design @ solved + problem.offset)
    root = np.sqrt(problem.exposure * slope)
    weighted = problem.design * root[:, None]
    lengths = np.linalg.norm(weighted, axis=0)
    lengths[lengths == 0] = 1.0
    inverse = np.linalg.pinv(np.linalg.qr(weighted / lengths, mode="r")) / lengths[:, None]
    rows = np.where(problem.counts > 0, problem.counts, 1.0)
    squares: Floats | None = None
    if problem.within is not None:
        squares = problem.within + problem.counts * (problem.totals / rows - mean) ** 2
    elif problem.squares is not None and problem.exposure_squares is not None and problem.products is not None:
        squares = problem.squares - 2 * mean * problem.products + mean**2 * problem.exposure_squares
    return Scores(
        design=problem.design,
        bread=inverse @ inverse.T,
        weights=problem.exposure / rows * slope,
        counts=problem.counts,
        sums=problem.totals - problem.exposure * mean,
        squares=None if squares is None else np.maximum(squares, 0.0),
        outcome=problem.totals**2 / rows if problem.squares is None else problem.squares,
        clusters=None if problem.clusters is None else np.unique(problem.clusters, return_inverse=True)[1].reshape(-1),
    )


def _coded(covariance: Covariance, codes: NDArray[np.uint8]) -> Covariance:
    """The covariance with the fit's own reasons in place, NaN beside them."""
    bad = codes != Caveat.NONE
    matrix, errors = covariance.matrix.copy(), covariance.errors.copy()
    matrix[bad, :] = np.nan
    matrix[:, bad] = np.nan
    errors[bad] = np.nan
    return replace(
        covariance, matrix=matrix, errors=errors, caveat=np.where(bad, codes, covariance.caveat).astype(np.uint8)
    )

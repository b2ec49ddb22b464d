"""Effects of a few columns at equal strata, from cells: least squares, and Poisson pseudo-likelihood with an exposure.

With s the stratum of a cell, z its K columns and a_s a level of each stratum that is absorbed:

* ``absorbed_least_squares``: E[y] = a_s + zᵀb, so that b solves Σ z̃ (y − zᵀb) = 0 with z̃ = z less its mean in the
  stratum (Frisch and Waugh 1933, Econometrica 1:387–401; Lovell 1963, JASA 58:993–1010);
* ``absorbed_poisson``: E[y] = e · exp(a_s + zᵀb) with exposure e. Each a_s has the solution
  exp(a_s) = Σ y / Σ e exp(zᵀb) over its stratum; what is left is concave in b and solved by Newton's method (Hausman,
  Hall and Griliches 1984, Econometrica 52:909–938; consistent for the mean whatever the distribution: Wooldridge 1999,
  Journal of Econometrics 90:77–97). A stratum whose y do not add up to more than 0 tells nothing and is set aside;
  a cell may have less than 0 (a recovery of claims), since what is concave in b asks for the stratum's sum only.

Rows enter through their cell's n, Σ y, Σ y² and, with an exposure, Σ e, Σ e², Σ e y. With r = y − e · (fitted mean) and
z̃ (for Poisson less the mean weighted by the fitted means), the covariance is f · B (Σ r² z̃ z̃ᵀ) B with bread
B = (Σ w z̃ z̃ᵀ)⁻¹ (White 1980, Econometrica 48:817–838), f = n / (n − p), p = K and the strata used; or, by clusters g,
f · B (Σ_g s_g s_gᵀ) B with s_g = Σ r z̃ over the rows of g and f = G / (G − 1) · (n − 1) / (n − p) (Liang and Zeger
1986, Biometrika 73:13–22). These are pyfixest's `feols` and `fepois` with `ssc(k_adj=True, k_fixef="full",
G_adj=True)`. The clusters' sums are another scan's business: ``residual_design`` and ``means`` are what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.absorption import encode
from audits.statistics.sandwich import Floats, checked_design, checked_sums, counted, independent_columns

Flags = NDArray[np.bool_]
_STEPS, _HALVINGS = 100, 40
_SETTLED = 1e-20  # of the squared step in standard errors
_FARTHEST = 30.0  # a coefficient times its column beyond this has left the data: it is running off to infinity


@dataclass(frozen=True, slots=True)
class AbsorbedEffects:
    """K effects and what their errors need; C cells.

    ``coefficients`` (K,) are NaN where the strata, earlier columns or a lack of outcomes leave nothing to tell.
    ``means`` (C,) is the fitted mean of a row for a unit of exposure, ``residual_design`` (C, K) is z̃, 0 where a cell
    is not ``used`` (C,). ``bread``, ``classical`` and ``hc1`` are (K, K), NaN without a coefficient; ``classical``
    takes a constant variance (Poisson: in proportion to the mean). ``n`` rows used, ``strata`` used, ``settled``
    whether the equations were solved.
    """

    coefficients: Floats
    means: Floats
    residual_design: Floats
    bread: Floats
    classical: Floats
    hc1: Floats
    n: float
    strata: int
    used: Flags
    settled: bool = True

    @property
    def kept(self) -> Flags:
        """(K,) Which columns have a coefficient."""
        return np.isfinite(self.coefficients)

    @property
    def parameters(self) -> int:
        """Columns kept and strata used."""
        return int(self.kept.sum()) + self.strata

    def clustered(self, meat: ArrayLike, clusters: int) -> Floats:
        """(K, K) covariance from Σ_g s_g s_gᵀ (K, K) over ``clusters``; NaN without two clusters or degrees."""
        if clusters < 2 or self.n <= self.parameters:
            return np.full_like(self.bread, np.nan)
        factor = clusters / (clusters - 1) * (self.n - 1) / (self.n - self.parameters)
        return factor * self._between(np.asarray(meat, dtype=np.float64))

    def _between(self, meat: Floats) -> Floats:
        """B M B over the columns kept."""
        kept = np.flatnonzero(self.kept)
        found = np.full_like(self.bread, np.nan)
        inner = self.bread[np.ix_(kept, kept)]
        found[np.ix_(kept, kept)] = inner @ meat[np.ix_(kept, kept)] @ inner
        return found


def absorbed_least_squares(
    design: ArrayLike, strata: ArrayLike, counts: ArrayLike, totals: ArrayLike, squares: ArrayLike
) -> AbsorbedEffects:
    """Least squares of y on ``design`` (C, K) within ``strata`` (C,), from n, Σ y and Σ y², each (C,).

    ``ValueError`` for wrong shapes, numbers that are not finite, or sums of squares that cannot be.
    """
    z = checked_design(design)
    n, total, square = (counted(one, len(z), name) for one, name in (
        (counts, "counts"), (totals, "totals"), (squares, "squares")))  # fmt: skip
    within = checked_sums(n, total, square)
    codes, used = _strata(strata, n)
    means = total / np.where(n > 0, n, 1.0)
    weights = np.where(used, n, 0.0)
    centred, levels = _centred(z, codes, weights), _by_stratum(means, codes, weights)
    basis = independent_columns(centred, np.sqrt(weights), _lengths(z, weights))
    kept = list(basis.kept)
    solved = basis.solve(np.sqrt(weights) * (means - levels[codes]))
    fitted = levels[codes] + centred[:, kept] @ solved
    rows = np.where(used, within + n * (means - fitted) ** 2, 0.0)
    return _assembled(z.shape[1], kept, solved, basis.bread(), centred, fitted, rows, weights, codes, used)


@dataclass(frozen=True, slots=True)
class ExposedSums:
    """Of each cell, all (C,): n, Σ y, Σ y² of the outcome, Σ e, Σ e² of the exposure, and Σ e y."""

    counts: ArrayLike
    totals: ArrayLike
    squares: ArrayLike
    exposure: ArrayLike
    exposure_squares: ArrayLike
    products: ArrayLike


def absorbed_poisson(design: ArrayLike, strata: ArrayLike, sums: ExposedSums) -> AbsorbedEffects:
    """Poisson pseudo-likelihood of y on ``design`` (C, K) within ``strata`` (C,) with an exposure e > 0.

    ``ValueError`` for wrong shapes or numbers that are not finite.
    """
    z = checked_design(design)
    n, y, y2, e, e2, ey = (counted(getattr(sums, name), len(z), name) for name in ExposedSums.__slots__)
    codes, used = _strata(strata, n)
    used &= (np.bincount(codes, np.where(used, y, 0.0)) > 0)[codes] & (e > 0)
    e, y = np.where(used, e, 0.0), np.where(used, y, 0.0)
    basis = independent_columns(_centred(z, codes, e), np.sqrt(e), _lengths(z, e))
    kept = [j for j in basis.kept if _informed(z[:, j], codes, y, e)]
    solved, settled = _newton(z[:, kept], codes, y, e)
    level, rate = _levels(z[:, kept] @ solved, codes, y, e)
    fitted = rate * level[codes]
    centred = _centred(z, codes, e * fitted)
    rows = np.where(used, np.maximum(y2 - 2 * fitted * ey + fitted**2 * e2, 0.0), 0.0)
    root = np.sqrt(e * fitted)
    inside = independent_columns(centred[:, kept], root)
    settled &= len(inside.kept) == len(kept)
    bread = inside.bread() if settled else np.full((len(kept), len(kept)), np.nan)
    found = solved if settled else np.full(len(kept), np.nan)
    typical = fitted * e / np.where(n > 0, n, 1.0)  # the mean of a row of typical exposure in its cell
    spread = np.divide(rows, typical, out=np.zeros_like(rows), where=typical > 0)
    return _assembled(
        z.shape[1], kept, found, bread, centred, fitted, rows, np.where(used, n, 0.0), codes, used, spread, settled
    )


def _strata(strata: ArrayLike, counts: Floats) -> tuple[NDArray[np.intp], Flags]:
    """Codes, and the cells with rows that are not alone in their stratum."""
    codes = encode(strata, len(counts), "strata")
    rows = np.bincount(codes, counts)
    return codes, np.asarray((counts > 0) & (rows[codes] > 1 + 1e-9))


def _by_stratum(values: Floats, codes: NDArray[np.intp], weights: Floats) -> Floats:
    """(S,) weighted means."""
    mass = np.bincount(codes, weights)
    return np.asarray(np.bincount(codes, weights * values) / np.where(mass > 0, mass, 1.0))


def _centred(z: Floats, codes: NDArray[np.intp], weights: Floats) -> Floats:
    """z less its weighted mean in the stratum, twice over against rounding; 0 without weight."""
    for _ in range(2):
        z = z - np.column_stack([_by_stratum(column, codes, weights)[codes] for column in z.T])
    return np.where(weights[:, None] > 0, z, 0.0)


def _lengths(z: Floats, weights: Floats) -> Floats:
    return np.asarray(np.linalg.norm(z * np.sqrt(weights)[:, None], axis=0))


def _informed(column: Floats, codes: NDArray[np.intp], y: Floats, e: Floats) -> bool:
    """Whether the outcome does not sit at one end of the column in every stratum, which has no finite solution.

    A sum Σ (y − μ) z over strata vanishes for some finite coefficient exactly when Σ y z lies strictly between
    Σ_s Y_s min z and Σ_s Y_s max z.
    """
    held = e > 0
    size = int(codes.max(initial=-1)) + 1
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, codes[held], column[held])
    np.maximum.at(high, codes[held], column[held])
    mass = np.bincount(codes, y, size)
    some = mass > 0
    ends = float(mass[some] @ low[some]), float(mass[some] @ high[some])
    here, slack = float(y @ column), 1e-12 * max(1.0, abs(ends[0]), abs(ends[1]))
    return ends[0] + slack < here < ends[1] - slack


def _levels(predictor: Floats, codes: NDArray[np.intp], y: Floats, e: Floats) -> tuple[Floats, Floats]:
    """exp(a_s) of each stratum at this predictor, and exp(predictor)."""
    with np.errstate(over="ignore"):
        rate = np.exp(np.clip(predictor, -_FARTHEST * 10, _FARTHEST * 10))
    mass = np.bincount(codes, e * rate)
    return np.asarray(np.bincount(codes, y) / np.where(mass > 0, mass, 1.0)), rate


def _likelihood(z: Floats, b: Floats, codes: NDArray[np.intp], y: Floats, e: Floats) -> float:
    """Σ y zᵀb − Σ_s Y_s log Σ e exp(zᵀb)."""
    predictor = z @ b
    mass, total = np.bincount(codes, e * np.exp(np.clip(predictor, -300, 300))), np.bincount(codes, y)
    some = total > 0
    return float(y @ predictor - total[some] @ np.log(mass[some]))


def _newton(z: Floats, codes: NDArray[np.intp], y: Floats, e: Floats) -> tuple[Floats, bool]:
    """The maximum, and whether it was reached."""
    b = np.zeros(z.shape[1])
    if not z.shape[1]:
        return b, True
    value = _likelihood(z, b, codes, y, e)
    for _ in range(_STEPS):
        level, rate = _levels(z @ b, codes, y, e)
        fitted = e * rate * level[codes]
        centred = _centred(z, codes, fitted)
        score, information = centred.T @ (y - fitted), (centred * fitted[:, None]).T @ centred
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return b, False
        decrement = float(score @ step)
        for _ in range(_HALVINGS):
            later = _likelihood(z, b + step, codes, y, e)
            if later >= value - 1e-10 * (1 + abs(value)):
                break
            step = step / 2
        b, value = b + step, later
        if not np.isfinite(b).all() or float(np.max(np.abs(z @ b), initial=0.0)) > _FARTHEST:
            return b, False
        if decrement <= _SETTLED * max(1.0, float(y.sum())):
            return b, True
    return b, False


def _assembled(
    width: int, kept: list[int], solved: Floats, inner: Floats, centred: Floats, fitted: Floats, rows: Floats,
    weights: Floats, codes: NDArray[np.intp], used: Flags, spread: Floats | None = None, settled: bool = True,
) -> AbsorbedEffects:  # fmt: skip
    """The record; ``rows`` is Σ r² of each cell, ``spread`` Σ r² over the mean's size for Poisson."""
    coefficients, bread, nothing = (
        np.full(width, np.nan),
        np.full((width, width), np.nan),
        np.full((width, width), np.nan),
    )
    coefficients[kept] = solved
    bread[np.ix_(kept, kept)] = inner
    n, strata = float(weights.sum()), len(np.unique(codes[used]))
    degrees = n - len(kept) - strata
    plain = AbsorbedEffects(coefficients, fitted, centred, bread, nothing, nothing, n, strata, used, settled)
    if degrees <= 0:
        return plain
    meat = centred.T @ (rows[:, None] * centred)
    variance = float((rows if spread is None else spread).sum()) / degrees
    return AbsorbedEffects(
        coefficients, fitted, centred, bread, variance * bread, n / degrees * plain._between(meat), n, strata, used,
        settled,
    )  # fmt: skip

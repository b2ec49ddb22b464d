"""A discrete-time hazard by group at equal strata, from cells: complementary log-log regression, strata absorbed.

A spell is watched band of time by band until it ends or the data do; each band that was wholly seen is a person-period.
With h the chance to end in a band, log(−log(1 − h)) = a_s + zᵀb: then exp(b) is the ratio of hazards of an underlying
proportional-hazards model, whatever the width of the bands (Prentice and Gloeckler 1978, Biometrics 34:57–67; Allison
1982, Sociological Methodology 13:61–98). Each stratum (kind of spell by band) has a level a_s of its own, which is
absorbed: a step of Fisher's scoring is weighted least squares of the working residuals on z less its mean in the
stratum (Frisch and Waugh 1933, Econometrica 1:387–401). A stratum in which no period ends a spell, or every one does,
says nothing about b and is set aside.

A person-period with outcome y has the score (y − h) · λ/h · z̃ with λ = −log(1 − h); spells of one cluster are added
up before they are squared, and with bread B = (Σ v z̃ z̃ᵀ)⁻¹, v = λ² (1 − h)/h, the covariance is
G/(G − 1) · B (Σ_g s_g s_gᵀ) B (Liang and Zeger 1986, Biometrika 73:13–22).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.absorption import encode
from audits.statistics.sandwich import Floats, checked_design, counted, independent_columns

_STEPS, _HALVINGS = 100, 40
_SETTLED = 1e-20  # the squared step in standard errors
_FARTHEST = 15.0  # of a coefficient times its column: it runs off to infinity


@dataclass(frozen=True, slots=True)
class HazardFit:
    """K coefficients from C cells of person-periods.

    ``coefficients`` (K,) are logarithms of hazard ratios, NaN where the strata leave nothing to tell or the estimate
    has no finite value; ``bread`` (K, K). ``hazards`` (C,) are fitted, ``slopes`` (C,) is λ/h, ``residual_design``
    (C, K) is z̃, both 0 where a cell is not ``used`` (C,). ``periods`` and ``events`` used, and ``strata``.
    """

    coefficients: Floats
    bread: Floats
    hazards: Floats
    slopes: Floats
    residual_design: Floats
    used: NDArray[np.bool_]
    periods: float
    events: float
    strata: int

    def scores(self, outcome: float) -> Floats:
        """(C, K) The score of a person-period with outcome 0 or 1 in each cell."""
        scale = np.where(self.used, (outcome - self.hazards) * self.slopes, 0.0)
        return np.asarray(scale[:, None] * self.residual_design)

    def influences(self, outcome: float) -> Floats:
        """(C, K) B s, what a person-period with outcome 0 or 1 in each cell adds to each coefficient.

        Its sums over clusters, squared and added up, times G/(G − 1) are the variances. 0 without a coefficient.
        """
        known = np.isfinite(self.coefficients)
        return np.asarray(self.scores(outcome) @ np.where(np.outer(known, known), self.bread, 0.0))


def hazard_ratio(design: ArrayLike, strata: ArrayLike, periods: ArrayLike, events: ArrayLike) -> HazardFit:
    """Fit ``events`` (C,) among person-``periods`` (C,) by ``design`` (C, K) within ``strata`` (C,).

    ``ValueError`` for wrong shapes, numbers that are not finite, or more events than periods.
    """
    z = checked_design(design)
    n, d = counted(periods, len(z), "periods"), counted(events, len(z), "events")
    if ((d < 0) | (d > n)).any():
        cell = int(np.argmax((d < 0) | (d > n)))
        raise ValueError(f"events: found {d[cell]:g} of {n[cell]:g} periods, expected none to all of them")
    codes = encode(strata, len(z), "strata")
    held, ended = np.bincount(codes, n), np.bincount(codes, d)
    used = (n > 0) & ((ended > 0) & (ended < held))[codes]
    n, d = np.where(used, n, 0.0), np.where(used, d, 0.0)
    start = np.zeros(len(held))
    some = (ended > 0) & (ended < held)
    start[some] = np.log(-np.log1p(-ended[some] / held[some]))
    lengths = np.linalg.norm(z * np.sqrt(n)[:, None], axis=0)
    basis = independent_columns(_centred(z, codes, n), np.sqrt(n), lengths)
    kept = list(basis.kept)
    levels, b, settled = _scoring(z[:, kept], codes, n, d, start)
    return _assembled(z, kept, levels, b, settled, codes, n, d, used)


def _centred(z: Floats, codes: NDArray[np.intp], weights: Floats) -> Floats:
    """z less its weighted mean in the stratum, twice over against rounding; 0 without weight."""
    for _ in range(2):
        z = z - _means(z, codes, weights)[codes]
    return np.where(weights[:, None] > 0, z, 0.0)


def _means(z: Floats, codes: NDArray[np.intp], weights: Floats) -> Floats:
    """(S, K) weighted means by stratum."""
    mass = np.bincount(codes, weights)
    mass = np.where(mass > 0, mass, 1.0)
    columns = [np.bincount(codes, weights * column) / mass for column in z.T]
    return np.column_stack(columns) if columns else np.zeros((len(mass), 0))


def _rates(predictor: Floats) -> tuple[Floats, Floats]:
    """λ and h = 1 − exp(−λ)."""
    rate = np.exp(np.clip(predictor, -50.0, 6.0))
    return rate, -np.expm1(-rate)


def _likelihood(predictor: Floats, n: Floats, d: Floats) -> float:
    rate, hazard = _rates(predictor)
    return float(d @ np.log(np.maximum(hazard, 1e-300)) - (n - d) @ rate)


def _scoring(z: Floats, codes: NDArray[np.intp], n: Floats, d: Floats, levels: Floats) -> tuple[Floats, Floats, bool]:
    """Levels, coefficients and whether the equations were solved; columns that run off stop the search."""
    b = np.zeros(z.shape[1])
    value = _likelihood(levels[codes] + z @ b, n, d)
    for _ in range(_STEPS):
        rate, hazard = _rates(levels[codes] + z @ b)
        slope = rate * (1 - hazard)  # dh/dη
        weight = np.where(n > 0, n * slope**2 / np.maximum(hazard * (1 - hazard), 1e-300), 0.0)
        residual = np.divide(d - n * hazard, n * slope, out=np.zeros_like(n), where=(n > 0) & (slope > 0))
        inside = _centred(z, codes, weight)
        information = (inside * weight[:, None]).T @ inside
        try:
            step = np.linalg.solve(information, inside.T @ (weight * residual)) if len(b) else b
        except np.linalg.LinAlgError:
            return levels, b, False
        shift = _means(residual[:, None], codes, weight)[:, 0] - _means(z, codes, weight) @ step
        for _ in range(_HALVINGS):
            later = _likelihood((levels + shift)[codes] + z @ (b + step), n, d)
            if later >= value - 1e-11 * (1 + abs(value)):
                break
            step, shift = step / 2, shift / 2
        size = float(weight @ (shift[codes] + z @ step) ** 2)
        levels, b, value = levels + shift, b + step, later
        if not np.isfinite(b).all() or float(np.max(np.abs(z @ b), initial=0.0)) > _FARTHEST:
            return levels, b, False
        if size <= _SETTLED * max(1.0, float(n.sum())):
            return levels, b, True
    return levels, b, False


def _assembled(
    z: Floats, kept: list[int], levels: Floats, b: Floats, settled: bool, codes: NDArray[np.intp], n: Floats,
    d: Floats, used: NDArray[np.bool_],
) -> HazardFit:  # fmt: skip
    width = z.shape[1]
    rate, hazard = _rates(levels[codes] + z[:, kept] @ b)
    weight = np.where(used, n * rate**2 * (1 - hazard) / np.maximum(hazard, 1e-300), 0.0)
    centred = _centred(z, codes, weight)
    coefficients, bread = np.full(width, np.nan), np.full((width, width), np.nan)
    inside = independent_columns(centred[:, kept], np.sqrt(weight))
    if settled and len(inside.kept) == len(kept):
        coefficients[kept] = b
        bread[np.ix_(kept, kept)] = inside.bread()
    return HazardFit(
        coefficients, bread, hazard, np.where(used, rate / np.maximum(hazard, 1e-300), 0.0), centred, used,
        float(n.sum()), float(d.sum()), len(np.unique(codes[used])),
    )  # fmt: skip

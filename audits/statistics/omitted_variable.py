"""How strong would an omitted variable have to be to overturn a least-squares coefficient?

Cinelli and Hazlett (2020, 'Making sense of sensitivity', JRSS-B 82:39–67). A confounder Z is described by two shares:
R²(D~Z|X), what it explains of the treatment D beyond the controls X, and R²(Y~Z|D,X), what it explains of the outcome
beyond both. Had Z been in the regression, the estimate would have moved by exactly

    se √df √( R²(Y~Z|D,X) · R²(D~Z|X) / (1 − R²(D~Z|X)) )

and its error would be se √((1 − R²(Y~Z|D,X)) / (1 − R²(D~Z|X))) √(df / (df − 1)). All figures need only the estimate,
its classical error and the residual degrees of freedom. Robust errors do not fit these identities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.least_squares import LeastSquaresFit

Floats = NDArray[np.float64]


class OmissionCaveat(IntEnum):
    """Why a figure is missing or limited; one code per element."""

    NONE = 0
    NO_ESTIMATE = 1
    NO_DEGREES = 2
    BEYOND_TREATMENT = 3
    CAPPED = 4
    NO_ERROR_LEFT = 5

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    OmissionCaveat.NO_ESTIMATE: "the estimate or its classical error is missing",
    OmissionCaveat.NO_DEGREES: "fewer than two residual degrees of freedom",
    OmissionCaveat.BEYOND_TREATMENT: "a confounder that strong would explain more of the treatment than there is",
    OmissionCaveat.CAPPED: "the bound on the share of the outcome exceeds 1, so 1 is used",
    OmissionCaveat.NO_ERROR_LEFT: "a confounder that explains all of the outcome leaves no error to judge by",
}


@dataclass(frozen=True, slots=True)
class Robustness:
    """All arrays share the broadcast shape of the inputs; NaN where ``caveat`` holds a code.

    ``partial_r_squared`` is R²(Y~D|X): also the share of D that a confounder explaining all of the rest of Y would
    need to explain to bring the estimate to 0. ``robustness_value``: a confounder with both shares below it cannot
    take away the share ``q`` of the estimate; ``robustness_value_significant``: nor make it indistinguishable from
    (1 − q) times itself at ``alpha``. 0 means that it is so without any confounder.
    """

    t: Floats
    partial_r_squared: Floats
    robustness_value: Floats
    robustness_value_significant: Floats
    q: float
    alpha: float
    caveat: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class AdjustedEstimate:
    """What the regression would have said with the confounder in it; arrays share the broadcast shape.

    ``bias`` ≥ 0 is the size of the move, here always towards 0 (and past it) or, on request, away from it.
    """

    bias: Floats
    estimate: Floats
    standard_error: Floats
    t: Floats
    low: Floats
    high: Floats
    level: float
    caveat: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ConfounderBound:
    """Shares of a confounder that is k times as strong as a benchmark; NaN where it cannot exist."""

    r_squared_treatment: Floats
    r_squared_outcome: Floats
    caveat: NDArray[np.uint8]


def partial_r_squared(fit: LeastSquaresFit, columns: Sequence[int]) -> float:
    """Share of the outcome that ``columns`` explain beyond the others: W / (W + df), W their classical Wald statistic.

    For one column t² / (t² + df). Raises ``ValueError`` when a column has no coefficient or no classical error.
    """
    chosen = list(columns)
    if not chosen:
        raise ValueError("columns: found none, expected at least one")
    absent = [j for j in chosen if not np.isfinite(fit.classical.errors[j])]
    if absent:
        raise ValueError(f"column {absent[0]}: found no classical error, expected an identified coefficient")
    coefficients = fit.coefficients[chosen]
    wald = float(coefficients @ np.linalg.solve(fit.classical.matrix[np.ix_(chosen, chosen)], coefficients))
    return wald / (wald + fit.classical.degrees_of_freedom)


def robustness(
    estimate: ArrayLike,
    standard_error: ArrayLike,
    degrees_of_freedom: ArrayLike,
    *,
    q: float = 1.0,
    alpha: float = 0.05,
) -> Robustness:
    """Robustness values of estimates with classical errors.

    With f = |t| / √df and f_q = q f: RV_q = (√(f_q⁴ + 4 f_q²) − f_q²) / 2. For RV_{q,α} f_q is lessened by
    f* = t(1 − α/2, df − 1) / √(df − 1); where f_q > 1/f* a confounder does most harm below its largest share of the
    outcome, and the value is (f_q² − f*²) / (1 + f_q²). ``ValueError`` for errors not above 0, q not above 0, or
    alpha outside (0, 1].
    """
    if not q > 0:
        raise ValueError(f"q: found {q:g}, expected a share above 0")
    value, error, df, caveat = _estimates(estimate, standard_error, degrees_of_freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = value / error
        f = q * np.abs(t) / np.sqrt(df)
        critical = _critical(alpha, df - 1) / np.sqrt(df - 1)
        least = np.maximum(f - critical, 0.0)
        beyond = (f > critical) & (f * critical > 1)
        within = _equal_shares(least)
        significant = np.where(beyond, (f**2 - critical**2) / (1 + f**2), within)
        share = t**2 / (t**2 + df)
    return Robustness(t, share, _equal_shares(f), significant, q, alpha, caveat)


def adjust_estimate(
    estimate: ArrayLike,
    standard_error: ArrayLike,
    degrees_of_freedom: ArrayLike,
    r_squared_treatment: ArrayLike,
    r_squared_outcome: ArrayLike,
    *,
    level: float = 0.95,
    towards_zero: bool = True,
) -> AdjustedEstimate:
    """Estimate, error and interval (t with df − 1) with a confounder of the two given shares in the regression.

    ``ValueError`` for shares outside [0, 1), 1 being allowed for the outcome, and a level outside (0, 1).
    """
    value, error, df, caveat = _estimates(estimate, standard_error, degrees_of_freedom)
    treated = _share(r_squared_treatment, "r_squared_treatment", closed=False)
    outcome = _share(r_squared_outcome, "r_squared_outcome", closed=True)
    value, error, df, treated, outcome, caveat = np.broadcast_arrays(value, error, df, treated, outcome, caveat)
    if not 0 < level < 1:
        raise ValueError(f"level: found {level:g}, expected a number strictly between 0 and 1")
    with np.errstate(divide="ignore", invalid="ignore"):
        bias = error * np.sqrt(df) * np.sqrt(outcome * treated / (1 - treated))
        direction = np.where(value < 0, -1.0, 1.0) * (1.0 if towards_zero else -1.0)
        moved = value - direction * bias
        spread = error * np.sqrt((1 - outcome) / (1 - treated)) * np.sqrt(df / (df - 1))
        whole = (outcome == 1) & (caveat == OmissionCaveat.NONE)
        spread = np.where(whole, np.nan, spread)
        reach = _critical(1 - level, df - 1) * spread
        codes = np.where(whole, np.uint8(OmissionCaveat.NO_ERROR_LEFT), caveat).astype(np.uint8)
        return AdjustedEstimate(bias, moved, spread, moved / spread, moved - reach, moved + reach, level, codes)


def benchmark_bound(
    covariate_treatment: ArrayLike, covariate_outcome: ArrayLike, *, k_d: ArrayLike = 1.0, k_y: ArrayLike | None = None
) -> ConfounderBound:
    """Shares of a confounder k_d times as strong as a covariate X_j for D and k_y times (default k_d) for Y.

    ``covariate_treatment`` is R²(D~X_j|X₋ⱼ) and ``covariate_outcome`` R²(Y~X_j|X₋ⱼ,D), as `partial_r_squared` gives
    them; the strengths are ratios of these shares with X_j itself left out, for Z unrelated to X_j given X₋ⱼ. Then
    R²(D~Z|X) = k_d f²(D~X_j|X₋ⱼ) and R²(Y~Z|D,X) ≤ η² f²(Y~X_j|X₋ⱼ,D), η = (√k_y + |c|) / √(1 − c²), where
    c² = k_d R⁴ / ((1 − k_d R²)(1 − R²)) with R² = R²(D~X_j|X₋ⱼ) is what D induces between Z and X_j.
    """
    treated = _share(covariate_treatment, "covariate_treatment", closed=False)
    outcome = _share(covariate_outcome, "covariate_outcome", closed=False)
    stronger = np.asarray(k_d, dtype=np.float64)
    treated, outcome, d, y = np.broadcast_arrays(
        treated, outcome, stronger, stronger if k_y is None else np.asarray(k_y)
    )
    if not ((d >= 0) & (y >= 0)).all():
        raise ValueError(f"k_d, k_y: found {min(d.min(), y.min()):g}, expected 0 or more")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = d * treated / (1 - treated)
        induced = d * treated**2 / ((1 - d * treated) * (1 - treated))
        beyond = (share >= 1) | (induced >= 1)
        eta = (np.sqrt(y) + np.sqrt(induced)) / np.sqrt(1 - induced)
        bound = eta**2 * outcome / (1 - outcome)
    capped = ~beyond & (bound > 1)
    codes = [np.uint8(OmissionCaveat.BEYOND_TREATMENT), np.uint8(OmissionCaveat.CAPPED)]
    caveat = np.select([beyond, capped], codes, default=np.uint8(OmissionCaveat.NONE)).astype(np.uint8)
    return ConfounderBound(np.where(beyond, np.nan, share), np.where(beyond, np.nan, np.minimum(bound, 1.0)), caveat)


def _equal_shares(f: Floats) -> Floats:
    """The r with r / √(1 − r) = f, free of cancellation for large f."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(f > 0, 2 / (1 + np.sqrt(1 + 4 / f**2)), f)


def _critical(alpha: float, df: Floats) -> Floats:
    """Two-sided critical value of t."""
    from scipy.special import stdtrit

    if not 0 < alpha <= 1:
        raise ValueError(f"alpha: found {alpha:g}, expected a number above 0 and at most 1")
    return np.abs(np.asarray(stdtrit(df, alpha / 2), dtype=np.float64))


def _estimates(
    estimate: ArrayLike, standard_error: ArrayLike, degrees: ArrayLike
) -> tuple[Floats, Floats, Floats, NDArray[np.uint8]]:
    """Inputs of one shape, NaN where they carry nothing, and why."""
    arrays = [np.asarray(part, dtype=np.float64) for part in (estimate, standard_error, degrees)]
    value, error, df = (part.copy() for part in np.broadcast_arrays(*arrays))
    if (error <= 0).any():
        raise ValueError(f"standard_error: found {error[error <= 0].flat[0]:g}, expected errors above 0")
    none = ~(np.isfinite(value) & np.isfinite(error))
    few = ~none & ~(df >= 2)
    for part in (value, error, df):
        part[none | few] = np.nan
    codes = [np.uint8(OmissionCaveat.NO_ESTIMATE), np.uint8(OmissionCaveat.NO_DEGREES)]
    return value, error, df, np.select([none, few], codes, default=np.uint8(OmissionCaveat.NONE)).astype(np.uint8)


def _share(values: ArrayLike, name: str, *, closed: bool) -> Floats:
    """Shares from 0 to 1, with 1 itself only where ``closed``."""
    found = np.asarray(values, dtype=np.float64)
    fine = (found >= 0) & ((found <= 1) if closed else (found < 1))
    if not fine.all():
        bound = "0 to 1" if closed else "0 to below 1"
        raise ValueError(f"{name}: found {found[~fine].flat[0]:g}, expected shares from {bound}")
    return found

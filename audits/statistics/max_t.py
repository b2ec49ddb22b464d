"""Which of many contrasts stand out once all of them have been looked at?

The largest of K statistics exceeds an ordinary critical value far too often. Max-T compares each |t| with
the distribution of the largest |t| under the null, so the chance of even one false finding stays at
1 - level, and it uses how the contrasts hang together: overlapping ones cost less than independent ones
(Westfall and Young 1993, Resampling-Based Multiple Testing; Romano and Wolf 2005, Econometrica 73:1237–1282).

With B draws of the null maximum, the critical value is their ceil(level (B + 1))-th smallest and an
adjusted p is (1 + number of maxima at or above |t|) / (B + 1), so that |t| exceeds the critical value
exactly when p <= 1 - level. Step-down compares the j-th largest |t| with the maximum over the contrasts
not above it only, and is never less powerful; intervals are those of the single step, which match it alone.

The error rate is kept whichever contrasts are truly null when the joint distribution of the null
statistics does not depend on the others (subset pivotality), as for a centred bootstrap of estimates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_RELATIVE_SPREAD = 1e-12  # a spread below this share of the estimate is rounding, not variance
_BLOCK = 1 << 20  # numbers held at once while drawing


class Omission(IntEnum):
    """Why a contrast was kept out of the maximum and has no result."""

    NONE = 0
    NO_ESTIMATE = 1
    UNDEFINED_DRAWS = 2
    NO_VARIANCE = 3

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the contrast, or None when it was compared."""
        return _REASONS.get(self)


_REASONS = {
    Omission.NO_ESTIMATE: "the contrast has no estimate",
    Omission.UNDEFINED_DRAWS: "the contrast is undefined in some replicates, so its spread is not known",
    Omission.NO_VARIANCE: "the contrast shows no variance, so its uncertainty is not known",
}


@dataclass(frozen=True, slots=True)
class MaxT:
    """K contrasts judged together; arrays have shape (K,), NaN where `omission` says why.

    `statistic` is (estimate - null) / standard error; `low` and `high` hold every true value at once with
    probability `level`. `compared` contrasts entered the maximum, taken over `replicates` draws.
    """

    estimate: Floats
    standard_error: Floats
    statistic: Floats
    critical_value: float
    single_step_p: Floats
    step_down_p: Floats
    low: Floats
    high: Floats
    level: float
    compared: int
    replicates: int
    omission: NDArray[np.uint8]  # codes of Omission


def max_t_from_replicates(
    estimate: ArrayLike,
    draws: ArrayLike,
    *,
    null: ArrayLike = 0.0,
    standard_error: ArrayLike | None = None,
    level: float = 0.95,
) -> MaxT:
    """Max-T from bootstrap replicates `draws` (B, K) of the contrasts `estimate` (K,).

    The null statistics are |draw - estimate| / standard error, centred on the estimate and not on `null`,
    whatever is true (Romano and Wolf 2005). The standard error is the draws' standard
    deviation unless given. A contrast with an undefined replicate is kept out: ignoring it would narrow its
    interval. Raises ValueError for shapes that do not fit or too few replicates for the level.
    """
    theta, sample = _vector("estimate", estimate), np.asarray(draws, dtype=np.float64)
    if sample.ndim != 2 or sample.shape[1] != len(theta):
        raise ValueError(f"draws: found shape {sample.shape}, expected (replicates, {len(theta)})")
    undefined = np.asarray(~np.isfinite(sample).all(axis=0))
    if standard_error is None:
        with np.errstate(invalid="ignore"):
            error = sample.std(axis=0, ddof=1) if len(sample) > 1 else np.zeros(len(theta))
    else:
        error = _like(theta, "standard_error", standard_error)
    omission = _omissions(theta, error, undefined)
    kept = omission == Omission.NONE
    blocks = _centred(sample[:, kept], theta[kept], error[kept])
    return _judge(theta, error, _like(theta, "null", null), omission, blocks, len(sample), level)


def max_t_from_covariance(
    estimate: ArrayLike,
    covariance: ArrayLike,
    *,
    null: ArrayLike = 0.0,
    degrees_of_freedom: float | None = None,
    level: float = 0.95,
    replicates: int = 100_000,
    seed: int = 0,
) -> MaxT:
    """Max-T from estimates (K,) and their covariance (K, K), by seeded draws of the joint distribution.

    Multivariate normal, or multivariate t with `degrees_of_freedom` when all errors share one variance
    estimate, as in Dunnett's comparisons with a control. The adjusted probability at the critical value has
    Monte Carlo error sqrt(level (1 - level) / replicates). Raises ValueError for a matrix that is no
    covariance, shapes that do not fit, or too few replicates for the level.
    """
    theta, matrix = _vector("estimate", estimate), np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (len(theta), len(theta)):
        raise ValueError(f"covariance: found shape {matrix.shape}, expected {(len(theta), len(theta))}")
    if np.isnan(matrix).any():
        raise ValueError("covariance: found NaN, expected numbers; leave out contrasts without a covariance")
    variance = np.diag(matrix)
    if (variance < 0).any():
        raise ValueError(f"covariance: found the variance {np.min(variance):g}, expected none below 0")
    error = np.sqrt(variance)
    omission = _omissions(theta, error, np.zeros(len(theta), dtype=bool))
    kept = omission == Omission.NONE
    factor = _correlation_factor(matrix[np.ix_(kept, kept)], error[kept])
    blocks = _gaussian(factor, degrees_of_freedom, replicates, seed)
    return _judge(theta, error, _like(theta, "null", null), omission, blocks, replicates, level)


def maxima_from_covariance(covariance: ArrayLike, *, replicates: int = 100_000, seed: int = 0) -> Floats:
    """Draws (replicates,) of the largest |t| under the null, multivariate normal as in ``max_t_from_covariance``.

    They give limits at many levels at once. ``ValueError`` as there, and for a variance of 0.
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"covariance: found shape {matrix.shape}, expected as many rows as columns")
    if not (np.diag(matrix) > 0).all():
        raise ValueError(f"covariance: found the variance {np.min(np.diag(matrix)):g}, expected none up to 0")
    factor = _correlation_factor(matrix, np.sqrt(np.diag(matrix)))
    return np.concatenate([block.max(axis=1) for block in _gaussian(factor, None, replicates, seed)])


def critical_value(maxima: ArrayLike, level: float = 0.95) -> float:
    """The ceil(level (B + 1))-th smallest of B null maxima.

    Raises ValueError when B is too small for any of them to be that far out.
    """
    drawn = np.sort(_vector("maxima", maxima))
    _check_level(level)
    position = ceil(level * (len(drawn) + 1) * (1 - 1e-15))  # 0.95 * 1000 must not become 951
    if position > len(drawn):
        raise ValueError(f"maxima: found {len(drawn)} replicates, expected at least {ceil(level / (1 - level) - 1e-9)}")
    return float(drawn[position - 1])


def single_step_p(statistic: ArrayLike, maxima: ArrayLike) -> Floats:
    """Adjusted p of each statistic (K,): (1 + number of maxima >= |t|) / (B + 1); NaN stays NaN."""
    size, drawn = np.abs(_vector("statistic", statistic)), np.sort(_vector("maxima", maxima))
    beyond = len(drawn) - np.searchsorted(drawn, size, side="left")
    return np.where(np.isnan(size), np.nan, (1.0 + beyond) / (len(drawn) + 1.0))


def step_down_p(statistic: ArrayLike, null_statistics: Iterable[Floats]) -> Floats:
    """Adjusted p by step-down (Westfall and Young 1993, the free step-down method), for statistics (K,) without NaN.

    `null_statistics` are blocks (b, K) of null draws, so that they need never be held together.
    """
    size = np.abs(_vector("statistic", statistic))
    order = np.argsort(-size, kind="stable")
    beyond, total = np.zeros(len(size)), 0
    for block in null_statistics:
        largest = np.maximum.accumulate(np.abs(block[:, order[::-1]]), axis=1)[:, ::-1]
        beyond += (largest >= size[order]).sum(axis=0)
        total += len(block)
    p_value = np.empty(len(size))
    p_value[order] = np.maximum.accumulate((1.0 + beyond) / (total + 1.0))
    return p_value


def _judge(
    theta: Floats,
    error: Floats,
    null: Floats,
    omission: NDArray[np.uint8],
    blocks: Iterator[Floats],
    replicates: int,
    level: float,
) -> MaxT:
    """The result from blocks of absolute null statistics of the contrasts that were kept."""
    kept = omission == Omission.NONE
    statistic, single, down, low, high = (np.full(len(theta), np.nan) for _ in range(5))
    critical = np.nan
    _check_level(level)
    if kept.any():
        maxima: list[Floats] = []
        statistic[kept] = (theta[kept] - null[kept]) / error[kept]
        down[kept] = step_down_p(statistic[kept], _noting_maxima(blocks, maxima))
        drawn = np.concatenate(maxima) if maxima else np.empty(0)
        critical = critical_value(drawn, level)
        single[kept] = single_step_p(statistic[kept], drawn)
        low[kept], high[kept] = (theta[kept] + sign * critical * error[kept] for sign in (-1, 1))
    return MaxT(theta, np.where(kept, error, np.nan), statistic, float(critical), single, down, low, high, level,
                int(kept.sum()), replicates, omission)  # fmt: skip


def _noting_maxima(blocks: Iterator[Floats], maxima: list[Floats]) -> Iterator[Floats]:
    """The blocks unchanged, with each one's row maxima added to the list."""
    for block in blocks:
        maxima.append(block.max(axis=1))
        yield block


def _centred(sample: Floats, theta: Floats, error: Floats) -> Iterator[Floats]:
    """Blocks of |draw - estimate| / standard error."""
    step = max(1, _BLOCK // max(1, len(theta)))
    for start in range(0, len(sample), step):
        yield np.abs(sample[start : start + step] - theta) / error


def _gaussian(factor: Floats, degrees: float | None, replicates: int, seed: int) -> Iterator[Floats]:
    """Blocks of absolute multivariate normal or t draws whose correlation is factor factorᵀ."""
    rng = np.random.default_rng(seed)
    if degrees is not None and not degrees > 0:
        raise ValueError(f"degrees_of_freedom: found {degrees:g}, expected a number above 0")
    step = max(1, _BLOCK // max(1, len(factor)))
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        block = np.abs(rng.standard_normal((rows, factor.shape[1])) @ factor.T)
        if degrees is not None:
            block /= np.sqrt(rng.chisquare(degrees, size=(rows, 1)) / degrees)
        yield block


def _correlation_factor(matrix: Floats, error: Floats) -> Floats:
    """F with F Fᵀ the correlation matrix; contrasts that are linear combinations of others are allowed."""
    correlation = matrix / np.outer(error, error)
    if not np.isfinite(correlation).all() or not np.allclose(correlation, correlation.T, atol=1e-8):
        raise ValueError("covariance: found a matrix that is not finite and symmetric, expected a covariance")
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    if len(values) and values[0] < -1e-8 * len(values):
        raise ValueError(f"covariance: found the eigenvalue {values[0]:g}, expected none below 0")
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _omissions(theta: Floats, error: Floats, undefined: Flags) -> NDArray[np.uint8]:
    """The first reason that holds for each contrast."""
    flat = ~(error > _LEAST_RELATIVE_SPREAD * np.abs(theta)) | ~np.isfinite(error)
    cases = [(~np.isfinite(theta), Omission.NO_ESTIMATE), (undefined, Omission.UNDEFINED_DRAWS),
             (flat, Omission.NO_VARIANCE)]  # fmt: skip
    codes = [np.uint8(code) for _, code in cases]
    return np.select([mask for mask, _ in cases], codes, default=np.uint8(0)).astype(np.uint8)


def _vector(name: str, values: ArrayLike) -> Floats:
    """One axis of float64, or ValueError."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: found shape {array.shape}, expected one axis")
    return array


def _like(theta: Floats, name: str, values: ArrayLike) -> Floats:
    """A number or one per contrast, as an array of one per contrast."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((), theta.shape):
        raise ValueError(f"{name}: found shape {array.shape}, expected one number or {theta.shape}")
    return np.broadcast_to(array, theta.shape).copy()


def _check_level(level: float) -> None:
    """ValueError unless the level lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"level: found {level:g}, expected a number strictly between 0 and 1")

"""How small an effect would this audit have found?

A figure that finds nothing says little unless it could have found something. Each function gives the true
effect at which a two-sided test at `level` rejects with the stated `power`, by the normal approximation.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import (
    Caveat,
    Codes,
    Flags,
    Floats,
    checked_counts,
    critical,
    demand,
    first_caveat,
    inside,
)

_HALVINGS = 200  # of an interval of width at most 1: far past float64 resolution, so that rounding decides


@dataclass(frozen=True, slots=True)
class DetectableDifference:
    """Smallest true difference found with the stated power; arrays share the inputs' broadcast shape."""

    difference: Floats
    level: float
    power: float
    caveat: Codes  # codes of Caveat


@dataclass(frozen=True, slots=True)
class DetectableRatio:
    """Ratios p1/p0 nearest to 1, on either side, found with the stated power; arrays of the broadcast shape.

    `below` lies under 1 and `above` over 1. A side that no rate from 0 to 1 can reach is NaN, with the
    caveat of that side.
    """

    below: Floats
    above: Floats
    level: float
    power: float
    caveat_below: Codes  # codes of Caveat
    caveat_above: Codes  # codes of Caveat


@dataclass(frozen=True, slots=True)
class DetectableCoefficient:
    """Smallest true coefficient found with the stated power, in the units of its standard error."""

    coefficient: Floats
    level: float
    power: float
    caveat: Codes  # codes of Caveat


def minimum_detectable_difference(
    p0: ArrayLike, n1: ArrayLike, n0: ArrayLike, level: float = 0.95, power: float = 0.8
) -> DetectableDifference:
    """Smallest difference a test at `level` finds with `power` (normal approximation, Fleiss 1981).

    (z_level + z_power) sqrt(p0 (1 - p0) (1/n1 + 1/n0)), with the variance of equal rates on both sides. A p0
    of exactly 0 or 1 would make that 0, which is no finding, so it is NaN with a caveat; a result that no
    pair of rates can reach is kept and marked.
    """
    rate, m, k = _rate_and_sizes(p0, n1, n0)
    multiple = _multiple(level, power)
    gap, flat = (m == 0) | (k == 0), (rate == 0) | (rate == 1)
    with np.errstate(divide="ignore"):
        size = multiple * np.sqrt(rate * (1 - rate) * np.where(gap | flat, np.nan, 1 / m + 1 / k))
    beyond = size > np.maximum(rate, 1 - rate)
    caveat = first_caveat((gap, Caveat.EMPTY_GROUP), (flat, Caveat.DEGENERATE_RATE), (beyond, Caveat.UNREACHABLE))
    return DetectableDifference(np.asarray(size), level, power, caveat)


def minimum_detectable_ratio(
    p0: ArrayLike, n1: ArrayLike, n0: ArrayLike, level: float = 0.95, power: float = 0.8
) -> DetectableRatio:
    """Ratios p1/p0 nearest to 1 that the pooled test of two rates finds with `power`, on either side.

    With p the pooled rate, power at p1 is Phi((|p1 - p0| - z sqrt(p (1 - p)(1/n1 + 1/n0))) / sqrt(p1 (1 - p1)/n1
    + p0 (1 - p0)/n0)) (Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, ch. 4): the
    variance of equal rates decides where the test rejects, that of the two rates how often it does. The other
    tail, which would find the effect on the wrong side, is not counted. A p0 of 0 has no ratio.
    """
    rate, m, k = _rate_and_sizes(p0, n1, n0)
    multiple = critical(level), NormalDist().inv_cdf(inside(power, "power", (1 - level) / 2))
    gap, none = (m == 0) | (k == 0), rate == 0
    base = np.where(gap | none, 0.5, rate)
    m, k = np.maximum(m, 1.0), np.maximum(k, 1.0)
    sides = []
    for end in (np.zeros(base.shape), np.ones(base.shape)):
        beyond = ~_found(end, base, m, k, multiple)
        near, far = base, end
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            found = _found(middle, base, m, k, multiple)
            near, far = np.where(found, near, middle), np.where(found, middle, far)
        caveat = first_caveat((gap, Caveat.EMPTY_GROUP), (none, Caveat.DEGENERATE_RATE), (beyond, Caveat.UNREACHABLE))
        sides.append((np.where(caveat == Caveat.NONE, far / base, np.nan), caveat))
    (below, caveat_below), (above, caveat_above) = sides
    return DetectableRatio(below, above, level, power, caveat_below, caveat_above)


def minimum_detectable_coefficient(
    standard_error: ArrayLike, level: float = 0.95, power: float = 0.8
) -> DetectableCoefficient:
    """Smallest coefficient found with `power`: (z_level + z_power) times its standard error.

    Bloom (1995, Evaluation Review 19:547-556). Standard errors above 0 of any shape; NaN stays NaN, with a caveat.
    """
    return _coefficient(_multiple(level, power) * _errors(standard_error), level, power)


def joint_detectable_coefficient(
    standard_errors: ArrayLike, level: float = 0.95, power: float = 0.8
) -> DetectableCoefficient:
    """Smallest common coefficient that R independent routes all find, on the same side, with `power` together.

    Solves prod_r Phi(b/s_r - z_level) = power for b. `standard_errors` has shape (..., R), all on one scale: where
    a route measures c times the effect, give its error divided by c. For routes whose estimates are positively
    correlated the product is a lower bound of the power (Slepian 1962), so the figure errs to the large side.
    """
    from scipy.special import ndtr

    errors = _errors(standard_errors)
    if errors.ndim == 0 or errors.shape[-1] == 0:
        raise ValueError(f"standard_errors: found shape {errors.shape}, expected at least one route on the last axis")
    z = critical(level)
    alone = NormalDist().inv_cdf(inside(power, "power", (1 - level) / 2))
    each = NormalDist().inv_cdf(power ** (1 / errors.shape[-1]))
    largest = errors.max(axis=-1)  # NaN when any route is missing
    low, high = (z + alone) * largest, (z + each) * largest
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = ndtr(middle[..., None] / errors - z).prod(axis=-1) >= power
        low, high = np.where(found, low, middle), np.where(found, middle, high)
    return _coefficient(high, level, power)


def _coefficient(size: Floats, level: float, power: float) -> DetectableCoefficient:
    """The result, with a caveat where an error was missing."""
    size = np.asarray(size)
    return DetectableCoefficient(size, level, power, first_caveat((np.isnan(size), Caveat.MISSING_ERROR)))


def _found(p1: Floats, p0: Floats, n1: Floats, n0: Floats, multiple: tuple[float, float]) -> Flags:
    """Whether the pooled test finds p1 against p0 with the power whose normal quantile is multiple[1]."""
    pooled = (n1 * p1 + n0 * p0) / (n1 + n0)
    null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    true = np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    return np.asarray((p1 != p0) & (np.abs(p1 - p0) >= multiple[0] * null + multiple[1] * true))


def _multiple(level: float, power: float) -> float:
    """z_level + z_power."""
    return critical(level) + NormalDist().inv_cdf(inside(power, "power", (1 - level) / 2))


def _rate_and_sizes(p0: ArrayLike, n1: ArrayLike, n0: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """A rate from 0 to 1 and two group sizes, of one shape, or ValueError."""
    sizes = checked_counts(n1, n1, "1")[1], checked_counts(n0, n0, "0")[1]
    rate, m, k = np.broadcast_arrays(np.asarray(p0, dtype=np.float64), *sizes)
    demand("p0", rate, (rate >= 0) & (rate <= 1), "rates from 0 to 1")
    return rate, m, k


def _errors(standard_error: ArrayLike) -> Floats:
    """Standard errors above 0 or NaN, or ValueError."""
    errors = np.asarray(standard_error, dtype=np.float64)
    demand("standard_error", errors, np.isnan(errors) | ((errors > 0) & (errors < np.inf)), "finite numbers above 0")
    return errors

"""How far apart are two groups' means, in standard deviations?

The figure is (mean of group 1 - mean of group 0) / s. Which s is meant changes the figure and is therefore always
stated: `Denominator` has no default. Everything is computed from n, the sum and the sum of squares of each group, and
works on arrays of one broadcast shape. Subtract any constant near the mean from the scores before they are summed:
sums of squares of numbers that are large beside their spread lose it to rounding, which is then reported as none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Codes, Flags, Floats, checked_counts, checked_pairs, critical, demand
from checks.sentence import said

_NOTHING = 1e-12  # a variance below this share of the mean square may be rounding alone


class Denominator(Enum):
    """The standard deviation that a difference of means is divided by."""

    POOLED = "pooled within-group"
    REFERENCE = "reference group"
    POPULATION = "whole population"


class DifferenceCaveat(IntEnum):
    """Why a standardized difference or its interval is missing."""

    NONE = 0
    EMPTY_GROUP = 1
    NO_DEVIATION = 2
    NO_ERROR = 3

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    DifferenceCaveat.EMPTY_GROUP: said("a group has no observations"),
    DifferenceCaveat.NO_DEVIATION: said(
        "what the difference is divided by has no spread, or too few observations for one"
    ),
    DifferenceCaveat.NO_ERROR: said("a group has one observation, or only equal ones, so its error cannot be told"),
}


class Moments(NamedTuple):
    """Numbers of people, sums and sums of squares, of one shape."""

    n: Floats
    total: Floats
    squares: Floats


@dataclass(frozen=True, slots=True)
class StandardizedDifference:
    """Differences in units of `deviation`; where estimate or interval are NaN, `caveat` says why."""

    estimate: Floats
    low: Floats
    high: Floats
    standard_error: Floats
    deviation: Floats
    denominator: Denominator
    level: float
    method: str
    caveat: Codes  # codes of DifferenceCaveat


def standardized_mean_difference(
    one: tuple[ArrayLike, ArrayLike, ArrayLike],
    zero: tuple[ArrayLike, ArrayLike, ArrayLike],
    denominator: Denominator,
    level: float = 0.95,
    *,
    population: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    small_sample: bool = False,
) -> StandardizedDifference:
    """Standardized difference of mean scores; each group is (n, sum, sum of squares).

    s^2 is ((n1 - 1) v1 + (n0 - 1) v0)/(n1 + n0 - 2), v0, or the variance of `population` (by default of the two
    groups together). The interval is estimate +/- z SE with, for v1 and v0 the groups' own variances,
    SE^2 = (v1/n1 + v0/n0)/s^2 + d^2 Var(s^2)/(4 s^4), and Var(v) = 2 v^2/(n - 1) as for normal scores. With v1 = v0
    the pooled one is that of Hedges & Olkin (1985, Statistical Methods for Meta-Analysis, ch. 5); with unequal ones
    it is that of Bonett (2008, Psychological Methods 13). A population given apart counts as independent of the
    difference, which overstates SE slightly. `small_sample` multiplies estimate and SE by Hedges' factor
    J(f) = Gamma(f/2) / (sqrt(f/2) Gamma((f - 1)/2)), f the degrees of freedom of s.
    """
    first, second, whole = _groups(one, zero, denominator, population)
    v1, v0 = _variance(first), _variance(second)
    m, k = first.n, second.n
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = first.total / m - second.total / k
        share = v1 / m + v0 / k
        own1, own0 = 2 * v1**2 / (m - 1), 2 * v0**2 / (k - 1)
        pull: Floats | float = 1.0
        if denominator is Denominator.POOLED:
            freedom = m + k - 2
            square = (np.nan_to_num((m - 1) * v1) + np.nan_to_num((k - 1) * v0)) / freedom
            spread = ((m - 1) ** 2 * own1 + (k - 1) ** 2 * own0) / freedom**2
        elif denominator is Denominator.REFERENCE:
            freedom, square, spread = k - 1, v0, own0
        elif population is not None:
            freedom, square = whole.n - 1, _variance(whole)
            spread = 2 * square**2 / freedom
        else:
            # s^2 = W + c gap^2 moves with the gap itself: d falls short of gap / s by the factor 1 - c d^2
            freedom, square = whole.n - 1, _variance(whole)
            spread = ((m - 1) ** 2 * own1 + (k - 1) ** 2 * own0) / freedom**2
            pull = 1 - m * k / ((m + k) * freedom) * gap**2 / square
        estimate = gap / np.sqrt(square)
        error = np.sqrt(pull**2 * share / square + estimate**2 * spread / (4 * square**2))
    method = said("large-sample interval")
    if small_sample:
        factor = _hedges_factor(freedom)
        estimate, error, method = estimate * factor, error * factor, said("Hedges' g, large-sample interval")
    empty, known = (m == 0) | (k == 0), (v1 > 0) & (v0 > 0)
    return _result(estimate, error, np.sqrt(np.maximum(square, 0.0)), denominator, level, method, empty, known)


def standardized_rate_difference(
    x1: ArrayLike,
    n1: ArrayLike,
    x0: ArrayLike,
    n0: ArrayLike,
    denominator: Denominator,
    level: float = 0.95,
    *,
    population: tuple[ArrayLike, ArrayLike] | None = None,
) -> StandardizedDifference:
    """Standardized difference of a binary outcome's rates: (p1 - p0)/s, x events in n people.

    s^2 is p (1 - p) of the reference group or of the whole population, or for `POOLED` its mean over the two groups'
    people, (n1 p1 (1 - p1) + n0 p0 (1 - p0))/(n1 + n0). SE is by the delta method: s is a function of the rates.
    `population` is (x, n), by default the two groups together; given apart, its own error is left out, and it
    should be much larger than the groups. The interval needs both rates strictly between 0 and 1.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    if population is not None:
        _only_for_population(denominator)
        a, m, b, k, c, w = np.broadcast_arrays(a, m, b, k, *checked_counts(*population, ""))
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p0 = a / m, b / k
        slope1, slope0 = np.zeros(p1.shape), np.zeros(p1.shape)
        if denominator is Denominator.POOLED:
            square = (m * p1 * (1 - p1) + k * p0 * (1 - p0)) / (m + k)
            slope1, slope0 = m / (m + k) * (1 - 2 * p1), k / (m + k) * (1 - 2 * p0)
        elif denominator is Denominator.REFERENCE:
            square, slope0 = p0 * (1 - p0), 1 - 2 * p0
        elif population is not None:
            square = c / w * (1 - c / w)
        else:
            p = (a + b) / (m + k)
            square, slope1, slope0 = p * (1 - p), m / (m + k) * (1 - 2 * p), k / (m + k) * (1 - 2 * p)
        estimate, deviation = (p1 - p0) / np.sqrt(square), np.sqrt(square)
        lean1 = 1 / deviation - (p1 - p0) * slope1 / (2 * deviation**3)
        lean0 = -1 / deviation - (p1 - p0) * slope0 / (2 * deviation**3)
        error = np.sqrt(lean1**2 * p1 * (1 - p1) / m + lean0**2 * p0 * (1 - p0) / k)
    empty, known = (m == 0) | (k == 0), (a > 0) & (a < m) & (b > 0) & (b < k)
    return _result(estimate, error, deviation, denominator, level, said("delta-method interval"), empty, known)


def _result(
    estimate: Floats,
    error: Floats,
    deviation: Floats,
    denominator: Denominator,
    level: float,
    method: str,
    empty: Flags,
    known: Flags,
) -> StandardizedDifference:
    """Estimate and interval, each NaN where it is not known, with the reason."""
    flat = ~(deviation > 0) | np.isnan(estimate)
    codes = [DifferenceCaveat.EMPTY_GROUP, DifferenceCaveat.NO_DEVIATION, DifferenceCaveat.NO_ERROR]
    caveat = np.select([empty, flat, ~known], codes, default=DifferenceCaveat.NONE).astype(np.uint8)
    estimate, deviation = (np.where(empty | flat, np.nan, part) for part in (estimate, deviation))
    error = np.where(caveat == DifferenceCaveat.NONE, error, np.nan)
    reach = critical(level) * error
    return StandardizedDifference(
        estimate, estimate - reach, estimate + reach, error, deviation, denominator, level, method, caveat
    )


def _groups(
    one: tuple[ArrayLike, ...],
    zero: tuple[ArrayLike, ...],
    denominator: Denominator,
    population: tuple[ArrayLike, ...] | None,
) -> tuple[Moments, Moments, Moments]:
    """Both groups and the population, checked and of one shape."""
    parts = [*_moments(one, "1"), *_moments(zero, "0")]
    if population is not None:
        _only_for_population(denominator)
        parts += _moments(population, "")
    parts = list(np.broadcast_arrays(*parts))
    if population is None:
        parts += [first + second for first, second in zip(parts[:3], parts[3:], strict=True)]
    return Moments(*parts[:3]), Moments(*parts[3:6]), Moments(*parts[6:])


def _only_for_population(denominator: Denominator) -> None:
    """A population given for another denominator would silently go unused."""
    if denominator is not Denominator.POPULATION:
        raise ValueError(f"population: found one with denominator '{denominator.value}', expected 'whole population'")


def _moments(group: tuple[ArrayLike, ...], suffix: str) -> Moments:
    """n, sum and sum of squares of one shape, or ValueError."""
    n = checked_counts(group[0], group[0], suffix)[1]
    n, total, squares = np.broadcast_arrays(n, *(np.asarray(part, dtype=np.float64) for part in group[1:]))
    demand(f"sum{suffix}", total, np.isfinite(total), "finite sums")
    least = total**2 / np.maximum(n, 1.0) * (1 - 1e-9)
    fits = np.isfinite(squares) & (squares >= least) & ((n > 0) | ((total == 0) & (squares == 0)))
    demand(f"squares{suffix}", squares, fits, "finite sums of squares of at least sum^2/n")
    return Moments(n, total, squares)


def _variance(group: Moments) -> Floats:
    """Sample variance; 0 where it cannot be told from rounding, NaN where n is below 2."""
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = group.squares - group.total**2 / group.n
        apart = np.where(apart > _NOTHING * group.squares, apart, 0.0)
        return np.where(group.n >= 2, apart / (group.n - 1), np.nan)


def _hedges_factor(freedom: Floats) -> Floats:
    """Gamma(f/2) / (sqrt(f/2) Gamma((f - 1)/2)); NaN below two degrees of freedom."""
    from scipy.special import gammaln

    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
        # logarithms of gamma lose digits as f grows; the expansion's next term is below 1e-13 from f = 3e4 on
        series = 1 - 3 / (4 * freedom) - 7 / (32 * freedom**2)
    return np.where(freedom < 2, np.nan, np.where(freedom > 30_000, series, exact))

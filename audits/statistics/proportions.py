"""Score intervals and tests for one proportion and for two compared.

Every interval here inverts a score test, so it keeps near its stated level when a group is small or a
rate is close to 0 or 1, where an interval built from the estimated standard error does not. A group is
`x` events in `n` people; suffix 1 is the group asked about and suffix 0 the group it is compared with.

How the two-sample limits are found, at the edges as well, stands in `score_limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.counts import (
    Caveat,
    Codes,
    Floats,
    Interval,
    checked_counts,
    checked_pairs,
    critical,
    first_caveat,
    reported_interval,
)
from audits.statistics.detectable_effect import DetectableDifference, minimum_detectable_difference
from audits.statistics.exact_tests import doubled_mid_p
from audits.statistics.score_limits import difference_lower, odds_ratio_lower, ratio_lower
from checks.sentence import said

__all__ = [
    "MIN_EXPECTED",
    "Caveat",
    "DetectableDifference",
    "EqualityTest",
    "Interval",
    "equality_p_value",
    "minimum_detectable_difference",
    "score_interval_difference",
    "score_interval_odds_ratio",
    "score_interval_rate",
    "score_interval_ratio",
    "score_p_value",
]

MIN_EXPECTED = 5.0  # below this expected count in any cell the pooled z is replaced by the exact test


@dataclass(frozen=True, slots=True)
class EqualityTest:
    """A two-sided test that two rates are equal; all arrays share the broadcast shape of the counts.

    `statistic` is the pooled z whatever the method; `method` is "score", "mid-p" or "none" per element.
    A p value below the smallest float64 is reported as 0.0.
    """

    p_value: Floats
    statistic: Floats
    method: NDArray[np.str_]
    caveat: Codes  # codes of Caveat


def score_interval_rate(x: ArrayLike, n: ArrayLike, level: float | Floats = 0.95) -> Interval:
    """Interval for one rate (Wilson 1927): every p with (x - np)^2 <= z^2 n p (1 - p)."""
    events, size = checked_counts(x, n, "")
    z2 = critical(level) ** 2
    people = np.maximum(size, 1.0)
    reach = np.sqrt(z2 * (z2 + 4 * events * (people - events) / people))
    low = 2 * events**2 / people / (2 * events + z2 + reach)
    high = np.where(events == people, 1.0, (2 * events + z2 + reach) / (2 * (people + z2)))
    caveat = first_caveat((size == 0, Caveat.EMPTY_GROUP))
    return reported_interval(events / people, low, high, level, said("Wilson score"), caveat)


def score_interval_ratio(
    x1: ArrayLike,
    n1: ArrayLike,
    x0: ArrayLike,
    n0: ArrayLike,
    level: float | Floats = 0.95,
    *,
    corrected: bool = False,
) -> Interval:
    """Interval for p1/p0 (Koopman 1984, Biometrics 40): every r whose score statistic stays within z^2.

    With p1, p0 the likelihood's maximum under p1 = r p0, the statistic is
    (x1/n1 - r x0/n0)^2 / (p1 (1 - p1)/n1 + r^2 p0 (1 - p0)/n0). No event in group 0 gives an upper
    limit of infinity; no event in either gives the estimate NaN and the interval [0, infinity].
    `corrected` multiplies that variance by N/(N - 1), N = n1 + n0 (Miettinen & Nurminen 1985).
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    gap, none = (m == 0) | (k == 0), (a == 0) & (b == 0)
    target = _target(m, k, level, corrected)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (a / m) / (b / k)
        low = ratio_lower(a, m, b, k, target)
        high = 1.0 / ratio_lower(b, k, a, m, target)
    caveat = first_caveat((gap, Caveat.EMPTY_GROUP), (none, Caveat.UNDEFINED_RATIO), (b == 0, Caveat.UNBOUNDED_RATIO))
    method = said("Miettinen-Nurminen score") if corrected else said("Koopman score")
    return reported_interval(estimate, low, high, level, method, caveat)


def score_interval_difference(
    x1: ArrayLike,
    n1: ArrayLike,
    x0: ArrayLike,
    n0: ArrayLike,
    level: float | Floats = 0.95,
    *,
    corrected: bool = False,
) -> Interval:
    """Interval for p1 - p0 (Mee 1984): every d whose score statistic stays within z^2.

    With p1, p0 the likelihood's maximum under p1 = p0 + d, the statistic is
    (x1/n1 - x0/n0 - d)^2 / (p1 (1 - p1)/n1 + p0 (1 - p0)/n0). `corrected` multiplies that variance by
    N/(N - 1), N = n1 + n0 (Miettinen & Nurminen 1985). It is off by default so that this interval
    excludes 0 exactly when the ratio interval excludes 1 and the pooled test rejects.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    gap = (m == 0) | (k == 0)
    target = _target(m, k, level, corrected)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = a / m - b / k
        low = difference_lower(a, m, b, k, target)
        high = 0.0 - difference_lower(b, k, a, m, target)
    method = said("Miettinen-Nurminen score") if corrected else said("Mee score")
    return reported_interval(estimate, low, high, level, method, first_caveat((gap, Caveat.EMPTY_GROUP)))


def score_interval_odds_ratio(
    x1: ArrayLike,
    n1: ArrayLike,
    x0: ArrayLike,
    n0: ArrayLike,
    level: float | Floats = 0.95,
    *,
    corrected: bool = False,
) -> Interval:
    """Interval for the odds ratio (Cornfield 1956): every psi whose score statistic stays within z^2.

    With p1, p0 the rates of odds ratio psi that keep the total n1 p1 + n0 p0 = x1 + x0, the statistic is
    (x1 - n1 p1)^2 (1/(n1 p1 (1 - p1)) + 1/(n0 p0 (1 - p0))). `corrected` divides it by N/(N - 1),
    N = n1 + n0 (Miettinen & Nurminen 1985, Statistics in Medicine 4). Uncorrected, it excludes 1 exactly
    when the pooled test rejects. A group 1 without a non-event, or a group 0 without an event, gives an
    upper limit of infinity; one outcome shared by both gives the estimate NaN and [0, infinity].
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    gap, one = (m == 0) | (k == 0), ((a == 0) & (b == 0)) | ((a == m) & (b == k))
    target = _target(m, k, level, corrected)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (a * (k - b)) / ((m - a) * b)
        low = odds_ratio_lower(a, m, b, k, target)
        high = 1.0 / odds_ratio_lower(b, k, a, m, target)
    caveat = first_caveat(
        (gap, Caveat.EMPTY_GROUP),
        (one, Caveat.UNDEFINED_ODDS_RATIO),
        ((b == 0) | (a == m), Caveat.UNBOUNDED_ODDS_RATIO),
    )
    method = said("Miettinen-Nurminen score") if corrected else said("Cornfield score")
    return reported_interval(estimate, low, high, level, method, caveat)


def score_p_value(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> EqualityTest:
    """Two-sided score test of p1 = p0: z = (x1/n1 - x0/n0) / sqrt(p (1 - p) (1/n1 + 1/n0)), p pooled.

    This is Pearson's 1900 chi-square, signed. Groups that all share one outcome give z = 0 and p = 1.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    gap = (m == 0) | (k == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = m + k
        spread = np.sqrt((a + b) / total * ((m - a + k - b) / total) * (1 / m + 1 / k))
        z = np.where(spread > 0, (a / m - b / k) / spread, 0.0)
    z = np.where(gap, np.nan, z)
    tails = np.array([erfc(abs(value) / sqrt(2.0)) for value in z.ravel()], dtype=np.float64)
    method = np.where(gap, "none", "score")
    return EqualityTest(tails.reshape(z.shape), z, method, first_caveat((gap, Caveat.EMPTY_GROUP)))


def equality_p_value(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> EqualityTest:
    """Two-sided test of p1 = p0: the score test, or exact mid-p where any expected cell is below 5.

    Mid-p (Lancaster 1961) conditions on both margins: 2 min(P(X < x) + P(X = x)/2, P(X > x) + P(X = x)/2)
    with X hypergeometric. Counting half of the observed table removes most of the waste of Fisher's test.
    """
    a, m, b, k = checked_pairs(x1, n1, x0, n0)
    plain = score_p_value(a, m, b, k)
    events, total = a + b, m + k
    least = np.minimum(m, k) * np.minimum(events, total - events)
    sparse = (m > 0) & (k > 0) & (least < MIN_EXPECTED * total)
    p_value = plain.p_value.copy()
    p_value[sparse] = doubled_mid_p(a[sparse], m[sparse], b[sparse], k[sparse])
    method = np.where(sparse, "mid-p", plain.method)
    return EqualityTest(p_value, plain.statistic, method, plain.caveat)


def _target(n1: Floats, n0: Floats, level: float | Floats, corrected: bool) -> Floats:
    """Value of the score statistic at a limit: z^2, times N/(N - 1) when the variance is corrected."""
    total = np.where((n1 == 0) | (n0 == 0), 2.0, n1 + n0)
    return np.asarray(critical(level) ** 2 * (total / (total - 1) if corrected else np.ones(total.shape)))

"""Score intervals and tests for one proportion and for two compared.

Every interval here inverts a score test, so it keeps near its stated level when a group is small or a
rate is close to 0 or 1, where an interval built from the estimated standard error does not. A group is
`x` events in `n` people; suffix 1 is the group asked about and suffix 0 the group it is compared with.

Two-sample limits are not searched for over the ratio or the difference itself. Writing the null as a
multiplier on the constrained likelihood turns each group's fitted rate into a closed form, and the
squared score statistic into a sum of two increasing functions of the multiplier (argued where each is
computed). One bisection between proved bounds therefore finds the limit, at the edges as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_EXPECTED = 5.0  # below this expected count in any cell the pooled z is replaced by the exact test
_LARGEST_COUNT = 2.0**53  # whole numbers are exact in float64 up to here
_BISECTIONS = 60  # upper bound is at most twice the lower, so about 54 halvings reach float64 resolution


class Caveat(IntEnum):
    """Why a number is missing, infinite or out of reach; one code per element of a result."""

    NONE = 0
    EMPTY_GROUP = 1
    UNDEFINED_RATIO = 2
    UNBOUNDED_RATIO = 3
    DEGENERATE_RATE = 4
    UNREACHABLE = 5

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    Caveat.EMPTY_GROUP: "a group has no observations",
    Caveat.UNDEFINED_RATIO: "neither group has an event, so their ratio has no estimate",
    Caveat.UNBOUNDED_RATIO: "the comparison group has no event, so the ratio has no upper limit",
    Caveat.DEGENERATE_RATE: "a rate of exactly 0 or 1 carries no estimate of variance",
    Caveat.UNREACHABLE: "the groups are too small for any difference in rates to be found with this power",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval; all arrays share the broadcast shape of the counts given."""

    estimate: Floats
    low: Floats
    high: Floats
    level: float
    method: str
    caveat: NDArray[np.uint8]  # codes of Caveat


@dataclass(frozen=True, slots=True)
class EqualityTest:
    """A two-sided test that two rates are equal; all arrays share the broadcast shape of the counts.

    `statistic` is the pooled z whatever the method; `method` is "score", "mid-p" or "none" per element.
    A p value below the smallest float64 is reported as 0.0.
    """

    p_value: Floats
    statistic: Floats
    method: NDArray[np.str_]
    caveat: NDArray[np.uint8]  # codes of Caveat


@dataclass(frozen=True, slots=True)
class DetectableDifference:
    """Smallest true difference found with the stated power; arrays share the inputs' broadcast shape."""

    difference: Floats
    level: float
    power: float
    caveat: NDArray[np.uint8]  # codes of Caveat


def score_interval_rate(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> Interval:
    """Interval for one rate (Wilson 1927): every p with (x - np)^2 <= z^2 n p (1 - p)."""
    events, size = _counts(x, n, "")
    z2 = _critical(level) ** 2
    people = np.maximum(size, 1.0)
    reach = np.sqrt(z2 * (z2 + 4 * events * (people - events) / people))
    low = 2 * events**2 / people / (2 * events + z2 + reach)
    high = np.where(events == people, 1.0, (2 * events + z2 + reach) / (2 * (people + z2)))
    caveat = _caveats((size == 0, Caveat.EMPTY_GROUP))
    return _interval(events / people, low, high, level, "Wilson score", caveat)


def score_interval_ratio(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float = 0.95) -> Interval:
    """Interval for p1/p0 (Koopman 1984): every r whose score statistic stays within z^2.

    With p1, p0 the likelihood's maximum under p1 = r p0, the statistic is
    (x1/n1 - r x0/n0)^2 / (p1 (1 - p1)/n1 + r^2 p0 (1 - p0)/n0). No event in group 0 gives an upper
    limit of infinity; no event in either gives the estimate NaN and the interval [0, infinity].
    """
    a, m, b, k = _pairs(x1, n1, x0, n0)
    target = np.full(a.shape, _critical(level) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (a / m) / (b / k)
        low = _ratio_lower(a, m, b, k, target)
        high = 1.0 / _ratio_lower(b, k, a, m, target)
    gap, none = (m == 0) | (k == 0), (a == 0) & (b == 0)
    caveat = _caveats((gap, Caveat.EMPTY_GROUP), (none, Caveat.UNDEFINED_RATIO), (b == 0, Caveat.UNBOUNDED_RATIO))
    return _interval(estimate, low, high, level, "Koopman score", caveat)


def score_interval_difference(
    x1: ArrayLike,
    n1: ArrayLike,
    x0: ArrayLike,
    n0: ArrayLike,
    level: float = 0.95,
    *,
    corrected: bool = False,
) -> Interval:
    """Interval for p1 - p0 (Mee 1984): every d whose score statistic stays within z^2.

    With p1, p0 the likelihood's maximum under p1 = p0 + d, the statistic is
    (x1/n1 - x0/n0 - d)^2 / (p1 (1 - p1)/n1 + p0 (1 - p0)/n0). `corrected` multiplies that variance by
    N/(N - 1), N = n1 + n0 (Miettinen & Nurminen 1985). It is off by default so that this interval
    excludes 0 exactly when the ratio interval excludes 1 and the pooled test rejects.
    """
    a, m, b, k = _pairs(x1, n1, x0, n0)
    gap = (m == 0) | (k == 0)
    total = np.where(gap, 2.0, m + k)
    target = _critical(level) ** 2 * (total / (total - 1) if corrected else np.ones(a.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = a / m - b / k
        low = _difference_lower(a, m, b, k, target)
        high = 0.0 - _difference_lower(b, k, a, m, target)
    method = "Miettinen-Nurminen score" if corrected else "Mee score"
    return _interval(estimate, low, high, level, method, _caveats((gap, Caveat.EMPTY_GROUP)))


def score_p_value(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> EqualityTest:
    """Two-sided score test of p1 = p0: z = (x1/n1 - x0/n0) / sqrt(p (1 - p) (1/n1 + 1/n0)), p pooled.

    This is Pearson's 1900 chi-square, signed. Groups that all share one outcome give z = 0 and p = 1.
    """
    a, m, b, k = _pairs(x1, n1, x0, n0)
    gap = (m == 0) | (k == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = m + k
        spread = np.sqrt((a + b) / total * ((m - a + k - b) / total) * (1 / m + 1 / k))
        z = np.where(spread > 0, (a / m - b / k) / spread, 0.0)
    z = np.where(gap, np.nan, z)
    tails = np.array([erfc(abs(value) / sqrt(2.0)) for value in z.ravel()], dtype=np.float64)
    method = np.where(gap, "none", "score")
    return EqualityTest(tails.reshape(z.shape), z, method, _caveats((gap, Caveat.EMPTY_GROUP)))


def equality_p_value(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> EqualityTest:
    """Two-sided test of p1 = p0: the score test, or exact mid-p where any expected cell is below 5.

    Mid-p (Lancaster 1961) conditions on both margins: 2 min(P(X < x) + P(X = x)/2, P(X > x) + P(X = x)/2)
    with X hypergeometric. Counting half of the observed table removes most of the waste of Fisher's test.
    """
    a, m, b, k = _pairs(x1, n1, x0, n0)
    plain = score_p_value(a, m, b, k)
    events, total = a + b, m + k
    least = np.minimum(m, k) * np.minimum(events, total - events)
    sparse = (m > 0) & (k > 0) & (least < MIN_EXPECTED * total)
    p_value = plain.p_value.copy()
    p_value[sparse] = _mid_p(a[sparse], m[sparse], b[sparse], k[sparse])
    method = np.where(sparse, "mid-p", plain.method)
    return EqualityTest(p_value, plain.statistic, method, plain.caveat)


def minimum_detectable_difference(
    p0: ArrayLike, n1: ArrayLike, n0: ArrayLike, level: float = 0.95, power: float = 0.8
) -> DetectableDifference:
    """Smallest difference a test at `level` finds with `power` (normal approximation, Fleiss 1981).

    (z_level + z_power) sqrt(p0 (1 - p0) (1/n1 + 1/n0)). A p0 of exactly 0 or 1 would make that 0, which
    is no finding, so it is NaN with a caveat; a result that no pair of rates can reach is kept and marked.
    """
    rate, m, k = np.broadcast_arrays(np.asarray(p0, dtype=np.float64), _counts(n1, n1, "1")[1], _counts(n0, n0, "0")[1])
    _demand("p0", rate, (rate >= 0) & (rate <= 1), "rates from 0 to 1")
    multiple = _critical(level) + NormalDist().inv_cdf(_inside(power, "power", (1 - level) / 2))
    gap, flat = (m == 0) | (k == 0), (rate == 0) | (rate == 1)
    with np.errstate(divide="ignore"):
        size = multiple * np.sqrt(rate * (1 - rate) * np.where(gap | flat, np.nan, 1 / m + 1 / k))
    beyond = size > np.maximum(rate, 1 - rate)
    caveat = _caveats((gap, Caveat.EMPTY_GROUP), (flat, Caveat.DEGENERATE_RATE), (beyond, Caveat.UNREACHABLE))
    return DetectableDifference(np.asarray(size), level, power, caveat)


def _interval(
    estimate: Floats, low: Floats, high: Floats, level: float, method: str, caveat: NDArray[np.uint8]
) -> Interval:
    """An Interval with NaN wherever a group is empty."""
    gap = caveat == Caveat.EMPTY_GROUP
    estimate, low, high = (np.where(gap, np.nan, part) for part in (estimate, low, high))
    return Interval(estimate, low, high, level, method, caveat)


def _ratio_lower(x1: Floats, n1: Floats, x0: Floats, n0: Floats, target: Floats) -> Floats:
    """Lower limit of p1/p0, by the multiplier m in (0, x1].

    The constrained rates are p1 = (x1 - m)/(n1 - m) and p0 = (x0 + m)/(n0 + m), so m = 0 is the free fit
    and the ratio falls as m grows. The statistic is m^2 c1/(x1 - m) + m^2 c0/(x0 + m) with c = 1 - x/n:
    both terms increase in m and are convex from 0. Setting either alone to the target bounds the root
    above; setting either to half the target bounds it below, at no less than half the upper bound.
    When x1 = n1 the rate p1 stays at 1 until m = n1; if the target is not met by then, m stops there and
    p1 itself falls until it is.
    """
    none, full = x1 == 0, x1 == n1
    a, big, k = np.where(none, 1.0, x1), np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    c1, c0 = (big - a) / big, (k - x0) / k

    def bound(t: Floats) -> Floats:
        first = 2 * t * a / (t + np.sqrt(t * t + 4 * c1 * t * a))
        second = (t + np.sqrt(t * t + 4 * c0 * t * x0)) / (2 * c0)
        return np.minimum(first, second)

    def statistic(m: Floats) -> Floats:
        return m * m * (np.where(c1 == 0, 0.0, c1 / (a - m)) + c0 / (x0 + m))

    m = _bisect(statistic, bound(target / 2), bound(target), target)
    odds_against = np.maximum(target / big - big * c0 / (x0 + big), 0.0)
    p1 = np.where(full, 1 / (1 + odds_against), (a - m) / (big - m))
    return np.where(none, 0.0, p1 * (k + m) / (x0 + m))


def _difference_lower(x1: Floats, n1: Floats, x0: Floats, n0: Floats, target: Floats) -> Floats:
    """Lower limit of p1 - p0, by the multiplier m > 0 of the constraint.

    Stationarity reads x1 - n1 p1 = m p1 (1 - p1) for group 1 and the same for group 0's failures, a
    quadratic each (`_pulled`). The statistic is m^2 (p1 (1 - p1)/n1 + p0 (1 - p0)/n0): each term equals
    that group's own (x - np)^2 / (n p (1 - p)), which grows as p is pulled away from x/n, and p moves one
    way in m. So the root is bounded as in `_ratio_lower`, by each group's own Wilson limit.
    """
    wall = (x1 == 0) & (x0 == n0)
    big, k = np.maximum(n1, 1.0), np.maximum(n0, 1.0)
    a, fails = np.where(wall, 1.0, x1), k - np.minimum(x0, k)

    def bound(t: Floats) -> Floats:
        return np.minimum(_lone_multiplier(a, big, t), _lone_multiplier(fails, k, t))

    def statistic(m: Floats) -> Floats:
        p1, q1 = _pulled(a, big, m)
        q0, p0 = _pulled(fails, k, m)
        return m * m * (p1 * q1 / big + p0 * q0 / k)

    m = _bisect(statistic, bound(target / 2), bound(target), target)
    gap = _pulled(a, big, m)[0] - _pulled(fails, k, m)[1]
    return np.where(wall, -1.0, np.maximum(gap, -1.0))


def _pulled(x: Floats, n: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Rate p <= x/n solving x - n p = m p (1 - p), and 1 - p, each free of cancellation."""
    root = np.sqrt((n - m) ** 2 + 4 * m * (n - x))
    over = m >= n
    q = np.where(over, (m - n + root) / (2 * m), 2 * (n - x) / np.where(over, 1.0, n - m + root))
    return 2 * x / (n + m + root), q


def _lone_multiplier(x: Floats, n: Floats, t: Floats) -> Floats:
    """The m at which one group's (x - np)^2 / (n p (1 - p)) alone reaches t; infinite when x is 0."""
    root = np.sqrt(t * n * (t * n + 4 * x * (n - x)))
    return np.asarray(2 * t * n * (n + t) / (root - t * (n - 2 * x)))


def _bisect(rising: Callable[[Floats], Floats], low: Floats, high: Floats, target: Floats) -> Floats:
    """Largest argument, to float64 resolution, at which an increasing function is still below target."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = rising(middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def _mid_p(x1: Floats, n1: Floats, x0: Floats, n0: Floats) -> Floats:
    """Doubled one-sided mid-p, counting the rarer outcome in the smaller group up from 0.

    Weights relative to P(X = 0) follow from ratios of successive terms, so no factorial of n is formed.
    """
    first, total, events = n1 <= n0, n1 + n0, x1 + x0
    size, seen = np.where(first, n1, n0), np.where(first, x1, x0)
    rare = 2 * events <= total
    hits, seen = np.where(rare, events, total - events), np.where(rare, seen, size - seen)
    below, level, above = (np.zeros(seen.shape) for _ in range(3))
    weight, count = np.ones(seen.shape), 0
    while weight.any():
        below += np.where(count < seen, weight, 0.0)
        level += np.where(count == seen, weight, 0.0)
        above += np.where(count > seen, weight, 0.0)
        weight = weight * (size - count) * (hits - count) / ((count + 1) * (total - size - hits + count + 1))
        count += 1
    return 2 * (np.minimum(below, above) + level / 2) / (below + level + above)


def _pairs(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
    """Both groups checked and broadcast to one shape."""
    a, m, b, k = np.broadcast_arrays(*_counts(x1, n1, "1"), *_counts(x0, n0, "0"))
    return a, m, b, k


def _counts(x: ArrayLike, n: ArrayLike, suffix: str) -> tuple[Floats, Floats]:
    """Counts as float64 of one shape, or ValueError."""
    events, size = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64))
    for name, values in ((f"n{suffix}", size), (f"x{suffix}", events)):
        whole = (values >= 0) & (values <= _LARGEST_COUNT) & (values == np.floor(values))
        _demand(name, values, whole, "whole numbers from 0 to 2**53")
    _demand(f"x{suffix}", events, events <= size, f"no more events than n{suffix} has people")
    return events, size


def _demand(name: str, values: Floats, fine: Flags, expected: str) -> None:
    """ValueError naming the first value that is not fine, and what was expected instead."""
    if not fine.all():
        raise ValueError(f"{name}: found {values[~fine].flat[0]:g}, expected {expected}")


def _inside(value: float, name: str, floor: float = 0.0) -> float:
    """A probability strictly between a floor and 1."""
    given = np.asarray(value, dtype=np.float64)
    _demand(name, given, (given > floor) & (given < 1), f"a number strictly between {floor:g} and 1")
    return value


def _critical(level: float) -> float:
    """Two-sided normal critical value; a level below float resolution still gives one above 0."""
    return max(-NormalDist().inv_cdf((1.0 - _inside(level, "level")) / 2), 1e-12)


def _caveats(*cases: tuple[Flags, Caveat]) -> NDArray[np.uint8]:
    """The first caveat that holds for each element."""
    masks, codes = [mask for mask, _ in cases], [np.uint8(code) for _, code in cases]
    return np.select(masks, codes, default=np.uint8(Caveat.NONE)).astype(np.uint8)

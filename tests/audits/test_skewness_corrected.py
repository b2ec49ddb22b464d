"""Claims about the skewness-corrected interval, checked against a search that shares no code with it.

Oracle. The likelihood under a given ratio is maximised by golden section over the comparison group's rate; the
variance and the third central moment of x1/n1 - r x0/n0 at that maximum are sums over all counts 0..n weighted
by their binomial probabilities, not the closed forms; a ratio is kept by Gart and Nam's inequality.

Golden section places the rate to about 1.5e-8, so ratios 1e-5 (in logs) inside and outside of a limit are told apart.
"""

from __future__ import annotations

from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audits.statistics.counts import Caveat
from audits.statistics.proportions import score_interval_ratio
from audits.statistics.skewness_corrected import skewness_corrected_interval_ratio

Floats = NDArray[np.float64]
Z = NormalDist().inv_cdf(0.975)
NUDGE = 1e-5


def fitted(x1: Floats, n1: int, x0: Floats, n0: int, r: Floats) -> tuple[Floats, Floats]:
    """Rates of highest likelihood with p1 = r p0, by golden section."""

    def height(p: Floats) -> Floats:
        q = np.minimum(r * p, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = ((x1, q), (n1 - x1, 1 - q), (x0, p), (n0 - x0, 1 - p))
            return sum(np.where(count > 0, count * np.log(rate), 0.0) for count, rate in terms)

    left, right = np.zeros(r.shape), np.minimum(1.0, 1 / r)
    keep = (np.sqrt(5.0) - 1) / 2
    for _ in range(60):
        inner, outer = right - keep * (right - left), left + keep * (right - left)
        rising = height(outer) > height(inner)
        left, right = np.where(rising, inner, left), np.where(rising, right, outer)
    p0 = (left + right) / 2
    return np.minimum(r * p0, 1.0), p0


def central_moment(n: int, p: Floats, order: int) -> Floats:
    """Central moment of x/n, x binomial, as a sum over every count."""
    total = np.zeros(p.shape)
    for x in range(n + 1):
        total += comb(n, x) * p**x * (1 - p) ** (n - x) * (x / n - p) ** order
    return total


def kept(x1: Floats, n1: int, x0: Floats, n0: int, r: Floats, weight: float = 1.0) -> NDArray[np.bool_]:
    """Whether each ratio belongs to the interval; a weight other than 1 makes the correction wrong on purpose."""
    p1, p0 = fitted(x1, n1, x0, n0, r)
    spread = np.sqrt(central_moment(n1, p1, 2) + r**2 * central_moment(n0, p0, 2))
    third = central_moment(n1, p1, 3) - r**3 * central_moment(n0, p0, 3)
    gap = x1 / n1 - r * x0 / n0
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = weight * np.where(spread > 0, third / (6 * spread**3), 0.0)
        score = np.where(np.abs(gap) < 1e-9, 0.0, gap / spread)
    low_side = (score >= -Z + lean * (Z * Z - 1)) | (1 - 2 * lean * Z < 0)
    high_side = (score <= Z + lean * (Z * Z - 1)) | (1 + 2 * lean * Z < 0)
    return np.where(gap > 0, high_side, low_side)


def every_table(n1: int, n0: int) -> tuple[Floats, Floats]:
    grid = np.meshgrid(np.arange(n1 + 1.0), np.arange(n0 + 1.0), indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def misplaced(n1: int, n0: int, weight: float = 1.0) -> int:
    """Limits whose near side the oracle rejects or whose far side it keeps."""
    x1, x0 = every_table(n1, n0)
    ours = skewness_corrected_interval_ratio(x1, n1, x0, n0)
    wrong = 0
    for limit, outward in ((ours.low, -1), (ours.high, 1)):
        inside = (limit > 0) & np.isfinite(limit)
        log, a, b = np.log(limit[inside]), x1[inside], x0[inside]
        wrong += int((~kept(a, n1, b, n0, np.exp(log - outward * NUDGE), weight)).sum())
        wrong += int(kept(a, n1, b, n0, np.exp(log + outward * NUDGE), weight).sum())
    return wrong


@pytest.mark.parametrize(
    ("n1", "n0"), [(1, 1), (1, 7), (7, 1), (3, 20), (20, 3), (12, 12), (15, 30), (30, 30), (40, 25)]
)
def test_every_limit_parts_kept_from_rejected_ratios_for_every_table(n1: int, n0: int) -> None:
    assert misplaced(n1, n0) == 0


def test_half_of_the_correction_would_not_pass_as_the_whole() -> None:
    assert misplaced(12, 12, weight=0.5) > 100


@pytest.mark.parametrize(("n1", "n0"), [(5, 5), (4, 17), (17, 4), (30, 12)])
def test_the_kept_ratios_are_one_stretch_that_ends_at_the_limits(n1: int, n0: int) -> None:
    x1, x0 = every_table(n1, n0)
    ours = skewness_corrected_interval_ratio(x1, n1, x0, n0)
    for log in np.linspace(-5, 5, 161):
        r = np.exp(log)
        clear = (np.abs(np.log(np.maximum(ours.low, 1e-300)) - log) > NUDGE) & (np.abs(np.log(ours.high) - log) > NUDGE)
        inside = (ours.low <= r) & (r <= ours.high)
        np.testing.assert_array_equal(kept(x1, n1, x0, n0, np.full(x1.shape, r))[clear], inside[clear])


def group(largest: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, largest).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=60, deadline=None)
@given(one=group(10**7), zero=group(10**7), level=st.sampled_from([0.7, 0.9, 0.95, 0.99]))
def test_swapping_the_groups_inverts_the_interval_and_the_estimate_lies_within(
    one: tuple[int, int], zero: tuple[int, int], level: float
) -> None:
    ours = skewness_corrected_interval_ratio(*one, *zero, level)
    back = skewness_corrected_interval_ratio(*zero, *one, level)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose([ours.low, ours.high], 1 / np.array([back.high, back.low]), rtol=1e-12)
    assert np.isnan(ours.estimate) or ours.low <= ours.estimate * (1 + 1e-14) <= ours.high * (1 + 2e-14)


def test_correction_vanishes_as_groups_grow() -> None:
    # the correction moves the critical values by O(1/sqrt(n)) and limits by O(1/n) relative to the estimate
    table = (40_000_000, 10**8, 50_000_000, 10**8)
    ours, plain = skewness_corrected_interval_ratio(*table), score_interval_ratio(*table)
    np.testing.assert_allclose([ours.low, ours.high], [plain.low, plain.high], rtol=1e-7)


def test_edges_carry_the_same_caveats_as_the_plain_interval() -> None:
    tables = ([0, 0, 3, 0, 5], [0, 5, 5, 5, 5], [1, 0, 0, 4, 7], [5, 7, 7, 7, 7])
    ours, plain = skewness_corrected_interval_ratio(*tables), score_interval_ratio(*tables)
    np.testing.assert_array_equal(ours.caveat, plain.caveat)
    np.testing.assert_array_equal(np.isnan(ours.low), np.isnan(plain.low))
    np.testing.assert_array_equal(np.isposinf(ours.high), np.isposinf(plain.high))
    np.testing.assert_array_equal(ours.low == 0, plain.low == 0)
    assert ours.caveat[0] == Caveat.EMPTY_GROUP


def test_all_approved_of_thirty_against_nine_in_ten_differs_from_the_plain_interval() -> None:
    # the plain interval is [0.985, 1.137]; mid-p, which is skewed as the correction is, also finds a difference here
    ours = skewness_corrected_interval_ratio(30, 30, 900, 1000)
    assert (float(ours.low), float(ours.high)) == pytest.approx((1.0112, 1.1361), abs=5e-5)


def test_level_too_low_for_the_expansion_is_refused() -> None:
    with pytest.raises(ValueError, match=r"level: found 0\.5, expected a level of 0\.683 or more"):
        skewness_corrected_interval_ratio(1, 5, 2, 5, 0.5)

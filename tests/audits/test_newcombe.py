"""Claims about the hybrid intervals: statsmodels inside the table; at its edges, and for the ratio, brute force.

Brute force. The limits are the least and the greatest p1 - p0, or p1/p0, on the quarter ellipse around the two
estimates whose half-axes are the distances to the Wilson limits, walked in steps of 1/20,000 of a right angle. Near an
extreme the function is flat, so the error is of second order in the step: below 1e-8 of the ellipse's extent.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audits.statistics.counts import Caveat, Interval
from audits.statistics.newcombe import newcombe_interval_difference, newcombe_interval_ratio
from audits.statistics.proportions import score_interval_difference, score_interval_rate, score_interval_ratio

Floats = NDArray[np.float64]
ANGLES = np.linspace(0, np.pi / 2, 20_001)
BOTH = [newcombe_interval_difference, newcombe_interval_ratio]


def wilson(x: float, n: float) -> tuple[float, float]:
    """Limits by an independent library, with their exact values at the edges."""
    low, high = import_module("statsmodels.stats.proportion").proportion_confint(x, n, method="wilson")
    return (0.0 if x == 0 else float(low)), (1.0 if x == n else float(high))


def walked(compare: Callable[[Floats, Floats], Floats], x1: int, n1: int, x0: int, n0: int) -> tuple[float, float]:
    """Least and greatest value of the comparison on the two quarter ellipses."""
    (l1, u1), (l0, u0) = wilson(x1, n1), wilson(x0, n0)
    p1, p0 = x1 / n1, x0 / n0
    with np.errstate(divide="ignore", invalid="ignore"):
        down = compare(p1 - (p1 - l1) * np.cos(ANGLES), p0 + (u0 - p0) * np.sin(ANGLES))
        up = compare(p1 + (u1 - p1) * np.cos(ANGLES), p0 - (p0 - l0) * np.sin(ANGLES))
    return float(np.nanmin(down)), float(np.nanmax(up))


def test_difference_agrees_with_statsmodels_inside_the_table() -> None:
    reference = import_module("statsmodels.stats.proportion").confint_proportions_2indep
    for table in [(218, 308, 1527, 1681), (12, 40, 30, 60), (1, 5, 3, 4), (29, 30, 900, 1000), (1, 1000, 7, 8)]:
        expected = reference(*table, method="newcomb", compare="diff", alpha=0.1)
        ours = newcombe_interval_difference(*table, level=0.9)
        np.testing.assert_allclose([ours.low, ours.high], expected, atol=1e-12)


def test_difference_reproduces_newcombe_1998_table_two() -> None:
    for table, limits in {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (5, 56, 0, 29): (-0.0381, 0.1926),
        (10, 10, 0, 20): (0.6791, 1.0),
        (10, 10, 0, 10): (0.6075, 1.0),
    }.items():
        ours = newcombe_interval_difference(*table)
        assert (float(ours.low), float(ours.high)) == pytest.approx(limits, abs=5e-5)


TABLES = [
    (x1, n1, x0, n0)
    for n1, n0 in ((1, 3), (5, 8), (30, 1000))
    for x1 in {0, 1, n1 - 1, n1}
    for x0 in {0, 1, n0 - 1, n0}
]


def test_both_limits_are_the_extremes_on_the_ellipse_at_every_edge() -> None:
    for table in TABLES:
        ours = newcombe_interval_difference(*table)
        expected = walked(np.subtract, *table)
        assert (float(ours.low), float(ours.high)) == pytest.approx(expected, abs=1e-7), table
        if table[0] + table[2] > 0:
            low, high = walked(np.divide, *table)
            ratio = newcombe_interval_ratio(*table)
            assert float(ratio.low) == pytest.approx(low, rel=1e-6), table
            assert float(ratio.high) == pytest.approx(high if table[2] else np.inf, rel=1e-6), table


def test_straight_addition_instead_of_squares_would_not_pass() -> None:
    (l1, _), (_, u0) = wilson(12, 40), wilson(30, 60)
    assert abs((l1 - u0) - walked(np.subtract, 12, 40, 30, 60)[0]) > 0.01


def test_hybrid_and_score_intervals_come_together_in_large_groups() -> None:
    table = (180_000, 200_000, 270_000, 300_000)
    for ours, score in zip(BOTH, (score_interval_difference, score_interval_ratio), strict=True):
        one, other = ours(*table), score(*table)
        # they differ at second order: a share 1/sqrt(n) of the half-width of about .002
        np.testing.assert_allclose([one.low, one.high], [other.low, other.high], atol=1e-5)


def group(largest: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, largest).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=100, deadline=None)
@given(one=group(10**8), zero=group(10**8))
def test_swapping_groups_mirrors_and_limits_are_numbers_around_the_estimate(
    one: tuple[int, int], zero: tuple[int, int]
) -> None:
    gap, turned = newcombe_interval_difference(*one, *zero), newcombe_interval_difference(*zero, *one)
    np.testing.assert_allclose([gap.low, gap.high], [-turned.high, -turned.low], rtol=0, atol=1e-14)
    assert -1 <= gap.low <= gap.estimate <= gap.high <= 1
    ratio, back = newcombe_interval_ratio(*one, *zero), newcombe_interval_ratio(*zero, *one)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose([ratio.low, ratio.high], 1 / np.array([back.high, back.low]), rtol=1e-6)
    assert not np.isnan([ratio.low, ratio.high]).any()
    assert np.isnan(ratio.estimate) or ratio.low * (1 - 1e-9) <= ratio.estimate <= ratio.high * (1 + 1e-9)


@pytest.mark.parametrize("interval", BOTH)
def test_empty_groups_are_missing_with_a_reason_and_shapes_broadcast(interval: Callable[..., Interval]) -> None:
    ours = interval([[0], [3]], [[0], [9]], [2, 0], [5, 0])
    np.testing.assert_array_equal(np.isnan(ours.low), [[True, True], [False, True]])
    np.testing.assert_array_equal(ours.caveat == Caveat.EMPTY_GROUP, np.isnan(ours.low))
    with pytest.raises(ValueError, match="x1: found 6"):
        interval(6, 5, 1, 5)


def test_ratio_without_events_has_the_caveats_of_the_score_interval() -> None:
    ours, score = (call([0, 3, 0], 5, [0, 0, 4], 7) for call in (newcombe_interval_ratio, score_interval_ratio))
    np.testing.assert_array_equal(ours.caveat, score.caveat)
    np.testing.assert_array_equal(np.isposinf(ours.high), [True, True, False])
    np.testing.assert_array_equal(ours.low == 0, [True, False, True])


@pytest.mark.parametrize("n", [10**3, 10**7, 10**8, 10**9])
def test_a_group_at_its_bound_against_a_huge_one_keeps_its_digits(n):
    # one of one against all of n: the upper limit is that of group 0 alone, 1 / its lower limit
    high = float(newcombe_interval_ratio(1, 1, n, n).high)
    exact = 1 / float(score_interval_rate(n, n).low)
    assert high - 1 == pytest.approx(exact - 1, rel=1e-6)
    assert newcombe_interval_ratio(1, 1, n, n, 0.99).high > high


def test_the_hybrid_ratio_of_two_nearly_certain_groups_has_a_width():
    found = newcombe_interval_ratio(10**9, 10**9, 10**9 - 1, 10**9)
    assert found.low < found.estimate < found.high

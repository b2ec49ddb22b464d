"""Claims about exact tests and bounds: whole-number enumeration, scipy and statsmodels."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from importlib import import_module
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.statistics.counts import Caveat
from audits.statistics.exact_tests import (
    clopper_pearson_interval,
    fisher_p_value,
    mid_p_value,
    zero_cases_upper_bound,
)

SIZES = [(1, 1), (2, 5), (6, 6), (7, 12), (12, 7), (3, 30)]


def every_table(n1: int, n0: int) -> tuple[np.ndarray, np.ndarray]:
    grid = np.meshgrid(np.arange(n1 + 1), np.arange(n0 + 1), indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def ways(x1: int, n1: int, x0: int, n0: int) -> dict[int, int]:
    """Number of ways to each count in group 1 given the margins."""
    events = x1 + x0
    return {i: comb(n1, i) * comb(n0, events - i) for i in range(max(0, events - n0), min(n1, events) + 1)}


def enumerated_fisher(x1: int, n1: int, x0: int, n0: int) -> Fraction:
    """Probability of all tables no more probable than the one seen, in whole numbers."""
    each = ways(x1, n1, x0, n0)
    return Fraction(sum(way for way in each.values() if way <= each[x1]), sum(each.values()))


def enumerated_mid_p(x1: int, n1: int, x0: int, n0: int) -> Fraction:
    """Twice the smaller of the two one-sided mid-p values, in whole numbers."""
    each = ways(x1, n1, x0, n0)
    below, above = (sum(way for i, way in each.items() if side * i > side * x1) for side in (-1, 1))
    return Fraction(2 * min(below, above) + each[x1], sum(each.values()))


@pytest.mark.parametrize(("n1", "n0"), SIZES)
def test_both_p_values_are_those_of_whole_number_enumeration_for_every_table(n1: int, n0: int) -> None:
    x1, x0 = every_table(n1, n0)
    tables = [(int(a), n1, int(b), n0) for a, b in zip(x1, x0, strict=True)]
    np.testing.assert_allclose(
        fisher_p_value(x1, n1, x0, n0), [float(enumerated_fisher(*one)) for one in tables], rtol=1e-12
    )
    np.testing.assert_allclose(
        mid_p_value(x1, n1, x0, n0), [float(enumerated_mid_p(*one)) for one in tables], rtol=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(
    one=st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    zero=st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
def test_fisher_agrees_with_scipy_and_mid_p_with_whole_numbers_for_any_size(
    one: tuple[int, int], zero: tuple[int, int]
) -> None:
    (x1, n1), (x0, n0) = one, zero
    known = import_module("scipy.stats").fisher_exact([[x1, n1 - x1], [x0, n0 - x0]]).pvalue
    # scipy's own sums of logarithms of gamma functions near 1e4 keep about 1e-11
    assert float(fisher_p_value(x1, n1, x0, n0)) == pytest.approx(known, rel=1e-8, abs=1e-280)
    assert float(mid_p_value(x1, n1, x0, n0)) == pytest.approx(
        float(enumerated_mid_p(x1, n1, x0, n0)), rel=1e-9, abs=1e-280
    )


def test_fisher_is_never_above_its_level_and_mid_p_wastes_less_of_it() -> None:
    n1, n0, rate = 12, 20, 0.3
    x1, x0 = every_table(n1, n0)
    chance = np.array(
        [
            comb(n1, a) * comb(n0, b) * rate ** (a + b) * (1 - rate) ** (n1 + n0 - a - b)
            for a, b in zip(x1, x0, strict=True)
        ]
    )
    assert chance.sum() == pytest.approx(1)
    fisher, mid = (float(chance @ (call(x1, n1, x0, n0) <= 0.05)) for call in (fisher_p_value, mid_p_value))
    assert fisher < mid < 0.06
    assert fisher <= 0.05


def test_a_one_sided_p_doubled_without_the_half_would_not_pass() -> None:
    each = ways(5, 12, 11, 20)
    doubled = (
        2
        * min(sum(w for i, w in each.items() if i <= 5), sum(w for i, w in each.items() if i >= 5))
        / sum(each.values())
    )
    assert abs(doubled - float(mid_p_value(5, 12, 11, 20))) > 0.05


def test_both_ways_to_the_mid_p_value_agree_where_they_meet() -> None:
    # up to a smallest margin of 300 all tables are counted at once, beyond it one by one
    for size in (299, 300, 301, 302):
        x1, n1, x0, n0 = size // 3, size, size // 2, 900
        assert float(mid_p_value(x1, n1, x0, n0)) == pytest.approx(float(enumerated_mid_p(x1, n1, x0, n0)), rel=1e-10)


def test_tables_of_millions_give_the_normal_p_value_and_hopeless_ones_give_nought() -> None:
    n, a, b = 10_000_000, 3_001_000, 3_003_000
    z = (b - a) / math.sqrt(2 * n * (a + b) / (2 * n) * (1 - (a + b) / (2 * n)))
    # discreteness and skewness are of order 1/sqrt(n), both small beside 1e-3
    assert float(mid_p_value(a, n, b, n)) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)
    assert float(fisher_p_value(a, n, b, n)) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=5e-3)
    for call in (mid_p_value, fisher_p_value):
        assert float(call(9_000_000, n, 1_000_000, n)) == 0.0


def test_empty_groups_are_missing_and_a_single_possible_table_has_p_one() -> None:
    for call in (mid_p_value, fisher_p_value):
        np.testing.assert_array_equal(np.isnan(call([0, 3, 2], [0, 5, 5], [1, 0, 1], [4, 0, 4])), [True, True, False])
        np.testing.assert_array_equal(call([0, 5], 5, [0, 9], 9), 1.0)
        assert call([[1], [2]], 5, [1, 2, 3], 9).shape == (2, 3)
        assert call([], [], [], []).shape == (0,)
        with pytest.raises(ValueError, match="x1: found 6, expected no more events than n1"):
            call(6, 5, 1, 5)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_clopper_pearson_agrees_with_statsmodels_for_every_count(level: float) -> None:
    reference = import_module("statsmodels.stats.proportion").proportion_confint
    for n in (1, 2, 17, 40, 1000):
        x = np.arange(n + 1) if n < 100 else np.array([0, 1, 5, 500, 999, 1000])
        ours = clopper_pearson_interval(x, n, level)
        low, high = reference(x, n, alpha=1 - level, method="beta")
        np.testing.assert_allclose(ours.low, np.where(x == 0, 0.0, low), rtol=1e-9)
        np.testing.assert_allclose(ours.high, np.where(x == n, 1.0, high), rtol=1e-9)


def test_clopper_pearson_limits_leave_exactly_their_tails() -> None:
    n = 23
    ours = clopper_pearson_interval(np.arange(n + 1), n)

    def tail(p: float, counts: range) -> float:
        return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in counts)

    for x in range(n + 1):
        if x > 0:
            assert tail(float(ours.low[x]), range(x, n + 1)) == pytest.approx(0.025, rel=1e-9)
        if x < n:
            assert tail(float(ours.high[x]), range(x + 1)) == pytest.approx(0.025, rel=1e-9)


def test_clopper_pearson_never_covers_less_than_its_level() -> None:
    n = 25
    ours = clopper_pearson_interval(np.arange(n + 1), n, 0.9)
    for p in np.linspace(0.002, 0.998, 250):
        chance = np.array([comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)])
        assert chance @ ((ours.low <= p) & (p <= ours.high)) >= 0.9


def test_no_case_bounds_the_rate_near_three_in_n_and_leaves_exactly_its_tail() -> None:
    n = np.array([1, 10, 300, 10**6, 10**15])
    bound = zero_cases_upper_bound(n)
    np.testing.assert_allclose(np.exp(n * np.log1p(-bound)), 0.05, rtol=1e-9)
    np.testing.assert_allclose((n * bound)[2:], -math.log(0.05), rtol=0.006)
    assert (n * bound <= 3).all()
    # a two-sided interval that spends 10 % has the same upper limit
    np.testing.assert_allclose(clopper_pearson_interval(0, n[:4], 0.9).high, bound[:4], rtol=1e-9)


def test_nobody_looked_at_gives_no_bound() -> None:
    assert np.isnan(zero_cases_upper_bound(0))
    ours = clopper_pearson_interval([0, 1], [0, 2])
    np.testing.assert_array_equal(ours.caveat, [Caveat.EMPTY_GROUP, Caveat.NONE])
    np.testing.assert_array_equal(np.isnan(ours.high), [True, False])
    with pytest.raises(ValueError, match="level: found 1"):
        zero_cases_upper_bound(5, 1.0)


def test_importing_the_module_does_not_load_scipy() -> None:
    code = "import sys, audits.statistics.exact_tests; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

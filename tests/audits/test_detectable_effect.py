"""Claims about detectable effects: the power of the test itself at the effect, by exact enumeration or simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from audits.statistics.counts import Caveat
from audits.statistics.detectable_effect import (
    joint_detectable_coefficient,
    minimum_detectable_coefficient,
    minimum_detectable_difference,
    minimum_detectable_ratio,
)
from audits.statistics.proportions import score_p_value

NORMAL = NormalDist()


def exact_power(p1: float, p0: float, n1: int, n0: int, level: float = 0.95) -> float:
    """Probability that the pooled test rejects, over every pair of counts that can matter."""
    chance1, chance0 = binom.pmf(np.arange(n1 + 1), n1, p1), binom.pmf(np.arange(n0 + 1), n0, p0)
    some1, some0 = np.flatnonzero(chance1 > 1e-9), np.flatnonzero(chance0 > 1e-9)
    rejects = score_p_value(some1[:, None], n1, some0[None, :], n0).p_value < 1 - level
    return float(chance1[some1] @ rejects @ chance0[some0])


SITUATIONS = [(0.5, 200, 200), (0.8, 300, 900), (0.9, 400, 1200), (0.2, 1000, 250), (0.3, 150, 600)]


@pytest.mark.parametrize(("p0", "n1", "n0"), SITUATIONS)
def test_the_pooled_test_has_its_power_at_both_detectable_ratios(p0: float, n1: int, n0: int) -> None:
    found = minimum_detectable_ratio(p0, n1, n0)
    for ratio in (float(found.below), float(found.above)):
        # the normal approximation of two binomials: measured error at most .015 on these sizes, expected counts >= 30
        assert exact_power(ratio * p0, p0, n1, n0) == pytest.approx(0.8, abs=0.02)
    assert found.below < 1 < found.above


@pytest.mark.parametrize(("p0", "n1", "n0"), [(0.5, 200, 200), (0.5, 100, 900), (0.4, 300, 300)])
def test_the_pooled_test_has_its_power_at_the_detectable_difference_near_a_half(p0: float, n1: int, n0: int) -> None:
    gap = float(minimum_detectable_difference(p0, n1, n0).difference)
    # the variance of equal rates stands on both sides here, which is right near a half and rough elsewhere
    assert exact_power(p0 + gap, p0, n1, n0) == pytest.approx(0.8, abs=0.03)


def test_other_levels_and_powers_are_met_too() -> None:
    found = minimum_detectable_ratio(0.5, 400, 400, level=0.99, power=0.9)
    assert exact_power(float(found.below) * 0.5, 0.5, 400, 400, 0.99) == pytest.approx(0.9, abs=0.015)


def test_a_formula_without_the_null_variance_would_not_pass() -> None:
    # leaving z_level out gives an effect that is found about three times in ten
    wrong = NORMAL.inv_cdf(0.8) * math.sqrt(2 * 0.25 / 200) + 0.03
    assert exact_power(0.5 + wrong, 0.5, 200, 200) < 0.6


def test_the_side_that_no_rate_can_reach_is_missing_and_says_so() -> None:
    found = minimum_detectable_ratio(
        [0.95, 0.02, 1.0, 0.0, 0.5, 0.5], [40, 40, 40, 40, 0, 2], [400, 400, 400, 400, 9, 2]
    )
    above = [Caveat(int(code)) for code in found.caveat_above]
    below = [Caveat(int(code)) for code in found.caveat_below]
    none, empty, flat, far = Caveat.NONE, Caveat.EMPTY_GROUP, Caveat.DEGENERATE_RATE, Caveat.UNREACHABLE
    assert above == [far, none, far, flat, empty, far]
    assert below == [none, far, none, flat, empty, far]
    np.testing.assert_array_equal(np.isnan(found.above), [code is not none for code in above])
    np.testing.assert_array_equal(np.isnan(found.below), [code is not none for code in below])


@settings(max_examples=60, deadline=None)
@given(p0=st.floats(0.01, 0.99), n1=st.integers(1, 10**7), n0=st.integers(1, 10**7))
def test_four_times_the_people_never_raise_the_detectable_ratio(p0: float, n1: int, n0: int) -> None:
    few, many = minimum_detectable_ratio(p0, n1, n0), minimum_detectable_ratio(p0, 4 * n1, 4 * n0)
    assert np.isnan(few.above) or 1 < many.above <= few.above * (1 + 1e-12)
    assert np.isnan(few.below) or 1 > many.below >= few.below * (1 - 1e-12)


def test_coefficient_is_found_with_its_power() -> None:
    error = np.array([0.5, 2.0])
    found = minimum_detectable_coefficient(error)
    np.testing.assert_allclose(found.coefficient, (1.959963985 + 0.841621234) * error, rtol=1e-8)
    rng, n, runs = np.random.default_rng(9), 400, 4000
    x = rng.normal(size=n)
    x -= x.mean()
    true = 1 / math.sqrt(float(x @ x))
    noise = rng.normal(size=(runs, n))
    slopes = float(minimum_detectable_coefficient(true).coefficient) + noise @ x / float(x @ x)
    # n is large: the estimated error differs from the true one by about 1/sqrt(2n) = 3.5 %
    residual = noise - noise.mean(axis=1, keepdims=True) - np.outer(noise @ x / float(x @ x), x)
    errors = np.sqrt((residual**2).sum(axis=1) / (n - 2) / float(x @ x))
    assert (slopes > 1.96 * errors).mean() == pytest.approx(0.8, abs=0.019)  # three errors of .0063


@pytest.mark.parametrize("errors", [(1.0, 1.0), (1.0, 3.0), (0.2, 0.5, 0.4), (1.0,)])
def test_all_routes_agree_with_the_stated_power_at_the_joint_effect(errors: tuple[float, ...]) -> None:
    found = joint_detectable_coefficient(errors)
    rng = np.random.default_rng(31)
    estimates = rng.normal(float(found.coefficient), errors, size=(40_000, len(errors)))
    agree = (estimates > NORMAL.inv_cdf(0.975) * np.array(errors)).all(axis=1).mean()
    assert agree == pytest.approx(0.8, abs=0.006)  # three errors of .002


def test_two_equal_routes_ask_for_more_than_one_and_a_precise_second_route_costs_nothing() -> None:
    alone = float(minimum_detectable_coefficient(1.0).coefficient)
    assert float(joint_detectable_coefficient([1.0, 1.0]).coefficient) > alone * 1.1
    assert float(joint_detectable_coefficient([1.0, 1e-6]).coefficient) == pytest.approx(alone, rel=1e-12)
    assert float(joint_detectable_coefficient([1.0]).coefficient) == pytest.approx(alone, rel=1e-12)


def test_positively_correlated_routes_have_at_least_the_power_of_the_product() -> None:
    effect = float(joint_detectable_coefficient([1.0, 1.0]).coefficient)
    rng = np.random.default_rng(8)
    shared, own = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 2))
    agree = (effect + math.sqrt(0.6) * shared + math.sqrt(0.4) * own > 1.96).all(axis=1).mean()
    assert agree > 0.8


@pytest.mark.parametrize("call", [minimum_detectable_coefficient, joint_detectable_coefficient])
def test_missing_errors_stay_missing_with_a_reason_and_impossible_ones_are_refused(call: Callable[..., object]) -> None:
    found = call([[math.nan, 1.0], [2.0, 1.0]])
    assert np.isnan(found.coefficient).any()
    np.testing.assert_array_equal(np.isnan(found.coefficient), found.caveat == Caveat.MISSING_ERROR)
    for bad in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match=r"standard_error: found .*, expected finite numbers above 0"):
            call([bad, 1.0])
    with pytest.raises(ValueError, match=r"power: found 0\.01"):
        call([1.0], power=0.01)


def test_joint_effect_takes_a_matrix_of_findings_by_routes() -> None:
    found = joint_detectable_coefficient([[1.0, 2.0], [3.0, 3.0]])
    assert found.coefficient.shape == (2,)
    assert found.coefficient[0] == joint_detectable_coefficient([1.0, 2.0]).coefficient
    with pytest.raises(ValueError, match="expected at least one route"):
        joint_detectable_coefficient(np.ones((3, 0)))
    with pytest.raises(ValueError, match="expected at least one route"):
        joint_detectable_coefficient(1.0)

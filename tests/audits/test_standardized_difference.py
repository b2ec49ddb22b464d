"""Claims about standardized differences: raw data with numpy, numerical derivatives, simulation with a fixed seed."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audits.statistics.standardized_difference import (
    Denominator,
    DifferenceCaveat,
    standardized_mean_difference,
    standardized_rate_difference,
)

Floats = NDArray[np.float64]
POOLED, REFERENCE, POPULATION = Denominator.POOLED, Denominator.REFERENCE, Denominator.POPULATION


def sums(scores: Floats) -> tuple[Floats, Floats, Floats]:
    """n, sum and sum of squares along the last axis."""
    return np.asarray(scores.shape[-1]), scores.sum(axis=-1), (scores**2).sum(axis=-1)


def by_hand(one: Floats, zero: Floats, denominator: Denominator, others: Floats) -> float:
    """The figure from the rows themselves."""
    if denominator is REFERENCE:
        s = zero.std(ddof=1)
    elif denominator is POPULATION:
        s = np.concatenate([one, zero, others]).std(ddof=1)
    else:
        residual = np.concatenate([one - one.mean(), zero - zero.mean()])
        s = math.sqrt(residual @ residual / (len(residual) - 2))
    return float((one.mean() - zero.mean()) / s)


@pytest.mark.parametrize("denominator", Denominator)
def test_each_denominator_gives_the_figure_of_the_rows(denominator: Denominator) -> None:
    rng = np.random.default_rng(3)
    for n1, n0, extra in ((8, 5, 0), (300, 40, 500), (2, 2, 10)):
        one, zero, others = rng.normal(52, 9, n1), rng.normal(50, 4, n0), rng.normal(60, 20, extra)
        everyone = sums(np.concatenate([one, zero, others])) if denominator is POPULATION else None
        ours = standardized_mean_difference(sums(one), sums(zero), denominator, population=everyone)
        assert float(ours.estimate) == pytest.approx(by_hand(one, zero, denominator, others), rel=1e-9)
        assert ours.denominator is denominator
        if denominator is POPULATION and not extra:
            alone = standardized_mean_difference(sums(one), sums(zero), denominator)
            assert float(alone.estimate) == pytest.approx(float(ours.estimate), rel=1e-12)


def test_denominators_differ_so_that_the_stated_one_matters() -> None:
    rng = np.random.default_rng(4)
    one, zero = sums(rng.normal(3, 4, 50)), sums(rng.normal(0, 1, 80))
    figures = [float(standardized_mean_difference(one, zero, each).estimate) for each in Denominator]
    assert np.diff(sorted(figures)).min() > 0.05


def test_pooled_error_is_hedges_and_olkins_when_spreads_are_equal() -> None:
    # n = 40 and 60, means 1 and 0, both sample variances exactly 4
    n1, n0, d = 40, 60, 0.5
    ours = standardized_mean_difference((n1, n1, 4 * (n1 - 1) + n1), (n0, 0, 4 * (n0 - 1)), POOLED)
    assert float(ours.estimate) == pytest.approx(d, rel=1e-12)
    expected = (n1 + n0) / (n1 * n0) + d**2 / (2 * (n1 + n0 - 2))
    assert float(ours.standard_error) ** 2 == pytest.approx(expected, rel=1e-12)


def test_small_sample_factor_agrees_with_known_values_and_with_statsmodels() -> None:
    group = (2, 1.0, 1.0)
    plain = standardized_mean_difference(group, (2, 3.0, 5.0), POOLED)
    hedged = standardized_mean_difference(group, (2, 3.0, 5.0), POOLED, small_sample=True)
    assert float(hedged.estimate / plain.estimate) == pytest.approx(1 / math.sqrt(math.pi), rel=1e-12)  # J(2)
    reference = import_module("statsmodels.stats.meta_analysis").effectsize_smd
    ours = standardized_mean_difference((12, 12.0, 12 + 4 * 11), (18, 0.0, 4.0 * 17), POOLED, small_sample=True)
    known, _ = reference(
        np.array([1.0]), np.array([2.0]), np.array([12]), np.array([0.0]), np.array([2.0]), np.array([18])
    )
    # statsmodels uses the approximation 1 - 3/(4f - 1), off by 3/(32 f^2) or less
    assert float(ours.estimate) == pytest.approx(float(known[0]), rel=2e-4)
    special = import_module("scipy.special")
    for freedom in (28_000.0, 29_999.0, 30_001.0, 1e6):
        module = import_module("audits.statistics.standardized_difference")
        known = special.poch((freedom - 1) / 2, 0.5) / math.sqrt(freedom / 2)
        assert float(module._hedges_factor(np.array(freedom))) == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("denominator", Denominator)
@pytest.mark.parametrize("spread", [1.0, 2.5])
def test_interval_of_scores_covers_its_level_with_equal_and_with_unequal_spreads(
    denominator: Denominator, spread: float
) -> None:
    rng = np.random.default_rng(11)
    runs, n1, n0, gap = 6000, 60, 140, 0.8
    one, zero = rng.normal(gap, spread, (runs, n1)), rng.normal(0, 1, (runs, n0))
    within = (n1 * spread**2 + n0) / (n1 + n0)
    square = {POOLED: within, REFERENCE: 1.0, POPULATION: within + n1 * n0 / (n1 + n0) ** 2 * gap**2}[denominator]
    ours = standardized_mean_difference(sums(one), sums(zero), denominator)
    truth = gap / math.sqrt(square)
    covered = ((ours.low <= truth) & (truth <= ours.high)).mean()
    # three simulation errors of .0028, and about .004 for estimating the large-sample error from 60
    assert covered == pytest.approx(0.95, abs=0.0125)


def test_equal_spread_formula_would_miss_the_level_with_unequal_spreads() -> None:
    rng = np.random.default_rng(11)
    one, zero = rng.normal(0, 2.5, (6000, 60)), rng.normal(0, 1, (6000, 140))
    estimate = standardized_mean_difference(sums(one), sums(zero), POOLED).estimate
    assert (np.abs(estimate) <= 1.96 * math.sqrt(1 / 60 + 1 / 140)).mean() < 0.9


def rate_difference(p1: float, p0: float, n1: int, n0: int, denominator: Denominator) -> float:
    """The figure as a function of the rates, from a list of outcomes' weights."""
    weights = {POOLED: None, REFERENCE: (0.0, 1.0), POPULATION: (n1, n0)}[denominator]
    if weights is None:
        square = np.average([p1 - p1**2, p0 - p0**2], weights=[n1, n0])
    else:
        square = np.average([p1, p0], weights=weights) * (1 - np.average([p1, p0], weights=weights))
    return (p1 - p0) / math.sqrt(square)


@pytest.mark.parametrize("denominator", Denominator)
def test_rates_give_the_figure_and_the_error_that_numerical_derivatives_give(denominator: Denominator) -> None:
    for x1, n1, x0, n0 in ((218, 308, 1527, 1681), (3, 10, 30, 40), (99, 100, 1, 100)):
        ours = standardized_rate_difference(x1, n1, x0, n0, denominator)
        p1, p0, h = x1 / n1, x0 / n0, 1e-6
        slope1 = (
            rate_difference(p1 + h, p0, n1, n0, denominator) - rate_difference(p1 - h, p0, n1, n0, denominator)
        ) / (2 * h)
        slope0 = (
            rate_difference(p1, p0 + h, n1, n0, denominator) - rate_difference(p1, p0 - h, n1, n0, denominator)
        ) / (2 * h)
        error = math.hypot(slope1 * math.sqrt(p1 * (1 - p1) / n1), slope0 * math.sqrt(p0 * (1 - p0) / n0))
        assert float(ours.estimate) == pytest.approx(rate_difference(p1, p0, n1, n0, denominator), rel=1e-12)
        assert float(ours.standard_error) == pytest.approx(error, rel=1e-6)


def test_rates_and_scores_of_zero_and_one_agree_in_large_groups() -> None:
    x1, n1, x0, n0 = 30_000, 100_000, 90_000, 200_000
    for denominator in Denominator:
        rates = standardized_rate_difference(x1, n1, x0, n0, denominator)
        scores = standardized_mean_difference((n1, x1, x1), (n0, x0, x0), denominator)
        assert float(rates.estimate) == pytest.approx(float(scores.estimate), rel=1e-4)  # n against n - 1


@pytest.mark.parametrize("denominator", Denominator)
def test_interval_of_rates_covers_its_level(denominator: Denominator) -> None:
    rng = np.random.default_rng(12)
    n1, n0, p1, p0 = 150, 400, 0.6, 0.75
    x1, x0 = rng.binomial(n1, p1, 20_000), rng.binomial(n0, p0, 20_000)
    ours = standardized_rate_difference(x1, n1, x0, n0, denominator)
    truth = rate_difference(p1, p0, n1, n0, denominator)
    # three simulation errors of .0015, and about .003 for the delta method at 150
    assert ((ours.low <= truth) & (truth <= ours.high)).mean() == pytest.approx(0.95, abs=0.0075)


def test_a_population_given_apart_sets_the_unit_for_rates() -> None:
    ours = standardized_rate_difference(60, 100, 80, 100, POPULATION, population=(5000, 10_000))
    assert float(ours.deviation) == 0.5
    assert float(ours.estimate) == pytest.approx(-0.4)
    with pytest.raises(ValueError, match="population: found one with denominator 'reference group'"):
        standardized_rate_difference(60, 100, 80, 100, REFERENCE, population=(5000, 10_000))


def test_what_is_missing_says_why() -> None:
    n1, s1, q1 = [0, 1, 5, 5, 5], [0, 2, 10, 10, 0], [0, 4, 20, 20, 9]
    n0, s0, q0 = [5, 5, 5, 1, 5], [0, 0, 15, 3, 0], [9, 9, 45, 9, 0]
    ours = standardized_mean_difference((n1, s1, q1), (n0, s0, q0), POOLED)
    reasons = [DifferenceCaveat(int(code)) for code in ours.caveat]
    empty, flat, lone = DifferenceCaveat.EMPTY_GROUP, DifferenceCaveat.NO_DEVIATION, DifferenceCaveat.NO_ERROR
    assert reasons == [empty, lone, flat, flat, lone]
    np.testing.assert_array_equal(np.isnan(ours.estimate), [True, False, True, True, False])
    assert np.isnan(ours.low).all()
    assert all(reason.reason for reason in reasons)
    short = standardized_mean_difference((5, 0, 9), (2, 1, 1), REFERENCE, small_sample=True)
    assert (np.isnan(short.estimate), int(short.caveat)) == (True, flat)


def test_rates_of_zero_or_one_keep_the_point_without_an_interval() -> None:
    ours = standardized_rate_difference([0, 5, 0], [5, 5, 0], [3, 7, 2], [9, 7, 4], POOLED)
    assert [DifferenceCaveat(int(code)) for code in ours.caveat] == [
        DifferenceCaveat.NO_ERROR, DifferenceCaveat.NO_DEVIATION, DifferenceCaveat.EMPTY_GROUP,
    ]  # fmt: skip
    np.testing.assert_array_equal(np.isnan(ours.estimate), [False, True, True])
    assert np.isnan(ours.low).all()


def test_a_constant_of_a_million_has_no_spread_made_of_rounding() -> None:
    constant = np.full(1000, 1_000_000.1)
    ours = standardized_mean_difference(sums(constant), sums(constant + 0.3), POOLED)
    assert int(ours.caveat) == DifferenceCaveat.NO_DEVIATION


@settings(max_examples=80, deadline=None)
@given(
    one=st.lists(st.integers(-1000, 1000), min_size=2, max_size=30),
    zero=st.lists(st.integers(-1000, 1000), min_size=2, max_size=30),
    scale=st.sampled_from([0.01, 1.0, 300.0]),
)
def test_scale_and_shift_do_not_matter_and_swapping_groups_negates(
    one: list[int], zero: list[int], scale: float
) -> None:
    a, b = np.array(one, dtype=float), np.array(zero, dtype=float)
    for denominator in (POOLED, POPULATION):
        ours = standardized_mean_difference(sums(a), sums(b), denominator)
        moved = standardized_mean_difference(sums(scale * (a + 50)), sums(scale * (b + 50)), denominator)
        turned = standardized_mean_difference(sums(b), sums(a), denominator)
        assert ours.caveat == moved.caveat == turned.caveat
        np.testing.assert_allclose(moved.estimate, ours.estimate, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(turned.estimate, -ours.estimate, rtol=1e-9)
        np.testing.assert_allclose(turned.standard_error, ours.standard_error, rtol=1e-9)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ((3, math.nan, 9), r"sum1: found nan, expected finite sums"),
        ((3, 9, 1), r"squares1: found 1, expected finite sums of squares of at least sum\^2/n"),
        ((2.5, 1, 9), r"x1: found 2\.5|n1: found 2\.5"),
        ((0, 1, 9), r"squares1: found 9"),
    ],
)
def test_impossible_sums_are_refused(group: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        standardized_mean_difference(group, (3, 0, 2), POOLED)

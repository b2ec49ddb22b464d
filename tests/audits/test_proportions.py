"""Claims about the score intervals and tests, checked against searches that share no code with them.

Oracle. For every parameter value on a grid, the likelihood under that value is maximised by golden
section over the comparison group's rate; the value is accepted when the score statistic at that maximum
is within z^2. The cell where acceptance begins is then divided into 40 and searched again.

Tolerances. A limit read off the refined grid is wrong by at most one refined step: RATIO_STEP = 0.001 in
log ratio (0.04 / 40) and GAP_STEP = 0.000125 in difference (0.005 / 40). Golden section cannot place a
maximum better than about sqrt(float eps) = 1.5e-8, which moves a limit by far less than one step; both
tolerances are that step and nothing more. Limits at counts of 1e9 are checked in 60-digit decimals, where
the statistic must return to z^2 within 1e-7: the tightest interval tried lies within 1e-8 of 1, so that
float spacing of 2e-16 is 2e-8 of its width and no float64 answer can do better.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from decimal import Decimal, localcontext
from fractions import Fraction
from importlib import import_module
from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audits.statistics.proportions import (
    Caveat,
    Interval,
    equality_p_value,
    minimum_detectable_difference,
    score_interval_difference,
    score_interval_odds_ratio,
    score_interval_rate,
    score_interval_ratio,
    score_p_value,
)

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]

Z = NormalDist().inv_cdf(0.975)
PARTS = 40
RATIO_STEP, GAP_STEP = 0.001, 0.000125
LOG_RATIOS = np.linspace(-9.0, 9.0, 451)
GAPS = np.linspace(-1.0, 1.0, 401)
SOME_OF_A_THOUSAND = [0, 1, 5, 50, 500, 900, 999, 1000]


def every_table(n1: int, n0: int, only: list[int] | None = None) -> tuple[Floats, Floats]:
    """All (x1, x0) as two columns, optionally with x0 limited to a few values."""
    grid = np.meshgrid(np.arange(n1 + 1.0), np.array(only or range(n0 + 1), dtype=float), indexing="ij")
    return grid[0].reshape(-1, 1), grid[1].reshape(-1, 1)


def golden(height: Callable[[Floats], Floats], left: Floats, right: Floats, steps: int = 45) -> Floats:
    """Where a function with a single peak is highest, by golden section."""
    keep = (np.sqrt(5.0) - 1) / 2
    for _ in range(steps):
        inner, outer = right - keep * (right - left), left + keep * (right - left)
        rising = height(outer) > height(inner)
        left, right = np.where(rising, inner, left), np.where(rising, right, outer)
    return (left + right) / 2


def log_likelihood(x: Floats, n: float, p: Floats) -> Floats:
    """Binomial log likelihood, with 0 log 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 0, x * np.log(p), 0.0) + np.where(x < n, (n - x) * np.log1p(-p), 0.0)


def squared(top: Floats, variance: Floats) -> Floats:
    """top^2 / variance, 0 where both vanish."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(top) < 1e-12, 0.0, top**2 / np.maximum(variance, 0.0))


def ratio_statistic(x1: Floats, n1: float, x0: Floats, n0: float, scale: float = 1.0) -> Statistic:
    """Koopman's statistic as a function of log ratio; scale N/(N - 1) makes it Miettinen-Nurminen's."""

    def at(log_ratio: Floats) -> Floats:
        r, _ = np.broadcast_arrays(np.exp(log_ratio), x1 + x0 + log_ratio)

        def height(p: Floats) -> Floats:
            return log_likelihood(x1, n1, np.minimum(r * p, 1.0)) + log_likelihood(x0, n0, p)

        p0 = golden(height, np.zeros(r.shape), np.minimum(1.0, 1 / r))
        p1 = np.minimum(r * p0, 1.0)
        return squared(x1 / n1 - r * x0 / n0, scale * (p1 * (1 - p1) / n1 + r * r * p0 * (1 - p0) / n0))

    return at


def gap_statistic(x1: Floats, n1: float, x0: Floats, n0: float, scale: float = 1.0) -> Statistic:
    """Mee's statistic as a function of the difference; scale N/(N - 1) makes it Miettinen-Nurminen's."""

    def at(gap: Floats) -> Floats:
        d, _ = np.broadcast_arrays(gap, x1 + x0 + gap)

        def height(p: Floats) -> Floats:
            return log_likelihood(x1, n1, np.clip(p + d, 0, 1)) + log_likelihood(x0, n0, p)

        p0 = golden(height, np.maximum(0.0, -d), np.minimum(1.0, 1 - d))
        p1 = np.clip(p0 + d, 0, 1)
        return squared(x1 / n1 - x0 / n0 - d, scale * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0))

    return at


def odds_ratio_statistic(x1: Floats, n1: float, x0: Floats, n0: float, scale: float = 1.0) -> Statistic:
    """Cornfield's statistic as a function of the log odds ratio; 0 where both fitted variances vanish."""

    def at(log_odds_ratio: Floats) -> Floats:
        psi, _ = np.broadcast_arrays(np.exp(log_odds_ratio), x1 + x0 + log_odds_ratio)

        def partner(p: Floats) -> Floats:
            return psi * p / (1 - p + psi * p)

        def height(logit: Floats) -> Floats:
            p = 1 / (1 + np.exp(-logit))
            return log_likelihood(x1, n1, partner(p)) + log_likelihood(x0, n0, p)

        p0 = 1 / (1 + np.exp(-golden(height, np.full(psi.shape, -40.0), np.full(psi.shape, 40.0), 60)))
        p1 = partner(p0)
        apart = squared(x1 - n1 * p1, n1 * p1 * (1 - p1)) + squared(x1 - n1 * p1, n0 * p0 * (1 - p0))
        one_outcome = (x1 + x0 == 0) | (x1 + x0 == n1 + n0)
        return np.where(one_outcome, 0.0, apart / scale)

    return at


def searched_limits(statistic: Statistic, grid: Floats) -> tuple[Floats, Floats]:
    """Ends of the accepted set per row; infinite where acceptance reaches the end of the grid."""
    accepted = statistic(grid[None, :]) <= Z * Z
    assert accepted.any(axis=1).all(), "the grid steps over an interval"
    first, last = accepted.argmax(axis=1), len(grid) - 1 - accepted[:, ::-1].argmax(axis=1)
    assert (accepted.sum(axis=1) == last - first + 1).all(), "the accepted set has a hole"
    share, step = np.linspace(0, 1, PARTS + 1)[None, :], grid[1] - grid[0]
    below = grid[first][:, None] - step * share
    above = grid[last][:, None] + step * share
    inside_low, inside_high = statistic(below) <= Z * Z, statistic(above) <= Z * Z
    low = np.take_along_axis(below, (inside_low.sum(axis=1) - 1)[:, None], axis=1)[:, 0]
    high = np.take_along_axis(above, (inside_high.sum(axis=1) - 1)[:, None], axis=1)[:, 0]
    return np.where(first == 0, -np.inf, low), np.where(last == len(grid) - 1, np.inf, high)


TABLES = [(5, 40, None), (6, 6, None), (1, 3, None), (40, 5, None), (30, 1000, SOME_OF_A_THOUSAND)]


@pytest.mark.parametrize(("n1", "n0", "only"), TABLES)
def test_ratio_limits_match_a_brute_force_search_for_every_table(n1: int, n0: int, only: list[int] | None) -> None:
    x1, x0 = every_table(n1, n0, only)
    low, high = searched_limits(ratio_statistic(x1, n1, x0, n0), LOG_RATIOS)
    ours = score_interval_ratio(x1[:, 0], n1, x0[:, 0], n0)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(np.log(ours.low), low, atol=RATIO_STEP, rtol=0)
        np.testing.assert_allclose(np.log(ours.high), high, atol=RATIO_STEP, rtol=0)


def test_odds_ratio_limits_match_a_brute_force_search_for_every_table() -> None:
    for n1, n0 in [(5, 12), (6, 6), (1, 3), (12, 5)]:
        x1, x0 = every_table(n1, n0)
        low, high = searched_limits(odds_ratio_statistic(x1, n1, x0, n0), LOG_RATIOS)
        ours = score_interval_odds_ratio(x1[:, 0], n1, x0[:, 0], n0)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(np.log(ours.low), low, atol=RATIO_STEP, rtol=0)
            np.testing.assert_allclose(np.log(ours.high), high, atol=RATIO_STEP, rtol=0)


SCORE_INTERVALS: dict[str, tuple[Callable[..., Interval], Callable[..., Statistic]]] = {
    "ratio": (score_interval_ratio, ratio_statistic),
    "difference": (score_interval_difference, gap_statistic),
    "odds ratio": (score_interval_odds_ratio, odds_ratio_statistic),
}
# a step of 1e-5 in log ratio, log odds ratio or difference: hundreds of times what golden section leaves
# uncertain, and three hundredths of the narrowest half-width among these tables or less
NUDGE = 1e-5


def misplaced(kind: str, low: Floats, high: Floats, statistic: Statistic) -> int:
    """Number of limits whose near side is rejected or whose far side is accepted (an end of the scale has none)."""
    wrong = 0
    ends = (-1.0, 1.0) if kind == "difference" else (-12.0, 12.0)
    with np.errstate(divide="ignore"):
        low, high = (low, high) if kind == "difference" else (np.log(low), np.log(high))
    for limit, outward, end in ((low, -1, ends[0]), (high, 1, ends[1])):
        at_end = np.isinf(limit) | (np.abs(limit) == 1 if kind == "difference" else False)
        inner = np.where(at_end, end - outward * NUDGE, limit - outward * NUDGE)
        outer = np.where(
            at_end, 0.0, np.clip(limit + outward * NUDGE, -1, 1) if kind == "difference" else limit + outward * NUDGE
        )
        wrong += int((statistic(inner[:, None])[:, 0] > Z * Z).sum())
        wrong += int(((statistic(outer[:, None])[:, 0] <= Z * Z) & ~at_end).sum())
    return wrong


@pytest.mark.parametrize("kind", SCORE_INTERVALS)
def test_every_limit_parts_accepted_from_rejected_values_for_every_table_up_to_forty(kind: str) -> None:
    interval, statistic = SCORE_INTERVALS[kind]
    for n1 in (1, 2, 3, 7, 15, 30, 40):
        for n0 in (1, 2, 5, 10, 23, 30, 40):
            x1, x0 = every_table(n1, n0)
            ours = interval(x1[:, 0], n1, x0[:, 0], n0)
            assert misplaced(kind, ours.low, ours.high, statistic(x1, n1, x0, n0)) == 0, (n1, n0)


@pytest.mark.parametrize("kind", SCORE_INTERVALS)
def test_every_limit_parts_accepted_from_rejected_values_in_unbalanced_groups_up_to_a_thousand(kind: str) -> None:
    interval, statistic = SCORE_INTERVALS[kind]
    few = [0, 1, 3, 15, 27, 30]
    for n1, n0, first, second in ((30, 1000, few, SOME_OF_A_THOUSAND), (1000, 30, SOME_OF_A_THOUSAND, few)):
        x1, x0 = (part.reshape(-1, 1).astype(float) for part in np.meshgrid(first, second))
        ours = interval(x1[:, 0], n1, x0[:, 0], n0)
        assert misplaced(kind, ours.low, ours.high, statistic(x1, n1, x0, n0)) == 0


@pytest.mark.parametrize("kind", SCORE_INTERVALS)
def test_limits_of_the_corrected_statistic_are_told_from_those_of_the_plain_one(kind: str) -> None:
    interval, statistic = SCORE_INTERVALS[kind]
    x1, x0 = every_table(7, 10)
    plain = interval(x1[:, 0], 7, x0[:, 0], 10)
    other = interval(x1[:, 0], 7, x0[:, 0], 10, corrected=True)
    oracle = statistic(x1, 7, x0, 10)
    assert misplaced(kind, plain.low, plain.high, oracle) == 0
    assert misplaced(kind, other.low, other.high, oracle) > 50
    assert misplaced(kind, other.low, other.high, statistic(x1, 7, x0, 10, 17 / 16)) == 0


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize(("n1", "n0", "only"), TABLES)
def test_difference_limits_match_a_brute_force_search_for_every_table(
    n1: int, n0: int, only: list[int] | None, corrected: bool
) -> None:
    x1, x0 = every_table(n1, n0, only)
    scale = (n1 + n0) / (n1 + n0 - 1) if corrected else 1.0
    low, high = searched_limits(gap_statistic(x1, n1, x0, n0, scale), GAPS)
    ours = score_interval_difference(x1[:, 0], n1, x0[:, 0], n0, corrected=corrected)
    np.testing.assert_allclose(ours.low, np.maximum(low, -1.0), atol=GAP_STEP, rtol=0)
    np.testing.assert_allclose(ours.high, np.minimum(high, 1.0), atol=GAP_STEP, rtol=0)


@pytest.mark.parametrize(("n1", "n0", "only"), TABLES)
def test_all_three_intervals_exclude_equality_exactly_when_the_score_test_rejects(
    n1: int, n0: int, only: list[int] | None
) -> None:
    x1, x0 = (column[:, 0] for column in every_table(n1, n0, only))
    for level in (0.8, 0.95, 0.99):
        ratio = score_interval_ratio(x1, n1, x0, n0, level)
        gap = score_interval_difference(x1, n1, x0, n0, level)
        odds = score_interval_odds_ratio(x1, n1, x0, n0, level)
        p_value = score_p_value(x1, n1, x0, n0).p_value
        clear = np.abs(p_value - (1 - level)) > 1e-9
        rejected = p_value < 1 - level
        np.testing.assert_array_equal(((ratio.low > 1) | (ratio.high < 1))[clear], rejected[clear])
        np.testing.assert_array_equal(((gap.low > 0) | (gap.high < 0))[clear], rejected[clear])
        np.testing.assert_array_equal(((odds.low > 1) | (odds.high < 1))[clear], rejected[clear])


def test_ratio_limits_agree_with_statsmodels_away_from_the_edges() -> None:
    reference = import_module("statsmodels.stats.proportion").confint_proportions_2indep
    for table in [(218, 308, 1527, 1681), (12, 40, 30, 60), (150, 400, 90, 500), (20, 30, 700, 1000)]:
        expected = reference(*table, method="score", compare="ratio", correction=False)
        ours = score_interval_ratio(*table)
        np.testing.assert_allclose([ours.low, ours.high], expected, atol=1e-7)


@pytest.mark.parametrize(
    ("table", "mee", "miettinen_nurminen"),
    [
        ((56, 70, 48, 80), (0.0533, 0.3377), (0.0528, 0.3382)),
        ((9, 10, 3, 10), (0.1821, 0.8370), (0.1700, 0.8406)),
        ((5, 56, 0, 29), (-0.0313, 0.1926), (-0.0326, 0.1933)),
        ((10, 10, 0, 20), (0.7225, 1.0), (0.7156, 1.0)),
    ],
)
def test_difference_limits_reproduce_newcombe_1998(
    table: tuple[int, int, int, int], mee: tuple[float, float], miettinen_nurminen: tuple[float, float]
) -> None:
    # statsmodels 0.15.0 is no reference here: its difference interval has a wrong coefficient in the cubic
    # for the constrained rate (statsmodels issue 10269), so its limits do not solve the score equation.
    plain, corrected = score_interval_difference(*table), score_interval_difference(*table, corrected=True)
    assert (float(plain.low), float(plain.high)) == pytest.approx(mee, abs=5e-5)
    assert (float(corrected.low), float(corrected.high)) == pytest.approx(miettinen_nurminen, abs=5e-5)


def test_ratio_limits_reproduce_koopman_1984_and_the_r_package_propcis() -> None:
    koopman, propcis = score_interval_ratio(36, 40, 16, 80), score_interval_ratio(7, 34, 1, 34)
    assert (float(koopman.low), float(koopman.high)) == pytest.approx((2.94, 7.15), abs=5e-3)
    assert (float(propcis.low), float(propcis.high)) == pytest.approx((1.220853, 42.575718), abs=1e-6)


def test_wilson_limits_agree_with_statsmodels_for_every_count_of_forty() -> None:
    reference = import_module("statsmodels.stats.proportion").proportion_confint
    x = np.arange(41)
    ours = score_interval_rate(x, 40)
    low, high = reference(x, 40, method="wilson")
    np.testing.assert_allclose(ours.low, low, atol=1e-12)
    np.testing.assert_allclose(ours.high, high, atol=1e-12)


def test_wilson_limits_part_accepted_from_rejected_rates_for_every_count_up_to_forty_and_some_of_a_thousand() -> None:
    sizes = [(n, x) for n in range(1, 41) for x in range(n + 1)] + [(1000, x) for x in SOME_OF_A_THOUSAND]
    n, x = (np.array(column, dtype=float) for column in zip(*sizes, strict=True))
    ours = score_interval_rate(x, n)

    def accepted(p: Floats) -> NDArray[np.bool_]:
        return squared(x / n - p, p * (1 - p) / n) <= Z * Z

    # nearest limit to an end of the scale: 1e-3 / 4 for one event of a thousand, so the step stays inside
    assert accepted(np.minimum(ours.low + NUDGE, 1.0))[ours.low > 0].all()
    assert accepted(np.maximum(ours.high - NUDGE, 0.0))[ours.high < 1].all()
    assert not accepted(ours.low - NUDGE)[ours.low > 0].any()
    assert not accepted(ours.high + NUDGE)[ours.high < 1].any()


def test_published_loanapp_approval_ratio_is_reproduced() -> None:
    ours = score_interval_ratio(218, 308, 1527, 1681)
    assert float(ours.estimate) == pytest.approx(0.779, abs=5e-4)
    assert float(ours.low) == pytest.approx(0.720, abs=5e-4)
    assert float(ours.high) == pytest.approx(0.834, abs=5e-4)
    assert float(equality_p_value(218, 308, 1527, 1681).p_value) < 1e-20


def test_group_with_every_success_gets_the_limit_statsmodels_misses() -> None:
    ours = score_interval_ratio(30, 30, 900, 1000)
    assert (float(ours.low), float(ours.high)) == pytest.approx((0.985, 1.137), abs=5e-4)
    corrected = score_interval_ratio(30, 30, 900, 1000, corrected=True)
    assert (float(corrected.low), float(corrected.high)) == pytest.approx((0.985, 1.137), abs=5e-4)
    gap = score_interval_difference(30, 30, 900, 1000)
    assert float(gap.low) < 0 < float(gap.high) <= 1


def test_ratio_without_any_event_has_no_estimate_and_excludes_nothing() -> None:
    ours = score_interval_ratio(0, 5, 0, 7)
    assert np.isnan(ours.estimate)
    assert (float(ours.low), float(ours.high)) == (0.0, np.inf)
    assert Caveat(int(ours.caveat)) is Caveat.UNDEFINED_RATIO


def test_ratio_over_a_group_without_events_is_infinite_above_and_finite_below() -> None:
    ours = score_interval_ratio([3, 5], 5, 0, 7)
    assert np.isposinf(ours.estimate).all()
    assert np.isposinf(ours.high).all()
    assert (np.isfinite(ours.low) & (ours.low > 0)).all()
    assert (ours.caveat == Caveat.UNBOUNDED_RATIO).all()


def test_ratio_of_no_events_to_some_starts_at_zero_and_ends_finite() -> None:
    ours = score_interval_ratio(0, 5, [1, 7], 7)
    assert (ours.estimate == 0).all()
    assert (ours.low == 0).all()
    assert (np.isfinite(ours.high) & (ours.high > 0)).all()


def test_odds_ratio_says_why_it_has_no_estimate_or_no_upper_limit() -> None:
    ours = score_interval_odds_ratio([0, 5, 5, 3, 0, 0], 5, [0, 7, 3, 0, 7, 4], 7)
    reasons = [Caveat(int(code)) for code in ours.caveat]
    undefined, unbounded, fine = Caveat.UNDEFINED_ODDS_RATIO, Caveat.UNBOUNDED_ODDS_RATIO, Caveat.NONE
    assert reasons == [undefined, undefined, unbounded, unbounded, fine, fine]
    np.testing.assert_array_equal(np.isnan(ours.estimate), [True, True, False, False, False, False])
    np.testing.assert_array_equal(ours.low == 0, [True, True, False, False, True, True])
    np.testing.assert_array_equal(np.isposinf(ours.high), [True, True, True, True, False, False])


def test_odds_ratio_limits_agree_with_the_ratio_where_events_are_rare() -> None:
    # at 1e-6 the odds exceed the rate by one part in a million, and so does the ratio of odds
    odds, ratio = (call(30, 10**7, 20, 10**7) for call in (score_interval_odds_ratio, score_interval_ratio))
    np.testing.assert_allclose([odds.low, odds.high], [ratio.low, ratio.high], rtol=1e-5)


def test_two_full_groups_give_the_closed_form_ratio_limits() -> None:
    ours = score_interval_ratio(12, 12, 40, 40)
    np.testing.assert_allclose(ours.low, 12 / (12 + Z * Z), rtol=1e-12)
    np.testing.assert_allclose(ours.high, (40 + Z * Z) / 40, rtol=1e-12)


def test_opposite_extremes_reach_the_end_of_the_difference_scale() -> None:
    ours = score_interval_difference([0, 1], 1, [1, 0], 1)
    assert (float(ours.low[0]), float(ours.high[1])) == (-1.0, 1.0)
    assert -1 < ours.high[0] < 1
    assert -1 < ours.low[1] < 1


def test_rate_limits_touch_zero_and_one_only_at_the_extreme_counts() -> None:
    ours = score_interval_rate([0, 1, 4, 5], 5)
    np.testing.assert_array_equal(ours.low == 0, [True, False, False, False])
    np.testing.assert_array_equal(ours.high == 1, [False, False, False, True])


@pytest.mark.parametrize("interval", [score_interval_ratio, score_interval_difference, score_interval_odds_ratio])
def test_empty_group_gives_nan_with_a_reason_and_spares_its_neighbours(
    interval: Callable[..., Interval],
) -> None:
    ours = interval([0, 3, 0, 3], [0, 9, 0, 9], [2, 0, 0, 4], [5, 0, 0, 8])
    for part in (ours.estimate, ours.low, ours.high):
        np.testing.assert_array_equal(np.isnan(part), [True, True, True, False])
    assert [Caveat(int(code)).reason is None for code in ours.caveat] == [False, False, False, True]


def test_empty_group_has_no_p_value_and_no_method() -> None:
    test = equality_p_value([0, 3], [0, 9], 4, 8)
    np.testing.assert_array_equal(np.isnan(test.p_value), [True, False])
    assert list(test.method) == ["none", "mid-p"]
    assert np.isnan(score_interval_rate(0, 0).low)


def test_score_p_value_is_pearsons_chi_square_without_continuity_correction() -> None:
    reference = import_module("scipy.stats").chi2_contingency
    for x1, n1, x0, n0 in [(218, 308, 1527, 1681), (12, 40, 30, 60), (1, 5, 3, 4), (29, 30, 900, 1000)]:
        expected = reference([[x1, n1 - x1], [x0, n0 - x0]], correction=False)
        ours = score_p_value(x1, n1, x0, n0)
        assert float(ours.statistic) ** 2 == pytest.approx(expected.statistic, rel=1e-12)
        assert np.sign(ours.statistic) == np.sign(x1 / n1 - x0 / n0)
        assert float(ours.p_value) == pytest.approx(expected.pvalue, rel=1e-10)


def test_groups_sharing_one_outcome_carry_no_evidence_of_difference() -> None:
    for test in (score_p_value([0, 5], 5, [0, 9], 9), equality_p_value([0, 5], 5, [0, 9], 9)):
        np.testing.assert_array_equal(test.p_value, 1.0)


@pytest.mark.parametrize(
    ("x", "n", "message"),
    [
        (6, 5, r"x1: found 6, expected no more events than n1 has people"),
        (-1, 5, r"x1: found -1, expected whole numbers"),
        (1.5, 5, r"x1: found 1.5, expected whole numbers"),
        (float("nan"), 5, r"x1: found nan, expected whole numbers"),
        (1, float("inf"), r"n1: found inf, expected whole numbers"),
        ([1, 2, 9], [5, 5, 8], r"x1: found 9, expected no more events"),
    ],
)
def test_impossible_counts_are_refused_with_what_was_found_and_expected(x: object, n: object, message: str) -> None:
    calls: list[Callable[..., object]] = [
        score_interval_ratio,
        score_interval_difference,
        score_interval_odds_ratio,
        score_p_value,
        equality_p_value,
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call(x, n, 1, 5)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0, float("nan")])
def test_level_outside_zero_to_one_is_refused(level: float) -> None:
    for call in (score_interval_ratio, score_interval_difference):
        with pytest.raises(ValueError, match=r"level: found .*, expected a number strictly between 0 and 1"):
            call(1, 5, 1, 5, level)
    with pytest.raises(ValueError, match="level: found"):
        score_interval_rate(1, 5, level)
    with pytest.raises(ValueError, match="level: found"):
        minimum_detectable_difference(0.5, 5, 5, level)


def exact_mid_p(x1: int, n1: int, x0: int, n0: int) -> Fraction:
    """Doubled one-sided mid-p by whole-number arithmetic."""
    events = x1 + x0
    support = range(max(0, events - n0), min(n1, events) + 1)
    ways = {count: comb(n1, count) * comb(n0, events - count) for count in support}
    below = sum(way for count, way in ways.items() if count < x1)
    above = sum(way for count, way in ways.items() if count > x1)
    return Fraction(2 * min(below, above) + ways[x1], sum(ways.values()))


def test_exact_p_value_matches_whole_number_arithmetic_wherever_it_is_used() -> None:
    seen = 0
    for n1, n0 in [(1, 1), (7, 7), (5, 40), (40, 5), (12, 9), (3, 1000)]:
        x1, x0 = (column[:, 0] for column in every_table(n1, n0, None if n0 < 100 else SOME_OF_A_THOUSAND))
        test = equality_p_value(x1, n1, x0, n0)
        for index in np.flatnonzero(test.method == "mid-p"):
            expected = float(exact_mid_p(int(x1[index]), n1, int(x0[index]), n0))
            assert test.p_value[index] == pytest.approx(expected, rel=1e-12)
            seen += 1
    assert seen > 500


@pytest.mark.parametrize("table", [(3, 10**9, 0, 10**9), (1, 4, 3, 10**9), (0, 10**9, 5, 10**9)])
def test_exact_p_value_survives_groups_of_a_thousand_million(table: tuple[int, int, int, int]) -> None:
    test = equality_p_value(*table)
    assert str(test.method) == "mid-p"
    assert float(test.p_value) == pytest.approx(float(exact_mid_p(*table)), rel=1e-9)


def test_method_switches_at_an_expected_count_of_five() -> None:
    test = equality_p_value([5, 5, 4], [50, 49, 50], [5, 5, 5], [50, 51, 50])
    assert list(test.method) == ["score", "mid-p", "mid-p"]
    assert test.p_value[0] == score_p_value(5, 50, 5, 50).p_value


def ratio_statistic_in_decimals(r: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Koopman's statistic with the constrained rate from the quadratic of Miettinen and Nurminen (1985)."""
    with localcontext() as context:
        context.prec = 60
        ratio, a, m, b, k = Decimal(r), Decimal(x1), Decimal(n1), Decimal(x0), Decimal(n0)
        lead, middle = (m + k) * ratio, m * ratio + a + k + b * ratio
        p0 = (middle - (middle * middle - 4 * lead * (a + b)).sqrt()) / (2 * lead)
        p1 = ratio * p0
        return float((a / m - ratio * b / k) ** 2 / (p1 * (1 - p1) / m + ratio * ratio * p0 * (1 - p0) / k))


def odds_ratio_statistic_in_decimals(psi: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Cornfield's statistic with group 1's fitted count found by halving on its odds ratio."""
    with localcontext() as context:
        context.prec = 60
        m, k, events = Decimal(n1), Decimal(n0), Decimal(x1 + x0)
        left, right = max(Decimal(0), events - k), min(m, events)
        for _ in range(220):
            fitted = (left + right) / 2
            below = fitted * (k - events + fitted) < Decimal(psi) * (m - fitted) * (events - fitted)
            left, right = (fitted, right) if below else (left, fitted)
        other = events - fitted
        return float((x1 - fitted) ** 2 * (m / (fitted * (m - fitted)) + k / (other * (k - other))))


def gap_statistic_in_decimals(gap: float, x1: int, n1: int, x0: int, n0: int) -> float:
    """Mee's statistic with the constrained rate found by halving on the slope of the likelihood."""
    with localcontext() as context:
        context.prec = 60
        d, a, m, b, k = Decimal(gap), Decimal(x1), Decimal(n1), Decimal(x0), Decimal(n0)
        left, right = max(Decimal(0), -d), min(Decimal(1), 1 - d)
        for _ in range(180):
            p0 = (left + right) / 2
            p1 = p0 + d
            slope = (a - m * p1) / (p1 * (1 - p1)) + (b - k * p0) / (p0 * (1 - p0))
            left, right = (p0, right) if slope > 0 else (left, p0)
        return float((a / m - b / k - d) ** 2 / (p1 * (1 - p1) / m + p0 * (1 - p0) / k))


@pytest.mark.parametrize(
    "table",
    [
        (500_000_000, 10**9, 499_990_000, 10**9),
        (1, 10**9, 2, 10**9),
        (999_999_999, 10**9, 999_999_990, 10**9),
        (29, 30, 123_456_789, 10**9),
        (1, 2, 999_999_999, 10**9),
        (3, 10**9, 4, 10),
        (5, 10**9, 900, 1000),
    ],
)
def test_limits_at_a_thousand_million_solve_the_score_equation(table: tuple[int, int, int, int]) -> None:
    odds = score_interval_odds_ratio(*table)
    for limit in (odds.low, odds.high):
        assert odds_ratio_statistic_in_decimals(float(limit), *table) == pytest.approx(Z * Z, rel=1e-7)
    ratio, gap = score_interval_ratio(*table), score_interval_difference(*table)
    for limit in (ratio.low, ratio.high):
        assert ratio_statistic_in_decimals(float(limit), *table) == pytest.approx(Z * Z, rel=1e-7)
    for limit in (gap.low, gap.high):
        assert gap_statistic_in_decimals(float(limit), *table) == pytest.approx(Z * Z, rel=1e-7)


def group(largest: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, largest).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=150, deadline=None)
@given(one=group(10**8), zero=group(10**8), level=st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_swapping_the_groups_inverts_the_ratio_and_negates_the_difference(
    one: tuple[int, int], zero: tuple[int, int], level: float
) -> None:
    ratio, back = score_interval_ratio(*one, *zero, level), score_interval_ratio(*zero, *one, level)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose([ratio.low, ratio.high], 1 / np.array([back.high, back.low]), rtol=1e-12)
    odds, undo = score_interval_odds_ratio(*one, *zero, level), score_interval_odds_ratio(*zero, *one, level)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose([odds.low, odds.high], 1 / np.array([undo.high, undo.low]), rtol=1e-12)
    gap = score_interval_difference(*one, *zero, level)
    turned = score_interval_difference(*zero, *one, level)
    np.testing.assert_allclose([gap.low, gap.high], [-turned.high, -turned.low], rtol=0, atol=1e-15)
    assert score_p_value(*one, *zero).p_value == score_p_value(*zero, *one).p_value


@settings(max_examples=150, deadline=None)
@given(one=group(10**8), zero=group(10**8))
def test_limits_are_numbers_in_range_around_the_estimate_and_widen_with_the_level(
    one: tuple[int, int], zero: tuple[int, int]
) -> None:
    for interval, floor, ceiling in (
        (score_interval_ratio, 0.0, np.inf),
        (score_interval_odds_ratio, 0.0, np.inf),
        (score_interval_difference, -1.0, 1.0),
    ):
        narrow, wide = interval(*one, *zero, 0.8), interval(*one, *zero, 0.99)
        path = np.array([floor, wide.low, narrow.low, narrow.high, wide.high, ceiling], dtype=float)
        assert not np.isnan(path).any()
        assert (path[:-1] <= path[1:]).all()
        estimate = float(narrow.estimate)
        assert np.isnan(estimate) or path[2] * (1 - 1e-15) - 1e-15 <= estimate <= path[3] * (1 + 1e-15) + 1e-15
    assert 0 <= float(equality_p_value(*one, *zero).p_value) <= 1 + 1e-15


@pytest.mark.parametrize("x1", [0, 1, 50_000_000, 99_999_999, 100_000_000])
@pytest.mark.parametrize("x0", [0, 1, 50_000_000, 99_999_999, 100_000_000])
def test_groups_of_a_hundred_million_give_no_nan_limits_at_any_edge(x1: int, x0: int) -> None:
    for interval in (score_interval_ratio, score_interval_difference, score_interval_odds_ratio):
        ours = interval(x1, 10**8, x0, 10**8)
        assert not np.isnan([ours.low, ours.high]).any()


def test_hundred_thousand_pairs_take_seconds_not_minutes() -> None:
    rng = np.random.default_rng(20)
    n1, n0 = rng.integers(1, 2000, 100_000), rng.integers(1, 10**9, 100_000)
    x1, x0 = rng.integers(0, n1 + 1), rng.integers(0, n0 + 1)
    start = time.perf_counter()
    score_interval_ratio(x1, n1, x0, n0)
    score_interval_difference(x1, n1, x0, n0)
    equality_p_value(x1, n1, x0, n0)
    # about 1.2 s on two idle cores; the margin is for a loaded machine
    assert time.perf_counter() - start < 10


def test_results_take_the_broadcast_shape_and_inputs_stay_as_they_were() -> None:
    x1, n1 = np.array([[1.0], [2.0]]), np.array([[5.0], [9.0]])
    ours = score_interval_ratio(x1, n1, [1, 2, 3], 10)
    for part in (ours.estimate, ours.low, ours.high, ours.caveat):
        assert part.shape == (2, 3)
    assert score_interval_ratio(1, 5, 2, 5).low.shape == ()
    assert score_interval_difference([], [], [], []).low.shape == (0,)
    assert equality_p_value([], [], [], []).p_value.shape == (0,)
    np.testing.assert_array_equal(x1, [[1.0], [2.0]])
    with pytest.raises(FrozenInstanceError):
        ours.level = 0.5  # type: ignore[misc]


def test_detectable_difference_follows_its_formula() -> None:
    found = minimum_detectable_difference(0.9, 308, 1681)
    expected = (1.959963985 + 0.841621234) * np.sqrt(0.9 * 0.1 * (1 / 308 + 1 / 1681))
    assert float(found.difference) == pytest.approx(expected, rel=1e-9)
    assert int(found.caveat) == Caveat.NONE


def test_detectable_difference_is_missing_or_marked_rather_than_misleading() -> None:
    found = minimum_detectable_difference([0.0, 1.0, 0.5, 0.5], [30, 30, 0, 2], 30)
    assert [Caveat(int(code)) for code in found.caveat] == [
        Caveat.DEGENERATE_RATE,
        Caveat.DEGENERATE_RATE,
        Caveat.EMPTY_GROUP,
        Caveat.UNREACHABLE,
    ]
    np.testing.assert_array_equal(np.isnan(found.difference), [True, True, True, False])


@pytest.mark.parametrize(("p0", "power", "message"), [(1.2, 0.8, "p0: found 1.2"), (0.5, 0.01, "power: found")])
def test_detectable_difference_refuses_impossible_rates_and_powers(p0: float, power: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minimum_detectable_difference(p0, 30, 30, power=power)


def test_importing_the_module_does_not_load_scipy() -> None:
    code = "import sys, audits.statistics.proportions; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("level", [1e-12, 0.5, 0.6828, 0.95])
def test_no_interval_leaves_its_estimate_outside_for_rounding(level: float) -> None:
    tables = [(1, 1, 10**12, 10**12), (2**52, 2**52, 2**52, 2**52), (3, 3, 999_999_999, 10**9), (7, 9, 5, 1000)]
    for interval in (score_interval_ratio, score_interval_difference, score_interval_odds_ratio):
        for table in tables:
            found = interval(*table, level)
            assert np.isnan(found.estimate) or found.low <= found.estimate <= found.high


@pytest.mark.parametrize("wrong", [None, "many", [1, None]])
def test_a_count_that_is_no_number_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(ValueError, match="x1: found"):
        score_interval_ratio(wrong, 10, 3, 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level"):
        score_interval_rate(3, 10, "0.95")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table", [(218, 308, 1527, 1681), (30, 30, 900, 1000), (0, 5, 10, 20), (5, 5, 0, 20), (3, 9, 1, 40)]
)
def test_an_array_of_levels_gives_the_bounds_of_each_level(table):
    from audits.statistics.ratio_interval import ratio_interval

    levels = np.array([0.5, 0.9, 0.95, 0.99, 0.995, 0.9999])
    for interval in (ratio_interval, score_interval_ratio, score_interval_difference, score_interval_odds_ratio):
        together = interval(*table, levels)
        for end in ("low", "high"):
            alone = [getattr(interval(*table, float(level)), end) for level in levels]
            assert np.array_equal(getattr(together, end), alone, equal_nan=True)


def test_effective_counts_may_be_fractions_only_where_asked_for():
    from audits.statistics.counts import effective_counts

    with pytest.raises(ValueError, match="whole numbers"):
        score_interval_difference(30.5, 60.2, 80, 100)
    with effective_counts():
        between = score_interval_difference(30.5, 60.5, 80, 100)
    lower, upper = score_interval_difference(30, 60, 80, 100), score_interval_difference(31, 61, 80, 100)
    assert lower.low < between.low < upper.low
    assert lower.high < between.high < upper.high
    with pytest.raises(ValueError, match="whole numbers"):
        score_interval_difference(30.5, 60.2, 80, 100)

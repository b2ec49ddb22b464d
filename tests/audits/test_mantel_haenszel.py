"""Claims about stratified comparisons: statsmodels where it has the figure, matched pairs and single strata where a
closed form is known, exact enumeration and simulation with a fixed seed for the errors it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audits.statistics.mantel_haenszel import (
    Strata,
    StratifiedCaveat,
    breslow_day_tarone_test,
    cochran_mantel_haenszel_test,
    mantel_haenszel_odds_ratio,
    mantel_haenszel_risk_difference,
    mantel_haenszel_risk_ratio,
)

Counts = tuple[NDArray[np.int64], ...]
FIGURES = [mantel_haenszel_odds_ratio, mantel_haenszel_risk_ratio, mantel_haenszel_risk_difference]
ALL = [*FIGURES, cochran_mantel_haenszel_test, breslow_day_tarone_test]


def some_strata(seed: int, strata: int = 12, largest: int = 60) -> Counts:
    """Strata of uneven sizes and rates."""
    rng = np.random.default_rng(seed)
    n1, n0 = rng.integers(2, largest, strata), rng.integers(2, largest, strata)
    base = rng.uniform(0.1, 0.9, strata)
    return rng.binomial(n1, np.clip(base - 0.08, 0.02, 1)), n1, rng.binomial(n0, base), n0


def reference(x1: object, n1: object, x0: object, n0: object) -> object:
    """The same strata for statsmodels, those without both groups and both outcomes left out as it requires."""
    tables = import_module("statsmodels.stats.contingency_tables")
    cells = np.array([[x1, np.subtract(n1, x1)], [x0, np.subtract(n0, x0)]], dtype=float)
    kept = (cells.sum(axis=0) > 0).all(axis=0) & (cells.sum(axis=1) > 0).all(axis=0)
    return tables.StratifiedTable(cells[:, :, kept])


@pytest.mark.parametrize("seed", range(8))
def test_odds_ratio_its_errors_and_both_tests_agree_with_statsmodels(seed: int) -> None:
    strata = some_strata(seed)
    known = reference(*strata)
    ours = mantel_haenszel_odds_ratio(*strata)
    assert ours.estimate == pytest.approx(known.oddsratio_pooled, rel=1e-12)
    assert ours.standard_error == pytest.approx(known.logodds_pooled_se, rel=1e-12)
    assert (ours.low, ours.high) == pytest.approx(known.oddsratio_pooled_confint(), rel=1e-10)
    for continuity in (False, True):
        test, expected = cochran_mantel_haenszel_test(*strata, continuity=continuity), known.test_null_odds(continuity)
        # statsmodels takes p as 1 minus a distribution function, which leaves about 1e-16 absolute
        assert (test.statistic, test.p_value) == pytest.approx(
            (expected.statistic, expected.pvalue), rel=1e-9, abs=1e-14
        )
    test, expected = breslow_day_tarone_test(*strata), known.test_equal_odds(adjust=True)
    assert (test.statistic, test.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-8, abs=1e-14)


def test_risk_ratio_agrees_with_statsmodels() -> None:
    for seed in range(5):
        strata = some_strata(seed)
        assert mantel_haenszel_risk_ratio(*strata).estimate == pytest.approx(
            reference(*strata).riskratio_pooled, rel=1e-12
        )


def test_one_stratum_gives_the_two_sample_errors_of_textbooks() -> None:
    a, m, c, k = 12, 40, 30, 65
    p, q = a / m, c / k
    odds, ratio, gap = (figure([a], [m], [c], [k]) for figure in FIGURES)
    assert odds.standard_error == pytest.approx(math.sqrt(1 / a + 1 / (m - a) + 1 / c + 1 / (k - c)), rel=1e-12)
    assert ratio.standard_error == pytest.approx(math.sqrt(1 / a - 1 / m + 1 / c - 1 / k), rel=1e-12)
    assert ratio.estimate == pytest.approx(p / q, rel=1e-14)
    assert gap.estimate == pytest.approx(p - q, rel=1e-14)


def test_one_stratum_of_equal_groups_gives_the_unpooled_error_of_a_difference() -> None:
    # Sato's formula reduces to p(1 - p)/n of each group when the groups are of one size
    gap = mantel_haenszel_risk_difference([12], [40], [30], [40])
    assert gap.standard_error == pytest.approx(math.sqrt((0.3 * 0.7 + 0.75 * 0.25) / 40), rel=1e-12)


def test_matched_pairs_reduce_to_the_discordant_pairs() -> None:
    both, first, second, neither = 40, 25, 11, 30
    x1 = np.repeat([1, 1, 0, 0], [both, first, second, neither])
    x0 = np.repeat([1, 0, 1, 0], [both, first, second, neither])
    ones, pairs = np.ones(len(x1)), both + first + second + neither
    odds = mantel_haenszel_odds_ratio(x1, ones, x0, ones)
    assert odds.estimate == pytest.approx(first / second)
    assert odds.standard_error == pytest.approx(math.sqrt(1 / first + 1 / second))
    assert odds.strata == Strata(first + second, both + neither, 2 * (first + second), 2 * (both + neither))
    mcnemar = (first - second) ** 2 / (first + second)
    assert cochran_mantel_haenszel_test(x1, ones, x0, ones).statistic == pytest.approx(mcnemar)
    gap = mantel_haenszel_risk_difference(x1, ones, x0, ones)
    assert gap.estimate == pytest.approx((first - second) / pairs)
    # the usual error of a paired difference, sqrt(b + c - (b - c)^2/n)/n
    assert gap.standard_error == pytest.approx(math.sqrt(first + second - (first - second) ** 2 / pairs) / pairs)
    ratio = mantel_haenszel_risk_ratio(x1, ones, x0, ones)
    assert ratio.estimate == pytest.approx((both + first) / (both + second))
    assert ratio.standard_error == pytest.approx(math.sqrt((first + second) / ((both + first) * (both + second))))


def drawn(
    figure: Callable[..., object], draw: Callable[[np.random.Generator], Counts], runs: int = 1500
) -> tuple[float, float]:
    """Mean squared standard error over the variance of the estimates (in logs for ratios), and coverage of 0 or 1."""
    rng = np.random.default_rng(77)
    found = [figure(*draw(rng)) for _ in range(runs)]
    ratio = figure is not mantel_haenszel_risk_difference
    values = np.array([math.log(one.estimate) if ratio else one.estimate for one in found])
    errors = np.array([one.standard_error for one in found])
    truth = values.mean()
    return float((errors**2).mean() / values.var()), float((np.abs(values - truth) <= 1.96 * errors).mean())


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("sparse", [True, False])
def test_standard_errors_match_the_spread_of_estimates_for_many_small_and_for_few_large_strata(
    figure: Callable[..., object], sparse: bool
) -> None:
    def draw(rng: np.random.Generator) -> Counts:
        strata = 150 if sparse else 3
        n1 = np.tile([1, 2, 3], strata // 3) * (1 if sparse else 90)
        n0 = np.tile([4, 2, 1], strata // 3) * (1 if sparse else 90)
        base = np.tile([0.2, 0.4, 0.6], strata // 3)
        if figure is mantel_haenszel_odds_ratio:
            odds = 0.6 * base / (1 - base)
            p1 = odds / (1 + odds)
        else:
            p1 = base * 0.7 if figure is mantel_haenszel_risk_ratio else base - 0.1
        return rng.binomial(n1, p1), n1, rng.binomial(n0, base), n0

    ratio, coverage = drawn(figure, draw)
    # a variance from 1,500 draws has a relative error of sqrt(2/1500) = .037, coverage one of .0056: three of each
    assert ratio == pytest.approx(1.0, abs=0.11)
    assert coverage == pytest.approx(0.95, abs=0.017)


def test_homogeneity_test_rejects_at_its_level_when_the_odds_ratio_is_common_and_always_when_it_flips() -> None:
    rng = np.random.default_rng(5)
    n1, n0, base = np.full(6, 80), np.full(6, 120), np.linspace(0.2, 0.7, 6)

    def rejects(log_odds: NDArray[np.float64]) -> bool:
        p1 = 1 / (1 + (1 - base) / base * np.exp(-log_odds))
        return breslow_day_tarone_test(rng.binomial(n1, p1), n1, rng.binomial(n0, base), n0).p_value < 0.05

    share = np.mean([rejects(np.full(6, -0.5)) for _ in range(1500)])
    assert share == pytest.approx(0.05, abs=0.017)  # three errors of .0056
    assert all(rejects(np.array([-1.5, 1.5] * 3)) for _ in range(20))


def test_a_confounder_that_hides_a_gap_is_taken_out() -> None:
    # within each stratum the group's rate is 10 points lower; the group is mostly in the easy stratum
    x1, n1, x0, n0 = [160, 20], [200, 50], [45, 120], [50, 200]
    gap = mantel_haenszel_risk_difference(x1, n1, x0, n0)
    assert sum(x1) / sum(n1) > sum(x0) / sum(n0)
    assert gap.high < 0
    assert gap.estimate == pytest.approx((40 * -0.1 + 40 * -0.2) / 80)


def test_strata_that_inform_nothing_change_nothing_and_are_counted() -> None:
    strata = some_strata(3)
    idle = ([0, 9, 4, 0, 0], [7, 9, 9, 0, 0], [0, 5, 0, 3, 0], [11, 5, 0, 8, 0])
    mixed = tuple(np.concatenate([one, two]) for one, two in zip(strata, idle, strict=True))
    people = int(np.sum(strata[1]) + np.sum(strata[3]))
    for figure in (mantel_haenszel_odds_ratio, cochran_mantel_haenszel_test, breslow_day_tarone_test):
        plain, ours = figure(*strata), figure(*mixed)
        assert ours.strata == Strata(12, 5, people, 7 + 11 + 9 + 5 + 9 + 8)
        assert replace(ours, strata=plain.strata) == plain
    # no event in either group still informs a difference (it is 0 there), all events still inform a ratio (it is 1)
    assert mantel_haenszel_risk_difference(*mixed).strata == Strata(14, 3, people + 32, 17)
    assert mantel_haenszel_risk_ratio(*mixed).strata == Strata(13, 4, people + 14, 35)


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("strata", [([], [], [], []), ([0, 3], [0, 5], [1, 0], [4, 0]), ([0], [0], [0], [0])])
def test_nothing_that_informs_gives_nan_with_a_reason(call: Callable[..., object], strata: Counts) -> None:
    ours = call(*strata)
    value = ours.estimate if hasattr(ours, "estimate") else ours.p_value
    assert math.isnan(value)
    assert ours.caveat is StratifiedCaveat.NO_INFORMATIVE_STRATUM
    assert ours.caveat.reason
    assert ours.strata.informative == 0


def test_estimates_at_an_edge_keep_the_point_and_say_why_there_is_no_interval() -> None:
    none, all_ = (
        mantel_haenszel_odds_ratio([0, 0], [5, 9], [2, 3], [7, 8]),
        mantel_haenszel_risk_ratio([2], [5], [0], [8]),
    )
    assert (none.estimate, none.caveat) == (0.0, StratifiedCaveat.ESTIMATE_AT_EDGE)
    assert (all_.estimate, all_.caveat) == (math.inf, StratifiedCaveat.ESTIMATE_AT_EDGE)
    assert math.isnan(none.low)
    assert math.isnan(all_.high)


def test_rates_of_zero_and_one_alone_give_no_interval_of_no_width() -> None:
    gap = mantel_haenszel_risk_difference([5, 4], [5, 4], [0, 0], [6, 7])
    assert (gap.estimate, gap.caveat) == (pytest.approx(1.0), StratifiedCaveat.NO_VARIANCE)
    assert math.isnan(gap.low)
    ratio = mantel_haenszel_risk_ratio([5, 4], [5, 4], [6, 7], [6, 7])
    assert (ratio.estimate, ratio.caveat) == (1.0, StratifiedCaveat.NO_VARIANCE)


def test_homogeneity_needs_two_strata_and_an_odds_ratio_inside_its_range() -> None:
    assert breslow_day_tarone_test([2], [5], [3], [8]).caveat is StratifiedCaveat.ONE_INFORMATIVE_STRATUM
    assert breslow_day_tarone_test([0, 0], [5, 9], [2, 3], [7, 8]).caveat is StratifiedCaveat.ESTIMATE_AT_EDGE


def table(largest: int) -> st.SearchStrategy[tuple[int, int, int, int]]:
    one = st.integers(0, largest).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return st.tuples(one, one).map(lambda pair: (*pair[0], *pair[1]))


@settings(max_examples=80, deadline=None)
@given(tables=st.lists(table(10**6), min_size=1, max_size=6), order=st.randoms())
def test_swapping_groups_inverts_ratios_and_the_order_of_strata_is_of_no_account(
    tables: list[tuple[int, int, int, int]], order: object
) -> None:
    x1, n1, x0, n0 = np.array(tables).T
    shuffled = np.array(order.sample(tables, len(tables))).T
    for figure in FIGURES:
        ours, back, mixed = figure(x1, n1, x0, n0), figure(x0, n0, x1, n1), figure(*shuffled)
        assert ours.caveat == back.caveat == mixed.caveat
        assert ours.strata == back.strata == mixed.strata
        near = pytest.approx(ours.estimate, rel=1e-9, abs=1e-12, nan_ok=True)
        assert mixed.estimate == near
        if ours.caveat is StratifiedCaveat.NONE:
            assert back.standard_error == pytest.approx(ours.standard_error, rel=1e-6)
            turned = -back.estimate if figure is mantel_haenszel_risk_difference else 1 / back.estimate
            assert turned == near
            assert ours.low <= ours.estimate <= ours.high


def test_fitted_counts_solve_the_odds_ratio_at_extreme_margins() -> None:
    module = import_module("audits.statistics.mantel_haenszel")
    n1, n0, events = np.array([5.0, 50, 3, 10**7]), np.array([40.0, 2, 900, 10**7]), np.array([43.0, 30, 800, 5.0])
    for psi in (1e-6, 0.3, 1.0, 1 + 1e-12, 4.0, 1e6):
        a = module._count_at_odds_ratio(psi, n1, n0, events)
        assert ((a > np.maximum(0, events - n0)) & (a < np.minimum(n1, events))).all()
        np.testing.assert_allclose(a * (n0 - events + a) / ((n1 - a) * (events - a)), psi, rtol=1e-5)


def test_strata_as_a_matrix_and_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="strata: found arrays of 2 dimensions, expected one entry for each stratum"):
        mantel_haenszel_odds_ratio([[1]], [[2]], [[1]], [[2]])
    with pytest.raises(ValueError, match="x1: found 3, expected no more events than n1"):
        cochran_mantel_haenszel_test([3], [2], [1], [2])
    with pytest.raises(ValueError, match="level: found 95"):
        mantel_haenszel_risk_difference([1], [2], [1], [2], 95)

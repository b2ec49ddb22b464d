"""Claims about max-T, held against exact quantiles, Dunnett's comparisons and simulated error rates.

Monte Carlo. A probability estimated from B draws has standard error sqrt(p (1 - p) / B). Every band below is
four of them, so a correct implementation fails one such comparison in about 16,000; all seeds are fixed.
"""

from __future__ import annotations

from importlib import import_module
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.statistics.max_t import (
    MaxT,
    Omission,
    critical_value,
    max_t_from_covariance,
    max_t_from_replicates,
    single_step_p,
    step_down_p,
)

DRAWS = 100_000


def band(share: float, draws: float) -> float:
    """Four standard errors of an estimated probability."""
    return 4 * (share * (1 - share) / draws) ** 0.5


def independent_coverage(critical: float, contrasts: int) -> float:
    """Probability that no one of K independent |z| exceeds the value."""
    return float((2 * NormalDist().cdf(critical) - 1) ** contrasts)


@pytest.mark.parametrize(("contrasts", "level"), product([1, 2, 10, 100], [0.8, 0.95, 0.99]))
def test_independent_contrasts_get_the_exact_quantile_of_their_maximum(contrasts: int, level: float) -> None:
    ours = max_t_from_covariance(
        np.zeros(contrasts), np.diag(np.arange(1.0, contrasts + 1)), level=level, replicates=DRAWS
    )
    assert independent_coverage(ours.critical_value, contrasts) == pytest.approx(level, abs=band(level, DRAWS))
    assert ours.compared == contrasts


def test_a_contrast_repeated_many_times_costs_nothing_and_bonferroni_is_the_ceiling() -> None:
    repeated = max_t_from_covariance(np.zeros(50), np.ones((50, 50)), replicates=DRAWS).critical_value
    correlated = max_t_from_covariance(np.zeros(50), 0.5 * np.eye(50) + 0.5, replicates=DRAWS).critical_value
    bonferroni = -NormalDist().inv_cdf(0.025 / 50)
    assert independent_coverage(repeated, 1) == pytest.approx(0.95, abs=band(0.95, DRAWS))
    assert repeated < correlated - 0.5
    assert correlated < bonferroni - 0.05


def test_adjusted_p_and_intervals_agree_with_scipys_dunnett() -> None:
    rng = np.random.default_rng(4)
    control, samples = (
        rng.normal(0, 1, 20),
        [rng.normal(shift, 1, size) for shift, size in ((0.3, 15), (0.8, 25), (1.2, 12))],
    )
    theirs = import_module("scipy.stats").dunnett(*samples, control=control, rng=np.random.default_rng(0))
    groups = [control, *samples]
    degrees = sum(map(len, groups)) - len(groups)
    spread = sum(((group - group.mean()) ** 2).sum() for group in groups) / degrees
    covariance = spread * (1 / len(control) + np.diag([1 / len(sample) for sample in samples]))
    gaps = np.array([sample.mean() - control.mean() for sample in samples])
    ours = max_t_from_covariance(gaps, covariance, degrees_of_freedom=degrees, replicates=400_000)
    np.testing.assert_allclose(ours.statistic, theirs.statistic, rtol=1e-10)
    # scipy integrates the multivariate t to about 1e-3 as well, so its error is added to ours
    for mine, other in zip(ours.single_step_p, theirs.pvalue, strict=True):
        assert mine == pytest.approx(other, abs=band(other, 400_000) + 1e-3)
    interval = theirs.confidence_interval(0.95)
    np.testing.assert_allclose(ours.low, interval.low, atol=0.02)
    np.testing.assert_allclose(ours.high, interval.high, atol=0.02)


def brute_force_step_down(statistic: list[float], draws: list[list[float]]) -> list[float]:
    """Each hypothesis against the maximum over those no larger, one at a time; the largest p so far is kept."""
    order = sorted(range(len(statistic)), key=lambda k: -abs(statistic[k]))
    result, running = [0.0] * len(statistic), 0.0
    for place, k in enumerate(order):
        beyond = sum(max(abs(row[j]) for j in order[place:]) >= abs(statistic[k]) for row in draws)
        running = max(running, (1 + beyond) / (len(draws) + 1))
        result[k] = running
    return result


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 40))
def test_step_down_is_the_brute_force_definition_and_never_above_single_step(
    seed: int, contrasts: int, draws: int
) -> None:
    rng = np.random.default_rng(seed)
    statistic, null = np.round(rng.normal(0, 2, contrasts), 1), np.round(rng.normal(0, 1, (draws, contrasts)), 1)
    ours = step_down_p(statistic, iter([null[: draws // 2], null[draws // 2 :]]))
    np.testing.assert_allclose(ours, brute_force_step_down(statistic.tolist(), null.tolist()), rtol=1e-12)
    assert (ours <= single_step_p(statistic, np.abs(null).max(axis=1)) + 1e-12).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.sampled_from([0.5, 0.9, 0.95]))
def test_a_statistic_exceeds_the_critical_value_exactly_when_its_p_is_at_most_alpha(
    seed: int, draws: int, level: float
) -> None:
    rng = np.random.default_rng(seed)
    maxima = np.round(rng.gamma(4, 1, draws), 1)  # rounded, so that ties occur
    statistic = np.r_[maxima[:20], np.round(rng.normal(4, 3, 30), 1)]
    beyond = np.abs(statistic) > critical_value(maxima, level)
    np.testing.assert_array_equal(beyond, single_step_p(statistic, maxima) <= 1 - level + 1e-12)


@pytest.mark.parametrize(("draws", "place"), [(19, 19), (499, 475), (999, 950), (1000, 951)])
def test_the_critical_value_is_the_stated_order_statistic(draws: int, place: int) -> None:
    maxima = np.random.default_rng(1).permutation(np.arange(1.0, draws + 1))
    assert critical_value(maxima, 0.95) == place


def families(correlation: float, false: int, runs: int = 600) -> list[MaxT]:
    """Repeated studies of 12 equally correlated contrasts, the first `false` of which have a large effect."""
    rng = np.random.default_rng(99)
    effect = np.where(np.arange(12) < false, 4.0, 0.0)
    results = []
    for _ in range(runs):
        shared = rng.normal(0, correlation**0.5, 1)
        estimate = effect + shared + rng.normal(0, (1 - correlation) ** 0.5, 12)
        draws = (
            estimate + rng.normal(0, correlation**0.5, (399, 1)) + rng.normal(0, (1 - correlation) ** 0.5, (399, 12))
        )
        results.append(max_t_from_replicates(estimate, draws))
    return results


@pytest.mark.parametrize(("correlation", "false"), [(0.0, 0), (0.7, 0), (0.3, 4)])
def test_family_wise_error_stays_at_the_level_and_intervals_cover_together(correlation: float, false: int) -> None:
    results = families(correlation, false)
    truth = np.where(np.arange(12) < false, 4.0, 0.0)
    for name in ("single_step_p", "step_down_p"):
        errors = np.mean([(getattr(result, name)[false:] <= 0.05).any() for result in results])
        assert errors <= 0.05 + band(0.05, 600), name
    covered = np.mean([((result.low <= truth) & (truth <= result.high)).all() for result in results])
    assert covered == pytest.approx(0.95, abs=band(0.05, 600))


def test_unadjusted_tests_of_the_same_studies_would_break_the_level() -> None:
    alone = np.mean([(np.abs(result.statistic) > NormalDist().inv_cdf(0.975)).any() for result in families(0.0, 0)])
    assert alone > 0.05 + 5 * band(0.05, 600)


def test_step_down_finds_more_once_the_larger_effects_are_out_of_the_way() -> None:
    results = families(0.3, 8)
    found = {name: np.mean([(getattr(result, name)[:8] <= 0.05).mean() for result in results])
             for name in ("single_step_p", "step_down_p")}  # fmt: skip
    assert found["step_down_p"] > found["single_step_p"] + 0.02


def test_replicates_and_covariance_lead_to_the_same_judgement() -> None:
    rng = np.random.default_rng(8)
    mixing = rng.normal(0, 1, (5, 5))
    estimate = np.array([0.1, 3.0, -6.0, 0.0, 2.0])
    drawn = estimate + rng.standard_normal((DRAWS, 5)) @ mixing.T
    one, other = (
        max_t_from_replicates(estimate, drawn),
        max_t_from_covariance(estimate, mixing @ mixing.T, replicates=DRAWS),
    )
    assert one.critical_value == pytest.approx(
        other.critical_value, abs=0.03
    )  # density of the maximum there is about 0.13
    for mine, theirs in zip(one.single_step_p, other.single_step_p, strict=True):
        assert mine == pytest.approx(theirs, abs=2 * band(max(theirs, 1e-3), DRAWS) + 0.01)  # errors differ by 0.3 %


def test_the_null_value_moves_the_statistic_and_leaves_the_interval() -> None:
    draws = np.random.default_rng(2).normal(1.0, 0.1, (999, 2))
    zero, one = max_t_from_replicates([1.0, 1.0], draws), max_t_from_replicates([1.0, 1.0], draws, null=1.0)
    assert (zero.single_step_p == 0.001).all()
    assert (one.single_step_p == 1.0).all()
    np.testing.assert_array_equal(zero.low, one.low)


def test_contrasts_without_variance_or_value_are_kept_out_with_a_reason_and_change_nothing_for_others() -> None:
    rng = np.random.default_rng(5)
    draws = rng.normal(0, 1, (500, 2))
    spoiled = np.column_stack(
        [draws, np.full(500, 0.1 + 0.2), np.where(np.arange(500) == 3, np.nan, draws[:, 0]), draws[:, 0]]
    )
    alone = max_t_from_replicates([0.5, 4.0], draws)
    ours = max_t_from_replicates([0.5, 4.0, 0.3, 0.5, np.nan], spoiled)
    expected = [Omission.NONE, Omission.NONE, Omission.NO_VARIANCE, Omission.UNDEFINED_DRAWS, Omission.NO_ESTIMATE]
    assert [Omission(int(code)) for code in ours.omission] == expected
    assert [Omission(int(code)).reason is None for code in ours.omission] == [True, True, False, False, False]
    assert (ours.critical_value, ours.compared) == (alone.critical_value, 2)
    for name in ("statistic", "single_step_p", "step_down_p", "low", "high"):
        np.testing.assert_array_equal(getattr(ours, name)[:2], getattr(alone, name))
        assert np.isnan(getattr(ours, name)[2:]).all()


def test_nothing_to_compare_gives_no_critical_value_and_no_error() -> None:
    for ours in (max_t_from_replicates([1.0], np.ones((50, 1))), max_t_from_covariance([1.0, 2.0], np.zeros((2, 2)))):
        assert ours.compared == 0
        assert np.isnan(ours.critical_value)
        assert (ours.omission == Omission.NO_VARIANCE).all()
    assert max_t_from_replicates([], np.ones((5, 0))).compared == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: max_t_from_replicates([1.0], np.ones((3, 2))), r"draws: found shape \(3, 2\)"),
        (lambda: max_t_from_replicates([1.0], [[1.0], [2.0]]), "found 2 replicates, expected at least 19"),
        (lambda: max_t_from_replicates([1.0], [[1.0], [2.0]], level=1.0), "level: found 1"),
        (lambda: max_t_from_replicates([1.0, 2.0], np.ones((9, 2)), null=[1.0, 2.0, 3.0]), "null: found shape"),
        (lambda: max_t_from_covariance([1.0], [[-1.0]]), "covariance: found the variance -1"),
        (lambda: max_t_from_covariance([1.0, 1.0], [[1.0, 2.0], [2.0, 1.0]]), "covariance: found the eigenvalue"),
        (lambda: max_t_from_covariance([1.0, 1.0], [[1.0, 0.5], [0.1, 1.0]]), "not finite and symmetric"),
        (lambda: max_t_from_covariance([1.0], [[1.0, 0.0]]), "covariance: found shape"),
        (lambda: max_t_from_covariance([1.0], [[1.0]], degrees_of_freedom=0), "degrees_of_freedom: found 0"),
        (lambda: critical_value(np.ones((3, 3))), "maxima: found shape"),
    ],
)
def test_input_that_cannot_be_judged_is_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

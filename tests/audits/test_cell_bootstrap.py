"""Claims about resampled counts, held against resampling rows, closed forms and scipy's bootstrap.

Monte Carlo. A mean of B draws has standard error sd / sqrt(B), a variance about variance × sqrt(2 / B), a
probability sqrt(p (1 - p) / B). Bands are five of them where many entries are compared at once, four elsewhere.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audits.statistics.cell_bootstrap import (
    Bootstrap,
    Limitation,
    bootstrap_cells,
    bootstrap_clusters,
    bootstrap_interval,
    resampled_clusters,
    resampled_counts,
)
from audits.statistics.cell_metrics import cell_metrics, cells_of

Floats = NDArray[np.float64]
COUNTS = np.array([30, 0, 12, 5, 40, 13])


def all_draws(**options: object) -> Floats:
    return np.concatenate(list(resampled_counts(COUNTS, 20_000, **options)))  # type: ignore[arg-type]


def rates(counts: Floats) -> Floats:
    """Rates of two groups of two cells each, and their difference; cells (no, yes, no, yes)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = counts[:, 1] / (counts[:, 0] + counts[:, 1]), counts[:, 3] / (counts[:, 2] + counts[:, 3])
    return np.column_stack([first, second, first - second])


def resampled_rows(rows: NDArray[np.int64], replicates: int, cells: int, seed: int) -> Floats:
    """The ordinary bootstrap: draw rows with replacement, then count."""
    rng = np.random.default_rng(seed)
    return np.array([np.bincount(rng.choice(rows, len(rows)), minlength=cells) for _ in range(replicates)], dtype=float)


def assert_same_moments(one: Floats, mean: Floats, covariance: Floats) -> None:
    """Mean and covariance of draws within five standard errors of what they should be."""
    size, spread = len(one), np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(one.mean(axis=0) - mean), 5 * spread / size**0.5 + 1e-9)
    np.testing.assert_array_less(
        np.abs(np.cov(one.T) - covariance), 5 * np.outer(spread, spread) * (2 / size) ** 0.5 + 1e-9
    )


def test_resampled_counts_have_the_moments_of_drawing_people() -> None:
    total = COUNTS.sum()
    exact = np.diag(COUNTS) - np.outer(COUNTS, COUNTS) / total
    assert_same_moments(all_draws(), COUNTS.astype(float), exact)
    assert_same_moments(resampled_rows(np.repeat(np.arange(6), COUNTS), 5000, 6, 1), COUNTS.astype(float), exact)


def test_a_resampled_cell_has_the_distribution_that_resampled_rows_have() -> None:
    rows = resampled_rows(np.repeat(np.arange(6), COUNTS), 5000, 6, 2)
    for cell in (0, 3, 4):
        highest = int(max(rows[:, cell].max(), all_draws()[:, cell].max())) + 1
        one, other = (
            np.bincount(part[:, cell].astype(int), minlength=highest) / len(part) for part in (all_draws(), rows)
        )
        reach = 5 * np.sqrt(np.maximum(one, 1e-4) * (1 / len(rows) + 1 / 20_000))
        assert (np.abs(one - other) <= reach).all()


def test_poisson_counts_are_independent_with_a_free_total() -> None:
    draws = all_draws(scheme="poisson")
    assert_same_moments(draws, COUNTS.astype(float), np.diag(COUNTS).astype(float))
    assert draws.sum(axis=1).std() == pytest.approx(COUNTS.sum() ** 0.5, rel=5 / (2 * 20_000) ** 0.5)


def test_totals_are_kept_overall_and_within_strata() -> None:
    assert (all_draws().sum(axis=1) == COUNTS.sum()).all()
    draws = all_draws(strata=["n", "n", "s", "s", "s", "w"])
    for cells in ([0, 1], [2, 3, 4], [5]):
        assert (draws[:, cells].sum(axis=1) == COUNTS[cells].sum()).all()
    assert draws[:, 3].var() == pytest.approx(5 * (1 - 5 / 57), rel=5 * (2 / 20_000) ** 0.5)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from(["multinomial", "poisson"]), st.booleans())
def test_the_size_of_blocks_does_not_change_the_draws(memory: int, scheme: str, stratified: bool) -> None:
    strata = [0, 1, 0, 1, 0, 1] if stratified else None
    whole, parts = (
        list(resampled_counts(COUNTS, 37, seed=5, scheme=scheme, strata=strata, memory=m))  # type: ignore[arg-type]
        for m in (1 << 26, memory)
    )
    assert len(whole) == 1
    assert max(len(part) for part in parts) <= max(1, memory // 96)
    np.testing.assert_array_equal(whole[0], np.concatenate(parts))


def test_standard_errors_are_the_closed_form_and_those_of_resampled_rows() -> None:
    counts = np.array([700, 300, 160, 40])
    ours = bootstrap_interval(bootstrap_cells(counts, rates, replicates=20_000))
    exact = np.array([0.3 * 0.7 / 1000, 0.2 * 0.8 / 200, 0.3 * 0.7 / 1000 + 0.2 * 0.8 / 200]) ** 0.5
    # sizes of groups vary as well, which adds about 1/n to the variance, at most 0.5 % here
    np.testing.assert_allclose(ours.standard_error, exact, rtol=5 / 40_000**0.5 + 0.005)
    rows = rates(resampled_rows(np.repeat(np.arange(4), counts), 4000, 4, 3)).std(axis=0)
    np.testing.assert_allclose(ours.standard_error, rows, rtol=5 * (1 / 8000 + 1 / 40_000) ** 0.5)


def share_of_ones(sample: Floats, axis: int = -1) -> Floats:
    return np.asarray(np.mean(sample, axis=axis))


def squared_spread(sample: Floats, axis: int = -1) -> Floats:
    return np.asarray(np.var(sample, axis=axis))


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
@pytest.mark.parametrize("statistic", [share_of_ones, squared_spread])
def test_limits_agree_with_scipys_bootstrap_of_rows(method: str, statistic) -> None:  # type: ignore[no-untyped-def]
    values, counts = np.array([0.0, 1.0, 2.0, 7.0]), np.array([50, 60, 25, 6])
    rows = np.repeat(values, counts)

    def on_counts(block: Floats) -> Floats:
        total = block.sum(axis=1, keepdims=True)
        mean = block @ values[:, None] / total
        return mean if statistic is share_of_ones else block @ values[:, None] ** 2 / total - mean**2

    draws = 20_000
    theirs = import_module("scipy.stats").bootstrap(
        (rows,), statistic, n_resamples=draws, method=method, vectorized=True, batch=500, rng=np.random.default_rng(1)
    )
    ours = bootstrap_interval(bootstrap_cells(counts, on_counts, replicates=draws), method=method)  # type: ignore[arg-type]
    # a quantile's error is sqrt(q (1 - q) / B) / density; at the 2.5 % tail of a bell about 2.7 sd / sqrt(B), in the
    # long upper tail of a squared spread up to three times that; the bias correction of BCa doubles it; two sides
    reach = 4 * 2.7 * 2 * 2 * theirs.standard_error / draws**0.5
    assert ours.low[0] == pytest.approx(theirs.confidence_interval.low, abs=reach)
    assert ours.high[0] == pytest.approx(theirs.confidence_interval.high, abs=reach)
    assert ours.estimate[0] == pytest.approx(float(statistic(rows)), rel=1e-12)


def test_bca_moves_limits_of_a_skewed_statistic_the_way_percentiles_do_not() -> None:
    boot = bootstrap_cells(
        [400, 8], lambda counts: counts[:, 1:] / counts.sum(axis=1, keepdims=True), replicates=20_000
    )
    plain, corrected = bootstrap_interval(boot), bootstrap_interval(boot, method="bca")
    assert corrected.low[0] > plain.low[0]
    assert corrected.high[0] > plain.high[0]


@pytest.mark.parametrize("method", ["percentile", "basic", "bca", "normal"])
def test_intervals_cover_a_difference_of_rates_near_their_level(method: str) -> None:
    rng, runs, covered = np.random.default_rng(21), 400, 0
    for run in range(runs):
        counts = rng.multinomial(800, [0.3, 0.2, 0.35, 0.15])
        ours = bootstrap_interval(bootstrap_cells(counts, rates, replicates=399, seed=run), method=method)  # type: ignore[arg-type]
        covered += bool(ours.low[2] <= 0.4 - 0.3 <= ours.high[2])
    # bootstrap limits are right to first order at this size (1/n = 0.00125 in coverage), so the band is chance alone
    assert covered / runs == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / runs) ** 0.5)


def test_resampling_cells_as_if_they_were_people_gives_another_variance() -> None:
    table = pd.DataFrame({"group": list("aabb"), "predicted": [0, 1, 0, 1], "n": [700, 300, 160, 40]})
    wrong = MetricFrame(metrics=selection_rate, y_true=table["predicted"], y_pred=table["predicted"], n_boot=400,
                        sensitive_features=table["group"], sample_params={"sample_weight": table["n"]},
                        ci_quantiles=[0.025, 0.975], random_state=0)  # fmt: skip
    ours = bootstrap_interval(bootstrap_cells(table["n"], rates))
    width = wrong.by_group_ci[1]["a"] - wrong.by_group_ci[0]["a"]
    assert ours.high[0] - ours.low[0] == pytest.approx(2 * 1.96 * (0.21 / 1000) ** 0.5, rel=0.1)
    assert width > 10 * (ours.high[0] - ours.low[0])


def clustered(clusters: int, seed: int) -> Floats:
    """Counts (clusters, 4) of clusters of 1 to 9 people who share their outcome for the most part."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(clusters):
        group, size, rate = rng.integers(2), rng.integers(1, 10), rng.choice([0.1, 0.9])
        hits = rng.binomial(size, rate)
        rows.append(np.eye(4)[2 * group] * (size - hits) + np.eye(4)[2 * group + 1] * hits)
    return np.array(rows)


def test_clusters_are_drawn_whole_and_widen_the_interval_as_the_closed_form_says() -> None:
    table = clustered(400, 6)
    ours = bootstrap_interval(bootstrap_clusters(table, rates, replicates=4000))
    ignoring = bootstrap_interval(bootstrap_cells(table.sum(axis=0), rates, replicates=4000))
    for group in (0, 1):
        size, hits = table[:, 2 * group : 2 * group + 2].sum(axis=1), table[:, 2 * group + 1]
        rate = hits.sum() / size.sum()
        linearised = (((hits - rate * size) ** 2).sum() / size.sum() ** 2) ** 0.5
        # the linearisation is right to order 1/Q = 0.0025; 5 Monte Carlo errors of 1/sqrt(2 B) = 0.011 each
        assert ours.standard_error[group] == pytest.approx(linearised, rel=0.06)
    assert (ours.standard_error > 1.4 * ignoring.standard_error).all()


def test_clusters_of_one_are_the_bootstrap_of_people() -> None:
    people = np.repeat(np.eye(4), [70, 30, 60, 40], axis=0)
    by_cluster = bootstrap_clusters(people, rates, replicates=20_000)
    by_person = bootstrap_cells([70, 30, 60, 40], rates, replicates=20_000)
    one, other = bootstrap_interval(by_cluster, method="bca"), bootstrap_interval(by_person, method="bca")
    np.testing.assert_allclose(one.low, other.low, atol=0.005)  # about 4 Monte Carlo errors of a tail quantile
    np.testing.assert_allclose(one.high, other.high, atol=0.005)
    blocks = list(resampled_clusters(people, 50, memory=16 * 200 * 7))
    assert max(len(block) for block in blocks) == 7
    assert all((block.sum(axis=1) == 200).all() for block in blocks)


def test_metrics_of_all_groups_are_resampled_at_once() -> None:
    cells = cells_of(["a"] * 4 + ["b"] * 4, [0, 0, 1, 1] * 2, [0, 1, 0, 1] * 2, [400, 100, 80, 300, 50, 20, 15, 40])

    def tpr(counts: Floats) -> Floats:
        return cell_metrics(cells, ["true_positive_rate"], counts=counts).by_group[:, 0]

    ours = bootstrap_interval(bootstrap_cells(cells.counts, tpr, replicates=4000))
    np.testing.assert_allclose(ours.estimate, [300 / 380, 40 / 55], rtol=1e-12)
    closed = np.array([300 * 80 / 380**3, 40 * 15 / 55**3]) ** 0.5
    np.testing.assert_allclose(ours.standard_error, closed, rtol=5 / 8000**0.5 + 0.02)  # group sizes vary: order 1/55


def test_a_rate_of_zero_gets_no_interval_instead_of_one_without_width() -> None:
    for method in ("percentile", "basic", "bca", "normal"):
        ours = bootstrap_interval(bootstrap_cells([50, 0, 30, 9], rates), method=method)  # type: ignore[arg-type]
        assert Limitation(int(ours.limitation[0])) is Limitation.NO_VARIATION
        assert np.isnan([ours.low[0], ours.high[0]]).all()
        assert np.isfinite([ours.low[1], ours.high[1]]).all()


def test_statistics_that_are_undefined_at_times_or_throughout_say_so() -> None:
    ours = bootstrap_interval(bootstrap_cells([50, 20, 2, 2], rates))
    assert [Limitation(int(code)) for code in ours.limitation] == [
        0,
        Limitation.SOME_UNDEFINED,
        Limitation.SOME_UNDEFINED,
    ]
    assert ours.undefined[1] == pytest.approx((1 - 4 / 74) ** 74, abs=4 * (0.0165 / 2000) ** 0.5)
    empty = bootstrap_interval(bootstrap_cells([50, 20, 0, 0], rates))
    assert [Limitation(int(code)) for code in empty.limitation] == [0, Limitation.NO_ESTIMATE, Limitation.NO_ESTIMATE]
    assert np.isnan(empty.low[1:]).all()
    assert all((Limitation(code).reason is None) == (code == 0) for code in range(6))


def made(draws: Floats, estimate: float) -> Bootstrap:
    ones = np.ones(3)
    return Bootstrap(
        np.array([estimate]), draws[:, None], np.array([[1.0], [2.0], [3.0]]), ones, np.zeros(3, dtype=np.int64)
    )


def test_quantiles_are_the_stated_order_statistics_and_none_is_invented_beyond_the_draws() -> None:
    draws = np.random.default_rng(0).permutation(np.arange(1.0, 40))  # 39 draws: 2.5 % is the first, 97.5 % the last
    ours = bootstrap_interval(made(draws, 20.0))
    assert (ours.low[0], ours.high[0]) == pytest.approx((1.0, 39.0), abs=1e-9)
    few = bootstrap_interval(made(draws[:38], 20.0))
    assert Limitation(int(few.limitation[0])) is Limitation.TOO_FEW_REPLICATES
    assert np.isnan(few.low[0])


def test_bias_correction_is_refused_when_all_replicates_lie_on_one_side() -> None:
    ours = bootstrap_interval(made(np.linspace(1, 2, 999), 0.5), method="bca")
    assert Limitation(int(ours.limitation[0])) is Limitation.ONE_SIDED
    assert np.isnan(ours.low[0])


def test_a_million_million_people_are_resampled_as_fast_as_a_hundred() -> None:
    counts = np.array([6e11, 3e11, 1e11, 7.0])
    draws = np.concatenate(list(resampled_counts(counts, 2000)))
    assert (draws.sum(axis=1) == counts.sum()).all()
    spread = (counts * (1 - counts / counts.sum())) ** 0.5
    np.testing.assert_allclose(draws.std(axis=0), spread, rtol=5 / 4000**0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: list(resampled_counts([1.5, 2], 5)), "counts: found 1.5, expected whole numbers"),
        (lambda: list(resampled_counts([0, 0], 5)), "counts: found no people"),
        (lambda: list(resampled_counts([[1, 2]], 5)), "counts: found shape"),
        (lambda: list(resampled_counts([1, 2], 0)), "replicates: found 0"),
        (lambda: list(resampled_counts([1, 2], 5, strata=[1])), "strata: found shape"),
        (lambda: list(resampled_counts([1, 2], 5, scheme="jackknife")), "scheme: found 'jackknife'"),
        (lambda: bootstrap_cells([1, 2], lambda counts: counts.sum(axis=0)), "statistic: found values of shape"),
        (lambda: bootstrap_clusters([[1, 2]], rates), "expected at least two clusters"),
        (lambda: bootstrap_clusters([[1, 2], [-1, 0]], rates), "found a count below 0"),
        (lambda: bootstrap_interval(made(np.arange(99.0), 5.0), level=95), "level: found 95"),
        (lambda: bootstrap_interval(made(np.arange(99.0), 5.0), method="student"), "method: found 'student'"),
    ],
)
def test_what_cannot_be_resampled_is_refused(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()

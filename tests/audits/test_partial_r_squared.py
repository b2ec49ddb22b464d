"""Partial R² from moments against statsmodels on rows; coverage of its interval and size of its test by simulation.

Simulated with fixed seeds: of 2,000 draws at a coverage of .95, one below .93 has a chance of about 1 in 30,000.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from audits.statistics.partial_r_squared import LinearMoments, PartialRSquared, partial_r_squared

IN_CLUSTER = 10


def rows(rng, draws, n, share, kind, q):
    """z (draws, n, 2 + q) with the constant and one column that is held equal, and y; errors of ``kind``."""
    held = rng.normal(size=(draws, n))
    traits, error = rng.normal(size=(draws, n, q)), rng.normal(size=(draws, n))
    if kind in ("clustered", "constant in clusters"):
        part = 1.0 if kind == "constant in clusters" else 0.5
        common = rng.normal(size=(draws, n // IN_CLUSTER, 1 + q)).repeat(IN_CLUSTER, axis=1)
        traits = np.sqrt(part) * common[..., 1:] + np.sqrt(1 - part) * traits
        error = np.sqrt(0.3) * common[..., 0] + np.sqrt(0.7) * error
    if kind == "unequal":
        spread = 0.4 + 1.2 * np.abs(traits[..., 0])
        error = error * spread / np.sqrt(0.16 + 0.96 * np.sqrt(2 / np.pi) + 1.44)
    y = 0.5 * held + np.sqrt(share / (1 - share)) * traits.sum(axis=-1) / np.sqrt(q) + error
    z = np.concatenate([np.ones((draws, n, 1)), held[..., None], traits + 0.3 * held[..., None]], axis=-1)
    return z, y


def moments_of(z, y, clusters=0):
    gram, right = z.swapaxes(-1, -2) @ z, (z * y[..., None]).sum(axis=-2)
    residual = y - (z @ np.linalg.solve(gram, right[..., None]))[..., 0]
    scores = z * residual[..., None]
    if clusters:
        scores = scores.reshape(*scores.shape[:-2], clusters, -1, scores.shape[-1]).sum(axis=-2)
    meat = scores.swapaxes(-1, -2) @ scores
    return LinearMoments(gram, right, (y**2).sum(axis=-1), meat, z.shape[-2], clusters)


def simulated(seed, draws, n, share, kind, q, clusters=None) -> list[PartialRSquared]:
    rng, found = np.random.default_rng(seed), []
    step = max(1, 400_000 // n)
    groups = (n // IN_CLUSTER if "cluster" in kind else 0) if clusters is None else clusters
    for start in range(0, draws, step):
        z, y = rows(rng, min(step, draws - start), n, share, kind, q)
        found.append(partial_r_squared(moments_of(z, y, groups), range(2, 2 + q), range(2)))
    return found


def covered(found, share, level=0.95):
    return float(np.concatenate([one.accepts(share, level) for one in found]).mean())


def rejected(found):
    return float(np.concatenate([one.p_value < 0.05 for one in found]).mean())


def one_sample(kind="unequal", q=3, n=600, seed=1):
    z, y = rows(np.random.default_rng(seed), 1, n, 0.05, kind, q)
    return z[0], y[0]


@pytest.mark.parametrize("clusters", [0, 60])
def test_residual_sums_and_robust_wald_are_those_of_statsmodels_on_rows(clusters):
    z, y = one_sample("clustered" if clusters else "unequal")
    found = partial_r_squared(moments_of(z, y, clusters), [2, 3, 4], [0, 1])
    full, reduced = sm.OLS(y, z), sm.OLS(y, z[:, :2])
    kind = {"cov_type": "HC1"}
    if clusters:
        kind = {"cov_type": "cluster", "cov_kwds": {"groups": np.arange(len(y)) // IN_CLUSTER}}
    fit = full.fit(**kind)
    wald = fit.wald_test(np.eye(5)[2:], use_f=False, scalar=True)
    rss = [full.fit().ssr, reduced.fit().ssr]
    assert found.residual == pytest.approx(rss[0], rel=1e-9)
    assert found.residual_reduced == pytest.approx(rss[1], rel=1e-9)
    assert found.unadjusted == pytest.approx(1 - rss[0] / rss[1], rel=1e-9)
    assert found.wald == pytest.approx(wald.statistic, rel=1e-8)
    assert (found.size, found.columns) == (len(y) - 2, 3)


def test_with_the_classical_meat_the_share_is_the_adjusted_one_and_the_test_the_f_test():
    z, y = one_sample()
    full, reduced = sm.OLS(y, z).fit(), sm.OLS(y, z[:, :2]).fit()
    n, gram = len(y), z.T @ z
    # the meat of equal variances, less what is added for columns whose errors are estimated
    meat = full.mse_resid * gram * (n - 5) / n * (n - 2) / n
    found = partial_r_squared(LinearMoments(gram, z.T @ y, (y**2).sum(), meat, n), [2, 3, 4], [0, 1])
    assert found.trace == pytest.approx(3, rel=1e-9)
    assert found.direction == pytest.approx(1, rel=1e-9)
    assert found.share == pytest.approx(1 - full.mse_resid / reduced.mse_resid, rel=1e-8)
    assert found.p_value == pytest.approx(full.compare_f_test(reduced)[1], rel=1e-7)


def test_one_column_is_tested_by_its_robust_t():
    z, y = one_sample(q=1)
    found, n = partial_r_squared(moments_of(z, y), [2], [0, 1]), len(y)
    t = sm.OLS(y, z).fit(cov_type="HC1").tvalues[2]
    assert found.wald == pytest.approx(t**2, rel=1e-9)
    assert found.statistic == pytest.approx(t**2 * (n - 2) / n, rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t) * np.sqrt((n - 2) / n), (n - 3) / 3), rel=1e-7)


@pytest.mark.parametrize("q", [1, 4])
@pytest.mark.parametrize("kind", ["alike", "unequal", "clustered", "constant in clusters"])
def test_intervals_cover_shares_and_no_share_is_seldom_rejected(kind, q):
    for i, share in enumerate((0.0, 0.01, 0.1, 0.4)):
        found = []
        for n, draws in ((300, 2000), (1000, 800), (5000, 200)):
            own = simulated([n, q, i], draws, n, share, kind, q)
            assert covered(own, share) >= 0.93 - 1.5 * np.sqrt(0.05 * 0.95 / draws) * (draws < 2000), (n, share)
            found += own
        assert covered(found, share) >= 0.93, share
        assert kind != "alike" or covered(found, share) <= 0.97, share
        assert share or 0.02 <= rejected(found) <= 0.06


def test_errors_that_take_clustered_rows_as_independent_would_not_do():
    found = simulated(1, 1000, 1000, 0.0, "constant in clusters", 1, clusters=0)
    assert rejected(found) > 0.2
    assert covered(found, 0.0) < 0.8


def test_the_estimate_has_no_bias_to_speak_of_where_the_plain_share_has():
    found = simulated(2, 1000, 300, 0.1, "clustered", 4)
    plain = np.concatenate([one.unadjusted for one in found]).mean()
    adjusted = np.concatenate([one.share for one in found]).mean()
    assert adjusted == pytest.approx(0.1, abs=0.006)
    assert plain > 0.115


def test_the_detectable_share_is_found_four_times_in_five():
    found = simulated(3, 200, 1000, 0.0, "alike", 4)
    share = float(np.concatenate([one.detectable() for one in found]).mean())
    assert rejected(simulated(4, 2000, 1000, share, "alike", 4)) == pytest.approx(0.8, abs=0.035)


@pytest.mark.parametrize("share", [0.0, 0.002, 0.03, 0.4])
@pytest.mark.parametrize("kind", ["unequal", "clustered"])
def test_ends_are_where_shares_begin_to_be_rejected_and_zero_only_where_the_test_does_not_reject(kind, share):
    level = np.array([[0.5], [0.8], [0.95], [0.999], [0.999999]])
    found = simulated(5, 40, 400, share, kind, 4)[0]
    low, high = found.interval(level)
    assert low.shape == (5, 40)
    assert (np.diff(low, axis=0) <= 1e-12).all()
    assert (np.diff(high, axis=0) >= -1e-12).all()
    assert ((low == 0) == (found.p_value >= 1 - level)).all()
    assert (high > 0).all()
    assert (high <= 1).all()
    assert (low[1:] <= found.share + 1e-12).all()
    assert (high[1:] >= found.share - 1e-12).all()
    inner, outer = high * (1 - 1e-6), np.minimum(high * (1 + 1e-6), 1 - 1e-9)
    assert found.accepts(inner, level).all()
    assert not found.accepts(outer, level)[high < 0.99].any()
    some = low > 1e-9
    assert found.accepts(low * (1 + 1e-6), level)[some].all()
    assert not found.accepts(low * (1 - 1e-6), level)[some].any()


def test_very_many_rows_give_an_interval_too():
    z, y = one_sample("alike", 2, 500)
    one = moments_of(z, y)
    many = LinearMoments(
        *(np.asarray(part) * 1e6 for part in (one.gram, one.right, one.squares, one.meat)), 500_000_000
    )
    found = partial_r_squared(many, [2, 3], [0, 1])
    low, high = found.interval(0.95)
    assert 0 < low < found.share < high
    spread = 4 * found.share * (1 - found.share) ** 2 / many.n
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(spread), rel=0.15)


def test_what_cannot_be_told_is_told():
    z, y = one_sample(q=1, n=40)
    sums = moments_of(z, y)
    with pytest.raises(ValueError, match="columns"):
        partial_r_squared(sums, [], [0, 1])
    with pytest.raises(ValueError, match="each once"):
        partial_r_squared(sums, [1], [0, 1])
    with pytest.raises(ValueError, match="level"):
        partial_r_squared(sums, [2], [0, 1]).interval(1.0)
    few = partial_r_squared(moments_of(z[:4], y[:4]), [1, 2], [0])
    assert np.isfinite(few.p_value)
    for lacking in (
        LinearMoments(sums.gram, sums.right, sums.squares, sums.meat, 3),
        LinearMoments(sums.gram, sums.right, sums.squares, sums.meat, 40, 2),
        LinearMoments(sums.gram, sums.right, sums.squares, np.zeros((3, 3)), 40),
    ):
        found = partial_r_squared(lacking, [2], [0, 1])
        assert np.isnan(found.p_value)
        assert np.isnan(found.interval(0.95)).all()
        assert np.isnan(found.detectable())

"""Differences between arms against least squares and the influence function on rows; tests of balance against scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2_contingency, norm, ttest_ind

from audits.statistics.arm_difference import arm_difference, cluster_factor, confounding_to_overturn
from audits.statistics.balance import levels_by_arm, levels_by_clusters, merged, share_as_planned
from audits.statistics.omitted_variable import robustness


def rows(seed=1, n=900, strata=4):
    rng = np.random.default_rng(seed)
    s = rng.integers(0, strata, n)
    z = rng.random(n) < 0.15 + 0.15 * s
    y = rng.gamma(1.5, 100 + 40 * s, n) * (rng.random(n) < 0.5) + z * (20 + 30 * s)
    return pd.DataFrame({"s": s, "z": z.astype(int), "y": y, "g": rng.integers(0, 120, n)})


def sums(data):
    n, total, squares = (
        data.assign(one=1.0, square=data["y"] ** 2).pivot_table(
            index="s", columns="z", values=value, aggfunc="sum", fill_value=0.0
        ).reindex(columns=[0, 1], fill_value=0.0).to_numpy()
        for value in ("one", "y", "square")
    )  # fmt: skip
    return n, total, squares


def lin(data, **fit):
    """The regression on arm, centred indicators of strata and their products (Lin 2013)."""
    levels = pd.get_dummies(data["s"], drop_first=True).astype(float)
    centred = levels - levels.mean()
    design = np.column_stack([np.ones(len(data)), data["z"], centred, centred.mul(data["z"], axis=0)])
    return sm.OLS(data["y"].to_numpy(), design).fit(**fit)


@pytest.mark.parametrize("strata", [1, 4])
def test_estimate_and_error_are_those_of_lins_regression(strata):
    data = rows(strata=strata)
    found = arm_difference(*sums(data))
    oracle = lin(data, cov_type="HC2")
    assert found.estimate == pytest.approx(oracle.params[1], rel=1e-10)
    assert found.variance**0.5 == pytest.approx(oracle.bse[1], rel=1e-10)
    assert (found.n, found.parameters) == (len(data), 2 * strata)
    assert found.scale == pytest.approx(oracle.mse_resid, rel=1e-10)


def test_without_strata_it_is_welchs_t():
    data = rows(strata=1)
    found = arm_difference(*sums(data))
    oracle = ttest_ind(data["y"][data["z"] == 1], data["y"][data["z"] == 0], equal_var=False)
    assert found.estimate / found.variance**0.5 == pytest.approx(oracle.statistic, rel=1e-10)
    assert found.freedom == pytest.approx(oracle.df, rel=1e-10)


def test_scores_of_clusters_give_the_regressions_clustered_error():
    data = rows()
    found = arm_difference(*sums(data))
    at = data["s"], data["z"]
    score = found.levels[at] + found.slopes[at] * (data["y"] - found.means[at])
    meat = float((score.groupby(data["g"]).sum() ** 2).sum())
    factor = cluster_factor(data["g"].nunique(), found.n, found.parameters)
    oracle = lin(data, cov_type="cluster", cov_kwds={"groups": data["g"]})
    assert (factor * meat) ** 0.5 == pytest.approx(oracle.bse[1], rel=1e-10)


def test_observed_arms_are_the_doubly_robust_estimate_on_rows():
    data = rows()
    found = arm_difference(*sums(data), population=True)
    share = data.groupby("s")["z"].transform("mean")
    one = data[data["z"] == 1].groupby("s")["y"].mean().reindex(data["s"]).to_numpy()
    zero = data[data["z"] == 0].groupby("s")["y"].mean().reindex(data["s"]).to_numpy()
    z, y = data["z"], data["y"]
    psi = one - zero + z / share * (y - one) - (1 - z) / (1 - share) * (y - zero)
    assert found.estimate == pytest.approx(psi.mean(), rel=1e-10)
    n = data.groupby(["s", "z"])["y"].transform("size")
    own = (z / share * (y - one) - (1 - z) / (1 - share) * (y - zero)) ** 2 * n / (n - 1)
    inflated = (one - zero - psi.mean()) ** 2 + own
    assert found.variance == pytest.approx(inflated.sum() / len(data) ** 2, rel=1e-10)
    assert found.variance == pytest.approx(((psi - psi.mean()) ** 2).sum() / len(data) ** 2, rel=0.05)
    at = data["s"], data["z"]
    score = found.levels[at] + found.slopes[at] * (y - found.means[at])
    np.testing.assert_allclose(score, (psi - psi.mean()) / len(data), rtol=1e-9, atol=1e-12)
    assert found.representer == pytest.approx((z / share - (1 - z) / (1 - share)).pow(2).mean(), rel=1e-10)


def test_strata_without_an_arm_are_not_used():
    data = rows()
    data.loc[data["s"] == 0, "z"] = 1
    found = arm_difference(*sums(data))
    assert found.used.tolist() == [False, True, True, True]
    inside = arm_difference(*sums(data[data["s"] > 0]))
    figures = [(one.estimate, one.variance, one.freedom) for one in (found, inside)]
    assert figures[0] == pytest.approx(figures[1], rel=1e-12)
    nothing = arm_difference(*sums(data[data["s"] == 0]))
    assert np.isnan(nothing.estimate)
    assert (nothing.n, nothing.weights.tolist()) == (0, [0.0])


def test_equal_amounts_have_no_spread_though_squares_are_rounded():
    n = np.array([[3.0, 3.0]])
    found = arm_difference(n, 0.1 * n, 0.1**2 * n * (1 + 1e-15))
    assert (found.variance, found.estimate) == (0.0, 0.0)
    assert np.isnan(found.freedom)


def test_strength_to_overturn_is_the_robustness_value_of_a_regression_with_one_effect():
    rng = np.random.default_rng(5)
    z = np.tile([0, 1], 400)
    y = rng.normal(0, 1, 800) + 0.3 * z
    data = pd.DataFrame({"s": 0, "z": z, "y": y})
    found = arm_difference(*sums(data), population=True)
    fit = sm.OLS(y, sm.add_constant(z)).fit()
    told = confounding_to_overturn(found.estimate, (found.scale * found.representer) ** 0.5)
    plain = robustness([fit.params[1]], fit.bse[1], fit.df_resid)
    assert told == pytest.approx(plain.robustness_value[0], rel=2e-3)  # E 1/(e(1 − e)) over n against n − 2 rows
    strength = told
    moved = (found.scale * found.representer) ** 0.5 * strength / (1 - strength) ** 0.5
    assert moved == pytest.approx(abs(found.estimate), rel=1e-12)
    assert (confounding_to_overturn(0.0, 1.0), confounding_to_overturn(1.0, 0.0)) == (0.0, 1.0)


def test_balance_of_levels_is_pearsons_and_of_shares_the_normal():
    counts = np.array([[30, 70], [50, 60], [20, 95]])
    oracle = chi2_contingency(counts, correction=False)
    found = levels_by_arm(counts)
    assert (found.statistic, found.p_value) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-10)
    assert np.isnan(levels_by_arm([[5, 0], [7, 0]]).p_value)
    z = (230 - 200) / (1000 * 0.2 * 0.8) ** 0.5
    assert share_as_planned(230, 1000, 0.2).p_value == pytest.approx(2 * norm.sf(z), rel=1e-10)
    assert np.isnan(share_as_planned(0, 0, 0.2).p_value)


def test_balance_by_clusters_is_the_score_test_and_holds_its_level_where_pearsons_does_not():
    rng = np.random.default_rng(8)
    wrong = {"rows": 0, "clusters": 0}
    draws = 400
    for _ in range(draws):
        level, arm = rng.integers(0, 3, 60), rng.random(60) < 0.5
        who = np.repeat(np.arange(60), 12)
        part = np.eye(3)[level[who]]
        z = arm[who] - arm[who].mean()
        counts = np.stack([part.T @ (arm[who] == 0), part.T @ (arm[who] == 1)], axis=1)
        scores = np.array([((part - part.mean(axis=0)) * z[:, None])[who == g].sum(axis=0) for g in range(60)])
        variance = scores[:, :2].T @ scores[:, :2] * 60 / 59
        departures = (part * z[:, None]).sum(axis=0)[:2]
        found = levels_by_clusters(departures, variance, 60)
        wrong["rows"] += levels_by_arm(counts).p_value < 0.05
        wrong["clusters"] += found.p_value < 0.05
    assert found.statistic == pytest.approx(departures @ np.linalg.solve(variance, departures), rel=1e-8)
    assert wrong["rows"] > 0.5 * draws
    assert wrong["clusters"] < 0.1 * draws


def test_small_levels_are_taken_together():
    sizes = np.array([50, 3, 40, 2, 30])
    assert merged(sizes, sizes * 0.2, 12) == [[0], [2], [4], [1, 3]]
    assert merged(sizes, sizes * 0.2, 3) == [[0], [2], [4, 1, 3]]

"""Hazard ratios from cells against statsmodels' complementary log-log regression on person-periods."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from audits.statistics.discrete_hazard import hazard_ratio


def periods(seed=1, rows=4000, strata=6, clusters=300):
    rng = np.random.default_rng(seed)
    stratum, group, cluster = (rng.integers(0, n, rows) for n in (strata, 3, clusters))
    lasting = rng.normal(0, 0.3, clusters)[cluster]
    rate = np.exp(-1 + 0.2 * stratum + np.array([0, 0.3, -0.2])[group] + lasting)
    return stratum, group, cluster, (rng.random(rows) < -np.expm1(-rate)).astype(float)


def cells(stratum, group, outcome):
    held = {}
    for s, g, y in zip(stratum, group, outcome, strict=True):
        one = held.setdefault((int(s), int(g)), [0, 0])
        one[0] += 1
        one[1] += y
    keys = sorted(held)
    design = [[float(g == 1), float(g == 2)] for _, g in keys]
    return keys, design, [s for s, _ in keys], [held[key][0] for key in keys], [held[key][1] for key in keys]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_coefficients_and_clustered_errors_are_those_of_the_regression_on_rows(seed):
    stratum, group, cluster, y = periods(seed)
    z = np.column_stack([group == 1, group == 2, *(stratum == k for k in range(6))]).astype(float)
    model = sm.GLM(y, z, family=sm.families.Binomial(sm.families.links.CLogLog())).fit(tol=1e-14, maxiter=200)
    keys, design, strata, n, d = cells(stratum, group, y)
    fit = hazard_ratio(design, strata, n, d)
    assert fit.coefficients == pytest.approx(model.params[:2], abs=1e-9)
    assert (fit.periods, fit.events, fit.strata) == (len(y), y.sum(), 6)
    place = [keys.index(key) for key in zip(stratum.tolist(), group.tolist(), strict=True)]
    own = np.where(y[:, None] == 1, fit.influences(1.0)[place], fit.influences(0.0)[place])
    sums = np.zeros((300, 2))
    np.add.at(sums, cluster, own)
    mean = model.fittedvalues
    rate = -np.log1p(-mean)
    scores = ((y - mean) * rate / mean)[:, None] * z
    bread = np.linalg.inv((z * (rate**2 * (1 - mean) / mean)[:, None]).T @ z)
    totals = np.zeros((300, 8))
    np.add.at(totals, cluster, scores)
    by_hand = bread @ totals.T @ totals @ bread
    assert (sums**2).sum(axis=0) == pytest.approx(np.diag(by_hand)[:2], rel=1e-8)
    theirs = sm.GLM(y, z, family=sm.families.Binomial(sm.families.links.CLogLog())).fit(
        tol=1e-14, maxiter=200, cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )  # its bread is the observed information, ours the expected one
    assert np.sqrt((sums**2).sum(axis=0)) == pytest.approx(theirs.bse[:2], rel=0.01)


def test_strata_where_all_or_none_end_say_nothing():
    stratum, group, _, y = periods()
    _, design, strata, n, d = cells(stratum, group, y)
    fit = hazard_ratio(design, strata, n, d)
    more = hazard_ratio([*design, [1, 0], [0, 0], [1, 0], [0, 0]], [*strata, 90, 90, 91, 91],
                        [*n, 30, 40, 5, 6], [*d, 30, 40, 0, 0])  # fmt: skip
    assert more.coefficients == pytest.approx(fit.coefficients, abs=1e-12)
    assert not more.used[-4:].any()
    assert not more.influences(1.0)[-4:].any()


@pytest.mark.parametrize("events", [[0, 20], [40, 20]])
def test_a_group_of_which_none_or_all_return_has_no_finite_ratio(events):
    fit = hazard_ratio([[1.0], [0.0]], [0, 0], [40, 50], events)
    assert np.isnan(fit.coefficients).all()
    assert not fit.influences(1.0).any()


def test_a_group_alone_in_its_strata_has_none_and_wrong_sums_are_refused():
    assert np.isnan(hazard_ratio([[1.0], [0.0]], [0, 1], [40, 50], [10, 20]).coefficients).all()
    with pytest.raises(ValueError, match="expected none to all"):
        hazard_ratio([[1.0], [0.0]], [0, 0], [40, 50], [41, 20])

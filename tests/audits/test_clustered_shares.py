"""Shares of reasons that come in clusters, and gaps of them: regressions on things, coverage by drawing."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import binom

from audits.statistics.clustered_shares import ClusteredShare, share_gap


def drawn(rng, people: int, share: float, together: float, most: int = 4):
    """(m, g) of people with 1 to ``most`` things; with chance ``together`` all of a person's things are alike."""
    g = rng.integers(1, most + 1, people)
    alike = rng.random(people) < together
    m = np.where(alike, g * (rng.random(people) < share), rng.binomial(g, share))
    return m, g


def made(m, g) -> ClusteredShare:
    return ClusteredShare(int(m.sum()), int(g.sum()), int((g > 0).sum()), (int(m @ m), int(m @ g), int(g @ g)))


def things(m, g):
    """Each thing with its value and its person."""
    return np.concatenate([np.r_[np.ones(a), np.zeros(b - a)] for a, b in zip(m, g, strict=True)]), np.repeat(
        np.arange(len(g)), g
    )


def test_the_error_of_a_share_is_that_of_a_regression_on_things_by_cluster():
    m, g = drawn(np.random.default_rng(2), 60, 0.7, 0.5)
    y, owner = things(m, g)
    fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": owner})
    share = made(m, g)
    assert share.estimate == pytest.approx(fit.params[0], abs=1e-12)
    assert share.variance == pytest.approx(float(fit.cov_params()[0, 0]), rel=1e-10)


def test_the_error_of_a_gap_counts_what_people_on_both_sides_have_in_common():
    rng = np.random.default_rng(3)
    people = 80
    luck = rng.random(people)
    g0, g1 = rng.integers(0, 4, people), rng.integers(0, 4, people)
    m0, m1 = (np.where(luck < 0.5, g, rng.binomial(g, 0.4)) for g in (g0, g1))
    y0, owner0 = things(m0, g0)
    y1, owner1 = things(m1, g1)
    y, side, owner = np.r_[y0, y1], np.r_[np.ones(len(y0)), np.zeros(len(y1))], np.r_[owner0, owner1]
    fit = sm.OLS(y, sm.add_constant(side)).fit(
        cov_type="cluster", cov_kwds={"groups": owner, "use_correction": False}
    )  # fmt: skip
    gap = share_gap(made(m0, g0), made(m1, g1), (int(m0 @ m1), int(m0 @ g1), int(g0 @ m1), int(g0 @ g1)))
    assert gap.estimate == pytest.approx(fit.params[1], abs=1e-12)
    plain = sum(one.variance * (one.clusters - 1) / one.clusters for one in (gap.first, gap.second))
    assert gap.covariance > 0
    assert plain - 2 * gap.covariance == pytest.approx(float(fit.cov_params()[1, 1]), rel=1e-9)
    apart = share_gap(gap.first, gap.second)
    one, two = gap.interval()(0.95), apart.interval()(0.95)
    assert one[1] - one[0] < two[1] - two[0]


@pytest.mark.parametrize(("share", "people"), [(0.9, 120), (0.6, 40)])
def test_intervals_cover_the_share_and_the_gap(share, people):
    rng = np.random.default_rng(11)
    shares = gaps = 0
    for _ in range(1000):
        one, two = made(*drawn(rng, people, share, 0.6)), made(*drawn(rng, people, share - 0.2, 0.6))
        low, high = one.interval()(0.95)
        shares += low <= share <= high
        low, high = share_gap(one, two).interval()(0.95)
        gaps += low <= 0.2 <= high
    for covered in (shares, gaps):
        assert binom.ppf(1e-4, 1000, 0.945) <= covered <= binom.ppf(1 - 1e-4, 1000, 0.965)


def test_a_share_without_spread_counts_each_cluster_once():
    all_of_them = ClusteredShare(200, 200, 50, (900, 900, 900))
    low, high = all_of_them.interval()(0.95)
    assert (all_of_them.effective, high) == (50, 1.0)
    assert low == pytest.approx(50 / (50 + 2.0095752371292397**2), abs=1e-9)  # Student's t of 49 degrees
    with pytest.raises(ValueError, match="two or more"):
        _ = ClusteredShare(1, 1, 1, (1, 1, 1)).variance


def test_the_p_value_is_where_the_interval_touches_zero():
    rng = np.random.default_rng(5)
    gap = share_gap(made(*drawn(rng, 150, 0.8, 0.4)), made(*drawn(rng, 90, 0.7, 0.4)))
    low, high = gap.interval()(1 - gap.p_value)
    assert min(abs(low), abs(high)) < 1e-9
    same = ClusteredShare(30, 40, 40, (30, 30, 40))
    assert share_gap(same, same).p_value == pytest.approx(1.0)
    assert share_gap(ClusteredShare(4000, 4000, 4000, (4000,) * 3),
                     ClusteredShare(0, 4000, 4000, (0, 0, 4000))).p_value == 1e-12  # fmt: skip


def test_what_can_be_detected_is_found_four_times_in_five():
    rng, people, share = np.random.default_rng(7), 200, 0.8
    plain = ClusteredShare(160, people, people, (160, 160, people))
    size = share_gap(plain, plain).detectable(0.95)
    assert size is not None
    found = 0
    for _ in range(800):
        (m0, m1), g = rng.binomial(1, [[share], [share - size]], (2, people)), np.ones(people, dtype=int)
        found += share_gap(made(m0, g), made(m1, g)).interval()(0.95)[0] > 0
    assert 0.74 < found / 800 < 0.86


def test_a_gap_can_be_detected_below_a_share_of_all():
    full = ClusteredShare(100, 100, 100, (100, 100, 100))
    assert 0.03 < share_gap(full, full).detectable(0.95) < 0.1

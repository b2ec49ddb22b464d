"""Shares of chains against plain counts of whole chains, exact laws, and simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from audits.statistics.chain_shares import clustered_share_interval, long_chain_loans, long_chain_start


def places(lengths, most):
    """Loans in each place and those followed, of whole chains."""
    n, d = np.zeros(most), np.zeros(most)
    for length in lengths:
        for place in range(1, length + 1):
            n[min(place, most) - 1] += 1
            d[min(place, most) - 1] += place < length
    return d, n


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_censoring_the_shares_are_plain_counts(seed):
    lengths = np.random.default_rng(seed).geometric(0.25, 400)
    d, n = places(lengths, 6)
    assert long_chain_start(d, n).estimate == pytest.approx((lengths >= 6).mean(), abs=1e-12)
    assert long_chain_loans(d, n).estimate == pytest.approx(lengths[lengths >= 6].sum() / lengths.sum(), abs=1e-12)


def test_influences_are_the_derivatives_by_a_loan_more():
    d, n = places(np.random.default_rng(4).geometric(0.2, 5000), 5)
    for share in (long_chain_start, long_chain_loans):
        found = share(d, n)
        for place in range(5):
            for y in (0, 1):
                one = np.eye(5)[place] * 1e-4
                moved = share(d + one * y, n + one).estimate - found.estimate
                assert moved / 1e-4 == pytest.approx(found.scores[place, y], rel=1e-3, abs=1e-9)


def test_a_place_without_loans_or_a_chain_without_end_has_no_share():
    assert np.isnan(long_chain_start([5, 0, 3], [9, 0, 5]).estimate)
    assert np.isnan(long_chain_loans([5, 4, 3], [9, 5, 3]).estimate)
    assert long_chain_start([5, 0, 0], [9, 4, 0]).estimate == 0
    assert long_chain_loans([5, 0, 0], [9, 4, 0]).estimate == 0
    with pytest.raises(ValueError, match="expected none to all"):
        long_chain_start([5, 6], [9, 5])


@pytest.mark.parametrize(("p", "n"), [(0.3, 200), (0.02, 500), (0.0, 50), (1.0, 50)])
def test_an_interval_of_independent_loans_is_wilsons(p, n):
    low, high = clustered_share_interval(p, p * (1 - p) / n, 10**9, n)(0.95)
    assert (low, high) == pytest.approx(proportion_confint(p * n, n, 0.05, "wilson"), abs=1e-6)


def test_clusters_widen_it_and_one_cluster_is_refused():
    plain = clustered_share_interval(0.3, 0.21 / 400, 40, 400)(0.95)
    wide = clustered_share_interval(0.3, 4 * 0.21 / 400, 40, 400)(0.95)
    assert wide[0] < plain[0] < plain[1] < wide[1]
    with pytest.raises(ValueError, match="two or more"):
        clustered_share_interval(0.3, 0.1, 1, 10)

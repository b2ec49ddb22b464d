"""Claims about shrunken rates: scipy's own beta-binomial maximised on a grid, posteriors by numerical integration, and
groups drawn from a known prior with a fixed seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import approx_fprime, minimize
from scipy.stats import betabinom, binom

from audits.statistics import shrinkage
from audits.statistics.shrinkage import ShrinkageCaveat, beta_binomial_shrinkage

Counts = NDArray[np.int64]


def drawn(
    seed: int, groups: int, mean: float, strength: float, largest: int = 200
) -> tuple[Counts, Counts, NDArray[np.float64]]:
    """Events, sizes and true rates of groups whose rates come from a known prior."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, largest, groups)
    rate = rng.beta(mean * strength, (1 - mean) * strength, groups)
    return rng.binomial(n, rate), n, rate


def height(x: Counts, n: Counts, mean: float, strength: float) -> float:
    """Log-likelihood by scipy, binomial coefficients included."""
    return float(betabinom.logpmf(x, n, mean * strength, (1 - mean) * strength).sum())


@pytest.mark.parametrize(("mean", "strength"), [(0.3, 4.0), (0.85, 30.0), (0.05, 12.0), (0.5, 0.4), (0.9, 300.0)])
def test_prior_is_where_scipys_likelihood_is_highest(mean: float, strength: float) -> None:
    x, n, _ = drawn(21, 60, mean, strength)
    ours = beta_binomial_shrinkage(x, n)

    def depth(at: NDArray[np.float64]) -> float:
        return -height(x, n, float(1 / (1 + np.exp(-at[0]))), float(np.exp(at[1])))

    starts = [(math.log(m / (1 - m)), math.log(s)) for m in (0.1, 0.5, 0.9) for s in (0.5, 8.0, 200.0)]
    best = min(
        (minimize(depth, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11}) for start in starts),
        key=lambda found: found.fun,
    )
    assert height(x, n, ours.prior_mean, ours.prior_strength) >= -best.fun - 1e-7
    # the likelihood is flat at its top: arguments agree to the root of what its height resolves
    assert ours.prior_mean == pytest.approx(1 / (1 + math.exp(-best.x[0])), rel=1e-4)
    assert ours.prior_strength == pytest.approx(math.exp(best.x[1]), rel=1e-3)
    assert ours.caveat is ShrinkageCaveat.NONE
    coefficients = float((binom.logpmf(x, n, 0.5) + n * math.log(2)).sum())
    assert ours.log_likelihood == pytest.approx(
        height(x, n, ours.prior_mean, ours.prior_strength) - coefficients, rel=1e-9
    )


def test_posterior_mean_and_interval_are_those_of_the_integrated_posterior() -> None:
    x, n, _ = drawn(5, 40, 0.4, 9.0, largest=60)
    ours = beta_binomial_shrinkage(x, n, level=0.9)
    p = (np.arange(200_000) + 0.5) / 200_000
    a, b = ours.prior_mean * ours.prior_strength, (1 - ours.prior_mean) * ours.prior_strength
    for i in range(0, 40, 7):
        log_density = (x[i] + a - 1) * np.log(p) + (n[i] - x[i] + b - 1) * np.log1p(-p)
        weight = np.exp(log_density - log_density.max())
        weight /= weight.sum()
        assert ours.estimate[i] == pytest.approx(float(weight @ p), abs=1e-7)
        # half a step of the grid in p is 2.5e-6
        for limit, tail in ((ours.low[i], 0.05), (ours.high[i], 0.95)):
            assert limit == pytest.approx(float(p[np.searchsorted(np.cumsum(weight), tail)]), abs=1e-5)


def test_a_known_prior_is_recovered_and_its_rates_are_covered_and_closer_than_the_raw_ones() -> None:
    x, n, rate = drawn(99, 4000, 0.7, 20.0)
    ours = beta_binomial_shrinkage(x, n)
    assert ours.prior_mean == pytest.approx(0.7, abs=0.006)  # three errors of .11/sqrt(4000) = .0017, and those of x
    assert ours.prior_strength == pytest.approx(20, rel=0.12)
    # three errors of sqrt(.95 * .05/4000) = .0034
    assert ((ours.low <= rate) & (rate <= ours.high)).mean() == pytest.approx(0.95, abs=0.0105)
    raw, shrunk = ((x / n - rate) ** 2).mean(), ((ours.estimate - rate) ** 2).mean()
    assert shrunk < 0.5 * raw


def test_rates_that_differ_by_chance_alone_get_the_pooled_rate_with_a_reason() -> None:
    # sizes 100, rates .30 to .33: less spread than the binomial's own, so that no prior of finite strength fits
    x = np.array([30, 31, 32, 33] * 5)
    ours = beta_binomial_shrinkage(x, np.full(20, 100))
    assert ours.caveat is ShrinkageCaveat.NO_OVERDISPERSION
    assert ours.prior_strength == math.inf
    np.testing.assert_allclose(ours.estimate, x.sum() / 2000)
    assert 0.29 < ours.low[0] < 0.315 < ours.high[0] < 0.34
    assert ours.caveat.reason


def test_about_half_of_families_without_overdispersion_are_found_to_have_none() -> None:
    rng = np.random.default_rng(2)
    n = rng.integers(20, 60, 30)
    found = [beta_binomial_shrinkage(rng.binomial(n, 0.4), n) for _ in range(100)]
    share = np.mean([one.caveat is ShrinkageCaveat.NO_OVERDISPERSION for one in found])
    # at a boundary the estimate lies on it with probability about 1/2, more in small families; three errors of .05
    assert 0.4 <= share <= 0.75
    assert min(one.prior_strength for one in found) > 30  # and what is found otherwise is weak


@pytest.mark.parametrize(
    ("x", "n", "caveat"),
    [
        ([3], [10], ShrinkageCaveat.TOO_FEW_GROUPS),
        ([3, 0], [10, 0], ShrinkageCaveat.TOO_FEW_GROUPS),
        ([0, 0, 0], [10, 4, 8], ShrinkageCaveat.ONE_OUTCOME),
        ([10, 4, 8], [10, 4, 8], ShrinkageCaveat.ONE_OUTCOME),
        ([1, 0, 1, 1], [1, 1, 1, 1], ShrinkageCaveat.NO_REPETITION),
    ],
)
def test_a_spread_that_cannot_be_estimated_gives_the_pooled_rate_and_says_why(
    x: list[int], n: list[int], caveat: ShrinkageCaveat
) -> None:
    ours = beta_binomial_shrinkage(x, n)
    assert ours.caveat is caveat
    np.testing.assert_allclose(ours.estimate, sum(x) / sum(n))
    assert (ours.low <= ours.estimate).all()
    assert (ours.estimate <= ours.high).all()
    assert (ours.low < ours.high).all()


def test_a_group_without_observations_gets_the_prior_with_a_reason() -> None:
    x, n, _ = drawn(3, 50, 0.4, 6.0)
    ours = beta_binomial_shrinkage(np.append(x, 0), np.append(n, 0))
    plain = beta_binomial_shrinkage(x, n)
    assert ours.estimate[-1] == pytest.approx(ours.prior_mean)
    assert int(ours.group_caveat[-1]) == ShrinkageCaveat.NO_OBSERVATION
    assert (ours.group_caveat[:-1] == 0).all()
    assert ours.prior_strength == plain.prior_strength
    assert ours.high[-1] - ours.low[-1] > (plain.high - plain.low).max() - 1e-12


def test_groups_of_one_outcome_each_are_said_to_share_nothing() -> None:
    ours = beta_binomial_shrinkage([0, 50, 0, 50], [50, 50, 50, 50])
    assert ours.caveat is ShrinkageCaveat.NO_COMMON_RATE
    assert ours.prior_strength < 1e-4
    np.testing.assert_allclose(ours.estimate, [0, 1, 0, 1], atol=1e-5)


@pytest.mark.parametrize("point", [(-0.4, 1.2), (2.0, 6.0), (0.1, 13.0), (-1.0, 20.0)])
def test_slopes_of_the_likelihood_are_those_of_its_heights(point: tuple[float, float]) -> None:
    x, n, _ = drawn(8, 30, 0.4, 5.0)
    x, n = x.astype(float), n.astype(float)

    def gain(at: NDArray[np.float64]) -> float:
        return shrinkage._gain(x, n, 0.4, float(at[0]), float(at[1]))[0]

    numeric = approx_fprime(np.array(point), gain, 1e-6)
    np.testing.assert_allclose(shrinkage._gain(x, n, 0.4, *point)[1], numeric, rtol=1e-4, atol=1e-3)


def test_a_faint_spread_among_huge_groups_is_found() -> None:
    rng = np.random.default_rng(6)
    n = np.full(300, 10**7)
    strength = 1e6  # standard deviation of the rates .0005, of a group's own chance .00016
    x = rng.binomial(n, rng.beta(0.4 * strength, 0.6 * strength, 300))
    ours = beta_binomial_shrinkage(x, n)
    assert ours.caveat is ShrinkageCaveat.NONE
    # an estimated variance of 300 has a relative error of sqrt(2/300) = .082: three of those
    assert ours.prior_strength == pytest.approx(strength, rel=0.25)


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(
        st.integers(0, 10**5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=15
    )
)
def test_estimates_lie_between_the_raw_and_the_prior_rate_and_counting_the_other_outcome_mirrors(
    groups: list[tuple[int, int]],
) -> None:
    x, n = np.array(groups).T
    if n.sum() == 0:
        with pytest.raises(ValueError, match="n: found 0 observations"):
            beta_binomial_shrinkage(x, n)
        return
    ours, turned = beta_binomial_shrinkage(x, n), beta_binomial_shrinkage(n - x, n)
    assert np.isfinite(np.array([ours.estimate, ours.low, ours.high])).all()
    assert ((ours.low >= 0) & (ours.low <= ours.high) & (ours.high <= 1)).all()
    assert ours.caveat == turned.caveat
    np.testing.assert_allclose(turned.estimate, 1 - ours.estimate, atol=2e-4)
    raw = np.where(n > 0, x / np.maximum(n, 1), ours.prior_mean)
    least, most = np.minimum(raw, ours.prior_mean), np.maximum(raw, ours.prior_mean)
    assert ((ours.estimate >= least - 1e-12) & (ours.estimate <= most + 1e-12)).all()


def test_a_matrix_of_groups_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected some in shape \(G,\)"):
        beta_binomial_shrinkage([[1, 2]], [[3, 4]])


def test_more_people_than_the_likelihood_keeps_digits_for_are_refused():
    with pytest.raises(ValueError, match="1e\\+15"):
        beta_binomial_shrinkage([2**52, 3], [2**53, 7])

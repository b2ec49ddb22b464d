"""Gaps of mean contributions against plain means, brute force over all draws, and simulated coverage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from audits.statistics.gap_sizes import beyond_bins, rows_needed, telling_pairs, variances
from audits.statistics.output_gap import (
    FEWEST_FURTHER,
    Beside,
    Further,
    Side,
    drawn_side,
    output_gap,
    standardised_side,
)
from audits.statistics.post_strata import joined_bins


def book(seed, size=40, p=3):
    """Contributions that lean on bins, with something of their own; bins and rows by bin."""
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 3, (size, p))
    phi = bins * np.array([1.0, -0.4, 0.1])[:p] + rng.gamma(2, 0.3, (size, p))
    return phi, bins, [np.bincount(bins[:, j], minlength=3) for j in range(p)]


def test_all_rows_drawn_give_plain_means_and_no_error_of_sampling():
    phi, bins, counts = book(1)
    side = drawn_side(phi, len(phi), bins.T, counts)
    np.testing.assert_allclose(side.mean, phi.mean(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(side.sampling, np.zeros((3, 3)))
    np.testing.assert_allclose(side.population, np.cov(phi.T) / len(phi), rtol=1e-12)


def test_without_bins_it_is_the_textbook_mean():
    phi, _, _ = book(2)
    side = drawn_side(phi[:15], 40)
    np.testing.assert_allclose(side.mean, phi[:15].mean(axis=0))
    np.testing.assert_allclose(side.sampling, (1 - 15 / 40) * np.cov(phi[:15].T) / 15)
    assert side.residual == pytest.approx(phi[:15].sum(axis=1).var(ddof=1))


def test_over_every_draw_the_mean_is_right_and_the_sampling_variance_what_draws_vary_by():
    rng = np.random.default_rng(3)
    bins = np.repeat([0, 1], [7, 7])
    phi = (3.0 * bins + rng.normal(size=14))[:, None]
    means, told, plain = [], [], []
    for rows in itertools.combinations(range(14), 11):  # every one of 364 draws
        rows = list(rows)
        if np.bincount(bins[rows]).min() < 5:
            continue
        side = drawn_side(phi[rows], 14, [bins[rows]], [[7, 7]])
        means.append(side.mean[0])
        told.append(side.sampling[0, 0])
        plain.append(phi[rows].mean())
    assert np.mean(means) == pytest.approx(phi.mean(), abs=1e-12)
    assert np.mean(told) == pytest.approx(np.var(means), rel=0.03)
    assert np.var(means) < 0.8 * np.var(plain)


def test_bins_with_few_rows_are_joined_with_a_neighbour():
    codes, held, _ = joined_bins([0] * 6 + [1] * 2 + [3] * 7 + [4], [10, 20, 5, 30, 4], 16, 69)
    assert codes.tolist() == [0] * 6 + [1] * 9 + [1]
    assert held.tolist() == [10, 59]
    codes, held, _ = joined_bins([0, 1, 2], [4, 4, 4], 3, 12)
    assert codes.tolist() == [0, 0, 0]
    assert held.tolist() == [12]
    codes, held, _ = joined_bins([1] * 5, [9, 3], 5, 12)  # one of nobody, one of more than there are
    assert codes.tolist() == [0] * 5
    assert held.tolist() == [14]


def test_a_bin_apart_is_nobodys_neighbour():
    few = [0] * 9 + [1] * 6 + [2] * 2  # the last, of few rows, joins the fullest and not that beside it
    codes, held, _ = joined_bins(few, [90, 60, 40], 17, 190, apart=1)
    assert codes.tolist() == [0] * 9 + [1] * 6 + [0] * 2
    assert held.tolist() == [130, 60]
    assert joined_bins(few, [90, 60, 40], 17, 190, apart=1)[2].tolist() == [0, 1, 0]
    codes, held, _ = joined_bins([0] * 9 + [1] * 3 + [2] * 5, [90, 60, 40], 17, 190, apart=1)
    assert codes.tolist() == [0] * 12 + [1] * 5
    assert held.tolist() == [150, 40]
    codes, held, _ = joined_bins([0] * 2 + [1] * 7 + [2] * 8, [20, 70, 80], 17, 170, apart=2)
    assert codes.tolist() == [1] * 2 + [0] * 7 + [1] * 8
    assert held.tolist() == [70, 100]


def with_lost(seed, size=300):
    """A book of two features; of the first a last bin that the model never takes, and others it takes now and then."""
    rng = np.random.default_rng(seed)
    bins = np.stack([rng.choice(4, size, p=[0.3, 0.3, 0.2, 0.2]), rng.integers(0, 3, size)])
    phi = np.stack([5.0 * bins[0], -2.0 * bins[1]], axis=1) + rng.normal(size=(size, 2))
    lost = (bins[0] == 3) | (rng.random(size) < 0.15 * bins[1])
    counts = [np.bincount(bins[0], minlength=4), np.bincount(bins[1], minlength=3)]
    return np.where(lost[:, None], np.nan, phi), ~lost, bins, counts, rng.integers(0, 2, size)


def test_rows_that_the_model_does_not_take_have_no_weight():
    phi, taken, bins, counts, strata = with_lost(31)
    side = drawn_side(phi, len(phi), bins, counts, apart=[1, 0])
    np.testing.assert_allclose(side.mean, phi[taken].mean(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(side.sampling, 0, atol=1e-20)
    np.testing.assert_allclose(side.population, np.cov(phi[taken].T) / taken.sum(), rtol=1e-9)
    held = [*np.bincount(strata), 0]
    inside = standardised_side(phi, strata, [3, 1], held, bins, counts, apart=[1, 0])
    by_hand = [phi[taken & (strata == s)].mean(axis=0) for s in (0, 1)]
    np.testing.assert_allclose(inside.mean, 0.75 * by_hand[0] + 0.25 * by_hand[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(inside.sampling, 0, atol=1e-20)


def test_with_rows_not_taken_the_mean_is_right_over_draws_and_varies_as_told():
    phi, taken, bins, counts, strata = with_lost(32)
    rng, held = np.random.default_rng(33), [*np.bincount(strata), 0]
    found, told = [], []
    for _ in range(800):
        rows = rng.choice(len(phi), 90, replace=False)
        plain = drawn_side(phi[rows], len(phi), bins[:, rows], counts, apart=[1, 0])
        inside = standardised_side(phi[rows], strata[rows], [3, 1], held, bins[:, rows], counts, apart=[1, 0])
        found.append([plain.mean.sum(), inside.mean.sum()])
        told.append([plain.sampling.sum(), inside.sampling.sum()])
    whole = phi.sum(axis=1)
    means = [whole[taken & (strata == s)].mean() for s in (0, 1)]
    truth = [whole[taken].mean(), 0.75 * means[0] + 0.25 * means[1]]
    spread = np.std(found, axis=0)
    assert (np.abs(np.mean(found, axis=0) - truth) < 0.15 * spread).all()
    np.testing.assert_allclose(np.mean(told, axis=0), spread**2, rtol=0.2)


@pytest.mark.parametrize("bins", [[0, 1], [0, 1, 5], [-1, 0, 1]])
def test_bins_that_do_not_fit_are_refused(bins):
    with pytest.raises(ValueError, match="bins: found"):
        joined_bins(bins, [2, 2], 3, 4)


def test_a_feature_may_have_no_bins_beside_one_that_has():
    phi, bins, counts = book(13)
    side = drawn_side(phi[:20], 40, [bins[:20, 0], (), ()], [counts[0], (), ()])
    assert side.mean[1] == pytest.approx(phi[:20, 1].mean())
    assert side.sampling[1, 1] == pytest.approx(0.5 * phi[:20, 1].var(ddof=1) / 20)
    assert side.sampling[0, 0] < 0.5 * phi[:20, 0].var(ddof=1) / 20


def test_one_row_or_a_stratum_without_rows_is_refused():
    with pytest.raises(ValueError, match="contributions"):
        drawn_side([[1.0, 2.0]], 10)
    with pytest.raises(ValueError, match="strata"):
        standardised_side(np.ones((4, 1)), [0, 0, 2, 2], [1, 1, 1], [4, 4, 4, 0])


def test_parts_add_up_and_the_total_is_judged_by_their_covariance():
    phi, bins, counts = book(4)
    other, more, theirs = book(5, 60)
    rows = list(range(30))
    found = output_gap(drawn_side(phi[rows], 40, bins[rows].T, counts), drawn_side(other, 60, more.T, theirs))
    assert found.total == found.gap.sum()
    assert found.total_error == pytest.approx(np.sqrt(np.ones(3) @ found.covariance @ np.ones(3)))
    assert found.sampling_error < found.total_error
    low, high = found.total_interval(0.95)
    assert high - found.total == pytest.approx(stats.t.ppf(0.975, 29) * found.total_error)
    assert low + high == pytest.approx(2 * found.total)


def test_features_hold_at_once_between_one_alone_and_bonferroni():
    rng = np.random.default_rng(6)
    group, reference = (drawn_side(rng.normal(size=(400, 5)), 4000) for _ in range(2))
    found = output_gap(group, reference)
    one, safe = stats.t.ppf(0.975, 399), stats.t.ppf(1 - 0.025 / 5, 399)
    assert one < found.critical(0.95) <= safe + 1e-9
    assert found.critical(0.95) == pytest.approx(stats.t.ppf((1 + 0.95 ** (1 / 5)) / 2, 399), abs=0.03)
    levels = [found.critical(level) for level in (0.5, 0.9, 0.99, 0.999, 0.9998, 0.999999)]
    assert levels == sorted(levels)
    low, high = found.intervals(0.95)
    out = (low > 0) | (high < 0)
    assert (out == (found.p_values() < 0.05)).all()


def test_a_feature_that_never_varies_is_told_without_error():
    phi = np.column_stack([np.random.default_rng(7).normal(size=50), np.zeros(50)])
    found = output_gap(drawn_side(phi, 500), drawn_side(phi + np.array([1.0, 0.0]), 500))
    assert found.errors[1] == 0
    assert found.errors[0] > 0
    assert found.intervals(0.95)[0][1] == 0.0
    assert found.p_values()[1] == 1.0
    assert output_gap(*[drawn_side(np.zeros((9, 2)), 9)] * 2).critical(0.95) > 1.9


def test_rows_of_one_entity_count_together():
    rng = np.random.default_rng(8)
    own = np.repeat(rng.normal(size=(50, 1)), 4, axis=0)
    names = np.repeat(np.arange(50), 4)
    side = drawn_side(own, 200, clusters=names)
    by_entity = own[::4]
    assert side.clusters == 50
    assert side.population[0, 0] == pytest.approx(by_entity.var(ddof=1) / 50, rel=0.01)
    assert drawn_side(own, 200).population[0, 0] < 0.3 * side.population[0, 0]
    some = rng.permutation(200)[:100]  # a half: pairs stand for four
    half = drawn_side(own[some], 200, clusters=names[some], pairs=50 * 4 * 3)
    assert half.population[0, 0] == pytest.approx(side.population[0, 0], rel=0.4)


def test_where_few_pairs_were_drawn_rows_of_one_entity_count_as_equal():
    rng = np.random.default_rng(9)
    phi = rng.normal(size=(100, 1))
    side = drawn_side(phi, 100_000, clusters=np.arange(100), pairs=900_000)
    assert side.population[0, 0] == pytest.approx(10 * phi.var(ddof=1) / 100_000)
    assert drawn_side(phi, 100_000, clusters=np.arange(100), pairs=0).population == pytest.approx(
        drawn_side(phi, 100_000).population
    )


def test_within_strata_is_the_mean_of_strata_at_the_groups_shares():
    rng = np.random.default_rng(10)
    codes = rng.integers(0, 4, 60)  # the last lies outside
    phi = codes[:, None] * np.array([1.0, 5.0]) + rng.normal(size=(60, 2))
    counts = np.bincount(codes)
    shares = np.array([0.5, 0.3, 0.2])
    side = standardised_side(phi, codes, 10 * shares, counts)
    by_hand = sum(w * phi[codes == s].mean(axis=0) for s, w in enumerate(shares))
    np.testing.assert_allclose(side.mean, by_hand)
    np.testing.assert_allclose(side.sampling, 0, atol=1e-18)
    variance = sum(w**2 * np.cov(phi[codes == s].T) / counts[s] for s, w in enumerate(shares))
    np.testing.assert_allclose(side.population, variance)
    assert (side.rows, side.size) == (counts[:3].sum(), counts[:3].sum())


def test_at_its_own_shares_a_side_is_the_post_stratified_one_and_at_others_it_is_right_over_draws():
    rng = np.random.default_rng(14)
    strata, bins = rng.integers(0, 3, 900), rng.integers(0, 4, 900)
    phi = (strata + 2.0 * bins + rng.normal(size=900))[:, None]
    held, counts = np.bincount(strata), np.bincount(bins)
    truth = np.array([0.6, 0.3, 0.1]) @ [phi[strata == s].mean() for s in range(3)]
    means, told = [], []
    for _ in range(800):
        rows = rng.choice(900, 150, replace=False)
        given = phi[rows], strata[rows], [6, 3, 1], [*held, 0], [bins[rows]], [counts]
        side = standardised_side(*given)
        means.append(side.mean[0])
        told.append(side.sampling[0, 0])
    assert np.mean(means) == pytest.approx(truth, abs=4 * np.std(means) / np.sqrt(800))
    assert np.mean(told) == pytest.approx(np.var(means), rel=0.2)
    own = standardised_side(phi[rows], strata[rows], held, [*held, 0], [bins[rows]], [counts])
    plain = drawn_side(phi[rows], 900, [bins[rows]], [counts])
    np.testing.assert_allclose(own.mean, plain.mean)
    np.testing.assert_allclose(own.sampling, plain.sampling)


def test_a_row_alone_in_its_stratum_varies_as_the_others_do():
    phi = np.array([[1.0], [2.0], [4.0], [9.0]])
    one = standardised_side(phi, [0, 0, 0, 1], [1, 1], [30, 30, 0])
    same = np.var(phi[:3, 0], ddof=1)
    assert one.population[0, 0] == pytest.approx(0.25 * same / 30 + 0.25 * same / 30)


def test_rows_needed_reach_the_half_width():
    rng = np.random.default_rng(11)
    one, zero = (drawn_side(rng.normal(size=(500, 2)), size).residual for size in (20_000, 900))
    n = rows_needed([one, zero], [20_000, 900], 0.8, 0.1)
    left = [one * (1 / m - 1 / 20_000) + zero * (1 / min(m, 900) - 1 / 900) for m in (n - 1, n)]
    assert 1.959964 * np.sqrt(left[1]) <= 0.08 < 1.959964 * np.sqrt(left[0])
    assert rows_needed([one, zero], [20_000, 900], 0.0, 0.1) == 20_000


def test_what_outputs_vary_by_beyond_bins_is_guessed_from_them():
    rng = np.random.default_rng(15)
    bins = rng.integers(0, 6, (3, 4000))
    phi = np.stack([np.sin(bins[0]), bins[1] ** 2.0, 0.0 * bins[2]], axis=1) + rng.normal(0, 0.2, (4000, 3))
    sides = np.arange(1500), np.arange(1500, 4000)
    guessed = variances(beyond_bins(phi.sum(axis=1), bins).left, [], [], sides)
    for side, one in zip(sides, guessed, strict=True):
        counts = [np.bincount(own[side], minlength=6) for own in bins]
        assert one == pytest.approx(drawn_side(phi[side], 10**6, bins[:, side], counts).residual, rel=0.02)
    left = beyond_bins(phi.sum(axis=1), [(), ()]).left
    assert variances(left, [], [], sides)[0] == pytest.approx(phi.sum(axis=1).var(), rel=0.1)


@pytest.mark.parametrize("copies", [1, 3])
def test_what_is_left_beside_bins_is_that_of_least_squares(copies):
    """Against a dense solution, also where features repeat each other."""
    rng = np.random.default_rng(16)
    bins = np.tile(rng.integers(0, 5, (4, 700)), (copies, 1))
    y = bins[0] - 0.3 * bins[1] ** 2 + rng.normal(size=700)
    design = np.concatenate([one[:, None] == np.arange(5) for one in bins], axis=1).astype(float)
    dense = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    free = 700 - 1 - 4 * len(bins)
    np.testing.assert_allclose(beyond_bins(y, bins).left, dense * np.sqrt(700 / free), atol=2e-5)


def crossed(rng, rows, size=4, slope=0.6):
    """Contributions with a product of the first two features in them, bins, scores of all and these two's product."""
    x = rng.normal(size=(rows, size)) + 0.3
    product = slope * x[:, 0] * x[:, 1] / 2
    phi = np.sin(x)
    phi[:, :2] += product[:, None]
    edges = np.linspace(-1.4, 1.9, 9)
    bins = [np.searchsorted(edges, x[:, j]) for j in range(size)]
    scores = [2 * one / len(edges) - 1 for one in bins]
    return phi, bins, scores, scores[0] * scores[1]


def test_beside_bins_it_is_the_generalised_regression_estimator():
    """Against least squares on indicators and the further number: the fitted value at the book's means."""
    rng = np.random.default_rng(21)
    phi, bins, _, product = crossed(rng, 3000)
    rows = rng.choice(3000, 400, replace=False)
    bins = [np.minimum(one, 4) for one in bins]  # none of few rows, so that none are joined
    counts = [np.bincount(one, minlength=5) for one in bins]
    side = drawn_side(
        phi[rows], 3000, [one[rows] for one in bins], counts, beside=Beside(product[rows][:, None], [product.mean()])
    )
    for j, (own, held) in enumerate(zip(bins, counts, strict=True)):
        design = np.column_stack([own[rows][:, None] == np.arange(5), product[rows]]).astype(float)
        fitted = np.linalg.lstsq(design, phi[rows, j], rcond=None)[0]
        assert side.mean[j] == pytest.approx(np.append(held / 3000, product.mean()) @ fitted, abs=1e-12)


def test_with_further_numbers_the_mean_is_right_over_draws_and_varies_as_told():
    """The pair is chosen from the rows that are drawn."""
    rng = np.random.default_rng(22)
    phi, bins, scores, _ = crossed(rng, 4000)
    strata = (rng.random(4000) < 0.4).astype(int)
    counts = [np.bincount(one, minlength=10) for one in bins]
    found, told, plain, chosen = [], [], [], []
    held = [*np.bincount(strata), 0]
    for _ in range(600):
        rows = rng.choice(4000, 300, replace=False)
        mine = [one[rows] for one in bins]
        pairs = telling_pairs(beyond_bins(phi[rows].sum(axis=1), mine).left, [one[rows] for one in scores])
        chosen.append(pairs[:1] == [(0, 1)])
        products = np.stack([scores[one] * scores[other] for one, other in pairs], axis=1)
        beside = Beside(products[rows], products.mean(axis=0))
        side = drawn_side(phi[rows], 4000, mine, counts, beside=beside)
        inside = standardised_side(phi[rows], strata[rows], [1, 2], held, mine, counts, beside=beside)
        found.append([*side.mean, side.mean.sum(), inside.mean.sum()])
        told.append([*np.diag(side.sampling), side.sampling.sum(), inside.sampling.sum()])
        plain.append(drawn_side(phi[rows], 4000, mine, counts).sampling.sum())
    assert all(chosen)
    means = [phi.sum(axis=1)[strata == s].mean() for s in (0, 1)]
    truth = [*phi.mean(axis=0), phi.sum(axis=1).mean(), (means[0] + 2 * means[1]) / 3]
    spread = np.std(found, axis=0)
    assert (np.abs(np.mean(found, axis=0) - truth) < 0.15 * spread).all()
    np.testing.assert_allclose(np.mean(told, axis=0), spread**2, rtol=0.2)
    assert np.mean(told, axis=0)[4] < 0.5 * np.mean(plain)


def test_of_the_whole_book_further_numbers_move_nothing():
    phi, bins, _, product = crossed(np.random.default_rng(23), 500)
    counts = [np.bincount(one, minlength=10) for one in bins]
    side = drawn_side(phi, 500, bins, counts, beside=Beside(product[:, None], [product.mean()]))
    np.testing.assert_allclose(side.mean, phi.mean(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(side.sampling, 0, atol=1e-30)
    lost = phi.copy()
    lost[::7] = np.nan  # of rows that the model does not take, nothing is known beside their bins
    one = drawn_side(lost, 500, bins, counts, beside=Beside(product[:, None], [product.mean()]))
    np.testing.assert_array_equal(one.mean, drawn_side(lost, 500, bins, counts).mean)
    with pytest.raises(ValueError, match="beside: found shape"):
        drawn_side(phi, 500, bins, counts, beside=Beside(product[:9, None], [0.1]))


def test_no_pair_is_chosen_where_outputs_are_sums():
    rng, found = np.random.default_rng(24), 0
    for _ in range(60):
        x = rng.normal(size=(600, 12))
        bins = [np.searchsorted([-1, -0.4, 0, 0.4, 1], x[:, j]) for j in range(12)]
        fitted = beyond_bins(np.sin(x).sum(axis=1) + 0.3 * rng.normal(size=600), bins)
        found += bool(telling_pairs(fitted.left, [one / 2.5 - 1 for one in bins]))
    assert found == 0
    assert telling_pairs(np.zeros(9), [np.arange(9.0)] * 2) == []
    assert telling_pairs(np.arange(9.0), [None, np.arange(9.0)]) == []


def test_features_that_tell_little_of_the_outputs_are_told_from_those_that_do():
    rng = np.random.default_rng(25)
    x = rng.normal(size=(3000, 6))
    bins = [np.searchsorted(np.linspace(-2, 2, 19), one) for one in x.T]
    fitted = beyond_bins(x[:, 1] + 0.5 * x[:, 4] + 0.05 * x[:, 5] + 0.5 * rng.normal(size=3000), [*bins, ()])
    assert fitted.telling() == [1, 4]
    np.testing.assert_allclose(fitted.variances, [0, 1, 0, 0, 0.25, 0.0025, 0], atol=0.05)
    assert np.mean(fitted.left**2) == pytest.approx(0.25 + 0.01, rel=0.1)  # and what varies within the bins
    assert beyond_bins(x[:, 1], [(), ()]).telling() == []


def test_without_bins_outputs_of_further_rows_make_the_regression_estimator():
    """The total is the mean output of all rows, a part moves by its slope on the output."""
    rng = np.random.default_rng(26)
    phi = rng.normal(size=(1000, 3)) @ np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.0], [0.0, 0.3, 0.0]])
    first, more = phi[:120], phi[120:420].sum(axis=1)
    side = drawn_side(first, 1000, further=Further(more, [()] * 3))
    y, every = first.sum(axis=1), phi[:420].sum(axis=1)
    slopes = np.array([np.cov(one, y)[0, 1] for one in first.T]) / y.var(ddof=1)
    np.testing.assert_allclose(side.mean, first.mean(axis=0) + slopes * (every.mean() - y.mean()), atol=1e-14)
    assert side.mean.sum() == pytest.approx(every.mean(), abs=1e-14)
    assert (side.rows, side.outputs, side.size) == (120, 420, 1000)
    assert side.residual == pytest.approx(side.sampling.sum() / (1 / 420 - 1 / 1000))
    assert side.sampling.sum() == pytest.approx(every.var(ddof=1) / 420 * (1 - 0.42), rel=0.1)
    assert side.sampling[2, 2] == side.mean[2] == 0  # of a part that is nothing


@pytest.mark.parametrize("further", [200, 2600])
def test_outputs_of_further_rows_are_held_against_what_bins_tell_of_them(further):
    """Against least squares on indicators and the product, feature by feature; of all rows the total is the book's."""
    rng = np.random.default_rng(27)
    phi, bins, _, product = crossed(rng, 3000)
    bins = [np.minimum(one, 4) for one in bins]
    counts = [np.bincount(one, minlength=5) for one in bins]
    order = rng.permutation(3000)
    rows, more = order[:400], order[400 : 400 + further]
    beside = Beside(product[rows][:, None], [product.mean()])
    given = [[one[rows] for one in bins], counts]
    alone = drawn_side(phi[rows], 3000, *given, beside=beside)
    told = np.zeros(further)
    for j, own in enumerate(bins):
        design = np.column_stack([own[:, None] == np.arange(5), product]).astype(float)
        told += design[more] @ np.linalg.lstsq(design[rows], phi[rows, j], rcond=None)[0]
    outputs = phi[more].sum(axis=1)
    side = drawn_side(phi[rows], 3000, *given, beside=beside,
                      further=Further(outputs, [one[more] for one in bins], product[more][:, None]))  # fmt: skip
    share, shares = further / (400 + further), alone.sampling.sum(axis=1) / alone.sampling.sum()
    np.testing.assert_allclose(side.mean, alone.mean + shares * share * (outputs - told).mean(), atol=1e-12)
    of_total = share**2 * (outputs - told).var(ddof=1) / further * (1 - further / 2600)
    of_total += (1 - share * 3000 / 2600) ** 2 * alone.sampling.sum()
    assert side.sampling.sum() == pytest.approx(of_total, abs=1e-15)
    beyond = side.sampling - alone.sampling
    np.testing.assert_allclose(beyond, np.outer(shares, shares) * beyond.sum(), atol=1e-15)
    assert np.linalg.eigvalsh(side.sampling)[0] > -1e-15
    if further == 2600:
        assert side.mean.sum() == pytest.approx(phi.sum(axis=1).mean(), abs=1e-12)
        assert side.sampling.sum() == pytest.approx(0, abs=1e-15)


def test_with_outputs_of_further_rows_means_are_right_over_draws_and_vary_as_told():
    rng = np.random.default_rng(28)
    phi, bins, _, product = crossed(rng, 4000)
    counts = [np.bincount(one, minlength=10) for one in bins]
    found, told, plain = [], [], []
    for _ in range(800):
        drawn = rng.choice(4000, 900, replace=False)
        rows, more = drawn[:250], drawn[250:]
        beside = Beside(product[rows][:, None], [product.mean()])
        further = Further(phi[more].sum(axis=1), [one[more] for one in bins], product[more][:, None])
        given = phi[rows], 4000, [one[rows] for one in bins], counts
        side = drawn_side(*given, beside=beside, further=further)
        found.append([*side.mean, side.mean.sum()])
        told.append([*np.diag(side.sampling), side.sampling.sum()])
        plain.append(drawn_side(*given, beside=beside).sampling.sum())
    spread, truth = np.std(found, axis=0), [*phi.mean(axis=0), phi.sum(axis=1).mean()]
    assert (np.abs(np.mean(found, axis=0) - truth) < 0.12 * spread).all()
    np.testing.assert_allclose(np.mean(told, axis=0), spread**2, rtol=0.2)
    assert np.mean(told, axis=0)[-1] < 0.4 * np.mean(plain)


def test_outputs_that_vary_as_no_row_with_contributions_does_tell_that_these_are_too_few():
    """A rare value that none of the first rows, or hardly one, has: no part may be moved for it."""
    rng = np.random.default_rng(30)
    rare = 3.0 * (rng.random(2000) < 0.005)
    for own in (np.zeros((400, 2)), 0.01 * rng.normal(size=(400, 2))):
        side = drawn_side(own, 20_000, further=Further(rare, [(), ()]))
        assert side.unlike
        np.testing.assert_allclose(side.mean, own.mean(axis=0), atol=1e-15)
        assert side.residual == pytest.approx(rare.var(ddof=1))
    assert not drawn_side(np.zeros((400, 2)), 20_000, further=Further(np.zeros(60), [(), ()])).unlike
    alike = rng.normal(size=(900, 2))
    assert not drawn_side(alike[:400], 20_000, further=Further(alike[400:].sum(axis=1), [(), ()])).unlike


def test_further_rows_that_do_not_fit_are_refused():
    rng = np.random.default_rng(31)
    phi, bins = rng.normal(size=(200, 2)), [rng.integers(0, 3, 200)] * 2
    given, y, more = (phi, 900, bins, [[300] * 3] * 2), np.zeros(60), np.zeros(60, dtype=int)
    beside = Beside(phi[:, :1], [0.0])
    for further in (Further(y, [more]), Further(y, [more, more - 1]), Further(y, [more, more + 3])):
        with pytest.raises(ValueError, match="further bins: found"):
            drawn_side(*given, further=further)
    for values in (None, np.zeros((60, 2)), np.zeros((59, 1))):
        with pytest.raises(ValueError, match="further values: found"):
            drawn_side(*given, beside=beside, further=Further(y, [more, more], values))


def test_further_rows_that_are_few_or_beside_rows_not_taken_tell_nothing():
    rng = np.random.default_rng(29)
    phi = rng.normal(size=(200, 2))
    lost = phi.copy()
    lost[3] = np.nan
    for own, m in ((phi, FEWEST_FURTHER - 1), (lost, 400)):
        side, alone = drawn_side(own, 900, further=Further(rng.normal(size=m), [(), ()])), drawn_side(own, 900)
        np.testing.assert_array_equal(side.mean, alone.mean)
        np.testing.assert_array_equal(side.sampling, alone.sampling)
        assert side.outputs == side.rows


def test_intervals_hold_what_they_should():
    """Small books from a population with a gap in one of four features; bins of quantiles, a tenth drawn."""
    rng = np.random.default_rng(12)
    inside, at_once, runs = 0, 0, 200
    truth = np.array([0.5, 0.0, 0.0, 0.0])
    for _ in range(runs):
        sides = []
        for shift in (0.5, 0.0):
            x = rng.normal(size=(1500, 4)) + np.array([shift, 0, 0, 0])
            phi = np.column_stack([x[:, 0], x[:, 1] ** 2 / 3, np.abs(x[:, 2]), 0.2 * x[:, 3]])
            bins = [np.searchsorted([-1.2, -0.6, -0.2, 0.2, 0.6, 1.2], x[:, j]) for j in range(4)]
            counts = [np.bincount(one, minlength=7) for one in bins]
            rows = rng.choice(1500, 200, replace=False)
            sides.append(drawn_side(phi[rows], 1500, [one[rows] for one in bins], counts))
        found = output_gap(*sides)
        low, high = found.total_interval(0.95)
        inside += low <= 0.5 <= high
        lows, highs = found.intervals(0.95)
        at_once += bool(((lows <= truth) & (truth <= highs)).all())
    assert stats.binom.cdf(inside, runs, 0.95) > 1e-4
    assert stats.binom.sf(inside - 1, runs, 0.95) > 1e-4
    assert stats.binom.cdf(at_once, runs, 0.95) > 1e-4


def test_a_side_is_what_it_is_given():
    side = Side(np.array([1.0]), np.eye(1), np.eye(1), 40, 50, 3)
    assert output_gap(side, side).freedom == 2

"""How well features tell a group, against areas known in closed form and placements counted pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from audits.statistics.group_prediction import auc_over_folds, best_set, clustered_error, feature_auc, folds_of


def test_area_and_error_are_those_of_all_pairs_counted_one_by_one() -> None:
    rng = np.random.default_rng(4)
    is_group = rng.random(90) < 0.4
    scores = np.round(rng.normal(size=90) + is_group, 1)  # with ties
    found = auc_over_folds(scores, is_group, np.zeros(90, dtype=np.int64))
    ours, theirs = scores[is_group][:, None], scores[~is_group][None, :]
    wins = (ours > theirs) + 0.5 * (ours == theirs)
    a, b = wins.mean(axis=1), wins.mean(axis=0)
    assert found is not None
    assert found.estimate == pytest.approx(roc_auc_score(is_group, scores), abs=1e-12)
    delong = a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)
    assert found.error == pytest.approx(np.sqrt(delong), rel=0.03)  # n / (n − 1) of both sides together, of each there
    assert (found.group_rows, found.reference_rows) == (is_group.sum(), (~is_group).sum())


@pytest.mark.parametrize("shift", [0.35, 0.9])
def test_a_normal_feature_has_the_area_of_its_shift_in_either_direction(shift: float) -> None:
    true = norm.cdf(shift / np.sqrt(2))
    for sign in (1, -1):
        covered, estimates = 0, []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            is_group = rng.random(1500) < 0.5
            found = feature_auc(sign * (rng.normal(size=1500) + shift * is_group), is_group, folds_of(1500, 5, seed))
            assert found is not None
            estimates.append(found.estimate)
            covered += abs(found.estimate - true) <= 1.96 * found.error
        assert np.mean(estimates) == pytest.approx(true, abs=0.005)
        assert covered >= 51  # 60 draws at 95 %: fewer in one of 4,000 runs


def test_a_feature_of_noise_is_at_chance_and_its_interval_says_so() -> None:
    covered, estimates = 0, []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        is_group = rng.random(600) < 0.4
        found = feature_auc(rng.normal(size=600), is_group, folds_of(600, 5, seed))
        assert found is not None
        estimates.append(found.estimate)
        covered += abs(found.estimate - 0.5) <= 1.96 * found.error
    assert np.mean(estimates) == pytest.approx(0.5, abs=0.012)
    assert covered >= 88  # 100 draws at 95 %: fewer in one of 1,000 runs


def test_a_feature_that_is_high_and_low_in_the_group_is_seen_too() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=4000)
    found = feature_auc(x, np.abs(x) > 1, folds_of(4000, 5, 0))
    assert found is not None
    assert found.estimate > 0.97


def test_texts_tell_as_well_as_their_shares_allow() -> None:
    rng = np.random.default_rng(3)
    values, chance = np.array(["x", "y", None], dtype=object), np.array([0.2, 0.5, 0.8])
    kind = rng.integers(0, 3, 9000)
    is_group = rng.random(9000) < chance[kind]
    found = feature_auc(values[kind], is_group, folds_of(9000, 5, 1))
    own, other = chance / chance.sum(), (1 - chance) / (1 - chance).sum()
    true = sum(own[i] * (other[:i].sum() + 0.5 * other[i]) for i in range(3))
    assert found is not None
    assert found.estimate == pytest.approx(true, abs=3.5 * found.error)


def test_missing_is_a_value_of_its_own() -> None:
    rng = np.random.default_rng(2)
    is_group = rng.random(3000) < 0.5
    x = np.where(is_group & (rng.random(3000) < 0.8), np.nan, rng.normal(size=3000))
    found = feature_auc(x, is_group, folds_of(3000, 5, 1))
    assert found is not None
    assert found.estimate == pytest.approx(0.9, abs=0.02)


def test_rows_that_come_again_make_an_area_no_surer() -> None:
    rng = np.random.default_rng(5)
    is_group = rng.random(800) < 0.5
    x, who = rng.normal(size=800) + is_group, np.arange(800)
    once = feature_auc(x, is_group, folds_of(800, 5, 3, who), who)
    again = np.tile(who, 4)
    often = feature_auc(np.tile(x, 4), np.tile(is_group, 4), folds_of(3200, 5, 3, again), again)
    blind = feature_auc(np.tile(x, 4), np.tile(is_group, 4), folds_of(3200, 5, 3, again))
    assert once is not None
    assert often is not None
    assert blind is not None
    assert often.error == pytest.approx(once.error, rel=0.1)
    assert blind.error < 0.6 * once.error


def test_rows_of_a_cluster_are_in_one_fold_and_summed() -> None:
    who = np.repeat(np.arange(50), 3)
    folds = folds_of(150, 5, 9, who)
    assert all(len(set(folds[who == one])) == 1 for one in range(50))
    assert set(folds) == set(range(5))
    influence = np.random.default_rng(0).normal(size=(150, 2))
    by_hand = np.array([influence[who == one].sum(axis=0) for one in range(50)])
    assert clustered_error(influence, who) == pytest.approx(np.sqrt((by_hand**2).sum(axis=0) * 50 / 49))


def test_the_best_set_holds_what_tells_and_stops_where_nothing_is_added() -> None:
    rng = np.random.default_rng(6)
    n = 3000
    is_group = rng.random(n) < 0.5
    noise = [rng.normal(size=n) for _ in range(6)]
    first, second = rng.normal(size=n) + is_group, rng.normal(size=n) - 0.7 * is_group
    found = best_set([*noise[:3], second, *noise[3:], first], is_group, folds_of(n, 5, 2), 3)
    assert found.columns[:2] == (7, 3)
    both = norm.cdf(np.sqrt((1 + 0.49) / 2))
    assert found.auc is not None
    assert found.auc.estimate == pytest.approx(both, abs=0.03)
    alone = best_set([*noise, first], is_group, folds_of(n, 5, 2), 3)
    assert alone.columns == (6,)


def test_a_best_set_of_noise_is_not_made_better_by_choosing() -> None:
    rng = np.random.default_rng(10)
    is_group = rng.random(1500) < 0.5
    found = best_set([rng.normal(size=1500) for _ in range(30)], is_group, folds_of(1500, 5, 0), 3)
    assert found.auc is not None
    assert abs(found.auc.estimate - 0.5) < 0.05


def test_too_few_rows_tell_nothing() -> None:
    few = np.arange(60) < 10
    assert feature_auc(np.arange(60.0), few, folds_of(60, 5, 0)) is None
    assert best_set([np.arange(60.0)], few, folds_of(60, 5, 0), 2).auc is None

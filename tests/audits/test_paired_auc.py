"""The area under the ROC curve and the difference of two: pairs counted one by one, jackknife, bootstrap, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from audits.statistics.influences import bounds_together, covariance
from audits.statistics.paired_auc import auc, auc_difference, auc_influence


def by_pairs(scores, outcome) -> float:
    ours, theirs = scores[outcome == 1], scores[outcome == 0]
    wins = (ours[:, None] > theirs[None, :]).sum() + 0.5 * (ours[:, None] == theirs[None, :]).sum()
    return float(wins / (len(ours) * len(theirs)))


def drawn(n: int, seed: int, digits: int = 1):
    rng = np.random.default_rng(seed)
    outcome = (rng.random(n) < 0.3).astype(float)
    one = np.round(rng.normal(size=n) + outcome, digits)
    two = np.round(0.7 * one + rng.normal(size=n) + 0.4 * outcome, digits)
    return one, two, outcome


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_area_and_components_equal_pairs_counted_one_by_one(digits) -> None:
    one, _, outcome = drawn(211, 3, digits)
    outcome[::17] = np.nan
    found = auc_influence(one, outcome)
    assert found.estimate == pytest.approx(by_pairs(one, outcome), abs=1e-14)
    ours, theirs = np.flatnonzero(outcome == 1), np.flatnonzero(outcome == 0)
    m, k = len(ours), len(theirs)
    above = [np.mean((one[i] > one[theirs]) + 0.5 * (one[i] == one[theirs])) for i in ours]
    below = [np.mean((one[ours] > one[j]) + 0.5 * (one[ours] == one[j])) for j in theirs]
    assert found.influence[np.isnan(outcome)].tolist() == [0.0] * int(np.isnan(outcome).sum())
    variance = np.var(above, ddof=1) / m + np.var(below, ddof=1) / k  # DeLong and others 1988, equation 5
    assert covariance(found.influence[:, None])[0, 0] == pytest.approx(variance, rel=1e-12)
    assert 1 <= found.freedom <= m + k - 2


def test_the_error_of_a_difference_is_that_of_delong_for_two_correlated_areas() -> None:
    one, two, outcome = drawn(400, 5)
    found = auc_difference(one, two, outcome)
    assert found.estimate == pytest.approx(by_pairs(two, outcome) - by_pairs(one, outcome), abs=1e-14)
    parts = []
    for mine, others, sign in ((1, 0, 1), (0, 1, -1)):
        components = np.array([
            [np.mean((sign * (s[i] - s[outcome == others]) > 0) + 0.5 * (s[i] == s[outcome == others]))
             for i in np.flatnonzero(outcome == mine)]
            for s in (one, two)
        ])  # fmt: skip
        parts.append(np.cov(components) / components.shape[1])
    joint = parts[0] + parts[1]
    expected = joint[0, 0] + joint[1, 1] - 2 * joint[0, 1]
    assert covariance(found.influence[:, None])[0, 0] == pytest.approx(expected, rel=1e-12)
    assert found.together == pytest.approx(joint[0, 1] / np.sqrt(joint[0, 0] * joint[1, 1]), rel=1e-12)


def test_persons_with_many_rows_are_left_out_together_as_the_jackknife_does() -> None:
    persons = np.repeat(np.arange(160), 3)
    one, two, outcome = (np.repeat(part, 3) for part in drawn(160, 11))  # rows of a person are alike
    found = auc_difference(one, two, outcome, persons)
    left = [by_pairs(two[keep], outcome[keep]) - by_pairs(one[keep], outcome[keep])
            for keep in (persons != person for person in range(160))]  # fmt: skip
    jackknife = np.sqrt(159 / 160 * ((np.array(left) - np.mean(left)) ** 2).sum())
    clustered = np.sqrt(covariance(found.influence[:, None], persons)[0, 0])
    assert clustered == pytest.approx(jackknife, rel=0.03)
    alone = np.sqrt(covariance(auc_difference(one, two, outcome).influence[:, None])[0, 0])
    assert clustered > 1.5 * alone  # so that the test would see rows taken for persons


def test_edges_have_an_estimate_or_say_that_there_is_none() -> None:
    perfect = auc_influence(np.arange(10.0), (np.arange(10) > 4).astype(float))
    assert perfect.estimate == 1.0
    assert perfect.influence.tolist() == [0.0] * 10
    assert np.isnan(auc(np.arange(4.0), np.ones(4)))
    assert auc(np.ones(6), np.array([1, 0, 1, 0, np.nan, 0])) == 0.5
    with pytest.raises(ValueError, match="finite"):
        auc(np.array([1.0, np.nan]), np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="shape"):
        auc(np.ones(3), np.ones(2))
    one = auc_difference(np.arange(10.0), np.arange(10.0)[::-1], (np.arange(10) > 4).astype(float))
    assert one.interval(0.1, 2.0) == pytest.approx((-1.2, -0.8))  # an area of 1 has no logit: the plain form


def test_bounds_of_a_difference_are_those_of_both_areas_put_together() -> None:
    one, two, outcome = drawn(500, 7)
    found = auc_difference(one, two, outcome)
    ends = []
    for area, error in ((found.before, found.errors[0]), (found.after, found.errors[1])):
        logit, reach = np.log(area / (1 - area)), 2.3 * error / (area * (1 - area))
        ends.append((1 / (1 + np.exp(reach - logit)), 1 / (1 + np.exp(-reach - logit))))
    (l1, u1), (l2, u2) = ends
    down = np.sqrt((found.after - l2) ** 2 + (u1 - found.before) ** 2
                   - 2 * found.together * (found.after - l2) * (u1 - found.before))  # fmt: skip
    up = np.sqrt((u2 - found.after) ** 2 + (found.before - l1) ** 2
                 - 2 * found.together * (u2 - found.after) * (found.before - l1))  # fmt: skip
    expected = found.estimate - down, found.estimate + up
    assert found.interval(99.0, 2.3) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("rows", "rare"), [(500, 0.1), (500, 0.5), (2000, 0.03)])
def test_intervals_hold_the_true_difference_as_often_as_they_say(rows, rare) -> None:
    draws, rng = 400, np.random.default_rng(int(rows * rare))
    shift, mix = 1.0, 0.6
    truth = norm.cdf(shift * mix / np.sqrt(2)) - norm.cdf(shift / np.sqrt(2))
    held = 0
    for _ in range(draws):
        outcome = (rng.random(rows) < rare).astype(float)
        one = rng.normal(size=rows) + shift * outcome
        two = mix * one + np.sqrt(1 - mix**2) * rng.normal(size=rows)
        bounds = bounds_together([auc_difference(one, two, outcome)], replicates=4_000)[0][0]
        held += bounds.low <= truth <= bounds.high
    assert binom.ppf(0.0005, draws, 0.94) <= held <= binom.ppf(0.9995, draws, 0.965)

"""Ratios of stages against enumeration, bootstraps of persons, numerical derivatives and simulated coverage."""

from __future__ import annotations

from itertools import product
from math import log, prod

import numpy as np
import pytest
from scipy.stats import binom, multivariate_normal, norm
from statsmodels.stats.proportion import confint_proportions_2indep

from audits.statistics.funnel_ratios import (
    FEWEST,
    AdjustedFunnel,
    adjusted_at_once,
    adjusted_funnel,
    alone,
    costliest,
    funnel_ratios,
    log_interval,
    sidak_level,
    sidak_p_value,
    stage_intervals,
)
from audits.statistics.ladder import LEVELS

GROUP, REFERENCE = [400, 300, 210, 150, 120], [900, 800, 700, 600, 540]


def drawn(rng, size, rates):
    """Persons who passed each stage, by stratum: sizes (S,) and conditional rates (S, K)."""
    passed = [np.asarray(size)]
    for k in range(rates.shape[1]):
        passed.append(rng.binomial(passed[-1], rates[:, k]))
    return np.stack(passed, axis=1)


def people(passed):
    """(stratum, furthest stage) of each person."""
    return np.array([(s, k) for s, row in enumerate(passed)
                     for k, n in enumerate(-np.diff(row, append=0)) for _ in range(n)])  # fmt: skip


def counted(rows, shape):
    table = np.zeros(shape, dtype=int)
    np.add.at(table, (rows[:, 0], rows[:, 1]), 1)
    return table[:, ::-1].cumsum(axis=1)[:, ::-1]


def test_ratios_of_stages_multiply_to_that_of_the_way():
    found = funnel_ratios(GROUP, REFERENCE)
    by_hand = [(300 / 400) / (800 / 900), (210 / 300) / (700 / 800), (150 / 210) / (6 / 7), (120 / 150) / (540 / 600)]
    assert found.ratios == pytest.approx(by_hand)
    assert prod(found.ratios) == pytest.approx(found.total, rel=1e-14) == (120 / 400) / (540 / 900)
    assert found.logs.sum() == pytest.approx(log(found.total), rel=1e-13)
    assert found.shares.sum() == pytest.approx(1)
    assert found.variances.sum() == pytest.approx(found.total_variance, rel=1e-12)
    assert found.costliest == 1 == int(np.argmin(by_hand))


def test_the_costliest_stage_has_the_sign_of_the_whole():
    assert costliest([-0.1, 0.9, -1.2]) == 2
    assert costliest([-0.1, 0.9, -0.2]) == 1
    assert costliest([np.nan, -0.2, -0.1]) == 1
    assert costliest([-0.3, -np.inf, 2.0]) == 1
    assert costliest([0.0, 0.0]) is None
    assert costliest([np.nan]) is None


def test_the_variance_of_a_stage_is_that_of_every_possible_outcome():
    """Log ratios of two stages, enumerated given who came: variance by the formula at the truth, no covariance."""
    n, m, p, q = 60, 80, (0.7, 0.8), (0.8, 0.75)
    first = [(a, b, binom.pmf(a, n, p[0]) * binom.pmf(b, m, q[0])) for a, b in product(range(30, 56), range(48, 78))]
    mean = [0.0, 0.0]
    moments = np.zeros((2, 2))
    for a, b, weight in first:
        one = log(a / n / (b / m))
        c, d = np.arange(1, a + 1), np.arange(1, b + 1)
        law = np.outer(binom.pmf(c, a, p[1]), binom.pmf(d, b, q[1]))
        two = np.log(np.divide.outer(c / a, d / b))
        for i, value in enumerate((np.full_like(two, one), two)):
            mean[i] += weight * (law * value).sum()
        for i, j in product((0, 1), repeat=2):
            values = (np.full_like(two, one), two)
            moments[i, j] += weight * (law * values[i] * values[j]).sum()
    covariance = moments - np.outer(mean, mean)
    expected = [1 / (n * p[0]) - 1 / n + 1 / (m * q[0]) - 1 / m]
    came, others = n * p[0], m * q[0]
    expected.append(1 / (came * p[1]) - 1 / came + 1 / (others * q[1]) - 1 / others)
    assert np.diag(covariance) == pytest.approx(expected, rel=0.05)
    assert abs(covariance[0, 1]) < 0.005 * covariance[0, 0]  # of second order: the mean of log moves with who came
    table = [n, n * p[0], n * p[0] * p[1]], [m, m * q[0], m * q[0] * q[1]]
    assert funnel_ratios(*table).variances == pytest.approx(expected, rel=1e-12)


def test_intervals_of_stages_are_those_of_statsmodels_and_wider_together():
    found = stage_intervals(GROUP, REFERENCE, 0.95)
    for k in range(4):
        plain = confint_proportions_2indep(
            GROUP[k + 1], GROUP[k], REFERENCE[k + 1], REFERENCE[k], compare="ratio", method="score", correction=False
        )
        assert (found.low[k], found.high[k]) == pytest.approx(plain, rel=4e-3)  # statsmodels does not mend the skewness
    together = stage_intervals(GROUP, REFERENCE, 0.95, at_once=True)
    assert (together.low < found.low).all()
    assert (together.high > found.high).all()
    assert sidak_level(0.95, 4) ** 4 == pytest.approx(0.95)
    many = stage_intervals(GROUP, REFERENCE, np.array([[0.95], [0.99]]))
    assert many.low.shape == (2, 4)
    assert many.low[0] == pytest.approx(found.low)


@pytest.mark.parametrize("seed", [11, 12])
def test_intervals_as_they_stand_cover_alone_and_together(seed):
    rng, rates = np.random.default_rng(seed), (np.array([[0.8, 0.7, 0.9]]), np.array([[0.9, 0.75, 0.85]]))
    truth, runs = (rates[0] / rates[1])[0], 5000
    mine, theirs = (
        drawn(rng, np.full(runs, n), np.repeat(one, runs, axis=0)) for n, one in zip((150, 300), rates, strict=True)
    )
    alone, joint = (stage_intervals(mine, theirs, 0.95, at_once=flag) for flag in (False, True))
    total = stage_intervals(mine[:, [0, -1]], theirs[:, [0, -1]], 0.95)
    alone = ((alone.low <= truth) & (truth <= alone.high)).mean(axis=0)
    at_once = ((joint.low <= truth) & (truth <= joint.high)).all(axis=1).mean()
    whole = ((total.low <= truth.prod()) & (truth.prod() <= total.high)).mean()
    assert ((alone > 0.94) & (alone < 0.96)).all()
    assert 0.94 < at_once < 0.96
    assert 0.94 < whole < 0.96


def test_a_stage_that_nobody_reaches_or_passes_has_no_ratio_and_no_alarm():
    found = funnel_ratios([50, 0, 0], [80, 60, 40])
    assert found.ratios[0] == 0
    assert np.isnan(found.ratios[1])
    assert found.total == 0
    assert found.costliest == 0
    intervals = stage_intervals([50, 0, 0], [80, 60, 40], 0.95)
    assert (intervals.low[0], np.isnan(intervals.low[1])) == (0, True)
    assert 0 < intervals.high[0] < 0.2
    assert np.isinf(stage_intervals([50, 9], [80, 0], 0.95).high[0])


@pytest.mark.parametrize(
    ("group", "reference", "why"),
    [([5, 6], [9, 8], "no more who pass"), ([5], [9], "an entry and stages"), ([5, -1], [9, 8], "from 0 on"),
     ([5, 4], [9, 8, 7], "that of the group"), ([[5, 4]], [9, 8], "expected 1 axes"),
     ([5, np.nan], [9, 8], "from 0 on")],
)  # fmt: skip
def test_what_is_no_funnel_is_refused(group, reference, why):
    with pytest.raises(ValueError, match=why):
        funnel_ratios(group, reference)


# within strata

RATES = np.array([[0.9, 0.8, 0.7], [0.6, 0.5, 0.8], [0.75, 0.9, 0.6]])
SIZES = np.array([80, 260, 160]), np.array([500, 150, 250])


def truth(sizes, own, other):
    """Adjusted ratios of stages and of the way for these rates and the group's strata."""
    way = (sizes[:, None] * own.cumprod(axis=1)).sum(0) / (sizes[:, None] * other.cumprod(axis=1)).sum(0)
    return way / np.append(1, way[:-1]), way[-1]


def test_within_strata_the_reference_has_the_groups_strata():
    mine, theirs = drawn(np.random.default_rng(1), SIZES[0], RATES), drawn(np.random.default_rng(2), SIZES[1], RATES)
    found = adjusted_funnel(mine, theirs)
    way = [mine[:, k].sum() / sum(mine[s, 0] * theirs[s, k] / theirs[s, 0] for s in range(3)) for k in range(4)]
    assert found.ratios == pytest.approx(np.divide(way[1:], way[:-1]), rel=1e-13)
    assert found.logs.sum() == pytest.approx(log(found.total), rel=1e-12)
    assert found.covariance.sum() == pytest.approx(found.total_variance, rel=1e-12)
    plain = funnel_ratios(mine.sum(axis=0), theirs.sum(axis=0))
    assert found.raw == pytest.approx(plain.ratios, rel=1e-13)
    assert found.raw_total == pytest.approx(found.total * found.composition, rel=1e-13)
    assert plain.total < 0.8 < 0.9 < found.total


def test_a_planted_composition_is_all_there_is():
    """Alike in every stratum, the group living where the network is poor: nothing adjusted, everything composition."""
    whole = (SIZES[0][:, None] * 1000 * np.cumprod(np.c_[np.ones(3), RATES], axis=1)).round()
    other = (SIZES[1][:, None] * 1000 * np.cumprod(np.c_[np.ones(3), RATES], axis=1)).round()
    found = adjusted_funnel(whole, other)
    assert found.ratios == pytest.approx(1, abs=1e-9)
    assert found.composition == pytest.approx(found.raw_total, rel=1e-9)
    assert found.composition < 0.8


def test_one_stratum_is_the_plain_funnel():
    found, plain = adjusted_funnel([GROUP], [REFERENCE]), funnel_ratios(GROUP, REFERENCE)
    assert found.ratios == pytest.approx(plain.ratios, rel=1e-13)
    assert found.composition == pytest.approx(1)
    spread = [1 / a - 1 / b for a, b in zip(GROUP[1:], GROUP[:-1], strict=True)]
    assert np.diag(found.covariance) == pytest.approx(plain.variances, rel=3e-3)  # n / (n − 1)
    assert (np.diag(found.covariance) > spread).all()
    assert np.abs(found.covariance - np.diag(np.diag(found.covariance))).max() < 1e-12


def test_the_covariance_is_that_of_a_bootstrap_of_persons_within_strata():
    rng = np.random.default_rng(3)
    mine, theirs = drawn(rng, SIZES[0], RATES * 0.95), drawn(rng, SIZES[1], RATES)
    found = adjusted_funnel(mine, theirs)
    draws = []
    for _ in range(4000):
        sides = []
        for table in (mine, theirs):
            furthest = [rng.multinomial(row[0], -np.diff(row, append=0) / row[0]) for row in table]
            sides.append(np.array(furthest)[:, ::-1].cumsum(axis=1)[:, ::-1])
        one = adjusted_funnel(*sides)
        draws.append([*one.logs, log(one.total)])
    spread = np.cov(np.array(draws).T)
    errors = np.sqrt(np.append(np.diag(found.covariance), found.total_variance))
    assert errors == pytest.approx(np.sqrt(np.diag(spread)), rel=0.05)
    inside = found.covariance / np.outer(errors[:3], errors[:3])
    assert inside == pytest.approx(np.corrcoef(np.array(draws).T)[:3, :3], abs=0.06)


def test_the_variance_of_the_composition_is_that_of_a_bootstrap_of_persons_with_their_strata():
    rng = np.random.default_rng(4)
    mine, theirs = drawn(rng, SIZES[0], RATES), drawn(rng, SIZES[1], RATES)
    found, rows = adjusted_funnel(mine, theirs), (people(mine), people(theirs))
    draws = []
    for _ in range(3000):
        sides = [counted(one[rng.integers(len(one), size=len(one))], (3, 4)) for one in rows]
        draws.append(log(adjusted_funnel(*sides).composition))
    assert found.composition_variance**0.5 == pytest.approx(np.std(draws), rel=0.05)


WORLDS = [
    (4, 400, 900, 0.6, 0.9, 1.0), (2, 150, 2000, 0.5, 0.8, 0.8), (30, 500, 500, 0.5, 0.9, 1.0),
    (10, 1000, 400, 0.4, 0.85, 0.9),
]  # fmt: skip


@pytest.mark.parametrize("world", WORLDS)
def test_intervals_within_strata_cover_alone_together_and_for_the_way(world):
    count, n, m, low, high, harm = world
    rng, runs = np.random.default_rng(count), 3000
    other = rng.uniform(low, high, (count, 2))
    own = other * np.where(rng.uniform(size=(count, 2)) < 0.5, harm, 1)
    sizes = [np.maximum(rng.multinomial(k, rng.dirichlet(np.ones(count) * 4)), 1) for k in (n, m)]
    stages, way = truth(sizes[0], own, other)
    alone, together, whole = np.zeros(2), 0, 0
    for run in range(runs):
        found = adjusted_funnel(drawn(rng, sizes[0], own), drawn(rng, sizes[1], other))
        assert found.total_reliable
        for k in range(2):
            ends = log_interval(found.ratios[k], found.covariance[k, k], 0.95)
            alone[k] += ends[0] <= stages[k] <= ends[1]
        ends = log_interval(found.total, found.total_variance, 0.95)
        whole += ends[0] <= way <= ends[1]
        if run % 10 == 0:
            reach = adjusted_at_once(found, replicates=5000).critical(0.95)
            together += bool((abs(found.logs - np.log(stages)) <= reach * np.sqrt(np.diag(found.covariance))).all())
    assert ((alone / runs > 0.94) & (alone / runs < 0.96)).all()
    assert 0.94 < whole / runs < 0.96
    assert 0.92 < together * 10 / runs < 0.98  # of 300


def test_scarce_counts_have_no_interval_and_others_have():
    rich = adjusted_funnel([[200, 100, 50]], [[900, 500, 300]])
    assert rich.total_reliable
    assert rich.reliable.all()
    for mine in ([200, 100, 14], [200, 190, 50], [200, 100, 90]):
        assert not adjusted_funnel([mine], [[900, 500, 300]]).reliable.all()
    assert not adjusted_funnel([[200, 100, 14]], [[900, 500, 300]]).total_reliable
    # a reference that hangs on one person who stands for a hundred
    lone = adjusted_funnel([[100, 60], [100, 60]], [[1, 1], [900, 500]])
    assert not lone.total_reliable
    nobody = adjusted_at_once(lone)
    assert nobody.stages == 0
    assert np.isnan(nobody.critical(0.95))
    assert FEWEST == 15


def test_limits_of_several_at_once_are_those_of_their_joint_normal_law():
    """Stages that hang together, against the probability of the box that the limits make."""
    found = adjusted_funnel([[400, 300, 210, 120], [90, 70, 50, 25]], [[900, 800, 700, 500], [300, 200, 150, 90]])
    law = np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.7], [0.6, 0.7, 1.0]])
    tied = AdjustedFunnel(**{name: getattr(found, name) for name in AdjustedFunnel.__slots__} | {"covariance": law})
    together = adjusted_at_once(tied, replicates=400_000)
    assert together.stages == 3
    for level in (0.5, 0.95, 0.99):
        reach = together.critical(level)
        box = multivariate_normal(np.zeros(3), law).cdf(np.full(3, reach), lower_limit=np.full(3, -reach))
        assert box == pytest.approx(level, abs=0.003)
        assert reach < norm.isf((1 - level ** (1 / 3)) / 2)
        assert together.p_value(reach) == pytest.approx(1 - level, abs=0.001)
    independent = adjusted_at_once(found)
    assert independent.critical(0.95) == pytest.approx(norm.isf((1 - 0.95 ** (1 / 3)) / 2), abs=0.02)
    for level in (0.9998, 0.999999):  # too few draws lie beyond
        assert independent.critical(level) == pytest.approx(norm.isf((1 - level ** (1 / 3)) / 2))
    reaches = [independent.critical(level) for level in LEVELS]
    assert reaches == sorted(reaches)
    assert independent.p_value(7.0) == pytest.approx(3 * 2 * norm.sf(7.0), rel=1e-6)
    assert independent.p_value(0.0) == 1
    assert alone().critical(0.95) == pytest.approx(norm.isf(0.025))
    assert alone().p_value(-2.0) == pytest.approx(2 * norm.sf(2.0))


def test_the_p_value_of_one_of_several_tests():
    assert sidak_p_value(0.01, 5) == pytest.approx(1 - 0.99**5)
    assert sidak_p_value(1e-20, 5) == pytest.approx(5e-20)
    assert sidak_p_value(1.0, 5) == 1


def test_strata_without_a_reference_are_lost_and_counted():
    found = adjusted_funnel([[100, 60], [40, 1]], [[200, 150], [0, 0]])
    assert found.total == pytest.approx(0.6 / 0.75)
    assert (found.lost, found.kept.tolist()) == (40, [True, False])
    nobody = adjusted_funnel([[40, 1]], [[0, 0]])
    assert np.isnan(nobody.total)
    assert (nobody.total_reliable, nobody.lost) == (False, 40)


def test_a_stratum_whose_reference_dropped_out_stays_or_the_figure_is_biased():
    """Two persons of the reference in each of 200 strata: by their outcome half would have to go at the last stage."""
    rng, rates = np.random.default_rng(9), np.full((200, 2), 0.5)
    logs = []
    for _ in range(200):
        mine, theirs = drawn(rng, np.full(200, 3), rates), drawn(rng, np.full(200, 2), rates)
        logs.append(log(adjusted_funnel(mine, theirs).total))
    assert np.mean(logs) == pytest.approx(0, abs=4 * np.std(logs) / 200**0.5 + 0.01)


def test_a_log_interval_without_variance_says_nothing():
    assert log_interval(0.8, 0.0, 0.95) == (0.0, np.inf)
    assert log_interval(0.0, 0.1, 0.95) == (0.0, np.inf)
    low, high = log_interval(0.8, 0.01, 0.95)
    assert log(high) - log(0.8) == pytest.approx(0.1959964) == log(0.8) - log(low)

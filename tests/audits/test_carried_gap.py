"""What rides on features beyond cost or outcomes, against gaps that are known and fits by another package."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from audits.statistics.carried_gap import (
    carried_at_equal,
    carried_in_proportion,
    feature_design,
    fit_cost,
    fit_outcome,
    raw_gaps,
    shared_shares,
    slope_on,
)


def book(seed: int, n: int = 3000, effect: float = 0.2, noise: float = 0.2):
    """Group, columns, contributions, margin, log cost: cost falls with tenure through two factors, visits rise with it.

    The third feature says nothing of cost, and the margin has ``effect`` for it.
    """
    rng = np.random.default_rng(seed)
    tenure = np.minimum(rng.geometric(0.25, n) - 1, 10)
    first, second = rng.normal(size=n) - 0.15 * tenure, rng.integers(0, 4, n).astype(float)
    second = np.maximum(second - (rng.random(n) < 0.05 * tenure), 0)
    visits = np.minimum(rng.poisson(1 + 0.8 * tenure), 8).astype(float)
    parts = np.column_stack([0.3 * first + 0.05 * first**2, 0.2 * second**1.3, effect * visits / 8])
    told = parts[:, 0] + parts[:, 1]
    return tenure >= 3, [first, second, visits], parts, parts.sum(axis=1), told + rng.normal(0, noise, n)


def gap(values, is_group) -> float:
    return values[is_group].mean(axis=0) - values[~is_group].mean(axis=0)


def test_the_parts_and_what_is_left_add_up_to_the_gap_of_price_over_cost() -> None:
    is_group, columns, parts, margin, cost = book(1)
    found = carried_in_proportion(feature_design(columns, parts), margin - cost, is_group)
    assert found.estimate.sum() + found.residual + found.held == pytest.approx(gap(margin - cost, is_group), abs=1e-12)
    assert found.held == pytest.approx(0, abs=1e-12)
    design = feature_design(columns, parts)
    equal = carried_at_equal(design, margin, fit_cost(design, cost), is_group)
    assert equal.estimate.sum() + equal.residual + equal.held == pytest.approx(gap(margin, is_group), abs=1e-12)


def test_a_price_in_proportion_to_cost_leaves_nothing_however_the_cost_bends() -> None:
    is_group, columns, parts, *_ = book(2)
    together = 0.3 * columns[0] * columns[1]  # an interaction, which contributions share between both
    values = parts * [1, 1, 0]
    values[:, :2] += 0.5 * together[:, None]
    cost = values.sum(axis=1)
    found = carried_in_proportion(feature_design(columns, values), cost + 0.3 - cost, is_group)
    assert np.abs(found.estimate).max() < 1e-10


@pytest.mark.parametrize("effect", [0.0, 0.2])
def test_what_rides_on_a_proxy_is_found_and_legitimate_features_carry_nothing(effect: float) -> None:
    inside, equal_inside, alone = 0, 0, np.zeros(3)
    many = book(99, 400_000, effect)
    truth = np.array([0.0, 0.0, gap(many[2][:, 2], many[0])])
    for seed in range(40):
        is_group, columns, parts, margin, cost = book(seed, 1500, effect)
        design = feature_design(columns, parts)
        found = carried_in_proportion(design, margin - cost, is_group)
        away = np.abs(found.estimate - truth) / found.error
        inside, alone = inside + bool(away.max() <= 2.4), alone + (away <= 1.96)
        equal = carried_at_equal(design, margin, fit_cost(design, cost), is_group)
        equal_inside += abs(equal.estimate[2] - truth[2]) <= 2.4 * equal.error[2]
    assert alone.min() >= 33  # 40 draws at 95 %: fewer in one of 1,000 runs
    assert inside >= 34
    assert equal_inside >= 35


def test_raw_gaps_would_clear_the_insurer_whose_loyal_customers_are_cheaper() -> None:
    is_group, columns, parts, margin, cost = book(3, 8000)
    assert gap(margin, is_group) < 0
    found = carried_in_proportion(feature_design(columns, parts), margin - cost, is_group)
    assert found.estimate[2] - 3 * found.error[2] > 0


def test_a_fixed_charge_is_no_harm_at_equal_expected_cost() -> None:
    is_group, columns, parts, _, cost = book(4, 6000, 0.0)
    told = parts.sum(axis=1)
    margin = np.log(np.exp(told) + 2.0)
    design = feature_design(columns, 0.5 * parts)
    surrogate = fit_cost(design, cost)
    plain, equal = (
        carried_in_proportion(design, margin - cost, is_group),
        carried_at_equal(design, margin, surrogate, is_group),
    )
    assert plain.estimate[0] > 5 * plain.error[0]  # the group has the cheaper risks, of which the charge is more
    assert np.abs(equal.estimate).max() < 0.03 * plain.estimate[0]
    slope = slope_on(surrogate, margin)
    assert slope is not None
    assert slope < 0.6


def test_estimates_are_those_of_least_squares_by_another_package_and_errors_those_of_drawing_again() -> None:
    rng = np.random.default_rng(7)
    n = 4000
    is_group = rng.random(n) < 0.5
    x = (rng.random((n, 2)) < np.where(is_group[:, None], [0.7, 0.4], [0.3, 0.5])).astype(float)
    x[:, 1] = np.where(rng.random(n) < 0.3, x[:, 0], x[:, 1])
    y = x @ [0.3, -0.2] + rng.normal(0, 0.5, n) * (1 + x[:, 0])
    design = feature_design(list(x.T), np.zeros((n, 2)))
    found = carried_in_proportion(design, y, is_group)
    fit = sm.OLS(y, sm.add_constant(x)).fit()
    assert found.estimate == pytest.approx(fit.params[1:] * gap(x, is_group), rel=1e-4)
    again = []
    for _ in range(400):
        i = rng.integers(0, n, n)
        again.append(sm.OLS(y[i], sm.add_constant(x[i])).fit().params[1:] * gap(x[i], is_group[i]))
    assert found.error == pytest.approx(np.std(again, axis=0), rel=0.12)
    assert found.covariance[0, 1] == pytest.approx(np.cov(np.array(again).T)[0, 1], rel=0.5, abs=2e-6)


def test_strata_hold_their_own_gap_equal() -> None:
    rng = np.random.default_rng(9)
    n = 6000
    channel = rng.integers(0, 2, n)
    is_group = rng.random(n) < np.where(channel == 1, 0.7, 0.3)
    other = rng.normal(size=n)
    y = 0.4 * channel + 0.1 * other + rng.normal(0, 0.1, n)
    design = feature_design([channel.astype(float), other], np.column_stack([0.4 * channel, 0.1 * other]))
    free = carried_in_proportion(design, y, is_group)
    inside = carried_in_proportion(design, y, is_group, strata=channel)
    assert free.estimate[0] == pytest.approx(0.4 * gap(channel, is_group), abs=0.01)
    assert inside.held == pytest.approx(0.4 * gap(channel, is_group), abs=0.01)
    assert abs(inside.estimate[0]) < 1e-6


def test_rows_that_come_again_make_no_gap_surer() -> None:
    is_group, columns, parts, margin, cost = book(11, 1000)
    who, five = np.arange(1000), np.tile(np.arange(1000), 5)
    once = carried_in_proportion(feature_design(columns, parts), margin - cost, is_group, clusters=who)
    columns, parts = [np.tile(one, 5) for one in columns], np.tile(parts, (5, 1))
    design, markup, group = feature_design(columns, parts), np.tile(margin - cost, 5), np.tile(is_group, 5)
    assert carried_in_proportion(design, markup, group, clusters=five).error == pytest.approx(once.error, rel=0.1)
    assert raw_gaps(parts, group, five).error == pytest.approx(raw_gaps(parts[:1000], is_group).error, rel=0.01)


def lender(seed: int, penalty: float, n: int = 4000):
    """Log-odds of a score that follows the risk, bent, with a penalty for a trait of the group; known repayments."""
    rng = np.random.default_rng(seed)
    is_group = rng.random(n) < 0.4
    risk = np.clip(rng.integers(0, 10, n) + 2 * is_group * (rng.random(n) < 0.6), 0, 9).astype(float)
    trait = (rng.random(n) < np.where(is_group, 0.6, 0.15)).astype(float)
    odds = 2.5 - 0.4 * risk
    repaid = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    score = np.tanh(odds / 3)
    parts = np.column_stack([score - score.mean(), -penalty * trait])
    return is_group, [risk, trait], parts, score - penalty * trait, repaid


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_a_penalised_trait_is_found_at_equal_odds_of_repayment_and_risk_is_not(penalty: float) -> None:
    far, covered, worst = 0, 0, []
    for seed in range(25):
        is_group, columns, parts, margin, repaid = lender(seed, penalty)
        design = feature_design(columns, parts)
        found = carried_at_equal(design, margin, fit_outcome(design, repaid), is_group)
        true = -penalty * gap(columns[1], is_group)
        covered += abs(found.estimate[1] - true) <= 2 * found.error[1]
        far += found.estimate[1] + 3 * found.error[1] < 0
        worst.append(found.estimate[0])
        assert found.estimate.sum() + found.residual + found.held == pytest.approx(gap(margin, is_group), abs=1e-12)
    raw = gap(parts[:, 0], is_group)
    assert covered >= 20
    assert far == (25 if penalty else 0)
    assert np.mean(worst) > 0.05 * raw  # raw is below 0: at most a twentieth of it stays with the risk


def test_the_odds_of_an_outcome_are_those_of_another_package_and_known_rows_alone_count() -> None:
    rng = np.random.default_rng(12)
    n = 20_000
    x = rng.integers(0, 3, n).astype(float)
    good = (rng.random(n) < 1 / (1 + np.exp(-(0.5 - 0.6 * x)))).astype(float)
    unknown = rng.random(n) < 0.3
    design = feature_design([x], np.zeros((n, 1)))
    found = fit_outcome(design, np.where(unknown, np.nan, good))
    dummies = sm.add_constant(np.column_stack([x == 1, x == 2]).astype(float))
    other = sm.Logit(good[~unknown], dummies[~unknown]).fit(disp=0)
    assert found.fitted == pytest.approx(dummies @ other.params, abs=0.01)
    assert (found.moves[unknown] == 0).all()


def test_too_few_outcomes_of_a_kind_are_refused() -> None:
    design = feature_design([np.arange(200.0)], np.zeros((200, 1)))
    with pytest.raises(ValueError, match="19 good ones"):
        fit_outcome(design, (np.arange(200) < 19).astype(float))


def test_features_that_tell_the_same_are_told_of_and_share_what_they_carry() -> None:
    rng = np.random.default_rng(13)
    n = 3000
    x, alone = rng.normal(size=n), rng.normal(size=n)
    is_group = x + rng.normal(size=n) > 0
    columns, parts = [x, x + 1e-9 * rng.normal(size=n), alone], np.column_stack([0.2 * x, 0 * x, 0.1 * alone])
    design = feature_design(columns, parts)
    shared = shared_shares(design)
    assert shared[0] > 0.95
    assert shared[2] < 0.1
    found = carried_in_proportion(design, parts.sum(axis=1), is_group)
    assert found.estimate[:2].sum() == pytest.approx(0.2 * gap(x, is_group), rel=1e-3)


def test_texts_and_missing_numbers_take_part() -> None:
    rng = np.random.default_rng(14)
    n = 4000
    place = np.array(["a", "b", None], dtype=object)[rng.integers(0, 3, n)]
    number = np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n))
    is_group = (place == "a") | (np.isnan(number) & (rng.random(n) < 0.5))
    worth = 0.2 * (place == "a") + 0.3 * np.isnan(number)
    design = feature_design([place, number], np.zeros((n, 2)))
    found = carried_in_proportion(design, worth + rng.normal(0, 0.01, n), is_group)
    true = [0.2 * gap(place == "a", is_group), 0.3 * gap(np.isnan(number), is_group)]
    assert found.estimate == pytest.approx(true, abs=0.005)

"""From score to approval: the same share for every model, a fixed increasing function of the score, ties alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from audits.remedies.approvals import UnanswerableError, rule_of, tied_places
from audits.simulation.proxy import Proxy
from checks.problem import InputError


def book(n: int = 3000, seed: int = 0, digits: int = 9):
    rng = np.random.default_rng(seed)
    today = np.round(rng.normal(size=n), digits)
    other = np.round(0.5 * today + rng.normal(size=n), digits)
    return today, other, (rng.random(n) < 1 / (1 + np.exp(-0.5 - 1.4 * today))).astype(float)


@pytest.mark.parametrize("approve", ["as_recorded", "cut"])
@pytest.mark.parametrize("digits", [0, 1, 9])
def test_every_model_approves_the_recorded_share(approve, digits) -> None:
    today, other, decided = book(digits=digits)
    rule = rule_of(approve, today, decided)
    assert rule.share == decided.mean()
    for scores in (today, other, np.round(other), -today, np.zeros(len(today))):
        chances = rule.approver(scores).chances(scores)
        assert chances.mean() == pytest.approx(decided.mean(), abs=1e-9)
        assert chances.min() >= 0
        assert chances.max() <= 1
        order = np.argsort(scores, kind="stable")
        assert (np.diff(chances[order]) >= 0).all()
        for value in np.unique(scores)[:30]:
            assert len(set(chances[scores == value])) == 1


def test_today_as_recorded_follows_the_increasing_curve_of_the_decisions() -> None:
    today, _, decided = book(digits=1)
    chances = rule_of("as_recorded", today, decided).approver(today).chances(today)
    expected = IsotonicRegression().fit(today, decided).predict(today)
    assert chances == pytest.approx(expected, abs=1e-9)


def test_a_candidate_takes_the_mean_of_the_curve_over_the_ranks_of_its_ties() -> None:
    today, other, decided = book(n=400)
    other = np.round(other)
    chances = rule_of("as_recorded", today, decided).approver(other).chances(other)
    curve = np.sort(
        IsotonicRegression().fit(today, decided).predict(today)
    )  # chances of the ranks, one row after another
    ranked = np.sort(other)
    for value in np.unique(other):
        assert chances[other == value][0] == pytest.approx(curve[ranked == value].mean(), abs=1e-12)


def test_a_cut_shares_the_margin_evenly_among_its_ties() -> None:
    scores, decided = np.array([1.0, 2, 2, 2, 3, 4]), np.array([0.0, 0, 0, 1, 1, 1])
    chances = rule_of("cut", scores, decided).approver(scores).chances(scores)
    assert chances == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 1, 1])


def test_later_scores_lie_between_their_neighbours() -> None:
    today, other, decided = book(n=500)
    approver = rule_of("as_recorded", today, decided).approver(other)
    low, high = np.sort(other)[[100, 101]]
    ends = approver.chances(np.array([low, high]))
    between = approver.chances(np.array([low + 0.25 * (high - low), (low + high) / 2]))
    assert between == pytest.approx([0.75 * ends[0] + 0.25 * ends[1], ends.mean()])
    edge = approver.chances(np.array([-1e9, other.min(), other.max(), 1e9]))
    assert edge[0] == edge[1]
    assert edge[2] == edge[3]
    grid = approver.chances(np.linspace(-5, 5, 2001))
    assert (np.diff(grid) >= 0).all()


def test_rounding_breaks_no_tie() -> None:
    scores = np.array([0.1 + 0.2, 0.3, 0.5, 0.5 + 1e-15, 0.7])
    assert tied_places(scores)[0].tolist() == [0, 0, 1, 1, 2]
    assert tied_places(np.array([3e-9, 2e-9, 1.0]))[0].tolist() == [1, 0, 2]
    assert tied_places(np.zeros(3))[0].tolist() == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.booleans()), min_size=4, max_size=60), st.sampled_from([1.0, 1e-9, 1e9])
)
def test_any_scores_keep_the_share_and_the_order(rows, scale) -> None:
    scores, decided = np.array([one for one, _ in rows]) * scale, np.array([float(yes) for _, yes in rows])
    if 0 < decided.mean() < 1:
        chances = rule_of("cut", scores, decided).approver(scores).chances(scores)
        assert chances.mean() == pytest.approx(decided.mean(), abs=1e-9)
        assert (np.diff(chances[np.argsort(scores, kind="stable")]) >= -1e-15).all()


def test_ratios_of_the_planted_world_follow_from_the_rule() -> None:
    """On rows that stand for the whole population, the rule gives the world's own enumerated ratios."""
    world, rows = Proxy(), 400_000
    joint = world.population(0.3).over("group", "risk", "trait", "approved")
    counts = np.round(joint * rows).astype(int)
    group, risk, trait, approved = (np.repeat(part.ravel(), counts.ravel()) for part in np.indices(counts.shape))
    chance = np.linspace(world.best_chance, world.worst_chance, 10)[risk] - 0.3 * trait
    band = np.array([approved[risk == one].mean() for one in range(10)])[risk]
    rule, truth = rule_of("as_recorded", chance, approved.astype(float)), world.truth(0.3)
    for scores, name in (
        (chance, "adverse_impact_ratio_of_todays_model"), (band, "adverse_impact_ratio_without_trait")
    ):  # fmt: skip
        chances = rule.approver(scores).chances(scores)
        assert chances[group == 1].mean() / chances[group == 0].mean() == pytest.approx(truth[name], abs=2e-4)


def test_scores_that_hardly_order_the_decisions_give_no_curve_and_say_what_to_do() -> None:
    rng = np.random.default_rng(2)
    scores, decided = rng.normal(size=2000), (rng.random(2000) < 0.7).astype(float)
    with pytest.raises(UnanswerableError) as refused:
        rule_of("as_recorded", scores, decided)
    assert isinstance(refused.value, InputError)
    assert "approve: cut" in refused.value.reason
    assert f"{refused.value.reason.values['order']:.3f}" in refused.value.reason
    assert refused.value.reason.values["order"] < 0.6
    assert "target: decision" in refused.value.reason
    with pytest.raises(UnanswerableError) as refused:
        rule_of("as_recorded", scores, decided, "decision")
    for told in (refused.value.reason, refused.value.problems[0].remedy):
        assert "approve: cut" in told
        assert "target: decision" not in told
    rule = rule_of("cut", scores, decided)
    assert rule.approver(scores).chances(scores).mean() == pytest.approx(rule.share, abs=1e-9)


@pytest.mark.parametrize("decided", [np.ones(9), np.zeros(9), np.full(9, np.nan)])
def test_decisions_that_are_all_alike_or_unknown_give_no_rule(decided) -> None:
    for approve in ("cut", "as_recorded"):
        with pytest.raises(UnanswerableError) as refused:
            rule_of(approve, np.arange(9.0), decided)
        assert refused.value.problems[0].remedy


def test_unknown_decisions_and_scores_that_are_no_numbers() -> None:
    today, _, decided = book(n=900)
    half = decided.copy()
    half[::2] = np.nan
    assert rule_of("cut", today, half).share == decided[1::2].mean()
    approver = rule_of("cut", today, decided).approver(today)
    for bad in (np.array([1.0, np.nan]), np.array([np.inf]), np.ones((2, 2))):
        with pytest.raises(ValueError, match="scores"):
            approver.chances(bad)
    with pytest.raises(ValueError, match="at least one"):
        rule_of("cut", today, decided).approver(np.array([]))

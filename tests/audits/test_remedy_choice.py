"""Figures of the rows of the choice, and which alternative is chosen by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.choice import choose
from audits.remedies.records import Candidate, GroupRate
from audits.remedies.validation import FEWEST, Validator, group_rates, least_ratio
from checks.inputs.remedies import Remedies, Training
from checks.inputs.training_code import TrainingError
from checks.sentence import Sentence, said

ASKED = Remedies(Training("train.py"), target="decision")


class Linear:
    """Scores by weights of two features."""

    def __init__(self, *weights: float) -> None:
        self.weights = np.array(weights)

    def scores(self, features: pd.DataFrame) -> np.ndarray:
        return features[["x", "t"]].to_numpy() @ self.weights


class Fails:
    def scores(self, features):
        raise TrainingError(said("It broke on {n:,} rows.", n=len(features)))


class NotNumbers:
    def scores(self, features):
        return np.full(len(features), np.nan)


def part(n: int = 2000, seed: int = 0, others: int = 0) -> RemedyPart:
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < 0.3, "B", "A").astype(object)
    if others:
        group[:others] = "C"
    x = rng.normal(size=n) - 0.4 * (group == "B")
    t = (rng.random(n) < np.where(group == "B", 0.6, 0.1)).astype(float)
    decision = (rng.random(n) < 1 / (1 + np.exp(-(1 + x - 1.5 * t)))).astype(float)
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(1 + x)))).astype(float)
    half = np.where(rng.random(n) < 0.5, "m", "f").astype(object)
    half[rng.random(n) < 0.1] = None
    return RemedyPart(pd.DataFrame({"x": x, "t": t}), decision, decision, outcome, {"area": group, "sex": half},
                      np.arange(n))  # fmt: skip


REFERENCES = {"area": "A", "sex": "m"}


def named(name: str, kind: str = "without_features", **more) -> Candidate:
    return Candidate(name, kind, name, ("x", "t"), **more)  # type: ignore[arg-type]


def test_figures_are_those_of_the_rows() -> None:
    rows = part()
    rows.outcome[::3] = np.nan
    validator = Validator(rows, ASKED, REFERENCES)
    today = validator(named("today", "today"), Linear(1, -1.5))
    other = validator(named("without-t"), Linear(1, 0))
    known = ~np.isnan(rows.outcome)
    assert other.performance == pytest.approx(roc_auc_score(rows.outcome[known], rows.features["x"][known]), abs=1e-12)
    assert other.known == known.sum()
    assert today.approved == pytest.approx(rows.decision.mean(), abs=1e-9)
    assert other.approved == pytest.approx(today.approved, abs=1e-9)
    chances = validator.approver(Linear(1, 0)).chances(rows.features["x"])
    assert other.outcome_rate == pytest.approx((chances * rows.outcome)[known].sum() / chances[known].sum())
    rates = {(one.attribute, one.group): one for one in other.rates}
    assert list(rates) == [("area", "A"), ("area", "B"), ("sex", "m"), ("sex", "f")]
    for (attribute, group), one in rates.items():
        mask = rows.labels[attribute] == group
        assert (one.n, one.rate) == (mask.sum(), pytest.approx(chances[mask].mean()))
        base = chances[rows.labels[attribute] == REFERENCES[attribute]].mean()
        assert one.ratio == pytest.approx(one.rate / base)
    assert today.gain == 0
    before = next(one.ratio for one in today.rates if one.group == "B")
    assert other.gain == pytest.approx(rates["area", "B"].ratio - before)
    assert other.gain > 0.05


def test_a_model_that_fails_is_a_candidate_with_its_reason() -> None:
    validator = Validator(part(), ASKED, REFERENCES)
    validator.today(Linear(1, -1.5))
    assert validator.fill(named("a"), Fails()).reason == "It broke on 2,000 rows."
    assert "finite" in str(validator.fill(named("b"), NotNumbers()).reason)
    failed = named("c", reason=said("Nothing was trained."))
    assert validator.fill(failed, None) == failed
    with pytest.raises(RuntimeError, match="today"):
        Validator(part(), ASKED, REFERENCES).fill(named("d"), Linear(1, 0))


def test_chances_by_group_are_filled_without_a_score() -> None:
    rows = part()
    validator = Validator(rows, ASKED, REFERENCES)
    validator.today(Linear(1, -1.5))
    by_group = np.where(rows.labels["area"] == "B", 0.7, 0.7)
    for chances in (by_group, lambda given: by_group if given is rows else None):
        found = validator.fill(named("cut", "cut_by_group", deployable=False), None, chances)
        assert next(one.ratio for one in found.rates if one.group == "B") == pytest.approx(1.0)
        assert found.performance == 0.5
        assert "AUC is that of its chances" in str(found.reason)


def test_small_groups_have_a_rate_and_no_ratio_and_do_not_count() -> None:
    rows = part(others=FEWEST - 1)
    validator = Validator(rows, ASKED, REFERENCES, groups={"area": ("D",)})
    today = validator(named("today", "today"), Linear(1, -1.5))
    small, none = (next(one for one in today.rates if one.group == group) for group in ("C", "D"))
    assert small.rate is not None
    assert small.ratio is None
    assert isinstance(small.reason, Sentence)
    assert f"{FEWEST - 1} rows" in small.reason
    assert (none.n, none.rate, none.ratio) == (0, None, None)
    assert "0 rows" in str(none.reason)
    assert least_ratio(today.rates, "area", "A") == next(one.ratio for one in today.rates if one.group == "B")


def test_a_group_ahead_of_its_reference_counts_by_how_far_it_is_from_equal() -> None:
    labels = {"area": np.array(["A"] * 40 + ["B"] * 40 + ["C"] * 40, dtype=object)}
    chances = np.repeat([0.5, 0.45, 0.8], 40)
    rates = group_rates(chances, labels, {"area": "A"})
    assert least_ratio(rates, "area", "A") == pytest.approx(0.5 / 0.8)
    few = group_rates(chances[20:], {"area": labels["area"][20:]}, {"area": "A"})
    assert least_ratio(few, "area", "A") is None
    assert "reference, A" in str(next(one.reason for one in few if one.group == "B"))


def test_without_an_outcome_performance_is_for_the_decision() -> None:
    rows = replace(part(), outcome=np.full(2000, np.nan))
    validator = Validator(rows, ASKED, REFERENCES)
    today = validator(named("today", "today"), Linear(1, -1.5))
    assert validator.of == "decision"
    assert today.performance == pytest.approx(roc_auc_score(rows.decision, Linear(1, -1.5).scores(rows.features)))
    assert today.outcome_rate is None
    by_rate = Validator(part(), replace(ASKED, performance="outcome_rate"), REFERENCES)
    found = by_rate(named("today", "today"), Linear(1, -1.5))
    assert found.performance == found.outcome_rate is not None


def told(name: str, kind: str, performance: float | None, gain: float | None, **more) -> Candidate:
    return named(name, kind, performance=performance, gain=gain, **more)


TODAY = told("today", "today", 0.700, 0.0)


def test_the_simplest_kind_that_brings_nearly_the_most_is_chosen() -> None:
    tried = [
        TODAY, told("without-a", "without_features", 0.701, 0.050), told("without-b", "without_features", 0.7, 0.055),
        told("bins", "changed_features", 0.700, 0.060), told("setting", "hyperparameters", 0.701, 0.074),
    ]  # fmt: skip
    choice = choose(tried, ASKED)
    assert choice.chosen == "without-b"
    assert choice.runner_up == ("setting", "bins", "without-a")
    assert choice.floor.best == 0.701
    assert choice.floor.least == pytest.approx(0.699)
    assert any("setting" in reason and "changes more" in reason for reason in choice.reasons)
    further = choose([*tried, told("far", "constrained", 0.7, 0.076)], ASKED)
    assert further.chosen == "bins"  # what leaves features out no longer comes within .02 of the largest gain
    assert any(
        "no simpler one" in reason for reason in choose([*tried, told("far", "constrained", 0.7, 0.1)], ASKED).reasons
    )


def test_of_a_kind_the_one_that_changes_least_is_chosen() -> None:
    today = replace(TODAY, features=("a", "b", "c"))
    one = replace(told("without-a", "without_features", 0.7, 0.096), features=("b", "c"))
    two = replace(told("without-a-b", "without_features", 0.7, 0.097), features=("c",))
    choice = choose([today, two, one], ASKED)
    assert choice.chosen == "without-a"
    assert any("'without-a-b'" in reason and "changes more" in reason for reason in choice.reasons)
    more = replace(two, gain=0.096 + ASKED.least_gain + 0.001)
    assert choose([today, more, one], ASKED).chosen == "without-a-b"
    same = replace(told("setting", "hyperparameters", 0.71, 0.096 + 1e-12), features=("b", "c"))
    assert any("largest gain of them all" in reason for reason in choose([today, one, same], ASKED).reasons)


def test_ties_go_to_the_better_performance_then_to_the_id() -> None:
    one, two, three = (
        told(name, "without_features", value, 0.05) for name, value in (("c", 0.7), ("b", 0.701), ("a", 0.7))
    )
    assert choose([TODAY, one, two, three], ASKED).chosen == "b"
    assert choose([TODAY, one, three], ASKED).chosen == "a"


def test_every_candidate_is_eligible_or_says_why_not() -> None:
    tried = [
        TODAY, told("low", "without_features", 0.690, 0.10), told("little", "without_features", 0.700, 0.01),
        told("worse", "changed_features", 0.70, -0.03), told("both", "changed_features", 0.60, 0.001),
        told("by-group", "cut_by_group", 0.9, 0.3, deployable=False), told("lost", "constrained", None, None),
        told("failed", "constrained", None, None, reason=said("Training failed.")),
        told("no", "constrained", 0.7, None),
        told("edge", "hyperparameters", 0.702 - 0.002, 0.02), told("best", "hyperparameters", 0.702, 0.0),
    ]  # fmt: skip
    choice = choose(tried, ASKED)
    found = {one.id: one for one in choice.candidates}
    assert [one.id for one in choice.candidates] == [one.id for one in tried]
    assert all(one.eligible == (one.reason is None) for one in choice.candidates)
    assert [one.id for one in choice.candidates if one.eligible] == ["edge"]
    assert choice.chosen == "edge"
    assert "0.0100 below the floor of 0.7000" in str(found["low"].reason)
    assert "0.0100, less than the least gain of 0.02" in str(found["little"].reason)
    assert "further from 1, by 0.0300" in str(found["worse"].reason)
    assert all(word in str(found["both"].reason) for word in ("floor", "least gain"))
    assert "group to decide" in str(found["by-group"].reason)
    assert found["failed"].reason == "Training failed."
    assert choice.floor.best == 0.702  # what decides by the group sets no floor


def rated(name: str, gain: float, area: float, sex: float, third: float = 0.9) -> Candidate:
    ratios = (("area", "A", 1.0), ("area", "B", area), ("area", "C", third), ("sex", "m", 1.0), ("sex", "w", sex))
    rates = tuple(GroupRate(attribute, group, 90, 0.5 * ratio, ratio) for attribute, group, ratio in ratios)
    kind = "today" if name == "today" else "without_features"
    return told(name, kind, 0.7, gain, rates=rates)


@pytest.mark.parametrize(("sex", "third", "loser"), [
    (0.97, 0.9, "w (sex)"), (1.06, 0.9, "m (sex)"), (1.0, 0.87, "C (area)"), (1.0, 1.2, "A (area)"),
    (0.985, 0.9, None), (1.0, 0.95, None), (1.0, 1.1, None),
])  # fmt: skip
def test_what_leaves_another_group_clearly_behind_is_not_eligible(sex, third, loser) -> None:
    choice = choose([rated("today", 0.0, 0.75, 1.0), rated("other", 0.1, 0.85, sex, third)], ASKED)
    other = choice.candidates[1]
    assert other.eligible == (loser is None)
    if loser is None:
        assert choice.chosen == "other"
        return
    assert f"leaves {loser} further behind" in str(other.reason)
    assert "1 of 1 candidates keep to the floor" in choice.reasons[0]
    assert "but all of these leave another group" in choice.reasons[0]
    both = choose(
        [rated("today", 0.0, 0.75, 1.0), rated("a", 0.1, 0.85, sex, third), rated("b", 0.1, 0.85, 1.0)], ASKED
    )
    assert both.chosen == "b"
    assert any("1 more" in reason for reason in both.reasons)


def test_a_gain_of_nothing_is_told_without_a_sign() -> None:
    for gain in (0.0, -2e-5, 3e-5):
        found = choose([TODAY, told("same", "without_features", 0.7, gain)], ASKED).candidates[1]
        assert found.reason == "It leaves the ratio of approval rates as it is."
    validator = Validator(part(), ASKED, REFERENCES)
    validator(named("today", "today"), Linear(1, -1.5))
    for weights in ((2, -3.0), (0.1, -0.15), (1 / 3, -0.5)):
        assert validator.fill(named("again"), Linear(*weights)).gain == 0


def test_what_could_not_be_trained_is_counted_apart() -> None:
    failed = [told(f"failed-{i}", "constrained", None, None, reason=said("Training failed.")) for i in range(3)]
    little = told("little", "without_features", 0.7, 0.01)
    nobody = choose([TODAY, little, *failed], ASKED)
    assert "None of 1 candidates" in nobody.reasons[0]
    assert "3 more" in nobody.reasons[-1]
    some = choose([TODAY, told("good", "without_features", 0.7, 0.1), little, *failed], ASKED)
    assert "1 of 2 candidates" in some.reasons[0]
    assert any("could be used: 3 more" in reason for reason in some.reasons)


def test_where_no_ratio_is_known_nothing_is_answered_and_the_rows_that_lack_are_told() -> None:
    rows = part(others=0)
    rows.labels["area"][rows.labels["area"] == "B"] = "A"
    rows.labels["area"][:10] = "B"
    validator = Validator(rows, ASKED, REFERENCES)
    filled = [validator(named("today", "today"), Linear(1, -1.5)), validator(named("without-t"), Linear(1, 0))]
    choice = choose(filled, ASKED)
    assert not choice.answered
    assert choice.chosen is None
    assert "hold 10 of B and 1,990 of A (area) among 2,000" in choice.reasons[0]
    assert f"at least {FEWEST} of each" in choice.reasons[0]
    assert "About 6,000 rows" in choice.reasons[1]
    assert not choose([told("today", "today", None, None)], ASKED).answered
    assert choose([TODAY], ASKED).answered


def test_performance_for_the_decision_is_not_called_an_outcome_rate() -> None:
    asked = replace(ASKED, performance="outcome_rate")
    for of, words in (("decision", "recorded decisions favour"), ("outcome", "outcome rate")):
        for gain in (0.0, 0.1):
            reasons = choose([TODAY, told("a", "without_features", 0.7, gain)], asked, of).reasons
            assert words in reasons[0]


def test_what_lies_below_the_floor_by_less_than_an_error_keeps_to_it() -> None:
    tried = [TODAY, told("best", "hyperparameters", 0.706, 0.0), told("near", "without_features", 0.703, 0.1),
             told("far", "without_features", 0.6999, 0.1)]  # fmt: skip
    asked: list[tuple[str, str]] = []

    def error(one: str, other: str) -> float:
        asked.append((one, other))
        return 0.004

    assert choose(tried, ASKED).chosen is None
    choice = choose(tried, ASKED, error=error)
    assert [one.id for one in choice.candidates if one.eligible] == ["near"]
    assert ("near", "best") in asked
    assert any("1 lie below the floor" in reason for reason in choice.reasons)
    assert "below the floor" in str(choice.candidates[3].reason)
    assert choose(tried, ASKED, error=lambda *_: None).chosen is None
    assert choice.floor == choose(tried, ASKED).floor


@pytest.mark.parametrize("performance", ["auc", "outcome_rate"])
def test_the_error_between_two_candidates_is_that_of_the_bootstrap(performance) -> None:
    rows = part(1500)
    validator = Validator(rows, replace(ASKED, performance=performance), REFERENCES)
    validator(named("today", "today"), Linear(1, -1.5))
    validator(named("other"), Linear(1, 0))
    chances = [validator.approver(Linear(*w)).chances(Linear(*w).scores(rows.features)) for w in ((1, -1.5), (1, 0))]
    scores = [Linear(*w).scores(rows.features) for w in ((1, -1.5), (1, 0))]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(400):
        at = rng.integers(0, 1500, 1500)
        if performance == "auc":
            values = [roc_auc_score(rows.outcome[at], of[at]) for of in scores]
        else:
            values = [np.average(rows.outcome[at], weights=of[at]) for of in chances]
        drawn.append(values[1] - values[0])
    assert validator.error_between("today", "other") == pytest.approx(np.std(drawn), rel=0.15)
    assert validator.error_between("today", "today") == 0
    assert validator.error_between("today", "nobody") is None


def test_where_nobody_is_eligible_the_reasons_say_so() -> None:
    choice = choose([TODAY, told("little", "without_features", 0.7, 0.01), told("low", "constrained", 0.6, 0.4)], ASKED)
    assert (choice.chosen, choice.runner_up) == (None, ())
    assert "None of 2 candidates" in choice.reasons[0]
    assert "0.0100 ('little')" in choice.reasons[1]
    nothing = choose([told("today", "today", None, None)], ASKED)
    assert nothing.floor.least is None
    assert nothing.reasons
    assert all(isinstance(reason, Sentence) for reason in (*choice.reasons, *nothing.reasons))

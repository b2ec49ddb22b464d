"""The search for alternatives: what each family tries, that none is shown a group, and what a failure costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from audits.remedies import changed, constrained, cut_by_group, dropped, tuned
from audits.remedies.records import KINDS, Candidate
from audits.remedies.scorers import ConstantScorer, MeanScorer
from audits.remedies.search import search
from audits.remedies.workshop import Workshop
from checks.inputs.remedies import Range
from checks.problem import InputError
from checks.sentence import Sentence
from tests.remedy_searches import Measure, Regression, Trees, asked, by_id, proxy_rows, rich_rows, workshop

STRENGTH = {"hyperparameters": {"strength": Range(0.001, 10.0, log=True)}, "today": {"strength": 1.0}}
SMALL = 3_000


def searched(rows, trainer=None, seed=1, **said):
    """What was tried by id, and what was announced."""
    announced: list[str] = []
    tried = search(
        rows, asked(**said), trainer or Regression(), tuple(rows.training.features), seed,
        Measure(rows.validation), announced.append,
    )  # fmt: skip
    return {one.candidate.id: one for one in tried}, announced


@cache
def rich():
    """Rows of a lender that penalises two proxies which say the same."""
    return rich_rows(1.2, SMALL)


def every_family(rows):
    """A search with every family, under one constraint alone, that cannot see the untouched part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constrained, "EPSILONS", (0.03,))
        return searched(replace(rows, untouched=None), trials=4, **STRENGTH)


@cache
def whole():
    """Every family on ``rich``."""
    return every_family(rich())


def relabelled(part, seed=8):
    """The part with its labels dealt out anew."""
    mixed = np.random.default_rng(seed).permutation(part.labels["group"])
    return replace(part, labels={"group": mixed})


# the whole search


def test_every_family_is_tried_in_order_with_ids_and_words_of_its_own():
    tried, _ = whole()
    kinds = [one.candidate.kind for one in tried.values()]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert set(kinds) == set(KINDS)
    assert {
        "today", "without-area-code", "bins5-income", "bins10-debt", "caps-income", "rare-purpose", "setting-001",
        "constrained-0.03", "by-group-demographic-parity", "by-group-equalized-odds",
    } <= set(tried)  # fmt: skip
    assert len({one.candidate.words for one in tried.values()}) == len(tried)
    assert all(isinstance(one.candidate.words, Sentence) for one in tried.values())
    assert all(one.candidate.gain is not None and one.candidate.reason is None for one in tried.values())


def test_trainings_are_announced_and_bounded():
    tried, announced = whole()
    numbers = [said.split(":")[0].removeprefix("training ").split(" of about ") for said in announced]
    told = [int(number) for number, _ in numbers]
    assert told == sorted(set(told))
    free = sum("towards" not in said for said in announced)
    assert told[: free - 1] == list(range(1, free))
    constrained_ = [number for number, said in zip(told, announced, strict=True) if "towards" in said]
    assert len(constrained_) > 1
    with_all = [number for number, said in zip(told, announced, strict=True) if said.endswith("between groups")]
    assert set(np.diff(with_all)) <= {10}
    assert all(int(number) <= int(total) for number, total in numbers)
    assert int(numbers[-1][1]) < 250
    assert announced[2].endswith(tried["without-area"].candidate.words)


def test_the_same_seed_gives_the_same_candidates_and_scores():
    rows = rich()
    first, _ = whole()
    again, _ = every_family(rows)
    assert [one.candidate for one in again.values()] == [one.candidate for one in first.values()]
    for name, one in first.items():
        if one.scorer:
            np.testing.assert_array_equal(
                again[name].scorer.scores(rows.untouched.features), one.scorer.scores(rows.untouched.features)
            )


def test_only_cuts_by_group_change_when_labels_do():
    untouched = rich().untouched
    mixed = relabelled(untouched)
    tried, _ = whole()
    for one in tried.values():
        assert one.candidate.deployable == (one.scorer is not None) == (one.chances is None)
        if one.scorer:
            before, after = (one.scorer.scores(part.features) for part in (untouched, mixed))
            np.testing.assert_array_equal(before, after)
        else:
            assert not np.array_equal(one.chances(untouched), one.chances(mixed))


def test_labels_teach_no_model_but_those_under_a_constraint():
    rows = rich()
    mixed, _ = every_family(replace(rows, training=relabelled(rows.training)))
    alike = {}
    for name, one in whole()[0].items():
        other = mixed.get(name)
        if one.scorer and other and same_recipe(one.candidate, other.candidate):
            before, after = (each.scorer.scores(rows.untouched.features) for each in (one, other))
            alike[name] = np.array_equal(before, after)
    assert {name for name, same in alike.items() if not same} >= {"constrained-0.03"}
    assert all(same for name, same in alike.items() if not name.startswith("constrained"))
    assert len(alike) > 15


def same_recipe(one, other):
    """Whether two candidates are trained on the same features in the same way."""
    return (one.features, one.changes, one.hyperparameters) == (other.features, other.changes, other.hyperparameters)


def test_today_that_cannot_be_trained_names_the_training_file():
    with pytest.raises(InputError) as error:
        searched(proxy_rows(0.0, 2_000), Regression(fails=lambda *_: True))
    assert error.value.problems[0].where == "model.py"
    assert error.value.problems[0].found == "the training code failed"


class _OfTheBatch:
    """A model that scores a row by its place among those that are scored with it."""

    def __init__(self, model) -> None:
        self.model = model

    def scores(self, features):
        return self.model.scores(features).argsort().argsort().astype(float)


class _Ranking(Regression):
    def fit(self, *given, **named):
        return _OfTheBatch(super().fit(*given, **named))


class _Unseeded(Regression):
    """Learns from other weights each time that it is called."""

    draws = np.random.default_rng()

    def fit(self, features, target, weights, *others, **named):
        drawn = self.draws.exponential(size=len(target))
        return super().fit(features, target, drawn if weights is None else weights * drawn, *others, **named)


def test_a_score_that_depends_on_other_rows_is_refused():
    with pytest.raises(InputError) as error:
        searched(proxy_rows(0.0, 2_000), _Ranking())
    (problem,) = error.value.problems
    assert (problem.where, problem.expected) == ("model.py", "scores that are a fixed function of the row's features")


def test_training_that_its_seed_does_not_fix_is_told(monkeypatch):
    monkeypatch.setattr(constrained, "EPSILONS", ())
    for trainer, told in ((_Unseeded(), True), (Regression(), False), (Trees(), False)):
        rows = proxy_rows(0.0, 2_000)
        tried = search(
            rows, asked(), trainer, tuple(rows.training.features), 1, Measure(rows.validation), lambda _: None
        )
        assert [str(note).startswith("Trained twice") for note in tried[0].notes] == [True] * told
        assert not any(one.notes for one in tried[1:])


def test_a_failing_training_costs_the_candidates_that_need_it_alone():
    shop = workshop(rich(), Regression(fails=lambda features, *_: "debt" not in features))
    dropped.without_features(shop)
    lost = {one.candidate.id: one for one in shop.tried if one.candidate.reason}
    assert set(lost) == {one.candidate.id for one in shop.tried if "debt" not in one.candidate.features}
    assert {one.candidate.reason for one in lost.values()} == {"the training code failed"}
    assert all(one.scorer is None and one.candidate.gain is None for one in lost.values())
    assert by_id(shop)["without-income"].candidate.gain is not None


def test_kept_features_stay_and_rows_without_a_target_teach_nothing(monkeypatch):
    monkeypatch.setattr(constrained, "EPSILONS", (0.03,))
    rows, trainer = rich(), Regression()
    tried, _ = searched(rows, trainer, keep=("debt", "code"))
    assert all({"debt", "code"} <= set(one.candidate.features) for one in tried.values())
    assert not any({"debt", "code"} & set(one.candidate.changes) for one in tried.values())
    known, named = len(rows.training) - 40, sum(label is not None for label in rows.training.labels["group"][40:])
    assert trainer.rows == {known, named}  # under a constraint, rows of a known group alone
    assert np.isnan(rows.training.target[:40]).all()


# features left out


def test_without_the_trait_the_ratio_rises_as_the_world_says():
    shop = workshop(proxy_rows(0.3, 60_000))
    assert dropped.without_features(shop) == ("trait",)
    tried = by_id(shop)
    assert tried["without-trait"].candidate.features == ("risk",)
    assert tried["without-trait"].candidate.gain == pytest.approx(0.8570 - 0.7506, abs=0.03)


def test_in_the_fair_twin_nothing_is_worth_leaving_out():
    shop = workshop(proxy_rows(0.0, 60_000))
    dropped.without_features(shop)
    kept = [one.candidate.gain for one in shop.tried if shop.keeps_floor(one.candidate)]
    assert len(kept) > 1
    assert max(kept) < 0.01


def test_where_nothing_may_be_left_out_nothing_is():
    shop = workshop(rich(), keep=tuple(rich().training.features))
    assert dropped.without_features(shop) == ()
    assert len(shop.tried) == 1


def test_two_features_that_say_the_same_are_left_out_together():
    rows = rich()
    parts = {
        name: replace(part, features=part.features.assign(code=(part.features["area"] == "south") + 1.0))
        for name, part in (("training", rows.training), ("validation", rows.validation))
    }
    shop = workshop(replace(rows, **parts))
    assert {"area", "code"} <= set(dropped.without_features(shop))
    tried = by_id(shop)
    assert max(abs(tried[f"without-{name}"].candidate.gain) for name in ("area", "code")) < 0.005
    assert tried["without-area-code"].candidate.gain > 0.2


def test_trees_of_numbers_texts_and_missing_values_are_searched_too():
    shop = workshop(rich(), Trees())
    dropped.without_features(shop)
    changed.changed_features(shop, changed.changes_to_try(shop))
    tried = by_id(shop)
    assert all(one.candidate.reason is None for one in tried.values())
    assert tried["without-area-code"].candidate.gain > tried["without-area"].candidate.gain + 0.1


def test_features_left_untried_are_told_and_texts_of_persons_come_last(monkeypatch):
    monkeypatch.setattr(dropped, "MOST", 2)
    monkeypatch.setattr(changed, "MOST", 1)
    rows = rich()
    rng = np.random.default_rng(0)
    parts = {
        name: replace(part, features=part.features.assign(**{
            f"employer {i}": rng.integers(0, 900, len(part)).astype(str).astype(object) for i in range(4)
        })) for name in ("training", "validation") for part in (getattr(rows, name),)
    }  # fmt: skip
    shop = workshop(replace(rows, **parts))
    assert set(shop.by_telling(shop.features)[:2]) == {"area", "code"}
    dropped.without_features(shop)
    assert {"without-area", "without-code", "without-area-code"} == set(by_id(shop)) - {"today"}
    changed.changes_to_try(shop)
    assert [str(note) for note in shop.notes] == [
        "7 of 9 features were not left out alone: only the 2 that tell the groups best were.",
        "6 of 7 features of many values were not tried changed: only the 1 that tell the groups best were.",
    ]


# features changed


def test_parts_caps_and_rare_levels_are_learned_once_and_applied_alike():
    income = pd.Series([*np.arange(0.0, 101.0), np.nan])
    by = {(one.start): one.change for one in changed._changes("income", income)}
    assert set(by) == {"bins5", "bins10", "caps"}
    later = pd.Series([-5.0, 20.0, 21.0, 1e9, np.nan], index=[7, 8, 9, 10, 11])
    # parts 0–20, 21–40, …, 81–100
    np.testing.assert_allclose(by["bins5"].applied(later), [10.0, 10.0, 30.5, 90.5, np.nan])
    np.testing.assert_allclose(by["caps"].applied(later), [5.0, 20.0, 21.0, 95.0, np.nan])
    assert by["caps"].applied(later).index.tolist() == later.index.tolist()
    texts = pd.Series(["a"] * 150 + ["b"] * 147 + ["c", "d", None], dtype=object)
    (rare,) = changed._changes("purpose", texts)
    merged = rare.change.applied(pd.Series(["a", "b", "c", "d", "new", None], dtype=object)).tolist()
    assert merged[:5] == ["a", "b", "(rare)", "(rare)", "(rare)"]
    assert pd.isna(merged[5])
    alone = pd.Series(["a"] * 150 + ["b"] * 149 + ["c"], dtype=object)
    assert list(changed._changes("purpose", alone)) == []  # one rare level would only change its name


def test_what_changes_nothing_or_everything_is_no_candidate():
    rows = rich()
    place = np.arange(len(rows.training)) % 100
    few = np.select([place == 0, place == 1], [-50.0, 50.0], place % 3)  # caps would change it
    features = pd.DataFrame({
        "alike": np.ones(len(rows.training)), "mostly": np.where(np.arange(len(rows.training)) % 100, 1.0, 2.0),
        "few": few, "some": np.arange(len(rows.training)) % 7.0,
        "empty": np.full(len(rows.training), np.nan), "income": rows.training.features["income"],
    })  # fmt: skip
    training = replace(rows.training, features=features)
    shop = Workshop(replace(rows, training=training), asked(), None, tuple(features), 1, None, None)
    tried = {(one.start, one.feature) for one in changed.changes_to_try(shop)}
    assert tried == {("bins5", "some"), ("bins5", "income"), ("bins10", "income"), ("caps", "income")}


# other hyperparameters


def test_settings_are_looked_for_with_and_without_the_features_left_out():
    rows = rich()
    runs = []
    for _ in range(2):
        shop = workshop(rows, trials=6, **STRENGTH)
        tuned.hyperparameters(shop, ("area", "code"))
        runs.append([one.candidate for one in shop.tried[1:]])
    assert runs[0] == runs[1]
    assert [one.id for one in runs[0]] == [f"setting-{number:03d}" for number in range(1, 7)]
    assert ["area" in one.features for one in runs[0]] == [True] * 3 + [False] * 3
    assert "without area, code" in runs[0][5].words
    drawn = [one.hyperparameters["strength"] for one in runs[0]]
    assert drawn == [float(f"{value:.12g}") for value in drawn]  # what was trained is what a record keeps
    other = workshop(rows, seed=2, trials=6, **STRENGTH)
    tuned.hyperparameters(other, ("area", "code"))
    drawn = [one.candidate.hyperparameters for one in other.tried[1:]]
    assert drawn != [one.hyperparameters for one in runs[0]]


def test_a_setting_is_not_trained_twice_and_todays_not_again():
    trainer = Regression()
    shop = workshop(
        rich(), trainer, trials=20, today={"strength": 1.0},
        hyperparameters={"strength": Range(choices=(0.01, 1.0, 5.0))},
    )  # fmt: skip
    tuned.hyperparameters(shop, ())
    assert sorted(one.candidate.hyperparameters["strength"] for one in shop.tried[1:]) == [0.01, 5.0]
    assert len(trainer.calls) == 3


def test_a_setting_that_fails_is_lost_alone_and_none_are_tried_where_nothing_may_vary():
    trainer = Regression(fails=lambda features, weights, settings: settings["strength"] < 0.1)
    shop = workshop(rich(), trainer, trials=8, **STRENGTH)
    tuned.hyperparameters(shop, ())
    lost = [one.candidate for one in shop.tried[1:] if one.candidate.reason]
    assert 0 < len(lost) < len(shop.tried) - 1 == 8
    assert all(one.hyperparameters["strength"] < 0.1 for one in lost)
    for said in ({"trials": 5}, {"trials": 0, **STRENGTH}):
        shop = workshop(rich(), **said)
        tuned.hyperparameters(shop, ())
        assert len(shop.tried) == 1


# training under a constraint


def test_the_mean_of_a_lottery_is_its_expected_score():
    rows = rich()
    tried, _ = whole()
    mean, features = tried["constrained-0.03"].scorer, rows.validation.features
    assert isinstance(mean, MeanScorer)
    assert len(mean.scorers) > 1
    assert sum(mean.weights) == pytest.approx(1.0, abs=1e-5)
    by_hand = np.array([one.scores(features) for one in mean.scorers]).T @ np.array(mean.weights)
    np.testing.assert_allclose(mean.scores(features), by_hand, rtol=1e-12)


def test_a_constraint_brings_groups_closer_and_its_lottery_is_fairlearns():
    rows = rich()
    shop = workshop(rows)
    labels = np.array([str(label) for label in shop.labels], dtype=object)
    base = constrained.Reweighted(
        lambda target, weights: shop.train("", shop.features, target=target, weights=weights),
        lambda scorer: scorer.scores(shop.frame), 0.6,
    )  # fmt: skip
    weights, models = constrained.lottery(base, shop.target, labels, 0.03)
    decided = [model.predict(np.arange(len(labels)).reshape(-1, 1)) for model in models]
    for model, decision in zip(models, decided, strict=True):
        scores = model.scorer.scores(shop.frame)
        assert decision.mean() == pytest.approx(0.6, abs=0.01)  # scores of numbers are hardly tied
        assert scores[decision == 1].min() > scores[decision == 0].max()
    expected = np.array(weights) @ np.array(decided)
    gap = abs(expected[labels == "A"].mean() - expected[labels == "B"].mean())
    today = shop.tried[0].scorer.scores(shop.frame)
    cut = today > constrained.cut_for(today, 0.6)
    assert gap < 0.1 < abs(cut[labels == "A"].mean() - cut[labels == "B"].mean())


def test_code_without_weights_loses_the_constrained_candidates_with_the_reason():
    for trainer in (
        Regression(heeds_weights=False),
        Regression(fails=lambda features, weights, _: weights is not None),
    ):
        shop = workshop(rich(), trainer)
        constrained.constrained(shop, ("area",))
        lost = [one.candidate for one in shop.tried[1:]]
        assert [one.id for one in lost] == [
            "constrained-0.01", "constrained-0.03", "constrained-0.01-without-area", "constrained-0.03-without-area",
        ]  # fmt: skip
        assert all("weights" in one.reason or one.reason == "the training code failed" for one in lost)
        assert len(trainer.calls) == 2


def test_a_constraint_keeps_the_share_approved_of_all_rows_where_outcomes_are_of_the_approved_alone(monkeypatch):
    monkeypatch.setattr(constrained, "EPSILONS", (0.03,))
    rows = rich()
    part = rows.training
    known = np.where(part.decision == 1, part.outcome, np.nan)
    shop = workshop(replace(rows, training=replace(part, target=known)), target="outcome")
    assert np.isnan(part.decision[~np.isnan(known)]).sum() == 0
    assert constrained._recorded_share(shop) == part.decision.mean() < 1
    constrained.constrained(shop, ())
    assert [one.candidate.reason for one in shop.tried[1:]] == [None]


def test_the_programs_code_gets_the_weights_and_labels_of_the_lottery():
    seen = []

    class Noting(Regression):
        def fit(self, features, target, weights, *others, **named):
            seen.append((np.asarray(target), weights))
            return super().fit(features, target, weights, *others, **named)

    shop = workshop(rich(), Noting())
    rows = constrained._rows_of_groups(shop.labels)
    seen.clear()
    constrained._trained(shop, Candidate("constrained-0.03", "constrained", "", shop.features), 0.03)
    assert len(seen) > 5
    assert all(target.shape == weights.shape == (len(rows),) for target, weights in seen)
    uneven = [weights for _, weights in seen if np.ptp(weights) > 0.1]  # the first step treats groups alike
    assert len(uneven) > len(seen) / 2
    assert any((target != shop.target[rows]).any() for target, _ in seen)


def test_a_constraint_holds_groups_of_enough_rows_alone():
    labels = np.array(["A"] * 40 + ["None"] * 30 + ["C"] * 29 + [None] * 50, dtype=object)
    assert constrained._rows_of_groups(labels).tolist() == list(range(70))
    shop = workshop(rich())
    shop.labels = np.where(np.arange(len(shop.labels)) < 29, "B", "A").astype(object)
    constrained.constrained(shop, ())
    assert {one.candidate.reason for one in shop.tried[1:]} == {"fewer than two groups have 30 training rows"}


def test_a_predictor_that_fairlearn_puts_in_counts_in_the_mean():
    from sklearn.dummy import DummyClassifier

    model = constrained.Reweighted(lambda *_: ConstantScorer(0.25), lambda scorer: np.full(3, 0.25), 0.5)
    model.fit(np.zeros((3, 1)), np.array([0, 1, 1]), np.ones(3))
    mean = constrained.mean_of([0.75, 0.25], [model, DummyClassifier(strategy="constant", constant=1)])
    np.testing.assert_allclose(mean.scores(pd.DataFrame(index=range(4))), [0.75 * 0.25 + 0.25] * 4)


# cuts by group


def test_cuts_by_group_bring_equal_shares_and_approve_as_many_as_are_recorded():
    shop = workshop(proxy_rows(0.3))
    cut_by_group.cut_by_group(shop)
    tried, part = by_id(shop), shop.rows.validation
    labels = part.labels["group"]
    for one in list(tried.values())[1:]:
        chances = one.chances(part)
        assert ((chances >= 0) & (chances <= 1)).all()
        assert chances.mean() == pytest.approx(part.decision.mean(), abs=1e-9)
        assert one.candidate.kind == "cut_by_group"
        assert "frontier" in one.candidate.words
        assert not one.candidate.deployable
    gaps = {
        name: abs(np.subtract(*(tried[f"by-group-{name}"].chances(part)[labels == one].mean() for one in "AB")))
        for name in ("demographic-parity", "demographic-parity-0.05", "demographic-parity-0.1")
    }
    assert gaps["demographic-parity"] < 1e-3
    assert 0.01 < gaps["demographic-parity-0.05"] < 0.055
    assert gaps["demographic-parity-0.05"] < gaps["demographic-parity-0.1"] < 0.105
    odds = tried["by-group-equalized-odds"].chances(part)
    for outcome in (0.0, 1.0):
        rates = [odds[(labels == one) & (part.outcome == outcome)].mean() for one in "AB"]
        assert rates[0] == pytest.approx(rates[1], abs=0.01)


def test_the_chance_of_a_mixture_is_what_its_draws_come_to():
    from fairlearn.postprocessing import ThresholdOptimizer

    rng = np.random.default_rng(2)
    labels = np.where(rng.random(600) < 0.4, "B", "A").astype(object)
    scores = np.round(rng.normal(size=600) + 0.5 * (labels == "A"), 1)
    target = (rng.random(600) < 1 / (1 + np.exp(-scores))).astype(float)
    for constraint in ("demographic_parity", "equalized_odds"):
        optimizer = ThresholdOptimizer(
            estimator=cut_by_group._as_scored(), constraints=constraint, prefit=True, predict_method="predict"
        ).fit(scores.reshape(-1, 1), target, sensitive_features=labels.astype(str))
        draws = np.mean([
            optimizer.predict(scores.reshape(-1, 1), sensitive_features=labels.astype(str), random_state=seed)
            for seed in range(100)
        ], axis=0)  # fmt: skip
        rules = cut_by_group.fitted_rules(scores, target, labels, constraint, "accuracy_score")
        chances = np.choose(labels == "A", [cut_by_group.expected(rules[one], scores) for one in "BA"])
        assert np.abs(draws - chances).max() < 5 * np.sqrt(0.25 / 100)
        assert len(np.unique(chances)) > 2  # some are drawn


def test_levels_of_chances_average_to_the_chances():
    chances = np.linspace(0, 1, 101)
    parts = list(cut_by_group.cuts_within(chances))
    assert sum(weight for weight, _ in parts) == pytest.approx(1.0)
    mean = sum(weight * decided for weight, decided in parts)
    assert np.abs(mean - chances).max() <= 1 / 16 + 1e-12
    (only,) = cut_by_group.cuts_within(np.array([0.0, 1.0, 1.0]))
    assert only[0] == 1.0
    assert only[1].tolist() == [0.0, 1.0, 1.0]


def test_cuts_for_a_level_approve_as_many_as_the_level_and_alike():
    rng = np.random.default_rng(6)
    labels = np.where(rng.random(2_000) < 0.3, "B", "A").astype(object)
    scores = rng.normal(size=2_000) + (labels == "A")
    approved = (scores > 1.0).astype(float)
    level = cut_by_group._level(1, 1.0, scores, approved, labels, None)
    chances = level.chances(scores, labels)
    assert chances.mean() == pytest.approx(approved.mean(), abs=1e-9)
    rates = [chances[labels == one].mean() for one in "AB"]
    assert rates[0] == pytest.approx(rates[1], abs=0.005)
    none = cut_by_group._level(1, 1.0, scores, np.ones(2_000), labels, None)
    assert none.chances(scores, labels).tolist() == [1.0] * 2_000


def test_a_row_of_an_unknown_group_gets_the_mean_of_the_cuts():
    shop = workshop(proxy_rows(0.3, SMALL))
    cut_by_group.cut_by_group(shop)
    cuts, part = shop.tried[1].chances, shop.rows.validation
    by = {
        name: cuts(replace(part, labels={"group": np.array([name] * len(part), dtype=object)}))
        for name in ("A", "B", None, "Z")
    }
    share = (part.labels["group"] == "A").mean()
    np.testing.assert_allclose(by[None], share * by["A"] + (1 - share) * by["B"], atol=1e-12)
    np.testing.assert_array_equal(by[None], by["Z"])


def test_no_candidate_takes_a_feature_that_holds_the_group_itself():
    """Today's model may take it, which a certificate says; then it is no candidate and sets no floor."""
    rows = proxy_rows(0.3, SMALL)
    parts = {
        name: replace(part, features=part.features.assign(own=(part.labels["group"] == "B").astype(float)))
        for name in ("training", "validation", "untouched") for part in (getattr(rows, name),)
    }  # fmt: skip
    rows = replace(rows, **parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constrained, "EPSILONS", (0.03,))
        tried = search(
            rows, asked(trials=2, **STRENGTH), Regression(), tuple(rows.training.features), 1,
            Measure(rows.validation), lambda _: None, ("own",),
        )  # fmt: skip
    today, *others = [one.candidate for one in tried]
    assert "own" in today.features
    assert not today.deployable
    assert "without-own" in {one.id for one in others}
    for one in others:
        assert ("own" in one.features) == (one.kind == "cut_by_group")

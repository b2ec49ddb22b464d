"""The certificate: figures against the statistics they are made of, outcomes with their reasons, and cautions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from audits.evidence.remedy_rows import RemedyPart
from audits.record import canonical_json
from audits.remedies.certificate import certify
from audits.remedies.certified_figures import Model, certified_figures
from audits.remedies.choice import choose
from audits.remedies.records import Candidate
from audits.remedies.validation import Validator
from checks.inputs.remedies import Remedies, Training
from checks.inputs.training_code import TrainingError
from checks.sentence import Sentence, said

ASKED = Remedies(Training("train.py"), target="decision")
REFERENCES = {"area": "A"}


class Linear:
    def __init__(self, *weights: float) -> None:
        self.weights = np.array(weights)

    def scores(self, features: pd.DataFrame) -> np.ndarray:
        return features.to_numpy()[:, : len(self.weights)] @ self.weights


def part(n: int = 4000, seed: int = 0, penalty: float = 1.5, extra: float = 0.0, share: float = 0.3) -> RemedyPart:
    """A trait that the decision penalises, and ``extra`` against the group that no feature explains."""
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < share, "B", "A").astype(object)
    x = rng.normal(size=n)
    t = (rng.random(n) < np.where(group == "B", 0.6, 0.1)).astype(float)
    chance = 1 / (1 + np.exp(-(1 + x - penalty * t - extra * (group == "B"))))
    decision = (rng.random(n) < chance).astype(float)
    outcome = (rng.random(n) < 1 / (1 + np.exp(-(1 + x)))).astype(float)
    features = pd.DataFrame({"x": x, "t": t, "noise": rng.normal(size=n)})
    return RemedyPart(features, decision, decision, outcome, {"area": group}, np.arange(n))


def certified(
    untouched: RemedyPart, chosen, today=(1, -1.5), asked: Remedies = ASKED, validation=None, retrained=None, **more
):  # fmt: skip
    """The certificate of ``chosen`` weights, whatever the choice would say."""
    validator = Validator(validation or part(seed=1), asked, more.pop("references", REFERENCES), **more)
    scorers = {"today": Linear(*today), "other": chosen if hasattr(chosen, "scores") else Linear(*chosen)}
    found = [validator(Candidate("today", "today", "t", ("x", "t")), scorers["today"]),
             validator(Candidate("other", "without_features", "o", ("x",)), Linear(1, 0))]  # fmt: skip
    choice = choose(found, replace(asked, least_gain=0.0, loss=0.4))
    return certify(untouched, scorers, choice, validator, asked, validator.references, retrained=retrained)


def by_measure(certificate, group: str | None = None):
    return {one.measure: one for one in certificate.figures if group is None or one.group in (group, None)}


def test_a_gain_that_holds_is_certified_with_every_figure_bounded() -> None:
    rows = part(seed=2)
    found = certified(rows, (1, 0))
    assert found.outcome == "certified"
    figures = by_measure(found)
    assert list(figures) == [
        "adverse_impact_ratio", "adverse_impact_ratio_gain", "recorded_adverse_impact_ratio", "performance_difference",
        "approved_share_difference", "outcome_rate_difference",
    ]  # fmt: skip
    for one in found.figures:
        assert one.low < one.estimate < one.high
        assert one.standard_error > 0
        assert one.reason is None
        assert (one.level, one.n) == (0.95, 4000)
    gain, ratio = figures["adverse_impact_ratio_gain"], figures["adverse_impact_ratio"]
    assert gain.estimate == pytest.approx(gain.chosen - gain.today)
    assert ratio.estimate == ratio.chosen == gain.chosen
    outcome, features = rows.outcome, rows.features
    areas = [roc_auc_score(outcome, Linear(*weights).scores(features)) for weights in ((1, -1.5), (1, 0))]
    assert figures["performance_difference"].estimate == pytest.approx(areas[1] - areas[0])
    ours = rows.labels["area"] == "B"
    recorded = figures["recorded_adverse_impact_ratio"]
    assert recorded.estimate == pytest.approx(rows.decision[ours].mean() / rows.decision[~ours].mean())
    assert recorded.counts == {
        "group": ours.sum(), "reference": (~ours).sum(), "group_approved": rows.decision[ours].sum(),
        "reference_approved": rows.decision[~ours].sum(),
    }  # fmt: skip
    assert np.log(ratio.high / ratio.estimate) == pytest.approx(np.log(ratio.estimate / ratio.low))
    assert all(text in found.explanation for text in (f"{gain.estimate:.4f}", f"{gain.low:.4f}", "'other'", "4,000"))
    assert found.cautions == ()


def test_the_same_rows_give_the_same_bytes_in_any_order() -> None:
    rows, order = part(seed=3), np.random.default_rng(0).permutation(4000)
    mixed = RemedyPart(rows.features.iloc[order].reset_index(drop=True), rows.target[order], rows.decision[order],
                       rows.outcome[order], {"area": rows.labels["area"][order]}, rows.persons[order])  # fmt: skip
    assert canonical_json(certified(rows, (1, 0))) == canonical_json(certified(rows, (1, 0)))
    for one, other in zip(certified(rows, (1, 0)).figures, certified(mixed, (1, 0)).figures, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-9)


def test_bounds_are_wider_than_those_of_one_figure_alone() -> None:
    gain = by_measure(certified(part(seed=2), (1, 0)))["adverse_impact_ratio_gain"]
    assert 2.2 < (gain.high - gain.estimate) / gain.standard_error < 2.75


def test_a_gain_that_may_be_nothing_is_not_confirmed() -> None:
    found = certified(part(n=600, seed=5), (1, -1.5, 0.3))
    assert found.outcome == "not_confirmed"
    assert "does not rule out that nothing is gained" in found.explanation


def test_a_gain_that_training_by_chance_explains_is_not_confirmed() -> None:
    rows = part(seed=2)
    within = certified(rows, (1, 0), retrained=lambda gain: replace(gain, measure="again", low=-0.01, high=0.2))
    assert within.outcome == "not_confirmed"
    assert "trained on other rows of the same book" in str(within.explanation)
    above = certified(rows, (1, 0), retrained=lambda gain: replace(gain, measure="again", low=0.01, high=0.2))
    assert above.outcome == "certified"
    assert above.figures[-1].measure == "again"


def test_where_training_by_chance_is_not_known_the_certificate_carries_the_reason_as_a_caution() -> None:
    reason = said("nobody trained it again")
    found = certified(
        part(seed=2), (1, 0), retrained=lambda gain: replace(gain, measure="again", low=None, high=None, reason=reason)
    )
    assert found.outcome == "certified"
    assert any(reason in caution and "is not known" in caution for caution in found.cautions)


def test_a_loss_of_performance_that_cannot_be_ruled_out_is_not_confirmed() -> None:
    flat = certified(part(seed=6), (0.6, 0.9), (1, 0))
    assert flat.outcome == "not_confirmed"
    assert "performance falls by more than the allowed 0.002" in flat.explanation
    few = certified(part(n=700, seed=6), (1, -1.5, 0.3), (1, -1.5), replace(ASKED, loss=0.02))
    one = by_measure(few)["performance_difference"]
    assert one.low < -0.02 < one.estimate
    assert "does not rule out a fall of more than the allowed 0.02" in few.explanation
    rows = int(few.explanation.split("About ")[-1].split(" untouched")[0].replace(",", ""))
    assert rows > 700
    assert (one.high - one.low) / 2 * np.sqrt(700 / rows) <= one.estimate + 0.02


def test_two_models_that_approve_alike_gain_exactly_nothing() -> None:
    found = certified(part(seed=2), (2, -3.0))
    figures = by_measure(found)
    for name in ("adverse_impact_ratio_gain", "performance_difference", "approved_share_difference",
                 "outcome_rate_difference"):  # fmt: skip
        one = figures[name]
        assert (one.estimate, one.low, one.high, one.standard_error) == (0, 0, 0, 0)
        assert isinstance(one.reason, Sentence)
    assert figures["adverse_impact_ratio"].low < figures["adverse_impact_ratio"].high
    assert found.outcome == "not_confirmed"


def test_another_group_that_falls_is_a_reason_against() -> None:
    rng = np.random.default_rng(9)

    def with_third(rows: RemedyPart) -> RemedyPart:
        """A third group that has no trait, and a sign of its own in place of the noise."""
        third = rng.random(len(rows)) < 0.3
        features = rows.features.assign(
            t=np.where(third, 0.0, rows.features["t"]), noise=(third & (rng.random(len(rows)) < 0.7)).astype(float)
        )
        return replace(rows, features=features, labels={"area": np.where(third, "C", rows.labels["area"])})

    rows = with_third(part(6000, 12))
    found = certified(rows, (1, 0, -0.9), (1, -1.5, 0), validation=with_third(part(6000, 13)))
    assert "the ratio of C (area) falls" in found.explanation
    assert found.outcome == "not_confirmed"


def with_sex(rows: RemedyPart, seed: int) -> RemedyPart:
    """A second attribute without bearing on the decision, and a feature that tells it in place of the noise."""
    women = np.random.default_rng(seed).random(len(rows)) < 0.5
    sex = np.where(women, "w", "m").astype(object)
    return replace(rows, features=rows.features.assign(noise=women.astype(float)), labels={**rows.labels, "sex": sex})


@pytest.mark.parametrize(("weight", "loser"), [(0.9, "m"), (-0.9, "w"), (0.0, None)])
def test_who_loses_is_told_whichever_group_is_the_reference(weight, loser) -> None:
    rows, validation = with_sex(part(6000, 2), 1), with_sex(part(6000, 3), 2)
    for area, sex in (("A", "m"), ("A", "w"), ("B", "m"), ("B", "w")):
        found = certified(rows, (1, 0, weight), (1, -1.5, 0), replace(ASKED, loss=0.2), validation,
                          references={"area": area, "sex": sex})  # fmt: skip
        assert found.outcome == ("certified" if loser is None else "not_confirmed")
        if loser == sex:
            assert f"{sex} (sex) falls behind {'w' if sex == 'm' else 'm'}: the ratio of" in found.explanation
        elif loser is not None:
            assert f"the ratio of {loser} (sex) falls" in found.explanation


def test_a_ratio_that_changes_sides_is_a_harm_only_where_its_bounds_lie_beyond() -> None:
    """Men stand a little ahead today; women end a little, or far, ahead."""
    rows, validation = with_sex(part(6000, 2), 1), with_sex(part(6000, 3), 2)
    asked, both = replace(ASKED, loss=0.3), {"area": "A", "sex": "m"}
    for weight, harmed in ((0.12, False), (1.2, True)):
        found = certified(rows, (1, 0, weight), (1, -1.5, -0.1), asked, validation, references=both)
        gain = next(one for one in found.figures if one.group == "w" and one.measure == "adverse_impact_ratio_gain")
        assert gain.today < 1 < gain.chosen
        assert gain.low > 0
        assert ("m (sex) falls behind w" in found.explanation) == harmed
        assert (found.outcome == "not_confirmed") == harmed


def test_a_group_ahead_is_certified_where_it_comes_nearer() -> None:
    found = certified(part(seed=2), (1, 0), validation=part(seed=1), references={"area": "B"})
    assert found.outcome == "certified"
    gain = by_measure(found)["adverse_impact_ratio_gain"]
    assert gain.high < 0
    assert (
        f"comes down from {gain.today:.4f} to {gain.chosen:.4f} of it, by {-gain.estimate:.4f} (" in found.explanation
    )
    assert f"({-gain.high:.4f} to {-gain.low:.4f})" in found.explanation
    beyond = certified(part(seed=2, penalty=0.3), (1, 3.0), (1, -0.3), validation=part(seed=1, penalty=0.3))
    assert beyond.outcome == "not_confirmed"
    assert "on the other side" in beyond.explanation


def alone(untouched: RemedyPart, validation: RemedyPart, scorer=None):
    """The certificate where nothing was chosen."""
    validator, scorer = Validator(validation, ASKED, REFERENCES), scorer or Linear(1, -1.5)
    today = validator(Candidate("today", "today", "t", ("x", "t")), scorer)
    return certify(untouched, {"today": scorer}, choose([today], ASKED), validator, ASKED, REFERENCES)


def test_nothing_chosen_leaves_todays_and_the_recorded_ratios() -> None:
    rows = part(seed=2)
    found = alone(rows, part(seed=1))
    assert found.outcome == "none_found"
    todays, recorded = found.figures
    assert (todays.measure, recorded.measure) == ("todays_adverse_impact_ratio", "recorded_adverse_impact_ratio")
    assert todays.today == todays.estimate
    assert todays.chosen is None
    assert todays.low < todays.estimate < todays.high
    ratio = by_measure(certified(rows, (1, 0)))["adverse_impact_ratio"].today
    assert todays.estimate == pytest.approx(ratio, abs=1e-12)
    assert "None of 0 candidates" in found.explanation
    assert found.cautions == ()
    harsh = alone(part(seed=2, extra=0.8), part(seed=99, extra=0.8))
    assert any("is not quite what decided" in caution for caution in harsh.cautions)


def test_todays_model_that_cannot_score_leaves_the_recorded_ratios() -> None:
    class Once(Linear):
        def scores(self, features):
            if len(features) != 4000:
                raise TrainingError(said("It broke."))
            return super().scores(features)

    found = alone(part(900, 2), part(seed=1), Once(1, -1.5))
    assert [one.measure for one in found.figures] == ["recorded_adverse_impact_ratio"]
    assert any("It broke." in caution for caution in found.cautions)


def test_where_no_ratio_is_known_the_outcome_is_not_answered() -> None:
    validation = part(seed=1)
    validation.labels["area"][np.flatnonzero(validation.labels["area"] == "B")[12:]] = "A"
    found = alone(part(seed=2), validation)
    assert found.outcome == "not_answered"
    assert "12 of B" in found.explanation


@pytest.mark.parametrize("count", [0, 4])
def test_a_group_that_the_records_hardly_approve_is_cautioned(count) -> None:
    rows, validation = part(seed=2), part(seed=1)
    ours = np.flatnonzero(rows.labels["area"] == "B")
    rows.decision[ours] = 0
    rows.decision[ours[:count]] = 1
    for found in (certified(rows, (1, 0), validation=validation), alone(rows, validation)):
        recorded = by_measure(found)["recorded_adverse_impact_ratio"]
        assert recorded.low is None
        assert recorded.estimate == pytest.approx(count / len(ours) / rows.decision[rows.labels["area"] == "A"].mean())
        assert "no ratio" not in str(recorded.reason)
        assert any(f"approve {count} of {len(ours):,} untouched rows of B" in one for one in found.cautions)


def test_where_nobody_of_the_reference_is_approved_there_is_no_ratio() -> None:
    rows = part(seed=2)
    rows.decision[rows.labels["area"] == "A"] = 0
    found = certified(rows, (1, 0))
    recorded = by_measure(found)["recorded_adverse_impact_ratio"]
    assert recorded.estimate is None
    assert "Nobody of the reference, A, is approved" in str(recorded.reason)
    assert any("untouched rows of A, today's model" in one for one in found.cautions)


def test_few_rows_that_fit_the_model_are_not_cautioned() -> None:
    rows = part(seed=2)
    rows.labels["area"][np.flatnonzero(rows.labels["area"] == "B")[25:]] = "A"
    assert not any("approve" in one for one in certified(rows, (1, 0)).cautions)


def test_a_model_that_cannot_score_the_untouched_rows_is_not_confirmed() -> None:
    class Once(Linear):
        def scores(self, features):
            if len(features) != 4000:
                raise TrainingError(said("It broke."))
            return super().scores(features)

    found = certified(part(n=900, seed=2), Once(1, 0))
    assert found.outcome == "not_confirmed"
    assert "It broke." in found.explanation
    assert [one.measure for one in found.figures] == ["recorded_adverse_impact_ratio"]


def test_small_groups_and_few_approvals_have_a_reason_and_a_caution() -> None:
    rows = part(seed=2)
    rows.labels["area"][np.flatnonzero(rows.labels["area"] == "B")[:20]] = "C"
    found = certified(rows, (1, 0), groups={"area": ("D",)})
    for group, n in (("C", 20), ("D", 0)):
        small = by_measure(found, group)["adverse_impact_ratio_gain"]
        assert small.estimate is small.low is None
        assert "30 of each are needed" in str(small.reason)
        assert any(f"{group} (area) has {n} untouched rows" in caution for caution in found.cautions)
    assert found.outcome == "certified"
    scores, group = np.arange(200.0), np.where(np.arange(200) < 60, "B", "A").astype(object)
    tiny = replace(part(200), labels={"area": group})
    rare = certified_figures(tiny, Model(scores, np.full(200, 0.1)), Model(scores, np.linspace(0.01, 0.2, 200)), ASKED,
                             REFERENCES, {})  # fmt: skip
    assert all("expected approvals" in str(one.reason) and one.low is None for one in rare[:2])


def test_areas_of_one_that_order_otherwise_have_no_bounds() -> None:
    rows = part(400, 3)
    perfect = rows.outcome + np.linspace(0, 0.5, 400)
    other = rows.outcome + np.linspace(0.5, 0, 400)
    models = (Model(scores, np.clip(scores / 2, 0, 1)) for scores in (perfect, other))
    figures = certified_figures(rows, *models, ASKED, REFERENCES, {})
    one = next(one for one in figures if one.measure == "performance_difference")
    assert (one.today, one.chosen, one.estimate) == (1, 1, 0)
    assert one.low is one.high is None
    assert "no spread" in str(one.reason)


def test_rows_of_one_person_count_as_one() -> None:
    rows = part(1500, 4)
    known = (np.tile(one, 3) for one in (rows.target, rows.decision, rows.outcome))
    labels, persons = {"area": np.tile(rows.labels["area"], 3)}, np.tile(rows.persons, 3)
    twice = RemedyPart(pd.concat([rows.features] * 3, ignore_index=True), *known, labels, persons)
    for one, other in zip(certified(rows, (1, 0)).figures, certified(twice, (1, 0)).figures, strict=True):
        assert one.standard_error == pytest.approx(other.standard_error, rel=2e-3)
        assert one.estimate == pytest.approx(other.estimate, rel=1e-9)


@pytest.mark.parametrize(("change", "expected"), [
    (lambda rows: np.full(len(rows), np.nan), "No outcome is recorded"),
    (lambda rows: np.where(rows.decision == 1, rows.outcome, np.nan), "of those approved and of 0% of those refused"),
    (lambda rows: np.where(np.arange(len(rows)) % 5 == 0, np.nan, rows.outcome), "20.0% of the untouched rows"),
    (lambda rows: np.where(np.arange(len(rows)) < 25, 0.0, 1.0), "Only 25 untouched rows"),
])  # fmt: skip
def test_cautions_of_outcomes(change, expected) -> None:
    rows = part(seed=2)
    found = certified(replace(rows, outcome=change(rows)), (1, 0))
    assert any(expected in caution for caution in found.cautions), found.cautions
    assert all(isinstance(caution, Sentence) for caution in found.cautions)


def test_unknown_labels_are_cautioned() -> None:
    rows = part(seed=2)
    rows.labels["area"][:100] = None
    assert any("2.5% of the untouched rows have no known area" in one for one in certified(rows, (1, 0)).cautions)


def test_decisions_that_the_model_does_not_explain_are_cautioned_and_others_are_not() -> None:
    harsh = [certified(part(seed=seed, extra=0.8), (1, 0), validation=part(seed=99, extra=0.8)) for seed in (2, 3)]
    assert all(any("is not quite what decided" in caution for caution in one.cautions) for one in harsh)
    right = [certified(part(seed=seed), (1, 0)) for seed in range(20, 32)]
    assert sum(bool(one.cautions) for one in right) <= 3
    cut = certified(part(seed=2), (1, 0), asked=replace(ASKED, approve="cut"))
    assert any("did not follow a cut" in caution for caution in cut.cautions)

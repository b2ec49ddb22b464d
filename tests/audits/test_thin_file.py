"""Thin files: oracles on rows, lenders whose penalty is known, what is counted and said, what cannot be had."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import stdtrit

from audits.digital_divide.thin_file import ThinFileAccess
from audits.simulation.catalogue import find_world
from audits.simulation.thin_files import ThinFiles
from audits.simulation.write import Simulation, write_simulation
from audits.statistics.equal_repayment import equal_repayment
from audits.statistics.filed_scores import Filed
from audits.statistics.same_places import along, standardised
from checks.problem import InputError
from tests.programs import run_program
from tests.questions import measure_program
from tests.thin_books import applications, book

QUICK = ThinFileAccess(replicates=100)
BUREAU = {"flag": None, "missing": ["bureau €", "bank"]}


def filed(data: pd.DataFrame, **more) -> Filed:
    return Filed(
        data["points"].to_numpy(float), data["thin"].to_numpy(int), (data["granted"] == "yes").to_numpy(float),
        data["paid"].to_numpy(float), np.ones(len(data), dtype=np.int64), **more,
    )  # fmt: skip


def named(figures, measure, segment="all"):
    return next(m for m in figures if m.measure == f"thin_file_{measure}" and m.segment == segment)


def thin_file(**more):
    return {"missing": ["bureau €", "bank"], **more}


# means at the same places of a scale


def test_means_along_a_scale_are_lines_that_go_on_at_the_ends_as_far_as_the_reach() -> None:
    place, many = np.array([3.0, 1.0, 2.0, 9.0]), np.array([10.0, 30.0, 20.0, 0.0])
    total = many * np.array([0.7, 0.2, 0.4, 0.9])  # the last has nobody and counts for nothing
    found = along(place, total, many, np.array([1.5, 3.0, 0.5, 3.4, 0.4, 3.7]), 0.5)
    line = sm.WLS([0.2, 0.4, 0.7], sm.add_constant([1.0, 2.0, 3.0]), weights=[30, 20, 10]).fit().params
    expected = [0.3, 0.7, line[0] + 0.5 * line[1], line[0] + 3.4 * line[1], np.nan, np.nan]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_share_left_out_counts_the_group_beyond_all_others() -> None:
    place = np.array([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]])[None, None]
    many = np.array([[5.0, 2.0], [5.0, 2.0], [0.0, 4.0]])[None, None]
    total = many * np.array([[0.5, 0.4], [0.9, 0.8], [0.0, 0.1]])
    np.testing.assert_allclose(standardised(place, total, many, 0.5), [[-0.1, 0.5]], atol=1e-12)


# the estimator against oracles on rows


def coarse(data: pd.DataFrame) -> pd.DataFrame:
    """Scores in steps of 20, in the range where both files are."""
    return data.assign(points=np.clip(np.round(data["points"] / 20) * 20, 480, 680))


def test_repayment_at_equal_score_is_the_mean_over_thin_files_of_what_full_ones_of_their_score_do() -> None:
    data = coarse(applications(2, underrated=30))
    rate = data[~data["thin"]].groupby("points")["paid"].mean()
    own = data[data["thin"]]
    found = equal_repayment(filed(data), replicates=50).repayment
    assert found.gap == pytest.approx(float((own["paid"] - own["points"].map(rate)).mean()), abs=1e-12)
    assert (found.thin, found.full) == (data["thin"].sum(), (~data["thin"]).sum())


def test_decisions_at_equal_repayment_equal_those_at_the_repayment_of_two_plain_logits() -> None:
    data = coarse(applications(3, 60_000, underrated=40))
    data["yes"] = (data["granted"] == "yes").astype(float)
    for thin, rows in data.groupby("thin"):
        fit = sm.Logit(rows["paid"], sm.add_constant(rows[["points"]])).fit(disp=0).params
        data.loc[data["thin"] == thin, "place"] = fit["const"] + fit["points"] * rows["points"]
    full = data[~data["thin"]].groupby("place")["yes"].mean()
    own = data[data["thin"] & (data["place"] <= full.index.max())]
    oracle = float((np.interp(own["place"], full.index, full) - own["yes"]).mean())
    found = equal_repayment(filed(data), replicates=50)
    assert oracle > 0.1
    # bends, folds and the few beyond the last full file are the difference
    assert found.approval.gap == pytest.approx(oracle, abs=0.25 * found.approval.error)


def test_prices_follow_the_points_that_a_missing_trail_costs() -> None:
    data = applications(4, 20_000, underrated=40)
    found = equal_repayment(filed(data, price=data["apr"].to_numpy()), replicates=50).price
    assert abs(found.gap - 1.0) < 3 * found.error  # 40 points at a fortieth of a point of interest each
    assert found.full == int((data["apr"].notna() & ~data["thin"]).sum())


def test_rows_that_come_in_twos_have_the_error_of_one_of_each() -> None:
    single = applications(5, 4000, underrated=30)
    double = pd.concat([single, single], ignore_index=True)
    plain = equal_repayment(filed(single), replicates=300)
    naive = equal_repayment(filed(double), replicates=300)
    honest = equal_repayment(filed(double, owners=np.tile(np.arange(4000), 2)), replicates=300)
    for name in ("repayment", "approval"):
        one, wrong, right = (getattr(found, name).error for found in (plain, naive, honest))
        assert right == pytest.approx(one, rel=0.25)
        assert wrong < 0.85 * one


def drawn(seed: int, effect: float, rows: int) -> Filed:
    """People of the world drawn as cells."""
    chance = ThinFiles().population(effect).over("file", "score", "approved", "repaid")
    counts = np.random.default_rng(seed).multinomial(rows, chance.ravel() / chance.sum())
    file, score, approved, repaid = (part.ravel() for part in np.indices(chance.shape))
    return Filed(score.astype(float), file, approved.astype(float), repaid.astype(float), counts)


@pytest.mark.parametrize("effect", [0.0, 0.06])
def test_intervals_hold_the_planted_penalty_as_often_as_they_say(effect) -> None:
    files, truth = 80, ThinFiles().truth(effect)
    missed = {"repayment": 0, "approval": 0}
    for seed in range(files):
        found = equal_repayment(drawn(seed, effect, 5000), replicates=100, seed=seed)
        for name in missed:
            gap = getattr(found, name)
            reach = stdtrit(gap.freedom, 0.975) * gap.error
            missed[name] += abs(gap.gap - truth[f"thin_file_{name}_gap"]) > reach
    # four standard errors of a share of .05 above it
    assert max(missed.values()) <= files * 0.05 + 4 * np.sqrt(files * 0.05 * 0.95)


def test_what_is_too_little_has_a_reason_and_no_figure() -> None:
    data = applications(6, 3000)
    few = data.assign(paid=np.where(data["thin"], 1.0, data["paid"]))
    found = equal_repayment(filed(few), replicates=50)
    assert "0 thin files have the rarer outcome" in found.repayment.reason
    assert found.approval.reason == found.repayment.reason
    never = data.assign(granted=np.where(data["thin"], "no", data["granted"]))
    found = equal_repayment(filed(never), replicates=50)
    assert found.repayment.reason is None
    assert "0 thin files have the rarer decision" in found.approval.reason
    assert equal_repayment(filed(data[data["thin"]]), replicates=50).repayment.reason == "no full file has a score"
    apart = data.assign(points=data["points"] - 1000.0 * data["thin"])
    assert "100 % of the thin files have no full file near them" in (
        equal_repayment(filed(apart), replicates=50).repayment.reason
    )
    with pytest.raises(ValueError, match="lengths"):
        filed(data, price=np.ones(3))
    with pytest.raises(ValueError, match="one each"):
        Filed(np.ones(2), np.ones(2, int), np.ones(2), np.ones(2), np.array([2, 1]), price=np.ones(2))


# the question on files


def test_figures_equal_those_of_rows(tmp_path) -> None:
    data = applications(7, 3000)
    made = thin_file(filled_decision="filled", filled_score="filled points", automatic="unseen")
    figures, missing = measure_program(book(tmp_path, data, thin_file=made), QUICK, tmp_path / "out")
    assert missing == []
    thin, full = data[data["thin"]], data[~data["thin"]]
    yes = [(part["granted"] == "yes").mean() for part in (thin, full)]
    assert named(figures, "share").estimate == pytest.approx(data["thin"].mean(), rel=1e-12)
    assert named(figures, "approval_ratio").estimate == pytest.approx(yes[0] / yes[1], rel=1e-12)
    unseen = [(part["unseen"] == "y").mean() for part in (thin, full)]
    automatic = named(figures, "automatic_ratio")
    assert automatic.estimate == pytest.approx(unseen[0] / unseen[1], rel=1e-12)
    assert automatic.counts["group_automatic"] == (thin["unseen"] == "y").sum()
    refused = thin[thin["granted"] == "no"]
    flips = named(figures, "flip_share")
    assert flips.estimate == pytest.approx((refused["filled"] == "yes").mean(), rel=1e-12)
    assert flips.counts["refused_and_filled"] == len(refused)
    assert flips.details["mean_score_change"] == pytest.approx(60, rel=1e-9)
    for measure in ("repayment_gap", "approval_gap", "price_gap"):
        assert named(figures, measure).low < 0 < named(figures, measure).high
    assert named(figures, "repayment_gap").cautions == ()
    assert {figure.attribute for figure in figures} == {"credit file"}


@pytest.mark.parametrize(("code", "effect"), [("C2", 0.0), ("C2", 0.06), ("C2A", 0.0), ("C2A", 0.06)])
def test_the_penalty_is_found_and_its_absence_too_where_the_raw_ratio_is_the_same(tmp_path, code, effect) -> None:
    world = find_world(code)
    write_simulation(Simulation(world, 20_000, effect, 3), tmp_path / "world")
    file = next((tmp_path / "world").glob("*.yaml"))
    figures, _ = measure_program(file, QUICK, tmp_path / "out")
    assert named(figures, "approval_ratio").high < 0.8
    for measure in ("repayment_gap", "approval_gap", "price_gap"):
        figure, true = named(figures, measure), world.truth(effect)[f"thin_file_{measure}"]
        assert abs(figure.estimate - true) < 3.5 * figure.standard_error
        assert (figure.low > 0) == (effect > 0)
    approval = named(figures, "approval_gap")
    assert approval.undecided is None
    if code == "C2":
        assert approval.cautions == approval.unseen == ()
        return
    assert approval.cautions[0].startswith("indicative: the outcome is known for 100.0 % of the approved and 0.0 %")
    assert approval.unseen == approval.cautions[:1]
    agreed = [one for one in approval.cautions if one.startswith("outcome test and benchmark test agree")]
    assert bool(agreed) == (effect > 0)


def test_two_tests_that_disagree_decide_nothing_where_outcomes_are_known_of_the_approved_only(tmp_path) -> None:
    data = applications(18, 20_000, held_back=60)  # a stricter bar at a score that means the same in both files
    data["paid"] = np.where(data["granted"] == "yes", data["paid"], np.nan)
    outcome = {"column": "paid", "favourable": 1, "observed_when": "seen"}
    data["seen"] = data["granted"] == "yes"
    figures, _ = measure_program(book(tmp_path, data, outcome=outcome), QUICK, tmp_path / "out")
    approval, repayment = named(figures, "approval_gap"), named(figures, "repayment_gap")
    assert approval.low > 0 > repayment.low
    assert "do not agree" in approval.undecided
    assert approval.undecided == repayment.undecided
    whole = applications(18, 20_000, held_back=60)
    figures, _ = measure_program(book(tmp_path / "all", whole), QUICK, tmp_path / "out2")
    assert named(figures, "approval_gap").undecided is None
    assert named(figures, "approval_gap").low > 0


@pytest.mark.parametrize(("declined", "words"), [(0.0, "0.0 %"), (0.08, "8."), (1.0, None)])
def test_whose_outcomes_are_known_is_said_with_numbers(tmp_path, declined, words) -> None:
    data = applications(18, 6000)
    data["seen"] = (data["granted"] == "yes") | (np.random.default_rng(5).random(len(data)) < declined)
    data["paid"] = data["paid"].astype(float).where(data["seen"])
    share = 100 * data.loc[data["granted"] != "yes", "seen"].mean()
    outcome = {"column": "paid", "favourable": 1, "observed_when": "seen"}
    figures, _ = measure_program(book(tmp_path, data, outcome=outcome), QUICK, tmp_path / "out")
    told = {name: " | ".join(named(figures, name).cautions) for name in ("repayment_gap", "approval_gap")}
    for name, text in told.items():
        if words is None:
            assert "outcome is known" not in text
            assert not named(figures, name).unseen
            continue
        assert f"known for 100.0 % of the approved and {share:.1f} % of the declined" in text
        assert words in f"{share:.1f} %"
        assert named(figures, name).unseen
    assert ("indicative" in told["approval_gap"]) == (words is not None)


def test_without_a_decision_the_share_whose_outcome_is_known_is_said(tmp_path) -> None:
    data = applications(18, 6000)
    outcome = {"column": "paid", "favourable": 1, "observed_when": "seen"}
    for share, many in ((0.6, "60.0 %"), (1.0, None)):
        data["seen"] = data.index < share * len(data)
        known = data.assign(paid=data["paid"].astype(float).where(data["seen"]))
        file = book(tmp_path / str(share), known, outcome=outcome, decision=None)
        figures, _ = measure_program(file, QUICK, tmp_path / f"out{share}")
        text = " | ".join(named(figures, "repayment_gap").cautions)
        assert (f"on a condition, for {many} of the rows" in text) if many else ("condition" not in text)


def test_rules_are_told_by_reasons_and_by_nobody_being_approved(tmp_path) -> None:
    data = applications(9, 3000)
    file = book(tmp_path, data, denial_reasons=["why"])
    figures, _ = measure_program(file, ThinFileAccess(replicates=100, reasons=("no history",)), tmp_path / "out")
    thin, full = data[data["thin"]], data[~data["thin"]]
    shares = [(part["why"] == " No History").mean() for part in (thin, full)]
    assert named(figures, "automatic_ratio").estimate == pytest.approx(shares[0] / shares[1], rel=1e-12)
    never = data.assign(granted=np.where(data["thin"], "no", data["granted"]))
    figures, missing = measure_program(book(tmp_path / "never", never), QUICK, tmp_path / "out2")
    rule = next(one for one in missing if one.reason.startswith("thin files are refused as if by rule"))
    n = int(data["thin"].sum())
    assert f"0 of {n:,} approved (at most {300 / n:.2f} %)" in rule.reason
    assert rule.reason in named(figures, "approval_ratio").unseen
    assert named(figures, "approval_gap").estimate is None
    some = never.assign(granted=np.where(never.index == never.index[never["thin"]][0], "yes", never["granted"]))
    _, missing = measure_program(book(tmp_path / "some", some), QUICK, tmp_path / "out3")
    assert not [one for one in missing if "as if by rule" in one.reason]
    flagged = book(tmp_path / "flagged", never, thin_file=thin_file(automatic="unseen"))
    _, missing = measure_program(flagged, QUICK, tmp_path / "out4")
    assert not [one for one in missing if "as if by rule" in one.reason]


def test_a_rule_is_told_without_a_score_and_not_of_few(tmp_path) -> None:
    data = applications(10, 3000)
    never = data.assign(granted=np.where(data["thin"], "no", data["granted"]))
    _, missing = measure_program(book(tmp_path, never, drop=("score",)), QUICK, tmp_path / "out")
    assert [one for one in missing if "as if by rule" in one.reason]
    few = pd.concat([never[never["thin"]].head(59), never[~never["thin"]]])
    _, missing = measure_program(book(tmp_path / "few", few), QUICK, tmp_path / "out2")
    assert not [one for one in missing if "as if by rule" in one.reason]


def test_flags_that_say_neither_or_nothing(tmp_path) -> None:
    data = applications(11, 2000)
    odd = data.assign(unseen=np.where(data.index < 5, "perhaps", data["unseen"]))
    figures, _ = measure_program(book(tmp_path, odd, thin_file=thin_file(automatic="unseen")), QUICK, tmp_path / "o")
    assert named(figures, "automatic_ratio").reason == "'unseen' holds 'perhaps', which is neither yes nor no"
    blank = data.assign(unseen=np.where(data.index % 3 == 0, None, data["unseen"]))
    file = book(tmp_path / "blank", blank, thin_file=thin_file(automatic="unseen"))
    figures, _ = measure_program(file, QUICK, tmp_path / "out")
    assert "it is not known whether anybody looked at them" in named(figures, "automatic_ratio").unseen[0]


@pytest.mark.parametrize(
    ("drop", "lost"),
    [
        (("rate",), {"price_gap"}),
        (("unit",), {"price_gap"}),
        (("outcome",), {"repayment_gap", "approval_gap"}),
        (("score",), {"repayment_gap", "approval_gap", "price_gap"}),
        (("decision", "rate"), {"approval_ratio", "approval_gap", "price_gap"}),
        (("decision", "outcome", "score", "rate", "unit"), {
            "approval_ratio", "repayment_gap", "approval_gap", "price_gap",
        }),
    ],
)  # fmt: skip
def test_what_the_contract_lacks_is_said(tmp_path, drop, lost) -> None:
    figures, missing = measure_program(book(tmp_path, applications(12, 2000), drop), QUICK, tmp_path / "out")
    always = {"automatic_ratio", "flip_share"}
    assert {one.question for one in missing} == {
        f"digital_divide.thin_file: thin_file_{name}" for name in lost | always
    }
    assert all(one.needed for one in missing)
    every = {"approval_ratio", "repayment_gap", "approval_gap", "price_gap"}
    assert {m.measure for m in figures} == {f"thin_file_{name}" for name in (every - lost) | {"share"}}
    if drop == ("outcome",):
        price = named(figures, "price_gap")
        assert price.cautions[1].startswith("too few outcomes are known: rates are compared at equal score")
        assert "at the same score" in price.method


def test_entities_strata_and_weights(tmp_path) -> None:
    data = applications(13, 4000, underrated=30)
    twice = pd.concat([data, data], ignore_index=True).assign(case=np.arange(8000), w=1.0)
    twice["who"] = np.tile(np.arange(4000), 2)
    file = book(tmp_path, twice, entity="who", strata=["branch"], weight="w")
    figures, missing = measure_program(file, QUICK, tmp_path / "out")
    single, _ = measure_program(book(tmp_path / "one", data), QUICK, tmp_path / "out2")
    for measure in ("repayment_gap", "approval_gap", "price_gap"):
        own, plain = named(figures, measure), named(single, measure)
        assert own.standard_error == pytest.approx(plain.standard_error, rel=0.35)
        assert any("strata" in one for one in own.unseen)
        assert not any("count as independent" in one for one in own.cautions)
    assert "count as independent" in named(figures, "share").cautions[0]
    assert named(figures, "approval_ratio", "within strata").estimate is not None
    assert named(figures, "approval_ratio").details["declared_strata_ignored"] == 1
    assert "digital_divide.thin_file: weight" in {one.question for one in missing}


def test_scores_that_are_missing_are_counted_and_told(tmp_path) -> None:
    data = applications(14, 3000)
    some = data.assign(points=np.where(data["thin"] & (data.index % 4 == 0), np.nan, data["points"]))
    figures, _ = measure_program(book(tmp_path, some), QUICK, tmp_path / "out")
    gap = named(figures, "repayment_gap")
    assert gap.counts["group_without_score"] == int((data["thin"] & (data.index % 4 == 0)).sum())
    assert "of the thin files have no score" in gap.unseen[0]
    none = data.assign(points=np.where(data["thin"], np.nan, data["points"]))
    figures, _ = measure_program(book(tmp_path / "none", none), QUICK, tmp_path / "out2")
    assert {named(figures, f"{name}_gap").reason for name in ("repayment", "approval", "price")} == {
        "no thin file has a score"
    }  # fmt: skip


def test_files_that_nobody_can_place_are_told(tmp_path) -> None:
    data = applications(15, 3000)
    data["mark"] = np.where(data.index % 5 == 0, None, np.where(data["thin"], "yes", "no"))
    figures, _ = measure_program(book(tmp_path, data, thin_file={"flag": "mark"}), QUICK, tmp_path / "out")
    share = named(figures, "share")
    assert share.counts["unknown"] == 600
    assert share.estimate == pytest.approx(data["thin"][data.index % 5 > 0].mean(), rel=1e-12)
    for figure in figures:
        assert "of 20.0 % of the applications it is not known whether their file is thin" in figure.unseen


def test_a_harmful_lender_through_the_whole_run(tmp_path) -> None:
    write_simulation(Simulation(find_world("C2"), 12_000, 0.1, 5), tmp_path / "world")
    run, judgement = run_program(next((tmp_path / "world").glob("*.yaml")), tmp_path / "out")
    assert run.errors == ()
    assert {m.measure for m in run.measurements if m.estimate is not None} == {
        f"thin_file_{name}"
        for name in ("share", "approval_ratio", "repayment_gap", "approval_gap", "price_gap", "flip_share")
    }  # fmt: skip
    judged = {f.measurement.measure: f.verdict for f in judgement.findings}
    assert {judged.get(f"thin_file_{name}_gap") for name in ("repayment", "approval")} == {"concern"}


@pytest.mark.parametrize("change", [{"folds": 1}, {"rows": 5}, {"replicates": 2.5}, {"seed": -1}, {"folds": True}])
def test_parameters_that_make_no_sense_are_refused(change) -> None:
    with pytest.raises(InputError, match="a whole number from"):
        ThinFileAccess(**change)

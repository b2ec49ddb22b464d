"""Two runs side by side: what differs is found with its reason, what does not is silent, what is missing is said."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from audits.comparing.compare import compare, compare_folders
from audits.comparing.record import Comparison
from audits.record import (
    NotAnswered,
    RuleNotApplied,
    RunError,
    Subject,
    canonical_json,
    json_schema,
)
from audits.statistics.ladder import climb, critical
from checks.check_report import CheckReport
from reports.comparing import comparison_view
from reports.comparing_text import lines
from reports.html.comparing import render
from reports.words import ENGLISH, LANGUAGES, language
from squaredeal import app
from tests.programs import ROOT, loans, write_program
from tests.reports import sample_records as made

FLOOR = made.rule("r.gap", limit_source="law")  # at most 5 points, the whole interval


def gap(estimate, error=0.01, **changes):
    """An adjusted gap with a normal interval at every level."""
    rungs = climb(lambda level: (estimate - critical(level) * error, estimate + critical(level) * error))
    ends = {"low": estimate - critical(0.95) * error, "high": estimate + critical(0.95) * error}
    return made.gap(estimate=estimate, ladder=rungs, **{**ends, **changes})


def judged(measurement, verdict, rule=FLOOR, **changes):
    values = {"cautions": (), "low": measurement.low, "high": measurement.high, "level": 0.95, **changes}
    return made.finding(measurement, rule, verdict, **values)


def month(number, findings, **changes):
    """A run of a month with these findings, and its judgement."""
    data = replace(
        made.run().data, fingerprint=f"sha256:{number:02d}", period=f"2026-{number:02d}",
        first_day=f"2026-{number:02d}-01", last_day=f"2026-{number:02d}-28",
    )  # fmt: skip
    extra = {key: changes.pop(key) for key in ("rules_not_applied", "policies") if key in changes}
    figures = tuple({id(f.measurement): f.measurement for f in findings}.values())
    run = made.run(**{"data": data, "measurements": figures, **changes})
    judgement = made.judgement(findings, period=data.period, **{"rules_not_applied": (), **extra})
    return run, judgement


def only(found):
    (one,) = found.findings
    return one


def told(found, lang="en"):
    return "\n".join(lines(found, language(lang)))


def test_a_figure_that_moved_beyond_its_limit_is_worse_and_the_figure_decides():
    found = compare(month(1, [judged(gap(0.0), "clear")]), month(2, [judged(gap(0.12), "breach")]))
    one = only(found)
    assert (one.kind, one.fails, found.fails) == ("worse", True, True)
    assert [(c.kind, c.decisive) for c in one.causes] == [("figure", True)]
    assert one.causes[0].explanation == "the figure moved from 0.0 percentage points to 12.0 percentage points"


def test_the_difference_of_two_months_has_the_z_interval_of_independent_samples():
    found = compare(month(1, [judged(gap(0.0, 0.01), "clear")]), month(2, [judged(gap(0.12, 0.02), "breach")]))
    (one,) = found.figures
    half = critical(0.99) * np.hypot(0.01, 0.02)
    assert (found.rows, one.kind, one.direction) == ("independent", "beyond_chance", "worse")
    assert (one.change, one.low, one.high, one.level) == pytest.approx((0.12, 0.12 - half, 0.12 + half, 0.99))


def test_a_verdict_that_turned_says_whether_chance_explains_how_far_its_figure_moved():
    near = compare(month(1, [judged(gap(0.028), "clear")]), month(2, [judged(gap(0.033), "inconclusive")]))
    assert (only(near).kind, only(near).causes[0].kind) == ("worse", "figure")
    assert only(near).difference.startswith("chance alone explains it")
    far = compare(month(1, [judged(gap(0.0), "clear")]), month(2, [judged(gap(0.12), "breach")]))
    assert only(far).difference == "it moved towards harm, by more than chance explains"
    for found, words in ((near, "Chance alone explains it"), (far, "It moved towards harm")):
        assert f"<dt>Difference</dt><dd>{words}" in render(found)


def test_a_limit_that_was_lowered_decides_where_the_figure_stayed():
    before, after = judged(gap(0.04), "clear"), judged(gap(0.04), "breach", replace(FLOOR, limit=0.01))
    found = compare(month(1, [before]), month(2, [after]))
    assert [(c.kind, c.decisive) for c in only(found).causes] == [("limit", True)]
    assert (
        "at most 5.0 percentage points and asks for at most 1.0 percentage points" in only(found).causes[0].explanation
    )
    assert [(one.place, one.before, one.after) for one in found.inputs if one.kind == "rules"] == [
        ("r.gap.limit", "0.05", "0.01")
    ]


def test_a_rule_that_came_into_force_decides_between_concern_and_breach():
    draft = replace(FLOOR, status="draft")
    found = compare(month(1, [judged(gap(0.2), "concern", draft)]), month(2, [judged(gap(0.21), "breach")]))
    assert [(c.kind, c.decisive) for c in only(found).causes] == [("force", True), ("figure", False)]


def test_fewer_rows_decide_where_the_figure_stayed():
    found = compare(month(1, [judged(gap(0.03, 0.005), "clear")]),
                    month(2, [judged(gap(0.03, 0.05, n=80), "inconclusive")]))  # fmt: skip
    assert [(c.kind, c.decisive) for c in only(found).causes] == [("size", True)]
    assert "1,971 rows before, 80 now" in only(found).causes[0].explanation


def test_more_comparisons_decide_where_the_interval_was_widened_for_them():
    wide = gap(0.04, 0.005)
    half = critical(0.9999) * 0.005
    at = {"low": 0.04 - half, "high": 0.04 + half, "level": 0.9999}
    clear = judged(wide, "clear")
    primary = compare(month(1, [clear]), month(2, [judged(wide, "inconclusive", family=500, **at)]))
    assert [(c.kind, c.decisive) for c in only(primary).causes] == [("comparisons", True)]
    other = compare(month(1, [clear]), month(2, [judged(wide, "inconclusive", standing="exploratory", **at)]))
    assert [(c.kind, c.decisive) for c in only(other).causes] == [("standing", True)]


def test_a_caution_decides_where_it_keeps_a_breach_from_being_one():
    cautious = gap(0.2, cautions=("the controls may be proxies",))
    found = compare(month(1, [judged(gap(0.2), "breach")]), month(2, [judged(cautious, "concern")]))
    assert only(found).kind == "better"
    assert [(c.kind, c.decisive) for c in only(found).causes] == [("caution", True)]
    unseen = judged(gap(0.0), "inconclusive", unseen=("9 % are left out",))
    lost = compare(month(1, [judged(gap(0.0), "clear")]), month(2, [unseen]))
    assert [(c.kind, c.decisive) for c in only(lost).causes] == [("caution", True)]


def test_reasons_that_only_together_turn_a_verdict_are_all_named():
    before = judged(gap(0.04), "inconclusive")
    after = judged(gap(0.055), "breach", replace(FLOOR, limit=0.035))  # neither the figure nor the limit alone suffices
    found = compare(month(1, [before]), month(2, [after]))
    assert {(c.kind, c.decisive) for c in only(found).causes} == {("figure", True), ("limit", True)}


def test_a_judgement_that_these_rules_do_not_give_names_all_that_differs():
    lower = replace(FLOOR, limit=0.04)
    found = compare(month(1, [judged(gap(0.3), "clear")]), month(2, [judged(gap(0.2), "breach", lower)]))
    assert {(c.kind, c.decisive) for c in only(found).causes} == {("figure", True), ("limit", True)}


def missing(reason):
    return made.gap(estimate=None, low=None, high=None, p_value=None, mde=None, reason=reason)


def test_a_clear_that_cannot_be_answered_any_more_fails_and_says_why():
    lost = judged(missing("nobody is left"), "not_identified")
    found = compare(month(1, [judged(gap(0.0), "clear")]), month(2, [lost]))
    assert (only(found).kind, only(found).fails) == ("unanswered", True)
    assert only(found).causes[0].explanation == "the figure cannot be had any more: nobody is left"
    assert [one.kind for one in found.figures] == ["missing"]
    back = compare(month(1, [lost]), month(2, [judged(gap(0.0), "clear")]))
    assert (only(back).kind, back.fails) == ("answered", False)
    assert compare(month(1, [lost]), month(2, [judged(gap(0.2), "breach")])).fails


WHYS = {
    "not asked": ({"program": replace(made.run().program, content={"audits": {"primary": []}})}, "was not asked"),
    "failed": ({"errors": (RunError("fair_lending.approval", "Error: no"),)}, "failed while it ran: Error: no"),
    "not answered": (
        {"not_answered": (NotAnswered("fair_lending.approval", "the contract does not fill: decision", "declare it"),)},
        "was not answered: the contract does not fill: decision",
    ),
    "not applied": (
        {"rules_not_applied": (RuleNotApplied(FLOOR, "the rule ended on 2026-02-01"),)},
        "was not applied: the rule ended on 2026-02-01",
    ),
    "other pack": ({}, "in none of the packs that judged the run (us)"),
    "no pack": ({"policies": ()}, "judged under no policy pack"),
    "unfit": ({"checks": CheckReport(False, made.checks(stop=True))}, "the data failed their checks"),
}  # fmt: skip


@pytest.mark.parametrize("why", WHYS)
def test_a_finding_that_is_gone_says_why_and_so_does_one_that_is_new(why):
    changes, reason = WHYS[why]
    full, empty = month(1, [judged(gap(0.0), "clear")]), month(2, [], **changes)
    gone, new = only(compare(full, empty)), only(compare(empty, full))
    assert reason in gone.reason
    assert reason in new.reason
    assert (gone.kind, gone.fails) == (("unanswered" if why == "unfit" else "gone"), True)
    assert (new.kind, new.fails) == (("answered" if why == "unfit" else "new"), False)
    assert reason in told(compare(full, empty))


def test_a_breach_that_is_gone_stops_a_pipeline_and_says_its_reason_before_that_of_the_days():
    part = judged(gap(0.2, segment="2026-01-01..2026-01-10"), "breach")
    for why, changes in (("the rule ended", WHYS["not applied"][0]), ("no policy pack", WHYS["no pack"][0])):
        found = compare(month(1, [part]), month(2, [], **changes))
        assert (only(found).kind, only(found).fails) == ("gone", True)
        assert why in only(found).reason
    lost = compare(month(1, [judged(gap(0.2), "concern")]), month(2, [judged(missing("none left"), "not_identified")]))
    assert (only(lost).kind, lost.fails) == ("unanswered", True)


def test_a_concern_that_a_wider_interval_leaves_open_is_not_better():
    wide = judged(gap(0.12, 0.06), "inconclusive")
    found = compare(month(1, [judged(gap(0.12), "concern", cautions=("a caution",))]), month(2, [wide]))
    assert (only(found).kind, found.fails) == ("undecided", True)
    assert "NOT DECIDED ANY MORE" in told(found)
    near = judged(gap(0.055, 0.01), "inconclusive")
    better = compare(month(1, [judged(gap(0.12), "concern", cautions=("a caution",))]), month(2, [near]))
    assert (only(better).kind, better.fails) == ("better", False)


def test_two_whole_runs_are_told_apart_by_their_days_and_are_no_versions_of_each_other():
    def whole(number, **changes):
        run, judgement = month(number, [])
        digest = f"sha256:0{number}23456789abcdef"
        data = replace(run.data, period="all", **changes)
        return replace(run, data=data), replace(judgement, period="all", run_digest=digest)

    found = compare(whole(1), whole(2))
    view = comparison_view(found, ENGLISH)
    assert "2026-01-01 to 2026-01-28" in view.title
    assert "2026-02-01 to 2026-02-28" in view.title
    assert "different days" in found.relation
    found = compare(*(whole(number, first_day=None, last_day=None) for number in (1, 2)))
    assert "versions" not in found.relation
    assert "sha256:0223456789ab" in comparison_view(found, ENGLISH).title


def test_a_figure_that_reads_the_same_is_not_said_to_have_moved():
    base = judged(gap(0.2), "breach")
    for figure, rows, says in (
        (gap(0.2000001), 0, None),
        (gap(0.2, n=1000), 1, "only the number of rows behind it differs"),
    ):
        view = comparison_view(compare(month(1, [base]), month(2, [judged(figure, "breach")])), ENGLISH)
        shown = (*view.figures, *view.within)
        assert len(shown) == rows
        assert [row.says for row in shown] == [says] * rows
        assert any("less than is shown" in note for note in view.figures_note) == (not rows)


def test_a_chinese_terminal_has_chinese_marks():
    text = told(compare(month(1, [judged(gap(0.0), "clear")]), month(2, [judged(gap(0.12), "breach")])), "zh-CN")
    assert not re.search(r"[\u4e00-\u9fff][:;]", text)


def test_another_group_or_a_part_of_the_period_is_said_of_a_finding_that_is_gone():
    stays, gone = judged(gap(0.0), "clear"), judged(gap(0.0, group="Pacific"), "clear", finding_id="f.pacific")
    part = judged(gap(0.0, segment="2026-01-01..2026-01-10"), "clear", finding_id="f.part")
    found = compare(month(1, [stays, gone, part]), month(2, [stays]))
    reasons = {one.finding_id: one.reason for one in found.findings}
    assert reasons == {
        "f.pacific": "no figure of Pacific in this run",
        "f.part": "the figure is of the days from 2026-01-01 to 2026-01-10 alone, which the run does not tell apart",
    }
    assert found.same_findings == 1


def test_unfit_data_take_every_finding_with_them_once():
    run, judgement = made.unfit()
    before = month(1, [judged(gap(0.0), "clear", made.rule()), judged(made.ratio(), "concern", made.FOUR_FIFTHS)])
    found = compare(before, (replace(run, data=month(2, [])[0].data), judgement))
    assert [(one.kind, one.fails, one.after) for one in found.findings] == [("unanswered", True, None)] * 2
    assert {one.kind for one in found.inputs} == {"data", "fitness"}


def test_the_gravest_change_stands_first_and_open_findings_that_stayed_are_counted():
    def at(name, estimate, verdict):
        return judged(gap(estimate, group=name), verdict, finding_id=name)

    before = [at("a", 0.2, "breach"), at("b", 0.0, "clear"), at("c", 0.05, "inconclusive"), at("d", 0.2, "breach")]
    after = [at("a", 0.0, "clear"), at("b", 0.05, "inconclusive"), at("c", 0.2, "breach"), at("d", 0.2, "breach")]
    found = compare(month(1, before), month(2, after))
    assert [one.finding_id for one in found.findings] == ["c", "b", "a"]
    assert (found.same_findings, found.still_open) == (1, 1)


def test_the_same_rows_have_an_exact_difference_and_no_interval():
    one, two = month(1, [judged(gap(0.0), "clear")]), month(1, [judged(gap(0.12), "breach")])
    two = replace(two[0], subject=Subject("models:/credit", "8", "sha256:c8")), two[1]
    found = compare(one, two)
    (figure,) = found.figures
    assert (found.rows, found.family, figure.kind, figure.low, figure.p_value) == ("same", 0, "exact", None, None)
    assert (figure.change, figure.direction) == (pytest.approx(0.12), "worse")
    assert [(i.kind, i.place, i.before, i.after) for i in found.inputs] == [
        ("model", "version", "7", "8"), ("model", "digest", "sha256:cc", "sha256:c8"),
    ]  # fmt: skip


def test_overlapping_or_unknown_days_have_no_interval_and_say_why():
    def run(first, last, mark, estimate):
        run, judgement = month(1, [judged(gap(estimate), "clear")])
        return replace(run, data=replace(run.data, first_day=first, last_day=last, fingerprint=mark)), judgement

    january = run("2026-01-01", "2026-01-31", "x", 0.0)
    for other, rows, reason in (
        (run("2026-01-31", "2026-02-28", "y", 0.01), "overlap", "overlap"),
        (run(None, None, "y", 0.01), "unknown", "no days"),
    ):
        found = compare(january, other)
        assert (found.rows, found.family, [one.kind for one in found.figures]) == (rows, 0, ["no_interval"])
        assert reason in found.figures[0].explanation
        assert any(reason in line for line in found.cannot_say)
    assert compare(january, run("2026-02-01", "2026-02-28", "y", 0.01)).rows == "independent"


def test_counted_cases_have_an_exact_difference_between_periods():
    counted = {"measure": "cap_cases", "equality": None, "p_value": None, "standard_error": None}
    figures = [made.gap(estimate=cases, low=cases, high=cases, **counted) for cases in (0.0, 4.0)]
    found = compare(*(month(i, [judged(m, "concern")]) for i, m in enumerate(figures, 1)))
    assert [(one.kind, one.change, one.low) for one in found.figures] == [("exact", 4.0, None)]


def test_a_ratio_of_nothing_has_no_interval_and_says_so():
    zero = made.ratio(estimate=0.0, low=0.0, high=0.1)
    found = compare(month(1, [judged(made.ratio(), "concern")]), month(2, [judged(zero, "concern")]))
    assert [(one.kind, one.change) for one in found.figures] == [("no_interval", 0.0)]
    assert "a ratio of 0 has no logarithm" in told(found)


def two_programs(**scopes):
    before, after = month(1, [judged(gap(0.0), "clear")]), month(1, [judged(gap(0.12), "breach")])
    content = dict(after[0].program.content)
    before = (
        replace(before[0], program=replace(before[0].program, content=content | {"scope": scopes.get("one")})),
        before[1],
    )
    program = replace(after[0].program, name="other", content=content | {"scope": scopes.get("two")})
    renamed = [replace(f, finding_id="elsewhere") for f in after[1].findings]
    data = replace(after[0].data, fingerprint="sha256:z", rows=scopes.get("rows", 2000))
    run = replace(after[0], program=program, data=data)
    return before, (run, replace(after[1], program="other", findings=tuple(renamed)))


def test_two_programs_are_matched_by_harm_rule_and_figure_and_said_to_be_two():
    found = compare(*two_programs())
    assert only(found).kind == "worse"
    assert found.relation.startswith("two programs")
    assert found.rows == "unknown"
    apart = compare(*two_programs(one={"products": ["mortgage"]}, two={"products": ["motor"]}))
    assert (apart.rows, apart.family) == ("independent", 1)
    assert any("but what the programs declare" in line for line in apart.cannot_say)
    nothing = compare(month(1, []), month(2, []))
    assert "No figure of which a difference could be tested stands in both runs." in told(nothing)
    assert [(i.place, i.before, i.after) for i in apart.inputs if i.kind == "program"] == [
        ("program", "boston", "other"), ("scope.products", '["mortgage"]', '["motor"]'),
    ]  # fmt: skip


def test_a_scope_parts_no_rows_where_as_many_stand_behind_both():
    scopes = {"one": {"products": ["mortgage"]}, "two": {"products": ["motor"]}}
    found = compare(*two_programs(**scopes, rows=made.run().data.rows))
    assert (found.rows, found.family) == ("unknown", 0)
    assert "they may be the same ones" in found.rows_reason


def test_days_part_no_rows_that_have_none_or_that_are_dated_by_another_column():
    before, after = month(1, [judged(gap(0.0), "clear")]), month(2, [judged(gap(0.12), "breach")])
    undated = replace(after[0], data=replace(after[0].data, undated=7)), after[1]
    content = dict(after[0].program.content)
    content["contract"] = dict(content["contract"]) | {"time": "paid_on"}
    redated = replace(after[0], program=replace(after[0].program, content=content)), after[1]
    assert compare(before, after).rows == "independent"
    for other, reason in ((undated, "7 rows have no day"), (redated, "different columns")):
        found = compare(before, other)
        assert (found.rows, found.family, [one.kind for one in found.figures]) == ("unknown", 0, ["no_interval"])
        assert reason in found.rows_reason
    assert only(compare(before, redated)).kind == "worse"


def test_every_place_of_the_inputs_that_differs_is_named_with_both_values():
    one, two = month(1, []), month(1, [])
    content = json.loads(json.dumps(one[0].program.content))
    content["contract"]["groups"][0]["reference"] = "non-white"
    content["contract"]["controls"] = ["income"]
    del content["inventory"]
    run = replace(
        two[0], program=replace(two[0].program, content=content), seed=12,
        environment={"python": "3.12.1", "squaredeal": "0.1.0"}, data=replace(two[0].data, rows=2000),
    )  # fmt: skip
    judgement = replace(two[1], policies=(replace(two[1].policies[0], digest="sha256:98"),))
    found = compare(one, (run, judgement))
    assert {(i.kind, i.place): (i.before, i.after) for i in found.inputs} == {
        ("data", "rows"): ("1989", "2000"),
        ("program", "contract.controls"): ('["income", "burden"]', '["income"]'),
        ("program", "contract.groups.race.reference"): ("white", "non-white"),
        ("program", "inventory.owner"): ("demonstration", None),
        ("policies", "us"): ("sha256:99", "sha256:98"),
        ("packages", "python"): ("3.11.7", "3.12.1"),
        ("seed", "seed"): ("11", "12"),
    }


def test_questions_that_failed_or_lacked_something_are_named_though_they_have_no_figure():
    content = json.loads(json.dumps(made.run().program.content))
    content["audits"]["exploratory"] = [{"name": "fair_lending.pricing"}]
    program = replace(made.run().program, content=content)
    before = month(1, [judged(gap(0.0), "clear")], errors=(RunError("fair_lending.approval", "Error: no"),))
    lacking = (NotAnswered("fair_lending.pricing", "the contract does not fill: rate", "declare rate"),)
    after = month(2, [judged(gap(0.0), "clear")], program=program, not_answered=lacking)
    found = compare(before, after)
    assert [(i.place, i.before, i.after) for i in found.inputs if i.kind == "answers"] == [
        ("fair_lending.approval", "failed while it ran: Error: no", "nothing wrong with it"),
        ("fair_lending.pricing", "not asked", "not answered: the contract does not fill: rate"),
    ]


def test_a_terminal_is_told_how_many_more_there_are_and_the_page_holds_all():
    figures = [[judged(gap(value, group=f"g{i:02d}"), "concern", finding_id=f"{i}") for i in range(30)]
               for value in (0.0, 0.3)]  # fmt: skip
    found = compare(month(1, figures[0]), month(2, figures[1]))
    text, page = told(found), render(found)
    assert found.selected == 30
    assert "and 10 more" in text
    assert "g29" not in text
    assert all(f"g{i:02d}" in page for i in range(30))


def test_a_run_beside_its_like_differs_in_nothing():
    found = compare(month(1, [judged(gap(0.2), "breach")]), month(1, [judged(gap(0.2), "breach")]))
    assert (found.inputs, found.findings, found.figures, found.fails) == ((), (), (), False)
    assert "nothing can differ" in found.relation


def test_a_restatement_says_which_version_supersedes_which():
    one, two = month(1, []), month(1, [])
    restated = replace(two[0], supersedes="sha256:ff", version=3), replace(two[1], run_digest="sha256:00")
    assert "the second supersedes the first" in compare(one, restated).relation
    assert "named backwards" in compare(restated, one).relation
    assert "lies before the first" in compare(month(2, []), (month(1, [])[0], restated[1])).relation


def drawn(seed, effect):
    """Two months of six groups; in the second, one group lags by ``effect``."""
    rng = np.random.default_rng(seed)
    runs = []
    for number, shift in ((1, 0.0), (2, effect)):
        values = rng.normal(0.02, 0.01, 6) + np.where(np.arange(6) == 3, shift, 0.0)
        figures = [gap(float(value), group=f"g{i}") for i, value in enumerate(values)]
        runs.append(month(number, [judged(m, "inconclusive", finding_id=m.group) for m in figures]))
    return compare(*runs)


def test_unchanged_months_are_silent_and_a_planted_change_is_found_among_six():
    seeds = range(60)
    silent = np.mean([drawn(seed, 0.0).selected == 0 for seed in seeds])
    named = [[one.after.group for one in drawn(seed, 0.1).figures if one.kind == "beyond_chance"] for seed in seeds]
    assert silent >= 0.95
    assert np.mean(["g3" in names for names in named]) >= 0.95
    assert np.mean([names == ["g3"] for names in named]) >= 0.9


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("records", [made.awkward, made.hostile, made.unfit, made.nothing_judged])
def test_awkward_runs_can_be_compared_and_nothing_of_them_becomes_markup(lang, records):
    before, after = (made.run(), made.judgement()), records()
    for pair in ((before, after), (after, before)):
        found = compare(*pair)
        page = render(found, language(lang))
        assert "<script" not in page
        assert "<img" not in page
        assert not re.search(r"[{}]", re.sub(r"<style>.*?</style>|\{braces\}", "", page, flags=re.S))
        assert told(found, lang)
        assert b"NaN" not in canonical_json(found)


def test_measures_and_groups_are_named_in_words():
    sides = (judged(gap(0.0), "clear", finding_id="f"), judged(gap(0.12), "breach", finding_id="f"))
    text = told(compare(*(month(i, [one]) for i, one in enumerate(sides, 1))))
    assert "Adjusted gap in approval rates (race: non-white compared with white)" in text
    assert "adjusted_approval_gap" not in text
    assert "+12.0 percentage points (99% interval +8.4 to +15.6 percentage points)" in text


def test_rules_of_which_the_same_is_said_stand_together():
    rules = [FLOOR, replace(FLOOR, id="r.other", title={"en": "The other"})]
    sides = [[judged(gap(value), verdict, rule, finding_id=rule.id) for rule in rules]
             for value, verdict in ((0.0, "clear"), (0.12, "breach"))]  # fmt: skip
    view = comparison_view(compare(month(1, sides[0]), month(2, sides[1])), ENGLISH)
    (row,) = view.findings
    assert [(title.text, name) for title, name in row.rules] == [("Rule r.gap", "r.gap"), ("The other", "r.other")]


# real runs


def book(seed, gap, number, rows=2500):
    data = loans(seed, rows, gap)
    days = pd.to_timedelta(np.arange(rows) % 28, unit="D")
    return data.assign(day=pd.Timestamp(f"2026-{number:02d}-01") + days, case=data["case"] + number * 100_000)


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Folders of three months: fair, harmful, fair."""
    from audits.run import audit
    from checks.inputs.period import read_period
    from checks.inputs.program import read_program

    folder = tmp_path_factory.mktemp("months")
    contract = {
        "unit": "case", "time": "day", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "controls": ["burden"],
    }  # fmt: skip
    data = pd.concat([book(1, 0.0, 1), book(2, 0.2, 2), book(3, 0.0, 3)])
    program = read_program(write_program(folder, data, contract=contract))
    return [audit(program, read_period(f"2026-0{i}"), folder / "runs") for i in (1, 2, 3)]


def test_a_planted_change_between_real_months_is_found_and_its_fair_twin_is_silent(months):
    planted, twin = compare_folders(months[0], months[1]), compare_folders(months[0], months[2])
    moved = {one.after.measure for one in planted.figures if one.kind == "beyond_chance"}
    assert {"adverse_impact_ratio", "adjusted_approval_gap", "approval_gap"} <= moved
    assert {one.kind for one in planted.findings} == {"worse"}
    assert all("figure" in {c.kind for c in one.causes if c.decisive} for one in planted.findings)
    assert (twin.selected, twin.fails) == (0, False)
    assert twin.family >= 6


def invoke(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_the_command_writes_text_page_and_record_and_stops_a_pipeline(months, tmp_path):
    import jsonschema

    page, record = tmp_path / "c.html", tmp_path / "comparison.json"
    done = invoke(months[0], months[1], "--out", page, "--json", record, "--fail-on", "worse")
    assert done.exit_code == 1
    assert "Findings that changed" in done.output
    assert 'lang="en"' in page.read_text()
    schema = json.loads((ROOT / "docs/schemas/comparison.schema.json").read_text())
    assert schema == json.loads(json.dumps(json_schema(Comparison)))
    jsonschema.validate(json.loads(record.read_text()), schema)
    assert invoke(months[0], months[1]).exit_code == 0
    assert invoke(months[0], months[2], "--fail-on", "worse").exit_code == 0
    chinese = invoke(months[0], months[1], "--lang", "zh-CN", "--out", page, "--force")
    assert "发生变化的结论" in chinese.output
    assert 'lang="zh-CN"' in page.read_text()


def test_a_judgement_that_was_kept_can_be_compared_with_the_one_after_it(months, tmp_path):
    from audits.policies.again import judge_again, packs_named

    folder = tmp_path / "again"
    shutil.copytree(months[1], folder)
    kept = judge_again(folder, packs_named(folder, ["conventions"]))
    done = invoke(kept, folder, "--fail-on", "worse")
    assert done.exit_code == 1  # the other pack had given a clear, that its groups are known
    assert "One run, judged twice" in done.output
    assert "in none of the packs that judged the run (conventions)" in done.output
    assert "Policy pack: us: sha256:" in done.output
    assert str(kept) in invoke(folder, folder).output


def altered(folder, target, file, change):
    shutil.copytree(folder, target)
    record = json.loads((target / file).read_text())
    change(record)
    (target / file).write_text(json.dumps(record))
    return target


def test_what_cannot_be_compared_is_said_for_both_folders_at_once(months, tmp_path):
    other = altered(months[1], tmp_path / "old", "run.json", lambda record: record.update(schema_version="0.9"))
    damaged = altered(months[1], tmp_path / "damaged", "judgement.json", lambda record: record.pop("findings"))
    (tmp_path / "a file").write_text("x")
    for pair, expected in (
        ((months[0], months[0]), ["the same folder twice"]),
        ((months[0], months[0] / ".." / months[0].name), ["the same folder twice"]),
        ((months[0], other), ["schema version 0.9"]),
        ((other, damaged), ["schema version 0.9", "findings", "2 problems"]),
        ((months[0].parent, months[1]), ["without run.json", str(months[0])]),
        ((tmp_path / "nothing", tmp_path / "a file"), ["no such folder", "a file", "2 problems"]),
    ):
        done = invoke(*pair)
        assert done.exit_code == 2
        assert [text for text in expected if text not in done.output] == []
        assert "Traceback" not in done.output
    for wrong, expected in (
        (("--fail-on", "worst"), "worse"),
        (("--lang", "fr"), "zh-CN"),
        (("--out", tmp_path), "written"),
        (("--out", tmp_path / "x", "--json", tmp_path / "x"), "named twice"),
        (("--json", months[0] / "run.json", "--force"), "finished run"),
        (("--json", tmp_path / "a file"), "--force"),
    ):
        done = invoke(months[0], months[1], *wrong)
        assert (done.exit_code, expected in done.output) == (2, True)

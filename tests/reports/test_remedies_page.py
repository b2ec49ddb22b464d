"""The page of a search for remedies: what stands first, how figures are written, what no outcome may claim."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from xml.etree import ElementTree

import pytest

from audits.record import canonical_json
from audits.remedies.records import REMEDIES_FILE, GroupRate
from audits.remedies.station import read_remedies
from checks.problem import InputError
from reports.charts.frontier import frontier_chart
from reports.remedies_figures import bounds, counted_ratio, difference, performance, performance_difference
from reports.remedies_frontier import frontier
from reports.remedies_page import render_remedies, write_remedies_pages
from reports.remedies_text import summary
from reports.remedies_view import remedies_model
from reports.words import ENGLISH, language
from tests.reports import sample_remedies as sample
from tests.reports.sample_records import ARABIC, HOSTILE, TURNED

CHINESE = language("zh-CN")


def text_of(page: str) -> str:
    """The words of a page, without its style and its tags."""
    body = re.sub(r"<style>.*?</style>|<svg class=\"hidden\".*?</svg>", " ", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def section_of(page: str, anchor: str) -> str:
    return text_of(re.search(rf'<section id="{anchor}".*?</section>', page, re.S)[0])


@pytest.mark.parametrize("state", sample.STATES)
@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_every_outcome_opens_with_its_sentence_and_what_it_does_not_show_stands_below(state, lang):
    say, record = language(lang), sample.STATES[state]()
    page = render_remedies(record, say)
    found = section_of(page, "found")
    assert say(f"remedy.headline.{record.outcome}") in found
    assert page.index('id="found"') < page.index('id="both"') < page.index('id="terms"') < page.index('id="not-shown"')
    assert say("remedy.not_shown.law") in section_of(page, "not-shown")
    others = {"certified", "not_confirmed", "none_found", "not_answered"} - {record.outcome}
    assert [name for name in others if say(f"remedy.headline.{name}") in text_of(page)] == []


@pytest.mark.parametrize("state", sample.STATES)
def test_a_page_has_no_script_names_no_address_and_forbids_both(state):
    page = render_remedies(sample.STATES[state]())
    assert "default-src 'none'" in unescape(page)
    assert "<script" not in page
    assert re.findall(r"(?:https?:)?//[a-z]", page) == []
    assert re.findall(r'href="(?!#|data:)[^"]+"', page) == []


def test_today_stands_beside_the_chosen_model_with_bounds_that_hold_together():
    both = section_of(render_remedies(sample.certified()), "both")
    assert (
        "grp: ratio of approval rates (b against a) 24,311 rows 0.751 0.857 (0.840 to 0.874) +0.106 +0.095 to +0.117"
        in both
    )
    assert "0.6631 0.7108 +0.0477 +0.0402 to +0.0561" in both
    assert "55.11% 55.12% +0.01 percentage points −0.21 to +0.24 percentage points" in both
    assert "All bounds hold at once with a chance of 95%." in both
    assert "grp: b against a 0.751 0.731 to 0.772 3,794 of 8,103; reference 10,130 of 16,208" in both


def test_where_outcomes_are_the_performance_they_are_told_once_and_in_percentage_points():
    record = sample.certified()
    floor = replace(record.floor, performance="outcome_rate", best=0.76, least=0.75, loss=0.01)
    same = replace(record.certified[-1], measure="performance_difference")
    record = replace(record, floor=floor, certified=(*record.certified[:3], same, *record.certified[-2:]))
    both = section_of(render_remedies(record), "both")
    assert both.count("73.04% 74.86% +1.82 percentage points +1.27 to +2.36 percentage points") == 1
    terms = section_of(render_remedies(record), "terms")
    assert "75.00%: the best model that was found, 76.00%, less 1.00 percentage points" in terms


def test_the_first_figure_is_that_of_the_group_that_today_treats_worst():
    key = remedies_model(sample.many()).key
    assert key is not None
    assert (key.label, key.figure) == ("Ratio of approval rates, black against white", "0.751 → 0.842 (+0.091)")
    assert key.interval == "Bounds of the gain, 95% for all figures together: +0.080 to +0.102"
    assert remedies_model(sample.none_found()).key is None


def test_what_was_asked_names_target_floor_rows_and_training_code():
    terms = section_of(render_remedies(sample.certified()), "terms")
    for words in (
        "0.7092: the best model that was found, 0.7112, less 0.0020", "50,012 to train, 24,979 to choose",
        "25,009 untouched", "100,000 drawn of 120,431", "train.py function fit", "sha256:" + "4" * 64,
        "recorded decision",
        "By rank, as the recorded decisions fall",
    ):  # fmt: skip
        assert words in terms


def test_what_decides_by_the_group_is_marked_in_table_and_picture():
    page = render_remedies(sample.certified())
    row = re.search(r"<tr><th[^>]*>Another cut for each group.*?</tr>", page, re.S)[0]
    assert "not deployable: decides by the group" in row
    assert page.count('<svg class="model by_group"') == 2  # the key, and the one candidate


def test_a_candidate_that_failed_stands_in_the_table_with_its_reason_and_not_in_the_picture():
    record = sample.certified()
    page = render_remedies(record)
    row = text_of(re.search(r"<tr><th[^>]*>depth changed <code>tuned-8.*?</tr>", page, re.S)[0])
    assert row == "depth changed tuned-8 Other settings of the training – – – The training code failed: ValueError"
    picture = frontier(ENGLISH, record)
    assert picture is not None
    assert len(picture.points) == len(record.candidates) - 1


def test_few_candidates_are_listed_once_and_many_are_folded():
    few, many = (remedies_model(one()) for one in (sample.certified, sample.many))
    assert (len(few.near), few.every) == (8, ())
    assert (len(many.near), len(many.every)) == (8, 69)
    assert many.near[0].kind == "Today's model"
    page = render_remedies(sample.many())
    folded = re.search(r"<details><summary>All 69 models</summary>.*?</details>", page, re.S)[0]
    assert folded.count("<tr>") == 70


def test_points_stand_in_the_order_of_their_figures_and_far_ones_are_counted():
    record = sample.many()
    picture = frontier(ENGLISH, record)
    assert picture is not None
    svg = str(frontier_chart(picture, "c"))
    ElementTree.fromstring(svg)
    drawn = re.findall(r'<svg class="model (?:eligible|chosen|today)" x="([\d.]+)%" y="(\d+)"', svg)[
        3:
    ]  # after the key
    known = [(point.performance, point.ratio) for kind in ("eligible", "today", "chosen")
             for point in picture.points if point.kind == kind]  # fmt: skip
    assert len(drawn) == len(known)
    for (x1, y1), (p1, r1) in zip(drawn, known, strict=True):
        for (x2, y2), (p2, r2) in zip(drawn, known, strict=True):
            assert p1 <= p2 or float(x1) >= float(x2)
            assert r1 <= r2 or int(y1) <= int(y2)
    far = replace(picture, points=(*picture.points, replace(picture.points[0], kind="other", performance=0.1)))
    assert "1 more lie farther off: see the table" in str(frontier_chart(far, "c"))
    assert "farther off" not in svg


def test_the_picture_tells_those_who_listen_of_the_two_models_and_the_floor():
    picture = frontier(ENGLISH, sample.certified())
    assert picture is not None
    assert picture.description == (
        "7 models by performance and ratio of approval rates, 3 of which may be chosen. today's model: performance "
        "0.6641, ratio 0.751. chosen model: performance 0.7108, ratio 0.857. The least performance is 0.7092"
    )


def test_no_picture_where_nothing_was_tried():
    assert frontier(ENGLISH, sample.not_answered()) is None
    assert 'id="frontier"' not in render_remedies(sample.not_answered())


@pytest.mark.parametrize(
    ("ratios", "counted"),
    [
        ((0.8,), (0.8, 0.8)), ((1.25,), (0.8, 1.25)), ((0.9, 1.6), (0.625, 1.6)), ((None, 0.9), (0.9, 0.9)),
        ((1.0,), (1, 1)),
    ],
)  # fmt: skip
def test_the_ratio_that_counts_is_the_one_furthest_from_equality_on_either_side(ratios, counted):
    rates = [GroupRate("grp", "a", 10, 0.5, 1.0), GroupRate("other", "x", 10, 0.1, 0.2)]
    rates += [GroupRate("grp", f"b{i}", 10, None, ratio) for i, ratio in enumerate(ratios)]
    found = counted_ratio(replace(sample.TODAY, rates=tuple(rates)), "grp", "a")
    assert found is not None
    assert (found[0], found[1].ratio) == pytest.approx(counted)
    assert counted_ratio(replace(sample.TODAY, rates=()), "grp", "a") is None
    assert counted_ratio(replace(sample.TODAY, rates=tuple(rates[:2])), "grp", "a") is None


def test_where_the_group_has_no_ratio_none_is_shown_in_table_or_picture():
    none = sample.rates("grp", "a", b=None)
    tried = tuple(replace(one, rates=none, gain=None, eligible=False) for one in sample.FEW)
    record = replace(sample.none_found(), candidates=tried, certified=())
    model = remedies_model(record)
    assert {(row.ratio, row.gain) for row in model.near} == {("–", "–")}
    assert frontier(ENGLISH, record) is None
    assert model.asked[0].note == "reference: a"  # the first of the rates
    equal = replace(record, candidates=tuple(replace(one, rates=sample.rates("grp", "a", b=1.0)) for one in tried))
    assert {row.ratio for row in remedies_model(equal).near} == {"1.000"}


def above_one():
    """A group above its reference: today 1.2937, chosen .9866; nearer to 1 by .2136."""
    rates = {name: sample.rates("grp", "a", b=value) for name, value in (("today", 1.2937), ("without-trait", 0.9866))}
    tried = tuple(
        replace(one, rates=rates[one.id], gain=0.9866 - 1 / 1.2937 if one.id != "today" else 0.0)
        for one in sample.FEW[:2]
    )
    figures = (*sample.of_group("grp", "b", "a", 1.2937, 0.9866), *sample.COMMON)
    return replace(sample.certified(), candidates=tried, certified=figures, runner_up=())


def test_a_gain_is_nearness_to_one_wherever_it_stands():
    model = remedies_model(above_one())
    assert model.key.figure == "1.294 → 0.987 (+0.214)"
    assert model.key.interval == "Bounds of the change in the ratio, 95% for all figures together: −0.318 to −0.296"
    assert [row.gain for row in model.near] == ["–", "+0.214"]
    assert model.compared[0].difference == "−0.307"
    page = text_of(render_remedies(above_one()))
    assert "Change in the ratio of approval rates" in page
    assert "is to rise" not in page
    assert model.frontier.upwards == "approval rates, lower to higher"
    assert model.frontier.needed == pytest.approx(1 / 1.2937 + sample.LEAST_GAIN)


def test_rows_that_were_not_drawn_are_told_with_the_reason():
    record = sample.certified()
    left = {"without_decision": 1_200, "of_large_persons": 31, "beyond_most": 19_000, "without_unit": 0}
    record = replace(record, training=replace(record.training, rows={**sample.ROWS, **left}))
    terms = section_of(render_remedies(record), "terms")
    assert (
        "Rows not drawn 1,200 without a decision; 31 of persons with more rows than may be read; 19,000 beyond the "
        "most that are read"
    ) in terms
    assert (
        "  rows: 100,000 of 120,431, 1,200 without a decision, 31 of persons with more rows than may be read, 19,000 "
        "beyond the most that are read"
    ) in list(summary(record))
    assert "Rows not drawn" not in render_remedies(sample.certified())


@pytest.mark.parametrize("state", ["certified", "not_confirmed"])
@pytest.mark.parametrize("say", [ENGLISH, CHINESE])
def test_rows_that_were_read_before_are_not_called_unread(state, say):
    record = sample.STATES[state]()
    assert remedies_model(record, say).meaning == say(f"remedy.meaning.{state}")
    again = remedies_model(replace(record, read_before=(1,)), say).meaning
    assert again == say(f"remedy.meaning.{state}.again") != say(f"remedy.meaning.{state}")


def test_models_tried_are_those_that_could_be_used_and_those_that_could_not_are_counted_apart():
    model = remedies_model(sample.none_found())  # 8 candidates: today, a failed one, one by the group
    assert model.meaning.startswith("Models tried: 5.")
    assert (model.asked[1].label, model.asked[1].value) == ("Models tried beside today's", "5")
    assert "Could not be used: 1" in model.counted
    assert "Other settings of the training: 1" in model.counted


def test_names_of_the_data_keep_their_letters_at_the_start_of_a_sentence():
    from checks.sentence import joined, said

    record = sample.certified()
    words = (said("{group} has few rows", group="süd"), joined([said("{a} too", a="ost"), said("that")], " "),
             said("a reason of {group}", group="süd"))  # fmt: skip
    record = replace(record, reasons=words, cautions=words, explanation=words[0])
    for place in ("why", "cautions"):
        told = section_of(render_remedies(record), place)
        assert "süd has few rows ost too that A reason of süd" in told
    assert "süd has few rows" in section_of(render_remedies(record), "found")


def test_rounding_never_hides_on_which_side_of_nothing_a_figure_lies():
    assert difference(0.0004) == "+0.0004"
    assert difference(-0.0004) == "−0.0004"
    assert difference(0.0) == "0.000"
    assert performance(0.70846, "auc") == "0.7085"
    assert performance(0.70846, "outcome_rate") == "70.85%"
    assert performance_difference(ENGLISH, -0.00002, "auc") == "−0.00002"
    assert performance_difference(ENGLISH, 0.0123, "outcome_rate") == "+1.23 percentage points"
    open_end = sample.figure("outcome_rate_difference", 0.5, 0.6, 0.01, 0.2)
    assert bounds(ENGLISH, open_end, "auc") == "+1.00 to +20.00 percentage points"
    assert bounds(ENGLISH, replace(open_end, low=None, high=None), "auc") == ENGLISH("unbounded")


def test_hostile_names_stay_text_and_turn_nothing():
    for say in (ENGLISH, CHINESE):
        page = render_remedies(sample.hostile(), say)
        assert "<script>alert" not in page
        assert HOSTILE in unescape(page)
        assert ARABIC in page
        assert [mark for mark in "\u202e\u202c\u2067" if mark in page] == []
        assert TURNED not in page
        for svg in re.findall(r'<svg class="chart".*?</svg>(?=</figure>)', page, re.S):
            ElementTree.fromstring(svg)


def test_pages_are_written_from_the_file_alone_link_to_each_other_and_are_the_same_bytes(tmp_path):
    (tmp_path / REMEDIES_FILE).write_bytes(canonical_json(sample.certified()))
    first = write_remedies_pages(tmp_path)
    english, chinese = (tmp_path / name for name in ("remedies.html", "remedies.zh-CN.html"))
    assert first == english
    assert 'href="remedies.zh-CN.html"' in english.read_text()
    assert 'href="remedies.html"' in chinese.read_text()
    before = english.read_bytes()
    assert write_remedies_pages(tmp_path).read_bytes() == before
    assert canonical_json(read_remedies(tmp_path)) == (tmp_path / REMEDIES_FILE).read_bytes()


def test_sentences_of_a_record_read_back_are_said_in_chinese(tmp_path):
    from checks.sentence import said

    known = next(iter(text for text in CHINESE.sentences if "{" not in text))
    record = replace(sample.certified(), reasons=(said(known),), cautions=(said(known),))
    record = replace(record, candidates=(replace(record.candidates[0], words=said(known)), *record.candidates[1:]))
    (tmp_path / REMEDIES_FILE).write_bytes(canonical_json(record))
    read = read_remedies(tmp_path)
    model = remedies_model(read, CHINESE)
    assert model.reasons == model.cautions == (CHINESE.sentences[known],)
    assert model.near[0].name == CHINESE.sentences[known]


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(InputError, match="no readable file"):
        write_remedies_pages(tmp_path)


def test_the_terminal_says_outcome_choice_figures_floor_and_kinds():
    lines = list(summary(sample.certified()))
    assert lines[0] == "Proxy lending · period 2026-Q3 · remedies v2"
    assert lines[1] == "  CERTIFIED  without trait raises the ratio from 0.751 to 0.857"
    assert "  chosen: without-trait, without trait" in lines
    assert (
        "  adverse_impact_ratio_gain, grp b against a: +0.106 (0.751 to 0.857; bounds +0.095 to +0.117; 24,311 rows)"
        in lines
    )
    assert "  floor: auc of at least 0.7092: the best found, 0.7112, less 0.002; least gain 0.02" in lines
    assert "  tried: 2 without_features, 1 changed_features, 1 hyperparameters, 1 constrained, 1 cut_by_group" in lines
    assert "  beside these could not be used: 1; the record says why" in lines
    assert "  caution: outcomes are known of those approved only" in lines


@pytest.mark.parametrize("state", sample.STATES)
def test_the_terminal_says_something_of_every_outcome_and_nothing_is_a_figure_without_its_rows(state):
    record = sample.STATES[state]()
    lines = list(summary(record))
    assert lines[1].startswith(f"  {record.outcome.upper()}  ")
    assert len(lines) >= 4
    assert all("rows" in line or ": none, " in line for line in lines if "against" in line.split(":")[0])


def test_todays_ratio_stands_beside_the_recorded_one_where_nothing_was_chosen() -> None:
    record = sample.none_found()
    model = remedies_model(record)
    assert model.compared == ()
    assert model.pictures == ()
    assert [(row[0], row[1]) for row in model.recorded] == [
        ("grp: b against a, by today's model on these rows", "0.661"), ("grp: b against a", "0.751"),
    ]  # fmt: skip
    assert any("todays_adverse_impact_ratio, grp b against a: 0.661 (bounds" in line for line in summary(record))

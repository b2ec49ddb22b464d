"""Access on the page: one block for a way of several stages, labels that the audit makes, figures folded or in full."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.policies.labels import attribute_words, group_words, stage_of
from audits.policies.units import figure as figure_in_record
from audits.policies.wording import explain
from audits.record import AuditRun, canonical_json, read_record
from checks.sentence import Sentence
from reports.charts import draw
from reports.comparisons import measured_figure, pair_up, who
from reports.figures import figure_of
from reports.html.page import render
from reports.picture_data import pictures_of
from reports.pictures import CurvePicture, DotsPicture, FunnelPicture, FunnelStage
from reports.view import report_model
from reports.words import ENGLISH, language
from tests.reports import sample_access as access
from tests.reports import sample_records as sample

CHINESE = language("zh-CN")


def shown(measurements, say=ENGLISH, findings=()):
    """The pictures of a block of these figures."""
    members = pair_up(measurements, findings, {})
    return pictures_of(say, members, members)


def block_of(measurements, question="digital_divide.funnel", findings=()):
    run, judgement = sample.run(measurements=tuple(measurements)), sample.judgement(findings)
    (block,) = (
        b for b in report_model(run, judgement).blocks if b.title.startswith(ENGLISH.named("question", question))
    )
    return block


def test_all_stages_of_an_attribute_stand_in_one_block():
    block = block_of([*access.way("village"), *access.way("town")])
    assert [type(p) for p in block.pictures[:4]] == [FunnelPicture, DotsPicture, FunnelPicture, DotsPicture]
    assert len(block.figures) + len(block.folded) == 26


def test_what_is_left_is_the_product_of_the_stages_and_the_lowest_ratio_is_marked():
    funnel, dots, *_ = shown(access.way("village"))
    ours, theirs = access.LEFT["village"], access.LEFT["city"]
    assert [stage.name for stage in funnel.stages] == list(access.STAGES)
    assert [stage.group for stage in funnel.stages] == [n / ours[0] for n in ours[1:]]
    assert [stage.reference for stage in funnel.stages] == [n / theirs[0] for n in theirs[1:]]
    assert [stage.name for stage in funnel.stages if stage.note] == ["identity"]
    assert (funnel.group, funnel.reference) == ("village: 10,000 entered", "city: 40,000 entered")
    assert funnel.stages[2].ratio == "0.556 (0.541–0.572)"
    assert [row.label for row in dots.rows[-3:]] == ["all stages", "– within strata", "– unknown either way"]
    assert "identity, within strata: 0.703" in dots.description


def test_the_order_of_stages_does_not_hang_on_the_order_of_the_record():
    made = access.way("village")
    assert shown(made[::-1])[0] == shown(made)[0]


def whole_way(**details):
    """The stages of the villages, and their whole way with these details."""
    (whole,) = (m for m in access.way("village") if m.measure == "cumulative_ratio")
    return [*access.stages("village"), replace(whole, details=details)]


def noted(measurements):
    return [stage.name for stage in shown(measurements)[0].stages if stage.note]


def test_a_stage_is_marked_as_the_costliest_only_where_the_question_names_one():
    assert noted(access.stages("village")) == []
    assert noted(whole_way()) == []
    third = access.stages("village")[3]
    assert noted(whole_way(costliest_stage=4.0, costliest_ratio=third.estimate)) == [third.segment]


def test_a_group_that_loses_nobody_more_has_no_costliest_stage():
    better = [
        replace(m, estimate=1.0 + 0.01 * i, low=0.9, high=1.2) if m.measure == "stage_ratio" else m
        for i, m in enumerate(whole_way(costliest_stage=5.0, costliest_ratio=1.04))
    ]
    assert noted(better) == []


@pytest.mark.parametrize("corrected", [True, False])
def test_the_pictures_of_stages_say_where_bounds_hold_all_of_them_at_once(corrected):
    funnel, dots = shown([replace(m, corrected=corrected) for m in access.stages("village")])
    assert ("Bounds of stages hold all stages of the way at once." in funnel.description) is corrected
    assert ("Bounds of stages hold all stages of the way at once." in dots.description) is corrected
    assert dots.note == ("bounds: all stages at once" if corrected else "")
    assert (">bounds: all stages at once<" in draw(dots, "p")) is corrected


def test_lines_of_a_picture_do_not_run_through_names_and_figures():
    """Ground lies above the lines and below the words of each row."""
    _, dots, *_ = shown(access.way("village"))
    svg = str(draw(dots, "p"))
    assert svg.count('class="behind"') == 2 * len(dots.rows)
    last_line = max(svg.rindex('class="equality"'), svg.rfind('class="limit"'))
    assert last_line < svg.index('class="behind"') < svg.index('class="row-label"')


def test_without_numbers_of_a_stage_no_bars_are_drawn_and_its_ratios_are():
    made = access.stages("village")
    made[2] = replace(made[2], counts={})
    (dots,) = shown(made)
    assert isinstance(dots, DotsPicture)
    assert len(dots.rows) == 5


def test_a_stage_that_nobody_came_to_has_no_ratio_and_is_told():
    made = access.stages("village")
    counts = {"group_favourable": 0, "group_decided": 0, "reference_favourable": 0, "reference_decided": 0}
    made[4] = replace(made[4], estimate=None, low=None, high=None, reason="nobody came", counts=counts)
    (dots,) = shown(made)
    assert dots.rows[-1].text == "No figure"


def test_stages_that_break_no_rule_are_folded_and_those_that_do_are_not():
    made = access.way("village")
    judged = access.findings(made)
    block = block_of(made, findings=judged)
    assert [(one.title, one.verdict) for one in block.figures[:3]] == [
        ("Ratio of coming through all stages", "concern"), ("Ratio of passing a stage", "concern"),
        ("Ratio of passing a stage", "concern"),
    ]  # fmt: skip
    assert {one.verdict for one in block.folded} == {"clear", "inconclusive", None}
    assert len(block.folded) == 8
    assert len(block_of(made).folded) == 10


def test_every_verdict_of_a_folded_figure_stands_in_a_picture():
    made = access.way("village")
    block = block_of(made, findings=access.findings(made))
    dots = block.pictures[1]
    assert sorted(one.verdict or "" for one in block.folded if one.title == "Ratio of passing a stage") == sorted(
        row.verdict for row in dots.rows if row.label in access.STAGES and row.verdict != "concern"
    )


def test_a_figure_that_cannot_be_had_is_never_folded_away():
    made = access.stages("village")
    made[1] = replace(made[1], estimate=None, low=None, high=None, reason="too few")
    assert [one.missing for one in block_of(made).figures] == ["No figure: too few."]


def test_losses_stand_by_device_with_those_of_the_reference_beside_them():
    device, identity = shown(access.losses("village"))
    assert device.title == "Who is lost at stage “identity”, by device and the like (village compared with city)"
    assert [(row.label, row.text) for row in device.rows] == [
        ("assisted: no", "21.0% (city 10.0%)"), ("device: old phone", "48.0% (city 12.0%)"),
        ("device: unknown", "30.0% (city 25.0%)"), ("hour: 18-23", "22.0%"), ("network: 2g", "37.5% (city 30.0%)"),
    ]  # fmt: skip
    assert [row.label for row in identity.rows] == ["device: phone"]
    block = block_of(access.losses("village"))
    assert (len(block.figures), len(block.folded)) == (0, 6)
    (chinese, _) = shown(access.losses("village"), CHINESE)
    assert [row.label for row in chinese.rows] == [
        "人工协助：否", "设备：old phone", "设备：不明", "时段：18-23", "网络：2g",
    ]  # fmt: skip


def test_the_largest_excess_of_lost_persons_stands_first_of_its_kind():
    made = [m for m in access.losses("village") if "device" in m.segment]
    made = [replace(m, details={**m.details, "excess_persons": float(i)}) for i, m in enumerate(made)]
    (first, _) = shown(made)
    assert [row.label for row in first.rows] == ["device: unknown", "device: old phone"]


def test_failures_of_the_identity_check_stand_by_method_the_most_frequent_first():
    (picture,) = shown(access.failures())
    assert [row.label for row in picture.rows] == ["any method", "face", "otp", "card"]
    (chinese,) = shown(access.failures(), CHINESE)
    assert chinese.rows[0].label == "任一方式"


def test_who_has_finished_by_when_stands_on_a_scale_of_time_and_not_of_a_score():
    (picture,) = shown([access.times()])
    assert isinstance(picture, CurvePicture)
    assert [series.label for series in picture.series] == ["aged 60 or over", "under 60"]
    assert [words for _, words in picture.marks] == ["1 min", "10 min", "1 h", "1 day", "1 week", "30 days"]
    assert picture.series[0].points[0].x == 0.0  # a minute
    assert "aged 60 or over, 60 minutes after the start: 60.0%" in picture.description
    assert ">1 day<" in draw(picture, "c")
    (chinese,) = shown([access.times()], CHINESE)
    assert chinese.series[0].label == "60 岁及以上"


def test_one_time_alone_is_no_picture():
    m = access.times()
    assert shown([replace(m, points=m.points[:1])]) == ()


def test_points_of_age_stand_by_age_the_youngest_first():
    (picture,) = shown([access.points_of_age()])
    assert [(row.label, row.text) for row in picture.rows] == [
        ("from 20", "0.00"), ("from 40", "0.00"), ("from 60", "−10.00"), ("from 62", "−10.00"),
    ]  # fmt: skip


@pytest.mark.parametrize(("estimate", "told"), [
    (10.0, "the elderly who get least from the score get 10.00 points of score less"),
    (-2.5, "the least is 2.50 points of score more"), (0.0, "get as much as the younger"),
])  # fmt: skip
def test_points_lost_or_won_for_age_are_said_as_such(estimate, told):
    (one,) = pair_up([replace(access.points_of_age(), estimate=estimate)], [], {})
    assert told in measured_figure(ENGLISH, one, "a").sentence


def test_an_index_is_said_with_its_level_and_drawn_by_tenth():
    index = access.unequal()[0]
    (one,) = pair_up([index], [], {})
    assert "0.212, where 45% of all have access" in measured_figure(ENGLISH, one, "a").sentence
    assert "总体中有 45% 获得机会" in measured_figure(CHINESE, one, "a").sentence
    assert "where 45.0 % of all have access" in explain(index, sample.rule(limit=0.2), "concern")
    (picture,) = shown([index])
    assert [row.label for row in picture.rows][::9] == ["tenth 1 of 10", "tenth 10 of 10"]


def test_a_raw_and_a_stratified_figure_of_one_group_stand_below_one_another():
    raw = access.thin_files()[0]
    within = replace(raw, segment="within strata", estimate=0.9)
    (picture,) = shown([raw, within])
    assert [row.label for row in picture.rows] == ["as the rows stand", "within strata"]
    assert who(ENGLISH, within) == "credit file: thin compared with full, within strata"
    assert "分层之内" in who(CHINESE, within)
    (one,) = pair_up([within], [], {})
    assert measured_figure(ENGLISH, one, "a").sentence.startswith("Within the declared strata, the approval rate with")


def test_ways_from_the_people_say_so():
    reached = access.figure("population_reach_share", "village", reference=None, estimate=0.8, low=0.7, high=0.9, n=9)
    funnel, *_ = shown([*access.way("village"), reached])
    assert funnel.group == "village: 10,000 people to be reached"
    assert funnel.counted == "% of the people"


MADE = (
    (
        access.failures()[0],
        "age from 60: aged 60 or over compared with under 60",
        "年龄 60 岁分界：60 岁及以上与 60 岁以下相比",
    ),
    (access.thin_files()[0], "credit file: thin compared with full", "信用档案：信用白户与信用记录完整者相比"),
    (access.channels()[0], "service channel: assisted compared with digital", "服务渠道：人工协助与数字相比"),
)


@pytest.mark.parametrize(("m", "english", "chinese"), MADE)
def test_labels_that_the_audit_makes_are_said_in_the_language_of_the_page(m, english, chinese):
    assert who(ENGLISH, m) == english
    assert who(CHINESE, m).replace(" ", "") == chinese.replace(" ", "")


@pytest.mark.parametrize("label", ["60+", "under 60", "thin", "digital"])
def test_the_same_labels_of_the_program_stay_as_the_data_write_them(label):
    m = access.figure("cumulative_ratio", label, attribute="age", reference="60+")
    assert group_words(m, label) == label
    assert not isinstance(group_words(m, label), Sentence)
    assert attribute_words(replace(m, question="fair_lending.approval", attribute="credit file")) == "credit file"


@pytest.mark.parametrize("label", ["", "60", "under 60+", "old", "60+ ", "under"])
def test_a_label_that_is_no_age_stays_as_it_is(label):
    m = access.figure("elderly_completion_ratio", "60+", attribute="age from 60", reference=label)
    assert group_words(m, label) == label


def test_a_part_of_the_period_is_no_stage():
    m = access.failures()[0]
    dated = replace(m, segment="2025-01-01..2025-06-30")
    assert (stage_of(m), stage_of(dated), stage_of(replace(m, segment="face"))) == ("", "", "face")
    rule = sample.rule(measure=m.measure, limit=1.25)
    assert "fail it at least once" in explain(dated, rule, "concern")
    assert "fail “face” at least once" in explain(replace(m, segment="face"), rule, "concern")


def test_explanations_count_persons_services_applications_or_rows():
    rule = sample.rule(limit=0.0)
    for m, word in (
        (access.way("village")[0], "persons"), (access.elderly()[-1], "services"),
        (access.thin_files()[0], "applications"),
        (access.channels()[0], "rows"), (access.unequal()[0], "persons"),
    ):  # fmt: skip
        assert f"{m.n:,} {word})" in explain(m, rule, "concern")


@pytest.mark.parametrize(("measure", "value", "text"), [
    ("thin_file_price_gap", 0.0123, "1.23 percentage points"), ("assisted_fee_gap", 0.01, "1.00 percentage points"),
    ("thin_file_repayment_gap", 0.051, "5.1 percentage points"), ("elderly_points_lost", 12.5, "12.50 points of score"),
    ("missing_vulnerability_drivers", 1.0, "1 driver"), ("missing_vulnerability_drivers", 3.0, "3 drivers"),
    ("access_concentration_index", 0.2121, "0.212"), ("population_reach_share", 0.45, "45.0%"),
])  # fmt: skip
def test_each_figure_has_its_unit(measure, value, text):
    m = access.figure(measure, "a", estimate=value)
    assert figure_of(ENGLISH, m, value) == text
    assert figure_in_record(m, value).split()[0] == text.split()[0].rstrip("%")


@pytest.mark.parametrize("say", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_figure_is_said_in_words_of_its_own(say):
    run, judgement = access.records()
    for judged in pair_up(run.measurements, judgement.findings, {}):
        told = measured_figure(say, judged, "a")
        assert told.sentence
        other = say("says.other", measure=told.title, who=told.who, figure=told.figure)
        assert told.sentence != other
        assert told.does_not_show[0] != say("limits.other")
        assert told.assumptions[0] != say("assumes.other")


@pytest.mark.parametrize("say", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_the_page_is_the_same_from_records_that_were_written_and_read(say, tmp_path):
    run, judgement = access.records()
    (tmp_path / "run.json").write_bytes(canonical_json(run))
    again = read_record(AuditRun, tmp_path / "run.json")
    page = render(again, judgement, say)
    assert page == render(run, judgement, say)
    assert "{" not in re.sub(r"(?s)<style.*?</style>", "", page)


names = st.text(min_size=1, max_size=120)
shares = st.one_of(st.none(), st.floats(0, 1))


@given(st.lists(st.tuples(names, shares, shares, names, st.booleans()), min_size=1, max_size=10), names)
@settings(max_examples=100, deadline=None)
def test_any_funnel_is_drawn_within_its_frame(rows, group):
    stages = tuple(FunnelStage(n, g, r, "1%", "2%", t, "clear" if v else "", n if v else "") for n, g, r, t, v in rows)
    svg = str(draw(FunnelPicture("t", "d", group, "b", "c", "r", stages), "c"))
    wide = [float(x) + float(w) for x, w in re.findall(r'class="bar" x="([\d.]+)%" y="\d+" width="([\d.]+)%"', svg)]
    assert all(0 <= right <= 100 for right in wide)
    assert len(wide) == 2 + sum(bool(share) for _, g, r, _, _ in rows for share in (g, r))

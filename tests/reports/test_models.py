"""A model on the page: parts that add up to a gap, hills of features, flips and proxies below one another."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from audits.policies.wording import explain
from reports.charts import draw
from reports.comparisons import pair_up
from reports.html.page import render
from reports.mlflow_page import Place, description
from reports.picture_data import pictures_of
from reports.pictures import DotsPicture, SwarmPicture, WaterfallPicture
from reports.view import report_model
from reports.words import ENGLISH, language
from tests.reports import sample_models as models
from tests.reports import sample_records as sample

CHINESE = language("zh-CN")


def shown(measurements, say=ENGLISH):
    members = pair_up(measurements, (), {})
    return pictures_of(say, members, members)


def test_parts_begin_where_the_one_before_ends_and_end_at_the_whole():
    waterfall, swarm = shown(models.gap())
    assert isinstance(waterfall, WaterfallPicture)
    *parts, whole = waterfall.bars
    assert [bar.label for bar in parts] == ["app visits", "vehicle value", "area", "driver age", "engine"]
    assert parts[0].begin == 0
    assert [after.begin for after in parts[1:]] == [bar.end for bar in parts[:-1]]
    assert parts[-1].end == pytest.approx(whole.end) == pytest.approx(models.WHOLE)
    assert whole.is_total
    assert isinstance(swarm, SwarmPicture)


def test_many_parts_are_added_up_to_the_same_whole():
    many = [models.part(f"f{i}", 0.01 - 0.0007 * i) for i in range(25)]
    total = sum(m.estimate for m in many)
    waterfall, _ = shown([models.figure("model_output_gap", estimate=total, low=total - 1, high=total + 1), *many])
    *parts, whole = waterfall.bars
    assert parts[-1].label == "15 other features"
    assert len(parts) == 11
    assert parts[-1].end == pytest.approx(whole.end)


def test_hills_show_no_single_person_and_both_sides():
    _, swarm = shown(models.gap())
    row = swarm.rows[0]
    assert (swarm.group, swarm.reference) == ("above the line: renewing", "below the line: new")
    assert [one.share for one in row.group] == pytest.approx([n / 900 for n in (40, 310, 900, 320, 60)])
    assert [one.rank for one in row.group] == [0.0, 0.25, 0.5, 0.75, 1.0]
    unranked = [replace(m, points=tuple(replace(p, rate=-1.0) for p in m.points)) for m in models.gap()]
    assert {one.rank for one in shown(unranked)[1].rows[0].group} == {None}


def test_a_gap_without_figures_of_its_features_has_no_waterfall():
    whole, *parts = models.gap()
    assert shown([whole, parts[0]]) == ()
    lost = replace(whole, estimate=None, low=None, high=None, reason="too few rows")
    assert not [one for one in shown([lost, *parts]) if isinstance(one, WaterfallPicture)]


@pytest.mark.parametrize("say", [ENGLISH, CHINESE])
def test_pictures_are_whole_svg_with_every_name_and_figure_in_the_description(say):
    for i, picture in enumerate(shown([*models.gap(), *models.proxies(), *models.flips()], say)):
        root = ElementTree.fromstring(str(draw(picture, f"p{i}")))
        told = root.find("desc").text
        names = [bar.label for bar in picture.bars[:-1]] if isinstance(picture, WaterfallPicture) else [
            row.label for row in picture.rows
        ]  # fmt: skip
        assert [name for name in names if name not in told] == []
        places = [float(x) for x in re.findall(r'x1?="(-?[\d.]+)%"', str(draw(picture, "q")))]
        assert all(0 <= x <= 100 for x in places)


def test_features_are_ordered_by_what_rides_on_them_and_flips_by_name():
    pictures = [one for one in shown([*models.proxies(), *models.flips()]) if isinstance(one, DotsPicture)]
    titles = [one.title.split(",")[0] for one in pictures]
    assert titles == [
        "Gap that rides on a feature beyond cost", "How well a feature tells the group",
        "Mean change when one thing is changed", "People for whom their own value is worse",
    ]  # fmt: skip
    assert [row.label for row in pictures[0].rows][:2] == ["app visits", "area"]
    assert [row.label for row in pictures[2].rows] == ["tenure", "device", "channel"]


@pytest.mark.parametrize("say", [ENGLISH, CHINESE])
def test_the_page_names_the_model_by_version_and_digest_and_shows_each_figure(say):
    run, judgement = models.records()
    page = render(run, judgement, say)
    assert "models:/motor pricing@production" in page
    assert "ab" * 32 in page
    model = report_model(run, judgement, say)
    told = {f.anchor for block in model.blocks for f in (*block.figures, *block.folded)}
    assert len(told) == len(run.measurements)
    text = description(run, judgement, Place("7", "8"))
    assert "(#/models/motor%20pricing/versions/3)" in text


@pytest.mark.parametrize("m", [*models.gap(), *models.proxies(), *models.flips(), *models.reasons()],
                         ids=lambda m: f"{m.measure}-{m.segment}")  # fmt: skip
def test_every_figure_has_a_sentence_of_its_own(m):
    rule = sample.rule("r", measure=m.measure, comparison="at_most", limit=0.02, test="interval")
    words = explain(m, rule, "inconclusive")
    assert "The figure " not in words
    assert CHINESE.sentence(words) != words
    if m.segment != "all":
        assert m.segment in words

"""Pictures of several figures: snapshots of each component, and what holds for any labels and values.

``SQUAREDEAL_SNAPSHOTS=write pytest tests/reports/test_pictures.py`` writes the snapshots anew; look at the difference.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.record import Point
from reports.charts import draw, estimate_with_limit, rates_by_group
from reports.comparisons import pair_up
from reports.html.page import readable, render
from reports.picture_data import pictures_of
from reports.pictures import CurvePicture, DosePicture, DotRow, DotsPicture, FunnelPicture, LimitLine, MapPicture
from reports.view import report_model
from reports.words import ENGLISH, language
from tests.reports import sample_access as access
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample

SNAPSHOTS = Path(__file__).parent / "snapshots"
CROSSED = {"question": "fair_lending.intersections", "measure": "subgroup_gap", "attribute": "age × race"}


def gaps(**changes):
    """Gaps of four groups, one without a figure."""
    made = [
        sample.gap(f"group {i}", estimate=at, low=at - 0.04, high=None if i == 3 else at + 0.04, **changes)
        for i, at in enumerate((0.0, 0.03, 0.06, 0.09))
    ]  # fmt: skip
    return [*made, sample.gap("nobody", estimate=None, low=None, high=None, reason="nobody is left", **changes)]


def judged(measurements):
    findings = [sample.finding(m, sample.rule()) for m in measurements if m.measure == "adjusted_approval_gap"]
    return pair_up(measurements, findings, {})


def crossings():
    """Two attributes of two and three labels, and the largest of all gaps."""
    own = [
        sample.gap(f"{age} × {race}", estimate=0.05 * i - 0.05, low=0.05 * i - 0.1, high=0.05 * i,
                   reference="everyone else", counts={"group_decided": 100 + i}, **CROSSED)
        for i, (age, race) in enumerate((a, r) for a in ("old", "young") for r in ("a", "b", "c"))
    ]  # fmt: skip
    return [*own, sample.gap(None, reference="everyone else", **(CROSSED | {"measure": "largest_subgroup_gap"}))]


def curved():
    """A calibration gap with the points behind it."""
    points = tuple(
        Point(name, x / 10, min(x / 10 + d, 1.0), max(x / 10 + d - 0.05, 0.0), min(x / 10 + d + 0.05, 1.0), 50)
        for name, d in (("non-white", 0.04), ("white", 0.0)) for x in range(1, 10)
    )  # fmt: skip
    return [sample.gap(measure="calibration_gap", question="fair_lending.calibration", points=points)]


def ways():
    """One gap of one group in three ways."""
    return [
        sample.gap(measure=name, estimate=0.1 + 0.05 * i, low=0.05, high=0.3)
        for i, name in enumerate(("approval_gap", "stratified_approval_gap", "adjusted_approval_gap"))
    ]  # fmt: skip


def tenures():
    """Prices of four bands of tenure over those of new customers, one without a figure."""
    return [judged.measurement for judged in prices.bands(("1", "2", "3-4", "5+"), low=(3, None))]


PICTURES = {
    "groups": (gaps, 0, DotsPicture), "ways": (ways, 0, DotsPicture), "subgroups": (crossings, 0, DotsPicture),
    "map": (crossings, 1, MapPicture), "calibration": (curved, 0, CurvePicture), "tenure": (tenures, 0, DosePicture),
    "funnel": (lambda: access.way("village"), 0, FunnelPicture),
    "stages": (lambda: access.way("village"), 1, DotsPicture),
    "losses": (lambda: access.losses("village"), 0, DotsPicture),
}  # fmt: skip


def picture(name, say=ENGLISH):
    made, place, kind = PICTURES[name]
    members = judged(made())
    found = pictures_of(say, members, members)[place]
    assert isinstance(found, kind)
    return found


def drawn():
    """Every component, by name."""
    figure = report_model(sample.run(), sample.judgement()).harms[0].headline
    panel = report_model(sample.run(), sample.judgement()).blocks[0].rates[0]
    yield "estimate", estimate_with_limit(figure.picture, "c")
    yield "rates", rates_by_group(panel, "c")
    yield from ((name, draw(picture(name), "c")) for name in PICTURES)
    yield from (
        (f"{name}-zh", draw(picture(name, language("zh-CN")), "c")) for name in ("groups", "map", "tenure", "funnel")
    )


@pytest.mark.parametrize(("name", "svg"), list(drawn()), ids=lambda value: value if isinstance(value, str) else "")
def test_each_component_looks_as_it_did(name, svg):
    text = re.sub(r"(<(?:text|line|rect|circle|svg|g|title|desc)\b)", r"\n\1", str(svg)) + "\n"
    file = SNAPSHOTS / f"{name}.svg"
    if os.environ.get("SQUAREDEAL_SNAPSHOTS") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def places(svg):
    root = ElementTree.fromstring(re.sub(r'width="100%"', "", str(svg)))
    for node in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            value = node.get(name)
            if value and value.endswith("%"):
                yield float(value[:-1])


labels = st.text(min_size=1, max_size=230).map(readable).filter(str.strip)
values = st.floats(-5, 5, allow_nan=False)
bounds = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False))


@given(st.lists(st.tuples(labels, st.one_of(st.none(), values), bounds, bounds), min_size=1, max_size=12), values)
@settings(max_examples=150, deadline=None)
def test_any_labels_and_values_give_a_whole_picture_within_its_frame(rows, limit):
    made = tuple(
        DotRow(a, "1.0" if b is not None else "none", b, *sorted((c, d), key=lambda v: v or 0)) for a, b, c, d in rows
    )
    shown = DotsPicture("t", "d", "points", "axis", made, (LimitLine(limit, True, "limit"),), 0.0, "equality (0)")
    svg = draw(shown, "c")
    assert all(0 <= place <= 100 for place in places(svg))
    assert svg == draw(shown, "c")
    assert str(svg).count('class="dot"') == sum(row.estimate is not None for row in made)


@pytest.mark.parametrize("name", PICTURES)
def test_hostile_names_stay_text(name):
    def turned(value):
        if isinstance(value, str):
            return value.replace("group 1", sample.HOSTILE).replace("old", sample.HOSTILE)
        return value

    one = picture(name)
    if isinstance(one, DotsPicture):
        one = replace(one, title=sample.HOSTILE, rows=tuple(replace(row, label=turned(row.label)) for row in one.rows))
    svg = str(draw(replace(one, title=sample.HOSTILE, description=sample.HOSTILE), "c"))
    assert "<script" not in svg
    ElementTree.fromstring(svg)


def test_the_picture_describes_every_figure_for_those_who_listen():
    told = picture("groups")
    assert "group 2: 6.0, Concern, interval 2.0 to 10.0 percentage points." in told.description
    assert "nobody: No figure." in told.description
    assert [row.label for row in told.rows] == ["group 3", "group 2", "group 1", "group 0", "nobody"]


def test_subgroups_beyond_a_limit_have_an_edge_and_not_only_a_tint():
    found = pair_up(crossings(), [sample.finding(crossings()[5], sample.rule(measure="subgroup_gap"))], {})
    table = pictures_of(ENGLISH, found, found)[1]
    assert [[cell.beyond for cell in row] for row in table.cells] == [[False] * 3, [False, False, True]]
    assert str(draw(table, "c")).count('stroke-width="2.5"') == 1


def test_a_page_of_two_hundred_findings_stays_below_one_and_a_half_megabytes():
    names = [f"applicants of group number {i}" for i in range(200)]
    figures = [
        sample.gap(name, estimate=0.001 * i, low=0.001 * i - 0.02, high=0.001 * i + 0.02)
        for i, name in enumerate(names)
    ]
    rates = [sample.rate(name, 40 + i, 600 + i, 0.05, 0.2) for i, name in enumerate(names)]
    cautions = (sample.UNIT_CAUTION, "the rule is a convention, not law in force", "one of 200 primary comparisons")
    findings = [sample.finding(m, sample.rule(), "inconclusive", cautions=cautions) for m in figures]
    records = sample.run(measurements=(*rates, *figures)), sample.judgement(findings)
    for lang in ("en", "zh-CN"):
        assert len(render(*records, language(lang)).encode()) < 1_500_000

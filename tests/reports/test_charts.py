"""The pictures: places, arrows, and words for those who do not see them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audits.record import Point
from reports.charts import draw, estimate_with_limit, rates_by_group, ticks
from reports.charts.frame import domain, labelled_ticks
from reports.charts.lettering import clip, room, wrap
from reports.comparisons import pair_up
from reports.picture_data import pictures_of
from reports.pictures import (
    CurvePicture,
    CurvePoint,
    CurveSeries,
    DoseBand,
    DosePicture,
    DotRow,
    DotsPicture,
    LimitLine,
    MapCell,
    MapPicture,
)
from reports.report_model import EstimatePicture
from reports.view import report_model
from reports.words import ENGLISH
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample
from tests.reports.gallery import pictures

PICTURE = EstimatePicture(
    "Gap <of> A", "Dot & whisker", "points", 0.129, 0.078, 0.18, "12.9", "percentage points",
    (LimitLine(0.05, True, "limit: at most 5"),), 0.0, "equality", "beyond the limit",
)  # fmt: skip


def place(svg: str, kind: str, attribute: str) -> float:
    return float(re.search(rf'class="{kind}"[^>]*? {attribute}="([\d.]+)%"', svg)[1])


def test_dot_whisker_limit_and_equality_stand_in_the_order_of_their_values():
    svg = str(estimate_with_limit(PICTURE, "c"))
    places = [
        place(svg, "equality", "x1"), place(svg, "limit", "x1"), place(svg, "whisker", "x1"), place(svg, "dot", "cx"),
        place(svg, "whisker", "x2"),
    ]  # fmt: skip
    assert places == sorted(set(places))


def test_distances_are_in_proportion_to_the_values():
    svg = str(estimate_with_limit(PICTURE, "c"))
    zero, limit, dot = place(svg, "equality", "x1"), place(svg, "limit", "x1"), place(svg, "dot", "cx")
    assert (dot - zero) / (limit - zero) == pytest.approx(0.129 / 0.05, rel=1e-2)


@pytest.mark.parametrize("above", [True, False])
def test_the_shade_lies_on_the_side_that_breaks_the_limit(above):
    svg = str(estimate_with_limit(replace(PICTURE, limits=(LimitLine(0.05, above, "limit"),)), "c"))
    limit, start = place(svg, "limit", "x1"), place(svg, "beyond", "x")
    assert start == limit if above else start < limit


@pytest.mark.parametrize(("low", "high", "arrows"), [(0.1, 0.2, 0), (None, 0.2, 1), (None, None, 2), (0.1, 900.0, 1)])
def test_a_bound_that_goes_on_ends_in_an_arrow(low, high, arrows):
    assert str(estimate_with_limit(replace(PICTURE, low=low, high=high), "c")).count('class="arrow"') == arrows


@pytest.mark.parametrize(("reach", "arrows"), [(0.02, 0), (0.2, 2)])
def test_a_figure_near_equality_keeps_its_whole_interval_in_sight(reach, arrows):
    near = replace(PICTURE, estimate=-0.0008, low=-0.0008 - reach, high=-0.0008 + reach, limits=())
    assert str(estimate_with_limit(near, "c")).count('class="arrow"') == arrows


def test_pictures_have_words_and_escape_them():
    svg = str(estimate_with_limit(PICTURE, "c"))
    assert 'role="img"' in svg
    assert 'aria-labelledby="c-t c-d"' in svg
    assert '<title id="c-t">Gap &lt;of&gt; A</title><desc id="c-d">Dot &amp; whisker</desc>' in svg


def test_every_group_has_its_row_and_a_missing_rate_no_dot():
    panel = report_model(*sample.awkward()).blocks[0].rates[0]
    svg = str(rates_by_group(panel, "r"))
    assert svg.count('class="dot"') == len(panel.rows) - 1
    assert "white (reference)" in svg
    assert sample.HOSTILE not in svg


def test_one_value_alone_can_be_drawn():
    lone = replace(PICTURE, estimate=0.0, low=0.0, high=0.0, limits=(), equality=None)
    assert 'class="dot"' in estimate_with_limit(lone, "c")


@pytest.mark.parametrize(("first", "last"), [(0.0, 1.0), (-0.02, 0.2), (0.69, 1.03), (3, 2500), (1e-9, 2e-9)])
def test_ticks_are_few_and_lie_inside(first, last):
    values = ticks(first, last)
    assert 2 <= len(values) <= 6
    assert all(first - 1e-12 <= value <= last * (1 + 1e-9) for value in values)


def test_cases_are_counted_in_whole_numbers():
    assert labelled_ticks(-0.1, 1.1, "cases") == [(0.0, "0"), (1.0, "1")]
    assert labelled_ticks(-60.0, 800.0, "figures")[-1] == (800.0, "800")
    assert labelled_ticks(-0.1, 1.1, "ratio")[-1] == (1.0, "1.00")


@pytest.mark.parametrize(("first", "last"), [(1.0, 1.0000001), (3.1, 3.2), (-1e-300, 1e-300), (1e6, 1.0001e6)])
def test_no_stretch_is_without_a_tick(first, last):
    assert ticks(first, last, 1)


@given(st.text(max_size=300), st.floats(2, 60))
@settings(deadline=None)
def test_a_clipped_text_takes_no_more_than_its_room_and_says_that_it_goes_on(words, width):
    found = clip(words, width)
    assert room(found) <= width
    assert found.endswith("…") or room(found) == room(clip(words, 1e9))


@example("000@\u0e5c\u0e5c\u0e5c0", 11.0, 2)
@given(st.text(max_size=300), st.floats(4, 60), st.integers(1, 3))
@settings(deadline=None)
def test_a_wrapped_text_keeps_to_its_lines_and_loses_nothing_that_fits(words, width, lines):
    found = wrap(words, width, lines)
    assert 1 <= len(found) <= lines
    assert all(room(line) <= width for line in found)
    whole = "".join(clip(words, 1e9).split())
    assert "…" in found[-1] or "".join("".join(found).split()) == whole


def test_a_label_cannot_turn_the_direction_of_a_picture():
    svg = str(draw(dots(row(sample.TURNED), row(sample.ARABIC[-20:])), "c"))
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", svg)
    assert f'unicode-bidi="plaintext">{sample.ARABIC[-20:].strip()}</text>' in svg


def row(label: str, **changes):
    values = {"label": label, "text": "1.0, Concern", "estimate": 0.01, "low": 0.0, "high": 0.02} | changes
    return DotRow(**values)


def dots(*rows: DotRow, **changes):
    limits = (LimitLine(0.05, True, "limit: at most 5"), LimitLine(-0.05, False, "limit: at least −5"))
    values = {
        "title": "T", "description": "D", "unit": "points", "axis": "percentage points", "rows": rows,
        "limits": limits, "equality": 0.0, "equality_label": "equality (0)",
    }  # fmt: skip
    return DotsPicture(**(values | changes))


def test_each_row_has_its_word_its_sign_and_its_share_of_the_side_that_breaks_a_limit():
    verdicts = ("breach", "clear", "")
    svg = str(draw(dots(*(row(f"g{i}", verdict=verdict) for i, verdict in enumerate(verdicts))), "c"))
    assert re.findall(r'href="#v-(\w*)"', svg) == ["breach", "clear"]
    assert svg.count("1.0, Concern") == 3
    assert svg.count('class="beyond"') == 3 * 2


def test_only_a_limit_that_judges_a_figure_shades_its_row():
    upper = dots().limits[:1]
    svg = str(draw(dots(row("judged", limits=upper), row("another measure", limits=()), row("all")), "c"))
    assert svg.count('class="beyond"') == 1 + 0 + 2
    assert svg.count('class="limit"') == 2


def test_name_and_figure_share_a_line_only_where_both_fit():
    def heights(label):
        words = str(draw(dots(row(label)), "c")).split('class="row-label"')[1]
        return [int(y) for y in re.findall(r'<text x="[\d.]+%" y="(\d+)"', words)]

    short, long = heights("short"), heights("未知" * 20)
    assert short[0] == short[1]
    assert long[0] < long[1]


@pytest.mark.parametrize("estimate", [0.0, 3.0])
def test_a_row_without_a_figure_has_words_and_no_dot(estimate):
    shown = draw(dots(row("a", estimate=estimate), row("none", text="No figure", estimate=None)), "c")
    assert str(shown).count('class="dot"') == 1
    assert "No figure" in shown


def test_what_is_left_out_is_told_below_the_rows():
    assert "and 12 more" in draw(dots(row("a"), note="and 12 more"), "c")


def test_the_line_that_the_score_foretells_is_drawn_and_named():
    points = tuple(
        CurvePoint(
            x,
            x,
            x,
            x,
        )
        for x in (0.1, 0.9)
    )
    plain = CurvePicture("T", "D", "score", "outcomes", (CurveSeries("a", points), CurveSeries("b", points)))
    assert 'class="expected"' not in draw(plain, "c")
    svg = str(draw(replace(plain, expected=((0.1, 0.1), (0.9, 0.9)), expected_label="as the score says"), "c"))
    assert svg.count('class="expected"') == 2
    assert "as the score says" in svg


def test_markers_of_the_two_groups_differ_in_shape_and_not_in_colour_alone():
    points = (CurvePoint(1.0, 0.5, 0.4, 0.6), CurvePoint(2.0, 0.6, 0.5, 0.7))
    svg = str(draw(CurvePicture("T", "D", "x", "y", (CurveSeries("a", points), CurveSeries("b", points))), "c"))
    assert svg.count('<circle cx="0"') == svg.count('<rect x="-4.5"') == 3


BAND = DoseBand("1", "1 year", "1.10", "1.05 to 1.15", 1.1, 1.05, 1.15, 500)
DOSE = DosePicture(
    "T", "D", "ratio", "years", "ratio", "quotes", (BAND,), (LimitLine(1.08, True, "limit: at most 1.08"),), 1.0,
    "equality (1)", "compared with: new", "figures", ("a",),
)  # fmt: skip


def dose(*bands, **changes):
    return str(draw(replace(DOSE, bands=bands, **changes), "c"))


def height(svg, kind, attribute="y1"):
    return int(re.findall(rf'class="{kind}"[^>]*? {attribute}="(\d+)"', svg)[-1])


def test_the_higher_a_figure_of_a_band_the_higher_it_stands_and_limit_and_equality_in_their_order():
    svg = dose(BAND)
    high, low = height(svg, "whisker", "y2"), height(svg, "whisker", "y1")
    assert high < height(svg, "dot", "cy") < low < height(svg, "equality")
    assert height(svg, "dot", "cy") < height(svg, "limit") < height(svg, "equality")


def test_bands_stand_beside_one_another_with_bars_in_the_proportion_of_their_rows():
    svg = dose(BAND, replace(BAND, size=250), replace(BAND, size=0))
    places = [float(x) for x in re.findall(r'class="dot" cx="([\d.]+)%"', svg)]
    assert places == sorted(set(places))
    assert [int(tall) for tall in re.findall(r'class="bar"[^>]*? height="(\d+)"', svg)] == [26, 13]


@pytest.mark.parametrize(("low", "high", "arrows"), [(1.05, 1.15, 0), (None, 1.15, 1), (None, None, 2), (1.0, 99.0, 1)])
def test_an_interval_of_a_band_that_goes_on_ends_in_an_arrow(low, high, arrows):
    assert dose(replace(BAND, low=low, high=high)).count('class="arrow"') == arrows


def test_the_reference_band_has_a_square_and_no_interval_and_a_band_without_a_figure_no_mark():
    reference = replace(BAND, estimate=1.0, low=1.0, high=1.0, is_reference=True)
    svg = dose(reference, replace(BAND, estimate=None, low=None, high=None))
    assert (svg.count('class="marker"'), svg.count('class="dot"'), svg.count('class="whisker"')) == (2, 0, 0)


def test_only_bands_that_a_limit_judges_are_shaded_and_never_the_reference():
    judged, other = replace(BAND, limits=DOSE.limits), replace(BAND, limits=())
    assert dose(judged, other, replace(BAND, is_reference=True), BAND).count('class="beyond"') == 2


@pytest.mark.parametrize("many", [1, 4, 12, 30, 90])
def test_names_of_bands_never_lie_over_one_another(many):
    bands = tuple(replace(BAND, sign=f"{i}-<{i + 1}") for i in range(many))
    shown = re.findall(r'<text x="([\d.]+)%" y="(\d+)"[^>]*>(\d+-&lt;\d+)</text>', dose(*bands))
    assert shown
    for row in {y for _, y, _ in shown}:
        own = [(float(x), room(name.replace("&lt;", "<")) * 95 / 40 / 2) for x, y, name in shown if y == row]
        assert all(x + half <= other - beside for (x, half), (other, beside) in pairwise(own))


def test_figures_stand_over_their_bands_where_all_have_room():
    told = replace(BAND, text="1.101")
    assert dose(told, told).count(">1.101</text>") == 2
    assert dose(*(told,) * 20).count(">1.101</text>") == 0


def test_a_picture_of_tenure_holds_every_band_in_order_its_rows_and_its_verdict():
    own = prices.bands(("5+", "1", "2-4", "0-0"))
    (picture,) = pictures_of(ENGLISH, own, own)
    assert [band.sign for band in picture.bands] == ["<1", "0–0", "1", "2–4", "5+"]
    assert [band.is_reference for band in picture.bands] == [True, False, False, False, False]
    assert picture.bands[0].size == 12_345
    assert "5 years or more: 1.000, 0.970 to 1.030, 9,000 quotes, Clear." in picture.description
    assert "2 to 4 years: no figure." in picture.description
    assert "The limit is at most 1.05." in picture.description


def test_bands_of_an_attribute_of_the_program_are_groups_like_any_other():
    own = [replace(one.measurement, measure="group_premium_ratio") for one in prices.bands(("1", "2"))]
    judged = pair_up(own, [], {})
    assert [type(picture) for picture in pictures_of(ENGLISH, judged, judged)] == [DotsPicture]


def test_fields_of_many_columns_hold_figure_and_sign_and_leave_the_rest_to_the_description():
    cell = MapCell("−12.0", "of 15,006", 0.5, True, "concern")
    for columns, notes in ((2, 2), (8, 0)):
        names = tuple(f"label {i}" for i in range(columns))
        svg = str(draw(MapPicture("T", "D", ("a",), names, ((cell,) * columns,)), "c"))
        assert svg.count("of 15,006") == notes
        assert svg.count("−12.0") == svg.count("#v-concern") == columns


labels = st.text(max_size=220)
values = st.floats(-1e6, 1e6, allow_nan=False)
bounds = st.one_of(st.none(), values)
verdicts = st.sampled_from(("breach", "clear", "none", ""))
shares = st.floats(0, 1)
points = st.lists(st.builds(CurvePoint, values, shares, shares, shares), min_size=1, max_size=12).map(tuple)
some_dots = st.builds(
    DotsPicture, labels, labels, st.sampled_from(("points", "ratio", "basis points", "percent")), st.just("points"),
    st.lists(st.builds(DotRow, labels, labels, bounds, bounds, bounds, verdicts), min_size=1, max_size=60).map(tuple),
    st.lists(st.builds(LimitLine, values, st.booleans(), labels), max_size=4).map(tuple), bounds, labels, labels,
)  # fmt: skip
some_curves = st.builds(
    CurvePicture, labels, labels, labels, labels,
    st.lists(st.builds(CurveSeries, labels, points), max_size=2).map(tuple),
    st.one_of(st.none(), st.tuples(st.tuples(values, shares), st.tuples(values, shares))), labels,
)  # fmt: skip


@st.composite
def some_maps(draws):
    rows, columns = (draws(st.lists(labels, min_size=1, max_size=8).map(tuple)) for _ in range(2))
    cell = st.one_of(st.none(), st.builds(MapCell, labels, labels, shares, st.booleans(), verdicts))
    cells = tuple(tuple(draws(cell) for _ in columns) for _ in rows)
    return MapPicture(draws(labels), draws(labels), rows, columns, cells)


some_doses = st.builds(
    DosePicture, labels, labels, st.sampled_from(("ratio", "money", "percent")), labels, labels, labels,
    st.lists(
        st.builds(DoseBand, labels, labels, labels, labels, bounds, bounds, bounds, st.integers(0, 10**9), verdicts,
                  labels, st.booleans()), max_size=40,
    ).map(tuple),
    st.lists(st.builds(LimitLine, values, st.booleans(), labels), max_size=3).map(tuple), bounds, labels, labels,
    labels, st.just(()),
)  # fmt: skip


@given(st.one_of(some_dots, some_curves, some_maps(), some_doses))
@settings(max_examples=150, deadline=None)
def test_any_picture_is_whole_xml_of_known_marks_within_its_frame_and_always_the_same(picture):
    svg = str(draw(picture, "c"))
    assert svg == str(draw(picture, "c"))
    root = ElementTree.fromstring(svg)
    assert {node.tag for node in root.iter()} <= {
        "svg", "title", "desc", "g", "text", "line", "rect", "circle", "path", "use",
    }  # fmt: skip
    height = int(root.get("height"))
    for node in root.iter():
        across = [node.get(name) for name in ("x", "x1", "x2", "cx", "width")]
        assert all(0 <= float(at[:-1]) <= 100 for at in across if at and at.endswith("%"))
        if any(at and at.endswith("%") for at in across[:4]):
            assert all(0 <= float(node.get(name) or 0) <= height for name in ("y", "y1", "y2", "cy"))


def test_a_picture_of_sixty_groups_and_of_one_is_drawn_to_the_last_row():
    for many in (1, 60):
        svg = str(draw(dots(*(row(f"g{i}") for i in range(many))), "c"))
        assert f">g{many - 1}</text>" in svg
        assert len(svg) < 3_000 + 1_400 * many


@pytest.mark.parametrize(("many", "told"), [(60, ""), (61, "(the first 60 of 61)")])
def test_a_picture_that_leaves_rows_out_says_how_many_there_are(many, told):
    made = pair_up([sample.gap(f"g{i}", estimate=i / 1000) for i in range(many)], [], {})
    (picture,) = pictures_of(ENGLISH, made, made)
    assert len(picture.rows) == 60
    assert told in picture.title
    assert bool(told) == ("first" in picture.title)


def test_of_many_labels_the_fewer_go_across_and_the_fields_keep_their_figures():
    shown = pictures(ENGLISH)["wide map 1"]
    assert (len(shown.rows), len(shown.columns)) == (8, 2)
    told = {(f"{column} × {row}") for row, cells in zip(shown.rows, shown.cells, strict=True)
            for column, cell in zip(shown.columns, cells, strict=True) if cell}  # fmt: skip
    assert all(f"{group}: " in shown.description for group in told)
    assert "a × label 0: −15.0" in shown.description
    assert shown.cells[0][0].text == "−15.0"


@pytest.mark.parametrize(("score_is", "ends"), [
    ("favourable", ((0.05, 0.05), (0.95, 0.95))), ("unfavourable", ((0.05, 0.95), (0.95, 0.05))), ("none", None),
])  # fmt: skip
@pytest.mark.parametrize("in_the_large", [True, False])
def test_the_line_of_a_score_is_drawn_only_where_it_is_said_to_be_a_chance(score_is, ends, in_the_large):
    asked = {"primary": [{"name": "fair_lending.calibration", "parameters": {"score_is": score_is}}]}
    shape = pictures(ENGLISH)["chance 0"].series
    points = tuple(Point(one.label, p.x, p.y, p.low, p.high, 40) for one in shape for p in one.points)
    made = [sample.gap(measure="calibration_gap", question="fair_lending.calibration", points=points)]
    if in_the_large:
        made.append(sample.gap(measure="calibration_in_the_large", question="fair_lending.calibration", reference=None))
    own = pair_up(made, [], {"audits": asked})
    (picture,) = [one for one in pictures_of(ENGLISH, own, own) if isinstance(one, CurvePicture)]
    wanted = ends if in_the_large else None
    assert [*sum(picture.expected or (), ())] == pytest.approx([*sum(wanted or (), ())])
    assert bool(picture.expected_label) == bool(picture.expected)


def test_a_value_alone_is_drawn_with_its_interval_and_not_with_places_after_the_comma_that_nobody_reads():
    first, last = domain([0.594], (0.583, 0.606))
    assert first < 0.583
    assert last > 0.606
    assert domain([0.594], (-900.0, None))[0] > 0.5

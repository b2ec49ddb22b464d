"""The pictures: places, arrows, and words for those who do not see them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reports.charts import estimate_with_limit, rates_by_group, ticks
from reports.report_model import EstimatePicture, LimitLine
from reports.view import report_model
from tests.reports import sample_records as sample

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

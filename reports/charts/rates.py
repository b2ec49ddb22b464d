"""The rate of each group on a scale from 0 to 100 percent, with its interval."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import AXIS, LEFT, RIGHT, Scale, axis, dot, framed, place, text, whisker
from reports.charts.lettering import clip
from reports.report_model import RatePanel, RateRow

_LABEL_WIDTH, _STEP = 34, 44


def rates_by_group(panel: RatePanel, anchor: str) -> Markup:
    """Bars of the rates, the reference in bold."""
    parts = [axis(0.0, 1.0, "percent", 14, 14 + _STEP * len(panel.rows) - 8, "")]
    for i, row in enumerate(panel.rows):
        parts.append(_row(row, 14 + _STEP * i))
    height = 14 + _STEP * len(panel.rows) + AXIS - 12
    return framed(anchor, panel.title, panel.description, height, parts)


def _row(row: RateRow, top: int) -> Markup:
    label = clip(row.label, _LABEL_WIDTH)
    words = text(LEFT, top + 14, label, "start", bold=row.is_reference) + text(RIGHT, top + 14, row.rate, "end")
    if row.estimate is None:
        return words
    at, middle = Scale(0.0, 1.0), top + 26
    bar = Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="8" fill-opacity=".16"/>').format(
        LEFT, middle - 4, place(at(row.estimate) - LEFT)
    )
    reach = Markup("")
    if row.low != row.high or row.low != row.estimate:
        reach = whisker(at(row.low or 0.0), at(1.0 if row.high is None else row.high), middle)
    return words + bar + reach + dot(at(row.estimate), middle, 3.5)

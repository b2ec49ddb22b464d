"""What became of people at each height of a score, for a group and its reference."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import LEFT, RIGHT, Scale, anchor_at, framed, line, text, tick_label, ticks
from reports.pictures import CurvePicture, CurvePoint

_TOP, _HEIGHT, _FOOT = 34, 210, 40
_MARKERS = (
    '<circle cx="0" cy="0" r="5"/>', '<rect x="-4.5" y="-4.5" width="9" height="9" fill="none" stroke-width="2" '
    'stroke="currentColor"/>',
)  # fmt: skip


def calibration_curve(picture: CurvePicture, anchor: str) -> Markup:
    """Points with intervals: dots for the group, squares for the reference, named above."""
    xs = [point.x for series in picture.series for point in series.points]
    room = ((max(xs) - min(xs)) or abs(max(xs)) or 1.0) * 0.06
    at = Scale(min(xs) - 2.4 * room, max(xs) + room)  # room on the left for the rates' names
    parts = [_grid(at), text(LEFT, 12, picture.vertical, "start", small=True)]
    parts.append(text(RIGHT, _TOP + _HEIGHT + 32, picture.horizontal, "end", small=True))
    for i, series in enumerate(picture.series):
        parts.append(_marker(20.0 + 40 * i, 24, i) + text(22.5 + 40 * i, 28, series.label, "start", small=True))
        parts += [_point(point, at, i) for point in series.points]
    return framed(anchor, picture.title, picture.description, _TOP + _HEIGHT + _FOOT, parts)


def _grid(at: Scale) -> Markup:
    parts = [line(LEFT, _TOP + _HEIGHT, RIGHT, _TOP + _HEIGHT, 1, "axis", 0.6)]
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _down(value)
        parts.append(line(LEFT, y, RIGHT, y, 1, "grid", 0.14))
        parts.append(text(LEFT, y - 3, tick_label(value, "percent", 0.25), "start", small=True))
    values = ticks(at.first, at.last)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    for value in values:
        x = at(value)
        parts.append(text(x, _TOP + _HEIGHT + 15, tick_label(value, "number", step), anchor_at(x, 4.0), small=True))
    return Markup("").join(parts)


def _down(rate: float) -> int:
    return round(_TOP + _HEIGHT * (1 - min(max(rate, 0.0), 1.0)))


def _point(point: CurvePoint, at: Scale, series: int) -> Markup:
    x = round(at(point.x) + (0.5 if series else -0.5), 2)
    return line(x, _down(point.low), x, _down(point.high), 1.5, "whisker", 0.8) + _marker(x, _down(point.y), series)


def _marker(x: float, y: int, series: int) -> Markup:
    return Markup('<svg x="{}%" y="{}" overflow="visible" width="1" height="1">{}</svg>').format(
        x,
        y,
        Markup(_MARKERS[series % 2]),  # noqa: S704 - our own shapes
    )

"""What became of people at each height of a score, for a group and its reference, beside what the score says."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import LEFT, RIGHT, Scale, anchor_at, framed, labelled_ticks, line, text, tick_label
from reports.charts.lettering import ACROSS, clip, room
from reports.pictures import CurvePicture, CurvePoint

_LINE, _HEIGHT, _FOOT = 18, 210, 40
_DASHES = "6 4"
_UNIT = (RIGHT - LEFT) / ACROSS  # percent that a unit of letters takes up on the narrowest telephone
_MARKERS = (
    Markup('<circle cx="0" cy="0" r="5"/>'),
    Markup('<rect x="-4.5" y="-4.5" width="9" height="9" fill="none" stroke-width="2" stroke="currentColor"/>'),
)


def calibration_curve(picture: CurvePicture, anchor: str) -> Markup:
    """Points with intervals: dots for the group, squares for the reference, dashes for the score; named above."""
    xs = [point.x for series in picture.series for point in series.points] or [0.0]
    margin = ((max(xs) - min(xs)) or abs(max(xs)) or 1.0) * 0.06
    at = Scale(min(xs) - 2.4 * margin, max(xs) + margin)  # room on the left for the rates' names
    names = [series.label for series in picture.series] + [picture.expected_label] * (picture.expected is not None)
    top = _LINE * (len(names) + 1) + 14
    parts = [text(LEFT, 14, clip(picture.vertical, ACROSS - 4), "start", small=True)]
    parts += [_key(i, name, i == len(picture.series)) for i, name in enumerate(names)]
    parts += [_grid(at, top, picture.marks), text(RIGHT, top + _HEIGHT + 32, picture.horizontal, "end", small=True)]
    parts += [_expected(at, picture.expected, top)] if picture.expected else []
    parts += [_point(point, at, i, top) for i, series in enumerate(picture.series) for point in series.points]
    return framed(anchor, picture.title, picture.description, top + _HEIGHT + _FOOT, parts)


def _key(i: int, name: str, dashed: bool) -> Markup:
    """A marker and what it stands for."""
    y = 14 + _LINE * (i + 1)
    sign = _dashes(LEFT, y - 4, LEFT + 4, y - 4) if dashed else _marker(LEFT + 2.0, y - 4, i)
    return sign + text(LEFT + 5.5, y, clip(name, ACROSS - 7), "start", small=True)


def _grid(at: Scale, top: int, marks: tuple[tuple[float, str], ...]) -> Markup:
    bottom = top + _HEIGHT
    parts = [line(LEFT, bottom, RIGHT, bottom, 1, "axis", 0.6)]
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _down(value, top)
        parts.append(line(LEFT, y, RIGHT, y, 1, "grid", 0.14))
        parts.append(text(LEFT, y - 3, tick_label(value, "percent", 0.25), "start", small=True))
    end = -RIGHT
    for value, label in marks or labelled_ticks(at.first, at.last, "number"):
        x = at(value)
        anchor = anchor_at(x, max(room(label), 4.0))
        first = x - _UNIT * room(label) * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        if first > end:  # a name that would lie over the one before it is left out
            parts.append(text(x, bottom + 15, label, anchor, small=True))
            end = first + _UNIT * (room(label) + 1)
    return Markup("").join(parts)


def _expected(at: Scale, ends: tuple[tuple[float, float], tuple[float, float]], top: int) -> Markup:
    (x1, y1), (x2, y2) = ends
    return _dashes(at(x1), _down(y1, top), at(x2), _down(y2, top))


def _dashes(x1: float, y1: int, x2: float, y2: int) -> Markup:
    return Markup(
        '<line class="expected" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="1.5" '
        'stroke-dasharray="{}"/>'
    ).format(x1, y1, x2, y2, _DASHES)


def _down(rate: float, top: int) -> int:
    return round(top + _HEIGHT * (1 - min(max(rate, 0.0), 1.0)))


def _point(point: CurvePoint, at: Scale, series: int, top: int) -> Markup:
    x = round(at(point.x) + (0.5 if series else -0.5), 2)
    reach = line(x, _down(point.low, top), x, _down(point.high, top), 1.5, "whisker", 0.8)
    return reach + _marker(x, _down(point.y, top), series)


def _marker(x: float, y: int, series: int) -> Markup:
    return Markup('<svg class="marker" x="{}%" y="{}" overflow="visible" width="1" height="1">{}</svg>').format(
        x, y, _MARKERS[series % len(_MARKERS)]
    )

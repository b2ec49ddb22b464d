"""Every model that was tried: performance across, how alike it treats groups upwards, what it must reach as lines.

What may be chosen is a dot, what may not a ring; what needs the group to decide is a diamond. Few far-off models would
squeeze all others into a corner, so that they are counted below the picture instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.charts.frame import (
    LEFT,
    RIGHT,
    Scale,
    anchor_at,
    domain,
    framed,
    labelled_ticks,
    line,
    mark,
    shade,
    text,
    tick_label,
    ticks,
)
from reports.charts.lettering import ACROSS, clip, room, shown
from reports.figures import Unit
from reports.pictures import LimitLine
from reports.remedies_model import FrontierPicture, FrontierPoint

_LINE, _HEIGHT, _FOOT = 18, 280, 58
_STEPS = 5
_FAR = 1.0  # how many times as far as what matters another model may lie and be drawn
_ROOM_LEFT, _ROOM_NAMES = 0.16, 0.06  # of the stretches, for the names of the ratios and of the two models
_DIAMOND = Markup('<path d="M0 -5.5L5.5 0L0 5.5L-5.5 0Z" fill="none" stroke="currentColor" stroke-width="1.6"/>')
_SIGNS = {
    "by_group": _DIAMOND,
    "other": Markup('<circle r="3.8" fill="none" stroke="currentColor" stroke-width="1.3" stroke-opacity=".75"/>'),
    "eligible": Markup('<circle r="4.2" fill-opacity=".8"/>'),
    "today": Markup('<rect x="-6" y="-6" width="12" height="12"/>'),
    "chosen": Markup('<circle r="5"/><circle r="9" fill="none" stroke="currentColor" stroke-width="2"/>'),
}
_NAMED = {"today": 22, "chosen": -15}  # how far below a point its name stands


def frontier_chart(picture: FrontierPicture, anchor: str) -> Markup:
    """The picture; later kinds are drawn over earlier ones, so that today's and the chosen model are always seen."""
    at, (low, high) = _stretches(picture)
    near = [one for one in picture.points if at.first <= one.performance <= at.last and low <= one.ratio <= high]
    top = _LINE * (len(picture.names) + 1) + 20
    bottom = top + _HEIGHT
    place = _Down(low, high, top)
    parts = [text(LEFT, 14, clip(picture.upwards, ACROSS - 4), "start", small=True)]
    parts += [_key(i, kind, name) for i, (kind, name) in enumerate(picture.names.items())]
    parts += [_floor(picture, at, top, bottom), _grid(picture, at, place, bottom)]
    parts += [_needed(picture, place)]
    parts += [_point(one, at, place) for kind in _SIGNS for one in near if one.kind == kind]
    parts += [_name(one, picture.names[one.kind], at, place) for one in near if one.kind in _NAMED]
    parts.append(text(RIGHT, bottom + 32, clip(picture.across, ACROSS), "end", small=True))
    if len(near) < len(picture.points):
        told = picture.beyond.format(count=len(picture.points) - len(near))
        parts.append(text(LEFT, bottom + 50, clip(told, ACROSS), "start", small=True))
    return framed(anchor, picture.title, picture.description, bottom + _FOOT, parts)


class _Down:
    """From a ratio to its place in pixels."""

    def __init__(self, low: float, high: float, top: int) -> None:
        self.low, self.high, self.top = low, high, top

    def __call__(self, value: float) -> int:
        return round(self.top + _HEIGHT * (self.high - value) / (self.high - self.low))


def _stretches(picture: FrontierPicture) -> tuple[Scale, tuple[float, float]]:
    """What is drawn across and upwards: today's, what may be chosen, the lines; others where they squeeze nothing."""
    core = [one for one in picture.points if one.kind in ("today", "chosen", "eligible")] or list(picture.points)
    floor = [] if picture.floor is None else [picture.floor]
    needed = [] if picture.needed is None else [picture.needed]
    across, upwards = [one.performance for one in picture.points], [one.ratio for one in picture.points]
    first, last = domain([*(one.performance for one in core), *floor], across, _FAR)
    low, high = domain([*(one.ratio for one in core), *needed], upwards, _FAR)
    low, high = low - (high - low) * _ROOM_NAMES, high + (high - low) * _ROOM_NAMES
    return Scale(first - (last - first) * _ROOM_LEFT, last), (low, high)


def _key(i: int, kind: str, name: str) -> Markup:
    """A sign and what it stands for."""
    y = 14 + _LINE * (i + 1)
    return _sign(kind, LEFT + 2.0, y - 4) + text(LEFT + 5.5, y, clip(name, ACROSS - 5), "start", small=True)


def _sign(kind: str, x: float, y: int) -> Markup:
    return Markup('<svg class="model {}" x="{}%" y="{}" overflow="visible" width="1" height="1">{}</svg>').format(
        kind, x, y, _SIGNS[kind]
    )


def _point(one: FrontierPoint, at: Scale, place: _Down) -> Markup:
    return _sign(one.kind, at(one.performance), place(one.ratio))


def _name(one: FrontierPoint, name: str, at: Scale, place: _Down) -> Markup:
    x = at(one.performance)
    return Markup(
        '<text x="{}%" y="{}" text-anchor="{}" class="equality-label" font-size="13" font-weight="650">{}</text>'
    ).format(x, place(one.ratio) + _NAMED[one.kind], anchor_at(x, room(name)), shown(name))


def _grid(picture: FrontierPicture, at: Scale, place: _Down, bottom: int) -> Markup:
    """Round values across below the picture, and upwards within it."""
    unit: Unit = "percent" if picture.in_percent else "ratio"
    parts = [line(LEFT, bottom, RIGHT, bottom, 1, "axis", 0.6)]
    for value, label in labelled_ticks(at.first, at.last, unit):
        x = at(value)
        parts.append(line(x, place.top, x, bottom, 1, "grid", 0.1))
        parts.append(text(x, bottom + 15, label, anchor_at(x, room(label)), small=True))
    upwards = ticks(place.low, place.high, _STEPS)
    for value in upwards:
        y = place(value)
        parts.append(line(LEFT, y, RIGHT, y, 1, "grid", 0.14))
        parts.append(text(LEFT, y - 3, tick_label(value, "ratio", _step(upwards)), "start", small=True))
    return Markup("").join(parts)


def _step(values: Sequence[float]) -> float:
    return values[1] - values[0] if len(values) > 1 else abs(values[0]) or 1.0


def _floor(picture: FrontierPicture, at: Scale, top: int, bottom: int) -> Markup:
    """The least performance, with what lies below it shaded."""
    if picture.floor is None:
        return Markup("")
    below = shade(LimitLine(picture.floor, False, ""), at, top, bottom, "")
    return below + mark(at(picture.floor), top - 14, bottom, picture.floor_label, "limit", 2.5)


def _needed(picture: FrontierPicture, place: _Down) -> Markup:
    """The ratio that brings the least gain."""
    if picture.needed is None:
        return Markup("")
    y = place(picture.needed)
    return Markup(
        '<line class="equality" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="1.5" '
        'stroke-dasharray="2 4"/><text x="{}%" y="{}" class="equality-label" font-size="12">{}</text>'
    ).format(LEFT, y, RIGHT, y, LEFT + _ROOM_LEFT * 60, y + 14, shown(clip(picture.needed_label, ACROSS)))

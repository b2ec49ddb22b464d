"""Pictures as inline SVG: places in percent across and in pixels down, so that text keeps its size on any screen."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

from markupsafe import Markup

from reports.figures import Unit, exact_number, signed
from reports.report_model import EstimatePicture, LimitLine, RatePanel, RateRow

_LEFT, _RIGHT = 2.5, 97.5
_ROW, _AXIS = 18, 34
_FARTHEST = 4.0
_LABEL_WIDTH = 34
_ROOM_FOR_WORDS, _NEAR, _EDGE = 24, 9, 14


def rates_by_group(panel: RatePanel, anchor: str) -> Markup:
    """Rate of each group on a scale from 0 to 100 percent, with its interval."""
    parts = [_axis(0.0, 1.0, "percent", 14, 14 + 44 * len(panel.rows) - 8, "")]
    for i, row in enumerate(panel.rows):
        parts.append(_rate_row(row, 14 + 44 * i, panel.reference_label))
    height = 14 + 44 * len(panel.rows) + _AXIS - 12
    return _svg(anchor, panel.title, panel.description, height, parts)


def _rate_row(row: RateRow, top: int, reference_label: str) -> Markup:
    name = _clip(row.group, _LABEL_WIDTH)
    label = f"{name} ({reference_label})" if row.is_reference else name
    text = _text(_LEFT, top + 14, label, "start", bold=row.is_reference) + _text(_RIGHT, top + 14, row.rate, "end")
    if row.estimate is None:
        return text
    at, middle = _scale(0.0, 1.0), top + 26
    shape = Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="8" fill="currentColor" fill-opacity=".16"/>')
    bar = shape.format(_LEFT, middle - 4, _place(at(row.estimate) - _LEFT))
    reach = _whisker(at(row.low or 0.0), at(1.0 if row.high is None else row.high), middle)
    return text + bar + reach + _dot(at(row.estimate), middle, 3.5)


def estimate_with_limit(picture: EstimatePicture, anchor: str) -> Markup:
    """Dot and whisker with every limit, the side that breaks it, and equality; an arrow where a bound goes on."""
    first, last = _domain(picture)
    at = _scale(first, last)
    lines = sorted(picture.limits, key=lambda line: line.value)
    marks = len(lines) + (picture.equality is not None)
    top = 6 + _ROW * marks
    bottom = top + 62
    parts = [_shade(line, at, top, bottom, picture.beyond_label) for line in lines]
    parts.append(_axis(first, last, picture.unit, top, bottom, picture.axis))
    if picture.equality is not None:
        name = f"{picture.equality_label} ({exact_number(picture.equality, picture.unit)})"
        parts.append(_mark(at(picture.equality), 4, bottom, name, "equality", "2 4", 1.5))
    for i, line in enumerate(lines):
        above = 4 + _ROW * (i + marks - len(lines))
        parts.append(_mark(at(line.value), above, bottom, line.label, "limit", "none", 2.5))
    middle = top + 38
    low, high = at(first if picture.low is None else picture.low), at(last if picture.high is None else picture.high)
    parts.append(_whisker(low, high, middle))
    if picture.low is None or picture.low < first:
        parts.append(_arrow(_LEFT, middle, -1))
    if picture.high is None or picture.high > last:
        parts.append(_arrow(_RIGHT, middle, 1))
    parts.append(_dot(at(picture.estimate), middle))
    side = _aside(at(picture.estimate), [at(line.value) for line in lines])
    parts.append(_text(at(picture.estimate), top + 23, picture.label, side, bold=True))
    return _svg(anchor, picture.title, picture.description, bottom + _AXIS, parts)


def _aside(x: float, lines: list[float]) -> str:
    """How to set the figure over its dot so that no limit runs through it."""
    near = min(lines, key=lambda line: abs(line - x), default=None)
    if near is None or abs(near - x) > _NEAR or not _EDGE < x < 100 - _EDGE:
        return _anchor(x, _EDGE)
    return "start" if near <= x else "end"


def _domain(picture: EstimatePicture) -> tuple[float, float]:
    """The stretch to draw: all marks and the interval, but a far bound must not squeeze the rest."""
    core = [picture.estimate, *(line.value for line in picture.limits)]
    core += [] if picture.equality is None else [picture.equality]
    low, high = min(core), max(core)
    width = (high - low) or abs(high) or 1.0
    bounds = [bound for bound in (picture.low, picture.high) if bound is not None]
    inside = [bound for bound in bounds if low - _FARTHEST * width <= bound <= high + _FARTHEST * width]
    first, last = min([low, *inside]), max([high, *inside])
    room = ((last - first) or width) * 0.1
    return first - room, last + room


def ticks(first: float, last: float, most: int = 5) -> list[float]:
    """Round values within a stretch, at most ``most`` + 1 of them."""
    raw = (last - first) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999999)
    begin = math.ceil(first / step - 1e-9)
    return [i * step for i in range(begin, math.floor(last / step + 1e-9) + 1)]


def _scale(first: float, last: float) -> _Scale:
    return _Scale(first, last)


class _Scale:
    """From a value to its place in percent, kept within the picture."""

    def __init__(self, first: float, last: float) -> None:
        self.first, self.last = first, last

    def __call__(self, value: float) -> float:
        share = (value - self.first) / (self.last - self.first)
        return _place(_LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0))


def _place(value: float) -> float:
    return round(value, 2)


def _axis(first: float, last: float, unit: Unit, top: int, bottom: int, name: str) -> Markup:
    at, values = _scale(first, last), ticks(first, last)
    parts = [_line(_LEFT, bottom, _RIGHT, bottom, 1, "axis", 0.6)]
    step = values[1] - values[0] if len(values) > 1 else 1.0
    for value in values:
        x = at(value)
        parts.append(_line(x, top, x, bottom, 1, "grid", 0.14))
        label = _tick_label(value, unit, step)
        parts.append(_text(x, bottom + 15, label, _anchor(x, 4.0), small=True))
    if name:
        parts.append(_text(_RIGHT, bottom + 30, name, "end", small=True))
    return Markup("").join(parts)


def _tick_label(value: float, unit: Unit, step: float) -> str:
    factor = 100 if unit in ("percent", "points") else 1
    decimals = max(0, -math.floor(math.log10(step * factor) + 1e-9))
    if round(step * factor, decimals) != round(step * factor, decimals + 1):
        decimals += 1
    text = signed(f"{value * factor:,.{decimals}f}")
    return f"{text}%" if unit == "percent" else text


def _shade(line: LimitLine, at: _Scale, top: int, bottom: int, label: str) -> Markup:
    edge = at(line.value)
    x, width = (edge, _place(_RIGHT - edge)) if line.beyond_is_above else (_LEFT, _place(edge - _LEFT))
    shape = Markup(
        '<rect class="beyond" x="{}%" y="{}" width="{}%" height="{}" fill="currentColor" fill-opacity=".1"/>'
    ).format(x, top, width, bottom - top)
    if width < _ROOM_FOR_WORDS:
        return shape
    side, anchor = (_RIGHT - 1, "end") if line.beyond_is_above else (_LEFT + 1, "start")
    return shape + _text(side, bottom - 6, label, anchor, small=True)


def _mark(x: float, top: int, bottom: int, label: str, kind: str, dash: str, width: float) -> Markup:
    shape = Markup(
        '<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="{}" '
        'stroke-dasharray="{}"/>'
    ).format(kind, x, top, x, bottom, width, dash)
    away, anchor = (6, "start") if x <= 50 else (-6, "end")
    return shape + Markup(
        '<text x="{}%" y="{}" dx="{}" text-anchor="{}" class="{}-label" fill="currentColor" font-size="12.5">{}</text>'
    ).format(x, top + 10, away, anchor, kind, label)


def _whisker(low: float, high: float, y: int) -> Markup:
    ends = [_line(x, y - 6, x, y + 6, 2, "cap", 1) for x in (low, high)]
    return _line(low, y, high, y, 2, "whisker", 1) + Markup("").join(ends)


def _arrow(x: float, y: int, way: int) -> Markup:
    return Markup(
        '<svg class="arrow" x="{}%" y="{}" overflow="visible" width="1" height="1">'
        '<path d="M0 -7L{} 0L0 7Z" fill="currentColor"/></svg>'
    ).format(x, y, 11 * way)


def _dot(x: float, y: int, radius: float = 6) -> Markup:
    return Markup('<circle class="dot" cx="{}%" cy="{}" r="{}" fill="currentColor"/>').format(x, y, radius)


def _line(x1: float, y1: int, x2: float, y2: int, width: float, kind: str, opacity: float) -> Markup:
    return Markup(
        '<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="{}" '
        'stroke-opacity="{}"/>'
    ).format(kind, x1, y1, x2, y2, width, opacity)


def _text(x: float, y: int, words: str, anchor: str, *, bold: bool = False, small: bool = False) -> Markup:
    shape = Markup('<text x="{}%" y="{}" text-anchor="{}" fill="currentColor" font-size="{}"{}>{}</text>')
    weight = Markup(' font-weight="650"') if bold else Markup("")
    return shape.format(x, y, anchor, 12 if small else 13, weight, words)


def _anchor(x: float, edge: float = 18.0) -> str:
    return "start" if x < edge else "end" if x > 100 - edge else "middle"


def _svg(anchor: str, title: str, description: str, height: int, parts: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{h}" aria-labelledby="{a}-t {a}-d">'
        '<title id="{a}-t">{title}</title><desc id="{a}-d">{desc}</desc>{body}</svg>'
    ).format(h=height, a=anchor, title=title, desc=description, body=Markup("").join(parts))


def _clip(text: str, width: int) -> str:
    """The beginning of a text that fits; the whole text stands in the table beside the picture."""
    used, kept = 0, ""
    for character in text:
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            return kept.rstrip() + "…"
        kept += character
    return text

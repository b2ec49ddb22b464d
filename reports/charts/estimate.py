"""One figure: dot and whisker with every limit, the side that breaks it, and equality."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import AXIS, ROW, Scale, anchor_at, axis, domain, framed, interval, mark, shade, text
from reports.report_model import EstimatePicture

_NEAR, _EDGE = 9, 14
_FARTHEST = 30.0  # the interval is what a picture of one figure is for


def estimate_with_limit(picture: EstimatePicture, anchor: str) -> Markup:
    """The picture of a figure; an arrow where a bound goes on."""
    lines = sorted(picture.limits, key=lambda one: one.value)
    core = [picture.estimate, *(one.value for one in lines)]
    core += [] if picture.equality is None else [picture.equality]
    first, last = domain(core, (picture.low, picture.high), _FARTHEST)
    at = Scale(first, last)
    marks = len(lines) + (picture.equality is not None)
    top = 6 + ROW * marks
    bottom = top + 62
    parts = [shade(one, at, top, bottom, picture.beyond_label) for one in lines]
    parts.append(axis(first, last, picture.unit, top, bottom, picture.axis))
    if picture.equality is not None:
        parts.append(mark(at(picture.equality), 4, bottom, picture.equality_label, "equality", 1.5, "2 4"))
    for i, one in enumerate(lines):
        above = 4 + ROW * (i + marks - len(lines))
        parts.append(mark(at(one.value), above, bottom, one.label, "limit", 2.5))
    parts.append(interval(picture.estimate, picture.low, picture.high, at, top + 38))
    side = _aside(at(picture.estimate), [at(one.value) for one in lines])
    parts.append(text(at(picture.estimate), top + 23, picture.label, side, bold=True))
    return framed(anchor, picture.title, picture.description, bottom + AXIS, parts)


def _aside(x: float, lines: list[float]) -> str:
    """How to set the figure over its dot so that no limit runs through it."""
    near = min(lines, key=lambda other: abs(other - x), default=None)
    if near is None or abs(near - x) > _NEAR or not _EDGE < x < 100 - _EDGE:
        return anchor_at(x, _EDGE)
    return "start" if near <= x else "end"

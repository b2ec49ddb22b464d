"""Several figures below one another on one scale: groups against a reference, or one gap measured in several ways."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import AXIS, LEFT, RIGHT, ROW, Scale, axis, clip, domain, framed, interval, mark, shade, text
from reports.pictures import DotRow, DotsPicture

_STEP, _TALL, _WIDE, _NARROW = 42, 58, 37, 22


def dots(picture: DotsPicture, anchor: str) -> Markup:
    """Dot and whisker of each row, with the limits that all of them are held against, and equality."""
    told = [row for row in picture.rows if row.estimate is not None]
    lines = sorted(picture.limits, key=lambda one: one.value)
    core = [row.estimate for row in told if row.estimate is not None] + [one.value for one in lines]
    core += [] if picture.equality is None else [picture.equality]
    first, last = domain(core or [0.0, 1.0], [bound for row in told for bound in (row.low, row.high)])
    at = Scale(first, last)
    top = 6 + ROW * (len(lines) + (picture.equality is not None))
    tall = any(row.text and clip(row.label, _NARROW) != row.label for row in picture.rows)
    step = _TALL if tall else _STEP
    bottom = top + step * len(picture.rows) + 6
    parts = [shade(one, at, top, bottom, "") for one in lines]
    parts.append(axis(first, last, picture.unit, top, bottom, picture.axis))
    names = [(picture.equality, picture.equality_label, "equality", 1.5, "2 4")] if picture.equality is not None else []
    marks = [*names, *((one.value, one.label, "limit", 2.5, "") for one in lines)]
    for i, (value, label, kind, width, dash) in enumerate(marks):
        parts.append(mark(at(value), 4 + ROW * i, bottom, label, kind, width, dash))
    parts += [_row(row, at, top + step * i, step - _STEP) for i, row in enumerate(picture.rows)]
    return framed(anchor, picture.title, picture.description, bottom + AXIS, parts)


def _row(row: DotRow, at: Scale, top: int, lower: int) -> Markup:
    """Name and figure on one line, or the figure ``lower`` where some name needs the whole of it."""
    label = clip(row.label, _WIDE if lower else _NARROW)
    words = Markup('<g class="row-label">{}{}</g>').format(
        text(LEFT + 0.5, top + 15, label, "start"), text(RIGHT - 0.5, top + 15 + lower, row.text, "end", bold=True)
    )
    if row.estimate is None:
        return words
    return words + interval(row.estimate, row.low, row.high, at, top + 29 + lower, 4.5)

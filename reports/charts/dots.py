"""Several figures below one another on one scale: groups against a reference, or one gap measured in several ways."""

from __future__ import annotations

from itertools import chain

from markupsafe import Markup

from reports.charts.frame import (
    AXIS,
    LEFT,
    RIGHT,
    ROW,
    Scale,
    axis,
    behind,
    domain,
    framed,
    interval,
    mark,
    shade,
    symbol,
    text,
)
from reports.charts.lettering import ACROSS, clip, room
from reports.pictures import DotRow, DotsPicture, LimitLine

_STEP, _LOWER = 42, 16  # pixels a row, and more where name and figure stand below one another
_MARGINS, _SIGN = 5, 3  # units: beside the words of a row, and for the sign of its verdict


def dots(picture: DotsPicture, anchor: str) -> Markup:
    """Dot and whisker of each row, with limits, equality, and a shade where the row breaks a limit that judges it."""
    lines = sorted(picture.limits, key=lambda one: one.value)
    at = _scale(picture)
    top = 6 + ROW * (len(lines) + (picture.equality is not None))
    lower = 0 if all(map(_on_one_line, picture.rows)) else _LOWER
    step = _STEP + lower
    bottom = top + step * len(picture.rows) + 6
    tops = [top + step * i for i in range(len(picture.rows))]
    parts = [
        shade(one, at, y + lower + 20, y + lower + 38, "")
        for row, y in zip(picture.rows, tops, strict=True) for one in lines
        if row.limits is None or one in row.limits
    ]  # fmt: skip
    parts.append(axis(at.first, at.last, picture.unit, top, bottom, picture.axis))
    if picture.note:
        note = clip(picture.note, ACROSS - room(picture.axis) - _MARGINS)
        parts.append(text(LEFT, bottom + 30, note, "start", small=True))
    parts += _marks(picture, lines, at, bottom)
    parts += [_row(row, at, y, lower) for row, y in zip(picture.rows, tops, strict=True)]
    return framed(anchor, picture.title, picture.description, bottom + AXIS, parts)


def _scale(picture: DotsPicture) -> Scale:
    """All figures, limits and equality; bounds as far as they do not squeeze these."""
    figures = [row.estimate for row in picture.rows if row.estimate is not None]
    fixed = [one.value for one in picture.limits] + ([] if picture.equality is None else [picture.equality])
    told = [row for row in picture.rows if row.estimate is not None]
    bounds = chain.from_iterable((row.low, row.high) for row in told)
    return Scale(*domain([*figures, *fixed] or [0.0, 1.0], bounds))


def _marks(picture: DotsPicture, lines: list[LimitLine], at: Scale, bottom: int) -> list[Markup]:
    """Equality and the limits, each with its name on a line of its own above the rows."""
    found = []
    if picture.equality is not None:
        found.append(mark(at(picture.equality), 4, bottom, picture.equality_label, "equality", 1.5, "2 4"))
    for one in lines:
        found.append(mark(at(one.value), 4 + ROW * len(found), bottom, one.label, "limit", 2.5))
    return found


def _on_one_line(row: DotRow) -> bool:
    return room(row.label) + room(row.text) + (_SIGN if row.verdict else 0) + _MARGINS <= ACROSS


def _row(row: DotRow, at: Scale, top: int, lower: int) -> Markup:
    """Name and figure on one line, or the figure ``lower`` where some row needs two; the verdict's sign at the end."""
    name = text(LEFT + 0.5, top + 15, clip(row.label, ACROSS - _MARGINS), "start")
    aside = -20 if row.verdict else 0
    figure = text(RIGHT - 0.5, top + 15 + lower, row.text, "end", bold=True, aside=aside)
    ground = behind(LEFT + 0.5, top + 2, top + 19, clip(row.label, ACROSS - _MARGINS), "start")
    beside = _SIGN if row.verdict else 0
    ground += behind(RIGHT - 0.5, top + 2 + lower, top + 19 + lower, row.text, "end", more=beside)
    words = Markup('{}<g class="row-label">{}{}</g>').format(ground, name, figure)
    if row.verdict:
        words += symbol(RIGHT - 0.5, top + 4 + lower, -14, row.verdict)
    if row.estimate is None:
        return words
    return words + interval(row.estimate, row.low, row.high, at, top + 29 + lower, 4.5)

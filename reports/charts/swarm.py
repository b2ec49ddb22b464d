"""How far each feature moves the output, person by person: a hill for the group, one for its reference below the line.

A hill is made of bins, so that no single person is shown; the darker a bin, the higher the feature's own value there.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.charts.frame import AXIS, LEFT, RIGHT, Scale, axis, domain, framed, line, mark, place, text
from reports.charts.lettering import ACROSS, clip
from reports.pictures import SwarmBin, SwarmPicture, SwarmRow

_NAME, _HILL, _GAP = 19, 22, 8  # pixels: of a name, of a hill at its highest, between features
_FAINT, _DARK = 0.15, 0.9
_MARGINS = 5


def swarm(picture: SwarmPicture, anchor: str) -> Markup:
    """Features below one another on one scale."""
    bins = [one for row in picture.rows for one in (*row.group, *row.reference)]
    edges = [edge for one in bins for edge in (one.low, one.high)]
    at = Scale(*domain([0.0, *edges] if edges else [0.0, 1.0], []))
    top = 14 + 2 * 18 + 8
    step = _NAME + 2 * _HILL + _GAP
    bottom = top + step * len(picture.rows) + 4
    parts = [
        text(LEFT, 14, clip(picture.group, ACROSS), "start"), text(LEFT, 32, clip(picture.reference, ACROSS), "start"),
        axis(at.first, at.last, picture.unit, top, bottom, picture.axis),
        mark(at(0.0), top - 4, bottom, "", "equality", 1.5, "2 4"),
    ]  # fmt: skip
    parts += _shades(picture, bottom + 24)
    parts += [_row(row, at, top + step * i) for i, row in enumerate(picture.rows)]
    return framed(anchor, picture.title, picture.description, bottom + AXIS + 8, parts)


def _shades(picture: SwarmPicture, y: int) -> list[Markup]:
    """What faint and dark mean."""
    found, x = [], LEFT
    for words, dark in ((picture.few, _FAINT), (picture.much, _DARK)):
        found.append(_box(x, y - 3, 2.5, 9, dark))
        found.append(text(x + 3.5, y + 6, clip(words, 12), "start", small=True))
        x += 24
    return found


def _box(x: float, y: int, width: float, height: int, dark: float) -> Markup:
    return Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="{}" fill-opacity="{}"/>').format(
        place(x), y, place(width), height, round(dark, 2)
    )


def _row(row: SwarmRow, at: Scale, top: int) -> Markup:
    middle = top + _NAME + _HILL
    shape = Markup('<g class="row-label">{}</g>').format(
        text(LEFT + 0.5, top + 14, clip(row.label, ACROSS - _MARGINS), "start")
    )
    shape += line(LEFT, middle, RIGHT, middle, 1, "grid", 0.3)
    return shape + _hill(row.group, at, middle, up=True) + _hill(row.reference, at, middle, up=False)


def _hill(bins: Sequence[SwarmBin], at: Scale, middle: int, *, up: bool) -> Markup:
    shape = Markup("")
    for one in bins:
        height = round(_HILL * min(max(one.share, 0.0), 1.0))
        if height:
            dark = 0.5 if one.rank is None else _FAINT + (_DARK - _FAINT) * one.rank
            left, right = at(one.low), at(one.high)
            shape += _box(left, middle - height if up else middle + 1, max(right - left - 0.1, 0.2), height, dark)
    return shape

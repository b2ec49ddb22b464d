"""Subgroups of two attributes as a map: one attribute down, the other across, a figure in each field."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import LEFT, RIGHT, clip, framed, place, text
from reports.pictures import MapCell, MapPicture

_ROW, _HEAD, _NAMES = 44, 26, 22.0  # pixels a row and of the head; percent for the names of the rows
_CHARACTERS = 90.0  # that the whole width of a telephone holds, about half of a desk's


def subgroup_map(picture: MapPicture, anchor: str) -> Markup:
    """Fields are darker the farther their figure lies on the side of harm; a line round those beyond a limit."""
    width = (RIGHT - LEFT - _NAMES) / max(len(picture.columns), 1)
    letters = max(int(_CHARACTERS * width / 200), 4)
    parts = [
        text(place(LEFT + _NAMES + width * (j + 0.5)), 17, clip(name, letters), "middle", small=True)
        for j, name in enumerate(picture.columns)
    ]
    for i, name in enumerate(picture.rows):
        top = _HEAD + _ROW * i
        parts.append(text(LEFT, top + 26, clip(name, int(_CHARACTERS * _NAMES / 200)), "start", small=True))
        for j in range(len(picture.columns)):
            parts.append(_field(picture.cells[i][j], place(LEFT + _NAMES + width * j), place(width), top))
    return framed(anchor, picture.title, picture.description, _HEAD + _ROW * len(picture.rows) + 4, parts)


def _field(cell: MapCell | None, x: float, width: float, top: int) -> Markup:
    if cell is None:
        return text(place(x + width / 2), top + 26, "–", "middle", small=True)
    edge = Markup(' stroke="currentColor" stroke-width="2.5"') if cell.beyond else ""
    shape = Markup('<rect class="field" x="{}%" y="{}" width="{}%" height="{}" fill-opacity="{}"{}/>').format(
        place(x + 0.3), top + 2, place(width - 0.6), _ROW - 4, round(0.04 + 0.2 * cell.weight, 2), edge
    )
    middle = place(x + width / 2)
    return (
        shape
        + text(middle, top + 20, cell.text, "middle", bold=cell.beyond)
        + text(middle, top + 35, cell.note, "middle", small=True)
    )

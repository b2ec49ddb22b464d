"""Subgroups of two attributes as a map: one attribute down, the other across, a figure in each field."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from reports.charts.frame import LEFT, RIGHT, framed, place, symbol, text
from reports.charts.lettering import ACROSS, clip, room, wrap
from reports.pictures import MapCell, MapPicture

_FIELD, _GAP, _LINE = 42, 5, 16  # pixels
_NAMES, _SHORT = 18.0, 8.0  # percent for the names of rows beside the fields; units of the longest that stands there
_SIGN = 2.6  # units of the sign of a verdict, with the space beside it


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the fields stand, in percent, and what they have room for: sign ``beside`` the figure, ``notes`` below.

    ``lifted`` says that the names of the rows stand above their fields.
    """

    left: float
    width: float
    letters: float
    lifted: bool
    beside: bool
    notes: bool

    @property
    def lift(self) -> int:
        return _LINE + 4 if self.lifted else 0

    @property
    def field(self) -> int:
        return _FIELD if self.beside or not self.notes else _FIELD + _LINE

    def start(self, column: int) -> float:
        return self.left + self.width * column


def subgroup_map(picture: MapPicture, anchor: str) -> Markup:
    """Fields are darker the farther their figure lies on the side of harm; a line round those beyond a limit."""
    grid = _grid(picture)
    heads = [wrap(name, grid.letters, 2) for name in picture.columns]
    top = _LINE * max(map(len, heads), default=1) + 8
    parts = [
        text(place(grid.start(j) + grid.width / 2), 13 + _LINE * k, words, "middle", small=True)
        for j, lines in enumerate(heads) for k, words in enumerate(lines)
    ]  # fmt: skip
    step = grid.field + _GAP + grid.lift
    for i, name in enumerate(picture.rows):
        y = top + step * i
        parts.append(_row_name(name, grid, y))
        for j, cell in enumerate(picture.cells[i]):
            parts.append(_field(cell, grid, j, y + grid.lift))
    return framed(anchor, picture.title, picture.description, top + step * len(picture.rows) + 2, parts)


def _grid(picture: MapPicture) -> _Grid:
    """Names of rows stand beside the fields where all are short, unless that takes the room for the notes."""
    lifted = _laid_out(picture, lifted=True)
    if any(room(name) > _SHORT for name in picture.rows):
        return lifted
    beside = _laid_out(picture, lifted=False)
    return beside if beside.notes or not lifted.notes else lifted


def _laid_out(picture: MapPicture, lifted: bool) -> _Grid:
    left = LEFT if lifted else LEFT + _NAMES
    width = (RIGHT - left) / max(len(picture.columns), 1)
    letters = (ACROSS + 2) * (width - 0.6) / 100 - 0.5
    cells = [cell for row in picture.cells for cell in row if cell is not None]
    beside = all(room(cell.text) + (_SIGN if cell.verdict else 0) <= letters for cell in cells)
    return _Grid(left, width, letters, lifted, beside, all(room(cell.note) <= letters + 0.5 for cell in cells))


def _row_name(name: str, grid: _Grid, top: int) -> Markup:
    if grid.lifted:
        return text(LEFT, top + 15, clip(name, ACROSS - 4), "start", small=True)
    return text(LEFT, top + grid.field // 2 + 4, name, "start", small=True)


def _field(cell: MapCell | None, grid: _Grid, column: int, top: int) -> Markup:
    x = grid.start(column)
    middle = place(x + grid.width / 2)
    if cell is None:
        return text(middle, top + grid.field // 2 + 4, "–", "middle", small=True)
    edge = Markup(' stroke="currentColor" stroke-width="2.5"') if cell.beyond else ""
    shape = Markup('<rect class="field" x="{}%" y="{}" width="{}%" height="{}" fill-opacity="{}"{}/>').format(
        place(x + 0.3), top, place(grid.width - 0.6), grid.field, round(0.04 + 0.3 * cell.weight, 2), edge
    )
    return shape + _words(cell, grid, middle, top)


def _words(cell: MapCell, grid: _Grid, middle: float, top: int) -> Markup:
    """Figure, sign of the verdict beside it or below, and how many people."""
    below = bool(cell.verdict) and not grid.beside
    line = top + (18 if grid.notes or below else 26)
    if cell.verdict and grid.beside:
        sign = symbol(middle, line - 11, -round(3.6 * room(cell.text)) - 9, cell.verdict)
    else:
        sign = symbol(middle, line + 6, -7, cell.verdict) if below else Markup("")
    found = text(middle, line, cell.text, "middle", bold=cell.beyond, aside=9 if cell.verdict and grid.beside else 0)
    note = text(middle, top + grid.field - 8, cell.note, "middle", small=True) if grid.notes else Markup("")
    return found + sign + note

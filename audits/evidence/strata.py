"""Strata as columns of a linear model: which levels occur, and which row of indicators belongs to each.

Columns of labels are crossed while at most ``CROSSED`` combinations occur, so that each combination has a level of its
own; beyond, the levels of each column add up. The first level is left out, since the constant stands for it. A
missing value is a level of its own. Beyond ``MOST`` indicators, or ``COMBINATIONS`` combinations, a model is refused
with a reason: a column that tells nearly all rows apart is no stratum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from checks.inputs.prepared import as_text
from checks.inputs.source import Source
from checks.sentence import said, template

if TYPE_CHECKING:
    import ibis.expr.types as ir

CROSSED, MOST, COMBINATIONS = 64, 128, 1024
_TOO_MANY = template("the strata have more than {most:,} combinations of levels, too many to compare within")
_TOO_MANY_LEVELS = template("the strata have {n:,} levels, more than the {most} that a model takes")
Level = str | None
Cell = tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Strata:
    """``cells`` are the combinations of levels that occur, sorted, missing ones last; ``indicators`` names columns.

    ``terms`` holds, for each sum of effects (one where crossed, else one a column), the levels with an indicator and
    its position.
    """

    columns: tuple[str, ...] = ()
    crossed: bool = True
    cells: tuple[Cell, ...] = ((),)
    indicators: tuple[str, ...] = ()
    terms: tuple[tuple[tuple[Cell, int], ...], ...] = ()

    def members(self, cell: Cell) -> tuple[int, ...]:
        """Positions of the indicators that are 1 in a cell."""
        if self.crossed:
            return tuple(place for term in self.terms for level, place in term if level == cell)
        return tuple(
            place for one, term in zip(cell, self.terms, strict=True) for level, place in term if level == (one,)
        )

    def effects(self, levels: Sequence[Any], coefficients: Sequence[float]) -> list[Any]:
        """The effects of a row's levels, one expression for each term."""
        import ibis

        return [
            ibis.cases(*((test, float(coefficients[place])) for test, place in term), else_=0.0)
            for term in self._tests(levels) if term
        ]  # fmt: skip

    def places(self, levels: Sequence[Any]) -> list[Any]:
        """The position of a row's indicator, one expression for each term; missing at a level that has none."""
        import ibis

        found = []
        for term in self._tests(levels):
            cases = [(test, ibis.literal(place, "int32")) for test, place in term]
            found += [ibis.cases(*cases, else_=ibis.null("int32"))] if cases else []
        return found

    def _tests(self, levels: Sequence[Any]) -> list[list[tuple[Any, int]]]:
        own = [list(levels)] if self.crossed else [[level] for level in levels]
        return [[(_is(part, cell), place) for cell, place in term] for part, term in zip(own, self.terms, strict=False)]

    def largest(self, coefficients: Sequence[float]) -> float:
        """The most that the effects of a row's levels can amount to."""
        return float(sum(max((abs(coefficients[place]) for _, place in term), default=0.0) for term in self.terms))


NONE = Strata()


def level_expressions(table: ir.Table, columns: Iterable[str]) -> list[Any]:
    """The level of each column as text."""
    return [as_text(table[name]) for name in columns]


def find_strata(source: Source, table: ir.Table, columns: Sequence[str]) -> Strata | str:
    """The strata that occur in ``table``, in one scan; or why they are too many for a model."""
    if not columns:
        return NONE
    keys = {f"s{i}": level for i, level in enumerate(level_expressions(table, columns))}
    grouped = table.group_by(**keys).aggregate(n=table.count()).select(*keys).limit(COMBINATIONS + 1)
    cells = sorted({_texts(row) for row in source.rows(grouped)}, key=_order)
    if len(cells) > COMBINATIONS:
        return said(_TOO_MANY, most=COMBINATIONS)
    if len(cells) <= CROSSED:
        return Strata(
            tuple(columns), True, tuple(cells) or ((),),
            tuple(" & ".join(map(_named, columns, cell)) for cell in cells[1:]),
            (tuple((cell, i) for i, cell in enumerate(cells[1:])),),
        )  # fmt: skip
    return _additive(tuple(columns), tuple(cells))


def _additive(columns: tuple[str, ...], cells: tuple[Cell, ...]) -> Strata | str:
    names: list[str] = []
    terms = []
    for k, column in enumerate(columns):
        levels = sorted({(cell[k],) for cell in cells}, key=_order)[1:]
        terms.append(tuple((level, len(names) + i) for i, level in enumerate(levels)))
        names += [_named(column, level[0]) for level in levels]
    if len(names) > MOST:
        return said(_TOO_MANY_LEVELS, n=len(names) + len(columns), most=MOST)
    return Strata(columns, False, cells, tuple(names), tuple(terms))


def _texts(row: Iterable[Any]) -> Cell:
    return tuple(None if value is None else str(value) for value in row)


def _order(cell: Cell) -> tuple[tuple[bool, str], ...]:
    return tuple((level is None, level or "") for level in cell)


def _named(column: str, level: Level) -> str:
    return f"{column} missing" if level is None else f"{column} = {level}"


def _is(levels: Sequence[Any], cell: Cell) -> Any:
    tests = [one.isnull() if level is None else one == level for one, level in zip(levels, cell, strict=True)]
    return reduce(and_, tests)


def spread(
    blocks: Iterable[tuple[Cell, Sequence[Sequence[int]]]],
    width: int,
    members: Callable[[Cell], tuple[int, ...]],
    n: int,
) -> list[list[int]]:
    """Σ z zᵀ over (constant, controls, ``n`` indicators) from Σ z zᵀ over the first ``width`` alone in each cell.

    An indicator is the constant within its cells. Whole numbers, so that no order of cells changes a sum.
    """
    total = [[0] * (width + n) for _ in range(width + n)]
    for cell, block in blocks:
        places = [(i, i) for i in range(width)] + [(width + i, 0) for i in members(cell)]
        for row, i in places:
            for column, j in places:
                total[row][column] += block[i][j]
    return total

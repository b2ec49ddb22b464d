"""Cells: how many rows have these labels and this decision. The GROUP BY runs in the engine.

A cell is a combination of labels (None where missing) and decision (1 favourable, 0 not,
None where missing or excluded by the contract) with its count, and, for each column that is to
be summed, the rows that have a value, Σv and Σv².
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audits.evidence.exact_sums import (
    Range,
    as_number,
    collect_ranges,
    is_light,
    limbs,
    scaled,
    total,
    total_of_whole,
    whole_and_square,
)
from audits.evidence.needs import CellsNeed, edge_of, union
from checks.inputs.grouping import group_rows
from checks.inputs.prepared import FAVOURABLE, as_text, group_column
from checks.inputs.pricing_columns import ADDED, DERIVED
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

Labels = tuple[str | None, ...]
Cell = tuple[Labels, int | None, int]
LARGEST_UNION = 2**20
FEWEST = 5  # sums of fewer rows may be the amounts of one person
_GROUP, _COLUMN, _KNOWN, _SUM, _SQUARES = "group:", "column:", "known:", "sum:", "squares:"


@dataclass(frozen=True, slots=True)
class Total:
    """Of one column in one cell: rows with a value, Σv, Σv²; the last is NaN for amounts that are only added up."""

    known: int
    sum: float
    squares: float


@dataclass(frozen=True, slots=True)
class Cells:
    """``cells`` holds (labels in the order of ``attributes`` and ``columns``, decision, count), sorted.

    ``totals`` has one tuple for each cell, in the order of ``sums``; it is empty without sums.
    """

    attributes: tuple[str, ...]
    cells: tuple[Cell, ...]
    columns: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    totals: tuple[tuple[Total, ...], ...] = ()
    decision: bool = True

    @property
    def rows(self) -> int:
        """Rows of the source behind all cells."""
        return sum(count for _, _, count in self.cells)

    @property
    def tells_persons(self) -> bool:
        """Whether sums of amounts stand in a cell of fewer than ``FEWEST`` rows, or are of fewer values."""
        few = any(count < FEWEST for _, _, count in self.cells)
        return bool(self.sums) and (few or any(0 < one.known < FEWEST for totals in self.totals for one in totals))

    def by(self, attribute: str) -> dict[tuple[str | None, int | None], int]:
        """Counts by one attribute's label and the decision."""
        index = self.attributes.index(attribute)
        counts: Counter[tuple[str | None, int | None]] = Counter()
        for labels, decision, count in self.cells:
            counts[labels[index], decision] += count
        return dict(counts)

    def serves(self, need: CellsNeed) -> bool:
        """Whether the need can be answered by adding cells up."""
        return (
            set(need.attributes) <= set(self.attributes) and set(need.columns) <= set(self.columns)
            and set(need.sums) <= set(self.sums) and need.decision <= self.decision
        )  # fmt: skip

    def project(self, need: CellsNeed) -> Cells:
        """The cells that a need asked for, added up. Σ are added with one rounding (``math.fsum``)."""
        here = [*(_GROUP + name for name in self.attributes), *(_COLUMN + name for name in self.columns)]
        asked = [*(_GROUP + name for name in need.attributes), *(_COLUMN + name for name in need.columns)]
        places = [here.index(name) for name in asked]
        members: dict[tuple[Labels, int | None], list[int]] = {}
        for i, (labels, decision, _) in enumerate(self.cells):
            key = tuple(labels[place] for place in places), decision if need.decision else None
            members.setdefault(key, []).append(i)
        found = [((labels, decision, sum(self.cells[i][2] for i in rows)),
                  tuple(self._added(name, rows) for name in need.sums))
                 for (labels, decision), rows in members.items()]  # fmt: skip
        return sorted_cells(need, found)

    def _added(self, name: str, rows: Sequence[int]) -> Total:
        parts = [self.totals[i][self.sums.index(name)] for i in rows]
        if len(parts) == 1:
            return parts[0]
        known = sum(part.known for part in parts)
        return Total(known, math.fsum(part.sum for part in parts), math.fsum(part.squares for part in parts))


def sorted_cells(need: CellsNeed, found: Iterable[tuple[Cell, tuple[Total, ...]]]) -> Cells:
    """Cells in the order of their labels, missing ones last."""
    ordered = sorted(found, key=lambda pair: _sort_key(pair[0]))
    return Cells(
        attributes=need.attributes,
        cells=tuple(cell for cell, _ in ordered),
        columns=need.columns,
        sums=need.sums,
        totals=tuple(totals for _, totals in ordered) if need.sums else (),
        decision=need.decision,
    )


def label_expressions(table: ir.Table, attributes: Iterable[str], columns: Iterable[str]) -> dict[str, ir.Value]:
    """The labels of attributes and the values of columns as text, over the prepared relation."""
    return {
        **{_GROUP + name: table[group_column(name)] for name in attributes},
        **{_COLUMN + name: as_text(_asked(table, name)) for name in columns},
    }


def _asked(table: ir.Table, name: str) -> ir.Value:
    """A column, or whether it lies above an edge. The cases make the engine group by the side and not by the value."""
    import ibis

    column, edge = edge_of(name)
    if edge is None:
        return table[column]
    number, limit = as_number(table[column]), ibis.literal(repr(edge), "string").cast("float64")
    zero, one = ibis.literal(0, "int8"), ibis.literal(1, "int8")
    return ibis.cases((number <= limit, zero), (number > limit, one), else_=ibis.null("int8"))


def collect_cells(source: Source, need: CellsNeed, ranges: Mapping[str, Range] | None = None) -> Cells:
    """One scan, after one for the ranges of summed columns. Without a decision column every decision is None."""
    if need.sums and ranges is None:
        ranges = collect_ranges(source, need.sums).by_column
    keys = label_expressions(source.table, need.attributes, need.columns)
    width = len(keys)
    decided = need.decision and FAVOURABLE in source.table.columns
    if decided:
        keys[FAVOURABLE] = source.table[FAVOURABLE]
    grouped = group_rows(source.table, keys, _figures(source, need.sums, ranges or {}))
    found = []
    for *values, count in ((*row[: len(keys)], *row[len(keys) + 1 :], row[len(keys)]) for row in source.rows(grouped)):
        labels = tuple(None if value is None else str(value) for value in values[:width])
        decision = None if not decided or values[width] is None else int(values[width])
        if count:  # without any key an empty relation still gives a row
            cell = (labels, decision, int(count))
            found.append((cell, _totals(need.sums, values[len(keys) :], ranges or {})))
    return sorted_cells(need, found)


def _figures(source: Source, sums: Sequence[str], ranges: Mapping[str, Range]) -> dict[str, Any]:
    import ibis

    figures: dict[str, Any] = {}
    for i, name in enumerate(sums):
        figures[f"known{i}"] = ibis.ifelse(source.table[name].notnull(), 1, 0)
        if name in DERIVED and is_light(ranges[name]):
            parts: tuple[Any, ...] = whole_and_square(source.table[name], ranges[name])
            parts = parts[:1] if name in ADDED else parts
        else:
            quotient = scaled(source.table[name], ranges[name])
            parts = limbs(quotient) if name in ADDED else (*limbs(quotient), *limbs(quotient * quotient, 3))
        figures |= {f"sum{i}_{k}": part for k, part in enumerate(parts)}
    return figures


def _totals(sums: Sequence[str], values: Sequence[Any], ranges: Mapping[str, Range]) -> tuple[Total, ...]:
    found = []
    rest = list(values)
    for name in sums:
        exponent, light = ranges[name].exponent, name in DERIVED and is_light(ranges[name])
        one, square = (1, 1) if light else (2, 3)
        width = 1 + one + (0 if name in ADDED else square)
        (known, *parts), rest = rest[:width], rest[width:]
        added = total_of_whole if light else total
        squares = math.nan if name in ADDED else added(parts[one:], 2 * exponent)
        sides = added(parts[:one], exponent), squares
        found.append(Total(int(known), *sides))
    return tuple(found)


def planned_cells(source: Source, needs: Sequence[CellsNeed]) -> tuple[CellsNeed, ...]:
    """The fewest scans: needs are joined while the cells of the union cannot exceed ``LARGEST_UNION``.

    The bound is the product of the numbers of labels, which the contract states or one scan counts.
    A need that is part of another costs nothing. Needs are taken in the order of their mention.
    """
    if not needs:
        return ()
    whole = union(needs)
    if len(needs) == 1:
        return (whole,)
    sizes = _sizes(source, whole)
    scans: list[CellsNeed] = []
    for need in sorted(needs, key=lambda one: -len(one.attributes) - len(one.columns)):
        for i, scan in enumerate(scans):
            joined = union([scan, need])
            grown = set(joined.attributes) != set(scan.attributes) or set(joined.columns) != set(scan.columns)
            if not grown or _bound(joined, sizes) <= LARGEST_UNION:
                scans[i] = joined
                break
        else:
            scans.append(union([need]))
    return tuple(scans)


def _sizes(source: Source, need: CellsNeed) -> dict[str, int]:
    """Different labels of each attribute and column, the missing one included."""
    declared = source.prepared.declared
    sizes = {_GROUP + name: len(declared[name]) + 1 for name in need.attributes if declared.get(name)}
    keys = label_expressions(source.table, need.attributes, need.columns)
    for name in [name for name in keys if name not in sizes]:
        grouped = group_rows(source.table, {name: keys[name]}, {})
        sizes[name] = int(source.rows(grouped.count())[0][0])
    return sizes


def _bound(need: CellsNeed, sizes: Mapping[str, int]) -> int:
    names = [*(_GROUP + name for name in need.attributes), *(_COLUMN + name for name in need.columns)]
    return math.prod(sizes[name] for name in names) * (3 if need.decision else 1)


def _sort_key(cell: Cell) -> tuple[tuple[tuple[bool, str], ...], tuple[bool, int]]:
    labels, decision, _ = cell
    return tuple((label is None, label or "") for label in labels), (decision is None, decision or 0)


def cells_to_csv(cells: Cells) -> str:
    """Text for a file that anyone can recompute from; a missing label or decision is written ``\\N``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [*(_GROUP + name for name in cells.attributes), *(_COLUMN + name for name in cells.columns)]
    sums = [kind + name for name in cells.sums for kind in (_KNOWN, _SUM, _SQUARES)]
    writer.writerow([*map(escaped, keys), *(["favourable"] if cells.decision else []), "rows", *sums])
    for i, (labels, decision, count) in enumerate(cells.cells):
        values: list[Any] = ["\\N" if label is None else escaped(label) for label in labels]
        values += ["\\N" if decision is None else decision] if cells.decision else []
        figures = [figure for one in (cells.totals[i] if cells.totals else ()) for figure in _written(one)]
        writer.writerow([*values, count, *figures])
    return text.getvalue()


def escaped(text: str) -> str:
    """A text without a carriage return, which a text file does not keep; the inverse of ``unescaped``."""
    return text.replace("\\", "\\\\").replace("\r", "\\r")


def unescaped(text: str) -> str:
    """The inverse of ``escaped``."""
    return re.sub(r"\\([\\r])", lambda match: "\\" if match[1] == "\\" else "\r", text)


def _written(one: Total) -> tuple[int, str, str]:
    return one.known, repr(one.sum), repr(one.squares)


def cells_from_csv(text: str) -> Cells:
    """The inverse of ``cells_to_csv``."""
    csv.field_size_limit(2**31 - 1)  # a label may be as long as the data make it
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    header = [unescaped(name) for name in header]
    attributes = [name.removeprefix(_GROUP) for name in header if name.startswith(_GROUP)]
    columns = [name.removeprefix(_COLUMN) for name in header if name.startswith(_COLUMN)]
    width = len(attributes) + len(columns)
    decided = header[width] == "favourable"
    sums = [name.removeprefix(_SUM) for name in header[width + decided + 1 :] if name.startswith(_SUM)]
    cells, totals = [], []
    for row in rows:
        labels = tuple(None if value == "\\N" else unescaped(value) for value in row[:width])
        decision = int(row[width]) if decided and row[width] != "\\N" else None
        cells.append((labels, decision, int(row[width + decided])))
        figures = row[width + decided + 1 :]
        totals.append(tuple(Total(int(figures[3 * i]), float(figures[3 * i + 1]), float(figures[3 * i + 2]))
                            for i in range(len(sums))))  # fmt: skip
    return Cells(
        tuple(attributes), tuple(cells), tuple(columns), tuple(sums), tuple(totals) if sums else (), bool(decided)
    )

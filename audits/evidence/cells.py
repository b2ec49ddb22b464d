"""Cells: how many rows have these labels and this decision. The GROUP BY runs in the engine.

A cell is a combination of labels (None where missing) and decision (1 favourable, 0 not,
None where missing or excluded by the contract) with its count.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

from audits.evidence.needs import CellsNeed
from checks.inputs.prepared import FAVOURABLE, group_column
from checks.inputs.source import Source

Cell = tuple[tuple[str | None, ...], int | None, int]


@dataclass(frozen=True, slots=True)
class Cells:
    """``cells`` holds (labels in the order of ``attributes``, decision, count), sorted."""

    attributes: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def rows(self) -> int:
        """Rows of the source behind all cells."""
        return sum(count for _, _, count in self.cells)

    def by(self, attribute: str) -> dict[tuple[str | None, int | None], int]:
        """Counts by one attribute's label and the decision."""
        index = self.attributes.index(attribute)
        counts: Counter[tuple[str | None, int | None]] = Counter()
        for labels, decision, count in self.cells:
            counts[labels[index], decision] += count
        return dict(counts)


def collect_cells(source: Source, need: CellsNeed) -> Cells:
    """One scan. A contract without decision gives cells whose decision is None."""
    columns = [group_column(name) for name in need.attributes]
    columns += [FAVOURABLE] if FAVOURABLE in source.table.columns else []
    grouped = source.table.group_by(columns).aggregate(n=source.table.count())
    cells = []
    for *values, count in source.rows(grouped):
        labels = tuple(None if value is None else str(value) for value in values[: len(need.attributes)])
        decision = values[-1] if len(values) > len(need.attributes) else None
        cells.append((labels, None if decision is None else int(decision), int(count)))
    return Cells(need.attributes, tuple(sorted(cells, key=_sort_key)))


def _sort_key(cell: Cell) -> tuple[tuple[tuple[bool, str], ...], tuple[bool, int]]:
    labels, decision, _ = cell
    return tuple((label is None, label or "") for label in labels), (decision is None, decision or 0)


def cells_to_csv(cells: Cells) -> str:
    """Text for a file that anyone can recompute from; a missing label or decision is written ``\\N``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(f"group:{name}" for name in cells.attributes), "favourable", "rows"])
    for labels, decision, count in cells.cells:
        values = ["\\N" if label is None else label.replace("\\", "\\\\") for label in labels]
        writer.writerow([*values, "\\N" if decision is None else decision, count])
    return text.getvalue()


def cells_from_csv(text: str) -> Cells:
    """The inverse of ``cells_to_csv``."""
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    attributes = tuple(name.removeprefix("group:") for name in header[:-2])
    cells = []
    for row in rows:
        labels = tuple(None if value == "\\N" else value.replace("\\\\", "\\") for value in row[:-2])
        cells.append((labels, None if row[-2] == "\\N" else int(row[-2]), int(row[-1])))
    return Cells(attributes, tuple(cells))

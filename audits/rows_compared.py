"""The rows behind a comparison of groups: those of the group and of its reference, from the source.

A comparison keeps no keys, since every row of both sides is behind it. They are read anew, whole where there are not
too many, or else those with the smallest hash of their unit, which are the same ones whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audits.fair_lending.intersections import CROSS
from audits.record import Measurement
from checks.inputs.prepared import as_text, group_column
from checks.inputs.program import AuditProgram
from checks.inputs.source import Source
from checks.problem import InputError, Problem

LABEL = "squaredeal_group"  # before the name of an attribute: the label that the audit read


def is_compared(m: Measurement) -> bool:
    """Whether a figure is of a group, so that the rows behind it are those of the group and its reference."""
    return m.attribute is not None and m.group is not None


def compared_rows(
    source: Source, program: AuditProgram, m: Measurement, most: int
) -> tuple[list[str], list[tuple[Any, ...]], int]:
    """Names of columns, rows of the group and then of its reference, and how many there are in the source.

    The contract's columns, and the label of each attribute as the audit read it. Where there are more than ``most``
    rows, those with the smallest hash of their unit. Raises ``InputError`` where the data hold no such labels, and for
    too many rows without a unit.
    """
    attributes = str(m.attribute).split(CROSS)
    table = source.table
    lacking = [name for name in attributes if group_column(name) not in table.columns]
    if lacking:
        raise InputError(Problem(
            "FINDING", f"a figure by {', '.join(lacking)}, which no column of the prepared data holds",
            "a figure that compares groups of the contract", "ask for the rows of another finding",
        ))  # fmt: skip
    wanted = [labels.split(CROSS) for labels in (m.group, m.reference) if labels is not None]
    both = None
    for labels in wanted:
        one = _all_of(table, attributes, labels)
        both = one if both is None else both | one
    kept = table.filter(both)
    many = int(source.rows(kept.count())[0][0])
    names = sorted(program.contract.columns_used())
    columns = {f"c{i}": kept[name] for i, name in enumerate(names)}
    columns |= {f"g{i}": kept[group_column(name)] for i, name in enumerate(attributes)}
    shown, unit = kept.select(**columns), program.contract.unit
    if many > most:
        if unit is None:
            raise InputError(Problem(
                "--most", f"{many:,} rows, and a contract that names no unit by which some could be drawn",
                f"at most {most:,} rows, or a unit", "name a larger --most, or add 'unit: COLUMN' to the contract",
            ))  # fmt: skip
        inner = source.backend.compile(kept.select(**columns, unit=as_text(kept[unit])))
        shown = f"SELECT {', '.join(columns)} FROM ({inner}) AS r ORDER BY md5(unit), unit LIMIT {int(most)}"
    rows = [tuple(row) for row in source.rows(shown)]
    headings = [*names, *(f"{LABEL}_{name}" for name in attributes)]
    return headings, sorted(rows, key=lambda row: _place(row, len(names), wanted)), many


def _all_of(table: Any, attributes: Sequence[str], labels: Sequence[str]) -> Any:
    """Rows with each of these labels; a crossing names one of each attribute."""
    found = None
    for name, label in zip(attributes, labels, strict=True):
        one = table[group_column(name)] == label
        found = one if found is None else found & one
    return found


def _place(row: tuple[Any, ...], width: int, wanted: Sequence[Sequence[str]]) -> tuple[int, str]:
    """The group before its reference, then in the order of the row's text."""
    return wanted.index([str(label) for label in row[width:]]), str(row[:width])

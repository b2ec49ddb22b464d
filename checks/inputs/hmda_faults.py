"""Where a register file breaks its form: the lines and cells that cannot be read, in the order of the file.

Read only when something is wrong: the file has then been refused as a whole, and a person must
be told where to look. A line is counted as an editor counts it, also where a quoted cell spans
several lines or a line is blank.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import contains, itemgetter
from pathlib import Path
from typing import Any

from checks.inputs.hmda_columns import RegisterColumn
from checks.inputs.yaml_reader import shortened
from checks.problem import Problem

LONGEST = 2_000_000  # bytes of a record
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Header:
    """How a file is laid out: its delimiter and the register's name of each of its columns, in its order."""

    delimiter: str
    names: tuple[str, ...]


def opened(file: str) -> Any:
    """The bytes of a file, unpacked."""
    opener: Callable[..., Any] = _OPENERS.get(Path(file).suffix, open)
    return opener(file, "rb")


def faults(file: str, header: Header, columns: Iterable[RegisterColumn]) -> Iterator[Problem]:
    """Every line and cell of a file that cannot be read, in its order. ``columns`` are those looked at."""
    looked_at = [column for column in columns if column.name in header.names]
    places = [header.names.index(column.name) for column in looked_at]
    coded = [(place, column) for place, column in zip(places, looked_at, strict=True) if not column.pattern]
    free = [(place, column) for place, column in zip(places, looked_at, strict=True) if column.pattern]
    fits = [(place, frozenset(column.words), re.compile(column.pattern).fullmatch) for place, column in free]
    words = [frozenset(column.words) for _, column in coded]
    pick: Callable[[Sequence[str]], Any] = itemgetter(*(place for place, _ in coded))
    with opened(file) as stream:
        records = _records(stream)
        next(records, None)
        for line, record in records:
            cells, problem = _cells(f"{file}, line {line:,}", record, header)
            if problem:
                yield problem
                continue
            if all(map(contains, words, pick(cells))) and all(
                cells[place] in few or fit(cells[place]) for place, few, fit in fits
            ):
                continue
            for place, column in sorted([*coded, *free], key=itemgetter(0)):
                if not column.allows(cells[place]):
                    yield _cell_problem(f"{file}, line {line:,}, column '{column.name}'", cells[place], column)


def _records(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each record with the number of its first line. Blank lines are counted and left out."""
    pending, start, quotes = b"", 0, 0
    for number, line in enumerate(lines, 1):
        quotes += line.count(b'"')
        if not pending:
            start = number
        if quotes % 2 and len(pending) < LONGEST:
            pending += line
            continue
        record, pending, quotes = pending + line, b"", 0
        if record.strip(b"\r\n"):
            yield start, record
    if pending:
        yield start, pending


def _cells(where: str, record: bytes, header: Header) -> tuple[list[str], Problem | None]:
    remedy = "mend that line, or fetch the file again"
    if record.count(b'"') % 2:
        return [], Problem(where, "a quotation mark that is not closed", 'a second " at the end of the cell', remedy)
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"bytes that are not UTF-8 (byte {error.start + 1} of the line)"
        return [], Problem(where, found, "UTF-8 text", "save the file as UTF-8, or fetch it again")
    if '"' in text:
        try:
            cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=header.delimiter, strict=True))
        except csv.Error as error:
            return [], Problem(where, f"quotation marks out of place ({error})", "cells quoted whole", remedy)
    else:
        cells = text.rstrip("\r\n").split(header.delimiter)
    if len(cells) != len(header.names):
        expected = f"{len(header.names)} fields, as in its header"
        if len(cells) > len(header.names):
            remedy = "mend that line: a cell with a separator in it, such as a thousands separator, must be quoted"
        return [], Problem(where, f"{len(cells)} fields", expected, remedy)
    return cells, None


def _cell_problem(where: str, cell: str, column: RegisterColumn) -> Problem:
    bare = cell.replace(",", "").strip()
    if bare != cell and column.allows(bare):
        sign = "separator of thousands" if "," in cell else "space around it"
        remedy = f"write it without the {sign}: {bare or 'nothing'}"
    elif column.codes:
        remedy = "correct the cell, or fetch the file again; a code that is new in the register needs a new Squaredeal"
    else:
        remedy = "correct the cell, or fetch the file again"
    return Problem(where, f"'{shortened(cell)}'" if cell else "nothing", column.expected, remedy)

"""The collector: needs of all questions in, files of aggregates out, and back.

The files are what travels with a report: cells as CSV, moments as JSON. ``Evidence`` is all
that a question sees; no question touches a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audits.evidence.cells import Cells, cells_from_csv, cells_to_csv, collect_cells
from audits.evidence.needs import MomentsNeed, Need, merge
from audits.record import DataRecord, EvidenceFile, digest_of
from checks.inputs.source import Source
from checks.problem import InputError, Problem

if TYPE_CHECKING:
    from audits.evidence.moments import Moments

CELLS_FILE = "cells.csv"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Aggregates of a run. Methods raise ``KeyError`` for what no question declared."""

    folder: Path
    data: DataRecord

    def cells(self) -> Cells:
        """The cells over all attributes that any question needs."""
        return cells_from_csv((self.folder / CELLS_FILE).read_text(encoding="utf-8"))

    def moments(self, need: MomentsNeed) -> Moments:
        """The moments of one need."""
        from audits.evidence.moments import moments_from_json

        file = self.folder / _moments_file(need)
        if not file.exists():
            raise KeyError(f"no moments were collected for {need}")
        return moments_from_json(file.read_text(encoding="utf-8"))


def collect(source: Source, needs: Iterable[Need], folder: Path, rows: int) -> tuple[EvidenceFile, ...]:
    """Collect into ``folder``. Raises ``InputError`` when the data no longer have ``rows`` rows."""
    from audits.evidence.moments import collect_moments, moments_to_json

    folder.mkdir(parents=True, exist_ok=True)
    cells_need, moments_needs = merge(needs)
    files = []
    if cells_need:
        cells = collect_cells(source, cells_need)
        _unchanged(rows, cells.rows)
        files.append(_write(folder / CELLS_FILE, cells_to_csv(cells), cells.rows))
    for need in moments_needs:
        moments = collect_moments(source, need)
        _unchanged(rows, moments.rows)
        files.append(_write(folder / _moments_file(need), moments_to_json(moments), sum(moments.counts)))
    return tuple(files)


def _moments_file(need: MomentsNeed) -> str:
    digest = digest_of("\x1f".join(need.controls).encode()).removeprefix("sha256:")
    return f"moments-{need.attribute}-{digest[:8]}.json"


def _write(file: Path, text: str, rows: int) -> EvidenceFile:
    content = text.encode()
    file.write_bytes(content)
    return EvidenceFile(file.name, digest_of(content), rows)


def _unchanged(before: int, now: int) -> None:
    if before != now:
        raise InputError(Problem(
            "the source", f"{now} rows where {before} were counted at the start",
            "data that stay as they are during a run",
            "run again when the job that writes the data has ended",
        ))  # fmt: skip

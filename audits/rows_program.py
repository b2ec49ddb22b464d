"""Whether a program file still says what the program of a run said of its rows.

The figures of a run are of its contract. Rows read under another one, with another unit, other groups or another
currency, would be rows of something else under the name of the run's finding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.comparing.inputs import places_of
from audits.record import AuditRun
from audits.run import program_record
from checks.inputs.files import existing_files
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem, listed

_OF_ROWS = ("contract", "product_rules", "payments")  # what says which rows there are, and what they are


def refuse_other_program(run: AuditRun, program: AuditProgram) -> None:
    """Raise ``InputError``, with what differs, where rows read by ``program`` are not those of the run.

    Its name, and all of its content that speaks of rows, must be as recorded; address, questions, packs and titles may
    differ.
    """
    if program.name != run.program.name:
        raise InputError(Problem(
            str(program.file), f"the program '{program.name}'", f"the program of the run, '{run.program.name}'",
            "name its file with --program",
        ))  # fmt: skip
    recorded, told = _of_rows(run.program.content), _of_rows(program_record(program).content)
    differing = [
        f"{place}: {_text(recorded, place)} in the run, {_text(told, place)} in the file"
        for place in dict.fromkeys((*recorded, *told)) if recorded.get(place) != told.get(place)
    ]  # fmt: skip
    if differing:
        raise InputError(Problem(
            str(program.file), f"a program that says other things of the rows than the run's: {listed(differing, 8)}",
            "the program as it was run", "restore the file, or run the program again and take a finding of the new run",
        ))  # fmt: skip


def files_behind(program: AuditProgram) -> list[Path]:
    """The program's file and the files of its data, as far as it names them."""
    table = program.source.table or ""
    address = program.source.connection.removeprefix("duckdb://").removeprefix("/")
    payments = program.contract.payments
    named = [table, "" if "://" in address else address, payments.file if payments else ""]
    found = [program.file]
    for pattern in named:
        if pattern and "://" not in pattern:
            with contextlib.suppress(InputError):
                found += map(Path, existing_files(program, pattern, "source"))
    return found


def _of_rows(content: Mapping[str, Any]) -> dict[str, Any]:
    return places_of({key: content[key] for key in _OF_ROWS if content.get(key) is not None})


def _text(places: Mapping[str, Any], place: str) -> str:
    return repr(places[place]) if place in places else "nothing"

"""The rows behind a counted finding, fetched from the source by whoever has its credentials.

A record holds numbers and no row. The keys of the rows beyond a limit lie in the run's ``restricted`` folder; the rows
themselves are read from the source anew, and only while its data are the ones that were judged.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audits.evidence.collect import RESTRICTED, beyond_file
from audits.parts import PARTS
from audits.policies.in_force import ALL
from audits.record import AuditRun, Finding, digest_of
from audits.run import ORIGIN_FILE, read_run
from checks.inputs.fingerprint import fingerprint
from checks.inputs.period import read_period
from checks.inputs.prepared import as_text
from checks.inputs.program import AuditProgram, read_program
from checks.inputs.source import ConnectionResolver, Source, environment_connection, open_source
from checks.problem import InputError, Problem, listed

FIGURE = "squaredeal_figure"
_SHORTEST = 6


def rows_beyond(
    folder: Path, finding: str, program_file: Path | None = None,
    resolve: ConnectionResolver = environment_connection,
) -> tuple[str, int]:  # fmt: skip
    """CSV text of the rows beyond a finding's limit, and their number: the contract's columns and the figure, by key.

    ``finding`` is its identifier or the beginning of it. Raises ``InputError`` for a finding that counts no rows, for
    keys that are not there or were changed, and for a source whose data are no longer those of the run.
    """
    run, judgement = read_run(folder)
    found = _finding(judgement.findings, finding, folder)
    keys = _keys(run, found, folder)
    program = read_program(program_file or _program_of(folder))
    with open_source(program, read_period(run.data.period), resolve) as source:
        if fingerprint(source, program).digest != run.data.fingerprint:
            raise InputError(Problem(
                "the source", "other data than those of the run", "the data that were judged",
                "restore them, or run the program again and ask for the rows of the new run",
            ))  # fmt: skip
        return _csv(source, program, keys), len(keys)


def _finding(findings: Sequence[Finding], asked: str, folder: Path) -> Finding:
    matching = [one for one in findings if one.finding_id.startswith(asked)] if len(asked) >= _SHORTEST else []
    counted = [one for one in findings if one.measurement.beyond]
    told = listed([f"{one.finding_id} ({one.rule.id}, {one.verdict})" for one in counted], 20)
    if len(matching) != 1:
        raise InputError(Problem(
            "FINDING", f"'{asked}', which names {len(matching)} findings of {folder}",
            f"the identifier of one that counts cases, or its first {_SHORTEST} signs: {told or 'there is none'}",
            "take one from the page or from judgement.json",
        ))  # fmt: skip
    if not matching[0].measurement.beyond:
        raise InputError(Problem(
            "FINDING", f"{matching[0].finding_id} ({matching[0].rule.id}), of which no keys of rows are kept",
            f"a finding that keeps them: {told or 'there is none'}",
            "ask for one of these; comparisons of groups, and counts over the loans of one borrower, keep none",
        ))  # fmt: skip
    return matching[0]


def _keys(run: AuditRun, finding: Finding, folder: Path) -> list[tuple[str, float]]:
    """The keys of the rows beyond the finding's own limit, with their figures."""
    import pyarrow.parquet as pq

    m, rule = finding.measurement, finding.rule
    if not dict(m.beyond).get(rule.limit, 1):
        return []
    home = "" if m.segment == ALL else f"{PARTS}/{m.segment}/"
    name = f"{home}{RESTRICTED}/{beyond_file(m.measure)}"
    recorded = next((file for file in run.evidence if file.name == name), None)
    file = folder / name
    if recorded is None:
        raise InputError(Problem(
            str(folder), f"no keys of the rows behind {finding.finding_id}",
            "a contract that names the 'unit' of its rows",
            "add 'unit: COLUMN' to the contract and run the program again",
        ))  # fmt: skip
    if not file.is_file() or digest_of(file.read_bytes()) != recorded.digest:
        raise InputError(Problem(
            str(file), "keys that are missing or are not those of the run", "the file as the run wrote it",
            "restore the run's 'restricted' folder, or run the program again",
        ))  # fmt: skip
    table = pq.read_table(file)
    sign = 1.0 if rule.comparison == "at_most" else -1.0
    rows = zip(table.column("unit").to_pylist(), table.column("figure").to_pylist(), strict=True)
    return [(unit, figure) for unit, figure in rows if sign * figure > sign * rule.limit]


def _program_of(folder: Path) -> Path:
    try:
        return Path(json.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))["program"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(Problem(
            str(folder / ORIGIN_FILE), "no note of the program that was run", "the file that the run wrote",
            "name the program file with --program",
        )) from None  # fmt: skip


def _csv(source: Source, program: AuditProgram, keys: list[tuple[str, float]]) -> str:
    """Rows of these keys, by batches of keys, so that no statement grows beyond what an engine reads."""
    figures = dict(keys)
    names = sorted(program.contract.columns_used())
    unit = as_text(source.table[str(program.contract.unit)])
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(keys), 5000):
        some = [key for key, _ in keys[start : start + 5000]]
        columns = {f"c{i}": source.table[name] for i, name in enumerate(names)}
        found += source.rows(source.table.filter(unit.isin(some)).select(key=unit, **columns))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, FIGURE])
    for key, *values in sorted(found, key=lambda row: str(row[0])):
        writer.writerow([*values, f"{figures[str(key)]:.12g}"])
    return text.getvalue()

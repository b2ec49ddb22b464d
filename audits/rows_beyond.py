"""The rows behind a finding, fetched from the source by whoever has its credentials.

A record holds numbers and no row. The keys of the rows beyond a limit lie in the run's ``restricted`` folder; behind a
comparison are the rows of both groups (``rows_compared``). The rows themselves are read from the source anew, and only
while its data are the ones that were judged. Where a rule says what a case might have cost, the money beyond it stands
beside each row, and the sums by customer in a file of their own: they are of persons, and no record or page holds them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audits.environment import code_digest
from audits.evidence.census import money_column
from audits.evidence.collect import RESTRICTED, beyond_file
from audits.parts import PARTS
from audits.policies.in_force import ALL
from audits.record import AuditRun, Finding, digest_of
from audits.rows_compared import compared_rows, is_compared
from audits.rows_csv import csv_text
from audits.rows_program import refuse_other_program
from audits.run import read_run
from audits.staging import ORIGIN_FILE
from checks.inputs.fingerprint import fingerprint
from checks.inputs.period import read_period
from checks.inputs.prepared import as_text
from checks.inputs.program import AuditProgram, read_program
from checks.inputs.source import ConnectionResolver, Source, environment_connection, open_source
from checks.problem import InputError, Problem, listed

FIGURE, MONEY, CURRENCY, ROWS = "squaredeal_figure", "squaredeal_money", "squaredeal_currency", "squaredeal_rows"
_SHORTEST, MOST = 6, 1_000_000


@dataclass(frozen=True, slots=True)
class Beyond:
    """The row of a ``key`` beyond a limit: its figure, and its money beyond the limit where a rule fixes that."""

    key: str
    figure: float
    money: float | None = None


@dataclass(frozen=True, slots=True)
class FetchedRows:
    """``rows`` rows as CSV ``text``, and as ``values`` under ``headings`` in the types of the source.

    ``by_entity`` are the sums by entity as CSV, where they were asked for. ``without_entity`` rows have no entity and
    are in no sum; ``without_money`` is their money by currency. ``of`` rows are behind the finding, where not all are
    here; ``compared`` says that they are those of the groups that a figure compares.
    """

    text: str
    rows: int
    headings: tuple[str, ...] = ()
    values: tuple[tuple[Any, ...], ...] = ()
    by_entity: str = ""
    entities: int = 0
    without_entity: int = 0
    without_money: tuple[tuple[str, float], ...] = ()
    of: int | None = None
    compared: bool = False


def rows_beyond(
    folder: Path, finding: str, program_file: Path | None = None,
    resolve: ConnectionResolver = environment_connection,
) -> tuple[str, int]:  # fmt: skip
    """``fetched``'s rows as CSV text, and their number."""
    found = fetched(folder, finding, program_file, resolve)
    return found.text, found.rows


def fetched(
    folder: Path, finding: str, program_file: Path | None = None,
    resolve: ConnectionResolver = environment_connection, *, by_entity: bool = False, most: int = MOST,
) -> FetchedRows:  # fmt: skip
    """The rows beyond a finding's limit, by key: the contract's columns, the figure and the money beyond the limit.

    Of a comparison of groups, which counts no cases, the rows of both: at most ``most``, drawn by the hash of their
    unit. ``finding`` is its identifier or the beginning of it. Raises ``InputError`` for a finding on all rows that
    counts none, for keys that are not there or were changed, for a program that says other things of the rows, for a
    source whose data are no longer those of the run, for keys that do not name one row each, and for sums by entity
    where the contract names none or no rule says what a case might have cost.
    """
    run, judgement = read_run(folder)
    found = _finding(judgement.findings, finding, folder)
    counted = bool(found.measurement.beyond)
    keys = _keys(run, found, folder) if counted else []
    program = read_program(program_file or program_of(folder))
    if by_entity:
        _can_be_summed(found, keys, program)
    refuse_other_program(run, program)
    with open_source(program, read_period(run.data.period), resolve) as source:
        if fingerprint(source, program).digest != run.data.fingerprint:
            raise InputError(_other_data(run))
        if not counted:
            names, both, many = compared_rows(source, program, found.measurement, most)
            return FetchedRows(csv_text([names, *both]), len(both), tuple(names), tuple(both), of=many, compared=True)
        names, rows = _rows(source, program, keys)
    if [key for key, _ in rows] != sorted(one.key for one in keys):
        raise InputError(Problem(
            str(program.contract.unit), f"{len(rows):,} rows of {len(keys):,} keys", "one row for each key",
            "name a unit that each row has once in the contract, and run the program again",
        ))  # fmt: skip
    currencies = _currencies(found, program, names, [values for _, values in rows])
    told = _told(names, rows, keys, currencies)
    if not by_entity:
        return told
    return _with_sums(told, names, rows, keys, currencies, str(program.contract.entity))


def _other_data(run: AuditRun) -> Problem:
    """Data that are not those of the run; other code may also write down the same data in another way."""
    expected = "the data that were judged"
    if run.environment.get("code") != code_digest():
        expected = "the data that were judged, read by the code of the run (Squaredeal's code has changed since)"
    return Problem(
        "the source", "other data than those of the run", expected,
        "restore them, or run the program again and ask for the rows of the new run",
    )  # fmt: skip


def _can_be_summed(finding: Finding, keys: Sequence[Beyond], program: AuditProgram) -> None:
    if not program.contract.entity:
        raise InputError(Problem(
            "--by-entity", "a contract that names no entity", "the column that tells customers apart",
            "add 'entity: COLUMN' to the contract and run the program again, or ask for the rows alone",
        ))  # fmt: skip
    if not finding.measurement.beyond or (keys and all(one.money is None for one in keys)):
        raise InputError(Problem(
            "--by-entity", f"{finding.finding_id} ({finding.rule.id}), which fixes no price or cost to compare with",
            "a finding on renewals above their new-customer price, a cap on cost, or charges that a sheet leaves out",
            "ask for the rows alone; what an estimate says of the book says nothing about one customer",
        ))  # fmt: skip


def _finding(findings: Sequence[Finding], asked: str, folder: Path) -> Finding:
    matching = [one for one in findings if one.finding_id.startswith(asked)] if len(asked) >= _SHORTEST else []
    counted = [one for one in findings if one.measurement.beyond]
    told = listed([f"{one.finding_id} ({one.rule.id}, {one.verdict})" for one in counted], 20)
    if len(matching) != 1:
        raise InputError(Problem(
            "FINDING", f"'{asked}', which names {len(matching)} findings of {folder}",
            f"the identifier of one that counts cases or compares groups, or its first {_SHORTEST} signs; cases are "
            f"counted by: {told or 'none'}",
            "take one from the page or from judgement.json",
        ))  # fmt: skip
    if not matching[0].measurement.beyond and not is_compared(matching[0].measurement):
        raise InputError(Problem(
            "FINDING", f"{matching[0].finding_id} ({matching[0].rule.id}), of which no keys of rows are kept",
            f"a finding on a group, or one that keeps them: {told or 'there is none'}",
            "ask for one of these; figures of all rows, and counts over the loans of one borrower, keep none",
        ))  # fmt: skip
    return matching[0]


def _keys(run: AuditRun, finding: Finding, folder: Path) -> list[Beyond]:
    """The keys of the rows beyond the finding's own limit, with their figures and their money beyond it."""
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
    amounts = money_column(rule.limit)
    money = table.column(amounts).to_pylist() if amounts in table.column_names else [None] * len(table)
    rows = zip(table.column("unit").to_pylist(), table.column("figure").to_pylist(), money, strict=True)
    return [Beyond(*row) for row in rows if sign * row[1] > sign * rule.limit]


def program_of(folder: Path) -> Path:
    """The program file that the run of a folder was made with. Raises ``InputError`` where it is not noted."""
    try:
        return Path(json.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))["program"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(Problem(
            str(folder / ORIGIN_FILE), "no note of the program that was run", "the file that the run wrote",
            "name the program file with --program",
        )) from None  # fmt: skip


def _rows(
    source: Source, program: AuditProgram, keys: Sequence[Beyond]
) -> tuple[list[str], list[tuple[str, tuple[Any, ...]]]]:
    """The contract's columns, and the rows of these keys in order of the key.

    Read by batches of keys, so that no statement grows beyond what an engine reads.
    """
    names = sorted(program.contract.columns_used())
    unit = as_text(source.table[str(program.contract.unit)])
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(keys), 5000):
        some = [one.key for one in keys[start : start + 5000]]
        columns = {f"c{i}": source.table[name] for i, name in enumerate(names)}
        found += source.rows(source.table.filter(unit.isin(some)).select(key=unit, **columns))
    return names, [(str(key), tuple(values)) for key, *values in sorted(found, key=lambda row: str(row[0]))]


def _currencies(
    finding: Finding, program: AuditProgram, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> list[str]:
    """The currency of each row: the declared one, or what its column says; empty where neither is there."""
    contract = program.contract
    of_loans = finding.harm == "predatory_lending"
    named = contract.loan_form.currency if of_loans else contract.currency
    column = contract.loan_form.currency_column if of_loans else contract.currency_column
    if named or column is None:
        return [named or ""] * len(rows)
    place = names.index(column)
    return ["" if row[place] is None else str(row[place]) for row in rows]


def _told(
    names: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]], keys: Sequence[Beyond], currencies: Sequence[str]
) -> FetchedRows:
    """The rows with their figures, and with their money where a rule fixes it."""
    by_key = {one.key: one for one in keys}
    money = any(one.money is not None for one in keys)
    headings = [*names, FIGURE, *([MONEY, CURRENCY] if money else [])]
    lines: list[Sequence[Any]] = [headings]
    told: list[tuple[Any, ...]] = []
    for (key, values), currency in zip(rows, currencies, strict=True):
        one = by_key[key]
        lines.append([*values, f"{one.figure:.12g}", *([_amount(one.money), currency] if money else [])])
        told.append((*values, one.figure, *([one.money, currency] if money else [])))
    return FetchedRows(csv_text(lines), len(rows), tuple(headings), tuple(told))


def _amount(money: float | None) -> str:
    return "" if money is None else f"{money:.4f}"


def _with_sums(
    told: FetchedRows, names: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]], keys: Sequence[Beyond],
    currencies: Sequence[str], entity: str,
) -> FetchedRows:  # fmt: skip
    """Sums by entity and currency, those of the largest sum first: amounts of several currencies are never added."""
    place, by_key = names.index(entity), {one.key: one for one in keys}
    sums: dict[tuple[str, str], list[float]] = {}
    nobody: dict[str, list[float]] = {}
    for (key, values), currency in zip(rows, currencies, strict=True):
        amount = by_key[key].money or 0.0
        if values[place] is None:
            nobody.setdefault(currency, []).append(amount)
        else:
            sums.setdefault((str(values[place]), currency), []).append(amount)
    ordered = sorted(((math.fsum(amounts), who, len(amounts)) for who, amounts in sums.items()), key=_largest_first)
    lines: list[Sequence[Any]] = [
        [entity, ROWS, MONEY, CURRENCY],
        *([who[0], n, _amount(total), who[1]] for total, who, n in ordered),
    ]
    return replace(
        told, by_entity=csv_text(lines), entities=len({who for who, _ in sums}),
        without_entity=sum(map(len, nobody.values())),
        without_money=tuple((currency, math.fsum(amounts)) for currency, amounts in sorted(nobody.items())),
    )  # fmt: skip


def _largest_first(one: tuple[float, tuple[str, str], int]) -> tuple[float, tuple[str, str]]:
    return -one[0], one[1]

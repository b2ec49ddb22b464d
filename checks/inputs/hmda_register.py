"""The public HMDA loan/application register, read into typed columns in the one pass that checks its cells.

Question: what do the cells of a register file say? Harm of guessing: a code, a band or an
``Exempt`` that is taken for a number or a group changes figures and nobody sees it. Every cell is
either a legal value of its column or stops the run; DuckDB checks and converts while it reads the
file (``hmda_select``), and only the columns that the contract names are kept, as Parquet. When it refuses, the file
is read once more by ``hmda_faults``, which finds the line, the column and the cell.

Groups that are not available become missing labels, numbers stay what they are, bands stay
labels. Cells that a small lender need not report are missing too, and counted by column.
"""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from checks.inputs.files import existing_files, package_file, quoted, unpacked_file
from checks.inputs.hmda_columns import COLUMNS, YEAR, RegisterColumn, checked, known_as
from checks.inputs.hmda_faults import Header, faults, opened
from checks.inputs.hmda_select import EXEMPT, can_be_exempt, select_of
from checks.inputs.opened import address_of
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem, listed, nearest, suggest

_SHOWN, _MOST = 5, 1000
_MEMORY = "1GB"  # while the file is read: what is kept goes to disk, so more would only be a cache


def load_register(program: AuditProgram, connection: Any, folder: Path, view: str) -> dict[str, int]:
    """Read the program's register files, typed and checked, into a Parquet file of the folder and a view over it.

    Returns by column how many cells were exempt. Raises ``InputError`` with the first cells that
    cannot be read, by line and column.
    """
    import duckdb

    names = program.contract.columns_used()
    _refuse_unknown(program)
    given = _files(program)
    files = {file: unpacked_file(file, folder, i) for i, file in enumerate(given)}
    headers = _headers(files)
    columns = checked(names)
    used = tuple(COLUMNS[name] for name in COLUMNS if name in names)
    file = str(folder / "register.parquet")
    select = " UNION ALL ".join(select_of(group, headers[group[0]], used, columns) for group in _alike(files, headers))
    connection.raw_sql("SET preserve_insertion_order = false")
    if not os.environ.get("SQUAREDEAL_MEMORY"):
        connection.raw_sql(f"SET memory_limit = '{_MEMORY}'")
    try:
        connection.raw_sql(f"COPY ({select}) TO {quoted(file)} (FORMAT parquet)")
    except duckdb.Error as error:
        found = _found(program, files, headers, columns)
        if found := found or _other_endings(files):
            raise found from None
        raise error
    connection.raw_sql(f"CREATE VIEW {view} AS SELECT * FROM read_parquet({quoted(file)})")
    return _exempt(connection, view, used)


def _files(program: AuditProgram) -> list[str]:
    table = str(program.source.table)
    files = [package_file(program, table)] if table.startswith("package://") else existing_files(
        program, table, "source.table"
    )  # fmt: skip
    binary = [file for file in files if file.endswith((".parquet", ".pq", ".zst", ".zip", ".xlsx"))]
    if binary:
        raise InputError(Problem(
            program.where("source.table"), listed(binary), "the register as text, plain or packed as .gz, .bz2 or .xz",
            "unpack or convert it; a table that is no register any more goes without 'format: hmda'",
        ))  # fmt: skip
    return files


def _refuse_unknown(program: AuditProgram) -> None:
    unknown = {name: places for name, places in program.contract.columns_used().items() if name not in COLUMNS}
    if unknown:
        raise InputError(
            Problem(
                program.where(f"contract.{places[0]}"), f"column '{name}'", "a column of the public register",
                suggest(name, COLUMNS).replace("listed as expected", "in docs/hmda.md"),
            )
            for name, places in unknown.items()
        )  # fmt: skip


def _headers(files: dict[str, str]) -> dict[str, Header]:
    headers: dict[str, Header] = {}
    problems: list[Problem] = []
    for file, readable in files.items():
        try:
            headers[readable] = read_header(file, readable)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return headers


def read_header(file: str, readable: str) -> Header:
    """The layout of a register file. Raises ``InputError`` for any other file, by the name of each column."""
    try:
        with opened(readable) as stream:
            first = stream.readline(1 << 20)
        text = first.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        found = f"bytes that are not UTF-8 (byte {error.start + 1})"
        raise InputError(
            Problem(f"{file}, line 1", found, "a header in UTF-8", "save it as UTF-8, or fetch it again")
        ) from None
    except (OSError, EOFError) as error:
        raise InputError(
            Problem(file, f"it cannot be read ({error})", "a whole file", "fetch the file again")
        ) from None
    delimiter = "|" if text.count("|") > text.count(",") else ","
    given = _names(f"{file}, line 1", text, delimiter)
    if not any(known_as(name) for name in given):
        raise InputError(_no_header(file, given, delimiter))
    problems = _header_problems(f"{file}, line 1", given)
    if problems:
        raise InputError(problems)
    return Header(delimiter, tuple(str(known_as(name)) for name in given))


def _names(where: str, text: str, delimiter: str) -> list[str]:
    if "\r" in text:
        raise InputError(Problem(
            where, "lines that end in carriage returns alone", "lines that end in LF or CRLF",
            "convert the line ends, or fetch the file again",
        ))  # fmt: skip
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error as error:
        raise InputError(Problem(
            where, f"a header that cannot be read as CSV ({error})", "names separated by commas, lines that end in LF "
            "or CRLF", "convert the file, or fetch it again",
        )) from None  # fmt: skip


def _no_header(file: str, given: Sequence[str], delimiter: str) -> Problem:
    if delimiter == "|":
        return Problem(
            f"{file}, line 1", f"{len(given)} fields separated by '|', as in the file that a lender submits",
            "the public register: a header with 99 names, separated by commas",
            "take the public file; or give the submission's 110 fields a header of their own, save them as CSV, leave "
            "'format' out and write the contract by hand: action taken as decision, race, ethnicity, sex and exact age "
            "as groups with labels for their codes, scores and ratios as controls",
        )  # fmt: skip
    found = "nothing" if not any(given) else f"no name of a column but {listed(given, 3)}"
    return Problem(
        f"{file}, line 1", found, f"the header of the public register: {listed(tuple(COLUMNS), 3)}",
        "put the header back, or fetch the file again",
    )  # fmt: skip


def _header_problems(where: str, given: Sequence[str]) -> list[Problem]:
    known = [known_as(name) for name in given]
    missing = [name for name in COLUMNS if name not in known]
    unknown = [name for name, meant in zip(given, known, strict=True) if meant is None]
    twice = [name for i, name in enumerate(known) if name and name in known[:i]]
    problems = []
    for name in unknown:
        close = nearest(name, missing)
        remedy = f"is '{close}' meant?" if close else "remove the column"
        problems.append(Problem(where, f"a column '{name}'", "the 99 columns of the public register alone", remedy))
    for name in twice:
        problems.append(Problem(where, f"the column '{name}' twice", "each column once", "remove one of the two"))
    if missing:
        problems.append(Problem(
            where, f"no column {listed(missing)}", "the 99 columns of the public register, in any order",
            "fetch the whole file: an extract goes without 'format: hmda', with a contract of its own",
        ))  # fmt: skip
    return problems


def _alike(files: dict[str, str], headers: dict[str, Header]) -> list[list[str]]:
    """The files in groups of one layout."""
    groups: dict[Header, list[str]] = {}
    for readable in files.values():
        groups.setdefault(headers[readable], []).append(readable)
    return list(groups.values())


def _exempt(connection: Any, view: str, used: Iterable[RegisterColumn]) -> dict[str, int]:
    rows = connection.raw_sql(f"SELECT {EXEMPT}, count(*) FROM {view} GROUP BY 1").fetchall()
    counts = {
        column.name: sum(int(n) for bits, n in rows if int(bits) >> i & 1)
        for i, column in enumerate(can_be_exempt(used))
    }  # fmt: skip
    return {name: n for name, n in counts.items() if n}


def _other_endings(files: dict[str, str]) -> InputError | None:
    """The first line of each file that ends otherwise than its header: CRLF and LF in one file."""
    names, problems = {b"\r\n": "CRLF", b"\n": "LF"}, []
    for file, readable in files.items():
        with opened(readable) as stream:
            ends = (b"\r\n" if line.endswith(b"\r\n") else b"\n" for line in stream if line.endswith(b"\n"))
            first = next(ends, b"\n")
            other = next(((at, end) for at, end in enumerate(ends, 2) if end != first), None)
        if other:
            problems.append(Problem(
                f"{file}, line {other[0]:,}", f"a line that ends in {names[other[1]]}",
                f"{names[first]}, as the header ends", "convert the file to one kind of line end, or fetch it again",
            ))  # fmt: skip
    return InputError(problems) if problems else None


def _found(
    program: AuditProgram, files: dict[str, str], headers: dict[str, Header], columns: Iterable[RegisterColumn]
) -> InputError | None:
    """The first faults of all files, in their order, and how many there are."""
    columns = tuple(columns)
    every = itertools.chain.from_iterable(
        (_renamed(problem, readable, file) for problem in faults(readable, headers[readable], columns))
        for file, readable in files.items()
    )
    found = list(itertools.islice(every, _MOST + 1))
    if not found:
        return None
    if len(found) <= _SHOWN:
        return InputError(found)
    number = f"more than {_MOST:,}" if len(found) > _MOST else f"{len(found):,}"
    rest = Problem(
        address_of(program), f"{number} such lines and cells, of which the first {_SHOWN} are listed", "none",
        "mend them all, or fetch the file again",
    )  # fmt: skip
    return InputError([*found[:_SHOWN], rest])


def _renamed(problem: Problem, readable: str, file: str) -> Problem:
    """The problem under the name of the file that the program names, where that one had to be unpacked."""
    where = file + problem.where.removeprefix(readable)
    return Problem(where, problem.found, problem.expected, problem.remedy)


def years_of(source: Any) -> tuple[str | None, str | None]:
    """First day of the first calendar year and last day of the last one in a register, where the contract keeps it."""
    if YEAR not in source.table.columns:
        return None, None
    year = source.table[YEAR]
    first, last = source.rows(source.table.aggregate(first=year.min(), last=year.max()))[0]
    return f"{first}-01-01", f"{last}-12-31"

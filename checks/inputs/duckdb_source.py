"""Files and DuckDB databases, opened through a work file that vanishes afterwards.

The work file holds the prepared relation: a view over Parquet, which is scanned in place each
time, or a table for everything else, which is read once. A register (``format: hmda``) is read once
into Parquet of its typed columns, over which the prepared relation is a view.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.inputs.files import existing_files, literally, package_file, quoted, uneven_line, unpacked_file
from checks.inputs.hmda_register import load_register
from checks.inputs.opened import RELATION, Source, address_of, no_such_table, unreadable
from checks.inputs.period import Period
from checks.inputs.prepared import prepare
from checks.inputs.program import AuditProgram
from checks.inputs.quiet_engine import quieted
from checks.problem import InputError, Problem

if TYPE_CHECKING:
    import ibis.expr.types as ir

RAW = _RAW = "raw_source"
_NULL_TEXTS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]


@contextlib.contextmanager
def open_duckdb(program: AuditProgram, period: Period, url: str) -> Iterator[Source]:
    """Open files, a query over files, or a DuckDB database, all read-only, through a work file."""
    import duckdb

    _check_settings()
    folder = Path(tempfile.mkdtemp(prefix="squaredeal-"))
    if set("?#%$&=") & set(str(folder)):
        folder.rmdir()
        raise InputError(Problem(
            f"the folder for temporary files, {folder.parent}", "a name with one of ? # % $ & =", "a plain folder name",
            "set TMPDIR to another folder",
        ))  # fmt: skip
    work = folder / "work.duckdb"
    try:
        writer = _connected(work, folder)
        try:
            exempt = load_register(program, writer, folder, _RAW) if program.source.format else {}
            raw = writer.table(_RAW) if program.source.format else _raw_duckdb(program, url, writer, folder)
            try:
                prepared = prepare(raw, program, period)
            except InputError:
                if writer.raw_sql(f"SELECT 1 FROM {_RAW} LIMIT 1").fetchall():
                    raise
                raise InputError(Problem(
                    address_of(program), "no rows", "a header and at least one row", "check the job that writes it"
                )) from None  # fmt: skip
            kind = "VIEW" if _stays_in_file(program) or program.source.format else "TABLE"
            writer.raw_sql(f"CREATE {kind} {RELATION} AS {writer.compile(prepared.table)}")
        except duckdb.Error as error:
            raise unreadable(program, error) from None
        finally:
            writer.disconnect()
        reader = _connected(work, folder, read_only=True)
        try:
            if kind == "VIEW":  # as an expression, so that a GROUP BY may come before the cleaning
                relation = prepare(reader.table(_RAW), program, period)
            else:
                relation = replace(prepared, table=reader.table(RELATION))
            settings = "&".join(f"{key}={value}" for key, value in duckdb_settings(folder).items())
            url = f"squaredeal_duckdb:///{work}?access_mode=read_only&{settings}"
            yield Source(address_of(program), "duckdb", reader, RELATION, url, relation, exempt, program.contract)
        finally:
            reader.disconnect()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def opened_rows(program: AuditProgram) -> Iterator[Any]:
    """A connection in which ``RAW`` holds the rows of a program's files as they are, before any contract."""
    import duckdb

    _check_settings()
    folder = Path(tempfile.mkdtemp(prefix="squaredeal-"))
    try:
        connection = _connected(folder / "work.duckdb", folder)
        try:
            _raw_duckdb(program, "duckdb://", connection, folder)
            yield connection
        except duckdb.Error as error:
            raise unreadable(program, error) from None
        finally:
            connection.disconnect()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_settings() -> None:
    """The two settings of the environment, before DuckDB sees them."""
    for name, form, expected in (
        ("SQUAREDEAL_THREADS", r"[1-9]\d{0,3}", "a number of threads, such as 4"),
        ("SQUAREDEAL_MEMORY", r"\d+(\.\d+)?\s*([KMGT]i?)?B", "an amount of memory, such as 4GB"),
    ):
        text = os.environ.get(name) or ""
        if text and not re.fullmatch(form, text, re.IGNORECASE):
            raise InputError(Problem(name, f"'{text}'", expected, "correct it, or take it out of the environment"))


def duckdb_settings(folder: Path) -> dict[str, Any]:
    """The same settings for every connection to a work file, as DuckDB demands within a process."""
    return {
        "memory_limit": os.environ.get("SQUAREDEAL_MEMORY") or "4GB",
        "threads": int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1),
        "temp_directory": str(folder / "spill"),
        "autoinstall_known_extensions": "false",
        "TimeZone": "UTC",
    }


def _connected(work: Path, folder: Path, **options: Any) -> Any:
    import ibis

    connection = ibis.duckdb.connect(work, **options, **duckdb_settings(folder))
    quieted(connection.raw_sql)
    return connection


def _stays_in_file(program: AuditProgram) -> bool:
    """Parquet is scanned in place each time; anything else is read once into the work file."""
    table = program.source.table or ""
    return table.endswith((".parquet", ".pq")) and program.source.connection == "duckdb://"


def _raw_duckdb(program: AuditProgram, url: str, con: Any, folder: Path) -> ir.Table:
    """The raw data as a view. It is temporary, save for Parquet, which stays in its files."""
    database = url.removeprefix("duckdb://")
    if database:
        path = existing_files(program, database.removeprefix("/"), "source.connection")[0]
        con.raw_sql(f"ATTACH {quoted(path)} AS given (READ_ONLY)")
        con.raw_sql("USE given")
    if program.source.query:
        con.raw_sql(f"SET file_search_path = {quoted(str(program.folder))}")
        select = program.source.query.strip().rstrip(";")
    elif database:
        select = f"SELECT * FROM {_known_table(program, con)}"
    else:
        select = f"SELECT * FROM {_reader(program, con, folder)}"
    temporary = "" if _stays_in_file(program) else "TEMP "
    con.raw_sql(f"CREATE {temporary}VIEW {_RAW} AS {select}")
    con.raw_sql("USE work")
    return con.table(_RAW, database="temp.main") if temporary else con.table(_RAW)


def _known_table(program: AuditProgram, con: Any) -> str:
    """The quoted name of a table of the attached DuckDB file."""
    name = str(program.source.table)
    sql = "SELECT schema_name, table_name FROM {}() WHERE database_name = 'given' AND NOT internal"
    known = con.raw_sql(
        f"{sql.format('duckdb_tables')} UNION ALL {sql.format('duckdb_views').replace('table_', 'view_')}"
    )
    tables = {f"{schema}.{table}": f'given."{schema}"."{table}"' for schema, table in known.fetchall()}
    if match := tables.get(name) or tables.get(f"main.{name}"):
        return match
    raise no_such_table(program, name, [table.removeprefix("main.") for table in tables])


def _reader(program: AuditProgram, con: Any, folder: Path) -> str:
    table = str(program.source.table)
    if table.startswith("package://"):
        files = [package_file(program, table)]
    else:
        files = existing_files(program, table, "source.table")
    unpacked = [unpacked_file(file, folder, i) for i, file in enumerate(files)]
    names = "[" + ", ".join(quoted(literally(file)) for file in unpacked) + "]"
    suffix = Path(unpacked[0].removesuffix(".gz").removesuffix(".zst")).suffix.lower()
    if suffix in (".parquet", ".pq"):
        return f"read_parquet({names}, union_by_name = true, hive_partitioning = false)"
    if suffix in (".csv", ".tsv", ".txt"):
        for file in unpacked:
            _refuse_repeated_names(program, con, file)
        nulls = "[" + ", ".join(quoted(text) for text in _NULL_TEXTS) + "]"
        return (
            f"read_csv({names}, sample_size = -1, header = true, comment = '', nullstr = {nulls}, "
            "union_by_name = true, hive_partitioning = false)"
        )
    raise InputError(Problem(
        program.where("source.table"), f"a file that ends in '{suffix}'",
        ".parquet, .csv, .tsv, .txt (also .gz, .bz2, .xz)",
        "convert the file, or use 'query' with one of DuckDB's readers",
    ))  # fmt: skip


def _refuse_repeated_names(program: AuditProgram, con: Any, file: str) -> None:
    """DuckDB would rename the second of two columns of a name; nobody could tell which is meant."""
    name = quoted(literally(file))
    dialect = con.raw_sql(
        f"SELECT Delimiter, Quote, Escape, SkipRows FROM sniff_csv({name}, comment = '', hive_partitioning = false)"
    ).fetchone()
    delimiter, quote, escape = (quoted("" if sign == "(empty)" else sign) for sign in dialect[:3])
    header = con.raw_sql(
        f"SELECT * FROM read_csv({name}, header = false, all_varchar = true, comment = '', hive_partitioning = false, "
        f"delim = {delimiter}, "
        f"quote = {quote}, escape = {escape}, skip = {dialect[3]}) LIMIT 1"
    ).fetchone()
    names = [str(column) for column in header or () if column is not None]
    if len(names) == 1 and (uneven := uneven_line(file, names[0])):
        raise InputError(Problem(
            program.where("source.table"), f"line {uneven[0]:,} of {file} with {uneven[1]} fields", uneven[2],
            "mend that line and those like it: a field with a delimiter in it must stand in quotes",
        ))  # fmt: skip
    twice = [column for i, column in enumerate(names) if column in names[:i]]
    if twice:
        raise InputError(Problem(
            program.where("source.table"), f"the column '{twice[0]}' twice in {file}", "each column name once",
            "rename or remove one of the two in the source",
        ))  # fmt: skip

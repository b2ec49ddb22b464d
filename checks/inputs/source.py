"""The source: model outputs where they live, opened through Ibis.

Files (Parquet, CSV, also compressed) are read by DuckDB; a database stays where it is and is
asked in its own SQL. ``open_source`` yields a ``Source`` whose relation is the prepared one
(``checks.inputs.prepared``); data checks and evidence read that relation and nothing else.
Secrets never stand in a program: a connection takes ``${NAME}`` from the environment, or is
``airflow://CONN_ID``, which a resolver turns into a URL.
"""

from __future__ import annotations

import bz2
import contextlib
import importlib.util
import json
import lzma
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from checks.inputs.period import Period
from checks.inputs.prepared import Prepared, prepare
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem, listed, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

ConnectionResolver = Callable[[str], str]
RELATION = "prepared"
_RAW = "raw_source"
_DATABASE_FILES = (".duckdb", ".db", ".ddb")
_NULL_TEXTS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null"]


@dataclass(frozen=True, slots=True)
class Source:
    """An open source.

    ``relation`` may follow FROM in the engine's SQL; ``sqlalchemy_url`` opens the same data
    for Great Expectations; ``prepared`` carries the Ibis table and the labels in use.
    """

    engine: str
    backend: Any
    relation: str
    sqlalchemy_url: str
    prepared: Prepared

    @property
    def table(self) -> ir.Table:
        return self.prepared.table

    def rows(self, question: ir.Expr | str) -> list[tuple[Any, ...]]:
        """Run an Ibis expression or the engine's SQL and fetch all rows as tuples."""
        sql = question if isinstance(question, str) else self.backend.compile(question)
        with contextlib.closing(self.backend.raw_sql(sql)) if self.engine != "duckdb" else contextlib.nullcontext(
            self.backend.raw_sql(sql)
        ) as cursor:
            return [tuple(row) for row in cursor.fetchall()]


def environment_connection(conn_id: str) -> str:
    """The URL of an Airflow connection that stands in the environment (AIRFLOW_CONN_ID, URI or JSON)."""
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    value = os.environ.get(name)
    if not value:
        raise InputError(Problem(
            f"airflow://{conn_id}", f"no environment variable {name}", f"the connection '{conn_id}'",
            f"export {name} as a URI, or run the program through Airflow, which also reads its own store",
        ))  # fmt: skip
    return _url_of_json(json.loads(value)) if value.lstrip().startswith("{") else value


def _url_of_json(fields: dict[str, Any]) -> str:
    login = quote(str(fields.get("login") or ""), safe="")
    password = ":" + quote(str(fields["password"]), safe="") if fields.get("password") else ""
    port = f":{fields['port']}" if fields.get("port") else ""
    at = f"{login}{password}@" if login else ""
    return f"{fields.get('conn_type', 'postgres')}://{at}{fields.get('host') or ''}{port}/{fields.get('schema') or ''}"


@contextlib.contextmanager
def open_source(
    program: AuditProgram, period: Period, resolve: ConnectionResolver = environment_connection
) -> Iterator[Source]:
    """Open the program's source for a period; temporary files are removed at the end.

    Raises ``InputError`` for a missing, empty or unreadable file, an unreachable database,
    a missing or mistyped column, and a period without rows.
    """
    url = _connection_url(program, resolve)
    scheme = url.split(":", 1)[0]
    if scheme == "duckdb":
        with _open_duckdb(program, period, url) as source:
            yield _not_empty(source, program, period)
    elif scheme == "postgresql":
        with _open_postgres(program, period, url) as source:
            yield _not_empty(source, program, period)
    else:
        raise InputError(Problem(
            program.where("source.connection"), f"a connection of kind '{scheme}'",
            "duckdb://, postgresql://… or airflow://CONN_ID", "use one of these",
        ))  # fmt: skip


def _connection_url(program: AuditProgram, resolve: ConnectionResolver) -> str:
    text = program.source.connection
    for name in re.findall(r"\$\{(\w+)\}", text):
        if name not in os.environ:
            raise InputError(Problem(
                program.where("source.connection"), f"${{{name}}}, which is not in the environment",
                f"an environment variable {name}", f"export {name} before the run",
            ))  # fmt: skip
        text = text.replace(f"${{{name}}}", os.environ[name])
    if text.startswith("airflow://"):
        text = resolve(text.removeprefix("airflow://"))
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", text)


def _not_empty(source: Source, program: AuditProgram, period: Period) -> Source:
    if source.rows(source.table.limit(1).count())[0][0]:
        return source
    place = "source.table" if program.source.table else "source.query"
    what = "no rows" if period.text == "all" else f"no rows in the period {period.text}"
    raise InputError(Problem(
        program.where(place), what, "at least one row",
        "check that the source is complete" if period.text == "all" else "check the period and the time column",
    ))  # fmt: skip


@contextlib.contextmanager
def _open_duckdb(program: AuditProgram, period: Period, url: str) -> Iterator[Source]:
    import duckdb
    import ibis

    folder = Path(tempfile.mkdtemp(prefix="squaredeal-"))
    work = folder / "work.duckdb"
    try:
        writer = ibis.duckdb.connect(work, **_duckdb_settings(folder))
        try:
            raw = _raw_duckdb(program, url, writer, folder)
            prepared = prepare(raw, program, period)
            kind = "VIEW" if _stays_in_file(program) else "TABLE"
            writer.raw_sql(f"CREATE {kind} {RELATION} AS {writer.compile(prepared.table)}")
        except duckdb.Error as error:
            raise _unreadable(program, error) from None
        finally:
            writer.disconnect()
        reader = ibis.duckdb.connect(work, read_only=True, **_duckdb_settings(folder))
        try:
            relation = Prepared(reader.table(RELATION), prepared.references, prepared.declared)
            settings = "&".join(f"{key}={value}" for key, value in _duckdb_settings(folder).items())
            yield Source("duckdb", reader, RELATION, f"squaredeal_duckdb:///{work}?access_mode=read_only&{settings}", relation)
        finally:
            reader.disconnect()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _duckdb_settings(folder: Path) -> dict[str, Any]:
    """The same settings for every connection to a work file, as DuckDB demands within a process."""
    return {
        "memory_limit": os.environ.get("SQUAREDEAL_MEMORY", "4GB"),
        "threads": int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1),
        "temp_directory": str(folder / "spill"),
        "autoinstall_known_extensions": "false",
    }


def _stays_in_file(program: AuditProgram) -> bool:
    """Parquet is scanned in place each time; anything else is read once into the work file."""
    table = program.source.table or ""
    return table.endswith((".parquet", ".pq")) and program.source.connection == "duckdb://"


def _raw_duckdb(program: AuditProgram, url: str, con: Any, folder: Path) -> ir.Table:
    """The raw data as a view. It is temporary, save for Parquet, which stays in its files."""
    database = url.removeprefix("duckdb://")
    if database:
        path = _existing_files(program, database.removeprefix("/"), "source.connection")[0]
        con.raw_sql(f"ATTACH {_quoted(path)} AS given (READ_ONLY)")
        con.raw_sql("USE given")
    if program.source.query:
        con.raw_sql(f"SET file_search_path = {_quoted(str(program.folder))}")
        select = program.source.query.strip().rstrip(";")
    elif database:
        select = f"SELECT * FROM {_known_table(program, con)}"
    else:
        select = f"SELECT * FROM {_reader(program, folder)}"
    temporary = "" if _stays_in_file(program) else "TEMP "
    con.raw_sql(f"CREATE {temporary}VIEW {_RAW} AS {select}")
    con.raw_sql("USE work")
    return con.table(_RAW, database="temp.main") if temporary else con.table(_RAW)


def _known_table(program: AuditProgram, con: Any) -> str:
    """The quoted name of a table of the attached DuckDB file."""
    name = str(program.source.table)
    sql = "SELECT schema_name, table_name FROM {}() WHERE database_name = 'given' AND NOT internal"
    known = con.raw_sql(f"{sql.format('duckdb_tables')} UNION ALL {sql.format('duckdb_views').replace('table_', 'view_')}")
    tables = {f"{schema}.{table}": f'given."{schema}"."{table}"' for schema, table in known.fetchall()}
    if match := tables.get(name) or tables.get(f"main.{name}"):
        return match
    raise _no_such_table(program, name, [table.removeprefix("main.") for table in tables])


def _no_such_table(program: AuditProgram, name: str, known: list[str]) -> InputError:
    close = nearest(name, known)
    return InputError(Problem(
        program.where("source.table"), f"no table '{name}'", f"one of {listed(sorted(known))}",
        f"did you mean '{close}'?" if close else "check the name and its schema (SCHEMA.TABLE)",
    ))  # fmt: skip


def _reader(program: AuditProgram, folder: Path) -> str:
    table = str(program.source.table)
    if table.startswith("package://"):
        files = [_package_file(program, table)]
    else:
        files = _existing_files(program, table, "source.table")
    unpacked = [_unpacked(file, folder, i) for i, file in enumerate(files)]
    names = "[" + ", ".join(_quoted(file) for file in unpacked) + "]"
    suffix = Path(unpacked[0].removesuffix(".gz").removesuffix(".zst")).suffix.lower()
    if suffix in (".parquet", ".pq"):
        return f"read_parquet({names}, union_by_name = true)"
    if suffix in (".csv", ".tsv", ".txt"):
        nulls = "[" + ", ".join(_quoted(text) for text in _NULL_TEXTS) + "]"
        return f"read_csv({names}, sample_size = -1, nullstr = {nulls}, union_by_name = true)"
    raise InputError(Problem(
        program.where("source.table"), f"a file that ends in '{suffix}'", ".parquet, .csv, .tsv, .txt (also .gz, .bz2, .xz)",
        "convert the file, or use 'query' with one of DuckDB's readers",
    ))  # fmt: skip


def _existing_files(program: AuditProgram, pattern: str, place: str) -> list[str]:
    """Files of a path or glob, relative to the program's folder. Empty files are refused."""
    base = Path(pattern).expanduser()
    path = base if base.is_absolute() else program.folder / base
    found = [path] if path.is_file() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    files = [file for file in found if file.is_file()]
    if not files:
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        close = nearest(path.name, siblings)
        remedy = f"did you mean '{path.parent / close}'?" if close else "check the path; it is relative to the program file"
        raise InputError(Problem(program.where(place), f"no file '{path}'", "an existing file or pattern", remedy))
    empty = [str(file) for file in files if file.stat().st_size == 0]
    if empty:
        raise InputError(Problem(
            program.where(place), f"an empty file: {listed(empty)}", "a file with a header and rows",
            "check the job that writes it",
        ))  # fmt: skip
    return [str(file) for file in files]


def _package_file(program: AuditProgram, address: str) -> str:
    package, _, inside = address.removeprefix("package://").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (Path(folder) / inside).is_file():
            return str(Path(folder) / inside)
    found = f"no file '{inside}' in the package '{package}'" if folders else f"no installed package '{package}'"
    raise InputError(Problem(
        program.where("source.table"), found, "package://NAME/PATH of an installed package",
        "check the path" if folders else f"install '{package}'",
    ))  # fmt: skip


def _unpacked(file: str, folder: Path, index: int) -> str:
    """The file itself, or where DuckDB cannot unpack it (bz2, xz) an unpacked copy in the work folder."""
    openers: dict[str, Callable[..., Any]] = {".bz2": bz2.open, ".xz": lzma.open}
    opener = openers.get(Path(file).suffix)
    if opener is None:
        return file
    target = folder / f"{index}-{Path(file).stem}"
    try:
        with opener(file, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InputError(
            Problem(file, f"it cannot be unpacked ({error})", "a whole compressed file", "fetch the file again")
        ) from None
    return str(target)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _database_table(program: AuditProgram, con: Any) -> ir.Table:
    import ibis

    name = str(program.source.table)
    schema, _, bare = name.rpartition(".")
    try:
        return con.table(bare, database=schema or None)
    except ibis.common.exceptions.TableNotFound:
        raise _no_such_table(program, name, con.list_tables(database=schema or None)) from None


@contextlib.contextmanager
def _open_postgres(program: AuditProgram, period: Period, url: str) -> Iterator[Source]:
    import ibis
    import psycopg

    try:
        backend = ibis.postgres.connect(**_postgres_arguments(url))
    except psycopg.Error as error:
        raise InputError(Problem(
            program.where("source.connection"), f"the database does not answer: {_without_secret(str(error), url)}",
            "a Postgres server that accepts the connection", "check host, port, user, password and network",
        )) from None  # fmt: skip
    try:
        query = program.source.query
        raw = backend.sql(query.strip().rstrip(";")) if query else _database_table(program, backend)
        prepared = prepare(raw, program, period)
        relation = f"({backend.compile(prepared.table)}) AS {RELATION}"
        yield Source("postgresql", backend, relation, url.replace("postgresql://", "postgresql+psycopg2://", 1), prepared)
    except psycopg.Error as error:
        raise _unreadable(program, error) from None
    finally:
        backend.disconnect()


def _postgres_arguments(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    host = unquote(options.pop("host", "") or parts.hostname or "")
    arguments: dict[str, Any] = {
        "host": host or None, "port": parts.port or int(options.pop("port", 5432)), "database": parts.path.lstrip("/") or None,
        "user": unquote(parts.username or "") or None, "password": unquote(parts.password or "") or None,
        "connect_timeout": 10, **{key: unquote(value) for key, value in options.items()},
    }  # fmt: skip
    return {key: value for key, value in arguments.items() if value is not None}


def _without_secret(text: str, url: str) -> str:
    password = urlsplit(url).password
    text = " ".join(text.split())
    return text.replace(unquote(password), "***").replace(password, "***") if password else text


def _unreadable(program: AuditProgram, error: Exception) -> InputError:
    place = "source.table" if program.source.table else "source.query"
    reason = " ".join(str(error).split())[:400]
    return InputError(Problem(
        program.where(place), f"the source cannot be read: {reason}", "a readable source in the format its name says",
        "open the source by hand and check its format, its columns and its permissions",
    ))  # fmt: skip

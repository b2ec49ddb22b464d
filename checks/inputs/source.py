"""The source: model outputs where they live, opened through Ibis.

Files (Parquet, CSV, also compressed) are read by DuckDB; a database stays where it is and is
asked in its own SQL. ``open_source`` yields a ``Source`` whose relation is the prepared one
(``checks.inputs.prepared``); data checks and evidence read that relation and nothing else.
Secrets never stand in a program: a connection takes ``${NAME}`` from the environment, or is
``airflow://CONN_ID``, which a resolver turns into a URL.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from checks.inputs.duckdb_source import open_duckdb
from checks.inputs.opened import RELATION, Source, address_of, within_days
from checks.inputs.period import Period
from checks.inputs.postgres_source import open_postgres
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem

__all__ = ["RELATION", "ConnectionResolver", "Source", "environment_connection", "open_source", "within_days"]

ConnectionResolver = Callable[[str], str]


def environment_connection(conn_id: str) -> str:
    """The URL of an Airflow connection that stands in the environment (AIRFLOW_CONN_ID, URI or JSON)."""
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    value = os.environ.get(name)
    if not value:
        raise InputError(Problem(
            f"airflow://{conn_id}", f"no environment variable {name}", f"the connection '{conn_id}'",
            f"export {name} as a URI, or run the program through Airflow, which also reads its own store",
        ))  # fmt: skip
    if not value.lstrip().startswith("{"):
        return value
    try:
        return _url_of_json(json.loads(value))
    except (ValueError, TypeError, AttributeError):
        raise InputError(Problem(
            f"airflow://{conn_id}", f"{name}, which is no JSON that can be read", "a connection as Airflow writes it",
            f"export {name} as a URI, or as a JSON object with conn_type, host, port, login, password, schema",
        )) from None  # fmt: skip


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
        with open_duckdb(program, period, url) as source:
            yield _not_empty(source, program, period)
    elif scheme == "postgresql":
        with open_postgres(program, period, url) as source:
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
        try:
            text = resolve(text.removeprefix("airflow://"))
        except InputError as error:
            where = program.where("source.connection")
            raise InputError(
                replace(problem, where=f"{where}: {problem.where}") for problem in error.problems
            ) from None
    text = _by_socket(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", text))
    try:
        fits = re.match(r"[a-z][a-z0-9+.-]*://", text) and (urlsplit(text).port or True)
    except ValueError:
        fits = False
    if not fits:
        raise InputError(Problem(
            program.where("source.connection"), "a connection that is no URL (host and port cannot be told)",
            "duckdb://, postgresql://USER:PASSWORD@HOST:PORT/DATABASE or airflow://CONN_ID",
            "write signs such as @ : / ? # in a password as %40 %3A %2F %3F %23",
        ))  # fmt: skip
    return text


def _by_socket(url: str) -> str:
    """A folder of sockets in the host's place, as Airflow writes it, becomes a parameter that every driver reads."""
    found = re.fullmatch(r"postgresql://([^/@]*@)?(%2F[^/:?]*)(?::(\d+))?/([^?]*)(?:\?(.*))?", url, re.IGNORECASE)
    if not found:
        return url
    user, folder, port, database, others = found.groups()
    asked = [f"host={folder}", *([f"port={port}"] if port else []), *([others] if others else [])]
    return f"postgresql://{user or ''}/{database}?{'&'.join(asked)}"


def _not_empty(source: Source, program: AuditProgram, period: Period) -> Source:
    if source.rows(source.table.limit(1).count())[0][0]:
        return source
    what = "no rows" if period.text == "all" else f"no rows in the period {period.text}"
    raise InputError(Problem(
        address_of(program), what, "at least one row",
        "check that the source is complete" if period.text == "all" else "check the period and the time column",
    ))  # fmt: skip

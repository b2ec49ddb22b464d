"""A Postgres source: the data stay in the server, which answers in its own SQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from checks.inputs.opened import RELATION, Source, address_of, no_such_table, unreadable
from checks.inputs.period import Period
from checks.inputs.prepared import prepare
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem, UnavailableError
from checks.unavailable import did_not_answer

if TYPE_CHECKING:
    import ibis.expr.types as ir


_ACCEPTS = "a Postgres server that accepts the connection"
# seconds; a server whose machine is gone is given up on after minutes
_PATIENCE = {
    "connect_timeout": 10, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6,
    "tcp_user_timeout": 120_000,  # milliseconds
}  # fmt: skip


def _query(con: Any, query: str) -> ir.Table:
    """A query as a table. Its types come from an empty result, since asking Ibis would create a view."""
    import ibis
    from ibis.backends.sql.datatypes import PostgresType

    with con.con.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}) AS asked LIMIT 0")
        columns = [(column.name, column.type_code) for column in cursor.description]
        names = cursor.execute(
            "SELECT oid, format_type(oid, NULL) FROM pg_type WHERE oid = ANY(%s)", ([oid for _, oid in columns],)
        ).fetchall()
        types = dict(names)
    schema = ibis.schema({name: PostgresType.from_string(types[oid]) for name, oid in columns})
    return con.sql(query, schema=schema)


def _database_table(program: AuditProgram, con: Any) -> ir.Table:
    import ibis

    name = str(program.source.table)
    schema, _, bare = name.rpartition(".")
    try:
        return con.table(bare, database=schema or None)
    except ibis.common.exceptions.TableNotFound:
        raise no_such_table(program, name, con.list_tables(database=schema or None)) from None


@contextlib.contextmanager
def open_postgres(program: AuditProgram, period: Period, url: str) -> Iterator[Source]:
    """Open a table or query of a Postgres server; nothing is written there."""
    import ibis
    import psycopg

    try:
        backend = ibis.postgres.connect(**_postgres_arguments(url))
    except psycopg.Error as error:
        reason = without_secret(str(error), url)
        where = program.where("source.connection")
        if did_not_answer(error):
            raise UnavailableError(Problem(
                where, f"the database does not answer now: {reason}", _ACCEPTS,
                "try again; if it stays so, check host, port and network",
            )) from None  # fmt: skip
        raise InputError(
            Problem(where, f"the database refuses: {reason}", _ACCEPTS, "check database, user, password and rights")
        ) from None
    try:
        backend.raw_sql("SET TIME ZONE 'UTC'").close()
        query = program.source.query
        raw = _query(backend, query.strip().rstrip(";")) if query else _database_table(program, backend)
        prepared = prepare(raw, program, period)
        relation = f"({backend.compile(prepared.table)}) AS {RELATION}"
        engine_url = _with_patience(url.replace("postgresql://", "postgresql+psycopg2://", 1))
        yield Source(
            address_of(program), "postgresql", backend, relation, engine_url, prepared, contract=program.contract
        )
    except psycopg.Error as error:
        raise unreadable(program, error) from None
    finally:
        backend.disconnect()


def _postgres_arguments(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    host = unquote(options.pop("host", "") or parts.hostname or "")
    arguments: dict[str, Any] = {
        "host": host or None, "port": parts.port or int(options.pop("port", 5432)),
        "database": parts.path.lstrip("/") or None,
        "user": unquote(parts.username or "") or None, "password": unquote(parts.password or "") or None,
        **_PATIENCE, **{key: unquote(value) for key, value in options.items()},
    }  # fmt: skip
    return {key: value for key, value in arguments.items() if value is not None}


def _with_patience(url: str) -> str:
    given = {pair.split("=", 1)[0] for pair in urlsplit(url).query.split("&")}
    added = "&".join(f"{key}={value}" for key, value in _PATIENCE.items() if key not in given)
    return f"{url}{'&' if urlsplit(url).query else '?'}{added}"


def without_secret(text: str, url: str) -> str:
    password = urlsplit(url).password
    text = " ".join(text.split())
    return text.replace(unquote(password), "***").replace(password, "***") if password else text

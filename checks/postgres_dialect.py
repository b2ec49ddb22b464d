"""A SQLAlchemy dialect in which one query of a Postgres database looks like a table.

Question: how are checks run on a query when the account may only read? Great Expectations
knows tables and query texts; a text it compiles twice, which mangles ``%`` and ``:`` in names
and literals, and of whose columns it learns no types. Here the query stands under a table's
name in a WITH clause before every statement, so that nothing is created in the database and
no statement text is touched. The session is read-only.

``named_query_url`` turns a Postgres URL and a relation (what may follow FROM, with its alias)
into a URL of this dialect; the relation travels in it as base64.

Source: PostgreSQL manual, WITH queries and ``format_type``.
"""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import NoSuchTableError

from checks.duckdb_dialect import LiteralTextCompiler, column_entry

NAME = "squaredeal_postgres"
_KEY = "squaredeal_relation"
_TYPES = (
    "SELECT t.oid, CASE t.typtype WHEN 'e' THEN 'enum' ELSE pg_catalog.format_type(t.oid, NULL) END "
    "FROM pg_catalog.pg_type t WHERE t.oid = ANY(%s)"
)


def named_query_url(url: str, table: str, relation: str) -> str:
    """The URL under which ``relation`` is the table ``table``. ``url`` is any SQLAlchemy Postgres URL."""
    statement = f'"{table}" AS (SELECT * FROM {relation}\n)'
    packed = base64.urlsafe_b64encode(statement.encode()).decode().rstrip("=")
    parts = make_url(url).set(drivername=NAME).update_query_dict({_KEY: packed, "application_name": "squaredeal"})
    return parts.render_as_string(hide_password=False).replace("$", "%24")


class NamedQueryDialect(PGDialect_psycopg2):
    """psycopg2's dialect; every statement is preceded by the named query."""

    supports_statement_cache = True
    statement_compiler = LiteralTextCompiler
    _named_query = ""

    def create_connect_args(self, url: URL) -> Any:
        """Arguments of psycopg2, without the named query, which stays here."""
        packed = str(url.query.get(_KEY, ""))
        self._named_query = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
        return super().create_connect_args(url.difference_update_query([_KEY]))  # type: ignore[no-untyped-call]

    def on_connect(self) -> Any:
        """Each session commits by itself and can only read."""
        inherited = super().on_connect()  # type: ignore[no-untyped-call]

        def prepare(connection: Any) -> None:
            if inherited:
                inherited(connection)
            connection.set_session(readonly=True, autocommit=True)
            with connection.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")

        return prepare

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement with parameters; percent signs of the named query are doubled for the driver."""
        cursor.execute(self._with(statement, self._named_query.replace("%", "%%")), parameters)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Run a statement as it stands."""
        cursor.execute(self._with(statement, self._named_query))

    def _with(self, statement: str, named: str) -> str:
        head = statement.lstrip()
        keyword = head[:5].upper()
        if keyword == "WITH ":
            return f"WITH {named}, {head[5:]}"
        return f"WITH {named}\n{head}" if head[:6].upper() == "SELECT" else statement

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        """Columns of the named query in their order, with the server's names of their types."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(f'WITH {self._named_query} SELECT * FROM "{table_name}" LIMIT 0')
            found = [(column.name, column.type_code) for column in cursor.description]
            cursor.execute(_TYPES, (sorted({code for _, code in found}),))
            names = dict(cursor.fetchall())
        finally:
            cursor.close()
        if not found:
            raise NoSuchTableError(table_name)
        return [column_entry(name, names.get(code, str(code))) for name, code in found]

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> bool:
        """Whether the name is that of the named query."""
        return self._named_query.startswith(f'"{table_name}" AS (')

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """A query has no key."""
        return {"constrained_columns": [], "name": None}


def register() -> None:
    """Make ``squaredeal_postgres://`` known to SQLAlchemy in this process. Calling it twice does no harm."""
    registry.register(NAME, __name__, "NamedQueryDialect")

"""A SQLAlchemy dialect with which Great Expectations asks DuckDB in SQL.

Question: how does a library that knows SQLAlchemy dialects by name push its checks down to
DuckDB? By a dialect that speaks Postgres, as DuckDB nearly does, and answers from DuckDB's
own catalogue where the two differ. URL::

    squaredeal_duckdb:////folder/work.duckdb?access_mode=read_only&threads=2&memory_limit=4GB

Every key of the query is a DuckDB setting. DuckDB lets one process open a file several times
only under equal settings, so they must be those of the other connections. ``register`` makes
the name known where the package's entry point is not installed.

Sources: SQLAlchemy's ``Dialect`` interface; DuckDB's Python DB-API and ``duckdb_columns()``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect, PGIdentifierPreparer
from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import UserDefinedType

NAME = "squaredeal_duckdb"
_SCHEMA = "main"
# words that DuckDB takes for its own and Postgres does not: as names of columns they need quotation marks
_OWN_WORDS = frozenset((
    "anti", "asof", "at", "by", "collation", "concurrently", "describe", "glob", "lambda", "lateral", "pivot",
    "pivot_longer", "pivot_wider", "positional", "qualify", "semi", "show", "summarize", "tablesample", "unpack",
    "unpivot",
))  # fmt: skip


class ColumnType(UserDefinedType[Any]):
    """A column type known by the engine's own name for it, without length or precision."""

    cache_ok = True

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def get_col_spec(self, **_: Any) -> str:
        """The name, as the engine writes it."""
        return self.type_name


def column_entry(name: str, type_name: str) -> dict[str, Any]:
    """A reflected column: ``DECIMAL(18,2)`` is reported as ``DECIMAL``, ``ENUM('a', 'b')`` as ``ENUM``."""
    bare = type_name.split("(", 1)[0] if not type_name.endswith("]") else type_name
    return {"name": name, "type": ColumnType(bare), "nullable": True, "default": None, "comment": None}


class LiteralTextCompiler(PGCompiler):
    """Writes values into a statement that is compiled to be shown rather than run.

    Great Expectations asks for such a text with ``render_postcompile`` and then replaces the
    parameters by itself, which confuses ``?`` and ``$1`` with the values 1, 2 … it looks for.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        options = dict(kwargs.pop("compile_kwargs", {}))
        if options.pop("render_postcompile", False):
            options["literal_binds"] = True
        super().__init__(*args, compile_kwargs=options, **kwargs)


class QuotingPreparer(PGIdentifierPreparer):
    """Quotes what either engine reserves."""

    reserved_words = PGIdentifierPreparer.reserved_words | _OWN_WORDS


class DuckDBDialect(PGDialect):
    """Postgres as far as SQL goes; DuckDB for connections, parameters and reflection."""

    name = "postgresql"
    driver = "duckdb"
    statement_compiler = LiteralTextCompiler
    preparer = QuotingPreparer
    supports_statement_cache = True
    supports_server_side_cursors = False
    supports_native_enum = False
    default_paramstyle = "numeric_dollar"
    _backslash_escapes = False

    def __init__(self, **kwargs: Any) -> None:
        kwargs["paramstyle"] = "numeric_dollar"
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    @classmethod
    def import_dbapi(cls) -> Any:
        """The bare duckdb module: its ``cursor()`` is a connection of its own, so results outlive a release."""
        import duckdb

        return duckdb

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """One connection for all: a second one would only repeat the file's opening."""
        return pool.StaticPool

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """File and settings. Whole numbers are handed over as numbers, as Ibis does."""
        settings: dict[str, Any] = {
            key: int(value) if isinstance(value, str) and value.isdigit() else value for key, value in url.query.items()
        }
        read_only = settings.pop("access_mode", "automatic") == "read_only"
        return [url.database or ":memory:"], {"read_only": read_only, "config": settings}

    def initialize(self, connection: Any) -> None:
        """Set what Postgres would be asked for."""
        self.server_version_info = (16, 0)
        self.default_schema_name = _SCHEMA
        self.default_isolation_level = None
        self._backslash_escapes = False

    def on_connect(self) -> None:
        """Nothing to set up on a new connection."""

    def do_begin(self, dbapi_connection: Any) -> None:
        """No transactions: the data are only read."""

    def do_commit(self, dbapi_connection: Any) -> None:
        """No transactions: the data are only read."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """No transactions: the data are only read."""

    def do_ping(self, dbapi_connection: Any) -> bool:
        """An open file always answers."""
        return True

    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        """The one schema in use."""
        return [_SCHEMA]

    def get_table_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        """Tables of a schema, sorted."""
        sql = "SELECT table_name FROM duckdb_tables() WHERE schema_name = $1 ORDER BY 1"
        return self._names(connection, sql, schema)

    def get_view_names(self, connection: Any, schema: str | None = None, **_: Any) -> list[str]:
        """Views of a schema, sorted."""
        sql = "SELECT view_name FROM duckdb_views() WHERE schema_name = $1 AND NOT internal ORDER BY 1"
        return self._names(connection, sql, schema)

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> bool:
        """Whether a table or view of that name exists."""
        known = self.get_table_names(connection, schema) + self.get_view_names(connection, schema)
        return str(table_name) in known

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> list[Any]:
        """Columns of a table or view in their order. Raises ``NoSuchTableError``."""
        sql = (
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = $1 AND table_name = $2 ORDER BY column_index"
        )
        rows = connection.exec_driver_sql(sql, (schema or _SCHEMA, str(table_name))).fetchall()
        if not rows:
            raise NoSuchTableError(table_name)
        return [column_entry(name, type_name) for name, type_name in rows]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """No keys: the relation is a view or a plain copy."""
        return {"constrained_columns": [], "name": None}

    def get_foreign_keys(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """No foreign keys."""
        return []

    def get_indexes(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """No indexes."""
        return []

    def get_unique_constraints(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """No unique constraints."""
        return []

    def get_check_constraints(self, connection: Any, table_name: str, schema: str | None = None, **_: Any) -> Any:
        """No check constraints."""
        return []

    def _names(self, connection: Any, sql: str, schema: str | None) -> list[str]:
        return [row[0] for row in connection.exec_driver_sql(sql, (schema or _SCHEMA,)).fetchall()]


def register() -> None:
    """Make ``squaredeal_duckdb://`` known to SQLAlchemy in this process. Calling it twice does no harm."""
    registry.register(NAME, __name__, "DuckDBDialect")

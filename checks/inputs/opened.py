"""An open source: one prepared relation in one engine, asked through Ibis or the engine's SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from checks.foreign_text import told_of
from checks.inputs.columns import columns_of
from checks.inputs.contract import DataContract
from checks.inputs.prepared import Prepared
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem, listed, nearest
from checks.unavailable import silent_or

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

RELATION = "prepared"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Source:
    """An open source.

    ``address`` is the place in the program that names it; ``relation`` may follow FROM in the
    engine's SQL; ``sqlalchemy_url`` opens the same data for Great Expectations; ``prepared``
    carries the Ibis table and the labels in use; ``exempt`` says by column how many cells are missing because
    they need not be reported; ``contract`` is what the relation was prepared by.
    """

    address: str
    engine: str
    backend: Any
    relation: str
    sqlalchemy_url: str
    prepared: Prepared
    exempt: Mapping[str, int] = field(default_factory=dict)
    contract: DataContract | None = None

    @property
    def table(self) -> ir.Table:
        return self.prepared.table

    def rows(self, question: ir.Expr | str) -> list[tuple[Any, ...]]:
        """Run an Ibis expression or the engine's SQL and fetch all rows as tuples.

        Raises ``InputError`` when the engine cannot read the data, which may show only now.
        """

        def fetched(cursor: Any) -> list[tuple[Any, ...]]:
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found if self.engine == "duckdb" else [tuple(row) for row in found]

        return self._asked(question, fetched)

    def columns(self, question: ir.Expr | str) -> list[NDArray[Any]]:
        """The same by column: whole numbers as int64 where they fit, numbers as float64 with NaN, else objects."""
        return self._asked(question, columns_of)

    def _asked(self, question: ir.Expr | str, fetched: Callable[[Any], _Answer]) -> _Answer:
        sql = question if isinstance(question, str) else self.backend.compile(question)
        try:
            cursor = self.backend.raw_sql(sql)
            try:
                return fetched(cursor)
            finally:
                if self.engine != "duckdb":  # there the cursor is the connection itself
                    cursor.close()
        except _engine_errors() as error:
            reason = told_of(error)
            raise silent_or(InputError(Problem(
                self.address, f"the source cannot be read: {reason}", "data that can be read to the end",
                "open the source by hand and look for damaged files, changed columns or withdrawn rights",
            )), error) from None  # fmt: skip


def within_days(source: Source, column: str, first: str, last: str) -> Source:
    """The same source, its rows restricted to those whose time lies on these days, both inclusive.

    Only what is asked through Ibis is restricted; ``relation`` still names all rows.
    """
    import ibis.expr.operations as ops

    end = (dt.date.fromisoformat(last) + dt.timedelta(days=1)).isoformat()
    table = source.table
    node = table.op()
    if not isinstance(node, ops.Project):
        time = table[column].cast("timestamp")
        restricted = table.filter((time >= first) & (time < end))
    else:  # before the cleaning, so that a GROUP BY may still come first
        raw = node.parent.to_expr()
        time = node.values[column].to_expr().cast("timestamp")
        kept = raw.filter((time >= first) & (time < end))
        moved = {raw[name].op(): kept[name].op() for name in raw.columns}
        restricted = kept.select(
            [value.replace(moved).to_expr().name(name) for name, value in node.values.items()]
        )  # fmt: skip
    return replace(source, prepared=replace(source.prepared, table=restricted))


def _engine_errors() -> tuple[type[Exception], ...]:
    import duckdb
    import psycopg

    return duckdb.Error, psycopg.Error


def address_of(program: AuditProgram) -> str:
    """File, line and place of the program that name its data."""
    return program.where("source.table" if program.source.table else "source.query")


def unreadable(program: AuditProgram, error: Exception) -> InputError:
    """The error for a source that an engine refuses to read."""
    reason = told_of(error)
    return silent_or(InputError(Problem(
        address_of(program), f"the source cannot be read: {reason}", "a readable source in the format its name says",
        "open the source by hand and check its format, its columns and its permissions",
    )), error)  # fmt: skip


def no_such_table(program: AuditProgram, name: str, known: list[str]) -> InputError:
    """The error for an unknown table, with the nearest known one."""
    close = nearest(name, known)
    return InputError(Problem(
        program.where("source.table"), f"no table '{name}'", f"one of {listed(sorted(known))}",
        f"did you mean '{close}'?" if close else "check the name and its schema (SCHEMA.TABLE)",
    ))  # fmt: skip

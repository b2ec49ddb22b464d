"""The outcome of a contract as 1, 0 or nothing: known only where it was observed and had time to show.

``observed_when`` names a column that is true where the outcome can be known; where it is the decision's own column,
approved rows are meant. With ``matures_after`` an outcome counts when its decision is at least that old on
``observed_until``, or, where the contract does not state that day, on the day of the newest row of the whole source.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract, Outcome
from checks.inputs.program import AuditProgram

if TYPE_CHECKING:
    import ibis.expr.types as ir

OUTCOME = "squaredeal_outcome"
_TRUE = ("true", "t", "yes", "y", "1")


def outcome_column(
    raw: ir.Table,
    everyone: ir.Table,
    program: AuditProgram,
    favourable: ir.Value | None,
    as_text: Callable[[ir.Value], ir.Value],
    canonical: Callable[[tuple[str, ...], ir.Value, str], list[str]],
) -> ir.Value:
    """``squaredeal_outcome`` over ``raw``. ``everyone`` is the source before a period was taken of it."""
    import ibis

    contract = program.contract
    outcome = contract.outcome
    if outcome is None:
        raise ValueError("outcome: found none in the contract, expected one")
    column = raw[outcome.column]
    text = as_text(column)
    good = canonical(outcome.favourable, column, program.where("contract.outcome.favourable"))
    missing = text.isnull() | text.strip().lower().isin(["", "nan", "null", "none", "nat", "na", "n/a", "<na>"])
    nothing = ibis.null("int8")
    value = ibis.ifelse(
        missing, nothing, ibis.ifelse(text.isin(good), ibis.literal(1, "int8"), ibis.literal(0, "int8"))
    )
    for known in (_observed(raw, contract, outcome, favourable, as_text), _matured(raw, everyone, program, outcome)):
        if known is not None:
            value = ibis.ifelse(known.fill_null(False), value, nothing)
    return value


def _observed(
    raw: ir.Table,
    contract: DataContract,
    outcome: Outcome,
    favourable: ir.Value | None,
    as_text: Callable[[ir.Value], ir.Value],
) -> Any:
    if outcome.observed_when is None:
        return None
    if contract.decision and outcome.observed_when == contract.decision.column and favourable is not None:
        return favourable == 1
    return as_text(raw[outcome.observed_when]).strip().lower().isin(_TRUE)


def _matured(raw: ir.Table, everyone: ir.Table, program: AuditProgram, outcome: Outcome) -> Any:
    contract = program.contract
    if outcome.matures_after is None or contract.time is None:
        return None
    last = outcome.observed_until or _newest(everyone, contract.time)
    if last is None:
        return None
    latest = _earlier(last, outcome.matures_after)
    return raw[contract.time].cast("timestamp") < (latest + dt.timedelta(days=1)).isoformat()


def _newest(everyone: ir.Table, column: str) -> dt.date | None:
    """The day of the newest row, from one look at the time column."""
    backend = everyone.get_backend()
    cursor: Any = backend.raw_sql(backend.compile(everyone.aggregate(newest=everyone[column].cast("timestamp").max())))
    found = cursor.fetchall()[0][0]
    return found.date() if found else None


def _earlier(day: dt.date, span: str) -> dt.date:
    """The day so many days, weeks, months or years before; the month's last day where it has no such day."""
    number, unit = int(span.split()[0]), span.split()[1].rstrip("s")
    if unit in ("day", "week"):
        return day - dt.timedelta(days=number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    first_after = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return dt.date(year, month + 1, min(day.day, (first_after - dt.timedelta(days=1)).day))

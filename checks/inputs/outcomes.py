"""The outcome of a contract as 1, 0 or nothing: known only where it was observed and had time to show.

``observed_when`` names a column that is true where the outcome can be known; where it is the decision's own column,
approved rows are meant. With ``matures_after`` an outcome counts when its decision is at least that old on
``observed_until``, or, where the contract does not state that day, on the day of the newest row of the whole source.
A row without a time is never old enough, and belongs to no period. A text that says that it is missing, such as
none, is a missing outcome, unless the program names it as a favourable one.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import Outcome
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem

if TYPE_CHECKING:
    import ibis.expr.types as ir

OUTCOME = "squaredeal_outcome"
_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FIRST, _LAST = "0001-01-01", "9999-12-31"  # beyond them lie infinite times, and years that no calendar of Python holds


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
    bad = canonical(outcome.unfavourable, column, program.where("contract.outcome.unfavourable"))
    out = canonical(outcome.excluded, column, program.where("contract.outcome.excluded"))
    one, zero, nothing = ibis.literal(1, "int8"), ibis.literal(0, "int8"), ibis.null("int8")
    is_bad = text.isin(bad) if bad else ~text.isin(out or [""])
    value = ibis.ifelse(text.isin(good), one, ibis.ifelse(is_bad, zero, nothing))
    named = (*outcome.favourable, *outcome.unfavourable, *outcome.excluded)
    known = [
        ~_missing(text, named), _observed(raw, program, outcome, favourable, as_text),
        _matured(raw, everyone, program, outcome),
    ]  # fmt: skip
    if contract.time is not None:
        known.append(raw[contract.time].notnull())
    for fact in known:
        if fact is not None:
            value = ibis.ifelse(fact.fill_null(False), value, nothing)
    return value


def _missing(text: ir.Value, favourable: tuple[str, ...]) -> Any:
    from checks.inputs.prepared import MISSING_TEXTS  # which imports this module

    named = {value.strip().casefold() for value in favourable}
    return text.isnull() | text.strip().lower().isin([word for word in MISSING_TEXTS if word not in named])


def _observed(
    raw: ir.Table,
    program: AuditProgram,
    outcome: Outcome,
    favourable: ir.Value | None,
    as_text: Callable[[ir.Value], ir.Value],
) -> Any:
    contract = program.contract
    if outcome.observed_when is None:
        return None
    if contract.decision and outcome.observed_when == contract.decision.column and favourable is not None:
        return favourable == 1
    column = raw[outcome.observed_when]
    if column.type().is_temporal():
        where = program.where("contract.outcome.observed_when")
        raise InputError(Problem(
            where, f"column '{outcome.observed_when}' of type {column.type()}",
            "a column that is true or false for each row, or the column of the decision",
            "form one in a 'query', such as booked_on IS NOT NULL AS booked",
        ))  # fmt: skip
    return as_text(column).strip().lower().isin(_TRUE)


def _matured(raw: ir.Table, everyone: ir.Table, program: AuditProgram, outcome: Outcome) -> Any:
    import ibis

    contract = program.contract
    if outcome.matures_after is None or contract.time is None:
        return None
    last = outcome.observed_until or _newest(everyone, contract.time)
    latest = _earlier(last, outcome.matures_after) if last else None
    if latest is None:
        return ibis.literal(False)
    # a case of its own, so that a GROUP BY takes it as it is and not the time beneath it
    time, end = raw[contract.time].cast("timestamp"), _day_after(latest)
    return ibis.cases((time < end.isoformat(), True), else_=False)


def _newest(everyone: ir.Table, column: str) -> dt.date | None:
    """The day of the newest row, from one look at the time column; None without a time."""
    time = everyone[column].cast("timestamp")
    backend = everyone.get_backend()
    real = everyone.filter((time >= _FIRST) & (time < _LAST))
    cursor: Any = backend.raw_sql(backend.compile(real.aggregate(newest=real[column].cast("timestamp").max())))
    found = cursor.fetchall()[0][0]
    if backend.name != "duckdb":  # there the cursor is the connection itself
        cursor.close()
    return found.date() if found else None


def _day_after(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=1) if day < dt.date.max else day


def _earlier(day: dt.date, span: str) -> dt.date | None:
    """The day so many days, weeks, months or years before; the month's last day where it has no such day.

    None for a day before the calendar begins.
    """
    number, unit = int(span.split()[0]), span.split()[1].rstrip("s")
    if unit in ("day", "week"):
        days = number * (7 if unit == "week" else 1)
        return day - dt.timedelta(days=days) if days < day.toordinal() else None
    months = day.year * 12 + day.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if year < 1:
        return None
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))

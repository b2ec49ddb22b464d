"""For which period a run of a DAG is: what was asked for, what an update of its data names, or what has just ended."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import Asset, AssetAny, AssetOrTimeSchedule, CronDataIntervalTimetable, get_current_context

from checks.inputs.period import Period, period_between, read_period
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem

_DAY = r"\d{4}-\d{2}-\d{2}"
PERIOD_PATTERN = rf"^(|all|\d{{4}}(-Q[1-4]|-\d{{2}})?|{_DAY}(\.\.{_DAY})?)$"  # what may be asked for


def timetable(program: AuditProgram) -> Any:
    """The program's schedule: each run covers the interval that has just ended, or the period that an update names.

    None runs by hand only.
    """
    cron = CronDataIntervalTimetable(program.cron, timezone="UTC") if program.cron else None
    assets = [Asset(name) for name in program.operation.after]
    if not assets:
        return cron
    updated = AssetAny(*assets) if len(assets) > 1 else assets[0]
    return AssetOrTimeSchedule(timetable=cron, assets=updated) if cron else [updated]


def period_of_run(program: AuditProgram) -> Period:
    """The period of the running task's DAG run, in its shortest form, so that two words for it give one folder.

    Of several updates the newest counts; ``other_periods`` has the others. Raises ``InputError`` for a period that
    cannot be read.
    """
    context: Any = get_current_context()
    asked = str(context["params"].get("period") or "")
    if asked:
        return shortest(read_period(asked))
    updated = updates(context)
    if updated:
        return period_of_update(program, updated[-1])
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if program.contract.time and program.cron and start and end and start.date() < end.date():
        return period_between(start.date(), end.date())
    return last_period(program, context["dag_run"].run_after)


def updates(context: Any) -> list[Any]:
    """The updates that started the run, oldest first."""
    events = context.get("triggering_asset_events") or {}
    return sorted((event for each in events.values() for event in each), key=lambda event: event.timestamp)


def period_of_update(program: AuditProgram, event: Any) -> Period:
    """The period that an update of data names under ``period``, else the schedule's last one before it.

    Raises ``InputError`` for words that are no period.
    """
    named = (event.extra or {}).get("period")
    if not named:
        return last_period(program, event.timestamp)
    try:
        return shortest(read_period(str(named)))
    except InputError as error:
        found = error.problems[0]
        raise InputError(Problem(
            "the asset's update, extra.period", found.found, found.expected,
            'update the asset with extra {"period": "2026-10"}',
        )) from None  # fmt: skip


def last_period(program: AuditProgram, moment: dt.datetime) -> Period:
    """The last whole interval of the program's schedule before a moment; all rows without schedule or time column."""
    if not (program.contract.time and program.cron):
        return Period()
    start, end = last_interval(program.cron, moment)
    return period_between(start.date(), end.date())


def shortest(period: Period) -> Period:
    """The same days in the shortest words."""
    return period_between(period.start, period.end) if period.start and period.end else period


def last_interval(cron: str, moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The last whole interval of a cron line before a moment."""
    from croniter import croniter

    end = croniter(cron, moment + dt.timedelta(seconds=1)).get_prev(dt.datetime)
    return croniter(cron, end).get_prev(dt.datetime), end


def day_of_run() -> dt.date:
    """The day that a run stands for, the same when it is cleared and tried again: what freshness counts from."""
    context: Any = get_current_context()
    moment = context.get("data_interval_end") or context.get("logical_date") or context["dag_run"].run_after
    return moment.date()  # type: ignore[no-any-return]

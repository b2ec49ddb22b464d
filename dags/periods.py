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

    An update that names no period stands for the interval of the schedule that ended last before it. Raises
    ``InputError`` for a period that cannot be read.
    """
    context: Any = get_current_context()
    asked = str(context["params"].get("period") or "")
    if asked:
        return shortest(read_period(asked))
    updated = periods_of_updates(context)
    if updated:
        return updated[-1]
    if not (program.contract.time and program.cron):
        return Period()
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if not (start and end and start.date() < end.date()):
        start, end = last_interval(program.cron, context["dag_run"].run_after)
    return period_between(start.date(), end.date())


def periods_of_updates(context: Any) -> list[Period]:
    """The periods that the updates which started the run name, each once, the newest last."""
    events = context.get("triggering_asset_events") or {}
    named = {
        str(event.extra["period"]) for each in events.values() for event in each if (event.extra or {}).get("period")
    }
    try:
        periods = {period.text: period for period in (shortest(read_period(text)) for text in sorted(named))}
    except InputError as error:
        found = error.problems[0]
        raise InputError(Problem(
            "the asset's update, extra.period", found.found, found.expected,
            "update the asset with extra {\"period\": \"2026-10\"}",
        )) from None  # fmt: skip
    return sorted(periods.values(), key=lambda period: (period.end or dt.date.max, period.start or dt.date.min))


def other_periods(run_id: str, context: Any) -> list[dict[str, Any]]:
    """Runs to start for the further periods that the updates name: arguments of the operator that starts them."""
    return [
        {"conf": {"period": period.text}, "trigger_run_id": f"{run_id}__{period.text}"}
        for period in periods_of_updates(context)[:-1]
    ]


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

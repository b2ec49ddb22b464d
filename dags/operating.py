"""A program's ``operation`` as arguments of its DAG and tasks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from airflow.sdk import Param

from checks.inputs.program import AuditProgram
from dags.periods import PERIOD_PATTERN, timetable
from dags.retrying import patience
from dags.telling import deadline, telling

MOST_RUNS = 400  # of one program at once: runs that wait for signatures hold up no other, for a year of days
_PERIOD = "such as 2026-10; empty: the run's own period"
MOST_TASKS = 4  # of one program at once


def about(program: AuditProgram) -> dict[str, Any]:
    """What every DAG of a program has: its words, and how its tasks are tried again and told of."""
    return {
        "doc_md": program.description.get("en"),
        "dag_display_name": program.title["en"],
        "tags": ["squaredeal", *(Path(name).stem[:90] for name in program.policies)],
        "default_args": {**patience(program.operation), "on_failure_callback": telling(program, "failed")},
        "on_failure_callback": telling(program, "died") or None,
        "max_active_tasks": MOST_TASKS,
        "params": {"period": Param("", type="string", pattern=PERIOD_PATTERN, description=_PERIOD)},
    }


def when(program: AuditProgram) -> dict[str, Any]:
    """When its audit runs: schedule, first period, whether missed periods are caught up, by when it must be done."""
    start = program.operation.start
    return {
        "schedule": timetable(program),
        "start_date": dt.datetime.combine(start, dt.time(), dt.UTC) if start else None,
        "catchup": program.operation.catch_up,
        "max_active_runs": MOST_RUNS,
        **deadline(program),
    }


def at_source(program: AuditProgram) -> dict[str, Any]:
    """What the tasks that ask the source have: the pool that limits them, where the program names one."""
    return {"pool": program.operation.pool} if program.operation.pool else {}

"""Across programs: the site of all runs, and what MLflow says of each model, renewed after a run and once a day.

Once a day, since an acceptance of a risk ends with a day and not with a run. ``SQUAREDEAL_SITE`` is the folder of the
site, ``MLFLOW_TRACKING_URI`` the store; where neither is set there is no such DAG.
"""

import datetime as dt
import os
from pathlib import Path

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from checks.inputs.operation import Operation
from dags.retrying import patience
from dags.signing import RUNS
from dags.telling import plain_errors

SITE, OUT = os.environ.get("SQUAREDEAL_SITE"), os.environ.get("SQUAREDEAL_OUT", "runs")
STORE = os.environ.get("MLFLOW_TRACKING_URI")


def renew_site() -> str:
    """Build the site of all runs anew where something changed. Returns what was done."""
    from reports.site.build import build

    with plain_errors():
        built = build(Path(OUT), Path(str(SITE)), print)
    return f"{built.programs} programs, {built.runs} runs, {built.written} files written, {built.unreadable} unreadable"


def renew_status() -> None:
    """Say in MLflow where the findings of each model stand today."""
    from reports.tracking import renew_status

    with plain_errors():
        renew_status(Path(OUT), str(STORE), dt.datetime.now(dt.UTC).date())


if SITE or STORE:
    with DAG(
        "squaredeal-portfolio",
        dag_display_name="Site of all runs",
        schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("10 0 * * *", timezone="UTC"), assets=[RUNS]),
        catchup=False,
        max_active_runs=1,
        tags=["squaredeal"],
        default_args=patience(Operation()),
    ) as portfolio:
        if SITE:
            task(renew_site, task_id="site")()
        if STORE:
            task(renew_status, task_id="status")()

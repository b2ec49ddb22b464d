"""One run in MLflow for one record, whoever tracks at the same time and whoever is killed on the way.

A store in an SQLite file is written by one process at a time, under a lock that the system takes from a process that
dies. A server knows no lock: there the earliest run that bears the record's digests is kept, once it is complete.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from checks.unavailable import silent
from reports.mlflow_store import run_found_or_made, runs_that_bear

if TYPE_CHECKING:
    from mlflow import MlflowClient

Made = TypeVar("Made")
_TRIES = 8
# what a store says where another process did the same thing just before; nothing of it was written
_CONFLICT = re.compile(
    r"RESOURCE_ALREADY_EXISTS|already exists|duplicate key|UNIQUE constraint|database is locked|deadlock detected|"
    r"No tag with name|could not serialize",
    re.IGNORECASE,
)


def patiently(work: Callable[[], Made]) -> Made:
    """What ``work`` gives, begun anew where another process was in its way. It reads before it writes."""
    from mlflow.exceptions import MlflowException

    for attempt in range(_TRIES):
        try:
            return work()
        except MlflowException as error:
            if attempt == _TRIES - 1 or not _CONFLICT.search(f"{error.error_code} {error}"):
                raise
            time.sleep(random.uniform(0.05, 0.1 * 2**attempt))  # noqa: S311 - no secret
    raise AssertionError("the last attempt returns or raises")


def logged_once(
    client: MlflowClient, experiment_id: str, name: str, tags: Mapping[str, str], log: Callable[[str], None]
) -> str:
    """The id of the one run that bears all these tags: found or made, filled by ``log``, ended.

    ``log`` may be called again, also for another run: what it writes twice must be there once. Runs that others made
    meanwhile are deleted, but for the earliest, and only when that one is complete.
    """
    from mlflow.exceptions import MlflowException

    def fill(run_id: str) -> None:
        log(run_id)
        client.set_terminated(run_id)

    for _ in range(_TRIES):
        run_id = run_found_or_made(client, experiment_id, name, tags)
        try:
            patiently(partial(fill, run_id))
        except MlflowException:
            if client.get_run(run_id).info.lifecycle_stage == "active":
                raise
            continue  # another process completed an earlier one and deleted this
        kept = runs_that_bear(client, experiment_id, tags)
        if kept and kept[0] == run_id:
            for other in kept[1:]:
                _delete(client, experiment_id, other)
            return run_id
    raise silent("the MLflow store", f"others change the run '{name}' all the time", "one run that stays")


def _delete(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    """Delete a run and those below it."""
    for child in runs_that_bear(client, experiment_id, {"mlflow.parentRunId": run_id}):
        client.delete_run(child)
    client.delete_run(run_id)

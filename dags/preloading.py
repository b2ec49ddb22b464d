"""Imports what tasks need before Airflow forks them: what its scheduler holds, every task of it holds from the start.

Airflow loads this module as a policy plugin (entry point ``airflow.policy``) whenever it is initialised; only those
servers whose processes become tasks act on it. Most of what a short task takes is otherwise the import of these
packages. They are other people's packages alone: our own code is read by each task, so that a task never works with
another code than the one in its folder. After packages are upgraded, servers start anew.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

BEFORE_TASKS = ("scheduler", "celery")  # Airflow's commands whose processes become tasks: ``airflow celery worker``
PACKAGES = (
    "numpy", "pandas", "pyarrow", "scipy.stats", "sqlalchemy", "duckdb", "ibis", "ibis.backends.duckdb", "jinja2",
    "babel.dates", "fairlearn.metrics", "great_expectations", "mlflow",
)  # fmt: skip


def preload(command: Sequence[str]) -> list[str]:
    """Import the packages in a server whose processes become tasks; returns them, none elsewhere.

    ``command`` is the process' own: its program and words. A package that cannot be imported is left to the task that
    needs it, which says so.
    """
    if not any(word in BEFORE_TASKS for word in command[1:2]):
        return []
    loud, done = logging.getLogger("great_expectations"), []
    level = loud.level
    loud.setLevel(logging.WARNING)  # it tells of each of its functions
    for name in PACKAGES:
        with suppress(ImportError):
            importlib.import_module(name)
            done.append(name)
    loud.setLevel(level)
    return done


preload(sys.argv)

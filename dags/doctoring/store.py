"""The MLflow store: does it answer, and may it be written? What is written is deleted again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from checks.problem import InputError
from dags.doctoring.finding import PATIENCE, Asked, Finding, Probe

_THING, _PURPOSE = "MLflow store", "runs, reports and states of models are tracked in it"
_TO_DO = "check address, user and password, and that the server runs"


def _store(asked: Asked) -> Iterator[Finding]:
    uri = asked.mlflow
    if not uri:
        remedy = "name one with --mlflow, or set MLFLOW_TRACKING_URI"
        yield Finding(_THING, "not asked", "no store is named", _PURPOSE, remedy)
        return
    if uri.startswith("sqlite:///"):
        file = Path(uri.removeprefix("sqlite:///").partition("?")[0]).absolute()
        if not file.exists():
            yield _later(file)
            return
    waits = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(PATIENCE), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    os.environ.update({**waits, "MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"})
    if "://" in uri and uri.split("+")[0].split(":")[0] in ("postgresql", "mysql"):
        from dags.doctoring.database import why_silent

        silent = why_silent(uri)
        if silent:
            yield Finding(_THING, "broken", silent, _PURPOSE, _TO_DO)
            return
    from reports.mlflow_store import opened_store

    name = f"squaredeal-doctor-{secrets.token_hex(8)}"
    try:
        with opened_store(uri, "a store that can be written", _TO_DO, writes=False) as client:
            client.search_experiments(max_results=1)
            client.create_registered_model(name)
            client.delete_registered_model(name)
    except InputError as error:
        problem = error.problems[0]
        yield Finding(_THING, "broken", f"{problem.where}: {problem.found}", _PURPOSE, _TO_DO)
        return
    yield Finding(_THING, "ok", f"{uri} answers and can be written", _PURPOSE)


def _later(file: Path) -> Finding:
    if file.parent.is_dir() and os.access(file.parent, os.W_OK):
        return Finding(_THING, "ok", f"{file} is made at the first run that is tracked", _PURPOSE)
    return Finding(_THING, "broken", f"{file.parent} is no folder that can be written", _PURPOSE, "name another store")


PROBES = (Probe(_THING, _PURPOSE, _store),)

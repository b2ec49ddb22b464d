"""Is a server well? Asked of paths that it really serves: ``python -m dags.serving.health NAME`` ends with 0 or 1.

Light on purpose: it is asked every few seconds.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

# by the name of the server: what Airflow's answer calls it
PARTS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


def unwell(name: str, environment: Mapping[str, str], timeout: float = 10) -> str | None:
    """Why a server is not well, in a line; None where it is."""
    try:
        status, body = _get(_address(name, environment), timeout)
    except KeyError as error:
        return f"the variable {error.args[0]} is not set"
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    if status != 200:
        return f"it answers {status}"
    if name not in (*PARTS, "api-server"):
        return None
    try:
        told: Any = json.loads(body)
        parts = {part: told[part]["status"] for part in (PARTS.get(name, "metadatabase"),)}
    except (ValueError, KeyError, TypeError):
        return "an answer that is none of Airflow's"
    return next((f"{part} is {status}" for part, status in parts.items() if status != "healthy"), None)


def _address(name: str, environment: Mapping[str, str]) -> str:
    if name == "mlflow":
        return f"http://127.0.0.1:{environment['MLFLOW_PORT']}/health"
    if name == "site":
        return f"http://127.0.0.1:{environment['SQUAREDEAL_SITE_PORT']}/health"
    if name in PARTS or name == "api-server":
        execution = environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
        return execution.rstrip("/").removesuffix("/execution") + "/api/v2/monitor/health"
    raise SystemExit(f"no server is called '{name}'")


def _get(address: str, timeout: float) -> tuple[int, bytes]:
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read(100_000)
    finally:
        connection.close()


if __name__ == "__main__":
    found = unwell(sys.argv[1], os.environ)
    print(found or "well")  # noqa: T201
    raise SystemExit(1 if found else 0)

"""The one table of servers: what each is called, how it is started, what says that it is well, how long it may end.

``docker-compose.yml`` starts the same commands; a test compares them. A command's first word is a program of this
environment, or of the Postgres that it carries.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["postgres", "airflow", "mlflow", "site"]


@dataclass(frozen=True, slots=True)
class Service:
    """One server. ``kind`` says whose settings it is given; ``marks`` are words of its title while it runs."""

    name: str
    kind: Kind
    command: tuple[str, ...]
    marks: tuple[str, ...]
    health: tuple[str, ...]
    stop_within: int  # seconds from the first signal until it is killed
    stop_signal: str = "TERM"


def _asked(name: str) -> tuple[str, ...]:
    return "python", "-m", "dags.serving.health", name


def _airflow(name: str, *words: str, stop_within: int = 20) -> Service:
    return Service(name, "airflow", ("airflow", *words), ("airflow",), _asked(name), stop_within)


POSTGRES = Service("postgres", "postgres", ("postgres",), ("postgres",), ("pg_isready", "-q"), 30, "INT")
MLFLOW = Service(
    "mlflow", "mlflow", ("mlflow", "server", "--app-name", "basic-auth"), ("mlflow",), _asked("mlflow"), 15
)
SITE = Service("site", "site", ("squaredeal", "serve-site"), ("serve-site",), _asked("site"), 10)
AIRFLOW = (
    _airflow("api-server", "api-server", "--proxy-headers"),
    _airflow("scheduler", "scheduler", "--skip-serve-logs", stop_within=30),
    _airflow("dag-processor", "dag-processor"),
    _airflow("triggerer", "triggerer", "--skip-serve-logs"),
)
SERVICES = (POSTGRES, MLFLOW, *AIRFLOW, SITE)
BY_NAME = {service.name: service for service in SERVICES}


def located(command: tuple[str, ...], postgres: Path | None = None) -> tuple[str, ...]:
    """A command with the path of its program: beside this Python, or in the folder of Postgres."""
    first, *rest = command
    if first == "python":
        return sys.executable, *rest
    beside = Path(sys.executable).parent / first
    if beside.exists():
        return str(beside), *rest
    return str(postgres / first) if postgres else first, *rest

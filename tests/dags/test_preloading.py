"""A scheduler holds what its tasks need before it forks them; no other server does, and none holds our own code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dags.preloading import PACKAGES, preload
from tests.doctored import clean_environment

STARTED = """
import json, sys, threading
sys.argv = ["airflow", *{words}]
import airflow
from airflow import settings
settings.initialize()
held = [name for name in {packages} if name in sys.modules]
own = [name for name in sys.modules if name.partition(".")[0] in ("audits", "checks", "reports")]
print("TOLD" + json.dumps([held, own, [one.name for one in threading.enumerate()]]))
"""


def held_by(tmp_path, *words: str) -> tuple[list[str], list[str], list[str]]:
    """Packages that a command of Airflow holds when it is initialised, modules of ours, and its threads."""
    code = STARTED.format(words=list(words), packages=PACKAGES)
    environment = clean_environment(AIRFLOW_HOME=str(tmp_path), AIRFLOW__CORE__UNIT_TEST_MODE="False")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.partition("TOLD")[2])
    assert "Skipping registering" not in done.stdout + done.stderr
    return tuple(found)


@pytest.mark.parametrize("words", [("scheduler", "--skip-serve-logs"), ("celery", "worker")])
def test_a_server_whose_processes_become_tasks_holds_the_packages_and_no_code_of_ours(tmp_path, words):
    held, own, threads = held_by(tmp_path, *words)
    assert held == list(PACKAGES)
    assert own == []
    assert threads == ["MainThread"]  # a thread would not be there in what is forked


def test_no_other_command_is_slowed_by_it(tmp_path):
    held, own, _ = held_by(tmp_path, "api-server")
    assert not {"great_expectations", "mlflow", "ibis", "duckdb"} & set(held)
    assert own == []
    assert preload(["squaredeal", "run", "scheduler"]) == preload(["airflow"]) == []


def test_a_package_that_cannot_be_imported_is_left_to_the_task(monkeypatch):
    monkeypatch.setattr("dags.preloading.PACKAGES", ("json", "no_such_package"))
    assert preload(["airflow", "scheduler"]) == ["json"]

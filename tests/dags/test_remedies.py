"""A program that says how its model is trained: its second DAG, and the task that searches."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from dags import stations
from tests.programs import BOSTON, ROOT
from tests.remedied import write_remedied

pytestmark = pytest.mark.xdist_group("airflow")
PARSE = """
import airflow.sdk
import dags.audit_programs as parsed
for name, dag in sorted(vars(parsed).items()):
    if isinstance(dag, airflow.sdk.DAG):
        print(dag.dag_id, dag.schedule, ",".join(dag.task_ids), ",".join(sorted(dag.params)))
"""


def parsed(programs) -> dict[str, list[str]]:
    """What stands in each DAG of a folder of programs: schedule, tasks, parameters."""
    environment = {**os.environ, "SQUAREDEAL_PROGRAMS": str(programs), "AIRFLOW_HOME": str(programs / "airflow")}
    environment["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    done = subprocess.run(
        [sys.executable, "-c", PARSE], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if " None " in line or " <" in line]
    return {name: rest for name, *rest in lines}


def test_only_a_program_with_training_code_has_a_second_dag_without_schedule_and_names_stay_apart(tmp_path):
    write_remedied(tmp_path, "lender")
    (tmp_path / "boston.yaml").write_text(BOSTON.read_text())
    (tmp_path / "zz.yaml").write_text(BOSTON.read_text().replace("boston-mortgages", "lender-remedies"))
    dags = parsed(tmp_path)
    assert set(dags) == {"boston-mortgages", "lender", "lender-remedies", "broken-zz"}
    assert dags["lender-remedies"] == ["None", "remedies", "period"]
    assert "remedies" not in dags["lender"][1]
    assert dags["broken-zz"][1] == "program_cannot_be_read"


@pytest.fixture
def by_hand(tmp_path, monkeypatch):
    """The context of a run that somebody started on 15 March 2026."""
    moment = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)
    context = {
        "params": {}, "logical_date": moment, "data_interval_start": moment, "data_interval_end": moment,
        "dag_run": SimpleNamespace(run_after=moment),
    }  # fmt: skip
    monkeypatch.setattr("dags.periods.get_current_context", lambda: context)
    monkeypatch.setenv("SQUAREDEAL_OUT", str(tmp_path / "runs"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return tmp_path


def test_the_task_writes_record_and_pages_and_says_what_was_found(by_hand, capsys):
    folder = stations.remedies_task(str(write_remedied(by_hand / "p")))
    assert folder == str(by_hand / "runs/remedied/all/remedies/v1")
    names = sorted(path.name for path in stations.Path(folder).iterdir())
    assert names == ["remedies.html", "remedies.json", "remedies.zh-CN.html"]
    assert "  CERTIFIED  " in capsys.readouterr().out


def test_code_that_is_not_trusted_fails_the_task_with_its_words_for_good(by_hand):
    with pytest.raises(AirflowFailException, match="trusted"):
        stations.remedies_task(str(write_remedied(by_hand / "p", trusted=False)))
    assert not (by_hand / "runs").exists()

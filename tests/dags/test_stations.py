"""Tasks that fail: what they say, what they leave behind, what can be tried again."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from checks.problem import UnavailableError
from dags import periods, stations
from tests.programs import loans, write_program

pytestmark = pytest.mark.xdist_group("airflow")


@pytest.fixture
def scheduled(tmp_path, monkeypatch):
    """A folder of runs and the context that Airflow gives to a run of 15 March 2026."""
    moment = dt.datetime(2026, 3, 15, tzinfo=dt.UTC)
    context = {
        "params": {}, "logical_date": moment, "data_interval_start": moment, "data_interval_end": moment,
        "dag_run": SimpleNamespace(run_after=moment),
    }  # fmt: skip
    for module in (stations, periods):
        monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setenv("SQUAREDEAL_OUT", str(tmp_path / "runs"))
    return context


def program_with_freshness(folder):
    import pandas as pd

    contract = {
        "time": "decided", "freshness": {"within_days": 30}, "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    return write_program(folder, loans().assign(decided=pd.Timestamp("2026-03-01")), contract=contract)


def test_freshness_counts_from_the_day_that_the_run_stands_for(tmp_path, scheduled):
    from audits.run import read_run

    staging = stations.check_task(stations.pull_task(str(program_with_freshness(tmp_path))))
    for question in stations.collect_task(staging):
        stations.audit_task(staging, question)
    run, _ = read_run(stations.Path(stations.judge_task(staging)))
    assert (run.checks.fit, run.checks.as_of) == (True, "2026-03-15")


def test_a_first_task_that_fails_leaves_no_staging_folder(tmp_path, scheduled, monkeypatch):
    import audits.run

    def lost(*_):
        raise OSError(5, "Input/output error", "loans.parquet")

    monkeypatch.setattr(audits.run, "pull", lost)
    with pytest.raises(UnavailableError, match="Input/output error"):  # a disk may recover: it is tried again
        stations.pull_task(str(write_program(tmp_path, loans())))
    assert list((tmp_path / "runs").rglob(".staging-*")) == []


def test_a_judge_task_that_failed_can_be_tried_again_and_a_finished_one_gives_its_version_again(
    tmp_path, scheduled, monkeypatch
):
    import audits.run

    file = str(write_program(tmp_path, loans()))
    staging = stations.check_task(stations.pull_task(file))
    for question in stations.collect_task(staging):
        stations.audit_task(staging, question)
    with monkeypatch.context() as broken:
        broken.setattr(audits.run, "write_whole", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(UnavailableError, match="No space left"):
            stations.judge_task(staging)
    folder = stations.Path(stations.judge_task(staging))
    assert sorted(path.name for path in folder.iterdir()) == ["evidence", "judgement.json", "origin.json", "run.json"]
    assert stations.judge_task(staging) == str(folder)
    with pytest.raises(AirflowFailException, match="clear the run from its first task"):
        stations.collect_task(staging)
    again = stations.check_task(stations.pull_task(file))
    for question in stations.collect_task(again):
        stations.audit_task(again, question)
    assert [stations.judge_task(again) for _ in range(2)] == [str(folder)] * 2  # the same inputs: the same version
    assert [path.name for path in folder.parent.glob(".staging-*")] == []


def test_a_verdict_that_cannot_be_waited_for_fails_at_the_start(tmp_path, scheduled, monkeypatch):
    monkeypatch.setenv("SQUAREDEAL_FAIL_ON", "concerns")
    with pytest.raises(AirflowFailException, match="SQUAREDEAL_FAIL_ON"):
        stations.pull_task(str(write_program(tmp_path, loans())))


@pytest.mark.parametrize("schedule", ["@hourly", "*/30 * * * *", "0 6,18 * * *"])
def test_a_schedule_of_less_than_a_day_does_not_fit_a_time_column(tmp_path, schedule):
    from checks.inputs.program import read_program
    from checks.problem import InputError

    file = program_with_freshness(tmp_path)
    text = file.read_text()
    file.write_text(f"{text}schedule: '{schedule}'\n")
    with pytest.raises(InputError, match="more than once a day, beside a time column"):
        read_program(file)
    file.write_text(f"{text}schedule: '0 6 * * 1'\n")
    assert read_program(file).cron == "0 6 * * 1"
    file.write_text(f"{text}schedule: '{schedule}'\n".replace("  time: decided\n", "").replace("freshness", "columns"))
    file.write_text(file.read_text().replace("columns:\n    within_days: 30", "unit: case"))
    assert read_program(file).cron

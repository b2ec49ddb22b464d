"""The databases, MLflow or its artifact store are away for a minute in the middle: the run completes afterwards."""

from __future__ import annotations

import time

import pytest

from tests.operated import decisions, write_operated

pytestmark = pytest.mark.xdist_group("stack")
AWAY = 60  # seconds
OPERATION = {"retry_after": "2 seconds", "retries": 10}


@pytest.fixture(scope="module")
def bank(stack):
    """A program whose rows lie in a table of the database that everything else uses, too."""
    import sqlalchemy

    stack.database.psql("create database bank;")
    engine = sqlalchemy.create_engine(f"postgresql+psycopg2://postgres@/bank?host={stack.home / 'pg'}")
    decisions(0.0, 60_000).to_sql("loans", engine, index=False)
    engine.dispose()
    stack.connection("bank", "postgres", str(stack.home / "pg"), "bank")
    source = {"connection": "airflow://bank", "table": "loans"}
    write_operated(stack.programs, "bank-loans", 0.0, OPERATION, source=source)
    stack.refresh("bank-loans")
    return "bank-loans"


@pytest.fixture(scope="module")
def tracked(stack):
    write_operated(stack.programs, "tracked-loans", 0.0, OPERATION)
    stack.refresh("tracked-loans")
    return "tracked-loans"


def complete(stack, program, month, artifacts=5):
    """One version, tracked once, with its pages and records among the artifacts."""
    (version,) = (stack.runs / program / month).glob("v*")
    (run,) = stack.tracked(program, month)
    assert run["info"]["status"] == "FINISHED"
    listed = stack.mlflow("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run['info']['run_id']}").json()["files"]
    assert {"run.json", "judgement.json", "report.html", "report.zh-CN.html"} <= {one["path"] for one in listed}
    return (version / "run.json").read_bytes()


def test_mlflow_is_away_when_a_run_is_to_be_published(stack, tracked):
    run = stack.trigger(tracked, "2025-01")
    stack.wait_task(tracked, run, "check", ["running", "success"])
    stack.kill("mlflow")
    began = time.monotonic()
    stack.wait_task(tracked, run, "publish", ["up_for_retry"])
    time.sleep(max(0.0, AWAY - (time.monotonic() - began)))
    stack.start("mlflow")
    assert stack.wait(tracked, run, timeout=600) == "success"
    complete(stack, tracked, "2025-01")


def test_the_artifact_store_is_away(stack, tracked):
    artifacts = stack.home / "artifacts"
    away = artifacts.rename(stack.home / "artifacts-away")
    artifacts.write_text("a file where the folder was: nothing can be stored in it")
    try:
        run = stack.trigger(tracked, "2025-02")
        stack.wait_task(tracked, run, "publish", ["up_for_retry"])
        time.sleep(AWAY)
    finally:
        artifacts.unlink()
        away.rename(artifacts)
    assert stack.wait(tracked, run, timeout=600) == "success"
    complete(stack, tracked, "2025-02")


def test_the_database_of_everything_is_away_in_the_middle(stack, bank):
    undisturbed = stack.trigger(bank, "2025-03")
    assert stack.wait(bank, undisturbed) == "success"
    run = stack.trigger(bank, "2025-04")
    stack.wait_task(bank, run, "check", ["running"])
    stack.database.stop()
    time.sleep(AWAY)
    stack.database.start()
    stack.revive()
    assert stack.wait(bank, run, timeout=900) == "success"
    complete(stack, bank, "2025-04")
    from audits.run import audit
    from checks.inputs.period import read_period
    from checks.inputs.program import read_program

    url = f"postgresql://postgres@/bank?host={stack.home / 'pg'}"
    again = audit(
        read_program(stack.programs / "bank-loans.yaml"), read_period("2025-04"), stack.home / "again",
        resolve=lambda _: url,
    )  # fmt: skip
    (version,) = (stack.runs / bank / "2025-04").glob("v*")
    assert (version / "run.json").read_bytes() == (again / "run.json").read_bytes()

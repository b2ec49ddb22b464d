"""DAGs: a real Airflow with its metadata database runs them; files and verdicts are the library's."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from dags.demonstration import airflow, airflow_environment, task_states
from tests.programs import BOSTON, ROOT, loans, run_program, write_program
from tests.remedied import write_remedied

pytestmark = pytest.mark.xdist_group("airflow")


@pytest.fixture(scope="module")
def home(demonstration):
    """One Airflow home, with the demonstration run through it."""
    return demonstration


def test_the_demonstration_runs_every_task_and_reads_the_states_from_the_metadata_database(home):
    folder, lines = home
    states = task_states(folder / "airflow/airflow.db", "boston-mortgages")
    assert [(task, index) for task, index, _ in states] == [
        ("pull", -1), ("check", -1), ("collect", -1), ("audit", 0), ("judge", -1), ("publish", -1), ("gate", -1),
    ]  # fmt: skip
    assert {state for _, _, state in states} == {"success"}
    assert any("CONCERN  us.air.80" in line for line in lines)
    assert (folder / "runs/boston-mortgages/all/v1/report.html").stat().st_size > 5000


def test_the_demonstration_sets_what_was_planted_in_an_insurer_beside_what_was_found(home):
    folder, lines = home
    states = task_states(folder / "airflow/airflow.db", "motor-renewals")
    assert {state for _, _, state in states} == {"success"}
    assert "publish" in {task for task, _, _ in states}
    (slope,) = (line for line in lines if line.startswith("  tenure_price_slope"))
    assert "2.01 % a year" in slope
    (cases,) = (line for line in lines if line.startswith("  renewal_above_enbp_cases"))
    assert cases.endswith("breach")
    assert (folder / "runs/motor-renewals/all/v1/report.html").stat().st_size > 5000


def test_the_demonstration_sets_what_was_planted_in_a_lender_of_small_loans_beside_what_was_found(home):
    folder, lines = home
    states = task_states(folder / "airflow/airflow.db", "quickcash-loans")
    assert {state for _, _, state in states} == {"success"}
    assert sum(task == "audit" for task, _, _ in states) == 8
    (cap,) = (line for line in lines if line.startswith("  highest_mapr_rate"))
    assert cap.endswith("breach")
    assert any(line.startswith("  fee_driven_ratio") and line.endswith("concern") for line in lines)
    assert (folder / "runs/quickcash-loans/all/v1/report.html").stat().st_size > 5000


def test_the_demonstration_sets_what_was_planted_in_a_bank_on_a_phone_beside_what_was_found(home):
    folder, lines = home
    states = task_states(folder / "airflow/airflow.db", "mobile-bank")
    assert {state for _, _, state in states} == {"success"}
    assert sum(task == "audit" for task, _, _ in states) == 5
    (whole,) = (line for line in lines if line.startswith("  cumulative_ratio, 60+"))
    assert whole.endswith("concern")
    (decision,) = (line for line in lines if line.startswith("  adjusted_stage_ratio, decision, 60+"))
    assert decision.endswith("clear")
    assert (folder / "runs/mobile-bank/all/v1/report.html").stat().st_size > 5000
    assert (folder / "programs/mobile-bank-events.yaml").exists()


def test_the_demonstration_names_a_proxy_in_a_registered_model_and_run_and_version_lead_to_each_other(home):
    from mlflow import MlflowClient

    from audits.run import read_run

    folder, lines = home
    states = task_states(folder / "airflow/airflow.db", "app-visits")
    assert {state for _, _, state in states} == {"success"}
    assert sum(task == "audit" for task, _, _ in states) == 6
    (carried,) = (line for line in lines if line.startswith("  proxy_carried_gap, visits, renewing"))
    assert carried.endswith("concern")
    assert "  named as standing in for time as a customer: visits" in lines
    assert any("flip of tenure: not answered: the model does not take tenure" in line for line in lines)
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}", f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("squaredeal/app-visits")
    (listed,) = client.search_runs([experiment.experiment_id])
    tracked = client.get_run(listed.info.run_id)  # a search leaves out models
    version = client.get_model_version_by_alias("app-visits-price", "production")
    (of,) = tracked.inputs.model_inputs
    assert client.get_logged_model(of.model_id).source_run_id == version.run_id
    subject = read_run(folder / "runs/app-visits/all/v1")[0].subject
    assert (subject.version, subject.digest[:7]) == (str(version.version), "sha256:")
    for one in (tracked.data.tags, client.get_model_version(version.name, version.version).tags):
        assert one["squaredeal.model_version"] == subject.version
        assert one["squaredeal.model_digest"] == subject.digest
        assert one["fairness.status"] == "flagged"
    page = f"#/experiments/{experiment.experiment_id}/runs/{tracked.info.run_id}"
    assert f"]({page})" in version.description
    assert any(page in line for line in lines)
    assert any("#/models/app-visits-price/versions/1" in line for line in lines)
    report = (folder / "runs/app-visits/all/v1/report.html").read_text(encoding="utf-8")
    assert subject.digest in report
    assert subject.model in report


def test_the_demonstration_finds_a_remedy_for_a_registered_score_and_sets_it_beside_what_was_planted(home):
    from audits.remedies.station import latest_remedies, read_remedies

    folder, lines = home
    states = task_states(folder / "airflow/airflow.db", "scored-loans")
    assert {state for _, _, state in states} == {"success"}
    assert sum(task == "audit" for task, _, _ in states) == 5
    assert "  named as standing in for origin: prepaid_phone" in lines
    found = latest_remedies(folder / "runs/scored-loans/all")
    record = read_remedies(found)
    assert record.outcome == "certified"
    assert (found / "remedies.html").stat().st_size > 5000
    assert any(line.startswith("  ratio of approval rates, chosen model") and "0.857" in line for line in lines)
    assert any(line.startswith("  certified, of") and "without prepaid_phone" in line for line in lines)
    assert any(str(found) in line for line in lines)
    assert any("#/models/scored-loans-score/versions/1" in line for line in lines)
    (search,) = (line.split()[2] for line in lines if line.startswith("  MLflow search:"))
    runs = {line.split()[2] for line in lines if line.startswith("  MLflow run:")}
    assert len(runs) == 2  # of both models' audits; the search is newer than the audit beside it
    assert search not in runs


def test_the_dag_and_the_command_line_give_the_same_records_byte_for_byte(home, tmp_path):
    run_program(BOSTON, tmp_path)
    for name in ("run.json", "judgement.json", "evidence/cells.csv"):
        by_dag = (home[0] / "runs/boston-mortgages/all/v1" / name).read_bytes()
        assert by_dag == (tmp_path / "boston-mortgages/all/v1" / name).read_bytes()


def test_the_dag_tracks_in_mlflow(home):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home[0] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("squaredeal/boston-mortgages")
    (tracked,) = client.search_runs([experiment.experiment_id], "tags.`fairness.status` = 'flagged'")
    assert tracked.data.metrics["adverse_impact_ratio/race/non-white"] == pytest.approx(0.779, abs=5e-4)


def test_a_search_for_remedies_started_by_hand_gives_the_bytes_of_the_command_and_is_tracked(home, tmp_path):
    from mlflow import MlflowClient

    from audits.remedies.station import find_remedies
    from checks.inputs.period import read_period
    from checks.inputs.program import read_program

    file = write_remedied(tmp_path / "programs")
    environment = airflow_environment(home[0], tmp_path / "programs") | {"SQUAREDEAL_OUT": str(tmp_path / "runs")}
    airflow(["dags", "test", "remedied-remedies"], environment, tmp_path / "log")
    assert task_states(home[0] / "airflow/airflow.db", "remedied-remedies") == [("remedies", -1, "success")]
    by_dag = tmp_path / "runs/remedied/all/remedies/v1"
    by_hand = find_remedies(read_program(file), read_period("all"), tmp_path / "own")
    assert (by_dag / "remedies.json").read_bytes() == (by_hand / "remedies.json").read_bytes()
    assert (by_dag / "remedies.zh-CN.html").exists()
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("squaredeal/remedied")
    tracked = client.search_runs([experiment.experiment_id], "tags.`squaredeal.kind` = 'remedies'")
    assert [run.data.tags["squaredeal.outcome"] for run in tracked] == ["certified"]


def test_unfit_data_are_recorded_and_published_and_end_red_and_a_broken_program_spoils_no_other(home, tmp_path):
    data = loans()
    data.loc[:3, "region"] = None
    write_program(tmp_path / "programs", data, "unfit-loans")
    (tmp_path / "programs/torn.yaml").write_text("program: torn\n  source: [")
    environment = airflow_environment(home[0], tmp_path / "programs")
    environment["SQUAREDEAL_OUT"] = str(tmp_path / "runs")
    assert airflow(["dags", "test", "unfit-loans"], environment, tmp_path / "log", must_succeed=False) != 0
    states = {task: state for task, _, state in task_states(home[0] / "airflow/airflow.db", "unfit-loans")}
    assert states == {
        "pull": "success", "check": "success", "collect": "success", "audit": "skipped", "judge": "success",
        "publish": "success", "gate": "failed",
    }  # fmt: skip
    from audits.run import read_run

    run, judgement = read_run(tmp_path / "runs/unfit-loans/all/v1")
    assert not run.checks.fit
    assert {finding.verdict for finding in judgement.findings} == {"unfit"}
    assert (tmp_path / "runs/unfit-loans/all/v1/report.html").exists()


def test_a_monthly_program_reads_postgres_by_airflow_connection_for_the_month_that_ended(home, tmp_path, postgres_url):
    import pandas as pd
    import psycopg

    from audits.run import read_run

    data = loans(9, 600)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS monthly")
        connection.execute('CREATE TABLE monthly ("case" int, region text, granted int, decided timestamp)')
        with connection.cursor().copy("COPY monthly FROM STDIN") as copy:
            for i, row in enumerate(data.itertuples(index=False)):
                day = pd.Timestamp("2026-01-01") + pd.Timedelta(days=i % 90)
                copy.write_row((int(row.case), row.region, int(row.granted), day))
    contract = {
        "time": "decided",
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }
    source = {"connection": "airflow://bank", "table": "monthly"}
    write_program(tmp_path / "p", data, "monthly-loans", source=source, contract=contract, schedule="@monthly")
    environment = airflow_environment(home[0], tmp_path / "p")
    environment |= {
        "SQUAREDEAL_OUT": str(tmp_path / "runs"),
        "AIRFLOW_CONN_BANK": postgres_url.replace("postgresql://", "postgres://"),
    }
    log = tmp_path / "log"
    assert airflow(["dags", "test", "monthly-loans", "2026-02-01"], environment, log, False) == 0, log.read_text()[
        -3000:
    ]
    run, _ = read_run(tmp_path / "runs/monthly-loans/2026-01/v1")
    expected = sum(i % 90 < 31 for i in range(len(data)))
    assert (run.data.rows, run.data.first_day, run.data.last_day) == (expected, "2026-01-01", "2026-01-31")


PARSE = """
import sys
import airflow.sdk
import dags.audit_programs as parsed
dags = [value for value in vars(parsed).values() if isinstance(value, airflow.sdk.DAG)]
libraries = ("great_expectations", "ibis", "mlflow", "shap", "fairlearn", "duckdb")
heavy = [name for name in libraries if name in sys.modules]
names = {dag.dag_id for dag in dags}
print(len(names), heavy, sorted(name for name in names if name.startswith("broken-")))
"""


def parse(programs) -> str:
    environment = {**os.environ, "SQUAREDEAL_PROGRAMS": str(programs), "AIRFLOW_HOME": str(programs / "airflow")}
    environment["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    done = subprocess.run(
        [sys.executable, "-c", PARSE], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_parsing_a_hundred_programs_imports_no_heavy_library(tmp_path):
    for i in range(100):
        program = yaml.safe_load(BOSTON.read_text())
        program["program"] = f"boston-{i}"
        (tmp_path / f"boston-{i}.yaml").write_text(yaml.safe_dump(program))
    assert parse(tmp_path) == "100 [] []"


def test_broken_programs_become_dags_that_say_so_and_the_others_stay(tmp_path):
    (tmp_path / "good.yaml").write_text(BOSTON.read_text())
    (tmp_path / "torn.yaml").write_text("program: [")
    (tmp_path / "never.yaml").write_text(BOSTON.read_text() + "schedule: every-monday\n")
    assert parse(tmp_path) == "3 [] ['broken-never', 'broken-torn']"


def test_no_program_takes_the_dags_of_others_down(tmp_path):
    good = BOSTON.read_text()
    (tmp_path / "good.yaml").write_text(good)
    (tmp_path / "loans (2).yaml").write_text("program: [")
    (tmp_path / "never.yaml").write_text(good.replace("boston-mortgages", "never") + 'schedule: "99 99 * * *"\n')
    (tmp_path / "twin.yaml").write_text(good)
    (tmp_path / ("p" * 120 + ".yaml")).write_text(good.replace("boston-mortgages", "long-policy"))
    assert parse(tmp_path) == "5 [] ['broken-loans--2-', 'broken-never', 'broken-twin']"


def test_the_dag_file_stays_a_declaration():
    assert len((ROOT / "dags/audit_programs.py").read_text().splitlines()) < 50

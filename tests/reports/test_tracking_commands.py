"""The command line and MLflow: eight audits at once, renewed tags, what does not answer, the queries of the docs."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import pytest
from mlflow import MlflowClient

from reports.tracking import track
from tests.programs import ROOT, loans, write_program
from tests.released import ADA, NOON, accepted, release
from tests.trackers import finished_run

pytestmark = pytest.mark.xdist_group("mlflow")
GAPS = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35]


def started(*words, **settings):
    return subprocess.Popen(
        [sys.executable, "-m", "squaredeal", *map(str, words)], cwd=ROOT, text=True,
        env={**os.environ, "SQUAREDEAL_THREADS": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", **settings},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process):
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


@pytest.fixture
def closed_port():
    with socket.socket() as taken:  # bound and not listening: refused, and nobody else gets it
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_eight_audits_at_once_into_one_new_store(tmp_path):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    programs = [write_program(tmp_path / f"at-{i}", loans(i, gap=GAPS[i]), f"at-{i}") for i in range(8)]
    alone = ended(started("run", programs[7], "--out", tmp_path / "alone", "--fail-on", "concern", "--quiet"))
    assert alone[0] == 1, alone
    at_once = [
        started("run", one, "--out", tmp_path / "runs", "--fail-on", "concern", "--quiet", "--mlflow", store)
        for one in programs
    ]
    told = [ended(process) for process in at_once]
    client, codes = MlflowClient(store), []
    for i in range(8):
        place = client.get_experiment_by_name(f"squaredeal/at-{i}").experiment_id
        (run,) = client.search_runs([place])
        assert run.info.status == "FINISHED"
        assert run.data.tags["audit.status"] in ("clear", "concern_open", "undecided")
        assert {"run.json", "judgement.json", "report.html", "evidence"} <= {
            one.path for one in client.list_artifacts(run.info.run_id)
        }
        codes.append(1 if run.data.tags["fairness.status"] == "flagged" else 0)
    assert [code for code, _, _ in told] == codes, told
    assert codes[7] == 1


def test_findings_renews_the_tags_of_all_programs_and_says_of_how_many(tmp_path):
    store, runs = f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "runs"
    client = MlflowClient(store)
    client.create_registered_model("credit")
    client.create_model_version("credit", source="s3://nowhere/model")
    folders = [finished_run(runs, name) for name in ("cards", "loans")]
    for folder in folders:
        track(folder, store)
        release(folder, ADA, NOON, actions=[accepted("aaaaaaaaaaaa", "2026-03-31")])
    for day, status in (("2026-03-31", "accepted"), ("2026-04-01", "breach_open")):
        code, out, err = ended(started("findings", runs, "--on", day, "--mlflow", store))
        assert (code, err) == (0, "renewed the tags of 2 programs in MLflow\n")
        assert "cards" in out
        tags = client.get_model_version("credit", "1").tags
        assert [tags[f"audit.status{of}"] for of in ("", ".cards", ".loans")] == [status] * 3


def test_a_store_that_does_not_answer_is_told_plainly(tmp_path, closed_port):
    runs = tmp_path / "runs"
    finished_run(runs, "cards")
    program = write_program(tmp_path, loans())
    for words in (("findings", runs), ("run", program, "--out", tmp_path / "out", "--quiet")):
        code, _, err = ended(started(*words, "--mlflow", f"http://ada:secret@127.0.0.1:{closed_port}"))
        assert code == 2
        assert re.search(r"squaredeal: 1 problem\n\nthe MLflow store .*\n +found: +it does not answer now: ", err), err
        assert re.search(r"to do: +try again; if it stays so, ", err)
        assert "secret" not in err
        assert "Traceback" not in err
    assert (tmp_path / "out/loans/all/v1/run.json").exists()


def test_a_database_that_does_not_answer_is_told_plainly(tmp_path, closed_port):
    program = write_program(tmp_path, loans(), source={"connection": "${BANK}", "table": "loans"})
    address = f"postgresql://ada:secret@127.0.0.1:{closed_port}/bank"
    code, _, err = ended(started("run", program, "--out", tmp_path / "out", "--quiet", BANK=address))
    assert code == 2
    assert "does not answer now" in err
    assert re.search(r"to do: +try again; if it stays so, ", err)
    assert "secret" not in err
    assert "Traceback" not in err


def test_the_queries_of_the_documents_find_what_they_say(tmp_path, monkeypatch):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(store)
    client.create_registered_model("credit")
    client.create_model_version("credit", source="s3://nowhere/model")
    folder = finished_run(tmp_path / "runs", "cards")
    run_id = track(folder, store)
    release(folder, ADA, NOON, actions=[accepted("aaaaaaaaaaaa", "2026-03-31")])
    code, _, err = ended(started("findings", tmp_path / "runs", "--on", "2026-04-01", "--mlflow", store))
    assert code == 0, err
    (queries,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/findings.md").read_text(), re.DOTALL)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    exec(queries, found := {})  # noqa: S102 - our own document
    for name in ("open_breaches", "breached_by_cards"):
        assert [(one.name, str(one.version)) for one in found[name]] == [("credit", "1")]
    for name in ("newest", "released_by_ada"):
        assert [one.info.run_id for one in found[name]] == [run_id]
    tags = client.get_run(run_id).data.tags
    assert (tags["audit.released_by"], tags["audit.released_at"]) == ("Ada Byron", "2026-03-02T12:00:00Z")

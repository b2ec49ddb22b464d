"""Many processes into one MLflow store, killed at any point: no run is lost, none is doubled, each is complete."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from checks.problem import UnavailableError
from reports.tracking import track
from tests.trackers import Server, client_with, finished_run, killed_at, tracked_at_once

pytestmark = pytest.mark.xdist_group("mlflow")
VERDICTS = ["clear", "concern", "breach", "clear", "inconclusive", "clear", "concern", "clear"]
FILES = {"run.json", "judgement.json", "report.html", "evidence"}


@pytest.fixture(scope="module")
def server(tmp_path_factory, postgres_url):
    running = Server(tmp_path_factory.mktemp("server"), postgres_url)
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture(params=["sqlite", "server"])
def uri(request, tmp_path):
    """A store that does not exist yet, or the server."""
    return f"sqlite:///{tmp_path / 'mlflow.db'}" if request.param == "sqlite" else request.getfixturevalue("server").url


def runs_begun(client, program):
    return list(client.search_runs([client.get_experiment_by_name(f"squaredeal/{program}").experiment_id]))


def runs_of(client, program):
    """The runs of a program, seen to be complete: state, figures, tags, data and files."""
    runs = runs_begun(client, program)
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.metrics["rows"] > 0
        assert run.data.metrics["verdicts/" + run.data.tags["squaredeal.verdict"]] == 1
        assert [len(client.get_metric_history(run.info.run_id, name)) for name in run.data.metrics] == [1] * len(
            run.data.metrics
        )
        assert run.data.tags["squaredeal.program"] == program
        assert run.data.tags["mlflow.note.content"]
        assert len(run.inputs.dataset_inputs) == 1
        assert {one.path for one in client.list_artifacts(run.info.run_id)} >= FILES
        assert [one.path for one in client.list_artifacts(run.info.run_id, "evidence")] == ["evidence/cells.csv"]
    return runs


def registered(uri, name):
    """A registered model with one version, whose address is given back."""
    client = MlflowClient(uri)
    client.create_registered_model(name)
    client.create_model_version(name, source="s3://nowhere/model")
    return f"models:/{name}/1"


def test_eight_programs_at_once_into_a_new_store(uri, tmp_path):
    folders = [finished_run(tmp_path / "runs", f"new-{i}", verdict=VERDICTS[i], model=None) for i in range(8)]
    assert tracked_at_once(folders, uri) == []
    client = MlflowClient(uri)
    assert [len(runs_of(client, f"new-{i}")) for i in range(8)] == [1] * 8


def test_four_periods_of_one_program_at_once_into_a_new_store(uri, tmp_path):
    periods = [f"2026-{month:02}" for month in range(1, 5)]
    folders = [finished_run(tmp_path / "runs", "monthly", period, model=None) for period in periods]
    assert tracked_at_once(folders, uri) == []
    assert sorted(run.data.tags["squaredeal.period"] for run in runs_of(MlflowClient(uri), "monthly")) == periods


def test_a_model_of_eight_programs_ends_at_the_worst_with_the_words_of_all(uri, tmp_path):
    model = registered(uri, "credit")
    folders = [finished_run(tmp_path / "runs", f"on-{i}", verdict=VERDICTS[i], model=model) for i in range(8)]
    assert tracked_at_once(folders, uri, status=True) == []
    client = MlflowClient(uri)
    assert [len(runs_of(client, f"on-{i}")) for i in range(8)] == [1] * 8
    version = client.get_model_version("credit", "1")
    assert (version.tags["fairness.status"], version.tags["audit.status"]) == ("flagged", "breach_open")
    words = {"clear": "clear", "concern": "concern_open", "breach": "breach_open", "inconclusive": "undecided"}
    assert [version.tags[f"audit.status.on-{i}"] for i in range(8)] == [words[verdict] for verdict in VERDICTS]
    assert [i for i in range(8) if f"on-{i}" not in version.description] == []


def test_one_version_tracked_by_several_processes_is_one_run(uri, tmp_path):
    folder = finished_run(tmp_path / "runs", "same", model=registered(uri, "same"))
    assert tracked_at_once([folder] * 4, uri) == []
    assert len(runs_of(MlflowClient(uri), "same")) == 1


def test_killed_at_any_call_and_tracked_again_is_one_complete_run(uri, tmp_path):
    model, points = registered(uri, "killed"), 0
    step = 1 if uri.startswith("sqlite") else 3  # a server takes long
    client = MlflowClient(uri)
    while killed_at(points, folder := finished_run(tmp_path / "runs", f"killed-{points}", model=model), uri):
        track(folder, uri)
        assert len(runs_of(client, f"killed-{points}")) == 1, points
        points += step
    assert points > 15
    assert len(runs_of(client, f"killed-{points}")) == 1


def test_a_run_that_another_process_made_meanwhile_is_deleted_when_the_earliest_is_complete(server, tmp_path):
    folder = finished_run(tmp_path / "runs", "doubled", model=None)
    client, first = MlflowClient(server.url), track(folder, server.url)
    run = client.get_run(first)
    marks = {key: value for key, value in run.data.tags.items() if key.endswith("_digest")}
    earlier = client.create_run(run.info.experiment_id, run.info.start_time - 5, marks, "of a process that died")
    assert track(folder, server.url) == earlier.info.run_id
    assert [one.info.run_id for one in runs_of(client, "doubled")] == [earlier.info.run_id]
    assert client.get_run(first).info.lifecycle_stage == "deleted"


@pytest.mark.parametrize("call", [5, 9])
def test_a_server_killed_on_the_way_and_started_again_gets_the_rest(server, tmp_path, monkeypatch, call):
    folder = finished_run(tmp_path / "runs", f"outage-{call}", model=None)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with monkeypatch.context() as patched:
        patched.setattr("mlflow.MlflowClient", client_with(call, server.kill))
        with pytest.raises(UnavailableError, match="does not answer now"):
            track(folder, server.url)
    server.start()
    client = MlflowClient(server.url)
    (begun,) = runs_begun(client, f"outage-{call}")
    assert begun.info.status == "RUNNING"
    assert track(folder, server.url) == begun.info.run_id
    assert len(runs_of(client, f"outage-{call}")) == 1

"""MLflow: real SQLite stores, found again, never doubled, flagged models findable."""

from __future__ import annotations

import threading

import pytest
from mlflow import MlflowClient

from checks.problem import InputError, UnavailableError
from reports.mlflow_store import settled
from reports.publish import write_pages
from reports.tracking import _describe, track
from tests.programs import loans, run_program, write_program
from tests.released import judged_run

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    client = MlflowClient(uri)
    client.create_registered_model("scorecard")
    client.create_model_version("scorecard", source="file:///nowhere")
    client.set_registered_model_alias("scorecard", "production", "1")
    return uri, client


@pytest.fixture
def folder(tmp_path):
    def make(name="loans", seed=7, **changes):
        run_program(write_program(tmp_path / name, loans(seed), name, **changes), tmp_path / "out")
        made = tmp_path / "out" / name / "all" / "v1"
        write_pages(made)
        return made

    return make


def test_a_run_carries_figures_data_digest_tags_and_every_file(store, folder):
    uri, client = store
    made = folder(name="whole")
    tracked = client.get_run(track(made, uri))
    metrics, tags = tracked.data.metrics, tracked.data.tags
    assert metrics["adverse_impact_ratio/region/south"] < 1
    assert metrics["adverse_impact_ratio/region/south/low"] < metrics["adverse_impact_ratio/region/south/high"]
    assert metrics["approval_rate/region/north/n"] > 0
    assert tags["squaredeal.program"] == "whole"
    assert "**Fair lending: Concern**" in tags["mlflow.note.content"]
    assert tags["squaredeal.verdict.fair_lending"] == "concern"
    assert "95% interval" in tags["squaredeal.figure.fair_lending"]
    assert tags["squaredeal.languages"] == "en, zh-CN"
    (data,) = tracked.inputs.dataset_inputs
    assert tags["squaredeal.fingerprint"].removeprefix("sha256:").startswith(data.dataset.digest)
    names = {item.path for item in client.list_artifacts(tracked.info.run_id)}
    assert {"run.json", "judgement.json", "report.html", "evidence", "figures"} <= names
    drawn = {item.path for item in client.list_artifacts(tracked.info.run_id, "figures")}
    assert drawn == {"figures/fair_lending.svg", "figures/fair_lending.zh-CN.svg"}
    local = client.download_artifacts(tracked.info.run_id, "run.json")
    with open(local, "rb") as file:
        assert file.read() == (made / "run.json").read_bytes()


def test_sums_that_may_be_of_one_person_never_reach_the_store(store, folder):
    uri, client = store
    made = folder(name="few")
    for home in ("evidence", "parts/2026-01-01..2026-02-01/evidence"):
        (made / home).mkdir(parents=True, exist_ok=True)
        (made / home / "cells-2.csv").write_text("rows,known:p,sum:p,squares:p\n4,4,1.0,1.0\n")
        (made / home / "cells-3.csv").write_text("rows,known:p,sum:p,squares:p\n5,5,1.0,1.0\n")
    (made / "restricted").mkdir(exist_ok=True)
    (made / "restricted" / "cells-4.csv").write_text("rows\n4\n")
    run_id = track(made, uri)
    kept = {item.path for item in client.list_artifacts(run_id, "evidence")}
    assert {"evidence/cells.csv", "evidence/cells-3.csv"} <= kept
    assert not kept & {"evidence/cells-2.csv", "evidence/cells-4.csv"}
    part = "evidence/2026-01-01..2026-02-01"
    assert {item.path for item in client.list_artifacts(run_id, part)} == {f"{part}/cells-3.csv"}
    assert "restricted" not in {item.path for item in client.list_artifacts(run_id)}


def test_tracking_again_finds_the_same_run_and_doubles_nothing(store, folder):
    uri, client = store
    made = folder(name="again", model="models:/scorecard/1")
    first = client.get_run(track(made, uri))
    described = client.get_model_version("scorecard", "1").description
    assert track(made, uri) == first.info.run_id
    again = client.get_run(first.info.run_id)
    assert len(again.inputs.dataset_inputs) == 1
    assert again.data.tags == first.data.tags
    assert len(client.get_metric_history(first.info.run_id, "rows")) == 1
    assert client.get_model_version("scorecard", "1").description == described
    experiment = client.get_experiment_by_name("squaredeal/again")
    assert len(client.search_runs([experiment.experiment_id])) == 1


def test_a_flagged_model_version_is_found_by_its_tag(store, folder):
    uri, client = store
    track(folder(name="modelled", model="models:/scorecard@production"), uri)
    (version,) = client.search_model_versions("tag.`fairness.status` = 'flagged'")
    assert (version.name, version.tags["squaredeal.program"]) == ("scorecard", "modelled")
    assert "Fair lending: Concern" in version.description


def test_a_model_version_keeps_no_verdict_on_a_harm_that_its_last_audit_did_not_judge(store, folder):
    uri, client = store
    number = str(client.create_model_version("scorecard", source="file:///earlier").version)
    model = f"models:/scorecard/{number}"
    track(folder(name="judged", model=model), uri)
    assert client.get_model_version("scorecard", number).tags["squaredeal.verdict.fair_lending"] == "concern"
    track(folder(name="idle", model=model, scope={"jurisdictions": ["XX"]}, policies=["us"]), uri)
    assert [key for key in client.get_model_version("scorecard", number).tags if "fair_lending" in key] == []
    client.delete_model_version("scorecard", number)


def test_a_clear_program_does_not_unflag_what_another_program_flagged(store, folder):
    uri, client = store
    version = client.create_model_version("scorecard", source="file:///nowhere").version
    track(folder(name="harmful", model=f"models:/scorecard/{version}"), uri)
    track(
        folder(name="unjudged", model=f"models:/scorecard/{version}", scope={"jurisdictions": ["XX"]}, policies=["us"]),
        uri,
    )
    tags = client.get_model_version("scorecard", version).tags
    assert (tags["fairness.status"], tags["fairness.status.unjudged"]) == ("flagged", "not_judged")
    client.delete_model_version("scorecard", version)


def test_an_older_period_audited_again_does_not_unflag_a_newer_one(store, folder):
    uri, client = store
    number = str(client.create_model_version("scorecard", source="file:///later").version)
    model, south = f"models:/scorecard/{number}", loans(7)
    dates = {"dated": {"from": "2026-05-01", "to": "2026-05-31"}}
    base = {
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    newer = folder(name="monthly", model=model, contract=base | dates)
    track(newer, uri)
    assert client.get_model_version("scorecard", number).tags["fairness.status"] == "flagged"
    south["granted"] = 1 - (south["case"] % 5 == 0)
    older = base | {"dated": {"from": "2026-04-01", "to": "2026-04-30"}}
    run_program(write_program(newer.parent / "older", south, "monthly", model=model, contract=older), newer.parent)
    made = newer.parent / "monthly/all/v1"
    write_pages(made)
    track(made, uri)
    assert client.get_model_version("scorecard", number).tags["fairness.status"] == "flagged"


def test_an_unregistered_model_is_a_clear_error_and_the_audit_stays(store, folder):
    uri, _ = store
    made = folder(name="orphan", model="models:/nobody@production")
    before = (made / "run.json").read_bytes()
    with pytest.raises(InputError, match="registered model"):
        track(made, uri)
    assert (made / "run.json").read_bytes() == before


def test_two_writers_at_once_on_sqlite_both_arrive(store, folder):
    uri, client = store
    made = [folder(name=f"writer-{i}", seed=i) for i in range(2)]
    failures = []

    def write(one):
        try:
            track(one, uri)
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for i in range(2):
        experiment = client.get_experiment_by_name(f"squaredeal/writer-{i}")
        assert len(client.search_runs([experiment.experiment_id])) == 1


def test_a_store_that_cannot_be_written_is_a_clear_error(folder):
    made = folder(name="lost")
    with pytest.raises(InputError, match="MLflow store"):
        track(made, "sqlite:////proc/nowhere/mlflow.db")


def test_a_server_that_never_answers_is_given_up_on(folder, monkeypatch):
    import socket

    made = folder(name="silent")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(InputError, match="the audit itself is"):
        track(made, f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_an_earlier_version_published_late_does_not_speak_for_the_model(store, tmp_path):
    uri, client = store
    number = str(client.create_model_version("scorecard", source="file:///versions").version)
    model = f"models:/scorecard/{number}"

    def made(version, verdict):
        return judged_run(tmp_path, {"a": verdict}, program="late", version=version, model=(model, number))

    second, tenth = made(2, "clear"), made(10, "breach")
    track(second, uri)
    track(tenth, uri)
    track(second, uri)
    tags = client.get_model_version("scorecard", number).tags
    assert (tags["fairness.status"], tags["fairness.status.late"], tags["fairness.version.late"]) == (
        "flagged", "flagged", "10",
    )  # fmt: skip
    track(made(11, "clear"), uri)
    assert client.get_model_version("scorecard", number).tags["fairness.status"] == "clear"
    client.delete_model_version("scorecard", number)


class Contended(MlflowClient):
    """A client beside which another process undoes each write at once."""

    def set_model_version_tag(self, name, version, key, value):
        super().set_model_version_tag(name, version, key, "of another" if key == "audit.status" else value)

    def update_model_version(self, name, version, description=None):
        super().update_model_version(name, version, "of another")


def test_writers_that_never_agree_are_given_up_on_as_what_does_not_answer_now(store):
    uri, client = store
    number = str(client.create_model_version("scorecard", source="file:///contended").version)
    client.set_model_version_tag("scorecard", number, "audit.status.cards", "clear")
    client.set_model_version_tag("scorecard", number, "squaredeal.words.cards", "Words.")
    with pytest.raises(UnavailableError, match=r"others change 'audit\.status' of scorecard"):
        settled(Contended(uri), "scorecard", number, "audit.status", ["clear"])
    with pytest.raises(UnavailableError, match="others change the description of scorecard"):
        _describe(Contended(uri), "scorecard", number)
    client.delete_model_version("scorecard", number)

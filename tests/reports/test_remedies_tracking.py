"""A search in MLflow: a real SQLite store, one run with a child for each candidate, found again and never doubled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from mlflow import MlflowClient
from mlflow.entities import RunStatus

from audits.record import canonical_json
from audits.remedies.records import REMEDIES_FILE
from checks.problem import InputError
from reports.mlflow_page import DESCRIPTION_LIMIT, Place
from reports.remedies_page import publish_remedies
from reports.remedies_tracking import description, track_remedies
from tests.reports import sample_remedies as sample

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    return uri, MlflowClient(uri)


@pytest.fixture
def kept(tmp_path):
    def make(record, name="v1"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / REMEDIES_FILE).write_bytes(canonical_json(record))
        return folder

    return make


def renamed(record, name):
    return replace(record, program=replace(record.program, name=name))


def children(client, parent):
    place = client.get_run(parent).info.experiment_id
    return client.search_runs([place], f"tags.`mlflow.parentRunId` = '{parent}'", max_results=500)


def test_the_parent_carries_outcome_certified_figures_words_and_files(store, kept):
    uri, client = store
    folder = kept(sample.certified())
    publish_remedies(folder, uri)
    parent = client.get_run(track_remedies(folder, uri))
    tags, metrics = parent.data.tags, parent.data.metrics
    assert parent.info.run_name == "proxy 2026-Q3 remedies v2"
    assert client.get_experiment(parent.info.experiment_id).name == "squaredeal/proxy"
    assert (tags["squaredeal.kind"], tags["squaredeal.outcome"], tags["squaredeal.chosen"]) == (
        "remedies", "certified", "without-trait",
    )  # fmt: skip
    assert metrics["adverse_impact_ratio_gain/grp/b"] == pytest.approx(0.1064)
    assert metrics["adverse_impact_ratio_gain/grp/b/low"] < metrics["adverse_impact_ratio_gain/grp/b/high"]
    assert metrics["adverse_impact_ratio_gain/grp/b/n"] == 24311
    assert metrics["performance_difference/today"] == 0.6631
    assert metrics["floor/least"] == pytest.approx(0.7092)
    note = tags["mlflow.note.content"]
    assert "**Certified**" in note
    assert "0.751 → 0.857 (+0.106)" in note
    assert "已验证" in note
    assert f"runs/{parent.info.run_id}/artifacts/remedies.html" in note
    names = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert names == {"remedies.json", "remedies.html", "remedies.zh-CN.html"}


def test_every_candidate_is_a_child_with_what_it_takes_and_how_it_did(store, kept):
    uri, client = store
    record = renamed(sample.certified(), "children")
    found = {run.info.run_name: run for run in children(client, track_remedies(kept(record), uri))}
    assert set(found) == {one.id for one in record.candidates}
    tuned, cut, lost = (found[name].data for name in ("tuned-7", "cut-1", "tuned-8"))
    assert tuned.params == {
        "kind": "hyperparameters", "features": "risk, trait", "deployable": "True", "changes": "none",
        "hyperparameters/depth": "3", "hyperparameters/rate": "0.1",
    }  # fmt: skip
    assert tuned.metrics["performance"] == sample.BEST
    assert tuned.metrics["ratio/grp/b"] == 0.762
    assert tuned.metrics["gain"] == pytest.approx(0.0114)
    assert cut.params["deployable"] == "False"
    assert lost.metrics == {"known_rows": 0.0}
    assert lost.tags["mlflow.note.content"] == "Depth changed. The training code failed: ValueError."
    chosen = [name for name, run in found.items() if run.data.tags["squaredeal.is_chosen"] == "True"]
    assert chosen == ["without-trait"]
    assert {run.info.status for run in found.values()} == {"FINISHED"}


def test_tracking_again_finds_the_same_runs_and_doubles_nothing_and_another_record_is_another_run(store, kept):
    uri, client = store
    record = renamed(sample.many(), "again")
    folder = kept(record)
    first = track_remedies(folder, uri)
    before = {run.data.tags["squaredeal.candidate"]: run.info.run_id for run in children(client, first)}
    assert len(before) == len(record.candidates) == 69
    assert track_remedies(folder, uri) == first
    again = {run.data.tags["squaredeal.candidate"]: run.info.run_id for run in children(client, first)}
    assert again == before
    assert len(client.get_metric_history(first, "floor/least")) == 1
    assert len(client.get_metric_history(before["today"], "performance")) == 1
    assert track_remedies(kept(replace(record, candidates=record.candidates[:3]), "v3"), uri) != first


def test_an_attempt_that_broke_off_is_completed(store, kept, monkeypatch):
    uri, client = store
    record, calls = renamed(sample.certified(), "broken-off"), Counter()
    folder, ended = kept(record), MlflowClient.set_terminated

    def breaks(self, run_id, *rest, **more):
        calls["ended"] += 1
        if calls["ended"] == 3:
            raise OSError(104, "Connection reset by peer")
        ended(self, run_id, *rest, **more)

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "set_terminated", breaks)
        with pytest.raises(InputError, match="Connection reset by peer"):
            track_remedies(folder, uri)
    parent = track_remedies(folder, uri)
    found = children(client, parent)
    assert len(found) == len(record.candidates)
    assert {run.info.status for run in found} == {RunStatus.to_string(RunStatus.FINISHED)}
    assert all(run.data.params for run in found)


@pytest.mark.parametrize("state", ["none_found", "not_answered", "hostile"])
def test_every_outcome_can_be_tracked(store, kept, state):
    uri, client = store
    record = renamed(sample.STATES[state](), f"state-{state}")
    parent = client.get_run(track_remedies(kept(record), uri))
    assert parent.data.tags["squaredeal.outcome"] == record.outcome
    assert len(children(client, parent.info.run_id)) == len(record.candidates)
    if state == "hostile":
        assert "<script>" not in parent.data.tags["mlflow.note.content"]


@pytest.mark.parametrize("state", sample.STATES)
def test_a_description_keeps_to_the_limit_of_mlflow(state):
    record = sample.STATES[state]()
    long = replace(record, cautions=tuple(f"caution {i} " + "word " * 60 for i in range(60)))
    assert len(description(long, Place("1", "a" * 32))) <= DESCRIPTION_LIMIT


def test_a_store_that_refuses_is_said_without_its_password(kept):
    folder = kept(sample.certified())
    with pytest.raises(InputError) as told:
        track_remedies(folder, "sqlite:////proc/nowhere/mlflow.db?password=secret")
    assert str(folder) in str(told.value)

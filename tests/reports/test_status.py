"""Where findings stand, in MLflow on a real server: exactly the versions with an open breach, whatever came last."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from mlflow import MlflowClient

from checks.problem import InputError, UnavailableError
from reports import mlflow_status
from reports.mlflow_store import digests as digests_of
from reports.mlflow_store import experiment, run_found_or_made
from reports.tracking import renew_status, tag_status
from tests.released import ADA, NOON, accepted, judged_run, release, write_verdicts

pytestmark = pytest.mark.xdist_group("mlflow")
DAY = dt.date(2026, 3, 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("server")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{home}/db", "--artifacts-destination", f"{home}/files"],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _until_healthy(url, process)
        yield url, process
    finally:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _until_healthy(url, process):
    for _ in range(720):
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("no MLflow server")


def tracked(client, url, folder):
    return run_found_or_made(client, experiment(client, url, folder.parent.parent.name), "a run", digests_of(folder))


def test_versions_with_an_open_breach_are_listed_and_no_others(server, tmp_path):
    url, _ = server
    client = MlflowClient(url)
    client.create_registered_model("credit")
    for _number in range(7):
        client.create_model_version("credit", source="s3://nowhere/model")
    client.set_registered_model_alias("credit", "production", "7")

    def listed():
        return [found.version for found in client.search_model_versions("tag.`audit.status` = 'breach_open'")]

    bad = judged_run(tmp_path, {"aaaaaaaaaaaa": "breach"})
    good = judged_run(tmp_path, {"bbbbbbbbbbbb": "clear"}, program="loans")
    run_id = tracked(client, url, bad)
    assert tag_status(bad, url, DAY) == "breach_open"
    assert tag_status(good, url, DAY) == "clear"
    assert [str(number) for number in listed()] == ["7"]
    assert client.get_model_version("credit", "7").aliases == ["production"]
    assert client.get_model_version("credit", "7").tags["audit.period.cards"] == "2026-01"

    release(bad, ADA, NOON, actions=[accepted("aaaaaaaaaaaa", "2026-03-31")])
    assert tag_status(bad, url, DAY) == "accepted"
    assert listed() == []
    tags = client.get_run(run_id).data.tags
    assert (tags["audit.status"], tags["audit.released_by"]) == ("accepted", "Ada Byron")
    assert [one.path for one in client.list_artifacts(run_id)] == ["release.json"]

    renew_status(tmp_path, url, dt.date(2026, 4, 1))
    assert [str(number) for number in listed()] == ["7"]  # what was accepted until March is open in April

    newer = judged_run(tmp_path, {"aaaaaaaaaaaa": "clear"}, period="2026-02")
    newer_id = tracked(client, url, newer)
    assert tag_status(newer, url, DAY) == tag_status(bad, url, DAY) == "clear"  # an older period changes nothing
    assert listed() == []
    assert "audit.status" not in client.get_run(run_id).data.tags
    assert client.get_run(newer_id).data.tags["audit.status"] == "clear"


def test_a_server_that_hangs_is_told_soon_as_one_that_does_not_answer(server, tmp_path, monkeypatch):
    url, process = server
    folder = judged_run(tmp_path, {"aaaaaaaaaaaa": "breach"}, program="hangs")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(UnavailableError, match="does not answer now"):
            tag_status(folder, url, DAY)
    finally:
        os.killpg(process.pid, signal.SIGCONT)


@pytest.fixture
def store(tmp_path):
    """An SQLite store with two registered models, one named so that it must be quoted."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    for name in ("credit", "bob's other"):
        client.create_registered_model(name)
        client.create_model_version(name, source="s3://nowhere/model")
    return uri, client


def status_tags(client, name="credit"):
    return {key: value for key, value in client.get_model_version(name, "1").tags.items() if key.startswith("audit.")}


CREDIT, OTHER = ("models:/credit", "1"), ("models:/bob's other", "1")


def test_a_process_that_read_the_files_before_another_run_came_ends_at_what_that_run_says(store, tmp_path, monkeypatch):
    uri, client = store
    slow = judged_run(tmp_path / "runs", {"a": "clear"}, model=CREDIT)
    tracked(client, uri, slow)
    read, waiting = (
        mlflow_status.standings,
        [lambda: judged_run(tmp_path / "runs", {"a": "breach"}, version=2, model=CREDIT)],
    )

    def read_early(*asked):
        found = read(*asked)
        if waiting:
            tracked(client, uri, waiting.pop()())  # the faster process
        return found

    monkeypatch.setattr(mlflow_status, "standings", read_early)
    assert tag_status(slow, uri, DAY) == "breach_open"
    assert status_tags(client)["audit.status"] == status_tags(client)["audit.status.cards"] == "breach_open"


def test_files_that_change_at_every_look_are_given_up_on(store, tmp_path, monkeypatch):
    uri, _ = store
    folder = judged_run(tmp_path / "runs", {"a": "clear"}, model=CREDIT)
    read, verdicts = mlflow_status.standings, itertools.cycle(["breach", "clear"])

    def read_and_changed(*asked):
        found = read(*asked)
        write_verdicts(folder, {"a": next(verdicts)})
        return found

    monkeypatch.setattr(mlflow_status, "standings", read_and_changed)
    with pytest.raises(UnavailableError, match="change all the time"):
        tag_status(folder, uri, DAY)


def test_a_program_that_audits_another_model_leaves_no_status_on_the_one_before(store, tmp_path):
    uri, client = store
    tag_status(judged_run(tmp_path / "runs", {"a": "breach"}, model=CREDIT), uri, DAY)
    tag_status(judged_run(tmp_path / "runs", {"b": "concern"}, program="cards-2", model=CREDIT), uri, DAY)
    moved = judged_run(tmp_path / "runs", {"a": "clear"}, period="2026-02", model=OTHER)
    assert tag_status(moved, uri, DAY) == "clear"
    left = {"audit.status": "concern_open", "audit.status.cards-2": "concern_open", "audit.period.cards-2": "2026-01"}
    assert status_tags(client) == left
    assert status_tags(client, "bob's other")["audit.status"] == "clear"
    tag_status(judged_run(tmp_path / "runs", {"b": "clear"}, "cards-2", "2026-02", model=OTHER), uri, DAY)
    assert status_tags(client) == {}
    back = judged_run(tmp_path / "runs", {"a": "breach"}, period="2026-03", model=CREDIT)
    tag_status(back, uri, DAY)
    assert status_tags(client, "bob's other") == {
        "audit.status": "clear", "audit.status.cards-2": "clear", "audit.period.cards-2": "2026-02",
    }  # fmt: skip


def test_a_run_that_cannot_be_read_leaves_no_clear_and_is_told_after_all_programs_are_tagged(store, tmp_path):
    uri, client = store
    runs = tmp_path / "runs"
    first = judged_run(runs, {"a": "clear"}, model=CREDIT)
    run_id = tracked(client, uri, first)
    assert renew_status(runs, uri, DAY) == 1
    assert status_tags(client)["audit.status"] == "clear"

    (judged_run(runs, {"a": "breach"}, version=2, model=CREDIT) / "run.json").write_bytes(b"{")
    judged_run(runs, {"z": "breach"}, program="zoo", model=OTHER)
    with pytest.raises(InputError, match=r"cards/2026-01/v2") as told:
        renew_status(runs, uri, DAY)
    assert not isinstance(told.value, UnavailableError)
    assert status_tags(client)["audit.status.cards"] == status_tags(client)["audit.status"] == "undecided"
    assert status_tags(client, "bob's other")["audit.status.zoo"] == "breach_open"
    assert client.get_run(run_id).data.tags["audit.status"] == "undecided"

    (runs / "cards/2026-01/v2/run.json").unlink()
    client.set_model_version_tag("credit", "1", "audit.status.cards", "clear")
    assert tag_status(runs / "cards/2026-01/v2", uri, DAY) == "undecided"


def test_a_program_with_no_run_that_can_be_read_is_undecided(store, tmp_path):
    uri, client = store
    folder = judged_run(tmp_path / "runs", {"a": "clear"}, model=CREDIT)
    run_id = tracked(client, uri, folder)
    tag_status(folder, uri, DAY)
    (folder / "run.json").write_bytes(b"{")
    with pytest.raises(InputError, match=r"cards/2026-01/v1"):
        renew_status(tmp_path / "runs", uri, DAY)
    assert status_tags(client)["audit.status"] == status_tags(client)["audit.status.cards"] == "undecided"
    assert client.get_run(run_id).data.tags["audit.status"] == "undecided"

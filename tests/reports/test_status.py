"""Where findings stand, in MLflow on a real server: exactly the versions with an open breach, whatever came last."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from mlflow import MlflowClient

from checks.problem import UnavailableError
from reports.mlflow_store import digests as digests_of
from reports.mlflow_store import experiment, run_found_or_made
from reports.tracking import renew_status, tag_status
from tests.released import ADA, NOON, accepted, judged_run, release

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

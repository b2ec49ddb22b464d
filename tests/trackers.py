"""Processes that track at once or are killed on the way, and a real MLflow server on Postgres that can be killed."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from audits.record import Subject, canonical_json
from tests.released import judgement_bytes
from tests.reports import sample_records as sample

WORLD = multiprocessing.get_context("forkserver")  # each process starts with the libraries loaded, and with no client
WORLD.set_forkserver_preload(["tests.trackers", "reports.tracking", "mlflow", "mlflow.store.tracking.sqlalchemy_store"])


def finished_run(
    runs: Path, program: str, period: str = "2026-01", verdict: str = "breach", model: str | None = "models:/credit/1"
) -> Path:
    """A small finished run with page and evidence, made by hand."""
    gap = sample.gap()
    made = sample.run(measurements=(gap,))
    made = replace(
        made, version=1, data=replace(made.data, period=period, fingerprint=f"sha256:{program}{period}".ljust(71, "0")),
        subject=Subject(model, "1", "sha256:cc") if model else None, program=replace(made.program, name=program),
    )  # fmt: skip
    folder = runs / program / period / "v1"
    (folder / "evidence").mkdir(parents=True)
    (folder / "evidence/cells.csv").write_text("rows\n50\n")
    (folder / "report.html").write_text("<p>a page</p>")
    (folder / "run.json").write_bytes(canonical_json(made))
    (folder / "judgement.json").write_bytes(judgement_bytes(folder, {"aaaaaaaaaaaa": verdict}))
    return folder


def tracked_at_once(folders: Sequence[Path], uri: str, status: bool = False) -> list[str]:
    """Track each folder in a process of its own, all let go at one moment. Returns what went wrong."""
    ready, answers = WORLD.Barrier(len(folders)), WORLD.Queue()
    started = [WORLD.Process(target=_track, args=(str(one), uri, ready, answers, status)) for one in folders]
    for process in started:
        process.start()
    told = [answers.get(timeout=900) for _ in started]
    for process in started:
        process.join(60)
    return [answer for answer in told if answer]


def _track(folder, uri, ready, answers, status) -> None:
    import datetime as dt

    from reports.tracking import tag_status, track

    ready.wait(600)
    try:
        track(Path(folder), uri)
        if status:
            tag_status(Path(folder), uri, dt.date(2026, 3, 2))
        answers.put("")
    except BaseException as error:  # noqa: BLE001 - told to the test
        answers.put(f"{folder}: {type(error).__name__}: {error}")


def killed_at(call: int, folder: Path, uri: str) -> bool:
    """Track in a process that kills itself before its call number ``call`` to the client; False if it came through."""
    process = WORLD.Process(target=_track_until, args=(call, str(folder), uri))
    process.start()
    process.join(600)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _track_until(call: int, folder: str, uri: str) -> None:
    import mlflow

    from reports.tracking import track

    mlflow.MlflowClient = client_with(call, lambda: os.kill(os.getpid(), signal.SIGKILL))
    track(Path(folder), uri)


def client_with(call: int, deed: Callable[[], None]) -> type:
    """A kind of client that does something just before its call number ``call``."""
    import mlflow

    count = itertools.count()

    class Client(mlflow.MlflowClient):
        def __getattribute__(self, name: str):
            if not name.startswith("_") and next(count) == call:
                deed()
            return super().__getattribute__(name)

    return Client


class Server:
    """An MLflow server as the stack starts it, on a database of a real Postgres server."""

    def __init__(self, home: Path, postgres_url: str, database: str = "tracking") -> None:
        import psycopg

        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        self.home = home
        self.store = postgres_url.replace("postgresql://", "postgresql+psycopg2://").replace(
            "/postgres?", f"/{database}?"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.store, "--artifacts-destination",
             str(self.home / "artifacts"), "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"],
            stdout=(self.home / "mlflow.log").open("ab"), stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )  # fmt: skip
        for _ in range(1200):
            assert self.process.poll() is None, (self.home / "mlflow.log").read_text()[-2000:]
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.25)
        raise AssertionError("no MLflow server")

    def kill(self) -> None:
        """The whole server at once, without a word to anybody."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

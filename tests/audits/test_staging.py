"""Staging folders: newer data stay the latest, a disk that fails is tried again, sweepers do not hinder each other."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

import audits.staging
from audits.plan import make_plan
from audits.record import AuditRun, read_record
from audits.run import check, conclude, gather, latest_version, measure, pull, read_run
from audits.staging import ORIGIN_FILE, staging_folder
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import environment_connection, open_source
from checks.problem import InputError, UnavailableError
from tests.programs import loans, run_program, write_program

PASSING, LASTING = (errno.ENOSPC, errno.ESTALE, errno.EIO), (errno.EACCES, errno.EROFS)


def waiting(program, out):
    """The folder of a run that has measured everything and is not concluded."""
    staging = staging_folder(out, program, Period())
    with open_source(program, Period(), environment_connection) as source:
        pull(source, program, Period(), staging)
        check(source, program, Period(), staging)
        collected = gather(source, program, make_plan(program), staging)
    for question in collected.questions:
        measure(program, make_plan(program), question, staging)
    return staging


def test_older_data_do_not_supersede_newer(tmp_path):
    program, out = read_program(write_program(tmp_path, loans(1))), tmp_path / "out"
    older = waiting(program, out)
    loans(2).to_parquet(tmp_path / "loans.parquet")
    newer, _ = run_program(program.file, out)
    with pytest.raises(InputError, match="newer data were audited meanwhile as v1") as raised:
        conclude(program, make_plan(program), older)
    assert "clear the run from the task 'pull'" in str(raised.value)
    assert not isinstance(raised.value, UnavailableError)
    assert not older.exists()
    assert read_run(latest_version(out / "loans/all"))[0].data.fingerprint == newer.data.fingerprint
    assert [path.name for path in (out / "loans/all").iterdir()] == ["v1"]


def test_the_same_content_that_was_pulled_earlier_finds_its_version(tmp_path):
    program, out = read_program(write_program(tmp_path, loans(1))), tmp_path / "out"
    first = waiting(program, out)
    run_program(program.file, out)
    assert conclude(program, make_plan(program), first) == out / "loans/all/v1"


@pytest.mark.parametrize(
    "noted", [None, b"{", b"[]", b"{}", b'{"pulled_at": 3}', b'{"pulled_at": "2020-01-01T00:00:00"}']
)
def test_a_version_that_does_not_say_when_or_says_earlier_is_superseded(tmp_path, noted):
    program, out = read_program(write_program(tmp_path, loans(1))), tmp_path / "out"
    older = waiting(program, out)
    loans(2).to_parquet(tmp_path / "loans.parquet")
    run_program(program.file, out)
    origin = out / "loans/all/v1" / ORIGIN_FILE
    origin.unlink() if noted is None else origin.write_bytes(noted)
    assert conclude(program, make_plan(program), older).name == "v2"


def test_the_moment_of_the_pull_is_noted_before_the_data_are_read(tmp_path, monkeypatch):
    import datetime as dt

    import audits.run

    began, read = [], audits.run.fingerprint

    def reads(*given):
        began.append(dt.datetime.now(dt.UTC))
        return read(*given)

    monkeypatch.setattr(audits.run, "fingerprint", reads)
    run_program(write_program(tmp_path, loans()), tmp_path / "out")
    noted = json.loads((tmp_path / "out/loans/all/v1" / ORIGIN_FILE).read_text())["pulled_at"]
    assert len(noted) == len("2026-11-01T00:00:00.000000+00:00")
    assert dt.timedelta(0) <= began[0] - dt.datetime.fromisoformat(noted) < dt.timedelta(seconds=30)


@pytest.mark.parametrize("number", [*PASSING, *LASTING])
def test_an_output_folder_is_refused_only_for_what_stays(tmp_path, monkeypatch, number):
    program = read_program(write_program(tmp_path, loans()))

    def fails(*_given, **_named):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkdtemp", fails)
    with pytest.raises(InputError, match="cannot be written") as raised:
        staging_folder(tmp_path / "out", program, Period())
    assert isinstance(raised.value, UnavailableError) == (number in PASSING)


@pytest.mark.parametrize("number", [*PASSING, *LASTING])
def test_a_record_is_refused_only_for_what_stays(tmp_path, monkeypatch, number):
    def fails(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(InputError, match="no readable file") as raised:
        read_record(AuditRun, tmp_path / "run.json")
    assert isinstance(raised.value, UnavailableError) == (number in PASSING)


def test_a_record_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file") as raised:
        read_record(AuditRun, tmp_path / "run.json")
    assert not isinstance(raised.value, UnavailableError)


def test_a_latest_version_that_cannot_be_read_now_is_not_superseded(tmp_path, monkeypatch):
    """It was taken for another content, and the same inputs made a second version."""
    program, out = read_program(write_program(tmp_path, loans())), tmp_path / "out"
    run_program(program.file, out)
    again, read = waiting(program, out), Path.read_bytes

    def stale(path):
        if path == out / "loans/all/v1/run.json":
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return read(path)

    with monkeypatch.context() as share:
        share.setattr(Path, "read_bytes", stale)
        with pytest.raises(UnavailableError):
            conclude(program, make_plan(program), again)
    assert conclude(program, make_plan(program), again).name == "v1"


def test_what_another_run_sweeps_at_the_same_moment_does_not_end_this_one(tmp_path, monkeypatch):
    program = read_program(write_program(tmp_path, loans()))
    parent = tmp_path / "out/loans/all"
    rows = [parent / f".staging-{name}" / f"{audits.staging.LOCAL_COPY}x" for name in ("a", "b")]
    dead = [parent / name for name in (".staging-c", ".staging-d", ".became-e", ".became-f")]
    for folder in (*rows, *dead):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - 8 * 86_400,) * 2)
    glob = Path.glob

    def swept_in_between(path, pattern):
        found = list(glob(path, pattern))
        old = [one for one in found if one in rows or one in dead]
        if old:
            shutil.rmtree(old[0])
        return found

    monkeypatch.setattr(Path, "glob", swept_in_between)
    staging_folder(tmp_path / "out", program, Period())
    assert [folder.name for folder in (*rows, *dead) if folder.exists()] == []

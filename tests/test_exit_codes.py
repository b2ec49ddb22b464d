"""The exit codes that the README documents, through the command line."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

import squaredeal
from tests.programs import BOSTON, loans, write_program


def ended(*arguments) -> int:
    return CliRunner().invoke(squaredeal.app, [str(argument) for argument in arguments]).exit_code


@pytest.mark.parametrize(("fail_on", "code"), [(None, 0), ("breach", 0), ("concern", 1), ("inconclusive", 1)])
def test_fail_on_ends_with_1_at_the_verdict_or_worse(tmp_path, fail_on, code):
    option = ["--fail-on", fail_on] if fail_on else []
    assert ended("run", BOSTON, "--out", tmp_path, "--quiet", *option) == code


def test_unfit_data_end_with_2_even_when_no_verdict_is_asked_for(tmp_path):
    data = loans()
    data.loc[0, "region"] = None
    assert ended("run", write_program(tmp_path, data), "--out", tmp_path / "out") == 2
    assert ended("check", tmp_path / "loans.yaml") == 2
    assert (tmp_path / "out/loans/all/v1/report.html").exists()


def test_a_question_that_fails_ends_with_3_and_the_record_is_kept(tmp_path, monkeypatch):
    from audits.fair_lending.approval import Approval

    monkeypatch.setattr(Approval, "measure", lambda *_: 1 / 0)
    assert ended("run", write_program(tmp_path, loans()), "--out", tmp_path / "out") == 3
    assert (tmp_path / "out/loans/all/v1/run.json").exists()


def test_fail_on_inconclusive_ends_with_1_when_nothing_was_judged(tmp_path):
    contract = {"unit": "case", "groups": {"region": {"column": "region", "reference": "north"}}}
    file = write_program(tmp_path, loans(), contract=contract)
    assert ended("run", file, "--out", tmp_path / "out", "--fail-on", "inconclusive") == 1
    assert ended("run", file, "--out", tmp_path / "out", "--fail-on", "concern") == 0


def test_a_disk_that_refuses_ends_with_2_and_words(tmp_path, monkeypatch):
    import errno

    from audits import run

    def full(file, _):
        raise OSError(errno.ENOSPC, "No space left on device", str(file))

    monkeypatch.setattr(run, "write_whole", full)
    told = CliRunner().invoke(squaredeal.app, ["run", str(write_program(tmp_path, loans())), "--out", str(tmp_path)])
    assert told.exit_code == 2
    assert "No space left on device" in told.output
    assert "make room" in told.output
    assert not list(tmp_path.glob("loans/all/.staging-*"))


def test_a_verdict_that_a_pipeline_cannot_stop_at_ends_with_2(tmp_path):
    told = CliRunner().invoke(squaredeal.app, ["run", str(write_program(tmp_path, loans())), "--fail-on", "concerns"])
    assert told.exit_code == 2
    assert "did you mean 'concern'?" in told.output


def test_the_store_of_one_command_is_not_that_of_the_next(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert ended("run", BOSTON, "--out", tmp_path / "out", "--mlflow", "nosuch://store", "--quiet") == 2
    assert "MLFLOW_TRACKING_URI" not in os.environ

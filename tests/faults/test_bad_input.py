"""Options, out folders and run folders that cannot be used; what was made before stays as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import BOOK, write

OPTIONS = [
    ("fail-on unknown", ["run", "{program}", "--fail-on", "breech"], ["'breech'", "did you mean 'breach'?"]),
    ("fail-on empty", ["run", "{program}", "--fail-on", ""], ["''", "one of breach, concern, inconclusive"]),
    ("day that does not exist", ["run", "{program}", "--as-of", "2025-02-30"], ["'2025-02-30'", "a day as YYYY-MM-DD"]),
    ("day as a week", ["check", "{program}", "--as-of", "2025-W05-1"], ["'2025-W05-1'", "a day as YYYY-MM-DD"]),
    ("period unknown", ["check", "{program}", "--period", "last month"], ["'last month'", "2026-Q3"]),
    ("record unknown", ["schema", "judgment"], ["'judgment'", "did you mean 'judgement'?"]),
    ("pack unknown", ["policies", "conventons"], ["'conventons'", "did you mean 'conventions'?"]),
    ("pack file missing", ["policies", "ours.yaml"], ["ours.yaml", "no such file"]),
    ("day of the rules", ["policies", "--on", "yesterday"], ["--on", "'yesterday'", "a day as YYYY-MM-DD"]),
    ("run folder missing", ["report", "{runs}/v9"], ["v9", "run.json", "the folder of a finished run"]),
    ("run folder a file", ["report", "{program}"], ["run.json", "the folder of a finished run"]),
    ("store unknown", ["run", "{program}", "--mlflow", "nosuch://store"], ["MLflow", "nosuch"]),
    ("threads of text", ["check", "{program}"], ["SQUAREDEAL_THREADS", "'many'"]),
    ("memory of text", ["check", "{program}"], ["SQUAREDEAL_MEMORY", "'many'"]),
]


@pytest.mark.parametrize(("arguments", "words"), [case[1:] for case in OPTIONS], ids=[case[0] for case in OPTIONS])
def test_an_option_that_cannot_be_used_is_told(desk, monkeypatch, arguments, words):
    monkeypatch.chdir(desk.folder)
    if words[0].startswith("SQUAREDEAL"):
        monkeypatch.setenv(words[0], "many")
    filled = [argument.format(program=desk.file, runs=desk.versions) for argument in arguments]
    desk.command(*filled, *(["--out", desk.out] if filled[0] == "run" else [])).refused(*words)
    desk.kept_earlier()


def test_an_mlflow_store_that_fails_leaves_the_run_complete(desk):
    write_more(desk)
    told = desk.run("--mlflow", "nosuch://user:Geheim7@store")
    told.refused("MLflow", str(desk.versions / "v2"))
    assert "Geheim7" not in told.text
    assert {path.name for path in (desk.versions / "v2").iterdir()} >= {"run.json", "judgement.json", "report.html"}
    desk.kept_earlier()


def write_more(desk) -> None:
    """Other data, so that the next run is a new version."""
    lines = (desk.folder / BOOK).read_text().splitlines()
    (desk.folder / BOOK).write_text("\n".join(lines[:-1]) + "\n")


OUTS = [
    ("below a file", "counter-loans.yaml/out"),
    ("a file", "counter-loans.yaml"),
    ("a folder that the kernel keeps", "/proc/out"),
    ("a folder that nobody may write", "/sys/kernel"),
    ("a name too long", "x" * 300),
]


@pytest.mark.parametrize("out", [case[1] for case in OUTS], ids=[case[0] for case in OUTS])
def test_an_out_folder_that_cannot_be_written_is_told_before_the_data_are_read(desk, out):
    target = Path(out) if out.startswith("/") else desk.folder / out
    before = desk.file.read_bytes()
    told = desk.command("run", desk.file, "--out", target)
    told.refused("cannot be written", str(target)[:60], "--out")
    assert "opening" not in told.text
    assert desk.file.read_bytes() == before
    desk.kept_earlier()


def test_a_program_folder_that_is_a_file_is_told(desk):
    shutil.rmtree(desk.out / "counter-loans")
    (desk.out / "counter-loans").write_text("mine")
    desk.run().refused("cannot be written", "counter-loans")
    assert (desk.out / "counter-loans").read_text() == "mine"


def test_a_report_that_cannot_be_written_is_told_and_the_old_one_stays(desk):
    desk.command("report", desk.versions / "v1")
    page = (desk.versions / "v1" / "report.html").read_bytes()
    desk.command("report", desk.versions / "v1", "--out", desk.file / "page.html").refused("cannot be written")
    desk.command("report", desk.versions / "v1", "--out", desk.folder / "no" / "page.html").refused("cannot be written")
    desk.command("report", desk.versions / "v1", "--out", desk.spill).refused("cannot be written")
    assert (desk.versions / "v1" / "report.html").read_bytes() == page
    assert not list(desk.folder.rglob("*.part"))


def altered(file: Path, *steps: object) -> None:
    """Set the value at a path of keys."""
    record = json.loads(file.read_text())
    inner = record
    for step in steps[:-2]:
        inner = inner[step]
    inner[steps[-2]] = steps[-1]
    file.write_text(json.dumps(record))


RECORDS = [
    ("empty", "run.json", lambda file: file.write_bytes(b""), ["AuditRun"]),
    ("cut off", "run.json", lambda file: file.write_bytes(file.read_bytes()[:3000]), ["AuditRun"]),
    ("not UTF-8", "judgement.json", lambda file: file.write_bytes(b'{"schema_version": "\xff"}'), ["Judgement"]),
    ("a list", "judgement.json", lambda file: file.write_text("[]"), ["Judgement"]),
    ("gone", "judgement.json", lambda file: file.unlink(), ["Judgement"]),
    ("a folder", "run.json", lambda file: (file.unlink(), file.mkdir()), ["AuditRun"]),
    ("text for a number", "run.json", lambda file: altered(file, "measurements", 0, "estimate", "high"), ["estimate"]),
    ("NaN for a number", "run.json", lambda file: altered(file, "measurements", 0, "estimate", float("nan")),
     []),
    ("a verdict that is none", "judgement.json", lambda file: altered(file, "findings", 0, "verdict", "fine"),
     ["verdict"]),
    ("of another version", "run.json", lambda file: altered(file, "schema_version", "9.9"), ["9.9", "1.0"]),
    ("changed after it was judged", "run.json", lambda file: altered(file, "measurements", 0, "estimate", 0.5),
     ["judgement.json", "another run"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "words"), [case[1:] for case in RECORDS], ids=[case[0] for case in RECORDS])
def test_a_run_folder_with_a_damaged_record_is_told_and_its_page_stays(desk, name, spoil, words):
    folder = desk.versions / "v1"
    desk.command("report", folder)
    page = (folder / "report.html").read_bytes()
    spoil(folder / name)
    desk.command("report", folder).refused(name, *words)
    assert (folder / "report.html").read_bytes() == page


def test_a_run_beside_a_damaged_version_takes_the_next_number_and_leaves_it_as_it_is(desk):
    record = desk.versions / "v1" / "run.json"
    record.write_bytes(record.read_bytes()[:500])
    desk.before["counter-loans/all/v1/run.json"] = record.read_bytes()
    assert desk.run().code == 0
    assert (desk.versions / "v2" / "run.json").exists()
    desk.kept_earlier()


LEFTOVERS = [
    ("a version without its record", lambda versions: (versions / "v1" / "run.json").unlink()),
    ("a file where a version belongs", lambda versions: (versions / "v2").write_text("notes")),
    ("a folder of no version", lambda versions: (versions / "v²").mkdir()),
    ("notes beside the versions", lambda versions: (versions / "v2-notes").mkdir()),
    ("a number with zeros", lambda versions: (versions / "v1").rename(versions / "v007")),
]


@pytest.mark.parametrize("leave", [case[1] for case in LEFTOVERS], ids=[case[0] for case in LEFTOVERS])
def test_whatever_lies_among_the_versions_is_neither_overwritten_nor_a_reason_to_hang(desk, monkeypatch, leave):
    write_more(desk)
    leave(desk.versions)
    before = {path: path.read_bytes() for path in desk.versions.rglob("*") if path.is_file()}
    tries = iter(range(5))
    rename = os.rename
    monkeypatch.setattr(os, "rename", lambda *names: (next(tries), rename(*names)))
    assert desk.run().code == 0
    assert {path: path.read_bytes() for path in before} == before
    assert len([path for path in desk.versions.rglob("run.json") if path not in before]) == 1


def test_a_question_that_breaks_is_an_error_of_the_run_with_exit_code_3_and_never_a_result(desk, monkeypatch):
    from audits.fair_lending.approval import Approval

    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Approval, "measure", broken)
    told = desk.run()
    assert told.code == 3
    told.names("ERROR in fair_lending.approval", "ZeroDivisionError in ")
    assert "planted" not in told.text
    run = json.loads((desk.versions / "v2" / "run.json").read_text())
    assert (run["measurements"], len(run["errors"])) == ([], 1)
    desk.kept_earlier()


def test_a_run_that_is_broken_off_leaves_nothing_half_made(desk, monkeypatch):
    import audits.run

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(audits.run, "conclude", stopped)
    told = desk.run()
    assert told.code not in (0, 2)
    desk.kept_earlier()
    assert [path.name for path in desk.versions.iterdir()] == ["v1"]


def test_words_that_the_terminal_cannot_show_are_no_reason_to_fail(desk, frame):
    write(frame.assign(**{"ETHNIC group": "汉"}), desk.folder / BOOK)
    done = subprocess.run(
        [sys.executable, "-m", "squaredeal", "run", desk.file.name, "--out", "runs"], cwd=desk.folder, check=False,
        capture_output=True, timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr[-800:]
    assert done.returncode == 2

"""The chain of releases: numbers without gap, nothing half-written, and no byte that can be changed unseen."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.policies.again import write_judgement
from audits.record import Judgement, RunError, digest_of, json_schema, read_record
from audits.releases import chain as chain_module
from audits.releases.actions import read_actions
from audits.releases.chain import chain, read_release, under_earlier_judgement, verify_chain
from audits.releases.record import Action, Release
from checks.problem import InputError, UnavailableError
from tests.released import ADA, BEN, NOON, accepted, judged_run, judgement_bytes, release, remediated
from tests.reports import sample_records as sample

ROOT = Path(__file__).parents[2]
TODAY = NOON.date()
FLAGGED = {"gap": "breach", "other": "concern", "fine": "clear"}


def released_files(program: Path) -> list[Path]:
    return sorted(file for file in program.rglob("*") if file.is_file() and "release" in file.name)


def three_releases(runs: Path) -> Path:
    """Three periods of a program, released in their order."""
    for month in (1, 2, 3):
        folder = judged_run(runs, FLAGGED, period=f"2026-{month:02}")
        release(folder, ADA, NOON + dt.timedelta(days=month), f"month {month}", [accepted("gap")])
    return runs / "cards"


def release_one(folder: str) -> str:
    """In a process of its own."""
    return release(Path(folder), ADA, NOON).at


def test_processes_that_release_at_once_number_their_releases_without_gap_or_double(tmp_path):
    months = [f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13)]
    folders = [str(judged_run(tmp_path, FLAGGED, period=month)) for month in months]
    with ProcessPoolExecutor(8) as pool:
        list(pool.map(release_one, folders + folders))
    made = chain(tmp_path / "cards")
    assert [one.number for _, one in made] == list(range(1, 25))
    assert len({folder for folder, _ in made}) == 24
    before = None
    for folder, one in made:
        assert one.previous == before
        before = digest_of((folder / "release.json").read_bytes())
    assert verify_chain(tmp_path / "cards") == ()


KILLED = """
import os, pathlib, signal, sys
from tests.released import ADA, NOON, release
left = int(sys.argv[2])
def dying(plain, halfway):
    def step(self, *args):
        global left
        left -= 1
        if left == 0:
            if halfway:
                plain(self, args[0][: len(args[0]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(self, *args)
    return step
pathlib.Path.write_bytes = dying(pathlib.Path.write_bytes, True)
pathlib.Path.chmod = dying(pathlib.Path.chmod, False)
pathlib.Path.replace = dying(pathlib.Path.replace, False)
release(pathlib.Path(sys.argv[1]), ADA, NOON, "killed")
"""


@pytest.mark.parametrize("step", range(1, 10))
def test_a_process_killed_at_any_step_leaves_nothing_half_written_and_no_lock(tmp_path, step):
    program = three_releases(tmp_path)
    folder, next_one = (judged_run(tmp_path, FLAGGED, period=f"2026-0{month}") for month in (4, 5))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(step)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert verify_chain(program) == ()
    there = (folder / "release.json").read_bytes() if (folder / "release.json").exists() else None
    assert len(chain(program)) == (4 if there else 3)
    made = release(folder, ADA, NOON, "killed")
    assert (made.number, made.comment) == (4, "killed")
    assert there in (None, (folder / "release.json").read_bytes())
    assert release(next_one, BEN, NOON).number == 5
    assert verify_chain(program) == ()
    assert not list(program.rglob("*.part"))


def test_every_step_of_a_release_was_killed(tmp_path):
    folder = judged_run(tmp_path, FLAGGED)
    whole = subprocess.run([sys.executable, "-c", KILLED, str(folder), "10"], cwd=ROOT, check=False)
    assert whole.returncode == 0


def test_the_same_decision_again_gives_the_same_bytes_whenever_it_is_taken(tmp_path):
    folder = judged_run(tmp_path, FLAGGED)
    first = release(folder, ADA, NOON, "seen", [accepted("gap", "2026-03-02")])
    before = {file: file.read_bytes() for file in released_files(tmp_path)}
    assert release(folder, ADA, NOON + dt.timedelta(days=40), " seen ", [accepted("gap", "2026-03-02")]) == first
    assert {file: file.read_bytes() for file in released_files(tmp_path)} == before
    assert first.at == "2026-03-02T12:00:00Z"
    assert (first.flagged, first.verdicts) == (("gap", "other"), {"breach": 1, "clear": 1, "concern": 1})


@pytest.mark.parametrize(
    ("by", "comment", "actions"),
    [(BEN, "seen", [accepted("gap")]), (ADA, "not seen", [accepted("gap")]), (ADA, "seen", [remediated("gap")])],
)
def test_another_decision_on_a_released_judgement_is_refused(tmp_path, by, comment, actions):
    folder = judged_run(tmp_path, FLAGGED)
    first = release(folder, ADA, NOON, "seen", [accepted("gap")])
    with pytest.raises(InputError, match=r"released already on 2026-03-02T12:00:00Z by Ada Byron"):
        release(folder, by, NOON, comment, actions)
    assert read_release(folder) == first


def test_nobody_signs_only_where_nothing_is_flagged(tmp_path):
    assert release(judged_run(tmp_path, {"fine": "clear"}), None, NOON).decision == "nothing_flagged"
    with pytest.raises(InputError, match="2 flagged: gap, other"):
        release(judged_run(tmp_path, FLAGGED, period="2026-02"), None, NOON)
    assert len(chain(tmp_path / "cards")) == 1


def test_a_decision_names_the_judgement_that_it_is_about(tmp_path):
    folder = judged_run(tmp_path, FLAGGED)
    for nothing in ("", None):
        with pytest.raises(InputError, match="a decision that names no judgement"):
            chain_module.release(folder, ADA, NOON, judged=nothing)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a decision that names no judgement"):
        chain_module.release(folder, ADA, NOON)
    assert read_release(folder) is None


def test_a_version_after_which_there_is_a_later_one_is_not_released(tmp_path):
    folder = judged_run(tmp_path, FLAGGED, version=9)
    made = release(folder, ADA, NOON)
    judged_run(tmp_path, FLAGGED, version=8)
    newest = judged_run(tmp_path, {**FLAGGED, "new": "breach"}, version=10)
    with pytest.raises(InputError, match=r"v8, superseded by v10(?s:.*)clear the run .* sign that one"):
        release(folder.parent / "v8", ADA, NOON)
    assert read_release(folder.parent / "v8") is None
    assert release(folder, ADA, NOON) == made  # a task that is tried anew
    assert release(newest, ADA, NOON).number == 2


def test_unfit_data_are_never_released_and_a_failed_question_only_by_somebody(tmp_path):
    unfit = judged_run(tmp_path, {"a": "unfit"}, checks=replace(sample.run().checks, fit=False))
    for by in (ADA, None):
        with pytest.raises(InputError, match="data that were unfit"):
            release(unfit, by, NOON)
    failed = judged_run(tmp_path, {"a": "clear"}, period="2026-02", errors=(RunError("fair_lending.pricing", "boom"),))
    with pytest.raises(InputError, match=r"1 failed: fair_lending\.pricing"):
        release(failed, None, NOON)
    assert chain(tmp_path / "cards") == ()
    assert release(failed, ADA, NOON).decision == "approved"


HOLDING = """
import fcntl, sys, time
held = open(sys.argv[1], "w")
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


def test_a_lock_that_another_process_holds_is_waited_for_and_then_told(tmp_path, monkeypatch):
    program = three_releases(tmp_path)
    folder, lock = judged_run(tmp_path, FLAGGED, period="2026-04"), program / ".releases.lock"
    monkeypatch.setattr(chain_module, "LOCK_PATIENCE", 0.3)
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(lock)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout
            holder.stdout.readline()
            for wanting in (lambda: release(folder, ADA, NOON), lambda: verify_chain(program)):
                with pytest.raises(UnavailableError, match="held by another process") as told:
                    wanting()
                assert told.value.problems[0].where == str(lock)
            monkeypatch.setattr(chain_module, "LOCK_PATIENCE", 60)
            Timer(0.3, holder.kill).start()
            assert release(folder, ADA, NOON).number == 4
        finally:
            holder.kill()
    assert verify_chain(program) == ()


def test_a_judgement_that_was_not_the_one_signed_is_refused(tmp_path):
    folder = judged_run(tmp_path, FLAGGED)
    with pytest.raises(InputError, match="the one that was signed: sha256:00"):
        release(folder, ADA, NOON, judged="sha256:00")
    assert read_release(folder) is None
    assert release(folder, ADA, NOON, judged=digest_of((folder / "judgement.json").read_bytes())).number == 1


def test_a_run_that_lies_elsewhere_or_is_none_is_refused(tmp_path):
    folder = judged_run(tmp_path, FLAGGED)
    moved = tmp_path / "others" / "2026-01" / "v1"
    moved.parent.mkdir(parents=True)
    folder.rename(moved)
    for place, told in (
        (moved, "another place"),
        (folder, "no such folder"),
        (moved.parent, "judgement of a finished"),
    ):
        with pytest.raises(InputError, match=told):
            release(place, ADA, NOON)


def test_a_run_judged_anew_stays_released_and_may_be_released_again(tmp_path):
    program = three_releases(tmp_path)
    folder = program / "2026-02" / "v1"
    first = read_release(folder)
    assert first
    assert not under_earlier_judgement(folder, first)
    anew = judgement_bytes(folder, {**FLAGGED, "new": "breach"})
    (tmp_path / "anew.json").write_bytes(anew)
    write_judgement(folder, read_record(Judgement, tmp_path / "anew.json"))
    assert read_release(folder) == first
    assert under_earlier_judgement(folder, first)
    assert verify_chain(program) == ()
    second = release(folder, BEN, NOON, actions=[accepted("new")])
    assert (second.number, read_release(folder)) == (4, second)
    assert [one.number for _, one in chain(program)] == [1, 2, 3, 4]
    assert first in [one for _, one in chain(program)]
    assert verify_chain(program) == ()
    (kept,) = folder.glob("judgement-*.json")
    kept.write_bytes(kept.read_bytes().replace(b"breach", b"clear "))
    (problem,) = verify_chain(program)
    assert problem.where == str(kept)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    return three_releases(tmp_path_factory.mktemp("chain"))


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_byte_of_what_was_released_can_be_changed_unseen(program, data):
    name = data.draw(st.sampled_from(["release.json", "judgement.json"]))
    file = program / data.draw(st.sampled_from(["2026-01", "2026-02", "2026-03"])) / "v1" / name
    before = file.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != before[place]))
    try:
        file.write_bytes(before[:place] + bytes([byte]) + before[place + 1 :])
        assert any(problem.where.startswith(str(file)) for problem in verify_chain(program))
    finally:
        file.write_bytes(before)
    assert verify_chain(program) == ()


@pytest.mark.parametrize("month", [1, 2, 3])
def test_a_release_that_was_taken_away_is_found_and_its_number_is_not_given_again(tmp_path, month):
    program = three_releases(tmp_path)
    (program / f"2026-0{month}" / "v1" / "release.json").unlink()
    assert verify_chain(program)
    if month == 3:
        assert verify_chain(program)[0].where == str(program / "2026-03" / "v1" / "release.json")
        with pytest.raises(InputError, match="not the release 3 that was written last"):
            release(judged_run(tmp_path, FLAGGED, period="2026-04"), ADA, NOON)


def test_the_run_and_the_note_of_the_last_release_are_watched_too(tmp_path):
    program = three_releases(tmp_path)
    for file in (program / "2026-01" / "v1" / "run.json", program / "newest_release.json"):
        before = file.read_bytes()
        for content in (before + b" ", None):
            file.write_bytes(content) if content else file.unlink()
            assert str(file) in [problem.where.split(",")[0] for problem in verify_chain(program)]
        file.write_bytes(before)
    assert verify_chain(program) == ()


def test_a_program_without_releases_has_an_empty_chain(tmp_path):
    folder = judged_run(tmp_path, FLAGGED)
    assert chain(tmp_path / "cards") == () == verify_chain(tmp_path / "cards")
    assert read_release(folder) is None
    assert os.listdir(tmp_path / "cards") == ["2026-01"]


def test_a_release_fits_its_published_schema(tmp_path):
    import jsonschema

    published = json.loads((ROOT / "docs/schemas/release.schema.json").read_text())
    assert published == json.loads(json.dumps(json_schema(Release)))
    file = three_releases(tmp_path) / "2026-01" / "v1" / "release.json"
    jsonschema.validate(json.loads(file.read_text()), published)


# --- actions ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def judgement(tmp_path) -> Judgement:
    return read_record(Judgement, judged_run(tmp_path, FLAGGED) / "judgement.json")


def entry(finding="gap", decision="accepted", owner="desk 7", until="2026-06-30", **more) -> dict:
    return {"finding": finding, "decision": decision, "owner": owner, "until": until, **more}


def test_actions_are_read_from_a_list_or_from_its_json(judgement):
    typed = [entry(comment=" known "), entry("other", "remediated", until=None)]
    expected = (Action("gap", "accepted", "desk 7", "2026-06-30", "known"), Action("other", "remediated", "desk 7"))
    assert read_actions(typed, judgement, TODAY) == expected == read_actions(json.dumps(typed), judgement, TODAY)
    for nothing in (None, "", " ", [], ()):
        assert read_actions(nothing, judgement, TODAY) == ()


FAULTY = [
    (entry("gapp"), "did you mean 'gap'"),
    (entry("fine"), "whose verdict is clear"),
    (entry(owner=""), "who answers for it"),
    (entry(owner=None), "who answers for it"),
    (entry(until=None), "the last day on which the risk is accepted"),
    (entry(until="2026-03-01"), "which is past"),
    (entry(until="2027-03-04"), "more than 366 days away"),
    (entry(until="2026-02-30"), "a day as YYYY-MM-DD"),
    (entry(until="30.6.2026"), "a day as YYYY-MM-DD"),
    (entry(decision="remediated"), "for a finding that is remediated"),
    (entry(decision="acepted"), "did you mean 'accepted'"),
    (entry(decision=None), "a value for 'decision'"),
    (entry(finding=None), "a value for 'finding'"),
    (entry(ownr="x"), "did you mean 'owner'"),
    (entry(owner=7), "a text"),
    ("gap", "an entry with finding"),
]  # fmt: skip


@pytest.mark.parametrize(("faulty", "told"), FAULTY)
def test_what_is_wrong_with_an_action_is_told(judgement, faulty, told):
    with pytest.raises(InputError, match=told):
        read_actions([faulty], judgement, TODAY)


def test_all_that_is_wrong_is_told_at_once(judgement):
    with pytest.raises(InputError) as error:
        read_actions([faulty for faulty, _ in FAULTY] + [entry(), entry()], judgement, TODAY)
    for _, told in FAULTY:
        assert told in str(error.value)
    assert "actions on the finding 'gap'" in str(error.value)


@pytest.mark.parametrize("typed", [7, {"finding": "gap"}, "{", "gap", '"gap"'])
def test_what_is_no_list_is_refused(judgement, typed):
    with pytest.raises(InputError, match="a list of actions"):
        read_actions(typed, judgement, TODAY)


@pytest.mark.parametrize("until", ["2026-03-02", "2027-03-03"])
def test_the_first_and_the_last_day_that_an_acceptance_may_end_on(judgement, until):
    assert read_actions([entry(until=until)], judgement, TODAY)[0].until == until


@pytest.mark.parametrize(
    "actions",
    [[accepted("fine")], [accepted("nothing")], [accepted("gap", "2020-01-01")], [accepted("gap"), remediated("gap")],
     [Action("gap", "accepted", "", "2026-06-30")]],
)  # fmt: skip
def test_a_release_holds_no_action_that_could_not_be_read(tmp_path, actions):
    folder = judged_run(tmp_path, FLAGGED)
    with pytest.raises(InputError):
        release(folder, ADA, NOON, actions=actions)
    assert read_release(folder) is None

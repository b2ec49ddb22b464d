"""A task killed with SIGKILL in each station: run.json is that of an undisturbed run, and no half of it is seen."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("stack")
STATIONS = ("pull", "check", "collect", "audit", "judge", "publish", "gate", "triage", "release_unflagged")
PROGRAM = "killed-loans"
OPERATION = {"retry_after": "1 second", "retries": 5, "sign_off": {"by": ["ada"]}}


@pytest.fixture(scope="module")
def undisturbed(stack):
    """The records of a run of the same data under another folder, made without Airflow."""
    from audits.run import audit
    from checks.inputs.period import read_period
    from checks.inputs.program import read_program

    file = write_operated(stack.programs, PROGRAM, 0.0, OPERATION, rows=60_000)
    stack.refresh(PROGRAM)
    return {
        month: (audit(read_program(file), read_period(month), stack.home / "undisturbed") / "run.json").read_bytes()
        for month in (f"2025-{number:02}" for number in range(1, len(STATIONS) + 2))
    }


class Watch(threading.Thread):
    """Reads every record of a program again and again: each is whole whenever it can be seen."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.halves, self.read, self.over = folder, [], 0, threading.Event()

    def run(self) -> None:
        import json

        while not self.over.wait(0.02):
            for file in self.folder.glob("*/v*/*.json"):
                try:
                    json.loads(file.read_bytes())
                    self.read += 1
                except FileNotFoundError:
                    pass
                except ValueError:
                    self.halves.append(str(file))


@pytest.mark.parametrize("number", range(len(STATIONS)), ids=STATIONS)
def test_a_task_killed_in_this_station_leaves_no_trace_in_the_record(stack, undisturbed, number):
    station, month = STATIONS[number], f"2025-{number + 1:02}"
    watch = Watch(stack.runs / PROGRAM)
    watch.start()
    run = stack.trigger(PROGRAM, month)
    killed: list[int] = []
    end = time.monotonic() + 600
    while not killed:
        killed = stack.kill_task(PROGRAM, run, station)
        assert time.monotonic() < end, stack.tasks(PROGRAM, run)
    assert stack.wait(PROGRAM, run, timeout=900) == "success"
    watch.over.set()
    watch.join()
    assert {one["try_number"] for one in stack.instances(PROGRAM, run) if one["task_id"] == station} == {2}
    (version,) = (stack.runs / PROGRAM / month).glob("v*")
    assert (version / "run.json").read_bytes() == undisturbed[month]
    assert (version / "release.json").exists()
    assert len(stack.tracked(PROGRAM, month)) == 1
    assert watch.halves == []
    assert watch.read
    left = [path.name for path in (stack.runs / PROGRAM / month).iterdir() if path.name.startswith(".staging-")]
    assert len(left) <= (station == "pull")  # what a killed first task began is swept later


def test_a_worker_that_dies_with_its_task_is_noticed_and_the_task_is_tried_again(stack, undisturbed):
    run = stack.trigger(PROGRAM, "2025-10")
    killed: list[int] = []
    end = time.monotonic() + 600
    while not killed:
        killed = stack.kill_task(PROGRAM, run, "collect", with_worker=True)
        assert time.monotonic() < end, stack.tasks(PROGRAM, run)
    assert len(killed) == 2
    assert stack.wait(PROGRAM, run, timeout=900) == "success"
    (version,) = (stack.runs / PROGRAM / "2025-10").glob("v*")
    assert (version / "run.json").read_bytes() == undisturbed["2025-10"]

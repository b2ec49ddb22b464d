"""Twelve months of three programs, filled in afterwards: each month once, none doubled."""

from __future__ import annotations

import pytest

from audits.run import read_run
from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("stack")
PROGRAMS = {"filled-cards": 0.0, "filled-cars": 0.3, "filled-homes": 0.1}
MONTHS = [f"2025-{month:02}" for month in range(1, 13)]


def test_each_month_of_each_program_is_audited_once_also_when_asked_twice(stack):
    for name, harm in PROGRAMS.items():
        write_operated(stack.programs, name, harm, {"start": "2025-01-01"}, rows=1200)
    stack.refresh(*PROGRAMS)
    span = {"from_date": "2025-01-01T00:00:00Z", "to_date": "2025-12-01T00:00:00Z", "max_active_runs": 4}
    for name in PROGRAMS:
        answer = stack.api("ada", "POST", "/backfills", {"dag_id": name, **span, "reprocess_behavior": "none"})
        assert answer.status_code == 200, answer.text

    def ended(runs):
        found = [one for one in runs if one["run_type"] == "backfill"]
        return len(found) == len(MONTHS) and all(one["state"] in ("success", "failed") for one in found)

    for name in PROGRAMS:
        stack.until(lambda name=name: ended(stack.get(f"/dags/{name}/dagRuns?limit=100")["dag_runs"]), 1500)
        states = [
            one["state"]
            for one in stack.get(f"/dags/{name}/dagRuns?limit=100")["dag_runs"]
            if one["run_type"] == "backfill"
        ]
        assert states == ["success"] * len(MONTHS)
        months = {
            folder.name
            for folder in (stack.runs / name).iterdir()
            if folder.is_dir() and not folder.name.startswith(".")
        }
        assert months >= set(MONTHS)
        for month in MONTHS:
            (version,) = (stack.runs / name / month).glob("v*")
            run, _ = read_run(version)
            assert (run.data.period, run.data.rows, run.data.first_day[:7]) == (month, 100, month)
            assert len(stack.tracked(name, month)) == 1

    def all_closed():
        return all(one["completed_at"] for one in stack.get("/backfills?dag_id=filled-cars")["backfills"])

    stack.until(all_closed, 120)  # Airflow closes a backfill some time after its last run
    span |= {"from_date": "2025-10-01T00:00:00Z"}
    again = stack.api("ada", "POST", "/backfills", {"dag_id": "filled-cars", **span, "reprocess_behavior": "completed"})
    assert again.status_code == 200, again.text
    stack.until(all_closed, 900)
    runs = [
        one for one in stack.get("/dags/filled-cars/dagRuns?limit=100")["dag_runs"] if one["run_type"] == "backfill"
    ]
    tasks = [task for one in runs for task in stack.instances("filled-cars", one["dag_run_id"])]
    assert [task["try_number"] for task in tasks if task["task_id"] == "pull"].count(2) == 3
    assert {len(list((stack.runs / "filled-cars" / month).glob("v*"))) for month in MONTHS} == {1}
    assert {len(stack.tracked("filled-cars", month)) for month in MONTHS} == {1}

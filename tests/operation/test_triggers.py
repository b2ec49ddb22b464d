"""What starts a run on real servers: somebody by REST, an update of data, a schedule; and for which period."""

from __future__ import annotations

import pytest

from audits.run import read_run
from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def program(stack):
    """A program that updates of two assets start."""
    write_operated(stack.programs, "updated-loans", 0.0, {"after": ["quotes", "claims"], "retry_after": "2 seconds"})
    stack.refresh("updated-loans")
    return "updated-loans"


def asset(stack, name):
    (found,) = stack.get(f"/assets?name_pattern={name}")["assets"]
    return found["id"]


def test_a_run_by_rest_is_of_the_period_asked_for_and_its_questions_are_labelled(stack, program):
    run = stack.trigger(program, "2025-03-01..2025-03-31")
    assert stack.wait(program, run) == "success"
    folder = stack.runs / program / "2025-03" / "v1"  # the shortest words for these days
    assert read_run(folder)[0].data.rows == 500
    tasks = stack.get(f"/dags/{program}/dagRuns/{run}/taskInstances".replace("+", "%2B"))["task_instances"]
    assert [one["rendered_map_index"] for one in tasks if one["task_id"] == "audit"] == ["fair_lending.approval"]


def test_the_same_inputs_again_give_the_same_version_and_one_run_in_mlflow(stack, program):
    run = stack.trigger(program, "2025-03")
    assert stack.wait(program, run) == "success"
    assert [folder.name for folder in (stack.runs / program / "2025-03").glob("v*")] == ["v1"]
    assert len(stack.tracked(program, "2025-03")) == 1


def test_words_that_are_no_period_are_refused_at_once(stack, program):
    content = {"logical_date": None, "conf": {"period": "last month"}}
    answer = stack.api("ada", "POST", f"/dags/{program}/dagRuns", content)
    assert answer.status_code == 400
    assert "period" in answer.text


def test_nobody_starts_a_run_without_a_name_or_with_eyes_only(stack, program):
    assert stack.http.get(f"/api/v2/dags/{program}").status_code == 401
    content = {"logical_date": None, "conf": {}}
    assert stack.api("vera", "POST", f"/dags/{program}/dagRuns", content).status_code == 403
    assert stack.api("vera", "GET", f"/dags/{program}").status_code == 200


def test_every_update_of_data_is_audited_for_its_own_period_also_where_several_come_at_once(stack, program):
    for name, period in (("quotes", "2025-05"), ("claims", "2025-06"), ("quotes", "2025-07")):
        content = {"asset_id": asset(stack, name), "extra": {"period": period}}
        assert stack.api("ada", "POST", "/assets/events", content).status_code == 200
    wanted = {"2025-05", "2025-06", "2025-07"}

    def finished():
        return wanted <= {folder.parent.name for folder in (stack.runs / program).glob("*/v1")}

    stack.until(finished, 300)
    stack.until(lambda: all(stack.tracked(program, period) for period in wanted), 120)
    assert {len(list((stack.runs / program / period).glob("v*"))) for period in wanted} == {1}
    kinds = {one["run_type"] for one in stack.get(f"/dags/{program}/dagRuns?limit=100")["dag_runs"]}
    assert "asset_triggered" in kinds


def test_an_update_whose_period_cannot_be_read_fails_with_what_to_do(stack, program):
    content = {"asset_id": asset(stack, "claims"), "extra": {"period": "mai"}}
    assert stack.api("ada", "POST", "/assets/events", content).status_code == 200

    def refused():
        runs = stack.get(f"/dags/{program}/dagRuns?limit=100&state=failed")["dag_runs"]
        return [one["dag_run_id"] for one in runs if one["run_type"] == "asset_triggered"]

    (run,) = stack.until(refused, 240)
    assert stack.tasks(program, run)["pull"] == "failed"
    assert "update the asset with extra" in stack.log(program, run, "pull")


def test_restated_data_give_a_new_version_beside_the_old_one(stack):
    file = write_operated(stack.programs, "restated-loans", 0.0)
    stack.refresh("restated-loans")
    assert stack.wait("restated-loans", stack.trigger("restated-loans", "2025-02")) == "success"
    first = stack.runs / "restated-loans" / "2025-02" / "v1" / "run.json"
    before = first.read_bytes()
    write_operated(stack.programs, "restated-loans", 0.05)
    assert stack.wait("restated-loans", stack.trigger("restated-loans", "2025-02")) == "success"
    from audits.record import digest_of

    second, _ = read_run(stack.runs / "restated-loans" / "2025-02" / "v2")
    assert (second.version, second.supersedes) == (2, digest_of(before))
    assert first.read_bytes() == before
    assert file.exists()
    assert len(stack.tracked("restated-loans", "2025-02")) == 2

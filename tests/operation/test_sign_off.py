"""Who signs, on real servers: approval and rejection by named users, silence, nothing flagged, unfit data."""

from __future__ import annotations

import datetime as dt
import json
from urllib.parse import quote

import pandas as pd
import pytest

from audits.record import digest_of
from audits.run import read_run
from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("stack")
BY = {"sign_off": {"by": ["ada", "ben"]}}


@pytest.fixture(scope="module", autouse=True)
def programs(stack):
    write_operated(stack.programs, "flagged-loans", 0.3, BY)
    write_operated(stack.programs, "fair-loans", 0.0, BY)
    write_operated(stack.programs, "asked-always", 0.0, {"sign_off": {"by": ["ben"], "asked": "always"}})
    write_operated(stack.programs, "unanswered-loans", 0.3, {"sign_off": {"by": ["ada"], "within": "5 seconds"}})
    file = write_operated(stack.programs, "unfit-loans", 0.3, BY)
    data = stack.programs / "data" / "unfit-loans.parquet"
    table = pd.read_parquet(data)
    table.loc[:40, "region"] = None
    table.to_parquet(data, index=False)
    assert file.exists()
    stack.refresh("flagged-loans", "fair-loans", "asked-always", "unanswered-loans", "unfit-loans")


def asked(stack, program, period):
    """A run that waits for its answer."""
    run = stack.trigger(program, period)
    stack.asks(program, run)
    return run


def released(stack, program, period):
    file = stack.runs / program / period / "v1" / "release.json"
    return json.loads(file.read_text()) if file.exists() else None


def test_a_named_user_approves_and_the_release_says_who_when_and_what(stack):
    run = asked(stack, "flagged-loans", "2025-01")
    (question,) = (
        one for one in stack.get("/dags/~/dagRuns/~/hitlDetails?limit=100")["hitl_details"]
        if one["task_instance"]["dag_run_id"] == run
    )  # fmt: skip
    folder = stack.runs / "flagged-loans" / "2025-01" / "v1"
    _, judgement = read_run(folder)
    flagged = [one for one in judgement.findings if one.verdict == "concern"]
    assert question["subject"] == f"Release Loans of flagged-loans, 2025-01 v1: {len(flagged)} flagged"
    assert all(one.finding_id in question["body"] for one in flagged)
    until = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=90)).isoformat()
    decisions = [{"finding": flagged[0].finding_id, "decision": "accepted", "owner": "credit risk", "until": until}]
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    answer = stack.answer("ben", "flagged-loans", run, "Approve", comment="seen by the board", decisions=decisions)
    assert answer.status_code == 200
    assert stack.wait("flagged-loans", run) == "success"
    made = released(stack, "flagged-loans", "2025-01")
    assert (made["decision"], made["by"]["name"], made["comment"]) == ("approved", "ben", "seen by the board")
    assert made["actions"][0]["until"] == until
    assert made["judgement_digest"] == digest_of((folder / "judgement.json").read_bytes())
    assert before <= dt.datetime.fromisoformat(made["at"]) <= dt.datetime.now(dt.UTC)
    assert (made["number"], made["previous"]) == (1, None)
    tasks = stack.tasks("flagged-loans", run)
    assert (tasks["release"], tasks["release_unflagged"], tasks["tell"]) == ("success", "skipped", "success")


def test_the_next_release_is_chained_to_it_whoever_signs(stack):
    run = asked(stack, "flagged-loans", "2025-02")
    assert stack.answer("ada", "flagged-loans", run, "Approve").status_code == 200
    assert stack.wait("flagged-loans", run) == "success"
    first = stack.runs / "flagged-loans" / "2025-01" / "v1" / "release.json"
    made = released(stack, "flagged-loans", "2025-02")
    assert (made["by"]["name"], made["number"], made["previous"]) == ("ada", 2, digest_of(first.read_bytes()))


def test_reject_releases_nothing_and_says_by_whom(stack):
    run = asked(stack, "flagged-loans", "2025-03")
    assert stack.answer("ada", "flagged-loans", run, "Reject", comment="not before the fix").status_code == 200
    assert stack.wait("flagged-loans", run) == "success"
    tasks = stack.tasks("flagged-loans", run)
    assert (tasks["approve"], tasks["release"], tasks["release_unflagged"]) == ("success", "skipped", "skipped")
    assert released(stack, "flagged-loans", "2025-03") is None
    assert "rejected by ada" in stack.log("flagged-loans", run, "tell")
    assert stack.answer("ben", "flagged-loans", run, "Approve").status_code == 409  # answered once


def test_nobody_else_answers(stack):
    run = asked(stack, "asked-always", "2025-01")
    for user in ("vera", "ada"):  # one who may only look, and one whom this program does not name
        assert stack.answer(user, "asked-always", run, "Approve").status_code == 403
    assert stack.http.patch(
        f"/api/v2/dags/asked-always/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
    ).status_code in (401, 403)
    assert released(stack, "asked-always", "2025-01") is None
    assert stack.answer("ben", "asked-always", run, "Approve").status_code == 200
    assert stack.wait("asked-always", run) == "success"
    assert released(stack, "asked-always", "2025-01")["by"]["name"] == "ben"


def test_silence_releases_nothing_and_ends_red(stack):
    run = stack.trigger("unanswered-loans", "2025-01")
    assert stack.wait("unanswered-loans", run) == "failed"
    tasks = stack.tasks("unanswered-loans", run)
    assert (tasks["publish"], tasks["approve"], tasks["release"], tasks["tell"]) == (
        "success", "failed", "upstream_failed", "failed",
    )  # fmt: skip
    assert "nobody answered in time" in stack.log("unanswered-loans", run, "tell")
    assert released(stack, "unanswered-loans", "2025-01") is None


def test_where_nothing_is_flagged_nobody_is_asked_and_the_release_says_so(stack):
    run = stack.trigger("fair-loans", "2025-01")
    assert stack.wait("fair-loans", run) == "success"
    tasks = stack.tasks("fair-loans", run)
    assert (tasks["approve"], tasks["release"], tasks["release_unflagged"]) == ("skipped", "skipped", "success")
    made = released(stack, "fair-loans", "2025-01")
    assert (made["decision"], made["by"], made["flagged"]) == ("nothing_flagged", None, [])


def test_unfit_data_stop_with_a_report_and_nothing_is_released(stack):
    run = stack.trigger("unfit-loans", "all")
    assert stack.wait("unfit-loans", run) == "failed"
    tasks = stack.tasks("unfit-loans", run)
    assert (tasks["publish"], tasks["gate"], tasks["approve"]) == ("success", "failed", "skipped")
    folder = stack.runs / "unfit-loans" / "all" / "v1"
    assert (folder / "report.html").exists()
    assert not (folder / "release.json").exists()


def test_a_decision_that_cannot_be_read_releases_nothing_and_asking_again_does(stack):
    run = asked(stack, "flagged-loans", "2025-04")
    decisions = [{"finding": "no-such-finding", "decision": "accepted", "owner": "credit risk", "until": "2099-01-01"}]
    assert stack.answer("ben", "flagged-loans", run, "Approve", decisions=decisions).status_code == 200
    assert stack.wait("flagged-loans", run) == "failed"
    assert released(stack, "flagged-loans", "2025-04") is None
    assert "no-such-finding" in stack.log("flagged-loans", run, "release")
    stack.clear("flagged-loans", run, "approve")
    stack.asks("flagged-loans", run)
    assert stack.answer("ben", "flagged-loans", run, "Approve").status_code == 200
    assert stack.wait("flagged-loans", run) == "success"
    assert released(stack, "flagged-loans", "2025-04")["by"]["name"] == "ben"


def test_a_judgement_that_changed_after_it_was_read_is_not_released(stack):
    from audits.policies.again import judge_again, packs_named

    run = asked(stack, "flagged-loans", "2025-05")
    folder = stack.runs / "flagged-loans" / "2025-05" / "v1"
    judge_again(folder, packs_named(folder, ["us"]))
    assert stack.answer("ada", "flagged-loans", run, "Approve").status_code == 200
    assert stack.wait("flagged-loans", run) == "failed"
    assert released(stack, "flagged-loans", "2025-05") is None
    assert "judgement" in stack.log("flagged-loans", run, "release")


def test_an_approval_that_names_no_judgement_releases_nothing(stack):
    run = asked(stack, "asked-always", "2025-02")
    assert stack.answer("ben", "asked-always", run, "Approve", judgement="").status_code == 200
    assert stack.wait("asked-always", run) == "failed"
    assert "names no judgement" in stack.log("asked-always", run, "release")
    assert released(stack, "asked-always", "2025-02") is None


def test_the_chain_holds(stack):
    from audits.releases.chain import chain, verify_chain

    assert verify_chain(stack.runs / "flagged-loans") == ()
    assert [made.number for _, made in chain(stack.runs / "flagged-loans")] == [1, 2, 3]


def test_an_answer_that_was_written_by_somebody_else_releases_nothing(stack):
    """Who may change XComs and states of tasks cannot sign in another's name."""
    run = asked(stack, "flagged-loans", "2025-06")
    path = f"/dags/flagged-loans/dagRuns/{quote(run)}/taskInstances"
    folder = stack.runs / "flagged-loans" / "2025-06" / "v1"
    forged = {
        "chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "ada"},
        "responded_at": dt.datetime.now(dt.UTC).isoformat(),
        "params_input": {"judgement": digest_of((folder / "judgement.json").read_bytes())},
    }  # fmt: skip
    written = {"key": "answer", "value": {"value": forged, "seal": "0" * 64}, "map_index": -1}
    assert stack.api("ada", "POST", f"{path}/approve/xcomEntries", written).status_code == 201
    assert stack.api("ada", "PATCH", f"{path}/approve", {"new_state": "success"}).status_code == 200
    assert stack.wait("flagged-loans", run) == "failed"
    assert stack.tasks("flagged-loans", run)["release"] == "failed"
    assert "an answer that the approval did not leave" in stack.log("flagged-loans", run, "release")
    assert released(stack, "flagged-loans", "2025-06") is None

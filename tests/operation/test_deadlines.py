"""Who is told what by a real Airflow: a deadline that passes, one that is kept, tasks that fail and that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.mailboxes import Hook, Mailbox, hook_server, mail_server
from tests.operated import write_operated
from tests.stack import Stack, running_stack

pytestmark = pytest.mark.xdist_group("stack")
NOTIFY = {"mail": ["risk@bank.example"], "webhook": "squaredeal_webhook"}
PERIOD = "2025-03"


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Iterator[tuple[Stack, Mailbox, Hook]]:
    home = tmp_path_factory.mktemp("told")
    (home / "programs").mkdir()
    source = {"table": "loans", "connection": "airflow://warehouse"}
    for name, operation, about in (
        ("late", {"deadline": "2 seconds"}, {}),
        ("intime", {"deadline": "2 minutes"}, {}),
        ("pending", {"deadline": "40 seconds", "sign_off": {"by": ["ada"]}}, {}),
        ("away", {"retries": 1, "retry_after": "2 seconds"}, {"source": source}),
        ("killed", {"retries": 0}, {}),
    ):
        file = write_operated(home / "programs", name, 0.15, {"notify": NOTIFY, **operation}, **about)
        by_hand = file.read_text(encoding="utf-8").replace("schedule: '@monthly'\n", "")
        file.write_text(by_hand, encoding="utf-8")
    with mail_server() as box, hook_server() as hook:
        connections = {
            "AIRFLOW_CONN_SQUAREDEAL_SMTP": {
                "conn_type": "smtp", "host": "127.0.0.1", "port": box.port,
                "extra": {"from_email": "audit@bank.example", "disable_tls": True},
            },
            "AIRFLOW_CONN_SQUAREDEAL_WEBHOOK": {"conn_type": "http", "host": hook.url, "password": "s3cret"},
            "AIRFLOW_CONN_WAREHOUSE": {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "schema": "x"},
        }  # fmt: skip
        settings = {name: json.dumps(content) for name, content in connections.items()}
        with running_stack(home, settings) as stack:
            stack.refresh("late", "intime", "pending", "away", "killed")
            yield stack, box, hook


def _kinds(hook: Hook, program: str) -> list[str]:
    bodies = [json.loads(body) for _, _, body in hook.requests]
    return [body["kind"] for body in bodies if body["program"]["name"] == program]


def _only(hook: Hook, program: str, kind: str) -> dict:
    bodies = [json.loads(body) for _, _, body in hook.requests]
    (one,) = [body for body in bodies if body["program"]["name"] == program and body["kind"] == kind]
    return one


def _callbacks(stack: Stack, dag: str) -> list[str]:
    found = stack.database.psql(
        "\\c airflow\nselect '<' || c.state || '|' || coalesce(c.output, '') || '>' from deadline d "
        f"join dag_run r on r.id = d.dagrun_id join callback c on c.id = d.callback_id where r.dag_id = '{dag}';"
    )
    return [line.strip().strip("<>") for line in found.splitlines() if line.strip().startswith("<")]


def test_a_deadline_that_passes_is_told_once(told):
    stack, box, hook = told
    run = stack.trigger("late", PERIOD)
    stack.until(lambda: "late" in _kinds(hook, "late"), 60)
    assert stack.wait("late", run) == "success"
    body = _only(hook, "late", "late")
    assert body["period"] == PERIOD
    assert body["program"]["owner"] == "lending-team"
    assert body["reason"].startswith("not published by 20")
    assert "/dags/late/runs/" in body["links"]["run"]
    assert _callbacks(stack, "late") == ["success|told"]
    assert sum("The audit is late" in mail["Subject"] for mail in box.mails) == 1


def test_a_run_that_ends_in_time_leaves_no_deadline(told):
    stack, _, hook = told
    run = stack.trigger("intime", PERIOD)
    assert stack.wait("intime", run) == "success"
    assert _callbacks(stack, "intime") == []
    assert "late" not in _kinds(hook, "intime")


def test_a_pending_signature_is_not_late(told):
    stack, _, hook = told
    run = stack.trigger("pending", PERIOD)
    stack.wait_task("pending", run, "approve", ("awaiting_input",))
    body = _only(hook, "pending", "awaiting")
    assert body["links"]["approval"].endswith("/tasks/approve/required_actions?map_index=-1")
    assert body["findings"]
    assert body["version"] == 1
    stack.until(lambda: _callbacks(stack, "pending") == ["success|the audit was published"], 90)
    assert _kinds(hook, "pending") == ["awaiting"]


def test_what_does_not_answer_is_told_once_when_it_is_not_tried_again(told):
    stack, _, hook = told
    run = stack.trigger("away", PERIOD)
    stack.wait_task("away", run, "pull", ("up_for_retry",))
    assert _kinds(hook, "away") == []
    assert stack.wait("away", run) == "failed"
    time.sleep(15)  # the DAG's own callback would have been called by now
    assert _kinds(hook, "away") == ["failed"]
    body = _only(hook, "away", "failed")
    assert (body["task"], body["period"]) == ("pull", PERIOD)
    assert "does not answer" in body["reason"]


def test_a_task_whose_process_was_killed_is_told(told):
    stack, _, hook = told
    run = stack.trigger("killed", PERIOD)
    os.kill(stack.until(lambda: _task_process(stack), 60), signal.SIGKILL)
    assert stack.wait("killed", run) == "failed"
    stack.until(lambda: _kinds(hook, "killed") == ["failed"], 60)
    time.sleep(10)
    assert "was killed or lost" in _only(hook, "killed", "failed")["reason"]


def _task_process(stack: Stack) -> int | None:
    """The process of a running task: the child of a worker, which is a child of the scheduler."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
    scheduler = stack.processes["scheduler"].pid
    return next((pid for pid, parent in parents.items() if parents.get(parent) == scheduler), None)

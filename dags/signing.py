"""Sign-off: who is asked about a run, what they see, and what becomes of their answer.

    publish → triage → approve → release → tell        something is flagged, or the program always asks
              triage → release_unflagged → tell        nothing is

Only a named user of the program's list can approve: Airflow refuses everybody else, and the release task looks again.
Reject and silence release nothing. Data that are unfit are not released and nobody is asked about them.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Asset, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from audits.record import VERDICTS, AuditRun, Finding, Judgement, digest_of
from audits.releases.record import FLAGGED, RELEASE_FILE, Signer
from checks.inputs.program import AuditProgram, read_program
from checks.problem import InputError, Problem, UnavailableError
from dags import seals
from dags.telling import plain_errors, tell, telling

RUNS = Asset("squaredeal-runs")  # updated when a run was published or released: what the site and the tags follow
_MOST = 30  # findings told one by one
_ACTION = {
    "type": "object", "required": ["finding", "decision", "owner"], "additionalProperties": False,
    "properties": {
        "finding": {"type": "string"}, "decision": {"enum": ["accepted", "remediated"]}, "owner": {"type": "string"},
        "until": {"type": ["string", "null"]}, "comment": {"type": "string"},
    },
}  # fmt: skip
_HOW = (
    'A list, one entry a finding: {"finding": ID, "decision": "accepted", "owner": WHO, "until": "2027-03-31", '
    '"comment": WHY} or {"finding": ID, "decision": "remediated", "owner": WHO}. What stays open needs no entry.'
)


class Approval(ApprovalOperator):  # type: ignore[misc]  # Airflow is not typed here
    """Airflow's approval. The form names the judgement that it is about; the answer is kept under a seal.

    Whoever may write an XCom or set the state of a task can so make nobody else's answer: the seal is made with the
    key that Airflow encrypts with, in the process that was handed the answer.
    """

    def execute(self, context: Any) -> Any:
        self.params["judgement"] = context["ti"].xcom_pull(task_ids="triage", key="judged")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        if "error" not in event:
            with plain_errors():
                context["ti"].xcom_push(key="answer", value=seals.sealed(answered(event), _place(context)))
        return super().execute_complete(context=context, event=event)


def answered(event: dict[str, Any]) -> dict[str, Any]:
    """An answer as plain values."""
    kept = {key: event[key] for key in ("chosen_options", "params_input", "responded_by_user")}
    return {**kept, "responded_at": _moment(event["responded_at"]).isoformat()}


def _place(context: Any) -> str:
    return f"{context['dag_run'].dag_id} {context['dag_run'].run_id}"


def sign_off(program: AuditProgram, published: Any) -> None:
    """Add the tasks of a program's sign-off behind its publication; none where it names nobody who signs."""
    asked = program.operation.sign_off
    if asked is None:
        return
    file = str(program.file)
    sorted_out = task.branch(task_id="triage")(triage_task)(published, file)
    approve = Approval(
        task_id="approve",
        subject="{{ ti.xcom_pull(task_ids='triage', key='subject') }}",
        body="{{ ti.xcom_pull(task_ids='triage', key='body') }}",
        assigned_users=[HITLUser(id=name, name=name) for name in asked.by],
        response_timeout=asked.within,
        params={
            "comment": Param("", type=["null", "string"], title="Comment", description="Kept in release.json."),
            "decisions": Param([], type=["null", "array"], items=_ACTION, title="Decisions", description=_HOW),
            "judgement": Param("", type="string", title="Judgement", description="Digest of what you were shown."),
        },
        notifiers=telling(program, "awaiting"),
    )
    released = task(task_id="release", outlets=[RUNS])(release_task)(published, file)
    unflagged = task(task_id="release_unflagged", outlets=[RUNS])(release_unflagged_task)(published)
    told = task(task_id="tell", trigger_rule="all_done", on_failure_callback=[])(tell_task)(file)
    sorted_out >> [approve, unflagged]
    approve >> released
    [released, unflagged] >> told


def triage_task(folder: str, file: str) -> list[str]:
    """Whether somebody is asked about a run. Returns the tasks that follow; hands the question to the approval."""
    from audits.run import read_run

    with plain_errors():
        asked, judged = read_program(file).operation.sign_off, _digest(Path(folder))
        run, judgement = read_run(Path(folder))
        if _digest(Path(folder)) != judged:
            raise UnavailableError(Problem(
                folder, "a judgement that was changed while it was read", "one that stays as it is", "try again",
            ))  # fmt: skip
        context: Any = get_current_context()
        for key, value in (question(run, judgement) | {"judged": judged}).items():
            context["ti"].xcom_push(key=key, value=value)
    if not run.checks.fit:
        print("the data were unfit: there is nothing to release, and nobody is asked")
        return []
    if is_flagged(run, judgement) or (asked and asked.asked == "always"):
        return ["approve"]
    return ["release_unflagged"]


def is_flagged(run: AuditRun, judgement: Judgement) -> bool:
    """A breach, a concern, or a question that failed."""
    return bool(run.errors) or any(finding.verdict in FLAGGED for finding in judgement.findings)


def _digest(folder: Path) -> str:
    from audits.run import JUDGEMENT_FILE

    return digest_of((folder / JUDGEMENT_FILE).read_bytes())


def question(run: AuditRun, judgement: Judgement) -> dict[str, str]:
    """What a signer is asked: the subject, and the body in Markdown."""
    flagged = [finding for finding in judgement.findings if finding.verdict in FLAGGED]
    title = run.program.title.get("en", run.program.name)
    return {
        "subject": f"Release {title}, {run.data.period} v{run.version}: {len(flagged)} flagged",
        "body": "\n".join(_body(run, judgement, flagged)),
    }


def _body(run: AuditRun, judgement: Judgement, flagged: list[Finding]) -> Iterator[str]:
    from reports.markdown import escaped
    from reports.site.addresses import report_of

    verdicts = Counter(finding.verdict for finding in judgement.findings)
    told = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS if verdicts[verdict])
    owner = run.program.content.get("inventory", {}).get("owner", "nobody")
    yield f"{run.data.rows:,} rows of {run.data.period}. Findings: {told or 'none'}. Owner: {escaped(owner)}."
    site = os.environ.get("SQUAREDEAL_SITE_URL")
    if site:
        page = report_of(run.program.name, run.data.period, run.version)
        yield f"\n[The report]({site.rstrip('/')}/{page})"
    if flagged:
        yield "\n**Flagged**\n"
    for finding in flagged[:_MOST]:
        told = f"{escaped(finding.explanation)} Rule {escaped(finding.rule.id)}, finding `{finding.finding_id}`."
        yield f"- **{finding.verdict}** {told}"
    if len(flagged) > _MOST:
        yield f"- and {len(flagged) - _MOST} more, in the report"
    unanswered = [*judgement.not_answered, *run.not_answered]
    if run.errors or unanswered:
        yield "\n**Not answered**\n"
    yield from (f"- {escaped(f'{error.question} failed: {error.error}')}" for error in run.errors)
    yield from (f"- {escaped(f'{one.question}: {one.reason}')}" for one in dict.fromkeys(unanswered))


def release_task(folder: str, file: str) -> str:
    """Release a run as its signer decided. Returns the address of release.json."""
    from audits.releases.actions import read_actions
    from audits.releases.chain import release
    from audits.run import read_run

    context: Any = get_current_context()
    with plain_errors():
        answer = seals.opened(context["ti"].xcom_pull(task_ids="approve", key="answer"), _place(context))
        by = signer(answer, read_program(file))
        at, entered = _moment(answer["responded_at"]), answer.get("params_input") or {}
        _, judgement = read_run(Path(folder))
        actions = read_actions(entered.get("decisions") or [], judgement, at.date())
        made = release(Path(folder), by, at, str(entered.get("comment") or ""), actions, judgement_seen(entered))
        _track(Path(folder))
    print(f"release {made.number} of {made.program}: {made.period} v{made.version}, approved by {by.name}")
    return str(Path(folder) / RELEASE_FILE)


def judgement_seen(entered: dict[str, Any]) -> str:
    """The digest of the judgement that the signer named. Raises ``InputError`` where none is."""
    named = str(entered.get("judgement") or "")
    if not named:
        raise InputError(Problem(
            "approve", "an approval that names no judgement", "'judgement' as the form shows it, in params_input",
            "clear 'approve' and answer with comment, decisions and judgement",
        ))  # fmt: skip
    return named


def release_unflagged_task(folder: str) -> str:
    """Release a run in which nothing is flagged; nobody has to sign. Returns the address of release.json."""
    from audits.releases.chain import release

    context: Any = get_current_context()
    with plain_errors():
        judged = str(context["ti"].xcom_pull(task_ids="triage", key="judged") or "")
        at = context["dag_run"].run_after  # the same when the task is tried again
        made = release(Path(folder), None, at, judged=judged)
        _track(Path(folder))
    print(f"release {made.number} of {made.program}: {made.period} v{made.version}, nothing was flagged")
    return str(Path(folder) / RELEASE_FILE)


def tell_task(file: str) -> str:
    """Send word of what was decided. Ends red where a run that somebody was asked about was not answered in time."""
    context: Any = get_current_context()
    ti, place = context["ti"], _place(context)
    folder = ti.xcom_pull(task_ids="publish")
    if not folder:
        raise AirflowSkipException("nothing was published")
    with plain_errors():
        program = read_program(file)
        kept = ti.xcom_pull(task_ids="approve", key="answer")
        answer = seals.opened(kept, place) if kept else {}
        was_asked = _was_asked(Path(folder), program)
    if _released(context):
        tell(program, "released", Path(folder))
        return "released"
    if answer.get("chosen_options") == [ApprovalOperator.REJECT]:
        comment = str((answer.get("params_input") or {}).get("comment") or "")
        by = (answer.get("responded_by_user") or {}).get("name")
        tell(program, "rejected", Path(folder), reason=f"{by}: {comment}" if comment else str(by))
        return f"rejected by {by}"
    if answer:
        raise AirflowFailException("it was approved, and could not be released: see the log of 'release'")
    if ti.xcom_pull(task_ids="triage", key="judged") is None:
        raise AirflowFailException("who is to sign was not decided: see the log of 'triage'")
    if not was_asked:
        raise AirflowSkipException("nobody was asked")
    tell(program, "expired", Path(folder))
    raise AirflowFailException("nobody answered in time: nothing was released; clear 'approve' to ask again")


def _released(context: Any) -> bool:
    """Whether this run's own release was made."""
    run = context["dag_run"]
    asked = {"dag_id": run.dag_id, "run_ids": [run.run_id], "task_ids": ["release", "release_unflagged"]}
    states = context["ti"].get_task_states(**asked).get(run.run_id) or {}
    return "success" in {str(state) for state in states.values()}


def signer(answer: dict[str, Any], program: AuditProgram) -> Signer:
    """The named user who approved. Raises ``InputError`` for any other answer, and for anybody else."""
    asked, user = program.operation.sign_off, answer.get("responded_by_user") or {}
    allowed = asked.by if asked else ()
    found = None
    if answer.get("chosen_options") != [ApprovalOperator.APPROVE]:
        found = f"the answer {answer.get('chosen_options')}"
    elif not user.get("id") or user.get("name") not in allowed:
        found = f"an approval by {user.get('name') or 'nobody who is known'}"
    if found:
        raise InputError(Problem(
            "approve", found, f"an approval by {', '.join(allowed)}",
            "clear 'approve' and let one of them answer, or change operation.sign_off in the program",
        ))  # fmt: skip
    return Signer(str(user["id"]), str(user["name"]))


def _moment(at: Any) -> dt.datetime:
    return at if isinstance(at, dt.datetime) else dt.datetime.fromisoformat(str(at))


def _was_asked(folder: Path, program: AuditProgram) -> bool:
    from audits.run import read_run

    run, judgement = read_run(folder)
    asked = program.operation.sign_off
    return run.checks.fit and (is_flagged(run, judgement) or bool(asked and asked.asked == "always"))


def _track(folder: Path) -> None:
    """Write the release into MLflow, where runs are tracked."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if uri:
        from reports.tracking import tag_status

        tag_status(folder, uri, dt.datetime.now(dt.UTC).date())

"""What Airflow calls: a notifier for approvals and failures, and a deadline.

Airflow calls a task's ``on_failure_callback`` when it has failed and is not tried again: in the task's own process, in
the DAG processor where the worker around it was lost too, and not at all where only that process was killed. So the DAG
has one as well, which runs in the DAG processor when the run has failed and tells what no task has told. An approval's
notifiers are called in its own process, before it waits. A deadline's callback runs in the triggerer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from checks.foreign_text import kind_and_place
from checks.inputs.program import AuditProgram, read_program
from dags.notices.notice import Links, notice_of
from dags.notices.sending import send

log = logging.getLogger(__name__)
_OURS = ("AirflowFailException", "InputError", "UnavailableError")  # errors whose words are ours
_EXPIRED = "HITLTimeoutError"  # told as 'expired', with the run's records
_DIED = "the task's process was killed or lost: see its log, the scheduler's, and whether memory ran out"
TOLD = "failure_told"  # the XCom of a failed task of which word was sent
TELL_THEMSELVES = ("gate", "tell")  # tasks that send notices and end red


class ProgramNotifier(BaseNotifier):  # type: ignore[misc]
    """Sends a notice of a program; it never raises.

    ``file`` is the program's file, ``kind`` the notice's: ``awaiting`` for an approval, ``failed`` for a task. ``died``
    is for a DAG: it tells of failed tasks that could not tell it themselves.
    """

    def __init__(self, *, file: str, kind: str) -> None:
        super().__init__()
        self.file, self.kind = file, kind

    def notify(self, context: Any) -> None:
        """Send it. What goes wrong is logged."""
        try:
            program = read_program(self.file)
            if self.kind == "died":
                for task in _untold(context):
                    _tell(program, "failed", context, task, _DIED)
            elif self.kind != "failed":
                _tell(program, self.kind, context)
            else:
                error = context.get("exception")
                if error is None:  # the DAG processor, for a lost worker: the DAG's own notifier tells it, once
                    return
                if type(error).__name__ != _EXPIRED:
                    _tell(program, "failed", context, _task(context["ti"]), _reason(error))
                _push(context["ti"], TOLD, True)
        except Exception as fault:  # noqa: BLE001 - a notice never changes what it tells of
            log.error("no word could be sent of %s: %s (%s)", Path(self.file).name, self.kind, kind_and_place(fault))


def _tell(program: AuditProgram, kind: str, context: Any, task: str = "", reason: str = "") -> None:
    ti, dag_id, run_id = context.get("ti"), str(context["dag"].dag_id), _run_id(context)
    folder = _folder(ti)
    notice = notice_of(
        folder, program, kind, reason=reason, task=task, run_id=run_id,
        period="" if folder else _period(program, context),
        links=_links(dag_id, run_id, ti if kind == "awaiting" else None),
    )  # fmt: skip
    send(notice, program.operation.notify, context=context)


def _untold(context: Any) -> list[str]:
    """Failed tasks of a run that told nobody, since their process was killed."""
    names = context["dag"].task_ids
    states = _states(str(context["dag"].dag_id), _run_id(context))
    failed = {name: name.rpartition("_")[0] for name, state in states.items() if state == "failed"}
    found = []
    for name, mapped in failed.items():
        task = name if name in names else mapped
        if task in TELL_THEMSELVES or _pulled(context.get("ti"), task, TOLD):
            continue
        found.append(name if name in names else f"{mapped}[{name.rpartition('_')[2]}]")
    return found


def _run_id(context: Any) -> str:
    return str(context["ti"].run_id if context.get("ti") else context["run_id"])


def _pulled(ti: Any, task: str, key: str) -> Any:
    try:
        return ti.xcom_pull(task_ids=task, key=key) if ti else None
    except Exception:  # noqa: BLE001 - a process that may not ask
        log.debug("no XCom", exc_info=True)
        return None


def _push(ti: Any, key: str, value: Any) -> None:
    try:
        ti.xcom_push(key=key, value=value)
    except Exception:  # noqa: BLE001 - a process that may write no more
        log.debug("no XCom", exc_info=True)


def deadline_of(program: AuditProgram) -> DeadlineAlert | None:
    """The alert of a program's deadline; None where it names none.

    It counts from when the run was queued. That is the end of its period, since a scheduled run is made when its period
    ends; a period that is caught up, filled in later or asked for by an update counts from when its run was made, so
    that a year that is caught up raises no alarm. While the scheduler is down no run is made and no alarm is raised.

    The deadline is for the audit and not for the people who sign: when it passes, nothing is sent if the run has ended
    (a failure was told by itself) or if ``publish`` has succeeded. A run that succeeds in time has its deadline removed
    by Airflow.
    """
    if program.operation.deadline is None:
        return None
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=program.operation.deadline,
        callback=AsyncCallback(tell_late, kwargs={"file": str(program.file)}),
        name="audit published",
    )


async def tell_late(file: str, context: Mapping[str, Any]) -> str:
    """Send word of a run whose deadline has passed, unless its audit is done. Runs in the triggerer.

    ``context`` has ``dag_run`` as the REST API shows it and ``deadline`` with its time. Returns what was done.
    """
    return await asyncio.to_thread(late, file, context)


def late(file: str, context: Mapping[str, Any]) -> str:
    """As ``tell_late``, in a thread where one may wait."""
    run = context["dag_run"]
    dag_id, run_id = str(run["dag_id"]), str(run["dag_run_id"])
    if run.get("state") in ("success", "failed"):
        return "the run has ended"
    states = _states(dag_id, run_id)
    if states.get("publish") == "success":
        return "the audit was published"
    try:
        program = read_program(file)
        at = str(context["deadline"]["deadline_time"])[:16].replace("T", " ")
        unfinished = sorted({task for task, state in states.items() if state in _UNFINISHED})
        doing = f"; now at {', '.join(unfinished)}" if unfinished else ""
        notice = notice_of(
            None, program, "late", run_id=run_id, period=_period(program, context),
            reason=f"not published by {at} UTC{doing}", links=Links(run=_run_page(dag_id, run_id)),
        )  # fmt: skip
        faults = send(notice, program.operation.notify)
    except Exception as fault:
        log.error("no word could be sent of %s: late (%s)", Path(file).name, kind_and_place(fault))
        raise
    if faults:
        raise RuntimeError("; ".join(faults))  # the callback's state in Airflow is then 'failed'
    return "told"


_UNFINISHED = ("running", "queued", "scheduled", "up_for_retry", "restarting", "deferred")


def _states(dag_id: str, run_id: str) -> dict[str, str]:
    """States of a run's tasks, without the further ones of mapped tasks' names."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    found = RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=[run_id])
    states: dict[str, str] = {}
    for task, state in (found.get(run_id) or {}).items():
        states.setdefault(str(task).partition("_-1")[0], str(state))
    return states


def _folder(ti: Any) -> Path | None:
    """The folder of the run's version, once there is one."""
    found = _pulled(ti, "publish", "return_value") or _pulled(ti, "judge", "return_value")
    return Path(str(found)) if found else None


def _task(ti: Any) -> str:
    index = getattr(ti, "map_index", -1)
    return f"{ti.task_id}[{index}]" if index is not None and index >= 0 else str(ti.task_id)


def _reason(error: Any) -> str:
    """What failed: an error in our own words, or the type and place of any other, whose text may quote rows."""

    if type(error).__name__ not in _OURS:
        return kind_and_place(error) if isinstance(error, BaseException) else _DIED
    return "; ".join(line.strip() for line in str(error).splitlines())


def _period(program: AuditProgram, context: Mapping[str, Any]) -> str:
    """The run's period as far as it is known before there are records; else empty."""
    from checks.inputs.period import period_between
    from dags.periods import updates

    run = context.get("dag_run") or {}
    told = run if isinstance(run, Mapping) else {name: getattr(run, name, None) for name in _TOLD}
    asked = (context.get("params") or {}).get("period") or (told.get("conf") or {}).get("period")
    if asked:
        return str(asked)
    try:
        events = updates(context)
    except Exception:  # noqa: BLE001 - a process that may not ask
        events = []
    if events:
        return str((events[-1].extra or {}).get("period") or "")
    start, end = _day(told.get("data_interval_start")), _day(told.get("data_interval_end"))
    if program.contract.time and program.cron and start and end and start < end:
        return period_between(start, end).text
    return ""


_TOLD = ("conf", "data_interval_start", "data_interval_end")


def _day(moment: Any) -> Any:
    import datetime as dt

    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    return moment.date() if moment else None


def _links(dag_id: str, run_id: str, asking: Any) -> Links:
    page = _run_page(dag_id, run_id)
    asked = f"{page}/tasks/{asking.task_id}/required_actions?map_index={asking.map_index}" if page and asking else None
    return Links(approval=asked, run=page)


def _run_page(dag_id: str, run_id: str) -> str | None:
    """The page of a run in Airflow; None where ``[api] base_url`` is not set."""
    from urllib.parse import quote

    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id)}" if base else None

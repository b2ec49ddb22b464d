"""Several updates of data at once: each period that they name is audited, though Airflow starts one run."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, get_current_context, task

from checks.inputs.program import AuditProgram, read_program
from checks.problem import InputError
from dags.periods import period_of_update, updates
from dags.telling import plain_errors


def start_others(program: AuditProgram) -> None:
    """Add the tasks that start runs for further updates; none where no update starts a run."""
    if not program.operation.after:
        return
    inlets = [Asset(name) for name in program.operation.after]
    others = task(task_id="other_periods", inlets=inlets)(other_periods_task)(str(program.file))
    TriggerDagRunOperator.partial(
        task_id="start_others", trigger_dag_id=program.name, skip_when_already_exists=True
    ).expand_kwargs(others)


def other_periods_task(file: str) -> list[dict[str, Any]]:
    """Further runs to start, where several updates of data came in at once."""
    with plain_errors():
        return other_periods(read_program(file), get_current_context())


def other_periods(program: AuditProgram, context: Any) -> list[dict[str, Any]]:
    """Runs to start for further updates: arguments of the operator that starts them, the same when asked again.

    These are the run's own updates of other periods than its own, and updates that came in while it was being created:
    Airflow starts no run for these before the next update.
    """
    own = updates(context)
    if not own:
        return []
    later = [
        event for asset in program.operation.after
        for event in context["inlet_events"][Asset(asset)].after(own[0].timestamp.isoformat())
        if not any(run.dag_id == program.name for run in event.created_dagruns)
    ]  # fmt: skip
    mine, found = _named(program, own[-1]), {}
    for event in sorted((*own, *later), key=lambda event: event.timestamp):
        period = _named(program, event)
        if period != mine or event in later:
            found[period] = f"update__{period}__{event.timestamp.isoformat()}"
    return [{"conf": {"period": period}, "trigger_run_id": run_id} for period, run_id in found.items()]


def _named(program: AuditProgram, event: Any) -> str:
    """The words of an update's period; those that cannot be read as they are, for a run that fails with what to do."""
    try:
        return period_of_update(program, event).text
    except InputError:
        return str(event.extra["period"])[:100]

"""A test notice, sent by hand to those whom a program names."""

from __future__ import annotations

from typing import Any

from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem
from dags.notices.notice import notice_of
from dags.notices.sending import attempt


def try_notice(program: AuditProgram) -> list[str]:
    """Send a notice of the kind ``test`` and say to whom. Raises ``InputError`` for what could not be sent."""
    notify = program.operation.notify
    if not notify:
        raise InputError(Problem(
            program.where("operation.notify"), "nobody is named", "mail addresses, or the connection of a webhook",
            "write operation.notify, such as {mail: [risk@bank.example]}",
        ))  # fmt: skip
    faults = attempt(notice_of(None, program, "test"), notify, _connection)
    if faults:
        expected = "a notice that arrives"
        raise InputError(
            Problem(
                program.where("operation.notify"), fault, expected, "mend the connection, or the program's addresses"
            )
            for fault in faults
        )
    webhook = [f"webhook: accepted by '{notify.webhook}'"] if notify.webhook else []
    return [*(f"mail: accepted for {address}" for address in notify.mail), *webhook]


def _connection(name: str) -> Any:
    """A connection from Airflow's database, the environment, or another store that Airflow is set up with."""
    from airflow.models import Connection

    return Connection.get_connection_from_secrets(name)

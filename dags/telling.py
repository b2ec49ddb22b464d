"""What tasks share in telling people: errors in plain words, and notices that cost no run its result."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRuntimeError

from checks.foreign_text import kind_and_place
from checks.inputs.program import AuditProgram
from checks.problem import InputError, UnavailableError
from checks.whole_file import unwritten

log = logging.getLogger(__name__)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Bad input fails the task with its own words; what does not answer now may be tried again.

    Any other error is told by its kind and place.
    """
    try:
        yield
    except UnavailableError:
        raise
    except InputError as error:
        raise AirflowFailException(str(error)) from None
    except (PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise AirflowFailException(str(unwritten(error))) from None
    except OSError as error:
        raise UnavailableError(unwritten(error)) from None
    except (AirflowException, AirflowRuntimeError):
        raise
    except Exception as error:  # noqa: BLE001 - the texts of others may quote rows, and a log is read by many
        raise AirflowFailException(f"a fault of the code: {kind_and_place(error)}") from None


def tell(program: AuditProgram, kind: str, folder: Path | None, reason: str = "") -> None:
    """Send a notice where the program says to whom. What cannot be sent is logged and changes nothing."""
    if not program.operation.notify:
        return
    from dags.notices import notice_of, send

    try:
        send(notice_of(folder, program, kind, reason=reason), program.operation.notify)
    except Exception as error:  # noqa: BLE001 - the audit's result stands whether or not word of it arrives
        log.error("no word could be sent of %s: %s (%s)", program.name, kind, kind_and_place(error))


def telling(program: AuditProgram, kind: str) -> list[Any]:
    """What Airflow calls to send a notice; nothing where the program names nobody."""
    if not program.operation.notify:
        return []
    from dags.notices import ProgramNotifier

    return [ProgramNotifier(file=str(program.file), kind=kind)]


def deadline(program: AuditProgram) -> dict[str, Any]:
    """The argument of a DAG that has a deadline; none where the program names none, or nobody to tell."""
    if not (program.operation.deadline and program.operation.notify):
        return {}
    from dags.notices import deadline_of

    return {"deadline": deadline_of(program)}

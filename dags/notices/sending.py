"""Mail and webhook at once, each tried three times. What cannot be sent is logged and marked, and changes no result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from checks.inputs.operation import Notify
from dags.notices import mail, webhook
from dags.notices.faults import LaterError, NeverError
from dags.notices.notice import Notice

log = logging.getLogger(__name__)

SMTP_CONNECTION = "squaredeal_smtp"
TRIES, FIRST_WAIT = 3, 1.0  # seconds, doubled each time: with the waits for answers some 35 s at most
NOT_SENT = "notice_not_sent"  # the XCom of a task whose notice did not arrive

Finder = Callable[[str], Any]


def send(notice: Notice, notify: Notify, connection: Finder | None = None, context: Any = None) -> tuple[str, ...]:
    """Tell everybody whom the program names. Returns what could not be sent and why; raises nothing.

    ``connection`` finds a connection by its name; without it Airflow's. ``context`` is that of the task on whose behalf
    it is sent: what could not be sent is left there as the XCom ``notice_not_sent``.
    """
    faults = attempt(notice, notify, connection or _connection)
    for fault in faults:
        log.error(
            "notice '%s' of %s was not sent: %s. Mend it, and see with 'squaredeal notify PROGRAM' whether it arrives.",
            notice.kind, notice.program, fault,
        )  # fmt: skip
    if faults:
        _mark(faults, context)
    elif notify:
        log.info("notice '%s' of %s was sent", notice.kind, notice.program)
    return faults


def attempt(notice: Notice, notify: Notify, connection: Finder) -> tuple[str, ...]:
    """Send by every way at once, without a word in a log. Returns what could not be sent and why."""
    ways = list(_ways(notice, notify, connection))
    with ThreadPoolExecutor(max_workers=max(1, len(ways))) as pool:
        return tuple(fault for fault in pool.map(_tried, ways) if fault)


def _ways(notice: Notice, notify: Notify, connection: Finder) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each way with its name and what sends by it. Connections are asked for here, in the task's own thread."""
    if notify.mail:
        name = f"mail to {', '.join(notify.mail)} by the connection '{SMTP_CONNECTION}'"
        yield name, _by(connection, SMTP_CONNECTION, partial(mail.deliver, notice, notify.mail))
    if notify.webhook:
        name = f"webhook by the connection '{notify.webhook}'"
        yield name, _by(connection, notify.webhook, partial(webhook.deliver, notice))


def _by(connection: Finder, name: str, deliver: Callable[[Any], None]) -> Callable[[], None]:
    try:
        return partial(deliver, connection(name))
    except Exception as error:  # noqa: BLE001 - each store of connections has errors of its own
        why = f"it cannot be had ({type(error).__name__}): add it in Airflow under Admin, Connections"
        return partial(_raise, why)


def _raise(why: str) -> None:
    raise NeverError(why)


def _tried(way: tuple[str, Callable[[], None]]) -> str | None:
    """None when it was sent, else why not."""
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    name, deliver = way
    try:
        Retrying(
            stop=stop_after_attempt(TRIES), wait=wait_exponential(FIRST_WAIT),
            retry=retry_if_exception_type(LaterError), reraise=True,
        )(deliver)  # fmt: skip
    except NeverError as error:
        return f"{name}: {error}"
    except LaterError as error:
        return f"{name}: {error}, {TRIES} times"
    except Exception as error:  # noqa: BLE001 - a notice never changes what it tells of
        return f"{name}: {type(error).__name__}"
    return None


def _mark(faults: tuple[str, ...], context: Any) -> None:
    """Leave what was not sent where people look for it: among the values of the task."""
    from airflow.sdk import get_current_context

    try:
        (context or get_current_context())["ti"].xcom_push(key=NOT_SENT, value=list(faults))
    except Exception:  # noqa: BLE001 - no task, or one that may write no more: the log has it
        log.debug("no task to mark", exc_info=True)


def _connection(name: str) -> Any:
    from airflow.sdk import Connection

    return Connection.get(name)

"""How a program is operated: from when on, after which updates, how patiently, who is told and who signs.

Nothing of it changes what is measured or judged, so that it is no part of the program's digest.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

Asked = Literal["flagged", "always"]


@dataclass(frozen=True, slots=True)
class SignOff:
    """Who may release a run, within how long, and when they are asked.

    ``by`` holds user names of the scheduler. Asked when something is ``flagged`` (a breach, a concern, a question that
    failed), or ``always``. An answer that does not come in time releases nothing.
    """

    by: tuple[str, ...]
    within: dt.timedelta = dt.timedelta(days=14)
    asked: Asked = "flagged"


@dataclass(frozen=True, slots=True)
class Notify:
    """Where word is sent: mail addresses, and the scheduler's connection that holds a webhook's address."""

    mail: tuple[str, ...] = ()
    webhook: str | None = None

    def __bool__(self) -> bool:
        return bool(self.mail or self.webhook)


@dataclass(frozen=True, slots=True)
class Operation:
    """The ``operation`` of a program.

    ``start`` is the first day of the first period that is caught up or may be backfilled; without it nothing before
    today is run by itself. ``after`` names the assets (sets of model outputs) whose update starts a run, each by
    itself. ``retries`` and ``retry_after`` hold for what did not answer, never for bad input; the wait doubles.
    ``deadline`` counts from when the run was queued, which for a scheduled run is the end of its period. ``pool``
    limits how many tasks are at the source at once.
    """

    start: dt.date | None = None
    catch_up: bool = False
    after: tuple[str, ...] = ()
    retries: int = 5
    retry_after: dt.timedelta = dt.timedelta(seconds=30)
    deadline: dt.timedelta | None = None
    pool: str | None = None
    notify: Notify = field(default_factory=Notify)
    sign_off: SignOff | None = None

"""The rules of a finding's life, over the periods in their order: what opens it, what closes it, what a decision does.

A finding *opens* in a period whose verdict is a breach or a concern, and *closes* in the first later one whose verdict
is clear. Anything else in between settles nothing: it stays open. Periods stand in the order of their last days, and
only the latest version of a period counts.

An *acceptance* holds until its last day, over all periods in which the finding is still flagged, and for no verdict
worse than the one that was accepted. A *remediation* leaves the finding open until a later period is clear, which
re-tests it; flagged again in a later period, it is reopened. The decision of a later period takes the place of an
earlier one; closing ends both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from audits.record import Verdict
from audits.releases.record import FLAGGED, Action, Release
from checks.inputs.period import read_period

State = Literal["open", "accepted", "expired", "remediated", "reopened", "unsettled", "retested", "closed"]
STATES: tuple[State, ...] = (
    "open", "reopened", "expired", "unsettled", "remediated", "accepted", "retested", "closed",
)  # fmt: skip
OPEN_STATES: tuple[State, ...] = ("open", "reopened", "expired")
DECIDED_STATES: tuple[State, ...] = ("accepted", "expired", "remediated", "reopened", "retested")
CLOSED_STATES: tuple[State, ...] = ("retested", "closed")
_PART = re.compile(r"\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Decision:
    """An action on a finding with the verdict that it was decided on and the release that holds it."""

    action: Action
    verdict: Verdict
    release: Release


def decisions(
    released: Iterable[tuple[Release, Mapping[str, Mapping[str, Verdict]]]],
) -> dict[str, Decision]:
    """The last decision on each finding in these releases, each with its verdicts by judgement and finding."""
    found: dict[str, Decision] = {}
    for release, decided_on in sorted(released, key=lambda pair: pair[0].number):
        verdicts = decided_on.get(release.judgement_digest, {})
        for action in release.actions:
            if action.finding_id in verdicts:
                found[action.finding_id] = Decision(action, verdicts[action.finding_id], release)
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """A period of a finding: its verdict in the latest version, and the last decision in any version of it."""

    verdict: Verdict | None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """What the steps come to. ``opened``, ``closed`` and ``told`` are their places: told is the last that decided.

    ``opened`` and ``closed`` are of the last opening. ``flagged`` is the last verdict that was a breach or a concern.
    """

    opened: int | None = None
    closed: int | None = None
    told: int | None = None
    flagged: Verdict | None = None
    newest: Verdict | None = None
    decision: Decision | None = None
    refuted: bool = False

    @property
    def is_flagged_now(self) -> bool:
        """Whether the newest run itself says breach or concern."""
        return self.newest in FLAGGED

    def state(self, today: dt.date) -> State | None:
        """Where the finding stands on a day; None where it never opened."""
        if self.opened is None:
            return None
        made = self.decision
        if self.closed is not None:
            return "retested" if made and made.action.kind == "remediated" and not self.refuted else "closed"
        if made and made.action.kind == "remediated":
            return "reopened" if self.refuted else "remediated"
        if made and not (made.verdict == "concern" and self.flagged == "breach"):
            return "expired" if str(today) > (made.action.until or "") else "accepted"
        return "open" if self.is_flagged_now else "unsettled"


def course(steps: Iterable[Step]) -> Course:
    """Fold a finding's periods, ascending."""
    opened = closed = told = None
    flagged = newest = decision = None
    refuted = False
    for place, step in enumerate(steps):
        newest = step.verdict
        if newest in FLAGGED:
            refuted = refuted or bool(decision and decision.action.kind == "remediated")
            if opened is None or closed is not None:
                opened, closed, decision = place, None, decision if refuted else None
            told, flagged = place, newest
        elif newest == "clear" and opened is not None and closed is None:
            closed = told = place
        if step.decision and opened is not None and closed is None:
            decision, refuted = step.decision, False
    return Course(opened, closed, told, flagged, newest, decision, refuted)


def place_in_time(period: str, first_day: str | None, last_day: str | None) -> tuple[str, str, str]:
    """Sort key: last day, first day. ``all`` lies where its decisions do, before the rest when they have no dates."""
    days = read_period(period)
    if days.start is None or days.end is None:
        return last_day or "", first_day or "", period
    return str(days.end - dt.timedelta(days=1)), str(days.start), period


def is_of_a_part(segment: str) -> bool:
    """Whether a finding judges a part of one period, which no later period can judge again."""
    return bool(_PART.fullmatch(segment))

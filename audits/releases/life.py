"""The rules of a finding's life, over the periods in their order: what opens it, what closes it, what a decision does.

A finding *opens* in a period whose verdict is a breach or a concern, and *closes* in the first later one whose verdict
is clear. Anything else in between settles nothing: it stays open. Periods stand in the order of the last days that
their data reach, and only the latest version of a period counts. Where that one decides nothing (inconclusive, not
identified, unfit) a breach or a concern of the last version that did is not refuted: the finding has opened and is not
settled.

A period is *later* where all its days come after those of every flagged period since the finding opened, and its first
day is not to come yet. One that overlaps them mixes the days that were flagged with others: unless it is flagged itself
it changes nothing. Days that are not known are neither before nor after any others.

An *acceptance* holds until its last day, over all periods in which the finding is still flagged, and for no verdict
worse than the one that was accepted. A *remediation* leaves the finding open until a later period is clear, which
re-tests it; flagged again in a later period, or in a later version of the same one, it is reopened. The decision of a
later period takes the place of an earlier one; closing ends both.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
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
    """A period of a finding: its verdict in the latest version, and the last decision in any version of it.

    ``first`` and ``last`` are the days of its data (YYYY-MM-DD), empty where they are not known; ``unrefuted`` is what
    an earlier version flagged and the latest does not decide (``unrefuted_in``).
    """

    verdict: Verdict | None
    decision: Decision | None = None
    version: int = 1
    first: str = ""
    last: str = ""
    unrefuted: Verdict | None = None

    @property
    def refutes(self) -> bool:
        """Whether it is flagged in a later version than the one whose finding was said to be remediated."""
        made = self.decision
        return bool(
            made and made.action.kind == "remediated" and self.version > made.release.version
            and self.verdict in FLAGGED
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """What the steps come to. ``opened``, ``closed`` and ``told`` are their places: told is the last that decided.

    ``opened`` and ``closed`` are of the last opening. ``flagged`` is the last verdict that was a breach or a concern.
    ``passed`` are the places of the steps that change nothing, since they are not later.
    """

    opened: int | None = None
    closed: int | None = None
    told: int | None = None
    flagged: Verdict | None = None
    newest: Verdict | None = None
    decision: Decision | None = None
    refuted: bool = False
    passed: frozenset[int] = frozenset()

    @property
    def is_flagged_now(self) -> bool:
        """Whether the newest run that counts says breach or concern."""
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


def unrefuted_in(verdicts: Sequence[Verdict | None]) -> Verdict | None:
    """A breach or concern of the last version that decided, where the latest has the finding and does not decide it.

    ``verdicts`` are those of a period's versions, ascending; None where a version does not have the finding.
    """
    if not verdicts or verdicts[-1] is None:
        return None
    last = next((one for one in reversed(verdicts) if one == "clear" or one in FLAGGED), None)
    return None if last == verdicts[-1] or last == "clear" else last


def course(steps: Iterable[Step], today: dt.date) -> Course:
    """Fold a finding's periods, ascending by ``place_in_time``, as they are known on a day."""
    opened = closed = told = None
    flagged = newest = decision = None
    refuted = False
    reaches: list[str] = []  # last days of the flagged periods since it opened
    passed = set()
    for place, step in enumerate(steps):
        is_open = opened is not None and closed is None
        if step.verdict in FLAGGED:
            newest = step.verdict
            refuted = refuted or bool(decision and decision.action.kind == "remediated")
            if not is_open:
                opened, closed, decision, reaches = place, None, decision if refuted else None, []
            told, flagged = place, newest
            reaches.append(step.last)
        elif step.unrefuted:
            newest = step.verdict
            if not is_open:
                opened, closed, decision, reaches = place, None, decision if refuted else None, []
            told, flagged = place, step.unrefuted
            reaches.append(step.last)
        elif not is_open:
            newest = step.verdict
        elif all(reaches) and max(reaches) < step.first <= min(step.last, str(today)):
            newest = step.verdict
            if newest == "clear":
                closed = told = place
        else:
            passed.add(place)
        if step.decision and opened is not None and closed is None:
            decision, refuted = step.decision, step.refutes
    return Course(opened, closed, told, flagged, newest, decision, refuted, frozenset(passed))


def place_in_time(period: str, first_day: str | None, last_day: str | None) -> tuple[str, str, str]:
    """Sort key: last day, first day. A period reaches no further than its data do, ``first_day`` to ``last_day``.

    ``all`` lies where its decisions do, before the rest when they have no dates.
    """
    days = read_period(period)
    if days.start is None or days.end is None:
        return last_day or "", first_day or "", period
    last = min(str(days.end - dt.timedelta(days=1)), last_day or "9999-12-31")
    return last, str(days.start), period


def is_of_a_part(segment: str) -> bool:
    """Whether a finding judges a part of one period, which no later period can judge again."""
    return bool(_PART.fullmatch(segment))

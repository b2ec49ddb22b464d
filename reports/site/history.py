"""A program's runs in the order of their periods, and the life of each finding over them.

What opens and closes a finding, and what a decision does, is told by the rules in ``audits.releases.life``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from audits.record import Measurement, Rule
from audits.releases.life import (
    DECIDED_STATES,
    Course,
    Decision,
    State,
    Step,
    course,
    decisions,
    is_of_a_part,
    unrefuted_in,
)
from audits.releases.life import place_in_time as place_of
from audits.releases.record import FLAGGED
from reports.site.run_summary import JudgedFigure, RunSummary

_TELLING = (*FLAGGED, "clear", "inconclusive")
Judged = Literal["open", "unsettled", "closed", "never", "silent"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A finding in the newest run of a period; ``finding`` is None where that run does not have it."""

    run: RunSummary
    finding: JudgedFigure | None

    @property
    def figure(self) -> Measurement | None:
        """What was measured."""
        return self.run.figures[self.finding.figure] if self.finding else None

    @property
    def rule(self) -> Rule | None:
        """The rule as it stood in that run."""
        return self.run.rules[self.finding.rule] if self.finding else None


@dataclass(frozen=True, slots=True)
class Life:
    """A finding over the periods, from the first that has it. ``opened`` and ``closed`` are of its last opening.

    ``standing`` is where it stands with what was decided on it, None where it was never open; ``passed`` are the runs
    that change nothing about it.
    """

    finding_id: str
    moments: tuple[Moment, ...]
    opened: RunSummary | None
    closed: RunSummary | None
    course: Course
    standing: State | None
    passed: tuple[RunSummary, ...] = ()

    def is_passed(self, run: RunSummary) -> bool:
        """Whether that run changes nothing about it."""
        return any(one is run for one in self.passed)

    @property
    def counted(self) -> tuple[Moment, ...]:
        """Its moments without those that change nothing, since their days are not later than those flagged."""
        return tuple(m for m in self.moments if not self.is_passed(m.run))

    @property
    def now(self) -> JudgedFigure | None:
        """The finding in the newest run that counts; None where that run has none."""
        return self.counted[-1].finding

    @property
    def last(self) -> tuple[RunSummary, JudgedFigure, Measurement, Rule]:
        """The newest run that counts and has the finding, with the finding, its figure and its rule."""
        run, finding = next((m.run, m.finding) for m in reversed(self.counted) if m.finding)
        return run, finding, run.figures[finding.figure], run.rules[finding.rule]

    @property
    def state(self) -> Judged:
        """By its verdicts alone: open now; opened and not settled since; closed; never open; never judged at all."""
        if self.course.opened is None:
            return "never" if any(m.finding and m.finding.verdict in _TELLING for m in self.moments) else "silent"
        if self.course.closed is not None:
            return "closed"
        return "open" if self.course.is_flagged_now else "unsettled"

    @property
    def decision(self) -> Decision | None:
        """What was decided on it and tells where it stands."""
        return self.course.decision if self.standing in DECIDED_STATES else None

    @property
    def is_of_a_part(self) -> bool:
        """Whether it judges a part of one period, which no later period can judge again."""
        return is_of_a_part(self.last[2].segment)


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a program: ``periods`` ascending, each with its versions ascending."""

    periods: tuple[tuple[RunSummary, ...], ...]

    @property
    def newest(self) -> tuple[RunSummary, ...]:
        """The latest version of every period, ascending."""
        return tuple(versions[-1] for versions in self.periods)

    @property
    def current(self) -> RunSummary:
        """The latest version of the newest period."""
        return self.periods[-1][-1]

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """All versions of all periods."""
        return tuple(run for versions in self.periods for run in versions)

    def before(self, run: RunSummary) -> RunSummary | None:
        """The newest run of the period before that of ``run``: the nearest of its kind, else the nearest."""
        earlier = [other for other in self.newest if place_in_time(other) < place_in_time(run)]
        alike = [other for other in earlier if _kind(other.period) == _kind(run.period)]
        return next(iter(reversed(alike or earlier)), None)

    def superseded_by(self, run: RunSummary) -> RunSummary | None:
        """The latest version of the run's period, unless it is that."""
        last = next(versions[-1] for versions in self.periods if versions[-1].period == run.period)
        return last if last.version != run.version else None

    def version_before(self, run: RunSummary) -> RunSummary | None:
        """The version before it of the same period."""
        same = [other for other in self.runs if other.period == run.period and other.version < run.version]
        return same[-1] if same else None


def history(runs: Iterable[RunSummary]) -> History:
    """Runs of one program in their order."""
    together: dict[str, list[RunSummary]] = {}
    for run in sorted(runs, key=lambda run: run.version):
        together.setdefault(run.period, []).append(run)
    return History(tuple(sorted(map(tuple, together.values()), key=lambda versions: place_in_time(versions[-1]))))


def place_in_time(run: RunSummary) -> tuple[str, str, str]:
    """Sort key of a run: last day, first day."""
    return place_of(run.period, run.first_day, run.last_day)


def _kind(period: str) -> str:
    """Year, quarter, month, day, range or all, as a pattern of digits."""
    return re.sub(r"\d", "0", period)


def lives(past: History, today: dt.date) -> dict[str, Life]:
    """Every finding of the newest runs, by its id, as it stands on a day."""
    names = dict.fromkeys(finding.finding_id for run in past.newest for finding in run.findings)
    decided = [
        decisions((made, run.releases.decided_on) for run in versions for made in run.releases.made)
        for versions in past.periods
    ]  # fmt: skip
    return {name: _life(past, name, decided, today) for name in names}


def _life(past: History, name: str, decided: Sequence[Mapping[str, Decision]], today: dt.date) -> Life:
    moments = tuple(Moment(run, run.finding(name)) for run in past.newest)
    steps = (_step(name, versions, made.get(name)) for versions, made in zip(past.periods, decided, strict=True))
    came_to = course(steps, today)
    first = next(place for place, moment in enumerate(moments) if moment.finding)
    opened, closed = (None if at is None else past.newest[at] for at in (came_to.opened, came_to.closed))
    passed = tuple(past.newest[at] for at in sorted(came_to.passed))
    return Life(name, moments[first:], opened, closed, came_to, came_to.state(today), passed)


def _step(name: str, versions: Sequence[RunSummary], made: Decision | None) -> Step:
    verdicts = [finding.verdict if (finding := run.finding(name)) else None for run in versions]
    last, first, _ = place_in_time(versions[-1])
    return Step(verdicts[-1], made, versions[-1].version, first, last, unrefuted_in(verdicts))

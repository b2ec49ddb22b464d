"""A program's runs in the order of their periods, and the life of each finding over them.

A finding *opens* in a period whose verdict is breach or concern, and *closes* in the first later one whose verdict is
clear. A period in between that is inconclusive, not identified, unfit or not judged settles nothing: it stays open.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from audits.record import Measurement, Rule
from checks.inputs.period import read_period
from reports.site.run_summary import JudgedFigure, RunSummary

OPEN = ("breach", "concern")
_TELLING = (*OPEN, "clear", "inconclusive")
State = Literal["open", "unsettled", "closed", "never", "silent"]
_PART = re.compile(r"\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d")


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
    """A finding over the periods, from the first that has it. ``opened`` and ``closed`` are of its last opening."""

    finding_id: str
    moments: tuple[Moment, ...]
    opened: RunSummary | None
    closed: RunSummary | None

    @property
    def last(self) -> tuple[RunSummary, JudgedFigure, Measurement, Rule]:
        """The newest run that has the finding, with the finding, its figure and its rule."""
        run, finding = next((m.run, m.finding) for m in reversed(self.moments) if m.finding)
        return run, finding, run.figures[finding.figure], run.rules[finding.rule]

    @property
    def state(self) -> State:
        """Open now; opened and neither confirmed nor cleared since; closed; never open; never judged at all."""
        newest = self.moments[-1].finding
        if newest and newest.verdict in OPEN:
            return "open"
        if not self.opened:
            return "never" if any(m.finding and m.finding.verdict in _TELLING for m in self.moments) else "silent"
        return "closed" if self.closed else "unsettled"

    @property
    def is_of_a_part(self) -> bool:
        """Whether it judges a part of one period, which no later period can judge again."""
        return bool(_PART.fullmatch(self.last[2].segment))


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
    """Sort key: last day, first day. ``all`` lies where its decisions do, before the rest when they have no dates."""
    period = read_period(run.period)
    if period.start is None or period.end is None:
        return run.last_day or "", run.first_day or "", run.period
    return str(period.end - dt.timedelta(days=1)), str(period.start), run.period


def _kind(period: str) -> str:
    """Year, quarter, month, day, range or all, as a pattern of digits."""
    return re.sub(r"\d", "0", period)


def lives(past: History) -> dict[str, Life]:
    """Every finding of the newest runs, by its id."""
    names = dict.fromkeys(finding.finding_id for run in past.newest for finding in run.findings)
    return {name: _life(past, name) for name in names}


def _life(past: History, name: str) -> Life:
    moments: list[Moment] = []
    opened = closed = None
    for run in past.newest:
        finding = run.finding(name)
        if not moments and finding is None:
            continue
        moments.append(Moment(run, finding))
        verdict = finding.verdict if finding else None
        if verdict in OPEN and (opened is None or closed):
            opened, closed = run, None
        elif verdict == "clear" and opened and not closed:
            closed = run
    return Life(name, tuple(moments), opened, closed)

"""Where every finding of every program stands on a day, folded from judgements and releases: no second store."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audits.record import Verdict
from audits.releases.brief import BriefRun, read_brief
from audits.releases.folders import version_folders
from audits.releases.life import OPEN_STATES, Course, State, Step, course, decisions, is_of_a_part, unrefuted_in
from audits.releases.record import FLAGGED, Release
from checks.problem import InputError, Problem, listed, suggest

AuditStatus = Literal["breach_open", "concern_open", "accepted", "remediated", "undecided", "unfit", "clear"]
NOT_IN_PRODUCTION = ("development", "retired")


@dataclass(frozen=True, slots=True)
class Released:
    """The release of a run: its number, who signed (None: nothing was flagged), when (UTC).

    ``is_current`` is false where the run was judged anew since.
    """

    number: int
    by: str | None
    at: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding that was ever open, and where it stands.

    ``since`` is the period that opened it last. ``period`` and ``version`` are those of the last run that decided it,
    with its ``verdict`` and its release. ``risk_owner`` and ``until`` are those of the decision that holds or held,
    ``decided`` the release that the decision stands in.
    """

    program: str
    title: Mapping[str, str]
    model: str | None
    model_version: str | None
    stage: str | None
    owner: str | None
    tier: str | None
    finding_id: str
    harm: str
    rule_id: str
    measure: str
    attribute: str | None
    group: str | None
    segment: str
    verdict: Verdict
    since: str
    period: str
    version: int
    state: State
    risk_owner: str | None
    until: str | None
    decided: Released | None
    released: Released | None

    @property
    def is_open(self) -> bool:
        """Open, reopened, or accepted until a day that is past."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Audited:
    """A program with its newest run, and the model that this run audited. ``decides`` is false where it left any open.

    ``failed`` says that a question failed in it.
    """

    program: str
    title: Mapping[str, str]
    model: str | None
    model_version: str | None
    stage: str | None
    owner: str | None
    tier: str | None
    period: str
    version: int
    released: Released | None
    fit: bool
    failed: bool
    decides: bool

    @property
    def in_production(self) -> bool:
        """Whether it counts as in production: all do whose inventory does not say development or retired."""
        return (self.stage or "").strip().casefold() not in NOT_IN_PRODUCTION


@dataclass(frozen=True, slots=True)
class Standings:
    """All findings that were ever open, the programs that were read, and what cannot be read (folder, reason).

    A folder is PROGRAM/PERIOD/vN. ``unread`` are the programs without any run that can be read.
    """

    day: dt.date
    findings: tuple[Standing, ...]
    programs: tuple[Audited, ...]
    unreadable: tuple[tuple[str, str], ...]
    unread: tuple[str, ...] = ()

    def of(self, program: str) -> tuple[Standing, ...]:
        """The findings of a program."""
        return tuple(one for one in self.findings if one.program == program)

    def audit_status(self, program: str) -> AuditStatus:
        """A program in one word, the gravest first. One of which anything cannot be read is undecided at best.

        Raises ``InputError`` for a program without a run.
        """
        audited = next((one for one in self.programs if one.program == program), None)
        if audited is None and program in self.unread:
            return "undecided"
        if audited is None:
            names = [*(one.program for one in self.programs), *self.unread]
            raise InputError(Problem("program", f"'{program}'", f"one of {listed(names)}", suggest(program, names)))
        found = self.of(program)
        opened = {one.verdict for one in found if one.is_open}
        states = {one.state for one in found}
        if opened:
            return "breach_open" if "breach" in opened else "concern_open"
        if not audited.fit:
            return "unfit"
        if "unsettled" in states or any(folder.startswith(f"{program}/") for folder, _ in self.unreadable):
            return "undecided"
        if "accepted" in states:
            return "accepted"
        if "remediated" in states:
            return "remediated"
        return "clear" if audited.decides and not audited.failed else "undecided"


def standings(runs: Path, today: dt.date, programs: Collection[str] | None = None) -> Standings:
    """Where findings stand on the day ``today``, of these programs or of all under ``runs`` (RUNS/PROGRAM/PERIOD/vN).

    Raises ``InputError`` where ``runs`` is no folder.
    """
    if not runs.is_dir():
        raise InputError(Problem(
            str(runs), "no folder", "the folder of all runs, with PROGRAM/PERIOD/vN",
            "name the folder that --out named",
        ))  # fmt: skip
    by_program: defaultdict[str, list[BriefRun]] = defaultdict(list)
    unreadable: list[tuple[str, str]] = []
    for folder in version_folders(runs, programs=programs):
        run, faults = read_brief(folder)
        unreadable += [(folder.name, fault) for fault in faults]
        if run:
            by_program[folder.program].append(run)
    found: list[Standing] = []
    audited: list[Audited] = []
    for name in sorted(by_program):
        periods = _periods(by_program[name])
        audited.append(_audited(name, periods[-1][-1]))
        found += _standings(audited[-1], periods, today)
    unread = sorted({folder.partition("/")[0] for folder, _ in unreadable} - by_program.keys())
    return Standings(today, tuple(found), tuple(audited), tuple(unreadable), tuple(unread))


def _periods(runs: Iterable[BriefRun]) -> list[list[BriefRun]]:
    """Versions ascending within periods ascending."""
    together: defaultdict[str, list[BriefRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.version):
        together[run.period].append(run)
    return sorted(together.values(), key=lambda versions: versions[-1].place)


def _audited(name: str, run: BriefRun) -> Audited:
    said = run.inventory
    verdicts = {one.verdict for one in run.findings.values()}
    return Audited(
        name, run.title, run.model, run.model_version, said.get("stage"), said.get("owner"), said.get("tier"),
        run.period, run.version, _released(run), run.fit, run.failed,
        bool(verdicts) and verdicts <= {"clear", *FLAGGED},
    )  # fmt: skip


def _released(run: BriefRun) -> Released | None:
    return _in_short(run.releases.made[0], run.is_current) if run.releases.made else None


def _in_short(made: Release, is_current: bool) -> Released:
    return Released(made.number, made.by.name if made.by else None, made.at, is_current)


def _standings(of: Audited, periods: Sequence[Sequence[BriefRun]], today: dt.date) -> list[Standing]:
    decided = [
        decisions((made, run.releases.decided_on) for run in versions for made in run.releases.made)
        for versions in periods
    ]  # fmt: skip
    newest = [versions[-1] for versions in periods]
    names = dict.fromkeys(name for run in newest for name in run.findings)
    found = []
    for name in names:
        steps = (
            Step(
                _verdict(versions[-1], name), made.get(name), versions[-1].version, first=versions[-1].place[1],
                last=versions[-1].place[0], unrefuted=unrefuted_in([_verdict(run, name) for run in versions]),
            )
            for versions, made in zip(periods, decided, strict=True)
        )  # fmt: skip
        came_to = course(steps, today)
        state = came_to.state(today)
        if state is not None and not _gone_with_its_days(came_to, state, newest, name):
            found.append(_standing(of, name, came_to, state, periods))
    return found


def _verdict(run: BriefRun, name: str) -> Verdict | None:
    return run.findings[name].verdict if name in run.findings else None


def _gone_with_its_days(came_to: Course, state: State, newest: Sequence[BriefRun], name: str) -> bool:
    """A finding on a part of an earlier period, nobody's decision on it: no later run can judge those days again."""
    return (
        state == "unsettled" and name not in newest[-1].findings and came_to.told is not None
        and is_of_a_part(newest[came_to.told].findings[name].measurement.segment)
    )  # fmt: skip


def _standing(
    of: Audited, name: str, came_to: Course, state: State, periods: Sequence[Sequence[BriefRun]]
) -> Standing:  # fmt: skip
    if came_to.opened is None or came_to.told is None:
        raise ValueError(f"{name} was never open")
    run = next(run for run in reversed(periods[came_to.told]) if _verdict(run, name) in ("clear", *FLAGGED))
    one = run.findings[name]
    m, made = one.measurement, came_to.decision
    return Standing(
        of.program, of.title, of.model, of.model_version, of.stage, of.owner, of.tier,
        name, one.harm, one.rule.id, m.measure, m.attribute, m.group, m.segment,
        one.verdict, periods[came_to.opened][-1].period, run.period, run.version, state,
        made.action.owner if made else None, made.action.until if made else None,
        _in_short(made.release, is_current=True) if made else None, _released(run),
    )  # fmt: skip

"""Where findings stand, as lines of text and as JSON: which models have an open breach, of how many, what is unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audits.record import VERDICTS
from audits.releases.chain import chain, verify_chain
from audits.releases.folders import version_folders
from audits.releases.life import CLOSED_STATES, OPEN_STATES, STATES
from audits.releases.lives import Audited, Released, Standing, Standings
from checks.problem import InputError, Problem, listed, suggest
from reports.outcome import INCOMPLETE, OK, STOPPED
from reports.words import language


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the standings is asked for. ``state`` open also means reopened, and accepted until a day that is past."""

    verdict: str | None = None
    state: str | None = None
    program: str | None = None
    production: bool = False

    def check(self) -> None:
        """Raise ``InputError`` for words that are none."""
        for option, word, known in (("--verdict", self.verdict, VERDICTS), ("--state", self.state, STATES)):
            if word is not None and word not in known:
                raise InputError(Problem(option, f"'{word}'", f"one of {listed(known)}", suggest(word, known)))

    @property
    def words(self) -> str:
        """What is asked for, in words."""
        return " ".join(filter(None, (self.state, self.verdict or "finding")))

    def fits(self, one: Standing) -> bool:
        """Whether a finding is asked for; those that are closed are told only where they are named."""
        states = OPEN_STATES if self.state == "open" else (self.state,) if self.state else None
        fits_state = one.state in states if states else one.state not in CLOSED_STATES
        return fits_state and (self.verdict is None or one.verdict == self.verdict)


def check_runs(runs: Path, name: str | None) -> None:
    """Raise ``InputError`` for a folder that is none, and for a program that has no runs there."""
    if not runs.is_dir():
        raise InputError(Problem(str(runs), "no such folder", "a folder of runs", "name the folder given to run --out"))
    names = sorted({folder.program for folder in version_folders(runs)} | _noted(runs))
    if name is not None and name not in names:
        raise InputError(Problem("--program", f"'{name}'", f"one of {listed(names)}", suggest(name, names)))


def asked_of(found: Standings, asked: Asked) -> tuple[list[Audited], list[Standing]]:
    """The programs that are asked about, and their findings that are asked for."""
    programs = [one for one in found.programs if one.in_production or not asked.production]
    names = {one.program for one in programs}
    return programs, [one for one in found.findings if one.program in names and asked.fits(one)]


def lines(found: Standings, asked: Asked) -> Iterator[str]:
    """A line for each model with its findings below, then of how many these are, and what cannot be read."""
    programs, chosen = asked_of(found, asked)
    with_any = [one for one in programs if any(finding.program == one.program for finding in chosen)]
    for program in with_any:
        yield from _program(program, [one for one in chosen if one.program == program.program])
    kind = "in production " if asked.production else ""
    yield (
        f"{len(with_any)} of {_count(len(programs), 'program')} {kind}({len(_models(with_any))} of "
        f"{_count(len(_models(programs)), 'model')}) with {_article(asked.words)} on {found.day}: "
        f"{_count(len(chosen), 'finding')}"
    )
    silent = [one for one in programs if not one.fit or one.failed]
    for one in silent:
        why = "its data were unfit" if not one.fit else "a question failed"
        yield f"  not decided: {one.program} {one.period} v{one.version}: {why}"
    for folder, reason in found.unreadable:
        yield f"  cannot be read: {folder}: {reason}"


def _article(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _models(programs: Sequence[Audited]) -> set[str]:
    """Models by name; a program that names none stands for one."""
    return {one.model or f"program {one.program}" for one in programs}


def _program(of: Audited, found: Sequence[Standing]) -> Iterator[str]:
    model = " ".join(filter(None, (of.model, of.model_version))) or "no registered model"
    told = [model, f"owner {of.owner or 'not said'}", f"tier {of.tier}" if of.tier else "", of.stage or ""]
    yield f"{of.program} · " + " · ".join(filter(None, told)) + f" · {of.period} v{of.version} {released(of.released)}"
    for one in sorted(found, key=lambda one: (VERDICTS.index(one.verdict), one.rule_id, one.finding_id)):
        yield f"  {one.verdict}, {state(one)}: {_figure(one)}, rule {one.rule_id}, finding {one.finding_id}"


def _figure(one: Standing) -> str:
    measure = language("en").named("measure", one.measure)
    part = "" if one.segment == "all" else f" ({one.segment})"
    return measure + (f", {one.attribute}" if one.attribute else "") + (f": {one.group}" if one.group else "") + part


def released(made: Released | None) -> str:
    """Who released a run and when, or that nobody did."""
    if made is None:
        return "not released"
    by = f"by {made.by}" if made.by else "with nothing flagged"
    return f"released {made.at[:10]} {by}" + ("" if made.is_current else " (under an earlier judgement)")


def state(one: Standing) -> str:
    """Where a finding stands, in words."""
    who, since = one.risk_owner, f"open since {one.since}"
    return {
        "open": since,
        "accepted": f"{since}, accepted until {one.until} by {who}",
        "expired": f"{since}, its acceptance by {who} ended on {one.until}",
        "remediated": f"{since}, remediated by {who}, not yet re-tested",
        "reopened": f"{since}, reopened: remediated by {who} and flagged again",
        "unsettled": f"{since}, not decided by the newest run",
        "retested": f"opened {one.since}, remediated by {who}, clear when re-tested in {one.period}",
        "closed": f"opened {one.since}, clear in {one.period}",
    }[one.state]


def as_json(found: Standings, asked: Asked) -> dict[str, Any]:
    """The same as plain values."""
    programs, chosen = asked_of(found, asked)
    with_any = {one.program for one in chosen}
    return {
        "day": str(found.day), "asked": asdict(asked),
        "programs": [
            asdict(one) | {"audit_status": found.audit_status(one.program), "in_production": one.in_production}
            for one in programs
        ],
        "findings": [asdict(one) | {"is_open": one.is_open} for one in chosen],
        "counts": {
            "programs": len(programs), "programs_with_any": len(with_any), "models": len(_models(programs)),
            "models_with_any": len(_models([one for one in programs if one.program in with_any])),
            "findings": len(chosen),
        },
        "unreadable": [{"folder": folder, "reason": reason} for folder, reason in found.unreadable],
    }  # fmt: skip


def exit_code(found: Standings, asked: Asked, fail_on: str | None) -> int:
    """1 where a finding that is asked for is open and ``fail_on`` asks; 3 where anything cannot be read; else 0."""
    if fail_on and any(one.is_open for one in asked_of(found, asked)[1]):
        return STOPPED
    return INCOMPLETE if found.unreadable else OK


def check_open(fail_on: str | None) -> None:
    """Raise ``InputError`` for a state that a pipeline cannot stop at."""
    if fail_on not in (None, "open"):
        raise InputError(Problem("--fail-on", f"'{fail_on}'", "open", suggest(str(fail_on), ("open",))))


def verify(runs: Path, program: str | None, announce: Callable[[str], None]) -> int:
    """Verify the chain of releases of every program, or of one; 1 where one is broken."""
    names = sorted({folder.program for folder in version_folders(runs)} | _noted(runs))
    broken = 0
    for name in [name for name in names if program in (None, name)]:
        problems = verify_chain(runs / name)
        broken += bool(problems)
        if problems:
            announce(f"{name}: broken")
            for problem in problems:
                announce("\n".join(f"  {line}" for line in str(problem).splitlines()))
        else:
            announce(f"{name}: {_count(len(chain(runs / name)), 'release')}, unbroken")
    return STOPPED if broken else OK


def _noted(runs: Path) -> set[str]:
    """Programs of which a release was noted, even where none of their runs is left."""
    return {file.parent.name for file in runs.glob("*/newest_release.json")}

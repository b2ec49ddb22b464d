"""Two folders of finished runs → what changed from the one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from audits.comparing.figures import RATE, figure_changes
from audits.comparing.findings import Records, finding_changes
from audits.comparing.inputs import input_changes
from audits.comparing.pairing import figure_key
from audits.comparing.record import ComparedRun, Comparison, FigureChange, FindingChange, Rows
from audits.comparing.shared import parted_as_declared, shared_rows
from audits.policies.judge import worst
from audits.record import SCHEMA_VERSION, AuditRun, canonical_json, digest_of
from audits.run import JUDGEMENT_FILE, RUN_FILE, read_run
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said

_EXPECTED = "the folder of a finished run, OUT/PROGRAM/PERIOD/vN"


def compare_folders(before: Path, after: Path) -> Comparison:
    """Compare the runs of two folders; the first is taken as before, the second as after.

    A path may also name a judgement in its run's folder, such as one that was kept when the run was judged again.
    Raises ``InputError`` for a folder that holds no finished run, records that are damaged or of another schema
    version, and one run named twice; what is wrong with either is said at once.
    """
    problems: list[Problem] = []
    found: list[Records] = []
    for path in (before, after):
        try:
            found.append(read_run(*_place(path)))
        except InputError as error:
            problems += error.problems
    if not problems and _place(before.resolve()) == _place(after.resolve()):
        problems.append(_twice(after))
    if problems:
        raise InputError(dict.fromkeys(problems))
    return compare(found[0], found[1])


def _place(path: Path) -> tuple[Path, str]:
    """The folder of a run and the name of its judgement, or an ``InputError`` that says where runs lie."""
    if not path.exists():
        raise InputError(Problem(str(path), "no such folder", _EXPECTED, "name a folder that is there"))
    if not path.is_dir():
        if path.name.startswith("judgement") and path.suffix == ".json":
            return path.parent, path.name
        raise InputError(Problem(str(path), "a file", _EXPECTED, "name the folder that holds it"))
    if not (path / RUN_FILE).exists():
        within = sorted(path.rglob(f"v*/{RUN_FILE}"))
        to_do = f"name one of its runs, such as {within[-1].parent}" if within else "name the folder of a finished run"
        raise InputError(Problem(str(path), f"a folder without {RUN_FILE}", _EXPECTED, to_do))
    return path, JUDGEMENT_FILE


def _twice(path: Path) -> Problem:
    """One folder named twice; a judgement that was kept there is something to compare it with."""
    folder, _ = _place(path)
    kept = sorted(folder.glob(f"{Path(JUDGEMENT_FILE).stem}-*.json"))
    to_do = "name another version, period or program, such as the version before"
    if kept:
        to_do = f"name another run, or a judgement before this one, such as {kept[-1]}"
    return Problem(str(path), "the same folder twice", "two runs, or two judgements of one", to_do)


def compare(before: Records, after: Records) -> Comparison:
    """Everything that differs between two runs with their judgements."""
    rows, why = shared_rows(before[0], after[0])
    findings = finding_changes(before, after)
    figures = figure_changes(before, after, rows, why)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        before=_compared(before),
        after=_compared(after),
        relation=_relation(before, after),
        rows=rows,
        rows_reason=why,
        inputs=input_changes(before, after),
        findings=tuple(_with_difference(findings.changes, figures.changes)),
        same_findings=findings.same,
        still_open=findings.still_open,
        figures=figures.changes,
        same_figures=figures.same,
        family=figures.family,
        selected=figures.selected,
        rate=RATE,
        cannot_say=tuple(_cannot_say(before[0], after[0], rows)),
    )


def _with_difference(
    findings: Iterable[FindingChange], figures: Iterable[FigureChange]
) -> Iterator[FindingChange]:  # fmt: skip
    """Each finding that both runs have, with what is said of how far its figure moved."""
    told = {figure_key(one.after): one.explanation for one in figures if one.before and one.after}
    for one in findings:
        both = one.before and one.after
        yield replace(one, difference=told.get(figure_key(both.measurement))) if both else one


def _compared(records: Records) -> ComparedRun:
    run, judgement = records
    return ComparedRun(
        run.program.name, dict(run.program.title), run.data.period, run.version, judgement.run_digest,
        digest_of(canonical_json(judgement)), run.data.fingerprint, run.data.rows, run.data.first_day,
        run.data.last_day, run.checks.fit, worst(f.verdict for f in judgement.findings),
    )  # fmt: skip


def _relation(before: Records, after: Records) -> Sentence:
    """How the two runs belong together."""
    (a, of_a), (b, of_b) = before, after
    if a.program.name != b.program.name:
        return said(
            "two programs: only findings that share harm, measure, group and rule are set side by side; they may "
            "differ in everything else"
        )
    if of_a.run_digest == of_b.run_digest:
        if canonical_json(of_a) == canonical_json(of_b):
            return said("two copies of one run under one judgement: nothing can differ")
        return said("one run, judged twice: no figure can differ, only what rules make of it")
    if a.data.period == b.data.period:
        if b.supersedes == of_a.run_digest:
            return said("two versions of one period; the second supersedes the first")
        if a.supersedes == of_b.run_digest:
            return said("two versions of one period; the first supersedes the second, so that they are named backwards")
        return _of_one_period(a, b)
    if b.data.last_day and a.data.first_day and b.data.last_day < a.data.first_day:
        return said("two periods of one program; the second lies before the first, as they were named")
    return said("two periods of one program")


def _of_one_period(a: AuditRun, b: AuditRun) -> Sentence:
    """Two runs of a period of the same name, of which neither says that it supersedes the other."""
    rows, _ = shared_rows(a, b)
    if rows in ("same", "overlap"):
        return said("two versions of one period")
    if rows == "independent":
        return said("two runs of one program on data of different days")
    return said("two runs of one program; the records do not tell whether both are of the same days")


def _cannot_say(a: AuditRun, b: AuditRun, rows: Rows) -> Iterator[Sentence]:
    """What the comparison leaves open."""
    yield said(
        "Why a figure moved: people, decisions and the world may have changed together; the records hold sums, not "
        "causes."
    )
    if rows == "independent":
        yield said(
            "Whether the same persons come again: the intervals take the two samples as independent. Persons who stand "
            "in both make a difference surer or less sure than it is said to be."
        )
        if parted_as_declared(a, b):
            yield said("Whether no decision is behind both: the records hold nothing of it but what the programs "
                       "declare of their scope.")  # fmt: skip
    elif rows == "same":
        yield said("Whether other rows would show the same difference: it is exact for these rows alone.")
        if a.seed != b.seed:
            yield said("What the seed did: figures of drawn rows vary with it, and it was {before}, now {after}.",
                       before=a.seed, after=b.seed)  # fmt: skip
    else:
        yield said("How sure the differences are: {reason}.", reason=shared_rows(a, b)[1])
    yield said(
        "That what did not move is the same: a small sample can hide a change. An interval that holds no change also "
        "holds every other change within it."
    )
    if a.program.name != b.program.name:
        yield said(
            "Whether labels mean the same in both programs: groups and references are matched by their names alone."
        )
    elif a.program.digest != b.program.digest:
        yield said(
            "What each changed place of the program did to a figure: figures of another contract are other figures of "
            "the same name."
        )
    if not a.checks.fit or not b.checks.fit:
        yield said("Anything about figures of data that failed their checks: nothing was measured there.")

"""Findings whose verdict changed, that are new or that are gone, the gravest first, each with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from audits.comparing.absent import why_no_finding
from audits.comparing.causes import Side, causes_of
from audits.comparing.pairing import findings_of, paired
from audits.comparing.record import FAILING, KINDS, Cause, FindingChange, Kind
from audits.record import VERDICTS, AuditRun, Finding, Judgement, Verdict

_GRAVITY: tuple[Verdict, ...] = ("clear", "inconclusive", "concern", "breach")
_WIDTHS = ("size", "standing", "comparisons")  # causes that make an interval wider
Records = tuple[AuditRun, Judgement]


@dataclass(frozen=True, slots=True)
class Changes:
    """Findings that differ, how many kept their verdict, and how many of those are a breach or a concern."""

    changes: tuple[FindingChange, ...]
    same: int
    still_open: int


def finding_changes(before: Records, after: Records) -> Changes:
    """All findings of both runs side by side; between two programs by harm, rule and figure."""
    same_program = before[0].program.name == after[0].program.name
    pairs = paired(findings_of(before[1], same_program), findings_of(after[1], same_program))
    gone, new = {_asked(f) for f, g in pairs if f and not g}, {_asked(g) for f, g in pairs if g and not f}
    pairs = [pair for pair in pairs if not _stands_for_others(pair, gone, new)]
    changed = [(a, b) for a, b in pairs if (a and a.verdict) != (b and b.verdict)]
    told = [_change(a, b, before, after) for a, b in changed]
    still_open = sum(bool(a and b and a.verdict == b.verdict in FAILING) for a, b in pairs)
    return Changes(tuple(sorted(told, key=_rank)), len(pairs) - len(changed), still_open)


def _asked(f: Finding) -> tuple[str, str]:
    return f.rule.id, f.measurement.measure


def _stands_for_others(
    pair: tuple[Finding | None, Finding | None], gone: set[tuple[str, str]], new: set[tuple[str, str]]
) -> bool:  # fmt: skip
    """Whether it is the one finding of unfit data, in place of those of every group, which are told by themselves."""
    before, after = pair
    if before is None and after is not None:
        return after.verdict == "unfit" and _asked(after) in gone
    return after is None and before is not None and before.verdict == "unfit" and _asked(before) in new


def _change(a: Finding | None, b: Finding | None, before: Records, after: Records) -> FindingChange:
    old, new = _verdict(a, before[0]), _verdict(b, after[0])
    causes = causes_of(Side(a, before[0]), Side(b, after[0])) if a and b else ()
    kind = _kind(a, b, old, new, causes)
    either = b or a
    assert either is not None  # noqa: S101 - one of the two is there
    return FindingChange(
        finding_id=either.finding_id,
        kind=kind,
        fails=_fails(kind, old, new),
        before=a and _bare(a),
        after=b and _bare(b),
        causes=causes,
        reason=why_no_finding(a, *after) if a and not b else why_no_finding(b, *before) if b and not a else None,
    )


def _verdict(f: Finding | None, run: AuditRun) -> Verdict | None:
    """The verdict; of data that are unfit, nothing else."""
    return f.verdict if f else None if run.checks.fit else "unfit"


def _kind(
    a: Finding | None, b: Finding | None, old: Verdict | None, new: Verdict | None, causes: Sequence[Cause]
) -> Kind:
    """What happened; a breach or concern that a wider interval leaves open is no better, only not decided any more."""
    if a is None:
        return "new" if old is None else "answered"
    if b is None:
        return "gone" if new is None else "unanswered"
    wider = any(cause.decisive and cause.kind in _WIDTHS for cause in causes)
    if old in FAILING and new == "inconclusive" and wider:
        return "undecided"
    if old in _GRAVITY and new in _GRAVITY:
        return "worse" if _GRAVITY.index(new) > _GRAVITY.index(old) else "better"
    return "answered" if new in _GRAVITY else "unanswered"


def _fails(kind: Kind, old: Verdict | None, new: Verdict | None) -> bool:
    if kind in ("new", "answered"):
        return new in FAILING
    if kind in ("unanswered", "gone"):
        return old == "clear" or old in FAILING or new == "unfit"
    return kind in ("worse", "undecided")


def _rank(one: FindingChange) -> tuple[bool, int, int, int, bool, str]:
    """What stops a pipeline first; then by kind, by the verdict now, by the verdict before."""
    new, old = (VERDICTS.index(f.verdict) if f else len(VERDICTS) for f in (one.after, one.before))
    either = one.after or one.before
    return not one.fails, KINDS.index(one.kind), new, old, bool(either and either.standing != "primary"), one.finding_id


def _bare(f: Finding) -> Finding:
    """Without what only a judgement or a picture needs."""
    return replace(f, measurement=replace(f.measurement, ladder=(), points=()))

"""Why a verdict changed: what differs between both sides, and which of it decides.

Judging is arithmetic on a figure, its bounds and a rule, so each part that differs can be put in by itself: into the
first side, to see whether it alone gives the new verdict, and back into the second, to see whether without it the
verdict would have stayed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from audits.comparing.cause_words import words_of
from audits.comparing.record import Cause, CauseKind
from audits.policies.in_force import cautions_of, undatable
from audits.policies.judge import verdict_of
from audits.policies.multiplicity import ladder_of
from audits.record import AuditRun, Finding, Measurement, Verdict
from audits.statistics.ladder import bounds_at

KINDS: tuple[CauseKind, ...] = (
    "fitness", "missing", "limit", "force", "caution", "figure", "size", "standing", "comparisons",
)  # fmt: skip
_SAME_WIDTH = 0.1  # a width that differs by less goes with the figure's place, not with the sample


@dataclass(frozen=True)
class Side:
    """A finding with the run that it is of."""

    finding: Finding
    run: AuditRun

    @cached_property
    def force(self) -> tuple[str, ...]:
        """Why the rule cannot make a breach here."""
        return tuple(cautions_of(self.finding.rule, self.run))

    @cached_property
    def undated(self) -> str | None:
        """Why the rule cannot be put to these days."""
        m, rule = self.finding.measurement, self.finding.rule
        return undatable(m, rule, self.run) if m.estimate is not None else None

    @property
    def level(self) -> float:
        """The level that the bounds were read at."""
        return self.finding.level or self.finding.measurement.level


def causes_of(before: Side, after: Side) -> tuple[Cause, ...]:
    """Everything that differs between both sides of a finding, what decides first."""
    kinds = list(_differing(before, after))
    if not kinds:
        return (Cause("code", True, words_of("code", before, after)),)
    decisive = _decisive(before, after, kinds)
    told = [Cause(kind, kind in decisive, words_of(kind, before, after)) for kind in kinds]
    return tuple(sorted(told, key=lambda one: not one.decisive))


def _differing(before: Side, after: Side) -> Iterator[CauseKind]:
    a, b = before.finding, after.finding
    m, n = a.measurement, b.measurement
    differs: Mapping[CauseKind, bool] = {
        "fitness": before.run.checks.fit != after.run.checks.fit,
        "missing": (m.estimate is None) != (n.estimate is None),
        "limit": _terms(a) != _terms(b),
        "force": (before.force, before.undated) != (after.force, after.undated),
        "caution": (m.cautions, a.unseen, m.undecided) != (n.cautions, b.unseen, n.undecided),
        "figure": None not in (m.estimate, n.estimate) and m.estimate != n.estimate,
        "size": None not in (m.estimate, n.estimate) and _other_width(m, n),
        "standing": a.standing != b.standing,
        "comparisons": a.standing == b.standing and before.level != after.level,
    }
    yield from (kind for kind in KINDS if differs[kind])


def _terms(f: Finding) -> tuple[object, ...]:
    return f.rule.test, f.rule.comparison, f.rule.limit


def _other_width(m: Measurement, n: Measurement) -> bool:
    """Whether there are other rows behind the figure, or its interval is another by more than its place explains."""
    one, two = _width(m), _width(n)
    if m.n != n.n or one is None or two is None:
        return m.n != n.n or (one is None) != (two is None)
    return abs(one - two) > _SAME_WIDTH * max(one, two)


def _width(m: Measurement) -> float | None:
    """The width of the figure's own interval, of a ratio as a factor; None where it is open."""
    if m.low is None or m.high is None:
        return None
    return math.log(m.high / m.low) if m.equality == 1.0 and m.low > 0 else m.high - m.low


def _decisive(before: Side, after: Side, kinds: list[CauseKind]) -> set[CauseKind]:
    """The parts that turn the verdict by themselves; else those without which it would have stayed; else all."""
    old, new = before.finding.verdict, after.finding.verdict
    plain = dict.fromkeys(KINDS, before), dict.fromkeys(KINDS, after)
    if (_verdict(plain[0]), _verdict(plain[1])) != (old, new):
        return set(kinds)  # these records were judged in another way: nothing can be put in by itself
    alone = {kind for kind in kinds if _verdict(plain[0] | {kind: after}) == new}
    needed = {kind for kind in kinds if _verdict(plain[1] | {kind: before}) == old}
    return (alone & needed) or alone or needed or set(kinds)


def _verdict(parts: Mapping[CauseKind, Side]) -> Verdict:
    """The verdict of a finding made of parts of two."""
    if not parts["fitness"].run.checks.fit:
        return "unfit"
    there = parts["missing"]
    if there.finding.measurement.estimate is None or parts["force"].undated:
        return "not_identified"
    parts = {kind: there if side.finding.measurement.estimate is None else side for kind, side in parts.items()}
    figure, cautious = parts["figure"].finding.measurement, parts["caution"].finding
    low, high = _bounds(figure, parts["size"], _read_as(parts).level)
    may_breach = not parts["force"].force and not cautious.measurement.cautions
    verdict = verdict_of(replace(figure, low=low, high=high), parts["limit"].finding.rule, True, may_breach)
    if cautious.measurement.undecided or (cautious.unseen and verdict == "clear"):
        return "inconclusive"
    return verdict


def _read_as(parts: Mapping[CauseKind, Side]) -> Side:
    """The side whose level counts: that of the standing where the standings differ."""
    other = len({side.finding.standing for side in parts.values()}) > 1
    return parts["standing" if other else "comparisons"]


def _bounds(figure: Measurement, width: Side, level: float) -> tuple[float | None, float | None]:
    """Bounds round the figure, as far off as those of one side at a level."""
    found, m = width.finding, width.finding.measurement
    if level == width.level:
        low, high = (found.low, found.high) if found.level is not None else (m.low, m.high)
    elif level <= m.level or not ladder_of(m):
        low, high = m.low, m.high
    else:
        low, high = bounds_at(ladder_of(m), level)
    if m.estimate is None or figure.estimate is None or m.estimate == figure.estimate:
        return low, high
    logs = m.equality == 1.0 and m.estimate > 0 and figure.estimate > 0
    return _moved(low, m.estimate, figure.estimate, logs), _moved(high, m.estimate, figure.estimate, logs)


def _moved(bound: float | None, from_: float, to: float, logs: bool) -> float | None:
    if bound is None:
        return None
    return bound * to / from_ if logs else bound + to - from_

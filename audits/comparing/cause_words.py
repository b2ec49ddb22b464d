"""The sentences that tell what differs between both sides of a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from audits.comparing.record import CauseKind
from audits.policies.units import figure, stated
from audits.policies.wording import percent_of
from audits.record import AuditRun, Finding
from checks.sentence import Sentence, joined, said, template


class Told(Protocol):
    """A finding with its run, and what keeps its rule from a breach."""

    @property
    def finding(self) -> Finding: ...  # noqa: D102
    @property
    def run(self) -> AuditRun: ...  # noqa: D102
    @property
    def force(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def undated(self) -> str | None: ...  # noqa: D102
    @property
    def level(self) -> float: ...  # noqa: D102


_AT_LEAST, _AT_MOST = template("at least {limit}"), template("at most {limit}")
_TESTS = {
    "interval": said("the whole interval beyond the limit"),
    "point_and_significant": said("the figure beyond the limit and its interval without equality"),
    "census": said("every case counted"),
}
_STANDING = {"primary": said("primary"), "exploratory": said("exploratory")}


def words_of(kind: CauseKind, before: Told, after: Told) -> Sentence:
    """What differs, with both values."""
    return _WORDS[kind](before, after)


def _fitness(_before: Told, after: Told) -> Sentence:
    if after.run.checks.fit:
        return said("the data failed their checks before and pass them now")
    return said("the data passed their checks before and fail them now")


def _missing(before: Told, after: Told) -> Sentence:
    one, two = before.finding.measurement, after.finding.measurement
    nothing = said("the record states no reason")
    if two.estimate is None:
        return said("the figure cannot be had any more: {reason}", reason=two.reason or nothing)
    return said("the figure can be had now; before it could not: {reason}", reason=one.reason or nothing)


def _limit(before: Told, after: Told) -> Sentence:
    a, b = before.finding, after.finding
    if a.rule.test != b.rule.test:
        return said(
            "the rule asked for {before} ({old}) and asks for {after} ({new})",
            before=_bound(a), after=_bound(b), old=_TESTS[a.rule.test], new=_TESTS[b.rule.test],
        )  # fmt: skip
    return said("the rule asked for {before} and asks for {after}", before=_bound(a), after=_bound(b))


def _bound(f: Finding) -> Sentence:
    limit = stated(f.measurement, f.rule.limit)
    words = _AT_LEAST if f.rule.comparison == "at_least" else _AT_MOST
    return said(words, limit=limit)


def _force(before: Told, after: Told) -> Sentence:
    old, new = ((side.undated, *side.force) for side in (before, after))
    return said(
        "whether the rule can be put to these decisions, and make a breach, changed; held against it before: {before}; "
        "now: {after}",
        before=_list(old, new), after=_list(new, old),
    )  # fmt: skip


def _caution(before: Told, after: Told) -> Sentence:
    old, new = (
        (side.finding.measurement.undecided, *side.finding.measurement.cautions, *side.finding.unseen)
        for side in (before, after)
    )
    return said(
        "what must be known of the figure changed; before: {before}; now: {after}",
        before=_list(old, new), after=_list(new, old),
    )  # fmt: skip


def _list(own: Sequence[str | None], other: Sequence[str | None]) -> Sentence:
    """What stands on this side alone."""
    told = list(dict.fromkeys(one for one in own if one and one not in other))
    return joined(told) if told else said("nothing else")


def _figure(before: Told, after: Told) -> Sentence:
    one, two = before.finding.measurement, after.finding.measurement
    return said(
        "the figure moved from {before} to {after}",
        before=figure(one, one.estimate, _other(two.estimate)), after=figure(two, two.estimate, _other(one.estimate)),
    )  # fmt: skip


def _other(value: float | None) -> tuple[float, ...]:
    """The figure beside which another must be told apart."""
    return () if value is None else (value,)


def _size(before: Told, after: Told) -> Sentence:
    one, two = before.finding.measurement, after.finding.measurement
    if one.n == two.n:
        return said("its interval has another width, of as many rows ({rows:,})", rows=one.n)
    return said("its interval has another width: {before:,} rows before, {after:,} now", before=one.n, after=two.n)


def _standing(before: Told, after: Told) -> Sentence:
    return said(
        "it was {before}, read at the level {old:.5g} %, and is {after}, read at {new:.5g} %",
        before=_STANDING[before.finding.standing], after=_STANDING[after.finding.standing],
        old=percent_of(before.level), new=percent_of(after.level),
    )  # fmt: skip


def _comparisons(before: Told, after: Told) -> Sentence:
    return said(
        "it is read beside another number of comparisons: {before:,} before (level {old:.5g} %), {after:,} now "
        "({new:.5g} %)",
        before=before.finding.family, after=after.finding.family, old=percent_of(before.level),
        new=percent_of(after.level),
    )  # fmt: skip


def _code(_before: Told, _after: Told) -> Sentence:
    return said("nothing that makes a verdict differs in the records: it was judged by other code")


_WORDS: Mapping[CauseKind, Callable[[Told, Told], Sentence]] = {
    "fitness": _fitness, "missing": _missing, "limit": _limit, "force": _force, "caution": _caution,
    "figure": _figure, "size": _size, "standing": _standing, "comparisons": _comparisons,
    "code": _code,
}  # fmt: skip

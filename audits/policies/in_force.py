"""Whether a rule speaks of these decisions at all: its dates, its scope, and what keeps it from making a breach.

A rule is in force from ``effective_from`` on and before ``effective_to``. It is taken at the dates of the decisions,
never at today's: where it was in force during a part of the period only, it judges the figures of that part.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from audits.record import AuditRun, Measurement, Rule
from checks.problem import nearest

ALL = "all"
_SCOPE = ("jurisdictions", "products", "lenders")
_STATUS = {
    "guidance": "guidance", "draft": "a draft", "repealed": "repealed", "convention": "a convention",
}  # fmt: skip


def window_of(m: Measurement, run: AuditRun) -> tuple[str | None, str | None]:
    """First and last day of the decisions behind a figure; None where unknown."""
    part = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", m.segment)
    return (part[1], part[2]) if part else (run.data.first_day, run.data.last_day)


def covers(rule: Rule, first: str | None, last: str | None) -> bool | None:
    """Whether the rule was in force on every one of these days; None where the days are unknown."""
    if first is None or last is None:
        return None
    return not (rule.effective_from and rule.effective_from > first) and not (
        rule.effective_to and rule.effective_to <= last
    )


def fill(rule: Rule, windows: Iterable[tuple[str | None, str | None]], first: str | None, last: str | None) -> bool:
    """Whether these windows, laid end to end, are just the days of the period on which the rule was in force."""
    spans = sorted((a, b) for a, b in windows if a and b)
    if not spans or first is None or last is None:
        return False
    wanted = max(first, rule.effective_from or first), last
    if rule.effective_to and rule.effective_to <= last:
        wanted = wanted[0], _before(rule.effective_to)
    joined = all(_before(after[0]) == one[1] for one, after in pairwise(spans))
    return joined and (spans[0][0], spans[-1][1]) == wanted


def _before(day: str) -> str:
    return (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat()


def parts_of(first: str, last: str, rules: Iterable[Rule]) -> tuple[tuple[str, str], ...]:
    """The period cut at every day on which a rule begins or ends within it; nothing when none does."""
    cuts = sorted({
        day for rule in rules for day in (rule.effective_from, rule.effective_to) if day and first < day <= last
    })  # fmt: skip
    if not cuts:
        return ()
    return tuple(zip([first, *cuts], [*map(_before, cuts), last], strict=True))


def why_not_applicable(rule: Rule, run: AuditRun) -> str | None:
    """Why a rule judges nothing of this run; None when it may judge something."""
    first, last = run.data.first_day, run.data.last_day
    if rule.status == "repealed" and not rule.effective_to:
        return "the rule is repealed"
    if first and rule.effective_to and rule.effective_to <= first:
        return f"the rule ended on {rule.effective_to}, before the first decision of {first}"
    if last and rule.effective_from and rule.effective_from > last:
        return f"the rule begins on {rule.effective_from}, after the last decision of {last}"
    return out_of_scope(rule, run.program.content.get("scope") or {})


def out_of_scope(rule: Rule, scope: Mapping[str, Sequence[str]]) -> str | None:
    """Why a rule is not for what the program declares; None when it is, or when nothing is declared."""
    for key in _SCOPE:
        wanted, declared = getattr(rule, key), scope.get(key) or ()
        if wanted and declared and not set(wanted) & set(declared):
            meant = next((near for name in declared if (near := nearest(str(name), wanted))), None)
            hint = f" (is '{meant}' meant?)" if meant else ""
            return (
                f"out of scope: the rule is for {', '.join(wanted)}, the program declares {', '.join(declared)}{hint}"
            )
    return None


def cautions_of(rule: Rule, run: AuditRun) -> Iterator[str]:
    """Why this rule cannot make a breach here; nothing when it can."""
    scope = run.program.content.get("scope") or {}
    if rule.status != "in_force":
        yield f"the rule is {_STATUS[rule.status]}, not law in force"
    if rule.borrowed_from:
        yield f"borrowed from {rule.borrowed_from}"
    if rule.limit_source == "ours":
        yield "the limit is a setting of the policy pack, not a number in a law on lending"
    if not rule.verified:
        yield "nobody has yet checked this rule against its primary text"
    if not run.data.first_day or not run.data.last_day:
        yield "the program states no date of the decisions, so it is unknown whether the rule was in force"
    for key in _SCOPE:
        wanted, declared = getattr(rule, key), scope.get(key) or ()
        if wanted and not declared:
            yield f"the program declares no {key}, so it is unknown whether the rule applies"
        beyond = [one for one in declared if wanted and not _within(str(one), wanted)]
        if beyond:
            yield f"the figures also cover {', '.join(beyond)}, for which the rule is not"


def _within(declared: str, wanted: Sequence[str]) -> bool:
    """Whether what a program declares lies within a rule's scope: US-MA within US; US beside US-NJ says no more."""
    return any(
        declared == one or declared.startswith(f"{one}-") or one.startswith(f"{declared}-") for one in wanted
    )  # fmt: skip


def undatable(m: Measurement, rule: Rule, run: AuditRun) -> str | None:
    """Why these data cannot say what the rule makes of the figure: which decisions fell into its days is unknown."""
    if covers(rule, *window_of(m, run)):
        return None
    first, last = run.data.first_day, run.data.last_day
    if not first or not last:
        if not rule.effective_to:
            return None
        return (
            f"the rule ended on {rule.effective_to} and the program states no date of the decisions; state it under "
            "'time' or 'dated'"
        )
    span = " ".join(
        f"{word} {day}" for word, day in (("from", rule.effective_from), ("until", rule.effective_to)) if day
    )
    return (
        f"the rule was in force {span}, which is a part of the period of the decisions ({first} to {last}), and the "
        "run does not tell those apart; name the column with their time under 'time', or audit that part by itself"
    )

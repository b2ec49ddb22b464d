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
from checks.sentence import Sentence, said, template

ALL = "all"
_SCOPE = ("jurisdictions", "products", "lenders")
_NOT_LAW = {
    "guidance": template("the rule is guidance, not law in force"),
    "draft": template("the rule is a draft, not law in force"),
    "repealed": template("the rule is repealed, not law in force"),
    "convention": template("the rule is a convention, not law in force"),
}
_UNDECLARED = {
    "jurisdictions": template("the program declares no jurisdictions, so it is unknown whether the rule applies"),
    "products": template("the program declares no products, so it is unknown whether the rule applies"),
    "lenders": template("the program declares no lenders, so it is unknown whether the rule applies"),
}


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


def why_not_applicable(rule: Rule, run: AuditRun) -> Sentence | None:
    """Why a rule judges nothing of this run; None when it may judge something."""
    first, last = run.data.first_day, run.data.last_day
    if rule.status == "repealed" and not rule.effective_to:
        return said("the rule is repealed")
    if first and rule.effective_to and rule.effective_to <= first:
        return said(
            "the rule ended on {end}, before the first decision of {first}", end=rule.effective_to, first=first
        )  # fmt: skip
    if last and rule.effective_from and rule.effective_from > last:
        return said(
            "the rule begins on {start}, after the last decision of {last}", start=rule.effective_from, last=last
        )  # fmt: skip
    declared = currency_of(run)
    if rule.currency and declared and declared != rule.currency:
        return said(
            "the limit is an amount in {wanted}, the program declares amounts in {declared}",
            wanted=rule.currency, declared=declared,
        )  # fmt: skip
    return out_of_scope(rule, run.program.content.get("scope") or {})


def currency_of(run: AuditRun) -> str | None:
    """The currency that the program's contract declares for its loans, or else for its prices."""
    contract = run.program.content.get("contract") or {}
    return (contract.get("loan_form") or {}).get("currency") or contract.get("currency")


def unknown_money(rule: Rule, run: AuditRun) -> Iterator[Sentence]:
    """What keeps an amount from being held against a limit in money: nobody says in which money it is."""
    if rule.currency and not currency_of(run):
        yield said("the limit is an amount in {wanted}, and the program declares no currency", wanted=rule.currency)


def out_of_scope(rule: Rule, scope: Mapping[str, Sequence[str]]) -> Sentence | None:
    """Why a rule is not for what the program declares; None when it is, or when nothing is declared."""
    for key in _SCOPE:
        wanted, declared = getattr(rule, key), scope.get(key) or ()
        if wanted and declared and not set(wanted) & set(declared):
            meant = next((near for name in declared if (near := nearest(str(name), wanted))), None)
            names = {"wanted": ", ".join(wanted), "declared": ", ".join(declared)}
            if meant is None:
                return said("out of scope: the rule is for {wanted}, the program declares {declared}", **names)
            return said(
                "out of scope: the rule is for {wanted}, the program declares {declared} (is '{meant}' meant?)",
                meant=meant, **names,
            )  # fmt: skip
    return None


def cautions_of(rule: Rule, run: AuditRun) -> Iterator[Sentence]:
    """Why this rule cannot make a breach here; nothing when it can."""
    if rule.status != "in_force":
        words = _NOT_LAW[rule.status]
        yield said(words)
    if rule.borrowed_from:
        yield said("borrowed from {source}", source=_of_pack(rule.borrowed_from))
    if rule.limit_source == "ours":
        yield said("the limit is a setting of the policy pack, not a number in the law")
    if not rule.verified:
        yield said("nobody has yet checked this rule against its primary text")
    if not run.data.first_day or not run.data.last_day:
        yield said("the program states no date of the decisions, so it is unknown whether the rule was in force")
    yield from unknown_money(rule, run)
    yield from _scope_cautions(rule, run.program.content.get("scope") or {})


def _scope_cautions(rule: Rule, scope: Mapping[str, Sequence[str]]) -> Iterator[Sentence]:
    """What a program leaves open about a rule's scope, or covers beyond it."""
    for key in _SCOPE:
        wanted, declared = getattr(rule, key), scope.get(key) or ()
        if wanted and not declared:
            words = _UNDECLARED[key]
            yield said(words)
        beyond = [one for one in declared if wanted and not _within(str(one), wanted)]
        if beyond:
            yield said("the figures also cover {beyond}, for which the rule is not", beyond=", ".join(beyond))


def _of_pack(text: str) -> Sentence:
    """A rule's own words, whatever braces they hold; of the shipped packs' the message catalogue has each."""
    return Sentence(text.replace("{", "{{").replace("}", "}}"))


def _within(declared: str, wanted: Sequence[str]) -> bool:
    """Whether what a program declares lies within a rule's scope: US-MA within US; US beside US-NJ says no more."""
    return any(
        declared == one or declared.startswith(f"{one}-") or one.startswith(f"{declared}-") for one in wanted
    )  # fmt: skip


def undatable(m: Measurement, rule: Rule, run: AuditRun) -> Sentence | None:
    """Why these data cannot say what the rule makes of the figure: which decisions fell into its days is unknown."""
    if covers(rule, *window_of(m, run)):
        return None
    first, last = run.data.first_day, run.data.last_day
    if not first or not last:
        if not rule.effective_to:
            return None
        return said(
            "the rule ended on {end} and the program states no date of the decisions; state it under 'time' or 'dated'",
            end=rule.effective_to,
        )
    return said(
        "the rule was in force {span}, which is a part of the period of the decisions ({first} to {last}), and the "
        "run does not tell those apart; name the column with their time under 'time', or audit that part by itself",
        span=_span(rule), first=first, last=last,
    )  # fmt: skip


def _span(rule: Rule) -> Sentence:
    """The days of a rule."""
    start, end = rule.effective_from, rule.effective_to
    if start and end:
        return said("from {start} until {end}", start=start, end=end)
    return said("from {start}", start=start) if start else said("until {end}", end=end or "")

"""A policy pack as lines of text for a terminal: what each rule asks, when, of whom, and what it can say."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator

from audits.policies.in_force import covers
from audits.policies.packs import PolicyPack
from audits.policies.planned import PLANNED_ROLES, MeasureKind, measure_kinds
from audits.policies.units import MONEY
from audits.record import Rule

_STATUS = {
    "in_force": "law", "guidance": "guidance, not law", "draft": "draft, not law",
    "convention": "convention, not law", "repealed": "repealed",
}  # fmt: skip
_TESTS = {
    "interval": "met when the whole interval lies beyond it",
    "point_and_significant": "met when the figure lies beyond it and the interval excludes equality",
    "census": "met when the figure itself lies beyond it, since it is counted",
}
_UNITS = (
    *((name, 1.0, "") for name in MONEY), ("_all_in_rate", 100.0, " % a year"), ("_mapr_rate", 100.0, " % a year"),
    ("_daily_cost_rate", 100.0, " % a day"), ("_excess_rate", 100.0, " percentage points"), ("_months", 1.0, " months"),
    ("fewest_days_between_loans", 1.0, " days"), ("longest_loan_sequence", 1.0, " loans"),
    ("most_rollovers", 1.0, " rollovers"),
    ("retention_price_slope", 100.0, " % per standard deviation of the score"), ("_slope", 100.0, " % a year"),
    ("_cases", 1.0, " cases"), ("_figures", 1.0, " figures"), ("_output_gap", 100.0, " %"),
    ("_output_change", 100.0, " %"), ("_carried_gap", 100.0, " %"),
    ("most_reasons_given", 1.0, " reasons"), ("_gap", 100.0, " percentage points"),
    ("_rate", 100.0, " %"), ("_share", 100.0, " %"), ("_coverage", 100.0, " %"), ("_bp", 1.0, " basis points"),
)  # fmt: skip
_SCOPE = ("jurisdictions", "products", "lenders")


def describe(pack: PolicyPack, day: dt.date | None = None) -> Iterator[str]:
    """The pack's rules; with a day, those in force then, and the names of those that are not."""
    shown = [rule for rule in pack.rules if day is None or in_force_on(rule, day)]
    kinds = Counter("law in force" if rule.status == "in_force" else rule.status for rule in shown)
    told = [f"{number} {kind}" for kind, number in kinds.most_common()]
    unmeasured = sum(_kind(rule).planned is not None for rule in shown)
    told += [f"{unmeasured} of them not measured yet"] if unmeasured else []
    count = f"{len(shown)} of {len(pack.rules)} rules on {day}" if day else f"{len(pack.rules)} rules"
    yield f"{pack.id}: {pack.title['en']} · {count}" + (f": {', '.join(told)}" if told else "")
    for rule in shown:
        yield from _explain(rule)
    if day:
        yield from _absent(pack.rules, day)


def describe_rule(rule: Rule, pack: PolicyPack, day: dt.date | None = None) -> Iterator[str]:
    """One rule in full; with a day, whether it is in force then."""
    yield from _explain(rule, indent="")
    facts = (
        ("title", " · ".join(rule.title.values())), ("pack", f"{pack.id}: {pack.title['en']}"),
        ("severity", rule.severity), ("covers", rule.partial), ("note", rule.note),
        ("measure", _whence(_kind(rule))),
    )  # fmt: skip
    yield from (f"    {name}: {text}" for name, text in facts if text)
    if day:
        yield f"    on {day}: {'within' if in_force_on(rule, day) else 'outside'} its dates"


def in_force_on(rule: Rule, day: dt.date) -> bool:
    """Whether a day lies within the rule's dates: from its first day, before its end."""
    text = day.isoformat()
    return not _ended_at_an_unknown_day(rule) and covers(rule, text, text) is True


def against_breach(rule: Rule) -> list[str]:
    """Why the rule can make no breach in any run; empty when it can."""
    reasons = (
        (rule.status != "in_force", _STATUS[rule.status]),
        (rule.borrowed_from, f"borrowed from {rule.borrowed_from}"),
        (rule.limit_source == "ours", "the limit is ours"),
        (not rule.verified, "not yet checked against its primary text"),
    )
    return [reason for holds, reason in reasons if holds]


def amount(measure: str, value: float) -> str:
    """A limit in the unit of its measure, which the ending of the name tells."""
    factor, unit = next(((factor, unit) for end, factor, unit in _UNITS if measure.endswith(end)), (1.0, ""))
    scaled = round(value * factor, 10)
    return f"{scaled:,.10g}{unit}"


def _explain(rule: Rule, indent: str = "  ") -> Iterator[str]:
    kind = _kind(rule)
    yield f"{indent}{rule.id}: {rule.title['en']}" + (" [not measured yet]" if kind.planned else "")
    side = "at least" if rule.comparison == "at_least" else "at most"
    lines = [
        f"{rule.measure} {side} {amount(rule.measure, rule.limit)}, {_TESTS[rule.test]}",
        f"= {rule.formula}" if rule.formula else "",
        f"takes {', '.join(map(_role, rule.inputs))}" if rule.inputs else "",
        f"{_STATUS[rule.status]}, {_dates(rule)}; for {_scope(rule)}",
        _power(rule, kind),
        rule.citation,
    ]
    yield from (f"{indent}    {line}" for line in lines if line)


def _kind(rule: Rule) -> MeasureKind:
    return measure_kinds()[rule.measure]


def _role(role: str) -> str:
    return f"{role} (no role of a contract yet)" if role in PLANNED_ROLES else role


def _dates(rule: Rule) -> str:
    if _ended_at_an_unknown_day(rule):
        return "ended"
    start = f"from {rule.effective_from}" if rule.effective_from else "first day not encoded"
    return start + (f", before {rule.effective_to}" if rule.effective_to else "")


def _scope(rule: Rule) -> str:
    bound = [f"{key} {', '.join(getattr(rule, key))}" for key in _SCOPE if getattr(rule, key)]
    return "; ".join(bound) or "any place, product and lender"


def _power(rule: Rule, kind: MeasureKind) -> str:
    reasons = against_breach(rule)
    able = f"a concern at most: {'; '.join(reasons)}" if reasons else "a breach: law, checked, with a limit of its own"
    return f"not measured yet; once {kind.question} is built it can make {able}" if kind.planned else f"can make {able}"


def _whence(kind: MeasureKind) -> str:
    if kind.planned is None:
        return f"measured by {kind.question}"
    return f"not measured yet: {kind.planned} (planned question {kind.question})"


def _absent(rules: Iterable[Rule], day: dt.date) -> Iterator[str]:
    """The rules that are not in force on a day: those that have lapsed, and those that begin later."""
    absent = [rule for rule in rules if not in_force_on(rule, day)]
    begun = [rule for rule in absent if not rule.effective_from or rule.effective_from <= day.isoformat()]
    ended = [f"{rule.id} ({rule.effective_to or 'repealed'})" for rule in begun]
    later = [f"{rule.id} ({rule.effective_from})" for rule in absent if rule not in begun]
    for word, names in (("lapsed", ended), ("not yet begun", later)):
        if names:
            yield f"  {word} on {day}: {len(names)}: {', '.join(names)}"


def _ended_at_an_unknown_day(rule: Rule) -> bool:
    return rule.status == "repealed" and not rule.effective_to

"""A policy pack as lines of text for a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from audits.policies.packs import PolicyPack
from audits.record import Rule


def describe(pack: PolicyPack, day: dt.date | None = None) -> Iterator[str]:
    """The pack's rules; with a day, those in force then, and how many are not."""
    rules = [rule for rule in pack.rules if day is None or in_force_on(rule, day)]
    yield f"{pack.id}: {pack.title['en']} · {len(rules)} of {len(pack.rules)} rules" + (
        f" in force on {day}" if day else ""
    )
    for rule in rules:
        side = "at least" if rule.comparison == "at_least" else "at most"
        until = f" until {rule.effective_to}" if rule.effective_to else ""
        yield f"  {rule.id}: {rule.title['en']}"
        yield f"      {rule.measure} {side} {rule.limit:g} ({rule.test}); limit from {_LIMIT[rule.limit_source]}"
        yield f"      {rule.status}, {rule.jurisdiction}, from {rule.effective_from or 'an unknown day'}{until}"
        yield f"      {rule.citation}"
        if rule.borrowed_from:
            yield f"      borrowed from {rule.borrowed_from}"
        if not rule.verified:
            yield "      not yet checked against its primary text"


_LIMIT = {"law": "the law", "ours": "this pack"}


def in_force_on(rule: Rule, day: dt.date) -> bool:
    """Whether a day lies within the rule's dates: from its first day, before its end."""
    text = day.isoformat()
    return (not rule.effective_from or rule.effective_from <= text) and (
        not rule.effective_to or text < rule.effective_to
    )

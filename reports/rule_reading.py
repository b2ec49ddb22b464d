"""A rule in words: what it is, whether it is law, whose its number is, and what it makes of a figure."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from audits.record import Finding, Rule, RuleNotApplied
from reports.figures import count, exact, exact_number, marked, percent, span, unit_of
from reports.pictures import LimitLine
from reports.report_model import Fact, IdleRule, Phrase, RuleReading
from reports.turning_points import within
from reports.words import Words

_STRENGTH = ("in_force", "guidance", "draft", "convention", "repealed")
_SEVERITY = ("high", "medium", "low")


def phrase(say: Words, texts: Mapping[str, str], otherwise: str = "") -> Phrase:
    """The text in the page's language, else in any other, marked with that language."""
    for lang in (say.lang, say.lang.split("-")[0]):
        if texts.get(lang):
            return Phrase(texts[lang])
    other = next((lang for lang in sorted(texts) if texts[lang]), None)
    return Phrase(texts[other], other) if other else Phrase(otherwise)


def strength(rule: Rule) -> tuple[int, bool, int, bool]:
    """Sort key: law before convention, the law's own limit before ours, weighty before light, standing before ended."""
    ours, ended = rule.limit_source != "law", rule.effective_to is not None
    return _STRENGTH.index(rule.status), ours, _SEVERITY.index(rule.severity), ended


def rule_reading(say: Words, rule: Rule, finding: Finding | None = None, shared: tuple[str, ...] = ()) -> RuleReading:
    """A rule with the finding it led to; ``shared`` cautions are shown elsewhere, once."""
    remarks = [say("partial", partial=say.sentence(rule.partial))] if rule.partial else []
    remarks += [say("note", note=say.sentence(rule.note))] if rule.note else []
    cautions = finding.cautions if finding else ()
    if rule.borrowed_from and not any(rule.borrowed_from in caution for caution in cautions):
        remarks.append(say("borrowed", source=say.sentence(rule.borrowed_from)))
    basis = RuleReading(
        anchor=_anchor(rule),
        title=phrase(say, rule.title, rule.id),
        citation=say.sentence(rule.citation),
        jurisdiction=_jurisdiction(say, rule),
        status=_status(say, rule),
        is_law=rule.status == "in_force" and not rule.borrowed_from,
        borrowed=say("borrowed", source=say.sentence(rule.borrowed_from)) if rule.borrowed_from else "",
        limit=limit_text(say, rule, finding.measurement.unit if finding else None),
        limit_source=say(f"limit_source.{rule.limit_source}"),
        limit_is_ours=rule.limit_source == "ours",
        facts=_facts(say, rule),
        remarks=tuple(remarks),
    )
    if finding is None:
        return basis
    judged = _judged_by(say, finding)
    return RuleReading(
        **{name: getattr(basis, name) for name in basis.__slots__ if name not in _FROM_FINDING},
        judged=judged,
        kind=reading_kind(finding),
        verdict=finding.verdict,
        standing=say(f"standing.{finding.standing}"),
        reading=_reading(say, finding),
        cautions=tuple(say.sentence(caution) for caution in cautions if caution not in shared),
        finding_id=finding.finding_id,
        fetch=_fetch(say, finding),
    )


_FROM_FINDING = ("judged", "kind", "verdict", "standing", "reading", "cautions", "finding_id", "fetch")


def _fetch(say: Words, finding: Finding) -> tuple[Fact, ...]:
    """The command that fetches the rows beyond the limit, where any were counted."""
    cases = dict(finding.measurement.beyond).get(finding.rule.limit, 0)
    if not cases:
        return ()
    note = say("fetch_note", cases=count(cases))
    return (Fact(say("fetch"), f"squaredeal rows {finding.finding_id} RUN", note, True),)


def _anchor(rule: Rule) -> str:
    """Where the page tells of the rule: its id, made safe for an address."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", rule.id)
    return f"rule-{safe}" if safe == rule.id else f"rule-{safe}-{hashlib.sha256(rule.id.encode()).hexdigest()[:8]}"


def _reading(say: Words, finding: Finding) -> str:
    """What the rule's test makes of the figure; why it makes nothing of it, where it does not."""
    if finding.verdict == "not_identified" and finding.measurement.estimate is not None:
        return say.sentence(finding.explanation)
    kind = reading_kind(finding)
    key = f"says.{finding.verdict}{kind}"
    why = say.sentence(finding.measurement.undecided or "")
    how = say(f"test.{finding.rule.test}")
    return say(key if say.has(key) else f"says.{finding.verdict}", how=how, undecided=why)


def reading_kind(finding: Finding) -> str:
    """Why it is undecided, ``.undecided`` by itself or ``.unseen`` where within the limit; ``.census`` of a count."""
    if finding.verdict == "inconclusive" and finding.measurement.undecided:
        return ".undecided"
    if finding.verdict == "inconclusive" and within(finding):
        return ".unseen"
    return ".census" if finding.rule.test == "census" else ""


def last_day(rule: Rule) -> str | None:
    """The last day on which the rule was in force: the day before ``effective_to``."""
    if rule.effective_to is None:
        return None
    return (dt.date.fromisoformat(rule.effective_to) - dt.timedelta(days=1)).isoformat()


def _judged_by(say: Words, finding: Finding) -> tuple[Fact, ...]:
    """The interval that the verdict rests on, where it allows for other comparisons."""
    if finding.family == 1 or finding.level is None or finding.measurement.estimate is None:
        return ()
    wide = replace(finding.measurement, low=finding.low, high=finding.high)
    told = say("judged_by", level=percent(finding.level), interval=span(say, wide, (finding.rule.limit,)))
    return (Fact(say("judged"), told, say("judged_note", count=finding.family)),)


def limit_text(say: Words, rule: Rule, currency: str | None = None) -> str:
    """``at most 5.0 percentage points``."""
    return say(f"limit.{rule.comparison}", limit=exact(say, rule.limit, unit_of(rule.measure), currency))


def limit_line(say: Words, rule: Rule) -> LimitLine:
    """The limit as a picture draws it."""
    unit = unit_of(rule.measure)
    stated = marked(exact_number(rule.limit, unit), unit)
    label = say("chart.limit", limit=say(f"limit.{rule.comparison}", limit=stated))
    return LimitLine(rule.limit, rule.comparison == "at_most", label)


def idle_rule(say: Words, idle: RuleNotApplied) -> IdleRule:
    """A rule that judged nothing."""
    return IdleRule(rule_reading(say, idle.rule), say.sentence(idle.reason))


def _jurisdiction(say: Words, rule: Rule) -> str:
    return say("jurisdiction_none") if rule.jurisdiction == "none" else rule.jurisdiction


def _status(say: Words, rule: Rule) -> str:
    """Whether it is law; a law that has ended is not called law in force without its last day."""
    ended = rule.status == "in_force" and rule.effective_to
    return say("status_ended", last=say.date(str(last_day(rule)))) if ended else say(f"status.{rule.status}")


def _facts(say: Words, rule: Rule) -> tuple[Fact, ...]:
    facts = [
        Fact(say("test"), say(f"test.{rule.test}")),
        Fact(say("dates_rule"), _validity(say, rule)),
        Fact(say("jurisdiction"), _jurisdiction(say, rule)),
        Fact(say("severity"), say(f"severity.{rule.severity}")),
        Fact(say("verified"), say("verified.yes" if rule.verified else "verified.no")),
    ]
    return (*facts, Fact(say("products"), say("join.list").join(rule.products))) if rule.products else tuple(facts)


def _validity(say: Words, rule: Rule) -> str:
    first, last = (day and say.date(day) for day in (rule.effective_from, last_day(rule)))
    if first and last:
        return say("valid.both", first=first, last=last)
    if first or last:
        return say("valid.from", first=first) if first else say("valid.to", last=last)
    return say("valid.none")

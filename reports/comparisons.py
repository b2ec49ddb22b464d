"""Measurements and the findings on them: each figure once, in words, with a picture and every rule that judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audits.policies.labels import is_age, is_own, stage_of
from audits.policies.wording import is_counted
from audits.record import VERDICTS, Finding, Measurement, Verdict
from reports.figure_facts import PARTS, figure_facts
from reports.figures import (
    Unit,
    axis_of,
    count,
    exact,
    exact_number,
    figure_of,
    marked,
    number,
    percent,
    short,
    span,
    unit_of,
)
from reports.named import attribute_in, group_in, is_made, reference_in, segment_in
from reports.pictures import LimitLine
from reports.report_model import EstimatePicture, Fact, MeasuredFigure
from reports.rule_reading import limit_line, limit_text, phrase, rule_reading, strength
from reports.turning_points import turning_points, undecided
from reports.words import Words

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A measurement and its findings, the worst and strongest first."""

    measurement: Measurement
    findings: tuple[Finding, ...]
    harm: str
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict, or None when no rule judged it."""
        return self.findings[0].verdict if self.findings else None

    @property
    def limits(self) -> tuple[float, ...]:
        """Limits of the rules that judge it."""
        return tuple(dict.fromkeys(finding.rule.limit for finding in self.findings))


def key_of(m: Measurement) -> Key:
    """What makes a measurement one: question, measure, attribute, group, reference, segment."""
    return tuple(str(part) for part in (m.question, m.measure, m.attribute, m.group, m.reference, m.segment))


def pair_up(
    measurements: Sequence[Measurement], findings: Sequence[Finding], content: Mapping[str, Any]
) -> tuple[Judged, ...]:
    """Every measurement once with its findings: the worst verdict first, the unjudged last."""
    known = {key_of(m): m for m in measurements}
    known.update({key_of(f.measurement): f.measurement for f in findings if key_of(f.measurement) not in known})
    judged = []
    for key, m in known.items():
        own = tuple(sorted((f for f in findings if key_of(f.measurement) == key), key=_rank))
        judged.append(Judged(m, own, own[0].harm if own else package(m.question), content))
    return tuple(sorted(judged, key=lambda j: _rank(j.findings[0]) if j.findings else _LAST))


def package(question: str) -> str:
    """The package that a question belongs to."""
    return question.split(".")[0].split(":")[0]


def _rank(finding: Finding) -> tuple[Any, ...]:
    """Worst verdict, primary, strongest rule, farthest beyond the limit; then names, so that the order is fixed."""
    m, rule = finding.measurement, finding.rule
    sign = 1.0 if rule.comparison == "at_most" else -1.0
    beyond = sign * (m.estimate - rule.limit) / (abs(rule.limit) or 1.0) if m.estimate is not None else 0.0
    return (
        VERDICTS.index(finding.verdict), finding.standing != "primary", strength(rule), -beyond, key_of(m), rule.id,
    )  # fmt: skip


_LAST = (len(VERDICTS),)


def measured_figure(say: Words, judged: Judged, anchor: str) -> MeasuredFigure:
    """The section of one measurement."""
    m, findings = judged.measurement, judged.findings
    shared = _shared_cautions(m, findings)
    reason = say.sentence(m.reason) if m.reason else say("missing_unknown")
    return MeasuredFigure(
        anchor=anchor,
        harm=judged.harm,
        title=say.named("measure", m.measure),
        who=who(say, m),
        verdict=judged.verdict,
        standing=say(f"standing.{findings[0].standing}") if findings else "",
        sentence=_sentence(say, judged),
        figure=say("no_figure") if m.estimate is None else figure_of(say, m, m.estimate, judged.limits),
        interval="" if m.estimate is None else _interval(say, judged),
        denominators=_denominators(say, judged),
        shares=_shares(say, m),
        missing="" if m.estimate is not None else say("missing", reason=reason.rstrip(".。")),
        picture=_picture(say, judged),
        facts=figure_facts(say, m, judged.limits),
        rules=tuple(rule_reading(say, finding.rule, finding, shared) for finding in findings),
        cautions=tuple(say.sentence(caution) for caution in shared),
        undecided=say.sentence(m.undecided) if m.undecided and m.estimate is not None else "",
        method=_method(say, judged),
        assumptions=_assumptions(say, m),
        does_not_show=_limits(say, judged),
        would_change=_would_change(say, judged),
    )


def who(say: Words, m: Measurement) -> str:
    """Who was compared with whom, and within which segment."""
    group, reference = group_in(say, m), reference_in(say, m)
    text = group or say("whole")
    if group and reference:
        text = say("versus", group=group, reference=reference)
    named = say("labelled", label=attribute_in(say, m), value=text) if m.attribute else text
    if not group and is_own(m):  # what the attribute tells of all rows
        named = attribute_in(say, m)
    if m.segment == "all" or segment_in(say, m) == named:
        return named
    key = "block.segment" if not stage_of(m) else "block.made" if is_made(m) else "block.stage"
    return say(key, title=named, segment=segment_in(say, m))


def _rows_word(say: Words, judged: Judged) -> str:
    keys = (f"unit.{judged.measurement.measure}", f"unit.{judged.harm}")
    return say(next((key for key in keys if say.has(key)), "unit.other"))


def _denominators(say: Words, judged: Judged) -> str:
    """How many rows, and how many of each side."""
    m = judged.measurement
    for whole in ("", *(f"_{whole}" for _, whole in PARTS)):
        ours, theirs = f"group{whole}", f"reference{whole}"
        if ours in m.counts and theirs in m.counts:
            key = "denominator_of" if is_own(m) and m.question.startswith("loyalty_pricing.") else "denominator"
            group = say(key, count=count(m.counts[ours]), name=group_in(say, m))
            reference = say(key, count=count(m.counts[theirs]), name=reference_in(say, m))
            unit = _rows_word(say, judged)
            return say("denominators", total=count(m.n), unit=unit, group=group, reference=reference)
    return say("of_unit", count=m.n, unit=_rows_word(say, judged))


def _shares(say: Words, m: Measurement) -> str:
    """Numerators and denominators on both sides, where the record has them."""
    sides = ([f"{side}_{name}" for side in ("group", "reference") for name in pair] for pair in PARTS)
    names = next((names for names in sides if set(names) <= set(m.counts)), None)
    if names is None:
        return ""
    a, b, c, d = (count(m.counts[name]) for name in names)
    return say("shares", group=say("of", part=a, whole=b), reference=say("of", part=c, whole=d))


def _shared_cautions(m: Measurement, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Cautions that stand on every one of several findings: shown once, not under each rule; without one, its own."""
    if not findings:
        return tuple(dict.fromkeys((*m.cautions, *m.unseen)))
    if len(findings) < 2:
        return ()
    return tuple(c for c in findings[0].cautions if all(c in finding.cautions for finding in findings))


def _sentence(say: Words, judged: Judged) -> str:
    m = judged.measurement
    if m.estimate is None:
        return ""
    key = _says(say, m)
    text = figure_of(say, m, m.estimate, judged.limits)
    if say.has(f"{key}.above"):
        key += ".above" if m.estimate > 0 else ".below" if m.estimate < 0 else ".equal"
        text = figure_of(say, m, abs(m.estimate), [abs(limit) for limit in judged.limits])
    if not say.has(key) or ("{group}" in say.raw(key)) != bool(m.group):
        return say("says.other", measure=say.named("measure", m.measure), who=who(say, m), figure=text)
    return say(
        key, attribute=attribute_in(say, m), group=group_in(say, m), reference=reference_in(say, m),
        segment=segment_in(say, m), figure=text, level=percent(round(m.details.get("access_share", 0.0), 3)),
    )  # fmt: skip


def _says(say: Words, m: Measurement) -> str:
    """The key of the sentence that fits best: on one route alone, a part, one attribute alone, all rows."""
    ends = [".undecided"] * bool(m.undecided) + [".age"] * is_age(m) + [".part"] * bool(stage_of(m))
    ends += [] if m.group else [".alone"] * bool(m.attribute) + [".all"]
    keys = [f"says.{m.measure}{end}" for end in ends]
    return next((key for key in keys if say.has(key) or say.has(f"{key}.above")), f"says.{m.measure}")


def _interval(say: Words, judged: Judged) -> str:
    m = judged.measurement
    level, unit = percent(m.level), unit_of(m.measure)
    if is_counted(m):
        return say("interval_counted")
    low = "" if m.low is None else number(m.low, unit, judged.limits)
    high = "" if m.high is None else figure_of(say, m, m.high, judged.limits)
    if m.low is None and m.high is None:
        return say("interval_open", level=level)
    if m.low is None:
        return say("interval_downward", level=level, high=high)
    if m.high is None:
        return say("interval_upward", level=level, low=figure_of(say, m, m.low, judged.limits))
    low = figure_of(say, m, m.low, judged.limits) if unit == "percent" else low
    return say("interval_short", level=level, low=low, high=high)


def equality_label(say: Words, equality: float, unit: Unit) -> str:
    """What a picture calls the value that means no difference."""
    return say("reference_is", group=say("chart.equality"), mark=marked(exact_number(equality, unit), unit))


def _picture(say: Words, judged: Judged) -> EstimatePicture | None:
    m = judged.measurement
    if m.estimate is None or (is_counted(m) and m.equality is None and not judged.findings):
        return None  # a number that nothing is held against is no picture
    unit = unit_of(m.measure)
    lines = tuple({(f.rule.limit, f.rule.comparison): _line(say, f) for f in judged.findings}.values())
    text = figure_of(say, m, m.estimate, judged.limits)
    told = dict.fromkeys(limit_text(say, finding.rule, finding.measurement.unit) for finding in judged.findings)
    limits = " ".join(say("chart.limit_desc", limit=limit) for limit in told)
    name = say("measure_of", measure=say.named("measure", m.measure), who=who(say, m))
    equality = "" if m.equality is None else say("chart.equality_desc", equality=exact(say, m.equality, unit, m.unit))
    key = "chart.counted_desc" if is_counted(m) else "chart.estimate_desc"
    described = say(key, figure=text, interval=span(say, m, judged.limits), limits=limits, equality=equality)
    return EstimatePicture(
        title=say("chart.estimate_title", title=name, figure=text),
        description=described.strip(), unit=unit, estimate=m.estimate, low=m.low, high=m.high,
        label=short(m.estimate, unit, judged.limits), axis=axis_of(say, m), limits=lines, equality=m.equality,
        equality_label="" if m.equality is None else equality_label(say, m.equality, unit),
        beyond_label=say("chart.beyond"),
    )  # fmt: skip


def _line(say: Words, finding: Finding) -> LimitLine:
    """The limit, with how many cases lie beyond it where they were counted."""
    line, cases = limit_line(say, finding.rule), dict(finding.measurement.beyond).get(finding.rule.limit)
    if cases is None or finding.measurement.measure.endswith("_cases"):
        return line
    return replace(line, label=say("chart.limit_beyond", limit=line.label, cases=count(cases)))


def _method(say: Words, judged: Judged) -> tuple[Fact, ...]:
    m = judged.measurement
    method = Fact(say("fact.method"), say.sentence(m.method)), Fact(say("fact.source"), say.sentence(m.source))
    controls = (judged.content.get("contract") or {}).get("controls") or ()
    if not controls or "adjusted" not in m.measure:
        return method
    named = say("join.list").join(str(name) for name in controls)
    return (*method, Fact(say("fact.controls", count=len(controls)), named))


def _assumptions(say: Words, m: Measurement) -> tuple[str, ...]:
    """What the figure and its interval rest on; nothing where there is no figure."""
    if m.estimate is None:
        return ()
    return (_told(say, m, f"assumes.{m.measure}", "assumes.other"),)


def _would_change(say: Words, judged: Judged) -> tuple[str, ...]:
    """What would change the verdict; what holds under every rule is said once, the rest with the rule's title."""
    if not judged.findings:
        m = judged.measurement
        if m.undecided:
            return (undecided(say, m),)
        return (say("change.none"),) if m.equality is not None else ()
    told: dict[str, list[str]] = {}
    for finding in judged.findings:
        for text in turning_points(say, finding):
            told.setdefault(text, []).append(phrase(say, finding.rule.title, finding.rule.id).text)
    many = len(judged.findings)
    return tuple(
        text if len(rules) == many or text == say("change.law") else
        say("change.under", rule=say("join.list").join(rules), text=text) for text, rules in told.items()
    )  # fmt: skip


def _limits(say: Words, judged: Judged) -> tuple[str, ...]:
    m = judged.measurement
    texts = [_told(say, m, f"limits.{m.measure}", "limits.other")]
    return (*texts, say("limits.clear")) if "clear" in {f.verdict for f in judged.findings} else tuple(texts)


def _told(say: Words, m: Measurement, key: str, other: str) -> str:
    """What is said of the measure, or of it on one route alone, or else of any."""
    keys = [f"{key}.undecided"] * bool(m.undecided) + [key]
    return say(next((one for one in keys if say.has(one)), other))

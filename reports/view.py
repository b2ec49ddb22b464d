"""Records → report model: the order, the wording, the rounding, and what is said first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audits.policies.labels import stage_of
from audits.policies.wording import is_counted
from audits.record import VERDICTS, AuditRun, Judgement, Measurement
from reports.comparisons import Judged, key_of, measured_figure, package, pair_up, who
from reports.dose_data import dosed
from reports.explanation_data import pictured_parts
from reports.figures import count, figure, percent, span, unit_of
from reports.funnel_data import LOSS, pictured
from reports.money_data import harms_in_money
from reports.named import attribute_in, group_in, place_of, reference_in
from reports.picture_data import pictures_of
from reports.provenance import check_rows, excluded_rows, provenance
from reports.report_model import (
    Block,
    Checks,
    Fact,
    HarmSummary,
    MeasuredFigure,
    RatePanel,
    RateRow,
    ReportModel,
    RuleReading,
    Unanswered,
)
from reports.rule_reading import idle_rule, phrase
from reports.words import ENGLISH, Words

__all__ = ["ReportModel", "report_model"]
_HARMS = ("fair_lending", "loyalty_pricing", "predatory_lending", "digital_divide")
_GROUPS_NAMED = 4
_SHARES = (
    ("favourable", "decided"),
    ("above", "compared"),
    ("thin", "files"),
    ("assisted", "rows"),
    ("with_access", "rows"),
)  # counts that a rate is made of


def report_model(run: AuditRun, judgement: Judgement, say: Words = ENGLISH) -> ReportModel:
    """Everything that the page says about a run and its judgement."""
    content = run.program.content
    judged = pair_up(run.measurements, judgement.findings, content)
    figures = {key_of(j.measurement): measured_figure(say, j, f"figure-{i}") for i, j in enumerate(judged, 1)}
    unanswered = _unanswered(say, run, judgement, judged)
    return ReportModel(
        lang=say.lang,
        title=phrase(say, run.program.title, run.program.name),
        question=phrase(say, content.get("description") or {}, say("no_question")),
        identity=say("identity", name=run.program.name, period=period_in(say, run.data.period), version=run.version),
        asked=_asked(say, run),
        checks=Checks(run.checks.fit, check_rows(say, run.checks)),
        harms=_harms(say, run, judgement, judged, figures),
        nothing_judged=() if judgement.findings else _why_nothing(say, run, judgement),
        unanswered=unanswered,
        not_asked=_not_asked(say, run, judgement),
        remarks=_remarks(say, run, judgement),
        blocks=_blocks(say, run, judged, figures),
        rules=_rules(figures.values()),
        idle_rules=tuple(idle_rule(say, idle) for idle in judgement.rules_not_applied),
        has_policies=bool(judgement.policies),
        exclusions=excluded_rows(say, run.exclusions),
        errors=tuple(Fact(_question_name(say, error.question), error.error) for error in run.errors),
        provenance=provenance(say, run, judgement),
        subject=_subject(run),
        money=harms_in_money(say, run, judgement, figures),
    )


def _subject(run: AuditRun) -> tuple[str, str] | None:
    if run.subject is None or not run.subject.version:
        return None
    return run.subject.model.removeprefix("models:/").split("@")[0].split("/")[0], run.subject.version


def period_in(say: Words, period: str) -> str:
    """A period as a page names it."""
    return say("period_whole") if period == "all" else period


def _asked(say: Words, run: AuditRun) -> tuple[Fact, ...]:
    data, subject = run.data, run.subject
    first, last = data.first_day, data.last_day
    first, last = (day and say.date(day) for day in (first, last))
    dates = say("dates_span", first=first, last=last) if first and last else first or last or say("dates_none")
    declared = (run.program.content.get("contract") or {}).get("dated")
    note = say("dates_none_note") if not first and not last else say("dated_as_declared") if declared else ""
    period = say("period_all") if data.period == "all" else say("period_some", period=data.period)
    version = say("model_version", version=subject.version) if subject and subject.version else ""
    return (
        Fact(say("compared"), _compared(say, run)),
        Fact(say("rows"), say("rows_value", rows=count(data.rows)), period),
        Fact(say("dates"), dates, note),
        Fact(say("model"), *((subject.model, version) if subject else (say("model_none"), say("model_none_note")))),
    )


def _compared(say: Words, run: AuditRun) -> str:
    references = dict(run.data.references)
    references.update({m.attribute: m.reference for m in run.measurements if m.attribute and m.reference})
    told = []
    for attribute, reference in sorted(references.items()):
        with_group = [m for m in run.measurements if m.attribute == attribute and m.group and m.group != reference]
        own = {m.group: m for m in [m for m in with_group if m.reference] or with_group}
        groups = {m.group: group_in(say, m) for m in sorted(own.values(), key=place_of)}
        first = next((m for m in own.values() if m.reference), None)
        if first is not None:
            attribute, reference = attribute_in(say, first), reference_in(say, first)
        if not groups:
            told.append(say("compared_all", reference=reference, attribute=attribute))
            continue
        shown = say("join.list").join(list(groups.values())[:_GROUPS_NAMED])
        rest = len(groups) - _GROUPS_NAMED
        shown = say("and_more", shown=shown, count=rest) if rest > 0 else shown
        told.append(say("compared_pair", groups=shown, reference=reference, attribute=attribute))
    return say("join.clauses").join(told) or say("compared_none")


def _harms(
    say: Words, run: AuditRun, judgement: Judgement, judged: Sequence[Judged], figures: Mapping[Any, MeasuredFigure]
) -> tuple[HarmSummary, ...]:
    """The harms that were asked about: those with the worst verdict first."""
    if not judgement.findings:
        return ()
    open_harms = [package(question) for question in _open_questions(run, judgement)]
    asked = dict.fromkeys([j.harm for j in judged] + [harm for harm in open_harms if harm != "contract"])
    summaries = [_harm(say, harm, [j for j in judged if j.harm == harm], figures) for harm in asked]
    return tuple(sorted(summaries, key=lambda s: len(VERDICTS) if s.verdict is None else VERDICTS.index(s.verdict)))


def _harm(say: Words, harm: str, own: Sequence[Judged], figures: Mapping[Any, MeasuredFigure]) -> HarmSummary:
    told = [figures[key_of(j.measurement)] for j in own if j.findings]
    messages = () if told else (say("why_harm") if own else say("why_harm_unanswered"),)
    headline = told[0] if told else None
    return HarmSummary(
        say.named("harm", harm), headline.verdict if headline else None, headline, tuple(told[1:]), messages
    )  # fmt: skip


def _open_questions(run: AuditRun, judgement: Judgement) -> list[str]:
    unanswered = [entry.question for entry in (*judgement.not_answered, *run.not_answered)]
    return unanswered + [error.question for error in run.errors]


def _why_nothing(say: Words, run: AuditRun, judgement: Judgement) -> tuple[str, ...]:
    reasons = []
    if not run.checks.fit:
        reasons.append(say("why_unfit"))
    if run.errors:
        reasons.append(say("why_errors", count=len(run.errors)))
    if not run.measurements:
        reasons.append(say("why_no_figures"))
    idle = len(judgement.rules_not_applied)
    if not judgement.policies:
        reasons.append(say("why_no_policy"))
    elif idle:
        reasons.append(say("why_idle", count=idle))
    elif run.measurements:
        reasons.append(say("why_no_rules"))
    return tuple(reasons)


def _unanswered(
    say: Words, run: AuditRun, judgement: Judgement, judged: Sequence[Judged]
) -> tuple[Unanswered, ...]:  # fmt: skip
    """Failed questions, questions that lack something, and figures that could not be had."""
    told = [Unanswered(_question_name(say, error.question), say("unanswered_error"), "") for error in run.errors]
    for entry in dict.fromkeys((*judgement.not_answered, *run.not_answered)):
        told.append(
            Unanswered(_question_name(say, entry.question), say.sentence(entry.reason), say.sentence(entry.needed))
        )
    for m in (j.measurement for j in judged if j.measurement.estimate is None):
        name = say("measure_of", measure=say.named("measure", m.measure), who=who(say, m))
        told.append(Unanswered(name, say.sentence(m.reason) if m.reason else say("missing_unknown"), ""))
    return tuple(told)


def _question_name(say: Words, question: str) -> str:
    """``fair_lending.approval: adjusted_approval_gap`` → ``Fair lending, approval: adjusted gap …``."""
    name, _, part = question.partition(":")
    harm, _, rest = name.strip().partition(".")
    words = say.named("harm", harm)
    if rest:
        key = f"question.{name.strip()}"
        words += say("question_of") + (say(key).lower() if say.has(key) else rest.replace("_", " "))
    return say("question_part", question=words, part=_part(say, part.strip())) if part else words


def _part(say: Words, part: str) -> str:
    """The part of a question by name: a role, a measure, or a label of the data, which stays as it is."""
    if say.has(f"part.{part}"):
        return say(f"part.{part}")
    return say(f"measure.{part}").lower() if say.has(f"measure.{part}") else part


def _not_asked(say: Words, run: AuditRun, judgement: Judgement) -> str:
    audits = run.program.content.get("audits") or {}
    names = [str(call.get("name", "")) for kind in ("primary", "exploratory") for call in audits.get(kind) or ()]
    names += [m.question for m in run.measurements] + _open_questions(run, judgement)
    asked = {package(name) for name in names}
    rest = [say.named("harm", harm).lower() for harm in _HARMS if harm not in asked]
    return say("not_asked", harms=say("join.list").join(rest)) if rest else ""


def _remarks(say: Words, run: AuditRun, judgement: Judgement) -> tuple[tuple[str, str], ...]:
    """What a reader should know before relying on the result: a sentence and the anchor of its section."""
    told, results = [], run.checks.results
    passed = sum(result.success for result in results)
    text = say("checks_fit", passed=passed, total=len(results)) if results else say("checks_none")
    for key, found in (("checks_stopped", run.checks.failures), ("checks_warned", run.checks.warnings)):
        text = say("and_then", first=text, second=say(key, count=len(found))) if found else text
    told.append((text, "checks"))
    for key, number, anchor in (
        ("errors_count", len(run.errors), "errors"), ("idle_count", len(judgement.rules_not_applied), "idle"),
        ("exclusion_count", len(run.exclusions), "exclusions"),
    ):  # fmt: skip
        if number:
            told.append((say(key, count=number), anchor))
    return tuple(told)


def _blocks(
    say: Words, run: AuditRun, judged: Sequence[Judged], figures: Mapping[Any, MeasuredFigure]
) -> tuple[Block, ...]:  # fmt: skip
    """Figures by question, attribute and segment, in the order of their worst verdict."""
    together: dict[tuple[str, str | None, str], list[Judged]] = {}
    for j in judged:
        m = j.measurement
        together.setdefault((m.question, m.attribute, "all" if stage_of(m) else m.segment), []).append(j)
    blocks = []
    for i, ((question, attribute, segment), members) in enumerate(together.items(), 1):
        title = say.named("question", question)
        named = attribute_in(say, members[0].measurement)
        title = say("block.attribute", question=title, attribute=named) if attribute else title
        title = title if segment == "all" else say("block.segment", title=title, segment=segment)
        rates = [j.measurement for j in members if _is_rate(j.measurement)]
        shown_above = {key_of(j.measurement) for own in dosed(members) for j in own if not j.findings}
        shown_above |= pictured(members) | pictured_parts(members)
        told = [j for j in members if j.findings or not _is_rate(j.measurement)]
        shown = tuple(figures[key_of(j.measurement)] for j in told if key_of(j.measurement) not in shown_above)
        folded = tuple(figures[key_of(j.measurement)] for j in told if key_of(j.measurement) in shown_above)
        by_measure = {m.measure: [rate for rate in rates if rate.measure == m.measure] for m in rates}
        panels = tuple(_rate_panel(say, run, own) for own in by_measure.values())
        pictures = pictures_of(say, members, judged)
        blocks.append(Block(f"block-{i}", title, say.named("harm", members[0].harm), panels, pictures, shown, folded))
    return tuple(blocks)


def _rules(figures: Iterable[MeasuredFigure]) -> tuple[RuleReading, ...]:
    """Every rule that judged something, once, in the order of its first finding."""
    found: dict[str, RuleReading] = {}
    for one in figures:
        for rule in one.rules:
            found.setdefault(rule.anchor, rule)
    return tuple(found.values())


def _is_rate(m: Measurement) -> bool:
    if m.measure == LOSS:
        return False  # a figure for each part, told by a picture of its own
    return unit_of(m.measure) == "percent" and m.reference is None and m.attribute is not None and m.group is not None


def _rate_panel(say: Words, run: AuditRun, rates: Sequence[Measurement]) -> RatePanel:
    reference = run.data.references.get(rates[0].attribute or "")
    what, level = say.named("measure", rates[0].measure), percent(rates[0].level)
    whole = all(map(is_counted, rates))  # every case counted, so that there are no intervals
    ordered = sorted(
        rates, key=lambda m: (m.group != reference, place_of(m), m.estimate is None, m.estimate or 0.0, m.group or "")
    )
    rows = tuple(_rate_row(say, m, m.group == reference) for m in ordered)
    decision = (run.program.content.get("contract") or {}).get("decision") or {}
    values = say("join.list").join(str(value) for value in decision.get("favourable") or ())
    told = values and decision.get("column") and rates[0].measure == "approval_rate"
    note = say("favourable_is", column=decision["column"], values=values) if told else ""
    key = "chart.counted_row_desc" if whole else "chart.rate_desc"
    return RatePanel(
        title=say("rates", what=what),
        caption=say("rates_counted", what=what) if whole else say("rates_table", what=what, level=level),
        description=" ".join(say(key, group=r.group, rate=r.rate, interval=r.interval) for r in rows),
        interval_heading="" if whole else say("col.interval", level=level),
        reference_label=say("reference"), note=note, rows=rows,
    )  # fmt: skip


def _rate_row(say: Words, m: Measurement, is_reference: bool) -> RateRow:
    rate = say("no_figure") if m.estimate is None else figure(say, m.estimate, "percent")
    reason = say.sentence(m.reason) if m.reason else say("missing_unknown")
    interval = span(say, m) if m.estimate is not None else reason
    pair = next((pair for pair in _SHARES if set(pair) <= set(m.counts)), None)
    counts = say("of", part=count(m.counts[pair[0]]), whole=count(m.counts[pair[1]])) if pair else count(m.n)
    group = group_in(say, m)
    label = say("reference_is", group=group, mark=say("reference")) if is_reference else group
    return RateRow(group, label, m.estimate, m.low, m.high, rate, interval, counts, is_reference)

"""After the figures: what was not answered, applied or counted, data checks, reading aid, provenance."""

from __future__ import annotations

from markupsafe import Markup

from audits.record import VERDICTS
from reports.html.marks import badge, bullets, facts, joined, section, table
from reports.html.summary import cited, failed_checks, rule_chips
from reports.report_model import CheckRow, IdleRule, ReportModel
from reports.words import Words

_IDLE_SHOWN = 6


def unanswered_full(say: Words, model: ReportModel) -> Markup:
    """Every question without an answer; absent when the first screen shows all there is to say."""
    if not model.unanswered:
        return Markup("")
    headings = (say("col.question"), say("col.reason"), say("col.needed"))
    rows = ((entry.question, entry.reason, entry.needed or say("needed_none")) for entry in model.unanswered)
    body = table(say("unanswered_caption"), headings, rows, hidden=True)
    return section("unanswered-full", say("unanswered_full"), body)


def idle_rules(say: Words, model: ReportModel) -> Markup:
    """Rules of the policies that judged nothing, and why."""
    if not model.idle_rules:
        text = say("idle_none") if model.has_policies else say("no_policies")
        return section("idle", say("idle"), Markup("<p>{}</p>").format(text))
    rows = (_idle(say, rule) for rule in model.idle_rules)
    body = table(say("idle_caption"), (say("col.rule"), say("col.why")), rows, hidden=True)
    if len(model.idle_rules) > _IDLE_SHOWN:
        summary = say("idle_all", count=len(model.idle_rules))
        body = Markup("<details><summary>{}</summary>{}</details>").format(summary, body)
    return section("idle", say("idle"), body)


def rules(say: Words, model: ReportModel) -> Markup:
    """Every rule that judged something: what it is, since when, whose limit, checked or not."""
    cards = joined(
        Markup('<div class="rule-card" id="{}"><p class="rule-line">{}</p><p class="chips">{}</p>{}{}</div>').format(
            rule.anchor, cited(say, rule, "strong"), rule_chips(say, rule), bullets(rule.remarks, "plain remark"),
            facts(rule.facts, "facts inline"),
        )
        for rule in model.rules
    )  # fmt: skip
    return section("rules", say("rules"), cards) if cards else Markup("")


def _idle(say: Words, idle: IdleRule) -> tuple[object, ...]:
    rule = Markup('{}<br><span class="chips">{}</span>').format(cited(say, idle.rule), rule_chips(say, idle.rule))
    return rule, idle.reason


def exclusions(say: Words, model: ReportModel) -> Markup:
    """Rows left out, with the reason."""
    if not model.exclusions:
        return section("exclusions", say("exclusions"), Markup("<p>{}</p>").format(say("exclusions_none")))
    headings = (say("col.role"), say("col.excluded"), say("col.reason"))
    rows = ((entry.role, entry.rows, entry.reason) for entry in model.exclusions)
    return section("exclusions", say("exclusions"), table(say("exclusions_caption"), headings, rows, "numbers", True))


def errors(say: Words, model: ReportModel) -> Markup:
    """Questions that failed while they ran; absent when there are none."""
    if not model.errors:
        return Markup("")
    rows = ((error.label, error.value) for error in model.errors)
    body = table(say("errors_caption"), (say("col.question"), say("col.error")), rows, hidden=True)
    return section("errors", say("errors"), Markup("<p>{}</p>{}").format(say("errors_note"), body))


def checks(say: Words, model: ReportModel) -> Markup:
    """Failures and warnings first, then every check, folded."""
    rows = model.checks.rows
    if not rows:
        return section("checks", say("checks"), Markup("<p>{}</p>").format(say("checks_none")))
    parts = [Markup("<p>{}</p>").format(model.remarks[0][0])]
    for outcome, key in (("fail", "stopped"), ("warn", "warned")):
        failed = model.checks.having(outcome)
        if failed:
            parts.append(Markup("<h3>{}</h3>{}").format(say(key), failed_checks(say, failed)))
    headings = (say("check.where"), say("col.outcome"), say("check.expected"), say("check.found"))
    every = table(say("check.all_caption"), headings, (_check(say, row) for row in rows), "outcomes", True)
    parts.append(Markup("<details><summary>{}</summary>{}</details>").format(say("check.all", count=len(rows)), every))
    return section("checks", say("checks"), joined(parts))


def _check(say: Words, row: CheckRow) -> tuple[object, ...]:
    outcome = Markup('<span class="outcome {}">{}</span>').format(row.outcome, say(f"check.{row.outcome}"))
    found = say("measure_of", measure=row.observed, who=row.values) if row.values else row.observed
    return Markup("<code>{}</code>").format(row.place), outcome, row.expected, found


def reading(say: Words) -> Markup:
    """What each verdict means, and what an interval covers."""
    items = joined(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(badge(say, verdict), say(f"detail.{verdict or 'none'}"))
        for verdict in (*VERDICTS, None)
    )
    body = Markup('<dl class="glossary">{}</dl><p>{}</p><p>{}</p>')
    return section("reading", say("reading"), body.format(items, say("level_note"), say("standing_note")))


def provenance(say: Words, model: ReportModel) -> Markup:
    """Digests, versions, fingerprint, policies."""
    groups = joined(
        Markup("<div><h3>{}</h3>{}</div>").format(group.title, facts(group.facts, "facts ruled"))
        for group in model.provenance
    )
    return section("provenance", say("provenance"), Markup('<p>{}</p><div class="origins">{}</div>').format(
        say("prov.note"), groups
    ))  # fmt: skip

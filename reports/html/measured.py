"""The measurements in full: rates by group, then each figure once with its picture, rules and cautions."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts import estimate_with_limit, rates_by_group
from reports.html.marks import badge, bullets, facts, joined, phrase_in, section, table
from reports.html.summary import rule_chips
from reports.words import Words
from reports.report_model import Block, Fact, MeasuredFigure, RatePanel, RateRow, ReportModel, RuleReading


def measured(say: Words, model: ReportModel) -> Markup:
    """All blocks of figures."""
    blocks = joined(_block(say, block) for block in model.blocks)
    return section("full", say("full"), blocks or Markup("<p>{}</p>").format(say("none_measured")))


def _block(say: Words, block: Block) -> Markup:
    rates = joined(_rates(say, panel, f"{block.anchor}-r{i}") for i, panel in enumerate(block.rates, 1))
    figures = joined(_figure(say, figure) for figure in block.figures)
    return Markup(
        '<section class="block" id="{0}" aria-labelledby="{0}-h"><h3 id="{0}-h"><span class="of">{1}</span> {2}</h3>'
        "{3}{4}</section>"
    ).format(block.anchor, block.harm, block.title, rates, figures)


def _rates(say: Words, panel: RatePanel, anchor: str) -> Markup:
    headings = (say("col.group"), say("col.rate"), panel.interval_heading, say("col.counts"))
    rows = table(panel.caption, headings, (_rate(row, panel) for row in panel.rows), "numbers")
    note = Markup('<p class="remark">{}</p>').format(panel.note) if panel.note else ""
    return Markup('<div class="rates"><h4>{}</h4><div class="two"><div>{}</div><div>{}{}</div></div></div>').format(
        panel.title, rates_by_group(panel, f"{anchor}-c"), rows, note
    )


def _rate(row: RateRow, panel: RatePanel) -> tuple[object, ...]:
    mark = Markup(' <span class="remark">({})</span>').format(panel.reference_label) if row.is_reference else ""
    return Markup("{}{}").format(row.group, mark), row.rate, row.interval, row.counts


def _figure(say: Words, figure: MeasuredFigure) -> Markup:
    standing = Markup('<span class="standing">{}</span>').format(figure.standing) if figure.standing else ""
    head = Markup('<header>{}<h4 id="{}-h">{} <span class="who">{}</span></h4>{}</header>').format(
        badge(say, figure.verdict), figure.anchor, figure.title, figure.who, standing
    )
    left = joined((_told(figure), _cautions(say, figure)))
    return Markup(
        '<article class="figure edge-{v}" id="{a}" aria-labelledby="{a}-h">{head}<div class="two"><div>{left}</div>'
        '<div>{numbers}</div></div>{rules}</article>'
    ).format(
        v=figure.verdict or "none", a=figure.anchor, head=head, left=left, numbers=_numbers(say, figure),
        rules=_rules(say, figure),
    )  # fmt: skip


def _told(figure: MeasuredFigure) -> Markup:
    if figure.missing:
        return Markup('<p class="sentence missing">{}</p>').format(figure.missing)
    sure = Markup('<p class="sentence">{}</p><p class="remark">{}; {}.</p>').format(
        figure.sentence, figure.interval, figure.denominators
    )
    return sure + estimate_with_limit(figure.picture, f"{figure.anchor}-c") if figure.picture else sure


def _cautions(say: Words, figure: MeasuredFigure) -> Markup:
    parts = []
    if figure.cautions:
        parts.append(Markup("<h5>{}</h5>{}").format(say("cautions_all"), bullets(figure.cautions, "cautions")))
    parts.append(Markup("<h5>{}</h5>{}").format(say("does_not_show"), bullets(figure.does_not_show)))
    return Markup('<div class="notes">{}</div>').format(joined(parts))


def _numbers(say: Words, figure: MeasuredFigure) -> Markup:
    return Markup("<h5>{}</h5>{}").format(say("figures"), facts(figure.facts, "facts ruled"))


def _rules(say: Words, figure: MeasuredFigure) -> Markup:
    if not figure.rules:
        return Markup('<p class="no-rule">{}</p>').format(say("no_rule"))
    items = joined(_rule(say, rule) for rule in figure.rules)
    return Markup('<div class="rules"><h5>{}</h5>{}</div>').format(say("rules_of"), items)


def _rule(say: Words, rule: RuleReading) -> Markup:
    cautions = Markup("")
    if rule.cautions:
        cautions = Markup("<h6>{}</h6>{}").format(say("cautions"), bullets(rule.cautions, "cautions"))
    return Markup(
        '<div class="rule-card"><p class="rule-line">{}{}, <cite>{}</cite></p><p class="chips">{}</p><p>{}</p>'
        "{}{}{}</div>"
    ).format(
        badge(say, rule.verdict), phrase_in("strong", rule.title), rule.citation, rule_chips(say, rule), rule.reading,
        cautions, bullets(rule.remarks, "plain remark"),
        facts((*rule.facts, Fact(say("finding"), rule.finding_id, "", True)), "facts inline"),
    )  # fmt: skip

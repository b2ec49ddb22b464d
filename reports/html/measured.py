"""The measurements in full: rates by group, then each figure once with its picture, rules and cautions."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.charts import draw, estimate_with_limit, rates_by_group
from reports.html.marks import badge, bullets, facts, joined, section, table, woven
from reports.html.summary import cited, rule_chips
from reports.pictures import DosePicture, Picture
from reports.report_model import Block, Fact, MeasuredFigure, RatePanel, RateRow, ReportModel, RuleReading
from reports.words import Words

_TOLD_IN_FULL = 3  # figures of one measure that tell assumptions and limits in full


def measured(say: Words, model: ReportModel) -> Markup:
    """All blocks of figures."""
    blocks = joined(_block(say, block) for block in model.blocks)
    return section("full", say("full"), blocks or Markup("<p>{}</p>").format(say("none_measured")))


def _block(say: Words, block: Block) -> Markup:
    rates = joined(_rates(say, panel, f"{block.anchor}-r{i}") for i, panel in enumerate(block.rates, 1))
    first = _first_of_many((*block.figures, *block.folded))
    figures = joined(_figure(say, figure, first.get(figure.anchor, "")) for figure in block.figures)
    folded = joined(_figure(say, figure, first.get(figure.anchor, "")) for figure in block.folded)
    figures += _folded(say("one_by_one"), folded) if folded else folded
    pictures = joined(_picture(one, f"{block.anchor}-p{i}") for i, one in enumerate(block.pictures, 1))
    shown = Markup('<div class="pictures">{}</div>').format(pictures) if pictures else Markup("")
    return Markup(
        '<section class="block" id="{0}" aria-labelledby="{0}-h"><h3 id="{0}-h"><span class="of">{1}</span> {2}</h3>'
        "{3}{4}{5}</section>"
    ).format(block.anchor, block.harm, block.title, rates, shown, figures)


def _picture(picture: Picture, anchor: str) -> Markup:
    beside = _bands(picture) if isinstance(picture, DosePicture) else Markup("")
    return Markup('<figure class="several"><figcaption>{}</figcaption>{}{}</figure>').format(
        picture.title, draw(picture, anchor), beside
    )


def _bands(picture: DosePicture) -> Markup:
    """The figures of a picture in which they have no room."""
    rows = ((b.name, b.text, b.interval, f"{b.size:,}", b.verdict_word or "–") for b in picture.bands)
    return _folded(picture.table, table(picture.title, picture.headings, rows, "numbers", hidden=True))


def _rates(say: Words, panel: RatePanel, anchor: str) -> Markup:
    headings = [say("col.group"), say("col.rate"), panel.interval_heading, say("col.counts")]
    headings = [heading for heading in headings if heading]
    rows = table(panel.caption, headings, (_rate(say, row, panel) for row in panel.rows), "numbers")
    note = Markup('<p class="remark">{}</p>').format(panel.note) if panel.note else ""
    return Markup('<div class="rates"><h4>{}</h4><div class="two"><div>{}</div><div>{}{}</div></div></div>').format(
        panel.title, rates_by_group(panel, f"{anchor}-c"), rows, note
    )


def _rate(say: Words, row: RateRow, panel: RatePanel) -> tuple[object, ...]:
    name: object = row.group
    if row.is_reference:
        name = woven(say, "reference_is", group=name, mark=Markup('<span class="remark">{}</span>').format(
            panel.reference_label
        ))  # fmt: skip
    return (name, row.rate, *([row.interval] if panel.interval_heading else []), row.counts)


def _first_of_many(figures: Sequence[MeasuredFigure]) -> dict[str, str]:
    """Where a figure's method is told already: from the fourth of a measure on, with the first."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for figure in figures:
        alike.setdefault((figure.title, figure.assumptions, figure.does_not_show), []).append(figure.anchor)
    return {anchor: own[0] for own in alike.values() for anchor in own[_TOLD_IN_FULL:]}


def _figure(say: Words, figure: MeasuredFigure, above: str) -> Markup:
    """One measurement; ``above`` is the figure that tells the same of its method, empty where this one tells it."""
    standing = Markup('<span class="standing">{}</span>').format(figure.standing) if figure.standing else ""
    head = Markup('<header>{}<h4 id="{}-h">{} <span class="who">{}</span></h4>{}</header>').format(
        badge(say, figure.verdict), figure.anchor, figure.title, figure.who, standing
    )
    left = _told(say, figure) + _beside(say, figure, above)
    numbers = _numbers(say, figure, above)
    right = numbers if figure.rules else _folded(say("numbers_folded"), numbers)
    return Markup(
        '<article class="figure edge-{v}" id="{a}" aria-labelledby="{a}-h">{head}<div class="two"><div>{left}</div>'
        '<div>{right}</div></div>{rules}</article>'
    ).format(
        v=figure.verdict or "none", a=figure.anchor, head=head, left=left, right=right, rules=_rules(say, figure)
    )  # fmt: skip


def _folded(summary: str, body: Markup) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, body)


def _told(say: Words, figure: MeasuredFigure) -> Markup:
    if figure.missing:
        return Markup('<p class="sentence missing">{}</p>').format(figure.missing)
    sure = Markup('<p class="sentence">{}</p><p class="remark">{}{}{}{}</p>').format(
        figure.sentence, figure.interval, say("join.clauses"), figure.denominators, say("full_stop")
    )
    return sure + estimate_with_limit(figure.picture, f"{figure.anchor}-c") if figure.picture else sure


def _beside(say: Words, figure: MeasuredFigure, above: str) -> Markup:
    """Why it decides nothing, what would change the verdict, what it does not show, and the cautions on it."""
    parts = (
        ("undecided", bullets((figure.undecided,) if figure.undecided else (), "cautions")),
        ("would_change", bullets(figure.would_change)),
        ("does_not_show", bullets(() if above else figure.does_not_show)),
        ("cautions_all" if figure.rules else "cautions", bullets(figure.cautions, "cautions")),
    )  # fmt: skip
    told = joined(Markup("<h5>{}</h5>{}").format(say(key), body) for key, body in parts if body)
    return Markup('<div class="notes">{}</div>').format(told)


def _numbers(say: Words, figure: MeasuredFigure, above: str) -> Markup:
    """The figures, and how they were made."""
    told = bullets(figure.assumptions, "plain assumptions")
    if above:
        told = Markup('<p class="assumptions"><a href="#{}">{}</a></p>').format(above, say("told_above"))
    method = facts(figure.method, "facts ruled") + told
    return Markup('<h5>{}</h5>{}<h5 class="after">{}</h5>{}').format(
        say("figures"), facts(figure.facts, "facts ruled"), say("method"), method
    )


def _rules(say: Words, figure: MeasuredFigure) -> Markup:
    if not figure.rules:
        return Markup('<p class="no-rule">{}</p>').format(say("no_rule"))
    items = joined(_rule(say, rule) for rule in figure.rules)
    return Markup('<div class="rules"><h5>{}</h5>{}</div>').format(say("rules_of"), items)


def _rule(say: Words, rule: RuleReading) -> Markup:
    """What a rule makes of the figure; the rule itself is told once, at the end of its link."""
    cautions = Markup("")
    if rule.cautions:
        cautions = Markup("<h6>{}</h6>{}").format(say("cautions"), bullets(rule.cautions, "cautions"))
    more = Markup('<a href="#{}">{}</a>').format(rule.anchor, say("rule_more"))
    return Markup(
        '<div class="rule-card"><p class="rule-line">{}{}</p><p class="chips">{}</p><p>{} {}</p>{}{}</div>'
    ).format(
        badge(say, rule.verdict), cited(say, rule, "strong"), rule_chips(say, rule), rule.reading, more, cautions,
        facts((*rule.judged, Fact(say("finding"), rule.finding_id, "", True), *rule.fetch), "facts inline"),
    )  # fmt: skip

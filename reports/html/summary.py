"""The first screen: what was asked, what was found, how sure, under which rule, what was not answered."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts import estimate_with_limit
from reports.html.marks import badge, bullets, facts, joined, phrase_in, section
from reports.words import Words
from reports.report_model import CheckRow, HarmSummary, MeasuredFigure, ReportModel, RuleReading, Unanswered

_WITHOUT_JUDGEMENT = ("unfit", "not_identified")
_UNANSWERED_FIRST, _OTHERS_FIRST, _RULES_FIRST = 3, 4, 2


def masthead(say: Words, model: ReportModel) -> Markup:
    """Title, question and what was compared."""
    return Markup(
        '<header class="masthead"><p class="brand"><strong>{}</strong> <span>{}</span>'
        '<span class="identity">{}</span></p>{}{}{}</header>'
    ).format(
        say("product"), say("record"), model.identity, phrase_in("h1", model.title),
        phrase_in("p", model.question, class_="question"), facts(model.asked, "asked"),
    )  # fmt: skip


def unfit_banner(say: Words, model: ReportModel) -> Markup:
    """Says first that the data failed their checks: what was found, expected, and what to do."""
    if model.checks.fit:
        return Markup("")
    failed = model.checks.having("fail")
    many = len(failed)
    text = say("unfit_text", count=many) if many else say("unfit_text_none")
    return Markup(
        '<section class="banner" id="unfit" aria-labelledby="unfit-h"><h2 id="unfit-h">{} {}</h2><p>{}</p>'
        '<div class="failures">{}</div></section>'
    ).format(badge(say, "unfit"), say("unfit_title"), text, failed_checks(say, failed))


def failed_checks(say: Words, rows: tuple[CheckRow, ...]) -> Markup:
    """Failed checks, each with where, found, expected, to do."""
    return joined(_failed_check(say, row) for row in rows)


def _failed_check(say: Words, row: CheckRow) -> Markup:
    told = [("check.expected", row.expected), ("check.found", row.observed)]
    told += [("check.values", row.values)] if row.values else []
    told += [("check.examples", ", ".join(row.examples))] if row.examples else []
    told.append(("check.remedy", row.remedy))
    body = joined(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(say(key), value) for key, value in told)
    return Markup('<div class="failed {}"><p class="where"><code>{}</code></p><dl class="facts">{}</dl></div>').format(
        row.outcome, row.place, body
    )


def found(say: Words, model: ReportModel) -> Markup:
    """A verdict per harm with the figure that matters, or why nothing was judged."""
    if model.harms:
        body = joined(_harm(say, harm, f"harm-{i}") for i, harm in enumerate(model.harms, 1))
    else:
        body = Markup(
            '<div class="harm edge-none"><p class="harm-line"><span class="badge none">{}</span></p><p>{}</p>{}</div>'
        ).format(say("nothing_judged"), say("nothing_judged_note"), bullets(model.nothing_judged))
    return section("found", say("found"), body, "found")


def _harm(say: Words, harm: HarmSummary, anchor: str) -> Markup:
    line = Markup('<div class="harm-line"><h3>{}</h3>{}<span class="meaning">{}</span></div>').format(
        harm.title, badge(say, harm.verdict), _meaning(say, harm)
    )
    body = bullets(harm.messages)
    if harm.headline:
        body += _headline(say, harm.headline, anchor) + _others(say, harm.others)
    return Markup('<div class="harm edge-{}">{}{}</div>').format(harm.verdict or "none", line, body)


def _meaning(say: Words, harm: HarmSummary) -> str:
    key = f"meaning.{harm.verdict or 'none'}"
    if harm.verdict == "concern" and harm.headline:
        rule = harm.headline.rules[0]
        key += ".soft" if not rule.is_law else ".ours" if rule.limit_is_ours else ""
    return say(key)


def _headline(say: Words, figure: MeasuredFigure, anchor: str) -> Markup:
    if figure.missing:
        told = Markup('<p class="sentence"><strong>{}</strong> ({}). {}</p>').format(
            figure.title, figure.who, figure.missing
        )
    else:
        told = Markup(
            '<p class="key"><span class="label">{}</span><strong>{}</strong><span class="sure">{}'
            '<span class="n">{}</span></span></p>'
            '<p class="sentence">{}</p>'
        ).format(figure.title, figure.figure, figure.interval, figure.denominators, figure.sentence)
    picture = estimate_with_limit(figure.picture, anchor) if figure.picture else Markup("")
    key = "to_details" if figure.picture else "to_details_bare"
    link = Markup(' <a href="#{}">{}</a>').format(figure.anchor, say(key))
    return Markup('<div class="headline"><div>{}</div><div class="picture">{}</div></div>{}').format(
        told, picture, _headline_rule(say, figure.rules[0], link) + _also_under(say, figure.rules[1:])
    )


def _headline_rule(say: Words, rule: RuleReading, link: Markup) -> Markup:
    key = "headline_rule_open" if rule.verdict in _WITHOUT_JUDGEMENT else "headline_rule"
    return Markup('<p class="under"><span class="label">{}</span> {}, <cite>{}</cite>.{}<br>{}{}</p>').format(
        say(key), phrase_in("strong", rule.title), rule.citation, link, rule_chips(say, rule),
        Markup(' <span class="standing">{}</span>').format(rule.standing) if rule.standing else "",
    )  # fmt: skip


def _also_under(say: Words, rules: tuple[RuleReading, ...]) -> Markup:
    if not rules:
        return Markup("")
    told = joined((_also(rule) for rule in rules[:_RULES_FIRST]), "; ")
    rest = len(rules) - _RULES_FIRST
    more = " " + say("headline_more_count", count=rest) if rest > 0 else ""
    return Markup('<p class="also-under">{} {}{}.</p>').format(say("headline_more"), told, more)


def _also(rule: RuleReading) -> Markup:
    return Markup("{}, <cite>{}</cite> ({}, {}: {})").format(
        phrase_in("span", rule.title), rule.citation, _standing_in_law(rule), rule.limit, rule.limit_source
    )


def _standing_in_law(rule: RuleReading) -> str:
    """``convention, not law, borrowed from …``: the status, and where a borrowed rule comes from."""
    borrowed = f", {rule.borrowed[0].lower()}{rule.borrowed[1:]}" if rule.borrowed else ""
    return rule.status.lower() + borrowed


def rule_chips(say: Words, rule: RuleReading) -> Markup:
    """Is it law, is it borrowed, what is the limit, and whose number is it."""
    chips = [Markup('<span class="chip {}">{}</span>').format("law" if rule.is_law else "soft", rule.status)]
    if rule.borrowed:
        chips.append(Markup('<span class="chip soft">{}</span>').format(say("borrowed_mark")))
    chips.append(Markup('<span class="chip {}">{} {}: <b>{}</b></span>').format(
        "soft" if rule.limit_is_ours else "law", say("limit"), rule.limit, rule.limit_source
    ))  # fmt: skip
    return joined(chips, " ")


def _others(say: Words, others: tuple[MeasuredFigure, ...]) -> Markup:
    if not others:
        return Markup("")
    rows = joined(_other(say, figure) for figure in others[:_OTHERS_FIRST])
    rest = len(others) - _OTHERS_FIRST
    more = Markup("")
    if rest > 0:
        more = Markup('<p class="more"><a href="#full">{}</a></p>').format(say("others_more", count=rest))
    return Markup('<div class="others"><h4>{}</h4><ul>{}</ul>{}</div>').format(say("others"), rows, more)


def _other(say: Words, figure: MeasuredFigure) -> Markup:
    rule = figure.rules[0]
    sure = f"{figure.interval}; {figure.shares or figure.denominators}"
    told = Markup("<b>{}</b> ({})").format(figure.figure, sure)
    if figure.missing:
        told = Markup("{}").format(figure.missing.rstrip("."))
    more = Markup(" +{}").format(len(figure.rules) - 1) if len(figure.rules) > 1 else ""
    return Markup(
        '<li>{}<span class="what"><a href="#{}">{}</a>, <span class="who">{}</span>: {}. '
        '<span class="rule">{}, {}{}: {}, {} ({}).</span></span></li>'
    ).format(
        badge(say, figure.verdict), figure.anchor, figure.title, figure.who, told, phrase_in("span", rule.title),
        rule.citation, more, _standing_in_law(rule), rule.limit, rule.limit_source,
    )  # fmt: skip


def aside(say: Words, model: ReportModel) -> Markup:
    """What was not answered, and what to know before relying on the result."""
    items = joined(_open(say, entry) for entry in model.unanswered[:_UNANSWERED_FIRST])
    body = Markup('<ul class="open">{}</ul>').format(items) if items else Markup("<p>{}</p>").format(say("all_ran"))
    if len(model.unanswered) > _UNANSWERED_FIRST:
        text = say("unanswered_count", count=len(model.unanswered))
        body += Markup('<p><a href="#unanswered-full">{}</a></p>').format(text)
    if model.not_asked:
        body += Markup("<p>{}</p>").format(model.not_asked)
    remarks = joined(
        Markup('<li>{} <a href="#{}">{}</a></li>').format(text, anchor, say("see")) for text, anchor in model.remarks
    )
    return Markup('<div class="side">{}{}</div>').format(
        section("unanswered", say("unanswered"), body, "unanswered"),
        section("also", say("also"), Markup('<ul class="plain">{}</ul><p class="not-legal">{}</p>').format(
            remarks, say("not_legal")
        )),
    )  # fmt: skip


def _open(say: Words, entry: Unanswered) -> Markup:
    needed = Markup(' <span class="needed">{} {}.</span>').format(say("needed"), entry.needed) if entry.needed else ""
    return Markup("<li><strong>{}</strong>: {}.{}</li>").format(entry.question, entry.reason.rstrip("."), needed)

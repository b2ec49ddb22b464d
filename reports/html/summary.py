"""The first screen: what was asked, what was found, how sure, under which rule, what was not answered."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup, escape

from reports.charts import estimate_with_limit
from reports.html.marks import badge, bullets, facts, joined, phrase_in, section, woven
from reports.report_model import CheckRow, HarmSummary, MeasuredFigure, ReportModel, RuleReading, Unanswered
from reports.words import Words, language

_WITHOUT_JUDGEMENT = ("unfit", "not_identified")
_UNANSWERED_FIRST, _OTHERS_FIRST, _RULES_FIRST = 3, 4, 2


def masthead(say: Words, model: ReportModel, others: Mapping[str, str]) -> Markup:
    """Title, question, what was compared, and the page in other languages."""
    return Markup(
        '<header class="masthead"><p class="brand"><strong>{}</strong> <span>{}</span>'
        '<span class="identity">{}</span>{}</p>{}{}{}</header>'
    ).format(
        say("product"), say("record"), model.identity, in_languages(others), phrase_in("h1", model.title),
        phrase_in("p", model.question, class_="question"), facts(model.asked, "asked"),
    )  # fmt: skip


def in_languages(addresses: Mapping[str, str]) -> Markup:
    """Links to a page in other languages, each named in its own."""
    return joined(
        Markup('<a class="language" href="{}" hreflang="{}" lang="{}">{}</a>').format(
            address, lang, lang, language(lang)("language_name")
        )
        for lang, address in addresses.items()
    )


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
    told += [("check.examples", say("join.list").join(row.examples))] if row.examples else []
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
    elif harm.headline and harm.headline.rules and say.has(key + harm.headline.rules[0].kind):
        key += harm.headline.rules[0].kind
    return say(key)


def _headline(say: Words, figure: MeasuredFigure, anchor: str) -> Markup:
    if figure.missing:
        name = woven(say, "measure_of", measure=Markup("<strong>{}</strong>").format(figure.title), who=figure.who)
        told = Markup('<p class="sentence">{}{}{}</p>').format(name, say("join.sentences"), figure.missing)
    else:
        told = Markup(
            '<p class="key"><span class="label">{}</span><strong>{}</strong><span class="sure">{}'
            '<span class="n">{}</span></span></p>'
            '<p class="sentence">{}</p>{}'
        ).format(
            figure.title, figure.figure, figure.interval, figure.denominators, figure.sentence, _why(say, figure)
        )  # fmt: skip
    picture = estimate_with_limit(figure.picture, anchor) if figure.picture else Markup("")
    key = "to_details" if figure.picture else "to_details_bare"
    link = Markup(' <a href="#{}">{}</a>').format(figure.anchor, say(key))
    return Markup('<div class="headline"><div>{}</div><div class="picture">{}</div></div>{}').format(
        told, picture, _headline_rule(say, figure.rules[0], link) + _also_under(say, figure.rules[1:])
    )


def _why(say: Words, figure: MeasuredFigure) -> Markup:
    """Why a figure that decides nothing by itself does not."""
    if not figure.undecided:
        return Markup("")
    return Markup('<p class="remark">{}</p>').format(say("undecided_is", undecided=figure.undecided.rstrip(".。")))


def _headline_rule(say: Words, rule: RuleReading, link: Markup) -> Markup:
    key = "headline_rule_open" if rule.verdict in _WITHOUT_JUDGEMENT else "headline_rule"
    return Markup('<p class="under"><span class="label">{}</span> {}{}<br>{}{}</p>').format(
        say(key), cited(say, rule, "strong"), link, rule_chips(say, rule), _standing(say, rule),
    )  # fmt: skip


def _standing(say: Words, rule: RuleReading) -> Markup:
    """Whether the question was declared beforehand, and the interval that it is read at."""
    told = [rule.standing] if rule.standing else []
    told += [say("labelled", label=fact.label, value=fact.value) for fact in rule.judged]
    return Markup(' <span class="standing">{}</span>').format(say("join.clauses").join(told)) if told else Markup("")


def _also_under(say: Words, rules: tuple[RuleReading, ...]) -> Markup:
    if not rules:
        return Markup("")
    told = joined((_also(say, rule) for rule in rules[:_RULES_FIRST]), say("join.clauses"))
    rest = len(rules) - _RULES_FIRST
    if rest > 0:
        told = woven(say, "and_then", first=told, second=say("headline_more_count", count=rest))
    return Markup('<p class="also-under">{} {}{}</p>').format(say("headline_more"), told, say("full_stop"))


def cited(say: Words, rule: RuleReading, tag: str = "span") -> Markup:
    """A rule's title and where it is written."""
    citation = Markup("<cite>{}</cite>").format(rule.citation)
    return woven(say, "rule_cited", title=phrase_in(tag, rule.title), citation=citation)


def _also(say: Words, rule: RuleReading) -> Markup:
    return woven(say, "rule_also", rule=cited(say, rule), status=_standing_in_law(say, rule), limit=_limit(say, rule))


def _limit(say: Words, rule: RuleReading) -> str:
    return say("rule_limit", limit=rule.limit, source=rule.limit_source)


def _standing_in_law(say: Words, rule: RuleReading) -> str:
    """``convention, not law, borrowed from …``: the status, and where a borrowed rule comes from."""
    borrowed = f"{say('question_of')}{rule.borrowed[0].lower()}{rule.borrowed[1:]}" if rule.borrowed else ""
    return rule.status[:1].lower() + rule.status[1:] + borrowed


def rule_chips(say: Words, rule: RuleReading) -> Markup:
    """Is it law, is it borrowed, what is the limit, and whose number is it."""
    chips = [Markup('<span class="chip {}">{}</span>').format("law" if rule.is_law else "soft", rule.status)]
    if rule.borrowed:
        chips.append(Markup('<span class="chip soft">{}</span>').format(say("borrowed_mark")))
    told = woven(say, "rule_limit_chip", limit=rule.limit, source=Markup("<b>{}</b>").format(rule.limit_source))
    chips.append(Markup('<span class="chip {}">{}</span>').format("soft" if rule.limit_is_ours else "law", told))
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
    sure = say("join.clauses").join((figure.interval, figure.shares or figure.denominators))
    told = woven(say, "measure_of", measure=Markup("<b>{}</b>").format(figure.figure), who=sure)
    if figure.missing:
        told = escape(figure.missing.rstrip(".。"))
    more = Markup(" +{}").format(len(figure.rules) - 1) if len(figure.rules) > 1 else ""
    link = Markup('<a href="#{}">{}</a>').format(figure.anchor, figure.title)
    what = woven(say, "other", measure=link, who=Markup('<span class="who">{}</span>').format(figure.who), figure=told)
    under = woven(say, "rule_also", rule=cited(say, rule) + more, status=_standing_in_law(say, rule),
                  limit=_limit(say, rule))  # fmt: skip
    return Markup('<li>{}<span class="what">{} <span class="rule">{}{}</span></span></li>').format(
        badge(say, figure.verdict), what, under, say("full_stop")
    )


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
    needed = Markup("")
    if entry.needed:
        told = say("needed_is", needed=entry.needed.rstrip(".。"))
        needed = Markup(' <span class="needed">{}</span>').format(told)
    question = Markup("<strong>{}</strong>").format(entry.question)
    return Markup("<li>{}{}</li>").format(
        woven(say, "open", question=question, reason=entry.reason.rstrip(".。")), needed
    )

"""What each harm has cost: a figure with its interval, of how many, and what it is compared with."""

from __future__ import annotations

from markupsafe import Markup

from reports.html.marks import bullets, joined, section
from reports.report_model import HarmMoney, MoneyLine, ReportModel
from reports.words import Words


def money(say: Words, model: ReportModel) -> Markup:
    """A block for each harm that was asked about in money; nothing where none was."""
    if not model.money:
        return Markup("")
    lead = Markup('<p class="remark">{}</p>').format(say("in_money.lead"))
    return section("in-money", say("in_money"), lead + joined(_harm(say, harm) for harm in model.money), "money")


def _harm(say: Words, harm: HarmMoney) -> Markup:
    line, others = harm.headline, Markup("")
    if line is None:
        return Markup('<div class="sum"><h3>{}</h3><p>{}</p></div>').format(harm.title, harm.missing)
    if harm.others:
        rows = joined(_other(say, other) for other in harm.others)
        more = Markup('<p class="more">{}</p>').format(harm.more) if harm.more else Markup("")
        others = Markup('<div class="others"><h4>{}</h4><ul>{}</ul>{}</div>').format(harm.beside, rows, more)
    return Markup(
        '<div class="sum"><h3>{}</h3><p class="key"><span class="label">{}</span><strong>{}</strong>'
        '<span class="sure">{}<span class="n">{}</span></span></p><p>{}{}</p>{}{}{}</div>'
    ).format(
        harm.title, _title(line), line.figure, line.interval, _of(say, line), line.compared, _under(say, line),
        bullets(line.cautions, "plain remark"), _remark(harm.why), others,
    )  # fmt: skip


def _of(say: Words, line: MoneyLine) -> str:
    """Of how many cases, on which days."""
    return say("join.clauses").join(part for part in (line.denominators, line.days) if part)


def _remark(text: str) -> Markup:
    return Markup('<p class="remark">{}</p>').format(text) if text else Markup("")


def _title(line: MoneyLine) -> Markup:
    name = Markup("{}").format(line.title)
    if line.anchor:
        name = Markup('<a href="#{}">{}</a>').format(line.anchor, line.title)
    return name + Markup(' <span class="who">{}</span>').format(line.who) if line.who else name


def _under(say: Words, line: MoneyLine) -> Markup:
    return Markup(' <span class="standing">{}</span>').format(line.rule) if line.rule else Markup("")


def _other(say: Words, line: MoneyLine) -> Markup:
    sure = say("join.clauses").join(part for part in (line.interval, _of(say, line)) if part)
    return Markup(
        '<li><span class="what"><b>{}</b> {} <span class="rule">{}</span><span class="rule">{}{}</span>{}</span></li>'
    ).format(
        line.figure, _title(line), sure, line.compared, _under(say, line),
        joined(_caution(one) for one in line.cautions),
    )  # fmt: skip


def _caution(text: str) -> Markup:
    return Markup('<span class="rule">{}.</span>').format(text[:1].upper() + text[1:].rstrip(".。"))

"""What each harm has cost: a figure with its interval, of how many, and what it is compared with."""

from __future__ import annotations

from markupsafe import Markup

from reports.html.marks import joined, section
from reports.report_model import HarmMoney, MoneyLine, ReportModel
from reports.words import Words


def money(say: Words, model: ReportModel) -> Markup:
    """A block for each harm with a figure of money; nothing where none has one."""
    if not model.money:
        return Markup("")
    lead = Markup('<p class="remark">{}</p>').format(say("in_money.lead"))
    return section("in-money", say("in_money"), lead + joined(_harm(say, harm) for harm in model.money), "money")


def _harm(say: Words, harm: HarmMoney) -> Markup:
    line, others = harm.headline, Markup("")
    if harm.others:
        rows = joined(_other(say, other) for other in harm.others)
        more = Markup('<p class="more">{}</p>').format(harm.more) if harm.more else Markup("")
        others = Markup('<div class="others"><h4>{}</h4><ul>{}</ul>{}</div>').format(harm.beside, rows, more)
    return Markup(
        '<div class="sum"><h3>{}</h3><p class="key"><span class="label">{}</span><strong>{}</strong>'
        '<span class="sure">{}<span class="n">{}</span></span></p><p>{}{}</p><p class="remark">{}</p>{}</div>'
    ).format(
        harm.title, _title(line), line.figure, line.interval, line.denominators, line.compared, _under(say, line),
        harm.why, others,
    )  # fmt: skip


def _title(line: MoneyLine) -> Markup:
    name = Markup("{}").format(line.title)
    if line.anchor:
        name = Markup('<a href="#{}">{}</a>').format(line.anchor, line.title)
    return name + Markup(' <span class="who">{}</span>').format(line.who) if line.who else name


def _under(say: Words, line: MoneyLine) -> Markup:
    return Markup(' <span class="standing">{}</span>').format(line.rule) if line.rule else Markup("")


def _other(say: Words, line: MoneyLine) -> Markup:
    sure = say("join.clauses").join(part for part in (line.interval, line.denominators) if part)
    return Markup(
        '<li><span class="what"><b>{}</b> {} <span class="rule">{}</span><span class="rule">{}</span></span></li>'
    ).format(line.figure, _title(line), sure, line.compared)

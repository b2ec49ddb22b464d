"""What each harm has cost, as the page says it: the figure told first, and others beside it that are not added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from audits.record import AuditRun, Judgement
from audits.remedies.money import HarmCost, harm_costs
from checks.sentence import Sentence
from reports.figures import figure, number, percent
from reports.report_model import HarmMoney, MeasuredFigure, MoneyLine
from reports.words import Words

_MOST_BESIDE = 4


def harms_in_money(
    say: Words, run: AuditRun, judgement: Judgement, figures: Mapping[Any, MeasuredFigure]
) -> tuple[HarmMoney, ...]:
    """The harms that were asked about in money, with a figure or why there is none; nothing where data were unfit."""
    if not run.checks.fit:
        return ()
    anchors = {(*key[:4], key[5]): one.anchor for key, one in figures.items()}
    told = []
    for harm, costs in harm_costs(run, judgement).items():
        first, *rest = costs
        if not first.headline:
            if first.asked:
                told.append(HarmMoney(say.named("harm", harm), None, "", (), "", "", _lack(say, first)))
            continue
        beside = [cost for cost in rest if cost.estimate is not None and cost.of == "all"]
        lines = tuple(_line(say, cost, anchors) for cost in beside[:_MOST_BESIDE])
        more = len(beside) - len(lines)
        told.append(HarmMoney(
            say.named("harm", harm), _line(say, first, anchors), _why(say, first), lines, _beside(say, beside),
            say("in_money.more", count=more) if more else "",
        ))  # fmt: skip
    return tuple(told)


def _lack(say: Words, cost: HarmCost) -> str:
    """Why there is no sum, and what would give one, as sentences."""
    told = [_said(say, one).rstrip(".。") for one in (cost.reason, cost.needed) if one]
    reason = told[0] if told else say("missing_unknown")
    return (
        say("in_money.missing", reason=reason, needed=told[1]) if len(told) > 1 else say("in_money.none", reason=reason)
    )


def _why(say: Words, cost: HarmCost) -> str:
    return say("in_money.why", why=_said(say, cost.why).rstrip(".。")) if cost.why else ""


def in_money(say: Words, cost: HarmCost) -> tuple[str, str, str, str, str]:
    """A figure in words: what it is, of whom, the sum or why there is none, how sure, and what it is compared with."""
    title = say.named("measure", cost.measure) if cost.measure else say.named("harm", cost.harm)
    who, compared = _said(say, cost.group_words), _said(say, cost.counterfactual)
    if cost.estimate is None:
        why = say("join.sentences").join(_said(say, one) for one in (cost.reason, cost.needed) if one)
        return title, who, why or say("missing_unknown"), "", compared
    return title, who, _money(say, cost, cost.estimate), _interval(say, cost), compared


def _line(say: Words, cost: HarmCost, anchors: Mapping[Any, str]) -> MoneyLine:
    key = (cost.question, cost.measure, str(cost.attribute), str(cost.group))
    anchor = next((anchors[one] for place in (*cost.segments, "all") if (one := (*key, place)) in anchors), "")
    return MoneyLine(
        title=say.named("measure", cost.measure), who=_said(say, cost.group_words),
        figure=_money(say, cost, cost.estimate or 0.0), interval=_interval(say, cost),
        denominators=_said(say, cost.denominators),
        compared=say("in_money.compared", counterfactual=_said(say, cost.counterfactual).rstrip(".。")),
        anchor=anchor, rule=say("in_money.rule", rule=cost.rule) if cost.rule else "",
        days=_days(say, cost.period), cautions=tuple(_cautions(say, cost)),
    )  # fmt: skip


def _days(say: Words, period: str) -> str:
    first, _, last = period.partition("..")
    return say("in_money.days", first=say.date(first), last=say.date(last)) if last else ""


def _cautions(say: Words, cost: HarmCost) -> Iterator[str]:
    """What the sum should be read with: that it may be nothing, then the figure's own."""
    if not cost.counted and (cost.low is None or cost.low <= 0) and (cost.high is None or cost.high >= 0):
        yield say("in_money.zero")
    yield from (_said(say, one) for one in cost.cautions)


def _money(say: Words, cost: HarmCost, value: float) -> str:
    return figure(say, value, "money", (), cost.currency)


def _interval(say: Words, cost: HarmCost) -> str:
    if cost.counted:
        return say("interval_counted")
    level = percent(cost.level)
    if cost.low is None and cost.high is None:
        return say("interval_open", level=level)
    if cost.low is None:
        return say("interval_downward", level=level, high=_money(say, cost, cost.high or 0.0))
    if cost.high is None:
        return say("interval_upward", level=level, low=_money(say, cost, cost.low))
    return say("interval_short", level=level, low=number(cost.low, "money"), high=_money(say, cost, cost.high))


def _beside(say: Words, beside: list[HarmCost]) -> str:
    """Whether what stands beside the first figure may be added to others: of other money, or of other days."""
    if not beside:
        return ""
    return say("in_money.apart" if all(cost.additive for cost in beside) else "in_money.same")


def _said(say: Words, words: str) -> str:
    return say.sentence(words) if isinstance(words, Sentence) else words

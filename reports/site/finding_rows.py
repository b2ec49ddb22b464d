"""Findings as rows: those on one figure with one verdict together, each rule with a link to the finding's life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from markupsafe import Markup

from audits.record import VERDICTS, Verdict
from audits.releases.life import OPEN_STATES
from reports.html.marks import joined, phrase_in
from reports.rule_reading import limit_text, strength
from reports.site import addresses
from reports.site.history import Life
from reports.site.layout import anchor
from reports.site.run_summary import key_of
from reports.site.wording import (
    badge,
    decision_of,
    figure_of,
    interval_of,
    measure_of,
    period_in,
    rule_title,
    state_of,
    status_of,
    who,
)
from reports.words import Words


def rank(verdict: Verdict | None) -> int:
    """The worst verdict first, none last."""
    return VERDICTS.index(verdict) if verdict else len(VERDICTS)


def newest(life: Life) -> Verdict | None:
    """The verdict of the newest run that counts."""
    return life.now.verdict if life.now else None


def listed_as(life: Life) -> Literal["open", "unsettled", "decided"] | None:
    """Which list of findings that are not closed holds it: open, not settled, or accepted or said to be remediated."""
    if life.standing in OPEN_STATES:
        return "open"
    if life.standing in ("accepted", "remediated"):
        return "decided"
    past_part = life.is_of_a_part and life.moments[-1].finding is None  # nobody can judge those days again
    return "unsettled" if life.standing == "unsettled" and not past_part else None


def decided_as(life: Life) -> tuple[str, str]:
    """Who decided on it and until when, where that tells where it stands."""
    made = life.decision
    return (made.action.owner, made.action.until or "") if made else ("", "")


def together(lives: Iterable[Life]) -> list[list[Life]]:
    """Findings on one figure with one verdict and one decision, the strongest rule first; the worst verdict first."""

    def alike(life: Life) -> tuple[object, ...]:
        return rank(newest(life)), str(listed_as(life)), key_of(life.last[2]), str(life.standing), decided_as(life)

    def weight(life: Life) -> tuple[object, ...]:
        return alike(life), strength(life.last[3]), life.finding_id

    return [list(same) for _, same in groupby(sorted(lives, key=weight), alike)]


def verdict_cell(say: Words, same: Sequence[Life]) -> Markup:
    """The verdict of the newest run that counts."""
    return badge(say, newest(same[0]))


def figure_cell(say: Words, start: str, same: Sequence[Life]) -> Markup:
    """The figure, of what and of whom."""
    run, finding, m, rule = same[0].last
    page = addresses.finding_page(run.program, same[0].finding_id)
    told = [text for text in (interval_of(say, finding, m, rule),) if text]
    if run is not same[0].moments[-1].run:
        when = "site.last_judged" if newest(same[0]) is None else "site.figure_of"
        told.append(say(when, period=period_in(say, run.period)))
    return Markup('<b>{}</b> <span class="remark">{}</span><br>{} <span class="who">{}</span>').format(
        figure_of(say, m, rule.limit), say("join.clauses").join(told), anchor(say, start, page, measure_of(say, m)),
        who(say, m),
    )  # fmt: skip


def rule_cell(say: Words, start: str, same: Sequence[Life]) -> Markup:
    """The rules, each with its standing in law and its limit."""
    return joined(_rule(say, start, life) for life in same)


def _rule(say: Words, start: str, life: Life) -> Markup:
    run, _, _, rule = life.last
    page = addresses.finding_page(run.program, life.finding_id)
    told = say(
        "site.rule_short", status=status_of(say, rule), limit=limit_text(say, rule),
        source=say(f"limit_source.{rule.limit_source}"),
    )  # fmt: skip
    return Markup('<div class="of-rule">{} <span class="remark"><cite>{}</cite><br>{}</span></div>').format(
        anchor(say, start, page, phrase_in("span", rule_title(say, rule))), say.sentence(rule.citation), told
    )


def since_cell(say: Words, same: Sequence[Life]) -> Markup:
    """Since when, and what was decided, each answer once."""
    told = joined(dict.fromkeys(state_of(say, life) for life in same), say("join.clauses"))
    decided = dict.fromkeys(filter(None, (decision_of(say, life) for life in same)))
    return told + joined(Markup('<span class="decided">{}</span>').format(one) for one in decided)

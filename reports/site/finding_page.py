"""The life of a finding: its figure, interval, verdict and rule in every period; when it opened, when it closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from reports.html.marks import bullets, facts, section
from reports.report_model import Fact, Phrase
from reports.rule_reading import limit_text
from reports.site import addresses
from reports.site.chart import over_periods
from reports.site.history import History, Life, Moment
from reports.site.layout import Head, Page, anchor, document, listing, pager, row
from reports.site.wording import (
    badge,
    decision_of,
    figure_of,
    interval_of,
    measure_of,
    period_in,
    phrase_in,
    released_of,
    rule_title,
    signed,
    standing_in_law,
    state_of,
    title_of,
    who,
)
from reports.words import Words

PERIODS = 60
_COLUMNS = ("site.col.period", "site.col.verdict", "site.col.figure", "site.col.limit", "site.col.rows")


def finding_pages(past: History, found: dict[str, Life], stamp: str) -> list[Page]:
    """A page for each finding that any newest run of a period has; a long life goes on on further pages."""

    def page(life: Life, number: int, many: int) -> Page:
        name = addresses.further(_home(life), number)
        return Page(name, stamp, lambda say: _document(say, name, past, life, found, number, many))

    return [
        page(life, number, many)
        for life in found.values() for many in (-(-len(life.moments) // PERIODS),) for number in range(1, many + 1)
    ]  # fmt: skip


def _home(life: Life) -> str:
    return addresses.finding_page(life.last[0].program, life.finding_id)


def _document(
    say: Words, name: str, past: History, life: Life, found: dict[str, Life], number: int, many: int
) -> str:  # fmt: skip
    run, _, figure, _ = life.last
    end = len(life.moments) - (number - 1) * PERIODS
    shown = life.moments[max(end - PERIODS, 0) : end]
    title = Phrase(say("measure_of", measure=measure_of(say, figure), who=who(say, figure)))
    home = (title_of(say, past.current).text, addresses.program_page(run.program))
    head = Head(title, None, ((say("site.overview"), addresses.OVERVIEW), home), say("site.finding_kind"))
    picture = over_periods(say, shown, "over", title.text, 230)
    body = [_state(say, name, life)]
    body += [Markup('<div class="pictured">{}</div>').format(picture)] if picture else []
    body += [
        _periods(say, name, life, shown),
        pager(say, name, _home(life), number, many),
        _others(say, name, life, found),
        _reading(say, life),
    ]
    return document(say, name, head, body)


def _state(say: Words, start: str, life: Life) -> Markup:
    """Is it open, since when, under which rule."""
    run, finding, _, rule = life.last
    newest = life.now
    verdict = badge(say, newest.verdict if newest else None)
    report = anchor(say, start, addresses.run_page(run), say("site.report_of", period=period_in(say, run.period)))
    told = (
        Fact(say("site.col.rule"), rule_title(say, rule).text, say.sentence(rule.citation)),
        *_decided(say, life),
        Fact(say("site.limit"), limit_text(say, rule), standing_in_law(say, rule)),
        Fact(say("site.asked_as"), say(f"standing.{finding.standing}")),
        Fact(say("finding"), life.finding_id, "", True),
    )
    words = [escape(say(f"site.standing.{life.standing}"))] if life.decision else []
    stands = say("join.clauses").join([*words, state_of(say, life)])
    line = Markup('<p class="state">{} <strong>{}</strong> {}</p>').format(verdict, Markup(stands), report)  # noqa: S704 - escaped
    return Markup('<div class="harm edge-{}">{}{}</div>').format(
        newest.verdict if newest else "none", line, facts(told)
    )


def _decided(say: Words, life: Life) -> Iterator[Fact]:
    """What was decided on it and who signed that; and whether the run it was last judged in was released."""
    made = life.decision
    if made:
        comment = f" “{made.action.comment}”" if made.action.comment else ""
        yield Fact(
            say("site.decision"), decision_of(say, life).striptags() + comment, signed(say, made.release).striptags(),
        )  # fmt: skip
    run = life.last[0]
    report = say("site.report_of", period=period_in(say, run.period))
    yield Fact(say("site.col.released"), released_of(say, run).striptags(), report)


def _periods(say: Words, start: str, life: Life, shown: Sequence[Moment]) -> Markup:
    headings = [say(key) for key in _COLUMNS]
    rows = [_period(say, start, life, m, headings) for m in reversed(shown)]
    return section("periods", say("site.over_periods"), listing(say("site.over_periods"), headings, rows))


def _period(say: Words, start: str, life: Life, moment: Moment, headings: list[str]) -> Markup:
    run, finding, figure, rule = moment.run, moment.finding, moment.figure, moment.rule
    period = anchor(say, start, addresses.run_page(run), period_in(say, run.period))
    turns = (("opened", run is life.opened), ("closed", run is life.closed), ("passed", life.is_passed(run)))
    turn = [say(f"site.turn.{name}") for name, applies in turns if applies]
    verdict = Markup('{} <span class="remark">{}</span>').format(
        badge(say, finding.verdict if finding else None), say("join.clauses").join(turn)
    )
    if finding is None or figure is None or rule is None:
        return row(headings, (period, verdict, say("site.not_in_run"), "", ""))
    if figure.estimate is None:
        reason = say.sentence(figure.reason or finding.explanation) or say("missing_unknown")
        return row(headings, (period, verdict, reason, limit_text(say, rule), f"{figure.n:,}"))
    told = Markup('<b>{}</b> <span class="remark">{}</span>').format(
        figure_of(say, figure, rule.limit), interval_of(say, finding, figure, rule)
    )
    if finding.explanation:
        told += Markup('<br><span class="remark">{}</span>').format(say.sentence(finding.explanation))
    return row(headings, (period, verdict, told, limit_text(say, rule), f"{figure.n:,}"))


def _others(say: Words, start: str, life: Life, found: dict[str, Life]) -> Markup:
    """The same figure under other rules."""
    figure = life.last[2]
    same = [other for other in found.values() if other is not life and alike(other, life)]
    if not same:
        return Markup("")
    items = Markup("").join(
        Markup("<li>{} {} <span class='remark'>{}</span></li>").format(
            badge(say, other.now.verdict if other.now else None),
            anchor(say, start, addresses.finding_page(other.last[0].program, other.finding_id),
                   phrase_in("span", rule_title(say, other.last[3]))),
            state_of(say, other) + Markup('<span class="decided">{}</span>').format(decision_of(say, other)),
        )
        for other in same
    )  # fmt: skip
    heading = say("site.same_figure", measure=measure_of(say, figure))
    return section("others", heading, Markup('<ul class="badged">{}</ul>').format(items))


def alike(one: Life, other: Life) -> bool:
    """Whether two findings judge the same figure."""
    a, b = one.last[2], other.last[2]
    return all(getattr(a, name) == getattr(b, name) for name in _WHAT)


_WHAT = ("question", "measure", "attribute", "group", "reference", "segment")


def _reading(say: Words, life: Life) -> Markup:
    told = [say("site.how.open"), say("site.how.close"), say("site.how.between"), say("site.how.passed")]
    told += [say("site.how.decided")]
    told += [say("site.how.part")] if life.is_of_a_part else []
    return section("reading", say("site.how"), bullets(told))

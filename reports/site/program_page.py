"""A program: what is open in it now, its main figures over time, and the timeline of its periods and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from markupsafe import Markup, escape

from reports.html.marks import facts, joined, section, woven
from reports.report_model import Fact
from reports.rule_reading import phrase
from reports.site import addresses
from reports.site.chart import over_periods
from reports.site.comparison_page import run_name
from reports.site.finding_page import PERIODS, alike
from reports.site.finding_rows import figure_cell, listed_as, newest, rule_cell, since_cell, together, verdict_cell
from reports.site.history import History, Life
from reports.site.layout import Head, Page, anchor, document, listing, pager, row, split
from reports.site.run_summary import RunSummary, Unreadable
from reports.site.wording import (
    badge,
    grave_silences,
    measure_of,
    period_in,
    released_of,
    silences,
    title_of,
    who,
    why_unreadable,
)
from reports.words import Words

Broken = Sequence[tuple[str, Unreadable]]
_PICTURES = 6


def program_pages(past: History, found: Mapping[str, Life], broken: Broken, stamp: str) -> list[Page]:
    """The page of the program; a long timeline goes on on further pages."""
    name = addresses.program_page(past.current.program)
    told = [(run, past) for run in reversed(past.newest)]
    parts = split(told, PERIODS)

    def page(number: int) -> Page:
        at = addresses.further(name, number)
        return Page(at, stamp, lambda say: _document(say, at, past, found, broken, number, len(parts)))

    return [page(number) for number in range(1, len(parts) + 1)]


def _document(
    say: Words, name: str, past: History, found: Mapping[str, Life], broken: Broken, number: int, many: int
) -> str:  # fmt: skip
    run = past.current
    above = ((say("site.overview"), addresses.OVERVIEW),)
    head = Head(title_of(say, run), phrase(say, run.question), above, say("site.program_kind"))
    shown = list(islice(reversed(past.newest), (number - 1) * PERIODS, number * PERIODS))
    parts = []
    if number == 1:
        parts = [_newest(say, name, past, found), _broken(say, broken), _now(say, name, found),
                 _pictures(say, name, found)]  # fmt: skip
    home = addresses.program_page(run.program)
    parts += [_timeline(say, name, past, shown), pager(say, name, home, number, many)]
    return document(say, name, head, parts)


def _newest(say: Words, start: str, past: History, found: Mapping[str, Life]) -> Markup:
    """The newest run with its report, and how many findings are open."""
    run = past.current
    count = sum(listed_as(life) == "open" for life in found.values())
    unsettled = sum(listed_as(life) == "unsettled" for life in found.values())
    decided = sum(listed_as(life) == "decided" for life in found.values())
    more = [say("site.decided_more", count=decided)] if decided else []
    more += [say("site.unsettled_more", count=unsettled)] if unsettled else []
    days = say("site.days", first=say.date(run.first_day), last=say.date(run.last_day)) \
        if run.first_day and run.last_day else say("dates_none")  # fmt: skip
    model = " ".join(filter(None, (run.model, run.model_version))) or say("site.no_model")
    told = (
        Fact(say("site.newest_run"), run_name(say, run), days), Fact(say("site.data.rows"), f"{run.rows:,}"),
        Fact(say("site.open_now"), say("site.findings", count=count),
             say("join.clauses").join(more)),
        Fact(say("site.col.released"), released_of(say, run).striptags()),
        Fact(say("site.data.model"), model),
    )  # fmt: skip
    report = anchor(say, start, addresses.run_page(run), say("site.read_report"), "do")
    silent = joined(Markup("<li>{}</li>").format(text) for text in silences(say, run))
    missing = Markup('<ul class="silent">{}</ul>').format(silent) if silent else ""
    return Markup('<div class="newest">{}<p class="links">{} {}</p>{}</div>').format(
        facts(told, "asked"), report, _changes(say, start, past, run), missing
    )


def _changes(say: Words, start: str, past: History, run: RunSummary) -> Markup:
    before = past.before(run)
    if before is None or past.superseded_by(run):
        return Markup("")
    text = say("site.changes_since", run=period_in(say, before.period))
    return anchor(say, start, addresses.period_changes(run), text)


def _broken(say: Words, broken: Broken) -> Markup:
    """Versions that cannot be read: whatever they say is not on this page."""
    if not broken:
        return Markup("")
    items = joined(
        Markup("<li><code>{}</code> {}</li>").format(name, why_unreadable(say, problem)) for name, problem in broken
    )
    return Markup(
        '<section class="banner" aria-labelledby="broken"><h2 id="broken">{}</h2><ul>{}</ul></section>'
    ).format(say("site.unreadable", count=len(broken)), items)


def _now(say: Words, start: str, found: Mapping[str, Life]) -> Markup:
    """The findings of the newest run and those that it did not settle, by the verdict that counts."""
    headings = [say(f"site.col.{key}") for key in ("verdict", "figure", "rule", "since")]
    shown = [life for life in found.values() if life.moments[-1].finding or listed_as(life)]
    rows = [
        row(headings, (verdict_cell(say, same), figure_cell(say, start, same), rule_cell(say, start, same),
                       since_cell(say, same)), f"edge-{newest(same[0]) or 'none'}", 1)
        for same in together(shown)
    ]  # fmt: skip
    body = listing(say("site.now"), headings, rows, "findings four") if rows else Markup("<p>{}</p>").format(
        say("site.silent.nothing")
    )  # fmt: skip
    return section("now", say("site.now"), body)


def _pictures(say: Words, start: str, found: Mapping[str, Life]) -> Markup:
    """The figures with the worst verdicts over the periods, each once."""
    chosen: list[Life] = []
    for life, *_ in together(found.values()):
        if len(life.moments) > 1 and not any(alike(life, other) for other in chosen):
            chosen.append(life)
    made = [_picture(say, start, life, f"figure-{i}") for i, life in enumerate(chosen[:_PICTURES], 1)]
    if not made:
        return Markup("")
    return section("figures", say("site.over_periods"), Markup('<div class="pictures">{}</div>').format(joined(made)))


def _picture(say: Words, start: str, life: Life, anchored: str) -> Markup:
    run, _, m, _ = life.last
    what = say("measure_of", measure=measure_of(say, m), who=who(say, m))
    page = addresses.finding_page(run.program, life.finding_id)
    heading = Markup('{} <span class="who">{}</span>').format(anchor(say, start, page, measure_of(say, m)), who(say, m))
    return Markup('<div class="pictured"><h3>{}</h3>{}</div>').format(
        heading, over_periods(say, life.moments[-PERIODS:], anchored, what, 130)
    )


def _timeline(say: Words, start: str, past: History, shown: Sequence[RunSummary]) -> Markup:
    """Each period with its verdicts by harm, and the versions that it superseded."""
    harms = list(dict.fromkeys(harm for run in past.newest for harm in run.harms))
    headings = [say("site.col.period"), *(say.named("harm", harm) for harm in harms), say("site.col.rows"),
                say("site.col.changes"), say("site.col.versions")]  # fmt: skip
    rows = [_period(say, start, past, run, harms, headings) for run in shown]
    return section("timeline", say("site.timeline"), listing(say("site.timeline"), headings, rows, "timeline"))


def _period(
    say: Words, start: str, past: History, run: RunSummary, harms: Sequence[str], headings: Sequence[str]
) -> Markup:  # fmt: skip
    period = Markup("{}").format(anchor(say, start, addresses.run_page(run), period_in(say, run.period)))
    told = joined(Markup('<span class="remark">{}</span>').format(text) for text in grave_silences(say, run))
    verdicts = [badge(say, run.harms[harm]) if harm in run.harms else _not_asked(say) for harm in harms]
    earlier = next(versions[:-1] for versions in past.periods if versions[-1].period == run.period)
    versions = joined((_version(say, start, past, other) for other in reversed(earlier)), " ")
    rest = escape(say("site.version", version=run.version))
    if earlier:
        rest = woven(say, "site.version_over", version=f"{run.version:,}", earlier=versions)
    if version := past.version_before(run):
        text = say("site.changes_since", run=say("site.version", version=version.version))
        rest = Markup("{}<br>{}").format(rest, anchor(say, start, addresses.version_changes(run), text))
    cells = (Markup("{}{}").format(period, told), *verdicts, f"{run.rows:,}", _changes(say, start, past, run), rest)
    return row(headings, cells)


def _version(say: Words, start: str, past: History, run: RunSummary) -> Markup:
    """A superseded version: its report and its worst verdict."""
    return anchor(say, start, addresses.run_page(run), say("site.version", version=run.version))


def _not_asked(say: Words) -> Markup:
    return Markup('<span class="remark">{}</span>').format(say("site.not_asked"))

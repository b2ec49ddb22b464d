"""The first page: what is open, what an earlier finding left open, what could not be said, then ways into the rest."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from audits.record import Verdict
from reports.html.marks import joined, section
from reports.report_model import Phrase
from reports.site import addresses, lines
from reports.site.layout import Head, Page, anchor, assembled, listing
from reports.site.lists import KINDS, Lists, facet_chips, list_title, page_of
from reports.site.wording import badge
from reports.words import Words

_TILES: tuple[Verdict | None, ...] = ("breach", "concern", "inconclusive", "not_identified", "unfit", None, "clear")
_OPEN, _UNSETTLED, _SILENT, _RUNS, _PROGRAMS = 25, 10, 10, 10, 50


def overview(state: sqlite3.Connection, lists: Lists) -> Page:
    """The page that a reader opens first."""
    rows = state.execute("SELECT worst, COUNT(*) FROM run WHERE problem IS NULL GROUP BY worst").fetchall()
    runs = Counter(dict(rows))
    shown = [lists.entries.get(((kind, ""),), ())[:most] for kind, most in
             ((lines.OPEN, _OPEN), (lines.UNSETTLED, _UNSETTLED), (lines.SILENCE, _SILENT), (lines.BROKEN, _SILENT),
              (lines.ALL, _PROGRAMS), (lines.BREACHES, _OPEN), (lines.DECIDED, _UNSETTLED))]  # fmt: skip
    newest = lists.entries.get(((lines.NEWEST, ""),), ())[:_RUNS]
    counts = {page_of(facets): len(entries) for facets, entries in lists.entries.items()}
    stamp = f"{sorted(runs.items())} {shown} {newest} {counts} {sorted(lists.labels.items())}"
    return Page(addresses.OVERVIEW, stamp, lambda say: _document(say, lists, runs, newest))


def _document(say: Words, lists: Lists, runs: Counter[str], newest: Sequence[tuple[str, str]]) -> str:
    programs = len(lists.entries.get(((lines.ALL, ""),), ()))
    told = {"programs": say("site.programs", count=programs), "runs": say("site.runs", count=runs.total())}
    counted = say("site.counted", **told)
    head = Head(Phrase(say("site.title")), Phrase(counted))
    if not programs and ((lines.BROKEN, ""),) not in lists.entries:
        return assembled(say, addresses.OVERVIEW, head, [Markup("<p>{}</p>").format(say("site.empty"))])
    parts = [
        _worst(say, lists, runs),
        _contents(say, lists),
        _part(say, lists, lines.OPEN, lines.FINDINGS, _OPEN, say("site.none_open")),
        _part(say, lists, lines.BREACHES, lines.BREACHED, _OPEN),
        _part(say, lists, lines.DECIDED, lines.FINDINGS, _UNSETTLED),
        _part(say, lists, lines.UNSETTLED, lines.FINDINGS, _UNSETTLED),
        _part(say, lists, lines.SILENCE, lines.SILENT, _SILENT),
        _part(say, lists, lines.BROKEN, lines.UNREADABLE, _SILENT),
        _newest(say, lists, newest),
        _browse(say, lists) if programs else Markup(""),
        _part(say, lists, lines.ALL, lines.PROGRAMS, _PROGRAMS),
    ]
    return assembled(say, addresses.OVERVIEW, head, parts)


def _worst(say: Words, lists: Lists, runs: Counter[str]) -> Markup:
    """Programs by the worst verdict of their newest run, and all runs by theirs."""
    states = facet_chips(say, addresses.OVERVIEW, lists, "state", [(facets, facets) for facets in lists.of("state")])
    tiles = joined(_tile(say, lists, runs, verdict) for verdict in _TILES)
    unreadable = len(lists.entries.get(((lines.BROKEN, ""),), ()))
    note = Markup('<p class="remark">{}{}</p>').format(
        say("site.tiles_note"), " " + say("site.tiles_unreadable", count=unreadable) if unreadable else ""
    )
    return Markup('<section class="tiles" aria-labelledby="tiles"><h2 id="tiles" class="hidden">{}</h2><ul>{}</ul>{}'
                  "</section>{}").format(say("site.col.worst"), tiles, note, states)  # fmt: skip


def _contents(say: Words, lists: Lists) -> Markup:
    """Where the parts of the page are, with the length of each list."""
    told = [(kind, say(f"site.list_of.{kind}"), len(lists.entries.get(((kind, ""),), ())))
            for kind in (lines.OPEN, lines.BREACHES, lines.DECIDED, lines.UNSETTLED, lines.SILENCE, lines.BROKEN,
                         lines.ALL)]  # fmt: skip
    links = [
        Markup('<li><a href="#{}">{}</a> <b>{}</b></li>').format(kind, title, f"{count:,}")
        for kind, title, count in told if count or kind == lines.OPEN
    ]  # fmt: skip
    if told[-1][-1]:
        links.insert(-1, Markup('<li><a href="#newest">{}</a></li>').format(say("site.list_of.newest")))
        links.insert(-1, Markup('<li><a href="#browse">{}</a></li>').format(say("site.browse")))
    return Markup('<nav aria-label="{}"><ul>{}</ul></nav>').format(say("contents"), joined(links))


def _tile(say: Words, lists: Lists, runs: Counter[str], verdict: Verdict | None) -> Markup:
    facets = (("worst", verdict or "none"),)
    now, ever = len(lists.entries.get(facets, ())), runs[verdict or "none"]
    programs: object = Markup("<strong>{}</strong> {}").format(f"{now:,}", say("site.tile_programs", count=now))
    if now:
        programs = anchor(say, addresses.OVERVIEW, page_of(facets), programs)
    return Markup('<li class="edge-{}">{}<span class="now">{}</span><span class="remark">{}</span></li>').format(
        verdict or "none", badge(say, verdict), programs, say("site.tile_runs", count=ever)
    )


def _part(
    say: Words, lists: Lists, kind: str, columns: Sequence[str], most: int, otherwise: str = ""
) -> Markup:  # fmt: skip
    """The first lines of a list, and a link to all of it."""
    facets = ((kind, ""),)
    entries = lists.entries.get(facets, ())
    title = list_title(say, lists, facets)
    if not entries:
        return section(kind, title, Markup("<p>{}</p>").format(otherwise)) if otherwise else Markup("")
    headings = [say(f"site.col.{column}") for column in columns]
    note = Markup('<p class="remark">{}</p>').format(say(f"site.note.{kind}"))
    body = note + listing(title, headings, lists.rows(say, entries[:most]), lines.kind_of(columns))
    if len(entries) > most:
        more = say("site.all_of", count=len(entries))
        body += Markup('<p class="more">{}</p>').format(anchor(say, addresses.OVERVIEW, page_of(facets), more))
    return section(kind, title, body)


def _newest(say: Words, lists: Lists, newest: Sequence[tuple[str, str]]) -> Markup:
    if not newest:
        return Markup("")
    headings = [say(f"site.col.{column}") for column in lines.RUNS]
    body = listing(say("site.list_of.newest"), headings, lists.rows(say, newest), "findings")
    return section("newest", say("site.list_of.newest"), body)


def _browse(say: Words, lists: Lists) -> Markup:
    """Every facet with its values; the many are folded."""
    parts = [facet_chips(say, addresses.OVERVIEW, lists, kind, [(facets, facets) for facets in lists.of(kind)])
             for kind in ("period", *(kind for kind in KINDS if kind not in ("period", "state")))]  # fmt: skip
    return section("browse", say("site.browse"), Markup('<div class="browse">{}</div>').format(joined(parts)))

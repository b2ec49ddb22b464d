"""The lists of the whole site: findings by harm, verdict, rule and model, runs by period; long ones have more pages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup, escape

from audits.record import VERDICTS
from audits.releases.life import STATES
from reports.html.marks import joined
from reports.report_model import Phrase
from reports.site import addresses, lines
from reports.site.layout import Head, Page, anchor, assembled, listing, pager, split
from reports.site.state import Facets
from reports.words import LANGUAGES, Words

_MOST, _CHIPS = 50, 14
_COLUMNS = {
    "period": lines.RUNS, "worst": lines.PROGRAMS, lines.ALL: lines.PROGRAMS, lines.SILENCE: lines.SILENT,
    lines.BROKEN: lines.UNREADABLE, lines.NEWEST: lines.RUNS, lines.BREACHES: lines.BREACHED,
}  # fmt: skip
KINDS = ("state", "harm", "verdict", "rule", "model", "period")
Entry = tuple[str, str]


@dataclass(frozen=True)
class Lists:
    """All lists: for each its lines as (key, stamp) in order, and how many programs they come from."""

    state: sqlite3.Connection
    entries: Mapping[Facets, Sequence[Entry]]
    programs: Mapping[Facets, int]

    @cached_property
    def labels(self) -> dict[tuple[str, str], dict[str, str]]:
        """The name of each facet's value; where programs name a rule differently, the first by name."""
        rows = self.state.execute("SELECT kind, value, html FROM label ORDER BY program DESC")
        return {(kind, value): json.loads(html) for kind, value, html in rows}

    def label(self, say: Words, facet: tuple[str, str]) -> Markup:
        """The name of a facet's value in a language."""
        return Markup(self.labels[facet][say.lang])  # noqa: S704 - escaped where it was made

    def rows(self, say: Words, entries: Sequence[Entry]) -> list[Markup]:
        """The lines themselves."""
        found: dict[str, str] = {}
        for part in split(entries, 500):
            marks = ", ".join("?" * len(part))
            keys = [key for key, _ in part]
            found.update(self.state.execute(f"SELECT key, html FROM line WHERE key IN ({marks})", keys).fetchall())
        place = LANGUAGES.index(say.lang)
        return [Markup(found[key].split("\0")[place]) for key, _ in entries]  # noqa: S704 - escaped where it was made

    @cached_property
    def near(self) -> dict[Facets, list[Facets]]:
        """For each list of one facet those that have one more."""
        found: dict[Facets, list[Facets]] = {}
        for facets in self.entries:
            for one in facets if len(facets) > 1 else ():
                found.setdefault((one,), []).append(facets)
        return found

    def of(self, kind: str) -> list[Facets]:
        """The lists of one facet of a kind."""
        found: list[Facets] = [facets for facets in self.entries if len(facets) == 1 and facets[0][0] == kind]
        found.sort(key=lambda facets: self.order(facets[0]))
        return found[::-1] if kind == "period" else found

    def order(self, facet: tuple[str, str]) -> tuple[int, str]:
        """Verdicts from worst, states from open to closed, periods by their names, others by their values."""
        kind, value = facet
        known: tuple[str, ...] = {"verdict": VERDICTS, "state": STATES}.get(kind, ())
        if known:
            return known.index(value) if value in known else len(known), value
        return value != "all", value

    def count(self, facets: Facets) -> int:
        """How many lines the list has."""
        return len(self.entries.get(facets, ()))


def read_lists(state: sqlite3.Connection) -> Lists:
    """All lists as the state has them."""
    entries: dict[Facets, list[Entry]] = {}
    programs: dict[Facets, set[str]] = {}
    known: dict[str, Facets] = {}
    for name, key, program, stamp in state.execute(
        "SELECT list, line.key, line.program, stamp FROM listed JOIN line ON line.key = listed.line ORDER BY list, sort"
    ):
        facets = known.get(name) or known.setdefault(name, tuple((kind, value) for kind, value in json.loads(name)))
        entries.setdefault(facets, []).append((key, stamp))
        programs.setdefault(facets, set()).add(program)
    return Lists(state, entries, {facets: len(names) for facets, names in programs.items()})


def list_pages(lists: Lists) -> Iterator[Page]:
    """The pages of every list but the one of newest runs, which only the overview shows."""
    for facets, entries in lists.entries.items():
        if facets[0][0] == lines.NEWEST:
            continue
        parts = split(entries, _MOST)
        for number, part in enumerate(parts, 1):
            yield _page(lists, facets, part, number, len(parts))


def page_of(facets: Facets) -> str:
    """Where a list lies."""
    kind, value = facets[0]
    return addresses.list_page(*facets) if value else kind


def _page(lists: Lists, facets: Facets, part: Sequence[Entry], number: int, many: int) -> Page:
    name = addresses.further(page_of(facets), number)
    beside = [*lists.near.get(facets, ()), *((facet,) for facet in facets)]
    counts = [(other, lists.count(other)) for other in beside]
    told = [lists.labels[facet] for facet in dict.fromkeys(facet for other in beside for facet in other) if facet[1]]
    stamp = f"{part} {many} {lists.programs[facets]} {counts} {told}"
    return Page(name, stamp, lambda say: _document(say, name, lists, facets, part, number, many))


def _document(
    say: Words, name: str, lists: Lists, facets: Facets, part: Sequence[Entry], number: int, many: int
) -> str:  # fmt: skip
    kind = facets[0][0]
    columns = _COLUMNS.get(kind, lines.FINDINGS)
    title = list_title(say, lists, facets)
    of_programs = columns in (lines.PROGRAMS, lines.BREACHED)
    key = "programs" if of_programs else "runs" if columns is not lines.FINDINGS else "findings"
    line = say(f"site.list.{key}", count=len(lists.entries[facets]), programs=lists.programs[facets])
    head = Head(Phrase(title), Phrase(line), ((say("site.overview"), addresses.OVERVIEW),), say("site.list_kind"))
    headings = [say(f"site.col.{column}") for column in columns]
    table = listing(title, headings, lists.rows(say, part), lines.kind_of(columns))
    turn = pager(say, name, page_of(facets), number, many)
    return assembled(say, name, head, [_refine(say, name, lists, facets), table, turn])


def list_title(say: Words, lists: Lists, facets: Facets) -> str:
    """What the list holds, in plain text."""
    names = [_plain(say, lists, facet) for facet in facets if facet[1]]
    key = f"site.list_of.{facets[0][0]}"
    return say(key, name=say("join.list").join(names)) if names else say(key)


def _plain(say: Words, lists: Lists, facet: tuple[str, str]) -> str:
    kind, value = facet
    return say(f"verdict.{value}") if kind in ("verdict", "worst") else lists.label(say, facet).striptags()


def _refine(say: Words, start: str, lists: Lists, facets: Facets) -> Markup:
    """Links to the narrower and the wider lists, with their counts."""
    near = [(other, tuple(facet for facet in other if facet not in facets)) for other in lists.near.get(facets, ())]
    near.sort(key=lambda pair: lists.order(pair[1][0]))
    parts = [facet_chips(say, start, lists, kind, [pair for pair in near if pair[1][0][0] == kind]) for kind in KINDS]
    wider = [(facet,) for facet in facets] if len(facets) > 1 else []
    parts.append(facet_chips(say, start, lists, "", [(other, other) for other in wider if other in lists.entries]))
    return joined(parts)


def facet_chips(say: Words, start: str, lists: Lists, kind: str, told: Sequence[tuple[Facets, Facets]]) -> Markup:
    """Links to lists, each as (the list, the facets to name), with their counts; of many, the rest is folded."""
    chips = [
        _chip(say, start, page_of(facets), joined((lists.label(say, one) for one in named), " "), lists.count(facets))
        for facets, named in told
    ]
    if not chips:
        return Markup("")
    body = Markup("<ul>{}</ul>").format(joined(chips[:_CHIPS]))
    if len(chips) > _CHIPS:
        more = say("site.more", count=len(chips) - _CHIPS)
        rest = joined(chips[_CHIPS:])
        body += Markup("<details><summary>{}</summary><ul>{}</ul></details>").format(more, rest)
    heading = say(f"site.by.{kind}") if kind else say("site.wide")
    return Markup('<nav class="facets" aria-label="{0}"><h3>{0}</h3>{1}</nav>').format(heading, body)


def _chip(say: Words, start: str, page: str, name: Markup, count: int) -> Markup:
    text = Markup(f"{escape(name)} <b>{count:,}</b>")  # noqa: S704 - escaped; made often
    return Markup(f"<li>{anchor(say, start, page, text)}</li>")  # noqa: S704 - made often

"""The document that every page of the site stands in: head, way back, title, twin in the other language, foot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeVar

from markupsafe import Markup, escape

from reports.html.marks import joined, phrase_in, symbols
from reports.html.page import readable, stylesheet
from reports.report_model import Phrase
from reports.site import addresses
from reports.words import LANGUAGES, Words, language

_POLICY = "default-src 'none'; style-src 'self' file:; img-src data:"
Crumb = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site in all languages. ``stamp`` changes whenever what it is made of does."""

    name: str
    stamp: str
    make: Callable[[Words], str]


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a page: its title, a line below it, and the pages above it as (name, page)."""

    title: Phrase
    line: Phrase | None = None
    above: tuple[Crumb, ...] = ()
    kind: str = ""


def style() -> str:
    """The style sheet of the site: the report's, and what only the site has."""
    return str(stylesheet()) + files("reports.site").joinpath("site.css").read_text(encoding="utf-8")


def document(say: Words, name: str, head: Head, parts: Iterable[Markup]) -> str:
    """A whole page. The same parts give the same text."""
    return readable(assembled(say, name, head, parts))


def assembled(say: Words, name: str, head: Head, parts: Iterable[Markup]) -> Markup:
    """A whole page of a title and parts that are known to be readable."""
    return Markup(
        '<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        '<link rel="stylesheet" href="{style}">\n<title>{title} · {product}</title>\n</head>\n<body class="site">\n'
        '<a class="skip" href="#main">{skip}</a>\n{symbols}{masthead}\n<main id="main">\n{body}\n</main>\n'
        '<footer><p>{not_legal}</p><p>{silence}</p></footer>\n</body>\n</html>\n'
    ).format(
        lang=say.lang, policy=_POLICY, style=addresses.relative(name, addresses.STYLE), title=head.title.text,
        product=say("product"), skip=say("site.skip"), symbols=symbols(), masthead=_masthead(say, name, head),
        body=joined(parts, "\n"), not_legal=say("not_legal"), silence=say("site.silence"),
    )  # fmt: skip


def _masthead(say: Words, name: str, head: Head) -> Markup:
    line = phrase_in("p", head.line, class_="question") if head.line and head.line.text else ""
    kind = Markup('<p class="kind">{}</p>').format(head.kind) if head.kind else ""
    return Markup(
        '<header class="masthead"><p class="brand"><strong>{}</strong> <span>{}</span>{}</p>{}{}{}{}</header>'
    ).format(
        say("product"), say("site.name"), twins(say, name), _way_back(say, name, head.above), kind,
        phrase_in("h1", head.title), line,
    )  # fmt: skip


def twins(say: Words, name: str) -> Markup:
    """Links to the same page in the other languages."""
    return joined(
        Markup('<a class="language" href="{}" hreflang="{}" lang="{}">{}</a>').format(
            addresses.link(name, name, lang), lang, lang, language(lang)("language_name")
        )
        for lang in LANGUAGES if lang != say.lang
    )  # fmt: skip


def _way_back(say: Words, name: str, above: Sequence[Crumb]) -> Markup:
    if not above:
        return Markup("")
    links = joined(
        Markup('<li><a href="{}">{}</a></li>').format(addresses.link(name, page, say.lang), title)
        for title, page in above
    )
    return Markup('<nav class="way" aria-label="{}"><ol>{}</ol></nav>').format(say("site.way"), links)


def anchor(say: Words, start: str, page: str, text: object, kind: str = "") -> Markup:
    """A link from one page to another of the same language."""
    named = f' class="{escape(kind)}"' if kind else ""
    address = escape(addresses.link(start, page, say.lang))
    return Markup(f'<a href="{address}"{named}>{escape(text)}</a>')  # noqa: S704 - all parts are escaped; made often


def listing(caption: str, headings: Sequence[str], rows: Iterable[Markup], kind: str = "") -> Markup:
    """A table of rows made by ``row``."""
    head = joined(Markup('<th scope="col">{}</th>').format(heading) for heading in headings)
    return Markup(
        '<div class="table {}"><table><caption class="hidden">{}</caption><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(kind, caption, head, joined(rows, "\n"))


def row(headings: Sequence[str], cells: Sequence[object], kind: str = "", named: int = 0) -> Markup:
    """A row whose cell ``named`` names it; on a narrow screen each cell shows its column's heading."""
    made = [
        f'<th scope="row" data-label="{escape(heading)}">{escape(cell)}</th>' if i == named
        else f'<td data-label="{escape(heading)}">{escape(cell)}</td>'
        for i, (heading, cell) in enumerate(zip(headings, cells, strict=True))
    ]  # fmt: skip
    start = f'<tr class="{escape(kind)}">' if kind else "<tr>"
    return Markup(f"{start}{''.join(made)}</tr>")  # noqa: S704 - all parts are escaped; made often


T = TypeVar("T")


def split(items: Sequence[T], most: int) -> list[Sequence[T]]:
    """A long list in parts; one empty part for an empty list."""
    return [items[i : i + most] for i in range(0, len(items), most)] or [items]


def pager(say: Words, start: str, page: str, number: int, many: int) -> Markup:
    """Links to the other parts of a list."""
    if many < 2:
        return Markup("")
    links = joined(
        Markup('<li><a href="{}"{}>{}</a></li>').format(
            addresses.link(start, addresses.further(page, i), say.lang),
            Markup(' aria-current="page"') if i == number else "", i,
        )
        for i in range(1, many + 1)
    )  # fmt: skip
    return Markup('<nav class="pager" aria-label="{}"><span>{}</span><ol>{}</ol></nav>').format(
        say("site.pages"), say("site.page_of", number=number, many=many), links
    )

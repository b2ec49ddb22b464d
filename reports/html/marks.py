"""Small parts that every section uses: verdict badge with word and symbol, facts, lists, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from audits.record import Verdict
from reports.report_model import Fact, Phrase
from reports.words import Words

_SYMBOLS = {
    "breach": Markup('<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="cut" d="M8 4v5M8 11v1.6"/>'),
    "concern": Markup('<path d="M8 1l7.5 14H.5z"/><path class="cut" d="M8 6v4.6M8 12v1.6"/>'),
    "inconclusive": Markup('<circle class="ring" cx="8" cy="8" r="6.5"/><path d="M8 1.5a6.5 6.5 0 0 1 0 13z"/>'),
    "not_identified": Markup('<circle class="ring dashed" cx="8" cy="8" r="6.5"/><path class="stroke" d="M5 8h6"/>'),
    "unfit": Markup('<circle class="ring" cx="8" cy="8" r="6.5"/><path class="stroke" d="M3.5 12.5l9-9"/>'),
    "clear": Markup('<circle cx="8" cy="8" r="7.2"/><path class="cut" d="M4.5 8.4l2.4 2.4 4.6-5"/>'),
    "none": Markup('<circle class="ring" cx="8" cy="8" r="6.5"/>'),
}


def badge(say: Words, verdict: Verdict | None) -> Markup:
    """A verdict: colour, symbol and word together."""
    name = verdict or "none"
    return Markup(
        '<span class="badge {0}"><svg class="symbol" width="15" height="15" aria-hidden="true"><use href="#v-{0}"/>'
        "</svg>{1}</span>"
    ).format(name, say(f"verdict.{name}"))


def symbols() -> Markup:
    """The symbol of every verdict, once, for the badges of a page to use."""
    shapes = joined(
        Markup('<symbol id="v-{}" viewBox="0 0 16 16">{}</symbol>').format(name, shape)
        for name, shape in _SYMBOLS.items()
    )
    return Markup('<svg class="hidden" width="0" height="0" aria-hidden="true">{}</svg>\n').format(shapes)


def phrase_in(tag: str, phrase: Phrase, **attributes: str) -> Markup:
    """A text in an element of its own language."""
    named = attributes | ({"lang": phrase.lang} if phrase.lang else {})
    shown = joined(Markup(' {}="{}"').format(key.rstrip("_"), value) for key, value in named.items())
    return Markup("<{0}{1}>{2}</{0}>").format(tag, shown, phrase.text)


def joined(parts: Iterable[Markup], between: str = "") -> Markup:
    """Parts one after another."""
    return escape(between).join(parts)


def woven(say: Words, key: str, **parts: object) -> Markup:
    """A sentence of the page with marked-up parts in it."""
    return escape(say.raw(key)).format(**parts)


def facts(items: Sequence[Fact], kind: str = "facts") -> Markup:
    """Labels with values, as a description list."""
    rows = joined(
        Markup("<div><dt>{}</dt><dd>{}{}</dd></div>").format(
            fact.label,
            Markup("<code>{}</code>").format(fact.value) if fact.is_code else fact.value,
            Markup(' <span class="remark">{}</span>').format(fact.note) if fact.note else "",
        )
        for fact in items
    )
    return Markup('<dl class="{}">{}</dl>').format(kind, rows) if items else Markup("")


def bullets(items: Sequence[str], kind: str = "plain") -> Markup:
    """A list of sentences; nothing when there are none."""
    rows = joined(Markup("<li>{}</li>").format(_sentence(item)) for item in items)
    return Markup('<ul class="{}">{}</ul>').format(kind, rows) if items else Markup("")


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "", hidden: bool = False
) -> Markup:  # fmt: skip
    """A table whose first column names the row. On a narrow screen each cell shows its column's heading."""
    head = joined(Markup('<th scope="col">{}</th>').format(heading) for heading in headings)
    body = joined(_row(headings, row) for row in rows)
    return Markup(
        '<div class="table {}"><table><caption{}>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(kind, Markup(' class="hidden"') if hidden else "", caption, head, body)


def _row(headings: Sequence[str], row: Sequence[object]) -> Markup:
    first = Markup('<th scope="row" data-label="{}">{}</th>').format(headings[0], row[0])
    rest = joined(
        Markup('<td data-label="{}">{}</td>').format(heading, cell)
        for heading, cell in zip(headings[1:], row[1:], strict=True)
    )
    return Markup("<tr>{}{}</tr>").format(first, rest)


def section(anchor: str, heading: str, body: Markup, kind: str = "") -> Markup:
    """A part of the page under a heading of the second rank."""
    return Markup(
        '<section id="{0}" class="part {1}" aria-labelledby="{0}-h"><h2 id="{0}-h">{2}</h2>{3}</section>'
    ).format(anchor, kind, heading, body)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The report page: one self-contained file, without script and without a request to anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from audits.record import AuditRun, Judgement
from reports.html import appendix, summary
from reports.html.marks import joined, symbols
from reports.html.measured import measured
from reports.html.money import money
from reports.report_model import ReportModel
from reports.view import report_model
from reports.words import ENGLISH, Words

# embeddings, overrides and forced isolates of direction, and control characters that HTML does not allow; isolates that
# take the direction of what they hold stay: the words put them round labels
_NO_CHARACTERS = (*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)
_UNSAFE = dict.fromkeys((*range(0x202A, 0x202F), 0x2066, 0x2067, *_NO_CHARACTERS))
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(run: AuditRun, judgement: Judgement, say: Words = ENGLISH, others: Mapping[str, str] | None = None) -> str:
    """The whole page; ``others`` are its addresses in other languages. The same records give the same bytes."""
    return readable(page(say, report_model(run, judgement, say), others or {}))


def readable(html: str) -> str:
    """Without the characters that turn the direction of text around them or are none: a label cannot reorder a page."""
    return html.translate(_UNSAFE)


def page(say: Words, model: ReportModel, others: Mapping[str, str]) -> Markup:
    """The document of a report model."""
    return document(say, model.title.text, "found", _body(say, model, others))


def document(say: Words, title: str, start: str, body: Markup) -> Markup:
    """A self-contained document; ``start`` is the anchor of its first section."""
    return Markup(
        '<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        '<title>{title} · {product}</title>\n<style>{style}</style>\n</head>\n<body>\n'
        '<a class="skip" href="#{start}">{skip}</a>\n{symbols}{body}\n</body>\n</html>\n'
    ).format(
        lang=say.lang, policy=_POLICY, title=title, product=say("product"), style=stylesheet(), start=start,
        skip=say("skip"), symbols=symbols(), body=body,
    )  # fmt: skip


@cache
def stylesheet() -> Markup:
    """The style sheet that comes with the package."""
    return Markup(files("reports.html").joinpath("style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _body(say: Words, model: ReportModel, others: Mapping[str, str]) -> Markup:
    first = Markup('<div class="first">{}<div class="columns">{}{}</div></div>').format(
        summary.unfit_banner(say, model), summary.found(say, model), summary.aside(say, model)
    )
    parts = {
        "in-money": money(say, model),
        "full": measured(say, model),
        "unanswered-full": appendix.unanswered_full(say, model),
        "rules": appendix.rules(say, model),
        "idle": appendix.idle_rules(say, model),
        "errors": appendix.errors(say, model),
        "exclusions": appendix.exclusions(say, model),
        "checks": appendix.checks(say, model),
        "reading": appendix.reading(say),
        "provenance": appendix.provenance(say, model),
    }
    return Markup('{}\n<main>{}\n{}\n{}</main>\n<footer><p>{}</p><p>{} · {}</p></footer>').format(
        summary.masthead(say, model, others), first, _contents(say, [anchor for anchor, part in parts.items() if part]),
        joined(parts.values(), "\n"), say("not_legal"), say("product"), model.identity,
    )  # fmt: skip


def _contents(say: Words, anchors: list[str]) -> Markup:
    links = joined(
        Markup('<li><a href="#{}">{}</a></li>').format(anchor, say(anchor.replace("-", "_"))) for anchor in anchors
    )
    return Markup('<nav aria-label="{}"><ul>{}</ul></nav>').format(say("contents"), links)

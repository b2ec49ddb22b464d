"""The page of a comparison: one self-contained file in the style of the report."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from audits.comparing.record import Comparison
from reports.comparing import ComparisonView, FigureRow, FindingRow, SideRow, by_saying, comparison_view, sentence
from reports.html.marks import badge, bullets, joined, phrase_in, section, table
from reports.html.page import document, readable
from reports.words import ENGLISH, Words


def render(found: Comparison, say: Words = ENGLISH) -> str:
    """The whole page; the same comparison gives the same bytes."""
    view = comparison_view(found, say)
    parts = (_findings(say, view), _figures(say, view), _inputs(say, view), _cannot(say, view))
    body = Markup("{}\n<main>{}</main>\n<footer><p>{}</p><p>{}</p></footer>").format(
        _masthead(say, view), joined(parts, "\n"), say("not_legal"), say("product")
    )
    return readable(document(say, view.title, "findings", body))


def _masthead(say: Words, view: ComparisonView) -> Markup:
    return Markup(
        '<header class="masthead"><p class="brand"><strong>{}</strong> <span>{}</span></p><h1>{}</h1>{}</header>'
    ).format(say("product"), say("site.changes.kind"), view.title, bullets(view.lead))


def _findings(say: Words, view: ComparisonView) -> Markup:
    cards = joined(_finding(say, row) for row in view.findings)
    note = Markup('<p class="remark">{}</p>').format(view.findings_note)
    return section("findings", say("compare.findings"), cards + note)


def _finding(say: Words, row: FindingRow) -> Markup:
    edge = row.after.verdict or "none"
    head = Markup('<div class="harm-line"><h3>{}</h3>{} → {}<span class="meaning">{}</span></div>').format(
        row.kind, _badge(say, row.before), _badge(say, row.after), row.title
    )
    under = joined(
        Markup('<p class="under">{} <code>{}</code></p>').format(phrase_in("span", rule), finding_id)
        for rule, finding_id in row.rules
    )
    sides = ((say("site.col.before"), row.before.told), (say("site.col.after"), row.after.told))
    facts = joined(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*side) for side in sides)
    told = (
        ("compare.decides", row.deciding), ("compare.differs_too", row.others),
        ("site.col.difference", (row.difference,) if row.difference else ()),
    )  # fmt: skip
    reasons = joined(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(say(key), _reasons(texts)) for key, texts in told if texts
    )
    return Markup('<div class="harm edge-{}">{}{}<dl class="facts">{}{}</dl></div>').format(
        edge, head, under, facts, reasons
    )


def _reasons(texts: Sequence[str]) -> str:
    """One reason as a sentence, several as a list."""
    return sentence(texts[0]) if len(texts) == 1 else bullets(texts)


def _badge(say: Words, side: SideRow) -> Markup:
    return badge(say, side.verdict)


def _figures(say: Words, view: ComparisonView) -> Markup:
    body = joined(_block(say, says, rows) for says, rows in by_saying(view.figures))
    if view.within:
        title = say("compare.within", count=len(view.within))
        told = joined(_block(say, says, rows) for says, rows in by_saying(view.within))
        body += Markup("<details><summary>{}</summary>{}</details>").format(title, told)
    body += joined(Markup('<p class="remark">{}</p>').format(note) for note in view.figures_note)
    return section("figures", say("compare.figures"), body)


def _block(say: Words, says: str, rows: Sequence[FigureRow]) -> Markup:
    """Figures of which the same is said, under that sentence."""
    headings = [say(f"site.col.{key}") for key in ("what", "before", "after", "difference")]
    made = table(says, headings, [(r.title, r.before, r.after, r.change) for r in rows], hidden=True)
    return Markup('<div class="block"><h3>{}</h3>{}</div>').format(sentence(says), made)


def _inputs(say: Words, view: ComparisonView) -> Markup:
    if not view.inputs:
        return section("inputs", say("compare.inputs"), Markup("<p>{}</p>").format(say("compare.inputs_none")))
    headings = [say(f"site.col.{key}") for key in ("what", "before", "after")]
    rows = [(row.what, _code(row.before), _code(row.after)) for row in view.inputs]
    return section("inputs", say("compare.inputs"), table(say("compare.inputs"), headings, rows, hidden=True))


def _code(value: str) -> Markup:
    return Markup("<code>{}</code>").format(value)


def _cannot(say: Words, view: ComparisonView) -> Markup:
    return section("cannot", say("compare.cannot"), bullets(view.cannot_say))

"""The page of a search for remedies, part by part: what was found first, then what was asked, tried and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from reports.charts import dots
from reports.charts.frontier import frontier_chart
from reports.html.marks import bullets, facts, joined, phrase_in, section, table
from reports.html.summary import in_languages
from reports.remedies_model import CandidateRow, ComparedRow, Key, RemediesModel
from reports.words import Words


def body(say: Words, model: RemediesModel, others: Mapping[str, str]) -> Markup:
    """Everything within the page's body."""
    parts = (
        found(say, model), _both(say, model), _terms(say, model), _frontier(say, model), _candidates(say, model),
        _why(say, model), _cautions(say, model),
        section("not-shown", say("remedy.not_shown"), bullets(model.not_shown)), _provenance(say, model),
    )  # fmt: skip
    return Markup("{}\n<main>{}</main>\n<footer><p>{}</p><p>{} · {}</p></footer>").format(
        _masthead(say, model, others), joined(parts, "\n"), say("remedy.not_legal"), say("product"), model.identity
    )


def _masthead(say: Words, model: RemediesModel, others: Mapping[str, str]) -> Markup:
    return Markup(
        '<header class="masthead"><p class="brand"><strong>{}</strong> <span>{}</span>'
        '<span class="identity">{}</span>{}</p>{}<p class="question">{}</p>{}</header>'
    ).format(
        say("product"), say("remedy.record"), model.identity, in_languages(others), phrase_in("h1", model.title),
        say("remedy.question"), facts(model.asked, "asked"),
    )  # fmt: skip


def found(say: Words, model: RemediesModel) -> Markup:
    """The outcome as badge and sentence, and the figure that matters."""
    badge = Markup(
        '<span class="badge {0}"><svg class="symbol" width="15" height="15" aria-hidden="true"><use href="#v-{0}"/>'
        "</svg>{1}</span>"
    ).format(model.badge, model.outcome)
    told = Markup('<p class="sentence">{}</p>').format(model.explanation)
    if model.key:
        told = Markup('<div class="headline"><div>{}</div><div>{}</div></div>').format(_key(model.key), told)
    line = Markup('<div class="harm-line">{}<h3>{}</h3><span class="meaning">{}</span></div>').format(
        badge, model.headline, model.meaning
    )
    return section("found", say("found"), Markup('<div class="harm edge-{}">{}{}</div>').format(
        model.badge, line, told
    ), "found")  # fmt: skip


def _key(key: Key) -> Markup:
    return Markup(
        '<p class="key"><span class="label">{}</span><strong>{}</strong><span class="sure">{}<span class="n">{}</span>'
        "</span></p>"
    ).format(key.label, key.figure, key.interval, key.denominators)


def _both(say: Words, model: RemediesModel) -> Markup:
    if not model.compared:
        none = Markup("<p>{}</p>").format(say("remedy.both_none"))
        return section("both", say("remedy.both"), none + _recorded(say, model))
    headings = [say(f"remedy.col.{name}") for name in ("figure", "today", "chosen", "difference", "bounds")]
    rows = table(say("remedy.both_caption"), headings, map(_compared, model.compared), "numbers")
    together = Markup('<p class="remark">{}</p>').format(model.together) if model.together else ""
    framed = Markup('<figure class="several"><figcaption>{}</figcaption>{}</figure>')
    drawn = joined(framed.format(one.title, dots(one, f"both-{i}")) for i, one in enumerate(model.pictures, 1))
    shown = Markup('<div class="pictures">{}</div>').format(drawn) if drawn else ""
    return section("both", say("remedy.both"), Markup("{}{}{}{}").format(shown, rows, _recorded(say, model), together))


def _recorded(say: Words, model: RemediesModel) -> Markup:
    """What the recorded decisions themselves were, where they were told."""
    if not model.recorded:
        return Markup("")
    headings = [say("col.group"), *(say(f"remedy.col.{name}") for name in ("estimate", "own_bounds", "counts"))]
    rows = table(say("remedy.recorded"), headings, model.recorded, "numbers")
    if not model.compared:
        return rows
    return Markup("<details><summary>{}</summary>{}</details>").format(say("remedy.recorded"), rows)


def _compared(row: ComparedRow) -> tuple[object, ...]:
    name = Markup('{} <span class="remark">{}</span>').format(row.name, row.rows)
    bounds = Markup('{} <span class="remark">{}</span>').format(row.bounds, row.reason) if row.reason else row.bounds
    return name, row.today, row.chosen, row.difference, bounds


def _terms(say: Words, model: RemediesModel) -> Markup:
    return section("terms", say("remedy.terms"), facts(model.terms, "facts ruled"))


def _frontier(say: Words, model: RemediesModel) -> Markup:
    if model.frontier is None:
        return Markup("")
    drawn = Markup('<figure class="several">{}</figure><p class="remark">{}</p>').format(
        frontier_chart(model.frontier, "frontier-c"), say("remedy.frontier_note")
    )
    return section("frontier", model.frontier.title, drawn)


def _candidates(say: Words, model: RemediesModel) -> Markup:
    if not model.near:
        body = Markup("<p>{}</p>").format(say("remedy.candidates_none"))
        return section("candidates", say("remedy.candidates"), body)
    body = Markup("<p>{}{}</p>").format(model.counted, say("full_stop")) if model.counted else Markup("")
    body += _listed(say, say("remedy.near_caption" if model.every else "remedy.every_caption"), model.near)
    if model.every:
        body += Markup("<details><summary>{}</summary>{}</details>").format(
            say("remedy.every", count=len(model.every)), _listed(say, say("remedy.every_caption"), model.every)
        )
    return section("candidates", say("remedy.candidates"), body)


def _listed(say: Words, caption: str, rows: tuple[CandidateRow, ...]) -> Markup:
    names = ("model", "kind", "performance", "ratio", "gain", "eligible")
    return table(caption, [say(f"remedy.col.{name}") for name in names], map(_candidate, rows), "candidates")


def _candidate(row: CandidateRow) -> tuple[object, ...]:
    marks = joined(Markup(' <span class="chip">{}</span>').format(mark) for mark in row.marks)
    named = Markup("{}{} <code>{}</code>").format(row.name, marks, row.id)
    outcomes = Markup('<br><span class="remark">{}</span>').format(row.outcomes) if row.outcomes else ""
    return named, row.kind, Markup("{}{}").format(row.performance, outcomes), row.ratio, row.gain, row.eligible


def _why(say: Words, model: RemediesModel) -> Markup:
    title = say("remedy.why" if model.chosen else "remedy.why_none")
    told = _bullets(model.reasons) or Markup("<p>{}</p>").format(model.explanation)
    return section("why", title, told + facts(model.chosen, "facts ruled"))


def _cautions(say: Words, model: RemediesModel) -> Markup:
    told = _bullets(model.cautions, "cautions")
    return section("cautions", say("cautions"), told) if told else told


def _bullets(items: Sequence[str], kind: str = "plain") -> Markup:
    """Sentences of the record as they stand: one may begin with a name of the data."""
    rows = joined(Markup("<li>{}</li>").format(item) for item in items)
    return Markup('<ul class="{}">{}</ul>').format(kind, rows) if items else Markup("")


def _provenance(say: Words, model: RemediesModel) -> Markup:
    groups = joined(
        Markup("<div><h3>{}</h3>{}</div>").format(group.title, facts(group.facts, "facts ruled"))
        for group in model.provenance
    )
    return section("provenance", say("provenance"), Markup('<div class="origins">{}</div>').format(groups))

"""What changed from one run to another: verdicts, figures, data, rules and policies, environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from markupsafe import Markup

from audits.record import Measurement, Rule
from reports.html.marks import bullets, joined, phrase_in, section
from reports.report_model import Phrase
from reports.rule_reading import limit_text
from reports.site import addresses
from reports.site.chart import change_of
from reports.site.history import History
from reports.site.layout import Head, Page, anchor, document, listing, row
from reports.site.run_summary import JudgedFigure, RunSummary, key_of
from reports.site.wording import (
    badge,
    figure_of,
    measure_of,
    period_in,
    plain_interval,
    rule_title,
    standing_in_law,
    title_of,
    who,
)
from reports.words import Words

K = TypeVar("K")
T = TypeVar("T")
_SHORT = 19  # "sha256:" and twelve digits


def comparison_pages(past: History) -> list[Page]:
    """Consecutive periods, and consecutive versions of one period."""
    made = []
    for run in past.newest:
        if earlier := past.before(run):
            made.append(_page(addresses.period_changes(run), earlier, run, past))
    for run in past.runs:
        if earlier := past.version_before(run):
            made.append(_page(addresses.version_changes(run), earlier, run, past))
    return made


def _page(name: str, before: RunSummary, after: RunSummary, past: History) -> Page:
    current = past.current
    stamp = f"{before.digests} {after.digests} {sorted(current.title.items())}"
    return Page(name, stamp, lambda say: _document(say, name, before, after, current))


def _document(say: Words, name: str, before: RunSummary, after: RunSummary, current: RunSummary) -> str:
    home = (title_of(say, current).text, addresses.program_page(after.program))
    names = {"before": run_name(say, before), "after": run_name(say, after)}
    head = Head(
        Phrase(say("site.changes.title", **names)), None, ((say("site.overview"), addresses.OVERVIEW), home),
        say("site.changes.kind"),
    )  # fmt: skip
    links = joined(anchor(say, name, addresses.run_page(run), say("site.report_of", period=run_name(say, run)))
                    for run in (before, after))  # fmt: skip
    parts = [
        Markup('<p class="links">{}</p>').format(links), _verdicts(say, name, before, after),
        _figures(say, before, after), _rules(say, before, after), _data(say, before, after),
        _environment(say, before, after),
    ]  # fmt: skip
    return document(say, name, head, parts)


def run_name(say: Words, run: RunSummary) -> str:
    """Period and version."""
    return say("site.run_name", period=period_in(say, run.period), version=run.version)


def _verdicts(say: Words, start: str, before: RunSummary, after: RunSummary) -> Markup:
    """Findings whose verdict differs, that are new, or that are gone; the others are counted."""
    pairs = paired({f.finding_id: f for f in before.findings}, {f.finding_id: f for f in after.findings})
    changed = [(a, b) for a, b in pairs if (a and a.verdict) != (b and b.verdict)]
    same = len(pairs) - len(changed)
    headings = [say(f"site.col.{key}") for key in ("finding", "rule", "before", "after")]
    rows = [_verdict(say, start, before, after, pair, headings) for pair in changed]
    table = listing(say("site.changes.verdicts"), headings, rows) if rows else Markup("")
    told = say("site.changes.same_verdicts", count=same) if rows else say("site.changes.no_verdict", count=same)
    body = table + Markup('<p class="remark">{}</p>').format(told) if pairs else _note(say("site.changes.no_findings"))
    return section("verdicts", say("site.changes.verdicts"), body)


def _verdict(
    say: Words, start: str, before: RunSummary, after: RunSummary,
    pair: tuple[JudgedFigure | None, JudgedFigure | None], headings: Sequence[str],
) -> Markup:  # fmt: skip
    old, new = pair
    run, finding = (after, new) if new else (before, old)
    assert finding is not None  # noqa: S101 - one of the two is there
    m, rule = run.figures[finding.figure], run.rules[finding.rule]
    what = say("measure_of", measure=measure_of(say, m), who=who(say, m))
    page = addresses.finding_page(run.program, finding.finding_id)
    cells = [anchor(say, start, page, what), phrase_in("span", rule_title(say, rule))]
    cells += [badge(say, f.verdict) if f else _dim(say("site.changes.absent")) for f in (old, new)]
    return row(headings, cells)


def _figures(say: Words, before: RunSummary, after: RunSummary) -> Markup:
    """Every figure of both runs that differs."""
    pairs = paired({key_of(m): m for m in before.figures}, {key_of(m): m for m in after.figures})
    changed = [(a, b) for a, b in pairs if _value(a) != _value(b)]
    headings = [say(f"site.col.{key}") for key in ("what", "before", "after", "difference")]
    rows = [_figure(say, a, b, headings) for a, b in changed]
    same = len(pairs) - len(changed)
    body = listing(say("site.changes.figures"), headings, rows) if rows else Markup("")
    body += _note(say("site.changes.same_figures", count=same)) if same or not rows else Markup("")
    body += _note(say("site.changes.caution")) if rows else Markup("")
    return section("figures", say("site.changes.figures"), body)


def _value(m: Measurement | None) -> tuple[object, ...] | None:
    return (m.estimate, m.low, m.high, m.n) if m else None


def _figure(say: Words, before: Measurement | None, after: Measurement | None, headings: Sequence[str]) -> Markup:
    m = after or before
    assert m is not None  # noqa: S101 - one of the two is there
    what = Markup('{} <span class="who">{}</span>').format(measure_of(say, m), who(say, m))
    old, new = before.estimate if before else None, after.estimate if after else None
    change = "" if old is None or new is None else change_of(old, new, m.measure)
    return row(headings, (what, _told(say, before), _told(say, after), change))


def _told(say: Words, m: Measurement | None) -> Markup:
    if m is None:
        return _dim(say("site.changes.absent_figure"))
    if m.estimate is None:
        return _dim(say.sentence(m.reason) if m.reason else say("no_figure"))
    return Markup('<b>{}</b><br><span class="remark">{}{}{}</span>').format(
        figure_of(say, m), plain_interval(say, m), say("join.clauses"), say("site.n", count=m.n)
    )


def _rules(say: Words, before: RunSummary, after: RunSummary) -> Markup:
    told = [
        say(f"site.changes.pack_{how}", pack=name)
        for name, how in _differences({n: p.digest for n, p in before.policies.items()},
                                      {n: p.digest for n, p in after.policies.items()})
    ]  # fmt: skip
    told += [_rule_told(say, before.rules.get(name), after.rules.get(name), how)
             for name, how in _differences(_terms(before), _terms(after))]  # fmt: skip
    return section("rules", say("site.changes.rules"), bullets(told) or _note(say("site.changes.no_rule")))


def _terms(run: RunSummary) -> dict[str, tuple[object, ...]]:
    """What of a rule decides a verdict."""
    return {
        name: (r.limit, r.comparison, r.test, r.status, r.limit_source, r.effective_from, r.effective_to, r.verified)
        for name, r in run.rules.items()
    }


def _rule_told(say: Words, before: Rule | None, after: Rule | None, how: str) -> str:
    rule = after or before
    assert rule is not None  # noqa: S101 - one of the two is there
    title = rule_title(say, rule).text
    if before and after:
        old, new = (say("join.clauses").join((limit_text(say, r), standing_in_law(say, r))) for r in (before, after))
        return say("site.changes.rule_changed", rule=title, old=old, new=new)
    return say(f"site.changes.rule_{how}", rule=title)


def _data(say: Words, before: RunSummary, after: RunSummary) -> Markup:
    days = [say("site.days", first=say.date(r.first_day), last=say.date(r.last_day)) if r.first_day and r.last_day
            else say("dates_none") for r in (before, after)]  # fmt: skip
    rows = [
        ("site.data.fingerprint", _code(before.fingerprint), _code(after.fingerprint)),
        ("site.data.rows", f"{before.rows:,}", f"{after.rows:,}"),
        ("site.data.days", *days),
        ("site.data.fit", *(say("site.fit.yes" if r.fit else "site.fit.no") for r in (before, after))),
        ("site.data.model", *(_model(say, r) for r in (before, after))),
        ("site.data.program", _code(before.program_digest), _code(after.program_digest)),
        ("site.data.errors", *(str(len(r.errors)) for r in (before, after))),
        ("site.data.unanswered", *(str(len(r.not_answered)) for r in (before, after))),
    ]
    return section("data", say("site.changes.data"), _sides(say, "site.changes.data", rows))


def _model(say: Words, run: RunSummary) -> str:
    return " ".join(filter(None, (run.model, run.model_version))) or say("site.no_model")


def _environment(say: Words, before: RunSummary, after: RunSummary) -> Markup:
    names = [name for name, _ in _differences(before.environment, after.environment)]
    if not names:
        return section("environment", say("site.changes.environment"), _note(say("site.changes.same_environment")))
    rows = [(name, *(_code(r.environment.get(name, "")) for r in (before, after))) for name in names]
    return section("environment", say("site.changes.environment"), _sides(say, "site.changes.environment", rows))


def _sides(say: Words, caption: str, rows: Iterable[Sequence[Any]]) -> Markup:
    """Before and after, with a word on whether they differ."""
    headings = [say(f"site.col.{key}") for key in ("what", "before", "after", "same")]
    made = [
        row(headings, (say(name) if say.has(name) else name, old, new,
                       say("site.same") if old == new else Markup("<b>{}</b>").format(say("site.other"))))
        for name, old, new in rows
    ]  # fmt: skip
    return listing(say(caption), headings, made)


def _code(digest: str) -> Markup:
    return Markup("<code>{}</code>").format(digest[:_SHORT] + "…" if len(digest) > _SHORT + 8 else digest)


def _dim(text: str) -> Markup:
    return Markup('<span class="remark">{}</span>').format(text)


def _note(text: str) -> Markup:
    return Markup('<p class="remark">{}</p>').format(text)


def paired(before: Mapping[K, T], after: Mapping[K, T]) -> list[tuple[T | None, T | None]]:
    """Both sides of every key, in the order of the later run."""
    return [(before.get(key), after.get(key)) for key in dict.fromkeys((*after, *before))]


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[tuple[str, str]]:
    """Names whose value was added, removed or changed."""
    return [
        (name, "added" if name not in before else "removed" if name not in after else "changed")
        for name in sorted({*before, *after}) if before.get(name) != after.get(name)
    ]  # fmt: skip

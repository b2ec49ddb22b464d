"""What a program gives to the lists of the whole site: open findings, findings by facet, runs by period, silences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from markupsafe import Markup, escape

from audits.releases.life import OPEN_STATES
from reports.html.marks import joined, phrase_in, woven
from reports.html.page import readable
from reports.rule_reading import strength
from reports.site import addresses
from reports.site.finding_rows import (
    figure_cell,
    listed_as,
    newest,
    rank,
    rule_cell,
    since_cell,
    together,
    verdict_cell,
)
from reports.site.history import History, Life, place_in_time
from reports.site.layout import anchor, row
from reports.site.program_page import Broken
from reports.site.run_summary import RunSummary
from reports.site.state import Facets, Label, Line
from reports.site.wording import (
    badge,
    is_short,
    is_silent,
    period_in,
    released_of,
    rule_title,
    silences,
    title_of,
    why_unreadable,
)
from reports.words import LANGUAGES, Words, language

FINDINGS = ("verdict", "program", "figure", "rule", "since")
RUNS = ("verdict", "program", "run", "rows", "silent")
PROGRAMS = ("program", "verdict", "newest", "harms", "model")
BREACHED = ("model", "program", "breaches", "since", "owner", "released")
SILENT = ("program", "run", "verdict", "silent")
UNREADABLE = ("folder", "why")
ALL, OPEN, UNSETTLED, SILENCE, BROKEN, NEWEST = "programs", "open", "unsettled", "silent", "unreadable", "newest"
BREACHES, DECIDED = "breaches", "decided"


def kind_of(columns: Sequence[str]) -> str:
    """The class of a table with these columns."""
    if columns is BREACHED:
        return "findings breached"
    return "findings five" if columns is FINDINGS else "findings programs" if columns is PROGRAMS else "findings"


def lines_of(past: History, found: Mapping[str, Life], broken: Broken) -> Iterator[Line]:
    """All lines of a program."""
    yield from _findings(past, found)
    yield from _open(past, found)
    yield from _breaches(past, found)
    yield from _runs(past)
    yield from _program(past)
    yield from broken_lines(broken)


def broken_lines(broken: Broken) -> Iterator[Line]:
    """Folders that cannot be read."""
    for folder, problem in broken:
        yield _line(f"broken {folder}", [((BROKEN, ""),)], folder, UNREADABLE, lambda say, f=folder, p=problem: (  # type: ignore[misc]
            Markup("<code>{}</code>").format(f), why_unreadable(say, p)
        ))  # fmt: skip


def _line(
    key: str, lists: Sequence[Facets], sort: str, columns: Sequence[str],
    cells: Callable[[Words], Sequence[object]], kind: str = "", named: int = 0,
) -> Line:  # fmt: skip
    html = {}
    for lang in LANGUAGES:
        say = language(lang)
        headings = [say(f"site.col.{column}") for column in columns]
        html[lang] = readable(row(headings, cells(say), kind, named))
    return Line(key, tuple(lists), sort, html)


def _findings(past: History, found: Mapping[str, Life]) -> Iterator[Line]:
    """The findings of the current run, each in the list of every facet and of every pair that is of use.

    Those that earlier runs had stand under their state alone.
    """
    run = past.current
    model = (("model", run.model),) if run.model else ()
    for finding in run.findings:
        life, rule = found[finding.finding_id], run.rules[finding.rule]
        now = newest(life)
        harm, of_rule = ("harm", finding.harm), ("rule", rule.id)
        lists: list[Facets] = [(harm,), (of_rule,)]
        lists += [pair for one in model for pair in ((one,), (harm, one))]
        for said in dict.fromkeys((finding.verdict, now or finding.verdict)):  # what the run says, and what it comes to
            verdict = ("verdict", said)
            lists += [(verdict,), (verdict, harm), (verdict, of_rule), *((verdict, one) for one in model)]
        lists += [(("state", life.standing),)] if life.standing else []
        sort = f"{rank(now)} {strength(rule)} {run.program} {finding.finding_id}"
        yield _line(finding.finding_id, lists, sort, FINDINGS,
                    lambda say, life=life: _finding(say, past, [life]), f"edge-{now or 'none'}", 1)  # type: ignore[misc]  # fmt: skip
    for life in found.values():
        if life.standing and life.moments[-1].finding is None and (listed_as(life) or life.standing != "unsettled"):
            now = newest(life)
            sort = f"{rank(now)} {strength(life.last[3])} {run.program} {life.finding_id}"
            yield _line(life.finding_id, [(("state", life.standing),)], sort, FINDINGS,
                        lambda say, life=life: _finding(say, past, [life]), f"edge-{now or 'none'}", 1)  # type: ignore[misc]  # fmt: skip


def _finding(say: Words, past: History, same: Sequence[Life]) -> Sequence[object]:
    """A figure with the rules that judge it alike."""
    run = same[0].last[0]
    program = Markup('{}<br><span class="remark">{}</span>').format(
        _program_link(say, past), anchor(say, addresses.OVERVIEW, addresses.run_page(run), period_in(say, run.period))
    )
    start = addresses.OVERVIEW
    return (
        verdict_cell(say, same), program, figure_cell(say, start, same), rule_cell(say, start, same),
        since_cell(say, same),
    )  # fmt: skip


def _open(past: History, found: Mapping[str, Life]) -> Iterator[Line]:
    """Findings that are open, not settled, or decided; law before convention, the longest open first."""
    for same in together(life for life in found.values() if listed_as(life)):
        verdict, opened = newest(same[0]), min(place_in_time(life.opened) for life in same if life.opened)
        sort = f"{rank(verdict)} {strength(same[0].last[3])} {opened} {past.current.program} {same[0].finding_id}"
        yield _line(f"open {same[0].finding_id}", [((str(listed_as(same[0])), ""),)], sort, FINDINGS,
                    lambda say, same=same: _finding(say, past, same), f"edge-{verdict or 'none'}", 1)  # type: ignore[misc]  # fmt: skip


def _breaches(past: History, found: Mapping[str, Life]) -> Iterator[Line]:
    """The model of a program with an open breach."""
    opened = [life for life in found.values() if life.standing in OPEN_STATES and life.course.flagged == "breach"]
    if not opened:
        return
    first = min((life.opened for life in opened if life.opened), key=place_in_time)
    sort = f"{place_in_time(first)} {past.current.program}"
    yield _line("breaches", [((BREACHES, ""),)], sort, BREACHED,
                lambda say: _breached(say, past, first, len(opened)), "edge-breach", 0)  # fmt: skip


def _breached(say: Words, past: History, first: RunSummary, count: int) -> Sequence[object]:
    run = past.current
    model = " ".join(filter(None, (run.model, run.model_version))) or say("site.no_model")
    since = woven(say, "site.state.open", opened=escape(period_in(say, first.period)))
    program = _program_link(say, past)
    if run.stage:
        program += Markup('<br><span class="remark">{}</span>').format(run.stage)
    return (
        model, program, say("site.findings", count=count), since, run.owner or say("site.no_owner"),
        released_of(say, run),
    )  # fmt: skip


def _runs(past: History) -> Iterator[Line]:
    """The newest run of every period; those that left something unsaid are also told of where they are current."""
    for run in past.newest:
        sort = f"{rank(run.worst)} {run.program}"
        yield _line(f"run {run.period}", [(("period", run.period),)], sort, RUNS,
                    lambda say, run=run: _run(say, past, run), f"edge-{run.worst or 'none'}", 1)  # type: ignore[misc]  # fmt: skip
        yield _line(f"newest {run.period}", [((NEWEST, ""),)], f"{_latest_first(run)} {sort}", RUNS,
                    lambda say, run=run: _run(say, past, run), f"edge-{run.worst or 'none'}", 1)  # type: ignore[misc]  # fmt: skip
    run = past.current
    if is_silent(run):
        sort = f"{rank(run.worst)} {run.program}"
        yield _line("silent", [((SILENCE, ""),)], sort, SILENT, lambda say: _silent(say, past, run))


def _latest_first(run: RunSummary) -> str:
    """The run's place in time with its digits turned, so that the newest sorts first; without a date it comes last."""
    last, first, _ = place_in_time(run)
    return f"{last or '0'} {first or '0'}".translate(str.maketrans("0123456789", "9876543210"))


def _program_link(say: Words, past: History) -> Markup:
    title = phrase_in("span", title_of(say, past.current))
    return anchor(say, addresses.OVERVIEW, addresses.program_page(past.current.program), title)


def _run_link(say: Words, run: RunSummary) -> Markup:
    text = say("site.run_name", period=period_in(say, run.period), version=run.version)
    kind = "unbroken" if is_short(run) else ""
    return anchor(say, addresses.OVERVIEW, addresses.run_page(run), text, kind)


def _told(texts: Sequence[str]) -> Markup:
    return Markup("<br>").join(texts)


def _run(say: Words, past: History, run: RunSummary) -> Sequence[object]:
    told = _told(silences(say, run)) or say("site.silent.none")
    return badge(say, run.worst), _program_link(say, past), _run_link(say, run), f"{run.rows:,}", told


def _silent(say: Words, past: History, run: RunSummary) -> Sequence[object]:
    return _program_link(say, past), _run_link(say, run), badge(say, run.worst), _told(silences(say, run))


def _program(past: History) -> Iterator[Line]:
    run = past.current
    lists: list[Facets] = [((ALL, ""),), (("worst", run.worst or "none"),)]
    yield _line("program", lists, run.program, PROGRAMS, lambda say: _in_short(say, past, run))


def _in_short(say: Words, past: History, run: RunSummary) -> Sequence[object]:
    harms = joined(
        Markup('<span class="of-harm">{} <span class="remark">{}</span></span>').format(
            badge(say, verdict), say.named("harm", harm)
        )
        for harm, verdict in run.harms.items()
    )  # fmt: skip
    model = " ".join(filter(None, (run.model, run.model_version))) or say("site.no_model")
    return _program_link(say, past), badge(say, run.worst), _run_link(say, run), harms, model


def labels_of(past: History, found: Mapping[str, Life]) -> Iterator[Label]:
    """The names of the facets that the program's lines stand under."""
    run = past.current
    now = [one for one in (found[finding.finding_id].now for finding in run.findings) if one]
    for kind, names in (
        ("state", {life.standing for life in found.values() if life.standing}),
        ("verdict", {one.verdict for one in (*run.findings, *now)}), ("harm", {one.harm for one in run.findings}),
        ("rule", {one.rule for one in run.findings}), ("model", {run.model} if run.model else set()),
        ("period", {other.period for other in past.newest}), ("worst", {run.worst or "none"}),
    ):  # fmt: skip
        for name in sorted(names):
            yield Label(kind, name, {lang: _label(language(lang), run, kind, name) for lang in LANGUAGES})


def _label(say: Words, run: RunSummary, kind: str, name: str) -> str:
    if kind == "rule":
        return readable(phrase_in("span", rule_title(say, run.rules[name])))
    if kind in ("verdict", "worst"):
        return readable(badge(say, None if name == "none" else name))  # type: ignore[arg-type]
    if kind == "state":
        return readable(escape(say(f"site.standing.{name}")))
    text = say.named("harm", name) if kind == "harm" else period_in(say, name) if kind == "period" else name
    return readable(escape(text))

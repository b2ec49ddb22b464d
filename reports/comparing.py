"""A comparison of two runs in words: what its text and its page say, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audits.comparing.record import ComparedRun, Comparison, FigureChange, FindingChange, InputChange
from audits.policies.wording import is_counted
from audits.record import Finding, Measurement, Verdict
from checks.sentence import Sentence
from reports.comparisons import who
from reports.figures import Unit, count, figure, figure_of, number, percent, span, unit_of
from reports.report_model import Phrase
from reports.rule_reading import limit_text, phrase
from reports.words import Words

_SHORT = 19  # "sha256:" and twelve digits
_LONGEST = 160
_CHANGE_UNITS: dict[Unit, Unit] = {
    "percent": "points", "percent a year": "rate points", "percent a day": "rate points",
    "percent a deviation": "rate points", "model scale": "rate points",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InputRow:
    """A place of the inputs with both values."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SideRow:
    """One side of a finding or figure: the verdict, the figure with its interval, the limit."""

    verdict: Verdict | None
    told: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding that changed, with every rule of which the same is to be said, by title and finding id.

    ``deciding`` are the reasons that turn the verdict, ``others`` what differs too; ``difference`` says whether chance
    explains how far the figure moved.
    """

    kind: str
    fails: bool
    title: str
    rules: tuple[tuple[Phrase, str], ...]
    before: SideRow
    after: SideRow
    deciding: tuple[str, ...]
    others: tuple[str, ...]
    difference: str


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure on both sides, the difference and what it says."""

    kind: str
    title: str
    before: str
    after: str
    change: str
    says: str


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Everything that is said of a comparison, in order."""

    lang: str
    title: str
    lead: tuple[str, ...]
    inputs: tuple[InputRow, ...]
    findings: tuple[FindingRow, ...]
    findings_note: str
    figures: tuple[FigureRow, ...]
    within: tuple[FigureRow, ...]
    figures_note: tuple[str, ...]
    cannot_say: tuple[str, ...]


def comparison_view(found: Comparison, say: Words) -> ComparisonView:
    """A comparison in the words of a language."""
    told = [(one.kind, _figure_row(say, one)) for one in found.figures]
    rows = [(kind, row) for kind, row in told if kind == "beyond_chance" or row.before != row.after]
    return ComparisonView(
        lang=say.lang,
        title=_title(say, found),
        lead=tuple(_lead(say, found)),
        inputs=tuple(_input_row(say, one) for one in found.inputs),
        findings=_together([_finding_row(say, one) for one in found.findings]),
        findings_note=say("compare.same_findings", count=found.same_findings, open=found.still_open),
        figures=tuple(row for kind, row in rows if kind != "within_chance"),
        within=tuple(row for kind, row in rows if kind == "within_chance"),
        figures_note=tuple(_figures_note(say, found, len(told) - len(rows))),
        cannot_say=tuple(say.sentence(one) for one in found.cannot_say),
    )


def _title(say: Words, found: Comparison) -> str:
    one, two = _names(say, found)
    if found.before.program == found.after.program:
        return say("compare.title", program=_program(say, found.after), before=one, after=two)
    names = {key: say("measure_of", measure=_program(say, run), who=name)
             for key, run, name in (("before", found.before, one), ("after", found.after, two))}  # fmt: skip
    return say("site.changes.title", **names)


def _program(say: Words, run: ComparedRun) -> str:
    return phrase(say, run.title, run.program).text


def _names(say: Words, found: Comparison) -> tuple[str, str]:
    """Both runs by period and version, a whole one by its days; with their digests where these are the same."""
    runs = found.before, found.after
    one, two = (_run(say, run) for run in runs)
    if one == two and found.before.program == found.after.program:
        for digests in ([run.run_digest for run in runs], [run.judgement_digest for run in runs]):
            if digests[0] != digests[1]:
                one, two = (say("measure_of", measure=one, who=_value(say, digest)) for digest in digests)
                break
    return one, two


def _run(say: Words, run: ComparedRun) -> str:
    period = run.period
    if period == "all":
        days = run.first_day and run.last_day
        period = say("site.days", first=run.first_day, last=run.last_day) if days else say("period_whole")
    return say("site.run_name", period=period, version=run.version)


def _lead(say: Words, found: Comparison) -> Iterator[str]:
    """What a reader must know first."""
    yield say.sentence(found.relation)
    worse = sum(one.fails for one in found.findings)
    yield say("compare.worse", count=worse) if worse else say("compare.nothing_worse")
    if found.family:
        yield say("compare.moved", selected=found.selected, family=found.family)
    elif found.rows == "independent":
        yield say("compare.no_pairs")
    else:
        yield say("compare.no_family", reason=say.sentence(found.rows_reason))


def _figures_note(say: Words, found: Comparison, unseen: int) -> Iterator[str]:
    if found.family:
        yield say("compare.family", family=found.family, rate=percent(found.rate), level=percent(1 - found.rate))
    if unseen:
        yield say("compare.unseen_figures", count=unseen)
    yield say("compare.same_figures", count=found.same_figures)


def _input_row(say: Words, one: InputChange) -> InputRow:
    key = f"compare.place.{one.kind}.{one.place}"
    place = say(key) if say.has(key) else one.place
    what = say("labelled", label=say(f"compare.input.{one.kind}"), value=place)
    before, after = (_value(say, value) for value in (one.before, one.after))
    return InputRow(what, before, after)


def _value(say: Words, value: str | None) -> str:
    if value is None:
        return say("compare.not_there")
    if isinstance(value, Sentence):
        return say.sentence(value)
    if value.isdigit() and len(value) > 3:
        return count(int(value))
    if value.startswith("sha256:"):
        return value[:_SHORT] + "…" if len(value) > _SHORT else value
    return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"


def _finding_row(say: Words, one: FindingChange) -> FindingRow:
    either = one.after or one.before
    assert either is not None  # noqa: S101 - one of the two is there
    m = either.measurement
    reason = say.sentence(one.reason) if one.reason else ""
    told = [say.sentence(cause.explanation) for cause in one.causes if cause.decisive]
    return FindingRow(
        kind=say(f"compare.kind.{one.kind}"),
        fails=one.fails,
        title=say("measure_of", measure=say.named("measure", m.measure), who=who(say, m)),
        rules=((phrase(say, either.rule.title, either.rule.id), either.finding_id),),
        before=_side(say, one.before, reason),
        after=_side(say, one.after, reason),
        deciding=tuple(told),
        others=tuple(say.sentence(cause.explanation) for cause in one.causes if not cause.decisive),
        difference=say.sentence(one.difference) if one.difference else "",
    )


def _together(rows: Sequence[FindingRow]) -> tuple[FindingRow, ...]:
    """Rows that differ in the rule alone become one, at the place of the first."""
    found: dict[FindingRow, list[tuple[Phrase, str]]] = {}
    for row in rows:
        found.setdefault(replace(row, rules=()), []).extend(row.rules)
    return tuple(replace(row, rules=tuple(rules)) for row, rules in found.items())


def _side(say: Words, f: Finding | None, reason: str) -> SideRow:
    if f is None:
        return SideRow(None, say("compare.absent", reason=reason))
    m = f.measurement
    limit = limit_text(say, f.rule, m.unit)
    if m.estimate is None:
        told = say.sentence(m.reason) if m.reason else say("missing_unknown")
        return SideRow(f.verdict, say("compare.none_side", reason=told, limit=limit))
    judged = m if f.level is None else replace(m, low=f.low, high=f.high, level=f.level)
    return SideRow(f.verdict, say("compare.side", figure=_figure(say, judged, f.rule.limit), limit=limit))


def _figure(say: Words, m: Measurement, *limits: float) -> str:
    """The figure with its interval and its rows."""
    value = figure_of(say, m, m.estimate or 0.0, limits)
    sure = say("interval_counted") if is_counted(m) else _sure(say, m, limits)
    return say("compare.figure", figure=value, interval=sure, n=m.n)


def _sure(say: Words, m: Measurement, limits: Sequence[float]) -> str:
    return say("site.interval", level=percent(m.level), interval=span(say, m, limits))


def _figure_row(say: Words, one: FigureChange) -> FigureRow:
    either = one.after or one.before
    assert either is not None  # noqa: S101 - one of the two is there
    return FigureRow(
        kind=one.kind,
        title=say("measure_of", measure=say.named("measure", either.measure), who=who(say, either)),
        before=_told(say, one.before),
        after=_told(say, one.after),
        change=_change(say, one, either),
        says=say("compare.rows_alone") if _rows_alone(say, one) else say.sentence(one.explanation),
    )


def _rows_alone(say: Words, one: FigureChange) -> bool:
    """Whether both sides read alike but for the number of rows behind them."""
    a, b = one.before, one.after
    if a is None or b is None or a.estimate is None or b.estimate is None:
        return False
    return a.n != b.n and _figure(say, replace(a, n=b.n)) == _figure(say, b)


def _told(say: Words, m: Measurement | None) -> str:
    if m is None:
        return say("compare.not_there")
    if m.estimate is None:
        return say("no_figure")
    return _figure(say, m)


def _change(say: Words, one: FigureChange, m: Measurement) -> str:
    """The difference with its interval, or that there is none."""
    if one.change is None:
        return say("compare.no_difference")
    change = _difference(say, one, m, one.change)
    if one.level is None:
        return change
    low, high = (None if bound is None else _difference(say, one, m, bound) for bound in (one.low, one.high))
    if low is None and high is None:
        interval = say("unbounded")
    elif low is None or high is None:
        interval = say("or_less", high=high) if low is None else say("or_more", low=low)
    else:
        bare = unit_of(m.measure) != "money" and one.low is not None
        interval = say("between", low=_bare(one, m, one.low or 0.0) if bare else low, high=high)
    told = say("site.interval", level=percent(one.level), interval=interval)
    return say("compare.change", change=change, interval=told)


def _difference(say: Words, one: FigureChange, m: Measurement, value: float) -> str:
    """A difference with its sign in the unit of a difference, or a ratio as so many times."""
    if one.scale == "ratio":
        return say("compare.times", number=number(value, "ratio"))
    unit = _CHANGE_UNITS.get(unit_of(m.measure), unit_of(m.measure))
    text, signless = figure(say, value, unit, (), m.unit), number(value, unit)
    return text.replace(signless, _with_sign(signless), 1)


def _bare(one: FigureChange, m: Measurement, value: float) -> str:
    """A difference with its sign, without the unit."""
    unit = _CHANGE_UNITS.get(unit_of(m.measure), unit_of(m.measure))
    text = number(value, "ratio" if one.scale == "ratio" else unit)
    return text if one.scale == "ratio" else _with_sign(text)


def _with_sign(text: str) -> str:
    return text if text.startswith("−") or not text.strip("0.,") else f"+{text}"


def by_saying(rows: Sequence[FigureRow]) -> list[tuple[str, list[FigureRow]]]:
    """Figures of which the same is said, together, in the order of the first."""
    found: dict[str, list[FigureRow]] = {}
    for row in rows:
        found.setdefault(row.says, []).append(row)
    return list(found.items())


def sentence(text: str) -> str:
    """The text with a capital."""
    return text[:1].upper() + text[1:]

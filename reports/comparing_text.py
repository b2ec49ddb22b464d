"""A comparison of two runs as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audits.comparing.record import Comparison
from reports.comparing import FigureRow, FindingRow, by_saying, comparison_view, sentence
from reports.words import Words

_MOST = 20  # rows of a kind that a terminal shows; the page and the record hold all


def lines(found: Comparison, say: Words) -> Iterator[str]:
    """The comparison as text for a terminal."""
    view = comparison_view(found, say)
    yield view.title
    yield from (f"  {sentence(line)}" for line in view.lead)
    yield from _section(say("compare.findings"))
    for row in view.findings:
        yield from _finding_lines(say, row)
    yield f"  {view.findings_note}"
    yield from _section(say("compare.figures"))
    for says, rows in by_saying(view.figures):
        heading = say("compare.heading", title=sentence(says))
        yield f"  {heading}"
        yield from _figure_lines(say, rows)
    if view.within:
        yield f"  {say('compare.within', count=len(view.within))}"
    yield from (f"  {line}" for line in view.figures_note)
    yield from _section(say("compare.inputs"))
    for one in view.inputs[:_MOST]:
        yield f"  {say('labelled', label=one.what, value=f'{one.before} → {one.after}')}"
    yield from _more(say, len(view.inputs))
    if not view.inputs:
        yield f"  {say('compare.inputs_none')}"
    yield from _section(say("compare.cannot"))
    yield from (f"  - {line}" for line in view.cannot_say)


def _figure_lines(say: Words, rows: Sequence[FigureRow]) -> Iterator[str]:
    """Figures of which the same is said."""
    for row in rows[:_MOST]:
        yield f"    {row.title}"
        yield f"        {row.before} → {row.after}"
        yield f"        {say('labelled', label=say('site.col.difference'), value=row.change)}"
    yield from _more(say, len(rows))


def _more(say: Words, many: int) -> Iterator[str]:
    if many > _MOST:
        more = say("compare.more", count=many - _MOST)
        yield f"    {more}"


def _section(title: str) -> Iterator[str]:
    yield ""
    yield title


def _finding_lines(say: Words, row: FindingRow) -> Iterator[str]:
    verdicts = " → ".join(say(f"verdict.{side.verdict or 'none'}") for side in (row.before, row.after))
    yield f"  {row.kind.upper()}  {verdicts}  {row.title}"
    for rule, finding_id in row.rules:
        yield f"      {say('labelled', label=say('site.col.rule'), value=rule.text)} [{finding_id}]"
    yield f"      {say('labelled', label=say('site.col.before'), value=row.before.told)}"
    yield f"      {say('labelled', label=say('site.col.after'), value=row.after.told)}"
    for key, told in (("compare.decides", row.deciding), ("compare.differs_too", row.others)):
        yield from (f"      {say('labelled', label=say(key), value=text)}" for text in told)
    if row.difference:
        yield f"      {say('labelled', label=say('site.col.difference'), value=row.difference)}"

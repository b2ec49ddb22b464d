"""Rates along a scale that lie behind one figure, below one another: by quarter, by age, by tenth of a rank. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.comparisons import Judged
from reports.figures import axis_of, figure_of, number, short, unit_of
from reports.pictures import DotRow, DotsPicture
from reports.rule_reading import limit_line
from reports.words import Words

_BY_QUARTER, _BY_AGE, _BY_TENTH = ("overstretched_share",), "elderly_points_lost", "access_concentration_index"


def along_points(say: Words, members: Sequence[Judged]) -> Iterator[DotsPicture]:
    """All of them in a block."""
    yield from _quarters(say, members)
    yield from _ages(say, members)
    yield from _tenths(say, members)


def _quarters(say: Words, members: Sequence[Judged]) -> Iterator[DotsPicture]:
    """A share of all rows by quarter, the earliest at the top."""
    for judged in members:
        m = judged.measurement
        if m.measure in _BY_QUARTER and m.group is None and len(m.points) > 1:
            unit = unit_of(m.measure)
            lines = tuple(dict.fromkeys(limit_line(say, finding.rule) for finding in judged.findings))
            rows = tuple(
                DotRow(_quarter(say, p.x), short(p.rate, unit, judged.limits), p.rate, p.low, p.high, "", ())
                for p in m.points
            )
            told = " ".join(
                say("chart.quarter_desc", quarter=_quarter(say, p.x), rate=figure_of(say, m, p.rate, judged.limits),
                    low=figure_of(say, m, p.low), high=figure_of(say, m, p.high), size=f"{p.n:,}")
                for p in m.points
            )  # fmt: skip
            title = say("chart.quarters", measure=say.named("measure", m.measure))
            yield DotsPicture(title, told, unit, axis_of(say, m), rows, lines, None, "")


def _quarter(say: Words, year: float) -> str:
    """A quarter by the year in which it begins: 2025.75 is the fourth of 2025."""
    return say("chart.quarter", year=str(int(year)), quarter=str(round(year % 1 * 4) + 1))


def _ages(say: Words, members: Sequence[Judged]) -> Iterator[DotsPicture]:
    """Points of a score by the age at which a band begins, the youngest at the top."""
    for judged in members:
        m = judged.measurement
        if m.measure == _BY_AGE and len(m.points) > 1:
            rows = tuple(
                DotRow(say("chart.from_age", age=f"{p.x:g}"), number(p.rate, unit_of(m.measure)), p.rate, p.low, p.high)
                for p in sorted(m.points, key=lambda p: p.x)
            )  # fmt: skip
            told = " ".join(say("labelled", label=row.label, value=row.text) + say("full_stop") for row in rows)
            title = say("chart.points_by_age")
            yield DotsPicture(title, told, unit_of(m.measure), axis_of(say, m), rows, (), None, "")


def _tenths(say: Words, members: Sequence[Judged]) -> Iterator[DotsPicture]:
    """Access by tenth of the rank, the lowest at the top."""
    for judged in members:
        m = judged.measurement
        if m.measure == _BY_TENTH and len(m.points) > 1:
            rows = tuple(
                DotRow(say("chart.tenth", tenth=int(10 * p.x) + 1), short(p.rate, "percent"), p.rate, p.low, p.high)
                for p in sorted(m.points, key=lambda p: p.x)
            )
            told = " ".join(say("labelled", label=row.label, value=row.text) + say("full_stop") for row in rows)
            yield DotsPicture(say("chart.tenths"), told, "percent", say("axis.percent"), rows, (), None, "")

"""Figures of bands of tenure, each against new customers, as one picture. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audits.policies.labels import TENURE, is_own, tenure_sign
from audits.record import Measurement
from reports.comparisons import Judged, equality_label
from reports.figures import axis_of, count, exact, figure_of, percent, short, span, unit_of
from reports.named import group_in, place_of, reference_in
from reports.pictures import DoseBand, DosePicture
from reports.rule_reading import limit_line, limit_text
from reports.words import Words


def is_dose(m: Measurement) -> bool:
    """Whether the figure is that of a band of tenure against another."""
    return m.attribute == TENURE and is_own(m) and m.group is not None and m.reference is not None


def doses(say: Words, members: Sequence[Judged]) -> Iterator[DosePicture]:
    """Each measure that holds several bands against one."""
    for own in dosed(members):
        yield _dose(say, sorted(own, key=lambda judged: place_of(judged.measurement)))


def dosed(members: Sequence[Judged]) -> list[list[Judged]]:
    """The figures of each such measure."""
    by_measure: dict[str, list[Judged]] = {}
    for judged in members:
        if is_dose(judged.measurement):
            by_measure.setdefault(judged.measurement.measure, []).append(judged)
    return [own for own in by_measure.values() if sum(one.measurement.estimate is not None for one in own) > 1]


def _dose(say: Words, own: Sequence[Judged]) -> DosePicture:
    m = own[0].measurement
    unit = unit_of(m.measure)
    lines = {(f.rule.limit, f.rule.comparison): limit_line(say, f.rule) for one in own for f in one.findings}
    limits = tuple(line.value for line in lines.values())
    bands = tuple(_band(say, judged, limits) for judged in own)
    told = [_told(say, judged, band) for judged, band in zip(own, bands, strict=True)]
    held = dict.fromkeys(limit_text(say, f.rule, f.measurement.unit) for judged in own for f in judged.findings)
    told += [say("chart.limit_desc", limit=limit) for limit in held]
    told += [] if m.equality is None else [say("chart.equality_desc", equality=exact(say, m.equality, unit, m.unit))]
    bands = (*_reference(say, m), *bands)
    columns = ("col.band", "col.figure", _at_once("col.interval", own), "col.quotes", "col.verdict")
    return DosePicture(
        title=say("chart.dose", measure=say.named("measure", m.measure)), description=" ".join(told), unit=unit,
        horizontal=say("chart.dose_across"), vertical=_vertical(say, own), sizes=_sizes(say, bands), bands=bands,
        limits=tuple(lines.values()), equality=m.equality,
        equality_label="" if m.equality is None else equality_label(say, m.equality, unit),
        reference_label=say("chart.dose_reference", reference=reference_in(say, m)), table=say("chart.figures"),
        headings=tuple(say(column, level=percent(m.level)) for column in columns),
    )  # fmt: skip


def _at_once(key: str, own: Sequence[Judged]) -> str:
    """The key for intervals that hold for all bands at once, where they do."""
    return f"{key}_at_once" if all(judged.measurement.corrected for judged in own if _is_known(judged)) else key


def _is_known(judged: Judged) -> bool:
    return judged.measurement.estimate is not None


def _vertical(say: Words, own: Sequence[Judged]) -> str:
    m = own[0].measurement
    return say(_at_once("chart.dose_up", own), axis=axis_of(say, m), level=percent(m.level))


def _sizes(say: Words, bands: Sequence[DoseBand]) -> str:
    return say("chart.dose_size", most=max(band.size for band in bands))


def _size(m: Measurement, side: str) -> int:
    return m.counts.get(side, m.counts.get(f"{side}_rows", 0))


def _reference(say: Words, m: Measurement) -> Iterator[DoseBand]:
    """The band that the others are held against: equal by definition."""
    if m.equality is not None and m.reference is not None:
        yield DoseBand(
            tenure_sign(m.reference), reference_in(say, m), short(m.equality, unit_of(m.measure)), say("reference"),
            m.equality, m.equality, m.equality, _size(m, "reference"), is_reference=True,
        )  # fmt: skip


def _band(say: Words, judged: Judged, limits: Sequence[float]) -> DoseBand:
    m = judged.measurement
    own = tuple(dict.fromkeys(limit_line(say, finding.rule) for finding in judged.findings))
    text = say("no_figure") if m.estimate is None else short(m.estimate, unit_of(m.measure), limits)
    return DoseBand(
        sign=tenure_sign(m.group or ""), name=group_in(say, m), text=text,
        interval="" if m.estimate is None else span(say, m, limits), estimate=m.estimate, low=m.low, high=m.high,
        size=_size(m, "group"), verdict=judged.verdict or "", verdict_word=say(f"verdict.{judged.verdict or 'none'}"),
        limits=own,
    )  # fmt: skip


def _told(say: Words, judged: Judged, band: DoseBand) -> str:
    m = judged.measurement
    if m.estimate is None:
        return say("chart.dose_none", group=band.name)
    return say(
        "chart.dose_desc", group=band.name, figure=figure_of(say, m, m.estimate, judged.limits),
        interval=band.interval, size=count(band.size), verdict=band.verdict_word,
    )  # fmt: skip

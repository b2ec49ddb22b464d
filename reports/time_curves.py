"""Shares of persons who have finished by some time after the start, as a picture on a logarithmic scale. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log10

from audits.record import Measurement, Point
from reports.comparisons import Judged, who
from reports.figures import figure
from reports.named import group_in, reference_in
from reports.pictures import CurvePicture, CurvePoint, CurveSeries
from reports.words import Words

TIME = "completion_time_ratio"
_MARKS = ((1, "minute"), (10, "ten_minutes"), (60, "hour"), (1440, "day"), (10_080, "week"), (43_200, "month"))
_FEWEST = 2


def finished_by(say: Words, members: Sequence[Judged]) -> Iterator[CurvePicture]:
    """A picture for each comparison of times whose record has the shares."""
    for judged in members:
        m = judged.measurement
        if m.measure == TIME and m.group and m.reference:
            series = tuple(_series(m, name, said) for name, said in
                           ((m.group, group_in(say, m)), (m.reference, reference_in(say, m))))  # fmt: skip
            if all(len(one.points) >= _FEWEST for one in series):
                yield _picture(say, m, series)


def _series(m: Measurement, name: str, said: str) -> CurveSeries:
    own = [point for point in m.points if point.group == name and point.x > 0]
    return CurveSeries(said, tuple(CurvePoint(log10(p.x), p.rate, p.low, p.high) for p in own))


def _picture(say: Words, m: Measurement, series: tuple[CurveSeries, ...]) -> CurvePicture:
    xs = [point.x for one in series for point in one.points]
    marks = tuple(
        (log10(minutes), say(f"chart.{name}")) for minutes, name in _MARKS if min(xs) <= log10(minutes) <= max(xs)
    )
    names = {m.group: series[0].label, m.reference: series[1].label}
    told = " ".join(_told(say, point, names[point.group]) for point in m.points if point.group in names)
    return CurvePicture(
        say("chart.finished_by", who=who(say, m)), told, say("chart.since_start"), say("chart.finished"), series,
        marks=marks,
    )  # fmt: skip


def _told(say: Words, point: Point, name: str) -> str:
    rate, low, high = (figure(say, value, "percent") for value in (point.rate, point.low, point.high))
    return say("chart.finished_desc", group=name, minutes=f"{point.x:,.6g}", rate=rate, low=low, high=high)

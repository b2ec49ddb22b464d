"""A figure along a dose, such as prices along tenure: bands across, their figures with intervals up and down.

Under the bands stand their names, the signs of their verdicts, and bars that show how many are in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from reports.charts.frame import LEFT, RIGHT, domain, dot, framed, line, place, symbol, text, tick_label, ticks
from reports.charts.lettering import ACROSS, clip, room
from reports.figures import Unit
from reports.pictures import DoseBand, DosePicture, LimitLine

_KEY, _HEIGHT, _HEAD, _ROW, _BARS = 18, 180, 22, 15, 26  # pixels
_UNIT = (RIGHT - LEFT) / ACROSS  # percent that a unit of letters takes up on the narrowest telephone
_MOST_ROWS, _GAP, _SIGN = 3, 0.6, 2.2  # rows of names; units between two names, and for the sign of a verdict
_DASHES = "2 4"
_SQUARE = Markup('<rect x="-4.5" y="-4.5" width="9" height="9" fill="none" stroke-width="2" stroke="currentColor"/>')
_CAP = Markup('<path d="M-6 0H6" stroke="currentColor" stroke-width="2"/>')


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where a value and a band lie."""

    first: float
    last: float
    top: int
    left: float
    width: float

    def down(self, value: float) -> int:
        """Pixels from above, kept within the plot."""
        share = (value - self.first) / (self.last - self.first)
        return round(self.top + _HEIGHT * (1 - min(max(share, 0.0), 1.0)))

    def across(self, band: float) -> float:
        """Percent from the left of the beginning of a band."""
        return place(self.left + self.width * band)

    @property
    def bottom(self) -> int:
        return self.top + _HEIGHT


def dose_response(picture: DosePicture, anchor: str) -> Markup:
    """Dot and upright whisker of each band, limits and equality across, a hollow square for the reference."""
    keys = _keys(picture)
    plot, marks = _plot(picture, _KEY * (len(keys) + 1) + 8 + _HEAD)
    parts = [text(LEFT, 14, clip(picture.vertical, ACROSS - 4), "start", small=True)]
    parts += [_key(i, sign, words) for i, (sign, words) in enumerate(keys, 1)]
    parts += [_shade(one, i, plot) for i, band in enumerate(picture.bands) for one in _judging(picture, band)]
    parts += [_tick(plot.down(value), words, plot) for value, words in marks]
    parts += [_across(plot, picture.equality, "equality", 1.5)] if picture.equality is not None else []
    parts += [_across(plot, one.value, "limit", 2.5) for one in picture.limits]
    parts += [_band(band, i, plot) for i, band in enumerate(picture.bands)]
    parts += _figures(picture, plot)
    names, below = _names(picture, plot)
    signs, below = _signs(picture, plot, below)
    parts += [*names, *signs, text(RIGHT, below + _ROW, picture.horizontal, "end", small=True)]
    bars, height = _sizes(picture, plot, below + _ROW + 10)
    return framed(anchor, picture.title, picture.description, height, [*parts, *bars])


def _keys(picture: DosePicture) -> list[tuple[str, str]]:
    """What each sign stands for."""
    found = [("equality", picture.equality_label)] if picture.equality is not None else []
    found += [("limit", one.label) for one in picture.limits]
    return [*found, ("reference", picture.reference_label)] if picture.reference_label else found


def _key(i: int, sign: str, words: str) -> Markup:
    y = 14 + _KEY * i
    shape = _placed("marker", LEFT + 2.0, y - 4, _SQUARE)
    if sign != "reference":
        shape = _rule(LEFT, LEFT + 4, y - 4, sign, 1.5 if sign == "equality" else 2.5)
    return shape + text(LEFT + 5.5, y, clip(words, ACROSS - 7), "start", small=True)


def _plot(picture: DosePicture, top: int) -> tuple[_Plot, list[tuple[float, str]]]:
    """The plot, and the round values beside it with their names."""
    told = [band for band in picture.bands if band.estimate is not None]
    core = [band.estimate for band in told if band.estimate is not None] + [one.value for one in picture.limits]
    core += [] if picture.equality is None else [picture.equality]
    bounds = [bound for band in told for bound in (band.low, band.high)]
    first, last = domain(core or [0.0, 1.0], bounds)
    marks = _marks(first, last, picture.unit)
    left = place(LEFT + min(max(room(words) for _, words in marks) + 1.0, ACROSS / 3) * _UNIT)
    return _Plot(first, last, top, left, (RIGHT - left) / max(len(picture.bands), 1)), marks


def _marks(first: float, last: float, unit: Unit) -> list[tuple[float, str]]:
    values = ticks(first, last)
    step = values[1] - values[0] if len(values) > 1 else abs(values[0]) or 1.0
    return [(value, tick_label(value, unit, step)) for value in values]


def _tick(y: int, words: str, plot: _Plot) -> Markup:
    name = text(place(plot.left - 1.2), y + 4, clip(words, ACROSS / 3), "end", small=True)
    return line(plot.left, y, RIGHT, y, 1, "grid", 0.14) + name


def _across(plot: _Plot, value: float, kind: str, width: float) -> Markup:
    return _rule(plot.left, RIGHT, plot.down(value), kind, width)


def _rule(x1: float, x2: float, y: int, kind: str, width: float) -> Markup:
    """A limit or the line of equality, which is dotted."""
    dashed = Markup(' stroke-dasharray="{}"').format(_DASHES) if kind == "equality" else ""
    return Markup(
        '<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="{}"{}/>'
    ).format(kind, x1, y, x2, y, width, dashed)


def _judging(picture: DosePicture, band: DoseBand) -> list[LimitLine]:
    if band.is_reference:
        return []
    return [one for one in picture.limits if band.limits is None or one in band.limits]


def _shade(limit: LimitLine, i: int, plot: _Plot) -> Markup:
    """The side of a limit that breaks it, in the band that it judges."""
    y = plot.down(limit.value)
    top, bottom = (plot.top - _HEAD, y) if limit.beyond_is_above else (y, plot.bottom)
    return Markup('<rect class="beyond" x="{}%" y="{}" width="{}%" height="{}" fill-opacity=".1"/>').format(
        plot.across(i), top, place(plot.across(i + 1) - plot.across(i)), bottom - top
    )


def _band(band: DoseBand, i: int, plot: _Plot) -> Markup:
    """A dot with its upright whisker, an arrow where a bound goes on; the square of the reference."""
    x = plot.across(i + 0.5)
    if band.estimate is None:
        return Markup("")
    if band.is_reference:
        return _placed("marker", x, plot.down(band.estimate), _SQUARE)
    if band.low == band.high == band.estimate:
        return dot(x, plot.down(band.estimate), 4.5)
    low = plot.first if band.low is None else band.low
    high = plot.last if band.high is None else band.high
    ends = _end(x, plot.down(low), 1, band.low is None or low < plot.first)
    ends += _end(x, plot.down(high), -1, band.high is None or high > plot.last)
    reach = line(x, plot.down(low), x, plot.down(high), 2, "whisker")
    return reach + ends + dot(x, plot.down(band.estimate), 4.5)


def _end(x: float, y: int, way: int, goes_on: bool) -> Markup:
    if not goes_on:
        return _placed("cap", x, y, _CAP)
    return _placed("arrow", x, y, Markup('<path d="M-7 {0}L0 0L7 {0}Z"/>').format(-11 * way))


def _placed(kind: str, x: float, y: int, shape: Markup) -> Markup:
    """A shape of so many pixels about a place in percent."""
    return Markup('<svg class="{}" x="{}%" y="{}" overflow="visible" width="1" height="1">{}</svg>').format(
        kind, x, y, shape
    )


def _figures(picture: DosePicture, plot: _Plot) -> list[Markup]:
    """Each figure above its whisker, where all have room beside one another."""
    told = [(i, band) for i, band in enumerate(picture.bands) if band.estimate is not None and not band.is_reference]
    if any(room(band.text) + _GAP > plot.width / _UNIT for _, band in told):
        return []
    return [
        Markup('<g class="row-label">{}</g>').format(
            text(plot.across(i + 0.5), _highest(band, plot) - 8, band.text, "middle", small=True)
        )
        for i, band in told
    ]


def _highest(band: DoseBand, plot: _Plot) -> int:
    ends = [value for value in (band.estimate, band.high) if value is not None]
    return plot.top if band.high is None else min(plot.down(value) for value in ends)


def _names(picture: DosePicture, plot: _Plot) -> tuple[list[Markup], int]:
    """The bands' names in as many rows as they need beside one another, or every so many; and where they end."""
    signs = [clip(band.sign, ACROSS / 3) for band in picture.bands]
    names = [(_within(plot.across(i + 0.5), sign), sign) for i, sign in enumerate(signs)]
    rows = next((rows for rows in range(1, _MOST_ROWS + 1) if all(_fit(names[i::rows]) for i in range(rows))), 0)
    every = 1 if rows else next(every for every in range(2, len(names) + 2) if _fit(names[::every]))
    rows = max(rows, 1)
    axis = line(plot.left, plot.bottom, RIGHT, plot.bottom, 1, "axis", 0.6)
    shown = [
        text(x, plot.bottom + _ROW * (1 + i % rows), name, "middle", small=True)
        for i, (x, name) in enumerate(names[::every])
    ]
    return [axis, *shown], plot.bottom + _ROW * rows + 4


def _fit(names: list[tuple[float, str]]) -> bool:
    """Whether names about these places leave one another room."""
    return all(
        (room(one) + room(other)) / 2 + _GAP <= (right - left) / _UNIT
        for (left, one), (right, other) in pairwise(names)
    )


def _within(x: float, name: str) -> float:
    """The middle of a name, so that it keeps within the picture."""
    half = room(name) / 2 * _UNIT
    return place(min(max(x, LEFT + half), RIGHT - half))


def _signs(picture: DosePicture, plot: _Plot, top: int) -> tuple[list[Markup], int]:
    """The sign of each verdict, where there is room; its word stands in the table and in the description."""
    if plot.width / _UNIT < _SIGN or not any(band.verdict for band in picture.bands):
        return [], top
    shown = [
        symbol(plot.across(i + 0.5), top, -7, band.verdict) for i, band in enumerate(picture.bands) if band.verdict
    ]
    return shown, top + 18


def _sizes(picture: DosePicture, plot: _Plot, top: int) -> tuple[list[Markup], int]:
    """A bar for the number in each band, the scale in words, and where all ends."""
    most = max((band.size for band in picture.bands), default=0)
    foot = top + _BARS
    parts = [line(plot.left, foot, RIGHT, foot, 1, "axis", 0.6)]
    for i, band in enumerate(picture.bands):
        tall = round(_BARS * band.size / most) if most > 0 and band.size > 0 else 0
        if tall:
            parts.append(
                Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="{}" fill-opacity=".3"/>').format(
                    plot.across(i + 0.2), foot - tall, place(plot.width * 0.6), tall
                )
            )
    parts.append(text(RIGHT, foot + _ROW, clip(picture.sizes, ACROSS - 2), "end", small=True))
    return parts, foot + _ROW + 6

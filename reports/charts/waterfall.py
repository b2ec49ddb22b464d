"""Parts that add up to a whole: a bar for each, beginning where the one before it ends, and the whole at the foot."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import (
    AXIS,
    LEFT,
    RIGHT,
    Scale,
    axis,
    behind,
    domain,
    framed,
    line,
    mark,
    place,
    symbol,
    text,
)
from reports.charts.lettering import ACROSS, clip, room
from reports.pictures import WaterfallBar, WaterfallPicture

_STEP, _LOWER, _BAR = 40, 16, 12  # pixels: a row, more where its words need two lines, a bar
_MARGINS, _SIGN = 5, 3  # units: between two texts on a line, and for the sign of a verdict
_PART, _WHOLE = ".5", ".8"  # how dark bars are


def waterfall(picture: WaterfallPicture, anchor: str) -> Markup:
    """Name and figure of each part above its bar; a whisker shows where the bar may end."""
    ends = [value for bar in picture.bars for value in (bar.begin, bar.end)]
    at = Scale(*domain([0.0, *ends], [bound for bar in picture.bars for bound in (bar.low, bar.high)]))
    lower = 0 if all(map(_on_one_line, picture.bars)) else _LOWER
    step, top = _STEP + lower, 24
    bottom = top + step * len(picture.bars) + 6
    parts = [axis(at.first, at.last, picture.unit, top, bottom, picture.axis)]
    parts.append(mark(at(0.0), 4, bottom, picture.begin, "equality", 1.5, "2 4"))
    parts += [_row(bar, at, top + step * i, lower) for i, bar in enumerate(picture.bars)]
    links = zip(picture.bars, picture.bars[1:], range(len(picture.bars)), strict=False)
    parts += [_link(bar, at, top + step * i + lower, step) for bar, after, i in links if not after.is_total]
    return framed(anchor, picture.title, picture.description, bottom + AXIS, parts)


def _on_one_line(bar: WaterfallBar) -> bool:
    return room(bar.label) + room(bar.text) + (_SIGN if bar.verdict else 0) + _MARGINS <= ACROSS


def _row(bar: WaterfallBar, at: Scale, top: int, lower: int) -> Markup:
    left, right = sorted((at(bar.begin), at(bar.end)))
    y = top + 20 + lower
    shape = Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="{}" fill-opacity="{}"/>').format(
        left, y, place(max(right - left, 0.3)), _BAR, _WHOLE if bar.is_total else _PART
    )
    if bar.low is not None and bar.high is not None:
        middle = y + _BAR // 2
        shape += line(at(bar.low), middle, at(bar.high), middle, 2, "whisker")
    words = behind(LEFT + 0.5, top + 2, top + 19, clip(bar.label, ACROSS - _MARGINS), "start")
    name = clip(bar.label, ACROSS - _MARGINS)
    words += text(LEFT + 0.5, top + 15, name, "start", bold=bar.is_total)
    aside = -20 if bar.verdict else 0
    beside = _SIGN if bar.verdict else 0
    words += behind(RIGHT - 0.5, top + 2 + lower, top + 19 + lower, bar.text, "end", more=beside)
    words += text(RIGHT - 0.5, top + 15 + lower, bar.text, "end", bold=True, aside=aside)
    if bar.verdict:
        words += symbol(RIGHT - 0.5, top + 4 + lower, -14, bar.verdict)
    return shape + Markup('<g class="row-label">{}</g>').format(words)


def _link(bar: WaterfallBar, at: Scale, top: int, step: int) -> Markup:
    """From the end of a bar down to where the next begins."""
    x = at(bar.end)
    return line(x, top + 20 + _BAR, x, top + 20 + step, 1, "grid", 0.5)

"""What every picture is drawn with: a scale in percent across, lines, texts, an axis, the frame.

Places are in percent across and in pixels down, so that text keeps its size on any screen. Everything takes the colour
of the text round it (``currentColor``), so that dark mode and print follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup

from reports.charts.lettering import ACROSS, room, shown, told
from reports.figures import WHOLE, Unit, factor_of, marked, signed
from reports.pictures import LimitLine

LEFT, RIGHT = 2.5, 97.5
ROW, AXIS = 18, 34
_FARTHEST = 4.0
_ROOM_FOR_WORDS = 24
_UNIT, _EDGE = 7.2, 3  # pixels: of a unit of room, and of ground beside a text
_LEAST = 1e-6
_WIDEST = 30.0  # how many times a value alone its bounds may lie from it


class Scale:
    """From a value to its place in percent, kept within the picture."""

    def __init__(self, first: float, last: float) -> None:
        self.first, self.last = first, last

    def __call__(self, value: float) -> float:
        share = (value - self.first) / (self.last - self.first)
        return place(LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0))


def place(value: float) -> float:
    """A place in percent, to a hundredth."""
    return round(value, 2)


def domain(
    values: Iterable[float], bounds: Iterable[float | None], farthest: float = _FARTHEST
) -> tuple[float, float]:  # fmt: skip
    """The stretch to draw: all values, and the bounds unless they lie so far off that they would squeeze the rest.

    ``farthest`` is how many times as far from the values as these reach among themselves.
    """
    core, known = list(values), [b for b in bounds if b is not None]
    low, high = min(core), max(core)
    width = max(high - low, _LEAST * max(abs(low), abs(high), _LEAST))  # values as good as one have a width too
    near = [b for b in known if low - farthest * width <= b <= high + farthest * width]
    if low == high and not near:  # one value alone is squeezed by nothing
        near = [b for b in known if abs(b - low) <= _WIDEST * max(abs(low), _LEAST)]
    first, last = min([low, *near]), max([high, *near])
    room = max(last - first, width) * 0.1
    return first - room, last + room


def ticks(first: float, last: float, most: int = 5) -> list[float]:
    """Round values within a stretch, at most ``most`` + 1 of them."""
    raw = (last - first) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999999)
    begin = math.ceil(first / step - 1e-9)
    return [i * step for i in range(begin, math.floor(last / step + 1e-9) + 1)] or [begin * step]


def axis(first: float, last: float, unit: Unit, top: int, bottom: int, name: str) -> Markup:
    """A line with round values below it, and a faint line upwards from each."""
    at = Scale(first, last)
    parts = [line(LEFT, bottom, RIGHT, bottom, 1, "axis", 0.6)]
    for value, label in labelled_ticks(first, last, unit):
        x = at(value)
        parts.append(line(x, top, x, bottom, 1, "grid", 0.14))
        parts.append(text(x, bottom + 15, label, anchor_at(x, room(label)), small=True))
    if name:
        parts.append(text(RIGHT, bottom + 30, name, "end", small=True))
    return Markup("").join(parts)


def labelled_ticks(first: float, last: float, unit: Unit) -> list[tuple[float, str]]:
    """Round values with their names, so many that the names fit beside one another on a telephone."""
    found: list[tuple[float, str]] = []
    for most in range(5, 0, -1):
        values = ticks(first, last, most)
        values = [value for value in values if unit not in WHOLE or value == round(value)] or [0.0]
        step = values[1] - values[0] if len(values) > 1 else abs(values[0]) or 1.0
        found = [(value, tick_label(value, unit, step)) for value in values]
        if sum(room(label) + 3 for _, label in found) <= ACROSS:
            break
    return found


def tick_label(value: float, unit: Unit, step: float) -> str:
    """A round value with as many decimals as the step between two of them needs."""
    factor = factor_of(unit)
    decimals = max(0, -math.floor(math.log10(step * factor) + 1e-9))
    if round(step * factor, decimals) != round(step * factor, decimals + 1):
        decimals += 1
    shown = signed(f"{value * factor:,.{decimals}f}")
    return marked(shown, unit)


def shade(limit: LimitLine, at: Scale, top: int, bottom: int, label: str) -> Markup:
    """The side of a limit that breaks it, with a word where there is room."""
    edge = at(limit.value)
    x, width = (edge, place(RIGHT - edge)) if limit.beyond_is_above else (LEFT, place(edge - LEFT))
    shape = Markup('<rect class="beyond" x="{}%" y="{}" width="{}%" height="{}" fill-opacity=".1"/>').format(
        x, top, width, bottom - top
    )
    if width < _ROOM_FOR_WORDS or not label:
        return shape
    side, anchor = (RIGHT - 1, "end") if limit.beyond_is_above else (LEFT + 1, "start")
    return shape + text(side, bottom - 6, label, anchor, small=True)


def mark(x: float, top: int, bottom: int, label: str, kind: str, width: float, dash: str = "") -> Markup:
    """A line from top to bottom with its name beside its upper end."""
    dashed = Markup(' stroke-dasharray="{}"').format(dash) if dash else ""
    shape = Markup(
        '<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="{}"{}/>'
    ).format(kind, x, top, x, bottom, width, dashed)
    away, anchor = (6, "start") if x <= 50 else (-6, "end")
    return shape + Markup(
        '<text x="{}%" y="{}" dx="{}" text-anchor="{}" class="{}-label" font-size="12.5">{}</text>'
    ).format(x, top + 10, away, anchor, kind, shown(label))


def whisker(low: float, high: float, y: int, *, open_low: bool = False, open_high: bool = False) -> Markup:
    """An interval with its ends; an arrow in place of an end where it goes on beyond the picture."""
    ends = [arrow(low, y, -1) if open_low else line(low, y - 6, low, y + 6, 2, "cap")]
    ends.append(arrow(high, y, 1) if open_high else line(high, y - 6, high, y + 6, 2, "cap"))
    return line(low, y, high, y, 2, "whisker") + Markup("").join(ends)


def interval(estimate: float, low: float | None, high: float | None, at: Scale, y: int, radius: float = 6) -> Markup:
    """Dot and whisker; an arrow where a bound goes on beyond the picture, no whisker where there is no interval."""
    if low == high == estimate:
        return dot(at(estimate), y, radius)
    first, last = at.first if low is None else low, at.last if high is None else high
    reach = whisker(
        at(first), at(last), y, open_low=low is None or low < at.first, open_high=high is None or high > at.last
    )
    return reach + dot(at(estimate), y, radius)


def arrow(x: float, y: int, way: int) -> Markup:
    """The head of an arrow, its point at the end of a whisker."""
    return Markup(
        '<svg class="arrow" x="{}%" y="{}" overflow="visible" width="1" height="1"><path d="M{} -7L0 0L{} 7Z"/></svg>'
    ).format(x, y, -11 * way, -11 * way)


def dot(x: float, y: int, radius: float = 6) -> Markup:
    """An estimate."""
    return Markup('<circle class="dot" cx="{}%" cy="{}" r="{}"/>').format(x, y, radius)


def line(x1: float, y1: int, x2: float, y2: int, width: float, kind: str, opacity: float = 1.0) -> Markup:
    """A straight line."""
    faint = Markup(' stroke-opacity="{}"').format(opacity) if opacity != 1 else ""
    return Markup(
        '<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}" stroke="currentColor" stroke-width="{}"{}/>'
    ).format(kind, x1, y1, x2, y2, width, faint)


def text(
    x: float, y: int, words: str, anchor: str, *, bold: bool = False, small: bool = False, aside: int = 0
) -> Markup:  # fmt: skip
    """A line of text, ``aside`` by some pixels; its direction is its own and changes nothing round it."""
    size = Markup(' font-size="12"') if small else ""
    weight = Markup(' font-weight="650"') if bold else ""
    moved = Markup(' dx="{}"').format(aside) if aside else ""
    own = "" if words.isascii() else Markup(' unicode-bidi="plaintext"')
    return Markup('<text x="{}%" y="{}"{} text-anchor="{}"{}{}{}>{}</text>').format(
        x, y, moved, anchor, size, weight, own, shown(words)
    )


def behind(x: float, top: int, bottom: int, words: str, anchor: str, *, more: float = 0.0) -> Markup:
    """Ground under a line of text, so that lines of the picture do not run through it; ``more`` units beside it."""
    width = round(_UNIT * (room(words) + more))
    left = width - _EDGE if anchor == "end" else _EDGE
    return Markup('<rect class="behind" x="{}%" y="{}" width="{}" height="{}" transform="translate({})"/>').format(
        x, top, width, bottom - top, -left
    )


def symbol(x: float, y: int, aside: int, verdict: str) -> Markup:
    """The sign of a verdict, 14 pixels wide, from the symbols of the page; its word stands in the text beside it."""
    return Markup(
        '<svg class="symbol" style="--cut:var(--ground)" x="{}%" y="{}" overflow="visible" width="1" height="1">'
        '<use href="#v-{}" x="{}" width="14" height="14"/></svg>'
    ).format(x, y, verdict, aside)


def anchor_at(x: float, edge: float = 18.0) -> str:
    """How to set a text about a place so that it stays within the picture."""
    return "start" if x < edge else "end" if x > 100 - edge else "middle"


def framed(anchor: str, title: str, description: str, height: int, parts: Iterable[Markup]) -> Markup:
    """The picture with its title and description for those who listen."""
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{h}" fill="currentColor" font-size="13" '
        'aria-labelledby="{a}-t {a}-d"><title id="{a}-t">{title}</title><desc id="{a}-d">{desc}</desc>{body}</svg>'
    ).format(h=height, a=anchor, title=told(title), desc=told(description), body=Markup("").join(parts))

"""A finding's figure over the periods, with interval and limit, as inline SVG: percent across, pixels down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.charts import ticks
from reports.figures import Unit, axis_of, exact_number, marked, number, unit_of
from reports.html.marks import joined
from reports.site.history import Moment
from reports.site.wording import figure_of, interval_of, period_in, verdict_words
from reports.words import Words

_LEFT, _RIGHT = 9.0, 98.0
_TOP, _AXIS = 26, 24
_NAMED = 6
_FARTHEST = 3.0


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a value and a period lie."""

    first: float
    last: float
    height: int
    periods: int

    def down(self, value: float) -> float:
        """Pixels from above, kept within the frame."""
        share = (value - self.first) / (self.last - self.first)
        return round(self.height - (self.height - _TOP) * min(max(share, 0.0), 1.0), 1)

    def across(self, i: float) -> float:
        """Percent from the left of the middle of period ``i``."""
        return round(_LEFT + (_RIGHT - _LEFT) * (i + 0.5) / self.periods, 2)


def over_periods(say: Words, moments: Sequence[Moment], anchor: str, title: str, height: int = 190) -> Markup:
    """Dots with whiskers over a line for the limit; a gap with a mark where a period has no figure."""
    known = [m for m in moments if m.figure and m.figure.estimate is not None]
    if not known or known[0].figure is None:
        return Markup("")
    unit = unit_of(known[0].figure.measure)
    frame = _frame(known, height, len(moments))
    parts = [
        *_axis(frame, unit, axis_of(say, known[0].figure)),
        *_limits(say, frame, moments, unit),
        *_names(say, frame, moments),
    ]
    parts += [_moment(frame, i, m) for i, m in enumerate(moments)]
    told = say("site.chart.periods", count=len(moments), newest=_described(say, moments[-1]))
    return Markup(
        '<svg class="chart over" role="img" width="100%" height="{h}" aria-labelledby="{a}-t {a}-d">'
        '<title id="{a}-t">{title}</title><desc id="{a}-d">{desc}</desc>{body}</svg>'
    ).format(h=height + _AXIS, a=anchor, title=title, desc=told, body=joined(parts))


def _frame(known: Sequence[Moment], height: int, periods: int) -> _Frame:
    """All figures and limits, and the intervals as far as they do not squeeze the rest."""
    values = [m.figure.estimate for m in known if m.figure and m.figure.estimate is not None]
    values += [m.rule.limit for m in known if m.rule]
    low, high = min(values), max(values)
    width = (high - low) or abs(high) or 1.0
    ends = [end for m in known if m.finding for end in (m.finding.low, m.finding.high) if end is not None]
    values += [end for end in ends if low - _FARTHEST * width <= end <= high + _FARTHEST * width]
    low, high = min(values), max(values)
    room = ((high - low) or width) * 0.08
    return _Frame(low - room, high + room, height, periods)


def _axis(frame: _Frame, unit: Unit, name: str) -> Iterable[Markup]:
    at = ticks(frame.first, frame.last, 4)
    if unit != "percent":
        yield Markup('<text x="0" y="12" font-size="12">{}</text>').format(name)
    for value in at:
        y = frame.down(value)
        yield Markup('<line class="grid" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(_LEFT, _RIGHT, y, y)
        text = marked(exact_number(float(f"{value:.10g}"), unit), unit)
        yield Markup('<text x="{}%" dx="-6" y="{}" dy="4" text-anchor="end" font-size="12">{}</text>').format(
            _LEFT, y, text
        )


def _limits(say: Words, frame: _Frame, moments: Sequence[Moment], unit: Unit) -> Iterable[Markup]:
    """The limit of each period; the last one is named."""
    rules = [(i, m.rule) for i, m in enumerate(moments) if m.rule]
    half = 0.5
    for i, rule in rules:
        y = frame.down(rule.limit)
        yield Markup('<line class="limit" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(
            frame.across(i - half), frame.across(i + half), y, y
        )
    if rules:
        rule = rules[-1][1]
        text = marked(exact_number(rule.limit, unit), unit)
        label = say("chart.limit", limit=say(f"limit.{rule.comparison}", limit=text))
        y = frame.down(rule.limit)
        yield Markup(
            '<text class="limit-label" x="{}%" y="{}" text-anchor="end" font-size="12">{}</text>'
        ).format(_RIGHT, y - 5 if y > _TOP + 14 else y + 15, label)  # fmt: skip


def _names(say: Words, frame: _Frame, moments: Sequence[Moment]) -> Iterable[Markup]:
    """The first period, the last, and as many between as have room."""
    many = len(moments)
    step = max(1, -(-(many - 1) // (_NAMED - 1)))
    chosen = {0, many - 1} | {i for i in range(0, many - 1, step) if many - 1 - i >= step}
    for i in sorted(chosen):
        side = "middle" if 0 < i < many - 1 or many == 1 else "start" if i == 0 else "end"
        x = frame.across(i) if side == "middle" else _LEFT if i == 0 else _RIGHT
        yield Markup('<text x="{}%" y="{}" text-anchor="{}" font-size="12">{}</text>').format(
            x, frame.height + 18, side, _short(period_in(say, moments[i].run.period))
        )


def _short(period: str) -> str:
    """The first day of a long range: its row in the table has the whole."""
    return period.split("..")[0] + "…" if ".." in period else period


def _moment(frame: _Frame, i: int, moment: Moment) -> Markup:
    x, finding, figure = frame.across(i), moment.finding, moment.figure
    if finding is None or figure is None or figure.estimate is None:
        return Markup('<line class="gap" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(x, x, _TOP, frame.height)
    low = frame.height if finding.low is None else frame.down(finding.low)
    high = _TOP if finding.high is None else frame.down(finding.high)
    return Markup(
        '<g class="at {}"><line class="whisker" x1="{x}%" x2="{x}%" y1="{}" y2="{}"/>'
        '<circle class="dot" cx="{x}%" cy="{}" r="{}"/></g>'
    ).format(finding.verdict, low, high, frame.down(figure.estimate), 5 if frame.periods <= 24 else 3.5, x=x)


def _described(say: Words, moment: Moment) -> str:
    period = period_in(say, moment.run.period)
    if moment.finding is None or moment.figure is None or moment.rule is None:
        return say("site.chart.none", period=period)
    verdict = verdict_words(say, moment.finding.verdict)
    figure = figure_of(say, moment.figure, moment.rule.limit)
    interval = interval_of(say, moment.finding, moment.figure, moment.rule)
    return say("site.chart.moment", period=period, figure=figure, interval=interval, verdict=verdict)


def change_of(before: float, after: float, measure: str) -> str:
    """The difference of two figures, with its sign."""
    text = number(after - before, unit_of(measure))
    return text if text.startswith("−") or not text.strip("0.,") else f"+{text}"

"""How a number is written: percent, points, ratio, money. Rounding never hides on which side of a limit it lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from audits.policies.units import MONEY, decimals_apart
from audits.policies.wording import is_counted
from audits.record import Measurement
from reports.words import Words

Unit = Literal[
    "percent", "points", "rate points", "basis points", "percent a year", "percent a day", "percent a deviation",
    "ratio", "money", "cases", "figures", "months", "days", "loans", "rollovers", "score points", "drivers",
    "number", "model scale", "reasons",
]  # fmt: skip
_ENDINGS: tuple[tuple[str, Unit], ...] = (
    *((name, "money") for name in MONEY), ("_all_in_rate", "percent a year"), ("_mapr_rate", "percent a year"),
    ("_daily_cost_rate", "percent a day"), ("_excess_rate", "rate points"), ("_apor_gap", "rate points"),
    ("_understated_gap", "rate points"), ("fee_share_gap", "rate points"),
    ("assisted_fee_gap", "rate points"), ("thin_file_price_gap", "rate points"),
    ("_output_gap", "model scale"), ("_output_change", "model scale"), ("_carried_gap", "model scale"),
    ("most_reasons_given", "reasons"),
    ("elderly_points_lost", "score points"), ("_drivers", "drivers"), ("_months", "months"),
    ("fewest_days_between_loans", "days"), ("longest_loan_sequence", "loans"), ("most_rollovers", "rollovers"),
    ("retention_price_slope", "percent a deviation"), ("_slope", "percent a year"), ("_ratio", "ratio"),
    ("_gap", "points"), ("_rate", "percent"), ("_share", "percent"), ("_coverage", "percent"), ("_bp", "basis points"),
    ("_cases", "cases"), ("_figures", "figures"),
)  # fmt: skip
_DECIMALS: dict[Unit, int] = {
    "percent": 1, "points": 1, "rate points": 2, "basis points": 1, "percent a year": 2, "percent a day": 2,
    "percent a deviation": 2, "ratio": 3, "money": 2, "cases": 0, "figures": 0, "months": 0, "days": 0, "loans": 0,
    "rollovers": 0, "score points": 2, "drivers": 0, "number": 3,
    "model scale": 2, "reasons": 0,
}  # fmt: skip
# units without parts
WHOLE: tuple[Unit, ...] = ("cases", "figures", "months", "days", "loans", "rollovers", "drivers", "reasons")
_HUNDREDTHS = (
    "percent", "points", "rate points", "percent a year", "percent a day", "percent a deviation", "model scale",
)  # fmt: skip
_WITH_MARK = ("percent", "percent a year", "percent a day", "percent a deviation", "model scale")
# words round the bare number, with the key of those for exactly one
_WORDS: dict[Unit, tuple[str, str]] = {
    "points": ("points", "points_one"), "rate points": ("points", "points"),
    "basis points": ("basis_points", "basis_points"),
    "percent a year": ("percent_a_year", "percent_a_year"),
    "percent a day": ("percent_a_day", "percent_a_day"),
    "percent a deviation": ("percent_a_deviation", "percent_a_deviation"), "months": ("months", "months_one"),
    "days": ("days", "days_one"), "loans": ("loans", "loans_one"), "rollovers": ("rollovers", "rollovers_one"),
    "reasons": ("reasons", "reasons_one"),
    "score points": ("score_points", "score_points"), "drivers": ("drivers", "drivers_one"),
    "cases": ("cases", "cases_one"), "figures": ("figures_of", "figures_of_one"),
}  # fmt: skip


def unit_of(measure: str) -> Unit:
    """The unit of a measure, by the ending of its name."""
    return next((unit for ending, unit in _ENDINGS if measure.endswith(ending)), "number")


def factor_of(unit: Unit) -> int:
    """What a recorded number is multiplied with to be written in the unit."""
    return 100 if unit in _HUNDREDTHS else 1


def number(value: float, unit: Unit, beside: Iterable[float] = ()) -> str:
    """The bare number in its unit, with more decimals where rounding would merge it with one of ``beside``."""
    scaled = value * factor_of(unit)
    others = [other * factor_of(unit) for other in beside]
    least = _DECIMALS[unit] if unit != "number" or abs(scaled) < 1 else 2 if abs(scaled) < 1000 else 0
    return signed(f"{scaled:,.{decimals_apart(scaled, others, least)}f}")


def signed(text: str) -> str:
    """A typographic minus, and no minus before zero."""
    zero = not text.strip("-0.,")
    return text.lstrip("-") if zero else text.replace("-", "−")


def figure(say: Words, value: float, unit: Unit, beside: Iterable[float] = (), currency: str | None = None) -> str:
    """A number with its unit in words; ``currency`` is the code of an amount of money."""
    return _in_words(say, number(value, unit, beside), unit, currency)


def figure_of(say: Words, m: Measurement, value: float, beside: Iterable[float] = ()) -> str:
    """A number of a measurement with its unit in words, or its currency."""
    return figure(say, value, unit_of(m.measure), beside, m.unit)


def short(value: float, unit: Unit, beside: Iterable[float] = ()) -> str:
    """A number where a picture's axis names the unit: ``12.9``, ``1.23%``."""
    return marked(number(value, unit, beside), unit)


def marked(text: str, unit: Unit) -> str:
    """A bare number with the sign of percent where its unit is one."""
    return f"{text}%" if unit in _WITH_MARK else text


def exact(say: Words, value: float, unit: Unit, currency: str | None = None) -> str:
    """A stated number, such as a limit, as it was stated: ``5 percentage points``, ``0.80``."""
    return _in_words(say, exact_number(value, unit), unit, currency)


def exact_number(value: float, unit: Unit) -> str:
    """The bare stated number."""
    text = f"{value * factor_of(unit):,.10g}"
    short = unit == "ratio" and "." in text and len(text.split(".")[1]) == 1
    return signed(text + "0" if short else text)


def axis_of(say: Words, m: Measurement) -> str:
    """What the axis of a picture counts in: the unit, or the currency."""
    unit = unit_of(m.measure)
    return m.unit if unit == "money" and m.unit else say(f"axis.{unit}")


def span(say: Words, m: Measurement, limits: Iterable[float] = ()) -> str:
    """The interval of a measurement in words: ``7.8 to 18.0 percentage points``; none of what is counted."""
    unit, limits = unit_of(m.measure), tuple(limits)
    if is_counted(m):
        return say("interval_counted")
    low = None if m.low is None else figure_of(say, m, m.low, limits)
    high = None if m.high is None else figure_of(say, m, m.high, limits)
    if low is None and high is None:
        return say("unbounded")
    if low is None:
        return say("or_less", high=high)
    if high is None:
        return say("or_more", low=low)
    return say("between", low=low if unit == "percent" else number(m.low or 0.0, unit, limits), high=high)


def percent(value: float) -> str:
    """A level or a share: ``95%``, ``99.9%``."""
    return f"{value * 100:.4g}%"


def count(value: int) -> str:
    """An integer with thousands separators."""
    return f"{value:,}"


def p_value(say: Words, value: float) -> str:
    """A p-value to three decimals, or that it is smaller."""
    return say("p_below") if value < 0.001 else f"{value:.3f}"


def _in_words(say: Words, text: str, unit: Unit, currency: str | None) -> str:
    if unit == "money":
        return say("money", number=text, currency=currency) if currency else text
    if unit not in _WORDS:
        return marked(text, unit)
    many, one = _WORDS[unit]
    return say(one if text in ("1", "1.0") else many, number=text)

"""How a number is written: percent, points, ratio. Rounding never hides on which side of a limit it lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from audits.record import Measurement
from reports.words import Words

Unit = Literal["percent", "points", "basis points", "ratio", "number"]
_DECIMALS: dict[Unit, int] = {"percent": 1, "points": 1, "basis points": 1, "ratio": 3, "number": 3}
_ENDINGS: tuple[tuple[str, Unit], ...] = (
    ("_ratio", "ratio"), ("_gap", "points"), ("_rate", "percent"), ("_share", "percent"), ("_coverage", "percent"),
    ("_bp", "basis points"),
)  # fmt: skip
_MOST_EXTRA_DECIMALS = 3


def unit_of(measure: str) -> Unit:
    """The unit of a measure, by the ending of its name."""
    return next((unit for ending, unit in _ENDINGS if measure.endswith(ending)), "number")


def number(value: float, unit: Unit, beside: Iterable[float] = ()) -> str:
    """The bare number in its unit, with more decimals where rounding would merge it with one of ``beside``."""
    scaled = _scaled(value, unit)
    others = [_scaled(other, unit) for other in beside if other != value]
    least = _DECIMALS[unit] if unit != "number" or abs(scaled) < 1 else 2 if abs(scaled) < 1000 else 0
    for decimals in range(least, least + _MOST_EXTRA_DECIMALS + 1):
        if all(round(scaled, decimals) != round(other, decimals) for other in others):
            break
    else:
        decimals = least
    text = f"{scaled:,.{decimals}f}"
    return signed(text)


def signed(text: str) -> str:
    """A typographic minus, and no minus before zero."""
    zero = not text.strip("-0.,")
    return text.lstrip("-") if zero else text.replace("-", "−")


def figure(say: Words, value: float, unit: Unit, beside: Iterable[float] = ()) -> str:
    """A number with its unit in words."""
    text = number(value, unit, beside)
    if unit == "points":
        return say("points_one" if text == "1.0" else "points", number=text)
    if unit == "basis points":
        return say("basis_points", number=text)
    return f"{text}%" if unit == "percent" else text


def exact(say: Words, value: float, unit: Unit) -> str:
    """A stated number, such as a limit, as it was stated: ``5 percentage points``, ``0.80``."""
    text = exact_number(value, unit)
    if unit == "points":
        return say("points_one" if text == "1" else "points", number=text)
    if unit == "basis points":
        return say("basis_points", number=text)
    return f"{text}%" if unit == "percent" else text


def exact_number(value: float, unit: Unit) -> str:
    """The bare stated number."""
    text = f"{_scaled(value, unit):.10g}"
    short = unit == "ratio" and "." in text and len(text.split(".")[1]) == 1
    return signed(text + "0" if short else text)


def span(say: Words, m: Measurement, limits: Iterable[float] = ()) -> str:
    """The interval of a measurement in words: ``7.8 to 18.0 percentage points``."""
    unit, limits = unit_of(m.measure), tuple(limits)
    low = None if m.low is None else figure(say, m.low, unit, limits)
    high = None if m.high is None else figure(say, m.high, unit, limits)
    if low is None and high is None:
        return say("unbounded")
    if low is None:
        return say("or_less", high=high)
    if high is None:
        return say("or_more", low=low)
    return say(
        "between", low=number(m.low or 0.0, unit, limits) if unit in ("points", "basis points") else low, high=high
    )


def percent(value: float) -> str:
    """A level or a share: ``95%``, ``99.9%``."""
    return f"{value * 100:.4g}%"


def count(value: int) -> str:
    """An integer with thousands separators."""
    return f"{value:,}"


def p_value(say: Words, value: float) -> str:
    """A p-value to three decimals, or that it is smaller."""
    return say("p_below") if value < 0.001 else f"{value:.3f}"


def _scaled(value: float, unit: Unit) -> float:
    return value * 100 if unit in ("percent", "points") else value

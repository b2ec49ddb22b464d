"""What questions share when they turn an estimate into a measurement: bounds, levels, detectable departures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from audits.statistics.ladder import LEVELS, climb, ladder
from checks.sentence import Sentence, template

POWER = 0.8


def number(value: object) -> float | None:
    """A finite number, or None: a bound at infinity, or a figure that cannot be had."""
    found = float(value.item() if hasattr(value, "item") else value)  # type: ignore[arg-type]
    return found if math.isfinite(found) else None


def within(departure: object, most: float) -> float | None:
    """A detectable departure, or None where it is larger than any that can occur."""
    found = number(departure)
    return found if found is not None and found <= most else None


_TESTS = (template("score"), template("mid-p"), template("none"))


def item(value: object) -> str:
    """The text in a numpy array of one; a sentence where it names a test."""
    text = str(value.item()) if hasattr(value, "item") else str(value)
    return Sentence(text) if text in _TESTS else text


def bounded(interval_at: Callable[[float], tuple[object, object]], level: float) -> dict[str, Any]:
    """``low``, ``high``, ``level`` and ``ladder`` of a measurement whose interval is a function of its level."""

    def plain(at: float) -> tuple[float | None, float | None]:
        low, high = interval_at(at)
        return number(low), number(high)

    low, high = plain(level)
    return {"low": low, "high": high, "level": level, "ladder": climb(plain)}


def bounded_at_once(interval_at: Callable[[Any], tuple[Any, Any]], level: float) -> dict[str, Any]:
    """As ``bounded``, of an interval that takes an array of levels and gives arrays of bounds."""
    import numpy as np

    low, high = (np.asarray(ends, dtype=float) for ends in interval_at(np.array([level, *LEVELS])))
    rungs = ladder((at, number(one), number(two)) for at, one, two in zip(LEVELS, low[1:], high[1:], strict=True))
    return {"low": number(low[0]), "high": number(high[0]), "level": level, "ladder": rungs}


def from_error(estimate: float, error: float, freedom: float, level: float, equality: float = 0.0) -> dict[str, Any]:
    """What a measurement takes from an estimate and its standard error, by Student's t with ``freedom`` degrees.

    ``estimate``, ``standard_error``, ``low``, ``high``, ``level``, ``ladder``, ``p_value`` of equality and ``mde``, the
    departure found with power .8 at ``level`` (Bloom 1995, Evaluation Review 19:547–556).
    """
    from scipy.special import stdtr, stdtrit

    def interval_at(at: float) -> tuple[float, float]:
        reach = float(stdtrit(freedom, 0.5 + at / 2)) * error
        return estimate - reach, estimate + reach

    return {
        "estimate": estimate, "standard_error": error, **bounded(interval_at, level),
        "p_value": float(2 * stdtr(freedom, -abs(estimate - equality) / error)),
        "mde": float(stdtrit(freedom, 0.5 + level / 2) + stdtrit(freedom, POWER)) * error,
    }  # fmt: skip

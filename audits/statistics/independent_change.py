"""How far a figure moved between two independent samples, with its interval and a p-value.

Each figure brings a ladder of bounds (`ladder`), whatever method made them. The bounds of the difference at a level are
put together from the distances of each figure to its own bounds at that level: with d = b − a,
d − √((b − l_b)² + (u_a − a)²) and d + √((u_b − b)² + (a − l_a)²), the method of variance estimates recovery (Zou and
Donner 2008, Statistics in Medicine 27:1693–1702), which is Newcombe's tenth method where the figures are rates with
Wilson's interval (1998, Statistics in Medicine 17:873–890) and the usual z-interval where both are symmetric. A ratio
is taken by its logarithm, on which two samples add up. The p-value is one less the highest level at which the interval
leaves out no change. Of samples that share rows, nothing of this holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from audits.statistics.ladder import Rung, bounds_at, climb, level_beyond

Scale = Literal["difference", "ratio"]
# whoever compares each month looks twelve times a year: at .95 an unchanged figure would be said to have moved in 46 %
# of years, at .99 in 11 %
LEVEL = 0.99


@dataclass(frozen=True, slots=True)
class IndependentChange:
    """``change`` is after − before on the scale ``difference``, after / before on ``ratio``.

    ``low`` and ``high`` are its bounds at ``level``, None at infinity (on ``ratio``: at 0 or infinity); ``p_value`` is
    two-sided against no change, 1 where even the interval at one half holds it; ``ladder`` are the bounds at further
    levels.
    """

    change: float
    low: float | None
    high: float | None
    level: float
    p_value: float
    scale: Scale
    ladder: tuple[Rung, ...]


def independent_change(
    before: float, ladder_before: Sequence[Rung], after: float, ladder_after: Sequence[Rung],
    scale: Scale = "difference", level: float = LEVEL,
) -> IndependentChange:  # fmt: skip
    """The change from one figure to the other; both samples are taken to be independent.

    Below its first rung a ladder is read at that rung, which is wider. Raises ``ValueError`` for an empty ladder, a
    figure that is not finite or, on the scale ``ratio``, one that is not above 0.
    """
    a, b = (_on(scale, value) for value in (before, after))
    one, two = (tuple((rung, *_bounds_on(scale, low, high)) for rung, low, high in rungs)
                for rungs in (ladder_before, ladder_after))  # fmt: skip

    def interval_at(asked: float) -> tuple[float | None, float | None]:
        (l_a, u_a), (l_b, u_b) = (bounds_at(rungs, max(asked, rungs[0][0])) for rungs in (one, two))
        down, up = _together(_below(b, l_b), _above(a, u_a)), _together(_above(b, u_b), _below(a, l_a))
        return (None if down is None else b - a - down), (None if up is None else b - a + up)

    if not one or not two:
        raise ValueError("ladder: found no rung, expected one at least")
    rungs = climb(interval_at)
    low, high = interval_at(level)
    p_value = 1.0 if a == b else 1.0 - level_beyond(rungs, 0.0, 1 if b > a else -1)
    return IndependentChange(
        _back(scale, b - a), _end(scale, low), _end(scale, high), level, min(1.0, max(0.0, p_value)), scale,
        tuple((rung, _end(scale, under), _end(scale, over)) for rung, under, over in rungs),
    )  # fmt: skip


def _on(scale: Scale, value: float) -> float:
    if not math.isfinite(value) or (scale == "ratio" and value <= 0):
        raise ValueError(f"figure: found {value}, expected a finite number{' above 0' if scale == 'ratio' else ''}")
    return math.log(value) if scale == "ratio" else value


def _bounds_on(scale: Scale, low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Bounds on the scale; one that has no place on it is at infinity."""
    if scale == "difference":
        return low, high
    return tuple(None if bound is None or bound <= 0 else math.log(bound) for bound in (low, high))  # type: ignore[return-value]


def _below(value: float, low: float | None) -> float | None:
    return None if low is None else max(0.0, value - low)


def _above(value: float, high: float | None) -> float | None:
    return None if high is None else max(0.0, high - value)


def _together(one: float | None, two: float | None) -> float | None:
    return None if one is None or two is None else math.hypot(one, two)


def _back(scale: Scale, value: float) -> float:
    if scale == "difference":
        return value
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _end(scale: Scale, bound: float | None) -> float | None:
    end = None if bound is None else _back(scale, bound)
    return end if end is not None and math.isfinite(end) else None

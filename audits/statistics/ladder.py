"""Bounds of one figure at several confidence levels, and what can be read off between them.

A judgement asks for levels that nobody knew when the figure was measured: how sure is it that the figure lies beyond
a limit, and what is its interval once many figures are looked at? A ladder holds the bounds at the rungs of ``LEVELS``;
between two rungs a bound is taken as a straight line in the normal critical value z, which is exact for an interval
estimate ± z · error and within rounding of reports for score intervals; beyond the last rung the last line goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995, 0.998, 0.999, 0.9998, 0.9999, 0.99999, 0.999999)
Rung = tuple[float, float | None, float | None]
_NORMAL = NormalDist()


def critical(level: float) -> float:
    """Two-sided normal critical value of a confidence level."""
    return -_NORMAL.inv_cdf((1 - level) / 2)


def climb(interval_at: Callable[[float], tuple[float | None, float | None]]) -> tuple[Rung, ...]:
    """The ladder of an interval that is a function of its level; a bound that is not finite becomes None."""
    return ladder((level, *interval_at(level)) for level in LEVELS)


def ladder(rungs: Iterable[Rung]) -> tuple[Rung, ...]:
    """Rungs in ascending levels made into a ladder: a higher level never has a narrower interval.

    Bounds by two methods, each serving a range of levels, may cross by a little where one takes over.
    """
    found: list[Rung] = []
    for level, low, high in rungs:
        one, two = _finite(low), _finite(high)
        if found:
            one = None if one is None or found[-1][1] is None else min(one, found[-1][1])
            two = None if two is None or found[-1][2] is None else max(two, found[-1][2])
        found.append((level, one, two))
    return tuple(found)


def bounds_at(ladder: Sequence[Rung], level: float) -> tuple[float | None, float | None]:
    """Bounds at any level of at least that of the first rung. ``ValueError`` for an empty ladder."""
    if not ladder:
        raise ValueError("ladder: found no rung, expected one at least")
    return _bound(ladder, level, 1), _bound(ladder, level, 2)


def level_beyond(ladder: Sequence[Rung], limit: float, side: int) -> float:
    """The highest level at which the bound on one side is still beyond ``limit``; 0 where even the first rung is not.

    ``side`` is +1 for harm above the limit (the lower bound is above it), −1 for harm below it. One less this level is
    the two-sided p-value against the limit.
    """
    place = 1 if side > 0 else 2
    reached = 0.0
    for rung, after in zip(ladder, [*ladder[1:], None], strict=True):
        bound = rung[place]
        if bound is None or side * (bound - limit) <= 0:
            break
        reached = rung[0]
        if after is None:
            return _beyond_the_last(ladder, limit, place)
        following = after[place]
        if following is not None and side * (following - limit) <= 0:
            share = (limit - bound) / (following - bound) if following != bound else 0.0
            z = critical(rung[0]) + share * (critical(after[0]) - critical(rung[0]))
            return 1 - 2 * _NORMAL.cdf(-z)
    return reached


def _beyond_the_last(ladder: Sequence[Rung], limit: float, place: int) -> float:
    if len(ladder) < 2:
        return ladder[-1][0]
    (_, first, z0), (last, second, z1) = ((r[0], r[place], critical(r[0])) for r in ladder[-2:])
    if first is None or second is None or first == second:
        return last if first is None or second is None else 1.0
    slope = (second - first) / (z1 - z0)
    z = z1 + (limit - second) / slope
    return max(last, 1 - 2 * _NORMAL.cdf(-z)) if z > z1 else last


def _bound(ladder: Sequence[Rung], level: float, place: int) -> float | None:
    z = critical(level)
    for rung in ladder:
        if math.isclose(rung[0], level, rel_tol=0, abs_tol=1e-12):
            return rung[place]
    if level < ladder[0][0]:
        raise ValueError(f"level: found {level}, expected at least {ladder[0][0]}, that of the first rung")
    if len(ladder) < 2:
        return None
    above = next((i for i, rung in enumerate(ladder) if rung[0] > level), len(ladder) - 1)
    (one, low, *_), (two, high, *_) = ((ladder[i][0], ladder[i][place]) for i in (above - 1, above))
    if low is None or high is None:
        return None  # a bound at infinity stays there
    return low + (high - low) * (z - critical(one)) / (critical(two) - critical(one))


def _finite(bound: float | None) -> float | None:
    return None if bound is None or not math.isfinite(bound) else float(bound)

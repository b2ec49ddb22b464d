"""What every figure on rates takes and gives: checked counts in, intervals with a reason beside each gap out.

A group is `x` events in `n` people; suffix 1 is the group asked about, suffix 0 the group it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from statistics import NormalDist
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from checks.sentence import said

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.uint8]

_FRACTIONS: ContextVar[bool] = ContextVar("fractions", default=False)
_LARGEST_COUNT = 2.0**53  # whole numbers are exact in float64 up to here


class Caveat(IntEnum):
    """Why a number is missing, infinite or out of reach; one code per element of a result."""

    NONE = 0
    EMPTY_GROUP = 1
    UNDEFINED_RATIO = 2
    UNBOUNDED_RATIO = 3
    DEGENERATE_RATE = 4
    UNREACHABLE = 5
    UNDEFINED_ODDS_RATIO = 6
    UNBOUNDED_ODDS_RATIO = 7
    MISSING_ERROR = 8

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    Caveat.EMPTY_GROUP: said("a group has no observations"),
    Caveat.UNDEFINED_RATIO: said("neither group has an event, so their ratio has no estimate"),
    Caveat.UNBOUNDED_RATIO: said("the comparison group has no event, so the ratio has no upper limit"),
    Caveat.DEGENERATE_RATE: said("a rate of exactly 0 or 1 carries no estimate of variance"),
    Caveat.UNREACHABLE: said("the groups are too small for any difference in rates to be found with this power"),
    Caveat.UNDEFINED_ODDS_RATIO: said("both groups share one outcome, so their odds ratio has no estimate"),
    Caveat.UNBOUNDED_ODDS_RATIO: said("an odds ratio over odds of nought, or of infinite odds, has no upper limit"),
    Caveat.MISSING_ERROR: said("there is no standard error, so nothing can be said of what would be found"),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval; all arrays share the broadcast shape of the counts given."""

    estimate: Floats
    low: Floats
    high: Floats
    level: float | Floats
    method: str
    caveat: Codes  # codes of Caveat


def reported_interval(
    estimate: Floats, low: Floats, high: Floats, level: float | Floats, method: str, caveat: Codes
) -> Interval:
    """An Interval with NaN wherever a group is empty; rounding never leaves the estimate outside it."""
    gap = caveat == Caveat.EMPTY_GROUP
    low, high = np.fmin(low, estimate), np.fmax(high, estimate)
    estimate, low, high = (np.where(gap, np.nan, part) for part in (estimate, low, high))
    return Interval(estimate, low, high, level, method, caveat)


def checked_pairs(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
    """Both groups checked and broadcast to one shape."""
    a, m, b, k = np.broadcast_arrays(*checked_counts(x1, n1, "1"), *checked_counts(x0, n0, "0"))
    return a, m, b, k


@contextmanager
def effective_counts() -> Iterator[None]:
    """Within this block score intervals and tests take fractions: counts over a design effect, not counted heads.

    A rate from a weighted or clustered sample has the variance of a simple random one of n / d people, d its design
    effect (Kish 1965, Survey Sampling, 8.1), and takes that sample's interval (Korn and Graubard 1998, Survey
    Methodology 24:193–201). Exact tests of counted heads have no meaning there.
    """
    before = _FRACTIONS.set(True)
    try:
        yield
    finally:
        _FRACTIONS.reset(before)


def checked_counts(x: ArrayLike, n: ArrayLike, suffix: str) -> tuple[Floats, Floats]:
    """Counts as float64 of one shape, or ValueError."""
    events, size = np.broadcast_arrays(numbers(x, f"x{suffix}"), numbers(n, f"n{suffix}"))
    for name, values in ((f"n{suffix}", size), (f"x{suffix}", events)):
        fine = (values >= 0) & (values <= _LARGEST_COUNT)
        if not _FRACTIONS.get():
            fine &= values == np.floor(values)
        demand(name, values, fine, f"{'' if _FRACTIONS.get() else 'whole '}numbers from 0 to 2**53")
    demand(f"x{suffix}", events, events <= size, f"no more events than n{suffix} has people")
    return events, size


def numbers(values: ArrayLike, name: str) -> Floats:
    """As float64, or ValueError for what is no number, such as a missing value of pandas."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: found something that is no number, expected counts") from None


def demand(name: str, values: Floats, fine: Flags, expected: str) -> None:
    """ValueError naming the first value that is not fine, and what was expected instead."""
    if not fine.all():
        raise ValueError(f"{name}: found {values[~fine].flat[0]:g}, expected {expected}")


def inside(value: float, name: str, floor: float = 0.0) -> float:
    """A probability strictly between a floor and 1."""
    given = numbers(value, name)
    if not isinstance(value, (int, float, np.number)):
        raise ValueError(f"{name}: found {value!r}, expected a number")
    demand(name, given, (given > floor) & (given < 1), f"a number strictly between {floor:g} and 1")
    return value


@overload
def critical(level: float) -> float: ...
@overload
def critical(level: Floats) -> Floats: ...
def critical(level: float | Floats) -> float | Floats:
    """Two-sided normal critical value; a level below float resolution still gives one above 0.

    An array of levels, of a shape that broadcasts with the counts, gives bounds at all of them at once.
    """
    if isinstance(level, np.ndarray):
        return np.reshape([critical(float(one)) for one in level.ravel()], level.shape).astype(np.float64)
    return max(-NormalDist().inv_cdf((1.0 - inside(level, "level")) / 2), 1e-12)


def first_caveat(*cases: tuple[Flags, Caveat]) -> Codes:
    """The first caveat that holds for each element."""
    masks, codes = [mask for mask, _ in cases], [np.uint8(code) for _, code in cases]
    return np.select(masks, codes, default=np.uint8(Caveat.NONE)).astype(np.uint8)

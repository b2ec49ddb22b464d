"""Cash flows of many loans in compressed rows, put in order before a rate is sought.

Flows `offsets[k]:offsets[k+1]` belong to loan k: `amounts` are positive to the borrower and negative from him,
`times` stand in any unit from any origin. Flows of one loan at one time are one flow; what is left of a sum that
cancels but for rounding is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

_LARGE = 1e150
_BLOCK = 1 << 17  # cash flows
_CANCELLED = 16 * np.finfo(np.float64).eps  # of the sum of absolute parts: what is left of these is rounding


class Reason(IntEnum):
    """Why a loan has no rate; an index into `REASONS`."""

    SOLVED = 0
    NO_ADVANCE = 1
    NOT_REPAID = 2
    SEVERAL = 3
    NOT_A_NUMBER = 4
    BEYOND = 5
    ONE_TIME = 6
    REVERSED = 7
    UNCERTAIN = 8
    IMPOSSIBLE = 9


REASONS: tuple[str, ...] = (
    "",
    "no positive amount was advanced",
    "payments never repay what was advanced",
    "several rates solve the cash flows",
    "a cash flow has no number or no time",
    "the rate is beyond any number",
    "all cash flows fall at one time",
    "the borrower pays first and receives afterwards, so that nothing was lent to him",
    "rounding decides whether none, one or several rates solve the cash flows",
    "the terms cannot be those of a loan: a negative payment, number of payments or time",
)


@dataclass(frozen=True, slots=True)
class Flows:
    """Flows of n loans: `offsets` (n + 1,), and by flow `times`, `amounts` and `fractions` (None for whole times)."""

    offsets: Ints
    times: Floats
    amounts: Floats
    fractions: Floats | None = None

    @property
    def counts(self) -> Ints:
        """Flows by loan (n,)."""
        return np.diff(self.offsets)

    def of(self, loans: Flags) -> Flows:
        """The flows of some of the loans."""
        chosen = np.repeat(loans, self.counts)
        return self._rows(offsets_of(self.counts[loans]), chosen)

    def only(self, chosen: Flags) -> Flows:
        """Some of the flows; every loan keeps its row."""
        return self._rows(np.searchsorted(np.flatnonzero(chosen), self.offsets), chosen)

    def between(self, first: int, last: int) -> Flows:
        """The loans `first` to `last` − 1."""
        start, end = self.offsets[first], self.offsets[last]
        return self._rows(self.offsets[first : last + 1] - start, slice(start, end))

    def _rows(self, offsets: Ints, chosen: Flags | Ints | slice) -> Flows:
        fractions = None if self.fractions is None else self.fractions[chosen]
        return Flows(offsets, self.times[chosen], self.amounts[chosen], fractions)


def offsets_of(counts: Ints) -> Ints:
    """Row starts, with the end of the last row."""
    return np.concatenate([np.zeros(1, np.intp), np.cumsum(counts, dtype=np.intp)])


def blocks(offsets: Ints) -> list[tuple[int, int]]:
    """First and last + 1 of neighbouring loans whose flows stay in the processor's cache."""
    last = len(offsets) - 1
    ends = np.searchsorted(offsets, np.arange(_BLOCK, offsets[-1] + _BLOCK, _BLOCK))
    cuts = np.unique(np.concatenate([[0], np.minimum(ends, last), [last]])).tolist()
    return list(pairwise(cuts))


def checked(offsets: ArrayLike, times: ArrayLike, amounts: ArrayLike, fractions: ArrayLike | None) -> Flows:
    """The arrays as `Flows`; ValueError where they cannot be rows of loans."""
    rows = np.asarray(offsets)
    moments, values = np.asarray(times, dtype=np.float64), np.asarray(amounts, dtype=np.float64)
    parts = None if fractions is None else np.broadcast_to(np.asarray(fractions, dtype=np.float64), moments.shape)
    if rows.ndim != 1 or not len(rows) or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError("offsets must be whole numbers in one dimension, from 0 to the number of cash flows")
    if moments.ndim != 1 or moments.shape != values.shape:
        raise ValueError(f"times and amounts must be as long as each other: {moments.shape} and {values.shape}")
    if rows[0] != 0 or rows[-1] != len(moments) or (np.diff(rows) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the number of cash flows ({len(moments)})")
    return Flows(rows.astype(np.intp), moments, values, parts)


def unusable(flows: Flows) -> Flags:
    """Loans with a cash flow that is not finite or has a fraction outside [0, 1)."""
    bad = ~(np.isfinite(flows.times) & np.isfinite(flows.amounts))
    if flows.fractions is not None:
        bad |= ~((flows.fractions >= 0) & (flows.fractions < 1))
    return any_of(bad, flows.offsets)


def levelled(flows: Flows) -> Flows:
    """The same flows, amounts of a loan over its largest where they come near the ends of float64."""
    size = np.abs(flows.amounts)
    if not ((size > _LARGE) | ((size < 1 / _LARGE) & (size > 0))).any():
        return flows
    some = flows.counts > 0
    unit = np.ones(len(some))
    unit[some] = np.maximum.reduceat(size, flows.offsets[:-1][some])
    power = np.where(np.isfinite(unit) & (unit > 0), np.frexp(unit)[1], 0)
    return Flows(flows.offsets, flows.times, np.ldexp(flows.amounts, -np.repeat(power, flows.counts)), flows.fractions)


def any_of(marks: Flags, offsets: Ints) -> Flags:
    """Rows that hold a mark (n,)."""
    return marks_by_row(marks, offsets) > 0


def marks_by_row(marks: Flags, offsets: Ints) -> Ints:
    """Number of marks of each row (n,)."""
    return np.diff(np.searchsorted(np.flatnonzero(marks), offsets))


def at_one_time(flows: Flows) -> Flags:
    """Loans whose flows all fall at one time."""
    apart = np.zeros(len(flows.times), dtype=np.bool_)
    apart[1:] = _inside(flows) & ~_same_time(flows)
    return ~any_of(apart, flows.offsets)


def untidy(flows: Flows) -> Flags:
    """Loans whose flows are not in order of time, or hold one time twice or an amount of nothing."""
    inside = _inside(flows)
    after = flows.times[1:] > flows.times[:-1]
    if flows.fractions is not None:
        after |= (flows.times[1:] == flows.times[:-1]) & (flows.fractions[1:] > flows.fractions[:-1])
    bad = flows.amounts == 0
    bad[1:] |= inside & ~after
    return any_of(bad, flows.offsets)


def tidied(flows: Flows) -> Flows:
    """Flows of each loan in order of time, one at each time, none of nothing."""
    loans = np.repeat(np.arange(len(flows.offsets) - 1), flows.counts)
    keys = (flows.times, loans) if flows.fractions is None else (flows.fractions, flows.times, loans)
    order = np.lexsort(keys)
    ordered = flows._rows(flows.offsets, order)
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = ~(_inside(ordered) & _same_time(ordered))
    starts = np.flatnonzero(first)
    if not len(starts):
        return ordered
    merged = ordered.only(first)
    total = np.add.reduceat(ordered.amounts, starts)
    lost = np.abs(total) <= _CANCELLED * np.add.reduceat(np.abs(ordered.amounts), starts)
    lost &= (np.diff(starts, append=len(order)) > 1) | (total == 0)
    netted = Flows(merged.offsets, merged.times, np.where(lost, 0.0, total), merged.fractions)
    return netted.only(~lost)


def changes_of_sign(flows: Flows) -> Ints:
    """Times that the amounts of a tidied loan change sign, in order of time (n,)."""
    positive = flows.amounts > 0
    changed = np.zeros(len(positive), dtype=np.bool_)
    changed[1:] = (positive[1:] != positive[:-1]) & _inside(flows)
    return marks_by_row(changed, flows.offsets)


def _same_time(flows: Flows) -> Flags:
    """Of every flow but the first of all, whether the one before falls at the same time."""
    same = flows.times[1:] == flows.times[:-1]
    if flows.fractions is not None:
        same &= flows.fractions[1:] == flows.fractions[:-1]
    return np.asarray(same)


def _inside(flows: Flows) -> Flags:
    """Of every flow but the first of all, whether the one before belongs to the same loan."""
    inside = np.ones(len(flows.times) + 1, dtype=np.bool_)
    inside[flows.offsets] = False
    return inside[1:-1] if len(flows.times) else inside[:0]

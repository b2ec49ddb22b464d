"""How many rates solve cash flows that change sign more than once, by intervals that are proved to hold none or one.

With f(δ) = Σ a w(δ), w = e^(−δt) or 1 / ((1 + f x)(1 + x)^t), no root lies above a δ at which the sums of the first j
flows all have one sign, and none below a δ at which those of the last j have (Laguerre 1883, Journal de mathématiques
pures et appliquées 9:99–146). Between two such points, f e^(τδ) is bounded on an interval from its ends, and so is its
slope, τ being the mean time there: bounds of one sign exclude a root, a slope of one sign leaves at most one, and any
other interval is cut in two. Where the ends of two intervals differ in sign there are two roots, and no more is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from audits.statistics.cash_flows import Flags, Floats, Flows, Ints, offsets_of

_ROUNDING = 1e-13  # of the absolute discounted flows
_DOUBLINGS = 100
_CUTS = 60
_MOST = 64  # intervals of a loan at once
_BISECTIONS = 100
_FRACTIONS_LOW, _FRACTIONS_HIGH = -36.0, 690.0  # with fractions of unit periods no bound need exist
_TRIED = (0.43, 0.59)  # places of a cut; the one where f is further from 0 is taken


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Open questions: loan, ends in δ, and the sign of f at both."""

    loan: Ints
    low: Floats
    high: Floats
    below: Floats
    above: Floats

    def of(self, chosen: Flags) -> _Intervals:
        return _Intervals(*[getattr(self, one.name)[chosen] for one in fields(self)])


def discounted(flows: Flows, force: Floats) -> Floats:
    """Flows discounted at δ (n,) of their loan, over the sum of their absolute values."""
    counts, starts = flows.counts, flows.offsets[:-1]
    origin = np.where(force >= 0, flows.times[starts], flows.times[flows.offsets[1:] - 1])
    terms = flows.amounts * np.exp((np.repeat(origin, counts) - flows.times) * np.repeat(force, counts))
    if flows.fractions is not None:
        terms /= 1 + flows.fractions * np.repeat(np.expm1(np.minimum(force, _FRACTIONS_HIGH)), counts)
    return np.asarray(terms / np.repeat(np.add.reduceat(np.abs(terms), starts), counts))


def running(flows: Flows, terms: Floats) -> Floats:
    """Sums (m, 4) of the first j terms of each loan, of their absolute values, and of the terms after them likewise.

    Each is a sum of its own terms alone, so that small ones are right to their own last digits.
    """
    both = np.stack([terms, np.abs(terms)], axis=1)
    sums = np.zeros((len(terms), 4))
    order = np.argsort(-flows.counts, kind="stable")
    counts, first, last = flows.counts[order], flows.offsets[:-1][order], flows.offsets[1:][order] - 1
    total, rest = np.zeros((len(order), 2)), np.zeros((len(order), 2))
    for j in range(int(counts[0]) if len(counts) else 0):
        some = int(np.searchsorted(-counts, -j))  # loans with more than j flows
        total[:some] += both[first[:some] + j]
        sums[first[:some] + j, :2] = total[:some]
        sums[last[:some] - j, 2:] = rest[:some]
        rest[:some] += both[last[:some] - j]
    return sums


def root_count(flows: Flows) -> tuple[Ints, Flags, Floats, Floats]:
    """By loan (n,): roots that are proved, 2 for two or more; whether more are possible within rounding; and where one
    root lies, between `low` and `high`.
    """
    loans = len(flows.offsets) - 1
    roots, doubtful = np.zeros(loans, dtype=np.intp), np.zeros(loans, dtype=np.bool_)
    start, end, known = _outside(flows)
    doubtful[~known] = True
    left, right = start.copy(), end.copy()
    here = np.flatnonzero(known)
    open_ = _Intervals(here, start[here], end[here], _sign(flows, here, start[here]), _sign(flows, here, end[here]))
    for _ in range(_CUTS):
        none, one = _judged(flows, open_)
        single = one & (open_.below * open_.above < 0)
        held = open_.loan[single]
        left[held], right[held] = open_.low[single], open_.high[single]
        np.add.at(roots, held, 1)
        open_ = open_.of(~(none | one))
        sure = roots + np.bincount(open_.loan[open_.below * open_.above < 0], minlength=loans)
        roots = np.where(sure > 1, sure, roots)
        open_ = open_.of(roots[open_.loan] < 2)
        if not len(open_.loan):
            break
        open_, stuck = _cut(flows, open_)
        doubtful[stuck] = True
        doubtful |= np.bincount(open_.loan, minlength=loans) > _MOST
        open_ = open_.of(~doubtful[open_.loan])
    doubtful[open_.loan] = True
    return np.minimum(roots, 2), doubtful & (roots < 2), left, right


def bisected(flows: Flows, low: Floats, high: Floats) -> Floats:
    """The root between `low` and `high` (n,), where f differs in sign."""
    place = np.arange(len(low))
    below = _sign(flows, place, low)
    for _ in range(_BISECTIONS):
        middle = low + (high - low) / 2
        same = _sign(flows, place, middle) == below
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low + (high - low) / 2


def _rows(flows: Flows, loans: Ints) -> Flows:
    """The flows of loans in the order asked, as often as asked."""
    counts = flows.counts[loans]
    offsets = offsets_of(counts)
    place = np.arange(offsets[-1]) + np.repeat(flows.offsets[:-1][loans] - offsets[:-1], counts)
    fractions = None if flows.fractions is None else flows.fractions[place]
    return Flows(offsets, flows.times[place], flows.amounts[place], fractions)


def _values(flows: Flows, loans: Ints, force: Floats) -> Floats:
    """f at δ = `force` of `loans` over its absolute terms."""
    rows = _rows(flows, loans)
    return np.asarray(np.add.reduceat(discounted(rows, force), rows.offsets[:-1])) if len(loans) else np.zeros(0)


def _sign(flows: Flows, loans: Ints, force: Floats) -> Floats:
    return np.sign(_values(flows, loans, force))


def _outside(flows: Flows) -> tuple[Floats, Floats, Flags]:
    """Points below and above every root, and whether both were found."""
    starts, ends = flows.offsets[:-1], flows.offsets[1:] - 1
    span = flows.times[ends] - flows.times[starts]
    unit = 1 / np.where(span > 0, span, 1.0)
    low, high = -unit, unit.copy()
    open_low, open_high = np.ones(len(unit), dtype=np.bool_), np.ones(len(unit), dtype=np.bool_)
    if flows.fractions is not None:
        return np.full(len(unit), _FRACTIONS_LOW), np.full(len(unit), _FRACTIONS_HIGH), open_low
    for _ in range(_DOUBLINGS):
        for bound, left, late in ((low, open_low, True), (high, open_high, False)):
            place = np.flatnonzero(left)
            if len(place):
                left[place] = ~_one_sided(_rows(flows, place), bound[place], late)
                bound[left] *= 2
        if not (open_low | open_high).any():
            break
    return low, high, ~(open_low | open_high)


def _one_sided(flows: Flows, force: Floats, late: bool) -> Flags:
    """Whether the sums of the first j flows (of the last j: `late`) discounted at δ are of one sign for all j."""
    terms = discounted(flows, force)
    sums = running(flows, terms)
    value, size = (sums[:, 2] + terms, sums[:, 3] + np.abs(terms)) if late else (sums[:, 0], sums[:, 1])
    side = np.where(np.abs(value) > _ROUNDING * size, np.sign(value), np.nan)
    starts = flows.offsets[:-1]
    return np.asarray(np.abs(np.add.reduceat(side, starts)) == flows.counts)


def _log_weights(rows: Flows, force: Floats) -> tuple[Floats, Floats]:
    """log w at δ by flow of its interval, and minus its slope."""
    by_flow = np.repeat(force, rows.counts)
    if rows.fractions is None:
        return -by_flow * rows.times, rows.times
    rate = np.expm1(by_flow)
    growth = 1 + rows.fractions * rate
    return -by_flow * rows.times - np.log(growth), rows.times + rows.fractions * (1 + rate) / growth


def _judged(flows: Flows, open_: _Intervals) -> tuple[Flags, Flags]:
    """Intervals that hold no root, and those that hold at most one."""
    rows = _rows(flows, open_.loan)
    counts, starts = rows.counts, rows.offsets[:-1]
    at_low, early = _log_weights(rows, open_.low)
    at_high, late = _log_weights(rows, open_.high)
    size = np.log(np.abs(rows.amounts))
    middle = size + (at_low + at_high) / 2
    middle = np.exp(middle - np.repeat(np.maximum.reduceat(middle, starts), counts))
    centre = np.add.reduceat(middle * (early + late) / 2, starts) / np.add.reduceat(middle, starts)
    shift = np.repeat(centre, counts)
    early, late = early - shift, late - shift
    at_low = size + at_low + np.repeat(open_.low, counts) * shift
    at_high = size + at_high + np.repeat(open_.high, counts) * shift
    width = np.repeat(open_.high - open_.low, counts)
    most = np.minimum(at_low + np.maximum(-early, 0) * width, at_high + np.maximum(late, 0) * width)
    top = np.repeat(np.maximum.reduceat(most, starts), counts)
    least, most = np.exp(np.minimum(at_low, at_high) - top), np.exp(most - top)
    lent = rows.amounts > 0
    value = _one_sign(np.where(lent, least, -most), np.where(lent, most, -least), starts)
    slow, fast = np.minimum(early * least, early * most), np.maximum(late * least, late * most)
    slope = _one_sign(np.where(lent, slow, -fast), np.where(lent, fast, -slow), starts)
    return value, slope & ~value


def _one_sign(least: Floats, most: Floats, starts: Ints) -> Flags:
    """Whether Σ of what lies between `least` and `most` has one sign by more than rounding."""
    slack = _ROUNDING * np.add.reduceat(np.maximum(np.abs(least), np.abs(most)), starts)
    return np.asarray((np.add.reduceat(least, starts) > slack) | (np.add.reduceat(most, starts) < -slack))


def _cut(flows: Flows, open_: _Intervals) -> tuple[_Intervals, Ints]:
    """Each interval in two, and the loans of those that cannot be cut where the sign of f is known."""
    first, second = (open_.low + share * (open_.high - open_.low) for share in _TRIED)
    one, other = _values(flows, open_.loan, first), _values(flows, open_.loan, second)
    better = np.abs(one) >= np.abs(other)
    place, value = np.where(better, first, second), np.where(better, one, other)
    stuck = ~(np.abs(value) > _ROUNDING) | ~((place > open_.low) & (place < open_.high))
    sign = np.sign(value)
    halves = (
        np.concatenate([open_.loan, open_.loan]),
        np.concatenate([open_.low, place]),
        np.concatenate([place, open_.high]),
        np.concatenate([open_.below, sign]),
        np.concatenate([sign, open_.above]),
    )
    return _Intervals(*halves), open_.loan[stuck]

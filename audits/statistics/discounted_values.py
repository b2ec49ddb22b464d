"""Present values of many loans' cash flows at a rate of each loan, in two factors that cannot overflow.

With x the rate and δ = log(1 + x), a flow at time t counts e^(−δt), or under Regulation Z, Appendix J, (b)(8), where
t is whole and f a fraction of a unit period, 1 / ((1 + f x)(1 + x)^t). Values are told relative to the flow that weighs
most, the earliest where δ ≥ 0 and the latest where δ < 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audits.statistics.cash_flows import Flags, Floats, Flows, Ints

_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class Side:
    """Flows of one sign, at least one a loan, as absolute amounts: `since` is time since the loan's first of them."""

    offsets: Ints
    since: Floats
    amounts: Floats
    fractions: Floats | None
    first: Floats  # (n,) time of the first flow
    span: Floats  # (n,) time from the first to the last

    def of(self, loans: Flags) -> Side:
        """The same for some of the loans."""
        flows = Flows(self.offsets, self.since, self.amounts, self.fractions).of(loans)
        return Side(flows.offsets, flows.times, flows.amounts, flows.fractions, self.first[loans], self.span[loans])


def side(flows: Flows, origin: Floats) -> Side:
    """Loans' flows of one sign, at least one a loan, their times counted from `origin` (n,)."""
    start, counts = flows.times[flows.offsets[:-1]], flows.counts
    since = flows.times - np.repeat(start, counts)
    span = since[flows.offsets[1:] - 1]
    return Side(flows.offsets, since, np.abs(flows.amounts), flows.fractions, start - origin, span)


def value_at(of: Side, force: Floats) -> tuple[Floats, Floats, Floats]:
    """Value at δ = `force` (n,) as v and p of v e^(−p), and the mean time of the discounted flows.

    The mean time is minus the slope of log value in δ.
    """
    counts = np.diff(of.offsets)
    by_flow = np.repeat(-force, counts)
    terms = of.since * by_flow
    late = np.where(force < 0, of.span * force, 0.0)
    if late.any():
        terms += np.repeat(late, counts)
    np.exp(terms, out=terms)
    terms *= of.amounts
    times = of.since
    if of.fractions is not None:
        rate = np.repeat(np.minimum(np.expm1(force), _LARGEST), counts)
        growth = 1 + of.fractions * rate
        terms /= growth
        times = times + of.fractions * (1 + rate) / growth
    value = np.add.reduceat(terms, of.offsets[:-1])
    terms *= times
    mean = np.add.reduceat(terms, of.offsets[:-1]) / value
    return value, late + of.first * force, of.first + mean


def moments(of: Side) -> tuple[Floats, Floats, Floats]:
    """Sum, mean time and variance of time of the flows, not discounted; a fraction counts as time."""
    times = of.since if of.fractions is None else of.since + of.fractions
    weighted = of.amounts * times
    total = np.add.reduceat(of.amounts, of.offsets[:-1])
    mean = np.add.reduceat(weighted, of.offsets[:-1]) / total
    weighted *= times
    square = np.add.reduceat(weighted, of.offsets[:-1]) / total
    return total, of.first + mean, np.maximum(square - mean**2, 0.0)

"""Newton's method for the rates of many loans at once, on the logarithm of payments over advances.

With δ = log(1 + x), g(δ) = log Σ payments e^(−δt) − log Σ advances e^(−δt) is what must be 0. Where every advance
precedes every payment g falls everywhere, its slope being minus the mean time of payments less that of advances; for
one advance it is convex besides, and nearly straight, so that few steps reach the last digit at any size of rate.
A bracket guards each step. Loans that are done leave the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audits.statistics.cash_flows import Flags, Floats, Flows
from audits.statistics.discounted_values import Side, moments, side, value_at

LOWEST, HIGHEST = -37.4, 709.7  # δ of the rates that float64 can tell from −1 and from infinity
STEPS = 200
_LAST = 2e-8  # steps times span: the error of g after a step is below an eighth of its square
_ROUNDING = 1e-15


@dataclass(frozen=True, slots=True)
class Sides:
    """Advances and payments of loans that have both, and a bound of the time from the first flow to the last (n,)."""

    advances: Side
    payments: Side
    span: Floats

    def of(self, loans: Flags) -> Sides:
        """The same for some of the loans."""
        return Sides(self.advances.of(loans), self.payments.of(loans), self.span[loans])


@dataclass(frozen=True, slots=True)
class Found:
    """By loan: `force` δ (n,), and whether it was `settled`: else the root lies beyond LOWEST or HIGHEST."""

    force: Floats
    settled: Flags


def sides_of(flows: Flows) -> Sides:
    """Both sides of tidied loans that have advances and payments."""
    origin = flows.times[flows.offsets[:-1]]
    lent = flows.amounts > 0
    advances, payments = side(flows.only(lent), origin), side(flows.only(~lent), origin)
    span = flows.times[flows.offsets[1:] - 1] - origin
    return Sides(advances, payments, span if flows.fractions is None else span + 1)


def gap_and_distance(sides: Sides, force: Floats) -> tuple[Floats, Floats]:
    """g(δ) and minus its slope."""
    paid, power, late = value_at(sides.payments, force)
    lent, lead, early = value_at(sides.advances, force)
    return np.log(paid / lent) - (power - lead), late - early


def first_guess(sides: Sides) -> Floats:
    """Root of the parabola that touches g at δ = 0, or its lowest point."""
    paid, late, spread = moments(sides.payments)
    lent, early, drawn = moments(sides.advances)
    gap, distance, bend = np.log(paid / lent), late - early, spread - drawn
    root = np.sqrt(np.maximum(distance**2 - 2 * bend * gap, 0.0))
    guess = 2 * gap / (distance + root)
    return np.clip(np.where(np.isfinite(guess), guess, 0.0), LOWEST, HIGHEST)


def search(sides: Sides, guess: Floats) -> Found:
    """The root of g, which falls everywhere, from `guess` (n,)."""
    found = Found(guess.copy(), np.zeros(len(guess), dtype=np.bool_))
    low, high = np.full(len(guess), LOWEST), np.full(len(guess), HIGHEST)
    place, at, open_ = np.arange(len(guess)), guess, np.ones(len(guess), dtype=np.bool_)
    for _ in range(STEPS):
        gap, distance = gap_and_distance(sides, at)
        low, high = np.where(gap > 0, at, low), np.where(gap < 0, at, high)
        moved = np.where(open_, within(at + gap / distance, at, low, high), at)
        near = settled(moved - at, at, gap, sides.span)
        outside = ((at >= HIGHEST) & (gap > 0)) | ((at <= LOWEST) & (gap < 0))
        found.force[place] = moved
        found.settled[place[open_ & near & ~outside]] = True
        open_ &= ~(near | outside)
        at = moved
        going = np.count_nonzero(open_)
        if not going:
            break
        if 2 * going < len(at):
            place, at, low, high, sides = place[open_], at[open_], low[open_], high[open_], sides.of(open_)
            open_ = np.ones(going, dtype=np.bool_)
    return found


def within(moved: Floats, at: Floats, low: Floats, high: Floats) -> Floats:
    """The step, or half the bracket where it leaves that; an end where nothing has been tried yet is tried itself."""
    astray = ~((moved > low) & (moved < high)) & (moved != at)
    if not astray.any():
        return moved
    end = ((moved >= high) & (high == HIGHEST)) | ((moved <= low) & (low == LOWEST))
    return np.where(astray, np.where(end, np.clip(moved, LOWEST, HIGHEST), (low + high) / 2), moved)


def settled(step: Floats, at: Floats, gap: Floats, span: Floats) -> Flags:
    """Whether the step was the last that helps: |g''| ≤ span²/4, so that after it |g| is below a unit of rounding."""
    size = np.abs(step)
    return (size * span <= _LAST) | (np.abs(gap) <= _ROUNDING) | (size <= _ROUNDING * np.abs(at))

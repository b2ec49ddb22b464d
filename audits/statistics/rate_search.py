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
from audits.statistics.discounted_values import Side, log_value, moments, side

LOWEST, HIGHEST = -37.4, 709.7  # δ of the rates that float64 can tell from −1 and from infinity
_STEPS = 200
_LAST = 1e-9  # of the loan's span: the error after a step is about the square of the step
_ROUNDING = 1e-15


@dataclass(frozen=True, slots=True)
class Sides:
    """Advances and payments of loans that have both, and the time from the first flow to the last (n,)."""

    advances: Side
    payments: Side
    span: Floats

    def of(self, loans: Flags) -> Sides:
        """The same for some of the loans."""
        return Sides(self.advances.of(loans), self.payments.of(loans), self.span[loans])


@dataclass(frozen=True, slots=True)
class Found:
    """By loan: `force` δ (n,), whether it was `settled`, and whether the root lies `beyond` LOWEST or HIGHEST."""

    force: Floats
    settled: Flags
    beyond: Flags


def sides_of(flows: Flows) -> Sides:
    """Both sides of tidied loans that have advances and payments."""
    origin = flows.times[flows.offsets[:-1]]
    return Sides(side(flows, origin, True), side(flows, origin, False), flows.times[flows.offsets[1:] - 1] - origin)


def gap_and_distance(sides: Sides, force: Floats) -> tuple[Floats, Floats]:
    """g(δ) and minus its slope."""
    value, mean = log_value(sides.payments, force)
    lent, start = log_value(sides.advances, force)
    return value - lent, mean - start


def first_guess(sides: Sides) -> Floats:
    """Root of the parabola that touches g at δ = 0, or its lowest point."""
    paid, late, spread = moments(sides.payments)
    lent, early, drawn = moments(sides.advances)
    gap, distance, bend = np.log(paid) - np.log(lent), late - early, spread - drawn
    root = np.sqrt(np.maximum(distance**2 - 2 * bend * gap, 0.0))
    guess = 2 * gap / (distance + root)
    return np.clip(np.where(np.isfinite(guess), guess, 0.0), LOWEST, HIGHEST)


def search(sides: Sides, guess: Floats, *, falling: bool = True, low: Floats | None = None,
           high: Floats | None = None, steps: int = _STEPS) -> Found:  # fmt: skip
    """A root of g from `guess` (n,), kept between `low` and `high` (n,) where g is `falling` (all by default)."""
    force, settled = guess.copy(), np.zeros(len(guess), dtype=np.bool_)
    beyond = settled.copy()
    bottom = np.full(len(guess), LOWEST) if low is None else low.copy()
    top = np.full(len(guess), HIGHEST) if high is None else high.copy()
    place, left, at = np.arange(len(guess)), sides, force.copy()
    for _ in range(steps):
        if not len(place):
            break
        gap, distance = gap_and_distance(left, at)
        step = gap / distance
        moved = at + step
        if falling:
            bottom, top = np.where(gap > 0, at, bottom), np.where(gap < 0, at, top)
            astray = ~((moved > bottom) & (moved < top)) & (gap != 0)
            at_edge = ((at >= HIGHEST) & (gap > 0)) | ((at <= LOWEST) & (gap < 0))
            toward_edge = ((moved >= HIGHEST) & (top == HIGHEST)) | ((moved <= LOWEST) & (bottom == LOWEST))
            middle = np.where(toward_edge, np.clip(moved, LOWEST, HIGHEST), (bottom + top) / 2)
            moved = np.where(astray, middle, moved)
        else:
            moved, at_edge = np.clip(moved, LOWEST, HIGHEST), ~np.isfinite(step)
        near = np.abs(moved - at) * left.span <= _LAST
        near |= (np.abs(gap) <= _ROUNDING) | (np.abs(moved - at) <= _ROUNDING * np.abs(at))
        near &= ~at_edge
        force[place] = moved
        done = near | at_edge
        settled[place[near]] = True
        beyond[place[at_edge]] = True
        at = moved
        if done.any():
            stay = ~done
            place, at, bottom, top, left = place[stay], at[stay], bottom[stay], top[stay], left.of(stay)
    return Found(force, settled, beyond)

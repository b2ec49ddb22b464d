"""Newton's method for the rates of many loans at once, on the logarithm of payments over advances.

With δ = log(1 + x), g(δ) = log Σ payments e^(−δt) − log Σ advances e^(−δt) is what must be 0. Where every advance
precedes every payment g falls everywhere, its slope being minus the mean time of payments less that of advances; for
one advance it is convex besides, and nearly straight, so that few steps reach the last digit at any size of rate.
A few plain steps settle nearly all loans; the others start again, each step guarded by a bracket. Loans that are done
leave the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from audits.statistics.cash_flows import Flags, Floats, Flows
from audits.statistics.discounted_values import Side, moments, side, value_at

LOWEST, HIGHEST = -37.4, 709.7  # δ of the rates that float64 can tell from −1 and from infinity
_PLAIN, _GUARDED = 6, 200  # steps
_LAST = 2e-8  # steps times span: the error of g after a step is below an eighth of its square
_ROUNDING = 1e-15


class Problem(Protocol):
    """Loans whose g is to be 0: `span` (n,) bounds the time from the first flow to the last."""

    @property
    def span(self) -> Floats:
        """Time, in units of the rate's (n,)."""

    def of(self, loans: Flags) -> Problem:
        """Some of the loans."""

    def gap_and_distance(self, force: Floats) -> tuple[Floats, Floats]:
        """g(δ) and minus its slope, by loan (n,)."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Advances and payments of loans that have both, and a bound of the time from the first flow to the last (n,)."""

    advances: Side
    payments: Side
    span: Floats

    def of(self, loans: Flags) -> Sides:
        """The same for some of the loans."""
        return Sides(self.advances.of(loans), self.payments.of(loans), self.span[loans])

    def gap_and_distance(self, force: Floats) -> tuple[Floats, Floats]:
        """g(δ) and minus its slope."""
        paid, power, late = value_at(self.payments, force)
        lent, lead, early = value_at(self.advances, force)
        return np.log(paid / lent) - (power - lead), late - early


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


def first_guess(sides: Sides) -> Floats:
    """Root of the parabola that touches g at δ = 0, or its lowest point."""
    paid, late, spread = moments(sides.payments)
    lent, early, drawn = moments(sides.advances)
    gap, distance, bend = np.log(paid / lent), late - early, spread - drawn
    root = np.sqrt(np.maximum(distance**2 - 2 * bend * gap, 0.0))
    guess = 2 * gap / (distance + root)
    return np.clip(np.where(np.isfinite(guess), guess, 0.0), LOWEST, HIGHEST)


def search(problem: Problem, guess: Floats) -> Found:
    """The root of g, which falls everywhere, from `guess` (n,)."""
    found = _plain(problem, guess)
    rest = ~found.settled
    if rest.any():
        again = _guarded(problem.of(rest), guess[rest])
        found.force[rest], found.settled[rest] = again.force, again.settled
    return found


def _plain(problem: Problem, at: Floats) -> Found:
    """Newton's method as it is: |g''| ≤ span²/4, so that after a small step |g| is below a unit of rounding."""
    found = Found(np.full(len(at), np.nan), np.zeros(len(at), dtype=np.bool_))
    place, settled = np.arange(len(at)), found.settled.copy()
    for _ in range(_PLAIN):
        gap, distance = problem.gap_and_distance(at)
        step = gap / distance
        at = at + step
        near = (np.abs(step) * problem.span <= _LAST) & ~settled
        found.force[place[near]], found.settled[place[near]] = at[near], True
        settled |= near
        going = len(at) - np.count_nonzero(settled)
        if not going:
            break
        if 2 * going < len(at):
            place, at, problem = place[~settled], at[~settled], problem.of(~settled)
            settled = np.zeros(going, dtype=np.bool_)
    return found


def _guarded(problem: Problem, at: Floats) -> Found:
    """The same within brackets, the ends of the domain included."""
    found = Found(at.copy(), np.zeros(len(at), dtype=np.bool_))
    low, high, place = np.full(len(at), LOWEST), np.full(len(at), HIGHEST), np.arange(len(at))
    for _ in range(_GUARDED):
        gap, distance = problem.gap_and_distance(at)
        low, high = np.where(gap > 0, at, low), np.where(gap < 0, at, high)
        moved = _within(at + gap / distance, at, low, high)
        size = np.abs(moved - at)
        near = (size * problem.span <= _LAST) | (np.abs(gap) <= _ROUNDING) | (size <= _ROUNDING * np.abs(at))
        outside = ((at >= HIGHEST) & (gap > 0)) | ((at <= LOWEST) & (gap < 0))
        found.force[place], found.settled[place[near & ~outside]] = moved, True
        stay = ~(near | outside)
        if not stay.any():
            break
        place, at, low, high, problem = place[stay], moved[stay], low[stay], high[stay], problem.of(stay)
    return found


def _within(moved: Floats, at: Floats, low: Floats, high: Floats) -> Floats:
    """The step, or half the bracket where it leaves that; an end where nothing has been tried yet is tried itself."""
    astray = ~((moved > low) & (moved < high)) & (moved != at)
    if not astray.any():
        return moved
    end = ((moved >= high) & (high == HIGHEST)) | ((moved <= low) & (low == LOWEST))
    return np.where(astray, np.where(end, np.clip(moved, LOWEST, HIGHEST), (low + high) / 2), moved)

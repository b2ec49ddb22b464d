"""Loans whose cash flows change sign more than once: one rate, several, none."""

from __future__ import annotations

import numpy as np

from audits.statistics.cash_flows import Codes, Flags, Floats, Flows, Ints, Reason
from audits.statistics.rate_search import first_guess, search, sides_of

_KEPT = 1e-12  # of the absolute discounted flows: a balance this far below nothing is nothing


def solve_changing(flows: Flows, changes: Ints) -> tuple[Floats, Codes]:
    """δ (n,) and reason of tidied loans with at least two changes of sign."""
    sides = sides_of(flows)
    found = search(sides, first_guess(sides), falling=False, steps=50)
    one = found.settled & never_on_the_other_side(flows, found.force)
    reason = np.where(one, Reason.SOLVED, Reason.UNCERTAIN).astype(np.int8)
    return found.force, reason


def never_on_the_other_side(flows: Flows, force: Floats) -> Flags:
    """Whether the balance at the root δ stays the borrower's debt to the end, so that δ is the only root.

    With S_j the sums of the first j discounted flows and r_j falling in j the weights at another δ' > δ over those at
    δ, Σ a w(δ') = Σ S_j (r_j − r_(j+1)) > 0, and < 0 for δ' < δ.
    """
    terms = discounted(flows, force)
    balance = np.cumsum(terms)
    before = np.repeat(np.concatenate([[0.0], balance])[flows.offsets[:-1]], flows.counts)
    return np.asarray(np.minimum.reduceat(balance - before, flows.offsets[:-1]) >= -_KEPT)


def discounted(flows: Flows, force: Floats) -> Floats:
    """Flows discounted at δ (n,) of their loan, over the sum of their absolute values."""
    counts, starts = flows.counts, flows.offsets[:-1]
    origin = np.where(force >= 0, flows.times[starts], flows.times[flows.offsets[1:] - 1])
    terms = flows.amounts * np.exp((np.repeat(origin, counts) - flows.times) * np.repeat(force, counts))
    if flows.fractions is not None:
        terms /= 1 + flows.fractions * np.repeat(np.expm1(force), counts)
    return np.asarray(terms / np.repeat(np.add.reduceat(np.abs(terms), starts), counts))

"""Loans whose cash flows change sign more than once: is there one rate, are there several, or is there none?

`only_root` settles the common case, a debt throughout. The others are settled by `root_count`. Roots are counted on the
whole line of δ = log(1 + x), that is for every rate above −100 %.
"""

from __future__ import annotations

import numpy as np

from audits.statistics.cash_flows import Codes, Flags, Floats, Flows, Reason
from audits.statistics.rate_search import first_guess, search, sides_of
from audits.statistics.root_count import bisected, discounted, root_count, running

_NOTHING = 1e-12  # of the absolute discounted flows that a balance is the sum of: it is nothing


def solve_changing(flows: Flows) -> tuple[Floats, Codes]:
    """δ (n,) and reason of tidied loans with at least two changes of sign."""
    found = search(sides := sides_of(flows), first_guess(sides))
    force = found.force
    reason = np.full(len(force), Reason.SOLVED, dtype=np.int8)
    unclear = ~(found.settled & only_root(flows, force))
    if unclear.any():
        force[unclear], reason[unclear] = _counted(flows.of(unclear))
    return force, reason


def only_root(flows: Flows, force: Floats) -> Flags:
    """Whether the balance at the root δ stays the borrower's debt to the end, so that δ is the only root.

    With S_j the sum of the first j flows discounted at δ, and r_j, which falls in j, their weights at a δ' > δ over
    those at δ: Σ a w(δ') = Σ S_j (r_j − r_(j+1)) > 0, and < 0 for δ' < δ.
    """
    paid, gross, due, left = running(flows, discounted(flows, force)).T
    early = gross <= left  # the balance is what was lent less what was paid, and what is still due
    balance, size = np.where(early, paid, -due), np.where(early, gross, left)
    debt = np.minimum.reduceat(balance + _NOTHING * size, flows.offsets[:-1]) >= 0
    return np.asarray(debt & (np.abs(paid[flows.offsets[1:] - 1]) <= _NOTHING))


def _counted(flows: Flows) -> tuple[Floats, Codes]:
    """δ and reason of loans whose roots have to be counted."""
    roots, doubtful, low, high = root_count(flows)
    reason = np.full(len(roots), Reason.SOLVED, dtype=np.int8)
    reason[roots == 0] = Reason.NOT_REPAID
    reason[doubtful] = Reason.UNCERTAIN
    reason[roots > 1] = Reason.SEVERAL
    force = np.full(len(roots), np.nan)
    one = reason == Reason.SOLVED
    if one.any():
        some = flows.of(one)
        force[one] = bisected(some, low[one], high[one])
        lends = some.amounts[some.offsets[:-1]] < 0
        reason[one] = np.where(lends, Reason.REVERSED, Reason.SOLVED)
    return force, reason

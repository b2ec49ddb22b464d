"""Amounts lent: how they lie along a rank, and how unequal they are within and between groups.

Interval of the concentration index: Student's t (simulated from 200 rows on: .94); of Theil's index that of its
logarithm (.93 to .95). Both need more rows the more amounts are skewed: as many as Cochran's rule asks of lognormal
amounts with the same coefficient of variation, and four times as many for Theil's index, whose summands are the more
skewed. With fewer a figure makes no breach and is not clear.
"""

from __future__ import annotations

import math
from dataclasses import replace

from audits.comparisons.along_rank import NO_RANK, ONE_RANK, Along, doubted, lost, order
from audits.evidence.ranked import BEYOND, MISSING, NOT_ABOVE, USABLE, Ranked, Spread
from audits.measuring import from_error
from audits.record import Measurement
from checks.sentence import Sentence, said, template

AMOUNTS = 200
_COCHRAN, _THEIL = 25.0, 100.0  # times the squared skewness: rows that a mean, and a mean of y log y, needs
_FEW_AMOUNTS = template("only {n:,} rows have an amount that can be used, and an error to rely on needs {needed}")
_HEAVY = template(
    "amounts spread so widely (coefficient of variation {cv:.2f}) that {n:,} rows are fewer than the {needed:,.0f} "
    "that this interval needs"
)
_UNUSABLE = template("{share:.1f} % of the granted rows have no amount above zero and are left out")
_UNLABELLED = template("{share:.1f} % of the amounts are of rows without a known group, and count as a group of theirs")
_ALIKE = said("all amounts are the same, so that no error can be told")
_AMOUNT = template(
    "concentration index 2 cov(amount, rank) / mean over {rank}, mid-ranks, errors of Kakwani, Wagstaff and van "
    "Doorslaer"
)
_THEIL_METHOD = said("Theil's index, linearised error, interval of its logarithm")


def amounts_along(found: Ranked, decided: bool) -> Along:
    """The usable amounts of granted rows with a rank, or of all where there are no decisions."""
    by: dict[int, list[float]] = {}
    for one in found.cells:
        if one.place is not None and one.state == USABLE and (not decided or one.passed == 1):
            triple = by.setdefault(one.place, [0.0, 0.0, 0.0])
            for i, part in enumerate((one.rows, one.total, one.squares)):
                triple[i] += part
    return Along(*([by[place][i] for place in sorted(by)] for i in range(3)))


def amount_index(shared: Measurement, found: Ranked, rank: str, decided: bool) -> Measurement:
    """The concentration index of amounts over the rank."""
    from audits.statistics.concentration_index import concentration_index

    along = amounts_along(found, decided)
    meant = [one for one in found.cells if not decided or one.passed == 1]
    rows = sum(one.rows for one in meant)
    usable = sum(one.rows for one in meant if one.state == USABLE)
    counts = {"rows": along.n, "without_rank": usable - along.n, "unusable_amounts": rows - usable}
    counts |= {"different_ranks": found.different, "negative_ranks": found.negative}
    shared = replace(shared, n=along.n, counts=counts, method=said(_AMOUNT, rank=rank), equality=0.0)
    if along.n < AMOUNTS:
        return replace(shared, reason=said(_FEW_AMOUNTS, n=along.n, needed=AMOUNTS))
    if sum(n > 0 for n in along.counts) < 2:
        return replace(shared, reason=said(ONE_RANK, rank=rank))
    spread = _variation(along.n, sum(along.totals), sum(along.squares))
    shared = doubted(shared, [
        *lost(NO_RANK, usable - along.n, usable, rank=rank), *lost(_UNUSABLE, rows - usable, rows),
        *order(found, rank), *_heavy(along.n, spread, _COCHRAN),
    ])  # fmt: skip
    index = concentration_index(along.counts, along.totals, along.squares)
    if not index.index_error > 1e-12:
        return replace(shared, reason=_ALIKE)
    details = {"mean_amount": index.mean, "tied_share": found.modal / found.known}
    for name, (low, high) in {"lowest_fifth": (0.0, 0.2), "highest_fifth": (0.8, 1.0)}.items():
        n, total = along.slice(low, high)
        details[f"{name}_mean_amount"] = total / n
    return replace(shared, details=details, **from_error(index.index, index.index_error, along.n - 1, shared.level))


def theil(shared: Measurement, found: Spread) -> Measurement:
    """Theil's index of amounts, and how much of it lies between and within the groups of an attribute."""
    from audits.statistics.concentration_index import theil_index

    groups = [one for one in found.groups if one.rows]
    n = sum(one.rows for one in groups)
    unknown = sum(one.rows for one in groups if one.label is None) if found.attribute else 0
    counts = {"rows": n, **{f"amount_{_WORDS[state]}": rows for state, rows in found.left_out}}
    counts |= {"groups": len(groups), "without_group": unknown} if found.attribute else {}
    shared = replace(shared, attribute=found.attribute, n=n, counts=counts, method=_THEIL_METHOD)
    if n < AMOUNTS:
        return replace(shared, reason=said(_FEW_AMOUNTS, n=n, needed=AMOUNTS))
    index = theil_index(*(
        [float(getattr(one, name)) for one in groups]
        for name in ("rows", "total", "squares", "logged", "logged_squares", "mixed")
    ))  # fmt: skip
    spread = _variation(n, sum(one.total for one in groups), sum(one.squares for one in groups))
    shared = doubted(shared, [
        *lost(_UNUSABLE, found.rows - n, found.rows), *lost(_UNLABELLED, unknown, n), *_heavy(n, spread, _THEIL),
    ])  # fmt: skip
    if not index.index > 1e-12 or not index.error > 0:
        return replace(shared, reason=_ALIKE)
    details = {"within": index.within, "between": index.between, "between_share": index.between / index.index}
    details |= {"mean_amount": sum(one.total for one in groups) / n, "variation": spread}
    found_at = from_error(math.log(index.index), index.error / index.index, n - 1, shared.level)
    return replace(
        shared, estimate=index.index, standard_error=index.error, low=math.exp(found_at["low"]),
        high=math.exp(found_at["high"]), details=details if found.attribute else {"variation": spread},
        ladder=tuple((at, _exp(low), _exp(high)) for at, low, high in found_at["ladder"]),
    )  # fmt: skip


_WORDS = {MISSING: "missing", NOT_ABOVE: "not_above_zero", BEYOND: "beyond_any_money"}


def _variation(n: int, total: float, squares: float) -> float:
    """Standard deviation over mean."""
    return math.sqrt(max(squares * n / total**2 - 1, 0.0)) if total > 0 else 0.0


def _heavy(n: int, spread: float, factor: float) -> list[Sentence]:
    """Said where amounts as skewed as lognormal ones of this spread need more rows (Cochran 1977, p. 42)."""
    needed = factor * (3 * spread + spread**3) ** 2
    return [said(_HEAVY, cv=spread, n=n, needed=needed)] if n < needed else []


def _exp(bound: float | None) -> float | None:
    return None if bound is None or bound > 700 else math.exp(bound)

"""Access along a rank: its level, its concentration index, and what a single index cannot see.

Interval of the index of access: of atanh(E), by Student's t with one degree less than the rows, so that it keeps
within −1 and 1 (Fisher's transformation). Simulated with ten of each outcome at least it covers .96 to .97 at 50 rows
and .94 to .96 from 200 on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audits.evidence.ranked import Ranked
from audits.measuring import POWER, bounded, bounded_at_once, from_error, number
from audits.record import Measurement, Point
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LOST = 0.05
ROWS, OUTCOMES = 50, 10
_MOST_TIED = 0.5
_BEYOND_CHANCE = 2.576  # standard errors that chance reaches once in a hundred
NO_RANK = template("{share:.1f} % of the rows have no {rank} and no place in the order")
ONE_RANK = template("{rank} is the same for all rows, so that nobody stands above another")
_NOBODY = template("no row has both {rank} and a known outcome")
_FEW = template("only {n:,} rows have {rank} and an outcome, and an error to rely on needs {needed}")
_SCARCE = template("only {n} rows have the rarer outcome, and an error to rely on needs {needed}")
_NEGATIVE = template("{share:.1f} % of the ranks are below zero, and may be codes rather than numbers")
_TIED = template("{share:.0f} % of the rows have the same {rank}: who among them has access is not seen")
_UNDECIDED = template("{share:.1f} % of the rows have no known outcome")
_POOR = template(
    "of the lowest fifth of the order {poor:.1f} % have access, of all {all:.1f} %, which an index over the whole "
    "order can level out"
)
_ERREYGERS = template(
    "Erreygers' index 8 cov(access, rank) over {rank}, of {whom}, −1 to 1 at any level, mid-ranks, errors of Kakwani, "
    "Wagstaff and van Doorslaer, interval of its inverse hyperbolic tangent"
)
_WILSON = template("Wilson score, of {whom}")


@dataclass(frozen=True, slots=True)
class Along:
    """n, Σ h and Σ h² at each place of a rank, ascending."""

    counts: list[float]
    totals: list[float]
    squares: list[float]

    @property
    def n(self) -> int:
        """Rows at all places."""
        return round(sum(self.counts))

    def slice(self, low: float, high: float) -> tuple[float, float]:
        """Rows and Σ h between two shares of the order; rows of one place are split evenly."""
        rows = total = before = 0.0
        size = sum(self.counts)
        for n, h in zip(self.counts, self.totals, strict=True):
            part = max(min(before + n, high * size) - max(before, low * size), 0.0) / n if n else 0.0
            rows, total, before = rows + part * n, total + part * h, before + n
        return rows, total


def access_along(found: Ranked) -> Along:
    """Whether rows with a rank and a known outcome have access."""
    by: dict[int, list[float]] = {}
    for one in found.cells:
        if one.place is not None and one.passed is not None:
            pair = by.setdefault(one.place, [0.0, 0.0])
            pair[0] += one.rows
            pair[1] += one.rows * one.passed
    hits = [by[place][1] for place in sorted(by)]
    return Along([by[place][0] for place in sorted(by)], hits, hits)


def everybody(found: Ranked) -> Ranked:
    """The same rows, where an outcome that is not known is none: who never came to the decision has no access."""
    return replace(found, cells=tuple(replace(one, passed=one.passed or 0) for one in found.cells))


def access_share(shared: Measurement, found: Ranked, whom: Sentence) -> Measurement:
    """The share of rows with a known outcome that have access, whatever their rank; ``whom`` says which rows."""
    from audits.statistics.proportions import score_interval_rate

    rows = sum(one.rows for one in found.cells if one.passed is not None)
    passed = sum(one.rows for one in found.cells if one.passed == 1)
    shared = replace(
        shared, n=rows, counts={"with_access": passed, "rows": rows, "unknown": found.rows - rows},
        method=said(_WILSON, whom=whom),
    )  # fmt: skip
    if not rows:
        return replace(shared, reason=said("no row has a known outcome"))
    shared = _told_unseen(shared, lost(_UNDECIDED, found.rows - rows, found.rows))

    def at(level: Any) -> tuple[Any, Any]:
        interval = score_interval_rate(passed, rows, level)
        return interval.low, interval.high

    return replace(shared, estimate=passed / rows, **bounded_at_once(at, shared.level))


def access_index(shared: Measurement, found: Ranked, rank: str, whom: Sentence) -> Measurement:
    """Erreygers' index of access of ``whom``, with C, Wagstaff's index and the lowest and highest fifth beside it."""
    from audits.statistics.concentration_index import concentration_index

    along = access_along(found)
    passed, n = round(sum(along.totals)), along.n
    known = sum(one.rows for one in found.cells if one.passed is not None)
    counts = {"with_access": passed, "rows": n, "without_rank": known - n, "unknown": found.rows - known}
    counts |= {"different_ranks": found.different, "negative_ranks": found.negative}
    shared = replace(shared, n=n, counts=counts, method=said(_ERREYGERS, rank=rank, whom=whom), equality=0.0)
    if reason := _no_access(along, passed, rank):
        return replace(shared, reason=reason)
    shared = doubted(shared, [
        *lost(NO_RANK, known - n, known, rank=rank),
        *order(found, rank),
    ])  # fmt: skip
    shared = _told_unseen(shared, lost(_UNDECIDED, found.rows - known, found.rows))
    index = concentration_index(along.counts, along.totals, along.squares)
    fifths = {"lowest_fifth": along.slice(0.0, 0.2), "highest_fifth": along.slice(0.8, 1.0)}
    details = {
        "concentration_index": index.index, "concentration_index_error": index.index_error,
        "wagstaff_index": index.wagstaff, "wagstaff_index_error": index.wagstaff_error,
        "access_share": index.mean, **{name: h / rows for name, (rows, h) in fifths.items()},
        "tied_share": found.modal / found.known,
    }  # fmt: skip
    shared = replace(shared, details=details, points=_tenths(along, shared.level))
    shared = _interval(shared, index.erreygers, index.erreygers_error, index.mean, n)
    return _told_unseen(shared, _poorest(shared, fifths["lowest_fifth"], index.mean))


def _no_access(along: Along, passed: int, rank: str) -> Sentence | None:
    if not along.n:
        return said(_NOBODY, rank=rank)
    if sum(n > 0 for n in along.counts) < 2:
        return said(ONE_RANK, rank=rank)
    if along.n < ROWS:
        return said(_FEW, n=along.n, rank=rank, needed=ROWS)
    rarer = min(passed, along.n - passed)
    return said(_SCARCE, n=rarer, needed=OUTCOMES) if rarer < OUTCOMES else None


def _interval(shared: Measurement, estimate: float, error: float, mean: float, n: int) -> Measurement:
    """By the inverse hyperbolic tangent; where the order tells who has access without exception, by the share's own."""
    from scipy.special import stdtrit

    from audits.statistics.proportions import score_interval_rate

    index = min(max(estimate, -1.0), 1.0)
    if abs(index) >= 1 - 1e-12 or not error > 1e-12:

        def edge(level: float) -> tuple[object, object]:
            ends = score_interval_rate(mean * n, n, level)
            least = min(4 * float(p) * (1 - float(p)) for p in (ends.low, ends.high))
            return (least, 1.0) if index > 0 else (-1.0, -least)

        return replace(shared, estimate=index, **bounded(edge, shared.level))
    scale = error / (1 - index**2)
    found = from_error(math.atanh(index), scale, n - 1, shared.level)
    reach = float(stdtrit(n - 1, 0.5 + shared.level / 2) + stdtrit(n - 1, POWER)) * error
    found |= {
        "estimate": index, "standard_error": error, "low": math.tanh(found["low"]), "high": math.tanh(found["high"]),
        "mde": number(reach), "ladder": tuple((at, _tanh(low), _tanh(high)) for at, low, high in found["ladder"]),
    }  # fmt: skip
    return replace(shared, **found)


def _tanh(bound: float | None) -> float | None:
    return None if bound is None else math.tanh(bound)


def _poorest(shared: Measurement, fifth: tuple[float, float], mean: float) -> list[Sentence]:
    """Said where the lowest fifth has less access than all, beyond chance, and the index does not show it."""
    rows, hits = fifth
    if shared.low is None or shared.low > 0 or rows < ROWS / 5:
        return []
    error = math.sqrt(0.8 * mean * (1 - mean) / rows)  # of the fifth less the whole, which holds it
    if hits / rows >= mean - _BEYOND_CHANCE * error:
        return []
    return [said(_POOR, poor=100 * hits / rows, all=100 * mean)]


def _tenths(along: Along, level: float) -> tuple[Point, ...]:
    """Share with access in each tenth of the order, from the lowest."""
    from audits.statistics.proportions import score_interval_rate

    found = []
    for i in range(10):
        rows, hits = along.slice(i / 10, (i + 1) / 10)
        n, x = round(rows), min(round(hits), round(rows))
        if n:
            ends = score_interval_rate(x, n, level)
            found.append(Point("all", (i + 0.5) / 10, x / n, float(ends.low), float(ends.high), n))
    return tuple(found)


def order(found: Ranked, rank: str) -> list[Sentence]:
    """What keeps an order from telling who stands above whom."""
    told = lost(_NEGATIVE, found.negative, found.known)
    if found.modal > _MOST_TIED * found.known:
        told.append(said(_TIED, share=100 * found.modal / found.known, rank=rank))
    return told


def lost(words: str, missing: int, rows: int, **values: str) -> list[Sentence]:
    """Said where more than 5 % of rows are missing."""
    return [said(words, share=100 * missing / rows, **values)] if missing > MOST_LOST * rows else []


def doubted(shared: Measurement, told: Sequence[Sentence]) -> Measurement:
    """The figure with what keeps it from being a breach, and from being clear."""
    return replace(shared, cautions=(*shared.cautions, *told), unseen=(*shared.unseen, *told))


def _told_unseen(shared: Measurement, told: Sequence[Sentence]) -> Measurement:
    return replace(shared, unseen=(*shared.unseen, *told))

"""Chains of re-borrowing: how soon a borrower takes the next loan after the one before has ended, and how long it goes.

A loan continues its borrower's chain when it is opened at most ``gap_days`` days (of the calendar, UTC) after the
borrower's debt before it ended, which is the latest end of all his loans before it; an overlap continues too. Else it
begins a chain. Loans are ordered by their opening, then by ``unit``. What cannot be known is told and never guessed:

* a loan without an end, or one that ended before it was opened, ends on no known day: it says nothing on what followed
  it, and a loan behind it that no known end reaches begins a chain whose length is a least one;
* a borrower's first loan within ``gap_days`` of the first day may continue a loan from before: a least length too;
* a loan whose debt ended less than ``gap_days`` before the last day (that of the newest opening) had not been seen long
  enough to say that nothing followed: its chain was still running, and only the bands of days that were seen count.

``loans`` are counts by what models need: the place in the chain, or group, cell of equal affordability and fees, each
with the band of days in which the next loan came (``bands`` for none) and the number of bands that were wholly seen
(−1 without an end). Affordability is cut at the quantiles of a ratio of two columns, fees at those of fees over amount.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from audits.evidence.needs import ReborrowingNeed
from audits.evidence.reborrowing_layout import Grid, Layout, layout_of
from audits.evidence.reborrowing_rows import loans_sql
from checks.inputs.source import Source

STARTS = ("", "known", "unknown", "truncated")
KINDS = ("places", "groups", "fees")
ENDS = ("goes on", "ended", "unknown", "running")
_COUNTED = ("followed", "overlaps", "on_the_day", "days_between", "unknown_gaps", "same_day", "twins")
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class LoanCount:
    """``loans`` alike in a ``key`` of codes, the ``band`` in which the next came and the bands ``seen``.

    ``first`` of them are the first loan of their borrower. Keys: (place, start) for ``places``, a code of ``STARTS``;
    (attribute, label, cell) for ``groups``; (cell, fees) for ``fees``. A code of −1 says that it is not known.
    """

    kind: str
    key: tuple[int, ...]
    band: int
    seen: int
    loans: int
    first: int


@dataclass(frozen=True, slots=True)
class Reborrowing:
    """Chains, gaps and counts of loans. Days count from 1970-01-01.

    ``counts``: rows, without_borrower, without_opening, borrowers, loans used, without_end (of these), out_of_order (of
    these: ended before it was opened), ended_by_term, without_money, same_day (opened the day of the loan before),
    twins (of the loan before in borrower, time and unit), followed (gaps that are known), overlaps and on_the_day (of
    the end) among them, unknown_gaps, days_between (full days without a loan, over all gaps).
    ``fewest_days`` is the least number of full days without a loan, None without any gap; ``most_same_day`` the most
    loans in a row that were opened on the day on which the debt before ended. ``chains`` holds (length, start, end,
    number): start is known, unknown or truncated, end is ended, running or unknown. ``edges`` are the last day of each
    band. ``labels`` of each attribute by code; ``strata`` of each stratum; ``grids`` are affordability ratios, then
    fees over amount. ``refused`` says which columns have too many labels.
    """

    gap_days: int
    edges: tuple[int, ...]
    first_day: str | None
    last_day: str | None
    counts: Mapping[str, int]
    fewest_days: int | None
    most_same_day: int
    chains: tuple[tuple[int, str, str, int], ...]
    loans: tuple[LoanCount, ...]
    labels: tuple[tuple[str | None, ...], ...]
    strata: tuple[tuple[str | None, ...], ...]
    grids: tuple[Grid, ...]
    refused: tuple[str, ...]

    @property
    def longest(self) -> int:
        """The most loans in a row that are known, of any chain, whole or not."""
        return max((length for length, *_ in self.chains), default=0)

    def of_kind(self, kind: str) -> list[LoanCount]:
        """The counts of one kind."""
        return [one for one in self.loans if one.kind == kind]


def collect_reborrowing(source: Source, need: ReborrowingNeed) -> tuple[Reborrowing, Layout]:
    """A scan for what cannot be used, one for labels, one for quantiles, one that orders the loans.

    Raises ``ValueError`` for a number of days below 0, or of bands below 1.
    """
    if need.gap_days < 0 or need.bands < 1:
        raise ValueError(f"{need.gap_days} days and {need.bands} bands where 0 days and 1 band or more were expected")
    layout = layout_of(source, need)
    totals, counts = _counted(source, layout)
    if counts["twins"]:  # rare, and an order by everything costs twice as much
        layout = replace(layout, order=layout.ties)
        totals, counts = _counted(source, layout)
    extremes, chains, loans = totals
    return Reborrowing(
        gap_days=need.gap_days, edges=layout.edges, first_day=_day(layout.first), last_day=_day(layout.last),
        counts={**layout.counts, **counts}, fewest_days=extremes[0], most_same_day=extremes[1], chains=chains,
        loans=loans, labels=layout.labels, strata=layout.strata, grids=layout.grids, refused=layout.refused,
    ), layout  # fmt: skip


def _day(number: int | None) -> str | None:
    return None if number is None else (_EPOCH + dt.timedelta(days=number)).isoformat()


def _counted(source: Source, layout: Layout) -> tuple[tuple[Any, Any, Any], dict[str, int]]:
    """Extremes, chains and counts of loans, from one pass over the ordered loans."""
    groups = [f"a{i}" for i in range(len(layout.labels))]
    keys = ["place_in", "start", *groups, "cell", "fee"]
    sets = ["(place_in, start, j, m, ends)", *(f"({name}, cell, j, m)" for name in groups), "(cell, fee, j, m)", "()"]
    figures = (
        "count(*), sum(CASE WHEN place = 1 THEN 1 ELSE 0 END), max(place - same_start), "
        "min(CASE WHEN before IS NOT NULL THEN greatest(before - 1, 0) END), count(before), "
        "sum(CASE WHEN before < 0 THEN 1 ELSE 0 END), sum(CASE WHEN before = 0 THEN 1 ELSE 0 END), "
        "sum(greatest(before - 1, 0)), "
        "sum(CASE WHEN before IS NULL AND place > 1 THEN 1 ELSE 0 END), "
        "sum(CASE WHEN d = d_before THEN 1 ELSE 0 END), sum(twin)"
    )
    shown = ", ".join([*keys, "j", "m", "ends"])
    sql = (
        f"{loans_sql(layout)} SELECT GROUPING({', '.join(keys)}), {shown}, {figures} FROM loans "
        f"GROUP BY GROUPING SETS ({', '.join(sets)})"
    )
    width = len(keys)
    chains: dict[tuple[int, str, str], int] = {}
    found: list[LoanCount] = []
    extremes: tuple[int | None, int] = (None, 0)
    counts = dict.fromkeys(
        ("followed", "overlaps", "on_the_day", "days_between", "unknown_gaps", "same_day", "twins"), 0
    )
    for row in source.rows(sql):
        bits, codes = int(row[0]), row[1 : 1 + width]
        j, m, ends, n, first, run, fewest, *others = row[1 + width :]
        here = [not bits >> (width - 1 - i) & 1 for i in range(width)]
        if not any(here):
            extremes = (None if fewest is None else int(fewest), int(run or 0))
            counts = dict(zip(counts, (int(value or 0) for value in others), strict=True))
            counts["borrowers"] = int(first or 0)
        elif here[0]:
            length, start = int(codes[0]), STARTS[int(codes[1])]
            if ends:
                chain = length, start, ENDS[int(ends)]
                chains[chain] = chains.get(chain, 0) + int(n)
            found.append(LoanCount("places", (length, int(codes[1])), int(j), int(m), int(n), int(first)))
        elif here[-1]:
            found.append(LoanCount("fees", (int(codes[-2]), int(codes[-1])), int(j), int(m), int(n), int(first)))
        else:
            which = here[2:-2].index(True)
            key = (which, int(codes[2 + which]), int(codes[-2]))
            found.append(LoanCount("groups", key, int(j), int(m), int(n), int(first)))
    ordered = tuple(sorted((*key, n) for key, n in chains.items()))
    return (extremes, ordered, _merged(found)), counts


def _merged(found: Sequence[LoanCount]) -> tuple[LoanCount, ...]:
    """Counts of the same key added up, sorted."""
    sums: dict[tuple[int, tuple[int, ...], int, int], list[int]] = {}
    for one in found:
        held = sums.setdefault((KINDS.index(one.kind), one.key, one.band, one.seen), [0, 0])
        held[0] += one.loans
        held[1] += one.first
    return tuple(
        LoanCount(KINDS[kind], key, band, seen, *held) for (kind, key, band, seen), held in sorted(sums.items())
    )


def reborrowing_to_json(found: Reborrowing) -> str:
    """Text of a file; floats in full precision."""
    content = asdict(found)
    content["loans"] = [[one.kind, list(one.key), one.band, one.seen, one.loans, one.first] for one in found.loans]
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def reborrowing_from_json(text: str) -> Reborrowing:
    """The inverse of ``reborrowing_to_json``; keys of other parts of a file are left out."""
    content: dict[str, Any] = json.loads(text)
    loans = tuple(LoanCount(kind, tuple(key), *numbers) for kind, key, *numbers in content["loans"])
    lists = {name: tuple(map(tuple, content[name])) for name in ("chains", "labels", "strata")}
    grids = tuple(Grid(**{name: tuple(value) for name, value in one.items()}) for one in content["grids"])
    plain = {name: tuple(content[name]) for name in ("edges", "refused")}
    kept = {name: content[name] for name in Reborrowing.__dataclass_fields__ if name in content}
    return Reborrowing(**{**kept, **lists, **plain, "loans": loans, "grids": grids})

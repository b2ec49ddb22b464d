"""Chains of loans from a drawn book: what the collector would find, worked out from arrays of loans.

A test collects some books through the engine and compares every count and every sum of squares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.needs import ReborrowingNeed
from audits.evidence.reborrowing import ENDS, STARTS, LoanCount, Reborrowing
from audits.evidence.reborrowing_influences import Influences
from audits.evidence.reborrowing_layout import PER_MILLE, Grid, _bands, band_edges, grid
from audits.evidence.reborrowing_models import Table, models_of
from audits.record import DataRecord

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
_NONE = -(1 << 40)  # a day that is not known
_WIDE = 1 << 42
__all__ = ["ChainEvidence", "Loans"]


@dataclass(frozen=True)
class ChainEvidence:
    """The methods of ``Evidence`` that a question on chains of loans reads, for one drawn book."""

    columns: Columns
    data: DataRecord

    def reborrowing(self, need: ReborrowingNeed) -> tuple[Reborrowing, Influences]:
        """As ``collect_whole``, for books that name every borrower, opening and amount, in which no debt has a term."""
        if need.strata or need.term:
            raise NotImplementedError(f"{need}: the worlds have neither strata nor terms")
        loans = Loans.of(self.columns, need)
        found = loans.counted()
        estimates, tables = models_of(found, need, [self.data.references[name] for name in need.attributes])
        return found, loans.influences(tables, len(estimates))


@dataclass(frozen=True)
class Loans:
    """Loans sorted by borrower and opening (N,): borrower, days of opening and end (``_NONE`` for none), codes."""

    need: ReborrowingNeed
    who: Ints
    opened: Ints
    ended: Ints
    labels: tuple[tuple[str | None, ...], ...]
    groups: tuple[Ints, ...]
    grids: tuple[Grid, ...]
    cell: Ints
    fee: Ints
    fees: Floats
    amount: Floats
    _told: dict[tuple[str, int], tuple[Ints, Ints]] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Columns, need: ReborrowingNeed) -> Loans:
        """The loans of a book under the names that the need gives."""
        who = np.unique(columns[need.entity], return_inverse=True)[1]
        order = np.lexsort((columns[str(need.unit)], columns[need.opened], who))
        mine = {name: values[order] for name, values in columns.items()}
        loans = len(order)
        labels, groups = [], []
        for name in need.attributes:
            known, codes = np.unique(mine[name].astype(str), return_inverse=True)
            labels.append(tuple(known.tolist()))
            groups.append(codes.astype(np.int64))
        wanted = _bands(need, loans, ())
        ratios = [_thousandths(mine[above], mine[below] / need.times) for above, below in need.ratios]
        grids = [_grid(ratio, wanted, 0) for ratio in ratios]
        cell = np.zeros(loans, dtype=np.int64)
        for ratio, one in zip(ratios, grids, strict=True):
            cell = cell * max(one.bands, 1) + np.searchsorted(one.edges, ratio)
        share = _thousandths(mine[str(need.fees)], mine[str(need.amount)])
        by_fees = _grid(share, need.bands, 1)
        fee = np.where(share < 1, -1, np.searchsorted(by_fees.edges, share))
        return cls(
            need, who[order], _days(mine[need.opened]), _days(mine[str(need.closed)]), tuple(labels), tuple(groups),
            (*grids, by_fees), cell, fee, mine[str(need.fees)].astype(np.float64),
            mine[str(need.amount)].astype(np.float64),
        )  # fmt: skip

    @property
    def edges(self) -> tuple[int, ...]:
        """Last day of each band since a loan's end."""
        return band_edges(self.need.gap_days)

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """Whether a loan is its borrower's first."""
        return np.asarray(np.diff(self.who, prepend=-1) > 0)

    @cached_property
    def last(self) -> NDArray[np.bool_]:
        """Whether it is his last."""
        return np.asarray(np.roll(self.first, -1))

    @cached_property
    def reach(self) -> Ints:
        """The latest end of all loans of the borrower so far, this one too."""
        top = self.who * _WIDE + np.where(self.ended == _NONE, 0, self.ended + 1)
        found = np.maximum.accumulate(top) - self.who * _WIDE
        return np.asarray(np.where(found == 0, _NONE, found - 1))

    @cached_property
    def before(self) -> Ints:
        """Days since the debt before ended, ``_NONE`` where there is none or it is not known."""
        reached = np.where(self.first, _NONE, np.roll(self.reach, 1))
        return np.asarray(np.where(reached == _NONE, _NONE, self.opened - reached))

    @cached_property
    def starts(self) -> Ints:
        """Code of ``STARTS`` where a loan begins a chain, else 0."""
        goes_on = (self.before != _NONE) & (self.before <= self.need.gap_days)
        endless = ~self.first & (np.roll(self.ended, 1) == _NONE)
        early = self.first & (self.opened < self.opened.min() + self.need.gap_days)
        return np.where(goes_on, 0, np.where(endless, 2, np.where(early, 3, 1)))

    @cached_property
    def chain(self) -> Ints:
        """Position of the loan that began the chain."""
        return np.asarray(np.maximum.accumulate(np.where(self.starts > 0, np.arange(len(self.who)), 0)))

    @cached_property
    def place(self) -> Ints:
        """Place in the chain, from 1."""
        return np.asarray(np.arange(len(self.who)) - self.chain + 1)

    @cached_property
    def band(self) -> Ints:
        """The band in which the next loan came, their number for none."""
        size, gap = len(self.edges), np.roll(self.opened, -1) - self.reach
        known = ~self.last & (self.reach != _NONE)
        return np.where(known, np.minimum(np.searchsorted(self.edges, gap), size), size)

    @cached_property
    def seen(self) -> Ints:
        """Bands that were wholly seen, −1 without an end."""
        whole = (self.reach[:, None] + np.array(self.edges) <= self.opened.max()).sum(axis=1)
        return np.where(self.ended == _NONE, -1, whole)

    @cached_property
    def ends(self) -> Ints:
        """Code of ``ENDS``."""
        size = len(self.edges)
        over = (self.seen == size) | ((self.seen >= 0) & ~self.last)
        return np.where(self.band < size, 0, np.where(over, 1, np.where(~self.last, 2, 3)))

    def counted(self) -> Reborrowing:
        """As ``collect_reborrowing``."""
        known, n = self.before != _NONE, len(self.who)
        counts = dict.fromkeys((
            "without_borrower", "without_opening", "out_of_order", "ended_by_term", "without_money", "twins",
        ), 0) | {
            "rows": n, "loans": n, "borrowers": int(self.first.sum()), "without_end": int((self.ended == _NONE).sum()),
            "followed": int(known.sum()), "overlaps": int((known & (self.before < 0)).sum()),
            "on_the_day": int((self.before == 0).sum()), "unknown_gaps": int((~known & ~self.first).sum()),
            "days_between": int(np.maximum(self.before[known] - 1, 0).sum()),
            "same_day": int((~self.first & (np.roll(self.opened, 1) == self.opened)).sum()),
        }  # fmt: skip
        same = np.maximum.accumulate(np.where(self.before == 0, 0, np.arange(n)))
        over = self.ends > 0
        chains, numbers = np.unique(
            np.stack([self.place, self.starts[self.chain], self.ends])[:, over], axis=1, return_counts=True
        )
        whole = ((int(p), STARTS[s], ENDS[e], int(m)) for (p, s, e), m in zip(chains.T, numbers, strict=True))
        fewest = np.maximum(self.before[known] - 1, 0)
        return Reborrowing(
            gap_days=self.need.gap_days, edges=self.edges, first_day=str(np.datetime64(int(self.opened.min()), "D")),
            last_day=str(np.datetime64(int(self.opened.max()), "D")), counts=counts,
            fewest_days=int(fewest.min()) if len(fewest) else None, most_same_day=int((np.arange(n) - same).max()),
            chains=tuple(sorted(whole)), loans=tuple(self._counts()), labels=self.labels, strata=(), grids=self.grids,
            refused=(),
        )  # fmt: skip

    def _kinds(self, kind: str, attribute: int) -> tuple[Ints, Ints]:
        """The different codes of loans of a kind, with band and seen, and which of them each loan has."""
        if (kind, attribute) not in self._told:
            if kind == "groups":
                own = [self.groups[attribute], self.cell]
            else:
                own = [self.place, self.starts[self.chain]] if kind == "places" else [self.cell, self.fee]
            self._told[kind, attribute] = _different([*own, self.band, self.seen])
        return self._told[kind, attribute]

    def _counts(self) -> list[LoanCount]:
        found = []
        for kind in ("places", "groups", "fees"):
            for attribute in range(len(self.groups)) if kind == "groups" else (0,):
                keys, place = self._kinds(kind, attribute)
                sizes = np.bincount(place)
                firsts = np.bincount(place, self.first).astype(np.int64)
                for key, n, first in zip(keys.tolist(), sizes.tolist(), firsts.tolist(), strict=True):
                    told = (attribute, *key[:2]) if kind == "groups" else tuple(key[:2])
                    found.append(LoanCount(kind, told, key[2], key[3], n, first))
        return found

    def influences(self, tables: Sequence[Table], estimates: int) -> Influences:
        """As ``collect_influences``, without the rounding of the engine's whole numbers."""
        borrowers = int(self.who[-1]) + 1
        sums = np.zeros((estimates, borrowers))
        for table in tables:
            keys, place = self._kinds(table.kind, table.attribute or 0)
            nothing = (0.0,) * len(table.places)
            values = np.array([table.influences.get(tuple(key), nothing) for key in keys.tolist()])
            for column, estimate in enumerate(table.places):
                sums[estimate] += np.bincount(self.who, np.nan_to_num(values[:, column])[place], minlength=borrowers)
        squares = (sums**2).sum(axis=1)
        most = np.abs(sums).max(axis=1) ** 2
        known = self.starts[self.chain] == 1
        begins = known & (self.place == 1)
        fees = np.bincount(self.who, self.fees * known, minlength=borrowers)
        lent = np.bincount(self.who, self.amount * begins, minlength=borrowers)
        money = (fees.sum(), lent.sum(), fees @ fees, fees @ lent, lent @ lent)
        return Influences(
            tuple(squares.tolist()), tuple(np.divide(most, squares, where=squares > 0, out=most * 0).tolist()),
            borrowers, int(np.bincount(self.who).max()), False, tuple(map(float, money)), int(begins.sum()),
        )  # fmt: skip


def _days(moments: NDArray[Any]) -> Ints:
    days = moments.astype("datetime64[D]")
    return np.where(np.isnat(days), _NONE, days.astype(np.int64))


def _thousandths(above: NDArray[Any], below: NDArray[Any]) -> Ints:
    found: Ints = np.floor(above.astype(np.float64) / below * PER_MILLE + 0.5).astype(np.int64)
    return found


def _grid(values: Ints, bands: int, least: int) -> Grid:
    different, numbers = np.unique(values[values >= least], return_counts=True)
    return grid(dict(zip(different.tolist(), numbers.tolist(), strict=True)), bands)


def _different(keys: Sequence[Ints]) -> tuple[Ints, Ints]:
    """The different rows of columns of codes from −1 on, sorted, and which of them each row is."""
    sizes = [int(one.max()) + 2 for one in keys]
    codes = np.ravel_multi_index([one + 1 for one in keys], sizes)
    there = np.zeros(prod(sizes), dtype=bool)
    there[codes] = True
    found = np.flatnonzero(there)
    return np.array(np.unravel_index(found, sizes)).T - 1, (np.cumsum(there) - 1)[codes]

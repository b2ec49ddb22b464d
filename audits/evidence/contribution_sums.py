"""Sides of a gap from contributions of drawn rows and the counts of the whole book: of a label, and within strata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.contribution_bins import Bins, Book, Pair, Stratum
from audits.evidence.contribution_results import FEWEST
from audits.evidence.contribution_rows import ComputedRows
from audits.evidence.model_rows import ModelRows
from audits.statistics.output_gap import Beside, Further, Side, drawn_side, standardised_side

Key = tuple[str, str]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """A group and its reference at the group's shares of ``strata`` strata ``of`` its own, ``covered`` rows of it.

    No ``sides`` where too few rows of either were drawn there.
    """

    strata: int
    of: int
    covered: int
    sides: tuple[Side, Side] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What sides are made of; ``strata`` of each drawn row, none without strata; ``crossed`` pairs of features."""

    drawn: ModelRows
    rows: ComputedRows
    bins: Sequence[Bins]
    book: Book
    pairs: Mapping[Key, int] | None
    entity: str | None
    strata: Sequence[Stratum]
    usable: NDArray[np.bool_]
    crossed: Sequence[Pair] = ()
    kept: dict[tuple[Key, int, int], Side | None] = field(default_factory=dict)

    def side(self, key: Key, chosen: Whole, scored: Whole | None = None) -> Side | None:
        """The side of a label from rows with contributions; None where too few were drawn.

        ``scored`` are these and the rows drawn next, whose outputs alone tell the total; they serve where the model
        takes all of both.
        """
        of = key, len(chosen), 0 if scored is None else len(scored)  # first rows: how many tell which
        if of not in self.kept:
            self.kept[of] = self._side(key, chosen, scored)
        return self.kept[of]

    def _side(self, key: Key, chosen: Whole, scored: Whole | None) -> Side | None:
        if len(chosen) < FEWEST:
            return None
        phi, every = self._all(key, chosen)
        size = self.book.sizes.get(key, len(every))
        bins, book = self._bins(key, every)
        beside = self._beside(key, bins)
        further = None
        if scored is not None and not len(self.lost(key, scored)):
            further = self._further(key, np.setdiff1d(scored, chosen))
        return drawn_side(phi, size, bins, book, self.entities(every), self._pairs(key), self._apart, beside, further)

    def _further(self, key: Key, rows: Whole) -> Further | None:
        if not len(rows):
            return None
        bins, _ = self._bins(key, rows)
        beside = self._beside(key, bins)
        outputs = self.rows.margins(rows) - self.rows.explained.base
        return Further(outputs, bins, beside.values if beside else None)

    def lost(self, key: Key, chosen: Whole) -> Whole:
        """Rows drawn of a label with those chosen that the model does not take: as far as the next that it takes."""
        places, mine = self.drawn.places[key[0]], self.drawn.labels[key[0]] == key[1]
        last = int(places[chosen].max(initial=-1))
        further = places[mine & self.usable & (places > last)]
        end = min(int(further.min()) if len(further) else len(places), self.drawn.most)
        return np.flatnonzero(mine & ~self.usable & (places < end))

    def _all(self, key: Key, chosen: Whole) -> tuple[NDArray[np.float64], Whole]:
        """Contributions of the chosen rows, and of those not taken, which are NaN; and which rows these are."""
        phi, lost = self.rows.of(chosen), self.lost(key, chosen)
        return np.concatenate([phi, np.full((len(lost), phi.shape[1]), np.nan)]), np.concatenate([chosen, lost])

    @property
    def _apart(self) -> list[int]:
        return [one.apart for one in self.bins]

    def entities(self, chosen: Whole) -> NDArray[Any] | None:
        """The number of the entity of each row; a row without one is one of its own."""
        if self.entity is None:
            return None
        names: dict[Any, int] = {}
        values = self.drawn.columns[self.entity][chosen].tolist()
        return np.array([-1 - i if value is None or value != value else names.setdefault(value, len(names))
                         for i, value in enumerate(values)])  # fmt: skip

    def within(self, chosen: Mapping[Key, Whole], one: Key, other: Key) -> Within:
        """A group and its reference at the group's shares of the strata of which rows of both were drawn.

        The shares are of rows that the model takes.
        """
        books = [self.book.strata.get(key, {}) for key in (one, other)]
        cells = [[self.strata[i] for i in chosen[key]] for key in (one, other)]
        shared = sorted(set(cells[0]) & set(cells[1]) & set(books[0]) & set(books[1]), key=_order)
        place = {stratum: i for i, stratum in enumerate(shared)}
        told = len(shared), len(books[0]), sum(books[0][stratum] for stratum in shared)
        drawn, lost = Counter(cells[0]), Counter(self.strata[i] for i in self.lost(one, chosen[one]))
        shares = [books[0][cell] * drawn[cell] / (drawn[cell] + lost[cell]) for cell in shared]
        sides = []
        for key, own, book in zip((one, other), cells, books, strict=True):
            if sum(cell in place for cell in own) < FEWEST:
                return Within(*told)
            phi, rows = self._all(key, chosen[key])
            codes = [place.get(self.strata[i], len(shared)) for i in rows]
            inside = [book[stratum] for stratum in shared]
            held = [*inside, sum(book.values()) - sum(inside)]
            bins, counts = self._bins(key, rows)
            sides.append(standardised_side(
                phi, codes, shares, held, bins, counts, self.entities(rows), self._pairs(key), self._apart,
                self._beside(key, bins),
            ))  # fmt: skip
        return Within(*told, (sides[0], sides[1]))

    def _bins(self, key: Key, chosen: Whole) -> tuple[list[Any], list[Any]]:
        """For each feature the bin of each row, and the label's rows of the book in each bin."""
        held = self.book.bins.get(key)
        if held is None:
            return [], []
        frame = self.drawn.features
        return [one.codes(frame[one.feature].to_numpy()[chosen]) if one.count else () for one in self.bins], list(held)

    def _beside(self, key: Key, codes: Sequence[Any]) -> Beside | None:
        """The product of the scores of each crossed pair's bins, from the codes of all features' bins."""
        tables = self.book.crossed.get(key, {})
        places = {bins.feature: i for i, bins in enumerate(self.bins)}
        values, book = [], []
        for pair in [pair for pair in self.crossed if pair in tables]:
            at = [places[name] for name in pair]
            one, other = (self.bins[i].scores() for i in at)
            if one is not None and other is not None:
                values.append(one[codes[at[0]]] * other[codes[at[1]]])
                book.append(float(one @ tables[pair] @ other) / max(int(tables[pair].sum()), 1))
        return Beside(np.stack(values, axis=1), book) if values else None

    def _pairs(self, key: Key) -> int | None:
        return None if self.pairs is None else self.pairs.get(key, 0)


def _order(stratum: Stratum) -> tuple[tuple[bool, str], ...]:
    return tuple((level is None, level or "") for level in stratum)

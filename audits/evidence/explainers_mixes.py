"""Shapley values of any model from mixes of a row with background rows: over every set of players, or along orders.

v(S) is the mean output with the players in S from the row and the others from each background row in turn. Over every
set (Shapley 1953): φ_j = Σ_S |S|! (p − |S| − 1)! / p! (v(S ∪ j) − v(S)). Along drawn orders, each walked forwards and
backwards (Castro, Gómez & Tejada 2009; Mitchell et al. 2022 on antithetic orders), a player's value is the mean of what
it adds when it comes: what they add up to is v(all) − v(none), exactly, and pairs of players are shared out exactly.
All rows of a block walk the same orders, so that a mix is made of whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

MOST_EXACT = 10
ORDERS = 10
_CELLS = 20_000_000
_NARROW = 200  # columns up to which a mix is put together column by column
Numbers = NDArray[np.float64]
Margins = Callable[["pd.DataFrame"], Numbers]


def blocks(rows: int, cells: int, most: int = _CELLS) -> Iterator[slice]:
    """Slices of rows that hold at most ``most`` cells, of ``cells`` each, and at least one row."""
    step = max(1, most // max(cells, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


class Mixes:
    """Mean outputs of mixes of a block of rows with the background, each set of players computed once."""

    def __init__(
        self, margins: Margins, rows: pd.DataFrame, background: pd.DataFrame, of: Sequence[Sequence[int]]
    ) -> None:
        """``of`` holds for each player the places of its columns; columns of no player stay the row's own."""
        n, b = len(rows), len(background)
        self._margins, self._shape, self._players = margins, (n, b), len(of)
        self._x = rows.iloc[np.repeat(np.arange(n), b)].reset_index(drop=True)
        self._z = background.iloc[np.tile(np.arange(b), n)].reset_index(drop=True)
        narrow = range(rows.shape[1] if rows.shape[1] <= _NARROW else 0)
        self._columns = [[side.iloc[:, i].array for i in narrow] for side in (self._x, self._z)]
        self._at = np.full(rows.shape[1], -1)
        for player, places in enumerate(of):
            self._at[list(places)] = player
        self._kept: dict[int, Numbers] = {}

    def __call__(self, players: int) -> Numbers:
        """(rows,) the mean output with the players of this set (bit j for player j) from the row."""
        found = self._kept.get(players)
        if found is None:
            found = self._margins(self._mix(players)).reshape(self._shape).mean(axis=1)
            self._kept[players] = found
        return found

    def _mix(self, players: int) -> pd.DataFrame:
        import pandas as pd

        own = np.array([at < 0 or bool(players >> int(at) & 1) for at in self._at], dtype=bool)
        if own.all():
            return self._x
        if len(own) <= _NARROW:  # no value is copied
            taken = zip(self._x.columns, self._columns[0], self._columns[1], own, strict=True)
            return pd.DataFrame({name: x if ours else z for name, x, z, ours in taken}, copy=False)
        ours, theirs = np.flatnonzero(own), np.flatnonzero(~own)
        both = pd.concat([self._x.iloc[:, ours], self._z.iloc[:, theirs]], axis=1)
        return both.iloc[:, np.argsort(np.concatenate([ours, theirs]), kind="stable")]


def exact(mixes: Mixes, p: int) -> Numbers:
    """(rows, p) over every set of players."""
    every = [mixes(s) for s in range(1 << p)]
    found = np.zeros((len(every[0]), p))
    for s in range(1 << p):
        size = s.bit_count()
        for j in range(p):
            if not s >> j & 1:
                weight = factorial(size) * factorial(p - size - 1) / factorial(p)
                found[:, j] += weight * (every[s | 1 << j] - every[s])
    return found


def along_orders(mixes: Mixes, p: int, rows: int, seed: int = 0, orders: int = ORDERS) -> Numbers:
    """(rows, p) along ``orders`` drawn orders, each in both directions."""
    rng = np.random.default_rng(seed)
    found = np.zeros((rows, p))
    for _ in range(orders):
        order = rng.permutation(p)
        for walk in (order, order[::-1]):
            held, before = 0, mixes(0)
            for j in walk:
                held |= 1 << int(j)
                after = mixes(held)
                found[:, j] += after - before
                before = after
    return found / (2 * orders)

"""Exact interventional Shapley values of sums of trees, against a background, in time that hardly depends on its size.

A leaf of value v is reached by the mix of a row x and a background row z (some players from x, the others from z) when
each player on its path comes from one that passes the player's splits. With A the players that only x passes, B those
that only z passes, and none that neither passes, the game "v if the leaf is reached" has the Shapley values

    v (|A| − 1)! |B|! / (|A| + |B|)!   for a player in A,    −v |A|! (|B| − 1)! / (|A| + |B|)!   for one in B,

and 0 for the others (Lundberg et al. 2020, Nature Machine Intelligence 2, the independent Tree SHAP). They depend on x
and z only through the sets of players that each passes, so a leaf needs one table by the set that x passes, averaged
over the sets that the background passes; a row only looks up. Splits of any kind serve, since only what passes counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_DENSE = 8  # players on a path up to which tables by every set are made ahead
_COUNTED = 12  # players up to which different sets are counted, not sorted
_MOST = 62  # players on a path whose set fits into a whole number
_ROWS = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nodes of one tree, the root first; ``value`` is that of a leaf, whose ``left`` is −1.

    ``passes(x, node)`` tells for columns (columns, rows) as the model sees them which rows go to the left of a node.
    """

    column: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Numbers
    passes: Callable[[Numbers, int], NDArray[np.bool_]]


class TooDeep(Exception):  # noqa: N818
    """A path has more players than a set can hold."""


def outputs(trees: Sequence[Tree], x: Numbers) -> Numbers:
    """(rows,) sum of the trees' outputs for columns (columns, rows)."""
    found = np.zeros(x.shape[1])
    for tree in trees:
        waiting = [(0, np.arange(x.shape[1]))]
        while waiting:
            node, rows = waiting.pop()
            if not len(rows):
                continue
            if tree.left[node] < 0:
                found[rows] += tree.value[node]
                continue
            goes = tree.passes(x, node)[rows]
            waiting += [(int(tree.left[node]), rows[goes]), (int(tree.right[node]), rows[~goes])]
    return found


def interventional(trees: Sequence[Tree], x: Numbers, z: Numbers, players: NDArray[np.int64], p: int) -> Numbers:
    """(rows, p) Shapley values of the rows of x (columns, rows) against the mean over z (columns, background).

    ``players`` (columns,) names the player of each column: columns of one player change together. Raises ``TooDeep``.
    """
    found = np.zeros((p, x.shape[1]))
    for start in range(0, x.shape[1], _ROWS):
        both, into = np.concatenate([x[:, start : start + _ROWS], z], axis=1), found[:, start : start + _ROWS]
        rows = into.shape[1]
        held = np.empty(rows)
        for tree in trees:
            for value, path, sets in _leaves(tree, both, players):
                _add(into, value, path, sets[:rows], sets[rows:], held)
    return found.T


def _leaves(tree: Tree, x: Numbers, players: NDArray[np.int64]) -> Iterator[tuple[float, list[int], NDArray[np.int64]]]:
    """Each leaf's value, the players on its path, and the set that each row passes: bit k for the path's player k."""
    waiting: list[tuple[int, list[int], NDArray[np.int64]]] = [(0, [], np.zeros(x.shape[1], dtype=np.int64))]
    left, right, value, columns = tree.left.tolist(), tree.right.tolist(), tree.value.tolist(), tree.column.tolist()
    while waiting:
        node, path, sets = waiting.pop()
        if left[node] < 0:
            if path and value[node] != 0:
                yield value[node], path, sets
            continue
        player = int(players[columns[node]])
        known = player in path
        longer = path if known else [*path, player]
        if len(longer) > _MOST:
            raise TooDeep
        bit = 1 << longer.index(player)
        goes = tree.passes(x, node) * np.int64(bit)
        if known:
            one, other = sets & (goes | ~bit), sets & ~goes
        else:
            one = sets | goes
            other = one ^ bit
        waiting += [(left[node], longer, one), (right[node], longer, other)]


def _add(
    into: Numbers, value: float, path: list[int], of_x: NDArray[np.int64], of_z: NDArray[np.int64], held: Numbers
) -> None:
    """Adds one leaf's values to (p, rows); ``held`` (rows,) is overwritten."""
    k = len(path)
    if k <= _DENSE:
        share = np.bincount(of_z, minlength=1 << k).astype(np.float64) * (value / len(of_z))
        table, at = shapley_tables(k) @ share, of_x
    else:
        sets, at, _ = _different(of_x, k)
        others, _, counts = _different(of_z, k)
        table = _table(k, sets, others, counts.astype(np.float64) * (value / len(of_z)))
    for player, row in zip(path, table, strict=True):
        row.take(at, out=held, mode="clip")  # every place is within: only quicker
        into[player] += held


def _different(sets: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The different sets of k players in order, the place of each row's among them, and their rows."""
    if k > _COUNTED:
        found = np.unique(sets, return_inverse=True, return_counts=True)
        return found[0], found[1], found[2]
    rows = np.bincount(sets, minlength=1 << k)
    there = rows > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[sets], rows[there]


@cache
def shapley_tables(k: int) -> Numbers:
    """(k, 2^k, 2^k) values of a leaf of value 1 by player, the set that x passes and the set that z passes."""
    every = np.arange(1 << k, dtype=np.int64)
    return np.stack([_table(k, every, every[i : i + 1], np.ones(1)) for i in range(1 << k)], axis=2)


def _table(k: int, sets: NDArray[np.int64], others: NDArray[np.int64], shares: Numbers) -> Numbers:
    """(k, sets) values of a leaf by player and the set that x passes, summed over the background's sets by share."""
    full = np.int64((1 << k) - 1)
    at, by = np.nonzero((sets[:, None] | others[None, :]) == full)
    a, b = sets[at] & ~others[by], others[by] & ~sets[at]
    own, foreign = _weights(k)
    many, few = np.bitwise_count(a), np.bitwise_count(b)
    gain, loss = shares[by] * own[many, few], shares[by] * foreign[many, few]
    found = np.empty((k, len(sets)))
    for j in range(k):
        found[j] = np.bincount(at, gain * (a >> j & 1) - loss * (b >> j & 1), minlength=len(sets))
    return found


@cache
def _weights(k: int) -> tuple[Numbers, Numbers]:
    """(k + 1, k + 1) weights of a player in A and of one in B, by the sizes of A and B."""
    own, foreign = np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
    for a in range(k + 1):
        for b in range(k + 1 - a):
            own[a, b] = factorial(a - 1) * factorial(b) / factorial(a + b) if a else 0.0
            foreign[a, b] = factorial(a) * factorial(b - 1) / factorial(a + b) if b else 0.0
    return own, foreign

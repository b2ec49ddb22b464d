"""Exact interventional Shapley values of sums of trees, against a background, in time that hardly depends on its size.

A leaf of value v is reached by the mix of a row x and a background row z (some players from x, the others from z) when
each player on its path comes from one that passes the player's splits. With A the players that only x passes, B those
that only z passes, and none that neither passes, the game "v if the leaf is reached" has the Shapley values

    v (|A| − 1)! |B|! / (|A| + |B|)!   for a player in A,    −v |A|! (|B| − 1)! / (|A| + |B|)!   for one in B,

and 0 for the others (Lundberg et al. 2020, Nature Machine Intelligence 2, the independent Tree SHAP). They depend on x
and z only through the sets of players that each passes, so a leaf needs one table by the set that x passes, averaged
over the sets that the background passes; a row only looks up. Splits of any kind serve, since only what passes counts.

The weights are integrals over t from 0 to 1, of t^(|A| − 1) (1 − t)^|B| and t^|A| (1 − t)^(|B| − 1), and exact sums
over a few t (Gauss-Legendre). Of a path of k players B are those that x does not pass, A those that z does not. With S
the set that x passes and G(S) = Σ t^|A| over the background's A within S, a table is made of sums over subsets alone:
of lose(S) = ∫ (1 − t)^(k − |S| − 1) G(S) dt and gain(S), the same with G / t,

    v (gain(S) − lose(S) − gain(S without j))   for a player j in S,    −v lose(S)   for one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_DENSE = 11  # players on a path up to which tables are of every set
_COUNTED = 12  # players up to which different sets are counted, not sorted
_MOST = 62  # players on a path whose set fits into a whole number
_ROWS, _SETS, _CELLS = 8192, 2_000_000, 16_384  # rows at once, rows of leaves, and cells of a table that stay at hand
_NODES = 1 << 16  # splits times rows at once
_FEW, _MANY = 16, 128  # leaves whose tables are made at once
_MATRIX = 7  # players up to which these are products of matrices, and so small that no library takes threads for them
_PRODUCT = 1 << 17
Sets = NDArray[np.signedinteger[Any]]  # in as few bits as the longest path of a tree needs
Leaf = tuple[float, list[int], Sets]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nodes of one tree, the root first; ``value`` is that of a leaf, whose ``left`` is −1.

    ``passes(x, nodes)`` tells for columns (columns, rows) as the model sees them and nodes that split (nodes,) which
    rows go to the left of each, (nodes, rows).
    """

    column: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Numbers
    passes: Callable[[Numbers, NDArray[np.int64]], NDArray[np.bool_]]


class TooDeep(Exception):  # noqa: N818
    """A path has more players than a set can hold."""


def interventional(trees: Sequence[Tree], x: Numbers, z: Numbers, players: NDArray[np.int64], p: int) -> Numbers:
    """(rows, p) Shapley values of the rows of x (columns, rows) against the mean over z (columns, background).

    ``players`` (columns,) names the player of each column: columns of one player change together. Raises ``TooDeep``.
    """
    found = np.zeros((p, x.shape[1]))
    for start in range(0, x.shape[1], _ROWS):
        both, into = np.concatenate([x[:, start : start + _ROWS], z], axis=1), found[:, start : start + _ROWS]
        every = chain.from_iterable(_leaves(tree, both, players) for tree in trees)
        while leaves := list(islice(every, max(1, _SETS // both.shape[1]))):
            _add(into, leaves)
    return found.T


def _leaves(tree: Tree, x: Numbers, players: NDArray[np.int64]) -> Iterator[Leaf]:
    """Each leaf's value, the players on its path, and the set that each row passes: bit k for the path's player k."""
    left, right, value = tree.left.tolist(), tree.right.tolist(), tree.value.tolist()
    splits, rows = list(_splits(left, right, players[tree.column].tolist())), x.shape[1]
    largest = max((bit for _, _, bit, _ in splits), default=0)
    short = np.promote_types(np.int16, np.min_scalar_type(-2 * largest))
    several = max(1, _NODES // rows)
    before = {0: np.zeros(rows, dtype=short)}
    for part in (splits[i : i + several] for i in range(0, len(splits), several)):
        bits = np.array([[bit] for _, _, bit, _ in part], dtype=short)
        every = tree.passes(x, np.array([node for node, _, _, _ in part])) * bits
        for (node, path, bit, known), goes in zip(part, every, strict=True):
            sets = before.pop(node)
            if known:
                one, other = sets & (goes | ~bit), sets & ~goes
            else:
                one = sets | goes
                other = one ^ bit
            for child, passed in ((left[node], one), (right[node], other)):
                if left[child] >= 0:
                    before[child] = passed
                elif value[child] != 0:
                    yield value[child], path, passed


def _splits(left: Sequence[int], right: Sequence[int], of: Sequence[int]) -> Iterator[tuple[int, list[int], int, bool]]:
    """Nodes that split, each after those above it: players down to its children, its own's bit, if known before."""
    waiting: list[tuple[int, list[int]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        if left[node] < 0:
            continue
        known = of[node] in path
        longer = path if known else [*path, of[node]]
        if len(longer) > _MOST:
            raise TooDeep
        yield node, longer, 1 << longer.index(of[node]), known
        waiting += [(left[node], longer), (right[node], longer)]


def _add(into: Numbers, leaves: Sequence[Leaf]) -> None:
    """Adds the values of some leaves to (p, rows); in their sets the background follows the rows."""
    totals, rows = list(into), into.shape[1]
    of_players: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        of_players.setdefault(len(leaf[1]), []).append(leaf)
    for k, alike in of_players.items():
        held = np.empty((k, rows))
        tables = (_dense if k <= _DENSE else _sparse)(k, alike, rows)
        for (_, path, _), (table, at) in zip(alike, tables, strict=True):
            table.take(at, axis=1, out=held, mode="clip")  # every place is within: only quicker
            for player, values in zip(path, held, strict=True):
                total = totals[player]
                total += values


def _dense(k: int, leaves: Sequence[Leaf], rows: int) -> Iterator[tuple[Numbers, Sets]]:
    """Each leaf's table by player and every set of k, and the place in it of each row."""
    several = min(_PRODUCT >> 2 * k, _MANY) if k <= _MATRIX else min(max(_CELLS >> k, _FEW), _MANY)
    for part in (leaves[i : i + several] for i in range(0, len(leaves), several)):
        theirs = np.stack([sets[rows:] for _, _, sets in part]) + (np.arange(len(part)) << k)[:, None]
        each = np.array([value for value, _, _ in part]) / theirs.shape[1]
        shares = np.bincount(theirs.ravel(), minlength=len(part) << k).reshape(-1, 1 << k) * each[:, None]
        yield from zip(every_set(k, shares), (sets[:rows] for _, _, sets in part), strict=True)


def _sparse(k: int, leaves: Sequence[Leaf], rows: int) -> Iterator[tuple[Numbers, Sets]]:
    """The same by the sets of the rows alone."""
    for value, _, sets in leaves:
        ours, at, _ = _different(sets[:rows], k)
        theirs, _, counts = _different(sets[rows:], k)
        yield _table(k, ours, theirs, counts.astype(np.float64) * (value / (len(sets) - rows))), at


def every_set(k: int, shares: Numbers) -> Numbers:
    """(leaves, k, 2^k) values by player and the set that x passes, of shares (leaves, 2^k) by the set that z passes.

    A leaf's shares are those of the background, times the leaf's value.
    """
    if k <= _MATRIX:
        of_lose, of_gain = _matrices(k)
        lose, gain = shares @ of_lose, shares @ of_gain
    else:
        lose, gain = (np.ascontiguousarray(one.T) for one in _lose_and_gain(k, np.ascontiguousarray(shares.T)))
    found = gain.take(_without(k), axis=1)  # and gain(S) where S is without j as well
    return np.subtract((gain - lose)[:, None, :], found, out=found)


def _lose_and_gain(k: int, shares: Numbers) -> tuple[Numbers, Numbers]:
    """Both (2^k, leaves) by the set that x passes, of shares (2^k, leaves) by the set that z passes."""
    n, size = shares.shape[1], np.bitwise_count(np.arange(1 << k)).astype(np.int64)
    t, weights = _quadrature(k)
    sums = shares[::-1] * (t[:, None] ** size)[:, :, None]  # by the set that z does not pass
    for j in range(k):
        halves = sums.reshape(len(t), -1, 2, n << j)
        halves[:, :, 1] += halves[:, :, 0]
    near = weights[:, None] * (1 - t[:, None]) ** (k - 1 - size)
    return np.einsum("ts,tsl->sl", near, sums), np.einsum("ts,tsl->sl", near / t[:, None], sums)


@cache
def _matrices(k: int) -> tuple[Numbers, Numbers]:
    """What shares are multiplied by to be lose and gain, (2^k, 2^k) both."""
    lose, gain = _lose_and_gain(k, np.eye(1 << k))
    return np.ascontiguousarray(lose.T), np.ascontiguousarray(gain.T)


@cache
def _without(k: int) -> NDArray[np.int64]:
    """(k, 2^k) each set without each player."""
    return np.arange(1 << k) & ~(1 << np.arange(k))[:, None]


@cache
def _quadrature(k: int) -> tuple[Numbers, Numbers]:
    """Places and weights by which a polynomial of a degree below k is integrated exactly from 0 to 1."""
    places, weights = np.polynomial.legendre.leggauss((k + 1) // 2)
    return (places + 1) / 2, weights / 2


def _different(sets: Sets, k: int) -> tuple[Sets, Sets, Sets]:
    """The different sets of k players in order, the place of each row's among them, and their rows."""
    if k > _COUNTED:
        found = np.unique(sets, return_inverse=True, return_counts=True)
        return found[0], found[1], found[2]
    rows = np.bincount(sets, minlength=1 << k)
    there = rows > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[sets], rows[there]


def _table(k: int, sets: Sets, others: Sets, shares: Numbers) -> Numbers:
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

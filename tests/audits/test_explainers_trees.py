"""Values of trees against a background: by a leaf's game, path by path and set by set."""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np
import pytest

from audits.evidence import explainers_trees
from audits.evidence.explainers_trees import TooDeep, Tree, every_set, interventional


def tree_of(column, left, right, value) -> Tree:
    """A number that is not above 0 goes to the left."""
    column = np.array(column)
    return Tree(column, np.array(left), np.array(right), np.array(value), lambda x, nodes: x[column[nodes]] <= 0)


def chain(players: int) -> Tree:
    """One path on which every player has a split; to the right of each is a leaf of 0, at its end one of 1."""
    nodes = 2 * players + 1  # splits, their leaves to the right, and the end
    left = [*range(1, players), nodes - 1, *[-1] * (players + 1)]
    right = [*range(players, 2 * players), *[-1] * (players + 1)]
    return tree_of([*range(players), *[-1] * (players + 1)], left, right, [*[0.0] * (nodes - 1), 1.0])


def grown(rng, splits: int, columns: int) -> Tree:
    """A tree of random shape, in which columns may come back on a path."""
    column, left, right = [-1], [-1], [-1]
    for _ in range(splits):
        node = int(rng.choice(np.flatnonzero(np.array(left) < 0)))
        column[node], left[node], right[node] = int(rng.integers(columns)), len(left), len(left) + 1
        for held in (column, left, right):
            held += [-1, -1]
    return tree_of(column, left, right, np.where(np.array(left) < 0, rng.normal(size=len(left)), 0.0))


def of_chain(x, z):
    """(rows, players) by the formula of a leaf's game, pair by pair."""
    found = np.zeros(x.T.shape)
    for row, own in enumerate(x.T <= 0):
        for other in z.T <= 0:
            if (own | other).all():
                a, b = own & ~other, other & ~own
                of_a, of_b = (factorial(max(n - 1, 0)) * factorial(m) / factorial(n + m)
                              for n, m in ((a.sum(), b.sum()), (b.sum(), a.sum())))  # fmt: skip
                found[row] += (a * of_a - b * of_b) / z.shape[1]
    return found


@pytest.mark.parametrize("players", [1, 6, 8, 11, 12, 13, 15, 16, 31, 32, 62])
def test_a_long_path_has_the_values_of_its_game(players):
    rng = np.random.default_rng(players)
    few = min(1.2 / players, 0.5)  # who does not pass: else no pair would reach the end of a long path
    x, z = (np.where(rng.random((players, n)) < few, 1.0, -1.0) for n in (40, 30))
    found = interventional([chain(players)], x, z, np.arange(players), players)
    wanted = of_chain(x, z)
    assert (wanted != 0).any()
    np.testing.assert_allclose(found, wanted, atol=1e-14)


def test_a_path_of_more_players_than_a_set_holds_is_refused():
    x = np.zeros((63, 2))
    with pytest.raises(TooDeep):
        interventional([chain(63)], x, x, np.arange(63), 63)


def test_however_many_splits_and_rows_are_taken_at_once_values_are_the_same(monkeypatch):
    rng = np.random.default_rng(7)
    trees = [grown(rng, 40, 9) for _ in range(4)]
    x, z = rng.normal(size=(9, 130)), rng.normal(size=(9, 25))
    whole = interventional(trees, x, z, np.arange(9), 9)
    assert whole.any(axis=0).all()
    for splits, rows in ((1, 8192), (1 << 16, 7), (400, 50)):
        monkeypatch.setattr(explainers_trees, "_NODES", splits)
        monkeypatch.setattr(explainers_trees, "_ROWS", rows)
        np.testing.assert_allclose(interventional(trees, x, z, np.arange(9), 9), whole, atol=1e-14)
    monkeypatch.setattr(explainers_trees, "_DENSE", 0)  # tables of the sets that occur, not of all
    np.testing.assert_allclose(interventional(trees, x, z, np.arange(9), 9), whole, atol=1e-13)


@pytest.mark.parametrize("k", [1, 2, 5, 7, 8, 9])
def test_the_tables_of_a_leaf_are_the_values_of_its_game(k):
    rng = np.random.default_rng(k)
    shares = rng.normal(size=(3, 1 << k))
    found, wanted = every_set(k, shares), np.zeros((3, k, 1 << k))
    for ours, theirs in product(range(1 << k), repeat=2):
        if ours | theirs != (1 << k) - 1:
            continue  # a player that neither passes
        a, b = (ours & ~theirs).bit_count(), (theirs & ~ours).bit_count()
        for player in range(k):
            if (ours & ~theirs) >> player & 1:
                wanted[:, player, ours] += shares[:, theirs] * factorial(a - 1) * factorial(b) / factorial(a + b)
            elif (theirs & ~ours) >> player & 1:
                wanted[:, player, ours] -= shares[:, theirs] * factorial(a) * factorial(b - 1) / factorial(a + b)
    np.testing.assert_allclose(found, wanted, atol=1e-13)

"""Kinds of rows drawn from the exact table of a population.

Numbers come from a counter-based generator (Philox; Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as
easy as 1, 2, 3, SC11), keyed by the seed and counted by the block of rows. So the same arguments give the same rows,
and a longer file begins with the rows of a shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats, Population


def _generator(seed: int, stream: int, block: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, block]))


def draw_kinds(edges: Floats, seed: int, block: int, size: int) -> NDArray[np.int64]:
    """Indices of kinds of people, by inversion of one uniform number each."""
    last = np.flatnonzero(np.diff(edges, prepend=0.0) > 0)[-1]  # rounding must not reach a kind that does not exist
    kinds = np.searchsorted(edges, _generator(seed, 0, block).random(size), side="right")
    return np.asarray(np.minimum(kinds, last), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Turns:
    """Rows of entities: what its rows share is drawn once for an entity, the rest once for each of its turns.

    ``people`` are the cumulated chances of what is shared; ``ends`` the cumulated chances at the end of every shared
    kind's turns, one after another, and ``last`` the last kind of row in each that exists.
    """

    people: Floats
    ends: Floats
    last: NDArray[np.int64]
    each: int

    @classmethod
    def of(cls, people: Population, shared: int, each: int) -> Turns:
        turns = people.probability.reshape(int(np.prod(people.probability.shape[:shared])) * each, -1)
        width = turns.shape[1]
        last = np.arange(len(turns)) * width + width - 1 - np.argmax(turns[:, ::-1] > 0, axis=1)
        ends = np.cumsum(turns.ravel())[width - 1 :: width]
        return cls(np.cumsum(turns.reshape(-1, each * width).sum(axis=1)), ends, last, each)

    def draw(self, edges: Floats, seed: int, block: int, size: int) -> NDArray[np.int64]:
        """Indices of kinds of rows."""
        who = draw_kinds(self.people, seed, block, -(-size // self.each))
        turn = (who[:, None] * self.each + np.arange(self.each)).ravel()[:size]
        start, end = np.concatenate([[0.0], self.ends])[turn], self.ends[turn]
        place = start + _generator(seed, 1, block).random(size) * (end - start)
        return np.asarray(np.minimum(np.searchsorted(edges, place, side="right"), self.last[turn]), dtype=np.int64)

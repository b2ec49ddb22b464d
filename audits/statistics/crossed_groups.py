"""Leaf cells of all attributes, made ready to be crossed: who is counted, what is missing, how deep one can go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from audits.statistics.subgroup_count import deepest

Name = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Crossed:
    """``labels`` by attribute, people ``n`` and favourable decisions ``x`` of each leaf (C,).

    A label that equals ``missing`` is not known. ``depth`` is how many attributes may be crossed with ``subgroups``
    in all; ``unlabelled`` counts the people without one label at least, ``rows`` all of them.
    """

    labels: Mapping[str, tuple[str, ...]]
    n: NDArray[np.int64]
    x: NDArray[np.int64]
    missing: str | None
    depth: int
    subgroups: int
    unlabelled: int
    rows: int

    def rows_in(self, subgroups: Collection[Name], least_depth: int) -> int:
        """People who lie in one of these subgroups at least, which are named in the order of the attributes."""
        if not subgroups:
            return 0
        total = 0
        for leaf, people in zip(zip(*self.labels.values(), strict=True), self.n.tolist(), strict=True):
            pairs = tuple(zip(self.labels, leaf, strict=True))
            crossings = (
                part for size in range(least_depth, self.depth + 1) for part in combinations(pairs, size)
            )  # fmt: skip
            total += people if any(part in subgroups for part in crossings) else 0
        return total


def cross(
    cells: Iterable[tuple[tuple[str | None, ...], int | None, int]], attributes: tuple[str, ...], depth: int, most: int
) -> Crossed:
    """Leaves from cells (labels, decision, rows); those without a decision are left out.

    ``attributes`` are sorted. The depth is lowered until at most ``most`` subgroups are left.
    """
    counts: dict[tuple[str | None, ...], list[int]] = {}
    for labels, decision, rows in cells:
        if decision is not None:
            own = counts.setdefault(labels, [0, 0])
            own[0] += rows
            own[1] += rows * decision
    found = {label for leaf in counts for label in leaf if label is not None}
    missing = "missing"
    while missing in found:
        missing += "?"
    leaves = [[missing if label is None else label for label in leaf] for leaf in counts]
    columns = dict(zip(attributes, zip(*leaves, strict=True), strict=True)) if leaves else {}
    codes = np.array([_codes(column, missing) for column in columns.values()], dtype=np.int64)
    reach, number = deepest(codes, depth, most) if leaves else (0, 0)
    n, x = (np.array([own[i] for own in counts.values()], dtype=np.int64) for i in (0, 1))
    unlabelled = sum(own[0] for leaf, own in counts.items() if None in leaf)
    return Crossed(columns, n, x, missing if unlabelled else None, reach, number, unlabelled, int(n.sum()))


def _codes(column: Iterable[str], missing: str) -> list[int]:
    place: dict[str, int] = {}
    return [-1 if label == missing else place.setdefault(label, len(place)) for label in column]

"""The rows with the smallest hashes, of all and of each label: one pass of the engine, and no sorting of all rows.

A hash is as good as a number drawn from 0 to 1, so that k of N rows are expected below k / N. The engine gives the rows
below a share that is larger by some standard errors of such a count, and the first k are taken from these; where they
were fewer, as rows that share a unit can be, it is asked again with a larger share.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.inputs.source import Source

_SLACK, _WIDER = 6.0, 4.0  # standard errors, and how many times as many if these did not do
_DIGITS = 12  # of a bound, of the 32 hexadecimal ones of MD5
_ALL = "g"  # above every hash
Bounds = Mapping[str, str]
Column = NDArray[Any]


def first_by_hash(
    source: Source,
    every: str,
    columns: Sequence[str],
    sizes: Sequence[Mapping[str | None, int]],
    known: int,
    most: int,
    seed: int,
) -> list[Column]:
    """At most ``most`` rows of all and of each label, by hash, and all rows of the last one's unit: by column.

    The hash is the last column. ``every`` is SQL of a relation of ``known`` rows with a unit. ``columns`` are those
    wanted of it: first the unit, then the labels, of which ``sizes`` hold the rows with a unit.
    """
    wanted, hashed = ", ".join(columns), f"md5('{int(seed)}:' || CAST(unit AS varchar))"
    bytewise = "" if source.engine == "duckdb" else ' COLLATE "C"'  # whatever order the database has for texts
    slack = _SLACK
    while True:
        whole = _below(most, known, slack)
        bounds = [{label: max(_below(most, n, slack), whole) for label, n in own.items() if label is not None}
                  for own in sizes]  # fmt: skip
        limits = [f"'{whole}'", *(_limit(columns[1 + i], own, whole) for i, own in enumerate(bounds))]
        limit = f"greatest({', '.join(limits)})" if sizes else limits[0]
        found = source.columns(
            f"WITH e AS ({every}), h AS (SELECT {wanted}, {hashed} AS hash FROM e WHERE unit IS NOT NULL) "
            f"SELECT {wanted}, hash FROM h WHERE hash{bytewise} < {limit} ORDER BY hash{bytewise}"
        )
        if _enough(found, whole, bounds, most):
            return _first(found, len(sizes), most)
        slack *= _WIDER


def _below(most: int, rows: int, slack: float) -> str:
    """A hash below which some more than ``most`` of so many rows are expected; ``_ALL`` where these are all."""
    share = (most + slack * (sqrt(most) + slack)) / max(rows, 1)
    return f"{int(share * 16**_DIGITS):0{_DIGITS}x}" if share < 1 else _ALL


def _limit(name: str, bounds: Bounds, whole: str) -> str:
    """The bound of a row by its label in SQL."""
    few = [(label, bound) for label, bound in bounds.items() if bound < _ALL]
    told = "".join(f" WHEN {name} = {_quoted(label)} THEN '{bound}'" for label, bound in few)
    return f"CASE WHEN {name} IS NULL THEN '{whole}'{told} ELSE '{_ALL}' END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _enough(found: Sequence[Column], whole: str, bounds: Sequence[Bounds], most: int) -> bool:
    """Whether the first rows of all, and of each label that has more, lie below their bounds."""
    hashes = found[-1].tolist()
    if whole < _ALL and bisect_left(hashes, whole) < most:
        return False
    for labels, own in zip(found[1:], bounds, strict=False):
        for label, bound in own.items():
            if bound < _ALL and (labels[: bisect_left(hashes, bound)] == label).sum() < most:
                return False
    return True


def _first(found: Sequence[Column], labels: int, most: int) -> list[Column]:
    """The first rows of all or of a label of theirs, and those that are one unit with the last of these."""
    near, hashes = np.zeros(len(found[0]), dtype=bool), found[-1]
    for column in (np.full(len(found[0]), "", dtype=object), *found[1 : labels + 1]):
        places = places_of(column)
        near |= (places >= 0) & (places < most)
        for last in np.flatnonzero(places == most - 1).tolist():
            tied = last + 1
            while tied < len(hashes) and hashes[tied] == hashes[last]:
                near[tied] |= column[tied] == column[last]
                tied += 1
    return list(found) if near.all() else [column[near] for column in found]


def places_of(labels: Column) -> NDArray[np.int64]:
    """The place of each row among those of its label, from 0; -1 without a label."""
    seen: dict[str, int] = {}
    found = []
    for label in labels.tolist():
        if label is None:
            found.append(-1)
        else:
            found.append(at := seen.get(label, 0))
            seen[label] = at + 1
    return np.array(found, dtype=np.int64)

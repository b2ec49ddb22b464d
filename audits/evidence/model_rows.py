"""Rows drawn for a model: by the hash of their name, so that a seed gives the same ones in any engine and order.

Of each label of an attribute, and of all rows, those with the smallest MD5 of seed and unit are taken. They are rows of
persons and leave the collector only as sums. A smaller draw is a part of a larger one: rows of one label with a
``place`` below k are the k that a draw of k would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.cells import label_expressions
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.prepared import FAVOURABLE, as_text
from checks.inputs.source import Source

if TYPE_CHECKING:
    import pandas as pd

_MOST_CELLS = 4_000_000  # values held of a draw
_FEWEST = 500
_LEAST, _MOST = -(2**63), 2**63 - 1  # of whole numbers of 64 bits


@dataclass(frozen=True, slots=True, eq=False)
class ModelRows:
    """n rows in the order of their hash.

    ``features`` (n, p) are the contract's features as recorded: whole numbers and numbers with NaN where missing, texts
    and truth values with None. ``columns`` are the further columns asked for, (n,) each, ``texts`` (n,) those of strata
    in the words in which the engine counts them. ``labels`` (n,) of each attribute, None where unknown; ``places`` (n,)
    count the rows of a label from 0, -1 without a label. ``sizes`` are the source's rows by label; ``total`` its rows
    with a unit, ``without_unit`` those without.
    """

    features: pd.DataFrame
    columns: Mapping[str, NDArray[Any]]
    labels: Mapping[str, NDArray[np.object_]]
    places: Mapping[str, NDArray[np.int64]]
    sizes: Mapping[str, Mapping[str | None, int]]
    total: int
    without_unit: int
    most: int
    """Rows that were asked of each label and of all: fewer than a need's where the model is very wide."""
    texts: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)  # no strata, no texts

    def __len__(self) -> int:
        return len(self.features)

    @property
    def whole(self) -> int:
        """How many of the first rows are the draw of all rows, whatever their labels."""
        return min(self.most, len(self.features))


def model_rows(
    source: Source,
    attributes: Sequence[str],
    rows: int,
    seed: int,
    columns: Sequence[str] = (),
    *,
    strata: Sequence[str] = (),
    refused: bool = False,
) -> ModelRows:
    """At most ``rows`` rows of each label and of all; with ``refused`` only of refused applications.

    ``columns`` and ``strata`` are names of the prepared relation. Fewer rows are drawn of a very wide model. Raises
    ``ModelUnusable`` where the contract names no unit, or no row is there.
    """
    import pandas as pd

    contract = source.contract
    if contract is None or not contract.unit:
        raise ModelUnusable(ModelFault("no_unit"))
    features, others = list(dict.fromkeys(contract.features)), list(dict.fromkeys(columns))
    most = min(rows, max(_FEWEST, _MOST_CELLS // max(len(features), 1)))
    table = source.table.filter(source.table[FAVOURABLE] == 0) if refused else source.table
    labels = label_expressions(table, attributes, ())
    named = {f"g{i}": label for i, label in enumerate(labels.values())}
    named |= {f"f{i}": plain(table[name]) for i, name in enumerate(features)}
    named |= {f"c{i}": plain(table[name]) for i, name in enumerate(others)}
    named |= {f"t{i}": as_text(table[name]) for i, name in enumerate(strata)}
    every = table.select(**named, unit=as_text(table[contract.unit]))
    wide = source.backend.compile(every)
    groups = [f"g{i}" for i in range(len(labels))]
    sizes, total, lacking = _sizes(source, wide, groups, attributes)
    ranks = ["row_number() OVER (ORDER BY hash) AS whole"]
    ranks += [f"row_number() OVER (PARTITION BY {name} ORDER BY hash) AS n{name}" for name in groups]
    near = " OR ".join([f"whole <= {most}", *(f"({name} IS NOT NULL AND n{name} <= {most})" for name in groups)])
    hashed = f"md5('{int(seed)}:' || CAST(unit AS varchar))"
    short = ", ".join(["unit", *groups])
    wanted = ", ".join(["unit", *named])
    sql = (
        f"WITH e AS ({wide}), w AS (SELECT * FROM e WHERE unit IS NOT NULL), "
        f"h AS (SELECT {short}, {hashed} AS hash FROM w), "
        f"k AS (SELECT unit, {', '.join(ranks)}{''.join(f', {name}' for name in groups)} FROM h) "
        f"SELECT {wanted} FROM w WHERE unit IN (SELECT unit FROM k WHERE {near}) ORDER BY {hashed}"
    )
    found = source.rows(sql)
    if not found:
        raise ModelUnusable(ModelFault("no_rows"))
    parts = list(zip(*ties_in_order(found), strict=True))[1:]
    start, last = len(groups), len(groups) + len(features)
    held = {name: np.array(parts[i], dtype=object) for i, name in enumerate(attributes)}
    frame = pd.DataFrame({name: array_of(parts[start + i]) for i, name in enumerate(features)})
    return ModelRows(
        frame, {name: array_of(parts[last + i]) for i, name in enumerate(others)}, held,
        {name: _places(held[name]) for name in attributes}, sizes, total - lacking, lacking, most,
        {name: np.array(parts[last + len(others) + i], dtype=object) for i, name in enumerate(strata)},
    )  # fmt: skip


def plain(column: Any) -> Any:
    """A column as its engine's driver gives it in plain values; what is no number, time or truth value as text."""
    dtype = column.type()
    if dtype.is_decimal():
        return column.cast("float64")
    if dtype.is_numeric() or dtype.is_boolean() or dtype.is_temporal():
        return column
    return column.cast("string")


def _sizes(
    source: Source, every: str, groups: Sequence[str], attributes: Sequence[str]
) -> tuple[dict[str, dict[str | None, int]], int, int]:
    """Rows by attribute and label, all rows, and those without a unit, in one query."""
    short = ", ".join(["unit", *groups])
    parts = ["SELECT -1 AS place, CAST(NULL AS varchar) AS label, count(*) AS n, count(unit) AS named FROM s"]
    parts += [f"SELECT {i}, CAST({name} AS varchar), count(*), count(unit) FROM s GROUP BY {name}"
              for i, name in enumerate(groups)]  # fmt: skip
    sql = f"WITH e AS ({every}), s AS (SELECT {short} FROM e) {' UNION ALL '.join(parts)}"
    found: dict[str, dict[str | None, int]] = {attribute: {} for attribute in attributes}
    total = named = 0
    for place, label, n, known in source.rows(sql):
        if place < 0:
            total, named = int(n), int(known)
        else:
            found[attributes[place]][label] = int(n)
    return found, total, total - named


def array_of(values: Sequence[Any]) -> NDArray[Any]:
    """Whole numbers as int64 where they fit, numbers as float64 with NaN, anything else as objects with None."""
    kinds = set(map(type, values))
    lacking = type(None) in kinds
    kinds.discard(type(None))
    if kinds and all(issubclass(kind, (int, float)) and not issubclass(kind, bool) for kind in kinds):
        if not lacking:
            whole = all(issubclass(kind, int) for kind in kinds) and _LEAST <= min(values) <= max(values) <= _MOST
            return np.array(values, dtype=np.int64 if whole else np.float64)
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def ties_in_order(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rows with their unit first, those of one unit in the order of their values, whatever order they came in."""
    found: list[Sequence[Any]] = []
    for _, same in groupby(rows, key=itemgetter(0)):
        tied = list(same)
        found += sorted(tied, key=lambda row: [(value is None, str(value)) for value in row]) if tied[1:] else tied
    return found


def _places(labels: NDArray[np.object_]) -> NDArray[np.int64]:
    """The place of each row among those of its label, from 0."""
    seen: dict[str, int] = {}
    found = np.full(len(labels), -1, dtype=np.int64)
    for i, label in enumerate(labels):
        if label is not None:
            found[i] = seen.get(label, 0)
            seen[label] = found[i] + 1
    return found

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
from audits.evidence.first_by_hash import first_by_hash, places_of
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.prepared import FAVOURABLE, as_text
from checks.inputs.source import Source

if TYPE_CHECKING:
    import pandas as pd

_MOST_CELLS = 4_000_000  # values held of a draw
_FEWEST = 500


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
    sql: str = ""
    """All rows in the engine's SQL: labels g0 .., features f0 .., further columns c0 .., strata t0 .., unit."""

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
    held = _sizes(source, wide, groups, attributes)
    of_groups = [held.named[name] for name in attributes]
    found = first_by_hash(source, wide, ["unit", *named], of_groups, held.known, most, seed)
    if not len(found[0]):
        raise ModelUnusable(ModelFault("no_rows"))
    parts = _in_order(found)[1:]
    start, last = len(groups), len(groups) + len(features)
    own = {name: parts[i].astype(object) for i, name in enumerate(attributes)}
    frame = pd.DataFrame({name: parts[start + i] for i, name in enumerate(features)})
    return ModelRows(
        frame, {name: parts[last + i] for i, name in enumerate(others)}, own,
        {name: places_of(own[name]) for name in attributes}, held.labels, held.known, held.total - held.known, most,
        {name: parts[last + len(others) + i].astype(object) for i, name in enumerate(strata)}, wide,
    )  # fmt: skip


def plain(column: Any) -> Any:
    """A column as its engine's driver gives it in plain values; what is no number, time or truth value as text."""
    dtype = column.type()
    if dtype.is_decimal():
        return column.cast("float64")
    if dtype.is_numeric() or dtype.is_boolean() or dtype.is_temporal():
        return column
    return column.cast("string")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Rows by attribute and label, and all; ``named`` and ``known`` are those with a unit."""

    labels: Mapping[str, Mapping[str | None, int]]
    named: Mapping[str, Mapping[str | None, int]]
    total: int
    known: int


def _sizes(source: Source, every: str, groups: Sequence[str], attributes: Sequence[str]) -> _Sizes:
    """One query."""
    short = ", ".join(["unit", *groups])
    parts = [f"SELECT {i} AS place, CAST({name} AS varchar) AS label, count(*) AS n, count(unit) AS named FROM s "
             f"GROUP BY {name}" for i, name in enumerate(groups)]  # fmt: skip
    parts = parts or ["SELECT -1, CAST(NULL AS varchar), count(*), count(unit) FROM s"]
    sql = f"WITH e AS ({every}), s AS (SELECT {short} FROM e) {' UNION ALL '.join(parts)}"
    found: dict[str, dict[str | None, int]] = {attribute: {} for attribute in attributes}
    named: dict[str, dict[str | None, int]] = {attribute: {} for attribute in attributes}
    total = known = 0
    for place, label, n, own in source.rows(sql):
        if place <= 0:  # any one attribute's labels are all rows
            total, known = total + int(n), known + int(own)
        if place >= 0:
            found[attributes[place]][label], named[attributes[place]][label] = int(n), int(own)
    return _Sizes(found, named, total, known)


def ties_in_order(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rows with their unit first, those of one unit in the order of their values, whatever order they came in."""
    found: list[Sequence[Any]] = []
    for _, same in groupby(rows, key=itemgetter(0)):
        tied = list(same)
        found += sorted(tied, key=_values) if tied[1:] else tied
    return found


def _values(row: Sequence[Any]) -> list[tuple[bool, str]]:
    return [(value is None, str(value)) for value in row]


def _order(rows: Sequence[Sequence[Any]]) -> list[int]:
    return sorted(range(len(rows)), key=lambda i: _values(rows[i]))


def _in_order(columns: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    """The same of columns."""
    units = columns[0]
    tied = np.flatnonzero(units[1:] == units[:-1])
    if not len(tied):
        return columns
    places = np.arange(len(units))
    for start in tied[np.diff(tied, prepend=-2) > 1].tolist():
        end = start + 1
        while end < len(units) and units[end] == units[start]:
            end += 1
        rows = [[column[i] for column in columns] for i in range(start, end)]
        places[start:end] = start + np.array(_order(rows))
    return [column[places] for column in columns]

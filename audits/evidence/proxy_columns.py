"""Drawn columns as proxies are looked for in them: numbers, texts, codes of entities and strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from checks.inputs.model import Model

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A feature: its ``column`` (n,) of numbers or texts, and its contributions ``values`` (n,)."""

    name: str
    column: NDArray[Any]
    values: Floats


def one_column_each(model: Model, frame: pd.DataFrame, values: Floats) -> list[Named]:
    """Features of rows (n, p), with columns that are one thing in one-hot form as one, whose value is the one set."""
    own = set(frame.columns)
    groups = {name: [one for one in columns if one in own] for name, columns in model.one_hot.items()
              if name not in own}  # fmt: skip
    joined = {one: name for name, columns in groups.items() for one in columns}
    places = {name: i for i, name in enumerate(frame.columns)}
    found: list[Named] = []
    for name in dict.fromkeys(joined.get(one, one) for one in frame.columns):
        if name not in groups:
            found.append(Named(name, _plain(frame[name].to_numpy()), values[:, places[name]]))
            continue
        block = np.column_stack([numbers_of(frame[one].to_numpy()) for one in groups[name]])
        block = np.nan_to_num(block)
        set_one = np.where(block.max(axis=1) > 0, block.argmax(axis=1), -1)
        texts = np.array([*groups[name], None], dtype=object)[set_one]
        found.append(Named(name, texts, values[:, [places[one] for one in groups[name]]].sum(axis=1)))
    return found


def numbers_of(values: NDArray[Any]) -> Floats:
    """A column as numbers (n,), NaN where there is none."""
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def unit_codes(values: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers of entities (n,); a row without one is one of its own."""
    names: dict[Any, int] = {}
    return np.array([
        -1 - i if value is None or value != value else names.setdefault(value, len(names))
        for i, value in enumerate(values.tolist())
    ], dtype=np.int64)  # fmt: skip


def strata_codes(columns: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Numbers (n,) of the combinations of values."""
    names: dict[Any, int] = {}
    rows = zip(*(["" if value is None or value != value else str(value) for value in one.tolist()] for one in columns),
               strict=True)  # fmt: skip
    return np.array([names.setdefault(row, len(names)) for row in rows], dtype=np.int64)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Times as numbers; everything else as it is."""
    if values.dtype.kind == "M":
        return np.where(np.isnat(values), np.nan, values.astype("datetime64[s]").astype(np.float64))
    known = [value for value in values[:1000] if value is not None and value == value]
    if values.dtype.kind == "O" and known and all(isinstance(value, (date, datetime)) for value in known):
        return np.array([np.nan if value is None or value != value else float(value.toordinal()) for value in values])
    return values

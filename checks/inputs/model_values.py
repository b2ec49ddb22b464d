"""Values of a column: what they are, which are missing, and where each stands among those that a model knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def kind_of_values(values: NDArray[Any]) -> str:
    """number, boolean, date, text, or nothing where every value is missing."""
    if values.dtype.kind in "iuf":
        return "number"
    if values.dtype.kind == "b":
        return "boolean"
    if values.dtype.kind == "M":
        return "date"
    known = next((value for value in values if not is_missing(value)), None)
    if known is None:
        return "nothing"
    if isinstance(known, (bool, np.bool_)):
        return "boolean"
    if isinstance(known, (int, float, np.number)):
        return "number"
    return "text" if isinstance(known, str) else "date"


def as_label(value: Any) -> str:
    """A value as ``checks.inputs.prepared.as_text`` writes it: 1 for 1.0, true for a boolean."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


def is_missing(value: Any) -> bool:
    """None, NaN or NaT."""
    return value is None or value != value


def missing(values: Any) -> NDArray[np.bool_]:
    """(n,) which values are missing."""
    import pandas as pd

    return np.asarray(pd.isna(values), dtype=np.bool_)


def floats_of(values: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) numbers and truth values as numbers, NaN where missing."""
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    return np.array([np.nan if is_missing(value) else float(value) for value in values], dtype=np.float64)


def place_among(known: tuple[Any, ...]) -> Callable[[Any], int]:
    """The place of a value among the known ones: as it is, or as it is written; -1 for another."""
    exact = {(isinstance(value, str), value): i for i, value in enumerate(known) if not is_missing(value)}
    written = {as_label(value): i for i, value in enumerate(known) if not is_missing(value)}

    def place(value: Any) -> int:
        if isinstance(value, (bool, np.bool_)):
            value = bool(value)
        at = exact.get((isinstance(value, str), value), -1)
        return at if at >= 0 else written.get(as_label(value), -1)

    return place


def place_by_name(keys: Mapping[str, int]) -> Callable[[Any], int]:
    """The place of a value by its name: as it is written, 1 for 1.0 and True for true."""
    loose = {_loose(key): i for key, i in keys.items()}

    def place(value: Any) -> int:
        text = as_label(value)
        return keys.get(text, loose.get(_loose(text), -1))

    return place


def _loose(text: str) -> str:
    try:
        return as_label(float(text)) if text == text.strip() else text
    except (ValueError, OverflowError):
        return text.casefold() if text.casefold() in ("true", "false") else text


def places_of(values: NDArray[Any], place: Callable[[Any], int]) -> NDArray[np.int64]:
    """The place of each value, -1 where missing or unknown."""
    import pandas as pd

    codes, distinct = pd.factorize(values)
    table = np.array([*(place(value) for value in distinct.tolist()), -1], dtype=np.int64)
    return table[codes]

"""Drawn persons whose features can be read and set by the names that a contract uses, one-hot columns among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.model_rows import ModelRows
from checks.inputs.columns import array_of
from checks.inputs.prediction import Prediction
from checks.inputs.prepared import MISSING_TEXTS

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Copied:
    """What the column ``name`` holds in the same row."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Persons:
    """n drawn rows. ``whole`` of them, the first ones, are a draw of all rows; ``hot`` maps a name to value → column.

    The names in ``hot`` are those that no feature has itself: a person's value is the text of the column that holds 1.
    """

    drawn: ModelRows
    whole: int
    hot: Mapping[str, Mapping[str, str]]

    def __len__(self) -> int:
        return len(self.drawn)

    def has(self, name: str) -> bool:
        """Whether a name can be set: a feature, or one that stands for one-hot columns."""
        return name in self.drawn.features.columns or name in self.hot

    def values(self, name: str) -> Array:
        """What each person has, (n,): as recorded, or of one-hot columns the text of the one that holds 1, or None.

        ``KeyError`` for a name that was not drawn.
        """
        features = self.drawn.features
        if name in features.columns:
            return np.asarray(features[name].to_numpy())
        if name not in self.hot:
            return self.drawn.columns[name]
        found = np.full(len(self), None, dtype=object)
        for text, column in self.hot[name].items():
            found[_holds(features[column].to_numpy())] = text
        return found

    def known(self, name: str) -> Mask:
        """(n,) whether a person has a value; a text that says that it is missing, such as nan, is none."""
        return ~_lacking(self.values(name))

    def equal(self, name: str, value: Any) -> Mask:
        """(n,) whether a person's value is this one; None asks for a missing one."""
        own = self.values(name)
        if value is None:
            return _lacking(own)
        number = np.issubdtype(own.dtype, np.number)
        wanted = fitted(value, own)
        if number and isinstance(wanted, str):
            return np.zeros(len(own), dtype=bool)
        return np.asarray(own == wanted) if number else np.array([_same(one, wanted) for one in own], dtype=bool)

    def median(self, name: str, rows: Mask) -> Any:
        """The recorded value in the middle of these rows, the lower of two; None where none is recorded."""
        own = self.values(name)[rows & self.known(name)]
        return np.percentile(own, 50, method="lower").astype(own.dtype).item() if len(own) else None

    def commonest(self, name: str, rows: Mask) -> Any:
        """The most frequent recorded value of these rows, of equals the first by its text; None where none is."""
        import pandas as pd

        own = self.values(name)[rows & self.known(name)]
        counts = pd.Series(own, dtype=own.dtype).value_counts()
        if not len(counts):
            return None
        most = counts.max()
        return min((value for value, n in counts.items() if n == most), key=str)

    def number(self, name: str) -> bool:
        """Whether the values are numbers."""
        return bool(np.issubdtype(self.values(name).dtype, np.number))

    def flipped(self, sets: Mapping[str, Any], fills: frozenset[str], rows: Mask) -> pd.DataFrame:
        """The features of ``rows`` with new values: constants or ``Copied``; those in ``fills`` only where missing."""
        made = self.drawn.features.loc[rows].reset_index(drop=True).copy()
        for name, value in sets.items():
            own = self.values(name)[rows]
            if isinstance(value, Copied):
                new = self.values(value.name)[rows].tolist()
            else:
                new = [fitted(value, self.values(name))] * len(own)
            if name in fills:
                new = [n if m else o for o, n, m in zip(own.tolist(), new, _lacking(own), strict=True)]
            if name not in self.hot:
                made[name] = _column(new, own)
                continue
            texts = np.array([plain_text(one) for one in new], dtype=object)
            for text, column in self.hot[name].items():
                made[column] = _indicator(texts == text, made[column].to_numpy())
        return made


def persons_of(drawn: ModelRows, whole: int, prediction: Prediction) -> Persons:
    """The drawn rows with the names that the prediction gives to one-hot columns."""
    features = [str(name) for name in drawn.features.columns]
    hot = {}
    for name, pattern in prediction.one_hot:
        start, end = pattern.split("*")
        inner = {
            one[len(start) : len(one) - len(end)]: one for one in features
            if one.startswith(start) and one.endswith(end) and len(one) > len(start) + len(end)
        }  # fmt: skip
        if inner and name not in features:
            hot[name] = inner
    return Persons(drawn, whole, hot)


def differing(one: pd.DataFrame, other: pd.DataFrame) -> Mask:
    """(n,) whether any of the columns differs; two missing values are alike."""
    found = np.zeros(len(one), dtype=bool)
    for name in one.columns:
        a, b = one[name].to_numpy(), other[name].to_numpy()
        if a is b:
            continue
        both = _missing(a) & _missing(b)
        if np.issubdtype(a.dtype, np.number) and np.issubdtype(b.dtype, np.number):
            found |= (a != b) & ~both
        else:
            found |= np.array([not _same(x, y) for x, y in zip(a, b, strict=True)], dtype=bool) & ~both
    return found


def plain_text(value: Any) -> str:
    """A value as a label is written: 1 for 1.0, true for a truth value, nothing for a missing one."""
    if isinstance(value, Copied):
        return f"={value.name}"
    if value is None or value != value:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def fitted(value: Any, own: Array) -> Any:
    """A value in the kind of those recorded: a truth value, a number or a text; as it is where it cannot be.

    A contract writes 1 for a column of true and false, and 1 for one of texts such as "1".
    """
    if value is None or isinstance(value, Copied):
        return value
    if np.issubdtype(own.dtype, np.number):
        return _as_number(value, bool(np.issubdtype(own.dtype, np.integer)))
    first = next((one for one in own if one is not None and one == one), None)
    if isinstance(first, (bool, np.bool_)):
        return {"true": True, "1": True, "false": False, "0": False}.get(plain_text(value).casefold(), value)
    return plain_text(value) if isinstance(first, str) else value


def _column(values: list[Any], own: Array) -> Array:
    """Values as drawn ones are held: a missing one is NaN beside numbers, else None."""
    plain = [None if one is None or one != one else one for one in values]
    if np.issubdtype(own.dtype, np.number) and all(one is None for one in plain):
        return np.full(len(plain), np.nan)
    return array_of(plain)


def _as_number(value: Any, whole: bool) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return int(number) if whole and number.is_integer() else number


def _missing(values: Array) -> Mask:
    if np.issubdtype(values.dtype, np.integer):
        return np.zeros(len(values), dtype=bool)
    if np.issubdtype(values.dtype, np.floating):
        return np.isnan(values)
    return np.array([one is None or one != one for one in values], dtype=bool)


def _lacking(values: Array) -> Mask:
    """As ``_missing``, and texts that say so."""
    if np.issubdtype(values.dtype, np.number):
        return _missing(values)
    return np.array([one is None or one != one or (isinstance(one, str) and one.strip().lower() in MISSING_TEXTS)
                     for one in values], dtype=bool)  # fmt: skip


def _holds(values: Array) -> Mask:
    if np.issubdtype(values.dtype, np.number):
        return np.asarray(np.nan_to_num(values.astype(np.float64)) > 0.5)  # noqa: PLR2004
    return np.array([plain_text(one).casefold() in ("1", "true") for one in values], dtype=bool)


def _indicator(chosen: Mask, own: Array) -> Array:
    """1 and 0 in the kind of the column's own values."""
    if np.issubdtype(own.dtype, np.number):
        return chosen.astype(own.dtype)
    return array_of([fitted(bool(one), own) for one in chosen])


def _same(one: Any, other: Any) -> bool:
    return bool(type(one) is type(other) and one == other) or (
        isinstance(one, (int, float)) and isinstance(other, (int, float)) and one == other
    )

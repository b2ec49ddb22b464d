"""Rows in the form that a model takes, and its margins on the scale of the recorded figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.model_values import (
    as_label,
    floats_of,
    is_missing,
    kind_of_values,
    missing,
    place_among,
    place_by_name,
    places_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from checks.inputs.model import Model

__all__ = ["ModelFrame", "as_label", "model_frame", "recorded"]
_KINDS_OF_TYPE = {
    "double": "number", "float": "number", "integer": "number", "long": "number", "boolean": "boolean",
    "string": "text", "datetime": "date",
}  # fmt: skip
_TREES = ("lightgbm", "xgboost")
_MISSING_TEXTS = ("nan", "none", "null", "<na>", "nat")


@dataclass(frozen=True, slots=True, eq=False)
class ModelFrame:
    """n rows: ``frame`` in the model's columns, order and types, ``usable`` (n,) the rows that the model can take.

    ``unseen`` counts by feature the rows whose category the model never saw. Where the kind of model takes missing
    values it is missing there; where a model refuses such rows they are not usable. Of a feature in one-hot columns it
    counts the values without a column of their own, which may be the one level that was left out in training.
    """

    frame: pd.DataFrame
    usable: NDArray[np.bool_]
    unseen: Mapping[str, int]


def recorded(model: Model, margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margins on the scale of the recorded figure, (n,): as they are, their exponential, or the chance of log-odds."""
    if model.link == "log":
        with np.errstate(over="ignore"):
            return np.exp(margins)
    if model.link == "logit":
        from scipy.special import expit

        return np.asarray(expit(margins), dtype=np.float64)
    return np.asarray(margins, dtype=np.float64)


def model_frame(model: Model, features: pd.DataFrame) -> ModelFrame:
    """Rows of the contract's features as the model takes them. Raises ``ModelUnusable`` for a type that does not fit.

    ``features`` are as ``audits.evidence.model_rows`` gives them: numbers with NaN, anything else as objects with None.
    """
    import pandas as pd

    made = {one: name for name, group in model.one_hot.items() if name in features.columns for one in group}
    made = {one: name for one, name in made.items() if one not in features.columns}
    plain: dict[str, Any] = {}
    unusable = np.zeros(len(features), dtype=np.bool_)
    unseen: dict[str, int] = {}
    strange: dict[str, NDArray[np.bool_]] = {}
    for name in (one for one in model.columns if one not in made):
        values = features[name].to_numpy()
        plain[name], bad, new = _column(model, name, values)
        unusable |= bad
        if new is not None and new.any():
            unseen[name], strange[name] = int(new.sum()), new
    as_given = {name: pd.Series(one, dtype=object) if isinstance(one, np.ndarray) and one.dtype.kind == "O" else one
                for name, one in plain.items()}  # fmt: skip
    frame = pd.DataFrame(as_given, index=range(len(features)))
    if made:
        block, new_rows = _block(model, features, made)
        unseen |= {name: rows for name, rows in new_rows.items() if rows}
        frame = pd.concat([frame, block], axis=1)[list(model.columns)]
    usable = ~unusable
    if model.kind not in _TREES:
        usable &= ~_refused(model, frame, tuple(plain), strange, usable)
    return ModelFrame(frame, usable, unseen)


def _column(model: Model, name: str, values: NDArray[Any]) -> tuple[Any, NDArray[np.bool_], NDArray[np.bool_] | None]:
    """One column in the model's type, the rows that cannot be given in it, and those of categories never seen."""
    nobody = np.zeros(len(values), dtype=np.bool_)
    known = model.categories.get(name)
    if known is not None and model.kind != "sklearn":
        column, new = _categorical(values, known)
        return column, nobody, new
    if known is not None:
        column = _objects(values, known)
        return column, nobody, _unknown(column, known)
    kind = model.types.get(name)
    expected = "number" if model.kind in _TREES else _KINDS_OF_TYPE.get(kind or "")
    found = kind_of_values(values)
    if expected in ("number", "boolean") and found not in ("number", "boolean", "nothing"):
        raise _mismatch(model, name, kind if kind and expected == _KINDS_OF_TYPE.get(kind) else expected, found)
    if expected == "date" and found not in ("date", "nothing"):
        raise _mismatch(model, name, "datetime", found)
    if expected == "number":
        return _number(model, name, values, kind or "double")
    if expected == "boolean":
        return _boolean(model, name, values)
    if expected == "text":
        return _texts(values), nobody, None
    if expected == "date":
        import pandas as pd

        return pd.to_datetime(pd.Series(values), errors="coerce").astype("datetime64[ns]").to_numpy(), nobody, None
    return _as_recorded(values, found), nobody, None


def _mismatch(model: Model, name: str, expected: str, found: str) -> ModelUnusable:
    return ModelUnusable(
        ModelFault("wrong_type", {"uri": model.uri, "name": name, "expected": expected, "found": found})
    )


def _number(model: Model, name: str, values: NDArray[Any], kind: str) -> tuple[Any, NDArray[np.bool_], None]:
    """Numbers as they are; of another kind of model, whole ones where its signature has whole ones."""
    numbers = floats_of(values)
    nobody = np.zeros(len(values), dtype=np.bool_)
    if model.kind in _TREES:
        return numbers, nobody, None
    gone = np.isnan(numbers)
    if kind in ("long", "integer"):
        if model.kind == "sklearn" and (gone.any() or (numbers != np.floor(numbers)).any()):
            return numbers, nobody, None
        if (numbers[~gone] != np.floor(numbers[~gone])).any():
            raise _mismatch(model, name, kind, "decimals")
        whole = np.where(gone, 0, numbers).astype(np.int64)
        if values.dtype.kind == "i":
            whole = values.astype(np.int64)  # whole numbers that a decimal could not hold
        return whole.astype(np.int32) if kind == "integer" and _fits(whole) else whole, gone, None
    return numbers.astype(np.float32) if kind == "float" else numbers, nobody, None


def _fits(whole: NDArray[np.int64]) -> bool:
    return bool((np.abs(whole) < 2**31).all())


def _boolean(model: Model, name: str, values: NDArray[Any]) -> tuple[Any, NDArray[np.bool_], None]:
    numbers = floats_of(values)
    gone = np.isnan(numbers)
    if not np.isin(numbers[~gone], (0, 1)).all():
        raise _mismatch(model, name, "boolean", "number")
    if gone.any() and model.kind == "sklearn":
        return numbers, np.zeros(len(values), dtype=np.bool_), None
    return numbers == 1, gone, None


def _texts(values: NDArray[Any]) -> NDArray[np.object_]:
    """Texts, with NaN where missing, as data frames read from files have them."""
    found = np.empty(len(values), dtype=object)
    found[:] = [np.nan if is_missing(value) else value if isinstance(value, str) else as_label(value)
                for value in values.tolist()]  # fmt: skip
    return found


def _as_recorded(values: NDArray[Any], found: str) -> Any:
    """Without a signature: numbers and truth values as such, texts with NaN where missing."""
    if found == "boolean" and not missing(values).any():
        return values.astype(np.bool_)
    if found in ("boolean", "number", "nothing"):
        return values if values.dtype.kind in "iuf" else floats_of(values)
    return _texts(values) if found == "text" else values


def _categorical(values: NDArray[Any], known: tuple[Any, ...]) -> tuple[Any, NDArray[np.bool_]]:
    import pandas as pd

    places = places_of(values, place_among(known))
    column = pd.Categorical.from_codes(places, categories=pd.Index(list(known)))
    return column, (places < 0) & ~missing(values)


def _objects(values: NDArray[Any], known: tuple[Any, ...]) -> Any:
    """Values as the encoder has them: its own spelling where it knows them, missing ones as its own."""
    gone = next((value for value in known if is_missing(value)), np.nan)
    places = places_of(values, place_among(known))
    lacking = missing(values)
    if kind_of_values(values) == "number" and not any(isinstance(one, str) for one in known):
        return floats_of(values)
    found = np.empty(len(values), dtype=object)
    texts = any(isinstance(one, str) for one in known)
    found[:] = [
        gone if lost else known[at] if at >= 0 else as_label(value) if texts else value
        for value, at, lost in zip(values.tolist(), places.tolist(), lacking.tolist(), strict=True)
    ]
    return found


def _unknown(column: Any, known: tuple[Any, ...]) -> NDArray[np.bool_]:
    values = np.asarray(column)
    return (places_of(values, place_among(known)) < 0) & ~missing(values)


def _block(model: Model, features: pd.DataFrame, made: Mapping[str, str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The one-hot columns of features that are one column here, (n, columns) of 0 and 1, and values without one."""
    import pandas as pd

    columns = list(made)
    at = {one: i for i, one in enumerate(columns)}
    block = np.zeros((len(features), len(columns)), dtype=np.uint8)
    unseen = {}
    for name in dict.fromkeys(made.values()):
        own = [one for one in columns if made[one] == name]
        keys = {model.levels.get(one, one.removeprefix(f"{name}_")): one for one in own}
        values = features[name].to_numpy()
        place = place_by_name({key: at[one] for key, one in keys.items()})
        places, gone = places_of(values, place), missing(values)
        empty = next((at[one] for key, one in keys.items() if key.casefold() in _MISSING_TEXTS), -1)
        places[gone] = empty
        hit = np.flatnonzero(places >= 0)
        block[hit, places[hit]] = 1
        unseen[name] = int(((places < 0) & ~gone).sum())
    kinds = {model.types.get(one) for one in columns}
    if kinds == {"boolean"}:
        return pd.DataFrame(block.astype(np.bool_), columns=columns), unseen
    return pd.DataFrame(block, columns=columns), unseen


def _refused(
    model: Model,
    frame: pd.DataFrame,
    columns: tuple[str, ...],
    strange: Mapping[str, NDArray[np.bool_]],
    usable: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Rows with a missing value, or a category never seen, in a column where the model does not take it.

    It is asked for one whole row with all of them, and where it refuses that with one at a time.
    """
    odd = {(name, False): missing(frame[name].to_numpy()) & usable for name in columns}
    odd |= {(name, True): rows & usable for name, rows in strange.items()}
    odd = {key: rows for key, rows in odd.items() if rows.any()}
    refused = np.zeros(len(frame), dtype=np.bool_)
    whole = _whole_row(frame, columns, strange) if odd else frame
    seen = {key: int(np.flatnonzero(rows)[0]) for key, rows in odd.items()}
    unlike = [[key for key in odd if key[1] is new] for new in (False, True)]
    if all(_takes(model, frame, whole, {name: seen[name, new] for name, new in keys}) for keys in unlike if keys):
        return refused
    for (name, new), rows in odd.items():
        if not _takes(model, frame, whole, {name: seen[name, new]}):
            refused |= rows
    return refused


def _takes(model: Model, frame: pd.DataFrame, whole: pd.DataFrame, rows: Mapping[str, int]) -> bool:
    """Whether the model takes a whole row with the values that columns have in other rows."""
    one = whole.copy()
    for name, row in rows.items():
        one[name] = frame[name].iloc[[row]].array
    try:
        model.margins(one)
    except ModelUnusable as error:
        if error.fault.kind != "fails":
            raise
        return False
    return True


def _whole_row(frame: pd.DataFrame, columns: tuple[str, ...], strange: Mapping[str, NDArray[np.bool_]]) -> pd.DataFrame:
    """A row with a known value in each column, of whichever rows have one."""
    whole = frame.iloc[[0]].copy()
    for name in columns:
        good = ~missing(frame[name].to_numpy())
        if name in strange:
            good &= ~strange[name]
        whole[name] = frame[name].iloc[[int(np.argmax(good))]].array
    return whole

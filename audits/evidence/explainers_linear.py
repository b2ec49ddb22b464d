"""Linear models after transformations that each take one column: which column each of theirs comes from, and parts.

With an output b + Σ_j w_j t_j(x) and each t_j made of one player's columns, the interventional Shapley value of a
player is Σ w_j (t_j(x) − mean over the background of t_j) over its own j (Lundberg & Lee 2017, corollary 1; exact, as
players do not interact).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
# transformers of scikit-learn whose k-th column out is made of the k-th column in, of all rows alike
_ONE_TO_ONE = (
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    "PowerTransformer",
    "QuantileTransformer",
    "OrdinalEncoder",
)


def origins(step: Any, columns: int, names: Sequence[str] | None = None) -> Places | None:
    """The column that each column out of a fitted transformer is made of, by its place; None where that is unknown.

    ``columns`` are the columns in, ``names`` their names where they have any.
    """
    kind = type(step).__name__
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return np.arange(columns)
    if not type(step).__module__.startswith("sklearn."):
        return None
    if kind == "Pipeline":
        return _through([one for _, one in step.steps], columns, names)
    if kind == "ColumnTransformer":
        return _side_by_side(step, columns, names)
    if kind in _ONE_TO_ONE or (kind == "FunctionTransformer" and step.func is None):
        return np.arange(columns)
    if kind == "SimpleImputer":
        whole = step.keep_empty_features or not np.isnan(_numbers(step.statistics_)).any()
        return np.arange(columns) if whole and not step.add_indicator else None
    if kind == "OneHotEncoder":
        return _one_hot(step, columns)
    return None


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array([one if isinstance(one, float | int | np.number) else 0.0 for one in values], dtype=np.float64)


def _one_hot(step: Any, columns: int) -> Places | None:
    """Its columns out, feature by feature."""
    if len(step.categories_) != columns:
        return None
    sizes = getattr(step, "_n_features_outs", None)
    return None if sizes is None else np.repeat(np.arange(columns), list(sizes))


def _through(steps: Sequence[Any], columns: int, names: Sequence[str] | None) -> Places | None:
    at: Places | None = np.arange(columns)
    for step in steps:
        if at is None:
            return None
        following = origins(step, len(at), names)
        at = None if following is None else at[following]
        names = None  # transformers before may have renamed them
    return at


def _side_by_side(step: Any, columns: int, names: Sequence[str] | None) -> Places | None:
    width = max((part.stop for part in step.output_indices_.values()), default=0)
    found = np.full(width, -1, dtype=np.int64)
    for name, part, chosen in step.transformers_:
        into = step.output_indices_.get(name, slice(0, 0))
        if (isinstance(part, str) and part == "drop") or into.stop == into.start:
            continue
        places = _chosen(chosen, columns, names)
        if places is None:
            return None
        following = origins(part, len(places), None if names is None else [names[i] for i in places])
        if following is None or len(following) != into.stop - into.start:
            return None
        found[into] = np.array(places, dtype=np.int64)[following]
    return None if (found < 0).any() else found


def _chosen(chosen: Any, columns: int, names: Sequence[str] | None) -> list[int] | None:
    """Places of the columns that a part takes, by name, place, slice or mask."""
    if isinstance(chosen, slice) and not isinstance(chosen.start, str) and not isinstance(chosen.stop, str):
        return list(range(columns))[chosen]
    every = [chosen] if isinstance(chosen, str | int | np.integer) else list(chosen) if not callable(chosen) else None
    if every is None or isinstance(chosen, slice):
        return None
    if every and all(isinstance(one, bool | np.bool_) for one in every):
        return [i for i, one in enumerate(every) if one]
    places = []
    for one in every:
        if isinstance(one, str):
            if names is None or one not in names:
                return None
            places.append(list(names).index(one))
        else:
            places.append(int(one) % columns)
    return places


def weights_of(estimator: Any) -> NDArray[np.float64] | None:
    """(columns,) the weights of a fitted linear model with one output; None for any other."""
    if not type(estimator).__module__.startswith("sklearn.linear_model"):
        return None
    held = getattr(estimator, "coef_", None)
    if held is None:
        return None
    dense = held.toarray() if hasattr(held, "toarray") else np.asarray(held, dtype=np.float64)
    return dense.reshape(-1) if dense.ndim == 1 or dense.shape[0] == 1 else None


def parts(matrix: Any, means: NDArray[np.float64], weights: Any) -> NDArray[np.float64]:
    """(rows, p) of ``matrix`` (rows, columns; dense or sparse) less ``means`` (p,), by ``weights`` (columns, p)."""
    plain = matrix.to_numpy(dtype=np.float64) if hasattr(matrix, "to_numpy") else matrix
    if plain.dtype.kind == "O":  # truth values beside numbers
        plain = plain.astype(np.float64)
    found = plain @ weights
    dense = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    return np.asarray(dense - means, dtype=np.float64)

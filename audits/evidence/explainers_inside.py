"""What is inside a model of a library that is known: transformed columns, whose players they are, and the estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from audits.evidence.explainers_linear import origins, weights_of
from audits.evidence.explainers_read import (
    lightgbm_columns,
    lightgbm_trees,
    single_precision,
    sklearn_trees,
    xgboost_columns,
    xgboost_trees,
)
from audits.evidence.explainers_trees import Numbers, Tree
from checks.inputs.model import Model
from checks.inputs.model_fault import ModelFault, ModelUnusable

if TYPE_CHECKING:
    import pandas as pd

LIGHTGBM, XGBOOST, SKLEARN, PLAIN = "lightgbm", "xgboost", "sklearn", "pyfunc"
# trees of a Booster while it is held, with how many it had: reading them takes longer than explaining a few rows
_read: WeakKeyDictionary[Any, tuple[tuple[int, int], list[Tree] | None]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """An estimator behind transformations that each take one column.

    ``before`` are the fitted transformations or None, ``named`` whether they take a frame, ``players`` (columns,) names
    for each column of the estimator the feature that it stands for, by its place, ``family`` is the library of the
    estimator, ``estimator`` its object (a Booster of LightGBM and XGBoost).
    """

    family: str
    estimator: Any
    before: Any
    named: bool
    players: NDArray[np.int64]

    @property
    def single(self) -> bool:
        """Whether outputs are sums in single precision."""
        return self.family == XGBOOST

    def rows(self, frame: pd.DataFrame) -> Any:
        """(rows, columns) as the estimator takes them: a frame, an array or a sparse matrix."""
        if self.before is not None:
            return self.before.transform(frame if self.named else frame.to_numpy())
        return frame if self.named or self.family != SKLEARN else frame.to_numpy()

    def columns(self, rows: Any) -> Numbers:
        """(columns, rows) of the numbers that its trees compare."""
        import pandas as pd

        dense = rows.toarray() if hasattr(rows, "toarray") else rows
        table = dense if isinstance(dense, pd.DataFrame) else pd.DataFrame(dense)
        if self.family == LIGHTGBM:
            found = lightgbm_columns(table, self.estimator)
        elif self.family == XGBOOST:
            found = xgboost_columns(table)
        else:
            found = np.asarray(table.to_numpy(dtype=np.float64, na_value=np.nan))
            if single_precision(type(self.estimator).__name__):
                found = found.astype(np.float32).astype(np.float64)
        return np.ascontiguousarray(found.T)

    def trees(self) -> list[Tree] | None:
        """The estimator's trees; None where it is none of trees, or they are of a kind that cannot be read."""
        if self.family == LIGHTGBM:
            size = self.estimator.num_trees(), self.estimator.best_iteration
            if self.estimator not in _read or _read[self.estimator][0] != size:
                _read[self.estimator] = size, lightgbm_trees(self.estimator)
            return _read[self.estimator][1]
        if self.family == XGBOOST:
            return xgboost_trees(self.estimator)
        return sklearn_trees(self.estimator)

    def scales(self) -> tuple[float, ...]:
        """What the trees' sum may be multiplied by: a random forest of LightGBM adds up raw scores, else averages."""
        if self.family == LIGHTGBM and "\naverage_output" in self.estimator.model_to_string(num_iteration=1):
            return 1.0, 1 / self.estimator.num_trees()
        return (1.0,)

    def weights(self) -> Numbers | None:
        """(columns,) of a linear model."""
        return weights_of(self.estimator) if self.family == SKLEARN else None


def grouped(model: Model, features: Sequence[str]) -> tuple[str, ...]:
    """The features with those that are one thing's columns in the model as one, under that thing's name."""
    whole = {column: name for name, columns in model.one_hot.items() if name not in features for column in columns}
    return tuple(dict.fromkeys(whole.get(name, name) for name in features))


def players_of(model: Model, features: Sequence[str]) -> NDArray[np.int64]:
    """(columns,) the place among the features of what each column of the model stands for. Raises ``ModelUnusable``."""
    at = {name: i for i, name in enumerate(features)}
    owner = {column: name for name, columns in model.one_hot.items() if name in at for column in columns}
    found = [at.get(column, at.get(owner.get(column, ""), -1)) for column in model.columns]
    lacking = [column for column, place in zip(model.columns, found, strict=True) if place < 0]
    if lacking:
        names = ", ".join(lacking[:8])
        raise ModelUnusable(ModelFault("missing_features", {"uri": model.uri, "names": names}))
    return np.array(found, dtype=np.int64)


def inside(model: Model, players: NDArray[np.int64]) -> Inside | None:
    """What is inside; None where the model is taken as a plain callable."""
    native, before, named = model.native, None, True
    if model.kind == "sklearn":
        named = bool(len(getattr(native, "feature_names_in_", ())))
        if hasattr(native, "steps"):
            before, native = native[:-1] if len(native.steps) > 1 else None, native.steps[-1][1]
        if before is not None:
            at = origins(before, len(model.columns), model.columns if named else None)
            if at is None:
                return None
            players = players[at]
    family = type(native).__module__.split(".")[0]
    if model.kind == PLAIN and family not in (LIGHTGBM, XGBOOST):
        return None
    if family == LIGHTGBM:
        native = getattr(native, "booster_", native)
    elif family == XGBOOST:
        native = _best(native) if hasattr(native, "get_booster") else native
    elif family != SKLEARN:
        return None
    return Inside(family, native, before, named, players)


def _best(wrapper: Any) -> Any:
    """The booster with the rounds that its wrapper predicts with."""
    booster = wrapper.get_booster()
    best = booster.attr("best_iteration")
    if best is not None and int(best) + 1 < booster.num_boosted_rounds():
        return booster[: int(best) + 1]
    return booster

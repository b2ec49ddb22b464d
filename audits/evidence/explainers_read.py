"""Trees of LightGBM, XGBoost and scikit-learn as plain nodes, with splits that pass what the library's own pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.explainers_trees import Numbers, Tree

if TYPE_CHECKING:
    import pandas as pd

_ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold: smaller numbers are its "zero"
Passes = Callable[[Numbers, int], NDArray[np.bool_]]


def lightgbm_columns(frame: pd.DataFrame, booster: Any) -> Numbers:
    """(rows, columns) of what a Booster sees: numbers, and for a category its place among those it was trained on."""
    import pandas as pd

    known = iter(booster.pandas_categorical or ())
    found = np.empty(frame.shape, dtype=np.float64)
    if all(not isinstance(dtype, pd.CategoricalDtype) for dtype in frame.dtypes):
        return np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    for i, name in enumerate(frame.columns):
        column = frame.iloc[:, i]
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes = column.cat.set_categories(next(known, column.cat.categories)).cat.codes.to_numpy()
            found[:, i] = np.where(codes < 0, np.nan, codes)
        else:
            found[:, i] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def lightgbm_trees(booster: Any) -> list[Tree] | None:
    """Its trees, as they add up to the raw score; None where leaves hold linear models."""
    dumped = booster.dump_model()
    trees = []
    for info in dumped["tree_info"]:
        nodes: list[dict[str, Any]] = []
        left, right = [], []
        waiting = [(info["tree_structure"], -1, False)]
        while waiting:
            node, parent, is_left = waiting.pop()
            place = len(nodes)
            nodes.append(node)
            left.append(-1)
            right.append(-1)
            if parent >= 0:
                (left if is_left else right)[parent] = place
            if "split_feature" in node:
                waiting += [(node["left_child"], place, True), (node["right_child"], place, False)]
            elif node.get("leaf_features") or node.get("leaf_coeff"):
                return None
        values = np.array([0.0 if "split_feature" in node else node["leaf_value"] for node in nodes])
        columns = np.array([node.get("split_feature", -1) for node in nodes], dtype=np.int64)
        splits = [_lightgbm_split(node) if "split_feature" in node else None for node in nodes]
        trees.append(Tree(columns, np.array(left), np.array(right), values, _by_node(columns, splits)))
    return trees


Split = Callable[[Numbers], NDArray[np.bool_]]


def _by_node(columns: NDArray[np.int64], splits: Sequence[Split | None]) -> Passes:
    def passes(x: Numbers, node: int) -> NDArray[np.bool_]:
        split = splits[node]
        if split is None:
            raise IndexError(node)
        return split(x[columns[node]])

    return passes


def _lightgbm_split(node: dict[str, Any]) -> Split:
    if node["decision_type"] == "==":
        wanted = np.array([float(one) for one in str(node["threshold"]).split("||")])

        def among(x: Numbers) -> NDArray[np.bool_]:
            return np.isin(np.where(x >= 0, np.trunc(x), -1.0), wanted)  # missing and negative go to the right

        return among
    threshold, missing, default = float(node["threshold"]), node["missing_type"], bool(node["default_left"])

    def below(x: Numbers) -> NDArray[np.bool_]:
        goes = np.asarray(x <= threshold)
        if missing == "Zero":  # as what is missing is
            return np.where((np.abs(x) <= _ZERO) | np.isnan(x), default, goes)
        as_missing = default if missing == "NaN" else threshold >= 0  # else what is missing is 0
        return np.asarray(goes | np.isnan(x)) if as_missing else goes

    return below


def xgboost_columns(frame: pd.DataFrame) -> Numbers:
    """(rows, columns) of what a Booster sees, in single precision as it compares them; a category's code."""
    import pandas as pd

    coded = {name: frame[name].cat.codes.astype("float64").where(frame[name].notna())
             for name, dtype in zip(frame.columns, frame.dtypes, strict=True)
             if isinstance(dtype, pd.CategoricalDtype)}  # fmt: skip
    plain = frame.assign(**coded) if coded else frame
    return np.asarray(plain.to_numpy(dtype=np.float64, na_value=np.nan)).astype(np.float32).astype(np.float64)


def xgboost_trees(booster: Any, rounds: int | None = None) -> list[Tree] | None:
    """Its trees, of the first ``rounds`` only if given; None where it is none of trees, or has several outputs."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    model = learner["gradient_booster"]
    kind = model["name"]
    held = {"gbtree": model, "dart": model.get("gbtree")}.get(kind)
    if held is None or any(held["model"].get("tree_info", ())):
        return None
    parts = held["model"]["trees"]
    weights = model["weight_drop"] if kind == "dart" else [1.0] * len(parts)
    every = len(parts)
    if rounds is not None:
        within = int(held["model"]["gbtree_model_param"].get("num_parallel_tree") or 1)
        every = min(every, rounds * max(within, 1))
    return [_xgboost_tree(part, float(weight)) for part, weight in zip(parts[:every], weights[:every], strict=True)]


def _xgboost_tree(part: dict[str, Any], weight: float) -> Tree:
    left, right = np.array(part["left_children"]), np.array(part["right_children"])
    columns = np.where(left < 0, -1, np.array(part["split_indices"]))
    conditions = np.array(part["split_conditions"], dtype=np.float32).astype(np.float64)
    default = [bool(one) for one in part["default_left"]]
    sets = {node: np.array(part["categories"][start : start + size], dtype=np.float64)
            for node, start, size in zip(part["categories_nodes"], part["categories_segments"],
                                         part["categories_sizes"], strict=True)}  # fmt: skip

    def passes(x: Numbers, node: int) -> NDArray[np.bool_]:
        values = x[columns[node]]
        chosen = sets.get(node)  # those of the set go to the right
        goes = values < conditions[node] if chosen is None else ~np.isin(np.trunc(values), chosen)
        return np.where(np.isnan(values), default[node], goes)

    return Tree(columns, left, right, np.where(left < 0, conditions * weight, 0.0), passes)


def sklearn_trees(estimator: Any) -> list[Tree] | None:
    """Trees of a decision tree, a forest or a boosting of two classes or of numbers; None for any other estimator."""
    name = type(estimator).__name__
    if name in _HISTOGRAMS:
        return _histogram_trees(estimator)
    if not name.startswith(_FAMILIES) or not hasattr(type(estimator), "fit"):
        return None
    if getattr(estimator, "n_outputs_", 1) != 1 or len(getattr(estimator, "classes_", (0, 1))) != 2:
        return None
    if name.startswith("GradientBoosting"):
        return [_sklearn_tree(part.tree_, estimator.learning_rate, False) for part in estimator.estimators_[:, 0]]
    parts = getattr(estimator, "estimators_", [estimator])
    classes = hasattr(estimator, "classes_")
    return [_sklearn_tree(part.tree_, 1 / len(parts), classes) for part in parts]


_HISTOGRAMS = ("HistGradientBoostingRegressor", "HistGradientBoostingClassifier")
_FAMILIES = ("DecisionTree", "ExtraTree", "RandomForest", "GradientBoosting")


def single_precision(name: str) -> bool:
    """Whether an estimator of scikit-learn compares in single precision."""
    return name not in _HISTOGRAMS


def _sklearn_tree(tree: Any, weight: float, classes: bool) -> Tree:
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    columns, thresholds = tree.feature.astype(np.int64), tree.threshold
    missing = getattr(tree, "missing_go_to_left", np.zeros(len(left)))
    values = tree.value[:, 0, :]
    value = values[:, -1] / values.sum(axis=1) if classes else values[:, 0]

    def passes(x: Numbers, node: int) -> NDArray[np.bool_]:
        held = x[columns[node]]
        goes = held <= thresholds[node]
        return np.asarray(goes | np.isnan(held) if missing[node] else goes)

    return Tree(columns, left, right, np.where(left < 0, value * weight, 0.0), passes)


def _histogram_trees(estimator: Any) -> list[Tree] | None:
    found = []
    for parts in estimator._predictors:
        if len(parts) != 1 or parts[0].nodes["is_categorical"].any():
            return None
        nodes = parts[0].nodes
        leaf = nodes["is_leaf"].astype(bool)
        columns = np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64)
        left = np.where(leaf, -1, nodes["left"].astype(np.int64))
        right = np.where(leaf, -1, nodes["right"].astype(np.int64))
        thresholds, missing = nodes["num_threshold"], nodes["missing_go_to_left"].astype(bool)

        def passes(
            x: Numbers, node: int, columns: Any = columns, thresholds: Any = thresholds, missing: Any = missing
        ) -> NDArray[np.bool_]:
            held = x[columns[node]]
            goes = held <= thresholds[node]
            return np.asarray(goes | np.isnan(held) if missing[node] else goes)

        found.append(Tree(columns, left, right, np.where(leaf, nodes["value"], 0.0), passes))
    return found

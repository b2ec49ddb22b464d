"""Trees of LightGBM, XGBoost and scikit-learn as plain nodes, with splits that pass what the library's own pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.explainers_trees import Numbers, Tree

if TYPE_CHECKING:
    import pandas as pd

Nodes = NDArray[np.int64]
Passed = NDArray[np.bool_]
_ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold: smaller numbers are its "zero"
_OF_SPLITS = ("left_child", "right_child", "split_feature", "decision_type")
_MISSING_ZERO, _MISSING_NAN = 1, 2  # its kinds of what is missing; of the third nothing is


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
    """Its trees, as they add up to the raw score; None where leaves hold linear models.

    Read from the library's text, in which numbers have all their digits and one line holds them of all nodes.
    """
    text = booster.model_to_string()
    parts = text[: text.index("\nend of trees")].split("\nTree=")[1:]
    lines = [dict(line.split("=", 1) for line in part.splitlines() if "=" in line) for part in parts]
    if any(held.get("leaf_features", "").strip() for held in lines):
        return None
    if not lines:
        return []
    leaves = np.array([int(held["num_leaves"]) for held in lines])
    splits = leaves - 1
    thresholds, values = (_numbers_of(lines, name, np.float64) for name in ("threshold", "leaf_value"))
    left, right, columns, kinds = (_numbers_of(lines, name, np.int64) for name in _OF_SPLITS)
    left, right = (np.where(one >= 0, one, np.repeat(splits, splits) + ~one) for one in (left, right))
    a_split = np.repeat(np.tile([True, False], len(lines)), np.stack([splits, leaves], axis=1).ravel())
    nodes, value = np.full((3, len(a_split)), -1), np.zeros(len(a_split))
    nodes[:, a_split], value[~a_split] = (left, right, columns), values
    of_nodes = (np.split(one, np.cumsum(splits + leaves)[:-1]) for one in (*nodes, value))
    of_splits = (np.split(one, np.cumsum(splits)[:-1]) for one in (thresholds, kinds))
    return [_lightgbm_tree(held, *rest) for held, *rest in zip(lines, *of_nodes, *of_splits, strict=True)]


def _numbers_of(lines: Sequence[Mapping[str, str]], name: str, dtype: Any) -> NDArray[Any]:
    """Those of all trees' lines of that name, in one go."""
    return np.fromstring(" ".join(held[name] for held in lines).strip(), dtype=dtype, sep=" ")


def _lightgbm_tree(
    held: Mapping[str, str],
    left: Nodes,
    right: Nodes,
    columns: Nodes,
    value: Numbers,
    thresholds: Numbers,
    kinds: Nodes,
) -> Tree:
    """Leaves follow the nodes that split, which alone have a threshold and the kind of their split."""
    sets, as_zero, default = _lightgbm_sets(held, thresholds, kinds), kinds >> 2 & 3 == _MISSING_ZERO, kinds & 2 > 0
    as_missing = np.where(kinds >> 2 & 3 == _MISSING_NAN, default, thresholds >= 0)  # else it is 0

    def passes(x: Numbers, nodes: Nodes) -> Passed:
        values, limits, zero = x[columns[nodes]], thresholds[nodes, None], as_zero[nodes]
        goes = np.asarray((values <= limits) | (np.isnan(values) & as_missing[nodes, None]))
        if zero.any():  # as what is missing is
            theirs, by_default = values[zero], default[nodes, None][zero]
            lacking = (np.abs(theirs) <= _ZERO) | np.isnan(theirs)
            goes[zero] = np.where(lacking, by_default, theirs <= limits[zero])
        for i in [i for i, node in enumerate(nodes.tolist()) if node in sets]:  # missing and negative go to the right
            goes[i] = np.isin(np.where(values[i] >= 0, np.trunc(values[i]), -1.0), sets[int(nodes[i])])
        return goes

    return Tree(columns, left, right, value, passes)


def _lightgbm_sets(held: Mapping[str, str], thresholds: Numbers, kinds: NDArray[np.int64]) -> dict[int, Numbers]:
    """The categories that go to the left of a node, where it splits by them: bits of words of 32."""
    if held["num_cat"] == "0":
        return {}
    bounds, words = ([int(one) for one in held[name].split()] for name in ("cat_boundaries", "cat_threshold"))
    found = {}
    for node in np.flatnonzero(kinds & 1).tolist():
        at = int(thresholds[node])
        mine = enumerate(words[bounds[at] : bounds[at + 1]])
        found[node] = np.array([32 * i + bit for i, word in mine for bit in range(32) if word >> bit & 1], dtype=float)
    return found


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
    default = np.array(part["default_left"], dtype=bool)
    sets = {node: np.array(part["categories"][start : start + size], dtype=np.float64)
            for node, start, size in zip(part["categories_nodes"], part["categories_segments"],
                                         part["categories_sizes"], strict=True)}  # fmt: skip

    def passes(x: Numbers, nodes: Nodes) -> Passed:
        values = x[columns[nodes]]
        goes = values < conditions[nodes, None]
        for i in [i for i, node in enumerate(nodes.tolist()) if node in sets]:  # those of the set go to the right
            goes[i] = ~np.isin(np.trunc(values[i]), sets[int(nodes[i])])
        return np.where(np.isnan(values), default[nodes, None], goes)

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
    missing = np.asarray(getattr(tree, "missing_go_to_left", np.zeros(len(left))), dtype=bool)
    values = tree.value[:, 0, :]
    value = values[:, -1] / values.sum(axis=1) if classes else values[:, 0]
    return Tree(columns, left, right, np.where(left < 0, value * weight, 0.0), _numbers(columns, thresholds, missing))


def _numbers(columns: Nodes, thresholds: Numbers, missing: NDArray[np.bool_]) -> Callable[[Numbers, Nodes], Passed]:
    """To the left goes what is not above the threshold of a node, and what is missing where ``missing`` says so."""

    def passes(x: Numbers, nodes: Nodes) -> Passed:
        values = x[columns[nodes]]
        return np.asarray((values <= thresholds[nodes, None]) | (np.isnan(values) & missing[nodes, None]))

    return passes


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
        value = np.where(leaf, nodes["value"], 0.0)
        found.append(Tree(columns, left, right, value, _numbers(columns, thresholds, missing)))
    return found

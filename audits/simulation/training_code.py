"""The training code of a simulated lender: a file that names none of its columns, with what may be varied in it."""

from __future__ import annotations

from typing import Any

TRAINING_FILE, FUNCTION = "train.py", "fit"
TODAY: dict[str, Any] = {
    "num_leaves": 4, "learning_rate": 0.15, "n_estimators": 30, "min_child_samples": 200, "reg_lambda": 10.0,
}  # fmt: skip
SEARCH: dict[str, Any] = {
    "num_leaves": {"from": 3, "to": 15},
    "learning_rate": {"from": 0.03, "to": 0.3, "log": True},
    "n_estimators": {"from": 20, "to": 80},
    "min_child_samples": {"from": 50, "to": 500, "log": True},
    "reg_lambda": {"from": 0.1, "to": 100.0, "log": True},
}
TRAINING_CODE = '''"""How the score model of this simulated lender is trained: trees by LightGBM, in one thread.

It names no column: numbers are taken as numbers, all other columns as texts, one category a text; what is missing, or
was never seen in training, is missing to the trees.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def fit(
    features, target, weights=None, seed=1,
    num_leaves=4, learning_rate=0.15, n_estimators=30, min_child_samples=200, reg_lambda=10.0,
):
    """Trees that tell the chance of target 1 from the features (n, p); weights (n,) or None."""
    import lightgbm

    texts = {
        place: sorted({str(value) for value in features.iloc[:, place].dropna()})
        for place in range(features.shape[1]) if not pd.api.types.is_numeric_dtype(features.iloc[:, place])
    }
    settings = {
        "objective": "binary", "num_leaves": int(num_leaves), "learning_rate": float(learning_rate),
        "min_data_in_leaf": int(min_child_samples), "lambda_l2": float(reg_lambda), "seed": int(seed),
        "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1,
    }
    rows = lightgbm.Dataset(
        numbers(features, texts), label=np.asarray(target, dtype=float), weight=weights,
        categorical_feature=list(texts), params={"verbosity": -1},
    )
    return Model(lightgbm.train(settings, rows, num_boost_round=int(n_estimators)), texts)


class Model:
    """Trained trees, and the texts that they know."""

    def __init__(self, trees, texts):
        self.trees, self.texts = trees, texts

    def predict_proba(self, features):
        """Chances of 0 and of 1, (n, 2)."""
        chance = self.trees.predict(numbers(features, self.texts), num_threads=1)
        return np.column_stack([1 - chance, chance])


def numbers(features, texts):
    """The features (n, p) as numbers: for a text its place among those seen in training."""
    columns = []
    for place in range(features.shape[1]):
        column = features.iloc[:, place]
        if place in texts:
            places = {text: float(i) for i, text in enumerate(texts[place])}
            told = [np.nan if pd.isna(value) else places.get(str(value), np.nan) for value in column]
            columns.append(np.array(told, dtype=float))
        else:
            columns.append(pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan))
    return np.column_stack(columns)
'''


def training_block() -> dict[str, Any]:
    """What a program says of this file; it is ours, so that its code may run."""
    return {"file": TRAINING_FILE, "function": FUNCTION, "trusted": True}

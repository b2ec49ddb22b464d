"""Worlds whose figures come from a fitted model: rows drawn, a model trained on them, and its output recorded.

The rows then hold what the model itself says of them, so that an audit which opens the model can reproduce every row.
Where the model is registered, and under which name, is left to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import lightgbm
    import pandas as pd

PRICE, SCORE = "price", "score"


def model_rows_of(data: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """The features (n, p) as the model takes them: whole numbers as float64, texts as categories in order."""
    import pandas as pd

    taken = data[list(features)].copy()
    for name in taken.columns:
        if pd.api.types.is_numeric_dtype(taken[name]):
            taken[name] = taken[name].astype(np.float64)
        else:
            texts = taken[name].astype(str)
            taken[name] = pd.Categorical(texts, categories=sorted(texts.unique()))
    return taken


def example_of(data: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Rows as the model takes them, with texts for categories: a signature knows no category."""
    rows = model_rows_of(data.head(50), features)
    return rows.astype({name: str for name in rows.columns if rows[name].dtype.name == "category"})


def fitted(
    data: pd.DataFrame, features: Sequence[str], column: str, kind: str = PRICE, seed: int = 1, rounds: int = 120,
    settings: Mapping[str, Any] | None = None,
) -> lightgbm.Booster:  # fmt: skip
    """Trees that give the logarithm of a price, or the log-odds of a decision (1 or 0), from the features.

    ``rounds`` of them; ``settings`` of LightGBM take the place of those here.
    """
    import lightgbm

    taken = model_rows_of(data, features)
    target = data[column].to_numpy(dtype=np.float64)
    usual: dict[str, Any] = {
        "objective": "regression" if kind == PRICE else "binary", "num_leaves": 15, "learning_rate": 0.1,
        "min_data_in_leaf": 50, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": seed,
        "verbosity": -1,
    }  # fmt: skip
    rows = lightgbm.Dataset(taken, label=np.log(target) if kind == PRICE else target)
    return lightgbm.train({**usual, **(settings or {})}, rows, num_boost_round=rounds)


def recorded_by(model: lightgbm.Booster, data: pd.DataFrame, features: Sequence[str], kind: str = PRICE) -> Any:
    """What the model says of the rows (n,): prices, or chances of the decision."""
    said = np.asarray(model.predict(model_rows_of(data, features), num_threads=1), dtype=np.float64)
    return np.exp(said) if kind == PRICE else said

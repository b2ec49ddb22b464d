"""What contributions of features to a model's output cost: ``python -m tests.benchmarks.explanations [rows]``.

``SQUAREDEAL_BENCH_ROWS`` sets the rows too (at most, and by default, 50,000), of 20 features, explained for a LightGBM
model of 200 trees. Path-dependent contributions with everything around them (rows in the model's form, margins, the
check that parts add up) stand against the library's own ``pred_contrib`` on an array that is ready; interventional ones
against shap's TreeExplainer at the same background, which is timed on fewer rows and scaled up. The sampled gap
(``sampled_gap``) stands against all three of all rows. Seconds are of the processor, all threads together, which a busy
machine disturbs less; wall times are printed beside.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from audits.evidence.explainers import INTERVENTIONAL, PATH_DEPENDENT, Explained, explain
from checks.inputs.model import Model, model_frame
from tests.benchmarks import sampled_gap
from tests.benchmarks.sampled_gap import Seconds

ROWS = min(int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 50_000)), 50_000)
FEATURES, TREES, BACKGROUND, BAR, FULL = 20, 200, 100, 1.2, 50_000
FEW = 500  # rows that shap is timed on


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A model, the rows as recorded, and those of the background."""

    model: Model
    features: pd.DataFrame
    background: pd.DataFrame


@cache
def case(rows: int = ROWS, seed: int = 0) -> Case:
    """Prices that hang on several of the features, some of them together, and the model of them."""
    import lightgbm

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES))
    price = 0.5 * x[:, 1] - 0.8 * x[:, 0] + np.sin(2 * x[:, 2]) * x[:, 3] + 0.3 * x[:, 4:9].sum(axis=1)
    names = [f"f{i}" for i in range(FEATURES)]
    frame = pd.DataFrame(x, columns=names)
    given = {"objective": "regression", "num_leaves": 31, "learning_rate": 0.05, "verbosity": -1, "seed": 0}
    booster = lightgbm.train(given, lightgbm.Dataset(x, price + rng.normal(size=rows), feature_name=names), TREES)
    model = Model("models:/bench/1", "bench", "1", "", "lightgbm", tuple(names), dict.fromkeys(names, "double"),
                  "identity", booster, lambda some: booster.predict(some, raw_score=True))  # fmt: skip
    return Case(model, frame, frame.iloc[:BACKGROUND])


def explained(given: Case, values: str, rows: int) -> Explained:
    """From rows as recorded to contributions."""
    frame = model_frame(given.model, given.features.iloc[:rows]).frame
    background = model_frame(given.model, given.background).frame
    return explain(given.model, frame, background, values, tuple(given.features.columns))


def in_turn(first: Callable[[], Any], second: Callable[[], Any], tries: int = 2) -> tuple[Seconds, Seconds]:
    """Shortest times of two, each tried after the other."""
    found = [(sampled_gap.timed(first)[1], sampled_gap.timed(second)[1]) for _ in range(tries)]
    return sampled_gap.shortest([one for one, _ in found]), sampled_gap.shortest([two for _, two in found])


def path_dependent(given: Case) -> dict[str, Any]:
    """Ours against the library's own."""
    rows = len(given.features)
    ready = given.features.to_numpy()
    library, ours = in_turn(
        lambda: given.model.native.predict(ready, pred_contrib=True),
        lambda: explained(given, PATH_DEPENDENT, rows),
    )
    what = f"path-dependent contributions of {rows:,} rows, {TREES} trees: pred_contrib against ours with all around it"
    return sampled_gap.line(what, library, ours, BAR if rows >= FULL else None)


def interventional(given: Case) -> dict[str, Any]:
    """Ours against shap's, scaled from fewer rows."""
    import shap

    rows, few = len(given.features), min(FEW, len(given.features))
    ready = given.features.to_numpy()
    kept = ready[:BACKGROUND]
    maker = shap.TreeExplainer(given.model.native, data=kept, feature_perturbation=INTERVENTIONAL, model_output="raw")
    theirs, ours = in_turn(lambda: maker.shap_values(ready[:few], check_additivity=False),
                           lambda: explained(given, INTERVENTIONAL, rows))  # fmt: skip
    what = (
        f"interventional contributions of {rows:,} rows, background {BACKGROUND}: shap's TreeExplainer (scaled from "
        f"{few:,}) against ours"
    )
    return sampled_gap.line(what, theirs.times(rows / few), ours, None)


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """Every comparison."""
    given = case(rows)
    return [path_dependent(given), interventional(given), *sampled_gap.measure(rows)]


def main() -> None:
    """Print every comparison."""
    for found in measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS):
        times, wall = f"{found['baseline']:.2f} s {found['ours']:.2f} s", "{:.2f} s {:.2f} s".format(*found["wall"])
        ratio, bar = found["ours"] / found["baseline"], found["bar"] or "none"
        print(f"{found['what']}: {times}, ratio {ratio:.3f}, bar {bar}; wall {wall}", flush=True)


if __name__ == "__main__":
    main()

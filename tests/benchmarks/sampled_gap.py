"""What a model's gap by feature costs from drawn rows, against contributions of every row in the same run.

``python -m tests.benchmarks.sampled_gap`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the rows (50,000). An insurer's log
price of 20 features, a LightGBM of 200 trees with 31 leaves; three in ten customers are of a group that differs in
three of the features, by ``SHIFT`` standard deviations each. Ours is everything that the question collects: rows drawn,
the book counted by bin, a pilot, and as many rows as bring the half-width of sampling to 2 % of the gap. Interventional
contributions against 100 rows on both sides.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.programs import write_program

FULL = 50_000
ROWS = min(int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or FULL)), FULL)
FEATURES, TREES, BACKGROUND = 20, 200, 100
HALF_WIDTH, BAR = 0.02, 0.1
SHIFT = 0.5  # of three features, in their standard deviations


def book(rows: int, seed: int = 20240611) -> Any:
    """Customers with their features, group and a noisy log price that is additive but for one pair of features."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    group = rng.random(rows) < 0.3
    x = rng.normal(size=(rows, FEATURES))
    x[:, :3] += SHIFT * group[:, None]
    x[:, 4] = np.exp(x[:, 4])
    x[:, 5:8] = np.floor(3 + x[:, 5:8])
    weights = np.array([0.1, 0.08, 0.06, 0.05, 0.02, 0.04, 0.03, 0.02, *([0.02] * 4)])
    price = x[:, :12] @ weights + 0.03 * x[:, 0] * x[:, 3] + 0.05 * np.maximum(x[:, 1], 0)
    data = pd.DataFrame(x, columns=[f"x{i}" for i in range(FEATURES)])
    return data.assign(
        row=np.arange(rows), area=np.where(group, "south", "north"), price=price + 0.1 * rng.normal(size=rows)
    )


def fitted(data: Any) -> Any:
    """A model of the log price as audits open it, on one thread."""
    import lightgbm as lgb

    from checks.inputs.model import Model

    names = tuple(f"x{i}" for i in range(FEATURES))
    booster = lgb.LGBMRegressor(n_estimators=TREES, num_leaves=31, n_jobs=1, verbose=-1).fit(
        data[list(names)], data["price"]
    ).booster_  # fmt: skip
    return Model(
        "models:/price/1", "price", "1", "none", "lightgbm", names, dict.fromkeys(names, "double"), "identity", booster,
        lambda frame: booster.predict(frame, raw_score=True, num_threads=1),
    )  # fmt: skip


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line: contributions of all rows and of those that the gap took, in seconds, and the bar."""
    from audits.comparisons.gap_figures import gap_of
    from audits.evidence.contributions import collect_contributions
    from audits.evidence.explainers import explain
    from audits.evidence.needs import ContributionsNeed
    from checks.inputs.model import model_frame
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    data = book(rows)
    model = fitted(data)
    names = list(model.columns)
    with tempfile.TemporaryDirectory() as folder:
        contract = {
            "unit": "row", "price": {"column": "price", "currency": "EUR"}, "features": names,
            "prediction": {"of": "price"}, "groups": {"area": {"column": "area", "reference": "north"}},
        }  # fmt: skip
        file = write_program(Path(folder), data, contract=contract, model="models:/price@live", trusted_model=True)
        with open_source(read_program(file), Period()) as source:
            need = ContributionsNeed(("area",), rows=rows, half_width=HALF_WIDTH, background=BACKGROUND)
            start = perf_counter()
            found = collect_contributions(source, model, need)
            sampled = perf_counter() - start
    start = perf_counter()
    taken = model_frame(model, data[names])
    values = explain(model, taken.frame, taken.frame.iloc[:BACKGROUND], "interventional", names).values
    every = perf_counter() - start
    group = (data["area"] == "south").to_numpy()
    truth = values[group].sum(axis=1).mean() - values[~group].sum(axis=1).mean()
    sides = [found.attributes["area"].of(label) for label in ("south", "north")]
    gap = gap_of(*(side.side for side in sides if side))
    what = (
        f"gap by feature from {found.rows:,} of {rows:,} rows against contributions of all: a gap of "
        f"{truth:.3f}, {truth / values.sum(axis=1).std():.2f} standard deviations; drawn {gap.total:.3f} "
        f"± {gap.half_width():.3f} of sampling"
    )
    return [{"what": what, "baseline": every, "ours": sampled, "bar": BAR if rows >= FULL else None}]


def main() -> None:
    """Print the line."""
    for line in measure():
        ratio = line["ours"] / line["baseline"]
        print(f"{line['what']}\n{line['baseline']:.2f} s  {line['ours']:.2f} s  ratio {ratio:.3f}")


if __name__ == "__main__":
    main()

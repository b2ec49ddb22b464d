"""What a model's gap by feature costs from drawn rows, against contributions of every row in the same run.

``python -m tests.benchmarks.sampled_gap`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the rows (50,000). An insurer's log
price of 20 features, a LightGBM of 200 trees with 31 leaves; three in ten customers are of a group that differs in
three of the features, by ``SHIFT`` standard deviations each. Ours is everything that the question collects: rows
drawn, the book counted by bin, a pilot, and as many rows as bring the half-width of sampling to 2 % of the gap.
Interventional contributions against 100 rows, each side with a model of its own that nothing has read before. The bar
is held against ours of all rows, path-dependent and interventional alike. Interventional ones also stand against the
same question told to take all rows (draw, counts and sums on both sides), against shap's TreeExplainer at the same
background, and against the library's ``pred_contrib``, which has no background, the latter two
timed on fewer rows and scaled up. Seconds are of the processor, those of all threads together; outputs of the model
and the engine have one thread each, path-dependent contributions of ours as many as the library takes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest import mock

from tests.programs import write_program

FULL = 50_000
ROWS = min(int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or FULL)), FULL)
FEATURES, TREES, BACKGROUND = 20, 200, 100
HALF_WIDTH, BAR = 0.02, 0.1
NO_WIDTH = 1e-6  # which takes all rows
SHIFT = 0.5  # of three features, in their standard deviations
FEW, SOME, TRIES = 500, 5000, 4  # rows that shap, and the library, are timed on


@dataclass(frozen=True, slots=True)
class Seconds:
    """Of the processor, and on the wall."""

    cpu: float
    wall: float

    def times(self, factor: float) -> Seconds:
        """So many times as long."""
        return Seconds(self.cpu * factor, self.wall * factor)


def timed(work: Callable[[], Any]) -> tuple[Any, Seconds]:
    """What it gives, and what it took."""
    wall, cpu = perf_counter(), process_time()
    found = work()
    return found, Seconds(process_time() - cpu, perf_counter() - wall)


def shortest(tries: Sequence[Seconds]) -> Seconds:
    """The least of either time."""
    return Seconds(min(one.cpu for one in tries), min(one.wall for one in tries))


def line(what: str, baseline: Seconds, ours: Seconds, bar: float | None) -> dict[str, Any]:
    """One comparison by seconds of the processor, those on the wall beside."""
    wall = baseline.wall, ours.wall
    return {"what": what, "baseline": baseline.cpu, "ours": ours.cpu, "bar": bar, "wall": wall}


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


def drawn(
    folder: Path, data: Any, values: str = "interventional", half_width: float = HALF_WIDTH
) -> tuple[Any, Seconds]:
    """What the question collects of the book, and the shortest time that it took."""
    from audits.evidence.contributions import collect_contributions
    from audits.evidence.needs import ContributionsNeed
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    contract = {
        "unit": "row", "price": {"column": "price", "currency": "EUR"}, "features": [f"x{i}" for i in range(FEATURES)],
        "prediction": {"of": "price"}, "groups": {"area": {"column": "area", "reference": "north"}},
    }  # fmt: skip
    file = write_program(folder, data, contract=contract, model="models:/price@live", trusted_model=True)
    need = ContributionsNeed(("area",), rows=len(data), half_width=half_width, background=BACKGROUND, values=values)
    found, tries = None, []
    for _ in range(TRIES):
        model = fitted(data)
        with mock.patch.dict(os.environ, SQUAREDEAL_THREADS="1"), open_source(read_program(file), Period()) as source:
            found, took = timed(partial(collect_contributions, source, model, need))
        tries.append(took)
    return found, shortest(tries)


def every(data: Any) -> tuple[Any, Seconds]:
    """Our contributions of all rows, and the shortest time that they took."""
    from audits.evidence.explainers import explain
    from checks.inputs.model import Model, model_frame

    def work(model: Model) -> Any:
        taken = model_frame(model, data[list(model.columns)]).frame
        return explain(model, taken, taken.iloc[:BACKGROUND], "interventional", model.columns).values

    found = [timed(partial(work, model)) for model in [fitted(data) for _ in range(TRIES)]]
    return found[0][0], shortest([took for _, took in found])


def native(data: Any) -> Seconds:
    """Our path-dependent contributions, those of the library, of all rows: timed on some and scaled up."""
    from audits.evidence.explainers import explain
    from checks.inputs.model import model_frame

    model = fitted(data)
    taken = model_frame(model, data[list(model.columns)]).frame
    few = taken.iloc[:SOME]
    work = partial(explain, model, few, taken.iloc[:BACKGROUND], "path_dependent", model.columns)
    return shortest([timed(work)[1] for _ in range(TRIES)]).times(len(data) / len(few))


def theirs(data: Any) -> tuple[Seconds, Seconds]:
    """shap's TreeExplainer and the library's own contributions, both scaled up, on an array that is ready."""
    import shap

    native = fitted(data).native
    ready = data[native.feature_name()].to_numpy()
    few, some = ready[:FEW], ready[:SOME]
    maker = shap.TreeExplainer(
        native, data=ready[:BACKGROUND], feature_perturbation="interventional", model_output="raw"
    )
    slow = shortest([timed(lambda: maker.shap_values(few, check_additivity=False))[1] for _ in range(TRIES)])
    own = shortest([timed(lambda: native.predict(some, pred_contrib=True, num_threads=1))[1] for _ in range(TRIES)])
    return slow.times(len(ready) / len(few)), own.times(len(ready) / len(some))


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """Contributions of all rows, by us and by the libraries, against those of the rows that the gap took."""
    from audits.comparisons.gap_figures import gap_of

    data = book(rows)
    with tempfile.TemporaryDirectory() as folder:
        found, sampled = drawn(Path(folder), data)
    with tempfile.TemporaryDirectory() as folder:
        _, by_paths = drawn(Path(folder), data, "path_dependent")
    with tempfile.TemporaryDirectory() as folder:
        whole, asked_of_all = drawn(Path(folder), data, half_width=NO_WIDTH)
    values, all_rows = every(data)
    group = (data["area"] == "south").to_numpy()
    truth = values[group].sum(axis=1).mean() - values[~group].sum(axis=1).mean()
    sides = [found.attributes["area"].of(label) for label in ("south", "north")]
    gap = gap_of(*(side.side for side in sides if side))
    what = (
        f"gap by feature from {found.rows:,} of {rows:,} rows against our contributions of all: a gap of "
        f"{truth:.3f}, {truth / values.sum(axis=1).std():.2f} standard deviations; drawn {gap.total:.3f} "
        f"± {gap.half_width():.3f} of sampling"
    )
    slow, own = theirs(data)
    return [
        line(
            f"path-dependent gap by feature from drawn rows against path-dependent contributions of all (scaled from "
            f"{min(SOME, rows):,})",
            native(data),
            by_paths,
            BAR if rows >= FULL else None,
        ),
        line(what, all_rows, sampled, BAR if rows >= FULL else None),
        line(f"the same against the same question of all {whole.rows:,}", asked_of_all, sampled, None),
        line(f"the same against shap's TreeExplainer of all (scaled from {min(FEW, rows):,})", slow, sampled, None),
        line(
            f"the same against pred_contrib of all, path-dependent (scaled from {min(SOME, rows):,})",
            own,
            sampled,
            None,
        ),
    ]


def main() -> None:
    """Print the lines."""
    for one in measure():
        wall = "{:.2f} s {:.2f} s".format(*one["wall"])
        print(f"{one['what']}\n{one['baseline']:.2f} s  {one['ours']:.2f} s  "
              f"ratio {one['ours'] / one['baseline']:.3f}; wall {wall}")  # fmt: skip


if __name__ == "__main__":
    main()

"""What computing from cells buys, as ratios within one run: ``python -m tests.benchmarks.cells``.

Every pair computes the same figures from the same people in the same process. The rows are
- sixteen metrics of Fairlearn in eight groups: `MetricFrame` on the pandas frame against GROUP BY in DuckDB on
  that same frame and the metrics of its cells, and both once more from the Parquet file;
- 2,000 bootstrap replicates of all of them, with an interval each, against one `MetricFrame` on rows;
- the scan of 1,957 subgroups with its max-T against the GROUP BY to leaf cells that it starts from.

`MetricFrame` runs once, the quick sides are the best of several. Two threads, for DuckDB and for the scan.
SQUAREDEAL_BENCH_ROWS scales the people (default 1,000,000). `SCANS` fair and harmed populations of the scan
are drawn as leaf counts by `discoveries()`, which `SQUAREDEAL_BENCH_SCANS` turns on (200 is the figure to quote).
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from audits.statistics.cell_bootstrap import BootstrapInterval, bootstrap_cells, bootstrap_interval
from audits.statistics.cell_metrics import CellMetrics, Cells, cell_metrics, cells_of
from audits.statistics.subgroup_scan import SubgroupScan, scan_subgroups

ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e6))
SCANS = int(os.environ.get("SQUAREDEAL_BENCH_SCANS", "0"))
SIXTEEN = (
    "count",
    "selection_rate",
    "mean_prediction",
    "true_positive_rate",
    "true_negative_rate",
    "false_positive_rate",
    "false_negative_rate",
    "accuracy_score",
    "zero_one_loss",
    "balanced_accuracy_score",
    "precision_score",
    "recall_score",
    "f1_score",
    "mean_absolute_error",
    "mean_squared_error",
    "r2_score",
)
LEVELS = {"four attributes": (4, 6, 9, 12), "six attributes": (2, 2, 2, 5, 6, 12)}  # both give 1,957 subgroups
PLANTED = {"four attributes": (("a0", 1), ("a1", 2), ("a2", 4)), "six attributes": (("a0", 1), ("a3", 2), ("a4", 4))}
HARM = 0.03


def timed(work: Callable[[], Any], tries: int = 7) -> tuple[float, Any]:
    """Shortest wall time of several tries in seconds, and the last result."""
    times, result = [], None
    for _ in range(tries):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def row(what: str, slow: float, fast: float, bar: str, met: bool | None) -> dict[str, Any]:
    """One comparison; `ratio` is slow over fast."""
    return {"what": what, "slow_seconds": slow, "fast_seconds": fast, "ratio": slow / fast, "bar": bar, "met": met}


def applicants(rows: int, seed: int = 1) -> pd.DataFrame:
    """Eight groups of uneven size with an outcome and a decision."""
    rng = np.random.default_rng(seed)
    group = rng.choice(8, rows, p=np.arange(1, 9) / 36)
    true = (rng.random(rows) < 0.3 + 0.02 * group).astype(np.int64)
    decision = (rng.random(rows) < 0.2 + 0.45 * true - 0.01 * group).astype(np.int64)
    names = np.array([f"group {k}" for k in range(8)], dtype=object)
    return pd.DataFrame({"grp": names[group], "true": true, "predicted": decision})


def connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    return connection


def frame_on_rows(data: pd.DataFrame) -> Any:
    """Fairlearn over every row."""
    from fairlearn import metrics as fairness
    from sklearn import metrics as learning

    functions = {name: getattr(fairness, name, None) or getattr(learning, name) for name in SIXTEEN}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fairness.MetricFrame(metrics=functions, y_true=data["true"], y_pred=data["predicted"],
                                     sensitive_features=data["grp"])  # fmt: skip
        _ = frame.by_group, frame.overall
    return frame


def collapsed(connection: duckdb.DuckDBPyConnection, source: str) -> Cells:
    """Cells by GROUP BY."""
    query = f'SELECT grp, "true", predicted, count(*) AS n FROM {source} GROUP BY ALL'
    table = connection.execute(query).fetchnumpy()
    return cells_of(table["grp"], table["true"], table["predicted"], table["n"])


def assert_equal(ours: CellMetrics, frame: Any) -> None:
    """The same values to a relative 1e-12, or AssertionError."""
    by_group = frame.by_group.loc[list(ours.labels)].to_numpy(dtype=float).T
    np.testing.assert_allclose(ours.by_group, by_group, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(ours.overall, frame.overall.to_numpy(dtype=float), rtol=1e-12, atol=1e-13)


def resampled(cells: Cells) -> BootstrapInterval:
    """2,000 replicates of sixteen metrics in every group and overall, with intervals."""

    def all_metrics(counts: np.ndarray) -> np.ndarray:
        ours = cell_metrics(cells, SIXTEEN, counts=counts)
        return np.concatenate([ours.by_group.reshape(len(counts), -1), ours.overall], axis=1)

    return bootstrap_interval(bootstrap_cells(cells.counts, all_metrics, replicates=2000))


def measure_metrics(folder: Path) -> list[dict[str, Any]]:
    """Metrics and their bootstrap."""
    data, connection = applicants(ROWS), connected()
    file = folder / "applicants.parquet"
    connection.register("people", data)
    connection.execute(f"COPY (FROM people) TO '{file}' (FORMAT parquet)")
    metrics_of = {
        source: lambda s=source: cell_metrics(collapsed(connection, s), SIXTEEN) for source in ("people", f"'{file}'")
    }
    slow, frame = timed(lambda: frame_on_rows(data), 1)
    reading, _ = timed(lambda: pd.read_parquet(file), 3)
    rows = []
    for what, source, start in (("pandas frame", "people", 0.0), ("Parquet file", f"'{file}'", reading)):
        fast, ours = timed(metrics_of[source])
        assert_equal(ours, frame)
        told = f"16 metrics, 8 groups, from a {what}, collapse included"
        rows.append(row(told, slow + start, fast, "at least 100 × faster", (slow + start) / fast >= 100))
    cells = collapsed(connection, "people")
    fast, intervals = timed(lambda: resampled(cells), 3)
    what = f"2,000 bootstrap replicates of all, {np.isfinite(intervals.low).sum()} intervals"
    rows.append(row(what, slow, fast, "faster than one MetricFrame", fast < slow))
    return rows


def crossed(levels: tuple[int, ...], rows: int, seed: int) -> pd.DataFrame:
    """People with attributes as text and an event at one rate, but for the planted cell's twin below."""
    rng = np.random.default_rng(seed)
    columns = {f"a{i}": np.array([f"level {k}" for k in range(n)], dtype=object)[rng.integers(0, n, rows)]
               for i, n in enumerate(levels)}  # fmt: skip
    return pd.DataFrame(columns).assign(event=(rng.random(rows) < 0.2).astype(np.int64))


def leaves(connection: duckdb.DuckDBPyConnection, source: str, width: int) -> tuple[dict[str, Any], Any, Any]:
    """Leaf cells by GROUP BY."""
    names = [f"a{i}" for i in range(width)]
    query = f"SELECT {', '.join(names)}, count(*) AS n, sum(event)::BIGINT AS x FROM {source} GROUP BY ALL"
    table = connection.execute(query).fetchnumpy()
    return {name: table[name] for name in names}, table["n"], table["x"]


def measure_scan(folder: Path) -> list[dict[str, Any]]:
    """The scan against the collapse that feeds it, for Parquet as DuckDB and as pandas write it."""
    rows, connection = [], connected()
    written = {"DuckDB": folder / "duckdb.parquet", "pandas": folder / "pandas.parquet"}
    for levels in LEVELS.values():
        data = crossed(levels, ROWS, 3)
        connection.register("people", data)
        connection.execute(f"COPY (FROM people) TO '{written['DuckDB']}' (FORMAT parquet)")
        data.to_parquet(written["pandas"])
        table, width = leaves(connection, "people", len(levels)), len(levels)
        scan, result = timed(lambda table=table: scan_subgroups(*table))
        for writer, file in written.items():
            collapse, _ = timed(lambda file=file, width=width: leaves(connection, f"'{file}'", width))
            name = f"scan of {len(result.subgroups):,} subgroups {levels} / its GROUP BY of {writer}'s Parquet"
            met = scan <= 10 * collapse if ROWS >= 1_000_000 else None  # the scan's time hardly depends on the rows
            rows.append(row(name, scan, collapse, "at most 10 ×", met))
    return rows


def counted(what: str, seed: int, harm: float) -> SubgroupScan:
    """The scan of people drawn straight as leaf counts, `harm` added to the planted cell's rate of 0.2."""
    levels = LEVELS[what]
    grid, rng = np.indices(levels).reshape(len(levels), -1), np.random.default_rng(seed)
    counts = rng.multinomial(ROWS, np.full(grid.shape[1], 1 / grid.shape[1]))
    inside = np.all([grid[int(name[1:])] == code for name, code in PLANTED[what]], axis=0)
    attributes = {f"a{i}": codes for i, codes in enumerate(grid)}
    return scan_subgroups(attributes, counts, rng.binomial(counts, 0.2 + harm * inside), seed=seed)


def discoveries(scans: int = 200) -> list[dict[str, Any]]:
    """How often fair populations are flagged, and how often the planted +3 points stand first and significant."""
    found = []
    for what in LEVELS:
        fair = [np.nanmin(counted(what, 10_000 + seed, 0.0).adjusted_p) <= 0.05 for seed in range(scans)]
        harmed = [counted(what, 20_000 + seed, HARM) for seed in range(max(3, scans // 10))]
        name = tuple((attribute, str(code)) for attribute, code in PLANTED[what])
        hits = [result.subgroups[0] == name and result.adjusted_p[0] <= 0.05 for result in harmed]
        fairly = {"fair_flagged": float(np.mean(fair)), "monte_carlo_error": sqrt(0.05 * 0.95 / scans), "scans": scans}
        planted = {"planted_first": float(np.mean(hits)), "planted_scans": len(hits), "people": int(harmed[0].n[0])}
        found.append({"what": what, **fairly, **planted})
    return found


def measure() -> list[dict[str, Any]]:
    """All comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        return measure_metrics(Path(folder)) + measure_scan(Path(folder))


def main() -> None:
    """Print every comparison."""
    print(f"{ROWS:,} people")
    words = {True: "met", False: "MISSED", None: "not asked"}
    for found in measure():
        times = f"{found['slow_seconds']:9.4f} s {found['fast_seconds']:9.4f} s ratio {found['ratio']:8.1f}"
        print(f"{found['what']:<84} {times}   bar {found['bar']:<20} {words[found['met']]}")
    for found in discoveries(SCANS) if SCANS else []:
        print(found)


if __name__ == "__main__":
    main()

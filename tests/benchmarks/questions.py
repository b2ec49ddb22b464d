"""What a whole question costs on aggregates and on rows, and what starting costs.

Absolute times depend on the machine; the ratios compare two ways to the same figures on the
same data in the same process, the best of several tries each.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tests.programs import BOSTON, ROOT, loans, write_program

HELP = "import sys, squaredeal; sys.argv[1:] = ['--help']; squaredeal.app(standalone_mode=False)"
ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e6))


def best(work: Callable[[], object], tries: int = 3) -> float:
    """Shortest wall time of several tries, in seconds."""
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def line(what: str, slow: str, slow_time: float, fast: str, fast_time: float) -> dict[str, object]:
    """One comparison of two ways to the same figure."""
    return {"what": f"{what}: {slow} against {fast}", "baseline": slow_time, "ours": fast_time, "bar": None}


def cpu(code: str, **environment: str) -> float:
    """CPU seconds of a Python process of its own, the best of three after one to warm the caches."""
    seconds = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds[1:])


def bench_rates(data: pd.DataFrame) -> dict[str, object]:
    """Fairlearn on rows against Fairlearn on cells, the GROUP BY included."""
    from fairlearn.metrics import MetricFrame, selection_rate

    def frame(table: pd.DataFrame, weight: str | None) -> MetricFrame:
        weights = {"rate": {"sample_weight": table[weight]}} if weight else None
        return MetricFrame(metrics={"rate": selection_rate}, y_true=table["granted"], y_pred=table["granted"],
                           sensitive_features=table["region"], sample_params=weights)  # fmt: skip

    def on_cells() -> MetricFrame:
        return frame(data.groupby(["region", "granted"]).size().reset_index(name="rows"), "rows")

    gap = (frame(data, None).by_group["rate"] - on_cells().by_group["rate"]).abs().max()
    return line(
        f"selection rate (difference {gap:.0e})", "rows", best(lambda: frame(data, None)), "cells", best(on_cells)
    )


def bench_adjusted(source: object, file: Path) -> dict[str, object]:
    """Least squares with HC1 on rows against moments taken in the engine, both from the Parquet file."""
    import statsmodels.api as sm

    from audits.evidence.moments import collect_moments
    from audits.evidence.needs import MomentsNeed
    from audits.statistics.linear_model import fit_group_effects

    def on_rows() -> float:
        data = pd.read_parquet(file)
        design = np.column_stack([np.ones(len(data)), data["burden"], data["region"] == "south"]).astype(float)
        return float(sm.OLS(data["granted"].to_numpy(float), design).fit(cov_type="HC1").bse[2])

    def on_moments() -> float:
        moments = collect_moments(source, MomentsNeed("region", ("burden",)))  # type: ignore[arg-type]
        return float(fit_group_effects(moments.grouped()).robust_errors[0])

    gap = abs(on_rows() / on_moments() - 1)
    return line(
        f"adjusted gap, HC1 (relative difference {gap:.0e})", "rows", best(on_rows), "moments", best(on_moments)
    )


def bench_checks(program: object, source: object) -> dict[str, object]:
    """The data checks pushed down to DuckDB against the same suite on pandas."""
    import datetime as dt

    from checks.expectations import plan_checks
    from checks.gate import run_checks
    from tests.checks.test_expectations_parity import pandas_twin

    day = dt.date(2026, 1, 1)
    fast = best(lambda: run_checks(source, program, day), 2)  # type: ignore[arg-type]
    planned = list(plan_checks(program, source.prepared, day))  # type: ignore[arg-type, attr-defined]
    slow = best(lambda: pandas_twin(source, planned), 1)  # type: ignore[arg-type]
    return line("Great Expectations suite", "pandas", slow, "DuckDB", fast)


def bench_start() -> list[dict[str, object]]:
    """What a user waits for before anything happens, in seconds of CPU."""
    help_time = cpu(HELP)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(100):
            text = BOSTON.read_text().replace("program: boston-mortgages", f"program: boston-{i}")
            (Path(folder) / f"boston-{i}.yaml").write_text(text)
        settings = {"AIRFLOW_HOME": f"{folder}/airflow", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        alone = cpu("import airflow.sdk", **settings)
        parsed = cpu("import airflow.sdk, dags.audit_programs", SQUAREDEAL_PROGRAMS=folder, **settings)
    return [
        {"what": "squaredeal --help, seconds of CPU", "baseline": None, "ours": help_time, "bar": 1.0},
        {"what": "100 program files into DAGs beyond importing airflow, seconds of CPU", "baseline": None,
         "ours": parsed - alone, "bar": 1.5},
    ]  # fmt: skip


def measure() -> list[dict[str, object]]:
    """One line a comparison: baseline and ours in seconds."""
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    data = loans(1, ROWS)
    with tempfile.TemporaryDirectory() as folder:
        program = read_program(write_program(Path(folder), data))
        with open_source(program, Period()) as source:
            lines = [
                bench_rates(data), bench_adjusted(source, Path(folder) / "loans.parquet"), bench_checks(program, source)
            ]  # fmt: skip
    return [*lines, *bench_start()]

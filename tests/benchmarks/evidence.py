"""What the evidence costs, as ratios to DuckDB's own GROUP BY over the same columns in the same run.

``python -m tests.benchmarks.evidence`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the rows (100 million, which take
about 5 GB of disk for some minutes). The bars are set for that size: below it, what a question costs whatever
the rows (planning, labels, Great Expectations' own bookkeeping) weighs more, and they are not asked.
The data are made by hashing row numbers, into a folder that is removed afterwards.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.benchmarks.questions import best
from tests.programs import ROOT

ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e8))
_FULL = 10**8
CONTRACT = {
    "unit": "case",
    "entity": "entity",
    "decision": {"column": "granted", "favourable": 1},
    "groups": {
        "region": {"column": "region", "reference": "r0"},
        "sex": {"column": "sex", "reference": "F"},
        "age": {"column": "age", "bands": [25, 40, 62], "reference": "25-39"},
    },
    "controls": ["burden"],
    "price": "price",
}
_PEAK = """
import sys
from pathlib import Path
from audits.evidence.collect import collect
from audits.evidence.needs import CellsNeed, ClusterCellsNeed
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
needs = {"cells": CellsNeed(("age", "region", "sex")), "clusters": ClusterCellsNeed("entity", ("sex",))}
program = read_program(Path(sys.argv[1]))
with open_source(program, Period()) as source:
    collect(source, [needs[sys.argv[3]]], program.file.parent / "evidence", int(sys.argv[2]))
# the kernel's own high-water mark of this program; getrusage would carry over that of the process which started it
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 2**20)
"""


def make(folder: Path, rows: int, labels: int = 4) -> Path:
    """A program and its Parquet file: ``labels`` regions, ten rows an entity."""

    def pick(salt: int, modulus: int) -> str:
        return f"(hash(i * 31 + {salt}) % {modulus})"

    select = f"""SELECT i AS "case", CAST({pick(1, max(rows // 10, 1))} AS BIGINT) AS entity,
        'r' || {pick(2, labels)} AS region, CASE {pick(3, 3)} WHEN 0 THEN 'F' WHEN 1 THEN 'M' ELSE 'nan' END AS sex,
        CAST(18 + {pick(4, 70)} AS DOUBLE) AS age, {pick(5, 1_000_000)} / 1e6 AS burden,
        CAST({pick(6, 100_000)} AS DOUBLE) / 100 AS price, CAST({pick(7, 10)} < 7 AS INTEGER) AS granted
        FROM range({rows}) AS numbers(i)"""
    with duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": False}) as connection:
        connection.execute(f"COPY ({select}) TO '{folder / 'data.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    program = {"program": "bench", "source": {"table": "data.parquet"}, "contract": CONTRACT, "policies": ["us"],
               "audits": {"primary": ["fair_lending.approval"]}}  # fmt: skip
    file = folder / "bench.yaml"
    file.write_text(yaml.safe_dump(program))
    return file


def _line(what: str, baseline: float, ours: float, bar: float) -> dict[str, Any]:
    asked = bar if ROWS >= _FULL else None
    return {"what": what, "baseline": baseline, "ours": ours, "ratio": ours / baseline, "bar": asked}


def _group_by(connection: duckdb.DuckDBPyConnection, file: Path, keys: str) -> float:
    return best(lambda: connection.execute(f"SELECT {keys}, count(*) FROM '{file}' GROUP BY ALL").fetchall())


def _peak(program: Path, rows: int, which: str) -> float:
    """GiB of memory at the peak of a process that does nothing else."""
    command = [sys.executable, "-c", _PEAK, str(program), str(rows), which]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line a bar: what, baseline and ours in seconds (memory in GiB), their ratio, the bar for the ratio."""
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, size, labels in (("small", rows // 10, 4), ("many", rows, 40), ("large", rows, 4)):
            (folder / part).mkdir()
            make(folder / part, size, labels)
        large = _evidence(folder / "large", lines, checks=True)
        lines.append(_line("ten times the rows", _evidence(folder / "small", []), large, 11))
        lines.append(_line("ten times the groups", large, _evidence(folder / "many", []), 2))
        for which in ("cells", "clusters"):
            lines.append(_line(f"peak memory, {which} (GiB)", 1.0, _peak(folder / "large/bench.yaml", rows, which), 2))
    return lines


def _evidence(folder: Path, lines: list[dict[str, Any]], checks: bool = False) -> float:
    """Seconds of the cells; with ``checks`` also lines about cells, clusters and the data checks."""
    from audits.evidence.cells import collect_cells
    from audits.evidence.cluster_cells import collect_cluster_cells
    from audits.evidence.needs import CellsNeed, ClusterCellsNeed
    from checks.gate import run_checks
    from checks.great_expectations_setup import prepare_great_expectations
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    need, program = CellsNeed(("age", "region", "sex")), read_program(folder / "bench.yaml")
    settings = {"threads": int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1)}
    with open_source(program, Period()) as source, duckdb.connect(config=settings) as connection:
        file = folder / "data.parquet"
        ours = best(lambda: collect_cells(source, need))
        if checks:
            plain = _group_by(connection, file, "age, region, sex, granted")
            lines.append(_line("cells against GROUP BY", plain, ours, 4))
            key = f"SELECT count(*), max(n) FROM (SELECT entity, count(*) AS n FROM '{file}' GROUP BY entity)"
            by_key = best(lambda: connection.execute(key).fetchall())
            clusters = ClusterCellsNeed("entity", ("sex",))
            lines.append(_line("cluster sums against GROUP BY on the key", by_key,
                               best(lambda: collect_cluster_cells(source, clusters)), 2))  # fmt: skip
            prepare_great_expectations()  # importing it takes two seconds, whatever the rows
            suite = best(lambda: run_checks(source, program, dt.date(2026, 1, 1)), 1)
            lines.append(_line("data checks against GROUP BY", plain, suite, 20))
    return ours


def main() -> None:
    """Print the lines."""
    print(f"{ROWS:,} rows")
    for line in measure():
        bar = line["bar"]
        verdict = "no bar at this size" if bar is None else f"bar {bar:g}{'' if line['ratio'] <= bar else '  MISSED'}"
        print(f"{line['what']:<44} {line['baseline']:8.3f}  {line['ours']:8.3f}  ratio {line['ratio']:6.2f}  {verdict}")


if __name__ == "__main__":
    main()

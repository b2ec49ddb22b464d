"""What opening a public HMDA register costs, against DuckDB's plain scan of the same file in the same run.

``python -m tests.benchmarks.register`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the lines (10 million, a national year,
which take about 5 GB of disk for some minutes). Opening is parsing, checking every coded cell and every used one, and
storing the typed columns that the contract names, until the source can be asked. The plain scan reads all 99 columns
as text and counts the cells of each. Both run in turns, each in a process of its own; the best of the turns counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.hmda_files import PROGRAM, write_year
from tests.programs import ROOT

ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e7))
_FULL = 10**7
_TURNS = 3
_OPEN = """
import sys, time
from pathlib import Path
import checks.inputs.duckdb_source, duckdb, ibis
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
program = read_program(Path(sys.argv[1]))
ibis.duckdb.connect()
start = time.perf_counter()
with open_source(program, Period()):
    print(time.perf_counter() - start)
"""
_SCAN = """
import os, sys, time
import duckdb
threads = int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1)
connection = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
connection.execute("SET enable_progress_bar = false")
start = time.perf_counter()
connection.execute(f"SELECT count(COLUMNS(*)) FROM read_csv('{sys.argv[1]}', all_varchar = true)").fetchall()
print(time.perf_counter() - start)
"""
# the kernel's own high-water mark of this program; getrusage would carry over that of the process which started it
_PEAK = """
from pathlib import Path
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 2**20)
"""


def _timed(script: str, argument: Path) -> tuple[float, float]:
    """Seconds that the script names, and the GiB at the peak of its process."""
    command = [sys.executable, "-c", script + _PEAK, str(argument)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line a bar: what, baseline and ours in seconds (memory in GiB), their ratio, the bar for the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "register.yaml").write_text(PROGRAM)
        write_year(folder / "register.csv", rows)
        scans, openings = [], []
        for _ in range(_TURNS):
            scans.append(_timed(_SCAN, folder / "register.csv")[0])
            openings.append(_timed(_OPEN, folder / "register.yaml"))
    ours, peak = min(seconds for seconds, _ in openings), max(peak for _, peak in openings)
    asked = {"time": 1.5, "memory": 2.0} if rows >= _FULL else {"time": None, "memory": None}
    return [
        {"what": "open a public register, every cell checked / one plain scan as text", "baseline": min(scans),
         "ours": ours, "ratio": ours / min(scans), "bar": asked["time"]},
        {"what": "peak memory of opening it (GiB)", "baseline": 1.0, "ours": peak, "ratio": peak,
         "bar": asked["memory"]},
    ]  # fmt: skip


def main() -> None:
    """Print the lines."""
    print(f"{ROWS:,} lines")
    for line in measure():
        bar = line["bar"]
        verdict = "no bar at this size" if bar is None else f"bar {bar:g}{'' if line['ratio'] <= bar else '  MISSED'}"
        print(f"{line['what']:<68} {line['baseline']:8.3f}  {line['ours']:8.3f}  ratio {line['ratio']:6.2f}  {verdict}")


if __name__ == "__main__":
    main()

"""What chains of re-borrowing cost: ordering loans in the engine against a GROUP BY on the borrower in the same run.

``python -m tests.benchmarks.reborrowing`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the loans (20 million). Ten loans a
borrower on average, groups, income and fees; everything that the question collects counts: totals, labels, quantiles,
the pass that orders loans and counts them, and the one that adds influences up by borrower. A window that puts the
same loans in order once, and counts, stands beside it. There is no bar: a GROUP BY neither sorts nor looks back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.benchmarks.questions import best
from tests.programs import ROOT

ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 2e7))
QUESTION = "predatory_lending.debt_trap"
CONTRACT: dict[str, Any] = {
    "unit": "loan", "entity": "borrower", "time": "opened",
    "loan": {
        "amount": "amount", "fees": "fees", "income": "income", "income_period": "month", "originated_at": "opened",
        "repaid_at": "closed", "currency": "USD",
    },
    "groups": {"region": {"column": "region", "reference": "r0"}}, "strata": ["product"],
}  # fmt: skip
_PEAK = """
import sys
from pathlib import Path
from tests.benchmarks.reborrowing import asked
from audits.evidence.collect import collect
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
program = read_program(Path(sys.argv[1]))
with open_source(program, Period()) as source:
    collect(source, asked(program.contract), program.file.parent / "peak", int(sys.argv[2]))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 2**20)
"""


def make(folder: Path, rows: int) -> Path:
    """A program and its Parquet file of loans over two years, a fortnight each."""

    def pick(salt: int, modulus: int) -> str:
        return f"(hash(i * 31 + {salt}) % {modulus})"

    opened = f"DATE '2024-01-01' + CAST({pick(2, 720)} AS INTEGER)"
    select = f"""SELECT i AS loan, CAST({pick(1, max(rows // 10, 1))} AS BIGINT) AS borrower,
        CAST({opened} AS TIMESTAMP) AS opened, CAST({opened} + 14 AS TIMESTAMP) AS closed,
        'r' || {pick(3, 3)} AS region, 'p' || {pick(4, 2)} AS product,
        CAST(100 + {pick(5, 900)} AS DOUBLE) AS amount, CAST(800 + {pick(6, 4000)} AS DOUBLE) AS income,
        (100 + {pick(5, 900)}) * (8 + {pick(7, 20)}) / 100.0 AS fees FROM range({rows}) AS numbers(i)"""
    with duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": False}) as connection:
        connection.execute(f"COPY ({select}) TO '{folder / 'data.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    program = {"program": "payday", "source": {"table": "data.parquet"}, "contract": CONTRACT,
               "policies": ["conventions"], "audits": {"primary": [QUESTION]}}  # fmt: skip
    file = folder / "payday.yaml"
    file.write_text(yaml.safe_dump(program))
    return file


def asked(contract: Any) -> list[Any]:
    """The needs of the question."""
    from audits.catalogue import questions

    return list(questions()[QUESTION]().needs(contract))


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line each: what, baseline and ours in seconds (memory in GiB), the bar, which none has."""
    from audits.evidence.collect import collect
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    plain = "SELECT count(*), max(n) FROM (SELECT borrower, count(*) AS n, sum(fees) AS f FROM '{}' GROUP BY borrower)"
    ordered = (
        "SELECT count(*), max(gap) FROM (SELECT opened - lag(closed) OVER (PARTITION BY borrower ORDER BY opened, loan)"
        " AS gap FROM '{}')"
    )
    settings = {"threads": int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1)}
    with tempfile.TemporaryDirectory() as name:
        file = make(Path(name), rows)
        program, data = read_program(file), file.parent / "data.parquet"

        def ours() -> None:
            shutil.rmtree(file.parent / "evidence", ignore_errors=True)
            collect(source, asked(program.contract), file.parent / "evidence", rows)

        with open_source(program, Period()) as source, duckdb.connect(config=settings) as connection:
            group, window = (
                best(lambda sql=sql: connection.execute(sql.format(data)).fetchall(), 2) for sql in (plain, ordered)
            )
            whole = best(ours, 2)
        done = subprocess.run([sys.executable, "-c", _PEAK, str(file), str(rows)], cwd=ROOT, capture_output=True,
                              text=True, check=True)  # fmt: skip
    return [
        {"what": "debt_trap against a GROUP BY on the borrower", "baseline": group, "ours": whole, "bar": None},
        {"what": "debt_trap against one window over his loans", "baseline": window, "ours": whole, "bar": None},
        {"what": "peak memory, debt_trap (GiB)", "baseline": 1.0, "ours": float(done.stdout), "bar": None},
    ]


def main() -> None:
    """Print the lines."""
    print(f"{ROWS:,} loans")
    for line in measure():
        ratio = line["ours"] / line["baseline"]
        print(f"{line['what']:<60} {line['baseline']:8.3f}  {line['ours']:8.3f}  ratio {ratio:6.2f}  no bar")


if __name__ == "__main__":
    main()

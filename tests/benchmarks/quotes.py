"""What the questions on prices cost at many quotes, as ratios to DuckDB's own GROUP BY in the same run.

``python -m tests.benchmarks.quotes`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the rows (100 million). A question on
cells is held against the GROUP BY over the columns that it reads, their sums included; one that allows for customers
who come again against a GROUP BY on the customer (three quotes each on average). Everything that a question collects
counts: ranges, cells and score sums. Prices on the same terms have no bar: rows are read twice, joined with their sets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.benchmarks.questions import best
from tests.programs import ROOT

ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e8))
_FULL = 10**8
_MOST_MEMORY = 2.0
TERMS = {"product": "product", "channel": "channel", "payment_method": "pay"}
CONTRACT: dict[str, Any] = {
    "unit": "quote", "entity": "customer", "time": "day", "price": {"column": "price", "currency": "GBP"},
    "cost": "cost", "realised_cost": "claims", "new_customer_price": "enbp", "tenure": "tenure",
    "strata": ["product", "channel"],
    "terms": {**TERMS, "reason_code": "reason", "disclosed": "told", "personalised": "model"},
}  # fmt: skip
_PEAK = """
import sys, tempfile
from pathlib import Path
from tests.benchmarks.quotes import asked
from audits.evidence.collect import collect
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
program = read_program(Path(sys.argv[1]))
with open_source(program, Period()) as source:
    collect(source, asked(sys.argv[3], program.contract), program.file.parent / "peak", int(sys.argv[2]))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 2**20)
"""


def make(folder: Path, rows: int) -> Path:
    """A program and its Parquet file of quotes."""

    def pick(salt: int, modulus: int) -> str:
        return f"(hash(i * 31 + {salt}) % {modulus})"

    cost = f"(CAST(20000 + {pick(5, 60_000)} AS DOUBLE) / 100)"
    price = f"round({cost} * (1.2 + 0.02 * {pick(4, 12)} + {pick(6, 1000)} / 5000.0), 2)"
    select = f"""SELECT i AS quote, CAST({pick(1, max(rows // 3, 1))} AS BIGINT) AS customer,
        'p' || {pick(2, 3)} AS product, 'c' || {pick(3, 4)} AS channel, 'm' || {pick(9, 2)} AS pay,
        CAST({pick(4, 12)} AS INTEGER) AS tenure, {cost} AS cost, {price} AS price, {price} * 0.98 AS enbp,
        CASE WHEN {pick(7, 10)} = 0 THEN CAST({pick(8, 800_000)} AS DOUBLE) / 100 ELSE 0 END AS claims,
        CASE {pick(10, 5)} WHEN 0 THEN 'cost_difference' WHEN 1 THEN 'other' ELSE NULL END AS reason,
        {pick(11, 2)} = 0 AS told, {pick(12, 2)} = 0 AS model, DATE '2025-01-01' + CAST({pick(13, 365)} AS INTEGER) AS
        day FROM range({rows}) AS numbers(i)"""
    with duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": False}) as connection:
        connection.execute(f"COPY ({select}) TO '{folder / 'data.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    program = {"program": "quotes", "source": {"table": "data.parquet"}, "contract": CONTRACT, "policies": ["uk"],
               "audits": {"primary": ["loyalty_pricing"]}}  # fmt: skip
    file = folder / "quotes.yaml"
    file.write_text(yaml.safe_dump(program))
    return file


def asked(name: str, contract: Any) -> list[Any]:
    """The needs of a question, by its name without the package."""
    from audits.catalogue import questions

    return list(questions()[f"loyalty_pricing.{name}"]().needs(contract))


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line a question: what, baseline and ours in seconds (memory in GiB), their ratio, the bar for the ratio."""
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        program = make(Path(name), rows)
        lines += _questions(program, rows)
        for which in ("renewal_price", "same_terms", "tenure_gradient"):
            command = [sys.executable, "-c", _PEAK, str(program), str(rows), which]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            lines.append(_line(f"peak memory, {which} (GiB)", 1.0, float(done.stdout), _MOST_MEMORY))
    return lines


def _line(what: str, baseline: float, ours: float, bar: float) -> dict[str, Any]:
    return {"what": what, "baseline": baseline, "ours": ours, "bar": bar if bar and ROWS >= _FULL else None}


def _questions(program: Path, rows: int) -> list[dict[str, Any]]:
    from audits.evidence.collect import collect
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    file, lines = program.parent / "data.parquet", []
    settings = {"threads": int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1)}
    plain = {
        "renewal_price": ("SELECT product, channel, pay, tenure, count(*), sum(price), sum(enbp)", "GROUP BY ALL", 4),
        "disclosure": ("SELECT model, told, count(*)", "GROUP BY ALL", 4),
        "pricing_return": ("SELECT product, channel, tenure, count(*), sum(price), sum(cost)", "GROUP BY ALL", 4),
        "same_terms": ("SELECT product, channel, pay, day, count(*), min(price / cost)", "GROUP BY ALL", 0),
        "tenure_gradient": ("SELECT count(*), max(n) FROM (SELECT customer, count(*) AS n", "GROUP BY customer)", 2),
        "loss_ratio": ("SELECT count(*), max(n) FROM (SELECT customer, count(*) AS n", "GROUP BY customer)", 2),
    }
    read = read_program(program)
    with open_source(read, Period()) as source, duckdb.connect(config=settings) as connection:
        for name, (select, group, bar) in plain.items():
            query = f"{select} FROM '{file}' {group}"

            def once(name: str = name) -> None:
                folder = program.parent / "evidence"
                shutil.rmtree(folder, ignore_errors=True)
                collect(source, asked(name, read.contract), folder, rows)

            baseline, ours = _alternating(lambda query=query: connection.execute(query).fetchall(), once)
            against = "the customer" if bar == 2 else "its columns"
            lines.append(_line(f"{name} against a GROUP BY on {against}", baseline, ours, bar))
    return lines


def _alternating(baseline: Callable[[], object], ours: Callable[[], object]) -> tuple[float, float]:
    """The best of two tries each, in turn, so that what else the machine does falls on both."""
    pairs = [(best(baseline, 1), best(ours, 1)) for _ in range(2)]
    return min(one for one, _ in pairs), min(other for _, other in pairs)


def main() -> None:
    """Print the lines."""
    print(f"{ROWS:,} rows")
    for line in measure():
        ratio, bar = line["ours"] / line["baseline"], line["bar"]
        verdict = "no bar" if bar is None else f"bar {bar:g}{'' if ratio <= bar else '  MISSED'}"
        print(
            f"{line['what']:<60} {line['baseline']:8.3f}  {line['ours']:8.3f}  ratio {ratio:6.2f}  {verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()

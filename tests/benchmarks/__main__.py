"""``make bench``: every comparison in one run, printed and written to docs/benchmarks.md.

SQUAREDEAL_BENCH_ROWS scales all of them (default: one million rows for questions and metrics, one hundred million
for the evidence and ten million for the register, which take about 5 GB of disk for some minutes).
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from tests.benchmarks import (
    cells,
    evidence,
    explanations,
    funnel,
    loans,
    operation,
    questions,
    quotes,
    register,
    site,
)
from tests.programs import ROOT

FILE = ROOT / "docs" / "benchmarks.md"
PACKAGES = (
    "duckdb",
    "ibis-framework",
    "fairlearn",
    "great-expectations",
    "numpy",
    "pandas",
    "pyxirr",
    "apache-airflow",
    "lightgbm",
    "shap",
)
HEAD = """# Benchmarks

Made by `make bench`. Seconds depend on the machine and on what else it does; a ratio compares two ways to the same
figures on the same data in the same run, the best of several tries each. A bare "×" is ours over the baseline.

"""


def machine() -> str:
    """Processor count, memory, system, Python and the packages that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; {packages}."
    )


def cells_of_row(line: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    """What, baseline, ours, ratio, bar, whether it was met."""
    bar, met = line["bar"], line.get("met")
    baseline, ours = line.get("baseline", line.get("slow_seconds")), line.get("ours", line.get("fast_seconds"))
    if str(bar).startswith("at most"):  # the slow side is ours: what a step costs over the one it starts from
        baseline, ours = ours, baseline
    if baseline is None:
        ratio, met, bar = "", ours <= bar, f"at most {bar:g}"
    elif ours > baseline or isinstance(bar, float | int):
        ratio = f"{ours / baseline:.2f} ×"
        if isinstance(bar, float | int):
            met, bar = ours / baseline <= bar, f"at most {bar:g} ×"
    else:
        times = baseline / ours
        ratio = f"{times:,.0f} × faster" if times > 100 else f"{times:.1f} × faster"
    told = {None: "", True: "met", False: "MISSED"}[None if met is None else bool(met)]
    first = "" if baseline is None else f"{baseline:.3f}"
    return str(line["what"]), first, f"{ours:.3f}", ratio, bar or "none", told


def table(title: str, lines: list[dict[str, Any]]) -> str:
    """A section of the page."""
    rows = [("what", "baseline, s", "ours, s", "ratio", "bar", ""), ("---", "---:", "---:", "---:", "---", "---")]
    rows += [cells_of_row(line) for line in lines]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def main() -> None:
    """Measure section by section, print each, and write the page at the end."""
    print(machine())
    sections = []
    for title, measure in (
        (f"Questions and checks, {questions.ROWS:,} rows", questions.measure),
        (f"Metrics, bootstrap and scan, {cells.ROWS:,} rows", cells.measure),
        (f"Evidence, {evidence.ROWS:,} rows of Parquet", evidence.measure),
        (f"Questions on prices, {quotes.ROWS:,} quotes", quotes.measure),
        (f"Rates of loans, {loans.LOANS:,} in equal instalments", loans.measure),
        (f"The way to credit, {funnel.ROWS:,} events", funnel.measure),
        (f"Contributions of a model, {explanations.ROWS:,} rows × 20 features × 200 trees", explanations.measure),
        (f"A public HMDA register, {register.ROWS:,} lines", register.measure),
        ("Scheduled operation, Airflow and MLflow on Postgres", operation.measure),
        (f"A site of {site.RUNS:,} runs, whole commands", site.measure),
    ):
        sections.append(table(title, measure()))
        print(sections[-1], flush=True)
    FILE.write_text(HEAD + machine() + "\n\n" + "\n".join(sections), encoding="utf-8")
    print(f"written to {FILE.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""What one more run costs a site of many: ``python -m tests.benchmarks.site``.

The runs are real ones, multiplied: the shipped program is audited once, its records get other names, periods and
figures, and each copy is judged anew under the shipped packs. Then, as whole commands from the interpreter's start:
- ``squaredeal site`` into an empty folder (the baseline);
- the same again after one more run, the next month of a program: the best of several programs;
- the same again with nothing new.
SQUAREDEAL_BENCH_RUNS scales the runs (default 200; the bar holds at 2,000, 100 programs of 20 months each).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audits.policies.judge import judge
from audits.policies.packs import find_pack
from audits.record import AuditRun, Measurement, Subject, canonical_json, digest_of
from tests.programs import BOSTON, ROOT, run_program

RUNS = int(float(os.environ.get("SQUAREDEAL_BENCH_RUNS") or 200))
MONTHS = 20
MORE = 5
BAR = (
    0.01  # one more run over the full build, from MANY runs on: the start of the interpreter hides behind no small site
)
MANY = 2000
PACKS = ("conventions", "us")


def month(i: int) -> str:
    """The i-th month from January 2025 on."""
    return f"{2025 + i // 12}-{i % 12 + 1:02}"


def moved(m: Measurement, by: float) -> Measurement:
    """A measurement with its estimate and all its bounds moved alike; a ratio stays above 0."""
    if m.estimate is None or m.measure == "group_coverage":
        return m
    step = -by if m.measure.endswith(("_ratio", "_rate")) else by

    def to(value: float | None) -> float | None:
        return None if value is None else max(value + step, 0.01) if step != by else value + step

    ladder = tuple((level, to(low), to(high)) for level, low, high in m.ladder)
    return replace(m, estimate=to(m.estimate), low=to(m.low), high=to(m.high), ladder=ladder)


def copied(run: AuditRun, name: str, period: str, by: float, **changes: Any) -> AuditRun:
    """The run as one of another program and month, its figures moved."""
    last = f"{period}-28"
    return replace(
        run,
        program=replace(run.program, name=name, title={"en": f"Lender {name}", "zh": f"贷款机构 {name}"}),
        data=replace(run.data, period=period, first_day=f"{period}-01", last_day=last,
                     fingerprint=digest_of(f"{name} {period} {by}".encode())),
        subject=Subject(f"models:/{name}"), measurements=tuple(moved(m, by) for m in run.measurements), **changes,
    )  # fmt: skip


def write_run(folder: Path, run: AuditRun, packs: Any) -> Path:
    """Write a run and its judgement where a run lies."""
    home = folder / run.program.name / run.data.period / f"v{run.version}"
    home.mkdir(parents=True)
    content = canonical_json(run)
    (home / "run.json").write_bytes(content)
    (home / "judgement.json").write_bytes(canonical_json(judge(run, digest_of(content), packs)))
    return home


def shifts(seed: int, months: int) -> Iterator[float]:
    """A lender's way: a level of its own, a slow drift, and noise."""
    rng = np.random.default_rng(seed)
    level = rng.normal(-0.08, 0.05)
    for _ in range(months):
        level += rng.normal(0, 0.012)
        yield float(level + rng.normal(0, 0.01))


def multiply(folder: Path, run: AuditRun, programs: int, months: int, first: int = 0) -> None:
    """Write ``months`` runs of each of ``programs`` programs, from month ``first`` on."""
    packs = [find_pack(name, ROOT) for name in PACKS]
    for number in range(programs):
        for i, by in enumerate(shifts(number, first + months)):
            if i >= first:
                write_run(folder, copied(run, f"lender-{number:03}", month(i), by), packs)


def command(runs: Path, site: Path) -> float:
    """Seconds of the whole command."""
    start = time.perf_counter()
    asked = [sys.executable, "-m", "squaredeal", "site", str(runs), "--out", str(site), "--quiet"]
    done = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if "cannot be read" in done.stdout:
        raise RuntimeError(done.stdout)
    return seconds


def measure() -> list[dict[str, Any]]:
    """The full build, one more run, and nothing new."""
    programs = max(1, RUNS // MONTHS)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        template, _ = run_program(BOSTON, home / "template")
        multiply(home / "runs", template, programs, MONTHS)
        full = command(home / "runs", home / "site")
        more = []
        for number in range(min(MORE, programs)):
            packs = [find_pack(name, ROOT) for name in PACKS]
            (*_, by) = shifts(number, MONTHS + 1)
            write_run(home / "runs", copied(template, f"lender-{number:03}", month(MONTHS), by), packs)
            more.append(command(home / "runs", home / "site"))
        again = command(home / "runs", home / "site")
        size = sum(file.stat().st_size for file in (home / "site").rglob("*") if file.is_file())
    return [line("one more run", min(more), full, size), line("nothing new", again, full, size)]


def line(what: str, ours: float, full: float, size: int) -> dict[str, Any]:
    """A comparison with the full build."""
    told = f"{what} costs {ours / full:.2%} of the full build of {RUNS:,} runs ({size / 1e6:,.0f} MB)"
    met = ours / full <= BAR if RUNS >= MANY else None
    return {"what": told, "baseline": full, "ours": ours, "bar": f"{BAR:.0%} at {MANY:,} runs", "met": met}


def main() -> None:
    """Print the ratios."""
    for found in measure():
        print(f"{found['what']}: {found['ours']:.3f} s, {found['baseline']:.1f} s (bar {found['bar']}: {found['met']})")


if __name__ == "__main__":
    main()

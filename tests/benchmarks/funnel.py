"""What the way to credit costs: everything that a funnel is counted by against a GROUP BY on the person, in one run.

``python -m tests.benchmarks.funnel [events]`` prints; ``SQUAREDEAL_BENCH_ROWS`` sets the events too (100 million). Ten
events a person in no order. All scans count: labels, where the data end, the pass over everybody, and the one over
those whose times are read (one person in 64 of 100 million rows, ``audits.evidence.funnel_sample``).
Memory is the most that a process of its own took, with DuckDB held to ``MEMORY``. Beside it, without a bar, a log in
the order of its clock, a thousand persons being on their way at a time and decisions coming two days later: there the
rows of a person lie together, and a plain GROUP BY costs little more than reading its one column.
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

ROWS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e8))
MEMORY, BAR, GIBIBYTES = "1500MB", 2.0, 2.0
EVENTS = ("shown", "shown", "opened", "scrolled", "face_failed", "proved", "proved", "sent", "granted", "taken")
CONTRACT: dict[str, Any] = {
    "entity": "person", "time": "seen_at", "age": "age",
    "groups": {"region": {"column": "region", "reference": "r0"}}, "strata": ["product"],
    "funnel": {
        "event": "what", "failed": {"face": ["face_failed"]}, "device": "device", "network": "network",
        "stages": {"reach": ["shown"], "start": ["opened"], "identity": ["proved"], "submit": ["sent"],
                   "decision": ["granted"], "price": ["taken"]},
    },
}  # fmt: skip
_PEAK = """
import sys
from pathlib import Path
from tests.benchmarks.funnel import asked
from audits.evidence.collect import collect
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
program = read_program(Path(sys.argv[1]))
with open_source(program, Period()) as source:
    collect(source, [asked(program.contract)], program.file.parent / "peak", int(sys.argv[2]))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 2**20)
"""


def make(folder: Path, rows: int, *, ordered: bool = False) -> Path:
    """A program and its Parquet file of events; the last two of a person come two days after the others."""
    crowd, later = 1000, 100
    steps = ", ".join(f"'{name}'" for name in EVENTS)

    def pick(salt: int, modulus: int) -> str:
        return f"(hash(p * 31 + {salt}) % {modulus})"

    place = f"""SELECT i, CAST(i % {10 * crowd} // {crowd} AS INTEGER) AS s,
        i // {10 * crowd} * {crowd} + (i * 617) % {crowd} AS of_block FROM range({rows}) AS numbers(i)"""
    if not ordered:
        place = f"""SELECT i, CAST(hash(i) % 10 AS INTEGER) AS s, hash(i * 7 + 1) % {max(rows // 10, 1)} AS of_block
            FROM range({rows}) AS numbers(i)"""
    late = f"CASE WHEN s >= 8 AND of_block >= {later * crowd} THEN {later * crowd} ELSE 0 END" if ordered else "0"
    select = f"""WITH e AS ({place}), w AS (SELECT i, s, CAST(of_block - {late} AS BIGINT) AS p FROM e)
        SELECT CAST(hash(p) >> 20 AS BIGINT) AS person, [{steps}][s + 1] AS what,
        TIMESTAMP '2024-01-01' + to_microseconds(p * 1700000 + s * 47000000 + CASE WHEN s >= 8 THEN 172800000000
        ELSE 0 END) AS seen_at, 'r' || {pick(3, 3)} AS region, 'p' || {pick(4, 2)} AS product,
        'd' || {pick(5, 3)} AS device, 'n' || {pick(6, 3)} AS network,
        CAST(18 + {pick(7, 70)} AS INTEGER) AS age FROM w"""
    with duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": ordered}) as connection:
        connection.execute(f"COPY ({select}) TO '{folder / 'data.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    program = {"program": "funnel", "source": {"table": "data.parquet"}, "contract": CONTRACT,
               "policies": ["conventions"], "audits": {"primary": ["fair_lending.approval"]}}  # fmt: skip
    file = folder / "funnel.yaml"
    file.write_text(yaml.safe_dump(program, sort_keys=False))
    return file


def asked(contract: Any) -> Any:
    """The need that all questions of the funnel share."""
    from audits.comparisons.funnel_need import funnel_need

    return funnel_need(contract)


def measure(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line each: what, baseline and ours in seconds (memory in GiB), the bar for their ratio."""
    found = []
    for ordered, bar in ((False, BAR), (True, None)):
        with tempfile.TemporaryDirectory() as name:
            file = make(Path(name), rows, ordered=ordered)
            group, ours = _timed(file, rows)
            what = "a log in the order of its clock" if ordered else "events in no order"
            found.append({"what": f"funnel against a GROUP BY on the person, {what}", "baseline": group, "ours": ours,
                          "bar": bar})  # fmt: skip
            if not ordered:
                found.append({"what": "peak memory, funnel (GiB)", "baseline": 1.0, "ours": _peak(file, rows),
                              "bar": GIBIBYTES})  # fmt: skip
    return found


def _timed(file: Path, rows: int, tries: int = 2) -> tuple[float, float]:
    """Seconds of a GROUP BY on the person, and of all that is collected, in turn."""
    from audits.evidence.collect import collect
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    program = read_program(file)
    plain = (
        f"SELECT count(*), max(n) FROM (SELECT person, count(*) AS n FROM '{file.parent}/data.parquet' GROUP BY person)"
    )

    def ours() -> None:
        shutil.rmtree(file.parent / "evidence", ignore_errors=True)
        collect(source, [asked(program.contract)], file.parent / "evidence", rows)

    with open_source(program, Period()) as source:
        turns = [(best(lambda: source.rows(plain), 1), best(ours, 1)) for _ in range(tries)]
    return min(group for group, _ in turns), min(whole for _, whole in turns)


def _peak(file: Path, rows: int) -> float:
    """GiB of a process of its own."""
    settings = os.environ | {"SQUAREDEAL_MEMORY": MEMORY}
    done = subprocess.run([sys.executable, "-c", _PEAK, str(file), str(rows)], cwd=ROOT, capture_output=True, text=True,
                          check=True, env=settings)  # fmt: skip
    return float(done.stdout)


def main() -> None:
    """Print the lines."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else ROWS
    print(f"{rows:,} events")
    for line in measure(rows):
        ratio, bar = line["ours"] / line["baseline"], line["bar"]
        verdict = "no bar" if bar is None else f"bar {bar:g}{'' if ratio <= bar else '  MISSED'}"
        print(f"{line['what']:<70} {line['baseline']:8.3f}  {line['ours']:8.3f}  ratio {ratio:6.2f}  {verdict}")


if __name__ == "__main__":
    main()

"""What scheduled operation costs on real servers: ``python -m tests.benchmarks.operation``.

On Airflow with LocalExecutor and MLflow, both on Postgres:
- a mapped question as a task (from its start to its end, as Airflow notes them; the median over the questions of a
  program) over the same question by the library on the same evidence;
- the same with a hundred programs in the folder, of which a task reads its own;
- one pass of the DAG processor over a hundred program files;
- memory of each server while nothing runs: the proportional set size of its processes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.operated import write_operated
from tests.programs import BOSTON
from tests.stack import Stack, running_stack

PROGRAM, MANY = "measured-loans", 100


def seconds_of_audits(stack: Stack) -> list[float]:
    """How long each mapped question of one run took as a task."""
    run = stack.trigger(PROGRAM, "all")
    assert stack.wait(PROGRAM, run, timeout=900) == "success"
    return [one["duration"] for one in stack.instances(PROGRAM, run) if one["task_id"] == "audit"]


def by_library(file: Path, folder: Path) -> list[float]:
    """How long each question takes by the library, on evidence that was collected."""
    from audits.plan import make_plan
    from audits.run import check, gather, measure, pull
    from audits.staging import staging_folder
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    program, taken = read_program(file), []
    staging, plan = staging_folder(folder, program, Period()), make_plan(program)
    with open_source(program, Period()) as source:
        pull(source, program, Period(), staging)
        check(source, program, Period(), staging)
        asked = gather(source, program, plan, staging).questions
    for question in asked:
        began = time.perf_counter()
        measure(program, plan, question, staging)
        taken.append(time.perf_counter() - began)
    return taken


def memory(pid: int) -> float:
    """Proportional set size of a process group, in MiB."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[2]) == pid:
                text = (entry / "smaps_rollup").read_text()
                total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        except (OSError, IndexError, ValueError):
            continue
    return total / 1024


def measure() -> list[dict[str, Any]]:
    """One line a figure."""
    with tempfile.TemporaryDirectory() as home, running_stack(Path(home)) as stack:
        file = write_operated(
            stack.programs, PROGRAM, 0.1, rows=60_000, audits={"exploratory": ["fair_lending"]}, schedule="@yearly"
        )
        stack.refresh(PROGRAM)
        library = statistics.median(by_library(file, Path(home) / "library"))
        seconds_of_audits(stack)
        alone = statistics.median(seconds_of_audits(stack))
        text = BOSTON.read_text(encoding="utf-8")
        for number in range(MANY - 1):
            copy = text.replace("program: boston-mortgages", f"program: boston-{number}")
            (stack.programs / f"boston-{number}.yaml").write_text(copy, encoding="utf-8")
        stack.refresh(f"boston-{MANY - 2}")
        among = statistics.median(seconds_of_audits(stack))
        parsed = stack.get(f"/dags/{PROGRAM}")["last_parse_duration"]
        sizes = {name: memory(process.pid) for name, process in stack.processes.items()}
    print(", ".join(f"{name} {size:.0f} MiB" for name, size in sizes.items()), f"in all {sum(sizes.values()):.0f} MiB")
    return [
        {"what": "a mapped question as a task: the library's call", "baseline": library, "ours": alone, "bar": None},
        {"what": f"the same among {MANY} programs", "baseline": alone, "ours": among, "bar": None},
        {"what": f"DAG processor, one pass over {MANY} programs, s", "baseline": None, "ours": parsed, "bar": 30.0},
        {"what": "memory of Airflow's four servers and MLflow at rest, GiB", "baseline": None,
         "ours": sum(sizes.values()) / 1024, "bar": 4.0},
    ]  # fmt: skip


def main() -> None:
    """Print the lines."""
    for line in measure():
        print(line)


if __name__ == "__main__":
    main()

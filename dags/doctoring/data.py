"""DuckDB and Great Expectations at work on a tiny table, by the way that every run takes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from checks.problem import InputError
from dags.doctoring.finding import Asked, Finding, Probe

DEFAULT_MEMORY = "4GB"
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_ROWS = 200


def in_bytes(text: str) -> int | None:
    """An amount of memory in bytes; None where it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B", text.strip(), re.IGNORECASE)
    if not match:
        return None
    scale = _UNITS[match[2].upper()]
    return int(float(match[1]) * (1024 ** "_KMGT".index(match[2].upper()) if match[3] and match[2] else scale))


def _duckdb(_asked: Asked) -> Iterator[Finding]:
    import duckdb

    from checks.inputs.duckdb_source import _check_settings, duckdb_settings

    purpose = "files are read, and figures counted, in it"
    try:
        _check_settings()
    except InputError as error:
        problem = error.problems[0]
        yield Finding("DuckDB", "broken", f"{problem.where} is {problem.found}, not {problem.expected}", purpose,
                      problem.remedy)  # fmt: skip
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = duckdb_settings(Path(folder))
        with duckdb.connect(config=settings) as connection:
            (total,) = connection.execute("SELECT sum(i) FROM range(1000) t(i)").fetchone() or (None,)
    if total != 499_500:
        yield Finding("DuckDB", "broken", f"it adds up to {total}, not 499500", purpose, "install it anew")
        return
    said = {name: os.environ.get(name) for name in ("SQUAREDEAL_MEMORY", "SQUAREDEAL_THREADS")}
    source = "as set" if any(said.values()) else "by default"
    found = f"{duckdb.__version__}; {settings['memory_limit']}, {settings['threads']} threads {source}"
    yield Finding("DuckDB", "ok", found, purpose)


def _expectations(_asked: Asked) -> Iterator[Finding]:
    import datetime as dt

    from audits.simulation.same_ratio import SameRatio
    from audits.simulation.write import Simulation, write_simulation
    from checks.gate import run_checks
    from checks.inputs.period import read_period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source

    purpose = "data are checked by it before anything is measured"
    with tempfile.TemporaryDirectory() as folder:
        files = write_simulation(Simulation(SameRatio(), _ROWS, 0.1, 1), Path(folder) / "world", force=True)
        program = read_program(files.program)
        with open_source(program, read_period("all")) as source:
            report = run_checks(source, program, dt.datetime.now(dt.UTC).date())
    version = metadata.version("great-expectations")
    found = f"{version}; {len(report.results)} checks of {_ROWS} simulated rows, {len(report.failures)} failed"
    if report.fit:
        yield Finding("Great Expectations", "ok", found, purpose)
    else:
        yield Finding("Great Expectations", "broken", found, purpose, "install what requirements.lock names")


PROBES = (
    Probe("DuckDB", "files are read, and figures counted, in it", _duckdb),
    Probe("Great Expectations", "data are checked by it", _expectations),
)

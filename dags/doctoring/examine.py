"""Each group of probes in a process of its own, so that none can stop or hold up the others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from dags.doctoring.finding import Asked, Finding, Probe

LIMIT = 60.0  # seconds for a group; whatever waits for a server gives up by itself long before
_ROOT = Path(__file__).resolve().parents[2]


def examine(asked: Asked, limit: float = LIMIT) -> list[Finding]:
    """Everything that was found, in the order of the groups; a group that hangs or dies is told as broken."""
    from dags.doctoring.groups import GROUPS

    found: dict[str, list[Finding]] = {}

    def one(name: str) -> None:
        found[name] = _of_group(name, asked, limit)

    threads = [threading.Thread(target=one, args=(name,)) for name in GROUPS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [finding for name in GROUPS for finding in found[name]]


def _of_group(name: str, asked: Asked, limit: float) -> list[Finding]:
    from dags.doctoring.groups import GROUPS

    with tempfile.TemporaryDirectory(prefix="squaredeal-doctor-", ignore_cleanup_errors=True) as folder:
        words = json.dumps([name, str(asked.programs), str(asked.out), asked.mlflow])
        process = subprocess.Popen(
            [sys.executable, "-m", "dags.doctoring.examine"], cwd=os.getcwd(), env=_environment(Path(folder)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            start_new_session=True,
        )  # fmt: skip
        why = f"no answer within {limit:g} s"
        try:
            said = process.communicate(words, timeout=limit)[0]
            why = f"the process that looked ended with code {process.returncode}"
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            said = process.communicate()[0]
    return _completed(GROUPS[name], said, why)


def _environment(folder: Path) -> dict[str, str]:
    """The caller's, but nothing is written beside what is looked at: Airflow would write a configuration and logs."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    home = os.environ.get("AIRFLOW_HOME")
    kept = Path(home) / "airflow.cfg" if home else None
    config = {} if kept and kept.is_file() else {"AIRFLOW_CONFIG": str(folder / "airflow.cfg")}
    return {
        **os.environ, **({} if "AIRFLOW_CONFIG" in os.environ else config),
        **({} if home and Path(home).is_dir() else {"AIRFLOW_HOME": str(folder / "airflow")}),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "SQUAREDEAL_DOCTOR_AIRFLOW_HOME": home or "", "SQUAREDEAL_DOCTOR_PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "GX_ANALYTICS_ENABLED": "false",
    }  # fmt: skip


def _completed(probes: tuple[Probe, ...], said: str, why: str) -> list[Finding]:
    """What was said, and a line for each probe that was not reached to its end."""
    found, ended = [], set()
    for line in said.splitlines():
        with contextlib.suppress(ValueError, TypeError):  # a line that was cut off
            told = json.loads(line)
            if isinstance(told, str):
                ended.add(told)
            else:
                found.append(Finding(**told))
    late = "look at it by itself: it hangs, or the machine is too busy"
    open_ones = [probe for probe in probes if probe.thing not in ended]
    return [
        *found,
        *(Finding(one.thing, "broken", why, one.purpose, late, one.needed) for one in open_ones[:1]),
        *(Finding(one.thing, "broken", "was not looked at: the thing before it did not answer", one.purpose, late,
                  one.needed) for one in open_ones[1:]),
    ]  # fmt: skip


def look(probes: tuple[Probe, ...], asked: Asked, say: Callable[[str], None]) -> None:
    """Look at things one after another; an error of one is what was found of it."""
    from dags.doctoring.finding import told
    from dags.doctoring.secrets import hidden

    for probe in probes:
        try:
            for finding in probe.look(asked):
                words = {name: hidden(getattr(finding, name), asked.mlflow) for name in ("found", "remedy")}
                say(json.dumps({**asdict(finding), **words}))
        except BaseException as error:  # noqa: BLE001 - libraries also raise SystemExit
            remedy = "mend what the error names"
            say(json.dumps(asdict(
                Finding(probe.thing, "broken", told(error), probe.purpose, remedy, probe.needed)
            )))  # fmt: skip
        say(json.dumps(probe.thing))


def main() -> None:
    """Look at the group that standard input names; standard output is kept for findings alone."""
    from dags.doctoring.groups import GROUPS

    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line: str) -> None:
        out.write(line + "\n")
        out.flush()

    name, programs, folder, mlflow = json.loads(sys.stdin.read())
    start = time.monotonic()
    look(GROUPS[name], Asked(Path(programs), Path(folder), mlflow), say)
    print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr)  # noqa: T201
    out.flush()
    os._exit(0)  # no library's threads hold it up


if __name__ == "__main__":
    main()

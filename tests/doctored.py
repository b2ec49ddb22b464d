"""The doctor's command as its user gives it, in an environment of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.programs import ROOT

PASSWORD = "hunter-2-of-the-tests"


def clean_environment(**settings: str) -> dict[str, str]:
    strange = ("AIRFLOW", "MLFLOW_", "SQUAREDEAL_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_")
    return {**{key: value for key, value in os.environ.items() if not key.startswith(strange)}, **settings}


def doctor(environment: dict[str, str], cwd: Path, *words: str):
    """Exit code, findings by thing, all that was printed, and seconds."""
    start = time.monotonic()
    command = [sys.executable, str(ROOT / "squaredeal.py"), "doctor", "--json", *words]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("{"), done.stderr
    told = json.loads(done.stdout)
    found: dict[str, list[dict]] = {}
    for one in told["findings"]:
        found.setdefault(one["thing"], []).append(one)
    assert told["works"] == (done.returncode == 0)
    return done.returncode, found, done.stdout + done.stderr, time.monotonic() - start

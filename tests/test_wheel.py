"""The built wheel, alone in an empty environment, runs the same program from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import BOSTON, ROOT, run_program

pytestmark = pytest.mark.xdist_group("wheel")


def command(*arguments, **options):
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    }
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, env=environment, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """An environment with the wheel and its runtime dependencies as locked, without the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).parent / "uv"
    command(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    command(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    locked = (ROOT / "requirements.lock").read_text()
    pins = [line.split("\\")[0].strip() for line in locked.splitlines() if line and not line.startswith((" ", "#"))]
    (folder / "pins.txt").write_text("\n".join(pins))
    python = folder / "venv/bin/python"
    command(uv, "pip", "install", "--quiet", "--python", python, "--constraint", folder / "pins.txt", wheel)
    return folder


def test_the_wheel_runs_the_same_program_from_another_folder(installed, tmp_path):
    squaredeal = installed / "venv/bin/squaredeal"
    output = command(squaredeal, "run", "boston-mortgages", "--out", tmp_path / "out", cwd=tmp_path)
    assert "CONCERN  us.air.80" in output
    run_program(BOSTON, tmp_path / "here")
    for name in ("run.json", "judgement.json"):
        there = (tmp_path / "out/boston-mortgages/all/v1" / name).read_bytes()
        assert there == (tmp_path / "here/boston-mortgages/all/v1" / name).read_bytes()
    assert (tmp_path / "out/boston-mortgages/all/v1/report.html").read_text().startswith("<!doctype html>")


def test_the_wheel_holds_programs_policies_styles_and_no_tests(installed):
    import zipfile

    (wheel,) = installed.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"dags/programs/boston-mortgages.yaml", "audits/policies/packs/us.yaml", "squaredeal.py"} <= names
    assert any(name.startswith("reports/html/") and name.endswith(".css") for name in names)
    assert not [name for name in names if name.startswith(("tests/", ".ci/", "docs/"))]

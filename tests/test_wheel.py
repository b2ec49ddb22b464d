"""The built wheel, alone in an empty environment, runs the same program from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import BOSTON, ROOT, run_program

pytestmark = pytest.mark.xdist_group("wheel")


def attempt(*arguments, **options):
    """Run a command as a user would, without this test's own Python settings."""
    unwanted = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if key not in unwanted}
    return subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, env=environment, check=False, **options
    )


def command(*arguments, **options):
    done = attempt(*arguments, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(uv, *arguments):
    """From what the set-up has already fetched, else from the index by uv's or by the machine's certificates."""
    tried = [attempt(uv, "pip", "install", "--quiet", "--offline", *arguments)]
    for way in ([], ["--system-certs"]):
        if tried[-1].returncode:
            tried.append(attempt(uv, "pip", "install", "--quiet", *way, *arguments))
    assert tried[-1].returncode == 0, "\n".join(one.stderr for one in tried)


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
    install(uv, "--python", python, "--constraint", folder / "pins.txt", wheel)
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

"""What the documents tell a reader to type does what they say; every command and option in them exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import squaredeal
from tests.programs import ROOT

DOCUMENTS = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(file: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["operate", "regulator", "debug", "author"])
def test_what_a_reader_is_told_to_type_runs_from_top_to_bottom(name, tmp_path):
    strange = ("MLFLOW_", "SQUAREDEAL_", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(strange)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    found = blocks(ROOT / "docs" / f"{name}.md")
    assert found
    for kind, text in found:
        command = ["bash", "-euo", "pipefail", "-c", text] if kind == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def told() -> list[tuple[str, str]]:
    """Every call of the command line in a document, with the file that it stands in."""
    found = []
    for file in DOCUMENTS:
        text = file.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line.strip() for line in text.splitlines() if re.match(r"^(    |\$ )?squaredeal ", line)]
        found += [(file.name, line.removeprefix("$ ")) for line in lines]
        found += [(file.name, call) for call in re.findall(r"`(squaredeal [^`]+)`", text)]
    return found


def test_every_command_and_option_in_the_documents_exists():
    commands = typer.main.get_command(squaredeal.app).commands
    calls = told()
    assert len(calls) > 40
    for file, call in calls:
        name = call.split()[1]
        assert name in commands, (file, call)
        known = {option for one in commands[name].params for option in one.opts}
        asked = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", call.split("#")[0]))
        assert asked <= known | {"--help"}, (file, call)

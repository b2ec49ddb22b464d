"""Which run folders lie under RUNS/PROGRAM/PERIOD/vN, and what tells whether their records changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from audits.releases.folders import JUDGEMENT_FILE, RUN_FILE, VersionFolder, readable, version_folders
from audits.releases.record import RELEASE_FILE

__all__ = ["JUDGEMENT_FILE", "RUN_FILE", "RunFolder", "readable", "run_folders"]


@dataclass(frozen=True, slots=True)
class RunFolder(VersionFolder):
    """A folder that bears the name of a version. ``signature`` changes whenever a record's file does."""

    signature: str


def run_folders(runs: Path, without: Path) -> list[RunFolder]:
    """Every run folder, sorted by name; ``without`` is a folder to pass by, such as a site among the runs."""
    return [
        RunFolder(folder.program, folder.period, folder.version, folder.path, _signature(str(folder.path)))
        for folder in version_folders(runs, without)
    ]


def _signature(folder: str) -> str:
    return "|".join(_state(f"{folder}/{file}") for file in (RUN_FILE, JUDGEMENT_FILE, RELEASE_FILE))


def _state(file: str) -> str:
    try:
        found = os.stat(file)
    except OSError:
        return "none"
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"

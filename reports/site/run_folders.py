"""Which run folders lie under RUNS/PROGRAM/PERIOD/vN, and what tells whether their records changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# named as audits.run writes them, whose import would cost more than reading a run
RUN_FILE, JUDGEMENT_FILE = "run.json", "judgement.json"
_VERSION = re.compile(r"v[0-9]+")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that bears the name of a version. ``signature`` changes whenever a record's file does."""

    program: str
    period: str
    version: str
    path: Path
    signature: str

    @property
    def name(self) -> str:
        """PROGRAM/PERIOD/vN."""
        return f"{self.program}/{self.period}/{self.version}"


def run_folders(runs: Path, without: Path) -> list[RunFolder]:
    """Every run folder, sorted by name; ``without`` is a folder to pass by, such as a site among the runs."""
    found = [
        _run_folder(program.name, period.name, version)
        for program in _folders(runs) if Path(program.path).resolve() != without.resolve()
        for period in _folders(program.path)
        for version in _folders(period.path) if _VERSION.fullmatch(version.name)
    ]  # fmt: skip
    return sorted(found, key=lambda folder: folder.name)


def _run_folder(program: str, period: str, version: os.DirEntry[str]) -> RunFolder:
    path = Path(version.path)
    return RunFolder(readable(program), readable(period), version.name, path, _signature(version.path))


def readable(name: str) -> str:
    """A file's name as text; bytes that are no UTF-8 come out as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _folders(parent: str | Path) -> Iterator[os.DirEntry[str]]:
    """Folders that are not hidden; runs in the making are."""
    try:
        entries = list(os.scandir(parent))
    except OSError:
        return
    yield from (entry for entry in entries if not entry.name.startswith(".") and entry.is_dir())


def _signature(folder: str) -> str:
    return "|".join(_state(f"{folder}/{file}") for file in (RUN_FILE, JUDGEMENT_FILE))


def _state(file: str) -> str:
    try:
        found = os.stat(file)
    except OSError:
        return "none"
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"

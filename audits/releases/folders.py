"""Where runs lie: OUT/PROGRAM/PERIOD/vN, as a listing of folders that opens no file."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

# named as audits.run writes them, whose import would cost more than reading a run
RUN_FILE, JUDGEMENT_FILE = "run.json", "judgement.json"
_VERSION = re.compile(r"v[0-9]+")


@dataclass(frozen=True, slots=True)
class VersionFolder:
    """A folder that bears the name of a version."""

    program: str
    period: str
    version: str
    path: Path

    @property
    def name(self) -> str:
        """PROGRAM/PERIOD/vN."""
        return f"{self.program}/{self.period}/{self.version}"


def version_folders(
    runs: Path, without: Path | None = None, programs: Collection[str] | None = None
) -> list[VersionFolder]:
    """Every version's folder, sorted by name, of these programs where any are named.

    ``without`` is a folder to pass by, such as a site among the runs.
    """
    passed = without.resolve() if without else None
    found = [
        VersionFolder(readable(program.name), readable(period.name), version.name, Path(version.path))
        for program in _folders(runs)
        if (programs is None or program.name in programs) and Path(program.path).resolve() != passed
        for period in _folders(program.path)
        for version in _folders(period.path) if _VERSION.fullmatch(version.name)
    ]  # fmt: skip
    return sorted(found, key=lambda folder: folder.name)


def latest_version(period: str | Path) -> int:
    """The highest version that there is a folder of in OUT/PROGRAM/PERIOD, 0 without any."""
    return max((int(one.name[1:]) for one in _folders(period) if _VERSION.fullmatch(one.name)), default=0)


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

"""Files that a person names for something to be written into: nothing that is there is lost by it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from checks.problem import InputError, Problem

_RUN = "run.json"  # whose folder is a record
_THERE, _FORCED = "a file that is there already", ", or say --force to write over it"


def check_new(files: Mapping[str, Path | None], force: bool, kept: Iterable[Path] = ()) -> None:
    """Raise ``InputError`` for files that cannot be written or would take another's place, by the option of each.

    That is one file named twice, one of those ``kept`` (a program, its data), one in the folder of a finished run, a
    link, a folder, one in no folder, and without ``force`` one that is there.
    """
    named = [(option, file) for option, file in files.items() if file is not None]
    places = [_place(file) for _, file in named]
    behind = {one.resolve() for one in kept}
    problems = []
    for i, (option, file) in enumerate(named):
        found = "a file named twice" if places[i] in places[:i] else _why_not(file, places[i], force, behind)
        if found:
            to_do = f"name another file with {option}{_FORCED if found == _THERE else ''}"
            problems.append(Problem(str(file), found, "a new file in a folder that can be written to", to_do))
    if problems:
        raise InputError(problems)


def _why_not(file: Path, place: Path, force: bool, kept: set[Path]) -> str | None:
    if file.is_symlink():
        return "a link to another file"
    if file.is_dir():
        return "a folder; nothing can be written into it as a file"
    if not place.parent.is_dir():
        return f"a file in the folder '{file.parent}', which is not there; nothing can be written"
    if place in kept or any(other.exists() and place.exists() and other.samefile(place) for other in kept):
        return "the program of the run or its data, which must not be written over"
    if any((folder / _RUN).exists() for folder in place.parents):
        return f"a file in the folder of a finished run ({_RUN}), which holds its records alone"
    return None if force or not file.exists() else _THERE


def _place(file: Path) -> Path:
    """Where the file itself lies, whatever it may be a link to."""
    return file.parent.resolve() / file.name


def write_closed(contents: Mapping[Path, str]) -> None:
    """Write files whole that only their owner may read; none where one cannot be written. Raises ``OSError``."""
    parts: dict[Path, Path] = {}
    try:
        for file, text in contents.items():
            handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
            parts[file] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as part:
                part.write(text)
        for file, whole in parts.items():
            whole.replace(file)
    finally:
        for part_file in parts.values():
            part_file.unlink(missing_ok=True)

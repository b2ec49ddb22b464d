"""Files that a program names: found by path, pattern or installed package, never empty, unpacked."""

from __future__ import annotations

import bz2
import csv
import glob
import importlib.util
import lzma
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks.inputs.program import AuditProgram
from checks.inputs.yaml_reader import shortened
from checks.problem import InputError, Problem, listed, nearest


def existing_files(program: AuditProgram, pattern: str, place: str) -> list[str]:
    """Files of a path or glob, relative to the program's folder. Empty files are refused."""
    path = program.folder / pattern
    try:
        path = program.folder / Path(pattern).expanduser()
        if path.is_dir():
            remedy = f"write '{pattern.rstrip('/')}/*.parquet' for all Parquet files in it, or name one file"
            raise InputError(Problem(program.where(place), f"the folder '{path}'", "a file or a pattern", remedy))
        found = [str(path)] if path.is_file() else sorted(glob.glob(str(path), recursive=True))
        files = [file for file in map(Path, found) if file.is_file()]
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(Problem(
            program.where(place), f"'{shortened(pattern)}', which cannot be looked up ({error})", "a file or a pattern",
            "correct the path",
        )) from None  # fmt: skip
    if not files:
        close = nearest(path.name, siblings)
        remedy = (
            f"did you mean '{path.parent / close}'?" if close else "check the path; it is relative to the program file"
        )
        raise InputError(Problem(program.where(place), f"no file '{path}'", "an existing file or pattern", remedy))
    empty = [str(file) for file in files if file.stat().st_size == 0]
    if empty:
        raise InputError(Problem(
            program.where(place), f"an empty file: {listed(empty)}", "a file with a header and rows",
            "check the job that writes it",
        ))  # fmt: skip
    return [str(file) for file in files]


def package_file(program: AuditProgram, address: str) -> str:
    """The file that package://NAME/PATH names inside an installed Python package."""
    package, _, inside = address.removeprefix("package://").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (Path(folder) / inside).is_file():
            return str(Path(folder) / inside)
    found = f"no file '{inside}' in the package '{package}'" if folders else f"no installed package '{package}'"
    raise InputError(Problem(
        program.where("source.table"), found, "package://NAME/PATH of an installed package",
        "check the path" if folders else f"install '{package}'",
    ))  # fmt: skip


def unpacked_file(file: str, folder: Path, index: int) -> str:
    """The file itself, or where DuckDB cannot unpack it (bz2, xz) an unpacked copy in the work folder."""
    openers: dict[str, Callable[..., Any]] = {".bz2": bz2.open, ".xz": lzma.open}
    opener = openers.get(Path(file).suffix)
    if opener is None:
        return file
    target = folder / f"{index}-{Path(file).stem}"
    try:
        with opener(file, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InputError(
            Problem(file, f"it cannot be unpacked ({error})", "a whole compressed file", "fetch the file again")
        ) from None
    return str(target)


def literally(file: str) -> str:
    """A path that DuckDB takes as it is: signs of a pattern stand for themselves."""
    return re.sub(r"([*?\[])", r"[\1]", file)


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def uneven_line(file: str, header: str) -> tuple[int, int, str] | None:
    """Why a text file reads as one column: the first line whose fields are not as many as the header's.

    Returns its number, its fields and what was expected; None when the file has one column indeed.
    """
    delimiter = max(",;\t|", key=header.count)
    fields = header.count(delimiter) + 1
    if fields == 1 or file.endswith((".gz", ".zst")):
        return None
    with open(file, encoding="utf-8", errors="replace", newline="") as stream:
        lines = csv.reader(stream, delimiter=delimiter)
        for line in lines:
            if line and len(line) != fields:
                return lines.line_num, len(line), f"{fields} fields, as in its header"
    return None

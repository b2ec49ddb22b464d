"""The folder where a run is in the making, what killed runs left in it, and what has become of it.

A folder belongs to one run and is moved to its version when it is whole. Whoever is asked for it afterwards, such as a
task that is tried again, finds the version that it became.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audits.evidence.loan_costs import LOCAL_COPY
from checks.inputs.period import Period
from checks.inputs.program import AuditProgram
from checks.problem import InputError, Problem
from checks.unavailable import silent_or, tried_again
from checks.whole_file import write_whole

ORIGIN_FILE = "origin.json"
TASK_FILE = "task.json"  # what a scheduler's tasks tell each other while the run is staged
STATIONS_FILES = ("data.json", "checks.json", "collected.json", "answers", TASK_FILE)
_STAGING, _BECAME = ".staging-", ".became-"
_STALE = dt.timedelta(days=7)


def staging_folder(out: Path, program: AuditProgram, period: Period) -> Path:
    """A fresh folder for the stations' files.

    Raises ``InputError`` when ``out`` cannot be written, ``UnavailableError`` when its disk does not answer now.
    """
    parent = out.absolute() / program.name / period.text
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        return Path(tempfile.mkdtemp(prefix=_STAGING, dir=parent))
    except OSError as error:
        raise silent_or(InputError(Problem(
            str(parent), f"the output folder cannot be written ({error.strerror})",
            "a folder that this user may write to",
            "name another folder with --out, or change its permissions",
        )), error) from None  # fmt: skip


def _sweep(parent: Path) -> None:
    """Remove what runs which died a week ago or longer have left, and rows of persons after a day."""
    now = dt.datetime.now().timestamp()
    oldest, yesterday = now - _STALE.total_seconds(), now - dt.timedelta(days=1).total_seconds()
    patterns = ((f"{_STAGING}*/{LOCAL_COPY}*", yesterday), (f"{_STAGING}*", oldest), (f"{_BECAME}*", oldest))
    for pattern, before in patterns:
        with suppress(FileNotFoundError):  # another run sweeps as well: the next one finds what is left
            for left in list(parent.glob(pattern)):
                with suppress(FileNotFoundError):
                    if left.stat().st_mtime < before:
                        remove(left)


@contextmanager
def dropped_on_failure(staging: Path) -> Iterator[None]:
    """Leave no staging folder behind a station that fails and is begun anew."""
    try:
        yield
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def without_remains(staging: Path, *, evidence: bool = False) -> None:
    """Remove what a killed station left half done: parts of files, copies of rows, with ``evidence`` that as well."""
    for pattern in (f"{LOCAL_COPY}*", "tmp*", "**/.*.part", *(("evidence", "restricted", "parts") * evidence)):
        for left in list(staging.glob(pattern)):
            remove(left)


def moved_to(staging: Path, version: Path) -> None:
    """Move the folder to its version. Raises ``OSError`` when that is there already."""
    without_remains(staging)
    staging.rename(version)
    _without_stations_files(version)


def given_up_for(staging: Path, version: Path) -> None:
    """Drop the folder of a run that is an earlier version again, and note which."""
    write_whole(_note(staging), version.name.encode())
    shutil.rmtree(staging)


def refuse_older(staging: Path, latest: Path) -> None:
    """Refuse a run whose data were pulled before those of the latest version, and drop its folder (``InputError``).

    Nothing is refused where one of both does not say when: early versions had no ``origin.json``.
    """
    ours, theirs = _pulled_at(staging), _pulled_at(latest)
    if ours is None or theirs is None or ours >= theirs:
        return
    shutil.rmtree(staging, ignore_errors=True)
    raise InputError(Problem(
        str(latest.parent),
        f"newer data were audited meanwhile as {latest.name}: pulled {theirs.isoformat()}, those of this run "
        f"{ours.isoformat()}",
        "data that were pulled after those of the latest version",
        "run again; with a scheduler, clear the run from the task 'pull' on",
    ))  # fmt: skip


def _pulled_at(folder: Path) -> dt.datetime | None:
    """When a run's data were pulled; None where nothing tells. ``UnavailableError`` where the disk does not answer."""
    try:
        with tried_again(str(folder)):
            noted = json.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))
        at = dt.datetime.fromisoformat(noted["pulled_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def became(staging: Path) -> Path | None:
    """The version that the folder has become; None while it is in the making, or when nothing is known of it."""
    if not staging.exists():
        for origin in staging.parent.glob(f"v*/{ORIGIN_FILE}"):
            if re.fullmatch(r"v[0-9]+", origin.parent.name) and staged_as(origin) == staging.name:
                _without_stations_files(origin.parent)  # a try that was killed had just moved it
                return origin.parent
    if _note(staging).is_file():
        shutil.rmtree(staging, ignore_errors=True)
        return staging.parent / _note(staging).read_text()
    return None


def forget(staging: Path) -> None:
    """Drop the note of what the folder has become: nobody will ask for it again."""
    _note(staging).unlink(missing_ok=True)


def staged_as(origin: Path) -> str | None:
    """The name of the staging folder that a version was made in, from its origin.json."""
    try:
        noted = json.loads(origin.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return noted.get("staged_as") if isinstance(noted, dict) else None


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _note(staging: Path) -> Path:
    return staging.parent / (_BECAME + staging.name.removeprefix(_STAGING))


def _without_stations_files(version: Path) -> None:
    for name in STATIONS_FILES:
        remove(version / name)

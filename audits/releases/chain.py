"""Releases of a program as a chain: each names the digest of the one before, so that none can be changed unseen.

``release.json`` lies beside the run that it releases. A run that is judged anew under other rules may be released
again: the release before is kept as ``release-DIGEST.json``, as its judgement is. ``newest_release.json`` in the
program's folder holds number and digest of the last release, which no later one names.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from audits.record import AuditRun, Judgement, canonical_json, digest_of
from audits.releases.actions import faults_of, twice_decided
from audits.releases.folders import JUDGEMENT_FILE, RUN_FILE, latest_version
from audits.releases.links import (
    NEWEST_FILE,
    Link,
    Newest,
    faults_of_end,
    faults_of_link,
    faults_of_order,
    in_order,
    link_of,
    links_of,
    read_file,
    release_files,
)
from audits.releases.record import FLAGGED, RELEASE_FILE, RELEASE_SCHEMA_VERSION, Action, Release, Signer
from checks.problem import InputError, Problem, UnavailableError, listed
from checks.whole_file import write_whole

LOCK_FILE = ".releases.lock"
LOCK_PATIENCE = 60.0
"""For how many seconds a lock that another process holds is waited for."""


def release(
    folder: Path,
    by: Signer | None,
    at: dt.datetime,
    comment: str = "",
    actions: Sequence[Action] = (),
    judged: str = "",
) -> Release:
    """Release a run (OUT/PROGRAM/PERIOD/vN) and write its release.json, whole or not at all.

    ``at`` has a time zone. ``by`` is None where nothing is flagged, no question failed and nobody has to sign.
    ``judged`` is the digest of the judgement that was signed, and has to be named. The same decision again gives the
    release that is there. Raises ``InputError`` when the run or the decision cannot be released (unfit data never can,
    nor a version after which there is a later one), ``UnavailableError`` when another process holds the lock for too
    long, and ``OSError`` when the folder cannot be written.
    """
    folder = folder.absolute()
    if at.tzinfo is None:
        raise ValueError("the time of a release needs a time zone")
    if not judged:
        raise InputError(Problem(
            str(folder / JUDGEMENT_FILE), "a decision that names no judgement", "the digest of the one that was signed",
            "read the judgement, and decide again with its digest",
        ))  # fmt: skip
    with _locked_run(folder):
        _judgement_bytes(folder)
        from audits.run import read_run  # costs more to import than the rest to do

        run, judgement = read_run(folder)
        _in_its_place(folder, judgement)
        digest = digest_of(_judgement_bytes(folder))
        if judged != digest:
            raise InputError(Problem(
                str(folder / JUDGEMENT_FILE), f"a judgement with the digest {digest}",
                f"the one that was signed: {judged}", "read the judgement that is there now, and decide again",
            ))  # fmt: skip
        flagged = tuple(sorted(one.finding_id for one in judgement.findings if one.verdict in FLAGGED))
        wanted = Release(
            RELEASE_SCHEMA_VERSION, judgement.program, judgement.period, judgement.version, judgement.run_digest,
            digest, 0, None, "approved" if by else "nothing_flagged", by,
            at.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z", comment.strip(),
            dict(sorted(Counter(one.verdict for one in judgement.findings).items())), flagged, tuple(actions),
        )  # fmt: skip
        earlier = read_release(folder)
        if earlier and earlier.judgement_digest == digest:
            return _again(folder, earlier, wanted)
        _may_be_released(folder, wanted, run, judgement, at.astimezone(dt.UTC).date())
        return _linked(folder, earlier, wanted)


def read_release(folder: Path) -> Release | None:
    """The release of a run, None where it was not released. Raises ``InputError`` when it cannot be read."""
    file = folder / RELEASE_FILE
    return read_file(file) if file.exists() else None


def under_earlier_judgement(folder: Path, made: Release) -> bool:
    """Whether the run was judged anew after it was released: it stays released under its earlier judgement."""
    try:
        return digest_of((folder / JUDGEMENT_FILE).read_bytes()) != made.judgement_digest
    except OSError:
        return True


def chain(program_folder: Path) -> tuple[tuple[Path, Release], ...]:
    """All releases of a program (OUT/PROGRAM) with the folders of their runs, in their order.

    Raises ``InputError`` when one cannot be read. It does not verify them.
    """
    return tuple((link.file.parent, link.release) for link in links_of(program_folder.absolute()))


def verify_chain(program_folder: Path) -> tuple[Problem, ...]:
    """What shows that releases of a program, or what they released, were changed, added or removed; nothing if none."""
    program_folder = program_folder.absolute()
    with _locked_for_reading(program_folder):
        problems: list[Problem] = []
        links: list[Link] = []
        for file in release_files(program_folder):
            try:
                links.append(link_of(file))
            except InputError as error:
                problems += error.problems
        links = in_order(links)
        problems += [problem for link in links for problem in faults_of_link(link)]
        problems += faults_of_order(links)
        problems += faults_of_end(program_folder, links)
    return tuple(problems)


@contextmanager
def _locked(program_folder: Path) -> Iterator[None]:
    """Alone with the releases of a program. The system takes the lock from a process that dies."""
    handle = os.open(program_folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _take(handle, fcntl.LOCK_EX, program_folder)
        yield
    finally:
        os.close(handle)


@contextmanager
def _locked_for_reading(program_folder: Path) -> Iterator[None]:
    """No release is half-written meanwhile. Without a lock file nothing was ever released here."""
    try:
        handle = os.open(program_folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _take(handle, fcntl.LOCK_SH, program_folder)
        yield
    finally:
        os.close(handle)


def _take(handle: int, kind: int, program_folder: Path) -> None:
    """Lock, or give up after a while. Raises ``UnavailableError``."""
    until = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            return fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise UnavailableError(Problem(
                    str(program_folder / LOCK_FILE), f"held by another process for {LOCK_PATIENCE:g} s",
                    "a lock that is free, since a release takes a moment",
                    "try again; if it stays so, find the process that holds this file, and end it",
                )) from None  # fmt: skip
            time.sleep(0.05)


@contextmanager
def _locked_run(folder: Path) -> Iterator[None]:
    """Alone with the releases of the run's program, without what a killed process left of the run's own."""
    if not folder.is_dir():
        raise InputError(Problem(
            str(folder), "no such folder", "the folder of a finished run", "name OUT/PROGRAM/PERIOD/vN",
        ))  # fmt: skip
    home = folder.parent.parent
    with _locked(home):
        for left in (*folder.glob(".release*.part"), *home.glob(f".{NEWEST_FILE}.*.part")):
            left.unlink(missing_ok=True)
        yield


def _judgement_bytes(folder: Path) -> bytes:
    try:
        return (folder / JUDGEMENT_FILE).read_bytes()
    except FileNotFoundError:
        raise InputError(Problem(
            str(folder / JUDGEMENT_FILE), "no file", "the judgement of a finished run", "name OUT/PROGRAM/PERIOD/vN",
        )) from None  # fmt: skip


def _in_its_place(folder: Path, judgement: Judgement) -> None:
    told = (judgement.program, judgement.period, f"v{judgement.version}")
    if folder.parts[-3:] != told:
        raise InputError(Problem(
            str(folder), "a run that lies in another place than its judgement says", "OUT/" + "/".join(told),
            "name the folder where the run was written",
        ))  # fmt: skip


def _again(folder: Path, earlier: Release, wanted: Release) -> Release:
    """The release that is there, if it is the same decision, whenever it was taken."""
    if replace(wanted, number=earlier.number, previous=earlier.previous, at=earlier.at) == earlier:
        return earlier
    raise InputError(Problem(
        str(folder / RELEASE_FILE), f"released already {_told(earlier)}, with another decision",
        "one decision on a judgement", "a release never changes: decide anew on the next period's run",
    ))  # fmt: skip


def _told(made: Release) -> str:
    return f"on {made.at} by {made.by.name}" if made.by else f"on {made.at}, with nothing flagged"


def _may_be_released(
    folder: Path, wanted: Release, run: AuditRun, judgement: Judgement, today: dt.date
) -> None:  # fmt: skip
    problems = [*_faults_of_run(folder, wanted, run), *faults_of(wanted.actions, judgement, today)]
    problems += twice_decided(wanted.actions)
    if wanted.flagged and wanted.by is None:
        problems.append(Problem(
            str(folder / JUDGEMENT_FILE), f"{len(wanted.flagged)} flagged: {listed(wanted.flagged)}",
            "somebody who signs where anything is a breach or a concern", "let a named person decide",
        ))  # fmt: skip
    if problems:
        raise InputError(problems)


def _faults_of_run(folder: Path, wanted: Release, run: AuditRun) -> Iterator[Problem]:
    latest = latest_version(folder.parent)
    if latest > wanted.version:
        yield Problem(
            str(folder), f"v{wanted.version}, superseded by v{latest}", f"the latest version: v{latest}",
            "clear the run in the scheduler and sign that one",
        )  # fmt: skip
    if not run.checks.fit:
        yield Problem(
            str(folder / RUN_FILE), "data that were unfit", "a run whose data passed the checks",
            "mend the data and run the period again",
        )  # fmt: skip
    if run.errors and wanted.by is None:
        failed = [error.question for error in run.errors]
        yield Problem(
            str(folder / RUN_FILE), f"{len(failed)} failed: {listed(failed)}",
            "somebody who signs where a question failed", "let a named person decide",
        )  # fmt: skip


def _linked(folder: Path, earlier: Release | None, wanted: Release) -> Release:
    """Write the release at the end of the chain: what is meant, the file, that it is there."""
    home = folder.parent.parent
    links = links_of(home)
    broken = faults_of_end(home, links)
    if broken:
        raise InputError(broken)
    last = links[-1] if links else None
    number = last.release.number + 1 if last else 1
    made = replace(wanted, number=number, previous=digest_of(last.content) if last else None)
    content = canonical_json(made)
    file = folder / RELEASE_FILE
    newest = Newest(made.number, digest_of(content), file.relative_to(home).as_posix(), written=False)
    if earlier:
        short = earlier.judgement_digest.removeprefix("sha256:")[:12]
        write_whole(folder / f"release-{short}.json", file.read_bytes())
    write_whole(home / NEWEST_FILE, canonical_json(newest))
    write_whole(file, content)
    write_whole(home / NEWEST_FILE, canonical_json(replace(newest, written=True)))
    return made

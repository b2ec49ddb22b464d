"""Releases of a program as a chain: each names the digest of the one before, so that none can be changed unseen.

``release.json`` lies beside the run that it releases. A run that is judged anew under other rules may be released
again: the release before is kept as ``release-DIGEST.json``, as its judgement is. ``newest_release.json`` in the
program's folder holds number and digest of the last release, which no later one names.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from audits.record import Judgement, canonical_json, digest_of, read_record
from audits.releases.actions import faults_of, twice_decided
from audits.releases.folders import JUDGEMENT_FILE, RUN_FILE
from audits.releases.record import FLAGGED, RELEASE_FILE, RELEASE_SCHEMA_VERSION, Action, Release, Signer
from checks.problem import InputError, Problem, listed
from checks.whole_file import write_whole

NEWEST_FILE = "newest_release.json"
LOCK_FILE = ".releases.lock"


@dataclass(frozen=True, slots=True)
class Newest:
    """The last release of a program. ``written`` is false from before its file is there until after."""

    number: int
    digest: str
    file: str
    written: bool


@dataclass(frozen=True, slots=True)
class _Link:
    file: Path
    content: bytes
    release: Release


def release(
    folder: Path,
    by: Signer | None,
    at: dt.datetime,
    comment: str = "",
    actions: Sequence[Action] = (),
    judged: str | None = None,
) -> Release:
    """Release a run (OUT/PROGRAM/PERIOD/vN) and write its release.json, whole or not at all.

    ``at`` has a time zone. ``by`` is None where nothing is flagged and nobody has to sign. ``judged`` is the digest of
    the judgement that was signed. The same decision again gives the release that is there. Raises ``InputError`` when
    the run or the decision cannot be released, and ``OSError`` when the folder cannot be written.
    """
    folder = folder.absolute()
    if at.tzinfo is None:
        raise ValueError("the time of a release needs a time zone")
    with _locked_run(folder):
        seen = judged or digest_of(_judgement_bytes(folder))
        from audits.run import read_run  # costs more to import than the rest to do

        _, judgement = read_run(folder)
        _in_its_place(folder, judgement)
        digest = digest_of(_judgement_bytes(folder))
        if seen != digest:
            raise InputError(Problem(
                str(folder / JUDGEMENT_FILE), f"a judgement with the digest {digest}",
                f"the one that was signed: {seen}", "read the judgement that is there now, and decide again",
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
        _may_be_released(folder, wanted, judgement, at.astimezone(dt.UTC).date())
        return _linked(folder, earlier, wanted)


def read_release(folder: Path) -> Release | None:
    """The release of a run, None where it was not released. Raises ``InputError`` when it cannot be read."""
    file = folder / RELEASE_FILE
    return _read(file) if file.exists() else None


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
    return tuple((link.file.parent, link.release) for link in _links(program_folder.absolute()))


def verify_chain(program_folder: Path) -> tuple[Problem, ...]:
    """What shows that releases of a program, or what they released, were changed, added or removed; nothing if none."""
    program_folder = program_folder.absolute()
    with _locked_for_reading(program_folder):
        problems: list[Problem] = []
        links: list[_Link] = []
        for file in _files(program_folder):
            try:
                links.append(_link(file))
            except InputError as error:
                problems += error.problems
        links = _in_order(links)
        problems += [problem for link in links for problem in _faults_of_link(link)]
        problems += _faults_of_order(links)
        problems += _faults_of_end(program_folder, links)
    return tuple(problems)


@contextmanager
def _locked(program_folder: Path) -> Iterator[None]:
    """Alone with the releases of a program. The system takes the lock from a process that dies."""
    handle = os.open(program_folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
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
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


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


def _may_be_released(folder: Path, wanted: Release, judgement: Judgement, today: dt.date) -> None:
    problems = faults_of(wanted.actions, judgement, today) + twice_decided(wanted.actions)
    if wanted.flagged and wanted.by is None:
        problems.append(Problem(
            str(folder / JUDGEMENT_FILE), f"{len(wanted.flagged)} flagged: {listed(wanted.flagged)}",
            "somebody who signs where anything is a breach or a concern", "let a named person decide",
        ))  # fmt: skip
    if problems:
        raise InputError(problems)


def _linked(folder: Path, earlier: Release | None, wanted: Release) -> Release:
    """Write the release at the end of the chain: what is meant, the file, that it is there."""
    home = folder.parent.parent
    links = _links(home)
    broken = _faults_of_end(home, links)
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


def _read(file: Path) -> Release:
    made = read_record(Release, file)
    if made.schema_version != RELEASE_SCHEMA_VERSION:
        raise InputError(Problem(
            str(file), f"schema version {made.schema_version}", RELEASE_SCHEMA_VERSION,
            "read it with the version of Squaredeal that wrote it",
        ))  # fmt: skip
    return made


def _files(program_folder: Path) -> list[Path]:
    return sorted(program_folder.glob("*/v*/release.json")) + sorted(program_folder.glob("*/v*/release-*.json"))


def _link(file: Path) -> _Link:
    return _Link(file, file.read_bytes(), _read(file))


def _links(program_folder: Path) -> list[_Link]:
    return _in_order([_link(file) for file in _files(program_folder)])


def _in_order(links: Sequence[_Link]) -> list[_Link]:
    """By number. A release that was being replaced when its process was killed is there twice and counts once."""
    once: dict[tuple[Path, bytes], _Link] = {}
    for link in links:
        once.setdefault((link.file.parent, link.content), link)
    return sorted(once.values(), key=lambda link: link.release.number)


def _changed(file: Path, found: str, expected: str) -> Problem:
    return Problem(
        str(file), found, expected, "restore the file from a copy of that time; find out who changed it",
    )  # fmt: skip


def _faults_of_link(link: _Link) -> Iterator[Problem]:
    """The file itself, its place, and what it released."""
    made, folder = link.release, link.file.parent
    if canonical_json(made) != link.content:
        yield _changed(link.file, "bytes that Squaredeal did not write", "the release as it was written")
    if folder.parts[-3:] != (made.program, made.period, f"v{made.version}"):
        told = f"{made.program}/{made.period}/v{made.version}"
        yield _changed(link.file, f"the release of {told}", "the release of the run beside it")
    if _digest(folder / RUN_FILE) != made.run_digest:
        yield _changed(folder / RUN_FILE, "another run than the one released", made.run_digest)
    short = made.judgement_digest.removeprefix("sha256:")[:12]
    kept, current = folder / f"judgement-{short}.json", folder / JUDGEMENT_FILE
    if made.judgement_digest not in (_digest(kept), _digest(current)):
        file = kept if kept.exists() else current
        yield _changed(file, "another judgement than the one released", made.judgement_digest)


def _digest(file: Path) -> str | None:
    try:
        return digest_of(file.read_bytes())
    except OSError:
        return None


def _faults_of_order(links: Sequence[_Link]) -> Iterator[Problem]:
    before: _Link | None = None
    for link in links:
        made, due = link.release, before.release.number + 1 if before else 1
        if made.number != due:
            yield _changed(link.file, f"number {made.number}", f"number {due}, without gap or double")
        elif made.previous != (digest_of(before.content) if before else None):
            yield _changed(
                before.file if before else link.file,
                f"other bytes than release {made.number} names" if before else "an earlier release",
                f"{made.previous} ({link.file})" if before else "no earlier release than number 1",
            )  # fmt: skip
        before = link


def _faults_of_end(program_folder: Path, links: Sequence[_Link]) -> tuple[Problem, ...]:
    """Whether the last release is the one that was last noted."""
    file = program_folder / NEWEST_FILE
    if not file.exists():
        return (_changed(file, "no file", "number and digest of the last release"),) if links else ()
    try:
        newest = read_record(Newest, file)
    except InputError as error:
        return error.problems
    if canonical_json(newest) != file.read_bytes():
        return (_changed(file, "bytes that Squaredeal did not write", "the note as it was written"),)
    last = links[-1] if links else None
    if last and (last.release.number, digest_of(last.content)) == (newest.number, newest.digest):
        return ()
    if not newest.written and (last.release.number if last else 0) == newest.number - 1:
        return ()  # killed before the file was there: nothing was released
    return (_changed(
        program_folder / newest.file, f"not the release {newest.number} that was written last",
        f"{newest.digest} ({file})",
    ),)  # fmt: skip

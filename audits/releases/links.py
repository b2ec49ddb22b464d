"""The files of a program's releases, and what shows that one of them, or what it released, was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audits.record import canonical_json, digest_of, read_record
from audits.releases.folders import JUDGEMENT_FILE, RUN_FILE
from audits.releases.record import RELEASE_SCHEMA_VERSION, Release
from checks.problem import InputError, Problem

NEWEST_FILE = "newest_release.json"


@dataclass(frozen=True, slots=True)
class Newest:
    """The last release of a program. ``written`` is false from before its file is there until after."""

    number: int
    digest: str
    file: str
    written: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A release with its file, as it lies there."""

    file: Path
    content: bytes
    release: Release


def read_file(file: Path) -> Release:
    """A release from its file. Raises ``InputError`` when it cannot be read, or not by this version."""
    made = read_record(Release, file)
    if made.schema_version != RELEASE_SCHEMA_VERSION:
        raise InputError(Problem(
            str(file), f"schema version {made.schema_version}", RELEASE_SCHEMA_VERSION,
            "read it with the version of Squaredeal that wrote it",
        ))  # fmt: skip
    return made


def release_files(program_folder: Path) -> list[Path]:
    """The files of all releases of a program, those of today's judgements first."""
    return sorted(program_folder.glob("*/v*/release.json")) + sorted(program_folder.glob("*/v*/release-*.json"))


def link_of(file: Path) -> Link:
    """A release as it lies there. Raises ``InputError``."""
    return Link(file, file.read_bytes(), read_file(file))


def links_of(program_folder: Path) -> list[Link]:
    """All releases of a program in their order. Raises ``InputError`` when one cannot be read."""
    return in_order([link_of(file) for file in release_files(program_folder)])


def in_order(links: Sequence[Link]) -> list[Link]:
    """By number. A release that was being replaced when its process was killed is there twice and counts once."""
    once: dict[tuple[Path, bytes], Link] = {}
    for link in links:
        once.setdefault((link.file.parent, link.content), link)
    return sorted(once.values(), key=lambda link: link.release.number)


def _changed(file: Path, found: str, expected: str) -> Problem:
    return Problem(
        str(file), found, expected, "restore the file from a copy of that time; find out who changed it",
    )  # fmt: skip


def faults_of_link(link: Link) -> Iterator[Problem]:
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


def faults_of_order(links: Sequence[Link]) -> Iterator[Problem]:
    """Numbers with a gap or a double, and bytes that a later release does not name."""
    before: Link | None = None
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


def faults_of_end(program_folder: Path, links: Sequence[Link]) -> tuple[Problem, ...]:
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

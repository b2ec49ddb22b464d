"""Runs → a static site. A rebuild reads what is new or changed and writes the pages whose content changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from audits.environment import code_digest
from audits.record import AuditRun, Judgement, digest_of
from audits.releases.brief import releases_of
from checks.problem import InputError, Problem
from checks.whole_file import write_whole
from reports.html.page import render
from reports.site import addresses
from reports.site.comparison_page import comparison_pages
from reports.site.finding_page import finding_pages
from reports.site.history import History, Life, history, lives
from reports.site.layout import Page, style
from reports.site.lines import broken_lines, labels_of, lines_of
from reports.site.lists import list_pages, read_lists
from reports.site.overview import overview
from reports.site.program_page import Broken, program_pages
from reports.site.run_folders import JUDGEMENT_FILE, RunFolder, run_folders
from reports.site.run_page import run_pages
from reports.site.run_summary import RunSummary, Unreadable, read_records, summarise, to_json
from reports.site.state import FILE, dated_before, keep_day, keep_lines, keep_run, opened, runs_of
from reports.words import LANGUAGES, Words, language

_WHOLE_SITE = ""
_KEPT = 64  # records of so many runs of a program are kept until its pages are written
Announce = Callable[[str], None]
Records = tuple[AuditRun, Judgement]


@dataclass(slots=True)
class Built:
    """What a build did."""

    programs: int = 0
    runs: int = 0
    read: int = 0
    unreadable: int = 0
    written: int = 0
    removed: int = 0


@dataclass(slots=True)
class _Building:
    """A build under way."""

    site: Path
    state: sqlite3.Connection
    today: dt.date
    done: Built = field(default_factory=Built)
    records: dict[str, Records] = field(default_factory=dict)
    folders: dict[str, RunFolder] = field(default_factory=dict)


def build(
    runs: Path, site: Path, announce: Announce = lambda _: None, today: dt.date | None = None
) -> Built:  # fmt: skip
    """Make or renew the site of all runs under ``runs``, with acceptances as they stand on the day ``today``.

    Raises ``InputError``.
    """
    today = today or dt.date.today()
    if not runs.is_dir():
        raise InputError(Problem(str(runs), "no such folder", "a folder of runs", "name the folder given to run --out"))
    present = _present(site)
    announce("looking for runs")
    found = run_folders(runs, site)
    with closing(opened(site, _code())) as state:
        building = _Building(site, state, today, folders={folder.name: folder for folder in found})
        for i, (program, changed) in enumerate(todo := sorted(_changed(state, found, present, today).items()), 1):
            announce(f"{program or 'nothing'} ({i} of {len(todo)})")
            _program(building, program, changed, present)
        announce("writing overview and lists")
        lists = read_lists(state)
        _publish(building, _WHOLE_SITE, [*list_pages(lists), overview(state, lists)], present)
        _write(building, addresses.STYLE, style())
        _count(building)
        state.execute("COMMIT")
    return building.done


def _present(site: Path) -> set[str]:
    """The files of the site that are there. Raises ``InputError`` for a folder that holds anything else."""
    try:
        site.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(Problem(
            str(site), f"the folder cannot be made ({error.strerror})", "a folder that can be written to",
            "name another with --out",
        )) from None  # fmt: skip
    entries = list(os.scandir(site))
    if entries and not (site / FILE).is_file():
        raise InputError(Problem(
            str(site), "a folder that holds other files", "an empty folder, or one that this command made",
            "name another with --out",
        ))  # fmt: skip
    return {file[len(str(site)) + 1 :] for file in _files(str(site))}


def _files(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        else:
            yield entry.path


def _code() -> str:
    """A digest of what makes the pages: all of Squaredeal's code and words, and Babel's dates."""
    digest = hashlib.sha256(f"{code_digest()} {version('babel')}".encode())
    for file in _sources(files("reports")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _sources(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith((".py", ".css", ".po", ".pot")):
            yield entry


def _changed(
    state: sqlite3.Connection, found: Iterable[RunFolder], present: set[str], today: dt.date
) -> dict[str, list[RunFolder]]:  # fmt: skip
    """Programs to do again, with the folders to read: new, changed or removed runs, and pages that are missing.

    On another day also those with an acceptance, which may have ended.
    """
    known = dict(state.execute("SELECT folder, signature FROM run"))
    changed: dict[str, list[RunFolder]] = {}
    programs = {folder.program for folder in found} | {_WHOLE_SITE}
    for folder in found:
        if known.pop(folder.name, None) != folder.signature:
            changed.setdefault(folder.program, []).append(folder)
    for name in known:
        changed.setdefault(name.split("/")[0], [])
        state.execute("DELETE FROM run WHERE folder = ?", (name,))
    for program in dated_before(state, today):
        changed.setdefault(program, [])
    for name, program in state.execute("SELECT name, program FROM page"):
        lost = any(addresses.file(name, lang) not in present for lang in LANGUAGES)
        if program not in programs or (lost and program):
            changed.setdefault(program, [])
    return changed


def _program(building: _Building, program: str, changed: Iterable[RunFolder], present: set[str]) -> None:
    """Read the changed runs of a program, and renew its pages and its lines."""
    for folder in changed:
        building.done.read += 1
        keep_run(building.state, folder, _read(building, folder))
    while True:
        good, bad = runs_of(building.state, program)
        past = history(good) if good else None
        pages = _pages(building, past, bad) if past else []
        try:
            _publish(building, program, pages, present)
        except _UnsayableError as error:
            keep_run(building.state, error.folder, Unreadable("site.broken.unsayable", "", error.reason))
            continue
        found = lives(past, building.today) if past else {}
        lines = lines_of(past, found, bad) if past else broken_lines(bad)
        keep_lines(building.state, program, lines, labels_of(past, found) if past else ())
        keep_day(building.state, program, _accepted(found), building.today)
        building.records.clear()
        return


class _UnsayableError(Exception):
    """The report of a run cannot be written."""

    def __init__(self, folder: RunFolder, reason: str) -> None:
        super().__init__(reason)
        self.folder, self.reason = folder, reason


def _read(building: _Building, folder: RunFolder) -> RunSummary | Unreadable:
    """A run in short; its records are kept until its pages are written."""
    summary, records = read_summary(folder)
    if records and len(building.records) < _KEPT:
        building.records[folder.name] = records
    return summary


def read_summary(folder: RunFolder) -> tuple[RunSummary | Unreadable, Records | None]:
    """A run in short with its records. Whatever is wrong with them is told in its place and stops nothing."""
    try:
        records = read_records(folder)
        if isinstance(records, Unreadable):
            return records, None
        content = (folder.path / JUDGEMENT_FILE).read_bytes()
        verdicts = {finding.finding_id: finding.verdict for finding in reversed(records[1].findings)}
        summary = summarise(*records, digest_of(content), releases_of(folder.path, content, verdicts))
        to_json(summary)
    except Exception as error:  # noqa: BLE001 - recorded under the folder, never lost
        return Unreadable("site.broken.unsayable", "", f"{type(error).__name__}: {error}"), None
    return summary, records


def _pages(building: _Building, past: History, bad: Broken) -> list[Page]:
    """All pages of a program, the reports first: what spoils a page spoils its run's report, and is told there."""
    found = lives(past, building.today)
    standing = [life.standing for life in found.values() if life.decision]
    stamp = " ".join(run.digests for run in past.runs) + str(bad) + (str(standing) if standing else "")
    pages = run_pages(past, lambda run, say, others: _report(building, run, say, others))
    pages += program_pages(past, found, bad, stamp) + finding_pages(past, found, stamp)
    return pages + comparison_pages(past)


def _accepted(found: Mapping[str, Life]) -> bool:
    """Whether the day tells where any finding stands."""
    return any(life.standing in ("accepted", "expired") for life in found.values())


def _report(building: _Building, run: RunSummary, say: Words, others: Mapping[str, str]) -> str:
    folder = building.folders[f"{run.program}/{run.period}/v{run.version}"]
    try:
        records = building.records.get(folder.name) or read_records(folder)
        if isinstance(records, Unreadable):
            raise _UnsayableError(folder, records.key)
        return render(*records, say, others)
    except _UnsayableError:
        raise
    except Exception as error:
        raise _UnsayableError(folder, f"{type(error).__name__}: {error}") from error


def _publish(building: _Building, program: str, pages: Iterable[Page], present: set[str]) -> None:
    """Write the pages whose stamp or file is not the known one, and remove those that are no longer there."""
    state = building.state
    known = dict(state.execute("SELECT name, stamp FROM page WHERE program = ?", (program,)))
    for page in pages:
        stamp = hashlib.sha256(page.stamp.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        there = all(addresses.file(page.name, lang) in present for lang in LANGUAGES)
        if known.pop(page.name, None) == stamp and there:
            continue
        for lang in LANGUAGES:
            _write(building, addresses.file(page.name, lang), page.make(language(lang)))
        state.execute("REPLACE INTO page VALUES (?, ?, ?)", (page.name, program, stamp))
    for name in known:
        for lang in LANGUAGES:
            _remove(building, addresses.file(name, lang))
        state.execute("DELETE FROM page WHERE name = ? AND program = ?", (name, program))


def _write(building: _Building, name: str, text: str) -> None:
    """Write a file of the site, unless it holds just that already."""
    file, content = building.site / name, text.encode("utf-8", "replace")
    try:
        if file.read_bytes() == content:
            return
    except OSError:
        file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, content)
    building.done.written += 1


def _remove(building: _Building, name: str) -> None:
    file = building.site / name
    file.unlink(missing_ok=True)
    building.done.removed += 1
    if file.parent != building.site and file.parent.is_dir() and not any(file.parent.iterdir()):
        file.parent.rmdir()


def _count(building: _Building) -> None:
    done, whole = building.done, "SELECT {} FROM run WHERE problem IS {} NULL"
    done.programs, done.runs = building.state.execute(whole.format("COUNT(DISTINCT program), COUNT(*)", "")).fetchone()
    (done.unreadable,) = building.state.execute(whole.format("COUNT(*)", "NOT")).fetchone()

"""What the last build knew, in ``SITE/.site.sqlite``: each run's summary, each page's stamp, each line of the lists."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from checks.problem import InputError, Problem
from reports.site.run_folders import RunFolder
from reports.site.run_summary import RunSummary, Unreadable, from_json, to_json
from reports.words import LANGUAGES

FILE = ".site.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS made_by (code TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
  folder TEXT PRIMARY KEY, program TEXT NOT NULL, signature TEXT NOT NULL, worst TEXT, problem TEXT, summary BLOB);
CREATE INDEX IF NOT EXISTS run_program ON run (program);
CREATE TABLE IF NOT EXISTS page (name TEXT PRIMARY KEY, program TEXT NOT NULL, stamp TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS page_program ON page (program);
CREATE TABLE IF NOT EXISTS line (
  key TEXT PRIMARY KEY, program TEXT NOT NULL, stamp TEXT NOT NULL, html TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS line_program ON line (program);
CREATE TABLE IF NOT EXISTS listed (list TEXT NOT NULL, sort TEXT NOT NULL, line TEXT NOT NULL, program TEXT NOT NULL,
  PRIMARY KEY (list, sort, line)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listed_program ON listed (program);
CREATE TABLE IF NOT EXISTS label (kind TEXT NOT NULL, value TEXT NOT NULL, program TEXT NOT NULL, html TEXT NOT NULL,
  PRIMARY KEY (kind, value, program)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS label_program ON label (program);
CREATE TABLE IF NOT EXISTS dated (program TEXT PRIMARY KEY, day TEXT NOT NULL);
"""
_OF_A_PROGRAM = ("line", "listed", "label")
Facets = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of lists, ready in every language (and without NUL), with the lists that hold it and its place in them."""

    key: str
    lists: tuple[Facets, ...]
    sort: str
    html: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a facet's value in every language, as markup."""

    kind: str
    value: str
    html: Mapping[str, str]


def opened(site: Path, code: str) -> sqlite3.Connection:
    """The state, locked for this build. Work of other code is forgotten but for the names of the pages it wrote."""
    try:
        state = sqlite3.connect(site / FILE, timeout=5, isolation_level=None)
        state.execute("PRAGMA synchronous = NORMAL")
        state.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, _TABLES.split(";")):
            state.execute(statement)
        if state.execute("SELECT code FROM made_by").fetchall() != [(code,)]:
            _forget(state, code)
    except sqlite3.Error as error:
        raise InputError(Problem(
            str(site / FILE), f"it cannot be used ({error})", "what an earlier build left, used by no other build now",
            "wait for the other build, or remove the whole folder and build it again",
        )) from None  # fmt: skip
    return state


def _forget(state: sqlite3.Connection, code: str) -> None:
    for table in ("run", "dated", *_OF_A_PROGRAM, "made_by"):
        state.execute(f"DELETE FROM {table}")
    state.execute("UPDATE page SET stamp = ''")
    state.execute("INSERT INTO made_by VALUES (?)", (code,))


def keep_run(state: sqlite3.Connection, folder: RunFolder, found: RunSummary | Unreadable) -> None:
    """Remember what was read of a run folder. Raises ``ValueError`` for a summary with a number that is none."""
    if isinstance(found, Unreadable):
        values: tuple[object, ...] = (None, json.dumps([found.key, found.file, found.found]), None)
    else:
        values = (found.worst or "none", None, zlib.compress(to_json(found), 1))
    state.execute(
        "REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?)", (folder.name, folder.program, folder.signature, *values)
    )


def runs_of(state: sqlite3.Connection, program: str) -> tuple[list[RunSummary], list[tuple[str, Unreadable]]]:
    """The summaries of a program's runs, and its folders that cannot be read."""
    rows = state.execute("SELECT folder, problem, summary FROM run WHERE program = ? ORDER BY folder", (program,))
    good, bad = [], []
    for folder, problem, summary in rows:
        if problem:
            bad.append((folder, Unreadable(*json.loads(problem))))
        else:
            good.append(from_json(zlib.decompress(summary)))
    return good, bad


def keep_day(state: sqlite3.Connection, program: str, dated: bool, today: dt.date) -> None:
    """Remember on which day the acceptances of a program were read, where it has any."""
    state.execute("DELETE FROM dated WHERE program = ?", (program,))
    if dated:
        state.execute("INSERT INTO dated VALUES (?, ?)", (program, str(today)))


def dated_before(state: sqlite3.Connection, today: dt.date) -> list[str]:
    """Programs whose acceptances were read on another day."""
    return [program for (program,) in state.execute("SELECT program FROM dated WHERE day <> ?", (str(today),))]


def keep_lines(state: sqlite3.Connection, program: str, lines: Iterable[Line], labels: Iterable[Label]) -> None:
    """Put a program's lines and labels in place of its earlier ones."""
    for table in _OF_A_PROGRAM:
        state.execute(f"DELETE FROM {table} WHERE program = ?", (program,))
    rows, listed = [], []
    for line in lines:
        key, html = f"{program}/{line.key}", "\0".join(line.html[lang] for lang in LANGUAGES)
        rows.append((key, program, hashlib.sha256(html.encode("utf-8", "replace")).hexdigest()[:16], html))
        listed += [(json.dumps(facets), line.sort, key, program) for facets in line.lists]
    state.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", rows)
    state.executemany("INSERT INTO listed VALUES (?, ?, ?, ?)", listed)
    state.executemany(
        "REPLACE INTO label VALUES (?, ?, ?, ?)",
        [(one.kind, one.value, program, json.dumps(dict(one.html), ensure_ascii=False)) for one in labels],
    )

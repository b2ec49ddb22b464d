"""A finished run → its pages, one a language, and its entry in MLflow."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from audits.run import REPORT_FILE, read_run
from checks.problem import InputError, Problem, listed, suggest
from checks.whole_file import write_whole
from reports.words import LANGUAGES, language


def page_names() -> dict[str, str]:
    """The file of the page in each language, the first language's without its tag."""
    stem, ending = REPORT_FILE.split(".")
    return {lang: f"{stem}.{ending}" if lang == LANGUAGES[0] else f"{stem}.{lang}.{ending}" for lang in LANGUAGES}


def write_pages(folder: Path) -> Path:
    """Render the pages of a run's folder into it, each with links to the others. Returns the first language's file."""
    from reports.html.page import render

    records, names = read_run(folder), page_names()
    for lang, name in names.items():
        others = {other: file for other, file in names.items() if other != lang}
        write_whole(folder / name, render(*records, language(lang), others).encode())
    return folder / names[LANGUAGES[0]]


def write_page(folder: Path, file: Path, lang: str = LANGUAGES[0]) -> Path:
    """Render the page of a run's folder in one language to a file of its own. Raises ``InputError``."""
    from reports.html.page import render

    check_language(lang)
    write_whole(file, render(*read_run(folder), language(lang)).encode())
    return file


def check_language(lang: str) -> None:
    """Raise ``InputError`` for a language that the reports do not have."""
    if lang not in LANGUAGES:
        raise InputError(Problem("--lang", f"'{lang}'", f"one of {listed(LANGUAGES)}", suggest(lang, LANGUAGES)))


def publish(folder: Path, tracking_uri: str | None = None) -> Path:
    """Write the pages and, where a store is named, track the run in MLflow and say there where its findings stand.

    Returns the first language's page.
    """
    page = write_pages(folder)
    if tracking_uri:
        from reports.tracking import tag_status, track

        track(folder, tracking_uri)
        tag_status(folder, tracking_uri, dt.datetime.now(dt.UTC).date())
    return page

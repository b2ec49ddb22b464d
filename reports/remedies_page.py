"""A finished search for remedies → its pages, one a language, and its entry in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audits.remedies.records import RemedyRecord
from audits.remedies.station import read_remedies
from checks.whole_file import write_whole
from reports.publish import check_language
from reports.words import ENGLISH, LANGUAGES, Words, language

_STEM = "remedies"


def remedies_page_names() -> dict[str, str]:
    """The file of the page in each language, the first language's without its tag."""
    return {lang: f"{_STEM}.html" if lang == LANGUAGES[0] else f"{_STEM}.{lang}.html" for lang in LANGUAGES}


def render_remedies(record: RemedyRecord, say: Words = ENGLISH, others: Mapping[str, str] | None = None) -> str:
    """The whole page; ``others`` are its addresses in other languages. The same record gives the same bytes."""
    from reports.html.page import document, readable
    from reports.html.remedies import body
    from reports.remedies_view import remedies_model

    model = remedies_model(record, say)
    return readable(document(say, model.title.text, "found", body(say, model, others or {})))


def write_remedies_pages(folder: Path) -> Path:
    """Render the pages of a search's folder into it, each with links to the others. Returns the first language's file.

    Raises ``InputError`` where the folder holds no record.
    """
    record, names = read_remedies(folder), remedies_page_names()
    for lang, name in names.items():
        others = {other: file for other, file in names.items() if other != lang}
        write_whole(folder / name, render_remedies(record, language(lang), others).encode())
    return folder / names[LANGUAGES[0]]


def write_remedies_page(folder: Path, file: Path, lang: str = LANGUAGES[0]) -> Path:
    """Render the page of a search's folder in one language to a file of its own. Raises ``InputError``."""
    check_language(lang)
    write_whole(file, render_remedies(read_remedies(folder), language(lang)).encode())
    return file


def publish_remedies(folder: Path, tracking_uri: str | None = None) -> Path:
    """Write the pages and, where a store is named, track the search in MLflow. Returns the first language's page."""
    page = write_remedies_pages(folder)
    if tracking_uri:
        from reports.remedies_tracking import track_remedies

        track_remedies(folder, tracking_uri)
    return page

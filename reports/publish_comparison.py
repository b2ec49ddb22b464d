"""Two run folders → what changed, as text, as a page and as a record."""

from __future__ import annotations

from pathlib import Path

from audits.comparing.compare import compare_folders
from audits.comparing.record import Comparison
from audits.record import canonical_json
from checks.problem import InputError, Problem, suggest
from checks.whole_file import write_whole
from reports.comparing_text import lines
from reports.words import language

FAIL_ON = ("worse",)


def compared(before: Path, after: Path, lang: str) -> tuple[Comparison, list[str]]:
    """The comparison of two folders and its text. Raises ``InputError`` for what cannot be compared."""
    found = compare_folders(before, after)
    return found, list(lines(found, language(lang)))


def write_comparison(found: Comparison, lang: str, page: Path | None, record: Path | None) -> list[Path]:
    """Write the page and the record where files are named; returns those. Raises ``InputError``."""
    from reports.html.comparing import render

    contents: list[tuple[Path, bytes]] = []
    if page is not None:
        contents.append((page, render(found, language(lang)).encode()))
    if record is not None:
        contents.append((record, canonical_json(found)))
    for file, content in contents:
        try:
            write_whole(file, content)
        except OSError as error:
            raise InputError(Problem(
                str(file), f"the comparison cannot be written ({error.strerror})",
                "a file in a folder that can be written to", "name another file",
            )) from None  # fmt: skip
    return [file for file, _ in contents]


def check_worse(asked: str | None, where: str) -> None:
    """Raise ``InputError`` for anything but ``worse`` that a pipeline cannot stop at."""
    if asked is not None and asked not in FAIL_ON:
        raise InputError(Problem(where, f"'{asked}'", "worse", suggest(asked, FAIL_ON)))

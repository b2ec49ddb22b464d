"""What may be told of an error that others raised: its kind and place, and words that hold no value of the data.

Engines quote the value that they could not convert, the key that they found twice, the line that they could not read.
A record, a page and a log must hold no such value, so that every text of a foreign error passes here.
"""

from __future__ import annotations

import re
import sys
from traceback import format_tb, walk_tb

from checks.personal_kinds import looks_personal

MOST = 300
_OURS = ("checks.", "audits.", "reports.", "dags.")
# of DuckDB: errors about SQL, names and files, which quote what the program says and no value
_ABOUT_NAMES = ("BinderException", "CatalogException", "ParserException", "SyntaxException", "PermissionException")
_TAIL = re.compile(
    r"\n|\b(?:DETAIL|CONTEXT|HINT|LINE \d+):|\bOriginal Line|\bPossible (?:fixes|solutions?)|\bCSV Error on Line|"
    r"\[SQL:|\(Background on"
)


def told_of(error: BaseException) -> str:
    """An engine's error on one line: its kind, and its text up to the first value, which is left out.

    Texts of errors about tables, columns and SQL are kept, for they name what the program says.
    """
    text = str(error).strip()
    if not _about_names(error):
        text = without_values(_TAIL.split(text, maxsplit=1)[0])
    text = " ".join(text.split())[:MOST]
    return text if text and not looks_personal(text) else type(error).__name__


def without_values(text: str) -> str:
    """The text with all that stands between its first and its last quotation mark, and every long number, left out."""
    text = re.sub(r"'.*'|\".*\"|`.*`", "\u2026", text, flags=re.DOTALL)
    text = re.sub(r"['\"`].*", "\u2026", text, flags=re.DOTALL)
    text = re.sub(r"\S*@\S*|(?<!\w)\+?\d[\d .()-]{5,}\d", "\u2026", text)
    return re.sub(r"\([^()]*\)=\(.*\)", "\u2026", text)


def _about_names(error: BaseException) -> bool:
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):  # of Postgres: access rules, names and syntax
        return state[:2] == "42"
    return type(error).__name__ in _ABOUT_NAMES


def kind_and_place(error: BaseException) -> str:
    """The type of an error and where it came from: ``KeyError in audits.fair_lending.approval.measure, line 90``.

    The text is left out, since it may quote rows. The place is the last of ours that it went through. A type that was
    made while running is told by the first of its bases that its module names.
    """
    kind = next(one for one in type(error).__mro__ if getattr(sys.modules.get(one.__module__), one.__name__, 0) is one)
    places = [
        (str(frame.f_globals.get("__name__", "")), frame.f_code.co_name, line)
        for frame, line in walk_tb(error.__traceback__)
    ]
    ours = [place for place in places if place[0].startswith(_OURS)] or places
    return "{} in {}.{}, line {}".format(kind.__name__, *ours[-1]) if ours else kind.__name__


def places_of(error: BaseException) -> tuple[str, ...]:
    """Where an error nobody expected came from, as lines for a log: files and code, and never the error's own text."""
    lines = "".join(format_tb(error.__traceback__)).splitlines()
    return ("a fault of the program, told without its text, which may quote data:", *lines, kind_and_place(error))

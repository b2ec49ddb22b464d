"""Planted persons, and a search for them in every byte that a run leaves.

``CANARIES`` are made-up persons' marks. ``found_in`` looks into files as they are, into Parquet, SQLite and compressed
files as they read when opened, in UTF-8, UTF-16 and as JSON and HTML would escape them.
"""

from __future__ import annotations

import gzip
import html
import io
import json
import sqlite3
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pandas as pd

NAME, PHONE, EMAIL, CARD, KEY = (
    "Sarah Thompson", "+44 20 7946 0958", "s.thompson.4711@canary.example", "4111 1111 1111 1111", "QX7-CANARY-90210",
)  # fmt: skip
NAME_ZH, PHONE_ZH, RESIDENT = "王秀英", "13912345678", "11010519491231002X"
CANARIES: Mapping[str, str] = {
    "name": NAME, "phone": PHONE, "email": EMAIL, "card": CARD, "key": KEY, "name_zh": NAME_ZH, "phone_zh": PHONE_ZH,
    "national_id": RESIDENT,
}  # fmt: skip


def planted(data: pd.DataFrame, column: str, value: object, rows: Iterable[int] = (3,)) -> pd.DataFrame:
    """The data with a value in some rows of a column, which becomes one of texts where the value is a text."""
    changed = data.copy()
    if isinstance(value, str):
        changed[column] = changed[column].astype(object).map(lambda one: one if one is None else str(one))
    for row in rows:
        changed.loc[changed.index[row], column] = value
    return changed


def found_in(places: Iterable[Path], canaries: Iterable[str] = tuple(CANARIES.values())) -> list[tuple[str, str]]:
    """Each canary with the file that holds it. Closed files under ``restricted`` may hold keys and are not looked into.

    Raises ``AssertionError`` where such a file is open to others than its owner.
    """
    spellings = {canary: tuple(_spelled(canary)) for canary in canaries}
    seen = []
    for place in places:
        files = [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else [place]
        for file in sorted(files):
            if "restricted" in file.parts:
                assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file
                continue
            content = [str(file).encode(), *_contents(file)]
            seen += [(canary, str(file)) for canary in spellings if _holds(content, spellings[canary])]
    return seen


def found_in_text(text: str, canaries: Iterable[str] = tuple(CANARIES.values())) -> list[str]:
    """The canaries that a text holds."""
    return [canary for canary in canaries if _holds([text.encode()], tuple(_spelled(canary)))]


def _holds(contents: Iterable[bytes], spellings: tuple[bytes, ...]) -> bool:
    return any(spelling in content for content in contents for spelling in spellings)


def _spelled(canary: str) -> Iterator[bytes]:
    compact = canary.replace(" ", "")
    for text in {canary, compact, html.escape(canary), quote(canary), json.dumps(canary)[1:-1]}:
        yield text.encode()
        yield text.encode("utf-16-le")


def _contents(file: Path) -> Iterator[bytes]:
    content = file.read_bytes()
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:4] == b"PAR1":
        yield pd.read_parquet(io.BytesIO(content)).to_csv().encode()
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if content[:15] == b"SQLite format 3":
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).encode()

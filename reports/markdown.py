"""Texts of the records in Markdown: shown as they are, within a limit of characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.html.page import readable
from reports.words import Words

_MARKS = re.compile(r"[\\`*_{}\[\]#|~!]|(?<=www)\.|^[-+=]|(?<=^\d)\.(?=\s|$)|(?<=^\d\d)\.(?=\s|$)", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", '"': "&quot;"}


def escaped(text: str) -> str:
    """A text so that Markdown of GitHub's kind shows it as it is: one line, no marks, tags, links, names or emoji."""
    line = " ".join(readable(text).split())
    line = _MARKS.sub(lambda found: f"\\{found[0]}", line)
    line = "".join(_ENTITIES.get(character, character) for character in line)
    return re.sub(r":(?=\S)", "&#58;", line)


def woven(say: Words, key: str, **parts: str) -> str:
    """A sentence of the page with parts in it that are Markdown already."""
    return say.raw(key).format(**parts)


def bullet(text: str) -> str:
    """An item of a list."""
    return f"- {text}"


def titled(title: str, items: Iterable[str], after: str = "") -> list[str]:
    """A list under a title, or nothing where there is nothing to list."""
    bullets = [bullet(item) for item in (*items, after) if item]
    return [f"**{title}**", "", *bullets, ""] if bullets else []


def sentences(say: Words, parts: Iterable[str]) -> str:
    """Parts one after another, each ended by one full stop."""
    stop = say("full_stop")
    ended = [part if part.endswith((stop, ".")) else part + stop for part in parts if part]
    return ("" if say("join.sentences") == stop else " ").join(part[:1].upper() + part[1:] for part in ended)


def fitted(say: Words, lines: Sequence[str], limit: int) -> str:
    """Lines within a limit of characters: whole lines are cut from the end, and the last one says how many."""
    text, kept = "\n".join(lines).strip(), list(lines)
    while len(text) > limit and kept:
        kept.pop()
        cut = sum(1 for line in lines[len(kept) :] if line)
        text = ("\n".join(kept).rstrip() + "\n\n" + say("tracked.cut", count=cut)).strip()
    return text

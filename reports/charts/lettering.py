"""How much room words need in a picture, and the beginning of them that fits.

A unit is about 7 pixels at the pictures' 13: a narrow letter is half, a Chinese one two. It is an estimate on the safe
side for the fonts of the page; the narrowest telephone, of 320 pixels, holds 40 units across.
"""

from __future__ import annotations

import unicodedata
from itertools import accumulate

ACROSS = 40
_UNFIT = (*range(0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF)  # no characters of XML, or none to be seen
_TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2066, 0x2067)
_ISOLATES = (0x2068, 0x2069)
_SPACE = {**dict.fromkeys(_UNFIT), 0x09: " ", 0x0A: " ", 0x0D: " "}
_TOLD = {**_SPACE, **dict.fromkeys(_TURNING)}
_SHOWN = {**_TOLD, **dict.fromkeys(_ISOLATES)}
_BROAD, _SLIM = frozenset("mwMW@%—…"), frozenset("ijlItfr.,:;'|!()[]{} -")


def told(words: str) -> str:
    """A text for those who listen: without characters that are none or turn the direction of what stands around."""
    return words.translate(_TOLD)


def shown(words: str) -> str:
    """A text on a line of its own: no direction but that of its first letter, which the picture keeps apart."""
    return words.translate(_SHOWN).strip()


def room(words: str) -> float:
    """The units that a text takes up."""
    return sum(map(_room, words))


def clip(words: str, width: float) -> str:
    """The beginning of a text that fits; the whole text stands in the description and in a table beside the picture."""
    whole = shown(words)
    if room(whole) <= width:
        return whole
    return _beginning(whole, width - _room("…")).rstrip() + "…"


def wrap(words: str, width: float, lines: int) -> tuple[str, ...]:
    """A text on a few lines, broken at spaces where it can be, the last one clipped."""
    rest = shown(words)
    found: list[str] = []
    while len(found) < lines - 1 and room(rest) > width:
        head = _beginning(rest, width)
        if " " in head and not rest[len(head)].isspace():
            head = head[: head.rindex(" ")]
        if not head:
            break
        found.append(head.rstrip())
        rest = rest[len(head) :].strip()
    return (*found, clip(rest, width))


def _beginning(words: str, width: float) -> str:
    """As many whole characters as fit."""
    for i, reach in enumerate(accumulate(map(_room, words))):
        if reach > width:
            return words[:i]
    return words


def _room(character: str) -> float:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 2.0
    if character in _BROAD:
        return 1.8
    return 0.62 if character in _SLIM else 1.3 if character.isupper() else 1.08

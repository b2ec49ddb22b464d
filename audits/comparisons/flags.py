"""Labels and flags as the data write them: what is missing, yes, no, or neither.

A flag that says neither yes nor no is handed back as it is, so that a question can refuse it: a code that nobody
explained would otherwise be counted on one side or the other by guess.
"""

from __future__ import annotations

from checks.inputs.prepared import MISSING_TEXTS

_YES, _NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def known_label(text: str | None) -> str | None:
    """The label, or None where it is missing or a text that says so, such as ``nan``."""
    return None if text is None or text.strip().casefold() in MISSING_TEXTS else text


def flag_of(text: str | None) -> bool | str | None:
    """True, False, None where it is missing, or the text itself where it says neither."""
    known = known_label(text)
    if known is None:
        return None
    plain = known.strip().casefold()
    return True if plain in _YES else False if plain in _NO else known

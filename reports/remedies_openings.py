"""How a sentence of a record begins on the page: with a capital letter, unless it begins with a name of the data."""

from __future__ import annotations

import re

from checks.sentence import Sentence
from reports.words import Words


def opening(say: Words, text: str) -> str:
    """The sentence in this language. A group, a feature or a candidate at its start keeps its letters."""
    told = say.sentence(text)
    return told if _starts_with_name(say, text) else told[:1].upper() + told[1:]


def _starts_with_name(say: Words, text: str) -> bool:
    if not isinstance(text, Sentence):
        return False
    first = re.match(r"\{(\w+)", say.sentences.get(text.template, text.template))
    if first is None:
        return False
    value = text.values.get(first[1])
    return _starts_with_name(say, value) if isinstance(value, Sentence) else isinstance(value, str)

"""Sentences of the records that can be said again in another language.

A sentence is text: whoever compares, stores or prints it sees plain English. It also remembers the template and the
values that it was made of, which a record keeps in its table ``sentences``; a message catalogue has the template in
other languages. So a value such as a group's label is never taken for words, and words are never guessed from text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from numbers import Integral, Real
from typing import Any

Value = str | int | float


class Sentence(str):
    """English text with its ``template``, in the syntax of ``str.format``, and the ``values`` put into it by name."""

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, /, **values: object) -> Sentence:
        """Raises ``KeyError`` for a placeholder without a value."""
        kept = {name: _kept(value) for name, value in values.items()}
        made = super().__new__(cls, template.format_map(kept))
        made.template, made.values = template, kept
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, Value]]:
        """What a copy is made of."""
        return (self.template,), self.values


def _kept(value: object) -> Value:
    """A value as a record writes it, so that what is read back makes the same text."""
    if isinstance(value, Sentence):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(f"{float(value):.12g}") + 0.0 if isinstance(value, Real) else str(value)


def said(words: str, /, **values: object) -> Sentence:
    """A sentence of a literal template, which ``make messages`` finds here, and its values.

    A value that is itself a sentence is translated too; every other text among the values, such as a label, never is.
    """
    return Sentence(words, **values)


def template(words: str, /) -> str:
    """Mark a literal as a template that is put to use elsewhere with ``said``."""
    return words


def joined(parts: Iterable[str], between: str = "; ") -> Sentence:
    """Sentences or labels one after another."""
    named = {f"part{i}": part for i, part in enumerate(parts, 1)}
    if len(named) == 1 and isinstance(named["part1"], Sentence):
        return named["part1"]
    return Sentence(between.join(f"{{{name}}}" for name in named), **named)


def sentences_in(record: object) -> dict[str, dict[str, Any]]:
    """The table of every sentence within a record, by its English text: ``{"template": …, "values": {…}}``.

    A value that is a sentence itself is a list of its text, so that no label is taken for one.
    """
    table: dict[str, dict[str, Any]] = {}
    for one in _found(record):
        values = {name: [str(value)] if isinstance(value, Sentence) else value for name, value in one.values.items()}
        table.setdefault(str(one), {"template": one.template, "values": values})
    return table


def _found(item: object) -> Iterator[Sentence]:
    if isinstance(item, Sentence):
        yield item
        yield from _found(tuple(item.values.values()))
    elif isinstance(item, Mapping):
        yield from _found(tuple(item.values()))
    elif isinstance(item, (tuple, list)):
        for part in item:
            yield from _found(part)
    elif is_dataclass(item) and not isinstance(item, type):
        for field in fields(item):
            yield from _found(getattr(item, field.name))


def with_sentences(record: Any, table: Mapping[str, Any]) -> Any:
    """The record with every text that the table makes a sentence again.

    Only fields for texts are looked at, never labels or names. Entries that do not make their text, or are none at all,
    are left out, so that a spoilt table changes no text.
    """
    return _restored(record, _sentences(table)) if table else record


# fields of the records that hold sentences
_TEXTS = frozenset((
    "reason", "method", "source", "cautions", "unseen", "needed", "explanation", "error", "expected", "observed",
    "remedy", "examples", "refused", "undecided", "segment", "words", "reasons",
))  # fmt: skip
_DEEPEST = 20
_WIDE = re.compile(r"\{[^{}]*\d{3}[^{}]*\}")  # a width or precision that no template of ours has


def _sentences(table: Mapping[str, Any]) -> dict[str, Sentence]:
    made: dict[str, Sentence] = {}

    def make(text: str, depth: int) -> str:
        entry = table.get(text)
        if text in made or entry is None or not _is_entry(entry) or depth > _DEEPEST:
            return made.get(text, text)
        values = {
            name: make(str(value[0]), depth + 1) if isinstance(value, list) and value else value
            for name, value in (entry.get("values") or {}).items()
        }
        try:
            sentence = Sentence(entry["template"], **values)
        except (KeyError, ValueError, IndexError, AttributeError, TypeError, OverflowError):
            return text
        if sentence == text:
            made[text] = sentence
        return made.get(text, text)

    for text in table:
        make(text, 0)
    return made


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("template"), str):
        return False
    return isinstance(entry.get("values") or {}, Mapping) and not _WIDE.search(entry["template"])


def _restored(item: Any, known: Mapping[str, Sentence], texts: bool = False) -> Any:
    if isinstance(item, str):
        return known.get(item, item) if texts else item
    if isinstance(item, tuple):
        parts = tuple(_restored(part, known, texts) for part in item)
        return parts if any(a is not b for a, b in zip(parts, item, strict=True)) else item
    if is_dataclass(item) and not isinstance(item, type):
        changed = {}
        for field in fields(item):
            value = getattr(item, field.name)
            if not isinstance(value, (int, float)):
                after = _restored(value, known, field.name in _TEXTS)
                if after is not value:
                    changed[field.name] = after
        return replace(item, **changed) if changed else item
    return item

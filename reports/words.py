"""The languages of the reports: the page's own sentences by key, the records' sentences by template, dates.

``locale/page.pot`` holds the English of the page, each sentence under its key (``msgctxt``); ``locale/LANGUAGE/*.po``
hold the translations of these and of every sentence template of the records. Languages are BCP 47 tags.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from checks.sentence import Sentence, Value

Entry = str | tuple[str, ...]
LANGUAGES = ("en", "zh-CN")
_LOCALES = {"en": "en_GB", "zh-CN": "zh_CN"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TURNING = ("R", "AL", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI")
_ISOLATES = dict.fromkeys(range(0x2066, 0x206A))
# places of a template that hold a day; a label may look like one and stays as it is
_DAYS = frozenset(("start", "end", "first", "last", "oldest", "as_of"))
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Words:
    """One language: ``entries`` by key, ``sentences`` by English template."""

    lang: str
    entries: Mapping[str, Entry]
    sentences: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of a key with its values put in; numbers get separators, and ``count`` selects the plural.

        Raises ``KeyError`` for an unknown key.
        """
        entry = self.entries[key]
        if isinstance(entry, tuple):
            entry = entry[0 if values.get("count") == 1 else -1]
        return entry.format_map({name: self._shown(value) for name, value in values.items()})

    def raw(self, key: str) -> str:
        """The sentence of a key with its placeholders still in it."""
        entry = self.entries[key]
        return entry if isinstance(entry, str) else entry[-1]

    def _shown(self, value: object) -> object:
        return f"{value:,}" if isinstance(value, int) else isolated(value) if isinstance(value, str) else value

    def named(self, kind: str, name: str) -> str:
        """The words for a name of the records, such as a measure; the name itself, spaced, when there are none."""
        spaced = name.replace("_", " ").replace(".", ": ")
        entry = self.entries.get(f"{kind}.{name}")
        return entry if isinstance(entry, str) else spaced[:1].upper() + spaced[1:]

    def has(self, key: str) -> bool:
        """Whether there is a sentence for the key."""
        return key in self.entries

    def knows(self, text: str) -> bool:
        """Whether a text of the records can be said in this language."""
        if self.lang == "en":
            return True
        template = text.template if isinstance(text, Sentence) else text
        return template in self.sentences or not _words_of(template)

    def sentence(self, text: str) -> str:
        """A text of the records in this language; unchanged where it has no translation."""
        if not isinstance(text, Sentence):
            return self.sentences.get(text, text)
        template = self.sentences.get(text.template)
        if template is None:
            template = text.template if _words_of(text.template) else self._joiners(text.template)
        return template.format_map({name: self._value(name, value) for name, value in text.values.items()})

    def _value(self, name: str, value: Value) -> Value:
        if isinstance(value, Sentence):
            return self.sentence(value)
        if not isinstance(value, str):
            return value
        return self.date(value) if name in _DAYS else isolated(value)

    def _joiners(self, template: str) -> str:
        """A template that only sets its parts one after another, with this language's marks between them."""
        for key in ("join.clauses", "join.list", "join.sentences"):
            english = {"join.clauses": "; ", "join.list": ", ", "join.sentences": ". "}[key]
            template = template.replace(english, str(self.entries.get(key, english)))
        return template

    def date(self, day: str) -> str:
        """A day in ISO 8601 as this language writes it; any other text as it is."""
        if not _DAY.fullmatch(day):
            return day
        return _long_date(day, _LOCALES.get(self.lang, "en_GB"))


def isolated(text: str) -> str:
    """A label that runs from right to left, set apart so that the sentence round it keeps its order.

    Any other text stays as it is (Unicode Standard Annex 9, 6.3: FSI … PDI).
    """
    if text.isascii() or not any(unicodedata.bidirectional(one) in _TURNING for one in text):
        return text
    return f"\u2068{text.translate(_ISOLATES)}\u2069"


def _words_of(template: str) -> bool:
    """Whether a template holds words beside its placeholders."""
    return any(character.isalpha() for character in _PLACEHOLDER.sub("", template))


@cache
def _long_date(day: str, locale: str) -> str:
    from babel.dates import format_date

    try:
        return format_date(dt.date.fromisoformat(day), "long", locale)
    except ValueError:  # 2026-02-30 is no day, whoever wrote it
        return day


@cache
def language(tag: str) -> Words:
    """The words of a language of ``LANGUAGES``. Raises ``KeyError`` for any other."""
    locale = files("reports") / "locale"
    english = dict(_entries(locale / "page.pot"))
    if tag == "en":
        return Words("en", english)
    folder = locale / _LOCALES[tag]
    translated = {key: entry for key, entry in _entries(folder / "page.po", translated=True) if any(entry)}
    sentences: dict[str, str] = {}
    for name in ("checks", "audits", "policies", "packs"):
        sentences |= {m: t for m, t in _messages(folder / f"{name}.po") if t}
    return Words(tag, english | translated, sentences)


def _entries(file: Traversable, translated: bool = False) -> Iterator[tuple[str, Entry]]:
    from babel.messages.pofile import read_po

    with file.open("rb") as opened:
        for message in read_po(opened):
            if message.context:
                texts = message.string if translated else message.id
                yield message.context, texts if isinstance(texts, str) else tuple(str(text) for text in texts or ())


def _messages(file: Traversable) -> Iterator[tuple[str, str]]:
    from babel.messages.pofile import read_po

    with file.open("rb") as opened:
        for message in read_po(opened):
            if message.id and isinstance(message.string, str):
                yield str(message.id), str(message.string)


ENGLISH = language("en")

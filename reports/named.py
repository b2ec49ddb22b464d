"""Attributes and groups by name: those of the data as they are, those of a question in the page's language."""

from __future__ import annotations

from audits.policies.labels import TENURE, attribute_words, group_words, is_own, loss_of, segment_words, tenure_start
from audits.record import Measurement
from checks.sentence import Sentence
from reports.words import Words


def attribute_in(say: Words, m: Measurement) -> str:
    """The attribute of a measurement; empty where there is none."""
    return _said(say, attribute_words(m))


def group_in(say: Words, m: Measurement) -> str:
    """Its group; empty where it is all rows."""
    return _said(say, group_words(m, m.group))


def reference_in(say: Words, m: Measurement) -> str:
    """What it is compared with; empty where it is no comparison."""
    return _said(say, group_words(m, m.reference))


def segment_in(say: Words, m: Measurement) -> str:
    """The part of the rows that it is of, such as a stage."""
    return _said(say, segment_words(m))


def place_of(m: Measurement) -> float:
    """Where a group stands among others of its attribute that have an order of their own, as bands of tenure have."""
    start = tenure_start(m.group or "") if is_own(m) and m.attribute == TENURE else None
    return 0.0 if start is None else start


def is_made(m: Measurement) -> bool:
    """Whether the name of the part is ours, and not the data's own word."""
    return isinstance(segment_words(m), Sentence)


def loss_in(say: Words, m: Measurement) -> tuple[str, str, str] | None:
    """Stage, dimension and value of a loss by device or hour; None for any other figure."""
    found = loss_of(m)
    return None if found is None else (found[0], _said(say, found[1]), _said(say, found[2]))


def _said(say: Words, words: str) -> str:
    return say.sentence(words) if isinstance(words, Sentence) else words

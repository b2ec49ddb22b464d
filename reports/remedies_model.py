"""What the page of a search for remedies says, in the order it says it: immutable, already worded and rounded."""

from __future__ import annotations

from dataclasses import dataclass

from reports.pictures import DotsPicture
from reports.report_model import Fact, FactGroup, Phrase


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """A model by its performance and how alike it treats groups.

    ``kind`` is today, chosen, eligible, other, or by_group: what needs the group to decide.
    """

    performance: float
    ratio: float
    kind: str


@dataclass(frozen=True, slots=True)
class FrontierPicture:
    """All models that were tried; ``floor`` and ``needed`` are what one must reach across and upwards.

    ``names`` say what the kinds are; ``across`` and ``upwards`` name the axes. ``beyond`` is a template with a place
    for the ``count`` of points that lie too far off to be drawn.
    """

    title: str
    description: str
    across: str
    upwards: str
    points: tuple[FrontierPoint, ...]
    names: dict[str, str]
    floor: float | None
    floor_label: str
    needed: float | None
    needed_label: str
    beyond: str
    in_percent: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """The figure that matters most, with how sure it is."""

    label: str
    figure: str
    interval: str
    denominators: str


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure of both models on the untouched rows; ``reason`` says why there is none."""

    name: str
    rows: str
    today: str
    chosen: str
    difference: str
    bounds: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One model that was tried. ``marks`` name what it is beside its words: today's, chosen, not deployable."""

    name: str
    id: str
    kind: str
    performance: str
    outcomes: str
    ratio: str
    gain: str
    eligible: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemediesModel:
    """The whole page. ``near`` are the candidates that matter, ``every`` all of them."""

    outcome: str
    badge: str
    title: Phrase
    identity: str
    asked: tuple[Fact, ...]
    headline: str
    meaning: str
    explanation: str
    key: Key | None
    compared: tuple[ComparedRow, ...]
    pictures: tuple[DotsPicture, ...]
    recorded: tuple[tuple[str, ...], ...]
    together: str
    terms: tuple[Fact, ...]
    frontier: FrontierPicture | None
    near: tuple[CandidateRow, ...]
    every: tuple[CandidateRow, ...]
    counted: str
    chosen: tuple[Fact, ...]
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    not_shown: tuple[str, ...]
    provenance: tuple[FactGroup, ...]

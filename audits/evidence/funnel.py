"""Persons by how far they came: from being reached to having what they asked for. One row, or many events, a person.

A person is what ``entity`` names, else a row. He passed a stage where any of his rows says so; whoever passed a later
stage has passed those before it (a log loses events, nobody submits what he never began), and is counted as
``skipped``. Nothing of a person leaves the engine: counts of persons alike do.

Dimensions are those of a person's first row. His hour is that of his earliest time, in UTC, whether he went on or not:
the hour of a stage would be known of those who passed it, and say of the others only that they did not. Where rows have
no time of their own, the earliest is that of a stage, and who passed none that has a time has no hour.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

HOUR = "hour"
EVERYONE, EVERYBODY = "", "everyone"  # attribute and label of all persons, where no attribute and no age is asked about
TIME_EDGES = (
    1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 180, 240, 300, 360, 480, 600, 720, 1080,
    1440, 2880, 4320, 5760, 7200, 10080, 14400, 20160, 30240, 43200,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunnelCell:
    """``persons`` of one label (None: unknown) and stratum whose last stage is number ``furthest`` (−1: none)."""

    label: str | None
    stratum: tuple[str | None, ...]
    furthest: int
    persons: int


@dataclass(frozen=True, slots=True)
class LossCell:
    """The same by the value of a dimension, such as the device, in place of a stratum."""

    label: str | None
    value: str | None
    furthest: int
    persons: int


@dataclass(frozen=True, slots=True)
class TimeCell:
    """Persons who passed ``started``, by the band of minutes (``TIME_EDGES``) until ``finished``, or until unseen.

    ``done`` finished within band ``band`` (up to and including the edge of that number; the last band is beyond all
    edges); not ``done`` were seen through the bands before ``band`` and had not finished: the end of the data, or of
    the span that counts, came first. ``minutes`` adds up over the persons who are done, 0 else.
    """

    label: str | None
    band: int
    done: bool
    persons: int
    minutes: float


@dataclass(frozen=True, slots=True)
class FailureCell:
    """Persons who came to the identity check and failed ``method`` at least once.

    ``method`` is "" for those who failed none, "any" for those who failed at least one; ``fallback`` says whether
    another way was tried (None: the contract does not say), ``passed`` whether the check was passed in the end.
    """

    label: str | None
    method: str
    fallback: bool | None
    passed: bool
    persons: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts by attribute: the contract's own, and ``age_attribute(cut)`` with the labels of ``age_labels(cut)``.

    ``counts``: rows, persons (those of the cells), without_person (rows), skipped (persons with a later stage and not
    an earlier one), out_of_order (persons with an earlier time at a later stage, by more than the clocks' tolerance),
    skewed (by less), ahead (rows with a time beyond the end of the data: it counts as unknown), duplicates (rows of a
    log that repeat a person's event at the same time; of very many rows as many as a part of the persons tells),
    repeated (persons with more than one row), too_early (persons left out everywhere else, first seen less than
    ``within`` before the end), undecided (persons who submitted without a decision, where a stage is the decision),
    odd_ages (persons with an age that nobody has, and no other), unread_stages (persons whose flag of the stage after
    their last says neither yes nor no), unread_failures (persons who came to the identity check and whose flags of
    failures or of the fallback do not tell), without_times (persons without any time where a span ``within`` is
    given), mixed (persons with several labels of an attribute, told as unknown; added up over attributes).
    Where neither an attribute nor an age is asked about, cells are those of ``EVERYONE`` with the label ``EVERYBODY``.
    ``unknown_events`` holds (value, rows) of events that are no stage, the most frequent first.
    """

    stages: tuple[str, ...]
    counts: Mapping[str, int]
    cells: Mapping[str, tuple[FunnelCell, ...]]
    losses: Mapping[str, Mapping[str, tuple[LossCell, ...]]]
    """attribute → dimension (device, network, assisted, hour) → cells."""
    times: Mapping[str, tuple[TimeCell, ...]] = field(default_factory=dict)
    failures: Mapping[str, tuple[FailureCell, ...]] = field(default_factory=dict)
    unknown_events: tuple[tuple[str, int], ...] = ()
    refused: tuple[str, ...] = ()
    """Columns with too many labels to be told apart."""
    sampled: int = 1
    """``losses`` and ``times`` hold one person in so many.

    out_of_order, skewed, duplicates and repeated are so many times theirs.

    A cell holds the persons that were looked at, so that an interval is as wide as they are few.
    """

    def looked_at(self, attribute: str, place: int) -> int:
        """Persons who came to the stage of this place or beyond, of those whose times are read."""
        own = next(iter(self.losses.get(attribute, {}).values()), ()) if self.sampled > 1 else ()
        told = own or self.cells.get(attribute, ())
        persons = sum(cell.persons for cell in told if cell.furthest >= place)
        return persons if own else round(persons / self.sampled)


def age_attribute(cut: float) -> str:
    """The attribute of persons by an age from which they count as elderly."""
    return f"age from {cut:g}"


def age_labels(cut: float) -> tuple[str, str]:
    """The labels of the older and of the younger, who are the reference."""
    return f"{cut:g}+", f"under {cut:g}"


def funnel_to_json(found: Funnel) -> str:
    """Text of a file; cells are lists in the order of their fields, floats in full precision."""
    content = {
        "stages": found.stages, "counts": dict(found.counts), "unknown_events": found.unknown_events,
        "refused": found.refused, "sampled": found.sampled,
        **{name: {one: [astuple(cell) for cell in cells] for one, cells in getattr(found, name).items()}
           for name in _CELLS},
        "losses": {one: {name: [astuple(cell) for cell in cells] for name, cells in own.items()}
                   for one, own in found.losses.items()},
    }  # fmt: skip
    return json.dumps(content, indent=None, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def funnel_from_json(text: str) -> Funnel:
    """The inverse of ``funnel_to_json``."""
    content: dict[str, Any] = json.loads(text)
    cells = {name: {one: tuple(kind(*map(_tupled, cell)) for cell in held) for one, held in content[name].items()}
             for name, kind in _CELLS.items()}  # fmt: skip
    losses = {
        one: {name: tuple(LossCell(*cell) for cell in held) for name, held in own.items()}
        for one, own in content["losses"].items()
    }
    unknown = tuple((str(name), int(n)) for name, n in content["unknown_events"])
    return Funnel(
        tuple(content["stages"]), content["counts"], cells["cells"], losses, cells["times"], cells["failures"],
        unknown, tuple(content["refused"]), int(content.get("sampled", 1)),
    )  # fmt: skip


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_CELLS: dict[str, Any] = {"cells": FunnelCell, "times": TimeCell, "failures": FailureCell}

"""remedies.json: what was tried to make a model treat groups more alike, what was chosen, and what is certified of it.

Immutable, without clock time or address, so that the same program, rows, training code and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from audits.record import ProgramRecord
from checks.inputs.remedies import Setting

REMEDIES_FILE = "remedies.json"
Kind = Literal["today", "without_features", "changed_features", "hyperparameters", "constrained", "cut_by_group"]
KINDS: tuple[Kind, ...] = (
    "today", "without_features", "changed_features", "hyperparameters", "constrained", "cut_by_group"
)  # fmt: skip
Outcome = Literal["certified", "not_confirmed", "none_found", "not_answered"]


@dataclass(frozen=True, slots=True)
class GroupRate:
    """Share of a group that is approved, by ``n`` rows, and its ratio to the reference's; None with a ``reason``."""

    attribute: str
    group: str
    n: int
    rate: float | None
    ratio: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that was tried.

    ``words`` say what it is. ``features`` are those that it takes; ``changes`` name the change of a feature;
    ``hyperparameters`` differ from today's. ``deployable`` is False where it needs the group to decide. On the rows of
    the choice: ``performance`` (by ``known`` rows), ``outcome_rate`` among those approved, the ``approved`` share, the
    ``rates`` of the groups, and ``gain``: the ratio of approval rates minus that of today's model. ``eligible`` says
    that it keeps to the floor and brings the least gain; ``reason`` why not, or why it could not be tried.
    """

    id: str
    kind: Kind
    words: str
    features: tuple[str, ...]
    changes: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Mapping[str, Setting] = field(default_factory=dict)
    deployable: bool = True
    performance: float | None = None
    known: int = 0
    outcome_rate: float | None = None
    approved: float | None = None
    rates: tuple[GroupRate, ...] = ()
    gain: float | None = None
    eligible: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Certified:
    """A figure of the untouched rows, with bounds that hold for all certified figures at once with chance ``level``.

    ``today`` and ``chosen`` are the figures of the two models, ``estimate`` what it says (their difference, or the
    chosen one's own value). ``n`` rows, ``counts`` their numerators and denominators.
    """

    measure: str
    attribute: str | None
    group: str | None
    reference: str | None
    today: float | None
    chosen: float | None
    estimate: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    level: float
    n: int
    method: str
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """What an alternative must reach: ``least`` of ``performance`` for the role ``of``: ``best`` − ``loss``."""

    performance: str
    of: str
    loss: float
    best: float | None
    least: float | None
    least_gain: float


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """The code that trained: its file's name and digest, its function, what it learned, the rows of each part."""

    file: str
    digest: str
    function: str
    target: str
    rows: Mapping[str, int]
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemedyRecord:
    """remedies.json.

    ``outcome`` is certified (an alternative was chosen and holds on the untouched rows), not_confirmed (chosen, but
    what was seen does not hold there), none_found (no candidate keeps to the floor and brings the least gain), or
    not_answered (``reasons`` say what lacks). ``explanation`` says it in a sentence, ``reasons`` why this one was
    chosen, ``cautions`` what must be known. ``chosen`` is a candidate's id; ``runner_up`` are ids that were eligible
    too. ``settings`` are those of the search, as stated or by default. ``run`` is the digest of the audit of the same
    data and period, where one lies beside. ``read_before`` are earlier versions of another content that read the same
    untouched rows.
    """

    schema_version: str
    program: ProgramRecord
    version: int
    supersedes: str | None
    period: str
    fingerprint: str
    seed: int
    attribute: str
    training: TrainingRecord
    approve: str
    floor: Floor
    candidates: tuple[Candidate, ...]
    outcome: Outcome
    explanation: str
    chosen: str | None
    certified: tuple[Certified, ...]
    reasons: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    runner_up: tuple[str, ...] = ()
    run: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    read_before: tuple[int, ...] = ()

"""comparison.json: two runs side by side. Made from records alone; it holds no clock time and no address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audits.record import Finding, Measurement, Verdict
from audits.statistics.independent_change import Scale

Kind = Literal["worse", "unanswered", "undecided", "gone", "new", "answered", "better"]
KINDS: tuple[Kind, ...] = ("worse", "unanswered", "undecided", "gone", "new", "answered", "better")
InputKind = Literal["program", "data", "model", "fitness", "answers", "policies", "rules", "packages", "seed"]
CauseKind = Literal[
    "figure", "missing", "size", "standing", "comparisons", "limit", "force", "fitness", "caution", "code"
]
Rows = Literal["independent", "same", "overlap", "unknown"]
Moved = Literal["beyond_chance", "exact", "no_interval", "missing", "within_chance"]
MOVED: tuple[Moved, ...] = ("beyond_chance", "exact", "no_interval", "missing", "within_chance")
Direction = Literal["worse", "better"]
FAILING: tuple[Verdict, ...] = ("breach", "concern")


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the two runs, by what tells it apart; ``worst`` is its worst verdict, None where nothing was judged."""

    program: str
    title: dict[str, str]
    period: str
    version: int
    run_digest: str
    judgement_digest: str
    fingerprint: str
    rows: int
    first_day: str | None
    last_day: str | None
    fit: bool
    worst: Verdict | None


@dataclass(frozen=True, slots=True)
class InputChange:
    """One place of the inputs, or of what they could answer, that differs; None on the side that does not have it."""

    kind: InputKind
    place: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """What differs between the two sides of a finding.

    ``decisive``: put in by itself it gives the new verdict; where nothing does, put back by itself it undoes it.
    """

    kind: CauseKind
    decisive: bool
    explanation: str


@dataclass(frozen=True, slots=True)
class FindingChange:
    """A finding whose verdict differs, or that one run lacks (None, with the ``reason``).

    ``fails`` says whether ``--fail-on worse`` stops at it: a worse verdict, a new or newly answered breach or concern,
    a clear, concern or breach that is gone or cannot be answered or decided any more, or data that became unfit.
    ``difference`` says whether chance explains how far its figure moved, where both runs have it. Findings are held
    without ladder and points.
    """

    finding_id: str
    kind: Kind
    fails: bool
    before: Finding | None
    after: Finding | None
    causes: tuple[Cause, ...] = ()
    reason: str | None = None
    difference: str | None = None


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure that differs, or that one run lacks.

    ``change`` is after − before or, on the scale ``ratio``, after / before; ``low`` and ``high`` are its bounds at
    ``level``, None where it has no interval or they are at infinity; ``p_value`` is against no change, ``adjusted``
    allows for the family. ``direction`` says whether it moved towards harm, where a rule says which way that is.
    """

    kind: Moved
    before: Measurement | None
    after: Measurement | None
    explanation: str
    direction: Direction | None = None
    scale: Scale | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p_value: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs, what differs, and what that cannot say.

    ``rows`` says what is known of rows behind both runs, ``rows_reason`` why. ``family`` counts the figures with an
    interval of their difference, ``selected`` those that moved at false discovery rate ``rate``. ``same_findings`` and
    ``same_figures`` count what stayed as it was, ``still_open`` the breaches and concerns among those findings.
    """

    schema_version: str
    before: ComparedRun
    after: ComparedRun
    relation: str
    rows: Rows
    rows_reason: str
    inputs: tuple[InputChange, ...]
    findings: tuple[FindingChange, ...]
    same_findings: int
    still_open: int
    figures: tuple[FigureChange, ...]
    same_figures: int
    family: int
    selected: int
    rate: float
    cannot_say: tuple[str, ...]

    @property
    def fails(self) -> bool:
        """Whether ``--fail-on worse`` stops here."""
        return any(one.fails for one in self.findings)

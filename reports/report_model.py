"""What the report page says, in the order it says it: immutable, already worded and rounded."""

from __future__ import annotations

from dataclasses import dataclass

from audits.record import Verdict
from reports.figures import Unit
from reports.pictures import LimitLine, Picture


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text of the records; ``lang`` is set where it is not in the page's language."""

    text: str
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A label with its value, and a remark in smaller type."""

    label: str
    value: str
    note: str = ""
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts under a heading."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class EstimatePicture:
    """A dot with its whisker; a bound of None is at infinity."""

    title: str
    description: str
    unit: Unit
    estimate: float
    low: float | None
    high: float | None
    label: str
    axis: str
    limits: tuple[LimitLine, ...] = ()
    equality: float | None = None
    equality_label: str = ""
    beyond_label: str = ""


@dataclass(frozen=True, slots=True)
class RateRow:
    """The rate of one group; ``estimate`` is None with a ``reason``. ``label`` also says which is the reference."""

    group: str
    label: str
    estimate: float | None
    low: float | None
    high: float | None
    rate: str
    interval: str
    counts: str
    is_reference: bool


@dataclass(frozen=True, slots=True)
class RatePanel:
    """Rates of all groups of an attribute; no ``interval_heading`` where every case was counted."""

    title: str
    caption: str
    description: str
    interval_heading: str
    reference_label: str
    note: str
    rows: tuple[RateRow, ...]


@dataclass(frozen=True, slots=True)
class RuleReading:
    """A rule, and what it makes of a figure; ``verdict`` is None where it was not applied.

    ``facts`` and ``remarks`` are the rule's own, told once on the page, at its ``anchor``; ``judged`` the interval that
    the verdict rests on where it is not the figure's own.
    """

    anchor: str
    title: Phrase
    citation: str
    jurisdiction: str
    status: str
    is_law: bool
    borrowed: str
    limit: str
    limit_source: str
    limit_is_ours: bool
    facts: tuple[Fact, ...]
    verdict: Verdict | None = None
    standing: str = ""
    judged: tuple[Fact, ...] = ()
    kind: str = ""
    reading: str = ""
    remarks: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    finding_id: str = ""
    fetch: tuple[Fact, ...] = ()

    @property
    def judged_by(self) -> str:
        """The interval that the verdict rests on; empty where it is the figure's own."""
        return self.judged[0].value if self.judged else ""


@dataclass(frozen=True, slots=True)
class MeasuredFigure:
    """One measurement, shown once, with every rule that judges it."""

    anchor: str
    harm: str
    title: str
    who: str
    verdict: Verdict | None
    standing: str
    sentence: str
    figure: str
    interval: str
    denominators: str
    shares: str
    missing: str
    picture: EstimatePicture | None
    facts: tuple[Fact, ...]
    rules: tuple[RuleReading, ...]
    cautions: tuple[str, ...]
    undecided: str
    method: tuple[Fact, ...]
    assumptions: tuple[str, ...]
    does_not_show: tuple[str, ...]
    would_change: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The figures of one question on one attribute."""

    anchor: str
    title: str
    harm: str
    rates: tuple[RatePanel, ...]
    pictures: tuple[Picture, ...]
    figures: tuple[MeasuredFigure, ...]
    folded: tuple[MeasuredFigure, ...] = ()
    """Figures that a picture shows with what it needs to be read, and that break no rule."""


@dataclass(frozen=True, slots=True)
class HarmSummary:
    """What is said first on one harm. Without a ``headline``, ``messages`` say why."""

    title: str
    verdict: Verdict | None
    headline: MeasuredFigure | None
    others: tuple[MeasuredFigure, ...]
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """An amount of money with its interval, of how many cases, and what it is compared with; its ``anchor`` in full.

    ``days`` are those of its rows, ``cautions`` what it cannot see or should be read with.
    """

    title: str
    who: str
    figure: str
    interval: str
    denominators: str
    compared: str
    anchor: str
    rule: str = ""
    days: str = ""
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HarmMoney:
    """What a harm has cost: the figure to be told first and ``why``; ``beside`` says whether others may be added.

    Without a figure ``headline`` is None and ``missing`` says why, and what would give one.
    """

    title: str
    headline: MoneyLine | None
    why: str
    others: tuple[MoneyLine, ...]
    beside: str
    more: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question without an answer, why, and what would answer it."""

    question: str
    reason: str
    needed: str


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A data check. ``outcome`` is pass, warn or fail."""

    outcome: str
    place: str
    expected: str
    observed: str
    values: str
    examples: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Checks:
    """All data checks, the failed first."""

    fit: bool
    rows: tuple[CheckRow, ...]

    def having(self, outcome: str) -> tuple[CheckRow, ...]:
        """The checks of an outcome."""
        return tuple(row for row in self.rows if row.outcome == outcome)


@dataclass(frozen=True, slots=True)
class IdleRule:
    """A rule that judged nothing, and why."""

    rule: RuleReading
    reason: str


@dataclass(frozen=True, slots=True)
class ExcludedRows:
    """Rows left out, with the role and the reason."""

    role: str
    rows: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportModel:
    """The whole page."""

    lang: str
    title: Phrase
    question: Phrase
    identity: str
    asked: tuple[Fact, ...]
    checks: Checks
    harms: tuple[HarmSummary, ...]
    nothing_judged: tuple[str, ...]
    unanswered: tuple[Unanswered, ...]
    not_asked: str
    remarks: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]
    rules: tuple[RuleReading, ...]
    idle_rules: tuple[IdleRule, ...]
    has_policies: bool
    exclusions: tuple[ExcludedRows, ...]
    errors: tuple[Fact, ...]
    provenance: tuple[FactGroup, ...]
    subject: tuple[str, str] | None = None
    """Name and version of the registered model that was read."""
    money: tuple[HarmMoney, ...] = ()

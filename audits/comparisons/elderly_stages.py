"""Shares of the elderly who finish, fail the identity check, or pass it after all, over those of the younger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from audits.comparisons.funnel_faults import unseen_faults
from audits.comparisons.funnel_stages import with_doubts
from audits.comparisons.share_ratios import Pair, Table, share_ratio, share_ratio_within
from audits.comparisons.unknown import MOST_UNKNOWN
from audits.evidence.funnel import FailureCell, Funnel, age_attribute, age_labels
from audits.record import Measurement
from checks.sentence import Sentence, said, template

ANY, NONE = "any", ""  # methods of a failure cell
_NO_AGE = template(
    "the age is missing, or one that nobody has, for {share:.1f} % of the persons, who are left out here"
)
_NOT_FAILED = said("nobody whose age is known failed the identity check")
_REFUSED = template("'{column}' has too many labels to be told apart, so that strata cannot be formed")


def doubted(figure: Measurement, doubts: Iterable[Sentence]) -> Measurement:
    """The figure, where there is one, with what must be known of it and keeps it from being clear."""
    told = tuple(doubts)
    return with_doubts(figure, told, told)


@dataclass(frozen=True, slots=True)
class ByAge:
    """Persons by label of one cut of age. ``question`` and ``level`` are those of the figures."""

    question: str
    level: float
    cut: float
    funnel: Funnel

    @property
    def attribute(self) -> str:
        """The attribute that the cut makes."""
        return age_attribute(self.cut)

    @property
    def labels(self) -> tuple[str, str]:
        """The older and the younger."""
        return age_labels(self.cut)

    def nothing(self, measure: str, segment: str = "all") -> Measurement:
        """The figure without an estimate."""
        older, younger = self.labels
        return Measurement(
            question=self.question, measure=measure, attribute=self.attribute, group=older, reference=younger,
            estimate=None, low=None, high=None, level=self.level, n=0, method=said("none"), source=said("cells"),
            segment=segment, equality=1.0, counts={"odd_ages": self.funnel.counts.get("odd_ages", 0)},
        )  # fmt: skip

    def told(self, figure: Measurement, unknown: int) -> Measurement:
        """The figure with what it cannot see: ages that are not known, stages and persons that the data lost."""
        known = figure.n
        figure = replace(figure, counts={**figure.counts, "unknown_age": unknown})
        if figure.estimate is None:
            return figure
        whole = known + unknown
        doubts: list[Sentence] = []
        if unknown > MOST_UNKNOWN * whole:
            doubts.append(said(_NO_AGE, share=100 * unknown / whole))
        doubts += unseen_faults(self.funnel)
        return doubted(figure, doubts)


@dataclass(slots=True)
class _Tally:
    """Who did, of whom it is asked, by label; None is an unknown age."""

    did: dict[str | None, int] = field(default_factory=dict)
    asked: dict[str | None, int] = field(default_factory=dict)

    def add(self, label: str | None, did: bool, persons: int) -> None:
        self.asked[label] = self.asked.get(label, 0) + persons
        self.did[label] = self.did.get(label, 0) + persons * did

    def pair(self, labels: tuple[str, str]) -> Pair:
        older, younger = labels
        return (self.did.get(older, 0), self.asked.get(older, 0), self.did.get(younger, 0), self.asked.get(younger, 0))

    @property
    def unknown(self) -> int:
        return self.asked.get(None, 0)


def completion(by_age: ByAge, measure: str, started: int, finished: int) -> Measurement:
    """Share who passed stage number ``finished`` among those who passed ``started``, older over younger."""
    tally = _Tally()
    for cell in by_age.funnel.cells.get(by_age.attribute, ()):
        if cell.furthest >= started:
            tally.add(cell.label, cell.furthest >= finished, cell.persons)
    figure = share_ratio(by_age.nothing(measure), tally.pair(by_age.labels), "finished", "started", -1)
    return by_age.told(figure, tally.unknown)


def adjusted_completion(
    by_age: ByAge, measure: str, started: int, finished: int, strata: tuple[str, ...]
) -> Measurement:
    """The same within the strata of the contract."""
    nothing = replace(by_age.nothing(measure), source=said("cells by {names}", names=", ".join(strata)))
    if column := next((name for name in strata if name in by_age.funnel.refused), None):
        return replace(nothing, reason=said(_REFUSED, column=column))
    tallies: dict[tuple[str | None, ...], _Tally] = {}
    for cell in by_age.funnel.cells.get(by_age.attribute, ()):
        if cell.furthest >= started:
            tally = tallies.setdefault(cell.stratum, _Tally())
            tally.add(cell.label, cell.furthest >= finished, cell.persons)
    order = sorted(tallies, key=lambda key: tuple((part is None, part or "") for part in key))
    table: Table = {key: tallies[key].pair(by_age.labels) for key in order}
    figure = share_ratio_within(nothing, table, "finished", "started", -1)
    return by_age.told(figure, sum(tally.unknown for tally in tallies.values()))


def failures(by_age: ByAge, measure: str, methods: Iterable[str]) -> Iterator[Measurement]:
    """Share who failed the check at least once among those who came to it: by any method, and by each."""
    cells = by_age.funnel.failures.get(by_age.attribute, ())
    came = _of(cells, lambda cell: cell.method in (ANY, NONE), lambda cell: cell.method == ANY)
    yield _failed(by_age, by_age.nothing(measure), came, came)
    for method in methods:
        own = _Tally()
        for cell in cells:
            own.add(cell.label, True, cell.persons * (cell.method == method))
        yield _failed(by_age, by_age.nothing(measure, method), own, came)


def _failed(by_age: ByAge, nothing: Measurement, failed: _Tally, came: _Tally) -> Measurement:
    x1, _, x0, _ = failed.pair(by_age.labels)
    _, n1, _, n0 = came.pair(by_age.labels)
    return by_age.told(share_ratio(nothing, (x1, n1, x0, n0), "failed", "came", 1), came.unknown)


def second_chances(by_age: ByAge, measure: str) -> Measurement:
    """Share who passed the check in the end among those who failed it, and for whom another way was tried."""
    cells = [cell for cell in by_age.funnel.failures.get(by_age.attribute, ()) if cell.method == ANY]
    failed = _of(cells, lambda cell: True, lambda cell: cell.passed)
    pair = failed.pair(by_age.labels)
    nothing = by_age.nothing(measure)
    if not pair[1] and not pair[3]:
        return replace(nothing, reason=_NOT_FAILED)
    figure = share_ratio(nothing, pair, "passed", "failed", -1)
    if any(cell.fallback is not None for cell in cells):
        other = _of(cells, lambda cell: cell.fallback is True, lambda cell: cell.passed).pair(by_age.labels)
        figure = replace(
            figure, details={**figure.details, **_other_way(other, pair)},
            counts={**figure.counts, "group_other_way": other[1], "reference_other_way": other[3]},
        )  # fmt: skip
    return by_age.told(figure, failed.unknown)


def _other_way(other: Pair, failed: Pair) -> Mapping[str, float]:
    """Shares of those who failed for whom another way was tried, and of these who passed."""
    found = {}
    for who, place in (("group", 0), ("reference", 2)):
        if failed[place + 1]:
            found[f"{who}_other_way_share"] = other[place + 1] / failed[place + 1]
        if other[place + 1]:
            found[f"{who}_other_way_success"] = other[place] / other[place + 1]
    return found


def _of(
    cells: Iterable[FailureCell], asked: Callable[[FailureCell], bool], did: Callable[[FailureCell], bool]
) -> _Tally:
    tally = _Tally()
    for cell in cells:
        if asked(cell):
            tally.add(cell.label, did(cell), cell.persons)
    return tally

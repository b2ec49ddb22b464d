"""Does a score mean the same for every group?

Harm: a score that is too harsh on a group, whose members repay more often than others with the same score, denies them
credit or makes it dear. Per attribute, on rows whose outcome is known:

* calibration_gap: outcome rate of the group minus that of the reference at equal score, a mean over bins of the score
  with weights near n₁n₀/n; positive when the group repays more often than the reference at the same score. Least
  squares with a level and a slope of the score in every bin (`audits.statistics.calibration`), HC3 errors. It does not
  matter which end of the score is the better one.
* calibration_in_the_large: mean outcome of a group minus the mean chance that the score gives it. Only for a score
  within 0 to 1 that is said to be the chance of the favourable outcome (``score_is: favourable``) or of the other
  (``unfavourable``); it is never guessed.
* outcome_rate: share of the known outcomes that are favourable, by group; Wilson's interval.

Where outcomes are known for the approved only, a calibrated score can look harsh, and a harsh one calibrated, because
the lender saw more than the score (Kallus and Zhou 2018, ICML): such figures make no breach and are never clear.
Source: Pleiss, Raghavan, Wu, Kleinberg and Weinberger (2017), On fairness and calibration, NeurIPS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons.score_bands import points_along
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, HistogramNeed, Need
from audits.known_outcomes import known_shares, marked_selected, outcome_tables, selection, unlike
from audits.measuring import bounded, from_error
from audits.record import Measurement, NotAnswered
from audits.unused_roles import ROLES, left_unused, marked
from checks.inputs.contract import DataContract
from checks.inputs.outcomes import OUTCOME
from checks.problem import InputError, Problem
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.cells import Cells
    from audits.evidence.histograms import Histogram

_DIRECTIONS = ("none", "favourable", "unfavourable")
_OUTCOMES = 10  # of either kind in each group, below which an error from residuals cannot be relied on
_MUCH = 0.05  # of a group's rows left out, or of all rows in one bin, that could hide a harm
_CONDITION = said("a selected sample: the outcome is known on a condition only, and others may differ")
_SCARCE = template(
    "the group has only {n} rows of its rarer outcome, and an error to rely on needs 10; without an interval it is "
    "{value:.3f}"
)
_SCARCE_OF_TWO = template(
    "one of the two groups has only {n} rows of its rarer outcome, and an error to rely on needs 10; without an "
    "interval it is {value:.3f}"
)
_SLOPED = template(
    "least squares within {bins} bins of the score, a slope of the score in each, HC3 errors, t by the smaller group"
)
_FLAT = template(
    "least squares within {bins} bins of the score, each score a bin of its own, HC3 errors, t by the smaller group"
)
_ALONE = template("{share:.1f} % of {group} have scores that nobody of {reference} comes near")
_NO_SCORE = template("{share:.1f} % of {name} with a known outcome have no score")
_ONE_BIN = template(
    "{share:.1f} % of the rows fall into one of the bins between the extremes of the score and are not told apart: a "
    "few scores lie far off"
)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Of one group: scores with the good outcomes and the rows at each, and rows without a score."""

    counts: Mapping[float, tuple[int, int]]
    missing: int

    @property
    def rows(self) -> int:
        return sum(n for _, n in self.counts.values())


@dataclass(frozen=True, slots=True)
class Calibration:
    """``level`` is the confidence level; ``attributes`` restricts the question, empty means all.

    ``score_is`` says of which outcome the score is the chance: favourable, unfavourable, or none when it is no chance.
    """

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    score_is: str = "none"

    name: ClassVar[str] = "fair_lending.calibration"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("score", "outcome", "groups")
    optional_roles: ClassVar[tuple[str, ...]] = ("decision", *ROLES)
    measures: ClassVar[Mapping[str, float | None]] = {
        "calibration_gap": 0.0, "calibration_in_the_large": 0.0, "outcome_rate": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.score_is not in _DIRECTIONS:
            raise InputError(Problem(
                f"{self.name}, score_is", f"'{self.score_is}'", "one of favourable, unfavourable, none",
                "say of which outcome the score is the chance, or none",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        names = self._attributes(contract)
        return [
            *(_cells_need(name, contract) for name in names), *(_histogram_need(name, contract) for name in names),
        ]  # fmt: skip

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        figures: list[Measurement] = []
        why = None
        for attribute in self._attributes(contract):
            cells = evidence.cells(_cells_need(attribute, contract))
            histogram = evidence.histogram(_histogram_need(attribute, contract))
            why = self._why_no_level(histogram)
            reference = evidence.data.references[attribute]
            own = [
                *self._rates(attribute, cells),
                *self._gaps(attribute, reference, histogram),
            ]
            own += [] if why else self._in_the_large(attribute, cells)
            told = _selected(cells, attribute, contract)
            shares = _shares(cells, attribute, contract)
            figures += [marked_selected(marked_selected(m, told), unlike(shares, m.group, reference)) for m in own]
        missing = left_unused(self.name, contract)
        if why:
            missing.append(NotAnswered(f"{self.name}: calibration_in_the_large", *why))
        return [marked(figure, contract) for figure in figures], missing

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _why_no_level(self, histogram: Histogram) -> tuple[str, str] | None:
        if self.score_is == "none":
            return (
                said("it is not said of which outcome the score is the chance"),
                said("set the parameter 'score_is' to favourable or unfavourable, if the score is a chance"),
            )
        if histogram.values and (histogram.values[0] < 0 or histogram.values[-1] > 1):
            low, high = histogram.values[0], histogram.values[-1]
            why = said("the score runs from {low:g} to {high:g} and is no chance", low=low, high=high)
            return why, said("give the chance itself as the score")
        return None

    def _shared(self, measure: str, attribute: str, label: str) -> Measurement:
        return Measurement(
            question=self.name, measure=measure, attribute=attribute, group=label, reference=None, estimate=None,
            low=None, high=None, level=self.level, n=0, method=said("none"), source=said("none"),
            equality=self.measures[measure],
        )  # fmt: skip

    def _rates(self, attribute: str, cells: Cells) -> list[Measurement]:
        from audits.statistics.proportions import score_interval_rate

        found = []
        for label, (good, rows, unknown) in _known(cells).items():
            nothing = replace(self._shared("outcome_rate", attribute, label), n=rows)
            nothing = replace(
                nothing, counts={"good_outcomes": good, "outcome_known": rows, "outcome_unknown": unknown}
            )
            if not rows:
                found.append(replace(nothing, reason=said("no row of the group has a known outcome")))
                continue

            def at(level: float, x: int = good, n: int = rows) -> tuple[float, float]:
                interval = score_interval_rate(x, n, level)
                return float(interval.low), float(interval.high)

            method = said("Wilson score interval")
            found.append(
                replace(nothing, estimate=good / rows, **bounded(at, self.level), method=method, source=said("counts"))
            )
        return found

    def _in_the_large(self, attribute: str, cells: Cells) -> list[Measurement]:
        found = []
        for label, sums in _score_sums(cells).items():
            good, rows, total, squares, of_good = sums
            nothing = replace(self._shared("calibration_in_the_large", attribute, label), n=rows)
            nothing = replace(nothing, counts={"good_outcomes": good, "scored_and_known": rows})
            if not rows:
                found.append(replace(nothing, reason=said("no row of the group has a score and a known outcome")))
                continue
            if self.score_is == "unfavourable":
                total, squares, of_good = rows - total, rows - 2 * total + squares, good - of_good
            value = (good - total) / rows
            spread = max(good - 2 * of_good + squares - rows * value**2, 0.0)
            scarce = min(good, rows - good)
            if scarce < _OUTCOMES:
                found.append(replace(nothing, reason=said(_SCARCE, n=scarce, value=value)))
                continue
            error = math.sqrt(spread / (rows - 1) / rows)
            if not error > 0:
                found.append(replace(nothing, reason=said("the score leaves no error to go by: it never misses")))
                continue
            found.append(replace(
                nothing, **from_error(value, error, rows - 1, self.level), source=said("sums"),
                method=said("mean of outcome less score, t interval"),
                details={"mean_outcome": good / rows, "mean_score_chance": total / rows},
            ))  # fmt: skip
        return found

    def _gaps(self, attribute: str, reference: str, histogram: Histogram) -> list[Measurement]:
        groups = _scored(histogram)
        found = []
        for label in (label for label in groups if label != reference):
            own, other = groups[label], groups.get(reference, _Scored({}, 0))
            nothing = replace(
                self._shared("calibration_gap", attribute, label), reference=reference, n=own.rows + other.rows,
                counts={
                    "group": own.rows, "reference": other.rows, "group_without_score": own.missing,
                    "reference_without_score": other.missing,
                },
            )  # fmt: skip
            found.append(self._gap(nothing, own, other, histogram))
        return found

    def _gap(self, nothing: Measurement, own: _Scored, other: _Scored, histogram: Histogram) -> Measurement:
        from audits.statistics.calibration import CalibrationCaveat, calibration_gap

        if not own.rows or not other.rows:
            empty = nothing.reference if own.rows else nothing.group
            return replace(nothing, reason=said("no row of '{empty}' has a score and a known outcome", empty=empty))
        scores = sorted({*own.counts, *other.counts})
        (x1, n1), (x0, n0) = (
            [[group.counts.get(s, (0, 0))[i] for s in scores] for i in (0, 1)] for group in (own, other)
        )
        fit = calibration_gap(scores, x1, n1, x0, n0)
        counts = {**nothing.counts, "group_alone": fit.alone1, "reference_alone": fit.alone0}
        series = {str(nothing.group): own.counts, str(nothing.reference): other.counts}
        nothing = replace(nothing, counts=counts, points=points_along(series, self.level))
        if fit.caveat is not CalibrationCaveat.NONE:
            return replace(nothing, reason=fit.caveat.reason)
        scarce = min(side for good, rows in (fit.compared1, fit.compared0) for side in (good, rows - good))
        if scarce < _OUTCOMES:
            return replace(nothing, reason=said(_SCARCE_OF_TWO, n=scarce, value=fit.gap))
        unseen = _unseen(nothing, own, other, fit.alone1, histogram)
        return replace(
            nothing, **from_error(fit.gap, fit.standard_error, fit.freedom, self.level), details={"bins": fit.bins},
            method=said(_SLOPED if fit.sloped else _FLAT, bins=fit.bins), source=said("histogram"), cautions=unseen,
            unseen=unseen,
        )  # fmt: skip


def _cells_need(attribute: str, contract: DataContract) -> CellsNeed:
    return CellsNeed((attribute,), (OUTCOME,), (str(contract.score),))


def _histogram_need(attribute: str, contract: DataContract) -> HistogramNeed:
    return HistogramNeed(str(contract.score), (attribute,), (OUTCOME,), decision=False)


def _selected(cells: Cells, attribute: str, contract: DataContract) -> str | None:
    conditional = bool(contract.outcome and contract.outcome.observed_when)
    if not contract.decision:
        return _CONDITION if conditional else None
    return selection(outcome_tables(cells, attribute).values(), conditional)


def _shares(cells: Cells, attribute: str, contract: DataContract) -> dict[str, float | None]:
    """Share of each group whose outcome is known: of its decided rows, or of all without a declared decision."""
    if contract.decision:
        return known_shares(outcome_tables(cells, attribute))
    return {label: known / (known + unknown) for label, (_, known, unknown) in _known(cells).items() if known + unknown}


def _known(cells: Cells) -> dict[str, tuple[int, int, int]]:
    """label → good outcomes, known outcomes, rows without a known one."""
    found: dict[str, tuple[int, int, int]] = {}
    for (label, outcome), _, rows in cells.cells:
        if label is not None:
            good, known, unknown = found.get(label, (0, 0, 0))
            is_known = outcome is not None
            found[label] = good + rows * (outcome == "1"), known + rows * is_known, unknown + rows * (not is_known)
    return dict(sorted(found.items()))


def _score_sums(cells: Cells) -> dict[str, tuple[int, int, float, float, float]]:
    """label → good outcomes, rows, Σ score, Σ score², Σ score of the good ones; rows with both score and outcome."""
    parts: dict[str, list[tuple[bool, int, float, float]]] = {}
    for ((label, outcome), _, _), (score,) in zip(cells.cells, cells.totals, strict=True):
        if label is not None:
            own = parts.setdefault(label, [])
            if outcome is not None:
                own.append((outcome == "1", score.known, score.sum, score.squares))
    return {
        label: (
            sum(n for good, n, _, _ in own if good), sum(n for _, n, _, _ in own), math.fsum(s for _, _, s, _ in own),
            math.fsum(q for _, _, _, q in own), math.fsum(s for good, _, s, _ in own if good),
        )
        for label, own in sorted(parts.items())
    }  # fmt: skip


def _scored(histogram: Histogram) -> dict[str, _Scored]:
    """Each group's outcomes by score; a bin's rows stand at its middle."""
    values = histogram.values
    points = values if histogram.exact else [a / 2 + b / 2 for a, b in pairwise(values)]
    counts: dict[str, dict[float, tuple[int, int]]] = {}
    missing: dict[str, int] = {}
    for (label, outcome), _, place, rows in histogram.counts:
        if label is None:
            continue
        own = counts.setdefault(label, {})
        if outcome is None:
            continue
        if place is None:
            missing[label] = missing.get(label, 0) + rows
            continue
        good, known = own.get(points[place], (0, 0))
        own[points[place]] = good + rows * (outcome == "1"), known + rows
    return {label: _Scored(own, missing.get(label, 0)) for label, own in sorted(counts.items())}


def _unseen(m: Measurement, own: _Scored, other: _Scored, alone: int, histogram: Histogram) -> tuple[str, ...]:
    """What the gap cannot see and may be the harm."""
    told = []
    if alone > _MUCH * own.rows:
        told.append(said(_ALONE, share=100 * alone / own.rows, group=m.group, reference=m.reference))
    for name, one in ((m.group, own), (m.reference, other)):
        lost = one.missing / (one.missing + one.rows)
        if lost > _MUCH:
            told.append(said(_NO_SCORE, share=100 * lost, name=name))
    fullest = max(n + other.counts.get(s, (0, 0))[1] for s, (_, n) in own.counts.items()) / (own.rows + other.rows)
    if not histogram.exact and fullest > _MUCH:
        told.append(said(_ONE_BIN, share=100 * fullest))
    return tuple(told)

"""Minutes that the elderly take to finish over those of the younger, with the end of the data allowed for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from audits.comparisons.elderly_stages import ByAge
from audits.evidence.funnel import TIME_EDGES
from audits.measuring import POWER, bounded, number
from audits.record import Measurement, Point
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.statistics.completion_times import CompletionTimes, TimesRatio

_MOST_TIMELESS = 0.05
_TIMELESS = template(
    "the times of {share:.1f} % of the persons who started are not known, and they are left out of the time taken"
)
_METHOD = said("mean minutes by Kaplan-Meier jumps, delta method on the logarithm")
_NOBODY = template("no person of '{label}' has a known time")


def time_taken(by_age: ByAge, measure: str, started: int) -> Measurement:
    """Mean minutes from ``started`` to the end of those who finish, older over younger."""
    import numpy as np

    from audits.statistics.completion_times import bands_seen, completion_times, ratio_of_times

    nothing = replace(by_age.nothing(measure), method=_METHOD)
    counts = {label: _Counts(by_age, label) for label in (*by_age.labels, None)}
    older, younger = (counts[label] for label in by_age.labels)
    for label in by_age.labels:
        if not counts[label].persons:
            return replace(nothing, reason=said(_NOBODY, label=label))
    bands = bands_seen(np.add(older.done, younger.done), np.add(older.cut, younger.cut))
    one, zero = (completion_times(part.done, part.minutes, part.cut, TIME_EDGES, bands) for part in (older, younger))
    found = ratio_of_times(one, zero)
    shared = replace(
        nothing, n=older.persons + younger.persons, counts={
            **nothing.counts, "group_started": older.persons, "group_finished": one.finishers,
            "reference_started": younger.persons, "reference_finished": zero.finishers,
        }, details=_details(one, zero, bands),
        points=tuple(_points(by_age, (one, zero))),
    )  # fmt: skip
    figure = replace(shared, reason=found.caveat.reason) if found.caveat else _figure(shared, found)
    return _with_timeless(by_age.told(figure, counts[None].persons), by_age, started, counts)


class _Counts:
    """Persons of one label by band."""

    def __init__(self, by_age: ByAge, label: str | None) -> None:
        size = len(TIME_EDGES) + 1
        self.done, self.cut, self.minutes = [0] * size, [0] * size, [0.0] * size
        for cell in by_age.funnel.times.get(by_age.attribute, ()):
            if cell.label == label:
                (self.done if cell.done else self.cut)[cell.band] += cell.persons
                self.minutes[cell.band] += cell.minutes if cell.done else 0.0

    @property
    def persons(self) -> int:
        return sum(self.done) + sum(self.cut)


def _figure(shared: Measurement, found: TimesRatio) -> Measurement:
    from math import exp

    from scipy.special import stdtrit

    level = shared.level
    reach = (float(stdtrit(found.freedom, 0.5 + level / 2)) + float(stdtrit(found.freedom, POWER))) * found.error
    return replace(
        shared, estimate=found.estimate, standard_error=found.error, p_value=number(found.p_value),
        mde=exp(reach) - 1, **bounded(found.interval, level),
    )  # fmt: skip


def _details(one: CompletionTimes, zero: CompletionTimes, bands: int) -> dict[str, float]:
    found = {"horizon_minutes": float(TIME_EDGES[bands - 1])} if bands else {}
    for who, times in (("group", one), ("reference", zero)):
        if times.finishers:
            found |= {f"{who}_mean_minutes": times.mean, f"{who}_worth": times.worth}
        if bands:
            found[f"{who}_finished_share"] = float(times.share[-1])
    return found


def _points(by_age: ByAge, both: tuple[CompletionTimes, CompletionTimes]) -> Iterator[Point]:
    """Shares who have finished by each edge at which anybody does, with intervals on the log-log scale.

    Kalbfleisch and Prentice (1980), The Statistical Analysis of Failure Time Data, 1.3.
    """
    from math import exp, log

    from audits.statistics.ladder import critical

    z = critical(by_age.level)
    for label, times in zip(by_age.labels, both, strict=True):
        for place, edge in enumerate(TIME_EDGES[: len(times.share)]):
            share, error = float(times.share[place]), float(times.share_error[place])
            if not any(other.finished[place] for other in both) or not 0 < share < 1:
                continue
            left = 1 - share
            stretch = exp(z * error / (left * -log(left)))
            n = round(float(times.at_risk[place]))
            yield Point(label, float(edge), share, 1 - left ** (1 / stretch), 1 - left**stretch, n)


def _with_timeless(figure: Measurement, by_age: ByAge, started: int, counts: dict[Any, _Counts]) -> Measurement:
    """Whoever passed both stages without times takes no part: told, and beyond a few no all-clear."""
    whole = by_age.funnel.looked_at(by_age.attribute, started)
    lost = whole - sum(part.persons for part in counts.values())
    figure = replace(figure, counts={**figure.counts, "without_times": max(lost, 0)})
    if figure.estimate is None or lost <= _MOST_TIMELESS * whole:
        return figure
    told = said(_TIMELESS, share=100 * lost / whole)
    return replace(figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told))

"""With what device, network, help or part of the day a group is lost at the stage that costs it most."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from audits.comparisons.funnel_stages import nothing
from audits.comparisons.funnel_ways import Ways
from audits.evidence.funnel import HOUR, Funnel, LossCell
from audits.measuring import bounded_at_once
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.contract import Funnel as Declared
from checks.sentence import Sentence, said, template

LOSS = "stage_loss_share"
MOST_VALUES = 12
_MOST_UNKNOWN, _TIMES_AS_OFTEN = 0.05, 2
SEGMENT = template("{stage} · {dimension} {value}")
DIMENSIONS = {
    "device": template("device"), "network": template("network"), "assisted": template("assisted"),
    HOUR: template("hour"),
}  # fmt: skip
_VALUES = {"assisted": {"yes": template("yes"), "no": template("no")}}
_UNKNOWN = said("unknown")
_NOWHERE = template("the persons of {label} pass no stage less often than those of {reference}")
_NOBODY = template("nobody of {label} or of {reference} came to any stage")
_STOPPED = template("nobody of {label} passed '{stage}', so that no stage can be told to cost {other} most")
_CHECK = said("see whether the names of the events, or the flags, under 'funnel' are those of the data")
_BEFORE = template("most of {label} is lost at '{stage}', before anything is known of a device")
_MORE = template("{dimension} has {values} values at '{stage}', of which those with the most persons are shown")
_REFUSED = template("'{column}' has too many labels to be told apart")
_HOURLESS = template(
    "at '{stage}' the hour is not known of {lost:.1f} % of those who were lost there and of {passed:.1f} % of those "
    "who passed it, so that it would tell who passed and not when"
)
_TIME = said("name the 'time' at which a person was first seen, or a time of an earlier stage")
_NO_DIMENSION = said("the funnel names no device, network or help, and no time")
_NAME = said("name the columns 'device', 'network' or 'assisted' under 'funnel'")
_READ = said("read the ratios of the stages alone")
_GROUP = said("group the labels of the column in the source or in a 'query'")


def costliest_stage(ways: Ways, label: str) -> int | None:
    """The place of the stage in the data whose ratio is the lowest, below 1; None where there is none."""
    mine, theirs = ways.passed(label), ways.passed(ways.reference)
    logs = {}
    for k in range(1, len(mine)):
        if mine[k - 1] and theirs[k]:
            ratio = (mine[k] / mine[k - 1]) / (theirs[k] / theirs[k - 1])
            logs[k] = math.log(ratio) if ratio else -math.inf
    lowest = min(logs, key=lambda k: logs[k], default=None)
    return lowest if lowest is not None and logs[lowest] < 0 else None


def costliest_within(ways: Ways, adjusted: Iterable[Measurement]) -> int | None:
    """The same of ratios within strata."""
    known = {one.segment: one.estimate for one in adjusted if one.estimate is not None and one.segment in ways.stages}
    lowest = min(known, key=lambda stage: known[stage], default=None)
    return ways.stages.index(lowest) if lowest is not None and known[lowest] < 1 else None


def loss_shares(
    question: str, funnel: Funnel, ways: Ways, label: str, adjusted: Iterable[Measurement], level: float
) -> tuple[list[Measurement], list[NotAnswered]]:
    """Of the group's persons who came to its costliest stage, the share lost there, by value of each dimension.

    The costliest as persons stand, and the costliest within strata where that is another.
    """
    if not funnel.losses.get(ways.attribute):
        return [], []
    found = (costliest_stage(ways, label), costliest_within(ways, adjusted))
    places = dict.fromkeys(place for place in found if place is not None)
    if not places:
        return [], [_nowhere(question, ways, label)]
    figures: list[Measurement] = []
    missing: list[NotAnswered] = []
    for place in places:
        own, lacking = losses_at(question, funnel, ways, label, place, level)
        figures += own
        missing += lacking
    return figures, missing


def _nowhere(question: str, ways: Ways, label: str) -> NotAnswered:
    """Why no stage costs the group most: it is never behind, or nobody is there who could be compared."""
    mine, theirs = ways.passed(label), ways.passed(ways.reference)
    if not mine[0] and not theirs[0]:
        return NotAnswered(f"{question}: {LOSS}", said(_NOBODY, label=label, reference=ways.reference), _CHECK)
    if mine[0] and theirs[1]:
        return NotAnswered(f"{question}: {LOSS}", said(_NOWHERE, label=label, reference=ways.reference), _READ)
    who, place = (ways.reference, 1 if theirs[0] else 0) if mine[0] else (label, 0)
    told = said(_STOPPED, label=who, stage=ways.stages[place], other=label)
    return NotAnswered(f"{question}: {LOSS}", told, _CHECK)


def losses_at(
    question: str, funnel: Funnel, ways: Ways, label: str, place: int, level: float
) -> tuple[list[Measurement], list[NotAnswered]]:
    """Shares lost at the stage of this place, by value of each dimension."""
    figures: list[Measurement] = []
    missing: list[NotAnswered] = []
    for name, cells in funnel.losses[ways.attribute].items():
        by_value = _came(cells, label, ways.reference, place)
        if name == HOUR and (why := _tells_who_passed(by_value, ways.stages[place])) is not None:
            missing.append(NotAnswered(f"{question}: {LOSS}", why, _TIME))
            continue
        shown = sorted((one for one in by_value if by_value[one][1]), key=lambda one: (-by_value[one][1], str(one)))
        if len(shown) > MOST_VALUES:
            told = said(_MORE, dimension=dimension_words(name), values=len(shown), stage=ways.stages[place])
            missing.append(NotAnswered(f"{question}: {LOSS}", told, _GROUP))
        blank = nothing(question, LOSS, ways, label, level)
        for value in shown[:MOST_VALUES]:
            segment = segment_of(ways.stages[place], name, value)
            figure = share_lost(replace(blank, segment=segment, equality=None), by_value[value])
            figures.append(_of_all(figure, funnel.sampled))
    return figures, missing


def _of_all(figure: Measurement, sampled: int) -> Measurement:
    """The persons lost above the reference's share as many as there are in all, where some were looked at."""
    if sampled == 1 or "excess_persons" not in figure.details:
        return figure
    return replace(figure, details={**figure.details, "excess_persons": sampled * figure.details["excess_persons"]})


def _tells_who_passed(by_value: dict[str | None, tuple[int, int, int, int]], stage: str) -> Sentence | None:
    """Why hours are no figure here: those who were lost have none, since only who went on has a time."""
    rows = [(value is None, row[0] + row[2], row[1] + row[3]) for value, row in by_value.items()]
    lost, came = (sum(row[i] for row in rows) for i in (1, 2))
    nameless, of = (sum(row[i] for row in rows if row[0]) for i in (1, 2))
    if not lost or nameless <= _MOST_UNKNOWN * lost:
        return None
    passed = (of - nameless) / (came - lost) if came > lost else 0.0
    if nameless <= _TIMES_AS_OFTEN * passed * lost:
        return None
    return said(_HOURLESS, stage=stage, lost=100 * nameless / lost, passed=100 * passed)


def before_the_data(question: str, ways: Ways, label: str, stage: str) -> NotAnswered:
    """That most is lost before there are data of a device."""
    return NotAnswered(f"{question}: {LOSS}", said(_BEFORE, label=label, stage=stage), _READ)


def undeclared_dimensions(
    question: str, funnel: Funnel, declared: Declared, contract: DataContract
) -> Iterator[NotAnswered]:
    """What the contract or the data keep from being told apart."""
    if not any(funnel.losses.values()) and not declared.dimensions and not contract.time:
        yield NotAnswered(f"{question}: {LOSS}", _NO_DIMENSION, _NAME)
    for column in declared.dimensions.values():
        if column in funnel.refused:
            yield NotAnswered(f"{question}: {LOSS}", said(_REFUSED, column=column), _GROUP)


def dimension_words(name: str) -> Sentence:
    """The dimension, to be said in another language too."""
    return Sentence(DIMENSIONS[name])


def segment_of(stage: str, dimension: str, value: str | None) -> Sentence:
    """The segment of a share: the stage, the dimension and its value."""
    words = _VALUES.get(dimension, {}).get(value or "")
    told: str = _UNKNOWN if value is None else said(words) if words else value
    return said(SEGMENT, stage=stage, dimension=dimension_words(dimension), value=told)


def _came(
    cells: Iterable[LossCell], label: str, reference: str, place: int
) -> dict[str | None, tuple[int, int, int, int]]:
    """Value → lost and came, of the group and then of the reference."""
    found: dict[str | None, list[int]] = {}
    for cell in cells:
        if cell.furthest < place - 1 or cell.label not in (label, reference):
            continue
        row = found.setdefault(cell.value, [0, 0, 0, 0])
        at = 0 if cell.label == label else 2
        row[at] += cell.persons * (cell.furthest == place - 1)
        row[at + 1] += cell.persons
    return {value: (row[0], row[1], row[2], row[3]) for value, row in found.items()}


def share_lost(shared: Measurement, row: tuple[int, int, int, int]) -> Measurement:
    """The share lost with Wilson's interval, the reference's beside it, and the persons lost above that share."""
    from audits.statistics.proportions import score_interval_rate

    lost, came, other, others = row
    counts = {"group_lost": lost, "group_came": came, "reference_lost": other, "reference_came": others}
    told = {"reference_share": other / others, "excess_persons": lost - came * other / others} if others else {}

    def at(asked: Any) -> tuple[object, object]:
        found = score_interval_rate(lost, came, asked)
        return found.low, found.high

    return replace(
        shared, estimate=lost / came, n=came, counts=counts, details=told,
        method=score_interval_rate(lost, came, shared.level).method, **bounded_at_once(at, shared.level),
    )  # fmt: skip

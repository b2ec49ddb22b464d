"""Where a group is lost on its way, as persons stand: the ratio of each stage, and of the way from entry to end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audits.comparisons.funnel_ways import Ways
from audits.measuring import POWER, bounded_at_once, item, number, within
from audits.record import Measurement
from checks.sentence import Sentence, said, template

STAGE, WHOLE, REACH = "stage_ratio", "cumulative_ratio", "population_reach_share"
_TESTED = template("{interval} interval, {test} p-value")
_AT_ONCE = template("{how}; all {n} stages of the way at once")
_FROM_FIRST = template("{how}; counted from those who passed '{stage}', as it is not known how many could be reached")
_FROM_PEOPLE = template("{how}; counted from the people who could be reached")
_LOST = template("{how}; most is lost at '{stage}'")
_AHEAD = template("{how}; the group is ahead most at '{stage}'")
NOBODY_CAME = template("nobody of '{label}' came so far, so that there is no share who pass")
_NOBODY_PASSED = template("nobody of the reference group '{reference}' passed: there is no ratio")
TOO_FEW = template(
    "{reached:,} persons of '{label}' were reached and the table has {people:,} people: it is too old, or of another "
    "place or definition"
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One group against the reference along ``stages``: persons before the first of them and after each.

    ``from_people``: those before are the people who could be reached.
    """

    stages: tuple[str, ...]
    group: tuple[int, ...]
    reference: tuple[int, ...]
    from_people: bool


def flow_of(ways: Ways, label: str) -> Flow:
    """From the people of the table where it has both groups, else from those who passed the first stage."""
    mine, theirs = ways.passed(label), ways.passed(ways.reference)
    entry = ways.usable_entry(label)
    if entry is None:
        return Flow(ways.stages[1:], mine, theirs, False)
    return Flow(ways.stages, (entry[0], *mine), (entry[1], *theirs), True)


def nothing(question: str, measure: str, ways: Ways, label: str, level: float, segment: str = "all") -> Measurement:
    """A compared figure without an estimate."""
    return Measurement(
        question=question, measure=measure, attribute=ways.attribute, group=label, reference=ways.reference,
        estimate=None, low=None, high=None, level=level, n=0, method=said("none"), source=said("counts of persons"),
        segment=segment, equality=1.0,
    )  # fmt: skip


def stage_ratios(question: str, ways: Ways, label: str, level: float) -> Iterator[Measurement]:
    """A ratio for each stage, and of reaching people where a table has more reached than people, why there is none.

    Their intervals hold all stages of the way at once; those of each alone are ``pointwise_low`` and ``_high``.
    """
    from audits.statistics.funnel_ratios import funnel_ratios, stage_intervals

    flow = flow_of(ways, label)
    if over := ways.too_few_people(label):
        why = said(TOO_FEW, reached=ways.passed(over)[0], label=over, people=ways.people[over])
        yield replace(nothing(question, STAGE, ways, label, level, ways.stages[0]), reason=why)
    found = funnel_ratios(flow.group, flow.reference)
    alone = stage_intervals(flow.group, flow.reference, level)
    for k, stage in enumerate(flow.stages):
        pair = flow.group[k + 1], flow.group[k], flow.reference[k + 1], flow.reference[k]
        figure = compared(nothing(question, STAGE, ways, label, level, stage), pair, len(flow.stages))
        told = {
            "log_ratio": found.logs[k], "share_of_log_ratio": found.shares[k], "pointwise_low": alone.low[k],
            "pointwise_high": alone.high[k],
        }  # fmt: skip
        yield replace(figure, details={**figure.details, **finite(told)})


def cumulative(question: str, ways: Ways, label: str, level: float) -> Measurement:
    """The ratio of the whole way. Its method names the stage that costs most where the interval excludes 1.

    Where it begins with the people, ``ratio_from_first_stage`` is that of those who passed the first stage.
    """
    from audits.statistics.funnel_ratios import funnel_ratios

    flow = flow_of(ways, label)
    pair = flow.group[-1], flow.group[0], flow.reference[-1], flow.reference[0]
    figure = compared(nothing(question, WHOLE, ways, label, level), pair)
    how = said(_FROM_PEOPLE, how=figure.method) if flow.from_people else (
        said(_FROM_FIRST, how=figure.method, stage=ways.stages[0])
    )  # fmt: skip
    if figure.estimate is None:
        return replace(figure, method=how)
    found = funnel_ratios(flow.group, flow.reference)
    told = {"log_ratio": math.log(found.total) if found.total > 0 else -math.inf, "stages": len(flow.stages)}
    told |= {"ratio_from_first_stage": _from_first(flow)} if flow.from_people else {}
    k = found.costliest
    if k is not None and not (figure.low or 0.0) <= 1 <= (math.inf if figure.high is None else figure.high):
        told |= {
            "costliest_stage": ways.stages.index(flow.stages[k]) + 1, "costliest_ratio": found.ratios[k],
            "costliest_share_of_log_ratio": found.shares[k],
        }  # fmt: skip
        how = said(_LOST if found.total < 1 else _AHEAD, how=how, stage=flow.stages[k])
    return replace(figure, method=how, details={**figure.details, **finite(told)})


def _from_first(flow: Flow) -> float:
    """The ratio of the way after the people: from those who passed the first stage to the last."""
    came, others = flow.group[1], flow.reference[1]
    return (flow.group[-1] / came) / (flow.reference[-1] / others) if came and flow.reference[-1] else math.nan


def compared(shared: Measurement, pair: Sequence[int], stages: int = 1) -> Measurement:
    """The ratio of two shares with its score interval; ``pair``: passed and came, of the group and of the reference.

    Of several ``stages`` interval, p-value and detectable ratio allow for all of them (Šidák 1967, JASA 62:626–633).
    """
    from audits.statistics.detectable_effect import minimum_detectable_ratio
    from audits.statistics.funnel_ratios import sidak_level, sidak_p_value
    from audits.statistics.proportions import equality_p_value
    from audits.statistics.ratio_interval import ratio_interval

    x1, n1, x0, n0 = pair
    counts = {"group_favourable": x1, "group_decided": n1, "reference_favourable": x0, "reference_decided": n0}
    shared = replace(shared, n=n1 + n0, counts={**shared.counts, **counts})
    if not n1 or not n0:
        return replace(shared, reason=said(NOBODY_CAME, label=shared.reference if n1 else shared.group))
    level, test = sidak_level(shared.level, stages), equality_p_value(x1, n1, x0, n0)
    mde = within(1 - float(minimum_detectable_ratio(x0 / n0, n1, n0, level, POWER).below), 1.0) if x0 else None
    p_value = number(test.p_value)
    how = said(_TESTED, interval=ratio_interval(x1, n1, x0, n0, level).method, test=item(test.method))
    return replace(
        shared, estimate=(x1 / n1) / (x0 / n0) if x0 else None, mde=mde, corrected=stages > 1,
        p_value=None if p_value is None else sidak_p_value(p_value, stages),
        reason=None if x0 else said(_NOBODY_PASSED, reference=shared.reference), method=at_once(how, stages),
        details={**shared.details, "group_share": x1 / n1, "reference_share": x0 / n0},
        **bounded_at_once(lambda at: _ends(ratio_interval(x1, n1, x0, n0, sidak_level(at, stages))), shared.level),
    )  # fmt: skip


def at_once(how: str, stages: int) -> str:
    """A method, and that its interval holds all stages of the way together."""
    return said(_AT_ONCE, how=how, n=stages) if stages > 1 else how


def reach_shares(question: str, ways: Ways, level: float) -> Iterator[Measurement]:
    """Share of the people of each group who passed the first stage, with Wilson's interval."""
    from audits.statistics.proportions import score_interval_rate

    for label in (*ways.others, ways.reference):
        people, reached = ways.people.get(label), ways.passed(label)[0]
        if people is None:
            continue
        shared = replace(
            nothing(question, REACH, ways, label, level), reference=None, equality=None, n=people,
            counts={"favourable": reached, "decided": people}, source=said("counts of persons, table of people"),
        )  # fmt: skip
        if reached > people:
            yield replace(shared, reason=said(TOO_FEW, reached=reached, label=label, people=people))
            continue
        method = score_interval_rate(reached, people, level).method
        ends = bounded_at_once(_rate_at(reached, people), level)
        yield replace(shared, estimate=reached / people, method=method, **ends)


def _rate_at(x: int, n: int) -> Callable[[Any], tuple[object, object]]:
    from audits.statistics.proportions import score_interval_rate

    return lambda at: _ends(score_interval_rate(x, n, at))


def with_doubts(figure: Measurement, cautions: Sequence[Sentence], unseen: Sequence[Sentence]) -> Measurement:
    """The figure, where there is one, with what must be known and what it cannot see."""
    if figure.estimate is None:
        return figure
    return replace(figure, cautions=(*figure.cautions, *cautions), unseen=(*figure.unseen, *unseen))


def finite(values: dict[str, Any]) -> dict[str, float]:
    """Those that are numbers and not infinite."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _ends(interval: Any) -> tuple[object, object]:
    return interval.low, interval.high

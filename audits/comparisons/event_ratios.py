"""Shares of loans to which something happened, and the ratio of a group's share to that of its reference.

Shares have Wilson's interval, ratios as the rows stand the score interval of ``audits.statistics.ratio_interval``, both
of effective counts where loans of one entity depend on each other. Where strata are declared the ratio is that of
Mantel and Haenszel within them, by entity ``audits.statistics.clustered_risk_ratio``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp
from typing import Any

from audits.comparisons.event_rates import EventRate, EventTable
from audits.comparisons.rates import ENTITIES, MOST_LOST
from audits.measuring import POWER, bounded, bounded_at_once, item, number, within
from audits.record import Measurement, Point
from checks.sentence import Sentence, said, template

_MOST_ALONE = 0.05
_OUTCOMES = 10
_DIFFERENT = 0.01
_NOBODY = said("no loan is known to have had this happen or not")
_NO_REFERENCE = template("no loan of the reference group '{reference}' is known to have had this happen or not")
_NONE_THERE = template("this happened to no loan of the reference group '{reference}': there is no ratio")
_ALONE = template("{share:.1f} % of {label} are in strata without anybody of {reference}")
_SCARCE = template(
    "in strata that hold both groups, one of the two has only {scarce} loans of its rarer kind, and an interval to "
    "rely on needs {needed}"
)
_FEW = template("one of the two groups consists of only {fewest} entities, and errors within strata need {needed}")
_UNLIKE = template("the strata do not share one odds ratio (p = {p:.2g}): one figure averages over them")
_UNLABELLED = template("{attribute} is not known for {share:.1f} % of the loans, which are left out here")
_UNKNOWN = template("of {share:.1f} % of the loans it is not known whether this happened")
_ADRIFT = template("{share:.1f} % of all rows name no {entity}")
_TESTED = template("{interval} interval, {test} p-value")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figure of which question: its names, level, and the columns of the strata within which groups compare."""

    question: str
    measure: str
    level: float
    attribute: str | None = None
    reference: str | None = None
    strata: tuple[str, ...] = ()


def share_figure(asked: Asked, table: EventTable, label: str | None = None) -> Measurement:
    """The share of a group's loans, or of all, to which it happened."""
    from audits.statistics.proportions import score_interval_rate

    found = table.rate({"label": label} if label is not None else None)
    shared = _nothing(asked, label, found.rows if found else 0)
    if found is None or found.reason:
        return replace(shared, reference=None, reason=found.reason if found else _NOBODY)
    with table.counting():
        interval = score_interval_rate(found.x, found.n, asked.level)
        bounds = bounded_at_once(lambda at: _ends(score_interval_rate(found.x, found.n, at)), asked.level)
    return replace(
        shared, reference=None, estimate=found.rate, counts=_counts(found, table, ""), unseen=lost(table),
        method=_with(interval.method, table), **bounds,
    )  # fmt: skip


def ratio_figure(asked: Asked, table: EventTable, label: str, by_strata: EventTable | None = None) -> Measurement:
    """A group's share over its reference's, or the reason why there is none.

    ``by_strata`` holds the same loans with the strata as keys, where there are any.
    """
    one, zero = table.rate({"label": label}), table.rate({"label": asked.reference})
    shared = replace(
        _nothing(asked, label, sum(found.rows for found in (one, zero) if found)),
        reference=asked.reference,
        equality=1.0,
    )
    if one is None or zero is None:
        return replace(shared, reason=said(_NO_REFERENCE, reference=asked.reference) if zero is None else _NOBODY)
    if one.reason or zero.reason:
        return replace(shared, reason=one.reason or zero.reason)
    told = _unlabelled(asked, table)
    shared = replace(
        shared, counts={**_counts(one, table, "group_"), **_counts(zero, table, "reference_")},
        unseen=(*told, *lost(table)), cautions=(*told, *_adrift(table)),
        details={"group_share": one.rate, "reference_share": zero.rate},
    )  # fmt: skip
    if by_strata is not None:
        return _within_strata(shared, asked, by_strata, label, min(one.entities, zero.entities))
    return _as_they_stand(shared, table, one, zero)


def points_of(table: EventTable, place: int, x_of: Any, group: str, level: float) -> tuple[Point, ...]:
    """The share by the values of a key (its ``place`` among the keys), at ``x_of`` each, in order."""
    from audits.statistics.proportions import score_interval_rate

    found = []
    values = sorted({one.keys[place] for one in table.cells} - {None}, key=str)
    with table.counting():
        for value in values:
            own = replace(table, cells=tuple(
                one if one.keys[place] == value else replace(one, event=None) for one in table.cells
            ))  # fmt: skip
            rate = own.rate()
            if rate is None or rate.reason or rate.n <= 0:
                continue
            ends = score_interval_rate(rate.x, rate.n, level)
            found.append(Point(group, x_of(value), rate.rate, float(ends.low), float(ends.high), rate.rows))
    return tuple(found)


def lost(table: EventTable) -> tuple[Sentence, ...]:
    """That more than a few loans have no known event, and rows no entity."""
    known = sum(one.rows for one in table.cells if one.event is not None)
    unknown = table.unknown() + table.unsure
    told = (said(_UNKNOWN, share=100 * unknown / (known + unknown)),) if unknown > MOST_LOST * (known + unknown) else ()
    return (*told, *_adrift(table))


def _adrift(table: EventTable) -> tuple[Sentence, ...]:
    if table.adrift <= MOST_LOST:
        return ()
    return (said(_ADRIFT, share=100 * table.adrift, entity=table.entity),)


def _unlabelled(asked: Asked, table: EventTable) -> tuple[Sentence, ...]:
    known = sum(one.rows for one in table.cells if one.event is not None)
    share = table.unlabelled() / known if known else 0.0
    return (said(_UNLABELLED, attribute=asked.attribute, share=100 * share),) if share > MOST_LOST else ()


def _nothing(asked: Asked, label: str | None, rows: int) -> Measurement:
    return Measurement(
        question=asked.question, measure=asked.measure, attribute=asked.attribute, group=label, reference=None,
        estimate=None, low=None, high=None, level=asked.level, n=rows, method=said("none"), source=said("cells"),
    )  # fmt: skip


def _counts(found: EventRate, table: EventTable, whose: str) -> dict[str, int]:
    counts = {f"{whose}cases": found.events, f"{whose}loans": found.rows}
    return counts | ({f"{whose}entities_at_least": found.entities} if table.products is not None else {})


def _with(method: str, table: EventTable) -> str:
    return said("{method}; {how}", method=method, how=table.how) if table.how else method


def _ends(interval: Any) -> tuple[object, object]:
    return interval.low, interval.high


def _as_they_stand(shared: Measurement, table: EventTable, one: EventRate, zero: EventRate) -> Measurement:
    from audits.statistics import proportions
    from audits.statistics.detectable_effect import minimum_detectable_rates
    from audits.statistics.ratio_interval import ratio_interval

    pair = (one.x, one.n, zero.x, zero.n)
    test_of = proportions.equality_p_value if table.products is None else proportions.score_p_value
    with table.counting():
        test, interval = test_of(*pair), ratio_interval(*pair, shared.level)
        bounds = bounded_at_once(lambda at: _ends(ratio_interval(*pair, at)), shared.level)
    p0 = zero.rate
    most = minimum_detectable_rates(p0, max(1, round(one.n)), max(1, round(zero.n)), shared.level, POWER).above
    departure = number(most)
    return replace(
        shared, estimate=one.rate / p0 if p0 else None, p_value=number(test.p_value),
        mde=within(departure / p0 - 1, 1 / p0 - 1) if p0 and departure is not None else None,
        method=_with(said(_TESTED, interval=interval.method, test=item(test.method)), table),
        reason=None if p0 else said(_NONE_THERE, reference=shared.reference), **bounds,
    )  # fmt: skip


def _within_strata(shared: Measurement, asked: Asked, table: EventTable, label: str, fewest: int) -> Measurement:
    import numpy as np

    from audits.statistics import mantel_haenszel as mh
    from audits.statistics.clustered_risk_ratio import clustered_risk_ratio
    from audits.statistics.ladder import critical

    strata = sorted({one.keys[: len(asked.strata)] for one in table.cells},
                    key=lambda key: tuple((part is None, part or "") for part in key))  # fmt: skip
    counts = np.zeros((len(strata), 4))
    places = {key: i for i, key in enumerate(strata)}
    slots = [_slot(one, label, asked.reference) for one in table.cells]
    for one, slot in zip(table.cells, slots, strict=True):
        if slot is not None:
            counts[places[one.keys[: len(asked.strata)]], slot] += one.rows
    x1, n1, x0, n0 = counts[:, 0], counts[:, :2].sum(axis=1), counts[:, 2], counts[:, 2:].sum(axis=1)
    both = (n1 > 0) & (n0 > 0)
    alone = 1 - float(n1[both].sum() / n1.sum())
    told = said(_ALONE, share=100 * alone, label=label, reference=asked.reference)
    shared = replace(
        shared, counts={**shared.counts, "strata": len(strata), "group_alone": round(alone * n1.sum())},
        unseen=(*shared.unseen, *((told,) if alone > _MOST_ALONE else ())),
        source=said("cells by {names}", names=", ".join(asked.strata)),
    )  # fmt: skip
    scarce = int(min(counts[both].sum(axis=0), default=0))
    if scarce < _OUTCOMES:
        return replace(shared, reason=said(_SCARCE, scarce=scarce, needed=_OUTCOMES))
    products = None
    if table.products is not None:
        if fewest < ENTITIES:
            return replace(shared, reason=said(_FEW, fewest=fewest, needed=ENTITIES))
        where = np.zeros((len(table.cells), counts.size))
        for i, (one, slot) in enumerate(zip(table.cells, slots, strict=True)):
            if slot is not None:
                where[i, 4 * places[one.keys[: len(asked.strata)]] + slot] = 1.0
        products = where.T @ np.asarray(table.products) @ where / (1 - table.adrift)
    found = clustered_risk_ratio(x1, n1, x0, n0, products, fewest)
    details, cautions = dict(shared.details), shared.cautions
    alike = number(mh.breslow_day_tarone_test(x1, n1, x0, n0).p_value) if products is None else None
    if alike is not None:
        details["homogeneity_p"] = alike
        cautions += (said(_UNLIKE, p=alike),) if alike < _DIFFERENT else ()
    if products is not None:
        details["design_effect"] = found.design_effect
    estimate, error = number(found.estimate), number(found.error)
    raw = (
        shared.details["group_share"] / shared.details["reference_share"] if shared.details["reference_share"] else None
    )
    details |= {"raw_ratio": raw} if raw is not None else {}
    method = said("Mantel-Haenszel risk ratio, Greenland-Robins errors")
    if products is not None:
        method = said("{method}, times a design effect over {entity}", method=method, entity=table.entity)
    return replace(
        shared, estimate=estimate, standard_error=error, p_value=number(found.p_value), method=method, details=details,
        cautions=cautions, mde=exp((critical(shared.level) + critical(2 * POWER - 1)) * error) - 1 if error else None,
        reason=said("no stratum compares the two groups") if estimate is None else None,
        **bounded(lambda at: found.interval(at), shared.level),
    )  # fmt: skip


def _slot(one: Any, label: str, reference: str | None) -> int | None:
    """Which of a stratum's four cells a cell belongs to: events and others of the group, then of the reference."""
    if one.event is None or one.label not in (label, reference):
        return None
    return (0 if one.label == label else 2) + (0 if one.event else 1)

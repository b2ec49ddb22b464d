"""A group's share of persons over that of its reference, from counts: as they stand, and within strata.

As they stand the interval inverts the score test (``audits.statistics.ratio_interval``); within strata it is the ratio
of Mantel and Haenszel with the errors of Greenland and Robins (``audits.statistics.mantel_haenszel``). Persons are
independent of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp
from typing import Any

from audits.measuring import POWER, bounded, bounded_at_once, item, number, within
from audits.record import Measurement
from checks.sentence import said, template

Pair = tuple[int, int, int, int]
"""Of the group and then of its reference: the persons who did, and those of whom it is asked."""
Table = Mapping[tuple[str | None, ...], Pair]

_MOST_ALONE = 0.05
_OUTCOMES = 10  # persons of the rarer kind in either group, below which the errors within strata are too small
_DIFFERENT = 0.01
_EMPTY = template("no person of '{label}' is among those of whom a share is asked")
_NONE = template("the share of the reference group '{reference}' is 0: there is no ratio")
_TESTED = template("{interval} interval, {test} p-value")
_ALONE = template("{share:.1f} % of {label} are in strata without anybody of {reference}")
_SCARCE = template(
    "in strata that hold both groups, one of the two has only {scarce} persons of its rarer kind, and an interval to "
    "rely on needs {needed}"
)
_UNLIKE = template("the strata do not share one odds ratio (p = {p:.2g}): one figure averages over them")


def share_ratio(nothing: Measurement, pair: Pair, did: str, asked: str, harm: int) -> Measurement:
    """The ratio with its counts, named by what persons ``did`` and of whom it was ``asked``, or why there is none.

    ``nothing`` is the figure without an estimate; ``harm`` is −1 where a lower share is the harm, 1 where a higher is.
    """
    from audits.statistics.proportions import equality_p_value
    from audits.statistics.ratio_interval import ratio_interval

    shared = _with_counts(nothing, pair, did, asked)
    if why := _reason(shared, pair):
        return replace(shared, reason=why)
    x1, n1, x0, n0 = pair
    interval, test = ratio_interval(*pair, shared.level), equality_p_value(*pair)
    return replace(
        shared, estimate=(x1 / n1) / (x0 / n0), p_value=number(test.p_value), mde=_detectable(pair, shared.level, harm),
        method=said(_TESTED, interval=interval.method, test=item(test.method)),
        details={**shared.details, "group_share": x1 / n1, "reference_share": x0 / n0},
        **bounded_at_once(lambda at: _ends(ratio_interval(*pair, at)), shared.level),
    )  # fmt: skip


def share_ratio_within(nothing: Measurement, table: Table, did: str, asked: str, harm: int) -> Measurement:
    """The same within strata: ``table`` maps each to its pair."""
    from audits.statistics import mantel_haenszel as mh

    rows = list(table.values())
    whole = _added(rows)
    shared = _with_counts(nothing, whole, did, asked)
    if why := _reason(shared, whole):
        return replace(shared, reason=why)
    alone = sum(n1 for _, n1, _, n0 in rows if not n0)
    shared = replace(shared, counts={**shared.counts, "strata": len(rows), "group_alone": alone})
    if alone > _MOST_ALONE * whole[1]:
        told = said(_ALONE, share=100 * alone / whole[1], label=shared.group, reference=shared.reference)
        shared = replace(shared, unseen=(*shared.unseen, told))
    both = [(x1, n1 - x1, x0, n0 - x0) for x1, n1, x0, n0 in rows if n1 and n0]
    scarce = min((sum(column) for column in zip(*both, strict=True)), default=0)
    if scarce < _OUTCOMES:
        return replace(shared, reason=said(_SCARCE, scarce=scarce, needed=_OUTCOMES))
    x1, n1, x0, n0 = ([row[place] for row in rows] for place in range(4))
    found = mh.mantel_haenszel_risk_ratio(x1, n1, x0, n0, level=shared.level)
    estimate, error = number(found.estimate), number(found.standard_error)
    alike = number(mh.breslow_day_tarone_test(x1, n1, x0, n0).p_value)
    details = {**shared.details, "raw_ratio": (whole[0] / whole[1]) / (whole[2] / whole[3])}
    cautions = shared.cautions
    if alike is not None:
        details["homogeneity_p"] = alike
        cautions += (said(_UNLIKE, p=alike),) if alike < _DIFFERENT else ()
    return replace(
        shared, estimate=estimate, standard_error=error, details=details, cautions=cautions, method=found.method,
        p_value=number(mh.cochran_mantel_haenszel_test(x1, n1, x0, n0).p_value),
        mde=_detectable_within(error, shared.level, harm),
        reason=found.caveat.reason or said("no stratum compares the two groups") if estimate is None else None,
        **bounded(lambda at: _ends(mh.mantel_haenszel_risk_ratio(x1, n1, x0, n0, level=at)), shared.level),
    )  # fmt: skip


def _added(rows: Sequence[Pair]) -> Pair:
    """All strata together."""
    x1, n1, x0, n0 = (sum(row[place] for row in rows) for place in range(4))
    return x1, n1, x0, n0


def _with_counts(nothing: Measurement, pair: Pair, did: str, asked: str) -> Measurement:
    x1, n1, x0, n0 = pair
    counts = {f"group_{did}": x1, f"group_{asked}": n1, f"reference_{did}": x0, f"reference_{asked}": n0}
    return replace(nothing, n=n1 + n0, counts={**nothing.counts, **counts}, equality=1.0)


def _reason(figure: Measurement, pair: Pair) -> str | None:
    _, n1, x0, n0 = pair
    if not n1 or not n0:
        return said(_EMPTY, label=figure.group if not n1 else figure.reference)
    return None if x0 else said(_NONE, reference=figure.reference)


def _detectable(pair: Pair, level: float, harm: int) -> float | None:
    """Departure of the ratio from 1, on the side of harm, found with power .8; None where no share is so far off."""
    from audits.statistics.detectable_effect import minimum_detectable_ratio

    found = minimum_detectable_ratio(pair[2] / pair[3], pair[1], pair[3], level, POWER)
    if harm < 0:
        return within(1 - float(found.below), 1.0)
    return within(float(found.above) - 1, pair[3] / pair[2] - 1)


def _detectable_within(error: float | None, level: float, harm: int) -> float | None:
    from audits.statistics.ladder import critical

    if error is None or error <= 0:
        return None
    reach = (critical(level) + critical(2 * POWER - 1)) * error
    return 1 - exp(-reach) if harm < 0 else exp(reach) - 1


def _ends(interval: Any) -> tuple[object, object]:
    return interval.low, interval.high

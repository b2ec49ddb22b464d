"""One group against its reference within declared strata: what is left once like is compared with like?

Mantel and Haenszel (1959, JNCI 22:719–748) for the odds ratio, with errors of Robins, Breslow and Greenland (1986); the
common ratio (Greenland and Robins 1985) and gap (Sato 1989) of rates. Beside them a logit of the decision on the group
and the levels of every stratum, whose average effect of the group is again a gap in rates. A row whose stratum holds
nobody of the other group cannot be compared: above 5 % of the group, no figure passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from audits.comparisons.rates import GroupRates
from audits.comparisons.raw import NO_REFERENCE, counting
from audits.measuring import POWER, bounded, from_error, number
from audits.record import Measurement
from audits.statistics.ladder import critical
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.statistics.mantel_haenszel import StratifiedEstimate

MEASURES = ("stratified_odds_ratio", "stratified_risk_ratio", "stratified_approval_gap", "logit_approval_gap")
_MOST_ALONE = 0.05
_EVENLY = said("dependence within entities is spread evenly over the strata here, and may lie in one of them")
_MOST_LEVELS = 100
_OUTCOMES = 10  # below, the errors of Sato and others are too small: five of five gave a gap far from zero for sure
_DIFFERENT = 0.01  # p-value below which strata are said not to share one odds ratio
_ALONE = template("{share:.1f} % of {label} are in strata without anybody of {reference}")
_SCARCE = template(
    "in strata that hold both groups, one of the two has only {scarce:.3g} rows of its rarer decision, and an interval "
    "to rely on needs {needed}"
)
_UNLIKE = template("the strata do not share one odds ratio (p = {p:.2g}): one figure averages over them")
_TOO_MANY_LEVELS = template("the strata have more than {most} levels, too many for one regression")


def stratified(
    question: str, rates: GroupRates, columns: tuple[str, ...], label: str, level: float, clustered: bool
) -> list[Measurement]:
    """All figures within strata, or each with the reason why there is none."""
    one, zero = rates.groups[label], rates.groups.get(rates.reference)
    shared = Measurement(
        question=question, measure="", attribute=rates.attribute, group=label, reference=rates.reference, estimate=None,
        low=None, high=None, level=level, n=one.decided + (zero.decided if zero else 0), method=said("none"),
        source=said("cells by {names}", names=", ".join(columns)),
    )  # fmt: skip
    if zero is None:
        why = said(NO_REFERENCE, reference=rates.reference)
        return [replace(shared, measure=measure, reason=why) for measure in MEASURES]
    if one.reason or zero.reason:
        return [replace(shared, measure=measure, reason=one.reason or zero.reason) for measure in MEASURES]
    table = _table(rates, label)
    alone = _alone(table)
    told = said(_ALONE, share=100 * alone, label=label, reference=rates.reference)
    shared = replace(
        shared, counts={"strata": len(table), "group_alone": round(alone * one.decided)},
        unseen=(told,) if alone > _MOST_ALONE else (),
    )  # fmt: skip
    if clustered:  # one factor for all strata covers .83 where entities repeat in one stratum only (simulated)
        shared = replace(shared, cautions=(_EVENLY,), unseen=(*shared.unseen, _EVENLY))
    scarce = _scarcest(table)
    if scarce < _OUTCOMES:
        why = said(_SCARCE, scarce=scarce, needed=_OUTCOMES)
        return [replace(shared, measure=measure, reason=why) for measure in MEASURES]
    with counting(rates):
        return [*_mantel_haenszel(shared, rates, table, level), _logit(shared, table, level)]


Table = dict[tuple[str | None, ...], tuple[float, float, float, float]]


def _table(rates: GroupRates, label: str) -> Table:
    """Stratum → x1, n1, x0, n0, in the order of the strata's names."""
    mine, theirs = rates.strata.get(label, {}), rates.strata.get(rates.reference, {})
    keys = sorted({*mine, *theirs}, key=lambda key: tuple((part is None, part or "") for part in key))
    return {key: (*mine.get(key, (0.0, 0.0)), *theirs.get(key, (0.0, 0.0))) for key in keys}


def _alone(table: Table) -> float:
    """Share of the group in strata where nobody of the reference is."""
    total = sum(row[1] for row in table.values())
    return sum(row[1] for row in table.values() if row[3] == 0) / total if total else 1.0


def _scarcest(table: Table) -> float:
    """The smallest number of rows of either decision in either group, over strata that hold both groups."""
    shared = [row for row in table.values() if row[1] > 0 and row[3] > 0]
    sums = [sum(column) for column in zip(*((x1, n1 - x1, x0, n0 - x0) for x1, n1, x0, n0 in shared), strict=True)]
    return min(sums, default=0.0)


def _columns(table: Table) -> list[list[float]]:
    return [list(column) for column in zip(*table.values(), strict=True)]


def _mantel_haenszel(shared: Measurement, rates: GroupRates, table: Table, level: float) -> Iterator[Measurement]:
    from audits.statistics import mantel_haenszel as mh

    columns: Any = _columns(table)
    test = mh.cochran_mantel_haenszel_test(columns[0], columns[1], columns[2], columns[3])
    alike = mh.breslow_day_tarone_test(columns[0], columns[1], columns[2], columns[3])
    homogeneity = number(alike.p_value)
    details = {} if homogeneity is None else {"homogeneity_p": homogeneity}
    cautions = shared.cautions
    if homogeneity is not None and homogeneity < _DIFFERENT:
        cautions += (said(_UNLIKE, p=homogeneity),)
    shared = replace(shared, details=details, cautions=cautions, p_value=number(test.p_value))
    asked: tuple[tuple[str, Any, int, float], ...] = (
        ("stratified_odds_ratio", mh.mantel_haenszel_odds_ratio, 1, 1.0),
        ("stratified_risk_ratio", mh.mantel_haenszel_risk_ratio, 1, 1.0),
        ("stratified_approval_gap", mh.mantel_haenszel_risk_difference, -1, 0.0),
    )
    for measure, estimator, sign, equality in asked:

        def ends(at: float, estimator: Any = estimator, sign: int = sign) -> tuple[object, object]:
            found: Any = estimator(*columns, level=at)
            return (found.low, found.high) if sign > 0 else (-found.high, -found.low)

        found = estimator(*columns, level=level)
        estimate = number(found.estimate)
        yield replace(
            shared, measure=measure, estimate=None if estimate is None else sign * estimate + 0.0, equality=equality,
            standard_error=number(found.standard_error), mde=_detectable(found, equality, level),
            method=said("{method}; {how}", method=found.method, how=rates.how) if rates.how else found.method,
            reason=found.caveat.reason or said("no stratum compares the two groups") if estimate is None else None,
            **bounded(ends, level),
        )  # fmt: skip


def _detectable(found: StratifiedEstimate, equality: float, level: float) -> float | None:
    """Departure below equality found with power .8: of a ratio on its logarithm."""
    error = number(found.standard_error)
    if error is None or error <= 0:
        return None
    reach = (critical(level) + critical(2 * POWER - 1)) * error
    return 1 - math.exp(-reach) if equality == 1.0 else reach


def _logit(shared: Measurement, table: Table, level: float) -> Measurement:
    """Average effect of the group in a logit on the levels of every stratum."""
    import numpy as np

    from audits.statistics.generalized_linear import fit_logit
    from audits.statistics.marginal_effects import average_effects

    method = said("logit on group and strata, average effect")
    shared = replace(shared, measure="logit_approval_gap", equality=0.0, method=method)
    keys = [key for key in table for _ in (1, 0)]
    group = np.array([side for _ in table for side in (1.0, 0.0)])
    favourable = np.array([row[2 * (1 - side)] for row in table.values() for side in (1, 0)])
    decided = np.array([row[2 * (1 - side) + 1] for row in table.values() for side in (1, 0)])
    levels = [sorted({key[i] for key in keys}, key=str) for i in range(len(keys[0]))]
    if sum(map(len, levels)) > _MOST_LEVELS:
        return replace(shared, reason=said(_TOO_MANY_LEVELS, most=_MOST_LEVELS))
    indicators = [[float(key[i] == value) for key in keys] for i, values in enumerate(levels) for value in values[1:]]
    design = np.column_stack([group, np.ones(len(keys)), *indicators])
    held = decided > 0
    try:
        fit = fit_logit(design[held], decided[held], favourable[held])
        found = average_effects(fit, design[held], decided[held], [0], factors=[[0]])
    except (ValueError, np.linalg.LinAlgError) as failure:
        return replace(shared, reason=said("the logit cannot be fitted ({failure})", failure=failure))
    effect, error = number(found.effects[0]), number(found.errors[0])
    if effect is None or error is None or error <= 0:
        why = _reason(found.caveat[0] or found.error_caveat[0])
        return replace(shared, reason=said("the logit gives no effect of the group: {why}", why=why))
    return replace(shared, **from_error(-effect + 0.0, error, max(fit.n - fit.k, 1.0), level))


def _reason(code: int) -> str:
    from audits.statistics.sandwich import Caveat

    return Caveat(int(code)).reason or said("all its rows share one outcome, or its strata tell it apart by themselves")

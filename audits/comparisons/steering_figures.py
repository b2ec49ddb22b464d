"""Figures of loans replayed against rules of products: a share, a gap in rates and a ratio of shares within cells.

No figure from a handful: a group needs ten loans and, where the contract names borrowers, twenty of them. Of the loans
in the cells compared that were sold dearer than need be, ten must be expected in either group if they fell on both
alike: a bar on what was found in each group would let through those draws alone in which it is high by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from audits.comparisons.rates import ENTITIES
from audits.comparisons.steering_cells import Groups, Tally, Worth
from audits.comparisons.steering_told import Replay
from audits.comparisons.tenure_routes import Effect, robustness
from audits.measuring import POWER, bounded, bounded_at_once, from_error, number
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

ROWS, STEERED = 10, 10
_DOMINANT = 0.2
_SHARE = template("{interval}; {sold}")
_SHARE_BY = template("{interval}, dependence within {entity} allowed for, effective counts; {sold}")
_GAP = template(
    "least squares within cells of amount, term, score and products open to the customer{strata}, {errors}; {sold}"
)
_RATIO = template(
    "Poisson pseudo-likelihood within cells of amount, term, score and products open to the customer{strata}, "
    "{errors}; {sold}"
)
_NO_REFERENCE = template("no loan of the reference group '{reference}' could be held against the rules")
_FEW = template("only {n} loans of {label} could be held against the rules, and an error to rely on needs {needed}")
_FEW_BORROWERS = template("only {n} borrowers of {label}, and an error that allows for them needs {needed}")
_NO_BORROWER = template("no loan of '{label}' names its borrower, so that nothing is known of dependence")
_APART = template("no cell holds loans of {label} and of {reference}, so that nobody can be compared")
_FEW_STEERED = template(
    "in the cells compared {steered} loans of {label} and {other} of {reference} were sold dearer than need be; if "
    "they fell on both alike, {expected:.1f} would be expected in one of the two, and an error to rely on needs "
    "{needed}"
)
_NO_ERROR = said("nothing is left of the differences between loans, so that no error can be told")
_ONE_BORROWER = template("one borrower makes {share:.0f} % of the spread of this figure")
_ADRIFT = template("{share:.1f} % of the loans name no borrower, and count as those of one")
_MOST_LOST = 0.05


def share_figure(base: Measurement, size: Worth, replay: Replay, entity: str | None) -> Measurement:
    """The share of the steered with Wilson's interval, on effective counts where borrowers come again."""
    from audits.statistics.counts import effective_counts
    from audits.statistics.proportions import score_interval_rate

    steered, replayed = base.counts["steered"], base.counts["replayed"]
    if reason := replay.nothing():
        return replace(base, reason=reason)
    if not replayed:
        return replace(base, reason=said("no loan of this group could be held against the rules"))
    if not size.n > 0:
        return replace(base, reason=said("no loan names its borrower, so that nothing is known of dependence"))
    share = steered / replayed
    x = steered if entity is None else share * size.n

    def at(level: Any) -> tuple[Any, Any]:
        found = score_interval_rate(x, size.n, level)
        return found.low, found.high

    with nullcontext() if entity is None else effective_counts():
        interval = score_interval_rate(x, size.n, base.level).method
        bounds = bounded_at_once(at, base.level)
    words = _SHARE if entity is None else _SHARE_BY
    return replace(
        base, estimate=share, method=said(words, interval=interval, entity=entity, sold=replay.sold()), **bounds
    )


def excess_gap(
    base: Measurement, effect: Effect, groups: Groups, sizes: Mapping[str, Worth], replay: Replay,
    contract: DataContract,
) -> Measurement:  # fmt: skip
    """Mean excess of the group less that of the reference within cells; above 0 the group is steered more."""
    base = _described(base, _GAP, effect, groups, replay, contract)
    reason = _unreliable(base, effect, groups, sizes, replay, contract) or _too_few_steered(base, groups)
    if reason or (reason := _no_error(base, effect)):
        return replace(base, reason=reason)
    place, freedom = effect.names.index(str(base.group)), _freedom(base, effect, sizes, contract)
    estimate, error = float(effect.estimates[place]), float(effect.covariance[place, place]) ** 0.5
    details = {**base.details, **robustness(effect, base.level, place)}
    return replace(
        _dominated(base, effect, place), details=details, **from_error(estimate, error, freedom, base.level)
    )  # fmt: skip


def steered_ratio(
    base: Measurement, effect: Effect, groups: Groups, sizes: Mapping[str, Worth], replay: Replay,
    contract: DataContract,
) -> Measurement:  # fmt: skip
    """The group's share of the steered over the reference's within cells, with the interval of its logarithm."""
    from scipy.special import stdtr, stdtrit

    base = _described(base, _RATIO, effect, groups, replay, contract)
    reason = _unreliable(base, effect, groups, sizes, replay, contract) or _too_few_steered(base, groups)
    if reason or (reason := _no_error(base, effect)):
        return replace(base, reason=reason)
    place, freedom = effect.names.index(str(base.group)), _freedom(base, effect, sizes, contract)
    log, error = float(effect.estimates[place]), float(effect.covariance[place, place]) ** 0.5

    def at(level: float) -> tuple[float, float]:
        reach = float(stdtrit(freedom, 0.5 + level / 2)) * error
        return math.exp(log - reach), math.exp(log + reach)

    reach = (float(stdtrit(freedom, 0.5 + base.level / 2)) + float(stdtrit(freedom, POWER))) * error
    return replace(
        _dominated(base, effect, place), estimate=math.exp(log), mde=number(math.expm1(reach)),
        p_value=float(2 * stdtr(freedom, -abs(log) / error)),
        details={**base.details, "log_standard_error": error, **robustness(effect, base.level, place)},
        **bounded(at, base.level),
    )  # fmt: skip


def _described(
    base: Measurement, words: str, effect: Effect, groups: Groups, replay: Replay, contract: DataContract
) -> Measurement:
    """With its method, the means behind it, and loans that name no borrower."""
    strata = said(", {names}", names=", ".join(contract.strata)) if contract.strata else ""
    method = said(words, strata=strata, errors=effect.method, sold=replay.sold())
    details = dict(base.details)
    for role, label in (("group", base.group), ("reference", base.reference)):
        tally = groups.of.get(label, Tally())
        if tally.replayed:
            details |= {
                f"{role}_mean_excess": tally.excess / tally.replayed, f"{role}_share": tally.steered / tally.replayed,
            }  # fmt: skip
    unseen, cautions = base.unseen, base.cautions
    adrift = effect.counts.get("without_borrower", 0) / replay.loans if replay.loans else 0.0
    if adrift > _MOST_LOST:
        told = (said(_ADRIFT, share=100 * min(adrift, 1.0)),)
        unseen, cautions = (*unseen, *told), (*cautions, *told)
    return replace(
        base, method=method, details=details, counts={**base.counts, **effect.counts}, unseen=unseen, cautions=cautions
    )


def _unreliable(
    base: Measurement, effect: Effect, groups: Groups, sizes: Mapping[str, Worth], replay: Replay,
    contract: DataContract,
) -> Sentence | None:  # fmt: skip
    """Why no error of a comparison is to be relied on, or None."""
    if reason := replay.nothing():
        return reason
    label, reference = str(base.group), str(base.reference)
    if not base.counts["reference"]:
        return said(_NO_REFERENCE, reference=reference)
    for name, role in ((label, "group"), (reference, "reference")):
        if base.counts[role] < ROWS:
            return said(_FEW, n=base.counts[role], label=name, needed=ROWS)
        if contract.entity and not sizes[name].n > 0:
            return said(_NO_BORROWER, label=name)
        if contract.entity and (sizes[name].borrowers or 0) < ENTITIES:
            return said(_FEW_BORROWERS, n=sizes[name].borrowers or 0, label=name, needed=ENTITIES)
    if not base.counts["cells"] or label not in effect.names:
        return said(_APART, label=label, reference=reference)
    return None


def _too_few_steered(base: Measurement, groups: Groups) -> Sentence | None:
    """Why so few were steered that nothing is told, or None."""
    label, reference = str(base.group), str(base.reference)
    expected = groups.expected(label, reference)
    if expected >= STEERED:
        return None
    one, zero = groups.shared(label, reference)
    return said(
        _FEW_STEERED, steered=one.steered, label=label, other=zero.steered, reference=reference, expected=expected,
        needed=STEERED,
    )  # fmt: skip


def _no_error(base: Measurement, effect: Effect) -> Sentence | None:
    import numpy as np

    place = effect.names.index(str(base.group))
    fine = np.isfinite(effect.estimates[place]) and float(effect.covariance[place, place]) > 0 and effect.freedom >= 1
    return None if fine else _NO_ERROR


def _freedom(base: Measurement, effect: Effect, sizes: Mapping[str, Worth], contract: DataContract) -> float:
    """Degrees of the reference t: at most one less than the loans, or borrowers, of the smaller group."""
    pair = (str(base.group), str(base.reference))
    smallest = min(base.counts["group"], base.counts["reference"])
    if contract.entity:
        smallest = min(sizes[name].borrowers or 0 for name in pair)
    return float(min(effect.freedom, smallest - 1))


def _dominated(base: Measurement, effect: Effect, place: int) -> Measurement:
    """With a word where one borrower makes the figure."""
    if effect.shares[place] <= _DOMINANT:
        return base
    told = (said(_ONE_BORROWER, share=100 * effect.shares[place]),)
    return replace(base, cautions=(*base.cautions, *told), unseen=(*base.unseen, *told))

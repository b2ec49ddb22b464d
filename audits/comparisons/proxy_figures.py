"""Proxies of a group among a model's features: what questions ask for, and which features are named.

A feature is named as a proxy of a group where it tells the group from the reference (the lower bound of its AUC is
above ``LEAST_AUC``, or it is in the best small set whose AUC is) and where what rides on it beyond what cost or
outcomes explain is to the group's harm: the interval that holds for all features at once lies on that side of nought,
and so does the gap at equal expected cost or outcome. It is at least ``LEAST_SHARE`` of the sizes of all raw gaps, so
that what a fit misses of a feature that tells the cost makes no proxy of it, and at least ``LEAST_SIZE`` in the unit
of ``evidence.model_scale``: a model that was fitted on few rows treats every feature a little one way or the other. A
feature that the attribute is made of is no proxy but the thing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audits.evidence.needs import ProxiesNeed
from checks.inputs.access_columns import made_attributes
from checks.inputs.model_fault import ModelUnusable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from audits.evidence.collect import Evidence
    from audits.evidence.proxy_results import FeatureProxy, Proxies, ProxyPair
    from checks.inputs.contract import DataContract

LEAST_AUC = 0.6
LEAST_SHARE = 0.03  # of the gaps' sizes together, which a named feature carries at least
LEAST_SIZE = 0.02  # of a price, of a chance, of the width of a score
LEVEL = 0.95


def proxies_need(contract: DataContract) -> ProxiesNeed:
    """Of all groups of the contract and those that the audit makes, with the default rows and seed."""
    attributes = (*(group.name for group in contract.groups), *made_attributes(contract))
    return ProxiesNeed(attributes, contract.strata)


def named_proxies(evidence: Evidence, contract: DataContract, attribute: str) -> tuple[str, ...]:
    """The features named as proxies of any group of ``attribute``, those that carry most first.

    None where the model cannot be used. ``KeyError`` where ``proxies_need(contract)`` was not collected.
    """
    try:
        found: Proxies = evidence.modelled(proxies_need(contract))
    except ModelUnusable:
        return ()
    return named_of(found, harmful_side(contract), attribute)


def harmful_side(contract: DataContract) -> int:
    """+1 where a higher margin of the group is to its harm, −1 where a lower one is."""
    return 1 if contract.prediction is None or contract.prediction.favourable == "low" else -1


def named_of(found: Proxies, side: int, attribute: str, level: float = LEVEL) -> tuple[str, ...]:
    """As ``named_proxies``, of what was collected."""
    largest: dict[str, float] = {}
    for pair in found.pairs:
        if pair.attribute != attribute:
            continue
        reach = reach_at_once(pair, level)
        for one in pair.features:
            if is_named(one, pair, side, reach, level, found.unit):
                largest[one.feature] = max(largest.get(one.feature, 0.0), side * carried_of(one))
    return tuple(sorted(largest, key=lambda name: (-largest[name], name)))


def is_named(
    one: FeatureProxy, pair: ProxyPair, side: int, reach: float, level: float = LEVEL, unit: float = 1.0
) -> bool:  # fmt: skip
    """``reach`` is the critical value of all features at once, ``unit`` what counts as one of the margins."""
    if one.itself or not (tells_group(one.auc, one.auc_error, level) or _in_best_set(one, pair, level)):
        return False
    error = one.raw_error if one.carried is None else one.error or 0.0
    least = max(LEAST_SHARE * sum(abs(other.raw) for other in pair.features), LEAST_SIZE * unit)
    if side * carried_of(one) - reach * error <= 0 or side * carried_of(one) < least:
        return False
    if one.at_equal is None:
        return True
    return side * one.at_equal - _z(level) * (one.at_equal_error or 0.0) > 0


def carried_of(one: FeatureProxy) -> float:
    """What rides on a feature beyond what is justified; all of it where nothing is."""
    return one.raw if one.carried is None else one.carried


def tells_group(auc: float | None, error: float | None, level: float = LEVEL) -> bool:
    """Whether the lower bound of an AUC is above ``LEAST_AUC``."""
    return auc is not None and error is not None and auc - _z(level) * error > LEAST_AUC


def reach_at_once(pair: ProxyPair, level: float) -> float:
    """The critical value that holds for all features of a pair at once; infinite where none has an error."""
    from audits.statistics.max_t import critical_value

    drawn = maxima_of(pair)
    return float("inf") if drawn is None else critical_value(drawn, level)


def maxima_of(pair: ProxyPair) -> NDArray[np.float64] | None:
    """Draws of the largest statistic over the features that have an error; None where none has."""
    import numpy as np

    from audits.statistics.max_t import maxima_from_covariance

    if not pair.covariance:
        return None
    matrix = np.array(pair.covariance, dtype=np.float64)
    kept = np.diag(matrix) > 0
    return maxima_from_covariance(matrix[np.ix_(kept, kept)]) if kept.any() else None


def _in_best_set(one: FeatureProxy, pair: ProxyPair, level: float) -> bool:
    return one.feature in pair.best_set and tells_group(pair.best_auc, pair.best_error, level)


def _z(level: float) -> float:
    from audits.statistics.ladder import critical

    return critical(level)

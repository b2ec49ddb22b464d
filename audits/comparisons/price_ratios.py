"""What a group pays over what its reference pays for the same thing: a ratio of prices, or of rates, at equal strata.

With prices: log(price), less log(cost) where a cost is declared (its coefficient is 1), by least squares on the groups
with every combination of the strata absorbed; errors HC1, or CR1 by entity; exp of the coefficient. With rates alone
(a rate may be 0, and has no logarithm): the ratio of the two mean rates over the strata that hold both
(``audits.statistics.stratified_means``).

Student's t has one degree less than the rows, or entities, of the smaller group, and fewer where strata leave less of a
group to compare. No figure from fewer than ten rows, twenty entities, or what is worth five rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audits.comparisons import prices
from audits.comparisons.side_means import (
    ALONE,
    NO_ENTITY,
    NOT_BESIDE,
    Value,
    exponentiated,
    rate_ratio,
    side_needs,
    too_few,
    too_few_entities,
)
from audits.comparisons.tenure_routes import Effect, effects_of
from audits.evidence.collect import Evidence
from audits.evidence.effects import effect_cells
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, EffectModel, EffectsNeed, Need
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import LOG_MARKUP, LOG_PRICE
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.cells import Cells

_WORTH = 5.0
_NOTHING = 1e-9  # an error of a logarithm below it is rounding
_DOMINANT = 0.2  # the part of one entity in the spread of an estimate beyond which it is that entity's
_LITTLE = template(
    "strata tell this group apart so well that what is left to compare is worth {worth:.1f} rows, and an error to rely "
    "on needs {needed:.0f}"
)
_FLAT = template(
    "nothing is left of the differences between prices, so that no error can be told; the ratio is {r:.4f}"
)
_LOST = template("{share:.1f} % of the rows of {label} have no price, rate or cost that can be used and are left out")
_STRANGERS = template("{share:.1f} % of the rows with a price or rate have no known {attribute}")
_SELECTED = template(
    "a selected sample: {known:,} of {decided:,} decided applications have a price or rate, so a stricter door for one "
    "side changes who is compared"
)
_ONE_ENTITY = template("one entity makes {share:.0f} % of the spread of this figure")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared: groups of an ``attribute`` with its ``reference``, within ``strata``."""

    attribute: str
    reference: str
    strata: tuple[str, ...]


def figure_column(contract: DataContract) -> str | None:
    """The column that is compared: a logarithm of prices, else the rate, else None."""
    if contract.price:
        return LOG_MARKUP if contract.cost else LOG_PRICE
    return contract.rate


def ratio_needs(asked: Asked, contract: DataContract) -> Iterable[Need]:
    """Cells of the model, score sums of entities, who has a price at all, and entities by group."""
    yield _whole(asked, contract)
    if not contract.price:
        yield from side_needs(Value(column=str(contract.rate)), asked.attribute, asked.strata, contract)
        return
    need = _effects(asked, contract)
    yield effect_cells(need)
    if need.cluster:
        yield from (need, _by_entity(asked, contract))


def price_ratios(
    question: str, measure: str, evidence: Evidence, contract: DataContract, asked: Asked, level: float
) -> Iterator[Measurement]:
    """One figure for each group but the reference; none where no row has another label."""
    whole = evidence.cells(_whole(asked, contract))
    labels = sorted({str(one[0][0]) for one in whole.cells if one[0][0] is not None} - {asked.reference})
    effect = None
    if contract.price and labels:
        effect = effects_of(evidence, _effects(asked, contract))[0]
    for label in labels:
        shared = _shared(question, measure, whole, contract, asked, label, level)
        if effect is None:
            yield rate_ratio(shared, evidence, contract, asked.strata)
        else:
            yield _of_price(shared, evidence, contract, asked, effect)


def _effects(asked: Asked, contract: DataContract) -> EffectsNeed:
    model = EffectModel(str(figure_column(contract)), "labels")
    return EffectsNeed((model,), asked.strata, contract.entity, (), asked.attribute, asked.reference)


def _whole(asked: Asked, contract: DataContract) -> CellsNeed:
    return CellsNeed((asked.attribute,), (), (str(figure_column(contract)),))


def _by_entity(asked: Asked, contract: DataContract) -> ClusterCellsNeed:
    return ClusterCellsNeed(str(contract.entity), (asked.attribute,), decision=False)


def _shared(
    question: str, measure: str, whole: Cells, contract: DataContract, asked: Asked, label: str, level: float
) -> Measurement:
    """What is known of both groups, and whom the figure leaves out."""
    counts: dict[str, int] = {}
    told: list[str] = []
    cautions: list[str] = []
    decided = known = 0
    every = list(zip(whole.cells, whole.totals, strict=True))
    for role, name in (("group", label), ("reference", asked.reference)):
        own = [(decision, rows, total[0].known) for (labels, decision, rows), total in every if labels[0] == name]
        meant = [one for one in own if not contract.decision or one[0] == 1]
        rows, priced = sum(one[1] for one in meant), sum(one[2] for one in meant)
        counts |= {role: sum(one[2] for one in own), f"{role}_without_price": rows - priced}
        if rows - priced > prices.MOST_LOST * rows:
            told.append(said(_LOST, share=100 * (1 - priced / rows), label=name))
        decided += sum(one[1] for one in own if one[0] is not None)
        known += sum(one[2] for one in own if one[0] is not None)
    strangers = sum(total[0].known for (labels, _, _), total in every if labels[0] is None)
    everybody = sum(total[0].known for _, total in every)
    counts["unknown"] = strangers
    if strangers > prices.MOST_LOST * everybody:
        told.append(said(_STRANGERS, share=100 * strangers / everybody, attribute=asked.attribute))
    if contract.decision:
        cautions.append(said(_SELECTED, known=known, decided=decided))
    return Measurement(
        question=question, measure=measure, attribute=asked.attribute, group=label, reference=asked.reference,
        estimate=None, low=None, high=None, level=level, n=counts["group"] + counts["reference"], counts=counts,
        equality=1.0, method=said("none"), source=said("cells"), cautions=(*cautions, *told), unseen=tuple(told),
    )  # fmt: skip


def _of_price(
    shared: Measurement, evidence: Evidence, contract: DataContract, asked: Asked, effect: Effect
) -> Measurement:
    """exp of the group's coefficient, or the reason why there is none."""
    shared = replace(shared, method=effect.method, counts={**shared.counts, "strata": effect.found.fit.strata})
    fewest = min(shared.counts["group"], shared.counts["reference"])
    if reason := too_few(shared):
        return replace(shared, reason=reason)
    if contract.entity:
        shared = _with_entities(shared, evidence, contract, asked)
        fewest = min(shared.counts["group_entities"], shared.counts["reference_entities"], fewest)
        if reason := too_few_entities(shared):
            return replace(shared, reason=reason)
    place = effect.names.index(str(shared.group))
    log, variance = float(effect.estimates[place]), float(effect.covariance[place, place])
    if not math.isfinite(log):
        return replace(shared, reason=said(NOT_BESIDE, label=str(shared.group), reference=asked.reference))
    worth = _worth(effect, place)
    if not worth >= _WORTH:
        return replace(shared, reason=said(_LITTLE, worth=worth, needed=_WORTH))
    if not math.sqrt(max(variance, 0.0)) > _NOTHING:
        return replace(shared, reason=said(_FLAT, r=math.exp(log)))
    freedom = min(effect.freedom, float(fewest - 1), 2 * worth - 1)
    return _ratio(_doubts(shared, effect, place), log, math.sqrt(variance), freedom, effect, place)


def _ratio(shared: Measurement, log: float, error: float, freedom: float, effect: Effect, place: int) -> Measurement:
    spare = int(effect.found.fit.n - effect.found.fit.parameters)
    details = {
        **shared.details, "degrees_of_freedom": float(freedom),
        **prices.robustness_values(log, float(effect.classical[place]), spare, shared.level),
    }  # fmt: skip
    details["log_standard_error"] = error
    return replace(shared, details=details, **exponentiated(log, error, freedom, shared.level))


def _worth(effect: Effect, place: int) -> float:
    """What strata and the other groups leave of the group's indicator, in rows."""
    import numpy as np

    kept = [int(one) for one in np.flatnonzero(effect.found.fit.kept)]
    design = effect.found.fit.residual_design[:, kept]
    inverse = np.linalg.inv((effect.found.counts[:, None] * design).T @ design)
    at = kept.index(place)
    return 1 / float(inverse.item(at, at))


def _with_entities(shared: Measurement, evidence: Evidence, contract: DataContract, asked: Asked) -> Measurement:
    found = evidence.cluster_cells(_by_entity(asked, contract))
    by = {labels[0]: n for (labels, _, _), n in zip(found.cells, found.clusters_by_cell, strict=True)}
    pair = {
        f"{role}_entities": by.get(label, 0)
        for role, label in (("group", shared.group), ("reference", shared.reference))
    }  # fmt: skip
    return replace(shared, counts={**shared.counts, **pair, "largest_entity": found.largest})


def _doubts(shared: Measurement, effect: Effect, place: int) -> Measurement:
    """What strata and entities hide."""
    found, told = effect.found, []
    own, strata = found.levels == place + 1, found.strata
    beside = {int(code) for code in strata[found.levels == 0]}
    alone = sum(float(n) for n, code in zip(found.counts[own], strata[own], strict=True) if int(code) not in beside)
    total = float(found.counts[own].sum())
    if total and alone > prices.MOST_LOST * total:
        told.append(said(ALONE, share=100 * alone / total, label=str(shared.group), reference=str(shared.reference)))
    if effect.shares[place] > _DOMINANT:
        told.append(said(_ONE_ENTITY, share=100 * effect.shares[place]))
    nobody, n = effect.counts.get("without_entity", 0), effect.counts["quotes"]
    if n and nobody > prices.MOST_LOST * n:
        told.append(said(NO_ENTITY, share=100 * min(nobody / n, 1.0)))
    return replace(
        shared, counts={**shared.counts, "group_alone": round(alone)}, cautions=(*shared.cautions, *told),
        unseen=(*shared.unseen, *told),
    )  # fmt: skip

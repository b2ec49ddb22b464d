"""Which share of a group's rows a person served, of granted ones where there are decisions, with Wilson's interval.

Where entities repeat, a share is worth n* = p (1 − p) / variance rows, the variance by entity (Korn and Graubard 1998,
Survey Methodology 24:193–201), as ``audits.statistics.stratified_means`` has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from audits.comparisons.rates import ENTITIES, MOST_LOST
from audits.comparisons.side_means import FEW_ENTITIES, NO_ENTITY
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, Need
from audits.measuring import bounded_at_once
from audits.record import Measurement
from checks.inputs.contract import ASSISTED, CHANNEL, DataContract
from checks.sentence import said

MEASURE = "assisted_share"


def assisted_needs(attributes: Iterable[str | None], contract: DataContract) -> Iterable[Need]:
    """Rows by channel, and by each attribute and channel; with products within entities where there are any."""
    for attribute in attributes:
        yield CellsNeed(_names(attribute), decision=bool(contract.decision))
        if contract.entity:
            yield ClusterCellsNeed(contract.entity, _names(attribute), decision=bool(contract.decision))


def assisted_shares(
    question: str, evidence: Evidence, contract: DataContract, attribute: str | None, level: float
) -> Iterator[Measurement]:
    """One figure for each group, or one of everybody without an attribute."""
    cells = evidence.cells(CellsNeed(_names(attribute), decision=bool(contract.decision)))
    by: dict[str | None, dict[str | None, int]] = {}
    for labels, decision, rows in cells.cells:
        if contract.decision and decision != 1:
            continue
        own = by.setdefault(labels[0] if attribute else "", {})
        own[labels[-1]] = own.get(labels[-1], 0) + rows
    for label in sorted(name for name in by if name is not None):
        channels = by[label]
        assisted, rows = channels.get(ASSISTED, 0), sum(n for side, n in channels.items() if side is not None)
        shared = Measurement(
            question=question, measure=MEASURE, attribute=attribute, group=label or None, reference=None, estimate=None,
            low=None, high=None, level=level, n=rows, method=said("Wilson score"), source=said("cells"),
            counts={"assisted": assisted, "rows": rows, "unknown": channels.get(None, 0)},
        )  # fmt: skip
        if not rows:
            yield replace(shared, reason=said("no row of the group has a channel on either side"))
        else:
            yield _share(shared, evidence, contract, assisted / rows)


def _names(attribute: str | None) -> tuple[str, ...]:
    return (attribute, CHANNEL) if attribute else (CHANNEL,)


def _share(shared: Measurement, evidence: Evidence, contract: DataContract, rate: float) -> Measurement:
    from audits.statistics.stratified_means import Side

    rows, effect = float(shared.n), 1.0
    if contract.entity:
        effect, shared = _effect(shared, evidence, contract)
        if shared.reason:
            return shared
    side = Side(rate, effect * rate * (1 - rate) / rows, rows / effect, rows, 0.0)
    if contract.entity:
        shared = replace(shared, method=said("Wilson score of effective counts, by {entity}", entity=contract.entity))
    return replace(shared, estimate=rate, **bounded_at_once(side.wilson, shared.level))


def _effect(shared: Measurement, evidence: Evidence, contract: DataContract) -> tuple[float, Measurement]:
    """By how much entities widen the share's variance, and the figure with what is known of them."""
    import numpy as np

    from audits.statistics.stratified_means import design_effect

    names, decided = _names(shared.attribute), bool(contract.decision)
    found = evidence.cluster_cells(ClusterCellsNeed(str(contract.entity), names, decision=decided))
    at = [
        i for i, (labels, decision, _) in enumerate(found.cells)
        if labels[-1] is not None and (shared.attribute is None or labels[0] == shared.group)
        and (not decided or decision == 1)
    ]  # fmt: skip
    hit = np.array([float(found.cells[i][0][-1] == ASSISTED) for i in at])
    n = np.array([float(found.cells[i][2]) for i in at])
    rows = sum(count for _, _, count in found.cells)
    adrift = found.missing / rows if rows else 0.0
    nn: Any = found.between()[np.ix_(at, at)] / max(1 - adrift, 1e-9)
    entities = max((found.clusters_by_cell[i] for i in at), default=0)
    shared = replace(shared, counts={**shared.counts, "entities": entities, "largest_entity": found.largest})
    if entities < ENTITIES:
        label = said("all") if shared.group is None else shared.group
        return 1.0, replace(shared, reason=said(FEW_ENTITIES, n=entities, label=label, needed=ENTITIES))
    if adrift > MOST_LOST:
        told = said(NO_ENTITY, share=100 * adrift)
        shared = replace(shared, cautions=(*shared.cautions, told), unseen=(*shared.unseen, told))
    return design_effect(
        (n, n * hit, n * hit), (nn, nn * hit[None, :], nn * hit[:, None] * hit[None, :]), entities
    ), shared

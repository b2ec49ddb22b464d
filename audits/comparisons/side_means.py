"""Two groups compared within strata by means from cells: a ratio of mean rates, a difference of shares.

Dependence within entities is told group by group, from products of the groups' own sums, and spread evenly over the
strata; where entities repeat and strata are declared, a figure is no breach and is not clear.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from audits.comparisons.rates import ENTITIES, MOST_LOST
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, Need
from audits.measuring import from_error, number
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.cells import Labels, Total
    from audits.statistics.stratified_means import StratifiedMeans

ROWS = 10
FEW = template("only {n} rows of '{label}' have what this figure takes, and an error to rely on needs {needed}")
FEW_ENTITIES = template("'{label}' has only {n} entities, and an error that allows for them needs {needed}")
NOT_BESIDE = template("no stratum holds rows of both '{label}' and '{reference}', so that nobody can be compared")
ALONE = template("{share:.1f} % of the rows of {label} are in strata without anybody of {reference}")
NO_ENTITY = template("{share:.1f} % of the rows have no entity and count as those of one: errors may be too small")
_EVENLY = said("dependence within entities is spread evenly over the strata here, and may lie in one of them")
_FLAT = template("the rates of both groups do not vary, so that no error can be told; the ratio is {r:.4f}")
_NOT_ABOVE = said("the mean rate of one of the two groups is not above zero, so that no ratio exists")
_RATIO = template("ratio of mean rates{strata}, error of its logarithm by linearisation{clusters}")


@dataclass(frozen=True, slots=True)
class Value:
    """What a cell's rows have: the mean of a ``column`` of numbers, or a ``flag`` of 1 and 0."""

    column: str | None = None
    flag: str | None = None
    missing_is_no: bool = False

    def known(self, labels: Labels) -> bool:
        """Whether the flag, the last of a cell's labels, is known; a number's rows are told by its sums."""
        return not self.flag or self.missing_is_no or labels[-1] is not None

    def cells(self, attribute: str, strata: tuple[str, ...], decision: bool) -> CellsNeed:
        """Rows by group, stratum and flag, with the sums of the column."""
        flags = (self.flag,) if self.flag else ()
        return CellsNeed((attribute,), (*strata, *flags), (self.column,) if self.column else (), decision)

    def clusters(self, attribute: str, contract: DataContract, decision: bool) -> ClusterCellsNeed:
        """Products within entities by group."""
        flags, sums = ((self.flag,) if self.flag else ()), ((self.column,) if self.column else ())
        return ClusterCellsNeed(str(contract.entity), (attribute,), flags, sums, decision)


def side_needs(value: Value, attribute: str, strata: tuple[str, ...], contract: DataContract) -> Iterable[Need]:
    """Cells, and products within entities where there may be any. With a decision only granted rows count."""
    decided = bool(contract.decision) and value.flag is not None
    yield value.cells(attribute, strata, decided)
    if contract.entity:
        yield value.clusters(attribute, contract, decided)


Sums3 = tuple[float, float, float]
Sums = dict["Labels", Sums3]


def side_sums(
    evidence: Evidence, value: Value, attribute: str, strata: tuple[str, ...], contract: DataContract
) -> dict[str | None, Sums]:
    """label → stratum → n, Σ v, Σ v² of rows that have the value."""
    decided = bool(contract.decision) and value.flag is not None
    cells = evidence.cells(value.cells(attribute, strata, decided))
    found: dict[str | None, Sums] = {}
    for i, (labels, decision, rows) in enumerate(cells.cells):
        if (decided and decision != 1) or not value.known(labels):
            continue
        hit = float(rows) * (labels[-1] == "1")
        part = (float(rows), hit, hit) if value.flag else _plain(cells.totals[i][0])
        stratum = labels[1:-1] if value.flag else labels[1:]
        own = found.setdefault(labels[0], {})
        own[stratum] = _added(own.get(stratum, (0.0, 0.0, 0.0)), part)
    return found


def _added(one: Sums3, other: Sums3) -> Sums3:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


@dataclass(frozen=True, slots=True)
class Dependence:
    """Of each label: the design effect of its mean and its entities. ``largest`` rows of one entity."""

    effects: Mapping[str | None, float]
    entities: Mapping[str | None, int]
    largest: int
    adrift: float
    rows: int


def dependence(evidence: Evidence, value: Value, attribute: str, contract: DataContract) -> Dependence | None:
    """How entities widen each label's error; None without entities, or where none has two rows."""
    if not contract.entity:
        return None
    import numpy as np

    from audits.statistics.stratified_means import design_effect

    decided = bool(contract.decision) and value.flag is not None
    found = evidence.cluster_cells(value.clusters(attribute, contract, decided))
    kept = [(not decided or decision == 1) and value.known(labels) for labels, decision, _ in found.cells]
    ones = np.array([float(bool(value.flag) and labels[-1] == "1") for labels, _, _ in found.cells])
    known = f"known:{value.column}" if value.column else "rows"
    nn = found.between(known, known)
    ns = found.between(known, value.column) if value.column else nn * ones[None, :]
    ss = found.between(value.column, value.column) if value.column else nn * ones[:, None] * ones[None, :]
    totals = _totals(side_sums(evidence, value, attribute, (), contract))
    rows = sum(rows for _, _, rows in found.cells)
    held = (rows - found.missing) / rows if rows > found.missing else 1.0  # rows of no entity depend as the others do
    effects, entities = {}, {}
    for label in {labels[0] for labels, _, _ in found.cells}:
        at = [i for i, (labels, _, _) in enumerate(found.cells) if labels[0] == label and kept[i]]
        entities[label] = max((found.clusters_by_cell[i] for i in at), default=0)
        parts = (nn[np.ix_(at, at)] / held, ns[np.ix_(at, at)] / held, ss[np.ix_(at, at)] / held)
        effects[label] = design_effect(totals.get(label, (0.0, 0.0, 0.0)), parts, entities[label])
    return Dependence(effects, entities, found.largest, found.missing / rows if rows else 0.0, rows)


def _totals(sums: Mapping[str | None, Sums]) -> dict[str | None, Sums3]:
    """label → n, Σ v, Σ v² over all strata."""
    return {label: reduce(_added, own.values(), (0.0, 0.0, 0.0)) for label, own in sums.items()}


def _plain(total: Total) -> Sums3:
    return float(total.known), total.sum, total.squares


def compared(sums: Mapping[str | None, Sums], label: str, reference: str, found: Dependence | None) -> StratifiedMeans:
    """Group and reference over the strata that hold both."""
    from audits.statistics.stratified_means import stratified_means

    mine, theirs = sums.get(label, {}), sums.get(reference, {})
    keys = sorted({*mine, *theirs}, key=lambda key: tuple((part is None, part or "") for part in key))
    nothing = (0.0, 0.0, 0.0)
    sides = [tuple(list(part) for part in zip(*(own.get(key, nothing) for key in keys), strict=True))
             for own in (mine, theirs)] if keys else [([], [], [])] * 2  # fmt: skip
    effects = (found.effects.get(label, 1.0), found.effects.get(reference, 1.0)) if found else (1.0, 1.0)
    return stratified_means(sides[0], sides[1], effects)  # type: ignore[arg-type]


def with_entities(shared: Measurement, found: Dependence | None, strata: tuple[str, ...]) -> Measurement:
    """The figure with what is known of entities."""
    if found is None:
        return shared
    counts = {
        "group_entities": found.entities.get(shared.group, 0), "largest_entity": found.largest,
        "reference_entities": found.entities.get(shared.reference, 0),
    }  # fmt: skip
    told: list[Sentence] = [_EVENLY] if strata and found.largest > 1 else []
    if found.adrift > MOST_LOST:
        told.append(said(NO_ENTITY, share=100 * found.adrift))
    return replace(
        shared, counts={**shared.counts, **counts}, cautions=(*shared.cautions, *told), unseen=(*shared.unseen, *told)
    )


def not_comparable(shared: Measurement, pair: StratifiedMeans) -> tuple[Measurement, str | None]:
    """The figure with who has nobody beside them, and why there is no figure, or None."""
    counts = {**shared.counts, "strata": pair.strata, "group_alone": round(pair.one.alone)}
    shared = replace(shared, counts=counts)
    if reason := too_few(shared) or too_few_entities(shared):
        return shared, reason
    if not pair.strata:
        return shared, said(NOT_BESIDE, label=str(shared.group), reference=str(shared.reference))
    if pair.one.alone > MOST_LOST * pair.one.rows:
        told = said(
            ALONE, share=100 * pair.one.alone / pair.one.rows, label=str(shared.group), reference=str(shared.reference)
        )
        shared = replace(shared, cautions=(*shared.cautions, told), unseen=(*shared.unseen, told))
    return shared, None


def too_few(shared: Measurement) -> str | None:
    """Why groups of these sizes have no error, or None."""
    for role, label in (("group", shared.group), ("reference", shared.reference)):
        if shared.counts[role] < ROWS:
            return said(FEW, n=shared.counts[role], label=str(label), needed=ROWS)
    return None


def too_few_entities(shared: Measurement) -> str | None:
    """Why groups of so few entities have no error, or None; also where there are no entities."""
    for role, label in (("group", shared.group), ("reference", shared.reference)):
        n = shared.counts.get(f"{role}_entities", ENTITIES)
        if n < ENTITIES:
            return said(FEW_ENTITIES, n=n, label=str(label), needed=ENTITIES)
    return None


def rate_ratio(shared: Measurement, evidence: Evidence, contract: DataContract, strata: tuple[str, ...]) -> Measurement:
    """Mean rate of the group over that of its reference, or the reason why there is none."""
    value, attribute = Value(column=str(contract.rate)), str(shared.attribute)
    found = dependence(evidence, value, attribute, contract)
    sums = side_sums(evidence, value, attribute, strata, contract)
    pair = compared(sums, str(shared.group), str(shared.reference), found)
    names = said(" within {names}", names=", ".join(strata)) if strata else ""
    clusters = said(", by {cluster}", cluster=contract.entity) if contract.entity else ""
    shared = replace(shared, method=said(_RATIO, strata=names, clusters=clusters))
    shared, reason = not_comparable(with_entities(shared, found, strata), pair)
    if reason:
        return replace(shared, reason=reason)
    if not (pair.one.mean > 0 and pair.zero.mean > 0):
        return replace(shared, reason=_NOT_ABOVE)
    error = pair.log_error
    if not error > 0 or not math.isfinite(error):
        return replace(shared, reason=said(_FLAT, r=pair.one.mean / pair.zero.mean))
    fewest = min(pair.one.worth, pair.zero.worth, *_entities(shared))
    details = {
        **shared.details, "group_mean_rate": pair.one.mean, "reference_mean_rate": pair.zero.mean,
        "log_standard_error": error,
    }  # fmt: skip
    log = math.log(pair.one.mean / pair.zero.mean)
    return replace(shared, details=details, **exponentiated(log, error, max(fewest - 1, 1.0), shared.level))


def _entities(shared: Measurement) -> tuple[float, ...]:
    names = ("group_entities", "reference_entities")
    return tuple(float(shared.counts[name]) for name in names if name in shared.counts)


def exponentiated(log: float, error: float, freedom: float, level: float) -> dict[str, Any]:
    """What a measurement of a ratio takes from its logarithm and the error of that."""
    found = from_error(log, error, freedom, level)
    return {
        "estimate": math.exp(log), "low": _exp(found["low"]), "high": _exp(found["high"]), "p_value": found["p_value"],
        "mde": number(math.expm1(min(found["mde"], 700.0))),
        "ladder": tuple((at, _exp(low), _exp(high)) for at, low, high in found["ladder"]),
    }  # fmt: skip


def _exp(bound: float | None) -> float | None:
    return None if bound is None or bound > 700 else math.exp(bound)

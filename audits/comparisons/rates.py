"""How often each group was approved, and how many independent decisions its rate is worth.

Without weights and without a repeating entity a rate is worth its rows. A weighted rate Σwy / Σw has the linearised
variance Σw²(y − p)² / (Σw)²; where rows of one entity depend on each other, its scores are summed within entities
first (Liang and Zeger 1986, Biometrika 73:13–22). Either is expressed as an effective number of people
n* = p(1 − p) / variance (Kish 1965, Survey Sampling, 8.1), at most the rows, so that the score intervals of counted
rates serve here too (Korn and Graubard 1998, Survey Methodology 24:193–201). At a rate of 0 or 1, or below twenty
entities, n* is (Σw)² / Σ(entity's w)²: as if the rows of an entity were one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from audits.evidence.cells import Cells
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, Need
from checks.inputs.contract import DataContract
from checks.sentence import joined, said, template

ENTITIES = 20  # in a group, below which errors by entity are too small (simulated: 20 cover .944, 5 cover .84)
MOST_LOST = 0.05  # share of rows above which a figure without them is no all-clear
_LEAST_MASS = 1e-100  # sums of weights whose squares a float64 holds
FAIRLEARN = said("fairlearn MetricFrame on cells")
_NO_WEIGHT = template("every decided row of '{label}' has the weight 0, none, or one beyond all measure")
_NO_ENTITY = template("no decided row of '{label}' names its entity, so that nothing is known of dependence")


@dataclass(frozen=True, slots=True)
class GroupRate:
    """``favourable`` of ``decided`` rows; ``rate`` as Fairlearn's selection rate, None with a ``reason``.

    ``x`` of ``n`` are effective counts behind intervals, the rows themselves where every row stands for itself.
    """

    label: str
    favourable: int
    decided: int
    rate: float | None
    x: float
    n: float
    reason: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Rows, as a measurement states them."""
        return {"favourable": self.favourable, "decided": self.decided}


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Rates of all groups of an attribute. ``unknown`` holds the decided rows without a label.

    ``strata`` maps a label to its (favourable, decided), by stratum, in effective counts; ``plain`` says that these are
    rows; ``how`` words what they are instead; ``lost`` says which rows a rate leaves out or cannot place, and is empty
    while they are few.
    """

    attribute: str
    reference: str
    groups: Mapping[str, GroupRate]
    unknown: tuple[int, int]
    strata: Mapping[str, Mapping[tuple[str | None, ...], tuple[float, float]]]
    plain: bool = True
    how: str = ""
    lost: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=())


def rates_needs(attribute: str, contract: DataContract) -> Iterable[Need]:
    """Cells by group and stratum, with the weight's sums; and products within entities where those may repeat."""
    yield _cells_need(attribute, contract)
    if contract.entity:
        yield _cluster_need(attribute, contract)


def group_rates(evidence: Evidence, contract: DataContract, attribute: str) -> GroupRates:
    """Rates of every group that has a decided row."""
    cells = evidence.cells(_cells_need(attribute, contract))
    tallies = _tallies(cells, contract)
    rows = {label: (tally.rows[1], sum(tally.rows)) for label, tally in tallies.items() if label is not None}
    shares = _selection_rates({label: tally.mass for label, tally in tallies.items() if label is not None})
    sizes, reasons, adrift = _effective(evidence, contract, attribute, tallies, shares)
    groups = {
        label: GroupRate(
            label, *rows[label], None if label in reasons else shares[label], *sizes[label], reasons.get(label)
        )
        for label in sorted(rows)
    }  # fmt: skip
    reference = evidence.data.references[attribute]
    missing = tallies.get(None)
    return GroupRates(
        attribute=attribute,
        reference=reference,
        groups=groups,
        unknown=(missing.rows[1], sum(missing.rows)) if missing else (0, 0),
        strata=_strata(cells, contract, groups, tallies) if contract.strata else {},
        plain=not contract.weight and not contract.entity,
        how=_how(contract),
        lost=(*_weightless(tallies), *adrift),
        others=tuple(label for label in groups if label != reference),
    )


def _cells_need(attribute: str, contract: DataContract) -> CellsNeed:
    return CellsNeed((attribute,), tuple(dict.fromkeys(contract.strata)), (contract.weight,) if contract.weight else ())


def _cluster_need(attribute: str, contract: DataContract) -> ClusterCellsNeed:
    return ClusterCellsNeed(str(contract.entity), (attribute,), (), (contract.weight,) if contract.weight else ())


def _how(contract: DataContract) -> str:
    parts = [said("weighted by {weight}", weight=contract.weight)] if contract.weight else []
    parts += [said("dependence within {entity} allowed for", entity=contract.entity)] if contract.entity else []
    return said("{parts}, effective counts", parts=joined(parts, ", ")) if parts else ""


@dataclass(slots=True)
class _Tally:
    """Of one label, by decision (0, 1): rows, Σw and Σw²."""

    rows: list[int] = field(default_factory=lambda: [0, 0])
    mass: list[float] = field(default_factory=lambda: [0.0, 0.0])
    squares: list[float] = field(default_factory=lambda: [0.0, 0.0])
    weightless: int = 0


def _tallies(cells: Cells, contract: DataContract) -> dict[str | None, _Tally]:
    found: dict[str | None, _Tally] = {}
    for i, (labels, decision, rows) in enumerate(cells.cells):
        if decision is None:
            continue
        tally = found.setdefault(labels[0], _Tally())
        tally.rows[decision] += rows
        total = cells.totals[i][0] if contract.weight else None
        tally.mass[decision] += total.sum if total else rows
        tally.squares[decision] += total.squares if total else rows
        tally.weightless += rows - total.known if total else 0
    return found


def _selection_rates(mass: Mapping[str, list[float]]) -> dict[str, float]:
    """Fairlearn's selection rate by group, on cells with their counts or sums of weights as weights."""
    import pandas as pd
    from fairlearn.metrics import MetricFrame, selection_rate

    cells = pd.DataFrame(
        [(label, decision, weight) for label, weights in sorted(mass.items())
         for decision, weight in enumerate(weights) if weight > 0],
        columns=["label", "favourable", "weight"],
    )  # fmt: skip
    if cells.empty:
        return {}
    frame = MetricFrame(
        metrics={"selection_rate": selection_rate},
        y_true=cells["favourable"], y_pred=cells["favourable"], sensitive_features=cells["label"],
        sample_params={"selection_rate": {"sample_weight": cells["weight"]}},
    )  # fmt: skip
    return {str(label): float(rate) for label, rate in frame.by_group["selection_rate"].items()}


def _weightless(tallies: Mapping[str | None, _Tally]) -> list[str]:
    """Groups of which more rows than a few have no weight and take no part."""
    shares = {
        label: tally.weightless / sum(tally.rows) for label, tally in tallies.items() if label and sum(tally.rows)
    }  # fmt: skip
    told = [
        said("{share:.1f} % of {label}", share=100 * share, label=label)
        for label, share in sorted(shares.items()) if share > MOST_LOST
    ]  # fmt: skip
    if not told:
        return []
    every = reduce(lambda some, one: said("{some} and {one}", some=some, one=one), told)
    return [said("{shares} have no weight and take no part", shares=every)]


Sizes = dict[str, tuple[float, float]]


def _effective(
    evidence: Evidence,
    contract: DataContract,
    attribute: str,
    tallies: Mapping[str | None, _Tally],
    shares: Mapping[str, float],
) -> tuple[Sizes, dict[str, str], list[str]]:
    """label → effective (x, n); label → why there is no rate; what cannot be placed with an entity."""
    known = {label: tally for label, tally in tallies.items() if label is not None}
    if not contract.weight and not contract.entity:
        return {label: (tally.rows[1], sum(tally.rows)) for label, tally in known.items()}, {}, []
    spread, adrift = _spread_by_entity(evidence, contract, attribute, tallies, shares)
    sizes = dict.fromkeys(known, (0.0, 0.0))
    reasons: dict[str, str] = {}
    for label, tally in known.items():
        rate, total = shares.get(label), sum(tally.mass)
        if rate is None or not _LEAST_MASS < total < 1 / _LEAST_MASS or not sum(tally.squares) > 0:
            reasons[label] = said(_NO_WEIGHT, label=label)
        elif contract.entity and label not in spread:
            reasons[label] = said(_NO_ENTITY, label=label)
        else:
            size = min(_worth(rate, tally, spread.get(label)), float(sum(tally.rows)))
            sizes[label] = rate * size, size
    return sizes, reasons, adrift


@dataclass(frozen=True, slots=True)
class _Spread:
    """Of one group: the variance of its rate over entities, Σ(entity's weight)² / (Σw)², and its entities at least."""

    variance: float
    together: float
    entities: int


def _worth(rate: float, tally: _Tally, spread: _Spread | None) -> float:
    """The number of independent people with the variance of this rate."""
    total = sum(tally.mass)
    if spread is None:
        variance = ((1 - rate) ** 2 * tally.squares[1] + rate**2 * tally.squares[0]) / total**2
        together = sum(tally.squares) / total**2
    else:
        variance, together = spread.variance, spread.together
    few = spread is not None and spread.entities < ENTITIES
    return 1 / together if few or not 0 < rate < 1 or variance <= 0 else rate * (1 - rate) / variance


def _spread_by_entity(
    evidence: Evidence,
    contract: DataContract,
    attribute: str,
    tallies: Mapping[str | None, _Tally],
    shares: Mapping[str, float],
) -> tuple[dict[str, _Spread], list[str]]:
    """label → spread of its rate over entities; rows without one are taken to depend on each other as the others do."""
    import numpy as np

    if not contract.entity:
        return {}, []
    found = evidence.cluster_cells(_cluster_need(attribute, contract))
    variable = contract.weight or "rows"
    products = found.between(variable, variable)
    total = sum(rows for _, _, rows in found.cells)
    held = (total - found.missing) / total if total else 0.0
    spread = {}
    for label, rate in shares.items():
        score = np.array([_score(cell[0][0], cell[1], label, rate) for cell in found.cells])
        own = np.array([float(cell[0][0] == label and cell[1] is not None) for cell in found.cells])
        many = max((n for n, mine in zip(found.clusters_by_cell, own, strict=True) if mine), default=0)
        together, mass = float(own @ products @ own), sum(tallies[label].mass)
        if many < 1 or together <= 0 or mass <= 0 or held <= 0:
            continue
        factor = many / max(many - 1, 1) / held
        spread[label] = _Spread(float(score @ products @ score) * factor / mass**2, together / held / mass**2, many)
    adrift = said("{share:.1f} % of all rows name no {entity}", share=100 * (1 - held), entity=contract.entity)
    return spread, [adrift] if 1 - held > MOST_LOST else []


def _score(label: str | None, decision: int | None, asked: str, rate: float) -> float:
    return 0.0 if label != asked or decision is None else decision - rate


def _strata(
    cells: Cells, contract: DataContract, groups: Mapping[str, GroupRate], tallies: Mapping[str | None, _Tally]
) -> dict[str, dict[tuple[str | None, ...], tuple[float, float]]]:
    """label → stratum → (favourable, decided), scaled to the group's effective number of people."""
    found: dict[str, dict[tuple[str | None, ...], list[float]]] = {label: {} for label in groups}
    for i, (labels, decision, rows) in enumerate(cells.cells):
        if decision is None or labels[0] is None:
            continue
        mass = cells.totals[i][0].sum if contract.weight else float(rows)
        pair = found[labels[0]].setdefault(labels[1:], [0.0, 0.0])
        pair[1] += mass
        pair[0] += mass * decision
    plain = not contract.weight and not contract.entity
    scaled: dict[str, dict[tuple[str | None, ...], tuple[float, float]]] = {}
    for label, strata in found.items():
        total = sum(tallies[label].mass)
        factor = 1.0 if plain else groups[label].n / total if total > 0 else 0.0
        scaled[label] = {stratum: (pair[0] * factor, pair[1] * factor) for stratum, pair in strata.items()}
    return scaled

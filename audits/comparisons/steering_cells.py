"""What loans replayed against the rules of products say of groups: cells of equal loans, models on them, shares.

A cell holds loans of one band of amount, of term and of score, to customers to whom the same products were open, within
the contract's strata. So a group that is eligible for fewer products is not taken for one that is steered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audits.comparisons.rates import ENTITIES
from audits.comparisons.tenure_routes import Effect
from audits.evidence.cells import Cells
from audits.evidence.collect import Evidence
from audits.evidence.effects import effect_cells, fit_effects
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, EffectModel, EffectsNeed, Need
from checks.inputs.contract import DataContract
from checks.inputs.loan_products import CELLS, EXCESS, FAULT, NOT_GRANTED, REPLAYED, STEERED
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.cluster_cells import ClusterCells

Stratum = tuple[str | None, ...]


def models(contract: DataContract) -> tuple[EffectModel, EffectModel]:
    """The mean excess, and the share of the steered among the loans replayed (1 each, so that y · e = y)."""
    product = None if contract.entity else STEERED
    return EffectModel(EXCESS, "labels"), EffectModel(STEERED, "labels", REPLAYED, product)


def group_need(attribute: str, contract: DataContract) -> EffectsNeed:
    """Both models of an attribute's groups within cells."""
    reference = next(group.reference_label for group in contract.groups if group.name == attribute)
    strata = tuple(dict.fromkeys((*CELLS, *contract.strata)))
    return EffectsNeed(models(contract), strata, contract.entity, (), attribute, reference)


def cluster_need(attribute: str | None, contract: DataContract) -> ClusterCellsNeed:
    """The loans of each borrower, steered or not, by group."""
    groups = () if attribute is None else (attribute,)
    return ClusterCellsNeed(str(contract.entity), groups, (STEERED,), (), decision=False)


def fault_need(attribute: str) -> CellsNeed:
    """Loans by group and what keeps them from being replayed."""
    return CellsNeed((attribute,), (FAULT,), (), decision=False)


def needs_of(attribute: str, contract: DataContract) -> list[Need]:
    """All that the figures of an attribute's groups need."""
    need = group_need(attribute, contract)
    found: list[Need] = [effect_cells(need), fault_need(attribute)]
    return [*found, need, cluster_need(attribute, contract)] if contract.entity else found


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the loans of one group: all, those replayed, those steered, Σ excess."""

    loans: int = 0
    replayed: int = 0
    steered: int = 0
    excess: float = 0.0

    def plus(self, other: Tally) -> Tally:
        return Tally(
            self.loans + other.loans, self.replayed + other.replayed, self.steered + other.steered,
            self.excess + other.excess,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Groups:
    """Loans by label (None where it is missing), and by label and cell."""

    of: Mapping[str | None, Tally]
    within: Mapping[str | None, Mapping[Stratum, Tally]]

    def alone(self, label: str, reference: str) -> float:
        """Share of the group's loans in cells without a loan of the reference."""
        mine, theirs = self._held(label), self._held(reference)
        total = sum(tally.replayed for tally in mine.values())
        return sum(tally.replayed for cell, tally in mine.items() if cell not in theirs) / total if total else 1.0

    def shared(self, label: str, reference: str) -> tuple[Tally, Tally]:
        """Loans of either in cells that hold both."""
        mine, theirs = self._held(label), self._held(reference)
        one, other = Tally(), Tally()
        for cell in mine.keys() & theirs.keys():
            one, other = one.plus(mine[cell]), other.plus(theirs[cell])
        return one, other

    def expected(self, label: str, reference: str) -> float:
        """The fewer of either group's steered loans that would be expected if each cell's fell on both alike."""
        mine, theirs = self._held(label), self._held(reference)
        sums = [0.0, 0.0]
        for cell in sorted(mine.keys() & theirs.keys(), key=str):
            sizes = mine[cell].replayed, theirs[cell].replayed
            steered = mine[cell].steered + theirs[cell].steered
            sums = [total + steered * size / sum(sizes) for total, size in zip(sums, sizes, strict=True)]
        return min(sums)

    def cells(self, label: str, reference: str) -> int:
        """Cells that hold both."""
        return len(self._held(label).keys() & self._held(reference).keys())

    def _held(self, label: str) -> dict[Stratum, Tally]:
        return {cell: tally for cell, tally in self.within.get(label, {}).items() if tally.replayed}


def groups_of(evidence: Evidence, attribute: str, contract: DataContract) -> Groups:
    """The loans of each group."""
    cells = evidence.cells(effect_cells(group_need(attribute, contract)))
    within: dict[str | None, dict[Stratum, Tally]] = {}
    for i, (labels, _, _) in enumerate(cells.cells):
        excess, steered = (cells.totals[i][cells.sums.index(name)] for name in (EXCESS, STEERED))
        one = Tally(0, excess.known, round(steered.sum), excess.sum)
        held = within.setdefault(labels[0], {})
        held[labels[1:]] = held.get(labels[1:], Tally()).plus(one)
    of = {}
    loans = loans_by_label(evidence.cells(fault_need(attribute)))
    for label in {*within, *loans}:
        tally = Tally(loans.get(label, 0))
        for cell in sorted(within.get(label, {}), key=str):
            tally = tally.plus(within[label][cell])
        of[label] = tally
    return Groups(of, within)


def loans_by_label(cells: Cells) -> dict[str | None, int]:
    """Loans of each label; applications that were not granted are none."""
    found: dict[str | None, int] = {}
    for (label, fault), _, rows in cells.cells:
        found[label] = found.get(label, 0) + (0 if fault == NOT_GRANTED else rows)
    return found


def effects_of(evidence: Evidence, attribute: str, contract: DataContract) -> tuple[Effect, Effect]:
    """The effects of an attribute's groups on the mean excess, and on the logarithm of the share of the steered."""
    import numpy as np

    need = group_need(attribute, contract)
    cells = evidence.cells(effect_cells(need))
    scores = evidence.effect_scores(need) if need.cluster else None
    found, start = [], 0
    for one in fit_effects(cells, need):
        width = len(one.names)
        covariance, freedom, shares = one.fit.hc1, one.fit.n - one.fit.parameters, (0.0,) * width
        counts: dict[str, int] = {}
        if scores:
            covariance = one.fit.clustered(scores.meat(start, width), scores.clusters)
            freedom, shares = float(scores.clusters - 1), scores.shares[start : start + width]
            counts = {"borrowers": scores.clusters, "largest_borrower": scores.largest}
            counts |= {"without_borrower": scores.missing} if scores.missing else {}
        classical = np.sqrt(np.maximum(np.diag(one.fit.classical), 0.0))
        errors = said("HC1 errors")
        if scores:
            by = _BY_SETS if scores.grouped else _BY
            errors = said(by, cluster=need.cluster)
        found.append(Effect(
            one.names, one.fit.coefficients, covariance, classical, float(freedom), counts, errors, tuple(shares), one,
        ))  # fmt: skip
        start += width
    return found[0], found[1]


_BY, _BY_SETS = template("CR1 errors by {cluster}"), template("CR1 errors by sets of {cluster}")


@dataclass(frozen=True, slots=True)
class Worth:
    """How many independent loans a share is worth; ``borrowers`` at least so many, None where they are not told."""

    n: float
    borrowers: int | None = None


def worth(steered: int, replayed: int, clusters: ClusterCells | None, label: str | None, grouped: bool) -> Worth:
    """The effective number of loans behind steered / replayed.

    p (1 − p) over the variance of p between borrowers (Kish 1965, Survey Sampling, 8.1), at most the loans; at a share
    of 0 or 1, or below twenty borrowers, n² / Σ (a borrower's loans)², as if those of a borrower were one. ``grouped``
    says that the cells of ``clusters`` have a label, of which ``label`` is meant.
    """
    import numpy as np

    if clusters is None or not replayed:
        return Worth(float(replayed))
    place = 1 if grouped else 0
    own, hit = [], []
    for labels, _, _ in clusters.cells:
        mine = labels[place] is not None and (not grouped or labels[0] == label)
        own.append(float(mine))
        hit.append(float(mine and labels[place] == "1"))
    many = max((n for n, mine in zip(clusters.clusters_by_cell, own, strict=True) if mine), default=0)
    whole, share = np.array(own), steered / replayed
    score, products = np.array(hit) - share * whole, clusters.between()
    total = sum(rows for _, _, rows in clusters.cells)
    held = (total - clusters.missing) / total if total else 0.0
    together = float(whole @ products @ whole)
    if not together > 0 or not held > 0:
        return Worth(0.0, 0)
    spread = float(score @ products @ score) * many / max(many - 1, 1)
    few = many < ENTITIES or not 0 < share < 1 or not spread > 0
    size = held * replayed**2 * (1 / together if few else share * (1 - share) / spread)
    return Worth(min(size, float(replayed)), many)

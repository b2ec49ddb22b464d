"""Who sits in the dearest tenth of loans?

Harm: the dearest credit is sold to those who can least bear it. All granted loans are ordered by annual rate: the
loan's own, solved from its terms, or else the contract's rate. The dearest ``share`` of them are the dearest; loans at
the threshold count with the same fraction each, so that ties neither fill nor empty a group.

* dearest_decile_share: the share of a group among the dearest loans;
* dearest_decile_ratio: that share over the group's share of all loans, so that 1 means neither more nor less. A loan
  stands for its borrower: one with many loans counts with each, and errors allow for that where an entity is named.

Intervals allow for the threshold being estimated from the same loans (``audits.statistics.dearest_share``). The figure
compares rates as they stand, whatever the risk or product behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from audits.comparisons.loan_faults import cost_faults, told_faults
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, DearestNeed, Need
from audits.measuring import POWER, bounded_at_once, number
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import APR, COST_FAULT, RATE_UNIT
from checks.inputs.loan_figures import can_be_solved
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.dearest import Dearest
    from audits.statistics.dearest_share import DearestShare

_FAVOURABLE = "squaredeal_favourable"
_FEWEST = 5  # loans among the dearest
_MANY = 0.05
_MOST_TIED = 0.5
_METHOD = template("Wilson score of effective counts, threshold estimated, ties split evenly, by {rate}")
_BY_ENTITY = template("{method}; dependence within {entity} allowed for")
_ONE_RATE = template("all {loans:,} loans have the same annual rate, so that none is dearer than another")
_NO_RATE = template("none of {loans:,} loans has an annual rate")
_FEW = template("only {loans:,} loans have an annual rate: the dearest of them would be {dearest:.1f}")
_ALL_OWN = template("every loan with a rate is one of {group}")
_NO_LABEL = template("{attribute} is not known of any loan with a rate")
_NO_ENTITY = template("no loan of '{label}' names its entity, so that nothing is known of dependence")
_UNRATED = template("{share:.1f} % of the loans have no annual rate, and may be the dearest")
_UNLABELLED = template("{attribute} is not known for {share:.1f} % of the loans")
_TIED = template(
    "{share:.0f} % of the dearest loans are drawn evenly from loans that share one rate, so that who is dearest among "
    "these is not seen"
)
_ADRIFT = template("{share:.1f} % of all rows name no {entity}")


@dataclass(frozen=True, slots=True)
class Concentration:
    """``share`` of loans that are called the dearest, .1 for a tenth; ``attributes``, empty for all."""

    share: float = field(default=0.1, metadata={"least": 0.001})
    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "predatory_lending.concentration"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("groups",)
    optional_roles: ClassVar[tuple[str, ...]] = ("loan", "rate", "decision", "entity", "weight", "strata")
    measures: ClassVar[Mapping[str, float | None]] = {"dearest_decile_ratio": 1.0, "dearest_decile_share": None}
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if isinstance(self.share, (int, float)) and self.share > 0.5:
            raise InputError(Problem(
                f"{self.name}, share", f"{self.share:g}", "the share of loans that are the dearest, at most 0.5",
                "write 0.1 for the dearest tenth",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Rows by group and by where their rate lies, and why loans have no rate."""
        if _rate_of(contract) is None:
            return
        yield from (self._need(name, contract) for name in self._attributes(contract))
        if can_be_solved(contract):
            yield CellsNeed(columns=(COST_FAULT,), decision=False)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Share and ratio of every group."""
        rate, unused = _rate_of(contract), left_unused(self.name, replace(contract, entity=None))
        if rate is None:
            return [], [*unused, NotAnswered(
                self.name, said("the contract does not say what loans cost a year"),
                said("name under 'loan' amount, instalment and term, or a column under 'rate'"),
            )]  # fmt: skip
        faults: tuple[Sentence, ...] = ()
        if can_be_solved(contract):
            faults = told_faults(cost_faults(evidence.cells(CellsNeed(columns=(COST_FAULT,), decision=False))))
        figures: list[Measurement] = []
        for attribute in self._attributes(contract):
            dearest = evidence.dearest(self._need(attribute, contract))
            figures += self._of_attribute(dearest, evidence.data.references[attribute], contract, faults)
        return figures, unused

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _need(self, attribute: str, contract: DataContract) -> DearestNeed:
        scope = _FAVOURABLE if contract.decision else None
        return DearestNeed(str(_rate_of(contract)), self.share, attribute, scope, contract.entity)

    def _of_attribute(
        self, dearest: Dearest, reference: str, contract: DataContract, faults: tuple[Sentence, ...]
    ) -> Iterator[Measurement]:
        reason = self._reason(dearest)
        labels = sorted({label for label, _, _ in dearest.cells if label is not None})
        if not labels:
            nobody = reason or said(_NO_LABEL, attribute=dearest.attribute)
            yield replace(
                self._nothing(dearest, None, contract), measure="dearest_decile_ratio", equality=1.0, reason=nobody
            )  # fmt: skip
        for label in labels:
            shared = self._nothing(dearest, label, contract)
            why = reason or _unfit(dearest, label)
            if why:
                yield replace(shared, measure="dearest_decile_share", reason=why)
                if label != reference:
                    yield replace(shared, measure="dearest_decile_ratio", equality=1.0, reason=why)
                continue
            found = _found(dearest, label)
            shared = replace(shared, **_told(dearest, label, found, contract, faults))
            yield _share(shared, found)
            if label != reference:
                yield _ratio(shared, found)

    def _nothing(self, dearest: Dearest, label: str | None, contract: DataContract) -> Measurement:
        named = said("the loan's own annual rate") if dearest.rate == APR else dearest.rate
        method = said(_METHOD, rate=named)
        if contract.entity:
            method = said(_BY_ENTITY, method=method, entity=contract.entity)
        return Measurement(
            question=self.name, measure="", attribute=dearest.attribute, group=label, reference=None, estimate=None,
            low=None, high=None, level=self.level, n=dearest.known, method=method,
            source=said("counts by group and rate"),
        )  # fmt: skip

    def _reason(self, dearest: Dearest) -> Sentence | None:
        if not dearest.known:
            return said(_NO_RATE, loans=dearest.rows)
        if dearest.different == 1:
            return said(_ONE_RATE, loans=dearest.known)
        if self.share * dearest.known < _FEWEST - 1e-9:
            return said(_FEW, loans=dearest.known, dearest=self.share * dearest.known)
        return None


def _rate_of(contract: DataContract) -> str | None:
    """The column with the annual rate: solved from the loan's terms, else the contract's, else the one disclosed."""
    return APR if can_be_solved(contract) else contract.rate or contract.loan.get("disclosed_apr")


def _unit_of(rate: str, contract: DataContract) -> float:
    """What turns a rate of the column into a fraction."""
    if rate == APR:
        return 1.0
    unit = contract.rate_unit if rate == contract.rate else contract.loan_form.apr_unit
    return RATE_UNIT.get(unit, 1.0)


def _bands(dearest: Dearest, label: str) -> tuple[list[int], list[int]]:
    """Loans by band, of the group and of all others."""
    own, others = [0] * 5, [0] * 5
    for name, band, rows in dearest.cells:
        (own if name == label else others)[band] += rows
    return own, others


def _clusters(dearest: Dearest, label: str) -> int:
    """Entities of a group or of all others, whichever are fewer, at least."""
    pairs = list(zip(dearest.cells, dearest.clusters_by_cell, strict=False))
    sides = ([many for (name, _, _), many in pairs if (name == label) is own] for own in (True, False))
    return min(max(side, default=0) for side in sides)


def _unfit(dearest: Dearest, label: str) -> Sentence | None:
    _, others = _bands(dearest, label)
    if not sum(others):
        return said(_ALL_OWN, group=label)
    if dearest.products is not None and (_clusters(dearest, label) < 1 or dearest.adrift >= 1):
        return said(_NO_ENTITY, label=label)
    return None


def _found(dearest: Dearest, label: str) -> DearestShare:
    import numpy as np

    from audits.statistics.dearest_share import dearest_share

    own, others = _bands(dearest, label)
    if dearest.products is None:
        return dearest_share(own, others, dearest.share)
    where = np.zeros((len(dearest.cells), 10))
    for i, (name, band, _) in enumerate(dearest.cells):
        where[i, band + (0 if name == label else 5)] = 1.0
    products = where.T @ np.array(dearest.products) @ where
    return dearest_share(own, others, dearest.share, products, _clusters(dearest, label), 1 - dearest.adrift)


def _told(
    dearest: Dearest, label: str, found: DearestShare, contract: DataContract, faults: tuple[Sentence, ...]
) -> dict[str, Any]:
    """Denominators, thresholds and what is not seen, as fields of a measurement."""
    unlabelled = sum(rows for label, _, rows in dearest.cells if label is None) / dearest.known
    unrated = 1 - dearest.known / dearest.rows
    unit = _unit_of(dearest.rate, contract)
    lost = (said(_UNLABELLED, attribute=dearest.attribute, share=100 * unlabelled),) if unlabelled > _MANY else ()
    if dearest.adrift > _MANY:
        lost = (*lost, said(_ADRIFT, share=100 * dearest.adrift, entity=contract.entity))
    unseen = (said(_UNRATED, share=100 * unrated), *faults) if unrated > _MANY else ()
    if found.tied > _MOST_TIED:
        unseen = (*unseen, said(_TIED, share=100 * found.tied))
    counts = {"loans": round(found.loans), "all_loans": dearest.known, "without_rate": dearest.rows - dearest.known}
    if dearest.products is not None:
        counts["fewest_entities"] = _clusters(dearest, label)
    details = {
        "dearest_of_group": found.dearest, "dearest": dearest.share * dearest.known, "share_of_loans": found.of_all,
        "tied_share": found.tied, "threshold_rate": float(dearest.threshold or 0.0) * unit,
    }  # fmt: skip
    return {"counts": counts, "details": details, "cautions": lost, "unseen": (*lost, *unseen)}


def _share(shared: Measurement, found: DearestShare) -> Measurement:
    return replace(
        shared, measure="dearest_decile_share", estimate=found.part,
        **bounded_at_once(found.part_interval, shared.level),
    )  # fmt: skip


def _ratio(shared: Measurement, found: DearestShare) -> Measurement:
    from audits.statistics.ladder import critical

    return replace(
        shared, measure="dearest_decile_ratio", equality=1.0, estimate=found.rate / found.share,
        mde=number((critical(shared.level) + critical(2 * POWER - 1)) * found.error), p_value=number(found.p_value),
        **bounded_at_once(found.ratio_interval, shared.level),
    )  # fmt: skip

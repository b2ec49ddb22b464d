"""How unequally is access spread along income, or another rank?

Harm: credit that those with less are not given, or are given less of. People are ordered by ``loan.income``, or by the
column ``ranked_by``. With a funnel in columns access is having passed the stage of the decision (without one, the last
stage), of all rows, so that whoever never came to a decision has none. Without a funnel it is the favourable decision,
of the decided rows alone. A log of events has no row for each person: without a decision it is not answered.

* access_concentration_index: Erreygers' index, 8 cov(access, rank): between −1 and 1 whatever the level, so that
  periods and lenders compare; above 0 those of higher rank have more access. C and Wagstaff's index stand beside it;
* access_share: the share that has access: an index tells nothing of the level, and is to be read beside it;
* amount_concentration_index: C of the amounts lent over the rank, among granted rows;
* amount_theil_index: how unequal amounts are, whatever the rank, and how much of that lies between the groups of each
  attribute. Exact from Σ y and Σ y log y. Amounts that are not above zero are counted and left out.

Nothing is held equal: risk may differ along the rank, and income bounds what can be repaid, so that a concentration of
amounts makes no breach by itself. An index can be 0 though the lowest fifth has less access: that is looked for, and
keeps the figure from being clear. Rows count as independent: where an entity repeats, intervals are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import along_rank, amount_spread
from audits.comparisons.access_basis import Access, access_of, fault_cells, with_faults
from audits.evidence.collect import Evidence
from audits.evidence.needs import ClusterCellsNeed, Need, RankedNeed, SpreadNeed
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused, marked
from checks.inputs.contract import DataContract
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said, template

_NUMBERS = (
    "score", "cost", "market_price", "prior_price", "realised_cost", "price", "rate", "tenure", "age", "age_points",
    "behaviour.visits", "behaviour.spend_history",
)  # fmt: skip
_NOT_NUMBERS = ("loan.originated_at", "loan.first_due_at", "loan.repaid_at", "loan.lien")
_LUMPED = said("the declared strata are not told apart here, and a gap within each of them can vanish over all")
_CAPACITY = said("income bounds what can be repaid, so that larger loans of those with more are no harm by themselves")
_NO_RANK = said("the contract names no loan.income to order people by")
_NAME_RANK = said("name the column of income under 'loan: {{income: …}}', or another number in 'ranked_by'")
_NOT_NAMED = template("the contract names no column '{column}' that holds numbers")
_LOG = said("the funnel is a log of events, which has no row for each person")
_NO_OUTCOME = said("the contract names neither a decision nor a funnel of flags or times")


@dataclass(frozen=True, slots=True)
class ConcentrationIndex:
    """``ranked_by`` names a column of numbers of the contract that orders people; empty for ``loan.income``."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    ranked_by: str = ""

    name: ClassVar[str] = "digital_divide.concentration_index"
    harm: ClassVar[str] = "digital_divide"
    roles: ClassVar[tuple[str, ...]] = ()
    optional_roles: ClassVar[tuple[str, ...]] = (
        "decision", "funnel", "loan", "groups", "strata", "entity", "weight",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "access_concentration_index": 0.0, "access_share": None, "amount_concentration_index": 0.0,
        "amount_theil_index": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.ranked_by, str):
            raise InputError(Problem(
                f"{self.name}, ranked_by", f"'{self.ranked_by}'", "the name of one column of numbers",
                "write it in quotes, or leave it out for loan.income",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Rows along the rank, sums of amounts by group, and whether an entity repeats."""
        access = access_of(contract)
        yield from dict.fromkeys(one for one in (self._along(contract, access), self._amounts(contract)) if one)
        if access and access.everybody:
            yield fault_cells()
        yield from self._spreads(contract)
        if contract.entity:
            yield _entities(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Access along the rank, then amounts."""
        if contract.entity and evidence.cluster_cells(_entities(contract)).largest <= 1:
            contract = replace(contract, entity=None)
        figures: list[Measurement] = []
        access = access_of(contract)
        along, amounts = self._along(contract, access), self._amounts(contract)
        if access and along:
            figures += self._access(evidence, along, access)
        if amounts:
            base, decided = self._shared("amount_concentration_index"), bool(contract.decision)
            amount = amount_spread.amount_index(base, evidence.ranked(amounts), amounts.rank, decided)
            figures.append(replace(amount, cautions=(*amount.cautions, _CAPACITY)))
        for spread in self._spreads(contract):
            figures.append(amount_spread.theil(self._shared("amount_theil_index"), evidence.spread(spread)))
        return [_with_roles(one, contract) for one in figures], list(self._missing(contract))

    def _access(self, evidence: Evidence, need: RankedNeed, access: Access) -> Iterator[Measurement]:
        found = evidence.ranked(need)
        if access.everybody:
            found = along_rank.everybody(found)
        index = along_rank.access_index(self._shared("access_concentration_index"), found, need.rank, access.whom)
        for figure in (index, along_rank.access_share(self._shared("access_share"), found, access.whom)):
            yield with_faults(figure, evidence.cells(fault_cells())) if access.everybody else figure

    def _shared(self, measure: str) -> Measurement:
        return Measurement(
            question=self.name, measure=measure, attribute=None, group=None, reference=None, estimate=None, low=None,
            high=None, level=self.level, n=0, method=said("none"), source=said("rows along a rank"),
        )  # fmt: skip

    def _rank(self, contract: DataContract) -> str | None:
        """The column that orders people, None where the contract names none."""
        if not self.ranked_by:
            return contract.loan.get("income")
        return self.ranked_by if _is_number(self.ranked_by, contract) else None

    def _along(self, contract: DataContract, access: Access | None) -> RankedNeed | None:
        """Access along the rank, in one with the amounts where both go by the decision."""
        rank = self._rank(contract)
        if rank is None or access is None:
            return None
        return RankedNeed(rank, contract.loan.get("amount") if access.passed is None else None, access.passed)

    def _amounts(self, contract: DataContract) -> RankedNeed | None:
        """Amounts along the rank, of those approved where there are decisions."""
        rank, amount = self._rank(contract), contract.loan.get("amount")
        return RankedNeed(rank, amount) if rank is not None and amount else None

    def _spreads(self, contract: DataContract) -> list[SpreadNeed]:
        if "amount" not in contract.loan:
            return []
        attributes = self.attributes or tuple(group.name for group in contract.groups)
        return [SpreadNeed(contract.loan["amount"], attribute) for attribute in attributes or (None,)]

    def _missing(self, contract: DataContract) -> Iterator[NotAnswered]:
        """What this contract cannot answer, and which roles are not used."""
        no_rank = self._rank(contract) is None
        reason: Sentence | None = None
        if no_rank:
            reason = said(_NOT_NAMED, column=self.ranked_by) if self.ranked_by else _NO_RANK
        if access_of(contract) is None:
            why = _LOG if contract.funnel and contract.funnel.event else _NO_OUTCOME
            yield NotAnswered(
                f"{self.name}: access_concentration_index", why, said("name the decision in the contract")
            )
        elif reason:
            yield NotAnswered(f"{self.name}: access_concentration_index", reason, _NAME_RANK)
        if "amount" not in contract.loan:
            told = said("the contract names no loan.amount"), said("name its column under 'loan: {{amount: …}}'")
            for measure in ("amount_concentration_index", "amount_theil_index"):
                yield NotAnswered(f"{self.name}: {measure}", *told)
        elif reason:
            yield NotAnswered(f"{self.name}: amount_concentration_index", reason, _NAME_RANK)
        yield from left_unused(self.name, contract)


def _entities(contract: DataContract) -> ClusterCellsNeed:
    return ClusterCellsNeed(str(contract.entity), decision=False)


def _is_number(column: str, contract: DataContract) -> bool:
    """Whether the contract names a column where only numbers may stand, or declares it a number."""
    places = contract.columns_used().get(column, [])
    if any(place in _NUMBERS or place.startswith("controls[") for place in places):
        return True
    from checks.inputs.contract import LOAN_AMOUNTS, LOAN_NUMBERS

    if any(place in {f"loan.{key}" for key in (*LOAN_AMOUNTS, *LOAN_NUMBERS)} for place in places):
        return True
    return bool(places) and contract.rule_for(column).type in ("number", "integer")


def _with_roles(figure: Measurement, contract: DataContract) -> Measurement:
    """The figure with what the unused roles do to it."""
    figure = marked(figure, contract)
    if contract.strata and figure.equality is not None and figure.estimate is not None:
        figure = replace(figure, unseen=(*figure.unseen, _LUMPED))
    return figure

"""Does credit cost more than its papers say, and is a group sold dearer extras with it?

Harm: hidden charges. Case by case, without sampling error (``checks.inputs.disclosure_figures``):

* regular_apr_understated_gap, irregular_apr_understated_gap: the loan's own annual rate from its payments, nominal by
  unit periods, less the disclosed one (12 CFR 1026.22(a), Appendix J), by the kind of its payments;
* aprc_understated_gap: the effective annual rate less the disclosed one (Directive 2008/48/EC, Annex I). These three
  count ``fees`` as charges; with insurance and other charges that the contract names the gap is told beside them, since
  whether these were a condition of the credit is not in the data;
* irr_understated_gap: the internal rate of return of all charges, times the periods in a year, less the disclosed rate.
  PBoC Announcement [2021] No. 3 allows a rate that is compounded or simple, of the principal in fact used. This one is
  simple, of the money lent less charges at the start, and the compounded one is never lower: a lower rate is neither;
* cost_sheet_understated_gap: total cost less the total on the cost sheet, a year, over the principal owed;
* undisclosed_charge_cases: loans that cost more than their sheet says, beyond what rounding can make;
  undisclosed_charge_money: how much more in all;
* missing_fact_statement_cases: loans without the statement of facts, by a flag.

The highest signed gap counts: a rate disclosed too high harms nobody and a book of such loans has a gap of zero or
less. With intervals, that allow for repeat customers where the contract names an entity, within declared strata:

* insurance_packing_ratio: a group's share of loans with insurance over that of its reference;
* fee_share_gap: a group's mean of fees over the amount less that of its reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons.credit_flags import flagged_loans, refused
from audits.comparisons.event_rates import event_needs, event_table
from audits.comparisons.event_ratios import Asked, ratio_figure
from audits.comparisons.fee_shares import fee_share_gaps, fee_share_needs
from audits.comparisons.loan_cases import case_figure, case_needs
from audits.comparisons.loan_census import answerable, undeclared
from audits.comparisons.loan_faults import cost_faults, told_faults
from audits.comparisons.understated import CHARGES, charge_figure, charge_money, charge_needs, gap_figure, gap_needs
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.inputs.disclosure_figures import RATE_GAPS, SHEET, UNDISCLOSED
from checks.inputs.loan_columns import COST_FAULT
from checks.inputs.loan_sheet import INSURED, NO_STATEMENT
from checks.sentence import said

_GAPS = (*RATE_GAPS, SHEET)
_STATEMENT, _PACKING, _FEES = "missing_fact_statement_cases", "insurance_packing_ratio", "fee_share_gap"
_KEYS = {_STATEMENT: ("fact_statement",), _PACKING: ("insurance",), _FEES: ("amount", "fees")}
_FAULTS = CellsNeed(columns=(COST_FAULT,), decision=False)


@dataclass(frozen=True, slots=True)
class HiddenCharges:
    """``level`` is the confidence level; ``attributes`` restricts comparisons, empty means all."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "predatory_lending.hidden_charges"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("loan",)
    optional_roles: ClassVar[tuple[str, ...]] = ("decision", "groups", "strata", "entity", "weight")
    measures: ClassVar[Mapping[str, float | None]] = {
        **dict.fromkeys((*_GAPS, UNDISCLOSED, CHARGES, _STATEMENT)), _PACKING: 1.0, _FEES: 0.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (*_GAPS, UNDISCLOSED, CHARGES, _STATEMENT)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Censuses of gaps and cases, why loans have no rate, and sums by group, stratum and entity."""
        solved = answerable((*_GAPS, UNDISCLOSED), contract)
        for measure in solved:
            yield from (charge_needs if measure == UNDISCLOSED else gap_needs)(measure, contract)
        if solved:
            yield _FAULTS
        if _can(_STATEMENT, contract):
            yield from case_needs(_STATEMENT, NO_STATEMENT, contract)
            yield _flags(contract)
        for attribute in self._attributes(contract):
            if _can(_PACKING, contract):
                yield from event_needs(INSURED, attribute, contract)
                if contract.strata:
                    yield from event_needs(INSURED, attribute, contract, contract.strata)
            if _can(_FEES, contract):
                yield from fee_share_needs(attribute, contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures, and which roles the others lack."""
        figures = list(self._solved(evidence, contract))
        missing = self._missing(contract)
        if _can(_STATEMENT, contract):
            found, odd = self._statements(evidence, contract)
            figures, missing = [*figures, found], [*missing, *odd]
        for attribute in self._attributes(contract):
            if _can(_PACKING, contract):
                figures += self._packing(evidence, contract, attribute)
            if _can(_FEES, contract):
                figures += fee_share_gaps(self.name, evidence, contract, attribute, self.level)
        return figures, [*missing, *left_unused(self.name, replace(contract, entity=None, strata=()))]

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _solved(self, evidence: Evidence, contract: DataContract) -> Iterator[Measurement]:
        """What rests on the cost of each loan, with why some have none."""
        solved = answerable((*_GAPS, UNDISCLOSED), contract)
        faults = cost_faults(evidence.cells(_FAULTS)) if solved else {}
        for measure in solved:
            own = charge_figure if measure == UNDISCLOSED else gap_figure
            figures = [own(self.name, measure, evidence, contract)]
            if measure == UNDISCLOSED:
                figures.append(charge_money(self.name, measure, evidence, contract))
            for figure in figures:
                yield replace(figure, unseen=(*figure.unseen, *told_faults(faults))) if figure.unseen else figure

    def _statements(self, evidence: Evidence, contract: DataContract) -> tuple[Measurement, list[NotAnswered]]:
        """The count of loans without a statement; none where the flag holds what is neither yes nor no."""
        figure = case_figure(self.name, _STATEMENT, NO_STATEMENT, evidence, contract)
        column = contract.loan["fact_statement"]
        seen = flagged_loans(evidence.cells(_flags(contract)), {"fact_statement": column}, {"fact_statement": False})
        if not seen.odd:
            return figure, []
        reason = refused(seen)
        figure = replace(
            figure, estimate=None, low=None, high=None, ladder=(), beyond=(), reason=reason, cautions=(), unseen=(),
            details={},
        )  # fmt: skip
        write = said("write true or false, yes or no, 1 or 0, in the source or in a 'query'")
        return figure, [NotAnswered(f"{self.name}: {_STATEMENT}", str(reason), write)]

    def _packing(self, evidence: Evidence, contract: DataContract, attribute: str) -> Iterator[Measurement]:
        table = event_table(evidence, contract, INSURED, attribute)
        by_strata = event_table(evidence, contract, INSURED, attribute, contract.strata) if contract.strata else None
        reference = evidence.data.references[attribute]
        asked = Asked(self.name, _PACKING, self.level, attribute, reference, contract.strata)
        for label in (label for label in table.labels() if label != reference):
            yield ratio_figure(asked, table, label, by_strata)

    def _missing(self, contract: DataContract) -> list[NotAnswered]:
        every = (*_GAPS, UNDISCLOSED)
        had = answerable(every, contract)
        missing = [undeclared(self.name, measure, contract) for measure in every if measure not in had]
        for measure, keys in _KEYS.items():
            if not _can(measure, contract):
                named = ", ".join(f"loan.{key}" for key in keys if key not in contract.loan)
                missing.append(NotAnswered(
                    f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=named),
                    said("name the columns of {keys} in the contract", keys=named),
                ))  # fmt: skip
            elif measure != _STATEMENT and not self._attributes(contract):
                missing.append(NotAnswered(
                    f"{self.name}: {measure}", said("the contract declares no groups"),
                    said("declare under 'groups' whose loans are to be compared with whose"),
                ))  # fmt: skip
        return missing


def _can(measure: str, contract: DataContract) -> bool:
    return set(_KEYS[measure]) <= set(contract.loan)


def _flags(contract: DataContract) -> CellsNeed:
    return CellsNeed(columns=(contract.loan["fact_statement"],), decision=False)

"""Does any loan cost more than it may?

Harm: usury, and charges above what a law allows. Case by case, without sampling error: the highest figure of any loan,
and how many loans lie beyond each limit that the chosen rules set. The annual rate of a loan is solved from its own
payments (Regulation Z, Appendix J; nominal), all charges included: fees, insurance and other charges that the contract
names. Whoever pays them up front or has them deducted is advanced so much less.

Figures of high-cost short-term credit (FCA Handbook, CONC 5A) speak of loans with an effective annual rate of 100 % or
more and a term of up to twelve months; the cost of a day is all charges over the money owed times the days it is owed.
What loans beyond a cap that the chosen rules set cost beyond it is counted in money (``cap_excess_money``).
The loan prime rate is that of the day of the loan, by a dated table or the contract's column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import cap_excess
from audits.comparisons.currency import Currency, loan_currency, loan_currency_needs
from audits.comparisons.loan_census import answerable, census_figure, loan_need, undeclared
from audits.comparisons.loan_faults import cost_faults, told_faults
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import COST_FAULT
from checks.inputs.loan_figures import FIGURES, currency_wanted
from checks.sentence import said

MEASURES = (
    "highest_all_in_rate", "highest_lpr_ratio", "highest_mapr_rate", "highest_daily_cost_rate", "highest_default_fees",
    "highest_total_cost_ratio", "highest_repayment_income_share", "highest_establishment_fee_share",
    "highest_monthly_fee_share",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CostCaps:
    """No parameters: limits stand in the policies."""

    name: ClassVar[str] = "predatory_lending.cost_caps"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("loan",)
    optional_roles: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, float | None]] = dict.fromkeys((*MEASURES, cap_excess.MEASURE))
    counted: ClassVar[tuple[str, ...]] = (*MEASURES, cap_excess.MEASURE)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """A census of each figure that can be had, and why loans have no rate."""
        for measure in answerable(MEASURES, contract):
            yield loan_need(measure, contract)
        yield from loan_currency_needs(contract)
        if _solved(contract):
            yield CellsNeed(columns=(COST_FAULT,), decision=False)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures, and which roles the others lack."""
        faults = {}
        if _solved(contract):
            faults = cost_faults(evidence.cells(CellsNeed(columns=(COST_FAULT,), decision=False)))
        currency, unpriced = loan_currency(evidence, contract), []
        figures, had = [], answerable(MEASURES, contract)
        for measure in had:
            figure = census_figure(self.name, loan_need(measure, contract), evidence, contract)
            wanted = currency_wanted(measure, contract)
            if figure.estimate is None and wanted and wanted != currency.unit:
                unpriced.append(_of_other_money(measure, wanted, currency))
                continue
            if FIGURES[measure].money:
                figure = replace(figure, unit=currency.unit)
            if FIGURES[measure].solved and figure.unseen:
                figure = replace(figure, unseen=(*figure.unseen, *told_faults(faults)))
            figures.append(figure)
        missing = [
            undeclared(self.name, one, contract) for one in MEASURES if one not in answerable(MEASURES, contract)
        ]
        excesses, uncapped = cap_excess.cap_excesses(self.name, had, evidence, contract)
        return [*figures, *excesses], [*missing, *unpriced, *uncapped]


def _of_other_money(measure: str, wanted: str, currency: Currency) -> NotAnswered:
    """A figure that takes a table for loans in one currency, where the column of the loans' currency tells no such."""
    reason = currency.reason or said("the loans are in {currency}", currency=str(currency.unit))
    return NotAnswered(
        f"{CostCaps.name}: {measure}",
        said("its table is for loans in {wanted}: {reason}", wanted=wanted, reason=reason),
        said("name the rate that it is held against in a column under 'loan: {{benchmark_rate: …}}'"),
    )  # fmt: skip


def _solved(contract: DataContract) -> bool:
    return any(FIGURES[measure].solved for measure in answerable(MEASURES, contract))

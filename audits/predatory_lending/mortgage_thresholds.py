"""Is any mortgage dearer than the lender's treatment of it allows?

Harm: a high-cost or higher-priced mortgage without the protection that the law attaches to it, or one that is called a
qualified mortgage and is none (12 CFR 1026.32, 1026.35, 1026.43(e)). Case by case, without sampling error, among the
loans that the lender does not treat as such: the highest spread over the average prime offer rate, the highest points
and fees, the longest and largest prepayment penalty. The annual rate is the disclosed one where the contract names it,
else the loan's own. Dollar amounts are those of the year of the loan, by a dated table; a loan of a year that no table
has is not answered for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.comparisons.loan_census import answerable, census_figure, loan_need, undeclared
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import said

MEASURES = (
    "first_lien_apor_gap", "subordinate_lien_apor_gap", "longest_prepayment_penalty_months",
    "highest_prepayment_penalty_share", "larger_loan_fees_share", "smaller_loan_fees_share",
    "smaller_loan_fees_dollars", "higher_priced_first_apor_gap", "higher_priced_jumbo_apor_gap",
    "higher_priced_subordinate_apor_gap", "qm_large_apor_gap", "qm_middle_apor_gap", "qm_small_apor_gap",
    "qm_band_1_fees_share", "qm_band_2_fees_dollars", "qm_band_3_fees_share", "qm_band_4_fees_dollars",
    "qm_band_5_fees_share",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MortgageThresholds:
    """No parameters: limits stand in the policies, amounts in dated tables."""

    name: ClassVar[str] = "predatory_lending.mortgage_thresholds"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("loan",)
    optional_roles: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, float | None]] = dict.fromkeys(MEASURES)
    counted: ClassVar[tuple[str, ...]] = MEASURES

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """A census of each figure that can be had."""
        return [loan_need(measure, contract) for measure in answerable(MEASURES, contract)]

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures, and which roles the others lack."""
        had = answerable(MEASURES, contract)
        if not had:
            return [], [NotAnswered(
                self.name, said("the contract names no figures of mortgages"),
                said("name loan.apor, loan.lien and the flags loan.high_cost and loan.qualified in the contract"),
            )]  # fmt: skip
        figures = [census_figure(self.name, loan_need(measure, contract), evidence, contract) for measure in had]
        return figures, [undeclared(self.name, measure, contract) for measure in MEASURES if measure not in had]

"""What measures are known: those that questions measure, and those that rules name and no question measures yet.

A rule may stand in a pack before its measure exists; a run then lists it as not applied and says so. A question's own
declaration wins over an entry here, so that an entry is merely stale once its question has come (a test tells).
``counted`` marks what is known case by case, a number of cases or the highest figure of any case: such a figure is
exact and is put to the test ``census``, which asks whether any case lies beyond the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits.catalogue import questions
from checks.inputs.contract import BEHAVIOUR_KEYS, LOAN_KEYS, ROLES, TERMS_KEYS


@dataclass(frozen=True, slots=True)
class MeasureKind:
    """A measure: the question that has it, the value that means no difference, and whether it is a count of cases."""

    question: str
    equality: float | None
    counted: bool
    planned: str | None = None
    """What it will be, in a line; None where a question measures it."""


def measure_kinds() -> dict[str, MeasureKind]:
    """Every measure that a rule may name; what questions declare comes before what is planned."""
    measured = {
        measure: MeasureKind(kind.name, equality, measure in kind.counted)
        for kind in questions().values()
        for measure, equality in kind.measures.items()
    }
    return {**PLANNED, **measured}


def stale() -> list[str]:
    """Planned measures and roles that exist by now: their entries here are to be deleted."""
    return [*(set(PLANNED) & {measure for kind in questions().values() for measure in kind.measures}),
            *(set(PLANNED_ROLES) & set(contract_roles()))]  # fmt: skip


def contract_roles() -> tuple[str, ...]:
    """The roles of a contract; the parts of a block by name, such as ``loan.amount``."""
    blocks = {"loan": LOAN_KEYS, "terms": TERMS_KEYS, "behaviour": BEHAVIOUR_KEYS}
    return (*ROLES, *(f"{block}.{key}" for block, keys in blocks.items() for key in keys))


def _ratios(question: str, **what: str) -> dict[str, MeasureKind]:
    return {measure: MeasureKind(question, 1.0, False, text) for measure, text in what.items()}


def _counted(question: str, **what: str) -> dict[str, MeasureKind]:
    return {measure: MeasureKind(question, None, True, text) for measure, text in what.items()}


_PREDATORY_LENDING: dict[str, MeasureKind] = {
    **_counted(
        "predatory_lending.cost_caps",
        highest_all_in_rate="highest annual cost of any loan with all charges",
        highest_lpr_ratio="highest annual cost over the loan prime rate",
        highest_mapr_rate="highest military annual percentage rate",
        highest_daily_cost_rate="highest cost of a day",
        highest_default_fees="highest default fees of a loan",
        highest_total_cost_ratio="highest total cost over principal",
        highest_repayment_income_share="highest repayment of a period over net income",
        highest_establishment_fee_share="highest establishment fee over amount",
        highest_monthly_fee_share="highest monthly fee over amount",
    ),
    **_counted(
        "predatory_lending.mortgage_thresholds",
        first_lien_apor_gap="highest spread of a first lien not treated as high-cost",
        subordinate_lien_apor_gap="highest spread of a subordinate lien not treated as high-cost",
        longest_prepayment_penalty_months="latest month with a prepayment penalty",
        highest_prepayment_penalty_share="highest prepayment penalty over amount prepaid",
        larger_loan_fees_share="highest points and fees over amount, larger loans",
        smaller_loan_fees_share="highest points and fees over amount, smaller loans",
        smaller_loan_fees_dollars="highest points and fees, smaller loans",
        higher_priced_first_apor_gap="highest spread of a first lien not treated as higher-priced",
        higher_priced_jumbo_apor_gap="highest spread of a jumbo loan not treated as higher-priced",
        higher_priced_subordinate_apor_gap="highest spread of a subordinate lien not treated as higher-priced",
        qm_large_apor_gap="highest spread of a large qualified mortgage",
        qm_middle_apor_gap="highest spread of a middling qualified mortgage",
        qm_small_apor_gap="highest spread of a small qualified mortgage",
        qm_band_1_fees_share="highest points and fees over amount in the first band",
        qm_band_2_fees_dollars="highest points and fees in the second band",
        qm_band_3_fees_share="highest points and fees over amount in the third band",
        qm_band_4_fees_dollars="highest points and fees in the fourth band",
        qm_band_5_fees_share="highest points and fees over amount in the fifth band",
    ),
    **_counted(
        "predatory_lending.hidden_charges",
        regular_apr_understated_gap="how far a disclosed APR lies too low, regular loans",
        irregular_apr_understated_gap="how far a disclosed APR lies too low, irregular loans",
        aprc_understated_gap="how far a disclosed European rate of charge lies too low",
        irr_understated_gap="how far a disclosed annual rate lies below the internal rate of return",
        cost_sheet_understated_gap="how far the cost on the cost sheet lies too low",
        undisclosed_charge_cases="charges that are not on the cost sheet",
        missing_fact_statement_cases="loans without a key fact statement",
    ),
    **_counted(
        "predatory_lending.over_crediting",
        highest_debt_service_share="highest debt service over income",
        highest_borrower_credit="highest credit of one borrower",
        student_loan_cases="loans to students",
        unassessed_credit_cases="contracts without an assessment on file",
        unverified_income_cases="contracts without verified income",
        highest_loss_guarantee_share="highest loss guarantee over the loans it covers",
    ),
    **_counted(
        "predatory_lending.debt_trap",
        fewest_days_between_loans="fewest days without a loan between two loans",
        longest_loan_sequence="most loans in a row",
        most_rollovers="most rollovers of a loan",
        persistent_debt_cases="customers in persistent debt",
        third_debit_cases="debits after two failures without a new authorisation",
    ),
    **_counted(
        "predatory_lending.inducement",
        inducement_cases="checkouts that lead a customer into credit",
        preticked_credit_cases="contracts agreed by a pre-ticked box",
        unsolicited_credit_cases="credit that nobody asked for",
    ),
    **_ratios("predatory_lending.concentration", dearest_decile_ratio="share of a group among the dearest loans"),
}

_DIGITAL_DIVIDE: dict[str, MeasureKind] = {
    **_counted("digital_divide.funnel", inaccessible_service_cases="services that are not accessible"),
    **_ratios("digital_divide.elderly", elderly_completion_ratio="completion by the elderly over that of the others"),
    **_counted(
        "digital_divide.elderly",
        no_traditional_channel_cases="essential services without a traditional channel",
        missing_vulnerability_drivers="drivers of vulnerability without a declared group",
    ),
}

_MODELS: dict[str, MeasureKind] = {
    **_counted("explanation.paired_flips", protected_flip_cases="decisions that turn on the protected attribute"),
    **_counted("explanation.proxy_features", elderly_points_lost="points that a scorecard takes from the elderly"),
    **_counted(
        "explanation.reason_codes",
        most_reasons_given="most reasons in a notice of refusal",
        generic_reason_cases="refusals for a generic reason",
        unfounded_reason_cases="refusals for a reason that did not drive them",
        unreviewed_decision_cases="automated decisions without the human review that was asked for",
    ),
    **_counted(
        "monitoring.model_records",
        missing_model_records="missing records of a model",
        high_risk_missing_records="missing records of a high-risk system",
    ),
}

PLANNED: dict[str, MeasureKind] = {
    **_PREDATORY_LENDING, **_DIGITAL_DIVIDE, **_MODELS,
}  # fmt: skip

# roles that rules take and that no contract has yet
PLANNED_ROLES: dict[str, str] = {
    "model_records": "owner, tier, validation and other records of the model",
    "loan.payments": "payments of a loan with their days",
    "loan.charges": "charges beyond fees, such as insurance and default fees",
    "loan.repaid_at": "when a loan was repaid",
    "loan.debits": "attempts to debit an account, with their success",
    "loan.income": "income of the borrower",
    "loan.assessment": "whether affordability was assessed from verified figures",
    "loan.student": "whether the borrower is a student",
    "loan.benchmark_rate": "the benchmark rate on the day of the contract",
    "loan.apor": "average prime offer rate at lock",
    "loan.lien": "rank of the lien",
    "loan.prepayment_penalty": "months and share of a prepayment penalty",
    "loan.higher_priced": "whether the lender treats the loan as higher-priced",
    "loan.qualified": "whether the lender treats the loan as a qualified mortgage",
    "loan.covered_borrower": "whether the borrower serves in the armed forces",
    "loan.cost_sheet": "the cost sheet handed out with the loan",
    "loan.loss_guarantee": "loss guarantee given for the loan",
    "terms.preticked": "whether credit was on by default",
    "terms.solicited": "whether the customer asked for the credit",
    "terms.human_review": "whether a human review was asked for and given",
}

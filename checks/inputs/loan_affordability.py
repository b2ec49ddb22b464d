"""Columns that say whether a borrower can afford a loan: what he pays out of his income, and the firm's own limits.

The share of income that goes to debt is (payments on other debts + this loan's instalments) / income, all in a month.
A loan repaid by one payment after a term in days burdens each month of its term alike, and counts whole where the term
is shorter than a month. Who has no income and something to pay is overstretched by definition: his share has no value,
and is told as ``NO_INCOME_SHARE``, beyond any limit. What keeps a loan from having a share is named in ``FAULT``: no
row is dropped in silence. Columns speak of loans that were granted: ``GRANTED`` is there where a decision is declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import INCOME_PERIODS, PERIODS_A_YEAR, DataContract
from checks.inputs.loan_columns import LARGEST_AMOUNT, flag, granted_on, instalments, number, periods_of_term

if TYPE_CHECKING:
    import ibis.expr.types as ir

GRANTED = "squaredeal_loan_granted"
SHARE, FAULT = "squaredeal_debt_service_share", "squaredeal_affordability_fault"
SHARE_OF_EARNERS = "squaredeal_debt_service_share_of_earners"
LIMIT_OVER_INCOME = "squaredeal_limit_over_income"
BEYOND_POLICY = "squaredeal_beyond_policy"
STUDENT, UNASSESSED = "squaredeal_student_loan", "squaredeal_unassessed_credit"
UNVERIFIED = "squaredeal_unverified_income"
GUARANTEE, GUARANTEED = "squaredeal_loss_guarantee", "squaredeal_guaranteed_amount"
QUARTER = "squaredeal_loan_quarter"
CREDIT_WITHIN = "squaredeal_credit_within_data"  # of a borrower when a loan was granted: made while it is counted
DERIVED = (
    GRANTED, SHARE, SHARE_OF_EARNERS, FAULT, LIMIT_OVER_INCOME, BEYOND_POLICY, STUDENT, UNASSESSED, UNVERIFIED,
    GUARANTEE, GUARANTEED, QUARTER,
)  # fmt: skip
# a column of cases → the key of ``loan`` with the flag, and what value of it makes a case
CASE_FLAGS = {
    STUDENT: ("student", True), UNASSESSED: ("assessment", False), UNVERIFIED: ("verified_income", False),
}  # fmt: skip
NO_INCOME_SHARE = 100.0  # payments out of nothing; a larger share of an income that is there is no share of an income
LEAST_INCOME = 1e-6  # of money a month
FAULTS = (
    "no income", "income below zero", "income beyond any", "no instalment", "instalment below zero",
    "no debt service", "debt service below zero", "payments beyond any", "no term of a single payment",
    "no income and nothing to pay", "payments a hundred times the income",
)  # fmt: skip
_A_MONTH = 365.0 / 12.0
_PLACES = 10


def affordability_columns(
    columns: Mapping[str, ir.Value], contract: DataContract, favourable: str = "squaredeal_favourable"
) -> dict[str, ir.Value]:
    """The derived columns as expressions over the contract's ``columns`` as ``prepare`` has cleaned them.

    ``favourable`` is the column that says who was granted. None without a ``loan`` block.
    """
    loan = contract.loan
    if not loan:
        return {}
    found: dict[str, Any] = {}
    if contract.decision:
        found[GRANTED] = _granted(columns, contract, favourable)
    if {"income", "instalment"} <= set(loan):
        found |= _of_income(columns, contract)
    if {"income", "credit_limit"} <= set(loan):
        income = _within(_income(columns, contract), LEAST_INCOME)
        limit = _within(number(columns[loan["credit_limit"]]))
        found[LIMIT_OVER_INCOME] = (limit / income).round(_PLACES)
    if "policy_limit" in loan and {"amount", "credit_limit"} & set(loan):
        found[BEYOND_POLICY] = _beyond_policy(columns, contract)
    for name, (key, case) in CASE_FLAGS.items():
        if key in loan:
            found[name] = _yes(flag(columns[loan[key]]) == case)
    if {"amount", "loss_guarantee"} <= set(loan):
        found |= _guarantee(columns, contract)
    granted = granted_on(contract)
    if granted:
        found[QUARTER] = _quarter(columns[granted])
    return found


def _null(kind: str = "float64") -> Any:
    import ibis

    return ibis.null(kind)


def _yes(condition: Any) -> Any:
    """1, 0, or NULL where the condition is not known."""
    import ibis

    one, zero = ibis.literal(1, "int8"), ibis.literal(0, "int8")
    return ibis.cases((condition, one), (~condition, zero), else_=_null("int8"))


def _within(value: Any, least: float = 0.0) -> Any:
    """The number where it can be an amount of money, else NULL."""
    import ibis

    return ibis.ifelse((value >= least) & (value < LARGEST_AMOUNT), value, _null())


def _granted(columns: Mapping[str, ir.Value], contract: DataContract, favourable: str) -> Any:
    """Yes, no (declined, or excluded from the count of decisions), or NULL where nobody knows."""
    import ibis

    decision = columns[contract.decision.column] if contract.decision else None
    unknown = decision.isnull() if decision is not None else ibis.literal(False)
    if contract.time:
        unknown = unknown | columns[contract.time].isnull()
    plain: Any = columns[favourable]
    return ibis.cases((plain == 1, True), (plain == 0, False), (unknown, _null("boolean")), else_=False)


def _income(columns: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """Income of a month."""
    return number(columns[contract.loan["income"]]) / INCOME_PERIODS[contract.loan_form.income_period]


def _payments_a_month(columns: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """How many instalments fall due in a month, at most as many as there are."""
    import ibis

    many, a_month = instalments(columns, contract), PERIODS_A_YEAR[contract.loan_form.period] / 12.0
    if periods_of_term(contract) == "term_days":
        days = number(columns[contract.loan["term_days"]])
        return ibis.cases((days <= 0, _null()), (days <= _A_MONTH, 1.0), else_=_A_MONTH / _over(days))
    return ibis.ifelse((many > 0) & (many < a_month), many, ibis.literal(a_month))


def _over(days: Any) -> Any:
    import ibis

    return ibis.ifelse(days > 0, days, _null())


def _of_income(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, Any]:
    """The share of income that goes to debt, and why a loan has none."""
    import ibis

    loan, nothing = contract.loan, ibis.literal(0.0)
    told = _income(columns, contract)
    instalment = number(columns[loan["instalment"]])
    others = number(columns[loan["debt_service"]]) if "debt_service" in loan else nothing
    a_month = _payments_a_month(columns, contract)
    payments = _within(others) + _within(instalment) * a_month
    share = (payments / _within(told, LEAST_INCOME)).round(_PLACES)
    share = ibis.ifelse(share <= NO_INCOME_SHARE, share, _null())
    penniless = (told >= 0) & (told < LEAST_INCOME)
    fault = ibis.cases(
        (told.isnull(), FAULTS[0]), (told < 0, FAULTS[1]), (told >= LARGEST_AMOUNT, FAULTS[2]),
        (instalment.isnull(), FAULTS[3]), (instalment < 0, FAULTS[4]), (others.isnull(), FAULTS[5]),
        (others < 0, FAULTS[6]), ((instalment >= LARGEST_AMOUNT) | (others >= LARGEST_AMOUNT), FAULTS[7]),
        (a_month.isnull(), FAULTS[8]), (penniless & (payments <= 0), FAULTS[9]),
        (~penniless & share.isnull(), FAULTS[10]), else_=_null("string"),
    )  # fmt: skip
    whole = ibis.ifelse(penniless & (payments > 0), NO_INCOME_SHARE, share)
    return {SHARE: whole, SHARE_OF_EARNERS: share, FAULT: fault}


def _beyond_policy(columns: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """Whether the amount or the credit limit lies above the firm's own limit, NULL where that is not known."""
    import ibis

    limit = _within(number(columns[contract.loan["policy_limit"]]))
    given = [_within(number(columns[contract.loan[key]]))
             for key in ("amount", "credit_limit") if key in contract.loan]  # fmt: skip
    above = [one - limit > 1e-9 * limit + 1e-9 for one in given]
    case, within = above[0], ~above[0]
    for one in above[1:]:
        case, within = case | one, within & ~one
    # the first case makes the engine group by the side and not by amounts
    return ibis.cases(
        (limit < 0, _null("int8")), (case, ibis.literal(1, "int8")), (within, ibis.literal(0, "int8")),
        else_=_null("int8"),
    )  # fmt: skip


def _guarantee(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, Any]:
    """Guarantee and amount of the loans that a guarantee covers, both NULL where none does or either is no amount."""
    import ibis

    amount = _within(number(columns[contract.loan["amount"]]), LEAST_INCOME)
    told = _within(number(columns[contract.loan["loss_guarantee"]]), LEAST_INCOME)
    covered = amount.notnull() & told.notnull()
    return {GUARANTEE: ibis.ifelse(covered, told, _null()), GUARANTEED: ibis.ifelse(covered, amount, _null())}


def _quarter(column: ir.Value) -> Any:
    """Year and quarter of a day as one number, such as 20254. Its cases make the engine group by the quarter."""
    import ibis

    day: Any = column.cast("date")
    quarter = (day.year().cast("int32") * 10 + day.quarter().cast("int32")).cast("int32")
    return ibis.cases((day < "0001-01-01", _null("int32")), (day <= "9999-12-31", quarter), else_=_null("int32"))

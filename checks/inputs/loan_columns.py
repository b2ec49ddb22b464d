"""Columns that an audit of loans adds to the prepared relation: what is wrong with a loan, and rates in doubt.

What a loan costs a year has no closed form: it is solved loan by loan when a question asks for it
(``audits/evidence``), under the names that stand here. ``FAULT`` names the first thing that keeps a loan from having
a cost, ``DOUBT`` a disclosed rate that fits the loan a hundred times better in another unit: it is asked about, never
guessed. Only granted rows are loans where a decision is declared: ``GRANTED_FAULT``, and what ``granted`` names, are
for checks alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import PERIODS_A_YEAR, DataContract

if TYPE_CHECKING:
    import ibis.expr.types as ir

FAULT, DOUBT = "squaredeal_loan_fault", "squaredeal_rate_doubt"
ABOVE = ("amount", "instalments", "term_months", "term_days")  # what a loan has more than nothing of
GRANTED_FAULT = "squaredeal_granted_fault"
_FAVOURABLE = "squaredeal_favourable"
# solved loan by loan: a local relation has them while evidence is collected
APR, APRC = "squaredeal_apr", "squaredeal_aprc"
ALL_IN, ALL_IN_EFFECTIVE = "squaredeal_all_in_rate", "squaredeal_all_in_effective"
COST_FAULT, TOTAL_COST = "squaredeal_cost_fault", "squaredeal_total_cost"
MONEY_YEARS = "squaredeal_money_years"  # amount times years of the term, of a loan with a rate
MONEY_DAYS, IRREGULAR, LENGTH = "squaredeal_money_days", "squaredeal_irregular", "squaredeal_length_days"
SOLVED = (APR, APRC, ALL_IN, ALL_IN_EFFECTIVE, COST_FAULT, TOTAL_COST, MONEY_DAYS, IRREGULAR, LENGTH)

LARGEST_AMOUNT = 1e15  # of money; what is beyond is a mistake
LONGEST_TERM = {"term_months": 1200.0, "term_days": 36_600.0, "instalments": 36_600.0}
RATE_UNIT = {"percent": 0.01, "fraction": 1.0, "basis_points": 0.0001}
_WHOLE = 0.02  # of an instalment
# a disclosed rate of which nothing else is known: below and above these it is more likely told in another unit
_LIKELY = {"percent": (1.0, 10_000.0), "fraction": (0.0, 10.0), "basis_points": (20.0, 1e6)}
MARKET_RATE_BOUNDS = 0.003, 1.0  # of a benchmark or prime offer rate, as fractions
TOO_SMALL, TOO_LARGE = "a hundred times too small", "a hundred times too large"
FAULTS = (
    "no amount", "amount not above zero", "amount beyond any loan", "fees not below the amount",
    "no instalment and no payments", "instalment below zero", "no term", "term not above zero",
    "term beyond a lifetime", "repaid or due before it was granted", "payments below the amount advanced",
    "fees that are not known", "a charge below zero", "no whole number of instalments",
)  # fmt: skip
YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


def flag(column: ir.Value) -> Any:
    """Yes, no, or NULL where the column says neither."""
    import ibis

    if column.type().is_boolean():
        return column
    text = column.cast("string").strip().lower()
    return ibis.cases((text.isin(YES), True), (text.isin(NO), False), else_=ibis.null("boolean"))


def granted(key: str) -> str:
    """The column with a figure of ``ABOVE``, missing instead of 0 where nothing was granted."""
    return f"squaredeal_granted_{key}"


CHECKED_ALONE = (GRANTED_FAULT, *map(granted, ABOVE))


def number(column: ir.Value) -> Any:
    """The column as a float; booleans as 1 and 0."""
    return (column.cast("int32") if column.type().is_boolean() else column).cast("float64")


def periods_of_term(contract: DataContract) -> str | None:
    """Which of the contract's columns says how many instalments there are."""
    return next((key for key in ("instalments", "term_months", "term_days") if key in contract.loan), None)


def days_a_period(contract: DataContract) -> float:
    """Days from one instalment to the next, a year having 365."""
    return 365.0 / PERIODS_A_YEAR[contract.loan_form.period]


def granted_on(contract: DataContract) -> str | None:
    """The column with the day of the loan."""
    return contract.loan.get("originated_at") or contract.time


def instalments(columns: Mapping[str, ir.Value], contract: DataContract, *, rounded: bool = True) -> Any:
    """How many instalments fall due, a half up. A term in days alone is one payment at its end."""
    import ibis

    key = periods_of_term(contract)
    if key is None:
        return ibis.null("float64")
    term = number(columns[contract.loan[key]])
    if key == "term_months":
        many = term * PERIODS_A_YEAR[contract.loan_form.period] / 12.0
        return (many + 0.5).floor().cast("float64") if rounded else many
    return term if key == "instalments" else ibis.ifelse(term.notnull(), 1.0, ibis.null("float64"))


def loan_columns(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, ir.Value]:
    """The derived columns as expressions over the contract's ``columns`` as ``prepare`` has cleaned them."""
    if "amount" not in contract.loan:
        return {}
    found = {FAULT: _fault(columns, contract)}
    if {"disclosed_apr", "instalment"} <= set(contract.loan) and periods_of_term(contract):
        found[DOUBT] = _doubt(columns, contract, found[FAULT])
    elif "disclosed_apr" in contract.loan:
        found[DOUBT] = _unlikely(number(columns[contract.loan["disclosed_apr"]]), contract.loan_form.apr_unit)
    if contract.rate and periods_of_term(contract):
        found[MONEY_YEARS] = _money_years(columns, contract)
    return found | _of_granted(columns, contract, found[FAULT])


def _money_years(columns: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """Amount times years: what simple interest on the whole amount over the whole term is a multiple of."""
    import ibis

    key = str(periods_of_term(contract))
    amount, term = number(columns[contract.loan["amount"]]), number(columns[contract.loan[key]])
    a_year = {"term_months": 12.0, "term_days": 365.0, "instalments": PERIODS_A_YEAR[contract.loan_form.period]}[key]
    fine = (amount > 0) & (amount < LARGEST_AMOUNT) & (term > 0) & (term <= LONGEST_TERM[key])
    fine = fine & columns[str(contract.rate)].notnull()
    return ibis.ifelse(fine, amount * term / a_year, ibis.null("float64"))


def _of_granted(columns: Mapping[str, ir.Value], contract: DataContract, fault: Any) -> dict[str, ir.Value]:
    """What is to be checked where a decision says which rows are loans: nothing of those refused."""
    import ibis

    if _FAVOURABLE not in columns:
        return {}
    yes = (columns[_FAVOURABLE] == 1).fill_null(False)
    found = {GRANTED_FAULT: ibis.ifelse(yes, fault, ibis.null("string"))}
    for key in (one for one in ABOVE if one in contract.loan):
        figure = number(columns[contract.loan[key]])
        found[granted(key)] = ibis.ifelse(yes | (figure != 0), figure, ibis.null("float64"))
    return found


def _paid(columns: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """What is paid over the term, by the contract's own figures."""
    loan = contract.loan
    instalment = number(columns[loan["instalment"]])
    many = instalments(columns, contract)
    if "final_payment" not in loan:
        return instalment * many
    last = number(columns[loan["final_payment"]])
    return instalment * many + last.coalesce(instalment) - instalment


def _fault(columns: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """The first fault of a loan, NULL where it has none."""
    import ibis

    loan = contract.loan
    amount = number(columns[loan["amount"]])
    fees = number(columns[loan["fees"]]).coalesce(0.0) if "fees" in loan else ibis.literal(0.0)
    cases: list[tuple[Any, Any]] = [
        (amount.isnull(), FAULTS[0]), (amount <= 0, FAULTS[1]), (amount >= LARGEST_AMOUNT, FAULTS[2]),
        *_charge_faults(columns, contract), (fees >= amount, FAULTS[3]),
    ]  # fmt: skip
    key = periods_of_term(contract)
    if contract.payments is None and "instalment" in loan:
        cases += [(number(columns[loan["instalment"]]).isnull(), FAULTS[4]),
                  (number(columns[loan["instalment"]]) < 0, FAULTS[5])]  # fmt: skip
    if key is not None:
        term = number(columns[loan[key]])
        cases += [
            *([(term.isnull(), FAULTS[6])] if contract.payments is None else []), (term <= 0, FAULTS[7]),
            (term > LONGEST_TERM[key], FAULTS[8]),
        ]  # fmt: skip
    if contract.payments is None and key in ("instalments", "term_months"):
        exact = instalments(columns, contract, rounded=False)
        cases.append(((exact - (exact + 0.5).floor()).abs() > _WHOLE, FAULTS[13]))
    granted = granted_on(contract)
    for later in ("first_due_at", "repaid_at"):
        if granted and later in loan and loan[later] != granted:
            cases.append((columns[loan[later]].cast("date") < columns[granted].cast("date"), FAULTS[9]))
    if contract.payments is None and "instalment" in loan and key is not None:
        cases.append((_paid(columns, contract) < (amount - fees) * (1 - 1e-9), FAULTS[10]))
    return ibis.cases(*cases, else_=ibis.null("string"))


def _charge_faults(columns: Mapping[str, ir.Value], contract: DataContract) -> list[tuple[Any, Any]]:
    """Fees that nobody noted may be any; a charge below zero would make a loan look cheaper than it is."""
    loan, found = contract.loan, []
    if "fees" in loan:
        found.append((number(columns[loan["fees"]]).isnull(), FAULTS[11]))
    for key in ("fees", "insurance", "ancillary"):
        if key in loan:
            found.append((number(columns[loan[key]]) < 0, FAULTS[12]))
    return found


def _unlikely(told: Any, unit: str) -> Any:
    """Without terms to hold a rate against: one that is far more likely told in another unit."""
    import ibis

    least, most = _LIKELY[unit]
    return ibis.cases(
        ((told > 0) & (told < least), TOO_SMALL), (told > most, TOO_LARGE), else_=ibis.null("string"),
    )  # fmt: skip


def _doubt(columns: Mapping[str, ir.Value], contract: DataContract, fault: Any) -> Any:
    """A disclosed rate that is far from the loan's own and near it in another unit.

    The loan's rate by the constant ratio method, 2 m C / (A (n + 1)) with C the charge, A the sum advanced, n
    instalments and m of them a year: near enough to tell units that lie a hundred times apart.
    """
    import ibis

    loan = contract.loan
    fees = number(columns[loan["fees"]]).coalesce(0.0) if "fees" in loan else ibis.literal(0.0)
    advance = number(columns[loan["amount"]]) - fees
    many = instalments(columns, contract)
    a_year: Any = ibis.literal(PERIODS_A_YEAR[contract.loan_form.period])
    if periods_of_term(contract) == "term_days":
        a_year = 365.0 / number(columns[loan["term_days"]])
    rough = 2.0 * a_year * (_paid(columns, contract) - advance) / (advance * (many + 1.0))
    told = number(columns[loan["disclosed_apr"]]) * RATE_UNIT[contract.loan_form.apr_unit]
    far = (fault.isnull()) & (told > 0) & (rough > 0.005) & ((told - rough).abs() > 0.5 * rough)
    return ibis.cases(
        (far & ((told * 100.0 - rough).abs() < 0.4 * rough), TOO_SMALL),
        (far & ((told / 100.0 - rough).abs() < 0.4 * rough), TOO_LARGE),
        else_=ibis.null("string"),
    )  # fmt: skip

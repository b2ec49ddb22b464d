"""The figure of each loan that a cap or threshold speaks of, and the loans that it speaks of.

A figure is NULL where it is not known of a loan, a scope NULL where it is not known whether the loan is meant: both are
counted. Rates and shares are fractions rounded to ten places, money to hundredths of a hundredth, so that a figure just
at a limit is at it in any engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from checks.inputs import loan_columns as names
from checks.inputs.contract import INCOME_PERIODS, PERIODS_A_YEAR, DataContract
from checks.inputs.disclosure_figures import DISCLOSURE_FIGURES
from checks.inputs.loan_columns import granted_on
from checks.inputs.loan_excess import benchmark
from checks.inputs.loan_rows import FIRST, SUBORDINATE, Figure, Loans, positive
from checks.inputs.prepared import as_text

if TYPE_CHECKING:
    import ibis.expr.types as ir

LPR = "highest_lpr_ratio"
_PLACES = 10
_SMALL_CHATTEL = 50_000.0  # dollars: below, a first lien on personal property is held to the higher spread
_HIGH_COST_SHORT_TERM = 1.0, 366.0  # effective annual rate, and the days of twelve months (FCA Handbook, glossary)


def figure_column(measure: str) -> str:
    """Name of the column with a measure's figure of each loan."""
    return f"squaredeal_figure_{measure}"


def scope_column(measure: str) -> str:
    """Name of the column that says whether a measure speaks of a loan."""
    return f"squaredeal_scope_{measure}"


def needs_solving(measure: str, contract: DataContract) -> bool:
    """Whether a measure's figure needs the cost of each loan."""
    figure = FIGURES[measure]
    return figure.solved or (
        "lien" in figure.roles and "disclosed_apr" not in contract.loan and "fees" not in figure.roles
    )


def lacking(measure: str, contract: DataContract) -> tuple[str, ...]:
    """The roles that a measure lacks in a contract, as the contract would name them."""
    figure = FIGURES[measure]
    missing = [f"loan.{key}" for key in figure.roles if key not in contract.loan]
    if needs_solving(measure, contract) and not can_be_solved(contract):
        missing += [f"loan.{key}" for key in ("amount", "instalment", "term_months") if key not in contract.loan]
    if figure.dated and granted_on(contract) is None:
        missing.append("loan.originated_at")
    if figure.dollars and contract.loan_form.currency not in (None, "USD"):
        missing.append("loan.currency (USD)")  # the amounts that tell its loans apart are in dollars
    told = contract.loan_form.currency or ("CNY" if contract.loan_form.currency_column else None)
    if measure == LPR and "benchmark_rate" not in contract.loan and told != "CNY":
        missing.append("loan.benchmark_rate")  # the table of the loan prime rate is for loans in renminbi
    return tuple(dict.fromkeys(missing))


def currency_wanted(measure: str, contract: DataContract) -> str | None:
    """The currency of the tables that a figure takes, which a column must tell of each loan; None where none need."""
    if contract.loan_form.currency_column is None:
        return None
    if FIGURES[measure].dollars:
        return "USD"
    return "CNY" if measure == LPR and "benchmark_rate" not in contract.loan else None


def can_be_solved(contract: DataContract) -> bool:
    """Whether the contract says enough of a loan to solve its cost."""
    terms = "instalment" in contract.loan and names.periods_of_term(contract) is not None
    payments = contract.payments is not None and contract.unit is not None and granted_on(contract) is not None
    return "amount" in contract.loan and (terms or payments)


def loan_figures(table: ir.Table, contract: DataContract, wanted: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Columns of the ``wanted`` names (name → measure) as expressions over a relation of loans."""
    loans = Loans(table, contract)
    for name, measure in wanted.items():
        figure = FIGURES[measure]
        if name == figure_column(measure):
            value = figure.value(loans).round(4 if figure.money else _PLACES)
        elif figure.scope is not None:
            value = figure.scope(loans)
        else:
            continue
        yield name, _where_of(currency_wanted(measure, contract), loans, value)


def _where_of(currency: str | None, loans: Loans, value: Any) -> Any:
    """A value of loans in one currency; NULL of every other, and where a loan names none."""
    if currency is None:
        return value
    import ibis

    own = as_text(loans.table[str(loans.contract.loan_form.currency_column)]).strip() == currency
    return ibis.ifelse(own, value, ibis.null(value.type()))


def _lpr(loans: Loans) -> Any:
    return loans.solved(names.ALL_IN) / benchmark(loans)


def _high_cost_short_term(loans: Loans) -> Any:
    rate, days = _HIGH_COST_SHORT_TERM
    return (loans.solved(names.APRC) >= rate) & (loans.solved(names.LENGTH) <= days)


def _repayment_share(loans: Loans) -> Any:
    form = loans.contract.loan_form
    a_month = PERIODS_A_YEAR[form.period] / 12.0
    income = loans("income") / INCOME_PERIODS[form.income_period]
    return loans("instalment") * a_month / positive(income)


def _share(part: str, whole: str = "amount") -> Callable[[Loans], Any]:
    return lambda loans: loans(part) / positive(loans(whole))


def _spread(loans: Loans) -> Any:
    return loans.apr() - loans.rate("apor")


def _not(key: str) -> Callable[[Loans], Any]:
    return lambda loans: ~loans.flag(key)


def _chattel(loans: Loans) -> Any:
    """A first lien under $50,000 on personal property; without a column, every loan counts as secured by a home."""
    import ibis

    if not loans.has("personal_property"):
        return ibis.literal(False)
    return loans.lien(FIRST) & loans.flag("personal_property") & (loans("amount") < _SMALL_CHATTEL)


def _between(least: str | None, below: str | None) -> Callable[[Loans], Any]:
    """Loans of at least one threshold and below another, by the table of their year."""

    def chosen(loans: Loans) -> Any:
        amount = loans("amount")
        if least is None:
            return amount < loans.dollars(str(below))
        return amount >= loans.dollars(least) if below is None else (
            (amount >= loans.dollars(least)) & (amount < loans.dollars(below))
        )  # fmt: skip

    return chosen


def _both(*scopes: Callable[[Loans], Any]) -> Callable[[Loans], Any]:
    def all_of(loans: Loans) -> Any:
        first, *others = (scope(loans) for scope in scopes)
        for other in others:
            first = first & other
        return first

    return all_of


def _first(loans: Loans) -> Any:
    return loans.lien(FIRST)


def _qualified(loans: Loans) -> Any:
    return loans.flag("qualified")


def _fees(*scope: Callable[[Loans], Any], flag_key: str, dollars: bool = False) -> Figure:
    value = (lambda loans: loans("fees")) if dollars else _share("fees")
    return Figure(("amount", "fees", flag_key), value, _both(*scope), dated=True, money=dollars, dollars=True)


def _gap(*scope: Callable[[Loans], Any], roles: tuple[str, ...], dated: bool = False) -> Figure:
    return Figure(("apor", "lien", *roles), _spread, _both(*scope), dated=dated, dollars="amount" in roles)


FIGURES: dict[str, Figure] = {
    "highest_all_in_rate": Figure((), lambda loans: loans.solved(names.ALL_IN), solved=True),
    LPR: Figure((), _lpr, solved=True, dated=True),
    "highest_mapr_rate": Figure(
        ("covered_borrower",), lambda loans: loans.solved(names.ALL_IN), lambda loans: loans.flag("covered_borrower"),
        solved=True,
    ),
    "highest_daily_cost_rate": Figure(
        (), lambda loans: loans.solved(names.TOTAL_COST) / positive(loans.solved(names.MONEY_DAYS)),
        _high_cost_short_term, solved=True,
    ),
    "highest_default_fees": Figure(
        ("default_fees",), lambda loans: loans("default_fees"), _high_cost_short_term, solved=True, money=True,
    ),
    "highest_total_cost_ratio": Figure(
        (), lambda loans: (loans.solved(names.TOTAL_COST)
                           + (loans("default_fees") if loans.has("default_fees") else 0.0))
        / positive(loans("amount")), _high_cost_short_term, solved=True,
    ),
    "highest_repayment_income_share": Figure(("instalment", "income"), _repayment_share),
    "highest_establishment_fee_share": Figure(("amount", "establishment_fee"), _share("establishment_fee")),
    "highest_monthly_fee_share": Figure(("amount", "monthly_fee"), _share("monthly_fee")),
    # high-cost and higher-priced mortgages: loans that the lender does not treat as such
    "first_lien_apor_gap": _gap(
        _first, lambda loans: ~_chattel(loans), _not("high_cost"), roles=("high_cost",),
    ),
    "subordinate_lien_apor_gap": _gap(
        lambda loans: loans.lien(SUBORDINATE) | _chattel(loans), _not("high_cost"), roles=("amount", "high_cost"),
    ),
    "longest_prepayment_penalty_months": Figure(
        ("prepayment_months", "high_cost"), lambda loans: loans("prepayment_months"), _not("high_cost"),
    ),
    "highest_prepayment_penalty_share": Figure(
        ("amount", "prepayment_penalty", "high_cost"), _share("prepayment_penalty"), _not("high_cost"),
    ),
    "larger_loan_fees_share": _fees(_between("high_cost_loan", None), _not("high_cost"), flag_key="high_cost"),
    "smaller_loan_fees_share": _fees(_between(None, "high_cost_loan"), _not("high_cost"), flag_key="high_cost"),
    "smaller_loan_fees_dollars": _fees(
        _between(None, "high_cost_loan"), _not("high_cost"), flag_key="high_cost", dollars=True,
    ),
    "higher_priced_first_apor_gap": _gap(
        _first, _not("jumbo"), _not("higher_priced"), roles=("jumbo", "higher_priced"),
    ),
    "higher_priced_jumbo_apor_gap": _gap(
        _first, lambda loans: loans.flag("jumbo"), _not("higher_priced"), roles=("jumbo", "higher_priced"),
    ),
    "higher_priced_subordinate_apor_gap": _gap(
        lambda loans: loans.lien(SUBORDINATE), _not("higher_priced"), roles=("higher_priced",),
    ),
    "qm_large_apor_gap": _gap(
        _first, _qualified, _between("qualified_large", None), roles=("amount", "qualified"), dated=True,
    ),
    "qm_middle_apor_gap": _gap(
        _first, _qualified, _between("qualified_middle", "qualified_large"), roles=("amount", "qualified"), dated=True,
    ),
    "qm_small_apor_gap": _gap(
        _first, _qualified, _between(None, "qualified_middle"), roles=("amount", "qualified"), dated=True,
    ),
    "qm_band_1_fees_share": _fees(_between("qualified_large", None), _qualified, flag_key="qualified"),
    "qm_band_2_fees_dollars": _fees(
        _between("qualified_middle", "qualified_large"), _qualified, flag_key="qualified", dollars=True,
    ),
    "qm_band_3_fees_share": _fees(_between("qualified_small", "qualified_middle"), _qualified, flag_key="qualified"),
    "qm_band_4_fees_dollars": _fees(
        _between("qualified_least", "qualified_small"), _qualified, flag_key="qualified", dollars=True,
    ),
    "qm_band_5_fees_share": _fees(_between(None, "qualified_least"), _qualified, flag_key="qualified"),
    **DISCLOSURE_FIGURES,
}  # fmt: skip

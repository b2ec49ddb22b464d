"""Figures of what a loan's papers say too little of: its annual rate, its total cost.

A gap is the loan's own figure less the one that was disclosed: above zero it was disclosed too low, which harms; below
zero too high, which does not. A disclosed rate that fits the payments only when it is read a hundred times larger or
smaller has no gap: its unit is asked about (``in_doubt``). Only loans that were granted are meant, where a decision is
declared.

Rates: nominal by unit periods (12 CFR 1026, Appendix J), of fees alone or of all charges, and effective (Directive
2008/48/EC, Annex I). A cost sheet states the total cost in money; the year's cost that it implies is that total over
the principal owed times the time it is owed, as the simple method of PBoC Announcement [2021] No. 3 has it. The total
is what is paid over the term and every charge at the start, less the amount; a fee of establishment counts where no
``fees`` are named, and what falls due each period is part of the instalment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checks.inputs import loan_columns as names
from checks.inputs.loan_affordability import GRANTED
from checks.inputs.loan_rows import Figure, Loans, positive

REGULAR, IRREGULAR = "regular_apr_understated_gap", "irregular_apr_understated_gap"
APRC, IRR = "aprc_understated_gap", "irr_understated_gap"
SHEET, UNDISCLOSED = "cost_sheet_understated_gap", "undisclosed_charge_cases"
RATE_GAPS = (REGULAR, IRREGULAR, APRC, IRR)
# a rate of fees alone → the same with insurance and other charges
_WITH_ALL = {names.APR: names.ALL_IN, names.APRC: names.ALL_IN_EFFECTIVE}
_LEAST_RATE = 0.005  # a smaller rate of a loan's own tells no unit from another
_FAR, _NEAR = 0.5, 0.4  # shares of the loan's own rate
_EXACT = 1e-9  # of money
Expression = Callable[[Loans], Any]


def in_doubt(measure: str) -> str:
    """Name of the figure whose scope are the loans of a measure that have no gap for the unit of their rate.

    1 where the rate seems a hundred times too small, −1 where too large.
    """
    return f"{measure}_in_doubt"


def of_all_charges(measure: str) -> str:
    """Name of the figure of a measure with insurance and other charges counted."""
    return f"{measure}_of_all_charges"


def charges_left_out(measure: str) -> str:
    """Name of the figure of money whose scope are the loans with a charge that the sheet does not contain."""
    return f"{measure}_money"


def _null() -> Any:
    import ibis

    return ibis.null("float64")


def _granted(loans: Loans) -> Any:
    """Loans that were granted; every row where no decision is declared."""
    import ibis

    return loans.table[GRANTED] if GRANTED in loans.table.columns else ibis.literal(True)


def _kind(irregular: bool) -> Expression:
    """Loans of one kind of payments; not known of a schedule that cannot be solved."""

    def chosen(loans: Loans) -> Any:
        import ibis

        found = loans.solved(names.IRREGULAR)
        if loans.contract.payments is not None:
            found = ibis.ifelse(loans.solved(names.COST_FAULT).isnull(), found, ibis.null("boolean"))
        return _granted(loans) & (found if irregular else ~found)

    return chosen


def _told(loans: Loans) -> Any:
    """The disclosed rate as a fraction; none that is below zero."""
    import ibis

    rate = loans.rate("disclosed_apr")
    return ibis.ifelse(rate >= 0, rate, _null())


def _doubt(loans: Loans, rate: str) -> Any:
    """1 where the disclosed rate seems a hundred times too small, −1 where too large, else NULL."""
    import ibis

    told, cases = _told(loans), []
    for own in (loans.solved(name) for name in dict.fromkeys((rate, names.APR))):
        far = (own > _LEAST_RATE) & (told > 0) & ((told - own).abs() > _FAR * own)
        cases += [
            (far & ((told * 100.0 - own).abs() < _NEAR * own), 1.0),
            (far & ((told / 100.0 - own).abs() < _NEAR * own), -1.0),
        ]
    if names.DOUBT in loans.table.columns:
        roughly = loans.table[names.DOUBT]
        cases += [(roughly == names.TOO_SMALL, 1.0), (roughly == names.TOO_LARGE, -1.0)]
    return ibis.cases(*cases, else_=_null())


def _gap(rate: str, doubted: str) -> Expression:
    """A rate less the disclosed one; whether its unit is in doubt is told by the rate ``doubted``."""

    def gap(loans: Loans) -> Any:
        import ibis

        return ibis.ifelse(_doubt(loans, doubted).isnull(), loans.solved(rate) - _told(loans), _null())

    return gap


def _rate_figures(measure: str, rate: str, scope: Expression) -> dict[str, Figure]:
    def doubtful(loans: Loans) -> Any:
        return scope(loans) & _doubt(loans, rate).notnull()

    def doubt(loans: Loans) -> Any:
        return _doubt(loans, rate)

    roles = ("disclosed_apr",)
    found = {
        measure: Figure(roles, _gap(rate, rate), scope, solved=True),
        in_doubt(measure): Figure(roles, doubt, doubtful, solved=True),
    }
    if rate in _WITH_ALL:
        found[of_all_charges(measure)] = Figure(roles, _gap(_WITH_ALL[rate], rate), scope, solved=True)
    return found


def charge_left_out(loans: Loans) -> Any:
    """Total cost less that on the sheet, in money; what rounding can make of equal totals counts as nothing."""
    import ibis

    contract, sheet = loans.contract, loans("cost_sheet")
    total = loans.solved(names.TOTAL_COST)
    if "fees" not in contract.loan and "establishment_fee" in contract.loan:
        total = total + loans("establishment_fee")
    excess = total - ibis.ifelse(sheet >= 0, sheet, _null())
    return ibis.ifelse((excess > 0) & (excess <= _rounding(loans) + _EXACT), 0.0, excess)


def _rounding(loans: Loans) -> Any:
    """What rounding may add: a step of the sheet, and half of one for each instalment that stands for a rounded one.

    The last payment of such a loan makes up for it; where it is known, or payments are dated, nothing is left to round.
    """
    import ibis

    contract = loans.contract
    step = contract.rounding
    if contract.payments is not None:
        return ibis.literal(step)
    many = names.instalments({name: loans.table[name] for name in loans.table.columns}, contract)
    further = ibis.ifelse(many > 1, step / 2.0 * (many - 1.0), 0.0)
    if loans.has("final_payment"):
        further = ibis.ifelse(loans("final_payment").isnull(), further, 0.0)
    return further + step


def _sheet_gap(loans: Loans) -> Any:
    return charge_left_out(loans) * 365.0 / positive(loans.solved(names.MONEY_DAYS))


def _case(loans: Loans) -> Any:
    import ibis

    money = charge_left_out(loans)
    return ibis.ifelse(money.isnull(), _null(), ibis.ifelse(money > 0, 1.0, 0.0))


def _cases(loans: Loans) -> Any:
    return _granted(loans) & (charge_left_out(loans) > 0).coalesce(False)


DISCLOSURE_FIGURES: dict[str, Figure] = {
    **_rate_figures(REGULAR, names.APR, _kind(irregular=False)),
    **_rate_figures(IRREGULAR, names.APR, _kind(irregular=True)),
    **_rate_figures(APRC, names.APRC, _granted),
    **_rate_figures(IRR, names.ALL_IN, _granted),
    SHEET: Figure(("cost_sheet",), _sheet_gap, _granted, solved=True),
    UNDISCLOSED: Figure(("cost_sheet",), _case, _granted, solved=True),
    charges_left_out(UNDISCLOSED): Figure(("cost_sheet",), charge_left_out, _cases, solved=True, money=True),
}

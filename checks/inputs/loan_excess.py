"""What a loan costs beyond a cap, in money, for each figure of ``loan_figures`` that a law caps.

For a capped yearly rate it is solved loan by loan (``audits/statistics/beyond_cap.py``) and stands in a column of the
local relation; for a capped amount it is the charge less the cap. A figure of what a borrower can afford, or of a
threshold that only decides how a loan is treated, has no such money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checks.inputs import loan_columns as names
from checks.inputs.disclosure_figures import UNDISCLOSED, charge_left_out
from checks.inputs.loan_rows import Loans
from checks.inputs.rate_tables import by_day, loan_prime_rates

ALL_IN, LPR, MAPR = "highest_all_in_rate", "highest_lpr_ratio", "highest_mapr_rate"
DAILY, DEFAULT, TOTAL = "highest_daily_cost_rate", "highest_default_fees", "highest_total_cost_ratio"
ESTABLISHMENT, MONTHLY = "highest_establishment_fee_share", "highest_monthly_fee_share"
CAP = "cap"  # the attribute whose groups are caps
BY_RATE = (ALL_IN, LPR, MAPR)
Limits = Mapping[str, Iterable[float]]
_CAP, _EXCESS = "squaredeal_in_cap_", "squaredeal_excess_"


def cap_label(measure: str, limit: float) -> str:
    """What tells a cap from others: the figure of loans and the limit set on it."""
    return f"{measure} above {limit:.12g}"


def benchmark(loans: Loans) -> Any:
    """The loan prime rate of each loan's day: the contract's column, else the table."""
    return loans.rate("benchmark_rate") if loans.has("benchmark_rate") else by_day(loan_prime_rates(), loans.day())


def caps(measures: Iterable[str], limits: Limits) -> tuple[tuple[str, float], ...]:
    """The capped rates whose excess is to be solved: what the cap is a multiple of (nothing, the prime rate)."""
    found = {(_kind(name), float(limit)) for name in measures if name in BY_RATE for limit in limits.get(name, ())}
    return tuple(sorted(found))


def cap_inputs(loans: Loans, wanted: Iterable[tuple[str, float]]) -> dict[str, Any]:
    """Capped yearly rates of each loan as expressions, by the names that ``excess_name`` gives them among inputs."""
    import ibis

    found: dict[str, Any] = {}
    for kind, limit in wanted:
        rate = ibis.literal(limit).cast("float64")
        found[cap_name((kind, limit))] = rate * benchmark(loans) if kind == "lpr" else rate
    return found


def cap_name(cap: tuple[str, float]) -> str:
    """Name of the column with a capped rate."""
    return f"{_CAP}{cap[0]}_{cap[1]!r}"


def excess_name(cap: tuple[str, float]) -> str:
    """Name of the solved column with the money beyond a capped rate."""
    return f"{_EXCESS}{cap[0]}_{cap[1]!r}"


def money_beyond(loans: Loans, measure: str, limit: float) -> Any | None:
    """Money of each loan beyond a limit on a measure's figure; None where the figure or the contract gives none."""
    if measure in BY_RATE:
        column = excess_name((_kind(measure), float(limit)))
        return loans.table[column] if column in loans.table.columns else None
    made = _AMOUNTS.get(measure)
    return None if made is None else made(loans, limit)


def _kind(measure: str) -> str:
    return "lpr" if measure == LPR else "rate"


def _of_day(loans: Loans, limit: float) -> Any:
    return loans.solved(names.TOTAL_COST) - limit * loans.solved(names.MONEY_DAYS)


def _of_default(loans: Loans, limit: float) -> Any:
    return loans("default_fees") - limit


def _of_total(loans: Loans, limit: float) -> Any:
    late = loans("default_fees") if loans.has("default_fees") else 0.0
    return loans.solved(names.TOTAL_COST) + late - limit * loans("amount")


def _of_start(loans: Loans, limit: float) -> Any:
    return loans("establishment_fee") - limit * loans("amount")


def _of_months(loans: Loans, limit: float) -> Any | None:
    """A fee for each month of the term, where the contract tells the term in months."""
    if not loans.has("term_months"):
        return None
    return (loans("monthly_fee") - limit * loans("amount")) * loans("term_months")


def _of_sheet(loans: Loans, _: float) -> Any:
    return charge_left_out(loans)


_AMOUNTS: dict[str, Callable[[Loans, float], Any]] = {
    DAILY: _of_day, DEFAULT: _of_default, TOTAL: _of_total, ESTABLISHMENT: _of_start, MONTHLY: _of_months,
    UNDISCLOSED: _of_sheet,
}  # fmt: skip
CAPPED = (*BY_RATE, DAILY, DEFAULT, TOTAL, ESTABLISHMENT, MONTHLY)

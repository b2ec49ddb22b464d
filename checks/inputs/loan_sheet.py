"""Columns of what is sold with a loan and told of it: insurance, fees as a share of the amount, the fact statement.

Whatever is not known, or no amount of money, is NULL: no insurance is zero, not a blank. A fee as large as the amount
leaves nothing to lend and has no share. Where a decision is declared, the share speaks of loans that were granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import flag, number

if TYPE_CHECKING:
    import ibis.expr.types as ir

INSURED, FEE_SHARE = "squaredeal_loan_insured", "squaredeal_fee_share"
NO_STATEMENT = "squaredeal_no_fact_statement"
_FAVOURABLE = "squaredeal_favourable"
_PLACES = 10


def sheet_columns(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, ir.Value]:
    """The derived columns as expressions over the contract's ``columns`` as ``prepare`` has cleaned them."""
    import ibis

    loan, nothing = contract.loan, ibis.null("float64")
    found: dict[str, Any] = {}
    if "insurance" in loan:
        found[INSURED] = _yes(number(columns[loan["insurance"]]) > 0, number(columns[loan["insurance"]]) == 0)
    if "fact_statement" in loan:
        told = flag(columns[loan["fact_statement"]])
        found[NO_STATEMENT] = _yes(~told, told)
    if {"amount", "fees"} <= set(loan):
        amount, fees = number(columns[loan["amount"]]), number(columns[loan["fees"]])
        sound = (fees >= 0) & (fees < amount)
        if _FAVOURABLE in columns:
            sound = sound & (columns[_FAVOURABLE].cast("int32") == 1)
        share = fees / ibis.ifelse(amount > 0, amount, nothing)
        found[FEE_SHARE] = ibis.ifelse(sound, share, nothing).round(_PLACES)
    return found


def _yes(one: Any, other: Any) -> Any:
    """1, 0, or NULL where neither is known."""
    import ibis

    return ibis.cases((one, ibis.literal(1, "int8")), (other, ibis.literal(0, "int8")), else_=ibis.null("int8"))

"""The credit of each borrower at the time of each of his loans, within the data.

Where no column states all credit of a borrower, it is the sum of the amounts of his loans that are open when one of
them is granted, that one included. A loan is open from its day until the day on which it was repaid; one that was not
repaid, or whose contract names no such day, stays open. On one day repayments come first, and loans granted on one day
count together. Sums are of hundredths, so that they are exact in any engine; the highest over a borrower's loans is
the most that was granted to him and open at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checks.inputs.loan_affordability import GRANTED
from checks.inputs.loan_columns import LARGEST_AMOUNT, granted_on, number
from checks.inputs.prepared import as_text
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

_HUNDREDTHS = 100.0


def credit_at_grant(source: Source, unit: str | None) -> ir.Table:
    """Columns ``figure`` (money), ``meant`` (true, false, NULL) and ``unit`` of each row of the source.

    ``figure`` is NULL without an entity, an amount that can be one or, where the contract names days, the day of the
    loan. Raises ``KeyError`` where the contract names no entity or no amount.
    """
    import ibis

    loans = _loans(source, unit)
    usable = loans["who"].notnull() & loans["cents"].notnull() & loans["start"].notnull()
    usable = usable & loans["meant"].fill_null(False)
    used, rest = loans.filter(usable), loans.filter(~usable)
    granted = used.select("who", "meant", "unit", at=used["start"], change=used["cents"], grant=ibis.literal(True))
    repaid = used.filter(used["end"].notnull())
    repaid = repaid.select("who", "meant", "unit", at=repaid["end"], change=-repaid["cents"], grant=ibis.literal(False))
    events = granted.union(repaid)
    until = ibis.range_window(group_by="who", order_by="at", preceding=None, following=0)
    summed = events.select("meant", "unit", "grant", hundredths=events["change"].sum().over(until))
    found = summed.filter(summed["grant"])
    told = found.select("meant", "unit", figure=found["hundredths"].cast("float64") / _HUNDREDTHS)
    return told.union(rest.select("meant", "unit", figure=ibis.null("float64")))


def _loans(source: Source, unit: str | None) -> ir.Table:
    """A row each: borrower, amount in hundredths, and places in time, two a day: repayments, then grants."""
    import ibis

    contract, table = source.contract, source.table
    if contract is None or contract.entity is None or "amount" not in contract.loan:
        raise KeyError("the credit of a borrower needs the contract's 'entity' and 'loan.amount'")
    amount = number(table[contract.loan["amount"]])
    fits = (amount > 0) & (amount < LARGEST_AMOUNT)
    cents = (ibis.ifelse(fits, amount, ibis.null("float64")) * _HUNDREDTHS).round().cast("int64")
    day, closed = granted_on(contract), contract.loan.get("repaid_at")
    start = _day(table[day]) if day else ibis.literal(0, "int64")
    end = ibis.null("int64")
    if day and closed:
        ended = _day(table[closed])
        end = ibis.ifelse(ended > start, ended, start + 1)  # repaid on its own day, it was open on that day
        end = ibis.ifelse(ended.isnull(), ibis.null("int64"), end)
    return table.select(
        who=as_text(table[contract.entity]), cents=cents, start=start * 2 + 1, end=end * 2,
        meant=table[GRANTED] if GRANTED in table.columns else ibis.literal(True),
        unit=as_text(table[unit]) if unit is not None else ibis.null("string"),
    )  # fmt: skip


def _day(column: Any) -> Any:
    """Days since 1970-01-01."""
    import ibis

    return column.cast("date").delta(ibis.date("1970-01-01"), unit="day").cast("int64")

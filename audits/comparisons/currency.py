"""The one currency that amounts are in: what the contract declares, or what a column says of every row.

Amounts in several currencies are never added up, and an amount of a row that names no currency is in nobody knows
which: either has no sum, and the reason is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said

_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Currency:
    """``unit`` is None where none is declared, or with the ``reason`` why a column does not tell one."""

    unit: str | None
    reason: Sentence | None = None


def loan_currency_needs(contract: DataContract) -> Iterable[Need]:
    """The labels of the loans' currency, where a column tells it."""
    return _needs(contract.loan_form.currency_column)


def price_currency_needs(contract: DataContract) -> Iterable[Need]:
    """The labels of the prices' currency, where a column tells it."""
    return _needs(contract.currency_column)


def loan_currency(evidence: Evidence, contract: DataContract) -> Currency:
    """The currency of all loans. Raises ``KeyError`` where ``loan_currency_needs`` were not declared."""
    return _told(evidence, contract.loan_form.currency_column, contract.loan_form.currency)


def price_currency(evidence: Evidence, contract: DataContract) -> Currency:
    """The currency of all prices. Raises ``KeyError`` where ``price_currency_needs`` were not declared."""
    return _told(evidence, contract.currency_column, contract.currency)


def in_currency(figure: Measurement, currency: Currency) -> Measurement:
    """A figure of money with its unit; without an estimate where its rows are not of one currency."""
    figure = replace(figure, unit=currency.unit)
    if currency.reason is None or figure.estimate is None:
        return figure
    return replace(
        figure, estimate=None, low=None, high=None, p_value=None, mde=None, standard_error=None, ladder=(), details={},
        reason=currency.reason,
    )  # fmt: skip


def _needs(column: str | None) -> Iterable[Need]:
    if column is not None:
        yield CellsNeed((), (column,), (), decision=False)


def _told(evidence: Evidence, column: str | None, declared: str | None) -> Currency:
    if column is None:
        return Currency(declared)
    cells = evidence.cells(CellsNeed((), (column,), (), decision=False))
    rows = {labels[0]: count for labels, _, count in cells.cells}
    named = sorted(str(one) for one in rows if one is not None)
    if not named:
        return Currency(None, said("no row names a currency in '{column}'", column=column))
    if len(named) > 1:
        several = ", ".join(named[:_MOST_SHOWN])
        return Currency(None, said("amounts are in several currencies: {names}", names=several))
    if rows.get(None):
        return Currency(None, said(
            "{missing:,} of {rows:,} rows name no currency in '{column}'", missing=rows[None], rows=cells.rows,
            column=column,
        ))  # fmt: skip
    return Currency(named[0])

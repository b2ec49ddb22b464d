"""The columns of loans by role, and what a figure of each loan consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.inputs import loan_columns as names
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import RATE_UNIT, flag, granted_on, number
from checks.inputs.rate_tables import by_day, mortgage_threshold

if TYPE_CHECKING:
    import ibis.expr.types as ir

MARKET_RATES = ("apor", "benchmark_rate")
FIRST, SUBORDINATE = ("1", "1.0", "first", "first lien"), ("2", "2.0", "second", "subordinate", "subordinate lien")


@dataclass(frozen=True, slots=True)
class Loans:
    """The columns of a relation of loans, by role."""

    table: ir.Table
    contract: DataContract

    def __call__(self, key: str) -> Any:
        """The column of a key of ``loan`` as a number."""
        return number(self.table[self.contract.loan[key]])

    def has(self, key: str) -> bool:
        return key in self.contract.loan

    def solved(self, name: str) -> Any:
        """A column that was solved loan by loan."""
        return self.table[name]

    def flag(self, key: str) -> Any:
        return flag(self.table[self.contract.loan[key]])

    def rate(self, key: str) -> Any:
        """A rate of a column as a fraction; NULL where a market's rate is none in the declared unit."""
        import ibis

        rate = self(key) * RATE_UNIT[self.contract.loan_form.apr_unit]
        if key not in MARKET_RATES:
            return rate
        least, most = names.MARKET_RATE_BOUNDS
        return ibis.ifelse((rate >= least) & (rate <= most), rate, ibis.null("float64"))

    def apr(self) -> Any:
        """The rate that was disclosed, or the loan's own where none is named."""
        import ibis

        if not self.has("disclosed_apr"):
            return self.solved(names.APR)
        told = self.rate("disclosed_apr")
        if names.DOUBT not in self.table.columns:
            return told
        return ibis.ifelse(self.table[names.DOUBT].isnull(), told, ibis.null("float64"))

    def day(self) -> Any:
        return self.table[granted_on(self.contract)]

    def lien(self, which: tuple[str, ...]) -> Any:
        import ibis

        text = self.table[self.contract.loan["lien"]].cast("string").strip().lower()
        return ibis.ifelse(text.isin((*FIRST, *SUBORDINATE)), text.isin(which), ibis.null("boolean"))

    def dollars(self, name: str) -> Any:
        """A threshold of Regulation Z on the day of the loan, NULL where no table has it."""
        return by_day(mortgage_threshold(name), self.day())


@dataclass(frozen=True, slots=True)
class Figure:
    """``roles`` are the keys of ``loan`` that the contract must name; ``solved`` whether the loan's own cost is needed.

    ``dated`` says that the day of the loan is needed, ``dollars`` that its amounts are told by US law in dollars.
    """

    roles: tuple[str, ...]
    value: Callable[[Loans], Any]
    scope: Callable[[Loans], Any] | None = None
    solved: bool = False
    dated: bool = False
    money: bool = False
    dollars: bool = False


def positive(value: Any) -> Any:
    """The number where it is above zero, else NULL."""
    import ibis

    return ibis.ifelse(value > 0, value, ibis.null("float64"))

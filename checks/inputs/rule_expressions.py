"""Rules of products as expressions over a relation: on sale, eligible, at what rate, and whether it is what was sold.

Each is NULL where what it rests on is not known, and false where any part of it is false (Kleene's logic, which is
SQL's own): a product that a customer could not have had in any case is not in doubt for a missing value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import granted_on, number
from checks.inputs.product_rules import HIGHEST_RATE, Among, ProductRules, Rate, Version, Within
from checks.problem import InputError, Problem

if TYPE_CHECKING:
    import ibis.expr.types as ir

MISSING = ("", "nan", "null", "none", "nat", "na", "n/a", "<na>", "#n/a")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How the prepared relation cleans a column, writes a value as text, and a program's values likewise."""

    clean: Callable[[Any], Any]
    text: Callable[[Any], Any]
    canonical: Callable[[Sequence[str], Any, str], list[str]]


class RuleExpressions:
    """The rules over ``raw``; ``problems`` says what of them does not fit its columns."""

    def __init__(self, raw: ir.Table, contract: DataContract, rules: ProductRules, cleaning: Cleaning) -> None:
        self.raw, self.contract, self.rules, self.cleaning = raw, contract, rules, cleaning
        self.problems: list[Problem] = []
        day = granted_on(contract)
        self.day = self.column(day).cast("date") if day else None

    def column(self, name: str) -> Any:
        return self.cleaning.clean(self.raw[name])

    def product(self) -> Any:
        """The product sold as text, NULL where missing."""
        import ibis

        name = self.contract.terms.get("product")
        if name is None:
            return ibis.null("string")
        text = self.cleaning.text(self.column(name)).strip()
        return ibis.ifelse(one_of(text.lower(), MISSING), ibis.null("string"), text)

    def names(self, names: Sequence[str], column: str, where: str) -> list[str]:
        """Values of the rules as the column's are written; those that it cannot hold are a problem."""
        try:
            return self.cleaning.canonical(names, self.column(column), where)
        except InputError as error:
            self.problems += error.problems
            return list(names)

    def is_sold(self, version: Version, force: Any) -> Any:
        """Whether a version is what was sold; NULL where the product or its day is not known."""
        import ibis

        name = self.contract.terms.get("product")
        if name is None:
            return ibis.literal(False)
        return (self.product() == self.names([version.product], name, self.rules.where(version.place))[0]) & force

    def on_sale(self, version: Version) -> Any:
        """Whether a version was sold on the day of the loan; NULL where the day is not known."""
        import ibis

        first, last = version.first, version.last
        if first is None and last is None:
            return ibis.literal(True)
        if self.day is None:
            return self._on_sale_as_dated(first or dt.date.min, last or dt.date.max)
        begun = self.day >= first.isoformat() if first else ibis.literal(True)
        return begun & (self.day <= last.isoformat()) if last else begun

    def _on_sale_as_dated(self, first: dt.date, last: dt.date) -> Any:
        import ibis

        dated = self.contract.dated
        if dated and first <= dated.first and dated.last <= last:
            return ibis.literal(True)
        if dated and (dated.last < first or last < dated.first):
            return ibis.literal(False)
        return ibis.null("boolean")

    def conditions(self, version: Version) -> list[Any]:
        return [self._condition(one, version) for one in version.conditions]

    def _condition(self, one: Within | Among, version: Version) -> Any:
        import ibis

        if isinstance(one, Among):
            return self._among(one, version)
        value = self._number(one.column, version)
        tests = []
        if one.low is not None:
            tests.append(value >= exact(one.low) if one.with_low else value > exact(one.low))
        if one.high is not None:
            tests.append(value <= exact(one.high) if one.with_high else value < exact(one.high))
        return reduce(and_, tests, ibis.literal(True))

    def _among(self, one: Among, version: Version) -> Any:
        import ibis

        values = self.names(one.values, one.column, self.rules.where(version.place))
        text = self.cleaning.text(self.column(one.column)).strip()
        return ibis.ifelse(one_of(text.lower(), MISSING), ibis.null("boolean"), one_of(text, values))

    def _number(self, name: str, version: Version) -> Any:
        """A column as a number; one that holds none is a problem of the rules."""
        import ibis

        column = self.column(name)
        if not (column.type().is_numeric() or column.type().is_boolean()):
            self.problems.append(Problem(
                self.rules.where(version.place), f"bounds or bands on the column '{name}' of type {column.type()}",
                "a number column", "list its values in place of bounds, or convert it in the source",
            ))  # fmt: skip
            return ibis.null("float64")
        return number(column)

    def rate(self, version: Version) -> Any:
        """The yearly rate of a version for a loan as a fraction, NULL where it is not known."""
        rate = version.rate
        if rate.column is not None:
            return sound(self._number(rate.column, version) * exact(self.rules.unit))
        return self._banded(rate, version, rate.by, rate.rates) if rate.by else exact(rate.rates[0])

    def _banded(self, rate: Rate, version: Version, by: Sequence[str], rates: Sequence[float]) -> Any:
        """The rate of the band that a loan falls into; the last of ``by`` runs fastest over ``rates``."""
        import ibis

        if not by:
            return exact(rates[0])
        value, edges = self._number(by[0], version), rate.edges[rate.by.index(by[0])]
        width = len(rates) // (len(edges) + 1)
        parts = [self._banded(rate, version, by[1:], rates[i * width : (i + 1) * width]) for i in range(len(edges) + 1)]
        branches = [(value < exact(edge), part) for edge, part in zip(edges, parts, strict=False)]
        return ibis.cases(*branches, (value.notnull(), parts[-1]), else_=ibis.null("float64"))


def one_of(text: Any, values: Sequence[str]) -> Any:
    """Whether a text is one of these, without IN: planning it as a join took DuckDB half a minute (200,000 loans)."""
    return reduce(or_, [text == value for value in values])


def exact(value: float) -> Any:
    """A literal that both engines read as this very double (DuckDB takes 0.1 for a decimal)."""
    import ibis

    return ibis.literal(repr(float(value)), "string").cast("float64")


def sound(rate: Any) -> Any:
    """A rate that can be one, else NULL."""
    import ibis

    return ibis.ifelse((rate >= 0) & (rate <= exact(HIGHEST_RATE)), rate, ibis.null("float64"))

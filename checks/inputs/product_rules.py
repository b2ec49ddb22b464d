"""The products that a lender sold: from when to when, to whom, at what rate; read from a YAML file beside a program.

    unit: percent                      # of all rates: percent, fraction or basis_points
    products:
      plain loan:
        - from: 2025-01-01             # first and last day, both included; open where left out
          to: 2025-12-31
          eligible:
            score: {from: 620}         # from, above, below, to: a number within these bounds
            region: [north, east]      # one of these values
          rate: {by: score, edges: [680, 720], rates: [11.9, 9.9, 7.9]}
      card: {rate: 24.9}
    cells: {amount: [5000], term: [24], score: [620, 680]}   # what is compared with what

A column is one that the contract names, or the role that it has there: ``score``, ``term`` and the keys of ``loan``.
A rate is fixed, by bands of one or two columns (the band from an edge on holds the edge), or a ``column``. Without
``cells`` the rules' own edges on amount, term and score are taken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from checks.inputs.contract import RATE_UNITS, DataContract
from checks.inputs.yaml_reader import Place, read_yaml
from checks.problem import listed, suggest

UNIT = {"percent": 0.01, "fraction": 1.0, "basis_points": 0.0001}
HIGHEST_RATE = 100.0  # a year, as a fraction: 10,000 %
MOST_VERSIONS, MOST_COLUMNS = 200, 2
AMOUNT, TERM, SCORE = "amount", "term", "score"
_BOUNDS = ("from", "above", "to", "below")
_TERMS = ("term_months", "term_days", "instalments")


@dataclass(frozen=True, slots=True)
class Within:
    """A number between two bounds, each None where open, and whether it may equal them."""

    column: str
    low: float | None = None
    high: float | None = None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True, slots=True)
class Among:
    """One of these values, as the file writes them."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """A yearly rate as a fraction: ``rates[0]`` alone, by bands, or from ``column`` in the file's unit.

    With ``by``, ``edges`` holds the ascending edges of each column, and ``rates`` one rate for each combination of
    bands, the last column's running fastest.
    """

    rates: tuple[float, ...] = ()
    by: tuple[str, ...] = ()
    edges: tuple[tuple[float, ...], ...] = ()
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A product as it was sold from ``first`` to ``last``, both included and None where open. ``place`` is its line's.

    ``number`` counts the versions of a product by their days from 1 on; 0 where there is one.
    """

    product: str
    number: int
    conditions: tuple[Within | Among, ...]
    rate: Rate
    first: dt.date | None = None
    last: dt.date | None = None
    place: str = ""

    @property
    def label(self) -> str:
        """The product, with the version's number where there are several."""
        return f"{self.product} ({self.number})" if self.number else self.product


@dataclass(frozen=True, slots=True)
class ProductRules:
    """``versions`` of all products, ``unit`` of rates in columns, ``cells`` the edges by amount, term and score.

    ``lines`` maps dotted places to lines of ``file``, for later errors.
    """

    versions: tuple[Version, ...] = ()
    unit: float = 0.01
    cells: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def products(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(dict.fromkeys(version.product for version in self.versions))

    def where(self, place: str) -> str:
        """File, line and place, for an error about something that the rules name."""
        line = self.lines.get(place)
        return self.file + (f", line {line}" if line else "") + f", {place}"

    def content(self) -> dict[str, Any]:
        """What the rules say, without the file's name and lines: what the record of a run keeps."""
        versions = [{key: value for key, value in asdict(one).items() if key != "place"} for one in self.versions]
        return {"versions": versions, "unit": self.unit, "cells": dict(self.cells)}


def role_columns(contract: DataContract) -> dict[str, str]:
    """The columns that rules may name by their role."""
    found = dict(contract.loan)
    term = next((key for key in _TERMS if key in contract.loan), None)
    found |= {TERM: contract.loan[term]} if term else {}
    return found | ({SCORE: contract.score} if contract.score else {})


def read_product_rules(file: Path, contract: DataContract) -> ProductRules:
    """Read a file of product rules. Raises ``InputError`` with every problem of the file at once."""
    root = read_yaml(file, "file of product rules")
    at = root.entries(("unit", "products", "cells"), ("products",))
    unit = UNIT.get(at["unit"].choice(RATE_UNITS), 0.01) if "unit" in at else UNIT["percent"]
    reader = _Reader(contract, unit)
    products = at["products"].free_entries() if "products" in at else {}
    if "products" in at and at["products"].is_mapping and not products:
        at["products"].complain("no product", "at least one, with its rate", "write NAME: {rate: …}")
    versions = tuple(version for name, place in products.items() for version in reader.product(name, place))
    if len(versions) > MOST_VERSIONS:
        at["products"].complain(
            f"{len(versions)} products and versions of them", f"at most {MOST_VERSIONS}",
            "leave out what was not on sale in the period",
        )  # fmt: skip
    cells = reader.cells(at.get("cells"), versions)
    root.finish()
    return ProductRules(versions, unit, cells, str(file), reader.lines)


class _Reader:
    """Reads places of one file against one contract."""

    def __init__(self, contract: DataContract, unit: float) -> None:
        self.named = set(contract.columns_used())
        self.roles = role_columns(contract)
        self.unit = unit
        self.lines: dict[str, int] = {}

    def product(self, name: str, place: Place) -> tuple[Version, ...]:
        """The versions of a product in the order of their days, which must not overlap."""
        if place.is_null:
            place.complain(f"nothing about '{name}'", "its rate, and who is eligible", "write {rate: …}")
            return ()
        items = place.items()
        read = [(self.version(name, item), item) for item in items]
        read.sort(key=lambda pair: pair[0].first or dt.date.min)
        for (one, _), (other, item) in pairwise(read):
            if one.last is None or (other.first or dt.date.min) <= one.last:
                item.complain(
                    f"'{name}' from {other.first or 'ever'} on, beside the same product until {one.last or 'now'}",
                    "days of one product that do not overlap", "end the earlier one on the day before, with 'to'",
                )  # fmt: skip
        several = len(read) > 1
        return tuple(
            Version(name, i if several else 0, one.conditions, one.rate, one.first, one.last, one.place)
            for i, (one, _) in enumerate(read, 1)
        )

    def version(self, name: str, place: Place) -> Version:
        self._note(place)
        at = place.entries(("from", "to", "eligible", "rate"), ("rate",))
        first = at["from"].date() if "from" in at else None
        last = at["to"].date() if "to" in at else None
        if first and last and last < first:
            place.complain(f"{first} to {last}", "a first day before the last", "swap the two")
        eligible = at["eligible"].free_entries() if "eligible" in at else {}
        conditions = tuple(self.condition(key, one) for key, one in eligible.items())
        rate = self.rate(at["rate"]) if "rate" in at else Rate((0.0,))
        return Version(name, 0, conditions, rate, first, last, place.path)

    def condition(self, key: str, place: Place) -> Within | Among:
        """Bounds of a number, or a set of values."""
        self._note(place)
        column = self.column(key, place)
        if not place.is_mapping:
            values = place.texts()
            if not values:
                place.complain("no value", "bounds, or the values that are eligible", "write [VALUE, …] or {from: …}")
            return Among(column, values)
        at = place.entries(_BOUNDS)
        if not at or {"from", "above"} <= set(at) or {"to", "below"} <= set(at):
            place.complain(
                place.describe() if at else "no bound", "one lower bound (from or above), one upper (to or below), "
                "or one of these", "write for instance {from: 620, below: 700}",
            )  # fmt: skip
        numbers = {bound: one.number() for bound, one in at.items()}
        low, high = numbers.get("from", numbers.get("above")), numbers.get("to", numbers.get("below"))
        both = "from" in at and "to" in at
        if low is not None and high is not None and (high < low or (high == low and not both)):
            place.complain(f"{low:g} to {high:g}", "edges in order, with numbers between them", "swap the two")
        return Within(column, low, high, "above" not in at, "below" not in at)

    def rate(self, place: Place) -> Rate:
        """Fixed, by bands, or a column."""
        self._note(place)
        if not place.is_mapping:
            return Rate((self._one_rate(place),))
        given = place.free_entries()
        if "column" in given:
            at = place.entries(("column",))
            return Rate(column=self.column(at["column"].text(), at["column"]) if "column" in at else "")
        at = place.entries(("by", "edges", "rates"), ("by", "edges", "rates"))
        if set(at) != {"by", "edges", "rates"}:
            return Rate((0.0,))
        by = tuple(self.column(item.text(), item) for item in at["by"].items())
        if not 1 <= len(by) <= MOST_COLUMNS or len(set(by)) < len(by):
            at["by"].complain(at["by"].describe(), "one column, or two different ones", "write by: [score, term]")
            return Rate((0.0,))
        lists = [at["edges"]] if len(by) == 1 else at["edges"].items()
        if len(lists) != len(by):
            at["edges"].complain(f"{len(lists)} lists of edges", f"{len(by)}, one for each of 'by'", "write [[…], […]]")
            return Rate((0.0,))
        edges = tuple(_edges(one) for one in lists)
        return Rate(self._rates(at["rates"], [len(one) + 1 for one in edges]), by, edges)

    def _rates(self, place: Place, sizes: list[int]) -> tuple[float, ...]:
        items = place.items()
        if len(items) != sizes[0]:
            place.complain(f"{len(items)} rates", f"{sizes[0]}, one more than there are edges", "add or remove some")
            return (0.0,) * (sizes[0] * (sizes[1] if len(sizes) > 1 else 1))
        if len(sizes) == 1:
            return tuple(self._one_rate(item) for item in items)
        return tuple(rate for item in items for rate in self._rates(item, sizes[1:]))

    def _one_rate(self, place: Place) -> float:
        return place.number(0, round(HIGHEST_RATE / self.unit)) * self.unit

    def column(self, name: str, place: Place) -> str:
        """The contract's column of this name, or that has this role."""
        role = self.roles.get(name)
        if name in self.named and role not in (None, name):
            place.complain(
                f"'{name}', a column of the contract and the role of its column '{role}'", "a name with one meaning",
                f"write '{role}', or give the column '{name}' another name in the source",
            )  # fmt: skip
        if name in self.named:
            return name
        if role is None and name:
            known = sorted({*self.named, *self.roles})
            place.complain(
                f"'{name}', which the contract does not name", f"one of {listed(known, 40)}",
                f"{suggest(name, known)}; a further column can be named under 'features' of the contract",
            )  # fmt: skip
        return role or ""

    def cells(self, place: Place | None, versions: tuple[Version, ...]) -> dict[str, tuple[float, ...]]:
        """The edges that cut amount, term and score; without them the rules' own."""
        found = {name: _own_edges(versions, self.roles[name]) for name in (AMOUNT, TERM, SCORE) if name in self.roles}
        given = place.entries((AMOUNT, TERM, SCORE)) if place else {}
        for name, one in given.items():
            if name not in self.roles:
                one.complain(
                    f"edges of '{name}', which the contract does not name", f"the column of '{name}' in the contract",
                    f"name it under '{'score' if name == SCORE else 'loan'}', or leave these edges out",
                )  # fmt: skip
            found[name] = _edges(one)
        return found

    def _note(self, place: Place) -> None:
        self.lines[place.path] = place.line


def _edges(place: Place) -> tuple[float, ...]:
    edges = tuple(item.number() for item in place.items())
    if list(edges) != sorted(set(edges)) or not edges:
        found = "edges out of order" if edges else "no edge"
        place.complain(
            found, "ascending edges, each once", "sort them, or write one rate" if not edges else "sort them"
        )
    return edges


def _own_edges(versions: tuple[Version, ...], column: str) -> tuple[float, ...]:
    """Every number at which rules tell loans apart by this column."""
    edges: set[float] = set()
    for version in versions:
        for one in version.conditions:
            if isinstance(one, Within) and one.column == column:
                edges |= {edge for edge in (one.low, one.high) if edge is not None}
        for name, own in zip(version.rate.by, version.rate.edges, strict=True):
            edges |= set(own) if name == column else set()
    return tuple(sorted(edges))

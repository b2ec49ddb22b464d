"""Published rates and amounts by day, as data files with their source: what no table says is not answered.

A row holds from its first day on and before ``until``. A table ends where the last figure that was read ends: nothing
is carried on from there.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

TABLES = Path(__file__).resolve().parent.parent / "tables"


@dataclass(frozen=True, slots=True)
class Entry:
    """A figure that holds from a day on and before another, and where it was published."""

    first: dt.date
    until: dt.date
    value: float
    source: str


@lru_cache
def loan_prime_rates() -> tuple[Entry, ...]:
    """The one-year loan prime rate of China, a fraction, ascending by day."""
    return tuple(_entry(row, "rate") for row in _rows("loan_prime_rate"))


@lru_cache
def mortgage_threshold(name: str) -> tuple[Entry, ...]:
    """A dollar amount of Regulation Z by year, ascending by day. Raises ``KeyError`` for an unknown name."""
    found = tuple(_entry(row, "dollars") for row in _rows("mortgage_thresholds") if row["name"] == name)
    if not found:
        raise KeyError(f"no mortgage threshold '{name}'")
    return found


def on_day(entries: Iterable[Entry], day: dt.date) -> float | None:
    """The figure of a day, or None where the table has none."""
    return next((entry.value for entry in entries if entry.first <= day < entry.until), None)


def by_day(entries: Iterable[Entry], day: ir.Value) -> Any:
    """The figure of each row's day as an expression, NULL where the table has none."""
    import ibis

    date = day.cast("date")
    cases = [
        ((date >= ibis.date(entry.first.isoformat())) & (date < ibis.date(entry.until.isoformat())), entry.value)
        for entry in entries
    ]
    return ibis.cases(*cases, else_=ibis.null("float64"))


def _rows(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["from"])


def _entry(row: dict[str, str], value: str) -> Entry:
    first, until = (dt.date.fromisoformat(row[key]) for key in ("from", "until"))
    return Entry(first, until, float(row[value]), row["source"])

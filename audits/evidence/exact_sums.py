"""Sums of floating-point columns that do not depend on the order of rows, threads or engine.

A value is divided by a power of two that bounds its column, and the quotient u ∈ [−1, 1] is cut
into two integers, u = a 2⁻⁴⁰ + b 2⁻¹⁰¹, whose sums are exact integer arithmetic. A value loses
something only below 2⁻¹⁰¹ of the column's largest, so that every value within fifteen decimal
orders of the largest is summed exactly; the total is rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

_COARSE, _FINE = 40, 61


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest and largest value of a column (None where it has none) and how many rows have one."""

    low: float | None
    high: float | None
    known: int

    @property
    def exponent(self) -> int:
        """The smallest e with every |value| ≤ 2ᵉ."""
        largest = max(abs(self.low or 0.0), abs(self.high or 0.0))
        return math.frexp(largest)[1] if largest else 0


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges by column, and the rows of the source."""

    by_column: Mapping[str, Range]
    rows: int


def collect_ranges(source: Source, columns: Iterable[str], counted: Iterable[str] = ()) -> Ranges:
    """One scan: ranges of numeric ``columns``, and of ``counted`` ones only how many rows have a value."""
    table = source.table
    names, others = list(dict.fromkeys(columns)), list(dict.fromkeys(counted))
    figures: dict[str, ir.Scalar] = {"rows": table.count()}
    for i, name in enumerate(names):
        column = table[name].cast("float64")
        figures |= {f"low{i}": column.min(), f"high{i}": column.max(), f"n{i}": column.count()}
    figures |= {f"m{i}": table[name].count() for i, name in enumerate(others)}
    rows, *values = source.rows(table.aggregate(**figures))[0]
    known = {name: Range(None, None, int(n)) for name, n in zip(others, values[3 * len(names) :], strict=True)}
    for i, name in enumerate(names):
        low, high, n = values[3 * i : 3 * i + 3]
        known[name] = Range(low, high, int(n))
    return Ranges(known, int(rows))


def scaled(column: ir.Value, found: Range) -> Any:
    """u = value / 2ᵉ in [−1, 1]; the division is exact."""
    number = column.cast("float64")
    for step in _steps(found.exponent):
        number = number / 2.0**step
    return number


def _steps(exponent: int) -> list[int]:
    """The exponent in parts whose powers of two are ordinary numbers."""
    return [exponent] if -1000 <= exponent <= 1000 else [exponent // 2, exponent - exponent // 2]


def limbs(quotient: Any) -> tuple[Any, Any]:
    """The two integers of u, missing counted as nothing."""
    whole = quotient * 2.0**_COARSE
    coarse = whole.floor()
    fine = ((whole - coarse.cast("float64")) * 2.0**_FINE).floor()
    return coarse.cast("int64").fill_null(0), fine.cast("int64").fill_null(0)


def total(coarse: Any, fine: Any, exponent: int) -> float:
    """The sum of u 2ᵉ, rounded once; infinite where it is beyond the largest double."""
    value = int(coarse or 0) * 2**_FINE + int(fine or 0)
    shift = exponent - _COARSE - _FINE
    try:
        return float(value * 2**shift) if shift >= 0 else value / 2**-shift
    except OverflowError:
        return math.copysign(math.inf, value)

"""Sums of floating-point columns that do not depend on the order of rows, threads or engine.

A value is divided by a power of two that bounds its column, and the quotient u ∈ [−1, 1] is cut
into integers, u = a 2⁻⁴⁰ + b 2⁻¹⁰¹ (and for squares + c 2⁻¹⁶²), whose sums are exact integer
arithmetic. A value loses something only below 2⁻¹⁰¹ of the column's largest, so that every value
within fourteen decimal orders of the largest is summed exactly, and its square as rounded to a
double; the total is rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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


def limbs(quotient: Any, number: int = 2) -> tuple[Any, ...]:
    """The integers of u, two or more, missing counted as nothing."""
    found = []
    rest = quotient * 2.0**_COARSE
    for _ in range(number):
        whole = rest.floor()
        found.append(whole.cast("int64").fill_null(0))
        rest = (rest - whole.cast("float64")) * 2.0**_FINE
    return tuple(found)


def total(parts: Sequence[Any], exponent: int) -> float:
    """The sum of u 2ᵉ from the sums of its integers, rounded once; infinite beyond the largest double."""
    value = 0
    for part in parts:
        value = value * 2**_FINE + int(part or 0)
    shift = exponent - _COARSE - _FINE * (len(parts) - 1)
    try:
        return float(value * 2**shift) if shift >= 0 else value / 2**-shift
    except OverflowError:
        return math.copysign(math.inf, value)

"""Sums of floating-point columns that do not depend on the order of rows, threads or engine.

A value is divided by a power of two that bounds its column, and the quotient u ∈ [−1, 1] is cut
into integers, u = a 2⁻⁴⁰ + b 2⁻¹⁰¹ (and for squares + c 2⁻¹⁶²), whose sums are exact integer
arithmetic. A value loses something only below 2⁻¹⁰¹ of the column's largest, so that every value
within fourteen decimal orders of the largest is summed exactly, and its square as rounded to a
double; the total is rounded once. Quotients below 2⁻⁵⁰⁰, far under the last integer, are taken as 0
before anything is divided or squared, since Postgres refuses a result too small for a double.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.inputs.pricing_columns import LARGEST_LOGARITHM
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

_COARSE, _FINE = 40, 61
_NEGLIGIBLE = -500
LIGHT_EXPONENT = 20  # up to 2²⁰ one integer holds a value to 2⁻⁴¹ and its square to 2⁻²¹


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
        column = as_number(table[name])
        figures |= {f"low{i}": column.min(), f"high{i}": column.max(), f"n{i}": column.count()}
    figures |= {f"m{i}": table[name].count() for i, name in enumerate(others)}
    rows, *values = source.rows(table.aggregate(**figures))[0]
    known = {name: Range(None, None, int(n)) for name, n in zip(others, values[3 * len(names) :], strict=True)}
    for i, name in enumerate(names):
        low, high, n = values[3 * i : 3 * i + 3]
        known[name] = Range(low, high, int(n))
    return Ranges(known, int(rows))


def as_number(column: ir.Value) -> Any:
    """The column in double precision; a boolean by way of an integer, as Postgres demands."""
    return (column.cast("int32") if column.type().is_boolean() else column).cast("float64")


def zero_below(number: Any, bound: float) -> Any:
    """The number, or 0 where it is smaller than ``bound`` in size, so that products of it cannot underflow."""
    import ibis

    if not bound:
        return number
    limit = ibis.literal(repr(bound), "string").cast("float64")
    return ibis.ifelse(number.abs() < limit, ibis.literal(0, "int32").cast("float64"), number)


def scaled(column: ir.Value, found: Range) -> Any:
    """u = value / 2ᵉ in [−1, 1], 0 where it is below 2⁻⁵⁰⁰; the division is exact, and so is that of u²'s exponent."""
    number = zero_below(as_number(column), math.ldexp(1.0, found.exponent + _NEGLIGIBLE))
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


def is_light(found: Range) -> bool:
    """Whether one integer a row holds what sums and squares of a column need."""
    return found.exponent <= LIGHT_EXPONENT


def whole_and_square(column: Any, found: Range) -> tuple[Any, Any]:
    """The integers of u and u² to 2⁻⁶¹, missing where u is: enough for columns that a formula has made (``is_light``).

    Such a column is a double whose squares underflow nowhere.
    """
    once, twice = 2.0 ** (_FINE - found.exponent), 2.0 ** (_FINE - 2 * found.exponent)
    return (column * once).floor().cast("int64"), (column * column * twice).floor().cast("int64")


def total_of_whole(parts: Sequence[Any], exponent: int) -> float:
    """The sum of u 2ᵉ from the sum of its one integer; infinite beyond the largest double."""
    value, shift = int(parts[0] or 0), exponent - _FINE
    try:
        return float(value * 2**shift) if shift >= 0 else value / 2**-shift
    except OverflowError:
        return math.copysign(math.inf, value)


def range_of_logarithms(rows: int) -> Range:
    """The ends that the derived columns of logarithms keep to, so that no scan need look for them."""
    return Range(-LARGEST_LOGARITHM, LARGEST_LOGARITHM, rows)


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

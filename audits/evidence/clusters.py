"""Clusters: sums over clusters of products of the clusters' own sums, taken in the engine.

Rows of one cluster (a customer, a branch) depend on each other. Errors that allow for it need
M = Σ_g s_g s_gᵀ with s_g the sums of some figures over the rows of cluster g (Liang and Zeger
1986, Biometrika 73:13–22). Only M and the number of clusters leave the engine: no identifier,
and no row for each cluster.

Each figure lies in [−1, 1] and is rounded to a multiple of 2⁻ᑫ such that 2ᑫ times the rows stays
within 2⁵³: a cluster's sum of doubles is then exact in any order. Products are summed as integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from checks.inputs.grouping import coded, on_raw
from checks.inputs.source import Source
from checks.problem import InputError, Problem

if TYPE_CHECKING:
    import ibis.expr.types as ir

Matrix = NDArray[np.float64]
_WIDEST = 24  # sums kept for each cluster at once; beyond, only the classes that a cluster has are kept
_MOST_LABELS = 64  # of one key, for comparing each row with all of them
_DOUBLE = 52  # bits of a double that hold whole numbers
_FINE = 61


@dataclass(frozen=True, slots=True)
class Products:
    """``matrix`` is Σ_g s_g s_gᵀ over K classes × keyed figures (class by class), then the shared figures.

    ``largest`` is the number of rows of the largest cluster, ``by_class`` the number of clusters in
    which each class has a row, ``held`` the rows of each class in all clusters.
    """

    matrix: Matrix
    clusters: int
    largest: int
    by_class: tuple[int, ...]
    held: tuple[int, ...]


def rounded(figure: Any, rows: int) -> Any:
    """A figure in [−1, 1] as a multiple of 2⁻ᑫ, so that sums of up to ``rows`` of them are exact in doubles."""
    places = _places_of(rows)
    return (figure * places + 0.5).floor().cast("float64") / places


def double(number: int) -> Any:
    """A whole number as a double: DuckDB takes 1.0 for a decimal, which it adds up far more slowly."""
    import ibis

    return ibis.literal(number, "int64").cast("float64")


def split(figure: Any, rows: int) -> tuple[Any, Any]:
    """A figure in [−1, 1] as the sum of a multiple of 2⁻ᑫ and one of 2⁻²ᑫ, for columns of many magnitudes."""
    places = _places_of(rows)
    coarse = rounded(figure, rows)
    return coarse, rounded((figure - coarse) * places, rows) / places


def _places_of(rows: int) -> float:
    return float(2.0 ** (52 - math.ceil(math.log2(max(rows, 2)))))


@dataclass(frozen=True, slots=True)
class ClusterRows:
    """What to sum in each cluster: expressions over the prepared relation.

    ``keys`` with the ``classes`` (tuples of their values) that count; ``keyed`` figures are summed
    within each class of a cluster, ``shared`` ones over the whole cluster. A figure is one expression
    or the two parts of a ``split``. ``used`` holds for the rows that take part, among them none
    without a cluster. No figures at all stands for the number of rows. ``held`` is how many rows of
    each class are used, counted without clusters; ``need`` names what is collected in errors.
    """

    cluster: Any
    keys: Mapping[str, Any]
    classes: Sequence[tuple[Any, ...]]
    held: Sequence[int]
    used: Any
    need: object
    keyed: Sequence[tuple[Any, ...]] = ()
    shared: Sequence[tuple[Any, ...]] = ()

    @property
    def width(self) -> int:
        """Sums of one class."""
        return max(len(self.keyed), 0 if self.shared else 1)

    @property
    def limbs(self) -> int:
        """Integers that a product is cut into: itself, or the whole part and its places down to 2⁻⁶¹ or 2⁻¹²²."""
        figures = [*self.keyed, *self.shared]
        return 3 if any(len(parts) > 1 for parts in figures) else 2 if figures else 1


def cross_products(source: Source, rows: ClusterRows) -> Products:
    """One scan, after one for the labels; up to two more where the first guess at the clusters' size was too low.

    Each class must have as many rows in all clusters as were counted without them; where it has not,
    rows are grouped by their labels instead. Raises ``InputError`` where that does not agree either.
    """
    if rows.classes and len(rows.classes) * rows.width + len(rows.shared) <= _WIDEST:
        table, codes = _with_codes(source, rows)
        if table is not None:
            for bits in (max(_DOUBLE // len(codes), 6), _DOUBLE // 2) if rows.limbs == 1 else ():
                found = _products(source, rows, _packed(table, codes, bits))
                if found.held == tuple(rows.held):
                    return found
            found = _products(source, rows, _wide(table, codes, rows))
            if found.held == tuple(rows.held):
                return found
    found = _long(source, rows)
    _agree(found, rows)
    return found


def _agree(found: Products, rows: ClusterRows) -> None:
    """Never a sum over other rows than the cells were counted from."""
    for one, here, counted in zip(rows.classes, found.held, rows.held, strict=True):
        if here != counted:
            raise InputError(Problem(
                "the source", f"{here} rows of {one} in all clusters where {counted} were counted ({rows.need})",
                "data that stay as they are during a run, and labels that the engine tells apart",
                "run again when the job that writes the data has ended; else turn the column into text in a 'query'",
            ))  # fmt: skip


def _with_codes(source: Source, rows: ClusterRows) -> tuple[Any, list[int]]:
    """The rows as ``cluster``, ``class`` (a number) and figures, and the classes' numbers; None with many labels."""
    labels = {name: list(dict.fromkeys(one[i] for one in rows.classes)) for i, name in enumerate(rows.keys)}
    code = coded(source, rows.keys, labels, _MOST_LABELS)
    if code is None:
        return None, []
    codes = []
    for one in rows.classes:
        number = 0
        for value, known in zip(one, labels.values(), strict=True):
            number = number * len(known) + known.index(value)
        codes.append(number)
    return on_raw(source.table, {"cluster": rows.cluster, "class": code, **_figures(rows)}, rows.used), codes


def _figures(rows: ClusterRows) -> dict[str, Any]:
    kinds = (("x", rows.keyed), ("y", rows.shared))
    return {f"{kind}{i}_{k}": part for kind, figures in kinds for i, parts in enumerate(figures)
            for k, part in enumerate(parts)}  # fmt: skip


def _packed(table: ir.Table, codes: Sequence[int], bits: int) -> ir.Table:
    """Rows by class in each cluster, several counts side by side as the digits of one sum of doubles.

    A count of 2^bits or more spills into the next digit, which makes the sum of all digits smaller
    than the number of rows: the caller compares the rows of each class.
    """
    import ibis

    per = _DOUBLE // bits
    packs = [codes[i : i + per] for i in range(0, len(codes), per)]
    sums = {}
    for k, pack in enumerate(packs):
        digits = [(table["class"] == code, double(2 ** (bits * i))) for i, code in enumerate(pack)]
        digit = ibis.cases(*digits, else_=double(0))
        if len(packs) == 1 and max(codes) < per:  # a class is its own digit
            packs[0] = list(range(max(codes) + 1))
            digit = (ibis.literal(1, "int32").cast("int64") << (table["class"] * bits).cast("int32")).cast("float64")
        total = digit.sum()
        sums[f"pack{k}"] = ibis.ifelse(total < double(2**_DOUBLE), total, double(0)).cast("int64")
    one = table.group_by("cluster").aggregate(**sums)
    unpacked = {}
    for k, pack in enumerate(packs):
        for i, code in enumerate(pack):
            if code in codes:
                unpacked[f"s{codes.index(code)}"] = (one[f"pack{k}"] >> bits * i) & (2**bits - 1)
    counts = one.select(**unpacked)
    held = {f"n{c}": counts[f"s{c}"] for c in range(len(codes))}
    return counts.mutate(n=reduce(add, held.values()), **held)


def _wide(table: ir.Table, codes: Sequence[int], rows: ClusterRows) -> ir.Table:
    """All sums of a cluster side by side."""
    import ibis

    sums: dict[str, Any] = {"n": table.count()}
    for c, code in enumerate(codes):
        here = table["class"] == code
        sums[f"n{c}"] = ibis.ifelse(here, double(1), double(0)).sum()
        for i in range(rows.width):
            parts = _parts(table, f"x{i}") or [double(1)]
            sums[f"s{c * rows.width + i}"] = _sum([ibis.ifelse(here, part, double(0)) for part in parts])
    for j in range(len(rows.shared)):
        sums[f"s{len(codes) * rows.width + j}"] = _sum(_parts(table, f"y{j}"))
    return table.group_by("cluster").aggregate(**sums)


def _products(source: Source, rows: ClusterRows, one: ir.Table) -> Products:
    """The products of the sums s0, s1 … of each cluster, summed over clusters; n0, n1 … are its rows by class."""
    import ibis

    classes = len(rows.classes)
    width = classes * rows.width + len(rows.shared)
    pairs = [(i, j) for i in range(width) for j in range(i, width)]
    figures: dict[str, Any] = {"clusters": one.count(), "largest": one["n"].max()}
    figures |= {f"in{c}": ibis.ifelse(one[f"n{c}"] != 0, 1, 0).sum() for c in range(classes)}
    figures |= {f"held{c}": one[f"n{c}"].sum() for c in range(classes)}
    for i, j in pairs:
        figures |= _product_sums(f"{i}_{j}", one[f"s{i}"] * one[f"s{j}"], rows.limbs)
    clusters, largest, *values = source.rows(one.aggregate(**figures))[0]
    matrix = np.zeros((width, width))
    for (i, j), value in zip(pairs, _added(values[2 * classes :], rows.limbs), strict=True):
        matrix[i, j] = matrix[j, i] = value
    counts = tuple(int(n or 0) for n in values[: 2 * classes])
    return Products(matrix, int(clusters), int(largest or 0), counts[:classes], counts[classes:])


def _long(source: Source, rows: ClusterRows) -> Products:
    """One row for each cluster and class that occur together, joined with the others of its cluster."""
    keys = {f"k{i}": key for i, key in enumerate(rows.keys.values())}
    figures = _figures(rows) or {"x0_0": double(1)}
    table = on_raw(source.table, {"cluster": rows.cluster, **keys, **figures}, rows.used)
    names = [*(f"x{i}" for i in range(rows.width)), *(f"y{j}" for j in range(len(rows.shared)))]
    sums = {f"s{i}": _sum(_parts(table, name)) for i, name in enumerate(names)}
    one = table.group_by(["cluster", *keys]).aggregate(n=table.count(), **sums)
    counts = one.group_by("cluster").aggregate(n=one["n"].sum())
    clusters, largest = source.rows(counts.aggregate(c=counts.count(), m=counts["n"].max()))[0]
    both = one.join(one.view(), "cluster", rname="{name}_2")
    found: dict[str, Any] = {"common": both.count(), "held": both["n"].sum()}
    for i, j in product(range(len(names)), repeat=2):
        found |= _product_sums(f"{i}_{j}", both[f"s{i}"] * both[f"s{j}_2"], rows.limbs)
    grouped = both.group_by([*keys, *(f"{name}_2" for name in keys)]).aggregate(**found)
    return _spread(rows, source.rows(grouped), int(clusters), int(largest or 0))


def _spread(rows: ClusterRows, pairs: Sequence[tuple[Any, ...]], clusters: int, largest: int) -> Products:
    """The blocks of pairs of classes in their places; shared figures add up over all classes, always in one order."""
    width, classes, depth = rows.width, len(rows.classes), len(rows.keys)
    size = width + len(rows.shared)
    known = {one: c for c, one in enumerate(rows.classes)}
    matrix = np.zeros((classes * width + len(rows.shared),) * 2)
    by_class, held = [0] * classes, [0] * classes

    def places(one: tuple[Any, ...]) -> list[tuple[int, int]]:
        own = [(known[one] * width + i, i) for i in range(width)] if one in known else []
        return own + [(classes * width + j, width + j) for j in range(len(rows.shared))]

    for row in sorted(pairs, key=lambda row: [(value is None, str(value)) for value in row[: 2 * depth]]):
        left, right, (common, rows_held, *values) = row[:depth], row[depth : 2 * depth], row[2 * depth :]
        block = np.array(_added(values, rows.limbs)).reshape(size, size)
        for (r, i), (c, j) in product(places(left), places(right)):
            matrix[r, c] += block[i, j]
        if left == right and left in known:
            by_class[known[left]], held[known[left]] = int(common), int(rows_held)
    return Products((matrix + matrix.T) / 2, clusters, largest, tuple(by_class), tuple(held))


def _parts(table: ir.Table, name: str) -> list[Any]:
    return [table[column] for column in (f"{name}_0", f"{name}_1") if column in table.columns]


def _sum(parts: Sequence[Any]) -> Any:
    return parts[0].sum() + parts[1].sum() if len(parts) > 1 else parts[0].sum()


def _product_sums(name: str, value: Any, limbs: int) -> dict[str, Any]:
    """The sum of a product as one integer or as the sums of its whole part and its places down to 2⁻⁶¹, 2⁻¹²²."""
    if limbs == 1:
        return {f"p{name}": value.cast("int64").sum()}
    sums = {}
    for limb in range(limbs):
        whole = value.floor()
        sums[f"p{name}_{limb}"] = whole.cast("int64").sum()
        value = (value - whole.cast("float64")) * 2.0**_FINE
    return sums


def _added(values: Sequence[Any], limbs: int) -> list[float]:
    found = []
    for k in range(0, len(values), limbs):
        number = 0
        for value in values[k : k + limbs]:
            number = number * 2**_FINE + int(value or 0)
        found.append(number / 2 ** (_FINE * (limbs - 1)))
    return found

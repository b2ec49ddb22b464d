"""Cells by cluster: what errors clustered by customer or branch need of the cells.

With n_gc the rows of cell c in cluster g and s_gc the sum of a column over them, Σ_g n_gc n_gc′,
Σ_g n_gc s_gc′ and Σ_g s_gc s_gc′ give CR1 of every model that is saturated in the cells: the score
of cell c in cluster g is s_gc − μ_c n_gc. Rows without a cluster are left out and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audits.evidence.cells import Cell, Cells, collect_cells, label_expressions
from audits.evidence.clusters import ClusterRows, Matrix, Products, cross_products, double, split
from audits.evidence.exact_sums import Range, Ranges, collect_ranges, scaled
from audits.evidence.needs import CellsNeed, ClusterCellsNeed
from checks.inputs.grouping import group_rows
from checks.inputs.prepared import FAVOURABLE
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

ROWS = "rows"


@dataclass(frozen=True, slots=True)
class ClusterCells:
    """``products`` is a matrix over cells × variables, cell by cell in the order of ``cells``.

    ``cells`` holds (labels, decision, rows), as ``Cells`` does, also of rows without a cluster;
    ``variables`` are ``rows``, and for each summed column its name and ``known:NAME`` (its rows with
    a value; left out where every row has one, since ``rows`` is the same). ``clusters_by_cell`` says in
    how many clusters a cell occurs, ``largest`` how many rows the largest cluster has, ``missing``
    how many rows have no cluster. A product beyond the largest double is ±infinity.
    """

    cluster: str
    attributes: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    variables: tuple[str, ...]
    products: tuple[tuple[float, ...], ...]
    clusters: int
    clusters_by_cell: tuple[int, ...]
    largest: int
    missing: int

    def between(self, first: str = ROWS, second: str = ROWS) -> Matrix:
        """Σ_g a_gc b_gc′ over pairs of cells, shape (C, C). ``known:NAME`` may stand for ``rows``."""
        i, j = self._place(first), self._place(second)
        width = len(self.variables)
        return np.array(self.products, dtype=float).reshape((len(self.cells) * width,) * 2)[i::width, j::width]

    def _place(self, variable: str) -> int:
        if variable.startswith("known:") and variable not in self.variables:
            variable = ROWS
        if variable not in self.variables:
            raise KeyError(f"no products of '{variable}' were collected, only of {self.variables}")
        return self.variables.index(variable)


def collect_cluster_cells(
    source: Source, need: ClusterCellsNeed, ranges: Ranges | None = None, cells: Cells | None = None
) -> ClusterCells:
    """One scan for the products, after those for cells and ranges unless they are given; one more where clusters miss.

    Raises ``InputError`` where the clusters do not hold exactly the rows of the cells.
    """
    plain = CellsNeed(need.attributes, need.columns, (), need.decision)
    cells = cells or collect_cells(source, plain)
    if ranges is None or need.cluster not in ranges.by_column:
        ranges = collect_ranges(source, need.sums, (need.cluster,))
    figures = _figures(need, ranges)
    found = cross_products(source, _cluster_rows(source, need, cells, figures, ranges))
    scales = [0 if one is None or name.startswith("known:") else one[1].exponent for name, one in figures.items()]
    return ClusterCells(
        cluster=need.cluster,
        attributes=need.attributes,
        columns=need.columns,
        cells=cells.cells,
        variables=tuple(figures),
        products=_unscaled(found, scales),
        clusters=found.clusters,
        clusters_by_cell=found.by_class,
        largest=found.largest,
        missing=ranges.rows - ranges.by_column[need.cluster].known,
    )


def _figures(need: ClusterCellsNeed, ranges: Ranges) -> dict[str, tuple[str, Range] | None]:
    """Variable → its column and range, or None for the rows themselves."""
    figures: dict[str, tuple[str, Range] | None] = {ROWS: None}
    for name in need.sums:
        found = ranges.by_column[name]
        if found.known < ranges.rows:
            figures[f"known:{name}"] = (name, found)
        figures[name] = (name, found)
    return figures


def _cluster_rows(
    source: Source, need: ClusterCellsNeed, cells: Cells, figures: Mapping[str, Any], ranges: Ranges
) -> ClusterRows:
    table = source.table
    keys = label_expressions(table, need.attributes, need.columns)
    decided = need.decision and FAVOURABLE in table.columns
    keys |= {FAVOURABLE: table[FAVOURABLE]} if decided else {}
    classes = [(*labels, decision) if decided else labels for labels, decision, _ in cells.cells]
    keyed = [_parts(table, variable, found, ranges.rows) for variable, found in figures.items()] if need.sums else []
    used = table[need.cluster].notnull()
    held = [rows for _, _, rows in cells.cells]
    if ranges.by_column[need.cluster].known < ranges.rows:
        held = _held(source, keys, used, classes)
    return ClusterRows(table[need.cluster], keys, classes, held, used, need, keyed)


def _held(source: Source, keys: Mapping[str, Any], used: Any, classes: Sequence[tuple[Any, ...]]) -> list[int]:
    """The rows of each class that have a cluster. One scan."""
    import ibis

    grouped = group_rows(source.table, keys, {"held": ibis.ifelse(used, 1, 0)})
    found = {row[: len(keys)]: int(row[-1] or 0) for row in source.rows(grouped)}
    return [found.get(one, 0) for one in classes]


def _parts(table: ir.Table, variable: str, found: tuple[str, Range] | None, rows: int) -> tuple[Any, ...]:
    import ibis

    if found is None:
        return (double(1),)
    name, reach = found
    if variable.startswith("known:"):
        return (ibis.ifelse(table[name].notnull(), double(1), double(0)),)
    return split(scaled(table[name], reach).fill_null(double(0)), rows)


def _unscaled(found: Products, scales: list[int]) -> tuple[tuple[float, ...], ...]:
    size = len(found.matrix)
    exponents = [scales[i % len(scales)] for i in range(size)]
    return tuple(
        tuple(_power(float(found.matrix[i, j]), exponents[i] + exponents[j]) for j in range(size)) for i in range(size)
    )


def _power(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)


def cluster_cells_to_json(found: ClusterCells) -> str:
    """Text of a file; floats in full precision, a product beyond the largest double as the text inf or -inf."""
    content = asdict(found)
    content["products"] = [
        [value if math.isfinite(value) else str(value) for value in row] for row in content["products"]
    ]
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def cluster_cells_from_json(text: str) -> ClusterCells:
    """The inverse of ``cluster_cells_to_json``."""
    content: dict[str, Any] = json.loads(text)
    cells = tuple((tuple(labels), decision, rows) for labels, decision, rows in content.pop("cells"))
    products = tuple(tuple(float(value) for value in row) for row in content.pop("products"))
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return ClusterCells(**{**content, **lists, "cells": cells, "products": products})

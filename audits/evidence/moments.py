"""Moments: the sums that a linear model needs, taken in the engine and exact in any row order.

Every control x is mapped to u = (x − centre) / half_range in [−1, 1] by its own minimum and
maximum. Each summand is scaled by 2^61 and rounded to an integer before it is summed, so
that the sum is exact integer arithmetic: the same on any number of threads, to 2^-61 of a row.
Sums are kept within each group of one attribute, which gives the regression on group
indicators without an indicator column. A second scan collects the sandwich's meat
Σ e² z zᵀ with e the residual of the fit, z = (1, u₁ … u_k).

Rows with a missing label, decision or control are left out and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audits.evidence.needs import MomentsNeed
from audits.statistics.linear_model import GroupedMoments, fit_group_effects
from checks.inputs.prepared import FAVOURABLE, group_column
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SCALE = 2**61


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of one attribute. Lists are per label; matrices are (1 + k) × (1 + k) over z.

    ``rows`` counts all rows of the source, ``missing`` the rows without a value by control,
    ``constant`` the controls that never vary and are therefore not in ``controls``.
    """

    attribute: str
    reference: str
    labels: list[str]
    controls: list[str]
    constant: list[str]
    missing: dict[str, int]
    rows: int
    counts: list[int]
    favourable: list[int]
    cross: list[list[list[float]]]
    response: list[list[float]]
    meat: list[list[list[float]]]

    def grouped(self) -> GroupedMoments:
        """As arrays, for ``fit_group_effects``."""
        return GroupedMoments(
            labels=tuple(self.labels),
            reference=self.reference,
            controls=tuple(self.controls),
            counts=np.array(self.counts, dtype=float),
            favourable=np.array(self.favourable, dtype=float),
            cross=np.array(self.cross, dtype=float),
            response=np.array(self.response, dtype=float),
            meat=np.array(self.meat, dtype=float),
        )


def moments_to_json(moments: Moments) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(moments), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def moments_from_json(text: str) -> Moments:
    """The inverse of ``moments_to_json``."""
    return Moments(**json.loads(text))


def collect_moments(source: Source, need: MomentsNeed) -> Moments:
    """Three scans: ranges, sums, and the meat of the robust errors."""
    ranges, missing, rows = _ranges(source, need.controls)
    controls = [name for name in need.controls if ranges[name] is not None and ranges[name][1] > 0]
    table = _complete(source, need)
    design = [_standardised(table[name], *ranges[name]) for name in controls]
    label, decision = table[group_column(need.attribute)], table[FAVOURABLE].cast("float64")
    width = len(controls) + 1
    z = [_one(label), *design]
    pairs = [(i, j) for i in range(width) for j in range(i, width)]
    sums = [z[i] * z[j] for i, j in pairs] + [decision * z[i] for i in range(width)]
    found = _sum_by_label(source, table, label, sums, table.count())
    labels = sorted(found)
    cross = [_symmetric(found[name][1 : 1 + len(pairs)], pairs, width) for name in labels]
    moments = Moments(
        attribute=need.attribute,
        reference=source.prepared.references[need.attribute],
        labels=labels,
        controls=controls,
        constant=[name for name in need.controls if name not in controls],
        missing=missing,
        rows=rows,
        counts=[int(found[name][0]) for name in labels],
        favourable=[round(found[name][1 + len(pairs)]) for name in labels],
        cross=cross,
        response=[[float(value) for value in found[name][1 + len(pairs) :]] for name in labels],
        meat=[],
    )
    meat = _meat(source, table, moments, z, pairs) if moments.reference in labels and len(labels) > 1 else []
    return Moments(**{**asdict(moments), "meat": meat})


def _ranges(source: Source, controls: Sequence[str]) -> tuple[dict[str, Any], dict[str, int], int]:
    """Centre and half range of each control (None where it has no value), missing values, rows."""
    table = source.table
    figures: dict[str, ir.Scalar] = {"rows": table.count()}
    for i, name in enumerate(controls):
        column = table[name].cast("float64")
        figures |= {f"low{i}": column.min(), f"high{i}": column.max(), f"n{i}": column.count()}
    row = dict(zip(figures, source.rows(table.aggregate(**figures))[0], strict=True))
    ranges: dict[str, tuple[float, float] | None] = {}
    for i, name in enumerate(controls):
        low, high = row[f"low{i}"], row[f"high{i}"]
        ranges[name] = None if low is None else (low / 2 + high / 2, high / 2 - low / 2)
    missing = {name: int(row["rows"]) - int(row[f"n{i}"]) for i, name in enumerate(controls)}
    return ranges, missing, int(row["rows"])


def _complete(source: Source, need: MomentsNeed) -> ir.Table:
    table = source.table
    needed = [group_column(need.attribute), FAVOURABLE, *need.controls]
    return table.filter([table[name].notnull() for name in needed])


def _standardised(column: ir.Value, centre: float, half_range: float) -> Any:
    return (column.cast("float64") - centre) / half_range


def _one(column: ir.Value) -> Any:
    """The constant column of a design, on rows where ``column`` is known."""
    import ibis

    return ibis.ifelse(column.notnull(), 1.0, 0.0)


def _sum_by_label(
    source: Source, table: ir.Table, label: ir.Value, sums: Sequence[Any], *exact: ir.Scalar
) -> dict[str, list[float]]:
    """label → [exact counts …, sums …]; the summands lie in [−1, 1]."""
    figures = {f"exact{i}": scalar for i, scalar in enumerate(exact)}
    for i, summand in enumerate(sums):
        figures[f"sum{i}"] = (summand * float(_SCALE)).round().cast("int64").sum()
    grouped = table.group_by(label=label).aggregate(**figures)
    found = {}
    for name, *values in source.rows(grouped):
        whole = [float(value) for value in values[: len(exact)]]
        found[str(name)] = whole + [int(value) / _SCALE for value in values[len(exact) :]]
    return found


def _symmetric(values: Sequence[float], pairs: Sequence[tuple[int, int]], width: int) -> list[list[float]]:
    matrix = [[0.0] * width for _ in range(width)]
    for value, (i, j) in zip(values, pairs, strict=True):
        matrix[i][j] = matrix[j][i] = float(value)
    return matrix


def _meat(
    source: Source, table: ir.Table, moments: Moments, z: Sequence[Any], pairs: Sequence[tuple[int, int]]
) -> list[list[list[float]]]:
    """Σ e² z zᵀ by label, e from the fit on the moments; e is divided by a bound to stay in [−1, 1]."""
    import ibis

    fit = fit_group_effects(moments.grouped())
    label = table[group_column(moments.attribute)]
    effects = [(label == name, float(effect)) for name, effect in zip(fit.labels, fit.group_coefficients, strict=True)]
    fitted = ibis.cases(*effects, else_=0.0) + float(fit.intercept)
    for column, coefficient in zip(z[1:], fit.control_coefficients, strict=True):
        fitted = fitted + column * float(coefficient)
    largest = (
        1
        + abs(fit.intercept)
        + float(np.abs(fit.group_coefficients).max(initial=0))
        + float(np.abs(fit.control_coefficients).sum())
    )
    bound = 2.0 ** math.ceil(math.log2(largest))
    residual = (table[FAVOURABLE].cast("float64") - fitted) / bound
    squared = residual * residual
    found = _sum_by_label(source, table, label, [z[i] * z[j] * squared for i, j in pairs])
    width = len(z)
    scaled = {name: [value * bound * bound for value in values] for name, values in found.items()}
    return [_symmetric(scaled[name], pairs, width) for name in moments.labels]

"""Moments: the sums that a linear model needs, taken in the engine and exact in any row order.

Every control x is mapped to u = (x − centre) / half_range in [−1, 1] by its own minimum and
maximum. Each summand is scaled by 2^61 and rounded to an integer before it is summed, so
that the sum is exact integer arithmetic: the same on any number of threads, to 2^-61 of a row.
Sums are kept within each group of one attribute, which gives the regression on group
indicators without an indicator column. A second scan collects the sandwich's meat
Σ e² z zᵀ with e the residual of the fit, z = (1, u₁ … u_k).

With a cluster column a further scan collects Σ_g s_g s_gᵀ, with s_g the sum of e over the rows of
cluster g in each group and of e u_j over all its rows (Liang and Zeger 1986, Biometrika 73:13–22).

Rows with a missing label, decision, control or cluster are left out and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.clusters import ClusterRows, cross_products, rounded
from audits.evidence.exact_sums import Range, Ranges, as_number, collect_ranges, zero_below
from audits.evidence.needs import MomentsNeed
from audits.statistics.linear_model import GroupedMoments, fit_group_effects
from checks.inputs.prepared import FAVOURABLE, group_column
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SCALE = 2**61
_NEGLIGIBLE = 2.0**-200  # taken as 0: products of four such factors are still ordinary numbers
_NARROW = 2.0**-40


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of one attribute. Lists are per label; matrices are (1 + k) × (1 + k) over z.

    ``rows`` counts all rows of the source, ``missing`` the rows without a value by control,
    ``constant`` the controls that never vary and are therefore not in ``controls``.
    ``cluster_meat`` is (L + k) × (L + k) over the labels' indicators, then the controls;
    ``clusters_by_label`` says in how many clusters each label has a used row.
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
    cluster: str | None = None
    cluster_missing: int = 0
    clusters: int = 0
    largest_cluster: int = 0
    cluster_meat: list[list[float]] = field(default_factory=list)
    clusters_by_label: list[int] = field(default_factory=list)

    def clustered_meat(self) -> NDArray[np.float64]:
        """Σ_g s_g s_gᵀ over the columns that ``fit_group_effects`` uses: 1, controls, groups but the reference.

        With G clusters, n rows and k columns, CR1 = G / (G − 1) · (n − 1) / (n − k) · S⁻¹ M S⁻¹.
        Raises ``ValueError`` where no cluster sums were collected.
        """
        if not self.cluster_meat:
            raise ValueError(f"no cluster sums were collected for '{self.attribute}'")
        labels, width = len(self.labels), len(self.controls)
        turn = np.zeros((labels + width, labels + width))
        turn[0, :labels] = 1
        turn[1 : 1 + width, labels:] = np.eye(width)
        turn[1 + width :, :labels] = np.eye(labels)[[i for i in range(labels) if self.labels[i] != self.reference]]
        return np.asarray(turn @ np.array(self.cluster_meat) @ turn.T)

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
            cluster_meat=self.clustered_meat() if self.cluster_meat else np.zeros((0, 0)),
            clusters=self.clusters,
        )


def moments_to_json(moments: Moments) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(moments), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def moments_from_json(text: str) -> Moments:
    """The inverse of ``moments_to_json``."""
    return Moments(**json.loads(text))


def collect_moments(source: Source, need: MomentsNeed, ranges: Ranges | None = None) -> Moments:
    """Three scans: ranges (unless given), sums, and the meat of the robust errors; two more with a cluster."""
    clusters = (need.cluster,) if need.cluster else ()
    ranges = ranges or collect_ranges(source, need.controls, clusters)
    controls = [name for name in need.controls if _half_range(ranges.by_column[name])]
    table = source.table.filter(_complete(source, need))
    design = [_standardised(table[name], ranges.by_column[name]) for name in controls]
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
        missing={name: ranges.rows - ranges.by_column[name].known for name in need.controls},
        rows=ranges.rows,
        counts=[int(found[name][0]) for name in labels],
        favourable=[round(found[name][1 + len(pairs)]) for name in labels],
        cross=cross,
        response=[[float(value) for value in found[name][1 + len(pairs) :]] for name in labels],
        meat=[],
        cluster=need.cluster,
        cluster_missing=sum(ranges.rows - ranges.by_column[name].known for name in clusters),
    )
    if moments.reference not in labels or len(labels) < 2:
        return moments
    moments = replace(moments, meat=_meat(source, table, moments, z, pairs))
    return _with_clusters(source, need, moments, ranges) if need.cluster else moments


def _half_range(found: Range) -> float:
    return 0.0 if found.low is None or found.high is None else found.high / 2 - found.low / 2


def _complete(source: Source, need: MomentsNeed) -> Any:
    """The condition that a row has all that the model uses."""
    needed = [group_column(need.attribute), FAVOURABLE, *need.controls, *([need.cluster] if need.cluster else [])]
    return reduce(and_, (source.table[name].notnull() for name in needed))


def _standardised(column: ir.Value, found: Range) -> Any:
    """u in [−1, 1]. In a narrow range a rounded centre would be off by as much as the range: its lower end is exact."""
    low, half = found.low or 0.0, _half_range(found)
    centre = low / 2 + (found.high or 0.0) / 2
    if half < abs(centre) * _NARROW:
        return (as_number(column) - low) / half - 1.0
    return zero_below(as_number(column) - centre, half * _NEGLIGIBLE) / half


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
    """Σ e² z zᵀ by label; e is divided by a bound to stay in [−1, 1]."""
    residual, bound = _residual(table, moments, z[1:])
    squared = residual * residual
    label = table[group_column(moments.attribute)]
    found = _sum_by_label(source, table, label, [z[i] * z[j] * squared for i, j in pairs])
    scaled = {name: [value * bound * bound for value in values] for name, values in found.items()}
    return [_symmetric(scaled[name], pairs, len(z)) for name in moments.labels]


def _residual(table: ir.Table, moments: Moments, design: Sequence[Any]) -> tuple[Any, float]:
    """e / bound with e from the fit on the moments, and the bound, a power of two."""
    import ibis

    fit = fit_group_effects(moments.grouped())
    label = table[group_column(moments.attribute)]
    effects = [(label == name, float(effect)) for name, effect in zip(fit.labels, fit.group_coefficients, strict=True)]
    fitted = ibis.cases(*effects, else_=0.0) + float(fit.intercept)
    for column, coefficient in zip(design, fit.control_coefficients, strict=True):
        if abs(coefficient) >= _NEGLIGIBLE:
            fitted = fitted + column * float(coefficient)
    largest = (
        1
        + abs(fit.intercept)
        + float(np.abs(fit.group_coefficients).max(initial=0))
        + float(np.abs(fit.control_coefficients).sum())
    )
    bound = 2.0 ** math.ceil(math.log2(largest))
    return zero_below(table[FAVOURABLE].cast("float64") - fitted, _NEGLIGIBLE * bound) / bound, bound


def _with_clusters(source: Source, need: MomentsNeed, moments: Moments, ranges: Ranges) -> Moments:
    table = source.table
    design = [_standardised(table[name], ranges.by_column[name]) for name in moments.controls]
    residual, bound = _residual(table, moments, design)
    scores = [(rounded(residual * column, ranges.rows),) for column in design]
    label = table[group_column(need.attribute)]
    classes = [(name,) for name in moments.labels]
    rows = ClusterRows(
        table[need.cluster], {"label": label}, classes, moments.counts, _complete(source, need), need,
        [(rounded(residual, ranges.rows),)], scores,
    )  # fmt: skip
    found = cross_products(source, rows)
    meat = (found.matrix * bound * bound).tolist()
    return replace(
        moments, clusters=found.clusters, largest_cluster=found.largest, cluster_meat=meat,
        clusters_by_label=list(found.by_class),
    )  # fmt: skip

"""Memberships: sums of probabilities of belonging to groups and of their products, by decision, exact in any order.

Where nobody's group is recorded, a rate of a group is a weighted one, and its error needs Σ p_a p_b among the approved
and among the declined. With a cluster column also Σ_g s_g s_gᵀ, with s_g the sums of the probabilities over the
declined and over the approved rows of cluster g. Rows without a decision, a probability or a cluster are left out and
counted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from operator import add, and_
from typing import TYPE_CHECKING, Any

from audits.evidence.clusters import ClusterRows, cross_products, rounded
from audits.evidence.design import SCALE, integer_sums
from audits.evidence.exact_sums import as_number
from audits.evidence.needs import MembershipNeed
from checks.inputs.prepared import FAVOURABLE
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

TOLERANCE = 0.02  # by how much the probabilities of a row may miss one: published ones are rounded


@dataclass(frozen=True, slots=True)
class Memberships:
    """Of M memberships: the columns, then the remainder where there is one. Pairs are (declined, approved).

    ``counts`` rows, ``sums`` Σ p_a, ``cross`` Σ p_a p_b. ``low`` and ``high`` are the ends of each membership, ``off``
    the rows whose probabilities miss one by more than ``TOLERANCE`` (with a remainder: exceed it). ``cluster_cross`` is
    2M × 2M over the declined, then the approved. ``rows`` counts the source, ``undecided`` those without a decision.
    """

    columns: list[str]
    remainder: bool
    rows: int
    undecided: int
    counts: list[int]
    sums: list[list[float]]
    cross: list[list[list[float]]]
    low: list[float]
    high: list[float]
    off: int
    cluster: str | None = None
    clusters: int = 0
    largest_cluster: int = 0
    cluster_cross: list[list[float]] = field(default_factory=list)


def memberships_to_json(memberships: Memberships) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(memberships), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def memberships_from_json(text: str) -> Memberships:
    """The inverse of ``memberships_to_json``."""
    return Memberships(**json.loads(text))


def collect_memberships(source: Source, need: MembershipNeed) -> Memberships:
    """Two scans; one or two more with a cluster."""
    table = source.table
    needed = [FAVOURABLE, *need.columns, *([need.cluster] if need.cluster else [])]
    complete = reduce(and_, (table[name].notnull() for name in needed))
    used = table.filter(complete)
    given = used.select(y=used[FAVOURABLE], **{f"p{a}": p for a, p in enumerate(_probabilities(used, need))})
    several = [given[f"p{a}"] for a in range(len(need.columns) + need.remainder)]
    most = float(2 ** max(len(need.columns), 1).bit_length())  # no sum of probabilities is larger, nor a remainder
    pairs = [(a, b) for a in range(len(several)) for b in range(a, len(several))]
    found = integer_sums(
        source, given, ["y"], [p / most for p in several] + [several[a] * several[b] / most**2 for a, b in pairs]
    )
    sums, cross = [], []
    for decision in ("0", "1"):
        values = found.get((decision,), (0, [0] * (len(several) + len(pairs))))[1]
        sums.append([value * most / SCALE for value in values[: len(several)]])
        cross.append(_square(values[len(several) :], pairs, len(several), most**2 / SCALE))
    rows, undecided, off, ends = _described(source, given, several, need)
    memberships = Memberships(
        columns=list(need.columns), remainder=need.remainder, rows=rows, undecided=undecided,
        counts=[found[key,][0] if (key,) in found else 0 for key in ("0", "1")], sums=sums, cross=cross,
        low=[low for low, _ in ends], high=[high for _, high in ends], off=off, cluster=need.cluster,
    )  # fmt: skip
    return _with_clusters(source, need, memberships, complete, most) if need.cluster else memberships


def _probabilities(table: ir.Table, need: MembershipNeed) -> list[Any]:
    found = [as_number(table[name]) for name in need.columns]
    return [*found, -reduce(add, found) + 1.0] if need.remainder else found


def _square(values: Sequence[int], pairs: Sequence[tuple[int, int]], size: int, unit: float) -> list[list[float]]:
    matrix = [[0.0] * size for _ in range(size)]
    for (a, b), value in zip(pairs, values, strict=True):
        matrix[a][b] = matrix[b][a] = value * unit
    return matrix


def _described(
    source: Source, given: ir.Table, several: Sequence[Any], need: MembershipNeed
) -> tuple[int, int, int, list[tuple[float, float]]]:
    """Rows of the source, those undecided, those whose probabilities miss one, and the ends of each membership."""
    import ibis

    every = source.table
    rows, decided = source.rows(every.aggregate(n=every.count(), d=every[FAVOURABLE].count()))[0]
    miss = several[-1] < -TOLERANCE if need.remainder else (reduce(add, several) - 1.0).abs() > TOLERANCE
    figures = {"off": ibis.ifelse(miss, 1, 0).sum()}
    figures |= {f"low{a}": p.min() for a, p in enumerate(several)} | {
        f"high{a}": p.max() for a, p in enumerate(several)
    }
    off, *ends = source.rows(given.aggregate(**figures))[0]
    low, high = ends[: len(several)], ends[len(several) :]
    both = [(float(first or 0.0), float(last or 0.0)) for first, last in zip(low, high, strict=True)]
    return int(rows), int(rows) - int(decided), int(off or 0), both


def _with_clusters(
    source: Source, need: MembershipNeed, memberships: Memberships, complete: Any, most: float
) -> Memberships:
    table, rows = source.table, memberships.rows
    keyed = [(rounded(p / most, rows),) for p in _probabilities(table, need)]
    found = cross_products(source, ClusterRows(
        table[need.cluster], {"decision": table[FAVOURABLE]}, [(0,), (1,)], memberships.counts, complete, need, keyed,
    ))  # fmt: skip
    products = (found.matrix * most**2).tolist()
    return replace(memberships, clusters=found.clusters, largest_cluster=found.largest, cluster_cross=products)

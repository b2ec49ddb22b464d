"""Score sums of clusters for a linear model: Σ_g s_g s_gᵀ over labels, controls and indicators of strata.

s_g holds the sum of the residual e over the rows of cluster g in each group, and of e u_j over all its rows. Without
strata rows are summed as they lie. With strata each row is written once for its label and once for the indicator of
each term, so that the sums of a cluster are by label and by indicator, never by their many combinations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from audits.evidence.clusters import ClusterRows, Products, cross_products, double, rounded
from audits.evidence.design import Design, is_complete
from audits.evidence.needs import MomentsNeed
from checks.inputs.source import Source


def plain_products(
    source: Source, need: MomentsNeed, design: Design, residual: Any, labels: Sequence[str], counts: Sequence[int],
    rows: int,
) -> Products:  # fmt: skip
    """Over the labels, then the controls; ``design`` is over the prepared relation, ``rows`` its rows."""
    scores = [(rounded(residual * column, rows),) for column in design.z[1:]]
    classes = [(name,) for name in labels]
    return cross_products(source, ClusterRows(
        source.table[need.cluster], {"label": design.label}, classes, counts, is_complete(source, need), need,
        [(rounded(residual, rows),)], scores,
    ))  # fmt: skip


def stratified_products(
    source: Source, need: MomentsNeed, design: Design, residual: Any, labels: Sequence[str], counts: Sequence[int],
    rows: int,
) -> Products:  # fmt: skip
    """Over the labels, the controls, then the indicators; ``design`` is worked out and holds ``cluster``.

    ``counts`` are the rows of each label, then of each indicator. One scan more, for the largest cluster.
    """
    import ibis

    worked = design.table.mutate(e=residual)
    known = [(worked["label"] == name, ibis.literal(i, "int32")) for i, name in enumerate(labels)]
    scores = {f"y{j}": worked["e"] * worked[f"z{j + 1}"] for j in range(len(design.z) - 1)}
    parts = [worked.select("cluster", "e", place=ibis.cases(*known, else_=ibis.null("int32")), **scores)]
    nothing = {name: double(0) for name in scores}
    for place in design.strata.places([worked[f"s{i}"] for i in range(len(design.levels))]):
        own = worked.select("cluster", "e", place=(place + len(labels)).cast("int32"), **nothing)
        parts.append(own.filter(own["place"].notnull()))
    long = ibis.union(*parts) if len(parts) > 1 else parts[0]
    found = cross_products(replace(source, prepared=replace(source.prepared, table=long)), ClusterRows(
        long["cluster"], {"place": long["place"]}, [(i,) for i in range(len(counts))], counts,
        long["cluster"].notnull(), need, [(rounded(long["e"], rows),)],
        [(rounded(long[name], rows),) for name in scores],
    ))  # fmt: skip
    order = [*range(len(labels)), *range(len(counts), len(counts) + len(scores)), *range(len(labels), len(counts))]
    return replace(
        found, matrix=found.matrix[np.ix_(order, order)], largest=_largest(source, design),
        by_class=found.by_class[: len(labels)],
    )  # fmt: skip


def _largest(source: Source, design: Design) -> int:
    """Rows of the largest cluster."""
    each = design.table.group_by("cluster").aggregate(n=design.table.count())
    return int(source.rows(each.aggregate(most=each["n"].max()))[0][0] or 0)

"""Who has the dearest loans: rows by group and by where their rate lies about the threshold of a share of all loans.

The threshold is the rate of the row whose rank from the dearest is the share of all rows, rounded up: an order
statistic, found in the engine from the counts of different rates, so that no bin blurs it. Two further ranks, beside
it, bound the rows *near* it, which say how the threshold's own chance moves a group's share
(``audits.statistics.dearest_share``). Rows are told apart by five bands, dearest first: beyond the window, in its upper
part, at the threshold, in its lower part, below. With a cluster also the products of counts within clusters.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from audits.evidence.cells import collect_cells
from audits.evidence.cluster_cells import collect_cluster_cells
from audits.evidence.exact_sums import as_number
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, DearestNeed
from checks.inputs.source import Source

BANDS = 5
_BAND, _OUT = "squaredeal_dearest_band", BANDS
_WINDOW_ROWS = 500  # up to so many rows the window is half of the smaller side; beyond, it narrows by the fifth root


@dataclass(frozen=True, slots=True)
class Dearest:
    """``cells`` holds (label, band, rows) of rows with a rate, sorted; ``products`` those of counts within clusters.

    ``known`` rows of ``rows`` in scope have a rate, ``different`` rates in all. ``threshold``, ``higher`` and ``lower``
    are the rates that part the bands, None without rows. ``clusters_by_cell`` counts the clusters of each cell,
    ``adrift`` rows have no cluster.
    """

    rate: str
    share: float
    attribute: str
    rows: int
    known: int
    different: int
    lowest: float | None
    highest: float | None
    threshold: float | None
    higher: float | None
    lower: float | None
    cells: tuple[tuple[str | None, int, int], ...]
    products: tuple[tuple[float, ...], ...] | None = None
    clusters_by_cell: tuple[int, ...] = ()
    adrift: float = 0.0


def window(share: float, rows: int) -> float:
    """How far on each side of the threshold rows are near it, as a share of all rows."""
    narrower = min(1.0, float((_WINDOW_ROWS / max(rows, 1)) ** 0.2))
    return min(share, 1 - share) / 2 * narrower


def rank(share: float, rows: int) -> int:
    """The share of all rows as a rank, rounded up; at least 1."""
    return min(max(math.ceil(share * rows - 1e-9 * rows), 1), max(rows, 1))


def collect_dearest(source: Source, need: DearestNeed) -> Dearest:
    """Two scans for ranks and thresholds, one for the cells; those of ``collect_cluster_cells`` with a cluster.

    Raises ``ValueError`` for a share that is not between 0 and 1.
    """
    if not 0 < need.share < 1:
        raise ValueError(f"share={need.share:g} where a number between 0 and 1 was expected")
    known, different, low, high = _extent(source, need)
    nothing = Dearest(need.rate, need.share, need.attribute, 0, known, different, low, high, None, None, None, ())
    if not known:
        return replace(nothing, rows=_in_scope(source, need))
    reach = window(need.share, known)
    ranks = [rank(one, known) for one in (need.share - reach, need.share, need.share + reach)]
    higher, threshold, lower = _rates_at(source, need, ranks)
    told = replace(nothing, threshold=threshold, higher=higher, lower=lower)
    return _banded(source, need, told)


def _scope(source: Source, need: DearestNeed) -> Any:
    import ibis

    return ibis.literal(True) if need.scope is None else (source.table[need.scope] == 1).fill_null(False)


def _in_scope(source: Source, need: DearestNeed) -> int:
    table = source.table.filter(_scope(source, need))
    return int(source.rows(table.aggregate(n=table.count()))[0][0])


def _values(source: Source, need: DearestNeed) -> Any:
    """Each rate with its rows."""
    rated = source.table.select(rate=as_number(source.table[need.rate]), meant=_scope(source, need))
    rated = rated.filter(rated["meant"] & rated["rate"].notnull())
    return rated.group_by("rate").aggregate(m=rated.count().cast("int64"))


def _extent(source: Source, need: DearestNeed) -> tuple[int, int, float | None, float | None]:
    values = _values(source, need)
    figures = {"n": values["m"].sum(), "d": values.count(), "low": values["rate"].min(), "high": values["rate"].max()}
    known, different, low, high = source.rows(values.aggregate(**figures))[0]
    ends = [None if end is None else float(end) + 0.0 for end in (low, high)]
    return int(known or 0), int(different), ends[0], ends[1]


def _rates_at(source: Source, need: DearestNeed, ranks: list[int]) -> list[float]:
    """The rates of the rows of these ranks, counted from the dearest."""
    import ibis

    values = _values(source, need)
    so_far = values["m"].sum().over(ibis.cumulative_window(order_by=values["rate"].desc())).cast("int64")
    summed = values.select("rate", so_far=so_far)
    figures = {f"r{i}": summed["rate"].max(where=summed["so_far"] >= place) for i, place in enumerate(ranks)}
    return [float(one) for one in source.rows(summed.aggregate(**figures))[0]]


def _banded(source: Source, need: DearestNeed, told: Dearest) -> Dearest:
    import ibis

    def at(value: float | None) -> Any:
        return ibis.literal(repr(value), "string").cast("float64")

    table, number = source.table, as_number(source.table[need.rate])
    bands = [ibis.literal(i, "int8") for i in range(BANDS + 1)]
    lower, threshold, higher = at(told.lower), at(told.threshold), at(told.higher)
    band = ibis.cases(
        (~_scope(source, need), bands[_OUT]), (number < lower, bands[4]), (number < threshold, bands[3]),
        (number <= threshold, bands[2]), (number <= higher, bands[1]), (number > higher, bands[0]),
        else_=ibis.null("int8"),
    )  # fmt: skip
    wide = replace(source, prepared=replace(source.prepared, table=table.mutate(**{_BAND: band})))
    cells = collect_cells(wide, CellsNeed((need.attribute,), (_BAND,), decision=False))
    held = [i for i, (labels, _, _) in enumerate(cells.cells) if labels[1] not in (None, str(_OUT))]
    found = tuple((cells.cells[i][0][0], int(str(cells.cells[i][0][1])), cells.cells[i][2]) for i in held)
    rows = sum(rows for labels, _, rows in cells.cells if labels[1] != str(_OUT))
    told = replace(told, cells=found, rows=rows)
    if need.cluster is None:
        return told
    clustered = collect_cluster_cells(
        wide, ClusterCellsNeed(need.cluster, (need.attribute,), (_BAND,), decision=False), cells=cells
    )
    products = clustered.between()[held][:, held]
    return replace(
        told, products=tuple(tuple(float(one) for one in row) for row in products),
        clusters_by_cell=tuple(clustered.clusters_by_cell[i] for i in held),
        adrift=clustered.missing / cells.rows if cells.rows else 0.0,
    )  # fmt: skip


def dearest_to_json(dearest: Dearest) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(dearest), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def dearest_from_json(text: str) -> Dearest:
    """The inverse of ``dearest_to_json``."""
    content: dict[str, Any] = json.loads(text)
    content["cells"] = tuple((label, band, rows) for label, band, rows in content["cells"])
    content["clusters_by_cell"] = tuple(content["clusters_by_cell"])
    if content["products"] is not None:
        content["products"] = tuple(tuple(row) for row in content["products"])
    return Dearest(**content)

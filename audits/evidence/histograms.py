"""Histograms: how a score is distributed, by group and by decision, without a row leaving the engine.

Up to ``exact`` different values each value keeps its own count. Beyond, equal bins between the
smallest and largest value, [edge, next edge), the last one closed: their edges depend on the two extremes only,
so that neither the order of rows nor the engine moves a row from one bin to another. Ties (rows that share
their score with another row) matter to ranks: the rows of the commonest value and the number of
tied pairs Σ m (m − 1) / 2 are counted before binning. Missing scores are counted apart.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from audits.evidence.cells import Labels, label_expressions
from audits.evidence.exact_sums import Range, Ranges, as_number, collect_ranges
from audits.evidence.needs import HistogramNeed
from checks.inputs.grouping import group_rows
from checks.inputs.prepared import FAVOURABLE
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Histogram:
    """``counts`` holds (labels, decision, position, rows), sorted; a position of None is a missing score.

    A position points into ``values`` (ascending) where ``exact``, else it is the bin between
    ``values[position]`` and ``values[position + 1]``. ``different`` is the number of different scores,
    ``modal_rows`` the rows of the commonest one, ``tied_pairs`` the pairs of rows that share a score.
    """

    score: str
    attributes: tuple[str, ...]
    columns: tuple[str, ...]
    exact: bool
    values: tuple[float, ...]
    counts: tuple[tuple[Labels, int | None, int | None, int], ...]
    different: int
    modal_rows: int
    tied_pairs: int
    missing: int

    @property
    def modal_share(self) -> float | None:
        """Share of the rows with a score that have the commonest one; None without any."""
        known = sum(rows for _, _, position, rows in self.counts if position is not None)
        return self.modal_rows / known if known else None


def collect_histogram(source: Source, need: HistogramNeed, ranges: Ranges | None = None) -> Histogram:
    """Two scans: one for values and ties, one for the bins where there are too many values.

    Raises ``ValueError`` for fewer than one value or bin.
    """
    if need.exact < 1 or need.bins < 1:
        raise ValueError(f"exact={need.exact}, bins={need.bins} where at least 1 of each was expected")
    score = as_number(source.table[need.score])
    different, modal, tied = _ties(source, score)
    if different <= need.exact:
        return _exact(source, need, score, (different, modal, tied))
    ranges = ranges or collect_ranges(source, (need.score,))
    found = ranges.by_column[need.score]
    edges = _edges(found, need.bins)
    rows = _counted(source, need, score, edges)
    return _histogram(need, False, edges, rows, (different, modal, tied))


def _ties(source: Source, score: ir.Value) -> tuple[int, int, int]:
    """Different values, rows of the commonest, pairs of rows with the same value."""
    table = source.table.select(v=score)
    known = table.filter(table["v"].notnull())
    values = known.group_by("v").aggregate(m=known.count())
    m = values["m"].cast("int64")
    pairs = (m * (m - 1)).sum()
    different, modal, twice = source.rows(values.aggregate(d=values.count(), top=m.max(), p=pairs))[0]
    return int(different), int(modal or 0), int(twice or 0) // 2


def _exact(source: Source, need: HistogramNeed, score: ir.Value, ties: tuple[int, int, int]) -> Histogram:
    rows = _counted(source, need, score)
    values = sorted({float(value) + 0.0 for _, _, value, _ in rows if value is not None})
    places = {value: i for i, value in enumerate(values)}
    merged: dict[Any, int] = {}
    for labels, decision, value, n in rows:
        key = labels, decision, None if value is None else places[float(value) + 0.0]
        merged[key] = merged.get(key, 0) + n
    return _histogram(need, True, tuple(values), [(*key, n) for key, n in merged.items()], ties)


def _edges(found: Range, bins: int) -> tuple[float, ...]:
    """Edges computed in Python, once, and compared with in the engine; ascending, equal ones left out."""
    low, high = float(found.low or 0.0), float(found.high or 0.0)
    inner = (low * ((bins - i) / bins) + high * (i / bins) for i in range(1, bins))
    return (low, *sorted({edge for edge in inner if low < edge < high}), high)


def bin_of(score: ir.Value, edges: tuple[float, ...]) -> Any:
    """The number of inner edges at or below the score, by halving: no rounding can differ between engines."""
    import ibis

    def between(first: int, last: int) -> Any:
        if last - first == 1:
            return ibis.literal(first, "int32")
        middle = (first + last) // 2
        return ibis.ifelse(score < edges[middle], between(first, middle), between(middle, last))

    return ibis.ifelse(score.isnull(), ibis.null("int32"), between(0, len(edges) - 1))


def _counted(
    source: Source, need: HistogramNeed, score: ir.Value, edges: tuple[float, ...] = ()
) -> list[tuple[Labels, int | None, Any, int]]:
    """Rows by labels, decision and score, or its bin where there are edges."""
    table = source.table
    keys = label_expressions(table, need.attributes, need.columns)
    width = len(keys)
    decided = need.decision and FAVOURABLE in table.columns
    keys |= {FAVOURABLE: table[FAVOURABLE]} if decided else {}
    if edges:
        names = {f"k{i}": key for i, key in enumerate(keys.values())}
        plain = table.select(**names, v=score)
        grouped = plain.group_by(**{name: plain[name] for name in names}, position=bin_of(plain["v"], edges))
        counted = grouped.aggregate(n=plain.count())
    else:
        counted = group_rows(table, {**keys, "position": score}, {})
    found = []
    for *values, place, rows in source.rows(counted):
        labels = tuple(None if value is None else str(value) for value in values[:width])
        decision = int(values[width]) if decided and values[width] is not None else None
        found.append((labels, decision, place, int(rows)))
    return found


def _histogram(
    need: HistogramNeed, exact: bool, values: tuple[float, ...], rows: list[Any], ties: tuple[int, int, int]
) -> Histogram:
    def order(one: Any) -> Any:
        labels, decision, place, _ = one
        keys = tuple((label is None, label or "") for label in labels)
        return keys, (decision is None, decision or 0), (place is None, place or 0)

    counts = tuple(sorted(((a, b, None if c is None else int(c), n) for a, b, c, n in rows), key=order))
    return Histogram(
        score=need.score, attributes=need.attributes, columns=need.columns, exact=exact, values=values, counts=counts,
        different=ties[0], modal_rows=ties[1], tied_pairs=ties[2],
        missing=sum(n for _, _, place, n in counts if place is None),
    )  # fmt: skip


def histogram_to_json(histogram: Histogram) -> str:
    """Text of a file, one count a line; floats in full precision."""
    content = asdict(histogram)
    counts = ",\n".join(json.dumps(one, ensure_ascii=False) for one in content.pop("counts"))
    head = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f'{{"histogram": {head},\n"counts": [\n{counts}\n]}}\n'


def histogram_from_json(text: str) -> Histogram:
    """The inverse of ``histogram_to_json``."""
    content: dict[str, Any] = json.loads(text)
    counts = tuple((tuple(labels), decision, place, rows) for labels, decision, place, rows in content["counts"])
    fields: dict[str, Any] = content["histogram"]
    fields |= {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Histogram(**fields, counts=counts)

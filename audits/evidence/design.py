"""The columns of a linear model as expressions over rows, all within [−1, 1], and exact sums of them.

Every number x is mapped to u = (x − centre) / half_range by its own minimum and maximum. Each summand is scaled by
2^61 and rounded to an integer before it is summed, so that the sum is exact integer arithmetic: the same on any number
of threads, to 2^-61 of a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from audits.evidence.exact_sums import Range, Ranges, as_number, zero_below
from audits.evidence.needs import MomentsNeed
from audits.evidence.strata import MOST, Cell, Strata, level_expressions, spread
from checks.inputs.prepared import FAVOURABLE, MISSING_TEXTS, as_text, group_column
from checks.inputs.source import Source
from checks.sentence import said, template

if TYPE_CHECKING:
    import ibis.expr.types as ir

EVERYONE = "all rows"  # the label of the one group where a need names no attribute
SCALE = 2**61
NEGLIGIBLE = 2.0**-200  # taken as 0: products of four such factors are still ordinary numbers
_NARROW = 2.0**-40
_TOO_MANY_LABELS = template("'{column}' has more than {most} labels, more than a model takes")
Sums = dict[tuple[str | None, ...], tuple[int, list[int]]]


@dataclass(frozen=True, slots=True)
class Design:
    """Label, level of each stratum, response, and constant and controls ``z`` of each row of ``table``."""

    table: ir.Table
    label: Any
    levels: list[Any]
    response: Any
    z: list[Any]
    strata: Strata

    @property
    def keys(self) -> list[str]:
        """What sums are grouped by, once worked out: the label, then the level of each stratum."""
        return ["label", *(f"s{i}" for i in range(len(self.levels)))]

    def worked_out(self, **more: Any) -> Design:
        """The same over a table that holds each expression as a column.

        With strata it is joined with a table of one row: engines inline a plain selection, and a level that is compared
        with many others would be worked out anew each time.
        """
        import ibis

        levels = {f"s{i}": level for i, level in enumerate(self.levels)}
        columns = {f"z{i}": column for i, column in enumerate(self.z)}
        table = self.table.select(label=self.label, **levels, y=self.response, **columns, **more)
        if levels:
            table = table.cross_join(self.table.limit(1).select(one=ibis.literal(1)))
        return Design(
            table, table["label"], [table[name] for name in levels], table["y"], [table[name] for name in columns],
            self.strata,
        )  # fmt: skip


def make_design(table: ir.Table, need: MomentsNeed, ranges: Ranges, controls: Sequence[str], strata: Strata) -> Design:
    """The model's columns as expressions over ``table``, the prepared relation or its complete rows."""
    import ibis

    own = label_expression(table, need)
    known = table[need.response or FAVOURABLE] if own is None else own
    label = ibis.ifelse(known.notnull(), EVERYONE, ibis.null("string")) if own is None else own
    response = table[FAVOURABLE].cast("float64") if need.response is None else _measured(table, need.response, ranges)
    design = [standardised(table[name], ranges.by_column[name]) for name in controls]
    return Design(table, label, level_expressions(table, strata.columns), response, [_one(known), *design], strata)


def is_complete(source: Source, need: MomentsNeed) -> Any:
    """The condition that a row has all that the model uses."""
    label = label_expression(source.table, need)
    needed = [need.response or FAVOURABLE, *need.controls, *([need.cluster] if need.cluster else [])]
    known = [*([] if label is None else [label]), *(source.table[name] for name in needed)]
    return reduce(and_, (column.notnull() for column in known))


def label_expression(table: ir.Table, need: MomentsNeed) -> Any:
    """The group of a row: an attribute's label, or that of a column of labels; None where all rows are one group."""
    import ibis

    if need.attribute is not None:
        return table[group_column(need.attribute)]
    if need.labels is None:
        return None
    text = as_text(table[need.labels])
    return ibis.ifelse(text.strip().lower().isin(MISSING_TEXTS), ibis.null("string"), text)


def too_many_labels(source: Source, table: ir.Table, need: MomentsNeed) -> str | None:
    """Why a column has more labels than a model takes, such as one that tells nearly all rows apart; else None."""
    if need.labels is None:
        return None
    found = table.select(label=label_expression(table, need)).distinct().limit(MOST + 1).count()
    if int(source.rows(found)[0][0]) <= MOST:
        return None
    return said(_TOO_MANY_LABELS, column=need.labels, most=MOST)


def half_range(found: Range) -> float:
    """Half the distance between a column's two ends, 0 where it has none."""
    return 0.0 if found.low is None or found.high is None else found.high / 2 - found.low / 2


def standardised(column: ir.Value, found: Range) -> Any:
    """u in [−1, 1]. In a narrow range a rounded centre would be off by as much as the range: its lower end is exact."""
    low, half = found.low or 0.0, half_range(found)
    centre = low / 2 + (found.high or 0.0) / 2
    if half < abs(centre) * _NARROW:
        return (as_number(column) - low) / half - 1.0
    return zero_below(as_number(column) - centre, half * NEGLIGIBLE) / half


def _measured(table: ir.Table, name: str, ranges: Ranges) -> Any:
    """The response as u, 0 where it never varies."""
    found = ranges.by_column[name]
    return standardised(table[name], found) if half_range(found) else as_number(table[name]) * 0.0


def _one(column: ir.Value) -> Any:
    """The constant column of a design, on rows where ``column`` is known."""
    import ibis

    return ibis.ifelse(column.notnull(), 1.0, 0.0)


def integer_sums(source: Source, rows: ir.Table, keys: list[str], sums: Sequence[Any]) -> Sums:
    """Keys → (rows, sums … as multiples of 1 / SCALE); the summands over ``rows`` lie in [−1, 1]. One scan."""
    figures: dict[str, Any] = {"n": rows.count()}
    for i, summand in enumerate(sums):
        figures[f"sum{i}"] = (summand * float(SCALE)).round().cast("int64").sum()
    found: Sums = {}
    for row in source.rows(rows.group_by(keys).aggregate(**figures)):
        count, *values = (int(value) for value in row[len(keys) :])
        found[tuple(None if value is None else str(value) for value in row[: len(keys)])] = count, values
    return found


def matrices(
    found: Sums, labels: Sequence[str], design: Design, pairs: Sequence[tuple[int, int]]
) -> list[list[list[float]]]:
    """Σ z zᵀ by label, over indicators too, from the sums over constant and controls in each stratum."""
    width, extra = len(design.z), len(design.strata.indicators)
    matrices = []
    for name in labels:
        blocks = [(key[1:], _symmetric(values, pairs, width)) for key, (_, values) in found.items() if key[0] == name]
        total = spread(blocks, width, design.strata.members, extra)
        matrices.append([[value / SCALE for value in row] for row in total])
    return matrices


def _symmetric(values: Sequence[int], pairs: Sequence[tuple[int, int]], width: int) -> list[list[int]]:
    matrix = [[0] * width for _ in range(width)]
    for (i, j), value in zip(pairs, values, strict=False):
        matrix[i][j] = matrix[j][i] = value
    return matrix


def vector(parts: Iterable[tuple[Cell, list[int]]], design: Design) -> list[float]:
    """Σ y z over indicators too: in its strata an indicator is the constant."""
    width = len(design.z)
    total = [0] * (width + len(design.strata.indicators))
    for cell, values in parts:
        for place, value in [*enumerate(values), *((width + i, values[0]) for i in design.strata.members(cell))]:
            total[place] += value
    return [value / SCALE for value in total]

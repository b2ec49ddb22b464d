"""Who has what along a rank such as income: rows by place in the order, by outcome, with the sums of an amount.

The places are those of the different values while there are at most ``bins`` of them, else bins of equal numbers of
rows by mid-rank, which part no ties: the values themselves stay in the engine. An amount that is not above zero, or
beyond all money, is counted and not summed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from audits.evidence.cells import collect_cells
from audits.evidence.exact_sums import as_number
from audits.evidence.histograms import bin_of
from audits.evidence.needs import CellsNeed, RankedNeed, SpreadNeed
from checks.inputs.loan_columns import flag
from checks.inputs.prepared import FAVOURABLE
from checks.inputs.pricing_columns import LARGEST_AMOUNT
from checks.inputs.source import Source

MISSING, NOT_ABOVE, BEYOND, USABLE = "missing", "not above zero", "beyond any money", "usable"
_PLACE, _PASSED, _STATE = "squaredeal_rank_place", "squaredeal_rank_passed", "squaredeal_amount_state"
_AMOUNT, _LOGGED, _SQUARED = "squaredeal_amount", "squaredeal_amount_log", "squaredeal_amount_square_log"


@dataclass(frozen=True, slots=True)
class RankedCell:
    """``rows`` at a ``place`` (None: no rank) with an outcome (1, 0, None: unknown) and a ``state`` of their amount.

    ``total`` and ``squares`` are Σ v and Σ v² of usable amounts, 0 else.
    """

    place: int | None
    passed: int | None
    state: str
    rows: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """``known`` of ``rows`` have a rank, ``different`` ranks occur, ``modal`` rows have the commonest.

    ``negative`` rows have a rank below 0.
    """

    rank: str
    rows: int
    known: int
    different: int
    modal: int
    negative: int
    cells: tuple[RankedCell, ...]


@dataclass(frozen=True, slots=True)
class SpreadCell:
    """Of one label's granted rows with a usable amount y: Σ y, Σ y², Σ y log y, Σ (y log y)², Σ y² log y."""

    label: str | None
    rows: int
    total: float
    squares: float
    logged: float
    logged_squares: float
    mixed: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How an amount is spread over granted rows: ``groups`` by label; ``left_out`` rows by what their amount lacks."""

    amount: str
    attribute: str | None
    rows: int
    groups: tuple[SpreadCell, ...]
    left_out: tuple[tuple[str, int], ...]


def collect_ranked(source: Source, need: RankedNeed) -> Ranked:
    """One scan for the order, one for its places, two for the cells. ``ValueError`` for fewer than two bins."""
    if need.bins < 2:
        raise ValueError(f"bins={need.bins} where at least 2 were expected")
    known, different, modal, negative = _extent(source, need)
    edges = _edges(source, need, known, different) if known else ()
    import ibis

    table, number = source.table, as_number(source.table[need.rank])
    place = bin_of(number, (*edges, edges[-1])) if edges else ibis.null("int32")
    made = {_PLACE: place, _PASSED: _passed(source, need), **_amounts(source, need.value)}
    wide = replace(source, prepared=replace(source.prepared, table=table.mutate(**made)))
    sums = (_AMOUNT,) if need.value else ()
    cells = collect_cells(wide, CellsNeed((), (_PLACE, _PASSED, _STATE), sums, decision=False))
    found = []
    for i, ((at, passed, state), _, rows) in enumerate(cells.cells):
        total = cells.totals[i][0] if sums else None
        found.append(RankedCell(
            None if at is None else int(at), None if passed is None else int(passed), str(state), rows,
            total.sum if total else 0.0, total.squares if total else 0.0,
        ))  # fmt: skip
    ordered = sorted(found, key=lambda one: (one.place is None, one.place or 0, one.passed is None, one.passed or 0,
                                             one.state))  # fmt: skip
    return Ranked(need.rank, cells.rows, known, different, modal, negative, tuple(ordered))


def _values(source: Source, need: RankedNeed) -> Any:
    """Each different value of the rank with its rows."""
    ranked = source.table.select(v=as_number(source.table[need.rank]))
    ranked = ranked.filter(ranked["v"].notnull())
    return ranked.group_by("v").aggregate(m=ranked.count().cast("int64"))


def _extent(source: Source, need: RankedNeed) -> tuple[int, int, int, int]:
    """Rows with a rank, different ranks, rows of the commonest, rows below zero."""
    values = _values(source, need)
    figures = {
        "n": values["m"].sum(), "d": values.count(), "top": values["m"].max(),
        "below": values["m"].sum(where=values["v"] < 0),
    }  # fmt: skip
    return tuple(int(one or 0) for one in source.rows(values.aggregate(**figures))[0])  # type: ignore[return-value]


def _edges(source: Source, need: RankedNeed, known: int, different: int) -> tuple[float, ...]:
    """The least value of each place, ascending."""
    import ibis

    values = _values(source, need)
    if different <= need.bins:
        least = values.select(low=values["v"])
    else:
        so_far = values["m"].sum().over(ibis.cumulative_window(order_by=values["v"])).cast("int64")
        summed = values.select("v", twice=(so_far * 2 - values["m"]) * need.bins)
        binned = summed.select("v", place=(summed["twice"] / float(2 * known)).floor().cast("int32"))
        least = binned.group_by("place").aggregate(low=binned["v"].min()).select("low")
    return tuple(sorted(float(low) + 0.0 for (low,) in source.rows(least)))


def _passed(source: Source, need: RankedNeed) -> Any:
    """The decision, or whether the stage in a column was passed: a time says so, a flag says yes or no."""
    import ibis

    one, zero, nothing = ibis.literal(1, "int8"), ibis.literal(0, "int8"), ibis.null("int8")
    if need.passed is None:
        return source.table[FAVOURABLE] if FAVOURABLE in source.table.columns else nothing
    column = source.table[need.passed]
    if column.type().is_temporal():
        return ibis.ifelse(column.notnull(), one, zero)
    yes = flag(column)
    return ibis.cases((yes, one), (~yes, zero), else_=nothing)


def _amounts(source: Source, amount: str | None) -> dict[str, Any]:
    """The usable amount, and what is the matter with others."""
    import ibis

    if amount is None:
        return {_STATE: ibis.literal(MISSING)}
    number = as_number(source.table[amount])
    fine = (number > 0) & (number < LARGEST_AMOUNT)
    state = ibis.cases((fine, USABLE), (number <= 0, NOT_ABOVE), (number >= LARGEST_AMOUNT, BEYOND), else_=MISSING)
    return {_STATE: state, _AMOUNT: ibis.ifelse(fine, number, ibis.null("float64"))}


def collect_spread(source: Source, need: SpreadNeed) -> Spread:
    """Two scans, one of them for the ranges of what is summed."""
    made = _amounts(source, need.amount)
    log = made[_AMOUNT].ln()
    made |= {_LOGGED: made[_AMOUNT] * log, _SQUARED: made[_AMOUNT] * made[_AMOUNT] * log}
    wide = replace(source, prepared=replace(source.prepared, table=source.table.mutate(**made)))
    names = (need.attribute,) if need.attribute is not None else ()
    cells = collect_cells(wide, CellsNeed(names, (_STATE,), (_AMOUNT, _LOGGED, _SQUARED)))
    decided = FAVOURABLE in source.table.columns
    groups, left, rows = [], dict.fromkeys((MISSING, NOT_ABOVE, BEYOND), 0), 0
    for (labels, decision, count), totals in zip(cells.cells, cells.totals, strict=True):
        if decided and decision != 1:
            continue
        rows += count
        if labels[-1] != USABLE:
            left[str(labels[-1])] += count
            continue
        plain, logged, squared = totals
        groups.append(SpreadCell(
            labels[0] if names else None, count, plain.sum, plain.squares, logged.sum, logged.squares, squared.sum
        ))  # fmt: skip
    return Spread(need.amount, need.attribute, rows, tuple(groups), tuple(sorted(left.items())))


def ranked_to_json(found: Ranked | Spread) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(found), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def ranked_from_json(text: str) -> Ranked:
    """The inverse of ``ranked_to_json`` for a rank."""
    content: dict[str, Any] = json.loads(text)
    return Ranked(**{**content, "cells": tuple(RankedCell(**one) for one in content["cells"])})


def spread_from_json(text: str) -> Spread:
    """The inverse of ``ranked_to_json`` for a spread."""
    content: dict[str, Any] = json.loads(text)
    groups = tuple(SpreadCell(**one) for one in content["groups"])
    return Spread(**{**content, "groups": groups, "left_out": tuple((a, b) for a, b in content["left_out"])})

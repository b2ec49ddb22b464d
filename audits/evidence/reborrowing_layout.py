"""What chains of loans are read by: the columns of a loan as expressions, codes of labels, bands of ratios, days.

Three scans: for what cannot be used, for labels and for quantiles. Days are whole numbers since 1970-01-01.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audits.evidence.needs import ReborrowingNeed
from checks.inputs.grouping import coded, group_rows, on_raw
from checks.inputs.prepared import as_text, group_column, kind_of
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_LABELS = 128  # of an attribute or a stratum
BAND_DAYS = 7
PER_MILLE = 1000
_FINEST = 20_000  # of a grid: ratios from twenty on are one
_LEAST, _MOST = 1e-6, 1e12  # of money
_DAY = 86_400
EXACT = 1 << 22  # loans up to which every borrower is told apart in sums of scores
SETS = 1_021  # a prime
MONEY_PLACES = 26
LOANS_A_CELL, FEWEST_BANDS = 250, 5


@dataclass(frozen=True, slots=True)
class Grid:
    """A ratio in thousandths, cut into bands after each of ``edges``; ``counts`` of loans in each band.

    ``means`` is the mean logarithm to base 2 of the ratios in each band.
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    means: tuple[float, ...]

    @property
    def bands(self) -> int:
        """How many bands there are."""
        return len(self.counts)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the SQL of the loans is made from: the base query, engine, codes, bands and days."""

    need: ReborrowingNeed
    base: str
    engine: str
    edges: tuple[int, ...]
    first: int | None
    last: int | None
    counts: dict[str, int]
    labels: tuple[tuple[str | None, ...], ...]
    strata: tuple[tuple[str | None, ...], ...]
    radix: tuple[int, ...]
    grids: tuple[Grid, ...]
    refused: tuple[str, ...]
    order: str
    ties: str
    """An order that tells apart loans of one borrower with the same time and unit too."""
    grouped: bool
    whole_numbers: bool
    scales: tuple[int, int]
    """Exponents of the powers of two that bound fees and amounts."""

    @property
    def wide(self) -> str:
        """The type that holds products of sums exactly."""
        return "hugeint" if self.engine == "duckdb" else "numeric"


def band_edges(gap_days: int) -> tuple[int, ...]:
    """Last days of the bands since a loan's end: the day itself, each week, and the last day that counts."""
    return tuple(sorted({0, *range(BAND_DAYS, gap_days, BAND_DAYS), gap_days}))


def layout_of(source: Source, need: ReborrowingNeed) -> Layout:
    """Three scans: totals, labels, quantiles."""
    table = source.table
    codes, labels, strata, radix, refused = _codes(source, need)
    texts = kind_of(table[need.unit]) != "number" if need.unit else False
    columns = {
        "e": table[need.entity], "o": table[need.opened].cast("timestamp"), "d": _day_of(table[need.opened]),
        **_ends(table, need), **codes, **_ratios(table, need), **_money(table, need),
    }  # fmt: skip
    if need.unit:
        columns["u"] = as_text(table[need.unit]) if texts else table[need.unit]
    base = source.backend.compile(on_raw(table, columns, None))
    usable = "e IS NOT NULL AND d IS NOT NULL"
    found = source.rows(_totals(base, usable))[0]
    first, last, fee, amount, *numbers = found
    names = ("rows", "without_borrower", "without_opening", "loans", "without_end", "out_of_order", "ended_by_term",
             "without_money")  # fmt: skip
    counts = {name: int(n or 0) for name, n in zip(names, numbers, strict=True)}
    unit = ('u COLLATE "C"' if texts else "u") if need.unit else "c"
    grids = _grids(source, base, usable, need, _bands(need, counts["loans"], radix))
    every = ("c", *codes, *(f"x{i}" for i in range(len(need.ratios))), "y", "f", "p")
    ties = ", ".join(f"{name} NULLS LAST" for name in ("o", unit, *every))
    return Layout(
        need=need, base=base, engine=source.engine, edges=band_edges(need.gap_days),
        first=None if first is None else int(first), last=None if last is None else int(last), counts=counts,
        labels=labels, strata=strata, radix=radix, grids=grids, refused=refused,
        order=f"o, {unit} NULLS LAST" if need.unit else ties, ties=ties,
        grouped=counts["loans"] > EXACT, whole_numbers=table[need.entity].type().is_integer(),
        scales=(_exponent(fee), _exponent(amount)),
    )  # fmt: skip


def _exponent(largest: Any) -> int:
    return math.frexp(float(largest))[1] if largest else 0


def _totals(base: str, usable: str) -> str:
    return (
        f"WITH b AS ({base}) SELECT min(CASE WHEN {usable} THEN d END), max(CASE WHEN {usable} THEN d END), "
        f"max(f), max(p), count(*), sum(CASE WHEN e IS NULL THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN e IS NOT NULL AND d IS NULL THEN 1 ELSE 0 END), sum(CASE WHEN {usable} THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN {usable} AND c IS NULL THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN {usable} AND early THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN {usable} AND by_term THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN {usable} AND (f IS NULL OR p IS NULL) THEN 1 ELSE 0 END) FROM b"
    )  # noqa: S608 - names of columns are our own


def _day_of(column: ir.Value) -> Any:
    """The day in UTC as a number since 1970-01-01."""
    return (column.cast("timestamp").cast("date").cast("timestamp").epoch_seconds() // _DAY).cast("int32")


def _ends(table: ir.Table, need: ReborrowingNeed) -> dict[str, Any]:
    """``c``, the day on which a loan ended; whether that is by its term; whether it ended before it was opened."""
    import ibis

    nothing, opened = ibis.null("int32"), _day_of(table[need.opened])
    closed = _day_of(table[need.closed]) if need.closed else nothing
    early = ibis.coalesce(closed < opened, ibis.literal(False)) if need.closed else ibis.literal(False)
    if need.term is None:
        return {"c": ibis.ifelse(early, nothing, closed), "early": early, "by_term": ibis.literal(False)}
    term = (table[need.term].cast("int32") if table[need.term].type().is_boolean() else table[need.term]).cast(
        "float64"
    )
    days = term * 365.25 / 12 if need.term_in_months else term
    fits = ibis.coalesce((days >= 0) & (days <= 36_600), ibis.literal(False))
    by_term = ibis.ifelse(fits, opened + ibis.ifelse(fits, days, 0.0).round().cast("int32"), nothing)
    missing = table[need.closed].isnull() if need.closed else ibis.literal(True)
    return {
        "c": ibis.ifelse(early, nothing, ibis.coalesce(closed, by_term)), "early": early, "by_term": missing & fits,
    }  # fmt: skip


def _amount(column: ir.Value) -> Any:
    return (column.cast("int32") if column.type().is_boolean() else column).cast("float64")


def _within(value: Any, least: float = _LEAST) -> Any:
    """The value, or NULL where it is no amount of money."""
    import ibis

    return ibis.ifelse((value >= least) & (value <= _MOST), value, ibis.null("float64"))


def _thousandths(above: ir.Value, below: ir.Value, times: float) -> Any:
    import ibis

    over = ibis.coalesce(_within(_amount(above)), ibis.ifelse(_amount(above) == 0, 0.0, ibis.null("float64")))
    ratio = over / _within(_amount(below)) * (PER_MILLE * times)
    return ibis.ifelse(ratio < _FINEST, (ratio + 0.5).floor(), ibis.ifelse(ratio.isnull(), ratio, float(_FINEST))).cast(
        "int32"
    )


def _ratios(table: ir.Table, need: ReborrowingNeed) -> dict[str, Any]:
    """``x0`` … affordability and ``y`` fees over amount, in thousandths."""
    import ibis

    found = {
        f"x{i}": _thousandths(table[above], table[below], need.times) for i, (above, below) in enumerate(need.ratios)
    }
    fees = need.fees and need.amount
    found["y"] = _thousandths(table[need.fees], table[need.amount], 1.0) if fees else ibis.null("int32")
    return found


def _money(table: ir.Table, need: ReborrowingNeed) -> dict[str, Any]:
    """``f`` fees and ``p`` principal, NULL where there is none."""
    import ibis

    def money(name: str | None, least: float) -> Any:
        return ibis.null("float64") if name is None else _within(_amount(table[name]), least)

    fees = money(need.fees, 0.0)
    return {"f": ibis.ifelse((fees > 0) & (fees < _LEAST), 0.0, fees), "p": money(need.amount, _LEAST)}


def _codes(
    source: Source, need: ReborrowingNeed
) -> tuple[dict[str, Any], tuple[Any, ...], tuple[Any, ...], tuple[int, ...], tuple[str, ...]]:
    """Codes of the attributes' labels (``a0`` …, −1 where missing) and of strata (``s0`` …), and the labels of each."""
    import ibis

    table = source.table
    keys = {f"a{i}": table[group_column(name)] for i, name in enumerate(need.attributes)}
    keys |= {f"s{i}": as_text(table[name]) for i, name in enumerate(need.strata)}
    named = dict(zip(keys, (*need.attributes, *need.strata), strict=True))
    codes, labels, refused = {}, {}, []
    for name, key in keys.items():
        grouped = group_rows(table, {"label": key}, {})
        found = [label for label, _ in source.rows(grouped.limit(MOST_LABELS + 1))]
        known = sorted(label for label in found if label is not None)
        if name.startswith("s") and None in found:
            known = [*known, None]
        code = None
        if len(found) <= MOST_LABELS and known:
            code = coded(source, {name: key}, {name: known}, 4 * MOST_LABELS)
        if code is None and len(found) > MOST_LABELS:
            refused.append(named[name])
        nothing = ibis.literal(-1, "int32")
        codes[name] = nothing if code is None else ibis.coalesce(code.cast("int32"), nothing)
        labels[name] = tuple(known) if code is not None else ()
    groups = tuple(labels[f"a{i}"] for i in range(len(need.attributes)))
    strata = tuple(labels[f"s{i}"] for i in range(len(need.strata)))
    return codes, groups, strata, tuple(max(len(one), 1) for one in strata), tuple(refused)


def _bands(need: ReborrowingNeed, loans: int, radix: tuple[int, ...]) -> int:
    """Bands of a ratio: as many as asked for, or fewer, so that a cell has ``LOANS_A_CELL`` loans on average.

    Coarse bands leave part of affordability within them; cells of a few loans make a ratio too far from 1 (Neyman and
    Scott 1948, Econometrica 16:1–32). With few loans the error is larger than what five bands leave.
    """
    if not need.ratios:
        return need.bands
    room = (loans / (LOANS_A_CELL * math.prod(radix))) ** (1 / len(need.ratios))
    return max(min(need.bands, FEWEST_BANDS), min(need.bands, int(room)))


def _grids(source: Source, base: str, usable: str, need: ReborrowingNeed, bands: int) -> tuple[Grid, ...]:
    """Bands of each ratio; fees, the last, without those of nothing."""
    names = [*(f"x{i}" for i in range(len(need.ratios))), "y"]
    sets = ", ".join(f"({name})" for name in names)
    listed = ", ".join(names)
    sql = (
        f"WITH b AS ({base}) SELECT GROUPING({listed}), {listed}, count(*) FROM b WHERE {usable} "
        f"GROUP BY GROUPING SETS ({sets})"
    )
    every: list[dict[int, int]] = [{} for _ in names]
    for bits, *values, n in source.rows(sql):
        which = next(i for i in range(len(names)) if not int(bits) >> (len(names) - 1 - i) & 1)
        if values[which] is not None and (which < len(names) - 1 or values[which] > 0):
            every[which][int(values[which])] = int(n)
    return (*(grid(one, bands) for one in every[:-1]), grid(every[-1], need.bands))


def grid(counts: dict[int, int], bands: int) -> Grid:
    """Each value a band of its own up to twice as many values as bands, else bands of like numbers of loans."""
    values = sorted(counts)
    total = sum(counts.values())
    ends = values
    if len(values) > 2 * bands:
        ends, seen, wanted = [], 0, 1
        for value in values:
            seen += counts[value]
            if seen * bands >= wanted * total:
                ends.append(value)
                wanted = seen * bands // total + 1
    edges = tuple(ends[:-1])
    members: list[list[int]] = [[] for _ in range(len(edges) + 1)] if values else []
    for value in values:
        members[sum(value > edge for edge in edges)].append(value)
    sizes = tuple(sum(counts[value] for value in one) for one in members)
    means = tuple(
        math.fsum(counts[value] * math.log2(max(value, 1) / PER_MILLE) for value in one) / size
        for one, size in zip(members, sizes, strict=True)
    )
    return Grid(edges, sizes, means)

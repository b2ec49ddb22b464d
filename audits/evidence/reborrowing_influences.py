"""How far borrowers move each estimate: influences of their loans added up, squared, and money of their chains.

``collect_influences`` makes one more pass over the ordered loans. From the sums of squares come errors that allow for
borrowers who come again (Liang and Zeger 1986, Biometrika 73:13–22).

Beyond ``EXACT`` loans borrowers are joined into a thousand sets or more by their key; loans of one borrower stay
together. Influences and money are rounded to multiples of a power of two of the largest, so that sums are whole numbers
of 128 bits and exact in any order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from audits.evidence.needs import ReborrowingNeed
from audits.evidence.reborrowing import collect_reborrowing, reborrowing_to_json
from audits.evidence.reborrowing_layout import MONEY_PLACES, Layout
from audits.evidence.reborrowing_models import Table, models_of
from audits.evidence.reborrowing_rows import loans_sql
from checks.inputs.source import Source
from checks.problem import InputError, Problem

_PLACES = 26


@dataclass(frozen=True, slots=True)
class Influences:
    """Σ_g u_g² of each estimate, in their order, over ``clusters`` of at most ``largest`` loans.

    ``shares`` is the largest borrower's part of each; ``grouped`` says that borrowers were joined into sets. ``money``
    is Σ F, Σ P, Σ F², Σ F P and Σ P² over clusters: fees of all loans in chains whose first loan is known, and the
    principal of that first loan; ``started`` such chains.
    """

    squares: tuple[float, ...]
    shares: tuple[float, ...]
    clusters: int
    largest: int
    grouped: bool
    money: tuple[float, ...]
    started: int


def collect_influences(source: Source, layout: Layout, tables: Sequence[Table], estimates: int) -> Influences:
    """One pass over the ordered loans."""
    bounds = _bounds(tables, estimates)
    joins: list[str] = []
    told: set[int] = set()
    for t, table in enumerate(tables):
        rows = [(key, values) for key, values in sorted(table.influences.items()) if any(values)]
        named = [f"u{place}" for place in table.places]
        if not rows:
            continue
        told |= set(table.places)
        sizes = _sizes(table, layout)
        listed = ", ".join(
            f"({', '.join(map(str, [_number(key, sizes), *_whole(values, [bounds[p] for p in table.places])]))})"
            for key, values in rows
        )
        casts = ", ".join(f"CAST({name} AS double precision) AS {name}" for name in named)
        joins.append(
            f"LEFT JOIN (SELECT CAST(k AS bigint) AS k, {casts} FROM (VALUES {listed}) AS v(k, {', '.join(named)})) "
            f"AS t{t} ON {_key(table, sizes)} = t{t}.k"
        )
    return _summed(source, layout, joins, bounds, told)


def _sizes(table: Table, layout: Layout) -> tuple[int, ...]:
    """How many codes each part of a key has, −1 among them; the first may have any number."""
    size = len(layout.edges)
    cells = math.prod(layout.radix) * math.prod(max(one.bands, 1) for one in layout.grids[:-1])
    second = {"places": 4, "groups": cells, "fees": layout.grids[-1].bands}[table.kind]
    return 0, second + 1, size + 2, size + 2


def _number(key: Sequence[int], sizes: Sequence[int]) -> int:
    """A key as one number."""
    number = 0
    for code, size in zip(key, sizes, strict=True):
        number = number * size + code + 1
    return number


def _key(table: Table, sizes: Sequence[int]) -> str:
    """The same in SQL."""
    own = {"places": ("place_in", "start"), "fees": ("cell", "fee"), "groups": (f"a{table.attribute}", "cell")}
    number = "CAST(0 AS bigint)"
    for name, size in zip((*own[table.kind], "j", "m"), sizes, strict=True):
        number = f"({number} * {size} + {name} + 1)"
    return number


def _bounds(tables: Sequence[Table], estimates: int) -> list[int]:
    """Of each estimate the exponent of a power of two that no loan's influence exceeds."""
    largest = [0.0] * estimates
    for table in tables:
        for values in table.influences.values():
            for place, value in zip(table.places, values, strict=True):
                largest[place] = max(largest[place], abs(value) if math.isfinite(value) else 0.0)
    return [math.frexp(value)[1] if value else 0 for value in largest]


def _whole(values: Sequence[float], exponents: Sequence[int]) -> list[int]:
    return [
        round(math.ldexp(value, _PLACES - exponent)) if math.isfinite(value) else 0
        for value, exponent in zip(values, exponents, strict=True)
    ]


def _summed(
    source: Source, layout: Layout, joins: Sequence[str], bounds: Sequence[int], told: Collection[int]
) -> Influences:
    wide, number = layout.wide, len(bounds)
    added = [f"coalesce(sum(u{i}), 0)" if i in told else "0" for i in range(number)]  # doubles that are whole: exact
    sums = ", ".join(f"CAST({one} AS {wide}) AS u{i}" for i, one in enumerate(added))
    known = "start = 1"
    money = (
        f"CAST(coalesce(sum(CASE WHEN {known} THEN f END), 0) AS {wide}) AS f, "
        f"CAST(coalesce(sum(CASE WHEN {known} AND place_in = 1 THEN p END), 0) AS {wide}) AS p, "
        f"sum(CASE WHEN {known} AND place_in = 1 THEN 1 ELSE 0 END) AS started"
    )
    figures = ", ".join(f"sum(u{i} * u{i}), max(abs(u{i}))" for i in range(number))
    sql = (
        f"{loans_sql(layout)}, c AS (SELECT g, count(*) AS n, {sums}, {money} FROM loans {' '.join(joins)} GROUP BY g) "
        f"SELECT count(*), max(n), sum(started), sum(f), sum(p), sum(f * f), sum(f * p), sum(p * p), {figures} FROM c"
    )  # noqa: S608 - names of columns are our own
    clusters, largest, started, *values = source.rows(sql)[0]
    fees, principal = (scale - MONEY_PLACES for scale in layout.scales)
    places = (fees, principal, 2 * fees, fees + principal, 2 * principal)
    totals = tuple(math.ldexp(int(value or 0), place) for value, place in zip(values[:5], places, strict=True))
    squares, shares = [], []
    for i, bound in enumerate(bounds):
        square, most = (int(value or 0) for value in values[5 + 2 * i : 7 + 2 * i])
        squares.append(math.ldexp(square, 2 * (bound - _PLACES)))
        shares.append(most * most / square if square else 0.0)
    return Influences(
        tuple(squares), tuple(shares), int(clusters), int(largest or 0), layout.grouped, totals, int(started or 0)
    )


def collect_whole(source: Source, need: ReborrowingNeed, rows: int) -> tuple[str, int]:
    """Text of a file with counts and influences, and the loans used. Raises ``InputError`` where rows have changed."""
    found, layout = collect_reborrowing(source, need)
    if found.counts["rows"] != rows:
        raise InputError(Problem(
            "the source", f"{found.counts['rows']} rows where {rows} were counted at the start",
            "data that stay as they are during a run", "run again when the job that writes the data has ended",
        ))  # fmt: skip
    references = [source.prepared.references[name] for name in need.attributes]
    estimates, tables = models_of(found, need, references)
    influences = collect_influences(source, layout, tables, len(estimates))
    content = {**json.loads(reborrowing_to_json(found)), "influences": asdict(influences)}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    return text, found.counts["loans"]


def influences_from_json(text: str) -> Influences:
    """The influences in the file of the counts."""
    content = json.loads(text)["influences"]
    lists = {name: tuple(content[name]) for name in ("squares", "shares", "money")}
    return Influences(**{**content, **lists})

"""Prices on the same terms: every row against the cheapest of the same terms in the same time, by GROUP BY and a join.

One GROUP BY over terms and time gives the cheapest price of each set; the rows of those sets in which prices differ
are joined with their set by equality, one row of sets for each, so that no row meets another and the cost grows with
the rows. Only counts and highest ratios leave the engine. Rows whose reason code is on the list of allowed ones are no
cheapest: a new customer's offer or a random test says why somebody pays less. Missing values of terms equal each other.
Time is cut into windows at midnight UTC, so that prices on two sides of it are not compared. A price is not taken for
dearer where it is so by one part in 10¹² only, less than what doubles tell apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from audits.evidence.needs import SameTermsNeed
from checks.inputs.grouping import group_rows, on_raw
from checks.inputs.prepared import as_text, kind_of
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

FAULTS = ("no_time", "no_price", "price_not_positive", "no_cost", "cost_not_positive")
MOST_CODES, MOST_FLAGS = 1000, 50  # different values beyond which a column is no list of codes, no flag
_LEAST, _MOST = 1e-99, 1e99  # amounts whose ratios a double holds
_ROOM = 1e-12
Texts = Sequence[str | None] | None


@dataclass(frozen=True, slots=True)
class Dearer:
    """Rows dearer than their cheapest by more than rounding, of one reason code and one flag as the data write them.

    ``excused`` says that the code is on the list, ``complete`` that no key is missing; ``beyond`` of the ``rows``
    exceed the tolerance too; ``highest`` is the highest price of any over its cheapest.
    """

    code: str | None
    flag: str | None
    excused: bool
    complete: bool
    rows: int
    beyond: int
    highest: float


@dataclass(frozen=True, slots=True)
class SameTerms:
    """``faults`` counts rows left out, each by the first thing that it lacks (``FAULTS``).

    A set is the rows on the same terms in the same window. Of those without a fault, ``excused`` have an allowed reason
    code, ``alone`` are the only others in their set (nobody to compare with), and ``compared`` are the rest.
    ``single_sets`` have at most one row that is not excused. ``incomplete`` of all rows miss the value of a key.
    ``flags`` are the different values of the flag, as the data write them. ``codes_refused``, ``flags_refused``: the
    column has too many different values and was not used.
    """

    keys: tuple[str, ...]
    window_days: int | None
    tolerance: float
    rows: int
    faults: Mapping[str, int]
    incomplete: int
    sets: int
    single_sets: int
    excused: int
    alone: int
    compared: int
    dearer: tuple[Dearer, ...]
    flags: tuple[str, ...] = ()
    codes_refused: bool = False
    flags_refused: bool = False

    @property
    def usable(self) -> int:
        """Rows without a fault."""
        return self.rows - sum(self.faults.values())


def collect_same_terms(source: Source, need: SameTermsNeed) -> SameTerms:
    """Two scans, one more for the reason codes and one for the flags, where the need names them.

    Raises ``ValueError`` for no key, a negative tolerance or rounding, or a window of less than a day.
    """
    if not need.keys or need.window_days < 1 or not need.tolerance >= 0 or not need.rounding >= 0:
        raise ValueError(f"{need}: at least one key and one day, and no negative tolerance or rounding were expected")
    table = source.table
    rows, faults, missing, incomplete = _look(source, need)
    codes = _texts(source, need.reason, MOST_CODES)
    flags = _texts(source, need.disclosed, MOST_FLAGS)
    columns = _keys(table, need, missing)
    by = list(columns)
    columns |= _prices(table, need) | _reasons(table, need, codes, flags)
    priced = on_raw(table, columns, _usable(table, need))
    found = source.rows(_compared(source.backend.compile(priced), by, need))
    totals = next(row[4:9] for row in found if row[0] == 0)
    sets, single_sets, excused, alone, compared = (int(n or 0) for n in totals)
    return SameTerms(
        keys=need.keys, window_days=need.window_days if need.time else None, tolerance=need.tolerance, rows=rows,
        faults=faults, incomplete=incomplete, sets=sets, single_sets=single_sets, excused=excused, alone=alone,
        compared=compared, dearer=_dearer([row for row in found if row[0] == 1], codes, flags),
        flags=tuple(sorted(flag for flag in flags or () if flag is not None)),
        codes_refused=codes is None, flags_refused=flags is None,
    )  # fmt: skip


def _dearer(found: Sequence[tuple[Any, ...]], codes: Texts, flags: Texts) -> tuple[Dearer, ...]:
    every = (
        Dearer(
            code=_text(code, codes), flag=_text(flag, flags), excused=bool(excused), complete=bool(complete),
            rows=int(rows), beyond=int(beyond), highest=float(highest),
        ) for _, code, flag, excused, rows, beyond, _, _, _, highest, complete in found
    )  # fmt: skip
    return tuple(sorted(every, key=_order))


def _order(one: Dearer) -> tuple[bool, str, bool, str, bool]:
    return one.code is None, one.code or "", one.flag is None, one.flag or "", one.complete


def _look(source: Source, need: SameTermsNeed) -> tuple[int, dict[str, int], list[bool], int]:
    """All rows, those with each fault, which keys have missing values, and the rows that miss one."""
    table, fault = source.table, _fault(source.table, need)
    nulls = [table[key].isnull() for key in need.keys]
    counts = {f"f{i}": table.count(where=fault == i) for i in range(len(FAULTS))}
    counts |= {f"m{i}": table.count(where=null) for i, null in enumerate(nulls)}
    row = source.rows(table.aggregate(n=table.count(), **counts, some=table.count(where=reduce(or_, nulls))))[0]
    faults = {name: int(n) for name, n in zip(FAULTS, row[1:], strict=False) if n}
    return int(row[0]), faults, [bool(n) for n in row[1 + len(FAULTS) : -1]], int(row[-1])


def _texts(source: Source, column: str | None, most: int) -> Texts:
    """The different values of a column as text; None where there are more than so many."""
    if column is None:
        return []
    grouped = group_rows(source.table, {"text": as_text(source.table[column])}, {})
    found = source.rows(grouped.limit(most + 1))
    return None if len(found) > most else [text for text, _ in found]


def _amount(column: Any) -> Any:
    return (column.cast("int32") if column.type().is_boolean() else column).cast("float64")


def _paid(table: ir.Table, need: SameTermsNeed) -> Any:
    """The price less the incentive; a missing incentive is none."""
    import ibis

    price = _amount(table[need.price])
    if need.incentive is None:
        return price
    return price - ibis.coalesce(_amount(table[need.incentive]), ibis.literal(0, "int32").cast("float64"))


def _fault(table: ir.Table, need: SameTermsNeed) -> Any:
    """The position in ``FAULTS`` of the first thing that keeps a row out, or NULL."""
    import ibis

    paid = _paid(table, need)
    tests = [(0, table[need.time].isnull())] if need.time else []
    tests += [(1, paid.isnull()), (2, ~((paid >= _LEAST) & (paid <= _MOST)))]
    if need.cost:
        cost = _amount(table[need.cost])
        tests += [(3, cost.isnull()), (4, ~((cost >= _LEAST) & (cost <= _MOST)))]
    return ibis.cases(*((test, ibis.literal(i, "int8")) for i, test in tests), else_=ibis.null("int8"))


def _usable(table: ir.Table, need: SameTermsNeed) -> Any:
    """Whether a row has no fault, in a form that Postgres expects of nearly all rows, so that it plans for many."""
    import ibis

    one, nothing = ibis.literal(1, "int8"), ibis.null("int8")
    return ibis.ifelse(_fault(table, need).notnull(), nothing, one).notnull()


def _prices(table: ir.Table, need: SameTermsNeed) -> dict[str, Any]:
    """What is compared, ``rate``: the price, or the price per unit of ``cost``; and the price itself, ``paid``."""
    paid = _paid(table, need)
    if need.cost is None:
        return {"rate": paid, "paid": paid}
    cost = _amount(table[need.cost])
    return {"rate": paid / cost, "paid": paid, "cost": cost}


def _keys(table: ir.Table, need: SameTermsNeed, missing: Sequence[bool]) -> dict[str, Any]:
    """The keys ``k…``, the window ``w``, and ``m…``, whether a key is missing: an equality alone knows no NULL."""
    import ibis

    found: dict[str, Any] = {}
    for i, (name, some) in enumerate(zip(need.keys, missing, strict=True)):
        key = _comparable(table[name])
        found[f"k{i}"] = ibis.coalesce(key, _any(key.type())) if some else key
        if some:
            found[f"m{i}"] = table[name].isnull()
    if need.time:
        day = table[need.time].cast("timestamp").cast("date")
        seconds = day.cast("timestamp").epoch_seconds()
        found["w"] = day if need.window_days == 1 else seconds // (86_400 * need.window_days)
    return found


def _comparable(column: Any) -> Any:
    """The column as a type that both engines compare and join on; whatever is none becomes text."""
    kind, dtype = kind_of(column), column.type()
    plain = kind in ("number", "boolean") or dtype.is_string() or dtype.is_date() or dtype.is_timestamp()
    return column if plain else as_text(column)


def _any(dtype: Any) -> Any:
    """Some value of a type, to stand where one is missing."""
    import ibis

    if dtype.is_string():
        return ibis.literal("")
    if dtype.is_temporal():
        return ibis.literal("1970-01-01").cast(dtype)
    return ibis.literal(False) if dtype.is_boolean() else ibis.literal(0).cast(dtype)


def _reasons(table: ir.Table, need: SameTermsNeed, codes: Texts, flags: Texts) -> dict[str, Any]:
    """``excused``, whether the reason code is on the list; the ``code`` and the ``flag`` themselves, where used."""
    import ibis

    allowed = {code.strip().casefold() for code in need.allowed}
    listed = [code for code in codes or () if code is not None and code.strip().casefold() in allowed]
    nothing = ibis.null("string")
    return {
        "excused": _among(table[need.reason], listed) if need.reason and listed else ibis.literal(False),
        "code": _value(table[need.reason]) if need.reason and codes is not None else nothing,
        "flag": _value(table[need.disclosed]) if need.disclosed and flags is not None else nothing,
    }


def _value(column: Any) -> Any:
    """A code or flag to compare by: numbers as such, for writing each row as text takes long, all else as text."""
    return column.cast("float64") if kind_of(column) == "number" else as_text(column)


def _among(column: Any, texts: Sequence[str]) -> Any:
    """Whether a value is one of those that ``as_text`` wrote so; False where it is missing."""
    import ibis

    wanted = [float(text) for text in texts] if kind_of(column) == "number" else list(texts)
    return ibis.coalesce(_value(column).isin(wanted), ibis.literal(False))


def _text(value: Any, texts: Texts) -> str | None:
    """A value of ``_value`` as ``as_text`` writes it."""
    if value is None or isinstance(value, str):
        return value
    return next(text for text in texts or () if text is not None and float(text) == value)


def _compared(priced: str, by: Sequence[str], need: SameTermsNeed) -> str:
    """SQL: a row of totals over the sets (kind 0), and one for each reason code and flag of dearer rows (kind 1).

    The rows are read twice and never kept, the sets are kept and read twice.
    """
    keys = ", ".join(by)
    same = " AND ".join(f"priced.{key} = uneven.{key}" for key in by)
    cheapest = "low * cost" if need.cost else "low"
    missing = " OR ".join(key for key in by if key.startswith("m"))
    complete = f"NOT ({missing})" if missing else "TRUE"
    beyond = f"rate / low > CAST({(1 + need.tolerance) * (1 + _ROOM)!r} AS double precision)"
    rounding = f"CAST({need.rounding!r} AS double precision) + paid * CAST({_ROOM!r} AS double precision)"
    return f"""
        WITH priced AS NOT MATERIALIZED ({priced}),
        sets AS MATERIALIZED (
            SELECT {keys}, count(*) AS n, count(*) FILTER (WHERE NOT excused) AS free,
            min(rate) FILTER (WHERE NOT excused) AS low, max(rate) AS high FROM priced GROUP BY {keys}
        ),
        uneven AS (SELECT {keys}, low FROM sets WHERE high > low)
        SELECT 0 AS kind, NULL AS code, NULL AS flag, NULL AS excused, count(*), count(*) FILTER (WHERE free < 2),
        CAST(sum(n - free) AS bigint), count(*) FILTER (WHERE free = 1),
        CAST(sum(free) FILTER (WHERE free > 1) AS bigint), NULL AS highest, NULL AS complete
        FROM sets
        UNION ALL
        SELECT 1, code, flag, excused, count(*), count(*) FILTER (WHERE {beyond}), 0, 0, 0, max(rate / low), complete
        FROM (
            SELECT code, flag, excused, rate, low, {complete} AS complete
            FROM (SELECT priced.*, low FROM priced JOIN uneven ON {same}) AS both_sides
            WHERE paid - {cheapest} > {rounding}
        ) AS dearer GROUP BY code, flag, excused, complete
    """  # noqa: S608 - names of columns are our own


def same_terms_to_json(found: SameTerms) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(found), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def same_terms_from_json(text: str) -> SameTerms:
    """The inverse of ``same_terms_to_json``."""
    content: dict[str, Any] = json.loads(text)
    content |= {name: tuple(content[name]) for name in ("keys", "flags")}
    content["dearer"] = tuple(Dearer(**one) for one in content["dearer"])
    return SameTerms(**content)

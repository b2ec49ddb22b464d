"""Counts of what a loan's own record tells: rollovers, debits without authorisation, persistent debt. One scan."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from audits.evidence.needs import DebtTallyNeed
from checks.inputs.source import Source


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one figure: rows that are ``known`` and not, ``odd`` rows that cannot be counted, ``cases`` above none.

    ``total`` adds up, ``largest`` is the highest of any row, None without one.
    """

    known: int
    unknown: int
    odd: int
    cases: int
    total: int
    largest: float | None


@dataclass(frozen=True, slots=True)
class DebtTallies:
    """``rollovers``, ``debits`` and ``persistent`` debt over ``rows``; None where their columns are not named.

    Odd are numbers below 0, and rollovers and debits that are not whole.
    """

    rows: int
    rollovers: Tally | None
    debits: Tally | None
    persistent: Tally | None


def collect_debt_tallies(source: Source, need: DebtTallyNeed) -> DebtTallies:
    """One scan. Raises ``ValueError`` for a floor that is no finite number."""
    if not math.isfinite(need.floor):
        raise ValueError(f"{need.floor} as a balance where a finite number was expected")
    table = source.table
    figures: dict[str, Any] = {"n": table.count()}
    if need.rollovers:
        figures |= _whole(table, need.rollovers, "r")
    if need.debits:
        figures |= _whole(table, need.debits, "d")
    if need.interest and need.principal and need.balance:
        figures |= _persistent(table, need)
    row = source.rows(table.aggregate(**figures))[0]
    found = dict(zip(figures, row, strict=True))
    rows = int(found["n"])
    return DebtTallies(rows, *(_tally(found, name, rows) for name in ("r", "d", "p")))


def _tally(found: dict[str, Any], name: str, rows: int) -> Tally | None:
    if f"{name}_known" not in found:
        return None
    known, odd, cases, total = (int(found[f"{name}_{what}"] or 0) for what in ("known", "odd", "cases", "total"))
    largest = found[f"{name}_most"]
    return Tally(known, rows - known - odd, odd, cases, total, None if largest is None else float(largest))


def _number(column: Any) -> Any:
    return (column.cast("int32") if column.type().is_boolean() else column).cast("float64")


def _whole(table: Any, name: str, prefix: str) -> dict[str, Any]:
    """Whole numbers from 0 to a billion count; others are odd."""
    import ibis

    value = _number(table[name])
    fits = (value >= 0) & (value <= 1e9) & (value == value.floor())
    used = ibis.ifelse(fits, value, ibis.null("float64"))
    return {
        f"{prefix}_known": used.count(), f"{prefix}_odd": table.count(where=~fits),
        f"{prefix}_cases": table.count(where=used > 0), f"{prefix}_total": used.cast("int64").sum(),
        f"{prefix}_most": used.max(),
    }  # fmt: skip


def _persistent(table: Any, need: DebtTallyNeed) -> dict[str, Any]:
    """Rows that are cases, and those that cannot be known; one known part may settle that a row is none."""
    interest, principal, balance = (_number(table[str(n)]) for n in (need.interest, need.principal, need.balance))
    odd = (interest < 0) | (principal < 0)
    case = (interest > principal) & (balance >= need.floor)
    clear = (interest <= principal) | (balance < need.floor)
    fine = (interest.isnull() | (interest >= 0)) & (principal.isnull() | (principal >= 0))
    return {
        "p_known": table.count(where=fine & (case | clear)), "p_odd": table.count(where=odd),
        "p_cases": table.count(where=fine & case), "p_total": table.count(where=fine & case),
        "p_most": balance.max(where=fine & case),
    }  # fmt: skip


def debt_tallies_to_json(found: DebtTallies) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(found), indent=1, sort_keys=True, allow_nan=False) + "\n"


def debt_tallies_from_json(text: str) -> DebtTallies:
    """The inverse of ``debt_tallies_to_json``."""
    content = json.loads(text)
    tallies = (content[name] for name in ("rollovers", "debits", "persistent"))
    return DebtTallies(content["rows"], *(None if one is None else Tally(**one) for one in tallies))

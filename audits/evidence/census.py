"""A census: the highest and the lowest figure of any row, how many rows lie beyond each limit, and by how much money.

Exact in any engine and order of rows: maxima, counts, and sums of money in ten-thousandths. The keys of the rows beyond
any limit lie in the ``restricted`` folder with their figures and their money beyond each limit, so that people who may
see them can fetch the rows; nothing else of a row leaves the engine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from audits.evidence.borrower_credit import credit_at_grant
from audits.evidence.needs import CensusNeed
from checks.inputs.loan_affordability import CREDIT_WITHIN, GRANTED
from checks.inputs.loan_columns import flag, number
from checks.inputs.loan_excess import money_beyond
from checks.inputs.loan_figures import FIGURES, figure_column, loan_figures, scope_column
from checks.inputs.loan_rows import Loans
from checks.inputs.prepared import as_text
from checks.inputs.pricing_columns import NEW_EXCESS, RENEWALS
from checks.inputs.source import Source

FIGURE, KEY = "figure", "unit"
_PLACES = 4  # of money
_LARGEST = 1e25  # of money: beyond it is a mistake, and no decimal would hold a sum
_DECIMAL = f"decimal(38, {_PLACES})"
Money = tuple[tuple[float, int, float], ...]


@dataclass(frozen=True, slots=True)
class Census:
    """``scope`` rows are meant, of ``rows``; ``unsure`` may be meant; ``known`` are meant and have a figure.

    ``beyond`` holds (limit, rows in scope beyond it), ascending; ``open`` rows are meant, or may be, and have no
    figure, or may be meant and lie beyond the nearest limit. ``highest`` and ``lowest`` are None without a known row.
    ``money`` holds (limit, rows beyond it with an amount, their sum), for limits beyond which an amount can be told;
    ``total`` is the sum of a figure that is itself money.
    """

    measure: str
    rows: int
    scope: int
    unsure: int
    known: int
    open: int
    highest: float | None
    lowest: float | None
    beyond: tuple[tuple[float, int], ...]
    without_key: int
    money: Money = ()
    total: float | None = None


def money_column(limit: float) -> str:
    """Name of the column of a restricted file that holds the money of each row beyond a limit."""
    return f"money beyond {float(limit)!r}"


def with_figures(source: Source, need: CensusNeed, limits: Sequence[float] = ()) -> Any:
    """The relation with the columns ``figure``, ``meant`` (true, false, NULL) and the row's key as text.

    Beside them the money of each row beyond each of the limits that can be put in money.
    """
    import ibis

    if need.figure == CREDIT_WITHIN:
        return credit_at_grant(source, need.unit)
    table = source.table
    wanted: dict[str, str] = {}
    if need.figure == figure_column(need.measure):
        wanted[need.figure] = need.measure
        if FIGURES[need.measure].scope is not None:
            wanted[scope_column(need.measure)] = need.measure
    made = dict(loan_figures(table, source.contract, wanted)) if wanted and source.contract else {}
    figure = made.get(need.figure)
    if figure is None:
        figure = number(table[need.figure])
    meant = made.get(scope_column(need.measure), ibis.literal(True))
    if need.scope is not None:
        meant = flag(table[need.scope])
    if GRANTED in table.columns:  # whoever was refused has no loan
        meant = meant & table[GRANTED]
    key = as_text(table[need.unit]) if need.unit is not None else ibis.null("string")
    return table.select(figure=figure, meant=meant, unit=key, **_money(source, need, limits))


def _money(source: Source, need: CensusNeed, limits: Sequence[float]) -> dict[str, Any]:
    """Exact amounts, none below 0: what lies at a limit may come to a hair less than nothing."""
    import ibis

    if source.contract is None:
        return {}
    found: dict[str, Any] = {}
    for limit in limits:
        if need.measure == RENEWALS:
            amount = number(source.table[NEW_EXCESS])
        elif need.figure == figure_column(need.measure):
            amount = money_beyond(Loans(source.table, source.contract), need.measure, limit)
        else:
            amount = None
        if amount is not None:
            amount = ibis.cases((amount < 0.0, 0.0), (amount < _LARGEST, amount), else_=ibis.null("float64"))
            found[money_column(limit)] = amount.cast(_DECIMAL)
    return found


def collect_census(source: Source, need: CensusNeed, limits: Sequence[float], file: Path | None) -> Census:
    """One scan for the counts, one more for the keys where any row lies beyond a limit."""
    rows = with_figures(source, need, sorted(set(limits)))
    meant, unsure = rows["meant"], rows["meant"].isnull()
    known = meant & rows["figure"].notnull()
    places = sorted(set(limits))
    nearest = (max(places) if need.lowest else min(places)) if places else None
    doubtful = (meant | unsure) & rows["figure"].isnull()
    if nearest is not None:
        doubtful = doubtful | (unsure & _beyond(rows["figure"], nearest, need.lowest))
    else:
        doubtful = doubtful | unsure
    figures = {
        "rows": rows.count(), "scope": meant.sum(), "unsure": unsure.sum(), "known": known.sum(),
        "open": doubtful.sum(), "highest": rows["figure"].max(where=known), "lowest": rows["figure"].min(where=known),
        "without_key": (known & rows["unit"].isnull()).sum(),
        **{f"b{i}": (known & _beyond(rows["figure"], limit, need.lowest)).sum() for i, limit in enumerate(places)},
        **_sums(rows, need, known, places),
    }  # fmt: skip
    found = dict(zip(figures, source.rows(rows.aggregate(**figures))[0], strict=True))
    counts = {name: int(found[name] or 0) for name in ("rows", "scope", "unsure", "known", "open", "without_key")}
    ends = {name: None if found[name] is None else float(found[name]) + 0.0 for name in ("highest", "lowest")}
    beyond = tuple((limit, int(found[f"b{i}"] or 0)) for i, limit in enumerate(places))
    if file is not None and nearest is not None and any(n for _, n in beyond):
        _write_keys(source, rows.filter(known & _beyond(rows["figure"], nearest, need.lowest)), file)
    told = [(i, limit) for i, limit in enumerate(places) if f"m{i}" in found]
    money = tuple((limit, int(found[f"k{i}"] or 0), float(found[f"m{i}"] or 0)) for i, limit in told)
    total = None if found.get("total") is None else float(found["total"])
    return Census(
        need.measure, **counts, highest=ends["highest"], lowest=ends["lowest"], beyond=beyond, money=money, total=total
    )


def _sums(rows: Any, need: CensusNeed, known: Any, places: Sequence[float]) -> dict[str, Any]:
    """Rows beyond each limit with an amount, and its sum; the sum of a figure that is money."""
    found: dict[str, Any] = {}
    for i, limit in enumerate(places):
        if (name := money_column(limit)) in rows.columns:
            these = known & _beyond(rows["figure"], limit, need.lowest) & rows[name].notnull()
            found |= {f"k{i}": these.sum(), f"m{i}": rows[name].sum(where=these)}
    if need.figure == figure_column(need.measure) and FIGURES[need.measure].money:
        found["total"] = rows["figure"].cast(_DECIMAL).sum(where=known)
    return found


def _beyond(figure: Any, limit: float, lowest: bool) -> Any:
    return (figure < limit) if lowest else (figure > limit)


def _write_keys(source: Source, rows: Any, file: Path) -> None:
    """Keys, figures and money of rows, in order of the key, for people who may see them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [name for name in rows.columns if name not in ("meant", KEY)]
    found = source.rows(rows.filter(rows["unit"].notnull()).select(KEY, *names))
    found = sorted(((str(unit), *values) for unit, *values in found), key=lambda row: row[:2])
    columns = {KEY: pa.array([row[0] for row in found], pa.string())}
    for i, name in enumerate(names, 1):
        columns[name] = pa.array([None if row[i] is None else float(row[i]) for row in found], pa.float64())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    pq.write_table(pa.table(columns), file, compression="zstd")
    file.chmod(0o600)


def census_to_json(census: Census) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(census), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def census_from_json(text: str) -> Census:
    """The inverse of ``census_to_json``."""
    content: dict[str, Any] = json.loads(text)
    content["beyond"] = tuple((limit, rows) for limit, rows in content["beyond"])
    content["money"] = tuple((limit, rows, total) for limit, rows, total in content["money"])
    return Census(**content)

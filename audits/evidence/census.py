"""A census: the highest and the lowest figure of any row, and how many rows lie beyond each limit.

Exact in any engine and order of rows: maxima and counts. The keys of the rows beyond any limit lie in the
``restricted`` folder, so that people who may see them can fetch the rows; nothing else of a row leaves the engine.
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
from checks.inputs.loan_figures import FIGURES, figure_column, loan_figures, scope_column
from checks.inputs.prepared import as_text
from checks.inputs.source import Source

FIGURE, KEY = "figure", "unit"


@dataclass(frozen=True, slots=True)
class Census:
    """``scope`` rows are meant, of ``rows``; ``unsure`` may be meant; ``known`` are meant and have a figure.

    ``beyond`` holds (limit, rows in scope beyond it), ascending; ``open`` rows are meant, or may be, and have no
    figure, or may be meant and lie beyond the nearest limit. ``highest`` and ``lowest`` are None without a known row.
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


def with_figures(source: Source, need: CensusNeed) -> Any:
    """The relation with the columns ``figure``, ``meant`` (true, false, NULL) and the row's key as text."""
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
    return table.select(figure=figure, meant=meant, unit=key)


def collect_census(source: Source, need: CensusNeed, limits: Sequence[float], file: Path | None) -> Census:
    """One scan for the counts, one more for the keys where any row lies beyond a limit."""
    rows = with_figures(source, need)
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
    }  # fmt: skip
    found = dict(zip(figures, source.rows(rows.aggregate(**figures))[0], strict=True))
    counts = {name: int(found[name] or 0) for name in ("rows", "scope", "unsure", "known", "open", "without_key")}
    ends = {name: None if found[name] is None else float(found[name]) + 0.0 for name in ("highest", "lowest")}
    beyond = tuple((limit, int(found[f"b{i}"] or 0)) for i, limit in enumerate(places))
    if file is not None and nearest is not None and any(n for _, n in beyond):
        _write_keys(source, rows.filter(known & _beyond(rows["figure"], nearest, need.lowest)), file)
    return Census(need.measure, **counts, highest=ends["highest"], lowest=ends["lowest"], beyond=beyond)


def _beyond(figure: Any, limit: float, lowest: bool) -> Any:
    return (figure < limit) if lowest else (figure > limit)


def _write_keys(source: Source, rows: Any, file: Path) -> None:
    """Keys and figures of rows, in order of the key, for people who may see them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = source.rows(rows.filter(rows["unit"].notnull()).select("unit", "figure"))
    found = sorted((str(unit), float(figure)) for unit, figure in found)
    columns = {KEY: pa.array([unit for unit, _ in found], pa.string()),
               FIGURE: pa.array([figure for _, figure in found], pa.float64())}  # fmt: skip
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
    return Census(**content)

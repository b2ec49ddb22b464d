"""Sequences: each entity's rows in order of time, as gaps between them and chains of close rows.

A row continues its entity's chain when it follows the row before it within ``chain_days`` days,
else it begins a chain. Rows of the same time are ordered by unit (as text, byte by byte), then by
labels; how many rows share the time of the row before them is counted. A gap belongs to the group of
the later row, a chain to the group of its first row. Times are compared in microseconds, in UTC.
Only counts and sums leave the engine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from audits.evidence.cells import Labels, label_expressions
from audits.evidence.needs import SequenceNeed
from checks.inputs.prepared import as_text
from checks.inputs.source import Source

_DAY = 86_400_000_000
_MICROSECONDS = {"duckdb": "epoch_us({})", "postgresql": "CAST(extract(epoch FROM {}) * 1000000 AS bigint)"}


@dataclass(frozen=True, slots=True)
class Gaps:
    """Of one group: rows, those that follow another row of their entity, days between in total, gaps within limits.

    ``within`` follows the thresholds of ``Sequences.within``; ``tied`` are the gaps of 0.
    """

    labels: Labels
    rows: int
    gaps: int
    days: float
    within: tuple[int, ...]
    tied: int


@dataclass(frozen=True, slots=True)
class Sequences:
    """``chains`` holds (labels of the first row, length in rows, number of chains), sorted.

    ``missing`` rows have no entity or no time and are left out; ``within`` and ``chain_days`` are in days.
    """

    entity: str
    attributes: tuple[str, ...]
    chain_days: float
    within: tuple[float, ...]
    entities: int
    missing: int
    gaps: tuple[Gaps, ...]
    chains: tuple[tuple[Labels, int, int], ...]


def collect_sequences(source: Source, need: SequenceNeed) -> Sequences:
    """Three scans. Raises ``ValueError`` for a negative or infinite number of days."""
    for days in (need.chain_days, *need.within):
        if not (math.isfinite(days) and days >= 0):
            raise ValueError(f"{days} days where a number of days from 0 was expected")
    table = source.table
    labels = label_expressions(table, need.attributes, ())
    known = table[need.entity].notnull() & table[need.time].notnull()
    rows = table.filter(known).select(
        e=table[need.entity], t=table[need.time].cast("timestamp"), u=as_text(table[need.unit]),
        **{f"g{i}": label for i, label in enumerate(labels.values())},
    )  # fmt: skip
    groups = [f"g{i}" for i in range(len(labels))]
    ordered = _ordered(source, source.backend.compile(rows), groups)
    total = source.rows(table.count())[0][0]
    entities, used = source.rows(rows.aggregate(e=rows["e"].nunique(), n=rows.count()))[0]
    return Sequences(
        entity=need.entity, attributes=need.attributes, chain_days=need.chain_days, within=need.within,
        entities=int(entities), missing=int(total) - int(used),
        gaps=_gaps(source, ordered, groups, need.within),
        chains=_chains(source, ordered, groups, round(need.chain_days * _DAY)),
    )  # fmt: skip


def _ordered(source: Source, rows: str, groups: Sequence[str]) -> str:
    """SQL: the rows with the microseconds since the row before them, and their place in their entity's order."""
    order = ", ".join(["m", *(f'CAST({name} AS varchar) COLLATE "C" NULLS LAST' for name in ("u", *groups))])
    time = _MICROSECONDS[source.engine].format("t")
    return (
        f"SELECT *, m - lag(m) OVER w AS gap, row_number() OVER w AS place FROM "
        f"(SELECT *, {time} AS m FROM ({rows}) AS r) AS timed WINDOW w AS (PARTITION BY e ORDER BY {order})"
    )


def _gaps(source: Source, ordered: str, groups: Sequence[str], within: Sequence[float]) -> tuple[Gaps, ...]:
    limits = [f"count(CASE WHEN gap <= {round(days * _DAY)} THEN 1 END)" for days in within]
    figures = ["count(*)", "count(gap)", "sum(gap)", "count(CASE WHEN gap = 0 THEN 1 END)", *limits]
    by = f" GROUP BY {', '.join(groups)}" if groups else ""
    found = []
    for row in source.rows(f"SELECT {', '.join([*groups, *figures])} FROM ({ordered}) AS o{by}"):
        labels, (rows, gaps, days, tied, *counts) = row[: len(groups)], row[len(groups) :]
        if rows:
            found.append(Gaps(labels, int(rows), int(gaps), int(days or 0) / _DAY, tuple(map(int, counts)), int(tied)))
    return tuple(sorted(found, key=lambda one: _order(one.labels)))


def _chains(source: Source, ordered: str, groups: Sequence[str], reach: int) -> tuple[tuple[Labels, int, int], ...]:
    begins = f"CASE WHEN gap IS NULL OR gap > {reach} THEN 1 ELSE 0 END"
    numbered = (
        f"SELECT *, sum(begins) OVER (PARTITION BY e ORDER BY place ROWS UNBOUNDED PRECEDING) AS chain "
        f"FROM (SELECT *, {begins} AS begins FROM ({ordered}) AS o) AS b"
    )
    firsts = "".join(f", max(CASE WHEN begins = 1 THEN {name} END) AS {name}" for name in groups)
    one = f"SELECT e, chain, count(*) AS length{firsts} FROM ({numbered}) AS c GROUP BY e, chain"
    keys = ", ".join([*groups, "length"])
    found = source.rows(f"SELECT {keys}, count(*) FROM ({one}) AS chains GROUP BY {keys}")
    chains = ((row[: len(groups)], int(row[-2]), int(row[-1])) for row in found)
    return tuple(sorted(chains, key=lambda chain: (_order(chain[0]), chain[1])))


def _order(labels: Labels) -> tuple[tuple[bool, str], ...]:
    return tuple((label is None, label or "") for label in labels)


def sequences_to_json(sequences: Sequences) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(sequences), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def sequences_from_json(text: str) -> Sequences:
    """The inverse of ``sequences_to_json``."""
    content: dict[str, Any] = json.loads(text)
    gaps = tuple(
        Gaps(**{**one, "labels": tuple(one["labels"]), "within": tuple(one["within"])}) for one in content.pop("gaps")
    )
    chains = tuple((tuple(labels), length, number) for labels, length, number in content.pop("chains"))
    content |= {name: tuple(content[name]) for name in ("attributes", "within")}
    return Sequences(**content, gaps=gaps, chains=chains)

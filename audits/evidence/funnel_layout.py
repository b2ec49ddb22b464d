"""What a funnel is read by: rows as sets of bits and seconds, labels as small codes, and where the data end.

A scan a column for its labels, none for the times where files know them; of very many rows labels of attributes and
strata are those of the first rows, and the pass over everybody tells whether others occur. The rows of persons are
read once, by ``funnel_persons``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audits.evidence import funnel_sample
from audits.evidence.funnel_codes import WORD, Codes, Dimension, Key
from audits.evidence.funnel_sample import one_in
from audits.evidence.needs import FunnelNeed
from checks.inputs.contract import DataContract, Funnel
from checks.inputs.grouping import on_raw, only_leaf
from checks.inputs.prepared import MISSING_TEXTS, as_text, group_column
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

_TOGETHER = 1_000_000  # rows that a GROUP BY holds at a time
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the SQL of the persons is made from.

    ``base`` selects of each row ``e`` (the person), ``w0`` … (words of bits), ``c0`` … (codes of keys without bits),
    ``d`` (codes of the dimensions), ``tm`` (the time) or ``x0`` … (the times of stages), ``v`` (the event).
    Bits of the first word: stages, ways of failing, the fallback, a decision, an odd age.
    """

    funnel: Funnel
    base: str
    engine: str
    person: bool
    bits: tuple[int, ...]
    """How many bits of each word are taken."""
    unread: tuple[int, int] | None
    """The word and the first bit of flags that cannot be read: one a stage, and one for failures and the fallback."""
    aged: tuple[int, int] | None
    """The word and the bits of an age that somebody has."""
    keys: tuple[Key, ...]
    attributes: int
    """How many of the keys are attributes; the others are strata."""
    dimensions: tuple[Dimension, ...]
    times: tuple[str, ...]
    bounds: tuple[int, int] | None
    """First and last time where all are plain, in seconds since 1970."""
    rows: int
    scattered: bool
    """Whether the rows of a person lie far apart, and everything is read of everybody."""
    timed: tuple[int, ...]
    """Stages that have times."""
    by_day: bool
    decision: int | None
    """The stage that is the decision."""
    refused: tuple[str, ...]
    unknown_events: tuple[tuple[str, int], ...]
    doubts: tuple[tuple[int, int], ...] = ()
    """Words and bits of rows with a value that nobody looked for."""

    @property
    def within(self) -> int | None:
        """Seconds of the span that counts."""
        found = re.fullmatch(r"(\d+) (minute|hour|day|week)s?", self.funnel.within or "")
        return int(found[1]) * _UNITS[found[2]] if found else None

    @property
    def place_bits(self) -> int:
        """Bits of the codes of all dimensions."""
        return sum(one.bits for one in self.dimensions)

    def bit(self, what: str, which: int = 0) -> int:
        """The bit of the first word of a ``stage``, ``failed``, ``fallback``, ``decided`` or ``odd`` age."""
        stages, ways = len(self.funnel.stages), len(self.funnel.failed)
        first = {"stage": 0, "failed": stages, "fallback": stages + ways, "decided": stages + ways + 1}
        return first.get(what, stages + ways + 2) + which


def layout_of(source: Source, need: FunnelNeed, *, early: bool = False) -> Layout:
    """The layout of the contract's funnel. Raises ``ValueError`` without one, or with more stages than bits.

    With ``early`` labels of very many rows are those of the first ones, and whatever else occurs raises a bit of doubt.
    """
    contract = source.contract
    if contract is None or contract.funnel is None:
        raise ValueError("no funnel in the contract")
    funnel, table = contract.funnel, source.table
    if len(funnel.stages) + len(funnel.failed) + 3 > WORD:
        raise ValueError(f"{len(funnel.stages)} stages and {len(funnel.failed)} ways of failing, too many to be told")
    made = Codes(source, contract, [len(funnel.stages) + len(funnel.failed) + 3])
    made.early = early and source.engine == "duckdb" and _very_many(source, contract)
    made.passed()
    for name in need.attributes:
        made.key(name, table[group_column(name)])
    made.ages(need.cuts)
    for name in need.strata:
        made.key(name, _stratum(table[name]))
    dimensions = made.dimensions()
    times = _times(table, contract)
    bounds = _bounds(source, times)
    if bounds is not None:
        times = {name: only_leaf(table, column) for name, column in times.items()}
    columns = {**made.columns, **made.words()}
    columns |= {name: column.cast("timestamp") for name, column in times.items()}
    columns |= {"e": table[contract.entity]} if contract.entity else {}
    stages = range(len(funnel.stages))
    base = source.backend.compile(on_raw(table, columns, None))
    layout = Layout(
        funnel=funnel, base=base, rows=_rows(source, base), scattered=False, engine=source.engine,
        person=bool(contract.entity), bits=tuple(made.used), keys=tuple(made.keys),
        unread=made.unread, aged=made.aged,
        attributes=len(need.attributes) + len(need.cuts), dimensions=dimensions, times=tuple(times), bounds=bounds,
        timed=tuple(stages) if funnel.event else tuple(i for i in stages if f"x{i}" in times),
        by_day=any(column.type().is_date() for column in times.values()), decision=contract.decision_stage,
        refused=tuple(made.refused), unknown_events=made.unknown, doubts=tuple(made.doubts),
    )  # fmt: skip
    whole = layout.person and one_in(layout) == 1
    return replace(layout, scattered=True) if whole and _scattered(source, base) else layout


def _very_many(source: Source, contract: DataContract) -> bool:
    """Whether times are read of some persons only, so that everybody's labels are watched in one pass over them."""
    if not contract.entity or (contract.funnel and contract.funnel.within):
        return False
    person = source.backend.compile(on_raw(source.table, {"e": source.table[contract.entity]}, None))
    return _rows(source, person) > funnel_sample.EXACT


def _rows(source: Source, base: str) -> int:
    return int(source.rows(f"WITH b AS ({base}) SELECT count(*) FROM b")[0][0])  # noqa: S608 - columns are our own


def _stratum(column: ir.Value) -> ir.Value:
    """The label of a stratum; a text that says that it is missing is not known, as none at all."""
    import ibis

    text = as_text(column)
    return ibis.ifelse(text.strip().lower().isin(MISSING_TEXTS), ibis.null("string"), text)


def _times(table: ir.Table, contract: DataContract) -> dict[str, Any]:
    """``tm``, the time of a row, and ``x0`` … the times of its stages."""
    funnel = contract.funnel
    found = {"tm": table[contract.time]} if contract.time else {}
    for i, stage in enumerate(funnel.stages if funnel and not funnel.event else ()):
        column = table[str(stage.column)]
        decision = contract.decision.column if contract.decision else None
        if (column.type().is_timestamp() or column.type().is_date()) and stage.column != decision:
            found[f"x{i}"] = column
    return found


def _scattered(source: Source, base: str) -> bool:
    """Whether rows that lie together are of different persons; it changes what a count costs, never what it is."""
    if source.engine != "duckdb":
        return False
    some = f"WITH b AS ({base}), s AS (SELECT e FROM b LIMIT {_TOGETHER}) SELECT count(e), count(DISTINCT e) FROM s"
    rows, persons = source.rows(some)[0]
    return bool(rows < 2 * persons)


def _bounds(source: Source, times: Mapping[str, ir.Value]) -> tuple[int, int] | None:
    """Seconds since 1970 of the first and the last time, where all are plain and none is far off; files know them."""
    leaves = [only_leaf(source.table, column) for column in times.values()]
    if source.engine != "duckdb" or len(leaves) != 1 or leaves[0] is None:
        return None
    dtype = leaves[0].type()
    if not dtype.is_timestamp() or dtype.timezone:
        return None
    base = source.backend.compile(on_raw(source.table, {"tm": leaves[0]}, None))
    near = "min(tm) >= TIMESTAMP '1970-01-02' AND max(tm) < TIMESTAMP '2060-01-01'"
    ends = ", ".join(f"CASE WHEN {near} THEN epoch_us({end}(tm)) // 1000000 END" for end in ("min", "max"))
    first, last = source.rows(f"WITH b AS ({base}) SELECT {ends} FROM b")[0]  # noqa: S608 - columns are our own
    return None if first is None else (int(first), int(last))

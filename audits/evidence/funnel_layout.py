"""What a funnel is read by: rows as sets of bits and seconds, labels as small codes, and where the data end.

Two scans a column for its labels, one for the days. The rows of persons are read once, by ``funnel_persons``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from audits.evidence.funnel import age_attribute, age_labels
from audits.evidence.needs import FunnelNeed
from checks.inputs.access_columns import AGE
from checks.inputs.contract import DataContract, Funnel
from checks.inputs.grouping import group_rows, mapped, on_raw
from checks.inputs.loan_columns import flag, number
from checks.inputs.prepared import FAVOURABLE, MISSING_TEXTS, as_text, group_column
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_LABELS = 128  # of an attribute, a stratum or a dimension
WORD = 62  # bits of a whole number that both engines keep
FEW = 8  # labels up to which each is a bit
_RAWS = 4 * MOST_LABELS
_SHOWN = 20  # of unknown events
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Key:
    """Labels of an attribute or a stratum in the order of their codes; none where there are too many.

    With ``word`` each label is a bit of that word, from ``offset``; without, a column holds the code.
    """

    name: str
    labels: tuple[str | None, ...]
    word: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Dimension:
    """Labels of a dimension; its code takes ``bits`` from ``offset`` of a number that begins with the time."""

    name: str
    labels: tuple[str | None, ...]
    offset: int
    bits: int


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
    words: int
    keys: tuple[Key, ...]
    attributes: int
    """How many of the keys are attributes; the others are strata."""
    dimensions: tuple[Dimension, ...]
    times: tuple[str, ...]
    timed: tuple[int, ...]
    """Stages that have times."""
    by_day: bool
    decision: int | None
    """The stage that is the decision."""
    refused: tuple[str, ...]
    unknown_events: tuple[tuple[str, int], ...]

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


def layout_of(source: Source, need: FunnelNeed) -> Layout:
    """The layout of the contract's funnel. Raises ``ValueError`` without one, or with more stages than bits."""
    contract = source.contract
    if contract is None or contract.funnel is None:
        raise ValueError("no funnel in the contract")
    funnel, table = contract.funnel, source.table
    if len(funnel.stages) + len(funnel.failed) + 3 > WORD:
        raise ValueError(f"{len(funnel.stages)} stages and {len(funnel.failed)} ways of failing, too many to be told")
    refused: list[str] = []
    words = [_passed(source, contract)]
    used = [len(funnel.stages) + len(funnel.failed) + 3]
    keys, columns = [], {}
    for i, (name, column, labels) in enumerate(_keyed(source, contract, need, refused)):
        if 0 < len(labels) <= FEW:
            if used[-1] + len(labels) > WORD:
                words.append([])
                used.append(0)
            keys.append(Key(name, labels, len(words) - 1, used[-1]))
            places = [1 << (used[-1] + at) for at in range(len(labels))]
            words[-1].append(_label_bits(source, column, dict(zip(labels, places, strict=True))))
            used[-1] += len(labels)
        else:
            keys.append(Key(name, labels))
            if labels:
                columns[f"c{i}"] = _mapped(source, column, {label: at for at, label in enumerate(labels)}, None)
    dimensions, columns["d"] = _dimensions(source, funnel, refused)
    times = _times(table, contract)
    columns |= {f"w{i}": reduce(or_, word) for i, word in enumerate(words)}
    columns |= {name: column.cast("timestamp") for name, column in times.items()}
    columns |= {"e": table[contract.entity]} if contract.entity else {}
    unknown: tuple[tuple[str, int], ...] = ()
    if funnel.event:
        names = _event_bits(funnel)
        columns["v"] = _mapped(source, _event(table, funnel), {name: i for i, name in enumerate(sorted(names))}, None)
        unknown = _unknown(source, funnel)
    stages = range(len(funnel.stages))
    return Layout(
        funnel=funnel, base=source.backend.compile(on_raw(table, columns, None)), engine=source.engine,
        person=bool(contract.entity), words=len(words), keys=tuple(keys),
        attributes=len(need.attributes) + len(need.cuts), dimensions=dimensions, times=tuple(times),
        timed=tuple(stages) if funnel.event else tuple(i for i in stages if f"x{i}" in times),
        by_day=any(column.type().is_date() for column in times.values()), decision=_decision(contract),
        refused=tuple(refused), unknown_events=unknown,
    )  # fmt: skip


def _decision(contract: DataContract) -> int | None:
    """The stage that is the decision."""
    columns = [stage.column for stage in contract.funnel.stages] if contract.funnel else []
    decided = contract.decision.column if contract.decision else None
    return columns.index(decided) if decided is not None and decided in columns else None


def _mapped(source: Source, column: ir.Value, numbers: Mapping[Any, int], other: int | None) -> Any:
    import ibis

    found = mapped(source, column, numbers, _RAWS)
    return found if other is None else ibis.coalesce(found, ibis.literal(other, "int64"))


def _label_bits(source: Source, column: ir.Value, places: Mapping[Any, int]) -> Any:
    """The bit of a row's label, 0 without one; of a test, the first bit where it holds, else the second."""
    import ibis

    if not column.type().is_boolean():
        return _mapped(source, column, places, 0)
    yes, no = (ibis.literal(place, "int64") for place in places.values())
    return ibis.cases((column, yes), (~column, no), else_=ibis.literal(0, "int64"))


def _bit(test: Any, place: int) -> Any:
    import ibis

    return ibis.ifelse(test, ibis.literal(1 << place, "int64"), ibis.literal(0, "int64"))


def _event(table: ir.Table, funnel: Funnel) -> Any:
    return as_text(table[str(funnel.event)]).strip()


def _event_bits(funnel: Funnel) -> dict[str, int]:
    """The bits of each event that has a meaning."""
    found: dict[str, int] = {}
    ways = (*funnel.failed, *((funnel.fallback,) if funnel.fallback else ()))
    for i, one in enumerate((*funnel.stages, *ways)):
        for name in one.events:
            found[name.strip()] = found.get(name.strip(), 0) | 1 << i
    return found


def _passed(source: Source, contract: DataContract) -> list[Any]:
    """Whole numbers whose bits say what a row tells: stages, failures, the fallback, a decision, an odd age."""
    table, funnel = source.table, contract.funnel
    if funnel is None:
        return []
    ways = (*funnel.failed, *((funnel.fallback,) if funnel.fallback else ()))
    found: list[Any] = []
    if funnel.event:
        found.append(_mapped(source, _event(table, funnel), _event_bits(funnel), 0))
    else:
        for i, stage in enumerate(funnel.stages):
            found.append(_bit(_reached(table, contract, str(stage.column)), i))
        for i, way in enumerate(ways, len(funnel.stages)):
            found.append(_bit(_reached(table, contract, str(way.column)), i))
    last = len(funnel.stages) + len(funnel.failed) + 1
    if contract.decision and _decision(contract) is not None:
        found.append(_bit(table[contract.decision.column].notnull(), last))
    if contract.age:
        found.append(_bit(number(table[contract.age]).notnull() & table[AGE].isnull(), last + 1))
    return found


def _reached(table: ir.Table, contract: DataContract, name: str) -> Any:
    """Whether a row says so: a time is there, a flag says yes, a decision is favourable."""
    if contract.decision and name == contract.decision.column:
        return table[FAVOURABLE] == 1
    column = table[name]
    return column.notnull() if column.type().is_temporal() else flag(column)


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


def _keyed(
    source: Source, contract: DataContract, need: FunnelNeed, refused: list[str]
) -> Iterator[tuple[str, Any, tuple[str | None, ...]]]:
    """Attributes, ages (a test), strata: name, label, labels."""
    table = source.table
    for name in need.attributes:
        yield name, table[group_column(name)], _labels(source, name, table[group_column(name)], refused)
    for cut in need.cuts:
        yield age_attribute(cut), table[AGE] >= cut, age_labels(cut)
    for name in need.strata:
        yield name, as_text(table[name]), _labels(source, name, as_text(table[name]), refused)


def _labels(source: Source, name: str, label: ir.Value, refused: list[str]) -> tuple[str, ...]:
    """The labels that occur, sorted; none, and refused, where there are too many."""
    grouped = group_rows(source.table, {"label": label}, {}).select("label")
    found = [one for (one,) in source.rows(grouped.limit(MOST_LABELS + 2)) if one is not None]
    if len(found) > MOST_LABELS:
        refused.append(name)
        return ()
    return tuple(sorted(found))


def _dimensions(source: Source, funnel: Funnel, refused: list[str]) -> tuple[tuple[Dimension, ...], Any]:
    """The dimensions, and their codes as one number; what is not known comes last."""
    import ibis

    table, found, packed, offset = source.table, [], ibis.literal(0, "int64"), 0
    for name, column in reversed(funnel.dimensions.items()):
        label = as_text(table[column]).strip()
        if name == "assisted":
            helped = flag(table[column])
            label = ibis.cases((helped, "yes"), (~helped, "no"), else_=ibis.null("string"))
        else:
            label = ibis.ifelse(label.lower().isin(MISSING_TEXTS), ibis.null("string"), label)
        labels = _labels(source, column, label, refused)
        if column in refused:
            continue
        bits = max(len(labels).bit_length(), 1)
        code = _mapped(source, label, {one: i << offset for i, one in enumerate(labels)}, len(labels) << offset)
        found.append(Dimension(name, (*labels, None), offset, bits))
        packed, offset = packed | code, offset + bits
    return tuple(reversed(found)), packed


def _unknown(source: Source, funnel: Funnel) -> tuple[tuple[str, int], ...]:
    """The most frequent events that have no meaning, with their rows."""
    import ibis

    grouped = group_rows(source.table, {"text": _event(source.table, funnel)}, {})
    others = grouped.filter(grouped.text.notnull() & ~grouped.text.isin(sorted(_event_bits(funnel))))
    least = source.rows(others.order_by(ibis.desc("rows")).select("rows").limit(1, offset=_SHOWN - 1))
    kept = others.filter(others["rows"] >= int(least[0][0])) if least else others
    rows = [(str(text), int(n)) for text, n in source.rows(kept.select("text", "rows").limit(_RAWS))]
    return tuple(sorted(rows, key=lambda one: (-one[1], one[0]))[:_SHOWN])

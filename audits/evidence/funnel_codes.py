"""Columns of a funnel's rows as they are made: bits of words, codes of labels, and what has too many labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from audits.evidence.funnel import age_attribute, age_labels
from audits.evidence.funnel_flags import reached, unread
from checks.inputs.access_columns import OLDEST, YOUNGEST
from checks.inputs.contract import DataContract, Funnel
from checks.inputs.grouping import group_rows, mapped, on_raw, only_leaf, raw_counts, raw_labels
from checks.inputs.loan_columns import flag, number
from checks.inputs.prepared import MISSING_TEXTS, as_text
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_LABELS = 128  # of an attribute, a stratum or a dimension
WORD = 62  # bits of a whole number that both engines keep
HALF = 30  # of one that is half as wide
FEW = 8  # labels up to which each is a bit
_RAWS = 4 * MOST_LABELS
_SHOWN = 20  # of unknown events
HEAD = 1_000_000  # first rows from which labels of very many are taken, all others being watched


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


@dataclass
class Codes:
    """Columns as they are made: bits of words, codes of keys, and what has too many labels."""

    source: Source
    contract: DataContract
    used: list[int]
    parts: list[list[Any]] = field(default_factory=lambda: [[]])
    keys: list[Key] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    unknown: tuple[tuple[str, int], ...] = ()
    unread: tuple[int, int] | None = None
    aged: tuple[int, int] | None = None
    early: bool = False
    """Whether labels are taken from the first ``HEAD`` rows; ``doubts`` are then bits of rows with any other value."""
    doubts: list[tuple[int, int]] = field(default_factory=list)

    def words(self) -> dict[str, Any]:
        """``w0`` …, each as narrow as its bits allow."""
        return {
            f"w{i}": reduce(or_, parts).cast("int32" if self.used[i] <= HALF else "int64")
            for i, parts in enumerate(self.parts)
        }

    def passed(self) -> None:
        """What a row tells: stages, failures, the fallback, a decision."""
        table, funnel = self.source.table, self.contract.funnel
        if funnel is None:
            return
        last = len(funnel.stages) + len(funnel.failed) + 1
        if funnel.event:
            event, bits = _event(table, funnel), _event_bits(funnel)
            known = self._events(event, bits)
            self.parts[0].append(_mapped(self.source, event, bits, known, 0))
            places = {name: i for i, name in enumerate(sorted(bits))}
            self.columns["v"] = _mapped(self.source, event, places, known, None)
        else:
            ways = (*funnel.failed, *((funnel.fallback,) if funnel.fallback else ()))
            for i, one in enumerate((*funnel.stages, *ways)):
                self.parts[0].append(_bit(reached(table, self.contract, str(one.column)), i))
        if self.contract.decision and self.contract.decision_stage is not None:
            self.parts[0].append(_bit(table[self.contract.decision.column].notnull(), last))
        if tests := unread(self.source, self.contract):
            word, offset = self.unread = self.take(len(tests))
            self.parts[word] += [_bit(test, offset + i) for i, test in enumerate(tests)]

    def take(self, bits: int) -> tuple[int, int]:
        """The word and the first of as many bits that are free."""
        if self.used[-1] + bits > WORD:
            self.parts.append([])
            self.used.append(0)
        self.used[-1] += bits
        return len(self.parts) - 1, self.used[-1] - bits

    def place(self, name: str, labels: tuple[str, ...]) -> Key:
        """A key with a bit for each label."""
        key = Key(name, labels, *self.take(len(labels)))
        self.keys.append(key)
        return key

    def key(self, name: str, column: ir.Value) -> None:
        """An attribute or a stratum: bits where there are few labels, else a column with codes."""
        first = self._from_head(column)
        if first and 0 < len(first[1] or ()) <= FEW:
            known, labels = first
            key = Key(name, labels or (), *self.take(len(labels or ()) + 1))
            self.keys.append(key)
            bits = {label: 1 << (key.offset + at) for at, label in enumerate(key.labels) if label is not None}
            self.parts[-1].append(self._watched(column, bits, known, len(self.parts) - 1, key.offset + len(key.labels)))
            return
        known, labels = _labels(self.source, column)
        if labels is None:
            self.refused.append(name)
        if 0 < len(labels or ()) <= FEW and labels:
            key = self.place(name, labels)
            bits = {label: 1 << (key.offset + at) for at, label in enumerate(labels)}
            self.parts[-1].append(_mapped(self.source, column, bits, known, 0))
            return
        if labels:
            codes = {label: at for at, label in enumerate(labels)}
            self.columns[f"c{len(self.keys)}"] = _mapped(self.source, column, codes, known, None)
        self.keys.append(Key(name, labels or ()))

    def _events(self, event: ir.Value, bits: Mapping[str, int]) -> list[tuple[Any, Any]]:
        """Raw values with their events, where few are sure to tell them apart; those without a meaning are counted."""
        counted = raw_counts(self.source, event, _RAWS)
        if counted is None:
            known, labels = _labels(self.source, event)
            if self.contract.funnel and (labels is None or set(labels) - set(bits)):
                self.unknown = _unknown(self.source, self.contract.funnel, few=labels is not None)
            return known
        rows: dict[str, int] = {}
        for _, text, n in counted:
            if text is not None:
                rows[str(text)] = rows.get(str(text), 0) + n
        others = sorted(((text, n) for text, n in rows.items() if text not in bits), key=lambda one: (-one[1], one[0]))
        self.unknown = tuple(others[:_SHOWN])
        return [(raw, text) for raw, text, _ in counted]

    def _from_head(self, label: ir.Value) -> tuple[list[tuple[Any, Any]], tuple[str, ...] | None] | None:
        """Raw values of the first rows with their labels, and the labels, as ``_labels``; None where that cannot be."""
        leaf = only_leaf(self.source.table, label) if self.early else None
        if leaf is None or not leaf.type().is_string():
            return None
        base = self.source.backend.compile(on_raw(self.source.table, {"k": leaf, "c": label}, None))
        rows = self.source.rows(f"SELECT DISTINCT k, c FROM (SELECT k, c FROM ({base}) AS b LIMIT {HEAD}) AS head")
        known = {raw: one for raw, one in rows if raw is not None}
        found = {one for one in known.values() if one is not None}
        return (list(known.items()), tuple(sorted(found))) if 0 < len(known) <= _RAWS else None

    def _watched(
        self, label: ir.Value, numbers: Mapping[Any, int], known: list[tuple[Any, Any]], word: int, bit: int
    ) -> Any:
        """As ``_mapped``, 0 for labels without a number; a value that is not known has the bit of doubt."""
        import ibis

        self.doubts.append((word, 1 << bit))
        leaf = only_leaf(self.source.table, label)
        assert leaf is not None  # noqa: S101 - ``_from_head`` found it
        nothing = "\0"  # a label of none of them
        pairs = [(raw, one if one in numbers else nothing) for raw, one in known]
        doubt = ibis.ifelse(leaf.isnull(), ibis.literal(0, "int64"), ibis.literal(1 << bit, "int64"))
        return mapped(self.source, label, {**numbers, nothing: 0}, pairs, doubt)

    def ages(self, cuts: tuple[float, ...]) -> None:
        """Ages from each of the cuts, and ages that nobody has, each age being looked at once."""
        import ibis

        if self.contract.age is None:
            if cuts:
                raise ValueError("ages are asked about where the contract has none")
            return
        years = number(self.source.table[self.contract.age])
        placed = {cut: self.place(age_attribute(cut), age_labels(cut)) for cut in cuts}
        some = [(key.word, 3 << key.offset) for key in placed.values() if key.word is not None]
        if not some:
            word, offset = self.take(1)
            some = [(word, 1 << offset)]
        self.aged = some[0]
        funnel = self.contract.funnel
        last = len(funnel.stages) + len(funnel.failed) + 2 if funnel else 0
        for word, parts in enumerate(self.parts):
            own = {cut: key.offset for cut, key in placed.items() if key.word == word}
            odd = ibis.literal(1 << last if word == 0 else 0, "int64")
            bits = [
                (edge, sum(1 << (offset + (1 if cut >= edge else 0)) for cut, offset in own.items()))
                for edge in sorted(own)
            ]
            oldest = sum(1 << offset for offset in own.values())
            oldest |= self.aged[1] if word == self.aged[0] and not cuts else 0
            parts.append(ibis.cases(
                (years < YOUNGEST, odd), (years > OLDEST, odd),
                *((years < edge, ibis.literal(value, "int64")) for edge, value in bits),
                (years.notnull(), ibis.literal(oldest, "int64")), else_=ibis.literal(0, "int64"),
            ))  # fmt: skip

    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions; their codes are one number, in which what is not known comes last."""
        import ibis

        table, found, packed, offset = self.source.table, [], ibis.literal(0, "int64"), 0
        for name, column in reversed(self.contract.funnel.dimensions.items() if self.contract.funnel else ()):
            label = as_text(table[column]).strip()
            if name == "assisted":
                helped = flag(table[column])
                label = ibis.cases((helped, "yes"), (~helped, "no"), else_=ibis.null("string"))
            else:
                label = ibis.ifelse(label.lower().isin(MISSING_TEXTS), ibis.null("string"), label)
            known, labels = _labels(self.source, label)
            if labels is None:
                self.refused.append(column)
                continue
            bits = max(len(labels).bit_length(), 1)
            codes = {one: i << offset for i, one in enumerate(labels)}
            packed = packed | _mapped(self.source, label, codes, known, len(labels) << offset)
            found.append(Dimension(name, (*labels, None), offset, bits))
            offset += bits
        self.columns["d"] = packed
        return tuple(reversed(found))


def _mapped(
    source: Source, column: ir.Value, numbers: Mapping[Any, int], known: list[tuple[Any, Any]], other: int | None
) -> Any:
    import ibis

    nothing = ibis.null("int64") if other is None else ibis.literal(other, "int64")
    return mapped(source, column, numbers, known, nothing)


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


def _labels(source: Source, label: ir.Value) -> tuple[list[tuple[Any, Any]], tuple[str, ...] | None]:
    """Raw values with their labels, where few are sure to tell them apart, and the labels, None where too many."""
    known = raw_labels(source, {"key": label}, _RAWS + 1).get("key", [])
    if 0 < len(known) <= _RAWS:
        found = {one for _, one in known if one is not None}
    else:
        known = []
        grouped = group_rows(source.table, {"label": label}, {}).select("label").limit(MOST_LABELS + 2)
        found = {one for (one,) in source.rows(grouped) if one is not None}
    return known, tuple(sorted(found)) if len(found) <= MOST_LABELS else None


def _unknown(source: Source, funnel: Funnel, *, few: bool) -> tuple[tuple[str, int], ...]:
    """The most frequent events that have no meaning, with their rows; ``few``: no more than ``MOST_LABELS`` occur."""
    import ibis

    grouped = group_rows(source.table, {"text": _event(source.table, funnel)}, {})
    others = grouped.filter(grouped.text.notnull() & ~grouped.text.isin(sorted(_event_bits(funnel))))
    least = [] if few else source.rows(others.order_by(ibis.desc("rows")).select("rows").limit(1, offset=_SHOWN - 1))
    kept = others.filter(others["rows"] >= int(least[0][0])) if least else others
    rows = [(str(text), int(n)) for text, n in source.rows(kept.select("text", "rows").limit(_RAWS))]
    return tuple(sorted(rows, key=lambda one: (-one[1], one[0]))[:_SHOWN])

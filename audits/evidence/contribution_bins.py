"""Bins of features, and how many rows of the whole book lie in each: counted by the engine in one scan.

A number is cut evenly between quantiles of the rows drawn where no such bin holds many of them, else at quantiles,
closer together at both ends where contributions differ most; a text, or truth value, has its most frequent values. What
is missing, and every further text, has a bin of its own. Times, and whatever else is neither number nor text, have
none. Strata are counted beside, and so are bins of two numbers at once where their product tells much of the output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.cells import label_expressions
from audits.evidence.model_rows import ModelRows
from checks.inputs.model_frames import as_label
from checks.inputs.prepared import as_text, kind_of
from checks.inputs.source import Source

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (0.01, 0.025, *(i / 20 for i in range(1, 20)), 0.975, 0.99)
VALUES = 30
_EVEN = 0.1  # of the rows in the fullest of equally wide bins, up to which these are taken
_MOST_LABELS = 1000  # combinations of labels that are counted together
Stratum = tuple[str | None, ...]
Pair = tuple[str, str]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bins:
    """Of one feature: ascending upper ``edges`` of numbers, or ``values`` of texts; neither means no bins.

    With ``even`` edges the bins between the first and the last are equally wide, and a number's is found by arithmetic
    that numpy and the engines do alike; a number at an inner edge may belong to either side of it.
    """

    feature: str
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    even: bool = False

    @property
    def count(self) -> int:
        """Bins, with that of the rest and that of what is missing; 0 for none."""
        return len(self.edges or self.values) + 2 if self.edges or self.values else 0

    @property
    def apart(self) -> int:
        """How many of the last bins have no neighbours: that of what is missing, and of further texts."""
        return (1 if self.edges else 2) if self.count else 0

    def codes(self, values: NDArray[Any]) -> Whole:
        """The bin (n,) of each value; empty without bins."""
        if self.edges:
            numbers = np.asarray(values, dtype=np.float64)
            found = self._even(numbers) if self.even else np.searchsorted(np.array(self.edges), numbers, side="left")
            return np.where(np.isnan(numbers), self.count - 1, found).astype(np.int64)
        places = {value: i for i, value in enumerate(self.values)}
        rest, missing = len(places), len(places) + 1
        if not places:
            return np.zeros(0, dtype=np.int64)
        return np.array([missing if value is None or value != value else places.get(as_label(value), rest)
                         for value in values.tolist()], dtype=np.int64)  # fmt: skip

    def _even(self, numbers: Floats) -> Whole:
        first, last, inner = self.edges[0], self.edges[-1], len(self.edges) - 1
        beyond = np.where((numbers > first) & (numbers <= last), numbers, first) - first
        whole = np.where(beyond < self._width, 0.0, np.floor(beyond / self._width))
        found = np.minimum(whole, inner - 1).astype(np.int64) + 1
        return np.where(numbers > last, inner + 1, np.where(numbers > first, found, 0))

    @property
    def _width(self) -> float:
        return (self.edges[-1] - self.edges[0]) / (len(self.edges) - 1)

    def scores(self) -> Floats | None:
        """A score from -1 to 1 of each bin of numbers, in their order, 0 of what is missing; None without numbers."""
        if not self.edges:
            return None
        return np.append(2 * np.arange(len(self.edges) + 1) / len(self.edges) - 1, 0.0)

    def sql(self, name: str) -> str:
        """The bin in SQL over a number in double precision, or a text, of that name."""
        if self.even:
            first, last, width = (_number(one) for one in (self.edges[0], self.edges[-1], self._width))
            inner = len(self.edges) - 1
            return (
                f"CASE WHEN {name} IS NULL THEN {self.count - 1} WHEN {name} <= {first} THEN 0 "
                f"WHEN {name} > {last} THEN {inner + 1} WHEN {name} - {first} < {width} THEN 1 "  # not below 1
                f"ELSE CAST(least(floor(({name} - {first}) / {width}), {inner - 1}) AS integer) + 1 END"
            )
        told = self._halved(name, 0, len(self.edges)) if self.edges else (
            f"CASE {name} {' '.join(f'WHEN {_quoted(value)} THEN {i}' for i, value in enumerate(self.values))} "
            f"ELSE {self.count - 2} END"
        )  # fmt: skip
        return f"CASE WHEN {name} IS NULL THEN {self.count - 1} ELSE {told} END"

    def _halved(self, name: str, low: int, high: int) -> str:
        """The number of edges below a number, between ``low`` and ``high``: halved each time, not edge by edge."""
        if low == high:
            return str(low)
        middle = (low + high) // 2
        below, above = self._halved(name, low, middle), self._halved(name, middle + 1, high)
        return f"CASE WHEN {name} <= {_number(self.edges[middle])} THEN {below} ELSE {above} END"


def _number(value: float) -> str:
    """With an exponent and in brackets, so that engines take it in double precision, also below 0."""
    told = repr(value)
    return f"({told if 'e' in told else told + 'e0'})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def bins_of(source: Source, features: pd.DataFrame, names: Sequence[str]) -> list[Bins]:
    """Bins of the named features, from drawn rows in plain values."""
    return [_bins(source.table[name], name, features[name].to_numpy()) for name in names]


def _bins(column: Any, name: str, values: NDArray[Any]) -> Bins:
    kind = kind_of(column)
    if kind == "number":
        numbers = np.asarray(values, dtype=np.float64)
        known = np.sort(numbers[~np.isnan(numbers)])
        if not len(known):
            return Bins(name)
        single = np.unique(known)
        at = np.ceil(np.array(QUANTILES) * len(known)).astype(np.int64) - 1  # of the inverse of the distribution
        cuts = single[:-1] if len(single) <= len(QUANTILES) else known[at]
        if len(single) > len(QUANTILES) and cuts[-1] > cuts[0]:
            even = Bins(name, tuple(np.linspace(cuts[0], cuts[-1], len(QUANTILES)).tolist()), even=True)
            if np.isfinite(even.edges).all() and np.bincount(even.codes(known)).max() <= _EVEN * len(known):
                return even
        return Bins(name, tuple(float(cut) for cut in np.unique(cuts)) or (float(single[0]),))
    if kind in ("text", "boolean"):
        counted = Counter(as_label(value) for value in values.tolist() if value is not None and value == value)
        ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
        return Bins(name, values=tuple(value for value, _ in ordered[:VALUES]))
    return Bins(name)


@dataclass(frozen=True, slots=True)
class Book:
    """Rows with a name in the whole source: by (attribute, label), in each bin of each feature and in each stratum.

    ``crossed`` are, by pair of features, the rows in each bin of the one (rows of the table) and of the other.
    """

    sizes: dict[tuple[str, str], int]
    bins: dict[tuple[str, str], Sequence[Whole]]
    strata: dict[tuple[str, str], Mapping[Stratum, int]]
    crossed: dict[tuple[str, str], Mapping[Pair, Whole]]


def count_book(source: Source, drawn: ModelRows, every: Sequence[Bins], crossed: Sequence[Pair] = ()) -> Book:
    """One scan, one query, of the relation that rows were drawn of; rows without the contract's unit are left out.

    Counted are the drawn rows' attributes and strata, the bins of ``every`` feature, and pairs of features with bins
    that are ``crossed``.
    """
    attributes, strata = list(drawn.labels), list(drawn.texts)
    named = [bins for bins in every if bins.count]
    own = {name: f"f{i}" for i, name in enumerate(drawn.features)}
    columns = {f"g{i}": _told(f"g{i}") for i in range(len(attributes))}
    columns |= {f"b{i}": _plain(own[bins.feature], bins) for i, bins in enumerate(named)}
    columns |= {f"s{i}": _told(f"t{i}") for i in range(len(strata))}
    groups = _together(source, len(attributes))
    order = {bins.feature: i for i, bins in enumerate(named)}
    both = [(order[one], order[other]) for one, other in crossed]
    parts = [*_parts(len(named), len(strata)), *((f"b{i}", f"b{j}") for i, j in both)]
    sets = [(*group, *part) for group in groups for part in parts]
    names = [*columns]
    grouped = ", ".join("(" + ", ".join(one) + ")" for one in sets)
    told = [f"{named[int(name[1:])].sql(name)} AS {name}" if name.startswith("b") else name for name in names]
    plain = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    sql = (
        f"WITH e AS ({drawn.sql}), v AS (SELECT {plain} FROM e WHERE unit IS NOT NULL), "
        f"w AS (SELECT {', '.join(told)} FROM v) "
        f"SELECT {', '.join(names)}, count(*) AS n FROM w GROUP BY GROUPING SETS ({grouped})"
    )
    answer, book = source.columns(sql), Book({}, {}, {}, {})
    for attribute, labels in zip(attributes, answer, strict=False):
        for label in sorted({*labels.tolist()} - {None, _NOTHING}):
            mine = np.flatnonzero(labels == label)
            _enter(book, (attribute, label[1:]), [one[mine] for one in answer[len(attributes) :]], every, both)
    return book


def _enter(
    book: Book,
    key: tuple[str, str],
    answer: Sequence[NDArray[Any]],
    every: Sequence[Bins],
    both: Sequence[tuple[int, int]],
) -> None:
    """One label's part of the answer: the bin of each feature, the texts of strata, and how many rows have these."""
    named = [bins for bins in every if bins.count]
    texts, n = answer[len(named) : -1], answer[-1].astype(np.int64)
    codes = np.array([one.astype(np.float64) for one in answer[: len(named)]]).reshape(len(named), len(n))
    known = ~np.isnan(codes)
    several = known.sum(axis=0)

    def counted(*at: int) -> Whole:
        table = np.zeros([named[i].count for i in at], dtype=np.int64)
        mine = known[list(at)].all(axis=0) & (several == len(at))
        np.add.at(table, tuple(codes[list(at)][:, mine].astype(np.int64)), n[mine])
        return table

    if named:
        own = iter([counted(i) for i in range(len(named))])
        book.bins[key] = [next(own) if bins.count else np.zeros(0, dtype=np.int64) for bins in every]
    if both:
        book.crossed[key] = {(named[i].feature, named[j].feature): counted(i, j) for i, j in both}
    strata: Counter[Stratum] = Counter()
    for i in np.flatnonzero(several == 0).tolist():
        if texts and texts[0][i] is not None:
            strata[tuple(_untold(one[i]) for one in texts)] += int(n[i])
        else:
            book.sizes[key] = book.sizes.get(key, 0) + int(n[i])
    if strata:
        book.strata[key] = strata


_NOTHING = "0"


def _told(label: str) -> str:
    """A text that is never NULL, so that NULL says that the set is another."""
    return f"CASE WHEN {label} IS NULL THEN '{_NOTHING}' ELSE '=' || {label} END"


def _plain(column: str, bins: Bins) -> str:
    return f"CAST({column} AS {'double precision' if bins.edges else 'varchar'})"


def _untold(text: str) -> str | None:
    return None if text == _NOTHING else text[1:]


def _parts(features: int, strata: int) -> list[tuple[str, ...]]:
    """The sets of keys beside the labels: none, each feature's bins, the strata."""
    return [(), *((f"b{i}",) for i in range(features)), *([tuple(f"s{i}" for i in range(strata))] if strata else [])]


def _together(source: Source, attributes: int) -> list[tuple[str, ...]]:
    """Labels of all attributes at once where these are few, each attribute's own otherwise."""
    names = tuple(f"g{i}" for i in range(attributes))
    declared = [len(labels) + 1 for labels in source.prepared.declared.values() if labels]
    few = len(declared) == len(source.prepared.declared) and int(np.prod(declared or [1])) <= _MOST_LABELS
    return [names] if few else [(name,) for name in names]


def count_pairs(source: Source, attributes: Sequence[str], entity: str) -> dict[tuple[str, str], int]:
    """Ordered pairs of different rows of one entity, by (attribute, label). One scan for each attribute."""
    found: dict[tuple[str, str], int] = {}
    for attribute, label in zip(attributes, label_expressions(source.table, attributes, ()).values(), strict=True):
        keyed = source.table.select(g=label, e=as_text(source.table[entity]))
        keyed = keyed.filter(keyed.g.notnull() & keyed.e.notnull())
        counted = keyed.group_by(["g", "e"]).aggregate(n=keyed.count())
        pairs = counted.group_by("g").aggregate(n=(counted.n * (counted.n - 1)).sum()).select("g", "n")
        found |= {(attribute, str(name)): int(n) for name, n in source.rows(pairs)}
    return found


def stratum_of(columns: Sequence[NDArray[Any]], rows: int) -> list[Stratum]:
    """The stratum of each drawn row, in the words of the engine."""
    texts = [[None if value is None or value != value else as_label(value) for value in one.tolist()]
             for one in columns]  # fmt: skip
    return [tuple(one[i] for one in texts) for i in range(rows)]

"""From keys to the counts of a funnel: the one pass over persons, told by attribute."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audits.evidence.funnel import EVERYBODY, EVERYONE, HOUR, FailureCell, Funnel, FunnelCell, LossCell, TimeCell
from audits.evidence.funnel_codes import Key
from audits.evidence.funnel_keys import FLAGS, HOURS, KeySet, counts_sql, key_sets
from audits.evidence.funnel_layout import Layout, layout_of
from audits.evidence.funnel_persons import (
    Ends,
    duplicates_sql,
    ends_of,
    everyone_sql,
    nobody_sql,
    persons_sql,
)
from audits.evidence.funnel_sample import one_in, one_in_rows, thinned
from audits.evidence.needs import FunnelNeed
from checks.inputs.source import Source

NAMES = (
    "rows", "persons", "without_person", "skipped", "out_of_order", "skewed", "ahead", "duplicates", "repeated",
    "too_early", "undecided", "odd_ages", "mixed", "unread_stages", "unread_failures", "without_times",
)  # fmt: skip
Found = Mapping[tuple[int, ...], tuple[int, int, int]]
Parts = list[tuple[KeySet, Found]]
_OF_SOME = (
    "out_of_order",
    "skewed",
    "duplicates",
    "repeated",
)  # counts that are taken of some persons, as many times as they are
_TWICE = -1  # in place of a key of the flags: rows that come twice


def collect_funnel(source: Source, need: FunnelNeed) -> Funnel:
    """Scans for labels and days, one pass over everybody, and one over those whose times are read.

    Raises ``ValueError`` where the contract has no funnel, or one with more stages than can be told apart.
    """
    layout = layout_of(source, need, early=True)
    ends, sampled = ends_of(source, layout), one_in(layout)
    whole = _everyone(source, layout) if sampled > 1 else []
    if layout.doubts and (not whole or _doubtful(whole[0][1])):  # something occurs that the first rows do not have
        layout = layout_of(source, need)
        whole = _everyone(source, layout) if sampled > 1 else []
    parts, counts = _sampled(source, layout, ends, sampled, whole) if whole else _counted(source, layout, ends)
    return Funnel(
        stages=layout.funnel.names,
        counts=counts | {"ahead": ends.ahead},
        cells=_cells(layout, _of_kind(parts, "cells")), losses=_losses(layout, _of_kind(parts, "losses")),
        times=_times(layout, _of_kind(parts, "times")), failures=_failures(layout, _of_kind(parts, "failures")),
        unknown_events=layout.unknown_events, refused=layout.refused, sampled=sampled,
    )  # fmt: skip


def _counted(source: Source, layout: Layout, ends: Ends) -> tuple[Parts, dict[str, int]]:
    """All that is counted of everybody; of very many rows, what comes twice is told by a part of the persons."""
    sets = key_sets(layout)
    parts = _read(source, counts_sql(persons_sql(layout, ends), sets), sets)
    counts = _counts(parts[0][1])
    if layout.funnel.event:
        times = one_in_rows(layout)
        found = source.rows(f"WITH b AS ({thinned(layout, times).base}) {duplicates_sql('b')}")
        counts["duplicates"] = times * int(found[0][0])
    return parts, counts


def _everyone(source: Source, layout: Layout) -> Parts:
    """What needs no times."""
    sets = [one for one in key_sets(layout) if one.kind in ("flags", "cells", "failures")]
    return _read(source, counts_sql(everyone_sql(layout), sets, "persons"), sets)


def _doubtful(found: Found) -> bool:
    """Whether a row has a value that was not looked for."""
    return any(digits[len(FLAGS)] for digits in found)


def _sampled(
    source: Source, layout: Layout, ends: Ends, times: int, parts: Parts
) -> tuple[Parts, dict[str, int]]:  # fmt: skip
    """``parts`` of everybody, and what needs times of one person in ``times``."""
    sets, some = key_sets(layout), thinned(layout, times)
    timed = [one for one in sets if one.kind in ("flags", "losses", "times")]
    sql, counts = counts_sql(persons_sql(some, ends, held=True), timed), _counts(parts[0][1])
    counts |= {"rows": layout.rows, "without_person": int(source.rows(nobody_sql(layout))[0][0])}
    if layout.funnel.event:
        other = "".join(", NULL" for _ in timed[1:])
        sql = f"{sql} UNION ALL SELECT {_TWICE}{other}, n, 0, 0 FROM ({duplicates_sql('b')}) AS twice"
    rest = _read(source, sql, timed)
    flags = dict(rest[0][1])
    twice, _, _ = flags.pop((), (0, 0, 0))
    told = _counts(flags) | {"duplicates": twice}
    return [*parts, *rest[1:]], counts | {name: times * told[name] for name in _OF_SOME}


def _read(source: Source, sql: str, sets: Sequence[KeySet]) -> Parts:
    """Persons, rows and seconds by the digits of each set."""
    found: list[dict[tuple[int, ...], tuple[int, int, int]]] = [{} for _ in sets]
    for row in source.rows(sql):
        which = next((i for i in range(len(sets)) if row[i] is not None), None)
        if which is not None:
            persons, rows, spent = (int(value or 0) for value in row[len(sets) :])
            key = int(row[which])
            found[which][() if key == _TWICE else sets[which].digits_of(key)] = persons, rows, spent
    return list(zip(sets, found, strict=True))


def _of_kind(parts: Parts, kind: str) -> Parts:
    return [(one, found) for one, found in parts if one.kind == kind]


def _counts(found: Found) -> dict[str, int]:
    """Rows and persons of each kind. Who is left out as too early is counted nowhere else."""
    counts = dict.fromkeys(NAMES, 0)
    for digits, (persons, rows, _) in found.items():
        told, mixed = dict(zip(FLAGS, digits, strict=False)), digits[-1]
        counts["rows"] += rows
        if told["nobody"]:
            counts["without_person"] += rows
        elif told["early"]:
            counts["too_early"] += persons
        else:
            counts["persons"] += persons
            counts["mixed"] += persons * mixed
            for name in FLAGS[2:]:
                counts[name] += persons * told[name]
    return counts


def _label(key: Key, code: int) -> str | None:
    """The label of a code: 0 none, 1 several, which is none."""
    return key.labels[code - 2] if code > 1 else None


def _by_attribute(layout: Layout, parts: Sequence[tuple[KeySet, Found]]) -> dict[str, Counter[tuple[Any, ...]]]:
    """Persons by attribute and (label, the digits after the attributes); seconds under a key of their own."""
    sums: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for one, found in parts:
        for digits, (persons, _, spent) in found.items():
            rest = digits[len(one.attributes) :]
            of = [(layout.keys[number].name, _label(layout.keys[number], digits[place]))
                  for place, number in enumerate(one.attributes)]  # fmt: skip
            for name, label in of or [(EVERYONE, EVERYBODY)]:
                sums[name][label, *rest] += persons
                if one.kind == "times":
                    sums[name]["", label, *rest] += spent
    return sums


def _sorted(cells: Iterable[Any]) -> tuple[Any, ...]:
    """Cells in the order of what they are of; what is not known comes last."""
    return tuple(sorted(cells, key=repr))


def _cells(layout: Layout, parts: Sequence[tuple[KeySet, Found]]) -> dict[str, tuple[FunnelCell, ...]]:
    strata = layout.keys[layout.attributes :]
    found = {}
    for name, sums in _by_attribute(layout, parts).items():
        joined: Counter[tuple[Any, ...]] = Counter()
        for (label, *codes, furthest), persons in sums.items():
            stratum = tuple(_label(key, code) for key, code in zip(strata, codes, strict=True))
            joined[label, stratum, furthest - 1] += persons
        found[name] = _sorted(FunnelCell(label, stratum, last, n) for (label, stratum, last), n in joined.items())
    return found


def _losses(layout: Layout, parts: Sequence[tuple[KeySet, Found]]) -> dict[str, dict[str, tuple[LossCell, ...]]]:
    values = {one.name: one.labels for one in layout.dimensions} | {HOUR: (None, *HOURS)}
    sums: dict[str, dict[str, Counter[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(Counter))
    for one, found in parts:
        names = [digit.name for digit in one.digits[len(one.attributes) : -1]]
        for attribute, counted in _by_attribute(layout, [(one, found)]).items():
            for (label, *codes, furthest), persons in counted.items():
                for name, code in zip(names, codes, strict=True):
                    sums[attribute][name][label, values[name][code], furthest - 1] += persons
    return {attribute: {name: _told(one) for name, one in own.items()} for attribute, own in sums.items()}


def _told(counted: Counter[tuple[Any, ...]]) -> tuple[LossCell, ...]:
    return _sorted(LossCell(label, value, last, n) for (label, value, last), n in counted.items())


def _times(layout: Layout, parts: Sequence[tuple[KeySet, Found]]) -> dict[str, tuple[TimeCell, ...]]:
    found = {}
    for name, sums in _by_attribute(layout, parts).items():
        cells = []
        for key, persons in sums.items():
            if len(key) == 2 and key[1]:
                label, digit = key
                band, done = divmod(digit - 1, 2)
                minutes = sums["", label, digit] / 60.0 if done else 0.0
                cells.append(TimeCell(label, band, bool(done), persons, minutes))
        found[name] = _sorted(cells)
    return found


def _failures(layout: Layout, parts: Sequence[tuple[KeySet, Found]]) -> dict[str, tuple[FailureCell, ...]]:
    funnel, found = layout.funnel, {}
    ways = [one.method for one in funnel.failed]
    for name, sums in _by_attribute(layout, parts).items():
        joined: Counter[tuple[Any, ...]] = Counter()
        for (label, digit), persons in sums.items():
            if not digit:
                continue
            bits = digit - 1
            failed = [way for i, way in enumerate(ways) if bits >> i & 1]
            other = bool(bits >> len(ways) & 1) if funnel.fallback else None
            passed = bool(bits >> (len(ways) + 1) & 1)
            for method in dict.fromkeys(("any", *failed)) if failed else ("",):
                joined[label, method, other, passed] += persons
        found[name] = _sorted(
            FailureCell(label, method, other, passed, n) for (label, method, other, passed), n in joined.items()
        )
    return found

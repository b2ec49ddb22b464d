"""Persons of a funnel, as SQL that both engines speak: one pass over their rows, then counts of persons alike.

Of each person: which bits any of his rows has, the first time of each stage, and the dimensions of his first row. What
is counted together is packed into one whole number, digit by digit, so that a set of counts is one key.

Times count in whole seconds from 2000. They end at the last day that rows run up to without a gap of more than
``AHEAD_DAYS`` days, once ``NEARLY_ALL`` of the times have passed; a time beyond is a clock's mistake: the row counts,
its time does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audits.evidence.funnel import HOUR, TIME_EDGES
from audits.evidence.funnel_layout import Layout
from checks.inputs.source import Source

AHEAD_DAYS, NEARLY_ALL = 60, 0.99
EXACT, ONE_IN = 1 << 22, 17  # events up to which those that come twice are all counted; beyond, those of some times
SKEW_SECONDS = 300
HOURS = ("00-05", "06-11", "12-17", "18-23")
MOST_TOGETHER = 4096  # combinations of labels that are counted as one set
_TO_2000 = 946_684_800  # seconds from 1970
_TO_1970 = 62_135_596_800  # from the year 1, so that a division rounds down
_MOST = 2_147_483_647
_DAY, _SHIFT = 86_400, 24_856 * 86_400  # whole days, so that what is added to a time keeps its hour
FLAGS = ("nobody", "early", "skipped", "out_of_order", "skewed", "repeated", "undecided", "odd_ages")


@dataclass(frozen=True, slots=True)
class Digit:
    """A part of a key: SQL of a whole number from 0 to below ``size``, and what it stands for."""

    name: str
    sql: str
    size: int


@dataclass(frozen=True, slots=True)
class Ends:
    """Seconds of the newest time that is no clock's mistake, and rows with a time beyond."""

    newest: int | None
    ahead: int


def seconds(name: str, layout: Layout) -> str:
    """SQL: whole seconds since 2000 of a timestamp, within what four bytes hold."""
    if layout.bounds is not None:
        return f"CAST(epoch_us({name}) // 1000000 - {_TO_2000} AS integer)"
    if layout.engine == "duckdb":
        whole = f"(epoch_us({name}) + {_TO_1970}000000) // 1000000 - {_TO_1970 + _TO_2000}"
    else:
        whole = f"CAST(floor(extract(epoch FROM {name})) AS bigint) - {_TO_2000}"
    clipped = f"CAST(least(greatest({whole}, -{_MOST}), {_MOST}) AS integer)"
    return f"CASE WHEN {name} IS NOT NULL THEN {clipped} END"


def ends_of(source: Source, layout: Layout) -> Ends:
    """Where the data end: at most one scan for spans of the time, one for the days, one for rows beyond."""
    if not layout.times:
        return Ends(None, 0)
    if layout.bounds is not None and _without_gap(source, layout, *layout.bounds):
        return Ends(layout.bounds[1] - _TO_2000, 0)
    days: dict[int, tuple[int, int]] = {}
    for name in layout.times:
        at = f"CAST({seconds(name, layout)} AS bigint) + {_SHIFT}"
        sql = (
            f"WITH b AS ({layout.base}), s AS (SELECT {at} AS s FROM b WHERE {name} IS NOT NULL) "
            f"SELECT (s - s % {_DAY}), count(*), max(s) FROM s GROUP BY (s - s % {_DAY})"
        )
        for start, n, last in source.rows(sql):
            day = int(start) // _DAY
            held = days.get(day, (0, 0))
            days[day] = held[0] + int(n), max(held[1], int(last))
    if not days:
        return Ends(None, 0)
    day = last_day({day: n for day, (n, _) in days.items()})
    newest = days[day][1] - _SHIFT
    if day == max(days):
        return Ends(newest, 0)
    beyond = " OR ".join(f"{seconds(name, layout)} > {newest}" for name in layout.times)
    rows = source.rows(f"WITH b AS ({layout.base}) SELECT count(*) FROM b WHERE {beyond}")
    return Ends(newest, int(rows[0][0]))


def _without_gap(source: Source, layout: Layout, first: int, last: int) -> bool:
    """Whether no span of some 25 days (2⁴¹ µs) lies empty between the first time and the last: no gap is too long."""
    if last - first <= AHEAD_DAYS * _DAY:
        return True
    sql = f"WITH b AS ({layout.base}) SELECT DISTINCT epoch_us({layout.times[0]}) >> 41 FROM b"
    spans = {int(span) for (span,) in source.rows(sql) if span is not None}
    return len(spans) == max(spans) - min(spans) + 1


def last_day(times: dict[int, int]) -> int:
    """The day on which the data end: no gap of more than ``AHEAD_DAYS`` days once nearly all times have passed."""
    total, seen, end = sum(times.values()), 0, min(times)
    for day in sorted(times):
        if seen >= NEARLY_ALL * total and day - end > AHEAD_DAYS:
            break
        seen, end = seen + times[day], day
    return end


def persons_sql(layout: Layout, ends: Ends) -> str:
    """``WITH … q AS (…)``: one row a person, or for rows without a person; ``keys_of`` speaks of its columns."""
    logged, words = layout.funnel.event is not None, range(len(layout.bits))
    row = [f"w{i}" for i in words]
    row += [f"c{i}" for i, key in enumerate(layout.keys) if key.labels and key.word is None]
    row += [f"{_known(name, layout, ends)} AS {name}" for name in layout.times]
    row += ["d", *(["e"] if layout.person else [])]
    seen = list(layout.times) if not logged else ["tm"]
    first = seen[0] if len(seen) == 1 else f"least({', '.join(seen)})" if seen else "CAST(NULL AS bigint)"
    packed = f"(coalesce(CAST({first} AS bigint) + {_SHIFT}, {2 * _SHIFT}) << {layout.place_bits}) | d"
    figures = ["count(*) AS n" if layout.person else "1 AS n", f"{_over(layout, 'min', packed)} AS z"]
    figures += [f"{_over(layout, 'bit_or', f'w{i}')} AS b{i}" for i in words]
    for i, key in enumerate(layout.keys):
        if key.labels and key.word is None:
            figures += [f"{_over(layout, 'min', f'c{i}')} AS l{i}", f"{_over(layout, 'max', f'c{i}')} AS h{i}"]
    for i in layout.timed:
        at = f"CASE WHEN w0 & {1 << i} <> 0 THEN tm END" if logged else f"x{i}"
        figures.append(f"{_over(layout, 'min', at)} AS t{i}")
    grouped = " GROUP BY e" if layout.person else ""
    wide = "".join(f", CAST(b{i} AS bigint) AS w{i}" for i in words)
    codes = "".join(f", {code(layout, i)} AS a{i}" for i in range(len(layout.keys)))
    return f"""WITH b AS ({layout.base}), r AS (SELECT {", ".join(row)} FROM b),
        p AS (SELECT {"e, " if layout.person else ""}{", ".join(figures)} FROM r{grouped}),
        o AS (SELECT *, CASE WHEN z >> {layout.place_bits} < {2 * _SHIFT} THEN (z >> {layout.place_bits}) - {_SHIFT} END
            AS first, {"e IS NULL" if layout.person else "false"} AS nobody{wide} FROM p),
        q AS (SELECT *, {_stages(layout)} AS s, {_early(layout, ends)} AS early{_counted_times(layout)} FROM o),
        g AS (SELECT *, {_furthest(layout)} AS furthest FROM q),
        f AS (SELECT *, {_spent(layout)} AS spent, {_seen(layout, ends)} AS seen,
            {_drop(layout)} AS dropped{codes} FROM g)"""


def _known(name: str, layout: Layout, ends: Ends) -> str:
    """SQL: the seconds of a time, NULL where a clock was ahead."""
    found = seconds(name, layout)
    return f"CASE WHEN {found} <= {ends.newest} THEN {found} END" if ends.ahead else found


def _over(layout: Layout, what: str, value: str) -> str:
    return f"{what}({value})" if layout.person else f"({value})"


def _early(layout: Layout, ends: Ends) -> str:
    """SQL: whether a person was first seen too late to have had the time that counts."""
    if layout.within is None or ends.newest is None:
        return "false"
    return f"coalesce({ends.newest} - first < {layout.within}, false)"


def _late(layout: Layout, i: int) -> str:
    return f"coalesce(t{i} - first > {layout.within}, false)"


def _stages(layout: Layout) -> str:
    """SQL: the bits of the stages that count as passed."""
    every = (1 << len(layout.funnel.stages)) - 1
    if layout.within is None or not layout.timed:
        return f"(w0 & {every})"
    late = " - ".join(f"CASE WHEN {_late(layout, i)} THEN w0 & {1 << i} ELSE 0 END" for i in layout.timed)
    return f"((w0 & {every}) - {late})"


def _counted_times(layout: Layout) -> str:
    """SQL: ``u0`` …, the times of stages that count as passed."""
    if layout.within is None:
        return "".join(f", CAST(t{i} AS bigint) AS u{i}" for i in layout.timed)
    return "".join(f", CASE WHEN NOT {_late(layout, i)} THEN CAST(t{i} AS bigint) END AS u{i}" for i in layout.timed)


def _furthest(layout: Layout) -> str:
    """SQL: 0 for none, else the place of the last stage that was passed, from 1."""
    size = len(layout.funnel.stages)
    return "CASE" + "".join(f" WHEN s >= {1 << i} THEN {i + 1}" for i in reversed(range(size))) + " ELSE 0 END"


def _drop(layout: Layout) -> str:
    """SQL: the most seconds by which a later stage is earlier than one before it, at most 0 where all are in order."""
    terms = []
    for k in range(1, len(layout.timed)):
        *before, later = (_day(layout, f"u{i}") for i in layout.timed[: k + 1])
        terms.append(f"{_greatest(before)} - {later}")
    if not terms:
        return "0"
    return f"coalesce({_greatest(terms)}, 0)"


def _greatest(terms: Sequence[str]) -> str:
    return terms[0] if len(terms) == 1 else f"greatest({', '.join(terms)})"


def flags(layout: Layout) -> list[Digit]:
    """What is counted of each person, and how many attributes have several labels."""
    decided = "false"
    if layout.decision is not None:
        named = layout.funnel.place(layout.funnel.finished)
        finished = layout.decision - 1 if named is None else named
        decided = f"furthest > {finished} AND w0 & {1 << layout.bit('decided')} = 0"
    tests = {
        "nobody": "nobody", "early": "early", "skipped": "s & (s + 1) <> 0",
        "out_of_order": f"dropped > {SKEW_SECONDS}",
        "skewed": f"dropped > 0 AND dropped <= {SKEW_SECONDS}", "repeated": "n > 1",
        "undecided": decided, "odd_ages": f"w0 & {1 << layout.bit('odd')} <> 0",
    }  # fmt: skip
    found = [Digit(name, f"CASE WHEN {tests[name]} THEN 1 ELSE 0 END", 2) for name in FLAGS]
    several = [f"CASE WHEN a{i} = 1 THEN 1 ELSE 0 END" for i in range(layout.attributes)]
    return [*found, Digit("mixed", " + ".join(several) or "0", layout.attributes + 1)]


def code(layout: Layout, i: int) -> str:
    """SQL: 0 without a label, 1 with several, else the label's code and 2."""
    key = layout.keys[i]
    if not key.labels:
        return "0"
    if key.word is None:
        return f"CASE WHEN l{i} IS NULL THEN 0 WHEN l{i} <> h{i} THEN 1 ELSE l{i} + 2 END"
    own = f"((w{key.word} >> {key.offset}) & {(1 << len(key.labels)) - 1})"
    cases = "".join(f" WHEN {1 << at} THEN {at + 2}" for at in range(len(key.labels)))
    return f"CASE {own} WHEN 0 THEN 0{cases} ELSE 1 END"


def clocked(layout: Layout) -> tuple[int, int] | None:
    """The stages between which time is taken, where both have times."""
    places = layout.funnel.place(layout.funnel.started), layout.funnel.place(layout.funnel.finished)
    start, finish = places
    if start is None or finish is None or start >= finish or not {start, finish} <= set(layout.timed):
        return None
    return start, finish


def _day(layout: Layout, time: str) -> str:
    return f"({time} - ({time} + {_SHIFT}) % {_DAY})" if layout.by_day else f"({time})"


def _spent(layout: Layout) -> str:
    """SQL: seconds from ``started`` to ``finished``, NULL where they are not known or out of order."""
    places = clocked(layout)
    if places is None:
        return "CAST(NULL AS bigint)"
    start, finish = (_day(layout, f"u{i}") for i in places)
    return f"CASE WHEN {finish} >= {start} - {SKEW_SECONDS} THEN greatest({finish} - {start}, 0) END"


def _seen(layout: Layout, ends: Ends) -> str:
    """SQL: seconds for which a person who did not finish was seen from ``started`` on."""
    places = clocked(layout)
    if places is None or ends.newest is None:
        return "CAST(NULL AS bigint)"
    end = str(ends.newest)
    if layout.within is not None:
        end = f"least({end}, first + {layout.within})"
    until = f"{_day(layout, end)} - {_day(layout, f'u{places[0]}')}"
    return f"CASE WHEN u{places[0]} IS NOT NULL AND furthest <= {places[1]} THEN greatest({until}, 0) END"


def _edges_below(value: str, low: int = 0, high: int = len(TIME_EDGES)) -> str:
    """SQL: how many of the edges are below a number of seconds."""
    if low == high:
        return str(low)
    middle = (low + high) // 2
    left, right = _edges_below(value, low, middle), _edges_below(value, middle + 1, high)
    return f"CASE WHEN {value} <= {TIME_EDGES[middle] * 60} THEN {left} ELSE {right} END"


def time_digit(layout: Layout) -> Digit:
    """0 without times, else 1 more than twice the band, and one more where it was finished."""
    done, seen = _edges_below("spent"), _edges_below("(seen + 1)")
    sql = f"CASE WHEN spent IS NOT NULL THEN 2 + 2 * ({done}) WHEN seen IS NOT NULL THEN 1 + 2 * ({seen}) ELSE 0 END"
    return Digit("time", sql, 3 + 2 * len(TIME_EDGES))


def failure_digit(layout: Layout) -> Digit:
    """0 for who did not come to the check, else 1 more than bits: ways failed, the fallback, whether it was passed."""
    ways, place = len(layout.funnel.failed), layout.funnel.place(layout.funnel.identity) or 0
    told = f"((w0 >> {layout.bit('failed')}) & {(1 << (ways + 1)) - 1})"
    passed = f"CASE WHEN furthest > {place} THEN {1 << (ways + 1)} ELSE 0 END"
    sql = f"CASE WHEN furthest >= {place} OR {told} <> 0 THEN 1 + {told} + {passed} ELSE 0 END"
    return Digit("failure", sql, 1 + (1 << (ways + 2)))


def furthest_digit(layout: Layout) -> Digit:
    """0 for none, else the place of the last stage that was passed, from 1."""
    return Digit("furthest", "furthest", len(layout.funnel.stages) + 1)


def dimension_digits(layout: Layout) -> list[Digit]:
    """The codes of the first row's dimensions, and the part of the day, 0 where it is not known."""
    found = [
        Digit(one.name, f"((z >> {one.offset}) & {(1 << one.bits) - 1})", 1 << one.bits) for one in layout.dimensions
    ]
    if layout.times and not layout.by_day:
        start = layout.funnel.place(layout.funnel.started)
        first = f"coalesce(u{start}, first)" if start in layout.timed else "first"
        hour = f"(CAST({first} AS bigint) + {_SHIFT}) % {_DAY}"
        quarters = "".join(f" WHEN {hour} < {(i + 1) * _DAY // 4} THEN {i + 1}" for i in range(4))
        found.append(Digit(HOUR, f"CASE WHEN {first} IS NULL THEN 0{quarters} END", 5))
    return found


@dataclass(frozen=True, slots=True)
class KeySet:
    """What is counted together: ``digits`` of one whole number, over the ``attributes`` that come first."""

    kind: str
    attributes: tuple[int, ...]
    digits: tuple[Digit, ...]

    @property
    def sql(self) -> str:
        """The whole number; NULL for rows of nobody and persons who are left out."""
        number = "0"
        for digit in self.digits:
            number = f"({number}) * {digit.size} + CAST(({digit.sql}) AS bigint)"
        return number if self.kind == "flags" else f"CASE WHEN NOT nobody AND NOT early THEN {number} END"

    def digits_of(self, number: int) -> tuple[int, ...]:
        """The digits of a key."""
        found = []
        for digit in reversed(self.digits):
            number, one = divmod(number, digit.size)
            found.append(one)
        return tuple(reversed(found))


def key_sets(layout: Layout) -> list[KeySet]:
    """All that is counted. Attributes are told apart together as long as there are few combinations."""
    codes = [Digit(key.name, f"a{i}", len(key.labels) + 2) for i, key in enumerate(layout.keys)]
    strata, dimensions = codes[layout.attributes :], dimension_digits(layout)
    found = [KeySet("flags", (), tuple(flags(layout)))]
    parts: list[tuple[str, list[Digit]]] = [("cells", [*strata, furthest_digit(layout)])]
    parts += [("losses", [*some, furthest_digit(layout)]) for some in _together(dimensions)]
    parts += [("times", [time_digit(layout)])] if clocked(layout) else []
    if layout.funnel.failed and layout.funnel.identity:
        parts.append(("failures", [failure_digit(layout)]))
    for some in _together(codes[: layout.attributes]):
        places = tuple(codes.index(digit) for digit in some)
        found += [KeySet(kind, places, (*some, *digits)) for kind, digits in parts]
    for one in found:
        if math.prod(digit.size for digit in one.digits) > 1 << 62:
            raise ValueError(f"too many labels of {', '.join(digit.name for digit in one.digits)} to be counted")
    return found


def _together(digits: Sequence[Digit]) -> Iterator[list[Digit]]:
    """Digits in their order, as many at a time as have few combinations."""
    held: list[Digit] = []
    for digit in digits:
        if held and math.prod(one.size for one in held) * digit.size > MOST_TOGETHER:
            yield held
            held = []
        held.append(digit)
    if held:
        yield held


def counts_sql(layout: Layout, ends: Ends, sets: Sequence[KeySet]) -> str:
    """Counts of persons by each set's key: the keys, persons, rows, seconds."""
    keys = ", ".join(f"{one.sql} AS k{i}" for i, one in enumerate(sets))
    names = [f"k{i}" for i in range(len(sets))]
    return (
        f"{persons_sql(layout, ends)}, k AS (SELECT n, spent, {keys} FROM f) SELECT {', '.join(names)}, count(*), "
        f"sum(n), sum(spent) FROM k GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in names)})"
    )


def duplicates_sql(layout: Layout, rows: int) -> str:
    """Rows of a log that repeat a person's event at the same time.

    Of more than ``EXACT`` rows only those of one microsecond in ``ONE_IN`` (a prime, so that no clock's steps fall
    together with it) are compared, and stand for all.
    """
    some, times = "", 1
    if rows > EXACT:
        micro = (
            "epoch_us(tm)" if layout.engine == "duckdb" else "CAST(floor(extract(epoch FROM tm) * 1000000) AS bigint)"
        )
        some, times = f"AND {micro} % {ONE_IN} = 0 ", ONE_IN
    return (
        f"WITH b AS ({layout.base}), g AS (SELECT count(*) AS n FROM b WHERE e IS NOT NULL AND v IS NOT NULL "
        f"AND tm IS NOT NULL {some}GROUP BY e, v, tm) SELECT coalesce(sum(n - 1), 0) * {times} FROM g"
    )

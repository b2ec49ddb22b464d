"""Persons of a funnel, as SQL that both engines speak: one pass over their rows.

Of each person: which bits any of his rows has, the first time of each stage, and the dimensions of his first row.
Times count in whole seconds from 2000. They end at the last day that rows run up to without a gap of more than
``AHEAD_DAYS`` days, once ``NEARLY_ALL`` of the times have passed; a time beyond is a clock's mistake: the row counts,
its time does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audits.evidence.funnel_layout import Layout
from checks.inputs.funnel_columns import SKEW_SECONDS
from checks.inputs.source import Source

AHEAD_DAYS, NEARLY_ALL = 60, 0.99
FIRST = 1_000_000  # rows in which spans of time are looked for before they are in all
_TO_2000 = 946_684_800  # seconds from 1970
_TO_1970 = 62_135_596_800  # from the year 1, so that a division rounds down
_MOST = 2_147_483_647
DAY, SHIFT = 86_400, 24_856 * 86_400  # whole days, so that what is added to a time keeps its hour


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
        at = f"CAST({seconds(name, layout)} AS bigint) + {SHIFT}"
        sql = (
            f"WITH b AS ({layout.base}), s AS (SELECT {at} AS s FROM b WHERE {name} IS NOT NULL) "
            f"SELECT (s - s % {DAY}), count(*), max(s) FROM s GROUP BY (s - s % {DAY})"
        )
        for start, n, last in source.rows(sql):
            day = int(start) // DAY
            held = days.get(day, (0, 0))
            days[day] = held[0] + int(n), max(held[1], int(last))
    if not days:
        return Ends(None, 0)
    day = last_day({day: n for day, (n, _) in days.items()})
    newest = days[day][1] - SHIFT
    if day == max(days):
        return Ends(newest, 0)
    beyond = " OR ".join(f"{seconds(name, layout)} > {newest}" for name in layout.times)
    rows = source.rows(f"WITH b AS ({layout.base}) SELECT count(*) FROM b WHERE {beyond}")
    return Ends(newest, int(rows[0][0]))


def _without_gap(source: Source, layout: Layout, first: int, last: int) -> bool:
    """Whether no span of some 25 days (2⁴¹ µs) lies empty between the first time and the last: no gap is too long."""
    if last - first <= AHEAD_DAYS * DAY:
        return True
    name = layout.times[0]
    ends = [int(second) * 1_000_000 >> 41 for second in (first, last)]
    for some in (f" WHERE {name} IS NOT NULL LIMIT {FIRST}", ""):
        rows = f"WITH b AS ({layout.base}), s AS (SELECT {name} FROM b{some})"
        found = source.rows(f"{rows} SELECT DISTINCT epoch_us({name}) >> 41 FROM s")
        spans = {int(span) for (span,) in found if span is not None}
        if spans.issuperset(range(ends[0], ends[1] + 1)):
            return True
    return len(spans) == max(spans) - min(spans) + 1


def last_day(times: dict[int, int]) -> int:
    """The day on which the data end: no gap of more than ``AHEAD_DAYS`` days once nearly all times have passed."""
    total, seen, end = sum(times.values()), 0, min(times)
    for day in sorted(times):
        if seen >= NEARLY_ALL * total and day - end > AHEAD_DAYS:
            break
        seen, end = seen + times[day], day
    return end


def persons_sql(layout: Layout, ends: Ends, *, held: bool = False) -> str:
    """``WITH … q AS (…)``: one row a person, or for rows without a person; ``keys_of`` speaks of its columns.

    ``held``: the few rows ``b`` are read once and kept, since something else is asked of them too.
    """
    # a window brings a person's rows together first: a GROUP BY over rows in no order would hold all of them at once
    logged, words = layout.funnel.event is not None, range(len(layout.bits))
    row = [f"w{i}" for i in words]
    row += [f"c{i}" for i, key in enumerate(layout.keys) if key.labels and key.word is None]
    row += [f"{_known(name, layout, ends)} AS {name}" for name in layout.times]
    narrow = "smallint" if layout.place_bits < 15 else "integer"
    row += [f"CAST(d AS {narrow}) AS d", *(["e"] if layout.person else [])]
    seen = list(layout.times) if not logged else ["tm"]
    first = seen[0] if len(seen) == 1 else f"least({', '.join(seen)})" if seen else "CAST(NULL AS bigint)"
    packed = f"(coalesce(CAST({first} AS bigint) + {SHIFT}, {2 * SHIFT}) << {layout.place_bits}) | d"
    number = "max(place)" if layout.scattered else "count(*)" if layout.person else "1"
    figures = [f"{number} AS n", f"{_over(layout, 'min', packed)} AS z"]
    figures += [f"{_over(layout, 'bit_or', f'w{i}')} AS b{i}" for i in words]
    for i, key in enumerate(layout.keys):
        if key.labels and key.word is None:
            figures += [f"{_over(layout, 'min', f'c{i}')} AS l{i}", f"{_over(layout, 'max', f'c{i}')} AS h{i}"]
    for i in layout.timed:
        at = f"min(tm) FILTER (WHERE w0 & {1 << i} <> 0)" if logged else _over(layout, "min", f"x{i}")
        figures.append(f"{at} AS t{i}")
    figures += _ends_of_dimensions(layout)
    place = ", CAST(row_number() OVER (PARTITION BY e) AS integer) AS place" if layout.scattered else ""
    person, grouped = ("e, ", " GROUP BY e") if layout.person else ("", "")
    wide = "".join(f", CAST(b{i} AS bigint) AS w{i}" for i in words)
    codes = "".join(f", {code(layout, i)} AS a{i}" for i in range(len(layout.keys)))
    kept = "MATERIALIZED " if held else ""
    return f"""WITH b AS {kept}({layout.base}), r AS (SELECT {", ".join(row)} FROM b), s AS (SELECT *{place} FROM r),
        p AS (SELECT {person}{", ".join(figures)} FROM s{grouped}),
        o AS (SELECT *, CASE WHEN z >> {layout.place_bits} < {2 * SHIFT} THEN (z >> {layout.place_bits}) - {SHIFT} END
            AS first, {"e IS NULL" if layout.person else "false"} AS nobody{wide} FROM p),
        q AS (SELECT *, n > 1 AS more, {_stages(layout)} AS s, {_early(layout, ends)} AS early
            {_counted_times(layout)} FROM o),
        g AS (SELECT *, {_furthest(layout)} AS furthest FROM q),
        f AS (SELECT *, {_spent(layout)} AS spent, {_seen(layout, ends)} AS seen,
            {_drop(layout)} AS dropped{codes} FROM g)"""


def _ends_of_dimensions(layout: Layout) -> list[str]:
    """The least code of each dimension and the largest known one, where no log tells the order of the rows."""
    if not layout.person or layout.funnel.event:
        return []
    found = []
    for i, one in enumerate(layout.dimensions):
        own = f"((d >> {one.offset}) & {(1 << one.bits) - 1})"
        found += [f"min({own}) AS dl{i}", f"max(CASE WHEN {own} < {len(one.labels) - 1} THEN {own} END) AS dh{i}"]
    return found


def dimension(layout: Layout, i: int) -> str:
    """SQL: the code of a dimension in the first row. Without a time none is first: help counts, else what all share.

    Events of a log without any time share nothing.
    """
    one = layout.dimensions[i]
    unknown, own = len(one.labels) - 1, f"((z >> {one.offset}) & {(1 << one.bits) - 1})"
    if not layout.person:
        return own
    if layout.funnel.event:
        return f"CASE WHEN first IS NULL AND n > 1 THEN {unknown} ELSE {own} END"
    shared = f"coalesce(dh{i}, {unknown})"
    if one.name != "assisted":
        shared = f"CASE WHEN dl{i} < dh{i} THEN {unknown} ELSE dl{i} END"
    return f"CASE WHEN first IS NULL THEN {shared} ELSE {own} END"


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
    return f"({time} - ({time} + {SHIFT}) % {DAY})" if layout.by_day else f"({time})"


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


def everyone_sql(layout: Layout) -> str:
    """``WITH … f AS (…)``: ``persons`` who are alike in all that needs no time and no first row; as ``persons_sql``.

    Their rows are not counted one by one: that alone would cost a tenth of the whole.
    """
    words = [f"b{i}" for i in range(len(layout.bits))]
    coded = [i for i, key in enumerate(layout.keys) if key.labels and key.word is None]
    ends = [f"{side}{i}" for i in coded for side in ("l", "h")]
    figures = [f"bit_or(w{i}) AS b{i}" for i in range(len(words))]
    figures += [f"{what}(c{i}) AS {side}{i}" for i in coded for what, side in (("min", "l"), ("max", "h"))]
    wide = "".join(f", CAST(b{i} AS bigint) AS w{i}" for i in range(len(words)))
    codes = "".join(f", {code(layout, i)} AS a{i}" for i in range(len(layout.keys)))
    alike = ", ".join(["nobody", *words, *ends])
    return f"""WITH b AS ({layout.base}),
        p AS (SELECT e IS NULL AS nobody, {", ".join(figures)} FROM b GROUP BY e),
        o AS (SELECT {alike}, false AS more, count(*) AS persons, 0 AS n FROM p GROUP BY {alike}),
        q AS (SELECT *, false AS early, CAST(NULL AS bigint) AS first, 0 AS dropped, 0 AS spent{wide} FROM o),
        g AS (SELECT *, {_stages(layout)} AS s FROM q), h AS (SELECT *, {_furthest(layout)} AS furthest FROM g),
        f AS (SELECT *{codes} FROM h)"""


def nobody_sql(layout: Layout) -> str:
    """Rows without a person; files mostly know that there are none."""
    return f"WITH b AS ({layout.base}) SELECT count(*) FROM b WHERE e IS NULL"


def duplicates_sql(rows: str) -> str:
    """Rows of a log that repeat a person's event at the same time."""
    return (
        f"SELECT coalesce(sum(n - 1), 0) AS n FROM (SELECT count(*) AS n FROM {rows} "
        "WHERE e IS NOT NULL AND v IS NOT NULL AND tm IS NOT NULL GROUP BY e, v, tm) AS alike"
    )

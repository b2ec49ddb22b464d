"""What is counted of a funnel's persons: whole numbers made of digits, so that a set of counts is one key.

A digit is a small code of a person: the label of an attribute, how far he came, the band of his time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audits.evidence.funnel import HOUR, TIME_EDGES
from audits.evidence.funnel_layout import Layout
from audits.evidence.funnel_persons import DAY, SHIFT, clocked, dimension
from checks.inputs.funnel_columns import SKEW_SECONDS, sent_before

HOURS = ("00-05", "06-11", "12-17", "18-23")
MOST_TOGETHER = 4096  # combinations of labels that are counted as one set
FLAGS = ("nobody", "early", "skipped", "out_of_order", "skewed", "repeated", "undecided", "odd_ages",
         "unread_stages", "unread_failures", "without_times")  # fmt: skip
DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class Digit:
    """A part of a key: SQL of a whole number from 0 to below ``size``, and what it stands for."""

    name: str
    sql: str
    size: int


def flags(layout: Layout) -> list[Digit]:
    """What is counted of each person, and how many attributes have several labels."""
    decided = "false"
    if layout.decision is not None:
        sent = sent_before(layout.funnel.place(layout.funnel.finished), layout.decision)
        decided = f"furthest > {sent} AND w0 & {1 << layout.bit('decided')} = 0"
    odd = "false"
    if layout.aged is not None:
        word, known = layout.aged
        odd = f"w0 & {1 << layout.bit('odd')} <> 0 AND w{word} & {known} = 0"
    tests = {
        "nobody": "nobody", "early": "early", "skipped": "s & (s + 1) <> 0",
        "out_of_order": f"dropped > {SKEW_SECONDS}",
        "skewed": f"dropped > 0 AND dropped <= {SKEW_SECONDS}", "repeated": "more",
        "undecided": decided, "odd_ages": odd, **_unread(layout),
        "without_times": "first IS NULL" if layout.within is not None else "false",
    }  # fmt: skip
    found = [Digit(name, f"CASE WHEN {tests[name]} THEN 1 ELSE 0 END", 2) for name in FLAGS]
    if layout.doubts:
        doubt = " OR ".join(f"w{word} & {bit} <> 0" for word, bit in layout.doubts)
        found.append(Digit(DOUBT, f"CASE WHEN {doubt} THEN 1 ELSE 0 END", 2))
    several = [f"CASE WHEN a{i} = 1 THEN 1 ELSE 0 END" for i in range(layout.attributes)]
    return [*found, Digit("mixed", " + ".join(several) or "0", layout.attributes + 1)]


def _unread(layout: Layout) -> dict[str, str]:
    """Persons of whom nobody can tell whether they passed the stage after their last, or how the check went."""
    found = {"unread_stages": "false", "unread_failures": "false"}
    if layout.unread is not None:
        word, offset = layout.unread
        stages = len(layout.funnel.stages)
        # furthest is the place of the stage that comes next; who passed all has none
        found["unread_stages"] = f"furthest < {stages} AND (w{word} >> CAST({offset} + furthest AS integer)) & 1 = 1"
        if layout.funnel.failed and layout.funnel.identity:
            found["unread_failures"] = f"({_came(layout)}) AND (w{word} >> {offset + stages}) & 1 = 1"
    return found


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
    told = _told(layout)
    passed = f"CASE WHEN furthest > {place} THEN {1 << (ways + 1)} ELSE 0 END"
    sql = f"CASE WHEN {_came(layout)} THEN 1 + {told} + {passed} ELSE 0 END"
    return Digit("failure", sql, 1 + (1 << (ways + 2)))


def _told(layout: Layout) -> str:
    return f"((w0 >> {layout.bit('failed')}) & {(1 << (len(layout.funnel.failed) + 1)) - 1})"


def _came(layout: Layout) -> str:
    return f"furthest >= {layout.funnel.place(layout.funnel.identity) or 0} OR {_told(layout)} <> 0"


def furthest_digit(layout: Layout) -> Digit:
    """0 for none, else the place of the last stage that was passed, from 1."""
    return Digit("furthest", "furthest", len(layout.funnel.stages) + 1)


def dimension_digits(layout: Layout) -> list[Digit]:
    """The codes of the first row's dimensions, and the part of the day of a person's earliest time, 0 if unknown.

    Nothing that he passed later moves it: an hour that were his only once he began would say who began.
    """
    found = [Digit(one.name, dimension(layout, i), 1 << one.bits) for i, one in enumerate(layout.dimensions)]
    if layout.times and not layout.by_day:
        hour = f"(CAST(first AS bigint) + {SHIFT}) % {DAY}"
        quarters = "".join(f" WHEN {hour} < {(i + 1) * DAY // 4} THEN {i + 1}" for i in range(4))
        found.append(Digit(HOUR, f"CASE WHEN first IS NULL THEN 0{quarters} END", 5))
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
    for some in _together(codes[: layout.attributes]) if layout.attributes else [[]]:
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


def counts_sql(persons: str, sets: Sequence[KeySet], number: str = "1") -> str:
    """Counts by each set's key: the keys, persons, rows, seconds. A row of ``persons`` is ``number`` of them."""
    keys = ", ".join(f"{one.sql} AS k{i}" for i, one in enumerate(sets))
    names = [f"k{i}" for i in range(len(sets))]
    return (
        f"{persons}, k AS (SELECT n, {number} AS persons, spent, {keys} FROM f) SELECT {', '.join(names)}, "
        f"sum(persons), sum(n), sum(spent) FROM k GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in names)})"
    )

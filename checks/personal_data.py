"""Do the columns name persons? What looks like a person stops a run until the program says what it is for.

Every column that the contract uses is looked at, and no other is read: its name, and its values, all different ones
where there are at most ``MOST_LABELS``, else those whose hash falls into a share that leaves about ``SAMPLE``. Texts
are looked at in full, whole numbers only from nine digits on. Counting happens where the data lie; the values that are
looked at are held in memory, and nothing is told of them but kind, column and number.

Among listed values of a text column one match is enough, in a sample ``LEAST_SHARE`` of the values; labels of records
and pages need one match in any case. Chance makes numbers that pass a check digit, so that columns of digits need
``DIGIT_SHARE``, and columns that show no other sign of names need ``NAMED_SHARE`` of values that look like names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.check_report import CheckResult
from checks.inputs.grouping import raw_relation
from checks.inputs.personal import PersonalColumn, shown_columns
from checks.inputs.prepared import kind_of
from checks.inputs.program import AuditProgram
from checks.inputs.source import Source
from checks.personal_kinds import kinds_in, name_like, plain
from checks.personal_tables import CARDED, NAMED, NUMBERED, PHONED, folded
from checks.planned_check import about
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    import ibis.expr.types as ir

EXPECTATION = "personal_data"
MOST_LABELS, SAMPLE = 2000, 2000
LEAST_SHARE, DIGIT_SHARE, NAMED_SHARE, HINTED_SHARE, KNOWN_SHARE = 0.01, 0.3, 0.3, 0.5, 0.2
LEAST_NAMES, LEAST_FIRST = 20, 8  # values and different given names or surnames that make a column one of names
_LEAST_DIGITS = 10**8
_PREFIXES = 8  # different beginnings that tell phones from numbers counted up
_KINDS = {
    "email": template("e-mail addresses"), "phone": template("phone numbers"),
    "national_id": template("national identity numbers"), "card": template("card numbers"),
    "iban": template("bank account numbers"), "name": template("names of persons"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at of a column: its different values, and whether they are all that there are."""

    column: str
    values: tuple[str, ...]
    digits: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A column with values that look like a kind of personal data: so many of so many different ones looked at."""

    column: str
    kind: str
    found: int
    looked: int


def personal_results(source: Source, program: AuditProgram) -> tuple[CheckResult, ...]:
    """A failed, stopping check for each undeclared kind in a column, and a passed one for each declared column.

    Columns without either have none. Raises ``InputError`` when the source cannot be read.
    """
    contract, shown = program.contract, shown_columns(program.contract)
    declared = {one.column: one for one in contract.personal_data}
    places = contract.columns_used()
    results = []
    for looked in looked_at(source, tuple(places)):
        at = declared.get(looked.column)
        for one in suspicions(looked, looked.column in shown):
            if at is None or at.kind not in (None, one.kind):
                results.append(_refused(one, f"contract.{places[one.column][0]}", at, one.column in shown))
    results += [_declared(one) for one in contract.personal_data]
    return tuple(results)


def hidden_columns(results: Sequence[CheckResult]) -> frozenset[str]:
    """Columns of which no check may show a value."""
    return frozenset(result.column for result in results if result.column and result.expectation == EXPECTATION)


def _refused(one: Suspicion, place: str, declared: PersonalColumn | None, shown: bool) -> CheckResult:
    subject, kind = about(one.column), said(_KINDS[one.kind])
    remedy: Sentence = said(
        "say what it is for: 'personal_data: {{{column}: {{kind: {kind}, purpose: …}}}}' in the contract, or leave the "
        "column out", column=one.column, kind=one.kind,
    )  # fmt: skip
    if shown:
        remedy = said(
            "its values would be published as labels: replace them by pseudonyms or bands in the source or a 'query'; "
            "look at the rows there"
        )
    elif declared:
        remedy = said("correct the 'kind' under 'personal_data' of the contract, or leave it out")
    return CheckResult(
        EXPECTATION, one.column, place, False, "stop",
        said("nothing in {subject} that names a person, unless the program says what it is for", subject=subject),
        said(
            "{found:,} of {looked:,} different values look like {kind}; none is shown", found=one.found,
            looked=one.looked, kind=kind,
        ),
        one.looked, one.found, (), remedy,
    )  # fmt: skip


def _declared(one: PersonalColumn) -> CheckResult:
    return CheckResult(
        EXPECTATION,
        one.column,
        f"contract.personal_data.{one.column}",
        True,
        "stop",
        said("{subject} may hold personal data, for what the program says", subject=about(one.column)),
        said("declared for: {purpose}", purpose=one.purpose),
    )


def suspicions(looked: Looked, shown: bool) -> Iterator[Suspicion]:
    """The kinds that a column's values look like, each with its number. ``shown``: they become labels."""
    name, total = folded(looked.column), len(looked.values)
    found = Counter(kind for value in looked.values for kind in kinds_in(value))
    if looked.digits:
        found = _of_digits(looked.values, found, name)
    elif named := _names(looked.values, bool(NAMED.search(name))):
        found["name"] = max(found["name"], named)
    elif not shown and total > LEAST_NAMES:
        found["name"] = found["name"] if found["name"] >= NAMED_SHARE * total else 0
    least = DIGIT_SHARE * total if looked.digits else 1 if shown or looked.whole else max(3, LEAST_SHARE * total)
    for kind in _KINDS:
        if found[kind] and found[kind] >= least:
            yield Suspicion(looked.column, kind, found[kind], total)


def _of_digits(values: Sequence[str], found: Counter[str], name: str) -> Counter[str]:
    """Digits alone: a phone in its country's form among many beginnings, or what the column's name says."""
    kept = Counter(found)
    phones = [value for value in values if "phone" in kinds_in(value)]
    if not PHONED.search(name) and (
        len(phones) < 0.9 * len(values) or len({value[:3] for value in phones}) < _PREFIXES or len(phones) < LEAST_NAMES
    ):
        kept["phone"] = 0
    if PHONED.search(name):
        kept["phone"] = max(kept["phone"], sum(10 <= len(value) <= 13 for value in values))
    if NUMBERED.search(name):
        kept["national_id"] = max(kept["national_id"], sum(len(value) in (9, 10, 11, 15, 18) for value in values))
    if CARDED.search(name):
        kept["card"] = max(kept["card"], sum(15 <= len(value) <= 19 for value in values))
    return kept


def _names(values: Sequence[str], hinted: bool) -> int:
    """How many values look like names, where the column as a whole is one of names; else 0."""
    first = [sign for value in values if (sign := name_like(value, hinted))]
    if hinted:
        known = sum(len(sign) > 1 or not sign.isascii() for sign in first)
        return (
            len(first)
            if first and len(first) >= HINTED_SHARE * len(values) and known >= KNOWN_SHARE * len(values)
            else 0
        )
    many = len(values) >= LEAST_NAMES and len(first) >= NAMED_SHARE * len(values)
    chinese = sum(not sign.isascii() for sign in first) > len(first) / 2
    share = 2 * NAMED_SHARE if chinese else NAMED_SHARE
    return len(first) if many and len(set(first)) >= LEAST_FIRST and len(first) >= share * len(values) else 0


def looked_at(source: Source, columns: Sequence[str]) -> Iterator[Looked]:
    """The different values of each column that can hold a person's, in the order of ``columns``."""
    table = raw_relation(source.table)
    asked = {column: _as_asked(table[column]) for column in columns}
    wanted = {column: value for column, value in asked.items() if value is not None}
    number = _different(source, wanted)
    for column, value in wanted.items():
        if number[column]:
            yield _read(source, column, value, number[column])


def _as_asked(column: ir.Value) -> Any:
    """Texts as they are, whole numbers of nine digits and more as numbers; None for a column that has neither."""
    import ibis

    dtype, kind = column.type(), kind_of(column)
    if kind == "text" and not dtype.is_uuid():
        return column if dtype.is_string() else column.cast("string")
    if kind != "number":
        return None
    if dtype.is_integer():
        return ibis.ifelse(column >= _LEAST_DIGITS, column, ibis.null(dtype))
    near = column.cast("float64")
    fits = (near >= _LEAST_DIGITS) & (near < 9e15) & (near == near.floor())
    return ibis.ifelse(fits, near, ibis.null("float64")).cast("int64")


def _different(source: Source, wanted: dict[str, Any]) -> dict[str, int]:
    """About how many different values each column has: counted by a sketch where the engine has one, the same in any
    order of rows."""
    if not wanted:
        return {}
    counts = {
        f"c{i}": value.approx_nunique() if source.engine == "duckdb" else value.nunique()
        for i, value in enumerate(wanted.values())
    }
    row = source.rows(raw_relation(source.table).aggregate(**counts))[0]
    return {column: int(row[i] or 0) for i, column in enumerate(wanted)}


def _read(source: Source, column: str, value: Any, number: int) -> Looked:
    texts = raw_relation(source.table).select(value=value)
    sql = f"SELECT DISTINCT value FROM ({source.backend.compile(texts)}) AS texts WHERE value IS NOT NULL"
    whole = number <= MOST_LABELS
    if not whole:
        times = 1 << max(1, (number // SAMPLE).bit_length())
        drawn = f"hash(value) < {(1 << 64) // times}"
        if source.engine != "duckdb":
            drawn = f"(hashtextextended(CAST(value AS text), 0) & {times - 1}) = 0"
        sql += f" AND {drawn}"
    rows = source.rows(f"{sql} LIMIT {8 * MOST_LABELS}")
    values = tuple(sorted({plain(row[0]) for row in rows}))
    digits = sum(bool(re.fullmatch(r"[\d -]+", one)) for one in values) > len(values) / 2
    return Looked(column, values, digits, whole)

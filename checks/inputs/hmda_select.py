"""The SQL that reads register files: legal cells become values, any other cell is an error.

One pass must do it, since a national year has ten million lines. The cells of a column that the
contract names are read as text and compared with the column's codes, or with the form of its
numbers, to the letter. A coded column that it does not name is only looked after: its cells are
read as whole numbers, which costs less than text, and must be among the column's codes; a
spelling such as 01 or 1.0 passes there. Numbers and identifiers that nobody names stay unread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from checks.inputs.files import literally, quoted
from checks.inputs.hmda_columns import BLANK, RegisterColumn
from checks.inputs.hmda_faults import Header

EXEMPT = "squaredeal_exempt"


def select_of(
    files: Iterable[str], header: Header, used: Collection[RegisterColumn], columns: Iterable[RegisterColumn]
) -> str:
    """A SELECT of the used columns, typed, and of ``EXEMPT``: a bit for each of ``can_be_exempt`` that is.

    It fails where a cell of ``columns`` is illegal; in which line the engine does not say.
    """
    names = "[" + ", ".join(quoted(literally(file)) for file in files) + "]"
    whole = {column.name for column in columns if column.numbers and column not in used}
    types = ", ".join(f"{quoted(name)}: '{'USMALLINT' if name in whole else 'VARCHAR'}'" for name in header.names)
    nulls = "[" + ", ".join(map(quoted, BLANK)) + "]"
    reader = (
        f"read_csv({names}, auto_detect = false, hive_partitioning = false, header = true, "
        f"delim = {quoted(header.delimiter)}, quote = '\"', "
        f"escape = '\"', comment = '', nullstr = {nulls}, columns = {{{types}}})"
    )
    illegal = " OR ".join(_outside(column) if column.name in whole else _illegal(column) for column in columns)
    values = ", ".join(f'{_value(column)} AS "{column.name}"' for column in used)
    guard = f"CASE WHEN {illegal} THEN error('a cell that cannot be read') ELSE true END"
    return f"SELECT {values}, {_exempt_bits(used)} AS {EXEMPT} FROM {reader} WHERE {guard}"


def can_be_exempt(used: Iterable[RegisterColumn]) -> list[RegisterColumn]:
    """The columns whose cells need not be reported by everybody, in the order of their bits."""
    return [column for column in used if column.exempt]


def _illegal(column: RegisterColumn) -> str:
    """Whether a text is illegal; NULL, which counts as no, where it is missing."""
    name = f'"{column.name}"'
    if not column.pattern:
        return f"{name} NOT IN ({_list(column.words)})"
    formed = f"regexp_full_match({name}, {quoted(column.pattern)})"
    if column.kind == "year":
        return f"NOT coalesce({formed}, false)"
    return f"NOT {formed}" + (f" AND {name} <> {quoted(column.exempt)}" if column.exempt else "")


def _outside(column: RegisterColumn) -> str:
    """Whether a whole number is none of the codes: outside of every run of them."""
    runs: list[list[int]] = []
    for number in column.numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return "(" + " AND ".join(f'"{column.name}" NOT BETWEEN {low} AND {high}' for low, high in runs) + ")"


def _value(column: RegisterColumn) -> str:
    """The cell as a number, a flag or a text, NULL where it is missing."""
    cell = f'"{column.name}"'
    if column.kind == "flag":
        return f"CASE {cell} WHEN '1' THEN true WHEN '2' THEN false END"
    if column.kind == "year":
        return f"CAST({cell} AS SMALLINT)"
    value = f"CAST({cell} AS DOUBLE)" if column.kind == "number" else cell
    nothing = (*column.unknown, *((column.exempt,) if column.exempt else ()))
    return f"CASE WHEN {cell} IN ({_list(nothing)}) THEN NULL ELSE {value} END" if nothing else value


def _exempt_bits(used: Iterable[RegisterColumn]) -> str:
    bits = [
        f'CASE WHEN "{column.name}" = {quoted(str(column.exempt))} THEN {1 << i} ELSE 0 END'
        for i, column in enumerate(can_be_exempt(used))
    ]
    return f"CAST({' + '.join(bits) or '0'} AS UBIGINT)"


def _list(texts: Sequence[str]) -> str:
    return ", ".join(map(quoted, texts))

"""What a file's columns look like: kind, range, share missing, different values; read from a bounded draw of rows.

Values of a column that looks personal are not kept, nor is any value that alone looks personal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checks.inputs.duckdb_source import RAW, opened_rows
from checks.inputs.program import AuditProgram
from checks.personal_data import Looked, suspicions
from checks.personal_kinds import looks_personal, plain

MOST_ROWS, WIDE, MOST_VALUES, MOST_LOOKED = 200_000, 300, 40, 2000
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?HUGEINT|DECIMAL.*|FLOAT|DOUBLE)$")
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the rows that were looked at.

    ``kind``: number, text, boolean, time or other. ``whole``: all numbers are whole. ``values``: the different values
    with their numbers, the most frequent first, where there are at most ``MOST_VALUES`` and none looks personal.
    ``personal``: kinds of personal data that its values or its name look like.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int
    low: float | None = None
    high: float | None = None
    middle: float | None = None
    whole: bool = False
    values: tuple[tuple[str, int], ...] = ()
    personal: tuple[str, ...] = ()

    @property
    def unique(self) -> bool:
        """Every row has a value of its own."""
        return self.rows > 0 and self.missing == 0 and self.distinct == self.rows

    @property
    def labels(self) -> tuple[str, ...]:
        """The different values as texts."""
        return tuple(value for value, _ in self.values)

    @property
    def binary(self) -> bool:
        """Two values, such as a flag."""
        return len(self.values) == 2 and self.distinct == 2


@dataclass(frozen=True, slots=True)
class Profile:
    """Columns in the order of the file; ``rows`` of the file, ``looked`` of them looked at.

    ``missing_by`` holds for a column with gaps and a column of two or three values the share missing beside each value.
    """

    columns: tuple[Column, ...]
    rows: int
    looked: int
    missing_by: dict[tuple[str, str], dict[str, float]]

    def column(self, name: str) -> Column:
        """The column of a name."""
        return next(column for column in self.columns if column.name == name)


def read_profile(program: AuditProgram) -> Profile:
    """Look at the files of a program's source. Raises ``InputError`` where they cannot be read as a table."""
    with opened_rows(program) as connection:
        described = connection.raw_sql(f"DESCRIBE {RAW}").fetchall()
        names = [str(row[0]) for row in described]
        kinds = [_kind(str(row[1])) for row in described]
        rows = int(connection.raw_sql(f"SELECT count(*) FROM {RAW}").fetchone()[0])
        most = MOST_ROWS if len(names) <= WIDE else MOST_ROWS * WIDE // (10 * len(names))
        draw = "" if rows <= most else f" USING SAMPLE reservoir({most} ROWS) REPEATABLE (1)"
        connection.raw_sql(f"CREATE TEMP TABLE looked AS SELECT * FROM {RAW}{draw}")
        looked = min(rows, most)
        columns: list[Column] = []
        for start in range(0, len(names), _CHUNK):
            columns += _columns(connection, names[start : start + _CHUNK], kinds[start : start + _CHUNK], looked)
        if rows > looked:
            columns = [_over_all(connection, column, rows) for column in columns]
        return Profile(tuple(columns), rows, looked, _missing_by(connection, columns))


def identifier(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def _kind(dtype: str) -> str:
    if _NUMBERS.match(dtype):
        return "number"
    if dtype == "BOOLEAN":
        return "boolean"
    if dtype.startswith(("DATE", "TIMESTAMP")):
        return "time"
    return "text" if dtype.startswith(("VARCHAR", "ENUM", "UUID")) else "other"


def _columns(connection: Any, names: Sequence[str], kinds: Sequence[str], looked: int) -> list[Column]:
    asked = []
    for name, kind in zip(names, kinds, strict=True):
        column = identifier(name)
        if kind == "number":
            number = f"CASE WHEN isfinite(CAST({column} AS DOUBLE)) THEN CAST({column} AS DOUBLE) END"
            asked += [f"count({number})", f"count(DISTINCT {column})", f"min({number})", f"max({number})",
                      f"approx_quantile({number}, 0.5)", f"bool_and({number} = floor({number}))"]  # fmt: skip
        else:
            asked += [f"count({column})", f"count(DISTINCT CAST({column} AS VARCHAR))", *["NULL"] * 4]
    row = connection.raw_sql(f"SELECT {', '.join(asked)} FROM looked").fetchone()
    found = []
    for i, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        there, distinct, low, high, middle, whole = row[6 * i : 6 * i + 6]
        personal, values = _values(connection, name, kind, distinct)
        found.append(Column(
            name, kind, looked, looked - there, distinct, low, high, middle, bool(whole), values, personal,
        ))  # fmt: skip
    return found


def _values(
    connection: Any, name: str, kind: str, distinct: int
) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """The kinds of personal data of a column, and its values where they may be shown."""
    if kind not in ("number", "text", "boolean") or not distinct:
        return ("name",) if looks_personal(name) else (), ()
    rows = connection.raw_sql(
        f"SELECT CAST({identifier(name)} AS VARCHAR) AS value, count(*) AS n FROM looked "
        f"WHERE {identifier(name)} IS NOT NULL GROUP BY 1 ORDER BY n DESC, value LIMIT {MOST_LOOKED}"
    ).fetchall()
    personal: list[str] = ["name"] if looks_personal(name) else []
    if kind == "number":  # as the checks do: whole numbers, from nine digits on
        rows = [(_short(value, kind), n) for value, n in rows]
    long = all(re.fullmatch(r"-?\d+", row[0]) for row in rows) and any(len(row[0]) >= 9 for row in rows)
    if kind == "text" or (kind == "number" and long):
        texts = tuple(sorted({plain(row[0]) for row in rows}))
        digits = sum(bool(re.fullmatch(r"[\d -]+", one)) for one in texts) > len(texts) / 2
        few = len(rows) <= MOST_VALUES
        looked = Looked(name, texts, digits, distinct <= MOST_LOOKED)
        personal += [one.kind for one in suspicions(looked, few)]
    if personal or len(rows) > MOST_VALUES or any(_untold(row[0], kind) for row in rows):
        return tuple(dict.fromkeys(personal)), ()
    return (), tuple((str(row[0]), int(row[1])) for row in rows)


def _untold(value: str, kind: str) -> bool:
    """A value that is not written into a program: it looks personal, or is no label."""
    return len(value) > 100 or (looks_personal(value) if kind != "number" or "." not in value else False)


def _short(value: str, kind: str) -> str:
    """A whole number without its point: what a program writes."""
    return value.removesuffix(".0") if kind == "number" else value


def _over_all(connection: Any, column: Column, rows: int) -> Column:
    """Whether a column that is unique in the draw is so in the file, by a sketch that errs by a few per cent."""
    from dataclasses import replace

    if not column.unique:
        return column
    found = connection.raw_sql(f"SELECT approx_count_distinct({identifier(column.name)}) FROM {RAW}").fetchone()[0]
    return column if found > 0.85 * rows else replace(column, distinct=max(1, int(column.rows * found / rows)))


def _missing_by(connection: Any, columns: Sequence[Column]) -> dict[tuple[str, str], dict[str, float]]:
    gaps = [column for column in columns if 0 < column.missing < column.rows and 2 <= column.distinct <= 6][:20]
    sides = [column for column in columns if 2 <= column.distinct <= 6 and column.values and not column.missing][:20]
    found = {}
    for gap in gaps:
        for side in sides:
            rows = connection.raw_sql(
                f"SELECT CAST({identifier(side.name)} AS VARCHAR), "
                f"avg(CAST({identifier(gap.name)} IS NULL AS INTEGER)) FROM looked GROUP BY 1"
            ).fetchall()
            found[gap.name, side.name] = {_short(str(value), side.kind): float(share) for value, share in rows}
    return found

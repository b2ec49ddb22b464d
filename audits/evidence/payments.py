"""Schedules of payments beside a program: dated cash flows by loan, from a file of their own.

The file is read once and sorted by loan; each batch of loans then finds its flows by their keys.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.foreign_text import told_of
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import LARGEST_AMOUNT
from checks.inputs.quiet_engine import quieted
from checks.problem import InputError, Problem, listed, suggest
from checks.unavailable import silent_or

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
    "DOUBLE",
}  # fmt: skip
# a whole number as a source's key would be written, without noughts before it or after its point
_WHOLE = (
    "CASE WHEN regexp_full_match({key}, '-?[0-9]{{1,30}}([.]0+)?') "
    "THEN CAST(CAST(regexp_extract({key}, '^-?[0-9]+') AS hugeint) AS varchar) ELSE {key} END"
)


@dataclass(frozen=True, slots=True)
class Flows:
    """Flows ``offsets[k]:offsets[k + 1]`` belong to loan k of a batch, in order of day; ``bad`` loans have a faulty
    one."""

    offsets: NDArray[np.int64]
    days: NDArray[np.datetime64]
    amounts: NDArray[np.float64]
    bad: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Schedule:
    """An open file of payments."""

    connection: Any

    def of(self, units: Any) -> Flows:
        """The flows of the loans with these keys (an Arrow array of text, in the batch's order)."""
        import numpy as np
        import pyarrow as pa

        asked = pa.table({"loan": units, "place": pa.array(np.arange(len(units)))})
        self.connection.register("asked", asked)
        found = self.connection.execute(
            "SELECT a.place, p.day, p.amount, p.fine FROM asked a JOIN payments p ON p.loan = a.loan "
            "ORDER BY a.place, p.day, p.amount"
        ).fetchnumpy()
        self.connection.execute("INSERT INTO seen SELECT loan FROM asked")
        self.connection.unregister("asked")
        places = np.ma.filled(found["place"], -1).astype(np.int64)
        offsets = np.searchsorted(places, np.arange(len(units) + 1))
        fine = np.ma.filled(found["fine"], False).astype(bool)
        bad = np.zeros(len(units), dtype=bool)
        bad[places[~fine]] = True
        days = np.ma.filled(found["day"], np.datetime64("NaT")).astype("datetime64[D]")
        return Flows(offsets, days, np.ma.filled(found["amount"], np.nan).astype(float), bad)

    def stray(self) -> int:
        """Payments of loans that no batch has asked for."""
        found = self.connection.execute(
            "SELECT count(*) FROM payments p ANTI JOIN seen s ON s.loan = p.loan"
        ).fetchall()
        return int(found[0][0])


@contextlib.contextmanager
def scheduled(contract: DataContract, home: Path, folder: Path, *, numbered: bool = False) -> Iterator[Schedule | None]:
    """Open the contract's file of payments, None where it names none; ``numbered`` says that loans' keys are numbers.

    Days are written as ISO 8601 has them: no other order of day and month is guessed. Raises ``InputError`` for a file
    that cannot be read or lacks a column, and for payments of no loan.
    """
    import duckdb

    asked = contract.payments
    if asked is None:
        yield None
        return
    file = home / asked.file
    connection = duckdb.connect(str(folder / "payments.duckdb"))
    try:
        connection.execute("SET TimeZone = 'UTC'")
        quieted(connection.execute)
        try:
            connection.execute(f"CREATE VIEW raw AS SELECT * FROM {_reader(file)}")
            kinds = {row[0]: row[1] for row in connection.execute("DESCRIBE raw").fetchall()}
            _check(asked, file, list(kinds))
            loan, at, amount = (_quoted(column) for column in (asked.loan, asked.at, asked.amount))
            key = f"CAST({loan} AS varchar)"
            if numbered or kinds[asked.loan] in _NUMBERS:
                key = _WHOLE.format(key=key)
            connection.execute(
                f"CREATE TABLE payments AS SELECT *, day IS NOT NULL AND coalesce(abs(amount) < {LARGEST_AMOUNT}, "
                f"false) AS fine FROM (SELECT {key} AS loan, TRY_CAST(TRY_CAST({at} AS timestamp) AS date) AS day, "
                f"TRY_CAST({amount} AS double) AS amount FROM raw) ORDER BY loan, day"
            )
            _check_keys(connection, file, asked.loan)
            connection.execute("CREATE TABLE seen (loan varchar)")
        except duckdb.Error as error:
            reason = told_of(error)
            raise silent_or(InputError(Problem(
                str(file), f"payments that cannot be read: {reason}",
                "a CSV or Parquet file with a row for each payment",
                "open the file by hand and check its format",
            )), error) from None  # fmt: skip
        yield Schedule(connection)
    finally:
        connection.close()


def payments_digest(contract: DataContract, home: Path) -> str | None:
    """Digest of the file of payments; None where there is none to read."""
    if contract.payments is None:
        return None
    try:
        with (home / contract.payments.file).open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except OSError:
        return None


def _reader(file: Path) -> str:
    """What reads a file, a CSV as the text that it is."""
    name = "'" + str(file).replace("'", "''") + "'"
    plain = file.name.lower().removesuffix(".gz").removesuffix(".zst")
    if plain.endswith((".csv", ".tsv", ".txt")):
        return f"read_csv({name}, all_varchar = true, header = true, comment = '')"
    return name


def _check_keys(connection: Any, file: Path, column: str) -> None:
    """A payment of no loan would make some loan look cheaper than it is."""
    without = connection.execute("SELECT count(*) FROM payments WHERE loan IS NULL").fetchall()[0][0]
    if without:
        raise InputError(Problem(
            file.name, f"{without:,} payments without a value in '{column}'", "the key of a loan with each payment",
            "complete these rows, or remove them where they belong to no loan",
        ))  # fmt: skip


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _check(asked: Any, file: Path, columns: list[str]) -> None:
    problems = [
        Problem(
            f"{file.name}", f"no column '{name}'", f"one of {listed(columns, 20)}", suggest(name, columns)
        )
        for name in (asked.loan, asked.at, asked.amount) if name not in columns
    ]  # fmt: skip
    if problems:
        raise InputError(problems)

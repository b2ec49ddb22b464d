"""Schedules of payments beside a program: dated cash flows by loan, from a file of their own.

The file is read once and sorted by loan; each batch of loans then finds its flows by their keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import LARGEST_AMOUNT
from checks.problem import InputError, Problem, listed, suggest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        self.connection.unregister("asked")
        places = np.ma.filled(found["place"], -1).astype(np.int64)
        offsets = np.searchsorted(places, np.arange(len(units) + 1))
        fine = np.ma.filled(found["fine"], False).astype(bool)
        bad = np.zeros(len(units), dtype=bool)
        bad[places[~fine]] = True
        days = np.ma.filled(found["day"], np.datetime64("NaT")).astype("datetime64[D]")
        return Flows(offsets, days, np.ma.filled(found["amount"], np.nan).astype(float), bad)


@contextlib.contextmanager
def scheduled(contract: DataContract, home: Path, folder: Path) -> Iterator[Schedule | None]:
    """Open the contract's file of payments, None where it names none.

    Raises ``InputError`` for a file that cannot be read or lacks a column.
    """
    import duckdb

    asked = contract.payments
    if asked is None:
        yield None
        return
    file = home / asked.file
    connection = duckdb.connect(str(folder / "payments.duckdb"))
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        name = str(file).replace("'", "''")
        try:
            connection.execute(f"CREATE VIEW raw AS SELECT * FROM '{name}'")
            columns = [row[0] for row in connection.execute("DESCRIBE raw").fetchall()]
            _check(asked, file, columns)
            loan, at, amount = (_quoted(column) for column in (asked.loan, asked.at, asked.amount))
            connection.execute(
                f"CREATE TABLE payments AS SELECT *, day IS NOT NULL AND abs(amount) < {LARGEST_AMOUNT} AS fine FROM "
                f"(SELECT CAST({loan} AS varchar) AS loan, TRY_CAST({at} AS date) AS day, "
                f"TRY_CAST({amount} AS double) AS amount FROM raw WHERE {loan} IS NOT NULL) ORDER BY loan, day"
            )
        except duckdb.Error as error:
            reason = " ".join(str(error).split())[:400]
            raise InputError(Problem(
                str(file), f"payments that cannot be read: {reason}",
                "a CSV or Parquet file with a row for each payment",
                "open the file by hand and check its format",
            )) from None  # fmt: skip
        yield Schedule(connection)
    finally:
        connection.close()


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

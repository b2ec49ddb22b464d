"""What each loan costs a year: rows in, a local relation with the solved columns out, for as long as evidence is
collected.

No engine solves for a rate, so that here, and in samples alone, rows leave the source: the columns that some question
names and those that say what a loan costs, in batches, into a Parquet file that only its owner may read. It lies in the
staging folder and is removed when the evidence has been collected. Everything after that is collected from it with the
same aggregates as from any source.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from audits.evidence.loan_cost_columns import INPUTS, solved_columns
from audits.evidence.needs import CensusNeed, Need, names_of, of_kind
from audits.evidence.payments import Schedule, scheduled
from checks.foreign_text import told_of
from checks.inputs import loan_columns as names
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import SOLVED
from checks.inputs.loan_excess import Limits, cap_inputs, caps
from checks.inputs.loan_rows import Loans
from checks.inputs.prepared import as_text, group_column
from checks.inputs.quiet_engine import quieted
from checks.inputs.source import RELATION, Source
from checks.problem import InputError, Problem
from checks.unavailable import silent_or

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 200_000
LOCAL_COPY = ".loans-"
_WANTED = set(SOLVED)


class LoanCosts:
    """The source, and beside it the relation with solved columns, made once when a need first asks for it.

    A failure to make it is told again to whoever needs it, and costs nobody else its answer.
    """

    def __init__(
        self, source: Source, needs: Iterable[Need], program_folder: Path, staging: Path,
        limits: Limits = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """``limits`` are those of rules on each measure: what lies beyond a capped rate is solved in money too."""
        self._source, self._needs, self._home = source, tuple(needs), program_folder
        self._staging, self._limits = staging, limits
        self.stray = 0  # payments of loans that the source does not have
        self._folder: Path | None = None
        self._solved: Source | None = None
        self._failure: Exception | None = None

    def __enter__(self) -> LoanCosts:
        return self

    def __exit__(self, *_: object) -> None:
        if self._solved is not None:
            self._solved.backend.disconnect()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def serve(self, needs: Iterable[Need]) -> Source:
        """The source that has all columns that these needs name."""
        if not any(_WANTED & set(names_of(need)) for need in needs):
            return self._source
        if self._failure is not None:
            raise self._failure
        if self._solved is None:
            try:
                self._solved = self._solve()
            except Exception as error:
                self._failure = error
                raise
        return self._solved

    def _solve(self) -> Source:
        self._folder = Path(tempfile.mkdtemp(prefix=LOCAL_COPY, dir=self._staging))  # mkdtemp shuts it to others
        contract = self._source.contract
        if contract is None:
            raise ValueError("loans cannot be solved without the contract that the source was prepared by")
        file = self._folder / "loans.parquet"
        numbered = contract.unit is not None and self._source.table[contract.unit].type().is_numeric()
        with scheduled(contract, self._home, self._folder, numbered=numbered) as schedule:
            kept = _kept(self._source, contract, self._needs)
            wanted = caps((need.measure for need in of_kind(self._needs, CensusNeed)), self._limits)
            _write(self._source, contract, kept, schedule, file, wanted)
            self.stray = schedule.stray() if schedule else 0
        return _opened(self._source, file)


def _kept(source: Source, contract: DataContract, needs: Iterable[Need]) -> list[str]:
    """The relation's columns that a need or a figure of loans may ask for."""
    asked = {name for need in needs for name in names_of(need)}
    others = (contract.unit, contract.entity, contract.time, contract.loan_form.currency_column)
    asked |= {*contract.loan.values(), *filter(None, others)}
    asked |= {group_column(group.name) for group in contract.groups}
    return [name for name in source.table.columns if name in asked or name.startswith("squaredeal_")]


def _write(
    source: Source, contract: DataContract, kept: list[str], schedule: Schedule | None, file: Path,
    wanted: Sequence[tuple[str, float]],
) -> None:  # fmt: skip
    """Read the rows in batches, solve each and write it with its solved columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = source.table.select([*(_plain(source.table[name]).name(name) for name in kept),
                                *_inputs(source, contract), *_capped(source, contract, wanted)])  # fmt: skip
    writer = None
    file.touch(mode=0o600)
    try:
        for batch in _batches(source, rows):
            costs = solved_columns(batch, contract, schedule, wanted)
            table = pa.table({**{name: batch.column(name) for name in kept}, **costs})
            writer = writer or pq.ParquetWriter(file, table.schema, compression="lz4", use_dictionary=False)
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()


def _plain(column: Any) -> Any:
    """Decimals as floats, labels of a closed set as text: types that any batch has alike."""
    dtype = column.type()
    if dtype.is_decimal():
        return column.cast("float64")
    if dtype.is_timestamp() and dtype.timezone:
        return column.cast("timestamp")
    return column.cast("string") if not (dtype.is_primitive() or dtype.is_string() or dtype.is_temporal()) else column


def _inputs(source: Source, contract: DataContract) -> list[Any]:
    """The columns that say what a loan costs, under names of their own; absent ones NULL."""
    import ibis

    table, loan = source.table, contract.loan
    found = []
    for key in INPUTS:
        column = table[loan[key]] if key in loan else None
        value = ibis.null("float64") if column is None else names.number(column)
        found.append(value.name(f"squaredeal_in_{key}"))
    days = {"granted": names.granted_on(contract), "due": loan.get("first_due_at")}
    for name, held in days.items():
        day = table[held].cast("date") if held else ibis.null("date")
        found.append(day.name(f"squaredeal_in_{name}"))
    unit = as_text(table[contract.unit]) if contract.unit else ibis.null("string")
    many = names.instalments({name: table[name] for name in table.columns}, contract)
    fault = table[names.FAULT].name("squaredeal_in_fault")
    return [*found, unit.name("squaredeal_in_unit"), fault, many.name("squaredeal_in_many")]


def _capped(source: Source, contract: DataContract, wanted: Sequence[tuple[str, float]]) -> list[Any]:
    """The capped rates of each loan."""
    return [rate.name(name) for name, rate in cap_inputs(Loans(source.table, contract), wanted).items()]


def _batches(source: Source, rows: Any) -> Iterator[pa.RecordBatch]:
    import duckdb
    import psycopg

    try:
        if source.engine == "duckdb":
            yield from source.backend.con.sql(source.backend.compile(rows)).to_arrow_reader(BATCH)
        else:
            yield from source.backend.to_pyarrow_batches(rows, chunk_size=BATCH)
    except (duckdb.Error, psycopg.Error) as error:
        reason = told_of(error)
        raise silent_or(InputError(Problem(
            source.address, f"the source cannot be read: {reason}", "data that can be read to the end",
            "open the source by hand and look for damaged files, changed columns or withdrawn rights",
        )), error) from None  # fmt: skip


def _opened(source: Source, file: Path) -> Source:
    """The file as a source: the same labels and contract, another engine's place."""
    import ibis

    from checks.inputs.duckdb_source import duckdb_settings

    backend = ibis.duckdb.connect(**duckdb_settings(file.parent))
    quieted(backend.raw_sql)
    table = backend.read_parquet(file, table_name=RELATION)
    prepared = replace(source.prepared, table=table)
    return replace(source, engine="duckdb", backend=backend, relation=RELATION, sqlalchemy_url="", prepared=prepared)

"""Fixtures of the data-check tests: a planted book of loan applications, in Parquet and in Postgres."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from checks.inputs.period import Period
from checks.inputs.program import AuditProgram, read_program
from checks.inputs.source import Source, open_source

ROWS = 20_000
AS_OF = dt.date(2026, 6, 30)
TYPES = {
    "Application ID": "BIGINT", 'Customer "Ref"': "TEXT", "申请结果": "TEXT", "RACE group": "TEXT",
    "Age": "DOUBLE PRECISION", "gender": "TEXT", "income %": "DOUBLE PRECISION", "Loan Amount": "BIGINT",
    "fee": "BIGINT", "Zip:code": "TEXT", "flag": "BOOLEAN", "term": "BIGINT", "offered_on": "DATE",
    "decided_on": "TIMESTAMP", "it's ref": "TEXT",
    "race": "TEXT",
}  # fmt: skip

CONTRACT = """
  unit: Application ID
  entity: 'Customer "Ref"'
  time: decided_on
  decision: {column: 申请结果, favourable: [approved], unfavourable: [denied], excluded: [withdrawn]}
  groups:
    race: {column: RACE group, labels: {A: group a, B: group b, C: group c}, reference: group a}
    age: {column: Age, bands: [25, 40, 62], reference: 25-39}
    gender: {column: gender, reference: m}
  controls: ['income %', Loan Amount]
  features: [flag]
  columns:
    Application ID: {type: integer}
    'income %': {type: number, min: 0, max: 1000000, null_tolerance: 0.003}
    Loan Amount: {type: integer, min: 100, max: 100000}
    RACE group: {type: text}
    'Zip:code': {matches: '[0-9]{5}', type: text}
    flag: {type: boolean}
    term: {type: integer, values: [12, 24, 36], on_failure: warn}
    offered_on: {type: date, min: 2025-01-01, max: 2026-06-30}
    decided_on: {type: date, max: 2026-06-30}
    it's ref: {unique: true}
  pairs:
    - {left: offered_on, relation: '<=', right: decided_on}
    - {left: Loan Amount, relation: '>', right: fee}
    - {left: fee, relation: '!=', right: term, on_failure: warn}
    - {left: Zip:code, relation: '==', right: Zip:code}
  freshness: {within_days: 31}
"""
CHECKS = """
  - expect_table_row_count_to_be_between: {min_value: 1000, max_value: 100000}
  - expect_column_mean_to_be_between: {column: 'income %', min_value: 1000, max_value: 90000}
  - expect_column_median_to_be_between: {column: Loan Amount, min_value: 1000, max_value: 60000}
  - expect_column_stdev_to_be_between: {column: Loan Amount, min_value: 1, max_value: 60000}
  - expect_column_sum_to_be_between: {column: fee, min_value: 1}
  - expect_column_min_to_be_between: {column: fee, min_value: 1, max_value: 12}
  - expect_column_max_to_be_between: {column: fee, max_value: 99}
  - expect_column_values_to_not_be_in_set: {column: gender, value_set: [x, z]}
  - expect_column_value_lengths_to_equal: {column: 'Zip:code', value: 5}
  - expect_column_value_lengths_to_be_between: {column: gender, min_value: 1, max_value: 3}
  - expect_column_proportion_of_unique_values_to_be_between: {column: 'RACE group', max_value: 0.01}
  - expect_column_distinct_values_to_be_in_set: {column: term, value_set: [12, 24, 36, 48]}
  - expect_column_most_common_value_to_be_in_set: {column: 'RACE group', value_set: [A]}
  - expect_compound_columns_to_be_unique: {column_list: [Application ID, term]}
  - expect_column_values_to_not_match_regex: {column: 'Zip:code', regex: '^0{5}$'}
  - expect_column_pair_values_to_be_equal: {column_A: fee, column_B: fee}
  - expect_column_quantile_values_to_be_between:
      {column: fee, quantile_ranges: {quantiles: [0.5], value_ranges: [[1, 99]]}}
"""
AWKWARD_NAMES = (
    'a "quoted" name', '"all quoted"', "it's", "UPPER Case", "50%", "%s", "%(x)s", "a:b", ":x", "$1", "?", "a.b",
    "{batch}", "select", "婚姻 状况", "back\\slash", "--", "a;b", " padded ", "[0]",
)  # fmt: skip


def awkward_frame() -> tuple[pd.DataFrame, str]:
    """A frame whose column names are traps for SQL, and a contract that checks every column in every way."""
    frame = pd.DataFrame({name: [1, 2, 3, 4] for name in AWKWARD_NAMES}).assign(race=["a", "b", "a", "b"])
    rule = {"min": 1, "max": 3, "values": [1, 2, 3], "unique": True, "type": "integer"}
    rules = dict.fromkeys(AWKWARD_NAMES, rule)
    contract = {"groups": {"race": {"column": "race", "reference": "a"}}, "columns": rules}
    return frame, " " + json.dumps(contract, ensure_ascii=False) + "\n"


def clean_frame(rows: int = ROWS) -> pd.DataFrame:
    """Applications that keep the contract. Some values are missing, within what it tolerates."""
    random = np.random.default_rng(7)
    offered = pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 500, rows), unit="D")
    decided = offered + pd.to_timedelta(random.integers(0, 30 * 86_400, rows), unit="s")
    decided = decided.where(decided < "2026-06-30", offered)
    income = random.lognormal(10, 0.5, rows).round(2)
    income[random.choice(rows, rows * 3 // 1000, replace=False)] = np.nan
    return pd.DataFrame({
        "Application ID": np.arange(1, rows + 1),
        'Customer "Ref"': [f"customer {i}" for i in random.integers(0, rows, rows)],
        "申请结果": random.choice(["approved", "denied", "withdrawn"], rows, p=[0.6, 0.35, 0.05]),
        "RACE group": random.choice(["A", "B", "C"], rows, p=[0.6, 0.3, 0.1]),
        "Age": random.integers(18, 90, rows).astype(float),
        "gender": random.choice(["m", "f"], rows),
        "income %": np.minimum(income, 999_999),
        "Loan Amount": random.integers(100, 50_000, rows),
        "fee": random.integers(1, 12, rows),
        "Zip:code": [f"{i:05d}" for i in random.integers(1, 99_999, rows)],
        "flag": random.random(rows) < 0.5,
        "term": random.choice([12, 24, 36], rows),
        "offered_on": offered.date,
        "decided_on": decided,
        "it's ref": [f"ref {i}" for i in range(rows)],
    })  # fmt: skip


def write_program(folder: Path, source: str, contract: str = CONTRACT, checks: str = CHECKS) -> AuditProgram:
    """A program file around a contract, read."""
    text = f"program: planted\nsource: {source}\ncontract:{contract}"
    text += f"checks:{checks}" if checks else ""
    file = folder / "planted.yaml"
    file.write_text(text + "audits:\n  primary: [fair_lending.approval]\npolicies: [conventions]\n", encoding="utf-8")
    return read_program(file)


OpenedFrame = Callable[..., AbstractContextManager[tuple[Source, AuditProgram]]]


@pytest.fixture
def opened(tmp_path: Path) -> OpenedFrame:
    """Opens a frame as a Parquet source: ``with opened(frame, contract=…, checks=…) as (source, program)``."""

    @contextmanager
    def open_frame(
        frame: pd.DataFrame, contract: str = CONTRACT, checks: str = CHECKS
    ) -> Iterator[tuple[Source, AuditProgram]]:
        frame.to_parquet(tmp_path / "planted.parquet", index=False)
        program = write_program(tmp_path, "{connection: duckdb://, table: planted.parquet}", contract, checks)
        with open_source(program, Period()) as source:
            yield source, program

    return open_frame


@pytest.fixture
def opened_postgres(tmp_path: Path, postgres_url: str) -> OpenedFrame:
    """Opens a frame as a table of Postgres, read by an account that may only read."""
    import psycopg

    @contextmanager
    def open_frame(
        frame: pd.DataFrame, contract: str = CONTRACT, checks: str = CHECKS
    ) -> Iterator[tuple[Source, AuditProgram]]:
        with psycopg.connect(postgres_url) as connection:
            load(connection, frame)
        reader = postgres_url.replace("postgres@", "reader@")
        program = write_program(tmp_path, f"{{connection: '{reader}', table: planted}}", contract, checks)
        with open_source(program, Period()) as source:
            yield source, program

    return open_frame


def load(connection: object, frame: pd.DataFrame) -> None:
    """Write a frame into the table ``planted``; only ``reader`` may see it and nobody may create anything."""
    names = {name: '"' + name.replace('"', '""') + '"' for name in frame.columns}
    columns = ", ".join(f"{names[name]} {TYPES.get(name, 'BIGINT')}" for name in frame.columns)
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("DROP TABLE IF EXISTS planted")
    cursor.execute(f"CREATE TABLE planted ({columns})")
    if not cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reader'").fetchone():
        cursor.execute("CREATE ROLE reader LOGIN")
    cursor.execute("REVOKE TEMP ON DATABASE postgres FROM PUBLIC")
    cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    cursor.execute("GRANT SELECT ON planted TO reader")
    plain = frame.astype(object).where(frame.notna(), None)
    with cursor.copy("COPY planted FROM STDIN") as copy:
        for row in plain.itertuples(index=False, name=None):
            copy.write_row(row)

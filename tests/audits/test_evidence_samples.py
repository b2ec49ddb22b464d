"""Samples: the rows that hashing by hand in Python would draw, in any order, engine and number of threads."""

from __future__ import annotations

import hashlib
import json
import stat
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.evidence.collect import Evidence, collect
from audits.evidence.needs import SampleNeed
from audits.evidence.samples import _array, collect_sample
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import loans, write_program

NEED = SampleNeed("case", 5, 42, ("case", "burden", "granted"), ("region",))


def opened(folder, data, **source):
    return open_source(read_program(write_program(folder, data, **({"source": source} if source else {}))), Period())


def by_hand(data, need):
    digests = data["case"].map(lambda unit: hashlib.md5(f"{need.seed}:{unit}".encode()).hexdigest())
    return data.assign(d=digests).sort_values(["region", "d"]).groupby("region").head(need.rows)


@pytest.mark.parametrize(("rows", "seed"), [(5, 42), (1, 7), (10_000, 0)])
def test_the_smallest_hashes_of_each_group_are_drawn(tmp_path, rows, seed):
    data = loans(2, 600)
    need = SampleNeed("case", rows, seed, ("case", "burden", "granted"), ("region",))
    with opened(tmp_path, data) as source:
        assert collect_sample(source, need, tmp_path / "restricted" / "s.parquet") == min(2 * rows, 600)
    drawn = pd.read_parquet(tmp_path / "restricted" / "s.parquet")
    oracle = by_hand(data, need)
    assert list(drawn["case"]) == list(oracle["case"])
    np.testing.assert_array_equal(drawn["burden"], oracle["burden"])
    assert list(drawn["group:region"]) == list(oracle["region"])


def test_order_threads_and_engine_leave_every_byte_of_the_sample(tmp_path, monkeypatch, postgres_url):
    data = loans(4, 900)
    contents = set()
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=int(threads))) as source:
            collect_sample(source, NEED, tmp_path / threads / "s.parquet")
        contents.add((tmp_path / threads / "s.parquet").read_bytes())
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS drawn")
        connection.execute('CREATE TABLE drawn ("case" bigint, region text, burden float8, granted int)')
        with connection.cursor().copy("COPY drawn FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(row)
    with opened(tmp_path / "pg", data, connection=postgres_url, table="drawn") as source:
        collect_sample(source, NEED, tmp_path / "pg" / "s.parquet")
    contents.add((tmp_path / "pg" / "s.parquet").read_bytes())
    assert len(contents) == 1


def test_a_sample_lies_apart_from_the_evidence_and_only_its_digest_is_recorded(tmp_path):
    with opened(tmp_path, loans(4, 900)) as source:
        files = collect(source, [NEED], tmp_path / "run" / "evidence", 900)
    sample = next(file for file in files if file.name.startswith("restricted/"))
    path = tmp_path / "run" / sample.name
    assert (sample.rows, sample.digest) == (10, "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "run" / "evidence").iterdir()] == ["scans.json"]
    assert set(json.loads((tmp_path / "run/evidence/scans.json").read_text())) == {"queries", "rows"}
    evidence = Evidence(tmp_path / "run" / "evidence", None)
    assert evidence.sample(NEED).resolve() == path.resolve()
    with pytest.raises(KeyError, match="seed=1"):
        evidence.sample(SampleNeed("case", 5, 1, ("case",)))


def test_another_seed_draws_other_rows_and_none_are_refused(tmp_path):
    data = loans(4, 900)
    with opened(tmp_path, data) as source:
        collect_sample(source, NEED, tmp_path / "a.parquet")
        collect_sample(source, SampleNeed("case", 5, 43, ("case",), ("region",)), tmp_path / "b.parquet")
        with pytest.raises(ValueError, match="0 rows"):
            collect_sample(source, SampleNeed("case", 0, 43, ("case",)), tmp_path / "c.parquet")
    assert set(pd.read_parquet(tmp_path / "a.parquet")["case"]) != set(pd.read_parquet(tmp_path / "b.parquet")["case"])


def database(folder, columns):
    """A DuckDB file of 40 loans with further columns, given in SQL over i."""
    folder.mkdir(parents=True)
    select = f"""SELECT i AS "case", ['north', 'south'][i % 2 + 1] AS region, i % 3 % 2 AS granted, 0.5 AS burden,
        {columns} FROM range(40) AS numbers(i)"""
    with duckdb.connect(str(folder / "loans.db")) as connection:
        connection.execute(f"CREATE TABLE loans AS {select}")
    contract = {
        "unit": "id", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "controls": ["burden"], "strata": ["kind"],
    }  # fmt: skip
    source = {"connection": f"duckdb:///{folder / 'loans.db'}", "table": "loans"}
    return open_source(read_program(write_program(folder, loans(1, 9), contract=contract, source=source)), Period())


@pytest.mark.parametrize(("sql", "values", "types"), [
    ("(12345678901234567890 + i)::DECIMAL(20, 0)", lambda i: Decimal(12345678901234567890 + i), "decimal128(20, 0)"),
    ("(i + 0.0000000001)::DECIMAL(38, 10)", lambda i: i + Decimal("0.0000000001"), "decimal128(38, 10)"),
    ("18446744073709551600::UBIGINT - i::UBIGINT", lambda i: Decimal(18446744073709551600 - i), "decimal128(20, 0)"),
    ("12345678901234567890123456::HUGEINT + i", lambda i: Decimal(12345678901234567890123456 + i),
     "decimal128(38, 0)"),
])  # fmt: skip
def test_identifiers_of_many_digits_keep_every_one(tmp_path, sql, values, types):
    with database(tmp_path / "a", f"{sql} AS id, 'a' AS kind") as source:
        collect_sample(source, SampleNeed("id", 99, 1, ("id",), ("region",)), tmp_path / "s.parquet")
    schema, drawn = pq.read_schema(tmp_path / "s.parquet"), pd.read_parquet(tmp_path / "s.parquet")
    assert str(schema.field("id").type) == types
    assert sorted(drawn["id"]) == sorted(values(i) for i in range(40))


def test_numbers_of_any_length_on_postgres_are_written_as_text(tmp_path, postgres_url):
    digits = "1" + "0" * 40 + ".5"
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS long_numbers")
        connection.execute('CREATE TABLE long_numbers ("case" numeric, region text, burden float8, granted int)')
        connection.execute(f"INSERT INTO long_numbers VALUES ({digits}, 'north', 1, 1), (7, 'south', 1, 0)")
    with opened(tmp_path, loans(1, 9), connection=postgres_url, table="long_numbers") as source:
        collect_sample(source, SampleNeed("case", 9, 1, ("case",)), tmp_path / "s.parquet")
    assert sorted(pd.read_parquet(tmp_path / "s.parquet")["case"]) == [digits, "7"]


def test_enumerations_are_drawn_and_ordered_as_their_texts(tmp_path):
    enum = "ENUM('b', 'a', 'B')"
    drawn = []
    for name, kind in (("enum", f"(['b', 'a', 'B'])[i % 3 + 1]::{enum}"), ("text", "(['b', 'a', 'B'])[i % 3 + 1]")):
        with database(tmp_path / name, f"{kind} AS id, {kind} AS kind") as source:
            need = SampleNeed("id", 9, 1, ("id", "kind"), ("region",), ("kind",))
            collect_sample(source, need, tmp_path / f"{name}.parquet")
        drawn.append(pd.read_parquet(tmp_path / f"{name}.parquet"))
    pd.testing.assert_frame_equal(drawn[0], drawn[1])


def test_decimals_of_more_digits_than_their_type_are_written_as_text():
    assert _array([10**38, None, 5], pa.decimal128(38, 0)).to_pylist() == ["1" + "0" * 38, None, "5"]
    assert _array([10**37, None], pa.decimal128(38, 0)).to_pylist() == [Decimal(10**37), None]

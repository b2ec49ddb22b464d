"""The same program on a real Postgres server and on a file: the same answers.

Figures agree to 1e-12 relative: the sums are exact in both engines, only the arithmetic within a
row may differ in its last bit.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import psycopg
import pytest

from audits.record import Measurement
from checks.inputs.fingerprint import fingerprint
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import loans, run_program, write_program


@pytest.fixture(scope="module")
def server(postgres_url):
    data = loans(11, 3000)
    data.loc[5, "burden"] = np.nan
    data.loc[7, "burden"] = np.inf
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS loans")
        connection.execute('CREATE TABLE loans ("case" bigint, region text, burden float8, granted int)')
        with connection.cursor().copy("COPY loans FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row((int(row.case), row.region, float(row.burden), int(row.granted)))
    return postgres_url, data


def figures(measurement: Measurement) -> tuple[dict, list]:
    fields = asdict(measurement)
    numbers = [fields.pop(name) for name in ("estimate", "low", "high", "p_value", "mde", "standard_error")]
    numbers += fields.pop("details").values()
    return fields, [float("nan") if number is None else number for number in numbers]


@pytest.mark.parametrize("source", [{"table": "loans"}, {"query": "SELECT * FROM loans WHERE region LIKE '%th'"}])
def test_postgres_and_parquet_give_the_same_run(server, tmp_path, source):
    url, data = server
    here, _ = run_program(write_program(tmp_path / "a", data), tmp_path / "out-a")
    there, _ = run_program(
        write_program(tmp_path / "b", data, source={"connection": url, **source}), tmp_path / "out-b"
    )
    assert there.data.fingerprint == here.data.fingerprint
    assert there.checks == here.checks
    assert there.exclusions == here.exclusions
    assert len(there.measurements) == len(here.measurements) > 0
    for one, two in zip(here.measurements, there.measurements, strict=True):
        assert figures(one)[0] == figures(two)[0]
        np.testing.assert_allclose(figures(one)[1], figures(two)[1], rtol=1e-12)


def test_an_airflow_connection_from_the_environment_opens_the_server(server, tmp_path, monkeypatch):
    url, data = server
    monkeypatch.setenv("AIRFLOW_CONN_BANK", url.replace("postgresql://", "postgres://"))
    source = {"connection": "airflow://bank", "table": "public.loans"}
    program = read_program(write_program(tmp_path, data, source=source))
    with open_source(program, Period()) as opened:
        assert opened.rows(opened.table.count()) == [(3000,)]


def test_an_unknown_table_names_the_nearest_one(server, tmp_path):
    url, data = server
    program = read_program(write_program(tmp_path, data, source={"connection": url, "table": "loanz"}))
    with pytest.raises(InputError, match="did you mean 'loans'"), open_source(program, Period()):
        pass


def test_broken_sql_is_a_clear_error(server, tmp_path):
    url, data = server
    program = read_program(write_program(tmp_path, data, source={"connection": url, "query": "SELEC 1"}))
    with pytest.raises(InputError, match="syntax error"), open_source(program, Period()):
        pass


def test_nan_in_a_numeric_column_is_missing_and_all_its_digits_count(server, tmp_path):
    url, _ = server
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS exact")
        connection.execute("CREATE TABLE exact (region text, burden numeric, amount numeric(30, 10), granted int)")
        connection.execute(
            "INSERT INTO exact SELECT CASE WHEN i % 3 = 0 THEN 'south' ELSE 'north' END, "
            "CASE WHEN i = 7 THEN 'NaN'::numeric ELSE i % 10 END, 12345678901234567890.5, (i % 7 < 5)::int "
            "FROM generate_series(1, 600) AS i"
        )
    contract = {
        "decision": {"column": "granted", "favourable": 1}, "controls": ["burden"],
        "columns": {"amount": {"min": 0}}, "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    program = write_program(tmp_path, loans(1, 5), source={"connection": url, "table": "exact"}, contract=contract)
    run, _ = run_program(program, tmp_path / "out")
    (adjusted,) = (m for m in run.measurements if m.measure == "adjusted_approval_gap")
    assert adjusted.n == 599
    assert [e.rows for e in run.exclusions if e.role == "controls.burden"] == [1]
    with psycopg.connect(url) as connection:  # a difference beyond the digits of a float is a difference
        connection.execute("UPDATE exact SET amount = 12345678901234567890.6 WHERE burden = 3")
    again, _ = run_program(program, tmp_path / "out")
    assert again.data.fingerprint != run.data.fingerprint


def test_decimals_have_one_fingerprint_in_both_engines(server, tmp_path):
    import duckdb

    url, _ = server
    rows = (
        "SELECT i AS case, CASE WHEN i % 3 = 0 THEN 'south' ELSE 'north' END AS region, "
        "CAST(i / 8.0 AS numeric(24, 6)) AS amount, CAST(i % 7 < 5 AS int) AS granted"
    )
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS decimals")
        connection.execute(
            f"CREATE TABLE decimals AS {rows.replace('AS case', 'AS id')} FROM generate_series(1, 300) AS t(i)"
        )
    duckdb.sql(
        f"COPY ({rows.replace('AS case', 'AS id')} FROM range(1, 301) AS t(i)) TO '{tmp_path / 'decimals.parquet'}'"
    )
    contract = {
        "decision": {"column": "granted", "favourable": 1}, "columns": {"amount": {"min": 0}},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    prints = []
    for source in ({"connection": url, "table": "decimals"}, {"table": str(tmp_path / "decimals.parquet")}):
        file = write_program(tmp_path / "program", loans(1, 5), source=source, contract=contract)
        with open_source(read_program(file), Period()) as opened:
            assert opened.table["amount"].type().is_decimal()
            prints.append(fingerprint(opened, read_program(file)).digest)
    assert prints[0] == prints[1]

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

"""The gate says the same of the same rows in Postgres as in Parquet, and needs only the right to read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from checks.check_report import CheckReport
from checks.expectations import plan_checks
from checks.gate import opened_batch, outcomes_of, run_checks
from checks.postgres_dialect import named_query_url
from tests.checks.conftest import AS_OF, CONTRACT, OpenedFrame, awkward_frame, clean_frame


def _broken_frame() -> pd.DataFrame:
    frame = clean_frame(3_000)
    frame.loc[:9, "RACE group"] = "D"
    frame["gender"] = frame["gender"].astype(object)
    frame.loc[10:19, "gender"] = None
    frame.loc[20:24, "income %"] = -5.5
    frame.loc[25:28, "income %"] = np.nan
    frame.loc[30:34, "Zip:code"] = ["12%45", "a:b", "Ä", "z", "'"]
    frame.loc[40:41, "it's ref"] = "ref 7"
    frame.loc[50:52, "decided_on"] = pd.Timestamp("2024-01-01 10:00")
    frame.loc[60, "Application ID"] = 1
    frame.loc[70:75, "term"] = [1, 100, 2, 30, 4, 5]
    return frame


def _comparable(report: CheckReport) -> list[tuple[object, ...]]:
    typed = "expect_column_values_to_be_in_type_list"
    return [
        (r.place, r.expectation, r.success, r.on_failure, r.rows, r.unexpected, r.examples, r.remedy)
        + (() if r.expectation == typed else (r.observed,))
        for r in report.results
    ]


@pytest.mark.parametrize("frame", [clean_frame(3_000), _broken_frame()], ids=["clean", "broken"])
def test_postgres_and_duckdb_report_the_same(
    frame: pd.DataFrame, opened: OpenedFrame, opened_postgres: OpenedFrame
) -> None:
    with opened(frame) as (source, program):
        here = run_checks(source, program, AS_OF)
    with opened_postgres(frame) as (source, program):
        assert source.engine == "postgresql"
        there = run_checks(source, program, AS_OF)
    assert _comparable(here) == _comparable(there)
    assert here.fit == there.fit
    assert not any("could not be checked" in result.observed for result in there.results)


def test_clean_rows_in_postgres_are_fit(opened_postgres: OpenedFrame) -> None:
    with opened_postgres(clean_frame(3_000)) as (source, program):
        report = run_checks(source, program, AS_OF)
    assert report.fit
    assert [r for r in report.results if not r.success] == []


def test_account_that_only_reads_is_enough_and_nothing_is_created(opened_postgres: OpenedFrame) -> None:
    with opened_postgres(clean_frame(500)) as (source, program):
        before = source.rows("SELECT count(*) FROM pg_class")
        run_checks(source, program, AS_OF)
        assert source.rows("SELECT has_database_privilege('postgres', 'TEMP')") == [(False,)]
        assert source.rows("SELECT count(*) FROM pg_class") == before


def test_failing_check_on_postgres_leaves_the_others_standing(opened_postgres: OpenedFrame) -> None:
    checks = """
  - expect_column_values_to_match_regex: {column: fee, regex: '^1$'}
  - expect_column_mean_to_be_between: {column: gender, min_value: 1}
"""
    with opened_postgres(clean_frame(500), checks=checks) as (source, program):
        report = run_checks(source, program, AS_OF)
    unchecked = {r.place for r in report.results if "could not be checked" in r.observed}
    assert unchecked == {"checks[0]", "checks[1]"}
    assert all(r.success for r in report.results if r.place.startswith("contract"))


def test_session_is_read_only(opened_postgres: OpenedFrame, postgres_url: str) -> None:
    with opened_postgres(clean_frame(200)) as (source, program):
        planned = plan_checks(program, source.prepared, AS_OF)
        with opened_batch(source) as batch:
            outcomes_of(batch, planned[:2])
            engine = batch.datasource.get_execution_engine().engine
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"


def test_awkward_column_names_are_checked_alike(opened: OpenedFrame, opened_postgres: OpenedFrame) -> None:
    frame, contract = awkward_frame()
    with opened(frame, contract=contract, checks="") as (source, program):
        here = run_checks(source, program, AS_OF)
    with opened_postgres(frame, contract=contract, checks="") as (source, program):
        there = run_checks(source, program, AS_OF)
    assert _comparable(here) == _comparable(there)


def test_secret_and_query_survive_the_url() -> None:
    url = named_query_url("postgresql+psycopg2://u:p%40%24%3A@host/db", "prepared", "(SELECT '$a:%' AS \"x%\") AS p")
    assert "$" not in url
    assert url.startswith("squaredeal_postgres://u:p%40%24%3A@host/db?")


def test_query_with_percent_colon_and_quote_is_checked(opened_postgres: OpenedFrame) -> None:
    frame = clean_frame(2_000)
    with opened_postgres(frame, contract=CONTRACT) as (source, program):
        assert "%" in source.relation
        assert ":" in source.relation
        report = run_checks(source, program, AS_OF)
    assert next(r for r in report.results if r.place == "contract.columns.Zip:code.matches").rows == 2_000


def test_a_folder_of_sockets_in_the_host_s_place_as_airflow_writes_it_serves_every_driver(tmp_path, postgres_url):
    import datetime as dt
    from urllib.parse import quote

    import psycopg

    from checks.gate import run_checks
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source
    from tests.programs import loans, write_program

    data = loans(3, 300)
    with psycopg.connect(postgres_url) as connection:
        connection.execute('DROP TABLE IF EXISTS sockets; CREATE TABLE sockets ("case" int, region text, granted int)')
        with connection.cursor().copy("COPY sockets FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row((int(row.case), row.region, int(row.granted)))
    folder = postgres_url.partition("host=")[2]
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    source = {"connection": "airflow://bank", "table": "sockets"}
    program = read_program(write_program(tmp_path, data, source=source, contract=contract))
    url = f"postgres://postgres@{quote(folder, safe='')}/postgres"
    with open_source(program, Period(), lambda _: url) as opened:
        assert run_checks(opened, program, dt.date(2026, 1, 1)).fit

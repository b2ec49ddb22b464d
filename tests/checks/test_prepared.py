"""The prepared relation: the same cleaning for every engine, and nothing that a name or a value can upset."""

from __future__ import annotations

import csv

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pytest

from checks.inputs.fingerprint import fingerprint
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import loans, run_program, write_program

REGION = {"region": {"column": "region", "reference": "north"}}
DECISION = {"column": "granted", "favourable": 1}


def test_a_text_that_says_it_is_missing_is_no_entity(tmp_path):
    data = loans(3, 3000)
    data["client"] = [["", "nan", "NULL", " "][i % 4] if i % 10 == 0 else f"c{i % 150}" for i in range(len(data))]
    contract = {"entity": "client", "decision": DECISION, "controls": ["burden"], "groups": REGION}
    found = []
    for kind in ("parquet", "csv"):
        file = write_program(tmp_path / kind, data, file=f"loans.{kind}", contract=contract)
        run, _ = run_program(file, tmp_path / "out" / kind)
        found.append(next(m for m in run.measurements if m.measure == "adjusted_approval_gap"))
        assert [e.rows for e in run.exclusions if e.role == "entity"] == [300]
    assert found[0] == found[1]
    assert found[0].counts["group_entities"] <= 135
    assert found[0].counts["largest_entity"] == 20


@pytest.mark.parametrize("label", ["south\r", "so\r\nuth", "so\nuth", 'so"uth', "so\\ruth", "\\N", "s" * 200_000])
def test_any_label_survives_the_files_of_evidence(tmp_path, label):
    data = loans(3, 400)
    data["region"] = data["region"].replace("south", label)
    groups = {"region": {"column": "region", "reference": "north"}}
    file = write_program(tmp_path, data, contract={"decision": DECISION, "groups": groups})
    run, _ = run_program(file, tmp_path / "out")
    (rate,) = (m for m in run.measurements if m.measure == "approval_rate" and m.group != "north")
    assert rate.group == label
    assert rate.counts["decided"] == (data["region"] == label).sum()


def test_labels_that_differ_in_their_line_ends_only_stay_apart(tmp_path):
    data = loans(3, 900)
    data["region"] = np.array(["north", "so\r\nuth", "so\nuth"])[np.arange(900) % 3]
    run, _ = run_program(
        write_program(tmp_path, data, contract={"decision": DECISION, "groups": REGION}), tmp_path / "o"
    )
    rates = {m.group: m.counts["decided"] for m in run.measurements if m.measure == "approval_rate"}
    assert rates == {"north": 300, "so\r\nuth": 300, "so\nuth": 300}
    with open(tmp_path / "o/loans/all/v1/evidence/cells.csv", newline="", encoding="utf-8") as file:
        assert "\r" not in file.read()
        file.seek(0)
        assert len(list(csv.reader(file))) == 7


@pytest.mark.parametrize("name", ["self", "raw", "table", "cls", "exprs", "name"])
def test_a_column_may_bear_the_name_of_an_argument(tmp_path, name):
    data = loans(3, 400).rename(columns={"burden": name})
    contract = {"decision": DECISION, "controls": [name], "groups": REGION}
    run, _ = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out")
    assert next(m for m in run.measurements if m.measure == "adjusted_approval_gap").estimate is not None


@pytest.mark.parametrize("name", ["squaredeal_favourable", "squaredeal_group_region"])
def test_a_column_named_like_one_that_an_audit_adds_is_refused(tmp_path, name):
    data = loans(3, 400).rename(columns={"burden": name})
    file = write_program(tmp_path, data, contract={"decision": DECISION, "controls": [name], "groups": REGION})
    with pytest.raises(InputError, match="like the columns that an audit adds"):
        run_program(file, tmp_path / "out")


@pytest.mark.parametrize("values", [["1.0", "0.0"], ["1", "0"], [1, 0]])
def test_a_declared_value_written_otherwise_than_in_the_data_is_not_called_absent(tmp_path, values):
    data = loans(3, 400)
    data["code"] = (data["region"] == "south").astype(float)
    groups = {"code": {"column": "code", "reference": "0", "values": [str(value) for value in values]}}
    groups["code"]["reference"] = str(values[1])
    run, _ = run_program(
        write_program(tmp_path, data, contract={"decision": DECISION, "groups": groups}), tmp_path / "o"
    )
    assert [e for e in run.exclusions if e.role == "groups.code"] == []
    assert run.data.declared == {"code": ("1", "0")}


def test_infinite_times_and_far_years_are_missing_in_both_engines(tmp_path, postgres_url):
    rows = [(i, "north" if i % 3 else "south", i % 7 < 5, "2026-01-05") for i in range(90)]
    rows[4], rows[8] = (4, "north", True, "infinity"), (8, "south", True, "-infinity")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS timed")
        connection.execute('CREATE TABLE timed ("case" int, region text, granted boolean, decided timestamp)')
        connection.cursor().executemany("INSERT INTO timed VALUES (%s, %s, %s, %s)", rows)
    file = tmp_path / "timed.parquet"
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE timed ("case" int, region text, granted boolean, decided timestamp)')
        connection.executemany("INSERT INTO timed VALUES (?, ?, ?, ?)", rows)
        connection.execute(f"COPY timed TO '{file}' (FORMAT parquet)")
    contract = {"time": "decided", "decision": {"column": "granted", "favourable": True}, "groups": REGION}
    found = []
    for source in ({"connection": postgres_url, "table": "timed"}, {"table": str(file)}):
        program = read_program(write_program(tmp_path / "p", loans(1, 5), source=source, contract=contract))
        with open_source(program, Period()) as opened:
            missing = opened.rows(opened.table.filter(opened.table["decided"].isnull()).count())[0][0]
            found.append((missing, fingerprint(opened, program).digest))
    assert found[0][0] == 2
    assert found[0] == found[1]


def test_large_whole_numbers_are_written_alike_in_both_engines(tmp_path, postgres_url):
    data = pd.DataFrame(
        {"case": 1e15 + np.arange(50.0), "region": ["north", "south"] * 25, "granted": [1, 0, 1, 1, 0] * 10}
    )
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS wide")
        connection.execute('CREATE TABLE wide ("case" float8, region text, granted int)')
        connection.cursor().executemany(
            "INSERT INTO wide VALUES (%s, %s, %s)", [tuple(row) for row in data.astype(object).to_numpy()]
        )
    digests = []
    for source in ({"connection": postgres_url, "table": "wide"}, {"table": "loans.parquet"}):
        contract = {"unit": "case", "decision": DECISION, "groups": REGION}
        program = read_program(write_program(tmp_path, data, source=source, contract=contract))
        with open_source(program, Period()) as opened:
            digests.append(fingerprint(opened, program).digest)
    assert digests[0] == digests[1]

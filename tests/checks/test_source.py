"""Sources: what is read and prepared, and a fingerprint that knows the same data again and no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from checks.inputs.fingerprint import fingerprint
from checks.inputs.period import Period, read_period
from checks.inputs.prepared import FAVOURABLE, group_column
from checks.inputs.program import read_program
from checks.inputs.source import environment_connection, open_source
from checks.problem import InputError

PROGRAM = """\
program: prints
source: {table: 'TABLE'}
contract:
  decision: {column: y, favourable: 1}
  groups:
    g: {column: g, reference: p}
  features: [COLUMNS]
audits: {primary: [fair_lending.approval]}
policies: [us]
"""


@pytest.fixture
def data() -> pd.DataFrame:
    size = 60
    return pd.DataFrame(
        {
            "y": [i % 2 for i in range(size)],
            "g": ["pq"[i % 3 == 0] for i in range(size)],
            "a": [i / 7 for i in range(size)],
            "文": [f"名 {i % 5}" for i in range(size)],
            "unused": range(size),
        }
    )


Print = Callable[..., str]


@pytest.fixture
def print_of(tmp_path: Path) -> Print:
    """The fingerprint of a frame written to a kind of file."""

    def of(frame: pd.DataFrame, file: str = "x.parquet", columns: tuple[str, ...] = ("a", "文")) -> str:
        if file.endswith(".parquet"):
            frame.to_parquet(tmp_path / file, index=False)
        else:
            frame.to_csv(tmp_path / file, index=False)
        return opened(tmp_path, file, columns, lambda source, program: fingerprint(source, program).digest)

    return of


def opened(folder: Path, table: str, columns: tuple[str, ...], use: Callable, period: str = "all", **changes: str):
    text = PROGRAM.replace("TABLE", table).replace("COLUMNS", ", ".join(columns))
    for old, new in changes.items():
        text = text.replace(f"  {old}:", f"  {new}\n  {old}:")
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    program = read_program(folder / "p.yaml")
    with open_source(program, read_period(period)) as source:
        return use(source, program)


def test_the_fingerprint_is_the_same_in_any_row_order(data, print_of):
    assert print_of(data) == print_of(data.sample(frac=1, random_state=4)) == print_of(data[::-1])


def test_the_fingerprint_is_the_same_in_any_column_order_and_whatever_other_columns_there_are(data, print_of):
    assert print_of(data) == print_of(data[data.columns[::-1]]) == print_of(data.drop(columns="unused"))


@pytest.mark.parametrize("file", ["x.csv.gz", "x.csv.bz2", "x.csv.xz", "x.tsv.gz", "x.parquet"])
def test_the_fingerprint_is_the_same_for_a_plain_and_a_packed_file(data, print_of, file):
    assert print_of(data, "x.csv") == print_of(data, file)


def test_the_fingerprint_is_the_same_on_one_thread_and_on_many(data, print_of, monkeypatch):
    many = pd.concat([data.assign(a=data["a"] + i) for i in range(500)])
    monkeypatch.setenv("SQUAREDEAL_THREADS", "4")
    four = print_of(many)
    monkeypatch.setenv("SQUAREDEAL_THREADS", "1")
    assert print_of(many) == four


def test_the_fingerprint_does_not_depend_on_the_time_zone_of_the_machine(data, print_of, monkeypatch):
    data["a"] = pd.date_range("2025-03-01 23:30", periods=len(data), freq="7h", tz="UTC")
    found = set()
    for zone in ("UTC", "Asia/Shanghai", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        found.add(print_of(data))
    monkeypatch.undo()
    time.tzset()
    assert len(found) == 1


CHANGES = {
    "one value": lambda d: d.assign(a=d["a"].where(d.index != 9, 99.0)),
    "the last digit of one value": lambda d: d.assign(a=d["a"].where(d.index != 9, d["a"] * (1 + 3e-16))),
    "one row more": lambda d: pd.concat([d, d.tail(1).assign(a=5.5)]),
    "one row twice": lambda d: pd.concat([d, d.tail(1)]),
    "every row twice": lambda d: pd.concat([d, d]),
    "one row less": lambda d: d.iloc[1:],
    "two rows swap a value": lambda d: d.assign(a=d["a"].replace({1 / 7: 2 / 7, 2 / 7: 1 / 7})),
    "two columns swap their values": lambda d: d.assign(a=d["b"], b=d["a"]),
    "another type": lambda d: d.assign(a=d["a"].astype(str)),
    "numbers as text": lambda d: d.assign(b=d["b"].astype(str)),
    "one value missing": lambda d: d.assign(a=d["a"].where(d.index != 9)),
    "case of one letter": lambda d: d.assign(文=d["文"].where(d.index != 9, "名 A").replace("名 A", "名 a")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_fingerprint_differs_when_the_data_differ(data, print_of, change):
    data["b"] = range(60)
    columns = ("a", "b", "文")
    assert print_of(change(data), columns=columns) != print_of(data, columns=columns)


def test_the_fingerprint_differs_for_another_column_name_of_the_same_values(data, print_of):
    assert print_of(data) != print_of(data.rename(columns={"a": "b"}), columns=("b", "文"))


def test_a_missing_value_an_empty_text_and_the_sign_for_missing_are_three_things(data, print_of):
    found = [print_of(data.assign(a=[value] + ["x"] * 59)) for value in (None, "", "-", "NULL", "0:")]
    assert len(set(found)) == 5


def test_values_cannot_be_cut_elsewhere_to_the_same_text(data, print_of):
    pairs = [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc"), ("a1:", "bc"), ("a", "1:bc"), (None, "-"), ("-", None)]
    found = {
        print_of(data.assign(a=[first] + ["x"] * 59, b=[second] + ["x"] * 59), columns=("a", "b"))
        for first, second in pairs
    }
    assert len(found) == len(pairs)


def test_a_number_too_large_for_an_integer_is_still_a_number(data, print_of):
    values = [1e19, -3e25, 1e300, 2.0**63, 5e-324, *data["a"][5:]]
    assert print_of(data.assign(a=values)) != print_of(data.assign(a=values[::-1]))
    assert print_of(data.assign(a=values)) == print_of(data.assign(a=values).sample(frac=1, random_state=1))


def rows_of(source, _):
    table = source.table
    return source.rows(table.order_by(table.columns))


def test_only_the_columns_of_the_contract_are_read(data, tmp_path):
    data.to_parquet(tmp_path / "x.parquet")
    columns = opened(tmp_path, "x.parquet", ("a",), lambda source, _: set(source.table.columns))
    assert columns == {"y", "g", "a", FAVOURABLE, group_column("g")}


def test_nan_and_infinity_become_missing_and_never_a_label(data, tmp_path):
    data["a"] = [float("nan"), float("inf"), float("-inf"), *[1.0] * 57]
    data["g"] = ["nan", "NaN", "", " ", "None", "<NA>", "p", *["q"] * 53]
    data.to_parquet(tmp_path / "x.parquet")
    label, missing = opened(
        tmp_path, "x.parquet", ("a",),
        lambda source, _: source.rows(source.table.aggregate(
            label=source.table[group_column("g")].nunique(), missing=source.table["a"].isnull().sum()
        ))[0],
    )  # fmt: skip
    assert (label, missing) == (2, 3)


@pytest.mark.parametrize("stamp", ["2025-03-31 23:59:59.999999", "2025-01-01 00:00:00"])
def test_the_first_and_the_last_moment_of_a_period_belong_to_it(data, tmp_path, stamp):
    data["t"] = pd.to_datetime([stamp] + ["2024-12-31 23:59:59.999999"] * 30 + ["2025-04-01"] * 29, format="ISO8601")
    data.to_parquet(tmp_path / "x.parquet")
    count = opened(
        tmp_path, "x.parquet", ("a",), lambda source, _: source.rows(source.table.count())[0][0], "2025-Q1",
        decision="time: t",
    )  # fmt: skip
    assert count == 1


def test_opening_writes_nothing_beside_the_data(data, tmp_path):
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.register("given", data)
        connection.execute("CREATE TABLE t AS SELECT * FROM given")
    text = PROGRAM.replace("table: 'TABLE'", "connection: 'duckdb://x.duckdb', table: t").replace("COLUMNS", "a")
    (tmp_path / "p.yaml").write_text(text)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with open_source(read_program(tmp_path / "p.yaml"), Period()) as source:
        assert len(rows_of(source, None)) == 60
        with pytest.raises(InputError):
            source.rows("CREATE TABLE prepared2 AS SELECT 1")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_changes_its_columns_while_open_is_told_in_words(data, tmp_path):
    data.to_parquet(tmp_path / "x.parquet")

    def change(source, program):
        data.drop(columns="a").to_parquet(tmp_path / "x.parquet")
        return fingerprint(source, program)

    with pytest.raises(InputError, match="cannot be read"):
        opened(tmp_path, "x.parquet", ("a",), change)


def test_an_airflow_connection_of_the_environment_may_be_a_uri_or_json(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_DESK", "postgres://u:p%40ss@h:5433/loans")
    assert environment_connection("desk") == "postgres://u:p%40ss@h:5433/loans"
    monkeypatch.setenv(
        "AIRFLOW_CONN_DESK",
        '{"conn_type": "postgres", "login": "u", "password": "p@s/s", "host": "h", "port": 5433, "schema": "loans"}',
    )
    assert environment_connection("desk") == "postgres://u:p%40s%2Fs@h:5433/loans"


@pytest.mark.parametrize("file", ["loans.csv", "loans.parquet"])
def test_the_name_of_a_folder_is_never_taken_for_a_value(tmp_path, file):
    from tests.programs import loans, run_program, write_program

    found = []
    for folder in ("plain", "granted=1"):
        data = loans(3, 400)
        path = write_program(tmp_path / folder, data, file=file)
        run, _ = run_program(path, tmp_path / "out" / folder.replace("=", "-"))
        found.append([m.estimate for m in run.measurements if m.measure == "approval_rate"])
    assert found[0] == found[1]
    assert max(found[0]) < 1


def test_what_an_audit_derives_is_no_part_of_the_data(tmp_path, monkeypatch):
    import checks.inputs.prepared as prepared
    from tests.programs import loans, write_program

    program = read_program(write_program(tmp_path, loans(3, 200)))
    found = []
    for added in (lambda *_: {}, lambda columns, _raw, _contract: {"squaredeal_new": columns["burden"] * 2}):
        monkeypatch.setattr(prepared, "pricing_columns", added)
        with open_source(program, Period()) as source:
            found.append(fingerprint(source, program))
    assert [("squaredeal_new" in one.columns) for one in found] == [False, True]
    assert found[0].digest == found[1].digest
    data = loans(3, 200)
    data.loc[5, "burden"] += 1e-6
    data.to_parquet(tmp_path / "loans.parquet")
    with open_source(program, Period()) as source:
        assert fingerprint(source, program).digest != found[0].digest

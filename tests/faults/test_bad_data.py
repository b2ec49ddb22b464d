"""Data that cannot be judged: either nothing can be read and nothing is recorded, or the run is recorded as unfit."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.faults.conftest import BOOK, Desk, write

TABLE = f"table: {BOOK}"
GROUP = "ethnicity: {column: ETHNIC group, reference: Han}"
DECISION = "favourable: Y}"
TIME = "dated: {from: 2025-01-01, to: 2025-12-31}"


def cut(file: Path, share: float = 0.5) -> None:
    """Lose the end of a file, as a broken transfer does."""
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def broken_parquet(file: Path, data: pd.DataFrame) -> None:
    """A whole footer over pages that are not."""
    write(data, file)
    content = bytearray(file.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    content[4:-footer] = bytes(len(content) - 4 - footer)
    file.write_bytes(content)


def parquet_parts(file: Path, data: pd.DataFrame) -> None:
    """One part good, one of no bytes."""
    write(data, file.with_name("part-1.parquet"))
    file.with_name("part-2.parquet").write_bytes(b"")


def csv_without(file: Path, data: pd.DataFrame, **changes: object) -> None:
    write(data.assign(**changes), file)


def duckdb_file(file: Path, data: pd.DataFrame) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.register("given", data)
        connection.execute('CREATE SCHEMA "desk"; CREATE TABLE desk."Loan Book" AS SELECT * FROM given')


# name, file, how it is made, what in the program, what must be told
UNREADABLE: list[tuple[str, str, Callable[[Path, pd.DataFrame], object], list[str]]] = [
    ("no bytes", "book.csv", lambda file, _: file.write_bytes(b""), ["an empty file", "a header and rows"]),
    ("Parquet of no bytes", "book.parquet", lambda file, _: file.write_bytes(b""), ["an empty file", "book.parquet"]),
    ("one part of no bytes", "part-*.parquet", parquet_parts, ["an empty file", "part-2.parquet"]),
    ("a header only", "book.csv", lambda file, data: write(data.head(0), file), ["no rows", "at least one row"]),
    ("Parquet of no rows", "book.parquet", lambda file, data: write(data.head(0), file), ["no rows"]),
    ("blank lines only", "book.csv", lambda file, _: file.write_text("\n\n\n"), []),
    ("Parquet cut off", "book.parquet", lambda file, data: cut(write(data, file)), ["cannot be read"]),
    ("Parquet with broken pages", "book.parquet", broken_parquet, ["cannot be read"]),
    ("CSV called Parquet", "book.parquet", lambda file, data: data.to_csv(file), ["cannot be read"]),
    ("Parquet called CSV", "book.csv", lambda file, data: data.to_parquet(file), ["source.table"]),
    ("bz2 cut off", "book.csv.bz2", lambda file, data: cut(write(data, file)), ["cannot be unpacked", "book.csv.bz2"]),
    ("gz cut off", "book.csv.gz", lambda file, data: cut(write(data, file)), ["cannot be read"]),
    ("xz that is none", "book.csv.xz", lambda file, _: file.write_text("x"), ["cannot be unpacked"]),
    ("bz2 of nothing", "book.csv.bz2", lambda file, _: file.write_bytes(bz2.compress(b"")), ["no rows"]),
    ("gz of nothing", "book.csv.gz", lambda file, _: file.write_bytes(gzip.compress(b"")), ["no rows"]),
    ("GB 18030", "book.csv", lambda file, data: data.to_csv(file, encoding="gb18030"), ["source.table"]),
    ("ragged rows", "book.csv", lambda file, data: file.write_text(data.to_csv() + "1,2,3\n"),
     ["with 3 fields", "as in its header", "in quotes"]),
    ("web page", "book.csv", lambda file, _: file.write_text("<html><body>login</body></html>"), []),
    ("control all missing", "book.csv", lambda file, data: csv_without(file, data, DTI=np.nan), ["'DTI'", "a number"]),
    ("control partly words", "book.csv", lambda file, data: csv_without(file, data, DTI=["high", *data["DTI"][1:]]),
     ["'DTI'", "a text", "a number column"]),
    ("column twice", "book.csv", lambda file, data: file.write_text(
        data.to_csv(index=False).replace("Lauf Nr", "DTI", 1)), ["DTI"]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "make", "words"), [c[1:] for c in UNREADABLE], ids=[c[0] for c in UNREADABLE])
def test_a_file_that_cannot_be_read_is_told_and_nothing_is_recorded(desk, frame, file, make, words):
    make(desk.folder / file, frame)
    desk.program(TABLE, f"table: {file}")
    told = desk.refuses(*words)
    assert f"{desk.file}, line " in told.text or str(desk.folder / file) in told.text


def test_a_folder_of_parquet_parts_named_as_table_is_told_how_to_name_its_parts(desk, frame):
    (desk.folder / "parts").mkdir()
    write(frame, desk.folder / "parts" / "1.parquet")
    line = desk.program(TABLE, "table: parts")
    desk.refuses("folder", "parts/*", desk.at(line))


TABLES = [
    ("desk.Loan Bok", ["no table 'desk.Loan Bok'", "did you mean 'desk.Loan Book'?"]),
    ("Loan Book", ["no table 'Loan Book'", "desk.Loan Book"]),
    ('x"; DROP TABLE y', ["no table"]),
]


@pytest.mark.parametrize(("table", "words"), TABLES)
def test_a_table_missing_from_a_duckdb_file_is_told_with_the_nearest(desk, frame, table, words):
    duckdb_file(desk.folder / "book.duckdb", frame)
    desk.program(f"connection: duckdb://\n  {TABLE}", f"connection: duckdb://book.duckdb\n  table: '{table}'")
    desk.refuses(*words, desk.at(5))


def test_a_file_that_is_no_duckdb_database_is_told(desk):
    (desk.folder / "book.duckdb").write_text("not a database " * 500)
    desk.program(f"connection: duckdb://\n  {TABLE}", "connection: duckdb://book.duckdb\n  table: loans")
    desk.refuses("cannot be read", f"{desk.file}, line ")


QUERIES = [
    ("broken", "SELEC * FROM x", ["cannot be read", "SELEC"]),
    ("of a missing table", "SELECT * FROM loans", ["cannot be read", "loans"]),
    ("without a column", f"SELECT * EXCLUDE (DTI) FROM '{BOOK}'", ["'DTI'", "controls"]),
    ("of no rows", f"SELECT * FROM '{BOOK}' WHERE DTI > 9", ["no rows"]),
    ("failing on a row", f"SELECT * REPLACE (CAST(\"ETHNIC group\" AS INT) AS DTI) FROM '{BOOK}'", ["cannot be read"]),
    ("of two statements", f"SELECT * FROM '{BOOK}'; DROP TABLE x", ["source.query"]),
    ("that writes", "COPY (SELECT 1) TO 'stolen.csv'", ["source.query"]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "words"), [c[1:] for c in QUERIES], ids=[c[0] for c in QUERIES])
def test_a_query_that_cannot_be_used_is_told(desk, query, words):
    desk.program(TABLE, "query: >\n    " + query)
    desk.refuses(*words, f"{desk.file}, line ")
    assert not (desk.folder / "stolen.csv").exists()


PERIODS = [
    ("no time column", "2025", ["period 2025", "no 'time' column", "'time: COLUMN'"], False),
    ("no rows in it", "2031-Q2", ["no rows in the period 2031-Q2"], True),
    ("no such quarter", "2025-Q5", ["'2025-Q5'", "2026-Q3"], True),
    ("no such month", "2025-13", ["'2025-13'"], True),
    ("no such day", "2025-02-30", ["'2025-02-30'"], True),
    ("backwards", "2025-06-01..2025-05-01", ["'2025-06-01..2025-05-01'"], True),
    ("a path", "../../elsewhere", ["'../../elsewhere'"], True),
    ("without an end", "2025-01-01..", ["'2025-01-01..'"], True),
    ("empty", "", ["''"], True),
    ("the year zero", "0000", ["'0000'"], True),
    ("other digits", "２０２５", ["'２０２５'"], True),
    ("without hyphens", "20250105", ["'20250105'"], True),
    ("a week", "2025-W05-1", ["'2025-W05-1'"], True),
]


@pytest.mark.parametrize(("period", "words", "timed"), [c[1:] for c in PERIODS], ids=[c[0] for c in PERIODS])
def test_a_period_that_cannot_be_used_is_told(desk, period, words, timed):
    if timed:
        desk.program(TIME, "time: Decided ON")
    told = desk.command("run", desk.file, "--out", desk.out, "--period", period)
    told.refused(*words)
    desk.kept_earlier()
    assert not list(desk.folder.parent.rglob("elsewhere*"))


def failed_checks(run: dict) -> set[str]:
    return {
        result["place"]
        for result in run["checks"]["results"]
        if not result["success"] and result["on_failure"] == "stop"
    }


def unfit(desk: Desk, place: str, *words: str) -> dict:
    """The run ends with 2 and is recorded in full beside the earlier one, with its failed checks."""
    told = desk.run()
    assert told.code == 2, told.text
    assert "Traceback" not in told.text
    told.names(place, "overall: unfit", *words)
    desk.kept_earlier()
    assert sorted(path.name for path in desk.versions.iterdir()) == ["v1", "v2"]
    run = json.loads((desk.versions / "v2" / "run.json").read_text())
    judgement = json.loads((desk.versions / "v2" / "judgement.json").read_text())
    assert run["checks"]["fit"] is False
    assert place in failed_checks(run)
    assert run["supersedes"]
    assert all(figure["estimate"] is None and figure["reason"] for figure in run["measurements"])
    assert {finding["verdict"] for finding in judgement["findings"]} == {"unfit"}
    assert (desk.versions / "v2" / "report.html").stat().st_size > 1000
    return run


def some(column: pd.Series, value: object, share: int = 10) -> pd.Series:
    """Every tenth value replaced."""
    return column.astype(object).where(np.arange(len(column)) % share != 0, value)


# name, file, column and its values, change of the program, place of the failed check, what must be told
UNFIT = [
    ("decision of three values", "csv", "审批结果", lambda d: some(d, "W"), None,
     "contract.decision", ["only N, W, Y", "at most 2 different values"]),
    ("decision outside the declared", "parquet", "审批结果", lambda d: some(d, "W"),
     (DECISION, "favourable: Y, unfavourable: N}"), "contract.decision", ["holds only Y, N"]),
    ("decision missing", "csv", "审批结果", lambda d: some(d, None), None,
     "contract.decision.column", ["40 of 400 values missing (10 %)"]),
    ("decision an empty text", "parquet", "审批结果", lambda d: some(d, ""), None,
     "contract.decision.column", ["40 of 400 values missing"]),
    ("decision text nan", "parquet", "审批结果", lambda d: d.where(d == "Y", "nan"), None,
     "contract.decision.column", ["missing"]),
    ("favourable never occurs", "csv", "审批结果", lambda d: d, (DECISION, "favourable: approved}"),
     "contract.decision.favourable", ["only N, Y", "holds approved"]),
    ("favourable in other case", "csv", "审批结果", lambda d: d, (DECISION, "favourable: y}"),
     "contract.decision.favourable", ["did you mean 'Y'?"]),
    ("label empty in CSV", "csv", "ETHNIC group", lambda d: some(d, ""), None,
     "contract.groups.ethnicity.column", ["40 of 400 values missing"]),
    ("label of blanks", "parquet", "ETHNIC group", lambda d: some(d, "   "), None,
     "contract.groups.ethnicity.column", ["40 of 400 values missing"]),
    ("label text nan", "parquet", "ETHNIC group", lambda d: some(d, "nan"), None,
     "contract.groups.ethnicity.column", ["40 of 400 values missing"]),
    ("label NULL", "parquet", "ETHNIC group", lambda d: some(d, None), None,
     "contract.groups.ethnicity.column", ["40 of 400 values missing"]),
    ("label a float NaN", "parquet", "ETHNIC group", lambda d: some((d == "Han") * 1.0, np.nan).astype(float),
     (GROUP, GROUP.replace("Han", "1")), "contract.groups.ethnicity.column", ["40 of 400 values missing"]),
    ("reference absent", "csv", "ETHNIC group", lambda d: d, (GROUP, GROUP.replace("Han", "Miao")),
     "contract.groups.ethnicity.reference", ["only Han, Hui, Zhuang", "the reference group 'Miao'"]),
    ("reference in other case", "csv", "ETHNIC group", lambda d: d, (GROUP, GROUP.replace("Han", "HAN")),
     "contract.groups.ethnicity.reference", ["did you mean 'Han'?"]),
    ("one group only", "parquet", "ETHNIC group", lambda d: d.where(d == "x", "Han"), None,
     "contract.groups.ethnicity", ["only Han", "at least two groups"]),
    ("unseen label", "csv", "ETHNIC group", lambda d: some(d, "Miao"), (GROUP, GROUP.replace(
        "reference", "values: [Han, Hui, Zhuang], reference")), "contract.groups.ethnicity.values", ["Miao"]),
    ("unseen code", "parquet", "ETHNIC group", lambda d: some((d == "Han") * 1, 9).astype(int), (GROUP, GROUP.replace(
        "reference: Han", "labels: {1: Han, 0: other}, reference: Han")), "contract.groups.ethnicity.labels", ["9"]),
    ("age out of range", "csv", "Alter", lambda d: some(d, -3), ("收入 income: {type: number, min: 0}",
     "Alter: {min: 18, max: 110}"), "contract.columns.Alter.min", ["at least 18", "40 of 400"]),
    ("bands with ages missing", "csv", "Alter", lambda d: some(d, np.nan), (GROUP,
     "age: {column: Alter, bands: [25, 40], reference: 25-39}"), "contract.groups.age.column",
     ["40 of 400 values missing"]),
    ("unit twice", "parquet", "Lauf Nr", lambda d: some(d, 7).astype(int), (
        "contract:\n", "contract:\n  unit: Lauf Nr\n"),
     "contract.unit", ["holds each value once"]),
    ("more missing than tolerated", "csv", "ETHNIC group", lambda d: some(d, None), (
        "收入 income: {type: number, min: 0}", "ETHNIC group: {null_tolerance: 0.05}"),
     "contract.groups.ethnicity.column", ["40 of 400 values missing", "at most 5 %"]),
    ("number out of bounds", "parquet", "收入 income", lambda d: some(d, -1.0).astype(float), None,
     "contract.columns.收入 income.min", ["40 of 400"]),
    ("type otherwise than declared", "parquet", "Lauf Nr", lambda d: d.astype(str), (
        "收入 income: {type: number, min: 0}", "Lauf Nr: {type: integer}"),
     "contract.columns.Lauf Nr.type", ["whole numbers"]),
    ("added check fails", "csv", "DTI", lambda d: d, (
        "audits:", "checks:\n  - expect_column_mean_to_be_between: {column: DTI, min_value: 0.9}\naudits:"),
     "checks[0]", ["0.9"]),
    ("time missing", "parquet", "Decided ON", lambda d: d.where(np.arange(len(d)) % 10 != 0), (
        TIME, "time: Decided ON"),
     "contract.time", ["40 of 400 values missing"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "column", "values", "change", "place", "words"), [c[1:] for c in UNFIT], ids=[c[0] for c in UNFIT]
)
def test_unfit_data_end_with_2_and_are_recorded_beside_the_earlier_run(
    desk, frame, kind, column, values, change, place, words
):
    write(frame.assign(**{column: values(frame[column])}), desk.folder / f"book.{kind}")
    desk.program()
    text = desk.file.read_text().replace(TABLE, f"table: book.{kind}")
    if change:
        assert change[0] in text
        text = text.replace(*change)
    desk.file.write_text(text)
    unfit(desk, place, *words)


def test_the_check_command_tells_an_unfit_source_with_its_line_and_writes_nothing(desk):
    line = desk.program("reference: Han", "reference: han")
    told = desk.command("check", desk.file)
    assert told.code == 2
    told.names("UNFIT", "did you mean 'Han'?", desk.at(line), "FAILED")
    assert set(desk.folder.iterdir()) == {desk.file, desk.folder / BOOK, desk.out, desk.spill}


def test_an_unfit_run_repeated_makes_no_third_version_and_mended_data_make_the_next(desk, frame):
    write(frame.assign(**{"ETHNIC group": "Han"}), desk.folder / BOOK)
    assert desk.run().code == 2
    second = (desk.versions / "v2" / "run.json").read_bytes()
    assert desk.run().code == 2
    write(frame.iloc[1:], desk.folder / BOOK)
    assert desk.run().code == 0
    assert sorted(path.name for path in desk.versions.iterdir()) == ["v1", "v2", "v3"]
    assert (desk.versions / "v2" / "run.json").read_bytes() == second
    desk.kept_earlier()


def test_rows_without_a_time_are_not_lost_in_silence_when_a_period_is_chosen(desk, frame):
    frame.loc[:99, "Decided ON"] = pd.NaT
    write(frame, desk.folder / "book.parquet")
    desk.program()
    text = desk.file.read_text().replace(TABLE, "table: book.parquet").replace(TIME, "time: Decided ON")
    desk.file.write_text(text)
    told = desk.command("run", desk.file, "--out", desk.out, "--period", "2025")
    assert told.code == 2
    told.names("Decided ON", "100", "missing")


def test_a_real_process_ends_with_2_in_words_and_leaves_its_temporary_folder_empty(desk, frame):
    for data, program, words in (
        (frame, "[conventions", ["broken YAML"]),
        (frame, "[convention]", ["did you mean 'conventions'?"]),
        (frame.assign(**{"ETHNIC group": "Han"}), "[conventions]", ["overall: unfit", "at least two groups"]),
        (frame.drop(columns="DTI"), "[conventions]", ["column 'DTI'"]),
    ):
        write(data, desk.folder / BOOK)
        desk.program("[conventions]", program)
        ended = subprocess.run(
            [sys.executable, "-m", "squaredeal", "run", desk.file.name, "--out", "runs"], cwd=desk.folder, check=False,
            capture_output=True, encoding="utf-8", timeout=60,
            env={**os.environ, "TMPDIR": str(desk.spill), "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        told = ended.stdout + ended.stderr
        assert (ended.returncode, "Traceback" in told) == (2, False), told
        assert all(word in told for word in words), told
        desk.kept_earlier()

"""Rows drawn for a model: the same whatever order they lie in, strata in the engine's words, numbers of any size."""

from __future__ import annotations

import hashlib
from itertools import groupby

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence import first_by_hash
from audits.evidence.contribution_bins import count_book, stratum_of
from audits.evidence.model_rows import model_rows
from checks.inputs.columns import array_of, columns_of
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

STRATA = ["when", "size"]
CONTRACT = {
    "unit": "id", "score": "x", "features": ["x", "name"], "prediction": {"of": "score", "favourable": "high"},
    "strata": STRATA, "groups": {"region": {"column": "area", "reference": "north"}},
}  # fmt: skip


def book(rows=400):
    """Units of seven rows each."""
    rng = np.random.default_rng(5)
    when = pd.Timestamp("2024-01-01 00:00:00.5") + pd.to_timedelta(rng.integers(0, 3, rows), unit="D")
    return pd.DataFrame({
        "id": np.arange(rows) // 7, "area": rng.choice(["north", "south"], rows), "x": rng.normal(size=rows),
        "name": rng.choice(["a", "b", None], rows), "when": when, "size": rng.choice([1e300, 2.5, 1e-7], rows),
    })  # fmt: skip


def drawn_of(folder, data, rows):
    """What is drawn, with the strata of all rows as the engine counts them."""
    file = write_program(folder, data, contract=CONTRACT, model="models:/m/1")
    with open_source(read_program(file), Period("all")) as source:
        drawn = model_rows(source, ["region"], rows, 3, ["when"], strata=STRATA)
        return drawn, count_book(source, drawn, []).strata


def test_rows_of_one_unit_come_in_an_order_of_their_own(tmp_path, monkeypatch):
    kept = []
    for k in range(4):
        monkeypatch.setenv("SQUAREDEAL_THREADS", str(1 + k % 2))
        drawn, _ = drawn_of(tmp_path / str(k), book().sample(frac=1, random_state=k), 60)
        kept.append((
            drawn.features.to_dict("list"), drawn.labels["region"].tolist(), drawn.places["region"].tolist(),
            drawn.columns["when"].tolist(), {name: texts.tolist() for name, texts in drawn.texts.items()},
        ))  # fmt: skip
    assert len(kept[0][1]) >= 60
    assert all(str(one) == str(kept[0]) for one in kept[1:])


BY_HASH = {
    "unit": "row", "score": "x", "features": ["x", "n", "flag", "day"],
    "prediction": {"of": "score", "favourable": "high"},
    "groups": {"g": {"column": "one", "reference": "a"}, "h": {"column": "other", "reference": "it's"}},
}  # fmt: skip


def labelled(rows=3000):
    """Rows of two attributes, some labels of few rows, some of none; a few units of many rows."""
    rng = np.random.default_rng(6)
    unit = np.where(rng.random(rows) < 0.1, rng.integers(0, 9, rows), np.arange(rows) + 100)
    data = pd.DataFrame({
        "row": unit, "one": rng.choice(["a", "b", "c", None], rows, p=[0.6, 0.29, 0.01, 0.1]),
        "other": rng.choice(["it's", "B"], rows), "x": rng.normal(size=rows), "n": rng.integers(0, 9, rows),
        "flag": rng.random(rows) < 0.5, "day": pd.Timestamp("2024-05-01") + pd.to_timedelta(np.arange(rows) % 40, "D"),
    })  # fmt: skip
    data.loc[::50, "row"] = None
    data.loc[::9, "x"] = np.nan
    return data


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
@pytest.mark.parametrize("slack", [6.0, 0.01])  # with hardly any, the engine must be asked again
def test_rows_are_the_first_by_hash_of_all_and_of_each_label(tmp_path, postgres_url, monkeypatch, engine, slack):
    monkeypatch.setattr(first_by_hash, "_SLACK", slack)
    data, most = labelled(), 130
    where = {}
    if engine == "postgres":
        into_postgres(postgres_url, data)
        where = {"source": {"connection": postgres_url, "table": "labelled"}}
    file = write_program(tmp_path / "p", data, contract=BY_HASH, model="models:/m/1", **where)
    with open_source(read_program(file), Period("all")) as source:
        asked = []
        monkeypatch.setattr(type(source), "columns", counting(type(source).columns, asked))
        drawn = model_rows(source, ["g", "h"], most, 8, ["row"])
    assert len(asked) == (1 if slack > 1 else len(asked)) >= (1 if slack > 1 else 2)
    named = data[data["row"].notna()].copy()
    named["unit"] = named["row"].astype(int).astype(str)
    named["hash"] = [hashlib.md5(f"8:{unit}".encode(), usedforsecurity=False).hexdigest() for unit in named["unit"]]
    named = named.sort_values("hash", kind="stable")
    near = named["hash"] <= named["hash"].iloc[most - 1]
    for column in ("one", "other"):
        for label, own in named.groupby(column):
            near |= (named[column] == label) & (named["hash"] <= own["hash"].iloc[min(most, len(own)) - 1])
    expected = named[near]
    assert sorted(drawn.columns["row"].astype(int).astype(str)) == sorted(expected["unit"])
    kept = drawn.columns["row"].astype(int).astype(str)
    assert [hashed for hashed, _ in groupby(kept)] == list(dict.fromkeys(expected["unit"]))
    assert drawn.total == len(named)
    assert drawn.without_unit == len(data) - len(named)
    assert drawn.sizes["g"] == {**data["one"].value_counts().to_dict(), None: int(data["one"].isna().sum())}
    for label in ("a", "b", "c"):
        mine = drawn.places["g"][drawn.labels["g"] == label]
        assert mine.tolist() == list(range(len(mine)))
    assert drawn.features["x"].isna().sum() == expected["x"].isna().sum()
    assert [drawn.features[name].dtype.kind for name in ("x", "n", "flag", "day")] == ["f", "i", "O", "M"]
    assert drawn.features["n"].sum() == expected["n"].sum()
    assert drawn.features["flag"].sum() == expected["flag"].sum()


def test_hashes_are_compared_byte_by_byte_whatever_order_the_database_has(tmp_path, postgres_url, monkeypatch):
    into_postgres(postgres_url, labelled())
    where = {"source": {"connection": postgres_url, "table": "labelled"}}
    file = write_program(tmp_path / "p", labelled(), contract=BY_HASH, model="models:/m/1", **where)
    with open_source(read_program(file), Period("all")) as source:
        asked = []
        monkeypatch.setattr(type(source), "columns", counting(type(source).columns, asked))
        model_rows(source, ["g"], 100, 8)
    assert asked[0].count('hash COLLATE "C"') == 2


def counting(ask, asked):
    def counted(source, question):
        asked.append(question)
        return ask(source, question)

    return counted


def into_postgres(url, data):
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS labelled")
        cursor.execute(
            'CREATE TABLE labelled ("row" bigint, one text, other text, x double precision, n integer, flag boolean, '
            "day timestamp)"
        )
        with cursor.copy("COPY labelled FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                plain = [None if pd.isna(value) else value for value in row]
                copy.write_row([None if plain[0] is None else int(plain[0]), *plain[1:]])


COLUMNS = {
    "whole": "BIGINT", "small": "UTINYINT", "real": "FLOAT", "double": "DOUBLE", "text": "VARCHAR", "truth": "BOOLEAN",
}  # fmt: skip


@pytest.mark.parametrize("further", ["", ', 9 AS "WHOLE"', ", DATE '2024-02-03' AS day", ", 5::HUGEINT AS huge"])
@pytest.mark.parametrize("lacking", ["none", "some", "all"])
def test_columns_of_an_answer_are_its_rows_turned(lacking, further):
    values = {"whole": "2**40", "small": "7", "real": "0.1", "double": "0.1", "text": "'a'", "truth": "true"}
    missing = {"none": "false", "some": "i % 2 = 0", "all": "true"}[lacking]
    sql = ", ".join(f"CASE WHEN {missing} THEN NULL ELSE ({values[name]})::{kind} END AS {name}"
                    for name, kind in COLUMNS.items())  # fmt: skip
    with duckdb.connect() as connection:
        question = f"SELECT i{further}, {sql} FROM range(6) AS t(i) ORDER BY i"
        rows = connection.execute(question).fetchall()
        found = columns_of(connection.execute(question))
        empty = columns_of(connection.execute(f"SELECT * FROM ({question}) WHERE i > 9"))
    assert len(found) == len(empty) == len(rows[0])
    assert all(not len(one) for one in empty)
    for one, values in zip(found, zip(*rows, strict=True), strict=True):
        expected = array_of(values)
        assert one.dtype == expected.dtype
        assert [str(value) for value in one.tolist()] == [str(value) for value in expected.tolist()]


def test_strata_are_in_the_words_in_which_the_engine_counts_them(tmp_path):
    data = book()
    drawn, counted = drawn_of(tmp_path, data, 400)
    assert len(drawn) == 400
    cells = pd.Series(stratum_of([drawn.texts[name] for name in STRATA], len(drawn)))
    for label in ("north", "south"):
        mine = cells[drawn.labels["region"] == label].value_counts().to_dict()
        assert mine == dict(counted["region", label])
    assert cells.nunique() == len(data[STRATA].drop_duplicates())


@pytest.mark.parametrize("values", [[1, 2**64 - 1], [-(2**63) - 1, 0], [2**63, None]])
def test_whole_numbers_beyond_64_bits_are_numbers(values):
    found = array_of(values)
    assert found.dtype == np.float64
    expected = [np.nan if one is None else float(one) for one in values]
    np.testing.assert_array_equal(found, expected)


def test_whole_numbers_of_64_bits_stay_whole():
    assert array_of([2**63 - 1, -(2**63)]).tolist() == [2**63 - 1, -(2**63)]

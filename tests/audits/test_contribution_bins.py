"""Bins of features and the book's counts by them: the same in numpy and both engines; hills hide bins of few."""

from __future__ import annotations

from types import SimpleNamespace

import duckdb
import ibis
import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence.contribution_bins import Bins, bins_of, count_book, count_pairs, stratum_of
from audits.evidence.contribution_density import BINS, edges_of, hill_of, ranks_of
from audits.evidence.model_rows import model_rows
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

MODEL = {"model": "models:/asked@live", "trusted_model": True}
ODD = {
    "unit": "id", "score": "x", "strata": ["s", "t"], "features": ["x", "flag", "name", "day", "same", "gone", "y"],
    "prediction": {"of": "score", "favourable": "high"}, "entity": "who",
    "groups": {"g": {"column": "g", "reference": "a"}, "h": {"column": "h", "reference": "1", "values": ["1", "2"]}},
}  # fmt: skip
PAIRS = [("y", "x"), ("x", "same")]


def odd_rows():
    rng = np.random.default_rng(6)
    size = 400
    data = pd.DataFrame({
        "id": np.arange(size), "x": np.round(rng.normal(size=size), 1), "flag": rng.random(size) < 0.3,
        "name": [f"n'%s\\{i}" for i in rng.integers(0, 40, size)], "same": 2.0, "gone": np.nan,
        "day": pd.Timestamp(2024, 1, 1) + pd.to_timedelta(rng.integers(0, 9, size), unit="D"),
        "g": rng.choice(["a", "0", "="], size), "h": rng.integers(1, 3, size), "s": rng.choice([1.0, 2.5], size),
        "t": rng.choice(["p", "q"], size), "who": rng.integers(0, 90, size).astype(str), "y": rng.gamma(2, 3, size),
    })  # fmt: skip
    for name in ("x", "flag", "name", "g", "s", "t", "who", "y"):
        data[name] = data[name].astype(object).where(rng.random(size) > 0.06, None)
    return data.astype({"x": float, "s": float, "y": float}).assign(flag=data["flag"].astype("boolean"))


@pytest.mark.parametrize(("first", "last"), [(-1.3, 2.9), (1.7e9, 1.7e9 + 3), (-1e-300, 1e300)])
def test_even_bins_are_found_alike_by_numpy_and_both_engines(postgres_url, first, last):
    edges = np.linspace(first, last, 24)
    bins, spread = Bins("x", tuple(edges.tolist()), even=True), np.random.default_rng(3)
    near = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf), spread.uniform(first, last, 3000)]
    numbers = np.concatenate([*near, [0.0, -0.0, 5e-324, -1.7e308, 1.7e308, np.nan]])
    codes = bins.codes(numbers)
    assert set(codes.tolist()) == set(range(bins.count))
    assert (np.diff(codes[np.argsort(numbers)]) >= 0).all()  # what is missing comes last
    given = [None if np.isnan(one) else one for one in numbers.tolist()]
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {bins.sql('x')} FROM (SELECT unnest(?::DOUBLE[]) AS x)", [given]).fetchall()
    assert [code for (code,) in found] == codes.tolist()
    with psycopg.connect(postgres_url) as connection:
        asked = f"SELECT {bins.sql('x')} FROM unnest(%s::float8[]) WITH ORDINALITY AS t(x, i) ORDER BY i"
        found = connection.execute(asked, [given]).fetchall()
    assert [code for (code,) in found] == codes.tolist()


def test_bins_are_even_where_no_such_bin_holds_many_rows():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({
        "x": rng.normal(size=2000), "skewed": rng.lognormal(0, 1.5, 2000), "few": rng.integers(0, 9, 2000),
        "one": np.ones(2000), "most": np.where(rng.random(2000) < 0.99, 0.0, rng.normal(size=2000)),
    })  # fmt: skip
    table = ibis.memtable(data)
    found = {one.feature: one for one in bins_of(SimpleNamespace(table=table), data, list(data))}
    assert {name for name, one in found.items() if one.even} == {"x"}
    assert all(one.count > 1 for one in found.values())
    assert np.bincount(found["skewed"].codes(data["skewed"].to_numpy())).max() < 0.1 * 2000


def into_postgres(url, data):
    kinds = {"b": "boolean", "i": "bigint", "f": "float8", "M": "timestamp"}
    names = {name: "boolean" if name == "flag" else kinds.get(data[name].dtype.kind, "text") for name in data}
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS odd")
        connection.execute(f"CREATE TABLE odd ({', '.join(f'{chr(34)}{n}{chr(34)} {k}' for n, k in names.items())})")
        with connection.cursor().copy("COPY odd FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])


def test_the_engines_count_the_book_as_the_rows_do(tmp_path, postgres_url):
    data = odd_rows()
    into_postgres(postgres_url, data)
    where = {"connection": postgres_url, "table": "odd"}
    files = [
        write_program(tmp_path / "duck", data, contract=ODD, **MODEL),
        write_program(tmp_path / "pg", data, contract=ODD, **MODEL, source=where),
    ]
    kept = []
    for file in files:
        with open_source(read_program(file), Period("all")) as source:
            features = data[ODD["features"]].astype({"flag": object, "name": object})
            features = features.where(features.notna(), None).astype(dict.fromkeys(["x", "y", "same", "gone"], float))
            every = bins_of(source, features.iloc[:200], ODD["features"])
            drawn = model_rows(source, ["g", "h"], 200, 1, strata=ODD["strata"])
            book = count_book(source, drawn, every, PAIRS)
            pairs = count_pairs(source, ["g", "h"], "who")
            kept.append(
                (
                    every,
                    book.sizes,
                    book.strata,
                    pairs,
                    {k: [c.tolist() for c in v] for k, v in book.bins.items()},
                    {k: {pair: c.tolist() for pair, c in v.items()} for k, v in book.crossed.items()},
                )
            )
    assert kept[0] == kept[1]
    every, sizes, strata, pairs, counted, crossed = kept[0]
    assert [bins.count > 0 for bins in every] == [True, True, True, False, True, False, True]
    at = {bins.feature: bins for bins in every}
    cells = stratum_of([data[name].to_numpy() for name in ODD["strata"]], len(data))
    for attribute, label in (("g", "0"), ("g", "="), ("h", "2")):
        mine = (data[attribute].astype(str) == label).to_numpy()
        assert sizes[attribute, label] == mine.sum()
        for bins, held in zip(every, counted[attribute, label], strict=True):
            codes = bins.codes(features[bins.feature].to_numpy()[mine])
            assert held == (np.bincount(codes, minlength=bins.count).tolist() if bins.count else [])
        for pair in PAIRS:
            one, other = (at[name].codes(features[name].to_numpy()[mine]) for name in pair)
            table = np.zeros((at[pair[0]].count, at[pair[1]].count), dtype=int)
            np.add.at(table, (one, other), 1)
            assert crossed[attribute, label][pair] == table.tolist()
        assert sum(strata[attribute, label].values()) == mine.sum()
        assert strata[attribute, label]["2.5", "q"] == sum(
            cell == ("2.5", "q") for cell, own in zip(cells, mine, strict=True) if own
        )
        m = data.loc[mine, "who"].value_counts()
        assert pairs[attribute, label] == (m * (m - 1)).sum()


def test_bins_put_missing_and_strange_values_aside():
    numbers = Bins("x", edges=(1.0, 2.0))
    assert numbers.codes(np.array([0.5, 1.0, 1.5, 2.0, 9.0, np.nan])).tolist() == [0, 0, 1, 1, 2, 3]
    texts = Bins("t", values=("true", "b"))
    assert texts.codes(np.array(["b", True, None, "c"], dtype=object)).tolist() == [1, 0, 3, 2]
    assert len(Bins("d").codes(np.array(["a"], dtype=object))) == 0


def test_hills_hide_bins_of_few():
    values = np.array([0.0] * 10 + [0.5] * 4 + [1.0] * 6)
    ranks = ranks_of(np.array([1.0] * 10 + [2.0] * 4 + [np.nan] * 6))
    hill = hill_of(values, ranks, (0.0, 1.0))
    assert [(i, n) for i, n in enumerate(hill.rows) if n] == [(0, 10), (BINS - 1, 6)]
    assert hill.ranks[0] == pytest.approx(4.5 / 13, abs=1e-4)
    assert hill.ranks[BINS - 1] is None
    assert ranks_of(np.array(["a"], dtype=object)) is None
    low, high = edges_of(np.zeros(9))
    assert low < 0 < high
    assert hill_of(np.zeros(9), None, (low, high)).rows[BINS // 2] == 9

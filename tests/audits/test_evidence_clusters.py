"""Cluster sums from the engine against pandas and statsmodels on rows, on DuckDB and Postgres.

Tolerance 1e-9 relative for CR1: rows are rounded to 2⁻⁴⁰ and the normal equations cost a few digits.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pytest
import statsmodels.api as sm

from audits.evidence import cluster_cells, clusters
from audits.evidence.cells import collect_cells
from audits.evidence.cluster_cells import cluster_cells_from_json, cluster_cells_to_json, collect_cluster_cells
from audits.evidence.histograms import collect_histogram
from audits.evidence.moments import collect_moments, moments_from_json, moments_to_json
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, HistogramNeed, MomentsNeed
from audits.statistics.linear_model import _assemble, _independent, fit_group_effects
from checks.inputs import grouping
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import write_program

CONTRACT = {
    "unit": "case",
    "entity": '客户 "id"',
    "decision": {"column": "granted", "favourable": 1},
    "groups": {"region": {"column": "Region of", "reference": "north"}},
    "controls": ["burden", "select"],
    "price": "price",
}


def people(seed: int = 1, rows: int = 3000, clusters: int = 200, labels: int = 3) -> pd.DataFrame:
    """Rows of customers whose decisions depend on each other; customers keep no fixed label."""
    rng = np.random.default_rng(seed)
    customer = rng.integers(0, clusters, rows)
    shared = rng.normal(0, 0.3, clusters)[customer]
    region = np.array(["north", "south", "east", "west", *(f"r{i}" for i in range(100))])[:labels]
    data = pd.DataFrame({
        "case": np.arange(rows), "客户 \"id\"": [f"c{c}" for c in customer],
        "Region of": region[rng.integers(0, labels, rows)],
        "burden": rng.normal(0.3, 0.1, rows) + shared, "select": rng.integers(0, 4, rows).astype(float),
        "price": np.exp(rng.normal(3, 1, rows)) * np.where(rng.uniform(size=rows) < 0.01, 1e6, 1),
    })  # fmt: skip
    data["granted"] = (rng.uniform(size=rows) < np.clip(0.6 + shared - 0.1 * (data["Region of"] == "south"), 0, 1)) * 1
    data.loc[rng.integers(0, rows, 30), "Region of"] = None
    data.loc[rng.integers(0, rows, 30), '客户 "id"'] = None
    data.loc[rng.integers(0, rows, 20), "burden"] = [np.nan, np.inf, -np.inf, np.nan] * 5
    data.loc[rng.integers(0, rows, 20), "price"] = np.nan
    return data


def opened(folder, data, **source):
    changes = {"source": source} if source else {}
    return open_source(read_program(write_program(folder, data, contract=CONTRACT, **changes)), Period())


def cr1(moments) -> np.ndarray:
    """CR1 errors of the groups' effects from the moments."""
    grouped = moments.grouped()
    groups = [i for i, label in enumerate(grouped.labels) if label != grouped.reference]
    gram, _, _ = _assemble(grouped, groups)
    kept = _independent(gram)
    inverse = np.linalg.inv(gram[np.ix_(kept, kept)])
    n, k, g = grouped.counts.sum(), len(kept), moments.clusters
    meat = moments.clustered_meat()[np.ix_(kept, kept)]
    errors = np.sqrt(g / (g - 1) * (n - 1) / (n - k) * np.diag(inverse @ meat @ inverse))
    return errors[1 + len(grouped.controls) :]


def on_rows(data: pd.DataFrame):
    used = data.replace([np.inf, -np.inf], np.nan).dropna(subset=["Region of", '客户 "id"', "burden"])
    others = sorted(set(used["Region of"]) - {"north"})
    design = np.column_stack([np.ones(len(used)), used["burden"], used["select"],
                              *[(used["Region of"] == name) * 1.0 for name in others]])  # fmt: skip
    groups = pd.factorize(used['客户 "id"'])[0]
    return sm.OLS(used["granted"].to_numpy(float), design).fit(cov_type="cluster", cov_kwds={"groups": groups}), used


@pytest.mark.parametrize(("seed", "rows", "customers", "labels"), [
    (1, 3000, 200, 3), (2, 500, 12, 2), (3, 4000, 3900, 4), (4, 6000, 300, 30),
])  # fmt: skip
def test_cr1_from_cluster_sums_equals_statsmodels_on_rows(tmp_path, seed, rows, customers, labels):
    data = people(seed, rows, customers, labels)
    with opened(tmp_path, data) as source:
        moments = collect_moments(source, MomentsNeed("region", ("burden", "select"), CONTRACT["entity"]))
    fit, used = on_rows(data)
    assert moments.clusters == used['客户 "id"'].nunique()
    assert moments.largest_cluster == used['客户 "id"'].value_counts().max()
    assert moments.cluster_missing == data['客户 "id"'].isna().sum()
    np.testing.assert_allclose(fit_group_effects(moments.grouped()).group_coefficients, fit.params[3:], rtol=1e-9)
    np.testing.assert_allclose(cr1(moments), fit.bse[3:], rtol=1e-9)
    assert not np.allclose(cr1(moments), sm.OLS(fit.model.endog, fit.model.exog).fit().bse[3:], rtol=1e-3)
    assert moments_from_json(moments_to_json(moments)) == moments


def pandas_products(data, cells, variables) -> np.ndarray:
    """Σ_g s_g s_gᵀ by a pivot table of clusters × (cell, variable)."""
    used = data[data['客户 "id"'].notna()]
    columns = []
    for (label,), decision, _ in cells:
        here = (used["Region of"].isna() if label is None else used["Region of"] == label) & (
            used["granted"] == decision
        )
        figures = {
            "rows": here * 1.0,
            "price": used["price"].fillna(0) * here,
            "known:price": used["price"].notna() & here,
        }
        columns += [figures[name].groupby(used['客户 "id"']).sum().to_numpy(float) for name in variables]
    sums = np.column_stack(columns)
    return sums.T @ sums


@pytest.mark.parametrize(("labels", "customers"), [(3, 150), (3, 1), (40, 100)])
def test_products_of_cells_within_clusters_equal_pandas(tmp_path, labels, customers):
    data = people(5, 4000, customers, labels)
    need = ClusterCellsNeed(CONTRACT["entity"], ("region",), sums=("price",))
    with opened(tmp_path, data) as source:
        found = collect_cluster_cells(source, need)
        plain = collect_cluster_cells(source, ClusterCellsNeed(CONTRACT["entity"], ("region",)))
    assert found.variables == ("rows", "known:price", "price")
    oracle = pandas_products(data, found.cells, found.variables)
    np.testing.assert_allclose(np.array(found.products), oracle, rtol=1e-12)
    np.testing.assert_array_equal(plain.between(), oracle[::3, ::3])
    assert found.clusters == plain.clusters == data['客户 "id"'].nunique()
    assert found.missing == data['客户 "id"'].isna().sum()
    assert plain.clusters_by_cell == found.clusters_by_cell
    assert cluster_cells_from_json(cluster_cells_to_json(found)) == found
    with pytest.raises(KeyError, match="no products of 'cost'"):
        found.between("cost")


def test_both_ways_to_the_products_agree(tmp_path, monkeypatch):
    need = ClusterCellsNeed(CONTRACT["entity"], ("region",), sums=("price",))
    moments = MomentsNeed("region", ("burden",), CONTRACT["entity"])
    with opened(tmp_path, people()) as source:
        wide, wide_moments = collect_cluster_cells(source, need), collect_moments(source, moments)
        monkeypatch.setattr(clusters, "_WIDEST", 0)
        long, long_moments = collect_cluster_cells(source, need), collect_moments(source, moments)
    np.testing.assert_allclose(np.array(long.products), np.array(wide.products), rtol=1e-14)
    np.testing.assert_allclose(long_moments.cluster_meat, wide_moments.cluster_meat, rtol=1e-12, atol=1e-14)
    assert (long.clusters_by_cell, long.largest) == (wide.clusters_by_cell, wide.largest)


@pytest.mark.parametrize(("rows", "customers"), [(5000, 2), (3000, 30), (160, 1)])
def test_a_first_guess_at_the_size_of_clusters_that_is_too_low_is_corrected(tmp_path, rows, customers):
    data = people(7, rows, customers)
    with opened(tmp_path, data) as source:
        found = collect_cluster_cells(source, ClusterCellsNeed(CONTRACT["entity"], ("region",)))
        cells = collect_cells(source, CellsNeed(("region",))).cells
    assert found.largest == data['客户 "id"'].value_counts().max() > 63
    np.testing.assert_array_equal(found.between(), pandas_products(data, cells, ["rows"]))


def test_rows_threads_and_engines_give_the_same_cluster_sums(tmp_path, monkeypatch, postgres_url):
    data = people(8, 3000, 100)
    need = ClusterCellsNeed(CONTRACT["entity"], ("region",), sums=("price",))
    moments_need = MomentsNeed("region", ("burden", "select"), CONTRACT["entity"])
    texts, meats = set(), []
    for threads, seed in (("1", 1), ("2", 2), ("4", 3)):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=seed)) as source:
            texts.add(cluster_cells_to_json(collect_cluster_cells(source, need)))
            meats.append(collect_moments(source, moments_need))
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS people")
        connection.execute('CREATE TABLE people ("case" bigint, "客户 ""id""" text, "Region of" text, burden float8, '
                           '"select" float8, price float8, granted int)')  # fmt: skip
        with connection.cursor().copy("COPY people FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if isinstance(value, float) and pd.isna(value) and i in (1, 2) else value
                                for i, value in enumerate(row)])  # fmt: skip
    with opened(tmp_path / "pg", data, connection=postgres_url, table="people") as source:
        texts.add(cluster_cells_to_json(collect_cluster_cells(source, need)))
        server = collect_moments(source, moments_need)
    assert len(texts) == 1
    assert meats[0] == meats[1] == meats[2]
    np.testing.assert_allclose(server.cluster_meat, meats[0].cluster_meat, rtol=1e-12, atol=1e-14)


def test_no_cluster_at_all_and_no_cells_to_part_are_answers_too(tmp_path):
    data = people(9, 300, 20)
    entity = CONTRACT["entity"]
    nobody = data.assign(**{entity: pd.Series([None] * 300, dtype="str"), "price": np.nan})
    with opened(tmp_path / "a", nobody) as source:
        found = collect_cluster_cells(source, ClusterCellsNeed(entity, ("region",), sums=("price",)))
        moments = collect_moments(source, MomentsNeed("region", ("burden",), entity))
    assert (found.clusters, found.largest, found.missing) == (0, 0, 300)
    assert not np.array(found.products).any()
    assert (moments.clusters, moments.labels, moments.cluster_missing) == (0, [], 300)
    with pytest.raises(ValueError, match="no cluster sums"):
        moments.clustered_meat()
    with opened(tmp_path / "b", data) as source:
        whole = collect_cluster_cells(source, ClusterCellsNeed(entity, decision=False))
    sizes = data[entity].value_counts()
    assert whole.products == ((float((sizes**2).sum()),),)
    assert whole.clusters_by_cell == (len(sizes),)


LOANS = {
    "unit": "case",
    "entity": "ent",
    "decision": {"column": "granted", "favourable": 1},
    "groups": {"region": {"column": "region", "reference": "north"}},
    "controls": ["x"],
    "strata": ["v"],
}
LOAN_ROWS = """SELECT i AS "case", CASE WHEN i % 7 < 4 THEN 'north' ELSE 'south' END AS region,
    i * 7919 % 13 % 2 AS granted, {x} AS x,
    CASE WHEN i % 50 = 0 THEN NULL ELSE i / 5 END AS ent, {v} AS v FROM {numbers}"""


def loans_in(kind, folder, url, v="'a'", x="i * 0.37", rows=600, **contract):
    """The same loans as Parquet, in a DuckDB file or on Postgres; ``v`` and ``x`` are SQL over i."""
    folder.mkdir(parents=True, exist_ok=True)
    contract = {**LOANS, **contract}
    if kind == "postgres":
        with psycopg.connect(url) as connection:
            numbers = f"generate_series(0, {rows - 1}) AS numbers(i)"
            connection.execute("DROP TABLE IF EXISTS loans_v")
            connection.execute(f"CREATE TABLE loans_v AS {LOAN_ROWS.format(x=x, v=v, numbers=numbers)}")
        source = {"connection": url, "table": "loans_v"}
    else:
        select = LOAN_ROWS.format(x=x, v=v, numbers=f"range({rows}) AS numbers(i)").replace("i / 5", "i // 5")
        with duckdb.connect(str(folder / "loans.db")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE TABLE loans_v AS {select}")
            connection.execute(f"COPY loans_v TO '{folder / 'v.parquet'}'")
        parquet = kind == "parquet"
        database = {"connection": f"duckdb:///{folder / 'loans.db'}", "table": "loans_v"}
        source = {"table": "v.parquet"} if parquet else database
    empty = pd.DataFrame({"case": [1]})
    return open_source(read_program(write_program(folder, empty, contract=contract, source=source)), Period())


def squares_of_clusters(source):
    """Σ_g n_g,v n_g,v′ over all v, v′ and the clusters of each v, from rows grouped in SQL by a number for v."""
    rows = source.rows(f'SELECT ent, "case" % 3, count(*) FROM {source.relation} WHERE ent IS NOT NULL GROUP BY 1, 2')
    table = pd.DataFrame(rows, columns=["e", "v", "n"]).pivot_table(index="e", columns="v", values="n", fill_value=0)
    return table.to_numpy().T @ table.to_numpy()


@pytest.mark.parametrize(("engine", "values"), [
    ("parquet", "(0.0525 + 0.0025 * (i % 3))::DECIMAL(6, 4)"),
    ("duckdb", "(100000000000000001 + i % 3)::DECIMAL(18, 0)"),
    ("duckdb", "(i % 3)::HUGEINT * 12345678901234567890123"),
    ("parquet", "18446744073709551610::UBIGINT + (i % 3)::UBIGINT"),
    ("parquet", "((i % 3) * 0.1)::REAL"),
    ("parquet", "(i % 3) / 7.0::DOUBLE + 0.1::DOUBLE"),
    ("parquet", "(TIMESTAMP '2024-01-01' + (i % 3) * INTERVAL 1 DAY)::TIMESTAMPTZ"),
    ("duckdb", "('2024-01-01 00:00:00.12345678' || (i % 3))::TIMESTAMP_NS"),
    ("parquet", "CASE i % 3 WHEN 0 THEN 'infinity'::DATE WHEN 1 THEN '12000-01-01'::DATE ELSE '2024-01-01'::DATE END"),
    ("duckdb", "('a' || (i % 3))::BLOB"),
    ("duckdb", "[i % 3, 1]"),
    ("duckdb", "(['a', 'B', 'c'])[i % 3 + 1]::ENUM('a', 'B', 'c')"),
    ("postgres", "((i % 3) * 0.1)::real"),
    ("postgres", "(i % 3) / 7.0::float8"),
    ("postgres", "(0.0525 + 0.0025 * (i % 3))::numeric(6, 4)"),
    ("postgres", "(100000000000000001 + i % 3)::numeric(18, 0)"),
    ("postgres", "('x' || (i % 3))::char(8)"),
    ("postgres", "CASE i % 3 WHEN 0 THEN 'infinity'::date WHEN 1 THEN '12000-01-01'::date ELSE '2024-01-01'::date END"),
    ("postgres", "('a' || (i % 3))::bytea"),
    ("postgres", "(i % 3) * interval '1 day'"),
])  # fmt: skip
def test_clusters_hold_every_row_whatever_type_the_labels_come_from(tmp_path, postgres_url, engine, values):
    need = ClusterCellsNeed("ent", (), ("v",), decision=False)
    with loans_in(engine, tmp_path, postgres_url, values) as source:
        found = collect_cluster_cells(source, need)
        oracle = squares_of_clusters(source)
    assert found.missing == 12
    if "infinity" in values:  # infinite days and far years are missing values
        assert [(labels, n) for labels, _, n in found.cells] == [(("2024-01-01",), 200), ((None,), 400)]
        return
    assert len(found.cells) == 3
    assert sorted(map(sorted, found.between())) == sorted(map(sorted, oracle.tolist()))


def test_a_group_of_decimals_has_the_same_errors_as_one_of_texts(tmp_path, postgres_url):
    rates = {
        "text": "(['0.0525', '0.055', '0.0575'])[i % 3 + 1]",
        "decimal": "(0.0525 + 0.0025 * (i % 3))::DECIMAL(6, 4)",
    }
    found = {}
    for name, v in rates.items():
        groups = {"rate": {"column": "v", "reference": "0.0525"}}
        with loans_in("parquet", tmp_path / name, postgres_url, v, groups=groups, strata=[]) as source:
            found[name] = collect_moments(source, MomentsNeed("rate", ("x",), "ent"))
    assert found["decimal"].labels == ["0.0525", "0.055", "0.0575"]
    assert found["decimal"] == found["text"]


def test_sums_over_other_rows_than_the_cells_are_never_returned(tmp_path, monkeypatch, postgres_url):
    need = ClusterCellsNeed("ent", (), ("v",), decision=False)
    with loans_in("parquet", tmp_path, postgres_url, "(0.0525 + 0.0025 * (i % 3))::DECIMAL(6, 4)") as source:
        right = collect_cluster_cells(source, need)
        monkeypatch.setattr(grouping, "_survives", lambda dtype: True)  # literals of decimals lose their digits
        assert collect_cluster_cells(source, need) == right  # by way of the labels
        cells = collect_cells(source, CellsNeed((), ("v",), (), False))
        (_, _, rows), *others = cells.cells
        monkeypatch.setattr(cluster_cells, "_held", lambda *_: [rows + 1, *(n for _, _, n in others)])
        with pytest.raises(InputError, match=r"in all clusters where .*ClusterCellsNeed\(cluster='ent'"):
            collect_cluster_cells(source, need, cells=cells)


@pytest.mark.parametrize("widest", [24, 0])
def test_moments_say_in_how_many_clusters_each_label_occurs(tmp_path, monkeypatch, postgres_url, widest):
    monkeypatch.setattr(clusters, "_WIDEST", widest)
    data = people(3, 800, 60)
    data.loc[data["Region of"] == "south", CONTRACT["entity"]] = "c1"
    data.loc[data["burden"].isna(), "Region of"] = "south"
    with opened(tmp_path / "a", data) as source:
        found = collect_moments(source, MomentsNeed("region", ("burden", "select"), CONTRACT["entity"]))
        plain = collect_moments(source, MomentsNeed("region", ("burden",)))
    _, used = on_rows(data)
    assert found.clusters_by_label == used.groupby("Region of")[CONTRACT["entity"]].nunique()[found.labels].tolist()
    assert 1 in found.clusters_by_label
    assert moments_from_json(moments_to_json(found)) == found
    assert plain.clusters_by_label == []
    counts = []
    for engine in ("duckdb", "postgres"):
        with loans_in(engine, tmp_path / engine, postgres_url) as source:
            counts.append(collect_moments(source, MomentsNeed("region", ("x",), "ent")).clusters_by_label)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("x", [
    "CASE WHEN i % 5 < 2 THEN 0.3 ELSE '0.30000000000000004'::float8 END",
    "10000000000000000 + i % 2 * 2", "10000000000000000 + i % 4 * 2",
])  # fmt: skip
def test_a_control_that_varies_by_its_last_bit_gives_the_fit_of_its_steps(tmp_path, postgres_url, x):
    steps = {"3": "CASE WHEN i % 5 < 2 THEN 0 ELSE 1 END", "2": "i % 2", "4": "i % 4"}
    step = steps["3" if "CASE" in x else x[-5]]
    results = []
    for engine, control in (("parquet", x), ("postgres", x), ("parquet", step)):
        with loans_in(engine, tmp_path / f"{len(results)}", postgres_url, x=control) as source:
            fit = fit_group_effects(collect_moments(source, MomentsNeed("region", ("x",), "ent")).grouped())
            results.append((*fit.group_coefficients, *fit.robust_errors, *fit.cluster_errors))
    np.testing.assert_allclose(results[0], results[2], rtol=1e-10)  # two scalings of the same design
    np.testing.assert_allclose(results[1], results[2], rtol=1e-10)


@pytest.mark.parametrize("x", [
    "(i % 5 = 0)", "CASE i % 3 WHEN 0 THEN -1 WHEN 1 THEN 1 ELSE 1e-200::float8 END",
    "CASE WHEN i % 2 = 0 THEN 1::float8 ELSE 1e-170::float8 END",
    "CASE WHEN i % 2 = 0 THEN 1e300::float8 ELSE 1e-300::float8 END",
    "CASE WHEN i % 2 = 0 THEN '5e-324'::float8 ELSE 1e-310::float8 END",
])  # fmt: skip
def test_booleans_and_numbers_that_underflow_when_squared_are_the_same_in_both_engines(tmp_path, postgres_url, x):
    found = []
    for engine in ("duckdb", "postgres"):
        with loans_in(engine, tmp_path / engine, postgres_url, x=x) as source:
            moments = collect_moments(source, MomentsNeed("region", ("x",), "ent"))
            products = collect_cluster_cells(source, ClusterCellsNeed("ent", ("region",), sums=("x",)))
            cells = collect_cells(source, CellsNeed(("region",), sums=("x",)))
            histogram = collect_histogram(source, HistogramNeed("x", ("region",)))
        found.append((cells, products, histogram, moments.cross, moments.counts))
        assert np.isfinite(moments.grouped().meat).all()
    assert found[0] == found[1]


def test_products_beyond_the_largest_double_are_infinite_in_their_file_too(tmp_path, postgres_url):
    with loans_in(
        "parquet", tmp_path, postgres_url, x="CASE WHEN i % 2 = 0 THEN 1e200::float8 ELSE -1e-3 END"
    ) as source:
        found = collect_cluster_cells(source, ClusterCellsNeed("ent", ("region",), sums=("x",)))
    assert np.isinf(found.between("x", "x")).any()
    assert np.isfinite(found.between()).all()
    assert '"inf"' in cluster_cells_to_json(found)
    assert cluster_cells_from_json(cluster_cells_to_json(found)) == found

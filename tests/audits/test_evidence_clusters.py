"""Cluster sums from the engine against pandas and statsmodels on rows, on DuckDB and Postgres.

Tolerance 1e-9 relative for CR1: rows are rounded to 2⁻⁴⁰ and the normal equations cost a few digits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest
import statsmodels.api as sm

from audits.evidence import clusters
from audits.evidence.cells import collect_cells
from audits.evidence.cluster_cells import cluster_cells_from_json, cluster_cells_to_json, collect_cluster_cells
from audits.evidence.moments import collect_moments, moments_from_json, moments_to_json
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, MomentsNeed
from audits.statistics.linear_model import _assemble, _independent, fit_group_effects
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
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

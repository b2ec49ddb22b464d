"""Cells with columns and sums against pandas and exact fractions, through the collector and on Postgres."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence import cells as cells_module
from audits.evidence.cells import cells_from_csv, cells_to_csv, collect_cells
from audits.evidence.cluster_cells import collect_cluster_cells
from audits.evidence.collect import Evidence, collect
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, HistogramNeed, MomentsNeed
from audits.record import digest_of
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

CONTRACT = {
    "unit": "case",
    "decision": {"column": "GROUP", "favourable": "yes"},
    "groups": {
        "region": {"column": 'Region "of" x', "reference": "north"},
        "年龄": {"column": "年龄", "bands": [25, 40, 62], "reference": "25-39"},
        "code": {"column": "code", "reference": "1", "labels": {"1": "one", "2": "two", "3": "three"}},
    },
    "strata": ["select", "Branch"],
    "price": "price",
    "weight": "weight",
    "controls": ["price"],
    "entity": "office",
}
NEED_OF_COUNTS = CellsNeed(("code", "region", "年龄"), ("Branch", "select"))
# Region, age, code, stratum and decision with every way of saying that something is missing
NEED = CellsNeed(("code", "region", "年龄"), ("Branch", "select"), ("price", "weight"))


def applications(seed=1, rows=2000, scale=1.0):
    rng = np.random.default_rng(seed)
    pick = lambda values: np.array(values, dtype=object)[rng.integers(0, len(values), rows)]  # noqa: E731
    return pd.DataFrame({
        "case": np.arange(rows), 'Region "of" x': pick(["north", "south ", "NaN", " ", "Süd", None, "O'Neill"]),
        "年龄": rng.choice([18, 25.0, 39.999, 61.5, 62, np.nan, np.inf], rows),
        "code": rng.choice([1.0, 2, 3, np.nan], rows),
        "select": rng.integers(0, 3, rows), "Branch": pick(["a", "A", None]), "office": rng.integers(0, 40, rows),
        "price": np.where(rng.uniform(size=rows) < 0.1, rng.choice([np.nan, np.inf, -np.inf], rows),
                          rng.normal(0, 1, rows) * 10.0 ** rng.integers(-6, 6, rows)) * scale,
        "weight": rng.uniform(0, 1, rows), "GROUP": pick(["yes", "no", None, "nan"]),
    })  # fmt: skip


def opened(folder, data, **source):
    changes = {"source": source} if source else {}
    return open_source(read_program(write_program(folder, data, contract=CONTRACT, **changes)), Period())


def plain_rows(data):
    """Rows as tuples, None for a text that is missing."""
    texts = [not pd.api.types.is_numeric_dtype(dtype) for dtype in data.dtypes]
    for row in data.itertuples(index=False):
        yield tuple(None if text and pd.isna(value) else value for value, text in zip(row, texts, strict=True))


def label_of_region(value):
    return None if value is None or value.strip().lower() in ("", "nan") else value


def label_of_age(value):
    if not np.isfinite(value):
        return None
    return "under 25" if value < 25 else "25-39" if value < 40 else "40-61" if value < 62 else "62+"


def by_hand(data):
    """Cell → (rows, values of price), one row at a time."""
    found = {}
    for row in plain_rows(data):
        _, region, age, code, stratum, branch, _, price, _, decision = row
        key = (
            {1: "one", 2: "two", 3: "three"}.get(code), label_of_region(region), label_of_age(age),
            branch, str(stratum), {"yes": 1, "no": 0}.get(decision),
        )  # fmt: skip
        rows, prices = found.get(key, (0, []))
        found[key] = rows + 1, prices + ([price] if np.isfinite(price) else [])
    return found


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e120])
def test_cells_and_their_sums_equal_a_loop_over_rows(tmp_path, scale):
    data = applications(scale=scale)
    with opened(tmp_path, data) as source:
        found = collect_cells(source, NEED)
    oracle = by_hand(data)
    assert {(*labels, decision): rows for labels, decision, rows in found.cells} == {
        k: n for k, (n, _) in oracle.items()
    }
    for (labels, decision, _), totals in zip(found.cells, found.totals, strict=True):
        prices = oracle[(*labels, decision)][1]
        assert totals[0].known == len(prices)
        # exact but for the last place: values span 12 decimal orders, all within 2^-101 of the largest
        assert totals[0].sum == pytest.approx(float(sum(map(Fraction, prices))), rel=1e-15, abs=1e-30 * scale)
        assert totals[0].squares == pytest.approx(float(sum(Fraction(p) ** 2 for p in prices)), rel=1e-14)
    assert cells_from_csv(cells_to_csv(found)) == found


def test_a_value_far_below_the_largest_is_not_lost(tmp_path):
    data = applications()
    data["price"] = np.where(data["select"] == 0, 1e12, 1e-3)
    with opened(tmp_path, data) as source:
        found = collect_cells(source, CellsNeed(columns=("select",), sums=("price",), decision=False))
    small = dict(zip((labels for labels, _, _ in found.cells), found.totals, strict=True))[("1",)][0]
    assert small.sum == pytest.approx(small.known * 1e-3, rel=1e-15)


def test_a_need_is_served_from_larger_cells_by_adding_up(tmp_path):
    data = applications()
    part = CellsNeed(("region",), ("select",), ("price",), decision=False)
    with opened(tmp_path, data) as source:
        direct, larger = collect_cells(source, part), collect_cells(source, NEED)
    projected = larger.project(part)
    assert projected.cells == direct.cells
    np.testing.assert_allclose(
        [(t.known, t.sum, t.squares) for (t,) in projected.totals],
        [(t.known, t.sum, t.squares) for (t,) in direct.totals], rtol=1e-12,
    )  # fmt: skip


def test_the_collector_joins_needs_hands_each_its_own_and_names_what_nobody_declared(tmp_path):
    data = applications()
    needs = [CellsNeed(("region",)), CellsNeed(("code",), ("select",)), ClusterCellsNeed("office", ("code",)),
             MomentsNeed("code", ("price",), "office"), HistogramNeed("price", ("code",))]  # fmt: skip
    with opened(tmp_path, data) as source:
        files = collect(source, needs, tmp_path / "evidence", len(data))
        evidence = Evidence(tmp_path / "evidence", None)
        assert evidence.cells(needs[0]) == collect_cells(source, needs[0])
        assert evidence.cells(needs[1]) == collect_cells(source, needs[1])
        with pytest.raises(KeyError, match="年龄"):
            evidence.cells(CellsNeed(("年龄",)))
    assert [file.name for file in files if file.name.startswith("cells")] == ["cells.csv"]
    assert evidence.cluster_cells(needs[2]).clusters == 40
    assert evidence.moments(needs[3]).clusters == 40
    assert evidence.histogram(needs[4]).score == "price"
    for ask, need in (
        (evidence.moments, MomentsNeed("region", ("price",))),
        (evidence.cluster_cells, ClusterCellsNeed("office")),
        (evidence.histogram, HistogramNeed("weight")),
    ):
        with pytest.raises(KeyError, match="nothing was collected"):
            ask(need)


def test_sums_of_few_rows_are_closed_to_others_and_counts_are_not(tmp_path):
    data = applications()
    data["office"] = 7
    with opened(tmp_path, data) as source:
        for name, need, closed in (
            ("few", CellsNeed(("region",), ("Branch", "select"), ("price",)), True),
            ("many", CellsNeed((), ("select",), ("weight",), decision=False), False),
            ("counts", NEED_OF_COUNTS, False),
        ):
            (file,) = [one for one in collect(source, [need], tmp_path / name / "evidence", 2000)
                       if one.name != "scans.json"]  # fmt: skip
            cells = collect_cells(source, need)
            assert any(n < 5 for _, _, n in cells.cells) == (name != "many")
            assert file.name == ("restricted/cells.csv" if closed else "cells.csv")
            path = tmp_path / name / (file.name if closed else f"evidence/{file.name}")
            assert file.digest == digest_of(path.read_bytes())
            assert (path.stat().st_mode & 0o077 == 0) == closed
            assert (tmp_path / name / "evidence" / "cells.csv").exists() != closed
            assert Evidence(tmp_path / name / "evidence", None).cells(need) == cells
        few = data.copy()
        few["weight"] = few["weight"].where(few.index < 4)
    with opened(tmp_path / "sparse", few) as source:  # many rows, of which four have a value
        cells = collect_cells(source, CellsNeed((), ("office",), ("weight",), decision=False))
        assert cells.tells_persons
        assert [n for _, _, n in cells.cells] == [2000]


def test_needs_whose_union_would_be_too_large_are_scanned_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(cells_module, "LARGEST_UNION", 40)
    needs = [CellsNeed(("region",)), CellsNeed(("code",)), CellsNeed(("年龄",), ("select",))]
    with opened(tmp_path, applications()) as source:
        files = collect(source, needs, tmp_path / "evidence", 2000)
        evidence = Evidence(tmp_path / "evidence", None)
        for need in needs:
            assert evidence.cells(need) == collect_cells(source, need)
    assert len([file for file in files if file.name.startswith("cells")]) == 3
    assert evidence.attributes() == ("code", "region", "年龄")


def test_order_threads_and_engine_leave_every_byte_of_cells_with_sums(tmp_path, monkeypatch, postgres_url):
    data = applications(3)
    texts = set()
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=int(threads))) as source:
            texts.add(cells_to_csv(collect_cells(source, NEED)))
    kinds = {"object": "text", "str": "text", "float64": "float8", "int64": "bigint"}
    columns = ", ".join('"' + name.replace('"', '""') + '" ' + kinds[str(data[name].dtype)] for name in data)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS applications")
        connection.execute(f"CREATE TABLE applications ({columns})")
        with connection.cursor().copy("COPY applications FROM STDIN") as copy:
            for row in plain_rows(data):
                copy.write_row(row)
    with opened(tmp_path / "pg", data, connection=postgres_url, table="applications") as source:
        texts.add(cells_to_csv(collect_cells(source, NEED)))
    assert len(texts) == 1


@pytest.mark.parametrize("file", ["loans.csv", "loans.parquet"])
def test_grouping_before_or_after_cleaning_gives_the_same_cells(tmp_path, file):
    data = applications(4)
    data['Region "of" x'] = data['Region "of" x'].replace({" ": "unknown"})
    program = read_program(write_program(tmp_path, data, file=file, contract=CONTRACT))
    with open_source(program, Period()) as source:
        table = source.table
        found = collect_cells(source, CellsNeed(("region", "年龄", "code")))
        names = [f"squaredeal_group_{name}" for name in ("region", "年龄", "code")] + ["squaredeal_favourable"]
        rows = source.rows(table.select(*names))
    counts = pd.Series(rows).value_counts().to_dict()
    assert {(*labels, decision): n for labels, decision, n in found.cells} == counts


@pytest.mark.parametrize("attribute", ["code", "年龄", "region"])
def test_cells_within_clusters_know_coded_banded_and_spelt_out_labels(tmp_path, attribute):
    data = applications(5)
    need = ClusterCellsNeed("office", (attribute,), sums=())
    with opened(tmp_path, data) as source:
        found = collect_cluster_cells(source, need)
        names = [f"squaredeal_group_{attribute}", "squaredeal_favourable"]
        rows = pd.DataFrame(source.rows(source.table.select("office", *names)), columns=["office", "label", "decision"])
    keys = [(label, decision) for (label,), decision, _ in found.cells]
    own = [
        (None if pd.isna(label) else label, None if pd.isna(decision) else int(decision))
        for label, decision in zip(rows["label"], rows["decision"], strict=True)
    ]
    table = np.zeros((40, len(keys)))
    for office, key in zip(rows["office"], own, strict=True):
        table[office, keys.index(key)] += 1
    np.testing.assert_array_equal(found.between(), table.T @ table)
    assert found.clusters_by_cell == tuple((table > 0).sum(axis=0))

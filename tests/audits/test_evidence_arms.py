"""Money by arm against pandas, through the collector, in both engines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.comparisons.flags import flag_of
from audits.evidence.arm_tables import arm_table, skewness_of
from audits.evidence.arms import ArmCell, Arms, arms_from_json, arms_to_json, collect_arms
from audits.evidence.collect import Evidence, collect
from audits.evidence.needs import ArmsNeed
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.pushes import offers, written

NEED = ArmsNeed("kept_back", "drawn", ("segment",), ("age",), "health", "customer", "shown")


def holes(data: pd.DataFrame) -> pd.DataFrame:
    """Every way in which a row can fail to count."""
    data = data.astype({"age": float, "shown": object, "kept_back": object, "customer": object})
    data["shown"] = data["shown"].map({True: "Yes", False: " n"})
    data["kept_back"] = data["kept_back"].map({True: "T", False: "0"})
    data["customer"] = "c" + data["customer"].astype(str)
    for i, (name, value) in enumerate([
        ("drawn", None), ("drawn", -5.0), ("drawn", 1e15), ("drawn", np.inf), ("customer", None), ("kept_back", "nan"),
        ("kept_back", None), ("shown", None), ("segment", None), ("segment", "O'x"), ("health", None), ("age", None),
        ("drawn", 0.0), ("drawn", 1e-200),
    ]):  # fmt: skip
        data.loc[data.index[i::97], name] = value
    return data


def by_hand(data: pd.DataFrame, edges: tuple[float, ...]) -> dict:
    """(label, segment, band, arm, other) → rows by what they lack, and the amounts that count."""
    found: dict = {}
    for row in data.itertuples(index=False):
        band = None if pd.isna(row.age) else str(1 + int(np.searchsorted(edges, row.age)))
        texts = [None if pd.isna(value) else str(value) for value in (row.kept_back, row.shown)]
        segment, label = (None if pd.isna(value) else value for value in (row.segment, row.health))
        key = label, (segment, band), flag_of(texts[0]), flag_of(texts[1])
        fault = (
            "nobody" if pd.isna(row.customer) else "missing" if pd.isna(row.drawn) or np.isinf(row.drawn)
            else "below" if row.drawn < 0 else "beyond" if row.drawn >= 1e15 else "known"
        )  # fmt: skip
        found.setdefault(key, {}).setdefault(fault, []).append(row.drawn)
    return found


def collected(folder, data, need=NEED, **changes) -> Arms:
    with open_source(read_program(written(folder, data, controls=["age"], **changes)), Period()) as source:
        return collect_arms(source, need)


def test_cells_are_those_of_a_loop_over_rows(tmp_path):
    data = holes(offers())
    found = collected(tmp_path, data)
    oracle = by_hand(data, found.edges[0])
    assert {(c.label, c.stratum, c.arm, c.other): c.rows for c in found.cells} == {
        key: sum(map(len, kinds.values())) for key, kinds in oracle.items()
    }
    for cell in found.cells:
        kinds = oracle[cell.label, cell.stratum, cell.arm, cell.other]
        assert {name: getattr(cell, name) for name in ("known", "missing", "below", "beyond", "nobody")} == {
            name: len(kinds.get(name, ())) for name in ("known", "missing", "below", "beyond", "nobody")
        }  # fmt: skip
        y = np.array(kinds.get("known", ()), dtype=float)
        assert (cell.total, cell.squares, cell.cubes) == pytest.approx((y.sum(), (y**2).sum(), (y**3).sum()), rel=1e-12)
    assert arms_from_json(arms_to_json(found)) == found
    assert found.rows == len(data)
    shares = np.searchsorted(found.edges[0], data["age"].dropna(), side="left")
    assert np.allclose(np.bincount(shares) / len(shares), 0.2, atol=0.03)


def test_skewness_is_that_of_the_amounts(tmp_path):
    data = offers()
    found = collected(tmp_path, data)
    for kept in (True, False):
        cells = [cell for cell in found.cells if cell.arm is kept]
        assert skewness_of(cells) == pytest.approx(data["drawn"][data["kept_back"] == kept].skew(), rel=0.01)
    assert skewness_of([]) == 0.0


def usable(data: pd.DataFrame) -> pd.DataFrame:
    amount = data["drawn"].astype(float)
    kept = data["kept_back"].map(lambda text: None if pd.isna(text) else flag_of(str(text)))
    fine = (amount >= 0) & (amount < 1e15) & data["customer"].notna() & kept.notna()
    return data[fine].assign(drawn=amount[fine], kept=kept[fine].astype(bool))


@pytest.mark.parametrize("population", [False, True])
def test_score_sums_of_clusters_are_those_of_rows(tmp_path, population):
    data = holes(offers())
    need = ArmsNeed("kept_back", "drawn", ("segment",), (), "health", "customer", population=population)
    found = collected(tmp_path, data, need)
    scores = found.scores
    assert scores is not None
    assert scores.labels[0] == "well"
    rows = usable(data)
    by_label = {}
    for label, (c0, c1, either) in zip(scores.labels, scores.clusters, strict=True):
        table = arm_table(found, label, population=population)
        mine = rows[rows["health"] == label]
        difference = table.difference
        at = [table.place[(None if pd.isna(s) else s,)] for s in mine["segment"]], mine["kept"].astype(int).to_numpy()
        score = difference.levels[at] + difference.slopes[at] * (mine["drawn"] - difference.means[at])
        by_label[label] = score.groupby(mine["customer"]).sum()
        counts = mine.groupby("kept")["customer"].nunique()
        assert (c0, c1, either) == (counts[False], counts[True], mine["customer"].nunique())
    for label, (own, shared), share in zip(scores.labels, scores.variances, scores.largest_shares, strict=True):
        sums = by_label[label]
        assert own == pytest.approx((sums**2).sum(), rel=1e-10)
        assert shared == pytest.approx(sums.mul(by_label["well"], fill_value=0.0).sum(), rel=1e-9, abs=1e-9 * own)
        assert share == pytest.approx((sums**2).max() / (sums**2).sum(), rel=1e-9)
    z = rows["kept"] - rows["kept"].mean()
    names = {"+ill\x1f": "ill", "+well\x1f": "well", "-\x1f": "nobody"}
    levels = [[names[name] for name in level] for level in scores.levels]
    shown = rows["health"].fillna("nobody")
    part = np.column_stack([shown.isin(level) for level in levels]).astype(float)
    away = pd.DataFrame((part - part.mean(axis=0)) * z.to_numpy()[:, None]).groupby(rows["customer"].to_numpy()).sum()
    wanted = (away.to_numpy().T @ away.to_numpy())[:-1, :-1] * scores.total / (scores.total - 1)
    np.testing.assert_allclose(scores.balance_variance(part.sum(axis=0)), wanted, rtol=1e-8)
    assert (scores.total, scores.largest) == (rows["customer"].nunique(), rows["customer"].value_counts().max())


def test_a_huge_amount_changes_no_figure_of_the_other_group(tmp_path):
    data = offers()
    need = ArmsNeed("kept_back", "drawn", ("segment",), (), "health", "customer")
    plain = collected(tmp_path / "a", data, need)
    ill = data.index[(data["health"] == "ill") & ~data["kept_back"]][0]
    for place, huge in enumerate((9e14, 1e15, 1e300)):
        data.loc[ill, "drawn"] = huge
        found = collected(tmp_path / f"b{place}", data, need)
        assert arm_table(found, "well", population=False).difference.variance == pytest.approx(
            arm_table(plain, "well", population=False).difference.variance, rel=1e-12
        )
        assert found.scores.variances[0][0] == pytest.approx(plain.scores.variances[0][0], rel=1e-9)
    assert sum(cell.beyond for cell in found.cells) == 1
    without = collected(tmp_path / "c", data.drop(index=ill), need)
    assert found.scores.variances[1][0] == pytest.approx(without.scores.variances[1][0], rel=1e-9)


def test_small_strata_are_one_in_an_experiment_and_left_out_by_name_otherwise(tmp_path):
    data = offers()
    data.loc[data.index[:2], "segment"] = ["odd", "rare"]
    need = ArmsNeed("kept_back", "drawn", ("segment",))
    found = collected(tmp_path, data, need)
    dealt, seen = arm_table(found, None, population=False), arm_table(found, None, population=True)
    assert dealt.place[("odd",)] == dealt.place[("rare",)] == 3
    assert [stratum for stratum, _ in seen.left_out] == [("odd",), ("rare",)]
    assert seen.difference.n == len(data) - 2
    assert dealt.together == 2


def test_odd_flags_are_told_by_value(tmp_path):
    data = offers()
    data["kept_back"] = data["kept_back"].map({True: "yes", False: "no"})
    data.loc[data.index[:3], "kept_back"] = ["perhaps", "2", "Ja"]
    found = collected(tmp_path, data, NEED)
    assert found.odd == (("kept_back", "2"), ("kept_back", "Ja"), ("kept_back", "perhaps"))
    assert found.scores is None


@pytest.mark.parametrize("population", [False, True])
def test_postgres_gives_the_same_arms(postgres_url, tmp_path, population):
    data = holes(offers())
    need = ArmsNeed("kept_back", "drawn", ("segment",), ("age",), "health", "customer", "shown", population)
    here = collected(tmp_path / "a", data, need)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS offers")
        connection.execute(
            "CREATE TABLE offers (occasion bigint, customer text, health text, segment text, shown text, "
            "kept_back text, drawn float8, line float8, age float8)"
        )
        with connection.cursor().copy("COPY offers FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(None if pd.isna(value) else value for value in row))
    file = written(tmp_path / "b", data, controls=["age"])
    text = file.read_text().replace("table: offers.parquet", f"connection: {postgres_url}\n  table: offers")
    text = text.replace("table: loans.parquet", f"connection: {postgres_url}\n  table: offers")
    file.write_text(text)
    with open_source(read_program(file), Period()) as source:
        assert source.engine != "duckdb"
        there = collect_arms(source, need)
        files = collect(source, [need], tmp_path / "evidence", len(data))
        assert Evidence(tmp_path / "evidence", None).arms(need) == there
    assert next(file.rows for file in files) == len(data)
    assert there.cells == here.cells
    assert there.edges == here.edges
    np.testing.assert_allclose(there.scores.variances, here.scores.variances, rtol=1e-11)
    np.testing.assert_allclose(there.scores.departures, here.scores.departures, rtol=1e-11)
    assert (there.scores.clusters, there.scores.levels) == (here.scores.clusters, here.scores.levels)


def test_sums_of_few_rows_tell_persons():
    cell = ArmCell("young", ("a",), True, None, known=5, total=10.0)
    assert not Arms(None, (cell,), (), ()).tells_persons
    few = replace(cell, known=4)
    assert Arms(None, (cell, few), (), ()).tells_persons
    assert not Arms(None, (replace(few, known=0, total=0.0, missing=3),), (), ()).tells_persons  # counts alone

"""Moments of any response, with or without groups and strata, against statsmodels on rows.

Tolerance 1e-9 relative: both sides solve the same normal equations in double precision on well scaled columns; sums are
exact to 2^-61 of a row, and clusters' sums to 2⁻⁴⁰.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from audits.evidence.collect import collect
from audits.evidence.moments import collect_moments, moments_from_json, moments_to_json
from audits.evidence.needs import MomentsNeed, unknown_names
from audits.statistics.linear_model import fit_group_effects
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

RELATIVE = 1e-9
CONTRACT = {
    "unit": "case",
    "entity": "client",
    "decision": {"column": "granted", "favourable": 1},
    "groups": {"region": {"column": "Region of", "reference": "north"}},
    "rate": {"column": "利率", "unit": "percent"},
    "controls": ["burden", "p"],
    "strata": ["product", "office", "code"],
}


def priced(seed: int, rows: int = 3000, clients: int = 400, offices: int = 5) -> pd.DataFrame:
    """Loans whose rate depends on product, office, burden and region, with missing values of each."""
    rng = np.random.default_rng(seed)
    client = rng.integers(0, clients, rows)
    data = pd.DataFrame({
        "case": np.arange(rows), "client": [f"c{c}" for c in client], "granted": rng.integers(0, 2, rows),
        "Region of": rng.choice(["north", "south", "east"], rows, p=[0.6, 0.3, 0.1]),
        "burden": rng.normal(0.3, 0.1, rows), "p": rng.uniform(0, 1, rows),
        "product": rng.choice(["auto & car", "home = own", "missing"], rows),
        "office": rng.integers(0, offices, rows).astype(float), "code": [f"k{i}" for i in range(rows)],
    })  # fmt: skip
    shared = rng.normal(0, 0.5, clients)[client]
    effect = data["product"].map({"auto & car": 0.0, "home = own": -1.0, "missing": 2.0}) + 0.1 * data["office"]
    data["利率"] = 6 + effect + 0.3 * (data["Region of"] == "south") + data["burden"] + shared + rng.gamma(1, 1, rows)
    for column in ("利率", "burden", "client", "product", "office"):
        data.loc[rng.integers(0, rows, 25), column] = None
    return data


def opened(folder, data, contract=CONTRACT):
    return open_source(read_program(write_program(folder, data, contract=contract)), Period())


def complete(data: pd.DataFrame, need: MomentsNeed) -> pd.DataFrame:
    label = ["Region of"] if need.attribute else []
    return data.dropna(subset=[*label, need.response or "granted", *need.controls, *filter(None, [need.cluster])])


def levels(used: pd.DataFrame, need: MomentsNeed, crossed: bool) -> list[np.ndarray]:
    """Indicators by pandas: all but one level, of the combination or of each column."""
    plain = used[list(need.strata)].astype(object).where(used[list(need.strata)].notna(), "(none)").astype(str)
    keys = [plain.agg("|".join, axis=1)] if crossed and need.strata else [plain[name] for name in need.strata]
    return [(key == level).to_numpy(float) for key in keys for level in sorted(set(key))[1:]]


def on_rows(data: pd.DataFrame, need: MomentsNeed, crossed: bool = True):
    """Fits of statsmodels: HC1 and clustered; group columns last, controls first after the constant."""
    used = complete(data, need)
    groups = sorted(set(used["Region of"]) - {"north"}) if need.attribute else []
    columns = [used[name].to_numpy(float) for name in need.controls] + levels(used, need, crossed)
    columns += [(used["Region of"] == name).to_numpy(float) for name in groups]
    design = np.column_stack([np.ones(len(used)), *columns])
    model = sm.OLS(used[need.response or "granted"].to_numpy(float), design)
    clustered = None
    if need.cluster:
        clustered = model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(used[need.cluster])[0]})
    return model.fit(), model.fit(cov_type="HC1"), clustered, len(groups)


@pytest.mark.parametrize("cluster", [None, "client"])
@pytest.mark.parametrize(("controls", "strata", "offices", "crossed"), [
    ((), (), 5, True), (("burden",), (), 5, True), (("burden", "p"), ("product",), 5, True),
    (("burden",), ("product", "office"), 5, True), (("burden",), ("product", "office"), 17, False),
])  # fmt: skip
def test_group_effects_on_a_rate_equal_statsmodels_on_rows(tmp_path, cluster, controls, strata, offices, crossed):
    data = priced(1, offices=offices)
    need = MomentsNeed("region", controls, cluster, "利率", strata)
    with opened(tmp_path, data) as source:
        moments = collect_moments(source, need)
    fit = fit_group_effects(moments.grouped())
    plain, robust, clustered, groups = on_rows(data, need, crossed)
    assert (moments.crossed, fit.n, fit.k) == (crossed, int(plain.nobs), len(plain.params))
    np.testing.assert_allclose(fit.group_coefficients, plain.params[-groups:], rtol=RELATIVE)
    np.testing.assert_allclose(fit.classical_errors, plain.bse[-groups:], rtol=RELATIVE)
    np.testing.assert_allclose(fit.robust_errors, robust.bse[-groups:], rtol=RELATIVE)
    if cluster:
        np.testing.assert_allclose(fit.cluster_errors, clustered.bse[-groups:], rtol=RELATIVE)
        used = complete(data, need)
        by_label = used.groupby("Region of")["client"].nunique()
        assert moments.clusters_by_label == [by_label[name] for name in moments.labels]
    assert moments_from_json(moments_to_json(moments)) == moments


def test_strata_in_a_model_of_the_decision_equal_statsmodels_on_rows(tmp_path):
    data = priced(2)
    need = MomentsNeed("region", ("burden",), "client", strata=("product", "office"))
    with opened(tmp_path, data) as source:
        moments = collect_moments(source, need)
    fit = fit_group_effects(moments.grouped())
    plain, robust, clustered, groups = on_rows(data, need)
    np.testing.assert_allclose(fit.group_coefficients, plain.params[-groups:], rtol=RELATIVE)
    np.testing.assert_allclose(fit.robust_errors, robust.bse[-groups:], rtol=RELATIVE)
    np.testing.assert_allclose(fit.cluster_errors, clustered.bse[-groups:], rtol=RELATIVE)
    assert sum(moments.favourable) == complete(data, need)["granted"].sum()


@pytest.mark.parametrize("response", [None, "利率"])
def test_without_an_attribute_the_controls_have_coefficients_and_errors_of_their_own(tmp_path, response):
    data = priced(3)
    need = MomentsNeed(None, ("burden", "p"), "client", response, ("product",))
    with opened(tmp_path, data) as source:
        moments = collect_moments(source, need)
    fit = fit_group_effects(moments.grouped())
    plain, robust, clustered, _ = on_rows(data, need)
    half = np.array([high / 2 - low / 2 for low, high in moments.ranges])
    np.testing.assert_allclose(fit.control_coefficients[:2] / half, plain.params[1:3], rtol=RELATIVE)
    np.testing.assert_allclose(fit.control_classical[:2] / half, plain.bse[1:3], rtol=RELATIVE)
    np.testing.assert_allclose(fit.control_robust[:2] / half, robust.bse[1:3], rtol=RELATIVE)
    np.testing.assert_allclose(fit.control_cluster[:2] / half, clustered.bse[1:3], rtol=RELATIVE)
    assert (len(fit.group_coefficients), moments.labels) == (0, ["all rows"])


def test_a_missing_level_is_a_level_of_its_own_beside_one_of_that_name(tmp_path):
    with opened(tmp_path, priced(4)) as source:
        moments = collect_moments(source, MomentsNeed("region", (), None, "利率", ("product",)))
    assert moments.indicators == ["product = home = own", "product = missing", "product missing"]


@pytest.mark.parametrize(("strata", "offices", "words"), [
    (("code",), 5, "more than 1,024 combinations"), (("office",), 200, "levels, more than the 128"),
])  # fmt: skip
@pytest.mark.parametrize("cluster", [None, "client"])
def test_too_many_levels_are_refused_with_their_reason_and_nothing_is_fitted(tmp_path, strata, offices, words, cluster):
    with opened(tmp_path, priced(5, offices=offices)) as source:
        moments = collect_moments(source, MomentsNeed("region", ("burden",), cluster, "利率", strata))
    assert words in moments.refused
    assert (moments.labels, moments.counts) == ([], [])
    assert moments_from_json(moments_to_json(moments)) == moments


def test_a_response_that_never_varies_has_no_effect_and_no_error(tmp_path):
    data = priced(6).assign(利率=5.25)
    with opened(tmp_path, data) as source:
        fit = fit_group_effects(collect_moments(source, MomentsNeed("region", ("burden",), None, "利率")).grouped())
    assert (fit.group_coefficients == 0).all()
    assert (fit.robust_errors == 0).all()
    assert fit.intercept == 5.25


def test_a_response_that_nobody_has_leaves_no_group(tmp_path):
    data = priced(7).assign(利率=np.nan)
    with opened(tmp_path, data) as source:
        moments = collect_moments(source, MomentsNeed("region", ("burden",), "client", "利率", ("product",)))
    assert (moments.labels, moments.measured_missing, moments.refused) == ([], 3000, None)


@pytest.mark.parametrize("offices", [5, 17])
def test_row_order_and_threads_leave_every_byte_of_moments_with_strata(tmp_path, monkeypatch, offices):
    data = pd.concat([priced(seed, 600, offices=offices) for seed in range(2)], ignore_index=True)
    data["case"] = np.arange(len(data))
    texts = set()
    for threads, order in (("1", None), ("4", 1), ("2", 2)):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        shuffled = data if order is None else data.sample(frac=1, random_state=order)
        with opened(tmp_path / threads, shuffled) as source:
            need = MomentsNeed("region", ("burden", "p"), "client", "利率", ("product", "office"))
            texts.add(moments_to_json(collect_moments(source, need)))
    assert len(texts) == 1


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_rate_in_another_unit_changes_the_unit_of_the_effect_alone(tmp_path, unit):
    data = priced(8)
    data["利率"] = data["利率"] * unit + 3 * unit
    need = MomentsNeed("region", ("burden",), None, "利率", ("product",))
    with opened(tmp_path, data) as source:
        fit = fit_group_effects(collect_moments(source, need).grouped())
    plain, robust, _, groups = on_rows(data.assign(利率=data["利率"] / unit), need)
    np.testing.assert_allclose(fit.group_coefficients / unit, plain.params[-groups:], rtol=1e-8)
    np.testing.assert_allclose(fit.robust_errors / unit, robust.bse[-groups:], rtol=1e-8)


def test_every_kind_of_moments_lies_in_a_file_of_its_own_and_plain_ones_keep_their_name(tmp_path):
    needs = [
        MomentsNeed("region", ("burden",)), MomentsNeed("region", ("burden",), "client"),
        MomentsNeed("region", ("burden",), None, "利率"), MomentsNeed("region", ("burden",), strata=("product",)),
        MomentsNeed("region", ("burden",), strata=("office",)), MomentsNeed(None, ("burden",)),
        MomentsNeed(None, (), None, "利率"),
    ]  # fmt: skip
    with opened(tmp_path, priced(9, 300)) as source:
        files = collect(source, needs, tmp_path / "evidence", 300)
    names = [file.name for file in files if file.name.startswith("moments")]
    assert len(set(names)) == len(needs)
    assert "moments-region-e0cf5218.json" in names  # as before these needs existed


def test_names_that_no_contract_has_are_told_of_responses_and_strata_too():
    need = MomentsNeed(None, ("x",), "g", "r", ("s", "y"))
    assert unknown_names(need, ["a"], ["x", "y"]) == ["g", "r", "s"]


def test_information_is_what_the_controls_leave_of_the_group(tmp_path):
    data = priced(10)
    need = MomentsNeed("region", ("burden",), None, "利率", ("product",))
    with opened(tmp_path, data) as source:
        fit = fit_group_effects(collect_moments(source, need).grouped())
    used = complete(data, need)
    others = [used["burden"].to_numpy(float), *levels(used, need, True), (used["Region of"] == "east") * 1.0]
    rest = sm.OLS((used["Region of"] == "south") * 1.0, np.column_stack([np.ones(len(used)), *others])).fit()
    assert fit.information[fit.labels.index("south")] == pytest.approx(rest.ssr, rel=RELATIVE)


def test_postgres_gives_the_same_moments_with_strata(tmp_path, postgres_url):
    import psycopg

    data = priced(11, 600, offices=17)
    need = MomentsNeed("region", ("burden",), "client", "利率", ("product", "office"))
    with psycopg.connect(postgres_url) as connection:
        kinds = {"case": "bigint", "granted": "int", "burden": "float8", "p": "float8", "office": "float8"}
        names = ", ".join(f'"{name}" {kinds.get(name, "float8" if name == "利率" else "text")}' for name in data)
        connection.execute(f"CREATE TABLE priced ({names})")
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(data.columns))
            rows = data.astype(object).where(data.notna(), None).itertuples(index=False)
            cursor.executemany(f"INSERT INTO priced VALUES ({marks})", list(rows))
    program = write_program(tmp_path, data, contract=CONTRACT, source={"connection": postgres_url, "table": "priced"})
    with open_source(read_program(program), Period()) as source:
        there = fit_group_effects(collect_moments(source, need).grouped())
    with opened(tmp_path / "duckdb", data) as source:
        here = fit_group_effects(collect_moments(source, need).grouped())
    for figure in ("group_coefficients", "robust_errors", "cluster_errors"):
        np.testing.assert_allclose(getattr(there, figure), getattr(here, figure), rtol=1e-12)  # engines round alike

"""Score sums of clusters from the engine: exact, alike in any order and engine, and what pyfixest says on the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest

import audits.evidence.effects as effects
from audits.evidence.collect import Evidence, collect
from audits.evidence.effects import (
    EffectScores,
    effect_cells,
    effect_scores_from_json,
    effect_scores_to_json,
    fit_effects,
)
from audits.evidence.needs import EffectModel, EffectsNeed, unknown_names
from checks.inputs.period import Period
from checks.inputs.pricing_columns import EXPECTED, LOG_MARKUP, PAID, REALISED
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.insurers import insurer, quotes

EDGES = (1.0, 2.0, 3.0, 5.0)
MODELS = (
    EffectModel(LOG_MARKUP, "slope"), EffectModel(LOG_MARKUP, "bands"), EffectModel(REALISED, "slope", PAID),
    EffectModel(REALISED, "slope", EXPECTED),
)  # fmt: skip
NEED = EffectsNeed(MODELS, ("cover", "route"), "holder", EDGES)


def book(seed: int = 5, rows: int = 6000) -> pd.DataFrame:
    """Quotes with a missing channel, a quote mark in a label, and rows that cannot be used."""
    data = quotes(seed, rows)
    data["cover"] = data["cover"].replace("van", "van's")
    data.loc[data.index % 7 == 0, "route"] = None
    data["since"] = data["since"].astype(float)
    data.loc[:9, "since"], data.loc[10:19, "premium"], data.loc[20:29, "technical"] = np.nan, 0.0, -1.0
    data.loc[30:39, "paid_out"] = np.nan
    return data


def gathered(folder, data: pd.DataFrame, need: EffectsNeed = NEED, **changes) -> tuple[list, EffectScores, bytes]:
    with open_source(read_program(insurer(folder, data, **changes)), Period()) as source:
        return from_source(source, need, folder / "evidence", len(data))


def from_source(source, need, folder, rows):
    collect(source, [effect_cells(need), need], folder, rows)
    file = next(folder.glob("effects-*.json"))
    scores = effect_scores_from_json(file.read_text())
    found = Evidence(folder, None).cells(effect_cells(need))
    return fit_effects(found, need), scores, file.read_bytes()


def errors(fits: list, scores: EffectScores) -> list[np.ndarray]:
    """Estimates and errors of each model in turn."""
    told, start = [], 0
    for one in fits:
        covariance = one.fit.clustered(scores.meat(start, len(one.names)), scores.clusters)
        told.append(np.concatenate([one.fit.coefficients, np.sqrt(np.diag(covariance))]))
        start += len(one.names)
    return told


def by_pyfixest(data: pd.DataFrame) -> list[np.ndarray]:
    import pyfixest

    d = data[(data["premium"] > 0) & (data["technical"] > 0) & data["since"].notna()].copy()
    d["s"] = d["cover"] + "/" + d["route"].fillna("-")
    d["y"] = np.log(d["premium"] / d["technical"])
    d["band"] = np.digitize(d["since"], EDGES)
    d["log_price"], d["log_cost"] = np.log(d["premium"]), np.log(d["technical"])
    ssc = pyfixest.ssc(k_adj=True, k_fixef="full", G_adj=True)
    found = [pyfixest.feols(formula, d, vcov={"CRV1": "holder"}, ssc=ssc)
             for formula in ("y ~ since | s", "y ~ i(band, ref=0) | s")]  # fmt: skip
    known = d[d["paid_out"].notna()]
    found += [pyfixest.fepois("paid_out ~ since | s", known, vcov={"CRV1": "holder"}, ssc=ssc, offset=offset,
                              iwls_tol=1e-12) for offset in ("log_price", "log_cost")]  # fmt: skip
    return [np.concatenate([one.coef(), one.se()]) for one in found]


@pytest.mark.parametrize("seed", [5, 6])
def test_estimates_and_errors_are_those_of_the_rows(tmp_path, seed: int) -> None:
    data = book(seed)
    fits, scores, _ = gathered(tmp_path, data)
    for ours, theirs, tolerance in zip(errors(fits, scores), by_pyfixest(data), (1e-6, 1e-6, 1e-4, 1e-4), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-9)
    used = (data["premium"] > 0) & (data["technical"] > 0) & data["since"].notna()
    assert scores.clusters == data.loc[used, "holder"].nunique()
    assert scores.largest == data.loc[used, "holder"].value_counts().max()
    assert not scores.grouped


def test_any_order_of_rows_gives_the_same_bytes(tmp_path) -> None:
    data = book()
    assert gathered(tmp_path / "a", data)[2] == gathered(tmp_path / "b", data.sample(frac=1, random_state=3))[2]


@pytest.mark.parametrize("kind", [int, str])
def test_sets_of_customers_give_nearly_the_same_errors(tmp_path, monkeypatch, kind) -> None:
    """A quarter of the people share a set with another here; errors by sets differ from those by person by noise."""
    data = book(rows=9000)
    data["holder"] = data["holder"].map(lambda one: one if kind is int else f"customer {one}")
    plain = errors(*gathered(tmp_path / "a", data)[:2])
    monkeypatch.setattr(effects, "EXACT", 100)
    fits, scores, _ = gathered(tmp_path / "b", data)
    assert scores.grouped
    assert scores.clusters < data["holder"].nunique()
    for one, other in zip(plain, errors(fits, scores), strict=True):
        half = len(one) // 2
        np.testing.assert_array_equal(one[:half], other[:half])
        np.testing.assert_allclose(one[half:], other[half:], rtol=0.08)


def test_strata_of_many_labels_are_joined_by_text(tmp_path) -> None:
    """More labels than each row is compared with: the cells are found by their texts, with the same figures."""
    data = book()
    rng = np.random.default_rng(2)
    data["depot"] = [f"d{i}" for i in rng.integers(0, 90, len(data))]
    need = EffectsNeed(MODELS[:1], ("depot",), "holder", EDGES)
    fits, scores, _ = gathered(tmp_path / "a", data, need, contract={"strata": ["depot"]})
    data["depot"] = data["depot"].str[1:].astype(int) % 30
    few = EffectsNeed(MODELS[:1], ("depot",), "holder", EDGES)
    again, other, _ = gathered(tmp_path / "b", data, few, contract={"strata": ["depot"]})
    assert fits[0].fit.strata == 90
    assert again[0].fit.strata == 30
    np.testing.assert_allclose(errors(fits, scores)[0], errors(again, other)[0], rtol=0.02)


def test_postgres_gives_the_same_products(postgres_url, tmp_path) -> None:
    data = book(rows=2500)
    here = gathered(tmp_path / "a", data)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS quotes")
        connection.execute(
            "CREATE TABLE quotes (offer bigint, holder bigint, since float8, cover text, route text, premium float8, "
            "technical float8, paid_out float8, elsewhere float8, day timestamp)"
        )
        with connection.cursor().copy("COPY quotes FROM STDIN") as copy:
            for row in data.astype(object).where(data.notna(), None).itertuples(index=False):
                copy.write_row(tuple(row))
    for exact in (1 << 22, 100):
        effects.EXACT, kept = exact, effects.EXACT
        try:
            here = gathered(tmp_path / f"a{exact}", data)
            there = gathered(tmp_path / f"b{exact}", data, source={"connection": postgres_url, "table": "quotes"})
        finally:
            effects.EXACT = kept
        assert there[1].clusters == here[1].clusters
        for one, other in zip(errors(*here[:2]), errors(*there[:2]), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)


def test_groups_of_an_attribute_are_told_apart(tmp_path) -> None:
    data = book()
    data["sex"] = np.where(data["offer"] % 3 == 0, "f", "m")
    data.loc[data["sex"] == "f", "premium"] *= 1.1
    need = EffectsNeed((EffectModel(LOG_MARKUP, "labels"),), ("cover", "route"), "holder", (), "sex", "m")
    contract = {"groups": {"sex": {"column": "sex", "reference": "m"}}}
    fits, scores, _ = gathered(tmp_path, data, need, contract=contract)
    estimate, error = errors(fits, scores)[0]
    assert fits[0].names == ("f",)
    assert abs(estimate - np.log(1.1)) < 3 * error < 0.05


def test_a_need_names_its_columns() -> None:
    assert unknown_names(NEED, [], ["cover", LOG_MARKUP, REALISED, PAID]) == ["holder", "route", EXPECTED]


def test_scores_survive_their_file() -> None:
    scores = EffectScores(((1 / 3, -2e-17), (-2e-17, 5.0)), 7, 3, True, (0.1, 0.2))
    assert effect_scores_from_json(effect_scores_to_json(scores)) == scores


def test_prices_that_all_but_equal_the_cost_in_cells_of_one_quote_are_fitted(tmp_path):
    """Sums of squares are rounded down to a step that such small logarithms show."""
    data = quotes(8, 400, penalty=0.0)
    data["since"] = np.arange(400) / 12  # a month of its own for each
    data["premium"] = (data["technical"] * np.exp(np.random.default_rng(1).normal(0, 1e-3, 400))).round(6)
    need = EffectsNeed((EffectModel(LOG_MARKUP, "slope"),), (), "holder", EDGES)
    (fit,), _, _ = gathered(tmp_path, data, need, contract={"strata": None})
    y = np.log(data["premium"] / data["technical"])
    expected = np.polyfit(data["since"], y, 1)[0]
    assert fit.fit.coefficients[0] == pytest.approx(expected, rel=1e-6)

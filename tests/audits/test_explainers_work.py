"""A model too large for the rows that are asked is explained of fewer, and the figures say so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.evidence import explainers, explainers_work
from audits.evidence.explainers_work import LEAST, most_rows
from audits.explanation.proxy_features import ProxyFeatures
from audits.explanation.shap_gap import ShapGap
from checks.inputs.model import Model
from tests.programs import write_program
from tests.questions import measure_program
from tests.registered import Registry

ROWS, FEATURES = 2000, ["a", "b", "c"]


@pytest.fixture(scope="module")
def forest():
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=FEATURES)
    rows["a"] += np.arange(ROWS) % 2 * 0.5
    target = rows["a"] + 0.3 * rows["b"] + 0.2 * rng.normal(size=ROWS)
    return rows, RandomForestRegressor(4, n_jobs=1, random_state=0).fit(rows, target)


def as_model(native, columns=FEATURES):
    return Model("models:/m/1", "m", "1", "sha256:0", "sklearn", tuple(columns), {}, "identity", native, native.predict)


def test_rows_go_with_the_size_of_a_forest(forest):
    _, fitted = forest
    model = as_model(fitted)
    leaves = sum(one.get_n_leaves() for one in fitted.estimators_)
    assert leaves > 4 * explainers.DEEP
    rows = most_rows(model, FEATURES, "interventional", 100)
    assert rows == pytest.approx(60 / (85e-9 * 100 * 4 * (leaves / 4) ** 0.5), rel=1e-3)
    assert most_rows(model, FEATURES, "interventional", 200) == pytest.approx(rows / 2, rel=1e-3)
    assert most_rows(model, FEATURES, "path_dependent", 100) == pytest.approx(60 / (40e-9 * leaves * 3), rel=1e-3)
    assert most_rows(model, FEATURES, "interventional", 10**9) == LEAST


def test_a_model_without_trees_has_no_such_bound(forest):
    from sklearn.linear_model import Ridge

    rows, _ = forest
    assert most_rows(as_model(Ridge().fit(rows, rows["a"])), FEATURES, "interventional", 100) is None


@pytest.mark.xdist_group("mlflow")
def test_a_gap_of_fewer_rows_says_so(forest, tmp_path, monkeypatch):
    rows, fitted = forest
    registry = Registry(tmp_path / "registry")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.setattr(explainers_work, "SECONDS", 0.3)
    uri = registry.register("forest", fitted, "sklearn", rows)
    book = rows.assign(id=np.arange(ROWS), group=np.where(np.arange(ROWS) % 2, "s", "n"), p=fitted.predict(rows) + 5)
    contract = {
        "unit": "id", "price": {"column": "p", "currency": "EUR"}, "features": FEATURES,
        "prediction": {"of": "price", "scale": "identity"}, "groups": {"g": {"column": "group", "reference": "n"}},
    }  # fmt: skip
    file = write_program(tmp_path / "p", book, contract=contract, model=uri, trusted_model=True)
    most = most_rows(as_model(fitted), FEATURES, "interventional", 100) // 2
    assert 30 < most < ROWS / 2
    for question in (ShapGap(half_width=0.001), ProxyFeatures(rows=ROWS)):
        figures, _ = measure_program(file, question, tmp_path / question.name)
        assert figures[0].n == 2 * most
        assert all(f"at most {most:,} of each group" in one.source for one in figures)
        assert figures[0].low < figures[0].high
    gap = next(one for one in measure_program(file, ShapGap(half_width=0.001), tmp_path / "again")[0])
    assert any(f"of so large a model only {most:,} rows" in one for one in gap.cautions)
    truth = fitted.predict(rows)[1::2].mean() - fitted.predict(rows)[::2].mean()
    assert gap.details.get("on_own_scale", gap.estimate) == pytest.approx(truth, abs=0.3)

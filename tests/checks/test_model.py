"""A model from a registry: what it takes, what it gives, and what is said where it cannot be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from checks.inputs.contract import DataContract
from checks.inputs.model import model_frame, open_model, recorded
from checks.inputs.model_fault import FAULTS, ModelUnusable
from checks.inputs.prediction import Prediction
from checks.problem import UnavailableError
from tests.registered import Registry

pytestmark = pytest.mark.xdist_group("mlflow")
ROWS = 300
FEATURES = ("spend", "area", "age")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(autouse=True)
def environment(registry, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.glob("mlruns*")) == []


def people(seed=3, rows=ROWS):
    """Features as rows drawn from a source have them, in an order of their own."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "spend": rng.normal(0, 1, rows), "area": rng.choice(["east", "north", "south"], rows).astype(object),
        "age": rng.integers(18, 80, rows),
    })  # fmt: skip


def trained(rows):
    """The same as a training frame: other order, area as a category."""
    return rows.assign(area=pd.Categorical(rows["area"]))[["age", "area", "spend"]]


def worth(rows, seed=4):
    noise = np.random.default_rng(seed).normal(0, 0.05, len(rows))
    return 5 + 0.01 * rows["age"] + 0.3 * (rows["area"] == "south") + 0.1 * rows["spend"] + noise


def boosted(objective="regression", **more):
    import lightgbm

    kind = lightgbm.LGBMClassifier if objective == "binary" else lightgbm.LGBMRegressor
    return kind(n_estimators=12, min_child_samples=5, num_threads=1, verbose=-1, objective=objective, **more)


def contract(uri, features=FEATURES, of="price", **more):
    return DataContract(features=tuple(features), prediction=Prediction(of, uri=uri, trusted=True, **more))


def given(model, rows):
    made = model_frame(model, rows)
    return recorded(model, model.margins(made.frame[made.usable]))


def fault_of(asked):
    with pytest.raises(ModelUnusable) as told:
        open_model(asked)
    return told.value.fault


# --- LightGBM ---------------------------------------------------------------------------------------------------------


def test_a_lightgbm_regressor_of_the_logarithm(registry):
    rows = people()
    fitted = boosted().fit(trained(rows), worth(rows))
    uri = registry.register("tariff", fitted, "lightgbm", trained(rows))
    model = open_model(contract(uri, scale="log"))
    assert (model.kind, model.link, model.version, model.name) == ("lightgbm", "log", "1", "tariff")
    assert model.columns == ("age", "area", "spend")
    assert model.digest.startswith("sha256:")
    np.testing.assert_allclose(given(model, rows), np.exp(fitted.predict(trained(rows))), rtol=1e-12)
    shuffled = rows[["age", "spend", "area"]].sample(frac=1, random_state=1).reset_index(drop=True)
    np.testing.assert_allclose(given(model, shuffled), np.exp(fitted.predict(trained(shuffled))), rtol=1e-12)


@pytest.mark.parametrize(("objective", "link"), [("binary", "logit"), ("poisson", "log"), ("tweedie", "log")])
def test_a_lightgbm_margin_is_the_sum_of_its_trees(registry, objective, link):
    rows = people()
    target = worth(rows)
    target = (target > target.median()).astype(int) if objective == "binary" else target
    fitted = boosted(objective).fit(trained(rows), target)
    uri = registry.register(f"lightgbm-{objective}", fitted.booster_, "lightgbm", trained(rows))
    model = open_model(contract(uri, of="score"))
    assert model.link == link
    made = model_frame(model, rows)
    parts = fitted.predict(trained(rows), pred_contrib=True)
    np.testing.assert_allclose(model.margins(made.frame), parts.sum(axis=1), rtol=1e-9)
    plain = fitted.predict_proba(trained(rows))[:, 1] if objective == "binary" else fitted.predict(trained(rows))
    np.testing.assert_allclose(given(model, rows), plain, rtol=1e-12)


def test_a_booster_without_a_signature_knows_its_columns(registry):
    rows = people()
    fitted = boosted().fit(trained(rows), worth(rows))
    uri = registry.register("unsigned", fitted.booster_, "lightgbm")
    model = open_model(contract(uri))
    assert model.categories == {"area": ("east", "north", "south")}
    np.testing.assert_allclose(given(model, rows), fitted.predict(trained(rows)), rtol=1e-12)


@pytest.mark.parametrize(
    "more", [{"reg_sqrt": True}, {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}]
)
def test_a_lightgbm_output_that_is_no_sum_is_taken_as_it_is(registry, more):
    rows = people()
    fitted = boosted(**more).fit(trained(rows), worth(rows))
    model = open_model(contract(registry.register("roots", fitted, "lightgbm", trained(rows))))
    assert (model.kind, model.link) == ("pyfunc", "identity")
    np.testing.assert_allclose(given(model, rows), fitted.predict(trained(rows)), rtol=1e-12)


def test_categories_never_seen_are_missing_and_counted(registry):
    rows = people()
    fitted = boosted().fit(trained(rows), worth(rows))
    model = open_model(contract(registry.register("unseen", fitted, "lightgbm", trained(rows))))
    rows.loc[:4, "area"], rows.loc[5, "area"] = "moon", None
    made = model_frame(model, rows)
    assert made.unseen == {"area": 5}
    assert made.usable.all()
    expected = fitted.predict(trained(rows).assign(area=pd.Categorical(rows["area"].where(rows["area"] != "moon"))))
    np.testing.assert_allclose(model.margins(made.frame), expected, rtol=1e-12)


def test_whole_numbers_as_categories(registry):
    rows = people().assign(area=np.random.default_rng(0).choice([1, 2, 7], ROWS))
    frame = trained(rows)
    fitted = boosted().fit(frame, rows["area"] + worth(rows))
    model = open_model(contract(registry.register("codes", fitted, "lightgbm", frame)))
    assert model.categories == {"area": (1, 2, 7)}
    held = rows.assign(area=rows["area"].astype(float))
    np.testing.assert_allclose(given(model, held), fitted.predict(frame), rtol=1e-12)
    held.loc[0, "area"], held.loc[1, "area"] = 3.0, np.nan
    assert model_frame(model, held).unseen == {"area": 1}


def test_several_categories_are_told_apart_by_column(registry):
    rows = people()
    rows["job"] = np.where(np.arange(ROWS) % 2, "a", "b").astype(object)
    frame = trained(rows).assign(job=pd.Categorical(rows["job"]))[["job", "age", "area", "spend"]]
    fitted = boosted().fit(frame, worth(rows) + (rows["job"] == "a"))
    for example in (frame, None):
        uri = registry.register("several", fitted, "lightgbm", example)
        model = open_model(contract(uri, (*FEATURES, "job")))
        np.testing.assert_allclose(given(model, rows), fitted.predict(frame), rtol=1e-12)


# --- XGBoost ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "link"), [("reg:squarederror", "identity"), ("binary:logistic", "logit"), ("count:poisson", "log")]
)
def test_xgboost(registry, objective, link):
    xgboost = pytest.importorskip("xgboost")
    rows = people()
    target = worth(rows)
    target = (target > target.median()).astype(int) if objective.startswith("binary") else target
    kind = xgboost.XGBClassifier if objective.startswith("binary") else xgboost.XGBRegressor
    fitted = kind(n_estimators=8, max_depth=3, n_jobs=1, objective=objective, enable_categorical=True)
    fitted.fit(trained(rows), target)
    uri = registry.register(f"xgboost-{link}", fitted, "xgboost", trained(rows))
    model = open_model(contract(uri, of="score"))
    assert (model.kind, model.link) == ("xgboost", link)
    plain = fitted.predict_proba(trained(rows))[:, 1] if link == "logit" else fitted.predict(trained(rows))
    np.testing.assert_allclose(given(model, rows), plain, rtol=1e-6)
    rows.loc[:2, "area"] = "moon"
    made = model_frame(model, rows)
    assert made.unseen == {"area": 3}
    assert np.isfinite(model.margins(made.frame)).all()


def test_xgboost_with_categories_that_are_numbers_in_the_data(registry):
    xgboost = pytest.importorskip("xgboost")
    rows = people()[["age"]].assign(code=np.random.default_rng(2).integers(0, 4, ROWS))
    types = {"feature_names": ["age", "code"], "feature_types": ["q", "c"], "enable_categorical": True}
    data = xgboost.DMatrix(rows.to_numpy(dtype=float), worth(people()) + (rows["code"] == 2), **types)
    fitted = xgboost.train({"nthread": 1}, data, 5)
    model = open_model(contract(registry.register("coded", fitted, "xgboost"), ("code", "age")))
    np.testing.assert_allclose(given(model, rows), fitted.predict(data), rtol=1e-6)


def test_xgboost_stopped_early_predicts_with_its_best_trees(registry):
    xgboost = pytest.importorskip("xgboost")
    rows, target = people().drop(columns="area"), np.random.default_rng(1).normal(size=ROWS)
    fitted = xgboost.XGBRegressor(n_estimators=60, n_jobs=1, early_stopping_rounds=3)
    fitted.fit(rows[:200], target[:200], eval_set=[(rows[200:], target[200:])], verbose=False)
    assert fitted.best_iteration < 50
    model = open_model(contract(registry.register("stopped", fitted, "xgboost", rows), ("age", "spend")))
    np.testing.assert_allclose(given(model, rows), fitted.predict(rows), rtol=1e-6)


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def pipeline(last, **encoder):
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    made = ColumnTransformer(
        [("o", OneHotEncoder(**encoder), ["area"]), ("n", StandardScaler(), ["age", "spend"])], sparse_threshold=0
    )
    return make_pipeline(made, last)


def granted(rows):
    return (worth(rows) > worth(rows).median()).astype(int)


def test_a_pipeline_with_an_encoder(registry):
    from sklearn.linear_model import LogisticRegression

    rows = people()
    frame = rows[["age", "area", "spend"]]
    fitted = pipeline(LogisticRegression(), handle_unknown="ignore").fit(frame, granted(rows))
    model = open_model(contract(registry.register("pipeline", fitted, "sklearn", frame), of="decision"))
    assert (model.kind, model.link) == ("sklearn", "logit")
    np.testing.assert_allclose(given(model, rows), fitted.predict_proba(frame)[:, 1], rtol=1e-9)
    rows.loc[:1, "area"], rows.loc[7, "spend"], rows.loc[8, "area"] = "moon", np.nan, None
    made = model_frame(model, rows)
    assert made.unseen == {"area": 2}
    assert np.flatnonzero(~made.usable).tolist() == [7], "a linear model takes no missing number"
    assert np.isfinite(model.margins(made.frame[made.usable])).all()


def test_a_search_stands_for_its_best_estimator(registry):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    rows = people()
    searched = GridSearchCV(pipeline(LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=2)
    searched.fit(rows, granted(rows))
    model = open_model(contract(registry.register("searched", searched, "sklearn", rows), of="score"))
    assert model.link == "logit"
    assert type(model.native).__name__ == "Pipeline"
    np.testing.assert_allclose(given(model, rows), searched.predict_proba(rows)[:, 1], rtol=1e-9)


def test_an_encoder_that_refuses_categories_never_seen_leaves_their_rows_out(registry):
    from sklearn.linear_model import Ridge

    rows = people()
    fitted = pipeline(Ridge(), handle_unknown="error").fit(rows, worth(rows))
    model = open_model(contract(registry.register("strict", fitted, "sklearn", rows)))
    rows.loc[[2, 9], "area"] = "moon"
    made = model_frame(model, rows)
    assert made.unseen == {"area": 2}
    assert np.flatnonzero(~made.usable).tolist() == [2, 9]


def test_a_forest_gives_chances_that_may_be_0_or_1(registry):
    from sklearn.ensemble import RandomForestClassifier

    rows = people()
    forest = RandomForestClassifier(n_estimators=5, n_jobs=1, random_state=0)
    fitted = pipeline(forest).fit(rows, granted(rows))
    model = open_model(contract(registry.register("forest", fitted, "sklearn", rows), of="score"))
    made = model_frame(model, rows)
    assert model.link == "identity"
    assert set(model.margins(made.frame)) >= {0.0, 1.0}


@pytest.mark.parametrize("name", ["poisson", "log target", "boosting"])
def test_regressions_with_a_logarithmic_link(registry, name):
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression, PoissonRegressor

    rows = people()[["age", "spend"]]
    last = {
        "poisson": PoissonRegressor(), "boosting": HistGradientBoostingRegressor(loss="poisson", max_iter=5),
        "log target": TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp),
    }[name]  # fmt: skip
    fitted = last.fit(rows, worth(people()))
    model = open_model(contract(registry.register("logarithmic", fitted, "sklearn", rows), ("age", "spend")))
    assert model.link == "log"
    made = model_frame(model, rows)
    np.testing.assert_allclose(model.margins(made.frame), np.log(fitted.predict(rows)), rtol=1e-9)


def test_boosting_of_another_package_within_a_pipeline_is_taken_by_its_margin(registry):
    rows = people()
    fitted = pipeline(boosted("binary")).fit(rows, granted(rows))
    model = open_model(contract(registry.register("within", fitted, "sklearn", rows), of="score"))
    assert model.link == "logit"
    np.testing.assert_allclose(given(model, rows), fitted.predict_proba(rows)[:, 1], rtol=1e-9)


def test_histogram_boosting_with_categories_takes_missing_and_unseen_ones(registry):
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = people()
    fitted = HistGradientBoostingClassifier(max_iter=5, categorical_features=["area"])
    fitted.fit(trained(rows), granted(rows))
    model = open_model(contract(registry.register("histogram", fitted, "sklearn", trained(rows)), of="score"))
    np.testing.assert_allclose(given(model, rows), fitted.predict_proba(trained(rows))[:, 1], rtol=1e-9)
    rows.loc[0, "area"], rows.loc[1, "area"] = "moon", None
    made = model_frame(model, rows)
    assert made.usable.all()
    assert made.unseen == {"area": 1}


# --- any other model --------------------------------------------------------------------------------------------------


def python_model(code, folder):
    """A model as a file of code, as MLflow takes it."""
    file = folder / "made.py"
    head = "import mlflow, numpy, pandas\nfrom pathlib import Path\n"
    body = (
        f"class Made(mlflow.pyfunc.PythonModel):\n    def predict(self, context, model_input, params=None):\n{code}\n"
    )
    file.write_text(f"{head}{body}mlflow.models.set_model(Made())\n")
    return str(file)


SUM = "        return model_input['age'] * 0.01 + (model_input['area'] == 'south')"


def test_a_python_model_with_a_signature(registry, tmp_path):
    rows = people()
    uri = registry.register("python", python_model(SUM, tmp_path), "pyfunc", rows[["age", "area"]])
    model = open_model(contract(uri, scale="log"))
    assert (model.kind, model.columns, model.link) == ("pyfunc", ("age", "area"), "log")
    expected = np.exp(rows["age"] * 0.01 + (rows["area"] == "south"))
    np.testing.assert_allclose(given(model, rows), expected, rtol=1e-12)
    held = rows.assign(age=rows["age"].astype(float))
    held.loc[4, "age"] = np.nan
    made = model_frame(model, held)
    assert np.flatnonzero(~made.usable).tolist() == [4], "whole numbers of a signature are never missing"
    held.loc[4, "age"] = 30.5
    with pytest.raises(ModelUnusable, match="age as long") as told:
        model_frame(model, held)
    assert told.value.fault.kind == "wrong_type"


def test_a_python_model_without_a_signature_cannot_be_asked(registry, tmp_path):
    uri = registry.register("unsigned-python", python_model(SUM, tmp_path), "pyfunc")
    assert fault_of(contract(uri)).kind == "no_signature"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("return ['yes'] * len(model_input)", "labels"),
        ("return numpy.ones((len(model_input), 3))", "not_one_number"),
        ("return 5.0", "not_one_number"),
        ("return numpy.full(len(model_input), numpy.nan)", "fails"),
        ("raise ValueError(f'no {model_input.iloc[0, 0]!r} and \\'secret\\'')", "fails"),
    ],
)
def test_what_a_python_model_gives_instead_of_a_number(registry, tmp_path, code, kind):
    rows = people()
    uri = registry.register("odd", python_model(f"        {code}", tmp_path), "pyfunc", rows)
    model = open_model(contract(uri))
    with pytest.raises(ModelUnusable) as told:
        model.margins(model_frame(model, rows).frame)
    assert told.value.fault.kind == kind
    assert "secret" not in str(told.value)


def test_two_chances_are_the_last_one(registry, tmp_path):
    rows = people()
    code = "        p = 1 / (1 + numpy.exp(-model_input['spend']))\n        return numpy.column_stack([1 - p, p])"
    uri = registry.register("chances", python_model(code, tmp_path), "pyfunc", rows)
    np.testing.assert_allclose(given(open_model(contract(uri, of="score")), rows), expit(rows["spend"]), rtol=1e-12)
    model = open_model(contract(uri, of="score", scale="logit"))
    with pytest.raises(ModelUnusable) as told:
        model.margins(model_frame(model, rows).frame)
    assert told.value.fault.kind == "other_scale"


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_feature_that_the_contract_lacks_is_named(registry):
    rows = people()
    uri = registry.register("lacking", boosted().fit(trained(rows), worth(rows)), "lightgbm", trained(rows))
    fault = fault_of(contract(uri, ("spend", "age")))
    assert fault.kind == "missing_features"
    assert "area" in fault.reason


def test_a_text_where_the_model_takes_a_number(registry):
    rows = people()
    model = open_model(contract(
        registry.register("numbers", boosted().fit(trained(rows), worth(rows)), "lightgbm", trained(rows))
    ))  # fmt: skip
    with pytest.raises(ModelUnusable) as told:
        model_frame(model, rows.assign(age=rows["age"].astype(str).astype(object)))
    assert told.value.fault.kind == "wrong_type"
    assert "age" in told.value.fault.reason
    assert "text" in told.value.fault.reason


def test_flags_and_decimals_with_missing_values(registry):
    rows = people().drop(columns="area")
    rows["owner"] = np.arange(ROWS) % 3 == 0
    fitted = boosted().fit(rows, worth(people()))
    model = open_model(contract(registry.register("flags", fitted, "lightgbm", rows), tuple(rows.columns)))
    held = rows.astype({"age": float, "owner": object})
    np.testing.assert_allclose(given(model, held), fitted.predict(rows), rtol=1e-12)
    held.loc[0, "age"], held.loc[1, "owner"] = np.nan, None
    made = model_frame(model, held)
    assert made.usable.all()
    assert np.isnan(made.frame.loc[1, "owner"])


def test_one_column_here_that_the_model_has_as_many(registry):
    rows = people()
    rows["code"] = np.random.default_rng(5).integers(1, 4, ROWS).astype(float)
    frame = pd.get_dummies(rows, columns=["area", "code"], dtype=float)
    assert "code_1.0" in frame
    fitted = boosted().fit(frame, worth(rows) + rows["code"])
    uri = registry.register("hot", fitted, "lightgbm", frame)
    model = open_model(contract(uri, (*FEATURES, "code"), one_hot=(("area", "area_*"), ("code", "code_*"))))
    assert model.one_hot["area"] == ("area_east", "area_north", "area_south")
    made = model_frame(model, rows)
    np.testing.assert_array_equal(made.frame.to_numpy(dtype=float), frame.to_numpy(dtype=float))
    rows.loc[:2, "area"], rows.loc[3, "area"] = "moon", None
    made = model_frame(model, rows)
    assert made.unseen == {"area": 3}
    assert made.frame.loc[:3, list(model.one_hot["area"])].to_numpy().sum() == 0


def test_one_hot_columns_that_the_contract_has_itself_are_only_grouped(registry):
    rows = pd.get_dummies(people(), columns=["area"], dtype=int)
    uri = registry.register("grouped", boosted().fit(rows, worth(people())), "lightgbm", rows)
    model = open_model(contract(uri, tuple(rows.columns)[::-1], one_hot=(("area", "area_*"),)))
    assert model.one_hot == {"area": ("area_east", "area_north", "area_south")}
    np.testing.assert_array_equal(model_frame(model, rows[rows.columns[::-1]]).frame.to_numpy(), rows.to_numpy())


def test_a_column_is_of_the_longest_pattern_that_matches_it(registry):
    rows = people().assign(area_code=np.arange(ROWS) % 3)
    frame = pd.get_dummies(rows, columns=["area", "area_code"], dtype=int)
    uri = registry.register("patterns", boosted().fit(frame, worth(rows)), "lightgbm", frame)
    model = open_model(contract(
        uri, ("spend", "age", "area", "area_code"), one_hot=(("area", "area_*"), ("area_code", "area_code_*")),
    ))  # fmt: skip
    assert {name: len(columns) for name, columns in model.one_hot.items()} == {"area": 3, "area_code": 3}
    np.testing.assert_array_equal(model_frame(model, rows).frame.to_numpy(), frame.to_numpy())


def test_names_with_spaces(registry):
    rows = people()[["age", "spend"]].rename(columns={"age": "age of driver"})
    fitted = boosted().fit(rows, worth(people()))
    for example in (rows, None):
        model = open_model(contract(registry.register("spaces", fitted, "lightgbm", example), rows.columns))
        np.testing.assert_allclose(given(model, rows), fitted.predict(rows), rtol=1e-12)


def test_a_model_of_numbered_columns_needs_a_signature(registry):
    rows = people()[["age", "spend"]]
    fitted = boosted().fit(rows.to_numpy(), worth(people()))
    assert fault_of(contract(registry.register("bare", fitted, "lightgbm"), rows.columns)).kind == "no_signature"
    model = open_model(contract(registry.register("bare", fitted, "lightgbm", rows), rows.columns[::-1]))
    np.testing.assert_allclose(given(model, rows), fitted.predict(rows.to_numpy()), rtol=1e-12)


def test_five_thousand_one_hot_columns(registry):
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(8)
    names = [f"postcode_{i}" for i in range(5000)]
    rows = pd.DataFrame({"age": rng.integers(18, 80, 2000), "postcode": rng.integers(0, 5100, 2000)})
    frame = pd.DataFrame(np.zeros((2000, 5000), dtype=np.uint8), columns=names).assign(age=rows["age"])
    seen = rows["postcode"] < 5000
    frame.to_numpy()[np.flatnonzero(seen), rows["postcode"][seen]] = 1
    fitted = Ridge().fit(frame.astype(np.float32).to_numpy()[:50], rows["age"][:50])
    fitted.coef_ = rng.normal(size=5001)
    uri = registry.register("wide", fitted, "sklearn", frame.astype(np.float64).iloc[:5])
    model = open_model(contract(uri, ("postcode", "age"), one_hot=(("postcode", "postcode_*"),)))
    made = model_frame(model, rows)
    assert made.unseen == {"postcode": int((~seen).sum())}
    weights = np.append(fitted.coef_[:5000], np.zeros(100))
    expected = fitted.intercept_ + weights[rows["postcode"]] + fitted.coef_[5000] * rows["age"]
    np.testing.assert_allclose(model.margins(made.frame), expected, rtol=1e-9)
    assert (made.frame.dtypes.astype(str) == "uint8").sum() == 5000


# --- registry ---------------------------------------------------------------------------------------------------------


def test_a_model_that_is_not_trusted_is_neither_loaded_nor_run(registry, tmp_path):
    marker = tmp_path / "ran"
    code = f"        Path({str(marker)!r}).touch()\n{SUM}"
    file = python_model(code, tmp_path)
    with open(file, "a") as added:
        added.write(f"Path({str(marker)!r}).touch()\n")
    uri = registry.register("stranger", file, "pyfunc", people())
    marker.unlink(missing_ok=True)
    asked = contract(uri)
    untrusted = replace(asked, prediction=replace(asked.prediction, trusted=False))
    assert fault_of(untrusted).kind == "not_trusted"
    assert not marker.exists()
    open_model(asked)
    assert marker.exists(), "the marker tells of loading"


@pytest.mark.parametrize(("uri", "kind"),
    [
        ("models:/nobody@live", "absent"), ("models:/nobody/1", "absent"), ("models:/tariff@nobody", "absent"),
        ("models:/tariff/99", "absent"), ("models:/tariff/Production", "bad_uri"), ("runs:/1/model", "bad_uri"),
        (None, "not_named"),
    ],
)  # fmt: skip
def test_addresses_that_name_no_model(registry, uri, kind):
    rows = people()[["age"]]
    registry.register("tariff", boosted().fit(rows, worth(people())), "lightgbm", rows)
    assert fault_of(contract(uri, ("age",))).kind == kind


def test_without_a_registry_nothing_is_made(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert fault_of(contract("models:/tariff@live")).kind == "no_registry"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert fault_of(contract("models:/tariff@live")).kind == "silent"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "folder/mlruns")
    assert fault_of(contract("models:/tariff@live")).kind == "silent"
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_does_not_answer_is_said_without_its_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:Geheim7@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UnavailableError, match="does not answer now") as raised:
        open_model(contract("models:/tariff@live"))
    assert "Geheim7" not in str(raised.value)


def test_an_alias_that_moves_is_followed_and_a_version_is_loaded_once(registry):
    rows = people()[["age"]]
    asked = contract("models:/moving@live", ("age",))
    registry.register("moving", boosted().fit(rows, worth(people())), "lightgbm", rows)
    first = open_model(asked)
    assert open_model(asked) is first
    registry.register("moving", boosted().fit(rows, 2 * worth(people())), "lightgbm", rows)
    second = open_model(asked)
    assert (first.version, second.version) == ("1", "2")
    assert first.digest != second.digest
    again = open_model(contract("models:/moving/1", ("age",)))
    assert again.digest == first.digest


def test_a_model_that_was_logged_by_a_run_names_it(registry, tmp_path, monkeypatch):
    import mlflow

    rows = people()[["age"]]
    monkeypatch.chdir(registry.folder)
    made = mlflow.create_experiment("runs", artifact_location=(registry.folder / "runs").as_uri())
    with mlflow.start_run(experiment_id=made) as run:
        mlflow.lightgbm.log_model(
            boosted().fit(rows, worth(people())).booster_, name="m", registered_model_name="logged",
            signature=mlflow.models.infer_signature(rows), pip_requirements=["numpy"],
        )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    model = open_model(contract("models:/logged/1", ("age",)))
    assert model.run_id == run.info.run_id
    assert len(given(model, rows)) == ROWS


@pytest.mark.parametrize("kind", ["lightgbm", "sklearn"])
def test_models_of_several_classes_are_refused(registry, kind):
    from sklearn.linear_model import LogisticRegression

    rows = people()[["age", "spend"]]
    classes = np.arange(ROWS) % 3
    fitted = (boosted("multiclass", num_class=3) if kind == "lightgbm" else LogisticRegression()).fit(rows, classes)
    fault = fault_of(contract(registry.register("classes", fitted, kind, rows), ("age", "spend"), of="score"))
    assert fault.kind == "many_classes"
    assert "3" in fault.reason


def test_a_scale_that_contradicts_the_model(registry):
    rows = people()[["age", "spend"]]
    uri = registry.register("contrary", boosted("binary").fit(rows, granted(people())), "lightgbm", rows)
    assert fault_of(contract(uri, ("age", "spend"), of="score", scale="log")).kind == "other_scale"


def test_every_fault_can_be_said_and_asks_for_something():
    values = dict.fromkeys(("uri", "reason", "names", "name", "expected", "found", "kind", "scale", "link"), "x")
    for reason, needed in FAULTS.values():
        assert reason.format_map({**values, "missing": 1.0, "classes": 3}).strip()
        assert needed.format_map(values).strip()

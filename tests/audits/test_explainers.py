"""Contributions add up to the output, and are the Shapley values of the mixes with the background."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.evidence.explainers import INTERVENTIONAL, PATH_DEPENDENT, Explained, explain, grouped
from checks.inputs.model import Model
from checks.inputs.model_fault import ModelUnusable


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def model_of(kind: str, native: Any, columns: Any, margins: Any, **rest: Any) -> Model:
    return Model("models:/m/1", "m", "1", "sha256:0", kind, tuple(columns), {}, "identity", native, margins, **rest)


def people(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Any]:
    """Numbers with missing ones and zeros, a category, and an outcome in which features work together."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "income": rng.normal(size=rows), "age": rng.integers(18, 80, rows).astype(float),
        "debts": np.where(rng.random(rows) < 0.3, 0.0, rng.gamma(1, 2, rows)), "noise": rng.normal(size=rows),
        "area": pd.Categorical(rng.choice(list("abcdefgh"), rows)),
    })  # fmt: skip
    frame.loc[rng.random(rows) < 0.1, "income"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "area"] = np.nan
    steep = frame["area"].isin(list("bdg")).to_numpy() * frame["age"].to_numpy() / 30
    outcome = np.nan_to_num(frame["income"].to_numpy(), nan=-1.0) * frame["debts"].to_numpy() + steep
    return frame, outcome + rng.normal(size=rows) * 0.1


def shapley(margins: Any, frame: pd.DataFrame, background: pd.DataFrame, groups: list[list[str]]) -> Any:
    """Every set of players, by definition."""
    p, many = len(groups), len(background)
    sets = [s for k in range(p + 1) for s in combinations(range(p), k)]
    found = np.zeros((len(frame), p))
    for i in range(len(frame)):
        row = frame.iloc[i : i + 1]
        mixed = pd.concat([background] * len(sets), ignore_index=True)
        for j, names in enumerate(groups):
            taken = np.repeat([j in s for s in sets], many)
            for name in names:
                mixed.loc[taken, name] = row[name].iloc[0]
        worth = dict(zip(sets, np.asarray(margins(mixed)).reshape(len(sets), many).mean(axis=1), strict=True))
        for j in range(p):
            for s in sets:
                if j not in s:
                    weight = factorial(len(s)) * factorial(p - len(s) - 1) / factorial(p)
                    found[i, j] += weight * (worth[tuple(sorted((*s, j)))] - worth[s])
    return found


def assert_adds_up(found: Explained, within: float = 1e-12) -> None:
    off = np.abs(found.values.sum(axis=1) + found.base - found.margins)
    size = np.abs(found.values).sum(axis=1) + abs(found.base) + np.abs(found.margins)
    assert (off <= within * size).all()
    half = len(off) // 2
    parts = found.values[:half].mean(axis=0) - found.values[half:].mean(axis=0)
    assert abs(parts.sum() - (found.margins[:half].mean() - found.margins[half:].mean())) < 1e-9


def lightgbm_model(frame: pd.DataFrame, outcome: Any, **params: Any) -> Model:
    import lightgbm

    given = {"objective": "regression", "num_leaves": 12, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1,
             "min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 2} | params  # fmt: skip
    booster = lightgbm.train(given, lightgbm.Dataset(frame, outcome, free_raw_data=False), 25)
    return model_of("lightgbm", booster, frame.columns, lambda rows: booster.predict(rows, raw_score=True))


@pytest.mark.parametrize(
    "params", [{}, {"zero_as_missing": True}, {"use_missing": False}, {"boosting": "rf", "bagging_freq": 1,
               "bagging_fraction": 0.5}, {"boosting": "dart"}, {"num_leaves": 60, "min_data_in_leaf": 1}],
    ids=str,
)  # fmt: skip
def test_interventional_lightgbm(params: dict[str, Any]) -> None:
    """Categories, missing numbers and every way of treating them."""
    frame, outcome = people(600)
    model = lightgbm_model(frame, outcome, **params)
    rows, background = frame.iloc[:8].copy(), frame.iloc[300:320]
    found = explain(model, rows, background, INTERVENTIONAL, tuple(frame.columns))
    assert (found.kind, found.explainer, found.background) == (INTERVENTIONAL, "exact trees", 20)
    np.testing.assert_allclose(found.values, shapley(model.margins, rows, background, [[n] for n in frame]), atol=1e-10)
    assert_adds_up(explain(model, frame, background, INTERVENTIONAL, tuple(frame.columns)))


def test_a_lightgbm_that_found_nothing_to_split_by() -> None:
    frame, outcome = people(600)
    model = lightgbm_model(frame, outcome, min_data_in_leaf=500)
    assert [tree["num_leaves"] for tree in model.native.dump_model()["tree_info"]] == [1]
    found = explain(model, frame.iloc[:8], frame.iloc[300:320], INTERVENTIONAL, tuple(frame.columns))
    assert found.explainer == "exact trees"
    assert (found.values == 0).all()
    assert_adds_up(found)


def test_path_dependent_lightgbm() -> None:
    """The library's own, its columns added up, whatever the number of threads."""
    frame, outcome = people(600)
    model = lightgbm_model(frame, outcome)
    found = explain(model, frame, frame.iloc[:5], PATH_DEPENDENT, ("area", "age", "debts", "noise", "income", "other"))
    own = model.native.predict(frame, pred_contrib=True, num_threads=2)
    np.testing.assert_allclose(found.values[:, :5], own[:, [4, 1, 2, 3, 0]], rtol=1e-9, atol=1e-12)
    assert not found.values[:, 5].any()
    assert (found.kind, found.explainer, found.background) == (PATH_DEPENDENT, "lightgbm native", 0)
    assert found.base == pytest.approx(own[0, -1])
    assert_adds_up(found)


def xgboost_model(frame: pd.DataFrame, outcome: Any, **params: Any) -> Model:
    import xgboost

    given = {"max_depth": 4, "nthread": 1, "learning_rate": 0.2, "max_cat_to_onehot": 2} | params
    booster = xgboost.train(given, xgboost.DMatrix(frame, outcome, enable_categorical=True), 25)

    def margins(rows: pd.DataFrame) -> Any:
        return booster.predict(xgboost.DMatrix(rows, enable_categorical=True), output_margin=True).astype(np.float64)

    return model_of("xgboost", booster, frame.columns, margins)


@pytest.mark.parametrize("params", [{}, {"booster": "dart", "rate_drop": 0.3}, {"num_parallel_tree": 2}], ids=str)
def test_xgboost(params: dict[str, Any]) -> None:
    frame, outcome = people(600)
    model = xgboost_model(frame, outcome, **params)
    rows, background = frame.iloc[:8].copy(), frame.iloc[300:320]
    found = explain(model, rows, background, INTERVENTIONAL, tuple(frame.columns))
    assert (found.kind, found.explainer) == (INTERVENTIONAL, "exact trees")
    np.testing.assert_allclose(found.values, shapley(model.margins, rows, background, [[n] for n in frame]), atol=1e-4)
    assert 0 < found.remainder < 1e-4
    assert_adds_up(explain(model, frame, background, INTERVENTIONAL, tuple(frame.columns)))
    along = explain(model, frame, background, PATH_DEPENDENT, tuple(frame.columns))
    assert (along.kind, along.explainer) == (PATH_DEPENDENT, "xgboost native")
    assert 0 < along.remainder < 1e-3
    assert_adds_up(along)


def pipeline(frame: pd.DataFrame, outcome: Any, last: Any, *, other: Any = None, sparse: float = 1.0) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), other or StandardScaler())
    made = ColumnTransformer([
        ("area", OneHotEncoder(handle_unknown="ignore", drop=["c"]), ["area"]),
        ("numbers", numbers, ["debts", "income"]), ("gone", "drop", ["noise"]),
    ], remainder="passthrough", sparse_threshold=sparse)  # fmt: skip
    return make_pipeline(made, last).fit(frame, outcome)


def sklearn_model(native: Any, columns: Any, margins: Any = None) -> Model:
    return model_of("sklearn", native, columns, margins or native.predict)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(area=frame["area"].astype(object))


def test_linear_pipeline() -> None:
    """Scaled, filled in, one-hot and passed on: columns come back to the feature that they were made of."""
    from sklearn.linear_model import LogisticRegression, Ridge

    frame, outcome = people(400)
    frame = plain(frame)
    rows, background = frame.iloc[:6], frame.iloc[300:330]
    fitted = pipeline(frame, outcome > np.median(outcome), LogisticRegression())
    for native, margins in ((pipeline(frame, outcome, Ridge()), None), (fitted, fitted.decision_function)):
        model = sklearn_model(native, frame.columns, margins)
        found = explain(model, rows, background, PATH_DEPENDENT, tuple(frame.columns))
        assert (found.kind, found.explainer, found.background) == (INTERVENTIONAL, "linear", 30)
        oracle = shapley(model.margins, rows, background, [[name] for name in frame])
        np.testing.assert_allclose(found.values, oracle, atol=1e-10)
        assert not found.values[:, list(frame.columns).index("noise")].any()
        assert_adds_up(explain(model, frame, background, INTERVENTIONAL, tuple(frame.columns)))


def test_linear_model_closed_form() -> None:
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 12)), columns=[f"f{i}" for i in range(12)])
    native = LinearRegression().fit(frame, frame.to_numpy() @ rng.normal(size=12) + rng.normal(size=200))
    found = explain(sklearn_model(native, frame.columns), frame, frame.iloc[:50], INTERVENTIONAL, tuple(frame.columns))
    np.testing.assert_allclose(found.values, native.coef_ * (frame - frame.iloc[:50].mean()), atol=1e-12)
    assert found.explainer == "linear"
    assert_adds_up(found)


def test_mapping_is_never_guessed() -> None:
    """A transformation that mixes columns, and a linear model whose output is not the sum, are taken as they are."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import PoissonRegressor, Ridge
    from sklearn.preprocessing import PolynomialFeatures

    frame, outcome = people(300)
    frame = plain(frame)
    rows, background = frame.iloc[:4], frame.iloc[200:215]
    for native in (
        pipeline(frame, outcome, Ridge(), other=PCA()),
        pipeline(frame, outcome, Ridge(), other=PolynomialFeatures(2)),
        pipeline(frame, np.abs(outcome), PoissonRegressor()),
    ):
        model = sklearn_model(native, frame.columns)
        found = explain(model, rows, background, INTERVENTIONAL, tuple(frame.columns))
        assert found.explainer == "exact"
        oracle = shapley(model.margins, rows, background, [[name] for name in frame])
        np.testing.assert_allclose(found.values, oracle, atol=1e-10)
        assert_adds_up(found)


def forests() -> list[Any]:
    from sklearn import ensemble, tree

    return [
        tree.DecisionTreeRegressor(max_depth=4, random_state=0),
        ensemble.RandomForestRegressor(8, max_depth=5, random_state=0),
        ensemble.ExtraTreesRegressor(8, max_depth=5, random_state=0),
        ensemble.GradientBoostingRegressor(n_estimators=15, random_state=0),
        ensemble.HistGradientBoostingRegressor(max_iter=15, random_state=0),
        ensemble.RandomForestClassifier(8, max_depth=5, random_state=0),
        ensemble.GradientBoostingClassifier(n_estimators=15, random_state=0),
        ensemble.HistGradientBoostingClassifier(max_iter=15, random_state=0),
    ]


@pytest.mark.parametrize("native", forests(), ids=lambda one: type(one).__name__)
def test_sklearn_trees(native: Any) -> None:
    frame, outcome = people(300)
    frame = frame[["age", "income", "debts"]]
    if "GradientBoosting" in type(native).__name__ and "Hist" not in type(native).__name__:
        frame = frame.fillna(0.0)
    classifier = hasattr(native, "predict_proba")
    native.fit(frame, outcome > np.median(outcome) if classifier else outcome)
    if not classifier:
        margins = native.predict
    elif hasattr(native, "decision_function"):
        margins = native.decision_function
    else:

        def margins(rows: Any) -> Any:
            return native.predict_proba(rows)[:, 1]

    model = sklearn_model(native, frame.columns, margins)
    rows, background = frame.iloc[:6], frame.iloc[200:220]
    found = explain(model, rows, background, INTERVENTIONAL, tuple(frame.columns))
    assert found.explainer == "exact trees"
    oracle = shapley(model.margins, rows, background, [[name] for name in frame])
    np.testing.assert_allclose(found.values, oracle, atol=1e-9)
    assert_adds_up(found)
    along = explain(model, frame, background, PATH_DEPENDENT, tuple(frame.columns))
    assert (along.kind, along.explainer, along.background) == (PATH_DEPENDENT, "shap TreeExplainer", 0)
    assert_adds_up(along)


def test_deep_forest() -> None:
    """Trees with a leaf for nearly every row."""
    from sklearn.ensemble import RandomForestRegressor

    frame, outcome = people(900)
    frame = frame[["age", "income", "debts", "noise"]].fillna(0.0)
    native = RandomForestRegressor(2, random_state=0).fit(frame, outcome)
    model = sklearn_model(native, frame.columns)
    rows, background = frame.iloc[:5], frame.iloc[200:220]
    found = explain(model, rows, background, INTERVENTIONAL, tuple(frame.columns))
    assert found.explainer == "shap TreeExplainer"
    oracle = shapley(model.margins, rows, background, [[name] for name in frame])
    np.testing.assert_allclose(found.values, oracle, atol=1e-6)
    assert_adds_up(found)


def test_trees_behind_encoders() -> None:
    """A feature in one-hot columns is one player."""
    from lightgbm import LGBMRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor

    frame, outcome = people(400)
    frame = plain(frame)
    rows, background = frame.iloc[:5], frame.iloc[200:220]
    for last in (HistGradientBoostingRegressor(max_iter=15), LGBMRegressor(n_estimators=15, n_jobs=1, verbosity=-1)):
        native = pipeline(frame, outcome, last, sparse=0.0)
        model = sklearn_model(native, frame.columns)
        found = explain(model, rows, background, INTERVENTIONAL, tuple(frame.columns))
        assert found.explainer == "exact trees"
        oracle = shapley(model.margins, rows, background, [[name] for name in frame])
        np.testing.assert_allclose(found.values, oracle, atol=1e-9)
        along = explain(model, frame, background, PATH_DEPENDENT, tuple(frame.columns))
        assert along.kind == PATH_DEPENDENT
        assert_adds_up(along)


def wide(rows: int, columns: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"f{i}" for i in range(columns)])
    return frame.assign(kind=rng.choice(["old", "new", ""], rows).astype(object))


def pairs_of(rows: pd.DataFrame) -> Any:
    """Features alone and in pairs, with text."""
    new = (rows["kind"] == "new").to_numpy(dtype=float)
    return (rows["f0"] * rows["f1"] + np.sin(rows["f2"]) + new * rows["f3"] ** 2 - 3.0 * new).to_numpy(dtype=np.float64)


def test_permutation_of_a_plain_callable() -> None:
    """Pairs are shared out exactly, whatever the orders; the other columns have no part."""
    frame = wide(40)
    model = model_of("pyfunc", None, frame.columns, pairs_of)
    rows, background = frame.iloc[:4], frame.iloc[20:35]
    found = explain(model, frame, background, INTERVENTIONAL, tuple(frame.columns))
    assert (found.explainer, found.kind) == ("permutation", INTERVENTIONAL)
    taken = ["f0", "f1", "f2", "f3", "kind"]
    oracle = shapley(pairs_of, rows[taken], background[taken], [[name] for name in taken])
    at = [list(frame.columns).index(name) for name in taken]
    np.testing.assert_allclose(found.values[:4, at], oracle, atol=1e-10)
    assert np.abs(np.delete(found.values, at, axis=1)).max() < 1e-12
    assert_adds_up(found)


def test_orders_come_from_the_seed() -> None:
    frame = wide(20)
    model = model_of("pyfunc", None, frame.columns, lambda rows: np.prod(rows[["f0", "f1", "f2"]].to_numpy(), axis=1))
    once, again, other = (
        explain(model, frame, frame.iloc[:7], INTERVENTIONAL, tuple(frame.columns), seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(once.values, again.values)
    assert np.abs(once.values - other.values).max() > 1e-6
    assert_adds_up(once)


def test_additive_truth() -> None:
    """What is g1(x1) + g2(x2) gives each feature its own part, less its mean over the background."""
    frame = wide(30, 2).drop(columns="kind")
    model = model_of("pyfunc", None, frame.columns, lambda rows: (np.exp(rows["f0"]) + rows["f1"] ** 3).to_numpy())
    background = frame.iloc[:9]
    found = explain(model, frame, background, INTERVENTIONAL, ("f0", "f1"))
    parts = np.column_stack([np.exp(frame["f0"]), frame["f1"] ** 3])
    np.testing.assert_allclose(found.values, parts - parts[:9].mean(axis=0), atol=1e-10)
    assert found.explainer == "exact"


@pytest.mark.parametrize("kind", ["lightgbm", "pyfunc"])
def test_one_hot_columns_are_one_player(kind: str) -> None:
    frame, outcome = people(500)
    hot = pd.get_dummies(frame.drop(columns=["area", "noise"]).assign(area=frame["area"]), dtype=np.uint8)
    made = tuple(name for name in hot if name.startswith("area_"))
    inner = lightgbm_model(hot, outcome)
    model = model_of(kind, inner.native, hot.columns, inner.margins, one_hot={"area": made})
    features = ("area", "income", "debts", "age")
    rows, background = hot.iloc[:5], hot.iloc[200:220]
    found = explain(model, rows, background, INTERVENTIONAL, features)
    oracle = shapley(model.margins, rows, background, [list(made), ["income"], ["debts"], ["age"]])
    np.testing.assert_allclose(found.values, oracle, atol=1e-10)
    assert grouped(model, (*hot.columns,)) == ("income", "age", "debts", "area")
    assert grouped(model, features) == features
    if kind == "lightgbm":
        along = explain(model, hot, background, PATH_DEPENDENT, features)
        own = model.native.predict(hot, pred_contrib=True)
        at = [list(hot.columns).index(name) for name in made]
        np.testing.assert_allclose(along.values[:, 0], own[:, at].sum(axis=1), atol=1e-12)
        assert_adds_up(along)


def test_thousands_of_one_hot_columns() -> None:
    """Five thousand areas, in blocks of rows."""
    import tracemalloc

    rng = np.random.default_rng(0)
    areas, rows = 5_000, 1_500
    where = rng.integers(0, areas, rows) % 100 * 50
    made = np.zeros((rows, areas), dtype=np.uint8)
    made[np.arange(rows), where] = 1
    frame = pd.DataFrame(made, columns=[f"area_{i}" for i in range(areas)])
    frame.insert(0, "income", rng.normal(size=rows))
    outcome = frame["income"] + (where % 7)
    import lightgbm

    booster = lightgbm.train(
        {"objective": "regression", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "num_leaves": 8},
        lightgbm.Dataset(frame, outcome), 20,
    )  # fmt: skip
    model = model_of(
        "lightgbm", booster, frame.columns, lambda some: booster.predict(some, raw_score=True),
        one_hot={"area": tuple(frame.columns[1:])},
    )  # fmt: skip
    for values in (INTERVENTIONAL, PATH_DEPENDENT):
        tracemalloc.start()
        found = explain(model, frame, frame.iloc[:50], values, ("income", "area"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.values.shape == (rows, 2)
        assert_adds_up(found)
        assert peak < 200e6


def test_faults_are_told() -> None:
    frame, outcome = people(200)
    model = lightgbm_model(frame, outcome)
    every = tuple(frame.columns)
    with pytest.raises(ModelUnusable, match="income"):
        explain(model, frame, frame.iloc[:5], INTERVENTIONAL, ("age", "debts", "noise", "area"))
    with pytest.raises(ModelUnusable, match="no row"):
        explain(model, frame.iloc[:0], frame.iloc[:5], INTERVENTIONAL, every)
    with pytest.raises(ValueError, match="path_dependent"):
        explain(model, frame, frame.iloc[:5], "marginal", every)
    other = model_of("lightgbm", model.native, frame.columns, lambda rows: np.square(model.margins(rows)))
    with pytest.raises(ModelUnusable, match="do not add up") as told:
        explain(other, frame, frame.iloc[:5], PATH_DEPENDENT, every)
    assert told.value.fault.kind == "not_additive"
    callable_only = model_of("pyfunc", model.native, frame.columns, other.margins)
    plainly = explain(callable_only, frame.iloc[:5], frame.iloc[:9], PATH_DEPENDENT, every)
    assert (plainly.kind, plainly.explainer) == (INTERVENTIONAL, "exact")
    rng = np.random.default_rng(0)
    fickle = model_of("pyfunc", None, frame.columns, lambda rows: rng.normal(size=len(rows)))
    with pytest.raises(ModelUnusable, match="do not add up"):
        explain(fickle, frame, frame.iloc[:5], INTERVENTIONAL, every)
    squared = explain(other, frame.iloc[:5], frame.iloc[:20], INTERVENTIONAL, every)
    assert squared.explainer == "exact"  # its output is not the sum of its trees
    oracle = shapley(other.margins, frame.iloc[:5], frame.iloc[:20], [[name] for name in every])
    np.testing.assert_allclose(squared.values, oracle, atol=1e-9)


def test_many_columns_of_a_plain_callable() -> None:
    """Hundreds of one-hot columns and a text, mixed as two players."""
    rng = np.random.default_rng(0)
    areas, where = 300, rng.integers(0, 300, 40)
    made = np.eye(areas, dtype=np.uint8)[where]
    names = tuple(f"area_{i}" for i in range(areas))
    frame = pd.DataFrame(made, columns=list(names))
    frame.insert(7, "kind", rng.choice(["old", "new"], 40).astype(object))

    def margins(rows: pd.DataFrame) -> Any:
        assert list(rows.columns) == list(frame.columns)
        level = rows[list(names)].to_numpy(dtype=np.float64) @ np.arange(areas)
        return level * np.where(rows["kind"] == "new", 2.0, 1.0)

    model = model_of("pyfunc", None, frame.columns, margins, one_hot={"area": names})
    rows, background = frame.iloc[:4], frame.iloc[20:30]
    found = explain(model, frame, background, INTERVENTIONAL, ("kind", "area"))
    np.testing.assert_allclose(found.values[:4], shapley(margins, rows, background, [["kind"], list(names)]), atol=1e-9)
    assert_adds_up(found)


def piped(rows: int = 300) -> tuple[Model, pd.DataFrame, Any]:
    """A linear model of numbers, truth values and a text in one-hot columns: its table is of objects."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(2)
    frame = pd.DataFrame({
        "x": rng.normal(size=rows), "t": rng.choice(["u", "v"], rows).astype(object), "flag": rng.random(rows) < 0.4,
    })  # fmt: skip
    outcome = 4 + 0.2 * frame["x"] + 0.3 * (frame["t"] == "u") + 0.1 * frame["flag"]
    encode = make_column_transformer((OneHotEncoder(sparse_output=False), ["t"]), remainder="passthrough")
    fitted = make_pipeline(encode, Ridge()).fit(frame, outcome)
    return model_of("sklearn", fitted, frame.columns, fitted.predict), frame, fitted


def test_truth_values_beside_numbers_in_a_linear_pipeline() -> None:
    model, frame, fitted = piped()
    assert fitted[:-1].transform(frame).dtype == object
    found = explain(model, frame[:50], frame[50:150])
    assert found.explainer == "linear"
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, fitted.predict(frame[:50]), rtol=1e-12)
    weight = fitted[-1].coef_[-1]
    flag, mean = frame["flag"][:50].to_numpy(dtype=float), frame["flag"][50:150].mean()
    np.testing.assert_allclose(found.values[:, 2], weight * (flag - mean), atol=1e-12)


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_what_cannot_be_read_of_an_estimator_is_explained_in_another_way(monkeypatch: Any, error: type) -> None:
    from audits.evidence import explainers_linear

    def fails(*_: Any) -> Any:
        raise error("of Jane Doe")

    model, frame, _ = piped()
    expected = explain(model, frame[:20], frame[50:90])
    monkeypatch.setattr(explainers_linear, "parts", fails)
    found = explain(model, frame[:20], frame[50:90])
    assert (expected.explainer, found.explainer) == ("linear", "exact")
    np.testing.assert_allclose(found.values, expected.values, atol=1e-12)

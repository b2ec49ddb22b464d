"""A model whose own code fails, exits or quotes its rows ends no audit, and tells nothing of a person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from checks.inputs.contract import DataContract
from checks.inputs.model import model_frame, open_model
from checks.inputs.model_fault import ModelUnusable, kind_and_place
from checks.inputs.model_trees import _keeps_whole_texts
from checks.inputs.prediction import Prediction
from tests.programs import run_program, write_program
from tests.registered import Registry

pytestmark = pytest.mark.xdist_group("mlflow")
ROWS = 400


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(autouse=True)
def environment(registry, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.chdir(tmp_path)


def people(rows=ROWS):
    rng = np.random.default_rng(3)
    return pd.DataFrame({"name": [f"Jane Doe {i}" for i in range(rows)], "x": rng.normal(size=rows)})


def registered(registry, folder, code, rows):
    file = folder / "made.py"
    file.write_text(
        "import mlflow, os, signal, time\nclass Made(mlflow.pyfunc.PythonModel):\n"
        f"    def predict(self, context, model_input, params=None):\n        {code}\n"
        "mlflow.models.set_model(Made())\n"
    )
    return registry.register("odd", str(file), "pyfunc", rows)


def opened(registry, folder, code, rows):
    uri = registered(registry, folder, code, rows)
    return open_model(DataContract(features=tuple(rows), prediction=Prediction("price", uri=uri, trusted=True)))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("raise type(str(model_input.iloc[0, 0]), (BaseException,), {})()", "BaseException"),
        ("raise ValueError(f'no tariff for {model_input.iloc[0, 0]}')", "ValueError"),
    ],
)
def test_whatever_a_model_raises_is_a_fault_told_without_its_text(registry, tmp_path, code, kind):
    rows = people()
    model = opened(registry, tmp_path, code, rows)
    with pytest.raises(ModelUnusable) as told:
        model.margins(model_frame(model, rows).frame)
    assert told.value.fault.kind == "fails"
    reason = told.value.fault.values["reason"]
    assert reason.startswith(f"{kind} in ")
    assert reason.endswith(".predict")
    assert "Jane" not in str(told.value)


def test_ctrl_c_ends_the_audit(registry, tmp_path):
    rows = people()
    model = opened(registry, tmp_path, "raise KeyboardInterrupt", rows)
    with pytest.raises(KeyboardInterrupt):
        model.margins(rows)


def test_a_limit_of_time_ends_the_audit(registry, tmp_path):
    import signal

    class OverTimeError(BaseException):
        pass

    def over(*_):
        raise OverTimeError

    rows = people()
    model = opened(registry, tmp_path, "os.kill(os.getpid(), signal.SIGUSR1); time.sleep(5)", rows)
    before = signal.signal(signal.SIGUSR1, over)
    try:
        with pytest.raises(OverTimeError):
            model.margins(rows)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_place_of_an_error_is_the_library_that_raised_it():
    with pytest.raises(np.linalg.LinAlgError) as told:
        np.linalg.inv(np.zeros((2, 2)))
    assert kind_and_place(told.value).startswith("LinAlgError in numpy.linalg")
    assert kind_and_place(told.value).endswith("._raise_linalgerror_singular")


@pytest.mark.parametrize("code", [
    "raise SystemExit(str(model_input.iloc[0, 0]))",
    "raise ValueError(f'no tariff for {model_input.iloc[0, 0]} at {model_input.iloc[0, 1]!r}')",
])  # fmt: skip
def test_no_value_of_a_row_stands_in_any_file_of_a_run(registry, tmp_path, code):
    rows = people()
    rng = np.random.default_rng(5)
    book = rows.assign(case=np.arange(ROWS), region=rng.choice(["south", "north"], ROWS),
                       granted=(rng.random(ROWS) < 0.7).astype(int), burden=rng.normal(size=ROWS))  # fmt: skip
    uri = registered(registry, tmp_path, code, rows)
    file = write_program(
        tmp_path / "p", book, model=uri, trusted_model=True, policies=["conventions"],
        contract={
            "unit": "case", "decision": {"column": "granted", "favourable": 1}, "controls": ["burden"],
            "groups": {"region": {"column": "region", "reference": "north"}}, "features": ["name", "x"],
            "prediction": "decision",
        },
        audits={"primary": [
            "fair_lending.approval", "explanation.shap_gap", "explanation.proxy_features", "explanation.reproduction",
        ]},
    )  # fmt: skip
    run, _ = run_program(file, tmp_path / "out")
    assert run.errors == ()
    assert any(one.question == "fair_lending.approval" and one.estimate is not None for one in run.measurements)
    assert any("explanation.shap_gap" in one.question and "fails" in one.reason for one in run.not_answered)
    values = [*rows["name"], *(repr(float(one)) for one in rows["x"])]
    files = [one for one in (tmp_path / "out").rglob("*") if one.is_file()]
    assert {"run.json", "judgement.json"} <= {one.name for one in files}
    for one in files:
        text = one.read_bytes().decode(errors="replace")
        assert not [value for value in values if f"{value} " in text or f'{value}"' in text], one


@pytest.mark.parametrize(("labels", "whole"), [
    (["a ", "B", "b"], True), (["Berlin", "Köln", "München"], False), (["上海", "北京"], False),
])  # fmt: skip
def test_texts_that_xgboost_cuts_are_told(registry, labels, whole):
    import xgboost

    rows = pd.DataFrame({"area": np.resize(labels, 60), "x": np.arange(60.0)})
    taken = rows.assign(area=pd.Categorical(rows["area"], categories=labels))
    fitted = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True, n_jobs=1).fit(taken, rows["x"])
    uri = registry.register("cut", fitted, "xgboost", rows)
    asked = DataContract(features=("area", "x"), prediction=Prediction("price", uri=uri, trusted=True))
    if not whole and not _keeps_whole_texts():
        with pytest.raises(ModelUnusable, match="area") as told:
            open_model(asked)
        assert told.value.fault.kind == "cut_categories"
        return
    model = open_model(asked)
    assert model.categories == {"area": tuple(labels)}
    given = model.margins(model_frame(model, rows).frame)
    np.testing.assert_allclose(given, fitted.predict(taken), rtol=1e-6)


def test_a_booster_of_codes_whose_signature_has_texts_names_what_it_takes(registry):
    import xgboost

    rows = pd.DataFrame({"c": np.resize([0.0, 1.0, 2.0], 60), "x": np.arange(60.0)})
    fitted = xgboost.XGBRegressor(n_estimators=3, n_jobs=1, booster="gblinear").fit(rows, rows["x"])
    texts = rows.assign(c=np.resize(["u", "v", "w"], 60))
    uri = registry.register("codes", fitted, "xgboost", texts)
    model = open_model(DataContract(features=("c", "x"), prediction=Prediction("price", uri=uri, trusted=True)))
    with pytest.raises(ModelUnusable, match="takes c as number, and the data hold text"):
        model_frame(model, texts.astype({"c": object}))

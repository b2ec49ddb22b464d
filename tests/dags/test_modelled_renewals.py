"""A proxy that was planted in a registered model is named, whatever the draw; in its fair twin nothing is."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from audits.simulation.fitted import model_rows_of
from checks.problem import InputError
from dags import modelled_renewals
from dags.model_registry import register, store_of
from tests.programs import run_program

pytestmark = pytest.mark.xdist_group("mlflow")
ROWS = 8_000


def written(home, patch, seed, effect=modelled_renewals.EFFECT):
    """The program of another draw, with its model in a store of its own, which the process reads models from."""
    patch.setattr(modelled_renewals, "ROWS", ROWS)
    patch.setattr(modelled_renewals, "SEED", seed)
    patch.setattr(modelled_renewals, "EFFECT", effect)
    patch.setenv("MLFLOW_TRACKING_URI", store_of(home))
    programs = home / "programs"
    programs.mkdir(exist_ok=True)
    modelled_renewals.write_insurer(programs, home / "data", home)
    return programs / "app-visits.yaml"


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """Another draw: its folder, its program, and the run with its judgement."""
    home = tmp_path_factory.mktemp("insurer")
    with pytest.MonkeyPatch.context() as patch:
        file = written(home, patch, 51)
        yield home, file, *run_program(file, home / "runs")


def figure(run, measure, segment="all"):
    (found,) = (m for m in run.measurements if (m.measure, m.segment) == (measure, segment))
    return found


def versions(home):
    client = MlflowClient(store_of(home), store_of(home))
    return client.search_model_versions(f"name = '{modelled_renewals.MODEL}'")


def small():
    """Two trees, and the rows that they take."""
    import lightgbm

    rows = pd.DataFrame({"age": np.arange(100.0)})
    settings = {"verbosity": -1, "num_threads": 1}
    return lightgbm.train(settings, lightgbm.Dataset(rows, label=rows["age"]), num_boost_round=2), rows


def test_the_proxy_is_named_and_a_flip_of_tenure_is_not_answered(another):
    home, _, run, judgement = another
    assert run.checks.fit
    assert not run.errors
    assert modelled_renewals.named(run) == ("visits",)
    carried = figure(run, "proxy_carried_gap", "visits")
    truth = json.loads((home / "data/truth.json").read_text())["truth"]["gap_that_rides_on_visits"]
    assert carried.low > 0.02
    assert carried.estimate == pytest.approx(truth, rel=0.15)
    verdicts = {f.verdict for f in judgement.findings if f.measurement == carried}
    assert verdicts == {"concern"}
    (why,) = (
        str(one.reason) for one in run.not_answered
        if one.question == "explanation.paired_flips: flip_output_change" and "tenure:" in str(one.reason)
    )  # fmt: skip
    assert "visits" in why


def test_what_rides_on_visits_is_what_the_model_itself_adds_for_them(another):
    """An independent way: the model asked of all quotes with each number of openings in turn."""
    from mlflow.lightgbm import load_model

    home, file, run, _ = another
    quotes, features = pd.read_parquet(home / "data/data.parquet"), ["car", "mileage", "region", "visits"]
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["contract"]["features"] == features
    model = load_model(f"models:/{modelled_renewals.MODEL}@production")
    rows = model_rows_of(quotes, features)
    added = {
        v: float(np.mean(model.predict(rows.assign(visits=float(v)), num_threads=1))) for v in quotes["visits"].unique()
    }
    of_each = quotes["visits"].map(added)
    gap = of_each[quotes["tenure"] >= 1].mean() - of_each[quotes["tenure"] < 1].mean()
    assert figure(run, "proxy_carried_gap", "visits").estimate == pytest.approx(gap, rel=0.05)
    recorded = np.log(quotes["premium"])
    seen = recorded[quotes["tenure"] >= 1].mean() - recorded[quotes["tenure"] < 1].mean()
    assert figure(run, "model_output_gap").estimate == pytest.approx(seen, abs=0.01)
    assert np.abs(np.exp(model.predict(rows, num_threads=1)) - quotes["premium"]).max() <= 0.005 + 1e-9


def test_recorded_prices_are_those_of_the_model_to_the_penny(another):
    _, file, run, _ = another
    assert figure(run, "unreproduced_share").estimate == 0
    assert figure(run, "unreproduced_share").n == ROWS
    prediction = yaml.safe_load(file.read_text(encoding="utf-8"))["contract"]["prediction"]
    cheapest = pd.read_parquet(another[0] / "data/data.parquet")["premium"].min()
    assert 0.005 / cheapest <= prediction["tolerance"] <= 0.01 / cheapest


def test_what_is_told_has_planted_and_found_side_by_side(another):
    home, file, run, _ = another
    program = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert set(program["title"]) == set(program["description"]) == {"en", "zh"}
    for text in program["description"].values():
        assert "11.3" in text
        assert "{" not in text
    lines = modelled_renewals.planted_and_found(home / "runs", home / "data")
    (carried,) = (line for line in lines if line.startswith("  proxy_carried_gap, visits, renewing"))
    assert "10.72 %" in carried
    assert f"{100 * figure(run, 'proxy_carried_gap', 'visits').estimate:.2f} %" in carried
    assert carried.endswith("concern")
    assert any("flip of tenure: not answered: the model does not take tenure" in line for line in lines)
    assert lines[-1].endswith("named as standing in for time as a customer: visits")


def test_the_same_model_is_one_version_and_another_one_is_the_next(another, tmp_path):
    home, file, run, _ = another
    before = file.read_bytes()
    (first,) = versions(home)
    assert run.subject.version == str(first.version)
    assert run.subject.model == "models:/app-visits-price@production"
    with pytest.MonkeyPatch.context() as patch:
        assert written(home, patch, 51).read_bytes() == before
        assert os.environ["MLFLOW_TRACKING_URI"] == store_of(home)
        assert [one.version for one in versions(home)] == [first.version]
        written(home, patch, 52)
        numbers = sorted(int(one.version) for one in versions(home))
        assert numbers == [1, 2]
        client = MlflowClient(store_of(home), store_of(home))
        assert int(client.get_model_version_by_alias(modelled_renewals.MODEL, "production").version) == 2
        written(home, patch, 51)
        assert sorted(int(one.version) for one in versions(home)) == [1, 2]
        assert int(client.get_model_version_by_alias(modelled_renewals.MODEL, "production").version) == 1


def test_registering_leaves_the_store_of_the_process_as_it_was(tmp_path, monkeypatch):
    from mlflow import get_tracking_uri

    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    model, rows = small()
    home = tmp_path / "home"
    home.mkdir()
    made = register(model, "small", rows, "two trees", home)
    assert (made.address, made.version, made.made) == ("models:/small@production", "1", True)
    assert not register(model, "small", rows, "two trees", home).made
    assert get_tracking_uri() == elsewhere
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_registry_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    model, rows = small()
    with pytest.raises(InputError, match="the registry refused"):
        register(model, "small", rows, "two trees", tmp_path / "file")


def test_the_fair_twin_has_nothing_named(tmp_path, monkeypatch):
    run, judgement = run_program(written(tmp_path, monkeypatch, 54, 0.0), tmp_path / "runs")
    assert modelled_renewals.named(run) == ()
    assert figure(run, "proxy_carried_gap", "visits").estimate == pytest.approx(0, abs=0.01)
    accused = [f for f in judgement.findings if f.verdict in ("breach", "concern")]
    assert [f for f in accused if f.measurement.measure.startswith(("proxy_", "flip_"))] == []
    assert modelled_renewals.planted_and_found(tmp_path / "runs", tmp_path / "data")[-1].endswith(": nothing")

"""Whether a model gives the figures of its record: counted by hand, and through the command's own path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import psycopg
import pytest
import yaml
from scipy.stats import beta

from audits.comparisons.model_doubts import doubts_of
from audits.evidence.reproduction import Reproduction, reproduced, step_of
from audits.explanation.reproduction import share_of
from checks.inputs.prediction import Prediction
from tests.programs import run_program
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


# --- arrays -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "value", "figure", "step", "given"),
    [
        ("price", 100.09, 100.0, None, True), ("price", 100.11, 100.0, None, False),
        ("price", 10.015, 10.0, 0.01, False),
        ("price", 2.005, 2.0, 0.01, True), ("price", 2.006, 2.0, 0.01, False), ("rate", 0.0500499, 0.05, None, True),
        ("score", 0.5009, 0.5, None, True), ("score", 0.5011, 0.5, None, False), ("score", 700.4, 700.0, 1.0, True),
        ("price", np.inf, 100.0, None, False), ("price", 0.0, 0.0, None, True),
        ("decision", 0.7, 1.0, None, True), ("decision", 0.7, 0.0, None, False), ("decision", 0.3, 0.0, None, True),
        ("decision", 0.5005, 0.0, None, True), ("decision", 0.4995, 1.0, None, True),
    ],
)  # fmt: skip
def test_a_row_is_reproduced_within_tolerance_or_half_a_step(of, value, figure, step, given):
    made = Prediction(of, favourable="high")
    assert reproduced(np.array([value]), np.array([figure]), made, step).tolist() == [given]


def test_a_low_figure_may_be_the_favourable_one():
    made = Prediction("decision", favourable="low", threshold=0.2)
    figures = np.array([1.0, 0.0, 1.0, 0.0])
    assert reproduced(np.array([0.1, 0.1, 0.3, 0.3]), figures, made, None).tolist() == [True, False, False, True]


def test_the_step_of_figures():
    rng = np.random.default_rng(1)
    amounts = rng.uniform(0, 900, 500)
    assert step_of(amounts) is None
    assert step_of(np.round(amounts, 2), 0.01) == 0.01
    assert step_of(np.round(amounts)) == 1.0
    assert step_of(np.round(amounts / 0.05) * 0.05, 0.05) == 0.05
    assert step_of(np.round(amounts / 900, 3)) == 0.001
    assert step_of(rng.integers(0, 2, 500).astype(float)) != 1.0, "a flag is no rounded figure"


def test_the_share_has_the_bounds_of_clopper_and_pearson():
    found = Reproduction(300, 5000, "price", "log", 0.001, None, 250, 7, 30, 20, 0, {"area": 4}, 0.2, 0.0001, 0.01)
    figure = share_of(found, 0.9)
    assert figure.estimate == 7 / 250
    assert (figure.low, figure.high) == pytest.approx((beta.ppf(0.05, 7, 244), beta.ppf(0.95, 8, 243)), rel=1e-9)
    assert (figure.counts["unusable"], figure.counts["unrecorded"]) == (30, 20)
    assert figure.counts["unseen_categories"] == 4
    assert figure.details == {
        "largest_difference": 0.2, "median_difference": 0.0001, "mean_difference": 0.01, "tolerance": 0.001,
    }  # fmt: skip
    assert len(figure.unseen) == 2
    assert "2.8 %" in doubts_of(found)[0]


def test_nothing_compared_is_no_share():
    found = Reproduction(300, 300, "price", "log", 0.001, unrecorded=300)
    figure = share_of(found, 0.95)
    assert figure.estimate is None
    assert "recorded" in figure.reason
    assert len(doubts_of(found)) == 1


def test_one_row_in_a_hundred_is_no_doubt():
    assert doubts_of(Reproduction(1000, 1000, "price", "log", 0.001, None, 1000, 10)) == ()
    assert doubts_of(Reproduction(1000, 1000, "price", "log", 0.001, None, 1000, 11)) != ()


# --- programs ---------------------------------------------------------------------------------------------------------


def book(seed=2):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "policy": np.arange(ROWS), "age": rng.integers(18, 80, ROWS), "size": rng.normal(0, 1, ROWS),
        "place": rng.choice(["town", "country"], ROWS), "sex": rng.choice(["f", "m"], ROWS),
    })  # fmt: skip


def tariff(rows, seed=3):
    import lightgbm

    frame = rows[["place", "size", "age"]].assign(place=pd.Categorical(rows["place"]))
    noise = np.random.default_rng(seed).normal(0, 0.1, len(rows))
    target = 5 + 0.01 * rows["age"] + 0.2 * rows["size"] + 0.3 * (rows["place"] == "town") + noise
    fitted = lightgbm.LGBMRegressor(n_estimators=20, min_child_samples=5, num_threads=1, verbose=-1)
    return fitted.fit(frame, target), frame


def program(folder, rows, uri, trusted=True, asked=("explanation.reproduction",), **prediction):
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / "book.parquet")
    content = {
        "program": "tariff", "source": {"table": "book.parquet"}, "model": uri, "trusted_model": trusted,
        "contract": {
            "unit": "policy", "groups": {"sex": {"column": "sex", "reference": "m"}},
            "price": {"column": "price", "currency": "EUR"}, "features": ["age", "place", "size"],
            "prediction": {"of": "price", "scale": "log", **prediction},
        },
        "audits": {"primary": list(asked)}, "policies": ["conventions"],
    }  # fmt: skip
    file = folder / "tariff.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def audited(file):
    run, judgement = run_program(file, file.parent / "out")
    figure = next((one for one in run.measurements if one.measure == "unreproduced_share"), None)
    return run, judgement, figure


@pytest.fixture(scope="module")
def priced(registry):
    rows = book()
    fitted, frame = tariff(rows)
    return rows.assign(price=np.round(np.exp(fitted.predict(frame)), 2)), registry.register(
        "motor", fitted, "lightgbm", frame
    )


def test_a_record_that_the_model_made(priced, tmp_path):
    rows, uri = priced
    run, judgement, figure = audited(program(tmp_path / "a", rows, uri))
    assert run.errors == ()
    assert run.not_answered == ()
    assert figure.estimate == 0
    assert figure.counts["compared"] == ROWS
    assert figure.details["largest_difference"] < 1e-3
    assert run.subject.model == uri
    assert run.subject.version == "1"
    assert run.subject.digest.startswith("sha256:")
    assert {finding.verdict for finding in judgement.findings} == {"clear"}


def test_a_record_that_another_model_made(priced, tmp_path):
    rows, uri = priced
    changed = rows.copy()
    changed.loc[changed["policy"] % 8 == 0, "price"] *= 1.05
    _, judgement, figure = audited(program(tmp_path / "b", changed, uri))
    assert figure.counts["unreproduced"] == ROWS / 8
    assert figure.estimate == 1 / 8
    assert figure.low == pytest.approx(beta.ppf(0.025, 50, 351), rel=1e-9)
    assert {finding.verdict for finding in judgement.findings} & {"breach", "concern"}


def test_a_scale_left_out_is_pointed_at(priced, tmp_path):
    rows, uri = priced
    _, _, figure = audited(program(tmp_path / "c", rows, uri, scale="identity"))
    assert figure.estimate == 1
    assert "scale: log" in figure.cautions[0]


def test_what_is_missing_is_counted(priced, tmp_path):
    rows, uri = priced
    changed = rows.copy()
    changed.loc[:9, "price"] = np.nan
    changed.loc[20:24, "place"] = "moon"
    _, _, figure = audited(program(tmp_path / "d", changed, uri))
    assert figure.counts["unrecorded"] == 10
    assert figure.counts["compared"] == ROWS - 10
    assert figure.counts["unseen_categories"] == 5
    assert figure.unseen


def test_a_model_that_is_not_trusted_costs_its_questions_alone(priced, tmp_path):
    rows, uri = priced
    rows = rows.assign(tenure=np.arange(ROWS) % 9)
    file = program(
        tmp_path / "e", rows, uri, trusted=False, asked=("explanation.reproduction", "fair_lending.approval")
    )
    content = yaml.safe_load(file.read_text())
    rows["granted"] = (rows["size"] > 0).astype(int)
    rows.to_parquet(file.parent / "book.parquet")
    content["contract"]["decision"] = {"column": "granted", "favourable": 1}
    file.write_text(yaml.safe_dump(content))
    run, _, figure = audited(file)
    assert figure is None
    told = next(one for one in run.not_answered if one.question == "explanation.reproduction: unreproduced_share")
    assert "does not trust" in told.reason
    assert any(one.question == "explanation.reproduction: decision" for one in run.not_answered)
    assert run.errors == ()
    assert run.subject == replace(run.subject, model=uri, version=None, digest=None)
    assert any(one.question == "fair_lending.approval" and one.estimate for one in run.measurements)


@pytest.mark.parametrize("uri", ["models:/nobody@live", "models:/motor@nobody", "models:/motor/77", "models:/motor"])
def test_a_model_that_is_not_there_is_said(priced, tmp_path, uri):
    run, _, figure = audited(program(tmp_path / "f", priced[0], uri))
    assert figure is None
    assert run.errors == ()
    assert any(uri in one.reason and one.question.startswith("explanation.") for one in run.not_answered)


def test_rows_without_a_name_cannot_be_drawn(priced, tmp_path):
    rows, uri = priced
    file = program(tmp_path / "g", rows, uri)
    content = yaml.safe_load(file.read_text())
    del content["contract"]["unit"]
    file.write_text(yaml.safe_dump(content))
    run, _, figure = audited(file)
    assert figure is None
    assert any("'unit'" in one.reason for one in run.not_answered)


def test_a_decision_is_reproduced_by_its_threshold(registry, tmp_path):
    from sklearn.linear_model import LogisticRegression

    rows = book()
    frame = rows[["age", "size"]].astype(float)
    luck = np.random.default_rng(0).normal(size=ROWS)
    fitted = LogisticRegression().fit(frame, (rows["size"] + 0.02 * rows["age"] + luck > 1).astype(int))
    uri = registry.register("credit", fitted, "sklearn", frame)
    rows["granted"] = (fitted.predict_proba(frame)[:, 1] >= 0.3).astype(int)
    file = program(tmp_path / "h", rows.assign(price=1.0), uri)
    content = yaml.safe_load(file.read_text())
    content["contract"] |= {"decision": {"column": "granted", "favourable": 1}, "features": ["size", "age"]}
    for threshold, least in ((0.3, 0.0), (None, 0.05)):
        content["contract"]["prediction"] = {"of": "decision", **({"threshold": threshold} if threshold else {})}
        file.write_text(yaml.safe_dump(content))
        run, _ = run_program(file, file.parent / f"out{threshold}")
        figure = next(one for one in run.measurements if one.measure == "unreproduced_share")
        assert figure.estimate == 0 if threshold else figure.estimate > least
        assert "largest_difference" not in figure.details


def test_the_engine_changes_nothing(priced, tmp_path, postgres_url):
    rows, uri = priced
    rows = rows.assign(price=rows["price"].where(rows["policy"] % 50 > 0), place=rows["place"].where(rows.index != 7))
    here = audited(program(tmp_path / "i", rows, uri))[0]
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS book")
        connection.execute("CREATE TABLE book (policy bigint, age int, size float8, place text, sex text, "
                           "price numeric(12,2))")  # fmt: skip
        with connection.cursor().copy("COPY book FROM STDIN") as copy:
            for row in rows.sample(frac=1, random_state=1).itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])
    file = program(tmp_path / "j", rows, uri)
    content = yaml.safe_load(file.read_text()) | {"source": {"connection": postgres_url, "table": "book"}}
    file.write_text(yaml.safe_dump(content))
    there = audited(file)[0]
    assert here.measurements[0].counts["unrecorded"] == ROWS / 50
    assert there.measurements == here.measurements
    assert there.subject == here.subject

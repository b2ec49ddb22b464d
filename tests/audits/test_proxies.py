"""Proxies collected from a source and told as figures: what each case must say, and never silently leave out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import lightgbm
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LinearRegression

from audits.comparisons.proxy_figures import is_named, named_of, proxies_need, reach_at_once
from audits.evidence.modelled import collect_modelled, modelled_from_json
from audits.evidence.proxies import Proxies
from audits.evidence.proxy_columns import one_column_each, strata_codes, unit_codes
from audits.explanation.proxy_features import ProxyFeatures
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import write_program
from tests.questions import measure_program
from tests.registered import Registry

ASKED = ProxyFeatures(rows=1200, background=30)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(autouse=True)
def environment(registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)


def people(seed: int = 1, rows: int = 3000, effect: float = 0.2) -> pd.DataFrame:
    """Prices of two districts: app use tells the district, and makes dearer; risk is another matter."""
    rng = np.random.default_rng(seed)
    away = rng.random(rows) < 0.4
    risk, use = rng.normal(size=rows) - 0.2 * away, rng.poisson(np.where(away, 6, 2)).astype(float)
    place = np.where(rng.random(rows) < np.where(away, 0.7, 0.4), "flat", "house")
    told = 5 + 0.3 * risk + 0.1 * (place == "flat")
    return pd.DataFrame({
        "offer": np.arange(rows), "holder": np.arange(rows) // 2, "district": np.where(away, "west", "east"),
        "risk": risk, "use": use, "place": place, "costs": np.exp(told + rng.normal(0, 0.1, rows)),
        "asked": np.exp(told + 0.2 + effect * np.minimum(use, 10) / 10), "years": np.where(away, 3, 0),
    })  # fmt: skip


FEATURES = ["risk", "use", "place"]


def frame_of(data: pd.DataFrame, features) -> pd.DataFrame:
    return data[features].assign(**{
        name: pd.Categorical(data[name], categories=sorted(data[name].dropna().unique()))
        for name in features if data[name].dtype == object or str(data[name].dtype).startswith("str")
    })  # fmt: skip


def trained(data: pd.DataFrame, features=FEATURES):
    settings = {"num_threads": 1, "verbosity": -1, "num_leaves": 7, "min_data_in_leaf": 10, "deterministic": True}
    rows = lightgbm.Dataset(frame_of(data, features), label=np.log(data["asked"]))
    return lightgbm.train(settings, rows, num_boost_round=150)


def program(folder, registry, data: pd.DataFrame, features=FEATURES, **contract):
    folder.mkdir(parents=True, exist_ok=True)
    name = f"m{abs(hash(str(folder))) % 10**9}"
    plain = data[features].head(20).copy()
    uri = registry.register(name, trained(data, features), "lightgbm", plain)
    data.to_parquet(folder / "data.parquet")
    roles = {
        "unit": "offer", "price": {"column": "asked", "currency": "GBP"}, "cost": "costs", "features": list(features),
        "groups": {"area of living": {"column": "district", "reference": "east"}},
        "prediction": {"of": "price", "scale": "log"}, "dated": {"from": "2025-01-01", "to": "2025-12-31"}, **contract,
    }  # fmt: skip
    content = {
        "program": "p", "source": {"table": "data.parquet"}, "model": uri, "trusted_model": True,
        "scope": {"jurisdictions": ["UK"], "products": ["motor_insurance"]},
        "contract": {name: block for name, block in roles.items() if block is not None},
        "audits": {"primary": ["explanation.proxy_features"]}, "policies": ["conventions"],
    }  # fmt: skip
    (folder / "p.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    return folder / "p.yaml"


def asked(file, folder, question=ASKED):
    figures, missing = measure_program(file, question, folder)
    return {(one.measure, one.segment): one for one in figures}, missing


def test_the_unit_is_that_of_all_rows_and_not_of_labels_drawn_alike(registry, tmp_path) -> None:
    rng = np.random.default_rng(4)
    rare = np.arange(3000) % 50 == 0
    data = pd.DataFrame(
        {"id": np.arange(3000), "area": np.where(rare, "s", "n"), "x": rng.normal(size=3000) + 9 * rare}
    )
    line = LinearRegression().fit(data[["x"]], 100 + 50 * data["x"])
    data["asked"] = line.predict(data[["x"]])
    data["costs"] = 100.0
    uri = registry.register("line", line, "sklearn", data[["x"]])
    contract = {
        "unit": "id", "price": {"column": "asked", "currency": "EUR"}, "features": ["x"], "prediction": "price",
        "cost": "costs", "groups": {"r": {"column": "area", "reference": "n"}},
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, model=uri, trusted_model=True)
    figures, _ = measure_program(file, ProxyFeatures(rows=400, background=20), tmp_path / "out")
    (carried,) = [one for one in figures if one.measure == "proxy_carried_gap"]
    assert carried.details["unit"] == pytest.approx(np.abs(data["asked"]).mean(), rel=0.1)


def test_the_feature_that_carries_the_gap_is_named_and_the_parts_add_up(registry, tmp_path) -> None:
    found, missing = asked(program(tmp_path, registry, people()), tmp_path / "m")
    assert missing == []
    use, risk = found["proxy_carried_gap", "use"], found["proxy_carried_gap", "risk"]
    assert (use.details["named"], risk.details["named"]) == (1, 0)
    assert use.estimate == pytest.approx(0.2 * 0.4, abs=0.015)
    assert use.low > 0
    assert use.corrected
    assert use.counts["group_drawn"] + use.counts["reference_drawn"] == use.n
    sums = sum(one.estimate for (measure, _), one in found.items() if measure == "proxy_carried_gap")
    told = use.details
    assert sums == pytest.approx(told["whole_gap"] - told["whole_justified"] - told["whole_residual"], abs=1e-8)
    assert found["proxy_auc", "use"].estimate > 0.85
    assert found["proxy_auc", "best set"].method.count("use") == 1
    assert found["proxy_auc", "best set"].estimate >= found["proxy_auc", "use"].estimate - 0.03
    order = [abs(one.estimate) for (measure, _), one in found.items() if measure == "proxy_carried_gap"]
    assert order == sorted(order, reverse=True)
    bounds = [rung[1] for rung in use.ladder]
    assert bounds == sorted(bounds, reverse=True)


def test_without_cost_the_raw_gap_stands_and_decides_nothing(registry, tmp_path) -> None:
    found, missing = asked(program(tmp_path, registry, people(), cost=None), tmp_path / "m")
    use = found["proxy_carried_gap", "use"]
    assert use.undecided is not None
    assert "may be justified by cost or repayment" in use.undecided
    assert use.undecided in use.unseen
    assert use.estimate == use.details["raw_part"]
    assert "justified_part" not in use.details
    assert [one.question for one in missing] == ["explanation.proxy_features: proxy_carried_gap"]


def test_cost_made_of_the_same_features_is_never_clear(registry, tmp_path) -> None:
    data = people()
    data["costs"] = np.exp(4 + 0.3 * data["risk"] + 0.1 * (data["place"] == "flat") + 0.02 * data["use"])
    found, _ = asked(program(tmp_path, registry, data), tmp_path / "m")
    assert any("follows from these features" in one for one in found["proxy_carried_gap", "risk"].unseen)


def test_the_column_of_the_group_is_the_thing_itself_and_no_proxy(registry, tmp_path) -> None:
    data = people()
    features = [*FEATURES, "district"]
    data["asked"] *= np.where(data["district"] == "west", 1.2, 1.0)
    found, _ = asked(program(tmp_path, registry, data, features), tmp_path / "m")
    area, carried = found["proxy_auc", "district"], found["proxy_carried_gap", "district"]
    assert area.estimate == 1
    assert "no proxy but the thing itself" in area.undecided
    assert carried.details["named"] == 0
    assert carried.details["itself"] == 1
    assert any("no proxy but the thing itself" in one for one in carried.cautions)
    assert "district" not in found["proxy_auc", "best set"].method


def test_time_as_a_customer_is_an_attribute_and_tenure_among_the_features_is_it(registry, tmp_path) -> None:
    data = people()
    file = program(tmp_path, registry, data, [*FEATURES, "years"], groups=None, tenure={"column": "years"})
    found, _ = asked(file, tmp_path / "m")
    one = found["proxy_carried_gap", "years"]
    assert (one.attribute, one.group, one.reference) == ("time as a customer", "renewing", "new")
    assert one.details["itself"] == 1


def test_entities_and_strata_are_taken_into_account(registry, tmp_path) -> None:
    file = program(tmp_path, registry, people(), entity="holder", strata=["place"])
    found, missing = asked(file, tmp_path / "m")
    assert missing == []
    one = found["proxy_carried_gap", "use"]
    assert one.counts["entities"] < one.n
    assert found["proxy_carried_gap", "place"].estimate == pytest.approx(0, abs=2e-3)  # a stratum holds itself equal


def test_prices_with_a_fixed_charge_decide_nothing_against_features_of_cost(registry, tmp_path) -> None:
    data = people(effect=0.0)
    data["risk"] -= 0.8 * (data["district"] == "west")
    data["costs"] = np.exp(5 + 0.5 * data["risk"] + np.random.default_rng(3).normal(0, 0.1, len(data)))
    data["asked"] = np.exp(5 + 0.5 * data["risk"]) + 150
    found, _ = asked(program(tmp_path, registry, data), tmp_path / "m")
    risk = found["proxy_carried_gap", "risk"]
    assert risk.low > 0.02
    assert "at equal expected cost" in risk.undecided
    assert risk.details["named"] == 0
    assert risk.details["price_rise_with_cost"] < 0.7


def test_a_label_with_few_rows_and_costs_that_are_missing_are_said(registry, tmp_path) -> None:
    data = people()
    data.loc[:30, "district"] = "north"
    data.loc[data.index % 4 == 0, "costs"] = np.nan
    figures, _ = measure_program(program(tmp_path, registry, data), ASKED, tmp_path / "m")
    north = [one for one in figures if one.group == "north"]
    assert [(one.measure, one.estimate) for one in north] == [("proxy_auc", None), ("proxy_carried_gap", None)]
    assert "31 drawn rows of north" in north[0].reason
    west = next(one for one in figures if (one.measure, one.group) == ("proxy_carried_gap", "west"))
    assert any("cost is known of 7" in one for one in west.cautions)


def test_outcomes_of_the_approved_alone_are_a_selected_sample(registry, tmp_path) -> None:
    data = people()
    rng = np.random.default_rng(4)
    data["granted"] = (rng.random(len(data)) < 0.6).astype(int)
    good = (rng.random(len(data)) < 1 / (1 + np.exp(data["risk"]))).astype(float)
    data["repaid"] = np.where(data["granted"] == 1, good, np.nan)
    data["points"] = np.log(data["asked"])
    file = program(
        tmp_path, registry, data, price=None, cost=None, score="points",
        decision={"column": "granted", "favourable": 1}, outcome={"column": "repaid", "favourable": 1},
        prediction={"of": "score", "favourable": "low"},
    )  # fmt: skip
    found, _ = asked(file, tmp_path / "m")
    use = found["proxy_carried_gap", "use"]
    assert use.details["named"] == 1
    assert any("selected sample" in one for one in use.cautions)
    assert any("selected sample" in one for one in use.unseen)


def test_what_is_good_for_the_customer_turns_the_sign(registry, tmp_path) -> None:
    data = people()
    rng = np.random.default_rng(5)
    data["repaid"] = (rng.random(len(data)) < 1 / (1 + np.exp(-data["risk"]))).astype(int)
    data["points"] = np.log(data["asked"])
    for side, named in (("low", 1), ("high", 0)):
        file = program(
            tmp_path / side, registry, data, price=None, cost=None, score="points",
            outcome={"column": "repaid", "favourable": 1}, prediction={"of": "score", "favourable": side},
        )  # fmt: skip
        found, _ = asked(file, tmp_path / f"m{side}")
        use = found["proxy_carried_gap", "use"]
        assert use.details["named"] == named
        assert (use.estimate > 0) is bool(named)


def test_a_model_that_cannot_be_opened_is_told_for_both_measures(registry, tmp_path, monkeypatch) -> None:
    file = program(tmp_path, registry, people(rows=400))
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    figures, missing = measure_program(file, ASKED, tmp_path / "m")
    assert figures == []
    assert [one.question for one in missing] == [
        "explanation.proxy_features: proxy_auc", "explanation.proxy_features: proxy_carried_gap",
    ]  # fmt: skip
    assert all(one.reason == "no MLflow registry is named" for one in missing)


def test_without_groups_there_is_nothing_to_stand_in_for(registry, tmp_path) -> None:
    figures, missing = measure_program(
        program(tmp_path, registry, people(rows=400), groups=None), ASKED, tmp_path / "m"
    )
    assert figures == []
    assert {one.reason for one in missing} == {"the contract declares no group of people"}


def test_evidence_is_the_same_again_and_holds_no_row(registry, tmp_path) -> None:
    program_read = read_program(program(tmp_path, registry, people()))
    need = replace(proxies_need(program_read.contract), rows=600, background=20)
    texts = []
    for _ in range(2):
        with open_source(program_read, read_period("all")) as source:
            text, rows = collect_modelled(source, need)
        texts.append(text)
    assert texts[0] == texts[1]
    assert rows == 1200
    found = modelled_from_json(need, texts[0])
    assert isinstance(found, Proxies)
    assert len(texts[0]) < 10_000
    assert named_of(found, 1, "area of living") == ("use",)
    assert named_of(found, -1, "area of living") == ()
    assert named_of(found, 1, "another") == ()
    json.loads(json.dumps(asdict(found), allow_nan=False))


def test_a_feature_is_named_only_where_it_tells_carries_and_does_so_at_equal_cost(registry, tmp_path) -> None:
    program_read = read_program(program(tmp_path, registry, people()))
    need = replace(proxies_need(program_read.contract), rows=600, background=20)
    with open_source(program_read, read_period("all")) as source:
        text, _ = collect_modelled(source, need)
    (pair,) = modelled_from_json(need, text).pairs
    use = next(one for one in pair.features if one.feature == "use")
    reach, alone = reach_at_once(pair, 0.95), replace(pair, best_set=())
    assert 1.96 < reach < 3
    assert is_named(use, pair, 1, reach)
    assert not is_named(use, pair, -1, reach)
    assert not is_named(replace(use, itself=True), pair, 1, reach)
    assert is_named(replace(use, auc=0.5), pair, 1, reach)  # in the best set
    assert not is_named(replace(use, auc=0.5), alone, 1, reach)
    assert not is_named(replace(use, auc=0.61, auc_error=0.01), alone, 1, reach)
    assert not is_named(replace(use, at_equal=0.0), pair, 1, reach)
    assert not is_named(replace(use, carried=0.0001, error=1e-6), pair, 1, reach)
    assert not is_named(replace(use, error=use.carried), pair, 1, reach)
    assert is_named(use, pair, 1, reach, unit=use.carried / 0.021)
    assert not is_named(use, pair, 1, reach, unit=use.carried / 0.019)  # too little to matter


def test_one_hot_columns_are_one_feature_with_the_value_that_is_set() -> None:
    hot = SimpleNamespace(one_hot={"area": ("area_a", "area_b")})
    frame = pd.DataFrame({"area_a": [1, 0, 0], "x": [1.5, np.nan, 2.0], "area_b": [0, 1, 0]})
    found = one_column_each(hot, frame, np.arange(9.0).reshape(3, 3))
    assert [one.name for one in found] == ["area", "x"]
    assert found[0].column.tolist() == ["area_a", "area_b", None]
    assert found[0].values.tolist() == [2.0, 8.0, 14.0]


def test_entities_that_are_missing_stand_alone_and_strata_are_told_apart() -> None:
    assert unit_codes(np.array(["a", None, "a", None], dtype=object)).tolist() == [0, -2, 0, -4]
    assert strata_codes([np.array(["a", "b", "a"], dtype=object), np.array([1, 1, 1])]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("wrong", [{"rows": 10}, {"small_set": 0}, {"background": 0}, {"seed": -1}])
def test_parameters_outside_their_bounds_are_refused(wrong) -> None:
    with pytest.raises(InputError, match=r"explanation\.proxy_features"):
        ProxyFeatures(**wrong)

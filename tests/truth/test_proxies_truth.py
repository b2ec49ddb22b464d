"""Proxies in worlds of known truth whose prices and scores are those of a registered model."""

from __future__ import annotations

import pytest

from audits.explanation.proxy_features import ProxyFeatures
from audits.simulation.catalogue import find_world
from tests.fitted_worlds import modelled
from tests.questions import measure_program
from tests.registered import Registry

OTHER_NAMES = {"visits": "App-Besuche (30 T)", "car": "地区", "region": "PLZ", "premium": "Prämie €", "tenure": "since"}
FEW = ProxyFeatures(rows=2500, background=50)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(autouse=True)
def environment(registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)


def measured(registry, folder, code: str, effect: float, rows: int, seed: int, names=None):
    program = modelled(folder / f"{code}-{effect}-{seed}", registry, find_world(code), rows, effect, seed, names)
    figures, missing = measure_program(program, FEW, folder / "m")
    assert missing == []
    return {(one.measure, one.segment): one for one in figures}


def named(figures) -> list[str]:
    return [segment for (_, segment), one in figures.items() if one.details.get("named")]


@pytest.mark.parametrize("names", [{}, OTHER_NAMES], ids=["plain", "renamed"])
def test_visits_are_named_where_they_make_loyal_customers_pay_and_nothing_in_the_fair_twin(
    registry, tmp_path, names
) -> None:
    world, visits = find_world("A3"), names.get("visits", "visits")
    fair = measured(registry, tmp_path, "A3", 0.0, 6000, 41, names)
    harmful = measured(registry, tmp_path, "A3", 0.2, 6000, 41, names)
    assert named(fair) == []
    assert named(harmful) == [visits]
    one, truth = harmful["proxy_carried_gap", visits], world.truth(0.2)
    assert one.low is not None
    assert one.low <= truth["gap_that_rides_on_visits"] <= one.high
    assert one.details["whole_gap"] == pytest.approx(truth["price_gap"], abs=0.04)
    assert one.details["whole_gap"] < 0  # loyal customers pay less, and more than their risks cost
    assert one.details["whole_justified"] == pytest.approx(truth["cost_gap"], abs=0.04)
    carried = sum(two.estimate for (measure, _), two in harmful.items() if measure == "proxy_carried_gap")
    whole = one.details["whole_gap"] - one.details["whole_justified"] - one.details["whole_residual"]
    assert carried == pytest.approx(whole, abs=1e-8)
    assert harmful["proxy_auc", visits].low > 0.75
    assert max(two.details["named"] for two in fair.values() if two.measure == "proxy_carried_gap") == 0
    assert fair["proxy_carried_gap", visits].low < 0 < fair["proxy_carried_gap", visits].high


def test_the_penalised_trait_is_named_first_and_a_score_that_follows_the_risk_names_nothing(registry, tmp_path) -> None:
    fair = measured(registry, tmp_path, "D2", 0.0, 6000, 17)
    harmful = measured(registry, tmp_path, "D2", 0.3, 6000, 17)
    assert named(fair) == []
    assert named(harmful)[0] == "trait"
    one = harmful["proxy_carried_gap", "trait"]
    assert one.low > 0.02
    assert one.details["raw_part"] > 0
    assert fair["proxy_auc", "trait"].low > 0.6  # it tells the group in the fair twin too

"""Prices on the board: estimators in the bands, customary practice as misled as it is, verdicts on written files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audits.simulation.catalogue import find_world
from audits.simulation.loyal_customers import LoyalCheaper
from audits.simulation.write import Simulation, write_simulation
from tests.programs import run_program
from tests.truth.board import prices as by
from tests.truth.board.asked import other_names
from tests.truth.board.practices import Setting
from tests.truth.board.quick import outcome
from tests.truth.board.scenarios import DETECTABLE, FAIR, NAIVE, PLANTED

PLAYED = {scenario.world.name: scenario for scenario in by.priced_scenarios()}
ROWS = 200_000


def drawn(name: str, effect: float, files: int = 6) -> tuple[Setting, np.ndarray, np.random.Generator]:
    """Counts of some files of a world."""
    setting, rng = Setting(find_world(name), effect, by.ROWS), np.random.default_rng(8)
    counts = rng.multinomial(by.ROWS, setting.people.probability.ravel(), size=files)
    return setting, counts.reshape(files, *setting.people.probability.shape), rng


@pytest.mark.parametrize("name", PLAYED)
def test_estimators_of_prices_hold_every_check_in_the_quick_form(name: str) -> None:
    scenario = PLAYED[name]
    own = {key: way for key, way in scenario.ways.items() if way.who != NAIVE}
    found = outcome(replace(scenario, ways=own), scenario.quick)
    assert len(found) > 5
    assert {key: (c.count, c.low, c.high) for key, c in found.items() if not c.held} == {}


def test_a_route_without_customers_falls_out_of_its_band() -> None:
    # errors that take quotes for customers are too small by √3
    scenario = PLAYED["returning-customers"]
    wrong = {"rows": by.powered(by.slope_of_customers(by.price_over_cost, clustered=False))}
    found = outcome(replace(scenario, ways=wrong), 120, (FAIR,))
    assert any(not check.held for check in found.values())


def test_customary_readings_are_misled_as_the_worlds_say() -> None:
    at = drawn("loyal-cheaper", 0.02)
    assert not by.naive_slope(*at).finds().any()  # the harm is not seen
    assert not by.coarse_cells(*at).finds().any()
    assert by.linear_score(*drawn("loyal-cheaper", 0.0)).flags.all()  # the fair insurer is flagged
    fair = drawn("loyal-dearer", 0.0)
    assert by.naive_slope(*fair).finds().all()
    assert by.free_cost(*fair).finds().all()
    hidden = drawn("cost-error", 0.02)
    assert by.slope_by(by.price_over_cost)(*hidden).passes.all()  # the harm is called clear
    assert by.slope_by(by.loss_ratio)(*hidden).finds().mean() > 0.5
    assert not by.slope_by(by.price_over_cost, by.loss_ratio)(*hidden).passes.any()


def test_detectable_growth_matches_the_errors_that_samples_show() -> None:
    # the error over 300 files is known within some 4 %; the growth is 2.80 of them
    world = LoyalCheaper()
    setting, counts, rng = drawn("loyal-cheaper", 0.0, 300)
    found = by.slope_by(by.loss_ratio)(setting, counts, rng)
    assert found.low is not None
    assert found.high is not None
    spread = ((found.low + found.high) / 2).std()
    assert by.detectable_slope(world, 0.0, by.ROWS) == pytest.approx(2.80 * spread, rel=0.15)


def test_effects_of_a_scenario_are_those_it_is_given() -> None:
    scenario = PLAYED["loyal-cheaper"]
    assert scenario.effects()[PLANTED] == 0.02
    assert scenario.effect(DETECTABLE) == by.detectable_slope(LoyalCheaper(), 0.0, by.ROWS)
    assert scenario.effect(FAIR) == 0
    assert scenario.effect("at the limit") == pytest.approx(by.LIMIT, abs=1e-12)


def judged(folder, name: str, effect: float, seed: int):
    """The joint figure and the verdict on it, of a written file whose names are those of a seed."""
    world = find_world(name)
    simulation = Simulation(world, ROWS, effect, seed, other_names(world, seed))
    run, judgement = run_program(write_simulation(simulation, folder / "data").program, folder / "out")
    assert not run.errors
    (figure,) = (m for m in run.measurements if m.measure == "loyalty_penalty_slope")
    verdicts = {f.verdict for f in judgement.findings if f.measurement.measure == "loyalty_penalty_slope"}
    return figure, verdicts


@pytest.mark.parametrize("seed", [61, 62])
@pytest.mark.parametrize("name", ["loyal-cheaper", "loyal-dearer", "returning-customers"])
def test_a_fair_insurer_is_never_flagged_and_a_harmful_one_is(tmp_path, name: str, seed: int) -> None:
    # the loss ratio is known to a quarter of a point at 200,000 quotes; planted are two points, the limit is half a one
    _, fair = judged(tmp_path / "fair", name, 0.0, seed)
    assert fair <= {"clear", "inconclusive"}
    figure, harmful = judged(tmp_path / "harmful", name, 0.02, seed)
    assert harmful == {"concern"}
    assert figure.low <= 0.02 <= figure.high


@pytest.mark.parametrize("seed", [61, 62])
def test_a_harm_that_the_cost_hides_is_never_called_clear(tmp_path, seed: int) -> None:
    figure, verdicts = judged(tmp_path, "cost-error", 0.02, seed)
    assert verdicts == {"not_identified"}
    assert figure.estimate is None
    assert "depends on tenure" in figure.reason

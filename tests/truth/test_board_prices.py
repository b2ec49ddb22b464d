"""Prices on the board: estimators in the bands, customary practice as misled as it is, verdicts on written files."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from audits.policies.judge import verdict_of
from audits.simulation.catalogue import find_world
from audits.simulation.draw import draw_kinds
from audits.simulation.loyal_customers import LoyalCheaper
from audits.simulation.write import Simulation, write_simulation
from tests.programs import run_program
from tests.truth.board import prices as by
from tests.truth.board.asked import other_names
from tests.truth.board.insurers import JUDGED, powered, priced_scenarios
from tests.truth.board.joint import ROUTES, RULE, both_routes_judged, detectable_slope, joint_figure, terms_of
from tests.truth.board.lines import scenarios
from tests.truth.board.page import MISSING
from tests.truth.board.practices import Outcome, Setting
from tests.truth.board.prices_page import TITLE, mean_shown, prices_part
from tests.truth.board.quick import outcome
from tests.truth.board.replicates import ROOT, SEEDS, Tally, checks, everything, jobs
from tests.truth.board.scenarios import DETECTABLE, FAIR, NAIVE, PLANTED

PLAYED = {scenario.world.name: scenario for scenario in priced_scenarios()}
ROWS, SOME = 200_000, 20_000
CHECK = r"^\| .* \| [0-9.]+ % \| (?:at (?:least|most) [0-9.]+|[0-9.]+ to [0-9.]+) % \|$"


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
    wrong = {"rows": powered(by.slope_by(by.price_over_cost, slopes=by.by_quote))}
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
    assert detectable_slope(world, by.ROWS) == pytest.approx(2.80 * spread, rel=0.15)


def test_effects_of_a_scenario_are_those_it_is_given() -> None:
    scenario = PLAYED["loyal-cheaper"]
    assert scenario.effects()[PLANTED] == 0.02
    assert scenario.effect(DETECTABLE) == detectable_slope(LoyalCheaper(), by.ROWS)
    assert scenario.effect(FAIR) == 0
    assert scenario.effect("at the limit") == pytest.approx(by.LIMIT, abs=1e-12)


# the judge


def of_joint(name: str, effect: float, files: int) -> Outcome:
    """The judge on some files of a world."""
    return both_routes_judged()(*drawn(name, effect, files))


def test_the_judge_says_nothing_of_routes_that_contradict_each_other_and_passes_none_of_them() -> None:
    hidden = of_joint("cost-error", 0.02, 20)
    assert hidden.unknown is not None
    assert hidden.unknown.mean() > 0.9
    assert not hidden.passes.any()
    assert hidden.estimate is not None
    assert np.isnan(hidden.estimate[hidden.unknown]).all()


def test_an_audit_that_trusts_the_cost_calls_the_hidden_harm_clear(monkeypatch) -> None:
    # so it is the second route, and the guards, that keep the board's judge from it
    from audits.comparisons import two_routes

    setting, counts, rng = drawn("cost-error", 0.02)
    monkeypatch.setattr(two_routes, "_shown", lambda error, tolerance: False)
    monkeypatch.setattr(
        two_routes, "_both", lambda base, price, loss: two_routes._taken(replace(base, unseen=()), price)
    )
    assert both_routes_judged()(setting, counts, rng).passes.all()


def test_a_guard_that_noise_sets_off_falls_out_of_its_band(monkeypatch) -> None:
    # at level .5 it calls half of the routes contradictory that are not, and as many harms are missed
    from audits.comparisons import two_routes

    monkeypatch.setattr(two_routes, "_SURE", 0.5)
    scenario = PLAYED["loyal-cheaper"]
    found = outcome(replace(scenario, ways={JUDGED: scenario.ways[JUDGED]}), 150, (PLANTED,))
    assert not found[f"{JUDGED}: power at the detectable effect, {PLANTED}"].held


@pytest.mark.parametrize(
    ("name", "effect"), [("loyal-cheaper", 0.0), ("loyal-dearer", 0.02), ("price-walking", 0.02), ("cost-error", 0.04)]
)
def test_the_joint_figure_from_counts_is_that_of_the_written_file(tmp_path, name: str, effect: float) -> None:
    world, seed = find_world(name), 63
    figure, verdicts = judged(tmp_path, name, effect, seed, SOME)
    people = world.recorded(effect).probability.ravel()
    chosen = draw_kinds(np.cumsum(people), seed, 0, SOME)
    counts = np.bincount(chosen, minlength=people.size)[None]
    setting, rng = Setting(world, effect, SOME, seed), np.random.default_rng(1)
    same_as_written(figure, verdicts, setting, counts, rng, by.by_row)


@pytest.mark.parametrize("effect", [0.02])
def test_the_joint_figure_of_customers_is_that_of_the_written_file(tmp_path, monkeypatch, effect: float) -> None:
    world, seed = find_world("returning-customers"), 64
    figure, verdicts = judged(tmp_path, world.name, effect, seed, SOME)
    setting, rng = Setting(world, effect, SOME, seed), np.random.default_rng(1)
    monkeypatch.setattr(by, "_files", lambda setting, counts, rng: [by.customers(setting)(seed)])
    same_as_written(figure, verdicts, setting, np.zeros((1, 1), dtype=np.int64), rng, by.by_customer)


def same_as_written(figure, verdicts, setting, counts, rng, slopes) -> None:
    contract, rule = terms_of(setting.world, setting.seed)
    (one,) = slopes(setting, counts, rng, ROUTES)
    own = joint_figure(one, SOME, contract)
    for part in ("estimate", "low", "high", "p_value", "mde"):
        told = getattr(figure, part)
        assert getattr(own, part) == (told if told is None else pytest.approx(told, rel=1e-6, abs=1e-10)), part
    assert own.reason == figure.reason
    assert {verdict_of(own, rule, fit=True, may_breach=False)} == verdicts
    assert rule.id == RULE
    assert rule.limit == by.LIMIT


def test_the_contract_bears_the_names_of_its_seed() -> None:
    world = LoyalCheaper()
    one, other = terms_of(world, 1)[0], terms_of(world, 2)[0]
    assert one.price == other_names(world, 1)["price"] != other.price
    assert one.strata != other.strata


# the page


def test_insurers_come_after_the_lenders_so_that_no_lenders_files_change() -> None:
    played = everything()
    codes = [scenario.world.code for scenario in played]
    start = len(scenarios())
    places = range(start, start + len(PLAYED))
    assert [codes[place] for place in places] == [scenario.world.code for scenario in PLAYED.values()]
    assert {job.scenario for job in jobs(played, SEEDS, 0.1, places)} == set(places)


def test_the_part_on_prices_tells_means_in_percent_and_names_failures() -> None:
    scenario = PLAYED["cost-error"]
    results = {
        (0, effect, name): {
            1: Tally(50, 25, 25, 25, 50, 0, -1.0), 2: Tally(50, 35, 30, 25, 50, 50 * (name == JUDGED), -1.0),
        }
        for name, way in scenario.ways.items() for effect in way.plan
    }  # fmt: skip
    text = prices_part((scenario,), (0,), results, checks((scenario,), results), (1, 2), 0.0025)
    assert "**FAILS** type-I error" in text
    assert "checks fail" in text
    assert "| −2.00 % |" in text  # two below nought over 100 files
    assert "| −4.00 % |" in text  # over the 50 that have a figure
    assert "percentage points" not in text
    assert all(name in text and way.used in text for name, way in scenario.ways.items())
    assert mean_shown({1: Tally(50, 0, 0, 0, 50, 50, 0.0)}) == mean_shown(None) == "–"


def test_the_published_page_has_every_insurer_and_no_failed_check() -> None:
    text = (ROOT / "docs/truth.md").read_text(encoding="utf-8")
    part = text.partition(f"\n{TITLE}")[2].partition("\n# ")[0].partition(MISSING)[0]
    for scenario in PLAYED.values():
        assert f"## {scenario.name}\n" in part
        assert all(name in part for name in scenario.ways)
    lines = re.findall(CHECK, part, re.MULTILINE)
    assert len(lines) > 150
    assert f"All {len(lines)} checks hold" in part
    assert "FAIL" not in part
    assert ", ".join(map(str, SEEDS)) in part


def judged(folder, name: str, effect: float, seed: int, rows: int = ROWS):
    """The joint figure and the verdict on it, of a written file whose names are those of a seed."""
    world = find_world(name)
    simulation = Simulation(world, rows, effect, seed, other_names(world, seed))
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

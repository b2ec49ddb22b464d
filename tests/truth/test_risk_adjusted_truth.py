"""Risk-adjusted regression against worlds whose truth is enumerated, with customary practices beside it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.special import stdtrit

from audits.simulation.catalogue import find_world
from audits.simulation.world import World, effect_for
from audits.statistics.applicants import Applicants, applicants
from audits.statistics.feature_basis import feature_basis
from audits.statistics.risk_adjusted import risk_adjusted_gaps
from tests.truth.board import practices as by
from tests.truth.board.bands import Target, check

ROWS, DRAWS, CHECKS = 4000, 60, 10
FEATURES = {"D1": ("risk",), "D2": ("risk", "trait"), "D8": ("risk", "record"), "D9": ("income", "history", "trait")}
TYPE_ONE = Target("type-I error of an estimated risk", most=0.07)
COVERAGE = Target("coverage", least=0.93)
POWER, FALSE_CLEAR = Target("power", least=0.8), Target("false clear at the limit", most=0.025)


def people(world: World, effect: float, counts: np.ndarray) -> Applicants:
    """Cells of a file of this world, as the question would make them of its rows."""
    recorded = world.recorded(effect)
    codes = np.unravel_index(np.flatnonzero(counts.ravel()), recorded.probability.shape)
    columns = {c.name: np.array(c.values)[code] for c, code in zip(recorded.columns, codes, strict=True)}
    size = counts.ravel()[counts.ravel() > 0]
    basis = feature_basis({name: columns[name] for name in FEATURES[world.code]}, size)
    return applicants(basis.matrix, columns["group"] == "B", columns["approved"], columns["repaid"], size)


@cache
def played(code: str, gap: float, replicates: int, seed: int) -> dict[str, np.ndarray]:
    """Of so many files: our gap with error and degrees, the error that takes risk as known, the blind gap."""
    world = find_world(code)
    effect = effect_for(world, gap) if gap else 0.0
    probability = world.recorded(effect).probability
    rng, found = np.random.default_rng(seed), []
    for draw in range(replicates):
        counts = rng.multinomial(ROWS, probability.ravel())
        (one,) = risk_adjusted_gaps(people(world, effect, counts), replicates=DRAWS, seed=draw).gaps
        reach = float(stdtrit(one.freedom, 0.975))
        found.append((one.gap, one.error, reach * one.error, 1.96 * one.known_risk_error, one.blind, reach))
    return dict(zip(("gap", "error", "reach", "naive", "blind", "t"), np.array(found).T, strict=True))


def flagged(code: str, effect: float, practice: by.Practice, replicates: int = 100) -> np.ndarray:
    setting = by.Setting(find_world(code), effect, ROWS)
    shape = setting.people.probability.shape
    counts = np.random.default_rng(2).multinomial(ROWS, setting.people.probability.ravel(), size=replicates)
    return practice(setting, counts.reshape(replicates, *shape), np.random.default_rng(3)).finds()


@pytest.mark.parametrize(("code", "replicates"), [("D1", 100), ("D2", 40)])
def test_a_fair_lender_is_flagged_no_more_often_than_allowed_and_intervals_hold_the_truth(code, replicates) -> None:
    found = played(code, 0.0, replicates, 1)
    beyond = int((np.abs(found["gap"]) > found["reach"]).sum())
    assert check(TYPE_ONE, beyond, replicates, CHECKS).held
    assert check(COVERAGE, replicates - beyond, replicates, CHECKS).held


def test_an_error_that_takes_estimated_risk_for_known_is_caught_as_too_small() -> None:
    found = played("D1", 0.0, 100, 1)
    naive = int((np.abs(found["gap"]) > found["naive"]).sum())
    assert not check(TYPE_ONE, naive, 100, CHECKS).held
    # 60 draws give an error within some 9 %, 100 files their spread within 7 %
    assert np.sqrt(np.mean(found["error"] ** 2)) == pytest.approx(found["gap"].std(), rel=0.25)
    assert np.mean(found["error"]) > 1.4 * np.mean(found["naive"] / 1.96)


@pytest.mark.parametrize(("code", "gap"), [("D1", 0.088), ("D2", 0.076)])
def test_a_gap_of_the_declared_detectable_size_is_found_with_power_and_the_truth_is_covered(code, gap) -> None:
    found = played(code, gap, 50, 4)
    declared = (found["t"] + 0.848) * found["error"]  # t(0.8) of 59 degrees
    assert np.mean(declared) == pytest.approx(gap, rel=0.12)  # the size played is the one that runs declare
    assert check(POWER, int((found["gap"] > found["reach"]).sum()), 50, CHECKS).held
    assert check(COVERAGE, int((np.abs(found["gap"] - gap) <= found["reach"]).sum()), 50, CHECKS).held


def test_a_gap_at_the_limit_is_seldom_called_clear() -> None:
    found = played("D2", by.LIMIT, 40, 5)
    assert check(FALSE_CLEAR, int((found["gap"] + found["reach"] <= by.LIMIT).sum()), 40, CHECKS).held


def test_practices_beside_it_miss_the_proxy_or_accuse_the_fair_lender() -> None:
    effect = find_world("D2").example_effect
    assert flagged("D2", effect, by.kitchen_sink).mean() < 0.1  # no power at ten points
    assert flagged("D1", 0.0, by.raw_gap).mean() == 1.0
    ours = played("D2", find_world("D2").truth(effect)["conditional_gap"], 50, 6)
    assert (ours["gap"] > ours["reach"]).mean() > 0.85


@pytest.mark.parametrize("code", ["D1", "D2"])
def test_the_mean_outcome_test_has_the_wrong_sign_where_the_group_is_held_to_a_higher_bar(code) -> None:
    # a higher bar should make the approved of the group repay better: the gap, reference minus group, below nought
    truth = find_world(code).truth(find_world(code).example_effect)
    assert truth["conditional_gap"] >= 0.1 - 1e-9
    assert truth["repayment_gap_among_the_approved"] > 0.07


@pytest.mark.parametrize("code", ["D1", "D2", "D8", "D9"])
@pytest.mark.parametrize("planted", [False, True])
def test_in_ever_larger_files_the_estimate_tends_to_the_enumerated_gap(code, planted) -> None:
    world = find_world(code)
    effect = world.example_effect if planted else 0.0
    counts = np.rint(world.recorded(effect).probability * 1e7).astype(np.int64)
    (one,) = risk_adjusted_gaps(people(world, effect, counts), replicates=50).gaps
    truth = world.truth(effect)
    # the logit and its recalibration are not the worlds' own straight lines: a tenth of a point is left
    assert one.gap == pytest.approx(truth.get("risk_adjusted_gap", truth["conditional_gap"]), abs=1e-3)


def test_risk_that_is_blind_to_the_group_accuses_a_fair_lender_that_knows_more_than_the_file() -> None:
    world = find_world("D9")
    counts = np.rint(world.recorded(0.0).probability * 1e7).astype(np.int64)
    (one,) = risk_adjusted_gaps(people(world, 0.0, counts), replicates=50).gaps
    assert one.blind == pytest.approx(world.truth(0.0)["gap_at_equal_blind_risk"], abs=5e-3)
    assert one.blind > 0.03 > 30 * abs(one.gap)


def test_two_lenders_with_one_ratio_are_told_apart() -> None:
    world = find_world("D8")
    for effect in (0.0, 0.07, 0.14, 0.2):
        truth = world.truth(effect)
        assert truth["adverse_impact_ratio"] == pytest.approx(0.73, abs=1e-12)
        assert truth["conditional_gap"] == pytest.approx(effect, abs=1e-12)
    for effect, found in ((0.0, False), (0.14, True)):
        counts = np.random.default_rng(8).multinomial(20_000, world.recorded(effect).probability.ravel())
        (one,) = risk_adjusted_gaps(people(world, effect, counts), replicates=100).gaps
        assert (one.gap - 1.97 * one.error > 0.05) == found

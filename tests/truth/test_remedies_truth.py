"""The quick form of the board of remedies: no training, made-up scores, accident or the planted trait to choose."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from audits.simulation.proxy import Proxy
from tests.truth.remedies import quick

SEEDS = range(52_000, 52_040)


def fewest(total: int, chance: float = 0.95) -> int:
    """Hits below which one right tool in a thousand falls."""
    return int(binom.ppf(0.001, total, chance))


@pytest.fixture(scope="module")
def by_accident():
    return [quick(0.0, seed, rows=2_400, candidates=40) for seed in SEEDS]


def test_certified_figures_hold_though_accident_chose_among_many(by_accident) -> None:
    chosen = [one for one in by_accident if one.chosen is not None]
    assert len(chosen) == len(by_accident)
    assert sum(one.inside for one in chosen) >= fewest(len(chosen))


def test_figures_of_the_rows_of_the_choice_look_better_than_the_truth_and_certified_ones_do_not(by_accident) -> None:
    total = len(by_accident)
    assert sum(one.leaked_gain > one.truth for one in by_accident) > binom.ppf(0.999, total, 0.5)
    above = sum(one.gain > one.truth for one in by_accident)
    assert binom.ppf(0.001, total, 0.5) <= above <= binom.ppf(0.999, total, 0.5)
    assert sum(one.leaked_inside for one in by_accident) < sum(one.inside for one in by_accident)


def test_the_planted_gain_is_found_and_lies_within_the_bounds() -> None:
    played = [quick(0.3, seed, rows=8_000, candidates=6, least_gain=0.02, loss=0.002) for seed in SEEDS]
    assert Proxy().truth(0.3)["remedy_gain"] == pytest.approx(0.1064, abs=5e-4)
    assert sum(one.chosen == "without-trait" for one in played) >= fewest(len(played))
    assert sum(one.inside for one in played if one.chosen) >= fewest(len(played))
    assert sum(bool(one.gain_inside) for one in played) >= fewest(len(played))
    assert sum(one.outcome == "certified" for one in played) >= fewest(len(played))


def test_nothing_is_certified_in_the_fair_twin() -> None:
    played = [quick(0.0, seed, rows=4_000, candidates=6, least_gain=0.02, loss=0.002) for seed in SEEDS]
    assert sum(one.outcome in ("none_found", "not_confirmed") for one in played) >= fewest(len(played))

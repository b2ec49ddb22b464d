"""Exact coverage of the intervals for two rates compared, and of the log interval that they replace."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from audits.statistics.proportions import score_interval_rate, score_interval_ratio
from tests.truth.scoreboard import (
    RATES,
    SIZES,
    binomial,
    coverage_rows,
    covered,
    scoreboard,
    shortfalls,
    summary,
    table,
)

FLOOR = 0.93  # least coverage tolerated anywhere on the grid

# Scenarios (n1, n0, p1, p0) with enough expected counts in which the plain ratio interval misses .94-.96, and what
# was measured; the skewness-corrected interval has none.
SHORTFALLS = {(100, 1000, 0.1, 0.95): 0.9387}


@cache
def rows() -> tuple[dict[str, float], ...]:
    """The scoreboard, computed once for all the claims below."""
    return tuple(scoreboard())


def scenario(row: dict[str, float]) -> tuple[float, float, float, float]:
    """What identifies a row."""
    return row["n1"], row["n0"], row["p1"], row["p0"]


def test_scoreboard_visits_every_scenario_of_the_stated_grid() -> None:
    expected = {(n1, n0, p1, p0) for n1, n0 in SIZES for p1 in RATES for p0 in RATES}
    assert {scenario(row) for row in rows()} == expected
    assert len(rows()) == len(expected)


BARRED = ("ratio_skewness", "difference", "difference_corrected", "odds_ratio")


@pytest.mark.parametrize("name", ["ours", *BARRED])
def test_score_intervals_cover_at_least_93_percent_on_the_whole_grid(name: str) -> None:
    assert min(row[name] for row in rows()) >= FLOOR


@pytest.mark.parametrize("name", BARRED)
def test_score_intervals_cover_94_to_96_percent_where_every_expected_count_is_ten_or_more(name: str) -> None:
    assert shortfalls(rows(), name) == []


def test_plain_ratio_interval_misses_94_to_96_percent_in_one_scenario_of_ten_expected_or_more() -> None:
    missed = {scenario(row): row["ours"] for row in shortfalls(rows(), "ours")}
    assert missed == {key: pytest.approx(value, abs=5e-5) for key, value in SHORTFALLS.items()}


def test_correction_of_the_variance_does_not_mend_the_ratio() -> None:
    (n1, n0, p1, p0), plain = next(iter(SHORTFALLS.items()))
    ours = score_interval_ratio(np.arange(n1 + 1.0)[:, None], n1, np.arange(n0 + 1.0)[None, :], n0, corrected=True)
    coverage = covered(ours.low, ours.high, p1 / p0, binomial(n1, p1), binomial(n0, p0))
    assert plain < coverage < 0.94


def test_correction_of_the_variance_mends_the_difference_at_fifty_against_fifty() -> None:
    row = next(row for row in coverage_rows(50, 50, (0.3, 0.7)) if (row["p1"], row["p0"]) == (0.3, 0.7))
    assert row["difference"] == pytest.approx(0.9372, abs=5e-5)
    assert row["difference_corrected"] >= 0.94


def test_the_one_shortfall_is_the_lattice_of_a_single_rate_of_ten_in_a_hundred() -> None:
    # With group 0 nearly known, the ratio interval is group 1's own score interval, whose exact coverage
    # at n = 100, p = 0.1 is lower still.
    interval = score_interval_rate(range(101), 100)
    holds = (interval.low <= 0.1) & (interval.high >= 0.1)
    assert float(binomial(100, 0.1) @ holds) == pytest.approx(0.9364, abs=5e-5)


def test_katz_log_interval_covers_under_80_percent_for_thirty_people_with_high_approval() -> None:
    worst = min(rows(), key=lambda row: row["naive"])
    assert (worst["n1"], worst["n0"], worst["p1"]) == (30, 1000, 0.95)
    assert worst["naive"] < 0.80
    assert worst["ours"] > 0.95


def test_katz_log_interval_misses_the_floor_in_scenarios_where_the_score_interval_never_does() -> None:
    assert sum(row["naive"] < FLOOR for row in rows()) == 14
    assert sum(row["ours"] < FLOOR for row in rows()) == 0


def test_katz_log_interval_has_no_value_in_a_fifth_of_samples_of_thirty_with_rare_events() -> None:
    row = next(row for row in rows() if scenario(row) == (30, 1000, 0.05, 0.05))
    assert row["naive_undefined"] > 0.2


def test_score_interval_falls_to_86_percent_when_a_group_expects_a_fraction_of_one_event() -> None:
    # A known limit, stated so that nothing claims more: 30 people at a rate of 0.005 expect 0.15 events.
    found = [row for row in coverage_rows(30, 1000, (0.005, 0.99)) if (row["p1"], row["p0"]) == (0.005, 0.99)]
    assert found[0]["ours"] == pytest.approx(0.8604, abs=5e-5)
    assert found[0]["ratio_skewness"] > FLOOR


def test_binomial_probabilities_sum_to_one_and_match_hand_arithmetic() -> None:
    # Logarithms near 1e4 keep about 1e-12, and 1681 of them are summed; coverage is stated to 5e-5.
    assert binomial(1681, 0.95).sum() == pytest.approx(1.0, abs=1e-10)
    assert binomial(3, 0.5) == pytest.approx([0.125, 0.375, 0.375, 0.125], rel=1e-12)


def test_printed_table_has_one_aligned_line_per_scenario_and_the_worst_of_each() -> None:
    lines = table(list(rows())).splitlines()
    assert len(lines) == len(rows()) + 3
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[-1].split()[4:7] == ["0.7843", "0.9387", "0.9318"]


def test_summary_counts_shortfalls_of_each_interval() -> None:
    lines = {line.split()[0]: line.split() for line in summary(rows()).splitlines()[1:]}
    assert lines["ours"][1:6] == ["0.9387", "0", "245", "1", "117"]
    assert lines["ratio_skewness"][1:6] == ["0.9318", "0", "245", "0", "117"]
    assert lines["naive"][2] == "14"

"""A figure that moves between two samples: published intervals, closed forms, coverage, and silence where none did."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from audits.statistics.independent_change import LEVEL, independent_change
from audits.statistics.ladder import LEVELS, climb, critical
from audits.statistics.multiplicity import benjamini_hochberg
from audits.statistics.proportions import score_interval_rate
from audits.statistics.ratio_interval import ratio_interval


def normal(estimate, error):
    return climb(lambda level: (estimate - critical(level) * error, estimate + critical(level) * error))


def rate(x, n):
    found = score_interval_rate(x, n, np.array(LEVELS))
    return tuple(zip(LEVELS, found.low.tolist(), found.high.tolist(), strict=True))


def ratio(a, m, b, k):
    found = ratio_interval(a, m, b, k, np.array(LEVELS))
    return tuple(zip(LEVELS, found.low.tolist(), found.high.tolist(), strict=True))


@pytest.mark.parametrize(
    ("x1", "n1", "x0", "n0", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (5, 56, 0, 29, -0.0381, 0.1926),
    ],
)
def test_rates_give_the_published_intervals_of_newcombes_tenth_method(x1, n1, x0, n0, low, high):
    found = independent_change(x0 / n0, rate(x0, n0), x1 / n1, rate(x1, n1), level=0.95)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("a", "sa", "b", "sb"), [(0.1, 0.02, 0.16, 0.015), (5.0, 1.0, 4.0, 2.0), (0.0, 1.0, 6.0, 1.0)])
def test_symmetric_figures_give_the_z_test(a, sa, b, sb):
    found = independent_change(a, normal(a, sa), b, normal(b, sb))
    error = math.hypot(sa, sb)
    assert found.low == pytest.approx(b - a - critical(LEVEL) * error)
    assert found.high == pytest.approx(b - a + critical(LEVEL) * error)
    p = 2 * NormalDist().cdf(-abs(b - a) / error)
    assert found.p_value == pytest.approx(p if p < 0.5 else 1.0, abs=1e-9)  # below the first rung nothing is read off


def test_a_ratio_moves_on_its_logarithm_and_either_order_tells_the_same():
    one = climb(lambda level: (0.8 / math.exp(0.1 * critical(level)), 0.8 * math.exp(0.1 * critical(level))))
    two = climb(lambda level: (0.6 / math.exp(0.2 * critical(level)), 0.6 * math.exp(0.2 * critical(level))))
    there, back = independent_change(0.8, one, 0.6, two, "ratio"), independent_change(0.6, two, 0.8, one, "ratio")
    half = critical(LEVEL) * math.hypot(0.1, 0.2)
    assert (there.change, there.low, there.high) == pytest.approx((0.75, 0.75 / math.exp(half), 0.75 * math.exp(half)))
    assert (back.change, back.low, back.high) == pytest.approx((1 / 0.75, 1 / there.high, 1 / there.low))
    assert back.p_value == pytest.approx(there.p_value)


def test_an_open_bound_stays_open_and_decides_nothing_on_its_side():
    open_above = climb(lambda level: (0.1 - critical(level) * 0.01, None))
    found = independent_change(0.1, open_above, 0.5, normal(0.5, 0.01))
    assert found.low is None
    assert found.high is not None
    assert found.p_value == 1.0


def test_a_ladder_that_starts_late_is_read_at_its_first_rung_and_an_empty_one_is_refused():
    late = [rung for rung in normal(0.0, 1.0) if rung[0] >= 0.95]
    found = independent_change(0.0, late, 2.0, normal(2.0, 1.0), level=0.5)
    assert 2.0 - found.low == pytest.approx(math.hypot(critical(0.95), critical(0.5)))
    with pytest.raises(ValueError, match="found no rung"):
        independent_change(0.0, (), 2.0, normal(2.0, 1.0))


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_what_has_no_logarithm_is_refused(value):
    with pytest.raises(ValueError, match="expected a finite number above 0"):
        independent_change(1.0, normal(1.0, 0.1), value, normal(1.0, 0.1), "ratio")


def book(rng, gap, rows=3000):
    """A month's figures: rates of two groups, their difference by z, their ratio by score; ``gap`` is planted."""
    k, m = rows * 2 // 3, rows // 3
    b, a = rng.binomial(k, 0.8), rng.binomial(m, 0.7 - gap)
    p0, p1 = b / k, a / m
    error = math.sqrt(p0 * (1 - p0) / k + p1 * (1 - p1) / m)
    return {
        "group": (p1, rate(a, m), "difference"), "reference": (p0, rate(b, k), "difference"),
        "gap": (p0 - p1, normal(p0 - p1, error), "difference"), "ratio": (p1 / p0, ratio(a, m, b, k), "ratio"),
    }  # fmt: skip


def moved(seed, gap):
    """Which figures stand after Benjamini and Hochberg, from a month without to a month with the planted gap."""
    rng = np.random.default_rng(seed)
    before, after = book(rng, 0.0), book(rng, gap)
    changes = {name: independent_change(*before[name][:2], *after[name]) for name in before}
    stands = benjamini_hochberg([one.p_value for one in changes.values()], 1 - LEVEL).rejected
    return {name for name, stood in zip(changes, stands, strict=True) if stood}, changes


SEEDS = range(200)


def test_unchanged_worlds_are_silent_and_intervals_cover_no_change():
    found = [moved(seed, 0.0) for seed in SEEDS]
    silent = np.mean([not names for names, _ in found])
    assert silent >= 0.95
    for name, nothing in (("group", 0.0), ("reference", 0.0), ("gap", 0.0), ("ratio", 1.0)):
        held = np.mean([changes[name].low <= nothing <= changes[name].high for _, changes in found])
        assert held >= 0.965  # .99 less 3.5 standard errors of 200 draws


def test_a_planted_change_is_found():
    found = [moved(seed, 0.12)[0] for seed in SEEDS[:100]]
    assert np.mean([{"group", "gap", "ratio"} <= names for names in found]) >= 0.95
    assert np.mean(["reference" in names for names in found]) <= 0.05

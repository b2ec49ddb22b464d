"""Ratios of mean chances, their difference on the same rows, and shares of outcomes: jackknife, bootstrap, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm, t

from audits.statistics.approval_ratio import difference, log_ratio, mean_chance, outcome_rate, ratio_difference
from audits.statistics.influences import Influenced, bounds_together, covariance, freedom_of


def drawn(n: int, seed: int | np.random.Generator, share: float = 0.3, level: float = 0.0):
    """Group, chances by two models, outcome."""
    rng = np.random.default_rng(seed)
    group = rng.random(n) < share
    risk = rng.normal(size=n) - 0.3 * group
    trait = rng.random(n) < np.where(group, 0.6, 0.1)
    one = 1 / (1 + np.exp(-(level + 1.5 * risk - 1.2 * trait)))
    two = 1 / (1 + np.exp(-(level - 0.3 + 1.5 * risk)))
    return group, one, two, (rng.random(n) < 1 / (1 + np.exp(-(level + risk)))).astype(float)


def error_of(one: Influenced, persons=None) -> float:
    return float(np.sqrt(covariance(one.influence[:, None], persons)[0, 0]))


def ratio(chances, group, keep=slice(None)) -> float:
    chances, group = chances[keep], group[keep]
    return float(chances[group].mean() / chances[~group].mean())


FIGURES = {
    "log ratio": (lambda g, a, b, y, p: log_ratio(b, g, ~g, p), lambda g, a, b, y: np.log(ratio(b, g))),
    "difference of ratios": (
        lambda g, a, b, y, p: ratio_difference(a, b, g, ~g, p), lambda g, a, b, y: ratio(b, g) - ratio(a, g)
    ),
    "outcome rate": (
        lambda g, a, b, y, p: difference(outcome_rate(a, y, p), outcome_rate(b, y, p)),
        lambda g, a, b, y: (b * y).sum() / b.sum() - (a * y).sum() / a.sum(),
    ),
    "share": (
        lambda g, a, b, y, p: difference(mean_chance(a, g | ~g, p), mean_chance(b, g | ~g, p)),
        lambda g, a, b, y: (b - a).mean(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("clustered", [False, True])
def test_estimates_and_errors_equal_those_of_the_jackknife(name, clustered) -> None:
    of, plain = FIGURES[name]
    rows = drawn(600, 8)
    persons = np.repeat(np.arange(200), 3)
    if clustered:  # rows of a person are alike
        rows = tuple(np.repeat(part[:200], 3) for part in rows)
    found = of(*rows, persons if clustered else None)
    assert found.estimate == pytest.approx(plain(*rows), abs=1e-12)
    units = persons if clustered else np.arange(600)
    left = np.array([plain(*(part[units != unit] for part in rows)) for unit in np.unique(units)])
    count = len(left)
    jackknife = np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum())
    assert error_of(found, persons if clustered else None) == pytest.approx(jackknife, rel=0.02)
    if clustered:
        assert error_of(found, persons) > 1.5 * error_of(of(*rows, None))


def test_errors_equal_those_of_the_bootstrap() -> None:
    rows, rng = drawn(1500, 21), np.random.default_rng(4)
    again = [rng.integers(0, 1500, 1500) for _ in range(600)]
    for name, (of, plain) in FIGURES.items():
        redrawn = np.std([plain(*(part[places] for part in rows)) for places in again], ddof=1)
        assert error_of(of(*rows, None)) == pytest.approx(redrawn, rel=0.12), name


def test_models_on_the_same_rows_are_told_apart_better_than_by_two_samples() -> None:
    group, one, two, _ = drawn(2000, 1)
    paired = error_of(ratio_difference(one, two, group, ~group))
    before, after = (error_of(log_ratio(chances, group, ~group)) * ratio(chances, group) for chances in (one, two))
    assert paired < 0.7 * np.hypot(before, after)


def test_a_group_without_rows_or_without_a_chance_has_no_ratio() -> None:
    none, some = np.zeros(10, dtype=bool), np.arange(10) < 4
    assert np.isnan(log_ratio(np.full(10, 0.5), none, ~none).estimate)
    assert np.isnan(log_ratio(np.where(some, 0.0, 0.5), some, ~some).estimate)
    assert np.isnan(ratio_difference(np.where(some, 0.0, 0.5), np.full(10, 0.5), some, ~some).estimate)
    assert np.isnan(outcome_rate(np.full(10, 0.5), np.full(10, np.nan)).estimate)
    assert np.isnan(mean_chance(np.full(10, 0.5), none).estimate)


def test_unknown_outcomes_count_in_no_rate() -> None:
    chances, outcome = np.array([0.2, 0.8, 0.5, 0.9]), np.array([1.0, 0.0, 1.0, np.nan])
    found = outcome_rate(chances, outcome)
    assert found.estimate == pytest.approx(0.7 / 1.5)
    assert found.influence[3] == 0


def test_degrees_of_freedom_are_satterthwaites() -> None:
    group, _, two, _ = drawn(300, 2)
    found = mean_chance(two, group)
    other = mean_chance(two, ~group)
    v1, v0 = (error_of(part) ** 2 for part in (found, other))
    n1, n0 = int(group.sum()), int((~group).sum())
    gap = Influenced(0.0, found.influence - other.influence, 1.0)
    welch = (v1 + v0) ** 2 / (v1**2 / (n1 - 1) + v0**2 / (n0 - 1))
    assert freedom_of(gap.influence, (group, ~group)) == pytest.approx(welch, rel=1e-12)
    assert np.isnan(freedom_of(np.zeros(300), (group, ~group)))


def test_a_figure_without_spread_has_no_bounds_and_widens_no_other() -> None:
    group, one, two, _ = drawn(900, 6)
    gain = ratio_difference(one, two, group, ~group)
    flat, none = Influenced(0.3, np.zeros(900), np.nan), Influenced(np.nan, np.full(900, np.nan), np.nan)
    alone, critical = bounds_together([gain])
    beside, same = bounds_together([flat, gain, none])
    assert (beside[1].low, beside[1].high) == pytest.approx((alone[0].low, alone[0].high), rel=1e-12)
    assert same == pytest.approx(critical, rel=1e-12)
    assert critical == pytest.approx(norm.isf(0.025), abs=0.02)
    assert np.isnan([beside[0].low, beside[2].low, beside[0].standard_error]).all()
    assert np.isnan(bounds_together([flat])[1])
    assert bounds_together([])[0] == []
    reach = t.isf(norm.sf(critical), gain.freedom) * error_of(gain)
    assert (alone[0].low, alone[0].high) == pytest.approx((gain.estimate - reach, gain.estimate + reach))


@pytest.mark.parametrize(("rows", "share", "level"), [(500, 0.1, 0.5), (500, 0.5, 2.0), (800, 0.06, 1.5)])
def test_bounds_hold_all_figures_at_once_as_often_as_they_say(rows, share, level) -> None:
    draws, rng = 400, np.random.default_rng(rows)
    people = drawn(800_000, 77, share, level)
    truth = [plain(*people) for _, plain in FIGURES.values()]
    together, own = 0, 0
    for _ in range(draws):
        sample = drawn(rows, rng, share, level)
        figures = [of(*sample, None) for of, _ in FIGURES.values()]
        bounds = bounds_together(figures, replicates=4_000)[0]
        together += all(one.low <= value <= one.high for one, value in zip(bounds, truth, strict=True))
        gain = bounds_together(figures[1:2], replicates=4_000)[0][0]
        own += gain.low <= truth[1] <= gain.high
    for held in (together, own):
        assert binom.ppf(0.0005, draws, 0.94) <= held <= binom.ppf(0.9995, draws, 0.965)

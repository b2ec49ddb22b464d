"""Kaplan–Meier by bands of minutes against rows and statsmodels, and mean times against planted truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight

from audits.evidence.funnel import TIME_EDGES
from audits.statistics.completion_times import (
    LEAST_WORTH,
    TimesCaveat,
    bands_seen,
    completion_times,
    ratio_of_times,
    share_finished,
)

EDGES = np.array(TIME_EDGES, dtype=float)


def counted(times: np.ndarray, seen: np.ndarray):
    """Counts by band of persons with a time (infinite: never) who are seen for so many minutes."""
    done = times <= seen
    band = np.where(
        done, np.searchsorted(EDGES, np.where(done, times, 0.0), side="left"),
        np.searchsorted(EDGES, seen, side="right"),
    )  # fmt: skip
    size = len(EDGES) + 1
    return (
        np.bincount(band[done], minlength=size), np.bincount(band[done], times[done], minlength=size),
        np.bincount(band[~done], minlength=size),
    )  # fmt: skip


def people(rng: np.random.Generator, n: int, median: float, finish: float, seen: float | None):
    """Lognormal times of those who finish, seen over a span, or up to a random end of the data."""
    times = np.where(rng.random(n) < finish, rng.lognormal(np.log(median), 1.0, n), np.inf)
    return times, (rng.uniform(0, 1440, n) if seen is None else np.full(n, seen))


def test_survival_and_its_error_are_those_of_statsmodels():
    rng = np.random.default_rng(3)
    done, minutes, cut = counted(*people(rng, 900, 60.0, 0.7, None))
    found = completion_times(done, minutes, cut, EDGES)
    used = len(found.share)
    assert 20 < used < len(EDGES)
    bands = np.arange(len(done))
    # every person twice: whoever is last seen within a band leaves once before it and once after
    oracle = SurvfuncRight(
        np.concatenate([np.repeat(bands, 2 * done), np.repeat(bands - 0.5, cut), np.repeat(bands, cut)]),
        np.repeat([1, 0], [2 * done.sum(), 2 * cut.sum()]),
    )
    held = oracle.surv_times < used
    at = oracle.surv_times[held].astype(int)
    assert 1 - found.share[at] == pytest.approx(oracle.surv_prob[held], abs=1e-12)
    assert found.share_error[at] == pytest.approx(np.sqrt(2) * oracle.surv_prob_se[held], abs=1e-12)


def test_without_an_end_the_figures_are_those_of_the_rows():
    rng = np.random.default_rng(4)
    times, seen = people(rng, 4000, 15.0, 0.6, 43_200.0)
    found = completion_times(*counted(times, seen), EDGES)
    finished = times[times <= 43_200]
    assert len(found.share) == len(EDGES)
    assert found.finishers == len(finished)
    assert found.share[-1] == pytest.approx(len(finished) / len(times), abs=1e-12)
    assert found.mean == pytest.approx(finished.mean(), rel=1e-12)
    assert found.log_error == pytest.approx(finished.std() / np.sqrt(len(finished)) / finished.mean(), rel=0.02)
    assert found.worth == pytest.approx(finished.sum() ** 2 / (finished**2).sum(), rel=0.05)


def test_rows_one_by_one_give_the_same_product():
    times = np.array([0.5, 3.0, 3.5, 9.0, 9.5, 700.0, np.inf, np.inf])
    seen = np.array([50.0, 50.0, 50.0, 50.0, 50.0, 800.0, 900.0, 9.2])
    found = completion_times(*counted(times, seen), EDGES, bands=8)
    # bands (0, 1], (3, 4], (2, 3] and (8, 10]; the last person is last seen within (8, 10]
    survival = [7 / 8, 7 / 8, 6 / 8, 5 / 8, 5 / 8, 5 / 8, 5 / 8, 5 / 8 * (1 - 2 / 4.5)]
    assert 1 - found.share == pytest.approx(survival)
    assert found.at_risk[-1] == 4.5
    jumps = np.array([1 / 8, 1 / 8, 1 / 8, 5 / 8 * 2 / 4.5])
    assert found.mean == pytest.approx(jumps @ [0.5, 3.0, 3.5, 9.25] / jumps.sum())


def test_the_end_of_the_data_does_not_shorten_times():
    rng = np.random.default_rng(5)
    times, seen = people(rng, 60_000, 120.0, 0.7, None)
    table = counted(times, seen)
    found = completion_times(*table, EDGES)
    horizon = EDGES[len(found.share) - 1]
    truth = times[times <= horizon]
    assert found.share[-1] == pytest.approx(len(truth) / len(times), abs=0.01)
    seen_to_finish = times[times <= np.minimum(seen, horizon)]  # who ignores the end sees only these
    assert len(seen_to_finish) / len(times) < len(truth) / len(times) - 0.05
    assert abs(found.mean - truth.mean()) < 0.2 * abs(seen_to_finish.mean() - truth.mean())


def test_whoever_gives_up_stays_at_risk():
    done, minutes = np.zeros(len(EDGES) + 1), np.zeros(len(EDGES) + 1)
    done[5], minutes[5] = 100, 550.0
    cut = np.zeros(len(EDGES) + 1)
    cut[-1] = 300  # seen to the end of the span, not finished
    found = completion_times(done, minutes, cut, EDGES)
    assert found.share[-1] == pytest.approx(0.25)
    assert found.mean == pytest.approx(5.5)


def test_bands_end_where_the_data_do():
    done, cut = np.array([50, 30, 10, 5, 0]), np.array([0, 0, 0, 80, 0])
    assert bands_seen(done, cut) == 3  # in the fourth band nearly all who entered are cut short
    assert bands_seen([10, 0, 0], [0, 0, 0]) == 1
    assert bands_seen([0, 0, 0], [9, 0, 0]) == 0


@pytest.mark.parametrize("seen", [43_200.0, None])
@pytest.mark.parametrize("sizes", [(300, 3000), (1000, 1000)])
def test_coverage_of_a_planted_ratio(sizes, seen):
    rng = np.random.default_rng(11)
    hits, runs, above = 0, 400, 0
    for _ in range(runs):
        one = counted(*people(rng, sizes[0], 24.0, 0.6, seen))
        zero = counted(*people(rng, sizes[1], 12.0, 0.7, seen))
        bands = bands_seen(one[0] + zero[0], one[2] + zero[2])
        found = ratio_of_times(*(completion_times(*table, EDGES, bands) for table in (one, zero)))
        limit = EDGES[bands - 1]
        # mean of a lognormal below a limit: exp(1/2) Φ(z − 1) / Φ(z) times its median
        slow, quick = (norm.cdf(z - 1) / norm.cdf(z) for z in (np.log(limit / 24), np.log(limit / 12)))
        truth = 2.0 * slow / quick
        low, high = found.interval(0.95)
        hits += low <= truth <= high
        above += found.p_value < 0.05
    assert 0.92 < hits / runs < 0.98  # .95 ∓ 2.8 standard errors
    assert above / runs > 0.8


def test_small_or_lopsided_groups_have_no_interval():
    rng = np.random.default_rng(6)
    many = completion_times(*counted(*people(rng, 5000, 12.0, 0.7, 43_200.0)), EDGES)
    few = completion_times(*counted(*people(rng, 40, 12.0, 0.7, 43_200.0)), EDGES)
    found = ratio_of_times(few, many)
    assert found.caveat is TimesCaveat.FEW_FINISHED
    assert "worth of 50 persons" in str(found.caveat.reason)
    assert found.interval(0.95) == (0.0, np.inf)
    assert np.isnan(found.p_value)
    times = np.concatenate([np.full(500, 5.0), [30_000.0]])
    one = completion_times(*counted(times, np.full(501, 43_200.0)), EDGES)
    assert one.worth < LEAST_WORTH < one.finishers


def test_nobody_finishes():
    nothing = np.zeros(len(EDGES) + 1)
    cut = nothing.copy()
    cut[-1] = 100
    found = completion_times(nothing, nothing, cut, EDGES)
    assert found.finishers == 0
    assert np.isnan(found.mean)
    assert (found.share == 0).all()
    assert ratio_of_times(found, found).caveat is TimesCaveat.FEW_FINISHED
    empty = completion_times(nothing, nothing, nothing, EDGES)
    assert ratio_of_times(empty, found).caveat is TimesCaveat.NOTHING_SEEN


@pytest.mark.parametrize(
    ("done", "minutes", "cut", "edges"),
    [
        ([1, 2], [1, 2], [0], [5.0]),
        ([1, -2], [1, 2], [0, 0], [5.0]),
        ([1, 2], [1, 2], [0, np.nan], [5.0]),
        ([1, 2, 3], [1, 2, 3], [0, 0, 0], [5.0]),
        ([1, 2, 3], [1, 2, 3], [0, 0, 0], [5.0, 5.0]),
        ([1, 2], [-1, 2], [0, 0], [5.0]),
    ],
)
def test_bad_counts_are_refused(done, minutes, cut, edges):
    with pytest.raises(ValueError, match=r"expected|must"):
        completion_times(done, minutes, cut, edges)


def test_the_share_who_finish_is_that_of_statsmodels_and_never_below_the_share_seen():
    rng = np.random.default_rng(11)
    # nobody is last seen in a band in which anybody finishes, so that no half of them is in question
    done, cut = np.zeros(len(EDGES) + 1, dtype=int), np.zeros(len(EDGES) + 1, dtype=int)
    done[0:20:2], cut[1:20:2] = rng.integers(5, 60, 10), rng.integers(5, 60, 10)
    cut[20] = 100
    bands = np.arange(len(done))
    oracle = SurvfuncRight(np.concatenate([np.repeat(bands, done), np.repeat(bands, cut)]),
                           np.repeat([1, 0], [done.sum(), cut.sum()]))  # fmt: skip
    assert share_finished(done, cut) == pytest.approx(1 - oracle.surv_prob[-1], abs=1e-12)
    for _ in range(50):
        done, cut = rng.poisson(rng.exponential(3), len(EDGES) + 1), rng.poisson(rng.exponential(3), len(EDGES) + 1)
        if (whole := done.sum() + cut.sum()) > 0:
            assert done.sum() / whole - 1e-12 <= share_finished(done, cut) <= 1


def test_the_share_who_finish_is_measured_back_where_the_data_end():
    rng = np.random.default_rng(12)
    n, days = 40_000, 1440.0
    times = np.where(rng.random(n) < 0.85, rng.exponential(4 * days, n), np.inf)
    done, _, cut = counted(times, rng.uniform(0, 29 * days, n))
    true = 0.85 * (1 - np.exp(-29 / 4))
    assert done.sum() / n < true - 0.1
    assert share_finished(done, cut) == pytest.approx(true, abs=0.01)
    done, _, cut = counted(times, np.full(n, 60 * days))
    assert share_finished(done, cut) == pytest.approx(done.sum() / n, abs=1e-12)  # all were seen beyond the last edge
    assert np.isnan(share_finished(np.zeros(3), np.zeros(3)))

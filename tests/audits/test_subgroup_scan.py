"""Claims about the subgroup scan, held against brute force over rows: every subgroup cut out of the people one
at a time, and the null distribution of the largest statistic by shuffling people.

Shares of simulated studies get a band of four standard errors of a proportion, sqrt(p (1 - p) / runs), so that
a correct scan fails one such comparison in about 16,000; all seeds are fixed.
"""

from __future__ import annotations

from importlib import import_module
from itertools import combinations
from math import log, sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.statistics.proportions import score_interval_difference
from audits.statistics.subgroup_scan import SubgroupScan, Unjudged, scan_subgroups

LEVELS_OF_1957 = [(4, 6, 9, 12), (2, 2, 2, 5, 6, 12), (2, 3, 4, 5, 5, 8)]


def population(levels: tuple[int, ...], rows: int, seed: int, rate: float = 0.3) -> pd.DataFrame:
    """People with independent attributes of uneven frequency and one rate for all."""
    rng = np.random.default_rng(seed)
    columns = {}
    for place, count in enumerate(levels):
        weights = np.linspace(1, 2, count)
        columns[f"attribute {place}"] = np.array([f"level {k}" for k in range(count)])[
            rng.choice(count, rows, p=weights / weights.sum())
        ]
    return pd.DataFrame(columns).assign(event=(rng.random(rows) < rate).astype(int))


def leaves_of(rows: pd.DataFrame) -> tuple[dict[str, list[str]], list[int], list[int]]:
    """Leaf cells of rows, by pandas."""
    names = [name for name in rows.columns if name != "event"]
    table = rows.groupby(names)["event"].agg(["size", "sum"]).reset_index()
    return {name: table[name].tolist() for name in names}, table["size"].tolist(), table["sum"].tolist()


def scan_rows(rows: pd.DataFrame, **options: object) -> SubgroupScan:
    return scan_subgroups(*leaves_of(rows), **options)  # type: ignore[arg-type]


def brute_force(rows: pd.DataFrame, depth: int) -> dict[frozenset[tuple[str, str]], tuple[int, int]]:
    """People and events of every subgroup, cut out of the rows."""
    names = [name for name in rows.columns if name != "event"]
    found = {}
    for size in range(1, depth + 1):
        for chosen in combinations(names, size):
            for key, part in rows.groupby(list(chosen)):
                found[frozenset(zip(chosen, key, strict=True))] = (len(part), int(part["event"].sum()))
    return found


def test_every_subgroup_its_counts_and_its_statistic_are_those_cut_out_of_the_rows() -> None:
    rows = population((2, 3, 4, 2), 900, 1)
    expected, ours = brute_force(rows, 3), scan_rows(rows, least_size=1, least_expected=0)
    assert len(ours.subgroups) == len(expected) == ours.judged
    chi_square = import_module("scipy.stats").chi2_contingency
    for place, name in enumerate(ours.subgroups):
        size, events = expected[frozenset(name)]
        assert (ours.n[place], ours.x[place]) == (size, events)
        assert (ours.rest_n[place], ours.rest_x[place]) == (len(rows) - size, rows["event"].sum() - events)
        table = [
            [events, size - events],
            [rows["event"].sum() - events, len(rows) - size - rows["event"].sum() + events],
        ]
        assert ours.z[place] ** 2 == pytest.approx(chi_square(table, correction=False).statistic, rel=1e-9, abs=1e-12)
        gap = events / size - table[1][0] / (len(rows) - size)
        assert ours.difference[place] == pytest.approx(gap, abs=1e-12)
        assert np.sign(ours.z[place]) == np.sign(ours.difference[place]) or abs(gap) < 1e-12
    assert (np.diff(np.abs(ours.z)) <= 0).all()


@pytest.mark.parametrize("levels", LEVELS_OF_1957)
def test_stated_level_counts_give_1957_subgroups_and_a_critical_value_near_theory(levels: tuple[int, ...]) -> None:
    grid = np.indices(levels).reshape(len(levels), -1)
    attributes = {f"v{i}": codes.tolist() for i, codes in enumerate(grid)}
    counts = np.random.default_rng(2).multinomial(1_000_000, np.full(grid.shape[1], 1 / grid.shape[1]))
    ours = scan_subgroups(attributes, counts, np.random.default_rng(3).binomial(counts, 0.2), replicates=199)
    assert len(ours.subgroups) == ours.judged == 1957
    bonferroni = -NormalDist().inv_cdf(0.025 / 1957)
    # overlap lowers it below Bonferroni's 4.21 and sqrt(2 log M) = 3.89 is its leading term; 199 replicates
    # place it within about 0.1 of its limit (density of the maximum there is about 0.2)
    assert sqrt(2 * log(1957)) - 0.1 < ours.critical_value < bonferroni + 0.3


def test_the_simulated_null_is_that_of_shuffling_people() -> None:
    rows = population((2, 3, 2), 300, 5)
    rng, shuffled = np.random.default_rng(6), []
    for _ in range(150):
        mixed = rows.assign(event=rng.permutation(rows["event"].to_numpy()))
        total, people = mixed["event"].sum(), len(mixed)
        largest = 0.0
        for size, events in brute_force(mixed, 2).values():
            pooled = total / people
            spread = sqrt(pooled * (1 - pooled) * (1 / size + 1 / (people - size)))
            largest = max(largest, abs(events / size - (total - events) / (people - size)) / spread)
        shuffled.append(largest)
    # critical values at evenly spaced levels are evenly spaced quantiles of our maxima
    leaves = leaves_of(rows)
    ours = [
        scan_subgroups(*leaves, depth=2, least_size=1, least_expected=0, replicates=199, level=level).critical_value
        for level in np.arange(1, 200) / 200
    ]
    assert len(set(ours)) > 100
    assert import_module("scipy.stats").ks_2samp(ours, shuffled).pvalue > 1e-3


def null_leaves(seed: int, rate: float = 0.15) -> tuple[dict[str, list[int]], np.ndarray, np.ndarray]:
    """Small uneven leaves, all with one rate."""
    grid = np.indices((2, 3, 4, 3)).reshape(4, -1)
    rng = np.random.default_rng(seed)
    counts = rng.poisson(40, grid.shape[1])
    return {f"v{i}": codes.tolist() for i, codes in enumerate(grid)}, counts, rng.binomial(counts, rate)


def test_a_fair_population_is_flagged_no_more_often_than_stated_and_naively_nearly_always() -> None:
    runs = 300
    results = [
        scan_subgroups(*null_leaves(seed), least_size=10, least_expected=2, replicates=99, seed=seed, threads=1)
        for seed in range(runs)
    ]
    flagged = np.array([np.nanmin(result.adjusted_p) <= 0.05 for result in results])
    naive = np.array([np.nanmax(np.abs(result.z)) > NormalDist().inv_cdf(0.975) for result in results])
    spread = sqrt(0.05 * 0.95 / runs)
    assert abs(flagged.mean() - 0.05) <= 4 * spread
    assert naive.mean() > 0.9


def test_intervals_hold_all_true_differences_together_when_rates_differ() -> None:
    runs, covered = 150, 0
    attributes, counts, _ = null_leaves(0)
    counts = counts * 5
    rates = (
        0.3
        + 0.05 * (np.array(attributes["v0"]) == 1)
        + 0.08 * ((np.array(attributes["v1"]) == 2) & (np.array(attributes["v2"]) == 0))
    )
    truth = scan_subgroups(attributes, counts * 10**6, np.round(counts * 10**6 * rates), replicates=19)
    true_gap = dict(zip(truth.subgroups, truth.difference, strict=True))
    for seed in range(runs):
        events = np.random.default_rng(seed).binomial(counts, rates)
        ours = scan_subgroups(attributes, counts, events, replicates=199, seed=seed)
        gaps = np.array([true_gap[name] for name in ours.subgroups])
        covered += bool(((ours.low <= gaps) & (gaps <= ours.high)).all())
    assert covered / runs >= 0.95 - 4 * sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_planted_three_way_cell_stands_first_among_1957_and_its_twin_without_it_is_silent(seed: int) -> None:
    levels = (2, 2, 2, 5, 6, 12)
    grid = np.indices(levels).reshape(len(levels), -1)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(1_000_000, np.full(grid.shape[1], 1 / grid.shape[1]))
    inside = (grid[0] == 1) & (grid[3] == 2) & (grid[4] == 4)  # about 1e6 / 60 people
    attributes = {name: codes.tolist() for name, codes in zip("abcdef", grid, strict=True)}
    harmed = scan_subgroups(attributes, counts, rng.binomial(counts, 0.2 + 0.03 * inside), replicates=199)
    fair = scan_subgroups(attributes, counts, rng.binomial(counts, 0.2), replicates=199)
    assert harmed.subgroups[0] == (("a", "1"), ("d", "2"), ("e", "4"))
    assert harmed.adjusted_p[0] == 1 / 200
    assert harmed.low[0] <= 0.03 <= harmed.high[0]
    assert (fair.adjusted_p > 0.05).all()


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_order_of_leaves_labels_and_attributes_and_split_leaves_change_nothing(seed: int) -> None:
    attributes, counts, events = null_leaves(seed % 1000)
    before = scan_subgroups(attributes, counts, events, replicates=49, least_size=5, least_expected=1)
    rng = np.random.default_rng(seed)
    places = rng.permutation(np.repeat(np.arange(len(counts)), 2))
    first = np.array([place not in places[:at] for at, place in enumerate(places)])
    hits = rng.binomial(events, 0.5)
    misses = rng.binomial(counts - events, 0.5)
    part_x = np.where(first, hits[places], (events - hits)[places])
    part_n = part_x + np.where(first, misses[places], (counts - events - misses)[places])
    shuffled = {name: np.array(attributes[name])[places] for name in rng.permutation(list(attributes))}
    after = scan_subgroups(shuffled, part_n, part_x, replicates=49, least_size=5, least_expected=1, threads=1)
    assert before.subgroups == after.subgroups
    for name in ("n", "x", "z", "adjusted_p", "low", "high", "unjudged"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert before.critical_value == after.critical_value


def test_finding_interval_and_p_value_never_contradict_each_other() -> None:
    attributes, counts, events = null_leaves(4)
    events = np.where(np.array(attributes["v1"]) == 1, np.minimum(counts, events * 2), events)
    ours = scan_subgroups(attributes, counts, events, least_size=5, least_expected=1)
    beyond = np.abs(ours.z) > ours.critical_value
    assert 0 < beyond.sum() < ours.judged
    np.testing.assert_array_equal(beyond, ours.adjusted_p <= 0.05)
    np.testing.assert_array_equal(beyond, (ours.low > 0) | (ours.high < 0))
    pointwise = score_interval_difference(ours.x, ours.n, ours.rest_x, ours.rest_n)
    assert (ours.low <= pointwise.low).all()
    assert (ours.high >= pointwise.high).all()


def test_equal_statistics_are_ranked_by_fewer_attributes_and_then_by_name() -> None:
    ours = scan_subgroups({"q": ["1", "1", "2", "2"], "b": ["x", "y", "x", "y"]}, [100] * 4, [30] * 4, least_size=1)
    assert (ours.z == 0).all()
    assert list(ours.subgroups) == sorted(ours.subgroups, key=lambda name: (len(name), name))


def test_with_a_stated_reference_subgroups_are_compared_with_those_people_only() -> None:
    rows = population((3, 2, 2), 3000, 9)
    ours = scan_rows(rows, reference={"attribute 0": "level 1", "attribute 2": "level 0"}, least_size=1)
    base = rows[(rows["attribute 0"] == "level 1") & (rows["attribute 2"] == "level 0")]
    others = rows.drop(base.index)
    chi_square = import_module("scipy.stats").chi2_contingency
    judged = 0
    for place, name in enumerate(ours.subgroups):
        part = others
        for attribute, label in name:
            part = part[part[attribute] == label]
        assert (ours.n[place], ours.x[place]) == (len(part), part["event"].sum())
        assert (ours.rest_n[place], ours.rest_x[place]) == (len(base), base["event"].sum())
        if ours.unjudged[place] == Unjudged.NONE:
            judged += 1
            table = [[side["event"].sum(), (1 - side["event"]).sum()] for side in (part, base)]
            assert ours.z[place] ** 2 == pytest.approx(
                chi_square(table, correction=False).statistic, rel=1e-9, abs=1e-12
            )
        else:
            assert len(part) == 0
    assert judged > 20


def test_subgroups_that_cannot_be_compared_say_why_and_are_listed_last() -> None:
    attributes = {"one": ["all"] * 4, "two": ["big", "big", "small", "rare"]}
    ours = scan_subgroups(attributes, [500, 500, 20, 60], [10, 8, 5, 2], least_size=50, least_expected=5)
    reasons = {
        name[-1][1] if len(name) == 1 else "": Unjudged(int(code))
        for name, code in zip(ours.subgroups, ours.unjudged, strict=True)
    }
    assert reasons["small"] is Unjudged.TOO_SMALL
    assert reasons["all"] is Unjudged.NO_REST
    assert reasons["rare"] is Unjudged.TOO_FEW_EXPECTED
    assert (ours.unjudged != Unjudged.NONE).all()  # with these two in the rest, "big" is compared with 80 people
    for name in ("z", "adjusted_p", "low", "high", "difference"):
        assert np.isnan(getattr(ours, name)).all()
    assert np.isnan(ours.critical_value)
    assert all(Unjudged(int(code)).reason for code in ours.unjudged)


def test_whether_a_subgroup_is_judged_does_not_depend_on_its_own_rate() -> None:
    attributes = {"two": ["a", "b", "c"]}
    first = scan_subgroups(attributes, [1000, 1000, 200], [300, 300, 0])
    second = scan_subgroups(attributes, [1000, 1000, 200], [200, 200, 200])
    assert first.judged == second.judged == 3


@pytest.mark.parametrize("events", [0, 1])
def test_one_outcome_for_all_is_no_finding(events: int) -> None:
    ours = scan_subgroups({"a": ["x", "y"]}, [400, 300], [400 * events, 300 * events], least_expected=0)
    assert (ours.z == 0).all()
    assert (ours.adjusted_p == 1).all()
    assert (ours.low <= 0).all()
    assert (ours.high >= 0).all()


def test_threads_do_not_change_the_draws_and_seeds_do() -> None:
    leaves = null_leaves(3)
    one, two = (scan_subgroups(*leaves, replicates=2999, threads=threads) for threads in (1, 2))
    assert one.critical_value == two.critical_value
    np.testing.assert_array_equal(one.adjusted_p, two.adjusted_p)
    assert not np.array_equal(one.adjusted_p, scan_subgroups(*leaves, replicates=2999, seed=1).adjusted_p)


def test_from_a_thousand_million_people_on_the_null_is_binomial_and_of_the_same_size() -> None:
    attributes, counts, _ = null_leaves(1)
    small, large = (scan_subgroups(attributes, counts * size, np.round(counts * size * 0.2), replicates=999, level=0.5)
                    for size in (10**3, 10**7))  # fmt: skip
    assert (small.null, large.null) == ("permutation", "binomial")
    # medians of 999 maxima: density there is about 0.9, so each has a standard error of about 0.018
    assert small.critical_value == pytest.approx(large.critical_value, abs=4 * 0.018 * sqrt(2))


def test_more_attributes_than_fit_one_number_are_still_told_apart() -> None:
    rng = np.random.default_rng(0)
    attributes = {f"v{i:02}": rng.integers(0, 40, 300).tolist() for i in range(14)}  # 40**14 exceeds 2**63
    ours = scan_subgroups(attributes, np.full(300, 1000), rng.binomial(1000, 0.3, 300), depth=1, replicates=19)
    assert len(ours.subgroups) == sum(len(set(codes)) for codes in attributes.values())
    assert ours.n.sum() == 14 * 300_000


@pytest.mark.parametrize(
    ("attributes", "n", "x", "options", "message"),
    [
        ({"a": ["p", "q"]}, [1, 2], [2, 0], {}, "x: found 2 events, expected no more"),
        ({"a": ["p", "q"]}, [1.5, 2], [1, 0], {}, "n: found 1.5, expected whole numbers"),
        ({"a": ["p", None]}, [1, 2], [1, 0], {}, "attribute 'a': found a missing label"),
        ({"a": ["p", float("nan")]}, [1, 2], [1, 0], {}, "attribute 'a': found a missing label"),
        ({"a": ["1", 1]}, [1, 2], [1, 0], {}, "different labels that read the same"),
        ({"a": np.ma.array(["p", "q"], mask=[0, 1])}, [1, 2], [1, 0], {}, "attribute 'a': found a missing label"),
        ({"a": ["p", "q"]}, np.ma.array([1, 2], mask=[0, 1]), [1, 0], {}, "n: found nan"),
        ({"a": ["p"]}, [1, 2], [1, 0], {}, "attribute 'a': found shape"),
        ({}, [1, 2], [1, 0], {}, "attributes: found none"),
        ({"a": ["p", "q"]}, [1, 2], [1, 0], {"depth": 0}, "depth: found 0"),
        ({"a": ["p", "q"]}, [1, 2], [1, 0], {"reference": {"a": "r"}}, "reference: found a = 'r'"),
        ({"a": ["p", "q"]}, [900, 900], [90, 90], {"replicates": 18}, "found 18 replicates, expected at least 19"),
    ],
)
def test_leaves_that_cannot_be_scanned_are_refused(attributes, n, x, options, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        scan_subgroups(attributes, n, x, **options)

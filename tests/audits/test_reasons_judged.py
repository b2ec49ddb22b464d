"""Reasons against drivers on arrays: against sets and sorting in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from audits.evidence.reasons import (
    GivenReasons,
    clusters_of,
    codes_given,
    driving,
    judge_reasons,
    places_of,
    tally,
)

FEATURES = ("debt", "income", "años", "area")
EXPLAINS = {"R1": ("debt",), "r2": ("income", "años"), "3": ("area",), "R5": ("gone",)}


@pytest.mark.parametrize("favourable", ["high", "low"])
@pytest.mark.parametrize("drivers", [1, 2, 4, 9])
def test_drivers_are_the_features_that_count_most_against_the_person(favourable, drivers):
    values = np.random.default_rng(drivers).normal(size=(300, 4))
    values[:20] = np.abs(values[:20])  # rows on one side only
    found = driving(values, favourable, drivers)
    for row, seen in zip(values, found, strict=True):
        against = {j: (-v if favourable == "high" else v) for j, v in enumerate(row)}
        worst = sorted((j for j in against if against[j] > 0), key=against.__getitem__, reverse=True)[:drivers]
        assert set(np.flatnonzero(seen)) == set(worst)


def test_ties_with_the_last_driver_are_drivers_and_rounding_is_none():
    values = np.array([[3.0, 2.0, 2.0 * (1 - 1e-12), -1.0], [5.0, 1e-13, 0.0, -0.0], [0.0, 0.0, 0.0, 0.0]])
    found = driving(values, "low", 2)
    assert found.tolist() == [[True, True, True, False], [True, False, False, False], [False] * 4]


def test_columns_that_are_part_of_a_feature_are_known_by_either_name():
    parts = {"x": ("x_1", "x_2"), "other": ("y_1",)}
    assert places_of(("a", "x", "b"), parts) == {"a": 0, "x": 1, "x_1": 1, "x_2": 1, "b": 2}


def books(seed: int, rows: int = 400):
    rng = np.random.default_rng(seed)
    codes = np.array(["R1", " r1", "R2", 3, 3.0, "R5", "R7", "R99", "", None, "nan", float("nan")], dtype=object)
    return [codes[rng.integers(0, len(codes), rows)] for _ in range(3)], rng.random((rows, 4)) < 0.4


def by_hand(columns, drives):
    """(reasons, explained, matched, unexplained, generic) of each row."""
    means = {"r1": {0}, "r2": {1, 2}, "3": {3}}
    rows = []
    for i in range(len(drives)):
        texts = {str(column[i]).strip().lower().removesuffix(".0") for column in columns} - {"", "none", "nan"}
        own = {j for j in range(4) if drives[i, j]}
        known = [text for text in texts if text in means]
        rows.append((len(texts), len(known), sum(bool(means[text] & own) for text in known),
                     len(texts & {"r5", "r7"}), len(texts & {"r99"})))  # fmt: skip
    return np.array(rows)


def test_reasons_are_matched_unexplained_or_generic_as_counted_by_hand():
    columns, drives = books(4)
    judged = judge_reasons(codes_given(columns), drives, {name: i for i, name in enumerate(FEATURES)}, EXPLAINS,
                           ["r99"])  # fmt: skip
    found = np.column_stack(
        [judged.reasons, judged.explained, judged.matched, judged.unexplained, judged.generic]
    )  # fmt: skip
    np.testing.assert_array_equal(found, by_hand(columns, drives))
    np.testing.assert_array_equal(judged.driven, drives.any(axis=1))


def test_a_generic_code_stays_generic_though_features_are_given_for_it():
    judged = judge_reasons([("r1",)], np.ones((1, 4), dtype=bool), {"debt": 0}, {"R1": ("debt",)}, ["r1"])
    assert (judged.explained[0], judged.matched[0], judged.generic[0], judged.unexplained[0]) == (0, 0, 1, 0)


def test_sums_over_people_are_those_of_a_loop():
    columns, drives = books(9)
    judged = judge_reasons(codes_given(columns), drives, {name: i for i, name in enumerate(FEATURES)}, EXPLAINS, [])
    rng = np.random.default_rng(1)
    people = [None if who > 140 else f"p{who}" for who in rng.integers(0, 150, 400)]
    own, other = rng.random(400) < 0.6, rng.random(400) < 0.5
    part = tally(judged, own, clusters_of(people, 400), (900, 450), ("sex", "f"), other)
    sums: dict = {}
    for i in range(400):
        entry = sums.setdefault(people[i] or ("alone", i), [0, 0, 0, 0])
        for k, rows in ((0, other), (2, own)):
            entry[k] += int(judged.matched[i]) * bool(rows[i])
            entry[k + 1] += int(judged.explained[i]) * bool(rows[i])
    m0, g0, m, g = np.array(list(sums.values())).T
    assert isinstance(part, GivenReasons)
    assert (part.attribute, part.label, part.refusals, part.drawn, part.used) == ("sex", "f", 900, 450, own.sum())
    assert part.squares == ((m * m).sum(), (m * g).sum(), (g * g).sum())
    assert part.shared == ((m0 * m).sum(), (m0 * g).sum(), (g0 * m).sum(), (g0 * g).sum())
    assert part.clusters == (g > 0).sum()
    assert (part.matched, part.explained) == (m.sum(), g.sum())
    assert part.unfounded == sum(judged.matched[i] < judged.explained[i] for i in range(400) if own[i])
    assert part.without_reason == sum(judged.reasons[i] == 0 for i in range(400) if own[i])


def test_without_people_each_refusal_stands_alone():
    assert clusters_of(None, 3).tolist() == [0, 1, 2]
    assert len(set(clusters_of(["a", None, float("nan"), "a"], 4).tolist())) == 3

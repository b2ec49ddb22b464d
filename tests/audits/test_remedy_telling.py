"""How well a feature tells a group: judged on rows that it was not learned on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from audits.remedies.telling import nearly_told, tells_group


def told_by_hand(values, labels, half):
    """Shares of B by level, drawn towards that of all by five rows, learned on one half and judged on the other."""
    areas = []
    for learned in (half, ~half):
        named = learned & np.isin(labels, ["A", "B"])
        overall = (labels[named] == "B").mean()
        share = {
            level: ((labels[named & (values == level)] == "B").sum() + 5 * overall)
            / ((named & (values == level)).sum() + 5)
            for level in set(values)
        }
        judged = ~learned & np.isin(labels, ["A", "B"])
        areas.append(roc_auc_score(labels[judged] == "B", [share[value] for value in values[judged]]))
    return np.mean(areas)


def rows(n=400, seed=3):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array(["A", "B", None], dtype=object), n, p=[0.5, 0.4, 0.1])
    texts = np.where(rng.random(n) < 0.6, np.where(labels == "B", "x", "y"), rng.choice(list("xyz"), n)).astype(object)
    return labels, texts, np.arange(n), rng


def test_it_is_the_area_under_the_curve_on_the_other_half_both_ways():
    labels, texts, persons, _ = rows()
    expected = told_by_hand(texts, labels, persons % 2 == 0)
    assert tells_group(pd.Series(texts), labels, "A", persons) == pytest.approx(expected, abs=1e-12)
    missing = pd.Series([None if text == "z" else text for text in texts], dtype=object)
    assert tells_group(missing, labels, "A", persons) == pytest.approx(expected, abs=1e-12)


def test_levels_of_single_rows_and_what_says_nothing_tell_nothing():
    labels, _, persons, rng = rows()
    own = pd.Series([f"person {i}" for i in range(400)], dtype=object)
    assert tells_group(own, labels, "A", persons) == 0.5
    assert tells_group(pd.Series(np.ones(400)), labels, "A", persons) == 0.5
    assert tells_group(pd.Series(rng.integers(0, 150, 400).astype(str)), labels, "A", persons) < 0.6
    assert tells_group(pd.Series(labels), labels, "C", persons) == 0.5  # nobody is of the reference
    few = np.where(np.arange(400) < 20, "B", "A").astype(object)
    assert tells_group(pd.Series(few), few, "A", persons) == 0.5  # ten of each half


@pytest.mark.parametrize("code", [
    lambda is_b, rng: is_b * 1.0, lambda is_b, rng: np.where(is_b, "P", "Q").astype(object),
    lambda is_b, rng: 2 * rng.integers(0, 100, len(is_b)) + is_b,  # odd numbers are of the group
    lambda is_b, rng: np.where(is_b, 3.0, -3.0) + rng.normal(size=len(is_b)),
    lambda is_b, rng: pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, len(is_b)) + 300 * is_b, "D"),
])  # fmt: skip
def test_whatever_nearly_is_the_group_is_named(code):
    rng = np.random.default_rng(1)
    labels = rng.choice(np.array(["A", "B", None], dtype=object), 6_000, p=[0.6, 0.35, 0.05])
    features = pd.DataFrame({"Land, 1": code(labels == "B", rng), "noise": rng.normal(size=6_000)})
    other = rng.choice(np.array(["m", "w"], dtype=object), 6_000)
    (told,) = nearly_told(features, {"origin": labels, "sex": other}, {"origin": "A", "sex": "m"}, np.arange(6_000))
    assert "Land, 1 tells B from A (origin) with an area under the curve of" in told


def test_a_stand_in_is_not_the_group():
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(6_000) < 0.4, "B", "A").astype(object)
    trait = np.where(rng.random(6_000) < 0.9, labels == "B", labels == "A").astype(float)
    assert nearly_told(pd.DataFrame({"trait": trait}), {"g": labels}, {"g": "A"}, np.arange(6_000)) == ()
    assert nearly_told(pd.DataFrame(index=range(6_000)), {"g": labels}, {"g": "A"}, np.arange(6_000)) == ()

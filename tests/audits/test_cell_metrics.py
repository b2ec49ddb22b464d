"""Claims about metrics from counts, held against Fairlearn and scikit-learn over the rows themselves.

Tolerance. Both sides divide the same integers, or add the same few products in another order, so they agree to
some 1e-15; the bar is 1e-12, relative. Values that are differences of like numbers (the correlation and R²
near 0) are held to 1e-12 of their scale, which is 1.
"""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairness
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as learning

from audits.statistics.cell_metrics import (
    BINARY,
    METRICS,
    NUMERIC,
    CellMetrics,
    Cells,
    cell_metrics,
    cells_of,
    metric_frame,
)

NEAR = 1e-12
SIGNED = {"matthews_corrcoef", "r2_score"}


def function_named(name: str) -> Any:
    """The library's own function."""
    return getattr(fairness, name, None) or getattr(learning, name)


def frame_on_rows(rows: pd.DataFrame, names: tuple[str, ...]) -> MetricFrame:
    """Fairlearn over rows, without weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = MetricFrame(metrics={name: function_named(name) for name in names}, y_true=rows["true"],
                            y_pred=rows["predicted"], sensitive_features=rows["group"])  # fmt: skip
        _ = frame.by_group, frame.overall
    return frame


def collapsed(rows: pd.DataFrame) -> Cells:
    """Cells of rows, by pandas."""
    table = rows.groupby(["group", "true", "predicted"]).size().reset_index(name="n")
    return cells_of(table["group"].tolist(), table["true"], table["predicted"], table["n"])


def assert_same(ours: CellMetrics, frame: MetricFrame) -> None:
    """Equality by group and overall, missing values in the same places."""
    by_group = frame.by_group.loc[list(ours.labels)].to_numpy(dtype=float).T
    for mine, theirs in ((ours.by_group, by_group), (ours.overall, frame.overall.to_numpy(dtype=float))):
        for name, one, other in zip(ours.names, mine, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=NEAR, atol=NEAR if name in SIGNED else 0, err_msg=name)


def assert_identical(one: CellMetrics, other: CellMetrics) -> None:
    """Two results of ours that must not differ beyond the order of additions."""
    assert one.labels == other.labels
    np.testing.assert_allclose(one.by_group, other.by_group, rtol=NEAR, atol=NEAR)
    np.testing.assert_allclose(one.overall, other.overall, rtol=NEAR, atol=NEAR)


@st.composite
def people(draw: st.DrawFn) -> pd.DataFrame:
    """Up to 60 rows in up to four groups; small, so that every kind of emptiness occurs."""
    size = draw(st.integers(1, 60))
    columns = {
        "group": st.sampled_from(["a", "b", "c", "d e"]),
        "true": st.integers(0, 1),
        "predicted": st.integers(0, 1),
    }
    return pd.DataFrame(
        {name: draw(st.lists(values, min_size=size, max_size=size)) for name, values in columns.items()}
    )


def sizeable(rows: int = 4000, seed: int = 7) -> pd.DataFrame:
    """Rows in which every metric is defined in every group."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, rows)
    return pd.DataFrame({"group": rng.choice(list("pqrst"), rows, p=[0.5, 0.3, 0.1, 0.08, 0.02]), "true": true,
                         "predicted": (rng.random(rows) < 0.25 + 0.4 * true).astype(int)})  # fmt: skip


def test_every_two_valued_metric_of_cells_equals_fairlearn_on_rows() -> None:
    rows = sizeable()
    assert len(BINARY) >= 16
    assert_same(cell_metrics(collapsed(rows)), frame_on_rows(rows, BINARY))


@settings(deadline=None, max_examples=25)
@given(people())
def test_cells_equal_rows_wherever_groups_lack_a_class_once_the_libraries_zeros_are_asked_for(
    rows: pd.DataFrame,
) -> None:
    names = tuple(name for name in BINARY if name != "roc_auc_score")  # MetricFrame cannot hold its warning's NaN
    assert_same(cell_metrics(collapsed(rows), names, undefined="sklearn"), frame_on_rows(rows, names))


@settings(deadline=None, max_examples=40)
@given(people())
def test_a_value_is_missing_exactly_where_its_denominator_is_zero(rows: pd.DataFrame) -> None:
    ours = cell_metrics(collapsed(rows))
    for position, name in enumerate(ours.names):
        missing, below = np.isnan(ours.by_group[position]), ours.denominators[position]
        np.testing.assert_array_equal(missing, below == 0, err_msg=name)


@settings(deadline=None, max_examples=40)
@given(people(), st.integers(0, 2**32 - 1))
def test_row_order_splitting_of_cells_and_empty_cells_change_nothing(rows: pd.DataFrame, seed: int) -> None:
    cells = collapsed(rows)
    shuffled = rows.sample(frac=1, random_state=seed)
    single = cells_of(shuffled["group"].tolist(), shuffled["true"], shuffled["predicted"], np.ones(len(rows)))
    assert_identical(cell_metrics(cells), cell_metrics(single))
    halves = pd.concat([rows, rows, rows.head(1)])
    weights = np.r_[np.full(2 * len(rows), 0.5), 0.0]
    doubled = cells_of(halves["group"].tolist(), halves["true"], halves["predicted"], weights)
    assert_identical(cell_metrics(cells), cell_metrics(doubled))


@settings(deadline=None, max_examples=25)
@given(people())
def test_renaming_groups_moves_values_with_their_names(rows: pd.DataFrame) -> None:
    before = cell_metrics(collapsed(rows))
    after = cell_metrics(
        collapsed(rows.assign(group=rows["group"].map(lambda name: f"z{ord(name[0]) * 7 % 10} {name}")))
    )
    place = [
        after.labels.index(next(label for label in after.labels if label.endswith(f" {name}")))
        for name in before.labels
    ]
    np.testing.assert_array_equal(before.by_group, after.by_group[:, place])
    np.testing.assert_array_equal(before.overall, after.overall)


def test_regression_metrics_of_valued_cells_equal_the_libraries_on_rows() -> None:
    rng = np.random.default_rng(11)
    rows = pd.DataFrame({"group": rng.choice(["n", "s"], 3000), "true": rng.choice([1e4, 2.5e4, 9e4], 3000),
                         "predicted": rng.choice([1.2e4, 3e4, 8e4], 3000)})  # fmt: skip
    assert_same(cell_metrics(collapsed(rows), NUMERIC), frame_on_rows(rows, NUMERIC))


def test_ranking_and_log_loss_of_scored_cells_equal_the_libraries_on_rows() -> None:
    rng = np.random.default_rng(12)
    true = rng.integers(0, 2, 3000)
    score = np.clip(np.round(0.3 + 0.3 * true + rng.normal(0, 0.25, 3000), 1), 0, 1)
    rows = pd.DataFrame({"group": rng.choice(["n", "s", "w"], 3000), "true": true, "predicted": score})
    names = ("roc_auc_score", "log_loss", "mean_prediction", "mean_squared_error")
    assert_same(cell_metrics(collapsed(rows), names), frame_on_rows(rows, names))


@pytest.mark.parametrize("positive", [1.0, -1.0, 2.0])
def test_the_positive_label_is_the_one_that_was_named(positive: float) -> None:
    rows = sizeable(600)
    mapped = rows.assign(
        true=np.where(rows["true"] == 1, positive, 0.0), predicted=np.where(rows["predicted"] == 1, positive, 0.0)
    )
    table = mapped.groupby(["group", "true", "predicted"]).size().reset_index(name="n")
    cells = cells_of(table["group"].tolist(), table["true"], table["predicted"], table["n"], positive=positive)
    names = (
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "precision_score",
        "f1_score",
        "jaccard_score",
    )
    np.testing.assert_array_equal(cell_metrics(cells, names).by_group, cell_metrics(collapsed(rows), names).by_group)
    assert_same(cell_metrics(cells, names), metric_frame(cells, names))


def test_fairlearns_own_frame_on_cells_says_the_same() -> None:
    cells = collapsed(sizeable())
    assert_same(cell_metrics(cells), metric_frame(cells))


def test_replicates_are_evaluated_as_each_would_be_alone() -> None:
    cells = collapsed(sizeable())
    many = np.random.default_rng(3).integers(0, 50, (2, 4, len(cells.counts)))
    together = cell_metrics(cells, counts=many)
    assert together.by_group.shape == (2, 4, len(BINARY), 5)
    for place in product(range(2), range(4)):
        alone = cell_metrics(cells, counts=many[place])
        np.testing.assert_allclose(together.by_group[place], alone.by_group, rtol=NEAR, atol=NEAR)
        np.testing.assert_allclose(together.overall_denominators[place], alone.overall_denominators, rtol=NEAR)


def test_a_group_without_people_in_a_replicate_is_counted_zero_and_otherwise_missing() -> None:
    cells = cells_of(["a", "a", "b"], [0, 1, 1], [0, 1, 0], [4, 5, 6])
    ours = cell_metrics(cells, counts=[4, 5, 0])
    place = ours.names.index("count")
    assert ours.by_group[place].tolist() == [9.0, 0.0]
    assert np.isnan(np.delete(ours.by_group[:, 1], place)).all()
    np.testing.assert_array_equal(ours.overall, ours.by_group[:, 0])


def test_r2_of_equal_true_values_is_missing_even_when_they_are_no_round_numbers() -> None:
    cells = cells_of(["a", "a", "b", "b"], [0.1, 0.1, 0.1, 0.7], [0.1, 0.2, 0.1, 0.7], [3e6, 7e6, 1, 2])
    ours = cell_metrics(cells, ["r2_score"])
    assert np.isnan(ours.by_group[0, 0])
    assert ours.by_group[0, 1] == 1.0


def test_counts_beyond_a_thousand_million_lose_nothing() -> None:
    cells = cells_of(["a"] * 4, [0, 0, 1, 1], [0, 1, 0, 1], [3e11, 1e11, 1, 5e11])
    rate = cell_metrics(cells, ["false_negative_rate"]).by_group[0, 0]
    assert rate == pytest.approx(1 / (5e11 + 1), rel=1e-15)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((["a", None], [0, 1], [0, 1], [1, 1]), "group: found a missing label"),
        ((["a", float("nan")], [0, 1], [0, 1], [1, 1]), "group: found a missing label"),
        ((["a", "b"], [0, float("nan")], [0, 1], [1, 1]), "true: found a value that is missing"),
        ((["a", "b"], [0, 1], [0], [1, 1]), r"predicted: found shape \(1,\), expected \(2,\)"),
        ((np.ma.array(["a", "b"], mask=[False, True]), [0, 1], [0, 1], [1, 1]), "group: found a missing label"),
        (
            (["a", "b"], [0, 1], np.ma.array([0, 1], mask=[False, True]), [1, 1]),
            "predicted: found a value that is miss",
        ),
        ((["a", pd.NA], [0, 1], [0, 1], [1, 1]), "group: found a missing label"),
        ((["a"], [0, 1], [0, 1], [1, 1]), "group: found shape"),
        ((["a", "b"], [0, 1], [0, 1], [1, -1]), "counts: found one below 0"),
    ],
)
def test_columns_that_cannot_be_cells_are_refused(columns: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cells_of(*columns)


def test_metrics_that_do_not_fit_the_cells_are_refused() -> None:
    cells = cells_of(["a", "a", "b"], [0, 1, 2], [0, 3, 1], [1, 2, 3])
    for names, message in (
        (["recall_score"], "true: found the values 0 and 2 beside 1"),
        (["gini"], "names: found 'gini'"),
        (["log_loss"], "true: found the values"),
    ):
        with pytest.raises(ValueError, match=message):
            cell_metrics(cells, names)
    with pytest.raises(ValueError, match="expected the last axis to hold 3 cells"):
        cell_metrics(cells, NUMERIC, counts=np.ones((3, 2)))
    with pytest.raises(ValueError, match="expected probabilities for log_loss"):
        cell_metrics(cells_of(["a", "a"], [0, 1], [0.5, 1.5], [1, 1]), ["log_loss"])


def test_the_comparison_would_notice_false_positives_divided_by_the_wrong_margin() -> None:
    rows = sizeable()
    ours = cell_metrics(collapsed(rows), ["false_positive_rate", "precision_score"])
    wrong = CellMetrics(("false_positive_rate",), ours.labels, 1 - ours.by_group[1:], 1 - ours.overall[1:],
                        ours.denominators[1:], ours.overall_denominators[1:])  # fmt: skip
    with pytest.raises(AssertionError):
        assert_same(wrong, frame_on_rows(rows, ("false_positive_rate",)))


def test_every_name_is_one_that_fairlearn_or_scikit_learn_gives_its_function() -> None:
    assert all(function_named(name).__name__ == name for name in METRICS)

"""Which value does each metric take in each group, and overall, when all that is known are counts of cells?

A cell is a group, a true value and a predicted value with the number of people who share them. Every metric
below is a function of sums over cells, so it equals the same metric over the rows: a row is a cell counted
once. Names are those of Fairlearn and scikit-learn. A leading axis of replicates (B, C) is carried through,
which is how a bootstrap of counts is evaluated at once.

Where a metric divides by nothing (the true positive rate of a group without positives) its value is NaN and
its denominator 0. Fairlearn and scikit-learn report 0 there, which reads as the worst or best possible value;
`undefined="sklearn"` reproduces their numbers for comparison, never for judging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

_NO_SPREAD = 1e-12  # a sum of squares below this share of its uncentred sum is rounding


@dataclass(frozen=True, slots=True)
class Cells:
    """C cells in G groups: `group` holds positions in `labels`; `true`, `predicted` and `counts` have shape (C,)."""

    labels: tuple[str, ...]
    group: Codes
    true: Floats
    predicted: Floats
    counts: Floats
    positive: float


@dataclass(frozen=True, slots=True)
class CellMetrics:
    """K metrics: `by_group` has shape (…, K, G) and `overall` (…, K), with denominators of the same shapes.

    A value is NaN exactly where its denominator is 0; `count` and `undefined="sklearn"` are the exceptions.
    The denominator is what the metric divides by: people for a mean, Σ(y - ȳ)² for R²; for metrics of several
    quotients the least of them, the smaller class (balanced accuracy, ROC AUC) or margin (Matthews).
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    by_group: Floats
    overall: Floats
    denominators: Floats
    overall_denominators: Floats


class _Sums:
    """Sums over the cells of each group and, in the last column, of all: (…, G + 1)."""

    def __init__(self, cells: Cells, counts: Floats) -> None:
        self.cells, self.counts = cells, counts
        member = np.zeros((len(cells.group), len(cells.labels) + 1))
        member[np.arange(len(cells.group)), cells.group] = 1.0
        member[:, -1] = 1.0
        self.member = member
        self.kept: dict[str, Floats] = {}

    def of(self, name: str, weight: Callable[[], Any]) -> Floats:
        """Sum of a weight per cell, (C,) or (C, G + 1), computed once."""
        if name not in self.kept:
            values = np.asarray(weight(), dtype=np.float64)
            self.kept[name] = self.counts @ (self.member * (values if values.ndim == 2 else values[:, None]))
        return self.kept[name]

    @property
    def n(self) -> Floats:
        return self.of("n", lambda: np.ones(len(self.cells.group)))

    def table(self) -> tuple[Floats, Floats, Floats, Floats]:
        """True negatives, false positives, false negatives, true positives."""
        true, predicted = self.positives()
        return (
            self.of("tn", lambda: ~true & ~predicted),
            self.of("fp", lambda: ~true & predicted),
            self.of("fn", lambda: true & ~predicted),
            self.of("tp", lambda: true & predicted),
        )

    def positives(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which cells are truly and which predictedly positive; ValueError when there are more than two values."""
        for name, values in (("true", self.cells.true), ("predicted", self.cells.predicted)):
            _two_values(name, values, self.cells.positive)
        return self.cells.true == self.cells.positive, self.cells.predicted == self.cells.positive


Parts = tuple[Floats, Floats, Floats | float]  # value, denominator, what scikit-learn says where that is 0


def cells_of(
    group: ArrayLike, true: ArrayLike, predicted: ArrayLike, counts: ArrayLike, *, positive: float = 1.0
) -> Cells:
    """Cells from columns of equal length; groups are sorted by name. Rows are cells with counts of 1.

    Counts are weights from 0 on, whole or not. Raises ValueError for lengths that differ, values that are not
    finite, or a missing group.
    """
    columns = [np.ma.filled(np.ma.asarray(v, dtype=np.float64), np.nan) for v in (true, predicted, counts)]
    labels, codes = coded_labels("group", group, columns[0].size)
    for name, column in zip(("true", "predicted", "counts"), columns, strict=True):
        if column.shape != codes.shape:
            raise ValueError(f"{name}: found shape {column.shape}, expected {codes.shape}")
        if not np.isfinite(column).all():
            raise ValueError(f"{name}: found a value that is missing or infinite, expected numbers")
    truth, prediction, weights = columns
    return Cells(labels, codes, truth, prediction, _check_counts(weights), float(positive))


def coded_labels(name: str, values: ArrayLike, length: int) -> tuple[tuple[str, ...], Codes]:
    """The distinct labels as text, sorted, and each value's position among them.

    Raises ValueError for another length, a missing label (None, NaN, masked), or labels of different types that
    are or read the same, such as 1 and "1".
    """
    given = np.asarray(values, dtype=object)
    if given.shape != (length,):
        raise ValueError(f"{name}: found shape {given.shape}, expected one label for each of {length} cells")
    distinct = set(given.tolist())
    if np.ma.is_masked(values) or any(_missing(value) for value in distinct):
        raise ValueError(f"{name}: found a missing label, expected one of its own such as 'unknown'")
    text = [str(value) for value in given.tolist()]
    labels = tuple(sorted(set(text)))
    if len(labels) != len(distinct):
        raise ValueError(f"{name}: found labels of different types that are or read the same, expected one type")
    place = {label: position for position, label in enumerate(labels)}
    return labels, np.array([place[label] for label in text], dtype=np.int64)


def _missing(value: object) -> bool:
    """None, and whatever does not equal itself: NaN, NaT, pandas' NA."""
    same = value == value  # noqa: PLR0124
    return value is None or not isinstance(same, (bool, np.bool_)) or not same


def cell_metrics(
    cells: Cells,
    names: Sequence[str] | None = None,
    *,
    counts: ArrayLike | None = None,
    undefined: Literal["nan", "sklearn"] = "nan",
) -> CellMetrics:
    """Metrics by group and overall, for the cells' own counts or for replicates of them `counts` (…, C).

    `names` defaults to all metrics that two-valued labels have. Raises ValueError for an unknown name, counts
    that do not fit, or a metric of two values on cells with more.
    """
    chosen = tuple(BINARY if names is None else names)
    unknown = [name for name in chosen if name not in METRICS]
    if unknown:
        raise ValueError(f"names: found '{unknown[0]}', expected some of {', '.join(METRICS)}")
    weights = cells.counts if counts is None else _check_counts(np.asarray(counts, dtype=np.float64))
    if weights.ndim == 0 or weights.shape[-1] != len(cells.group):
        raise ValueError(
            f"counts: found shape {weights.shape}, expected the last axis to hold {len(cells.group)} cells"
        )
    sums = _Sums(cells, weights)
    shape = (*weights.shape[:-1], len(chosen), len(cells.labels) + 1)
    values, below = np.empty(shape), np.empty(shape)
    for position, name in enumerate(chosen):
        with np.errstate(divide="ignore", invalid="ignore"):
            value, bottom, otherwise = METRICS[name](sums)
        defined = (bottom > 0) | (name == "count")
        values[..., position, :] = np.where(defined, value, np.nan if undefined == "nan" else otherwise)
        below[..., position, :] = bottom
    return CellMetrics(chosen, cells.labels, values[..., :-1], values[..., -1], below[..., :-1], below[..., -1])


def metric_frame(cells: Cells, names: Sequence[str] | None = None) -> Any:
    """Fairlearn's own `MetricFrame` over the cells, each weighted by its count, for a second opinion.

    Equal to `undefined="sklearn"`, but for R² in a group of one cell, which Fairlearn takes for one person.
    Its `n_boot` must not be used on cells: it resamples cells as if they were people. `count` becomes the sum of
    the weights, since Fairlearn's counts cells. Cells counted 0 are left out.
    """
    from fairlearn.metrics import MetricFrame

    chosen, kept = tuple(BINARY if names is None else names), cells.counts > 0
    weight = {"sample_weight": cells.counts[kept]}
    functions = {name: _library_metric(name, cells) for name in chosen}
    sensitive = np.array(cells.labels, dtype=object)[cells.group[kept]]
    return MetricFrame(metrics=functions, y_true=cells.true[kept], y_pred=cells.predicted[kept],
                       sensitive_features=sensitive, sample_params=dict.fromkeys(chosen, weight))  # fmt: skip


def _library_metric(name: str, cells: Cells) -> Callable[..., float]:
    """The function of that name in Fairlearn or scikit-learn, told which label is positive."""
    from functools import partial

    import fairlearn.metrics
    import sklearn.metrics

    if name == "count":
        return lambda y_true, y_pred, sample_weight: float(np.sum(sample_weight))
    function: Callable[..., float] = getattr(fairlearn.metrics, name, None) or getattr(sklearn.metrics, name)
    labelled = name in _LABELLED
    return partial(function, pos_label=cells.positive) if labelled else function


def _f1(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> Parts:
    bottom = 2 * tp + fp + fn
    return 2 * tp / bottom, bottom, 0.0


def _mean(name: str, weight: Callable[[Cells], Any]) -> Callable[[_Sums], Parts]:
    """Mean of a weight per cell; undefined only in a group without people, which rows cannot show."""

    def parts(sums: _Sums) -> Parts:
        return sums.of(name, lambda: weight(sums.cells)) / sums.n, sums.n, np.nan

    return parts


def _share(*places: int) -> Callable[[_Sums], Parts]:
    """Share of the first count of the table in all those named; scikit-learn calls 0/0 zero."""

    def parts(sums: _Sums) -> Parts:
        table = sums.table()
        bottom = np.sum([table[place] for place in places], axis=0)
        return table[places[0]] / bottom, bottom, 0.0

    return parts


def _balanced_accuracy(sums: _Sums) -> Parts:
    """Mean of both recalls; where one class is missing scikit-learn reports the recall of the other alone."""
    tn, fp, fn, tp = sums.table()
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    alone = np.where(tp + fn > 0, sensitivity, specificity)
    return (sensitivity + specificity) / 2, np.minimum(tp + fn, tn + fp), alone


def _matthews(sums: _Sums) -> Parts:
    """Correlation of both labels (Matthews 1975); the denominator is the least of the four margins."""
    tn, fp, fn, tp = sums.table()
    margins = [tp + fp, tp + fn, tn + fp, tn + fn]
    spread = np.sqrt(margins[0]) * np.sqrt(margins[1]) * np.sqrt(margins[2]) * np.sqrt(margins[3])
    return (tp * tn - fp * fn) / spread, np.min(margins, axis=0), 0.0


def _root_mean_squared_error(sums: _Sums) -> Parts:
    value, bottom, otherwise = METRICS["mean_squared_error"](sums)
    return np.sqrt(value), bottom, otherwise


def _r2(sums: _Sums) -> Parts:
    """1 - Σ(y - ŷ)² / Σ(y - ȳ)²; of equal true values scikit-learn says 1 if all are met, else 0, and NaN of one row.

    Σ(y - ȳ)² is formed from deviations from the group's least value, so that equal values give exactly 0.
    """
    true, member = sums.cells.true, sums.member
    least = np.where(member > 0, true[:, None], np.inf).min(axis=0, initial=np.inf)
    away = true[:, None] - np.where(np.isfinite(least), least, 0.0)
    first, second = sums.of("deviation", lambda: away), sums.of("squared deviation", lambda: away**2)
    spread = second - first**2 / sums.n
    spread = np.where(spread > _NO_SPREAD * second, spread, 0.0)
    error = sums.of("squared error", lambda: (true - sums.cells.predicted) ** 2)
    alone = np.where(sums.n < 2, np.nan, np.where(error == 0, 1.0, 0.0))
    return 1 - error / spread, np.where(sums.n < 2, 0.0, spread), alone


def _roc_auc(sums: _Sums) -> Parts:
    """Chance that a positive is scored above a negative, ties counted half, from cumulative counts by score."""
    cells = sums.cells
    _two_values("true", cells.true, cells.positive)
    scores, place = np.unique(cells.predicted, return_inverse=True)
    ranked = []
    for is_positive in (True, False):
        chosen = np.flatnonzero((cells.true == cells.positive) == is_positive)
        at = np.zeros((*sums.counts.shape[:-1], sums.member.shape[1], len(scores)))
        for cell in chosen:
            at[..., sums.member[cell] > 0, place[cell]] += sums.counts[..., cell, None]
        ranked.append(at)
    hits, misses = ranked
    won = (hits * (np.cumsum(misses, axis=-1) - misses / 2)).sum(axis=-1)
    positives, negatives = hits.sum(axis=-1), misses.sum(axis=-1)
    return won / (positives * negatives), np.minimum(positives, negatives), np.nan


def _log_loss(cells: Cells) -> Floats:
    """-log of the probability given to what happened, kept one float64 step from 0 and 1 as scikit-learn does."""
    _two_values("true", cells.true, cells.positive)
    if ((cells.predicted < 0) | (cells.predicted > 1)).any():
        raise ValueError("predicted: found a value outside 0 to 1, expected probabilities for log_loss")
    happened = np.where(cells.true == cells.positive, cells.predicted, 1 - cells.predicted)
    step = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(happened, step, 1 - step)))


def _two_values(name: str, values: Floats, positive: float) -> None:
    """ValueError unless there is at most one value beside the positive one."""
    others = np.unique(values[values != positive])
    if len(others) > 1:
        raise ValueError(f"{name}: found the values {others[0]:g} and {others[1]:g} beside {positive:g}, expected one")


def _check_counts(counts: Floats) -> Floats:
    """The counts, or ValueError."""
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError("counts: found one below 0, missing or infinite, expected numbers from 0 on")
    return counts


_TN, _FP, _FN, _TP = range(4)
_LABELLED = {"selection_rate", "true_positive_rate", "true_negative_rate", "false_positive_rate",
             "false_negative_rate", "precision_score", "recall_score", "f1_score", "jaccard_score"}  # fmt: skip

METRICS: Mapping[str, Callable[[_Sums], Parts]] = {
    "count": lambda sums: (sums.n, sums.n, 0.0),
    "selection_rate": _mean("selected", lambda cells: cells.predicted == cells.positive),
    "mean_prediction": _mean("prediction", lambda cells: cells.predicted),
    "true_positive_rate": _share(_TP, _FN),
    "true_negative_rate": _share(_TN, _FP),
    "false_positive_rate": _share(_FP, _TN),
    "false_negative_rate": _share(_FN, _TP),
    "accuracy_score": _mean("right", lambda cells: cells.true == cells.predicted),
    "zero_one_loss": _mean("wrong", lambda cells: cells.true != cells.predicted),
    "hamming_loss": _mean("wrong", lambda cells: cells.true != cells.predicted),
    "balanced_accuracy_score": _balanced_accuracy,
    "precision_score": _share(_TP, _FP),
    "recall_score": _share(_TP, _FN),
    "f1_score": lambda sums: _f1(*sums.table()),
    "jaccard_score": _share(_TP, _FP, _FN),
    "matthews_corrcoef": _matthews,
    "roc_auc_score": _roc_auc,
    "mean_absolute_error": _mean("absolute error", lambda cells: np.abs(cells.true - cells.predicted)),
    "mean_squared_error": _mean("squared error", lambda cells: (cells.true - cells.predicted) ** 2),
    "root_mean_squared_error": _root_mean_squared_error,
    "r2_score": _r2,
    "log_loss": _mean("log loss", _log_loss),
}
NUMERIC = (
    "count",
    "mean_prediction",
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "r2_score",
)
BINARY = tuple(name for name in METRICS if name != "log_loss")

"""How uncertain is each metric of decision and outcome, as a function of the level? From a table of four counts.

Most of the metrics of `cell_metrics` are shares of one count in another, given as such in `SHARES`: Wilson's interval.
Two are increasing functions of a share and take its interval through: F1 = 2J/(1 + J) of the Jaccard score J (Jaccard
1912; Dice 1945, Ecology 26:297–302), and the root mean squared error of a yes or no, the root of the share of errors.
Balanced accuracy, and the area under the curve of a single cut-off, are (1 + TPR − FPR)/2: Miettinen and Nurminen's
score interval of that difference. Matthews' correlation and R² have no such form: bootstrap of people from counts
(bias-corrected and accelerated; Efron 1987), without limits where the resamples cannot give any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from audits.statistics.cell_bootstrap import bootstrap_cells, bootstrap_interval
from audits.statistics.cell_metrics import Cells, cell_metrics, cells_of
from audits.statistics.counts import Floats
from audits.statistics.proportions import score_interval_difference, score_interval_rate
from checks.sentence import said

Table = tuple[int, int, int, int]  # true negatives, false positives, false negatives, true positives
_TN, _FP, _FN, _TP = range(4)
_ALL = (_TN, _FP, _FN, _TP)
_WRONG, _RIGHT, _APPROVED, _GOOD, _BAD = (_FP, _FN), (_TN, _TP), (_FP, _TP), (_FN, _TP), (_TN, _FP)
_FOUND = (_FP, _FN, _TP)

# metric → the counts that are counted, and those they are counted in
SHARES: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "selection_rate": (_APPROVED, _ALL),
    "mean_prediction": (_APPROVED, _ALL),
    "true_positive_rate": ((_TP,), _GOOD),
    "true_negative_rate": ((_TN,), _BAD),
    "false_positive_rate": ((_FP,), _BAD),
    "false_negative_rate": ((_FN,), _GOOD),
    "accuracy_score": (_RIGHT, _ALL),
    "zero_one_loss": (_WRONG, _ALL),
    "hamming_loss": (_WRONG, _ALL),
    "precision_score": ((_TP,), _APPROVED),
    "recall_score": ((_TP,), _GOOD),
    "jaccard_score": ((_TP,), _FOUND),
    "mean_absolute_error": (_WRONG, _ALL),
    "mean_squared_error": (_WRONG, _ALL),
}
_THROUGH: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "f1_score": ("jaccard_score", lambda share: 2 * share / (1 + share)),
    "root_mean_squared_error": ("zero_one_loss", sqrt),
}
_HALVED = ("balanced_accuracy_score", "roc_auc_score")
_RESAMPLED = ("matthews_corrcoef", "r2_score")
INTERVALS = (*SHARES, *_THROUGH, *_HALVED, *_RESAMPLED)
_REPLICATES = 2000


@dataclass(frozen=True, slots=True)
class MetricInterval:
    """``at(level)`` gives low and high, NaN where there is none; ``method`` names the interval."""

    at: Callable[[float], tuple[float, float]]
    method: str


def share(name: str, table: Table) -> tuple[int, int]:
    """The count and what it is counted in. ``KeyError`` for a metric that is no share."""
    top, bottom = SHARES[name]
    return sum(table[place] for place in top), sum(table[place] for place in bottom)


def metric_interval(name: str, table: Table, seed: int = 0) -> MetricInterval:
    """The interval of a metric that has a value on this table. ``ValueError`` for an unknown metric."""
    if name in SHARES:
        return _wilson(*share(name, table), lambda value: value, said("Wilson score interval"))
    if name in _THROUGH:
        inner, through = _THROUGH[name]
        method = said("Wilson score interval of {metric}, transformed", metric=inner)
        return _wilson(*share(inner, table), through, method)
    if name in _HALVED:
        return MetricInterval(lambda level: _halved(table, level), said("half of a Miettinen-Nurminen score interval"))
    if name in _RESAMPLED:
        return _resampled(name, table, seed)
    raise ValueError(f"name: found '{name}', expected one of {', '.join(INTERVALS)}")


def _wilson(x: int, n: int, through: Callable[[float], float], method: str) -> MetricInterval:
    def at(level: float) -> tuple[float, float]:
        found = score_interval_rate(x, n, level)
        return through(float(found.low)), through(float(found.high))

    return MetricInterval(at, method)


def _halved(table: Table, level: float) -> tuple[float, float]:
    (hits, good), (alarms, bad) = share("true_positive_rate", table), share("false_positive_rate", table)
    found = score_interval_difference(hits, good, alarms, bad, level, corrected=True)
    return (1 + float(found.low)) / 2, (1 + float(found.high)) / 2


def _resampled(name: str, table: Table, seed: int) -> MetricInterval:
    cells = table_cells({"all": table})

    def statistic(counts: Floats) -> Floats:
        return np.asarray(cell_metrics(cells, (name,), counts=counts).overall)

    drawn = bootstrap_cells(cells.counts, statistic, replicates=_REPLICATES, seed=seed)

    def at(level: float) -> tuple[float, float]:
        found = bootstrap_interval(drawn, level, "bca")
        return (float(found.low[0]), float(found.high[0])) if np.isfinite(found.estimate[0]) else (nan, nan)

    return MetricInterval(at, said("BCa bootstrap of {draws} draws from counts", draws=_REPLICATES))


def table_cells(tables: Mapping[str, Table]) -> Cells:
    """The cells of `cell_metrics` for one table a group."""
    rows = [(label, true, decided) for label in tables for true, decided in ((0, 0), (0, 1), (1, 0), (1, 1))]
    group, true, decided = zip(*rows, strict=True)
    return cells_of(group, true, decided, [count for table in tables.values() for count in table])

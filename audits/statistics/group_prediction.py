"""How well features tell a group from its reference: the area under the ROC curve, learned and tested on other rows.

AUC is the chance that a row of the group has a higher score than one of the reference, ties counting one half. Scores
of a fold come from what the other folds teach, with no direction presumed: of a number a piecewise linear function with
3 to 8 knots by least squares; of few values or texts the group's share by value, drawn towards the overall share by
``_PRIOR`` rows; of a set gradient-boosted trees of its features. AUC of the folds are averaged by their pairs of rows,
since scores of different folds do not compare. Features of a set are added one by one, each the one that raises the R²
of the label on the logarithms of the odds by bin most, beyond accident, so that features which tell the group only
together are not found; they are chosen anew within each fold, so that choosing makes no figure look better.

Standard errors: DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44:837–845), by the placement of each row among the
others' scores in its fold; summed over the rows of an entity as Obuchowski (1997, Biometrics 53:567–578) does; for
averages over folds see LeDell, Petersen and van der Laan (2015, Electronic Journal of Statistics 9:1583–1607). They
take the score as learned once and for all. Where there is next to nothing to learn, each fold's score follows the
accidents of the others, and averages vary 1.3 to 1.4 times as much in simulations of noise: AUC within ``_LEARNED``
standard errors of .5 have theirs multiplied by ``_UNLEARNED``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.statistics.piecewise import codes_of, hats, is_number

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_BINS, _PRIOR, _FEWEST = 32, 5.0, 20
_LEARNED, _UNLEARNED = 4.0, 1.4
_LEAST_GAIN, _SET_BINS = 0.002, 12  # R² that a further feature of a set must add


@dataclass(frozen=True, slots=True)
class Auc:
    """``estimate``, its ``error`` (standard error), rows of the group and of the reference."""

    estimate: float
    error: float
    group_rows: int
    reference_rows: int


@dataclass(frozen=True, slots=True)
class BestSet:
    """The chosen columns, the first the best, and how well such a set tells the group; None for too few rows."""

    columns: tuple[int, ...]
    auc: Auc | None


def folds_of(rows: int, folds: int, seed: int, clusters: Codes | None = None) -> Codes:
    """A fold (rows,) from 0 for each row, the rows of a cluster in one."""
    units = np.arange(rows) if clusters is None else np.unique(clusters, return_inverse=True)[1].ravel()
    count = int(units.max()) + 1 if rows else 0
    dealt = np.random.default_rng(seed).permutation(count) % folds
    return np.asarray(dealt[units], dtype=np.int64)


def auc_over_folds(
    scores: Floats, is_group: NDArray[np.bool_], folds: Codes, clusters: Codes | None = None
) -> Auc | None:
    """AUC of scores (n,) within folds (n,), or None where no fold has rows of both.

    ``is_group`` (n,) marks the group; ``clusters`` (n,) numbers entities.
    """
    from scipy.stats import rankdata

    influence, total, weights = np.zeros(len(scores)), 0.0, 0.0
    parts: list[tuple[NDArray[np.int64], float]] = []
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        ours, theirs = rows[is_group[rows]], rows[~is_group[rows]]
        if not len(ours) or not len(theirs):
            continue
        together = rankdata(scores[np.concatenate([ours, theirs])])
        above = (together[: len(ours)] - rankdata(scores[ours])) / len(theirs)
        below = 1 - (together[len(ours) :] - rankdata(scores[theirs])) / len(ours)
        weight, area = float(len(ours) * len(theirs)), float(above.mean())
        influence[ours] = weight * (above - area) / len(ours)
        influence[theirs] = weight * (below - area) / len(theirs)
        total, weights = total + weight * area, weights + weight
        parts.append((rows, weight))
    if not weights:
        return None
    influence /= weights
    error, area = float(clustered_error(influence[:, None], clusters)[0]), total / weights
    error *= _UNLEARNED if area - 0.5 < _LEARNED * error else 1.0
    used = np.concatenate([rows for rows, _ in parts])
    mine = int(is_group[used].sum())
    return Auc(area, error, mine, len(used) - mine)


def clustered_error(influence: Floats, clusters: Codes | None) -> Floats:
    """Standard errors (p,) of sums of influences (n, p) whose mean is 0, the rows of a cluster together."""
    summed = summed_by(influence, clusters)
    count = len(summed)
    return np.asarray(np.sqrt((summed**2).sum(axis=0) * count / max(count - 1, 1)))


def summed_by(influence: Floats, clusters: Codes | None) -> Floats:
    """Influences (n, p) summed within clusters (C, p); as they are without clusters."""
    if clusters is None:
        return influence
    numbers = np.unique(clusters, return_inverse=True)[1].ravel()
    summed = np.zeros((int(numbers.max()) + 1, influence.shape[1]))
    np.add.at(summed, numbers, influence)
    return summed


def feature_auc(
    column: NDArray[Any], is_group: NDArray[np.bool_], folds: Codes, clusters: Codes | None = None
) -> Auc | None:
    """AUC of one feature (n,), numbers or texts; None for fewer than 20 rows of either side."""
    if min(int(is_group.sum()), int((~is_group).sum())) < _FEWEST:
        return None
    scores = np.empty(len(column))
    knots = int(np.clip(len(column) // 500, 3, 8))
    smooth = is_number(column) and len(np.unique(column[np.isfinite(column)])) > knots + 2
    if smooth:
        numbers = column.astype(np.float64)
        matrix = np.column_stack([np.ones(len(numbers)), *hats(numbers, knots), ~np.isfinite(numbers)])
    else:
        codes = codes_of(column, _BINS)
    for fold in np.unique(folds):
        held = folds == fold
        if smooth:
            train, label = matrix[~held], is_group[~held] - is_group[~held].mean()
            ridge = np.eye(matrix.shape[1])
            scores[held] = matrix[held] @ np.linalg.solve(train.T @ train + ridge, train.T @ label)
        else:
            scores[held] = _odds(codes[~held], is_group[~held], int(codes.max()) + 1)[codes[held]]
    return auc_over_folds(scores, is_group, folds, clusters)


def best_set(
    columns: Sequence[NDArray[Any]], is_group: NDArray[np.bool_], folds: Codes, most: int,
    clusters: Codes | None = None, seed: int = 0,
) -> BestSet:  # fmt: skip
    """The best set of at most ``most`` of ``columns`` (n,) each, by forward choice."""
    codes = [codes_of(column, _SET_BINS) for column in columns]
    if not codes or min(int(is_group.sum()), int((~is_group).sum())) < _FEWEST:
        return BestSet((), None)
    scores = np.empty(len(is_group))
    for fold in np.unique(folds):
        held = folds == fold
        chosen = _chosen(codes, is_group, ~held, most)
        tables = [_odds(codes[j][~held], is_group[~held], int(codes[j].max()) + 1)[codes[j]] for j in chosen]
        frame = np.column_stack([
            columns[j].astype(np.float64) if is_number(columns[j]) else table
            for j, table in zip(chosen, tables, strict=True)
        ])  # fmt: skip
        scores[held] = _boosted(frame[~held], is_group[~held], frame[held], seed)
    every = _chosen(codes, is_group, np.ones(len(is_group), dtype=bool), most)
    return BestSet(every, auc_over_folds(scores, is_group, folds, clusters))


def _odds(codes: Codes, is_group: NDArray[np.bool_], count: int) -> Floats:
    """The logarithm of the group's odds by code (count,), drawn towards the overall odds."""
    overall = float(np.clip(is_group.mean(), 1e-6, 1 - 1e-6)) if len(is_group) else 0.5
    rows = np.bincount(codes, minlength=count)
    mine = np.bincount(codes, weights=is_group.astype(np.float64), minlength=count)
    share = np.clip((mine + _PRIOR * overall) / (rows + _PRIOR), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(share / (1 - share)))


def _chosen(codes: Sequence[Codes], is_group: NDArray[np.bool_], rows: NDArray[np.bool_], most: int) -> tuple[int, ...]:
    """Forward choice on the rows marked, one column at least."""
    label = is_group[rows].astype(np.float64)
    label -= label.mean()
    matrix = np.column_stack([_odds(one[rows], is_group[rows], int(one.max()) + 1)[one[rows]] for one in codes])
    matrix -= matrix.mean(axis=0)
    size = np.sqrt((matrix**2).sum(axis=0))
    left = size > 1e-9
    matrix[:, left] /= size[left]
    chosen: list[int] = []
    whole = float(label @ label)
    free = np.array([float(one.max()) for one in codes])  # bins but one: of noise, n R² is about chi-square with these
    chance = free * whole / len(label)
    for _ in range(min(most, len(codes))):
        gains = np.where(left, (matrix.T @ label) ** 2 - chance, -whole)
        best = int(np.argmax(gains))
        accident = 4 * float(np.sqrt(2 * free[best])) * whole / len(label)
        if chosen and gains[best] <= max(_LEAST_GAIN * whole, accident):
            break
        chosen.append(best)
        axis = matrix[:, best].copy()
        label = label - axis * (axis @ label)
        matrix -= np.outer(axis, axis @ matrix)
        size = np.sqrt((matrix**2).sum(axis=0))
        left = left & (size > 1e-3)
        left[best] = False
        matrix[:, left] /= size[left]
    return tuple(chosen)


def _boosted(train: Floats, label: NDArray[np.bool_], test: Floats, seed: int) -> Floats:
    """Scores (m,) of the rows ``test`` from trees grown on the others."""
    import lightgbm

    fixed = {
        "objective": "binary", "num_leaves": 8, "learning_rate": 0.1, "min_data_in_leaf": 20, "verbosity": -1,
        "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": seed,
    }  # fmt: skip
    grown = lightgbm.train(fixed, lightgbm.Dataset(train, label=label.astype(np.float64)), num_boost_round=60)
    return np.asarray(grown.predict(test, raw_score=True, num_threads=1), dtype=np.float64)

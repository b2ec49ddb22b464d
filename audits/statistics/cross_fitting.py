"""Risk that no row's own outcome had a part in: a penalised logit, fitted without each fold in turn, for many draws.

Rows are dealt into folds; the log-odds of a row come from the fit to all other folds (Schick 1986, Annals of
Statistics 14:1139–1151; Chernozhukov et al. 2018, Econometrics Journal 21:C1–C68). Draws of a bootstrap are only other
weights of the same rows, so all draws are fitted at once by matrix products: Newton's steps from the fit to all rows,
which is where every one of these fits lies but for sampling error. The first step needs one pass for all folds.

Out-of-fold log-odds are too spread out, the more so the noisier the fit: ``recalibrated`` regresses the outcomes on
them and their square, apart for each group (Platt 1999, in Advances in Large Margin Classifiers), so that among people
given one risk, either group's outcomes are as that risk says. What is left of the error of the fit is then unrelated
to the risk given and to the group (Berkson 1950, JASA 45:164–180), so that it hides no part of the groups' difference
in true risk, as error in a control does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_RIDGE = 1.0  # on columns of unit spread: as much as one person's worth of knowledge that they do not matter
_MANY = 20  # columns above which draws share their curvature, whose cost grows with the square of the columns
_COMMON_STEPS = 4
_BLOCK = 4096  # rows of products held at once
_CALIBRATION_STEPS = 2
_HELD = np.array([0.01, 4.0, 25.0])  # precision with which level, slope and bend are held to the fit's own


def deal(counts: Ints, folds: int, rng: np.random.Generator, owners: Ints | None = None) -> tuple[Ints, Ints, Ints]:
    """Rows split at random into folds: (row, fold, people), only where there are people.

    Rows that stand for several people are split person by person; rows of one owner stay together.
    """
    if owners is not None:
        fold_of = rng.integers(folds, size=int(owners.max()) + 1)
        return np.arange(len(counts)), fold_of[owners], counts
    split = rng.multinomial(counts, np.full(folds, 1 / folds))
    row, fold = np.nonzero(split)
    return row, fold, split[row, fold]


def converged_fit(
    matrix: Floats, outcome: Floats, weight: Floats, held: Floats | None = None, towards: Floats | None = None
) -> Floats:
    """Coefficients of the penalised logit: held ``towards`` some by the precisions ``held``.

    Without these towards 0 as `_penalty` says, the first column being the level. Newton's steps, halved till they gain.
    """
    precision = _penalty(matrix.shape[1]) if held is None else held
    aim = np.zeros(matrix.shape[1]) if towards is None else towards
    beta = aim.copy()
    if towards is None:
        beta[0] = logit(np.clip(np.average(outcome, weights=weight), 1e-6, 1 - 1e-6))

    def value_at(at: Floats) -> float:
        log_odds = matrix @ at
        gain = weight @ (outcome * log_odds - np.logaddexp(0.0, log_odds))
        return float(gain - 0.5 * precision @ (at - aim) ** 2)

    value = value_at(beta)
    for _ in range(60):
        chance = expit(matrix @ beta)
        slope = matrix.T @ (weight * (outcome - chance)) - precision * (beta - aim)
        curve = (matrix.T * (weight * chance * (1 - chance))) @ matrix + np.diag(precision)
        step, length = np.linalg.solve(curve, slope), 1.0
        while (after := value_at(beta + length * step)) < value - 1e-9 and length > 1e-6:
            length /= 2
        beta = beta + length * step
        if after - value < 1e-9:
            break
        value = after
    return beta


def out_of_fold(
    matrix: Floats, outcome: Floats, fold: Ints, weights: Floats, start: Floats, folds: int, steps: int = 2
) -> Floats:
    """Log-odds (draws, rows) from fits to the other folds.

    ``outcome`` is NaN where unknown, ``weights`` (draws, rows) how often a row counts in a draw, ``start`` the
    coefficients of the fit to all rows with an outcome.
    """
    known = np.isfinite(outcome)
    common = np.broadcast_to(start, (len(weights), len(start)))
    if matrix.shape[1] > _MANY:
        return _with_common_curves(matrix, outcome, fold, weights, common, folds)
    sums = [_sums(matrix, outcome, weights, known & (fold == f), common) for f in range(folds)]
    whole = (sum(one[0] for one in sums), sum(one[1] for one in sums))
    found = np.empty_like(weights)
    for f in range(folds):
        beta = _step(common, whole[0] - sums[f][0], whole[1] - sums[f][1])
        for _ in range(steps - 1):
            beta = _step(beta, *_sums(matrix, outcome, weights, known & (fold != f), beta))
        found[:, fold == f] = beta @ matrix[fold == f].T
    return found


def _with_common_curves(
    matrix: Floats, outcome: Floats, fold: Ints, weights: Floats, common: Floats, folds: int
) -> Floats:
    """The same where columns are many: all draws take the curvature of their mean, and more steps."""
    known, mean = np.isfinite(outcome), weights.mean(axis=0, keepdims=True)
    curves = [_sums(matrix, outcome, mean, known & (fold == f), common[:1])[1][0] for f in range(folds)]
    penalty = _penalty(matrix.shape[1])
    found = np.empty_like(weights)
    for f in range(folds):
        inverse = np.linalg.inv(sum(curves) - curves[f] + np.diag(penalty))
        train, beta = np.flatnonzero(known & (fold != f)), common
        for _ in range(_COMMON_STEPS):
            chance = expit(_first(beta) @ matrix[train].T)
            slope = (weights[:, train] * (outcome[train] - chance)) @ matrix[train] - penalty * beta
            beta = beta + np.clip(slope @ inverse, -5.0, 5.0)
        found[:, fold == f] = beta @ matrix[fold == f].T
    return found


@dataclass(frozen=True, slots=True)
class Calibration:
    """``curves`` (groups, 3): level, slope and bend of log-odds in (log-odds − ``centre``) / ``spread``."""

    curves: Floats
    centre: float
    spread: float


def calibration(log_odds: Floats, outcome: Floats, weight: Floats, group: Ints, groups: int) -> Calibration:
    """A logit of the outcome on out-of-fold log-odds (rows,) and their square, for each group by itself.

    Where a group has few outcomes it is held to the log-odds as they are.
    """
    centre = float(np.average(log_odds, weights=weight))
    spread = max(float(np.sqrt(np.average((log_odds - centre) ** 2, weights=weight))), 1e-6)
    z, known, as_is = (log_odds - centre) / spread, np.isfinite(outcome), np.array([centre, spread, 0.0])
    curves = []
    for g in range(groups):
        mine = known & (group == g)
        design = np.column_stack([np.ones(int(mine.sum())), z[mine], z[mine] ** 2])
        curves.append(converged_fit(design, outcome[mine], weight[mine], _HELD, as_is))
    return Calibration(np.array(curves), centre, spread)


def recalibrated(log_odds: Floats, outcome: Floats, weights: Floats, group: Ints, start: Calibration) -> Floats:
    """Chances (draws, rows) after the calibration of each draw, which begins at that of all rows."""
    found = np.empty_like(log_odds)
    aim = np.array([start.centre, start.spread, 0.0])
    for g, first in enumerate(start.curves):
        mine = group == g
        z = (log_odds[:, mine] - start.centre) / start.spread
        known = np.isfinite(outcome[mine])
        parts = (z[:, known], weights[:, mine][:, known], outcome[mine][known])
        curve = np.tile(first, (len(weights), 1))
        for _ in range(_CALIBRATION_STEPS):
            curve = _calibration_step(curve, aim, *parts)
        found[:, mine] = expit(_polynomial(curve, z))
    return found


def spread_of_log_odds(log_odds: Floats, outcome: Floats, weight: Floats) -> float:
    """Slope of a logit of the outcome on out-of-fold log-odds: 1 where they are spread as they should, less if more."""
    known = np.isfinite(outcome)
    design = np.column_stack([np.ones(int(known.sum())), log_odds[known]])
    return float(converged_fit(design, outcome[known], weight[known])[1])


def area_under_curve(risk: Floats, outcome: Floats, weight: Floats) -> float:
    """Weighted area under the ROC curve, ties counting one half."""
    levels, place = np.unique(risk, return_inverse=True)
    good = np.bincount(place, weight * outcome, minlength=len(levels))
    bad = np.bincount(place, weight * (1 - outcome), minlength=len(levels))
    below = np.cumsum(bad) - bad / 2
    return float(good @ below / (good.sum() * bad.sum()))


def _calibration_step(curve: Floats, aim: Floats, z: Floats, weights: Floats, outcome: Floats) -> Floats:
    """One step of Newton for all draws; ``curve`` (draws, 3) are level, slope and bend."""
    chance = expit(_polynomial(curve, z))
    miss, bend = weights * (outcome - chance), weights * chance * (1 - chance)
    square = z * z
    moments = [bend.sum(axis=1)] + [np.einsum("bn,bn->b", bend, power) for power in (z, square)]
    bend *= square
    moments += [np.einsum("bn,bn->b", bend, power) for power in (z, square)]
    slope = np.stack([miss.sum(axis=1)] + [np.einsum("bn,bn->b", miss, power) for power in (z, square)], axis=1)
    slope -= _HELD * (curve - aim)
    matrix = np.stack([np.stack([moments[i + j] for j in range(3)], axis=1) for i in range(3)], axis=1)
    return np.asarray(curve + np.clip(np.linalg.solve(matrix + np.diag(_HELD), slope[..., None])[..., 0], -2.0, 2.0))


def _polynomial(curve: Floats, z: Floats) -> Floats:
    return np.asarray(curve[:, :1] + z * (curve[:, 1:2] + z * curve[:, 2:3]))


def _sums(
    matrix: Floats, outcome: Floats, weights: Floats, rows: NDArray[np.bool_], beta: Floats
) -> tuple[Floats, Floats]:
    """Σ w (y − p) x (draws, k) and Σ w p (1 − p) x xᵀ (draws, k, k) over some rows, block by block."""
    chosen, k = np.flatnonzero(rows), matrix.shape[1]
    upper = np.triu_indices(k)
    slope, curve = np.zeros((len(weights), k)), np.zeros((len(weights), len(upper[0])))
    for begin in range(0, len(chosen), _BLOCK):
        part = chosen[begin : begin + _BLOCK]
        x, w = matrix[part], weights[:, part]
        chance = expit(_first(beta) @ x.T)
        slope += (w * (outcome[part] - chance)) @ x
        curve += (w * chance * (1 - chance)) @ (x[:, upper[0]] * x[:, upper[1]])
    full = np.zeros((len(weights), k, k))
    full[:, upper[0], upper[1]] = curve
    full[:, upper[1], upper[0]] = curve
    return slope, full


def _first(beta: Floats) -> Floats:
    """Coefficients of all draws, or those of the first where all are one."""
    return beta[:1] if beta.strides[0] == 0 else beta


def _step(beta: Floats, slope: Floats, curve: Floats) -> Floats:
    penalty = _penalty(beta.shape[1])
    move = np.linalg.solve(curve + np.diag(penalty), (slope - penalty * beta)[..., None])[..., 0]
    return np.asarray(beta + np.clip(move, -5.0, 5.0))


def _penalty(k: int) -> Floats:
    penalty = np.full(k, _RIDGE)
    penalty[0] = 1e-6
    return penalty

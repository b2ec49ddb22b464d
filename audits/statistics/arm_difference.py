"""How far apart are two arms' means at equal strata, with errors that do not suppose equal spread?

With n_sa, ȳ_sa and s²_sa the rows, mean and variance of arm a in stratum s, and w_s = n_s / n the share of the stratum
among all rows used,

    τ = Σ_s w_s (ȳ_s1 − ȳ_s0).

* Of an experiment: the mean effect on the rows given. τ is the coefficient of the arm in the regression on arm, centred
  indicators of strata and their products (Lin 2013, Annals of Applied Statistics 7:295–318), and that of
  post-stratification (Miratrix, Sekhon and Yu 2013, JRSS B 75:369–396). V = Σ_s w_s² (s²_s1/n_s1 + s²_s0/n_s0) is
  Neyman's (1923; Statistical Science 1990, 5:465–472), which errs to the wide side, and HC2 of that regression.
* Observed only: with shares of an arm and means both saturated in the strata, the doubly robust estimator (Robins,
  Rotnitzky and Zhao 1994, JASA 89:846–866) is the same τ. Its influence function adds the spread of the effects over
  strata, Σ_s w_s (τ_s − τ)² / n, since the rows stand for others like them. Strata without one arm have no effect.

Rows of one cluster depend: V is then the sum over clusters of the squared sums of the rows' scores
(``slopes`` (y − mean) + ``levels``), times G/(G − 1) · (n − 1)/(n − K), K the means fitted (Liang and Zeger 1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LEAST = 2  # rows of an arm in a stratum that tell a variance
_NOTHING = 1e-12  # a variance below this share of the mean square may be rounding alone


@dataclass(frozen=True, slots=True)
class ArmDifference:
    """Arm 1 less arm 0. Arrays are (S,) over strata or (S, 2) over strata and arms, 0 in strata that are not ``used``.

    ``variance`` takes rows as independent, ``freedom`` by Satterthwaite (1946); both NaN where nothing is used.
    ``scale`` is the mean square of a row's residual, and ``representer`` the mean of 1/e + 1/(1 − e), e the share of
    arm 1 in the row's stratum.
    """

    estimate: float
    variance: float
    freedom: float
    n: int
    parameters: int
    used: NDArray[np.bool_]
    weights: Floats
    effects: Floats
    means: Floats
    slopes: Floats
    levels: Floats
    scale: float
    representer: float


def arm_difference(
    n: ArrayLike, totals: ArrayLike, squares: ArrayLike, *, population: bool = False, least: int = LEAST
) -> ArmDifference:
    """From rows, Σy and Σy² of each stratum and arm, all (S, 2), arm 0 first.

    ``population`` adds the spread of the effects over strata. Strata with fewer than ``least`` rows in an arm are not
    used.
    """
    rows, added = np.asarray(n, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    used = np.asarray((rows >= max(least, 1)).all(axis=1), dtype=np.bool_)
    every = float(rows[used].sum())
    nothing = np.zeros_like(rows)
    if not every:
        empty = np.zeros(len(rows))
        return ArmDifference(
            np.nan, np.nan, np.nan, 0, 0, used, empty, empty, nothing, nothing, nothing, np.nan, np.nan
        )  # fmt: skip
    weights = np.where(used, rows.sum(axis=1), 0.0) / every
    held = np.where(used[:, None], rows, 1.0)
    means = np.where(used[:, None], added / held, 0.0)
    effects = means[:, 1] - means[:, 0]
    estimate = float(weights @ effects)
    left = _left(held, added, np.asarray(squares, dtype=np.float64), used)
    parts = weights[:, None] ** 2 * left / np.maximum(held - 1, 1) / held
    spread = np.where(used, effects - estimate, 0.0) if population else np.zeros(len(rows))
    variance = float(parts.sum() + weights @ spread**2 / every)
    below = float((parts**2 / np.maximum(held - 1, 1)).sum())
    freedom = float(parts.sum()) ** 2 / below if below > 0 else np.nan
    slopes = np.where(used[:, None], weights[:, None] / held * np.array([-1.0, 1.0]), 0.0)
    parameters = 2 * int(used.sum())
    share = held[:, 1] / held.sum(axis=1)
    return ArmDifference(
        estimate, variance, freedom, int(every), parameters, used, weights, np.where(used, effects, 0.0), means, slopes,
        np.repeat((spread / every)[:, None], 2, axis=1), float(left.sum()) / max(every - parameters, 1.0),
        float(weights @ (1 / share + 1 / (1 - share))),
    )  # fmt: skip


def cluster_factor(clusters: int, n: int, parameters: int) -> float:
    """G/(G − 1) · (n − 1)/(n − K): CR1, as a regression of K coefficients has it. NaN for fewer than two clusters."""
    if clusters < 2 or n <= parameters:
        return float("nan")
    return clusters / (clusters - 1) * (n - 1) / (n - parameters)


def confounding_to_overturn(estimate: float, scale: float) -> float:
    """The strength r of an omitted confounder that takes the estimate to 0.

    A confounder that explains the share R² of what is left of the outcome, and adds C²/(1 + C²) to the share of the
    representer that is explained, moves τ by at most S √(R²) C, S² = E(residual²) E(representer²) (Chernozhukov,
    Cinelli, Newey, Sharma and Syrgkanis 2022, 'Long story short', NBER 30302, Theorem 2). With both shares equal to r:
    |τ| = S r / √(1 − r). ``scale`` is S. For least squares with one effect it is the robustness value of Cinelli and
    Hazlett (2020, JRSS B 82:39–67). 1 without any residual, 0 for an estimate of 0.
    """
    if not abs(estimate) > 0:
        return 0.0
    ratio = scale / abs(estimate)
    return float(2 / (1 + np.sqrt(1 + 4 * ratio * ratio)))


def _left(held: Floats, added: Floats, squares: Floats, used: NDArray[np.bool_]) -> Floats:
    """Σ (y − mean)² of each cell, 0 where it may be rounding."""
    found = squares - added**2 / held
    return np.where(used[:, None] & (found > _NOTHING * squares), found, 0.0)

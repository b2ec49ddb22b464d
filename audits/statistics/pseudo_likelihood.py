"""The score equations Σ z (y − μ) = 0 of a logit or Poisson regression on cells, solved and checked.

Iterated weighted least squares (Nelder and Wedderburn 1972, JRSS-A 135:370–384), which for these canonical
links is Newton's method on a concave function: a step is halved until the likelihood does not fall, and the
last step is taken when the one before moved the coefficients by less than 1e-10 standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.statistics.sandwich import Codes, Flags, Floats

SCORE_TOLERANCE = 1e-9  # of the sum of absolute terms
_STEPS = 60
_HALVINGS = 40
_UNSEEN = 1e-12  # a logit mean this near 1 leaves a residual of few digits, which bounds nothing
_NEAR = 1e3  # times the decrement reached: a cell's mean this near its bound calls for the test of separation


@dataclass(frozen=True, slots=True)
class Problem:
    """Checked cells: expected total = exposure · mean(η); row squares about m = Σ y² − 2 m Σ e y + m² Σ e²."""

    family: str
    design: Floats
    counts: Floats
    totals: Floats
    exposure: Floats
    offset: Floats
    within: Floats | None
    squares: Floats | None
    exposure_squares: Floats | None
    products: Floats | None
    clusters: Codes | None

    def at(self, cells: Flags) -> Problem:
        """The same problem on some of its cells."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__ if name != "family"}
        some: dict[str, Any] = {name: None if value is None else value[cells] for name, value in arrays.items()}
        return Problem(family=self.family, **some)


def mean_and_slopes(family: str, predictor: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean of one row at η and its first two derivatives in η."""
    with np.errstate(over="ignore"):
        if family == "poisson":
            rate = np.exp(predictor)
            return rate, rate, rate
        small = np.exp(-np.abs(predictor))
    mean = np.where(predictor >= 0, 1.0, small) / (1 + small)
    slope = small / (1 + small) ** 2
    return mean, slope, slope * np.where(predictor >= 0, -1.0, 1.0) * (1 - small) / (1 + small)


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients, steps taken, the largest score as a share of its terms, and the last squared step in
    standard errors. ``score`` is infinite when the steps did not settle.
    """

    coefficients: Floats
    steps: int
    score: float
    decrement: float

    @property
    def settled(self) -> bool:
        """Whether the score equations hold."""
        return self.score <= SCORE_TOLERANCE


def solve_scores(problem: Problem) -> Solution:
    """Newton's method from the fit of the outcome drawn halfway to its average."""
    width, exposed = problem.design.shape[1], problem.exposure
    if width == 0:
        return Solution(np.zeros(0), 0, 0.0, 0.0)
    average = float(problem.totals.sum()) / float(exposed.sum())
    if average <= 0 or (problem.family == "logit" and average >= 1):
        return Solution(np.zeros(width), 0, np.inf, np.inf)
    start = (problem.totals + exposed * average) / (2 * exposed)
    working = np.log(start) if problem.family == "poisson" else np.log(start / (1 - start))
    root = np.sqrt(exposed * (start if problem.family == "poisson" else start * (1 - start)))
    solved = np.asarray(
        np.linalg.lstsq(problem.design * root[:, None], root * (working - problem.offset), rcond=None)[0]
    )
    value, before, size = _likelihood(problem, solved), np.inf, _size(problem)
    for steps in range(1, _STEPS + 1):
        move, decrement = _step(problem, solved)
        if not np.isfinite(decrement):
            break
        solved, value = _uphill(problem, solved, move, value)
        if _at_rounding(decrement, before, size):
            return Solution(solved, steps, _relative_score(problem, solved), decrement)
        before = decrement
    return Solution(solved, steps, np.inf, np.inf)


def _size(problem: Problem) -> float:
    """Σ y for Poisson, whose likelihood is in units of y, and rows for the logit."""
    return float((problem.totals if problem.family == "poisson" else problem.counts).sum())


def _at_rounding(decrement: float, before: float, size: float) -> bool:
    """Whether the step just taken was the last that helps: of no length, or small and no longer shrinking.

    Along a separating direction each step shrinks to about 0.37 of the one before, so that it never
    looks like rounding before it has no length.
    """
    none = max(1e-20 * min(1.0, size), 1e-28 * size)
    return decrement <= none or (decrement <= 1e-10 * min(1.0, size) and decrement > 0.5 * before)


def _uphill(problem: Problem, solved: Floats, move: Floats, value: float) -> tuple[Floats, float]:
    """The step, halved until the likelihood does not fall by more than rounding."""
    for _ in range(_HALVINGS):
        trial = _likelihood(problem, solved + move)
        if trial >= value - 1e-10 * (1 + abs(value)):
            break
        move = move / 2
    return solved + move, trial


def _step(problem: Problem, solved: Floats) -> tuple[Floats, float]:
    """The Newton step and its squared length in standard errors."""
    mean, slope, _ = mean_and_slopes(problem.family, problem.design @ solved + problem.offset)
    root = np.sqrt(problem.exposure * slope)
    gap = problem.totals - problem.exposure * mean
    orthonormal, triangle = np.linalg.qr(problem.design * root[:, None])
    aim = orthonormal.T @ np.divide(gap, root, out=np.zeros(len(gap)), where=root > 0)
    least = np.abs(np.diag(triangle)) <= 1e-14 * np.linalg.norm(triangle, axis=0)
    if not np.isfinite(triangle).all() or least.any():
        return np.zeros(len(solved)), np.inf
    return np.linalg.solve(triangle, aim), float(aim @ aim)


def _likelihood(problem: Problem, solved: Floats) -> float:
    """Σ (y η − e b(η)), b the cumulant; minus infinity where it overflows."""
    predictor = problem.design @ solved + problem.offset
    with np.errstate(over="ignore"):
        cumulant = np.exp(predictor) if problem.family == "poisson" else np.logaddexp(0.0, predictor)
        value = float(problem.totals @ predictor - problem.exposure @ cumulant)
    return value if np.isfinite(value) else -np.inf


def _relative_score(problem: Problem, solved: Floats) -> float:
    """Largest |Σ z (y − μ)| over Σ |z| (y + μ)."""
    mean = problem.exposure * mean_and_slopes(problem.family, problem.design @ solved + problem.offset)[0]
    terms = np.abs(problem.design).T @ (problem.totals + mean)
    left = np.abs(problem.design.T @ (problem.totals - mean))
    with np.errstate(invalid="ignore"):
        return float(np.max(left / np.where(terms > 0, terms, 1.0), initial=0.0))


def near_a_bound(problem: Problem, solution: Solution) -> bool:
    """Whether some cell's mean is so near its bound that the likelihood may rise for ever.

    Along a separating direction d the squared step is at least (Σ μ zᵀd)² / Σ μ (zᵀd)², which is not below
    the least expected total of a separated cell; so with a step far below all of them there is no such direction.
    """
    predictor = problem.design @ solution.coefficients + problem.offset
    slope = mean_and_slopes(problem.family, predictor)[1]
    if problem.family == "logit" and np.min(slope, initial=1.0) < _UNSEEN:
        return True
    least = float(np.min(problem.exposure * slope, initial=np.inf))
    return least < _NEAR * max(solution.decrement, 1e-20 * min(1.0, _size(problem)))

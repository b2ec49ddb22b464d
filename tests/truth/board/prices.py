"""Ways to judge an insurer's prices: customary ones, and the audits' estimators, straight from counts.

A practice takes counts (R, …) with the axes of the recorded population. Every interval is for the yearly growth of the
price at equal cost, in log points; the limit is that of the shipped rule on prices by tenure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audits.simulation.draw import Turns
from audits.simulation.insurer import Insurer
from audits.statistics.absorbed_effects import (
    AbsorbedEffects,
    ExposedSums,
    absorbed_least_squares,
    absorbed_poisson,
)
from audits.statistics.least_squares import fit_least_squares
from tests.truth.board.practices import LEVEL, Floats, Outcome, Practice, Setting

LIMIT = 0.005  # a year, of uk.icobs6b.tenure
ROWS = 100_000
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Columns over all kinds of rows (C,); ``cell`` numbers those alike in stratum and tenure, of which there are as
    many as ``strata`` and ``tenure`` have entries.
    """

    log_price: Floats
    log_cost: Floats
    price: Floats
    cost: Floats
    claims: Floats
    years: Floats
    risk: Floats
    stratum: Ints
    cell: Ints
    strata: Ints
    tenure: Floats

    def sums(self, counts: Floats, values: Floats) -> Floats:
        """Σ values over the rows of each cell."""
        return np.asarray(np.bincount(self.cell, counts * values, minlength=len(self.tenure)), dtype=np.float64)


@cache
def kinds_of(world: Insurer, effect: float) -> Kinds:
    """What each kind of row says, as the file shows it."""
    rows = world._rows(effect)
    stratum = rows["strata"].astype(np.int64)
    key, cell = np.unique(stratum * 100 + rows["tenure"].astype(np.int64), return_inverse=True)
    return Kinds(
        np.log(rows["price"]), np.log(rows["technical_cost"]), rows["price"], rows["technical_cost"], rows["claims"],
        rows["tenure"], rows["risk"], stratum, cell, key // 100, (key % 100).astype(np.float64),
    )  # fmt: skip


# customary


def regression_of_price(controls: Callable[[Kinds], list[Floats]], cells: Callable[[Kinds], Ints]) -> Practice:
    """Least squares of log price on tenure and controls, levels of cells absorbed, HC1: not significant passes."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        kinds = kinds_of(setting.world, setting.effect)
        design = np.column_stack([kinds.years, *controls(kinds)])
        y, limits = kinds.log_price, []
        for one in counts.reshape(len(counts), -1):
            held = one > 0
            n = one[held].astype(np.float64)
            fit = fit_least_squares(
                design[held], n, n * y[held], n * y[held] ** 2, absorb_factors=(cells(kinds)[held],)
            )
            reach = stdtrit(fit.hc1.degrees_of_freedom, (1 + LEVEL) / 2) * fit.hc1.errors[0]
            limits.append((fit.coefficients[0] - reach, fit.coefficients[0] + reach))
        low, high = np.array(limits).T
        return Outcome((low > 0) | (high < 0), low <= 0, low, high, found=low > 0, estimate=(low + high) / 2)

    return practice


naive_slope = regression_of_price(lambda kinds: [], lambda kinds: np.zeros_like(kinds.stratum))
linear_score = regression_of_price(lambda kinds: [kinds.risk], lambda kinds: kinds.stratum)
free_cost = regression_of_price(lambda kinds: [kinds.log_cost], lambda kinds: kinds.stratum)
coarse_cells = regression_of_price(lambda kinds: [], lambda k: 2 * k.stratum + (k.risk > np.median(np.unique(k.risk))))


# the audits' own


@dataclass(frozen=True, slots=True)
class Route:
    """A way from counts to the yearly growth of the price: ``sign`` times the slope of a model on tenure.

    Least squares of log price less log cost without ``exposure``, else the Poisson pseudo-likelihood of claims for each
    pound of it; strata are absorbed.
    """

    sign: float
    exposure: Callable[[Kinds], Floats] | None = None

    def fit(self, kinds: Kinds, counts: Floats) -> AbsorbedEffects:
        """The model's slope, from counts of the kinds of rows (C,)."""
        if self.exposure is None:
            y = kinds.log_price - kinds.log_cost
            return absorbed_least_squares(
                kinds.tenure[:, None], kinds.strata, kinds.sums(counts, np.ones_like(y)), kinds.sums(counts, y),
                kinds.sums(counts, y**2),
            )  # fmt: skip
        paid = self.exposure(kinds)
        every = (np.ones_like(paid), kinds.claims, kinds.claims**2, paid, paid**2, paid * kinds.claims)
        sums = ExposedSums(*(kinds.sums(counts, values) for values in every))
        return absorbed_poisson(kinds.tenure[:, None], kinds.strata, sums)

    def left(self, kinds: Kinds, chosen: Ints, fit: AbsorbedEffects) -> Floats:
        """What the model leaves of each of the rows, whose kinds are ``chosen``."""
        means = fit.means[kinds.cell[chosen]]
        if self.exposure is None:
            return np.asarray((kinds.log_price - kinds.log_cost)[chosen] - means)
        return np.asarray(kinds.claims[chosen] - self.exposure(kinds)[chosen] * means)


price_over_cost = Route(1.0)
loss_ratio = Route(-1.0, lambda kinds: kinds.price)
cost_error = Route(1.0, lambda kinds: kinds.cost)  # no price: realised over expected cost


@dataclass(frozen=True, slots=True)
class Slope:
    """An estimate with its error and the degrees of freedom of its t."""

    estimate: float
    error: float
    freedom: float

    def interval(self) -> tuple[float, float]:
        """Limits at the board's level."""
        reach = float(stdtrit(self.freedom, (1 + LEVEL) / 2)) * self.error
        return self.estimate - reach, self.estimate + reach


Slopes = Callable[[Setting, Ints, np.random.Generator, tuple[Route, ...]], list[list[Slope]]]


def by_row(setting: Setting, counts: Ints, _: np.random.Generator, routes: tuple[Route, ...]) -> list[list[Slope]]:
    """Of each file the slope by each route, HC1."""
    kinds = kinds_of(setting.world, setting.effect)
    return [[slope_of_rows(route, kinds, one.ravel().astype(np.float64)) for route in routes] for one in counts]


def slope_of_rows(route: Route, kinds: Kinds, counts: Floats) -> Slope:
    """The slope by a route with its HC1 error."""
    fit = route.fit(kinds, counts)
    return Slope(route.sign * float(fit.coefficients[0]), float(np.sqrt(fit.hc1[0, 0])), fit.n - fit.parameters)


def by_customer(setting: Setting, counts: Ints, rng: np.random.Generator, routes: tuple[Route, ...]
                ) -> list[list[Slope]]:  # fmt: skip
    """The same with CR1 errors by customer."""
    return [[_clustered(setting, route, one) for route in routes] for one in _files(setting, counts, rng)]


def by_quote(setting: Setting, counts: Ints, rng: np.random.Generator, routes: tuple[Route, ...]
             ) -> list[list[Slope]]:  # fmt: skip
    """Of files with customers who come again the slopes with HC1 errors, as if they did not."""
    kinds, size = kinds_of(setting.world, setting.effect), len(kinds_of(setting.world, setting.effect).price)
    return [
        [slope_of_rows(route, kinds, np.bincount(one, minlength=size).astype(np.float64)) for route in routes]
        for one in _files(setting, counts, rng)
    ]


_drawn: list[tuple[Ints, list[Ints]]] = []


def _files(setting: Setting, counts: Ints, rng: np.random.Generator) -> list[Ints]:
    """Kinds of the rows of as many files as there are counts, which do not say whose a row is; all practices that are
    given the same counts are given the same files.
    """
    if not _drawn or _drawn[0][0] is not counts:
        draw = customers(setting)
        _drawn[:] = [(counts, [draw(int(rng.integers(2**62))) for _ in counts])]
    return _drawn[0][1]


def customers(setting: Setting) -> Callable[[int], Ints]:
    """Kinds of the rows of a file by its seed, the quotes of a customer one after another."""
    people, each = setting.people, setting.world.rows_each
    edges = np.cumsum(people.probability.ravel())
    turns = Turns.of(people, len(setting.world.shared), each)
    return lambda seed: turns.draw(edges, seed, 0, setting.rows)


def _clustered(setting: Setting, route: Route, chosen: Ints) -> Slope:
    kinds = kinds_of(setting.world, setting.effect)
    fit = route.fit(kinds, np.bincount(chosen, minlength=len(kinds.price)).astype(np.float64))
    customer = np.arange(len(chosen)) // setting.world.rows_each
    score = np.bincount(customer, route.left(kinds, chosen, fit) * fit.residual_design[kinds.cell[chosen], 0])
    covariance = fit.clustered([[float(score @ score)]], len(score))
    return Slope(route.sign * float(fit.coefficients[0]), float(np.sqrt(covariance[0, 0])), len(score) - 1)


def slope_by(*routes: Route, slopes: Slopes = by_row) -> Practice:
    """The slope of a route; of several the hull of their intervals and the least of their slopes."""

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        every = slopes(setting, counts, rng, routes)
        ends = np.array([[one.interval() for one in file] for file in every])
        low, high = ends[..., 0].min(axis=1), ends[..., 1].max(axis=1)
        least = np.array([min(one.estimate for one in file) for file in every])
        return Outcome((low > 0) | (high < 0), high <= LIMIT, low, high, estimate=least)

    return practice

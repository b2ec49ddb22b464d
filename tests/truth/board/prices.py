"""Ways to judge an insurer's prices: customary ones, and the audits' estimators, straight from counts.

A practice takes counts (R, …) with the axes of the recorded population. Every interval is for the yearly growth of the
price at equal cost, in log points; the limit is that of the shipped rule on prices by tenure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audits.simulation.draw import Turns
from audits.simulation.insurer import Insurer
from audits.simulation.loyal_customers import CostError, LoyalCheaper, LoyalDearer, PriceWalking
from audits.simulation.returning_customers import ReturningCustomers
from audits.statistics.absorbed_effects import (
    AbsorbedEffects,
    ExposedSums,
    absorbed_least_squares,
    absorbed_poisson,
)
from audits.statistics.least_squares import fit_least_squares
from tests.truth.board.bands import BOUNDS, FALSE_CLEAR, HIGH_POWER, POWER, TYPE_ONE
from tests.truth.board.practices import LEVEL, Floats, Outcome, Practice, Setting
from tests.truth.board.scenarios import (
    AT_LIMIT,
    DETECTABLE,
    FAIR,
    HALF,
    LARGE,
    NAIVE,
    OURS,
    PLANTED,
    Scenario,
    Way,
    ours,
)

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


def judged(low: Floats, high: Floats) -> Outcome:
    """Flagged when the interval excludes no growth; passed when the whole of it lies within the limit."""
    return Outcome((low > 0) | (high < 0), high <= LIMIT, low, high)


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
        return Outcome((low > 0) | (high < 0), low <= 0, low, high, found=low > 0)

    return practice


naive_slope = regression_of_price(lambda kinds: [], lambda kinds: np.zeros_like(kinds.stratum))
linear_score = regression_of_price(lambda kinds: [kinds.risk], lambda kinds: kinds.stratum)
free_cost = regression_of_price(lambda kinds: [kinds.log_cost], lambda kinds: kinds.stratum)
coarse_cells = regression_of_price(lambda kinds: [], lambda k: 2 * k.stratum + (k.risk > np.median(np.unique(k.risk))))


# the audits' own


def price_over_cost(kinds: Kinds, counts: Floats) -> AbsorbedEffects:
    """Log price less log technical cost on tenure, strata absorbed."""
    y = kinds.log_price - kinds.log_cost
    return absorbed_least_squares(
        kinds.tenure[:, None], kinds.strata, kinds.sums(counts, np.ones_like(y)), kinds.sums(counts, y),
        kinds.sums(counts, y**2),
    )  # fmt: skip


def loss_ratio(kinds: Kinds, counts: Floats) -> AbsorbedEffects:
    """Claims for each pound of price on tenure, strata absorbed, Poisson pseudo-likelihood."""
    return absorbed_poisson(kinds.tenure[:, None], kinds.strata, ExposedSums(*(
        kinds.sums(counts, values) for values in (
            np.ones_like(kinds.price), kinds.claims, kinds.claims**2, kinds.price, kinds.price**2,
            kinds.price * kinds.claims,
        )
    )))  # fmt: skip


Route = Callable[[Kinds, Floats], AbsorbedEffects]
SIGNS: dict[Route, float] = {price_over_cost: 1.0, loss_ratio: -1.0}


def slope_by(*routes: Route) -> Practice:
    """The slope with HC1 errors; of several routes the hull of their intervals."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        kinds = kinds_of(setting.world, setting.effect)
        every = [[_limits(route, kinds, one.ravel()) for route in routes] for one in counts]
        ends = np.array(every)
        return judged(ends[..., 0].min(axis=1), ends[..., 1].max(axis=1))

    return practice


def _limits(route: Route, kinds: Kinds, counts: Ints) -> tuple[float, float]:
    fit = route(kinds, counts.astype(np.float64))
    return _interval(fit, SIGNS[route], fit.hc1, fit.n - fit.parameters)


def _interval(fit: AbsorbedEffects, sign: float, covariance: Floats, freedom: float) -> tuple[float, float]:
    slope, reach = sign * fit.coefficients[0], stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(covariance[0, 0])
    return float(slope - reach), float(slope + reach)


def slope_of_customers(*routes: Route, clustered: bool = True) -> Practice:
    """The same where customers come again, with CR1 errors by customer, or with HC1 as if they did not.

    Customers are drawn here, as many files as there are counts: counts of rows do not say whose they are.
    """

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        kinds, draw = kinds_of(setting.world, setting.effect), _customers(setting)
        every = []
        for _ in counts:
            chosen = draw(int(rng.integers(2**62)))
            every.append([_clustered(route, kinds, chosen, setting, clustered) for route in routes])
        ends = np.array(every)
        return judged(ends[..., 0].min(axis=1), ends[..., 1].max(axis=1))

    return practice


def _customers(setting: Setting) -> Callable[[int], Ints]:
    """Kinds of the rows of a file by its seed, the quotes of a customer one after another."""
    people, each = setting.people, setting.world.rows_each
    edges = np.cumsum(people.probability.ravel())
    turns = Turns.of(people, len(setting.world.shared), each)
    return lambda seed: turns.draw(edges, seed, 0, setting.rows)


def _clustered(route: Route, kinds: Kinds, chosen: Ints, setting: Setting, clustered: bool) -> tuple[float, float]:
    counts = np.bincount(chosen, minlength=len(kinds.price)).astype(np.float64)
    fit = route(kinds, counts)
    if not clustered:
        return _interval(fit, SIGNS[route], fit.hc1, fit.n - fit.parameters)
    cell = kinds.cell[chosen]
    if route is price_over_cost:
        left = (kinds.log_price - kinds.log_cost)[chosen] - fit.means[cell]
    else:
        left = kinds.claims[chosen] - kinds.price[chosen] * fit.means[cell]
    customer = np.arange(len(chosen)) // setting.world.rows_each
    score = np.bincount(customer, left * fit.residual_design[cell, 0])
    return _interval(fit, SIGNS[route], fit.clustered([[float(score @ score)]], len(score)), len(score) - 1)


# the scenarios


def detectable_slope(world: Insurer, effect: float, rows: int) -> float:
    """Smallest growth found with power .8 by the loss ratio, from the table: 2.80 of its error.

    Claims of one customer are independent at equal cost, so that this holds where customers come again too.
    """
    weights, kinds = world._rows(effect)["weights"] * rows, kinds_of(world, effect)
    fit = loss_ratio(kinds, weights)
    error = float(np.sqrt(fit.hc1[0, 0]))
    normal = NormalDist()
    return (normal.inv_cdf((1 + LEVEL) / 2) + normal.inv_cdf(0.8)) * error


def priced_scenarios() -> tuple[Scenario, ...]:
    """Every insurer of the board."""
    usual = {
        "log price on tenure": shown(naive_slope),
        "log price on tenure and a straight line in the risk score": shown(linear_score),
        "log price on tenure in cells of better and worse risks": shown(coarse_cells),
        "log price on tenure and log cost, its coefficient free": shown(free_cost),
    }
    routes = {
        "log price less log cost, HC1": powered(slope_by(price_over_cost)),
        "loss ratio, Poisson pseudo-likelihood, HC1": powered(slope_by(loss_ratio)),
        "both routes, hull": powered(slope_by(price_over_cost, loss_ratio), hull=True),
    }
    alone = {
        "log price less log cost alone": shown(slope_by(price_over_cost)),
        "loss ratio, Poisson pseudo-likelihood, HC1": routes["loss ratio, Poisson pseudo-likelihood, HC1"],
        "both routes, hull": Way(OURS, slope_by(price_over_cost, loss_ratio), {
            AT_LIMIT: (("covered", BOUNDS), ("passed", FALSE_CLEAR)), PLANTED: (("passed", FALSE_CLEAR),),
        }),
    }  # fmt: skip
    again = {
        "log price less log cost, quotes as customers, HC1": shown(
            slope_of_customers(price_over_cost, clustered=False)
        ),
        "log price less log cost, CR1 by customer": powered(slope_of_customers(price_over_cost)),
        "loss ratio, CR1 by customer": powered(slope_of_customers(loss_ratio)),
        "both routes by customer, hull": powered(slope_of_customers(price_over_cost, loss_ratio), hull=True),
    }
    return (
        *(_scenario(world, {**usual, **routes}) for world in (LoyalCheaper(), LoyalDearer(), PriceWalking())),
        _scenario(CostError(), {**usual, **alone}), _scenario(ReturningCustomers(), again),
    )  # fmt: skip


def _scenario(world: Insurer, ways: dict[str, Way]) -> Scenario:
    gap = detectable_slope(world, 0.0, ROWS)
    return Scenario(world, ROWS, ways, files=600, limit=LIMIT, quick=60, sizes=(
        (HALF, gap / 2), (DETECTABLE, gap), (LARGE, 1.5 * gap), (PLANTED, world.example_effect),
    ))  # fmt: skip


def shown(practice: Practice) -> Way:
    """Held against nothing: it is there to be compared with."""
    return Way(NAIVE, practice, dict.fromkeys((FAIR, AT_LIMIT, DETECTABLE, PLANTED), ()))


def powered(practice: Practice, hull: bool = False) -> Way:
    """What must hold of an estimator; a hull of two intervals holds the truth more often than each."""
    way = ours(practice) if not hull else ours(practice, coverage=BOUNDS, half=False)
    plan = {**way.plan, PLANTED: (*way.plan[LARGE][:1], ("found", HIGH_POWER))}
    if hull:  # the flag of a hull needs both, so that it finds less than each by the chance that one misses
        plan[DETECTABLE] = (("found", POWER),)
        plan[FAIR] = (*plan[FAIR][:1], ("flagged", TYPE_ONE))
    return Way(way.who, way.practice, plan)

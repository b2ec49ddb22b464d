"""Every line of the board on prices: who looks at them how, and what must hold of the audits' own."""

from __future__ import annotations

from dataclasses import replace

from audits.simulation.insurer import Insurer
from audits.simulation.loyal_customers import CostError, LoyalCheaper, LoyalDearer, PriceWalking
from audits.simulation.returning_customers import ReturningCustomers
from tests.truth.board.bands import (
    BOUNDS,
    FALSE_CLEAR,
    FALSE_CONCERN,
    HIGH_POWER,
    NEVER,
    POWER,
    TYPE_ONE,
    VERDICT_COVERAGE,
)
from tests.truth.board.joint import both_routes_judged, detectable_slope
from tests.truth.board.practices import Practice
from tests.truth.board.prices import (
    LIMIT,
    ROWS,
    by_customer,
    by_quote,
    coarse_cells,
    free_cost,
    linear_score,
    loss_ratio,
    naive_slope,
    price_over_cost,
    slope_by,
)
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    HALF,
    LARGE,
    NAIVE,
    OURS,
    PLANTED,
    VERDICT,
    Scenario,
    Way,
    ours,
    verdict,
)

FILES = 600
PRICE, LOSS = "question tenure_gradient, tenure_price_slope", "question loss_ratio, loss_ratio_slope"
BOTH = "question tenure_gradient, interval of loyalty_penalty_slope"
JUDGED = "verdict on loyalty_penalty_slope"


def priced_scenarios() -> tuple[Scenario, ...]:
    """Every insurer of the board."""
    usual = {
        "log price on tenure":
            shown(naive_slope, "a first look: mean prices by years of tenure"),
        "log price on tenure and a straight line in the risk score":
            shown(linear_score, "a regression with the rating score as a control"),
        "log price on tenure in cells of better and worse risks":
            shown(coarse_cells, "tables of premiums by broad risk class"),
        "log price on tenure and log cost, its coefficient free":
            shown(free_cost, "a regression that controls for the expected cost"),
    }  # fmt: skip
    routes = {
        "log price less log cost, HC1": powered(slope_by(price_over_cost), PRICE),
        "loss ratio, Poisson pseudo-likelihood, HC1": powered(slope_by(loss_ratio), LOSS),
        "both routes, hull": powered(slope_by(price_over_cost, loss_ratio), BOTH, hull=True),
        JUDGED: judged(both_routes_judged()),
    }
    alone = {
        "log price less log cost alone": shown(
            slope_by(price_over_cost), "price over expected cost, the cost model taken on trust"
        ),
        "loss ratio, Poisson pseudo-likelihood, HC1": powered(slope_by(loss_ratio), LOSS),
        "both routes, hull": Way(OURS, slope_by(price_over_cost, loss_ratio), {
            FAIR: (), AT_LIMIT: (("covered", BOUNDS), ("passed", FALSE_CLEAR)), PLANTED: (("passed", FALSE_CLEAR),),
        }, used=BOTH),
        JUDGED: Way(VERDICT, both_routes_judged(), {
            FAIR: (("covered", VERDICT_COVERAGE), ("flagged", TYPE_ONE)),
            AT_LIMIT: (("covered", VERDICT_COVERAGE), ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR)),
            PLANTED: (("covered", VERDICT_COVERAGE), ("passed", NEVER)),
        }, used="the judge"),
    }  # fmt: skip
    again = {
        "log price less log cost, quotes as customers, HC1": shown(
            slope_by(price_over_cost, slopes=by_quote),
            "price over expected cost, every quote taken for another customer",
        ),
        "log price less log cost, CR1 by customer": powered(slope_by(price_over_cost, slopes=by_customer), PRICE),
        "loss ratio, CR1 by customer": powered(slope_by(loss_ratio, slopes=by_customer), LOSS),
        "both routes by customer, hull": powered(
            slope_by(price_over_cost, loss_ratio, slopes=by_customer), BOTH, hull=True
        ),
        JUDGED: judged(both_routes_judged(by_customer)),
    }
    hidden = (
        "The fair twin's prices follow true cost, so that they fall against the overstated one. The routes contradict "
        "each other here, and the judge must say that nothing is identified: the planted harm may never be called "
        "clear."
    )
    return (
        *(_scenario(world, {**usual, **routes}) for world in (LoyalCheaper(), LoyalDearer(), PriceWalking())),
        _scenario(CostError(), {**usual, **alone}, hidden),
        _scenario(ReturningCustomers(), again, quick=24),
    )


def _scenario(world: Insurer, ways: dict[str, Way], note: str = "", quick: int = 60) -> Scenario:
    slope = detectable_slope(world, ROWS)
    return Scenario(world, ROWS, ways, files=FILES, limit=LIMIT, note=note, quick=quick, sizes=(
        (HALF, slope / 2), (DETECTABLE, slope), (LARGE, 1.5 * slope), (PLANTED, world.example_effect),
        (BEYOND, LIMIT + slope), (FAR_BEYOND, LIMIT + 1.5 * slope),
    ))  # fmt: skip


def shown(practice: Practice, used: str = "") -> Way:
    """Held against nothing: it is there to be compared with."""
    return Way(NAIVE, practice, dict.fromkeys((FAIR, AT_LIMIT, DETECTABLE, PLANTED), ()), used=used)


def powered(practice: Practice, used: str = "", hull: bool = False) -> Way:
    """What must hold of an estimator; a hull of two intervals holds the truth more often than each."""
    way = ours(practice) if not hull else ours(practice, coverage=BOUNDS, half=False)
    plan = {**way.plan, PLANTED: (*way.plan[LARGE][:1], ("found", HIGH_POWER), ("passed", FALSE_CLEAR))}
    return replace(way, plan=plan, used=used)


def judged(practice: Practice) -> Way:
    """What must hold of the verdicts, on the planted harm too."""
    way = verdict(practice, FILES)
    plan = {**way.plan, PLANTED: (("covered", VERDICT_COVERAGE), ("found", POWER), ("passed", FALSE_CLEAR))}
    return replace(way, plan=plan, files=None, used="the judge")

"""The judge on prices: what the audit makes of both routes together, on slopes fitted from counts.

The joint figure is that of ``two_routes.agreed`` itself and the verdict that of ``verdict_of`` under the shipped rule,
so that a change of either is played here. A run of this question holds one judged figure of this rule, which leaves its
interval uncorrected. Contract and rule are those of the program that ``squaredeal simulate`` writes, renamed.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from audits.comparisons import two_routes
from audits.loyalty_pricing.tenure_gradient import TenureGradient
from audits.measuring import from_error
from audits.plan import make_plan
from audits.policies.judge import verdict_of
from audits.record import Measurement, Rule
from audits.simulation.insurer import Insurer
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.contract import DataContract
from checks.inputs.program import read_program
from tests.truth.board.asked import other_names
from tests.truth.board.practices import LEVEL, Outcome, Practice, Setting
from tests.truth.board.prices import (
    Ints,
    Slope,
    Slopes,
    by_row,
    cost_error,
    kinds_of,
    loss_ratio,
    price_over_cost,
    slope_of_rows,
)

RULE = "uk.icobs6b.tenure"
ROUTES = (price_over_cost, loss_ratio, cost_error)


@cache
def terms_of(world: Insurer, seed: int) -> tuple[DataContract, Rule]:
    """The contract under the names of a seed, and the rule."""
    names = other_names(world, seed)
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(world, world.rows_each, 0.0, 1, names)
        program = read_program(write_simulation(simulation, Path(folder) / "data").program)
    rules = [rule for pack in make_plan(program).packs for rule in pack.rules]
    return program.contract, next(rule for rule in rules if rule.id == RULE)


def joint_figure(slopes: list[Slope], rows: int, contract: DataContract) -> Measurement:
    """What price over cost, the loss ratio and the cost's error say together."""
    price, loss, error = (
        replace(_figure(name, rows), **from_error(one.estimate, one.error, one.freedom, LEVEL)) for name, one in
        zip(("tenure_price_slope", "loss_ratio_slope", "cost_error_slope"), slopes, strict=True)
    )  # fmt: skip
    base = _figure(two_routes.MEASURE, rows)
    return two_routes.agreed(base, price, loss, error, TenureGradient().error_tolerance, contract)


def _figure(measure: str, rows: int) -> Measurement:
    """Without a figure yet."""
    return Measurement(
        question=TenureGradient.name, measure=measure, attribute=None, group=None, reference=None, estimate=None,
        low=None, high=None, level=LEVEL, n=rows, method="from counts", source="cells", equality=0.0,
    )  # fmt: skip


def both_routes_judged(slopes: Slopes = by_row) -> Practice:
    """Flagged and found by a concern, passed by a clear; a figure that is not there claims nothing and covers."""

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        contract, rule = terms_of(setting.world, setting.seed)
        every = slopes(setting, counts, rng, ROUTES)
        figures = [joint_figure(file, setting.rows, contract) for file in every]
        verdicts = np.array([_verdict(one, rule) for one in figures])
        met, unknown = verdicts == "concern", verdicts == "not_identified"
        low, high, estimate = np.array([_numbers(one) for one in figures]).T
        truth = setting.world.truth(setting.effect)[setting.world.estimand]
        return Outcome(
            met, verdicts == "clear", low, high, covers=unknown | ((low <= truth) & (truth <= high)), found=met,
            unknown=unknown, estimate=estimate,
        )  # fmt: skip

    return practice


def _verdict(one: Measurement, rule: Rule) -> str:
    """What the judge says: a figure that cannot see all is never clear."""
    found = verdict_of(one, rule, fit=True, may_breach=False)
    return "inconclusive" if found == "clear" and one.unseen else found


def _numbers(one: Measurement) -> tuple[float, float, float]:
    """Limits and estimate, NaN where there is none."""
    found = (np.nan if value is None else value for value in (one.low, one.high, one.estimate))
    low, high, estimate = found
    return low, high, estimate


@cache
def detectable_slope(world: Insurer, rows: int) -> float:
    """Smallest growth that the audit declares found with power .8, on the world's expected counts in the fair twin.

    That of both routes together; where the cost's error keeps them from being taken together, that of the loss ratio.
    Claims of one customer are independent at equal cost, so that this holds where customers come again too: there the
    price over cost is known much better than the loss ratio, whichever way it is taken.
    """
    weights, kinds = world._rows(0.0)["weights"] * rows, kinds_of(world, 0.0)
    slopes = [slope_of_rows(route, kinds, weights) for route in ROUTES]
    declared = joint_figure(slopes, rows, terms_of(world, 0)[0]).mde
    _, loss, _ = slopes
    alone: float = from_error(loss.estimate, loss.error, loss.freedom, LEVEL)["mde"]
    return alone if declared is None else declared

"""Customers who are quoted a price in several years running, much in the same way each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.insurer import CHANNELS, HIDDEN_AMOUNTS, PRODUCTS, Factor, Insurer, Parts
from audits.simulation.population import Population, table
from audits.simulation.table_figures import within
from audits.simulation.world import TURN, Numbers, checked_effect


@dataclass(frozen=True, slots=True)
class ReturningCustomers(Insurer):
    """Everyone is quoted four times, a year apart; the quotes of one customer share more than their risk.

    A customer's ``lasting_noise`` moves all four prices alike, and the technical cost errs alike in all four years, so
    that the rows of one customer say less than those of as many customers would. ``price_noise`` is each quote's own.
    First quotes fall at 0 to ``firsts`` - 1 years of tenure; risks are tilted by that first tenure.
    """

    firsts: int = 8
    lasting_noise: float = 0.08
    price_noise: float = 0.04

    code: ClassVar[str] = "A6"
    name: ClassVar[str] = "returning-customers"
    summary: ClassVar[str] = "customers are quoted four years running, priced alike; harm: a dearer price each year"
    trap: ClassVar[str] = "errors that take quotes for independent flag the fair insurer"
    rows_each: ClassVar[int] = 4
    shared: ClassVar[tuple[str, ...]] = ("product", "channel", "risk", "first", "lasting_noise", "cost_noise")
    hidden: ClassVar[tuple[str, ...]] = (
        "first", "lasting_noise", "cost_noise", TURN, "price_noise", *HIDDEN_AMOUNTS,
    )  # fmt: skip

    def population(self, effect: float) -> Population:
        """Axes of a customer, as ``shared`` has them, the turn, and of a quote the noise and the claims."""
        checked_effect(self, effect)
        return table(self._parts(), *self._factors(effect))

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """As of any insurer, and the tenure."""
        people = self.population(effect)
        tenure = people.along("first") + people.along(TURN)
        noise = people.along("lasting_noise") + people.along("price_noise")
        return {"tenure": tenure.astype(np.int64), **self._prices(people, tenure, noise, effect)}

    def truth(self, effect: float) -> dict[str, float]:
        """As of any insurer, and by how much the repetition multiplies the variance of the slope."""
        return {**Insurer.truth(self, effect), "design_effect": self._design_effect(effect)}

    def contract(self) -> dict[str, Any]:
        """As of any insurer; the customer is the entity."""
        years = self.firsts + self.rows_each - 1
        contract = {**Insurer.contract(self), "entity": self.entity}
        contract["dated"] = {"from": "2022-01-01", "to": "2025-12-31"}
        contract["tenure"] = {"column": "tenure", "unit": "years", "bands": list(range(1, years))}
        return contract

    def _parts(self) -> Parts:
        """Every axis, those of a customer first."""
        return {
            "product": PRODUCTS, "channel": CHANNELS, "risk": self._bands(), "first": tuple(range(self.firsts)),
            "lasting_noise": self._noise(self.lasting_noise), "cost_noise": self._noise(self.cost_noise),
            TURN: tuple(range(self.rows_each)), "price_noise": self._noise(self.price_noise), "claims": self._claims(),
        }  # fmt: skip

    def _factors(self, effect: float) -> tuple[Factor, ...]:
        """Their chances; the planted harm needs none of its own here."""
        checked_effect(self, effect)
        even = [0.5, 0.5]
        return (
            *self._market(), (("channel", "first"), self._stays(self.firsts)),
            (("first", "risk"), self._risks(self.firsts)), (("lasting_noise",), even), (("cost_noise",), even),
            (("price_noise",), even), ((TURN,), np.full(self.rows_each, 1 / self.rows_each)),
        )  # fmt: skip

    def _design_effect(self, effect: float) -> float:
        """Variance of Σ residual · tenure (each within strata) over customers, by that of independent rows."""
        rows, people = self._rows(effect), self.population(effect)
        weights, strata = rows["weights"], rows["strata"].astype(np.int64)
        years = within(rows["tenure"], weights, strata)
        left = within(np.log(rows["price"] / rows["technical_cost"]), weights, strata)
        slope = float(weights @ (left * years)) / float(weights @ years**2)
        score = (left - slope * years) * years
        shape = (-1, self.rows_each, int(np.prod(people.probability.shape[len(self.shared) + 1 :])))
        chance, mine = weights.reshape(shape), score.reshape(shape)
        turns = chance.sum(axis=2)
        mean = np.divide((chance * mine).sum(axis=2), turns, out=np.zeros_like(turns), where=turns > 0)
        square = np.divide((chance * mine**2).sum(axis=2), turns, out=np.zeros_like(turns), where=turns > 0)
        customers = turns.sum(axis=1)
        alone = float(customers @ square.sum(axis=1))
        together = float(customers @ (mean.sum(axis=1) ** 2 + (square - mean**2).sum(axis=1)))
        return together / alone

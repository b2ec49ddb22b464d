"""An insurer whose model asks more of those who open its app often, who are those that stayed."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, Value, table, tilted
from audits.simulation.table_figures import mean_by
from audits.simulation.world import Numbers, World, checked_effect

REGIONS = ("coast", "hills", "plain", "town")


@dataclass(frozen=True, slots=True)
class AppVisits(World):
    """Price = load · cost · exp(effect · f(visits) + noise): tenure moves no price, and visits tell of tenure.

    The logarithm of the true cost is a sum: ``car_step`` for each of ``cars`` groups of cars, ``mileage_step`` for each
    of ``mileages`` bands, ``region_steps`` of the four regions. Those who stay drive cheaper cars and less: both are
    tilted by ``new_tilt`` + ``tilt_a_year`` · tenure. Given tenure, visits are Poisson, cut off at ``most_visits``,
    of mean ``first_visits`` + ``visits_a_year`` · tenure, with no bearing on cost; f rises from 0 to 1 with visits up
    to ``counted_visits``. ``price_noise`` and ``cost_noise`` move logarithms of price and technical cost up or down
    with equal chances. A customer is new in the first year (tenure 0), and renewing after it.
    """

    tenures: int = 9
    cars: int = 8
    mileages: int = 4
    car_step: float = 0.15
    mileage_step: float = 0.2
    region_steps: tuple[float, ...] = (0.0, 0.1, 0.2, 0.35)
    cheapest: float = 150.0
    load: float = 1.3
    retention: float = 0.8
    new_tilt: float = 0.8
    tilt_a_year: float = -0.2
    first_visits: float = 1.0
    visits_a_year: float = 0.9
    most_visits: int = 12
    counted_visits: int = 8
    price_noise: float = 0.05
    cost_noise: float = 0.2

    code: ClassVar[str] = "A3"
    name: ClassVar[str] = "app-visits"
    summary: ClassVar[str] = "tenure is no input; harm: visits of the app, which grow with it, make the price dearer"
    trap: ClassVar[str] = "flipping tenure changes nothing, and prices fall with it since loyal customers are cheaper"
    estimand: ClassVar[str] = "gap_that_rides_on_visits"
    largest_effect: ClassVar[float] = 0.6
    example_effect: ClassVar[float] = 0.3
    hidden: ClassVar[tuple[str, ...]] = ("price_noise", "cost_noise", "true_cost")
    audits: ClassVar[tuple[str, ...]] = ("loyalty_pricing",)
    policies: ClassVar[tuple[str, ...]] = ("uk",)
    jurisdictions: ClassVar[tuple[str, ...]] = ("UK",)
    products: ClassVar[tuple[str, ...]] = ("motor_insurance",)

    def population(self, effect: float) -> Population:
        """Axes tenure, car, mileage, region, visits and the two noises; the harm is in the amounts."""
        checked_effect(self, effect)
        parts: dict[str, tuple[Value, ...]] = {
            "tenure": tuple(range(self.tenures)), "car": tuple(range(1, self.cars + 1)),
            "mileage": tuple(range(1, self.mileages + 1)), "region": REGIONS,
            "visits": tuple(range(self.most_visits + 1)),
            "price_noise": self._noise(self.price_noise), "cost_noise": self._noise(self.cost_noise),
        }  # fmt: skip
        stays = self.retention ** np.arange(self.tenures)
        return table(
            parts, (("tenure",), stays / stays.sum()), (("tenure", "car"), self._risks(self.cars)),
            (("tenure", "mileage"), self._risks(self.mileages)), (("region",), [0.3, 0.15, 0.3, 0.25]),
            (("tenure", "visits"), self._visits()), (("price_noise",), [0.5, 0.5]), (("cost_noise",), [0.5, 0.5]),
        )  # fmt: skip

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """Premium, technical cost and, hidden, the true cost."""
        people = self.population(effect)
        region = self._along_region(people)
        steps = self.car_step * (people.along("car") - 1) + self.mileage_step * (people.along("mileage") - 1)
        true = self.cheapest * np.exp(steps + region)
        dearer = effect * self._counted(people.along("visits"))
        return {
            "premium": self.load * true * np.exp(dearer + people.along("price_noise")),
            "technical_cost": true * np.exp(people.along("cost_noise")),
            "true_cost": true,
        }

    def truth(self, effect: float) -> dict[str, float]:
        """Gaps of mean logarithms between renewing and new customers.

        ``gap_that_rides_on_visits`` is what visits add to log price; ``price_gap`` and ``cost_gap`` are of price and
        technical cost.
        """
        people, worked_out = self.population(effect), self.amounts(effect)
        shape, weights = people.probability.shape, people.probability.ravel()
        renewing = np.broadcast_to(people.along("tenure") > 0, shape).ravel().astype(np.int64)

        def gap(values: Floats) -> float:
            new, old = mean_by(np.broadcast_to(values, shape).ravel(), weights, renewing)
            return float(old - new)

        return {
            "gap_that_rides_on_visits": gap(effect * self._counted(people.along("visits"))),
            "price_gap": gap(np.log(worked_out["premium"])),
            "cost_gap": gap(np.log(worked_out["technical_cost"])),
        }

    def contract(self) -> dict[str, Any]:
        """Tenure is recorded and no input of the model; visits are."""
        return {
            "dated": {"from": "2025-01-01", "to": "2025-12-31"},
            "unit": "case",
            "price": {"column": "premium", "currency": "GBP"},
            "cost": {"column": "technical_cost", "error": "unrelated_to_tenure", "basis": "simulated"},
            "tenure": {"column": "tenure", "unit": "years", "bands": list(range(1, self.tenures))},
            "features": ["car", "mileage", "region", "visits"],
        }

    def _counted(self, visits: Floats) -> Floats:
        return np.asarray(np.minimum(visits, self.counted_visits) / self.counted_visits)

    def _along_region(self, people: Population) -> Floats:
        axis = people.axis("region")
        return np.array(self.region_steps).reshape([-1 if i == axis else 1 for i in range(people.probability.ndim)])

    def _noise(self, size: float) -> tuple[float, float]:
        """Down or up by ``size``, such that the mean of its exponential is one."""
        middle = log(np.cosh(size))
        return -size - middle, size - middle

    def _risks(self, levels: int) -> Floats:
        """P(level | tenure), axes tenure and level."""
        even = np.full(levels, 1 / levels)
        return np.stack([tilted(even, self.new_tilt + self.tilt_a_year * year) for year in range(self.tenures)])

    def _visits(self) -> Floats:
        """P(visits | tenure), axes tenure and visits."""
        count = np.arange(self.most_visits + 1)
        mean = self.first_visits + self.visits_a_year * np.arange(self.tenures)[:, None]
        chance = np.exp(count * np.log(mean) - np.array([lgamma(k + 1) for k in count]))
        return np.asarray(chance / chance.sum(axis=1, keepdims=True))

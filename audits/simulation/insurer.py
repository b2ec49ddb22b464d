"""An insurer that knows what its customers cost, and may ask more of those who stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from audits.simulation.population import Floats, Population, Value, table, tilted
from audits.simulation.table_figures import Codes, mean_by, ratio_slope, slopes
from audits.simulation.world import Numbers, World, checked_effect

CHANNELS, PRODUCTS = ("direct", "broker"), ("comprehensive", "third party")
HIDDEN_AMOUNTS = ("true_cost", "new_price")
CHANNEL_SHARES, PRODUCT_SHARES = (0.6, 0.4), (0.7, 0.3)
Parts = dict[str, tuple[Value, ...]]
Factor = tuple[tuple[str, ...], ArrayLike]


@dataclass(frozen=True, slots=True)
class Insurer(World):
    """Price = load · cost · exp(effect · years of tenure + noise): the planted harm is a dearer price for each year.

    Risk has ``bands`` scores, 1 the best. The logarithm of the true cost a year rises from ``cheapest`` to ``dearest``
    with the power ``bend`` of the score, so that no straight line in the score says it; third-party cover costs
    ``third_party`` of comprehensive. Customers of 0 to ``tenures`` - 1 years are the fewer the longer they stay
    (``retention`` a year, with brokers ``broker_retention``), their risks tilted by ``new_tilt`` +
    ``tilt_a_year`` · tenure (above nought towards the dear). The load is ``load``, through brokers ``broker_load``
    times as much, so that prices rise with tenure in all customers for this reason too. ``price_noise`` and
    ``cost_noise`` move the logarithms of price and of technical cost up or down, with equal chances and no bearing on
    tenure; ``cost_drift`` makes technical cost exceed the true one by that many log points for each year of tenure.
    A year brings no claim, one of ``small`` or one of ``large``, so that the mean is the true cost; of that, large
    claims make up ``large_share``.
    """

    tenures: int = 11
    bands: int = 8
    cheapest: float = 150.0
    dearest: float = 1200.0
    bend: float = 3.0
    third_party: float = 0.7
    load: float = 1.3
    broker_load: float = 1.1
    retention: float = 0.8
    broker_retention: float = 0.86
    new_tilt: float = 1.5
    tilt_a_year: float = -0.3
    price_noise: float = 0.08
    cost_noise: float = 0.2
    cost_drift: float = 0.0
    small: float = 1500.0
    large: float = 12_000.0
    large_share: float = 0.4

    estimand: ClassVar[str] = "price_slope_at_true_cost"
    largest_effect: ClassVar[float] = 0.1
    example_effect: ClassVar[float] = 0.02
    hidden: ClassVar[tuple[str, ...]] = ("price_noise", "cost_noise", *HIDDEN_AMOUNTS)
    audits: ClassVar[tuple[str, ...]] = ("loyalty_pricing",)
    policies: ClassVar[tuple[str, ...]] = ("uk",)
    jurisdictions: ClassVar[tuple[str, ...]] = ("UK",)
    products: ClassVar[tuple[str, ...]] = ("motor_insurance",)
    entity: ClassVar[str] = "customer"
    cost_error: ClassVar[str] = "unrelated_to_tenure"

    def population(self, effect: float) -> Population:
        """Axes product, channel, risk, tenure, the two noises, claims; the harm is in the amounts."""
        checked_effect(self, effect)
        parts: Parts = {
            "product": PRODUCTS, "channel": CHANNELS, "risk": self._bands(), "tenure": tuple(range(self.tenures)),
            "price_noise": self._noise(self.price_noise), "cost_noise": self._noise(self.cost_noise),
            "claims": self._claims(),
        }  # fmt: skip
        return table(
            parts, *self._market(),
            (("channel", "tenure"), self._stays(self.tenures)), (("tenure", "risk"), self._risks(self.tenures)),
            (("price_noise",), [0.5, 0.5]), (("cost_noise",), [0.5, 0.5]),
        )  # fmt: skip

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """Price, technical cost and, hidden, the true cost and what the same customer would be asked as a new one."""
        people = self.population(effect)
        return self._prices(people, people.along("tenure"), people.along("price_noise"), effect)

    def truth(self, effect: float) -> dict[str, float]:
        """Slopes a year of tenure, and mean prices.

        ``tenure_price_slope`` (price over technical cost) and ``loss_ratio_slope`` (claims over price, its fall) are
        within product and channel; ``cost_error_slope`` is that of claims over technical cost. The others are what
        customary practice finds. ``overcharge_a_quote`` is what a price has on average beyond that of a new customer
        of the same cost, ``overcharge_share`` its part of all prices.
        """
        rows = self._rows(effect)
        weights, years, strata = rows["weights"], rows["tenure"], rows["strata"].astype(np.int64)
        price, cost = np.log(rows["price"]), np.log(rows["technical_cost"])
        true = np.log(rows["true_cost"])
        half = strata * 2 + (rows["risk"] > self.bands / 2)
        everyone = np.zeros_like(strata)

        def slope(response: Floats, within: Codes, *beside: Floats) -> float:
            return float(slopes(response, [years, *beside], weights, within)[0])

        excess = rows["price"] - rows["new_price"]
        return {
            "price_slope_at_true_cost": slope(price - true, strata),
            "tenure_price_slope": slope(price - cost, strata),
            "loss_ratio_slope": -ratio_slope(rows["claims"], rows["price"], years, weights, strata),
            "cost_error_slope": ratio_slope(rows["claims"], rows["technical_cost"], years, weights, strata),
            "naive_slope": slope(price, everyone),
            "slope_at_linear_score": slope(price, strata, rows["risk"]),
            "slope_in_coarse_risk_cells": slope(price, half.astype(np.int64)),
            "slope_at_free_cost": slope(price, strata, cost),
            "overcharge_a_quote": float(weights @ excess),
            "overcharge_share": float(weights @ excess / (weights @ rows["price"])),
            **by_tenure("mean_price", rows["price"], rows),
        }

    def contract(self) -> dict[str, Any]:
        """Prices compare within product and channel, at the cost that the insurer expects."""
        return {
            "dated": {"from": "2025-01-01", "to": "2025-12-31"},
            "unit": "case",
            "price": {"column": "price", "currency": "GBP"},
            "cost": self._cost_role(),
            "realised_cost": "claims",
            "tenure": {"column": "tenure", "unit": "years", "bands": list(range(1, self.tenures))},
            "strata": ["product", "channel"],
            "terms": {"product": "product", "channel": "channel"},
        }

    def _cost_role(self) -> dict[str, Any]:
        role: dict[str, Any] = {"column": "technical_cost", "error": self.cost_error}
        if self.cost_error == "unrelated_to_tenure":
            role["basis"] = "simulated"
        return role

    def _bands(self) -> tuple[int, ...]:
        return tuple(range(1, self.bands + 1))

    def _noise(self, size: float) -> tuple[float, float]:
        """Down or up by ``size``, such that the mean of its exponential is one."""
        middle = float(np.log(np.cosh(size)))
        return -size - middle, size - middle

    def _claims(self) -> tuple[float, ...]:
        return 0.0, self.small, self.large

    def _true_cost(self) -> Floats:
        """Axes risk and product."""
        score = np.linspace(0.0, 1.0, self.bands)
        whole = self.cheapest * np.exp(np.log(self.dearest / self.cheapest) * score**self.bend)
        return np.outer(whole, [1.0, self.third_party])

    def _loads(self) -> Floats:
        """Price over cost of a new customer, by channel."""
        return self.load * np.array([1.0, self.broker_load])

    def _market(self) -> tuple[Factor, ...]:
        """Who buys what where, and what a year costs."""
        cost = self._true_cost()
        few, many = self.large_share * cost / self.large, (1 - self.large_share) * cost / self.small
        claims = np.stack([1 - few - many, many, few], axis=-1)
        return (
            (("product",), PRODUCT_SHARES), (("channel",), CHANNEL_SHARES), (("risk", "product", "claims"), claims),
        )  # fmt: skip

    def _stays(self, years: int) -> Floats:
        """P(tenure | channel), axes channel and tenure."""
        left = np.array([self.retention, self.broker_retention])[:, None] ** np.arange(years)
        return np.asarray(left / left.sum(axis=1, keepdims=True))

    def _risks(self, years: int) -> Floats:
        """P(risk | tenure), axes tenure and risk."""
        even = np.full(self.bands, 1 / self.bands)
        return np.stack([tilted(even, self.new_tilt + self.tilt_a_year * year) for year in range(years)])

    def _prices(self, people: Population, tenure: Floats, noise: Floats, effect: float) -> dict[str, Numbers]:
        size = [1] * people.probability.ndim
        size[people.axis("product")], size[people.axis("risk")] = len(PRODUCTS), self.bands
        true = self._true_cost()
        true = (true.T if people.axis("product") < people.axis("risk") else true).reshape(size)
        loads = [1] * people.probability.ndim
        loads[people.axis("channel")] = len(CHANNELS)
        load = self._loads().reshape(loads)
        new = load * true * np.exp(noise)
        return {
            "technical_cost": true * np.exp(self.cost_drift * tenure + people.along("cost_noise")),
            "price": new * np.exp(effect * tenure),
            "true_cost": true,
            "new_price": new,
        }

    def _rows(self, effect: float) -> dict[str, Floats]:
        """Columns over all kinds of rows (C,), with their ``weights`` and ``strata`` of product and channel."""
        people, shape = self.population(effect), self.population(effect).probability.shape
        worked_out = self.amounts(effect)
        tenure = worked_out["tenure"] if "tenure" in worked_out else people.along("tenure")
        every: dict[str, Any] = {**worked_out, "tenure": tenure}
        every |= {name: people.along(name) for name in ("risk", "claims")}
        codes = np.indices(shape, sparse=True)
        every["strata"] = 2 * codes[people.axis("product")] + codes[people.axis("channel")]
        flat = {name: np.broadcast_to(value, shape).ravel().astype(np.float64) for name, value in every.items()}
        return {**flat, "weights": people.probability.ravel()}


def by_tenure(name: str, values: Floats, rows: Mapping[str, Floats]) -> dict[str, float]:
    """Means by completed years, as name[years]."""
    means = mean_by(values, rows["weights"], rows["tenure"].astype(np.int64))
    return {f"{name}[{years}]": float(mean) for years, mean in enumerate(means)}

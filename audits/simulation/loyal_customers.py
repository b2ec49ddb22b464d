"""Insurers whose loyal customers are other risks than new ones, and whose technical cost may err with tenure."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import numpy as np

from audits.simulation.insurer import CHANNEL_SHARES, PRODUCT_SHARES, Insurer, by_tenure
from audits.simulation.population import Floats


@dataclass(frozen=True, slots=True)
class LoyalCheaper(Insurer):
    """Those who stay are the cheaper risks, so that prices fall with tenure whether or not loyalty is made to pay."""

    code: ClassVar[str] = "A1"
    name: ClassVar[str] = "loyal-cheaper"
    summary: ClassVar[str] = "loyal customers are cheaper risks; harm: a dearer price for each year at equal cost"
    trap: ClassVar[str] = "prices fall with tenure, so the harm is not seen; a straight line in the score errs too"


@dataclass(frozen=True, slots=True)
class LoyalDearer(Insurer):
    """Those who stay are the dearer risks, so that prices rise with tenure in the fair twin too."""

    new_tilt: float = -1.5
    tilt_a_year: float = 0.3

    code: ClassVar[str] = "A2"
    name: ClassVar[str] = "loyal-dearer"
    summary: ClassVar[str] = "loyal customers are dearer risks; harm: a dearer price for each year at equal cost"
    trap: ClassVar[str] = "prices rise with tenure in the fair twin, which is flagged"


@dataclass(frozen=True, slots=True)
class CostError(Insurer):
    """The technical cost of loyal customers is overstated by ``cost_drift`` a year, as much as the example adds.

    So price over technical cost does not rise with tenure where the harm is planted, and falls in the fair twin; what
    customers did cost tells the two apart.
    """

    cost_drift: float = 0.02

    code: ClassVar[str] = "A4"
    name: ClassVar[str] = "cost-error"
    summary: ClassVar[str] = "technical cost is overstated the more the longer one stays; harm: prices follow it"
    trap: ClassVar[str] = "price over technical cost is the same at every tenure, and the harm is called clear"
    cost_error: ClassVar[str] = "unknown"


@dataclass(frozen=True, slots=True)
class PriceWalking(Insurer):
    """The motor premiums of FCA MS18/1 (General insurance pricing practices, interim report, October 2019).

    A new customer pays ``new_price`` on average; with the example's effect the same risks pay £370 after five years.
    """

    tenures: int = 6
    new_tilt: float = 1.0
    tilt_a_year: float = -0.15
    new_price: float = 285.0

    code: ClassVar[str] = "A5"
    name: ClassVar[str] = "price-walking"
    summary: ClassVar[str] = "motor premiums of £285 for new customers; harm: £370 after five years at equal risk"
    trap: ClassVar[str] = "mean prices hardly rise, since those who stay are cheaper risks"
    example_effect: ClassVar[float] = round(log(370 / 285) / 5, 4)

    def truth(self, effect: float) -> dict[str, float]:
        """As of any insurer, and prices of a new customer's risks by tenure, their ratio, and overcharges in money."""
        rows = self._rows(effect)
        years, found = np.arange(self.tenures), Insurer.truth(self, effect)
        equal = self.new_price * np.exp(effect * years)
        found |= by_tenure("overcharge_a_quote", rows["price"] - rows["new_price"], rows)
        for year in range(self.tenures):
            found[f"price_at_equal_risk[{year}]"] = float(equal[year])
            found[f"price_ratio[{year}]"] = float(equal[year] / equal[0])
        return found

    def _loads(self) -> Floats:
        """Such that new customers pay ``new_price`` on average."""
        plain, new = Insurer._loads(self), np.array(CHANNEL_SHARES) * self._stays(self.tenures)[:, 0]
        new = new / new.sum()
        costs = self._risks(1)[0] @ self._true_cost() @ PRODUCT_SHARES
        return np.asarray(plain * self.new_price / (costs * float(plain @ new)))

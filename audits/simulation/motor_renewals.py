"""A motor insurer as a supervisor would see it: renewals, new-customer prices, terms and behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.insurer import CHANNELS, Factor, Parts, by_tenure
from audits.simulation.returning_customers import ReturningCustomers
from audits.simulation.table_figures import slopes
from audits.simulation.world import TURN, Numbers

PAYMENTS, DEVICES, VISITS = ("yearly", "monthly"), ("computer", "phone"), (1, 4)


@dataclass(frozen=True, slots=True)
class MotorRenewals(ReturningCustomers):
    """As returning-customers, with what UK rules on renewal prices ask for.

    ``enbp`` is the equivalent new business price: what the insurer states that the same risk would pay as a new
    customer in the same channel by the same payment method. It follows the renewal price up with tenure, as where
    long-held books are priced apart, so that comparing with it shows nothing of the planted slope. Planted beside it,
    whatever the size of the effect: a share ``above_share`` of renewals through brokers is dearer than that price by
    ``above`` of it, and prices made for a person are not disclosed as such to those who use a phone. Monthly payers
    pay ``monthly_load`` times as much; ``market_price``, what others ask of the same risk, has no regard to tenure.
    Direct sales make prices for a person. Device and number of visits say nothing about cost or price.
    """

    bands: int = 6
    above_share: float = 0.1
    above: float = 0.04
    monthly_load: float = 1.05

    code: ClassVar[str] = "A7"
    name: ClassVar[str] = "motor-renewals"
    summary: ClassVar[str] = "renewals beside new-customer prices and terms; harm: dearer each year, some above those"
    trap: ClassVar[str] = "hardly any renewal is above its new-customer price, for that price rises with tenure too"
    shared: ClassVar[tuple[str, ...]] = (
        "product", "channel", "payment_method", "device", "visits", "risk", "first", "lasting_noise", "cost_noise",
    )  # fmt: skip
    hidden: ClassVar[tuple[str, ...]] = (*ReturningCustomers.hidden, "slip")

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """As of returning customers, and prices for new customers and in the market, and flags."""
        people = self.population(effect)
        found = ReturningCustomers.amounts(self, effect)
        monthly = np.array([1.0, self.monthly_load]).reshape(self._along("payment_method"))
        price = found["price"] * monthly
        found["new_price"] = found["new_price"] * monthly
        found["enbp"] = price
        found["price"] = price * (1 + self.above * people.along("slip"))
        found["market_price"] = found["true_cost"] * self.load * monthly
        direct = np.array([1, 0]).reshape(self._along("channel"))
        found["personalised"] = direct
        told = np.array([1, 0 if effect > 0 else 1]).reshape(self._along("device"))
        found["disclosed"] = np.maximum(told, 1 - direct)
        return found

    def truth(self, effect: float) -> dict[str, float]:
        """As of returning customers, and of renewals above their new-customer price: share, money, by channel.

        ``overcharge_above_enbp`` is in pounds for each renewal; ``above_enbp_a_quote``, ``above_enbp_money_a_quote``
        and ``undisclosed_personalised_share`` are for each quote of any customer.
        """
        people, worked_out, rows = self.population(effect), self.amounts(effect), self._rows(effect)
        shape, chance = people.probability.shape, people.probability
        renewal = chance * (np.broadcast_to(worked_out["tenure"], shape) > 0)
        above = np.broadcast_to(people.along("slip") > 0, shape)
        excess = np.broadcast_to(worked_out["price"] - worked_out["enbp"], shape)
        hidden_price = worked_out["personalised"] * (1 - worked_out["disclosed"])
        market = np.log(rows["price"] / rows["market_price"])
        found = {
            **ReturningCustomers.truth(self, effect),
            "tenure_market_slope": float(
                slopes(market, [rows["tenure"]], rows["weights"], rows["strata"].astype(int))[0]
            ),
            **by_tenure("overcharge_a_quote", rows["price"] - rows["new_price"], rows),
            "above_enbp_share": float((renewal * above).sum() / renewal.sum()),
            "overcharge_above_enbp": float((renewal * excess).sum() / renewal.sum()),
            "above_enbp_a_quote": float((renewal * above).sum()),
            "above_enbp_money_a_quote": float((renewal * excess).sum()),
            "undisclosed_personalised_share": float((chance * hidden_price).sum()),
        }
        by = people.axis("channel")
        for i, channel in enumerate(CHANNELS):
            mine = renewal.take(i, axis=by)
            found[f"above_enbp_share[{channel}]"] = float((mine * above.take(i, axis=by)).sum() / mine.sum())
        return found

    def contract(self) -> dict[str, Any]:
        """As of returning customers, with everything that the file tells."""
        return {
            **ReturningCustomers.contract(self),
            "new_customer_price": "enbp",
            "market_price": "market_price",
            "terms": {
                "product": "product", "channel": "channel", "payment_method": "payment_method",
                "personalised": "personalised", "disclosed": "disclosed",
            },
            "behaviour": {"device": "device", "visits": "visits"},
        }  # fmt: skip

    def _parts(self) -> Parts:
        plain = ReturningCustomers._parts(self)
        own: Parts = {"payment_method": PAYMENTS, "device": DEVICES, "visits": VISITS, "slip": (0, 1)}
        every = {**plain, **own}
        drawn = [name for name in plain if name not in self.shared and name != TURN]
        return {name: every[name] for name in (*self.shared, TURN, *drawn, "slip")}

    def _factors(self, effect: float) -> tuple[Factor, ...]:
        slips = np.zeros((len(CHANNELS), self.firsts, self.rows_each))
        slips[1] = self.above_share if effect > 0 else 0.0
        slips[:, 0, 0] = 0.0  # a first quote of a new customer is no renewal
        return (
            *ReturningCustomers._factors(self, effect), (("payment_method",), [0.55, 0.45]), (("device",), [0.5, 0.5]),
            (("visits",), [0.7, 0.3]), (("channel", "first", TURN, "slip"), np.stack([1 - slips, slips], axis=-1)),
        )  # fmt: skip

    def _along(self, name: str) -> list[int]:
        """A shape of one length along an axis of the table."""
        return [len(values) if axis == name else 1 for axis, values in self._parts().items()]

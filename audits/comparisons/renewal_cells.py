"""Renewals beside their equivalent new business price, added up from cells by channel, product, payment and tenure.

A renewal is a quote whose tenure is not that of a new customer; where the contract declares no tenure, every quote is
one. It is compared where both its price and the price of an equivalent new customer are above zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from audits.comparisons.flags import known_label
from audits.evidence.cells import Cells
from audits.evidence.needs import CellsNeed
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import (
    ABOVE,
    BAND,
    NET_NEW_PRICE,
    NET_PRICE,
    NEW_CUSTOMER,
    NEW_EXCESS,
    NEW_SIDE,
    NO_NEW_PRICE,
    NOT_ABOVE,
)

CHANNEL, PRODUCT, PAYMENT, TENURE = "channel", "product", "payment method", "tenure"
_TERMS = {CHANNEL: "channel", PRODUCT: "product", PAYMENT: "payment_method"}
INCENTIVES = ("incentive", "new_customer_incentive")
Labels = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Renewals:
    """Quotes of some kind, by what became of the comparison, and Σ in money over those compared.

    ``excess`` is what renewals above cost beyond their new-customer prices. Of the compared, ``without_incentive`` and
    ``without_new_incentive`` have none noted. ``doubtful`` renewals above might be none: their tenure is unknown, so
    that they may be new customers, or their incentive is. ``below_zero`` quotes have a tenure that cannot be.
    """

    above: int = 0
    not_above: int = 0
    without_new_price: int = 0
    without_price: int = 0
    new_customers: int = 0
    below_zero: int = 0
    unknown_tenure: int = 0
    doubtful: int = 0
    without_incentive: int = 0
    without_new_incentive: int = 0
    excess: float = 0.0
    price: float = 0.0
    new_price: float = 0.0

    def __add__(self, other: Renewals) -> Renewals:
        return Renewals(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def compared(self) -> int:
        """Renewals with both prices."""
        return self.above + self.not_above

    @property
    def lacking(self) -> int:
        """Renewals, or what may be renewals, that cannot be compared."""
        return self.without_new_price + self.without_price + self.below_zero

    @property
    def renewals(self) -> int:
        """All renewals, compared or not."""
        return self.compared + self.without_new_price + self.without_price


def dimensions(contract: DataContract) -> dict[str, str]:
    """What tells renewals apart here: name → column, in a fixed order."""
    found = {name: contract.terms[key] for name, key in _TERMS.items() if key in contract.terms}
    return found | ({TENURE: BAND} if contract.tenure else {})


def cells_need(contract: DataContract) -> CellsNeed:
    """Cells by these dimensions and by the side on which a renewal lies, with sums of money and of incentives."""
    incentives = [contract.terms[key] for key in INCENTIVES if key in contract.terms]
    return CellsNeed(
        columns=tuple(dict.fromkeys((*dimensions(contract).values(), NEW_SIDE))),
        sums=tuple(dict.fromkeys((NEW_EXCESS, NET_PRICE, NET_NEW_PRICE, *incentives))), decision=False,
    )  # fmt: skip


def renewals_in(cells: Cells, contract: DataContract) -> dict[Labels, Renewals]:
    """Labels in the order of ``dimensions``, None where missing → the renewals of that kind."""
    names = dimensions(contract)
    places = [cells.columns.index(column) for column in names.values()]
    side_at = cells.columns.index(NEW_SIDE)
    found: dict[Labels, Renewals] = {}
    for i, (values, _, rows) in enumerate(cells.cells):
        labels = tuple(known_label(values[place]) for place in places)
        dated = not contract.tenure or labels[-1] is not None
        totals = dict(zip(cells.sums, cells.totals[i], strict=True))
        noted = {key: totals[contract.terms[key]].known for key in INCENTIVES if key in contract.terms}
        money = tuple(totals[name].sum for name in (NEW_EXCESS, NET_PRICE, NET_NEW_PRICE))
        one = _of_cell(values[side_at], rows, dated, noted, money)
        found[labels] = found.get(labels, Renewals()) + one
    return found


def _of_cell(side: str | None, rows: int, dated: bool, noted: Mapping[str, int], money: tuple[float, ...]) -> Renewals:
    if side == NEW_CUSTOMER:
        return Renewals(new_customers=rows) if dated else Renewals(below_zero=rows)
    unknown = 0 if dated else rows
    if side not in (ABOVE, NOT_ABOVE):
        lacks_new = side == NO_NEW_PRICE
        return Renewals(
            without_new_price=rows * lacks_new, without_price=rows * (not lacks_new), unknown_tenure=unknown
        )
    missing = {key: rows - noted.get(key, rows) for key in INCENTIVES}
    above = rows if side == ABOVE else 0
    return Renewals(
        above=above, not_above=rows - above, unknown_tenure=unknown,
        doubtful=min(above, max(unknown, missing["incentive"])), without_incentive=missing["incentive"],
        without_new_incentive=missing["new_customer_incentive"], excess=money[0], price=money[1], new_price=money[2],
    )  # fmt: skip


def total(parts: Iterable[Renewals]) -> Renewals:
    """All of them together."""
    return sum(parts, Renewals())


def by(found: Mapping[Labels, Renewals], places: Iterable[int]) -> dict[Labels, Renewals]:
    """Renewals by the labels at some places, in the order of the labels, missing ones last."""
    kept = tuple(places)
    added: dict[Labels, Renewals] = {}
    for labels, one in found.items():
        key = tuple(labels[place] for place in kept)
        added[key] = added.get(key, Renewals()) + one
    return dict(sorted(added.items(), key=lambda pair: [(label is None, label or "") for label in pair[0]]))

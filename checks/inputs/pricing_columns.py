"""Columns that an audit of prices adds to the prepared relation, where the contract fills their roles.

Tenure becomes completed months and a band of years; prices become logarithms over cost, over the market and alone, so
that a difference is a ratio; a renewal is set against its equivalent new business price, net of incentives. A price or
cost that is not above zero has no logarithm, a negative tenure no meaning: such rows have NULL in the columns that they
cannot fill, and ``FAULT`` names what is wrong with them, so that they are counted and never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import pairwise
from operator import and_
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import TENURE_UNITS, DataContract

if TYPE_CHECKING:
    import ibis.expr.types as ir

MONTHS, BAND = "squaredeal_tenure_months", "squaredeal_tenure_band"
PRICED = "squaredeal_priced"
LOG_PRICE, LOG_MARKUP, LOG_MARKET = "squaredeal_log_price", "squaredeal_log_markup", "squaredeal_log_market"
LOGARITHMS = (LOG_PRICE, LOG_MARKUP, LOG_MARKET)
LARGEST_LOGARITHM = 100.0  # no amount of money is e^100 times another
LARGEST_AMOUNT, _LEAST_AMOUNT = 1e15, 1e-9  # of money; what is beyond is a mistake, and no sum would hold it exactly
MARGIN = "squaredeal_margin"
PAID, EXPECTED, REALISED = "squaredeal_paid", "squaredeal_expected", "squaredeal_realised"
PAID_REALISED, EXPECTED_REALISED = "squaredeal_paid_realised", "squaredeal_expected_realised"
NEW_SIDE, NEW_EXCESS = "squaredeal_new_customer_side", "squaredeal_new_customer_excess"
NEW_ABOVE, RENEWALS = "squaredeal_above_new_customer_price", "renewal_above_enbp_cases"
NET_PRICE, NET_NEW_PRICE = "squaredeal_net_price", "squaredeal_net_new_customer_price"
FAULT = "squaredeal_pricing_fault"
ECR_BAND, PRIOR = "squaredeal_expected_claims_ratio_band", "squaredeal_prior_price"
ASKED, TECHNICAL = "squaredeal_asked", "squaredeal_technical"
DERIVED = (
    MONTHS, BAND, PRICED, LOG_PRICE, LOG_MARKUP, LOG_MARKET, MARGIN, PAID, EXPECTED, REALISED, PAID_REALISED,
    EXPECTED_REALISED, NEW_SIDE, NEW_ABOVE, NEW_EXCESS, NET_PRICE, NET_NEW_PRICE, FAULT, ECR_BAND, PRIOR,
    ASKED, TECHNICAL,
)  # fmt: skip
# amounts that are only ever added up: their cells keep no sum of squares
ADDED = (
    PRICED, ASKED, TECHNICAL, PRIOR, NEW_EXCESS, NET_PRICE, NET_NEW_PRICE, PAID_REALISED, EXPECTED_REALISED,
)  # fmt: skip
ECR_EDGES = (0.2, 0.4, 0.6, 0.8, 1.0)
ECR_LABELS = ("under 20 %", "20-<40 %", "40-<60 %", "60-<80 %", "80-<100 %", "100 %+")
ABOVE, NOT_ABOVE, NO_NEW_PRICE, NEW_CUSTOMER, NO_PRICE = (
    "above",
    "not above",
    "no new price",
    "new customer",
    "no price",
)
FAULTS = (
    "no price", "price not above zero", "no cost", "cost not above zero", "no tenure", "tenure below zero",
    "tenure beyond 300 years", "amount beyond any price",
)  # fmt: skip
_LONGEST = 300.0  # years: beyond, it is no tenure of a person


def tenure_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Labels of the bands of years between ascending edges: ``under 1``, ``1``, ``2-4``, ``0.5-<1.5``, ``5+``."""
    whole = all(edge == int(edge) for edge in edges)

    def label(low: float, high: float) -> str:
        if not whole:
            return f"{low:g}-<{high:g}"
        return f"{low:g}" if high - low == 1 else f"{low:g}-{high - 1:g}"

    return (f"under {edges[0]:g}", *(label(low, high) for low, high in pairwise(edges)), f"{edges[-1]:g}+")


def band_of(months: int, edges: tuple[float, ...]) -> str:
    """The label of a tenure of so many completed months."""
    return tenure_labels(edges)[sum(months >= 12 * edge for edge in edges)]


def pricing_columns(columns: Mapping[str, ir.Value], raw: ir.Table, contract: DataContract) -> dict[str, ir.Value]:
    """The derived columns as expressions: over the ``raw`` relation, whose NaN and infinities fall outside all bounds
    here, and where a missing value must be told from a bad one over ``columns`` as ``prepare`` has cleaned them.
    """
    found: dict[str, ir.Value] = {}
    plain = {name: raw[name] for name in columns if name in raw.columns}
    if contract.tenure:
        months = _months(plain[contract.tenure], contract.tenure_unit)
        found |= {MONTHS: months, BAND: _band(plain[contract.tenure], contract)}
    if contract.price:
        found |= _of_price(plain, contract)
        found[FAULT] = _fault(columns, plain, contract)
    if contract.price and contract.new_customer_price:
        amounts = [name for name in (contract.price, contract.new_customer_price, contract.tenure) if name]
        found |= _against_new_customers({**columns, **{name: plain[name] for name in amounts}}, contract)
    if contract.price and contract.realised_cost:
        found |= _against_realised_cost(plain, contract)
    return found


def bounded_by(contract: DataContract) -> dict[str, str]:
    """For derived amounts the contract's column whose values they take."""
    held = {
        PRICED: contract.price, PAID: contract.price, EXPECTED: contract.cost, REALISED: contract.realised_cost,
        PRIOR: contract.prior_price, ASKED: contract.price, TECHNICAL: contract.cost,
    }  # fmt: skip
    if not {"incentive", "new_customer_incentive"} & set(contract.terms):  # net amounts may leave those of a column
        held |= {NET_PRICE: contract.price, NEW_EXCESS: contract.price, NET_NEW_PRICE: contract.new_customer_price}
    return {name: column for name, column in held.items() if column is not None}


def _number(column: ir.Value) -> Any:
    return (column.cast("int32") if column.type().is_boolean() else column).cast("float64")


def _null(kind: str = "float64") -> Any:
    import ibis

    return ibis.null(kind)


def _positive(column: ir.Value) -> Any:
    """The number where it is above zero (and no absurdity whose ratios no double holds), else NULL."""
    import ibis

    return ibis.ifelse(_within(column), _number(column), _null())


def _within(column: ir.Value) -> Any:
    number = _number(column)
    return (number > _LEAST_AMOUNT) & (number < LARGEST_AMOUNT)


def _logarithm(number: Any, over: Any = None) -> Any:
    """Of a positive number, over another where one is given; NULL where it leaves the bounds of ``LOGARITHMS``."""
    import ibis

    found = number.ln() if over is None else (number / over).ln()
    return ibis.ifelse(found.abs() < LARGEST_LOGARITHM, found, _null())


def _years(column: ir.Value, unit: str) -> Any:
    return _number(column) / TENURE_UNITS[unit]


def _months(column: ir.Value, unit: str) -> Any:
    """Completed months. The first case makes the engine group by the months and not by what may be many raw values."""
    import ibis

    years = _years(column, unit)
    months = (ibis.ifelse(years < _LONGEST, years, _null()) * 12.0 + 1e-6).floor().cast("int32")
    return ibis.cases((years < 0, _null("int32")), (years < _LONGEST, months), else_=_null("int32"))


def _band(column: ir.Value, contract: DataContract) -> Any:
    """Bands begin at completed months, as ``band_of`` has it."""
    import ibis

    years = _years(column, contract.tenure_unit)
    months = years * 12.0 + 1e-6
    labels = tenure_labels(contract.tenure_bands)
    branches = [(months < 12.0 * edge, label) for edge, label in zip(contract.tenure_bands, labels, strict=False)]
    return ibis.cases(
        (years < 0, _null("string")), *branches, (years < _LONGEST, labels[-1]), else_=_null("string"),
    )  # fmt: skip


def _of_price(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, ir.Value]:
    import ibis

    price = _positive(columns[str(contract.price)])
    found = {LOG_PRICE: _logarithm(price), PRICED: price, ASKED: price}
    if contract.cost:
        cost = _positive(columns[contract.cost])
        found |= {
            PRICED: ibis.ifelse(cost.notnull(), price, _null()),
            TECHNICAL: cost,
            LOG_MARKUP: _logarithm(price, cost),
            MARGIN: (price - cost) / price,
            ECR_BAND: _claims_band(cost / price),
        }
    if contract.prior_price:
        found[PRIOR] = ibis.ifelse(price.notnull(), _positive(columns[contract.prior_price]), _null())
    if contract.market_price:
        found[LOG_MARKET] = _logarithm(price, _positive(columns[contract.market_price]))
    return found


def _claims_band(ratio: Any) -> Any:
    """The band of expected cost over price. Its cases make the engine group by the band and not by the amounts."""
    import ibis

    branches = [(ratio < edge, label) for edge, label in zip(ECR_EDGES, ECR_LABELS, strict=False)]
    return ibis.cases(*branches, (ratio < 1e300, ECR_LABELS[-1]), else_=_null("string"))


def _fault(columns: Mapping[str, ir.Value], plain: Mapping[str, ir.Value], contract: DataContract) -> Any:
    """The first thing that keeps a row out of comparisons of prices, or NULL (asked first: most rows have none)."""
    import ibis

    fine = [_within(plain[column]) for column in (contract.price, contract.cost) if column]
    if contract.tenure:
        years = _years(plain[contract.tenure], contract.tenure_unit)
        fine.append((years >= 0) & (years < _LONGEST))
    cases: list[tuple[Any, Any]] = [(reduce(and_, fine), _null("string"))]
    for column, missing, bad in (
        (contract.price, FAULTS[0], FAULTS[1]), (contract.cost, FAULTS[2], FAULTS[3]),
    ):  # fmt: skip
        if column:
            number = _number(columns[column])
            cases += [(number.isnull(), missing), (number <= 0, bad)]
    if contract.tenure:
        years = _years(columns[contract.tenure], contract.tenure_unit)
        cases += [(years.isnull(), FAULTS[4]), (years < 0, FAULTS[5]), (years >= _LONGEST, FAULTS[6])]
    return ibis.cases(*cases, else_=FAULTS[7])


def _net(columns: Mapping[str, ir.Value], column: str, incentive: str | None) -> Any:
    """An amount less an incentive; a missing incentive is none."""
    import ibis

    number = _positive(columns[column])
    if incentive is None:
        return number
    return number - ibis.coalesce(_number(columns[incentive]), ibis.literal(0, "int32").cast("float64"))


def _against_new_customers(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, ir.Value]:
    """On which side of the equivalent new business price a renewal lies, beyond rounding, and by how much above."""
    import ibis

    price = _net(columns, str(contract.price), contract.terms.get("incentive"))
    new = _net(columns, str(contract.new_customer_price), contract.terms.get("new_customer_incentive"))
    excess = price - new
    known = price.notnull() & new.notnull()
    above = excess > contract.rounding * (1 + 1e-9) + 1e-9
    renewal: list[tuple[Any, str]] = []
    if contract.tenure:
        years = _years(columns[contract.tenure], contract.tenure_unit)
        renewal = [(years <= 0, NEW_CUSTOMER)]
        known = known & ~(years <= 0).fill_null(False)
    side = ibis.cases(
        *renewal, (price.isnull(), NO_PRICE), (new.isnull(), NO_NEW_PRICE), (above, ABOVE), (excess < 1e300, NOT_ABOVE),
        else_=_null("string"),
    )  # fmt: skip
    zero = ibis.literal(0, "int32").cast("float64")
    return {
        NEW_SIDE: side, NEW_ABOVE: ibis.ifelse(known, above.cast("int32").cast("float64"), _null()),
        NEW_EXCESS: ibis.ifelse(known, ibis.ifelse(above, excess, zero), _null()),
        NET_PRICE: ibis.ifelse(known, price, _null()), NET_NEW_PRICE: ibis.ifelse(known, new, _null()),
    }  # fmt: skip


def _against_realised_cost(columns: Mapping[str, ir.Value], contract: DataContract) -> dict[str, ir.Value]:
    """Price, expected and realised cost of the rows that have all of them."""
    import ibis

    price, realised = columns[str(contract.price)], _number(columns[str(contract.realised_cost)])
    known = _within(price) & (realised.abs() < LARGEST_AMOUNT)
    if contract.cost:
        known = known & _within(columns[contract.cost])
    if contract.tenure:  # a row that no model of tenure uses must not set the places in which the others are summed
        years = _years(columns[contract.tenure], contract.tenure_unit)
        known = known & (years >= 0) & (years < _LONGEST)
    zero = ibis.literal(0, "int32").cast("float64")
    cost = ibis.ifelse(known, ibis.ifelse(realised.abs() < _LEAST_AMOUNT, zero, realised), _null())
    paid = ibis.ifelse(known, _number(price), _null())
    found = {PAID: paid, REALISED: cost, PAID_REALISED: paid * cost}
    if contract.cost:
        told = ibis.ifelse(known, _number(columns[contract.cost]), _null())
        found |= {EXPECTED: told, EXPECTED_REALISED: told * cost}
    return found

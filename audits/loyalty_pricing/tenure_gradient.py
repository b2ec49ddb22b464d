"""Do those who stay pay more at equal cost?

Harm: the price grows with the years that a customer has stayed, beyond what the customer costs (price walking,
大数据杀熟). Within the declared strata, allowing for customers who come again:

* tenure_price_slope: slope of log(price) − log(expected cost) on years of tenure. The cost is an offset with
  coefficient 1, never a covariate: as a covariate with a free coefficient, or in coarse cells, it leaves part of the
  cost to tenure, and where loyal customers are cheaper risks the sign turns. Positive is harm; .02 means two percent a
  year. Published assumption: the error of the expected cost does not depend on tenure. Without a cost: log(price) at
  equal strata.
* tenure_market_slope: the same of log(price) − log(market price). It is told beside; rules use price over cost.
* tenure_price_ratio: price over cost of each band of tenure over that of new customers, exp of a least-squares
  contrast, with simultaneous intervals over the bands (max-t; Westfall and Young 1993). The dose-response curve.
* tenure_overcharge_money: what a quote of the band costs on average beyond what a new customer would pay at equal cost,
  P(1 − 1/ratio) with P the mean price of the band; estimated_overcharge_money: the sum over all bands, by the delta
  method. An estimate for the book, never for one customer.
* loyalty_penalty_slope: what this route and the loss ratio (``loss_ratio``) agree on (``two_routes``); rules judge it.
  What the contract's model itself asks of renewing customers as new ones is told beside it (``flip_route``).

``error_tolerance`` is the yearly change of realised over expected cost from which, where its interval excludes none,
the cost's error is taken to depend on tenure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import tenure_routes as routes
from audits.comparisons import two_routes
from audits.comparisons.currency import in_currency, price_currency, price_currency_needs
from audits.comparisons.flip_route import with_flip
from audits.comparisons.modelled_renewals import renewals_needs
from audits.comparisons.tenure_routes import COST_ERROR, LOSS, MARKET, PRICE, PRICE_BANDS, Effect, Newcomers
from audits.evidence.collect import Evidence
from audits.evidence.effects import effect_cells
from audits.evidence.needs import EffectsNeed, Need
from audits.measuring import from_error, number
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import band_of, tenure_labels
from checks.sentence import said, template

_SEED = 20210401
_REPLICATES = 100_000
_BESIDE = said(
    "price over the market is told beside; the rules on tenure use price over expected cost, and a market may be dear "
    "for those who stay as well"
)
_ROUTE = said(
    "one route alone: a penalty is told where price over expected cost and realised cost over price agree "
    "(loyalty_penalty_slope)"
)
_NO_BAND = template("only {n} quotes of this band, and an error to rely on needs {needed}")
_CURVE = template("{method}; simultaneous intervals over {bands} bands (max-t)")
_AMOUNT = template("{method}; mean price of the band times one less the inverse ratio; simultaneous over {bands} bands")
_TOTAL = template("{method}; sum of price times one less the inverse ratio over {bands} bands, delta method")


@dataclass(frozen=True, slots=True)
class TenureGradient:
    """``level`` is the confidence level, ``error_tolerance`` a share a year."""

    level: float = 0.95
    error_tolerance: float = 0.0025

    name: ClassVar[str] = "loyalty_pricing.tenure_gradient"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("price", "tenure")
    optional_roles: ClassVar[tuple[str, ...]] = (
        "cost", "market_price", "realised_cost", "strata", "entity", "weight", "prediction", "features",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "tenure_price_slope": 0.0, "tenure_market_slope": 0.0, "tenure_price_ratio": 1.0,
        "tenure_overcharge_money": 0.0, "estimated_overcharge_money": 0.0, two_routes.MEASURE: 0.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Cells of tenure within strata, with logarithms and amounts; the customers' score sums."""
        yield from routes.needs_of(routes.tenure_need(contract))
        yield from renewals_needs(contract)
        yield from price_currency_needs(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Slopes, the curve over bands, its worth in money, and what both routes agree on."""
        need = routes.tenure_need(contract)
        effects = dict(zip(routes.models_of(contract), routes.effects_of(evidence, need), strict=True))
        rows = evidence.cells(routes.fault_cells()).rows
        new = routes.newcomers(effects[PRICE].found, evidence, need)
        slopes = {name: self._slope(name, effect, rows, new) for name, effect in effects.items() if name in _SLOPES}
        figures = [replace(slopes[PRICE], undecided=_ROUTE)]
        if MARKET in slopes:
            figures.append(replace(slopes[MARKET], undecided=_BESIDE))
        figures += self._curve(effects[PRICE_BANDS], evidence, need, rows, new, contract)
        base = routes.without_newcomers(
            routes.shared(self.name, two_routes.MEASURE, effects[PRICE], self.level, rows), new
        )
        joint = two_routes.agreed(
            base, slopes[PRICE], slopes.get(LOSS), slopes.get(COST_ERROR), self.error_tolerance, contract,
        )  # fmt: skip
        currency = price_currency(evidence, contract)
        figures = [in_currency(one, currency) if one.measure in _MONEY else one for one in figures]
        joint, unasked = with_flip(joint, evidence, contract)
        return [*figures, joint], [*self._missing(contract), *_lacking(self.name, new), *unasked]

    def _slope(self, name: str, effect: Effect, rows: int, new: Newcomers) -> Measurement:
        measure, sign = _SLOPES[name]
        base = routes.shared(self.name, measure, effect, self.level, rows)
        return routes.slope(routes.without_newcomers(base, new), effect, sign)

    def _missing(self, contract: DataContract) -> list[NotAnswered]:
        missing = []
        if not contract.cost:
            missing.append(NotAnswered(
                f"{self.name}: cost", said("no expected cost is declared: prices are compared at equal strata only"),
                said("name the technical price or expected cost under 'cost'"),
            ))  # fmt: skip
        if not contract.market_price:
            missing.append(NotAnswered(
                f"{self.name}: tenure_market_slope", said("the contract names no market price"),
                said("name the price of the market for the same risk under 'market_price'"),
            ))  # fmt: skip
        if not contract.realised_cost:
            missing.append(NotAnswered(
                f"{self.name}: loyalty_penalty_slope", said("the contract names no realised cost, the second route"),
                said("name claims or losses of each contract under 'realised_cost'"),
            ))  # fmt: skip
        if not contract.strata:
            missing.append(NotAnswered(
                f"{self.name}: strata", said("no strata are declared: all products and channels are compared together"),
                said("list product and channel under 'strata'"),
            ))  # fmt: skip
        if contract.weight:
            missing.append(NotAnswered(
                f"{self.name}: weight", said("every quote counts once: the declared weight is not used"),
                said("read the figures as those of the quotes given"),
            ))  # fmt: skip
        return missing

    def _curve(
        self, effect: Effect, evidence: Evidence, need: EffectsNeed, rows: int, new: Newcomers, contract: DataContract
    ) -> Iterator[Measurement]:
        """The ratio of each band to new customers, its worth in money, and the total."""
        import numpy as np

        amounts = _amounts(evidence, contract)
        first = tenure_labels(contract.tenure_bands)[0]
        base = replace(
            routes.shared(self.name, "tenure_price_ratio", effect, self.level, rows), attribute="tenure",
            reference=first, equality=1.0,
        )  # fmt: skip
        sizes = _sizes(effect, evidence, need)
        names = [label for label in tenure_labels(contract.tenure_bands)[1:] if sizes.get(label)]
        usable = [] if new.too_few else [
            i for i, name in enumerate(effect.names)
            if routes.unreliable(effect, i) is None and sizes.get(name, 0) >= routes.ROWS
        ]  # fmt: skip
        reach = self._simultaneous(effect, usable)
        for name in names:
            one = replace(base, group=name, counts={
                **base.counts, "group": sizes[name], "reference": sizes.get(first, 0),
            }, n=sizes[name] + sizes.get(first, 0))  # fmt: skip
            place = effect.names.index(name) if name in effect.names else -1
            if place not in usable:
                reason = self._why_no_band(effect, place, sizes[name], new)
                yield replace(one, reason=reason)
                continue
            told = float(effect.estimates[place]), float(effect.covariance[place, place]) ** 0.5
            one = replace(one, details=routes.robustness(effect, self.level, place))
            yield self._ratio(one, *told, reach, effect, len(usable))
            if name in amounts:
                yield self._amount(one, *told, reach, effect, len(usable), amounts[name], sizes[name])
        small = sum(sizes[name] for name in names if name not in {effect.names[i] for i in usable})
        total = replace(base, measure="estimated_overcharge_money", attribute=None, reference=None, equality=0.0,
                        counts={**base.counts, "in_bands_left_out": small})  # fmt: skip
        if not usable:
            why = said(routes.FEW_NEW, new=new.new, rows=new.rows, needed=routes.NEW_CUSTOMERS)
            reason = why if new.too_few else routes.unreliable(effect, 0) or said("no band can be compared")
            yield replace(total, reason=reason)
            return
        worth = np.array([amounts.get(effect.names[i], 0.0) for i in usable])
        yield self._total(total, effect, usable, worth)

    def _simultaneous(self, effect: Effect, usable: list[int]) -> float:
        """The multiple of its error that every band's interval reaches."""
        import numpy as np

        from audits.statistics.max_t import max_t_from_covariance

        if not usable:
            return math.nan
        chosen = np.ix_(usable, usable)
        found = max_t_from_covariance(
            effect.estimates[usable], effect.covariance[chosen], degrees_of_freedom=effect.freedom, level=self.level,
            replicates=_REPLICATES, seed=_SEED,
        )  # fmt: skip
        return float(found.critical_value)

    def _why_no_band(self, effect: Effect, place: int, size: int, new: Newcomers) -> str:
        if new.too_few:
            return said(routes.FEW_NEW, new=new.new, rows=new.rows, needed=routes.NEW_CUSTOMERS)
        if size < routes.ROWS:
            return said(_NO_BAND, n=size, needed=routes.ROWS)
        return routes.unreliable(effect, max(place, 0)) or said("this band has nobody to compare with in its strata")

    def _ratio(
        self, one: Measurement, log: float, error: float, reach: float, effect: Effect, bands: int
    ) -> Measurement:  # fmt: skip
        """exp of the contrast; its error is that of the logarithm."""
        from scipy.special import stdtr, stdtrit

        mde = math.exp((reach + float(stdtrit(effect.freedom, 0.8))) * error) - 1
        return replace(
            one, estimate=math.exp(log), low=math.exp(log - reach * error), high=math.exp(log + reach * error),
            corrected=True, mde=number(mde), p_value=float(2 * stdtr(effect.freedom, -abs(log) / error)),
            method=said(_CURVE, method=effect.method, bands=bands), undecided=_ROUTE,
            details={**one.details, "log_ratio": log, "standard_error_of_the_log": error},
        )  # fmt: skip

    def _amount(
        self, one: Measurement, log: float, error: float, reach: float, effect: Effect, bands: int, total: float,
        size: int,
    ) -> Measurement:  # fmt: skip
        mean = total / size
        low, high = (mean * -math.expm1(-end) for end in (log - reach * error, log + reach * error))
        return replace(
            one, measure="tenure_overcharge_money", equality=0.0, estimate=mean * -math.expm1(-log), low=low, high=high,
            corrected=True, method=said(_AMOUNT, method=effect.method, bands=bands), undecided=_ROUTE,
            details={**one.details, "mean_price": mean, "equivalent_new_customer_price": mean * math.exp(-log)},
        )  # fmt: skip

    def _total(self, total: Measurement, effect: Effect, usable: list[int], worth: object) -> Measurement:
        import numpy as np

        paid = np.asarray(worth, dtype=float)
        logs = effect.estimates[usable]
        gradient = paid * np.exp(-logs)
        error = float(np.sqrt(gradient @ effect.covariance[np.ix_(usable, usable)] @ gradient))
        estimate = float((paid * -np.expm1(-logs)).sum())
        values = [routes.robustness(effect, self.level, place) for place in usable]
        least = {name: min(one[name] for one in values) for name in _ROBUST if all(name in one for one in values)}
        total = replace(
            total, method=said(_TOTAL, method=effect.method, bands=len(usable)), undecided=_ROUTE,
            details={**least, "paid_by_those_who_stayed": float(paid.sum())},
        )  # fmt: skip
        if not error > 0:
            return replace(total, reason=said("no error can be told"))
        return replace(total, **from_error(estimate, error, effect.freedom, self.level))


_MONEY = ("tenure_overcharge_money", "estimated_overcharge_money")
_ROBUST = ("robustness_value", "robustness_value_of_the_interval")  # of the total: those of its least robust band
_SLOPES = {
    PRICE: ("tenure_price_slope", 1.0), MARKET: ("tenure_market_slope", 1.0), LOSS: ("loss_ratio_slope", -1.0),
    COST_ERROR: ("cost_error_slope", 1.0),
}  # fmt: skip


def _sizes(effect: Effect, evidence: Evidence, need: EffectsNeed) -> dict[str, int]:
    """Quotes of each band that its model uses."""
    cells, found = evidence.cells(effect_cells(need)), effect.found
    sizes: dict[str, int] = {}
    for place, count in zip(found.places.tolist(), found.counts.tolist(), strict=True):
        band = band_of(int(str(cells.cells[place][0][-1])), need.edges)
        sizes[band] = sizes.get(band, 0) + int(count)
    return sizes


def _amounts(evidence: Evidence, contract: DataContract) -> dict[str, float]:
    """The sum of prices of each band of tenure."""
    cells = evidence.cells(routes.money_cells(contract))
    found: dict[str, float] = {}
    for (labels, _, _), (total,) in zip(cells.cells, cells.totals, strict=True):
        if labels[-1] is not None and total.known:
            band = band_of(int(labels[-1]), contract.tenure_bands)
            found[band] = found.get(band, 0.0) + total.sum
    return found


def _lacking(question: str, new: Newcomers) -> list[NotAnswered]:
    """Strata in which too few new customers were quoted a price."""
    return [
        NotAnswered(
            f"{question}: {name}", said(routes.FEW_NEW, new=few, rows=rows, needed=routes.NEW_CUSTOMERS),
            said("more quotes of new customers in this stratum, a longer period, or coarser strata"),
        )
        for name, few, rows in new.lacking
    ]  # fmt: skip

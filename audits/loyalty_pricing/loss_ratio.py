"""Do those who stay get less for their money: is less paid out for each unit of price, the longer a customer stays?

The outcome test of a loyalty penalty: E[realised cost | price, tenure] = price · exp(a − βt) within the declared
strata, by Poisson pseudo-likelihood with the price as exposure, which is consistent whatever the distribution of
costs (Gourieroux, Monfort and Trognon 1984, Econometrica 52:681–700; Santos Silva and Tenreyro 2006, Review of
Economics and Statistics 88:641–658), with robust errors, by customer where the contract names one.

* loss_ratio_slope: β, the yearly fall of realised cost for each unit of price. Positive is harm. It needs no cost
  model.
* cost_error_slope: yearly change of realised over expected cost, with the expected cost as exposure. Where it is not
  nought the error of the expected cost depends on tenure, and price over expected cost does not tell a penalty.
* group_premium_ratio: price over expected cost of a group over that of the reference group (least squares of
  logarithms). Above 1 the group pays more at equal expected cost.
* group_value_ratio: price for each unit of realised cost of a group over that of the reference group. Above 1 the group
  gets less for its money.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import tenure_routes as routes
from audits.comparisons.tenure_routes import COST_ERROR, LOSS, Effect
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need
from audits.measuring import bounded, number
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import said, template

_ROUTE = said(
    "one route alone: a penalty is told where price over expected cost and realised cost over price agree "
    "(loyalty_penalty_slope)"
)
_ASSUMPTION = said("this figure tells about the cost model, not about a harm")
_FEW_OF_GROUP = template("only {n} quotes of {label}, and an error to rely on needs {needed}")


@dataclass(frozen=True, slots=True)
class LossRatio:
    """``level`` is the confidence level; ``attributes`` restricts the comparison of groups, empty means all."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "loyalty_pricing.loss_ratio"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("price", "tenure", "realised_cost")
    optional_roles: ClassVar[tuple[str, ...]] = ("cost", "strata", "entity", "groups", "weight")
    measures: ClassVar[Mapping[str, float | None]] = {
        "loss_ratio_slope": 0.0, "cost_error_slope": 0.0, "group_premium_ratio": 1.0, "group_value_ratio": 1.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """The cells and score sums of the models of tenure, and of each attribute's groups."""
        yield from routes.needs_of(routes.tenure_need(contract))
        for attribute in self._attributes(contract):
            yield from routes.needs_of(routes.group_need(attribute, self._reference(attribute, contract), contract))

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Slopes by tenure and ratios by group."""
        need = routes.tenure_need(contract)
        effects = dict(zip(routes.models_of(contract), routes.effects_of(evidence, need), strict=True))
        rows = evidence.cells(routes.fault_cells()).rows
        new = routes.newcomers(effects[LOSS].found, evidence, need)
        base = routes.shared(self.name, "loss_ratio_slope", effects[LOSS], self.level, rows)
        loss = routes.slope(routes.without_newcomers(base, new), effects[LOSS], -1.0)
        figures, missing = [replace(loss, undecided=_ROUTE)], []
        if COST_ERROR in effects:
            base = routes.shared(self.name, "cost_error_slope", effects[COST_ERROR], self.level, rows)
            figures.append(replace(routes.slope(base, effects[COST_ERROR]), undecided=_ASSUMPTION))
        else:
            missing.append(NotAnswered(
                f"{self.name}: cost_error_slope", said("the contract names no expected cost"),
                said("name the technical price or expected cost under 'cost'"),
            ))  # fmt: skip
        for attribute in self._attributes(contract):
            figures += self._groups(evidence, attribute, contract, rows)
        if contract.weight:
            missing.append(NotAnswered(
                f"{self.name}: weight", said("every quote counts once: the declared weight is not used"),
                said("read the figures as those of the quotes given"),
            ))  # fmt: skip
        return figures, missing

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _reference(self, attribute: str, contract: DataContract) -> str:
        return next(group.reference_label for group in contract.groups if group.name == attribute)

    def _groups(self, evidence: Evidence, attribute: str, contract: DataContract, rows: int) -> Iterator[Measurement]:
        """Both ratios of each group of an attribute."""
        reference = self._reference(attribute, contract)
        need = routes.group_need(attribute, reference, contract)
        measures = [*(["group_premium_ratio"] if contract.cost else []), "group_value_ratio"]
        for measure, effect in zip(measures, routes.effects_of(evidence, need), strict=True):
            sign = 1.0 if measure == "group_premium_ratio" else -1.0
            base = routes.shared(self.name, measure, effect, self.level, rows)
            for place, label in enumerate(effect.names):
                if label:
                    one = replace(base, attribute=attribute, group=label, reference=reference, equality=1.0)
                    yield _ratio(one, effect, place, sign)


def _ratio(one: Measurement, effect: Effect, place: int, sign: float) -> Measurement:
    """exp of a contrast, with the interval of the logarithm."""
    from scipy.special import stdtr, stdtrit

    sizes = [0.0] * (len(effect.names) + 1)
    for level, count in zip(effect.found.levels.tolist(), effect.found.counts.tolist(), strict=True):
        sizes[int(level)] += count
    pair = {"group": int(sizes[place + 1]), "reference": int(sizes[0])}
    one = replace(one, counts={**one.counts, **pair}, n=sum(pair.values()))
    for label, size in ((one.group, pair["group"]), (one.reference, pair["reference"])):
        if size < routes.ROWS:
            return replace(one, reason=said(_FEW_OF_GROUP, n=size, label=str(label), needed=routes.ROWS))
    if reason := routes.unreliable(effect, place):
        return replace(one, reason=reason)
    log, error = sign * float(effect.estimates[place]), float(effect.covariance[place, place]) ** 0.5

    def at(level: float) -> tuple[float, float]:
        reach = float(stdtrit(effect.freedom, 0.5 + level / 2)) * error
        return math.exp(log - reach), math.exp(log + reach)

    mde = math.exp(float(stdtrit(effect.freedom, 0.5 + one.level / 2) + stdtrit(effect.freedom, 0.8)) * error) - 1
    return replace(
        one, estimate=math.exp(log), p_value=float(2 * stdtr(effect.freedom, -abs(log) / error)), mde=number(mde),
        details=routes.robustness(effect, one.level, place),
        **bounded(at, one.level),
    )  # fmt: skip

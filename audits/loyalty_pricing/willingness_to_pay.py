"""Does what the firm knows of a customer's willingness to pay move the price beyond cost?

Harm: the same cover or credit dearer for whom the firm takes to be willing to pay. The response is log(price / cost),
or log(price) where the contract has no cost; declared strata (and controls) are held equal by least squares. Measures:

* behaviour_price_share: partial R² of device, visits, spending and a score of price sensitivity together (attribute
  None), and of each alone where there are several (``statistics.partial_r_squared``); 0 is no share;
* retention_price_slope: how much of the price (price − cost) / price moves with one standard deviation of the score,
  whichever way, since a high score may stand for staying or for leaving. With HC1 or CR1 errors, and the robustness
  values of Cinelli and Hazlett (2020, JRSS B 82:39–67);
* trait_price_ratio: geometric mean price of a device label over that of the most frequent label at equal strata and
  cost, or the inverse where that is above 1, so that ``group`` is always the dearer of the two;
* trait_flip_price_ratio: where the contract has a model of the price, geometric mean of the model's own price over its
  price with the trait's usual value instead (``trait_flips``), for each trait that the model takes.

Each number enters as it is, as a straight line, and that is all: a relation with bends, and one number acting through
another, are not seen. Cost enters with coefficient one. Device labels with fewer than ten rows are given a level of
their own and tell nothing. Rows without a trait, price, cost, control or entity are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons.trait_flips import TRAIT_RATIO, trait_flips, traits_needs
from audits.evidence.collect import Evidence
from audits.evidence.needs import MomentsNeed, Need
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import BEHAVIOUR_KEYS, DataContract
from checks.inputs.pricing_columns import LOG_MARKUP, LOG_PRICE, MARGIN
from checks.sentence import said, template

ATTRIBUTES = {
    "device": "device", "visits": "visits", "spend_history": "spend history", "elasticity_score": "price sensitivity",
}  # fmt: skip
_MEASURE_OF = {"device": "trait_price_ratio", "elasticity_score": "retention_price_slope"}
_NO_KEY = template("the contract names no '{key}' under 'behaviour'")
_NAME_KEY = template("name its column under 'behaviour: {{{key}: …}}'")


@dataclass(frozen=True, slots=True)
class WillingnessToPay:
    """``level`` is the confidence level."""

    level: float = 0.95

    name: ClassVar[str] = "loyalty_pricing.willingness_to_pay"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("price", "behaviour")
    optional_roles: ClassVar[tuple[str, ...]] = (
        "cost", "strata", "controls", "entity", "weight", "prediction", "features",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "behaviour_price_share": 0.0, "retention_price_slope": 0.0, "trait_price_ratio": 1.0, TRAIT_RATIO: 1.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Moments of the price with all traits, with each alone, and of the margin with the score; flips of traits."""
        for keys in self._sets(contract):
            yield self._moments(keys, contract)
        if "device" in contract.behaviour:
            yield self._moments(("device",), contract)
        if "elasticity_score" in contract.behaviour and contract.cost:
            yield self._moments(("elasticity_score",), contract, MARGIN)
        yield from traits_needs(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The shares, the slope and the ratios."""
        from audits.comparisons import trait_models

        figures: list[Measurement] = []
        for keys in self._sets(contract):
            attribute = ATTRIBUTES[keys[0]] if len(keys) < len(contract.behaviour) else None
            shared = self._shared("behaviour_price_share", attribute, contract)
            moments = evidence.moments(self._moments(keys, contract))
            figures.append(trait_models.share(shared, moments, _columns(keys, contract)))
        if "elasticity_score" in contract.behaviour and contract.cost:
            moments = evidence.moments(self._moments(("elasticity_score",), contract, MARGIN))
            shared = self._shared("retention_price_slope", ATTRIBUTES["elasticity_score"], contract)
            figures.append(trait_models.slope(shared, moments, contract.behaviour["elasticity_score"]))
        if "device" in contract.behaviour:
            moments = evidence.moments(self._moments(("device",), contract))
            shared = replace(self._shared("trait_price_ratio", ATTRIBUTES["device"], contract), equality=1.0)
            figures += trait_models.ratios(shared, moments)
        flipped, lacking = trait_flips(self.name, evidence, contract, self.level)
        return [*figures, *flipped], [*self._missing(contract), *lacking]

    def _sets(self, contract: DataContract) -> Iterator[tuple[str, ...]]:
        """All declared traits, then each alone where there are several."""
        declared = tuple(key for key in BEHAVIOUR_KEYS if key in contract.behaviour)
        yield declared
        yield from ((key,) for key in declared if len(declared) > 1)

    def _moments(self, keys: tuple[str, ...], contract: DataContract, response: str | None = None) -> MomentsNeed:
        traits = _columns(keys, contract)
        return MomentsNeed(
            None, (*traits, *(name for name in contract.controls if name not in traits)), contract.entity,
            response or (LOG_MARKUP if contract.cost else LOG_PRICE), contract.strata,
            contract.behaviour["device"] if "device" in keys else None,
        )  # fmt: skip

    def _shared(self, measure: str, attribute: str | None, contract: DataContract) -> Measurement:
        lacking = () if contract.cost else (said(
            "the contract has no cost, so that prices are not compared at equal cost: what traits seem to explain may "
            "be cost, and cost may hide what they explain"
        ),)  # fmt: skip
        return Measurement(
            question=self.name, measure=measure, attribute=attribute, group=None, reference=None, estimate=None,
            low=None, high=None, level=self.level, n=0, equality=0.0, method=said("least squares"),
            source=said("moments"), cautions=lacking, unseen=lacking,
        )  # fmt: skip

    def _missing(self, contract: DataContract) -> Iterator[NotAnswered]:
        for key in BEHAVIOUR_KEYS:
            if key not in contract.behaviour:
                measure = _MEASURE_OF.get(key, "behaviour_price_share")
                yield NotAnswered(f"{self.name}: {measure}", said(_NO_KEY, key=key), said(_NAME_KEY, key=key))
        if "elasticity_score" in contract.behaviour and not contract.cost:
            yield NotAnswered(
                f"{self.name}: retention_price_slope", said("the contract has no cost, so that there is no margin"),
                said("name the column of expected costs under 'cost'"),
            )  # fmt: skip
        yield from left_unused(self.name, replace(contract, entity=None, strata=()))


def _columns(keys: Iterable[str], contract: DataContract) -> tuple[str, ...]:
    """The numbers among the traits, each column once."""
    return tuple(dict.fromkeys(contract.behaviour[key] for key in keys if key != "device"))

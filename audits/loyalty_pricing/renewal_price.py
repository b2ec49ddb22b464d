"""Do renewing customers pay more than a new customer would for the same cover?

Harm: loyalty costs money. The rule is FCA ICOBS 6B (PS21/5): the price of a renewal may not exceed the equivalent new
business price of the same product, channel and payment method. Both are taken net of incentives, and an excess of at
most one step of rounding is none.

* renewal_above_enbp_cases: how many renewals lie above, of all that can be compared;
* renewal_above_enbp_share: their share by channel, product, payment method and tenure, and among closed books
  (products that have renewals and not one new customer in a channel) beside open ones;
* renewal_overcharge_money: what they cost beyond their new-customer prices, in all and by channel.

These are counted, renewal by renewal, without sampling error. A renewal without an equivalent new business price is
never read as in order: it is counted, its segment is named, and many of them keep the count from being clear.

Where the contract has a model of the price that takes the tenure, the model itself is asked what it would ask drawn
renewing customers as new ones (``modelled_renewals``), recorded new-customer prices or none:

* modelled_renewal_above_enbp_share: share of renewals that the model asks more, beyond one step of rounding;
* modelled_renewal_overcharge: how much more, on average over renewals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import renewal_gaps
from audits.comparisons.census import counted, of_group
from audits.comparisons.currency import in_currency, price_currency, price_currency_needs
from audits.comparisons.modelled_renewals import ABOVE, OVERCHARGE, modelled_renewals, renewals_needs
from audits.comparisons.prices import MOST_LOST
from audits.comparisons.renewal_cells import (
    CHANNEL,
    INCENTIVES,
    PAYMENT,
    TENURE,
    Labels,
    Renewals,
    by,
    cells_need,
    dimensions,
    renewals_in,
    total,
)
from audits.evidence.collect import Evidence
from audits.evidence.needs import CensusNeed, Need
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import NEW_ABOVE, RENEWALS, tenure_labels
from checks.sentence import Sentence, said

_UNTOLD = {
    CHANNEL: said("whether the new-customer price is that of the same channel is not told by these data"),
    PAYMENT: said("whether the new-customer price is that of the same payment method is not told by these data"),
}


_NOT_FILLED = (
    said("the contract does not fill: {roles}", roles="new_customer_price"),
    said("declare {roles} in the contract", roles="new_customer_price"),
)
_COUNTED = RENEWALS


@dataclass(frozen=True, slots=True)
class RenewalPrice:
    """``level`` of confidence of the model's figures; all others are counts and sums over all renewals."""

    level: float = 0.95

    name: ClassVar[str] = "loyalty_pricing.renewal_price"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("price",)
    optional_roles: ClassVar[tuple[str, ...]] = (
        "new_customer_price", "terms", "tenure", "weight", "prediction", "features",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        _COUNTED: None, "renewal_above_enbp_share": None, "renewal_overcharge_money": None, ABOVE: None,
        OVERCHARGE: None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (_COUNTED,)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """One set of cells, and what the model's own figures take."""
        if contract.new_customer_price:
            yield cells_need(contract)
            yield from _keys_needs(contract)
            yield from price_currency_needs(contract)
        yield from renewals_needs(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """What recorded prices tell, then what the model does."""
        if not contract.new_customer_price and not contract.prediction:
            return [], [NotAnswered(self.name, *_NOT_FILLED)]
        figures: list[Measurement] = []
        missing = [NotAnswered(f"{self.name}: {_COUNTED}", *_NOT_FILLED)]
        if contract.new_customer_price:
            figures, missing = self._recorded(evidence, contract)
        modelled, lacking = modelled_renewals(self.name, evidence, contract, self.level)
        unused = [one for one in left_unused(self.name, contract) if one.question.endswith(": weight")]
        return [*figures, *modelled], [*missing, *unused, *lacking]

    def _recorded(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The whole book, then each attribute; segments that cannot be compared."""
        cells = evidence.cells(cells_need(contract))
        found = renewals_in(cells, contract)
        everyone = total(found.values())
        # a part of a period holds no rows without a time
        undated = evidence.data.undated if cells.rows == evidence.data.rows else 0
        cases = replace(self._cases(everyone, contract, undated), beyond=_beyond(evidence, contract))
        currency = price_currency(evidence, contract)
        figures = [cases, in_currency(self._money(everyone, contract), currency)]
        for name in dimensions(contract):
            groups = _grouped(found, name, contract)
            figures += [of_group(self._share(one, contract), name, label) for label, one in groups.items()]
            if name == CHANNEL:
                money = {label: in_currency(self._money(one, contract), currency) for label, one in groups.items()}
                figures += [of_group(one, name, label) for label, one in money.items()]
        books, unknown = renewal_gaps.books(self.name, found, contract)
        figures += [of_group(self._share(one, contract), "book", label) for label, one in books.items()]
        missing = renewal_gaps.missing(self.name, found, everyone, contract)
        return figures, [*missing, *unknown]

    def _cases(self, one: Renewals, contract: DataContract, undated: int) -> Measurement:
        """The number of renewals above. Doubts that leave some of them certain are told, but weaken nothing."""
        certain = one.above - one.doubtful - undated
        doubts = () if certain > 0 else (*_doubts(one, contract), *_undated(one, undated))
        figure = self._figure(_COUNTED, one, one.above)
        details = {"share": one.above / one.compared} if one.compared else {}
        return replace(
            figure, counts={**figure.counts, **_left_out(one, contract)}, details=details,
            cautions=(*_same_terms(contract), *doubts), unseen=_unseen(one),
        )  # fmt: skip

    def _share(self, one: Renewals, contract: DataContract) -> Measurement:
        share = one.above / one.compared if one.compared else None
        figure = self._figure("renewal_above_enbp_share", one, share)
        return replace(figure, cautions=(*_same_terms(contract), *_doubts(one, contract)), unseen=_unseen(one))

    def _money(self, one: Renewals, contract: DataContract) -> Measurement:
        """Σ (net renewal price − net new-customer price) over the renewals above."""
        figure = self._figure("renewal_overcharge_money", one, one.excess)
        totals = {"compared_renewal_price": one.price, "compared_new_customer_price": one.new_price}
        return replace(
            figure, details=totals if one.compared else {},
            cautions=(*_same_terms(contract), *_doubts(one, contract)), unseen=_unseen(one),
        )  # fmt: skip

    def _figure(self, measure: str, one: Renewals, value: float | None) -> Measurement:
        """A figure with its denominator, or why there is none."""
        reason = None
        if not one.compared:
            value, reason = None, said("no renewal has both a price and a new-customer price")
        if not one.renewals:
            reason = said("no quote is a renewal")
        counts = {"above": one.above, "compared": one.compared, "without_new_customer_price": one.without_new_price}
        return counted(self.name, measure, value, one.compared, counts, reason)


def _keys_needs(contract: DataContract) -> Iterator[CensusNeed]:
    """A census for the keys of the renewals above, with their money, where rows have keys."""
    if contract.unit:
        yield CensusNeed(_COUNTED, NEW_ABOVE, unit=contract.unit)


def _beyond(evidence: Evidence, contract: DataContract) -> tuple[tuple[float, int], ...]:
    """Renewals above, where their keys are kept: a renewal is one case or none, so that only such limits fit."""
    for need in _keys_needs(contract):
        beyond = evidence.census(need).beyond
        return beyond if all(0 <= limit < 1 for limit, _ in beyond) else ()
    return ()


def _left_out(one: Renewals, contract: DataContract) -> dict[str, int]:
    """What the whole book leaves out."""
    counts = {"new_customers": one.new_customers, "without_price": one.without_price}
    if contract.tenure:
        counts |= {"unknown_tenure": one.unknown_tenure, "tenure_below_zero": one.below_zero}
    missing = (one.without_incentive, one.without_new_incentive)
    return counts | {f"without_{key}": n for key, n in zip(INCENTIVES, missing, strict=True) if key in contract.terms}


def _grouped(found: Mapping[Labels, Renewals], name: str, contract: DataContract) -> dict[str, Renewals]:
    """The groups of one dimension that have renewals; bands of tenure in their order."""
    groups = by(found, [list(dimensions(contract)).index(name)])
    labels = [key[0] for key in groups]
    if name == TENURE:
        order = tenure_labels(contract.tenure_bands)
        labels.sort(key=lambda label: len(order) if label is None else order.index(label))
    named = {label: renewal_gaps.shown(label, labels) for label in labels}
    return {named[label]: groups[label,] for label in labels if groups[label,].renewals}


def _same_terms(contract: DataContract) -> Iterator[Sentence]:
    """The rule compares within one channel and one payment method."""
    named = dimensions(contract)
    yield from (told for name, told in _UNTOLD.items() if name not in named)


def _doubts(one: Renewals, contract: DataContract) -> Iterator[Sentence]:
    """Values that were not noted, and that may change which renewals lie above."""
    if one.without_incentive:
        yield said(
            "{missing:,} of {compared:,} compared renewals have no incentive noted, which counts as none",
            missing=one.without_incentive, compared=one.compared,
        )  # fmt: skip
    if one.without_new_incentive:
        yield _no_new_incentive(one)
    if contract.tenure and one.unknown_tenure:
        yield said(
            "the tenure of {unknown:,} quotes is unknown, and they count as renewals", unknown=one.unknown_tenure
        )


def _undated(one: Renewals, undated: int) -> Iterator[Sentence]:
    """A case without a time may have been before the rule."""
    if one.above and undated:
        yield said(
            "the number of quotes without a time is {undated:,}, and every case may be among them", undated=undated
        )


def _no_new_incentive(one: Renewals) -> Sentence:
    return said(
        "{missing:,} of {compared:,} compared renewals have no new-customer incentive noted, which counts as none",
        missing=one.without_new_incentive, compared=one.compared,
    )  # fmt: skip


def _unseen(one: Renewals) -> tuple[Sentence, ...]:
    """More renewals than may be overlooked cannot be compared, or only with a price that an incentive may lower."""
    told = []
    asked = one.compared + one.lacking
    if one.lacking > MOST_LOST * asked:
        told.append(said(
            "{lacking:,} of {renewals:,} renewals cannot be compared with a new-customer price",
            lacking=one.lacking, renewals=asked,
        ))  # fmt: skip
    if one.without_new_incentive > MOST_LOST * one.compared:
        told.append(_no_new_incentive(one))
    return tuple(told)

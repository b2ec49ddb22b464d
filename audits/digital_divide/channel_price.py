"""Do people served by a person pay more than those on an app for the same thing, beyond what serving them costs?

Harm: whoever cannot use a device pays for it. The channel's value says on which side a row is (``contract.channels``);
one on neither side is unknown, is counted, and above 5 % keeps figures from being clear.

* assisted_price_ratio: price of those served by a person over that of those who serve themselves, at equal strata, less
  the declared cost (``audits.comparisons.price_ratios``); of mean rates where only a rate is declared. What serving by
  a person costs is held equal only where it is part of the cost. Without a cost a ratio above 1 may be that, and one at
  1 may hide a penalty on cheaper customers: the figure then makes no breach and is never clear. With a cost, a ratio
  can only be too high where serving is not part of it: it makes no breach until ``service_in_cost`` says that it is;
  assisted_overcharge_money is what it comes to: what the assisted rows were asked in all, times 1 − 1 / ratio;
* assisted_fee_gap: fees as a share of the amount lent, assisted less digital, within strata;
* digital_discount_gap: share of rows (granted ones, where there are decisions) with an incentive above zero, digital
  less assisted, over strata. Where no assisted row has one, ``digital_only`` is 1, ``assisted_high`` bounds the share;
* assisted_share: share of a group's rows (granted ones, likewise) that a person served, and of all;
* channel_group_price_ratio: price of a group over that of its reference as above, the channel not held equal; beside it
  the same at equal channel, so that the quotient of the two is what the channels carry.

A missing incentive is none where the column never states a 0, else it is unknown and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons import side_means
from audits.comparisons.currency import in_currency, price_currency, price_currency_needs
from audits.comparisons.fee_shares import fee_share_gaps, fee_share_needs
from audits.comparisons.in_money import ratio_in_money
from audits.comparisons.price_ratios import Asked, figure_column, price_ratios, ratio_needs
from audits.comparisons.served_by_person import assisted_needs, assisted_shares
from audits.comparisons.side_means import Value, side_needs
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need, above
from audits.measuring import POWER, bounded_at_once
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import ASSISTED, CHANNEL, DIGITAL, DataContract
from checks.inputs.prepared import group_column
from checks.inputs.pricing_columns import PRICED
from checks.problem import InputError, Problem
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.statistics.stratified_means import StratifiedMeans

_MOST_LOST = 0.05
_MONEY = "assisted_overcharge_money"
_COSTLESS = said(
    "no cost is held equal: what serving by a person costs cannot be told from a price for it, nor a penalty from "
    "customers who cost less"
)
_SERVICE = said(
    "what serving by a person costs is held equal only where the declared cost holds it, which 'service_in_cost' does "
    "not say"
)
_FEES = said("fees are compared without a cost: some of them may be what serving by a person costs")
_SAVING = said("a discount for those who serve themselves may be no more than what that saves")
_UNKNOWN = template("the channel of {share:.1f} % of the rows is on neither side")
_ONE_SIDE = template("no row has a channel on the side '{side}', so that nobody can be compared")
_NO_STATED = said(
    "no assisted row states an incentive, not even of 0, so that none given and none recorded look the same"
)
_NO_INCENTIVE = template("{share:.1f} % of the rows of '{side}' do not state their incentive and are left out")
_NEWCOMBE = template("difference of shares{strata}, effective counts, Wilson intervals combined (Newcombe)")
_DIGITAL_ONLY = template(
    "difference of shares{strata}, effective counts, Wilson intervals combined (Newcombe); no assisted row got a "
    "discount, which makes it digital-only"
)


@dataclass(frozen=True, slots=True)
class ChannelPrice:
    """``service_in_cost`` says that the declared cost holds what serving costs in each channel.

    ``level`` is the confidence level, ``attributes`` restricts the comparisons by group, empty means all.
    """

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    service_in_cost: bool = False

    name: ClassVar[str] = "digital_divide.channel_price"
    harm: ClassVar[str] = "digital_divide"
    roles: ClassVar[tuple[str, ...]] = ("channels",)
    optional_roles: ClassVar[tuple[str, ...]] = (
        "price", "rate", "cost", "loan", "terms", "groups", "strata", "entity", "weight", "decision",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "assisted_price_ratio": 1.0, _MONEY: 0.0, "assisted_fee_gap": 0.0, "digital_discount_gap": 0.0,
        "assisted_share": None, "channel_group_price_ratio": 1.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.service_in_cost, bool):
            raise InputError(Problem(
                f"{self.name}, service_in_cost", f"'{self.service_in_cost}'", "true or false",
                "write true where the cost holds what serving costs in each channel",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Cells and score sums of prices, moments of fees, flags of incentives, rows by channel."""
        yield CellsNeed((CHANNEL,), decision=bool(contract.decision))
        yield from assisted_needs((None, *self._attributes(contract)), contract)
        if figure_column(contract):
            yield from ratio_needs(_channels(contract), contract)
            if contract.price:
                yield _paid(contract)
                yield from price_currency_needs(contract)
            for attribute in self._attributes(contract):
                for asked in _by_group(attribute, contract):
                    yield from ratio_needs(asked, contract)
        if _has_fees(contract):
            yield from fee_share_needs(CHANNEL, contract)
        if value := _incentive(contract):
            yield from side_needs(value, CHANNEL, contract.strata, contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures by channel, then those by group."""
        rows = _granted(evidence, contract)
        figures = [self._of_channels(one, rows, contract) for one in self._compared(evidence, contract, rows)]
        figures += [
            _in_money(one, evidence, contract)
            for one in figures if one.measure == "assisted_price_ratio" and contract.price
        ]  # fmt: skip
        for attribute in (None, *self._attributes(contract)):
            shares = assisted_shares(self.name, evidence, contract, attribute, self.level)
            figures += [_with_unknown(one, rows) for one in shares]
        for attribute in self._attributes(contract) if figure_column(contract) else ():
            figures += [_with_unknown(one, rows) for one in self._groups(evidence, contract, attribute)]
        return figures, list(self._missing(contract))

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _compared(
        self, evidence: Evidence, contract: DataContract, rows: Mapping[str | None, int]
    ) -> Iterator[Measurement]:
        """What can be had of the three comparisons of channels, each with a reason where one side is empty."""
        lacking = next((side for side in (ASSISTED, DIGITAL) if not rows.get(side)), None)
        asked = {
            "assisted_price_ratio": bool(figure_column(contract)), "assisted_fee_gap": _has_fees(contract),
            "digital_discount_gap": _incentive(contract) is not None,
        }  # fmt: skip
        for measure in (name for name, had in asked.items() if had):
            if lacking:
                yield self._nothing(measure, rows, said(_ONE_SIDE, side=lacking))
            elif measure == "assisted_price_ratio":
                yield from price_ratios(self.name, measure, evidence, contract, _channels(contract), self.level)
            elif measure == "assisted_fee_gap":
                for one in fee_share_gaps(self.name, evidence, contract, CHANNEL, self.level):
                    yield replace(one, measure=measure)
            else:
                yield self._discount(evidence, contract, rows)

    def _nothing(self, measure: str, rows: Mapping[str | None, int], reason: str | None = None) -> Measurement:
        counts = {"group": rows.get(ASSISTED, 0), "reference": rows.get(DIGITAL, 0)}
        return Measurement(
            question=self.name, measure=measure, attribute=CHANNEL, group=ASSISTED, reference=DIGITAL, estimate=None,
            low=None, high=None, level=self.level, n=sum(counts.values()), counts=counts,
            equality=self.measures[measure], method=said("none"), source=said("cells"), reason=reason,
        )  # fmt: skip

    def _of_channels(self, one: Measurement, rows: Mapping[str | None, int], contract: DataContract) -> Measurement:
        one = _with_unknown(one, rows)
        if one.measure == "assisted_price_ratio":
            return self._with_cost(one, contract)
        told = _FEES if one.measure == "assisted_fee_gap" else _SAVING
        return replace(one, cautions=(*one.cautions, told))

    def _with_cost(self, one: Measurement, contract: DataContract) -> Measurement:
        if not (contract.price and contract.cost):
            return replace(one, cautions=(*one.cautions, _COSTLESS), unseen=(*one.unseen, _COSTLESS))
        return one if self.service_in_cost else replace(one, cautions=(*one.cautions, _SERVICE))

    def _groups(self, evidence: Evidence, contract: DataContract, attribute: str) -> Iterator[Measurement]:
        """Each group's ratio, and in its details what is left of it at equal channel."""
        free, held = _by_group(attribute, contract)
        measure = "channel_group_price_ratio"
        beside = {
            one.group: one for one in price_ratios(self.name, measure, evidence, contract, held, self.level)
        }  # fmt: skip
        for one in price_ratios(self.name, measure, evidence, contract, free, self.level):
            other = beside.get(one.group)
            details = dict(one.details)
            if other and other.estimate is not None and one.estimate is not None:
                bounds = {"low": other.low, "high": other.high}
                details |= {"at_equal_channel": other.estimate, "through_channel": one.estimate / other.estimate}
                details |= {f"{side}_at_equal_channel": end for side, end in bounds.items() if end is not None}
            yield self._with_cost(replace(one, details=details), contract)

    def _discount(
        self, evidence: Evidence, contract: DataContract, rows: Mapping[str | None, int]
    ) -> Measurement:  # fmt: skip
        value = _incentive(contract) or Value()
        cells = evidence.cells(value.cells(CHANNEL, (), bool(contract.decision)))
        meant = [(labels, n) for labels, decision, n in cells.cells if not contract.decision or decision == 1]
        stated = any(labels[-1] == "0" for labels, _ in meant)
        value = replace(value, missing_is_no=not stated)
        shared = _with_incentives(self._nothing("digital_discount_gap", rows), meant, stated)
        found = side_means.dependence(evidence, value, CHANNEL, contract)
        sums = side_means.side_sums(evidence, value, CHANNEL, contract.strata, contract)
        pair = side_means.compared(sums, ASSISTED, DIGITAL, found)
        shared = side_means.with_entities(shared, found, contract.strata)
        shared, reason = side_means.not_comparable(shared, pair)
        return replace(shared, reason=reason) if reason else self._gap(shared, pair, contract)

    def _gap(self, shared: Measurement, pair: StratifiedMeans, contract: DataContract) -> Measurement:
        names = said(" within {names}", names=", ".join(contract.strata)) if contract.strata else ""
        assisted, digital = pair.one, pair.zero
        details = {"assisted_share": assisted.mean, "digital_share": digital.mean, "digital_only": 0.0}
        words = _NEWCOMBE
        if assisted.mean == 0 and digital.mean > 0:
            words = _DIGITAL_ONLY
            details |= {"digital_only": 1.0, "assisted_high": float(assisted.wilson(self.level)[1])}

        def at(level: object) -> tuple[object, object]:
            low, high = pair.rate_difference(level)
            return -high, -low

        return replace(
            shared, estimate=-pair.difference + 0.0, p_value=pair.rate_p_value, method=said(words, strata=names),
            mde=pair.detectable(self.level, POWER) or None, details=details, **bounded_at_once(at, self.level),
        )  # fmt: skip

    def _missing(self, contract: DataContract) -> Iterator[NotAnswered]:
        """What this contract cannot answer."""
        priced, had = bool(figure_column(contract)), said("the contract names neither a price nor a rate")
        lacking = [
            ("assisted_price_ratio", priced, had, said("name the price, and its cost, in the contract")),
            (_MONEY, bool(contract.price), said("the contract names no price"),
             said("name the price, and its cost, in the contract")),
            ("channel_group_price_ratio", priced, had, said("name the price, and its cost, in the contract")),
            ("channel_group_price_ratio", not priced or bool(contract.groups), said("the contract names no groups"),
             said("name groups of people in the contract")),
            ("assisted_fee_gap", _has_fees(contract), said("the contract does not name loan.amount and loan.fees"),
             said("name both under 'loan'")),
            ("digital_discount_gap", _incentive(contract) is not None,
             said("the contract does not name terms.incentive"),
             said("name the column of the discount under 'terms: {{incentive: …}}'")),
            ("weight", not contract.weight, said("every row counts once: the declared weight is not used"),
             said("read the figures as those of the rows given")),
        ]  # fmt: skip
        for what, fine, reason, needed in lacking:
            if not fine:
                yield NotAnswered(f"{self.name}: {what}", reason, needed)


def _paid(contract: DataContract) -> CellsNeed:
    """What was asked by channel, of rows that the ratio compares."""
    return CellsNeed((CHANNEL,), (), (PRICED,), decision=bool(contract.decision))


def _in_money(one: Measurement, evidence: Evidence, contract: DataContract) -> Measurement:
    """The ratio in money; with decisions only granted rows were paid."""
    cells = evidence.cells(_paid(contract))
    own = [
        total[0] for (labels, decision, _), total in zip(cells.cells, cells.totals, strict=True)
        if labels[0] == one.group and (not contract.decision or decision == 1)
    ]  # fmt: skip
    currency = price_currency(evidence, contract)
    found = ratio_in_money(one, _MONEY, sum(t.sum for t in own), sum(t.known for t in own), currency.unit)
    return in_currency(found, currency)


def _channels(contract: DataContract) -> Asked:
    return Asked(CHANNEL, DIGITAL, contract.strata)


def _by_group(attribute: str, contract: DataContract) -> tuple[Asked, Asked]:
    """A group at whatever channel, and at equal channel."""
    reference = next(group.reference_label for group in contract.groups if group.name == attribute)
    held = tuple(dict.fromkeys((*contract.strata, group_column(CHANNEL))))
    return Asked(attribute, reference, contract.strata), Asked(attribute, reference, held)


def _has_fees(contract: DataContract) -> bool:
    return {"amount", "fees"} <= set(contract.loan)


def _incentive(contract: DataContract) -> Value | None:
    column = contract.terms.get("incentive")
    return Value(flag=above(column, 0.0)) if column else None


def _granted(evidence: Evidence, contract: DataContract) -> dict[str | None, int]:
    """Rows by channel: granted ones where there are decisions, since others may have come to no channel."""
    cells = evidence.cells(CellsNeed((CHANNEL,), decision=bool(contract.decision)))
    meant = [(labels[0], rows) for labels, decision, rows in cells.cells if not contract.decision or decision == 1]
    return {side: sum(rows for name, rows in meant if name == side) for side in dict(meant)}


def _with_unknown(one: Measurement, rows: Mapping[str | None, int]) -> Measurement:
    """The figure with the rows whose channel is on neither side; of prices and fees they are told already."""
    unknown, every = rows.get(None, 0), sum(rows.values())
    one = replace(one, counts={**one.counts, "unknown_channel": unknown})
    if unknown <= _MOST_LOST * every or one.measure in ("assisted_price_ratio", "assisted_fee_gap"):
        return one
    told = said(_UNKNOWN, share=100 * unknown / every)
    return replace(one, cautions=(*one.cautions, told), unseen=(*one.unseen, told))


def _with_incentives(
    shared: Measurement, meant: list[tuple[tuple[str | None, ...], int]], stated: bool
) -> Measurement:  # fmt: skip
    """Rows of either side with and without an incentive, and what a missing one hides."""
    counts, told = dict(shared.counts), []
    for role, side in (("group", ASSISTED), ("reference", DIGITAL)):
        by = {
            flag: sum(n for labels, n in meant if labels[0] == side and labels[-1] == flag) for flag in ("1", "0", None)
        }
        lost = by[None] if stated else 0
        every = sum(by.values())
        counts |= {role: every - lost, f"{role}_with": by["1"], f"{role}_not_stated": by[None]}
        if lost > _MOST_LOST * every:
            told.append(said(_NO_INCENTIVE, share=100 * lost / every, side=side))
        if side == ASSISTED and not stated and not by["1"]:
            told.append(_NO_STATED)
    return replace(
        shared, counts=counts, n=counts["group"] + counts["reference"], cautions=(*shared.cautions, *told),
        unseen=(*shared.unseen, *told),
    )  # fmt: skip

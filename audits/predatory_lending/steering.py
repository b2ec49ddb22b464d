"""Are customers of a group sold dearer products than ones that they were eligible for?

Harm: a customer who qualifies for a cheap loan is led to a dear one. The lender's own dated rules of products
(``contract.product_rules``) are replayed loan by loan: which products was this customer eligible for on that day, and
what was the cheapest rate among them? The excess is the rate sold less that rate, 0 where the customer got the
cheapest. Who was not eligible for the cheaper product is no case, so that a mix of products that differs between groups
is none either. The rate sold is that of the product by the same rules; where it is not known, the loan's own.

* steering_excess_rate: mean excess of the group less that of the reference, by least squares within cells of amount,
  term, score, products open to the customer and the contract's strata (Frisch and Waugh 1933, Econometrica 1:387–401),
  HC1 errors, or CR1 by borrower (Liang and Zeger 1986, Biometrika 73:13–22);
* steered_share: share of loans with an excess, for all and by group (Wilson 1927, JASA 22:209–212);
* steered_ratio: the group's share over the reference's within the same cells, by Poisson pseudo-likelihood with robust
  errors (Zou 2004, American Journal of Epidemiology 159:702–706);
* steering_excess_money: excess · amount · years, added up: simple interest on the whole amount over the whole term,
  an upper bound where a loan is paid back on the way. Counted, without sampling error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import steering_cells as held
from audits.comparisons import steering_told as told
from audits.comparisons.census import counted
from audits.comparisons.steering_cells import Groups, Tally, Worth
from audits.comparisons.steering_figures import excess_gap, share_figure, steered_ratio
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.loan_products import can_be_replayed, has_money
from checks.sentence import said

_NO_RATE = said("the contract names neither the product sold nor a rate, so that nothing is held against the rules")
_NAME = said("name the product's column under 'terms: {{product: …}}', or the loan's rate under 'rate'")
_NO_MONEY = said("the contract names no amount or no term of a loan")
_AMOUNT = said("name 'amount' and 'term_months', 'term_days' or 'instalments' under 'loan'")


@dataclass(frozen=True, slots=True)
class Steering:
    """``level`` is the confidence level; ``attributes`` restricts the comparison of groups, empty means all.

    The edges of the cells stand in the file of the rules, under ``cells``.
    """

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "predatory_lending.steering"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("product_rules",)
    optional_roles: ClassVar[tuple[str, ...]] = (
        "groups", "loan", "terms", "rate", "score", "strata", "entity", "weight", "decision",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "steering_excess_rate": 0.0, "steered_share": None, "steered_ratio": 1.0, "steering_excess_money": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ("steering_excess_money",)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """What the replay came to, over all loans and in cells by group."""
        if not can_be_replayed(contract):
            return
        yield from told.needs_of(contract)
        if contract.entity:
            yield held.cluster_need(None, contract)
        for attribute in self._attributes(contract):
            yield from held.needs_of(attribute, contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Shares and money of all loans, then the groups against their reference."""
        missing = self._unused(contract)
        if not can_be_replayed(contract):
            return [], [*missing, *(NotAnswered(f"{self.name}: {name}", _NO_RATE, _NAME) for name in self.measures)]
        replay = told.replay_of(evidence, contract)
        everyone = Tally(replay.loans, replay.replayed, replay.steered, replay.excess)
        clusters = evidence.cluster_cells(held.cluster_need(None, contract)) if contract.entity else None
        size = held.worth(replay.steered, replay.replayed, clusters, None, grouped=False)
        figures = [self._share(everyone, size, replay, contract)]
        if has_money(contract):
            figures.append(self._money(evidence, replay, contract))
        else:
            missing.append(NotAnswered(f"{self.name}: steering_excess_money", _NO_MONEY, _AMOUNT))
        for attribute in self._attributes(contract):
            figures += self._groups(evidence, attribute, replay, contract)
        if not self._attributes(contract):
            missing += [
                NotAnswered(
                    f"{self.name}: {name}", said("the contract names no groups"),
                    said("name an attribute and its reference under 'groups'"),
                )
                for name in ("steering_excess_rate", "steered_ratio")
            ]  # fmt: skip
        return figures, [*missing, *told.without_rule(self.name, replay)]

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _unused(self, contract: DataContract) -> list[NotAnswered]:
        if not contract.weight:
            return []
        return [NotAnswered(
            f"{self.name}: weight", said("every loan counts once: the declared weight is not used"),
            said("read the figures as those of the loans given"),
        )]  # fmt: skip

    def _base(self, measure: str, tally: Tally, replay: told.Replay) -> Measurement:
        """A figure of the loans in a tally, with what it cannot see of them."""
        cautions, unseen = replay.warnings(tally)
        counts = {"steered": tally.steered, "replayed": tally.replayed, "loans": tally.loans}
        return Measurement(
            question=self.name, measure=measure, attribute=None, group=None, reference=None, estimate=None, low=None,
            high=None, level=self.level, n=tally.replayed, counts=counts, method=said("none"), source=said("cells"),
            cautions=cautions, unseen=unseen,
        )  # fmt: skip

    def _share(self, tally: Tally, size: Worth, replay: told.Replay, contract: DataContract) -> Measurement:
        base = self._base("steered_share", tally, replay)
        counts = base.counts if size.borrowers is None else {**base.counts, "borrowers_at_least": size.borrowers}
        return share_figure(replace(base, counts=counts), size, replay, contract.entity)

    def _money(self, evidence: Evidence, replay: told.Replay, contract: DataContract) -> Measurement:
        """The total of what was paid beyond the cheapest rates, in the one currency that there is."""
        money = told.money_of(evidence, contract)
        unknown = replay.loans - money.known
        counts = {
            "steered": replay.steered, "replayed": replay.replayed, "loans": replay.loans, "without_money": unknown,
        }  # fmt: skip
        reason = money.reason or (replay.nothing() if not money.known else None)
        value = None if reason else money.total
        figure = counted(self.name, "steering_excess_money", value, replay.loans, counts, reason)
        unseen = replay.missing_money(unknown) if value is not None else ()
        return replace(figure, unit=money.currency, unseen=unseen, method=said(told.MONEY_METHOD, sold=replay.sold()))

    def _groups(
        self, evidence: Evidence, attribute: str, replay: told.Replay, contract: DataContract
    ) -> Iterator[Measurement]:
        """Shares of every group, and gap and ratio of each against the reference."""
        groups = held.groups_of(evidence, attribute, contract)
        reference = evidence.data.references[attribute]
        clusters = evidence.cluster_cells(held.cluster_need(attribute, contract)) if contract.entity else None
        sizes: dict[str, Worth] = {}
        for label in sorted(one for one in groups.of if one is not None):
            tally = groups.of[label]
            sizes[label] = held.worth(tally.steered, tally.replayed, clusters, label, grouped=True)
            share = self._share(tally, sizes[label], replay, contract)
            yield replace(share, attribute=attribute, group=label)
        effects = held.effects_of(evidence, attribute, contract)
        for label in sorted(sizes.keys() - {reference}):
            for measure, effect, make in (
                ("steering_excess_rate", effects[0], excess_gap), ("steered_ratio", effects[1], steered_ratio),
            ):  # fmt: skip
                base = self._pair(measure, attribute, label, reference, groups, replay)
                yield make(base, effect, groups, sizes, replay, contract)

    def _pair(
        self, measure: str, attribute: str, label: str, reference: str, groups: Groups, replay: told.Replay
    ) -> Measurement:
        one, zero = groups.of[label], groups.of.get(reference, Tally())
        base = self._base(measure, one.plus(zero), replay)
        counts = {
            "group": one.replayed, "reference": zero.replayed, "group_steered": one.steered,
            "reference_steered": zero.steered, "cells": groups.cells(label, reference),
            "group_alone": round(groups.alone(label, reference) * one.replayed),
        }  # fmt: skip
        nobody = groups.of.get(None, Tally()).loans
        unseen = (*base.unseen, *told.without_label(nobody, replay.loans, attribute))
        unseen = (*unseen, *told.incomparable(groups.alone(label, reference), label, reference))
        return replace(
            base, attribute=attribute, group=label, reference=reference, counts=counts, unseen=unseen,
            equality=self.measures[measure],
        )  # fmt: skip

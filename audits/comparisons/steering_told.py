"""What the replay of loans against rules of products came to over all loans, and what it leaves unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.record import NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.loan_products import (
    BY_RATE,
    EXCESS,
    FAULT,
    HOW,
    MONEY,
    NO_DAY,
    NO_PRODUCT,
    NO_RATE,
    NO_RULE,
    NOT_FIT,
    NOT_GRANTED,
    NOT_OFFERED,
    STANDING,
    STEERED,
    UNKNOWN,
    has_money,
)
from checks.sentence import Sentence, joined, said, template

if TYPE_CHECKING:
    from audits.comparisons.steering_cells import Tally

_MOST_LOST = 0.05
_MOST_SHOWN = 5
_FAULTS = {
    NO_DAY: template("{n:,} without a day"),
    NO_PRODUCT: template("{n:,} without a product"),
    NO_RULE: template("{n:,} of products without a rule ({names})"),
    NOT_OFFERED: template("{n:,} of products on days for which they have no rule ({names})"),
    NO_RATE: template("{n:,} without a rate"),
    UNKNOWN: template("{n:,} to customers of whom it is not known whether a cheaper product was open to them"),
}
_LOST = template("{share:.1f} % of the loans could not be held against the rules: {faults}")
_PART_LOST = template("{share:.1f} % of these loans could not be held against the rules")
_OFTEN_NOT_FIT = template(
    "{share:.1f} % of the loans are of a product that the customer was not eligible for by the rules, so that these "
    "may not be the rules that were applied"
)
_NOBODY = template("{share:.1f} % of the loans have no label of {attribute}")
_ALONE = template("{share:.1f} % of {label} are in cells without a loan of {reference}")
_NO_MONEY = template("{n:,} of {loans:,} loans have no excess in money: {faults}")
_NOTHING = template("no loan could be held against the rules: {faults}")
_BY_RULES = said("rate sold: that of the product by the same rules")
_BY_RATE = said("rate sold: the loan's own, no product being known")
_BY_BOTH = said("rate sold: that of the product by the same rules, the loan's own where that is not known")
MONEY_METHOD = template(
    "counted, without sampling error: simple interest on the whole amount over the whole term, an upper bound where a "
    "loan is paid back on the way; {sold}"
)


def needs_of(contract: DataContract) -> list[Need]:
    """Cells over all loans: faults and how the rate is known, names of products, money."""
    found: list[Need] = [_told(contract)]
    if "product" in contract.terms:
        found.append(_names(contract))
    if has_money(contract):
        found.append(_money(contract))
    return found


def _told(contract: DataContract) -> CellsNeed:
    return CellsNeed((), (FAULT, HOW, STANDING), (EXCESS, STEERED), decision=False)


def _names(contract: DataContract) -> CellsNeed:
    return CellsNeed((), (FAULT, contract.terms["product"]), (), decision=False)


def _money(contract: DataContract) -> CellsNeed:
    currency = contract.loan_form.currency_column
    return CellsNeed((), (currency,) if currency else (), (MONEY,), decision=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """All ``loans``, those ``replayed`` and ``steered``, Σ excess; rows by ``faults``, and products by fault.

    ``own_rate`` loans have their own rate for want of one by the rules; ``not_eligible`` were sold a product that the
    customer was not eligible for.
    """

    loans: int
    replayed: int
    steered: int
    excess: float
    faults: Mapping[str, int]
    own_rate: int
    not_eligible: int
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sold(self) -> Sentence:
        """Where the rate sold comes from."""
        return _BY_RULES if not self.own_rate else _BY_RATE if self.own_rate == self.replayed else _BY_BOTH

    def lost(self) -> Sentence:
        """Why loans could not be replayed, with their numbers."""
        parts = [
            said(words, n=self.faults[fault], **({"names": ", ".join(self.names.get(fault, ()))} if named else {}))
            for fault, words in _FAULTS.items()
            if self.faults.get(fault)
            for named in ("{names}" in words,)
        ]
        return joined(parts, ", ") if parts else said("there are none")

    def nothing(self) -> Sentence | None:
        """Why there is no figure at all, or None."""
        return None if self.replayed else said(_NOTHING, faults=self.lost())

    def warnings(self, tally: Tally) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
        """Cautions, and what a figure of the loans in a tally cannot see."""
        cautions: tuple[Sentence, ...] = ()
        unseen: tuple[Sentence, ...] = ()
        lost = 1 - tally.replayed / tally.loans if tally.loans else 0.0
        if lost > _MOST_LOST:
            whole = tally.loans == self.loans
            unseen = (
                said(_LOST, share=100 * lost, faults=self.lost()) if whole else said(_PART_LOST, share=100 * lost),
            )
        odd = self.not_eligible / self.replayed if self.replayed else 0.0
        if odd > _MOST_LOST:
            cautions = (said(_OFTEN_NOT_FIT, share=100 * odd),)
            unseen = (*unseen, *cautions)
        return cautions, unseen

    def missing_money(self, unknown: int) -> tuple[Sentence, ...]:
        """The loans that a total leaves out: any of them may hold more."""
        if not unknown:
            return ()
        without = unknown - (self.loans - self.replayed)
        parts = [self.lost()] if self.loans > self.replayed else []
        parts += [said("{n:,} without amount or term", n=without)] if without > 0 else []
        return (said(_NO_MONEY, n=unknown, loans=self.loans, faults=joined(parts, ", ")),)


def replay_of(evidence: Evidence, contract: DataContract) -> Replay:
    """From the cells over all loans."""
    cells = evidence.cells(_told(contract))
    faults: Counter[str] = Counter()
    loans = replayed = steered = own = odd = 0
    excess: list[float] = []
    for (labels, _, rows), totals in zip(cells.cells, cells.totals, strict=True):
        fault, how, standing = labels
        if fault == NOT_GRANTED:
            continue
        loans += rows
        if fault is not None:
            faults[fault] += rows
            continue
        replayed, steered = replayed + rows, steered + round(totals[1].sum)
        own, odd = own + rows * (how == BY_RATE), odd + rows * (standing == NOT_FIT)
        excess.append(totals[0].sum)
    return Replay(loans, replayed, steered, sum(excess), dict(faults), own, odd, _named(evidence, contract))


def _named(evidence: Evidence, contract: DataContract) -> dict[str, tuple[str, ...]]:
    """Products by fault, those of most loans first: ``'card' (12)``."""
    if "product" not in contract.terms:
        return {}
    found: dict[str, Counter[str]] = {}
    for (fault, product), _, rows in evidence.cells(_names(contract)).cells:
        if fault in (NO_RULE, NOT_OFFERED):
            found.setdefault(fault, Counter())[str(product)] += rows
    named = {}
    for fault, products in found.items():
        ordered = sorted(products.items(), key=lambda pair: (-pair[1], pair[0]))
        rest = ("…",) if len(ordered) > _MOST_SHOWN else ()
        named[fault] = (*(f"'{name}' {rows:,}" for name, rows in ordered[:_MOST_SHOWN]), *rest)
    return named


@dataclass(frozen=True, slots=True)
class Money:
    """The ``total`` over ``known`` loans in one ``currency``, or the ``reason`` why there is none."""

    total: float
    known: int
    currency: str | None
    reason: Sentence | None = None


def money_of(evidence: Evidence, contract: DataContract) -> Money:
    """The total excess in money; amounts in several currencies have none."""
    cells = evidence.cells(_money(contract))
    known = sum(totals[0].known for totals in cells.totals)
    total = sum(totals[0].sum for totals in cells.totals)
    form = contract.loan_form
    if form.currency_column is None:
        return Money(total, known, form.currency)
    told = {labels[0]: totals[0].known for (labels, _, _), totals in zip(cells.cells, cells.totals, strict=True)}
    named = sorted(str(currency) for currency, rows in told.items() if rows and currency is not None)
    if len(named) > 1 or (named and told.get(None)):
        several = ", ".join(named[:_MOST_SHOWN])
        return Money(total, known, None, said("amounts are in several currencies, or in none: {names}", names=several))
    return Money(total, known, named[0] if named else form.currency)


def without_label(nobody: int, loans: int, attribute: str) -> tuple[Sentence, ...]:
    """What a comparison cannot see where more loans than a few have no label."""
    share = nobody / loans if loans else 0.0
    return (said(_NOBODY, share=100 * share, attribute=attribute),) if share > _MOST_LOST else ()


def incomparable(share: float, label: str, reference: str) -> tuple[Sentence, ...]:
    """What a comparison cannot see where more of a group than a few have nobody to be compared with."""
    told = said(_ALONE, share=100 * share, label=label, reference=reference)
    return (told,) if share > _MOST_LOST else ()


def without_rule(question: str, replay: Replay) -> list[NotAnswered]:
    """Products that were sold and have no rule: whoever bought them may have been steered."""
    found = []
    for fault in (NO_RULE, NOT_OFFERED):
        if replay.faults.get(fault):
            names = ", ".join(replay.names.get(fault, ()))
            found.append(NotAnswered(
                f"{question}: product_rules", said(_FAULTS[fault], n=replay.faults[fault], names=names),
                said("write the rules of these products, with the days on which they were sold"),
            ))  # fmt: skip
    return found

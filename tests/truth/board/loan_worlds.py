"""Lenders of loans as the board draws them: books of borrowers, and customers with both of their occasions.

The board draws counts of a table. Of a payday lender's books the table has one kind, and the count is that of the
borrowers: the books themselves come from the generator. Of pushes a kind is a customer with all that he was shown.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.payday import NeedOrFees, Payday, Payday2014
from audits.simulation.population import Column, Population, table
from audits.simulation.pushes import PushesWithoutHoldout, TargetedPushes
from audits.simulation.world import World, checked_effect


class Books(World):
    """A payday lender's books; ``effect`` is the planted harm."""

    policies: ClassVar[tuple[str, ...]] = ("conventions",)
    audits: ClassVar[tuple[str, ...]] = ("predatory_lending.debt_trap",)

    @abstractmethod
    def lender(self, effect: float) -> tuple[Payday, float]:
        """The lender, and the effect that he is drawn with."""

    def population(self, effect: float) -> Population:
        """One kind: a borrower."""
        checked_effect(self, effect)
        return table({"borrower": (0,)}, (("borrower",), [1.0]))

    def truth(self, effect: float) -> dict[str, float]:
        """That of the lender."""
        lender, own = self.lender(effect)
        return lender.truth(own)

    def contract(self) -> dict[str, Any]:
        """That of the lender."""
        return self.lender(0.0)[0].contract()

    def draw(self, borrowers: int, seed: int, effect: float) -> dict[str, Any]:
        """A book's columns under their plain names."""
        lender, own = self.lender(effect)
        return lender.draw(borrowers, seed, own)


@dataclass(frozen=True, slots=True)
class DrivenByFees(Books):
    """Borrowers come back for need; planted, the fees of the loan just repaid drive part of it. As many come back."""

    code: ClassVar[str] = NeedOrFees.code
    name: ClassVar[str] = NeedOrFees.name
    summary: ClassVar[str] = NeedOrFees.summary
    trap: ClassVar[str] = "the raw repeat rate is as high in the fair twin, and fees weigh on those who need more"
    estimand: ClassVar[str] = "fee_driven_ratio"
    largest_effect: ClassVar[float] = NeedOrFees.largest_effect
    example_effect: ClassVar[float] = NeedOrFees.example_effect

    def lender(self, effect: float) -> tuple[Payday, float]:
        """Fees are the harm."""
        return NeedOrFees(), effect


@dataclass(frozen=True, slots=True)
class GroupReturns(Books):
    """Borrowers come back for need, which weighs on more of one group; planted, that group comes back more at equal
    need, by ``effect`` in the logarithm of the hazard.
    """

    code: ClassVar[str] = NeedOrFees.code
    name: ClassVar[str] = NeedOrFees.name
    summary: ClassVar[str] = "borrowers come back for need; harm: a group comes back more at equal need"
    trap: ClassVar[str] = "more of the group come back in the fair twin too, by affordability alone"
    estimand: ClassVar[str] = "reborrowing_ratio"
    largest_effect: ClassVar[float] = 0.8
    example_effect: ClassVar[float] = 0.4

    def lender(self, effect: float) -> tuple[Payday, float]:
        """The group is the harm."""
        return NeedOrFees(group_effect=effect), 0.0


@dataclass(frozen=True, slots=True)
class LongChains(Books):
    """US payday lending as the CFPB found it in 2014: 80 % of loans renewed within 14 days, 15 % of new loans begin a
    chain of ten or more, half of all loans lie in such chains. Its fair twin has 20 %, 0.5 % and 5 %; at the limits of
    the shipped rules it has 50 %, 3 % and 25 %.

    ``laws`` maps the effect to (renewed, starts, in_long).
    """

    laws: tuple[tuple[float, tuple[float, float, float]], ...] = (
        (0.0, (0.2, 0.005, 0.05)), (0.5, (0.5, 0.03, 0.25)), (1.0, (0.8, 0.15, 0.5)),
    )  # fmt: skip

    code: ClassVar[str] = Payday2014.code
    name: ClassVar[str] = Payday2014.name
    summary: ClassVar[str] = Payday2014.summary
    trap: ClassVar[str] = "chains are cut at both ends of a file, and loans of one borrower are alike"
    estimand: ClassVar[str] = "renewed_share"
    largest_effect: ClassVar[float] = 1.0
    example_effect: ClassVar[float] = 1.0

    def lender(self, effect: float) -> tuple[Payday, float]:
        """One of the three laws."""
        renewed, starts, in_long = dict(self.laws)[effect]
        return Payday2014(renewed=renewed, starts=starts, in_long=in_long), 0.0


class Customers(World):
    """Customers with both of their occasions, of a lender who offers credit unasked."""

    rows_each: ClassVar[int] = TargetedPushes.rows_each

    @property
    @abstractmethod
    def lender(self) -> TargetedPushes:
        """Whose customers they are."""

    def population(self, effect: float) -> Population:
        """Axes group, segment, held_out, and pushed and borrowed on either occasion."""
        people = self.lender.population(effect)
        joint = people.over("group", "inclined", "segment", "held_out", "turn", "pushed", "borrowed")
        shared = joint.sum(axis=(4, 5, 6))
        own = [_of_each(joint[:, :, :, :, turn]) for turn in range(self.rows_each)]
        every = np.einsum("gish,gishpb,gishqc->gshpbqc", shared, *own)
        plain = {column.name: column.values for column in people.columns}
        names = ("group", "segment", "held_out", "pushed", "borrowed", "pushed", "borrowed")
        numbered = (*names[:3], *(f"{name} {1 + i // 2}" for i, name in enumerate(names[3:])))
        columns = tuple(Column(new, plain[old]) for new, old in zip(numbered, names, strict=True))
        return Population(columns, every / every.sum())

    def truth(self, effect: float) -> dict[str, float]:
        """That of the lender."""
        return self.lender.truth(effect)

    def contract(self) -> dict[str, Any]:
        """That of the lender."""
        return self.lender.contract()


def _of_each(joint: Any) -> Any:
    """What an occasion shows given what its customer's share."""
    whole = joint.sum(axis=(4, 5), keepdims=True)
    return np.divide(joint, whole, where=whole > 0, out=np.zeros_like(joint))


@dataclass(frozen=True, slots=True)
class WithHoldout(Customers):
    """Credit is pushed to those who would borrow anyway; some customers are held out by chance. The planted harm: a
    push shown adds money, for one group three times as much.
    """

    code: ClassVar[str] = TargetedPushes.code
    name: ClassVar[str] = TargetedPushes.name
    summary: ClassVar[str] = TargetedPushes.summary
    trap: ClassVar[str] = TargetedPushes.trap
    estimand: ClassVar[str] = TargetedPushes.estimand
    largest_effect: ClassVar[float] = TargetedPushes.largest_effect
    example_effect: ClassVar[float] = TargetedPushes.example_effect

    @property
    def lender(self) -> TargetedPushes:
        """With a holdout."""
        return TargetedPushes()


@dataclass(frozen=True, slots=True)
class WithoutHoldout(Customers):
    """The same lender, who holds nobody out: what pushes do cannot be told from whom they are shown to."""

    code: ClassVar[str] = PushesWithoutHoldout.code
    name: ClassVar[str] = PushesWithoutHoldout.name
    summary: ClassVar[str] = PushesWithoutHoldout.summary
    trap: ClassVar[str] = PushesWithoutHoldout.trap
    estimand: ClassVar[str] = PushesWithoutHoldout.estimand
    largest_effect: ClassVar[float] = PushesWithoutHoldout.largest_effect
    example_effect: ClassVar[float] = PushesWithoutHoldout.example_effect

    @property
    def lender(self) -> TargetedPushes:
        """Without one."""
        return PushesWithoutHoldout()

"""What a world is: a lender described in full, with the figures that are true of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats, Population, root

Numbers = NDArray[np.float64] | NDArray[np.int64]
TURN = "turn"


class World(ABC):
    """A frozen dataclass whose fields are the parameters of a lender and of those who apply to it.

    ``effect`` is the size of the planted harm; 0 is the fair twin. ``code`` and ``name`` identify the world,
    ``summary`` says in a line what it is, ``trap`` which customary practice it misleads, ``estimand`` names
    the entry of ``truth`` that an audit should recover, ``largest_effect`` bounds the effect. ``rows_each`` is
    the number of rows that one draw from the population makes: more than one where people apply repeatedly.

    ``hidden`` names columns of ``recorded`` and ``amounts`` that the file does not show. ``shared`` names the axes that
    all rows of one ``entity`` have in common: they come first in the table, then ``turn`` (which of its rows this is,
    from 0), then the axes that each row draws anew. ``audits``, ``policies``, ``jurisdictions`` and ``products`` are
    what the program asks for.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    summary: ClassVar[str]
    trap: ClassVar[str]
    estimand: ClassVar[str]
    largest_effect: ClassVar[float]
    example_effect: ClassVar[float]
    rows_each: ClassVar[int] = 1
    entity: ClassVar[str] = "applicant"
    shared: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[tuple[str, ...]] = ()
    audits: ClassVar[tuple[str, ...]] = ("fair_lending",)
    policies: ClassVar[tuple[str, ...]] = ("conventions", "us")
    jurisdictions: ClassVar[tuple[str, ...]] = ("US",)
    products: ClassVar[tuple[str, ...]] = ("mortgage",)

    @abstractmethod
    def population(self, effect: float) -> Population:
        """Everyone who applies, with all that is true of them, seen or not."""

    def recorded(self, effect: float) -> Population:
        """The same people as the lender's file shows them."""
        return self.population(effect)

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """Columns that follow from others, such as a price: a number for every kind of row in ``recorded``.

        Each array has the shape of the table or broadcasts to it.
        """
        checked_effect(self, effect)
        return {}

    @abstractmethod
    def truth(self, effect: float) -> dict[str, float]:
        """Names of estimands and their exact values."""

    @abstractmethod
    def contract(self) -> dict[str, Any]:
        """The contract block of a program that audits the file."""

    def beside(self) -> dict[str, Any]:
        """Content of further YAML files that the contract names, by their name."""
        return {}

    def remedies(self) -> dict[str, Any] | None:
        """What the program says of a search for other models, but for the training code; None where there is none.

        ``attribute`` and ``keep`` name columns as the world does.
        """
        return None


def checked_effect(world: World, effect: float) -> float:
    """The effect, or ``ValueError`` when this world cannot plant one of that size."""
    if not 0 <= effect <= world.largest_effect:
        raise ValueError(f"effect: found {effect:g}, expected a number from 0 to {world.largest_effect:g}")
    return effect


def effect_for(world: World, value: float) -> float:
    """The effect at which the world's estimand has this value. Raises ``ValueError`` when none does."""
    smallest = 1e-9  # a planted world may differ from its fair twin in more than the effect
    return root(lambda effect: world.truth(effect)[world.estimand] - value, smallest, world.largest_effect)


def rates(joint: Floats, labels: tuple[str, ...]) -> dict[str, float]:
    """approval_rate of every group; axes (group, no and yes)."""
    return {f"approval_rate[{label}]": float(row[1] / row.sum()) for label, row in zip(labels, joint, strict=True)}


def repayment_gap(joint: Floats) -> float:
    """Repayment rate of the reference minus that of the group; axes (group, no and yes).

    Among the approved it is what Becker's outcome test looks at: below nought reads as a higher bar for the group.
    """
    rate = joint[:, 1] / joint.sum(axis=1)
    return float(rate[0] - rate[1])

"""Customers who are lost before they apply: the table of applications looks the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, Value, table
from audits.simulation.way_to_credit import (
    AGE_GROUP,
    AGES,
    FURTHEST,
    STAGES,
    contract,
    flags,
    furthest_chances,
    raw_truth,
)
from audits.simulation.world import Numbers, World, checked_effect

AREA, AREAS = "area", ("town", "country")
LOST_AT = ("start", "identity")


@dataclass(frozen=True, slots=True)
class LostOnTheWay(World):
    """Customers see an offer, begin, prove who they are, send the form, are decided on and take the credit.

    ``passing`` are the chances of passing each stage, of those who came to the one before. The planted harm: at equal
    chances of approval, those of 60 and over pass ``start`` with a share ``lost[0]`` · effect less and the identity
    check with a share ``lost[1]`` · effect less, so that at effect 1 they are .54 times as often approved as others,
    and exactly as often of those who sent a form. More of them live in the country, which by itself bears on
    nothing.
    """

    passing: tuple[float, ...] = (0.7, 0.85, 0.9, 0.6, 0.8)
    lost: tuple[float, float] = (0.25, 0.28)
    older_share: float = 0.25
    country: tuple[float, float] = (0.3, 0.45)

    code: ClassVar[str] = "C1"
    name: ClassVar[str] = "lost-on-the-way"
    summary: ClassVar[str] = "customers on their way to credit; harm: the old are lost before they can apply"
    trap: ClassVar[str] = "approvals among those who applied are alike, so that the harmful lender passes"
    estimand: ClassVar[str] = "log_cumulative_loss"
    largest_effect: ClassVar[float] = 1.5
    example_effect: ClassVar[float] = 1.0
    hidden: ClassVar[tuple[str, ...]] = (FURTHEST,)
    audits: ClassVar[tuple[str, ...]] = ("digital_divide.funnel",)
    policies: ClassVar[tuple[str, ...]] = ("conventions", "cn")
    jurisdictions: ClassVar[tuple[str, ...]] = ("CN",)
    products: ClassVar[tuple[str, ...]] = ("consumer_loan",)

    def population(self, effect: float) -> Population:
        """Axes age_group, area, furthest."""
        checked_effect(self, effect)
        parts: dict[str, tuple[Value, ...]] = {
            AGE_GROUP: AGES, AREA: AREAS, FURTHEST: tuple(range(len(STAGES))),
        }  # fmt: skip
        country = np.array(self.country)
        return table(
            parts, ((AGE_GROUP,), [1 - self.older_share, self.older_share]),
            ((AGE_GROUP, AREA), np.stack([1 - country, country], axis=1)),
            ((AGE_GROUP, FURTHEST), furthest_chances(self._passing(effect))),
        )  # fmt: skip

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """A flag for each stage, and the decision."""
        return flags(self.population(effect))

    def truth(self, effect: float) -> dict[str, float]:
        """Ratios of the old over others, those of the country over the town, and the logarithm of what is lost."""
        people = self.population(effect)
        found = raw_truth(people.over(AGE_GROUP, FURTHEST))
        return {
            **found,
            "log_cumulative_loss": 0.0 - float(np.log(found["cumulative_ratio"])),
            "cumulative_ratio[country]": raw_truth(people.over(AREA, FURTHEST))["cumulative_ratio"],
        }

    def contract(self) -> dict[str, Any]:
        """Two attributes, and the stages as flags."""
        return contract(others=(f"{AREA}:{AREAS[0]}",))

    def _passing(self, effect: float) -> Floats:
        """Axes age group and stage."""
        chance = np.array([self.passing, self.passing])
        for stage, share in zip(LOST_AT, self.lost, strict=True):
            chance[1, STAGES.index(stage) - 1] *= 1 - share * effect
        return chance

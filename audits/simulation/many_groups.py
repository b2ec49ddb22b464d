"""Ten groups, some of them small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Population, either, table
from audits.simulation.world import World, checked_effect, rates


@dataclass(frozen=True, slots=True)
class ManyGroups(World):
    """Every group has the same chance of approval; the smallest expect 30 people in a file of 2,000.

    ``shares`` are the groups' shares of applicants, the first the reference; ``chance`` is everyone's chance of
    approval. Planted: it is lower by ``effect`` for the group at position ``harmed``, and for nobody else.
    """

    shares: tuple[float, ...] = (0.4, 0.15, 0.12, 0.1, 0.08, 0.06, 0.045, 0.015, 0.015, 0.015)
    chance: float = 0.7
    harmed: int = 2

    code: ClassVar[str] = "D5"
    name: ClassVar[str] = "ten-groups"
    summary: ClassVar[str] = "ten groups alike, three of them small; harm: one group is approved less often"
    trap: ClassVar[str] = "the lowest rate over the highest, and the four-fifths rule untested, flag the fair lender"
    estimand: ClassVar[str] = "approval_gap"
    largest_effect: ClassVar[float] = 0.6
    example_effect: ClassVar[float] = 0.2

    def labels(self) -> tuple[str, ...]:
        """Names of the groups; the first is the reference."""
        return tuple(f"group {i + 1:02d}" for i in range(len(self.shares)))

    def population(self, effect: float) -> Population:
        """Axes group, approved."""
        checked_effect(self, effect)
        chance = np.full(len(self.shares), self.chance)
        chance[self.harmed] -= effect
        parts = {"group": self.labels(), "approved": (0, 1)}
        return table(parts, (("group",), self.shares), (("group", "approved"), either(chance)))

    def truth(self, effect: float) -> dict[str, float]:
        """Every group against the reference, and the harmed one by itself."""
        joint = self.population(effect).over("group", "approved")
        rate = joint[:, 1] / joint.sum(axis=1)
        ratios = {f"adverse_impact_ratio[{self.labels()[i]}]": float(rate[i] / rate[0]) for i in range(1, len(rate))}
        return {
            **rates(joint, self.labels()),
            **ratios,
            "approval_gap": float(rate[0] - rate[self.harmed]),
            "adverse_impact_ratio": float(rate[self.harmed] / rate[0]),
            "lowest_over_highest_rate": float(np.min(rate) / np.max(rate)),
        }

    def contract(self) -> dict[str, Any]:
        """Groups only: nothing else is known."""
        labels = list(self.labels())
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "groups": {"group": {"column": "group", "values": labels, "reference": labels[0]}},
        }

"""One small intersection among 1,957 subgroups."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Population, either, table
from audits.simulation.world import World, checked_effect


@dataclass(frozen=True, slots=True)
class Intersections(World):
    """Six attributes whose values, pairs and triples of values make exactly 1,957 subgroups.

    With ``levels`` k₁ … k₆ there are e₁ + e₂ + e₃ subgroups up to depth three, eⱼ the elementary symmetric sums
    of the levels: 29 + 305 + 1,623. The attributes are independent and their values equally common. Everyone's
    chance of approval is ``chance``; planted, it is lower by ``effect`` in the one subgroup that joins the last
    values of the attributes at positions ``harmed``.
    """

    levels: tuple[int, ...] = (2, 2, 2, 5, 6, 12)
    chance: float = 0.8
    harmed: tuple[int, int, int] = (0, 3, 4)

    code: ClassVar[str] = "I1"
    name: ClassVar[str] = "intersections"
    summary: ClassVar[str] = "1,957 subgroups alike; harm: one intersection of three attributes is approved less often"
    trap: ClassVar[str] = "a test of every subgroup, uncorrected, always finds something"
    estimand: ClassVar[str] = "approval_gap"
    largest_effect: ClassVar[float] = 0.7
    example_effect: ClassVar[float] = 0.03

    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(f"attribute {i + 1}" for i in range(len(self.levels)))

    def subgroups(self) -> int:
        """Number of subgroups up to depth three."""
        sums = [1, 0, 0, 0]
        for count in self.levels:
            for depth in (3, 2, 1):
                sums[depth] += sums[depth - 1] * count
        return sum(sums[1:])

    def planted(self) -> dict[str, str]:
        """The harmed subgroup: its three attributes and their values."""
        return {self.attributes()[i]: self._values(i)[-1] for i in self.harmed}

    def population(self, effect: float) -> Population:
        """Axes: the attributes, then approved."""
        checked_effect(self, effect)
        chance = np.full(self.levels, self.chance)
        spot = tuple(count - 1 if i in self.harmed else slice(None) for i, count in enumerate(self.levels))
        chance[spot] -= effect
        names = self.attributes()
        parts: dict[str, Any] = {name: self._values(i) for i, name in enumerate(names)}
        even = np.full(self.levels, 1 / prod(self.levels))
        return table({**parts, "approved": (0, 1)}, (names, even), ((*names, "approved"), either(chance)))

    def truth(self, effect: float) -> dict[str, float]:
        """The harmed subgroup against everyone else, and how large it is."""
        joint = self.population(effect).over(*(self.attributes()[i] for i in self.harmed), "approved")
        inside = joint[-1, -1, -1]
        outside = joint.sum(axis=(0, 1, 2)) - inside
        rate, rest = float(inside[1] / inside.sum()), float(outside[1] / outside.sum())
        return {
            "approval_rate[planted subgroup]": rate,
            "approval_rate[everyone else]": rest,
            "approval_gap": rest - rate,
            "adverse_impact_ratio": rate / rest,
            "share_of_the_planted_subgroup": float(inside.sum()),
            "subgroups": float(self.subgroups()),
        }

    def contract(self) -> dict[str, Any]:
        """Every attribute is a protected one, its first value the reference."""
        groups = {
            name: {"column": name, "values": list(self._values(i)), "reference": self._values(i)[0]}
            for i, name in enumerate(self.attributes())
        }
        return {"unit": "case", "decision": {"column": "approved", "favourable": 1}, "groups": groups}

    def _values(self, i: int) -> tuple[str, ...]:
        return tuple(f"value {level + 1:02d}" for level in range(self.levels[i]))

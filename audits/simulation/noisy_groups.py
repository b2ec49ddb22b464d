"""Who belongs to the group is not recorded, only how probable it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Column, Floats, Population, either, table
from audits.simulation.world import World, checked_effect, rates


@dataclass(frozen=True, slots=True)
class NoisyGroups(World):
    """The file holds a calibrated probability of belonging to the group, as surname and address would give.

    ``probabilities`` are the values it takes and ``shares`` how often. Among people with probability q, exactly q
    belong. The chance of approval is ``chance``; planted, it is lower by (1 − ``through_place``) · ``effect`` for
    members, and by ``through_place`` · ``effect`` · q for everyone, since the lender also marks down the places
    where members live. Both push the same way, which is the assumption under which the two customary estimates
    bound the truth: the difference of probability-weighted rates from below, least squares on the probability
    from above (Chen, Kallus, Mao, Svacha and Udell 2019, Fairness under unawareness, FAT*).
    """

    probabilities: tuple[float, ...] = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
    shares: tuple[float, ...] = (0.35, 0.2, 0.12, 0.08, 0.08, 0.07, 0.1)
    chance: float = 0.75
    through_place: float = 0.3

    code: ClassVar[str] = "D6"
    name: ClassVar[str] = "noisy-groups"
    summary: ClassVar[str] = "only a probability of belonging is known; harm: members are approved less often"
    trap: ClassVar[str] = "taking everyone above one half for a member shrinks the gap"
    estimand: ClassVar[str] = "approval_gap"
    largest_effect: ClassVar[float] = 0.7
    example_effect: ClassVar[float] = 0.15

    def population(self, effect: float) -> Population:
        """Axes probability, member, likely, approved; ``member`` is not in the file."""
        checked_effect(self, effect)
        q = np.array(self.probabilities)
        place = self.chance - self.through_place * effect * q
        chance = np.stack([place, place - (1 - self.through_place) * effect], axis=1)
        parts = {"probability": self.probabilities, "member": (0, 1), "likely": ("A", "B"), "approved": (0, 1)}
        return table(
            parts,
            (("probability",), self.shares),
            (("probability", "member"), either(q)),
            (("probability", "likely"), either((q >= 0.5).astype(np.float64))),
            (("probability", "member", "approved"), either(chance)),
        )

    def recorded(self, effect: float) -> Population:
        """Without membership."""
        people, names = self.population(effect), ("probability", "likely", "approved")
        return Population(tuple(Column(name, people.values(name)) for name in names), people.over(*names))

    def truth(self, effect: float) -> dict[str, float]:
        """The gap between members and others, and what each way of guessing it tends to."""
        people = self.population(effect)
        member, likely = people.over("member", "approved"), people.over("likely", "approved")
        by_q, q = people.over("probability", "approved"), np.array(self.probabilities)
        size, yes = by_q.sum(axis=1), by_q[:, 1]
        mean, rate = float(q @ size), float(yes.sum())
        covariance, variance = float(q @ yes) - mean * rate, float(q**2 @ size) - mean**2
        return {
            **rates(member, ("not a member", "member")),
            "approval_gap": _gap(member),
            "adverse_impact_ratio": 1 - _gap(member) / float(member[0, 1] / member[0].sum()),
            "gap_by_likely_group": _gap(likely),
            "gap_of_weighted_rates": float((1 - q) @ yes / (1 - mean) - q @ yes / mean),
            "gap_by_least_squares_on_probability": -covariance / variance,
        }

    def contract(self) -> dict[str, Any]:
        """The likely group stands where the group would; beside it the attribute that the probability is of."""
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "groups": {"likely": {"column": "likely", "values": ["A", "B"], "reference": "A"}},
            "imputed_groups": {
                "member": {
                    "probabilities": {"B": "probability"},
                    "reference": "A",
                    "calibration": "made so: among people of a probability exactly that share belongs",
                }
            },
        }


def _gap(joint: Floats) -> float:
    """Approval rate of the first row minus that of the second."""
    rate = joint[:, 1] / joint.sum(axis=1)
    return float(rate[0] - rate[1])

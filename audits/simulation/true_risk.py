"""A lender that decides on true risk, and applicants who differ in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, conditional_gap, either, odds_ratio, root, table, tilted
from audits.simulation.world import World, checked_effect, rates, repayment_gap


@dataclass(frozen=True, slots=True)
class TrueRisk(World):
    """A fair lender whose raw approval ratio is far from one, because true risk differs between the groups.

    Risk has ``bands`` levels, 1 the best. The lender approves when risk plus an underwriter's uniform noise stays
    under a threshold, so the chance of approval falls in a straight line from ``best_chance`` to ``worst_chance``.
    The reference is spread over the bands by ``reference_tilt`` (exponential, negative means better risks), the
    group by the tilt at which the fair lender's ratio of approval rates is exactly ``ratio``. ``group_share`` is
    the group's share of all applicants. The planted harm moves the threshold for the group alone: at equal risk
    its chance of approval is lower by ``effect`` in every band. Repayment, known of everyone, falls in a straight line
    from ``best_repaid`` to ``worst_repaid`` over the bands, whatever the group and the decision.
    """

    bands: int = 20
    best_chance: float = 0.92
    worst_chance: float = 0.25
    reference_tilt: float = -1.5
    ratio: float = 0.73
    group_share: float = 0.3
    best_repaid: float = 0.97
    worst_repaid: float = 0.5

    code: ClassVar[str] = "D1"
    name: ClassVar[str] = "true-risk"
    summary: ClassVar[str] = "decides on true risk, which differs between the groups; harm: a stricter threshold"
    trap: ClassVar[str] = "the four-fifths rule flags the fair lender"
    estimand: ClassVar[str] = "conditional_gap"
    largest_effect: ClassVar[float] = 0.24
    example_effect: ClassVar[float] = 0.1

    def population(self, effect: float) -> Population:
        """Axes group, risk, approved, repaid."""
        checked_effect(self, effect)
        chance, bands = self._chance(), tuple(range(1, self.bands + 1))
        parts = {"group": ("A", "B"), "risk": bands, "approved": (0, 1), "repaid": (0, 1)}
        return table(
            parts,
            (("group",), [1 - self.group_share, self.group_share]),
            (("group", "risk"), np.stack([self._reference(), self._spread(effect)])),
            (("group", "risk", "approved"), either(np.stack([chance, chance - effect]))),
            (("risk", "repaid"), either(self._repaid())),
        )

    def truth(self, effect: float) -> dict[str, float]:
        """Rates, their ratio and gap, and the gap at equal risk, which every weighting of the bands shares."""
        people = self.population(effect)
        joint = people.over("group", "risk", "approved")
        rate = {label: joint[i, :, 1].sum() / joint[i].sum() for i, label in enumerate(("A", "B"))}
        return {
            **rates(people.over("group", "approved"), ("A", "B")),
            "adverse_impact_ratio": float(rate["B"] / rate["A"]),
            "approval_gap": float(rate["A"] - rate["B"]),
            "conditional_gap": conditional_gap(joint)["overlap"],
            "mantel_haenszel_odds_ratio": odds_ratio(joint),
            "repayment_gap_among_the_approved": repayment_gap(people.over("group", "approved", "repaid")[:, 1]),
        }

    def contract(self) -> dict[str, Any]:
        """True risk is what the lender may lawfully weigh."""
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "outcome": {"column": "repaid", "favourable": 1},
            "groups": {"group": {"column": "group", "values": ["A", "B"], "reference": "A"}},
            "controls": ["risk"],
            "features": ["risk"],
        }

    def _repaid(self) -> Floats:
        return np.linspace(self.best_repaid, self.worst_repaid, self.bands)

    def _spread(self, effect: float) -> Floats:
        """The group's risks, which the planted harm leaves as they are."""
        return group_spread(self, 0.0)

    def _chance(self) -> Floats:
        return np.linspace(self.best_chance, self.worst_chance, self.bands)

    def _reference(self) -> Floats:
        return tilted(np.full(self.bands, 1 / self.bands), self.reference_tilt)


@cache
def group_spread(world: TrueRisk, effect: float) -> Floats:
    """The group's risks, such that with this effect the ratio of approval rates is the one asked for."""
    chance, reference = world._chance(), world._reference()
    goal = world.ratio * float(chance @ reference)
    found = root(lambda tilt: float((chance - effect) @ tilted(reference, tilt)) - goal, -20.0, 20.0)
    return tilted(reference, found)

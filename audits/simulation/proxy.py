"""A lender that penalises a trait standing in for the group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Population, conditional_gap, either, odds_ratio, table, tilted
from audits.simulation.training_code import SEARCH, TODAY
from audits.simulation.without_trait import figures_without
from audits.simulation.world import World, checked_effect, rates, repayment_gap


@dataclass(frozen=True, slots=True)
class Proxy(World):
    """The chance of approval falls by ``effect`` for applicants with a trait that says nothing about risk.

    Risk has ``bands`` levels; the fair chance of approval falls in a straight line from ``best_chance`` to
    ``worst_chance``. The trait (a neighbourhood, a kind of telephone) is held by ``reference_trait`` of the
    reference in the best band and ``group_trait`` of the group, and by ``reference_slope`` and ``group_slope`` more
    for each further band. Given risk and group, it has no bearing on repayment. ``group_tilt`` makes the group's
    risks worse. ``effect`` is the penalty δ; the harm is what it does to the group at equal risk, which differs by
    band, so the weighting matters and ``truth`` gives three. A regression that controls for the trait finds 0.
    Repayment, known of everyone, falls from ``best_repaid`` to ``worst_repaid`` over the bands and with nothing else.
    """

    bands: int = 10
    best_chance: float = 0.92
    worst_chance: float = 0.5
    reference_trait: float = 0.1
    group_trait: float = 0.6
    reference_slope: float = 0.01
    group_slope: float = -0.02
    group_tilt: float = 0.8
    group_share: float = 0.3
    best_repaid: float = 0.97
    worst_repaid: float = 0.5

    code: ClassVar[str] = "D2"
    name: ClassVar[str] = "proxy"
    summary: ClassVar[str] = "decides on risk; harm: penalises a trait that stands in for the group"
    trap: ClassVar[str] = "a regression that controls for the trait sees nothing"
    estimand: ClassVar[str] = "conditional_gap"
    largest_effect: ClassVar[float] = 0.5
    example_effect: ClassVar[float] = 0.3

    def population(self, effect: float) -> Population:
        """Axes group, risk, trait, approved, repaid."""
        checked_effect(self, effect)
        band = np.arange(self.bands)
        trait = np.stack(
            [self.reference_trait + self.reference_slope * band, self.group_trait + self.group_slope * band]
        )
        chance = np.linspace(self.best_chance, self.worst_chance, self.bands)
        even = np.full(self.bands, 1 / self.bands)
        repaid = np.linspace(self.best_repaid, self.worst_repaid, self.bands)
        parts = {"group": ("A", "B"), "risk": tuple(range(1, self.bands + 1))}
        parts |= dict.fromkeys(("trait", "approved", "repaid"), (0, 1))
        return table(
            parts,
            (("group",), [1 - self.group_share, self.group_share]),
            (("group", "risk"), np.stack([even, tilted(even, self.group_tilt)])),
            (("group", "risk", "trait"), either(trait)),
            (("risk", "trait", "approved"), either(np.stack([chance, chance - effect], axis=1))),
            (("risk", "repaid"), either(repaid)),
        )

    def truth(self, effect: float) -> dict[str, float]:
        """The gap at equal risk under three weightings, and what controlling for the trait would find.

        Of a model that learned the decisions from risk and trait, and of one that learned them from risk alone: the
        ratio of approval rates where each approves by rank as the decisions did, and its AUC for repayment.
        """
        people = self.population(effect)
        joint = people.over("group", "risk", "approved")
        gaps = conditional_gap(joint)
        within = people.over("group", "risk", "trait", "approved").reshape(2, -1, 2)
        shares = joint.sum(axis=1)
        rate = shares[:, 1] / shares.sum(axis=1)
        return {
            **rates(shares, ("A", "B")),
            "adverse_impact_ratio": float(rate[1] / rate[0]),
            "approval_gap": float(rate[0] - rate[1]),
            "conditional_gap": gaps["overlap"],
            "conditional_gap_of_the_group": gaps["group"],
            "conditional_gap_of_the_reference": gaps["reference"],
            "gap_given_risk_and_trait": conditional_gap(within)["overlap"],
            "mantel_haenszel_odds_ratio": odds_ratio(joint),
            "repayment_gap_among_the_approved": repayment_gap(people.over("group", "approved", "repaid")[:, 1]),
            **figures_without(people.over("group", "risk", "trait", "approved", "repaid")),
        }

    def contract(self) -> dict[str, Any]:
        """Risk may be weighed; the trait is an input of the model beside it and no control."""
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "outcome": {"column": "repaid", "favourable": 1},
            "groups": {"group": {"column": "group", "values": ["A", "B"], "reference": "A"}},
            "controls": ["risk"],
            "features": ["risk", "trait"],
        }

    def remedies(self) -> dict[str, Any]:
        """Other models than the one that learned the decisions; what is lost is measured by repayment."""
        return {
            "target": "decision", "attribute": "group", "performance": {"measure": "auc", "loss": 0.002},
            "least_gain": 0.02, "approve": "as_recorded", "today": dict(TODAY), "hyperparameters": dict(SEARCH),
            "trials": 12,
        }  # fmt: skip

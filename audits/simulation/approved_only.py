"""Repayment is known for approved applicants only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Column, Floats, Population, conditional_gap, either, table, tilted
from audits.simulation.world import World, checked_effect, rates


@dataclass(frozen=True, slots=True)
class ApprovedOnly(World):
    """The lender sees a score and a private sign that the file lacks; default is recorded where it approved.

    The score has ``bands`` levels. Default has the chance ``best_default`` to ``worst_default`` along them, less
    ``sign_relief`` for those with the private sign (``sign_share`` of everyone), whatever the group: the score is
    calibrated alike for both. The chance of approval falls from ``best_chance`` to ``worst_chance`` and is higher
    by ``sign_bonus`` with the sign. ``group_tilt`` makes the group's scores worse, so among the approved the group
    defaults more although nobody is treated differently. Planted: applicants of the group without the sign are
    approved less often, by ``effect`` in all; then those approved default less than the score says, and
    a comparison among the approved reads as a score too harsh on the group, which it is not.
    """

    bands: int = 8
    best_default: float = 0.2
    worst_default: float = 0.5
    sign_relief: float = 0.16
    sign_share: float = 0.5
    best_chance: float = 0.85
    worst_chance: float = 0.45
    sign_bonus: float = 0.12
    group_tilt: float = 0.7
    group_share: float = 0.3

    code: ClassVar[str] = "D4"
    name: ClassVar[str] = "approved-only"
    summary: ClassVar[str] = "repayment known for the approved only; harm: the group needs a further good sign"
    trap: ClassVar[str] = "default rates among the approved accuse the fair lender and excuse the harmful one"
    estimand: ClassVar[str] = "conditional_gap"
    largest_effect: ClassVar[float] = 0.2
    example_effect: ClassVar[float] = 0.12

    def population(self, effect: float) -> Population:
        """Axes group, risk, sign, approved, default; default is true of everyone, also of those turned down."""
        checked_effect(self, effect)
        chance = np.linspace(self.best_chance, self.worst_chance, self.bands)
        by_sign = np.stack([chance, chance + self.sign_bonus], axis=1)
        harmed = np.stack([chance - effect / (1 - self.sign_share), chance + self.sign_bonus], axis=1)
        default = np.linspace(self.best_default, self.worst_default, self.bands)
        even = np.full(self.bands, 1 / self.bands)
        risk = tuple(range(1, self.bands + 1))
        parts = {"group": ("A", "B"), "risk": risk, "sign": (0, 1), "approved": (0, 1), "default": (0, 1)}
        return table(
            parts,
            (("group",), [1 - self.group_share, self.group_share]),
            (("group", "risk"), np.stack([even, tilted(even, self.group_tilt)])),
            (("sign",), [1 - self.sign_share, self.sign_share]),
            (("group", "risk", "sign", "approved"), either(np.stack([by_sign, harmed]))),
            (("risk", "sign", "default"), either(np.stack([default, default - self.sign_relief], axis=1))),
        )

    def recorded(self, effect: float) -> Population:
        """Without the sign, and with default missing where the application was turned down."""
        seen = self.population(effect).over("group", "risk", "approved", "default")
        masked = np.zeros((*seen.shape[:3], 3))
        masked[:, :, 1, :2] = seen[:, :, 1]
        masked[:, :, 0, 2] = seen[:, :, 0].sum(axis=-1)
        names = ("group", "risk", "approved")
        people = self.population(effect)
        columns = (*(Column(name, people.values(name)) for name in names), Column("default", (0, 1, None)))
        return Population(columns, masked)

    def truth(self, effect: float) -> dict[str, float]:
        """What is true of all applicants beside what the approved alone would show."""
        people = self.population(effect)
        joint = people.over("group", "risk", "approved")
        outcome = people.over("group", "approved", "default")
        everyone, approved = outcome.sum(axis=1), outcome[:, 1]
        by_score, by_score_approved = people.over("group", "risk", "default"), _approved(people)
        shares = people.over("group", "approved")
        rate = shares[:, 1] / shares.sum(axis=1)
        good = outcome[:, :, 0]
        return {
            **rates(shares, ("A", "B")),
            "adverse_impact_ratio": float(rate[1] / rate[0]),
            "approval_gap": float(rate[0] - rate[1]),
            "conditional_gap": conditional_gap(joint)["overlap"],
            "default_rate_gap": _excess(everyone),
            "default_rate_gap_among_the_approved": _excess(approved),
            "calibration_gap": -conditional_gap(by_score)["overlap"],
            "calibration_gap_among_the_approved": -conditional_gap(by_score_approved)["overlap"],
            "false_rejection_rate_gap": float(good[1, 0] / good[1].sum() - good[0, 0] / good[0].sum()),
        }

    def contract(self) -> dict[str, Any]:
        """The score may be weighed and is the one feature; the outcome is observed when approved."""
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "outcome": {"column": "default", "favourable": 0, "observed_when": "approved"},
            "groups": {"group": {"column": "group", "values": ["A", "B"], "reference": "A"}},
            "controls": ["risk"],
            "features": ["risk"],
            "columns": {"default": {"null_tolerance": 1}},
        }


def _approved(people: Population) -> Floats:
    return people.over("group", "risk", "approved", "default")[:, :, 1]


def _excess(outcome: Floats) -> float:
    """Default rate of the group minus that of the reference; axes (group, no and yes)."""
    rate = outcome[:, 1] / outcome.sum(axis=1)
    return float(rate[1] - rate[0])

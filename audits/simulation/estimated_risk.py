"""A lender that knows risk, and a file that shows only signs of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, conditional_gap, either, table, tilted
from audits.simulation.world import World, checked_effect, rates, repayment_gap


@dataclass(frozen=True, slots=True)
class EstimatedRisk(World):
    """True risk decides approval and repayment but is not recorded: two noisy signs of it and a trait are.

    Risk has ``bands`` levels; the chances of approval and of repayment fall over them in straight lines, so that
    applicants with one expected repayment, given all that the file shows and the group, have one expected chance of
    approval. Income and history have five levels each, placed by a blurred reading of risk, income the more blurred;
    the trait is common in the group and says nothing about risk. ``group_tilt`` makes the group's risks worse.
    Planted: at equal risk the group's chance of approval is lower by ``effect``.

    Signs do not carry the whole difference in risk: at equal signs the group still has worse risks. So a gap stays
    at equal income and history, and at equal risk estimated without the group, though the lender be fair.
    """

    bands: int = 10
    best_chance: float = 0.92
    worst_chance: float = 0.35
    best_repaid: float = 0.97
    worst_repaid: float = 0.5
    group_tilt: float = 1.0
    group_share: float = 0.3
    income_blur: float = 0.5
    history_blur: float = 0.3
    reference_trait: float = 0.1
    group_trait: float = 0.5

    code: ClassVar[str] = "D9"
    name: ClassVar[str] = "estimated-risk"
    summary: ClassVar[str] = (
        "decides on a risk that the file lacks and only signs of it show; harm: a stricter threshold"
    )
    trap: ClassVar[str] = "a regression on the recorded signs flags the fair lender"
    estimand: ClassVar[str] = "risk_adjusted_gap"
    largest_effect: ClassVar[float] = 0.3
    example_effect: ClassVar[float] = 0.1

    def population(self, effect: float) -> Population:
        """Axes group, risk, income, history, trait, approved, repaid."""
        checked_effect(self, effect)
        chance = np.linspace(self.best_chance, self.worst_chance, self.bands)
        even = np.full(self.bands, 1 / self.bands)
        trait = [self.reference_trait, self.group_trait]
        parts: dict[str, Any] = {"group": ("A", "B"), "risk": tuple(range(1, self.bands + 1))}
        parts |= dict.fromkeys(("income", "history"), (1, 2, 3, 4, 5))
        parts |= dict.fromkeys(("trait", "approved", "repaid"), (0, 1))
        return table(
            parts,
            (("group",), [1 - self.group_share, self.group_share]),
            (("group", "risk"), np.stack([even, tilted(even, self.group_tilt)])),
            (("risk", "income"), self._sign(self.income_blur)),
            (("risk", "history"), self._sign(self.history_blur)),
            (("group", "trait"), either(trait)),
            (("group", "risk", "approved"), either(np.stack([chance, chance - effect]))),
            (("risk", "repaid"), either(np.linspace(self.best_repaid, self.worst_repaid, self.bands))),
        )

    def recorded(self, effect: float) -> Population:
        """Without the true risk."""
        people = self.population(effect)
        kept = tuple(column for column in people.columns if column.name != "risk")
        return Population(kept, people.over(*(column.name for column in kept)))

    def truth(self, effect: float) -> dict[str, float]:
        """The gap at equal risk, true or expected from the file, and what a regression on the signs would find.

        ``risk_adjusted_gap`` is the coefficient of the group in a regression of approval on the group and on
        P(repaid | income, history, trait, group), over everyone; ``gap_at_equal_blind_risk`` that on P(repaid | income,
        history, trait).
        """
        people = self.population(effect)
        shares = people.over("group", "approved")
        rate = shares[:, 1] / shares.sum(axis=1)
        seen = people.over("group", "income", "history", "trait", "approved", "repaid")
        return {
            **rates(shares, ("A", "B")),
            "adverse_impact_ratio": float(rate[1] / rate[0]),
            "approval_gap": float(rate[0] - rate[1]),
            "conditional_gap": conditional_gap(people.over("group", "risk", "approved"))["overlap"],
            "risk_adjusted_gap": _gap_at(seen, _repaid(seen, seen)),
            "gap_at_equal_blind_risk": _gap_at(seen, _repaid(seen, seen.sum(axis=0, keepdims=True))),
            "gap_given_the_signs": conditional_gap(seen.sum(axis=-1).reshape(2, -1, 2))["overlap"],
            "repayment_gap_among_the_approved": repayment_gap(people.over("group", "approved", "repaid")[:, 1]),
        }

    def contract(self) -> dict[str, Any]:
        """Income and history may be weighed; the trait is an input of the model beside them."""
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "outcome": {"column": "repaid", "favourable": 1},
            "groups": {"group": {"column": "group", "values": ["A", "B"], "reference": "A"}},
            "controls": ["income", "history"],
            "features": ["income", "history", "trait"],
        }

    def _sign(self, blur: float) -> Floats:
        """P(level | risk): normal weights about the level that the risk would have without blur; 1 is the best."""
        place, level = np.linspace(0, 1, self.bands), np.linspace(0, 1, 5)
        weight = np.exp(-0.5 * ((place[:, None] - level[None, :]) / blur) ** 2)
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _repaid(seen: Floats, known: Floats) -> Floats:
    """P(repaid | …) from a table with decision and repayment as its last axes, in the shape of ``seen``."""
    joint = known.sum(axis=-2)
    return np.broadcast_to(joint[..., 1] / joint.sum(axis=-1), seen.shape[:-2])


def _gap_at(seen: Floats, risk: Floats) -> float:
    """Minus the coefficient of the group, with a straight line in risk, over the whole population."""
    joint = seen.sum(axis=-1)
    weight = joint.sum(axis=-1)
    group = np.broadcast_to(np.arange(2.0).reshape(2, 1, 1, 1), weight.shape)
    design = np.column_stack([np.ones(weight.size), risk.ravel(), group.ravel()])
    made = (joint[..., 1] / weight).ravel()
    inverse = np.linalg.solve((design.T * weight.ravel()) @ design, (design.T * weight.ravel()) @ made)
    return -float(inverse[2])

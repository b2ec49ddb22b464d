"""People who apply several times, each time with much the same result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import comb

from audits.simulation.population import Floats, Population, conditional_gap, table, tilted
from audits.simulation.world import World, checked_effect, rates


@dataclass(frozen=True, slots=True)
class Repeated(World):
    """Everyone applies four times; rows of one person are alike, so they say less than as many people would.

    Risk has ``bands`` levels; the chance of approval falls from ``best_chance`` to ``worst_chance``, and planted it
    is lower by ``effect`` for the group at equal risk. A person's four decisions are one decision repeated with
    probability ``alike``, and independent otherwise: their correlation is ``alike``. ``group_tilt`` makes the
    group's risks worse. An error that counts rows as independent is too small by √(1 + 3 · alike).
    """

    bands: int = 6
    best_chance: float = 0.9
    worst_chance: float = 0.4
    alike: float = 0.5
    group_tilt: float = 0.6
    group_share: float = 0.3

    code: ClassVar[str] = "D7"
    name: ClassVar[str] = "repeated"
    summary: ClassVar[str] = "people apply four times with like results; harm: the group is approved less often"
    trap: ClassVar[str] = "errors that take rows for independent flag the fair lender"
    estimand: ClassVar[str] = "conditional_gap"
    largest_effect: ClassVar[float] = 0.35
    example_effect: ClassVar[float] = 0.1
    rows_each: ClassVar[int] = 4

    def population(self, effect: float) -> Population:
        """Axes group, risk, approved; a draw is a person and ``approved`` the number of approvals in four."""
        checked_effect(self, effect)
        chance = np.linspace(self.best_chance, self.worst_chance, self.bands)
        even = np.full(self.bands, 1 / self.bands)
        parts = {
            "group": ("A", "B"),
            "risk": tuple(range(1, self.bands + 1)),
            "approved": tuple(range(self.rows_each + 1)),
        }
        return table(
            parts,
            (("group",), [1 - self.group_share, self.group_share]),
            (("group", "risk"), np.stack([even, tilted(even, self.group_tilt)])),
            (("group", "risk", "approved"), self._counts(np.stack([chance, chance - effect]))),
        )

    def truth(self, effect: float) -> dict[str, float]:
        """Figures of rows, and how much the repetition widens an error."""
        joint = self._rows(self.population(effect).over("group", "risk", "approved"))
        shares = joint.sum(axis=1)
        rate = shares[:, 1] / shares.sum(axis=1)
        return {
            **rates(shares, ("A", "B")),
            "adverse_impact_ratio": float(rate[1] / rate[0]),
            "approval_gap": float(rate[0] - rate[1]),
            "conditional_gap": conditional_gap(joint)["overlap"],
            "design_effect": 1 + (self.rows_each - 1) * self.alike,
        }

    def contract(self) -> dict[str, Any]:
        """The person is the entity; risk may be weighed."""
        return {
            "unit": "case",
            "entity": "applicant",
            "decision": {"column": "approved", "favourable": 1},
            "groups": {"group": {"column": "group", "values": ["A", "B"], "reference": "A"}},
            "controls": ["risk"],
        }

    def _counts(self, chance: Floats) -> Floats:
        """P(0 … four approvals) on a new last axis: a mixture of one decision repeated and four independent ones."""
        times, count, yes = self.rows_each, np.arange(self.rows_each + 1), chance[..., None]
        independent = comb(times, count) * yes**count * (1 - yes) ** (times - count)
        repeated = np.where(count == times, yes, 0.0) + np.where(count == 0, 1 - yes, 0.0)
        return np.asarray(self.alike * repeated + (1 - self.alike) * independent)

    def _rows(self, people: Floats) -> Floats:
        """Probabilities of a row: the last axis from counts of approvals to no and yes."""
        share = np.arange(self.rows_each + 1) / self.rows_each
        return np.stack([people @ (1 - share), people @ share], axis=-1)

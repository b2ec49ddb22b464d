"""A lender whose score takes points off whoever has no data trail, and people without one who do repay less often."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from audits.simulation.population import Column, Floats, Population, Value, either, root, table, tilted
from audits.simulation.world import Numbers, World, checked_effect

FILES = ("full", "thin")


@dataclass(frozen=True, slots=True)
class ThinFiles(World):
    """Two files, and a score from 0 to ``levels`` − 1 on which the lender decides alike for both.

    Approval falls in a straight line from ``best_chance`` at the highest score to ``worst_chance`` at 0, and the rate
    of interest rises from ``best_rate`` to ``worst_rate`` (percent). Who has a full file repays with log-odds ``base``
    + ``slope`` · score. Thin files, ``thin_share`` of all, have lower scores (spread by the tilt at which their
    approval rate is ``ratio`` of the full files'), and in the fair twin they repay as their scores say. The planted
    harm: the score took points off for the missing trail, so that a thin file repays as a full one does whose score is
    higher by ``effect`` / the slope of approval. So ``effect`` is the chance of approval that the points cost at equal
    repayment, while rates of approval are as in the fair twin to the last digit. ``filled`` is the decision once the
    trail is there: a refused thin file is granted as often as its repayment deserves.
    """

    levels: int = 21
    best_chance: float = 0.9
    worst_chance: float = 0.3
    best_rate: float = 9.0
    worst_rate: float = 21.0
    base: float = -0.6
    slope: float = 0.16
    full_tilt: float = 0.8
    ratio: float = 0.72
    thin_share: float = 0.3

    code: ClassVar[str] = "C2"
    name: ClassVar[str] = "thin-files"
    summary: ClassVar[str] = (
        "thin files repay less and the score knows it; harm: points off for the missing trail itself"
    )
    trap: ClassVar[str] = "raw approval ratios are one and the same in both twins, and below four fifths"
    estimand: ClassVar[str] = "thin_file_approval_gap"
    largest_effect: ClassVar[float] = 0.1
    example_effect: ClassVar[float] = 0.06
    audits: ClassVar[tuple[str, ...]] = ("digital_divide.thin_file",)
    policies: ClassVar[tuple[str, ...]] = ("conventions", "us")
    jurisdictions: ClassVar[tuple[str, ...]] = ("US",)
    products: ClassVar[tuple[str, ...]] = ("personal_loan",)

    def population(self, effect: float) -> Population:
        """Axes file, history (missing in a thin file), score, approved, filled, repaid."""
        checked_effect(self, effect)
        parts: dict[str, tuple[Value, ...]] = {
            "file": FILES, "history": (None, 1, 2), "score": tuple(range(self.levels)), "approved": (0, 1),
            "filled": (0, 1), "repaid": (0, 1),
        }  # fmt: skip
        chance = self._chance()
        return table(
            parts, (("file",), [1 - self.thin_share, self.thin_share]),
            (("file", "history"), [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]),
            (("file", "score"), np.stack([self._full(), thin_spread(self)])),
            (("score", "approved"), either(chance)),
            (("file", "score", "approved", "filled"), self._filled(effect)),
            (("file", "score", "repaid"), either(self._repaid(effect))),
        )  # fmt: skip

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """The yearly rate, in percent, that goes with a score."""
        people = self.population(effect)
        size = [1] * people.probability.ndim
        size[people.axis("score")] = self.levels
        return {"rate": np.linspace(self.worst_rate, self.best_rate, self.levels).reshape(size)}

    def truth(self, effect: float) -> dict[str, float]:
        """Gaps of thin files against full ones.

        ``thin_file_repayment_gap`` is thin − full at equal score as the thin are spread; at equal repayment
        ``thin_file_approval_gap`` is full − thin and ``thin_file_price_gap`` thin − full (a fraction a year), both
        equal in every thin file since approval and rates follow the score in straight lines.
        """
        people = self.population(effect)
        thin, repaid = thin_spread(self), self._repaid(effect)
        approved = people.over("file", "approved")
        rate = approved[:, 1] / approved.sum(axis=1)
        refused = people.over("file", "approved", "filled")[1, 0]
        outcome = people.over("file", "approved", "repaid")[:, 1]
        step = (self.worst_rate - self.best_rate) / (self.best_chance - self.worst_chance) / 100
        return {
            "thin_file_share": self.thin_share,
            "thin_file_approval_ratio": float(rate[1] / rate[0]),
            "thin_file_repayment_gap": float(thin @ (repaid[1] - repaid[0])),
            "thin_file_approval_gap": effect,
            "thin_file_price_gap": effect * step,
            "thin_file_flip_share": float(refused[1] / refused.sum()),
            "raw_approval_gap": float(rate[0] - rate[1]),
            "raw_repayment_gap": float(np.diff(outcome[:, 1] / outcome.sum(axis=1))[0]),
        }

    def contract(self) -> dict[str, Any]:
        """Who has no history has a thin file."""
        return {
            "dated": {"from": "2025-01-01", "to": "2025-12-31"},
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "outcome": {"column": "repaid", "favourable": 1},
            "score": "score",
            "rate": {"column": "rate", "unit": "percent"},
            "thin_file": {"missing": ["history"], "filled_decision": "filled"},
        }

    def _chance(self) -> Floats:
        return np.linspace(self.worst_chance, self.best_chance, self.levels)

    def _points(self, effect: float) -> float:
        """Points that the missing trail costs."""
        return effect * (self.levels - 1) / (self.best_chance - self.worst_chance)

    def _repaid(self, effect: float) -> Floats:
        """Chance of repayment, axes file and score."""
        score = np.arange(self.levels)
        deserved = np.stack([score, score + self._points(effect)])
        return np.asarray(expit(self.base + self.slope * deserved))

    def _filled(self, effect: float) -> Floats:
        """P(filled | file, score, approved): who was approved stays so."""
        chance = self._chance()
        turned = np.stack([np.zeros(self.levels), effect / (1 - chance)])
        return either(np.stack([turned, np.ones_like(turned)], axis=-1))

    def _full(self) -> Floats:
        return tilted(np.full(self.levels, 1 / self.levels), self.full_tilt)


@cache
def thin_spread(world: ThinFiles) -> Floats:
    """The thin files' scores, such that the ratio of approval rates is the one asked for."""
    chance, full = world._chance(), world._full()
    goal = world.ratio * float(chance @ full)
    return tilted(full, root(lambda tilt: float(chance @ tilted(full, tilt)) - goal, -20.0, 20.0))


@dataclass(frozen=True, slots=True)
class ThinFilesApprovedOnly(ThinFiles):
    """The same lender, whose file shows repayment for approved applications only."""

    code: ClassVar[str] = "C2A"
    name: ClassVar[str] = "thin-files-approved-only"
    summary: ClassVar[str] = (
        "thin files as before, repayment known for the approved only; harm: points off for no trail"
    )
    trap: ClassVar[str] = "raw ratios flag the fair twin; what is known of the approved can be indicative at most"

    def recorded(self, effect: float) -> Population:
        """Repayment is missing where the application was turned down."""
        people = self.population(effect)
        names = ("file", "history", "score", "approved", "filled")
        seen = people.over(*names, "repaid")
        masked = np.zeros((*seen.shape[:-1], 3))
        masked[:, :, :, 1, :, :2] = seen[:, :, :, 1]
        masked[:, :, :, 0, :, 2] = seen[:, :, :, 0].sum(axis=-1)
        columns = (*(Column(name, people.values(name)) for name in names), Column("repaid", (0, 1, None)))
        return Population(columns, masked)

    def contract(self) -> dict[str, Any]:
        """The outcome is observed when approved."""
        contract = ThinFiles.contract(self)
        contract["outcome"]["observed_when"] = "approved"
        return {**contract, "columns": {"repaid": {"null_tolerance": 1}}}

    def truth(self, effect: float) -> dict[str, float]:
        """As without the condition, with ``thin_file_repayment_gap`` as the approved thin files are spread."""
        spread = thin_spread(self) * self._chance()
        repaid = self._repaid(effect)
        among = float(spread @ (repaid[1] - repaid[0]) / spread.sum())
        return {**ThinFiles.truth(self, effect), "thin_file_repayment_gap": among}

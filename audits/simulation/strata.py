"""Products that differ in how many applicants they approve: Simpson's paradox in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, logit

from audits.simulation.population import Floats, Population, conditional_gap, either, odds_ratio, root, table, tilted
from audits.simulation.world import World, checked_effect, rates


@dataclass(frozen=True, slots=True)
class Strata(World):
    """Within every product the groups are alike while the pooled ratio is not, or the other way round.

    ``chances`` are the reference's chances of approval by product, from easy to hard. The reference applies for
    the products as ``reference_shares`` say. Fair: the group's chances are the same, and it is tilted towards hard
    products until the pooled ratio of rates is exactly ``fair_ratio``. Planted: in every product the group's odds
    are lower by one factor, chosen so that the Mantel–Haenszel risk difference is ``effect``, and the group is
    tilted towards easy products until the pooled ratio is exactly 1.
    """

    chances: tuple[float, ...] = (0.9, 0.75, 0.55, 0.35)
    reference_shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    fair_ratio: float = 0.75
    group_share: float = 0.35

    code: ClassVar[str] = "D3"
    name: ClassVar[str] = "strata"
    summary: ClassVar[str] = "fair within every product though not in sum; harm: unfair in each though even in sum"
    trap: ClassVar[str] = "the pooled ratio flags the fair lender and passes the harmful one"
    estimand: ClassVar[str] = "mantel_haenszel_gap"
    largest_effect: ClassVar[float] = 0.2
    example_effect: ClassVar[float] = 0.12

    def population(self, effect: float) -> Population:
        """Axes group, product, approved."""
        checked_effect(self, effect)
        chance, spread = _group(self, effect)
        parts = {
            "group": ("A", "B"),
            "product": tuple(f"product {i + 1}" for i in range(len(self.chances))),
            "approved": (0, 1),
        }
        return table(
            parts,
            (("group",), [1 - self.group_share, self.group_share]),
            (("group", "product"), np.stack([np.array(self.reference_shares), spread])),
            (("group", "product", "approved"), either(np.stack([np.array(self.chances), chance]))),
        )

    def truth(self, effect: float) -> dict[str, float]:
        """The pooled ratio beside the figures within products."""
        joint = self.population(effect).over("group", "product", "approved")
        shares = joint.sum(axis=1)
        rate = shares[:, 1] / shares.sum(axis=1)
        within = joint[:, :, 1] / joint.sum(axis=2)
        gaps = conditional_gap(joint)
        ratios = {f"ratio_within[product {i + 1}]": float(r) for i, r in enumerate(within[1] / within[0])}
        return {
            **rates(shares, ("A", "B")),
            "adverse_impact_ratio": float(rate[1] / rate[0]),
            "approval_gap": float(rate[0] - rate[1]),
            "mantel_haenszel_gap": gaps["overlap"],
            "conditional_gap_of_the_group": gaps["group"],
            "mantel_haenszel_odds_ratio": odds_ratio(joint),
            **ratios,
        }

    def contract(self) -> dict[str, Any]:
        """The product is a stratum: a declared business necessity."""
        return {
            "unit": "case",
            "decision": {"column": "approved", "favourable": 1},
            "groups": {"group": {"column": "group", "values": ["A", "B"], "reference": "A"}},
            "strata": ["product"],
        }


@cache
def _group(world: Strata, effect: float) -> tuple[Floats, Floats]:
    """The group's chances by product, and how it is spread over the products."""
    if effect == 0:
        chances = np.array(world.chances)
        return chances, _spread(world, chances, world.fair_ratio)

    def miss(shift: float) -> float:
        chances = expit(logit(np.array(world.chances)) - shift)
        share, spread = world.group_share, _spread(world, chances, 1.0)
        size = np.stack([(1 - share) * np.array(world.reference_shares), share * spread])
        approved = np.stack([np.array(world.chances), chances])
        return conditional_gap(np.stack([size * (1 - approved), size * approved], axis=2))["overlap"] - effect

    chances = expit(logit(np.array(world.chances)) - root(miss, 0.0, 1.6))
    return chances, _spread(world, chances, 1.0)


def _spread(world: Strata, chances: Floats, ratio: float) -> Floats:
    """Shares of the group by product at which its pooled rate is ``ratio`` times the reference's."""
    even = np.full(len(chances), 1 / len(chances))
    goal = ratio * float(np.array(world.chances) @ np.array(world.reference_shares))
    tilt = root(lambda t: float(chances @ tilted(even, t)) - goal, -40.0, 40.0)
    return tilted(even, tilt)

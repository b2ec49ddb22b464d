"""Networks that fail everybody alike where they are poor, and the old live elsewhere than others do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.lost_on_the_way import LOST_AT
from audits.simulation.population import Floats, Population, Value, table
from audits.simulation.way_to_credit import (
    AGE_GROUP,
    AGES,
    FURTHEST,
    NETWORK,
    STAGES,
    adjusted_truth,
    contract,
    flags,
    furthest_chances,
    raw_truth,
)
from audits.simulation.world import Numbers, World, checked_effect

NETWORKS = ("fast", "slow", "failing")


@dataclass(frozen=True, slots=True)
class PoorNetwork(World):
    """More customers of 60 and over live where the network is poor, and a poor network loses everybody alike.

    ``passing`` are the chances of passing each stage on a fast network; on others they are ``slower`` times that, and
    ``failing`` times. The planted harm: at an equal network, the old pass ``start`` with a share ``lost[0]`` · effect
    less and the identity check with a share ``lost[1]`` · effect less.
    """

    passing: tuple[float, ...] = (0.7, 0.85, 0.9, 0.6, 0.8)
    slower: tuple[float, ...] = (0.85, 0.8, 0.95, 1.0, 1.0)
    failing: tuple[float, ...] = (0.6, 0.5, 0.85, 1.0, 1.0)
    younger_networks: tuple[float, ...] = (0.6, 0.3, 0.1)
    older_networks: tuple[float, ...] = (0.3, 0.4, 0.3)
    lost: tuple[float, float] = (0.15, 0.2)
    older_share: float = 0.25

    code: ClassVar[str] = "C1N"
    name: ClassVar[str] = "poor-network"
    summary: ClassVar[str] = "the old live where the network is poor; harm: they are lost at an equal network too"
    trap: ClassVar[str] = "the raw ratio is as low in the fair twin, which is flagged"
    estimand: ClassVar[str] = "log_adjusted_loss"
    largest_effect: ClassVar[float] = 1.5
    example_effect: ClassVar[float] = 0.9
    hidden: ClassVar[tuple[str, ...]] = (FURTHEST,)
    audits: ClassVar[tuple[str, ...]] = ("digital_divide.funnel",)
    policies: ClassVar[tuple[str, ...]] = ("conventions", "cn")
    jurisdictions: ClassVar[tuple[str, ...]] = ("CN",)
    products: ClassVar[tuple[str, ...]] = ("consumer_loan",)

    def population(self, effect: float) -> Population:
        """Axes age_group, network, furthest."""
        checked_effect(self, effect)
        parts: dict[str, tuple[Value, ...]] = {
            AGE_GROUP: AGES, NETWORK: NETWORKS, FURTHEST: tuple(range(len(STAGES))),
        }  # fmt: skip
        return table(
            parts, ((AGE_GROUP,), [1 - self.older_share, self.older_share]),
            ((AGE_GROUP, NETWORK), [self.younger_networks, self.older_networks]),
            ((AGE_GROUP, NETWORK, FURTHEST), furthest_chances(self._passing(effect))),
        )  # fmt: skip

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """A flag for each stage, and the decision."""
        return flags(self.population(effect))

    def truth(self, effect: float) -> dict[str, float]:
        """Ratios of the old over others, raw and within networks, and the logarithm of what is lost within them."""
        joint = self.population(effect).over(AGE_GROUP, NETWORK, FURTHEST)
        within = adjusted_truth(joint)
        return {
            **raw_truth(joint.sum(axis=1)), **within,
            "log_adjusted_loss": 0.0 - float(np.log(within["adjusted_cumulative_ratio"])),
        }  # fmt: skip

    def contract(self) -> dict[str, Any]:
        """The network is a stratum, and a dimension by which losses are told apart."""
        return contract(strata=(NETWORK,), network=NETWORK)

    def _passing(self, effect: float) -> Floats:
        """Axes age group, network and stage."""
        alike = np.array(self.passing) * np.array([np.ones(len(self.passing)), self.slower, self.failing])
        chance = np.stack([alike, alike])
        for stage, share in zip(LOST_AT, self.lost, strict=True):
            chance[1, :, STAGES.index(stage) - 1] *= 1 - share * effect
        return chance


@dataclass(frozen=True, slots=True)
class HiddenByNetwork(PoorNetwork):
    """The old live where the network is fast, so that more of them come through; a poor network loses everybody alike.

    The planted harm is the same: at an equal network the old are lost at ``start`` and at the identity check. While it
    is moderate the raw ratio stays above 1: raw and at an equal network, the figures lie on opposite sides of equality.
    """

    younger_networks: tuple[float, ...] = (0.3, 0.4, 0.3)
    older_networks: tuple[float, ...] = (0.6, 0.3, 0.1)

    code: ClassVar[str] = "C1R"
    name: ClassVar[str] = "hidden-by-network"
    summary: ClassVar[str] = "the old live where the network is fast; harm: lost at an equal network, hidden in sum"
    trap: ClassVar[str] = "the raw ratio is above 1 for the harmful lender too, who passes"
    estimand: ClassVar[str] = "log_adjusted_loss"
    largest_effect: ClassVar[float] = 1.5
    example_effect: ClassVar[float] = 0.4

"""Binomial bands: what a correct tool may show in so many replicates without being called wrong.

All checks of the board together fail a correct tool with a probability of at most ``FALSE_FAILURE``: each gets an
equal part of it (Bonferroni) and an exact binomial quantile, so a check is stricter the more replicates it has.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binom

FALSE_FAILURE = 1e-3


@dataclass(frozen=True, slots=True)
class Target:
    """A probability that must lie between ``least`` and ``most``; ``name`` says of what."""

    name: str
    least: float = 0.0
    most: float = 1.0


TYPE_ONE = Target("type-I error", most=0.05)
COVERAGE = Target("coverage", 0.94, 0.96)
FAMILY_COVERAGE = Target("family coverage", 0.94, 1.0)  # a family-wise interval may cover more often than it says
SMALL_COVERAGE = Target("coverage of small groups", 0.93, 1.0)
POWER = Target("power at the detectable effect", 0.8)
HIGH_POWER = Target("power at 1.5 times that", 0.95)
FALSE_CLEAR = Target("false clear at the limit", most=0.025)
FALSE_CONCERN = Target("false concern at the limit", most=0.025)
TYPE_ONE_OF_ESTIMATED_RISK = Target("type-I error of an estimated risk", most=0.07)
BOUNDS = Target("coverage by bounds", 0.94, 1.0)  # bounds hold the truth at least as often as they say
BOUNDS_OF_RISK = Target("coverage at an estimated risk", 0.93, 1.0)  # a type-I error of .07 is allowed there
VERDICT_COVERAGE = Target("coverage of the judged intervals", 0.94, 1.0)  # corrected for all comparisons of the run
NEVER = Target("never clear, never a breach", most=0.0)


@dataclass(frozen=True, slots=True)
class Check:
    """``count`` of ``replicates`` against a target, between ``low`` and ``high`` counts inclusive."""

    target: Target
    count: int
    replicates: int
    low: int
    high: int

    @property
    def held(self) -> bool:
        """Whether the count lies within the band."""
        return self.low <= self.count <= self.high

    @property
    def share(self) -> float:
        """Observed probability."""
        return self.count / self.replicates


def check(target: Target, count: int, replicates: int, checks: int) -> Check:
    """The band of one of so many checks. Raises ``ValueError`` without replicates."""
    if replicates < 1:
        raise ValueError(f"replicates: found {replicates}, expected at least 1")
    share = FALSE_FAILURE / checks / (2 if target.least > 0 and target.most < 1 else 1)
    # the largest low with P(X < low) <= share, and the smallest high with P(X > high) <= share
    low = int(binom.ppf(share, replicates, target.least)) if target.least > 0 else 0
    high = int(binom.isf(share, replicates, target.most)) if 0 < target.most < 1 else round(target.most) * replicates
    return Check(target, count, replicates, low, high)

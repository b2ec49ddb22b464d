"""A share of things that come in clusters, and two of them compared: reasons in refusals, refusals of one person.

With m_c of the g_c things of cluster c counted, r = Σ m_c / Σ g_c is a ratio of means; over C clusters its variance is
C / (C − 1) · Σ (m_c − r g_c)² / (Σ g_c)² (Cochran 1977, Sampling Techniques, 3rd ed., 6.3; Liang and Zeger 1986,
Biometrika 73:13–22). Its interval is Wilson's at the number of independent things that would have this variance
(Korn and Graubard 1998, Survey Methodology 24:193–201), with Student's t of C − 1 degrees; a share without any spread
counts each cluster once. The interval of a difference adds the distances to the limits of both shares as squares, less
what clusters with things on both sides have in common (Zou and Donner 2008, Statistics in Medicine 27:1693–1702).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from audits.statistics.chain_shares import clustered_share_interval
from audits.statistics.counts import effective_counts
from audits.statistics.detectable_effect import minimum_detectable_rates

IntervalAt = Callable[[float], tuple[float, float]]
_HALVINGS = 60
_LEAST_P = 1e-12


@dataclass(frozen=True, slots=True)
class ClusteredShare:
    """``counted`` of ``total`` things in ``clusters``; ``squares`` are Σ m_c², Σ m_c g_c and Σ g_c²."""

    counted: int
    total: int
    clusters: int
    squares: tuple[int, int, int]

    @property
    def estimate(self) -> float:
        """The share. ``ZeroDivisionError`` without any thing."""
        return self.counted / self.total

    @property
    def variance(self) -> float:
        """Of the share, over clusters. ``ValueError`` for fewer than two."""
        if self.clusters < 2:
            raise ValueError(f"clusters: found {self.clusters}, expected two or more")
        if self.counted in (0, self.total):
            return 0.0
        mm, mg, gg = self.squares
        r = self.estimate
        spread = max(mm - 2 * r * mg + r * r * gg, 0.0)
        return self.clusters / (self.clusters - 1) * spread / self.total**2

    @property
    def effective(self) -> float:
        """The number of independent things with the same variance, at most those that there are."""
        r = self.estimate
        plain = r * (1 - r)
        if plain > 0 and self.variance > 0:
            return min(plain / self.variance, float(self.total))
        return float(min(self.clusters, self.total))

    def interval(self) -> IntervalAt:
        """Both limits as a function of the level."""
        return clustered_share_interval(self.estimate, self.variance, self.clusters, float(self.total))


@dataclass(frozen=True, slots=True)
class ShareGap:
    """The first share less the second. ``covariance`` is that of both over clusters that they have in common."""

    first: ClusteredShare
    second: ClusteredShare
    covariance: float

    @property
    def estimate(self) -> float:
        """The difference."""
        return self.first.estimate - self.second.estimate

    @property
    def standard_error(self) -> float:
        """By the delta method; 0 where neither share has any spread."""
        return sqrt(max(self.first.variance + self.second.variance - 2 * self.covariance, 0.0))

    def interval(self) -> IntervalAt:
        """Both limits as a function of the level."""
        one, two = self.first.interval(), self.second.interval()
        a, b = self.first.estimate, self.second.estimate
        spread = sqrt(self.first.variance * self.second.variance)
        common = min(max(self.covariance / spread, -1.0), 1.0) if spread > 0 else 0.0

        def interval_at(level: float) -> tuple[float, float]:
            (low1, high1), (low2, high2) = one(level), two(level)
            low = a - b - _reach(a - low1, high2 - b, common)
            high = a - b + _reach(high1 - a, b - low2, common)
            return max(low, -1.0), min(high, 1.0)

        return interval_at

    @property
    def p_value(self) -> float:
        """Of equality: one less the highest level at which the interval leaves 0 out, 1e-12 at least."""
        interval_at = self.interval()

        def excluded(p: float) -> bool:
            low, high = interval_at(1 - p)
            return low > 0 or high < 0

        if excluded(_LEAST_P):
            return _LEAST_P
        inside, outside = _LEAST_P, 1.0
        for _ in range(_HALVINGS):
            middle = sqrt(inside * outside)
            inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
        return outside

    def detectable(self, level: float, power: float = 0.8) -> float | None:
        """The smallest difference found with ``power``, the second below the first; None where none can be.

        Where the first is too low for that, the second above it. Sizes are effective ones.
        """
        with effective_counts():
            found = minimum_detectable_rates(
                self.first.estimate, self.second.effective, self.first.effective, level, power
            )
        sides = (self.first.estimate - float(found.below), float(found.above) - self.first.estimate)
        return next((side for side in sides if side == side), None)


def share_gap(first: ClusteredShare, second: ClusteredShare, shared: Sequence[int] = (0, 0, 0, 0)) -> ShareGap:
    """The gap of two shares; ``shared`` are Σ m_c m'_c, Σ m_c g'_c, Σ g_c m'_c and Σ g_c g'_c over common clusters.

    The unprimed are the first's.
    """
    r, s = first.estimate, second.estimate
    mm, mg, gm, gg = shared
    return ShareGap(first, second, (mm - s * mg - r * gm + r * s * gg) / (first.total * second.total))


def _reach(one: float, two: float, common: float) -> float:
    return sqrt(max(one * one + two * two - 2 * common * one * two, 0.0))

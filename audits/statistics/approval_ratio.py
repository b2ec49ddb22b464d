"""The ratio of two groups' mean chances of approval, the difference of two such ratios on the same rows, and shares.

With p the mean chance a of a group's n rows, a row moves p by (a − p)/n; log r, r = p₁/p₀, by ψ₁/p₁ − ψ₀/p₀ and r by r
times that (Katz, Baptista, Azen and Pike 1978, Biometrics 34:469–474). Two models' ratios on the same rows share these
rows, so that the influence of their difference is the difference of the influences and what both owe to who happened to
apply cancels. A group's influences are scaled by √(c/(c − 1)), c its persons, which makes its variance that of a sample
mean. A share of outcomes among those approved, Σ a y / Σ a, moves by a (y − share) / Σ a (Cochran 1977, Sampling
Techniques, 6.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.influences import Flags, Floats, Influenced, clusters_within, freedom_of


def log_ratio(chances: Floats, group: Flags, reference: Flags, clusters: ArrayLike | None = None) -> Influenced:
    """Logarithm of the ratio of mean ``chances`` (n,) of ``group`` to ``reference``, masks (n,).

    The estimate and influences are NaN where a group has no rows or no chance of approval.
    """
    ours, theirs = (mean_chance(chances, mask, clusters) for mask in (group, reference))
    if not (ours.estimate > 0 and theirs.estimate > 0):
        return Influenced(np.nan, np.full(len(chances), np.nan), np.nan)
    influence = ours.influence / ours.estimate - theirs.influence / theirs.estimate
    estimate = float(np.log(ours.estimate / theirs.estimate))
    return Influenced(estimate, influence, freedom_of(influence, (group, reference), clusters))


def ratio_difference(
    today: Floats, other: Floats, group: Flags, reference: Flags, clusters: ArrayLike | None = None
) -> Influenced:
    """The ratio of mean chances by ``other`` (n,) minus that by ``today`` (n,), for the same rows; NaN as above."""
    before, after = (log_ratio(chances, group, reference, clusters) for chances in (today, other))
    one, two = np.exp(before.estimate), np.exp(after.estimate)
    influence = two * after.influence - one * before.influence
    return Influenced(float(two - one), influence, freedom_of(influence, (group, reference), clusters))


def mean_chance(chances: Floats, mask: Flags, clusters: ArrayLike | None = None) -> Influenced:
    """Mean of ``chances`` (n,) over the rows of ``mask`` (n,); NaN where it has none."""
    count = int(mask.sum())
    if not count:
        return Influenced(np.nan, np.full(len(chances), np.nan), np.nan)
    mean, persons = float(chances[mask].mean()), clusters_within(mask, clusters)
    scale = np.sqrt(persons / max(persons - 1, 1)) / count
    influence = np.where(mask, (chances - mean) * scale, 0.0)
    return Influenced(mean, influence, max(1.0, persons - 1.0))


def outcome_rate(chances: Floats, outcome: Floats, clusters: ArrayLike | None = None) -> Influenced:
    """Σ a y / Σ a over rows whose outcome (n,) of 1 or 0 is known, a the ``chances`` (n,); NaN where Σ a is 0."""
    known = ~np.isnan(outcome)
    weight = np.where(known, chances, 0.0)
    total = float(weight.sum())
    if not total > 0:
        return Influenced(np.nan, np.full(len(chances), np.nan), np.nan)
    share = float((weight * np.where(known, outcome, 0.0)).sum() / total)
    persons = clusters_within(known, clusters)
    scale = np.sqrt(persons / max(persons - 1, 1)) / total
    influence = weight * (np.where(known, outcome, 0.0) - share) * scale
    return Influenced(share, influence, max(1.0, persons - 1.0))


def difference(today: Influenced, other: Influenced) -> Influenced:
    """``other`` minus ``today``, figures of the same rows."""
    freedom = min(today.freedom, other.freedom)
    return Influenced(other.estimate - today.estimate, other.influence - today.influence, freedom)

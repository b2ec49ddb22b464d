"""People who applied, row by row or as cells of people alike: what is known of each before any estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Applicants:
    """Rows, each of which may stand for ``counts`` people alike in everything.

    ``group`` is 0 for the reference, ``decision`` 1 or 0, ``outcome`` 1, 0 or NaN where unknown; ``weights`` undo
    unequal chances of being in a sample; rows of one owner (from 0) depend on each other, and stand for one each.
    """

    features: Floats
    group: Ints
    decision: Floats
    outcome: Floats
    counts: Ints
    weights: Floats
    owners: Ints | None = None

    def of_groups(self, groups: Sequence[int]) -> Applicants:
        """Those of some groups, under the numbers that they have."""
        kept = np.isin(self.group, groups) & (self.counts > 0)
        return Applicants(
            self.features[kept], self.group[kept], self.decision[kept], self.outcome[kept], self.counts[kept],
            self.weights[kept],
            None if self.owners is None else np.unique(self.owners[kept], return_inverse=True)[1].astype(np.int64),
        )  # fmt: skip


def applicants(
    features: ArrayLike, group: ArrayLike, decision: ArrayLike, outcome: ArrayLike,
    counts: ArrayLike | None = None, weights: ArrayLike | None = None, owners: ArrayLike | None = None,
) -> Applicants:  # fmt: skip
    """Arrays as `Applicants`. ``ValueError`` for unequal lengths, other decisions or outcomes, counts below 0."""
    made, became = np.asarray(decision, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    rows = len(made)
    own = None if owners is None else np.unique(np.asarray(owners), return_inverse=True)[1].astype(np.int64)
    found = Applicants(
        np.asarray(features, dtype=np.float64).reshape(rows, -1), np.asarray(group, dtype=np.int64), made, became,
        np.ones(rows, dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64),
        np.ones(rows) if weights is None else np.asarray(weights, dtype=np.float64), own,
    )  # fmt: skip
    lengths = {len(part) for part in (found.features, found.group, made, became, found.counts, found.weights)}
    if len(lengths) > 1:
        raise ValueError(f"arrays: found lengths {sorted(lengths)}, expected one length")
    if not np.isin(made, (0, 1)).all() or not np.isin(became[np.isfinite(became)], (0, 1)).all():
        raise ValueError("decision, outcome: found another value, expected 0, 1 or, for an outcome, NaN")
    if (found.counts < 0).any() or not (found.weights > 0).all() or not np.isfinite(found.features).all():
        raise ValueError("counts, weights, features: found a negative count, a weight not above 0 or a missing feature")
    if own is not None and (found.counts != 1).any():
        raise ValueError("owners: found rows that stand for several people, expected a row for each")
    return found

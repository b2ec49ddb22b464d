"""The area under the ROC curve, and the difference of two on the same rows, by what each row contributes.

AUC = P(score of a favourable row > score of another) + ½ P(equal). The structural components of DeLong, DeLong and
Clarke-Pearson (1988, Biometrics 44:837–845) are, of a favourable row i, V10_i = share of the k others that lie below
it (ties one half), and of another row j, V01_j = share of the m favourable that lie above it. To first order they move
the estimate by (V10_i − AUC)/m and (V01_j − AUC)/k, so that sums of products of these influences are covariances, of
two models on the same rows too; summed over the rows of a person first, as Obuchowski (1997, Biometrics 53:567–578).
The influences of a class are scaled by √(c/(c − 1)), c its persons, which gives DeLong's own variance where each row is
a person. Ranks take O(n log n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.influences import Influenced, clusters_within, freedom_of


def auc(scores: ArrayLike, outcome: ArrayLike) -> float:
    """AUC of scores (n,) for an outcome (n,) of 1, 0 or NaN (left out); NaN where a class has no rows."""
    return auc_influence(scores, outcome).estimate


def auc_influence(scores: ArrayLike, outcome: ArrayLike, clusters: ArrayLike | None = None) -> Influenced:
    """AUC with the influence (n,) of every row, 0 where the outcome is unknown.

    ``clusters`` (n,) number the persons. Where a class has no rows the estimate and influences are NaN. Raises
    ``ValueError`` for shapes that do not fit or scores that are not finite where the outcome is known.
    """
    from scipy.stats import rankdata

    values, favourable = np.asarray(scores, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if values.shape != favourable.shape or values.ndim != 1:
        raise ValueError(f"scores: found shape {values.shape} beside {favourable.shape}, expected one of each row")
    yes, no = favourable == 1, favourable == 0
    if not np.isfinite(values[yes | no]).all():
        raise ValueError("scores: found a missing or infinite one, expected finite numbers")
    m, k = int(yes.sum()), int(no.sum())
    if not m or not k:
        return Influenced(np.nan, np.full(len(values), np.nan), 0.0)
    ours, theirs = values[yes], values[no]
    together = rankdata(np.concatenate([ours, theirs]))
    above = (together[:m] - rankdata(ours)) / k
    below = 1 - (together[m:] - rankdata(theirs)) / m
    area = float(above.mean())
    influence = np.zeros(len(values))
    for mask, components, count in ((yes, above, m), (no, below, k)):
        persons = clusters_within(mask, clusters)
        influence[mask] = (components - area) / count * np.sqrt(persons / max(persons - 1, 1))
    return Influenced(area, influence, freedom_of(influence, (yes, no), clusters))


def auc_difference(
    today: ArrayLike, other: ArrayLike, outcome: ArrayLike, clusters: ArrayLike | None = None
) -> Influenced:
    """AUC of ``other`` minus that of ``today`` (both (n,)) on the same rows; the rest as ``auc_influence``."""
    before, after = (auc_influence(scores, outcome, clusters) for scores in (today, other))
    influence = after.influence - before.influence
    classes = tuple(np.asarray(outcome, dtype=np.float64) == value for value in (1, 0))
    return Influenced(after.estimate - before.estimate, influence, freedom_of(influence, classes, clusters))

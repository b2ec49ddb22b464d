"""Figures by what each row contributes to them, so that any number of them on the same rows are bounded together.

A figure is linear in its rows to first order: estimate − truth ≈ Σ influence. Summed over the rows of a person, the
influences of two figures multiply to their covariance (Huber 1967; Liang and Zeger 1986, Biometrika 73:13–22). Bounds
that hold for all figures at once come from the largest of the standardized errors (max-T: Westfall and Young 1993,
Resampling-Based Multiple Testing). A standard error that few persons bear is uncertain itself: the critical value of a
figure is the quantile of Student's t at the chance that the common normal one has, with the degrees of freedom of
Satterthwaite (1946, Biometrics Bulletin 2:110–114) for the parts whose variances add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.max_t import max_t_from_covariance

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_NOUGHT = 1e-12  # a standard error up to this is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Influenced:
    """An estimate, the influence (n,) of each row on it, and the degrees of freedom of its standard error."""

    estimate: float
    influence: Floats
    freedom: float

    def interval(self, error: float, critical: float) -> tuple[float, float]:
        """Both bounds, ``critical`` standard errors away."""
        return self.estimate - critical * error, self.estimate + critical * error


@dataclass(frozen=True, slots=True)
class Bounds:
    """One figure's standard error and bounds; NaN where it has no variance or no estimate."""

    standard_error: float
    low: float
    high: float


def clusters_within(mask: Flags, clusters: ArrayLike | None) -> int:
    """How many persons have rows in ``mask`` (n,); its rows where ``clusters`` (n,) are not given."""
    return int(mask.sum()) if clusters is None else len(np.unique(np.asarray(clusters)[mask]))


def summed(influences: Floats, clusters: ArrayLike | None) -> Floats:
    """Influences (n, K) summed over the rows of each person, shape (persons, K)."""
    if clusters is None:
        return influences
    person = np.unique(np.asarray(clusters), return_inverse=True)[1].ravel()
    count = int(person.max()) + 1 if len(person) else 0
    return np.stack([np.bincount(person, part, minlength=count) for part in influences.T], axis=1)


def covariance(influences: Floats, clusters: ArrayLike | None = None) -> Floats:
    """Covariance (K, K) of figures with these influences (n, K)."""
    by_person = summed(influences, clusters)
    return np.asarray(by_person.T @ by_person)


def freedom_of(influence: Floats, parts: Sequence[Flags], clusters: ArrayLike | None = None) -> float:
    """Satterthwaite's degrees of freedom of a variance that is the sum over ``parts``, masks (n,) of rows.

    At least 1; NaN where nothing varies.
    """
    spread, weighed = 0.0, 0.0
    for mask in parts:
        persons = clusters_within(mask, clusters)
        own = float(
            covariance(influence[mask][:, None], None if clusters is None else np.asarray(clusters)[mask])[0, 0]
        )
        spread, weighed = spread + own, weighed + own**2 / max(persons - 1, 1)
    return max(1.0, spread**2 / weighed) if weighed > 0 else np.nan


def bounds_together(
    figures: Sequence[Influenced],
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    replicates: int = 100_000,
) -> tuple[list[Bounds], float]:
    """Bounds of K figures that hold for all at once with chance ``level``, and the normal critical value.

    A figure without estimate, or without variance, has none and widens no other's; where none has, the critical value
    is NaN. ``replicates`` seeded draws: the same figures give the same bounds.
    """
    from scipy.stats import norm, t

    estimate = np.array([one.estimate for one in figures], dtype=np.float64)
    defined = [i for i, one in enumerate(figures) if np.isfinite(one.estimate) and np.isfinite(one.influence).all()]
    together = covariance(np.stack([figures[i].influence for i in defined], axis=1), clusters) if defined else None
    error = np.full(len(figures), np.nan)
    if together is not None:
        error[defined] = np.sqrt(np.diag(together))
    kept = [place for place, i in enumerate(defined) if error[i] > _NOUGHT]
    bounds = [Bounds(np.nan, np.nan, np.nan)] * len(figures)
    if together is None or not kept:
        return bounds, np.nan
    chosen = [defined[place] for place in kept]
    found = max_t_from_covariance(
        estimate[chosen], together[np.ix_(kept, kept)], level=level, seed=seed, replicates=replicates
    )
    tail = float(norm.sf(found.critical_value))
    for i in chosen:
        low, high = figures[i].interval(float(error[i]), float(t.isf(tail, figures[i].freedom)))
        bounds[i] = Bounds(float(error[i]), low, high)
    return bounds, found.critical_value

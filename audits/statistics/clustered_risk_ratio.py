"""The Mantel–Haenszel ratio of rates when people come in clusters: one borrower with several loans.

The ratio is R / S, R = Σ x1 n0 / N and S = Σ x0 n1 / N over strata. Its logarithm is linear in the counts of the four
cells of each stratum to first order; with d the gradient by cell and P the products Σ n_gc n_gc′ over clusters g of the
counts of cells c and c′, its variance over clusters is dᵀP d (Liang and Zeger 1986, Biometrika 73:13–22), and d is
orthogonal to the counts, so that no centring is needed. Over Σ n_c d_c², the same of independent rows, this is a design
effect (Kish 1965, Survey Sampling, 8.1). It multiplies the variance of Greenland and Robins (1985, Biometrics
41:55–68), which holds for few large strata and for many small ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Floats
from audits.statistics.mantel_haenszel import mantel_haenszel_risk_ratio


@dataclass(frozen=True, slots=True)
class ClusteredRatio:
    """``error`` is that of the logarithm, ``freedom`` the degrees of Student's t; NaN where there is no error."""

    estimate: float
    error: float
    design_effect: float
    freedom: float

    def interval(self, level: float) -> tuple[float, float]:
        """Both bounds of the ratio; 0 and infinity without an error."""
        from scipy.special import stdtrit

        if not (self.error > 0 and 0 < self.estimate < inf):
            return 0.0, inf
        reach = float(stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return exp(log(self.estimate) - reach), exp(log(self.estimate) + reach)

    @property
    def p_value(self) -> float:
        """Of equality, a ratio of 1; NaN without an error."""
        from scipy.special import stdtr

        if not (self.error > 0 and 0 < self.estimate < inf):
            return nan
        return float(2 * stdtr(self.freedom, -abs(log(self.estimate)) / self.error))


def gradient(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> Floats:
    """Of log R − log S by the counts of each stratum's cells, shape (S, 4): events and others of group 1, then of 0."""
    a, m, c, k = (np.asarray(part, dtype=np.float64) for part in (x1, n1, x0, n0))
    total = np.where(m + k > 0, m + k, 1.0)
    top, bottom = (a * k / total).sum(), (c * m / total).sum()
    of_top = np.stack([k / total - a * k / total**2, -a * k / total**2, a * m / total**2, a * m / total**2], axis=1)
    of_bottom = np.stack([c * k / total**2, c * k / total**2, m / total - c * m / total**2, -c * m / total**2], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(of_top / top - of_bottom / bottom)


def clustered_risk_ratio(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, products: Floats | None, clusters: float
) -> ClusteredRatio:
    """The ratio over strata (S,) with ``products`` (4S, 4S) in the order of ``gradient``, None for independent rows.

    ``clusters`` is their number in the smaller of the two groups; the design effect is at least 1.
    """
    plain = mantel_haenszel_risk_ratio(x1, n1, x0, n0)
    if products is None:
        return ClusteredRatio(plain.estimate, plain.standard_error, 1.0, inf)
    a, m, c, k = (np.asarray(part, dtype=np.float64) for part in (x1, n1, x0, n0))
    slope = gradient(a, m, c, k).ravel()
    counts = np.stack([a, m - a, c, k - c], axis=1).ravel()
    if clusters < 2 or not np.isfinite(slope).all():
        return ClusteredRatio(plain.estimate, nan, nan, nan)
    alone = float((counts * slope**2).sum())
    together = float(slope @ products @ slope) * clusters / (clusters - 1)
    effect = max(together / alone, 1.0) if alone > 0 else nan
    return ClusteredRatio(plain.estimate, plain.standard_error * sqrt(effect), effect, clusters - 1.0)

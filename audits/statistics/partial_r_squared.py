"""What share of an outcome do some columns explain beyond others? Partial R², from moments, with robust errors.

R² = 1 − RSS_full / RSS_reduced. With β the coefficients of the q tested columns and S what is left of their cross
products once the others are taken out, RSS_reduced − RSS_full = βᵀ S β, and f² = R² / (1 − R²) is Cohen's (1988,
Statistical Power Analysis for the Behavioral Sciences, ch. 9).

**Test.** Were errors alike and independent, T = βᵀSβ / σ² would be χ²_q(N f²), N = n − k + q (Smithson 2001,
Educational and Psychological Measurement 61:605–632, inverts its F). With a covariance V of β that allows for unequal
variances (HC1) or for clusters (CR1), T is Σ a_j χ²_1 under no share, a_j the eigenvalues of S^½ V S^½ / σ², the design
effects (Rao and Scott 1981, JASA 76:221–230). So T / A with A = Σ a_j is taken as F with h = A² / B degrees, B = Σ a_j²
(Satterthwaite 1946, Biometrics Bulletin 2:110–114), and those of V: n − k, or clusters − 1, but no more than h / 3 of
them, since the errors of a normal column's coefficient have a third of them (Bell and McCaffrey 2002, Survey
Methodology 28:169–181). V is raised by 2 / n, in clusters by (q + 2) / G, by which HC1 and CR1 fall short for normal
columns. No eigenvalue is needed: A = tr(SV) / σ² and B = tr(SVSV) / σ⁴.

**Interval.** At a share with s = N f², T has mean A + s and variance 2 B + 4 d s, where d = βᵀSVSβ / (σ² βᵀSβ) is the
design effect in the direction of β, taken as B / A at least. T ≈ g χ²_h(λ) with g = (B + ds) / (A + s), λ = ds / g²,
h = B / g² has both moments at every s; it is the test's law at s = 0, and χ²_q(N f²) where all a_j are 1. To d is added
b f²: who is in the book moves R², and so does the estimate of σ². For independent rows of normal columns and errors b
is 1, which gives the large-sample variance 4 R² (1 − R²)² / n of a squared multiple correlation; it is raised with the
mean of a_j, and in clusters half of it, the part of the tested columns, is taken as if these were the same in all rows
of a cluster. The interval holds every share s at which a chance of α / 2 + Φ(−2√λ − z) is exceeded above and the rest
of α below; for one column and b = 0 that is the interval |t| ± z, squared. So its low end is exactly 0 where the test
of no share does not reject at 1 − level, and only there, and its high end is never 0. Degrees enter by reading z at the
level whose χ²_h critical value is that of F.

**Estimate.** f² less what chance alone gives, (T − A) / N, and not below 0. With A = q it is the adjusted R² (Theil
1961, Economic Forecasts and Policy, p. 213).

Simulated (tests/audits/test_partial_r_squared.py) for shares from 0 to .4, one and four columns, n from 300 to 5000,
errors alike, unequal and in 30 clusters or more: intervals of 95 % cover .93 to .99, and the test at .05 rejects no
share in .06 at most. Errors with heavier tails than the normal make intervals of large shares too narrow: with those of
t on 5 degrees they cover .94 at a share of .1 and .90 at .4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_NORMAL_COLUMN = 3.0  # Σx⁴ n / (Σx²)² of a normal column
_HALVINGS = 60  # of the share's range
_NORMAL_FROM = 1e5  # noncentrality beyond which Sankaran's normal approximation is within 1e-6 of a probability
_LEAST = 1e-280


@dataclass(frozen=True, slots=True)
class LinearMoments:
    """Sums of a linear model; any leading shape for many samples at once.

    ``gram`` (…, k, k) Σ z zᵀ, ``right`` (…, k) Σ y z, ``squares`` (…) Σ y²; ``meat`` (…, k, k) is Σ e² z zᵀ of the full
    model's residuals, or Σ_g s_g s_gᵀ over ``clusters`` (0 where rows are independent); ``n`` rows.
    """

    gram: ArrayLike
    right: ArrayLike
    squares: ArrayLike
    meat: ArrayLike
    n: int
    clusters: int = 0


@dataclass(frozen=True, slots=True)
class PartialRSquared:
    """Arrays have the moments' leading shape; NaN where n ≤ k, the fit is perfect or errors are zero.

    ``share`` is adjusted for chance, ``unadjusted`` is 1 − RSS_full / RSS_reduced; ``statistic`` T / A with ``degrees``
    (h, then those of V), ``p_value`` that of no share; ``wald`` is βᵀ V⁻¹ β with V as HC1 or CR1 give it. ``trace`` is
    A, ``squared`` B, ``direction`` d, ``spread`` b, ``size`` N.
    """

    share: Floats
    unadjusted: Floats
    statistic: Floats
    degrees: tuple[Floats, Floats]
    p_value: Floats
    wald: Floats
    residual: Floats
    residual_reduced: Floats
    trace: Floats
    squared: Floats
    direction: Floats
    spread: Floats
    size: int
    columns: int

    def interval(self, level: ArrayLike) -> tuple[Floats, Floats]:
        """Both ends, of the shape of estimates and levels broadcast; the high end is 1 where nothing bounds it.

        ``ValueError`` for a level outside (0, 1).
        """
        alpha = self._alpha(level)
        shape = np.broadcast_shapes(np.shape(alpha), np.shape(self.share))
        # the chance above the observed grows with the share, and so does that which is left out below
        low = self._crossing(lambda share: self._upper(share, alpha), shape)
        low = np.where(self.p_value >= 1 - np.asarray(level), 0.0, low)
        high = self._crossing(lambda share: self._lower(share, alpha), shape)
        missing = np.isnan(self.p_value)
        return np.where(missing, np.nan, low), np.where(missing, np.nan, high)

    def accepts(self, share: ArrayLike, level: ArrayLike) -> Flags:
        """Whether a share lies in the interval: both tails of the observed are within what the level leaves."""
        alpha, value = self._alpha(level), np.asarray(share, dtype=np.float64)
        within = (self._upper(value, alpha) >= 0) & (self._lower(value, alpha) <= 0)
        return np.where(value == 0, self.p_value >= 1 - np.asarray(level), within)

    def detectable(self, level: float = 0.95, power: float = 0.8) -> Floats:
        """Smallest share whose test at ``level`` rejects no share with ``power``; NaN where none does."""
        from scipy.stats import f

        critical = self.trace * f.isf(1 - level, *self.degrees)
        found = self._crossing(
            lambda share: self._above(share, critical, self.squared / self.trace) - power, np.shape(self.share)
        )
        return np.where((found >= 1) | np.isnan(self.p_value), np.nan, found)

    def _alpha(self, level: ArrayLike) -> Floats:
        """One less the level at which χ² rejects where F does at ``level``."""
        from scipy.stats import chi2, f

        value = np.asarray(level, dtype=np.float64)
        if not ((value > 0) & (value < 1)).all():
            raise ValueError(f"level: found {value}, expected a number strictly between 0 and 1")
        h = self.degrees[0]
        return np.maximum(np.asarray(chi2.sf(h * f.isf(1 - value, *self.degrees), h), dtype=np.float64), _LEAST)

    def _law(self, share: Floats, direction: Floats) -> tuple[Floats, Floats, Floats]:
        """Scale, degrees and noncentrality of T at a share below 1."""
        f2 = share / (1 - share)
        s, d = self.size * f2, direction + self.spread * f2
        scale = (self.squared + d * s) / (self.trace + s)
        return scale, self.squared / scale**2, d * s / scale**2

    def _above(self, share: Floats, observed: Floats, direction: Floats) -> Floats:
        scale, h, noncentrality = self._law(share, direction)
        return _survival(observed / scale, h, noncentrality)

    def _upper(self, share: Floats, alpha: Floats) -> Floats:
        """The chance of more than was observed, less that at which the share is rejected."""
        tail, _, left = self._tails(share, alpha)
        return tail - (alpha - left)

    def _lower(self, share: Floats, alpha: Floats) -> Floats:
        """The chance at which the share is rejected, less that of so little as was observed."""
        _, tail, left = self._tails(share, alpha)
        return left - tail

    def _tails(self, share: Floats, alpha: Floats) -> tuple[Floats, Floats, Floats]:
        """Chances of more and of less than was observed, and the part of alpha that is left to the lower tail."""
        from scipy.special import ndtr, ndtri

        scale, h, noncentrality = self._law(share, self.direction)
        observed = self.statistic * self.trace / scale
        left = alpha / 2 - ndtr(ndtri(alpha / 2) - 2 * np.sqrt(noncentrality))
        return _survival(observed, h, noncentrality), _chance(observed, h, noncentrality), left

    def _crossing(self, rising: Callable[[Floats], Floats], shape: tuple[int, ...]) -> Floats:
        """Where a function of the share that rises from below 0 crosses it; 0 or 1 where it does not."""
        low, high = np.zeros(shape), np.ones(shape)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            with np.errstate(invalid="ignore", divide="ignore"):
                above = rising(np.minimum(middle, 1 - 1e-12)) >= 0
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(low >= 1 - 1e-9, 1.0, np.where(high <= 1e-15, 0.0, (low + high) / 2))


def partial_r_squared(moments: LinearMoments, tested: Sequence[int], others: Sequence[int]) -> PartialRSquared:
    """The share that the columns ``tested`` explain beyond ``others`` (the constant among them).

    The columns together must be linearly independent. ``ValueError`` for no tested column, or one named twice.
    """
    from scipy.stats import f

    order = [*others, *tested]
    if not len(tested) or len(set(order)) < len(order):
        raise ValueError(f"columns: found {list(tested)} beyond {list(others)}, expected some, each once")
    gram, right, squares, meat = (np.asarray(one, dtype=np.float64) for one in (
        moments.gram, moments.right, moments.squares, moments.meat))  # fmt: skip
    q, k, n = len(tested), len(order), moments.n
    gram, meat = (one[..., order, :][..., :, order] for one in (gram, meat))
    right = right[..., order]
    bread = np.linalg.inv(gram)
    coefficients = (bread @ right[..., None])[..., 0]
    residual = np.maximum(squares - (right * coefficients).sum(axis=-1), 0.0)
    beta, own = coefficients[..., k - q :], np.linalg.inv(bread[..., k - q :, k - q :])
    explained = np.einsum("...i,...ij,...j->...", beta, own, beta)
    covariance = _factor(moments, k) * (bread @ meat @ bread)[..., k - q :, k - q :]
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where((n > k) & (residual > 0), residual / max(n - k, 1), np.nan)
        effects = _slack(moments, q) * own @ covariance / variance[..., None, None]
        trace = np.einsum("...ii->...", effects)
        squared = np.einsum("...ij,...ji->...", effects, effects)
        trace = np.where(trace > 0, trace, np.nan)
        turned = np.einsum("...i,...ij,...j->...", beta, effects @ own, beta)
        statistic = explained / variance / trace
        f2 = np.maximum(explained / variance - trace, 0.0) / (n - k + q)
        h, most = trace**2 / squared, float(moments.clusters - 1 if moments.clusters else n - k)
        degrees = h, np.minimum(most, most * h / _NORMAL_COLUMN)
        direction = np.maximum(squared / trace, np.where(explained > 0, turned / explained, 0.0))
        return PartialRSquared(
            share=f2 / (1 + f2), unadjusted=explained / (explained + residual), statistic=statistic, degrees=degrees,
            p_value=f.sf(statistic, *degrees), wald=_wald(beta, covariance), residual=residual,
            residual_reduced=residual + explained, trace=trace, squared=squared, direction=direction,
            spread=_spread(moments, trace / q), size=n - k + q, columns=q,
        )  # fmt: skip


def _factor(moments: LinearMoments, k: int) -> float:
    """HC1's, or CR1's."""
    n, clusters = moments.n, moments.clusters
    if n <= k or clusters == 1:
        return float("nan")
    return clusters / (clusters - 1) * (n - 1) / (n - k) if clusters else n / (n - k)


def _slack(moments: LinearMoments, q: int) -> float:
    """What HC1 and CR1 fall short of for normal columns: 2/n of the former, (q + 2)/G of the latter."""
    if moments.clusters:
        return moments.clusters / (moments.clusters - q - 2) if moments.clusters > q + 2 else float("nan")
    return moments.n / (moments.n - 2) if moments.n > 2 else float("nan")


def _spread(moments: LinearMoments, effect: Floats) -> Floats:
    """b: at least that of independent rows; half of it that of columns that are the same all over a cluster."""
    errors = np.maximum(1.0, effect)
    if not moments.clusters:
        return errors
    return (errors + np.maximum(errors, moments.n / moments.clusters)) / 2


def _wald(beta: Floats, covariance: Floats) -> Floats:
    known = np.asarray(np.isfinite(covariance).all(axis=(-1, -2)))
    safe = np.where(known[..., None, None], covariance, np.eye(covariance.shape[-1]))
    found = np.einsum("...i,...ij,...j->...", beta, np.linalg.pinv(safe, hermitian=True), beta)
    return np.where(known, found, np.nan)


def _survival(x: Floats, h: Floats, noncentrality: Floats) -> Floats:
    """P(χ²_h(λ) > x)."""
    from scipy.stats import ncx2

    return _by_size(x, h, noncentrality, ncx2.sf, upper=True)


def _chance(x: Floats, h: Floats, noncentrality: Floats) -> Floats:
    """P(χ²_h(λ) ≤ x)."""
    from scipy.stats import ncx2

    return _by_size(x, h, noncentrality, ncx2.cdf, upper=False)


def _by_size(x: Floats, h: Floats, noncentrality: Floats, exact: Callable[..., Floats], upper: bool) -> Floats:
    """Exact below a noncentrality, beyond it Sankaran's approximation (1963, Biometrika 50:199–204)."""
    from scipy.special import ndtr

    x, h, noncentrality = np.broadcast_arrays(x, h, noncentrality)
    small = ~(noncentrality > _NORMAL_FROM)
    found = np.full(x.shape, np.nan)
    found[small] = exact(x[small], h[small], noncentrality[small])
    x, h, noncentrality = x[~small], h[~small], noncentrality[~small]
    mean = h + noncentrality
    power = 1 - 2 * mean * (h + 3 * noncentrality) / (3 * (h + 2 * noncentrality) ** 2)
    part = (h + 2 * noncentrality) / mean**2
    m = (power - 1) * (1 - 3 * power)
    middle = 1 + power * part * (power - 1 - part * (2 - power) * m / 2)
    z = ((x / mean) ** power - middle) / (power * np.sqrt(2 * part) * (1 + m * part / 2))
    found[~small] = ndtr(-z if upper else z)
    return found

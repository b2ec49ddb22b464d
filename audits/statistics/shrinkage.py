"""Which of many small groups' rates are extreme, and which only small? Empirical-Bayes rates, for display.

The groups' true rates are taken as draws from one Beta(mu M, (1 - mu) M), so that a group's x of n follows a
beta-binomial. mu and M are estimated by maximum likelihood from all groups, and each group's rate is the posterior
mean (x + mu M)/(n + M) with the equal-tailed interval of Beta(x + mu M, n - x + (1 - mu) M).

Sources: Griffiths (1973), Biometrics 29:637-648, for the estimation; Casella (1985), American Statistician 39:83-87,
for the approach. The intervals take mu and M as known and are a little narrow when the groups are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import exp, log

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Codes, Floats, checked_counts, inside
from checks.sentence import said

_LOG_STRENGTH = (-12.0, 27.0)  # from near-certain groups to a spread that no count in float64 could show
_MOST_PEOPLE = 1e15
_GAIN = 1e-6  # log-likelihood that over-dispersion must add to one common rate; far below any that would matter
_LARGE = 1e4  # from here on a ratio of gamma functions is taken by Stirling's series, with an error below 1e-18


class ShrinkageCaveat(IntEnum):
    """What stood in the way of estimating how the rates spread, or of observing a group."""

    NONE = 0
    NO_OVERDISPERSION = 1
    TOO_FEW_GROUPS = 2
    ONE_OUTCOME = 3
    NO_REPETITION = 4
    NO_COMMON_RATE = 5
    NO_OBSERVATION = 6

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    ShrinkageCaveat.NO_OVERDISPERSION: "the groups' rates differ no more than by chance: each is given the pooled rate",
    ShrinkageCaveat.TOO_FEW_GROUPS: "fewer than two groups were observed: what there is is given the pooled rate",
    ShrinkageCaveat.ONE_OUTCOME: "all observations share one outcome: each group is given the pooled rate",
    ShrinkageCaveat.NO_REPETITION: "no group has two observations: chance cannot be told from a spread of rates",
    ShrinkageCaveat.NO_COMMON_RATE: "each group has one outcome only, so that the others say nothing of its rate",
    ShrinkageCaveat.NO_OBSERVATION: "the group was not observed: the figure is what the others suggest",
}
_POOLED = (
    ShrinkageCaveat.NO_OVERDISPERSION,
    ShrinkageCaveat.TOO_FEW_GROUPS,
    ShrinkageCaveat.ONE_OUTCOME,
    ShrinkageCaveat.NO_REPETITION,
)


@dataclass(frozen=True, slots=True)
class ShrunkRates:
    """Posterior means and credible intervals (G,); the prior has mean `prior_mean` and strength M in observations.

    `caveat` concerns the prior: when it says that the pooled rate is given, `prior_strength` is infinite and the
    interval is the pooled rate's (Jeffreys). `group_caveat` (G,) marks groups without observations.
    """

    estimate: Floats
    low: Floats
    high: Floats
    prior_mean: float
    prior_strength: float
    log_likelihood: float
    level: float
    method: str
    caveat: ShrinkageCaveat
    group_caveat: Codes  # codes of ShrinkageCaveat


def beta_binomial_shrinkage(x: ArrayLike, n: ArrayLike, level: float = 0.95) -> ShrunkRates:
    """Shrink the rates x/n of G groups towards their common mean, as far as their own size leaves them uncertain.

    Raises ValueError for counts that are not (G,), when no group has an observation, or beyond 1e15 in all, where
    a likelihood in float64 has no digits left for the spread.
    """
    from scipy.special import betaincinv

    events, size = checked_counts(x, n, "")
    if events.ndim != 1 or not size.sum() > 0:
        raise ValueError(f"n: found {size.sum():g} observations of shape {size.shape}, expected some in shape (G,)")
    if size.sum() > _MOST_PEOPLE:
        raise ValueError(f"n: found {size.sum():g} observations, expected at most {_MOST_PEOPLE:g} in all")
    tail = (1 - inside(level, "level")) / 2
    seen = size > 0
    mean, strength, height, caveat = _prior(events[seen], size[seen])
    codes = np.where(seen, ShrinkageCaveat.NONE, ShrinkageCaveat.NO_OBSERVATION).astype(np.uint8)
    if caveat in _POOLED:
        a, b = np.full(size.shape, events.sum() + 0.5), np.full(size.shape, (size - events).sum() + 0.5)
        estimate, method = np.full(size.shape, mean), said("pooled rate, Jeffreys interval")
    else:
        a, b = events + mean * strength, size - events + (1 - mean) * strength
        estimate, method = a / (a + b), said("beta-binomial, maximum likelihood")
    low, high = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
    if caveat in _POOLED:
        low, high = (0.0 * low if mean == 0 else low), (0.0 * high + 1 if mean == 1 else high)
    return ShrunkRates(estimate, low, high, mean, strength, height, level, method, caveat, codes)


def _prior(x: Floats, n: Floats) -> tuple[float, float, float, ShrinkageCaveat]:
    """Mean, strength and log-likelihood (without binomial coefficients) of the prior, and what is to be said of it."""
    pooled = float(x.sum() / n.sum())
    if pooled in (0.0, 1.0):
        return pooled, float("inf"), 0.0, ShrinkageCaveat.ONE_OUTCOME
    common = float(x.sum() * log(pooled) + (n - x).sum() * log(1 - pooled))
    for met, reason in ((len(x) < 2, ShrinkageCaveat.TOO_FEW_GROUPS), (np.max(n) < 2, ShrinkageCaveat.NO_REPETITION)):
        if met:
            return pooled, float("inf"), common, reason
    mean, log_strength, gain = _maximised(x, n, pooled)
    if gain < _GAIN:
        return pooled, float("inf"), common, ShrinkageCaveat.NO_OVERDISPERSION
    alone = log_strength < _LOG_STRENGTH[0] + 1e-3
    return mean, exp(log_strength), common + gain, ShrinkageCaveat.NO_COMMON_RATE if alone else ShrinkageCaveat.NONE


def _maximised(x: Floats, n: Floats, pooled: float) -> tuple[float, float, float]:
    """Mean, log strength and gain over one common rate at the highest likelihood found from three starts."""
    from scipy.optimize import minimize

    def downhill(at: Floats) -> tuple[float, Floats]:
        gain, slope = _gain(x, n, pooled, float(at[0]), float(at[1]))
        return -gain, -slope

    middle = log(pooled / (1 - pooled))
    best = (pooled, _LOG_STRENGTH[1], -float("inf"))
    for start in (log(_moment_strength(x, n, pooled)), 0.0, 10.0):
        bounds = [(middle - 30, middle + 30), _LOG_STRENGTH]
        options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 200}
        found = minimize(downhill, [middle, start], jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if -found.fun > best[2]:
            best = (float(1 / (1 + np.exp(-found.x[0]))), float(found.x[1]), -float(found.fun))
    return best


def _moment_strength(x: Floats, n: Floats, pooled: float) -> float:
    """Strength at which the spread of the rates is the observed one (Kleinman 1973, JASA 68:46-54), within bounds."""
    total, spread = n.sum(), float((n * (x / n - pooled) ** 2).sum()) / (pooled * (1 - pooled))
    share = (spread - (len(n) - 1)) / max(float(total - (n**2).sum() / total) - (len(n) - 1), 1e-9)
    return 1 / min(max(share, 1e-9), 0.999) - 1 + 1e-3


def _gain(x: Floats, n: Floats, pooled: float, logit: float, log_strength: float) -> tuple[float, Floats]:
    """Beta-binomial log-likelihood at (logit mu, log M) less the binomial one at the pooled rate; its two slopes.

    The terms k log a of the rising factorials add up to a binomial log-likelihood, of which only the difference is
    formed: what over-dispersion gains would otherwise drown in it.
    """
    strength, high = exp(log_strength), 1 / (1 + exp(-logit))
    low = 1 / (1 + exp(logit))
    a, b = high * strength, low * strength
    gain = float((_log_rise(a, x) + _log_rise(b, n - x) - _log_rise(strength, n)).sum())
    gain += float(x.sum()) * log(high / pooled) + float((n - x).sum()) * log(low / (1 - pooled))
    pairs = ((a, x), (b, n - x), (strength, n))
    by_a, by_b, by_strength = (float(_slope_of_rise(at, k).sum()) for at, k in pairs)
    return gain, np.array([strength * high * low * (by_a - by_b), a * by_a + b * by_b - strength * by_strength])


def _log_rise(a: float, k: Floats) -> Floats:
    """log Gamma(a + k) - log Gamma(a) - k log a, without the cancellation of the difference for a large a."""
    from scipy.special import gammaln

    if a < _LARGE:
        return np.asarray(gammaln(a + k) - gammaln(a) - k * log(a))
    return np.asarray((a + k - 0.5) * np.log1p(k / a) - k + (1 / (a + k) - 1 / a) / 12)


def _slope_of_rise(a: float, k: Floats) -> Floats:
    """digamma(a + k) - digamma(a)."""
    from scipy.special import digamma

    if a < _LARGE:
        return np.asarray(digamma(a + k) - digamma(a))
    return np.asarray(np.log1p(k / a) - (1 / (a + k) - 1 / a) / 2 - (1 / (a + k) ** 2 - 1 / a**2) / 12)

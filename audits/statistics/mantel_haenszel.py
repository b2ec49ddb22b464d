"""Two groups compared within strata: what is left of a difference once like is compared with like?

Strata s hold x1 events among n1 people of the group asked about and x0 among n0 of the comparison group;
N = n1 + n0, and the four cells are a = x1, b = n1 - x1, c = x0, d = n0 - x0. All functions take arrays (S,).

A stratum informs a figure only if it could have moved it. Each result counts the strata that inform it, and the
strata and the people that do not: a figure that rests on a tenth of the people should say so.

Sources: Mantel & Haenszel (1959), JNCI 22:719-748; Robins, Breslow & Greenland (1986), Biometrics 42:311-323;
Greenland & Robins (1985), Biometrics 41:55-68; Sato (1989), Biometrics 45:1323-1324; Tarone (1985),
Biometrika 72:91-95; Breslow & Day (1980), Statistical Methods in Cancer Research I.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from math import erfc, exp, inf, log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Flags, Floats, checked_pairs, critical
from checks.sentence import said

_NOTHING = 1e-12  # a variance that cancels to less than this share of its terms is 0 but for rounding


class StratifiedCaveat(IntEnum):
    """Why a stratified figure, its interval or its test is missing."""

    NONE = 0
    NO_INFORMATIVE_STRATUM = 1
    ONE_INFORMATIVE_STRATUM = 2
    ESTIMATE_AT_EDGE = 3
    NO_VARIANCE = 4

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    StratifiedCaveat.NO_INFORMATIVE_STRATUM: said("no stratum holds what is needed to compare the two groups"),
    StratifiedCaveat.ONE_INFORMATIVE_STRATUM: said("only one stratum informs, so there is nothing to be alike"),
    StratifiedCaveat.ESTIMATE_AT_EDGE: said("the ratio is 0 or infinite, so that its logarithm has no standard error"),
    StratifiedCaveat.NO_VARIANCE: said(
        "all strata agree on rates of exactly 0 or 1, which carries no estimate of variance"
    ),
}


@dataclass(frozen=True, slots=True)
class Strata:
    """How much of the data informs a figure: counts of strata and of people in both groups."""

    informative: int
    uninformative: int
    informative_rows: int
    uninformative_rows: int


@dataclass(frozen=True, slots=True)
class StratifiedEstimate:
    """A common effect. `standard_error` is that of the logarithm for a ratio; NaN, with a caveat, where missing."""

    estimate: float
    low: float
    high: float
    standard_error: float
    level: float
    method: str
    strata: Strata
    caveat: StratifiedCaveat


@dataclass(frozen=True, slots=True)
class StratifiedTest:
    """A chi-square test over strata. A p value below the smallest float64 is reported as 0.0."""

    statistic: float
    degrees: int
    p_value: float
    method: str
    strata: Strata
    caveat: StratifiedCaveat


def mantel_haenszel_odds_ratio(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float = 0.95
) -> StratifiedEstimate:
    """Common odds ratio R/S, R = sum ad/N, S = sum bc/N, interval on the log scale.

    Robins, Breslow & Greenland: Var log = sum PR/(2R^2) + sum (PS + QR)/(2RS) + sum QS/(2S^2) with stratum terms
    R, S, P = (a + d)/N, Q = (b + c)/N; valid for few large strata and for many small ones. A stratum informs when
    both groups and both outcomes occur in it.
    """
    (a, m, c, k), strata = _informative(x1, n1, x0, n0, _both_outcomes)
    b, d, total = m - a, k - c, m + k
    r, s, p, q = a * d / total, b * c / total, (a + d) / total, (b + c) / total
    top, bottom = r.sum(), s.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (
            (p * r).sum() / (2 * top**2) + (p * s + q * r).sum() / (2 * top * bottom) + (q * s).sum() / (2 * bottom**2)
        )
    method = said("Mantel-Haenszel odds ratio, Robins-Breslow-Greenland errors")
    return _ratio(top, bottom, variance, level, method, strata)


def mantel_haenszel_risk_ratio(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float = 0.95
) -> StratifiedEstimate:
    """Common ratio of rates, sum (x1 n0/N) / sum (x0 n1/N), interval on the log scale.

    Greenland & Robins: Var log = sum ((n1 n0 (x1 + x0) - x1 x0 N)/N^2) / (numerator times denominator). A stratum
    informs when both groups occur in it and there is an event.
    """
    (a, m, c, k), strata = _informative(x1, n1, x0, n0, lambda a, m, c, k: (m > 0) & (k > 0) & (a + c > 0))
    total = m + k
    top, bottom = (a * k / total).sum(), (c * m / total).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        # n1 n0 (x1 + x0) - x1 x0 N, regrouped so that no term is negative
        variance = ((a * m * (k - c) + c * k * (m - a)) / total**2).sum() / (top * bottom)
    return _ratio(top, bottom, variance, level, said("Mantel-Haenszel risk ratio, Greenland-Robins errors"), strata)


def mantel_haenszel_risk_difference(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, level: float = 0.95
) -> StratifiedEstimate:
    """Common difference of rates D, their mean with weights n1 n0/N.

    Sato: Var = (D sum P + sum Q) / (sum n1 n0/N)^2 with P = (n1^2 x0 - n0^2 x1 + n1 n0 (n0 - n1)/2)/N^2 and
    Q = (x1 (n0 - x0) + x0 (n1 - x1))/(2N); valid for few large strata and for many small ones. A stratum informs
    when both groups occur in it.
    """
    (a, m, c, k), strata = _informative(x1, n1, x0, n0, lambda a, m, c, k: (m > 0) & (k > 0))
    method, z = said("Mantel-Haenszel risk difference, Sato errors"), critical(level)
    if not strata.informative:
        return _without(level, method, strata, StratifiedCaveat.NO_INFORMATIVE_STRATUM)
    total = m + k
    weight = (m * k / total).sum()
    gap = float((m * k / total * (a / m - c / k)).sum() / weight)
    lean = ((m**2 * c - k**2 * a + m * k * (k - m) / 2) / total**2).sum()
    spread = ((a * (k - c) + c * (m - a)) / (2 * total)).sum()
    variance = float((gap * lean + spread) / weight**2)
    if not variance > _NOTHING * float(spread / weight**2):
        return _without(level, method, strata, StratifiedCaveat.NO_VARIANCE, gap)
    error = sqrt(variance)
    low, high = gap - z * error, gap + z * error
    return StratifiedEstimate(gap, low, high, error, level, method, strata, StratifiedCaveat.NONE)


def cochran_mantel_haenszel_test(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, *, continuity: bool = False
) -> StratifiedTest:
    """Test that the odds ratio is 1 in every stratum: (sum (x1 - E))^2 / sum V on 1 degree of freedom.

    E = n1 (x1 + x0)/N and V = n1 n0 (x1 + x0)(N - x1 - x0)/(N^2 (N - 1)), given the margins. `continuity` takes
    1/2 from |sum (x1 - E)|, at most down to 0.
    """
    (a, m, c, k), strata = _informative(x1, n1, x0, n0, _both_outcomes)
    method = "Cochran-Mantel-Haenszel" + (", continuity corrected" if continuity else "")
    if not strata.informative:
        return StratifiedTest(nan, 1, nan, method, strata, StratifiedCaveat.NO_INFORMATIVE_STRATUM)
    total, events = m + k, a + c
    apart = abs(float(((a * k - c * m) / total).sum()))
    variance = float((m / total * (k / total) * events * (total - events) / (total - 1)).sum())
    statistic = max(apart - (0.5 if continuity else 0.0), 0.0) ** 2 / variance
    return StratifiedTest(statistic, 1, erfc(sqrt(statistic / 2)), method, strata, StratifiedCaveat.NONE)


def breslow_day_tarone_test(x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> StratifiedTest:
    """Test that all strata share one odds ratio: sum (x1 - A)^2/V - (sum (x1 - A))^2 / sum V.

    A is the count that the Mantel-Haenszel odds ratio gives with the stratum's margins, V = 1/(1/A + 1/(n1 - A)
    + 1/(e - A) + 1/(n0 - e + A)), e the stratum's events; degrees are the informative strata less 1. The last term
    is Tarone's correction. The chi-square is poor where strata are small.
    """
    from scipy.special import chdtrc

    (a, m, c, k), strata = _informative(x1, n1, x0, n0, _both_outcomes)
    method, degrees = "Breslow-Day, Tarone's correction", max(strata.informative - 1, 0)
    common = mantel_haenszel_odds_ratio(x1, n1, x0, n0).estimate
    few = StratifiedCaveat(min(strata.informative + 1, 2))
    caveat = few if not degrees else StratifiedCaveat.NONE if 0 < common < inf else StratifiedCaveat.ESTIMATE_AT_EDGE
    if caveat:
        return StratifiedTest(nan, degrees, nan, method, strata, caveat)
    events = a + c
    fitted = _count_at_odds_ratio(common, m, k, events)
    variance = 1 / (1 / fitted + 1 / (m - fitted) + 1 / (events - fitted) + 1 / (k - events + fitted))
    apart = a - fitted
    statistic = max(float((apart**2 / variance).sum() - apart.sum() ** 2 / variance.sum()), 0.0)
    return StratifiedTest(statistic, degrees, float(chdtrc(degrees, statistic)), method, strata, caveat)


def _count_at_odds_ratio(odds_ratio: float, n1: Floats, n0: Floats, events: Floats) -> Floats:
    """The A with A (n0 - e + A) = psi (e - A)(n1 - A): the quadratic's root between the margins' bounds."""
    lead, free = odds_ratio - 1, odds_ratio * events * n1
    middle = odds_ratio * (events + n1) + n0 - events
    root = np.sqrt(np.maximum(middle**2 - 4 * lead * free, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(middle > 0, 2 * free / (middle + root), (middle - root) / (2 * lead))


def _both_outcomes(a: Floats, m: Floats, c: Floats, k: Floats) -> Flags:
    """Strata in which both groups and both outcomes occur."""
    return np.asarray((m > 0) & (k > 0) & (a + c > 0) & (a + c < m + k))


def _informative(
    x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike, informs: Callable[..., Flags]
) -> tuple[tuple[Floats, ...], Strata]:
    """Counts of the strata that inform, and how many strata and people do and do not."""
    counts = checked_pairs(x1, n1, x0, n0)
    if counts[0].ndim != 1:
        raise ValueError(f"strata: found arrays of {counts[0].ndim} dimensions, expected one entry for each stratum")
    kept = informs(*counts)
    rows = counts[1] + counts[3]
    inside, outside = int(kept.sum()), int((~kept).sum())
    return tuple(part[kept] for part in counts), Strata(inside, outside, int(rows[kept].sum()), int(rows[~kept].sum()))


def _ratio(top: float, bottom: float, variance: float, level: float, method: str, strata: Strata) -> StratifiedEstimate:
    """top/bottom with its interval on the log scale, or the reason why there is none."""
    z = critical(level)
    if not strata.informative:
        return _without(level, method, strata, StratifiedCaveat.NO_INFORMATIVE_STRATUM)
    if top == 0 or bottom == 0:
        return _without(level, method, strata, StratifiedCaveat.ESTIMATE_AT_EDGE, 0.0 if top == 0 else inf)
    estimate = float(top / bottom)
    if not variance > 0:
        return _without(level, method, strata, StratifiedCaveat.NO_VARIANCE, estimate)
    error = sqrt(variance)
    low, high = exp(log(estimate) - z * error), exp(log(estimate) + z * error)
    return StratifiedEstimate(estimate, low, high, error, level, method, strata, StratifiedCaveat.NONE)


def _without(
    level: float, method: str, strata: Strata, caveat: StratifiedCaveat, estimate: float = nan
) -> StratifiedEstimate:
    """An estimate, perhaps missing, without an interval."""
    return StratifiedEstimate(estimate, nan, nan, nan, level, method, strata, caveat)

"""How long people take who finish, when the end of observation cuts some of them short.

Persons are known by the band of minutes in which they finished, or in which they were last seen unfinished. Whoever
gives up is not lost sight of: he stays at risk to the end of the span, so that only the end of observation censors.
Within band j, d finish among n at risk; n counts whoever finishes in it or is seen beyond it, and half of those who are
last seen within it (Berkson and Gage 1950, Proceedings of the Staff Meetings of the Mayo Clinic 25:270–286). Then

    S(j) = Π (1 − d/n),  Var S(j) = S(j)² Σ d / (n (n − d))

(Kaplan and Meier 1958, Journal of the American Statistical Association 53:457–481; Greenwood 1926). The jump of band
j, S(j − 1) d/n, is the chance of finishing in it, and the mean minutes of those who finish are those of each band
weighted by its jump. Beyond the last edge, or where the end of observation takes more than a fifth of those who entered
a band, nothing is estimated: finishing means finishing by the edge before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import exp, inf, log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Floats
from checks.sentence import said

MOST_CUT_SHORT = 0.2
LEAST_WORTH = 50.0  # persons
_LEAST_AT_RISK = 10.0  # persons, below which the share who finish in a band is too rough to stand for others
# A sample that misses the longest times has too low a mean and too small an error. Simulated with lognormal times
# (standard deviation of the logarithm .7 to 1.5, worth 50 to 560): degrees of the worth cover .935 on average, a fifth
# of them .947 (.933 to .961)
_DEGREES = 0.2


class TimesCaveat(IntEnum):
    """Why there is no ratio of mean times."""

    NONE = 0
    FEW_FINISHED = 1
    NOTHING_SEEN = 2
    NO_TIME = 3

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    TimesCaveat.FEW_FINISHED: said(
        "the mean time of one of the two groups rests on few who finish, or on few who take very long: on fewer than "
        "the worth of {needed:g} persons",
        needed=LEAST_WORTH,
    ),
    TimesCaveat.NO_TIME: said(
        "whoever finishes in one of the two groups takes no time at all as the data tell it, as where they tell days"
    ),
    TimesCaveat.NOTHING_SEEN: said("the data end before anybody could have been seen to finish"),
}


@dataclass(frozen=True, slots=True)
class CompletionTimes:
    """Of one group, over the first K bands: arrays (K,) by band, and what they come to.

    ``at_risk`` n, ``finished`` d, ``share`` 1 − S at the band's end with Greenwood's ``share_error``, ``jumps`` the
    chance of finishing in it. ``mean`` minutes of those who finish, with the error of its logarithm; ``worth`` is the
    number of persons whose equal shares in the mean would count as much as these; NaN and 0 where nobody finishes.
    """

    at_risk: Floats
    finished: Floats
    share: Floats
    share_error: Floats
    jumps: Floats
    mean: float
    log_error: float
    worth: float

    @property
    def finishers(self) -> int:
        """Persons who are seen to finish."""
        return round(float(self.finished.sum()))


@dataclass(frozen=True, slots=True)
class TimesRatio:
    """Mean minutes of a group over those of its reference; ``error`` is that of the logarithm, NaN with a caveat."""

    estimate: float
    error: float
    freedom: float
    caveat: TimesCaveat

    def interval(self, level: float) -> tuple[float, float]:
        """Both bounds of the ratio, by Student's t on the logarithm; 0 and infinity without an error."""
        from scipy.special import stdtrit

        if not self.error > 0:
            return 0.0, inf
        reach = float(stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return exp(log(self.estimate) - reach), exp(log(self.estimate) + reach)

    @property
    def p_value(self) -> float:
        """Of equality, a ratio of 1; NaN without an error."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, -abs(log(self.estimate)) / self.error)) if self.error > 0 else nan


def bands_seen(done: ArrayLike, unfinished: ArrayLike) -> int:
    """The number of bands, from the first, over which finishing can be estimated; shapes (K + 1,), the last open."""
    finish, cut = _checked(done, unfinished)
    entered = np.cumsum((finish + cut)[::-1])[::-1]
    fit = (entered > 0) & (cut <= MOST_CUT_SHORT * entered)
    fit[-1] = False  # beyond the last edge
    return int(np.argmin(fit))


def completion_times(
    done: ArrayLike, minutes: ArrayLike, unfinished: ArrayLike, edges: ArrayLike, bands: int | None = None
) -> CompletionTimes:
    """Times of one group from counts by band.

    ``done`` persons finish in band k, up to and including ``edges[k]`` (K,), after ``minutes`` altogether, and
    ``unfinished`` are last seen in it; all (K + 1,), the last band beyond all edges. ``bands`` are used, by default
    ``bands_seen``. Raises ``ValueError`` for other shapes, negative or missing numbers, and edges that do not ascend.
    """
    finish, cut = _checked(done, unfinished)
    spent, limits = np.asarray(minutes, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    if limits.shape != (len(finish) - 1,) or spent.shape != finish.shape:
        raise ValueError(f"edges: found shape {limits.shape} beside {finish.shape} counts, expected one edge less")
    widths = np.diff(np.concatenate([[0.0], limits]))
    if not (widths > 0).all() or not (spent >= 0).all():
        raise ValueError("edges must ascend from above 0, and minutes be 0 or more")
    used = bands_seen(finish, cut) if bands is None else bands
    entered = np.cumsum((finish + cut)[::-1])[::-1]
    d, n = finish[:used], (entered - cut / 2)[:used]
    hazard = np.divide(d, n, out=np.zeros(used), where=n > 0)
    after = np.cumprod(1 - hazard)
    before = np.concatenate([[1.0], after])[:used]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(np.where(d > 0, d / (n * (n - d)), 0.0))
        error = np.where(after > 0, after * np.sqrt(spread), 0.0)
    jumps = before * hazard
    mean, log_error, worth = _mean(d, n, before, jumps, spent[:used], widths[:used])
    return CompletionTimes(n, d, 1 - after, error, jumps, mean, log_error, worth)


def share_finished(done: ArrayLike, unfinished: ArrayLike) -> float:
    """Share who finish, allowing for persons whose observation ends first; NaN without anybody.

    ``done`` persons finish in band k, ``unfinished`` are last seen in it; (K + 1,), the last band beyond all edges.
    1 − S over the bands in which at least ten are at risk; of those who are seen beyond, where few are left or the
    last edge has passed, the share who finish as they stand, which is the least that it can be:

        1 − S (1 − d/n),  n all who are seen beyond, d those of them who finish.

    It is never below the share as persons stand, and is that share where nobody is lost before others finish. Raises
    ``ValueError`` as ``completion_times`` does.
    """
    finish, cut = _checked(done, unfinished)
    entered = np.cumsum((finish + cut)[::-1])[::-1]
    at_risk = entered - cut / 2
    fit = at_risk >= _LEAST_AT_RISK
    fit[-1] = False  # beyond the last edge
    used = int(np.argmin(fit))
    left = float(np.prod(1 - finish[:used] / at_risk[:used]))
    beyond = float(entered[used])
    if not entered[0] > 0:
        return nan
    return 1 - left * (1 - float(finish[used:].sum()) / beyond) if beyond > 0 else 1 - left


def _mean(
    d: Floats, n: Floats, before: Floats, jumps: Floats, spent: Floats, widths: Floats
) -> tuple[float, float, float]:
    """Mean minutes, the error of its logarithm by the delta method, and how many persons it rests on.

    Hazards of bands are independent binomial shares; within a band minutes are taken as spread evenly over it.
    """
    total = float(jumps.sum())
    if not total > 0:
        return nan, nan, 0.0
    each = np.divide(spent, d, out=np.zeros(len(d)), where=d > 0)
    mean = float(jumps @ each) / total
    if not mean > 0:
        return nan, nan, 0.0
    away = jumps * (each - mean)
    later = np.concatenate([np.cumsum(away[::-1])[::-1][1:], [0.0]])
    hazard = np.divide(d, n, out=np.zeros(len(d)), where=n > 0)
    rest = np.divide(later, 1 - hazard, out=np.zeros(len(d)), where=hazard < 1)
    gradient = (before * (each - mean) - rest) / total
    held = d > 0
    variance = (gradient[held] ** 2 * (hazard * (1 - hazard))[held] / n[held]).sum()
    variance += ((jumps[held] / total) ** 2 * widths[held] ** 2 / 12 / d[held]).sum()
    parts = (jumps * each)[held]
    worth = float(parts.sum() ** 2 / (parts**2 / d[held]).sum())
    return mean, sqrt(float(variance)) / mean, worth


def ratio_of_times(one: CompletionTimes, zero: CompletionTimes) -> TimesRatio:
    """A group's mean minutes over its reference's, both over the same bands.

    Delta method on the logarithm, with Welch and Satterthwaite's degrees of Student's t from a fifth of the ``worth``.
    """
    if not len(one.at_risk) or not len(zero.at_risk):
        return TimesRatio(nan, nan, nan, TimesCaveat.NOTHING_SEEN)
    if any(group.finishers and not group.mean > 0 for group in (one, zero)):
        return TimesRatio(nan, nan, nan, TimesCaveat.NO_TIME)
    estimate = one.mean / zero.mean
    if min(one.worth, zero.worth) < LEAST_WORTH:
        return TimesRatio(estimate, nan, nan, TimesCaveat.FEW_FINISHED)
    parts = one.log_error**2, zero.log_error**2
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / one.worth + parts[1] ** 2 / zero.worth) * _DEGREES
    return TimesRatio(estimate, sqrt(sum(parts)), freedom, TimesCaveat.NONE)


def _checked(done: ArrayLike, unfinished: ArrayLike) -> tuple[Floats, Floats]:
    finish, cut = (np.asarray(part, dtype=np.float64) for part in (done, unfinished))
    if finish.ndim != 1 or finish.shape != cut.shape or not len(finish):
        raise ValueError(f"counts: found shapes {finish.shape} and {cut.shape}, expected two of one length")
    if not ((finish >= 0) & (cut >= 0)).all() or not np.isfinite(finish + cut).all():
        raise ValueError("counts: expected numbers of persons, 0 or more")
    return finish, cut

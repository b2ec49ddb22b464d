"""How uncertain is any statistic of counts, by resampling people who are known only as cells?

Drawing N people with replacement out of N and counting them again by cell gives counts that are distributed
Multinomial(N, n_c / N), so one draw over C cells replaces a pass over N rows and is the same bootstrap
(Efron and Tibshirani 1993, An Introduction to the Bootstrap). The cells themselves are never resampled: a
cell drawn twice or not at all moves all of its people at once, which treats a million people as a few dozen
observations (what Fairlearn's `n_boot` does when it is given cells) and has nothing to do with their variance.

Schemes: "multinomial" keeps the total, or the total of each stratum when strata were sampled separately;
"poisson" counts each cell Poisson(n_c), which is the same to first order with the total left free (Hanley
and MacGibbon 2006, Computer Methods and Programs in Biomedicine 83:57–62). When people come in clusters
(customers with several loans), whole clusters are drawn instead, from one row of counts per cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Statistic = Callable[[Floats], Floats]
Scheme = Literal["multinomial", "poisson"]
Method = Literal["percentile", "basic", "bca", "normal"]

_SAME = 1e-12  # replicates that differ by less, relative to the estimate, do not vary


class Limitation(IntEnum):
    """What stands in the way of an interval, or beside it."""

    NONE = 0
    NO_ESTIMATE = 1
    NO_VARIATION = 2
    TOO_FEW_REPLICATES = 3
    ONE_SIDED = 4
    SOME_UNDEFINED = 5

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the interval, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    Limitation.NO_ESTIMATE: "the statistic has no value for these counts",
    Limitation.NO_VARIATION: "every replicate gives the same value, so resampling cannot show the uncertainty",
    Limitation.TOO_FEW_REPLICATES: "too few replicates are defined for limits at this level",
    Limitation.ONE_SIDED: "all replicates lie on one side of the estimate, so the correction for bias is not defined",
    Limitation.SOME_UNDEFINED: "the statistic is undefined in some replicates, which were left out",
}


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A statistic (K,) with B replicates (B, K); `leave_one_out` (U, K) and `weights` (U,) are there for BCa.

    `leave_one_out` is the statistic without one person of each nonempty cell (or without one cluster),
    `weights` how many such people there are, `strata` (U,) where they were sampled.
    """

    estimate: Floats
    draws: Floats
    leave_one_out: Floats
    weights: Floats
    strata: Codes


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """Limits per statistic (K,); NaN where `limitation` 1 to 4 says why. `undefined` is a share of replicates."""

    estimate: Floats
    low: Floats
    high: Floats
    standard_error: Floats
    undefined: Floats
    level: float
    method: str
    limitation: NDArray[np.uint8]  # codes of Limitation


def resampled_counts(
    counts: ArrayLike,
    replicates: int,
    *,
    seed: int = 0,
    scheme: Scheme = "multinomial",
    strata: ArrayLike | None = None,
    memory: int = 1 << 26,
) -> Iterator[Floats]:
    """Blocks (b, C) of resampled counts, b chosen so that a block takes about `memory` bytes.

    The draws depend on the seed alone, not on the size of the blocks. `strata` (C,) gives each cell's stratum.
    Raises ValueError for counts that are not whole or sum to 0, and for fewer than one replicate.
    """
    whole = _whole(counts)
    _at_least_one("replicates", replicates)
    codes = _strata(strata, len(whole))
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(int(np.max(codes)) + 1)]
    step = max(1, memory // (16 * len(whole)))
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        block = np.zeros((rows, len(whole)))
        for stratum, rng in enumerate(streams):
            cells = np.flatnonzero(codes == stratum)
            block[:, cells] = _drawn(whole[cells], rows, rng, scheme)
        yield block


def resampled_clusters(
    cluster_counts: ArrayLike, replicates: int, *, seed: int = 0, memory: int = 1 << 26
) -> Iterator[Floats]:
    """Blocks (b, C) of counts when Q whole clusters are drawn with replacement from `cluster_counts` (Q, C)."""
    table = _cluster_table(cluster_counts)
    _at_least_one("replicates", replicates)
    rng, clusters = np.random.default_rng(seed), len(table)
    step = max(1, memory // (16 * max(table.shape)))
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        yield rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=rows).astype(np.float64) @ table


def bootstrap_cells(
    counts: ArrayLike,
    statistic: Statistic,
    *,
    replicates: int = 2000,
    seed: int = 0,
    scheme: Scheme = "multinomial",
    strata: ArrayLike | None = None,
    memory: int = 1 << 26,
) -> Bootstrap:
    """Replicates of a statistic that maps counts (B, C) to values (B, K), NaN where it is undefined."""
    whole = _whole(counts).astype(np.float64)
    blocks = resampled_counts(whole, replicates, seed=seed, scheme=scheme, strata=strata, memory=memory)
    draws = np.concatenate([_values(statistic, block) for block in blocks])
    filled = np.flatnonzero(whole)
    without = _leave_one_out(whole, np.eye(len(whole))[filled], statistic, memory)
    return Bootstrap(_values(statistic, whole[None, :])[0], draws, without, whole[filled],
                     _strata(strata, len(whole))[filled])  # fmt: skip


def bootstrap_clusters(
    cluster_counts: ArrayLike,
    statistic: Statistic,
    *,
    replicates: int = 2000,
    seed: int = 0,
    memory: int = 1 << 26,
) -> Bootstrap:
    """The same from one row of counts per cluster (Q, C), for observations that are dependent within clusters."""
    table = _cluster_table(cluster_counts)
    blocks = resampled_clusters(table, replicates, seed=seed, memory=memory)
    draws = np.concatenate([_values(statistic, block) for block in blocks])
    total = table.sum(axis=0)
    without = _leave_one_out(total, table, statistic, memory)
    return Bootstrap(_values(statistic, total[None, :])[0], draws, without, np.ones(len(table)),
                     np.zeros(len(table), dtype=np.int64))  # fmt: skip


def bootstrap_interval(bootstrap: Bootstrap, level: float = 0.95, method: Method = "percentile") -> BootstrapInterval:
    """Two-sided limits from replicates.

    percentile: the quantiles q of the replicates at (1 ∓ level)/2. basic: 2 estimate - q, reversed. normal:
    estimate ± z × standard error. bca: quantiles at Φ(z0 + (z0 + z)/(1 - a (z0 + z))), where z0 corrects for
    bias (replicates equal to the estimate count half) and a for skewness, from leaving one person out (Efron
    1987, Journal of the American Statistical Association 82:171–185).
    Quantiles are order statistics at q (B + 1). Limits that would lie beyond the outermost replicate are not
    given. Raises ValueError for an unknown method or a level outside 0 to 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: found {level:g}, expected a number strictly between 0 and 1")
    draws = np.sort(bootstrap.draws, axis=0)  # NaN sorts last
    usable = np.isfinite(bootstrap.draws).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = _standard_error(bootstrap.draws)
        low, high, one_sided, outside = _limits(bootstrap, draws, usable, error, level, method)
    flat = ~(error > _SAME * np.abs(bootstrap.estimate))
    cases = [(~np.isfinite(bootstrap.estimate), Limitation.NO_ESTIMATE), (usable < 2, Limitation.TOO_FEW_REPLICATES),
             (flat, Limitation.NO_VARIATION), (one_sided, Limitation.ONE_SIDED),
             (outside, Limitation.TOO_FEW_REPLICATES), (usable < len(draws), Limitation.SOME_UNDEFINED)]  # fmt: skip
    limitation = np.select([mask for mask, _ in cases], [np.uint8(code) for _, code in cases], np.uint8(0))
    given = (limitation == Limitation.NONE) | (limitation == Limitation.SOME_UNDEFINED)
    low, high = np.where(given, low, np.nan), np.where(given, high, np.nan)
    return BootstrapInterval(bootstrap.estimate, low, high, error, 1 - usable / len(draws), level, method,
                             limitation.astype(np.uint8))  # fmt: skip


def _limits(
    bootstrap: Bootstrap, draws: Floats, usable: Codes, error: Floats, level: float, method: Method
) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Low, high, whether the bias correction is undefined, whether a limit lies beyond the replicates."""
    from scipy.special import ndtr, ndtri

    estimate, tail = bootstrap.estimate, (1 - level) / 2
    no = np.zeros(len(estimate), dtype=bool)
    if method == "normal":
        reach = -ndtri(tail) * error
        return estimate - reach, estimate + reach, no, no
    shares = np.full((2, len(estimate)), [[tail], [1 - tail]])
    one_sided = no
    if method == "bca":
        below = (bootstrap.draws < estimate).sum(axis=0) + (bootstrap.draws == estimate).sum(axis=0) / 2
        bias, skew = ndtri(below / usable), _acceleration(bootstrap)
        pulled = bias + ndtri(shares)
        shares = ndtr(bias + pulled / (1 - skew * pulled))
        one_sided = ~(np.isfinite(bias) & np.isfinite(shares).all(axis=0) & (skew * pulled < 1).all(axis=0))
    elif method not in ("percentile", "basic"):
        raise ValueError(f"method: found '{method}', expected percentile, basic, bca or normal")
    (low, high), outside = _quantiles(draws, usable, shares)
    if method == "basic":
        low, high = 2 * estimate - high, 2 * estimate - low
    return low, high, one_sided, outside


def _quantiles(draws: Floats, usable: Codes, shares: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Order statistics (2, K) at share (usable + 1) of sorted columns, and which lie beyond the outermost."""
    place = shares * (usable + 1) - 1
    outside = np.asarray(~((place >= -1e-9) & (place <= usable - 1 + 1e-9)).all(axis=0))
    place = np.clip(np.nan_to_num(place), 0, np.maximum(usable - 1, 0))
    left = np.floor(place).astype(np.int64)
    right, columns = np.minimum(left + 1, np.maximum(usable - 1, 0)), np.arange(draws.shape[1])
    lower, upper = draws[left, columns], draws[right, columns]
    return lower + (place - left) * (upper - lower), outside


def _acceleration(bootstrap: Bootstrap) -> Floats:
    """Σ w d³ / (6 (Σ w d²)^{3/2}) with d the stratum's mean leave-one-out value less each; 0 when d is."""
    away = np.empty_like(bootstrap.leave_one_out)
    for stratum in np.unique(bootstrap.strata):
        rows = bootstrap.strata == stratum
        part, weights = bootstrap.leave_one_out[rows], bootstrap.weights[rows, None]
        away[rows] = (weights * part).sum(axis=0) / weights.sum() - part
    weights = bootstrap.weights[:, None]
    second = (weights * away**2).sum(axis=0)
    return np.where(second == 0, 0.0, (weights * away**3).sum(axis=0) / (6 * second**1.5))


def _standard_error(draws: Floats) -> Floats:
    """Standard deviation of the defined replicates; NaN with fewer than two."""
    defined = np.isfinite(draws)
    usable = defined.sum(axis=0)
    centre = np.where(defined, draws, 0.0).sum(axis=0) / usable
    squares = np.where(defined, draws - centre, 0.0) ** 2
    return np.where(usable > 1, np.sqrt(squares.sum(axis=0) / (usable - 1)), np.nan)


def _leave_one_out(total: Floats, units: Floats, statistic: Statistic, memory: int) -> Floats:
    """The statistic of the total less each unit, (U, K), in blocks."""
    step = max(1, memory // (16 * len(total)))
    return np.concatenate([_values(statistic, total - units[i : i + step]) for i in range(0, len(units), step)])


def _values(statistic: Statistic, block: Floats) -> Floats:
    """The statistic's values (b, K), or ValueError when it does not keep the replicates apart."""
    values = np.asarray(statistic(block), dtype=np.float64)
    if values.ndim != 2 or len(values) != len(block):
        raise ValueError(f"statistic: found values of shape {values.shape}, expected ({len(block)}, K)")
    return values


def _drawn(whole: Codes, rows: int, rng: np.random.Generator, scheme: Scheme) -> NDArray[np.int64]:
    """Resampled counts of one stratum."""
    total = int(whole.sum())
    if scheme == "poisson":
        return rng.poisson(whole, size=(rows, len(whole)))
    if scheme != "multinomial":
        raise ValueError(f"scheme: found '{scheme}', expected multinomial or poisson")
    return rng.multinomial(total, whole / max(total, 1), size=rows) if total else np.zeros((rows, len(whole)), np.int64)


def _strata(strata: ArrayLike | None, cells: int) -> Codes:
    """Stratum codes (C,) from 0 on; one stratum when none are given."""
    if strata is None:
        return np.zeros(cells, dtype=np.int64)
    given = np.asarray(strata)
    if given.shape != (cells,):
        raise ValueError(f"strata: found shape {given.shape}, expected one for each of {cells} cells")
    return np.unique(given, return_inverse=True)[1].astype(np.int64)


def _cluster_table(cluster_counts: ArrayLike) -> Floats:
    """Counts (Q, C) of at least two clusters, or ValueError."""
    table = np.asarray(cluster_counts, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"cluster_counts: found shape {table.shape}, expected at least two clusters by cells")
    if not (np.isfinite(table) & (table >= 0)).all():
        raise ValueError("cluster_counts: found a count below 0, missing or infinite, expected numbers from 0 on")
    return table


def _whole(counts: ArrayLike) -> Codes:
    """Whole counts (C,) with people in them, or ValueError."""
    given = np.asarray(counts, dtype=np.float64)
    if given.ndim != 1:
        raise ValueError(f"counts: found shape {given.shape}, expected one axis of cells")
    fine = (given >= 0) & (given <= 2.0**53) & (given == np.floor(given))
    if not fine.all():
        raise ValueError(f"counts: found {given[~fine][0]:g}, expected whole numbers from 0 to 2**53")
    if not given.sum() > 0:
        raise ValueError("counts: found no people, expected at least one")
    return given.astype(np.int64)


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name}: found {value}, expected at least 1")

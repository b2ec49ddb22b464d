"""How often a 95% interval for a ratio of rates holds the true ratio, counted exactly.

No simulation: every pair of counts (x1, x0) is visited and weighted by its binomial probability, so the
figures carry no sampling error and are the same on every run. The scoreboard sets the score interval the
audits use beside the usual log interval of Katz et al. (1978):
log ratio +/- z sqrt(1/x1 - 1/n1 + 1/x0 - 1/n0).

Katz has no value when a count is 0. The scoreboard then counts it as covering, the kindest reading, and
states how often that happens.

The grid was fixed before anything was measured. It does not reach rates at which a group expects less
than one event (or one non-event); there the score interval falls short too, and the test beside this
module pins by how much.

Print the table with `python -m tests.truth.scoreboard`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.statistics.proportions import score_interval_ratio

Floats = NDArray[np.float64]

SIZES = ((30, 30), (30, 1000), (100, 100), (100, 1000), (308, 1681))
RATES = (0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95)
LEVEL = 0.95


class Limits(NamedTuple):
    """Both intervals for every pair of counts; each array is (n1 + 1, n0 + 1)."""

    ours_low: Floats
    ours_high: Floats
    naive_low: Floats
    naive_high: Floats


def scoreboard() -> list[dict[str, float]]:
    """One row per scenario: sizes, rates, smallest expected count, and the coverage of each interval."""
    return [row for n1, n0 in SIZES for row in coverage_rows(n1, n0)]


def coverage_rows(n1: int, n0: int, rates: Sequence[float] = RATES) -> Iterator[dict[str, float]]:
    """Rows for every pair of rates at one pair of sizes."""
    limits = every_interval(n1, n0)
    chances = {rate: (binomial(n1, rate), binomial(n0, rate)) for rate in rates}
    for p1 in rates:
        for p0 in rates:
            chance1, chance0 = chances[p1][0], chances[p0][1]
            ratio = p1 / p0
            yield {
                "n1": n1,
                "n0": n0,
                "p1": p1,
                "p0": p0,
                "least_expected": min(n1 * p1, n1 * (1 - p1), n0 * p0, n0 * (1 - p0)),
                "naive": covered(limits.naive_low, limits.naive_high, ratio, chance1, chance0),
                "naive_undefined": float(chance1[0] + chance0[0] - chance1[0] * chance0[0]),
                "ours": covered(limits.ours_low, limits.ours_high, ratio, chance1, chance0),
            }


def every_interval(n1: int, n0: int) -> Limits:
    """Score and Katz limits for all (n1 + 1)(n0 + 1) outcomes."""
    x1, x0 = np.arange(n1 + 1.0)[:, None], np.arange(n0 + 1.0)[None, :]
    ours = score_interval_ratio(x1, n1, x0, n0, LEVEL)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log((x1 / n1) / (x0 / n0))
        reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * np.sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)
        low, high = np.exp(centre - reach), np.exp(centre + reach)
    none = (x1 == 0) | (x0 == 0)
    return Limits(ours.low, ours.high, np.where(none, 0.0, low), np.where(none, np.inf, high))


def covered(low: Floats, high: Floats, truth: float, chance1: Floats, chance0: Floats) -> float:
    """Probability that low <= truth <= high."""
    return float(chance1 @ ((low <= truth) & (truth <= high)) @ chance0)


def binomial(n: int, p: float) -> Floats:
    """Probabilities of 0..n events, from summed logarithms."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, n + 1)))])
    x = np.arange(n + 1)
    log_ways = log_factorial[n] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(log_ways + x * np.log(p) + (n - x) * np.log1p(-p)))


def table(rows: list[dict[str, float]]) -> str:
    """The scoreboard as aligned text, one line per scenario."""
    head = f"{'scenario':<38}{'naive coverage':>15}{'undefined':>11}{'ours':>9}"
    lines = [
        f"p1={row['p1']:<5g}p0={row['p0']:<5g}n1={row['n1']:<5g}n0={row['n0']:<6g}".ljust(38)
        + f"{row['naive']:>15.4f}{row['naive_undefined']:>11.4f}{row['ours']:>9.4f}"
        for row in rows
    ]
    worst = (
        f"{'worst of all scenarios':<38}{min(row['naive'] for row in rows):>15.4f}"
        f"{'':>11}{min(row['ours'] for row in rows):>9.4f}"
    )
    return "\n".join([f"exact coverage of {LEVEL:.0%} intervals for p1/p0", head, *lines, worst])


if __name__ == "__main__":
    print(table(scoreboard()))

"""How often the 95% intervals for two rates compared hold the truth, counted exactly.

No simulation: every pair of counts (x1, x0) is visited and weighted by its binomial probability, so the
figures carry no sampling error and are the same on every run. For the ratio, the scoreboard sets the plain
score interval (Koopman) and the skewness-corrected one (Gart and Nam) beside the usual log interval of Katz
et al. (1978): log ratio +/- z sqrt(1/x1 - 1/n1 + 1/x0 - 1/n0). For the difference and the odds ratio it has the
score intervals, the difference with and without Miettinen and Nurminen's N/(N - 1).

Katz has no value when a count is 0. The scoreboard then counts it as covering, the kindest reading, and
states how often that happens.

The grid was fixed before anything was measured. It does not reach rates at which a group expects less
than one event (or one non-event); there the plain score interval falls short too, and the test beside this
module pins by how much. A wider grid stands in `WIDE_SIZES` and `WIDE_RATES`.

Print the table with `python -m tests.truth.scoreboard`, and what each interval does on the wider grid (a few
minutes) with `python -m tests.truth.scoreboard wide`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from audits.statistics.counts import Interval
from audits.statistics.proportions import score_interval_difference, score_interval_odds_ratio, score_interval_ratio
from audits.statistics.skewness_corrected import skewness_corrected_interval_ratio

Floats = NDArray[np.float64]

SIZES = ((30, 30), (30, 1000), (100, 100), (100, 1000), (308, 1681))
RATES = (0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95)
_WIDE = (30, 50, 100, 200, 400, 1000)
WIDE_SIZES = tuple((n1, n0) for n1 in _WIDE for n0 in _WIDE)
WIDE_RATES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
LEVEL = 0.95
ENOUGH = 10 - 1e-9  # least expected count for CLOSE to be asked; 100 * (1 - 0.9) is a rounding error under 10
CLOSE = (0.94, 0.96)
RATIO, GAP, ODDS = "ratio", "difference", "odds ratio"
INTERVALS = {
    "naive": RATIO,
    "ours": RATIO,
    "ratio_skewness": RATIO,
    "difference": GAP,
    "difference_corrected": GAP,
    "odds_ratio": ODDS,
}

SCORES: dict[str, tuple[Callable[..., Interval], dict[str, bool]]] = {
    "ours": (score_interval_ratio, {}),
    "ratio_skewness": (skewness_corrected_interval_ratio, {}),
    "difference": (score_interval_difference, {}),
    "difference_corrected": (score_interval_difference, {"corrected": True}),
    "odds_ratio": (score_interval_odds_ratio, {}),
}

# low and high for every pair of counts, each (n1 + 1, n0 + 1)
Limits = tuple[Floats, ...]


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
            truth = {RATIO: p1 / p0, GAP: p1 - p0, ODDS: p1 / (1 - p1) / (p0 / (1 - p0))}
            yield {
                "n1": n1,
                "n0": n0,
                "p1": p1,
                "p0": p0,
                "least_expected": min(n1 * p1, n1 * (1 - p1), n0 * p0, n0 * (1 - p0)),
                "naive_undefined": float(chance1[0] + chance0[0] - chance1[0] * chance0[0]),
                **{name: covered(*limits[name], truth[kind], chance1, chance0) for name, kind in INTERVALS.items()},
            }


def every_interval(n1: int, n0: int) -> dict[str, Limits]:
    """Limits of each interval for all (n1 + 1)(n0 + 1) outcomes."""
    x1, x0 = np.arange(n1 + 1.0)[:, None], np.arange(n0 + 1.0)[None, :]
    blocks = [x1[row : row + 4] for row in range(0, n1 + 1, 4)]  # small enough to stay in the processor's cache
    scores = {}
    for name, (interval, options) in SCORES.items():
        parts = [interval(block, n1, x0, n0, LEVEL, **options) for block in blocks]
        scores[name] = tuple(np.concatenate([getattr(part, side) for part in parts]) for side in ("low", "high"))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log((x1 / n1) / (x0 / n0))
        reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * np.sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)
        low, high = np.exp(centre - reach), np.exp(centre + reach)
    none = (x1 == 0) | (x0 == 0)
    naive = np.where(none, 0.0, low), np.where(none, np.inf, high)
    return {"naive": naive, **scores}


def shortfalls(rows: Sequence[dict[str, float]], name: str) -> list[dict[str, float]]:
    """Rows in which every expected count is enough and the interval's coverage is not close to its level."""
    low, high = CLOSE
    return [row for row in rows if row["least_expected"] >= ENOUGH and not low <= row[name] <= high]


def summary(rows: Sequence[dict[str, float]]) -> str:
    """One line an interval: worst coverage, shares below .93 and, with enough expected, outside of .94-.96."""
    enough = [row for row in rows if row["least_expected"] >= ENOUGH]
    lines = [
        f"{'interval':<22}{'worst':>8}{'below .93':>11}{'of':>7}{'outside .94-.96':>17}{'of':>6}{'least':>8}{'most':>8}"
    ]
    for name in INTERVALS:
        below, few = sum(row[name] < 0.93 for row in rows), [row[name] for row in enough]
        lines.append(
            f"{name:<22}{min(row[name] for row in rows):>8.4f}{below:>11}{len(rows):>7}"
            f"{len(shortfalls(rows, name)):>17}{len(enough):>6}{min(few):>8.4f}{max(few):>8.4f}"
        )
    return "\n".join(lines)


def covered(low: Floats, high: Floats, truth: float, chance1: Floats, chance0: Floats) -> float:
    """Probability that low <= truth <= high; a limit that rounding alone sets beside the truth still holds it."""
    slack = 1e-12 * max(1.0, abs(truth))
    return float(chance1 @ ((low <= truth + slack) & (truth - slack <= high)) @ chance0)


def binomial(n: int, p: float) -> Floats:
    """Probabilities of 0..n events, from summed logarithms."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, n + 1)))])
    x = np.arange(n + 1)
    log_ways = log_factorial[n] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(log_ways + x * np.log(p) + (n - x) * np.log1p(-p)))


def table(rows: list[dict[str, float]]) -> str:
    """The scoreboard as aligned text, one line per scenario."""
    head = (
        f"{'scenario':<38}{'naive':>9}{'undefined':>11}{'score':>9}{'skewness':>10}{'difference':>12}{'odds ratio':>12}"
    )
    shown = (("naive", 9), ("naive_undefined", 11), ("ours", 9), ("ratio_skewness", 10))
    shown += (("difference_corrected", 12), ("odds_ratio", 12))
    lines = [
        f"p1={row['p1']:<5g}p0={row['p0']:<5g}n1={row['n1']:<5g}n0={row['n0']:<6g}".ljust(38)
        + "".join(f"{row[name]:>{width}.4f}" for name, width in shown)
        for row in rows
    ]
    worst = "worst of all scenarios".ljust(38) + "".join(
        " " * width if name == "naive_undefined" else f"{min(row[name] for row in rows):>{width}.4f}"
        for name, width in shown
    )
    title = f"exact coverage of {LEVEL:.0%} intervals: ratio (first four), difference, odds ratio"
    return "\n".join([title, head, *lines, worst])


if __name__ == "__main__":
    if sys.argv[1:] == ["wide"]:
        print(summary([row for n1, n0 in WIDE_SIZES for row in coverage_rows(n1, n0, WIDE_RATES)]))
    else:
        print(table(scoreboard()))

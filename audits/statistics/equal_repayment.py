"""Are two files decided upon alike where people repay alike, though a score may mean another risk in each?

People without a data trail (``thin`` 1) have scores as others do (0), but what a score says of repayment may differ by
file. Three means over the thin files, each less what full files have at the same place of a scale:

* repayment at equal score: mean of y − m(s), m the full files' rate of repayment along the score. Above 0 the score
  underrates the thin;
* decisions at equal repayment: a logit of repayment on the score, bent at its thirds, with a curve of its own for each
  file (calibration by missingness) gives every score in every file its log-odds η, out of fold, so that no thin file's
  own outcome has a part in where it is compared. Then the mean of A(η) − d, A the full files' rate of approval along
  their own η;
* price at equal repayment: mean of r − R(η) among those approved, R the full files' mean rate.

How means are compared along a scale: ``audits.statistics.same_places``; thin files up to ``CALIPER`` standard
deviations beyond the last full one are compared, those further are left out and counted. A difference at equal
estimated risk is the benchmark test with risk adjusted (Jung, Corbett-Davies, Gaebler, Shroff and Goel 2018,
arXiv:1809.05651), one in repayment at equal score an outcome test (Becker 1957, The Economics of Discrimination); what
the two say together: Gaebler and Goel (2025, A simple, statistically robust test of discrimination, PNAS 122:10).

Errors are from draws of a bootstrap that goes through both steps, curves and comparison, by the spread of the middle
nine tenths (of a normal law the standard deviation), since a draw whose curves run apart has no bound: draws of people
as cells (``audits.statistics.cell_bootstrap``), or of rows or their owners where owners or prices are given (Poisson
weights: Hanley and MacGibbon 2006, Computer Methods and Programs in Biomedicine 83:57–62).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.statistics.cell_bootstrap import resampled_counts
from audits.statistics.cross_fitting import area_under_curve, converged_fit, deal, out_of_fold
from audits.statistics.equal_risk import CALIPER
from audits.statistics.filed_scores import Filed, mean_places, scarce, score_bins
from audits.statistics.same_places import standardised
from checks.sentence import said, template

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_FAILED_DRAWS = 0.05
_TAIL, _NORMAL = 0.05, 1.6448536269514722  # the normal law's quantile at 0.95
_NUMBERS = 4_000_000  # of weights held at once


@dataclass(frozen=True, slots=True)
class FileGap:
    """A mean difference with its ``error`` and Student's degrees; NaN where ``reason`` says why.

    ``thin`` and ``full`` are the people compared, ``left_out`` the share of the thin beyond all full files.
    """

    gap: float = np.nan
    error: float = np.nan
    freedom: float = np.nan
    thin: int = 0
    full: int = 0
    left_out: float = np.nan
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EqualRepayment:
    """``repayment`` at equal score (thin − full), ``approval`` (full − thin) and ``price`` (thin − full) beside it.

    ``discrimination`` is the area under the ROC curve of the estimated repayment; ``bins`` those of the score;
    ``at_score`` says that prices are compared at equal score, since no outcome is known.
    """

    repayment: FileGap
    approval: FileGap
    price: FileGap
    discrimination: float
    bins: int
    at_score: bool


_NO_FILE = (said("no full file has a score"), said("no thin file has a score"))
_APART = template(
    "{share:.0f} % of the thin files have no full file near them, so that there is little left to compare"
)


def equal_repayment(people: Filed, *, folds: int = 5, replicates: int = 400, seed: int = 20210709) -> EqualRepayment:
    """All three gaps. Those that cannot be had carry the reason."""
    sizes = [int(people.counts[people.thin == file].sum()) for file in (0, 1)]
    for file in (1, 0):
        if not sizes[file]:
            nothing = FileGap(reason=_NO_FILE[file])
            return EqualRepayment(nothing, nothing, nothing, np.nan, 0, False)
    few = scarce(people)
    rng = np.random.default_rng(seed)
    table = _Table.over(people, folds, rng, curves=few["outcomes"] is None)
    whole = table.gaps(table.folded[None], *table.money_once())[0]
    draws = np.concatenate([table.gaps(*block) for block in table.draws(replicates, seed)])
    missing = few["outcomes"], few["outcomes"] or few["decisions"], few["prices"]
    repayment, approval, price = (
        FileGap(reason=reason) if reason else table.gap(i, whole, draws) for i, reason in enumerate(missing)
    )
    return EqualRepayment(repayment, approval, price, table.discrimination, len(table.at), not table.curves)


Block = tuple[Floats, Floats | None, Floats | None]


@dataclass(frozen=True, slots=True)
class _Table:
    """People by fold, bin of the score, file (full, thin), decision (0, 1) and outcome (0, 1, not known).

    ``folded`` (F, S, 2, 2, 3); ``at`` (S, 2) is the mean score of each file in each bin. With rows, ``cell`` and
    ``priced`` (F, S, 2 flattened, −1 without a rate) are where each of them counts. ``reach`` says, on the scale of the
    score and of log-odds, how far beyond the last full file a thin one is still compared.
    """

    folded: Floats
    at: Floats
    matrix: Floats
    start: Floats
    curves: bool
    discrimination: float
    reach: tuple[float, float]
    cell: Ints | None = None
    priced: Ints | None = None
    price: Floats | None = None
    owners: Ints | None = None
    fewest: int = 0

    @classmethod
    def over(cls, people: Filed, folds: int, rng: np.random.Generator, curves: bool) -> _Table:
        bin_of = score_bins(people)
        bins = int(bin_of.max()) + 1
        row, fold, number = deal(people.counts, folds, rng, people.owners)
        decided = np.isfinite(people.decision)
        outcome = np.where(np.isfinite(people.outcome), people.outcome, 2.0).astype(np.int64)
        decision = np.where(decided, people.decision, 1.0).astype(np.int64)
        shape = (folds, bins, 2, 2, 3)
        cell = np.ravel_multi_index((fold, bin_of[row], people.thin[row], decision[row], outcome[row]), shape)
        folded = np.bincount(cell, number, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
        at = mean_places(people, bin_of, bins)
        matrix = _curve_columns(at, folded.sum(axis=(0, 3, 4)))
        start, area = _started(matrix, folded) if curves else (np.zeros(matrix.shape[2]), np.nan)
        sizes = folded.sum(axis=(0, 3, 4))
        reach = _reach(at, sizes), _reach(matrix @ start, sizes)
        table = cls(folded, at, matrix, start, curves, area, reach)
        if people.price is None and people.owners is None:
            return table
        price = np.full(len(row), np.nan) if people.price is None else people.price[row]
        place = np.ravel_multi_index((fold, bin_of[row], people.thin[row]), shape[:3])
        priced = np.where(np.isfinite(price) & (people.decision[row] == 1), place, -1)
        owners = None if people.owners is None else people.owners[row]
        fewest = 0 if owners is None else min(len(np.unique(owners[people.thin[row] == f])) for f in (0, 1))
        return cls(
            folded, at, matrix, start, curves, area, reach, cell, priced.astype(np.int64), np.nan_to_num(price), owners,
            fewest,
        )  # fmt: skip

    def money_once(self) -> tuple[Floats | None, Floats | None]:
        """Sums of rates and their number (1, F, S, 2), of the rows as they are."""
        return (None, None) if self.priced is None else self._money(np.ones((1, len(self.priced))))

    def draws(self, replicates: int, seed: int) -> Iterator[Block]:
        """Blocks of resampled tables with their money."""
        if self.cell is None:
            for block in resampled_counts(self.folded.ravel(), replicates, seed=seed):
                yield block.reshape(-1, *self.folded.shape), None, None
            return
        rng, rows = np.random.default_rng(seed), len(self.cell)
        step = max(1, _NUMBERS // rows)
        for begin in range(0, replicates, step):
            many = min(step, replicates - begin)
            if self.owners is None:
                times = rng.poisson(1.0, size=(many, rows)).astype(np.float64)
            else:
                times = rng.poisson(1.0, size=(many, int(self.owners.max()) + 1))[:, self.owners].astype(np.float64)
            counted = np.array([np.bincount(self.cell, one, minlength=self.folded.size) for one in times])
            yield counted.reshape(-1, *self.folded.shape), *self._money(times)

    def _money(self, times: Floats) -> tuple[Floats, Floats]:
        priced, price = self.priced, self.price
        if priced is None or price is None:
            raise ValueError("price: found none, expected the rate of each row")
        kept, shape = priced >= 0, self.folded.shape[:3]
        size = int(np.prod(shape))
        sums = [np.bincount(priced[kept], one[kept] * price[kept], minlength=size) for one in times]
        many = [np.bincount(priced[kept], one[kept], minlength=size) for one in times]
        return np.array(sums, dtype=float).reshape(-1, *shape), np.array(many, dtype=float).reshape(-1, *shape)

    def log_odds(self, block: Floats) -> Floats:
        """Of repayment (b, F, S, 2), from the outcomes of the other folds."""
        folds, bins = self.folded.shape[:2]
        known = block.sum(axis=4)[..., :2]  # b, F, S, 2, outcome
        shape = known.shape[1:]
        weights = np.ascontiguousarray(known.reshape(len(block), -1))
        matrix = np.broadcast_to(self.matrix[None, :, :, None, :], (*shape, self.matrix.shape[2]))
        outcome = np.broadcast_to(np.array([0.0, 1.0]), shape).ravel()
        fold = np.broadcast_to(np.arange(folds)[:, None, None, None], shape).ravel()
        flat = np.ascontiguousarray(matrix.reshape(-1, self.matrix.shape[2]))
        found = out_of_fold(flat, outcome, fold.astype(np.int64), weights, self.start, folds)
        return np.asarray(found.reshape(len(block), folds, bins, 2, 2)[..., 0])

    def gaps(self, block: Floats, money: Floats | None, many: Floats | None) -> Floats:
        """(b, 3, 2): repayment, approval and price gap, each with the share of the thin that was left out."""
        found = np.full((len(block), 3, 2), np.nan)
        score = np.broadcast_to(self.at, (len(block), 1, *self.at.shape))
        if self.curves:
            outcomes = block.sum(axis=(1, 4))[..., :2][:, None]  # b, 1, S, 2, outcome
            found[:, 0] = standardised(score, outcomes[..., 1], outcomes.sum(axis=-1), self.reach[0])
            log_odds = self.log_odds(block)
            decided = block.sum(axis=5)
            found[:, 1] = standardised(log_odds, decided[..., 1], decided.sum(axis=-1), self.reach[1])
            found[:, 1, 0] *= -1.0
        if money is not None and many is not None:
            place = self.log_odds(block) if self.curves else np.broadcast_to(self.at, (*many.shape,))
            found[:, 2] = standardised(place, money, many, self.reach[int(self.curves)])
        return found

    def gap(self, which: int, whole: Floats, draws: Floats) -> FileGap:
        """One gap with its error."""
        value, left_out = (float(part) for part in whole[which])
        done = np.isfinite(draws[:, which, 0])
        if not np.isfinite(value) or (~done).mean() > _FAILED_DRAWS:
            return FileGap(left_out=left_out, reason=said(_APART, share=100 * left_out))
        thin, full, scarce = self._sizes(which)
        low, high = np.quantile(draws[done, which, 0], [_TAIL, 1 - _TAIL])
        error = float(high - low) / (2 * _NORMAL)
        if not error > 0:
            return FileGap(left_out=left_out, reason=said("the bootstrap shows no spread, so that there is no error"))
        fewest = min(scarce, int(done.sum()), *((self.fewest,) if self.owners is not None else ()))
        return FileGap(value, error, float(fewest - 1), thin, full, left_out)

    def _sizes(self, which: int) -> tuple[int, int, int]:
        """Thin and full files that a gap is of, and the scarcest number behind it."""
        people = self.folded.sum(axis=(0, 1))  # file, decision, outcome
        if which == 2 and self.priced is not None:
            many = np.bincount(self.priced[self.priced >= 0] % 2, minlength=2)
            return int(many[1]), int(many[0]), int(many.min())
        by = people.sum(axis=1)[:, :2] if which == 0 else people.sum(axis=2)
        outcomes = people.sum(axis=1)[:, :2].min()
        return int(by[1].sum()), int(by[0].sum()), int(min(by.min(), outcomes))


def _curve_columns(at: Floats, people: Floats) -> Floats:
    """Columns (S, 2, 8) of a curve of its own for each file: level, score, bends at its thirds; again for the thin."""
    order = np.argsort(at.ravel(), kind="stable")
    share = np.cumsum(people.ravel()[order]) / people.sum()
    thirds = at.ravel()[order][np.minimum(np.searchsorted(share, [1 / 3, 2 / 3]), at.size - 1)]
    line = np.stack([np.ones_like(at), at, *(np.maximum(at - bend, 0.0) for bend in thirds)], axis=2)
    return np.concatenate([line, line * np.array([0.0, 1.0])[None, :, None]], axis=2)


def _started(matrix: Floats, folded: Floats) -> tuple[Floats, float]:
    """The fit to all known outcomes, and its area under the ROC curve."""
    known = folded.sum(axis=(0, 3))[..., :2]  # S, 2, outcome
    rows = np.broadcast_to(matrix[:, :, None, :], (*known.shape, matrix.shape[2])).reshape(-1, matrix.shape[2])
    outcome, weight = np.broadcast_to(np.array([0.0, 1.0]), known.shape).ravel(), known.ravel()
    start = converged_fit(rows, outcome, weight)
    return start, area_under_curve(rows @ start, outcome, weight)


def _reach(place: Floats, people: Floats) -> float:
    mean = np.average(place, weights=people)
    return CALIPER * float(np.sqrt(np.average((place - mean) ** 2, weights=people)))

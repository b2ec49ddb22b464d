"""By how much does a model's mean output differ between two groups, and which of its features carry the difference?

Contributions φ (n, p) of n drawn rows add up, with a base that all rows share, to each row's output (SHAP values:
Lundberg and Lee 2017, NeurIPS 30; of trees: Lundberg et al. 2020, Nature Machine Intelligence 2:56–67). So the gap of
mean outputs is the sum of the gaps of mean contributions, Σ_j (E_g φ_j − E_r φ_j), with nothing left over.

Rows are a simple random sample of n of a group's N rows in the book, and for each feature j it is known how many of the
N lie in each bin b of it. The mean is post-stratified, Σ_b (N_b / N) mean_b(φ_j), and its sampling variance comes from
what varies within bins alone (Särndal, Swensson and Wretman 1992, Model Assisted Survey Sampling, 7.6, with the weights
of the estimate on the residuals, 6.6): with w = N_b / (N n_b), e = φ − mean_b and u = w e √(n_b / (n_b − 1)),

    sampling    Σ_i v_i v_iᵀ,  v = u √(1 − n_b / N_b)

Bins with fewer than ``post_strata.FEWEST`` drawn rows are joined with others. Where the means over the book are known
of further numbers x of a row, such as products of two features' scores, a regression on them within the bins takes part
(the generalised regression estimator on bins and x: Särndal, Swensson and Wretman 1992, 6.4): with β that of least
squares of e on x less its mean in the bin, the mean is Σ_b (N_b / N) mean_b(φ) + β (mean of x over the book −
Σ_b (N_b / N) mean_b(x)), and e is what β leaves of it. A book is itself a draw from those who
might come, which adds

    population  (1 / N) Σ_i w z zᵀ n / (n − 1),  z = φ − mean,

and, where entities repeat, the products of two rows of one entity (Liang and Zeger 1986, Biometrika 73:13–22), each
pair standing for (N / n)² pairs. Where fewer than ``FEWEST_PAIRS`` pairs were drawn, rows of one entity count as equal.
What would narrow the interval is left out.

Where of m rows drawn beyond the n the output y alone is known, the total is told by all n + m (two-phase sampling:
Särndal, Swensson and Wretman 1992, chapter 9; Cochran 1977, Sampling Techniques, chapter 12). With f what the bins of a
row, and its x, tell of Σ_j φ_j, u = y − f of the further rows, s = m / (n + m) and S the sampling covariance from the n
rows, the means move by β s (mean of u), β = S 1 / 1ᵀS1, so that the parts still add up. u averages 0 over the n rows,
and the further ones are a simple random sample of the N − n others: with c = s N / (N − n),

    sampling    S + β βᵀ [s² var(u) / m (1 − m / (N − n)) − (1 − (1 − c)²) 1ᵀS1]

Without bins the total is the mean output of all n + m rows, and a part the regression estimator on the output. β is
known from the n rows alone: where var(u) is more than ``UNLIKE`` times what u varies by among these, they have not seen
what moves the output, such as a rare value, and the further rows are left out.

Where the model does not take all rows, the mean is that of the rows it takes, a domain of the book (Särndal, Swensson
and Wretman 1992, 5.8 and 10.3): Σ_b N_b y_b / Σ_b N_b t_b, with t_b the share of the rows drawn of a bin that are
taken and y_b the sum of their φ by the rows drawn of it; so a bin of which none is taken has no weight. In the variance
e is of (φ − mean) t, t = 1 for a row that is taken and 0 otherwise, over all rows drawn.

Total: Student's t with one degree less than the rows, or entities, of the smaller side. Features: simultaneous
intervals, from the largest of their joint normal statistics (max-T: Westfall and Young 1993, Resampling-Based Multiple
Testing), widened by the same t; beyond what the draws can tell, by Bonferroni.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.max_t import critical_value, maxima_from_covariance
from audits.statistics.post_strata import joined_bins

Floats = NDArray[np.float64]
FEWEST_PAIRS = 100
_REPLICATES, _SURE = 50_000, 0.9995
_POWER = 0.8
FEWEST_BESIDE = 50  # rows for each further number of a regression
FEWEST_FURTHER = 50  # rows of which the output alone is known, below which they are left out
UNLIKE = 1.5  # times the variance beyond bins of rows with contributions, above which further rows are not like these
_TOGETHER = 1e-10  # of numbers that go together to so much, one serves


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Further numbers of rows whose means over the book are known: ``values`` (n, k) of the rows, ``book`` (k,)."""

    values: ArrayLike
    book: ArrayLike


@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """Rows drawn beyond those with contributions: ``outputs`` (m,) alone are known of them, less the base.

    ``bins`` (m,) of each feature and ``values`` (m, k) are as those of the rows with contributions.
    """

    outputs: ArrayLike
    bins: Sequence[ArrayLike]
    values: ArrayLike | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Mean contributions (p,) of one side and their covariances (p, p).

    ``rows`` were drawn of ``size``, of ``clusters`` entities; ``residual`` is the variance, of one row, of the output
    within bins: what a further row drawn is worth. ``outputs`` are the rows whose output told the total. ``unlike``:
    outputs of further rows vary more than those with contributions let expect, so that these have not seen what moves
    the output; the former were left out.
    """

    mean: Floats
    sampling: Floats
    population: Floats
    rows: int
    size: int
    clusters: int
    residual: float = 0.0
    outputs: int = 0
    unlike: bool = False


@dataclass(frozen=True, eq=False)
class OutputGap:
    """Group less reference: ``gap`` (p,) of features, ``total`` their sum; standard errors of both.

    ``sampling_error`` is the total's from drawing rows alone; ``freedom`` are the degrees of t.
    """

    gap: Floats
    covariance: Floats
    sampling: Floats
    freedom: int

    @property
    def total(self) -> float:
        """Σ_j gap_j."""
        return float(self.gap.sum())

    @property
    def total_error(self) -> float:
        """Standard error of the total."""
        return sqrt(max(float(self.covariance.sum()), 0.0))

    @property
    def sampling_error(self) -> float:
        """Standard error of the total as an estimate of that of all rows of the book."""
        return sqrt(max(float(self.sampling.sum()), 0.0))

    @property
    def errors(self) -> Floats:
        """Standard errors (p,) of the features' gaps; 0 where a contribution is the same in all rows."""
        found = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return np.where(found > 1e-9 * found.max(initial=0.0), found, 0.0)

    @cached_property
    def maxima(self) -> Floats:
        """Sorted draws of the largest |t| over the features that vary."""
        varies = self.errors > 0
        if not varies.any():
            return np.zeros(1)
        matrix = self.covariance[np.ix_(varies, varies)]
        return np.sort(maxima_from_covariance(matrix, replicates=_REPLICATES))

    def half_width(self, level: float = 0.95) -> float:
        """Half the width of the total's interval from drawing rows alone."""
        return self._student(_normal(level)) * self.sampling_error

    def sampling_half_widths(self, level: float = 0.95) -> Floats:
        """The same of each feature's, one at a time (p,)."""
        errors = np.sqrt(np.maximum(np.diag(self.sampling), 0.0))
        return np.asarray(self._student(_normal(level)) * errors)

    def total_interval(self, level: float) -> tuple[float, float]:
        """Interval of the total."""
        reach = self._student(_normal(level)) * self.total_error
        return self.total - reach, self.total + reach

    def critical(self, level: float) -> float:
        """By how many standard errors all features' intervals reach that hold at once."""
        several = max(int((self.errors > 0).sum()), 1)
        safe = _normal(1 - (1 - level) / several)
        drawn = critical_value(self.maxima, level) if level <= _SURE and len(self.maxima) > 1 else safe
        return self._student(min(drawn, safe))

    def intervals(self, level: float) -> tuple[Floats, Floats]:
        """Simultaneous intervals (p,) of the features' gaps."""
        reach = self.critical(level) * self.errors
        return self.gap - reach, self.gap + reach

    def p_values(self) -> Floats:
        """Of no gap, for each feature, adjusted for looking at all of them; 1 where nothing varies."""
        from scipy.special import ndtr, ndtri, stdtr

        errors = self.errors
        t = np.abs(self.gap) / np.where(errors > 0, errors, 1.0)
        z = np.minimum(-ndtri(np.maximum(stdtr(self.freedom, -t), 1e-300)), 37.0)
        beyond = len(self.maxima) - np.searchsorted(self.maxima, z, side="left")
        safe = np.minimum(2 * ndtr(-z) * max(int((errors > 0).sum()), 1), 1.0)
        return np.where(errors > 0, np.minimum((1 + beyond) / (len(self.maxima) + 1), safe), 1.0)

    def detectable(self, level: float) -> Floats:
        """The gap of each feature that is found with power .8 at the simultaneous level."""
        return (self.critical(level) + self._student(_normal(2 * _POWER - 1))) * self.errors

    def _student(self, z: float) -> float:
        """Student's t at the probability at which a normal value is z."""
        from scipy.special import ndtr, stdtrit

        return float(-stdtrit(self.freedom, max(float(ndtr(-z)), 1e-300)))


def drawn_side(
    contributions: ArrayLike,
    size: int,
    bins: Sequence[ArrayLike] = (),
    book: Sequence[ArrayLike] = (),
    clusters: ArrayLike | None = None,
    pairs: int | None = None,
    apart: Sequence[int] = (),
    beside: Beside | None = None,
    further: Further | None = None,
) -> Side:
    """A side from contributions (n, p) of n rows drawn of ``size``.

    ``bins`` holds the bin (n,) of each row for each feature, ``book`` the rows of the side in each bin in the whole
    book; a feature without bins has empty ones; the last ``apart`` of each feature's have no neighbours. ``clusters``
    (n,) names each row's entity; ``pairs`` is the number of ordered pairs of different rows of one entity in the book.
    ``beside`` serves where the model takes all rows, and these are ``FEWEST_BESIDE`` for each number; so do ``further``
    rows, ``FEWEST_FURTHER`` of them or more, and where these are fewer they are left out. A row with NaN is
    one that the model does not take: the side is of the others. Raises ``ValueError`` for fewer than two rows that it
    takes, or shapes that do not fit.
    """
    phi, taken = _matrix(contributions)
    drawn, n, size = len(phi), int(taken.sum()), max(int(size), len(phi))
    mean, weights, within, influence, left = _post_stratified(phi, taken, size, bins, book, apart, beside, further)
    known, weights, names = (phi - mean)[taken], weights[taken], _of(clusters, taken)
    single = np.sqrt(weights) * known
    domain = size if n == drawn else max(round(size * n / drawn), n)
    alone = single.T @ single * (n / (n - 1)) / domain
    population, entities = _with_entities(alone, weights * known, domain, names, pairs)
    total = within.sum(axis=1)
    side = Side(mean, influence.T @ influence, population, n, size, entities, float(drawn * (total @ total)), n)
    return _with_outputs(side, left)


def _with_outputs(side: Side, left: Floats) -> Side:
    """The side with the total of a larger draw: ``left`` (m,) is u of its further rows, in the words of the module."""
    n, m, total = side.rows, len(left), float(side.sampling.sum())
    if m < FEWEST_FURTHER:
        return side
    size, each = max(side.size, n + m), float(left.var(ddof=1))
    scale = float(np.abs(side.mean).sum()) + float(np.abs(left).max())
    if each > max(UNLIKE * side.residual, (1e-9 * scale) ** 2):
        return replace(side, residual=each, unlike=True)
    if not total > 0:
        return side
    share = m / (n + m)
    moved, met = share * float(left.mean()), share * size / (size - n)
    of_total = side.sampling.sum(axis=1) / total
    noise = share**2 * each / m * (1 - m / (size - n))
    sampling = side.sampling + np.outer(of_total, of_total) * (noise - total * (1 - (1 - met) ** 2))
    mean = side.mean + of_total * moved
    drawn = 1 / (n + m) - 1 / size
    residual = float(sampling.sum()) / drawn if drawn > 0 else each
    return replace(side, mean=mean, sampling=sampling, size=size, residual=residual, outputs=n + m)


def standardised_side(
    contributions: ArrayLike,
    strata: ArrayLike,
    shares: ArrayLike,
    held: ArrayLike,
    bins: Sequence[ArrayLike] = (),
    book: Sequence[ArrayLike] = (),
    clusters: ArrayLike | None = None,
    pairs: int | None = None,
    apart: Sequence[int] = (),
    beside: Beside | None = None,
) -> Side:
    """A side at given ``shares`` (S,) of the strata, from rows (n, p) with ``strata`` (n,): from 0, S outside of them.

    Σ_s share_s mean_s, as the post-stratified mean and Σ_s (share_s − own share_s) mean_s, so that where the side is
    spread much as the shares are there is little error beyond that of the former. ``held`` (S + 1,) are the side's rows
    in each stratum, and outside, in the book; ``bins``, ``book``, ``apart``, ``beside`` and rows with NaN as in
    ``drawn_side``. The shares are taken as they are. One row alone in its stratum varies as the others do within
    theirs. Raises ``ValueError`` for fewer than two rows that the model takes, or a stratum without any.
    """
    (phi, taken), codes = _matrix(contributions), np.asarray(strata, dtype=np.int64)
    aim = np.append(np.asarray(shares, dtype=np.float64), 0.0)
    every, codes = np.bincount(codes, minlength=len(aim)).astype(float), codes[taken]
    drawn = np.bincount(codes, minlength=len(aim)).astype(float)
    if len(drawn) != len(aim) or not (drawn[:-1] > 0).all():
        raise ValueError(f"strata: found {int((drawn[:-1] > 0).sum())} with drawn rows, expected {len(aim) - 1}")
    book_rows = np.where(every > 0, np.maximum(np.asarray(held, dtype=np.float64), every), 0.0)
    rows = book_rows * drawn / np.maximum(every, 1.0)
    aim, size, safe = aim / aim.sum(), float(rows.sum()), np.maximum(drawn, 1.0)
    shift = aim - rows / size
    means = np.stack([np.bincount(codes, weights=column, minlength=len(aim)) for column in phi[taken].T], axis=1)
    means = np.asarray(means / safe[:, None])
    residuals = phi[taken] - means[codes]
    pooled = residuals.T @ residuals / max(float((safe - 1).sum()), 1.0)
    several = drawn > 1
    wider = np.where(several, np.sqrt(drawn / np.maximum(drawn - 1, 1.0)), 0.0)
    left = np.sqrt(1 - drawn / np.maximum(rows, safe))
    base, _, _, influence, _ = _post_stratified(phi, taken, round(book_rows.sum()), bins, book, apart, beside)
    influence[taken] += (shift / safe * wider * left)[codes][:, None] * residuals
    alone = pooled * float(((shift * left)[~several] ** 2).sum())
    spread = (aim / np.sqrt(np.maximum(rows, 1.0) * safe) * wider)[codes][:, None] * residuals
    population = spread.T @ spread + pooled * float((aim**2 / np.maximum(rows, 1.0))[~several].sum())
    own = (aim / safe)[codes][:, None] * residuals
    population, names = _with_entities(population, own, round(size), _of(clusters, taken), pairs)
    mean = base + shift @ means
    return Side(
        mean, influence.T @ influence + alone, population, int(drawn[:-1].sum()), int(book_rows[:-1].sum()),
        names,
    )  # fmt: skip


def output_gap(group: Side, reference: Side) -> OutputGap:
    """The gap of two sides whose rows are drawn apart from each other."""
    sampling = group.sampling + reference.sampling
    covariance = sampling + group.population + reference.population
    freedom = min(side.rows if side.clusters < 2 else min(side.rows, side.clusters) for side in (group, reference)) - 1
    return OutputGap(group.mean - reference.mean, covariance, sampling, max(freedom, 1))


def _post_stratified(
    phi: Floats,
    taken: NDArray[np.bool_],
    size: int,
    bins: Sequence[ArrayLike],
    book: Sequence[ArrayLike],
    apart: Sequence[int],
    beside: Beside | None,
    further: Further | None = None,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The mean (p,), weights, u and v of each row and feature, (n, p) each, in the words of the module.

    Last what the outputs of ``further`` rows have beyond what bins, and the numbers beside, tell of them (m,): none
    where these rows do not serve.
    """
    n = len(phi)
    mean, (weights, within, influence) = np.empty(phi.shape[1]), (np.empty(phi.shape) for _ in range(3))
    known = _serves(beside, taken)
    further = _checked(further, len(bins), known) if taken.all() else None
    rest = np.array(further.outputs if further else (), dtype=np.float64)
    for j, column in enumerate(phi.T):
        mine, counts = (bins[j] if len(bins) else (), book[j] if len(book) else ())
        codes, held, new = joined_bins(mine, counts, n, size, apart=apart[j] if len(apart) else 0)
        drawn = np.maximum(np.bincount(codes, minlength=len(held)), 1.0)
        each = (held / held.sum() / drawn)[codes]
        each = each / each[taken].sum()
        weights[:, j] = np.where(taken, each, 0.0)
        mean[j] = weights[:, j] @ column
        z = np.where(taken, column - mean[j], 0.0)
        inside = np.bincount(codes, weights=z, minlength=len(held)) / drawn
        left = z - inside[codes]
        theirs = _joined(new, further.bins[j]) if further and len(new) else np.zeros(len(rest), dtype=np.int64)
        rest -= mean[j] + inside[theirs]
        if known is not None:
            fit = _regression(left, known[0], codes, drawn)
            mean[j] += float((known[1] - (each[:, None] * known[0]).sum(axis=0)) @ fit.slopes)
            left = fit.left
            if further:
                rest -= ((np.asarray(further.values) - fit.inside[theirs]) * fit.slopes).sum(axis=1)
        wider = np.sqrt(drawn / np.maximum(drawn - 1, 1.0))
        within[:, j] = each * left * wider[codes]
        influence[:, j] = within[:, j] * np.sqrt(np.maximum(1 - drawn / held, 0.0))[codes]
    return mean, weights, within, influence, rest


def _checked(further: Further | None, features: int, known: tuple[Floats, Floats] | None) -> Further | None:
    """Raises ``ValueError`` for shapes that do not fit."""
    if further is None:
        return None
    shape = len(np.asarray(further.outputs)), 0 if known is None else len(known[1])
    if features and len(further.bins) != features:
        raise ValueError(f"further bins: found {len(further.bins)}, expected {features}")
    if known is not None and (further.values is None or np.asarray(further.values).shape != shape):
        found = None if further.values is None else np.asarray(further.values).shape
        raise ValueError(f"further values: found shape {found}, expected {shape}")
    return further


def _joined(new: NDArray[np.int64], bins: ArrayLike) -> NDArray[np.int64]:
    codes = np.asarray(bins, dtype=np.int64)
    if codes.size and not (codes.min() >= 0 and codes.max() < len(new)):
        raise ValueError(f"further bins: found {codes.min()} to {codes.max()}, expected 0 to {len(new) - 1}")
    return np.asarray(new[codes])


def _serves(beside: Beside | None, taken: NDArray[np.bool_]) -> tuple[Floats, Floats] | None:
    """Further numbers (n, k) and their means over the book (k,); None where a regression on them would not do."""
    if beside is None or not taken.all():
        return None
    values, book = np.asarray(beside.values, dtype=np.float64), np.asarray(beside.book, dtype=np.float64)
    if values.shape != (len(taken), len(book)):
        raise ValueError(f"beside: found shape {values.shape}, expected {(len(taken), len(book))}")
    return (values, book) if 0 < len(book) * FEWEST_BESIDE <= len(taken) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Of a regression within bins: ``slopes`` (k,), what it leaves (n,), and the means (bins, k) of its numbers."""

    slopes: Floats
    left: Floats
    inside: Floats


def _regression(left: Floats, values: Floats, codes: NDArray[np.int64], drawn: Floats) -> _Fit:
    """A regression on further numbers (n, k) within bins; the same by any number of threads."""
    sums = np.stack([np.bincount(codes, weights=one, minlength=len(drawn)) for one in values.T], axis=1)
    inside = sums / drawn[:, None]
    apart = values - inside[codes]
    gram = (apart[:, :, None] * apart[:, None, :]).sum(axis=0)
    slopes = np.linalg.lstsq(gram, (apart * left[:, None]).sum(axis=0), rcond=_TOGETHER)[0]
    n, k = values.shape
    return _Fit(slopes, (left - (apart * slopes).sum(axis=1)) * sqrt(n / max(n - k, 1)), inside)


def _with_entities(
    alone: Floats, influence: Floats, size: int, clusters: ArrayLike | None, pairs: int | None
) -> tuple[Floats, int]:
    """The covariance of the book as a draw, with what rows of one entity share; and the number of entities drawn."""
    n = len(influence)
    if clusters is None:
        return alone, n
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    counts = np.bincount(codes, minlength=len(names))
    drawn = int((counts * (counts - 1)).sum())
    if not drawn and not pairs:
        return alone, len(names)
    if n < size and drawn < FEWEST_PAIRS:
        every = drawn * (size / n) ** 2 if pairs is None else pairs
        return alone * (1 + every / size), len(names)
    sums = np.zeros((len(names), influence.shape[1]))
    np.add.at(sums, codes, influence)
    shared = sums.T @ sums - influence.T @ influence
    values, vectors = np.linalg.eigh((shared + shared.T) / 2)
    shared = (vectors * np.maximum(values, 0.0)) @ vectors.T
    few = len(names) / max(len(names) - 1, 1) * (n - 1) / n
    return few * (alone + shared), len(names)


def _matrix(contributions: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Contributions, 0 in rows that the model does not take; and which rows it takes."""
    phi = np.asarray(contributions, dtype=np.float64)
    taken: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
    if phi.ndim == 2:  # noqa: PLR2004 - rows and features
        taken = np.asarray(~np.isnan(phi).any(axis=1), dtype=np.bool_)
    if taken.sum() < 2:
        raise ValueError(
            f"contributions: found shape {phi.shape} with {int(taken.sum())} rows without NaN, expected "
            "(rows, features) with two of them or more"
        )
    return np.where(taken[:, None], phi, 0.0), taken


def _of(clusters: ArrayLike | None, taken: NDArray[np.bool_]) -> NDArray[Any] | None:
    return None if clusters is None else np.asarray(clusters)[taken]


def _normal(level: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri((1 - level) / 2))

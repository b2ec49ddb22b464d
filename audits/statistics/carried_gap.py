"""How much of the gap in a model's margin rides on each feature beyond what cost or outcomes explain.

Let φ (n, p) be the contributions of the features to the margin m = base + Σ_j φ_j of drawn rows of a group g and its
reference r. What each feature tells of the expected cost, c_j, is a part of an additive fit of log cost (of cost itself
where the margin is an amount) by least squares with a light ridge, on all features jointly: on φ_j itself, and on x_j
in a piecewise linear or by-level form. Feature j carries

    carried_j = E_g[φ_j − c_j] − E_r[φ_j − c_j],      Σ_j carried_j + residual = gap of m − log cost,

the residual being the gap of what the features do not tell of cost. φ_j stands among the regressors so that a price in
proportion to cost leaves nothing, whatever bends and interactions both have; m − log cost is then fitted on the same
columns, and carried_j is the gap of the fit's part of j. Interactions stay with the features to which φ lays them.

Where the margin is no price, an outcome takes the place of cost: its log-odds l(x) are fitted the same way (logistic,
known rows). They do not compare with a margin in size, and a lender may follow them in bends, so that the gap is taken
at equal l: the mean of m given l, piecewise linear, is taken off, and what is left is fitted on the features' columns.
The same is done with the expected cost, where prices are no proportion of cost. What a proxy does is then laid in part,
with the other sign, to features that tell l: they seem to carry less harm, never the proxy.

Strata are levels beside the features, without a ridge, so that their gap is held equal and stands apart; a feature that
is told by the stratum carries nothing.

Standard errors: influence functions of the means and of the fits (Huber's sandwich; for the fitted l as a regressor
Murphy and Topel 1985, Journal of Business & Economic Statistics 3:370–379), summed over rows of an entity.
Contributions: Lundberg and Lee (2017, NeurIPS 30:4765–4774). The gap of a part of a linear fit is the explained part of
Oaxaca (1973, International Economic Review 14:693–709).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.statistics.group_prediction import summed_by
from audits.statistics.piecewise import hats, is_number, texts_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_KNOTS, _LEVELS, _FEWEST_A_LEVEL = 10, 20, 20
_RIDGE = 1e-6  # of a direct fit, in rows' share: of columns of variance 1
_ROWS_OF_RIDGE = 5.0  # of the fit of an outcome
_SAME_WITHIN = 0.01  # of a column's variance
_SHRUNK = 1e-3  # in telling one feature by the others
_BENDS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Columns (n, q) of mean 0 and variance 1, the feature (q,) that each belongs to, of p features, and whether (q,)
    a column is a form of the feature itself, and not its contributions.
    """

    columns: Floats
    owner: NDArray[np.int64]
    features: int
    forms: Flags

    def parts(self, coefficients: Floats, difference: Floats) -> Floats:
        """Σ of coefficient × difference (q,) or (k, q) over the columns of each feature: (p,) or (k, p)."""
        product = np.atleast_2d(coefficients * difference)
        found = np.zeros((len(product), self.features))
        for j in range(self.features):
            found[:, j] = product[:, self.owner == j].sum(axis=1)
        return found if coefficients.ndim == 2 else found[0]


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Gaps (p,) of features' parts with their covariance (p, p), and the gap of strata held equal and what is left."""

    estimate: Floats
    covariance: Floats
    held: float
    residual: float

    @property
    def error(self) -> Floats:
        """Standard errors (p,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """A fit of cost or of the log-odds of an outcome: ``fitted`` (n,), ``share`` its R² (None of an outcome).

    ``moves`` (n, q) is how far each row moves the design's coefficients.
    """

    fitted: Floats
    moves: Floats
    share: float | None


def feature_design(columns: Sequence[NDArray[Any]], values: Floats) -> Design:
    """What fits are made of: for each feature its contributions ``values`` (n, p) and a form of its ``columns`` (n,).

    Numbers enter piecewise linearly between knots at their quantiles, with missing as a level; few values, and texts,
    by level (the 20 most frequent of at least 20 rows).
    """
    n, p = values.shape
    knots = int(np.clip(n // (20 * max(p, 1)), 2, _KNOTS))
    made: list[Floats] = []
    owner: list[int] = []
    for j in range(p):
        block = np.column_stack([values[:, j], *_form(columns[j], knots)])
        made.append(block)
        owner += [j] * block.shape[1]
    matrix = np.column_stack(made) if made else np.empty((n, 0))
    matrix = matrix - matrix.mean(axis=0)
    spread = np.sqrt((matrix**2).mean(axis=0))
    kept = spread > 1e-12 * np.maximum(np.abs(matrix).max(axis=0, initial=0.0), 1e-300)
    held = np.array(owner, dtype=np.int64)
    forms = np.concatenate([[False], held[1:] == held[:-1]]) if len(held) else np.zeros(0, dtype=np.bool_)
    return Design(matrix[:, kept] / spread[kept], held[kept], p, forms[kept])


def raw_gaps(values: Floats, is_group: Flags, clusters: NDArray[np.int64] | None = None) -> Gaps:
    """Gaps of the contributions (n, p) themselves."""
    estimate = values[is_group].mean(axis=0) - values[~is_group].mean(axis=0)
    return Gaps(estimate, _covariance(_means(values, is_group), clusters), 0.0, 0.0)


def carried_in_proportion(
    design: Design, markup: Floats, is_group: Flags, strata: NDArray[np.int64] | None = None,
    clusters: NDArray[np.int64] | None = None,
) -> Gaps:  # fmt: skip
    """Gaps of the parts of an additive fit of ``markup`` (n,), margin − log cost (or margin − cost)."""
    beside = _levels(strata, len(markup))
    return _gaps(design, markup, beside, is_group, clusters)


def carried_at_equal(
    design: Design, margin: Floats, surrogate: Surrogate, is_group: Flags, strata: NDArray[np.int64] | None = None,
    clusters: NDArray[np.int64] | None = None,
) -> Gaps:  # fmt: skip
    """Gaps of the parts of a fit of what ``margin`` (n,) has beyond its mean at an equal surrogate, free to bend.

    ``held`` is the gap of that mean, with that of the strata.
    """
    bends, slopes = _bending(surrogate.fitted)
    levels = np.column_stack([np.ones(len(margin)), _levels(strata, len(margin)), bends])
    gram = np.linalg.pinv(levels.T @ levels)
    told = gram @ (levels.T @ margin)
    held = levels @ told
    left = margin - held
    width = bends.shape[1]
    turned = ((slopes @ told[-width:])[:, None]) * design.columns  # how the mean moves with the surrogate's fit
    turned = turned - levels @ (gram @ (levels.T @ turned))
    turned += levels @ (gram[:, -width:] @ (slopes.T @ (left[:, None] * design.columns)))
    inverse = _inverse(design.columns, None, _RIDGE)
    passed_on = inverse @ (design.columns.T @ turned)
    found = _gaps(design, left, np.empty((len(margin), 0)), is_group, clusters, surrogate.moves @ passed_on.T)
    gap = _gap(held, is_group)
    return Gaps(found.estimate, found.covariance, gap, found.residual)


def fit_cost(design: Design, cost: Floats) -> Surrogate:
    """Additive least squares of ``cost`` (n,), on the scale of the margin."""
    centred = cost - cost.mean()
    inverse = _inverse(design.columns, None, _RIDGE)
    fitted = design.columns @ (inverse @ (design.columns.T @ centred))
    left = centred - fitted
    whole = float(centred @ centred)
    share = 1 - float(left @ left) / whole if whole > 0 else 1.0
    return Surrogate(fitted, _scaled(left, design)[:, None] * (design.columns @ inverse), share)


def fit_outcome(design: Design, good: Floats) -> Surrogate:
    """Additive logistic fit of an outcome (n,) that is 1, 0, or NaN where not known; ``fitted`` for all rows.

    Penalised likelihood with a ridge of the weight of ``_ROWS_OF_RIDGE`` rows, by Newton's method. ``ValueError``
    for fewer than 20 known outcomes of either kind.
    """
    known = np.isfinite(good)
    ones = int((good[known] == 1).sum())
    if min(ones, int(known.sum()) - ones) < 20:
        raise ValueError(f"outcome: found {ones} good ones of {int(known.sum())}, expected 20 of either kind")
    z = np.column_stack([np.ones(len(good)), design.columns])
    ridge = np.full(z.shape[1], _ROWS_OF_RIDGE)
    ridge[0] = 0.0
    used, y = z[known], good[known]
    theta = np.zeros(z.shape[1])
    theta[0] = np.log(y.mean() / (1 - y.mean()))
    for _ in range(50):
        chance = _expit(used @ theta)
        weight = np.maximum(chance * (1 - chance), 1e-10)
        bread = np.linalg.inv((used.T * weight) @ used + np.diag(ridge))
        step = bread @ (used.T @ (y - chance) - ridge * theta)
        theta = theta + step * min(1.0, 5.0 / max(float(np.abs(used @ step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-8:
            break
    moves = np.zeros((len(good), z.shape[1]))
    moves[known] = (y - _expit(used @ theta))[:, None] * (used @ bread)
    return Surrogate(z @ theta, moves[:, 1:], None)


def shared_shares(design: Design) -> Floats:
    """How far the other features tell each one's contributions, or its first column: R² (p,), NaN without columns.

    From the inverse of the correlation matrix, whose block of a feature is the inverse of what is left of it.
    """
    found = np.full(design.features, np.nan)
    inverse = _inverse(design.columns, None, _SHRUNK) * len(design.columns)
    for j in range(design.features):
        mine = np.flatnonzero(design.owner == j)
        if len(mine):
            left = np.linalg.inv(inverse[np.ix_(mine, mine)])[0, 0]
            found[j] = float(np.clip(1 + _SHRUNK - left, 0.0, 1.0))
    return found


def slope_on(surrogate: Surrogate, margin: Floats) -> float | None:
    """By how much the margin (n,) rises with the surrogate, by least squares; None for a surrogate of one value."""
    x = surrogate.fitted - surrogate.fitted.mean()
    size = float(x @ x)
    return float(x @ (margin - margin.mean())) / size if size > 1e-12 else None


def _gaps(
    design: Design, response: Floats, beside: Floats, is_group: Flags, clusters: NDArray[np.int64] | None,
    taken: Floats | None = None,
) -> Gaps:  # fmt: skip
    """The gaps of the parts of response = beside + design; ``taken`` (n, q) is how else rows move the coefficients."""
    z = design.columns
    basis = np.linalg.qr(np.column_stack([np.ones(len(response)), beside]))[0]
    free = z - basis @ (basis.T @ z)
    if beside.size:
        z = np.where(_told_by_strata(design, free), 0.0, z)
        free = z - basis @ (basis.T @ z)
    centred = response - response.mean()
    inverse = _inverse(z, basis, _RIDGE)
    theta = inverse @ (free.T @ centred)
    left = centred - z @ theta
    held = basis @ (basis.T @ left)
    moves = _scaled(left - held, design)[:, None] * (free @ inverse)
    if taken is not None:
        moves = moves - taken
    difference = z[is_group].mean(axis=0) - z[~is_group].mean(axis=0)
    parts = np.column_stack([z[:, design.owner == j] @ theta[design.owner == j] for j in range(design.features)])
    influence = _means(parts, is_group) + design.parts(moves, np.broadcast_to(difference, moves.shape))
    gap, estimate, stood = _gap(response, is_group), design.parts(theta, difference), _gap(held, is_group)
    return Gaps(estimate, _covariance(influence, clusters), stood, gap - stood - float(estimate.sum()))


def _told_by_strata(design: Design, free: Floats) -> Flags:
    """The columns (q,) of features that are the same, or almost, in all rows of a stratum."""
    varies = (free**2).mean(axis=0) > _SAME_WITHIN
    told = []
    for j in np.unique(design.owner):
        own = design.owner == j
        forms = own & design.forms
        if not varies[forms if forms.any() else own].any():
            told.append(j)
    return np.isin(design.owner, told)


def _inverse(z: Floats, basis: Floats | None, ridge: float) -> Floats:
    gram = z.T @ z
    if basis is not None:
        cross = basis.T @ z
        gram = gram - cross.T @ cross
    return np.asarray(np.linalg.inv(gram + ridge * len(z) * np.eye(len(gram))))


def _scaled(left: Floats, design: Design) -> Floats:
    n, q = design.columns.shape
    return np.asarray(left * np.sqrt(n / max(n - q - 1, 1)))


def _means(parts: Floats, is_group: Flags) -> Floats:
    """How far each row (n, p) moves the difference of means."""
    ours, theirs = int(is_group.sum()), int((~is_group).sum())
    mine, other = (parts - parts[is_group].mean(axis=0)) / ours, (parts - parts[~is_group].mean(axis=0)) / theirs
    return np.asarray(np.where(is_group[:, None], mine, -other))


def _covariance(influence: Floats, clusters: NDArray[np.int64] | None) -> Floats:
    summed = summed_by(influence, clusters)
    count = len(summed)
    return np.asarray(summed.T @ summed * (count / max(count - 1, 1)))


def _gap(values: Floats, is_group: Flags) -> float:
    return float(values[is_group].mean() - values[~is_group].mean())


def _expit(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -40, 40))))


def _levels(codes: NDArray[np.int64] | None, rows: int) -> Floats:
    """One column for each level of at least 20 rows but the first; the others together are the first."""
    if codes is None:
        return np.empty((rows, 0))
    values, counts = np.unique(codes, return_counts=True)
    often = values[np.argsort(-counts, kind="stable")][: 4 * _LEVELS]
    kept = [value for value in often if (codes == value).sum() >= _FEWEST_A_LEVEL]
    return np.column_stack([np.empty((rows, 0)), *((codes == value).astype(np.float64) for value in kept[1:])])


def _form(column: NDArray[Any], knots: int) -> list[Floats]:
    """Columns (n,) that say a feature."""
    if is_number(column):
        numbers = column.astype(np.float64)
        known = np.isfinite(numbers)
        distinct = np.unique(numbers[known])
        absent = [] if known.all() or not known.any() else [(~known).astype(np.float64)]
        if len(distinct) > knots + 2:
            return hats(numbers, knots) + absent
        return [(numbers == value).astype(np.float64) for value in distinct[1:]] + absent
    texts = texts_of(column)
    values, counts = np.unique(texts, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_LEVELS]
    kept = [values[i] for i in order if counts[i] >= _FEWEST_A_LEVEL]
    return [(texts == value).astype(np.float64) for value in kept[: len(kept) - (len(kept) == len(values))]]


def _bending(fitted: Floats) -> tuple[Floats, Floats]:
    """A piecewise linear basis (n, b) of the surrogate, and its derivative."""
    places = np.unique(np.quantile(fitted, np.linspace(0.02, 0.98, _BENDS)))[:-1]
    starts = np.concatenate([[-np.inf], places[1:]])
    bends = np.column_stack([fitted if not np.isfinite(at) else np.maximum(fitted - at, 0.0) for at in starts])
    slope = np.column_stack([np.ones(len(fitted)) if not np.isfinite(at) else (fitted > at) * 1.0 for at in starts])
    return bends, slope

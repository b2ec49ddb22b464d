"""Least squares on group indicators and controls, from moments within groups.

The linear probability model y = a + Σ_g d_g 1{group = g} + Σ_j b_j u_j + e is fitted from
sums alone: with S = Σ z zᵀ over the design z, the coefficients are S⁻¹ Σ z y, the classical
covariance s² S⁻¹ with s² = RSS / (n − k), and the heteroskedasticity-robust one
HC1 = n / (n − k) · S⁻¹ (Σ e² z zᵀ) S⁻¹ (White 1980, Econometrica 48:817–838; the degrees-of-
freedom factor of MacKinnon and White 1985, Journal of Econometrics 29:305–325). Where rows of one cluster
depend on each other, CR1 = G / (G − 1) · (n − 1) / (n − k) · S⁻¹ M S⁻¹ with M = Σ_g s_g s_gᵀ over the
clusters' score sums s_g (Liang and Zeger 1986, Biometrika 73:13–22).
Columns are taken as centred, near [−1, 1], as the collector scales them: far from zero against its own
spread, a control cannot be told from the constant. A column that is a linear combination of earlier
ones is left out and named; a group indicator that the controls reproduce has no effect that could
be told apart from theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ALIAS_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class GroupedMoments:
    """Sums within G groups over z = (1, u₁ … u_k).

    ``counts`` and ``favourable`` have shape (G,), ``cross`` (G, 1+k, 1+k), ``response``
    (G, 1+k) with Σ y z, ``meat`` (G, 1+k, 1+k) with Σ e² z zᵀ, or empty before the second scan.
    ``cluster_meat`` (k+G, k+G) is M over 1, controls and groups but the reference; empty without clusters.
    For a response other than 0 and 1 ``squares`` is Σ y², and ``favourable`` Σ y by group; with y = (response −
    ``centre``) / ``unit`` the fit is in the response's own unit.
    """

    labels: tuple[str, ...]
    reference: str
    controls: tuple[str, ...]
    counts: Array
    favourable: Array
    cross: Array
    response: Array
    meat: Array
    cluster_meat: Array = field(default_factory=lambda: np.zeros((0, 0)))
    clusters: int = 0
    squares: float | None = None
    unit: float = 1.0
    centre: float = 0.0


@dataclass(frozen=True, slots=True)
class GroupEffects:
    """Effects of G − 1 groups against the reference, after the controls.

    ``group_coefficients``, ``classical_errors``, ``robust_errors`` (HC1), ``cluster_errors`` (CR1) have
    shape (G − 1,) in the order of ``labels``; NaN where the controls reproduce the group
    (``aliased``), and the last also without two ``clusters`` at least.
    ``dropped`` names controls that add nothing to earlier ones. ``n`` rows, ``k`` columns.
    ``information`` is what is left of each group's indicator once all else is taken out of it, Σ d̃²: about the rows of
    the group where the reference is large, n₁n₀/(n₁ + n₀) where nothing else is in the model; NaN where aliased.
    ``control_classical``, ``control_robust``, ``control_cluster`` and ``control_information`` are the same of controls.
    """

    labels: tuple[str, ...]
    group_coefficients: Array
    classical_errors: Array
    robust_errors: Array
    intercept: float
    control_coefficients: Array
    n: int
    k: int
    dropped: tuple[str, ...]
    aliased: tuple[str, ...]
    cluster_errors: Array
    clusters: int
    information: Array
    control_classical: Array
    control_robust: Array
    control_cluster: Array
    control_information: Array


def fit_group_effects(moments: GroupedMoments) -> GroupEffects:
    """Fit the model. Errors are NaN while ``meat`` is empty or when n does not exceed k.

    Raises ``ValueError`` when the reference group is not among the labels.
    """
    if moments.reference not in moments.labels:
        raise ValueError(f"reference '{moments.reference}' is not among the groups {moments.labels}")
    groups = [i for i, label in enumerate(moments.labels) if label != moments.reference]
    gram, right, squares = _assemble(moments, groups)
    kept = _independent(gram)
    inverse = np.linalg.inv(gram[np.ix_(kept, kept)])
    coefficients = np.zeros(len(gram))
    coefficients[kept] = inverse @ right[kept]
    n, k = int(moments.counts.sum()), len(kept)
    residual = max(squares - float(right @ coefficients), 0.0)
    classical, robust, clustered, information = (np.full(len(gram), np.nan) for _ in range(4))
    information[kept] = 1 / np.diag(inverse)
    if n > k:
        classical[kept] = np.sqrt(residual / (n - k) * np.diag(inverse))
        if moments.meat.size:
            meat = _spread(moments.meat, groups)[np.ix_(kept, kept)]
            robust[kept] = np.sqrt(np.maximum(n / (n - k) * np.diag(inverse @ meat @ inverse), 0.0))
        if moments.cluster_meat.size and moments.clusters > 1:
            meat = moments.cluster_meat[np.ix_(kept, kept)]
            factor = moments.clusters / (moments.clusters - 1) * (n - 1) / (n - k)
            clustered[kept] = np.sqrt(np.maximum(factor * np.diag(inverse @ meat @ inverse), 0.0))
    for figures in (coefficients, classical, robust, clustered):
        figures *= moments.unit
    width = len(moments.controls) + 1
    labels = tuple(moments.labels[i] for i in groups)
    out = [j for j in range(len(gram)) if j not in kept]
    return GroupEffects(
        labels=labels,
        group_coefficients=coefficients[width:],
        classical_errors=classical[width:],
        robust_errors=robust[width:],
        intercept=float(coefficients[0]) + moments.centre,
        control_coefficients=coefficients[1:width],
        n=n,
        k=k,
        dropped=tuple(moments.controls[j - 1] for j in out if j < width),
        aliased=tuple(labels[j - width] for j in out if j >= width),
        cluster_errors=clustered[width:],
        clusters=moments.clusters,
        information=information[width:],
        control_classical=classical[1:width],
        control_robust=robust[1:width],
        control_cluster=clustered[1:width],
        control_information=information[1:width],
    )


@dataclass(frozen=True, slots=True)
class Assembled:
    """Sums over K columns: the constant, the controls, the indicators of ``groups``; one block of all rows.

    ``gram``, ``meat`` (Σ e² z zᵀ) and ``cluster_meat`` are (K, K), the last two empty where they were not collected;
    ``right`` (K,) is Σ y z and ``squares`` Σ y².
    """

    groups: tuple[str, ...]
    gram: Array
    right: Array
    squares: float
    meat: Array
    cluster_meat: Array


def assembled(moments: GroupedMoments) -> Assembled:
    """The whole model's sums, whose coefficients ``fit_group_effects`` gives."""
    groups = [i for i, label in enumerate(moments.labels) if label != moments.reference]
    gram, right, squares = _assemble(moments, groups)
    meat = _spread(moments.meat, groups) if moments.meat.size else np.zeros((0, 0))
    return Assembled(tuple(moments.labels[i] for i in groups), gram, right, squares, meat, moments.cluster_meat)


def independent(gram: Array, order: list[int]) -> list[int]:
    """The columns of ``order``, in that order, that are not linear combinations of those before them."""
    return [order[j] for j in _independent(gram[np.ix_(order, order)])]


def _assemble(moments: GroupedMoments, groups: list[int]) -> tuple[Array, Array, float]:
    """Gram matrix and right-hand side over (1, controls, indicators), and Σ y², which is Σ y where y is 0 or 1."""
    right = np.concatenate([moments.response.sum(axis=0), moments.favourable[groups]])
    squares = float(moments.favourable.sum()) if moments.squares is None else moments.squares
    return _spread(moments.cross, groups), right, squares


def _spread(blocks: Array, groups: list[int]) -> Array:
    """Sum of the blocks, bordered by the indicators' rows: Σ 1{g} z zᵀ has its own first row."""
    total = blocks.sum(axis=0)
    borders = blocks[groups, 0, :]
    corner = np.diag(blocks[groups, 0, 0])
    return np.block([[total, borders.T], [borders, corner]])


def _independent(gram: Array) -> list[int]:
    """Columns, in order, that are not linear combinations of earlier ones (Cholesky by columns)."""
    kept: list[int] = []
    for j in range(len(gram)):
        scale = gram[j, j]
        if scale <= 0:
            continue
        left = gram[np.ix_(kept, kept)]
        cross = gram[kept, j]
        remainder = scale - float(cross @ np.linalg.solve(left, cross)) if kept else scale
        if remainder > _ALIAS_TOLERANCE * scale:
            kept.append(j)
    return kept

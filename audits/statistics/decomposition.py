"""How much of a gap in means goes with differing characteristics, and how much with differing returns to them.

Kitagawa (1955, JASA 50:1168–1194), Oaxaca (1973, International Economic Review 14:693–709), Blinder (1973, Journal of
Human Resources 8:436–455). With means m and least-squares coefficients b of the reference R and the group G,

    two-fold    gap = (m_R − m_G)ᵀ b* + [m_Rᵀ (b_R − b*) + m_Gᵀ (b* − b_G)]       explained, unexplained
    three-fold  gap = (m_R − m_G)ᵀ b_G + m_Gᵀ (b_R − b_G) + (m_R − m_G)ᵀ (b_R − b_G)
                                                                                  endowments, coefficients, interaction

b* is b_R, b_G, or that of both groups pooled with an indicator of the group; without the indicator the pooled
coefficients would take part of the unexplained gap for explained (Fortin 2008, Journal of Human Resources
43:884–918; Jann 2008, Stata Journal 8:453–479, who corrects Neumark 1988, Journal of Human Resources 23:279–295).

Errors are those of the delta method: each figure is a smooth function of means and coefficients, so its variance
is the sum over rows of its squared influence. Regressors are random, spread may differ between rows, the line may
be wrong, and figures that share data are correlated; nothing else is assumed than independent rows, or
clusters. Rows of a group of n count n / (n − 1) times, which makes the gap's error that of Welch; clusters of both
groups together G / (G − 1) times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.absorption import encode
from audits.statistics.sandwich import (
    Caveat,
    Codes,
    Flags,
    Floats,
    checked_design,
    checked_sums,
    cluster_sums,
    counted,
    independent_columns,
)

KINDS = ("reference", "group", "pooled", "three_fold")
_NO_SPREAD = 1e-14  # a variance below this share of the squares it is made of is rounding


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the gap, and that part by column; index 0 is the constant, j + 1 the column j.

    NaN where ``caveat``, ``detail_caveat`` (value and error) or ``error_caveat``, ``detail_error_caveat`` (error
    alone) hold a code of `Caveat`. Details of indicator columns hang on the level left out (Oaxaca and
    Ransom 1999, Review of Economics and Statistics 81:154–157); totals do not.
    """

    name: str
    estimate: float
    error: float
    caveat: int
    error_caveat: int
    detail: Floats
    detail_errors: Floats
    detail_caveat: NDArray[np.uint8]
    detail_error_caveat: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """``gap`` is the mean of the reference less that of the group; ``components`` add up to it."""

    kind: str
    gap: Component
    components: tuple[Component, ...]
    n_reference: float
    n_group: float
    dropped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells with a constant as first column and without columns that earlier ones reproduce."""

    design: Floats
    counts: Floats
    means: Floats
    within: Floats
    sides: tuple[Flags, Flags]
    sizes: Floats
    clusters: Codes | None


@dataclass(frozen=True, slots=True)
class _Line:
    """A regression on K columns: coefficients, and its influence: Δb = Σ (y − ŷ) ``pull`` over rows.

    ``pull`` (C, K), ``error`` (C,) is ȳ − ŷ. ``known`` when no column was left out, ``spare`` when rows exceed
    columns; ``lone`` (K,) marks coefficients that a single row identifies.
    """

    coefficients: Floats
    pull: Floats
    error: Floats
    known: bool
    spare: bool
    lone: Flags


@dataclass(frozen=True, slots=True)
class _Plan:
    """Details of a component: values (K,), slopes in the two means (2, K) and in b_R, b_G, b* (3, K).

    ``total_needs`` and ``detail_needs`` say which of the three lines have to be known.
    """

    name: str
    values: Floats
    by_means: Floats
    by_lines: Floats
    total_needs: tuple[int, ...]
    detail_needs: tuple[int, ...]


def decompose(
    design: ArrayLike,
    counts: ArrayLike,
    totals: ArrayLike,
    squares: ArrayLike,
    in_group: ArrayLike,
    *,
    kind: str = "reference",
    clusters: ArrayLike | None = None,
) -> Decomposition:
    """Decompose the gap in mean y between cells that are not ``in_group`` and those that are.

    ``design`` (C, K) without a constant, which is added; ``counts`` n, ``totals`` Σ y, ``squares`` Σ y² and the flags
    ``in_group`` each (C,); ``clusters`` a label per cell. ``kind`` is "reference", "group", "pooled" or "three_fold".
    A total is given as long as the coefficients it needs are identified, even where its details are not. ``ValueError``
    for an unknown kind, wrong shapes or sums, or a group without rows.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: found '{kind}', expected one of {', '.join(KINDS)}")
    cells, kept, width = _prepare(design, counts, totals, squares, in_group, clusters)
    means = np.stack([cells.counts[side] @ cells.design[side] for side in cells.sides]) / cells.sizes[:, None]
    means[:, 0] = 1.0  # the constant, without the rounding of its mean
    lines = [_line(cells, cells.design, np.flatnonzero(side)) for side in cells.sides]
    star = {"reference": 0, "group": 1}.get(kind, 2)
    lines.append(lines[star] if star < 2 else _pooled(cells))
    plans = _three_fold(means, lines) if kind == "three_fold" else _two_fold(means, lines, star)
    return Decomposition(
        kind=kind,
        gap=_gap(cells),
        components=tuple(_component(cells, plan, means, lines, kept, width) for plan in plans),
        n_reference=float(cells.sizes[0]),
        n_group=float(cells.sizes[1]),
        dropped=tuple(j for j in range(width) if j + 1 not in kept),
    )


def _prepare(
    design: ArrayLike,
    counts: ArrayLike,
    totals: ArrayLike,
    squares: ArrayLike,
    in_group: ArrayLike,
    clusters: ArrayLike | None,
) -> tuple[_Cells, tuple[int, ...], int]:
    """Checked cells with rows; the columns kept (0 the constant); and how many were given."""
    z = checked_design(design)
    size = len(z)
    n, total = counted(counts, size, "counts"), counted(totals, size, "totals")
    within = checked_sums(n, total, counted(squares, size, "squares"))
    group = np.asarray(in_group)
    if group.shape != (size,) or group.dtype != np.bool_:
        raise ValueError(f"in_group: found {group.dtype} of shape {group.shape}, expected bool of shape ({size},)")
    codes = None if clusters is None else encode(clusters, size, "clusters")
    live = n > 0
    whole = np.column_stack([np.ones(size), z])[live]
    sides = (~group[live], group[live])
    sizes = np.array([float(n[live][side].sum()) for side in sides])
    for rows, name in zip(sizes, ("reference", "group"), strict=True):
        if rows <= 0:
            raise ValueError(f"{name}: found no rows, expected some on both sides")
    kept = independent_columns(whole, np.sqrt(n[live])).kept
    some = None if codes is None else np.unique(codes[live], return_inverse=True)[1].reshape(-1)
    return (
        _Cells(whole[:, kept], n[live], (total / np.where(live, n, 1.0))[live], within[live], sides, sizes, some),
        kept,
        z.shape[1],
    )


def _line(cells: _Cells, design: Floats, rows: NDArray[np.intp]) -> _Line:
    """Least squares on some of the cells; left-out columns have coefficient 0 and no influence."""
    columns, n = design[rows], cells.counts[rows]
    basis = independent_columns(columns, np.sqrt(n))
    kept = list(basis.kept)
    coefficients, pull = np.zeros(design.shape[1]), np.zeros(design.shape)
    coefficients[kept] = basis.solve(np.sqrt(n) * cells.means[rows])
    bread = basis.bread()
    pull[np.ix_(rows, np.array(kept, dtype=np.intp))] = columns[:, kept] @ bread
    alone = np.einsum("cp,cp->c", pull, design) > 1 - 1e-9
    lone = np.zeros(design.shape[1], dtype=np.bool_)
    lone[kept] = (pull[alone][:, kept] ** 2 > 1e-9 * np.diag(bread)).any(axis=0)
    error = cells.means - design @ coefficients
    return _Line(coefficients, pull, error, len(kept) == design.shape[1], float(n.sum()) > len(kept), lone)


def _pooled(cells: _Cells) -> _Line:
    """b* of both groups together, with the group's indicator; not known when the columns reproduce it."""
    indicator = cells.sides[1].astype(np.float64)
    line = _line(cells, np.column_stack([cells.design, indicator]), np.arange(len(indicator)))
    parts = (line.coefficients[:-1], line.pull[:, :-1], line.error, line.known, line.spare, line.lone[:-1])
    return _Line(*parts)


def _two_fold(means: Floats, lines: list[_Line], star: int) -> list[_Plan]:
    """Explained and unexplained parts."""
    b, c, best = (line.coefficients for line in lines)
    gap, none = means[0] - means[1], np.zeros_like(b)
    explained = _Plan("explained", gap * best, np.stack([best, -best]), np.stack([none, none, gap]), (star,), (star,))
    slopes = np.stack([means[0], -means[1], means[1] - means[0]])
    unexplained = means[0] * (b - best) + means[1] * (best - c)
    return [
        explained,
        _Plan("unexplained", unexplained, np.stack([b - best, best - c]), slopes, (star,), (0, 1, star)),
    ]


def _three_fold(means: Floats, lines: list[_Line]) -> list[_Plan]:
    """Endowments, coefficients and their interaction, from the group's point of view."""
    b, c = lines[0].coefficients, lines[1].coefficients
    gap, none, change = means[0] - means[1], np.zeros_like(b), b - c
    other = np.stack([none, change])
    return [
        _Plan("endowments", gap * c, np.stack([c, -c]), np.stack([none, gap, none]), (1,), (1,)),
        _Plan("coefficients", means[1] * change, other, np.stack([means[1], -means[1], none]), (0,), (0, 1)),
        _Plan("interaction", gap * change, np.stack([change, -change]), np.stack([gap, -gap, none]), (0, 1), (0, 1)),
    ]


def _component(
    cells: _Cells, plan: _Plan, means: Floats, lines: list[_Line], kept: tuple[int, ...], width: int
) -> Component:
    """Values, influence of every row and errors of one component."""
    level = np.zeros(cells.design.shape)
    for side, mean, size, slope in zip(cells.sides, means, cells.sizes, plan.by_means, strict=True):
        level[side] = slope * (cells.design[side] - mean) / size
    slope_in_y = np.zeros(cells.design.shape)
    for line, slope in zip(lines, plan.by_lines, strict=True):
        level += slope * line.pull * line.error[:, None]
        slope_in_y += slope * line.pull
    errors, flat = _errors(cells, level, slope_in_y)
    total_code = Caveat.NONE if all(lines[i].known for i in plan.total_needs) else Caveat.NO_SUPPORT
    detail_code = Caveat.NONE if all(lines[i].known for i in plan.detail_needs) else Caveat.NO_SUPPORT
    spare = all(lines[i].spare for i in {*plan.total_needs, *plan.detail_needs})
    lone = np.any([lines[i].lone for i in plan.detail_needs], axis=0)
    error_codes = np.select([np.full(flat.shape, not spare), flat], [Caveat.NO_DEGREES, Caveat.NO_SPREAD], Caveat.NONE)
    error_codes[1:][lone & (error_codes[1:] == Caveat.NONE)] = Caveat.ONE_ROW
    places = list(kept)
    detail = _placed(np.where(detail_code == Caveat.NONE, plan.values, np.nan), places, width)
    codes = np.full(width + 1, Caveat.ALIASED, dtype=np.uint8)
    codes[places] = detail_code
    own = codes.copy()
    own[places] = np.where(detail_code == Caveat.NONE, error_codes[1:], detail_code)
    found = np.where(own[places] == Caveat.NONE, errors[1:], np.nan)
    total_error = int(total_code or error_codes[0])
    return Component(
        name=plan.name,
        estimate=float(plan.values.sum()) if total_code == Caveat.NONE else np.nan,
        error=float(errors[0]) if total_error == Caveat.NONE else np.nan,
        caveat=int(total_code),
        error_caveat=total_error,
        detail=detail,
        detail_errors=_placed(found, places, width),
        detail_caveat=codes,
        detail_error_caveat=own,
    )


def _gap(cells: _Cells) -> Component:
    """The gap itself, with Welch's error; its details are empty."""
    level, slope = np.zeros((len(cells.counts), 1)), np.zeros((len(cells.counts), 1))
    means = [
        float(cells.counts[side] @ cells.means[side]) / size
        for side, size in zip(cells.sides, cells.sizes, strict=True)
    ]
    for side, mean, size, sign in zip(cells.sides, means, cells.sizes, (1.0, -1.0), strict=True):
        level[side, 0], slope[side, 0] = sign * (cells.means[side] - mean) / size, sign / size
    errors, flat = _errors(cells, level, slope)
    few = np.min(cells.sizes) <= 1
    code = int(Caveat.NO_DEGREES if few else Caveat.NO_SPREAD if flat[0] else Caveat.NONE)
    nothing, codes = np.empty(0), np.empty(0, dtype=np.uint8)
    error = float(errors[0]) if code == Caveat.NONE else np.nan
    return Component("gap", float(means[0] - means[1]), error, 0, code, nothing, nothing, codes, codes)


def _errors(cells: _Cells, level: Floats, slope: Floats) -> tuple[Floats, Flags]:
    """Errors of the sum of the figures and of each, and whether they are rounding.

    A row's influence on figure j is ``level`` + ``slope`` (y − ȳ) with its cell's mean ȳ.
    """
    level = np.column_stack([level.sum(axis=1), level])
    slope = np.column_stack([slope.sum(axis=1), slope])
    n, raw = cells.counts, cells.within + cells.counts * cells.means**2
    if cells.clusters is None:
        few = np.where(cells.sizes > 1, cells.sizes / np.where(cells.sizes > 1, cells.sizes - 1, 1.0), np.nan)
        factor = np.where(cells.sides[0], few[0], few[1])
        variance = (factor * n) @ level**2 + (factor * cells.within) @ slope**2
    else:
        sums = cluster_sums(n[:, None] * level, cells.clusters)
        variance = (sums**2).sum(axis=0) * (len(sums) / (len(sums) - 1) if len(sums) > 1 else np.nan)
    scale = n @ level**2 + raw @ slope**2
    return np.sqrt(variance), ~(variance > _NO_SPREAD * scale)


def _placed(values: Floats, places: list[int], width: int) -> Floats:
    """Values of kept columns among all, NaN elsewhere."""
    whole = np.full(width + 1, np.nan)
    whole[places] = values
    return whole

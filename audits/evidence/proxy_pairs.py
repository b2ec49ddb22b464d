"""The figures of one group and its reference, from their drawn rows in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.evidence.proxy_columns import Named
from audits.evidence.proxy_results import COST, FeatureProxy, ProxyPair
from audits.statistics.carried_gap import (
    Design,
    Gaps,
    Surrogate,
    carried_at_equal,
    carried_in_proportion,
    feature_design,
    fit_cost,
    fit_outcome,
    raw_gaps,
    shared_shares,
    slope_on,
)
from audits.statistics.group_prediction import Auc, best_set, feature_auc, folds_of

Floats = NDArray[np.float64]
MOST_FEATURES = 40
_FEWEST, _FOLDS, _DIGITS, _MOST_IN_SETS = 50, 5, 10, 200


@dataclass(frozen=True, slots=True, eq=False)
class PairRows:
    """n rows of a group and its reference.

    ``names`` are attribute, group and reference. ``justification`` (n,) is the cost on the margin's scale or an
    outcome, NaN where not known; ``justified_by`` says which. ``sizes`` are the source's rows of group and reference.
    """

    names: tuple[str, str, str]
    is_group: NDArray[np.bool_]
    features: list[Named]
    margins: Floats
    justification: Floats | None
    justified_by: str | None
    clusters: NDArray[np.int64] | None
    strata: NDArray[np.int64] | None
    sizes: tuple[int, int]
    itself: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Carried:
    """Gaps of the kept features and the others together; None where nothing justifies."""

    raw: Gaps
    gap: Gaps
    total: Gaps
    carried: Gaps | None = None
    at_equal: Gaps | None = None
    justified: float | None = None
    surrogate: Surrogate | None = None
    proportion: float | None = None
    shared: Floats | None = None


def pair_of(rows: PairRows, small_set: int, seed: int) -> ProxyPair:
    """AUC of each feature and of the best set, and the gaps of contributions with what is justified of them."""
    mine, other = int(rows.is_group.sum()), int((~rows.is_group).sum())
    if min(mine, other) < _FEWEST:
        return _nothing(rows)
    folds = folds_of(mine + other, _FOLDS, seed, rows.clusters)
    columns = [one.column for one in rows.features]
    areas = [feature_auc(column, rows.is_group, folds, rows.clusters) for column in columns]
    sets = [i for i in _by_area(areas) if rows.features[i].name not in rows.itself][:_MOST_IN_SETS]
    best = best_set([columns[i] for i in sets], rows.is_group, folds, small_set, rows.clusters, seed)
    kept = _kept(rows)
    carried = _carried(rows, kept)
    return _told(rows, kept, areas, carried, tuple(rows.features[sets[i]].name for i in best.columns), best.auc)


def _by_area(areas: list[Auc | None]) -> list[int]:
    """Features by how well they tell the group."""
    return sorted(range(len(areas)), key=lambda i: (-(areas[i].estimate if areas[i] else 0.0), i))  # type: ignore[union-attr]


def _kept(rows: PairRows) -> list[int]:
    """The features with figures of their own: those with the largest gaps where there are too many."""
    values = np.column_stack([one.values for one in rows.features])
    if values.shape[1] <= MOST_FEATURES:
        return list(range(values.shape[1]))
    gaps = np.abs(raw_gaps(values, rows.is_group).estimate)
    return sorted(np.argsort(-gaps, kind="stable")[:MOST_FEATURES].tolist())


def _carried(rows: PairRows, kept: list[int]) -> _Carried:
    known = np.ones(len(rows.margins), dtype=np.bool_)
    if rows.justified_by == COST and rows.justification is not None:
        known = np.isfinite(rows.justification)
    is_group = rows.is_group[known]
    enough = min(int(is_group.sum()), int((~is_group).sum())) >= _FEWEST
    if not enough:
        known = np.ones(len(rows.margins), dtype=np.bool_)
        is_group = rows.is_group
    clusters = None if rows.clusters is None else rows.clusters[known]
    strata = None if rows.strata is None else rows.strata[known]
    values = np.column_stack([rows.features[i].values for i in kept])[known]
    columns = [rows.features[i].column[known] for i in kept]
    rest = [i for i in range(len(rows.features)) if i not in set(kept)]
    if rest:
        others = np.sum([rows.features[i].values for i in rest], axis=0)[known]
        values, columns = np.column_stack([values, others]), [*columns, others]
    margins = rows.margins[known]
    raw = raw_gaps(values, is_group, clusters)
    total = raw_gaps(margins[:, None], is_group, clusters)
    if rows.justification is None or not enough:
        return _Carried(raw, raw, total)
    design, given = feature_design(columns, values), rows.justification[known]
    shared = shared_shares(design)
    if rows.justified_by == COST:
        return _beyond_cost(design, margins, given, raw, total, is_group, strata, clusters, shared)
    try:
        surrogate = fit_outcome(design, given)
    except ValueError:  # too few outcomes of either kind
        return _Carried(raw, raw, total)
    found = carried_at_equal(design, margins, surrogate, is_group, strata, clusters)
    return _Carried(raw, found, total, found, None, found.held, surrogate, None, shared)


def _beyond_cost(
    design: Design, margins: Floats, cost: Floats, raw: Gaps, total: Gaps, is_group: NDArray[np.bool_],
    strata: NDArray[np.int64] | None, clusters: NDArray[np.int64] | None, shared: Floats,
) -> _Carried:  # fmt: skip
    surrogate = fit_cost(design, cost)
    found = carried_in_proportion(design, margins - cost, is_group, strata, clusters)
    equal = carried_at_equal(design, margins, surrogate, is_group, strata, clusters)
    justified = float(cost[is_group].mean() - cost[~is_group].mean())
    return _Carried(raw, found, total, found, equal, justified, surrogate, slope_on(surrogate, margins), shared)


def _told(
    rows: PairRows, kept: list[int], areas: list[Auc | None], found: _Carried, best: tuple[str, ...], auc: Auc | None
) -> ProxyPair:
    p, more = len(kept), len(rows.features) - len(kept)
    features = tuple(_feature(rows, i, k, areas[i], found) for k, i in enumerate(kept))
    held = found.carried.held if found.carried and rows.justified_by == COST else 0.0
    gap, error = float(found.total.estimate[0]), float(found.total.error[0])
    covariance = tuple(tuple(_short(value) for value in line[:p]) for line in found.gap.covariance[:p].tolist())
    share = found.surrogate.share if found.surrogate else None
    return ProxyPair(
        *rows.names, int(rows.is_group.sum()), int((~rows.is_group).sum()), *rows.sizes, _entities(rows), features,
        covariance, best, _short(auc.estimate) if auc else None, _short(auc.error) if auc else None,
        _short(gap), _short(error), _maybe(found.justified), _short(held) if found.carried else None,
        _short(found.carried.residual) if found.carried else None, more,
        _short(float(found.raw.estimate[p])) if more else 0.0,
        _short(float(found.carried.estimate[p])) if more and found.carried else None,
        _maybe(share), _maybe(found.proportion), _known(rows), too_few=False,
    )  # fmt: skip


def _feature(rows: PairRows, i: int, k: int, area: Auc | None, found: _Carried) -> FeatureProxy:
    def of(gaps: Gaps | None) -> tuple[float | None, float | None]:
        return (None, None) if gaps is None else (_short(float(gaps.estimate[k])), _short(float(gaps.error[k])))

    shared = None if found.shared is None or np.isnan(found.shared[k]) else _short(float(found.shared[k]))
    name = rows.features[i].name
    return FeatureProxy(
        name, name in rows.itself, _short(area.estimate) if area else None, _short(area.error) if area else None,
        _short(float(found.raw.estimate[k])), _short(float(found.raw.error[k])), *of(found.carried),
        *of(found.at_equal), shared,
    )  # fmt: skip


def _nothing(rows: PairRows) -> ProxyPair:
    return ProxyPair(
        *rows.names, int(rows.is_group.sum()), int((~rows.is_group).sum()), *rows.sizes, _entities(rows), (), (), (),
        None, None, None, None, None, None, None, 0, 0.0, None, None, None, _known(rows), too_few=True,
    )  # fmt: skip


def _entities(rows: PairRows) -> int | None:
    return None if rows.clusters is None else len(np.unique(rows.clusters))


def _known(rows: PairRows) -> tuple[float, float]:
    """Shares of rows with a known cost or outcome, of the group and of the reference."""
    if rows.justification is None:
        return 0.0, 0.0
    known = np.isfinite(rows.justification)
    return tuple(_short(float(known[side].mean())) if side.any() else 0.0  # type: ignore[return-value]
                 for side in (rows.is_group, ~rows.is_group))  # fmt: skip


def _short(value: float) -> float:
    """Ten significant digits: what sums in any order agree on."""
    return float(f"{value:.{_DIGITS}g}") + 0.0


def _maybe(value: float | None) -> float | None:
    return None if value is None else _short(value)

"""Candidates without some of the features.

Each feature is left out alone; then greedily up to three together, as long as the validated gain rises. Two features
that say the same of a group bring nothing when only one of them is left out, so that those which tell the group best
are also left out together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.remedies.records import Candidate
from audits.remedies.workshop import TRIFLE, Workshop, gain_of, slug
from checks.sentence import joined, said

if TYPE_CHECKING:
    import pandas as pd

MOST, _FURTHER, _TOGETHER = 30, 12, 3  # features left out alone, tried as further ones, left out together
_BINS, _PRIOR = 20, 5.0


def trainings(shop: Workshop) -> int:
    """At most how many models this family trains."""
    many, left = min(len(shop.changeable), MOST), len(shop.blind)
    together = [size for size in range(2, _TOGETHER + 1) if many >= size < left]
    return (
        bool(shop.of_groups) + (many if left > 1 else 0) + sum(min(many - size + 1, _FURTHER) + 1 for size in together)
    )


def without_features(shop: Workshop) -> tuple[str, ...]:
    """Try them; returns the set whose absence brings most, those that keep to the floor first, or ()."""
    if shop.of_groups:
        _without_groups(shop)
    order = by_telling(shop, shop.changeable)[:MOST]
    found: dict[tuple[str, ...], Candidate] = {}
    for name in order:
        _try(shop, (name,), found)
    for size in range(2, _TOGETHER + 1):
        _try(shop, tuple(order[:size]), found)
    base: tuple[str, ...] = ()
    for _ in range(_TOGETHER):
        best = max(found, key=lambda names: shop.better(found[names]), default=())
        if not best or best == base or gain_of(found[best]) <= (gain_of(found[base]) if base else 0.0) + TRIFLE:
            break
        base = best
        for name in _further(order, found, base):
            _try(shop, (*base, name), found)
    return _best(shop, found)


def _without_groups(shop: Workshop) -> None:
    """Today's model without the features that hold the groups themselves, where anything is left."""
    if not shop.blind:
        return
    words = said("without {features}, which tells the group itself", features=joined(shop.of_groups, ", "))
    candidate = Candidate("-".join(["without", *map(slug, shop.of_groups)]), "without_features", words, shop.blind)
    shop.attempt(candidate, lambda: shop.train(words, shop.blind))


def _best(shop: Workshop, found: dict[tuple[str, ...], Candidate]) -> tuple[str, ...]:
    """The smallest set within a trifle of the largest gain of those that keep to the floor, else of all."""
    gains = {names: gain_of(one) for names, one in found.items() if gain_of(one) > TRIFLE}
    kept = {names: gain for names, gain in gains.items() if shop.keeps_floor(found[names])} or gains
    near = [names for names, gain in kept.items() if gain >= max(kept.values()) - TRIFLE]
    return min(near, key=lambda names: (len(names), -kept[names]), default=())


def _further(order: Sequence[str], found: dict[tuple[str, ...], Candidate], base: Sequence[str]) -> list[str]:
    """Features that may join those left out, those first whose own absence brought most."""
    if len(base) >= _TOGETHER:
        return []
    rest = [name for name in order if name not in base]
    return sorted(rest, key=lambda name: -gain_of(found[name,]) if (name,) in found else 0.0)[:_FURTHER]


def _try(shop: Workshop, dropped: tuple[str, ...], found: dict[tuple[str, ...], Candidate]) -> None:
    left = shop.without(dropped)
    if not dropped or not left or any(set(dropped) == set(names) for names in found):
        return
    words = said("without {features}", features=joined(dropped, ", "))
    candidate = Candidate("-".join(["without", *map(slug, dropped)]), "without_features", words, left)
    found[dropped] = shop.attempt(candidate, lambda: shop.train(words, left))


def by_telling(shop: Workshop, names: Sequence[str]) -> list[str]:
    """Features, those first that tell the groups from their reference best. An order of work, no finding."""
    telling = {name: tells_group(shop.frame[name], shop.labels, shop.reference) for name in names}
    return sorted(names, key=lambda name: -telling[name])


def tells_group(column: pd.Series[Any], labels: NDArray[np.object_], reference: str) -> float:
    """How well a feature's values (n,) tell one of the groups from the reference, by labels (n,).

    The area under the ROC curve of the group's share within 20 parts of a number's values, or within a text's levels,
    missing ones a part of their own; the largest over the groups. In sample, so that texts of many levels look better
    than they are. .5 where nothing can be told.
    """
    codes = _parts(column)
    is_reference = labels == reference
    best = 0.5
    for group in sorted({str(label) for label in labels if label is not None} - {reference}):
        is_group = labels == group
        ours = np.bincount(codes[is_group], minlength=codes.max() + 1).astype(np.float64)
        theirs = np.bincount(codes[is_reference], minlength=codes.max() + 1).astype(np.float64)
        best = max(best, _auc_of_parts(ours, theirs))
    return best


def _parts(column: pd.Series[Any]) -> NDArray[np.int64]:
    """The part (n,) that each value lies in, counted from 0."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(column) and column.nunique() > _BINS:
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
        return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers)).astype(np.int64)
    codes, levels = pd.factorize(column, use_na_sentinel=True)
    return np.where(codes < 0, len(levels), codes).astype(np.int64)


def _auc_of_parts(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    if not ours.sum() or not theirs.sum():
        return 0.5
    overall = ours.sum() / (ours.sum() + theirs.sum())
    order = np.argsort((ours + _PRIOR * overall) / (ours + theirs + _PRIOR), kind="stable")
    ours, theirs = ours[order], theirs[order]
    below = np.cumsum(theirs) - theirs
    return float((ours * (below + theirs / 2)).sum() / (ours.sum() * theirs.sum()))

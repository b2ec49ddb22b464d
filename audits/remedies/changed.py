"""Candidates with one feature changed: a number cut into parts or capped, rare levels of a text taken together.

What a change needs is learned on the training part, without a group, and stays fixed when rows are scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.remedies.records import Candidate
from audits.remedies.scorers import Change
from audits.remedies.workshop import Workshop, slug
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    import pandas as pd

MOST, _HANDFUL = 20, 5  # features that are changed; different values that leave nothing to change
_PARTS, _TAIL, _RARE = (5, 10), 0.05, 0.01
_TOGETHER = "(rare)"
NOT_CHANGED = template(
    "{untried:,} of {all:,} features of many values were not tried changed: only the {most:,} that tell the groups "
    "best were."
)
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """A number becomes the mean of the training values in its part; ``edges`` (k − 1,) part them, ``means`` (k,)."""

    edges: Numbers
    means: Numbers

    def applied(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Values (n,); a missing one stays missing."""
        numbers = _numbers(column)
        values = self.means[np.searchsorted(self.edges, numbers, side="left")]
        return _like(column, np.where(np.isnan(numbers), np.nan, values))


@dataclass(frozen=True, slots=True)
class Caps:
    """A number below ``low`` becomes ``low``, one above ``high`` becomes ``high``."""

    low: float
    high: float

    def applied(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Values (n,); a missing one stays missing."""
        return _like(column, np.clip(_numbers(column), self.low, self.high))


@dataclass(frozen=True, slots=True)
class Common:
    """A text that is none of ``levels`` becomes ``other``."""

    levels: frozenset[str]
    other: str

    def applied(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """Values (n,); a missing one stays missing."""
        return column.where(column.isin(list(self.levels)) | column.isna(), self.other)


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of a feature, ``start`` of its candidate's id, and what it is in ``words``."""

    start: str
    feature: str
    change: Change
    words: Sentence


def changes_to_try(shop: Workshop) -> list[Changed]:
    """The changes of features that may be changed, of those first that tell the groups best.

    Features with no more than a handful of different values are left as they are, and so are those of which a change
    would leave every training row as it is, or make all alike.
    """
    order = [name for name in shop.by_telling(shop.changeable) if shop.frame[name].nunique() > _HANDFUL]
    if len(order) > MOST:
        shop.notes.append(said(NOT_CHANGED, untried=len(order) - MOST, all=len(order), most=MOST))
    return [one for name in order[:MOST] for one in _changes(name, shop.frame[name])]


def changed_features(shop: Workshop, changes: list[Changed]) -> None:
    """Try each of the changes."""
    for one in changes:
        _try(shop, one)


def _try(shop: Workshop, one: Changed) -> None:
    candidate = Candidate(
        f"{one.start}-{slug(one.feature)}", "changed_features", one.words, shop.blind, {one.feature: one.words}
    )
    shop.attempt(candidate, lambda: shop.train(one.words, shop.blind, changes={one.feature: one.change}))


def _changes(name: str, column: pd.Series[Any]) -> Iterator[Changed]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(column):
        return
    if is_numeric_dtype(column):
        yield from _of_numbers(name, column)
    else:
        yield from _of_texts(name, column)


def _of_numbers(name: str, column: pd.Series[Any]) -> Iterator[Changed]:
    known = _numbers(column)
    known = known[np.isfinite(known)]
    if not len(known):
        return
    for parts in _PARTS:
        bins = _bins(known, parts)
        if 1 < len(bins.means) < len(np.unique(known)):
            yield Changed(f"bins{parts}", name, bins, said(
                "{feature} cut into {parts} parts with about as many rows each", feature=name, parts=len(bins.means),
            ))  # fmt: skip
    low, high = (float(one) for one in np.quantile(known, [_TAIL, 1 - _TAIL]))
    if low < high and (known.min() < low or known.max() > high):
        yield Changed("caps", name, Caps(low, high), said(
            "{feature} held within {low:.6g} and {high:.6g}, its 5th and 95th percentile",
            feature=name, low=low, high=high,
        ))  # fmt: skip


def _bins(known: Numbers, parts: int) -> Bins:
    """Parts at the quantiles; those that would be empty are none."""
    inner = np.quantile(known, np.linspace(0, 1, parts + 1)[1:-1])
    edges = np.unique(inner[inner < known.max()])
    part = np.searchsorted(edges, known, side="left")
    return Bins(edges, np.bincount(part, weights=known) / np.bincount(part))


def _of_texts(name: str, column: pd.Series[Any]) -> Iterator[Changed]:
    counts = column.value_counts()
    common = frozenset(str(level) for level in counts.index[counts >= _RARE * len(column)])
    rare = len(counts) - len(common)
    if rare < 2 or not common or not all(isinstance(level, str) for level in counts.index):
        return
    other = _TOGETHER
    while other in common:
        other += "*"
    yield Changed("rare", name, Common(common, other), said(
        "{rare:,} levels of {feature} with less than 1% of the rows each taken together", feature=name, rare=rare,
    ))  # fmt: skip


def _numbers(column: pd.Series[Any]) -> Numbers:
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan))


def _like(column: pd.Series[Any], values: Numbers) -> pd.Series[Any]:
    """A column of numbers with the index and name of another."""
    import pandas as pd

    return pd.Series(values, index=column.index, name=column.name)

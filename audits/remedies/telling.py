"""How well a feature tells a group: learned on half of the training rows, judged on the other half, both ways.

Judged on the rows that it was learned on, a text of many levels would look as if it told the group even where every
level is a person of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    import pandas as pd

Labels = NDArray[np.object_]
Codes = NDArray[np.int64]
NEARLY = 0.98  # area under the curve from which a feature nearly is the group
NEARLY_TELLS = template(
    "What the chosen model takes nearly tells the group: {feature} tells {group} from {reference} ({attribute}) with "
    "an area under the curve of {auc:.3f}, learned on half of the training rows and judged on the other. The model is "
    "blind to the group in name alone."
)
_BINS, _LEVELS, _PRIOR, _FEWEST = 20, 1000, 5.0, 15


def tells_group(column: pd.Series[Any], labels: Labels, reference: str, persons: NDArray[np.int64]) -> float:
    """How well a feature's values (n,) tell one of the groups from the reference: the largest over the groups.

    See ``told_groups``. .5 where nothing can be told.
    """
    return max(told_groups(column, labels, reference, persons).values(), default=0.5)


def told_groups(
    column: pd.Series[Any], labels: Labels, reference: str, persons: NDArray[np.int64]
) -> dict[str, float]:  # fmt: skip
    """The area under the ROC curve of each group against the reference, by labels (n,).

    The score of a row is the group's share, drawn towards that of all by five rows, within its part of the values: a
    level, or one of 20 parts of a number of many values; missing ones are a part of their own. Shares are learned on
    the rows of every other person (``persons`` (n,)) and judged on the rest, then the other way round; the mean of both
    counts. .5 where a half has fewer than 15 rows of either.
    """
    half = persons % 2 == 0
    parts = _parts(column)
    found = {}
    for group in sorted({str(label) for label in labels if label is not None} - {reference}):
        ours, theirs = labels == group, labels == reference
        sizes = [(mask & one).sum() for mask in (ours, theirs) for one in (half, ~half)]
        enough = min(sizes) >= _FEWEST
        found[group] = max((_both_ways(codes, ours, theirs, half) for codes in parts), default=0.5) if enough else 0.5
    return found


def nearly_told(
    features: pd.DataFrame, labels: Mapping[str, Labels], references: Mapping[str, str], persons: NDArray[np.int64]
) -> tuple[Sentence, ...]:
    """A caution for each feature (n, p) that nearly is a group of one of the attributes, named with the clearest."""
    found = []
    for name in features:
        told = [
            (auc, group, attribute)
            for attribute, reference in references.items()
            for group, auc in told_groups(features[name], labels[attribute], reference, persons).items()
        ]
        auc, group, attribute = max(told, default=(0.0, "", ""))
        if auc >= NEARLY:
            found.append(said(
                NEARLY_TELLS, feature=str(name), group=group, reference=references[attribute], attribute=attribute,
                auc=auc,
            ))  # fmt: skip
    return tuple(found)


def _both_ways(codes: Codes, ours: NDArray[np.bool_], theirs: NDArray[np.bool_], half: NDArray[np.bool_]) -> float:
    counts = [
        [np.bincount(codes[mask & one], minlength=codes.max() + 1).astype(np.float64) for mask in (ours, theirs)]
        for one in (half, ~half)
    ]
    return (_judged(counts[0], counts[1]) + _judged(counts[1], counts[0])) / 2


def _judged(learned: Sequence[NDArray[np.float64]], judged: Sequence[NDArray[np.float64]]) -> float:
    """The area under the curve on the rows ``judged``, by the shares of those ``learned``, both counted by part."""
    ours, theirs = learned
    overall = ours.sum() / (ours.sum() + theirs.sum())
    shares = (ours + _PRIOR * overall) / (ours + theirs + _PRIOR)
    values, place = np.unique(shares, return_inverse=True)
    own, other = (np.bincount(place, weights=counts, minlength=len(values)) for counts in judged)
    below = np.cumsum(other) - other
    return float((own * (below + other / 2)).sum() / (own.sum() * other.sum()))


def _parts(column: pd.Series[Any]) -> list[Codes]:
    """The part (n,) that each value lies in, counted from 0: by level, by 20 parts of a number, or both ways."""
    import pandas as pd
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

    codes, levels = pd.factorize(column, use_na_sentinel=True)
    by_level = np.where(codes < 0, len(levels), codes).astype(np.int64)
    if len(levels) <= _BINS or not (is_numeric_dtype(column) or is_datetime64_any_dtype(column)):
        return [by_level]
    if is_numeric_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
    else:
        numbers = np.where(column.isna(), np.nan, column.astype("int64").to_numpy(np.float64))
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    by_size = np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers)).astype(np.int64)
    return [by_size, by_level] if len(levels) <= _LEVELS else [by_size]

"""How many rows of a model of trees can be explained in about a minute, from its size alone: the same anywhere.

The measured cost of one row on one processor, with L leaves in all, T trees and p features, at most:

* shap's walk through deep trees of scikit-learn against b background rows: 85 ns · b · T · √(L / T);
* tables by leaf (``explainers_trees``): 5 ns · L · min(p, 12);
* along the paths of trees, path-dependent: 40 ns · L · min(p, 15).

Any other model takes as long as it takes to predict, which its size does not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from audits.evidence.explainers import DEEP, PATH_DEPENDENT, if_it_can
from audits.evidence.explainers_inside import SKLEARN, Inside, inside, players_of

if TYPE_CHECKING:
    from checks.inputs.model import Model

SECONDS = 60.0
LEAST = 100
_WALK, _TABLES, _PATHS = 85e-9, 5e-9, 40e-9


def most_rows(model: Model, features: Sequence[str], values: str, background: int) -> int | None:
    """Rows that take ``SECONDS``, at least ``LEAST``; None for a model that is none of trees, or cannot be read."""
    each = None
    with if_it_can():
        within = inside(model, players_of(model, features))
        each = _seconds_a_row(within, values, background) if within else None
    return max(LEAST, int(SECONDS / each)) if each else None


def _seconds_a_row(within: Inside, values: str, background: int) -> float | None:
    trees = within.trees()
    if not trees:
        return None
    leaves, p = sum(int((tree.left < 0).sum()) for tree in trees), len(np.unique(within.players))
    if values == PATH_DEPENDENT:
        return _PATHS * leaves * min(p, 15)
    if within.family == SKLEARN and p == len(within.players) and leaves > DEEP * len(trees):
        return _WALK * background * float(np.sqrt(leaves * len(trees)))
    return _TABLES * leaves * min(p, 12)

"""Rows for a search of alternatives, in three parts that share no person; in memory alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class RemedyPart:
    """n rows of one part.

    ``features`` (n, p) as recorded: numbers with NaN where missing, texts with None. ``target``, ``decision`` and
    ``outcome`` (n,) are 1.0 favourable, 0.0 not, NaN unknown (``outcome`` is all NaN where the contract has none).
    ``labels`` (n,) of each attribute are texts, None where unknown. ``persons`` (n,) are whole numbers: rows of one
    person (the contract's entity, else the row itself) share one.
    """

    features: pd.DataFrame
    target: NDArray[np.float64]
    decision: NDArray[np.float64]
    outcome: NDArray[np.float64]
    labels: Mapping[str, NDArray[np.object_]]
    persons: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, slots=True, eq=False)
class RemedyRows:
    """The parts. ``total`` rows of the source have a unit, ``without_unit`` do not; ``drawn`` were read.

    ``references`` are the reference labels of the attributes.
    """

    training: RemedyPart
    validation: RemedyPart
    untouched: RemedyPart
    references: Mapping[str, str]
    total: int
    without_unit: int
    drawn: int

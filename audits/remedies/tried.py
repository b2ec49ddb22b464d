"""A candidate while the search runs: its record, and the model that scores rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.records import Candidate
from checks.sentence import Sentence

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


class Scorer(Protocol):
    """A trained model: more means likelier the favourable target. It never sees a group."""

    def scores(self, features: pd.DataFrame) -> Floats:
        """Scores (n,) of rows with the contract's features as recorded. Raises ``TrainingError``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A candidate and its model; where it needs the group to decide, no scorer but ``chances`` of approval (n,).

    ``notes``, of today's model alone, are what must be known of the search.
    """

    candidate: Candidate
    scorer: Scorer | None = None
    chances: Callable[[RemedyPart], Floats] | None = None
    notes: tuple[Sentence, ...] = ()

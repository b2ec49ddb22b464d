"""Trained models that score rows: one alone, or a fixed weighted mean of several. None of them is shown a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audits.remedies.tried import Scorer
from checks.inputs.remedies import Setting

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


class Model(Protocol):
    """What training gives: ``scores`` (n,) of a frame (n, p) with the columns that it was trained on."""

    def scores(self, features: pd.DataFrame, /) -> Floats:
        """More means likelier 1. Raises ``TrainingError``."""
        ...


class Trainer(Protocol):
    """The program's code that trains a model."""

    def fit(
        self,
        features: pd.DataFrame,
        target: Floats,
        weights: Floats | None,
        seed: int,
        hyperparameters: Mapping[str, Setting],
        /,
        *,
        may_be_constant: bool = False,
    ) -> Model:
        """A model of a target (n,) of 0 and 1 from a frame (n, p), with weights (n,).

        Raises ``TrainingError``, also where all scores are equal unless that may be.
        """
        ...


class Change(Protocol):
    """A change of one feature, learned on the training part and fixed from then on."""

    def applied(self, column: pd.Series[Any], /) -> pd.Series[Any]:
        """The changed values (n,) of the feature's values (n,) as recorded."""
        ...


def changed_frame(frame: pd.DataFrame, features: Sequence[str], changes: Mapping[str, Change]) -> pd.DataFrame:
    """The named columns in this order, those with a change changed; the frame itself stays as it is."""
    taken = frame.loc[:, list(features)].copy()
    for feature, change in changes.items():
        taken[feature] = change.applied(frame[feature])
    return taken


@dataclass(frozen=True, slots=True, eq=False)
class TrainedScorer:
    """A model with the ``features`` that it takes, in order, and the ``changes`` made to them before it sees them."""

    model: Model
    features: tuple[str, ...]
    changes: Mapping[str, Change]

    def scores(self, features: pd.DataFrame) -> Floats:
        """Scores (n,) of rows with all features as recorded. Raises ``TrainingError``."""
        return self.model.scores(changed_frame(features, self.features, self.changes))


@dataclass(frozen=True, slots=True, eq=False)
class MeanScorer:
    """Σ weight · score over several scorers: a fixed function where the one it stands for draws a scorer by chance."""

    weights: tuple[float, ...]
    scorers: tuple[Scorer, ...]

    def scores(self, features: pd.DataFrame) -> Floats:
        """Scores (n,) of rows with all features as recorded. Raises ``TrainingError``."""
        total = np.zeros(len(features))
        for weight, scorer in zip(self.weights, self.scorers, strict=True):
            total += weight * scorer.scores(features)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class ConstantScorer:
    """The same score for every row."""

    value: float

    def scores(self, features: pd.DataFrame) -> Floats:
        """``value`` (n,) times."""
        return np.full(len(features), self.value)

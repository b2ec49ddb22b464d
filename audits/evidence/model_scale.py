"""In what a model's margins are read, so that one limit can be held against models of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from checks.inputs.model import Model, ModelFrame
    from checks.inputs.prediction import Prediction

ODDS, WIDTH = 4.0, 4.0
ENOUGH = 5_000  # rows that tell a mean or a spread to a per cent or so


def unit_of_margins(model: Model, prediction: Prediction | None, margins: ArrayLike) -> float:
    """What counts as one, so that a hundredth is a small part of what the model decides.

    1 of a logarithm of a price and of a chance; of an amount of money its mean; of log-odds 4, since a chance moves by
    a quarter of them at most; of points of a score four standard deviations, about all of their width. ``margins`` (n,)
    are those of drawn rows, of which the first ``ENOUGH`` tell it. 1 where they do not.
    """
    values = np.asarray(margins, dtype=np.float64)
    values = values[np.isfinite(values)][:ENOUGH]
    if model.link == "logit":
        return ODDS
    if model.link == "log" or prediction is None or prediction.of == "decision" or len(values) < 2:
        return 1.0
    found = float(WIDTH * values.std(ddof=1) if prediction.of == "score" else np.abs(values).mean())
    return found if found > 0 and np.isfinite(found) else 1.0


def unit_of_rows(
    model: Model,
    prediction: Prediction | None,
    taken: ModelFrame,
    whole: int,
    margins: Callable[[NDArray[np.int64]], ArrayLike] | None = None,
) -> float:
    """What counts as one, by those of the first ``whole`` rows that the model takes: the draw of all rows.

    Of a logarithm and of log-odds no margins are needed for it. ``margins`` gives those of rows by their places, where
    some of them are known already.
    """
    first = np.flatnonzero(taken.usable[:whole])[:ENOUGH]
    if not len(first):
        return 1.0
    if model.link in ("log", "logit"):
        return unit_of_margins(model, prediction, ())
    return unit_of_margins(model, prediction, margins(first) if margins else model.margins(taken.frame.iloc[first]))

"""Whether a model gives the figures that its record has, in drawn rows.

A row is reproduced where what the model gives differs from the recorded figure by at most ``prediction.tolerance`` (a
share of a price or rate, a difference of a score), or by half the step that the recorded figures are rounded to: of a
price the contract's ``rounding``, of others the largest power of ten that all of them are multiples of. A decision is
reproduced where the model's figure lies on its side of the threshold, or within the tolerance of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audits.evidence.model_rows import model_rows
from audits.evidence.needs import ReproductionNeed
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.prediction import SCALES, Prediction
from checks.inputs.prepared import FAVOURABLE
from checks.inputs.source import Source

if TYPE_CHECKING:
    from checks.inputs.model import Model

Floats = NDArray[np.float64]
CHANCE = 0.5  # a decision's threshold where none is declared
_STEPS = (1.0, 0.1, 0.01, 0.001, 0.0001)
_FEWEST_STEPS = 100  # between the smallest and the largest figure: the two values of a flag are no rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Of ``rows`` drawn, out of ``total``: ``compared`` have a figure on both sides, ``unreproduced`` of these differ.

    ``unusable`` are rows that the model does not take, ``unrecorded`` those without a figure in the record,
    ``without_unit`` rows of the source that could not be drawn. ``unseen`` counts by feature the rows of a category
    that the model never saw. ``largest``, ``median`` and ``mean`` difference (model less record; the first two without
    sign) are shares of the recorded figure for a price or rate; None for a decision. ``by_scale`` has, by what the
    model's output may stand for, the rows of ``compared`` that it would reproduce; ``scale`` is the one in use.
    """

    rows: int
    total: int
    of: str
    scale: str
    tolerance: float
    step: float | None = None
    compared: int = 0
    unreproduced: int = 0
    unusable: int = 0
    unrecorded: int = 0
    without_unit: int = 0
    unseen: Mapping[str, int] = field(default_factory=dict)
    largest: float | None = None
    median: float | None = None
    mean: float | None = None
    by_scale: Mapping[str, int] = field(default_factory=dict)


def collect_reproduction(source: Source, model: Model, need: ReproductionNeed) -> Reproduction:
    """The drawn rows asked of the model. Raises ``ModelUnusable``."""
    from checks.inputs.model import model_frame

    contract = source.contract
    if contract is None or contract.prediction is None:
        raise ModelUnusable(ModelFault("not_named"))
    made = contract.prediction
    column = recorded_column(contract)
    drawn = model_rows(source, (), need.rows, need.seed, (column,))
    figures = np.array([np.nan if one is None else float(one) for one in drawn.columns[column]], dtype=np.float64)
    asked = model_frame(model, drawn.features)
    usable = np.asarray(asked.usable, dtype=bool)
    margins = model.margins(asked.frame.loc[usable]) if usable.any() else np.zeros(0)
    known = ~np.isnan(figures)
    found = Reproduction(
        len(drawn), drawn.total, made.of, model.link, made.tolerance, unusable=int((~usable).sum()),
        unrecorded=int((~known).sum()), without_unit=drawn.without_unit,
        unseen={name: int(rows) for name, rows in asked.unseen.items()},
    )  # fmt: skip
    both = known & usable
    if not both.any():
        return found
    step = None if made.of == "decision" else step_of(figures[known], contract.rounding if made.of == "price" else None)
    return _compared(replace(found, step=step), model, made, margins[known[usable]], figures[both])


def recorded_column(contract: DataContract) -> str:
    """The column of the prepared relation that the model's output stands for."""
    made = contract.prediction
    if made is None:
        raise ModelUnusable(ModelFault("not_named"))
    return FAVOURABLE if made.of == "decision" else str(getattr(contract, made.of))


def step_of(figures: Floats, declared: float | None = None) -> float | None:
    """The step that all of (n,) figures are multiples of, where they range over a hundred of them at least."""
    for step in (*((declared,) if declared else ()), *_STEPS):
        scaled = figures / step
        off = np.abs(scaled - np.round(scaled))
        if np.ptp(scaled) >= _FEWEST_STEPS and (off <= _ROUNDING * np.maximum(np.abs(scaled), 1)).all():
            return float(step)
    return None


def reproduced(values: Floats, figures: Floats, made: Prediction, step: float | None) -> NDArray[np.bool_]:
    """(n,) whether what the model gives is what was recorded: a figure, or of a decision 1 for a favourable one."""
    with np.errstate(invalid="ignore", over="ignore"):
        if made.of == "decision":
            threshold = CHANCE if made.threshold is None else made.threshold
            good = values >= threshold if made.favourable == "high" else values <= threshold
            return np.asarray((good == (figures == 1)) | (np.abs(values - threshold) <= made.tolerance))
        allowed = made.tolerance * (np.abs(figures) if made.of in ("price", "rate") else 1.0)
        allowed = np.maximum(allowed, step / 2 if step else 0.0)
        size = np.maximum(np.abs(figures), np.abs(values))
        return np.asarray(np.isfinite(values) & (np.abs(values - figures) <= allowed + _ROUNDING * size))


def _compared(found: Reproduction, model: Model, made: Prediction, margins: Floats, figures: Floats) -> Reproduction:
    from checks.inputs.model import recorded

    values = recorded(model, margins)
    by_scale = {
        scale: int(reproduced(recorded(replace(model, link=scale), margins), figures, made, found.step).sum())
        for scale in SCALES
    }
    found = replace(found, compared=len(figures), unreproduced=len(figures) - by_scale[model.link], by_scale=by_scale)
    if made.of == "decision":
        return found
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        difference = values - figures
        difference = difference / np.abs(figures) if made.of in ("price", "rate") else difference
    finite = difference[np.isfinite(difference)]
    if not len(finite):
        return found
    return replace(
        found, largest=float(np.abs(finite).max()), median=float(np.median(np.abs(finite))), mean=float(finite.mean())
    )

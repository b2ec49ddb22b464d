"""How the model's output changes when one thing about a person is changed, in rows drawn of each label.

The model is asked twice about the same drawn rows: as recorded, and with a feature set to another value, together with
all that the contract says moves with it. What is written are sums over rows (``flip_results``). This is the effect on
the model's output within the model, and no statement on what else would be different about the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.flip_ages import age_changes
from audits.evidence.flip_changes import Change, changes_of, columns_needed
from audits.evidence.flip_persons import Copied, Mask, Persons, differing, persons_of, plain_text
from audits.evidence.flip_recorded import beside_recorded, recorded_columns
from audits.evidence.flip_results import FlipPart, FlipResult, Flips, Spread
from audits.evidence.flip_sums import Asked, Floats, Scale, part_of
from audits.evidence.model_rows import ModelRows, model_rows
from audits.evidence.model_scale import unit_of_margins
from audits.evidence.needs import FlipsNeed
from checks.inputs.access_columns import made_attributes
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.prediction import Prediction
from checks.inputs.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from checks.inputs.model import Model

__all__ = ["FlipPart", "FlipResult", "Flips", "Spread", "collect_flips"]
_CHANCE = 0.5  # a decision's threshold where none is declared


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What the model says of rows: ``usable`` (n,), margins and figures (n,) with NaN elsewhere, unseen categories."""

    usable: Mask
    margins: Floats
    figures: Floats
    unseen: dict[str, int]


def collect_flips(source: Source, model: Model, need: FlipsNeed) -> Flips:
    """Every flip of the contract in ``need.rows`` rows of each label and of all.

    Raises ``ModelUnusable`` where no rows can be drawn, or the model takes none of them as recorded.
    """
    contract = source.contract
    if contract is None or contract.prediction is None:
        raise ModelUnusable(ModelFault("not_named"))
    attributes = (*need.attributes, *(group.name for group in contract.groups), *made_attributes(contract))
    attributes = tuple(dict.fromkeys(attributes))
    drawn = model_rows(
        source, attributes, need.rows, need.seed, (*columns_needed(contract), *recorded_columns(contract))
    )
    whole = drawn.whole
    persons = persons_of(drawn, whole, contract.prediction)
    own = _asked(model, drawn.features)
    if not own.usable.any():
        raise ModelUnusable(ModelFault("no_rows"))
    found = changes_of(contract, contract.prediction, persons, source.prepared.references)
    found.changes += age_changes(contract, contract.prediction, persons)
    scale, clusters = scale_of(contract, contract.prediction), _clusters(drawn, contract)
    results = tuple(_result(change, persons, model, own, scale, clusters, need) for change in found.changes)
    beside = beside_recorded(
        contract, persons, found.changes, own.figures, lambda features: _asked(model, features).figures
    )
    unit = unit_of_margins(model, contract.prediction, own.margins[: drawn.whole])
    return Flips(len(drawn), model.link, len(drawn) >= drawn.total, results, dict(found.left_out), beside, unit)


def scale_of(contract: DataContract, prediction: Prediction) -> Scale:
    """How figures of the prediction are read."""
    threshold = prediction.threshold
    if threshold is None and prediction.of == "decision":
        threshold = _CHANCE
    harmful = 1 if prediction.favourable == "low" else -1
    return Scale(prediction.of, harmful, prediction.tolerance, contract.rounding, threshold)


def _asked(model: Model, features: pd.DataFrame) -> _Answers:
    from checks.inputs.model import model_frame, recorded

    made = model_frame(model, features)
    usable = np.asarray(made.usable, dtype=bool).copy()
    margins = np.full(len(features), np.nan)
    if usable.any():
        margins[usable] = model.margins(made.frame.loc[usable])
    figures = np.full(len(features), np.nan)
    usable &= np.isfinite(margins)
    figures[usable] = recorded(model, margins[usable])
    usable &= np.isfinite(figures)
    return _Answers(usable, margins, figures, {name: int(n) for name, n in made.unseen.items() if n})


def _clusters(drawn: ModelRows, contract: DataContract) -> NDArray[Any] | None:
    """Codes (n,) of the entities; a row without one stands by itself. None without a declared entity."""
    if contract.entity is None:
        return None
    held = drawn.columns.get(contract.entity)
    values = drawn.features[contract.entity].to_numpy() if held is None else held
    texts = [plain_text(one) for one in values]
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(one or f"\x00{i}", len(codes)) for i, one in enumerate(texts)], dtype=np.int64)


def _result(
    change: Change, persons: Persons, model: Model, own: _Answers, scale: Scale, clusters: NDArray[Any] | None,
    need: FlipsNeed,
) -> FlipResult:  # fmt: skip
    """One flip: its rows changed, asked of the model, and added up."""
    meant = change.meant(persons)
    names = _set_columns(change, persons)
    features = persons.flipped(dict(change.sets), change.fills, meant)
    differs = differing(features[names], persons.drawn.features.loc[meant, names].reset_index(drop=True))
    asked_rows = np.flatnonzero(meant)[differs]
    features = features.loc[differs].reset_index(drop=True)
    fault = None
    nothing = np.full(len(features), np.nan)
    answers = _Answers(np.zeros(len(features), dtype=bool), nothing, nothing, {})
    try:
        answers = _asked(model, features) if len(features) else answers
    except ModelUnusable as error:
        fault = error.fault
    margins, figures = np.full(len(persons), np.nan), np.full(len(persons), np.nan)
    margins[asked_rows], figures[asked_rows] = answers.margins, answers.figures
    changed = np.zeros(len(persons), dtype=bool)
    changed[asked_rows] = answers.usable
    unusable = meant & ~own.usable
    unusable[asked_rows] |= ~answers.usable
    changed &= own.usable
    asked = Asked(meant, changed, unusable, own.margins, margins, own.figures, figures, clusters)
    return FlipResult(
        change.name, change.kind, change.attribute, change.own, change.other,
        tuple((name, plain_text(value)) for name, value in change.sets),
        tuple(_parts(asked, change, persons, scale, need)),
        unseen={name: n for name, n in answers.unseen.items() if name in names} | _no_column(change, persons, changed),
        outside=_outside(features, names, persons), fault=fault,
    )  # fmt: skip


def _parts(asked: Asked, change: Change, persons: Persons, scale: Scale, need: FlipsNeed) -> list[FlipPart]:
    """The whole, and each label of the need's attributes where the flip speaks of all rows."""
    drawn = persons.drawn
    if change.label is not None:
        attribute, label = change.label
        rows = np.asarray(drawn.labels[attribute] == label)
        return [part_of(asked, rows, scale, (attribute, label, drawn.sizes[attribute].get(label, 0)), shaped=True)]
    rows = np.arange(len(persons)) < persons.whole
    parts = [part_of(asked, rows, scale, (None, None, drawn.total), shaped=True)]
    for attribute in need.attributes:
        for label, size in sorted((one, n) for one, n in drawn.sizes[attribute].items() if one is not None):
            rows = np.asarray(drawn.labels[attribute] == label)
            parts.append(part_of(asked, rows, scale, (attribute, label, size), shaped=False))
    return parts


def _set_columns(change: Change, persons: Persons) -> list[str]:
    """The features that a flip sets, one-hot columns among them."""
    named = [(persons.hot[name].values() if name in persons.hot else [name]) for name, _ in change.sets]
    return [column for columns in named for column in columns]


def _no_column(change: Change, persons: Persons, changed: Mask) -> dict[str, int]:
    """Rows whose new value has no one-hot column."""
    lacking = [
        name for name, value in change.sets
        if name in persons.hot and value is not None and not isinstance(value, Copied)
        and plain_text(value) not in persons.hot[name]
    ]  # fmt: skip
    return {name: int(changed.sum()) for name in lacking}


def _outside(features: pd.DataFrame, names: list[str], persons: Persons) -> dict[str, int]:
    """By feature, the changed rows whose new value lies outside of everything drawn."""
    found = {}
    for name in names:
        new, drawn = features[name], persons.drawn.features[name]
        lacking = new.isna() & (not drawn.isna().any())
        if persons.number(name) and np.issubdtype(new.to_numpy().dtype, np.number):
            outside = (new < drawn.min()) | (new > drawn.max()) | lacking
        else:
            outside = (~new.isin(drawn.dropna().unique()) & new.notna()) | lacking
        if outside.any():
            found[name] = int(outside.sum())
    return found

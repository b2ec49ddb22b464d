"""Which things about a person are changed to ask the model again, from the contract and the drawn rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audits.evidence.flip_persons import Copied, Mask, Persons
from checks.inputs.contract import ASSISTED, CHANNEL, CREDIT_FILE, DIGITAL, THIN, DataContract, GroupAttribute
from checks.inputs.prediction import COPIED, Prediction

MOST_LABELS = 12  # of an attribute that are flipped, by their number of rows
ARROW = "→"
_TRAITS = {"visits": "visits", "spend_history": "spend history", "elasticity_score": "price sensitivity"}


@dataclass(frozen=True, slots=True)
class Change:
    """One flip as it is put to rows.

    ``sets`` gives names that ``Persons`` can set their new value, a constant or ``Copied``; those in ``fills`` only
    where missing. It speaks of the rows of one ``label`` (attribute, label) where there is one, whose features hold
    the values of ``when``, whose feature ``positive`` is above 0 and whose features ``known`` have a value.
    """

    name: str
    kind: str
    attribute: str | None
    sets: tuple[tuple[str, Any], ...]
    own: str | None = None
    other: str | None = None
    label: tuple[str, str] | None = None
    when: tuple[tuple[str, Any], ...] = ()
    positive: str | None = None
    known: tuple[str, ...] = ()
    fills: frozenset[str] = frozenset()

    def meant(self, persons: Persons) -> Mask:
        """(n,) the rows that the flip speaks of."""
        found = np.ones(len(persons), dtype=bool)
        if self.label:
            attribute, label = self.label
            found &= persons.drawn.labels[attribute] == label
        for name, value in self.when:
            same = persons.values(value.name) == persons.values(name) if isinstance(value, Copied) else None
            found &= persons.equal(name, value) if same is None else same
        for name in self.known:
            found &= persons.known(name)
        if self.positive:
            found &= _numbers(persons, self.positive) > 0
        return found


@dataclass(slots=True)
class Found:
    """The changes, and attributes without one with the reason (``Flips.left_out``)."""

    changes: list[Change] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def changes_of(
    contract: DataContract, prediction: Prediction, persons: Persons, references: Mapping[str, str]
) -> Found:
    """Every flip that the contract and the rows allow; ``references`` are the attributes' reference labels."""
    found = Found()
    _tenure(contract, prediction, persons, found)
    for group in contract.groups:
        _group(group, prediction, persons, references.get(group.name), found)
    found.changes += _traits(contract, prediction, persons)
    taken = {change.name for change in found.changes}
    for flip in prediction.flips:
        name = f"{flip.name} (declared)" if flip.name in taken else flip.name
        found.changes.append(Change(
            name, "declared", None, _read(prediction.together(flip.sets)), when=_read(flip.when)
        ))  # fmt: skip
    return found


def columns_needed(contract: DataContract) -> tuple[str, ...]:
    """Columns beside the features that flips read: those copied, and the entity."""
    made = contract.prediction
    sets = [*(one for flip in made.flips for one in (*flip.sets, *flip.when)),
            *(one for _, moved in made.moves_with for one in moved)] if made else []  # fmt: skip
    copied = [str(value)[1:] for _, value in sets if isinstance(value, str) and value.startswith(COPIED)]
    named = [*copied, *([contract.entity] if contract.entity else [])]
    return tuple(name for name in dict.fromkeys(named) if name not in contract.features)


def _read(sets: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, _value(value)) for name, value in sets)


def _value(value: Any) -> Any:
    return Copied(value[1:]) if isinstance(value, str) and value.startswith(COPIED) else value


def _moved(prediction: Prediction, sets: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Values taken from rows, with all that moves with them."""
    every = prediction.together(tuple((name, None) for name in sets))
    return tuple((name, sets[name] if name in sets else _value(value)) for name, value in every)


def _tenure(contract: DataContract, prediction: Prediction, persons: Persons, found: Found) -> None:
    if not contract.tenure:
        return
    if not persons.has(contract.tenure):
        found.left_out["tenure"] = "not_a_feature"
        return
    sets = _moved(prediction, {contract.tenure: 0})
    found.changes.append(Change("tenure", "tenure", "tenure", sets, positive=contract.tenure))


def _group(
    group: GroupAttribute, prediction: Prediction, persons: Persons, reference: str | None, found: Found
) -> None:
    """Each label to the reference, and the reference to each label."""
    if not persons.has(group.column):
        found.left_out[group.name] = "not_a_feature"
        return
    held = persons.drawn.labels[group.name]
    sizes = persons.drawn.sizes[group.name]
    labels = sorted((one for one in sizes if one is not None), key=lambda one: (-sizes[one], one))
    others = [one for one in labels if one != reference]
    if reference not in labels:
        found.left_out[group.name] = "no_reference"
        return
    if not others:
        found.left_out[group.name] = "one_label"
        return
    if len(others) > MOST_LABELS:
        found.left_out[group.name] = "too_many_labels"
    values = {
        one: persons.median(group.column, held == one) if group.bands and persons.number(group.column)
        else persons.commonest(group.column, held == one) for one in [reference, *others[:MOST_LABELS]]
    }  # fmt: skip
    if values[reference] is None:
        found.left_out[group.name] = "no_value"
        return
    pairs = [(one, reference) for one in others[:MOST_LABELS]] + [(reference, one) for one in others[:MOST_LABELS]]
    for own, other in pairs:
        if values[other] is not None:
            sets = _moved(prediction, {group.column: values[other]})
            name = f"{group.name}: {own} {ARROW} {other}"
            found.changes.append(Change(name, "group", group.name, sets, own, other, (group.name, own)))


def _traits(contract: DataContract, prediction: Prediction, persons: Persons) -> Iterator[Change]:
    """Device, channel, footprint and what a firm knows of a customer's willingness to pay."""
    every = np.arange(len(persons)) < persons.whole
    device = contract.behaviour.get("device")
    if not (device and persons.has(device)):
        device = contract.funnel.device if contract.funnel else None
    if device and persons.has(device):
        sets = _moved(prediction, {device: persons.commonest(device, every)})
        yield Change("device", "device", "device", sets, known=(device,))
    channel = contract.terms.get("channel")
    if channel and persons.has(channel):
        yield from _channel(channel, contract, prediction, persons, every)
    yield from _footprint(contract, prediction, persons, every)
    for key, attribute in _TRAITS.items():
        column = contract.behaviour.get(key)
        if column and persons.has(column):
            new = persons.median(column, every) if persons.number(column) else persons.commonest(column, every)
            yield Change(key, "trait", attribute, _moved(prediction, {column: new}), known=(column,))


def _channel(
    column: str, contract: DataContract, prediction: Prediction, persons: Persons, every: Mask
) -> Iterator[Change]:
    sides = persons.drawn.labels.get(CHANNEL) if contract.channels else None
    new = persons.commonest(column, every if sides is None else sides == DIGITAL)
    if new is None:
        return
    sets = _moved(prediction, {column: new})
    if sides is None:
        yield Change("channel", "channel", CHANNEL, sets, known=(column,))
    else:
        yield Change("channel", "channel", CHANNEL, sets, ASSISTED, DIGITAL, (CHANNEL, ASSISTED), known=(column,))


def _footprint(contract: DataContract, prediction: Prediction, persons: Persons, every: Mask) -> Iterator[Change]:
    """What a thin file lacks, filled with what is usual where it is there."""
    columns = [name for name in contract.thin_file.missing if persons.has(name)] if contract.thin_file else []
    usual = {
        name: persons.median(name, every) if persons.number(name) else persons.commonest(name, every)
        for name in columns
    }  # fmt: skip
    usual = {name: value for name, value in usual.items() if value is not None}
    if usual:
        sets = _moved(prediction, usual)
        yield Change("footprint", "footprint", CREDIT_FILE, sets, label=(CREDIT_FILE, THIN), own=THIN,
                     fills=frozenset(usual))  # fmt: skip


def _numbers(persons: Persons, name: str) -> Any:
    import pandas as pd

    return pd.to_numeric(pd.Series(persons.values(name)), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)

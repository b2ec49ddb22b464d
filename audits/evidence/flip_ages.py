"""Flips of an age: persons of 62 and over, asked of the model again at each of a few younger ages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audits.evidence.flip_changes import ARROW, Change, _moved, _numbers
from audits.evidence.flip_persons import Mask, Persons
from checks.inputs.access_columns import OLDEST
from checks.inputs.contract import DataContract
from checks.inputs.prediction import Prediction

ELDERLY = 62  # 12 CFR 1002.2(o)
YOUNGER = (25, 35, 45, 55)


@dataclass(frozen=True, slots=True)
class AgeChange(Change):
    """A change of the age ``column`` of persons of 62 and over; an age that nobody has is none."""

    column: str = ""

    def meant(self, persons: Persons) -> Mask:
        """(n,) the rows of the elderly."""
        ages = _numbers(persons, self.column)
        return np.asarray((ages >= ELDERLY) & (ages <= OLDEST))


def age_changes(contract: DataContract, prediction: Prediction, persons: Persons) -> Iterator[Change]:
    """One flip for each younger age, where the prediction is a score or a decision and the age a feature."""
    column = contract.age
    if not column or not persons.has(column) or prediction.of not in ("score", "decision"):
        return
    for age in YOUNGER:
        sets = _moved(prediction, {column: age})
        name = f"age {ELDERLY}+ {ARROW} {age}"
        yield AgeChange(name, "age", "age", sets, f"{ELDERLY}+", str(age), column=column)

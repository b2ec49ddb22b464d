"""Contributions of drawn rows, computed when they are asked for and once for each row; in memory alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audits.evidence.needs import ContributionsNeed
from checks.inputs.model_fault import ModelFault, ModelUnusable

if TYPE_CHECKING:
    from audits.evidence.explainers import Explained
    from checks.inputs.model import Model, ModelFrame

MOST_FEATURES, OTHERS = 64, "other features"
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class ComputedRows:
    """Contributions of the rows that were asked for, each computed once; features beyond the kept ones are one."""

    def __init__(self, model: Model, taken: ModelFrame, need: ContributionsNeed, features: tuple[str, ...]) -> None:
        self.model, self.need, self.features = model, need, features
        self.frame = taken.frame
        first = np.flatnonzero(taken.usable)[: need.background]
        self.background = taken.frame.iloc[first]
        self.at = np.full(len(taken.frame), -1, dtype=np.int64)
        self.usable = taken.usable
        self.outputs = np.full(len(taken.frame), np.nan)
        self.remainder = 0.0
        self.last: Explained | None = None
        self.joined = _joined(model, features)
        self.names = tuple(dict.fromkeys(self.joined.get(name, name) for name in features))
        self.kept: tuple[int, ...] | None = None
        self.others = 0
        self.phi = np.empty((0, len(self.names)))

    def compute(self, rows: Whole) -> None:
        """The contributions of these rows, as far as they are not there yet."""
        from audits.evidence.explainers import explain

        new = rows[self.at[rows] < 0]
        if not len(new):
            return
        found = explain(
            self.model, self.frame.iloc[new], self.background, self.need.values, self.features,
            margins=self.margins(new),
        )  # fmt: skip
        self.remainder, self.last = max(self.remainder, float(found.remainder)), found
        self.at[new] = len(self.phi) + np.arange(len(new))
        self.phi = np.concatenate([self.phi, self._reduced(self._grouped(np.asarray(found.values, dtype=np.float64)))])

    def margins(self, rows: Whole) -> Floats:
        """The model's margins (n,) of rows that it takes, each asked for once."""
        new = rows[np.isnan(self.outputs[rows])]
        if len(new):
            self.outputs[new] = self.model.margins(self.frame.iloc[new])
        return self.outputs[rows]

    @property
    def known(self) -> int:
        """How many of the first rows have margins that were asked for, but for rows that the model does not take."""
        lacking = np.flatnonzero(np.isnan(self.outputs) & self.usable)
        return int(lacking[0]) if len(lacking) else len(self.outputs)

    def of(self, rows: Whole) -> Floats:
        """Contributions (n, p) of rows that were computed."""
        return self.phi[self.at[rows]]

    def keep(self, order: Sequence[int]) -> None:
        """The features with a place of their own, where there are too many: the first of ``order``."""
        if len(self.names) <= MOST_FEATURES:
            return
        self.kept = tuple(sorted(order[: MOST_FEATURES - 1]))
        self.others = len(self.names) - len(self.kept)
        self.phi = self._reduced(self.phi)
        self.names = (*(self.names[i] for i in self.kept), OTHERS)

    @property
    def explained(self) -> Explained:
        """What was found last: how, and from which base."""
        if self.last is None:
            raise ModelUnusable(ModelFault("no_rows"))
        return self.last

    def _grouped(self, values: Floats) -> Floats:
        """Columns of one feature added up."""
        if not self.joined:
            return values
        names = tuple(dict.fromkeys(self.joined.get(name, name) for name in self.features))
        places = {name: i for i, name in enumerate(names)}
        found = np.zeros((len(values), len(names)))
        for i, name in enumerate(self.features):
            found[:, places[self.joined.get(name, name)]] += values[:, i]
        return found

    def _reduced(self, values: Floats) -> Floats:
        if self.kept is None:
            return values
        rest = np.ones(values.shape[1], dtype=bool)
        rest[list(self.kept)] = False
        return np.column_stack([values[:, list(self.kept)], values[:, rest].sum(axis=1)])


def _joined(model: Model, features: Sequence[str]) -> dict[str, str]:
    """Features that are one-hot columns of one thing, which the contract names by a pattern."""
    own = set(features)
    return {column: name for name, columns in model.one_hot.items() if name not in own
            for column in columns if column in own}  # fmt: skip

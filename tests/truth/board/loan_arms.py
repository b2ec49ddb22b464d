"""Money by arm from counts of customers: what the collector would find of the occasions of a drawn file.

A kind is a customer: group, segment, whether held out, and what was pushed and borrowed on each occasion. A test
collects a written file through the engine and compares every figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audits.evidence.arm_scores import ArmScores, level_of, levels_of
from audits.evidence.arm_tables import arm_table
from audits.evidence.arms import ArmCell, Arms
from audits.evidence.needs import ArmsNeed
from audits.record import DataRecord
from audits.simulation.population import Population
from tests.truth.board.loan_worlds import Customers

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Occasions:
    """Of each kind of customer (P,) group, segment, holdout as codes; pushed and borrowed by occasion (P, 2)."""

    group: Ints
    segment: Ints
    held: Ints
    pushed: Ints
    borrowed: Floats

    @classmethod
    def of(cls, people: Population) -> Occasions:
        """The kinds in the order of the table."""
        place = np.array(list(np.ndindex(people.probability.shape)))
        money = [np.array(people.values(f"borrowed {i}"), dtype=np.float64) for i in (1, 2)]
        return cls(
            place[:, 0], place[:, 1], place[:, 2], place[:, [3, 5]],
            np.stack([money[0][place[:, 4]], money[1][place[:, 6]]], axis=1),
        )  # fmt: skip


@cache
def occasions_of(world: Customers) -> Occasions:
    """Those of a world, which are the same whatever the effect."""
    return Occasions.of(world.population(0.0))


@dataclass(frozen=True)
class ArmEvidence:
    """The methods of ``Evidence`` that a question on pushes reads, for one drawn file; ``names`` of columns, labels."""

    kinds: Occasions
    people: Ints
    data: DataRecord
    names: Callable[..., tuple[str, ...]]

    def arms(self, need: ArmsNeed) -> Arms:
        """As ``collect_arms``."""
        kinds, flag, strata = self.kinds, self._flags(need), self.names("regular", "occasional")
        labels = self._labels(need)
        found: dict[tuple[str | None, tuple[str, ...], bool, bool | None], Floats] = {}
        place = self._places(need, flag)
        codes, inverse = np.unique(place.reshape(-1, place.shape[-1]), axis=0, return_inverse=True)
        weights = np.repeat(self.people, 2).astype(np.float64)
        y = kinds.borrowed.ravel()
        sums = np.stack([np.bincount(inverse.ravel(), weights * y**power) for power in range(4)], axis=1)
        for code, one in zip(codes.tolist(), sums, strict=True):
            if one[0] > 0:
                other = bool(code[3]) if need.other else None
                found[labels[code[0]], (strata[code[1]],), bool(code[2]), other] = one
        cells = tuple(
            ArmCell(*key, round(n), float(total), float(squares), float(cubes))
            for key, (n, total, squares, cubes) in sorted(found.items(), key=lambda pair: str(pair[0]))
        )
        plain = Arms(need.attribute, cells, (), ())
        return replace(plain, scores=self._scores(need, plain, labels, flag))

    def _flags(self, need: ArmsNeed) -> Ints:
        """(P, 2) whether the arm's flag says yes."""
        if need.arm == self.names("pushed")[0]:
            return self.kinds.pushed
        return np.repeat(self.kinds.held[:, None], 2, axis=1)

    def _labels(self, need: ArmsNeed) -> tuple[str | None, ...]:
        return (None,) if need.attribute is None else self.names("A", "B")

    def _places(self, need: ArmsNeed, flag: Ints) -> Ints:
        """(P, 2, 4) codes of label, stratum, arm and other flag of each occasion."""
        group = self.kinds.group if need.attribute is not None else np.zeros_like(self.kinds.group)
        alike = [np.repeat(one[:, None], 2, axis=1) for one in (group, self.kinds.segment)]
        return np.stack([*alike, flag, self.kinds.pushed if need.other else np.zeros_like(flag)], axis=-1)

    def _scores(self, need: ArmsNeed, arms: Arms, labels: tuple[str | None, ...], flag: Ints) -> ArmScores:
        """Sums over the customers of each kind, which are alike within it."""
        people, kinds = self.people, self.kinds
        reference = self.data.references.get(need.attribute) if need.attribute is not None else None
        known = [label for label in labels if label in arms.labels]
        sizes = {
            label: sum(one.known for one in arms.cells if arms.attribute is None or one.label == label)
            for label in known
        }
        order = tuple(sorted(known, key=lambda one: (one != reference, -sizes[one], str(one))))
        own, clusters = [], []
        for label in order:
            mine = np.ones(len(people), dtype=bool) if label is None else kinds.group == labels.index(label)
            table = arm_table(arms, label, population=need.population)
            strata = self.names("regular", "occasional")
            stratum = np.array([table.place.get((name,), 0) for name in strata])[kinds.segment]
            at = np.repeat(stratum[:, None], 2, axis=1), flag
            d = table.difference
            scores = d.levels[at] + d.slopes[at] * (kinds.borrowed - d.means[at])
            own.append(scores.sum(axis=1) * mine)
            here = people * mine
            clusters.append((int(here @ (flag == 0).any(1)), int(here @ (flag == 1).any(1)), int(here.sum())))
        held = people > 0
        squares = [float(people @ one**2) for one in own]
        levels = levels_of(arms)
        share = float(people @ flag.sum(axis=1)) / float(2 * people.sum())
        z = (flag - share).sum(axis=1)
        by_level = [z * self._in_level(need, arms, names) for names in levels]
        return ArmScores(
            order, tuple(clusters),
            tuple((s, float(people @ (own[0] * one))) for s, one in zip(squares, own, strict=True)),
            tuple(float((one[held] ** 2).max()) / s if s > 0 else 0.0 for one, s in zip(own, squares, strict=True)),
            levels, tuple(tuple(float(people @ (a * b)) for b in by_level) for a in by_level),
            tuple(float(people @ (a * z)) for a in by_level), float(people @ z**2), int(people.sum()), 2,
        )  # fmt: skip

    def _in_level(self, need: ArmsNeed, arms: Arms, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Whether each kind of customer falls into a level of the tests of balance."""
        labels, strata = self._labels(need), self.names("regular", "occasional")
        told = [
            level_of(arms, ArmCell(labels[g if need.attribute is not None else 0], (strata[s],), None, None))
            for g, s in zip(self.kinds.group.tolist(), self.kinds.segment.tolist(), strict=True)
        ]
        return np.isin(told, names)

"""Ways to judge all stages of the way to credit together: by the limits of each alone, of all at once, by verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audits.simulation.way_to_credit import STAGES
from tests.truth.board.access_cases import answers, case_of
from tests.truth.board.access_practices import Figure, Ints, any_of, measured, numbers
from tests.truth.board.practices import Outcome, Practice, Setting
from tests.truth.board.verdicts import MET


def each_stage(measure: str) -> Practice:
    """Every stage of every file, by the limits of it alone: an entry each, five a file."""

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        parts = [measured(Figure(measure, "", stage))(setting, counts, rng) for stage in STAGES[1:]]
        covers = np.concatenate([part.covers for part in parts if part.covers is not None])
        return Outcome(np.concatenate([part.flags for part in parts]), np.zeros_like(covers), covers=covers)

    return practice


def stages_at_once(measure: str) -> Practice:
    """All stages of a file together: flagged where any interval excludes 1, covered where every one holds its truth."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, truth = case_of(setting.world, setting.seed), setting.world.truth(setting.effect)
        flags, covers = np.zeros(len(counts), dtype=bool), np.ones(len(counts), dtype=bool)
        for figure in (Figure(measure, "", stage) for stage in STAGES[1:]):
            low, high, _estimate = numbers(figure.of(one, case) for one in answers(setting, counts))
            flags |= (low > 1) | (high < 1)
            covers &= (low <= truth[figure.truth]) & (truth[figure.truth] <= high)
        return Outcome(flags, ~flags, covers=covers)

    return practice


def stages_judged(measure: str, rule: str, planted: Sequence[str]) -> Practice:
    """The verdicts on all stages: found where every planted stage is a concern, flagged where any other is.

    Passed is a file in which a planted stage is clear.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, told = case_of(setting.world, setting.seed), answers(setting, counts)
        by = {stage: [Figure(measure, rule, stage).judged(one, case) for one in told] for stage in STAGES[1:]}
        found = np.all([any_of(by[stage], MET) for stage in planted], axis=0)
        flags = np.any([any_of(by[stage], MET) for stage in STAGES[1:] if stage not in planted], axis=0)
        passes = np.any([any_of(by[stage], ("clear",)) for stage in planted], axis=0)
        return Outcome(flags, passes, found=found)

    return practice

"""Ways to judge the way to credit from drawn files: a table of applications, a dashboard, the audits, the judge.

All figures are ratios of the group over the reference: equality is 1, harm lies below it, and means over files are
those of logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.record import Finding, Measurement
from audits.simulation.way_to_credit import AGE_GROUP, FURTHEST, OLDER, STAGES
from audits.simulation.world import World
from tests.truth.board.access_cases import AccessCase, access_case, answers
from tests.truth.board.asked import Answer
from tests.truth.board.practices import FOUR_FIFTHS, Outcome, Practice, Setting, Z, margin
from tests.truth.board.verdicts import MET

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DRAWS, DRAW = 10, 40_112  # files, and their seed, from which a detectable effect is read
SUBMIT, DECISION, LAST = STAGES.index("submit"), STAGES.index("decision"), len(STAGES) - 1


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ``measure``, of a ``stage`` or of the whole way, and the ``rule`` whose least ratio is ``limit``."""

    measure: str
    rule: str
    stage: str = ""
    limit: float = FOUR_FIFTHS

    @property
    def truth(self) -> str:
        """The entry of the world's truth that it is after."""
        return f"{self.measure}[{self.stage}]" if self.stage else self.measure

    def _asked(self, one: Measurement, case: AccessCase) -> bool:
        segment = case.stages[self.stage] if self.stage else "all"
        where = one.attribute, one.group, one.segment
        return one.measure == self.measure and where == (case.called(AGE_GROUP), case.called(OLDER), segment)

    def of(self, answer: Answer, case: AccessCase) -> Measurement:
        """The measurement of one file. Raises ``StopIteration`` where there is none."""
        return next(one for one in answer.measurements if self._asked(one, case))

    def judged(self, answer: Answer, case: AccessCase) -> list[Finding]:
        """The findings under its rule."""
        return [one for one in answer.findings if one.rule.id == self.rule and self._asked(one.measurement, case)]


def measured(ratio: Ratio) -> Practice:
    """The figure by its own 95 % interval, which flags where it excludes equality and passes within the limit."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case = access_case(setting.world, setting.seed)
        low, high, estimate = numbers(ratio.of(one, case) for one in answers(setting, counts))
        flags, within, unknown = (low > 1) | (high < 1), np.greater_equal(low, ratio.limit), np.isnan(low)
        return Outcome(flags, within, low, high, found=high < 1, unknown=unknown, estimate=np.log(estimate))

    return practice


def judged(ratio: Ratio) -> Practice:
    """The verdict under the figure's rule: flagged and found by a concern or breach, passed by a clear.

    The bounds are those that the judge read, corrected for all comparisons of the run.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, truth = access_case(setting.world, setting.seed), setting.world.truth(setting.effect)[ratio.truth]
        own = [ratio.judged(one, case) for one in answers(setting, counts)]
        met = _any(own, MET)
        unknown = np.array([all(one.verdict == "not_identified" for one in every) for every in own])
        covers = np.array([all(_holds(one, truth) for one in every) for every in own])
        return Outcome(met, _any(own, ("clear",)), covers=covers, found=met, unknown=unknown)

    return practice


def any_breach(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
    """Whether anything at all in the run is called a breach."""
    flags = _any([answer.findings for answer in answers(setting, counts)], ("breach",))
    return Outcome(flags, ~flags)


def worst_named(measure: str, planted: Sequence[str]) -> Practice:
    """The stage whose ratio is lowest of those whose interval excludes 1: found where it is a planted one.

    Flagged is a file where another stage is named.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case = access_case(setting.world, setting.seed)
        columns = [
            numbers(Ratio(measure, "", stage).of(one, case) for one in answers(setting, counts)) for stage in STAGES[1:]
        ]
        high, estimate = (np.stack([column[i] for column in columns], axis=1) for i in (1, 2))
        worst = np.where(high < 1, estimate, np.inf)
        named, any_named = np.array(STAGES[1:])[worst.argmin(axis=1)], np.asarray(np.isfinite(worst).any(axis=1))
        right = np.isin(named, planted)
        return Outcome(any_named & ~right, ~any_named, found=any_named & right)

    return practice


def stages_judged(measure: str, rule: str, planted: Sequence[str]) -> Practice:
    """The verdicts on all stages: found where every planted stage is a concern, flagged where any other is.

    Passed is a file in which a planted stage is clear.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, told = access_case(setting.world, setting.seed), answers(setting, counts)
        by = {stage: [Ratio(measure, rule, stage).judged(one, case) for one in told] for stage in STAGES[1:]}
        found = np.all([_any(by[stage], MET) for stage in planted], axis=0)
        flags = np.any([_any(by[stage], MET) for stage in STAGES[1:] if stage not in planted], axis=0)
        passes = np.any([_any(by[stage], ("clear",)) for stage in planted], axis=0)
        return Outcome(flags, passes, found=found)

    return practice


def declared(ratio: Ratio, world: World, rows: int, effect: float = 0.0, corrected: bool = False) -> float:
    """The detectable departure that the figure itself declares: its mean over some files of an effect.

    With ``corrected`` that of its findings, which allow for all comparisons of the run.
    """
    key = world, rows, effect
    if key not in _declared:
        setting, rng = Setting(world, effect, rows), np.random.default_rng(DRAW)
        people = setting.people.probability
        counts = rng.multinomial(rows, people.ravel(), size=DRAWS).reshape(DRAWS, *people.shape)
        _declared[key] = answers(setting, counts)
    case, every = access_case(world, 0), _declared[key]
    own = [one.mde for answer in every for one in ratio.judged(answer, case)] if corrected else []
    own = own if corrected else [ratio.of(answer, case).mde for answer in every]
    told = [one for one in own if one is not None]
    if len(told) < DRAWS // 2:
        raise ValueError(f"{ratio.measure}: {len(told)} of {DRAWS} files declare a detectable effect")
    return float(np.mean(told))


_declared: dict[tuple[World, int, float], list[Answer]] = {}


# customary


def applications(tested: bool) -> Practice:
    """Approvals of those who applied, group over reference: below four fifths, or by a z test of the logarithm."""
    return _ratio(SUBMIT, DECISION, tested)


def conversion(tested: bool) -> Practice:
    """Those who took credit of those who were reached, group over reference, as a dashboard shows it."""
    return _ratio(0, LAST, tested)


def _ratio(come: int, passed: int, tested: bool) -> Practice:
    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        by = np.flip(np.cumsum(np.flip(margin(setting, counts, AGE_GROUP, FURTHEST), axis=2), axis=2), axis=2)
        n, hits = by[:, :, come], by[:, :, passed]
        share = hits / n
        log, error = np.log(share[:, 1] / share[:, 0]), np.sqrt(((1 - share) / hits).sum(axis=1))
        low, high = np.exp(log - Z * error), np.exp(log + Z * error)
        if not tested:
            flags = np.exp(log) < FOUR_FIFTHS
            return Outcome(flags, ~flags, estimate=log)
        return Outcome((low > 1) | (high < 1), high >= 1, low, high, found=high < 1, estimate=log)

    return practice


def numbers(every: Iterable[Measurement]) -> tuple[Floats, ...]:
    """Limits and estimate of each, NaN where there is none."""
    rows = [(one.low, one.high, one.estimate) for one in every]
    return tuple(np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=np.float64).T)


def _any(every: Sequence[Iterable[Finding]], verdicts: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([any(one.verdict in verdicts for one in findings) for findings in every])


def _holds(one: Finding, truth: float) -> bool:
    low, high = -np.inf if one.low is None else one.low, np.inf if one.high is None else one.high
    return low <= truth <= high

"""Ways to judge a lender of loans from drawn files: a question's own figure, and the judge's verdict under a rule.

``Figure`` says how a measure is read: ratios are told by their logarithm, so that means over files are those of
logarithms; other figures as they are. Equality is 1 for ratios and 0 for gaps; a level has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.record import Finding, Measurement
from audits.simulation.world import World
from tests.truth.board.asked import Answer
from tests.truth.board.loan_cases import LoanCase, answers, loan_case
from tests.truth.board.practices import Outcome, Practice, Setting
from tests.truth.board.verdicts import MET

Ints = NDArray[np.int64]
HARMED = "B"
DRAWS, DRAW = 10, 40_111  # files, and their seed, from which a detectable effect is read
RATIO, RATE, MONEY, SHARE = "ratio", "rate", "money", "share"


@dataclass(frozen=True, slots=True)
class Figure:
    """A ``measure``, the entry of the world's truth that it is after, and the ``rule`` with its ``limit``.

    ``grouped`` says that it is of the harmed group, ``kind`` how it is written.
    """

    measure: str
    kind: str
    truth: str
    rule: str = ""
    limit: float = np.inf
    grouped: bool = True

    @property
    def equality(self) -> float:
        """Where nobody is worse off; a level has no such value."""
        return {RATIO: 1.0, SHARE: -np.inf}.get(self.kind, 0.0)

    def scale(self, value: float) -> float:
        """The value on the scale on which its effects add up."""
        return float(np.log(value)) if self.kind == RATIO else value

    def beyond(self, least: float, times: float) -> float:
        """The value that lies ``times`` a detectable departure beyond one; of a ratio the departure is a share."""
        return least * (1 + times) if self.kind == RATIO else least + times

    def of(self, answer: Answer, group: str) -> Measurement:
        """The measurement of one file, of the group or of all."""
        wanted = group if self.grouped else None
        every = (one for one in answer.measurements if one.measure == self.measure and one.group == wanted)
        return next(every)

    def judged(self, answer: Answer, group: str) -> list[Finding]:
        """The findings under its rule, of the group or of all."""
        wanted = group if self.grouped else None
        return [one for one in answer.findings if one.rule.id == self.rule and one.measurement.group == wanted]


def harmed(case: LoanCase) -> str:
    """The label of the harmed group in the files."""
    return case.called(HARMED)[0]


def measured(figure: Figure) -> Practice:
    """The figure by its own 95 % interval, which flags where it excludes equality and passes within the limit."""

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        group = harmed(loan_case(setting.world, setting.seed))
        every = [figure.of(one, group) for one in answers(setting, counts, rng)]
        low, high, estimate = _numbers(every)
        unknown = np.isnan(estimate)
        flags = (low > figure.equality) | (high < figure.equality)
        if figure.kind == RATIO:
            estimate = np.log(estimate)
        found = low > figure.equality
        return Outcome(flags, high <= figure.limit, low, high, found=found, unknown=unknown, estimate=estimate)

    return practice


def judged(figure: Figure) -> Practice:
    """The verdict under the figure's rule: flagged and found by a concern or breach, passed by a clear.

    The bounds are those that the judge read, corrected for all comparisons of the run.
    """

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        group = harmed(loan_case(setting.world, setting.seed))
        own = [figure.judged(one, group) for one in answers(setting, counts, rng)]
        met = np.array([any(one.verdict in MET for one in every) for every in own])
        clear = np.array([any(one.verdict == "clear" for one in every) for every in own])
        unknown = np.array([not every or all(one.verdict == "not_identified" for one in every) for every in own])
        read = [every[0] if every else None for every in own]
        low, high = np.array([(np.nan, np.nan) if one is None else _ends(one) for one in read]).T
        truth = setting.world.truth(setting.effect)[figure.truth]
        covers = unknown | ((low <= truth) & (truth <= high))
        return Outcome(met, clear, covers=covers, found=met, unknown=unknown)

    return practice


def any_breach(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
    """Whether anything at all in the run is called a breach."""
    every = answers(setting, counts, rng)
    flags = np.array([any(one.verdict == "breach" for one in answer.findings) for answer in every])
    return Outcome(flags, ~flags)


def decided(*measures: str) -> Practice:
    """Figures that decide nothing: flagged, which may not be, where one is not marked so, or a finding decides.

    The interval is that of the first.
    """

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        every = answers(setting, counts, rng)
        own = [[one for one in answer.measurements if one.measure in measures] for answer in every]
        loose = np.array([
            len(figures) < len(measures) or any(not one.undecided or not one.cautions for one in figures)
            for figures in own
        ])  # fmt: skip
        pushes = [[one for one in answer.findings if one.measurement.measure.startswith("push")] for answer in every]
        said = np.array([any(one.verdict in (*MET, "clear") for one in findings) for findings in pushes])
        causal = np.array([
            any(one.measure in ("push_effect", "push_effect_gap") for one in answer.measurements) for answer in every
        ])  # fmt: skip
        low, high, estimate = _numbers([next(one for one in figures if one.measure == measures[0]) for figures in own])
        flags = loose | said | causal
        return Outcome(flags, ~flags, low, high, found=flags, estimate=estimate)

    return practice


def declared(figure: Figure, world: World, rows: int, effect: float = 0.0, corrected: bool = False) -> float:
    """The detectable departure that the figure itself declares: its mean over some files of an effect.

    With ``corrected`` that of its findings, which allow for all comparisons of the run.
    """
    key = (world, rows, effect)
    if key not in _declared:
        setting, rng = Setting(world, effect, rows, 0), np.random.default_rng(DRAW)
        people = setting.people.probability
        counts = rng.multinomial(rows // world.rows_each, people.ravel(), size=DRAWS)
        _declared[key] = answers(setting, counts.reshape(DRAWS, *people.shape), rng)
    group, told = harmed(loan_case(world, 0)), []
    for answer in _declared[key]:
        if corrected:
            told += [one.mde for one in figure.judged(answer, group) if one.mde is not None]
        elif (own := figure.of(answer, group).mde) is not None:
            told.append(own)
    if len(told) < DRAWS // 2:
        raise ValueError(f"{figure.measure}: {len(told)} of {DRAWS} files declare a detectable effect")
    return float(np.mean(told))


_declared: dict[tuple[World, int, float], list[Answer]] = {}


def _numbers(every: Sequence[Measurement]) -> tuple[NDArray[np.float64], ...]:
    """Limits and estimate of each, NaN where there is none."""
    rows = [(one.low, one.high, one.estimate) for one in every]
    return tuple(np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=np.float64).T)


def _ends(one: Finding) -> tuple[float, float]:
    return -np.inf if one.low is None else one.low, np.inf if one.high is None else one.high

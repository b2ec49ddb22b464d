"""Ways to judge access from drawn files: the audits' own figures, the judge's verdicts, and customary practice.

Ratios are of the group over the reference: equality is 1, harm lies below it, and means over files are those of
logarithms. Gaps are harm above nought.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from audits.record import Finding, Measurement
from audits.simulation.way_to_credit import AGE_GROUP, FURTHEST, STAGES
from audits.simulation.world import World
from audits.statistics.funnel_ratios import sidak_level
from tests.truth.board.access_cases import AccessCase, answers, case_of
from tests.truth.board.access_files import FileCase
from tests.truth.board.asked import Answer
from tests.truth.board.practices import FOUR_FIFTHS, Outcome, Practice, Setting, Z, margin, wald
from tests.truth.board.verdicts import MET

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DRAWS, DRAW = 3, 40_112  # files, and their seed, from which a detectable effect is read
REVERSAL = "Simpson's reversal over"
SUBMIT, DECISION, LAST = STAGES.index("submit"), STAGES.index("decision"), len(STAGES) - 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A ``measure``, of a ``stage`` or of the whole, and the ``rule`` with its ``limit``.

    A ratio is harm below 1, told by its logarithm; a ``gap`` above 0.
    """

    measure: str
    rule: str
    stage: str = ""
    limit: float = FOUR_FIFTHS
    gap: bool = False

    @property
    def truth(self) -> str:
        """The entry of the world's truth that it is after."""
        return f"{self.measure}[{self.stage}]" if self.stage else self.measure

    @property
    def equality(self) -> float:
        """Where nobody is worse off."""
        return 0.0 if self.gap else 1.0

    def beyond(self, limit: float, reach: float) -> float:
        """The value that lies so far beyond a limit, to the harm of the group; of a ratio in its logarithm."""
        return limit + reach if self.gap else float(limit * np.exp(-reach))

    def outcome(self, low: Floats, high: Floats, estimate: Floats) -> Outcome:
        """Flagged where the interval excludes equality, passed where the whole of it lies within the limit."""
        flags, unknown = (low > self.equality) | (high < self.equality), np.isnan(low)
        if self.gap:
            passes = np.less_equal(high, self.limit)
            return Outcome(flags, passes, low, high, found=low > 0, unknown=unknown, estimate=estimate)
        return Outcome(
            flags, np.greater_equal(low, self.limit), low, high, found=high < 1, unknown=unknown,
            estimate=np.log(estimate),
        )  # fmt: skip

    def _asked(self, one: Measurement, case: AccessCase | FileCase) -> bool:
        where = one.attribute, one.group, one.segment
        return one.measure == self.measure and where == case.place(self.stage)

    def of(self, answer: Answer, case: AccessCase | FileCase) -> Measurement:
        """The measurement of one file. Raises ``StopIteration`` where there is none."""
        return next(one for one in answer.measurements if self._asked(one, case))

    def judged(self, answer: Answer, case: AccessCase | FileCase) -> list[Finding]:
        """The findings under its rule."""
        return [one for one in answer.findings if one.rule.id == self.rule and self._asked(one.measurement, case)]


def measured(figure: Figure) -> Practice:
    """The figure by the interval that the judge reads; the truth of a stage is held by the limits of it alone."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, truth = case_of(setting.world, setting.seed), setting.world.truth(setting.effect)[figure.truth]
        own = [figure.of(one, case) for one in answers(setting, counts)]
        found = figure.outcome(*numbers(own))
        return replace(found, covers=_alone_hold(own, truth)) if figure.stage else found

    return practice


def judged(figure: Figure) -> Practice:
    """The verdict under the figure's rule: flagged and found by a concern or breach, passed by a clear.

    The bounds are those that the judge read, corrected for all comparisons of the run.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, truth = case_of(setting.world, setting.seed), setting.world.truth(setting.effect)[figure.truth]
        own = [figure.judged(one, case) for one in answers(setting, counts)]
        met = any_of(own, MET)
        unknown = np.array([all(one.verdict == "not_identified" for one in every) for every in own])
        covers = np.array([all(_holds(one, truth) for one in every) for every in own])
        return Outcome(met, any_of(own, ("clear",)), covers=covers, found=met, unknown=unknown)

    return practice


def any_breach(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
    """Whether anything at all in the run is called a breach."""
    flags = any_of([answer.findings for answer in answers(setting, counts)], ("breach",))
    return Outcome(flags, ~flags)


def costliest_named(figure: Figure, planted: Sequence[str]) -> Practice:
    """The stage that the whole way names as the costliest: found where it is a planted one, flagged where another is.

    Nothing is named where the interval of the whole holds 1.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case = case_of(setting.world, setting.seed)
        own = [figure.of(one, case) for one in answers(setting, counts)]
        lost = numbers(own)[1] < 1
        named = [STAGES[round(one.details.get("costliest_stage", 1)) - 1] for one in own]
        right = np.isin(named, planted)
        return Outcome(lost & ~right, ~lost, found=lost & right)

    return practice


def reversal_named(*figures: Figure) -> Practice:
    """Whether Simpson's reversal is stated of all figures (flagged, and found), as sure and not as possible."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        case, told = case_of(setting.world, setting.seed), answers(setting, counts)
        said = np.array([
            all(any(text.startswith(REVERSAL) for text in figure.of(one, case).cautions) for figure in figures)
            for one in told
        ])  # fmt: skip
        return Outcome(said, ~said, found=said)

    return practice


def declared(figure: Figure, world: World, rows: int) -> float:
    """The detectable departure from equality that the figure itself declares: its mean over some fair files."""
    case = case_of(world, 0)
    told = [figure.of(answer, case).mde for answer in _drawn(world, rows, 0.0)]
    if None in told:
        raise ValueError(f"{figure.measure}: a fair file declares no detectable effect")
    return float(np.mean(np.array(told, dtype=np.float64)))


def reach(figure: Figure, world: World, rows: int, effect: float) -> float:
    """How far beyond a limit a lender of this effect would be found by the judge in 80 % of files.

    By the width of the interval that the judge reads, of a ratio that of its logarithm: its half, and .84 / z of its
    level of it more; of a stage the level at which it holds with all others (Šidák 1967).
    """
    case, found = case_of(world, 0), []
    for answer in _drawn(world, rows, effect):
        (one,) = figure.judged(answer, case)
        ends, level = np.array([one.low, one.high], dtype=np.float64), one.level
        if not np.isfinite(ends).all() or level is None:
            raise ValueError(f"{figure.measure}: a finding has no interval")
        level = sidak_level(level, len(STAGES) - 1) if figure.stage else level
        half = float(np.diff(ends if figure.gap else np.log(ends))[0]) / 2
        found.append(half * (1 + _NORMAL.inv_cdf(0.8) / _NORMAL.inv_cdf((1 + level) / 2)))
    return float(np.mean(found))


def _drawn(world: World, rows: int, effect: float) -> list[Answer]:
    """Answers on some files, drawn once for all figures."""
    key = world, rows, effect
    if key not in _answered:
        setting, rng = Setting(world, effect, rows), np.random.default_rng(DRAW)
        people = setting.people.probability
        counts = rng.multinomial(rows, people.ravel(), size=DRAWS).reshape(DRAWS, *people.shape)
        _answered[key] = answers(setting, counts)
    return _answered[key]


_NORMAL = NormalDist()
_answered: dict[tuple[World, int, float], list[Answer]] = {}


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


def files_as_they_stand(tested: bool) -> Practice:
    """Approval of applications without a data trail beside that of others: four fifths, or a z test of the gap."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        by = margin(setting, counts, "file", "approved")
        rate = by[:, :, 1] / by.sum(axis=2)
        if not tested:
            flags = rate[:, 1] / rate[:, 0] < FOUR_FIFTHS
            return Outcome(flags, ~flags)
        low, high = wald(by, Z)
        return Outcome((low > 0) | (high < 0), low <= 0, low, high)

    return practice


def files_at_equal_score(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
    """Approval of full less thin files at equal score, strata weighted by n₁n₀/n: z test."""
    by = margin(setting, counts, "file", "score", "approved")
    n = by.sum(axis=3)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.nan_to_num(by[..., 1] / n)
        weight = np.nan_to_num(n[:, 0] * n[:, 1] / n.sum(axis=1))
        variance = np.nan_to_num(rate * (1 - rate) / n).sum(axis=1)
    gap = (weight * (rate[:, 0] - rate[:, 1])).sum(axis=1) / weight.sum(axis=1)
    error = np.sqrt((weight**2 * variance).sum(axis=1)) / weight.sum(axis=1)
    low, high = gap - Z * error, gap + Z * error
    return Outcome((low > 0) | (high < 0), low <= 0, low, high)


def verdicts(*measures: str) -> Practice:
    """Whether a finding on one of these figures is a concern or breach (flagged, found) or a clear (passed)."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        own = [
            [one for one in answer.findings if one.measurement.measure in measures]
            for answer in answers(setting, counts)
        ]
        met = any_of(own, MET)
        return Outcome(met, any_of(own, ("clear",)), found=met)

    return practice


def numbers(every: Iterable[Measurement]) -> tuple[Floats, ...]:
    """Limits and estimate of each, NaN where there is none."""
    rows = [(one.low, one.high, one.estimate) for one in every]
    return tuple(np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=np.float64).T)


def _alone_hold(every: Sequence[Measurement], truth: float) -> NDArray[np.bool_]:
    """Whether the limits of each stage alone hold the truth; without them none does."""
    ends = [[one.details.get(name, np.nan) for name in ("pointwise_low", "pointwise_high")] for one in every]
    low, high = np.array(ends, dtype=np.float64).T
    return np.asarray((low <= truth) & (truth <= high))


def any_of(every: Sequence[Iterable[Finding]], verdicts: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([any(one.verdict in verdicts for one in findings) for findings in every])


def _holds(one: Finding, truth: float) -> bool:
    low, high = -np.inf if one.low is None else one.low, np.inf if one.high is None else one.high
    return low <= truth <= high

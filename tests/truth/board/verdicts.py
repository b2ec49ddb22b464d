"""The audits themselves as practices: a question measured on each drawn file, and the judge's verdict on it.

A line of a question flags what its own 95 % interval shows, uncorrected; a line of verdicts flags what the judge calls
a concern or a breach, with every correction that a run brings. Both read the same answers, worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audits.record import Finding, Measurement
from audits.simulation.intersections import Intersections
from audits.simulation.many_groups import ManyGroups
from audits.simulation.world import effect_for
from tests.truth.board.asked import Answer, Asked, Case, case_of
from tests.truth.board.practices import LIMIT, Outcome, Practice, Setting, subgroup_gaps

MET = ("breach", "concern")
CROSS = " × "
_kept: dict[Asked, tuple[NDArray[np.int64], list[Answer]]] = {}


def answers(setting: Setting, counts: NDArray[np.int64], asked: Asked) -> list[Answer]:
    """The answers on each drawn file; those on the last draw are kept, since several lines read them."""
    kept = _kept.get(asked)
    if kept is None or kept[0] is not counts:
        case = case_of(setting.world, asked, setting.seed)
        _kept[asked] = kept = counts, [case.answer(one) for one in counts]
    return kept[1]


def forget() -> None:
    """Drop the answers on the last draw."""
    _kept.clear()


def harmed(setting: Setting, case: Case) -> str:
    """The label of the group, or the crossing, that the world can harm, as the file names it."""
    world = setting.world
    if isinstance(world, Intersections):
        return CROSS.join(case.called(value) for _, value in _crossing(world, case))
    return case.called(world.labels()[world.harmed] if isinstance(world, ManyGroups) else "B")


def _crossing(world: Intersections, case: Case) -> list[tuple[str, str]]:
    return sorted(world.planted().items(), key=lambda pair: case.called(pair[0]))


def measured(asked: Asked, measure: str, ratio: str | None = None) -> Practice:
    """A measure of the harmed group by its own interval, which flags where it excludes equality.

    ``ratio`` is for a measure whose harm is a value below one: the entry of the world's truth that the interval is
    for, whose value at the limit of gaps is then the limit.
    """

    def practice(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
        case, world = case_of(setting.world, asked, setting.seed), setting.world
        every = [_figure(one, measure, harmed(setting, case)) for one in answers(setting, counts, asked)]
        lows, highs = np.array([_ends(one) for one in every]).T
        unknown = np.array([one is None or one.estimate is None for one in every])
        if ratio is None:
            return Outcome((lows > 0) | (highs < 0), highs <= LIMIT, lows, highs, None, lows > 0, unknown)
        true, limit = (world.truth(e)[ratio] for e in (setting.effect, effect_for(world, LIMIT)))
        covers = (lows <= true) & (true <= highs)
        return Outcome((highs < 1) | (lows > 1), lows >= limit, None, None, covers, highs < 1, unknown)

    return practice


def subgroups(asked: Asked) -> Practice:
    """Any crossing that stands out flags; the interval is that of the largest gap of all judged crossings."""

    def practice(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
        case = case_of(setting.world, asked, setting.seed)
        planted, largest = harmed(setting, case), max(_crossed(setting))
        rows = []
        for answer in answers(setting, counts, asked):
            whole = next(one for one in answer.measurements if one.measure == "largest_subgroup_gap")
            own = next((one for one in answer.measurements if one.group == planted), None)
            low, high = _ends(whole)
            beyond = whole.counts["approved_less_often"] + whole.counts["approved_more_often"]
            rows.append((beyond > 0, own is not None and _ends(own)[0] > 0, high <= LIMIT, low <= largest <= high))
        flags, found, passes, covers = np.array(rows, dtype=bool).T
        return Outcome(flags, passes, covers=covers, found=found)

    return practice


@cache
def _crossed(setting: Setting) -> tuple[float, ...]:
    """True gaps of all crossings of two or three attributes."""
    return tuple(gap for name, gap in subgroup_gaps(setting.people).items() if len(name) > 1)


def _figure(answer: Answer, measure: str, group: str) -> Measurement | None:
    own = (one for one in answer.measurements if one.measure == measure)
    return next((one for one in own if one.group in (group, None)), None)


def _ends(one: Measurement | None) -> tuple[float, float]:
    if one is None or one.estimate is None:
        return np.nan, np.nan
    return -np.inf if one.low is None else one.low, np.inf if one.high is None else one.high


Truth = Callable[[Setting, Case, Finding], float | None]


def judged(asked: Asked, *rules: str, true: Truth | None = None, clears: str | None = None) -> Practice:
    """The verdicts under some rules: flagged by any concern, found by one on the harmed group, passed when clear.

    Passed means that some rule, or the one named by ``clears``, calls the harmed group clear. With ``true`` the bounds
    of all findings, corrected as judged, must hold the true figures at once.
    """

    def practice(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
        case = case_of(setting.world, asked, setting.seed)
        group = harmed(setting, case)
        columns: list[list[bool]] = [[], [], [], [], []]
        for answer in answers(setting, counts, asked):
            own = [finding for finding in answer.findings if finding.rule.id in rules]
            mine = [finding for finding in own if finding.measurement.group in (group, None)]
            by_rule = [finding for finding in mine if clears in (None, finding.rule.id)]
            columns[0].append(_any(own, MET))
            columns[1].append(_any(mine, MET))
            columns[2].append(_any(by_rule, ("clear",)))
            columns[3].append(not mine or all(one.verdict == "not_identified" for one in mine))
            columns[4].append(true is not None and all(_holds(one, true(setting, case, one)) for one in own))
        flags, found, passes, unknown, covers = (np.array(column) for column in columns)
        return Outcome(flags, passes, covers=covers if true else None, found=found, unknown=unknown)

    return practice


def never(asked: Asked, question: str, label: str = "") -> Practice:
    """All verdicts on a question's figures: flagged by a concern, passed by a clear, a breach or, with ``label``, by a
    figure that does not carry this word among its cautions. Nothing may pass.
    """

    def practice(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
        flags, passes, unknown = [], [], []
        for answer in answers(setting, counts, asked):
            own = [one for one in answer.findings if one.measurement.question == question]
            bare = [one for one in own if one.measurement.estimate is not None and not _told(one, label)]
            flags.append(_any(own, ("concern",)))
            passes.append(_any(own, ("clear", "breach")) or bool(bare))
            unknown.append(all(one.verdict == "not_identified" for one in own))
        return Outcome(np.array(flags), np.array(passes), unknown=np.array(unknown))

    return practice


def _told(finding: Finding, label: str) -> bool:
    return not label or any(label in caution for caution in finding.cautions)


def _any(findings: Iterable[Finding], verdicts: tuple[str, ...]) -> bool:
    return any(one.verdict in verdicts for one in findings)


def _holds(one: Finding, true: float | None) -> bool:
    if true is None or one.measurement.estimate is None:
        return True  # a figure that is not there claims nothing
    low = -np.inf if one.low is None else one.low
    return bool(low <= true <= (np.inf if one.high is None else one.high))


def entry(name: str) -> Truth:
    """The same entry of the world's truth for every finding."""
    return lambda setting, _case, _finding: setting.world.truth(setting.effect)[name]


def ratio_of_its_group(setting: Setting, case: Case, finding: Finding) -> float:
    """The true ratio of the finding's own group."""
    plain = {renamed: name for name, renamed in case.names.items()}
    return setting.world.truth(setting.effect)[f"adverse_impact_ratio[{plain[str(finding.measurement.group)]}]"]

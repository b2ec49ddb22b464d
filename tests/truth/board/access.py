"""The lines of the board on access: customary practice, the questions' figures and the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from audits.simulation.lost_on_the_way import LOST_AT, LostOnTheWay
from audits.simulation.poor_network import HiddenByNetwork, PoorNetwork
from audits.simulation.population import root
from audits.simulation.world import World
from tests.truth.board import access_practices as by
from tests.truth.board.access_files import DRAWS, FilesApprovedOnly, FilesWithoutRates
from tests.truth.board.access_practices import Figure
from tests.truth.board.access_stages import each_stage, stages_at_once, stages_judged
from tests.truth.board.bands import (
    COVERAGE,
    FALSE_CLEAR,
    FALSE_CONCERN,
    FAMILY_COVERAGE,
    HIGH_POWER,
    NEVER,
    POWER,
    TYPE_ONE,
    VERDICT_COVERAGE,
    Target,
)
from tests.truth.board.practices import Practice
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    LARGE,
    NAIVE,
    OURS,
    PLANTED,
    VERDICT,
    Scenario,
    Way,
)

PERSONS, APPLICATIONS = 20_000, 40_000  # in a file
FILES, FEW = 90, 90  # files for each effect, over all seeds: on the way to credit, of thin files
SHOWN = (FAIR, DETECTABLE, PLANTED, AT_LIMIT)
JUDGE = "the judge"
QUESTION, QUESTION_OF_FILES = "question funnel", "question thin_file"
BREACH = "a breach under any rule"
SCREEN = "fair-lending screens of the table of applications"
DASHBOARD = "dashboards: conversion by group"
IDENTITY, DECISION = "identity", "decision"
WHOLE = Figure("cumulative_ratio", "conv.funnel.cumulative")
STAGE = Figure("stage_ratio", "conv.funnel.stage", IDENTITY)
DECIDED = Figure("stage_ratio", "conv.funnel.stage", DECISION)
ALIKE = Figure("adjusted_cumulative_ratio", "conv.funnel.adjusted_cumulative")
ALIKE_STAGE = Figure("adjusted_stage_ratio", "conv.funnel.adjusted_stage", IDENTITY)
AT_EQUAL_RISK = Figure("thin_file_approval_gap", "conv.thin_file.equal_risk", limit=0.05, gap=True)
AT_EQUAL_SCORE = Figure("thin_file_repayment_gap", "conv.thin_file.repayment", limit=0.02, gap=True)
FIGURES = {one.truth: one for one in (WHOLE, STAGE, DECIDED, ALIKE, ALIKE_STAGE, AT_EQUAL_RISK, AT_EQUAL_SCORE)}
ALIKE_NOTE = "Of all stages at once a false alarm is that any of the five departs from 1."
NO_OTHER_STAGE = Target("another stage named", most=0.0)
Plan = dict[str, tuple[tuple[str, Target], ...]]


@dataclass(frozen=True, slots=True)
class Declared(Scenario):
    """Its effects are those that its ``figure`` itself declares, worked out when the first is asked for."""

    figure: Figure = WHOLE

    def effect(self, name: str) -> float:
        """One of them by its name."""
        if name == FAIR:
            return 0.0
        return self.world.example_effect if name == PLANTED else dict(_sizes(self.world, self.figure))[name]


def access_scenarios() -> tuple[Scenario, ...]:
    """One scenario a figure, since each declares a detectable effect of its own."""
    return (
        _whole(), _stage(),
        _scenario(PoorNetwork(), ALIKE, {**_dashboards(ALIKE), **_raw()}, title="at an equal network"),
        _scenario(PoorNetwork(), ALIKE_STAGE, _at_once(ALIKE_STAGE.measure),
                  title="the identity check at an equal network", note=ALIKE_NOTE),
        _hidden(), _thin_files(), _scenario(FilesWithoutRates(), AT_EQUAL_SCORE, {}, title=AT_EQUAL_SCORE.measure),
        _known_of_the_approved(),
    )  # fmt: skip


def _whole() -> Scenario:
    """The whole way: the table of applications says the same of the fair and of the harmful lender."""
    return _scenario(LostOnTheWay(), WHOLE, {
        "approvals of those who applied, four fifths": _shown(by.applications(tested=False), SCREEN, WHOLE),
        "approvals of those who applied, z test": _shown(by.applications(tested=True), SCREEN, WHOLE),
        **_dashboards(WHOLE, tested_only=True),
    }, title="the whole way")  # fmt: skip


def _stage() -> Scenario:
    """A stage, what is said of those where nothing is lost, and which stage is named."""
    fine: Plan = dict.fromkeys((FAIR, PLANTED), (("covered", COVERAGE), ("flagged", TYPE_ONE)))
    named: Plan = {PLANTED: (("found", HIGH_POWER), ("flagged", NO_OTHER_STAGE))}
    named_by_judge: Plan = {
        PLANTED: (("found", POWER), ("flagged", NO_OTHER_STAGE), ("passed", FALSE_CLEAR)),
    }  # fmt: skip
    return _scenario(LostOnTheWay(), STAGE, {
        "approvals of those who applied, z test": _shown(by.applications(tested=True), SCREEN, STAGE),
        "stage_ratio of the decision, where nothing is lost": Way(
            OURS, by.measured(DECIDED), {FAIR: fine[FAIR], PLANTED: fine[PLANTED]}, covered=DECIDED.truth,
            used=QUESTION),
        "stage_ratio of each stage, five a file": Way(
            OURS, each_stage(STAGE.measure), dict.fromkeys((FAIR, PLANTED), (("covered", COVERAGE),)),
            used=QUESTION),
        **_at_once(STAGE.measure),
        "cumulative_ratio names a planted stage as the costliest": Way(
            OURS, by.costliest_named(WHOLE, LOST_AT), {FAIR: (), **named}, used=QUESTION),
        "concerns under conv.funnel.stage are both planted stages": Way(
            VERDICT, stages_judged("stage_ratio", STAGE.rule, LOST_AT), {FAIR: (), **named_by_judge}, used=JUDGE),
    }, title="the identity check", note=(
        "Of the lines that name stages a false alarm is that another stage than `start` and `identity` is named; a "
        f"clear is one of a planted stage. {ALIKE_NOTE}"))  # fmt: skip


def _at_once(measure: str) -> dict[str, Way]:
    """Intervals that are promised to hold together: the truths of all stages in one file."""
    held = ("covered", FAMILY_COVERAGE)
    plan: Plan = {FAIR: (held, ("flagged", TYPE_ONE)), PLANTED: (held,)}
    return {f"{measure}, all stages of a file at once": Way(OURS, stages_at_once(measure), plan, used=QUESTION)}


def _hidden() -> Scenario:
    """Raw and adjusted on opposite sides of equality."""
    stated: Plan = {FAIR: (("flagged", TYPE_ONE),), PLANTED: (("found", POWER),)}
    return _scenario(HiddenByNetwork(), ALIKE, {
        **_dashboards(ALIKE), **_raw(),
        "Simpson's reversal is stated, raw and adjusted": Way(
            OURS, by.reversal_named(WHOLE, ALIKE), stated, used=QUESTION),
        "verdicts on the ratio, raw and adjusted": Way(
            VERDICT, by.verdicts(WHOLE.measure, ALIKE.measure), {FAIR: (), PLANTED: (("passed", FALSE_CLEAR),)},
            used=JUDGE),
    }, title="at an equal network", note=(
        "Of the reversal a false alarm is that it is stated in the fair twin. A clear of the planted is one of either "
        "ratio."))  # fmt: skip


def _raw() -> dict[str, Way]:
    """The raw figure says what it says, beside the one within strata."""
    held: Plan = dict.fromkeys((FAIR, PLANTED), (("covered", COVERAGE),))
    return {
        f"{_called(figure)}, raw": Way(OURS, by.measured(figure), held, covered=figure.truth, used=QUESTION)
        for figure in (WHOLE, STAGE, DECIDED)
    }  # fmt: skip


def _thin_files() -> Scenario:
    """Approval at equal repayment, where approval rates are the same in both twins."""
    return _scenario(FilesWithoutRates(), AT_EQUAL_RISK, {
        "approval of thin files, four fifths": _shown(by.files_as_they_stand(tested=False), SCREEN, AT_EQUAL_RISK),
        "approval of full less thin files, z test": _shown(by.files_as_they_stand(tested=True), SCREEN, AT_EQUAL_RISK),
        "the same at equal score, z test": _shown(by.files_at_equal_score, "models' fairness reports", AT_EQUAL_RISK),
    }, title=AT_EQUAL_RISK.measure, note=(
        f"Each bootstrap has {DRAWS} draws; the question's own default is 400."))  # fmt: skip


def _known_of_the_approved() -> Scenario:
    """What is known of the approved alone clears nobody."""
    world, measures = FilesApprovedOnly(), (AT_EQUAL_RISK.measure, AT_EQUAL_SCORE.measure)
    return Scenario(world, APPLICATIONS, {
        f"{AT_EQUAL_SCORE.measure}, for the approved alone": Way(
            OURS, by.measured(AT_EQUAL_SCORE), dict.fromkeys((FAIR, PLANTED), (("covered", COVERAGE),)),
            covered=AT_EQUAL_SCORE.truth, used=QUESTION_OF_FILES),
        "verdicts on both gaps": Way(
            VERDICT, by.verdicts(*measures), dict.fromkeys((FAIR, PLANTED), (("passed", NEVER),)), used=JUDGE),
        BREACH: Way(VERDICT, by.any_breach, dict.fromkeys((FAIR, PLANTED), (("flagged", NEVER),)), used=JUDGE),
    }, files=FEW, sizes=((PLANTED, world.example_effect),), note=(
        "Here decisions follow the score alone, so that the approved say what is true of all; a file cannot show "
        "that, and nothing may be called clear."))  # fmt: skip


def _dashboards(figure: Figure, tested_only: bool = False) -> dict[str, Way]:
    """Conversion as a dashboard shows it: it is held against what it is compared with here."""
    every = {
        "conversion of those reached, four fifths": by.conversion(tested=False),
        "conversion of those reached, interval of the log ratio": by.conversion(tested=True),
    }
    kept = [name for name in every if not tested_only or "interval" in name]
    return {name: _shown(every[name], DASHBOARD, figure) for name in kept}


def _scenario(world: World, figure: Figure, others: Mapping[str, Way], title: str, note: str = "") -> Scenario:
    """Ways beside the figure's own interval and its verdict; customary ones first."""
    ways = {name: way for name, way in others.items() if way.who == NAIVE}
    ways |= _ours(figure) | {name: way for name, way in others.items() if way.who != NAIVE} | _judge(figure)
    files = FEW if figure.gap else FILES
    return Declared(
        world, rows_of(figure), ways, files=files, limit=figure.limit, title=title, note=note, figure=figure
    )


def rows_of(figure: Figure) -> int:
    """Rows of a file from which a figure is asked."""
    return APPLICATIONS if figure.gap else PERSONS


def _shown(practice: Practice, used: str, figure: Figure) -> Way:
    """Held against nothing: it is there to be compared with."""
    return Way(NAIVE, practice, dict.fromkeys(SHOWN, ()), covered=figure.truth, used=used)


def _ours(figure: Figure) -> dict[str, Way]:
    """The question's own interval where equality is at stake, and that it clears nobody at the limit."""
    held = ("covered", COVERAGE)
    plan: Plan = {
        FAIR: (held, ("flagged", TYPE_ONE)), DETECTABLE: (held, ("found", POWER)),
        LARGE: (held, ("found", HIGH_POWER)), PLANTED: (held, ("found", POWER)),
        AT_LIMIT: (held, ("passed", FALSE_CLEAR)),
    }  # fmt: skip
    return {_named(figure): Way(OURS, by.measured(figure), plan, covered=figure.truth, used=_question(figure))}


def _question(figure: Figure) -> str:
    return QUESTION_OF_FILES if figure.gap else QUESTION


def _named(figure: Figure) -> str:
    return f"{_called(figure)}, {'as one of all stages' if figure.stage else 'its 95 % interval'}"


def _called(figure: Figure) -> str:
    return f"{figure.measure} of {figure.stage}" if figure.stage else figure.measure


def _judge(figure: Figure) -> dict[str, Way]:
    """The judge under the figure's rule, with all corrections of the run; and no breach, ever."""
    held = ("covered", VERDICT_COVERAGE)
    plan: Plan = {
        FAIR: (held, ("flagged", TYPE_ONE)),
        AT_LIMIT: (held, ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR)),
        BEYOND: (held, ("found", POWER)), FAR_BEYOND: (held, ("found", HIGH_POWER)),
    }  # fmt: skip
    never = Way(VERDICT, by.any_breach, dict.fromkeys((FAIR, PLANTED), (("flagged", NEVER),)), used=JUDGE)
    own = Way(VERDICT, by.judged(figure), plan, covered=figure.truth, used=JUDGE)
    return {f"verdict under {figure.rule}": own, BREACH: never}


@cache
def _sizes(world: World, figure: Figure) -> tuple[tuple[str, float], ...]:
    """Effects at which the figure has the value that it declares detectable itself, by files of the fair twin.

    Beyond the limit the width of the judge's interval on the lender there says how far, since its error is another.
    """
    rows = rows_of(figure)
    alone = by.declared(figure, world, rows)
    at_limit = _effect(world, figure, figure.limit)
    more = by.reach(figure, world, rows, at_limit)
    more = by.reach(figure, world, rows, _effect(world, figure, figure.beyond(figure.limit, more)))
    values = {
        DETECTABLE: _away(figure, alone), LARGE: _away(figure, 1.5 * alone), AT_LIMIT: figure.limit,
        BEYOND: figure.beyond(figure.limit, more), FAR_BEYOND: figure.beyond(figure.limit, 1.5 * more),
    }  # fmt: skip
    sizes = {name: _effect(world, figure, value) for name, value in values.items()}
    return tuple(sizes.items())


def _away(figure: Figure, departure: float) -> float:
    """The value that departs so far from equality, to the harm of the group."""
    return departure if figure.gap else 1 - departure


def _effect(world: World, figure: Figure, value: float) -> float:
    """The effect at which the figure has this true value."""
    return root(lambda effect: world.truth(effect)[figure.truth] - value, 0.0, world.largest_effect)

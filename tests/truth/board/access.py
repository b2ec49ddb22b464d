"""The lines of the board on access: customary practice, the questions' figures and the judge."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from audits.simulation.lost_on_the_way import LOST_AT, LostOnTheWay
from audits.simulation.poor_network import HiddenByNetwork, PoorNetwork
from audits.simulation.population import root
from audits.simulation.world import World
from tests.truth.board import access_practices as by
from tests.truth.board.access_practices import Ratio
from tests.truth.board.bands import (
    COVERAGE,
    FALSE_CLEAR,
    FALSE_CONCERN,
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

PERSONS, FILES = 20_000, 300  # in a file; files for each effect, over all seeds
SHOWN = (FAIR, DETECTABLE, PLANTED, AT_LIMIT)
QUESTION, JUDGE = "question funnel", "the judge"
BREACH = "a breach under any rule"
APPLICATIONS = "fair-lending screens of the table of applications"
DASHBOARD = "dashboards: conversion by group"
IDENTITY, DECISION = "identity", "decision"
WHOLE = Ratio("cumulative_ratio", "conv.funnel.cumulative")
STAGE = Ratio("stage_ratio", "conv.funnel.stage", IDENTITY)
DECIDED = Ratio("stage_ratio", "conv.funnel.stage", DECISION)
ALIKE = Ratio("adjusted_cumulative_ratio", "conv.funnel.adjusted_cumulative")
ALIKE_STAGE = Ratio("adjusted_stage_ratio", "conv.funnel.adjusted_stage", IDENTITY)
NO_OTHER_STAGE = Target("another stage named", most=0.0)
Plan = dict[str, tuple[tuple[str, Target], ...]]


def access_scenarios() -> tuple[Scenario, ...]:
    """One scenario a figure, since each declares a detectable effect of its own."""
    return (
        _whole(), _stage(),
        _scenario(PoorNetwork(), ALIKE, _dashboards(WHOLE), title="at an equal network"),
        _scenario(PoorNetwork(), ALIKE_STAGE, {}, title="the identity check at an equal network"),
        _hidden(),
    )  # fmt: skip


def _whole() -> Scenario:
    """The whole way: the table of applications says the same of the fair and of the harmful lender."""
    return _scenario(LostOnTheWay(), WHOLE, {
        "approvals of those who applied, four fifths": _shown(by.applications(tested=False), APPLICATIONS, WHOLE),
        "approvals of those who applied, z test": _shown(by.applications(tested=True), APPLICATIONS, WHOLE),
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
        "approvals of those who applied, z test": _shown(by.applications(tested=True), APPLICATIONS, STAGE),
        "stage_ratio of the decision, where nothing is lost": Way(
            OURS, by.measured(DECIDED), {FAIR: fine[FAIR], PLANTED: fine[PLANTED]}, covered=DECIDED.truth,
            used=QUESTION),
        "the lowest stage_ratio below 1 is of a planted stage": Way(
            OURS, by.worst_named("stage_ratio", LOST_AT), {FAIR: (), **named}, used=QUESTION),
        "concerns under conv.funnel.stage are both planted stages": Way(
            VERDICT, by.stages_judged("stage_ratio", STAGE.rule, LOST_AT), {FAIR: (), **named_by_judge}, used=JUDGE),
    }, title="the identity check", note=(
        "Of the lines that name stages a false alarm is that another stage than `start` and `identity` is named; a "
        "clear is one of a planted stage."))  # fmt: skip


def _hidden() -> Scenario:
    """Raw and adjusted on opposite sides of equality."""
    raw = Ratio("cumulative_ratio", "conv.funnel.cumulative")
    held: Plan = dict.fromkeys((FAIR, PLANTED), (("covered", COVERAGE),))
    return _scenario(HiddenByNetwork(), ALIKE, {
        **_dashboards(WHOLE),
        "cumulative_ratio, raw": Way(OURS, by.measured(raw), held, covered=raw.truth, used=QUESTION),
    }, title="at an equal network")  # fmt: skip


def _dashboards(ratio: Ratio, tested_only: bool = False) -> dict[str, Way]:
    """Conversion as a dashboard shows it: it is held against what it is compared with here."""
    every = {
        "conversion of those reached, four fifths": by.conversion(tested=False),
        "conversion of those reached, interval of the log ratio": by.conversion(tested=True),
    }
    kept = [name for name in every if not tested_only or "interval" in name]
    return {name: _shown(every[name], DASHBOARD, ratio) for name in kept}


def _scenario(world: World, ratio: Ratio, others: Mapping[str, Way], title: str, note: str = "") -> Scenario:
    """Ways beside the figure's own interval and its verdict; customary ones first."""
    ways = {name: way for name, way in others.items() if way.who == NAIVE}
    ways |= _ours(ratio) | {name: way for name, way in others.items() if way.who != NAIVE} | _judge(ratio)
    return Scenario(
        world, PERSONS, ways, files=FILES, limit=ratio.limit, sizes=_sizes(world, ratio), title=title, note=note
    )  # fmt: skip


def _shown(practice: Practice, used: str, ratio: Ratio) -> Way:
    """Held against nothing: it is there to be compared with."""
    return Way(NAIVE, practice, dict.fromkeys(SHOWN, ()), covered=ratio.truth, used=used)


def _ours(ratio: Ratio) -> dict[str, Way]:
    """The question's own interval where equality is at stake, and that it clears nobody at the limit."""
    held = ("covered", COVERAGE)
    plan: Plan = {
        FAIR: (held, ("flagged", TYPE_ONE)), DETECTABLE: (held, ("found", POWER)),
        LARGE: (held, ("found", HIGH_POWER)), PLANTED: (held, ("found", POWER)),
        AT_LIMIT: (held, ("passed", FALSE_CLEAR)),
    }  # fmt: skip
    return {_named(ratio): Way(OURS, by.measured(ratio), plan, covered=ratio.truth, used=QUESTION)}


def _named(ratio: Ratio) -> str:
    stage = f" of {ratio.stage}" if ratio.stage else ""
    return f"{ratio.measure}{stage}, its 95 % interval"


def _judge(ratio: Ratio) -> dict[str, Way]:
    """The judge under the figure's rule, with all corrections of the run; and no breach, ever."""
    held = ("covered", VERDICT_COVERAGE)
    plan: Plan = {
        FAIR: (held, ("flagged", TYPE_ONE)),
        AT_LIMIT: (held, ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR)),
        BEYOND: (held, ("found", POWER)), FAR_BEYOND: (held, ("found", HIGH_POWER)),
    }  # fmt: skip
    never = Way(VERDICT, by.any_breach, dict.fromkeys((FAIR, PLANTED), (("flagged", NEVER),)), used=JUDGE)
    own = Way(VERDICT, by.judged(ratio), plan, covered=ratio.truth, used=JUDGE)
    return {f"verdict under {ratio.rule}": own, BREACH: never}


@cache
def _sizes(world: World, ratio: Ratio) -> tuple[tuple[str, float], ...]:
    """Effects at which the figure has the value that it declares detectable itself.

    From equality it is declared by files of the fair twin; beyond the limit by those of the lender there, whose error
    may be another.
    """
    alone = by.declared(ratio, world, PERSONS)
    more = by.declared(ratio, world, PERSONS, corrected=True)
    beyond = _effect(world, ratio, ratio.limit * (1 - more))
    more = by.declared(ratio, world, PERSONS, beyond, corrected=True)
    values = {
        DETECTABLE: 1 - alone, LARGE: 1 - 1.5 * alone, AT_LIMIT: ratio.limit, BEYOND: ratio.limit * (1 - more),
        FAR_BEYOND: ratio.limit * (1 - 1.5 * more),
    }  # fmt: skip
    sizes = {name: _effect(world, ratio, value) for name, value in values.items()}
    return tuple({**sizes, PLANTED: world.example_effect}.items())


def _effect(world: World, ratio: Ratio, value: float) -> float:
    """The effect at which the ratio has this true value."""
    return root(lambda effect: world.truth(effect)[ratio.truth] - value, 0.0, world.largest_effect)

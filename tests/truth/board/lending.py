"""The lines of the board on predatory lending: worlds, customary practice, the questions' figures and the judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from audits.simulation.population import root
from audits.simulation.steered_loans import SteeredLoans
from audits.simulation.world import World
from tests.truth.board import loan_customary as usual
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
from tests.truth.board.loan_practices import (
    MONEY,
    RATE,
    RATIO,
    SHARE,
    Figure,
    any_breach,
    decided,
    declared,
    judged,
    measured,
)
from tests.truth.board.loan_worlds import DrivenByFees, GroupReturns, LongChains, WithHoldout, WithoutHoldout
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

LOANS, OCCASIONS, BORROWERS = 10_000, 16_000, 500
FEW, FILES = 210, 300  # for each effect, over all seeds: of books, of counted files
SHOWN = (FAIR, DETECTABLE, PLANTED, AT_LIMIT)
PER_PUSH = (
    "Customary figures are held against what a push shown adds, ours against what being open to pushes adds, whatever "
    "is shown, which a holdout tells."
)
BREACH = "a breach under any rule"

EXCESS = Figure("steering_excess_rate", RATE, "steering_excess_rate", "conv.steering.rate", 0.0025)
STEERED = Figure("steered_ratio", RATIO, "steered_ratio", "conv.steering.ratio", 1.25)
FEES = Figure("fee_driven_ratio", RATIO, "fee_driven_ratio", "conv.fee_driven", 1.1, grouped=False)
RETURNS = Figure("reborrowing_ratio", RATIO, "reborrowing_ratio", "conv.reborrowing.group", 1.25)
PUSH = Figure("push_effect", MONEY, "push_effect", grouped=False)
PUSH_GAP = Figure("push_effect_gap", MONEY, "push_effect_gap", "conv.push_gap", 0.0)
RENEWED = Figure("renewed_share", SHARE, "renewed_share", "conv.renewed_share", 0.5, grouped=False)
STARTS = Figure("long_chain_start_share", SHARE, "long_chain_start_share", grouped=False)
IN_LONG = Figure("long_chain_loan_share", SHARE, "long_chain_loan_share", "conv.long_chains", 0.25, grouped=False)
Plan = dict[str, tuple[tuple[str, Target], ...]]
FIGURES = {one.measure: one for one in (EXCESS, STEERED, FEES, RETURNS, PUSH, PUSH_GAP, RENEWED, STARTS, IN_LONG)}


def lending_scenarios() -> tuple[Scenario, ...]:
    """One scenario a figure, since each declares a detectable effect of its own."""
    return (
        _scenario(SteeredLoans(), STEERED, LOANS, FILES, {
            "share of the group in the dear product over the reference's, z test": usual.product_mix,
        }, "a fair-lending screen: the mix of products by group"),
        _scenario(SteeredLoans(), EXCESS, LOANS, FILES, {
            "mean rate, group less reference, HC1": usual.rates_regressed(scored=False),
            "rate on group and a straight line in the score, HC1": usual.rates_regressed(scored=True),
        }, "a fair-lending screen: mean rates, or a regression"),
        _scenario(DrivenByFees(), FEES, BORROWERS, FEW, {
            "share of loans renewed in 14 days over one half, z test": usual.of_books(usual.over_one_half),
            "Poisson regression of the return on fees over income": usual.of_books(usual.by_burden),
        }, "supervisors' repeat rates; a regression on the burden of fees"),
        _scenario(GroupReturns(), RETURNS, BORROWERS, FEW, {
            "repeat rate of the group over the reference's, z test": usual.of_books(usual.by_group),
        }, "repeat rates by group"),
        _scenario(WithHoldout(), PUSH, OCCASIONS, FILES, {
            "those who saw a push less those who did not, t test": usual.seen_or_not(within=False, gap=False),
            "the same within segments": usual.seen_or_not(within=True, gap=False),
        }, "campaign reports: the uplift of an offer", "effect_of_a_push", PER_PUSH),
        _scenario(WithHoldout(), PUSH_GAP, OCCASIONS, FILES, {
            "uplift of the group less that of the reference, within segments": usual.seen_or_not(within=True, gap=True),
        }, "campaign reports: the uplift of an offer, by group", "association_gap", (
            f"{PER_PUSH} Pushes are aimed alike in both groups here, so that the raw gap of a push shown is not misled."
        )),
        _without_holdout(),
        _long_chains(),
    )  # fmt: skip


def _scenario(
    world: World, figure: Figure, rows: int, files: int, customary: Mapping[str, Practice], used: str,
    after: str = "", note: str = "",
) -> Scenario:  # fmt: skip
    """``after`` is the truth that customary practice is held against, where it is not that of the figure."""
    return Scenario(world, rows, {
        **{
            name: replace(_shown(practice, figure, used), covered=after or figure.truth)
            for name, practice in customary.items()
        },
        **_ours(figure), **_judge(figure),
    }, files=files, limit=figure.limit, sizes=_sizes(world, figure, rows), title=figure.measure,
        note=note)  # fmt: skip


def _shown(practice: Practice, figure: Figure, used: str, effects: tuple[str, ...] = SHOWN) -> Way:
    """Held against nothing: it is there to be compared with."""
    limited = figure.rule and figure.limit != figure.equality
    played = [one for one in effects if limited or one != AT_LIMIT]
    return Way(NAIVE, practice, dict.fromkeys(played, ()), covered=figure.truth, used=used)


def _ours(figure: Figure) -> dict[str, Way]:
    """The question's own interval where equality is at stake, and that it clears nobody at the limit."""
    held = ("covered", COVERAGE)
    plan: Plan = {
        FAIR: (held, ("flagged", TYPE_ONE)), DETECTABLE: (held, ("found", POWER)),
        LARGE: (held, ("found", HIGH_POWER)), PLANTED: (held, ("found", POWER)),
    }  # fmt: skip
    if figure.rule:
        plan[AT_LIMIT] = (held, ("passed", FALSE_CLEAR))
    if figure.limit == figure.equality:  # the fair twin itself is at the limit
        plan[FAIR] = (*plan[FAIR], ("passed", FALSE_CLEAR))
        del plan[AT_LIMIT]
    name = f"{figure.measure}, its 95 % interval"
    return {name: Way(OURS, measured(figure), plan, covered=figure.truth, used=_question(figure))}


def _judge(figure: Figure) -> dict[str, Way]:
    """The judge under the figure's rule, with all corrections of the run; and no breach, ever."""
    held = ("covered", VERDICT_COVERAGE)
    plan: Plan = {
        FAIR: (held, ("flagged", TYPE_ONE)),
        AT_LIMIT: (held, ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR)),
        BEYOND: (held, ("found", POWER)), FAR_BEYOND: (held, ("found", HIGH_POWER)),
        PLANTED: (held, ("found", POWER), ("passed", FALSE_CLEAR)),
    }  # fmt: skip
    if figure.limit == figure.equality:
        plan[FAIR] = (held, ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR))
        del plan[AT_LIMIT]
    never = Way(VERDICT, any_breach, dict.fromkeys((FAIR, PLANTED), (("flagged", NEVER),)), used="the judge")
    if not figure.rule:
        return {BREACH: never}
    name = f"verdict under {figure.rule}"
    return {name: Way(VERDICT, judged(figure), plan, covered=figure.truth, used="the judge"), BREACH: never}


def _question(figure: Figure) -> str:
    if figure in (EXCESS, STEERED):
        return "question steering"
    return "question inducement" if figure.kind == MONEY else "question debt_trap"


def _without_holdout() -> Scenario:
    world = WithoutHoldout()
    figure = Figure("push_association", MONEY, "association_at_equal_segments", grouped=False)
    effects = (FAIR, PLANTED)
    uplift = "campaign reports: the uplift of an offer, taken for its effect"
    effect = Figure("push_effect", MONEY, "effect_of_a_push", grouped=False)
    held = (("covered", COVERAGE), ("flagged", NEVER))
    return Scenario(world, OCCASIONS, {
        "those who saw a push less those who did not, t test":
            _shown(usual.seen_or_not(within=False, gap=False), effect, uplift, effects),
        "the same within segments": _shown(usual.seen_or_not(within=True, gap=False), effect, uplift, effects),
        "push_association, for the association alone": Way(
            OURS, decided("push_association", "push_association_gap"), dict.fromkeys(effects, held),
            covered=figure.truth, used="question inducement"),
        BREACH: Way(VERDICT, any_breach, dict.fromkeys(effects, (("flagged", NEVER),)), used="the judge"),
    }, files=FILES, sizes=((PLANTED, world.example_effect),), note=(
        "Of ours an alarm or a find, which may never happen, would be an association that is not marked as undecided, "
        "a figure of an effect, or a verdict on either that decides. Customary figures are held against the effect, "
        "ours against the association at equal segments that it claims to be."))  # fmt: skip


def _long_chains() -> Scenario:
    world, effects = LongChains(), (FAIR, AT_LIMIT, PLANTED)
    raw = {
        "all loans renewed, binomial": (usual.renewed, RENEWED),
        "chains of ten or more as the file shows them, binomial": (usual.long_chains, STARTS),
        "loans in such chains, binomial": (usual.in_long_chains, IN_LONG),
    }
    held, judge = ("covered", COVERAGE), ("covered", VERDICT_COVERAGE)
    ways = {
        name: _shown(usual.of_books(practice, ratio=False), figure, "tables of a lender's file", effects)
        for name, (practice, figure) in raw.items()
    }
    ways |= {
        f"{figure.measure}, its 95 % interval": Way(
            OURS, measured(figure), dict.fromkeys(effects, (held,)), covered=figure.truth, used="question debt_trap"
        )
        for figure in (RENEWED, STARTS, IN_LONG)
    }  # fmt: skip
    ways |= {
        f"verdict under {figure.rule}": Way(VERDICT, judged(figure), {
            FAIR: (judge, ("flagged", TYPE_ONE)),
            AT_LIMIT: (judge, ("flagged", FALSE_CONCERN), ("passed", FALSE_CLEAR)),
            PLANTED: (judge, ("found", HIGH_POWER), ("passed", FALSE_CLEAR)),
        }, covered=figure.truth, used="the judge")
        for figure in (RENEWED, IN_LONG)
    }  # fmt: skip
    ways[BREACH] = Way(VERDICT, any_breach, dict.fromkeys(effects, (("flagged", NEVER),)), used="the judge")
    return Scenario(world, BORROWERS, ways, files=FEW, sizes=(
        (AT_LIMIT, 0.5), (PLANTED, world.example_effect),
    ), note="A share has no equality to be found against: its level is measured back.")  # fmt: skip


@cache
def _sizes(world: World, figure: Figure, rows: int) -> tuple[tuple[str, float], ...]:
    """Effects at which the figure has the value that it declares detectable itself.

    From equality it is declared by files of the fair twin; beyond a limit by those of the lender there, whose error may
    be another.
    """
    alone = declared(figure, world, rows)
    values = {DETECTABLE: figure.beyond(figure.equality, alone), LARGE: figure.beyond(figure.equality, 1.5 * alone)}
    if figure.rule:
        more = declared(figure, world, rows, corrected=True)
        beyond = _effect(world, figure, figure.beyond(figure.limit, more))
        more = declared(figure, world, rows, beyond, corrected=True)
        values |= {AT_LIMIT: figure.limit} if figure.limit != figure.equality else {}
        values |= {BEYOND: figure.beyond(figure.limit, more), FAR_BEYOND: figure.beyond(figure.limit, 1.5 * more)}
    sizes = {name: _effect(world, figure, value) for name, value in values.items()}
    return tuple({**sizes, PLANTED: world.example_effect}.items())


def _effect(world: World, figure: Figure, value: float) -> float:
    """The effect at which a figure has this true value."""
    return root(lambda effect: world.truth(effect)[figure.truth] - value, 0.0, world.largest_effect)

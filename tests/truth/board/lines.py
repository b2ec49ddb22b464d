"""Every line of the board: customary practice, estimators of the audits, the audits' questions, and the judge."""

from __future__ import annotations

import numpy as np

from audits.simulation.approved_only import ApprovedOnly
from audits.simulation.estimated_risk import EstimatedRisk
from audits.simulation.intersections import Intersections
from audits.simulation.many_groups import ManyGroups
from audits.simulation.noisy_groups import NoisyGroups
from audits.simulation.proxy import Proxy
from audits.simulation.repeated import Repeated
from audits.simulation.same_ratio import SameRatio
from audits.simulation.strata import Strata
from audits.simulation.true_risk import TrueRisk
from audits.simulation.world import World
from tests.truth.board import customary as usual
from tests.truth.board import practices as by
from tests.truth.board import verdicts as asks
from tests.truth.board.asked import Asked
from tests.truth.board.bands import (
    BOUNDS,
    BOUNDS_OF_RISK,
    FALSE_CLEAR,
    FAMILY_COVERAGE,
    HIGH_POWER,
    POWER,
    SMALL_COVERAGE,
    TYPE_ONE,
    TYPE_ONE_OF_ESTIMATED_RISK,
    VERDICT_COVERAGE,
)
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    LARGE,
    NAIVE,
    VERDICT,
    Scenario,
    Way,
    customary,
    ours,
    undecided,
    verdict,
)

APPROVAL, RISK = "fair_lending.approval", "fair_lending.risk_adjusted"
ASKED, ASKED_OF_RISK, ASKED_OF_MANY, ASKED_OF_SUBGROUPS = 240, 120, 150, 75  # files for each effect, over all seeds
ADJUSTED_RULES = ("conv.adjusted_gap", "us.ecoa.impact", "us.fha.impact")
RISK_RULES = ("conv.risk_adjusted_gap", "us.ecoa.impact.risk", "us.fha.impact.risk")
RAW_RULES = ("us.air.80", "us.air.90", "us.smd.30", "conv.odds_ratio")
DRAWS = 100  # of the bootstrap in each file; the question's own default is 200


def scenarios() -> tuple[Scenario, ...]:
    """Every part of the board."""
    return (*_known_risk(), *_estimated_risk(), *_other())


def _raw() -> dict[str, Way]:
    return {
        "four-fifths rule on the raw ratio, untested": customary(by.four_fifths_untested),
        "z test of the raw gap": customary(by.raw_gap),
    }


def _known_risk() -> tuple[Scenario, ...]:
    """Worlds whose file holds the true risk, which the contract declares as a control."""
    outcome = {"Becker's outcome test": customary(usual.outcome_test)}
    bands = {"gap at equal risk, bands absorbed, HC1": ours(by.gap_at_equal_risk)}
    sink = {
        "regression on everything, the trait too": customary(by.kitchen_sink),
        "logit on everything, the trait too": customary(usual.logit_on("risk", "trait"), 600),
    }
    known = "The true risk is in the file here, and the contract declares it as a control."
    return (
        Scenario(TrueRisk(), 4000, {**_raw(), **outcome, **bands, **_adjusted()}, family=5, note=known),
        Scenario(Proxy(), 4000, {**_raw(), **sink, **outcome, **bands, **_adjusted()}, family=5, note=known),
        Scenario(SameRatio(), 4000, {**_raw(), **outcome, **_adjusted()}, family=5, note=known),
    )  # fmt: skip


def _adjusted(entity: bool = False) -> dict[str, Way]:
    asked = Asked.about(APPROVAL)
    name = "clustered by person" if entity else "HC1"
    return {
        f"question approval, adjusted_approval_gap ({name})":
            ours(asks.measured(asked, "adjusted_approval_gap"), ASKED, half=False),
        "verdict on adjusted_approval_gap":
            verdict(asks.judged(asked, *ADJUSTED_RULES, true=asks.entry("conditional_gap")), ASKED),
    }  # fmt: skip


def _estimated_risk() -> tuple[Scenario, ...]:
    """The same lenders, and one whose risk the file lacks, by the question that estimates risk from repayment."""
    told = (
        "Risk is estimated here from repayment, which is known of everyone. The effects are sized by the gap "
        f"that the question itself declares detectable on a file of expected counts. Each bootstrap has {DRAWS} draws."
    )
    sink = {"logit on everything, the trait too": customary(usual.logit_on("risk", "trait"), 600)}
    signs = {"logit on all recorded signs": customary(usual.logit_on("income", "history", "trait"), 600)}
    beside: tuple[tuple[World, dict[str, Way], str], ...] = (
        (TrueRisk(), {}, "conditional_gap"), (Proxy(), sink, "conditional_gap"), (SameRatio(), {}, "conditional_gap"),
        (EstimatedRisk(), signs, "risk_adjusted_gap"),
    )  # fmt: skip
    return tuple(
        Scenario(
            world, 4000, {**_raw(), **more, "Becker's outcome test": customary(usual.outcome_test), **_at_risk(truth)},
            files=1500, declared=(Asked.about(RISK, replicates=1000), "risk_adjusted_gap"), note=told,
            title="risk estimated", quick=40,
        )
        for world, more, truth in beside
    )  # fmt: skip


def _at_risk(truth: str) -> dict[str, Way]:
    asked, bound = Asked.about(RISK, replicates=DRAWS), TYPE_ONE_OF_ESTIMATED_RISK
    return {
        "question risk_adjusted, risk_adjusted_gap (bootstrap of the whole pipeline)": ours(
            asks.measured(asked, "risk_adjusted_gap"), ASKED_OF_RISK, coverage=BOUNDS_OF_RISK, type_one=bound,
            half=False,
        ),
        "verdict on risk_adjusted_gap": verdict(
            asks.judged(asked, *RISK_RULES, true=asks.entry(truth)), ASKED_OF_RISK, covers=BOUNDS_OF_RISK,
            type_one=bound,
        ),
    }  # fmt: skip


def _other() -> tuple[Scenario, ...]:
    return (_strata(), _approved_only(), *_many_groups(), _noisy(), _repeated(), _subgroups())


def _strata() -> Scenario:
    asked = Asked.about(APPROVAL)
    odds, gap = "mantel_haenszel_odds_ratio", "mantel_haenszel_gap"
    return Scenario(Strata(), 4000, {
        **_raw(),
        "gap within products, levels absorbed, HC1": ours(by.gap_within_products),
        "Mantel-Haenszel risk difference": ours(by.common_gap),
        "Mantel-Haenszel odds ratio": ours(by.common_odds),
        "question approval, stratified_approval_gap":
            ours(asks.measured(asked, "stratified_approval_gap"), ASKED, half=False),
        "question approval, stratified_odds_ratio": ours(
            asks.measured(asked, "stratified_odds_ratio", odds), ASKED, half=False),
        "verdict on stratified_approval_gap": verdict(
            asks.judged(asked, "conv.stratified_gap", "us.ecoa.impact.stratified", "us.fha.impact.stratified",
                        true=asks.entry(gap)), ASKED),
        "verdicts on the raw ratio, odds and difference": undecided(asks.judged(asked, *RAW_RULES), ASKED),
    }, family=7, note="No raw figure may be called clear: the declared strata are not told apart in it.")  # fmt: skip


def _approved_only() -> Scenario:
    errors = Asked.about(
        "fair_lending.errors", "fair_lending.calibration", RISK, roles={"score": "risk"}, metrics=_METRICS
    )
    every = (FAIR, AT_LIMIT, BEYOND, FAR_BEYOND)
    names = {
        "verdicts on error rates": asks.never(errors, "fair_lending.errors"),
        "verdicts on calibration": asks.never(errors, "fair_lending.calibration"),
        "verdict on risk_adjusted_gap, labelled indicative": asks.never(errors, RISK, "indicative"),
    }
    return Scenario(ApprovedOnly(), 4000, {
        **_raw(),
        "parity of default rates among the approved": customary(by.default_rates),
        "Becker's outcome test among the approved": customary(by.outcome_test),
        "gap at equal risk, bands absorbed, HC1": ours(by.gap_at_equal_risk),
        **_adjusted(),
        **{name: undecided(practice, ASKED_OF_RISK // 2, every) for name, practice in names.items()},
    }, family=5, note="Repayment is known for the approved only. What error rates, calibration and risk would be for "
        "all applicants is not identified; such verdicts may be neither clear nor a breach.")  # fmt: skip


_METRICS = ("true_positive_rate", "false_negative_rate", "precision_score")


def _many_groups() -> tuple[Scenario, ...]:
    asked = Asked.about(APPROVAL)
    beside = {
        "lowest rate over highest, untested": customary(by.lowest_over_highest),
        "four-fifths rule per group, untested": customary(by.four_fifths_untested),
        "z test per group, uncorrected": customary(by.every_group_uncorrected),
    }
    ratios = asks.judged(asked, "us.air.80", "us.air.90", true=asks.ratio_of_its_group, clears="us.air.90")
    judge_way = Way(VERDICT, ratios, {
        FAIR: (("covered", VERDICT_COVERAGE), ("flagged", TYPE_ONE)), DETECTABLE: (("found", POWER),),
        LARGE: (("found", HIGH_POWER),), AT_LIMIT: (("covered", VERDICT_COVERAGE), ("passed", FALSE_CLEAR)),
    }, ASKED_OF_MANY)  # fmt: skip
    return (
        Scenario(ManyGroups(), 2000, {
            **beside,
            "score or mid-p test per group, Bonferroni": ours(by.every_group_corrected, coverage=FAMILY_COVERAGE),
        }, multiplicity=9, files=4800, note="Ours is an estimator here; the judge's own correction stands below."),
        Scenario(ManyGroups(), 2000, {**beside, "verdicts on the ratios of nine groups": judge_way},
            multiplicity=36, limit=0.07, files=3000, title="as judged",
            note="The judge corrects for 36 comparisons, nine groups under four limits; the detectable gap is the one "
                 "that this leaves. Two rules on the ratio are read: four fifths, and nine tenths, whose limit is a "
                 "gap of seven points here. Any concern about any group counts in the fair twin."),
        Scenario(ManyGroups(chance=0.95, harmed=9), 2000, {
            "z interval of the smallest group": Way(NAIVE, _smallest_wald, {FAIR: (), AT_LIMIT: ()}),
            "score interval of the smallest group": ours(by.smallest_groups, coverage=SMALL_COVERAGE, powered=False),
            "question approval, approval_gap of the smallest group": ours(
                asks.measured(asked, "approval_gap"), ASKED_OF_MANY, coverage=SMALL_COVERAGE, powered=False),
        }, files=4800, title="30 people, 95 % approved",
            note="Normal theory gives no detectable gap for 30 people near 95 %, so there is no line for power."),
    )  # fmt: skip


def _noisy() -> Scenario:
    asked = Asked.about("fair_lending.imputed_groups")
    return Scenario(NoisyGroups(), 4000, {
        "everyone above one half taken for a member, z test": customary(by.raw_gap),
        "four-fifths rule on those above one half": customary(by.four_fifths_untested),
        "least squares on the probability, HC1": ours(
            by.slope_on_probability, covered="gap_by_least_squares_on_probability"),
        "question imputed_groups, union of both bounds": ours(
            asks.measured(asked, "imputed_approval_gap"), ASKED, coverage=BOUNDS, half=False),
        "verdict on imputed_approval_gap": verdict(
            asks.judged(asked, "conv.imputed_gap", true=asks.entry("approval_gap")), ASKED),
    }, sized="gap_of_weighted_rates", declared=(asked, "imputed_approval_gap"),
        note="The bounds must hold the true gap between members and others, not a figure of their own. Detectable is "
             "the gap that the question itself declares so on a file of expected counts. A concern needs both bounds "
             "beyond the limit, so there effects are sized by the milder one, that of the weighted rates.")  # fmt: skip


def _repeated() -> Scenario:
    return Scenario(Repeated(), 4000, {
        "four-fifths rule on the raw ratio, untested": customary(by.counted_by_row(by.four_fifths_untested), 1500),
        "z test of the raw gap, rows as people": customary(by.counted_by_row(by.raw_gap), 1500),
        "gap at equal risk, rows as people, HC1": customary(by.rows_as_people, 1500),
        "gap at equal risk, clustered by person, CR1": ours(by.gap_by_person),
        **_adjusted(entity=True),
    }, files=1500, quick=300, family=5)  # fmt: skip


def _subgroups() -> Scenario:
    asked = Asked.about("fair_lending.intersections", replicates=199, shown=2)
    return Scenario(Intersections(), 100_000, {
        "z test of 1,957 subgroups, uncorrected": customary(by.every_subgroup_uncorrected, 150),
        "lowest subgroup rate over highest, untested": customary(usual.lowest_subgroup_over_highest, 150),
        "question intersections, any subgroup (max-T)": ours(
            asks.subgroups(asked), ASKED_OF_SUBGROUPS, coverage=FAMILY_COVERAGE, half=False),
        "verdicts on subgroup_gap and largest_subgroup_gap": verdict(
            asks.judged(asked, "conv.subgroup_gap", "conv.largest_subgroup_gap"), ASKED_OF_SUBGROUPS, covers=None),
    }, files=150, quick=40, multiplicity=1957, family=1957,
        note="Found means that the planted subgroup itself is flagged; in the fair twin any flag counts. The interval "
             "is that of the largest gap of all judged crossings. Each scan has 199 draws; the question's own default "
             "is 499.")  # fmt: skip


def _smallest_wald(setting: by.Setting, counts: np.ndarray, _: np.random.Generator) -> by.Outcome:  # type: ignore[type-arg]
    """The textbook interval for the last group against the reference."""
    joint = by.margin(setting, counts, "group", "approved")[:, [0, -1]]
    low, high = by.wald(joint, by.Z)
    flags = (low > 0) | (high < 0)
    return by.Outcome(flags, ~flags, low, high)

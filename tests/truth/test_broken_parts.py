"""An estimator, a question or a judge that is broken on purpose falls out of a band of the scoreboard."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from unittest import mock

import numpy as np
import pytest

from audits.comparisons import raw
from audits.fair_lending.risk_adjusted import RiskAdjustedApproval
from audits.policies.judge import verdict_of
from audits.statistics.least_squares import fit_least_squares
from audits.statistics.proportions import score_interval_ratio
from tests.truth.board import practices as by
from tests.truth.board import verdicts as asks
from tests.truth.board.asked import Asked
from tests.truth.board.bands import (
    BOUNDS,
    FALSE_CLEAR,
    NEVER,
    POWER,
    SMALL_COVERAGE,
    TYPE_ONE,
    TYPE_ONE_OF_ESTIMATED_RISK,
    Target,
)
from tests.truth.board.lines import APPROVAL, RAW_RULES, RISK
from tests.truth.board.quick import outcome, played
from tests.truth.board.scenarios import (
    FAIR,
    FAR_BEYOND,
    LARGE,
    Scenario,
    ours,
    undecided,
    verdict,
)

SMALL = "D5 ten-groups, 30 people, 95 % approved"


# mutations: an estimator broken on purpose must fall out of a band


def wrong_sign(setting, counts, rng):
    low, high = by.regression(setting, counts, ("risk",))
    return by.from_interval(-high, -low)


def error_without_a_factor(setting, counts, rng):
    return by.from_interval(*by.regression(setting, counts, ("risk",), shrink=0.7))  # as if 1/n were left out of two


def error_too_large(setting, counts, rng):
    return by.from_interval(*by.regression(setting, counts, ("risk",), shrink=1.5))


def one_sided_limits(setting, counts, rng):
    low, high = by.regression(setting, counts, ("risk",), shrink=1.6448536 / by.Z)
    return by.from_interval(low, high)


def without_risk(setting, counts, rng):
    return by.from_interval(*by.wald(by.margin(setting, counts, "group", "approved"), by.Z))


def coarse_risk(setting, counts, rng):
    """Bands joined in halves: what is left of risk within a half looks like harm."""
    joint = by.margin(setting, counts, "risk", "group", "approved")
    size = joint.shape[1] // 2
    halves = np.stack([joint[:, :size].sum(axis=1), joint[:, size:].sum(axis=1)], axis=1)
    fits = [
        fit_least_squares([[0.0], [1.0]] * 2, x.sum(-1).ravel(), x[..., 1].ravel(), x[..., 1].ravel(),
                          absorb_factors=([0, 0, 1, 1],))
        for x in halves
    ]  # fmt: skip
    return by.from_interval(*by._limits(fits))


def odds_of_the_whole(setting, counts, rng):
    """The Mantel-Haenszel estimator with all products thrown together."""
    merged = counts.sum(axis=1 + setting.people.axis("product"), keepdims=True)
    return by.common_odds(setting, merged, rng)


def trait_as_control(setting, counts, rng):
    return by.from_interval(*by.regression(setting, counts, ("risk", "trait")))


def wald_for_small_groups(setting, counts, rng):
    joint = by.margin(setting, counts, "group", "approved")
    return by.from_interval(*by.wald(joint[:, [0, -1]], by.Z))


# the check that must fail, the scenario, how many files, and what is broken
MUTATIONS = {
    "wrong sign of the gap": ("D1 true-risk", wrong_sign, 300, POWER),
    "a missing factor in the error": ("D1 true-risk", error_without_a_factor, 300, TYPE_ONE),
    "an error too large": ("D1 true-risk", error_too_large, 300, POWER),
    "one-sided limits for two": ("D1 true-risk", one_sided_limits, 2000, TYPE_ONE),
    "risk left out": ("D1 true-risk", without_risk, 300, TYPE_ONE),
    "risk in two bands": ("D1 true-risk", coarse_risk, 300, TYPE_ONE),
    "the stand-in as a control": ("D2 proxy", trait_as_control, 300, FALSE_CLEAR),
    "strata left out, fair": ("D3 strata", without_risk, 300, TYPE_ONE),
    "strata left out, harmful": ("D3 strata", without_risk, 300, FALSE_CLEAR),
    "Mantel-Haenszel that ignores strata, fair": ("D3 strata", odds_of_the_whole, 300, TYPE_ONE),
    "Mantel-Haenszel that ignores strata, harmful": ("D3 strata", odds_of_the_whole, 300, FALSE_CLEAR),
    "every group at 5 %": ("D5 ten-groups", by.every_group_uncorrected, 300, TYPE_ONE),
    "Wald's interval for a small group": (SMALL, wald_for_small_groups, 300, SMALL_COVERAGE),
    "HC1 without clusters": ("D7 repeated", by.rows_as_people, 300, TYPE_ONE),
    "a scan without its maximum": ("I1 intersections", by.every_subgroup_uncorrected, 60, TYPE_ONE),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_estimator_is_caught_by_the_check_that_is_meant_for_it(name: str) -> None:
    place, broken, size, target = MUTATIONS[name]
    way = ours(broken, coverage=target) if target is SMALL_COVERAGE else ours(broken)
    found = outcome(replace(played()[place], ways={name: way}), size, only=target)
    assert found
    assert not all(c.held for c in found.values())


# mutations of the questions and of the judge: a part broken beneath them


def without_a_family(candidates):
    return {}  # then each figure is read by its own interval


def by_the_point(m, rule, fit, may_breach):
    return verdict_of(replace(m, low=m.estimate, high=m.estimate), rule, fit, may_breach)


def lower_bound_alone(first, second, level):
    from scipy.special import stdtrit

    reach = float(stdtrit(first.degrees_of_freedom, 0.5 + level / 2)) * first.error
    return first.estimate - reach, first.estimate + reach


def risk_taken_as_known(self, attribute, sample, found, gap, *more):
    return _ONE(self, attribute, sample, found, replace(gap, error=gap.known_risk_error), *more)


def no_bootstrap(pipeline, bends, replicates, rng):
    return rng.normal(size=(replicates, int(pipeline.group.max()), 2))


_COMPARED = raw._compared
_ONE = RiskAdjustedApproval._one
RATIOS = asks.judged(Asked.about(APPROVAL), "us.air.80", "us.air.90", true=asks.ratio_of_its_group)
CALIBRATION = Asked.about("fair_lending.calibration", roles={"score": "risk"})
# the scenario, its line, how many files, what stands in for which part, and the check that must fail
BENEATH = {
    "a judge without its family": (
        "D5 ten-groups, as judged", verdict(RATIOS, 1), 150, "audits.policies.judge.corrections", without_a_family,
        TYPE_ONE,
    ),
    "a verdict from the point": (
        "D1 true-risk", verdict(asks.judged(Asked.about(APPROVAL), "conv.adjusted_gap"), 1, covers=None), 30,
        "audits.policies.judge.verdict_of", by_the_point, FALSE_CLEAR,
    ),
    "a ratio that forgets the declared strata": (
        "D3 strata", undecided(asks.judged(Asked.about(APPROVAL), *RAW_RULES), 1), 10,
        "audits.fair_lending.approval._lumping_strata", lambda figure, contract: figure, NEVER,
    ),
    "a selected sample that is not marked": (
        "D4 approved-only", undecided(asks.never(CALIBRATION, "fair_lending.calibration"), 1), 30,
        "audits.fair_lending.calibration.marked_selected", lambda figure, said: figure, NEVER,
    ),
    "one bound of an unrecorded group": (
        "D6 noisy-groups", ours(asks.measured(Asked.about("fair_lending.imputed_groups"), "imputed_approval_gap"), 1,
                                coverage=BOUNDS), 120,
        "audits.statistics.imputed_membership.union_interval", lower_bound_alone, BOUNDS,
    ),
    "estimated risk taken as known": (
        "D1 true-risk, risk estimated",
        ours(asks.measured(Asked.about(RISK, replicates=50), "risk_adjusted_gap"), 1,
             type_one=TYPE_ONE_OF_ESTIMATED_RISK), 200,
        "audits.fair_lending.risk_adjusted.RiskAdjustedApproval._one", risk_taken_as_known, TYPE_ONE_OF_ESTIMATED_RISK,
    ),
}  # fmt: skip


# what the mutation leaves without a use, and what would take long
SPARED = {
    "a judge without its family": {
        "audits.comparisons.raw._compared": lambda *given: islice(_COMPARED(*given), 1),
        "audits.statistics.ratio_interval.ratio_interval": score_interval_ratio,
    },
    "estimated risk taken as known": {"audits.statistics.risk_adjusted._draws": no_bootstrap},
}


@pytest.mark.parametrize("name", BENEATH)
def test_a_question_or_judge_with_a_broken_part_is_caught(name: str) -> None:
    place, way, size, part, broken, target = BENEATH[name]
    scenario = replace(played()[place], ways={name: replace(way, files=None)})
    at = {TYPE_ONE: (FAIR,), TYPE_ONE_OF_ESTIMATED_RISK: (FAIR,), BOUNDS: (LARGE,), NEVER: (FAR_BEYOND,)}
    spared = SPARED.get(name, {})
    found = patched({part: broken, **spared}, scenario, size, at.get(target, ()), target)
    assert found
    assert not all(c.held for c in found.values())


def patched(parts: dict[str, object], scenario: Scenario, size: int, effects: tuple[str, ...], target: Target):
    asks.forget()
    with ExitStack() as stack:
        for place, other in parts.items():
            stack.enter_context(mock.patch(place, other))
        found = outcome(scenario, size, effects, only=target)
    asks.forget()
    return found

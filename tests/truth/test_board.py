"""The scoreboard in a quick form, what it catches, and how it is played and shown."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from itertools import islice
from unittest import mock

import numpy as np
import pytest

from audits.comparisons import raw
from audits.fair_lending.risk_adjusted import RiskAdjustedApproval
from audits.policies.judge import verdict_of
from audits.record import Measurement, Rule
from audits.simulation.intersections import Intersections
from audits.simulation.world import effect_for
from audits.statistics.least_squares import fit_least_squares
from audits.statistics.proportions import score_interval_ratio
from tests.truth.board import practices as by
from tests.truth.board import replicates
from tests.truth.board import verdicts as asks
from tests.truth.board.asked import Asked, case_of
from tests.truth.board.bands import (
    BOUNDS,
    COVERAGE,
    FALSE_CLEAR,
    FALSE_FAILURE,
    NEVER,
    POWER,
    SMALL_COVERAGE,
    TYPE_ONE,
    TYPE_ONE_OF_ESTIMATED_RISK,
    Check,
    Target,
    check,
)
from tests.truth.board.lines import APPROVAL, RAW_RULES, RISK, scenarios
from tests.truth.board.page import page
from tests.truth.board.replicates import SEEDS, Job, Tally, checks, collect, jobs, play
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    LARGE,
    NAIVE,
    OURS,
    VERDICT,
    Scenario,
    detectable_gap,
    ours,
    undecided,
    verdict,
)

QUICK = 400
CHECKS = 300  # about as many as the whole board has, so that the bands here are no narrower
FEW = 6  # files of which a question is asked in the quick form
SEED = 5


def quick(scenario: Scenario) -> Scenario:
    """The same without customary practice, and with a smaller family of subgroups where they are scanned."""
    own = {name: way for name, way in scenario.ways.items() if way.who != NAIVE}
    if isinstance(scenario.world, Intersections):
        world = Intersections(levels=(2, 2, 3, 4), harmed=(0, 2, 3))
        return replace(
            scenario, world=world, ways=own, multiplicity=world.subgroups(), family=world.subgroups(), rows=20_000
        )
    return replace(scenario, ways=own)


def outcome(
    scenario: Scenario, size: int, effects: tuple[str, ...] = (), only: Target | None = None
) -> dict[str, Check]:
    """'practice: target, effect' → check; one target only where it is named."""
    found = {}
    every = dict.fromkeys(effect for way in scenario.ways.values() for effect in way.plan)
    for e, effect in enumerate(every):
        asked = {
            name: [pair for pair in way.plan.get(effect, ()) if only in (None, pair[1])]
            for name, way in scenario.ways.items()
        }
        if not any(asked.values()) or (effects and effect not in effects):
            continue
        tallies = play(scenario, effect, 0, size, [SEED, e], SEED, lambda way: FEW if way.files else size)
        for name, tally in tallies.items():
            for count, target in asked[name]:
                value = getattr(tally, count) or 0
                found[f"{name}: {target.name}, {effect}"] = check(target, value, tally.replicates, CHECKS)
    return found


@cache
def played() -> dict[str, Scenario]:
    return {scenario.name: quick(scenario) for scenario in scenarios()}


# bands


def test_a_band_fails_a_correct_tool_no_more_often_than_its_part() -> None:
    from scipy.stats import binom

    for target, probability in ((TYPE_ONE, 0.05), (POWER, 0.8), (COVERAGE, 0.94), (COVERAGE, 0.96)):
        band = check(target, 0, 500, 80)
        outside = binom.cdf(band.low - 1, 500, probability) + binom.sf(band.high, 500, probability)
        assert outside <= FALSE_FAILURE / 80
        narrower = binom.cdf(band.low, 500, probability) + binom.sf(band.high - 1, 500, probability)
        assert narrower > FALSE_FAILURE / 80 / 2  # no wider than needed


def test_a_tool_that_is_wrong_falls_out_of_its_band() -> None:
    assert not check(TYPE_ONE, 240, 2000, 80).held  # .12
    assert not check(COVERAGE, 1820, 2000, 80).held  # .91
    assert not check(COVERAGE, 1980, 2000, 80).held  # .99
    assert not check(POWER, 1400, 2000, 80).held  # .70
    assert check(TYPE_ONE, 100, 2000, 80).held
    with pytest.raises(ValueError, match="replicates"):
        check(TYPE_ONE, 0, 0, 80)


# the board


ESTIMATORS = [s.name for s in scenarios() if any(way.who == OURS and not way.files for way in s.ways.values())]
QUESTIONS = [s.name for s in scenarios() if any(way.files for way in s.ways.values() if way.who != NAIVE)]
DEAR = (
    "D2 proxy, risk estimated",
    "D8 same-ratio, risk estimated",
    "D9 estimated-risk, risk estimated",
)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_our_estimators_hold_every_check_of_the_board_in_its_quick_form(name: str) -> None:
    scenario = played()[name]
    own = {key: way for key, way in scenario.ways.items() if not way.files}
    found = outcome(replace(scenario, ways=own), scenario.quick)
    assert found
    assert {key: (c.count, c.low, c.high) for key, c in found.items() if not c.held} == {}


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in DEAR])
def test_questions_and_their_verdicts_hold_the_checks_of_the_board_in_its_quick_form(name: str) -> None:
    scenario = played()[name]
    own = {key: way for key, way in scenario.ways.items() if way.files}
    effects = (FAIR, AT_LIMIT) if name.startswith("D5") else (FAIR, AT_LIMIT, LARGE, FAR_BEYOND)
    found = outcome(replace(scenario, ways=own), FEW, effects)
    assert any("false clear" in key or "never clear" in key for key in found)
    assert {key: (c.count, c.low, c.high) for key, c in found.items() if not c.held} == {}


def test_every_world_of_the_board_has_a_line_that_is_a_question_or_a_verdict() -> None:
    codes = {scenario.world.code for scenario in scenarios()}
    asked = {s.world.code for s in scenarios() if any(way.who == VERDICT for way in s.ways.values())}
    assert codes == asked >= {"D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "I1"}


def test_declared_detectable_gaps_match_the_errors_that_samples_show() -> None:
    # the error of the estimate over 600 files is known within some 3 %; the gap is 2.80 of them
    scenario = played()["D1 true-risk"]
    setting = by.Setting(scenario.world, effect_for(scenario.world, detectable_gap(scenario)), 4000)
    counts = np.random.default_rng(8).multinomial(4000, setting.people.probability.ravel(), size=600)
    low, high = by.regression(setting, counts.reshape(600, *setting.people.probability.shape), ("risk",))
    spread = ((low + high) / 2).std()
    assert detectable_gap(scenario) == pytest.approx(2.80 * spread, rel=0.1)


@pytest.mark.parametrize(
    ("name", "measure", "rule"),
    [
        ("D1 true-risk", "adjusted_approval_gap", "conv.adjusted_gap"),
        ("D2 proxy", "adjusted_approval_gap", "conv.adjusted_gap"),
        ("D3 strata", "stratified_approval_gap", "conv.stratified_gap"),
        ("D4 approved-only", "adjusted_approval_gap", "conv.adjusted_gap"),
        ("D7 repeated", "adjusted_approval_gap", "conv.adjusted_gap"),
        ("D8 same-ratio", "adjusted_approval_gap", "conv.adjusted_gap"),
    ],
)
def test_the_effects_played_are_those_that_question_and_judge_declare_detectable(name, measure, rule) -> None:
    # on a file of expected counts; the formula of the board is the normal one, of the question Student's t, and the
    # estimators weigh bands alike: three parts in a hundred. D7 rounds its expected counts of people to whole ones
    scenario = played()[name]
    case = case_of(scenario.world, Asked.about(APPROVAL), 0)
    for effect, beyond in ((DETECTABLE, False), (BEYOND, True)):
        people = scenario.world.recorded(scenario.effect(effect)).probability
        answer = case.answer(np.rint(people * scenario.rows / scenario.world.rows_each).astype(np.int64))
        (own,) = (one for one in answer.measurements if one.measure == measure)
        (judged,) = (one for one in answer.findings if one.rule.id == rule)
        assert judged.family == scenario.family
        assert (judged.mde if beyond else own.mde) == pytest.approx(detectable_gap(scenario, beyond), rel=0.03)


def test_passing_means_what_a_judgement_calls_clear() -> None:
    rule = Rule(
        id="own", title={}, citation="", jurisdiction="US", status="guidance", limit_source="ours", measure="gap",
        test="interval", comparison="at_most", limit=by.LIMIT, severity="low", verified=True,
    )  # fmt: skip
    for low, high in ((-0.2, 0.04), (0.0, 0.05), (-0.1, 0.0501), (0.06, 0.2), (0.01, 0.049)):
        measured = Measurement(
            question="q", measure="gap", attribute="a", group="B", reference="A", estimate=(low + high) / 2, low=low,
            high=high, level=0.95, n=100, method="m", source="s", equality=0.0,
        )  # fmt: skip
        ours = by.from_interval(np.array([low]), np.array([high]))
        assert bool(ours.passes[0]) == (verdict_of(measured, rule, True, False) == "clear")


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


# the harness


def test_a_cut_run_goes_on_and_ends_with_the_same_figures(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(replicates, "BATCH", 10)
    small = (played()["D5 ten-groups"],)
    scale, seeds = 40 / small[0].files, (3, 4)
    every = jobs(small, seeds, scale)
    monkeypatch.setattr(replicates, "_played", lambda: small)
    done = {job: replicates.run_job(job, scale, 2) for job in every}
    kept = tmp_path / "kept.jsonl"
    for job in every[:4]:
        replicates._keep(kept, replicates.code_digest(), job, done[job])
    kept.write_text(kept.read_text() + '{"key": "cut off in the mi')
    assert replicates._read(kept, replicates.code_digest()) == {job: done[job] for job in every[:4]}
    assert replicates._read(kept, "other code") == {}
    whole = collect(small, done)
    by_seed = whole[0, FAIR, next(iter(small[0].ways))]
    assert {seed: tally.replicates for seed, tally in by_seed.items()} == {3: 20, 4: 20}
    assert collect(small, dict(reversed(done.items()))) == whole
    assert all(json.loads(line)["key"] for line in kept.read_text().splitlines()[:4])


def test_every_batch_has_a_generator_of_its_own_and_no_seed_of_a_test_is_the_boards() -> None:
    small = tuple(played()[name] for name in ("D1 true-risk", "D5 ten-groups"))
    every = jobs(small, SEEDS)
    assert len({tuple(job.generator()) for job in every}) == len(every)
    assert Job(7, 0, 0, 0, 5).generator() != Job(8, 0, 0, 0, 5).generator()
    assert len(set(SEEDS)) == 3
    assert SEED not in SEEDS


def test_a_practice_with_fewer_files_is_given_the_first_of_them() -> None:
    scenario = replace(played()["D1 true-risk"], ways={"all": ours(by.gap_at_equal_risk), "few": ours(
        by.gap_at_equal_risk, 7)})  # fmt: skip
    parts = [play(scenario, FAIR, at, 5, [1, at], 1, lambda way: way.files or 10) for at in (0, 5)]
    assert [part["all"].replicates for part in parts] == [5, 5]
    assert [part["few"].replicates for part in parts] == [5, 2]


def test_the_page_names_failures_shows_every_practice_and_says_what_is_not_identified() -> None:
    scenario = next(s for s in scenarios() if s.world.code == "D4")
    results = {
        (0, effect, name): {
            1: Tally(50, 25, 25, 25, 45, 50 * ("error rates" in name)),
            2: Tally(50, 35, 30, 25, 50, 50 * ("error rates" in name)),
        }
        for name, way in scenario.ways.items()
        for effect in way.plan
    }  # fmt: skip
    text = page((scenario,), results, checks((scenario,), results), (1, 2))
    assert "checks fail" in text
    assert "| **FAILS** type-I error | fair twin |" in text
    assert "| 60.0 % (50.0–70.0) |" in text
    assert "**verdicts on error rates** | 100 | not identified |" in text
    assert all(name in text for name in scenario.ways)


def test_the_published_page_shows_every_scenario_and_no_failed_check() -> None:
    text = (replicates.ROOT / "docs/truth.md").read_text(encoding="utf-8")
    for scenario in scenarios():
        assert f"## {scenario.name}\n" in text
        assert all(f"{name}" in text for name in scenario.ways)
    lines = re.findall(
        r"^\| .* \| [0-9.]+ % \| (?:at (?:least|most) [0-9.]+|[0-9.]+ to [0-9.]+) % \|$", text, re.MULTILINE
    )
    assert len(lines) > 250
    assert f"All {len(lines)} checks hold" in text
    assert "FAIL" not in text
    assert ", ".join(map(str, SEEDS)) in text

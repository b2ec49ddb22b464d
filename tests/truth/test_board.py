"""The scoreboard in a quick form, and how it is played and shown."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from audits.policies.judge import verdict_of
from audits.record import Measurement, Rule
from audits.simulation.world import effect_for
from tests.truth.board import practices as by
from tests.truth.board import replicates
from tests.truth.board.asked import Asked, case_of
from tests.truth.board.bands import (
    COVERAGE,
    FALSE_FAILURE,
    POWER,
    TYPE_ONE,
    check,
)
from tests.truth.board.lines import APPROVAL, scenarios
from tests.truth.board.page import page
from tests.truth.board.prices_page import TITLE
from tests.truth.board.quick import FEW, SEED, outcome, played
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
    detectable_gap,
    ours,
)

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
    text = (replicates.ROOT / "docs/truth.md").read_text(encoding="utf-8").partition(f"\n{TITLE}")[0]
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

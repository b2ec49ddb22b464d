"""The truth of the worlds by brute force, the scoreboard in a quick form, and what it catches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from audits.policies.judge import verdict_of
from audits.record import Measurement, Rule
from audits.simulation.catalogue import WORLDS, find_world
from audits.simulation.intersections import Intersections
from audits.simulation.world import World, effect_for
from audits.statistics.least_squares import fit_least_squares
from tests.truth.board import practices as by
from tests.truth.board import replicates
from tests.truth.board.bands import (
    COVERAGE,
    FALSE_CLEAR,
    FALSE_FAILURE,
    POWER,
    SMALL_COVERAGE,
    TYPE_ONE,
    Check,
    Target,
    check,
)
from tests.truth.board.page import page
from tests.truth.board.replicates import Job, Tally, checks, collect, jobs, play, targets
from tests.truth.board.scenarios import FAIR, OURS, Scenario, detectable_gap, scenarios

# truth by brute force: people drawn one by one, and every figure worked out from their rows

PEOPLE, BATCHES = 400_000, 20
NOT_FROM_ROWS = {"subgroups", "share_of_the_planted_subgroup", "design_effect", "lowest_over_highest_rate"}


def drawn(world: World, effect: float, seed: int) -> pd.DataFrame:
    """People with all that is true of them, hidden columns too."""
    people = world.population(effect)
    rng = np.random.default_rng(seed)
    kinds = rng.choice(people.probability.size, size=PEOPLE, p=people.probability.ravel() / people.probability.sum())
    codes = np.unravel_index(kinds, people.probability.shape)
    data = pd.DataFrame({c.name: np.array(c.values)[code] for c, code in zip(people.columns, codes, strict=True)})
    if world.rows_each > 1:
        data = data.loc[data.index.repeat(world.rows_each)]
        turn = np.tile(np.arange(world.rows_each), PEOPLE)
        data["approved"] = (turn < data["approved"]).astype(int)
    return data


def slope(data: pd.DataFrame, outcome: str, strata: list[str]) -> float:
    """Effect of the group on the outcome after taking out the means of the strata (Frisch and Waugh 1933)."""
    group = (data["group"] == "B").astype(float)
    key = [data[name] for name in strata]
    y = data[outcome] - data[outcome].groupby(key).transform("mean")
    g = group - group.groupby(key).transform("mean")
    return float((g * y).sum() / (g * g).sum())


def reweighted(data: pd.DataFrame, band: str, to: str) -> float:
    """Mean over the rows of one group of the difference between the groups' rates in the row's band."""
    rate = data.groupby([band, "group"])["approved"].mean().unstack()
    return float((rate["A"] - rate["B"]).reindex(data.loc[data["group"] == to, band]).mean())


def pooled_odds(data: pd.DataFrame, band: str) -> float:
    from statsmodels.stats.contingency_tables import StratifiedTable

    counts = data.groupby([band, "group", "approved"]).size().unstack([1, 2])
    tables = [[[row["B"][1], row["B"][0]], [row["A"][1], row["A"][0]]] for _, row in counts.iterrows()]
    return float(StratifiedTable(np.array(tables, dtype=float).transpose(1, 2, 0)).oddsratio_pooled)


def mean(data: pd.DataFrame, column: str, **where: object) -> float:
    for name, value in where.items():
        data = data[data[name] == value]
    return float(data[column].mean())


def difference(column: str, **where: object) -> Callable[[pd.DataFrame], float]:
    return lambda d: mean(d, column, group="B", **where) - mean(d, column, group="A", **where)


def figures(world: World) -> dict[str, Callable[[pd.DataFrame], float]]:
    """How each true figure is worked out from rows, by textbook means other than the tables of the worlds."""
    band = "product" if world.code == "D3" else "risk"
    found: dict[str, Callable[[pd.DataFrame], float]] = {
        "approval_gap": lambda d: mean(d, "approved", group="A") - mean(d, "approved", group="B"),
        "adverse_impact_ratio": lambda d: mean(d, "approved", group="B") / mean(d, "approved", group="A"),
        "conditional_gap": lambda d: -slope(d, "approved", [band]),
        "mantel_haenszel_gap": lambda d: -slope(d, "approved", [band]),
        "conditional_gap_of_the_group": lambda d: reweighted(d, band, "B"),
        "conditional_gap_of_the_reference": lambda d: reweighted(d, band, "A"),
        "gap_given_risk_and_trait": lambda d: -slope(d, "approved", ["risk", "trait"]),
        "mantel_haenszel_odds_ratio": lambda d: pooled_odds(d, band),
        "repayment_gap_among_the_approved": lambda d: -difference("repaid", approved=1)(d),
        "default_rate_gap": difference("default"),
        "default_rate_gap_among_the_approved": difference("default", approved=1),
        "calibration_gap": lambda d: slope(d, "default", ["risk"]),
        "calibration_gap_among_the_approved": lambda d: slope(d[d["approved"] == 1], "default", ["risk"]),
        "false_rejection_rate_gap": lambda d: -difference("approved", default=0)(d),
    }
    for label in ("A", "B"):
        found[f"approval_rate[{label}]"] = lambda d, label=label: mean(d, "approved", group=label)
    if world.code == "D3":
        for product in ("product 1", "product 2", "product 3", "product 4"):
            found[f"ratio_within[{product}]"] = lambda d, p=product: (
                mean(d, "approved", group="B", product=p) / mean(d, "approved", group="A", product=p)
            )
    return {**found, **OWN.get(world.code, dict)()}


def of_groups() -> dict[str, Callable[[pd.DataFrame], float]]:
    labels = find_world("D5").labels()
    own = {f"approval_rate[{g}]": lambda d, g=g: mean(d, "approved", group=g) for g in labels}
    own |= {
        f"adverse_impact_ratio[{g}]": lambda d, g=g: mean(d, "approved", group=g) / mean(d, "approved", group=labels[0])
        for g in labels
    }
    harmed, first = labels[2], labels[0]
    own["approval_gap"] = lambda d: mean(d, "approved", group=first) - mean(d, "approved", group=harmed)
    own["adverse_impact_ratio"] = own[f"adverse_impact_ratio[{harmed}]"]
    return own


def of_members() -> dict[str, Callable[[pd.DataFrame], float]]:
    def weighted(d: pd.DataFrame) -> float:
        q, yes = d["probability"], d["approved"]
        return float(np.average(yes, weights=1 - q) - np.average(yes, weights=q))

    return {
        "approval_rate[member]": lambda d: mean(d, "approved", member=1),
        "approval_rate[not a member]": lambda d: mean(d, "approved", member=0),
        "approval_gap": lambda d: mean(d, "approved", member=0) - mean(d, "approved", member=1),
        "adverse_impact_ratio": lambda d: mean(d, "approved", member=1) / mean(d, "approved", member=0),
        "gap_by_likely_group": lambda d: mean(d, "approved", likely="A") - mean(d, "approved", likely="B"),
        "gap_of_weighted_rates": weighted,
        "gap_by_least_squares_on_probability": lambda d: -np.polyfit(d["probability"], d["approved"], 1)[0],
    }


def of_subgroups() -> dict[str, Callable[[pd.DataFrame], float]]:
    planted = find_world("I1").planted()

    def rates(d: pd.DataFrame) -> tuple[float, float]:
        inside = np.logical_and.reduce([(d[name] == value).to_numpy() for name, value in planted.items()])
        return float(d["approved"][inside].mean()), float(d["approved"][~inside].mean())

    return {
        "approval_rate[planted subgroup]": lambda d: rates(d)[0],
        "approval_rate[everyone else]": lambda d: rates(d)[1],
        "approval_gap": lambda d: rates(d)[1] - rates(d)[0],
        "adverse_impact_ratio": lambda d: rates(d)[0] / rates(d)[1],
    }


def of_signs() -> dict[str, Callable[[pd.DataFrame], float]]:
    """Risk as the mean repayment of everyone drawn who looks alike, and least squares of approval on it."""

    def at(d: pd.DataFrame, known: list[str]) -> float:
        # the group's own cells are too small in a batch: the chance of repayment is linear in risk, so is its mean
        repaid = dict(zip(range(1, 11), np.linspace(0.97, 0.5, 10), strict=True))
        risk = d["risk"].map(repaid).groupby([d[name] for name in known]).transform("mean")
        design = np.column_stack([np.ones(len(d)), risk, d["group"] == "B"]).astype(float)
        return -float(np.linalg.lstsq(design, d["approved"].to_numpy(float), rcond=None)[0][2])

    signs = ["income", "history", "trait"]
    return {
        "risk_adjusted_gap": lambda d: at(d, [*signs, "group"]),
        "gap_at_equal_blind_risk": lambda d: at(d, signs),
        "gap_given_the_signs": lambda d: -slope(d, "approved", signs),
    }


OWN = {"D5": of_groups, "D6": of_members, "D9": of_signs, "I1": of_subgroups}


@pytest.mark.parametrize("effect", ["fair", "planted"])
@pytest.mark.parametrize("name", [kind.name for kind in WORLDS])
def test_truth_matches_people_drawn_one_by_one_within_monte_carlo_error(name: str, effect: str) -> None:
    world = find_world(name)
    size = 0.0 if effect == "fair" else world.example_effect
    data, ways = drawn(world, size, seed=11), figures(world)
    part = np.arange(len(data)) * BATCHES // len(data)
    for figure, true in world.truth(size).items():
        if figure in NOT_FROM_ROWS:
            continue
        estimates = [ways[figure](data[part == batch]) for batch in range(BATCHES)]
        error = np.std(estimates, ddof=1) / np.sqrt(BATCHES)
        # 20 batches give the error itself within some 16 %; ratios of rates have a bias of order 1/n
        assert abs(np.mean(estimates) - true) < 6 * error + 1e-4, figure


def test_figures_not_taken_from_rows_follow_from_those_that_are() -> None:
    truth = find_world("D5").truth(0.2)
    every = [value for key, value in truth.items() if key.startswith("approval_rate")]
    assert truth["lowest_over_highest_rate"] == pytest.approx(min(every) / max(every), rel=1e-12)
    share = find_world("I1").truth(0)["share_of_the_planted_subgroup"]
    assert share == pytest.approx(1 / (2 * 5 * 6), rel=1e-12)


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


QUICK = 400
CHECKS = 100  # about as many as the whole board has, so that the bands here are no narrower


def quick(scenario: Scenario) -> Scenario:
    """The same with our practices only, and a smaller family of subgroups where they are scanned."""
    ours = {name: way for name, way in scenario.practices.items() if way[0] == OURS}
    if isinstance(scenario.world, Intersections):
        world = Intersections(levels=(2, 2, 3, 4), harmed=(0, 2, 3))
        return replace(scenario, world=world, practices=ours, multiplicity=world.subgroups(), rows=20_000)
    return replace(scenario, practices=ours)


def outcome(scenario: Scenario, size: int = QUICK, only: Target | None = None, seed: int = 5) -> dict[str, Check]:
    """'target, effect' → check of a scenario with practices of ours; one target only where it is named."""
    found = {}
    for e, (effect, value) in enumerate(scenario.effects().items()):
        asked = [(count, target) for count, target in targets(scenario, effect) if only in (None, target)]
        for name, tally in (play(scenario, value, size, [seed, e]) if asked else {}).items():
            for count, target in asked:
                key = f"{name}: {target.name}, {effect}"
                found[key] = check(target, getattr(tally, count) or 0, tally.replicates, CHECKS)
    return found


@cache
def played() -> dict[str, Scenario]:
    return {scenario.name: quick(scenario) for scenario in scenarios()}


@pytest.mark.parametrize("name", [scenario.name for scenario in scenarios()])
def test_our_estimators_hold_every_check_of_the_board_in_its_quick_form(name: str) -> None:
    scenario = played()[name]
    found = outcome(scenario, scenario.quick)
    assert found
    assert {key: (c.count, c.low, c.high) for key, c in found.items() if not c.held} == {}


def test_declared_detectable_gaps_match_the_errors_that_samples_show() -> None:
    # the error of the estimate over 600 files is known within some 3 %; the gap is 2.80 of them
    (scenario,) = (s for s in scenarios() if s.world.code == "D1")
    setting = by.Setting(scenario.world, effect_for(scenario.world, detectable_gap(scenario)), 4000)
    counts = np.random.default_rng(8).multinomial(4000, setting.people.probability.ravel(), size=600)
    low, high = by.regression(setting, counts.reshape(600, *setting.people.probability.shape), ("risk",))
    spread = ((low + high) / 2).std()
    assert detectable_gap(scenario) == pytest.approx(2.80 * spread, rel=0.1)


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
    return by.from_interval(*by._wald(by.margin(setting, counts, "group", "approved"), by.Z))


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
    return by.from_interval(*by._wald(joint[:, [0, -1]], by.Z))


# the estimator, the scenario, how many files, and the check that must fail
MUTATIONS = {
    "wrong sign of the gap": ("D1 true-risk", wrong_sign, 300, POWER),
    "a missing factor in the error": ("D1 true-risk", error_without_a_factor, 300, TYPE_ONE),
    "an error too large": ("D1 true-risk", error_too_large, 300, POWER),
    "one-sided limits for two": ("D1 true-risk", one_sided_limits, 1500, TYPE_ONE),
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
    found = outcome(replace(played()[place], practices={name: (OURS, broken)}), size, target)
    assert found
    assert not all(c.held for c in found.values())


# the harness


def test_a_cut_run_goes_on_and_ends_with_the_same_figures(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(replicates, "BATCH", 20)
    small = (played()["D5 ten-groups"],)
    every = jobs(small, 40 / small[0].replicates)
    monkeypatch.setattr(replicates, "_played", lambda: small)
    done = {job: replicates.run_job(job) for job in every}
    kept = tmp_path / "kept.jsonl"
    for job in every[:4]:
        replicates._keep(kept, replicates.code_digest(), job, done[job])
    kept.write_text(kept.read_text() + '{"key": "cut off in the mi')
    assert replicates._read(kept, replicates.code_digest()) == {job: done[job] for job in every[:4]}
    assert replicates._read(kept, "other code") == {}
    whole = collect(small, done)
    assert whole[0, FAIR, next(iter(small[0].practices))].replicates == 40
    assert collect(small, dict(reversed(done.items()))) == whole
    assert all(json.loads(line)["key"] for line in kept.read_text().splitlines()[:4])


def test_every_batch_has_a_seed_of_its_own() -> None:
    every = jobs(scenarios())
    assert len({tuple(job.seed()) for job in every}) == len(every)
    assert Job(0, 0, 0, 5).seed() != Job(0, 0, 1, 5).seed()


def test_the_page_names_failures_and_shows_every_practice() -> None:
    scenario = scenarios()[4]
    results = {
        (0, effect, name): Tally(100, 60, 55, 50, 95) for effect in scenario.effects() for name in scenario.practices
    }
    text = page((scenario,), results, checks((scenario,), results))
    assert "checks fail" in text
    assert "| **FAILS** type-I error | fair twin |" in text
    assert "| 60.0 % | at most" in text
    assert all(name in text for name in scenario.practices)


def test_the_published_page_shows_every_scenario_and_no_failed_check() -> None:
    text = (replicates.ROOT / "docs/truth.md").read_text(encoding="utf-8")
    for scenario in scenarios():
        assert f"## {scenario.name}\n" in text
        assert all(f"{who}: {name}" in text for name, (who, _) in scenario.practices.items())
    lines = re.findall(
        r"^\| .* \| [0-9.]+ % \| (?:at (?:least|most) [0-9.]+|[0-9.]+ to [0-9.]+) % \|$", text, re.MULTILINE
    )
    assert len(lines) > 80
    assert f"All {len(lines)} checks hold" in text
    assert "FAIL" not in text

"""Simulated worlds: their truth, their rows, their files, and what an audit of them finds."""

from __future__ import annotations

import hashlib
import json
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import squaredeal
from audits.simulation import write
from audits.simulation.catalogue import WORLDS, find_world
from audits.simulation.intersections import Intersections
from audits.simulation.population import Column, Population, conditional_gap, either, odds_ratio, table
from audits.simulation.world import TURN, effect_for
from audits.simulation.write import Simulation, blocks, write_simulation
from checks.problem import InputError
from tests.programs import ROOT, run_program

PLANTED = [(kind.name, effect) for kind in WORLDS for effect in (0.0, kind.example_effect)]


def frame(name: str, effect: float, rows: int, seed: int = 3) -> pd.DataFrame:
    """Rows of a world with their values, as a file would hold them."""
    simulation = Simulation(find_world(name), rows, effect, seed)
    recorded = simulation.world.recorded(effect)
    counted = ["approved"] if simulation.world.rows_each > 1 and not simulation.world.shared else []
    coded = [c.name for c in recorded.columns if c.name not in counted]
    parts = [
        pd.DataFrame(
            {
                key: np.array(recorded.values(key), dtype=object)[codes] if key in coded else codes
                for key, codes in block.items()
            }
        )
        for block in blocks(simulation)
    ]
    return pd.concat(parts, ignore_index=True)


def simulated(*arguments: object):
    return CliRunner().invoke(squaredeal.app, ["simulate", *map(str, arguments)])


# the population


def test_truth_of_every_world_is_finite_and_its_estimand_is_nought_in_the_fair_twin_only() -> None:
    for kind in WORLDS:
        world = kind()
        for effect in np.linspace(0, world.largest_effect, 5):
            truth = world.truth(effect)
            assert np.isfinite(list(truth.values())).all()
            gap = truth[world.estimand]
            assert abs(gap) < 1e-12 if effect == 0 else gap > 0.2 * effect
            assert world.population(effect).probability.sum() == pytest.approx(1, abs=1e-12)


def test_worlds_have_the_figures_they_are_named_for() -> None:
    d1, d2, d3, d5 = (find_world(code) for code in ("D1", "D2", "D3", "D5"))
    assert d1.truth(0)["adverse_impact_ratio"] == pytest.approx(0.73, abs=1e-12)
    assert d1.truth(0.1)["conditional_gap"] == pytest.approx(0.1, abs=1e-12)
    for penalty in (0.15, 0.3):
        truth = d2.truth(penalty)
        assert truth["gap_given_risk_and_trait"] == pytest.approx(0, abs=1e-12)
        assert 0.3 * penalty < truth["conditional_gap"] < 0.4 * penalty
    assert d3.truth(0)["adverse_impact_ratio"] == pytest.approx(0.75, abs=1e-12)
    planted = d3.truth(0.1)
    assert planted["adverse_impact_ratio"] == pytest.approx(1, abs=1e-12)
    assert planted["mantel_haenszel_gap"] == pytest.approx(0.1, abs=1e-12)
    assert all(value < 0.95 for name, value in planted.items() if name.startswith("ratio_within"))
    assert min(d5.shares) * 2000 == pytest.approx(30)
    assert len(d5.shares) == 10


def test_the_label_trap_has_the_wrong_sign_among_the_approved_only() -> None:
    truth = find_world("approved-only").truth(0.12)
    assert truth["calibration_gap"] == pytest.approx(0, abs=1e-12)
    assert truth["calibration_gap_among_the_approved"] < -0.01
    assert truth["default_rate_gap_among_the_approved"] > 0  # reads as leniency to the group that is harmed
    assert truth["false_rejection_rate_gap"] > find_world("approved-only").truth(0)["false_rejection_rate_gap"] + 0.1


@pytest.mark.parametrize("effect", [0.05, 0.15, 0.6])
def test_customary_estimates_of_an_unrecorded_group_bound_the_truth(effect: float) -> None:
    truth = find_world("noisy-groups").truth(effect)
    weighted, regressed = truth["gap_of_weighted_rates"], truth["gap_by_least_squares_on_probability"]
    assert weighted < truth["approval_gap"] < regressed


def test_intersections_make_exactly_1957_subgroups_counted_one_by_one() -> None:
    from itertools import combinations, product

    world = Intersections()
    found = {
        subset + values
        for depth in (1, 2, 3)
        for subset in combinations(range(len(world.levels)), depth)
        for values in product(*(range(world.levels[i]) for i in subset))
    }
    assert len(found) == world.subgroups() == world.truth(0)["subgroups"] == 1957


def test_the_effect_that_gives_a_wanted_figure_is_found() -> None:
    for kind in WORLDS:
        world = kind()
        wanted = 0.5 * world.truth(world.largest_effect)[world.estimand]
        assert world.truth(effect_for(world, wanted))[world.estimand] == pytest.approx(wanted, rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.05, 1), min_size=12, max_size=12))
def test_true_conditional_figures_match_a_table_of_expected_counts_worked_by_hand(weights: list[float]) -> None:
    joint = np.array(weights).reshape(2, 3, 2) / sum(weights)
    rows = [
        (g, s, a, joint[g, s, a]) for g in range(2) for s in range(3) for a in range(2)
    ]  # what a person would do with the printed table, one stratum after another
    top = bottom = over = under = 0.0
    for s in range(3):
        a = {(g, d): p for g, t, d, p in rows if t == s}
        n1, n0 = a[1, 0] + a[1, 1], a[0, 0] + a[0, 1]
        top += n1 * n0 / (n1 + n0) * (a[0, 1] / n0 - a[1, 1] / n1)
        bottom += n1 * n0 / (n1 + n0)
        over += a[1, 1] * a[0, 0] / (n1 + n0)
        under += a[1, 0] * a[0, 1] / (n1 + n0)
    assert conditional_gap(joint)["overlap"] == pytest.approx(top / bottom, abs=1e-12)
    assert odds_ratio(joint) == pytest.approx(over / under, rel=1e-12)


def test_marginals_come_in_the_order_asked_for() -> None:
    people = find_world("D2").population(0.2)
    joint = people.over("approved", "group", "trait")
    assert joint.shape == (2, 2, 2)
    assert joint[1, 0, 1] == pytest.approx(people.probability[0, :, 1, 1].sum(), abs=1e-15)
    with pytest.raises(ValueError, match="'grup', expected one of group"):
        people.over("grup")


def test_impossible_populations_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 1"):
        Population((Column("a", (0, 1)),), np.array([0.5, 0.4]))
    with pytest.raises(ValueError, match="negative"):
        Population((Column("a", (0, 1)),), np.array([1.5, -0.5]))
    with pytest.raises(ValueError, match="shape"):
        Population((Column("a", (0, 1)),), np.array([1.0]))
    with pytest.raises(ValueError, match="chance: found"):
        either([0.2, 1.2])
    with pytest.raises(ValueError, match=r"effect: found 0\.5, expected a number from 0 to 0\.24"):
        find_world("D1").population(0.5)
    swapped = table({"a": (0, 1), "b": (0, 1, 2)}, (("b", "a"), np.arange(6).reshape(3, 2) / 15))
    assert swapped.probability[1, 2] == pytest.approx(5 / 15)


# the rows


@pytest.mark.parametrize(("name", "effect"), PLANTED)
def test_rows_are_spread_as_the_population_says(name: str, effect: float) -> None:
    world, rows = find_world(name), 60_000
    data, people = frame(name, effect, rows), world.recorded(effect)
    keys = [column.name for column in people.columns if column.name not in world.hidden][-3:]
    if world.shared:  # rows of one entity depend on each other, those of one turn do not
        for turn in range(world.rows_each):
            mine = data[data["case"] % world.rows_each == turn]
            assert_spread(mine, keys, people, people.over(TURN, *keys)[turn] * world.rows_each)
        return
    if world.rows_each > 1:
        data = data.groupby("applicant").agg({**dict.fromkeys(keys[:-1], "first"), "approved": "sum"})
    assert_spread(data, keys, people, people.over(*keys))


def assert_spread(data: pd.DataFrame, keys: list[str], people: Population, chances: np.ndarray) -> None:
    """Counts of the keys agree with their chances."""
    counts = data.fillna(dict.fromkeys(keys, -1)).groupby(keys).size()
    expected = chances * len(data)
    total = 0.0
    for place in np.ndindex(expected.shape):
        values = tuple(people.values(key)[i] for key, i in zip(keys, place, strict=True))
        seen = counts.get(tuple(-1 if value is None else value for value in values), 0)
        if expected[place] == 0:
            assert seen == 0
        else:
            total += (seen - expected[place]) ** 2 / expected[place]
    freedom = (expected > 0).sum() - 1
    # Pearson's chi-square lies within six of its standard deviations, √(2 · freedom), on any seed; kinds of which
    # hardly any are expected widen that by Σ 1 / expected
    rare = (1 / expected[expected > 0]).sum()
    assert abs(total - freedom) < 6 * np.sqrt(2 * freedom + rare) + 6


def test_a_longer_file_begins_with_the_rows_of_a_shorter_one_and_blocks_do_not_repeat() -> None:
    rows = write.BLOCK + 1000
    longer, shorter = frame("D5", 0.1, rows + 500), frame("D5", 0.1, rows)
    pd.testing.assert_frame_equal(longer.iloc[:rows], shorter)
    head, tail = longer["group"][:1500].tolist(), longer["group"][write.BLOCK :].tolist()
    assert head != tail
    assert frame("D5", 0.1, 1500, seed=4)["group"].tolist() != head


def test_repeated_applicants_have_the_stated_correlation_and_no_row_beyond_the_file() -> None:
    world = find_world("repeated")
    data = frame("repeated", 0.1, 79_999)
    assert len(data) == 79_999
    assert data["case"].tolist() == list(range(79_999))
    whole = data[data["applicant"] < 19_999]
    by_person = whole.groupby(["applicant", "group", "risk"], as_index=False)["approved"].sum()
    within = by_person[(by_person["group"] == "A") & (by_person["risk"] == 4)]["approved"]
    chance = within.mean() / 4
    # Var of a sum of four = 4 p q (1 + 3 ρ); about 2,300 people give it within some 5 %
    assert within.var() == pytest.approx(4 * chance * (1 - chance) * (1 + 3 * world.alike), rel=0.12)


def test_memory_stays_bounded_since_a_block_is_all_that_is_drawn_at_once() -> None:
    stream = blocks(Simulation(find_world("D1"), 10**10))
    assert len(next(stream)["case"]) == write.BLOCK
    assert next(stream)["case"][0] == write.BLOCK


@pytest.mark.parametrize("name", [kind.name for kind in WORLDS if kind.shared])
def test_rows_of_one_entity_are_numbered_and_have_in_common_what_they_share(name: str) -> None:
    world = find_world(name)
    data = frame(name, world.example_effect, 19_998)
    assert data["case"].tolist() == list(range(19_998))
    assert (data[world.entity] == data["case"] // world.rows_each).all()
    shown = [column for column in world.shared if column in data]
    assert shown
    for column in shown:
        assert (data.groupby(world.entity)[column].nunique() == 1).all()


@pytest.mark.parametrize(
    "name", [kind.name for kind in WORLDS if kind.shared and kind.audits == ("loyalty_pricing",)]
)  # fmt: skip
def test_quotes_of_one_customer_depend_on_each_other_as_the_population_says(name: str) -> None:
    # the sum over customers of squared sums of scores, over the sum of squared scores: about the design effect
    world = find_world(name)
    data = frame(name, 0.02, 119_998)
    assert len(data) == 119_998
    years = data["tenure"].astype(float)
    assert (data.groupby("customer")["tenure"].diff().dropna() == 1).all()
    fixed = [data["product"], data["channel"]]
    left, years = (
        x - x.groupby(fixed).transform("mean") for x in (np.log(data["price"] / data["technical_cost"]), years)
    )
    score = (left - (left @ years) / (years @ years) * years) * years
    found = (score.groupby(data["customer"]).sum() ** 2).sum() / (score**2).sum()
    # some 30,000 customers: a few per cent of chance
    assert found == pytest.approx(world.truth(0.02)["design_effect"], rel=0.05)


def test_amounts_of_a_file_follow_from_its_columns_and_hidden_ones_are_not_shown(tmp_path) -> None:
    files = write_simulation(Simulation(find_world("A1"), 20_000, 0.02, 2), tmp_path)
    data = pd.read_parquet(files.data)
    shown = ["case", "product", "channel", "risk", "tenure", "claims", "technical_cost", "price"]
    assert list(data.columns) == shown
    ratio = np.log(data["price"] / data["technical_cost"]) - 0.02 * data["tenure"]
    assert len(set(ratio.round(9))) == 2 * 2 * 2  # load by channel, price noise, cost noise
    assert set(data["claims"]) == {0.0, 1500.0, 12000.0}
    cost = data.groupby("risk")["technical_cost"].mean()
    assert cost.is_monotonic_increasing


def test_the_insurers_have_the_figures_they_are_named_for() -> None:
    cheaper, dearer, error, walking = (find_world(code) for code in ("A1", "A2", "A4", "A5"))
    assert cheaper.truth(0.02)["naive_slope"] < -0.05
    assert cheaper.truth(0.02)["slope_in_coarse_risk_cells"] < 0 < cheaper.truth(0.0)["slope_at_linear_score"]
    assert dearer.truth(0.0)["naive_slope"] > 0.05
    for world in (cheaper, dearer):
        truth = world.truth(0.02)
        assert truth["tenure_price_slope"] == pytest.approx(0.02, abs=1e-12)
        assert truth["loss_ratio_slope"] == pytest.approx(0.02, abs=1e-12)
        assert truth["cost_error_slope"] == pytest.approx(0, abs=1e-12)
    hidden = error.truth(0.02)
    assert hidden["tenure_price_slope"] == pytest.approx(0, abs=1e-12)
    assert hidden["cost_error_slope"] == pytest.approx(-0.02, abs=1e-12)
    assert hidden["loss_ratio_slope"] == pytest.approx(0.02, abs=1e-12)
    walked = walking.truth(walking.example_effect)
    assert walked["price_at_equal_risk[0]"] == walked["mean_price[0]"] == pytest.approx(285, abs=1e-9)
    assert walked["price_at_equal_risk[5]"] == pytest.approx(370, abs=0.01)
    assert walked["price_ratio[5]"] == pytest.approx(370 / 285, abs=1e-4)


# the files


def digests(folder) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_other_rows_only(tmp_path) -> None:
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        done = simulated("strata", "--rows", 4000, "--effect", 0.1, "--seed", seed, "--out", tmp_path / folder)
        assert done.exit_code == 0
    first, again, other = (digests(tmp_path / folder) for folder in "abc")
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"data.parquet", "truth.json"}


def test_the_truth_file_says_what_is_true_and_what_was_asked(tmp_path) -> None:
    simulated("D1", "--rows", 500, "--effect", 0.1, "--seed", 9, "--out", tmp_path)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert told["truth"]["conditional_gap"] == pytest.approx(0.1, abs=1e-11)  # records keep twelve digits
    assert (told["world"], told["code"], told["effect"], told["seed"], told["rows"]) == ("true-risk", "D1", 0.1, 9, 500)
    assert told["harm_is_planted"] is True
    assert told["parameters"]["ratio"] == 0.73


def test_hidden_truths_are_not_in_the_file(tmp_path) -> None:
    for name, hidden in (("approved-only", "sign"), ("noisy-groups", "member")):
        files = write_simulation(Simulation(find_world(name), 3000, 0.1), tmp_path / name)
        data = pd.read_parquet(files.data)
        assert hidden not in data
    data = pd.read_parquet(tmp_path / "approved-only/data.parquet")
    assert data.loc[data["approved"] == 0, "default"].isna().all()
    assert data.loc[data["approved"] == 1, "default"].notna().all()


def test_files_from_before_are_kept_unless_forced(tmp_path) -> None:
    assert simulated("D5", "--rows", 100, "--out", tmp_path).exit_code == 0
    before = digests(tmp_path)
    refused = simulated("D5", "--rows", 200, "--out", tmp_path)
    assert refused.exit_code == 2
    assert "data.parquet" in refused.output
    assert "--force" in refused.output
    assert digests(tmp_path) == before
    assert simulated("D5", "--rows", 200, "--out", tmp_path, "--force").exit_code == 0
    assert len(pd.read_parquet(tmp_path / "data.parquet")) == 200


def test_a_write_that_fails_midway_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(write, "_program", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_simulation(Simulation(find_world("D5"), 100), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["data.parquet"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["true-rsk"], "did you mean 'true-risk'?"),
        (["D1", "--rows", "0"], "a whole number from 1"),
        (["D1", "--effect", "0.9"], "a number from 0 (the fair twin) to 0.24"),
        (["D1", "--effect", "nan"], "a number from 0 (the fair twin)"),
        (["D1", "--seed", "-1"], "a whole number from 0"),
        (["D1", "--rename", "grup=x"], "did you mean 'group'?"),
        (["D1", "--rename", "group"], "OLD=NEW"),
        (["D1", "--rename", "group=risk"], "for more than one column or label"),
    ],
)
def test_wrong_arguments_are_answered_with_what_was_expected(tmp_path, arguments: list[str], words: str) -> None:
    done = simulated(*arguments, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert words in done.output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    done = simulated("D1", "--rows", 10, "--out", tmp_path / "file" / "inner")
    assert done.exit_code == 2
    assert "cannot be written" in done.output


@pytest.mark.parametrize("arguments", [[], ["--list"]])
def test_worlds_are_listed_one_a_line(arguments: list[str]) -> None:
    lines = simulated(*arguments).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [kind.name for kind in WORLDS]


def test_worlds_are_found_by_name_and_code_in_any_case() -> None:
    assert find_world("TRUE-RISK") == find_world("d1")
    with pytest.raises(InputError, match="D7"):
        find_world("nothing of the sort")


def test_nothing_but_the_command_line_the_doctor_and_the_demonstration_knows_the_worlds() -> None:
    code = [file for folder in ("audits", "checks", "reports", "dags") for file in (ROOT / folder).rglob("*.py")]
    others = [file for file in code if "simulation" not in file.parts]
    assert len(others) > 40
    knowing = [file.name for file in others if "audits.simulation" in file.read_text(encoding="utf-8")]
    assert sorted(knowing) == [
        "data.py", "mobile_bank.py", "modelled_renewals.py", "motor_renewals.py", "quickcash_loans.py",
        "scored_loans.py", "two_lenders.py",
    ]  # fmt: skip


# the audit of the files


OTHER_NAMES = ["group=地区", "approved=Genehmigt?", "risk=pd %", "B=south side", "A=North", "case=id"]


def verdicts(folder, name: str, effect: float, seed: int, rows: int, renames=()) -> dict[str, str]:
    """measure → verdict of the audit of a simulated world, in one process."""
    options = [part for pair in renames for part in ("--rename", pair)]
    out = folder / f"{name}-{effect}-{seed}"
    done = simulated(name, "--rows", rows, "--effect", effect, "--seed", seed, "--out", out, *options)
    assert done.exit_code == 0, done.output
    run, judgement = run_program(out / f"{find_world(name).name}.yaml", folder / "runs")
    assert not run.errors
    assert run.checks.fit
    return {f.measurement.measure: f.verdict for f in judgement.findings}


@pytest.mark.parametrize("seed", [20_260_101, 77])
@pytest.mark.parametrize("renames", [(), OTHER_NAMES])
def test_the_lender_that_decides_on_risk_is_cleared_at_equal_risk_and_the_stricter_one_is_not(
    tmp_path, seed: int, renames: list[str]
) -> None:
    # rates at 40,000 rows are known to about half a point, the limit is five points, the planted gap ten
    fair = verdicts(tmp_path, "D1", 0.0, seed, 40_000, renames)
    harmful = verdicts(tmp_path, "D1", 0.1, seed, 40_000, renames)
    assert (fair["adverse_impact_ratio"], fair["adjusted_approval_gap"]) == ("concern", "clear")
    assert (harmful["adverse_impact_ratio"], harmful["adjusted_approval_gap"]) == ("concern", "concern")
    assert harmful["risk_adjusted_gap"] == "concern"


@pytest.mark.parametrize("seed", [5, 90_210])
def test_a_penalised_proxy_is_found_since_the_trait_is_no_control(tmp_path, seed: int) -> None:
    # δ = .3 makes the gap at equal risk ten points, twice the limit
    assert verdicts(tmp_path, "D2", 0.0, seed, 40_000)["adjusted_approval_gap"] == "clear"
    harmful = verdicts(tmp_path, "D2", 0.3, seed, 40_000)
    assert harmful["adjusted_approval_gap"] == harmful["risk_adjusted_gap"] == "concern"


@pytest.mark.parametrize("name", [kind.name for kind in WORLDS])
def test_every_world_makes_a_program_that_is_fit_and_answers(tmp_path, name: str) -> None:
    world = find_world(name)
    files = write_simulation(Simulation(world, 5000, world.example_effect, 3), tmp_path / "world")
    run, judgement = run_program(files.program, tmp_path / "out")
    assert not run.errors
    assert run.checks.fit
    assert judgement.findings
    measure = {
        "fair_lending": "adverse_impact_ratio", "loyalty_pricing": "tenure_price_slope",
        "predatory_lending.steering": "steering_excess_rate", "predatory_lending.inducement": "push_effect",
        "digital_divide.funnel": "cumulative_ratio", "digital_divide.thin_file": "thin_file_approval_gap",
    }[world.audits[0]]  # fmt: skip
    measure = "push_association" if name == "pushes-without-holdout" else measure
    (one, *_) = (m for m in run.measurements if m.measure == measure)
    assert one.estimate is not None


def test_binomial_mixture_of_repeated_decisions_matches_its_definition() -> None:
    world = find_world("repeated")
    chance = np.array([0.3])
    by_hand = [0.5 * (0.7 * (k == 0) + 0.3 * (k == 4)) + 0.5 * comb(4, k) * 0.3**k * 0.7 ** (4 - k) for k in range(5)]
    np.testing.assert_allclose(world._counts(chance)[0], by_hand, atol=1e-15)


@pytest.mark.parametrize("seed", [3, 41])
def test_harm_within_every_product_is_not_called_clear_because_it_vanishes_over_all(tmp_path, seed) -> None:
    files = write_simulation(Simulation(find_world("D3"), 60_000, 0.12, seed), tmp_path / "d3")
    _, judgement = run_program(files.program, tmp_path / "out")
    within = ("stratified_odds_ratio", "stratified_approval_gap", "logit_approval_gap")
    for finding in judgement.findings:
        measure = finding.measurement.measure
        if measure != "group_coverage":
            assert (measure, finding.verdict) == (measure, "concern" if measure in within else "inconclusive")

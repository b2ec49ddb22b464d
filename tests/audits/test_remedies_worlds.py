"""Worlds in which another model would treat groups more alike: their truth, their program and their training code."""

from __future__ import annotations

import inspect
import json
import re
from itertools import groupby, product
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from audits.simulation.catalogue import WORLDS, find_world
from audits.simulation.proxy import Proxy
from audits.simulation.scored_loans import ScoredLoans
from audits.simulation.training_code import SEARCH, TODAY
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.program import read_program
from checks.inputs.training_code import open_training
from checks.problem import InputError
from tests.programs import ROOT

ODD = Proxy(bands=5, best_chance=0.95, worst_chance=0.4, reference_trait=0.2, group_trait=0.7, group_share=0.45)


def people(world: Proxy) -> list[tuple[int, int, int, float]]:
    """(group, risk, trait) and their chance, one kind after another, as the world's docstring says it."""
    tilt = [np.exp(world.group_tilt * (2 * band / (world.bands - 1) - 1)) for band in range(world.bands)]
    found = []
    for group, band, trait in product((0, 1), range(world.bands), (0, 1)):
        share = world.group_share if group else 1 - world.group_share
        share *= tilt[band] / sum(tilt) if group else 1 / world.bands
        held = (
            world.group_trait + world.group_slope * band if group
            else world.reference_trait + world.reference_slope * band
        )  # fmt: skip
        found.append((group, band, trait, share * (held if trait else 1 - held)))
    return found


def approved_chance(world: Proxy, band: int, trait: int, effect: float) -> float:
    return world.best_chance + (world.worst_chance - world.best_chance) * band / (world.bands - 1) - effect * trait


def repaid_chance(world: Proxy, band: int) -> float:
    return world.best_repaid + (world.worst_repaid - world.best_repaid) * band / (world.bands - 1)


def walked(world: Proxy, effect: float, takes_trait: bool) -> tuple[float, float]:
    """Ratio of approval rates and AUC, by dealing approvals from the worst score to the best, kind by kind."""
    kinds = people(world)
    band_mass = [sum(p for _, b, _, p in kinds if b == band) for band in range(world.bands)]
    trait_share = [sum(p for _, b, t, p in kinds if b == band and t) / band_mass[band] for band in range(world.bands)]

    def score(band: int, trait: int) -> float:
        share = trait if takes_trait else trait_share[band]
        return round(approved_chance(world, band, 0, 0.0) - effect * share, 12)

    # what is dealt: shares of approval in the order of today's model, worst first
    deck = sorted((approved_chance(world, b, t, effect), p) for _, b, t, p in kinds)
    ranked = sorted(kinds, key=lambda kind: score(kind[1], kind[2]))
    rate, bad_below, area = [0.0, 0.0], 0.0, 0.0
    for _, tied in groupby(ranked, key=lambda kind: score(kind[1], kind[2])):
        held = list(tied)
        left = whole = sum(p for *_, p in held)
        dealt = 0.0
        while left > 1e-15 and deck:
            chance, mass = deck.pop(0)
            used = min(mass, left)
            dealt, left = dealt + chance * used, left - used
            if mass > used:
                deck.insert(0, (chance, mass - used))
        for group, *_, p in held:
            rate[group] += p * dealt / whole
        good = sum(p * repaid_chance(world, b) for _, b, _, p in held)
        bad = sum(p * (1 - repaid_chance(world, b)) for _, b, _, p in held)
        area, bad_below = area + good * (bad_below + bad / 2), bad_below + bad
    size = [sum(p for g, *_, p in kinds if g == group) for group in (0, 1)]
    repays = sum(p * repaid_chance(world, b) for _, b, _, p in kinds)
    return rate[1] / size[1] / (rate[0] / size[0]), area / (repays * (1 - repays))


@pytest.mark.parametrize("world", [Proxy(), ODD, ScoredLoans()], ids=["D2", "odd", "D2M"])
@pytest.mark.parametrize("effect", [0.0, 0.07, 0.14, 0.3])
def test_what_leaving_the_trait_out_brings_is_what_dealing_approvals_one_after_another_gives(world, effect) -> None:
    truth = world.truth(effect)
    ratio, area = walked(world, effect, takes_trait=True)
    other, beside = walked(world, effect, takes_trait=False)
    assert truth["adverse_impact_ratio_of_todays_model"] == pytest.approx(ratio, abs=1e-9)
    assert truth["adverse_impact_ratio_without_trait"] == pytest.approx(other, abs=1e-9)
    assert truth["remedy_gain"] == pytest.approx(other - ratio, abs=1e-9)
    assert truth["performance_of_todays_model"] == pytest.approx(area, abs=1e-9)
    assert truth["performance_without_trait"] == pytest.approx(beside, abs=1e-9)
    assert truth["performance_gain"] == pytest.approx(beside - area, abs=1e-9)
    assert truth["adverse_impact_ratio"] == pytest.approx(ratio, abs=1e-12)  # today's model decides as was decided
    assert truth["remedy_gain"] == pytest.approx(0, abs=1e-12) if effect == 0 else truth["remedy_gain"] > 0.02


def test_two_million_drawn_applicants_agree() -> None:
    """Rows drawn anew; each model approves its n-th applicant as the n-th of today's model was decided."""
    world, effect, rows = Proxy(), 0.3, 2_000_000
    rng = np.random.default_rng(4)
    kinds = people(world)
    drawn = np.array([kind[:3] for kind in kinds])[rng.choice(len(kinds), rows, p=[p for *_, p in kinds])]
    group, band, trait = drawn.T
    chance = approved_chance(world, band, trait, effect)
    repaid = rng.random(rows) < repaid_chance(world, band)
    decided = (rng.random(rows) < chance)[np.lexsort((rng.random(rows), chance))]
    truth = world.truth(effect)
    for score, name in ((chance, "of_todays_model"), (-band, "without_trait")):
        approved = np.empty(rows)
        approved[np.lexsort((rng.random(rows), score))] = decided
        ratio = approved[group == 1].mean() / approved[group == 0].mean()
        # rates of 600,000 and 1,400,000 rows: a standard error of about .001, an AUC one of about .0004
        assert ratio == pytest.approx(truth[f"adverse_impact_ratio_{name}"], abs=0.004)
        assert roc_auc_score(repaid, score) == pytest.approx(truth[f"performance_{name}"], abs=0.002)


# the program

ODD_NAMES = {
    "group": "出生地 2", "A": "ici", "B": "né ailleurs", "trait": 'Telefon, "Art"?', "risk": "pd [%]", "case": "id",
}  # fmt: skip


def written(folder: Path, name: str, rows: int = 6000, effect: float = 0.3, seed: int = 3, names=None):
    return write_simulation(Simulation(find_world(name), rows, effect, seed, names or {}), folder)


@pytest.mark.parametrize("name", ["D2", "D2M"])
@pytest.mark.parametrize("names", [{}, ODD_NAMES], ids=["plain", "renamed"])
def test_the_program_asks_for_remedies_with_the_names_of_its_file_and_its_code_trains(tmp_path, name, names) -> None:
    files = written(tmp_path, name, names=names)
    program = read_program(files.program)
    asked, contract = program.remedies, program.contract
    assert (asked.target, asked.attribute, asked.approve) == ("decision", names.get("group", "group"), "as_recorded")
    assert (asked.loss, asked.least_gain, asked.trials) == (0.002, 0.02, 12)
    assert contract.groups[0].name == asked.attribute
    assert names.get("trait", "trait") in contract.features
    data = pd.read_parquet(files.data)
    assert set(contract.features) < set(data.columns)
    told = json.loads(files.truth.read_text(encoding="utf-8"))["truth"]
    half = len(data) // 2
    trainer = open_training(program)
    features, target = data[list(contract.features)], data["approved"].to_numpy(float)
    model = trainer.fit(features[:half], target[:half], None, 1, asked.today)
    area = roc_auc_score(data["repaid"][half:], model.scores(features[half:]))
    assert area == pytest.approx(told["performance_of_todays_model"], abs=0.05)  # 3,000 rows: an error of about .01
    without = [one for one in contract.features if one != names.get("trait", "trait")]
    better = trainer.fit(features[without][:half], target[:half], None, 1, asked.today).scores(features[without][half:])
    assert roc_auc_score(data["repaid"][half:], better) > area + 0.01


def test_what_is_written_is_the_same_for_any_draw_and_is_not_overwritten_unless_forced(tmp_path) -> None:
    one, other = written(tmp_path / "a", "D2", seed=1), written(tmp_path / "b", "D2", seed=2, names=ODD_NAMES)
    code = (one.program.parent / "train.py").read_bytes()
    assert code == (other.program.parent / "train.py").read_bytes()
    one.data.unlink()
    one.program.unlink()
    one.truth.unlink()
    (tmp_path / "a/train.py").write_text("mine")
    with pytest.raises(InputError, match=r"train\.py from before"):
        written(tmp_path / "a", "D2")
    assert (tmp_path / "a/train.py").read_text() == "mine"


def test_worlds_without_a_search_write_no_training_code(tmp_path) -> None:
    asking = {kind.code for kind in WORLDS if kind().remedies() is not None}
    assert asking == {"D2", "D2M"}
    files = written(tmp_path, "D1", effect=0.1)
    assert not (tmp_path / "train.py").exists()
    assert "remedies" not in yaml.safe_load(files.program.read_text(encoding="utf-8"))


def test_the_block_in_the_documents_is_read_beside_the_program_of_the_example(tmp_path) -> None:
    page = (ROOT / "docs/remedies.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    remedies:\n(?:    .*\n)+", page, re.MULTILINE)
    files = written(tmp_path, "D2", rows=200)
    program = yaml.safe_load(files.program.read_text(encoding="utf-8")) | yaml.safe_load(dedent(block))
    files.program.write_text(yaml.safe_dump(program), encoding="utf-8")
    asked = read_program(files.program).remedies
    assert (asked.keep, asked.trials, asked.rows, asked.level) == (("risk",), 30, 200_000, 0.95)
    assert asked.hyperparameters["n_estimators"].choices == (20, 40, 80)
    assert open_training(read_program(files.program)).function == "fit"


# the training code


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    return open_training(read_program(written(tmp_path_factory.mktemp("code"), "D2", rows=200).program))


def book(rows: int = 4000, seed: int = 8) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers and texts with gaps; the target hangs on both, and on whether the number is missing."""
    rng = np.random.default_rng(seed)
    number, text = rng.normal(size=rows), rng.choice(["red", "blue", "green"], rows).astype(object)
    chance = 0.35 + 0.3 * (number > 0) + 0.25 * (text == "blue")
    gone = rng.random(rows) < 0.1
    number[gone], chance[gone] = np.nan, 0.05
    text[rng.random(rows) < 0.05] = None
    return pd.DataFrame({"n": number, "t": text}), (rng.random(rows) < chance).astype(float)


def test_defaults_are_todays_hyperparameters_and_all_that_vary_are_arguments(trainer) -> None:
    taken = inspect.signature(trainer.code).parameters
    assert {name: taken[name].default for name in TODAY} == TODAY
    assert set(SEARCH) <= set(taken)


def test_texts_and_gaps_are_learned_and_unseen_texts_are_missing(trainer) -> None:
    features, target = book()
    model = trainer.fit(features, target, None, 1, {})
    later, truth = book(seed=9)
    assert roc_auc_score(truth, model.scores(later)) > 0.68  # of the chances themselves it is about .7
    asked = pd.DataFrame({"n": [1.0, 1.0, np.nan, 1.0, 1.0], "t": ["blue", "red", "blue", "violet", None]})
    blue, red, gone, violet, missing = model.scores(asked)
    assert blue > red + 0.1
    assert gone < 0.2
    assert violet == missing


def test_the_same_call_gives_the_same_scores_whatever_columns_are_called(trainer) -> None:
    features, target = book()
    first = trainer.fit(features, target, None, 5, TODAY).scores(features)
    again = trainer.fit(features, target, None, 5, TODAY).scores(features)
    np.testing.assert_array_equal(first, again)
    called = features.set_axis(['{"a": [1]}', "b,c"], axis=1)
    np.testing.assert_array_equal(trainer.fit(called, target, None, 5, TODAY).scores(called), first)


def test_weights_and_hyperparameters_are_heard(trainer) -> None:
    features, target = book()
    plain = trainer.fit(features, target, None, 1, {}).scores(features)
    weights = np.where(target == 1, 3.0, 1.0)
    heavy = trainer.fit(features, target, weights, 1, {}).scores(features)
    assert plain.mean() == pytest.approx(target.mean(), abs=0.02)
    assert np.average(heavy, weights=weights) == pytest.approx(np.average(target, weights=weights), abs=0.02)
    assert heavy.mean() > plain.mean() + 0.15
    for name in SEARCH:
        other = trainer.fit(features, target, None, 1, {name: {"min_child_samples": 500}.get(name, 2 * TODAY[name])})
        assert np.abs(other.scores(features) - plain).max() > 1e-4, name

"""The worlds of access: the figures they are named for, and that flags and a log of events say the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import yaml

from audits.simulation.lost_on_the_way import LostOnTheWay
from audits.simulation.poor_network import HiddenByNetwork, PoorNetwork
from audits.simulation.way_to_credit import COLUMNS, EVENTS, STAGES, as_log, furthest_chances, log_contract
from audits.simulation.write import Simulation, write_simulation
from audits.statistics.funnel_ratios import adjusted_funnel, log_interval
from audits.statistics.ratio_interval import ratio_interval
from checks.inputs.program import read_program
from tests.truth.board.bands import COVERAGE, check

WORLDS = (LostOnTheWay(), PoorNetwork(), HiddenByNetwork())


def files(world, folder, rows: int = 3000, seed: int = 4):
    """The rows of a world, its program as a mapping, and the same as a log of events."""
    made = write_simulation(Simulation(world, rows, world.example_effect, seed), folder)
    data = pd.read_parquet(made.data)
    log = pd.DataFrame(as_log({name: data[name].to_numpy() for name in data}, seed))
    return data, yaml.safe_load(made.program.read_text(encoding="utf-8")), log


def written_log(log: pd.DataFrame, program, folder):
    """A program about a log, beside its data."""
    folder.mkdir(parents=True, exist_ok=True)
    log.to_parquet(folder / "log.parquet")
    source = {"connection": "duckdb://", "table": "log.parquet"}
    told = {**program, "source": source, "contract": log_contract(program["contract"])}
    file = folder / "log.yaml"
    file.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def test_whoever_comes_so_far_has_passed_what_lies_before() -> None:
    chance = furthest_chances([0.5, 1.0, 0.2])
    np.testing.assert_allclose(chance, [0.5, 0, 0.4, 0.1], atol=1e-15)
    assert furthest_chances(np.full((2, 3, 5), 0.7)).sum(axis=-1) == pytest.approx(np.ones((2, 3)))


def test_the_table_of_applications_is_fair_whatever_is_lost_before() -> None:
    for effect in (0.0, 0.4, 1.0):
        truth = LostOnTheWay().truth(effect)
        assert truth["stage_ratio[decision]"] == truth["adverse_impact_ratio"] == pytest.approx(1, abs=1e-12)
        assert truth["approved_ratio"] == pytest.approx((1 - 0.25 * effect) * (1 - 0.28 * effect), abs=1e-12)
    assert LostOnTheWay().truth(1.0)["approved_ratio"] == pytest.approx(0.54, abs=1e-12)
    assert [STAGES[i + 1] for i in range(5) if LostOnTheWay().truth(1.0)[f"stage_ratio[{STAGES[i + 1]}]"] < 0.999] == [
        "start", "identity",
    ]  # fmt: skip


def test_a_poor_network_alone_lowers_the_raw_ratio_and_not_the_one_within_networks() -> None:
    fair, harmful = (PoorNetwork().truth(effect) for effect in (0.0, 0.6))
    assert fair["cumulative_ratio"] < 0.8
    assert fair["adjusted_cumulative_ratio"] == pytest.approx(1, abs=1e-12)
    assert harmful["adjusted_cumulative_ratio"] == pytest.approx((1 - 0.15 * 0.6) * (1 - 0.2 * 0.6), abs=1e-12)


def test_raw_and_adjusted_ratios_lie_on_opposite_sides_of_equality() -> None:
    world = HiddenByNetwork()
    truth = world.truth(world.example_effect)
    assert truth["adjusted_cumulative_ratio"] < 0.9 < 1.1 < truth["cumulative_ratio"]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.code)
def test_a_file_and_its_log_say_the_same_of_everybody(tmp_path, world) -> None:
    data, program, log = files(world, tmp_path)
    assert set(program["contract"]["funnel"]["stages"].values()) == set(COLUMNS) <= set(data.columns)
    assert (data["shown"] == 1).all()
    for before, later in pairwise(["shown", "began", "proved", "sent", "taken"]):
        assert (data[later] <= data[before]).all()
    assert ((data["decision"] == 2) == (data["sent"] == 0)).all()
    assert (data["taken"] <= (data["decision"] == 1)).all()
    for column, event in zip(COLUMNS, EVENTS, strict=True):
        passed = data.loc[data[column] == 1, "case"]
        assert sorted(log.loc[log["event"] == event, "case"]) == passed.tolist()
    order = log["event"].map({event: i for i, event in enumerate(EVENTS)})
    ordered = log.assign(place=order).sort_values(["case", "at"])
    assert (ordered.groupby("case")["place"].diff().dropna() == 1).all()  # one after another, none left out
    assert not log["case"].is_monotonic_increasing
    shared = [name for name in data if name not in COLUMNS]
    own = log[shared].drop_duplicates().sort_values("case").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, data[shared], check_dtype=False, check_categorical=False)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.code)
def test_the_contract_of_a_log_is_read(tmp_path, world) -> None:
    _, program, log = files(world, tmp_path / "rows", 300)
    contract = read_program(written_log(log, program, tmp_path / "log")).contract
    assert contract.funnel.event == "event"
    assert contract.funnel.names == STAGES
    assert contract.funnel.place("submit") == 3
    assert (contract.entity, contract.time, contract.decision) == ("case", "at", None)


@pytest.mark.parametrize("effect", [0.0, 0.4])
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.code)
def test_intervals_of_ratios_hold_the_truth_in_95_percent_of_files(world, effect: float) -> None:
    people, truth, files = world.population(effect).probability, world.truth(effect), 1500
    counts = np.random.default_rng(2718).multinomial(20_000, people.ravel(), size=files).reshape(files, *people.shape)
    came = np.flip(np.cumsum(np.flip(counts, -1), -1), -1)
    old, young = came[:, 1].sum(axis=1), came[:, 0].sum(axis=1)
    held = {}
    for name, passed, before in (("cumulative_ratio", 5, 0), ("stage_ratio[identity]", 2, 1)):
        told = ratio_interval(old[:, passed], old[:, before], young[:, passed], young[:, before], 0.95)
        held[name] = (told.low <= truth[name]) & (truth[name] <= told.high)
    if "adjusted_cumulative_ratio" in truth:
        found = [adjusted_funnel(one[1], one[0]) for one in came]
        for name, every in (
            ("adjusted_cumulative_ratio", [log_interval(one.total, one.total_variance, 0.95) for one in found]),
            ("adjusted_stage_ratio[identity]",
             [log_interval(one.ratios[1], one.covariance[1, 1], 0.95) for one in found]),
        ):  # fmt: skip
            low, high = np.array(every).T
            held[name] = (low <= truth[name]) & (truth[name] <= high)
    for name, every in held.items():
        assert check(COVERAGE, int(every.sum()), files, 20).held, (name, every.mean())

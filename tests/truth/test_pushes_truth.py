"""What a push adds, drawn many times from worlds of known truth: errors of the first kind, power, coverage.

Arms and their score sums are made from rows here, as ``tests/audits/test_evidence_arms.py`` holds the engine to. Bands
are exact binomial ones of one in ten thousand and are asked for once each.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from audits.comparisons.push_doubts import HOLDOUT, PUSHED
from audits.comparisons.pushes import effect, effect_gap
from audits.evidence.arm_scores import ArmScores
from audits.evidence.arm_tables import arm_table
from audits.evidence.arms import ArmCell, Arms
from audits.predatory_lending.inducement import Inducement
from audits.record import Measurement
from audits.simulation.catalogue import find_world
from audits.simulation.write import Simulation, write_simulation
from tests.questions import measure_program

DRAWS, CUSTOMERS, DELTA = 300, 1500, 40.0
BASE = Measurement(
    question="", measure="", attribute=None, group=None, reference=None, estimate=None, low=None, high=None, level=0.95,
    n=0, method="", source="", equality=0.0,
)  # fmt: skip


def drawn(world, delta: float, rng: np.random.Generator, customers: int = CUSTOMERS) -> pd.DataFrame:
    """Occasions: what a customer shares is drawn once, the push and the money of each occasion given it."""
    people = world.population(delta)
    width = len(world.shared) + 1
    table = people.probability
    inner = math.prod(table.shape[width:])
    shared = table.reshape(math.prod(table.shape[: width - 1]), table.shape[width - 1], inner)
    who = rng.choice(len(shared), customers, p=shared.sum(axis=(1, 2)))
    rows = []
    for turn in range(world.rows_each):
        own = shared[who, turn] / shared[who, turn].sum(axis=1, keepdims=True)
        kind = (own.cumsum(axis=1) < rng.random(customers)[:, None]).sum(axis=1)
        whole = np.ravel_multi_index((who, np.full(customers, turn), kind), shared.shape)
        codes = np.unravel_index(whole, table.shape)
        named = {c.name: np.array(c.values)[code] for c, code in zip(people.columns, codes, strict=True)}
        rows.append(pd.DataFrame(named).assign(customer=np.arange(customers)))
    return pd.concat(rows)


def arms_of(data: pd.DataFrame, flag: str, attribute: str | None, population: bool) -> Arms:
    """What the collector would give of these rows."""
    label = data["group"] if attribute else pd.Series([None] * len(data), index=data.index, dtype=object)
    told = data.assign(label=label, arm=data[flag] == 1, y=data["borrowed"])
    cells = tuple(
        ArmCell(
            None if pd.isna(name) else name, (segment,), bool(arm), None, len(y), y.sum(), (y**2).sum(), (y**3).sum()
        )
        for (name, segment, arm), y in told.groupby(["label", "segment", "arm"], dropna=False)["y"]
    )
    plain = Arms(attribute, cells, (), ())
    own, pairs, shares, counts = [], [], [], []
    for name in plain.labels:
        table = arm_table(plain, name, population=population)
        mine = told if name is None else told[told["label"] == name]
        at = (
            mine["segment"].map(lambda s, places=table.place: places[(s,)]).to_numpy(),
            mine["arm"].astype(int).to_numpy(),
        )
        d = table.difference
        sums = np.bincount(
            mine["customer"],
            d.levels[at] + d.slopes[at] * (mine["y"] - d.means[at]),
            minlength=told["customer"].max() + 1,
        )
        own.append(sums)
        pairs.append((float(sums @ sums), float(sums @ own[0])))
        shares.append(float((sums**2).max() / (sums @ sums)))
        by = mine.groupby("arm")["customer"].nunique()
        counts.append((int(by[False]), int(by[True]), mine["customer"].nunique()))
    scores = ArmScores(
        plain.labels, tuple(counts), tuple(pairs), tuple(shares), (), (), (), 0.0, told["customer"].nunique(), 2
    )
    return replace(plain, scores=scores)


@cache
def figures(delta: float) -> pd.DataFrame:
    """Both figures of the holdout in every draw, and a raw comparison of those pushed and those not."""
    world, rng, rows = find_world("B3"), np.random.default_rng(20240401), []
    for _ in range(DRAWS):
        data = drawn(world, delta, rng)
        whole = effect(BASE, arms_of(data, "held_out", None, False), HOLDOUT, "customer")
        gap = effect_gap(
            replace(BASE, group="B", reference="A"), arms_of(data, "held_out", "group", False), HOLDOUT, "customer"
        )
        seen = data[data["held_out"] == 0]
        raw = [seen.loc[seen["pushed"] == flag, "borrowed"] for flag in (1, 0)]
        z = (raw[0].mean() - raw[1].mean()) / (raw[0].var() / len(raw[0]) + raw[1].var() / len(raw[1])) ** 0.5
        rows.append({
            "effect": whole.estimate, "low": whole.low, "high": whole.high, "mde": whole.mde, "gap": gap.estimate,
            "gap_low": gap.low, "gap_high": gap.high, "gap_mde": gap.mde, "raw_flags": z > 1.96,
        })  # fmt: skip
    return pd.DataFrame(rows)


def within_band(hits: int, chance: float, draws: int = DRAWS, risk: float = 1e-4) -> bool:
    return bool(binom.ppf(risk / 2, draws, chance) <= hits <= binom.ppf(1 - risk / 2, draws, chance))


@pytest.mark.parametrize(("low", "high"), [("low", "high"), ("gap_low", "gap_high")])
def test_pushes_that_do_nothing_are_flagged_as_rarely_as_promised_where_raw_figures_always_are(low, high):
    found = figures(0.0)
    assert within_band(int(((found[low] > 0) | (found[high] < 0)).sum()), 0.05)
    assert found["raw_flags"].mean() > 0.99


@pytest.mark.parametrize(
    ("name", "low", "high", "figure"),
    [("push_effect", "low", "high", "effect"), ("push_effect_gap", "gap_low", "gap_high", "gap")],
)
def test_planted_effects_are_covered_unbiased_and_found_with_the_power_that_the_error_tells(name, low, high, figure):
    found, true = figures(DELTA), find_world("B3").truth(DELTA)[name]
    assert within_band(int(((found[low] <= true) & (found[high] >= true)).sum()), 0.95)
    assert abs(found[figure].mean() - true) < 4.5 * found[figure].std() / DRAWS**0.5
    error = found[figure].std()
    from scipy.stats import norm

    power = norm.cdf(true / error - 1.96)
    assert abs((found[low] > 0).mean() - power) < 0.12
    stated = found["mde" if figure == "effect" else "gap_mde"].mean()
    assert stated == pytest.approx(2.8 * error, rel=0.15)


def test_errors_that_take_occasions_for_independent_are_too_small():
    world, rng = find_world("B3"), np.random.default_rng(3)
    ratio = []
    for _ in range(20):
        arms = arms_of(drawn(world, 0.0, rng), "held_out", None, False)
        by_customer = effect(BASE, arms, HOLDOUT, "customer").standard_error
        ratio.append(by_customer / effect(BASE, replace(arms, scores=None), HOLDOUT, None).standard_error)
    assert np.mean(ratio) > 1.03


def test_an_association_recovers_what_it_claims_and_never_decides(tmp_path):
    world, rng = find_world("B4"), np.random.default_rng(9)
    for delta in (0.0, DELTA):
        true, covered = world.truth(delta)["association_at_equal_segments"], 0
        for _ in range(100):
            found = effect(BASE, arms_of(drawn(world, delta, rng, 800), "pushed", None, True), PUSHED, "customer")
            covered += found.low <= true <= found.high
        assert within_band(covered, 0.95, 100)
    for delta in (0.0, DELTA):
        files = write_simulation(Simulation(world, 6000, delta, 5), tmp_path / str(delta))
        measured, _ = measure_program(files.program, Inducement(), tmp_path / str(delta) / "out")
        assert {m.measure for m in measured} == {"push_association", "push_association_gap"}
        assert all(m.undecided and m.cautions for m in measured)
        assert measured[0].low > 0  # also in the fair twin
        assert 0 < measured[0].details["strength_to_overturn"] < 1


def test_the_whole_path_on_a_file_tells_the_fair_twin_from_the_planted_one(tmp_path):
    world = find_world("B3")
    found = {}
    for delta in (0.0, 60.0):
        files = write_simulation(Simulation(world, 30_000, delta, 5), tmp_path / str(delta))
        measured, _ = measure_program(files.program, Inducement(holdout_share=0.2), tmp_path / str(delta) / "out")
        found[delta] = {m.measure: m for m in measured}
        for one in measured:
            assert (one.undecided, one.unit) == (None, "CNY")
            assert abs(one.estimate - world.truth(delta)[one.measure]) < 4.5 * one.standard_error
        assert found[delta]["push_effect"].details["pushed_less_not_pushed"] > 50
    assert found[0.0]["push_effect"].low <= 0 <= found[0.0]["push_effect"].high
    assert found[60.0]["push_effect"].low > 0
    assert found[60.0]["push_effect_gap"].low > 0

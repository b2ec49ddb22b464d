"""Evidence worked out from counts is what the collector finds in a written file: every figure of every question.

The figures may differ by rounding alone: 1e-9 relative, 1e-12 absolute; records keep twelve digits.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from audits.evidence.needs import SampleNeed
from audits.record import AuditRun, Judgement, Measurement
from audits.run import audit, read_run
from audits.simulation.catalogue import find_world
from audits.simulation.intersections import Intersections
from audits.simulation.world import World
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from tests.truth.board.asked import Asked, Case, case_of, other_names, renamed, write_program
from tests.truth.board.evidence import CountedEvidence

APPROVAL = Asked.about("fair_lending.approval")
ERRORS = Asked.about("fair_lending.errors", "fair_lending.calibration", roles={"score": "risk"})
EVERY = {
    "D1": APPROVAL, "D2": APPROVAL, "D3": APPROVAL, "D4": ERRORS, "D5": APPROVAL,
    "D6": Asked.about("fair_lending.imputed_groups"), "D7": APPROVAL, "D8": APPROVAL,
    "I1": Asked.about("fair_lending.intersections"),
}  # fmt: skip
SEED, ROWS = 31, 3000


def drawn(code: str, asked: Asked) -> tuple[World, Case, np.ndarray]:
    world = Intersections(levels=(2, 3, 4), harmed=(0, 1, 2)) if code == "I1" else find_world(code)
    people = world.recorded(world.example_effect)
    draws = ROWS // world.rows_each
    counts = np.random.default_rng(SEED).multinomial(draws, people.probability.ravel() / people.probability.sum())
    return world, case_of(world, asked, SEED), counts.reshape(people.probability.shape)


def written(
    world: World, asked: Asked, case: Case, counts: np.ndarray, folder: Path
) -> tuple[AuditRun, Judgement, Path]:
    """The same file row by row, in a mixed order, audited through the engine."""
    file, names = write_program(world, asked, SEED, folder), other_names(world, SEED)
    people = renamed(world.recorded(0.0), names)
    person = np.repeat(np.arange(counts.size), counts.ravel())
    codes = np.unravel_index(person, counts.shape)
    data = pd.DataFrame(
        {c.name: pd.array([c.values[code] for code in axis]) for c, axis in zip(people.columns, codes, strict=True)}
    )
    if world.rows_each > 1:
        approvals = data[names["approved"]].to_numpy()
        data = data.loc[data.index.repeat(world.rows_each)]
        data[names["applicant"]] = np.repeat(np.arange(len(approvals)), world.rows_each)
        data[names["approved"]] = np.tile(np.arange(world.rows_each), len(approvals)) < data[names["approved"]]
        data[names["approved"]] = data[names["approved"]].astype(int)
    data = data.sample(frac=1, random_state=2).reset_index(drop=True)
    data[names["case"]] = np.arange(len(data))
    data.to_parquet(folder / "data.parquet")
    made = audit(read_program(file), read_period("all"), folder / "runs")
    run, judgement = read_run(made)
    assert run.checks.fit
    assert not run.errors
    return run, judgement, made


def alike(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return one == pytest.approx(other, rel=1e-9, abs=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def compared(ours: tuple[Measurement, ...], theirs: tuple[Measurement, ...]) -> None:
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        mine, yours = asdict(one), asdict(other)
        assert {key: (mine[key], yours[key]) for key in mine if not alike(mine[key], yours[key])} == {}


@pytest.mark.parametrize("code", EVERY)
def test_every_figure_and_verdict_of_a_question_is_that_of_the_written_file(tmp_path, code) -> None:
    asked = EVERY[code]
    world, case, counts = drawn(code, asked)
    run, judgement, _ = written(world, asked, case, counts, tmp_path)
    answer = case.answer(counts)
    compared(answer.measurements, run.measurements)
    said = {(f.finding_id, f.rule.id): (f.verdict, f.family) for f in judgement.findings}
    assert {(f.finding_id, f.rule.id): (f.verdict, f.family) for f in answer.findings} == said
    assert answer.not_answered == tuple(one for one in run.not_answered if one.question != "contract")


@pytest.mark.parametrize("code", ["D1", "D4", "D9"])
def test_a_sample_is_the_same_rows_and_the_question_on_it_says_the_same(tmp_path, code, monkeypatch) -> None:
    # folds and draws of the bootstrap depend on the order of rows, so the figures are compared on one file's order
    asked = Asked.about("fair_lending.risk_adjusted", replicates=50)
    world, case, counts = drawn(code, asked)
    run, _, made = written(world, asked, case, counts, tmp_path)
    question, contract = case.plan.questions[0].question, case.program.contract
    (need,) = (one for one in question.needs(contract) if isinstance(one, SampleNeed))
    (file,) = (made / "restricted").glob("*.parquet")
    here, there = (pq.read_table(one).to_pandas() for one in (case.evidence(counts).sample(need), file))
    assert list(here.columns) == list(there.columns)
    keys = list(here.columns)
    pd.testing.assert_series_equal(
        here.groupby(keys, dropna=False).size(), there.groupby(keys, dropna=False).size(), check_index_type=False
    )
    own = case.answer(counts).measurements
    monkeypatch.setattr(CountedEvidence, "sample", lambda _self, _need: file)
    compared(case.answer(counts).measurements, run.measurements)
    # another order is another split into folds: the estimate moves by a small part of its error
    assert own[0].estimate == pytest.approx(run.measurements[0].estimate, abs=0.5 * run.measurements[0].standard_error)


def test_other_seeds_give_other_names_and_none_that_is_plain() -> None:
    for code in ("D1", "D5", "D7"):
        world = find_world(code)
        first, second = other_names(world, 1), other_names(world, 2)
        assert set(first) == set(second)
        assert all(first[name] != second[name] != name for name in first)
        assert len(set(first.values())) == len(first)


def test_names_and_the_order_of_labels_change_no_figure() -> None:
    world = find_world("D1")
    _, case, counts = drawn("D1", APPROVAL)
    figures = [
        {(m.measure, m.group is None): m.estimate for m in one.answer(counts).measurements if m.measure[-3:] == "gap"}
        for one in (case, case_of(world, APPROVAL, 32), case_of(world, APPROVAL, 33))
    ]
    assert alike(figures[0], figures[1])
    assert alike(figures[0], figures[2])

"""Every text of a run, read back from run.json, is a sentence that is said in Chinese with the same figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from audits.evidence.collect import Evidence
from audits.evidence.moments import moments_from_json
from audits.exclusions import exclusions_of
from audits.plan import make_plan
from audits.record import AuditRun, DataRecord, canonical_json
from audits.run import check, conclude, gather, pull, read_run
from audits.simulation.approved_only import ApprovedOnly
from audits.simulation.estimated_risk import EstimatedRisk
from audits.simulation.intersections import Intersections
from audits.simulation.noisy_groups import NoisyGroups
from audits.simulation.repeated import Repeated
from audits.simulation.strata import Strata
from audits.simulation.write import Simulation, write_simulation
from audits.staging import staging_folder
from audits.statistics import (
    calibration,
    counts,
    mantel_haenszel,
    newcombe,
    proportions,
    sandwich,
    standardized_difference,
    subgroup_scan,
)
from audits.statistics.ratio_interval import ratio_interval
from audits.statistics.shrinkage import beta_binomial_shrinkage
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.sentence import Sentence
from tests.audits.test_judgement_sentences import CHINESE, figures_of, unsaid
from tests.odd_books import BASE, CASES, OPEN, PLAIN, book
from tests.programs import BOSTON, run_program, write_program


def texts_of(run: AuditRun) -> Iterator[str]:
    """Every text of a run that words say: not names, labels, the checks' own texts or what an exception said."""
    for m in run.measurements:
        yield from (m.method, m.source, *m.cautions, *m.unseen)
        if m.reason is not None:
            yield m.reason
    for missing in run.not_answered:
        yield from (missing.reason, missing.needed)
    yield from (exclusion.reason for exclusion in run.exclusions)


def audited(folder: Path, name: str) -> AuditRun:
    data, contract, questions = CASES[name]
    found = data()
    columns = {column: {"null_tolerance": 1} for column in OPEN if str(column) in str(contract)}
    file = write_program(
        folder, found, contract={"columns": columns, **contract}, audits={"primary": list(questions)},
        policies=["conventions"],
    )  # fmt: skip
    run, _ = run_program(file, folder / "out")
    assert run.errors == ()
    return run


def unsaid_of(run: AuditRun) -> list[str]:
    """What keeps the texts of a run from being said in Chinese, and texts whose figures the Chinese one changes."""
    every = sorted({*texts_of(run)})
    return [lack for text in texts_of(run) for lack in unsaid(text)] + [
        text for text in every if figures_of(CHINESE.sentence(text)) != figures_of(text)
    ]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_text_of_a_run_read_back_is_a_sentence_with_a_chinese_one(name, tmp_path):
    run = audited(tmp_path, name)
    assert run.checks.fit is (name != "unfit")
    assert list(texts_of(run))
    assert unsaid_of(run) == []


def test_every_text_of_the_shipped_program_is_said_in_chinese(tmp_path):
    run, _ = run_program(BOSTON, tmp_path)
    assert unsaid_of(run) == []


@pytest.mark.parametrize("world", [ApprovedOnly, EstimatedRisk, Intersections, NoisyGroups, Repeated, Strata])
def test_every_text_about_a_simulated_world_is_said_in_chinese(world, tmp_path):
    simulation = Simulation(world(), 2000 * world.rows_each, world.example_effect, 3)
    run, _ = run_program(write_simulation(simulation, tmp_path).program, tmp_path / "out")
    assert list(texts_of(run))
    assert unsaid_of(run) == []


@pytest.mark.parametrize("most", [3, 10])
def test_a_scan_that_would_be_too_large_says_so_in_chinese(most, tmp_path, monkeypatch):
    monkeypatch.setattr("audits.fair_lending.intersections.MOST_SUBGROUPS", most)
    data, asked = book(), {"fair_lending.intersections": {"replicates": 199}}
    groups = {**BASE["groups"], "kind": {"column": "product", "reference": "car"}}
    file = write_program(tmp_path, data, contract={**PLAIN, "groups": groups}, audits={"primary": [asked]})
    run, _ = run_program(file, tmp_path / "out")
    assert any("more than" in missing.reason for missing in run.not_answered)
    assert unsaid_of(run) == []


def test_a_task_without_an_answer_is_told_in_chinese(tmp_path):
    program = read_program(write_program(tmp_path, book(), contract=PLAIN))
    plan, period = make_plan(program), read_period("all")
    staging = staging_folder(tmp_path / "out", program, period)
    with open_source(program, period) as source:
        pull(source, program, period, staging)
        check(source, program, period, staging)
        gather(source, program, plan, staging)
    run, _ = read_run(conclude(program, plan, staging))
    assert [unsaid(one.error) for one in run.errors] == [[]]
    assert unsaid_of(run) == []


def test_exempt_values_are_told_in_chinese(tmp_path):
    program = read_program(write_program(tmp_path, book(), contract=PLAIN))
    evidence = Evidence(tmp_path, DataRecord("d", 1, {}, "all", None, None, {}))
    (exempt,) = exclusions_of(evidence, program, {"region": 3})
    assert unsaid(exempt.reason) == []


def test_a_reason_that_evidence_stores_is_a_sentence_when_it_is_read_back(tmp_path):
    run = audited(tmp_path, "strata of too many levels")
    files = [file for file in tmp_path.rglob("moments-*.json") if '"refused"' in file.read_text(encoding="utf-8")]
    stored = {moments_from_json(file.read_text(encoding="utf-8")).refused for file in files}
    assert {1024} <= {value for one in stored if isinstance(one, Sentence) for value in one.values.values()}
    assert all(isinstance(one, Sentence) for one in stored)
    assert stored <= {m.reason for m in run.measurements}


REASONS = (
    counts.Caveat, calibration.CalibrationCaveat, mantel_haenszel.StratifiedCaveat, sandwich.Caveat,
    standardized_difference.DifferenceCaveat, subgroup_scan.Unjudged,
)  # fmt: skip


@pytest.mark.parametrize("caveats", REASONS, ids=lambda kind: f"{kind.__module__.split('.')[-1]}.{kind.__name__}")
def test_every_reason_of_the_statistics_is_said_in_chinese(caveats):
    reasons = [one.reason for one in caveats if one]
    assert reasons
    assert [lack for reason in reasons for lack in unsaid(reason or "no reason")] == []


def test_methods_that_no_question_chooses_yet_are_said_in_chinese_too():
    pair = (3, 20, 5, 20)
    found = [
        newcombe.newcombe_interval_difference(*pair), newcombe.newcombe_interval_ratio(*pair),
        *(
            interval(*pair, corrected=corrected)
            for interval in (
                proportions.score_interval_ratio, proportions.score_interval_difference,
                proportions.score_interval_odds_ratio,
            )
            for corrected in (False, True)
        ),
        ratio_interval([0, 3], [20, 20], [5, 5], [20, 20]),
        *(beta_binomial_shrinkage(x, [20, 20, 20]) for x in ([5, 5, 5], [1, 8, 19])),
    ]  # fmt: skip
    assert [lack for one in found for lack in unsaid(one.method)] == []


def test_labels_and_columns_stay_as_the_data_write_them(tmp_path):
    run = audited(tmp_path, "no weight in the south")
    told = {CHINESE.sentence(m.reason) for m in run.measurements if m.reason}
    assert "“south”所有已作决定的行，权重为 0、缺失或超出可计算的范围" in told


def test_the_table_of_a_run_holds_no_sentence_that_it_does_not_use(tmp_path):
    content = json.loads(canonical_json(audited(tmp_path, "no control varies")))
    table = content.pop("sentences")
    within = canonical_json([entry["values"] for entry in table.values()]).decode()
    rest = canonical_json(content).decode()
    assert table
    assert [text for text in table if json.dumps(text, ensure_ascii=False) not in within + rest] == []

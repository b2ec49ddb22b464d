"""What was planted in the simulated bank on a phone is found, whatever the draw; its fair twin is not accused."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from audits.simulation.mobile_bank import MobileBank
from dags import mobile_bank
from dags.planted import found
from tests.programs import run_program

COUNTED = (
    "missing_vulnerability_drivers", "no_traditional_channel_cases", "inaccessible_service_cases",
    "elderly_points_lost",
)  # fmt: skip
CONCERNS = (
    ("cumulative_ratio", "60+", "all"), ("adjusted_cumulative_ratio", "60+", "all"), ("stage_ratio", "60+", "start"),
    ("elderly_completion_ratio", "60+", "all"), ("verification_failure_ratio", "60+", "face"),
    ("fallback_success_ratio", "60+", "all"), ("completion_time_ratio", "60+", "all"),
    ("no_traditional_channel_cases", None, "all"), ("thin_file_automatic_ratio", "thin", "all"),
    ("assisted_price_ratio", "assisted", "all"), ("assisted_fee_gap", "assisted", "all"),
    ("digital_discount_gap", "assisted", "all"),
)  # fmt: skip


def written(folder, monkeypatch, seed, world=None):
    """Both programs of another draw, and the truth."""
    monkeypatch.setattr(mobile_bank, "SEED", seed)
    programs = folder / "programs"
    programs.mkdir()
    mobile_bank.write_bank(programs, folder / "data", world)
    return programs, json.loads((folder / "data/truth.json").read_text())["truth"]


def audited(folder, programs, name):
    """The run, and the worst verdict by measure, group and part."""
    run, judgement = run_program(programs / f"{name}.yaml", folder / "runs")
    assert run.checks.fit
    warned = {one.place for one in run.checks.results if not one.success}
    assert warned <= {"contract.funnel.event"}  # a help page, which is no stage
    assert not run.errors
    verdicts: dict[tuple[str, str | None, str], str] = {}
    for f in judgement.findings:  # the gravest comes first
        verdicts.setdefault((f.measurement.measure, f.measurement.group, f.measurement.segment), f.verdict)
    return run, verdicts


def misses(run, true, measures):
    """The figures that are not within four and a half standard errors of what is true, by the width of the interval."""
    wrong = []
    for measure, group, segment in measures:
        m = found(run, measure, group, segment)
        value = true[mobile_bank.entry_of(true, measure, group, segment)]
        if m is None or m.estimate is None or m.low is None or m.high is None:
            wrong.append((measure, group, segment, m and m.reason))
            continue
        ratio = measure.endswith("_ratio")
        low, estimate, high, truth = (np.log(v) if ratio else v for v in (m.low, m.estimate, m.high, value))
        assert low < high
        if abs(estimate - truth) > 4.5 * (high - low) / 3.92:
            wrong.append((measure, group, segment, m.estimate, value))
    return wrong


def test_the_files_are_whole_and_say_what_is_planted(tmp_path, monkeypatch):
    monkeypatch.setattr(mobile_bank, "PERSONS", 3_000)
    programs, true = written(tmp_path, monkeypatch, 40)
    read = [yaml.safe_load((programs / f"{name}.yaml").read_text(encoding="utf-8")) for name in mobile_bank.PROGRAMS]
    for program in read:
        assert set(program["title"]) == set(program["description"]) == {"en", "zh"}
        assert program["scope"]["jurisdictions"] == ["CN"]
    assert f"{true['approved_ratio[60+]']:.2f} times as often as those of 25 to 39" in read[0]["description"]["en"]
    assert "(1.00)" in read[0]["description"]["en"]
    people = (tmp_path / "data/people.csv").read_text().splitlines()
    counted = [line.split(",") for line in people[1:]]
    for attribute in ("age", "age from 60", "region", "sex"):
        assert sum(int(row[2]) for row in counted if row[0] == attribute) == 3_000
    assert pq.read_metadata(tmp_path / "data/persons.parquet").num_rows == 3_000
    other = tmp_path / "again"
    other.mkdir()
    written(other, monkeypatch, 40)
    for file in ("persons.parquet", "events.parquet", "people.csv", "truth.json"):
        assert (other / "data" / file).read_bytes() == (tmp_path / "data" / file).read_bytes()


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """Another draw: its folder, its programs, the truth, and the run of the people with its verdicts."""
    folder = tmp_path_factory.mktemp("bank")
    with pytest.MonkeyPatch.context() as patch:
        programs, true = written(folder, patch, 41)
        return folder, programs, true, *audited(folder, programs, mobile_bank.PROGRAM)


def test_what_was_planted_is_found_on_another_draw(another):
    folder, _, true, run, verdicts = another
    counted = {m.measure: m for m in run.measurements if m.attribute is None and m.measure in COUNTED}
    assert {name: m.estimate for name, m in counted.items()} == {name: true[name] for name in COUNTED}
    every = mobile_bank._LOST + mobile_bank._ELDERLY + mobile_bank._OTHERS
    estimated = [one for one in every if one[0] not in COUNTED]
    assert len(estimated) == len(every) - len(COUNTED) == 37
    assert misses(run, true, estimated) == []
    for one in CONCERNS:
        assert verdicts[one] == "concern", one
    for stage in ("decision", "price"):
        assert verdicts["adjusted_stage_ratio", "60+", stage] == "clear"
    young = {verdict for (measure, group, _), verdict in verdicts.items() if group == "under 25" and "ratio" in measure}
    assert "concern" not in young
    lines = mobile_bank.planted_and_found(folder / "runs", folder / "data")
    assert len(lines) == len(every) + 2
    (whole,) = (line for line in lines if line.startswith("  cumulative_ratio, 60+"))
    assert f"{true['cumulative_ratio[60+]']:.3f}" in whole
    assert whole.endswith("concern")
    held, _, intervals = lines[-1].split()[:3]
    assert int(intervals) == len(estimated)
    assert int(held) > len(estimated) / 2  # figures of one draw go together


def test_the_log_of_the_same_people_gives_the_same_way(another):
    folder, programs, true, rows, _ = another
    log, verdicts = audited(folder, programs, mobile_bank.LOG_PROGRAM)
    measures = mobile_bank._LOST + mobile_bank._ELDERLY
    estimated = [one for one in measures if one[0] not in COUNTED]
    assert misses(log, true, estimated) == []
    for one in estimated:  # a few events are lost and a few clocks are behind
        assert found(log, *one).estimate == pytest.approx(found(rows, *one).estimate, rel=2e-3)
    assert verdicts["cumulative_ratio", "60+", "all"] == "concern"
    told = {one.question: one.reason for one in log.not_answered}
    for what in ("duplicates", "skewed", "skipped", "unknown_events"):
        assert f"digital_divide.funnel: {what}" in told
    assert "'help_page'" in told["digital_divide.funnel: unknown_events"]


def test_the_fair_twin_is_accused_of_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(mobile_bank, "PERSONS", 40_000)
    programs, true = written(tmp_path, monkeypatch, 42, MobileBank().fair())
    run, verdicts = audited(tmp_path, programs, mobile_bank.PROGRAM)
    assert not {"breach", "concern"} & set(verdicts.values())
    every = mobile_bank._LOST + mobile_bank._ELDERLY + mobile_bank._OTHERS
    assert misses(run, true, [one for one in every if one[0] not in (*COUNTED, "thin_file_flip_share")]) == []
    for measure in ("no_traditional_channel_cases", "inaccessible_service_cases", "elderly_points_lost"):
        assert found(run, measure, None).estimate == 0
    for measure in ("adjusted_cumulative_ratio", "adjusted_elderly_completion_ratio"):
        assert verdicts[measure, "60+", "all"] == "clear"

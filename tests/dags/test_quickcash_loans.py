"""What was planted in the simulated lender of small loans is found, whatever the draw; its fair twin is not accused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from audits.simulation.quickcash import LOW, QuickCash
from audits.simulation.quickcash_truth import YOUNG
from dags import quickcash_loans
from tests.programs import run_program

ESTIMATED = [(measure, group, entry) for measure, group, entry, _ in quickcash_loans._MEASURES if measure in (
    "insurance_packing_ratio", "steering_excess_rate", "steered_ratio", "renewed_share", "fee_driven_ratio",
    "push_effect", "push_effect_gap", "dearest_decile_ratio",
)]  # fmt: skip
COUNTED = {
    "beyond_policy_cases": "beyond_policy_loans", "preticked_credit_cases": "preticked_loans",
    "longest_loan_sequence": "longest_sequence",
}  # fmt: skip
BEYOND = {"highest_mapr_rate": "above_cap_loans", "regular_apr_understated_gap": "understated_loans"}


def audited(folder, monkeypatch, seed, world=None):
    """The run of another draw: (folder, run, worst verdict by measure and group, truth)."""
    monkeypatch.setattr(quickcash_loans, "SEED", seed)
    programs = folder / "programs"
    programs.mkdir()
    quickcash_loans.write_lender(programs, folder / "data", world)
    run, judgement = run_program(programs / "quickcash-loans.yaml", folder / "runs")
    assert run.checks.fit
    assert not [one for one in run.checks.results if not one.success]
    assert not run.errors
    verdicts: dict[tuple[str, str | None], str] = {}
    for f in judgement.findings:  # the gravest comes first
        verdicts.setdefault((f.measurement.measure, f.measurement.group), f.verdict)
    return run, verdicts, json.loads((folder / "data/truth.json").read_text())["truth"]


def test_what_was_planted_is_found_on_another_draw(tmp_path, monkeypatch):
    run, verdicts, truth = audited(tmp_path, monkeypatch, 41)
    program = yaml.safe_load((tmp_path / "programs/quickcash-loans.yaml").read_text(encoding="utf-8"))
    assert set(program["title"]) == set(program["description"]) == {"en", "zh"}
    assert f"{truth['understated_loans']:,.0f} disclosed rates 0.75 points too low" in program["description"]["en"]
    found = {(m.measure, m.group): m for m in run.measurements}
    assert len(ESTIMATED) == 9
    for measure, group, entry in ESTIMATED:
        m = found[measure, group]
        # half the interval of 95 % is two standard errors: four and a half of each, in logarithms where it is a ratio
        ratio = measure.endswith("_ratio")
        low, value, high, true = (np.log(v) if ratio else v for v in (m.low, m.estimate, m.high, truth[entry]))
        assert abs(value - true) < 4.5 * (high - low) / 3.92, (measure, group)
    for measure, entry in COUNTED.items():
        assert found[measure, None].estimate == truth[entry]
    for measure, entry in BEYOND.items():
        ((_, loans),) = found[measure, None].beyond
        assert loans == truth[entry]
        assert verdicts[measure, None] == "breach"
    assert found["regular_apr_understated_gap", None].estimate == pytest.approx(0.0075, abs=0.0001)
    level = found["overstretched_share", None]
    assert level.estimate == pytest.approx(truth["overstretched_share"], abs=1e-9)
    assert [p.rate for p in level.points] == pytest.approx([truth[f"overstretched_share[{q}]"] for q in range(6)])
    for measure, group in (
        ("steering_excess_rate", YOUNG), ("steered_ratio", YOUNG), ("fee_driven_ratio", None), ("push_effect_gap", LOW),
        ("insurance_packing_ratio", LOW), ("beyond_policy_cases", None),
    ):  # fmt: skip
        assert verdicts[measure, group] == "concern"
    lines = quickcash_loans.planted_and_found(tmp_path / "runs", tmp_path / "data")
    assert len(lines) == 1 + len(quickcash_loans._MEASURES) + 3
    (cap,) = (line for line in lines if "highest_mapr_rate" in line)
    assert cap.count(f"{truth['above_cap_loans']:,.0f} loans") == 2
    assert cap.endswith("breach")
    (held,) = (line for line in lines if "intervals hold what was planted" in line)
    assert int(held.split(" of ")[0]) >= 6
    assert any("planted 2 % of the first quarter's loans, 12 % of the last one's" in line for line in lines)


def test_the_fair_twin_is_accused_of_nothing_that_was_not_planted(tmp_path, monkeypatch):
    monkeypatch.setattr(quickcash_loans, "BORROWERS", 6_000)
    run, verdicts, truth = audited(tmp_path, monkeypatch, 42, QuickCash().fair())
    by_measure = {(m.measure, m.group): m for m in run.measurements}
    assert verdicts["highest_mapr_rate", None] == verdicts["beyond_policy_cases", None] == "clear"
    # insurance that may have been a condition of the credit is not seen, so that this one is never clear
    assert verdicts["regular_apr_understated_gap", None] == "inconclusive"
    assert "breach" not in verdicts.values()
    assert by_measure["preticked_credit_cases", None].estimate == 0
    for measure, group, entry in ESTIMATED:
        assert verdicts.get((measure, group)) in (None, "clear", "inconclusive") or measure == "renewed_share"
        if truth[entry] in (0.0, 1.0):
            m = by_measure[measure, group]
            assert abs(m.estimate - truth[entry]) < 4.5 * (m.high - m.low) / 3.92

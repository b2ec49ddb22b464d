"""What was planted in the simulated motor insurer is found, whatever the draw, and set beside it on the terminal."""

from __future__ import annotations

import json

import pytest
import yaml

from dags import motor_renewals
from tests.programs import run_program


@pytest.mark.parametrize("seed", [31, 32])
def test_what_was_planted_is_found_on_other_draws(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(motor_renewals, "SEED", seed)
    programs = tmp_path / "programs"
    programs.mkdir()
    motor_renewals.write_insurer(programs, tmp_path / "data")
    program = yaml.safe_load((programs / "motor-renewals.yaml").read_text(encoding="utf-8"))
    assert set(program["title"]) == set(program["description"]) == {"en", "zh"}
    assert "2 %" in program["description"]["en"]
    run, judgement = run_program(programs / "motor-renewals.yaml", tmp_path / "runs")
    told = json.loads((tmp_path / "data" / "truth.json").read_text())
    truth, found = told["truth"], {m.measure: m for m in run.measurements if m.attribute is None}
    # four standard errors of each; counts are of 60,000 quotes drawn
    for measure, entry in (("tenure_price_slope", "tenure_price_slope"), ("loss_ratio_slope", "loss_ratio_slope")):
        m = found[measure]
        assert abs(m.estimate - truth[entry]) < 4 * m.standard_error
    money = found["estimated_overcharge_money"]
    assert money.unit == "GBP"
    assert abs(money.estimate - told["rows"] * truth["overcharge_a_quote"]) < 5 * money.standard_error
    cases = found["renewal_above_enbp_cases"]
    assert cases.estimate == pytest.approx(told["rows"] * truth["above_enbp_a_quote"], rel=0.1)
    hidden = found["undisclosed_personalised_price_cases"]
    assert hidden.estimate == pytest.approx(told["rows"] * truth["undisclosed_personalised_share"], rel=0.05)
    worst = {}
    for f in judgement.findings:
        worst.setdefault(f.measurement.measure, f.verdict)
    assert worst["renewal_above_enbp_cases"] == "breach"
    assert worst["loyalty_penalty_slope"] in ("concern", "inconclusive")
    lines = motor_renewals.planted_and_found(tmp_path / "runs", tmp_path / "data")
    (cases_line,) = (line for line in lines if "renewal_above_enbp_cases" in line)
    assert f"{int(cases.estimate):,}" in cases_line
    assert cases_line.endswith("breach")
    assert sum(line.endswith("told beside") for line in lines) >= 2

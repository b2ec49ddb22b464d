"""Two lenders with one ratio are told apart, whatever the draw, by the questions and not by the ratio."""

from __future__ import annotations

import pytest

from dags import two_lenders
from tests.programs import run_program


@pytest.mark.parametrize("seed", [11, 12])
def test_two_lenders_with_one_ratio_are_told_apart_on_other_draws(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(two_lenders, "SEED", seed)
    monkeypatch.setattr(two_lenders, "ROWS", 30_000)
    programs = tmp_path / "programs"
    programs.mkdir()
    two_lenders.write_lenders(programs, tmp_path / "data")
    worst = {}
    for name in two_lenders.EFFECTS:
        run, judgement = run_program(programs / f"{name}.yaml", tmp_path / "runs")
        (ratio,) = (m for m in run.measurements if m.measure == "adverse_impact_ratio")
        assert ratio.estimate == pytest.approx(0.73, abs=0.02)
        for f in judgement.findings:
            worst.setdefault((name, f.measurement.measure), f.verdict)
    assert worst["fair-lender", "adverse_impact_ratio"] == worst["strict-lender", "adverse_impact_ratio"] == "concern"
    assert worst["fair-lender", "adjusted_approval_gap"] == "clear"
    assert worst["fair-lender", "risk_adjusted_gap"] in ("clear", "inconclusive")
    assert worst["strict-lender", "adjusted_approval_gap"] == worst["strict-lender", "risk_adjusted_gap"] == "concern"
    lines = two_lenders.told_apart(tmp_path / "runs")
    assert "14 points" in lines[-1]
    assert "nothing" in lines[-1]

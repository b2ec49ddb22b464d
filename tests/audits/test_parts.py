"""A rule sees the decisions of its own days, and an old run is judged again without its data."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from audits.policies.again import judge_again, packs_named
from audits.run import read_run
from checks.problem import InputError
from tests.programs import loans, run_program, write_program

SCOPE = {"jurisdictions": ["US"], "products": ["mortgage"]}


def program(folder, file="loans.parquet", **changes):
    data = loans(3, 6000)
    data["when"] = pd.Timestamp("2026-06-01 13:00") + pd.to_timedelta(np.arange(6000) % 90, unit="D")
    contract = {
        "unit": "case", "time": "when", "decision": {"column": "granted", "favourable": 1}, "controls": ["burden"],
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    return write_program(folder, data, file=file, contract=contract, scope=SCOPE, **changes)


@pytest.mark.parametrize("file", ["loans.parquet", "loans.csv"])
def test_a_rule_that_lapses_within_the_period_judges_the_decisions_before_it_only(tmp_path, file):
    run, judgement = run_program(program(tmp_path, file), tmp_path / "out")
    before, _ = run_program(program(tmp_path, file), tmp_path / "out", "2026-06-01..2026-07-20")
    ecoa = {f.rule.id: f for f in judgement.findings if f.measurement.measure == "adjusted_approval_gap"}
    assert ecoa["us.ecoa.impact"].measurement.segment == "2026-06-01..2026-07-20"
    assert ecoa["us.fha.impact"].measurement.segment == "all"
    (alone,) = (m for m in before.measurements if m.measure == "adjusted_approval_gap" and m.segment == "all")
    part = ecoa["us.ecoa.impact"].measurement
    assert (part.estimate, part.standard_error, part.n) == (alone.estimate, alone.standard_error, alone.n)
    segments = {m.segment for m in run.measurements}
    assert segments == {"all", "2026-06-01..2026-07-20", "2026-07-21..2026-08-29"}
    folder = tmp_path / "out/loans/all/v1"
    assert all((folder / f"parts/{part}/evidence/cells.csv").is_file() for part in segments - {"all"})
    assert any(file.name.startswith("parts/2026-06-01..2026-07-20/evidence/") for file in run.evidence)


def test_after_the_last_day_the_rule_is_silent_and_its_figure_is_published_with_the_rules_that_remain(tmp_path):
    run, judgement = run_program(program(tmp_path), tmp_path / "out", "2026-07-21..2026-08-29")
    assert {m.segment for m in run.measurements} == {"all"}
    (idle,) = (one for one in judgement.rules_not_applied if one.rule.id == "us.ecoa.impact")
    assert "ended on 2026-07-21" in idle.reason
    assert any(f.rule.id == "us.fha.impact" for f in judgement.findings)


def test_a_run_is_judged_again_without_its_data_and_the_judgement_before_is_kept(tmp_path):
    file = program(tmp_path)
    run_program(file, tmp_path / "out")
    folder = tmp_path / "out/loans/all/v1"
    (tmp_path / "loans.parquet").unlink()
    shutil.rmtree(folder / "evidence")
    before = (folder / "judgement.json").read_bytes()
    assert judge_again(folder, packs_named(folder, ())) is None  # the program's own packs: the same bytes
    kept = judge_again(folder, packs_named(folder, ["uk,conventions"]))
    assert kept.read_bytes() == before
    _, judgement = read_run(folder)
    assert {pack.id for pack in judgement.policies} == {"uk", "conventions"}
    assert judge_again(folder, packs_named(folder, ())) is not None
    assert (folder / "judgement.json").read_bytes() == before


def test_judging_again_says_what_is_wrong_with_a_folder_or_a_pack(tmp_path):
    with pytest.raises(InputError, match="no readable file"):
        judge_again(tmp_path, ())
    with pytest.raises(InputError, match="did you mean 'us'"):
        packs_named(tmp_path, ["uss"])


def test_parts_cut_for_other_rules_judge_nothing_of_a_rule_with_other_days(tmp_path):
    from dataclasses import replace

    from audits.policies.judge import judge
    from audits.policies.packs import PolicyPack, find_pack

    run, _ = run_program(program(tmp_path), tmp_path / "out")
    rule = next(rule for rule in find_pack("us", tmp_path).rules if rule.id == "us.ecoa.impact")
    for first, last, verdict in (
        (None, "2026-07-21", "concern"), ("2026-07-01", None, "not_identified"),
        ("2026-06-10", "2026-07-21", "not_identified"), (None, "2026-07-10", "not_identified"),
        ("2026-07-21", None, "concern"), (None, None, "concern"),
    ):  # fmt: skip
        other = replace(rule, effective_from=first, effective_to=last)
        (finding,) = judge(run, "d", [PolicyPack("p", {}, (other,), "")]).findings
        assert finding.verdict == verdict, (first, last)


def test_rows_without_a_time_fall_under_no_rule_and_hold_back_a_clear(tmp_path):
    data = loans(3, 6000, gap=0.0)
    data["when"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(6000) % 90, unit="D")
    hidden = (data["region"] == "south") & (np.arange(6000) % 2 == 0)
    data.loc[hidden, "granted"] = 0
    data.loc[hidden, "when"] = pd.NaT
    contract = {
        "unit": "case", "time": "when", "decision": {"column": "granted", "favourable": 1}, "controls": ["burden"],
        "groups": {"region": {"column": "region", "reference": "north"}}, "columns": {"when": {"null_tolerance": 1}},
    }  # fmt: skip
    run, judgement = run_program(write_program(tmp_path, data, contract=contract, scope=SCOPE), tmp_path / "out")
    assert run.data.undated == int(hidden.sum())
    assert any("without a time" in item.reason and item.rows == hidden.sum() for item in run.exclusions)
    adjusted = [f for f in judgement.findings if f.measurement.measure == "adjusted_approval_gap"]
    assert adjusted
    assert "clear" not in {f.verdict for f in adjusted}
    assert "have no time" in " ".join(adjusted[0].cautions)

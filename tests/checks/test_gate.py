"""The gate: what stops an audit, what only warns, and what a person is told."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from checks.check_report import CheckReport, CheckResult
from checks.column_rules import mostly, typed_values
from checks.expectation_results import one_line, written
from checks.expectations import plan_checks
from checks.extra_checks import validate_extras
from checks.gate import opened_batch, outcomes_of, outcomes_on_labels, run_checks
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.checks.conftest import AS_OF, AWKWARD_NAMES, CONTRACT, OpenedFrame, awkward_frame, clean_frame, write_program

SMALL = """
  unit: id
  decision: {column: outcome, favourable: [approved]}
  groups:
    race: {column: race, reference: white}
"""


def small_frame(rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame({
        "id": np.arange(rows),
        "outcome": random.choice(["approved", "denied"], rows),
        "race": random.choice(["white", "black", "asian"], rows),
        "amount": random.integers(1, 100, rows).astype(float),
        "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 100, rows), unit="h"),
    })  # fmt: skip


def gate(
    opened: OpenedFrame, frame: pd.DataFrame, contract: str = SMALL, checks: str = "", as_of: dt.date = AS_OF
) -> CheckReport:
    with opened(frame, contract=contract, checks=checks) as (source, program):
        return run_checks(source, program, as_of)


def line(report: CheckReport, place: str, success: bool | None = None) -> CheckResult:
    found = [r for r in report.results if r.place == place and success in (None, r.success)]
    assert len(found) == 1, [(r.place, r.success) for r in report.results]
    return found[0]


def test_clean_data_are_fit(opened: OpenedFrame) -> None:
    report = gate(opened, small_frame())
    assert report.fit
    assert report.failures == report.warnings == ()


def test_failed_warning_leaves_the_data_fit(opened: OpenedFrame) -> None:
    contract = SMALL + "  columns:\n    amount: {max: 50, on_failure: warn}\n"
    report = gate(opened, small_frame(), contract)
    assert report.fit
    assert [r.place for r in report.warnings] == ["contract.columns.amount.max"]
    assert report.warnings[0].examples == ("51", "52", "54", "56", "58")


def test_same_failure_stops_where_nothing_else_is_said(opened: OpenedFrame) -> None:
    report = gate(opened, small_frame(), SMALL + "  columns:\n    amount: {max: 50}\n")
    assert not report.fit
    failed = report.failures[0]
    assert failed.rows == 200
    assert failed.unexpected is not None
    assert 0 < failed.unexpected < 200
    assert f"{failed.unexpected} of 200 values break this" in failed.observed


def test_three_valued_decision_stops_with_the_remedy(opened: OpenedFrame) -> None:
    frame = small_frame()
    frame.loc[0, "outcome"] = "withdrawn"
    failed = line(gate(opened, frame), "contract.decision", False)
    assert failed.on_failure == "stop"
    assert failed.observed == "only approved, denied, withdrawn"
    assert failed.remedy == "name the values under unfavourable and excluded"


def test_three_valued_decision_passes_once_its_values_are_named(opened: OpenedFrame) -> None:
    frame = small_frame()
    frame.loc[0, "outcome"] = "withdrawn"
    named = SMALL.replace("[approved]", "[approved], unfavourable: [denied], excluded: [withdrawn]")
    assert gate(opened, frame, named).fit


def test_favourable_value_that_never_occurs_stops(opened: OpenedFrame) -> None:
    failed = line(gate(opened, small_frame(), SMALL.replace("approved", "aproved")), "contract.decision.favourable")
    assert not failed.success
    assert failed.observed == "only approved, denied"
    assert "did you mean 'approved'" in failed.remedy


def test_absent_reference_lists_the_labels_and_the_nearest(opened: OpenedFrame) -> None:
    contract = SMALL.replace("reference: white", "reference: White")
    failed = line(gate(opened, small_frame(), contract), "contract.groups.race.reference")
    assert not failed.success
    assert failed.observed == "only asian, black, white"
    assert failed.remedy.startswith("did you mean 'white'?")


def test_single_group_stops(opened: OpenedFrame) -> None:
    failed = line(gate(opened, small_frame().assign(race="white")), "contract.groups.race", False)
    assert failed.on_failure == "stop"
    assert failed.observed == "only white"


@pytest.mark.parametrize("missing", [None, "nan", "", "NaN", "N/A"])
def test_missing_label_stops_in_every_spelling(missing: str | None, opened: OpenedFrame) -> None:
    frame = small_frame()
    frame["race"] = frame["race"].astype(object)
    frame.loc[:2, "race"] = missing
    failed = line(gate(opened, frame), "contract.groups.race.column")
    assert not failed.success
    assert (failed.rows, failed.unexpected) == (200, 3)
    assert failed.observed == "3 of 200 values missing (1.5 %)"


def test_tolerated_missing_labels_pass(opened: OpenedFrame) -> None:
    frame = small_frame()
    frame["race"] = frame["race"].astype(object)
    frame.loc[:2, "race"] = None
    report = gate(opened, frame, SMALL + "  columns:\n    race: {null_tolerance: 0.015}\n")
    assert report.fit


def test_unseen_label_stops_and_is_shown(opened: OpenedFrame) -> None:
    contract = SMALL.replace("reference: white", "reference: white, values: [white, black]")
    failed = line(gate(opened, small_frame(), contract), "contract.groups.race.values")
    assert not failed.success
    assert failed.examples == ("asian",)


def test_stale_data_stop(opened: OpenedFrame) -> None:
    contract = SMALL + "  time: when\n  freshness: {within_days: 30}\n"
    failed = line(gate(opened, small_frame(), contract, as_of=dt.date(2026, 6, 30)), "contract.freshness")
    assert not failed.success
    assert failed.observed.startswith("2026-01-0")
    assert "2026-05-31" in failed.expected
    assert gate(opened, small_frame(), contract, as_of=dt.date(2026, 1, 31)).fit


def test_check_that_raises_is_a_readable_failure_and_no_other_suffers(opened: OpenedFrame) -> None:
    checks = """
  - expect_column_mean_to_be_between: {column: race, min_value: 1}
  - expect_column_values_to_match_regex: {column: amount, regex: '^1'}
    on_failure: warn
  - expect_column_mean_to_be_between: {column: amount, min_value: 1}
"""
    report = gate(opened, small_frame(), SMALL + "  columns: {amount: {min: 0}}\n", checks)
    for place in ("checks[0]", "checks[1]"):
        assert not line(report, place).success
        assert line(report, place).observed.startswith("it could not be checked: ")
        assert "\n" not in line(report, place).observed
        assert "Traceback" not in line(report, place).observed
    assert line(report, "checks[2]").success
    assert [r.place for r in report.failures] == ["checks[0]"]


def test_derived_columns_are_called_by_what_they_are_made_of(opened: OpenedFrame) -> None:
    frame = small_frame().assign(race="black", outcome="denied")
    report = gate(opened, frame, SMALL.replace("reference: white", "reference: white, values: [white, asian]"))
    assert "squaredeal_" not in repr(report)
    assert "column 'race' (race)" in line(report, "contract.groups.race.reference").expected


def test_values_of_unit_and_entity_never_appear(opened: OpenedFrame) -> None:
    frame = small_frame().assign(customer=lambda f: "secret-" + f["id"].astype(str))
    frame["id"] = "secret-" + (frame["id"] // 2).astype(str)
    contract = (
        SMALL
        + """  entity: customer
  columns:
    customer: {unique: true, matches: '[0-9]+'}
  pairs: [{left: id, relation: '==', right: customer}]
"""
    )
    checks = """
  - expect_column_values_to_be_in_set: {column: id, value_set: [1.5]}
  - expect_column_most_common_value_to_be_in_set: {column: id, value_set: [a]}
  - expect_column_max_to_be_between: {column: customer, max_value: 3}
"""
    report = gate(opened, frame, contract, checks)
    assert {r.place for r in report.failures} == {
        "contract.unit", "contract.columns.customer.matches", "contract.pairs[0]",
        "checks[0]", "checks[1]", "checks[2]",
    }  # fmt: skip
    assert "secret" not in repr(report)


def test_row_order_does_not_change_the_report(opened: OpenedFrame) -> None:
    frame = clean_frame(3_000)
    frame.loc[:40, "Zip:code"] = [f"x{i}" for i in range(41)]
    frame.loc[50:90, "RACE group"] = [f"group {i}" for i in range(41)]
    frame.loc[100:140, "income %"] = -np.arange(1.0, 42.0) / 3
    with opened(frame) as (source, program):
        first = run_checks(source, program, AS_OF)
    with opened(frame.sample(frac=1, random_state=1)) as (source, program):
        second = run_checks(source, program, AS_OF)
    assert first == second
    assert line(first, "contract.columns.Zip:code.matches").examples == ("x0", "x1", "x10", "x11", "x12")


def test_awkward_column_names_are_checked_like_others(opened: OpenedFrame) -> None:
    frame, contract = awkward_frame()
    report = gate(opened, frame, contract)
    assert {r.column for r in report.failures} == set(AWKWARD_NAMES)
    told = {(r.place.rsplit(".", 1)[1], r.rows, r.unexpected, r.examples) for r in report.failures}
    assert told == {("max", 4, 1, ("4",)), ("values", 4, 1, ("4",))}
    assert len(report.failures) == 2 * len(AWKWARD_NAMES)


def test_all_missing_column_is_told(opened: OpenedFrame) -> None:
    contract = SMALL + "  controls: [amount]\n  columns: {amount: {min: 0}}\n"
    report = gate(opened, small_frame().assign(amount=np.nan), contract)
    assert report.fit
    assert [r.observed for r in report.warnings] == ["200 of 200 values missing (100 %)"]
    bound = line(report, "contract.columns.amount.min")
    assert (bound.rows, bound.success) == (0, True)


@pytest.mark.parametrize("missing", [3, 4])
def test_tolerance_is_exact(missing: int, opened: OpenedFrame) -> None:
    frame = small_frame(1_000)
    frame.loc[: missing - 1, "amount"] = np.nan
    report = gate(opened, frame, SMALL + "  columns: {amount: {null_tolerance: 0.003}}\n")
    assert report.fit is (missing == 3)


def test_mostly_is_computed_in_decimals() -> None:
    for thousandths in range(1000):
        assert mostly(thousandths / 1000) == (1000 - thousandths) / 1000


def test_type_rules_tell_kinds_apart(opened: OpenedFrame) -> None:
    frame = small_frame().assign(flag=True, whole=1, real=1.5)
    types = {"flag": "number", "whole": "number", "real": "integer", "amount": "text", "when": "date", "race": "text"}
    columns = "".join(f"    {column}: {{type: {name}}}\n" for column, name in types.items())
    report = gate(opened, frame, SMALL + f"  columns:\n{columns}")
    assert {r.column for r in report.failures} == {"flag", "real", "amount"}
    assert line(report, "contract.columns.flag.type").observed == "BOOLEAN"


EXTRA_FAULTS = {
    "expect_column_mean_to_be_betwen: {column: amount}": ("unknown check", "expect_column_mean_to_be_between"),
    "expect_column_mean_to_be_between: {colum: amount}": ("no argument 'column'", "rename 'colum' to 'column'"),
    "expect_column_mean_to_be_between: {column: amount, minimum_value: 1}": ("unknown argument", "min_value"),
    "expect_column_mean_to_be_between: {column: amuont, min_value: 1}": ("does not name", "did you mean 'amount'"),
    "expect_column_values_to_be_increasing: {column: amount}": ("cannot be asked in SQL", "in 'query'"),
    "expect_column_values_to_be_unique: {column: amount, mostly: 7}": ("do not fit", "correct the arguments"),
}


@pytest.mark.parametrize("entry", EXTRA_FAULTS)
def test_ill_put_extra_check_is_refused_with_line_and_nearest_name(entry: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, "{table: x.parquet}", SMALL + "  columns: {amount: {}}\n", f"\n  - {entry}\n")
    with pytest.raises(InputError) as raised:
        validate_extras(program)
    found, remedy = EXTRA_FAULTS[entry]
    text = str(raised.value)
    assert found in text
    assert remedy in text
    assert "planted.yaml, line 10" in text


def test_all_ill_put_extras_are_told_at_once(tmp_path: Path) -> None:
    checks = "\n  - expect_nothing: {}\n  - expect_column_max_to_be_between: {column: nowhere}\n"
    with pytest.raises(InputError) as raised:
        validate_extras(write_program(tmp_path, "{table: x.parquet}", SMALL, checks))
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("amount: {values: [many]}", "a number, as the column holds them"),
        ("amount: {min: 2026-01-01}", "a number, as the column holds numbers"),
        ("when: {max: 5}", "a day as YYYY-MM-DD"),
        ("race: {matches: '['}", "which is no pattern"),
    ],
)
def test_rule_that_cannot_fit_its_column_is_refused(rule: str, told: str, opened: OpenedFrame) -> None:
    with pytest.raises(InputError, match=told):
        gate(opened, small_frame(), SMALL + f"  columns: {{{rule}}}\n")


def test_upper_bound_includes_the_whole_day(opened: OpenedFrame) -> None:
    frame = small_frame()
    frame["when"] = pd.Timestamp("2026-01-31 23:59")
    assert gate(opened, frame, SMALL + "  columns: {when: {max: 2026-01-31}}\n").fit
    assert not gate(opened, frame, SMALL + "  columns: {when: {max: 2026-01-30}}\n").fit


def test_each_check_is_asked_once(opened: OpenedFrame) -> None:
    contract = SMALL + "  columns: {id: {unique: true}, race: {values: [white, black, asian]}}\n"
    with opened(small_frame(), contract=contract, checks="") as (source, program):
        planned = plan_checks(program, source.prepared, AS_OF)
    asked = [(check.expectation, repr(check.arguments)) for check in planned]
    assert len(asked) == len(set(asked))
    assert [c.place for c in planned if c.expectation == "expect_column_values_to_be_unique"] == ["contract.unit"]


def test_gate_speaks_to_nobody_outside(opened: OpenedFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: Any) -> None:
        local = self.family == socket.AF_UNIX or str(address[0]) in ("127.0.0.1", "::1", "localhost")
        assert local, f"connection to {address}"
        raise OSError("no connections in this test")

    def no_names(*_: Any, **__: Any) -> None:
        raise AssertionError("a host name was looked up")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    assert gate(opened, small_frame()).fit
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_planning_does_not_wait_for_great_expectations() -> None:
    code = "import sys, checks.gate, checks.expectations; print('great_expectations' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_gate_leaves_nothing_behind(
    opened: OpenedFrame, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, here = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("here")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(here)
    gate(opened, small_frame())
    assert list(folder.rglob("*")) == []
    assert list(here.rglob("*")) == []


def test_real_mortgages_are_fit() -> None:
    program = read_program(Path(__file__).parents[2] / "dags" / "programs" / "boston-mortgages.yaml")
    with open_source(program, Period()) as source:
        report = run_checks(source, program, dt.date(1990, 12, 31))
    assert report.fit
    assert report.warnings == ()
    assert line(report, "contract.columns.male.null_tolerance").unexpected == 15


def test_values_are_written_as_a_person_writes_them() -> None:
    assert [written(value) for value in (0.1 + 0.2, np.float64(2.0), True, None)] == ["0.3", "2", "true", "missing"]
    assert [written(dt.datetime(2026, 1, 2)), written(pd.Timestamp("2026-01-02 03:04"))] == [
        "2026-01-02", "2026-01-02T03:04:00",
    ]  # fmt: skip
    assert written({3, 1}) == "1, 3"


def test_error_texts_become_one_line() -> None:
    told = '(psycopg2.errors.UndefinedColumn) column "x" does not exist'
    assert one_line(f"{told}\nLINE 1: SELECT x\n [SQL: SELECT x]\n(Background on …)") == 'column "x" does not exist'


def test_values_of_the_program_take_the_type_of_the_column() -> None:
    assert typed_values(["1", "2.50", "1e3"], "number", "") == [1, 2.5, 1000]
    assert typed_values(["yes", "0"], "boolean", "") == [True, False]
    assert typed_values(["2026-01-02"], "date", "") == [dt.date(2026, 1, 2)]
    assert "decision: {column: 申请结果" in CONTRACT


def test_what_occurs_instead_is_the_same_in_any_row_order_beyond_a_thousand_labels(opened: OpenedFrame) -> None:
    frame = small_frame(3_000)
    frame["outcome"] = [f"state {i}" for i in range(len(frame))]
    frame.loc[0, "outcome"] = "aproved"
    told = []
    for seed in (1, 2):
        report = gate(opened, frame.sample(frac=1, random_state=seed))
        failed = line(report, "contract.decision.favourable")
        told.append((failed.observed, failed.remedy))
    assert told[0] == told[1]
    assert told[0][0].startswith("only aproved, state 1, state 10, state 100,")
    assert told[0][0].endswith("and 2,988 more")
    assert "did you mean 'aproved'" in told[0][1]


@pytest.mark.parametrize("change", ["none", "one group", "no reference", "three decisions", "all missing"])
def test_values_listed_by_the_engine_are_judged_as_the_engine_judges_its_rows(change: str, opened: OpenedFrame) -> None:
    frame = small_frame()
    frame["race"], frame["outcome"] = frame["race"].astype(object), frame["outcome"].astype(object)
    if change == "one group":
        frame["race"] = "white"
    elif change == "no reference":
        frame["race"] = frame["race"].replace("white", "grey")
    elif change == "three decisions":
        frame.loc[0, "outcome"] = "withdrawn"
    elif change == "all missing":
        frame["race"] = None
        frame.loc[:2, "race"] = "nan"
    with opened(frame, contract=SMALL, checks="") as (source, program):
        planned = list(plan_checks(program, source.prepared, AS_OF))
        listed = outcomes_on_labels(source, planned)
        with opened_batch(source) as batch:
            engine = outcomes_of(batch, [planned[i] for i in listed])
    assert len(listed) == 4
    for ours, theirs in zip(listed.values(), engine, strict=True):
        assert ours.success == theirs.success
        assert sorted_values(ours.result["observed_value"]) == sorted_values(theirs.result["observed_value"])


def sorted_values(observed: Any) -> Any:
    return sorted(observed, key=str) if isinstance(observed, (list, tuple, set)) else observed


def test_a_column_of_too_many_values_to_list_is_left_to_the_engine(opened: OpenedFrame) -> None:
    frame = small_frame(3_000)
    frame["outcome"] = [f"state {i}" for i in range(len(frame))]
    with opened(frame, contract=SMALL, checks="") as (source, program):
        planned = list(plan_checks(program, source.prepared, AS_OF))
        columns = {planned[i].arguments["column"] for i in outcomes_on_labels(source, planned)}
    assert "outcome" not in columns
    assert "squaredeal_group_race" in columns

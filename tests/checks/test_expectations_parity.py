"""The suite says the same on DuckDB as on pandas, for clean data and for every kind of planted failure.

Great Expectations' pandas engine is the independent twin: it shares no SQL with ours. Counts
must be equal; observed numbers agree to 9 digits, since the two sum in different orders. Type
checks name the engine's types, so the twin gets pandas' names of the same types.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from checks.column_rules import TYPE_NAMES
from checks.expectations import build_suite, plan_checks
from checks.gate import RESULT_FORMAT, opened_batch, outcomes_of, run_checks
from checks.great_expectations_setup import quiet_context
from checks.inputs.source import Source
from checks.planned_check import PlannedCheck, named_columns
from tests.checks.conftest import AS_OF, CONTRACT, OpenedFrame, clean_frame

PANDAS_TYPES = {
    "integer": ["int64", "int"],
    "number": ["int64", "int", "float64"],
    "text": ["str"],
    "date": ["datetime64[us]", "datetime64[ns]", "datetime64[s]"],
    "boolean": ["bool"],
}
# Great Expectations' pandas engine fails by itself where a compound key has missing values.
PANDAS_FAULTS = {("missing unit", "expect_compound_columns_to_be_unique")}
COUNTS = ("element_count", "unexpected_count", "missing_count")
Mutation = Callable[[pd.DataFrame], None]


def _set(column: str, value: Any, rows: slice = slice(0, 40)) -> Mutation:
    def mutate(frame: pd.DataFrame) -> None:
        if value is None or isinstance(value, str):
            frame[column] = frame[column].astype(object)
        frame.loc[frame.index[rows], column] = value

    return mutate


def _keep(column: str, value: Any) -> Mutation:
    def mutate(frame: pd.DataFrame) -> None:
        frame[column] = value

    return mutate


def _earlier(frame: pd.DataFrame) -> None:
    frame["decided_on"] = frame["decided_on"] - pd.Timedelta(days=200)
    frame["offered_on"] = dt.date(2025, 1, 1)


PLANTED: dict[str, tuple[Mutation, str]] = {
    "missing unit": (_set("Application ID", None), "contract.unit"),
    "repeated unit": (_set("Application ID", 77), "contract.unit"),
    "missing decision": (_set("申请结果", None), "contract.decision.column"),
    "no favourable decision": (_keep("申请结果", "denied"), "contract.decision.favourable"),
    "unknown decision": (_set("申请结果", "pending"), "contract.decision"),
    "missing label": (_set("RACE group", None), "contract.groups.race.column"),
    "'nan' as label": (_set("RACE group", "nan"), "contract.groups.race.column"),
    "NaN in a banded number": (_set("Age", np.nan), "contract.groups.age.column"),
    "absent reference": (_keep("RACE group", "B"), "contract.groups.race.reference"),
    "one group": (_keep("gender", "m"), "contract.groups.gender"),
    "unseen label": (_set("RACE group", "D"), "contract.groups.race.labels"),
    "missing time": (_set("decided_on", pd.NaT), "contract.time"),
    "stale": (_earlier, "contract.freshness"),
    "wrong type": (_keep("flag", "yes"), "contract.columns.flag.type"),
    "too many missing": (_set("income %", np.nan, slice(0, 400)), "contract.columns.income %.null_tolerance"),
    "below the minimum": (_set("income %", -1.5), "contract.columns.income %.min"),
    "above the maximum": (_set("Loan Amount", 100_001), "contract.columns.Loan Amount.max"),
    "before the first day": (_set("offered_on", dt.date(2024, 12, 31)), "contract.columns.offered_on.min"),
    "after the last day": (_set("decided_on", pd.Timestamp("2026-07-01")), "contract.columns.decided_on.max"),
    "value outside the set": (_set("term", 13), "contract.columns.term.values"),
    "repeated value": (_set("it's ref", "ref 100"), "contract.columns.it's ref.unique"),
    "pattern broken": (_set("Zip:code", "12%45"), "contract.columns.Zip:code.matches"),
    "pattern only in part": (_set("Zip:code", "123456"), "contract.columns.Zip:code.matches"),
    "pair of dates broken": (_set("decided_on", pd.Timestamp("2024-06-01")), "contract.pairs[0]"),
    "pair of numbers broken": (_set("fee", 90_000), "contract.pairs[1]"),
    "pair that must differ": (_keep("fee", 12), "contract.pairs[2]"),
    "undeclared column missing": (_set("Loan Amount", None, slice(0, 2000)), "contract.controls[1]"),
    "too few rows": (lambda frame: frame.drop(frame.index[900:], inplace=True), "checks[0]"),
    "mean too high": (_keep("income %", 95_000.0), "checks[1]"),
    "all missing": (_keep("income %", np.nan), "contract.columns.income %.null_tolerance"),
    "wrong lengths": (_set("gender", "mmmm"), "checks[9]"),
    "forbidden value": (_set("gender", "x"), "checks[7]"),
    "distinct value outside": (_set("term", 99), "checks[11]"),
    "repeated together": (_set("Application ID", 5, slice(3, 5)), "checks[13]"),
    "forbidden pattern": (_set("Zip:code", "00000"), "checks[14]"),
}


def pandas_twin(source: Source, planned: list[PlannedCheck]) -> list[Any]:
    """The same checks by Great Expectations on pandas, which shares no SQL with ours."""
    frame = source.table.to_pandas()
    for name in frame.columns:
        dtype = source.table[name].type()
        if dtype.is_string() or (dtype.is_integer() and frame[name].hasnans):
            values = [None if pd.isna(value) else value for value in frame[name]]
            plain = [int(value) if value is not None and dtype.is_integer() else value for value in values]
            frame[name] = pd.Series(plain, dtype=object)
        if dtype.is_date():
            frame[name] = pd.to_datetime(frame[name])
    twins = [dataclasses.replace(check, arguments=_for_pandas(check.arguments)) for check in planned]
    batch = (
        quiet_context().data_sources.add_pandas("twin").add_dataframe_asset("twin")
        .add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    )  # fmt: skip
    return outcomes_of(batch, twins)


def _for_pandas(arguments: Any) -> dict[str, Any]:
    twin = dict(arguments)
    for word, names in TYPE_NAMES.items():
        if twin.get("type_list") == list(names):
            twin["type_list"] = PANDAS_TYPES[word]
    for key in ("min_value", "max_value"):
        if isinstance(twin.get(key), dt.date):
            twin[key] = pd.Timestamp(twin[key]).to_pydatetime()
    return twin


def _same(here: Any, there: Any) -> bool:
    """Equal up to rounding; a date equals the moment in it, since Great Expectations cuts the time off in SQL."""
    if isinstance(here, dict) and isinstance(there, dict):
        return here.keys() == there.keys() and all(_same(here[key], there[key]) for key in here)
    if isinstance(here, (list, tuple)) and isinstance(there, (list, tuple)):
        return len(here) == len(there) and all(_same(a, b) for a, b in zip(here, there, strict=True))
    if here is None or there is None:
        return here is None and there is None
    if isinstance(here, (int, float)) and isinstance(there, (int, float)):
        return bool(np.isclose(float(here), float(there), rtol=1e-9))
    return pd.Timestamp(here).date() == pd.Timestamp(there).date() if _day(here) else str(here) == str(there)


def _day(value: Any) -> bool:
    return isinstance(value, (dt.date, pd.Timestamp)) or (isinstance(value, str) and value[:2] == "20" and "-" in value)


def _differences(source: Source, planned: list[PlannedCheck]) -> tuple[list[str], dict[str, list[bool]]]:
    with opened_batch(source) as batch:
        duckdb_side = outcomes_of(batch, planned)
    pandas_side = pandas_twin(source, planned)
    differences, flags = [], {}
    for check, here, there in zip(planned, duckdb_side, pandas_side, strict=True):
        flags.setdefault(check.place, []).append(bool(here.success))
        told = f"{check.place} {check.expectation}: {here.success} {here.result} / {there.success} {there.result}"
        told += f" {here.exception_info if not here.result else ''} {there.exception_info if not there.result else ''}"
        unlike = bool(here.success) != bool(there.success)
        keys = [key for key in COUNTS if key in here.result and key in there.result]
        unlike |= any(here.result[key] != there.result[key] for key in keys)
        if check.expectation != "expect_column_values_to_be_in_type_list" and not keys:
            unlike |= not _same(here.result.get("observed_value"), there.result.get("observed_value"))
        differences += [told] if unlike else []
    return differences, flags


def test_clean_data_pass_every_check_alike_on_duckdb_and_pandas(opened: OpenedFrame) -> None:
    with opened(clean_frame()) as (source, program):
        differences, flags = _differences(source, list(plan_checks(program, source.prepared, AS_OF)))
    assert differences == []
    assert all(all(successes) for successes in flags.values())


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_failure_is_caught_alike_on_duckdb_and_pandas(kind: str, opened: OpenedFrame) -> None:
    mutate, place = PLANTED[kind]
    frame = clean_frame(4_000)
    mutate(frame)
    with opened(frame) as (source, program):
        planned = plan_checks(program, source.prepared, AS_OF)
        columns = {column for check in planned if check.place == place for column in named_columns(check.arguments)}
        concerned = [c for c in planned if c.place == place or columns & set(named_columns(c.arguments))]
        concerned = [c for c in concerned if (kind, c.expectation) not in PANDAS_FAULTS]
        differences, flags = _differences(source, concerned)
    assert differences == []
    assert not all(flags[place])


def test_every_expectation_that_planning_uses_is_planted_to_fail(opened: OpenedFrame) -> None:
    places = {place for _, place in PLANTED.values()}
    with opened(clean_frame(500)) as (source, program):
        planned = plan_checks(program, source.prepared, AS_OF)
    used = {check.expectation for check in planned if check.place.startswith("contract")}
    failed = {check.expectation for check in planned if check.place in places}
    assert used - failed == {"expect_column_pair_values_to_be_equal"}  # planted below


def test_equal_pair_is_caught_alike(opened: OpenedFrame) -> None:
    kept = "left: Zip:code, relation: '==', right: Zip:code"
    contract = CONTRACT.replace(kept, "left: fee, relation: '==', right: term")
    with opened(clean_frame(2_000), contract=contract) as (source, program):
        differences, flags = _differences(source, list(plan_checks(program, source.prepared, AS_OF)))
    assert differences == []
    assert flags["contract.pairs[3]"] == [False]


def test_suite_keeps_the_order_and_number_of_planned_checks(opened: OpenedFrame) -> None:
    with opened(clean_frame(500)) as (source, program):
        planned = plan_checks(program, source.prepared, AS_OF)
        suite = build_suite(planned)
        report = run_checks(source, program, AS_OF)
    assert [item.meta["position"] for item in suite.expectations] == list(range(len(planned)))
    assert [(r.expectation, r.place) for r in report.results] == [(c.expectation, c.place) for c in planned]
    assert RESULT_FORMAT["partial_unexpected_count"] == 0

"""Outcomes: known only where observed, stated and old enough, in both engines alike.

The oracle is a function over the rows in plain Python.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd
import psycopg
import pytest

from checks.inputs.outcomes import OUTCOME, _earlier
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import run_program, write_program

GROUPS = {"region": {"column": "region", "reference": "north"}}
DAY = dt.datetime(2026, 3, 31)


def outcomes(folder, values, outcome, period="all", source=None, **columns):
    """The outcome of each row, in order; the decision is favourable for even rows unless given."""
    n = len(values)
    data = pd.DataFrame({"case": range(n), "paid": values, "region": "north"})
    data["granted"] = [(i + 1) % 2 for i in range(n)]
    data = data.assign(**columns)
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "groups": GROUPS,
        "outcome": {"column": "paid", **outcome}, **({"time": "decided"} if "decided" in data else {}),
    }  # fmt: skip
    file = write_program(folder, data, contract=contract, **({"source": source} if source else {}))
    with open_source(read_program(file), read_period(period)) as opened:
        table = opened.table
        return [row[1] for row in sorted(opened.rows(table.select("case", OUTCOME)))]


@pytest.mark.parametrize(
    ("values", "favourable"),
    [(["repaid", "late", "repaid", "fraud"], "repaid"), ([1, 0, 1, 0], 1), ([1.0, 0.0, 1.0, 0.0], 1),
     ([True, False, True, False], True), ([0, 9, 0, 9], 0)],
)  # fmt: skip
def test_a_favourable_value_is_one_and_any_other_nought(tmp_path, values, favourable):
    assert outcomes(tmp_path, values, {"favourable": favourable}) == [1, 0, 1, 0]


def test_several_favourable_values_count(tmp_path):
    assert outcomes(tmp_path, ["a", "b", "c"], {"favourable": ["a", "c"]}) == [1, 0, 1]


@pytest.mark.parametrize("text", ["", " ", "nan", "NULL", "None", "n/a", "#N/A", "<NA>", None])
def test_a_text_that_says_that_it_is_missing_is_no_outcome(tmp_path, text):
    assert outcomes(tmp_path, ["repaid", text, "late"], {"favourable": "repaid"}) == [1, None, 0]


def test_a_missing_number_or_boolean_is_no_outcome(tmp_path):
    assert outcomes(tmp_path / "a", [1.0, float("nan"), float("inf"), 0.0], {"favourable": 1}) == [1, None, None, 0]
    values = pd.array([True, None, False], dtype="boolean")
    assert outcomes(tmp_path / "b", values, {"favourable": True}) == [1, None, 0]


def test_a_favourable_value_named_none_is_an_outcome_and_not_a_missing_one(tmp_path):
    values = ["none", "NONE ", "default", "", None]
    # its other spelling is neither missing nor the favourable value as written
    assert outcomes(tmp_path, values, {"favourable": "none"}) == [1, 0, 0, None, None]


def test_observed_when_the_decision_is_favourable(tmp_path):
    values = [1, 1, 0, 0, 1, 1]
    assert outcomes(tmp_path, values, {"favourable": 1, "observed_when": "granted"}) == [1, None, 0, None, 1, None]


@pytest.mark.parametrize(
    "seen",
    [[True, False, True, None], [1, 0, 1, 0], [1.0, 0.0, 1.0, float("nan")], ["yes", "no", " TRUE ", None],
     ["Y", "N", "t", "booked"]],
)  # fmt: skip
def test_observed_when_another_column_is_true_in_any_spelling(tmp_path, seen):
    column = pd.array(seen, dtype="boolean") if isinstance(seen[0], bool) else seen
    found = outcomes(tmp_path, [1, 1, 0, 0], {"favourable": 1, "observed_when": "seen"}, seen=column)
    assert found == [1, None, 0, None]


def test_a_date_is_no_condition_and_says_so(tmp_path):
    booked = [DAY, None, DAY]
    with pytest.raises(InputError, match="true or false for each row"):
        outcomes(tmp_path, [1, 0, 1], {"favourable": 1, "observed_when": "booked"}, booked=booked)


def test_an_outcome_matures_to_the_day_before_observed_until(tmp_path):
    decided = [dt.datetime(2025, 3, 31, 23, 59), dt.datetime(2025, 4, 1), dt.datetime(2024, 1, 1), None]
    rule = {"favourable": 1, "matures_after": "12 months", "observed_until": "2026-03-31"}
    assert outcomes(tmp_path, [1, 1, 0, 1], rule, decided=decided) == [1, None, 0, None]


def test_without_observed_until_the_newest_row_of_the_whole_source_counts(tmp_path):
    decided = [dt.datetime(2026, 1, 10), dt.datetime(2026, 2, 1), dt.datetime(2026, 3, 1), dt.datetime(2026, 7, 20)]
    rule = {"favourable": 1, "matures_after": "160 days"}  # back to 10 February
    assert outcomes(tmp_path / "all", [1, 0, 1, 1], rule, decided=decided) == [1, 0, None, None]
    assert outcomes(tmp_path / "q1", [1, 0, 1, 1], rule, period="2026-Q1", decided=decided) == [1, 0, None]


def test_a_date_column_and_a_time_with_a_zone_mature_alike(tmp_path):
    rule = {"favourable": 1, "matures_after": "1 month", "observed_until": "2026-03-31"}
    days = [dt.date(2026, 2, 28), dt.date(2026, 3, 1)]
    assert outcomes(tmp_path / "a", [1, 1], rule, decided=days) == [1, None]
    zoned = pd.to_datetime(["2026-03-01 01:00+02:00", "2026-03-01 03:00+02:00"]).tz_convert("Europe/Athens")
    assert outcomes(tmp_path / "b", [1, 1], rule, decided=zoned) == [1, None]  # 28 February 23:00, 1 March 01:00 UTC


def test_a_row_without_a_time_has_no_outcome(tmp_path):
    decided = [dt.datetime(2026, 1, 10), None, dt.datetime(2026, 4, 1)]
    assert outcomes(tmp_path / "a", [1, 1, 1], {"favourable": 1}, decided=decided) == [1, None, 1]
    assert outcomes(tmp_path / "b", [1, 1, 1], {"favourable": 1}, period="2026-Q1", decided=decided) == [1, None]


def test_no_time_at_all_means_that_nothing_is_old_enough(tmp_path):
    rule = {"favourable": 1, "matures_after": "1 day"}
    assert outcomes(tmp_path, [1, 0], rule, decided=pd.array([None, None], dtype="datetime64[ns]")) == [None, None]


@pytest.mark.parametrize("span", ["99999 years", "99999 months", "99999 weeks", "99999 days"])
def test_a_span_longer_than_the_calendar_matures_nothing_that_is_younger(tmp_path, span):
    rule = {"favourable": 1, "matures_after": span}
    assert outcomes(tmp_path, [1, 0], rule, decided=[DAY, DAY]) == [None, None]


@pytest.mark.parametrize(
    ("day", "span", "earlier"),
    [("2026-03-31", "1 month", "2026-02-28"), ("2024-03-31", "1 month", "2024-02-29"),
     ("2026-01-15", "1 month", "2025-12-15"), ("2024-02-29", "1 year", "2023-02-28"),
     ("2026-12-31", "12 months", "2025-12-31"), ("2026-12-31", "1 month", "2026-11-30"),
     ("2026-03-01", "1 day", "2026-02-28"), ("2026-03-08", "2 weeks", "2026-02-22"),
     ("0001-01-02", "1 day", "0001-01-01"), ("0001-01-01", "1 day", None), ("0001-12-01", "1 year", None)],
)  # fmt: skip
def test_the_day_so_long_before(day, span, earlier):
    assert _earlier(dt.date.fromisoformat(day), span) == (earlier and dt.date.fromisoformat(earlier))


def test_the_last_day_of_the_calendar_is_no_error(tmp_path):
    rule = {"favourable": 1, "matures_after": "1 day", "observed_until": "9999-12-31"}
    assert outcomes(tmp_path, [1, 0], rule, decided=[DAY, DAY]) == [1, 0]


def test_a_group_by_takes_maturity_as_one_value_and_not_the_time_beneath_it(tmp_path):
    from ibis.expr.operations import Field

    from checks.inputs.grouping import _leaves, _on_raw, group_rows

    contract = {
        "unit": "case", "time": "decided", "decision": {"column": "granted", "favourable": 1}, "groups": GROUPS,
        "outcome": {"column": "paid", "favourable": 1, "matures_after": "1 month"},
    }  # fmt: skip
    data = pd.DataFrame({"case": range(60), "paid": 1, "region": "north", "granted": 1})
    data["decided"] = [DAY + dt.timedelta(days=i) for i in range(60)]
    with open_source(read_program(write_program(tmp_path, data, contract=contract)), read_period("all")) as source:
        grouped = group_rows(source.table, {"outcome": source.table[OUTCOME]}, {})
        assert sorted(source.rows(grouped), key=str) == [(1, 30), (None, 30)]  # up to 29 April: a month before 29 May
        leaves = _leaves(_on_raw(source.table, source.table[OUTCOME]))
    assert "decided" not in [leaf.name for leaf in leaves if isinstance(leaf, Field)]


def test_a_run_says_whose_outcome_is_known(tmp_path):
    data = pd.DataFrame({"case": range(400), "region": ["north", "south"] * 200})
    data["granted"] = [int(i % 5 > 0) for i in range(400)]
    data["paid"] = [int(i % 3 > 0) for i in range(400)]
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "groups": GROUPS,
        "outcome": {"column": "paid", "favourable": 1, "observed_when": "granted"},
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, audits={"primary": ["fair_lending.errors"]})
    run, _ = run_program(file, tmp_path / "out")
    assert not run.errors
    rates = [m for m in run.measurements if m.measure == "precision_score"]
    assert [m.counts["counted_in"] for m in rates] == [160, 160]


@pytest.fixture(scope="module")
def server(postgres_url):
    late, new = "2025-02-01", "2026-02-01"
    rows = [
        (0, "repaid", 1, True, "2025-01-10 10:00"), (1, "late", 1, True, late), (2, "none", 1, True, late),
        (3, "repaid", 0, True, late), (4, "repaid", 1, None, late), (5, "repaid", 1, True, new),
        (6, "repaid", 1, True, "infinity"), (7, None, 1, True, late), (8, "repaid", 1, True, None),
        (9, "repaid", 1, True, "2026-03-31 23:00"),
    ]  # fmt: skip
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS matured")
        connection.execute(
            'CREATE TABLE matured ("case" int, paid text, granted int, seen boolean, decided timestamp, region text)'
        )
        for row in rows:
            connection.execute("INSERT INTO matured VALUES (%s, %s, %s, %s, %s, 'north')", row)
    return postgres_url


@pytest.mark.parametrize(
    ("condition", "known"),
    [("granted", [1, 0, None, None, 1, None, None, None, None, None]),
     ("seen", [1, 0, None, 1, None, None, None, None, None, None])],
)  # fmt: skip
def test_postgres_knows_the_same_outcomes(server, tmp_path, condition, known):
    rule = {"favourable": "repaid", "observed_when": condition, "matures_after": "12 months"}
    source = {"connection": server, "table": "matured"}
    # the newest real time is 31 March 2026; an infinite one is none
    assert outcomes(tmp_path, [1] * 10, rule, source=source, decided=[DAY] * 10, seen=[True] * 10) == known


@pytest.mark.parametrize(("named", "fit"), [({}, False), ({"excluded": ["current"]}, True),
                                            ({"unfavourable": ["default"], "excluded": ["current"]}, True),
                                            ({"unfavourable": ["default"]}, False)])  # fmt: skip
def test_a_third_value_of_an_outcome_is_named_or_stops_the_run(tmp_path, named, fit):
    from tests.programs import loans, run_program, write_program

    data = loans(2, 300)
    data["paid"] = ["repaid", "default", "current"] * 100
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "outcome": {
            "column": "paid", "favourable": "repaid", **named},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, audits={"primary": ["fair_lending.errors"]})
    run, _ = run_program(file, tmp_path / "out")
    assert run.checks.fit is fit
    if fit:
        counted = {m.n for m in run.measurements if m.measure == "accuracy_score" and m.group}
        assert counted
        assert sum({m.group: m.n for m in run.measurements if m.measure == "accuracy_score"}.values()) == 200


def test_a_text_that_says_that_an_outcome_is_missing_is_no_third_value(tmp_path):
    from tests.programs import loans, run_program, write_program

    data = loans(2, 300)
    data["paid"] = ["repaid", "default", "NA"] * 100
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1},
        "outcome": {"column": "paid", "favourable": "repaid"},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, audits={"primary": ["fair_lending.errors"]})
    run, _ = run_program(file, tmp_path / "out")
    assert run.checks.fit
    assert sum({m.group: m.n for m in run.measurements if m.measure == "accuracy_score"}.values()) == 200

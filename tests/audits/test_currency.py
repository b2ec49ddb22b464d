"""A currency that a column tells: the tables of one currency and the sums of money, by hand, and why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.record import AuditRun, Measurement
from tests.programs import run_program, write_program

CAPS, PRICING, RENEWALS, CHANNELS = (
    "predatory_lending.cost_caps", "fair_lending.pricing", "loyalty_pricing.renewal_price",
    "digital_divide.channel_price",
)  # fmt: skip
PRIME = 0.0385  # of a year's loan, from April 2020 to November 2021


def _loans(rows: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    lent, months = rng.integers(5, 200, rows) * 100.0, rng.choice([1, 6, 12, 24], rows)
    rate = rng.uniform(0.005, 0.04, rows)
    return pd.DataFrame({
        "编号": [f"借款{i}" for i in range(rows)], "amt": lent, "mois": months, "monnaie": "CNY",
        "due": (lent * rate / (1 - (1 + rate) ** -months.astype(float))).round(2),
        "jour": pd.Timestamp("2020-06-01") + pd.to_timedelta(rng.integers(0, 200, rows), unit="D"),
    })  # fmt: skip


def _lender(folder: Any, data: pd.DataFrame, **loan: Any) -> AuditRun:
    contract = {
        "unit": "编号", "time": "jour", "columns": {"monnaie": {"null_tolerance": 0.5}},
        "loan": {"amount": "amt", "instalment": "due", "term_months": "mois", **loan},
    }  # fmt: skip
    scope = {"jurisdictions": ["CN"], "products": ["consumer_loan"], "lenders": ["private"]}
    file = write_program(folder, data, contract=contract, audits={"primary": [CAPS]}, policies=["cn"], scope=scope)
    run, _ = run_program(file, folder / "out")
    return run


def _one(run: AuditRun, measure: str, **asked: Any) -> Measurement:
    (found,) = (
        m for m in run.measurements
        if m.measure == measure and all(getattr(m, name) == value for name, value in asked.items())
    )  # fmt: skip
    return found


def _beyond(row: Any, cap: float) -> float:
    paid = row.due * row.mois
    worth = sum(row.due / (1 + cap / 12) ** month for month in range(1, row.mois + 1))
    return max(paid * (1 - row.amt / worth), 0.0)


def test_the_prime_rate_holds_for_loans_whose_column_says_renminbi(tmp_path):
    data = _loans()
    part = "2020-08-20..2020-12-17"
    data.loc[0, "jour"], data.loc[1, "jour"] = pd.Timestamp("2020-06-01"), pd.Timestamp("2020-12-17")
    run = _lender(tmp_path, data, currency_column="monnaie")
    since = data[data["jour"] >= "2020-08-20"]
    by_hand = since.apply(lambda row: _beyond(row, 4 * PRIME), axis=1)
    money = _one(run, "cap_excess_money", segment=part, group="highest_lpr_ratio above 4")
    assert money.unit == "CNY"
    assert money.counts["beyond_cap"] == (by_hand > 1e-9).sum() > 0
    assert money.estimate == pytest.approx(by_hand.sum(), abs=0.01)
    declared = _lender(tmp_path / "declared", data, currency="CNY")
    same = [m.estimate for m in declared.measurements if m.measure == "highest_lpr_ratio"]
    assert same == [m.estimate for m in run.measurements if m.measure == "highest_lpr_ratio"]
    assert all(value is not None for value in same)


def test_loans_in_another_or_no_currency_say_so(tmp_path):
    euros = _lender(tmp_path, _loans().assign(monnaie="EUR"), currency_column="monnaie")
    (told,) = (one for one in euros.not_answered if one.question == f"{CAPS}: highest_lpr_ratio")
    assert told.reason == "its table is for loans in CNY: the loans are in EUR"
    assert {m.unit for m in euros.measurements if m.measure == "cap_excess_money"} == {"EUR"}
    few = _loans()
    few.loc[5:30, "monnaie"] = None
    part = _lender(tmp_path / "few", few, currency_column="monnaie")
    figure = _one(part, "highest_lpr_ratio", segment="all")
    assert figure.estimate is not None
    assert figure.counts["without_figure"] == 26
    money = _one(part, "cap_excess_money", segment="all", group="highest_all_in_rate above 0.24")
    assert (money.estimate, money.unit) == (None, None)
    assert money.reason == "26 of 240 rows name no currency in 'monnaie'"


def _priced(folder: Any, data: pd.DataFrame, question: str, contract: dict[str, Any]) -> AuditRun:
    loose = {"columns": {"ccy": {"null_tolerance": 1}}}
    file = write_program(
        folder, data, contract={"unit": "nr", **contract, **loose}, audits={"primary": [question]}, policies=["uk"]
    )
    run, _ = run_program(file, folder / "out")
    assert not run.errors
    return run


def _books() -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    rng = np.random.default_rng(3)
    rows = 400
    data = pd.DataFrame({
        "nr": np.arange(rows), "g": rng.choice(["x", "y"], rows), "ccy": "SEK", "lent": rng.integers(1, 9, rows) * 1e3,
        "months": 12, "zins": rng.normal(9, 1, rows), "asked": rng.integers(200, 400, rows) * 1.0,
        "fresh": rng.integers(200, 400, rows) * 1.0, "ch": rng.choice(["app", "shop"], rows),
    })  # fmt: skip
    price = {"price": {"column": "asked", "currency_column": "ccy"}}
    return data, {
        PRICING: {"rate": {"column": "zins", "unit": "percent"}, "groups": {"g": {"column": "g", "reference": "x"}},
                  "loan": {"amount": "lent", "term_months": "months", "currency_column": "ccy"}},
        RENEWALS: {**price, "new_customer_price": "fresh"},
        CHANNELS: {**price, "terms": {"channel": "ch"}, "channels": {"digital": ["app"], "assisted": ["shop"]}},
    }  # fmt: skip


MONEY = {PRICING: "rate_gap_money", RENEWALS: "renewal_overcharge_money", CHANNELS: "assisted_overcharge_money"}


@pytest.mark.parametrize("question", list(MONEY))
def test_sums_of_prices_are_in_the_one_currency_of_their_column_or_say_why_in_none(tmp_path, question):
    data, contracts = _books()
    figure = _one(_priced(tmp_path, data, question, contracts[question]), MONEY[question])
    assert figure.unit == "SEK"
    assert figure.estimate is not None
    if question == RENEWALS:
        assert figure.estimate == (data["asked"] - data["fresh"]).clip(lower=0).sum()
    data.loc[10:35, "ccy"] = None
    bare = _one(_priced(tmp_path / "bare", data, question, contracts[question]), MONEY[question])
    assert (bare.estimate, bare.low, bare.high, bare.unit) == (None, None, None, None)
    assert bare.reason == "26 of 400 rows name no currency in 'ccy'"

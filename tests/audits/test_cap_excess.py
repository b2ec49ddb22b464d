"""Money beyond a cap and beyond a cost sheet: each loan solved anew by plain Python, totals added up by hand."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import yaml
from scipy.optimize import brentq

from audits.policies.labels import group_words
from audits.policies.wording import explain
from audits.rows_beyond import fetched
from audits.statistics.beyond_cap import flows_beyond, instalments_beyond
from checks.inputs.loan_excess import cap_label
from checks.problem import InputError
from tests.audits.test_price_wording import CASES
from tests.programs import run_program, write_program

CAPS = "predatory_lending.cost_caps"
ROLES = {"amount": "montant", "instalment": "échéance", "term_months": "mois", "fees": "frais", "currency": "CNY"}
SCOPE = {"jurisdictions": ["CN"], "products": ["assisted_loan"], "lenders": ["bank"]}


def _yearly(advance: float, payments: list[tuple[float, float]]) -> float:
    """The rate of a period at which payments (periods, amount) are worth the advance, by bisection."""
    return float(brentq(lambda r: sum(p / (1 + r) ** t for t, p in payments) - advance, -0.9, 5.0, xtol=1e-14))


def _book(rows: int = 120, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    lent, months = rng.integers(5, 60, rows) * 100.0, rng.choice([1, 6, 12, 24], rows)
    rate = rng.uniform(0.004, 0.05, rows)
    return pd.DataFrame({
        "numéro": [f"n{i}" for i in range(rows)], "qui": [f"c{i // 3}" for i in range(rows)], "montant": lent,
        "mois": months, "échéance": (lent * rate / (1 - (1 + rate) ** -months)).round(2),
        "frais": (lent * rng.choice([0.0, 0.03], rows)).round(2), "jour": pd.Timestamp("2026-05-04"),
    })  # fmt: skip


def _program(folder: Path, data: pd.DataFrame, loan: dict[str, str], **blocks: Any) -> Path:
    contract = {"unit": "numéro", "entity": "qui", "time": "jour", "loan": loan}
    return write_program(folder, data, **{
        "contract": contract, "audits": {"primary": [CAPS]}, "policies": ["cn", "conventions"], "scope": SCOPE,
        **blocks,
    })  # fmt: skip


def _money(run: Any) -> dict[str, Any]:
    return {m.group: m for m in run.measurements if m.measure == "cap_excess_money" and m.segment == "all"}


def _excess(advance: float, payments: list[tuple[float, float]], cap: float) -> float:
    """Payments scaled until their own rate, solved anew, is the cap: found by bisection on the scale."""
    if _yearly(advance, payments) <= cap:
        return 0.0
    scale = brentq(lambda s: _yearly(advance, [(t, s * p) for t, p in payments]) - cap, 0.5, 1.0, xtol=1e-15)
    return (1 - float(scale)) * sum(p for _, p in payments)


def test_payments_scaled_by_what_is_left_bear_just_the_cap():
    rng = np.random.default_rng(5)
    for _ in range(40):
        many, rate, cap = int(rng.integers(1, 40)), rng.uniform(0.01, 0.1), rng.uniform(0.001, 0.01)
        first, last = int(rng.integers(1, 4)), float(rng.choice([np.nan, 150.0]))
        due = 100.0
        times = [first + i for i in range(many)]
        amounts = [due] * (many - 1) + [due if np.isnan(last) else last]
        lent = sum(p / (1 + rate) ** t for t, p in zip(times, amounts, strict=True))
        beyond = instalments_beyond(lent, due, many, cap, first_whole=first, final_payment=last).item()
        left = 1 - beyond / sum(amounts)
        own = _yearly(lent, [(t, left * p) for t, p in zip(times, amounts, strict=True)])
        assert own == pytest.approx(cap, abs=1e-10)
        flows = np.array([lent, *(-p for p in amounts)])
        same = flows_beyond([0, many + 1], [0, *times], np.zeros(many + 1), flows, [cap]).item()
        assert same == pytest.approx(beyond, rel=1e-12)


def test_one_payment_by_hand_a_cap_of_nothing_and_a_loan_within_its_cap():
    assert instalments_beyond(1000.0, 1040.0, 1, 0.03).item() == pytest.approx(10.0)
    assert instalments_beyond(1000.0, 1060.0, 1, 0.03, first_fraction=0.5).item() == pytest.approx(
        1060 - 1000 * 1.03 * 1.015
    )
    assert instalments_beyond(1000.0, 110.0, 10, 0.0).item() == pytest.approx(100.0), "all interest is beyond it"
    assert instalments_beyond(1000.0, 1040.0, 1, 0.05).item() == 0.0
    assert np.isnan(instalments_beyond(np.nan, 1040.0, 1, 0.05))
    twice = flows_beyond([0, 4], [0, 1, 1, 2], [0.0] * 4, [500.0, 500.0, -30.0, -1040.0], [0.02]).item()
    lent, worth = 500 + 500 / 1.02, 30 / 1.02 + 1040 / 1.02**2
    assert twice == pytest.approx(1070 * (1 - lent / worth)), "a further advance counts at its own time"


def test_the_total_beyond_each_cap_is_that_of_every_loan_solved_anew(tmp_path):
    data = _book()
    run, _ = run_program(_program(tmp_path, data, ROLES), tmp_path / "runs")
    assert run.errors == ()
    found = _money(run)
    assert set(found) == {f"highest_all_in_rate above {cap}" for cap in (0.24, 0.36)}
    for cap in (0.24, 0.36):
        alone = [
            _excess(row.montant - row.frais, [(t, row.échéance) for t in range(1, row.mois + 1)], cap / 12)
            for row in data.itertuples()
        ]
        one = found[f"highest_all_in_rate above {cap}"]
        assert one.estimate == pytest.approx(sum(alone), abs=0.02)
        assert (one.low, one.high, one.unit, one.n) == (one.estimate, one.estimate, "CNY", len(data))
        assert one.counts["beyond_cap"] == sum(amount > 0 for amount in alone)
        assert one.counts["cap_without_amount"] == 0
    told = group_words(one, one.group)
    assert told == "36 % a year, all charges included"
    assert f"Loans beyond the cap ({told}) cost" in explain(one, CASES, "inconclusive")


def test_a_cap_for_other_lenders_has_no_sum(tmp_path):
    """The bands of private lending, and the prime rate, bind private lenders: a bank's loans are not held to them."""
    due = [9.0, 10.0, 12.0, 15.0]
    data = pd.DataFrame({"nº": range(4), "lent": 100.0, "due": due, "mo": 12, "on": pd.Timestamp("2020-06-01")})
    contract = {"unit": "nº", "time": "on",
                "loan": {"amount": "lent", "instalment": "due", "term_months": "mo", "currency": "CNY"}}  # fmt: skip
    for lender, bound in (("private", True), ("bank", False)):
        scope = {"jurisdictions": ["CN"], "products": ["consumer_loan"], "lenders": [lender]}
        file = write_program(tmp_path / lender, data, contract=contract, policies=["cn"], scope=scope,
                             audits={"primary": ["predatory_lending.cost_caps"]})  # fmt: skip
        run, _ = run_program(file, tmp_path / lender / "out")
        caps = {m.group for m in run.measurements if m.measure == "cap_excess_money"}
        assert (cap_label("highest_all_in_rate", 0.36) in caps) == bound


def test_dated_payments_and_a_column_of_currency(tmp_path):
    """Payments a month apart cost what instalments do; the one currency of the column is that of the money."""
    data = _book(40).assign(monnaie="CNY")
    data["jour"] = pd.Timestamp("2026-05-01")
    payments = [
        (row.numéro, (dt.date(2026, 5, 1) + pd.DateOffset(months=k)).date(), row.échéance)
        for row in data.itertuples() for k in range(1, row.mois + 1)
    ]  # fmt: skip
    pd.DataFrame(payments, columns=["loan", "at", "amount"]).to_csv(tmp_path / "flux.csv", index=False)
    loan = {"amount": "montant", "fees": "frais", "payments": "flux.csv", "currency_column": "monnaie"}
    dated = _money(run_program(_program(tmp_path, data, loan), tmp_path / "runs")[0])
    level = _money(run_program(_program(tmp_path / "b", data, ROLES), tmp_path / "b/runs")[0])
    assert {name: round(m.estimate, 2) for name, m in dated.items()} == pytest.approx(
        {name: round(m.estimate, 2) for name, m in level.items()}, abs=0.05
    )
    assert {m.unit for m in dated.values()} == {"CNY"}


def test_caps_on_amounts_a_prime_rate_by_day_and_nothing_beyond(tmp_path):
    days = [5, 30, 200, 400]
    data = pd.DataFrame({
        "numéro": range(4), "qui": 1, "jour": pd.Timestamp("2026-05-04"), "lent": 100.0, "days": days,
        "due": [105.0, 130.0, 230.0, 300.0], "late": [20.0, 15.0, 0.0, 99.0], "start": [25.0, 20.0, 0.0, 0.0],
    })  # fmt: skip
    loan = {"amount": "lent", "instalment": "due", "term_days": "days", "default_fees": "late",
            "establishment_fee": "start", "monthly_fee": "start", "currency": "GBP"}  # fmt: skip
    run, _ = run_program(
        _program(tmp_path, data, loan, policies=["uk", "au"], scope={"jurisdictions": ["UK", "AU"]}), tmp_path / "runs"
    )
    found = _money(run)
    # each day 0.8 % of what is owed: 5 → 5 − 4, 30 → 30 − 24, 130 − 160; the last is longer than a year
    assert found["highest_daily_cost_rate above 0.008"].estimate == pytest.approx(1.0 + 6.0)
    assert found["highest_default_fees above 15"].estimate == 5.0
    assert found["highest_total_cost_ratio above 1"].estimate == 30.0
    assert found["highest_establishment_fee_share above 0.2"].estimate == 5.0
    assert not any("monthly" in name for name in found), "days tell no number of months"


def test_without_a_cap_or_terms_nothing_is_said_to_be_beyond(tmp_path):
    run, _ = run_program(_program(tmp_path, _book(), ROLES, policies=["eu"]), tmp_path / "runs")
    assert _money(run) == {}
    (told,) = [one for one in run.not_answered if one.question == f"{CAPS}: cap_excess_money"]
    assert "set no cap" in told.reason
    cheap = _book().assign(échéance=lambda data: (data["montant"] / data["mois"]).round(2), frais=0.0)
    figures = _money(run_program(_program(tmp_path / "b", cheap, ROLES), tmp_path / "b/runs")[0])
    assert [(name, m.estimate) for name, m in figures.items()] == [("highest_all_in_rate above 0.24", 0.0)]


def test_rows_have_their_money_and_customers_their_sum(tmp_path):
    data = _book()
    data.loc[4, "qui"] = None
    file = _program(tmp_path, data, ROLES)
    run, judgement = run_program(file, tmp_path / "runs")
    (finding,) = [one for one in judgement.findings if one.rule.id == "conv.36pct"]
    folder = next((tmp_path / "runs").glob("*/all/v1"))
    got = fetched(folder, finding.finding_id, by_entity=True)
    rows, sums = (pd.read_csv(io.StringIO(text)) for text in (got.text, got.by_entity))
    one = _money(run)["highest_all_in_rate above 0.36"]
    assert rows["squaredeal_money"].sum() == pytest.approx(one.estimate, abs=0.01)
    assert set(rows["squaredeal_currency"]) == set(sums["squaredeal_currency"]) == {"CNY"}
    expected = rows.groupby("qui")["squaredeal_money"].agg(["sum", "size"]).sort_values("sum", ascending=False)
    assert sums["squaredeal_money"].tolist() == pytest.approx(expected["sum"].tolist(), abs=1e-3)
    assert dict(zip(sums["qui"], sums["squaredeal_rows"], strict=True)) == expected["size"].to_dict()
    assert got.without_entity == int("n4" in set(rows["numéro"]))
    assert len(sums) == got.entities
    assert (folder / "restricted").stat().st_mode & 0o077 == 0
    record = (folder / "run.json").read_text() + (folder / "judgement.json").read_text()
    assert not any(f'"{who}"' in record for who in data["qui"].dropna()), "records hold totals alone"


def test_sums_by_customer_are_refused_where_nothing_fixes_them(tmp_path):
    loan = {**ROLES, "income": "revenu", "currency": "AUD"}
    scope = {"jurisdictions": ["AU"], "products": ["small_amount_credit"]}
    file = _program(tmp_path, _book(12).assign(revenu=1.0), loan, policies=["au"], scope=scope)
    _, judgement = run_program(file, tmp_path / "runs")
    folder = next((tmp_path / "runs").glob("*/all/v1"))
    share = next(one for one in judgement.findings if one.measurement.measure == "highest_repayment_income_share")
    with pytest.raises(InputError, match="fixes no price"):
        fetched(folder, share.finding_id, by_entity=True)
    assert "squaredeal_money" not in fetched(folder, share.finding_id).text
    plain = yaml.safe_load(file.read_text())
    plain["contract"].pop("entity")
    file.write_text(yaml.safe_dump(plain))
    with pytest.raises(InputError, match="names no entity"):
        fetched(folder, share.finding_id, by_entity=True)


def test_in_postgres_the_money_of_each_row_and_the_total_are_the_same(tmp_path, postgres_url):
    """Of a capped fee, and of renewals, whose money no local copy solves."""
    rows = [(i, 100.0, start, 300.0 + i, 300.0) for i, start in enumerate((19.0, 20.0, 25.5, 40.25))]
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS capped")
        connection.execute(
            "CREATE TABLE capped (numero bigint, lent numeric, start numeric, prime double precision, neuf real)"
        )
        connection.cursor().executemany("INSERT INTO capped VALUES (%s, %s, %s, %s, %s)", rows)
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({
        "program": "capped", "source": {"connection": postgres_url, "table": "capped"},
        "contract": {
            "unit": "numero", "price": {"column": "prime", "currency": "AUD"}, "new_customer_price": "neuf",
            "loan": {"amount": "lent", "establishment_fee": "start", "currency": "AUD"},
            "dated": {"from": "2026-01-01", "to": "2026-03-31"},
        },
        "audits": {"primary": [CAPS, "loyalty_pricing.renewal_price"]}, "policies": ["au", "uk"],
        "scope": {"jurisdictions": ["AU", "UK"], "products": ["small_amount_credit", "motor_insurance"]},
    }))  # fmt: skip
    run, judgement = run_program(tmp_path / "p.yaml", tmp_path / "runs")
    assert run.errors == ()
    assert _money(run)["highest_establishment_fee_share above 0.2"].estimate == 5.5 + 20.25
    folder = next((tmp_path / "runs").glob("*/all/v1"))
    told = {}
    for measure in ("highest_establishment_fee_share", "renewal_above_enbp_cases"):
        finding = next(one for one in judgement.findings if one.measurement.measure == measure)
        got = pd.read_csv(io.StringIO(fetched(folder, finding.finding_id).text))
        told[measure] = dict(zip(got["numero"], got["squaredeal_money"], strict=True))
    assert told == {
        "highest_establishment_fee_share": {2: 5.5, 3: 20.25}, "renewal_above_enbp_cases": {1: 1.0, 2: 2.0, 3: 3.0},
    }  # fmt: skip

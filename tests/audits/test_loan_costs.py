"""The solved columns of loans against pyxirr and numpy_financial, end to end: files in, a local relation out."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import numpy_financial as npf
import pandas as pd
import psycopg
import pytest
import pyxirr
from scipy.optimize import brentq

from audits.evidence import loan_costs
from audits.evidence.loan_costs import LoanCosts
from audits.evidence.needs import CellsNeed
from checks.inputs.loan_columns import (
    ALL_IN,
    ALL_IN_EFFECTIVE,
    APR,
    APRC,
    COST_FAULT,
    FAULTS,
    IRREGULAR,
    LENGTH,
    MONEY_DAYS,
    SOLVED,
    TOTAL_COST,
)
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import run_program, write_program

NEED = CellsNeed(columns=(COST_FAULT,), decision=False)
TERM = {"amount": "lent", "instalment": "due", "instalments": "many"}
A_YEAR = {"month": 12, "quarter": 4, "fortnight": 26, "week": 52, "day": 365}
CHARGES = {"fees": "fee", "insurance": "cover", "ancillary": "more"}


def program(folder, data, loan, payments=None, kind="csv", url=None, **contract):
    """The program of a book of loans, with payments beside it."""
    data = data if "no" in data else data.assign(no=np.arange(len(data)))
    folder.mkdir(parents=True, exist_ok=True)
    loan = dict(loan)
    if payments is not None:
        name = f"payments.{kind}"
        payments.to_parquet(folder / name) if kind == "parquet" else payments.to_csv(folder / name, index=False)
        loan["payments"] = {"file": name, "loan": "loan", "at": "at", "amount": "paid"}
    columns = {name: {"null_tolerance": 1} for name in data if name in loan.values()}
    contract = {"unit": "no", "loan": loan, "columns": columns, **contract}
    file = write_program(folder, data, contract=contract, audits={"primary": ["predatory_lending.cost_caps"]},
                         policies=["conventions"])  # fmt: skip
    if url:
        file.write_text(file.read_text().replace("table: loans.parquet", f"connection: {url}\n  table: solved_loans"))
    return file


def solved(folder, *args, look=None, **kwargs):
    """The columns of the local relation by the loan's key, as a frame."""
    asked = read_program(program(folder, *args, **kwargs))
    with (
        open_source(asked, read_period("all")) as source,
        LoanCosts(source, [NEED], asked.file.parent, folder) as costs,
    ):
        local = costs.serve([NEED])
        if look is not None:
            look()
        rows = local.rows(local.table.select("no", *SOLVED))
    assert not list(folder.glob(".loans-*")), "the local copy is gone"
    frame = pd.DataFrame(rows, columns=["no", *SOLVED])
    for name in (APR, APRC, ALL_IN, ALL_IN_EFFECTIVE, TOTAL_COST, MONEY_DAYS):
        frame[name] = frame[name].astype(float)
    frame[COST_FAULT] = frame[COST_FAULT].astype(object).where(frame[COST_FAULT].notna(), None)
    return frame.sort_values("no", ignore_index=True)


def book(rows=400, seed=1, most=60):
    rng = np.random.default_rng(seed)
    lent, many = rng.integers(2, 200, rows) * 50.0, rng.integers(1, most, rows)
    due = np.round(lent / many * rng.uniform(1.05, 1.6, rows) + 0.01, 2)
    extras = {name: np.round(lent * rng.uniform(0, 0.06, rows), 2) for name in ("fee", "cover", "more")}
    return pd.DataFrame({"lent": lent, "many": many, "due": due, **extras})


@pytest.mark.parametrize("period", list(A_YEAR))
def test_equal_instalments_of_any_period_are_those_of_two_other_engines(tmp_path, period):
    data, m = book(), A_YEAR[period]
    found = solved(tmp_path, data, {**TERM, **CHARGES, "period": period})
    assert found[COST_FAULT].isna().all()
    for part, nominal, effective in (
        (data["fee"], APR, APRC), (data["fee"] + data["cover"] + data["more"], ALL_IN, ALL_IN_EFFECTIVE),
    ):  # fmt: skip
        advance = data["lent"] - part
        own = np.array([pyxirr.rate(int(n), -due, lent, 0) for n, due, lent in zip(data["many"], data["due"], advance,
                                                                                   strict=True)])  # fmt: skip
        other = np.array([npf.rate(int(n), -due, lent, 0, guess=0.01)
                          for n, due, lent in zip(data["many"], data["due"], advance, strict=True)])  # fmt: skip
        assert found[nominal].to_numpy() == pytest.approx(own * m, rel=1e-8, abs=1e-9)
        seen = np.isfinite(other)
        assert seen.mean() > 0.9
        assert found[nominal][seen].to_numpy() == pytest.approx(other[seen] * m, rel=1e-6, abs=1e-8)
        assert found[effective].to_numpy() == pytest.approx((1 + own) ** m - 1, rel=1e-7, abs=1e-9)
    cost = data["due"] * data["many"] + data[["fee", "cover", "more"]].sum(axis=1) - data["lent"]
    assert found[TOTAL_COST].to_numpy() == pytest.approx(cost.to_numpy(), abs=1e-8)
    assert not found[IRREGULAR].any()


@pytest.mark.parametrize(("months", "period", "many"), [
    (12, "month", 12), (359, "month", 359), (12, "quarter", 4), (6, "fortnight", 13), (3, "week", 13),
    (60, "week", 260), (12, "day", 365), (1, "month", 1),
])  # fmt: skip
def test_a_term_in_months_has_as_many_instalments_as_its_period_makes(tmp_path, postgres_url, months, period, many):
    """The same in any engine."""
    data = pd.DataFrame({"no": [0], "lent": [1000.0], "months": [float(months)], "due": [round(1300.0 / many, 2)]})
    roles = {"amount": "lent", "instalment": "due", "term_months": "months", "period": period}
    found = solved(tmp_path / "a", data, roles)

    def left(i):
        return data["due"][0] * -np.expm1(-many * np.log1p(i)) / i - 1000.0

    assert found[APR][0] == pytest.approx(A_YEAR[period] * brentq(left, 1e-7, 9, xtol=1e-16), rel=1e-7)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS solved_loans")
        connection.execute("CREATE TABLE solved_loans (no int, lent float8, months float8, due float8)")
        connection.execute("INSERT INTO solved_loans VALUES (0, 1000, %s, %s)", (float(months), float(data["due"][0])))
    there = solved(tmp_path / "b", data, roles, url=postgres_url)
    assert there[APR][0] == found[APR][0]


def test_money_is_owed_as_long_as_a_table_of_repayment_says(tmp_path):
    data = book(60, most=40)
    found = solved(tmp_path, data, TERM)
    for one, days in zip(data.itertuples(), found[MONEY_DAYS], strict=True):
        rate, owed, total = pyxirr.rate(int(one.many), -one.due, one.lent, 0), one.lent, 0.0
        for _ in range(one.many):
            total += owed
            owed += owed * rate - one.due
        assert days == pytest.approx(total * 365 / 12, rel=1e-6)
    flat = solved(tmp_path / "flat", pd.DataFrame({"lent": [100.0], "many": [4], "due": [25.0]}), TERM)
    assert (flat[APR][0], flat[MONEY_DAYS][0]) == (0.0, pytest.approx(250 * 365 / 12))


@pytest.mark.parametrize("days", [1, 7, 30, 91, 365, 700])
def test_one_payment_after_some_days(tmp_path, days):
    data = pd.DataFrame({"lent": [500.0, 500.0], "days": days, "due": [560.0, 500.0], "fee": [20.0, 0.0]})
    found = solved(tmp_path, data, {"amount": "lent", "instalment": "due", "term_days": "days", "fees": "fee"})
    assert found[APR].tolist() == pytest.approx([(560 / 480 - 1) * 365 / days, 0.0], rel=1e-9, abs=1e-10)
    day = dt.date(2026, 1, 5)
    own = pyxirr.xirr([day, day + dt.timedelta(days)], [-480.0, 560.0])
    assert found[APRC][0] == pytest.approx(own if own is not None else (560 / 480) ** (365 / days) - 1, rel=1e-7)
    assert found[MONEY_DAYS].tolist() == [500.0 * days] * 2
    assert found[TOTAL_COST].tolist() == [80.0, 0.0]


def test_a_last_payment_of_another_amount(tmp_path):
    data = book(200, seed=2, most=30)
    rng = np.random.default_rng(4)
    data["last"] = np.round(data["due"] + data["lent"] * rng.uniform(0.1, 0.9, len(data)), 2)
    data.loc[::5, "last"] = np.nan
    found = solved(tmp_path, data, {**TERM, "final_payment": "last"})
    balloon = (data["last"] - data["due"]).fillna(0.0)
    own = [pyxirr.rate(int(n), -due, lent, -more)
           for n, due, lent, more in zip(data["many"], data["due"], data["lent"], balloon, strict=True)]  # fmt: skip
    assert found[APR].to_numpy() == pytest.approx(12 * np.array(own), rel=1e-8, abs=1e-9)
    cost = data["due"] * data["many"] + balloon - data["lent"]
    assert found[TOTAL_COST].to_numpy() == pytest.approx(cost.to_numpy(), abs=1e-8)


# period, day of the loan, first instalment, whole periods and the part of one between them (Appendix J, (b)(5))
ODD = [
    ("month", "1978-02-10", "1978-04-01", 1, 19 / 30), ("month", "2026-01-15", "2026-02-15", 1, 0.0),
    ("month", "2026-01-31", "2026-02-28", 0, 28 / 30), ("month", "2026-01-15", "2026-01-25", 0, 10 / 30),
    ("month", "2026-01-15", "2026-06-15", 5, 0.0), ("quarter", "1978-05-23", "1978-10-01", 1, 39 / 90),
    ("week", "1978-03-20", "1978-04-21", 4, 4 / 7), ("fortnight", "2026-01-01", "2026-01-20", 1, 5 / 14),
    ("day", "2026-01-01", "2026-01-11", 10, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("period", "granted", "due", "whole", "part"), ODD)
def test_an_odd_first_period_is_discounted_as_each_rule_has_it(tmp_path, period, granted, due, whole, part):
    data = pd.DataFrame({
        "lent": [1000.0] * 3, "many": [1, 6, 24], "due": [1050.0, 180.0, 47.0], "fee": [10.0, 0.0, 25.0],
        "start": pd.Timestamp(granted), "first": pd.Timestamp(due),
    })  # fmt: skip
    loan = {**TERM, "fees": "fee", "period": period, "originated_at": "start", "first_due_at": "first"}
    found, m = solved(tmp_path, data, loan), A_YEAR[period]

    def simple(i, one):
        paid = sum(one.due / (1 + i) ** (whole + k) for k in range(one.many)) / (1 + part * i)
        return paid - one.lent + one.fee

    def powers(i, one):
        return sum(one.due / (1 + i) ** (whole + part + k) for k in range(one.many)) - one.lent + one.fee

    for one, apr, aprc in zip(data.itertuples(), found[APR], found[APRC], strict=True):
        assert apr == pytest.approx(m * brentq(simple, 1e-9, 5, args=(one,), xtol=1e-15), rel=1e-7)
        assert aprc == pytest.approx((1 + brentq(powers, 1e-9, 5, args=(one,), xtol=1e-15)) ** m - 1, rel=1e-6)
    assert not found[IRREGULAR].any()


def test_the_examples_of_appendix_j(tmp_path):
    """12 CFR 1026, Appendix J, (c)(1)(i), (ii), (iv), (v) and (c)(5)(i): the printed rates."""
    for place, period, granted, due, lent, pay, many, told in (
        ("i", "month", "1978-01-10", "1978-02-10", 5000, 230, 24, 9.69),
        ("ii", "month", "1978-02-10", "1978-04-01", 6000, 200, 36, 11.82),
        ("iv", "quarter", "1978-05-23", "1978-10-01", 10_000, 385, 40, 8.97),
        ("v", "week", "1978-03-20", "1978-04-21", 500, 17.6, 30, 14.96),
    ):
        data = pd.DataFrame({"lent": [lent * 1.0], "due": [pay * 1.0], "many": [many],
                             "start": pd.Timestamp(granted), "first": pd.Timestamp(due)})  # fmt: skip
        found = solved(tmp_path / place, data, {**TERM, "period": period, "originated_at": "start",
                                                "first_due_at": "first"})  # fmt: skip
        assert round(100 * found[APR][0], 2) == told
    found = solved(tmp_path / "term", pd.DataFrame({"lent": [1000.0], "due": [1080.0], "days": [255]}),
                   {"amount": "lent", "instalment": "due", "term_days": "days"})  # fmt: skip
    assert round(100 * found[APR][0], 2) == 11.45


def test_a_first_day_that_is_missing_makes_a_first_period_like_the_others(tmp_path):
    data = pd.DataFrame({"lent": 1000.0, "many": 12, "due": 90.0, "start": pd.Timestamp("2026-01-15"),
                         "first": [pd.Timestamp("2026-02-15"), pd.NaT]})  # fmt: skip
    found = solved(tmp_path, data, {**TERM, "originated_at": "start", "first_due_at": "first"})
    assert found[APR][0] == found[APR][1] == pytest.approx(12 * pyxirr.rate(12, -90.0, 1000.0, 0), rel=1e-9)


PLAIN = {"lent": 1000.0, "many": 12.0, "due": 90.0, "fee": 0.0, "start": pd.Timestamp("2026-01-15"),
         "first": pd.Timestamp("2026-02-15"), "closed": pd.NaT}  # fmt: skip
BAD = {
    "no amount": {"lent": np.nan}, "amount not above zero": {"lent": -5.0}, "amount beyond any loan": {"lent": 2e15},
    "fees that are not known": {"fee": np.nan}, "a charge below zero": {"fee": -1.0},
    "fees not below the amount": {"fee": 1000.0}, "no instalment and no payments": {"due": np.nan},
    "instalment below zero": {"due": -90.0}, "no term": {"many": np.nan}, "term not above zero": {"many": 0.0},
    "term beyond a lifetime": {"many": 40_000.0},
    "repaid or due before it was granted": {"closed": pd.Timestamp("2026-01-14")},
    "payments below the amount advanced": {"due": 83.0},
    "no whole number of instalments": {"many": 11.5, "due": 99.0},
}  # fmt: skip
BAD_ROLES = {**TERM, "fees": "fee", "originated_at": "start", "first_due_at": "first", "repaid_at": "closed"}


def test_every_fault_of_a_loan_is_named_and_costs_no_other_its_rate(tmp_path):
    data = pd.DataFrame([PLAIN, *(PLAIN | change for change in BAD.values()), PLAIN | {"first": PLAIN["start"]
                         - pd.Timedelta(1, "D")}])  # fmt: skip
    found = solved(tmp_path, data, BAD_ROLES)
    assert found[COST_FAULT].tolist() == [None, *BAD, "repaid or due before it was granted"]
    assert set(FAULTS) <= set(BAD)
    assert found[APR].notna().tolist() == [True] + [False] * (len(BAD) + 1)
    for name in (APRC, ALL_IN, ALL_IN_EFFECTIVE, TOTAL_COST, MONEY_DAYS):
        assert found[name].isna().sum() == len(BAD) + 1


def test_charges_as_large_as_the_amount_leave_no_rate(tmp_path):
    """Fees alone leave a rate; insurance that eats up the rest leaves none, and the loan says why."""
    data = pd.DataFrame([PLAIN | {"fee": 500.0, "cover": cover} for cover in (0.0, 499.0, 500.0, 700.0)])
    found = solved(tmp_path, data, {**TERM, "fees": "fee", "insurance": "cover"})
    assert found[COST_FAULT].tolist() == [None, None, "no positive amount was advanced",
                                          "no positive amount was advanced"]  # fmt: skip
    assert found[APR].notna().tolist() == [True, True, False, False]


def schedule_of(data, step, start="2026-01-05"):
    """Dated payments: ``step`` gives the day of the k-th payment after the loan's day."""
    rows = []
    for one in data.itertuples():
        rows += [(one.no, step(pd.Timestamp(start), k), one.due) for k in range(1, one.many + 1)]
    return pd.DataFrame(rows, columns=["loan", "at", "paid"])


STEPS = {
    "month": lambda start, k: start + pd.DateOffset(months=k),
    "quarter": lambda start, k: start + pd.DateOffset(months=3 * k),
    "fortnight": lambda start, k: start + pd.Timedelta(14 * k, "D"),
    "week": lambda start, k: start + pd.Timedelta(7 * k, "D"),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("period", list(STEPS))
def test_dated_payments_are_those_of_equal_instalments_and_of_another_engine(tmp_path, period, kind):
    data = book(80, seed=3, most=30)
    data["many"] += 1  # one payment has its own term as unit period
    data = data.assign(no=np.arange(len(data)), day=pd.Timestamp("2026-01-05"))
    flows = schedule_of(data, STEPS[period]).sample(frac=1, random_state=0)
    roles = {"amount": "lent", "originated_at": "day", **CHARGES}
    found = solved(tmp_path / "dated", data, roles, flows, kind)
    terms = solved(tmp_path / "terms", data, {**TERM, **CHARGES, "period": period})
    assert found[COST_FAULT].isna().all()
    assert not found[IRREGULAR].any()
    for name in (APR, ALL_IN, TOTAL_COST):
        assert found[name].to_numpy() == pytest.approx(terms[name].to_numpy(), rel=1e-8, abs=1e-8)
    for one, effective, all_in in zip(data.itertuples(), found[APRC], found[ALL_IN_EFFECTIVE], strict=True):
        own = flows[flows["loan"] == one.no]
        for rate, charges in ((effective, one.fee), (all_in, one.fee + one.cover + one.more)):
            days, amounts = [one.day, *own["at"]], [charges - one.lent, *own["paid"]]
            assert rate == pytest.approx(pyxirr.xirr(days, amounts), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("months", "period"), [
    (0.25, "month"), (1.4, "month"), (2.5, "month"), (1, "quarter"), (3, "fortnight"), (1, "week"), (3, "day"),
])  # fmt: skip
def test_a_term_without_a_whole_number_of_instalments_has_no_rate(tmp_path, months, period):
    """To round it would invent a payment, or leave one out."""
    data = pd.DataFrame({"no": [0], "lent": [1000.0], "months": [float(months)], "due": [1100.0]})
    found = solved(tmp_path, data, {"amount": "lent", "instalment": "due", "term_months": "months", "period": period})
    assert found[COST_FAULT][0] == "no whole number of instalments"
    assert np.isnan(found[APR][0])


def principal_days(amount, days, payments):
    """Row by row: interest at the loan's own rate first, the rest of a payment repays principal."""
    x = brentq(lambda x: amount - sum(p * (1 + x) ** (-d / 365) for d, p in zip(days, payments, strict=True)), 1e-9, 99)
    left, last, owed = amount, 0, 0.0
    for day, paid in zip(days, payments, strict=True):
        owed += left * (day - last)
        left, last = left * (1 + x) ** ((day - last) / 365) - paid, day
    return owed


def test_principal_of_dated_payments_is_owed_after_interest(tmp_path):
    books = {0: (900.0, [10, 30], [500.0, 500.0]), 1: (1000.0, [30, 60, 90], [0.0, 0.0, 1200.0]),
             2: (5000.0, [30 * k for k in range(1, 13)], [480.0] * 12)}  # fmt: skip
    start = pd.Timestamp("2026-01-05")
    data = pd.DataFrame({"no": list(books), "lent": [book[0] for book in books.values()], "day": start})
    rows = [(no, start + pd.Timedelta(day, "D"), paid) for no, (_, days, paids) in books.items()
            for day, paid in zip(days, paids, strict=True)]  # fmt: skip
    flows = pd.DataFrame(rows, columns=["loan", "at", "paid"])
    found = solved(tmp_path, data, {"amount": "lent", "originated_at": "day"}, flows)
    wanted = [principal_days(*book) for book in books.values()]
    assert found[MONEY_DAYS].to_numpy() == pytest.approx(np.array(wanted), rel=1e-9)
    assert found[TOTAL_COST].to_numpy() == pytest.approx([100.0, 200.0, 760.0])
    assert list(found[LENGTH]) == [30, 90, 360]


def test_principal_owed_over_a_term_agrees_with_the_same_loan_in_dates(tmp_path):
    """A balloon, instalments without interest, and a loan whose rate is nothing."""
    data = pd.DataFrame({
        "no": [0, 1, 2], "lent": [1000.0, 1000.0, 1200.0], "fee": [400.0, 0.0, 0.0], "months": [2, 12, 12],
        "due": [0.0, 95.0, 100.0], "last": [1000.0, 95.0, 100.0],
    })  # fmt: skip
    roles = {"amount": "lent", "fees": "fee", "instalment": "due", "term_months": "months", "final_payment": "last"}
    found = solved(tmp_path, data, roles)
    month = 365 / 12
    assert found[MONEY_DAYS][0] == pytest.approx(1000 * 2 * month)
    assert found[MONEY_DAYS][2] == pytest.approx(sum(1200 - 100 * k for k in range(12)) * month)
    days = [month * k for k in range(1, 13)]
    assert found[MONEY_DAYS][1] == pytest.approx(principal_days(1000.0, days, [95.0] * 12), rel=1e-9)


@pytest.mark.parametrize(("column", "value", "fault"), [
    ("fee", None, "fees that are not known"), ("fee", -900.0, "a charge below zero"),
    ("cover", -1.0, "a charge below zero"),
])  # fmt: skip
def test_a_charge_that_is_not_known_or_below_zero_is_no_charge_of_nothing(tmp_path, column, value, fault):
    data = pd.DataFrame({"no": [0, 1], "lent": 1000.0, "months": 12, "due": 95.0, "fee": [10.0, 10.0], "cover": 5.0})
    data.loc[1, column] = value
    roles = {"amount": "lent", "fees": "fee", "insurance": "cover", "instalment": "due", "term_months": "months"}
    found = solved(tmp_path, data, roles)
    assert found[COST_FAULT][1] == fault
    assert np.isnan(found[ALL_IN][1])
    assert np.isfinite(found[ALL_IN][0])


def test_insurance_that_is_not_known_leaves_the_rate_of_fees(tmp_path):
    data = pd.DataFrame({"no": [0], "lent": 1000.0, "months": 12, "due": 95.0, "fee": 10.0, "cover": [np.nan]})
    roles = {"amount": "lent", "fees": "fee", "insurance": "cover", "instalment": "due", "term_months": "months"}
    found = solved(tmp_path, data, roles)
    assert np.isfinite(found[APR][0])
    assert np.isnan(found[ALL_IN][0])
    assert np.isnan(found[TOTAL_COST][0])


def test_payments_that_differ_only_at_their_ends_are_regular(tmp_path):
    """12 CFR 1026.22(a)(3): another advance, or periods or amounts that differ in the middle, make it irregular."""
    day = pd.Timestamp("2026-01-05")
    monthly = [day + pd.DateOffset(months=k) for k in range(1, 6)]
    cases = {
        "equal": (monthly, [220.0] * 5, False), "first": (monthly, [150.0, 220, 220, 220, 290], False),
        "first period": ([day + pd.Timedelta(50, "D"), *(day + pd.Timedelta(50, "D") + pd.DateOffset(months=k)
                                                         for k in range(1, 5))], [225.0] * 5, False),
        "middle": (monthly, [220.0, 220, 240, 220, 220], True),
        "a month without": ([*monthly[:2], *(one + pd.DateOffset(months=1) for one in monthly[2:])], [225.0] * 5, True),
        "another advance": ([*monthly, day + pd.DateOffset(months=2, days=0)], [300.0] * 5 + [-250.0], True),
        "a cent": (monthly, [220.0, 220.0, 220.01, 220.0, 220.0], False),
    }  # fmt: skip
    rows = [(no, at, paid) for no, (days, paids, _) in enumerate(cases.values())
            for at, paid in zip(days, paids, strict=True)]  # fmt: skip
    data = pd.DataFrame({"no": range(len(cases)), "lent": 1000.0, "day": day})
    found = solved(tmp_path, data, {"amount": "lent", "originated_at": "day"},
                   pd.DataFrame(rows, columns=["loan", "at", "paid"]))  # fmt: skip
    assert found[COST_FAULT].isna().all()
    assert dict(zip(cases, found[IRREGULAR], strict=True)) == {name: case[2] for name, case in cases.items()}


def test_faulty_schedules_are_named(tmp_path):
    day = "2026-01-05"
    rows = [
        (0, "2026-02-05", "1100"), (1, "2026-13-05", "1100"), (2, "2026-02-05", "much"), (3, "", "1100"),
        (5, "2026-02-05", "-50"), (6, "2026-01-05", "1100"), (7, "2026-02-05", "1e16"), (8, "2026-02-05", "1100"),
        (9, "05/02/2026", "1100"), (10, "2026-02-05 10:30:00", "1100"), (99, "2026-02-05", "5"),
        (11, "2026-02-05", "-1"), (11, "2026-03-05", "1100"), (12, "2025-12-05", "1100"),
    ]  # fmt: skip
    data = pd.DataFrame({"no": range(13), "lent": 1000.0, "day": pd.Timestamp(day)})
    data.loc[8, "day"] = pd.NaT
    flows = pd.DataFrame(rows, columns=["loan", "at", "paid"])
    found = solved(tmp_path, data, {"amount": "lent", "originated_at": "day"}, flows)
    bad, one_time = "a payment without a day or an amount", "all cash flows fall at one time"
    assert found[COST_FAULT].tolist() == [
        None, bad, bad, bad, "no payments in the schedule", "payments never repay what was advanced", one_time, bad,
        "no day of the loan", bad, None, None,
        "the borrower pays first and receives afterwards, so that nothing was lent to him",
    ]  # fmt: skip
    assert found[APR].notna().tolist() == [reason is None for reason in found[COST_FAULT]]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("units", "keys"),
    [
        ([7, 8], [7.0, 8.0]), ([7.0, 8.0], [7, 8]), (["007", "8"], ["007", "8"]), ([7, 8], ["7", "8"]),
        (["a b", "'"], ["a b", "'"]),
        ([2**62, 2**62 + 1], [2**62, 2**62 + 1]),
    ],
)  # fmt: skip
def test_keys_of_payments_are_those_of_loans_however_they_are_stored(tmp_path, units, keys, kind):
    data = pd.DataFrame({"no": units, "lent": 1000.0, "day": pd.Timestamp("2026-01-05")})
    flows = pd.DataFrame({"loan": keys, "at": "2026-02-05", "paid": [1010.0, 1020.0]})
    found = solved(tmp_path, data, {"amount": "lent", "originated_at": "day"}, flows, kind)
    assert found.set_index("no")[TOTAL_COST].reindex(units).tolist() == [10.0, 20.0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda flows: flows.rename(columns={"at": "when"}), "no column 'at'"),
        (lambda flows: flows[["loan"]], "no column 'paid'"),
        (lambda flows: flows.assign(loan=[None, 1]), "1 payments without a value in 'loan'"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_of_payments_that_cannot_be_used_says_why(tmp_path, change, told, kind):
    data = pd.DataFrame({"no": [0, 1], "lent": 1000.0, "day": pd.Timestamp("2026-01-05")})
    flows = pd.DataFrame({"loan": [0, 1], "at": "2026-02-05", "paid": 1010.0})
    with pytest.raises(InputError, match=told):
        solved(tmp_path, data, {"amount": "lent", "originated_at": "day"}, change(flows), kind)
    assert not list(tmp_path.glob(".loans-*")), "nothing is left of it"


def test_a_missing_or_broken_file_is_an_input_error(tmp_path):
    data = pd.DataFrame({"no": [0, 1], "lent": 1000.0, "day": pd.Timestamp("2026-01-05")})
    flows = pd.DataFrame({"loan": [0, 1], "at": "2026-02-05", "paid": 1010.0})
    for content in (None, b"PAR1 no more"):
        folder = tmp_path / str(content is None)
        file = read_program(program(folder, data, {"amount": "lent", "originated_at": "day"}, flows, "parquet"))
        (folder / "payments.parquet").unlink()
        if content:
            (folder / "payments.parquet").write_bytes(content)
        with (
            open_source(file, read_period("all")) as source,
            LoanCosts(source, [NEED], folder, folder) as costs,
        ):
            for _ in range(2):
                with pytest.raises(InputError, match="payments that cannot be read"):
                    costs.serve([NEED])
            plain = CellsNeed(columns=("lent",), decision=False)
            assert costs.serve([plain]) is source, "whoever needs no rate gets its answer"
        assert not list(folder.glob(".loans-*"))


@pytest.mark.parametrize("dated", [False, True])
def test_batches_give_what_the_whole_gives(tmp_path, monkeypatch, dated):
    data = book(50, seed=6, most=9).assign(no=np.arange(50), day=pd.Timestamp("2026-01-05"))
    data.loc[::7, "lent"] = np.nan
    flows = schedule_of(data, STEPS["month"]) if dated else None
    roles = {"amount": "lent", "originated_at": "day", **CHARGES} | ({} if dated else TERM)
    whole = solved(tmp_path / "whole", data, roles, flows)
    monkeypatch.setattr(loan_costs, "BATCH", 7)
    pd.testing.assert_frame_equal(solved(tmp_path / "parts", data, roles, flows), whole)


def test_only_its_owner_may_read_the_local_copy(tmp_path):
    seen = {}

    def look():
        folder = next(tmp_path.glob(".loans-*"))
        seen["folder"] = folder.stat().st_mode & 0o777
        seen.update({file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()})

    solved(tmp_path, book(5), TERM, look=look)
    assert seen.pop("folder") == 0o700
    assert seen["loans.parquet"] == 0o600


@pytest.mark.parametrize("dated", [False, True])
def test_postgres_gives_the_same_columns(postgres_url, tmp_path, dated):
    data = book(60, seed=8, most=12)
    data = data.assign(no=np.arange(60), day=pd.Timestamp("2026-01-05"), first=pd.Timestamp("2026-02-20"))
    data.loc[:3, ["lent", "due"]] = np.nan
    kinds = {"no": "bigint", "many": "integer", "day": "timestamp", "first": "date"}
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS solved_loans")
        columns = ", ".join(f"{name} {kinds.get(name, 'numeric(12, 2)')}" for name in data)
        connection.execute(f"CREATE TABLE solved_loans ({columns})")
        with connection.cursor().copy("COPY solved_loans FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(None if pd.isna(value) else value for value in row))
    flows = schedule_of(data, STEPS["month"]) if dated else None
    roles = {"amount": "lent", "originated_at": "day", **CHARGES}
    roles |= {} if dated else {**TERM, "first_due_at": "first"}
    here = solved(tmp_path / "a", data, roles, flows)
    there = solved(tmp_path / "b", data, roles, flows, url=postgres_url)
    pd.testing.assert_frame_equal(there, here, check_dtype=False)
    assert here[COST_FAULT].notna().sum() == 4


def test_other_payments_are_another_version_of_a_run(tmp_path):
    data = pd.DataFrame({"no": [0, 1], "lent": 1000.0, "day": pd.Timestamp("2026-01-05")})
    flows = pd.DataFrame({"loan": [0, 1], "at": "2026-02-05", "paid": 1010.0})
    file = program(tmp_path, data, {"amount": "lent", "originated_at": "day"}, flows)
    told = {}
    for version, paid in ((1, 1010.0), (1, 1010.0), (2, 1030.0)):
        flows.assign(paid=paid).to_csv(tmp_path / "payments.csv", index=False)
        run, _ = run_program(file, tmp_path / "runs")
        told[version] = json.loads((tmp_path / f"runs/loans/all/v{version}/run.json").read_text())["program"]["digest"]
        assert run.version == version
        dearest = next(figure for figure in run.measurements if figure.measure == "highest_all_in_rate")
        assert dearest.estimate == pytest.approx(12 * (paid / 1000 - 1), rel=0.02)
    assert told[1] != told[2]


def test_payments_of_a_loan_that_is_not_there_are_counted(tmp_path):
    """A key that was mistyped takes payments from its loan: their number is told."""
    data = pd.DataFrame({"no": [0, 1], "lent": 1000.0, "day": pd.Timestamp("2026-01-05")})
    flows = pd.DataFrame({"loan": [0, 1, 99, 99], "at": "2026-02-05", "paid": 1010.0})
    for flow, stray in ((flows, 2), (flows[:2], 0)):
        file = program(tmp_path / str(stray), data, {"amount": "lent", "originated_at": "day"}, flow)
        run, _ = run_program(file, tmp_path / str(stray) / "runs")
        assert [one.rows for one in run.exclusions if one.role == "loan.payments"] == [stray] * bool(stray)

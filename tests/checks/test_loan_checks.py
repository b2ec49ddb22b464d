"""Loans that cannot be: told, counted, asked about, and never judged clear in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.programs import run_program, write_program

TERMS = {"amount": "lent", "instalment": "due", "term_months": "length", "disclosed_apr": "told", "fees": "points"}


def book(rows: int = 400) -> pd.DataFrame:
    """Loans of a year at 18 % nominal with a fee of 1 %, and a rate that says so."""
    lent = np.linspace(1000, 9000, rows).round(2)
    return pd.DataFrame({
        "no": np.arange(rows), "lent": lent, "length": 12, "due": (lent * 0.015 / (1 - 1.015**-12)).round(2),
        "points": (lent * 0.01).round(2), "told": 19.9, "ccy": "USD", "day": pd.Timestamp("2026-03-02"),
        "first": pd.Timestamp("2026-04-02"), "serves": "no",
    })  # fmt: skip


def audited(folder: Path, data: pd.DataFrame, decided: dict[str, Any] | None = None, **loan: Any):
    contract = {"unit": "no", "time": "day", "loan": {**TERMS, **loan}, **(decided or {})}
    file = write_program(
        folder, data, contract=contract, audits={"primary": ["predatory_lending.cost_caps"]}, policies=["conventions"],
        scope={"jurisdictions": ["US"], "products": ["personal_loan"], "lenders": ["bank"]},
    )  # fmt: skip
    return run_program(file, folder / "runs")


def cap(judgement) -> Any:
    return next(one for one in judgement.findings if one.rule.id == "conv.36pct")


def told(run) -> str:
    return " | ".join(f"{one.place}: {one.observed} {one.examples} {one.expected}"
                      for one in (*run.checks.failures, *run.checks.warnings))  # fmt: skip


def test_a_sound_book_is_clear(tmp_path):
    run, judgement = audited(tmp_path, book())
    assert run.checks.fit
    assert told(run) == ""
    assert cap(judgement).verdict == "clear"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lent": 0.0}, "amount not above zero"), ({"length": 0}, "term not above zero"),
        ({"points": 99_999.0}, "fees not below the amount"), ({"points": None}, "fees that are not known"),
        ({"points": -50.0}, "a charge below zero"), ({"due": 1.0}, "payments below the amount advanced"),
        ({"due": 0.0}, "payments below the amount advanced"), ({"due": None}, "no instalment and no payments"),
        ({"length": None}, "no term"), ({"length": 1.4}, "no whole number of instalments"),
        ({"lent": 1e16}, "amount beyond any loan"), ({"first": pd.Timestamp("2026-02-01")}, "repaid or due before"),
    ],
)  # fmt: skip
def test_one_loan_that_cannot_be_is_named_and_keeps_the_cap_from_being_clear(tmp_path, change, reason):
    data = book().astype({"length": float})
    for column, value in change.items():
        data.loc[7, column] = value
    run, judgement = audited(tmp_path, data, first_due_at="first")
    found = cap(judgement)
    assert run.errors == ()
    assert found.verdict == "inconclusive"
    assert found.measurement.counts["without_figure"] == 1
    assert any(reason in one for one in found.unseen)
    assert any(reason in one.reason and one.rows == 1 for one in run.exclusions)


@pytest.mark.parametrize(("unit", "factor"), [("percent", 0.01), ("fraction", 1.0), ("basis_points", 1.0)])
def test_rates_in_another_unit_than_the_declared_one_stop_the_run_and_ask(tmp_path, unit, factor):
    data = book()
    data["told"] *= factor
    run, judgement = audited(tmp_path, data, apr_unit=unit)
    assert not run.checks.fit
    assert "hundred times" in told(run)
    assert any("ask in which unit" in one.remedy for one in run.checks.failures)
    assert {one.verdict for one in judgement.findings} == {"unfit"}


@pytest.mark.parametrize(("unit", "rate"), [("percent", 19.9), ("fraction", 0.199), ("basis_points", 1990.0)])
def test_rates_in_the_declared_unit_are_taken_as_they_are(tmp_path, unit, rate):
    data = book()
    data["told"] = rate
    run, _ = audited(tmp_path, data, apr_unit=unit)
    assert run.checks.fit
    assert told(run) == ""


def test_rates_below_one_per_cent_are_taken_where_the_terms_say_so(tmp_path):
    data = book()
    data["due"], data["points"], data["told"] = (data["lent"] * 1.0049 / 12).round(2), 0.0, 0.9
    run, _ = audited(tmp_path, data)
    assert run.checks.fit
    assert told(run) == ""


def test_a_few_rates_in_another_unit_are_warned_of(tmp_path):
    data = book(800)
    data.loc[:2, "told"] = 0.199
    run, _ = audited(tmp_path, data)
    assert run.checks.fit
    assert "3 of 800" in told(run)


DECIDED = {"decision": {"column": "verdict", "favourable": "yes", "unfavourable": "no"}}


@pytest.mark.parametrize("nothing", [0.0, None])
def test_what_was_never_granted_is_no_loan_to_warn_of(tmp_path, nothing):
    data = book().astype({"length": float}).assign(verdict="yes")
    refused = data.index < 100
    data.loc[refused, "verdict"] = np.where(data.index[refused] % 2, "no", None)
    data.loc[refused, ["lent", "length", "due", "points", "told"]] = nothing
    open_to = {name: {"null_tolerance": 1} for name in ("lent", "length", "due", "points", "told", "verdict")}
    run, _ = audited(tmp_path / "a", data, decided={**DECIDED, "columns": open_to})
    assert run.checks.fit
    assert told(run) == ""
    without, _ = audited(tmp_path / "b", data, decided={"columns": open_to})
    assert "100 of 400" in told(without)
    data.loc[150, "lent"] = 0.0
    run, _ = audited(tmp_path / "c", data, decided={**DECIDED, "columns": open_to})
    places = {one.place: one for one in run.checks.warnings}
    assert set(places) == {"contract.loan", "contract.loan.amount"}
    assert all("1 of" in one.observed for one in places.values())
    data.loc[50, "lent"] = -5.0
    run, _ = audited(tmp_path / "d", data, decided={**DECIDED, "columns": open_to})
    assert "contract.loan.amount: 2 of" in told(run)


def test_what_only_checks_look_at_leaves_the_fingerprint_alone(tmp_path):
    data = book().assign(verdict="yes")
    run, _ = audited(tmp_path, data, decided=DECIDED)
    assert "squaredeal_loan_fault" in run.data.columns
    assert not [name for name in run.data.columns if name.startswith("squaredeal_granted_")]


def test_several_currencies_stop_the_run(tmp_path):
    data = book()
    data.loc[3, "ccy"] = "CAD"
    run, judgement = audited(tmp_path, data, currency="USD", currency_column="ccy")
    assert not run.checks.fit
    assert "CAD" in told(run)
    assert {one.verdict for one in judgement.findings} == {"unfit"}


def test_a_flag_that_says_neither_is_told_and_counts_as_unknown(tmp_path):
    data = book()
    data.loc[5, "serves"] = "perhaps"
    run, _ = audited(tmp_path, data, covered_borrower="serves")
    assert "contract.loan.covered_borrower" in told(run)
    (figure,) = [one for one in run.measurements if one.measure == "highest_mapr_rate"]
    assert figure.estimate is None
    assert "not known" in figure.reason


def test_a_benchmark_in_another_unit_is_no_benchmark(tmp_path):
    data = book()
    data["prime"] = 0.031
    run, _ = audited(tmp_path, data, benchmark_rate="prime")
    assert "contract.loan.benchmark_rate" in told(run)
    (figure,) = [one for one in run.measurements if one.measure == "highest_lpr_ratio"]
    assert figure.estimate is None


def test_a_first_due_day_needs_the_day_of_the_loan(tmp_path):
    from checks.inputs.program import read_program
    from checks.problem import InputError

    file = write_program(
        tmp_path, book(), contract={"unit": "no", "loan": {**TERMS, "first_due_at": "first"}},
        audits={"primary": ["predatory_lending.cost_caps"]}, policies=["conventions"],
    )  # fmt: skip
    with pytest.raises(InputError, match="first_due_at' without a day of the loan"):
        read_program(file)

"""Sentences on loans: units, and figures just beyond a limit that never look equal to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audits.catalogue import questions
from audits.policies.lending_wording import LENDING, LENDING_OF_ALL
from audits.policies.listing import amount
from audits.policies.wording import explain
from audits.record import Measurement
from reports.figures import exact, figure_of, number, unit_of
from reports.words import ENGLISH
from tests.audits.test_price_wording import CASES

OURS = {m for kind in questions().values() if kind.harm == "predatory_lending" for m in kind.measures}
PAIR = {"attribute": "age", "group": "young", "reference": "older"}


def counted(measure, value, **changes):
    basis = Measurement(
        question="predatory_lending.cost_caps", measure=measure, attribute=None, group=None, reference=None,
        estimate=value, low=value, high=value, level=0.95, n=20_000, method="m", source="s",
    )  # fmt: skip
    return replace(basis, **changes)


def estimated(measure, value, **changes):
    return counted(measure, value, **{"low": value - 0.1, "high": value + 0.1, "standard_error": 0.05, **changes})


def test_every_measure_of_loans_has_a_subject_and_no_subject_is_left_over():
    assert set(LENDING) | set(LENDING_OF_ALL) == OURS


@pytest.mark.parametrize(("m", "text"), [
    (counted("highest_all_in_rate", 0.3601),
     "The highest annual rate of any loan, all charges included, is 36.01 % a year (every case counted, 20,000 loans)"),
    (counted("highest_daily_cost_rate", 0.0081), "is 0.81 % a day of what is owed"),
    (counted("highest_default_fees", 1500.0, unit="GBP"), "are 1,500.00 GBP"),
    (counted("highest_borrower_credit", 250_000.0, unit="CNY"), "is 250,000.00 CNY"),
    (counted("first_lien_apor_gap", 0.0651), "lies 6.51 percentage points above the average prime offer rate"),
    (counted("first_lien_apor_gap", -0.01), "lies 1.00 percentage points below the average prime offer rate"),
    (counted("irr_understated_gap", 0.0312), "lies 3.12 percentage points below the internal rate of return"),
    (counted("longest_prepayment_penalty_months", 48.0), "lasts 48 months"),
    (counted("fewest_days_between_loans", 3.0), "two loans of one borrower: 3 days"),
    (counted("third_debit_cases", 1234.0), "without a new authorisation: 1,234"),
    (counted("overstretched_share", 0.213), "Of all loans, 21.3 % take payments"),
    (counted("overstretched_share", 0.213, attribute="age", group="young"), "Of the loans of young borrowers, 21.3 %"),
    (estimated("steering_excess_rate", 0.0035, **PAIR), "is 0.35 percentage points higher for young customers than"),
    (estimated("steering_excess_rate", -0.0035, **PAIR), "is 0.35 percentage points lower for young customers than"),
    (estimated("push_effect_gap", 12.5, unit="EUR", **PAIR), "add 12.50 EUR more debt on each occasion for young"),
    (estimated("push_effect", 12.5, unit="EUR"), "20,000 occasions"),
])  # fmt: skip
def test_a_sentence_says_of_whom_how_much_and_how_sure(m, text):
    assert text in explain(m, CASES, "inconclusive")


@pytest.mark.parametrize(("measure", "limit", "beyond"), [
    ("highest_all_in_rate", 0.36, (0.3601, 0.36001, 0.360000001)), ("highest_lpr_ratio", 4, (4.0001, 4.0000001)),
    ("regular_apr_understated_gap", 0.00125, (0.001251, 0.00125001)), ("highest_daily_cost_rate", 0.008, (0.0080001,)),
    ("highest_default_fees", 15, (15.0001,)), ("highest_debt_service_share", 0.4, (0.4004, 0.40000001)),
])  # fmt: skip
def test_a_figure_beyond_a_limit_never_looks_equal_to_it(measure, limit, beyond):
    rule = replace(CASES, measure=measure, limit=limit)
    stated = exact(ENGLISH, limit, unit_of(measure)).split("%")[0].split()[0]
    for value in (*beyond, limit):
        told, shown = explain(counted(measure, value), rule, "breach"), number(value, unit_of(measure), [limit])
        assert (float(shown) == float(stated)) is (value == limit)
        if value != limit:
            assert shown in told.split("The limit")[0]
        assert stated in told.split("The limit")[1]


def test_limits_are_listed_in_their_units():
    assert amount("highest_all_in_rate", 0.36) == "36 % a year"
    assert amount("highest_borrower_credit", 200000) == "200,000"
    assert amount("longest_prepayment_penalty_months", 36) == "36 months"
    assert amount("push_effect_gap", 0.0) == "0"


@pytest.mark.parametrize(("measure", "value", "text"), [
    ("highest_mapr_rate", 0.36, "36.00% a year"), ("highest_daily_cost_rate", 0.008, "0.80% a day"),
    ("steering_excess_rate", 0.0025, "0.25 percentage points"), ("most_rollovers", 1.0, "1 rollover"),
    ("longest_loan_sequence", 12.0, "12 loans"), ("longest_prepayment_penalty_months", 1.0, "1 month"),
    ("fewest_days_between_loans", 0.0, "0 days"), ("push_association_gap", -3.0, "−3.00 EUR"),
    ("smaller_loan_fees_dollars", 1380.5, "1,380.50 EUR"), ("unsolicited_credit_cases", 1.0, "1 case"),
])  # fmt: skip
def test_the_page_writes_a_figure_in_its_unit(measure, value, text):
    assert figure_of(ENGLISH, counted(measure, value, unit="EUR"), value) == text

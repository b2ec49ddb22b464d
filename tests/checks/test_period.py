"""Periods: the forms that are taken, the days they hold, and those that are refused."""

from __future__ import annotations

import datetime as dt

import pytest

from checks.inputs.period import period_between, read_period
from checks.problem import InputError

FORMS = [
    ("2026", "2026-01-01", "2027-01-01"),
    ("2026-Q1", "2026-01-01", "2026-04-01"),
    ("2026-Q4", "2026-10-01", "2027-01-01"),
    ("2024-02", "2024-02-01", "2024-03-01"),
    ("2026-12", "2026-12-01", "2027-01-01"),
    ("2024-02-29", "2024-02-29", "2024-03-01"),
    ("2026-12-31", "2026-12-31", "2027-01-01"),
    ("2026-01-02..2026-03-31", "2026-01-02", "2026-04-01"),
    ("2025-11-15..2026-02-03", "2025-11-15", "2026-02-04"),
]
REFUSED = [
    "", "ALL", "26", "2026-Q0", "2026-Q5", "2026-q1", "2026Q1", "2026-00", "2026-13", "2026-1", "2026-02-30",
    "2025-02-29",
    "2026-01-31..2026-01-01", "2026-01-01..", "..2026-01-01", "2026-01..2026-03", "2026-01-01...2026-01-02", "20260105",
    "2026-W05-1", "2026-01-01T00:00", "0000", "２０２６", "2026/01", "../2026", "all\x00", "yesterday",
]  # fmt: skip


@pytest.mark.parametrize(("text", "start", "end"), FORMS)
def test_a_period_holds_its_days_from_the_first_to_before_the_end(text, start, end):
    period = read_period(text)
    assert (period.text, str(period.start), str(period.end)) == (text, start, end)


def test_all_has_no_bounds():
    assert (read_period("all").start, read_period("all").end) == (None, None)


@pytest.mark.parametrize("text", REFUSED)
def test_any_other_text_is_refused_with_the_forms(text):
    with pytest.raises(InputError) as told:
        read_period(text)
    assert repr(text)[1:-1] in str(told.value) or text in str(told.value)
    assert "2026-Q3" in str(told.value)


def test_a_period_may_end_on_the_last_day_there_is():
    period = read_period("2026-01-01..9999-12-31")
    assert period.start == dt.date(2026, 1, 1)


@pytest.mark.parametrize(("text", "start", "end"), FORMS)
def test_an_interval_of_a_schedule_gets_its_shortest_name(text, start, end):
    assert period_between(dt.date.fromisoformat(start), dt.date.fromisoformat(end)).text == text


def test_every_form_names_a_folder():
    for text, *_ in FORMS:
        assert not set(text) & set('/\\:*?"<>|')

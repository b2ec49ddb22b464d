"""A scheduled run covers the interval that has just ended."""

import datetime as dt

import pytest

from checks.inputs.period import period_between, read_period


@pytest.mark.parametrize("text", ["2026", "2026-Q3", "2026-10", "2026-10-05", "2026-01-05..2026-01-11"])
def test_an_interval_is_written_in_its_shortest_form(text):
    period = read_period(text)
    assert period_between(period.start, period.end) == period


def test_december_ends_in_the_next_year():
    assert read_period("2026-12").end == dt.date(2027, 1, 1)

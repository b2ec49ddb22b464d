"""Unit periods and years between dates: the examples of Appendix J from their dates, months' ends, leap years."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.statistics.annual_percentage_rate import Reason, nominal, rates_of_return
from audits.statistics.calendar_months import months_back
from audits.statistics.unit_periods import BASES, KINDS, counted_periods, unit_period_of, year_fractions


@pytest.fixture(autouse=True)
def _no_warning_leaks():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def days(*dates):
    return np.array(dates, dtype="datetime64[D]")


def monthly(start, number, step=1):
    """The same day of each month, or of every `step`-th."""
    day = np.datetime64(start)
    first = day.astype("datetime64[M]")
    months = (first + step * np.arange(number)).astype("datetime64[D]")
    lengths = (first + step * np.arange(number) + 1).astype("datetime64[D]") - months
    return months + np.minimum(day - first.astype("datetime64[D]"), lengths - np.timedelta64(1, "D"))


def weekly(start, number, weeks=1):
    return np.datetime64(start) + 7 * weeks * np.arange(number)


def half_months(start, number):
    """The first and the sixteenth of each month."""
    firsts = monthly(start, (number + 1) // 2)
    return np.sort(np.concatenate([firsts, firsts + 15]))[:number]


def unit_of(dates, amounts):
    units = unit_period_of([0, len(dates)], dates, amounts)
    return KINDS[units.kind[0]], int(units.size[0]), float(units.per_year[0])


def percentage(dates, amounts):
    """The annual percentage rate from dates, in percent with two decimals."""
    rows = [0, len(dates)]
    units = unit_period_of(rows, dates, amounts)
    counted = counted_periods(rows, dates, units)
    rates = rates_of_return(rows, counted.whole, amounts, fractions=counted.fraction)
    assert rates.reason[0] == Reason.SOLVED
    return round(100 * float(nominal(rates.rate, units.per_year)[0]), 2)


EXAMPLES = {  # 12 CFR 1026, Appendix J, (c): advance and its date, payments and their dates, unit period, rate
    "(c)(1)(i)": ("1978-01-10", 5000, monthly("1978-02-10", 24), [230] * 24, ("month", 1, 12), 9.69),
    "(c)(1)(ii)": ("1978-02-10", 6000, monthly("1978-04-01", 36), [200] * 36, ("month", 1, 12), 11.82),
    "(c)(1)(iii)": ("1978-02-23", 5000, half_months("1978-03-01", 24), [219.17] * 24, ("semimonth", 1, 24), 10.34),
    "(c)(1)(iv)": ("1978-05-23", 10000, monthly("1978-10-01", 40, 3), [385] * 40, ("month", 3, 4), 8.97),
    "(c)(1)(v)": ("1978-03-20", 500, weekly("1978-04-21", 30), [17.6] * 30, ("week", 1, 52), 14.96),
    "(c)(2)(i)": ("1978-01-10", 5000, monthly("1978-02-10", 24), [250, *[230] * 23], ("month", 1, 12), 10.08),
    "(c)(2)(ii)": ("1978-03-18", 400, weekly("1978-04-20", 12, 4), [39.5, *[38.31] * 11], ("week", 4, 13), 28.50),
    "(c)(3)(i)": ("1978-01-10", 5000, monthly("1978-02-10", 24), [*[230] * 23, 280], ("month", 1, 12), 10.50),
    "(c)(3)(ii)": ("1978-04-03", 200, weekly("1978-04-11", 20, 2), [*[9.5] * 19, 30], ("week", 2, 26), 12.22),
    "(c)(4)(i)": ("1978-01-10", 5000, monthly("1978-02-10", 24), [250, *[230] * 22, 280], ("month", 1, 12), 10.90),
    "(c)(4)(ii)": ("1978-01-10", 8000, monthly("1978-03-01", 20, 2), [449.36, *[465] * 18, 200], ("month", 2, 6), 7.30),
    "(c)(5)(i)": ("1978-01-03", 1000, days("1978-09-15"), [1080], ("term", 255, 365 / 255), 11.45),
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_appendix_j_from_their_dates(example):
    start, advance, due, payments, unit, rate = EXAMPLES[example]
    dates = np.concatenate([days(start), due])
    amounts = np.array([advance, *(-np.array(payments, dtype=np.float64))])
    assert unit_of(dates, amounts) == unit
    assert percentage(dates, amounts) == rate


def test_a_book_of_all_examples_at_once_in_any_order():
    draw = np.random.default_rng(1)
    dates, amounts = [], []
    for start, advance, due, payments, _, _ in EXAMPLES.values():
        order = draw.permutation(len(due) + 1)
        dates.append(np.concatenate([days(start), due])[order])
        amounts.append(np.array([advance, *(-np.array(payments, dtype=np.float64))])[order])
    rows = np.concatenate([[0], np.cumsum([len(one) for one in dates])])
    flat, values = np.concatenate(dates), np.concatenate(amounts)
    units = unit_period_of(rows, flat, values)
    counted = counted_periods(rows, flat, units)
    rates = rates_of_return(rows, counted.whole, values, fractions=counted.fraction)
    expected = [example[-1] for example in EXAMPLES.values()]
    assert np.round(100 * nominal(rates.rate, units.per_year), 2).tolist() == expected


def test_the_odd_first_period_of_the_second_example_is_19_thirtieths():
    dates = np.concatenate([days("1978-02-10"), monthly("1978-04-01", 3)])
    units = unit_period_of([0, 4], dates, [600, -220, -220, -220])
    counted = counted_periods([0, 4], dates, units)
    assert counted.whole.tolist() == [0, 1, 2, 3]
    assert counted.fraction == pytest.approx([0, 19 / 30, 19 / 30, 19 / 30])


@pytest.mark.parametrize(
    ("dates", "unit"),
    [
        (["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30"], ("month", 1, 12)),  # ends of months
        (["2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"], ("month", 1, 12)),  # 30th, and the end of February
        (["2024-02-29", "2024-03-29", "2024-04-29"], ("month", 1, 12)),
        (["2023-02-10", "2023-03-10", "2023-04-07", "2023-05-05", "2023-06-02"], ("week", 4, 13)),  # one is a month
        (["2023-01-01", "2023-01-11", "2023-01-21", "2023-01-31"], ("day", 10, 36.5)),
        (["2023-01-01", "2023-01-02", "2023-01-03"], ("day", 1, 365)),
        (["2020-03-01", "2021-03-01", "2022-03-01", "2023-03-01"], ("year", 1, 1)),
        (["2020-01-31", "2020-07-31", "2021-01-31"], ("month", 6, 2)),
        (
            ["2023-01-01", "2023-01-08", "2023-01-15", "2023-02-15", "2023-03-15"],
            ("week", 1, 52),
        ),  # as frequent: smaller
        (["2023-01-01", "2023-01-20", "2023-02-14"], ("week", 3, 52 / 3)),  # none twice: 22 days on average
        (["2023-01-01", "2024-06-20", "2026-02-14"], ("year", 1, 1)),  # none twice, above a year on average
        (["2023-01-01", "2023-01-01", "2023-01-01"], ("day", 1, 365)),
    ],
)
def test_the_unit_period_is_the_most_frequent_one(dates, unit):
    amounts = [1000, *[-400] * (len(dates) - 1)]
    kind, size, per_year = unit_of(days(*dates), amounts)
    assert (kind, size) == unit[:2]
    assert per_year == pytest.approx(unit[2])


@pytest.mark.parametrize(
    ("start", "end", "unit", "whole"),
    [
        ("2023-01-10", "2023-04-10", ("term", 90, 4.0), 1),  # three months: 12 / 3
        ("2023-01-10", "2023-02-09", ("term", 30, 365 / 30), 1),
        ("2023-01-10", "2024-01-09", ("term", 364, 365 / 364), 1),
        ("2023-01-10", "2024-01-10", ("year", 1, 1.0), 1),
        ("2023-01-10", "2026-01-10", ("year", 1, 1.0), 3),
    ],
)
def test_one_advance_and_one_payment_have_the_term_as_unit(start, end, unit, whole):
    dates = days(end, start)
    assert unit_of(dates, [-1100, 1000]) == pytest.approx(unit)
    counted = counted_periods([0, 2], dates, unit_period_of([0, 2], dates, [-1100, 1000]))
    assert (counted.whole.tolist(), counted.fraction.tolist()) == ([whole, 0], [0, 0])


def test_years_leave_months_over_twelve_or_days_over_365():
    dates = days("2020-01-15", "2022-07-15", "2023-07-15", "2024-07-15", "2023-07-20")
    rows = [0, 5]
    units = unit_period_of(rows, dates, [1000, -400, -400, -400, -1])
    assert KINDS[units.kind[0]] == "year"  # none twice, more than a year on average
    counted = counted_periods(rows, dates, units)
    assert counted.whole.tolist() == [0, 2, 3, 4, 3]
    assert counted.fraction[:4] == pytest.approx([0, 0.5, 0.5, 0.5])
    assert counted.fraction[4] == pytest.approx((days("2020-07-20") - days("2020-01-15")).astype(int)[0] / 365)


def test_thirty_days_left_are_a_whole_month():
    dates = days("2023-01-11", "2023-03-10", "2023-04-10", "2023-05-10")
    counted = counted_periods([0, 4], dates, unit_period_of([0, 4], dates, [1000, -400, -400, -400]))
    assert counted.whole.tolist() == [0, 2, 3, 4]
    assert counted.fraction.tolist() == [0, 0, 0, 0]


def test_missing_dates_reach_the_rate_as_a_reason():
    dates = days("2023-01-11", "NaT", "2023-04-10", "2023-01-11", "2023-02-11")
    amounts, rows = [1000, -400, -700, 100, -110], [0, 3, 5]
    units = unit_period_of(rows, dates, amounts)
    counted = counted_periods(rows, dates, units)
    rates = rates_of_return(rows, counted.whole, amounts, fractions=counted.fraction)
    assert rates.reason.tolist() == [Reason.NOT_A_NUMBER, Reason.SOLVED]
    assert np.isnan(year_fractions(rows, dates)[:3]).all()


def test_loans_without_dates_and_books_without_loans():
    nothing = days()
    assert unit_period_of([0], nothing, []).size.shape == (0,)
    assert unit_period_of([0, 0], nothing, []).per_year.shape == (1,)
    assert year_fractions([0, 0], nothing).shape == (0,)
    assert counted_periods([0, 0], nothing, unit_period_of([0, 0], nothing, [])).whole.shape == (0,)


@pytest.mark.parametrize("rows", [[1, 2], [0, 3], [0.0, 2.0], [], [0, 2, 1, 2]])
def test_rows_that_do_not_fit_are_refused(rows):
    dates = days("2023-01-01", "2023-02-01")
    with pytest.raises(ValueError):
        unit_period_of(rows, dates, [1, -1])
    with pytest.raises(ValueError):
        year_fractions(rows, dates)


def test_amounts_that_do_not_fit_and_an_unknown_basis_are_refused():
    dates = days("2023-01-01", "2023-02-01")
    with pytest.raises(ValueError):
        unit_period_of([0, 2], dates, [1])
    with pytest.raises(ValueError, match="basis"):
        year_fractions([0, 2], dates, basis="fortnights")


# Years under the European directives.


@pytest.mark.parametrize(
    ("basis", "end", "years"),
    [
        ("days", "2023-01-31", 30 / 365),
        ("days", "2025-01-01", 731 / 365),
        ("months", "2023-02-01", 1 / 12),
        ("months", "2024-07-01", 18 / 12),
        ("months", "2023-02-11", 1 / 12 + 10 / 365),
        ("months", "2024-03-11", 14 / 12 + 10 / 365),  # the ten days end in January 2023
        ("weeks", "2023-01-15", 2 / 52),
        ("weeks", "2023-01-18", 2 / 52 + 3 / 365),
        ("years", "2025-01-01", 2.0),
        ("years", "2025-01-31", 2 + 30 / 365),
    ],
)
def test_years_are_counted_back_from_the_later_date(basis, end, years):
    got = year_fractions([0, 2], days(end, "2023-01-01"), basis=basis)
    assert got == pytest.approx([years, 0], rel=1e-14)


def test_days_that_end_in_a_leap_year_are_over_366():
    """From 1 February to 11 March 2024: the month goes back to 11 February, before the 29th."""
    assert year_fractions([0, 2], days("2024-02-01", "2024-03-11"), basis="months")[1] == pytest.approx(
        1 / 12 + 10 / 365
    )
    assert year_fractions([0, 2], days("2024-02-25", "2024-04-05"), basis="months")[1] == pytest.approx(
        1 / 12 + 9 / 366
    )
    assert year_fractions([0, 2], days("2024-01-10", "2024-12-20"), basis="years")[1] == pytest.approx(345 / 366)


DATES = st.dates(datetime.date(1990, 1, 1), datetime.date(2060, 12, 31))


@given(st.lists(DATES, min_size=2, max_size=12), st.sampled_from(BASES))
@settings(deadline=None, max_examples=200)
def test_years_by_any_basis_are_near_the_days(dates, basis):
    array = np.array(dates, dtype="datetime64[D]")
    years = year_fractions([0, len(array)], array, basis=basis)
    plain = (array - array.min()).astype(int) / 365.25
    assert (years >= 0).all()
    assert np.abs(years - plain).max() <= 0.02 + 0.004 * plain.max()


@given(st.lists(DATES, min_size=2, max_size=12), st.data())
@settings(deadline=None, max_examples=300)
def test_counted_periods_are_near_the_days_whatever_the_unit(dates, data):
    array = np.array(dates, dtype="datetime64[D]")
    amounts = np.array(data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=len(array), max_size=len(array))))
    rows = [0, len(array)]
    units = unit_period_of(rows, array, amounts)
    counted = counted_periods(rows, array, units)
    assert 1 - 1e-9 <= units.per_year[0] <= 365
    assert ((counted.fraction >= 0) & (counted.fraction < 1)).all()
    assert (counted.whole == np.floor(counted.whole)).all()
    years = (counted.whole + counted.fraction) / units.per_year[0]
    plain = (array - array.min()).astype(int) / 365.25
    assert np.abs(years - plain).max() <= 0.03 + 0.02 * plain.max()


@given(DATES, st.integers(0, 400), st.integers(0, 27))
@settings(deadline=None, max_examples=300)
def test_months_back_leave_less_than_a_month(start, months, extra):
    begin = np.array([start], dtype="datetime64[D]")
    end = (begin.astype("datetime64[M]") + months).astype("datetime64[D]") + extra + np.timedelta64(start.day, "D")
    whole, left = months_back(begin, end, np.zeros(1, dtype=np.int64))
    assert 0 <= left[0] <= 30
    assert months - 1 <= whole[0] <= months + 2

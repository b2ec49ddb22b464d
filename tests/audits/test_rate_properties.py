"""What holds for the rates of any loan, whatever its cash flows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audits.statistics.annual_percentage_rate import Reason, effective, instalment_rates, nominal, rates_of_return

MONEY = st.integers(1, 10**7).map(lambda cents: cents / 100)
MOMENTS = st.lists(st.integers(0, 4000), min_size=2, max_size=30, unique=True).map(sorted)
SIGNED = st.integers(-(10**6), 10**6).map(lambda cents: cents / 100)


@st.composite
def loans(draw):
    """Days, the first an advance and all others payments, from far too little to many times the advance."""
    days = draw(MOMENTS)
    payments = [draw(MONEY) for _ in days[1:]]
    return np.array(days, dtype=np.float64), np.array([draw(MONEY), *(-one for one in payments)])


@st.composite
def cash_flows(draw):
    """Days and amounts of any sign."""
    days = draw(st.lists(st.integers(0, 50), min_size=1, max_size=9))
    return np.array(days, dtype=np.float64), np.array([draw(SIGNED) for _ in days])


def solved(times, amounts, fractions=None):
    rates = rates_of_return([0, len(amounts)], times, amounts, fractions=fractions)
    return rates.rate[0], Reason(rates.reason[0])


def price(rate, times, amounts, fractions=None):
    """Present value over the sum of absolute terms, in 80 bits."""
    force = np.log1p(np.longdouble(rate))
    terms = amounts * np.exp(-force * (times - times.min()))
    if fractions is not None:
        terms = terms / (1 + fractions * np.longdouble(rate))
    return float(terms.sum() / np.abs(terms).sum())


@given(loans())
@settings(deadline=None, max_examples=200)
def test_one_advance_and_payments_always_have_a_rate_that_prices_them(loan):
    times, amounts = loan
    rate, reason = solved(times / 365, amounts)
    if reason == Reason.BEYOND:
        assert np.abs(np.log(-amounts[1:].sum() / amounts[0])) / (times[1] - times[0]) * 365 > 30
        return
    assert reason == Reason.SOLVED
    digits = np.finfo(np.float64).eps / min(1 + rate, 1)  # that a rate near −1 has lost
    assert abs(price(rate, times / 365, amounts)) < 1e-12 + 4 * digits * (times[-1] - times[0]) / 365


@given(loans(), st.sampled_from([1e-3, 0.5, 7.0, 1e12]))
@settings(deadline=None, max_examples=100)
def test_the_currency_and_the_calendar_do_not_matter(loan, scale):
    times, amounts = loan
    rate, reason = solved(times, amounts)
    assume(reason == Reason.SOLVED)
    assert solved(times, amounts * scale)[0] == pytest.approx(rate, rel=1e-11, abs=1e-14)
    assert solved(times - 18_000, amounts)[0] == pytest.approx(rate, rel=1e-11, abs=1e-14)


@given(loans())
@settings(deadline=None, max_examples=100)
def test_another_unit_of_time_is_the_same_rate(loan):
    times, amounts = loan
    daily, reason = solved(times, amounts)
    assume(reason == Reason.SOLVED)
    weekly, also = solved(times / 7, amounts)
    assert also in (Reason.SOLVED, Reason.BEYOND)
    if also == Reason.SOLVED and daily > -0.9:
        assert np.log1p(weekly) == pytest.approx(7 * np.log1p(daily), rel=1e-9, abs=1e-12)


@given(loans(), st.floats(0.001, 0.9))
@settings(deadline=None, max_examples=150)
def test_a_fee_raises_the_rate(loan, fee):
    times, amounts = loan
    rate, reason = solved(times, amounts)
    assume(reason == Reason.SOLVED)
    assume(rate > -0.99)
    dearer = amounts.copy()
    dearer[0] *= 1 - fee
    assert solved(times, dearer)[0] > rate
    dearer = amounts.copy()
    dearer[-1] *= 1 + fee
    assert solved(times, dearer)[0] >= rate - 1e-12 * abs(rate)  # a last payment at a huge rate weighs nothing


@given(cash_flows())
@settings(deadline=None, max_examples=400)
def test_every_loan_gets_a_number_or_a_reason(flows):
    times, amounts = flows
    rate, reason = solved(times, amounts)
    assert np.isfinite(rate) == (reason == Reason.SOLVED)
    if reason != Reason.SOLVED:
        return
    assert abs(price(rate, times, amounts)) < 1e-9
    grid = np.concatenate([np.linspace(-3, 3, 301), np.linspace(3, 12, 100)])
    signs = {np.sign(price(np.expm1(force), times, amounts)) for force in grid if force > np.log1p(rate) + 1e-3}
    assert signs <= {1.0}
    signs = {np.sign(price(np.expm1(force), times, amounts)) for force in grid if force < np.log1p(rate) - 1e-3}
    assert signs <= {-1.0}


@given(loans(), st.lists(st.integers(0, 29), min_size=30, max_size=30))
@settings(deadline=None, max_examples=150)
def test_fractions_of_unit_periods_price_too(loan, thirtieths):
    times, amounts = loan
    fractions = np.array([0, *thirtieths])[: len(times)] / 30
    rate, reason = solved(times // 30, amounts, fractions)
    assert np.isfinite(rate) == (reason == Reason.SOLVED)
    if reason == Reason.SOLVED and rate > -0.999:
        assert abs(price(rate, times // 30, amounts, fractions)) < 1e-10


@given(MONEY, st.floats(0.2, 5), st.integers(1, 600), st.integers(0, 5), st.integers(0, 29), st.floats(0, 3))
@settings(deadline=None, max_examples=300)
def test_equal_instalments_price_in_closed_form(advance, factor, number, whole, thirtieths, balloon):
    instalment, final = advance * factor / number, advance * balloon
    rates = instalment_rates(
        advance, instalment, number, first_whole=whole, first_fraction=thirtieths / 30, final_payment=final
    )
    rate, reason = float(rates.rate), Reason(int(rates.reason))
    assert np.isfinite(rate) == (reason == Reason.SOLVED)
    if reason == Reason.SOLVED and rate > -0.999:
        times = np.concatenate([[0], whole + np.arange(number)]).astype(np.float64)
        amounts = np.array([advance, *[-instalment] * (number - 1), -final])
        fractions = np.array([0, *[thirtieths / 30] * number])
        assert abs(price(rate, times, amounts, fractions)) < 1e-12 * (1 + number)


@given(st.floats(0, 5), st.integers(1, 365))
def test_interest_on_interest_is_never_less(rate, periods):
    assert effective(rate, periods) >= nominal(rate, periods) * (1 - 1e-12)

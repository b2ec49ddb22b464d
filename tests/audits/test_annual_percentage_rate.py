"""Rates of loans: published examples, every kind of cash flow that has no rate or more than one, and the ends."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest

from audits.statistics.annual_percentage_rate import (
    REASONS,
    Reason,
    effective,
    instalment_rates,
    nominal,
    rates_of_return,
)
from tests.loan_books import stacked


@pytest.fixture(autouse=True)
def _no_warning_leaks():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def one(amounts, times=None, fractions=None):
    """Rate and reason of one loan."""
    times = np.arange(len(amounts)) if times is None else times
    rates = rates_of_return([0, len(amounts)], times, amounts, fractions=fractions)
    return rates.rate[0], Reason(rates.reason[0])


def price(rate, times, amounts):
    """Present value over the sum of absolute terms."""
    terms = np.asarray(amounts) * np.exp(-np.log1p(rate) * np.asarray(times))
    return terms.sum() / np.abs(terms).sum()


# Published examples. Those of Appendix J from their dates stand in test_unit_periods.py.


def test_the_examples_of_regulation_z_in_equal_instalments():
    rates = instalment_rates([5000, 6000], [230, 200], [24, 36], first_fraction=[0, 19 / 30])
    assert np.round(100 * nominal(rates.rate, 12), 2).tolist() == [9.69, 11.82]


def test_the_examples_of_regulation_z_from_cash_flows():
    rates = rates_of_return(
        [0, 25, 62],
        np.concatenate([np.arange(25), np.arange(37)]),
        np.concatenate([[5000], np.full(24, -230), [6000], np.full(36, -200)]),
        fractions=np.concatenate([np.zeros(26), np.full(36, 19 / 30)]),
    )
    assert np.round(100 * nominal(rates.rate, 12), 2).tolist() == [9.69, 11.82]


def test_a_month_at_124_for_100_in_the_european_union():
    rate, _ = one([100, -124], [0, 30 / 365])
    assert rate == pytest.approx(1.24 ** (365 / 30) - 1, rel=1e-13)
    assert round(100 * rate, 1) == 1269.7


@pytest.mark.parametrize(("fee", "sum_of_months", "compounded"), [(0.006, 13.03, 13.84), (0.01, 21.46, 23.70)])
def test_a_flat_fee_on_twelve_instalments_as_in_china(fee, sum_of_months, compounded):
    rates = instalment_rates(1200, 100 + 1200 * fee, 12)
    assert round(100 * float(nominal(rates.rate, 12)), 2) == sum_of_months
    assert round(100 * float(effective(rates.rate, 12)), 2) == compounded


def test_nominal_and_effective_of_the_same_month():
    assert nominal([0.01, 0.02], 12) == pytest.approx([0.12, 0.24])
    assert effective([0.01, 0.02, -1.5], 12)[:2] == pytest.approx([1.01**12 - 1, 1.02**12 - 1], rel=1e-15)
    assert np.isnan(effective(-1.5, 12))


# Rates at and below zero.


def test_nothing_charged_is_a_rate_of_zero_to_the_last_digit():
    assert one([1200, *[-100] * 12]) == (0.0, Reason.SOLVED)
    assert instalment_rates(1200, 100, 12).rate == 0.0
    assert instalment_rates([700, 60000], [7, 100], [100, 600]).rate.tolist() == [0.0, 0.0]


def test_less_paid_than_advanced_is_a_negative_rate():
    rate, reason = one([1000, -400, -500])
    assert reason == Reason.SOLVED
    assert 1 + rate == pytest.approx((400 + np.sqrt(400**2 + 4 * 1000 * 500)) / 2000, rel=1e-14)
    assert -1 < instalment_rates(1e6, 1, 600).rate < 0
    assert price(instalment_rates(1e6, 1, 600).rate, np.arange(601), [1e6, *[-1] * 600]) == pytest.approx(0, abs=1e-13)


def test_a_fee_refunded_before_the_last_payment_keeps_the_one_rate():
    times, amounts = [0, 1, 2, 2.5, 3], [1000, -350, -350, 30, -350]
    rate, reason = one(amounts, times)
    assert reason == Reason.SOLVED
    assert price(rate, times, amounts) == pytest.approx(0, abs=1e-14)
    assert rate < one([1000, -350, -350, -350])[0]


# No rate, several rates.


@pytest.mark.parametrize(
    ("amounts", "times", "reason"),
    [
        ([], [], Reason.NO_ADVANCE),
        ([0, 0], [0, 1], Reason.NO_ADVANCE),
        ([-5, -6], [0, 1], Reason.NO_ADVANCE),
        ([100, -100, -20], [0, 0, 1], Reason.NO_ADVANCE),
        ([100], [0], Reason.NOT_REPAID),
        ([100, 50], [0, 1], Reason.NOT_REPAID),
        ([100, 0, 0], [0, 1, 2], Reason.NOT_REPAID),
        ([100, -60, 60], [0, 1, 1], Reason.NOT_REPAID),
        ([-100, 200, -132], [0, 1, 2], Reason.NOT_REPAID),
        ([-100, 230, -132], [0, 1, 2], Reason.SEVERAL),
        ([100, -230, 132], [0, 1, 2], Reason.SEVERAL),
        ([-10, 100, -120], [0, 1, 2], Reason.SEVERAL),
        ([100, -300, 100, -1], [0, 1, 2, 3], Reason.SEVERAL),
        ([100, -120], [3, 3], Reason.ONE_TIME),
        ([100, -100], [3, 3], Reason.ONE_TIME),
        ([-100, 120], [0, 1], Reason.REVERSED),
        ([-117, 174, -50, 33], [0, 1, 2, 3], Reason.REVERSED),
        ([-100, 220, -121], [0, 1, 2], Reason.UNCERTAIN),
        ([100, np.nan], [0, 1], Reason.NOT_A_NUMBER),
        ([100, -110], [0, np.nan], Reason.NOT_A_NUMBER),
        ([np.inf, -110], [0, 1], Reason.NOT_A_NUMBER),
        ([100, -110], [0, -np.inf], Reason.NOT_A_NUMBER),
        ([1, -1e9], [0, 1e-3], Reason.BEYOND),
        ([1e9, -1], [0, 1e-3], Reason.BEYOND),
    ],
)
def test_every_loan_without_a_rate_says_why(amounts, times, reason):
    rate, said = one(amounts, times)
    assert np.isnan(rate)
    assert said == reason


def test_every_reason_has_its_sentence():
    assert [bool(sentence) for sentence in REASONS] == [reason != Reason.SOLVED for reason in Reason]
    assert len(set(REASONS)) == len(REASONS)


def test_norstroms_criterion_is_not_enough_below_zero():
    """One change of sign among the running sums leaves one positive rate, but here there is a negative one besides."""
    amounts = np.array([1000, *[-105] * 12, 5.0])
    running = np.sign(np.cumsum(amounts))
    assert (running[1:] != running[:-1]).sum() == 1
    assert one(amounts)[1] == Reason.SEVERAL
    discount = np.roots(amounts[::-1])
    real = discount[np.abs(discount.imag) < 1e-9].real
    assert (real > 0).sum() == 2


def test_two_rates_are_found_however_far_apart():
    """A fee of 50 a day before 10,000: its other rate is e^1900 a year, e^5 a day, and no less a solution."""
    months = np.arange(1, 25) * 30
    days, amounts = np.concatenate([[0, 1], 1 + months]), np.array([-50, 10000, *[-500] * 24])
    assert one(amounts, days)[1] == Reason.SEVERAL
    assert one(amounts, days / 365)[1] == Reason.SEVERAL


def test_roots_are_counted_as_a_polynomial_has_them():
    draw = np.random.default_rng(5)
    loans = [np.round(draw.normal(0, 100, draw.integers(3, 9))) for _ in range(3000)]
    loans = [np.where(one == 0, 1.0, one) for one in loans]
    rates = rates_of_return(*stacked([(np.arange(len(one)), one) for one in loans]))
    seen = set()
    for amounts, rate, reason in zip(loans, rates.rate, rates.reason, strict=True):
        roots = np.roots(amounts[::-1])
        discount = roots[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0)].real
        if len(discount) == 1:
            lends = amounts[0] < 0
            assert reason == (Reason.REVERSED if lends else Reason.SOLVED)
            if not lends:
                assert rate == pytest.approx(1 / discount[0] - 1, rel=1e-8, abs=1e-8)
        elif len(discount) == 0:
            assert reason in (Reason.NOT_REPAID, Reason.NO_ADVANCE)
        else:
            assert reason == Reason.SEVERAL
        seen.add(len(discount))
    assert seen >= {0, 1, 2, 3}


def test_one_rate_among_many_changes_of_sign_is_found():
    assert one([1000, -600, 300, -800])[1] == Reason.SOLVED
    rate, reason = one([100, -110, 100, -110])
    assert reason == Reason.SOLVED
    assert rate == pytest.approx(0.1, rel=1e-14)


def test_one_rate_is_found_where_the_balance_changes_sides():
    """(1 − 2 w)((w − 1)² + 0.5): one root, but the borrower is for some time the creditor."""
    amounts = np.polynomial.polynomial.polymul([1, -2], [1.5, -2, 1])
    rate, reason = one(1000 * amounts)
    balance = np.cumsum(1000 * amounts * 0.5 ** np.arange(4))
    assert balance.min() < -1
    assert (rate, reason) == (pytest.approx(1.0, rel=1e-12), Reason.SOLVED)


# Shapes of loans.


def test_a_loan_in_any_order_with_flows_of_one_day_apart_is_the_same_loan():
    tidy = one([980, -500, -600], [0, 1, 2])
    assert one([-600, 1000, -400, -20, 0, -100], [2, 0, 1, 0, 1.5, 1]) == tidy
    assert one([980, -500, -600], [18000, 18001, 18002]) == tidy


def test_drawdowns_are_advances_like_any_other():
    times, amounts = [0, 0.5, 1, 2, 3], [300, 300, 400, -700, -500]
    rate, reason = one(amounts, times)
    assert reason == Reason.SOLVED
    assert price(rate, times, amounts) == pytest.approx(0, abs=1e-15)


def test_a_book_gives_each_loan_what_it_gets_alone():
    draw = np.random.default_rng(2)
    loans = [(draw.integers(0, 12, k), np.round(draw.normal(-20, 100, k), 0)) for k in draw.integers(0, 9, 400)]
    together = rates_of_return(*stacked(loans))
    for (times, amounts), rate, reason in zip(loans, together.rate, together.reason, strict=True):
        alone, why = one(amounts, times)
        assert why == reason
        assert alone == pytest.approx(rate, rel=1e-9, nan_ok=True)
    assert len(set(together.reason.tolist())) > 4


def test_a_book_of_no_loans():
    assert rates_of_return([0], [], []).rate.shape == (0,)
    assert instalment_rates([], [], []).rate.shape == (0,)
    assert rates_of_return([0, 0, 0], [], []).reason.tolist() == [Reason.NO_ADVANCE] * 2


@pytest.mark.parametrize(
    ("offsets", "times", "amounts"),
    [([1, 2], [0, 1], [1, -1]), ([0, 3], [0, 1], [1, -1]), ([0, 2], [0, 1], [1]), ([0, 2, 1, 2], [0, 1], [1, -1]),
     ([0.0, 2.0], [0, 1], [1, -1]), ([], [], []), ([[0, 2]], [0, 1], [1, -1])],
)  # fmt: skip
def test_rows_that_do_not_fit_are_refused(offsets, times, amounts):
    with pytest.raises(ValueError):
        rates_of_return(offsets, times, amounts)


# Equal instalments.


def flows_of(advance, instalment, number, whole, fraction, final):
    """The same loan flow by flow."""
    amounts = np.array([advance, *[-instalment] * int(number)], dtype=np.float64)
    if final is not None:
        amounts[-1] = -final
    times = np.array([0, *(whole + np.arange(int(number)))], dtype=np.float64)
    return times, amounts, np.array([0, *[fraction] * int(number)])


@pytest.mark.parametrize("number", [1, 2, 3, 12, 59, 360, 600])
@pytest.mark.parametrize(("whole", "fraction"), [(1, 0.0), (0, 0.0), (0, 0.4), (1, 19 / 30), (7, 29 / 30)])
@pytest.mark.parametrize("final", [None, 0.0, 40.0, 2500.0])
@pytest.mark.parametrize("factor", [0.6, 1.0, 1.02, 1.5, 40.0])
def test_the_closed_form_is_the_sum_of_its_flows(number, whole, fraction, final, factor):
    instalment = 1000 * factor / number
    times, amounts, fractions = flows_of(1000, instalment, number, whole, fraction, final)
    long = rates_of_return([0, len(times)], times, amounts, fractions=fractions)
    short = instalment_rates(1000, instalment, number, first_whole=whole, first_fraction=fraction, final_payment=final)
    assert REASONS[int(short.reason)] == REASONS[int(long.reason[0])]
    assert float(short.rate) == pytest.approx(long.rate[0], rel=1e-11, abs=1e-14, nan_ok=True)


@pytest.mark.parametrize("rate", [1e-12, 1e-9, 1e-6, 1e-4, -1e-9, -1e-5, 1e3, 1e8])
@pytest.mark.parametrize("number", [1, 12, 600])
def test_tiny_and_huge_rates_of_equal_instalments(rate, number):
    factor = np.sum(np.exp(-np.arange(1, number + 1) * np.log1p(rate)))
    solved = float(instalment_rates(1.0, 1 / factor, number).rate)
    assert solved == pytest.approx(rate, rel=1e-12, abs=3e-16)


def test_arguments_broadcast_and_keep_their_shape():
    rates = instalment_rates(np.full((3, 1), 1000), [100, 110], 12, final_payment=np.array([[np.nan], [500], [0]]))
    assert rates.rate.shape == rates.reason.shape == (3, 2)
    assert rates.rate[0] == pytest.approx(instalment_rates(1000, [100, 110], 12).rate)
    assert rates.rate[1, 1] == pytest.approx(float(instalment_rates(1000, 110, 12, final_payment=500).rate))
    assert rates.rate[2, 1] == pytest.approx(float(instalment_rates(1000, 110, 11).rate))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"advance": 0}, Reason.NO_ADVANCE),
        ({"advance": -1000}, Reason.NO_ADVANCE),
        ({"instalment": 0}, Reason.NOT_REPAID),
        ({"instalment": -1}, Reason.IMPOSSIBLE),
        ({"final_payment": -1}, Reason.IMPOSSIBLE),
        ({"number": 0}, Reason.IMPOSSIBLE),
        ({"number": 2.5}, Reason.IMPOSSIBLE),
        ({"first_whole": -1}, Reason.IMPOSSIBLE),
        ({"first_whole": 0.5}, Reason.IMPOSSIBLE),
        ({"first_fraction": 1.0}, Reason.IMPOSSIBLE),
        ({"first_fraction": -0.1}, Reason.IMPOSSIBLE),
        ({"number": 1, "first_whole": 0}, Reason.ONE_TIME),
        ({"instalment": 1000, "first_whole": 0}, Reason.NO_ADVANCE),
        ({"instalment": 1e306, "advance": 1e-306}, Reason.BEYOND),
        ({"advance": np.nan}, Reason.NOT_A_NUMBER),
        ({"instalment": np.inf}, Reason.NOT_A_NUMBER),
        ({"number": np.nan}, Reason.NOT_A_NUMBER),
        ({"first_whole": np.inf}, Reason.NOT_A_NUMBER),
        ({"first_fraction": np.nan}, Reason.NOT_A_NUMBER),
        ({"final_payment": np.inf}, Reason.NOT_A_NUMBER),
    ],
)
def test_terms_that_have_no_rate_say_why(terms, reason):
    rates = instalment_rates(**{"advance": 1000, "instalment": 100, "number": 12, **terms})
    assert np.isnan(rates.rate)
    assert Reason(int(rates.reason)) == reason


# Ends of the numbers.


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e12, 1e300])
def test_the_currency_does_not_matter(scale):
    amounts = np.array([1000, -300, -400, 50, -500.0])
    assert one(scale * amounts)[0] == pytest.approx(one(amounts)[0], rel=1e-12)
    assert instalment_rates(1000 * scale, 90 * scale, 12).rate == pytest.approx(
        instalment_rates(1000, 90, 12).rate, rel=1e-12
    )


@pytest.mark.parametrize("times", [2.0, 101.0, 1e4, 1e40, 1e200])
def test_rates_of_any_size(times):
    assert one([1, -times], [0, 1]) == (pytest.approx(times - 1, rel=1e-13), Reason.SOLVED)
    rate, reason = one([times, -1], [0, 1])
    if times < 1e15:
        assert (rate, reason) == (pytest.approx(1 / times - 1, abs=1e-15), Reason.SOLVED)
    else:  # −1 in float64
        assert reason == Reason.BEYOND


def test_amounts_whose_sum_is_beyond_the_numbers():
    assert one([1.5e308, -1e308, -1e308])[0] == pytest.approx(one([1.5, -1, -1])[0], rel=1e-14)


def test_discount_factors_beyond_the_numbers():
    """At the rate itself the second advance weighs e^2300 of the first."""
    rate, reason = one([1, 1, -1e-10], [0, 100, 101])
    assert (1 + rate, reason) == (pytest.approx(1e-10, rel=1e-5), Reason.SOLVED)


def test_flows_that_cancel_but_for_rounding_are_none():
    assert 0.1 + 0.2 - 0.3 > 0
    assert one([100, -110, 0.1, 0.2, -0.3], [0, 1, 2, 2, 2]) == one([100, -110])


def test_loans_of_every_size_and_pace_have_their_rate_or_lie_beyond():
    """Payments from a millionth to a million times the advance, 1 / 10,000 to 30 years apart."""
    draw = np.random.default_rng(7)
    counts = draw.integers(2, 13, 3000)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    first = np.isin(np.arange(offsets[-1]), offsets[:-1])
    times = np.cumsum(np.where(first, 0, 10 ** draw.uniform(-4, 1.5, offsets[-1])))
    times -= np.repeat(times[offsets[:-1]], counts)
    amounts = np.where(first, 1, -1) * 10 ** draw.uniform(-6, 6, offsets[-1])
    rates = rates_of_return(offsets, times, amounts)
    assert set(rates.reason.tolist()) == {Reason.SOLVED, Reason.BEYOND}
    for loan, (start, end) in enumerate(pairwise(offsets.tolist())):
        when, what = times[start:end].astype(np.longdouble), amounts[start:end].astype(np.longdouble)

        def value(force, when=when, what=what):
            return float((what * np.exp(-np.longdouble(force) * (when - (when[-1] if force < 0 else 0)))).sum())

        if rates.reason[loan] == Reason.BEYOND:
            assert value(709) < 0 or value(-36.5) > 0
        elif rates.rate[loan] > -0.99:
            force = np.log1p(rates.rate[loan])
            assert value(force - 1e-12 * (1 + abs(force))) < 0 < value(force + 1e-12 * (1 + abs(force)))


def test_nothing_that_can_be_typed_breaks_it():
    draw = np.random.default_rng(0)
    values = np.array([0, 1, -1, 100, -100, 33.3, -33.4, 1e12, -1e12, 1e-12, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324,
                       -5e-324, np.nan, np.inf, -np.inf])  # fmt: skip
    moments = np.array([0, 0, 1, 1, 2, 3, 0.5, 1e-9, 1e-300, 1e300, -1e308, 1e308, 1e6, -5, 20000, 7, 8, 9, np.nan])
    counts = draw.integers(0, 8, 4000)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    weight = np.where(np.isfinite(values), 1, 0.05)
    amounts = draw.choice(values, offsets[-1], p=weight / weight.sum())
    times = draw.choice(moments, offsets[-1])
    for fractions in (None, draw.choice([0, 0, 0.5, 0.999, 0.1, 1.0], offsets[-1])):
        rates = rates_of_return(offsets, times, amounts, fractions=fractions)
        assert ((rates.reason == Reason.SOLVED) == np.isfinite(rates.rate)).all()
        assert (rates.rate[rates.reason == Reason.SOLVED] > -1).all()

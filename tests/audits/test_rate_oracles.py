"""Rates against other programs and against more digits, on whole books."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy_financial
import pytest
import pyxirr

from audits.statistics.annual_percentage_rate import Reason, instalment_rates, rates_of_return
from tests.loan_books import irregular, level

LONG = np.longdouble


def refined(book, rates, chosen):
    """Rates of the loans `chosen` in 80 bits, by Newton's method on Σ a e^(−δt) from a start that is 1 % off."""
    found = []
    for loan in chosen:
        rows = slice(book.offsets[loan], book.offsets[loan + 1])
        times, amounts = book.days[rows].astype(LONG) / LONG(365), book.amounts[rows].astype(LONG)
        force = np.log1p(LONG(rates[loan])) * LONG(1.01)
        for _ in range(12):
            terms = amounts * np.exp(-force * times)
            force += terms.sum() / (terms * times).sum()
        found.append(np.expm1(force))
    return np.array(found)


@pytest.fixture(scope="module")
def book():
    return irregular(100_000, seed=11)


@pytest.fixture(scope="module")
def solved(book):
    return rates_of_return(book.offsets, book.days / 365, book.amounts)


def test_irregular_loans_agree_with_pyxirr(book, solved):
    dates = book.dates
    theirs = np.array(
        [pyxirr.xirr(dates[a:b], book.amounts[a:b]) for a, b in pairwise(book.offsets.tolist())], dtype=np.float64
    )
    assert (solved.reason == Reason.SOLVED).all()
    assert np.isfinite(theirs).all()
    apart = np.abs(solved.rate - theirs) / np.maximum(1, np.abs(theirs))
    assert apart.max() < 1e-9
    furthest = np.argsort(-apart)[:20]  # where the two differ most, more digits say that it is not by our error
    exact = refined(book, solved.rate, furthest)
    assert (np.abs(solved.rate[furthest] - exact) < np.abs(theirs[furthest] - exact)).all()


def test_twelve_digits_are_right(book, solved):
    chosen = np.arange(0, 100_000, 61)
    exact = refined(book, solved.rate, chosen)
    assert np.max(np.abs(solved.rate[chosen] - exact) / np.abs(exact)) < 1e-12


def test_the_rates_are_the_ones_that_the_book_was_made_with(book, solved):
    small = np.abs(solved.rate / book.rates - 1)
    assert np.median(small) < 1e-4
    assert np.quantile(small, 0.99) < 1e-2


def test_equal_instalments_agree_with_numpy_financial():
    terms = level(2000, seed=4)
    advance, instalment, number = terms["advance"], terms["instalment"], np.minimum(terms["number"], 120)
    rates = instalment_rates(advance, instalment * 1.2, number).rate
    worth = numpy_financial.pv(rates, number, -instalment * 1.2)
    sure = rates > 1e-6
    assert sure.mean() > 0.5
    assert worth[sure] == pytest.approx(advance[sure], rel=1e-9)
    some = np.flatnonzero(sure)[:300]
    theirs = np.array(
        [
            numpy_financial.rate(number[k], -1.2 * instalment[k], advance[k], 0, guess=0.02, tol=1e-13, maxiter=500)
            for k in some
        ]
    )
    known = theirs > -1  # Newton's method there also ends below −100 %, or nowhere
    assert known.mean() > 0.5
    assert np.abs(rates[some] - theirs)[known].max() < 1e-9


@pytest.mark.parametrize("number", [1, 2, 12, 60])
def test_regular_flows_agree_with_the_polynomial(number):
    draw = np.random.default_rng(number)
    for _ in range(60):
        amounts = np.array([1000.0, *(-np.round(draw.uniform(1000, 1800, number) / number, 2))])
        rates = rates_of_return([0, number + 1], np.arange(number + 1), amounts)
        assert rates.rate[0] == pytest.approx(numpy_financial.irr(amounts), abs=1e-9)


def test_odd_first_periods_price_to_the_advance():
    terms = level(20_000, seed=8)
    rates = instalment_rates(**terms).rate
    force = np.log1p(rates)
    factor = -np.expm1(-terms["number"] * force) / rates
    odd = (1 + terms["first_fraction"] * rates) * (1 + rates) ** (terms["first_whole"] - 1)
    assert terms["instalment"] * factor / odd == pytest.approx(terms["advance"], rel=1e-11)


@pytest.mark.parametrize(
    ("number", "rate"), [(1, 0.3), (12, 0.0109), (36, 0.25), (360, 0.003), (600, 0.02), (24, -0.01)]
)
def test_twelve_digits_of_equal_instalments_are_right(number, rate):
    advance, instalment = 1000.0, round(1000 * rate / -np.expm1(-number * np.log1p(rate)), 2)
    times = np.arange(1, number + 1, dtype=LONG)
    force = np.log1p(LONG(rate))
    for _ in range(20):
        terms = np.exp(-force * times)
        force += (LONG(instalment) * terms.sum() - LONG(advance)) / (LONG(instalment) * (terms * times).sum())
    exact = np.expm1(force)
    assert abs(instalment_rates(advance, instalment, number).rate - exact) / abs(exact) < 1e-12
    flows = rates_of_return([0, number + 1], np.arange(number + 1), [advance, *[-instalment] * number])
    assert abs(flows.rate[0] - exact) / abs(exact) < 1e-12

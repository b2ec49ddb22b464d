"""Sensitivity to an omitted variable, against published figures and confounders built and put into the regression.

Tolerances. Published figures: half of the last printed digit, widened by what the printed inputs allow.
Built confounders make the identities exact, so 1e-9 only leaves room for the rounding of least squares on
some 200 rows. Searches over a grid are compared to one step of the grid.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from audits.statistics.least_squares import fit_least_squares
from audits.statistics.omitted_variable import (
    OmissionCaveat,
    adjust_estimate,
    benchmark_bound,
    partial_r_squared,
    robustness,
)

RELATIVE = 1e-9
DARFUR = (0.09732, 0.02326, 783)


def test_darfur_robustness_is_the_published_one():
    """Cinelli & Hazlett (2020), table 1: t 4.18, R²(Y~D|X) 2.2 %, RV 13.9 %, RV at 5 % 7.6 %."""
    found = robustness(*DARFUR)
    assert float(found.t) == pytest.approx(4.18, abs=0.005)
    assert 100 * float(found.partial_r_squared) == pytest.approx(2.2, abs=0.05)
    assert 100 * float(found.robustness_value) == pytest.approx(13.9, abs=0.05)
    assert 100 * float(found.robustness_value_significant) == pytest.approx(7.6, abs=0.05)


def test_darfur_adjusted_for_one_two_and_three_times_the_benchmark_is_the_published_one():
    """The benchmark 'female' of the same example; the shares are printed to four digits."""
    found = adjust_estimate(*DARFUR, [0.0092, 0.0183, 0.0275], [0.1246, 0.2493, 0.3741])
    np.testing.assert_allclose(found.estimate, [0.0752, 0.0529, 0.0304], atol=2e-4)
    np.testing.assert_allclose(found.standard_error, [0.0219, 0.0204, 0.0187], atol=6e-5)
    np.testing.assert_allclose(found.low, [0.0323, 0.0130, -0.0063], atol=3e-4)
    np.testing.assert_allclose(found.high, [0.1182, 0.0929, 0.0670], atol=3e-4)


def regression(columns: np.ndarray, y: np.ndarray, at: int) -> tuple[float, float, int]:
    """Coefficient, classical error and degrees of freedom by numpy."""
    coefficients = np.linalg.lstsq(columns, y, rcond=None)[0]
    df = len(y) - columns.shape[1]
    left = y - columns @ coefficients
    return coefficients[at], np.sqrt(left @ left / df * np.linalg.inv(columns.T @ columns)[at, at]), df


def residual(y: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]


def explained(y: np.ndarray, z: np.ndarray, columns: np.ndarray) -> float:
    """R²(y ~ z | columns), by two regressions."""
    before, after = residual(y, columns), residual(y, np.column_stack([columns, z]))
    return 1 - (after @ after) / (before @ before)


def some_data(seed: int, size: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = np.column_stack([np.ones(size), draw.normal(size=(size, 3))])
    d = x @ draw.normal(size=4) + draw.normal(size=size)
    return x, d, 0.3 * d + x @ draw.normal(size=4) + draw.normal(size=size)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    treated=st.floats(0.0, 0.9),
    outcome=st.floats(0.0, 0.95),
    harm=st.sampled_from([1.0, -1.0]),
)
def test_adjusted_figures_equal_the_regression_with_the_confounder_built_and_put_in(seed, treated, outcome, harm):
    x, d, y = some_data(seed)
    base = np.column_stack([x, d])
    estimate, error, df = regression(base, y, 4)
    along_d, along_y = residual(d, x), residual(y, base)
    free = residual(np.random.default_rng(seed + 1).normal(size=len(y)), np.column_stack([base, y]))
    units = [v / np.linalg.norm(v) for v in (along_d, along_y, free)]
    weights = [np.sqrt(treated), harm * np.sign(estimate) * np.sqrt((1 - treated) * outcome)]
    z = sum(w * u for w, u in zip([*weights, np.sqrt((1 - treated) * (1 - outcome))], units, strict=True))
    assert explained(d, z, x) == pytest.approx(treated, abs=1e-9)
    assert explained(y, z, base) == pytest.approx(outcome, abs=1e-9)
    wanted, wanted_error, wanted_df = regression(np.column_stack([base, z]), y, 4)
    found = adjust_estimate(estimate, error, df, treated, outcome, towards_zero=harm > 0)
    assert float(found.estimate) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert float(found.standard_error) == pytest.approx(wanted_error, rel=1e-8)
    reach = student.ppf(0.975, wanted_df) * wanted_error
    assert float(found.high) == pytest.approx(wanted + reach, rel=1e-8, abs=1e-8)


def worst_t(f: float, df: int, r: float, q: float) -> float:
    """Oracle: the least t about (1 − q) times the estimate over all confounders with both shares up to r."""
    outcome = np.linspace(0.0, r, 400)[None, :]
    treated = np.linspace(0.0, min(r, 1 - 1e-9), 400)[:, None]
    found = adjust_estimate(f * np.sqrt(df), 1.0, df, treated, np.minimum(outcome, 1 - 1e-9))
    return float(((found.estimate - (1 - q) * f * np.sqrt(df)) / found.standard_error).min())


@pytest.mark.parametrize("q", [0.5, 1.0])
@pytest.mark.parametrize(("t", "df"), [(2.5, 30), (4.18, 783), (12.0, 50), (40.0, 8), (9.0, 3), (3.0, 20_000)])
def test_at_the_robustness_value_the_worst_confounder_just_reaches_the_limit(t, df, q):
    found = robustness(t, 1.0, df, q=q)
    f, critical = t / np.sqrt(df), student.ppf(0.975, df - 1)
    value, significant = float(found.robustness_value), float(found.robustness_value_significant)
    moved = adjust_estimate(t, 1.0, df, value, value)
    assert float(moved.estimate) == pytest.approx((1 - q) * t, abs=1e-9 * t)
    assert 0 <= significant < value < 1
    if significant > 0:
        assert worst_t(f, df, 0.99 * significant, q) > critical
    assert worst_t(f, df, 1.01 * significant, q) < critical


def test_the_two_forms_of_the_significant_value_meet_where_they_should():
    """A wrong variant, the common form used everywhere, is caught where few degrees of freedom are left."""
    t, df = 40.0, 8
    f, star = t / np.sqrt(df), student.ppf(0.975, df - 1) / np.sqrt(df - 1)
    common = (np.sqrt((f - star) ** 4 + 4 * (f - star) ** 2) - (f - star) ** 2) / 2
    assert worst_t(f, df, common, 1.0) < student.ppf(0.975, df - 1) * 0.9
    turn = 1 / star * np.sqrt(df)
    near = robustness([turn * (1 - 1e-9), turn * (1 + 1e-9)], 1.0, df).robustness_value_significant
    assert near[0] == pytest.approx(near[1], abs=1e-8)


def test_an_estimate_without_significance_has_the_value_0_there():
    found = robustness([0.0, 1.0, 1.9], 1.0, 100)
    assert (found.robustness_value_significant == 0).all()
    assert float(found.robustness_value[0]) == 0
    assert (found.robustness_value[1:] > 0).all()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_confounder_as_strong_as_its_benchmark_stays_within_the_bound(seed):
    """Any Z unrelated to X_j given the rest: its share of D is as stated and its share of Y at most the bound."""
    draw = np.random.default_rng(seed)
    size = 120
    rest = np.column_stack([np.ones(size), draw.normal(size=(size, 2))])
    xj = residual(draw.normal(size=size), rest)
    z = residual(draw.normal(size=size), np.column_stack([rest, xj]))
    d = xj * draw.normal() + 0.5 * z * draw.normal() + draw.normal(size=size) + rest @ draw.normal(size=3)
    y = 0.4 * d + xj * draw.normal() + 0.5 * z * draw.normal() + draw.normal(size=size)
    x, short = np.column_stack([rest, xj]), np.column_stack([rest, d])
    strength_d = explained(d, z, rest) / explained(d, xj, rest)
    strength_y = explained(y, z, short) / explained(y, xj, short)
    found = benchmark_bound(explained(d, xj, rest), explained(y, xj, short), k_d=strength_d, k_y=strength_y)
    if found.caveat == OmissionCaveat.BEYOND_TREATMENT:
        pytest.fail("this confounder exists")
    assert float(found.r_squared_treatment) == pytest.approx(explained(d, z, x), rel=1e-8)
    actual = explained(y, z, np.column_stack([x, d]))
    assert actual <= float(found.r_squared_outcome) + 1e-9


def test_the_bound_on_the_outcome_is_attained_when_the_confounder_works_with_the_benchmark():
    """Z and X_j push D the same way and Y opposite ways, or the reverse: one of the two meets the bound."""
    draw = np.random.default_rng(3)
    frame = np.linalg.qr(np.column_stack([np.ones(60), draw.normal(size=(60, 4))]))[0]
    one, xj, z, noise_d, noise_y = frame.T
    d = 0.6 * xj + 0.4 * z + noise_d
    met = []
    for sign in (1.0, -1.0):
        y = 0.5 * d + 0.7 * xj + sign * 0.5 * z + noise_y
        rest, short, x = one[:, None], np.column_stack([one, d]), np.column_stack([one, xj])
        k_d = explained(d, z, rest) / explained(d, xj, rest)
        k_y = explained(y, z, short) / explained(y, xj, short)
        bound = benchmark_bound(explained(d, xj, rest), explained(y, xj, short), k_d=k_d, k_y=k_y)
        met.append(explained(y, z, np.column_stack([x, d])) / float(bound.r_squared_outcome))
    assert max(met) == pytest.approx(1.0, abs=1e-9)


def test_partial_r_squared_of_a_fit_equals_two_regressions():
    x, d, y = some_data(4)
    z = np.column_stack([x, d])
    fit = fit_least_squares(z, np.ones(200), y, y**2)
    assert partial_r_squared(fit, [4]) == pytest.approx(explained(y, d, x), rel=RELATIVE)
    assert partial_r_squared(fit, [1, 2]) == pytest.approx(explained(y, x[:, 1:3], z[:, [0, 3, 4]]), rel=RELATIVE)
    with pytest.raises(ValueError, match="column 5: found no classical error"):
        partial_r_squared(fit_least_squares(np.column_stack([z, d]), np.ones(200), y, y**2), [5])
    with pytest.raises(ValueError, match="columns: found none"):
        partial_r_squared(fit, [])


def test_missing_estimates_and_too_few_degrees_carry_their_reason():
    found = robustness([np.nan, 1.0, 1.0], [1.0, 1.0, np.nan], [10, 1, 10])
    wanted = [OmissionCaveat.NO_ESTIMATE, OmissionCaveat.NO_DEGREES, OmissionCaveat.NO_ESTIMATE]
    assert found.caveat.tolist() == wanted
    for name in ("t", "partial_r_squared", "robustness_value", "robustness_value_significant"):
        assert np.isnan(getattr(found, name)).all()
    moved = adjust_estimate([np.nan, 1.0], 1.0, [10, 1], 0.1, 0.1)
    assert np.isnan(moved.estimate).all()
    assert (moved.caveat > 0).all()
    assert all(OmissionCaveat(int(code)).reason for code in found.caveat)


def test_an_impossible_benchmark_is_missing_and_a_bound_above_1_is_capped():
    found = benchmark_bound([0.4, 0.3], [0.1, 0.6], k_d=[3.0, 1.0])
    assert found.caveat.tolist() == [OmissionCaveat.BEYOND_TREATMENT, OmissionCaveat.CAPPED]
    assert np.isnan([found.r_squared_treatment[0], found.r_squared_outcome[0]]).all()
    assert found.r_squared_outcome[1] == 1.0


def test_an_enormous_t_keeps_its_digits():
    """RV = 1 − 1/f² + O(f⁻⁴) for large f."""
    f = 1e7
    assert 1 - float(robustness(f * 10, 1.0, 100).robustness_value) == pytest.approx(1 / f**2, rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: robustness(1.0, 0.0, 10), "standard_error: found 0, expected errors above 0"),
        (lambda: robustness(1.0, 1.0, 10, q=0.0), "q: found 0, expected a share above 0"),
        (lambda: robustness(1.0, 1.0, 10, alpha=0.0), "alpha: found 0"),
        (lambda: adjust_estimate(1.0, 1.0, 10, 1.0, 0.1), "r_squared_treatment: found 1"),
        (lambda: adjust_estimate(1.0, 1.0, 10, 0.1, 1.1), "r_squared_outcome: found 1.1"),
        (lambda: adjust_estimate(1.0, 1.0, 10, 0.1, 0.1, level=1.0), "level: found 1"),
        (lambda: benchmark_bound(0.1, 0.1, k_d=-1.0), "k_d, k_y: found -1"),
    ],
)
def test_bad_input_says_what_was_found_and_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_confounder_that_explains_all_leaves_no_error_and_says_so():
    found = adjust_estimate(0.0, 0.1, 50, 0.1, 1.0)
    assert np.isnan([found.standard_error, found.t, found.low, found.high]).all()
    assert OmissionCaveat(int(found.caveat)).reason

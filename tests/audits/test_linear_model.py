"""Least squares from moments within groups, against statsmodels on rows.

Tolerance: both sides solve the same normal equations in double precision on well scaled
columns, so 1e-9 relative leaves three digits for the condition number.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from audits.statistics.linear_model import GroupedMoments, fit_group_effects

RELATIVE = 1e-9


def moments_of(label, y, u, reference, effects=None):
    """Moments computed by brute force on rows."""
    labels = tuple(sorted(set(label)))
    z = np.column_stack([np.ones(len(y)), u])
    parts = [z[label == name] for name in labels]
    values = [y[label == name] for name in labels]
    residuals = None if effects is None else [effects[label == name] for name in labels]
    return GroupedMoments(
        labels=labels,
        reference=reference,
        controls=tuple(f"u{j}" for j in range(u.shape[1])),
        counts=np.array([len(part) for part in parts], float),
        favourable=np.array([value.sum() for value in values], float),
        cross=np.array([part.T @ part for part in parts]),
        response=np.array([value @ part for value, part in zip(values, parts, strict=True)]),
        meat=np.array([(part * r[:, None] ** 2).T @ part for part, r in zip(parts, residuals, strict=True)])
        if residuals
        else np.array([]),
    )


@pytest.mark.parametrize(("seed", "groups", "controls"), [(1, 2, 0), (2, 2, 3), (3, 4, 6)])
def test_coefficients_and_both_errors_equal_statsmodels_on_rows(seed, groups, controls):
    rng = np.random.default_rng(seed)
    label = np.array([f"g{i}" for i in rng.integers(0, groups, 800)])
    u = rng.uniform(-1, 1, (800, controls))
    y = (rng.uniform(size=800) < 0.5 + 0.3 * (label == "g0") * 0.5 + 0.1 * u.sum(axis=1)).astype(float)
    others = sorted(set(label) - {"g0"})
    design = np.column_stack([np.ones(800), u, *[(label == name).astype(float) for name in others]])
    oracle = sm.OLS(y, design)
    fit = fit_group_effects(moments_of(label, y, u, "g0", oracle.fit().resid))
    k = controls + 1
    np.testing.assert_allclose(fit.group_coefficients, oracle.fit().params[k:], rtol=RELATIVE)
    np.testing.assert_allclose(fit.classical_errors, oracle.fit().bse[k:], rtol=RELATIVE)
    np.testing.assert_allclose(fit.robust_errors, oracle.fit(cov_type="HC1").bse[k:], rtol=RELATIVE)
    assert (fit.n, fit.k) == (800, k + len(others))


def test_a_control_that_repeats_another_is_dropped_and_changes_nothing():
    rng = np.random.default_rng(4)
    label = np.where(rng.uniform(size=300) < 0.3, "a", "b")
    u = rng.uniform(-1, 1, (300, 2))
    y = (rng.uniform(size=300) < 0.5).astype(float)
    alone = fit_group_effects(moments_of(label, y, u, "b"))
    doubled = fit_group_effects(moments_of(label, y, np.column_stack([u, 2 * u[:, 0] - u[:, 1]]), "b"))
    assert doubled.dropped == ("u2",)
    np.testing.assert_allclose(doubled.group_coefficients, alone.group_coefficients, rtol=1e-7)


def test_a_control_that_equals_the_group_leaves_no_effect_to_report():
    rng = np.random.default_rng(5)
    label = np.where(rng.uniform(size=300) < 0.3, "a", "b")
    y = (rng.uniform(size=300) < 0.5).astype(float)
    fit = fit_group_effects(moments_of(label, y, np.where(label == "a", 1.0, -1.0)[:, None], "b", y))
    assert fit.aliased == ("a",)
    assert np.isnan(fit.robust_errors[0])


def test_no_more_rows_than_columns_gives_no_error_instead_of_zero():
    label = np.array(["a", "b", "b"])
    fit = fit_group_effects(moments_of(label, np.array([1.0, 0, 1]), np.array([[0.1], [0.5], [-1]]), "b", np.ones(3)))
    assert np.isnan(fit.robust_errors).all()


def test_an_absent_reference_is_refused():
    with pytest.raises(ValueError, match="reference 'x'"):
        fit_group_effects(moments_of(np.array(["a", "b"]), np.ones(2), np.zeros((2, 0)), "x"))

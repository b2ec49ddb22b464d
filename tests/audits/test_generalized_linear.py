"""Logit and Poisson from cells, against statsmodels and pyfixest on the rows the cells were made from.

Tolerance. RELATIVE = 1e-9 is the bar on coefficients and errors. Statsmodels is asked to iterate to 1e-14. Pyfixest
takes its weights from the step before the last, which moves its errors by up to about 1e-8 however small its
tolerance is set, so its errors are compared at 1e-7 and the same factor is applied to statsmodels' HC0 at 1e-9.
INVARIANT = 1e-12 holds where the same sums are only presented otherwise.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import expit

from audits.statistics.generalized_linear import Exposure, GeneralizedLinearFit, fit_logit, fit_poisson
from audits.statistics.marginal_effects import average_contrast, average_effects
from audits.statistics.pseudo_likelihood import mean_and_slopes
from audits.statistics.sandwich import Caveat
from audits.statistics.separation import separated_cells

RELATIVE, INVARIANT = 1e-9, 1e-12
KINDS = ("classical", "hc0", "hc1", "cr1")


def rows_of(seed: int, size: int = 3000) -> pd.DataFrame:
    """Rows with 0/1 outcome b, amounts p ≥ 0 under exposure e, a share s, and clusters."""
    draw = np.random.default_rng(seed)
    d = pd.DataFrame({"one": 1.0, "x": draw.integers(0, 6, size) * 1.0, "g": draw.integers(0, 2, size) * 1.0})
    d["h"] = draw.integers(0, 3, size)
    d["h1"], d["h2"] = (d["h"] == 1) * 1.0, (d["h"] == 2) * 1.0
    d["cl"], d["e"] = draw.integers(0, 25, size), draw.integers(1, 5, size) * 0.5
    score = -0.5 + 0.3 * d["x"] - 0.4 * d["g"] + 0.5 * d["h1"]
    d["b"] = (draw.random(size) < expit(score)) * 1.0
    d["p"] = draw.poisson(d["e"] * np.exp(0.3 * score)) * draw.integers(1, 3, size) * 0.7
    d["s"] = draw.beta(2, 2, size)
    return d


def cells_of(rows: pd.DataFrame, outcome: str, *by: str) -> pd.DataFrame:
    """Sums by the columns named."""
    y, e = rows[outcome], rows["e"]
    sums = rows.assign(n=1.0, total=y, square=y**2, exposed=e, exposed2=e**2, product=e * y)
    names = ["n", "total", "square", "exposed", "exposed2", "product"]
    return sums.groupby(list(by), as_index=False, sort=False)[names].sum()


def design_of(table: pd.DataFrame, *names: str) -> np.ndarray:
    return np.column_stack([np.ones(len(table)), *(table[name] for name in names)])


def close(found, wanted, tolerance: float = RELATIVE) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=tolerance, atol=0)


def equals_statsmodels(found: GeneralizedLinearFit, model, rows: pd.DataFrame, **how) -> None:
    """Statsmodels' 'HC1' carries no factor for these models, so HC1 is its HC0 times √(n / (n − k))."""
    plain = model.fit(**how)
    close(found.coefficients, plain.params)
    close(found.classical.errors, plain.bse)
    white = model.fit(cov_type="HC0", **how)
    close(found.hc0.errors, white.bse)
    close(found.hc0.matrix, white.cov_params(), 10 * RELATIVE)  # off-diagonal terms nearly cancel
    close(found.hc1.errors, white.bse * np.sqrt(found.n / (found.n - found.k)))
    if found.cr1.clusters:
        close(found.cr1.errors, model.fit(cov_type="cluster", cov_kwds={"groups": rows["cl"]}, **how).bse)
    assert found.score < 1e-12


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_logit_cells_equal_statsmodels_rows(seed):
    rows = rows_of(seed)
    cells = cells_of(rows, "b", "x", "g", "h1", "cl")
    found = fit_logit(design_of(cells, "x", "g", "h1"), cells["n"], cells["total"], clusters=cells["cl"])
    regressors = rows[["one", "x", "g", "h1"]]
    equals_statsmodels(found, sm.Logit(rows["b"], regressors), rows, method="newton", tol=1e-14, disp=0)
    equals_statsmodels(found, sm.GLM(rows["b"], regressors, family=sm.families.Binomial()), rows, tol=1e-14)


def test_logit_of_shares_with_an_offset_equals_statsmodels_rows():
    rows = rows_of(3)
    cells = cells_of(rows, "s", "x", "g", "e", "cl")
    found = fit_logit(
        design_of(cells, "x", "g"),
        cells["n"],
        cells["total"],
        squares=cells["square"],
        offset=cells["e"],
        clusters=cells["cl"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sm.GLM(rows["s"], rows[["one", "x", "g"]], family=sm.families.Binomial(), offset=rows["e"])
        equals_statsmodels(found, model, rows, tol=1e-14)


@pytest.mark.parametrize("seed", [4, 5, 6])
@pytest.mark.parametrize("by_exposure", [True, False])
def test_poisson_cells_equal_statsmodels_rows_whether_exposure_is_within_or_between_cells(seed, by_exposure):
    rows = rows_of(seed)
    cells = cells_of(rows, "p", "x", "g", "cl", *(["e"] if by_exposure else []))
    if by_exposure:
        exposed = {"offset": np.log(cells["e"])}
    else:
        exposed = {"exposure": Exposure(cells["exposed"], cells["exposed2"], cells["product"])}
    z = design_of(cells, "x", "g")
    found = fit_poisson(z, cells["n"], cells["total"], squares=cells["square"], clusters=cells["cl"], **exposed)
    model = sm.Poisson(rows["p"], rows[["one", "x", "g"]], exposure=rows["e"])
    equals_statsmodels(found, model, rows, method="newton", tol=1e-14, disp=0)


def test_poisson_without_squares_has_clustered_errors_and_says_why_no_robust_ones():
    rows = rows_of(7)
    cells = cells_of(rows, "p", "x", "g", "cl")
    z = design_of(cells, "x", "g")
    bare = fit_poisson(z, cells["n"], cells["total"], clusters=cells["cl"])
    full = fit_poisson(z, cells["n"], cells["total"], squares=cells["square"], clusters=cells["cl"])
    close(bare.cr1.errors, full.cr1.errors, INVARIANT)
    assert (bare.hc1.caveat == Caveat.NO_SQUARES).all()
    assert np.isnan(bare.hc1.errors).all()
    assert (full.hc1.caveat == Caveat.NONE).all()


@pytest.mark.parametrize("family", ["logit", "poisson"])
def test_hc1_and_cr1_equal_pyfixest_rows(family):
    rows = rows_of(8)
    rows["offset"] = np.log(rows["e"])
    if family == "logit":
        cells = cells_of(rows, "b", "x", "g", "cl")
        found = fit_logit(design_of(cells, "x", "g"), cells["n"], cells["total"], clusters=cells["cl"])
    else:
        cells = cells_of(rows, "p", "x", "g", "cl", "e")
        found = fit_poisson(
            design_of(cells, "x", "g"),
            cells["n"],
            cells["total"],
            squares=cells["square"],
            offset=np.log(cells["e"]),
            clusters=cells["cl"],
        )
    tight = {"iwls_tol": 1e-14, "iwls_maxiter": 100}
    for kind, vcov in (("hc1", "HC1"), ("cr1", {"CRV1": "cl"})):
        if family == "logit":
            wanted = pf.feglm("b ~ x + g", rows, family="logit", vcov=vcov, **tight)
        else:
            wanted = pf.fepois("p ~ x + g", rows, vcov=vcov, offset="offset", **tight)
        close(found.coefficients, wanted.coef())
        close(getattr(found, kind).errors, wanted.se(), 1e-7)


def same(one: GeneralizedLinearFit, two: GeneralizedLinearFit) -> None:
    np.testing.assert_allclose(one.coefficients, two.coefficients, rtol=INVARIANT, atol=INVARIANT)
    for kind in KINDS:
        close(getattr(one, kind).errors, getattr(two, kind).errors, INVARIANT)
        assert (getattr(one, kind).caveat == getattr(two, kind).caveat).all()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.95), family=st.sampled_from(["logit", "poisson"]))
def test_how_the_same_rows_are_presented_does_not_matter(seed, share, family):
    rows = rows_of(seed, 400)
    outcome = "b" if family == "logit" else "p"
    cells = cells_of(rows, outcome, "x", "g", "cl")
    sums = ["n", "total", "square"]

    def fit(table: pd.DataFrame) -> GeneralizedLinearFit:
        fitter = fit_logit if family == "logit" else fit_poisson
        z = design_of(table, "x", "g")
        return fitter(z, table["n"], table["total"], squares=table["square"], clusters=table["cl"])

    parts = pd.concat([cells.assign(**{c: part * cells[c] for c in sums}) for part in (share, 1 - share)])
    shuffled, renamed = cells.sample(frac=1.0, random_state=seed % 1000), cells.assign(cl="c" + cells["cl"].astype(str))
    by_row = rows.assign(n=1.0, total=rows[outcome], square=rows[outcome] ** 2)
    for other in (shuffled, parts, renamed, by_row):
        same(fit(cells), fit(other))


@pytest.mark.parametrize("family", ["logit", "poisson"])
def test_a_group_without_a_single_event_is_missing_and_the_others_are_as_without_it(family):
    rows = rows_of(9)
    outcome = "b" if family == "logit" else "p"
    rows.loc[rows["h2"] == 1, outcome] = 0.0
    cells = cells_of(rows, outcome, "x", "h1", "h2", "cl")
    fitter = fit_logit if family == "logit" else fit_poisson

    def fit(table: pd.DataFrame, *names: str) -> GeneralizedLinearFit:
        z = design_of(table, *names)
        return fitter(z, table["n"], table["total"], squares=table["square"], clusters=table["cl"])

    found, rest = fit(cells, "x", "h1", "h2"), fit(cells[cells["h2"] == 0], "x", "h1")
    assert found.caveat.tolist() == [0, 0, 0, Caveat.SEPARATED]
    assert np.isnan(found.coefficients[3])
    assert found.n == (rows["h2"] == 0).sum()
    assert (found.separated == (cells["h2"] == 1)).all()
    close(found.coefficients[:3], rest.coefficients, INVARIANT)
    for kind in KINDS:
        close(getattr(found, kind).errors[:3], getattr(rest, kind).errors, INVARIANT)
        assert getattr(found, kind).caveat[3] == Caveat.SEPARATED
        assert np.isnan(getattr(found, kind).errors[3])


def test_when_the_reference_has_no_event_no_comparison_with_it_is_given():
    rows = rows_of(10)
    rows.loc[rows["h"] == 0, "b"] = 1.0
    cells = cells_of(rows, "b", "x", "h1", "h2")
    found = fit_logit(design_of(cells, "x", "h1", "h2"), cells["n"], cells["total"])
    assert found.caveat.tolist() == [Caveat.SEPARATED, 0, Caveat.SEPARATED, Caveat.SEPARATED]
    assert np.isnan(found.coefficients[[0, 2, 3]]).all()
    left = rows[rows["h"] > 0]
    wanted = sm.Logit(left["b"], left[["x", "h1", "h2"]]).fit(disp=0, tol=1e-14).params["x"]
    close(found.coefficients[1], wanted)
    shown = average_effects(found, design_of(cells, "x", "h1", "h2"), cells["n"], [1, 2], factors=[[2, 3]])
    assert (shown.caveat == Caveat.SEPARATED).all()


def test_complete_separation_by_a_continuous_column_is_found():
    x = np.linspace(-1, 1, 40)
    y = (x > 0.1) * 1.0
    found = fit_logit(design_of(pd.DataFrame({"x": x}), "x"), np.ones(40), y)
    assert (found.caveat == Caveat.SEPARATED).all()
    assert np.isnan(found.coefficients).all()
    assert found.separated.all()


def test_quasi_separation_by_a_continuous_column_is_found():
    x = np.array([-2.0, -1.0, 0.0, 0.0, 1.0, 2.0])
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    found = fit_logit(design_of(pd.DataFrame({"x": x}), "x"), np.ones(6), y)
    assert found.caveat.tolist() == [Caveat.NONE, Caveat.SEPARATED]
    assert found.coefficients[0] == pytest.approx(0.0, abs=1e-12)  # the two rows at 0 have one event


def test_a_large_but_finite_estimate_is_given():
    """One row of 100,001 keeps the likelihood bounded: logit 1/50,000 against 50,000/50,001."""
    found = fit_logit([[1.0, 0.0], [1.0, 1.0]], [50_000, 50_001], [1, 50_000])
    wanted = np.log(50_000) - np.log(1 / 49_999)
    assert found.caveat.tolist() == [0, 0]
    close(found.coefficients[1], wanted)
    close(found.classical.errors[1], np.sqrt(1 + 1 / 49_999 + 1 / 50_000 + 1))


def separable_by_search(design: np.ndarray, y: np.ndarray) -> bool:
    """Oracle for two columns: directions at the angles where some row changes sign, and between them."""
    if not len(y):
        return False
    turns = np.sort(np.mod(np.arctan2(-design[:, 0], design[:, 1]), np.pi))
    middles = np.append((turns[1:] + turns[:-1]) / 2, (turns[-1] + turns[0] + np.pi) / 2)
    angles = np.concatenate([turns, turns + np.pi, middles, middles + np.pi])
    values = np.stack([np.cos(angles), np.sin(angles)]).T @ design.T
    values = np.where(np.abs(values) < 1e-9, 0.0, values) * np.where(y == 1, 1.0, -1.0)
    return bool(((values >= 0).all(axis=1) & (values > 0).any(axis=1)).any())


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=3, max_size=9))
def test_separation_is_found_exactly_when_a_search_over_directions_finds_it(points):
    x, y = np.array([p[0] for p in points], dtype=float), np.array([p[1] for p in points], dtype=float)
    if np.ptp(x) == 0:
        return
    design = np.column_stack([np.ones(len(x)), x])
    found = separated_cells(design, y == 0, y == 1)
    assert found.any() == separable_by_search(design, y)
    fit = fit_logit(design, np.ones(len(x)), y)
    assert (fit.caveat == Caveat.NONE).all() == (not found.any())
    assert (fit.separated >= found).all()
    left = ~fit.separated
    assert not separable_by_search(design[left], y[left])


def separable_by_program(design: np.ndarray, y: np.ndarray, family: str) -> bool:
    """Oracle: on rows, push as far as directions within [−1, 1] allow; amounts above 0 must stay where they are."""
    fixed = (y > 0) & (family == "poisson")
    signed = np.where(y > 0, 1.0, -1.0)[:, None] * design
    pushed, still = signed[~fixed], design[fixed]
    solved = linprog(
        -pushed.sum(axis=0),
        A_ub=-pushed,
        b_ub=np.zeros(len(pushed)),
        A_eq=still if len(still) else None,
        b_eq=np.zeros(len(still)) if len(still) else None,
        bounds=[(-1, 1)] * design.shape[1],
    )
    return bool(solved.fun < -1e-6)


@pytest.mark.parametrize("family", ["logit", "poisson"])
def test_several_columns_are_separated_exactly_when_a_program_on_the_rows_says_so(family):
    outcomes = []
    for seed in range(120):
        draw = np.random.default_rng(seed)
        size = int(draw.integers(6, 20))
        design = np.column_stack([np.ones(size), draw.integers(0, 3, size), draw.normal(size=size).round(1)])
        if np.linalg.matrix_rank(design) < 3:
            continue
        y = draw.poisson(0.6, size) * 1.0 if family == "poisson" else (draw.random(size) < 0.4) * 1.0
        fitter = fit_poisson if family == "poisson" else fit_logit
        found = fitter(design, np.ones(size), y)
        wanted = separable_by_program(design, y, family)
        assert found.separated.any() == wanted
        assert (found.caveat == Caveat.SEPARATED).any() == wanted
        assert np.nanmax(np.abs(found.coefficients), initial=0.0) < 100
        outcomes.append(wanted)
    assert 5 < sum(outcomes) < len(outcomes) - 5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_outcome_that_never_varies_has_no_coefficients(value):
    cells = cells_of(rows_of(11), "b", "x", "g", "cl")
    n = cells["n"].to_numpy()
    found = fit_logit(design_of(cells, "x", "g"), n, value * n, clusters=cells["cl"])
    assert (found.caveat == Caveat.SEPARATED).all()
    assert (found.cr1.caveat == Caveat.SEPARATED).all()
    assert found.n == 0
    if value == 0:
        silent = fit_poisson(design_of(cells, "x", "g"), n, 0 * n, squares=0 * n)
        assert (silent.hc1.caveat == Caveat.SEPARATED).all()


def test_no_rows_give_no_figures_but_a_reason():
    for found in (fit_logit(np.empty((0, 2)), [], []), fit_poisson(np.ones((2, 2)), [0, 0], [0, 0], clusters=[1, 2])):
        assert (found.caveat == Caveat.NO_DEGREES).all()
        assert np.isnan(found.coefficients).all()
        assert np.isnan(found.cr1.errors).all()


def test_a_column_that_earlier_ones_reproduce_is_named():
    rows = rows_of(12)
    cells = cells_of(rows, "b", "x", "g")
    z = np.column_stack([design_of(cells, "x", "g"), 3 * cells["x"] - cells["g"]])
    found = fit_logit(z, cells["n"], cells["total"])
    assert found.dropped == (3,)
    assert found.caveat.tolist() == [0, 0, 0, Caveat.ALIASED]
    close(found.coefficients[:3], sm.Logit(rows["b"], rows[["one", "x", "g"]]).fit(disp=0, tol=1e-14).params)


def test_a_poisson_coefficient_known_from_one_row_has_no_robust_error():
    rows = rows_of(13, 300)
    rows["g"] = 0.0
    rows.loc[5, ["g", "p"]] = 1.0
    cells = cells_of(rows, "p", "x", "g", "cl")
    z = design_of(cells, "x", "g")
    found = fit_poisson(z, cells["n"], cells["total"], squares=cells["square"], clusters=cells["cl"])
    assert found.hc1.caveat.tolist() == [0, 0, Caveat.ONE_ROW]
    assert found.cr1.caveat.tolist() == [0, 0, Caveat.ONE_CLUSTER]


def test_cells_without_rows_or_without_exposure_change_nothing():
    rows = rows_of(14)
    cells = cells_of(rows, "p", "x", "g")
    idle = pd.DataFrame([{"x": 77.0, "g": 1.0, "n": 3.0, "total": 0.0, "square": 0.0, "exposed": 0.0}]).fillna(0)

    def fit(table: pd.DataFrame) -> GeneralizedLinearFit:
        z = design_of(table, "x", "g")
        return fit_poisson(z, table["n"], table["total"], exposure=Exposure(table["exposed"]))

    close(fit(pd.concat([cells, idle])).coefficients, fit(cells).coefficients, INVARIANT)


@pytest.mark.parametrize(("factor", "shift"), [(1e-8, 0.0), (1e8, 0.0), (1.0, 1e4)])
def test_units_of_a_column_only_rescale_its_coefficient(factor, shift):
    cells = cells_of(rows_of(15), "b", "x", "g")
    plain = fit_logit(design_of(cells, "x", "g"), cells["n"], cells["total"])
    moved = fit_logit(design_of(cells.assign(x=shift + factor * cells["x"]), "x", "g"), cells["n"], cells["total"])
    close(moved.coefficients[1] * factor, plain.coefficients[1])
    close(moved.hc1.errors[1] * factor, plain.hc1.errors[1])


def test_average_effects_equal_statsmodels_with_every_covariance():
    rows = rows_of(16)
    cells = cells_of(rows, "b", "x", "g", "cl")
    z = design_of(cells, "x", "g")
    found = fit_logit(z, cells["n"], cells["total"], clusters=cells["cl"])
    model = sm.Logit(rows["b"], rows[["one", "x", "g"]])
    cluster = {"cov_type": "cluster", "cov_kwds": {"groups": rows["cl"]}}
    for kind, how in (("classical", {}), ("hc0", {"cov_type": "HC0"}), ("cr1", cluster)):
        wanted = model.fit(disp=0, tol=1e-14, **how).get_margeff(dummy=True)
        shown = average_effects(found, z, cells["n"], [1, 2], factors=[[2]], covariance=kind)
        close(shown.effects, wanted.margeff)
        close(shown.errors, wanted.margeff_se)


def test_average_incidence_effects_equal_statsmodels():
    rows = rows_of(17)
    cells = cells_of(rows, "p", "x", "g")
    z = design_of(cells, "x", "g")
    found = fit_poisson(z, cells["n"], cells["total"], squares=cells["square"])
    wanted = sm.Poisson(rows["p"], rows[["one", "x", "g"]]).fit(disp=0, tol=1e-14, cov_type="HC0")
    shown = average_effects(found, z, cells["n"], [1, 2], factors=[[2]], covariance="hc0")
    close(shown.effects, wanted.get_margeff(dummy=True).margeff)
    close(shown.errors, wanted.get_margeff(dummy=True).margeff_se)


def numeric_delta(fit: GeneralizedLinearFit, value) -> tuple[float, float]:
    """Oracle: the effect, and its error from central differences in the coefficients."""
    base, step = fit.coefficients, 1e-5
    slopes = [(value(base + step * e) - value(base - step * e)) / (2 * step) for e in np.eye(len(base))]
    return value(base), float(np.sqrt(np.array(slopes) @ fit.hc1.matrix @ np.array(slopes)))


def test_a_level_is_compared_with_all_other_levels_of_its_factor_switched_off():
    """By hand on rows: everybody in level 2 against everybody in the reference."""
    rows = rows_of(18)
    cells = cells_of(rows, "b", "x", "h1", "h2")
    z = design_of(cells, "x", "h1", "h2")
    found = fit_logit(z, cells["n"], cells["total"])

    def value(b: np.ndarray) -> float:
        return float(np.mean(expit(b[0] + b[1] * rows["x"] + b[3]) - expit(b[0] + b[1] * rows["x"])))

    effect, error = numeric_delta(found, value)
    shown = average_effects(found, z, cells["n"], [3], factors=[[2, 3]])
    close(shown.effects, [effect])
    assert shown.errors[0] == pytest.approx(error, rel=1e-7)  # central differences are good to 1e-10 / 1e-5 · β
    lone = average_effects(found, z, cells["n"], [3], factors=[[3]])
    assert abs(lone.effects[0] / effect - 1) > 1e-3, "leaving level 1 on in both worlds is another question"


def test_a_contrast_with_an_interaction_equals_the_rows():
    rows = rows_of(19)
    cells = cells_of(rows, "p", "x", "g")
    z = np.column_stack([design_of(cells, "x", "g"), cells["x"] * cells["g"]])
    found = fit_poisson(z, cells["n"], cells["total"], squares=cells["square"])
    on, off = z.copy(), z.copy()
    on[:, 2], on[:, 3], off[:, 2:] = 1.0, cells["x"], 0.0

    def value(b: np.ndarray) -> float:
        x = rows["x"]
        return float(np.mean(np.exp(b[0] + b[2] + (b[1] + b[3]) * x) - np.exp(b[0] + b[1] * x)))

    effect, error = numeric_delta(found, value)
    shown = average_contrast(found, on, off, cells["n"])
    close(shown.effects, [effect])
    assert shown.errors[0] == pytest.approx(error, rel=1e-6)


def test_effects_with_a_separated_level_count_its_rows_where_they_are_known():
    """Level 2 is all approved. The effect of x on it is 0; level 1 against 0 is known for its rows too."""
    rows = rows_of(20)
    rows.loc[rows["h2"] == 1, "b"] = 1.0
    cells = cells_of(rows, "b", "x", "h1", "h2")
    z = design_of(cells, "x", "h1", "h2")
    found = fit_logit(z, cells["n"], cells["total"])
    b, x, live = found.coefficients, rows["x"], rows["h2"] == 0
    shown = average_effects(found, z, cells["n"], [1, 2, 3], factors=[[2, 3]])
    slope = mean_and_slopes("logit", (b[0] + b[1] * x + b[2] * rows["h1"]).to_numpy())[1]
    close(shown.effects[0], b[1] * (slope * live).sum() / len(rows))
    close(shown.effects[1], np.mean(expit(b[0] + b[1] * x + b[2]) - expit(b[0] + b[1] * x)))
    assert shown.caveat.tolist() == [0, 0, Caveat.SEPARATED]
    assert np.isnan([shown.effects[2], shown.errors[2]]).all()


def test_an_effect_without_an_error_of_its_coefficient_says_so():
    rows = rows_of(21)
    cells = cells_of(rows, "p", "x", "g")
    z = design_of(cells, "x", "g")
    found = fit_poisson(z, cells["n"], cells["total"])
    shown = average_effects(found, z, cells["n"], [2], factors=[[2]])
    assert np.isfinite(shown.effects).all()
    assert np.isnan(shown.errors).all()
    assert (shown.error_caveat == Caveat.NO_SQUARES).all()


def test_wrong_squares_are_caught_by_the_oracle():
    """A wrong variant: the variance of a Poisson count in place of the residuals' own squares."""
    rows = rows_of(22)
    cells = cells_of(rows, "p", "x", "g")
    z = design_of(cells, "x", "g")
    wrong = cells["total"] + cells["total"] ** 2 / cells["n"]
    found = fit_poisson(z, cells["n"], cells["total"], squares=np.maximum(wrong, cells["total"] ** 2 / cells["n"]))
    wanted = sm.Poisson(rows["p"], rows[["one", "x", "g"]]).fit(disp=0, tol=1e-14, cov_type="HC0").bse
    assert (np.abs(found.hc0.errors / wanted - 1) > 1e-3).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_logit([[1.0]], [2], [3]), "cell 0: found Σy = 3 in 2 rows"),
        (lambda: fit_logit([[1.0]], [2], [-1]), "cell 0: found Σy = -1 in 2 rows"),
        (lambda: fit_poisson([[1.0]], [2], [-1]), "totals: found -1, expected 0 or more"),
        (lambda: fit_poisson([[1.0]], [2], [1], exposure=Exposure([0.0])), "cell 0: found exposure 0 with Σy = 1"),
        (lambda: fit_poisson([[1.0]], [2], [2], squares=[1.0]), "cell 0: found Σy² = 1, expected at least"),
        (lambda: fit_logit([[np.nan]], [2], [1]), "design: found nan"),
        (lambda: fit_logit([[1.0]], [2], [1], clusters=[None]), "clusters: found a missing value in row 0"),
    ],
)
def test_bad_input_says_what_was_found_and_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_requests_for_effects_say_what_was_found_and_expected():
    found = fit_logit([[1.0, 0.0], [1.0, 2.0]], [5, 5], [2, 3])
    z = np.array([[1.0, 0.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match="column 1: found 2, expected 0 or 1"):
        average_effects(found, z, [5, 5], [1], factors=[[1]])
    with pytest.raises(ValueError, match=r"design: found shape \(1, 2\), expected \(2, 2\) as fitted"):
        average_effects(found, z[:1], [5], [1])
    with pytest.raises(ValueError, match="covariance: found 'HC3', expected one of classical"):
        average_effects(found, z, [5, 5], [1], covariance="HC3")
    with pytest.raises(ValueError, match="exposure: found one for a logit"):
        average_effects(found, z, [5, 5], [1], exposure=[1.0, 1.0])


@pytest.mark.parametrize("fit", [fit_logit, fit_poisson])
@pytest.mark.parametrize("scales", [(1e-8, 1e8), (1e8, 1e-8), (1e-4, 1e12), (3.7e10, 2.1e-9)])
def test_units_of_columns_change_no_error(fit, scales):
    # multiplying a column divides its coefficient and error; 1e-9 relative is the bar for every figure
    rng = np.random.default_rng(5)
    z = np.column_stack([np.ones(4000), rng.normal(0.3, 1, 4000), rng.integers(0, 2, 4000), rng.normal(0, 1, 4000)])
    y = (rng.random(4000) < 0.3 + 0.1 * z[:, 2]).astype(float)
    group = np.arange(4000) % 37
    units = np.array([1.0, scales[0], 1.0, scales[1]])
    plain = fit(z, np.ones(4000), y, squares=y, clusters=group)
    other = fit(z * units, np.ones(4000), y, squares=y, clusters=group)
    np.testing.assert_allclose(other.coefficients * units, plain.coefficients, rtol=1e-9)
    for name in ("classical", "hc0", "hc1", "cr1"):
        ours, theirs = getattr(other, name), getattr(plain, name)
        np.testing.assert_allclose(ours.errors * units, theirs.errors, rtol=1e-9)
        np.testing.assert_allclose(ours.matrix * np.outer(units, units), theirs.matrix, rtol=1e-9, atol=1e-18)
        effects = [
            average_effects(one, design, np.ones(4000), (1, 2), factors=[(2,)], covariance=name)
            for one, design in ((plain, z), (other, z * units))
        ]
        np.testing.assert_allclose(effects[1].errors * units[1:3], effects[0].errors, rtol=1e-9)


def test_amounts_squared_beside_rates_have_the_errors_of_statsmodels():
    rng = np.random.default_rng(3)
    amount, rate = rng.choice([5e4, 1e5, 2.5e5, 4e5, 8e5], 5000), rng.choice([0.03, 0.05, 0.07, 0.045], 5000)
    y = (rng.random(5000) < 0.3).astype(float)
    z = np.column_stack([np.ones(5000), rate, rate**2, amount**2])
    units = np.abs(z).max(axis=0)
    fit = fit_logit(z, np.ones(5000), y)
    oracle = sm.Logit(y, z / units).fit(disp=0, tol=1e-12, maxiter=100)
    np.testing.assert_allclose(
        fit.classical.errors, oracle.bse / units, rtol=1e-7
    )  # rate and its square: condition 1e3

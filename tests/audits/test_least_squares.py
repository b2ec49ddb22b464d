"""Least squares from cells, against statsmodels and pyfixest on the rows the cells were made from.

Tolerance. RELATIVE = 1e-9 is the bar for coefficients and errors against another library on the rows;
two ways of adding up the same numbers differ by some 1e-15 per operation, and demeaning in pyfixest is asked
to stop at 1e-14. INVARIANT = 1e-12 holds where the same sums are only presented otherwise.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.statistics.absorption import absorb, encode
from audits.statistics.least_squares import LeastSquaresFit, fit_least_squares
from audits.statistics.sandwich import Caveat

RELATIVE, INVARIANT = 1e-9, 1e-12
KINDS = ("classical", "hc0", "hc1", "cr1")


@dataclass
class Table:
    """Rows collapsed to cells, with the columns a fit takes."""

    cells: pd.DataFrame
    columns: list[str]

    def fit(self, *, constant: bool = True, clusters: str | None = None, absorbed: tuple[str, ...] = (), w=None):
        c = self.cells
        ones = [np.ones(len(c))] if constant else []
        return fit_least_squares(
            np.column_stack([*ones, *(c[name] for name in self.columns)]),
            c["n"],
            c["total"],
            c["square"],
            weights=None if w is None else c[w],
            clusters=None if clusters is None else c[clusters],
            absorb_factors=[c[name] for name in absorbed],
        )


def rows_of(seed: int, size: int = 3000, *, binary: bool = False) -> pd.DataFrame:
    """Rows with a group, a count, two factors, a cluster that nests factor f3, and uneven spread."""
    draw = np.random.default_rng(seed)
    d = pd.DataFrame({"x": draw.integers(0, 6, size) * 1.0, "g": draw.integers(0, 2, size) * 1.0})
    d["f1"], d["f2"], d["cl"] = draw.integers(0, 9, size), draw.integers(0, 7, size), draw.integers(0, 25, size)
    d["f3"], d["w"] = d["cl"] // 3, 0.25 + 0.5 * d["f1"]
    signal = 0.4 + 0.05 * d["x"] - 0.1 * d["g"] + 0.02 * d["f1"]
    noisy = 3.0 * signal + draw.normal(size=size) * (1 + d["x"])
    d["y"] = (draw.random(size) < signal / 1.5).astype(float) if binary else noisy
    return d


def collapsed(rows: pd.DataFrame, *by: str) -> Table:
    """Σ 1, Σ y and Σ y² by the columns named, in the order of first appearance."""
    parts = rows.assign(n=1.0, total=rows["y"], square=rows["y"] ** 2)
    cells = parts.groupby(list(by), as_index=False, sort=False)[["n", "total", "square"]].sum()
    return Table(cells, [name for name in by if name in ("x", "g", "other")])


def feols(formula: str, rows: pd.DataFrame, vcov, **kinds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pf.feols(formula, rows, vcov=vcov, fixef_tol=1e-14, fixef_maxiter=100_000, **kinds)


def close(found, wanted, tolerance: float = RELATIVE) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=tolerance, atol=0)


def same(one: LeastSquaresFit, two: LeastSquaresFit) -> None:
    np.testing.assert_allclose(one.coefficients, two.coefficients, rtol=INVARIANT, atol=INVARIANT)
    for kind in KINDS:
        close(getattr(one, kind).errors, getattr(two, kind).errors, INVARIANT)
        assert (getattr(one, kind).caveat == getattr(two, kind).caveat).all()
    assert (one.n, one.k, one.dropped) == (pytest.approx(two.n), two.k, two.dropped)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cells_equal_statsmodels_on_rows_for_every_covariance(seed, binary):
    rows = rows_of(seed, binary=binary)
    found = collapsed(rows, "x", "g", "cl").fit(clusters="cl")
    model = sm.OLS(rows["y"], sm.add_constant(rows[["x", "g"]]))
    wanted = {"classical": model.fit(), "hc0": model.fit(cov_type="HC0"), "hc1": model.fit(cov_type="HC1")}
    wanted["cr1"] = model.fit(cov_type="cluster", cov_kwds={"groups": rows["cl"]})
    for kind, fit in wanted.items():
        close(found.coefficients, fit.params)
        close(getattr(found, kind).errors, fit.bse)
        close(getattr(found, kind).matrix, fit.cov_params())
    assert found.r_squared == pytest.approx(wanted["classical"].rsquared, rel=RELATIVE)
    assert (found.n, found.k, found.cr1.clusters) == (3000, 3, 25)


@pytest.mark.parametrize("seed", [3, 4])
def test_weighted_cells_equal_statsmodels_weighted_rows(seed):
    rows = rows_of(seed)
    found = collapsed(rows, "x", "g", "cl", "w").fit(clusters="cl", w="w")
    model = sm.WLS(rows["y"], sm.add_constant(rows[["x", "g"]]), weights=rows["w"])
    close(found.classical.errors, model.fit().bse)
    close(found.hc1.errors, model.fit(cov_type="HC1").bse)
    close(found.cr1.errors, model.fit(cov_type="cluster", cov_kwds={"groups": rows["cl"]}).bse)
    assert found.r_squared == pytest.approx(model.fit().rsquared, rel=RELATIVE)


def test_without_a_constant_r_squared_is_about_zero_as_in_statsmodels():
    rows = rows_of(5)
    found = collapsed(rows, "x", "g").fit(constant=False)
    assert found.r_squared == pytest.approx(sm.OLS(rows["y"], rows[["x", "g"]]).fit().rsquared, rel=RELATIVE)


@pytest.mark.parametrize("effects", [("f1",), ("f1", "f2"), ("f3",), ("f1", "f3"), ("f1", "f2", "f3"), ("cl", "f3")])
@pytest.mark.parametrize("binary", [False, True])
def test_absorbed_fixed_effects_equal_pyfixest_on_rows(effects, binary):
    rows = rows_of(6, binary=binary)
    by = dict.fromkeys(["x", "g", "cl", *effects])
    found = collapsed(rows, *by).fit(constant=False, clusters="cl", absorbed=effects)
    formula = "y ~ x + g | " + " + ".join(effects)
    for kind, vcov in (("classical", "iid"), ("hc1", "HC1"), ("cr1", {"CRV1": "cl"})):
        wanted = feols(formula, rows, vcov)
        close(found.coefficients, wanted.coef())
        close(getattr(found, kind).errors, wanted.se())
    assert found.r_squared == pytest.approx(wanted._r2, rel=RELATIVE)
    assert found.within_r_squared == pytest.approx(wanted._r2_within, rel=RELATIVE)


def test_absorbed_and_weighted_equals_pyfixest_on_rows():
    rows = rows_of(7)
    found = collapsed(rows, "x", "g", "cl", "f1", "f2", "w").fit(
        constant=False, clusters="cl", absorbed=("f1", "f2"), w="w"
    )
    for kind, vcov in (("hc1", "HC1"), ("cr1", {"CRV1": "cl"})):
        wanted = feols("y ~ x + g | f1 + f2", rows, vcov, weights="w")
        close(found.coefficients, wanted.coef())
        close(getattr(found, kind).errors, wanted.se())


def test_one_absorbed_factor_equals_indicator_columns_in_statsmodels():
    rows = rows_of(8)
    found = collapsed(rows, "x", "g", "f1", "cl").fit(constant=False, clusters="cl", absorbed=("f1",))
    dummies = pd.get_dummies(rows["f1"], prefix="f", dtype=float)
    model = sm.OLS(rows["y"], pd.concat([rows[["x", "g"]], dummies], axis=1))
    close(found.coefficients, model.fit().params[["x", "g"]])
    close(found.classical.errors, model.fit().bse[["x", "g"]])
    close(found.hc1.errors, model.fit(cov_type="HC1").bse[["x", "g"]])
    close(found.cr1.errors, model.fit(cov_type="cluster", cov_kwds={"groups": rows["cl"]}).bse[["x", "g"]])


def test_a_thinly_connected_pair_of_factors_is_still_solved():
    """Movers between 120 firms: the worst case for taking means in turn. Oracle: the indicators themselves."""
    draw = np.random.default_rng(9)
    worker = np.repeat(np.arange(120), 3)
    firm = np.minimum(worker + np.tile([0, 0, 1], 120), 119)
    x = draw.normal(size=360) + 0.01 * worker
    y = 0.5 * x + 0.03 * worker - 0.01 * firm + draw.normal(size=360)
    found = fit_least_squares(x[:, None], np.ones(360), y, y**2, absorb_factors=[worker, firm])
    both = np.column_stack([x, np.eye(120)[worker], np.eye(120)[firm]])
    assert found.caveat[0] == Caveat.NONE
    assert found.coefficients[0] == pytest.approx(np.linalg.lstsq(both, y, rcond=1e-12)[0][0], rel=RELATIVE)


def test_singletons_are_set_aside_one_after_another_as_in_pyfixest():
    rows = rows_of(10, 400)
    rows.loc[0, "f1"], rows.loc[1, "f1"], rows.loc[2, "f2"] = 100, 101, 200
    rows.loc[[3, 4], "f1"] = 102  # two rows, of which the next line makes one a singleton of f2
    rows.loc[3, "f2"] = 201
    found = collapsed(rows, "x", "g", "f1", "f2", "cl").fit(constant=False, clusters="cl", absorbed=("f1", "f2"))
    wanted = feols("y ~ x + g | f1 + f2", rows, {"CRV1": "cl"})
    assert (found.n, found.singletons) == (wanted._N, 5)
    close(found.coefficients, wanted.coef())
    close(found.cr1.errors, wanted.se())
    close(found.hc1.errors, feols("y ~ x + g | f1 + f2", rows, "HC1").se())


def test_only_singletons_leave_no_figure_but_a_reason():
    y = np.arange(5.0)
    found = fit_least_squares(y[:, None], np.ones(5), y, y**2, absorb_factors=[np.arange(5)])
    assert found.singletons == 5
    assert np.isnan(found.coefficients).all()
    assert (found.caveat == Caveat.NO_DEGREES).all()


def test_a_group_that_the_fixed_effects_reproduce_is_missing_with_a_reason():
    rows = rows_of(11)
    rows["g"] = (rows["f1"] > 4) * 1.0
    found = collapsed(rows, "x", "g", "f1").fit(absorbed=("f1",))
    assert found.dropped == (0, 2)
    assert found.caveat.tolist() == [Caveat.ALIASED, Caveat.NONE, Caveat.ALIASED]
    assert np.isnan(found.coefficients[[0, 2]]).all()
    assert np.isnan(found.hc1.errors[[0, 2]]).all()
    close(found.hc1.errors[1], feols("y ~ x | f1", rows, "HC1").se().iloc[0])
    assert Caveat(int(found.caveat[2])).reason


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_later_of_two_collinear_columns_is_named_whatever_its_units(scale):
    rows = rows_of(12)
    rows["other"] = scale * (2.0 * rows["x"] - rows["g"] + 3.0)
    found = collapsed(rows, "x", "g", "other").fit()
    assert found.dropped == (3,)
    close(found.coefficients[:3], sm.OLS(rows["y"], sm.add_constant(rows[["x", "g"]])).fit().params)


def test_a_far_away_column_such_as_a_year_is_not_taken_for_the_constant():
    rows = rows_of(13)
    rows["other"] = 2015.0 + rows["x"]
    found = collapsed(rows, "other", "g").fit()
    assert found.dropped == ()
    close(found.hc1.errors, sm.OLS(rows["y"], sm.add_constant(rows[["other", "g"]])).fit(cov_type="HC1").bse)


def test_a_coefficient_known_from_one_row_has_no_robust_error():
    rows = rows_of(14, 200)
    rows["g"] = 0.0
    rows.loc[7, "g"] = 1.0
    found = collapsed(rows, "x", "g", "cl").fit(clusters="cl")
    assert found.hc1.caveat.tolist() == [Caveat.NONE, Caveat.NONE, Caveat.ONE_ROW]
    assert found.cr1.caveat.tolist() == [Caveat.NONE, Caveat.NONE, Caveat.ONE_CLUSTER]
    assert np.isnan(found.hc1.errors[2])
    assert np.isfinite(found.classical.errors).all()
    wanted = sm.OLS(rows["y"], sm.add_constant(rows[["x", "g"]])).fit(cov_type="HC1")
    assert wanted.bse["g"] < 0.5 * found.classical.errors[2], "the sandwich would have been far too small"


def test_a_group_inside_one_cluster_has_no_clustered_error_but_a_robust_one():
    rows = rows_of(15)
    rows["g"] = (rows["cl"] == 3) * 1.0
    found = collapsed(rows, "x", "g", "cl").fit(clusters="cl")
    assert found.cr1.caveat.tolist() == [Caveat.NONE, Caveat.NONE, Caveat.ONE_CLUSTER]
    assert (found.hc1.caveat == Caveat.NONE).all()


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.3])
def test_an_outcome_without_spread_has_no_errors(constant):
    rows = rows_of(16)
    rows["y"] = constant
    found = collapsed(rows, "x", "g", "cl").fit(clusters="cl")
    for kind in KINDS:
        assert (getattr(found, kind).caveat == Caveat.NO_SPREAD).all()
        assert np.isnan(getattr(found, kind).errors).all()
    assert np.isnan(found.r_squared)


def test_an_outcome_that_sums_cannot_resolve_is_refused_and_its_deviation_is_not():
    rows = rows_of(17)
    rows["y"] += 1e8  # squares of 1e16 hold the residuals' squares of order 10 to no digit at all
    far = collapsed(rows, "x", "g").fit()
    assert (far.hc1.caveat == Caveat.NO_SPREAD).all()
    rows["y"] -= 1e8
    assert (collapsed(rows, "x", "g").fit().hc1.caveat == Caveat.NONE).all()


def test_as_many_parameters_as_rows_leave_no_error():
    y = np.array([1.0, 2.0, 4.0])
    found = fit_least_squares(np.eye(3), np.ones(3), y, y**2, clusters=["a", "b", "c"])
    close(found.coefficients, y)
    for kind in ("classical", "hc1", "cr1"):
        assert (getattr(found, kind).caveat == Caveat.NO_DEGREES).all()


def test_one_cluster_has_no_clustered_error():
    rows = rows_of(18)
    rows["cl"] = 1
    found = collapsed(rows, "x", "g", "cl").fit(clusters="cl")
    assert (found.cr1.caveat == Caveat.NO_DEGREES).all()
    assert np.isnan(found.cr1.errors).all()


def test_no_cells_and_empty_cells_are_no_error():
    nothing = fit_least_squares(np.empty((0, 2)), [], [], [])
    assert (nothing.caveat == Caveat.NO_DEGREES).all()
    rows = rows_of(19)
    table = collapsed(rows, "x", "g", "cl")
    extra = pd.DataFrame([{"x": 99.0, "g": 1.0, "cl": 999, "n": 0.0, "total": 0.0, "square": 0.0}])
    same(table.fit(clusters="cl"), Table(pd.concat([table.cells, extra]), table.columns).fit(clusters="cl"))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.95), absorbed=st.sampled_from([(), ("f1",), ("f1", "f2")])
)
def test_how_the_same_rows_are_presented_does_not_matter(seed, share, absorbed):
    rows = rows_of(seed, 300)
    table = collapsed(rows, "x", "g", "f1", "f2", "cl")
    cells = table.cells
    wanted = table.fit(constant=not absorbed, clusters="cl", absorbed=absorbed)
    shuffled = cells.sample(frac=1.0, random_state=seed % 1000)
    parts = [cells.assign(**{c: part * cells[c] for c in ("n", "total", "square")}) for part in (share, 1 - share)]
    renamed = cells.assign(cl="c" + cells["cl"].astype(str), f1=-cells["f1"], f2=cells["f2"].map(lambda v: chr(90 - v)))
    by_row = rows.assign(n=1.0, total=rows["y"], square=rows["y"] ** 2)
    for other in (shuffled, pd.concat(parts), renamed, by_row):
        same(wanted, Table(other, table.columns).fit(constant=not absorbed, clusters="cl", absorbed=absorbed))


def test_halved_weights_on_doubled_rows_leave_coefficients_and_hc0_scaled_only_by_the_rows():
    rows = rows_of(20)
    single = collapsed(rows, "x", "g", "cl", "w").fit(clusters="cl", w="w")
    twice = pd.concat([rows, rows]).assign(w=lambda d: d["w"] / 2)
    double = collapsed(twice, "x", "g", "cl", "w").fit(clusters="cl", w="w")
    close(double.coefficients, single.coefficients, INVARIANT)
    close(double.hc0.matrix, single.hc0.matrix / 2, INVARIANT)
    close(double.cr1.matrix / double.cr1.factor, single.cr1.matrix / single.cr1.factor, INVARIANT)


def test_leaving_the_spread_within_cells_out_is_caught_by_the_oracle():
    """A wrong variant: Σ y² replaced by (Σ y)²/n, as if every row of a cell had the cell's mean."""
    rows = rows_of(21)
    table = collapsed(rows, "x", "g")
    table.cells["square"] = table.cells["total"] ** 2 / table.cells["n"]
    wanted = sm.OLS(rows["y"], sm.add_constant(rows[["x", "g"]])).fit(cov_type="HC1").bse
    assert (table.fit().hc1.errors < 0.5 * wanted).all()


def test_absorption_reports_what_it_left():
    draw = np.random.default_rng(22)
    factors = [encode(draw.integers(0, 30, 500), 500, "a"), encode(draw.integers(0, 20, 500), 500, "b")]
    found = absorb(1e6 + draw.normal(size=(500, 2)), factors, 0.1 + draw.random(500))
    assert found.converged
    assert found.deviation < 1e-12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": [1.0, -1.0, 1.0]}, "counts: found -1, expected 0 or more"),
        ({"counts": [1.0, 1.0]}, r"counts: found shape \(2,\), expected \(3,\)"),
        ({"totals": [1.0, np.nan, 1.0]}, "totals: found nan, expected finite"),
        ({"squares": [1.0, 0.5, 1.0]}, "cell 1: found Σy² = 0.5, expected at least"),
        ({"counts": [1.0, 0.0, 1.0]}, "cell 1: found an outcome without rows"),
        ({"weights": [1.0, 0.0, 1.0]}, "weights: found 0, expected weights above 0"),
        ({"clusters": ["a", None, "b"]}, "clusters: found a missing value in row 1"),
        ({"absorb_factors": [[1.0, np.nan, 2.0]]}, "absorbed factor 0: found a missing value in row 1"),
        ({"design": [[1.0], [np.inf], [1.0]]}, "design: found inf, expected finite"),
        ({"design": [1.0, 2.0, 3.0]}, r"design: found shape \(3,\)"),
    ],
)
def test_bad_input_says_what_was_found_and_expected(change, message):
    given_ = {"design": [[1.0]] * 3, "counts": [1.0] * 3, "totals": [1.0] * 3, "squares": [1.0] * 3} | change
    with pytest.raises(ValueError, match=message):
        fit_least_squares(**given_)

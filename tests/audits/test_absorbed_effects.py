"""Effects at equal strata from cells, against pyfixest and statsmodels on the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.statistics.absorbed_effects import ExposedSums, absorbed_least_squares, absorbed_poisson

KEYS = ["s", "t", "late"]


def rows(seed: int = 3, n: int = 3000) -> pd.DataFrame:
    """Rows with strata, two columns, an exposure, a normal and a skewed outcome, and people who come again."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"s": rng.integers(0, 9, n), "t": rng.integers(0, 8, n).astype(float)})
    d["who"] = rng.integers(0, n // 8, n)
    d["late"] = (d["t"] > 4).astype(float)
    d["e"] = np.exp(rng.normal(5, 0.4, n))
    own = rng.normal(0, 0.2, n // 8)[d["who"]]
    d["y"] = 0.1 * d["s"] + 0.03 * d["t"] + own + rng.normal(0, 0.3, n)
    d["c"] = rng.poisson(0.3, n) * d["e"] * np.exp(-0.04 * d["t"] + 0.1 * d["s"] + own) * rng.gamma(2, 0.5, n)
    return d


def cells(d: pd.DataFrame) -> pd.DataFrame:
    """The cells of the rows with their sums."""
    squares = d.assign(y2=d["y"] ** 2, c2=d["c"] ** 2, e2=d["e"] ** 2, ec=d["e"] * d["c"], n=1)
    return squares.groupby(KEYS).sum().reset_index()


def exposed(c: pd.DataFrame) -> ExposedSums:
    """The sums of the skewed outcome for its exposure."""
    return ExposedSums(c["n"], c["c"], c["c2"], c["e"], c["e2"], c["ec"])


def meat(fit, c: pd.DataFrame, d: pd.DataFrame, outcome: str, exposure: str | None) -> tuple[np.ndarray, int]:
    """Σ_g s_g s_gᵀ from the rows, and the number of people."""
    places = pd.MultiIndex.from_frame(c[KEYS]).get_indexer(pd.MultiIndex.from_frame(d[KEYS]))
    expected = fit.means[places] * (d[exposure].to_numpy() if exposure else 1.0)
    scores = (d[outcome].to_numpy() - expected)[:, None] * fit.residual_design[places]
    totals = np.zeros((d["who"].max() + 1, scores.shape[1]))
    np.add.at(totals, d["who"].to_numpy(), scores)
    return totals.T @ totals, d["who"].nunique()


@pytest.mark.parametrize("seed", [3, 4])
def test_least_squares_is_that_of_pyfixest_on_the_rows(seed: int) -> None:
    import pyfixest

    d = rows(seed)
    c = cells(d)
    fit = absorbed_least_squares(c[["t", "late"]], c["s"], c["n"], c["y"], c["y2"])
    ssc = pyfixest.ssc(k_adj=True, k_fixef="full", G_adj=True)
    asked = {
        "iid": fit.classical, "HC1": fit.hc1, "who": fit.clustered(*meat(fit, c, d, "y", None)),
    }  # fmt: skip
    for errors, ours in asked.items():
        kind = {"CRV1": "who"} if errors == "who" else errors
        theirs = pyfixest.feols("y ~ t + late | s", d, vcov=kind, ssc=ssc)
        np.testing.assert_allclose(fit.coefficients, theirs.coef(), rtol=1e-9)
        np.testing.assert_allclose(np.sqrt(np.diag(ours)), theirs.se(), rtol=1e-9)


@pytest.mark.parametrize("seed", [3, 4])
def test_poisson_is_that_of_statsmodels_on_the_rows(seed: int) -> None:
    import statsmodels.api as sm

    d = rows(seed)
    c = cells(d)
    fit = absorbed_poisson(c[["t", "late"]], c["s"], exposed(c))
    design = np.column_stack([d[["t", "late"]], pd.get_dummies(d["s"]).to_numpy(float)])
    model = sm.GLM(d["c"], design, family=sm.families.Poisson(), offset=np.log(d["e"]))
    plain = model.fit(cov_type="HC0", tol=1e-12, maxiter=200)
    n, p = len(d), design.shape[1]
    assert fit.settled
    assert fit.parameters == p
    np.testing.assert_allclose(fit.coefficients, plain.params[:2], rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.hc1)), plain.bse[:2] * np.sqrt(n / (n - p)), rtol=1e-7)
    groups = d["who"].to_numpy()
    people = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, tol=1e-12, maxiter=200)
    ours = np.sqrt(np.diag(fit.clustered(*meat(fit, c, d, "c", "e"))))
    np.testing.assert_allclose(ours, people.bse[:2], rtol=1e-7)


def test_cells_may_be_split_and_shuffled() -> None:
    d = rows()
    c = cells(d)
    parts = pd.concat([cells(d[d["who"] % 2 == side]) for side in (0, 1)]).sample(frac=1, random_state=2)
    for one, other in (
        (absorbed_least_squares(c[["t"]], c["s"], c["n"], c["y"], c["y2"]),
         absorbed_least_squares(parts[["t"]], parts["s"], parts["n"], parts["y"], parts["y2"])),
        (absorbed_poisson(c[["t"]], c["s"], exposed(c)), absorbed_poisson(parts[["t"]], parts["s"], exposed(parts))),
    ):  # fmt: skip
        np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-9)
        np.testing.assert_allclose(one.hc1, other.hc1, rtol=1e-8)


def test_a_constant_of_each_stratum_changes_nothing() -> None:
    """The offset of least squares and the exposure of Poisson may be in any money, stratum by stratum."""
    d = rows()
    c = cells(d)
    scale = 1.0 + c["s"].to_numpy()
    moved = absorbed_poisson(c[["t"]], c["s"], ExposedSums(
        c["n"], c["c"], c["c2"], c["e"] * scale, c["e2"] * scale**2, c["ec"] * scale,
    ))  # fmt: skip
    plain = absorbed_poisson(c[["t"]], c["s"], exposed(c))
    np.testing.assert_allclose(moved.coefficients, plain.coefficients, rtol=1e-9)
    np.testing.assert_allclose(moved.hc1, plain.hc1, rtol=1e-8)


def test_what_nothing_can_tell_has_no_coefficient() -> None:
    d = rows()
    c = cells(d)
    strata = c["s"].astype(str) + "/" + c["t"].astype(str)  # tenure is the same within each
    fit = absorbed_least_squares(c[["t"]], strata, c["n"], c["y"], c["y2"])
    assert np.isnan(fit.coefficients).all()
    assert np.isnan(fit.hc1).all()
    twice = absorbed_least_squares(
        np.column_stack([c["t"], 2 * c["t"] + 1]), c["s"], c["n"], c["y"], c["y2"]
    )  # fmt: skip
    assert np.isfinite(twice.coefficients[0])
    assert np.isnan(twice.coefficients[1])


def test_outcomes_at_one_end_have_no_finite_slope() -> None:
    c = cells(rows())
    last = c["t"] == c["t"].max()
    only = ExposedSums(
        c["n"], np.where(last, c["c"], 0.0), np.where(last, c["c2"], 0.0), c["e"], c["e2"], np.where(last, c["ec"], 0.0)
    )
    fit = absorbed_poisson(c[["t"]], c["s"], only)
    assert np.isnan(fit.coefficients).all()


def test_strata_without_outcomes_and_rows_alone_are_set_aside() -> None:
    c = cells(rows())
    empty = c["s"] == 0
    sums = ExposedSums(*(np.where(empty, 0.0, c[name]) if name in ("c", "c2", "ec") else c[name]
                         for name in ("n", "c", "c2", "e", "e2", "ec")))  # fmt: skip
    fit = absorbed_poisson(c[["t"]], c["s"], sums)
    without = c[~empty]
    same = absorbed_poisson(without[["t"]], without["s"], exposed(without))
    np.testing.assert_allclose(fit.coefficients, same.coefficients, rtol=1e-10)
    assert fit.n == same.n
    alone = absorbed_least_squares([[0.0], [1.0], [2.0]], ["a", "a", "b"], [3, 3, 1], [3, 6, 9], [4, 13, 81])
    assert alone.n == 6
    assert not alone.used[2]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: absorbed_least_squares([[1.0]], ["a"], [1, 2], [1], [1]), "counts: found shape"),
        (lambda: absorbed_least_squares([[1.0]], ["a"], [1], [np.nan], [1]), "totals: found nan"),
        (lambda: absorbed_poisson([[1.0]], ["a"], ExposedSums([1], [np.inf], [1], [1], [1], [1])), "totals: found inf"),
    ],
)
def test_sums_that_cannot_be_are_refused(call, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()


def test_errors_cover_and_reject_as_they_should() -> None:
    """Skewed claims, 1,500 people with several quotes: errors by person cover .95 of the draws within three errors."""
    rng = np.random.default_rng(8)
    hits = {"y": 0, "c": 0}
    draws = 300
    for _ in range(draws):
        d = rows(int(rng.integers(1 << 30)), 1500)
        d["y"] -= 0.03 * d["t"]
        d["c"] *= np.exp(0.04 * d["t"])
        c = cells(d)
        for name, exposure, fit in (
            ("y", None, absorbed_least_squares(c[["t"]], c["s"], c["n"], c["y"], c["y2"])),
            ("c", "e", absorbed_poisson(c[["t"]], c["s"], exposed(c))),
        ):  # fmt: skip
            error = np.sqrt(fit.clustered(*meat(fit, c, d, name, exposure))[0, 0])
            hits[name] += abs(fit.coefficients[0]) < 1.96 * error
    for name, hit in hits.items():
        assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / draws) < hit / draws, name


def test_recoveries_below_zero_solve_the_same_equations() -> None:
    """A cell of less than 0 counts with its sign; only a stratum that does not exceed 0 in all is set aside."""
    d = rows()
    d.loc[(d["s"] == 2) & (d["t"] == 7), "c"] = -40.0
    d.loc[d["s"] == 5, "c"] = -1.0
    c = cells(d)
    fit = absorbed_poisson(c[["t"]], c["s"], exposed(c))
    assert fit.settled
    assert fit.strata == d["s"].nunique() - 1
    kept = d[d["s"] != 5]
    rate = kept["e"] * np.exp(float(fit.coefficients[0]) * kept["t"])
    level = kept.groupby("s")["c"].sum() / rate.groupby(kept["s"]).sum()
    score = (kept["c"] - rate * level[kept["s"]].to_numpy()) * kept["t"]
    assert abs(score.sum()) < 1e-9 * np.abs(score).sum()

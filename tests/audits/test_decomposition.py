"""Decomposition of a gap in means: points against statsmodels, errors against perturbed rows and the bootstrap.

Tolerances. RELATIVE = 1e-9 for points. The influence of a row is found by giving it the weight 1 ± STEP in weighted
regressions by numpy that share no code with the module; central differences at STEP = 1e-4 are good to about
STEP² = 1e-8, and the tolerance on errors is 1e-6. The bootstrap of 800 draws knows an error to 1/√1600 = 2.5 %, and
the largest of some 40 such ratios stays within four times that, 10 %.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.oaxaca import OaxacaBlinder

from audits.statistics.decomposition import KINDS, Decomposition, decompose
from audits.statistics.sandwich import Caveat

RELATIVE, STEP = 1e-9, 1e-4


def rows_of(seed: int, size: int = 500) -> pd.DataFrame:
    """Rows whose outcome bends in x, with spread that differs: the line is wrong on purpose."""
    draw = np.random.default_rng(seed)
    d = pd.DataFrame({"g": draw.random(size) < 0.4})
    d["x"] = draw.integers(0, 5, size) + 1.0 * d["g"]
    d["h"] = (draw.random(size) < 0.3 + 0.2 * d["g"]) * 1.0
    d["cl"] = draw.integers(0, 40, size)
    d["y"] = (
        2 + 0.3 * d["x"] ** 1.5 - 0.5 * d["h"] * (1 + d["g"]) - 0.4 * d["g"] + draw.normal(size=size) * (1 + d["x"])
    )
    return d


def cells_of(rows: pd.DataFrame) -> pd.DataFrame:
    parts = rows.assign(n=1.0, total=rows["y"], square=rows["y"] ** 2)
    return parts.groupby(["x", "h", "g", "cl"], as_index=False, sort=False)[["n", "total", "square"]].sum()


def decomposed(cells: pd.DataFrame, kind: str, *, clusters: bool = False) -> Decomposition:
    return decompose(
        cells[["x", "h"]],
        cells["n"],
        cells["total"],
        cells["square"],
        cells["g"].to_numpy(dtype=bool),
        kind=kind,
        clusters=cells["cl"] if clusters else None,
    )


def by_weighted_rows(rows: pd.DataFrame, kind: str, w: np.ndarray) -> np.ndarray:
    """Oracle: gap, then total and details of each component, from weighted rows."""
    z = np.column_stack([np.ones(len(rows)), rows[["x", "h"]]])
    g, y = rows["g"].to_numpy(dtype=bool), rows["y"].to_numpy()

    def line(keep: np.ndarray, design: np.ndarray) -> np.ndarray:
        weighted = design[keep] * w[keep, None]
        return np.linalg.solve(weighted.T @ design[keep], weighted.T @ y[keep])

    b, c = line(~g, z), line(g, z)
    both = line(np.ones(len(g), dtype=bool), np.column_stack([z, g]))[:-1]
    m, k = np.average(z[~g], axis=0, weights=w[~g]), np.average(z[g], axis=0, weights=w[g])
    if kind == "three_fold":
        parts = [(m - k) * c, k * (b - c), (m - k) * (b - c)]
    else:
        best = {"reference": b, "group": c, "pooled": both}[kind]
        parts = [(m - k) * best, m * (b - best) + k * (best - c)]
    gap = np.average(y[~g], weights=w[~g]) - np.average(y[g], weights=w[g])
    return np.concatenate([[gap], *([part.sum(), *part] for part in parts)])


def figures(found: Decomposition) -> tuple[np.ndarray, np.ndarray]:
    values = [[found.gap.estimate], *([c.estimate, *c.detail] for c in found.components)]
    errors = [[found.gap.error], *([c.error, *c.detail_errors] for c in found.components)]
    return np.concatenate(values), np.concatenate(errors)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("kind", "named"), [("reference", 1.0), ("group", 0.0), ("pooled", None)])
def test_two_fold_equals_statsmodels_on_rows(seed, kind, named):
    rows = rows_of(seed)
    exog = pd.DataFrame({"one": 1.0, "x": rows["x"], "h": rows["h"], "g": rows["g"] * 1.0})
    model = OaxacaBlinder(rows["y"], exog, "g", hasconst=True, swap=False)
    if named is None:
        wanted = model.two_fold(two_fold_type="pooled").params
    else:
        wanted = model.two_fold(two_fold_type="self_submitted", submitted_weight=named).params
    explained, unexplained = decomposed(cells_of(rows), kind).components
    assert unexplained.estimate == pytest.approx(wanted[0], rel=RELATIVE)
    assert explained.estimate == pytest.approx(wanted[1], rel=RELATIVE)


@pytest.mark.parametrize("seed", [2, 3])
def test_three_fold_equals_statsmodels_on_rows(seed):
    rows = rows_of(seed)
    exog = pd.DataFrame({"one": 1.0, "x": rows["x"], "h": rows["h"], "g": rows["g"] * 1.0})
    wanted = OaxacaBlinder(rows["y"], exog, "g", hasconst=True, swap=False).three_fold().params
    found = decomposed(cells_of(rows), "three_fold")
    np.testing.assert_allclose([c.estimate for c in found.components], wanted[:3], rtol=RELATIVE)
    assert [c.name for c in found.components] == ["endowments", "coefficients", "interaction"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_detail_and_error_equals_the_influence_of_perturbed_rows(kind):
    rows = rows_of(4, 120)
    one = np.ones(len(rows))
    bumps = STEP * np.eye(len(rows))
    influence = np.array([by_weighted_rows(rows, kind, one + e) - by_weighted_rows(rows, kind, one - e) for e in bumps])
    influence /= 2 * STEP
    g = rows["g"].to_numpy(dtype=bool)
    factor = np.where(g, g.sum() / (g.sum() - 1), (~g).sum() / ((~g).sum() - 1))
    values, errors = figures(decomposed(cells_of(rows), kind))
    np.testing.assert_allclose(values, by_weighted_rows(rows, kind, one), rtol=RELATIVE, atol=1e-12)
    # the constant's own share of explained and of endowments is 0, and so is its error: no spread
    live = np.isfinite(errors)
    np.testing.assert_allclose(errors[live], np.sqrt(factor @ influence**2)[live], rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(factor @ influence**2)[~live], 0.0, atol=1e-9)
    sums = pd.DataFrame(influence).groupby(rows["cl"].to_numpy()).sum().to_numpy()
    wanted = np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum(axis=0))
    clustered = figures(decomposed(cells_of(rows), kind, clusters=True))[1]
    np.testing.assert_allclose(clustered[live], wanted[live], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_agree_with_the_bootstrap_of_rows(kind):
    rows = rows_of(5, 800)
    draw, size = np.random.default_rng(6), len(rows)
    repeats = np.array(
        [by_weighted_rows(rows, kind, draw.multinomial(size, np.full(size, 1 / size))) for _ in range(800)]
    )
    errors = figures(decomposed(cells_of(rows), kind))[1]
    live = np.isfinite(errors)
    np.testing.assert_allclose(errors[live], repeats.std(axis=0)[live], rtol=0.10)


def test_the_gap_has_welchs_error_and_the_components_add_up_to_it():
    rows = rows_of(7)
    y, g = rows["y"], rows["g"]
    welch = np.sqrt(y[~g].var() / (~g).sum() + y[g].var() / g.sum())
    for kind in KINDS:
        found = decomposed(cells_of(rows), kind)
        assert found.gap.estimate == pytest.approx(y[~g].mean() - y[g].mean(), rel=RELATIVE)
        assert found.gap.error == pytest.approx(welch, rel=RELATIVE)
        assert sum(c.estimate for c in found.components) == pytest.approx(found.gap.estimate, rel=RELATIVE)
        for part in found.components:
            assert np.nansum(part.detail) == pytest.approx(part.estimate, rel=RELATIVE)


def test_leaving_out_that_regressors_are_random_is_caught_by_the_oracle():
    """A wrong variant: Oaxaca's first errors, with fixed means, fall short of the bootstrap by far."""
    draw = np.random.default_rng(8)
    rows = rows_of(9, 400)
    rows["y"] = 2 * rows["x"] + 0.1 * draw.normal(size=400)
    explained = decomposed(cells_of(rows), "reference").components[0]
    g, z = rows["g"], np.column_stack([np.ones(400), rows[["x", "h"]]])
    gap = z[~g].mean(axis=0) - z[g].mean(axis=0)
    left = z[~g]
    fixed = np.sqrt(0.01 * gap @ np.linalg.inv(left.T @ left) @ gap)
    assert explained.error > 10 * fixed


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.95), kind=st.sampled_from(KINDS))
def test_how_the_same_rows_are_presented_does_not_matter(seed, share, kind):
    rows = rows_of(seed, 200)
    cells = cells_of(rows)
    sums = ["n", "total", "square"]
    parts = pd.concat([cells.assign(**{c: part * cells[c] for c in sums}) for part in (share, 1 - share)])
    by_row = rows.assign(n=1.0, total=rows["y"], square=rows["y"] ** 2)
    renamed = cells.sample(frac=1.0, random_state=1).assign(cl=lambda d: "c" + d["cl"].astype(str))
    for clusters in (False, True):
        wanted = figures(decomposed(cells, kind, clusters=clusters))
        for other in (parts, by_row, renamed):
            found = figures(decomposed(other, kind, clusters=clusters))
            np.testing.assert_allclose(found[0], wanted[0], rtol=1e-10, atol=1e-12)  # differences of near values
            np.testing.assert_allclose(found[1], wanted[1], rtol=1e-10)


def test_swapping_the_two_sides_turns_every_sign():
    cells = cells_of(rows_of(10))
    one, two = decomposed(cells, "reference"), decomposed(cells.assign(g=~cells["g"]), "group")
    np.testing.assert_allclose(figures(one)[0], -figures(two)[0], rtol=RELATIVE)
    np.testing.assert_allclose(figures(one)[1], figures(two)[1], rtol=RELATIVE)


def test_a_level_that_only_the_group_has_leaves_the_reference_without_a_price_for_it():
    rows = rows_of(11)
    rows.loc[~rows["g"], "h"] = 0.0
    cells = cells_of(rows)
    explained, unexplained = decomposed(cells, "reference").components
    assert (explained.caveat, unexplained.caveat) == (Caveat.NO_SUPPORT, Caveat.NO_SUPPORT)
    assert np.isnan([explained.estimate, unexplained.estimate, explained.error, unexplained.error]).all()
    assert np.isnan(explained.detail).all()
    best, rest = decomposed(cells, "group").components
    assert best.caveat == Caveat.NONE
    assert rest.estimate == pytest.approx(decomposed(cells, "group").gap.estimate - best.estimate, rel=RELATIVE)
    assert np.isnan(rest.detail).all()
    assert (rest.detail_caveat == Caveat.NO_SUPPORT).all()
    assert np.isfinite(rest.error)


def test_a_column_that_others_reproduce_is_dropped_and_the_totals_stay():
    cells = cells_of(rows_of(12))
    design = np.column_stack([cells[["x", "h"]], 2 * cells["x"] - 1])
    group = cells["g"].to_numpy(dtype=bool)
    found = decompose(design, cells["n"], cells["total"], cells["square"], group)
    plain = decomposed(cells, "reference")
    assert found.dropped == (2,)
    for one, two in zip(found.components, plain.components, strict=True):
        assert one.estimate == pytest.approx(two.estimate, rel=RELATIVE)
        assert one.error == pytest.approx(two.error, rel=RELATIVE)
        assert one.detail_caveat[3] == Caveat.ALIASED
        assert np.isnan(one.detail[3])


def test_columns_that_reproduce_the_group_leave_no_pooled_decomposition():
    cells = cells_of(rows_of(13))
    group = cells["g"].to_numpy(dtype=bool)
    design = np.column_stack([cells["x"], group])
    found = decompose(design, cells["n"], cells["total"], cells["square"], group, kind="pooled")
    assert [c.caveat for c in found.components] == [Caveat.NO_SUPPORT] * 2
    assert np.isfinite(found.gap.error)


def test_a_coefficient_that_one_row_identifies_has_no_error_in_the_details():
    rows = rows_of(14)
    rows.loc[~rows["g"], "h"] = 0.0
    rows.loc[rows.index[~rows["g"]][0], "h"] = 1.0
    found = decomposed(cells_of(rows), "reference").components[0]
    assert found.detail_error_caveat.tolist() == [Caveat.NO_SPREAD, Caveat.NONE, Caveat.ONE_ROW]
    assert np.isfinite(found.detail[2])
    assert np.isnan(found.detail_errors[2])


def test_too_few_rows_and_no_spread_say_why_there_is_no_error():
    group = np.array([False, False, True, True])
    z = np.array([[0.0], [1.0], [0.0], [1.0]])
    y = np.array([1.0, 2.0, 1.5, 4.0])
    few = decompose(z, np.ones(4), y, y**2, group)
    assert [c.error_caveat for c in few.components] == [Caveat.NO_DEGREES] * 2
    assert [c.caveat for c in few.components] == [Caveat.NONE] * 2
    flat = decompose(z, 5 * np.ones(4), 5 * np.ones(4), 5 * np.ones(4), group)
    assert flat.gap.error_caveat == Caveat.NO_SPREAD
    assert np.isnan(flat.gap.error)
    lone = decompose(z, [5, 5, 1, 0], [1, 2, 1, 0], [1, 2, 1, 0], group)
    assert lone.gap.error_caveat == Caveat.NO_DEGREES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "cotton"}, "kind: found 'cotton', expected one of reference"),
        ({"in_group": [0, 1]}, "in_group: found int64"),
        ({"in_group": [True, True]}, "reference: found no rows"),
        ({"in_group": [False, False]}, "group: found no rows"),
        ({"squares": [0.0, 1.0]}, "cell 0: found Σy² = 0"),
    ],
)
def test_bad_input_says_what_was_found_and_expected(change, message):
    given_ = {
        "design": [[0.0], [1.0]],
        "counts": [1.0, 1.0],
        "totals": [1.0, 1.0],
        "squares": [1.0, 1.0],
        "in_group": [False, True],
    }
    with pytest.raises(ValueError, match=message):
        decompose(**(given_ | change))

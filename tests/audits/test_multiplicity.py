"""Claims about families of findings: statsmodels, the definitions by brute force, and simulation with a fixed seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.statistics.multiplicity import (
    MultiplicityCaveat,
    benjamini_hochberg,
    bonferroni,
    holm,
)

METHODS: dict[str, Callable[..., object]] = {"bonferroni": bonferroni, "holm": holm, "fdr_bh": benjamini_hochberg}
families = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=100, deadline=None)
@given(p=families)
def test_adjusted_p_values_agree_with_statsmodels(name: str, p: list[float]) -> None:
    reference = import_module("statsmodels.stats.multitest").multipletests
    np.testing.assert_allclose(METHODS[name](p).adjusted, reference(p, method=name)[1], rtol=1e-12, atol=1e-300)


@settings(max_examples=100, deadline=None)
@given(p=families, q=st.sampled_from([0.01, 0.05, 0.2]))
def test_selection_follows_the_step_up_definition(p: list[float], q: float) -> None:
    m = len(p)
    # the largest k with k p-values at most k q/m, counted and not sorted; the slack is the rounding of one product
    fitting = [k for k in range(1, m + 1) if sum(value <= k * q / m * (1 + 1e-12) for value in p) >= k]
    ours = benjamini_hochberg(p, q)
    assert ours.selected == (max(fitting) if fitting else 0) or any(
        math.isclose(value * m / k, q, rel_tol=1e-9) for value in p for k in range(1, m + 1)
    )
    assert ours.selected == ours.rejected.sum()


@settings(max_examples=60, deadline=None)
@given(p=families, data=st.data())
def test_missing_p_values_stay_missing_and_do_not_enlarge_the_family(p: list[float], data: st.DataObject) -> None:
    where = sorted(data.draw(st.lists(st.integers(0, len(p)), max_size=10)))
    holed = np.insert(np.array(p), where, np.nan)
    for method in METHODS.values():
        plain, ours = method(p), method(holed)
        there = ~np.isnan(holed)
        assert ours.family == len(p)
        np.testing.assert_array_equal(ours.adjusted[there], plain.adjusted)
        assert np.isnan(ours.adjusted[~there]).all()
        np.testing.assert_array_equal(ours.caveat == MultiplicityCaveat.NO_P_VALUE, ~there)
    assert not benjamini_hochberg(holed, 0.5).rejected[np.isnan(holed)].any()


@settings(max_examples=60, deadline=None)
@given(p=families)
def test_holm_lies_between_the_raw_and_the_bonferroni_values_and_order_is_kept(p: list[float]) -> None:
    step = holm(p).adjusted
    assert (step <= bonferroni(p).adjusted + 1e-15).all()
    assert (benjamini_hochberg(p).adjusted <= step + 1e-15).all()
    assert (step >= np.array(p)).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(step[order]) >= 0).all()


def test_level_of_the_selected_is_one_less_their_share_of_q() -> None:
    ours = benjamini_hochberg([0.001, 0.012, 0.6, math.nan, 0.03], q=0.05)
    np.testing.assert_array_equal(ours.rejected, [True, True, False, False, True])
    assert (ours.selected, ours.family) == (3, 4)
    assert ours.interval_level == pytest.approx(1 - 3 * 0.05 / 4)
    assert ours.level_caveat is MultiplicityCaveat.NONE


@pytest.mark.parametrize("p", [[0.9, 0.8], [math.nan, math.nan], []])
def test_no_selection_gives_no_level_and_says_why(p: list[float]) -> None:
    ours = benjamini_hochberg(p)
    assert math.isnan(ours.interval_level)
    assert ours.level_caveat is MultiplicityCaveat.NOTHING_SELECTED
    assert ours.level_caveat.reason
    assert not ours.rejected.any()


def simulated(runs: int, q: float, effect: float) -> tuple[float, float, float]:
    """Mean share of false findings, of adjusted and of plain 1 - q intervals that miss, among those selected."""
    rng = np.random.default_rng(1234)
    truth = np.where(np.arange(120) < 24, effect, 0.0)
    normal, special = NormalDist(), import_module("scipy.special")
    false, adjusted, plain = [], [], []
    for _ in range(runs):
        seen = rng.normal(truth, 1.0)
        found = benjamini_hochberg(2 * special.ndtr(-np.abs(seen)), q)
        some = found.rejected
        if not some.any():
            for shares in (false, adjusted, plain):
                shares.append(0.0)
            continue
        reach = normal.inv_cdf((1 + found.interval_level) / 2)
        apart = np.abs(seen - truth)[some]
        false.append((truth[some] == 0).mean())
        adjusted.append((apart > reach).mean())
        plain.append((apart > normal.inv_cdf(1 - q / 2)).mean())
    return float(np.mean(false)), float(np.mean(adjusted)), float(np.mean(plain))


@pytest.mark.parametrize("effect", [1.5, 3.0])
def test_false_discovery_and_false_coverage_stay_within_q_where_plain_intervals_do_not(effect: float) -> None:
    q = 0.1
    false, adjusted, plain = simulated(3000, q, effect)
    # shares lie in [0, 1] with a spread of at most .3 in each run, so a mean of 3,000 errs by .0055: two of those
    assert false <= q + 0.011
    assert adjusted <= q + 0.011
    if effect < 2:
        assert plain > 2 * q  # selected for being large, and small in truth: the plain interval misses often


@settings(max_examples=60, deadline=None)
@given(z=st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_a_selected_finding_s_interval_excludes_equality(z: list[float]) -> None:
    special = import_module("scipy.special")
    ours = benjamini_hochberg(2 * special.ndtr(-np.abs(z)), 0.1)
    if ours.selected:
        reach = NormalDist().inv_cdf((1 + ours.interval_level) / 2)
        assert (np.abs(z)[ours.rejected] >= reach - 1e-9).all()


def test_shapes_are_kept_and_p_values_of_nought_and_one_pass() -> None:
    p = np.array([[0.0, 1.0], [0.02, math.nan]])
    for method in METHODS.values():
        assert method(p).adjusted.shape == (2, 2)
        assert method(p).adjusted[0, 0] == 0.0
        assert method(p).adjusted[0, 1] == 1.0
    assert holm(0.03).adjusted == pytest.approx(0.03)
    assert bonferroni([1 + 1e-12]).adjusted[0] == 1.0


def test_impossible_p_values_and_rates_are_refused() -> None:
    for method in METHODS.values():
        with pytest.raises(ValueError, match=r"p_values: found 1\.2, expected numbers from 0 to 1, or NaN"):
            method([0.1, 1.2])
        with pytest.raises(ValueError, match=r"p_values: found -0\.1"):
            method([-0.1])
    with pytest.raises(ValueError, match="q: found 1, expected"):
        benjamini_hochberg([0.1], 1.0)

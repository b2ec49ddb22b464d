"""Rates by group against statsmodels and scipy on rows; small, constant, heavy-tailed and selected samples.

Tolerance 1e-9 relative: sums are exact to one rounding, and both sides solve the same equations in double precision.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from audits.statistics.mean_difference import skewness, too_skewed, welch
from tests.programs import run_program, write_program

CONTRACT = {
    "unit": "case",
    "groups": {"region": {"column": "region", "reference": "north"}},
    "rate": {"column": "rate", "unit": "percent"},
}


def loans(seed: int = 1, rows: int = 1200, gap: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "case": np.arange(rows), "client": np.arange(rows) // 3,
        "region": np.where(rng.random(rows) < 0.3, "south", "north"),
        "burden": rng.normal(0.3, 0.1, rows), "product": rng.choice(["auto", "home"], rows),
    })  # fmt: skip
    personal = rng.normal(0, 0.5, rows)[data["client"]]
    data["rate"] = 5 + 2 * data["burden"] - (data["product"] == "home") + personal + rng.normal(0, 0.3, rows)
    data["rate"] += gap * (data["region"] == "south")
    return data


def audited(folder, data, **roles):
    contract = {**CONTRACT, **roles}
    file = write_program(folder, data, contract=contract, audits={"primary": ["fair_lending.pricing"]})
    run, judgement = run_program(file, folder / "out")
    assert not run.errors
    return {m.measure: m for m in run.measurements if m.group == "south"}, run, judgement


def test_the_raw_gap_is_welchs_in_basis_points_and_positive_where_the_group_pays_more(tmp_path):
    data = loans(gap=0.2)
    found, _, _ = audited(tmp_path, data)
    south, north = (data.loc[data["region"] == name, "rate"] for name in ("south", "north"))
    oracle = stats.ttest_ind(south, north, equal_var=False)
    ends = oracle.confidence_interval(0.95)
    gap = found["rate_gap_bp"]
    assert gap.estimate == pytest.approx(100 * (south.mean() - north.mean()), rel=1e-9)
    assert (gap.low, gap.high) == pytest.approx((100 * ends.low, 100 * ends.high), rel=1e-8)
    assert gap.p_value == pytest.approx(oracle.pvalue, rel=1e-7)
    assert gap.mde > 0
    assert gap.ladder


@pytest.mark.parametrize("strata", [[], ["product"]])
@pytest.mark.parametrize("entity", [None, "client"])
def test_the_adjusted_gap_and_its_robustness_equal_statsmodels_on_rows(tmp_path, entity, strata):
    data = loans(2, gap=0.2)
    roles = {"controls": ["burden"], "strata": strata, **({"entity": entity} if entity else {})}
    gap = audited(tmp_path, data, **roles)[0]["adjusted_rate_gap_bp"]
    columns = [data["burden"], *((data[name] == "home") * 1.0 for name in strata), (data["region"] == "south") * 1.0]
    model = sm.OLS(data["rate"].to_numpy(), np.column_stack([np.ones(len(data)), *columns]))
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": data["client"]}} if entity else {"cov_type": "HC1"}
    fit, plain = model.fit(**kind), model.fit()
    assert gap.estimate == pytest.approx(100 * fit.params[-1], rel=1e-9)
    assert gap.standard_error == pytest.approx(100 * fit.bse[-1], rel=1e-9)
    sizes = data.groupby("region")["client"].nunique() if entity else data["region"].value_counts()
    reach = stats.t.ppf(0.975, min(sizes) - 1) * 100 * fit.bse[-1]
    assert gap.high - gap.estimate == pytest.approx(reach, rel=1e-8)
    f = abs(plain.tvalues[-1]) / np.sqrt(plain.df_resid)
    assert gap.details["robustness_value"] == pytest.approx(0.5 * (np.sqrt(f**4 + 4 * f**2) - f**2), rel=1e-8)
    assert gap.details["robustness_value_of_the_interval"] < gap.details["robustness_value"]


@pytest.mark.parametrize(("unit", "factor"), [("percent", 1.0), ("fraction", 0.01), ("basis_points", 100.0)])
def test_the_unit_of_the_rate_leaves_the_gap_in_basis_points_as_it_is(tmp_path, unit, factor):
    data = loans(3, gap=0.2)
    expected = audited(tmp_path / "percent", data)[0]["rate_gap_bp"]
    data["rate"] *= factor
    found = audited(tmp_path / unit, data, rate={"column": "rate", "unit": unit})[0]["rate_gap_bp"]
    for figure in ("estimate", "low", "high", "mde"):
        assert getattr(found, figure) == pytest.approx(getattr(expected, figure), rel=1e-8)


def test_repeated_clients_widen_the_raw_interval_as_clustered_errors_do(tmp_path):
    data = loans(4)
    data["region"] = np.where(data["client"] % 3 == 0, "south", "north")
    gap = audited(tmp_path, data, entity="client")[0]["rate_gap_bp"]
    design = sm.add_constant((data["region"] == "south") * 1.0)
    fit = sm.OLS(data["rate"], design).fit(cov_type="cluster", cov_kwds={"groups": data["client"]})
    assert gap.standard_error == pytest.approx(100 * fit.bse.iloc[1], rel=1e-9)
    assert gap.standard_error > 1.3 * audited(tmp_path / "alone", data)[0]["rate_gap_bp"].standard_error
    assert gap.counts["largest_entity"] == 3


@pytest.mark.parametrize(("rows", "measured"), [(0, None), (1, False), (5, False), (9, False), (10, True)])
def test_no_interval_from_a_handful_of_rates(tmp_path, rows, measured):
    data = loans(5, 400)
    data["region"] = np.where(np.arange(400) < max(rows, 1), "south", "north")
    if not rows:
        data.loc[data["region"] == "south", "rate"] = np.nan
    found, _, _ = audited(tmp_path, data, controls=["burden"])
    for measure in ("rate_gap_bp", "adjusted_rate_gap_bp"):
        assert (found[measure].estimate is not None) is bool(measured)
        assert (found[measure].reason is None) is bool(measured)


def test_a_group_of_a_few_clients_has_no_interval(tmp_path):
    data = loans(6, 900)
    data["region"] = np.where(data["client"] < 12, "south", "north")
    found, _, _ = audited(tmp_path, data, entity="client", controls=["burden"])
    assert "only 12 entities" in found["rate_gap_bp"].reason
    assert "only 12 entities" in found["adjusted_rate_gap_bp"].reason


def test_one_price_for_all_is_told_without_an_error_and_one_price_for_a_group_is_never_clear(tmp_path):
    data = loans(7)
    found, _, _ = audited(tmp_path / "all", data.assign(rate=5.0), controls=["burden"])
    assert "all rates are the same" in found["rate_gap_bp"].reason
    assert "no difference between rates" in found["adjusted_rate_gap_bp"].reason
    data.loc[data["region"] == "south", "rate"] = 5.1
    gap = audited(tmp_path / "group", data)[0]["rate_gap_bp"]
    assert gap.estimate is not None
    assert any("all rates of south are the same" in told for told in gap.unseen)


def test_a_control_that_is_the_group_leaves_nothing_to_compare(tmp_path):
    data = loans(8)
    data["burden"] = (data["region"] == "south") * 1.0
    assert (
        "nothing is left to compare" in audited(tmp_path, data, controls=["burden"])[0]["adjusted_rate_gap_bp"].reason
    )


def test_strata_that_nearly_tell_the_group_apart_give_no_interval(tmp_path):
    data = loans(9, 600)
    data["product"] = np.where(data["region"] == "south", "home", "auto")
    data.loc[data.index[data["region"] == "south"][:3], "product"] = "auto"
    gap = audited(tmp_path, data, strata=["product"])[0]["adjusted_rate_gap_bp"]
    assert gap.estimate is None
    assert "what is left is worth" in gap.reason


def test_heavy_tails_are_told_and_keep_a_verdict_open(tmp_path):
    data = loans(10)
    data.loc[data.index[data["region"] == "south"][0], "rate"] = 500.0
    gap = audited(tmp_path, data)[0]["rate_gap_bp"]
    assert any("heavy tails: the rates of south" in told for told in gap.unseen)
    assert audited(tmp_path / "plain", loans(10))[0]["rate_gap_bp"].unseen == ()


def test_rates_of_the_approved_alone_are_called_a_selected_sample_with_its_counts(tmp_path):
    data = loans(11)
    data["granted"] = np.arange(len(data)) % 4 != 0
    data.loc[~data["granted"], "rate"] = np.nan
    lost = data.index[data["granted"] & (data["region"] == "south")][:100]
    data.loc[lost, "rate"] = np.nan
    data["granted"] = data["granted"].astype(int)
    gap = audited(tmp_path, data, decision={"column": "granted", "favourable": 1})[0]["rate_gap_bp"]
    approved = int(((data["granted"] == 1) & (data["region"] == "south")).sum())
    assert any(told.startswith("a selected sample: 800 of 1,200 decided") for told in gap.cautions)
    assert f"100 of {approved} approved applications of south have no rate" in gap.unseen
    assert gap.counts["group_approved_without_rate"] == 100


def flagged(south: tuple[int, int], north: tuple[int, int], yes: object = 1, no: object = 0) -> pd.DataFrame:
    """(high-cost, other) loans by region."""
    flags = [*[yes] * south[0], *[no] * south[1], *[yes] * north[0], *[no] * north[1]]
    regions = ["south"] * sum(south) + ["north"] * sum(north)
    data = pd.DataFrame({"case": range(len(flags)), "region": regions, "dear": flags})
    return data.assign(rate=5 + (data["case"] % 7) / 10)


@pytest.mark.parametrize(("yes", "no"), [(1, 0), (True, False), ("Yes", "no")])
def test_high_cost_shares_and_their_ratio_are_counted_and_more_of_the_group_is_more(tmp_path, yes, no):
    data = flagged((60, 140), (60, 340), yes, no)
    found, _, judgement = audited(tmp_path, data, loan={"high_cost": "dear"})
    assert found["high_cost_share"].estimate == pytest.approx(0.3)
    ratio = found["high_cost_ratio"]
    assert ratio.estimate == pytest.approx(2.0)
    assert 1.25 < ratio.low < 2 < ratio.high
    assert ratio.mde > 0
    assert {f.verdict for f in judgement.findings if f.measurement.measure == "high_cost_ratio"} == {"concern"}


def test_no_high_cost_loan_of_the_reference_gives_no_ratio_and_says_so(tmp_path):
    found, _, _ = audited(tmp_path, flagged((5, 45), (0, 100)), loan={"high_cost": "dear"})
    assert "no loan of the reference group" in found["high_cost_ratio"].reason
    assert found["high_cost_ratio"].high is None


def test_flags_that_say_neither_yes_nor_no_are_refused_by_name(tmp_path):
    found, run, _ = audited(tmp_path, flagged((20, 20), (20, 20), "1", "2"), loan={"high_cost": "dear"})
    assert "high_cost_share" not in found
    assert any("'dear' holds '2'" in missing.reason for missing in run.not_answered)


def test_what_was_not_declared_is_told(tmp_path):
    _, run, _ = audited(tmp_path, loans(12).assign(w=1.0), weight="w")
    told = {missing.question.split(": ")[-1] for missing in run.not_answered}
    assert {"adjusted_rate_gap_bp", "high_cost_share", "weight"} <= told


def test_welch_matches_scipy_and_nothing_comes_of_nothing():
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 2, 17), rng.gamma(2, 1, 400)
    found = welch(len(a), a.sum(), (a**2).sum(), len(b), b.sum(), (b**2).sum())
    oracle = stats.ttest_ind(a, b, equal_var=False)
    assert found.difference / found.standard_error == pytest.approx(oracle.statistic, rel=1e-10)
    assert found.degrees_of_freedom == pytest.approx(oracle.df, rel=1e-10)
    assert np.isnan(welch(3, 15.3, 78.03, 4, 20.4, 104.04).standard_error)  # 5.1, whose sums are rounded
    with pytest.raises(ValueError, match="expected at least one value"):
        welch(0, 0, 0, 5, 1, 1)


def test_skewness_matches_scipy_and_cochrans_rule_takes_twenty_five_times_its_square():
    rng = np.random.default_rng(4)
    values = rng.gamma(1, 1, 300).round(1)
    different, counts = np.unique(values, return_counts=True)
    assert skewness(different, counts) == pytest.approx(stats.skew(values), rel=1e-10)
    assert (skewness([5.1], [9]), skewness([], [])) == (0.0, 0.0)
    assert too_skewed(100, 2.0)
    assert not too_skewed(101, 2.0)


@pytest.mark.parametrize("region", ["south", "north"])
@pytest.mark.parametrize(("share", "told"), [(0.03, False), (0.2, True)])
def test_without_a_decision_rows_without_a_rate_are_counted_and_many_never_clear(tmp_path, region, share, told):
    data = loans(31)
    own = data.index[data["region"] == region]
    data.loc[own[: int(share * len(own))], "rate"] = np.nan
    found, run, _ = audited(tmp_path, data, columns={"rate": {"null_tolerance": 1}})
    gap = found["rate_gap_bp"]
    assert gap.counts[f"{'group' if region == 'south' else 'reference'}_without_rate"] == int(share * len(own))
    assert any(f"of the rows of {region} have no rate" in words for words in gap.unseen) is told
    assert set(gap.unseen) <= set(gap.cautions)
    assert "decision" not in {item.role for item in run.exclusions}

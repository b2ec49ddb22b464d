"""Approval compared: weights, entities, strata and strangers, against figures worked out from rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.programs import run_program, write_program

GROUPS = {"region": {"column": "region", "reference": "north"}}


def applicants(seed: int, rows: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    region = rng.choice(["north", "south"], rows, p=[0.65, 0.35])
    product = np.where(rng.uniform(size=rows) < np.where(region == "south", 0.7, 0.3), "hard", "easy")
    tier = rng.choice(["x", "y", None], rows)
    chance = np.where(product == "hard", 0.5, 0.85) - 0.08 * (region == "south")
    client = rng.integers(0, rows // 3, rows)
    weight = np.round(rng.gamma(2, 1, rows), 3) * (rng.uniform(size=rows) > 0.05)
    return pd.DataFrame({
        "case": range(rows), "region": region, "product": product, "tier": tier, "client": client, "w": weight,
        "granted": (rng.uniform(size=rows) < chance).astype(int),
    })  # fmt: skip


def audited(folder, data, **roles):
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "groups": GROUPS,
        "dated": {"from": "2024-01-01", "to": "2024-12-31"}, **roles,
    }  # fmt: skip
    return run_program(write_program(folder, data, contract=contract), folder / "out")


def one(run, measure, group="south"):
    (found,) = [m for m in run.measurements if m.measure == measure and m.group == group]
    return found


def test_a_weighted_rate_has_the_linearised_variance_of_its_rows(tmp_path):
    data = applicants(1)
    run, _ = audited(tmp_path, data, weight="w")
    for label, part in data.groupby("region"):
        w, y = part["w"], part["granted"]
        p = (w * y).sum() / w.sum()
        found = one(run, "approval_rate", label)
        assert found.estimate == pytest.approx(p, rel=1e-12)
        error = np.sqrt((w**2 * (y - p) ** 2).sum()) / w.sum()
        # Wilson's interval of n* people, p(1 - p)/n* = error², is this wide
        n, z = p * (1 - p) / error**2, 1.959963984540054
        reach = z / (1 + z**2 / n) * np.sqrt(error**2 + z**2 / (4 * n**2))
        assert found.high - found.low == pytest.approx(2 * reach, rel=1e-9)
    gap = one(run, "approval_gap")
    means = {label: np.average(part["granted"], weights=part["w"]) for label, part in data.groupby("region")}
    assert gap.estimate == pytest.approx(means["north"] - means["south"], rel=1e-12)


def test_rows_of_one_entity_widen_the_interval_as_clustered_errors_do(tmp_path):
    import statsmodels.api as sm

    data = applicants(2)
    data = data.assign(granted=data.groupby("client")["granted"].transform("first"))
    run, _ = audited(tmp_path, data, entity="client")
    gap = one(run, "approval_gap")
    variance = 0.0
    for _, part in data.groupby("region"):
        fit = sm.OLS(part["granted"], np.ones(len(part))).fit(cov_type="cluster", cov_kwds={"groups": part["client"]})
        variance += fit.bse.iloc[0] ** 2
    # what entities with rows in both groups take from the variance of the gap is left out: the interval is the wider
    assert (gap.high - gap.low) / (2 * 1.96 * variance**0.5) == pytest.approx(1, abs=0.03)
    plain, _ = audited(tmp_path / "plain", data)
    assert gap.high - gap.low > 1.2 * (one(plain, "approval_gap").high - one(plain, "approval_gap").low)


def test_figures_within_strata_are_those_of_statsmodels_on_rows(tmp_path):
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    data = applicants(3)
    run, judgement = audited(tmp_path, data, strata=["product", "tier"])
    filled = data.assign(stratum=data["product"] + "/" + data["tier"].fillna("none"), tier=data["tier"].fillna("none"))
    tables = []
    for _, part in filled.groupby("stratum"):
        counts = pd.crosstab(part["region"], part["granted"]).reindex(index=["south", "north"], columns=[1, 0])
        tables.append(counts.to_numpy(dtype=float))
    pooled = sm.stats.StratifiedTable(np.array(tables).transpose(1, 2, 0))
    odds, gap = one(run, "stratified_odds_ratio"), one(run, "stratified_approval_gap")
    assert odds.estimate == pytest.approx(pooled.oddsratio_pooled, rel=1e-9)
    assert (odds.low, odds.high) == pytest.approx(pooled.oddsratio_pooled_confint(), rel=1e-6)
    assert one(run, "stratified_risk_ratio").estimate == pytest.approx(pooled.riskratio_pooled, rel=1e-9)
    assert odds.counts["strata"] == 6
    filled["south"] = (filled["region"] == "south").astype(int)
    fit = smf.logit("granted ~ south + C(product) + C(tier)", filled).fit(disp=False, cov_type="HC1")
    effect = fit.get_margeff(at="overall", dummy=True).summary_frame().loc["south"]
    logit = one(run, "logit_approval_gap")
    assert logit.estimate == pytest.approx(-effect["dy/dx"], rel=1e-6)
    assert logit.standard_error == pytest.approx(effect["Std. Err."], rel=2e-3)  # HC1 there lacks n / (n − k)
    assert gap.low < 0.08 < gap.high
    raw = {f.measurement.measure: f for f in judgement.findings}["adverse_impact_ratio"]
    assert "strata are not told apart" in " ".join(raw.cautions)


def test_a_group_alone_in_its_strata_is_never_clear(tmp_path):
    data = applicants(4).assign(granted=lambda d: (d["case"] % 10 > 0).astype(int))
    data.loc[(data["region"] == "south") & (data["case"] % 3 == 0), "product"] = "for the south only"
    run, judgement = audited(tmp_path, data, strata=["product"])
    gap = one(run, "stratified_approval_gap")
    assert "in strata without anybody of north" in gap.unseen[0]
    verdicts = {f.verdict for f in judgement.findings if f.measurement.measure == "stratified_approval_gap"}
    assert verdicts
    assert "clear" not in verdicts


def test_strangers_bound_the_ratio_whoever_they_are(tmp_path):
    data = applicants(5)
    stranger = data.index % 4 == 0
    told = data.assign(region=data["region"].where(~stranger))
    roles = {"columns": {"region": {"null_tolerance": 1}}}
    run, judgement = audited(tmp_path, told, **roles)
    coverage, bounds = one(run, "group_coverage", None), one(run, "bounded_adverse_impact_ratio")
    assert coverage.estimate == pytest.approx(0.75)
    assert coverage.counts == {"known": 2250, "decided": 3000}
    known = told.dropna(subset="region")
    x, n = known.groupby("region")["granted"].sum(), known.groupby("region")["granted"].count()
    yes, no = int(data["granted"][stranger].sum()), int((1 - data["granted"][stranger]).sum())
    worst = x["south"] / (n["south"] + no) / ((x["north"] + yes) / (n["north"] + yes))
    best = (x["south"] + yes) / (n["south"] + yes) / (x["north"] / (n["north"] + no))
    assert bounds.low < worst < best < bounds.high
    assert worst - bounds.low < 0.06
    for seed in range(5):  # any assignment of the strangers lies within
        rng = np.random.default_rng(seed)
        guessed = told["region"].fillna(pd.Series(rng.choice(["north", "south"], len(told), p=[0.2, 0.8])))
        rate = data.groupby(guessed)["granted"].mean()
        assert bounds.low < rate["south"] / rate["north"] < bounds.high
    found = {f.measurement.measure: f for f in judgement.findings}
    assert found["group_coverage"].verdict == "concern"
    assert "25.0 % of the decided applications" in " ".join(found["adverse_impact_ratio"].cautions)


def test_a_few_strangers_leave_the_complete_figures_free_of_cautions_but_are_counted(tmp_path):
    data = applicants(6)
    data.loc[data.index % 50 == 0, "region"] = None
    run, _ = audited(tmp_path, data, columns={"region": {"null_tolerance": 0.1}})
    assert one(run, "group_coverage", None).estimate == pytest.approx(0.98)
    assert one(run, "adverse_impact_ratio").unseen == ()


EDGES = {
    "one approved": [("south", 1)], "one declined": [("south", 0)], "five approved": [("south", 1)] * 5,
    "five declined": [("south", 0)] * 5, "a mixed five": [("south", i % 2) for i in range(5)],
}  # fmt: skip


@pytest.mark.parametrize("case", EDGES)
@pytest.mark.parametrize("north", [(200, 0), (0, 200), (150, 50)])
def test_tiny_and_one_sided_groups_get_a_figure_or_a_reason_and_no_verdict_beyond_the_evidence(tmp_path, case, north):
    rows = [("north", 1)] * north[0] + [("north", 0)] * north[1] + EDGES[case]
    data = pd.DataFrame(rows, columns=["region", "granted"])
    if data["granted"].nunique() < 2 and data["granted"].iloc[0] == 0:
        data.loc[len(data)] = ("north", 1)
    data["case"], data["w"], data["product"] = range(len(data)), 1.0, "only"
    run, judgement = audited(tmp_path, data, strata=["product"], weight="w", controls=["w"])
    assert not run.errors
    for m in run.measurements:
        assert (m.estimate is None) == bool(m.reason), m
    verdicts = {f.verdict for f in judgement.findings if f.measurement.measure != "group_coverage"}
    assert "breach" not in verdicts
    # beside a reference of whom nobody is approved nobody can fare worse: there a gap may be clear
    assert "clear" not in verdicts or north == (0, 200)


def test_weights_of_nought_give_a_reason_and_negative_ones_stop_the_run(tmp_path):
    data = applicants(7, 400)
    data.loc[data["region"] == "south", "w"] = 0.0
    run, _ = audited(tmp_path / "nought", data, weight="w")
    gap = one(run, "approval_gap")
    assert gap.estimate is None
    assert "'south' has the weight 0" in gap.reason
    data.loc[3, "w"] = -1.0
    run, judgement = audited(tmp_path / "negative", data, weight="w")
    assert not run.checks.fit
    assert "of at least 0" in run.checks.failures[0].expected
    assert {f.verdict for f in judgement.findings} == {"unfit"}


@pytest.mark.parametrize("client", ["all one", "two of a kind", "nobody named"])
def test_a_group_of_one_or_two_entities_or_of_none_named_is_worth_no_more_than_these(tmp_path, client):
    data = applicants(8, 2000)
    south = data["region"] == "south"
    data["granted"] = np.where(south, data["case"] % 10 < 6, data["case"] % 10 < 9).astype(int)
    if client == "all one":
        data["client"] = data["client"].where(~south, -1).astype(float)
    elif client == "two of a kind":
        data["client"] = np.where(south, -1.0 - data["granted"], data["client"])
    else:
        data["client"] = data["client"].where(~south).astype(float)
    run, judgement = audited(tmp_path, data, entity="client", columns={"client": {"null_tolerance": 1}})
    ratio = one(run, "adverse_impact_ratio")
    if client == "nobody named":
        assert ratio.estimate is None
        assert "names its entity" in ratio.reason
    else:
        assert ratio.low < 0.3
        assert ratio.high > 1
    found = {f.verdict for f in judgement.findings if f.measurement.measure == "adverse_impact_ratio"}
    assert not {"concern", "clear"} & found


def test_rows_without_an_entity_or_a_weight_widen_or_hold_back_but_never_narrow(tmp_path):
    data = applicants(9)
    data["granted"] = data.groupby("client")["granted"].transform("first")
    whole, _ = audited(tmp_path / "whole", data, entity="client")
    halved = data.assign(client=data["client"].where(data["client"] % 2 == 0).astype(float))
    half, _ = audited(tmp_path / "half", halved, entity="client", columns={"client": {"null_tolerance": 1}})
    wide, told = one(half, "approval_gap"), one(whole, "approval_gap")
    assert wide.high - wide.low > 0.9 * (told.high - told.low)
    assert "name no client" in wide.unseen[0]
    hidden = data.assign(w=data["w"].where((data["region"] != "south") | (data["granted"] == 1)))
    run, judgement = audited(tmp_path / "w", hidden, weight="w", columns={"w": {"null_tolerance": 1}})
    assert "of south have no weight" in one(run, "adverse_impact_ratio").unseen[0]
    raw = [f.verdict for f in judgement.findings if f.measurement.measure == "adverse_impact_ratio"]
    assert "clear" not in raw


def test_bounds_for_strangers_are_as_wide_as_entities_make_them_and_not_given_for_weights(tmp_path):
    data = applicants(10)
    data["granted"] = data.groupby("client")["granted"].transform("first")
    data.loc[data.index % 20 == 0, "region"] = None
    roles = {"columns": {"region": {"null_tolerance": 1}}}
    plain, _ = audited(tmp_path / "plain", data, **roles)
    repeated, _ = audited(tmp_path / "entity", data, entity="client", **roles)
    weighted, _ = audited(tmp_path / "weight", data, weight="w", **roles)
    narrow, wide = (one(run, "bounded_approval_gap") for run in (plain, repeated))
    assert wide.low < narrow.low < narrow.high < wide.high
    raw = one(repeated, "approval_gap")
    assert wide.low <= raw.low
    assert raw.high <= wide.high
    assert "weighted" in one(weighted, "bounded_approval_gap").reason


@pytest.mark.parametrize("weight", [1e-300, 1e300])
def test_weights_beyond_all_measure_give_a_reason(tmp_path, weight):
    run, _ = audited(tmp_path, applicants(11, 300).assign(w=weight), weight="w")
    assert run.errors == ()
    assert "beyond all measure" in one(run, "approval_gap").reason

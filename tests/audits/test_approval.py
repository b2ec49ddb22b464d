"""Small and one-sided groups: never a verdict from an interval that cannot be relied on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.programs import run_program, write_program


def audit(folder, south, north=((25, 25),)):
    """Groups given as (favourable, unfavourable); north is the reference."""
    rows = []
    for region, groups in (("north", north), ("south", south)):
        for favourable, unfavourable in groups:
            rows += [(region, 1)] * favourable + [(region, 0)] * unfavourable
    data = pd.DataFrame(rows, columns=["region", "granted"])
    data["case"] = range(len(data))
    data["burden"] = [0.1 * (i % 7) for i in range(len(data))]
    return run_program(write_program(folder, data), folder / "out")


def one(run, measure):
    (found,) = [m for m in run.measurements if m.measure == measure and m.group == "south"]
    return found


def verdicts(judgement):
    return {finding.rule.measure: finding.verdict for finding in judgement.findings}


def test_a_group_of_one_denied_gives_no_concern(tmp_path):
    run, judgement = audit(tmp_path, [(0, 1)])
    assert one(run, "adjusted_approval_gap").estimate is None
    assert "only 0 rows of its rarer decision" in one(run, "adjusted_approval_gap").reason
    found = verdicts(judgement)
    assert found["adverse_impact_ratio"] == "inconclusive"
    assert found["adjusted_approval_gap"] == "not_identified"
    assert not {"breach", "concern"} & set(found.values())


@pytest.mark.parametrize(("unfavourable", "measured"), [(9, False), (10, True)])
def test_the_adjusted_gap_needs_ten_rows_of_either_decision(tmp_path, unfavourable, measured):
    run, _ = audit(tmp_path, [(60, unfavourable)])
    assert (one(run, "adjusted_approval_gap").estimate is not None) is measured


def test_nobody_of_the_reference_approved_gives_no_ratio_and_says_so(tmp_path):
    run, judgement = audit(tmp_path, [(15, 15)], north=[(0, 40)])
    ratio = one(run, "adverse_impact_ratio")
    assert (ratio.estimate, ratio.high) == (None, None)
    assert "nobody of the reference group 'north' was approved" in ratio.reason
    assert verdicts(judgement)["adverse_impact_ratio"] == "not_identified"


def test_everybody_approved_is_clear_only_when_the_sample_can_say_so(tmp_path):
    assert verdicts(audit(tmp_path / "few", [(5, 0)], north=[(50, 0)])[1])["adverse_impact_ratio"] == "inconclusive"
    assert verdicts(audit(tmp_path / "many", [(90, 0)], north=[(90, 0)])[1])["adverse_impact_ratio"] == "clear"


def test_a_departure_larger_than_any_that_can_occur_is_not_called_detectable(tmp_path):
    run, judgement = audit(tmp_path, [(1, 1)])
    assert one(run, "approval_gap").mde is None
    assert one(run, "adverse_impact_ratio").mde is None
    assert any("could not be counted on" in finding.explanation for finding in judgement.findings)


def test_the_gap_is_positive_when_the_group_is_approved_less_often_and_negative_otherwise(tmp_path):
    assert one(audit(tmp_path / "less", [(30, 70)], north=[(70, 30)])[0], "approval_gap").estimate == pytest.approx(0.4)
    assert one(audit(tmp_path / "more", [(70, 30)], north=[(30, 70)])[0], "approval_gap").estimate == pytest.approx(
        -0.4
    )


def test_rows_lost_for_want_of_a_control_cannot_make_a_clear(tmp_path):
    import numpy as np

    rng = np.random.default_rng(2)
    data = pd.DataFrame({"case": range(40_000), "region": rng.choice(["north", "south"], 40_000, p=[0.7, 0.3])})
    data["granted"] = (rng.uniform(size=len(data)) < np.where(data["region"] == "south", 0.65, 0.85)).astype(int)
    data["burden"] = rng.normal(size=len(data))
    refused = (data["region"] == "south") & (data["granted"] == 0) & (rng.uniform(size=len(data)) < 0.75)
    data.loc[refused, "burden"] = np.nan
    contract = {
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
        "controls": ["burden"],
        "columns": {"burden": {"null_tolerance": 0.2}},
        "dated": {"from": "2024-01-01", "to": "2024-12-31"},
    }
    _, judgement = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out")
    adjusted = [f for f in judgement.findings if f.rule.measure == "adjusted_approval_gap"]
    assert {f.verdict for f in adjusted} == {"inconclusive"}
    assert all("of south are left out" in f.explanation for f in adjusted)


def test_controls_that_never_vary_adjust_nothing_and_are_not_judged(tmp_path):
    from tests.programs import loans

    data = loans(3).assign(burden=1.0)
    run, judgement = run_program(write_program(tmp_path, data), tmp_path / "out")
    (adjusted,) = [m for m in run.measurements if m.measure == "adjusted_approval_gap"]
    assert (adjusted.estimate, "no declared control varies" in adjusted.reason) == (None, True)
    assert verdicts(judgement)["adjusted_approval_gap"] == "not_identified"


def repeated(seed: int, people: int, each: int = 5):
    """Applications of people who apply several times and are treated alike each time."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    south, leaning = rng.random(people) < 0.4, rng.normal(0, 0.25, people)
    burden = rng.normal(0.3, 0.1, len(person))
    chance = np.clip(0.6 + leaning[person] - 0.4 * (burden - 0.3), 0.02, 0.98)
    return pd.DataFrame({
        "case": np.arange(len(person)), "client no": [f"c{i}" for i in person], "burden": burden,
        "region": np.where(south[person], "south", "north"), "granted": (rng.random(len(person)) < chance).astype(int),
    })  # fmt: skip


def test_a_declared_entity_gives_cluster_robust_errors_as_statsmodels_on_rows(tmp_path):
    import statsmodels.api as sm

    data = repeated(3, 400)
    contract = {
        "unit": "case", "entity": "client no", "decision": {"column": "granted", "favourable": 1},
        "controls": ["burden"], "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    run, _ = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out")
    (gap,) = (m for m in run.measurements if m.measure == "adjusted_approval_gap")
    design = sm.add_constant(np.column_stack([data["region"] == "south", data["burden"]]).astype(float))
    model = sm.OLS(data["granted"].astype(float), design)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(data["client no"])[0]}, use_t=True)
    assert gap.estimate == pytest.approx(-fit.params.iloc[1], rel=1e-9)
    assert gap.standard_error == pytest.approx(fit.bse.iloc[1], rel=1e-9)
    people = data.groupby("region")["client no"].nunique()
    reach = stats.t.ppf(0.975, people["south"] - 1) * fit.bse.iloc[1]  # the smaller group's degrees
    assert (gap.low, gap.high) == pytest.approx((-fit.params.iloc[1] - reach, -fit.params.iloc[1] + reach), rel=1e-9)
    assert gap.p_value == pytest.approx(2 * stats.t.sf(abs(fit.tvalues.iloc[1]), people["south"] - 1), rel=1e-8)
    assert (gap.counts["group_entities"], gap.counts["reference_entities"]) == (people["south"], people["north"])
    assert gap.counts["largest_entity"] == 5
    assert gap.standard_error > 1.2 * model.fit(cov_type="HC1").bse.iloc[1]
    plain, _ = run_program(write_program(tmp_path / "plain", data), tmp_path / "plain/out")
    (raw,), (naive,) = ([m for m in r.measurements if m.measure == "approval_gap"] for r in (run, plain))
    assert raw.estimate == naive.estimate
    assert 1.2 < (raw.high - raw.low) / (naive.high - naive.low) < 3


def test_few_entities_give_no_interval_that_would_be_too_narrow(tmp_path):
    contract = {
        "entity": "client no", "decision": {"column": "granted", "favourable": 1}, "controls": ["burden"],
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    file = write_program(tmp_path, repeated(4, 30, 40), contract=contract)
    (gap,) = (m for m in run_program(file, tmp_path / "out")[0].measurements if m.measure == "adjusted_approval_gap")
    assert gap.estimate is None
    assert "only 8 entities" in gap.reason


def test_a_group_of_one_entity_among_many_gets_no_interval(tmp_path):
    data = repeated(5, 300)
    data["region"] = np.where(data["client no"] == "c0", "south", "north")
    data = pd.concat([data, data[data["region"] == "south"].sample(60, replace=True, random_state=1)])
    contract = {
        "entity": "client no", "decision": {"column": "granted", "favourable": 1}, "controls": ["burden"],
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract)
    (gap,) = (m for m in run_program(file, tmp_path / "out")[0].measurements if m.measure == "adjusted_approval_gap")
    assert (gap.estimate, gap.low, gap.p_value) == (None, None, None)

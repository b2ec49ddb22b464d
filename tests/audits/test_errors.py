"""Decision against matured outcome, by group: rows through the libraries themselves are the oracle."""

from __future__ import annotations

import warnings

import fairlearn.metrics
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from audits.fair_lending.errors import GAPS, METRICS, Errors
from audits.statistics.ladder import bounds_at
from audits.statistics.metric_intervals import metric_interval
from checks.problem import InputError
from tests.programs import run_program, write_program
from tests.questions import measure_program

SIGN = {"lower": -1, "higher": 1, "either": 1}
DECISION = {"column": "granted", "favourable": 1}
ERRORS = {"primary": ["fair_lending.errors"], "exploratory": []}


def book(seed: int = 5, rows: int = 1200) -> pd.DataFrame:
    """Applications whose outcome is known for everybody, with groups that differ in decisions and outcomes."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["north", "south", "west"], rows, p=[0.5, 0.35, 0.15])
    risk = rng.uniform(size=rows)
    granted = (risk + rng.normal(0, 0.25, rows) > 0.4 + 0.12 * (group == "south")).astype(int)
    paid = (rng.uniform(size=rows) < 0.35 + 0.6 * risk).astype(float)
    return pd.DataFrame({"case": np.arange(rows), "region": group, "granted": granted, "paid": paid})


def written(folder, data, outcome, audits, contract):
    contract = {
        "unit": "case", "decision": DECISION, "groups": {"region": {"column": "region", "reference": "north"}},
        "outcome": {"column": "paid", "favourable": 1, **(outcome or {})}, "columns": {"paid": {"null_tolerance": 1}},
        **contract,
    }  # fmt: skip
    return write_program(folder, data, contract=contract, audits=audits)


def audited(folder, data, outcome=None, audits=ERRORS, **contract):
    run, judgement = run_program(written(folder, data, outcome, audits, contract), folder / "out")
    assert not run.errors
    return run, judgement


def measured(folder, data, outcome=None, question=None, **contract):
    """Figures and what was not answered, without checks and judgement."""
    return measure_program(written(folder, data, outcome, ERRORS, contract), question or Errors(), folder / "evidence")


def figures(found, measure, group=None):
    return [m for m in found if m.measure == measure and group in (None, m.group)]


def on_rows(name: str, rows: pd.DataFrame) -> float:
    function = getattr(fairlearn.metrics, name, None) or getattr(sklearn.metrics, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(rows["paid"], rows["granted"]))


def test_every_metric_of_every_group_is_that_of_the_libraries_on_rows(tmp_path):
    data = book()
    data.loc[::9, "paid"] = np.nan
    found, _ = measured(tmp_path, data)
    known = data.dropna()
    for name in METRICS:
        own = {m.group: m for m in figures(found, name)}
        assert set(own) == {"north", "south", "west"}
        for label, one in own.items():
            expected = on_rows(name, known[known["region"] == label])
            assert one.estimate == pytest.approx(expected, rel=1e-9, abs=1e-12), name
            assert one.low < one.estimate < one.high, name
            assert one.counts["outcome_unknown"] == data.loc[data["region"] == label, "paid"].isna().sum()


def score_statistic(c, difference: float) -> float:
    """Miettinen and Nurminen's statistic of a difference, the likelihood under it maximised by numerical search."""
    x1, n1, x0, n0 = (c[f"{who}_{what}"] for who in ("group", "reference") for what in ("counted", "counted_in"))

    def unlikely(p0):
        p1 = p0 + difference
        return -(x1 * np.log(p1) + (n1 - x1) * np.log1p(-p1) + x0 * np.log(p0) + (n0 - x0) * np.log1p(-p0))

    bounds = (max(0, -difference) + 1e-12, min(1, 1 - difference) - 1e-12)
    p0 = minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    p1, total = p0 + difference, n1 + n0
    variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * total / (total - 1)
    return (x1 / n1 - x0 / n0 - difference) ** 2 / variance


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_is_signed_by_its_harm_and_bounded_by_inverting_the_score_test(tmp_path, name):
    data = book()
    found, _ = measured(tmp_path, data)
    (gap,) = figures(found, f"{name}_gap", "south")
    own, other = (on_rows(name, data[data["region"] == label]) for label in ("south", "north"))
    assert gap.estimate == pytest.approx(SIGN[GAPS[name]] * (own - other), abs=1e-12)
    c = gap.counts
    assert c["group_counted"] / c["group_counted_in"] == pytest.approx(own, abs=1e-12)
    for end in (gap.low, gap.high):
        statistic = score_statistic(c, SIGN[GAPS[name]] * end)
        assert statistic == pytest.approx(norm.ppf(0.975) ** 2, rel=1e-6)
    assert bounds_at(gap.ladder, 0.95) == pytest.approx((gap.low, gap.high))
    assert 0 < gap.mde < 1


@pytest.mark.parametrize("name", ["true_positive_rate", "false_positive_rate", "precision_score", "zero_one_loss"])
def test_a_share_has_wilsons_interval(tmp_path, name):
    found, _ = measured(tmp_path, book())
    (one,) = figures(found, name, "west")
    expected = proportion_confint(one.counts["counted"], one.counts["counted_in"], method="wilson")
    assert (one.low, one.high) == pytest.approx(expected, rel=1e-9)


def test_transformed_and_resampled_intervals_agree_with_a_bootstrap_of_rows():
    """Large counts, where percentile limits of 4,000 resamples are right to about a tenth of the width."""
    rng = np.random.default_rng(8)
    table = np.array([900, 300, 400, 2400])
    draws = rng.multinomial(table.sum(), table / table.sum(), 4000)
    tn, fp, fn, tp = draws.T.astype(float)
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    share = (tp + fn) / draws.sum(axis=1)
    others = {
        "f1_score": 2 * tp / (2 * tp + fp + fn), "balanced_accuracy_score": (tp / (tp + fn) + tn / (tn + fp)) / 2,
        "root_mean_squared_error": np.sqrt((fp + fn) / draws.sum(axis=1)),
        "matthews_corrcoef": (tp * tn - fp * fn) / spread,
        "r2_score": 1 - (fp + fn) / draws.sum(axis=1) / (share * (1 - share)),
    }  # fmt: skip
    for name, values in others.items():
        low, high = np.quantile(values, [0.025, 0.975])
        found = metric_interval(name, tuple(int(n) for n in table)).at(0.95)
        assert found == pytest.approx((low, high), abs=0.1 * (high - low)), name


def test_wilson_through_the_jaccard_score_covers_f1():
    """2,000 tables of 60 people: coverage within four standard errors of .95, and Wilson's own swing of .015."""
    rng = np.random.default_rng(4)
    chances = np.array([0.25, 0.15, 0.2, 0.4])
    truth = 2 * chances[3] / (2 * chances[3] + chances[1] + chances[2])
    held = 0
    for tn, fp, fn, tp in rng.multinomial(60, chances, 2000).tolist():
        low, high = metric_interval("f1_score", (tn, fp, fn, tp)).at(0.95)
        held += low <= truth <= high
    assert abs(held / 2000 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 2000) + 0.015


@pytest.mark.parametrize("how", ["stated", "found"])
def test_outcomes_of_the_approved_only_leave_precision_alone_and_never_clear(tmp_path, how):
    data = book()
    if how == "found":
        data.loc[data["granted"] == 0, "paid"] = np.nan
    run, judgement = audited(tmp_path, data, {"observed_when": "granted"} if how == "stated" else {})
    for one in run.measurements:
        if one.measure in ("precision_score", "precision_score_gap"):
            assert one.estimate is not None
            assert any("selected sample" in said for said in one.cautions)
            assert set(one.unseen) >= {said for said in one.cautions if "selected" in said}
        else:
            assert one.estimate is None
            assert "what the declined would have done is unknown" in one.reason
    approved = data[(data["granted"] == 1) & (data["region"] == "south")]
    assert figures(run.measurements, "precision_score", "south")[0].estimate == pytest.approx(approved["paid"].mean())
    assert not {f.verdict for f in judgement.findings} & {"clear", "breach"}


def test_a_few_known_outcomes_of_the_declined_make_a_selected_sample_that_says_its_share(tmp_path):
    data = book()
    declined = data.index[data["granted"] == 0]
    data.loc[declined[::2], "paid"] = np.nan
    share = data.loc[declined, "paid"].notna().mean()
    found, _ = measured(tmp_path, data)
    for one in found:
        assert one.estimate is not None
        assert any(f"100.0 % of the approved and {100 * share:.1f} % of the declined" in said for said in one.unseen)
        assert any("selected sample" in said for said in one.cautions)


def test_declined_of_one_group_without_an_outcome_leave_its_figures_out_and_mark_the_others(tmp_path):
    data = book()
    data.loc[(data["granted"] == 0) & (data["region"] == "south"), "paid"] = np.nan
    found, _ = measured(tmp_path, data)
    (rate,), (gap,) = figures(found, "true_positive_rate", "south"), figures(found, "true_positive_rate_gap", "south")
    assert (rate.estimate, gap.estimate) == (None, None)  # else it would seem that all who repay are approved
    assert figures(found, "true_positive_rate", "west")[0].estimate is not None
    assert all(m.unseen for m in found if m.estimate is not None)


def test_outcomes_that_are_missing_alike_are_counted_and_not_called_selected(tmp_path):
    data = book(rows=6000)
    data.loc[::5, "paid"] = np.nan
    found, _ = measured(tmp_path, data)
    rate = figures(found, "true_positive_rate", "south")[0]
    assert not rate.unseen
    assert rate.counts["outcome_unknown"] == data.loc[data["region"] == "south", "paid"].isna().sum()


def test_only_matured_outcomes_count(tmp_path):
    data = book()
    data["decided"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(len(data)) % 365, unit="D")
    rule = {"matures_after": "6 months", "observed_until": "2025-12-31"}
    found, _ = measured(tmp_path, data, rule, time="decided")
    old = data[data["decided"] < "2025-07-01"]
    for label in ("north", "south"):
        one = figures(found, "accuracy_score", label)[0]
        rows = old[old["region"] == label]
        assert (one.n, one.estimate) == (len(rows), pytest.approx((rows["paid"] == rows["granted"]).mean()))


def test_precisions_gap_says_that_a_mean_outcome_test_can_have_the_wrong_sign(tmp_path):
    found, _ = measured(tmp_path, book())
    gap = figures(found, "precision_score_gap", "south")[0]
    assert any("wrong sign" in said for said in gap.cautions)
    assert any("wrong sign" in said for said in gap.unseen)
    assert not figures(found, "true_positive_rate_gap", "south")[0].cautions


@pytest.mark.parametrize("size", [0, 1, 5])
def test_small_groups_have_a_figure_or_a_reason(tmp_path, size):
    data = book()
    data = data[(data["region"] != "west") | (data.groupby("region").cumcount() < size)]
    run, judgement = audited(tmp_path, data)
    found = run.measurements
    assert len(figures(found, "accuracy_score")) == (3 if size else 2)
    for one in found:
        assert (one.estimate is None) == (one.reason is not None), one.measure
        assert one.group != "west" or one.measure.endswith("_gap") or one.n <= size
    assert all(f.verdict != "clear" for f in judgement.findings if f.measurement.group == "west")


@pytest.mark.parametrize(
    ("granted", "paid"), [(None, 1), (None, 0), (1, None), (0, None), (1, 1), (0, 0), (1, 0), (0, 1), (None, np.nan)]
)
def test_one_sided_books_have_figures_or_reasons(tmp_path, granted, paid):
    data = book(rows=300)
    data = data.assign(**({"granted": granted} if granted is not None else {}))
    data = data.assign(**({"paid": float(paid)} if paid is not None else {}))
    groups = {"region": {"column": "region", "reference": "north"}}
    decision = {"column": "granted", "favourable": 1, "unfavourable": 0}
    found, _ = measured(tmp_path, data, decision=decision, groups=groups)
    assert len(found) >= len(METRICS)
    for one in found:
        assert (one.estimate is None) == (one.reason is not None), one.measure
    if paid is np.nan:
        assert all(m.estimate is None for m in found)


def test_a_reference_without_a_decision_that_counts_gives_a_reason(tmp_path):
    data = book()
    data.loc[data["region"] == "north", "granted"] = 2
    found, _ = measured(
        tmp_path, data, decision={"column": "granted", "favourable": 1, "unfavourable": 0, "excluded": 2}
    )
    gaps = [m for m in found if m.measure.endswith("_gap")]
    assert len(gaps) == 2 * len(GAPS)
    assert all("reference group 'north'" in m.reason for m in gaps)


def test_repeated_entities_and_strata_are_said_and_never_clear(tmp_path):
    data = book().assign(client=lambda d: d["case"] // 3, branch="a")
    found, missing = measured(tmp_path, data, entity="client", strata=["branch"])
    gap = figures(found, "true_positive_rate_gap", "south")[0]
    assert any("entity" in said for said in gap.cautions)
    assert any("strata" in said for said in gap.unseen)
    assert {m.question.split(": ")[1] for m in missing} >= {"entity", "strata"}


def test_metrics_can_be_chosen_and_a_wrong_name_is_an_error_that_names_them(tmp_path):
    few = {"primary": [{"fair_lending.errors": {"metrics": ["precision_score", "f1_score"]}}]}
    run, _ = audited(tmp_path, book(), audits=few)
    assert {m.measure for m in run.measurements} == {"precision_score", "precision_score_gap", "f1_score"}
    wrong = {"primary": [{"fair_lending.errors": {"metrics": ["precision"]}}]}
    with pytest.raises(InputError, match="precision_score"):
        audited(tmp_path / "wrong", book(), audits=wrong)


def test_outcomes_that_are_missing_for_one_group_make_its_gaps_a_selected_sample(tmp_path):
    data = book(rows=6000)
    own = data.index[data["region"] == "south"]
    data.loc[own[::5], "paid"] = np.nan  # alike for approved and declined
    found, _ = measured(tmp_path, data)
    gap = figures(found, "true_positive_rate_gap", "south")[0]
    for said in (gap.cautions, gap.unseen):
        assert any("80.0 % of south and 100.0 % of north" in words for words in said)

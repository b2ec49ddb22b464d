"""The question on flips: its figures, their errors, and what it says where a flip cannot tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from audits.comparisons.flip_figures import flips_need, mean_figure, ratio_figure, share_figure
from audits.comparisons.proxy_figures import proxies_need
from audits.evidence.flip_results import Spread
from audits.evidence.flip_sums import spread
from audits.evidence.flips import collect_flips
from audits.evidence.proxy_results import FeatureProxy, Proxies, ProxyPair
from audits.explanation.paired_flips import PairedFlips
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.problem import InputError
from tests.audits.test_evidence_flips import CONTRACT, FEATURES, as_new, book, by_hand, model, of_log, opened
from tests.programs import run_program, write_program
from tests.registered import Registry

pytestmark = pytest.mark.xdist_group("mlflow")


class Collected:
    """Evidence of a model by need; a fault is raised as the collector's file would have it."""

    def __init__(self, **found):
        self.found = found

    def modelled(self, need):
        found = self.found[type(need).__name__]
        if isinstance(found, ModelFault):
            raise ModelUnusable(found)
        return found


def answered(folder, data, contract=CONTRACT, made=None, proxies=None, rows=20_000):
    question = PairedFlips(rows=rows)
    with opened(folder, data, contract) as source:
        known = source.contract
        assert set(question.needs(known)) >= {flips_need(known, rows), proxies_need(known)}
        flips = collect_flips(source, made or model(), flips_need(known, rows))
    found = {"FlipsNeed": flips} | ({"ProxiesNeed": proxies} if proxies else {})
    figures, missing = question.measure(Collected(**found), known)
    return {(one.measure, one.segment): one for one in figures}, missing


def pair(attribute, group, named, rest=()):
    """Proxies of one group: ``named`` carries a gap to its harm, the rest nothing."""
    features = [FeatureProxy(named, False, 0.9, 0.01, 0.1, 0.01, 0.1, 0.01, 0.1, 0.01, 0.2)] if named else []
    features += [FeatureProxy(name, False, 0.5, 0.02, 0.0, 0.01, 0.0, 0.01, 0.0, 0.01, 0.2) for name in rest]
    covariance = tuple(tuple(1e-4 if i == k else 0.0 for k in range(len(features))) for i in range(len(features)))
    one = ProxyPair(
        attribute, group, "man", 500, 500, 500, 500, None, tuple(features), covariance, (), None, None, 0.1, 0.01, 0.0,
        0.0, 0.0, 0, 0.0, 0.0, 0.5, 1.0, (1.0, 1.0), False,
    )  # fmt: skip
    return Proxies(1000, 0, "log", "exact", "interventional", 100, "cost", False, (one,))


def test_a_flip_of_tenure_is_a_price_as_a_new_customer(tmp_path):
    data = book(1)
    figures, _ = answered(tmp_path, data)
    told = by_hand(data, as_new, data["years held"] > 0)
    change = figures["flip_output_change", "tenure"]
    assert (change.attribute, change.group, change.n, change.equality) == ("tenure", None, len(told), 0.0)
    assert change.estimate == pytest.approx(told["d"].mean())
    low, high = stats.t.interval(0.95, len(told) - 1, told["d"].mean(), stats.sem(told["d"]))
    assert (change.low, change.high) == pytest.approx((low, high))
    assert change.details["mean_ratio"] == pytest.approx(np.exp(told["d"].mean()))
    above = told["own"] - told["flipped"] > 0.01
    assert change.details["share_above"] == pytest.approx(above.mean())
    assert change.details["change_50"] == pytest.approx(told["d"].median())
    harmed = figures["flip_harmed_share", "tenure"]
    count = (told["own"] / told["flipped"] - 1 > 0.001).sum()
    exact = stats.binomtest(int(count), len(told)).proportion_ci(0.95, "exact")
    assert (harmed.estimate, harmed.low, harmed.high) == pytest.approx((count / len(told), exact.low, exact.high))
    assert harmed.counts["harmed"] + harmed.counts["better"] + harmed.counts["alike"] == harmed.n
    assert "years held = 0, points = 0, miles = =first miles" in change.method


@pytest.mark.parametrize("favourable", ["high", "low"])
def test_above_nought_is_worse_for_the_person_whichever_side_is_good(tmp_path, favourable):
    data = book(2)
    data["score"] = of_log(data)
    contract = {"unit": "policy no", "score": "score", "groups": CONTRACT["groups"], "features": list(FEATURES),
                "prediction": {"of": "score", "favourable": favourable}}  # fmt: skip
    figures, missing = answered(tmp_path, data, contract, model(link="identity"))
    worse = 1 if favourable == "low" else -1
    change = figures["flip_output_change", "sex: woman → man"]
    assert change.estimate == pytest.approx(0.05 * worse / (4 * data["score"].std()))
    assert (change.group, change.reference) == ("woman", "man")
    assert change.details["own_less_flipped"] == pytest.approx(0.05)
    assert figures["flip_harmed_share", "sex: woman → man"].estimate == (1.0 if favourable == "low" else 0.0)
    assert figures["flip_harmed_share", "sex: man → woman"].estimate == (0.0 if favourable == "low" else 1.0)
    reasons = [one.reason for one in missing if one.question == "explanation.paired_flips: protected_flip_cases"]
    assert len(reasons) == 1
    assert "threshold" in reasons[0]


def decisions(folder, data, rows, effect):
    score = lambda frame: 600 - 5 * frame["miles"].to_numpy(float) - effect * (frame["SEX"] == "f")  # noqa: E731
    data = data.assign(score=score(data))
    contract = {"unit": "policy no", "score": "score", "groups": CONTRACT["groups"], "features": list(FEATURES),
                "prediction": {"of": "score", "favourable": "high", "threshold": 500.02}}  # fmt: skip
    made = model(lambda frame: score(frame).to_numpy(float), link="identity")
    return answered(folder, data, contract, made, rows=rows), score


def test_decisions_that_turn_on_a_group_are_counted(tmp_path):
    data = book(3)
    (figures, _), score = decisions(tmp_path, data, 20_000, 30)
    cases = figures["protected_flip_cases", "sex: woman → man"]
    women = data[data["SEX"] == "f"]
    lost = ((score(women) < 500.02) & (score(women.assign(SEX="m")) >= 500.02)).sum()
    assert cases.estimate == cases.low == cases.high == lost > 0
    assert (cases.counts["lost"], cases.counts["gained"], cases.n) == (lost, 0, len(women))
    men = data[data["SEX"] == "m"]
    gained = ((score(men) >= 500.02) & (score(men.assign(SEX="f")) < 500.02)).sum()
    back = figures["protected_flip_cases", "sex: man → woman"]
    assert (back.counts["lost"], back.counts["gained"], back.estimate) == (0, gained, gained)
    assert figures["protected_flip_cases", "sex: other → man"].estimate == 0
    assert not figures["protected_flip_cases", "sex: other → man"].unseen[:-1]  # all rows were drawn


def test_no_case_in_a_sample_leaves_its_bound(tmp_path):
    data = pd.concat([book(4).assign(**{"policy no": lambda f, k=k: f["policy no"] + str(k)}) for k in range(2)])
    (figures, _), _ = decisions(tmp_path, data, 500, 0)
    cases = figures["protected_flip_cases", "sex: woman → man"]
    assert (cases.estimate, cases.n, cases.counts["drawn"]) == (0, 500, 500)
    most = 100 * (1 - 0.05 ** (1 / 500))  # about 3/n
    assert f"up to {most:.2g} %" in cases.unseen[0]
    change = figures["flip_output_change", "sex: woman → man"]
    assert (change.estimate, change.standard_error) == (0.0, 0.0)
    assert "up to 0.6 % may change otherwise" in change.unseen[0]


def test_a_flip_that_shows_nothing_names_the_proxy_that_carries_the_gap(tmp_path):
    data = book(5)
    blind = model(lambda frame: 6 + 0.003 * frame["miles"].to_numpy(float))
    figures, _ = answered(tmp_path, data, made=blind, proxies=pair("sex", "woman", "points", ("miles",)))
    told = figures["flip_output_change", "sex: woman → man"].unseen
    assert told == figures["flip_harmed_share", "sex: woman → man"].unseen
    assert told[0].startswith("the flip shows nothing, but points stand in for sex")
    assert "not measured" in figures["flip_output_change", "tenure"].unseen[0]
    figures, _ = answered(tmp_path, data, made=blind, proxies=pair("sex", "woman", None, ("miles", "points")))
    assert figures["flip_output_change", "sex: woman → man"].unseen == ()
    figures, _ = answered(tmp_path, data, proxies=pair("time as a customer", "renewing", "points"))
    told = figures["flip_output_change", "tenure"].unseen
    assert told[0].startswith("points stand in for tenure")
    figures, _ = answered(tmp_path, data, made=blind, proxies=ModelFault("no_rows"))
    assert "not measured" in figures["flip_output_change", "sex: woman → man"].unseen[0]


def test_a_model_without_the_column_is_not_free_of_harm(tmp_path):
    data = book(6)
    contract = {**CONTRACT, "features": ["miles", "points"], "prediction": {"of": "price", "scale": "log"},
                "behaviour": {"device": "handset"}}  # fmt: skip
    made = model(lambda frame: 6 + 0.003 * frame["miles"].to_numpy(float), columns=("miles", "points"))
    figures, missing = answered(tmp_path, data, contract, made, pair("sex", "woman", "points"))
    assert figures == {}
    lacking = {(one.question.split(": ")[1], str(one.reason)) for one in missing}
    for measure in ("flip_output_change", "protected_flip_cases"):
        assert any(name == measure and "points stand in for" in why and "sex" in why for name, why in lacking)
    assert ("flip_output_change", "the model does not take tenure: a flip cannot show treatment by proxy, and says "
            "nothing on harm") in lacking  # fmt: skip


def test_a_fault_of_the_model_costs_every_measure_its_answer(tmp_path):
    with opened(tmp_path, book(7, 100), CONTRACT) as source:
        found = Collected(FlipsNeed=ModelFault("not_trusted", {"uri": "models:/m/1"}))
        figures, missing = PairedFlips().measure(found, source.contract)
    assert figures == []
    assert [one.question for one in missing] == [f"explanation.paired_flips: {one}" for one in PairedFlips.measures]
    assert all("trusted_model" in one.needed for one in missing)


def test_a_flip_that_changes_nobody_or_goes_beyond_the_rows_is_told(tmp_path):
    data = book(8)
    flips = {"nobody": {"set": {"miles": 5}, "when": {"SEX": "q"}}, "same": {"set": {"SEX": "f"}, "when": {"SEX": "f"}},
             "far": {"miles": 400}, "strange": {"handset": "fridge"}}  # fmt: skip
    contract = {**CONTRACT, "prediction": {"of": "price", "scale": "log", "flips": flips}}
    figures, missing = answered(tmp_path, data, contract)
    nobody, same = (figures["flip_output_change", name] for name in ("nobody", "same"))
    assert (nobody.estimate, same.estimate) == (None, None)
    assert "speaks of none" in nobody.reason
    assert "changes no feature" in same.reason
    assert {str(nobody.reason), str(same.reason)} <= {str(one.reason) for one in missing}
    for name, feature in (("far", "miles"), ("strange", "handset")):
        told = figures["flip_output_change", name].cautions
        assert told[0].startswith("the model is asked about customers that it never saw")
        assert feature in told[0]
    assert not figures["flip_output_change", "visits"].cautions


def test_parameters_out_of_bounds_are_refused():
    for wrong in ({"rows": 10}, {"rows": 2.5}, {"seed": -1}):
        with pytest.raises(InputError):
            PairedFlips(**wrong)


def test_a_mean_over_entities_equals_the_sandwich_of_a_regression_on_a_constant():
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    who = rng.integers(0, 40, 300)
    values = rng.normal(0.2, 1, 300) + rng.normal(0, 1, 40)[who]
    found = mean_figure(spread(values, who), 0.95)
    fit = sm.OLS(values, np.ones(300)).fit(cov_type="cluster", cov_kwds={"groups": who, "use_correction": False})
    groups = len(np.unique(who))
    error = fit.bse[0] * np.sqrt(groups / (groups - 1))
    assert found["standard_error"] == pytest.approx(error)
    assert found["low"] == pytest.approx(values.mean() - stats.t.ppf(0.975, groups - 1) * error)


def test_a_share_over_entities_is_as_wide_as_its_effective_rows():
    flags = np.repeat(np.array([1.0] * 10 + [0.0] * 30), 25)  # each of 40 persons 25 times, all alike
    who = np.repeat(np.arange(40), 25)
    found = share_figure(spread(flags, who), 250, 0.95)
    persons = stats.binomtest(10, 40).proportion_ci(0.95, "exact")
    assert found["estimate"] == 0.25
    assert (found["low"], found["high"]) == pytest.approx((persons.low, persons.high), abs=0.02)
    none = share_figure(spread(np.zeros(1000), np.repeat(np.arange(40), 25)), 0, 0.95)
    assert none["high"] == pytest.approx(stats.binomtest(0, 40).proportion_ci(0.95, "exact").high)


def test_too_few_rows_one_entity_and_constants():
    assert mean_figure(None, 0.95)["reason"]
    assert share_figure(Spread(9, 0.1, 0.5, 1, 0.5), 1, 0.95)["estimate"] is None
    assert mean_figure(Spread(9, 0.1, 0.5, 1, 0.5), 0.95)["estimate"] is None
    sure = mean_figure(Spread(9, 0.1, 0.0, 9, 0.0), 0.95)
    assert (sure["low"], sure["high"], sure.get("p_value")) == (0.1, 0.1, None)
    twice = ratio_figure(spread(np.log([1.5, 2.0, 2.5, 2.0, 2.0]), None), 0.95)
    logs = np.log([1.5, 2.0, 2.5, 2.0, 2.0])
    assert twice["estimate"] == pytest.approx(np.exp(logs.mean()))
    assert twice["high"] == pytest.approx(np.exp(stats.t.interval(0.95, 4, logs.mean(), stats.sem(logs))[1]))


def test_a_registered_lightgbm_is_asked_through_the_whole_audit(tmp_path, monkeypatch):
    import lightgbm

    data = book(9, 700)
    rows = data[list(FEATURES)].astype({"SEX": "category", "handset": "category", "route": "category"})
    noisy = of_log(data) + np.random.default_rng(0).normal(0, 0.01, len(data))
    fitted = lightgbm.LGBMRegressor(n_estimators=25, num_threads=1, verbose=-1, min_child_samples=5).fit(rows, noisy)
    data["quote"] = np.exp(fitted.predict(rows))
    registry = Registry(tmp_path / "registry")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    uri = registry.register("pricing", fitted.booster_, "lightgbm", rows.head(3).astype(object).infer_objects())
    empty = {name: {"null_tolerance": 0.3} for name in ("SEX", "handset")}
    empty["first miles"] = {"type": "number"}
    file = write_program(
        tmp_path, data, contract={**CONTRACT, "columns": empty}, model=uri, trusted_model=True,
        policies=["conventions"], audits={"primary": ["explanation.paired_flips"]},
    )  # fmt: skip
    run, judged = run_program(file, tmp_path / "out")
    assert run.errors == (), run.not_answered
    assert run.measurements, run.not_answered
    figures = {(m.measure, m.segment): m for m in run.measurements}
    held = data["years held"] > 0
    other = rows[held].assign(**{"years held": 0, "points": 0, "miles": data.loc[held, "first miles"]})
    expected = fitted.predict(rows[held]) - fitted.predict(other)
    change = figures["flip_output_change", "tenure"]
    assert change.estimate == pytest.approx(expected.mean(), abs=1e-9)
    assert change.n == held.sum()
    women = data["SEX"] == "f"
    as_men = rows[women].assign(SEX=pd.Categorical(["m"] * women.sum(), rows["SEX"].cat.categories))
    gap = (fitted.predict(rows[women]) - fitted.predict(as_men)).mean()
    assert figures["flip_output_change", "sex: woman → man"].estimate == pytest.approx(gap, abs=1e-9)
    ruled = {f.rule.id for f in judged.findings}
    assert {"conv.model.flip.change", "conv.model.flip.harmed"} <= ruled
    assert not change.cautions

